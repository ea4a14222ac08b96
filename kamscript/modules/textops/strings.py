"""Comparing and finding texts as C does: by bytes, with only A to Z having two cases."""

from __future__ import annotations

_BLANKS = " \t\r\n"
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def lower(text: str) -> str:
    """`text` in small letters; bytes above 127 stay as they are."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def compare(one: str, other: str) -> int:
    """1 equal, -1 the first is greater, -2 it is less."""
    if one == other:
        return 1
    return -1 if one > other else -2


def find(text: str, needle: str) -> int:
    """Where `needle` starts, from 1, -1 nowhere; an empty one is found behind the end, as core's str_search has it."""
    if not needle:
        return len(text) + 1
    return text.find(needle) + 1 or -1


def in_list(text: str, items: str, separator: str) -> bool:
    """Whether `text` is one of the items."""
    return any(item.strip(_BLANKS) == text for item in _items(items, separator))


def in_list_prefix(text: str, items: str, separator: str) -> bool:
    """Whether `text` starts with one of the items; empty items do not count."""
    return any(
        stripped and text.startswith(stripped) for item in _items(items, separator) if (stripped := item.strip())
    )


def _items(items: str, separator: str) -> list[str]:
    # An item behind the last separator counts only when something stands there.
    found = items.lstrip(_BLANKS).split(separator)
    if not found[-1].strip(_BLANKS):
        found.pop()
    return found
