"""JSON as Kamailio writes it (core/utils/srjson.c): bytes beyond ASCII as they are, objects a member a line."""

from __future__ import annotations

import math
from typing import Any

from kamscript.core.rpc import Struct

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES |= {chr(code): f"\\u{code:04x}" for code in range(1, 32) if chr(code) not in _ESCAPES}
_TRANSLATION = str.maketrans(_ESCAPES)


class Object(list[tuple[str, Any]]):
    """A JSON object: its members in order."""

    def get(self, name: str) -> Any:
        """The first member of this name, in any case; None for none."""
        return next((value for key, value in self if key.lower() == name), None)

    def has(self, name: str) -> bool:
        """Whether there is a member of this name, in any case."""
        return any(key.lower() == name for key, _ in self)


def write(value: Any, *, pretty: bool, depth: int = 0) -> str:
    """An Object, Struct, list, text, number or None as JSON; `pretty` with line ends and tabs."""
    if isinstance(value, Struct):
        value = [Object([member]) for member in value.members] if value.is_array else Object(value.members)
    if isinstance(value, Object):
        tabs, line = ("\t" * (depth + 1), "\n") if pretty else ("", "")
        colon = ":\t" if pretty else ":"
        members = [f"{tabs}{_quote(name)}{colon}{write(item, pretty=pretty, depth=depth + 1)}" for name, item in value]
        return f"{{{line}{f',{line}'.join(members)}{line if members else ''}{tabs[1:]}}}"
    if isinstance(value, list | tuple):
        comma = ", " if pretty else ","
        return f"[{comma.join(write(item, pretty=pretty, depth=depth + 1) for item in value)}]"
    if isinstance(value, str):
        return _quote(value)
    return "null" if value is None else _number(value)


def _quote(text: str) -> str:
    return f'"{text.translate(_TRANSLATION)}"'


def _number(value: int | float) -> str:
    number = float(value)
    if math.isnan(number) or math.isinf(number):
        return "null"
    if number.is_integer():
        return f"{number:.0f}"
    return f"{number:e}" if abs(number) < 1e-6 or abs(number) > 1e9 else f"{number:f}"


def as_bytes(text: str) -> str:
    """A text of JSON as everything here keeps it, a byte a character: escapes above that become UTF-8."""
    if text.isascii() or max(text) <= "\xff":
        return text
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
