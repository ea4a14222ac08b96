"""What avp_check() compares and avp_op() calculates: `op/value/flags` (parse_check_value, parse_op_value)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kamscript.ere import Ere
from kamscript.module import FixupError
from kamscript.modules._regex import regcomp
from kamscript.modules.avpops.names import Operand, flags
from kamscript.modules.textopsx.fnmatch import shell_pattern
from kamscript.values import wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

Value = int | str

#: Of texts: `eq` and `ne` heed case unless told otherwise, the others never do.
_ORDER: Final[dict[str, Callable[[bytes, bytes], bool]]] = {
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
}
_NUMBERS: Final[dict[str, Callable[[int, int], bool]]] = {
    "eq": lambda first, second: first == second,
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
    "and": lambda first, second: bool(first & second),
    "or": lambda first, second: bool(first | second),
    "xor": lambda first, second: bool(first ^ second),
}
_CHECKS: Final = ("eq", "ne", "lt", "le", "gt", "ge", "re", "fm", "and", "or", "xor")
_RESULTS: Final[dict[str, Callable[[int, int], int]]] = {
    "add": lambda first, second: first + second,
    "sub": lambda first, second: first - second,
    "mul": lambda first, second: first * second,
    "div": lambda first, second: _towards_zero(first, second),
    "mod": lambda first, second: first - second * _towards_zero(first, second) if second else 0,
    "and": lambda first, second: first & second,
    "or": lambda first, second: first | second,
    "xor": lambda first, second: first ^ second,
    "not": lambda first, second: ~second,
}


def _towards_zero(first: int, second: int) -> int:
    """Division as in C; by 0 it is 0."""
    if not second:
        return 0
    quotient = abs(first) // abs(second)
    return quotient if (first < 0) == (second < 0) else -quotient


def _split(text: str, known: tuple[str, ...]) -> tuple[str, str, str]:
    """Operation, value and flags; FixupError."""
    at = text.find("/")
    name = next((name for name in known if text[: len(name)].lower() == name), "")
    if at not in (2, 3) or not name:
        raise FixupError(f"{text!r}: operation/value is wanted, with one of {', '.join(known)}")
    value, slash, rest = text[at + 1 :].partition("/")
    if not value or (slash and not rest):
        raise FixupError(f"{text!r}: a value is missing, or flags behind the second slash")
    return name, value, rest


class Check:
    """A comparison; `every`: all values of the AVP on the left take part."""

    __slots__ = ("_expression", "any_case", "every", "name", "operand")

    def __init__(self, text: str, server: Server) -> None:
        self.name, value, letters = _split(text, _CHECKS)
        given = flags(letters, "gi")
        self.every, self.any_case = "g" in given, "i" in given
        self.operand = Operand(value, server)
        self._expression: Ere | None = None
        if self.operand.is_constant:
            fixed = self.operand.constant
            if self.name == "re" and isinstance(fixed, str):
                self._expression = regcomp(fixed)
                if self._expression is None:
                    raise FixupError(f"{fixed!r} is no regular expression")
            elif self.name == "fm" and isinstance(fixed, int):
                raise FixupError("fm wants a text or a variable")

    def holds(self, first: Value, second: Value) -> bool:
        """Whether two values of the same type compare so."""
        if isinstance(first, int):
            compare = _NUMBERS.get(self.name)
            return compare is not None and isinstance(second, int) and compare(first, second)
        assert isinstance(second, str)
        one, two = first.partition("\0")[0], second
        if self.name in ("eq", "ne"):
            same = one.lower() == two.lower() if self.any_case else one == two
            return same == (self.name == "eq")
        if self.name == "re":
            expression = self._expression or regcomp(two)
            return expression is not None and expression.search(one) is not None
        if self.name == "fm":
            return shell_pattern(two).fullmatch(one) is not None
        order = _ORDER.get(self.name)
        return order is not None and order(_folded(one), _folded(two))


def _folded(text: str) -> bytes:
    return text.encode("latin-1").lower()


class Operation:
    """A calculation; `delete`: the values that were calculated with go."""

    __slots__ = ("_calculate", "_operand", "delete", "name")

    def __init__(self, text: str, server: Server) -> None:
        self.name, value, letters = _split(text, tuple(_RESULTS))
        self.delete = "d" in flags(letters, "gd")
        self._operand = Operand(value, server)
        if self._operand.is_constant and isinstance(self._operand.constant, str):
            raise FixupError(f"{text!r}: a number is wanted, i:5")
        self._calculate = _RESULTS[self.name]

    def numbers(self, ctx: Context) -> list[int]:
        """The numbers on the right; none when there are only texts."""
        return [value for value in self._operand.values(ctx) if isinstance(value, int)]

    def result(self, first: int, second: int) -> int:
        """The result in 32 bits."""
        return wrap(self._calculate(first, second))
