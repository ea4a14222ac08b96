"""HEP (Homer's encapsulation protocol) as module siptrace sends it, made readable: one line for each field.

What only one run has (ports of a daemon's block, times) is named. A party that gets HEP shows it this way by itself.
"""

from __future__ import annotations

import re
import struct
from ipaddress import ip_address

_OWN_PORT = re.compile(r"\b212\d(\d)\b")
_WRITTEN = re.compile(r"(?<=X-Siptrace-Time: )[1-9]\d{8,} \d+")
_TEXTS = {14: "auth key", 15: "payload", 17: "correlation id"}
_NAMES = {1: "family", 2: "protocol", 7: "source port", 8: "destination port", 11: "type", 12: "capture id"}
_ADDRESSES = {3: "source", 4: "destination", 5: "source", 6: "destination"}
_TIMES = {9: "seconds", 10: "microseconds"}


def is_hep(text: str) -> bool:
    """Whether a datagram is HEP: version 3 says so, 1 and 2 begin with their number and the length of their head."""
    return text.startswith("HEP3") or text[:2] in ("\1\x10", "\2\x10", "\1\x28", "\2\x28")


def readable(text: str) -> str:
    """A datagram of HEP as lines; anything else stays as it is, but for the time in a header of siptrace."""
    text = _WRITTEN.sub("{seconds} {microseconds}", text)
    if not is_hep(text):
        return text
    data = text.encode("latin-1")
    return "\r\n".join(_version_3(data) if data[:4] == b"HEP3" else _version_1(data))


def _version_3(data: bytes) -> list[str]:
    (length,) = struct.unpack_from(">H", data, 4)
    lines = ["HEP3" + ("" if length == len(data) else f" says {length}, has {len(data)}")]
    at = 6
    while at < len(data):
        vendor, kind, size = struct.unpack_from(">HHH", data, at)
        value = data[at + 6 : at + size]
        lines += _chunk(kind, value, f"{vendor}/" if vendor else "")
        at += size
    return lines


def _chunk(kind: int, value: bytes, vendor: str) -> list[str]:
    if kind in _ADDRESSES:
        return [f"{vendor}{kind} {_ADDRESSES[kind]}: {ip_address(value)}"]
    if kind in _TIMES:
        return [f"{vendor}{kind} {_TIMES[kind]}: {{{len(value)} bytes}}"]
    if kind in _NAMES:
        return [f"{vendor}{kind} {_NAMES[kind]}: {_port(int.from_bytes(value, 'big'))} ({len(value)} bytes)"]
    return [f"{vendor}{kind} {_TEXTS.get(kind, '?')}:", *value.decode("latin-1").split("\r\n")]


def _version_1(data: bytes) -> list[str]:
    version, length, family, protocol, source, destination = struct.unpack_from(">BBBBHH", data)
    size = 4 if family == 2 else 16
    first, second = ip_address(data[8 : 8 + size]), ip_address(data[8 + size : 8 + 2 * size])
    lines = [f"HEP{version} length {length} family {family} protocol {protocol}"]
    lines.append(f"{first}:{_port(source)} -> {second}:{_port(destination)}")
    rest = data[8 + 2 * size :]
    if version == 2:
        seconds, microseconds, capture = struct.unpack_from("<IIH", rest)
        lines.append(f"{{seconds}} {'{microseconds}' if microseconds < 10**6 else microseconds} {capture}")
        lines[-1] += "" if seconds > 10**6 else f" at {seconds}"
        rest = rest[12:]  # two bytes of the structure have no meaning
    return [*lines, *rest.decode("latin-1").split("\r\n")]


def _port(number: int) -> str:
    return _OWN_PORT.sub(r"2120\1", str(number))
