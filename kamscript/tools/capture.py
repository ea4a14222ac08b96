"""SIP messages out of a capture file: pcap and pcapng, as tcpdump, Wireshark, sngrep and ngrep write them.

    for message in read_capture("calls.pcap"):
        message.time, message.proto, message.source, message.target, message.text

Link types: Ethernet (with VLAN tags), Linux cooked (SLL, SLL2), raw IP, BSD loopback. IPv4 and IPv6, fragments put
together; UDP, and TCP streams put together and cut by Content-Length. What is neither is passed over; `Reading` counts
it. Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, the link-layer header types of tcpdump.org.
"""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple, Protocol

#: Longer packets than this are a broken file, not a packet.
_LONGEST = 1 << 24
_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
_SECTION, _INTERFACE, _SIMPLE, _ENHANCED, _OLD_PACKET = 0x0A0D0D0A, 1, 3, 6, 2
_VLAN = (0x8100, 0x88A8, 0x9100)
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP, _UDP = 6, 17
#: IPv6 headers that stand before the payload: hop-by-hop, routing, destination options; and the fragment header.
_IPV6_OPTIONS, _IPV6_FRAGMENT = (0, 43, 60), 44
_FIRST_LINE = re.compile(rb"(?:SIP/2\.0 \d{3} |[A-Za-z-]{2,32} [^\s]{1,2048} SIP/2\.0\r?\n)")
_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)")
#: A stream that shows no SIP in so many bytes is something else.
_MOST_WITHOUT_SIP = 1 << 18


class CaptureError(Exception):
    """The file is no capture, or a broken one; the text says what it is."""


