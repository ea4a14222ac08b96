"""Parameter lists `;name=value;flag;name="value"` of Contact, Route and modules (core/parser/parse_param.c)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from kamscript.sip.errors import SipError

_BLANKS = " \t\r\n"
_SKIP = re.compile(r"[ \t\r\n]*")


class Param(NamedTuple):
    """One parameter. `value` is without quotes, "" when empty, None when there is no `=`.

    `start` and `end` are its place in the parsed text, quotes included.
    """

    name: str
    value: str | None
    start: int
    end: int


def last_value(params: Sequence[Param], name: str) -> str | None:
    """The value of the last parameter called `name` in any letter case: "" when it has none, None without one."""
    name = name.lower()
    for param in reversed(params):
        if param.name.lower() == name:
            return param.value or ""
    return None


def parse_params(text: str, start: int = 0, separator: str = ";") -> tuple[list[Param], int]:
    """Parameters from `start` (behind the first `;`) to the end of the text or an unquoted `,` or `>`.

    Returns them in the order of the text (Kamailio's list runs backwards: look there for "the last of a name wins")
    and the offset where reading stopped. Values may be quoted with `"` or `'`; there are no escapes. Raises SipError
    where parse_params() fails: a separator with nothing behind it, an unclosed quote, anything else than a separator
    behind a value.
    """
    params: list[Param] = []
    length = len(text)
    if start >= length:
        return params, start
    token, name = _patterns(separator)
    at = start
    while True:
        found = name.match(text, at)
        end = found.end() if found else at
        key, value = text[at:end], None
        begin = at
        at = _skip(text, end)
        if at < length and text[at] == "=":
            at = _skip(text, at + 1)
            value = ""
            if at < length:
                quote = text[at]
                if quote in "\"'":
                    close = text.find(quote, at + 1)
                    if close < 0:
                        raise SipError("quote in a parameter not closed")
                    value, at = text[at + 1 : close], close + 1
                else:
                    found = token.match(text, at)
                    if found is None:
                        raise SipError("parameter value missing")
                    value, at = found.group(), found.end()
            end = at
            at = _skip(text, at)
        params.append(Param(key, value, begin, end))
        if at >= length or text[at] in ",>":
            return params, at
        if text[at] != separator:
            raise SipError(f"{text[at]!r} behind a parameter")
        at = _skip(text, at + 1)
        if at >= length:
            raise SipError("parameter missing at the end")


def find(params: list[Param], name: str) -> Param | None:
    """The parameter that counts for a name (any case): the last one."""
    name = name.lower()
    for param in reversed(params):
        if param.name.lower() == name:
            return param
    return None


def _skip(text: str, at: int) -> int:
    found = _SKIP.match(text, at)
    return found.end() if found else at


_PATTERNS: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {}


def _patterns(separator: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Value and name of a parameter in a list with this separator; compiled once per separator."""
    patterns = _PATTERNS.get(separator)
    if patterns is None:
        chars = rf"[^ \t\r\n,{re.escape(separator)}"
        patterns = _PATTERNS[separator] = (re.compile(chars + "]+"), re.compile(chars + "=]*"))
    return patterns


_patterns(";")
_patterns(",")
