"""Parsers that keep what they parsed last."""

from __future__ import annotations

from kamscript.sip.message import Message
from kamscript.sip.remember import LONGEST, remember


def test_short_texts_are_parsed_once_and_long_ones_each_time() -> None:
    parsed: list[str] = []

    @remember(4)
    def parse(text: str) -> int:
        """Count."""
        parsed.append(text)
        return len(parsed)

    long = "x" * (LONGEST + 1)
    assert [parse("a"), parse("a"), parse(long), parse(long)] == [1, 1, 2, 3]
    assert parse.__doc__ == "Count."


def test_values_are_shared_between_messages() -> None:
    text = "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\nTo: <sip:a@b>\r\n\r\n"
    one, other = Message(text), Message(text)
    assert one.top_via is other.top_via
    assert one.to is other.to


def test_long_messages_take_no_memory() -> None:
    text = f"BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;x={'y' * 5000}\r\n\r\n"
    assert Message(text).top_via is not Message(text).top_via
