"""Telephone numbers, and tel: URIs made SIP URIs (RFC 3966; RFC 3261 section 19.1.6). Source: siputils/checks.c."""

from __future__ import annotations

import re

_VISUAL = str.maketrans("", "", "-.()")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_NUMBER = re.compile(r"\+?[0-9.\-()]*")
#: Parameters that come first in a SIP URI, in this order (RFC 3261 19.1.6).
_FIRST = ("isdn-subaddress", "post-dial")
_MOST_PARAMS = 10


def is_e164(number: str, longest: int) -> bool:
    """Whether a text is `+` and at least two digits, `longest` characters at most."""
    digits = number[1:]
    return 2 < len(number) <= longest and number[0] == "+" and digits.isascii() and digits.isdigit()


def is_tel_number(number: str) -> bool:
    """Whether a text is digits, perhaps behind a `+` (then the first is not 0)."""
    digits = number.removeprefix("+")
    return bool(digits) and digits.isascii() and digits.isdigit() and not (number[0] == "+" and digits[0] == "0")


def is_tel_uri(uri: str) -> bool:
    """Whether the scheme is tel."""
    return uri[:4].lower() == "tel:"


def _clean(uri: str) -> tuple[str, str]:
    """Number and parameters of a tel: URI in small letters, the number without visual separators."""
    number, semicolon, params = uri[4:].translate(_LOWER).partition(";")
    return number.translate(_VISUAL), semicolon + params


def sip_uri(tel: str, host: str) -> str:
    """The SIP URI of a tel: URI, its parameters as they stand."""
    number, params = _clean(tel)
    return f"sip:{number}{params}@{host};user=phone"


def ordered_sip_uri(tel: str, host: str) -> str:
    """The SIP URI of a tel: URI, its parameters in the order of RFC 3261, a domain as phone-context left out."""
    number, rest = _clean(tel)
    # Kamailio counts ten parameters; what follows belongs to the value of the tenth.
    params: list[tuple[str, str]] = []
    for param in rest.split(";", _MOST_PARAMS)[1:]:
        name, _, value = param.partition("=")
        if name == "phone-context":
            if not _NUMBER.fullmatch(value):
                continue
            value = value.translate(_VISUAL)
        params.append((name, value))
    params.sort(key=_rank)
    return f"sip:{number}{''.join(f';{name}={value}' for name, value in params)}@{host};user=phone"


def _rank(param: tuple[str, str]) -> tuple[int, str]:
    name = param[0]
    return (_FIRST.index(name), "") if name in _FIRST else (len(_FIRST), name)
