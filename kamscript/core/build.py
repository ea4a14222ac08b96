"""The outgoing text of requests and replies (core/msg_translator.c). Shared by forward, tm and sl.

Putting the pieces together is the business of `Edits.join`; here is decided what goes in: our Via, received and
rport on the Via below it, the Path as a Route, another transport for what is too long for UDP.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.core.multipart import fix_multipart
from kamscript.core.sockets import Destination, bracketed
from kamscript.core.xavps import child, serialize
from kamscript.sip.edits import Outgoing
from kamscript.sip.message import (
    FL_ADD_LOCAL_RPORT,
    FL_ADD_SRVID,
    FL_ADD_XAVP_VIA_PARAMS,
    FL_BODY_MULTIPART,
    FL_FORCE_RPORT,
    FL_MTU_SCTP_FB,
    FL_MTU_TCP_FB,
    FL_MTU_TLS_FB,
    FL_USE_XAVP_VIA_FIELDS,
)

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.core.sockets import ListenSocket, Received
    from kamscript.sip.message import Message
    from kamscript.sip.via import Via

#: Message.msg_flags of 6.x: fields of an XAVP go into the first Via of replies (via_reply_add_xavp_params).
FL_ADD_XAVP_VIA_REPLY_PARAMS = 1 << 27
FL_MTU_MASK = FL_MTU_TCP_FB | FL_MTU_TLS_FB | FL_MTU_SCTP_FB
#: The flag by which a message asks for a transport when it is longer than udp_mtu.
MTU_FLAGS = {"udp": 0, "tcp": FL_MTU_TCP_FB, "tls": FL_MTU_TLS_FB, "sctp": FL_MTU_SCTP_FB}

_STREAMS = frozenset(("tcp", "tls", "ws", "wss"))
#: Protocols whose Content-Length is always put right. WebSocket frames have a length of their own.
_NEEDS_LENGTH = frozenset(("tcp", "tls"))


def build_request(
    ctx: Context,
    socket: ListenSocket,
    destination: Destination,
    branch: str,
    *,
    uri: str | None = None,
    path: str | None = None,
    via: str = "",
) -> tuple[str, ListenSocket, Destination]:
    """The current request as it leaves through `socket`: our Via on top, received/rport on the one below, edits done.

    `branch` is the whole branch parameter value (`z9hG4bK...`); `uri` overrides the request URI, `path` adds a Route
    header (both default to what the message carries); `via` stands for our Via line, further ones on top of it.
    Returns text, socket and destination: for a text longer than `udp_mtu` these are the `udp_mtu_try_proto`
    transport's.
    """
    msg, server = ctx.msg, ctx.server
    if server.hooks.request_build:
        for hook in server.hooks.request_build:
            hook(ctx)
    flags = msg.msg_flags | server.request_flags
    if flags & FL_BODY_MULTIPART:
        fix_multipart(server, msg)
    source = msg.received
    if uri is None:
        uri = msg.new_uri
    if path is None:
        path = msg.path
    below = msg.top_via
    assert below is not None  # requests without Via do not get this far
    rport = below.rport is not None
    proto = destination.proto
    text = msg.edits.join(
        Outgoing(socket, proto),
        uri=uri,
        via=via or via_line(ctx, socket, destination, branch),
        route=f"Route: {path}\r\n" if path else "",
        received=source.src_ip
        if rport
        or below.received is not None
        or (below.host != source.src_ip and needs_received(server, below, source))
        else "",
        rport=source.src_port if rport or flags & FL_FORCE_RPORT else 0,
        stream=proto in _NEEDS_LENGTH,
    )
    limit = server.cfg.core["udp_mtu"]
    if limit and proto == "udp" and flags & FL_MTU_MASK and len(text) > limit:
        for other, flag in (("tcp", FL_MTU_TCP_FB), ("tls", FL_MTU_TLS_FB)):
            if not flags & flag:
                continue
            instead = destination._replace(proto=other)
            sender = server.get_send_socket(instead, msg.force_send_socket)
            if sender is not None:
                # Only the Via tells of the other transport; the rest of the text was made for UDP.
                mine = via_line(ctx, socket, destination, branch)
                return text.replace(mine, via_line(ctx, sender, instead, branch), 1), sender, instead
    return text, socket, destination


def build_reply(ctx: Context, reply: Message) -> str:
    """The reply as it goes upstream: without its first Via, edits done (build_res_buf_from_sip_res)."""
    if reply.msg_flags & FL_BODY_MULTIPART:
        fix_multipart(ctx.server, reply)
    below = reply.via2
    stream = below is not None and below.proto in _NEEDS_LENGTH
    if not reply.has_edits and not stream:
        return reply.without_first_via()
    return reply.edits.join(drop_via=True, stream=stream)


def build_local_reply(
    ctx: Context,
    request: Message,
    code: int,
    reason: str,
    totag: str = "",
    *,
    headers: str = "",
    body: str | None = None,
) -> str:
    """A reply that this server makes to `request` (build_res_buf_from_sip_req).

    Via, From, To (with `totag` for its tag), Call-ID, CSeq and, for 180 to 299, Record-Route as they came, in the
    order in which they came; then the request's reply lumps (`reply_headers`), `headers` (each with CRLF), Server,
    Content-Length, and the body: `body`, else the request's `reply_body`. "" and an error line when the request's
    headers cannot be read to their end.
    """
    server = ctx.server
    if request.header_error or request.top_via is None:
        server.log.error("<core>", "alas, parse_headers failed")
        return ""
    out = [f"{request.version} {code:03} {reason}\r\n"]
    top, http = True, request.is_http
    copied = _COPIED_WITH_ROUTES if 180 <= code < 300 else _COPIED
    for kind, line, value, end in request.header_lines():
        if kind not in copied:
            continue
        if kind == "via":
            if top:
                line = _with_received(ctx, request, line, len(line) - len(value))
                top = False
            end = "\r\n"
            if http:  # HTTP knows another header by this name
                line = f"S{line[1:]}"
        elif totag and kind == "to" and request.to is not None:
            to = request.to
            if to.tag:
                at = len(line) - len(value)
                line = f"{line[: at + to.tag_start]}{totag}{line[at + to.tag_end :]}"
            else:
                line = f"{line};tag={totag}"
        out.append(line + end)
    out += request.reply_headers
    if headers:
        out.append(headers)
    settings = server.settings
    if settings["server_signature"] and settings["server_header"]:
        out.append(settings["server_header"] + "\r\n")
    if body is None:
        body = request.reply_body
    out.append(f"Content-Length: {len(body) if body else 0}\r\n")
    if settings["sip_warning"]:
        out.append(_warning(ctx, request))
    out.append("\r\n")
    if body:
        out.append(body)
    return "".join(out)


_COPIED = frozenset(("via", "from", "to", "call-id", "cseq"))
_COPIED_WITH_ROUTES = _COPIED | {"record-route"}


def _with_received(ctx: Context, request: Message, line: str, value_at: int) -> str:
    """The first Via header's line with received and rport of where the request came from."""
    via = request.top_via
    assert via is not None
    source = request.received
    flags = request.msg_flags | ctx.server.request_flags
    rport = via.rport
    if rport is not None:
        end = value_at + rport.end
        line = f"{line[: value_at + rport.start]}rport={source.src_port}{line[end:]}"
    elif flags & FL_FORCE_RPORT:
        line += f";rport={source.src_port}"
    if rport is not None or via.received is not None or needs_received(ctx.server, via, source):
        line += f";received={source.src_ip}"
    if flags & FL_ADD_XAVP_VIA_REPLY_PARAMS and (name := ctx.server.settings["xavp_via_reply_params"]):
        fields = serialize(ctx.xavps, name)
        if fields:
            line += ";" + fields[:-1]
    return line


