"""The server name that a TLS client asks for."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.live.hello import server_name_of


def hello(name: str | None) -> bytes:
    """What OpenSSL says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


def test_the_name() -> None:
    assert server_name_of(hello("sip.example.org")) == "sip.example.org"
    assert server_name_of(hello(None)) == ""


def test_a_hello_in_pieces_is_waited_for() -> None:
    data = hello("example.org")
    assert {server_name_of(data[:end]) for end in range(len(data))} == {None}
    head, body = data[:3], data[5:]
    records = [head + len(part).to_bytes(2, "big") + part for part in (body[:9], body[9:])]
    assert server_name_of(b"".join(records)) == "example.org"


@given(st.binary(max_size=80))
def test_other_bytes_have_no_name(data: bytes) -> None:
    assert server_name_of(b"OPTIONS" + data) == ""
    assert server_name_of(data) in (None, "")


@given(st.binary(min_size=40, max_size=200))
def test_a_broken_hello_raises_nothing(body: bytes) -> None:
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    assert server_name_of(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message) is not None
