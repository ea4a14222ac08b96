"""Following Route headers: loose and strict routers, and what the consumed Route said (rr/loose.c; RFC 3261 16.4).

A proxy that record-routed finds its own URI on top of the Route set, takes it away and sends the request to the next
one. If that is a strict router (no `lr`), it becomes the request URI and the request URI goes to the end of the Route
set. If the request comes from a strict router, our URI is the request URI, and the last Route holds what belongs there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_ROUTE_ADDR
from kamscript.sip.nameaddr import parse_routes
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.modules.rr import Rr
    from kamscript.sip.message import Header, Message
    from kamscript.sip.nameaddr import NameAddr
    from kamscript.sip.uri import Uri

ERROR: Final = -1
DRIVEN: Final = 1
NOT_DRIVEN: Final = -1
PRELOADED: Final = -3

DOWNSTREAM: Final = 1 << 0
UPSTREAM: Final = 1 << 1


class State:
    """What rr knows about one message.

    `params` are the parameters of the Route that led here (None: none did), `direction` what was found out about it,
    `pending` parameters for the Record-Route still to come; `alone` says that record_route_preset() made one header
    where add_rr_param() looks for two.
    """

    __slots__ = ("alone", "direction", "params", "pending")

    def __init__(self) -> None:
        self.params: str | None = None
        self.direction = 0
        self.pending = ""
        self.alone = False


class Entry(NamedTuple):
    """A Route entry, the header it stands in, and whether it is that header's first and last."""

    header: Header
    addr: NameAddr
    first: bool
    last: bool


def state_of(ctx: Context) -> State:
    """rr's state of the current message."""
    state: State | None = ctx.state.get("rr")
    if state is None:
        state = ctx.state["rr"] = State()
    return state


def entries(msg: Message) -> list[Entry]:
    """Every Route entry; raises SipError for a malformed header."""
    found: list[Entry] = []
    for header in msg.all("route"):
        parsed = parse_routes(header.value)
        last = len(parsed) - 1
        found += [Entry(header, addr, at == 0, at == last) for at, addr in enumerate(parsed)]
    return found


def is_own(rr: Rr, uri: Uri) -> bool:
    """Whether a Route names this server (is_myself): not with a `gr` parameter, nor with the ignored user."""
    if not uri.host or not rr.server.is_myself(uri.host, uri.port_no or 5060):
        return False
    if rr.ignore_user and uri.user == rr.ignore_user:
        return False
    return uri.gr is None


def _maddr(uri: Uri) -> str:
    """Where a Route leads: its maddr when it has one (get_maddr_uri)."""
    if not uri.maddr:
        return uri.text
    return f"sip:{uri.maddr}:{uri.port}" if uri.port else f"sip:{uri.maddr}"


def _delete_up_to(msg: Message, entry: Entry) -> None:
    """Delete what stands in front of an entry in its header."""
    start = entry.header.value_start
    if not entry.first:
        msg.edits.delete(start, entry.addr.start, "route")


def _delete_header(msg: Message, header: Header) -> None:
    msg.edits.delete(header.start, header.end - header.start, "route")


def _delete_through(msg: Message, entry: Entry, following: Entry | None) -> None:
    """Delete an entry and what stands in front of it in its header."""
    if entry.last or following is None:
        _delete_header(msg, entry.header)
    else:
        msg.edits.delete(entry.header.value_start, following.addr.start, "route")


def loose_route(rr: Rr, ctx: Context, mode: int = 0) -> int:
    """loose_route(): DRIVEN, NOT_DRIVEN or ERROR, PRELOADED. `mode` 1 never takes the request for a strict router's."""
    msg = ctx.msg
    if msg.first("route") is None:
        return NOT_DRIVEN
    log = rr.server.log
    try:
        routes = entries(msg)
        ruri = msg.parsed_uri()
        to = msg.to
        if to is None:
            log.error("rr", "To header field not found")
            return ERROR
        if not to.tag:
            return _after_loose(rr, ctx, routes, preloaded=True)
        if mode == 0 and is_own(rr, ruri):
            return _after_strict(rr, ctx, routes, ruri)
        return _after_loose(rr, ctx, routes, preloaded=False)
    except SipError as error:
        log.error("rr", f"failed to parse the route set: {error}")
        return ERROR


def _after_loose(rr: Rr, ctx: Context, routes: list[Entry], *, preloaded: bool) -> int:
    """The request came from a loose router or its sender (after_loose)."""
    msg = ctx.msg
    state = state_of(ctx)
    state.params = None
    at = 0
    entry = routes[0]
    uri = parse_uri(entry.addr.uri)
    params: str | None = None
    if is_own(rr, uri):
        params = state.params = uri.params
        double = rr.enable_double_rr and uri.r2 is not None
        if rr.force_send_socket and not double:
            _force_socket(rr, ctx, uri, second=False)
        for again in (True, False):
            at += 1
            if entry.last:
                _delete_header(msg, entry.header)
            if at >= len(routes):
                _tell(rr, ctx, params)
                return PRELOADED if preloaded else DRIVEN
            entry = routes[at]
            uri = parse_uri(entry.addr.uri)
            if not (again and double):
                break
            _force_socket(rr, ctx, uri, second=True)
        msg.msg_flags |= FL_ROUTE_ADDR
    if uri.lr is None:
        _to_strict_router(msg, ctx, entry, routes[at + 1] if at + 1 < len(routes) else None, uri)
    else:
        msg.dst_uri = _maddr(uri)
        ctx.ruri_consumed = False
        _delete_up_to(msg, entry)
    _tell(rr, ctx, params)
    return DRIVEN


