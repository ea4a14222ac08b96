"""IP addresses as texts: which texts Kamailio takes for one, and how it shows one (core/resolve.c, core/ip_addr.c)."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address, ip_address


def packed(text: str) -> bytes | None:
    """The bytes of an address; None for a text that is none.

    IPv6 addresses may stand in brackets. Numbers of an IPv4 address above 255 count modulo 256, missing ones as 0
    (str2ip).
    """
    if text[:1] != "[" and ":" not in text:
        parts = text.split(".")
        if len(parts) != 4 or text.strip("0123456789."):
            return None
        return bytes(int(part[-8:] or "0") & 0xFF for part in parts)
    try:
        return IPv6Address(text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text).packed
    except AddressValueError:
        return None


def shown(address: bytes) -> str:
    """An address as logs and commands show it."""
    return str(ip_address(address))