class Endpoint(NamedTuple):
    """One side of a message."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Captured(NamedTuple):
    """One SIP message: `number` is its packet (of TCP the last one of it), counted from 1 as Wireshark does."""

    number: int
    time: float  #: Unix seconds
    proto: str
    source: Endpoint
    target: Endpoint
    text: str


@dataclass
class Reading:
    """What a reading met: packets, SIP messages, and what was passed over by its reason."""

    packets: int = 0
    messages: int = 0
    passed: dict[str, int] = field(default_factory=dict)

    def passed_over(self, why: str) -> None:
        """Count one."""
        self.passed[why] = self.passed.get(why, 0) + 1


class _File(Protocol):
    """What is read from: a file, or one that gzip packed."""

    def read(self, size: int, /) -> bytes: ...

    def tell(self) -> int: ...


class _Packet(NamedTuple):
    time: float
    link: int
    data: bytes


def read_capture(path: str | Path, reading: Reading | None = None) -> Iterator[Captured]:
    """The SIP messages of a capture file (also one that gzip packed), in its order. Raises CaptureError, OSError."""
    reading = Reading() if reading is None else reading
    with open(path, "rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
    decoder = _Decoder(reading)
    with open(path, "rb") as file:
        try:
            for packet in _packets(gzip.GzipFile(fileobj=file) if packed else file, str(path)):
                reading.packets += 1
                yield from decoder.messages(packet)
        except (EOFError, gzip.BadGzipFile) as error:
            raise CaptureError(f"{path}: packed by gzip, but broken: {error}") from None


# -- the file -------------------------------------------------------------------------------------------------------
def _packets(file: _File, path: str) -> Iterator[_Packet]:
    magic = file.read(4)
    if magic in _MAGIC:
        yield from _pcap(file, *_MAGIC[magic], path)
    elif magic == b"\x0a\x0d\x0d\x0a":
        yield from _pcapng(file, path)
    elif not magic:
        raise CaptureError(f"{path}: an empty file, not a capture")
    else:
        raise CaptureError(f"{path}: not a capture: it begins with {_shown(magic)}; pcap or pcapng is wanted")


def _shown(data: bytes) -> str:
    return repr(data.decode("ascii")) if data.isascii() and data.decode().isprintable() else data.hex(" ")


def _pcap(file: _File, order: str, unit: float, path: str) -> Iterator[_Packet]:
    header = file.read(20)
    if len(header) < 20:
        raise CaptureError(f"{path}: a pcap file that ends within its header")
    link = struct.unpack(f"{order}2HiIII", header)[5] & 0x0FFFFFFF
    record = struct.Struct(f"{order}4I")
    while head := file.read(16):
        if len(head) < 16:
            return  # a capture that was cut off: what is whole counts
        seconds, fraction, length, _ = record.unpack(head)
        if length > _LONGEST:
            raise CaptureError(f"{path}: a packet of {length} bytes at {file.tell() - 16}: the file is broken")
        data = file.read(length)
        if len(data) < length:
            return
        yield _Packet(seconds + fraction * unit, link, data)


def _pcapng(file: _File, path: str) -> Iterator[_Packet]:
    order = "<"
    interfaces: list[tuple[int, float, int]] = []  # link type, seconds a unit, offset in seconds
    kind_bytes = b"\x0a\x0d\x0d\x0a"
    while len(kind_bytes) == 4:
        size_bytes = file.read(4)
        if kind_bytes == b"\x0a\x0d\x0d\x0a":
            mark = file.read(4)
            order = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}.get(mark, "")
            if not order:
                raise CaptureError(f"{path}: a pcapng section without a byte order at {file.tell() - 12}")
            interfaces = []
            done = 12
        else:
            done = 8
        if len(size_bytes) < 4:
            return
        kind, size = struct.unpack(order + "I", kind_bytes)[0], struct.unpack(order + "I", size_bytes)[0]
        if size < done + 4 or size % 4 or size > _LONGEST:
            raise CaptureError(f"{path}: a pcapng block of {size} bytes at {file.tell() - done}: the file is broken")
        body = file.read(size - done)
        if len(body) < size - done:
            return
        body = body[:-4]
        if kind == _INTERFACE and len(body) >= 8:
            interfaces.append(_interface(body, order))
        elif kind == _ENHANCED and len(body) >= 20:
            number, high, low, length, _ = struct.unpack(order + "5I", body[:20])
            if number >= len(interfaces):
                raise CaptureError(f"{path}: a packet of interface {number}, which the file does not describe")
            link, unit, offset = interfaces[number]
            yield _Packet((high << 32 | low) * unit + offset, link, body[20 : 20 + length])
        elif kind == _OLD_PACKET and len(body) >= 20:
            number, _, high, low, length, _ = struct.unpack(order + "2H4I", body[:20])
            link, unit, offset = interfaces[number] if number < len(interfaces) else (1, 1e-6, 0)
            yield _Packet((high << 32 | low) * unit + offset, link, body[20 : 20 + length])
        elif kind == _SIMPLE and interfaces and len(body) >= 4:
            length = struct.unpack(order + "I", body[:4])[0]
            yield _Packet(0.0, interfaces[0][0], body[4 : 4 + length])
        kind_bytes = file.read(4)


def _interface(body: bytes, order: str) -> tuple[int, float, int]:
    link, unit, offset, at = struct.unpack(order + "H", body[:2])[0], 1e-6, 0, 8
    while at + 4 <= len(body):
        code, length = struct.unpack(order + "2H", body[at : at + 4])
        value = body[at + 4 : at + 4 + length]
        at += 4 + (length + 3 & ~3)
        if code == 0:
            break
        if code == 9 and length:  # if_tsresol
            unit = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
        elif code == 14 and length == 8:  # if_tsoffset
            offset = struct.unpack(order + "q", value)[0]
    return link, unit, offset


# -- the packets ----------------------------------------------------------------------------------------------------
class _Fragments:
    """One IP packet that comes in pieces."""

    __slots__ = ("pieces", "total")

    def __init__(self) -> None:
        self.pieces: dict[int, bytes] = {}
        self.total = -1

    def add(self, offset: int, more: bool, data: bytes) -> bytes | None:
        """The whole when this was the last piece that was missing."""
        self.pieces[offset] = data
        if not more:
            self.total = offset + len(data)
        whole, at = b"", 0
        while at in self.pieces:
            whole += self.pieces[at]
            if len(whole) == at:
                break
            at = len(whole)
        return whole if self.total >= 0 and len(whole) >= self.total else None


class _Decoder:
    """From packets to messages; keeps fragments and streams."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._fragments: dict[tuple[bytes, bytes, int, int], _Fragments] = {}
        self._streams: dict[tuple[Endpoint, Endpoint], _Stream] = {}
        self._links: dict[int, Callable[[bytes], tuple[int, bytes]]] = {
            0: lambda data: _by_family(struct.unpack("<I", data[:4])[0], data[4:]),
            1: lambda data: _ethernet(struct.unpack(">H", data[12:14])[0], data[14:]),
            12: _raw,
            14: _raw,
            101: _raw,
            108: lambda data: _by_family(struct.unpack(">I", data[:4])[0], data[4:]),
            113: lambda data: _ethernet(struct.unpack(">H", data[14:16])[0], data[16:]),
            228: _raw,
            229: _raw,
            276: lambda data: _ethernet(struct.unpack(">H", data[:2])[0], data[20:]),
        }

    def messages(self, packet: _Packet) -> Iterator[Captured]:
        """The messages that are whole with this packet."""
        reading = self._reading
        try:
            link = self._links.get(packet.link)
            if link is None:
                reading.passed_over(f"link type {packet.link}")
                return
            kind, data = link(packet.data)
            if kind == _IPV4:
                found = self._ipv4(data)
            elif kind == _IPV6:
                found = self._ipv6(data)
            else:
                reading.passed_over("not IP")
                return
            if found is None:
                return
            proto, source, target, data = found
            if proto == _UDP:
                if len(data) < 8:
                    raise IndexError
                ports = struct.unpack(">2H", data[:4])
                length = struct.unpack(">H", data[4:6])[0]
                texts = self._datagram(data[8 : length if length >= 8 else None])
                name = "udp"
            elif proto == _TCP:
                ports = struct.unpack(">2H", data[:4])
                texts = self._segment(Endpoint(source, ports[0]), Endpoint(target, ports[1]), data)
                name = "tcp"
            else:
                reading.passed_over("neither UDP nor TCP")
                return
        except (IndexError, struct.error):
            reading.passed_over("cut off")
            return
        for text in texts:
            reading.messages += 1
            where = Endpoint(source, ports[0]), Endpoint(target, ports[1])
            yield Captured(reading.packets, packet.time, name, *where, text.decode("latin-1"))

    def _ipv4(self, data: bytes) -> tuple[int, str, str, bytes] | None:
        size, total = (data[0] & 15) * 4, struct.unpack(">H", data[2:4])[0]
        ident, flags = struct.unpack(">2H", data[4:8])
        proto, source, target = data[9], data[12:16], data[16:20]
        payload = data[size : total or None]  # 0: the network card cuts it later
        offset, more = (flags & 0x1FFF) * 8, bool(flags & 0x2000)
        if offset or more:
            whole = self._whole(source, target, ident, proto, offset, more, payload)
            if whole is None:
                return None
            payload = whole
        return proto, str(ip_address(source)), str(ip_address(target)), payload

    def _ipv6(self, data: bytes) -> tuple[int, str, str, bytes] | None:
        length, proto = struct.unpack(">HB", data[4:7])
        source, target = data[8:24], data[24:40]
        payload = data[40 : 40 + length if length else None]
        while proto in _IPV6_OPTIONS:
            proto, payload = payload[0], payload[8 + payload[1] * 8 :]
        if proto == _IPV6_FRAGMENT:
            proto, place, ident = payload[0], struct.unpack(">H", payload[2:4])[0], payload[4:8]
            number = int.from_bytes(ident, "big")
            whole = self._whole(source, target, number, proto, place & ~7, bool(place & 1), payload[8:])
            if whole is None:
                return None
            payload = whole
        return proto, str(ip_address(source)), str(ip_address(target)), payload

    def _whole(
        self, source: bytes, target: bytes, ident: int, proto: int, offset: int, more: bool, data: bytes
    ) -> bytes | None:
        key = source, target, ident, proto
        fragments = self._fragments.setdefault(key, _Fragments())
        whole = fragments.add(offset, more, data)
        if whole is not None:
            del self._fragments[key]
        elif len(self._fragments) > 1000:  # pieces whose rest never came
            del self._fragments[next(iter(self._fragments))]
        return whole

    def _datagram(self, data: bytes) -> list[bytes]:
        start = data.lstrip(b"\r\n\0")
        if not start:
            return []  # a keep-alive
        if _FIRST_LINE.match(start) is None:
            self._reading.passed_over("UDP that is no SIP")
            return []
        return [start]

    def _segment(self, source: Endpoint, target: Endpoint, data: bytes) -> list[bytes]:
        number, size, flags = struct.unpack(">I", data[4:8])[0], (data[12] >> 4) * 4, data[13]
        key = source, target
        stream = self._streams.get(key)
        if flags & 2 or stream is None:  # SYN, or a stream that was there before the capture
            stream = self._streams[key] = _Stream(number + (flags >> 1 & 1) & 0xFFFFFFFF)
            if flags & 2:
                return []
        texts = stream.feed(number, data[size:])
        if stream.lost:
            self._reading.passed_over("TCP that is no SIP (TLS, WebSocket?)")
            stream.lost = False
        if flags & 5:  # FIN, RST
            self._streams.pop(key, None)
        return texts


