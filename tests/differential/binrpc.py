"""A client of Kamailio's binary RPC protocol (module ctl), as small as the runner needs it.

A packet is a header (magic, flags, length, cookie) and records; a record is a head byte (end mark, size, type), the
size when it does not fit, and the value, big-endian. Described in Kamailio's `src/modules/ctl/binrpc.h`.
"""

from __future__ import annotations

_INT, _STR, _DOUBLE, _STRUCT, _ARRAY, _AVP, _BYTES = range(7)
_REQUEST, _REPLY, _FAULT = 0, 1, 3
_COOKIE = b"\x13\x57\x9b\xdf"


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _record(value: str | int | float) -> bytes:
    if isinstance(value, str):
        data = value.encode("latin-1") + b"\0"
        kind = _STR
    elif isinstance(value, int):
        data, kind = _number(value & 0xFFFFFFFF), _INT
    else:
        data, kind = _number(round(value * 1000) & 0xFFFFFFFF), _DOUBLE
    if len(data) < 8:
        return bytes([len(data) << 4 | kind]) + data
    size = _number(len(data))
    return bytes([0x80 | len(size) << 4 | kind]) + size + data


def encode(method: str, args: tuple[str | int | float, ...]) -> bytes:
    """A request packet."""
    body = b"".join(map(_record, (method, *args)))
    size = _number(len(body)) or b"\0"
    flags = (len(size) - 1) << 2 | (len(_COOKIE) - 1)
    return bytes([0xA1, _REQUEST << 4 | flags]) + size + _COOKIE + body


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self) -> tuple[int, int, bool]:
        byte = self.take(1)[0]
        size, kind, flag = byte >> 4 & 7, byte & 15, bool(byte & 0x80)
        if kind == _DOUBLE:  # up to eight bytes of fixed point, so no room for the mark
            return byte >> 4, kind, False
        if flag and size:
            size = int.from_bytes(self.take(size), "big")
        return size, kind, flag

    def value(self, size: int, kind: int) -> object:
        if kind == _STRUCT:
            return self.struct()
        if kind == _ARRAY:
            items: list[object] = []
            while True:
                size, kind, end = self.head()
                if kind == _ARRAY and end and not size:
                    return items
                items.append(self.value(size, kind))
        data = self.take(size)
        if kind in (_INT, _DOUBLE):
            number = int.from_bytes(data, "big")
            number -= 1 << 8 * size if size in (4, 8) and number >> (8 * size - 1) else 0
            return number if kind == _INT else number / 1000
        return data.rstrip(b"\0").decode("latin-1") if kind == _STR else data.decode("latin-1")

    def struct(self) -> list[object]:
        # An array of the commands is a struct whose members have no names.
        members: list[object] = []
        while True:
            size, kind, end = self.head()
            if kind == _STRUCT and end and not size:
                return members
            if kind != _AVP:
                members.append(self.value(size, kind))
                continue
            name = self.take(size).rstrip(b"\0").decode("latin-1")
            size, kind, _ = self.head()
            members.append([name, self.value(size, kind)])


def decode(packet: bytes) -> object:
    """The values of a reply, a struct as a list of [name, value]; `{"code": ..., "error": ...}` for a fault."""
    kind = packet[1] >> 4
    start = 2 + (packet[1] >> 2 & 3) + 1 + (packet[1] & 3) + 1
    reader = _Reader(packet[start:])
    values: list[object] = []
    while reader.at < len(reader.data):
        size, record, _ = reader.head()
        values.append(reader.value(size, record))
    if kind == _FAULT:
        return {"code": values[0], "error": values[1]}
    return values
