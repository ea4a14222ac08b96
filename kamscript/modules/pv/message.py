"""First line, headers, body, flags and credentials of the message (modules/pv/pv_core.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.core.branches import branch_flags, contact_of, set_branch_flags
from kamscript.module import Accessor, FixupError, PvRef, pv, pv_class
from kamscript.modules._authorized import authorized, used
from kamscript.modules.pv.uris import choose, reply_hop
from kamscript.sip.auth import Credentials, parse_credentials
from kamscript.sip.errors import SipError
from kamscript.sip.headers import header_kind, learn_kind
from kamscript.sip.nameaddr import parse_addresses, parse_to
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.sip.uri import parse_uri
from kamscript.values import Value, decimal, unsigned, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.nameaddr import ToBody
    from kamscript.sip.via import Via

_BLANKS = " \t\r\n"

#: What `$rmid` says.
METHOD_NUMBERS = {
    name: 1 << bit
    for bit, name in enumerate(
        [
            "INVITE",
            "CANCEL",
            "ACK",
            "BYE",
            "INFO",
            "REGISTER",
            "SUBSCRIBE",
            "NOTIFY",
            "MESSAGE",
            "OPTIONS",
            "PRACK",
            "UPDATE",
            "REFER",
            "PUBLISH",
            "KDMQ",
            "GET",
            "POST",
            "PUT",
            "DELETE",
        ]
    )
}
OTHER_METHOD = 1 << len(METHOD_NUMBERS)


class MessageVariables:
    """The part of the pv module that looks at the message itself."""

    server: Server

    # -- first line --------------------------------------------------------------------------------------------------
    @pv("rm")
    def _rm(self, ctx: Context) -> Value:
        """Method of the request; of a reply the method in CSeq."""
        return _method(ctx)

    @pv("rmid")
    def _rmid(self, ctx: Context) -> Value:
        """Method as a number: INVITE 1, CANCEL 2, ACK 4, BYE 8, ..."""
        method = _method(ctx)
        return METHOD_NUMBERS.get(method.upper(), OTHER_METHOD) if method else None

    @pv("mt")
    def _mt(self, ctx: Context) -> Value:
        """1 for a request, 2 for a reply."""
        return 1 if ctx.msg.is_request else 2

    @pv("mts", since="5.6")
    def _mts(self, ctx: Context) -> Value:
        """`rq` for a request, `rp` for a reply."""
        return "rq" if ctx.msg.is_request else "rp"

    @pv("rv")
    def _rv(self, ctx: Context) -> Value:
        """Protocol version: `SIP/2.0`."""
        return ctx.msg.version

    @pv("rs")
    def _rs(self, ctx: Context) -> Value:
        """Status code of a reply; null in a request."""
        return None if ctx.msg.is_request else ctx.msg.status

    @pv("rsi", since="5.6")
    def _rsi(self, ctx: Context) -> Value:
        """Status code of a reply; 0 in a request."""
        return 0 if ctx.msg.is_request else ctx.msg.status

    @pv("rr")
    def _rr(self, ctx: Context) -> Value:
        """Reason phrase of a reply."""
        return None if ctx.msg.is_request else ctx.msg.reason

    # -- identity ----------------------------------------------------------------------------------------------------
    @pv("mi")
    def _mi(self, ctx: Context) -> Value:
        """Number of the message since the server started."""
        return ctx.msg.number

    @pv("ci")
    def _ci(self, ctx: Context) -> Value:
        """Call-ID."""
        header = ctx.msg.first("call-id")
        return None if header is None else header.value

    @pv("cs")
    def _cs(self, ctx: Context) -> Value:
        """Number in CSeq, as a text."""
        cseq = ctx.msg.cseq
        return None if cseq is None else cseq.number_text

    @pv("csb", since="5.6")
    def _csb(self, ctx: Context) -> Value:
        """The whole CSeq header's value."""
        return _header(ctx, "cseq")

    @pv("ct")
    def _ct(self, ctx: Context) -> Value:
        """Value of the first Contact header."""
        return _header(ctx, "contact") or None

    @pv("ua")
    def _ua(self, ctx: Context) -> Value:
        """User-Agent."""
        return _header(ctx, "user-agent")

    @pv("cT")
    def _cT(self, ctx: Context) -> Value:
        """Content-Type."""
        return _header(ctx, "content-type")

    @pv("cl")
    def _cl(self, ctx: Context) -> Value:
        """Content-Length as a number."""
        return ctx.msg.content_length

    # -- text --------------------------------------------------------------------------------------------------------
    @pv("mb")
    def _mb(self, ctx: Context) -> Value:
        """The whole message as received."""
        return ctx.msg.buf

    @pv("mbu", since="5.6")
    def _mbu(self, ctx: Context) -> Value:
        """The whole message with the changes made so far."""
        msg = ctx.msg
        if not msg.has_edits and msg.new_uri is None:
            return msg.buf
        copy = msg.clone()
        try:
            copy.apply_changes()
        except SipError:
            ctx.server.log.error("pv", "couldn't update msg buffer content")
            return None
        return copy.buf

    @pv("ml")
    def _ml(self, ctx: Context) -> Value:
        """Length of the message in bytes."""
        return len(ctx.msg.buf)

    @pv("rb")
    def _rb(self, ctx: Context) -> Value:
        """The body; null when the end of the headers is missing."""
        return ctx.msg.body if ctx.msg.body_offset >= 0 else None

    @pv("bs")
    def _bs(self, ctx: Context) -> Value:
        """Length of the body in bytes."""
        return len(ctx.msg.body) if ctx.msg.body_offset >= 0 else 0

    @pv_class("msg", since="5.6")
    def _msg(self, ref: PvRef) -> Accessor:
        """Parts of the message: `len buf body body_len hdrs hdrs_len hdrc fline fpart lpart`."""
        return Accessor(choose(ref, _PARTS))

    @pv_class("msgbuf", since="5.6")
    def _msgbuf(self, ref: PvRef) -> Accessor:
        """One byte of the received message, by its offset; assigning changes it in place."""
        inner = ref.inner
        number: Callable[[Context], int]
        if isinstance(inner, Accessor):
            read = inner.get

            def number(ctx: Context) -> int:
                value = read(ctx)
                return value if isinstance(value, int) else 0

        else:
            fixed = decimal(inner) if isinstance(inner, str) else None
            if fixed is None:
                raise FixupError("$msgbuf expects an offset")

            def number(ctx: Context) -> int:
                return fixed

        def get(ctx: Context) -> Value:
            at = number(ctx)
            if 0 <= at < len(ctx.msg.buf):
                return ctx.msg.buf[at] + "\0"
            ctx.server.log.error("pv", "index out of range")
            return None

        def set(ctx: Context, value: Value) -> bool:
            at, text = number(ctx), ctx.msg.buf
            if value is None:
                return True
            if not 0 <= at < len(text) or not isinstance(value, str) or not value:
                ctx.server.log.error("pv", "index out of range, or no text to put there")
                return False
            try:
                ctx.msg.set_text(text[:at] + value[0] + text[at + 1 :])
            except SipError:
                return False
            return True

        return Accessor(get, set)

    # -- any header --------------------------------------------------------------------------------------------------
    @pv_class("hdr")
    def _hdr(self, ref: PvRef) -> Accessor:
        """A header's value by name, long or compact: the first, `[1]` the second, `[-1]` the last, `[*]` all of them
        joined by commas. `*` is any header."""
        names, index = _header_name(ref), ref.index

        def get(ctx: Context) -> Value:
            found = _headers(ctx, names(ctx))
            return None if found is None else _pick([header.value for header in found], index, ctx)

        return Accessor(get)

    @pv_class("hdrc", since="5.6")
    def _hdrc(self, ref: PvRef) -> Accessor:
        """How many headers of a name there are."""
        names = _header_name(ref)
        return Accessor(lambda ctx: len(_headers(ctx, names(ctx)) or ()))

    @pv_class("hfl", since="5.6")
    def _hfl(self, ref: PvRef) -> Accessor:
        """Like `$hdr`, but counts the entries of Via, Route, Record-Route and Contact headers one by one."""
        names, index = _header_name(ref), ref.index
        whole = self._hdr(ref).get

        def get(ctx: Context) -> Value:
            kind = names(ctx)
            if kind is None or kind not in _LISTS or index == "*":
                return whole(ctx)
            entries = _entries(ctx, kind)
            at = _number(index, ctx)
            if not entries or at is None:
                return None
            if at < 0:
                # the count of the original is one too high for negative indices
                at += len(entries) + 1
            return entries[at] if 0 <= at < len(entries) else None

        return Accessor(get)

    @pv_class("hflc", since="5.6")
    def _hflc(self, ref: PvRef) -> Accessor:
        """How many entries the headers of a name have."""
        names = _header_name(ref)

        def get(ctx: Context) -> Value:
            kind = names(ctx)
            if kind is not None and kind in _LISTS:
                return len(_entries(ctx, kind) or ())
            return len(_headers(ctx, kind) or ())

        return Accessor(get)

    @pv_class("via0", since="5.6")
    def _via0(self, ref: PvRef) -> Accessor:
        """The first Via: `host port proto protoid branch rport received i`."""
        return _via(ref, lambda ctx: ctx.msg.top_via)

    @pv_class("via1", since="5.6")
    def _via1(self, ref: PvRef) -> Accessor:
        """The second Via, likewise."""
        return _via(ref, lambda ctx: ctx.msg.via2)

    @pv_class("viaZ", since="5.6")
    def _viaZ(self, ref: PvRef) -> Accessor:
        """The last Via, likewise."""
        return _via(ref, lambda ctx: ctx.msg.vias[-1] if ctx.msg.vias else None)

    @pv_class("rpl", since="5.6")
    def _rpl(self, ref: PvRef) -> Accessor:
        """Where a reply goes: `duri dhost dport dproto dprotoid`; `cntvia` and `cntrr` count its headers' entries."""
        return Accessor(choose(ref, _REPLY))

    @pv_class("expires")
    def _expires(self, ref: PvRef) -> Accessor:
        """The least (`min`) or greatest (`max`) expiry of the contacts, Expires header included."""
        return Accessor(choose(ref, {"min": lambda ctx: _expiry(ctx, min), "max": lambda ctx: _expiry(ctx, max)}))

    # -- identities --------------------------------------------------------------------------------------------------
    @pv("rt")
    def _rt(self, ctx: Context) -> Value:
        """URI in Refer-To."""
        return _address(ctx, "refer-to", "uri")

    @pv("re")
    def _re(self, ctx: Context) -> Value:
        """URI in Remote-Party-ID."""
        return _address(ctx, "remote-party-id", "uri")

    @pv("di")
    def _di(self, ctx: Context) -> Value:
        """URI in Diversion."""
        return _address(ctx, "diversion", "uri")

    @pv("dir")
    def _dir(self, ctx: Context) -> Value:
        """Parameter `reason` of Diversion."""
        return _address(ctx, "diversion", "reason")

    @pv("dip")
    def _dip(self, ctx: Context) -> Value:
        """Parameter `privacy` of Diversion."""
        return _address(ctx, "diversion", "privacy")

    @pv("dic")
    def _dic(self, ctx: Context) -> Value:
        """Parameter `counter` of Diversion."""
        return _address(ctx, "diversion", "counter")

    @pv_class("ai")
    def _ai(self, ref: PvRef) -> Accessor:
        """URI in P-Asserted-Identity; `[1]` the second one."""
        return _identity(ref, "p-asserted-identity", "uri")

    @pv_class("pu")
    def _pu(self, ref: PvRef) -> Accessor:
        """URI in P-Preferred-Identity; `[1]` the second one."""
        return _identity(ref, "p-preferred-identity", "uri")

    @pv_class("pU")
    def _pU(self, ref: PvRef) -> Accessor:
        """User in P-Preferred-Identity."""
        return _identity(ref, "p-preferred-identity", "user")

    @pv_class("pd")
    def _pd(self, ref: PvRef) -> Accessor:
        """Host in P-Preferred-Identity."""
        return _identity(ref, "p-preferred-identity", "host")

    @pv_class("pn")
    def _pn(self, ref: PvRef) -> Accessor:
        """Display name in P-Preferred-Identity."""
        return _identity(ref, "p-preferred-identity", "display")

    # -- credentials -------------------------------------------------------------------------------------------------
    @pv("aa")
    def _aa(self, ctx: Context) -> Value:
        """Algorithm in Proxy-Authorization, else Authorization."""
        return _credential(ctx, "algorithm")

    @pv("adu")
    def _adu(self, ctx: Context) -> Value:
        """URI in the digest credentials."""
        return _credential(ctx, "uri") or None

    @pv("ar")
    def _ar(self, ctx: Context) -> Value:
        """Realm in the digest credentials."""
        return _credential(ctx, "realm")

    @pv("au")
    def _au(self, ctx: Context) -> Value:
        """User of the digest credentials, without the domain."""
        return _credential(ctx, "user")

    @pv("ad")
    def _ad(self, ctx: Context) -> Value:
        """Domain behind the user in the digest credentials."""
        return _credential(ctx, "domain")

    @pv("aU")
    def _aU(self, ctx: Context) -> Value:
        """The whole username of the digest credentials."""
        return _credential(ctx, "username")

    @pv("adn")
    def _adn(self, ctx: Context) -> Value:
        """Nonce of the digest credentials."""
        return _credential(ctx, "nonce")

    @pv("adc")
    def _adc(self, ctx: Context) -> Value:
        """Cnonce of the digest credentials."""
        return _credential(ctx, "cnonce")

    @pv("adr")
    def _adr(self, ctx: Context) -> Value:
        """Response of the digest credentials."""
        return _credential(ctx, "response")

    @pv("ado")
    def _ado(self, ctx: Context) -> Value:
        """Opaque of the digest credentials."""
        return _credential(ctx, "opaque")

    @pv("Au")
    def _Au(self, ctx: Context) -> Value:
        """For accounting: user@realm of checked credentials, else user@host of the From URI."""
        credentials = _checked(ctx)
        if credentials is not None:
            realm = credentials.realm_for_lookup()
            return f"{credentials.user}@{realm}" if realm else credentials.user
        body = ctx.msg.from_
        if body is None or not body.uri:
            return ""
        uri = _uri(body.uri)
        return None if uri is None else f"{uri.user}@{uri.host}"

    @pv("AU", since="5.6")
    def _AU(self, ctx: Context) -> Value:
        """For accounting: user of checked credentials, else of the From URI."""
        credentials = _checked(ctx)
        if credentials is not None:
            return credentials.user
        body = ctx.msg.from_
        uri = _uri(body.uri) if body is not None and body.uri else None
        return None if uri is None else uri.user

    # -- flags -------------------------------------------------------------------------------------------------------
    @pv("mf", setter="_set_mf")
    def _mf(self, ctx: Context) -> Value:
        """Message flags as a number."""
        return wrap(ctx.msg.flags)

    @pv("mF", setter="_set_mf")
    def _mF(self, ctx: Context) -> Value:
        """Message flags as eight hexadecimal digits."""
        return f"{ctx.msg.flags & 0xFFFFFFFF:08x}"

    def _set_mf(self, ctx: Context, value: Value) -> bool:
        number = _flags(value)
        if number is None:
            ctx.server.log.error("pv", "assigning non-int value to msg flags")
            return False
        ctx.msg.flags = number
        return True

    @pv_class("Mf")
    def _Mf(self, ref: PvRef) -> Accessor:
        """One message flag, by number or name: 0 or 1."""
        bit = self._flag(ref)

        def set(ctx: Context, value: Value) -> bool:
            if value is None:
                ctx.msg.flags = 0
            elif not isinstance(value, int):
                return False
            else:
                ctx.msg.flags = ctx.msg.flags | bit if value else ctx.msg.flags & ~bit
            return True

        return Accessor(lambda ctx: 1 if ctx.msg.flags & bit else 0, set)

    @pv("sf", setter="_set_sf")
    def _sf(self, ctx: Context) -> Value:
        """Script flags as a number."""
        return wrap(ctx.script_flags)

    @pv("sF", setter="_set_sf")
    def _sF(self, ctx: Context) -> Value:
        """Script flags as eight hexadecimal digits."""
        return f"{ctx.script_flags & 0xFFFFFFFF:08x}"

    def _set_sf(self, ctx: Context, value: Value) -> bool:
        number = _flags(value)
        if number is None:
            ctx.server.log.error("pv", "assigning non-int value to script flags")
            return False
        ctx.script_flags = number
        return True

    @pv_class("Sf")
    def _Sf(self, ref: PvRef) -> Accessor:
        """One script flag, by number or name: 0 or 1."""
        bit = self._flag(ref)

        def set(ctx: Context, value: Value) -> bool:
            if value is None:
                ctx.script_flags = 0
            elif not isinstance(value, int):
                return False
            else:
                ctx.script_flags = ctx.script_flags | bit if value else ctx.script_flags & ~bit
            return True

        return Accessor(lambda ctx: 1 if ctx.script_flags & bit else 0, set)

    @pv("bf", setter="_set_bf")
    def _bf(self, ctx: Context) -> Value:
        """Flags of branch 0 (the request URI) as a number."""
        return wrap(ctx.bflags)

    @pv("bF", setter="_set_bf")
    def _bF(self, ctx: Context) -> Value:
        """Flags of branch 0 as eight hexadecimal digits."""
        return f"{ctx.bflags & 0xFFFFFFFF:08x}"

    def _set_bf(self, ctx: Context, value: Value) -> bool:
        number = _flags(value)
        if number is None:
            ctx.server.log.error("pv", "assigning non-int value to branch 0 flags")
            return False
        return set_branch_flags(ctx, 0, number)

    @pv_class("Bf")
    def _Bf(self, ref: PvRef) -> Accessor:
        """One flag of branch 0, by number or name: 0 or 1."""
        bit = self._flag(ref)

        def set(ctx: Context, value: Value) -> bool:
            if value is None:
                return set_branch_flags(ctx, 0, 0)
            if not isinstance(value, int):
                return False
            flags = branch_flags(ctx, 0) or 0
            return set_branch_flags(ctx, 0, flags | bit if value else flags & ~bit)

        return Accessor(lambda ctx: 1 if (branch_flags(ctx, 0) or 0) & bit else 0, set)

    def _flag(self, ref: PvRef) -> int:
        """The bit of a flag, by number or name."""
        text = ref.inner if isinstance(ref.inner, str) else ""
        number = decimal(text) if text else None
        if number is None:
            number = self.server.program.flags.get(text)
        if number is None:
            raise FixupError(f"flag not declared: [{text}]")
        if not 0 <= number <= 31:
            raise FixupError(f"bad flag value: [{text}]")
        return 1 << number

    # -- of the contact that was looked up ---------------------------------------------------------------------------
    @pv("ruid")
    def _ruid(self, ctx: Context) -> Value:
        """Record id of the contact in the request URI, from the location table."""
        return (ctx.msg.ruid or None) if ctx.msg.is_request else None

    @pv("location_ua")
    def _location_ua(self, ctx: Context) -> Value:
        """User-Agent of the contact in the request URI, from the location table."""
        return (ctx.msg.location_ua or None) if ctx.msg.is_request else None

    @pv("ds")
    def _ds(self, ctx: Context) -> Value:
        """The destination set as a Contact header."""
        return contact_of(ctx)[:-2] or None

    # -- errors (never set by this generation) -----------------------------------------------------------------------
    @pv("err.class")
    @pv("err.level")
    @pv("err.info")
    @pv("err.rcode")
    @pv("err.rreason")
    def _err(self, ctx: Context) -> Value:
        """Always null: kept by Kamailio for old configs."""
        return None


