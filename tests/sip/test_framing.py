"""Cutting streams into messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.errors import SipError
from kamscript.sip.framing import PING, Framer

ONE = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
TWO = "BYE sip:a SIP/2.0\r\nl :\t0\r\n\r\n"


def test_two_messages_in_one_piece() -> None:
    assert list(Framer().feed(ONE + TWO)) == [ONE, TWO]


def test_byte_by_byte() -> None:
    framer = Framer()
    found = [message for char in ONE + PING + TWO for message in framer.feed(char)]
    assert found == [ONE, PING, TWO]
    assert framer.pending == 0


@given(st.lists(st.integers(1, 40), max_size=12))
def test_any_cutting_gives_the_same_messages(sizes: list[int]) -> None:
    text, framer, found = ONE + "\r\n" + TWO + PING + ONE, Framer(), list[str]()
    for size in sizes:
        found += framer.feed(text[:size])
        text = text[size:]
    found += framer.feed(text)
    assert [message for message in found if message != PING] == [ONE, TWO, ONE]


def test_blank_lines_between_messages_are_skipped() -> None:
    assert list(Framer().feed("\r\n" + ONE + "\n \r\n" + TWO)) == [ONE, TWO]


def test_ping_is_a_matter_of_configuration() -> None:
    assert list(Framer().feed(PING + ONE)) == [PING, ONE]
    assert list(Framer(crlf_ping=False).feed(PING + ONE)) == [ONE]


def test_message_without_length_ends_the_stream() -> None:
    framer = Framer()
    messages = framer.feed(ONE + "BYE sip:a SIP/2.0\r\n\r\n")
    assert next(messages) == ONE, "what came before is not lost"
    with pytest.raises(SipError, match="content length not present"):
        next(messages)
    with pytest.raises(SipError):
        list(framer.feed(ONE))


def test_message_without_length_may_be_allowed() -> None:
    text = "BYE sip:a SIP/2.0\r\n\r\n"
    assert list(Framer(accept_no_cl=True).feed(text + text)) == [text, text]


def test_first_usable_length_counts() -> None:
    text = "BYE sip:a SIP/2.0\r\nContent-Length: x\r\nContent-Length: 2\r\nl: 9\r\n\r\nab"
    assert list(Framer().feed(text)) == [text]


@pytest.mark.parametrize("length", ["2147483648", "4294967295"])
def test_length_out_of_range(length: str) -> None:
    with pytest.raises(SipError, match="bad Content-Length"):
        list(Framer().feed(f"BYE sip:a SIP/2.0\r\nContent-Length: {length}\r\n\r\n"))


def test_buffer_has_a_limit() -> None:
    framer = Framer()
    with pytest.raises(SipError, match="overrun"):
        for _ in range(70):
            list(framer.feed("X" * 1000))


def test_bare_line_feeds_end_headers() -> None:
    text = "BYE sip:a SIP/2.0\nContent-Length: 1\n\nx"
    assert list(Framer().feed(text + "\n")) == [text]
