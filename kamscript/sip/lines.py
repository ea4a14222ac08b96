"""First lines and header lines that were read before.

The lines of a call come back with each of its messages: a dozen of them are new in thirteen messages. So whoever reads
a message looks its lines up here; only new ones are taken apart. The results are shared: do not change them.

None stands for a line that asks for the careful reader (`kamscript.sip.scan`): folded, with a NUL or a bare CR or LF
in it, with a name or value that is no good, or written in an unusual way.
"""

from __future__ import annotations

from typing import Any

from kamscript.sip.errors import SipError
from kamscript.sip.headers import METHODS, kind_of_spelling, learn_kind, parse_content_length, parse_cseq
from kamscript.sip.headers import parse_retry_after as _parse_retry_after
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

_headers: dict[str, HeaderLine] = {}
_firsts: dict[str, FirstLine] = {}
known_header = _headers.get
known_first = _firsts.get

_CHECKED = {
    "via": parse_via,
    "to": parse_to,
    "cseq": parse_cseq,
    "content-length": parse_content_length,
    "retry-after": _parse_retry_after,
}


def read_header(line: str) -> HeaderLine | None:
    """A header line without its line end that is not known yet."""
    colon = line.find(":") + 1
    spelling = line[:colon]
    kind = kind_of_spelling(spelling) or learn_kind(spelling)
    if kind is None or "\r" in line or "\n" in line or "\0" in line:
        return None
    value = line[colon:].lstrip(" \t")
    check = _CHECKED.get(kind)
    try:
        found = (kind, value, check(value) if check is not None else None)
    except SipError:
        return None
    if len(line) <= LONGEST:
        if len(_headers) >= _LIMIT:
            _headers.clear()
        _headers[line] = found
    return found


def read_first(line: str) -> FirstLine | None:
    """A first line without its line end that is not known yet."""
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
