"""A scenario's variables: texts, numbers and truths, per call or shared by all calls of a scenario.

As in SIPp they need no declaration, but each has to occur twice: a name that occurs once is a slip of the pen, unless
a `<Reference variables="..."/>` says that it is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kamscript.source import Span

#: None: never set. A number is a float, and a number or a truth that is zero counts as not set.
Value = None | str | float | bool

_NUMBER = re.compile(
    r"[ \t\r\n\v\f]*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)\Z", re.IGNORECASE
)
_HEX = re.compile(r"[ \t\r\n]*[+-]?0[xX][0-9A-Fa-f]+\Z")


def to_number(text: str) -> float | None:
    """The whole text as a number, as strtod reads it; None when it is none. Nothing at all is 0, as in SIPp."""
    if not text:
        return 0.0
    if _NUMBER.match(text):
        return float(text)
    return float(int(text, 16)) if _HEX.match(text) else None


def is_set(value: Value) -> bool:
    """What `test` and `condexec` ask: a text counts when it is there, a number or truth when it is not zero."""
    return value is not None if value is None or isinstance(value, str) else bool(value)


def text_of(value: Value) -> str:
    """What `[$name]` writes: for a number that is zero nothing, as for a variable that was never set."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if value else ""


def string_of(value: Value) -> str:
    """The value where a text is wanted; only texts count."""
    return value if isinstance(value, str) else ""


def number_of(value: Value) -> float:
    """The value where a number is wanted; only numbers count."""
    return value if isinstance(value, float) else 0.0


class Names:
    """The variables of one scenario by name: local ones in slots from 0, shared ones marked in `shared`."""

    def __init__(self, preset: Mapping[str, str]) -> None:
        self.slots: dict[str, int] = {}
        self.uses: dict[str, int] = {}
        self.first: dict[str, Span] = {}
        self.preset = dict(preset)  #: -set
        self.shared: set[str] = set()

    def use(self, name: str, span: Span) -> int:
        """The slot of a variable, one use more. The name may hold neither $ nor a comma: see `valid`."""
        self.uses[name] = self.uses.get(name, 0) + 1
        self.first.setdefault(name, span)
        slot = self.slots.get(name)
        if slot is None:
            slot = self.slots[name] = len(self.slots)
            if name in self.preset:
                self.shared.add(name)
                self.uses[name] += 1
        return slot

    def found(self, name: str) -> int:
        """The slot of a variable that the scenario itself looks for, which counts as a use; -1: nobody has it."""
        if name not in self.slots:
            return -1
        self.uses[name] += 1
        return self.slots[name]

    def share(self, name: str, span: Span) -> None:
        """Let all calls have one value."""
        self.use(name, span)
        self.shared.add(name)

    @property
    def lonely(self) -> list[str]:
        """Names that occur once; `_` may."""
        return [name for name, uses in self.uses.items() if uses < 2 and name != "_"]


def valid(name: str) -> bool:
    """Whether a variable can be called that."""
    return bool(name) and "$" not in name and "," not in name
