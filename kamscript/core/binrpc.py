"""Kamailio's binary RPC protocol: what module ctl and the `kamcmd` program speak. No I/O here.

    answer(server, data)                  one request out of `data`, run; the bytes to send back
    encode_request / decode_reply         the client's side

A packet is a header and records, numbers in network order (src/modules/ctl/binrpc.h):

    0xA1 | type, size of the length and of the cookie | length of the records | cookie | records
    record:  head (end mark or long size: 1 bit, size: 3 bits, type: 4 bits) [size] [value]

The receiver tells records apart by type: int, text (with a zero behind it), double (a fixed-point integer,
thousandths), struct, array, name of a struct member, bytes. A struct is a start record, members (name record, value
record) and an end record. Kamailio sends arrays as structs too: their values stand there without names, and what C
adds to an array by name (JSON shows it as an object with one member) stands there as a member.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core.rpc import RpcFault, Struct

if TYPE_CHECKING:
    from kamscript.core.rpc import Rpc
    from kamscript.core.server import Server

MAGIC = 0xA1  #: magic number 0xA, version 1
REQUEST, REPLY, FAULT = 0, 1, 3
INT, STR, DOUBLE, STRUCT, ARRAY, AVP, BYTES = range(7)

#: What Kamailio sends for a null text.
NULL_TEXT = "<null string>"

# The errors of the protocol as its own program words them; kamcmd and scripts around it show these.
CORRUPTED = "corrupted packet"
NO_MORE = "end of packet encountered"
WRONG_TYPE = "record doesn't match type"
BAD_RECORD = "bad record"
TOO_BIG = "buffer too small (overflow)"


class Incomplete(Exception):
    """More bytes are needed: at least `needed`."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class BadPacket(Exception):
    """What arrived is no packet; the text says why, `cookie` is that of the packet where it could be read."""

    def __init__(self, reason: str, cookie: int = 0) -> None:
        super().__init__(reason)
        self.cookie = cookie


class Overflow(Exception):
    """An answer is longer than binrpc_max_body_size or binrpc_struct_max_body_size allow."""


class Packet(NamedTuple):
    """A packet taken apart: `values` are int, float, str, list and Struct; `size` counts its bytes."""

    kind: int
    cookie: int
    values: list[Any]
    size: int


class Answer(NamedTuple):
    """What to send (empty: nothing yet), how many bytes were used, and whether the stream is to be closed."""

    data: bytes
    consumed: int
    close: bool = False


# -- reading ----------------------------------------------------------------------------------------------------------
def decode(data: bytes) -> Packet:
    """The first packet in `data`; raises Incomplete and BadPacket."""
    kind, cookie, start, end = _header(data)
    reader = _Reader(data, start, end, cookie)
    values = []
    while reader.at < end:
        size, type_, marked = reader.head()
        values.append(reader.value(size, type_, marked))
    return Packet(kind, cookie, values, end)


def _header(data: bytes) -> tuple[int, int, int, int]:
    if len(data) < 4:
        raise Incomplete(4 - len(data))
    if data[0] != MAGIC or data[1] >> 4 not in (REQUEST, REPLY, FAULT):
        raise BadPacket(CORRUPTED)
    length_size, cookie_size = (data[1] >> 2 & 3) + 1, (data[1] & 3) + 1
    start = 2 + length_size + cookie_size
    if len(data) < start:
        raise Incomplete(start - len(data))
    end = start + int.from_bytes(data[2 : 2 + length_size], "big")
    if len(data) < end:
        raise Incomplete(end - len(data))
    return data[1] >> 4, int.from_bytes(data[2 + length_size : start], "big"), start, end