def _to_strict_router(msg: Message, ctx: Context, entry: Entry, following: Entry | None, uri: Uri) -> None:
    """The next hop is a strict router: it becomes the request URI, which goes to the end (handle_sr)."""
    piece = msg.edits.anchor(msg.headers_end, "route")
    msg.edits.insert_before(piece, f"Route: <{msg.uri}>\r\n", "route")
    msg.new_uri = _maddr(uri)
    ctx.ruri_consumed = False
    _delete_through(msg, entry, following)


def _after_strict(rr: Rr, ctx: Context, routes: list[Entry], ruri: Uri) -> int:
    """The request came from a strict router: our own URI is its request URI (after_strict)."""
    msg = ctx.msg
    state = state_of(ctx)
    state.params = None
    at = 0
    entry = routes[0]
    uri = parse_uri(entry.addr.uri)
    if rr.enable_double_rr and uri.r2 is not None and is_own(rr, uri):
        _force_socket(rr, ctx, uri, second=False, exact=True)
        if entry.last:
            _delete_header(msg, entry.header)
            if len(routes) == 1:
                return NOT_DRIVEN
        at = 1
        entry = routes[1]
        uri = parse_uri(entry.addr.uri)
    state.params = ruri.params
    following = routes[at + 1] if at + 1 < len(routes) else None
    if uri.lr is None:
        msg.new_uri = _maddr(uri)
        ctx.ruri_consumed = False
        _delete_through(msg, entry, following)
    else:
        msg.dst_uri = _maddr(uri)
        _delete_up_to(msg, entry)
        _target_from_last(msg, ctx, routes)
    _tell(rr, ctx, ruri.params)
    return DRIVEN


def _target_from_last(msg: Message, ctx: Context, routes: list[Entry]) -> None:
    """The last Route is the request URI that a strict router put there."""
    last = routes[-1]
    msg.new_uri = _maddr(parse_uri(last.addr.uri))
    ctx.ruri_consumed = False
    if last.first:
        _delete_header(msg, last.header)
        return
    before = routes[-2].addr
    start = last.header.value_start
    msg.edits.delete(start + before.end, last.addr.end - before.end, "route")


def _tell(rr: Rr, ctx: Context, params: str | None) -> None:
    if params:
        for callback, param in rr.callbacks:
            callback(ctx, params, param)


def _force_socket(rr: Rr, ctx: Context, uri: Uri, *, second: bool, exact: bool = False) -> None:
    """Send by the socket that a Route of ours names (rr_do_force_send_socket)."""
    server: Server = rr.server
    if rr.sockname_mode and not exact:
        name = uri.param("sn")
        named = server.names.named(name) if name else None
        if named is not None:
            ctx.msg.force_send_socket = named
            return
    proto = uri.proto or "udp"
    port = uri.port_no if exact else uri.port_no or (5061 if proto == "tls" else 5060)
    found = server.find_socket(uri.host, port, uri.proto)
    if found is None and not exact:
        found = server.find_socket(uri.host, uri.port_no, uri.proto)
    if found is not None:
        ctx.msg.force_send_socket = found
    elif rr.enable_socket_mismatch_warning and (second or exact):
        server.log.warning("rr", f"no socket found to match second RR ({uri.text})")
        if not is_own(rr, uri):
            server.log.warning("rr", f"second RR uri is not myself ({uri.text})")


def route_params(rr: Rr, ctx: Context) -> str | None:
    """The parameters of the Route that led here, found out now if loose_route() was not called (redo_route_params)."""
    msg = ctx.msg
    if not msg.is_request or msg.first("route") is None:
        return None
    state = state_of(ctx)
    if state.params:
        return state.params
    try:
        uri = parse_uri(entries(msg)[0].addr.uri)
    except SipError as error:
        rr.server.log.error("rr", f"failed to parse the first route URI: {error}")
        return None
    if not is_own(rr, uri):
        return None
    state.params = uri.params
    return uri.params or None


def param_of(params: str, name: str) -> str | None:
    """A parameter's value: "" without one, None when it is not there (get_route_param).

    As there, one at the end without value is not seen, nor one alone with a value of one character.
    """
    if '"' not in params and "'" not in params:
        behind = len(params)
        for piece in params.split(";"):
            behind -= len(piece) + 1  # what stands behind the next semicolon; -1 at the end
            key, equals, value = piece.partition("=")
            if key.strip(" \t") == name:
                if behind < 0 and (not value.strip(" \t") or len(params) <= len(name) + 2):
                    return None
                return value.strip(" \t").split(" ")[0].split("\t")[0] if equals else ""
        return None
    at, length = 0, len(params)
    while at < length:
        end, quoted = at, False
        while end < length and (quoted or params[end] != ";"):
            if params[end] in "\"'" and (end == at or params[end - 1] != "\\"):
                quoted = not quoted
            end += 1
        key, equals, value = params[at:end].partition("=")
        if key.strip(" \t") == name:
            value = value.strip(" \t")
            if end == length and not value:
                return None
            if value[:1] in ('"', "'"):
                value = value[1:].split(value[0], 1)[0]
            return value.split(" ")[0].split("\t")[0] if equals else ""
        at = end + 1
    return None


def direction(rr: Rr, ctx: Context) -> int:
    """DOWNSTREAM or UPSTREAM: whether the From tag is the one in the Route's ftag (is_direction)."""
    if ctx.msg.first("route") is None:
        return DOWNSTREAM
    state = state_of(ctx)
    if state.direction:
        return state.direction
    found = DOWNSTREAM
    params = route_params(rr, ctx)
    if params:
        tag = param_of(params, "ftag")
        from_ = ctx.msg.from_
        if tag and from_ is not None and from_.tag and from_.tag != tag:
            found = UPSTREAM
    state.direction = found
    return found
