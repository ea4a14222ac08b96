"""Stateless forwarding of requests and replies, and where replies go (core/forward.c)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from kamscript.core.build import branch_base, build_reply, build_request, from_reverse_hex, via_line
from kamscript.core.dns import of_address
from kamscript.core.errors import (
    E_ADM_PROHIBITED,
    E_BAD_ADDRESS,
    E_BAD_PROTO,
    E_NO_SOCKET,
    E_OK,
    E_SEND,
    E_UNSPEC,
)
from kamscript.core.sockets import SEND_FORCE_SOCKET, Destination
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_FORCE_RPORT, FL_USE_OTCPID
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.message import Message
    from kamscript.sip.via import Via

_STREAMS = frozenset(("tcp", "tls", "ws", "wss"))


def forward(ctx: Context, host: str = "", port: int | None = None, proto: str = "") -> int:
    """forward() and its kin: send the current request on without state.

    Without `host` to the destination URI, else the request URI (`port` replaces its port); with `host`, there.
    Returns 1, or the error code that the script sees in `$rc`.
    """
    msg = ctx.msg
    if not host:
        text = msg.dst_uri or msg.current_uri()
        try:
            uri = parse_uri(text)
        except SipError:
            ctx.server.log.error("<core>", "forward: bad_uri dropping packet")
            return fail(ctx, E_UNSPEC)
        if not proto:
            proto = uri.proto
            if uri.secure:
                if proto == "udp":
                    ctx.server.log.error("<core>", "forward: secure uri incompatible with transport udp")
                    return fail(ctx, E_BAD_PROTO)
                proto = proto if proto in ("ws", "wss") else "tls"
        result = forward_request(ctx, uri.host, uri.port_no if port is None else port, proto)
    else:
        result = forward_request(ctx, host, port or 0, proto or msg.received.proto)
    return 1 if result >= 0 else result


def forward_request(ctx: Context, host: str, port: int = 0, proto: str = "") -> int:
    """Send the current request to a host without state, trying its addresses in turn: E_OK or an error code.

    `ctx.ser_error` keeps it.
    """
    server, msg = ctx.server, ctx.msg
    statistics, log = server.statistics, server.log
    if msg.from_ is None or msg.to is None or msg.cseq is None or not msg.callid:
        log.error("<core>", "the request lacks what its branch is made from")  # after edits and msg_apply_changes()
        return fail(ctx, E_UNSPEC)
    branch = msg.add_to_branch or f"{branch_base(msg)}.0"
    result = E_BAD_ADDRESS
    reached = False
    for destination in _failover(server, host, port, proto):
        reached = True
        socket = server.get_send_socket(destination, msg.force_send_socket)
        if socket is None:
            log.error("<core>", f"cannot forward to proto {destination.proto} no corresponding listening socket")
            result = E_NO_SOCKET
            continue
        destination = outgoing(ctx, destination)
        # As in the daemon: a request that is forwarded again carries the Vias of the times before as well.
        earlier = ctx.state.get("forward", "")
        via = earlier + via_line(ctx, socket, destination, branch)
        text, sender, destination = build_request(ctx, socket, destination, branch, via=via)
        if sender is not socket:  # too long for UDP
            socket, via = sender, earlier + via_line(ctx, sender, destination, branch)
        ctx.state["forward"] = via
        if not server.run_onsend(ctx, socket, destination, text):
            log.info("<core>", f"request to {destination.ip}:{destination.port} dropped (onsend_route)")
            result = E_ADM_PROHIBITED
            continue
        if server.blocklist.entries and server.blocklist.enabled and server.blocklist.blocked(destination):
            result = E_SEND
            continue
        server.send(socket, destination, text)
        result = E_OK
        break
    if not reached:
        log.error("<core>", f'resolving "{host}" failed')
    statistics.core("fwd_requests" if result == E_OK else "drop_requests")
    ctx.ser_error = result
    return result


def outgoing(ctx: Context, destination: Destination) -> Destination:
    """A destination of the current request with the connection and flags that the message asks for."""
    flags, msg = ctx.fwd_flags, ctx.msg
    if msg.force_send_socket is not None:
        flags |= SEND_FORCE_SOCKET
    connection = destination.connection
    if msg.msg_flags & FL_USE_OTCPID and destination.proto in _STREAMS:
        connection = msg.otcpid
    if flags or connection:
        return destination._replace(flags=flags, connection=connection)
    return destination


def _failover(server: Server, host: str, port: int, proto: str) -> Iterable[Destination]:
    if server.plain_dns:
        known = of_address(host, port, proto)
        if known is not None:
            return (known,)
    every = server.dns.destinations(host, port, proto)
    return every if server.cfg.core["use_dns_failover"] else islice(every, 1)


def fail(ctx: Context, error: int) -> int:
    """Keep an error in `ctx.ser_error` and return it."""
    ctx.ser_error = error
    return error


def forward_reply(ctx: Context) -> bool:
    """Send the current reply on to its second Via; False when it cannot be sent."""
    server, msg = ctx.server, ctx.msg
    via, below = msg.top_via, msg.via2
    if below is None:
        server.log.debug("<core>", "reply cannot be forwarded - no 2nd via")
        return False
    text = build_reply(ctx, msg)
    destination = via_destination(server, below)
    if destination is None:
        return False
    if via is not None and via.i is not None and below.proto in _STREAMS:
        connection = from_reverse_hex(via.i.value or "")
        if connection is None:
            server.log.error("<core>", f'bad via i param "{via.i.value}"')
        else:
            destination = destination._replace(connection=connection)
    flags = ctx.fwd_flags | ctx.rpl_flags
    if flags:
        destination = destination._replace(flags=flags)
    socket = server.get_send_socket(destination, msg.force_send_socket)
    if socket is None:
        server.log.error("<core>", "cannot forward reply")
        server.statistics.core("fwd_replies")
        return True
    if server.settings["onsend_route_reply"] and not server.run_onsend(ctx, socket, destination, text):
        server.log.error("<core>", f"reply to {destination.ip}:{destination.port} dropped (onsend_route)")
        return False
    server.send(socket, destination, text)
    server.statistics.core("fwd_replies")
    return True


def own_first_via(ctx: Context) -> bool:
    """With check_via: whether the first Via of the current reply names this server. Without: True."""
    server, via = ctx.server, ctx.msg.top_via
    if not server.settings["check_via"] or via is None or server.is_myself(via.host, via.port or 5060, via.proto):
        return True
    server.log.error("<core>", f"host in first via!=me : {via.host}:{via.port}")
    return False


def via_destination(server: Server, via: Via) -> Destination | None:
    """Where a reply that carries `via` on top goes (RFC 3261 18.2.2): received and rport when present."""
    port = via.rport_value
    if via.received is not None and via.received.value:
        host = via.received.value
        port = port or via.port or 5060
    else:
        host = via.host
        port = port or via.port
    found = _address(server, host, port, via.proto)
    if found is None:
        server.log.notice("<core>", f"resolve_host({host}) failure")
    return found


def _address(server: Server, host: str, port: int, proto: str) -> Destination | None:
    known = of_address(host, port, proto)
    if known is not None:
        return known
    found = next(server.dns.destinations(host, port, proto), None)
    # The transport of a reply is the Via's, whatever a record says.
    return None if found is None else found._replace(proto=proto)


def reply_destination(ctx: Context, request: Message | None = None) -> Destination | None:
    """Where a reply made here to `request` (default: the current one) goes; None: Via is missing or has no address.

    Back to where it came from: to the source port with rport or force_rport, to Via's port without, over the same
    connection for streams. With reply_to_via to the host in Via, looked up when it is a name.
    """
    server = ctx.server
    msg = ctx.msg if request is None else request
    via, source = msg.top_via, msg.received
    if via is None:
        return None
    proto = source.proto
    if server.settings["reply_to_via"]:
        wants_rport = via.rport is not None or msg.msg_flags & FL_FORCE_RPORT
        found = _address(server, via.host, source.src_port if wants_rport else via.port, via.proto)
        if found is None:
            return None
        return found._replace(connection=source.connection, flags=ctx.rpl_flags)
    if via.rport is not None or (msg.msg_flags | server.request_flags) & FL_FORCE_RPORT:
        port = source.src_port
    else:
        port = via.port or 5060
    return Destination(proto, source.src_ip, port, source.connection, ctx.rpl_flags)


__all__ = [
    "fail",
    "forward",
    "forward_reply",
    "forward_request",
    "outgoing",
    "own_first_via",
    "reply_destination",
    "via_destination",
]
