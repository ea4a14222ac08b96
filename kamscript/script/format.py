"""Texts with pseudo-variables, ready to be expanded: what xlog, `Str` arguments and module parameters are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kamscript.module import Accessor, FixupError
from kamscript.script.bind import binding_of
from kamscript.script.pv import PvSyntaxError, parse_pv

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

Piece = str | Callable[["Context"], str]


class Format:
    """A text with pseudo-variables; `fmt(ctx)` expands it. `constant` is the text itself when there are none.

    A null value expands to `<null>`, as Kamailio's pv_printf does.
    """

    __slots__ = ("_first", "_pieces", "constant", "text")

    def __init__(self, text: str, pieces: Sequence[Piece]) -> None:
        self.text = text
        self.constant: str | None = None
        if all(isinstance(piece, str) for piece in pieces):
            self.constant = "".join(piece for piece in pieces if isinstance(piece, str))
        # Pairs of a constant (maybe empty) and a pseudo-variable; `_first` stands in front of them.
        self._first = pieces[0] if pieces and isinstance(pieces[0], str) else ""
        rest = list(pieces[1:] if self._first else pieces)
        self._pieces: list[tuple[Callable[[Context], str], str]] = []
        for piece in rest:
            if isinstance(piece, str):
                expand, tail = self._pieces[-1]
                self._pieces[-1] = expand, tail + piece
            else:
                self._pieces.append((piece, ""))

    def __call__(self, ctx: Context) -> str:
        """The text over `ctx`."""
        if self.constant is not None:
            return self.constant
        out = [self._first]
        for expand, tail in self._pieces:
            out.append(expand(ctx))
            out.append(tail)
        return "".join(out)

    def __repr__(self) -> str:
        return f"Format({self.text!r})"


def format_of(text: str, server: Server) -> Format:
    """`text` resolved on `server`; cached per server. Raises FixupError for a bad pseudo-variable."""
    return binding_of(server).format(text)  # type: ignore[no-any-return]


def accessor_of(text: str, server: Server) -> Accessor:
    """The pseudo-variable `text` (`$avp(x)`, `$(ru{uri.user})`) resolved on `server`; cached. Raises FixupError."""
    try:
        return binding_of(server).accessor(parse_pv(text.strip(" \t\r\n")))
    except PvSyntaxError as error:
        raise FixupError(str(error)) from None
