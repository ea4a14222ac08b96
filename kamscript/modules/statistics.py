"""statistics: counters of a config's own in group `script` (the older sibling of module counters)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kamscript.core.statistics import CoreCounter
from kamscript.module import Accessor, Counter, Fixup, FixupError, Module, Param, Route, function
from kamscript.script.format import accessor_of

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

_GROUP = "script"
_NO_RESET = "no_reset"
_DIGITS = 5
_RESET_ROUTES = Route.REQUEST | Route.BRANCH | Route.FAILURE | Route.ONREPLY | Route.LOCAL


class _VariableFixup(Fixup):
    """The name of a statistic, in any group, or a pseudo-variable that holds it."""

    constant = True

    def resolve(self, text: str, server: Server) -> Any:
        if text.startswith("$"):
            return accessor_of(text, server)
        counter = server.statistics.find(text)
        if counter is None:
            raise FixupError(f"variable <{text}> not defined")
        return counter


class _NumberFixup(Fixup):
    """A number with a sign or without, other than 0, or a pseudo-variable that holds one as a text."""

    constant = True

    def resolve(self, text: str, server: Server) -> Any:
        if text.startswith("$"):
            return accessor_of(text, server)
        number = _number(text)
        if number is None:
            raise FixupError(f"bad update number <{text}>")
        if number == 0:
            raise FixupError("update with 0 has no sense")
        return number


if TYPE_CHECKING:
    Variable = Counter | Accessor
    Number = int | Accessor
else:
    Variable = Annotated[object, _VariableFixup()]
    Number = Annotated[object, _NumberFixup()]


class Statistics(Module, name="statistics"):
    """Count in statistics that the config defines, or that modules have."""

    variable = Param("", "A statistic: its name, or `name/no_reset` for one that reset_stat() leaves.", set="define")

    def define(self, text: str) -> None:
        """Make the statistic of a `variable` line."""
        if not text:
            raise FixupError("empty parameter")
        name, mark, flag = text.partition("/")
        if mark and flag.lower() != _NO_RESET:
            raise FixupError(f"unsupported flag <{flag}>")
        if self.server.statistics.get(_GROUP, name) is not None:
            raise FixupError(f"failed to register var. <{name}>")
        self.server.statistics.add(_GROUP, name, reset=not mark)

    @function(Route.ANY)
    def update_stat(self, ctx: Context, variable: Variable, value: Number) -> int:
        """Add to a statistic; `value` may have a sign."""
        number = self._number(ctx, value)
        counter = self._counter(ctx, variable) if number is not None else None
        if number is None or counter is None:
            return -1
        if isinstance(counter, CoreCounter):
            name = counter.name if counter.group == "core" else f"{counter.group}:{counter.name}"
            self.server.statistics.core(name, number)
        counter.value += number
        return 1

    @function(_RESET_ROUTES)
    def reset_stat(self, ctx: Context, variable: Variable) -> int:
        """Set a statistic back to 0."""
        counter = self._counter(ctx, variable)
        if counter is None:
            return -1
        counter.reset()
        return 1

    def _counter(self, ctx: Context, variable: Variable) -> Counter | None:
        if isinstance(variable, Counter):
            return variable
        name = variable.get(ctx)
        if not isinstance(name, str):
            self._error("failed to get pv string value")
            return None
        counter = self.server.statistics.find(name)
        if counter is None:
            self._error(f"variable <{name}> not defined")
        return counter

    def _number(self, ctx: Context, value: Number) -> int | None:
        if isinstance(value, int):
            return value
        found = value.get(ctx)
        if found is None:
            self._error("failed to get pv string value")
            return None
        return _number(str(found)) or 0

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)


def _number(text: str) -> int | None:
    """A sign and at most five digits, of which 16 bits count (str2s); None for anything else."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if len(digits) > _DIGITS or (digits and not (digits.isascii() and digits.isdigit())):
        return None
    number = int(digits or "0") & 0xFFFF
    return -number if text[:1] == "-" else number
