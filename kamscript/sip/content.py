"""MIME types of Content-Type and Accept, and multipart boundaries (core/parser/parse_content.c, sdp_helpr_funcs.c)."""

from __future__ import annotations

import re
from typing import NamedTuple

from kamscript.sip.errors import SipError
from kamscript.sip.remember import remember

_WS = r"(?:[ \t]|\n[ \t])*"
_CHARS = r"[A-Za-z0-9\-+._!%*'`~]+"
_BOUNDARY = re.compile(r"[^;]*;[ \t]*boundary[ \t]*=[ \t]*(.+)", re.IGNORECASE | re.DOTALL)
_MIME = re.compile(rf"{_WS}(\*|{_CHARS}){_WS}/{_WS}(\*|{_CHARS}){_WS}(;[^,]*)?")


class Mime(NamedTuple):
    """A MIME type in lower case; `*` stands for any."""

    type: str
    subtype: str
    params: str = ""  #: what follows the first `;`, as written

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}"


@remember(256)
def parse_content_type(value: str) -> Mime:
    """The one type of a Content-Type value; raises SipError where parse_content_type_hdr() fails (wildcards too)."""
    found = _MIME.fullmatch(value)
    if found is None or "*" in found.group(1, 2):
        raise SipError("bad Content-Type")
    return Mime(found.group(1).lower(), found.group(2).lower(), (found.group(3) or "")[1:])


@remember(256)
def parse_accept(value: str) -> list[Mime]:
    """The types of an Accept value; raises SipError where parse_accept_hdr() fails. The list is shared."""
    types: list[Mime] = []
    at = 0
    while True:
        found = _MIME.match(value, at)
        if found is None or (found.group(1) == "*" and found.group(2) != "*"):
            raise SipError("bad Accept")
        types.append(Mime(found.group(1).lower(), found.group(2).lower(), (found.group(3) or "")[1:]))
        at = found.end()
        if at == len(value):
            return types
        if value[at] != "," or at + 1 == len(value):
            raise SipError("bad Accept")
        at += 1


def boundary(value: str) -> str:
    """The boundary parameter of a multipart Content-Type, when it is the first parameter (get_mixed_part_delimiter).

    Quotes are taken off; without quotes all that follows the `=` counts. Raises SipError.
    """
    found = _BOUNDARY.match(value)
    if found is None:
        raise SipError("no boundary in Content-Type")
    text = found.group(1)
    if text[0] in "\"'":
        if len(text) < 3 or text[-1] != text[0]:
            raise SipError("bad boundary in Content-Type")
        return text[1:-1]
    return text
