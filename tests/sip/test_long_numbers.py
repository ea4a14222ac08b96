"""Numbers of thousands of digits, which Python does not read in one go, and digits that are none to SIP."""

from __future__ import annotations

import contextlib

import pytest

from kamscript.sip.errors import SipError
from kamscript.sip.headers import parse_content_length, parse_cseq, parse_expires, parse_retry_after
from kamscript.sip.message import Message
from kamscript.sip.uri import parse_uri
from kamscript.values import decimal, parse_int, unsigned

NINES, ZEROS = "9" * 9000, "0" * 9000 + "7"


def test_cseq_keeps_the_lowest_32_bits() -> None:
    assert parse_cseq(f"{NINES} INVITE").number == int("9" * 32) & 0xFFFFFFFF
    assert parse_cseq(f"{ZEROS} INVITE").number == 7
    assert parse_cseq("\xb2 INVITE").number == 0


def test_content_length() -> None:
    assert parse_content_length(ZEROS) == 7
    with pytest.raises(SipError, match="too large"):
        parse_content_length(NINES)


def test_ports_of_uris() -> None:
    for text, problem in ((ZEROS, "too long"), (NINES, "out of range"), ("65536", "out of range")):
        text = f"sip:a@b:{text}"
        with pytest.raises(SipError, match=problem):
            parse_uri(text)


def test_rport() -> None:
    text = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h:5060;rport={};branch=x\r\n\r\n"
    for value, number in ((ZEROS, 7), ("5060", 5060), ("\xb2", 0)):
        via = Message(text.format(value)).top_via
        assert via is not None
        assert via.rport_value == number


def test_values_of_scripts() -> None:
    for read in (decimal, unsigned, parse_int):
        assert read(NINES) is None
        assert read(ZEROS) == 7
    assert decimal("-" + ZEROS) == -7


@pytest.mark.parametrize("number", [NINES, ZEROS, "\xb2"])
def test_other_headers_refuse_or_read_them(number: str) -> None:
    for parse in (parse_expires, parse_retry_after):
        with contextlib.suppress(SipError):
            parse(number)