class _Reader:
    """Walks over the records of one packet."""

    __slots__ = ("at", "cookie", "data", "end")

    def __init__(self, data: bytes, start: int, end: int, cookie: int) -> None:
        self.data, self.at, self.end, self.cookie = data, start, end, cookie

    def take(self, count: int) -> bytes:
        at = self.at
        if at + count > self.end:
            raise BadPacket(BAD_RECORD, self.cookie)
        self.at = at + count
        return self.data[at : self.at]

    def head(self) -> tuple[int, int, bool]:
        """Size, type, and whether the end mark (structs and arrays) is set."""
        byte = self.take(1)[0]
        size, type_ = byte >> 4, byte & 15
        if type_ == DOUBLE or not size & 8:
            return size, type_, False
        return int.from_bytes(self.take(size & 7), "big"), type_, True

    def value(self, size: int, type_: int, marked: bool) -> Any:
        if type_ in (INT, DOUBLE):
            number = int.from_bytes(self.take(size), "big")
            if type_ == INT:
                return (number & 0xFFFFFFFF ^ 0x80000000) - 0x80000000
            return ((number & (1 << 64) - 1 ^ 1 << 63) - (1 << 63)) / 1000
        if type_ == STR:
            return self.take(size)[:-1].decode("latin-1")
        if type_ == BYTES:
            return self.take(size).decode("latin-1")
        if type_ in (STRUCT, ARRAY) and not marked:
            return self.members(type_)
        raise BadPacket(BAD_RECORD, self.cookie)

    def members(self, type_: int) -> Struct | list[Any]:
        """A struct up to its end mark; a list when it holds values without names."""
        struct = Struct()
        plain: list[Any] = []
        while True:
            size, inner, marked = self.head()
            if inner == type_ and marked:
                self.take(size)
                return plain if plain or type_ == ARRAY else struct
            if inner == AVP:
                name = self.take(size)[:-1].decode("latin-1")
                struct.add(name, self.value(*self.head()))
            else:
                plain.append(self.value(size, inner, marked))


# -- writing ----------------------------------------------------------------------------------------------------------
def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _packet(kind: int, cookie: int, body: bytes) -> bytes:
    length, mark = _number(len(body)) or b"\0", _number(cookie) or b"\0"
    if len(length) > 4:
        raise Overflow(TOO_BIG)
    return bytes((MAGIC, kind << 4 | len(length) - 1 << 2 | len(mark) - 1)) + length + mark + body


def _text(value: str, type_: int) -> bytes:
    data = value.encode("latin-1", "replace") + b"\0"
    if len(data) < 8:
        return bytes((len(data) << 4 | type_,)) + data
    size = _number(len(data))
    return bytes((0x80 | len(size) << 4 | type_,)) + size + data


def _scalar(value: Any) -> bytes:
    if isinstance(value, str):
        return _text(value, STR)
    if value is None:
        return _text(NULL_TEXT, STR)
    if isinstance(value, int) and -0x80000000 <= value <= 0xFFFFFFFF:
        data = _number(value & 0xFFFFFFFF)
        return bytes((len(data) << 4 | INT,)) + data
    # Kamailio's long integers travel as doubles as well.
    data = _number(int(value * 1000) & (1 << 64) - 1)
    return bytes((len(data) << 4 | DOUBLE,)) + data


_START, _END = bytes((STRUCT,)), bytes((0x80 | STRUCT,))


class _Writer:
    """Builds the records of an answer; each struct's own bytes (without the structs in it) obey a limit."""

    def __init__(self, struct_limit: int) -> None:
        self.struct_limit = struct_limit

    def value(self, value: Any) -> tuple[bytes, int]:
        """The record and how many of its bytes count for the limit of what it stands in."""
        if isinstance(value, Struct):
            return self.group([(name, member) for name, member in value])
        if isinstance(value, list | tuple):
            return self.group([(None, item) for item in value])
        data = _scalar(value)
        return data, len(data)

    def group(self, members: Sequence[tuple[str | None, Any]]) -> tuple[bytes, int]:
        out, own = [_START], 0
        for name, member in members:
            if name is not None:
                out.append(_text(name, AVP))
                own += len(out[-1])
            data, counted = self.value(member)
            out.append(data)
            own += counted
        if own > self.struct_limit:
            raise Overflow(TOO_BIG)
        out.append(_END)
        return b"".join(out), 2