def needs_received(server: Server, via: Via, source: Received) -> bool:
    """Whether a received parameter must tell where the message came from (received_test)."""
    return via.rport is not None or via.received is not None or differs(server, via, source)


def differs(server: Server, via: Via, source: Received) -> bool:
    """Whether a Via names another host than the message came from (received_via_test)."""
    host = via.host
    if host == source.src_ip or (host[:1] == "[" and host[1:-1].lower() == source.src_ip):
        return False
    if server.settings["dns"] and source.src_ip in server.dns.addresses(host, server.dns.flags):
        return False
    return not (server.settings["rev_dns"] and server.environment.resolver.ptr(source.src_ip) == host)


def via_line(ctx: Context, socket: ListenSocket, destination: Destination, branch: str) -> str:
    """A whole `Via: ...` line with CRLF for a message leaving through `socket` (create_via_hf)."""
    msg, server = ctx.msg, ctx.server
    flags = msg.msg_flags
    host, port = msg.set_global_address, msg.set_global_port
    if (
        host
        or port
        or flags & FL_USE_XAVP_VIA_FIELDS
        or (destination.proto != socket.proto)
        or server.advertised is not None
    ):
        start = _via_start(ctx, socket, destination)
    else:
        start = socket.via
    source = msg.received
    if (
        source.proto in _STREAMS
        or flags & (FL_ADD_LOCAL_RPORT | FL_ADD_SRVID | FL_ADD_XAVP_VIA_PARAMS)
        or server.settings["local_rport"]
        or server.hooks.via_params
    ):
        return f"{start}{branch}{_via_params(ctx, socket)}\r\n"
    return f"{start}{branch}\r\n"


