"""HEP, the format in which copies of messages travel to a collector such as Homer.

Versions 1 and 2 are a fixed head in front of the message; version 3 is a list of typed chunks. A datagram is a text
here, one character a byte. Source: hep.h of module sipcapture; the specification "HEP3 network protocol".
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple

#: IP protocol numbers; transports that have none get one that nobody uses (IPPROTO_IDP).
_PROTOCOLS: Final = {"udp": 17, "any": 17, "tcp": 6, "tls": 22, "ws": 22, "wss": 22, "sctp": 132}
#: Address families as Linux numbers them.
_INET, _INET6 = 2, 10

#: What the payload is (chunk 11).
SIP, LOG = 1, 100

#: The longest datagram that is sent (BUF_SIZE).
MAX_SIZE: Final = 65535


class Endpoint(NamedTuple):
    """One side of what is told: transport as an IP protocol number, address as bytes, port."""

    protocol: int
    address: bytes
    port: int

    @property
    def family(self) -> int:
        """The address family."""
        return _INET if len(self.address) == 4 else _INET6


def endpoint(text: str) -> Endpoint | None:
    """Read `proto:address:port`, IPv6 with or without brackets; None for anything else (pipport2su)."""
    proto, colon, rest = text.partition(":")
    host, _, port = rest.rpartition(":")
    if not colon or proto not in _PROTOCOLS or not host or not (port.isascii() and port.isdigit()):
        return None
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return Endpoint(_PROTOCOLS[proto], address.packed, int(port) & 0xFFFF)


class Clock(NamedTuple):
    """A moment: Unix seconds and microseconds."""

    seconds: int
    microseconds: int

    @classmethod
    def of(cls, now: float) -> Clock:
        """The moment of a time in seconds."""
        seconds = int(now)
        return cls(seconds, int((now - seconds) * 1_000_000))


def version_3(
    source: Endpoint,
    destination: Endpoint,
    time: Clock,
    payload: str,
    *,
    kind: int = SIP,
    capture_id: int = 1,
    correlation_id: str | None = None,
    auth_key: str = "",
) -> str:
    """A datagram of HEP 3. The protocol is that of the destination; a log line has its ports in the other order."""
    chunks = [_chunk(1, struct.pack("B", source.family)), _chunk(2, struct.pack("B", destination.protocol))]
    first = 3 if source.family == _INET else 5
    chunks += [_chunk(first, source.address), _chunk(first + 1, destination.address)]
    ports = [_chunk(7, struct.pack(">H", source.port)), _chunk(8, struct.pack(">H", destination.port))]
    chunks += reversed(ports) if kind == LOG else ports
    chunks += [
        _chunk(9, struct.pack(">I", time.seconds & 0xFFFFFFFF)),
        _chunk(10, struct.pack(">I", time.microseconds)),
    ]
    chunks += [_chunk(11, struct.pack("B", kind)), _chunk(12, struct.pack(">I", capture_id & 0xFFFFFFFF))]
    if correlation_id is not None and (correlation_id or kind == LOG):
        chunks.append(_chunk(17, correlation_id.encode("latin-1")))
    if auth_key:
        chunks.append(_chunk(14, auth_key.encode("latin-1")))
    chunks.append(_chunk(15, payload.encode("latin-1")))
    body = b"".join(chunks)
    return (b"HEP3" + struct.pack(">H", (len(body) + 6) & 0xFFFF) + body).decode("latin-1")


def _chunk(number: int, value: bytes) -> bytes:
    return struct.pack(">HHH", 0, number, (len(value) + 6) & 0xFFFF) + value


def version_2(
    source: Endpoint, destination: Endpoint, time: Clock, payload: str, *, version: int = 2, capture_id: int = 1
) -> str:
    """A datagram of HEP 1 or 2; the latter knows the time and who captured it, in little-endian order."""
    length = 8 + 2 * len(source.address)
    head = struct.pack(">BBBBHH", version, length, source.family, destination.protocol, source.port, destination.port)
    head += source.address + destination.address
    if version == 2:
        head += struct.pack("<IIHxx", time.seconds & 0xFFFFFFFF, time.microseconds, capture_id & 0xFFFF)
    return head.decode("latin-1") + payload


class Packet(NamedTuple):
    """What a collector reads from a datagram of HEP 3. `kind` is SIP or LOG; times are Unix seconds."""

    source: str
    destination: str
    time: float
    payload: str
    kind: int
    capture_id: int
    correlation_id: str
    auth_key: str


def parse_packet(text: str) -> Packet:
    """Read a datagram of HEP 3, for tests of configs; ValueError when it is none."""
    data = text.encode("latin-1")
    if data[:4] != b"HEP3" or len(data) < 6 or struct.unpack_from(">H", data, 4)[0] != len(data):
        raise ValueError("this is no HEP 3")
    found: dict[int, bytes] = {}
    at = 6
    while at < len(data):
        if at + 6 > len(data):
            raise ValueError("a chunk of HEP 3 is cut off")
        vendor, number, size = struct.unpack_from(">HHH", data, at)
        if size < 6 or at + size > len(data):
            raise ValueError("a chunk of HEP 3 has a wrong length")
        if not vendor:
            found[number] = data[at + 6 : at + size]
        at += size
    try:
        first, second = (3, 4) if 3 in found else (5, 6)
        source = f"{_host(found[first])}:{int.from_bytes(found[7], 'big')}"
        destination = f"{_host(found[second])}:{int.from_bytes(found[8], 'big')}"
        seconds, microseconds, kind, capture = (int.from_bytes(found[number], "big") for number in (9, 10, 11, 12))
        payload = found[15].decode("latin-1")
    except KeyError as error:
        raise ValueError(f"HEP 3 without chunk {error.args[0]}") from None
    correlation, key = (found.get(number, b"").decode("latin-1") for number in (17, 14))
    return Packet(source, destination, seconds + microseconds / 1e6, payload, kind, capture, correlation, key)


def _host(address: bytes) -> str:
    found = ip_address(address)
    return str(found) if isinstance(found, IPv4Address) else f"[{found}]"
