"""Contact URIs written into the user part of another URI (encode_contact) or into a parameter (contact_param_encode).

Source: siputils manual; src/modules/siputils/contact_ops.c; core/basex.c.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

_BAD_URI = -20  #: added to the code of what could not be taken apart
_URL_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class Failed(Exception):
    """A URI could not be encoded or decoded; `code` is what the script function returns."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class _Parts(NamedTuple):
    user: str
    password: str
    host: str
    port: str
    transport: str


def encode_uri(uri: str, prefix: str, address: str, separator: str) -> str:
    """`sip:PREFIX*user*password*host*port*transport@ADDRESS`; other parameters go. Raises Failed."""
    if len(uri) <= 1:
        raise Failed(-1, "no contact")
    scheme, colon, _ = uri.partition(":")
    if not colon:
        raise Failed(-5 + _BAD_URI, f"no colon in {uri}")
    if len(scheme) < 3:
        raise Failed(-6 + _BAD_URI, f"no scheme in {uri}")
    # Kamailio steps back three characters from the colon, so sips: reads as ips: and fails.
    start = len(scheme) - 3
    try:
        parsed = parse_uri(uri[start:])
    except SipError as error:
        raise Failed(-11 + _BAD_URI, f"{uri}: {error}") from None
    parts = (prefix, parsed.user, parsed.password, parsed.host, parsed.port, parsed.transport)
    return f"{uri[: start + 4]}{separator.join(parts)}@{address}"


def decode_uri(uri: str, separator: str) -> str:
    """What encode_uri made of a URI, undone; what stands behind the address stays. Raises Failed."""
    if not uri:
        raise Failed(-1, "no URI")
    start = uri.find(":") + 1
    if not start:
        raise Failed(-2 + _BAD_URI, f"no colon in {uri}")
    at = uri.find("@", start)
    if at < 0:
        raise Failed(-3 + _BAD_URI, f"no @ in {uri}")
    fields = uri[start:at].split(separator)
    if len(fields) > 6:
        raise Failed(-4 + _BAD_URI, f"more than six fields in {uri}")
    if len(fields) < 6:
        raise Failed(-6 + _BAD_URI, f"{len(fields)} of six fields in {uri}")
    parts = _Parts(*fields[1:])
    if not parts.host:
        raise Failed(-2, f"no host in {uri}")
    if parts.password and not parts.user:
        raise Failed(-3, f"a password and no user in {uri}")
    end = min((place for place in (uri.find(";", at), uri.find(">", at)) if place >= 0), default=len(uri))
    result = uri[:start]
    if parts.user:
        result += parts.user + (f":{parts.password}" if parts.password else "") + "@"
    result += parts.host
    if parts.port:
        result += f":{parts.port}"
    if parts.transport:
        result += f";transport={parts.transport}"
    return result + uri[end:]


def to_base64(text: str) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(text.encode("latin-1")).decode().rstrip("=")


def from_base64(text: str) -> str | None:
    """The text behind URL-safe base64, padded or not; None when it is none."""
    digits = text.rstrip("=")
    if not digits or not _URL_SAFE.issuperset(digits):
        return None
    length = len(digits) * 6 // 8
    # A single digit left over holds no whole byte.
    whole = digits[:-1] if len(digits) % 4 == 1 else digits
    decoded = base64.urlsafe_b64decode(whole + "=" * (-len(whole) % 4)).decode("latin-1")
    return decoded[:length] or None