def _via_start(ctx: Context, socket: ListenSocket, destination: Destination) -> str:
    """The line up to the branch for messages that do not show the plain socket."""
    msg, server = ctx.msg, ctx.server
    host, port = msg.set_global_address, msg.set_global_port
    if server.advertised is not None:
        host, port = host or server.advertised[0], port or server.advertised[1]
    if msg.msg_flags & FL_USE_XAVP_VIA_FIELDS and (name := server.settings["xavp_via_fields"]):
        wanted = child(ctx.xavps, name, "address")
        host = wanted if isinstance(wanted, str) else host
        wanted = child(ctx.xavps, name, "port")
        port = wanted if isinstance(wanted, str) else port
    host = bracketed(host) if host else socket.via_host
    if not port and (socket.port != 5060 or socket.advertise_port):
        port = str(socket.via_port)
    return f"Via: SIP/2.0/{destination.proto.upper()} {host}{':' + port if port else ''};branch="


def _via_params(ctx: Context, socket: ListenSocket) -> str:
    """What our Via carries behind the branch: connection, rport, server id, XAVP fields, modules' own."""
    msg, server = ctx.msg, ctx.server
    source = msg.received
    text = ""
    if source.proto in ("tcp", "tls"):
        # The reply finds its way to the connection that the request came over by this number.
        text = f";i={reverse_hex(source.connection)}"
    if msg.msg_flags & FL_ADD_LOCAL_RPORT or server.settings["local_rport"]:
        text += ";rport"
    if msg.msg_flags & FL_ADD_SRVID and server.settings["server_id"]:
        text += f";srvid={server.settings['server_id']}"
    if msg.msg_flags & FL_ADD_XAVP_VIA_PARAMS and (name := server.settings["xavp_via_params"]):
        fields = serialize(ctx.xavps, name)
        if fields:
            text += ";" + fields[:-1]
    for hook in server.hooks.via_params:
        text += hook(ctx, socket)
    return text


def _warning(ctx: Context, request: Message) -> str:
    """The Warning header of sip_warning=1 (warning_builder)."""
    source = request.received
    vias = len(request.vias)
    return (
        f'Warning: 392 {source.socket.address}:{source.socket.port} "Noisy feedback tells: '
        f" pid={ctx.server.environment.pid} req_src_ip={source.src_ip} req_src_port={source.src_port} "
        f'in_uri={request.uri} out_uri={request.current_uri()} via_cnt=={vias}"\r\n'
    )


# -- branch parameters ------------------------------------------------------------------------------------------------
MAGIC_COOKIE = "z9hG4bK"


def reverse_hex(number: int) -> str:
    """A number in hexadecimal, its lowest digit first (int2reverse_hex)."""
    return f"{number:x}"[::-1]


def from_reverse_hex(text: str) -> int | None:
    """The number that `reverse_hex` printed; None when it is none (reverse_hex2int)."""
    try:
        return int(text[::-1], 16)
    except ValueError:
        return None


def hash_index(callid: str, cseq: str) -> int:
    """tm's bucket, 0 to 65535, of a transaction by Call-ID and CSeq number."""
    return core_hash(callid, 0x10000, cseq)


def branch_base(msg: Message) -> str:
    """`z9hG4bK`, bucket and identity of a request: a branch parameter without its last part (branch_builder).

    Made from tags, Call-ID, request URI, CSeq and the first Via, so a retransmission gets the same one.
    """
    via, from_, to, cseq = msg.top_via, msg.from_, msg.to, msg.cseq
    number = cseq.number_text if cseq is not None else ""
    callid = msg.callid
    from_tag = from_.tag if from_ is not None else ""
    to_tag = "" if to is None or msg.method_id in _TAG_COMES_LATER else to.tag
    last = f"{via.host}{via.port_text}{via.branch}" if via is not None else ""
    identity = f"{from_tag}{to_tag}{callid}{msg.uri}{number}{last}".encode("latin-1")
    index = f"{hash_index(callid, number):x}"[::-1]
    return f"{MAGIC_COOKIE}{index}.{md5(identity, usedforsecurity=False).hexdigest()}"


_TAG_COMES_LATER = frozenset(("INVITE", "ACK", "CANCEL"))
