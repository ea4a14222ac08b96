"""Texts with pseudo-variables, ready to be expanded: what xlog, `Str` arguments and module parameters are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import Accessor

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server


class Format:
    """A text with pseudo-variables; `fmt(ctx)` expands it. `constant` is the text itself when there are none.

    A null value expands to `<null>`, as Kamailio's pv_printf does.
    """

    __slots__ = ("constant", "text")

    def __init__(self, text: str, constant: str | None = None) -> None:
        self.text, self.constant = text, constant

    def __call__(self, ctx: Context) -> str:
        raise NotImplementedError


def format_of(text: str, server: Server) -> Format:
    """`text` resolved on `server`; cached per server. Raises FixupError for a bad pseudo-variable."""
    raise NotImplementedError


def accessor_of(text: str, server: Server) -> Accessor:
    """The pseudo-variable `text` (`$avp(x)`, `$(ru{uri.user})`) resolved on `server`; cached. Raises FixupError."""
    raise NotImplementedError
