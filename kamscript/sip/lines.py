"""First lines and header lines that were read before.

The lines of a call come back with each of its messages: a dozen of them are new in thirteen messages. So whoever reads
a message looks its lines up here; only new ones are taken apart. The results are shared: do not change them.

Some lines ask for the careful reader (`kamscript.sip.scan`): folded, with a NUL or a bare CR or LF in it, with a name
or value that is no good, or written in an unusual way.
"""

from __future__ import annotations

from typing import Any

from kamscript.sip.errors import SipError
from kamscript.sip.headers import (
    METHODS,
    kind_of_spelling,
    learn_kind,
    parse_content_length,
    parse_cseq,
    parse_retry_after,
)
from kamscript.sip.nameaddr import parse_to
from kamscript.sip.remember import LONGEST
from kamscript.sip.via import parse_via

#: Kind, value (blanks in front of it gone), and what became of a value that is checked while reading: the list of Via,
#: the ToBody, the CSeq, the number of Content-Length; else None.
HeaderLine = tuple[str, str, Any]
#: is_request, method, uri, status, reason, where the request URI starts and ends (of a reply: the status).
FirstLine = tuple[bool, str, str, int, str, int, int]

#: So many lines of each kind are kept, then all are forgotten.
_LIMIT = 8192

_CHECKED = {
    "via": parse_via.__wrapped__,  # type: ignore[attr-defined]
    "to": parse_to.__wrapped__,  # type: ignore[attr-defined]
    "cseq": parse_cseq.__wrapped__,  # type: ignore[attr-defined]
    "content-length": parse_content_length,
    "retry-after": parse_retry_after,
}


class _HeaderLines(dict[str, HeaderLine]):
    """What header lines without their line ends say. Raises SipError for one that the careful reader must see."""

    def __missing__(self, line: str) -> HeaderLine:
        colon = line.find(":") + 1
        spelling = line[:colon]
        kind = kind_of_spelling(spelling) or learn_kind(spelling)
        if kind is None or "\r" in line or "\n" in line or "\0" in line:
            raise SipError("no plain header line")
        value = line[colon:].lstrip(" \t")
        check = _CHECKED.get(kind)
        found = (kind, value, check(value) if check is not None else None)
        if len(line) <= LONGEST:
            if len(self) >= _LIMIT:
                self.clear()
            self[line] = found
        return found


_firsts: dict[str, FirstLine] = {}
known_header = _HeaderLines().__getitem__
known_first = _firsts.get


def read_first(line: str) -> FirstLine | None:
    """What a first line says that is not known yet; None: the careful reader must see it."""
    if "\r" in line or "\n" in line or "\0" in line:
        return None
    parts = line.split(" ")
    method = parts[0]
    found: FirstLine
    if method == "SIP/2.0":
        status = parts[1] if len(parts) > 2 else ""
        if len(status) != 3 or not (status.isascii() and status.isdigit()):
            return None
        found = (False, "", "", int(status), line[12:].lstrip(" \t"), 8, 8)
    else:
        if len(parts) != 3 or method not in METHODS or parts[2] != "SIP/2.0" or "\t" in line:
            return None
        uri = parts[1]
        start = len(method) + 1
        found = (True, method, uri, 0, "", start, start + len(uri))
    if len(line) <= LONGEST:
        if len(_firsts) >= _LIMIT:
            _firsts.clear()
        _firsts[line] = found
    return found
