"""Which items are meant: `$shtcn(t=>%~sip:)`, `sht_rm_name("t", "re", "...")` and their kin (htable/ht_api.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kamscript.modules._regex import regcomp
from kamscript.modules.htable.table import Cell
from kamscript.values import leading_int

Test = Callable[[Cell], bool]


def by_operator(operator: str, text: str, *, name: bool) -> Test | None:
    """Items whose name, or whose value when that is a text, is equal (eq), is not (ne), matches (re), starts (sw).

    None: the regular expression is none.
    """
    if operator == "re":
        expression = regcomp(text)
        return None if expression is None else _of(expression.test, name)
    return _of(_TEXTS[operator](text), name)


def by_count(text: str, *, name: bool) -> Test | None:
    """Items that `$shtcn(t=>text)` counts by name, `$shtcv(t=>text)` by value; None: none.

    `**` all; `%~x` starts with x; `~%x` ends with x; `==x` is x; `eqN` is the integer N; `~~x` and x itself: matches
    the regular expression.
    """
    start, rest = text[:2], text[2:]
    if start == "**":
        return _everything
    if start == "eq":
        number = leading_int(rest)
        return None if name or not rest else lambda cell: cell.value == number
    operator = _COUNTS.get(start)
    if operator is not None and not rest:
        return None
    return by_operator(operator or "re", rest if operator else text, name=name) if text else None


def _everything(cell: Cell) -> bool:
    return True


def _of(test: Callable[[str], bool], name: bool) -> Test:
    if name:
        return lambda cell: test(cell.key)
    return lambda cell: cell.value.__class__ is str and test(cell.value)


def _equal(text: str) -> Callable[[str], bool]:
    return lambda given: given == text


def _unequal(text: str) -> Callable[[str], bool]:
    return lambda given: given != text


def _starts(text: str) -> Callable[[str], bool]:
    return lambda given: given.startswith(text)


def _ends(text: str) -> Callable[[str], bool]:
    return lambda given: given.endswith(text)


_TEXTS: Final = {"eq": _equal, "ne": _unequal, "sw": _starts, "ew": _ends}
_COUNTS: Final = {"~~": "re", "~%": "ew", "%~": "sw", "==": "eq"}
