"""Header names, and the small headers: CSeq, Content-Length, Expires, Allow and the like.

Source: core/parser/parse_hname2.c, parse_cseq.c, parse_content.c, parse_expires.c, parse_methods.c of Kamailio 5.6.
"""

from __future__ import annotations

import re
import sys

from kamscript.sip.errors import SipError
from kamscript.sip.remember import remember

_NAMES = (
    "Accept Accept-Contact Accept-Language Allow Allow-Events Authorization Call-ID Call-Info Contact "
    "Content-Disposition Content-Encoding Content-Length Content-Type CSeq Date Diversion Event Expires From Identity "
    "Identity-Info Max-Forwards Min-Expires Min-SE Organization Path Priority Privacy Proxy-Authenticate "
    "Proxy-Authorization Proxy-Require P-Preferred-Identity P-Asserted-Identity Reason Record-Route Refer-To "
    "Referred-By Reject-Contact Remote-Party-ID Request-Disposition Require Retry-After Route Server Session-Expires "
    "SIP-If-Match Subject Subscription-State Supported To Unsupported User-Agent Via WWW-Authenticate "
)
_LONG_NAMES = _NAMES.split()

#: Compact forms that Kamailio knows.
COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}

#: Kinds that have a type of their own in Kamailio (HDR_*_T); all others are HDR_OTHER_T there.
KNOWN_KINDS = frozenset(name.lower() for name in _LONG_NAMES)

_METHODS = (
    "INVITE CANCEL ACK BYE INFO REGISTER SUBSCRIBE NOTIFY MESSAGE OPTIONS PRACK UPDATE REFER PUBLISH KDMQ GET POST PUT "
    "DELETE"
)
#: Methods that Kamailio knows (METHOD_*); the reader takes them in any letter case.
METHODS = frozenset(_METHODS.split())

_NAME = re.compile(r"[0-9A-Za-z\-._+~]+")
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_CSEQ = re.compile(r"([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)(?:[ \t]|(?:\r\n|\n)[ \t])*")
_CONTENT_LENGTH = re.compile(r"([0-9]+)[ \t]*(?:\r?\n[ \t]+)*")
_RETRY_AFTER = re.compile(r"([0-9]{1,10})(?:[ \t;(][^\0]*)?", re.DOTALL)

# Spelling (with its colon) -> kind. Filled with the usual spellings; others are learned, up to a limit.
_KINDS: dict[str, str] = {}
_LEARN_LIMIT = 4096
kind_of_spelling = _KINDS.get


def _fill() -> None:
    for name in _LONG_NAMES:
        kind = sys.intern(name.lower())
        for spelling in (name, name.lower(), name.upper(), name.title()):
            _KINDS[spelling + ":"] = kind
    for short, kind in COMPACT.items():
        _KINDS[short + ":"] = _KINDS[short.upper() + ":"] = sys.intern(kind)


_fill()


def learn_kind(spelling: str) -> str | None:
    """The kind of a header name that is written `spelling` (its colon, blanks in front of it included).

    None when that is no header name for Kamailio: then the header is bad.
    """
    name = spelling[:-1].rstrip(" \t")
    if spelling[-1:] != ":" or _NAME.fullmatch(name) is None:
        return None
    lower = name.lower()
    kind = sys.intern(COMPACT.get(lower, lower))
    if len(_KINDS) < _LEARN_LIMIT:
        _KINDS[spelling] = kind
    return kind


def header_kind(name: str) -> str:
    """The kind of a header name as a config writes it: canonical long name in lower case.

    As in parse_hname2_str() only the beginning that can be a name decides whether it is a known one. Raises SipError
    when there is no such beginning.
    """
    found = _NAME.match(name)
    if found is None:
        raise SipError(f"{name!r} is no header name")
    begins = found.group().lower()
    kind = COMPACT.get(begins, begins)
    return kind if kind in KNOWN_KINDS else name.lower().rstrip(" \t\r\n")


class CSeq:
    """A CSeq header. `number_text` as written, `number` what str2int makes of it (0 when it is no number).

    `method` is as written, `method_id` upper case when Kamailio knows the method in this or another letter case.
    """

    __slots__ = ("method", "method_id", "number", "number_text")

    def __init__(self, number_text: str, method: str) -> None:
        self.number_text, self.method, self.method_id = number_text, method, method_id(method)
        # The last 32 digits say what the lowest 32 bits are; Python reads only some thousands at once.
        self.number = int(number_text[-32:]) & 0xFFFFFFFF if number_text.isascii() and number_text.isdigit() else 0

    def __repr__(self) -> str:
        return f"CSeq({self.number_text} {self.method})"


def method_id(method: str) -> str:
    """The name by which to compare a method: upper case for those Kamailio knows, else as written."""
    if method in METHODS:
        return method
    upper = method.upper()
    return upper if upper in METHODS else method


@remember(4096)
def parse_cseq(value: str) -> CSeq:
    """A CSeq value; raises SipError. The number is not checked, as there."""
    found = _CSEQ.fullmatch(value)
    if found is None:
        raise SipError("bad CSeq")
    return CSeq(found.group(1), sys.intern(found.group(2)))


@remember(1024)
def parse_content_length(value: str) -> int:
    """A Content-Length value; raises SipError, also for more than 2147483639 (nine digits below 214748364 and one)."""
    found = _CONTENT_LENGTH.fullmatch(value)
    if found is None:
        raise SipError("bad Content-Length")
    digits = found.group(1).lstrip("0") or "0"
    if len(digits) > 10 or int(digits[:-1] or "0") >= 214748364:
        raise SipError("Content-Length too large")
    return int(digits)


@remember(1024)
def parse_retry_after(value: str) -> int:
    """A Retry-After value in seconds (comments and parameters ignored); raises SipError."""
    found = _RETRY_AFTER.fullmatch(value)
    if found is None:
        raise SipError("bad Retry-After")
    return int(found.group(1)) & 0xFFFFFFFF


@remember(1024)
def parse_expires(value: str) -> int | None:
    """Seconds of an Expires value (parse_expires): a number of at most ten digits, text behind a blank ignored.

    None when it is no number (Kamailio's valid=0, a date of RFC 2543); raises SipError when empty.
    """
    text = value.strip(" \t\r\n")
    if not text:
        raise SipError("empty Expires")
    if len(text) > 10:
        return None
    digits = re.split(r"[ \t\r\n]", text, maxsplit=1)[0]
    return int(digits) & 0xFFFFFFFF if digits.isascii() and digits.isdigit() else None


def parse_max_forwards(value: str) -> int:
    """Max-Forwards as module maxfwd reads it: at most five digits, blanks around them; -1 when it is anything else.

    The number is one of 16 bits (65536 is 0), and nothing at all is 0.
    """
    text = value.strip(" \t\r\n\0")
    if not text:
        return 0
    return int(text) & 0xFFFF if len(text) <= 5 and text.isascii() and text.isdigit() else -1


def parse_methods(value: str) -> list[str]:
    """Methods of an Allow value or a methods parameter, known ones in upper case; raises SipError (parse_methods)."""
    methods: list[str] = []
    text = value.strip(" \t\r\n")
    if not text:
        return methods
    for item in text.split(","):
        name = item.strip(" \t\r\n")
        if not name and methods:
            return methods  # a comma at the end
        if _TOKEN.fullmatch(name) is None:
            raise SipError("bad method")
        methods.append(method_id(name))
    return methods


def parse_options(value: str) -> list[str]:
    """Option tags of Supported, Require, Proxy-Require, Unsupported: lower case, in order."""
    return [tag for tag in (item.strip(" \t\r\n").lower() for item in value.split(",")) if tag]
