r"""sed-like substitutions, `/regular expression/replacement/flags`: subst() and its kin, `{re.subst,...}`.

The separator is whatever stands first. In the replacement `\0` to `\9` are what the expression and its groups matched,
`\u` the request URI, `\n` `\r` `\t` `\\` `\$` characters, and pseudo-variables their values. Flags: `i` ignores case,
`g` replaces every match, `s` lets `.` match line ends and `^`, `$` only at the ends of the text.
Source: core/re.c (subst_parser, subst_run).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.ere import Ere, Match
from kamscript.module import Accessor, Fixup, FixupError
from kamscript.modules._regex import regcomp, search_behind
from kamscript.script.format import accessor_of
from kamscript.script.pv import PvSyntaxError, match_pv
from kamscript.values import to_str

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

#: Stands for `\u` among the parts of a replacement.
_URI = "\0uri"
_CHARACTERS = {"n": "\n", "r": "\r", "t": "\t"}
_MAX_ESCAPES = 100


class EmptyMatch(Exception):
    """The expression matched nothing at all: Kamailio gives the whole substitution up, matches before it included."""


class Replacement(NamedTuple):
    """`text` for the characters `start` up to `end`."""

    start: int
    end: int
    text: str


class Subst:
    """A parsed substitution."""

    __slots__ = ("all", "parts", "pattern")

    def __init__(self, pattern: Ere, parts: list[str | int | Accessor], all_: bool) -> None:
        self.pattern, self.parts, self.all = pattern, parts, all_

    def run(self, text: str, ctx: Context) -> list[Replacement]:
        """What to replace in `text`, in order; raises EmptyMatch."""
        found: list[Replacement] = []
        at = 0
        while True:
            hit = search_behind(self.pattern, text, at)
            if hit is None:
                return found
            match, shift = hit
            start, end = match.start() + shift, match.end() + shift
            if start == end:
                raise EmptyMatch
            found.append(Replacement(start, end, self._expand(match, ctx)))
            if not self.all:
                return found
            at = end

    def apply(self, text: str, ctx: Context) -> str | None:
        """`text` with everything replaced; None when nothing matched. Raises EmptyMatch."""
        text = text.partition("\0")[0]
        found = self.run(text, ctx)
        if not found:
            return None
        out, at = [], 0
        for start, end, new in found:
            out += [text[at:start], new]
            at = end
        out.append(text[at:])
        return "".join(out)

    def _expand(self, match: Match, ctx: Context) -> str:
        out = []
        for part in self.parts:
            if part is _URI:
                # Kamailio leaves it out in replies.
                out.append(ctx.msg.current_uri() if ctx.msg.is_request else "")
            elif isinstance(part, str):
                out.append(part)
            elif isinstance(part, int):
                if part <= self.pattern.groups:
                    out.append(match.group(part) or "")
            else:
                out.append(to_str(part.get(ctx)))
        return "".join(out)


def parse_subst(text: str, server: Server) -> Subst:
    """Read a substitution; raises FixupError for what Kamailio refuses."""
    if len(text) < 3:
        raise FixupError(f"substitution {text!r} is too short: /expression/replacement/flags is wanted")
    separator = text[0]
    if separator == "\\":
        raise FixupError(f"substitution {text!r} cannot have a backslash as its separator")
    end = 1
    while end < len(text) and not (text[end] == separator and text[end - 1] != "\\"):
        end += 1
    if end >= len(text) - 1:
        raise FixupError(f"substitution {text!r} has no replacement: another {separator!r} is wanted")
    parts, at = _parse_replacement(text, end + 1, separator, server)
    icase = all_ = False
    newline = True
    for flag in text[at + 1 :]:
        if flag == "i":
            icase = True
        elif flag == "g":
            all_ = True
        elif flag == "s":
            newline = False
        else:
            raise FixupError(f"substitution {text!r} has an unknown flag {flag!r}: i, g and s are known")
    pattern = regcomp(text[1:end], icase=icase, newline=newline)
    if pattern is None:
        raise FixupError(f"{text[1:end]!r} is no regular expression")
    return Subst(pattern, parts, all_)


def _parse_replacement(text: str, at: int, separator: str, server: Server) -> tuple[list[str | int | Accessor], int]:
    """The parts of the replacement that starts at `at`, and where the separator behind it stands."""
    parts: list[str | int | Accessor] = []
    plain: list[str] = []
    escapes = 0

    def part(item: str | int | Accessor) -> None:
        if plain:
            parts.append("".join(plain))
            plain.clear()
        parts.append(item)

    while at < len(text):
        char = text[at]
        if char == separator:
            if plain:
                parts.append("".join(plain))
            return parts, at
        if char == "\\" and at + 1 < len(text):
            char = text[at + 1]
            at += 2
            if char == "u":
                part(_URI)
            elif char in "0123456789":
                part(int(char))
            else:
                plain.append(_CHARACTERS.get(char, char))
            escapes += 1
        elif char == "$":
            try:
                pv, at = match_pv(text, at)
            except PvSyntaxError as error:
                raise FixupError(f"replacement in {text!r}: {error}") from None
            part(accessor_of(pv.text, server))
            escapes += 1
        else:
            plain.append(char)
            at += 1
        if escapes >= _MAX_ESCAPES:
            raise FixupError(f"the replacement in {text!r} has too many escapes ({_MAX_ESCAPES} and more)")
    raise FixupError(f"substitution {text!r} is not closed by {separator!r}")


class SubstFixup(Fixup):
    """A constant substitution."""

    constant = True
    kind = "subst"

    def resolve(self, text: str, server: Server) -> Any:
        """The parsed substitution; raises FixupError."""
        return parse_subst(text, server)
