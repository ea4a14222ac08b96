"""Cutting streams into messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.errors import SipError
from kamscript.sip.framing import CONTINUE, PING, Framer

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


# -- HTTP

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = "3\r\nabc\r\nA \t\r\n\n123456789\r\n0\r\n"


def http() -> Framer:
    return Framer(accept_no_cl=True)


def test_http_requests_end_with_their_headers() -> None:
    assert list(http().feed(GET + GET + ONE)) == [GET, GET, ONE]


def test_chunks_are_put_together() -> None:
    whole = CHUNKED + "abc\n123456789"
    assert list(http().feed(CHUNKED + CHUNKS + "\r\n" + GET)) == [whole, GET]
    framer = http()
    assert [message for char in CHUNKED + CHUNKS for message in framer.feed(char)] == [whole]
    assert framer.pending == 0


@given(st.lists(st.integers(1, 40), max_size=12))
def test_any_cutting_gives_the_same_http_messages(sizes: list[int]) -> None:
    text, framer, found = GET + CHUNKED + CHUNKS + "\r\n" + ONE, http(), list[str]()
    for size in sizes:
        found += framer.feed(text[:size])
        text = text[size:]
    found += framer.feed(text)
    assert found == [GET, CHUNKED + "abc\n123456789", ONE]


def test_a_length_counts_more_than_chunks() -> None:
    text = CHUNKED.replace("Host: a", "Content-Length: 2") + "ab"
    assert list(http().feed(text + GET)) == [text, GET]


@pytest.mark.parametrize("body", ["x\r\n", "3;a=b\r\nabc\r\n", "3\r\nabcd\r\n", "123456789\r\n"])
def test_chunks_that_are_none_end_the_stream(body: str) -> None:
    framer = http()
    with pytest.raises(SipError, match="bad chunk"):
        list(framer.feed(CHUNKED + body))
    assert framer.pending == 0


def test_chunks_that_are_too_much_end_the_stream() -> None:
    with pytest.raises(SipError, match="buffer overrun"):
        list(http().feed(CHUNKED + "fffff\r\nabc"))
    with pytest.raises(SipError, match="buffer overrun"):
        list(http().feed(CHUNKED + f"8000\r\n{'x' * 0x8000}\r\n" * 3))


@pytest.mark.parametrize("head", ["Content-Length: 3\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3\r\n"])
def test_who_asks_is_told_to_go_on(head: str) -> None:
    framer = http()
    start = "POST / HTTP/1.1\r\nEXPECT: 100-Continue\r\n"
    assert list(framer.feed(start + head)) == [CONTINUE]
    assert list(framer.feed("abc\r\n0\r\n")) == [f"{start}{head.removesuffix('3' + chr(13) + chr(10))}abc"]


def test_a_via_of_http_is_hidden() -> None:
    first, second = "GET / HTTP/1.1\r\nHost: a\r\nvia: 1.1 b\r\n\r\n", "GET / HTTP/1.1\r\nVia: 1.1 b\r\nVia: c\r\n\r\n"
    found = list(http().feed(first + second + TWO))
    assert found == [first.replace("via:", "Hia:"), second.replace("Via: 1.1", "Hia: 1.1"), TWO]


def test_only_http_1_x_is_read_like_this() -> None:
    for version in ("SIP/2.0", "HTTP/2", "FOO/1.1"):
        text = f"POST / {version}\r\nVia: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert list(http().feed(text)) == [text]
    text = "POST / HTTP/1.1\r\nVia: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"
    assert list(Framer().feed(text)) == [text]
