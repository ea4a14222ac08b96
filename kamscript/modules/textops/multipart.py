"""Bodies of several parts (RFC 2046): finding, adding and removing parts as textops does it."""

from __future__ import annotations

import re
from typing import NamedTuple

from kamscript.modules.textops.mime import MIXED, Mime, parse_mime
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.sip.params import parse_params

CRLF = "\r\n"
DEFAULT_TYPE = "text/plain"
DEFAULT_BOUNDARY = "unique-boundary-1"

_CONTENT_TYPE = re.compile(r"(?:content-type|c)[ \t]*:[ \t]*", re.IGNORECASE)


def content_type(msg: Message) -> Mime | bool | None:
    """The message's mime type; None without Content-Type, False when it is malformed."""
    value = msg.value("content-type")
    if value is None:
        return None
    found = parse_mime(value)
    if found is None or found[1] != len(value) or "*" in found[0]:
        return False
    return found[0]


def is_mixed(msg: Message) -> bool:
    """Whether the body is multipart/mixed."""
    return content_type(msg) == MIXED


def boundary(msg: Message) -> str | None:
    """The boundary parameter of Content-Type, "" when there are other parameters only; None without any."""
    value = msg.value("content-type")
    if value is None or ";" not in value:
        return None
    try:
        params, _ = parse_params(value, value.index(";") + 1)
    except SipError:
        return None
    return next((param.value or "" for param in params if param.name.lower() == "boundary"), "")


class Part(NamedTuple):
    """A part of a body that was found by its type; offsets in the body.

    `start` is where its Content-Type line starts, `headers_end` what follows that line, `end` where the boundary line
    behind the part starts and `next` what follows that line.
    """

    start: int
    headers_end: int
    end: int
    next: int


def find_part(body: str, mime: str, mark: str) -> Part | None:
    """The first part whose Content-Type begins with `mime` (in any case); `mark` is the boundary with its `--`.

    None when there is none, or when something in it does not end as it must.
    """
    at = 0
    while True:
        line = _next_content_type(body, at)
        if line is None:
            return None
        start, value = line
        if len(body) - value <= len(mime) + 2:
            return None
        if body[value : value + len(mime)].lower() != mime.lower():
            at = value
            continue
        behind = value + len(mime)
        if body[behind : behind + 2] != CRLF:
            return None
        headers_end = behind + 2
        end = _line_starting_with(body, headers_end, mark)
        if end is None:
            return None
        after = body.find("\r", end + len(mark))
        if after < 0:
            return Part(start, headers_end, end, len(body))
        return Part(start, headers_end, end, after + 2) if body[after + 1 : after + 2] == "\n" else None


def _next_content_type(body: str, at: int) -> tuple[int, int] | None:
    """Where the next Content-Type line at or behind `at` starts, and where its value starts."""
    while at < len(body):
        match = _CONTENT_TYPE.match(body, at)
        if match is not None:
            return (at, match.end()) if match.end() < len(body) else None
        line_end = body.find("\r", at)
        if line_end < 0 or body[line_end + 1 : line_end + 2] != "\n":
            return None
        at = line_end + 2
    return None


def _line_starting_with(body: str, at: int, mark: str) -> int | None:
    while at + len(mark) <= len(body):
        if body.startswith(mark, at):
            return at
        line_end = body.find("\r", at)
        if line_end < 0 or body[line_end + 1 : line_end + 2] != "\n":
            return None
        at = line_end + 2
    return None


def build_part(text: str, mime: str, mark: str, *, disposition: str = "", first: bool = False) -> str:
    """A part with the boundary line behind it, and for the `first` one also the line in front of it.

    `mark` is the boundary without its `--`.
    """
    line = f"--{mark}{CRLF}"
    head = f"Content-Type: {mime}{CRLF}"
    if disposition:
        head += f"Content-Disposition: {disposition}{CRLF}"
    gap = "" if text.endswith(CRLF + CRLF) else CRLF
    return f"{line if first else ''}{head}{CRLF}{text}{gap}{line}"
