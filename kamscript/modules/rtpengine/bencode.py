"""Bencoding, the form of what is said to an rtpengine and back: `d7:command4:pinge`."""

from __future__ import annotations

Value = str | int | list["Value"] | dict[str, "Value"]

_DEEPEST = 50


class Pairs(list[tuple[str, "Value | Pairs"]]):
    """A dictionary on its way out: members as they were added, twice when added twice."""


def encode(value: Value | Pairs) -> str:
    """A text, number, list, dictionary or Pairs in bencoding."""
    if isinstance(value, str):
        return f"{len(value)}:{value}"
    if isinstance(value, int):
        return f"i{value}e"
    if isinstance(value, Pairs):
        return f"d{''.join(encode(name) + encode(item) for name, item in value)}e"
    if isinstance(value, dict):
        return f"d{''.join(encode(name) + encode(item) for name, item in value.items())}e"
    return f"l{''.join(encode(item) for item in value)}e"


def decode(text: str) -> Value | None:
    """The value that a text is; None when it is none. What follows it does not count."""
    try:
        return _decode(text, 0, 0)[0]
    except (ValueError, IndexError):
        return None


def _decode(text: str, at: int, depth: int) -> tuple[Value, int]:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    mark = text[at]
    if mark == "i":
        end = text.index("e", at)
        return int(text[at + 1 : end]), end + 1
    if mark == "l":
        items: list[Value] = []
        at += 1
        while text[at] != "e":
            item, at = _decode(text, at, depth + 1)
            items.append(item)
        return items, at + 1
    if mark == "d":
        members: dict[str, Value] = {}
        at += 1
        while text[at] != "e":
            name, at = _decode(text, at, depth + 1)
            if not isinstance(name, str):
                raise ValueError("a key that is no text")
            item, at = _decode(text, at, depth + 1)
            members.setdefault(name, item)
        return members, at + 1
    colon = text.index(":", at)
    digits = text[at:colon]
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("no length")
    end = colon + 1 + int(digits)
    if end > len(text):
        raise ValueError("text too short")
    return text[colon + 1 : end], end


def text_of(members: Value | None, name: str) -> str | None:
    """A member of a dictionary that is a text; None when there is none, or no dictionary."""
    found = members.get(name) if isinstance(members, dict) else None
    return found if isinstance(found, str) else None


def number_of(members: Value | None, name: str, default: int = -1) -> int:
    """A member of a dictionary that is a number, or a text that is one."""
    found = members.get(name) if isinstance(members, dict) else None
    if isinstance(found, int):
        return found
    if isinstance(found, str):
        try:
            return int(found)
        except ValueError:
            return default
    return default


def member(members: Value | None, name: str) -> dict[str, Value] | None:
    """A member of a dictionary that is a dictionary itself."""
    found = members.get(name) if isinstance(members, dict) else None
    return found if isinstance(found, dict) else None