def _raw(data: bytes) -> tuple[int, bytes]:
    return (_IPV6 if data[0] >> 4 == 6 else _IPV4), data


def _by_family(family: int, data: bytes) -> tuple[int, bytes]:
    """BSD loopback: a number of the capturing machine's own, in its byte order. Nobody has IPv6 as 2."""
    return (_IPV4 if 2 in (family, family >> 24) else _IPV6), data


def _ethernet(kind: int, data: bytes) -> tuple[int, bytes]:
    while kind in _VLAN:
        kind, data = struct.unpack(">H", data[2:4])[0], data[4:]
    return kind, data


class _Stream:
    """One direction of a TCP connection."""

    __slots__ = ("buffer", "expected", "later", "lost", "silent")

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.buffer = b""
        self.later: dict[int, bytes] = {}
        self.silent = self.lost = False

    def feed(self, number: int, data: bytes) -> list[bytes]:
        """The messages that are whole with this segment."""
        if data:
            self.later[number] = data
        while self.later:
            fitting = [n for n in self.later if (self.expected - n) & 0xFFFFFFFF < 0x80000000]
            if not fitting:
                if len(self.later) > 64:  # a segment that the capture missed: go on behind it
                    self.expected = min(self.later, key=lambda n: (n - self.expected) & 0xFFFFFFFF)
                    self.buffer = b""
                    continue
                break
            first = fitting[0]
            piece = self.later.pop(first)
            new = piece[(self.expected - first) & 0xFFFFFFFF :]
            self.buffer += new
            self.expected = self.expected + len(new) & 0xFFFFFFFF
        return [] if self.silent else self._cut()

    def _cut(self) -> list[bytes]:
        texts: list[bytes] = []
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            start = _FIRST_LINE.match(self.buffer)
            if start is None:
                found = _FIRST_LINE.search(self.buffer)
                if found is not None:
                    self.buffer = self.buffer[found.start() :]
                    continue
                if len(self.buffer) > _MOST_WITHOUT_SIP or self.buffer[:1] == b"\x16":  # a TLS handshake
                    self.silent = self.lost = True
                    self.buffer = b""
                return texts
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return texts
            length = _LENGTH.search(self.buffer[: end + 2])
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < size:
                return texts
            texts.append(self.buffer[:size])
            self.buffer = self.buffer[size:]
