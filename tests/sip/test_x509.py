"""What is read from a certificate."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.x509 import BEGIN, END, pem_of, read_der, read_pem
from tests.certificate import PEM

DER = base64.b64decode("".join(PEM.removeprefix(BEGIN).partition(END)[0].split()))


def test_a_certificate() -> None:
    found = read_pem(f"some text\n{PEM}{PEM}")
    assert found.subject_line == "/C=DE/ST=Berlin/L=Town/O=Example/OU=Unit/CN=server/UID=u1/emailAddress=a@b.c"
    assert found.issuer == {"CN": "Test CA"}
    assert (found.serial, found.version) == ("178060613212336338309248291531612689532350605817", 2)
    assert (found.not_before, found.not_after) == ("Nov 25 02:43:40 2026 GMT", "Nov 22 02:43:40 2036 GMT")
    assert found.names == {
        "email": ("x@y.z",),
        "hostname": ("server.example.com", "two.example.com"),
        "uri": ("sip:server@example.com",),
        "ip": ("127.0.0.1",),
    }
    assert found.pem == PEM


@pytest.mark.parametrize("text", ["", "x", BEGIN, f"{BEGIN}\n\xe4\n{END}", f"{BEGIN}\nAAAA\n{END}"])
def test_what_is_no_pem(text: str) -> None:
    with pytest.raises(ValueError):
        read_pem(text)


def test_pem_of_der() -> None:
    assert pem_of(DER) == PEM


@given(st.integers(0, len(DER)), st.binary(max_size=4))
def test_broken_bytes_raise_value_error_alone(at: int, other: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_der(DER[:at] + other + DER[at + len(other) :])


@given(st.binary(max_size=64))
def test_other_bytes_raise_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_der(data)
