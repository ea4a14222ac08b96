"""Where the server listens and what it sends: addresses without any I/O (core/socket_info.c)."""

from __future__ import annotations

from typing import NamedTuple


class ListenSocket:
    """One `listen=` address. `name` is its socket name, `advertise_*` what Via, Record-Route and `$RA` show."""

    __slots__ = (
        "address",
        "advertise_host",
        "advertise_port",
        "flags",
        "host",
        "index",
        "name",
        "port",
        "proto",
        "text",
    )

    def __init__(
        self,
        proto: str,
        host: str,
        port: int,
        *,
        advertise_host: str = "",
        advertise_port: int = 0,
        name: str = "",
        address: str = "",
        index: int = 0,
    ) -> None:
        self.proto, self.host, self.port, self.name, self.index = proto, host, port, name, index
        self.advertise_host, self.advertise_port = advertise_host, advertise_port
        self.address = address or host  #: the IP address when `host` is a name
        self.flags = 0
        self.text = f"{proto}:{host}:{port}"  #: as `$fs` and `$Ru`-like variables print it

    @property
    def via_host(self) -> str:
        """The host that Via and Record-Route show."""
        return self.advertise_host or self.host

    @property
    def via_port(self) -> int:
        """The port that Via and Record-Route show."""
        return self.advertise_port or self.port

    def __repr__(self) -> str:
        return f"<{self.text}>"


class Received(NamedTuple):
    """Where a message came from and arrived. `connection` identifies a TCP/TLS/WebSocket stream, 0 for datagrams."""

    proto: str
    src_ip: str
    src_port: int
    dst_ip: str
    dst_port: int
    socket: ListenSocket
    connection: int = 0


class Destination(NamedTuple):
    """Where a message goes. `connection` asks for that open stream (0: find or open one)."""

    proto: str
    ip: str
    port: int
    connection: int = 0


class Datagram(NamedTuple):
    """One message for the driver to send."""

    socket: ListenSocket
    to: Destination
    text: str
