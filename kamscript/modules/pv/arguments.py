"""Arguments of transformations: numbers, texts, or pseudo-variables in their place (modules/pv/pv_trans.c)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.module import Accessor, FixupError
from kamscript.script.bind import TransformationFailed, binding_of
from kamscript.script.pv import PvSyntaxError, match_pv
from kamscript.values import Value, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

_BLANKS = " \t\n"
_NUMBER = re.compile(r"-[0-9]+")

Number = Callable[["Context"], int]
Text = Callable[["Context"], str]
Transform = Callable[["Context", Value], Value]


class Arguments:
    """Reads what follows the name of a transformation, one argument after the other."""

    def __init__(self, server: Server, args: tuple[str, ...]) -> None:
        self.server = server
        self.name = args[0].strip(" \t\r\n").lower()
        self.shown = ",".join(args)
        self.text = ",".join(args[1:])
        self.at = 0
        #: whether an argument was written, be it an empty one
        self.given = len(args) > 1

    def number(self) -> Number:
        """The next argument as a number; raises FixupError."""
        self._skip()
        if self.text[self.at : self.at + 1] == "$":
            return self._evaluated()[0]
        start = self.at
        if self.text[start : start + 1] in ("+", "-"):
            self.at += 1
        end = self.at
        while end < len(self.text) and self.text[end].isdecimal():
            end += 1
        if start == len(self.text):
            raise FixupError(f"{{{self.shown}}}: a number is missing")
        if end == self.at and end == start:
            raise FixupError(f"{{{self.shown}}}: {self.text[start:]!r} is no number")
        number = wrap(int(self.text[self.at : end] or "0"))
        number = -number if self.text[start] == "-" else number
        self.at = end
        self._skip()
        return lambda ctx: number

    def count(self) -> Number:
        """The next argument as a number, which is not negative when the config itself says it; raises FixupError."""
        self._skip()
        if self.text[self.at : self.at + 1] == "-" and (found := _NUMBER.match(self.text, self.at)) and int(found[0]):
            raise FixupError(f"{{{self.shown}}}: {found[0]} is negative")
        return self.number()

    def nothing(self) -> None:
        """No argument may stand behind the name."""
        if self.given:
            raise FixupError(f"{{{self.shown}}}: {self.name} takes no arguments")

    def string(self, comma: bool = False) -> Text:
        """The next argument as a text, up to the next comma; with `comma`, a single one may belong to it."""
        self._skip()
        if self.text[self.at : self.at + 1] == "$":
            return self._evaluated()[1]
        end = self.at
        while end < len(self.text) and self.text[end] not in ",\t\n":
            end += 1
        if comma and self.text[end : end + 1] == ",":
            end += 1
        text = self.text[self.at : end]
        self.at = end
        self._skip()
        return lambda ctx: text

    def constant(self) -> str:
        """All that is left, as it is."""
        rest, self.at = self.text[self.at :], len(self.text)
        return rest

    def comma(self) -> None:
        """A comma must follow."""
        if self.text[self.at : self.at + 1] != ",":
            raise FixupError(f"{{{self.shown}}}: an argument is missing")
        self.at += 1

    def required(self) -> None:
        """An argument must follow the name."""
        if not self.given:
            raise FixupError(f"{{{self.shown}}}: an argument is missing")

    @property
    def more(self) -> bool:
        """Whether a comma follows."""
        return self.text[self.at : self.at + 1] == ","

    def end(self) -> None:
        """Nothing may follow."""
        self._skip()
        if self.at < len(self.text):
            raise FixupError(f"{{{self.shown}}}: unexpected {self.text[self.at :]!r}")

    def _skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _BLANKS:
            self.at += 1

    def _evaluated(self) -> tuple[Number, Text]:
        try:
            pv, self.at = match_pv(self.text, self.at)
        except PvSyntaxError as error:
            raise FixupError(f"{{{self.shown}}}: {error}") from None
        accessor: Accessor = binding_of(self.server).accessor(pv)
        self._skip()
        get = accessor.get

        def number(ctx: Context) -> int:
            value = get(ctx)
            if value.__class__ is not int:
                raise _failed(ctx, f"{{{self.shown}}}: {pv.text} is no number")
            return value

        def text(ctx: Context) -> str:
            value = get(ctx)
            if value is None or value == "":
                raise _failed(ctx, f"{{{self.shown}}}: {pv.text} is empty")
            return str(value)

        return number, text


def _failed(ctx: Context, message: str) -> TransformationFailed:
    ctx.server.log.error("pv", message)
    return TransformationFailed(message)


def failed(ctx: Context, message: str) -> TransformationFailed:
    """The exception to raise for a transformation without result, after a line in the log."""
    return _failed(ctx, message)


def text_of(value: Value) -> str:
    """The value that a text transformation works on; null fails without a word."""
    if value is None:
        raise TransformationFailed
    return value if value.__class__ is str else str(value)


def filled(value: Value) -> str:
    """The same for transformations that also refuse the empty text."""
    if value is None or value == "":
        raise TransformationFailed
    return value if value.__class__ is str else str(value)