def _flags(value: Value) -> int | None:
    if value is None:
        return 0
    return value & 0xFFFFFFFF if isinstance(value, int) else None


def _method(ctx: Context) -> str | None:
    if ctx.msg.is_request:
        return ctx.msg.method
    cseq = ctx.msg.cseq
    return None if cseq is None else cseq.method


def _header(ctx: Context, kind: str) -> str | None:
    header = ctx.msg.first(kind)
    return None if header is None else header.value


def _uri(text: str) -> Any:
    try:
        return parse_uri(text)
    except SipError:
        return None


def _number(index: Any, ctx: Context) -> int | None:
    if index is None:
        return 0
    if isinstance(index, int):
        return index
    value = index.get(ctx) if isinstance(index, Accessor) else None
    if isinstance(value, int):
        return value
    ctx.server.log.error("pv", "invalid index")
    return None


def _pick(values: list[str], index: Any, ctx: Context) -> Value:
    """One of several values by an index as `$(name[index])` has it."""
    if not values:
        return None
    if index == "*":
        return ",".join(values)
    at = _number(index, ctx)
    return values[at] if at is not None and -len(values) <= at < len(values) else None


# --- headers by name --------------------------------------------------------------------------------------------------


def _header_name(ref: PvRef) -> Callable[[Context], str | None]:
    """`ctx` to the kind of header that the name in parentheses means; None where it is no name."""
    inner = ref.inner
    if inner is None:
        raise FixupError(f"${ref.name} expects a header name in parentheses")
    if not isinstance(inner, str):
        dynamic = inner

        def evaluated(ctx: Context) -> str | None:
            name = dynamic(ctx)
            kind = learn_kind(name + ":") if name else None
            if kind is None:
                ctx.server.log.error("pv", f"error parsing header name [{name}]")
            return kind

        return evaluated
    if inner == "*":
        return lambda ctx: "*"
    try:
        kind = header_kind(inner)
    except SipError:
        raise FixupError(f"error parsing header name [{inner}]") from None
    return lambda ctx: kind


