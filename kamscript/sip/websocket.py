"""WebSocket frames and the handshake's key (RFC 6455 sections 1.3 and 5). Knows neither sockets nor SIP."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from kamscript.sip.errors import SipError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
#: Names of opcodes.
OPCODES = {CONTINUATION: "CONTINUATION", TEXT: "TEXT", BINARY: "BINARY", CLOSE: "CLOSE", PING: "PING", PONG: "PONG"}
VERSION = 13

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PROTOCOL_ERROR, _POLICY, _TOO_BIG = 1002, 1008, 1009


class FrameError(SipError):
    """A frame that a server must not take; `status` is what its Close frame says."""

    def __init__(self, status: int, reason: str, problem: str) -> None:
        super().__init__(problem)
        self.status, self.reason = status, reason


class Frame(NamedTuple):
    """One frame. `payload` is unmasked."""

    opcode: int
    payload: str
    fin: bool = True

    @property
    def closing(self) -> tuple[int, str]:
        """Status and reason of a Close frame; status 0 for none."""
        payload = self.payload
        return (ord(payload[0]) << 8 | ord(payload[1]), payload[2:]) if len(payload) >= 2 else (0, "")


def accept_key(key: str) -> str:
    """What Sec-WebSocket-Accept answers to a Sec-WebSocket-Key."""
    digest = hashlib.sha1((key + _GUID).encode("latin-1"), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def encode(opcode: int, payload: str, *, mask: str = "", fin: bool = True) -> str:
    """The characters of a frame; `mask` are the four of a client's masking key, "" for a server's frame."""
    size, bit = len(payload), 0x80 if mask else 0
    first = (0x80 if fin else 0) | opcode
    if size < 126:
        length = b""
    elif size <= 0xFFFF:
        size, length = 126, size.to_bytes(2, "big")
    else:
        size, length = 127, size.to_bytes(8, "big")
    start = (bytes((first, bit | size)) + length).decode("latin-1")
    return f"{start}{mask}{masked(payload, mask)}" if mask else start + payload


def masked(payload: str, mask: str) -> str:
    """A payload masked, or unmasked, with four characters."""
    size = len(payload)
    if not size:
        return ""
    key = (mask * (size // 4 + 1))[:size].encode("latin-1")
    mixed = int.from_bytes(payload.encode("latin-1"), "big") ^ int.from_bytes(key, "big")
    return mixed.to_bytes(size, "big").decode("latin-1")


def decode(raw: str, longest: int = 65535, *, from_client: bool = True) -> Frame:
    """Read one whole frame; raises FrameError. A client's frames must be masked, a server's must not."""
    first, second = ord(raw[0]), ord(raw[1])
    opcode, has_mask = first & 0x0F, bool(second & 0x80)
    if first & 0x70:
        raise FrameError(_PROTOCOL_ERROR, "Protocol error", "WebSocket reserved fields with non-zero values")
    if opcode not in OPCODES:
        raise FrameError(_POLICY, "Unsupported opcode", f"unsupported opcode: {opcode:#x}")
    if has_mask is not from_client:
        problem = "all messages of a client must be masked" if from_client else "a server's messages are not masked"
        raise FrameError(_PROTOCOL_ERROR, "Protocol error", problem)
    start, size = _lengths(raw)
    if size >= longest:
        raise FrameError(_TOO_BIG, "Message too big", f"message is too long ({size} / {longest})")
    payload = raw[start : start + size]
    if has_mask:
        payload = masked(payload, raw[start - 4 : start])
    return Frame(opcode, payload, bool(first & 0x80))


def _lengths(raw: str) -> tuple[int, int]:
    """Where the payload starts, and its length; start 0 when more of the head is needed."""
    if len(raw) < 2:
        return 0, 0
    second = ord(raw[1])
    start, size = 2, second & 0x7F
    if size >= 126:
        start += 2 if size == 126 else 8
        size = int.from_bytes(raw[2:start].encode("latin-1"), "big")
    if second & 0x80:
        start += 4
    return (start, size) if len(raw) >= start else (0, 0)


class FrameCutter:
    """Cuts a stream into whole frames. `limit` is the longest that is waited for."""

    __slots__ = ("_buffer", "limit")

    def __init__(self, limit: int = 65535) -> None:
        self.limit = limit
        self._buffer = ""

    @property
    def pending(self) -> int:
        """How many characters wait for the rest of their frame."""
        return len(self._buffer)

    def feed(self, data: str) -> Iterator[str]:
        """Take what arrived; yields the characters of whole frames. Raises FrameError for one that is too long."""
        self._buffer += data
        while True:
            start, size = _lengths(self._buffer)
            if not start:
                return
            if size >= self.limit:
                raise FrameError(_TOO_BIG, "Message too big", f"message is too long ({size} / {self.limit})")
            if len(self._buffer) < start + size:
                return
            raw, self._buffer = self._buffer[: start + size], self._buffer[start + size :]
            yield raw
