"""POSIX regular expressions as Kamailio's modules use them beside `Regex` arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript import ere
from kamscript.ere import Ere, Match
from kamscript.module import Fixup, FixupError

if TYPE_CHECKING:
    from kamscript.core.server import Server


def regcomp(text: str, *, icase: bool = True, newline: bool = True) -> Ere | None:
    """The compiled expression, None for one that regcomp refuses."""
    try:
        return ere.compile(text, icase=icase, newline=newline)
    except ere.EreError:
        return None


def search_behind(expression: Ere, text: str, at: int) -> tuple[Match, int] | None:
    """Search the rest of `text` from `at` on, where the last match ended, as repeated regexec calls do.

    `^` matches at `at` only behind a line end (REG_NOTBOL is set otherwise). Returns the match and what has to be added
    to its offsets.
    """
    if at and text[at - 1] in "\r\n":
        match, shift = expression.search(text[at:]), at
    else:
        match, shift = expression.search(text, at), 0
    return None if match is None else (match, shift)


class AtOnce(Fixup):
    """A constant regular expression that ignores case and for which a line end is a character like others."""

    constant = True
    kind = "expression"

    def resolve(self, text: str, server: Server) -> Any:
        """The compiled expression; raises FixupError for one that regcomp refuses."""
        expression = regcomp(text, newline=False)
        if expression is None:
            raise FixupError(f"{text!r} is no regular expression")
        return expression