def _headers(ctx: Context, kind: str | None) -> list[Any] | None:
    msg = ctx.msg
    if kind is None:
        return None
    if msg.header_error:
        ctx.server.log.error("pv", "error parsing headers")
        return None
    return msg.headers if kind == "*" else msg.all(kind)


#: Headers whose entries `$hfl` counts one by one.
_LISTS = frozenset({"via", "route", "record-route", "contact"})


def _entries(ctx: Context, kind: str) -> list[str] | None:
    from kamscript.sip.contact import parse_contacts
    from kamscript.sip.nameaddr import parse_routes
    from kamscript.sip.via import parse_via

    found = _headers(ctx, kind)
    if found is None:
        return None
    entries: list[str] = []
    try:
        for header in found:
            value = header.value
            if kind == "via":
                items: Any = parse_via(value)
            elif kind == "contact":
                items = parse_contacts(value).backwards()
            else:
                items = parse_routes(value)
            tail = _BLANKS if kind == "via" else _BLANKS + ","
            entries += [value[item.start : item.end].rstrip(tail).lstrip(_BLANKS) for item in items]
    except SipError:
        ctx.server.log.error("pv", f"failed parsing {kind} header")
        return None
    return entries


def _address_of(ctx: Context, kind: str) -> ToBody | None:
    value = _header(ctx, kind)
    if value is None:
        return None
    try:
        return parse_addresses(value)[0] if kind == "diversion" else parse_to(value)
    except SipError:
        return None


