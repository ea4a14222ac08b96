"""Header names and small headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip import headers
from kamscript.sip.errors import SipError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Via", "via"),
        ("v", "via"),
        ("CALL-ID", "call-id"),
        ("i", "call-id"),
        ("X-Foo", "x-foo"),
        ("q", "q"),
        ("m", "contact"),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    assert headers.header_kind(name) == kind
    assert headers.learn_kind(name + ":") == kind
    assert headers.learn_kind(name + " \t:") == kind


@pytest.mark.parametrize("spelling", ["", ":", "Via", "V a:", "Vi\xe4:", "X(Y):"])
def test_names_that_are_none(spelling: str) -> None:
    assert headers.learn_kind(spelling) is None


def test_cseq() -> None:
    cseq = headers.parse_cseq("0009  invite ")
    assert (cseq.number, cseq.number_text, cseq.method, cseq.method_id) == (9, "0009", "invite", "INVITE")
    assert headers.parse_cseq("x FOO").number == 0
    assert headers.parse_cseq("1\tFoo\r\n ").method_id == "Foo"


@pytest.mark.parametrize("value", ["", "1", "1 ", "INVITE", "1 INVITE x", "1\r\n INVITE"])
def test_cseq_refused(value: str) -> None:
    with pytest.raises(SipError):
        headers.parse_cseq(value)


def test_content_length() -> None:
    assert [headers.parse_content_length(text) for text in ("0", "42 ", "007", "2147483639")] == [0, 42, 7, 2147483639]


@pytest.mark.parametrize("value", ["", "x", "-1", "1 2", "2147483640", "99999999999"])
def test_content_length_refused(value: str) -> None:
    with pytest.raises(SipError):
        headers.parse_content_length(value)


def test_expires() -> None:
    assert [headers.parse_expires(text) for text in ("3600", " 60 ", "60 x", "Thu, 01", "12345678901")] == [
        3600, 60, 60, None, None,
    ]  # fmt: skip
    with pytest.raises(SipError):
        headers.parse_expires(" ")


def test_max_forwards() -> None:
    assert [headers.parse_max_forwards(text) for text in ("70", " 5 ", "x", "-1", "123456", "")] == [
        70,
        5,
        -1,
        -1,
        -1,
        0,
    ]


def test_methods() -> None:
    assert headers.parse_methods("INVITE, ack,Foo ,") == ["INVITE", "ACK", "Foo"]
    with pytest.raises(SipError):
        headers.parse_methods("INVITE;ACK")


def test_option_tags() -> None:
    assert headers.parse_options("Path, 100rel,,gruu ") == ["path", "100rel", "gruu"]


@given(st.text("0129 \r\n\tA:;,x\xb2", max_size=12))
def test_nothing_but_sip_error(text: str) -> None:
    for parse in (
        headers.parse_cseq, headers.parse_content_length, headers.parse_retry_after, headers.parse_expires,
        headers.parse_max_forwards, headers.parse_methods, headers.header_kind,
    ):  # fmt: skip
        try:
            parse(text)
        except SipError:
            pass
