"""Request URI, original URI, destination URI, next hop, From and To (modules/pv/pv_core.c, pv_branch.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.module import Accessor, FixupError, PvRef, pv, pv_class
from kamscript.sip.errors import SipError
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.sip.uri import Uri, parse_uri
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.nameaddr import ToBody
    from kamscript.sip.via import Via

#: Numbers of transports, as `$prid`, `$K(UDP)` and their kin give them.


class Uris:
    """The part of the pv module that reads and changes URIs."""

    server: Server

    def _core(self) -> Any:
        return self.server.modules["core"]

    # -- request URI -------------------------------------------------------------------------------------------------
    def _request_uri(self, ctx: Context) -> Uri | None:
        msg = ctx.msg
        if not msg.is_request:
            return None
        try:
            return msg.parsed_uri()
        except SipError:
            self._bad_request_uri(ctx)
            return None

    @pv("ru", setter="_set_ru")
    @pv("ruri", setter="_set_ru")
    def _ru(self, ctx: Context) -> Value:
        """The request URI as it stands now; null in replies and when it does not parse. Assigning rewrites it."""
        msg = ctx.msg
        if not msg.is_request:
            return None
        uri = msg.uri if msg.new_uri is None else msg.new_uri
        try:
            parse_uri(uri)
        except SipError:
            self._bad_request_uri(ctx)
            return None
        return uri

    def _bad_request_uri(self, ctx: Context) -> None:
        ctx.server.log.error("pv", "failed to parse the R-URI")

    def _set_ru(self, ctx: Context, value: Value) -> bool:
        if value is None:
            ctx.server.log.error("pv", "the request URI cannot be null")
            return False
        return _done(self._core().seturi(ctx, str(value)))

    @pv("rU", setter="_set_rU")
    @pv("ruri.user", setter="_set_rU")
    def _rU(self, ctx: Context) -> Value:
        """User of the request URI; null when it has none. Assigning `$null` removes it."""
        msg = ctx.msg
        if not msg.is_request:
            return None
        try:
            return parse_uri(msg.uri if msg.new_uri is None else msg.new_uri).user or None
        except SipError:
            self._bad_request_uri(ctx)
            return None

    def _set_rU(self, ctx: Context, value: Value) -> bool:
        return _done(self._core().setuser(ctx, "" if value is None else str(value)))

    @pv("rUl", since="5.6")
    def _rUl(self, ctx: Context) -> Value:
        """Length of the user of the request URI; 0 when it has none."""
        return _user_length(self._request_uri(ctx))

    @pv("rd", setter="_set_rd")
    @pv("ruri.domain", setter="_set_rd")
    def _rd(self, ctx: Context) -> Value:
        """Host of the request URI."""
        msg = ctx.msg
        if not msg.is_request:
            return None
        try:
            return parse_uri(msg.uri if msg.new_uri is None else msg.new_uri).host or None
        except SipError:
            self._bad_request_uri(ctx)
            return None

    def _set_rd(self, ctx: Context, value: Value) -> bool:
        if value is None:
            ctx.server.log.error("pv", "the host of the request URI cannot be null")
            return False
        return _done(self._core().sethost(ctx, str(value)))

    @pv("rp", setter="_set_rp")
    def _rp(self, ctx: Context) -> Value:
        """Port of the request URI, 5060 (5061 for TLS) when it names none; a text that also counts as a number."""
        return _port(self._request_uri(ctx))

    def _set_rp(self, ctx: Context, value: Value) -> bool:
        return _done(self._core().setport(ctx, "" if value is None else str(value)))

    @pv("rP")
    def _rP(self, ctx: Context) -> Value:
        """Transport parameter of the request URI; `UDP` when it has none."""
        return _transport(self._request_uri(ctx))

    @pv("rz")
    def _rz(self, ctx: Context) -> Value:
        """Scheme of the request URI: sip, sips, tel, tels or urn."""
        uri = self._request_uri(ctx)
        return None if uri is None else uri.scheme

    # -- original request URI ----------------------------------------------------------------------------------------
    def _original_uri(self, ctx: Context) -> Uri | None:
        if not ctx.msg.is_request:
            return None
        return _parsed(ctx, ctx.msg.uri, "failed to parse the R-URI")

    @pv("ou")
    @pv("ouri")
    def _ou(self, ctx: Context) -> Value:
        """The request URI as received."""
        return None if self._original_uri(ctx) is None else ctx.msg.uri

    @pv("oU")
    def _oU(self, ctx: Context) -> Value:
        """User of the request URI as received."""
        return _part(self._original_uri(ctx), "user")

    @pv("oUl", since="5.6")
    def _oUl(self, ctx: Context) -> Value:
        """Length of the user of the request URI as received."""
        return _user_length(self._original_uri(ctx))

    @pv("od")
    def _od(self, ctx: Context) -> Value:
        """Host of the request URI as received."""
        return _part(self._original_uri(ctx), "host")

    @pv("op")
    def _op(self, ctx: Context) -> Value:
        """Port of the request URI as received, 5060 (5061 for TLS) when it names none."""
        return _port(self._original_uri(ctx))

    @pv("oP")
    def _oP(self, ctx: Context) -> Value:
        """Transport parameter of the request URI as received; `UDP` when it has none."""
        return _transport(self._original_uri(ctx))

    # -- destination URI ---------------------------------------------------------------------------------------------
    @pv("du", setter="_set_du")
    @pv("duri", setter="_set_du")
    def _du(self, ctx: Context) -> Value:
        """The destination URI, where the request goes whatever its request URI says; null when unset."""
        return ctx.msg.dst_uri or None

    def _set_du(self, ctx: Context, value: Value) -> bool:
        if value is None:
            ctx.msg.dst_uri = ""
            return True
        ctx.msg.dst_uri = str(value)
        ctx.ruri_consumed = False
        return True

    def _destination_uri(self, ctx: Context) -> Uri | None:
        if not ctx.msg.dst_uri:
            return None
        return _parsed(ctx, ctx.msg.dst_uri, "failed to parse dst uri")

    @pv("dd")
    def _dd(self, ctx: Context) -> Value:
        """Host of the destination URI."""
        return _part(self._destination_uri(ctx), "host")

    @pv("dp")
    def _dp(self, ctx: Context) -> Value:
        """Port of the destination URI, 5060 (5061 for TLS) when it names none."""
        return _port(self._destination_uri(ctx))

    @pv("dP")
    def _dP(self, ctx: Context) -> Value:
        """Transport parameter of the destination URI; `UDP` when it has none."""
        return _transport(self._destination_uri(ctx))

    @pv_class("nh")
    def _nh(self, ref: PvRef) -> Accessor:
        """Next hop of a request: `u` URI, `U` user, `d` host, `p` port, `P` transport, `i` 4 or 6 for an address.

        For a reply what its second Via says.
        """
        return Accessor(choose(ref, _NEXT_HOP))

    # -- From and To -------------------------------------------------------------------------------------------------
    def _from(self, ctx: Context) -> ToBody | None:
        body = ctx.msg.from_
        if body is None:
            ctx.server.log.error("pv", "cannot parse From header")
        return body

    def _to(self, ctx: Context) -> ToBody | None:
        body = ctx.msg.to
        if body is None:
            ctx.server.log.error("pv", "cannot parse To header")
        return body

    @pv("fu", setter="_set_fu")
    @pv("from", setter="_set_fu")
    def _fu(self, ctx: Context) -> Value:
        """URI of the From header. Assigning changes the header when the message leaves."""
        body = ctx.msg.from_
        return None if body is None else body.uri

    @pv("fU", setter="_set_fU")
    @pv("from.user", setter="_set_fU")
    def _fU(self, ctx: Context) -> Value:
        """User of the From URI."""
        body = ctx.msg.from_
        try:
            return parse_uri(body.uri).user or None  # type: ignore[union-attr]
        except (AttributeError, SipError):
            return _part(_address_uri(ctx, self._from(ctx)), "user")

    @pv("fUl", since="5.6")
    def _fUl(self, ctx: Context) -> Value:
        """Length of the user of the From URI; 0 when it has none."""
        return _user_length(_address_uri(ctx, self._from(ctx)))

    @pv("fd", setter="_set_fd")
    @pv("from.domain", setter="_set_fd")
    def _fd(self, ctx: Context) -> Value:
        """Host of the From URI."""
        body = ctx.msg.from_
        try:
            return parse_uri(body.uri).host or None  # type: ignore[union-attr]
        except (AttributeError, SipError):
            return _part(_address_uri(ctx, self._from(ctx)), "host")

    @pv("fn", setter="_set_fn")
    def _fn(self, ctx: Context) -> Value:
        """Display name of the From header, quotes included."""
        body = self._from(ctx)
        return (body.display or None) if body is not None else None

    @pv("ft")
    def _ft(self, ctx: Context) -> Value:
        """Tag of the From header."""
        body = self._from(ctx)
        return (body.tag or None) if body is not None else None

    @pv("tu", setter="_set_tu")
    @pv("to", setter="_set_tu")
    def _tu(self, ctx: Context) -> Value:
        """URI of the To header. Assigning changes the header when the message leaves."""
        body = ctx.msg.to
        return None if body is None else body.uri

    @pv("tU", setter="_set_tU")
    @pv("to.user", setter="_set_tU")
    def _tU(self, ctx: Context) -> Value:
        """User of the To URI."""
        body = ctx.msg.to
        try:
            return parse_uri(body.uri).user or None  # type: ignore[union-attr]
        except (AttributeError, SipError):
            return _part(_address_uri(ctx, self._to(ctx)), "user")

    @pv("tUl", setter="_set_tU", since="5.6")
    def _tUl(self, ctx: Context) -> Value:
        """Length of the user of the To URI; 0 when it has none."""
        return _user_length(_address_uri(ctx, self._to(ctx)))

    @pv("td", setter="_set_td")
    @pv("to.domain", setter="_set_td")
    def _td(self, ctx: Context) -> Value:
        """Host of the To URI."""
        body = ctx.msg.to
        try:
            return parse_uri(body.uri).host or None  # type: ignore[union-attr]
        except (AttributeError, SipError):
            return _part(_address_uri(ctx, self._to(ctx)), "host")

    @pv("tn", setter="_set_tn")
    def _tn(self, ctx: Context) -> Value:
        """Display name of the To header, quotes included."""
        body = self._to(ctx)
        return (body.display or None) if body is not None else None

    @pv("tt")
    def _tt(self, ctx: Context) -> Value:
        """Tag of the To header."""
        body = self._to(ctx)
        return (body.tag or None) if body is not None else None

    def _set_fu(self, ctx: Context, value: Value) -> bool:
        return _edit_address(ctx, "from", self._from(ctx), "uri", value)

    def _set_fU(self, ctx: Context, value: Value) -> bool:
        return _edit_address(ctx, "from", self._from(ctx), "user", value)

    def _set_fd(self, ctx: Context, value: Value) -> bool:
        return _edit_address(ctx, "from", self._from(ctx), "host", value)

    def _set_fn(self, ctx: Context, value: Value) -> bool:
        return _edit_address(ctx, "from", self._from(ctx), "display", value)

    def _set_tu(self, ctx: Context, value: Value) -> bool:
        return _edit_address(ctx, "to", self._to(ctx), "uri", value)

    def _set_tU(self, ctx: Context, value: Value) -> bool:
        return _edit_address(ctx, "to", self._to(ctx), "user", value)

    def _set_td(self, ctx: Context, value: Value) -> bool:
        return _edit_address(ctx, "to", self._to(ctx), "host", value)

    def _set_tn(self, ctx: Context, value: Value) -> bool:
        return _edit_address(ctx, "to", self._to(ctx), "display", value)


def _done(code: int | bool) -> bool:
    return code is True or code > 0


def _parsed(ctx: Context, text: str, complaint: str) -> Uri | None:
    try:
        return parse_uri(text)
    except SipError:
        ctx.server.log.error("pv", complaint)
        return None


def _address_uri(ctx: Context, body: ToBody | None) -> Uri | None:
    return None if body is None else _parsed(ctx, body.uri, "cannot parse the URI of a From or To header")


def _part(uri: Uri | None, name: str) -> Value:
    return None if uri is None else getattr(uri, name) or None


def _user_length(uri: Uri | None) -> Value:
    return None if uri is None else len(uri.user)


def _port(uri: Uri | None) -> Value:
    if uri is None:
        return None
    return uri.port or ("5061" if uri.proto == "tls" else "5060")


def _transport(uri: Uri | None) -> Value:
    return None if uri is None else uri.transport or "UDP"


def _edit_address(ctx: Context, kind: str, body: ToBody | None, what: str, value: Value) -> bool:
    """Change the URI, user, host or display name of a From or To header (pv_set_xto_attr)."""
    msg = ctx.msg
    header = msg.first(kind)
    if body is None or header is None:
        return False
    uri = _address_uri(ctx, body)
    if uri is None:
        return False
    uri_at = header.value_start + body.uri_start
    if what == "uri":
        at, length = uri_at, len(body.uri)
    elif what == "display":
        at, length = header.value_start + body.start, len(body.display)
    else:
        host_at = uri_at + _host_offset(body.uri, uri)
        if what == "host":
            at, length = host_at, len(uri.host)
        else:
            user_at = uri_at + body.uri.index(":") + 1
            at, length = (user_at, len(uri.user)) if uri.user else (host_at, 0)
    if value is None:
        if what in ("uri", "host"):
            ctx.server.log.warning("pv", f"{what} of a {kind} header cannot be deleted")
            return True
        if length:
            follows = msg.buf[at + length : at + length + 1]
            msg.edits.delete(at, length + (follows == ("@" if what == "user" else " ")))
        return True
    text = str(value)
    if length:
        edit = msg.edits.delete(at, length)
    else:
        edit = msg.edits.anchor(at)
        text += "@" if what == "user" else " "
    if text:
        msg.edits.insert_after(edit, text)
    return True


def _host_offset(text: str, uri: Uri) -> int:
    """Where the host starts in the text of a URI."""
    start = text.index(":") + 1
    at = text.find("@", start)
    return at + 1 if uri.user and at >= 0 else start


# --- next hop ---------------------------------------------------------------------------------------------------------


def choose(ref: PvRef, table: dict[str, Any]) -> Any:
    """The reader that the name in parentheses selects; raises FixupError."""
    if not isinstance(ref.inner, str) or ref.inner not in table:
        shown = ref.inner if isinstance(ref.inner, str) else ""
        raise FixupError(f"unknown name in ${ref.name}({shown}): one of {', '.join(table)} is possible")
    return table[ref.inner]


def _next_hop_uri(ctx: Context) -> str:
    return ctx.msg.dst_uri or ctx.msg.current_uri()


def _family(host: str) -> int:
    import ipaddress

    try:
        return ipaddress.ip_address(host.strip("[]")).version
    except ValueError:
        return 0


def reply_hop(ctx: Context) -> tuple[str, int, Via] | None:
    """Host, port and Via that a reply goes to: its second Via; None without one."""
    via = ctx.msg.via2
    if via is None:
        return None
    rport = via.rport
    port = 0
    if rport is not None and rport.value:
        if not rport.value.isdecimal():
            return None
        port = via.rport_value
    received = via.received
    host = received.value if received is not None and received.value else via.host
    return host, port or via.port, via


def _next_hop(part: str) -> Any:
    def get(ctx: Context) -> Value:
        if not ctx.msg.is_request:
            return _reply_next_hop(ctx, part)
        text = _next_hop_uri(ctx)
        if part == "u":
            return text
        uri = _parsed(ctx, text, f"failed to parse nh uri [{text}]")
        if uri is None:
            return None
        if part == "p":
            return uri.port or "5060"
        if part == "P":
            return _transport(uri)
        if part == "i":
            return _family(uri.host)
        return _part(uri, "user" if part == "U" else "host")

    return get


def _reply_next_hop(ctx: Context, part: str) -> Value:
    hop = reply_hop(ctx)
    if hop is None or part == "U":
        return None
    host, port, via = hop
    port = port or (5061 if via.proto == "tls" else 5060)
    proto = via.proto if via.proto in PROTO_NUMBERS else "udp"
    if part == "u":
        return f"sip:{host}:{port};transport={proto}"
    if part == "p":
        return port
    if part == "P":
        return proto
    return _family(host) if part == "i" else host


_NEXT_HOP = {part: _next_hop(part) for part in "uUdpPi"}