def _address(ctx: Context, kind: str, part: str) -> Value:
    body = _address_of(ctx, kind)
    if body is None:
        return None
    return body.uri if part == "uri" else body.param(part)


def _identity(ref: PvRef, kind: str, part: str) -> Accessor:
    if ref.inner is not None:
        raise FixupError(f"${ref.name} takes no name in parentheses")
    index = ref.index
    if index == "*":
        raise FixupError(f"${ref.name} takes no index *")

    def get(ctx: Context) -> Value:
        bodies: list[ToBody] = []
        try:
            for header in ctx.msg.all(kind):
                bodies += parse_addresses(header.value)
        except SipError:
            return None
        at = _number(index, ctx)
        if at is None or at >= len(bodies):
            return None
        body = bodies[max(at, 0)]
        if part in ("uri", "display"):
            return getattr(body, part) or None
        uri = _uri(body.uri)
        return None if uri is None else getattr(uri, part) or None

    return Accessor(get)


def _credentials(ctx: Context) -> Credentials | None:
    """The first credentials, those for a proxy if there are any; they are empty where a later header was checked."""
    msg = ctx.msg
    if msg.method in ("ACK", "CANCEL") and msg.is_request:
        return None
    for kind in ("proxy-authorization", "authorization"):
        header = msg.first(kind)
        if header is None:
            if msg.header_error:
                return None
            continue
        try:
            found = parse_credentials(header.value)
        except SipError:
            found = None
        if found is None and used(ctx, kind) is not None:
            return Credentials()
        if found is None:
            ctx.server.log.error("pv", "failed to parse credentials")
        return found
    return None


