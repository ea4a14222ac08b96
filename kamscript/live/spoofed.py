"""Datagrams that seem to come from another address: what nathelper's natping_socket asks for. Needs root."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from kamscript.core.sockets import ListenSocket

#: As Kamailio has it.
_TTL = 69


def sender(source: ListenSocket) -> Callable[[bytes, tuple[str, int]], int]:
    """What sends from `source`, an IPv4 address that is not this machine's; raises OSError without the right to."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(data: bytes, to: tuple[str, int]) -> int:
        return raw.sendto(packet(source.address, source.port, to, data), (to[0], 0))

    return send


def packet(ip: str, port: int, to: tuple[str, int], data: bytes) -> bytes:
    """An IP packet with a UDP datagram without checksum (RFC 791, 768); the system fills in the IP checksum."""
    udp = struct.pack("!HHHH", port, to[1], 8 + len(data), 0) + data
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, _TTL, 17, 0, socket.inet_aton(ip), socket.inet_aton(to[0])
    )
    return head + udp
