"""Where the message came from, arrived and goes to; sockets, protocols and their numbers (modules/pv/pv_core.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.core.sockets import bracketed
from kamscript.module import Accessor, PvRef, pv, pv_class
from kamscript.modules.pv.uris import choose
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.core.sockets import Datagram, ListenSocket, Received

AF_INET, AF_INET6 = 2, 10


class Network:
    """The part of the pv module that knows addresses."""

    server: Server

    # -- the sender --------------------------------------------------------------------------------------------------
    @pv("si")
    @pv("src_ip")
    def _si(self, ctx: Context) -> Value:
        """IP address that the message came from."""
        return ctx.msg.received.src_ip

    @pv("siz", since="5.6")
    def _siz(self, ctx: Context) -> Value:
        """IP address that the message came from; IPv6 in brackets."""
        return bracketed(ctx.msg.received.src_ip)

    @pv("sp")
    def _sp(self, ctx: Context) -> Value:
        """Port that the message came from."""
        return ctx.msg.received.src_port

    @pv("su")
    def _su(self, ctx: Context) -> Value:
        """Address that the message came from as a URI; the transport is left out for UDP."""
        return _source_uri(ctx.msg.received, False)

    @pv("sut")
    def _sut(self, ctx: Context) -> Value:
        """Address that the message came from as a URI with its transport."""
        return _source_uri(ctx.msg.received, True)

    @pv("sas", since="5.6")
    def _sas(self, ctx: Context) -> Value:
        """Address that the message came from in the form of a socket: `udp:10.0.0.1:5060`."""
        received = ctx.msg.received
        return f"{_in_uri(received.proto)}:{bracketed(received.src_ip)}:{received.src_port}"

    @pv("pr")
    @pv("proto")
    def _pr(self, ctx: Context) -> Value:
        """Transport that the message came by: udp, tcp, tls, sctp, ws, wss."""
        return ctx.msg.received.proto

    @pv("prid", since="5.6")
    def _prid(self, ctx: Context) -> Value:
        """Number of that transport."""
        return PROTO_NUMBERS.get(ctx.msg.received.proto, 0)

    @pv("conid")
    def _conid(self, ctx: Context) -> Value:
        """Number of the connection that the message came over; null for datagrams."""
        return ctx.msg.received.connection or None

    # -- the socket it arrived at ------------------------------------------------------------------------------------
    @pv("Ri")
    def _Ri(self, ctx: Context) -> Value:
        """IP address of the socket that the message arrived at."""
        return _shown(ctx.msg.received.socket)

    @pv("Rp")
    def _Rp(self, ctx: Context) -> Value:
        """Port of that socket."""
        return ctx.msg.received.socket.port

    @pv("Rn", since="5.6")
    def _Rn(self, ctx: Context) -> Value:
        """Name of that socket."""
        return ctx.msg.received.socket.name or None

    @pv("Ras", since="5.6")
    def _Ras(self, ctx: Context) -> Value:
        """Socket that the message arrived at as `udp:10.0.0.1:5060`."""
        return ctx.msg.received.socket.text

    @pv("Ru", since="5.6")
    def _Ru(self, ctx: Context) -> Value:
        """Socket that the message arrived at as a URI; the transport is left out for UDP."""
        return _socket_uri(ctx.msg.received, False, False)

    @pv("Rut", since="5.6")
    def _Rut(self, ctx: Context) -> Value:
        """Socket that the message arrived at as a URI with its transport."""
        return _socket_uri(ctx.msg.received, True, False)

    @pv("RAi", since="5.6")
    def _RAi(self, ctx: Context) -> Value:
        """Advertised address of that socket, else its IP address."""
        socket = ctx.msg.received.socket
        return socket.advertise_host or _shown(socket)

    @pv("RAp", since="5.6")
    def _RAp(self, ctx: Context) -> Value:
        """Advertised port of that socket, else its port."""
        return ctx.msg.received.socket.via_port

    @pv("RAu", since="5.6")
    def _RAu(self, ctx: Context) -> Value:
        """Advertised address of that socket as a URI; the transport is left out for UDP."""
        return _socket_uri(ctx.msg.received, False, True)

    @pv("RAut", since="5.6")
    def _RAut(self, ctx: Context) -> Value:
        """Advertised address of the receiving socket as a URI with its transport."""
        return _socket_uri(ctx.msg.received, True, True)

    @pv_class("af")
    def _af(self, ref: PvRef) -> Accessor:
        """Address family of the socket: `id` its number, `name` IPv4 or IPv6."""
        return Accessor(
            choose(
                ref,
                {
                    "id": lambda ctx: AF_INET6 if ctx.msg.received.socket.ipv6 else AF_INET,
                    "name": lambda ctx: "IPv6" if ctx.msg.received.socket.ipv6 else "IPv4",
                },
            )
        )

    @pv_class("rcv", since="5.6")
    def _rcv(self, ref: PvRef) -> Accessor:
        """In event_route[core:msg-received] and its kin: `buf len proto sproto srcip srcport rcvip rcvport af`.

        Assigning to `buf` changes what is parsed.
        """
        read = choose(ref, _RECEIVED)

        def get(ctx: Context) -> Value:
            arriving = ctx.state.get("rcv")
            return None if arriving is None else read(arriving)

        def set(ctx: Context, value: Value) -> bool:
            arriving = ctx.state.get("rcv")
            if arriving is None or (value is not None and not isinstance(value, str)):
                ctx.server.log.error("pv", "received info not set, or no text")
                return False
            if ref.inner == "buf":
                arriving["buf"] = value or ""
            return True

        return Accessor(get, set)

    # -- where it goes -----------------------------------------------------------------------------------------------
    @pv("fs", setter="_set_fs")
    def _fs(self, ctx: Context) -> Value:
        """Socket that the message must leave by, as `udp:10.0.0.1:5060`; assign it in that form."""
        socket = ctx.msg.force_send_socket
        return None if socket is None else socket.text

    def _set_fs(self, ctx: Context, value: Value) -> bool:
        if value is None:
            ctx.msg.force_send_socket = None
            return True
        if not isinstance(value, str) or not value:
            ctx.server.log.error("pv", "str value required to set the force send sock")
            return False
        parts = split_socket(value)
        if parts is None:
            ctx.server.log.error("pv", "invalid socket specification")
            return False
        proto, host, port = parts
        socket = ctx.server.find_socket(host, port, proto)
        if socket is None:
            ctx.server.log.warning("pv", f"no socket found to match [{value}]")
        else:
            ctx.msg.force_send_socket = socket
        return True

    @pv("fsn", setter="_set_fsn", since="5.6")
    def _fsn(self, ctx: Context) -> Value:
        """Name of that socket; assign a socket's name."""
        socket = ctx.msg.force_send_socket
        return (socket.name or None) if socket is not None else None

    def _set_fsn(self, ctx: Context, value: Value) -> bool:
        if value is None:
            ctx.msg.force_send_socket = None
            return True
        if not isinstance(value, str) or not value:
            ctx.server.log.error("pv", "str value required to set the force send sock")
            return False
        socket = next((one for one in ctx.server.sockets if one.name == value), None)
        if socket is None:
            ctx.server.log.warning("pv", f"no socket found to match name [{value}]")
        else:
            ctx.msg.force_send_socket = socket
        return True

    @pv("fsp", since="5.6")
    def _fsp(self, ctx: Context) -> Value:
        """Port of that socket; 0 when none is set."""
        socket = ctx.msg.force_send_socket
        return 0 if socket is None else socket.port

    @pv_class("snd")
    @pv_class("sndto")
    def _snd(self, ref: PvRef) -> Accessor:
        """In onsend_route, where the message goes: `ip port proto sproto af buf len`."""
        return _leaving(ref, True)

    @pv_class("sndfrom")
    def _sndfrom(self, ref: PvRef) -> Accessor:
        """In onsend_route, the socket that the message leaves by: `ip port proto sproto af buf len`."""
        return _leaving(ref, False)

    @pv_class("K")
    def _K(self, ref: PvRef) -> Accessor:
        """Numbers of the core: `IPv4 IPv6 INET INET6 UDP TCP TLS SCTP WS WSS`."""
        number = choose(ref, _NUMBERS)
        return Accessor(lambda ctx: number)


