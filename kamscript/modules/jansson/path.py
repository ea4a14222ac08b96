"""Places in a document: `member.member[index].member` (jansson_path.c)."""

from __future__ import annotations

import re
from typing import Any, Final

_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*))")


class NoPlace(LookupError):
    """The path leads nowhere; the text says why."""


class _Nothing:
    """What is behind a path that leads nowhere."""


NOTHING: Final = _Nothing()


def get(document: Any, path: str) -> Any:
    """The value at a path, NOTHING when there is none; a path that cannot be read leads nowhere, too."""
    cursor, at, index = document, 0, path.startswith("[")
    token: str | None = ""  # what is being read; None behind an index
    start, last = int(index), ""
    while at < len(path) and cursor is not NOTHING:
        end = _next(path, at, "]" if index else ".[")
        if end < 0:
            if index or token is None:
                return NOTHING
            return _member(cursor, path[start:])
        if token is None and end != at:
            return NOTHING
        last = path[end]
        if index:
            cursor, token, index = _element(cursor, path[start:end]), None, False
        else:
            if token is not None:
                cursor = _member(cursor, path[start:end])
            token, index = "", last == "["
        at = start = end + 1
    return cursor


def put(document: Any, path: str, value: Any, *, append: bool) -> None:
    """Set the value at a path, making objects on the way; with `append` add it to the array or object there.

    Raises NoPlace.
    """
    cursor, parent, at, index, place = document, None, 0, path.startswith("["), -1
    token: str | None = path[1:] if index else path
    start = int(index)
    while at < len(path):
        end = _next(path, at, "]" if index else ".[")
        if end < 0:
            if index:
                raise NoPlace("missing ']'")
            break
        if token is None and end != at:
            raise NoPlace(f"unexpected trailing chars in JSON path at pos {at}")
        if index:
            parent = cursor
            if not isinstance(parent, list):
                raise NoPlace(f"array expected at pos {end}")
            place = _number(path[start:end])
            if not 0 <= place < len(parent):
                raise NoPlace(f"array index out of bound at pos {end}")
            cursor, token, index = parent[place], None, False
        else:
            if token is not None:
                parent, cursor = cursor, _descend(cursor, path[start:end], path[end], end)
            index = path[end] == "["
            token = path[end + 1 :]
        at = start = end + 1
    if token is not None and append:
        _append(cursor, token, value)
    elif token:
        if not isinstance(cursor, dict):
            raise NoPlace("JSON object expected")
        cursor[token] = value
    elif place >= 0 and isinstance(parent, list):
        parent[place] = value
    else:
        raise NoPlace("invalid JSON path")


def _descend(parent: Any, name: str, delimiter: str, at: int) -> Any:
    if not name:
        raise NoPlace(f"empty token at pos {at}")
    cursor = _member(parent, name)
    if cursor is not NOTHING:
        return cursor
    if not isinstance(parent, dict):
        raise NoPlace(f"object expected at pos {at}")
    if delimiter == "[":
        raise NoPlace(f"new array is not allowed at pos {at}")
    return parent.setdefault(name, {})


def _append(cursor: Any, token: str, value: Any) -> None:
    target = _member(cursor, token) if token else cursor
    if isinstance(target, list):
        target.append(value)
    elif isinstance(target, dict) and isinstance(value, dict):
        target.update(value)
    else:
        raise NoPlace("JSON array or object expected")


def _next(path: str, at: int, delimiters: str) -> int:
    return min((found for mark in delimiters if (found := path.find(mark, at)) >= 0), default=-1)


def _member(value: Any, name: str) -> Any:
    return value.get(name, NOTHING) if isinstance(value, dict) else NOTHING


def _element(value: Any, text: str) -> Any:
    try:
        number = _number(text)
    except NoPlace:
        return NOTHING
    return value[number] if isinstance(value, list) and 0 <= number < len(value) else NOTHING


def _number(text: str) -> int:
    """An index as strtol() reads it; nothing at all is 0."""
    if not text:
        return 0
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > 20:
        raise NoPlace("invalid array index")
    sign, hexadecimal, octal, decimal = found.groups()
    number = int(hexadecimal, 16) if hexadecimal else int(octal or "0", 8) if decimal is None else int(decimal)
    return -number if sign == "-" else number