def _credential(ctx: Context, name: str) -> Value:
    found = _credentials(ctx)
    if found is None:
        return None
    value: str | None = getattr(found, name)
    return value or ""


def _checked(ctx: Context) -> Credentials | None:
    """Credentials that an auth module found good for this message."""
    found = authorized(ctx)
    return found if found is not None and found.user else None


# --- Via --------------------------------------------------------------------------------------------------------------


def _via_param(name: str) -> Callable[[Via], Value]:
    def get(via: Via) -> Value:
        param = getattr(via, name)
        return (param.value or None) if param is not None else None

    return get


_VIA: dict[str, Callable[[Via], Value]] = {
    "host": lambda via: via.host or None,
    "port": lambda via: via.port or 5060,
    "proto": lambda via: via.transport,
    "protoid": lambda via: PROTO_NUMBERS.get(via.proto, 7),
    "branch": lambda via: via.branch or None,
    "rport": _via_param("rport"),
    "received": _via_param("received"),
    "i": _via_param("i"),
}


def _via(ref: PvRef, which: Callable[[Context], Via | None]) -> Accessor:
    read = choose(ref, _VIA)

    def get(ctx: Context) -> Value:
        via = None if ctx.msg.header_error else which(ctx)
        return None if via is None else read(via)

    return Accessor(get)


