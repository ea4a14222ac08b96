"""JSON as the library json-c reads it: lenient, numbers kept as they were written; and writes it, with blanks.

Texts are bytes, a character each. Objects are dicts, arrays lists; `Number` is a number or NaN, `None` null.
"""

from __future__ import annotations

import re
from typing import Any, Final

_BLANK: Final = re.compile(r"(?:[ \t\n\v\f\r]+|/\*.*?\*/|//[^\n]*\n)*", re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]*)?")
_WORD: Final = re.compile(r"true|false|null|nan|-?infinity", re.IGNORECASE)
_PLAIN: Final = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_HEX: Final = re.compile(r"[0-9a-fA-F]{4}")
_BEHIND_NUMBER: Final = ",]}/ \t\n\v\f\r"
_SHORT: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_TRANSLATION: Final = str.maketrans(
    _ESCAPES | {chr(code): f"\\u{code:04x}" for code in range(32) if chr(code) not in _ESCAPES}
)
_DEEPEST: Final = 31
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_REPLACEMENT: Final = "\ufffd"


class Number(str):
    """A number as it is shown."""

    __slots__ = ()


def parse(text: str) -> Any:
    """The value that a text begins with; raises ValueError where the library finds none."""
    return _value(text, 0, 0)[0]


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    """The value that starts at a place, and the place behind it."""
    if depth > _DEEPEST:
        raise ValueError("nesting too deep")
    at = _skip(text, at)
    first = text[at : at + 1]
    if first in ("{", "["):
        return _object(text, at + 1, depth + 1) if first == "{" else _array(text, at + 1, depth + 1)
    if first in ('"', "'") and first:
        return _string(text, at)
    if word := _WORD.match(text, at):
        return _constant(word[0]), word.end()
    return _number(text, at, depth)


def _constant(word: str) -> Any:
    match word.lower():
        case "true":
            return True
        case "false":
            return False
        case "null":
            return None
        case "nan":
            return Number("NaN")
        case "infinity":
            return Number("Infinity")
    return Number("-Infinity")


def _number(text: str, at: int, depth: int) -> tuple[Number, int]:
    found = _NUMBER.match(text, at)
    if found is None or found[0][0] == ".":
        raise ValueError(f"unexpected character at {at}")
    end, shown = found.end(), found[0].rstrip("eE+-")
    if depth and end < len(text) and text[end] not in _BEHIND_NUMBER:
        raise ValueError(f"number expected at {at}")
    if "." not in shown and "e" not in shown.lower():
        digits = int(shown) if len(shown) < 25 else _HIGHEST if shown[0] != "-" else _LOWEST
        shown = str(max(_LOWEST, min(_HIGHEST, digits)))
    return Number(shown), end


def _array(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return items, at + 1
        item, at = _value(text, at, depth)
        items.append(item)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != "]":
            raise ValueError(f"array value separator ',' expected at {at}")


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return members, at + 1
        if text[at : at + 1] not in ('"', "'") or at >= len(text):
            raise ValueError(f"quoted object property name expected at {at}")
        name, at = _string(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError(f"object property name separator ':' expected at {at}")
        members[name.partition("\0")[0]], at = _value(text, at + 1, depth)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != "}":
            raise ValueError(f"object value separator ',' expected at {at}")


def _string(text: str, at: int) -> tuple[str, int]:
    quote, at, parts = text[at], at + 1, []
    plain = _PLAIN[quote]
    while True:
        found = plain.match(text, at)
        assert found is not None
        parts.append(found[0])
        at = found.end()
        if text[at : at + 1] == quote:
            return "".join(parts), at + 1
        escape = text[at + 1 : at + 2]
        if escape == "u":
            character, at = _unicode(text, at)
            parts.append(character.encode("utf-8").decode("latin-1"))
        elif escape in _SHORT and escape:
            parts.append(_SHORT[escape])
            at += 2
        else:
            raise ValueError(f"invalid string sequence at {at}")


def _unicode(text: str, at: int) -> tuple[str, int]:
    """The character of `\\uXXXX` or of a pair of them; halves count as an unknown one."""
    code, at = _code(text, at)
    if 0xD800 <= code < 0xDC00 and text[at : at + 2] == "\\u":
        low, end = _code(text, at)
        if 0xDC00 <= low < 0xE000:
            return chr(0x10000 + (code - 0xD800 << 10) + low - 0xDC00), end
    return (_REPLACEMENT if 0xD800 <= code < 0xE000 else chr(code)), at


def _code(text: str, at: int) -> tuple[int, int]:
    digits = _HEX.match(text, at + 2)
    if digits is None:
        raise ValueError(f"invalid unicode escape at {at}")
    return int(digits[0], 16), digits.end()


def write(value: Any) -> str:
    """A value as the library writes it."""
    if isinstance(value, dict):
        return (
            "{ "
            + "".join(
                f"{', ' if number else ''}{_quoted(name)}: {write(item)}"
                for number, (name, item) in enumerate(value.items())
            )
            + (" }" if value else "}")
        )
    if isinstance(value, list):
        return "[ " + ", ".join(map(write, value)) + (" ]" if value else "]")
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    return "null" if value is None else "true" if value else "false"


def _quoted(text: str) -> str:
    return f'"{text.translate(_TRANSLATION)}"'


def plain(value: Any) -> str:
    """A text as it is, up to a NUL; anything else as JSON."""
    return value.partition("\0")[0] if isinstance(value, str) else write(value)
