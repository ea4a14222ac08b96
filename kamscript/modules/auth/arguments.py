"""Arguments of the auth modules: a constant, or what one pseudo-variable, AVP or select holds (fixup_var_*).

Only passwords and their kin take a text with pseudo-variables in it. What stands behind the pseudo-variable that an
argument begins with is ignored, as in Kamailio: `"$fd.example.com"` is the value of `$fd`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from kamscript.core.selects import parse_select
from kamscript.module import Fixup, FixupError
from kamscript.modules.pv.variables import avp_key
from kamscript.script.format import accessor_of, format_of
from kamscript.script.pv import PvSyntaxError, match_pv
from kamscript.script.scope import BOTH_FORMS

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.values import Value

Getter = Callable[["Context"], "Value"]


class Text:
    """A text argument: `of(ctx)` is its value; None when it has none. `constant` is "" where the value may change."""

    __slots__ = ("_get", "constant")

    def __init__(self, constant: str, get: Getter | None = None) -> None:
        self.constant, self._get = constant, get

    def of(self, ctx: Context) -> str | None:
        """The value now."""
        if self._get is None:
            return self.constant
        value = self._get(ctx)
        return value if value is None or value.__class__ is str else str(value)


class Number:
    """An integer argument: `of(ctx)` is its value; None when it has none, or one that is no integer."""

    __slots__ = ("_constant", "_digits", "_get")

    def __init__(self, constant: int, get: Getter | None = None, *, digits: bool = False) -> None:
        self._constant, self._get, self._digits = constant, get, digits

    def of(self, ctx: Context) -> int | None:
        """The value now."""
        if self._get is None:
            return self._constant
        value = self._get(ctx)
        if isinstance(value, int):
            return value
        return int(value) if self._digits and value and value.isascii() and value.isdigit() else None


def _getter(text: str, server: Server) -> tuple[Getter, bool] | None:
    """What `$...` or `@...` reads, and whether digits in a text are a number there; None for any other text."""
    stripped = text.strip(" \t\r\n")
    if stripped[:1] == "@":
        return server.select(parse_select(stripped[1:]), stripped), True
    if stripped[:1] != "$":
        return None
    try:
        pv = match_pv(stripped)[0]
        return accessor_of(pv.text, server).get, pv.name in BOTH_FORMS and not pv.transformations
    except (PvSyntaxError, FixupError):
        pass
    try:
        key = avp_key(stripped[1:])
    except FixupError:
        return None
    return (lambda ctx: ctx.avps.get(key)), True


class TextFixup(Fixup):
    """fixup_var_str_12 behind a check that the argument is not empty."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Text:
        if not text:
            raise FixupError("an empty argument is not allowed here")
        found = _getter(text, server)
        return Text(text) if found is None else Text("", found[0])


class _FormatFixup(TextFixup):
    """fixup_var_pve_str_12 behind the same check."""

    def resolve(self, text: str, server: Server) -> Text:
        if "$" not in text or _getter(text, server) is not None:
            return super().resolve(text, server)
        return Text("", format_of(text, server))


class _NumberFixup(Fixup):
    """fixup_var_int_12 behind the same check."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Number:
        found = self.variable(text, server)
        if found is not None:
            return Number(0, found[0], digits=found[1])
        digits = text[1:] if text[:1] in ("+", "-") else text
        if not digits.isascii() or not digits.isdigit():
            raise FixupError(f"{text!r} is neither a number nor a pseudo-variable")
        return Number(int(text))

    def variable(self, text: str, server: Server) -> tuple[Getter, bool] | None:
        """What the argument reads, as `_getter` tells it."""
        return _getter(text, server)


class _VariableNumberFixup(_NumberFixup):
    """fixup_igp behind the same check."""

    def variable(self, text: str, server: Server) -> tuple[Getter, bool] | None:
        if text[:1] != "$":
            return None
        try:
            pv = match_pv(text)[0]
        except PvSyntaxError as error:
            raise FixupError(str(error)) from None
        return accessor_of(pv.text, server).get, pv.name in BOTH_FORMS and not pv.transformations


if TYPE_CHECKING:
    TextArg = Text
    FormatArg = Text
    NumberArg = Number
    VariableNumberArg = Number
else:
    #: A constant, or one pseudo-variable, AVP or select.
    TextArg = Annotated[Any, TextFixup()]
    #: The same, or a text with pseudo-variables.
    FormatArg = Annotated[Any, _FormatFixup()]
    #: An integer, or one pseudo-variable, AVP or select that holds one.
    NumberArg = Annotated[Any, _NumberFixup()]
    #: An integer, or one pseudo-variable that holds one.
    VariableNumberArg = Annotated[Any, _VariableNumberFixup()]
