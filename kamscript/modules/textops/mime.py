"""Mime types as Kamailio tells them apart (core/parser/parse_content.c): all unknown types are the same type."""

from __future__ import annotations

import re

#: Main type and subtype; "" stands for every one that Kamailio does not know, "*" for any.
Mime = tuple[str, str]

SDP: Mime = ("application", "sdp")
MIXED: Mime = ("multipart", "mixed")

_TYPES = frozenset(("text", "message", "application", "multipart", "*"))
_SUBTYPES = frozenset(
    (
        *("plain", "cpim", "sdp", "cpl+xml", "pidf+xml", "rlmi+xml", "related", "lpidf+xml", "xpidf+xml"),
        *("watcherinfo+xml", "external-body", "xml+msrtc.pidf", "cpim-pidf+xml", "mixed", "isup", "*"),
    )
)
_SPACE = r"(?:[ \t]|\n(?=[ \t]))*"
_NAME = r"(\*|[A-Za-z0-9\-+._!%*'`~]+)"
_FORM = re.compile(f"{_SPACE}{_NAME}{_SPACE}/{_SPACE}{_NAME}{_SPACE}(?:;[^,]*)?(?=,|\\Z)")


def parse_mime(text: str) -> tuple[Mime, int] | None:
    """The first type in `text`, its parameters skipped, and where it ends; None when there is none."""
    match = _FORM.match(text)
    if match is None:
        return None
    main, sub = match[1].lower(), match[2].lower()
    mime = (main if main in _TYPES else "", sub if sub in _SUBTYPES else "")
    if mime[0] == "*" and mime[1] != "*":
        return None
    return mime, match.end()
