"""JSON as the library Jansson reads and writes it: strict, 64-bit numbers, members in order, no name twice."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_INT_MAX, _INT_MIN = 2**63 - 1, -(2**63)
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED |= {chr(code): f"\\u{code:04X}" for code in range(32) if chr(code) not in _ESCAPED}
_TRANSLATION = str.maketrans(_ESCAPED)
_EXPONENT = re.compile(r"e([+-]?)0*")
_BAD_CHARACTER = re.compile(r"[\ud800-\udfff\x00]")


def characters(text: str) -> str | None:
    """Bytes (a character each) as the characters of their UTF-8 form; None when they are none."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None


def as_bytes(text: str) -> str:
    """Characters as the bytes of their UTF-8 form, as everything else here keeps texts."""
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")


def parse(text: str) -> dict[str, Any] | list[Any]:
    """An object or an array; ValueError tells what is wrong. Texts in it are characters."""
    decoded = characters(text)
    if decoded is None:
        raise ValueError("unable to decode UTF-8")
    try:
        value = json.loads(
            decoded,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_constant,
        )
    except RecursionError:
        raise ValueError("maximum parsing depth reached") from None
    if not isinstance(value, dict | list):
        raise ValueError("'[' or '{' expected")
    if "\\u" in decoded:
        _check_characters(value)
    return value


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) != len(members):
        raise ValueError("duplicate object key")
    return made


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) < 21 else _INT_MAX + 1
    if not _INT_MIN <= number <= _INT_MAX:
        raise ValueError("too big integer")
    return number


def _real(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("real number overflow")
    return number


def _constant(name: str) -> Any:
    raise ValueError(f"invalid token near '{name}'")


def _check_characters(value: Any) -> None:
    """Refuse halves of characters and NUL, which only escapes can bring."""
    if isinstance(value, str):
        if _BAD_CHARACTER.search(value):
            raise ValueError("invalid Unicode escape")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_characters(key)
            _check_characters(item)
    elif isinstance(value, list):
        for item in value:
            _check_characters(item)


def write(value: Any, *, blanks: bool = False) -> str:
    """A value as JSON, bytes a character each; with `blanks` behind commas and colons."""
    comma, colon = (", ", ": ") if blanks else (",", ":")

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + comma.join(f"{_quoted(key)}{colon}{text(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + comma.join(text(item) for item in value) + "]"
        if isinstance(value, str):
            return _quoted(value)
        if isinstance(value, float):
            return _number(value)
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    return as_bytes(text(value))


def _quoted(text: str) -> str:
    return f'"{text.translate(_TRANSLATION)}"'


def _number(value: float) -> str:
    text = _EXPONENT.sub(lambda found: "e-" if found[1] == "-" else "e", f"{value:.17g}")
    return text if "." in text or "e" in text else f"{text}.0"
