"""Pseudo-variables as text: `$ru`, `$avp(x)`, `$(hdr(Via)[1]{s.len})`. Read at load, never while a route runs.

    parse_pv("$(avp(x)[2]{s.substr,0,3}{s.len})")
    -> PvText(name="avp", inner="x", index=2, transformations=(Tr("s", ("substr", "0", "3")), Tr("s", ("len",))))

Source: core/pvapi.c (pv_parse_spec2, pv_parse_format, tr_lookup) and the grammar of the Pseudo-Variables cookbook.
"""

from __future__ import annotations

from dataclasses import dataclass


class PvSyntaxError(ValueError):
    """A text that is no pseudo-variable; `offset` is where in the text."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Tr:
    """One transformation: `{s.substr,0,3}` is `Tr("s", ("substr", "0", "3"))`. Arguments are raw texts."""

    klass: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PvText:
    """A pseudo-variable as written. `inner` and a PvText index may hold pseudo-variables themselves.

    `index` is None, a number, "*" or a pseudo-variable; `text` what was read.
    """

    name: str
    inner: str | None = None
    index: int | str | PvText | None = None
    transformations: tuple[Tr, ...] = ()
    text: str = ""


def parse_pv(text: str) -> PvText:
    """`text`, which must be one whole pseudo-variable; raises PvSyntaxError."""
    raise NotImplementedError


def match_pv(text: str, start: int = 0) -> tuple[PvText, int]:
    """The pseudo-variable that starts at `start` (a `$`) and the offset behind it; raises PvSyntaxError."""
    raise NotImplementedError


def split_format(text: str) -> tuple[str | PvText, ...]:
    """A text with pseudo-variables, cut into constant pieces and pseudo-variables; raises PvSyntaxError.

    `$$` is the pseudo-variable `$$` (Kamailio prints one dollar sign for it).
    """
    raise NotImplementedError