def encode_reply(
    values: Sequence[Any], cookie: int = 0, *, max_body: int = 32 * 1024, max_struct: int = 8 * 1024
) -> bytes:
    """A reply packet with what an RPC command added; raises Overflow. Limits in bytes, as module ctl counts them."""
    writer = _Writer(max_struct)
    body, own = [], 0
    for value in values:
        data, counted = writer.value(value)
        body.append(data)
        own += counted
    if own > max_body:
        raise Overflow(TOO_BIG)
    return _packet(REPLY, cookie, b"".join(body))


def encode_fault(code: int, text: str, cookie: int = 0) -> bytes:
    """A fault packet; the text is cut to 255 characters as Kamailio does."""
    return _packet(FAULT, cookie, _scalar(code) + _text(text[:255], STR))


def encode_request(method: str, arguments: Sequence[int | float | str] = (), cookie: int = 0) -> bytes:
    """A request packet, as kamcmd sends it."""
    return _packet(REQUEST, cookie, b"".join(map(_scalar, (method, *arguments))))


def decode_reply(data: bytes) -> list[Any]:
    """The values of a reply packet; raises RpcFault for a fault packet, Incomplete, BadPacket."""
    packet = decode(data)
    if packet.kind == FAULT:
        code, text = (*packet.values, 500, "")[:2]
        raise RpcFault(code, text)
    return packet.values


# -- serving ----------------------------------------------------------------------------------------------------------
def answer(
    server: Server, data: bytes, *, whole: bool = False, later: Callable[[bytes], object] | None = None
) -> Answer:
    """Run the first request in `data`.

    `whole`: nothing more can follow (a datagram), so a request that is cut off is an error. Limits and whether types
    are converted come from module ctl when it is loaded. The answer of a command that takes its time goes to `later`;
    nothing is to be sent at once then.
    """
    try:
        packet = decode(data)
    except Incomplete:
        return Answer(b"", len(data), close=True) if whole else Answer(b"", 0)
    except BadPacket as error:
        return Answer(encode_fault(400, f"bad request: {error}", error.cookie), len(data), close=True)
    cookie = packet.cookie
    if packet.kind != REQUEST:
        return Answer(encode_fault(400, f"bad request: {CORRUPTED}", cookie), len(data), close=True)
    if not packet.values or not isinstance(packet.values[0], str):
        reason = WRONG_TYPE if packet.values else NO_MORE
        return Answer(encode_fault(400, f"bad request method: {reason}", cookie), len(data), close=True)
    return Answer(_run(server, packet, later), packet.size)


def _run(server: Server, packet: Packet, later: Callable[[bytes], object] | None) -> bytes:
    method, *arguments = packet.values
    cookie = packet.cookie
    if method not in server.rpc:
        return encode_fault(500, f"command {method} not found", cookie)
    ctl: Any = server.modules.get("ctl")

    def reply(rpc: Rpc) -> bytes:
        if rpc.failure is not None:
            return encode_fault(rpc.failure.code, rpc.failure.text, cookie)
        limits = {} if ctl is None else {"max_body": ctl.max_body, "max_struct": ctl.max_struct}
        try:
            return encode_reply(rpc.answer, cookie, **limits)
        except Overflow as error:
            return encode_fault(500, f"Internal server error processing 's': {error} (-2)", cookie)

    def finished(rpc: Rpc) -> None:
        if later is not None:
            later(reply(rpc))

    convert = ctl is not None and bool(ctl.autoconversion)
    rpc = server.rpc.start(method, arguments, convert=convert, on_finish=finished)
    if rpc.delayed and rpc.failure is None:
        return b"" if later is not None else encode_fault(500, "delayed answers are not possible here", cookie)
    return reply(rpc)
