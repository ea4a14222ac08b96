"""Transports by their names and numbers, in Kamailio's order (core/ip_addr.h, enum sip_protos)."""

from __future__ import annotations

from typing import Final

PROTO_NUMBERS: Final = {"udp": 1, "tcp": 2, "tls": 3, "sctp": 4, "ws": 5, "wss": 6}
#: The order in which lists of sockets are walked (next_proto).
PROTOCOLS: Final = tuple(PROTO_NUMBERS)
