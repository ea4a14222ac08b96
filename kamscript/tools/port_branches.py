"""Every branch of a config's `#!ifdef`: which conditions stand around a line, and which runs reach all of them.

A run is the config read with some names defined and some not. What the config itself says of those names is taken
away, so that `#!define WITH_X` can be tried without. Conditions of `#!ifexp` are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kamscript.source import Reader, Source, Span

_PARTS = re.compile(
    r"""^[ \t]*(?:\#!|!!)(?P<word>ifdef|ifndef|ifexp|else|endif)\b[ \t]*(?P<what>[^\r\n]*)
    | "(?:[^"\\]|\\.)*" | /\*.*?\*/ | (?:\#(?!!)|//(?!!))[^\n]*""",
    re.X | re.S | re.M,
)
_DEFINED = (
    r"^[ \t]*(?:#!|!!)(?:define|def|trydefine|trydef|redefine|redef|undefine|undef)[ \t]+({})\b[ \t]*"
    r"((?:[^\n\\]|\\.|\\\r?\n)*)"
)
#: A definition that waits for somebody to take the comment sign away.
_COMMENTED = r"^[ \t]*#[# \t]*(?:#!|!)(?:define|def|trydefine|trydef)[ \t]+({})\b[ \t]*([^\n]*)"


class Condition(NamedTuple):
    """One condition around a line: a name that must (not) be defined, or the expression of `#!ifexp`."""

    name: str
    wanted: bool
    expression: bool = False

    def __str__(self) -> str:
        return f"{'' if self.wanted else 'not '}{self.name}"


class Run(NamedTuple):
    """Names to define (with their values) and names to leave undefined."""

    on: Mapping[str, str]
    off: frozenset[str]

    def __str__(self) -> str:
        return ", ".join([*sorted(self.on), *(f"not {name}" for name in sorted(self.off))])


class Conditions:
    """The conditions of the files of one config, by line."""

    def __init__(self) -> None:
        self._stacks: dict[str, list[tuple[int, tuple[Condition, ...]]]] = {}

    def around(self, span: Span) -> tuple[Condition, ...]:
        """What must hold for a place to count, the outermost first; includes count with what stands around them."""
        outer = self.around(span.source.included_at) if span.source.included_at is not None else ()
        found: tuple[Condition, ...] = ()
        for start, stack in self._of(span.source):
            if start > span.start:
                break
            found = stack
        return outer + tuple(one for one in found if one not in outer)

    def branches(self, source: Source) -> list[tuple[Condition, ...]]:
        """The conditions of every branch of a file."""
        return [self.around(Span(source, start, start)) for start, stack in self._of(source) if stack]

    def _of(self, source: Source) -> list[tuple[int, tuple[Condition, ...]]]:
        if source.path not in self._stacks:
            self._stacks[source.path] = list(_stacks(source.text))
        return self._stacks[source.path]


def _stacks(text: str) -> Iterable[tuple[int, tuple[Condition, ...]]]:
    """Where the conditions change, and which they are from there on."""
    stack: list[Condition] = []
    for m in _PARTS.finditer(text):
        word = m["word"]
        if word is None:
            continue
        if word == "ifexp":
            stack.append(Condition(m["what"].strip(), True, True))
        elif word in ("ifdef", "ifndef"):
            stack.append(Condition(m["what"].partition(" ")[0].strip(), word == "ifdef"))
        elif stack and word == "else":
            stack[-1] = stack[-1]._replace(wanted=not stack[-1].wanted)
        elif stack:
            stack.pop()
        yield m.end(), tuple(stack)


def balanced(text: str) -> bool:
    """Whether every condition of a file ends in it."""
    depth = 0
    for m in _PARTS.finditer(text):
        word = m["word"]
        if word in ("ifdef", "ifndef", "ifexp"):
            depth += 1
        elif word == "endif":
            depth -= 1
        if depth < 0 or (word == "else" and not depth):
            return False
    return not depth


def runs_for(branches: Iterable[Sequence[Condition]], natural: Iterable[str], texts: Sequence[str]) -> list[Run]:
    """Few runs that reach all branches; those that are reached with the `natural` defines need none."""
    defined = set(natural)
    wishes: list[dict[str, bool]] = []
    for branch in branches:
        wish: dict[str, bool] = {}
        for one in branch:
            if not one.expression and wish.setdefault(one.name, one.wanted) != one.wanted:
                break  # a branch that no run reaches
        else:
            if wish and wish not in wishes and any((name in defined) != wanted for name, wanted in wish.items()):
                wishes.append(wish)
    merged: list[dict[str, bool]] = []
    for wish in sorted(wishes, key=len, reverse=True):
        for run in merged:
            if all(run.get(name, wanted) == wanted for name, wanted in wish.items()):
                run.update(wish)
                break
        else:
            merged.append(dict(wish))
    return [
        Run(
            {name: _value(name, texts) for name, wanted in run.items() if wanted},
            frozenset(name for name, wanted in run.items() if not wanted),
        )
        for run in merged
    ]


def _value(name: str, texts: Sequence[str]) -> str:
    """What the config itself would define the name as, also in a comment; else a text, where it is used as a value."""
    for pattern in (_DEFINED, _COMMENTED):
        for text in texts:
            m = re.search(pattern.format(re.escape(name)), text, re.M | re.S)
            if m is not None:
                return m[2].strip()
    used = re.compile(rf"^(?![ \t]*(?:#|//|!!)).*\b{re.escape(name)}\b", re.M)
    return f'"{name}"' if any(used.search(text) for text in texts) else ""


class Forced:
    """The config's reader for one run: what the files say of the run's names is blanked, at the same places."""

    def __init__(self, reader: Reader, run: Run) -> None:
        self.reader = reader
        self.include = getattr(reader, "include", ())
        names = "|".join(re.escape(name) for name in (*run.on, *run.off))
        self._defined = re.compile(_DEFINED.format(names), re.M | re.S)

    def read(self, path: str) -> str:
        """The file without what it says of the names."""
        return self._defined.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), self.reader.read(path))

    def getenv(self, name: str) -> str | None:
        """As the reader's."""
        return self.reader.getenv(name)
