"""Pseudo-variables as text: `$ru`, `$avp(x)`, `$(hdr(Via)[1]{s.len})`. Read at load, never while a route runs.

    parse_pv("$(avp(x)[2]{s.substr,0,3}{s.len})")
    -> PvText("avp", "x", 2, (Tr("s", ("substr", "0", "3")), Tr("s", ("len",))), "$(avp(x)[2]{...})")

Source: core/pvapi.c (pv_locate_name, pv_parse_spec2, pv_parse_format, tr_lookup).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any


class PvSyntaxError(ValueError):
    """A text that is no pseudo-variable; `offset` is where in the text."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Tr:
    """One transformation: `{s.substr,0,3}` is `Tr("s", ("substr", "0", "3"))`.

    Arguments are raw texts, cut at commas outside of parentheses and braces; joined by commas they are the original.
    """

    klass: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PvText:
    """A pseudo-variable as written. `inner` is raw and may hold pseudo-variables itself.

    `index` is None, a number, "*", "+" (append, xavps) or the text of a pseudo-variable; `text` what was read.
    """

    name: str
    inner: str | None = None
    index: int | str | None = None
    transformations: tuple[Tr, ...] = ()
    text: str = ""


@cache
def _grammar() -> Any:
    """The grammar of one pseudo-variable that starts with `$`; whitespace counts."""
    from pyparsing import Combine, Forward, Group, Literal, OneOrMore, Optional, Regex, Suppress, ZeroOrMore

    def balanced(opening: str, closing: str) -> Any:
        """Text, not empty, in which every opening character has its closing one, as one string."""
        nested = Forward()
        part = Regex(rf"[^\{opening}\{closing}]+") | Literal(opening) + nested + Literal(closing)
        nested <<= ZeroOrMore(part)
        return Combine(OneOrMore(part))

    name = Regex(r"[0-9A-Za-z_.?]+")("name")
    inner = Suppress("(") + balanced("(", ")")("inner") + Suppress(")")
    index = Suppress("[") + balanced("[", "]")("index") + Suppress("]")
    braces = Suppress("{") + balanced("{", "}") + Suppress("}")
    blanks = Suppress(Regex(r"[ \t]*"))
    chain = Group(braces + ZeroOrMore(blanks + braces))("transformations") + blanks
    marker = Literal("$")("marker")
    bracketed = Suppress("(") + (marker | name + Optional(inner) + Optional(index)) + Optional(chain)
    bracketed += Suppress(")")
    return (Suppress("$") + (bracketed | marker | name + Optional(inner))).leave_whitespace()


def _arguments(text: str) -> tuple[str, ...]:
    """The arguments of a transformation: cut at commas outside of parentheses and braces."""
    if "," not in text:
        return (text,)
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        if char in "({":
            depth += 1
        elif char in ")}":
            depth -= 1
        elif char == "," and depth <= 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return tuple(parts)


def _transformation(text: str, whole: str) -> Tr:
    klass, dot, rest = text.partition(".")
    if not dot or not klass:
        raise PvSyntaxError(f"{{{text}}} is no transformation: expected {{class.name}}", whole.find("{" + text))
    return Tr(klass, _arguments(rest))


def _index(text: str, whole: str) -> int | str:
    if text[:1] == "$" or text in ("*", "+"):
        return text
    digits = text[1:] if text[:1] == "-" else text
    if not digits.isdigit() or not digits.isascii():
        raise PvSyntaxError(f"bad index [{text}]: a number, * or a pseudo-variable is possible", whole.find("["))
    return int(text)


#: A pseudo-variable without brackets inside of its brackets, which most are: it spares the grammar, and loading it.
_PLAIN = re.compile(
    r"\$(?:([0-9A-Za-z_.?]++)(?:\(([^()]+)\)|(?!\())"
    r"|\(([0-9A-Za-z_.?]++)(?:\(([^()]+)\))?(?:\[([^][()]+)\])?((?:\{[^{}()]+\}(?:[ \t]*\{[^{}()]+\})*)?)\))"
)
_CHAIN = re.compile(r"\{([^{}]+)\}")


@lru_cache(maxsize=4096)
def match_pv(text: str, start: int = 0) -> tuple[PvText, int]:
    """The pseudo-variable that starts at `start` (a `$`) and the offset behind it; raises PvSyntaxError."""
    plain = _PLAIN.match(text, start)
    if plain is None:
        return _match(text, start)
    written = plain[0]
    if plain[1]:
        return PvText(plain[1], plain[2], text=written), plain.end()
    index = None if plain[5] is None else _index(plain[5], written)
    chain = tuple(_transformation(part, written) for part in _CHAIN.findall(plain[6]))
    return PvText(plain[3], plain[4], index, chain, written), plain.end()


def _match(text: str, start: int) -> tuple[PvText, int]:
    """As `match_pv`, by the whole grammar."""
    from pyparsing import ParseBaseException

    if text[start : start + 1] != "$":
        raise PvSyntaxError("a pseudo-variable starts with $", start)
    rest = text[start:]
    try:
        found = _grammar().parse_string(rest)
    except ParseBaseException as error:
        raise PvSyntaxError(_explain(rest), start + error.loc) from None
    end = _end(rest, found)
    written = rest[:end]
    if found.get("marker"):
        return PvText("$", text=written, transformations=_transformations(found, written)), start + end
    name: str = found["name"]
    if end > len(name) + 1 and "inner" not in found and written[1] != "(":
        raise PvSyntaxError(_explain(rest), start)
    index = _index(found["index"], written) if "index" in found else None
    return PvText(name, found.get("inner"), index, _transformations(found, written), written), start + end


def _transformations(found: Any, written: str) -> tuple[Tr, ...]:
    return tuple(_transformation(text, written) for text in found.get("transformations") or ())


def _end(rest: str, found: Any) -> int:
    """Where the pseudo-variable at the start of `rest` ends: brackets decide (pv_locate_name)."""
    at = 1
    if rest[1:2] == "$":
        return 2
    if rest[1:2] != "(":
        at += len(found["name"])
        if rest[at : at + 1] != "(":
            return at
    depth = 0
    for end in range(at, len(rest)):
        if rest[end] == "(":
            depth += 1
        elif rest[end] == ")":
            depth -= 1
            if not depth:
                return end + 1
    return len(rest)


def _explain(rest: str) -> str:
    shown = rest if len(rest) <= 40 else rest[:37] + "..."
    if rest.startswith("$(") and rest.count("(") > rest.count(")"):
        return f"a parenthesis is not closed in {shown}"
    return f"{shown} is no pseudo-variable"


@lru_cache(maxsize=4096)
def parse_pv(text: str) -> PvText:
    """`text`, which must be one whole pseudo-variable; raises PvSyntaxError."""
    found, end = match_pv(text)
    if end != len(text):
        raise PvSyntaxError(f"unexpected {text[end:]!r} behind {found.text}", end)
    return found


@lru_cache(maxsize=4096)
def split_format(text: str) -> tuple[str | PvText, ...]:
    """A text with pseudo-variables, cut into constant pieces and pseudo-variables; raises PvSyntaxError.

    `$$` is the pseudo-variable that prints one dollar sign.
    """
    parts: list[str | PvText] = []
    at = 0
    while at < len(text):
        dollar = text.find("$", at)
        if dollar < 0:
            parts.append(text[at:])
            break
        if dollar > at:
            parts.append(text[at:dollar])
        found, at = match_pv(text, dollar)
        parts.append(found)
    return tuple(parts)
