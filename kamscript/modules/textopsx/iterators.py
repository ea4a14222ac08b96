"""Iterators over headers and over the lines of the body, by name; four of each kind at a time.

They live in the server's process, not in the message, as in Kamailio: they keep their name until the server ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from kamscript.sip.message import Message
from kamscript.sip.scan import Header

LIMIT = 4
MAX_NAME = 31


class HeaderIterator:
    """`at` is the index of the current header, None in front of the first; `before` that of the one seen before it."""

    def __init__(self) -> None:
        self.msg: Message | None = None
        self.at: int | None = None
        self.before: int | None = None
        self.ended = False

    def start(self, msg: Message) -> None:
        """Go in front of the first header of `msg`."""
        self.msg, self.at, self.before, self.ended = msg, None, None, False

    def next(self, msg: Message) -> bool:
        """Go on by one header."""
        if self.ended:
            return False
        self.msg = msg
        if self.at is None:
            self.at = 0
        else:
            self.before, self.at = self.at, self.at + 1
        if self.at >= len(msg.headers):
            self.at, self.ended = None, True
            return False
        return True

    def previous(self, msg: Message) -> bool:
        """Go back by one header; in front of the first it stands as after `start`."""
        if self.ended:
            return False
        if self.before is not None and self.at is not None:
            if self.before != self.at:
                self.at = self.before
                return True
            # C looks the current header up among those that have a successor: from the last but one on it misses it.
            if self.at >= 2:
                self.at, self.before = self.at - 1, self.at - 2
                return True
        self.start(msg)
        return True

    def end(self) -> None:
        """Forget where it stands."""
        self.at, self.ended = None, False

    @property
    def header(self) -> Header | None:
        """The current header."""
        if self.at is None or self.msg is None or self.at >= len(self.msg.headers):
            return None
        return self.msg.headers[self.at]


class Line(NamedTuple):
    """A line of the body with its line end; offsets in the message."""

    start: int
    end: int


class BodyIterator:
    """Steps over the lines of a body."""

    def __init__(self) -> None:
        self.buf = ""
        self.offset = 0
        self.line: Line | None = None
        self.ended = False

    def start(self, msg: Message) -> bool:
        """Go in front of the first line; False when the message has no body."""
        if msg.body_offset < 0:
            self.start_in("", 0)
            return False
        self.start_in(msg.buf, msg.body_offset)
        return True

    def start_in(self, buf: str, offset: int) -> None:
        """Go in front of the line of a text that starts at `offset`."""
        self.buf, self.offset, self.line, self.ended = buf, offset, None, False

    def next(self) -> bool:
        """Go on by one line."""
        if self.ended:
            return False
        at = self.offset if self.line is None else self.line.end
        if at >= len(self.buf):
            self.line, self.ended = None, True
            return False
        end = self.buf.find("\n", at)
        self.line = Line(at, len(self.buf) if end < 0 else end + 1)
        return True

    def end(self) -> None:
        """Forget where it stands."""
        self.buf, self.offset, self.line, self.ended = "", 0, None, False

    @property
    def text(self) -> str | None:
        """The current line."""
        return None if self.line is None else self.buf[self.line.start : self.line.end]


I = TypeVar("I", HeaderIterator, BodyIterator)  # noqa: E741


class Iterators(Generic[I]):
    """The iterators of one kind, by name."""

    def __init__(self, make: type[I]) -> None:
        self._make: Callable[..., I] = make
        self._named: dict[str, I] = {}

    def open(self, name: str) -> I | None:
        """The iterator of this name, a new one if need be; None when there is no room or the name is too long."""
        found = self._named.get(name)
        if found is None and len(self._named) < LIMIT and len(name) <= MAX_NAME:
            found = self._named[name] = self._make()
        return found

    def get(self, name: str) -> I | None:
        """The iterator of this name."""
        return self._named.get(name)
