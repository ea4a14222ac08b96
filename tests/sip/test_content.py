"""MIME types and boundaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.content import boundary, parse_accept, parse_content_type
from kamscript.sip.errors import SipError


def test_content_type() -> None:
    mime = parse_content_type("Application / SDP ;charset=x")
    assert (str(mime), mime.params) == ("application/sdp", "charset=x")


@pytest.mark.parametrize("value", ["", "text", "text/", "/sdp", "*/*", "text/*", "text/plain x", "a/b, c/d"])
def test_content_type_refused(value: str) -> None:
    with pytest.raises(SipError):
        parse_content_type(value)


def test_accept() -> None:
    assert [str(mime) for mime in parse_accept("application/sdp;level=1, */*")] == ["application/sdp", "*/*"]
    for bad in ("*/sdp", "a/b,", "a"):
        with pytest.raises(SipError):
            parse_accept(bad)


def test_boundary() -> None:
    assert boundary('multipart/mixed;boundary="a b"') == "a b"
    assert boundary("multipart/mixed; Boundary = x") == "x"
    for bad in ("multipart/mixed", 'multipart/mixed;boundary="x', "multipart/mixed;a=b;boundary=x"):
        with pytest.raises(SipError):
            boundary(bad)


@given(st.text('ab/*;=," \n', max_size=12))
def test_nothing_but_sip_error(text: str) -> None:
    for parse in (parse_content_type, parse_accept, boundary):
        try:
            parse(text)
        except SipError:
            pass
