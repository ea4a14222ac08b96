"""sanity: whether a message is well formed, and the reply for one that is not.

Every check is a bit; see `CHECKS`. Source: sanity manual, src/modules/sanity/sanity.c, sanity_mod.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from kamscript.module import Int, Module, Param, Route, function
from kamscript.sip.auth import parse_credentials
from kamscript.sip.errors import SipError
from kamscript.sip.headers import parse_expires
from kamscript.sip.message import FL_MSG_NOREPLY
from kamscript.sip.nameaddr import ToBody, parse_addresses, parse_routes, parse_to
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.sip.message import Message

RURI_VERSION = 1 << 0
RURI_SCHEME = 1 << 1
REQUIRED_HEADERS = 1 << 2
VIA_VERSION = 1 << 3
VIA_PROTOCOL = 1 << 4
CSEQ_METHOD = 1 << 5
CSEQ_VALUE = 1 << 6
CONTENT_LENGTH = 1 << 7
EXPIRES = 1 << 8
PROXY_REQUIRE = 1 << 9
PARSE_URIS = 1 << 10
DIGEST = 1 << 11
DUPLICATE_TAGS = 1 << 12
AUTHORIZATION = 1 << 13
VIA1 = 1 << 14
RFC3261 = 1 << 15
SIZES = 1 << 16

URI_RURI, URI_FROM, URI_TO, URI_CONTACT = 1, 2, 4, 8

_MAX_UINT = 4294967296  #: the module takes this one too, though it does not fit
MAGIC_COOKIE = "z9hG4bK"
_UNIQUE = ("from", "to", "call-id", "cseq")


class Failure(NamedTuple):
    """A check failed. `code` 0: there is no reply, now or later (FL_MSG_NOREPLY); -1: none now."""

    code: int
    reason: str = ""


_SILENT, _QUIET = Failure(0), Failure(-1)
Check = Callable[["Sanity", "Context", int], Failure | None]


class Sanity(Module, name="sanity", requires=("sl",)):
    """Check requests and replies against RFC 3261."""

    default_checks = Param(
        RURI_VERSION
        | RURI_SCHEME
        | REQUIRED_HEADERS
        | CSEQ_METHOD
        | CSEQ_VALUE
        | CONTENT_LENGTH
        | EXPIRES
        | PROXY_REQUIRE
        | DIGEST,
        "Checks of sanity_check() without arguments, as bits.",
    )
    uri_checks = Param(URI_RURI | URI_FROM | URI_TO, "URIs that are parsed: 1 request, 2 From, 4 To, 8 Contact.")
    proxy_require = Param("", "Option tags that Proxy-Require may hold, separated by commas.")
    autodrop = Param(1, "1: a failed check ends the script; 0: sanity_check() is false.")
    noreply = Param(0, "1: send nothing; keep code and reason for sanity_reply().", since="5.6")
    size_checks = Param(0, "1: check sizes always, whatever bits are asked for.", since="6.x")
    size_message = Param(0, "Longest message in bytes; 0: any.", since="6.x")
    size_headers = Param(0, "Longest headers in bytes; 0: any.", since="6.x")
    size_header = Param(0, "Longest single header in bytes; 0: any.", since="6.x")
    size_body = Param(0, "Longest body in bytes; 0: any.", since="6.x")
    size_method = Param(0, "Longest method; 0: any.", since="6.x")
    size_ruri = Param(0, "Longest request URI; 0: any.", since="6.x")
    size_from_uri = Param(0, "Longest From URI; 0: any.", since="6.x")
    size_to_uri = Param(0, "Longest To URI; 0: any.", since="6.x")
    size_contact_uri = Param(0, "Longest Contact URI; 0: any.", since="6.x")
    size_route_uri = Param(0, "Longest Route URI; 0: any.", since="6.x")
    size_path_uri = Param(0, "Longest Path URI; 0: any.", since="6.x")
    size_pai_uri = Param(0, "Longest P-Asserted-Identity URI; 0: any.", since="6.x")

    _known: frozenset[str]

    def start(self) -> None:
        """Read proxy_require; replies go through sl."""
        self.server.module("sl")
        self._known = frozenset(_items(self.proxy_require))

    # -- functions ----------------------------------------------------------------------------------------------------
    @function(Route.REQUEST | Route.ONREPLY, name="sanity_check", arity=0)
    def sanity_check_0(self, ctx: Context) -> int:
        """Run the default checks: 1 passed; 0 (which ends the script) or -1 failed and replied, see autodrop."""
        return self._checked(ctx, self.default_checks, self.uri_checks)

    @function(Route.REQUEST | Route.ONREPLY)
    def sanity_check(self, ctx: Context, checks: Int, uris: Int = -1) -> int:
        """Run the checks in the bits of `checks`, over the URIs in the bits of `uris`; results as above."""
        return self._checked(ctx, checks, self.uri_checks if uris == -1 else uris)

    def _checked(self, ctx: Context, checks: int, uris: int) -> int:
        limit = SIZES << 1 if self.server.target in ("6.x", "all") else RFC3261
        if not 1 <= checks < limit or not 1 <= uris < URI_CONTACT << 1:
            self.server.log.error(self.name, f"checks {checks} or URIs {uris} are out of range")
            return -1
        if self.check(ctx, checks, uris):
            return 1
        return 0 if self.autodrop else -1

    def check(self, ctx: Context, checks: int, uris: int) -> bool:
        """Run checks and reply to what fails; for other modules."""
        if self.noreply:
            ctx.state.pop(self.name, None)
        for bit, test in _CHECKS:
            if not checks & bit and not (bit == SIZES and self.size_checks):
                continue
            failure = test(self, ctx, uris)
            if failure is not None:
                self._fail(ctx, failure)
                return False
        return True

    def _fail(self, ctx: Context, failure: Failure) -> None:
        if failure.code <= 0:
            if failure == _SILENT:
                ctx.msg.msg_flags |= FL_MSG_NOREPLY
            return
        if not ctx.msg.is_request or ctx.msg.method.upper() == "ACK":
            return
        if self.noreply:
            ctx.state[self.name] = failure
        else:
            self._reply(ctx, failure)

    def _reply(self, ctx: Context, failure: Failure) -> int:
        if ctx.msg.msg_flags & FL_MSG_NOREPLY:
            return 1
        sent: int = self.server.module("sl").sl_reply(ctx, failure.code, failure.reason)
        return sent

    @function(Route.REQUEST | Route.ONREPLY, since="5.6")
    def sanity_reply(self, ctx: Context) -> int:
        """With `noreply`, send the reply that the failed check asked for; 500 when no check failed."""
        if not ctx.msg.is_request or ctx.msg.method.upper() == "ACK" or not self.noreply:
            return 1
        failure = ctx.state.get(self.name) or Failure(500, "Server Sanity Failure")
        return 1 if self._reply(ctx, failure) >= 0 else -1

    # -- checks -------------------------------------------------------------------------------------------------------
    def ruri_version(self, ctx: Context, uris: int) -> Failure | None:
        """The version of the request line is SIP/2.0."""
        if not ctx.msg.is_request:
            return None
        _, slash, number = ctx.msg.version.partition("/")
        if not slash:
            return _QUIET
        return None if number == "2.0" else Failure(505, "Version Not Supported (R-URI)")

    def ruri_scheme(self, ctx: Context, uris: int) -> Failure | None:
        """The request URI parses."""
        return None if self._parses(ctx.msg.current_uri()) else Failure(400, "Bad Request URI")

    def required_headers(self, ctx: Context, uris: int) -> Failure | None:
        """Via, From, To, Call-ID and CSeq are there, none but Via twice."""
        msg = ctx.msg
        if not msg.complete or msg.value("from") is None:
            return _SILENT
        if msg.header_error:
            return Failure(400, "Bad Headers")
        return _QUIET if any(len(msg.all(kind)) > 1 for kind in _UNIQUE) else None

    def via1(self, ctx: Context, uris: int) -> Failure | None:
        """The topmost Via has a host."""
        via = ctx.msg.top_via
        return None if via is not None and via.host else _SILENT

    def nothing_to_check(self, ctx: Context, uris: int) -> Failure | None:
        """A Via of another version or an unknown transport does not parse at all, so these checks always pass."""
        return None

    def cseq_method(self, ctx: Context, uris: int) -> Failure | None:
        """The method of CSeq is that of the request."""
        cseq = ctx.msg.cseq
        if cseq is None:
            return _SILENT if ctx.msg.header_error else _QUIET
        if not cseq.method:
            return Failure(400, "Missing method in CSeq header")
        # In a reply Kamailio compares with what stands there in memory: the version of the status line.
        mine = ctx.msg.method if ctx.msg.is_request else ctx.msg.version
        return None if cseq.method == mine else Failure(400, "CSeq method does not match request method")

    def cseq_value(self, ctx: Context, uris: int) -> Failure | None:
        """The number of CSeq fits 32 bits."""
        cseq = ctx.msg.cseq
        if cseq is None:
            return _SILENT
        if not cseq.number_text:
            return Failure(400, "Missing number in CSeq header")
        return None if _is_uint(cseq.number_text) else Failure(400, "CSeq number is illegal")

    def content_length(self, ctx: Context, uris: int) -> Failure | None:
        """Content-Length is the length of the body."""
        msg = ctx.msg
        try:
            length = msg.content_length
        except SipError:
            return Failure(400, "Content-Length Failure")
        if length is None:
            if msg.header_error:
                return Failure(400, "Content-Length Failure")
            self.server.log.warning(self.name, "content length header missing in request")
            return None
        if msg.body_offset < 0:
            return Failure(400, "Content-Length Body Failure")
        return None if length == len(msg.buf) - msg.body_offset else Failure(400, "Content-Length mis-match")

    def expires(self, ctx: Context, uris: int) -> Failure | None:
        """Expires is a number that fits 32 bits."""
        msg = ctx.msg
        value = msg.value("expires")
        if value is None:
            return Failure(400, "Bad Expires Header") if msg.header_error else None
        try:
            parse_expires(value)
        except SipError:
            return Failure(400, "Bad Expires Header")
        digits = value.strip(" \t\r\n")
        if not digits:
            return Failure(400, "Missing number in Expires header")
        return None if _is_uint(digits) else Failure(400, "Expires value is illegal")

    def proxy_require_tags(self, ctx: Context, uris: int) -> Failure | None:
        """Every option tag of Proxy-Require is known."""
        value = ctx.msg.value("proxy-require")
        if value is None:
            return Failure(400, "Bad Proxy Require Header") if ctx.msg.header_error else None
        tags = _items(value)
        if not tags:
            return Failure(400, "Bad Proxy Require Header")
        for tag in tags:
            if tag not in self._known:
                ctx.msg.add_reply_header(f"Unsupported: {tag}\r\n")
                return Failure(420, "Bad Proxy Require Extension")
        return None

    def parse_uris(self, ctx: Context, uris: int) -> Failure | None:
        """The URIs of the request line, From, To and Contact parse."""
        msg = ctx.msg
        if uris & URI_RURI and not self._parses(msg.current_uri()):
            return Failure(400, "Bad Request URI")
        if uris & URI_FROM and not self._address_parses(msg, "from"):
            return Failure(400, "Invalid From Header") if msg.value("from") else _SILENT
        if uris & URI_TO and not self._address_parses(msg, "to"):
            return Failure(400, "Ivalid To Header") if msg.value("to") else _SILENT  # Kamailio's spelling
        if not uris & URI_CONTACT:
            return None
        try:
            contacts = msg.contacts
        except SipError:
            return Failure(400, "Bad Contact Header")
        if contacts is None or contacts.star or not contacts.groups[0]:
            return None
        # The list of a header runs backwards, so its last contact is the one that is looked at.
        return None if self._parses(contacts.groups[0][-1].uri) else Failure(400, "Bad Contact URI")

    def _address_parses(self, msg: Message, kind: str) -> bool:
        try:
            address = msg.from_ if kind == "from" else msg.to
        except SipError:
            return False
        return address is not None and self._parses(address.uri)

    def digest(self, ctx: Context, uris: int) -> Failure | None:
        """Credentials are whole and of the digest scheme."""
        return self._credentials(ctx, other_schemes=False)

    def authorization(self, ctx: Context, uris: int) -> Failure | None:
        """Credentials of the digest scheme are whole; others are left alone."""
        return self._credentials(ctx, other_schemes=True)

    def _credentials(self, ctx: Context, *, other_schemes: bool) -> Failure | None:
        if ctx.msg.header_error:
            return Failure(400, "Bad Headers")
        for header in (*ctx.msg.all("authorization"), *ctx.msg.all("proxy-authorization")):
            try:
                credentials = parse_credentials(header.value)
            except SipError:
                return Failure(400, "Bad Auth Header")
            if credentials is None:
                return None if other_schemes else _QUIET
            wanted = [credentials.username, credentials.realm, credentials.nonce, credentials.uri, credentials.response]
            if (credentials.qop or "").lower() in ("auth", "auth-int"):
                wanted += [credentials.cnonce, credentials.nc]
            if None in wanted:
                return Failure(400, "Bad Auth Credentials")
            for what, text in (("User", credentials.username), ("Nonce", credentials.nonce), ("Response", wanted[4])):
                if not text:
                    return Failure(400, f"Auth Empty {what}")
        return None

    def duplicate_tags(self, ctx: Context, uris: int) -> Failure | None:
        """From and To have one tag at most."""
        for kind, name in (("from", "From"), ("to", "To")):
            value = ctx.msg.value(kind)
            try:
                body = None if value is None else parse_to(value)
            except SipError:
                body = None
            if body is None:
                return _SILENT
            if sum(param.name.lower() == "tag" for param in body.params) > 1:
                return Failure(400, f"Many {name} Tag Params")
        return None

    def compliance(self, ctx: Context, uris: int) -> Failure | None:
        """The topmost Via has an RFC 3261 branch, the first entries of Route and Record-Route headers have lr."""
        msg = ctx.msg
        if msg.top_via is None:
            return _SILENT
        if not msg.top_via.branch.startswith(MAGIC_COOKIE):
            return _QUIET
        try:
            for header in (*msg.all("record-route"), *msg.all("route")):
                if parse_uri(parse_routes(header.value)[0].uri).lr is None:
                    return _QUIET
        except SipError:
            return _QUIET
        return None

    def sizes(self, ctx: Context, uris: int) -> Failure | None:
        """Nothing is longer than the size_* parameters allow."""
        try:
            fine = all(limit <= 0 or size(ctx.msg) <= limit for limit, size in self._limits())
        except SipError:
            fine = False
        return None if fine else _QUIET

    def _limits(self) -> Iterator[tuple[int, Callable[[Message], int]]]:
        yield self.size_message, lambda msg: len(msg.buf)
        yield self.size_ruri, lambda msg: len(msg.current_uri())
        yield self.size_method, lambda msg: len(msg.method)
        yield self.size_header, lambda msg: max((h.end - h.start for h in msg.headers), default=0)
        yield self.size_headers, lambda msg: msg.eoh - (msg.first_end - msg.first_start)
        yield self.size_body, lambda msg: len(msg.body)
        yield self.size_from_uri, lambda msg: len(_needed(msg.from_).uri)
        yield self.size_to_uri, lambda msg: len(_needed(msg.to).uri)
        yield self.size_contact_uri, lambda msg: _longest(msg.contacts.contacts if msg.contacts is not None else ())
        yield self.size_route_uri, lambda msg: _longest((*msg.routes, *msg.record_routes))
        yield self.size_path_uri, lambda msg: _longest(r for h in msg.all("path") for r in parse_routes(h.value))
        yield (
            self.size_pai_uri,
            lambda msg: _longest(a for h in msg.all("p-asserted-identity") for a in parse_addresses(h.value)),
        )

    def _parses(self, uri: str) -> bool:
        try:
            parse_uri(uri)
        except SipError:
            return False
        return True


def _items(text: str) -> list[str]:
    """The option tags of a list; none when it is empty."""
    text = text.strip(" \t\r\n")
    return [item.strip(" \t\r\n") for item in text.split(",")] if text else []


def _is_uint(digits: str) -> bool:
    # The module lets 4294967296 through and knows ten digits at most.
    return len(digits) <= 10 and digits.isascii() and digits.isdigit() and int(digits) <= _MAX_UINT


def _needed(body: ToBody | None) -> ToBody:
    if body is None:
        raise SipError("From or To is missing or malformed")
    return body


class _WithUri(Protocol):
    @property
    def uri(self) -> str: ...


def _longest(addresses: Iterable[_WithUri]) -> int:
    return max((len(address.uri) for address in addresses), default=0)


#: Checks in the order in which they run.
_CHECKS: tuple[tuple[int, Check], ...] = (
    (SIZES, Sanity.sizes),
    (RURI_VERSION, Sanity.ruri_version),
    (RURI_SCHEME, Sanity.ruri_scheme),
    (REQUIRED_HEADERS, Sanity.required_headers),
    (VIA1, Sanity.via1),
    (RFC3261, Sanity.compliance),
    (VIA_VERSION, Sanity.nothing_to_check),
    (VIA_PROTOCOL, Sanity.nothing_to_check),
    (CSEQ_METHOD, Sanity.cseq_method),
    (CSEQ_VALUE, Sanity.cseq_value),
    (CONTENT_LENGTH, Sanity.content_length),
    (EXPIRES, Sanity.expires),
    (PROXY_REQUIRE, Sanity.proxy_require_tags),
    (PARSE_URIS, Sanity.parse_uris),
    (DIGEST, Sanity.digest),
    (AUTHORIZATION, Sanity.authorization),
    (DUPLICATE_TAGS, Sanity.duplicate_tags),
)
