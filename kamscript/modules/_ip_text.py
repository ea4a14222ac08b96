"""IP addresses as texts: which texts Kamailio takes for one, and how it shows one (core/resolve.c, core/ip_addr.c).

It is laxer than others in some places, and stricter in some: numbers that are too large count modulo 256 or 65536,
missing ones as 0; an IPv6 address has no dots, at most seven colons, and may stand in brackets.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

_HEX: Final = frozenset("0123456789abcdefABCDEF")
_MOST_COLONS: Final = 7


def packed(text: str) -> bytes | None:
    """The bytes of an address; None for a text that is none."""
    if text[:1] == "[" or ":" in text:
        return _packed_six(text)
    parts = text.split(".")
    if len(parts) != 4 or text.strip("0123456789."):
        return None
    return bytes(int(part[-8:] or "0") & 0xFF for part in parts)


def _packed_six(text: str) -> bytes | None:
    if text[:1] == "[":
        if text[-1:] != "]":
            return None
        text = text[1:-1]
    head, gap, tail = text.partition("::")
    if "::" in tail or tail[:1] == ":" or text.count(":") > _MOST_COLONS:
        return None
    front, back = _groups(head), _groups(tail)
    if front is None or back is None:
        return None
    if not gap:
        return b"".join(front).ljust(16, b"\0") if text.count(":") == _MOST_COLONS else None
    front = front or [b"\0\0"]
    return b"".join(front) + bytes(16 - 2 * (len(front) + len(back))) + b"".join(back)


def _groups(text: str) -> list[bytes] | None:
    """Numbers between colons, two bytes each; nothing behind the last colon is no number."""
    parts = text.split(":")
    if not parts[-1]:
        parts.pop()
    if not all(_HEX.issuperset(part) for part in parts):
        return None
    return [(int(part[-4:] or "0", 16)).to_bytes(2) for part in parts]


def shown(address: bytes) -> str:
    """An address as logs and commands show it (inet_ntop): the end of `::ffff:192.0.2.1` and `::192.0.2.1` has dots."""
    if len(address) == 16 and address[:10] == bytes(10):
        between, last = address[10:12], address[12:]
        if between == b"\xff\xff" or (between == b"\0\0" and last[:2] != b"\0\0"):
            return ("::ffff:" if between != b"\0\0" else "::") + str(ip_address(last))
    return str(ip_address(address))
