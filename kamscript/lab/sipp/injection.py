"""Injection files (`-inf`): rows of fields that calls draw their values from.

The first line says how rows are dealt out: SEQUENTIAL or RANDOM, and perhaps PRINTF=n (the rows are formats that stand
for n lines, `%d` their number), PRINTFOFFSET=n and PRINTFMULTIPLE=n. `#` begins a comment, `;` separates fields, and
an empty line ends the file.
"""

from __future__ import annotations

import re
from random import Random

from kamscript.lab.sipp.markup import ScenarioError, refuse
from kamscript.source import Source, Span

_SETTING = re.compile(r"(PRINTFOFFSET|PRINTFMULTIPLE|PRINTF)\s*(=?)([^,\r]*)")
_FORMAT = re.compile(r"%(%|-?[0-9]*(?:\.[0-9]+)?d)")


class InjectionFile:
    """One file; `name` is what `[field0 file="..."]` calls it: the file's name without its folder."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = re.split(r"[/\\]", source.path)[-1]
        head, *rows = source.text.replace("\r", "").split("\n")
        self.rows: list[list[str]] = []
        for row in rows:
            if not row:
                break
            if not row.startswith("#"):
                self.rows.append(row.split(";"))
        if "RANDOM" in head:
            self.random = True
        elif "SEQUENTIAL" in head:
            self.random = False
        elif "USER" in head:
            raise self.refused("USER order needs SIPp's -users, which the lab does not have: write SEQUENTIAL", head)
        else:
            raise self.refused("the first line says SEQUENTIAL or RANDOM", head)
        settings = {name: self._number(name, equals, text, head) for name, equals, text in _SETTING.findall(head)}
        self.virtual = settings.get("PRINTF", 0)
        self.offset, self.multiple = settings.get("PRINTFOFFSET", 0), settings.get("PRINTFMULTIPLE", 1)
        if not self.rows:
            raise self.refused("the file has no rows", head)
        if "PRINTF" in settings and self.virtual < 1:
            raise self.refused("PRINTF stands for at least one line", head)
        self.lines = self.virtual or len(self.rows)
        self._next = 0

    def _number(self, name: str, equals: str, text: str, head: str) -> int:
        if not equals or not re.fullmatch(r"[0-9]{1,9}", text.strip()):
            raise self.refused(f"{name} is written {name}=number", head)
        return int(text)

    def refused(self, message: str, text: str, start: int = 0) -> ScenarioError:
        """An error at a stretch of the file."""
        return ScenarioError([refuse(message, Span(self.source, start, start + max(1, len(text))), rule="sipp-inf")])

    def next_line(self, chance: Random) -> int:
        """The row of the next call."""
        if self.random:
            return chance.randrange(self.lines)
        line = self._next
        self._next = (line + 1) % self.lines
        return line

    def field(self, line: int, number: int) -> str:
        """A field of a row; empty where there is none."""
        if not 0 <= line < self.lines:
            return ""
        row = self.rows[line % len(self.rows)]
        if number >= len(row):
            return ""
        text = row[number]
        if self.virtual and "%" in text:
            value = self.offset + line * self.multiple
            return _FORMAT.sub(lambda m: "%" if m.group(1) == "%" else m.group() % value, text)
        return text