def _reply_part(part: str) -> Callable[[Context], Value]:
    def get(ctx: Context) -> Value:
        if ctx.msg.is_request:
            return None
        if part == "cntvia":
            return None if ctx.msg.header_error else len(ctx.msg.vias)
        if part == "cntrr":
            entries = _entries(ctx, "record-route")
            return None if entries is None else len(entries)
        hop = reply_hop(ctx)
        if hop is None:
            return None
        host, port, via = hop
        proto = via.proto if via.proto in PROTO_NUMBERS else "udp"
        if part == "duri":
            return f"sip:{host}:{port or 5060};transport={'ws' if proto == 'wss' else proto}"
        if part == "dhost":
            return host
        if part == "dport":
            return port or 5060
        return proto if part == "dproto" else PROTO_NUMBERS.get(via.proto, 7)

    return get


_REPLY = {part: _reply_part(part) for part in ("duri", "dhost", "dport", "dproto", "dprotoid", "cntvia", "cntrr")}


def _expiry(ctx: Context, choose: Callable[[list[int]], int]) -> Value:
    msg = ctx.msg
    if msg.header_error:
        return None
    header = msg.expires
    found: list[int] = []
    try:
        contacts = msg.contacts
    except SipError:
        ctx.server.log.error("pv", "failed to parse Contact body")
        return None
    for contact in contacts.contacts if contacts is not None else ():
        if contact.expires:
            number = unsigned(contact.expires)
            if number is None:
                ctx.server.log.error("pv", "failed to parse expires")
                return None
            found.append(number)
        elif header is not None:
            found.append(header)
    if not found and header is not None:
        found.append(header)
    return wrap(choose(found)) if found else None