_NUMBERS = {"IPv4": AF_INET, "INET": AF_INET, "IPv6": AF_INET6, "INET6": AF_INET6} | {
    name.upper(): number for name, number in PROTO_NUMBERS.items()
}


def _in_uri(proto: str) -> str:
    """How a transport is called in URIs: WebSocket is always `ws`."""
    return "ws" if proto == "wss" else proto


def _uri(host: str, port: int, proto: str, always: bool) -> str:
    transport = f";transport={_in_uri(proto)}" if always or proto != "udp" else ""
    return f"sip:{host}:{port}{transport}"


def _source_uri(received: Received, always: bool) -> str:
    return _uri(bracketed(received.src_ip), received.src_port, received.proto, always)


def _shown(socket: ListenSocket) -> str:
    return socket.address


def _socket_uri(received: Received, always: bool, advertised: bool) -> str:
    socket = received.socket
    host = (socket.advertise_host if advertised else "") or _shown(socket)
    port = socket.via_port if advertised else socket.port
    return _uri(bracketed(host), port, received.proto, always)


_RECEIVED: dict[str, Callable[[Any], Value]] = {
    "buf": lambda arriving: arriving["buf"],
    "len": lambda arriving: len(arriving["buf"]),
    "proto": lambda arriving: PROTO_NUMBERS.get(arriving["received"].proto, 0),
    "sproto": lambda arriving: arriving["received"].proto,
    "srcip": lambda arriving: arriving["received"].src_ip,
    "srcport": lambda arriving: arriving["received"].src_port,
    "rcvip": lambda arriving: arriving["received"].dst_ip,
    "rcvport": lambda arriving: arriving["received"].dst_port,
    "af": lambda arriving: AF_INET6 if arriving["received"].socket.ipv6 else AF_INET,
}

