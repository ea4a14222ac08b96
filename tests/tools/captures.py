"""Capture files, written by the tests themselves: byte orders, link types, IP versions, transports."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from kamscript.lab import Lab

Where = tuple[str, int]
#: (time, source, target, text)
Packet = tuple[float, Where, Where, str]


def udp(source: Where, target: Where, text: str) -> bytes:
    """An IP packet with one datagram."""
    data = text.encode("latin-1")
    return ip(source[0], target[0], 17, struct.pack(">4H", source[1], target[1], 8 + len(data), 0) + data)


def tcp(source: Where, target: Where, number: int, data: bytes, flags: int = 0x18) -> bytes:
    """An IP packet with one segment."""
    head = struct.pack(">2H2I2B3H", source[1], target[1], number & 0xFFFFFFFF, 0, 5 << 4, flags, 8192, 0, 0)
    return ip(source[0], target[0], 6, head + data)


def ip(
    source: str, target: str, proto: int, data: bytes, *, ident: int = 7, offset: int = 0, more: bool = False
) -> bytes:
    """An IP packet, or a piece of one (IPv4)."""
    one, other = ip_address(source).packed, ip_address(target).packed
    if len(one) == 16:
        return struct.pack(">IHBB", 6 << 28, len(data), proto, 64) + one + other + data
    place = offset // 8 | (0x2000 if more else 0)
    return struct.pack(">2B3H2BH", 0x45, 0, 20 + len(data), ident, place, 64, proto, 0) + one + other + data


def _kind(packet: bytes) -> int:
    return 0x86DD if packet[0] >> 4 == 6 else 0x0800


#: Link types and what stands before an IP packet.
LINKS = {
    1: lambda packet: bytes(12) + struct.pack(">H", _kind(packet)) + packet,
    113: lambda packet: bytes(14) + struct.pack(">H", _kind(packet)) + packet,
    276: lambda packet: struct.pack(">H", _kind(packet)) + bytes(18) + packet,
    101: lambda packet: packet,
    0: lambda packet: struct.pack("<I", 30 if packet[0] >> 4 == 6 else 2) + packet,
    108: lambda packet: struct.pack(">I", 30 if packet[0] >> 4 == 6 else 2) + packet,
}


def vlan(packet: bytes) -> bytes:
    """An Ethernet frame with two VLAN tags."""
    return bytes(12) + struct.pack(">5H", 0x88A8, 5, 0x8100, 7, _kind(packet)) + packet


def pcap(
    packets: Iterable[tuple[float, bytes]], *, order: str = "<", nano: bool = False, link: int = 1, framed: bool = False
) -> bytes:
    """A classic capture file of IP packets, or of whole frames."""
    out = struct.pack(order + "I2H4I", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    for time, packet in packets:
        frame = packet if framed else LINKS[link](packet)
        fraction = round(time % 1 * (1e9 if nano else 1e6))
        out += struct.pack(order + "4I", int(time), fraction, len(frame), len(frame)) + frame
    return out


def pcapng(packets: Iterable[tuple[float, bytes]], *, order: str = "<", link: int = 1, nano: bool = False) -> bytes:
    """A capture file of the newer kind, with one interface."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = 12 + len(body)
        return struct.pack(order + "2I", kind, size) + body + struct.pack(order + "I", size)

    options = struct.pack(order + "2HB3x2H", 9, 1, 9, 0, 0) if nano else b""
    out = block(0x0A0D0D0A, struct.pack(order + "I2Hq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack(order + "2HI", link, 0, 0) + options)
    out += block(4, b"names that nobody reads....")
    for time, packet in packets:
        frame = LINKS[link](packet)
        units = round(time * (1e9 if nano else 1e6))
        head = struct.pack(order + "5I", 0, units >> 32, units & 0xFFFFFFFF, len(frame), len(frame))
        out += block(6, head + frame)
    return out


def of_messages(messages: Sequence[Packet]) -> list[tuple[float, bytes]]:
    """SIP messages as UDP packets."""
    return [(time, udp(source, target, text)) for time, source, target, text in messages]


def of_lab(lab: Lab) -> list[tuple[float, bytes]]:
    """What crossed the network of a lab, as somebody beside the server would have captured it."""
    wires = [*lab.network.delivered, *lab.network.unreachable]
    wires.sort(key=lambda wire: wire.time)
    return of_messages([(wire.time, wire.source, wire.target, wire.text) for wire in wires if wire.text.strip()])
