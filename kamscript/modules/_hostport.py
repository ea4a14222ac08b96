"""`proto:host:port` as the core's functions read it: parse_protohostport, and parse_phostport for what is stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from kamscript.sip.protocols import PROTOCOLS

if TYPE_CHECKING:
    from kamscript.core.server import Server

_COLON = re.compile(r":(?![^\[]*\])")


class HostPort(NamedTuple):
    """The parts as written, "" where one is missing; an IPv6 address keeps its brackets."""

    proto_text: str
    host: str
    port_text: str

    @property
    def proto(self) -> str:
        """The transport in small letters."""
        return self.proto_text.lower()

    @property
    def port(self) -> int:
        """The port, 0 without one; it counts modulo 65536."""
        return int(self.port_text or 0) & 0xFFFF


def parse_host_port(text: str, server: Server) -> HostPort | None:
    """`[proto:]host[:port]`; None for anything else and for a transport that this server does not serve."""
    if not text or text.endswith(":") or text.count("[") > 1 or text.count("[") != text.count("]"):
        return None
    parts = _COLON.split(text)
    if len(parts) > 3:
        return None
    if len(parts) == 1:
        return HostPort("", text, "")
    last_is_port = parts[-1].isascii() and parts[-1].isdigit()
    if len(parts) == 2 and last_is_port:
        return HostPort("", parts[0], parts[1])
    if (len(parts) == 3 and not last_is_port) or not _is_served(parts[0].lower(), server):
        return None
    return HostPort(parts[0], parts[1], parts[2] if len(parts) == 3 else "")


def socket_parts(text: str) -> tuple[str, str, int] | None:
    """Transport, host and port of a stored `proto:host:port`; transport and port may be missing, any transport does."""
    proto, rest = "", text
    for name in PROTOCOLS:
        if text.lower().startswith(name + ":"):
            proto, rest = name, text[len(name) + 1 :]
            break
    if rest.startswith("["):
        host, bracket, port = rest.partition("]")
        if not bracket:
            return None
        host, port = host + "]", port.removeprefix(":")
    else:
        host, _, port = rest.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit())):
        return None
    return proto, host, int(port or 0)


def _is_served(proto: str, server: Server) -> bool:
    settings = server.settings
    tcp = not settings["disable_tcp"]
    tls = tcp and not settings["disable_tls"]
    served = {"udp": True, "tcp": tcp, "ws": tcp, "tls": tls, "wss": tls, "sctp": not settings["disable_sctp"]}
    return served.get(proto, False)