_LEAVING: dict[str, Callable[[Datagram, bool], Value]] = {
    "ip": lambda datagram, to: datagram.to.ip if to else _shown(datagram.socket),
    "port": lambda datagram, to: datagram.to.port if to else datagram.socket.port,
    "proto": lambda datagram, to: PROTO_NUMBERS.get(datagram.socket.proto, 0),
    "sproto": lambda datagram, to: datagram.socket.proto,
    "af": lambda datagram, to: AF_INET6 if datagram.socket.ipv6 else AF_INET,
    "buf": lambda datagram, to: datagram.text,
    "len": lambda datagram, to: len(datagram.text),
}


def _leaving(ref: PvRef, to: bool) -> Accessor:
    read = choose(ref, _LEAVING)

    def get(ctx: Context) -> Value:
        datagram = ctx.onsend
        return None if datagram is None else read(datagram, to)

    return Accessor(get)


def split_socket(text: str) -> tuple[str, str, int] | None:
    """`proto:host:port`, `host:port` or `host` (parse_phostport); "" and 0 where a part is missing; None when bad."""
    proto, colon, rest = text.partition(":")
    if colon and proto.lower() in PROTO_NUMBERS:
        proto, text = proto.lower(), rest
    else:
        proto = ""
    if text[:1] == "[":
        host, bracket, tail = text[1:].partition("]")
        if not bracket or (tail and tail[:1] != ":"):
            return None
        port = tail[1:]
    else:
        host, _, port = text.partition(":")
    if not host or (port and not (port.isdecimal() and int(port) <= 65535)):
        return None
    return proto, host, int(port or 0)
