"""The values of headers that hold several, and the parameters of a value: what `*_hf_value` and `@hf_value` work on.

A header is named `Name`, `Name[index]`, `Name[*]`, each perhaps with `.parameter` behind. Values are what commas
outside of quotes part, counted from 1 over all headers of the name; negative counts from the last, up to ten back.
Offsets are characters of the message. Source: src/modules/textopsx/textopsx.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from kamscript.module import FixupError
from kamscript.modules._headers import kind_of
from kamscript.sip.message import Message
from kamscript.sip.scan import Header

BLANKS = " \t\r\n"
#: How far back a negative index reaches.
MAX_BACK = 10

_PATH = re.compile(
    r"[ \t\r\n]*([A-Za-z0-9_-]+)[ \t\r\n]*"
    r"(\[[ \t\r\n]*(\*|-?\+?\d+)?[ \t\r\n]*\])?[ \t\r\n]*"
    r"(?:\.[ \t\r\n]*([A-Za-z0-9_-]+))?\Z"
)


class Path(NamedTuple):
    """`Name[index].param`. `nth` is the index, None for none, 0 for empty brackets; `every` for `[*]`."""

    name: str
    kind: str
    nth: int | None
    every: bool
    param: str


def parse_path(text: str) -> Path:
    """Read a header path; raises FixupError."""
    match = _PATH.match(text)
    kind = kind_of(match[1]) if match is not None else None
    if match is None or kind is None:
        raise FixupError(f"{text!r} does not name a header's value: `Name`, `Name[index]`, `Name[*]`, `Name.param`")
    name, brackets, index, param = match.groups()
    every = index == "*"
    number = None if brackets is None else 0 if every or not index else int(index)
    return Path(name, kind, number, every, param or "")


class Item(NamedTuple):
    """One value: `start` to `end` without blanks around; `cut_start` to `cut_end` with its blanks and its comma.

    `last` tells that it is the last one of its header.
    """

    header: Header
    start: int
    end: int
    cut_start: int
    cut_end: int
    last: bool


def items_of(msg: Message, header: Header) -> Iterator[Item]:
    """The values of one header; an empty header has one empty value."""
    buf, at, end = msg.buf, header.value_start, header.value_end
    while True:
        cut = at
        while at < end and buf[at] in BLANKS:
            at += 1
        start, quoted = at, False
        while at < end and (quoted or buf[at] != ","):
            if buf[at] == '"' and not (quoted and buf[at - 1] == "\\"):
                quoted = not quoted
            at += 1
        stop = at
        while stop > start and buf[stop - 1] in BLANKS:
            stop -= 1
        if at < end:
            at += 1
        yield Item(header, start, stop, cut, at, at >= end)
        if at >= end:
            return


def find_item(msg: Message, kind: str, index: int) -> Item | None:
    """The value at `index`, from 1 or from the end."""
    if index == 0 or index < -MAX_BACK:
        return None
    found = [item for header in msg.all(kind) for item in items_of(msg, header)]
    position = index - 1 if index > 0 else len(found) + index
    return found[position] if 0 <= position < len(found) else None


def find_header(msg: Message, kind: str, index: int) -> Header | None:
    """The header at `index`, from 1 or from the end: for headers whose commas part parameters."""
    if index == 0 or index < -MAX_BACK:
        return None
    found = msg.all(kind)
    position = index - 1 if index > 0 else len(found) + index
    return found[position] if 0 <= position < len(found) else None


class Address(NamedTuple):
    """What stands in front of a value's parameters: texts of the name and the URI, and where the parameters start."""

    name: str
    uri: str
    params: int


def split_address(text: str) -> Address:
    """Name, URI (with its brackets) and the place of the first `;` of a value such as `"A" <sip:a@b>;q=1`."""
    name_end = uri_start = uri_end = -1
    at, length, closed = 0, len(text), False
    while at < length and text[at] != ";":
        begin, quoted = at, False
        while at < length:
            char = text[at]
            if quoted:
                quoted = not (char == '"' and text[at - 1] != "\\")
            elif char == '"':
                quoted, begin = True, -1
            elif char in "<;" or char in BLANKS:
                break
            at += 1
        if name_end <= 0:
            name_end = at
        if begin >= 0 and not closed:
            uri_start, uri_end = begin, at
        while at < length and text[at] in BLANKS:
            at += 1
        if at < length and text[at] == "<":
            uri_start, uri_end = at, at
            quoted = False
            while at < length:
                char = text[at]
                if quoted:
                    quoted = not (char == '"' and text[at - 1] != "\\")
                elif char == '"':
                    quoted = True
                elif char == ">":
                    uri_end, closed = at + 1, True
                    break
                at += 1
    name = text[:name_end] if name_end > 0 and uri_start != 0 else ""
    return Address(name, text[uri_start:uri_end] if uri_start >= 0 else "", at)


class Place(NamedTuple):
    """Where a parameter is, or where one would go.

    `value` is its value without quotes; `set_start` to `set_end` is what a new value (with its `=`) replaces, `start`
    to `end` the whole parameter with its separator. When it was not found, `start` is where to add one behind
    `separator`.
    """

    found: bool
    value: str
    set_start: int
    set_end: int
    start: int
    end: int
    separator: str


def find_param(text: str, at: int, name: str) -> Place:
    """The next parameter called `name` from `at` on in `;a=b;c="d"`; quotes around a value are not part of it."""
    length = len(text)
    while True:
        start = at
        at = _blanks(text, at)
        if at >= length or text[at] != ";":
            return Place(False, "", start, start, start, start, ";")
        at = _blanks(text, at + 1)
        begin = at
        while at < length and text[at] not in " \t\r\n=;":
            at += 1
        found = text[begin:at].lower() == name.lower()
        set_start, value = at, ""
        at = _blanks(text, at)
        if at < length and text[at] == "=":
            at = _blanks(text, at + 1)
            value, at = _value(text, at, ";")
        if found:
            return Place(True, value, set_start, at, start, at, ";")


def find_credential(text: str, at: int, name: str) -> Place:
    """The next `name=value` from `at` on in `Scheme a=b, c="d"`, whose parts commas separate."""
    length, separator = len(text), ""
    while at < length:
        start = at
        at = _blanks(text, at)
        comma = at < length and text[at] == ","
        at = _blanks(text, at + comma)
        if at >= length or not _is_name(text[at]):
            # Kamailio steps over nothing here and so never comes back from such a text.
            at += 1
            continue
        begin = at
        separator = separator or " "
        while at < length and _is_name(text[at]):
            at += 1
        named = text[begin:at]
        at = _blanks(text, at)
        set_start = at
        if at < length and text[at] == "=":
            separator = ","
            at = _blanks(text, at + 1)
            value, at = _value(text, at, ",")
            if named.lower() == name.lower():
                end, behind = at, _blanks(text, at)
                if not comma and behind < length and text[behind] == ",":
                    end = behind + 1
                return Place(True, value, set_start, at, start, end, separator)
        at = _blanks(text, at)
    return Place(False, "", length, length, length, length, separator)


def _value(text: str, at: int, stop: str) -> tuple[str, int]:
    length = len(text)
    if at < length and text[at] == '"':
        close = text.find('"', at + 1)
        return (text[at + 1 :], length) if close < 0 else (text[at + 1 : close], close + 1)
    begin = at
    while at < length and text[at] not in BLANKS and text[at] != stop:
        at += 1
    return text[begin:at], at


def _blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANKS:
        at += 1
    return at


def _is_name(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in "_-")
