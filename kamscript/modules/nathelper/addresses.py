"""Addresses that are not reachable from everywhere (RFC 1918, 6598, 7335; nathelper.c, is1918addr)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Network
from typing import Final

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
PRIVATE: Final = tuple(
    IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/29")
)
#: All of the IETF's protocol assignments, with nat_addr_mode 1.
ASSIGNED: Final = IPv4Network("192.0.0.0/24")


def ipv4_number(text: str) -> int | None:
    """An IPv4 address as inet_aton() reads it, `10.1` and `0x0a.1` too; None for anything else."""
    parts = text.rstrip(" \t\r\n\v\f").split(".") if text[:1].isdecimal() else []
    if not 1 <= len(parts) <= 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    numbers: list[int] = []
    for part in parts:
        base = 16 if part[:2].lower() == "0x" else 8 if part[0] == "0" and len(part) > 1 else 10
        try:
            numbers.append(int(part, base))
        except ValueError:  # 8 or 9 in an octal number
            return None
    *heads, last = numbers
    if any(head > 255 for head in heads) or last >= 1 << 8 * (5 - len(numbers)):
        return None
    return sum(head << 24 - 8 * place for place, head in enumerate(heads)) + last


@lru_cache(4096)
def is_private(text: str, mode: int = 1) -> bool:
    """Whether an IPv4 address is one of a private network; names and IPv6 addresses are not. `mode`: nat_addr_mode."""
    number = ipv4_number(text)
    if number is None:
        return False
    nets = (*PRIVATE, ASSIGNED) if mode == 1 else PRIVATE
    return any(number & int(net.netmask) == int(net.network_address) for net in nets)


def is_null(address: str, version: int) -> bool:
    """Whether an SDP address is that of a stream on hold: `0.0.0.0`, or nothing but zeros in IPv6."""
    return not address.strip("0:") if version == 6 else address == "0.0.0.0"
