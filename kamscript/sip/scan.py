"""The careful reader of first line and headers, for everything that the quick one of `message` leaves alone.

It follows parse_first_line(), get_hdr_field() and parse_headers() of Kamailio 5.6 to the byte: folding, bare line
feeds, NULs, duplicates, and where reading stops.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kamscript.sip.errors import SipError
from kamscript.sip.headers import METHODS, learn_kind, parse_content_length, parse_cseq, parse_retry_after
from kamscript.sip.nameaddr import parse_to
from kamscript.sip.via import parse_via

#: Headers that a SIP message may hold once; a second one ends the reading of headers.
UNIQUE = frozenset(("call-id", "to", "cseq", "from", "max-forwards", "content-length"))

_LEADING = re.compile(r"[\n\r\0\t ]*")
_TOKEN = re.compile(r"[^ \t\r\n]*")
_BLANKS = re.compile(r"[ \t]*")
_LINE_REST = re.compile(r"[^\r\n]*")
_LWS = re.compile(r"(?:[ \t]|\r?\n[ \t])*")
_NAME = re.compile(r"[0-9A-Za-z\-._+~]+[ \t]*:")
# most headers end at a line feed that no blank follows; Via and To end at a bare CR too
_END = re.compile(r"\n(?![ \t])")
_STRICT_END = re.compile(r"(?:\r\n|\n|\r(?!\n))(?![ \t])")


class Header:
    """One header line, folded lines included. All offsets are characters in `Message.buf`.

    `name` is as written; `kind` the canonical lower-case long name, interned (`"via"` for `v:`, `"call-id"` for `i:`;
    for a header Kamailio does not know, its own name in lower case). `value` is Kamailio's hdr->body: blanks in front
    gone, line end and NULs behind gone; folding and blanks behind stay. The line is `buf[start:end]`, line end
    included; the value `buf[value_start:value_end]`.
    """

    __slots__ = ("end", "kind", "name", "start", "value", "value_end", "value_start")

    def __init__(
        self, name: str, kind: str, start: int, value_start: int, value_end: int, end: int, value: str
    ) -> None:
        self.name, self.kind, self.start, self.value_start = name, kind, start, value_start
        self.value_end, self.end, self.value = value_end, end, value

    def __repr__(self) -> str:
        return f"Header({self.name!r}, {self.value!r})"


class FirstLine(NamedTuple):
    """What the first line says. `status` is 0 for a request; `end` is where the first header starts."""

    method: str
    uri: str
    version: str
    status: int
    reason: str
    start: int
    uri_start: int
    end: int


def first_line(text: str) -> FirstLine:
    """Read the first line (parse_first_line); raises SipError."""
    found = _LEADING.match(text)
    start = found.end() if found else 0
    length = len(text)
    if length - start <= 16:
        raise SipError("message too short")
    is_reply = text[start : start + 7].upper() == "SIP/2.0" and text[start + 7] == " "
    second = _span(_TOKEN, text, start)
    method = text[start:second]
    if not is_reply and (not method or second >= length or text[second] != " "):
        raise SipError("bad method in the first line")
    second += 1
    second_end = _span(_TOKEN, text, second)
    third = _span(_BLANKS, text, second_end)
    if second_end >= length or third == second_end:
        raise SipError("first line ends early")
    middle = text[second:second_end]
    if is_reply:
        if len(middle) != 3 or not (middle.isascii() and middle.isdigit()):
            raise SipError("bad status code")
        third_end = _span(_LINE_REST, text, third)
    else:
        third_end = _span(_TOKEN, text, third)
        after = _span(_BLANKS, text, third_end)
        if third_end == third or after >= length or text[after] not in "\r\n":
            raise SipError("bad end of the request line")
    if third_end >= length:
        raise SipError("first line does not end")
    line_end = text.find("\n", third_end)
    if line_end < 0:
        raise SipError("first line does not end")
    # a CR behind the line feed is skipped, and a line feed at the very end is not
    end = line_end + 1 if line_end + 1 < length else line_end
    if end + 1 < length and text[end] == "\r":
        end += 1
    if is_reply:
        return FirstLine("", "", method, int(middle), text[third:third_end], start, second, end)
    return FirstLine(method, middle, text[third:third_end], 0, "", start, second, end)


def is_sip_version(version: str) -> bool:
    """Whether a request's version makes it SIP (FLINE_FLAG_PROTO_SIP)."""
    return version[:7].upper() == "SIP/2.0"


class Headers(NamedTuple):
    """All headers up to the end or the first bad one; `eoh` is the offset of the empty line, -1 when there is none."""

    headers: list[Header]
    error: str
    eoh: int


def read_headers(text: str, start: int, is_sip: bool) -> Headers:
    """Read the headers from `start` on (parse_headers with HDR_EOH_F).

    A bad header ends the reading; `error` says why. Never raises.
    """
    headers: list[Header] = []
    seen: set[str] = set()
    at, length = start, len(text)
    while at < length:
        if text[at] in "\r\n":
            return Headers(headers, "", at)
        try:
            header = _header(text, at)
        except SipError as error:
            return Headers(headers, str(error), -1)
        if header.kind in UNIQUE:
            if header.kind in seen and is_sip:
                return Headers(headers, f"duplicate {header.name}", -1)
            seen.add(header.kind)
        headers.append(header)
        at = header.end
    return Headers(headers, "", -1)


def _header(text: str, start: int) -> Header:
    found = _NAME.match(text, start)
    kind = learn_kind(found.group()) if found else None
    if found is None or kind is None:
        raise SipError("bad header name")
    name = found.group()[:-1].rstrip(" \t")
    value_start = _span(_LWS, text, found.end())
    if value_start >= len(text):
        raise SipError("header without a value at the end of the message")
    checked = _CHECKED.get(kind)
    match = (_STRICT_END if kind in ("via", "to") else _END).search(text, value_start)
    if match is None:
        raise SipError("header does not end")
    end = match.end()
    if checked is not None:
        raw = text[value_start : match.start()]
        if kind == "via":
            stop = parse_via(raw)[-1].end
            if stop < len(raw):
                end = value_start + stop  # it ends at a NUL; what follows is read as the next header
        elif kind == "to":
            stop = parse_to(raw).end
            if stop < len(raw):
                end = value_start + stop
        else:
            checked(raw[:-1] if raw[-1:] == "\r" else raw)
    value_end = end
    while value_end > value_start and text[value_end - 1] in "\r\n\0":
        value_end -= 1
    return Header(name, kind, start, value_start, value_end, end, text[value_start:value_end])


_CHECKED = {
    "via": parse_via,
    "to": parse_to,
    "cseq": parse_cseq,
    "content-length": parse_content_length,
    "retry-after": parse_retry_after,
}


def _span(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


__all__ = ["METHODS", "UNIQUE", "FirstLine", "Header", "Headers", "first_line", "is_sip_version", "read_headers"]