# --- parts of the text ------------------------------------------------------------------------------------------------


def _head(ctx: Context, start: int) -> str | None:
    msg = ctx.msg
    return None if msg.eoh < 0 else msg.buf[start : msg.eoh].strip(_BLANKS)


def _part(read: Callable[[Context], Value]) -> Callable[[Context], Value]:
    def get(ctx: Context) -> Value:
        return None if ctx.msg.header_error else read(ctx)

    return get


_PARTS = {
    "len": _part(lambda ctx: len(ctx.msg.buf)),
    "buf": _part(lambda ctx: ctx.msg.buf),
    "body": _part(lambda ctx: ctx.msg.body if ctx.msg.body_offset >= 0 else None),
    "body_len": _part(lambda ctx: len(ctx.msg.body) if ctx.msg.body_offset >= 0 else 0),
    "hdrs": _part(lambda ctx: _head(ctx, ctx.msg.first_end)),
    "hdrs_len": _part(lambda ctx: len(_head(ctx, ctx.msg.first_end) or "")),
    "hdrc": _part(lambda ctx: len(ctx.msg.headers)),
    "fline": _part(lambda ctx: ctx.msg.buf[: ctx.msg.first_end].strip(_BLANKS)),
    "fpart": _part(lambda ctx: _head(ctx, 0)),
    "lpart": _part(lambda ctx: ctx.msg.buf[ctx.msg.headers[0].start :] if ctx.msg.headers else None),
}
