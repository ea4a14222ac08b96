"""Files of a configuration, places in them, and what is said about those places.

Everything that can be wrong with a config is a `Diagnostic`: a stable rule id, a severity, a sentence, the place, and
perhaps a hint. Stages collect all of them and raise one `ConfigError`. `render` draws one as people read it::

    kamailio.cfg:212:9: error: unknown function t_rely (0 arguments) [unknown-function]
     212 |         t_rely();
         |         ^^^^^^
         = hint: did you mean t_relay?
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from kamscript.files import FileReader
from kamscript.frame import draw

__all__ = [
    "NOWHERE",
    "ConfigError",
    "Diagnostic",
    "FileReader",
    "MemoryReader",
    "Reader",
    "Severity",
    "Source",
    "Span",
    "did_you_mean",
]

Severity = Literal["error", "warning", "note"]


class Source:
    """One text of a config: its name as the user wrote it, and its content, a character per byte (latin-1).

    `included_at` is the place in another text that asked for this one.
    """

    __slots__ = ("_starts", "included_at", "path", "text")

    def __init__(self, path: str, text: str, included_at: Span | None = None) -> None:
        self.path = path
        self.text = text
        self.included_at = included_at
        self._starts: list[int] | None = None

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def offset(self, line: int) -> int:
        """Where line `line` (from 1) begins; the end of the text for a line behind it."""
        starts = self._line_starts()
        return starts[line - 1] if line <= len(starts) else len(self.text)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its line end; empty outside the text."""
        starts = self._line_starts()
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r")

    def _line_starts(self) -> list[int]:
        starts = self._starts
        if starts is None:
            starts, at = [0], self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._starts = starts
        return starts

    def __repr__(self) -> str:
        return f"Source({self.path!r}, {len(self.text)} bytes)"


class Span:
    """A stretch of one source: characters `start` up to, not including, `end`.

    A token that came out of a `#!define` spans the name that was replaced, so messages point at what the user wrote.
    """

    __slots__ = ("end", "source", "start")

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source, self.start, self.end = source, start, end

    @property
    def path(self) -> str:
        """Name of the file."""
        return self.source.path

    def seen_from(self, path: str) -> Span | None:
        """This place, or where the file `path` includes what it stands in; None when it does not."""
        place: Span | None = self
        while place is not None and place.path != path:
            place = place.source.included_at
        return place

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.place(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.place(self.start)[1]

    @property
    def end_line(self) -> int:
        """Line of the last character, from 1."""
        return self.source.place(max(self.start, self.end - 1))[0]

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of `other`; this one when the two lie in different sources."""
        if other.source is not self.source or other.end < self.start:
            return self
        return Span(self.source, self.start, max(self.end, other.end))

    def __repr__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


#: The place of what was never written down: made-up nodes, the end of an empty file.
NOWHERE = Span(Source("<none>", ""), 0, 0)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: a stable `rule` id, how bad it is, a sentence, where, and perhaps what to do about it.

    `kamailio_line` is the line that real Kamailio names for the same error where it differs from the line of `span`
    (it speaks of where its scanner stood); 0 when it is the same.
    """

    rule: str
    message: str
    span: Span
    severity: Severity = "error"
    hint: str = ""
    kamailio_line: int = field(default=0, compare=False)

    @property
    def line(self) -> int:
        """The line real Kamailio would name."""
        return self.kamailio_line or self.span.line

    def render(self, *, frame: bool = True) -> str:
        """The finding as text: `path:line:column: severity: message [rule]`, the line itself, a caret, the hint."""
        span = self.span
        line, column = span.source.place(span.start)
        head = f"{span.path}:{line}:{column}: {self.severity}: {self.message} [{self.rule}]"
        if not frame:
            return head
        text = span.source.line(line)
        shown = text if text or span.source.text else None
        return draw(head, line, shown, column, max(1, span.end - span.start), self.hint)

    def __str__(self) -> str:
        return self.render()


class ConfigError(Exception):
    """A config that cannot be used; `diagnostics` holds everything found, in the order of the text."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(d.render() for d in self.diagnostics)


class Reader(Protocol):
    """What the outside world gives to the reading of a config: files and the environment."""

    def read(self, path: str) -> str:
        """The content of a file, decoded as latin-1; raises OSError when it cannot be read (missing, a directory)."""
        ...

    def getenv(self, name: str) -> str | None:
        """The value of an environment variable, None when it is not set."""
        ...


class MemoryReader:
    """Files and environment from mappings: for tests, editors and whatever must not touch the disk."""

    def __init__(self, files: Mapping[str, str] | None = None, env: Mapping[str, str] | None = None) -> None:
        self.files, self.env = dict(files or {}), dict(env or {})

    def read(self, path: str) -> str:
        """The mapped text; raises FileNotFoundError."""
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def getenv(self, name: str) -> str | None:
        """The mapped value."""
        return self.env.get(name)


def closest(word: str, candidates: Iterable[str]) -> list[str]:
    """The one or two candidates that are most like a word, the nearest first; none when none is near."""
    from difflib import get_close_matches

    return get_close_matches(word, sorted(set(candidates)), n=2, cutoff=0.75)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """A hint sentence naming the closest candidates, or an empty string when none is near."""
    near = closest(word, candidates)
    return f"did you mean {' or '.join(near)}?" if near else ""
