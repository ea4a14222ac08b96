"""Texts that are IP addresses, their kinds, subnets (ip_parser.rl, detailed_ip_type.c; IANA's special addresses)."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]|[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
#: What follows the address plays no part.
_PRIVATE: Final = re.compile(rf"(?:10\.{_OCTET}|172\.(?:1[6-9]|2[0-9]|3[01])|192\.168)\.{_OCTET}\.{_OCTET}")
_LEADING: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
#: What may make a whole IPv6 address of the beginning of a longer one.
_ENDINGS: Final = ("1", ":1", ".1.1.1", "1.1.1", ".1.1", "1.1", ".1")


class Kind(enum.Enum):
    """What a text is."""

    NONE = -1
    IPV4 = 1
    IPV6 = 2
    REFERENCE = 3  #: an IPv6 address in brackets


@lru_cache(4096)
def kind_of(text: str) -> Kind:
    """What a text is. Behind an IPv6 address there may be the beginning of a longer one: `::1.2`."""
    if _IPV4.fullmatch(text):
        return Kind.IPV4
    if ":" not in text:
        return Kind.NONE
    if text[0] == "[":
        return Kind.REFERENCE if text[-1] == "]" and _is_ipv6(text[1:-1]) else Kind.NONE
    if _is_ipv6(text):
        return Kind.IPV6
    begun = any(_is_ipv6(text[:end]) for end in range(2, len(text)))
    return Kind.IPV6 if begun and any(_is_ipv6(text + ending) for ending in _ENDINGS) else Kind.NONE


def _is_ipv6(text: str) -> bool:
    if len(text) > 45 or "%" in text:
        return False
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def is_private(text: str) -> bool:
    """Whether a text begins with an IPv4 address of RFC 1918."""
    return _PRIVATE.match(text) is not None


def parsed(text: str, kind: Kind) -> IPv4Address | IPv6Address | None:
    """The address; None when the text is only the beginning of one, or none at all."""
    try:
        return IPv4Address(text) if kind is Kind.IPV4 else IPv6Address(text) if "%" not in text else None
    except AddressValueError:
        return None


def equal(first: str, second: str, *, pure: bool) -> bool:
    """Whether two texts are the same address; brackets make no difference, but `pure` ones have none."""
    addresses = []
    for text in (first, second):
        kind = kind_of(text)
        if kind is Kind.NONE or (pure and kind is Kind.REFERENCE):
            return False
        plain, kind = (text[1:-1], Kind.IPV6) if kind is Kind.REFERENCE else (text, kind)
        addresses.append(parsed(plain, kind))
    return addresses[0] is not None and addresses[0] == addresses[1]


# -- subnets ----------------------------------------------------------------------------------------------------------
def in_subnets(text: str, subnets: str, *, masks_stay: bool = False) -> bool:
    """Whether an address lies in one of `network/bits` or equals one of the addresses, separated by commas.

    `masks_stay`: what a mask takes off an IPv6 address is gone for the subnets behind it, as in 5.6.
    """
    kind = kind_of(text)
    address = parsed(text, kind) if kind in (Kind.IPV4, Kind.IPV6) else None
    if address is None:
        return False
    number, width = int(address), address.max_prefixlen
    for entry in subnets.split(","):
        entry = entry.strip(" ")
        network, bits = _network(entry)
        if kind_of(network) is not kind or (base := parsed(network, kind)) is None:
            continue
        if bits == -1:
            if number == int(base):
                return True
        elif 0 <= bits <= width:
            mask = ((1 << width) - 1) ^ ((1 << (width - bits)) - 1)
            if number & mask == int(base) & mask:
                return True
            if masks_stay and kind is Kind.IPV6:
                number &= mask
    return False


@lru_cache(1024)
def _network(entry: str) -> tuple[str, int]:
    """The address and the bits of its mask; -1 without any."""
    at = entry.rfind("/")
    if at <= 0:
        return entry, -1
    bits = _LEADING.match(entry, at + 1)
    return entry[:at], int(bits[1][:6]) if bits else 0


# -- kinds ------------------------------------------------------------------------------------------------------------
#: The first that an address lies in is its kind.
_KINDS: Final = [
    (ip_network(network), kind)
    for kind_and_networks in """
        BROADCAST 255.255.255.255/32
        TEST-NET 203.0.113.0/24 198.51.100.0/24 192.0.2.0/24
        6TO4-RELAY 192.88.99.0/24
        RESERVED 192.0.0.0/24 198.18.0.0/15
        PRIVATE 192.168.0.0/16 172.16.0.0/12 10.0.0.0/8 0.0.0.0/8
        LINK-LOCAL 169.254.0.0/16
        SHARED 100.64.0.0/10
        LOOPBACK 127.0.0.0/8
        RESERVED 240.0.0.0/4
        MULTICAST 224.0.0.0/4
        UNSPECIFIED ::/128
        LOOPBACK ::1/128
        IPV4MAP ::ffff:0:0/96
        DISCARD 100::/64
        BMWG 2001:2::/48
        TEREDO 2001::/32
        DOCUMENTATION 2001:db8::/32
        ORCHID 2001:10::/28
        6TO4 2002::/16
        LINK-LOCAL-UNICAST fe80::/10
        MULTICAST ff00::/8
        UNIQUE-LOCAL-UNICAST fc00::/7
        GLOBAL-UNICAST 2000::/3
    """.strip().splitlines()
    for kind, *networks in [kind_and_networks.split()]
    for network in networks
]


@lru_cache(4096)
def detailed_kind(text: str, kind: Kind) -> str | None:
    """The kind of an IPv4 or IPv6 address, "PUBLIC" and "RESERVED" where nothing says otherwise; None: it is none."""
    try:
        address = ip_address(text.strip(" \t\r\n"))
    except ValueError:
        return None
    if (address.version == 4) != (kind is Kind.IPV4) or "%" in text:
        return None
    for network, name in _KINDS:
        if network.version == address.version and address in network:
            return name
    return "PUBLIC" if address.version == 4 else "RESERVED"
