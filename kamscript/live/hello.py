"""The server name in a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3)."""

from __future__ import annotations

_HANDSHAKE_RECORD, _CLIENT_HELLO, _SERVER_NAME, _HOST_NAME = 22, 1, 0, 0
#: A ClientHello is shorter.
_LONGEST = 65536


def server_name_of(data: bytes) -> str | None:
    """The name that the client asks for: "" when it asks for none or speaks no TLS, None when more bytes are needed."""
    hello, at = b"", 0
    while at < len(data):
        if data[at] != _HANDSHAKE_RECORD:
            return ""
        if at + 5 > len(data):
            return None
        end = at + 5 + int.from_bytes(data[at + 3 : at + 5], "big")
        hello += data[at + 5 : end]
        if len(hello) >= 4:
            length = 4 + int.from_bytes(hello[1:4], "big")
            if hello[0] != _CLIENT_HELLO or length > _LONGEST:
                return ""
            if len(hello) >= length:
                return _name(hello[4:length])
        at = end
    return None


def _name(hello: bytes) -> str:
    at = 34  # version and random
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        at += size + int.from_bytes(hello[at : at + size], "big")
    at += 2
    while at + 4 <= len(hello):
        kind, length = int.from_bytes(hello[at : at + 2], "big"), int.from_bytes(hello[at + 2 : at + 4], "big")
        names = hello[at + 4 : at + 4 + length]
        if kind == _SERVER_NAME:
            size = int.from_bytes(names[3:5], "big")
            return names[5 : 5 + size].decode("latin-1") if names[2:3] == bytes([_HOST_NAME]) else ""
        at += 4 + length
    return ""
