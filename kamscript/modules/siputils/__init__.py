"""siputils: questions about messages, URIs and numbers; Contact URIs encoded; OPTIONS answered; charging vectors.

Source: siputils manual; src/modules/siputils/ (checks.c, contact_ops.c, sipops.c, options.c, rpid.c) of 4.4, 5.6, 6.x.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

from kamscript.core.cfg import CfgVar
from kamscript.core.rewrite import set_uri
from kamscript.core.sockets import is_address
from kamscript.module import (
    Accessor,
    Const,
    Fixup,
    FixupError,
    Int,
    Module,
    Param,
    PvRef,
    Route,
    Str,
    function,
    pv_class,
)
from kamscript.modules._authorized import used
from kamscript.modules._clock import parse_http_date
from kamscript.modules._headers import all_headers, kind_of
from kamscript.modules._variable_args import Variable, Writable
from kamscript.modules.siputils import telephone
from kamscript.modules.siputils.charging import Charging, Vector
from kamscript.modules.siputils.contacts import Failed, decode_uri, encode_uri, from_base64, to_base64
from kamscript.modules.siputils.ring import Calls, make_ringing
from kamscript.script.format import accessor_of
from kamscript.script.pv import PvSyntaxError, match_pv, parse_pv
from kamscript.sip.contact import parse_contacts
from kamscript.sip.errors import SipError
from kamscript.sip.headers import KNOWN_KINDS, parse_options
from kamscript.sip.nameaddr import find_not_quoted, parse_to
from kamscript.sip.params import Param as UriParam
from kamscript.sip.params import parse_params
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.sip.uri import Uri, parse_uri, same_aor, same_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.modules.sl import Sl
    from kamscript.sip.contact import Contact
    from kamscript.sip.scan import Header
    from kamscript.values import Value

MAX_URI_SIZE = 1024
_OPTIONS = frozenset(("path", "100rel", "timer", "eventlist", "gruu", "outbound"))
_ONREPLY = Route.ONREPLY
_URI_CHECKS = Route.REQUEST | Route.BRANCH | Route.FAILURE


class _Option(Fixup):
    """An option tag of Supported; receives it in small letters."""

    constant = True
    kind = "option"

    def resolve(self, text: str, server: Server) -> str:
        """The tag; raises FixupError."""
        if text.lower() not in _OPTIONS:
            raise FixupError(f"{text!r} is no option: {', '.join(sorted(_OPTIONS))} are known")
        return text.lower()


class _Single(Fixup):
    """A text as it is, or the one pseudo-variable that it begins with; what follows that is ignored."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> str | Accessor:
        """The text also where it begins with no pseudo-variable that exists, as in `"$rU.org"`."""
        if text[:1] != "$":
            return text
        try:
            return accessor_of(match_pv(text)[0].text, server)
        except (PvSyntaxError, FixupError):
            return text


if TYPE_CHECKING:
    Option = str
    Single = str | Accessor
else:
    Option = Annotated[str, _Option()]
    Single = Annotated[object, _Single()]


class Siputils(Module, name="siputils"):
    """Questions about messages, URIs and numbers; Contact URIs encoded; OPTIONS answered; charging vectors."""

    options_accept = Param("*/*", "Accept header of options_reply().")
    options_accept_encoding = Param("", "Accept-Encoding header of options_reply().")
    options_accept_language = Param("en", "Accept-Language header of options_reply().")
    options_support = Param("", "Supported header of options_reply().")
    contact_flds_separator = Param("*", "What separates the fields of an encoded contact; its first character counts.")
    rpid_avp = Param("$avp(s:rpid)", "The AVP whose value append_rpid_hf() and is_rpid_user_e164() take.")
    rpid_prefix = Param("", "What append_rpid_hf() puts in front of the value.")
    rpid_suffix = Param(";party=calling;id-type=subscriber;screen=yes", "What append_rpid_hf() puts behind the value.")
    e164_max_len = Param(16, "Most characters of an E.164 number, its + included.", since="6.x")
    ring_timeout = Param(
        0, "Seconds for which ring_insert_callid() turns 183 replies of a call into 180; 0: never.", until="4.4"
    )

    _sl: Sl

    @cached_property
    def _rpid(self) -> Accessor | None:
        return accessor_of(self.rpid_avp, self.server) if self.rpid_avp else None

    def start(self) -> None:
        """Find the AVP; watch replies when 183 are to become 180."""
        server = self.server
        self._sl = cast("Sl", server.module("sl"))
        self._separator = self.contact_flds_separator[:1] or "*"
        self._charging = Charging(server)
        if self.rpid_avp and "rpid_avp" in server.plan.modules["siputils"].given:
            try:
                ref = parse_pv(self.rpid_avp)
            except ValueError as error:
                raise FixupError(f"rpid_avp {self.rpid_avp!r}: {error}") from None
            if ref.name != "avp":
                raise FixupError(f"rpid_avp {self.rpid_avp!r} is no AVP")
        self._calls = Calls()
        self._cfg: dict[str, Any] = server.cfg.declare(
            "siputils",
            [CfgVar("ring_timeout", 0, "Seconds for which 183 replies of a call become 180", readable=False)],
            values={"ring_timeout": self.ring_timeout},
        )
        if self.ring_timeout:
            server.hooks.pre_script.append(self._ring)

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)

    # -- what kind of message -----------------------------------------------------------------------------------------
    @function(Route.ANY)
    def is_request(self, ctx: Context) -> bool:
        """Whether the message is a request."""
        return ctx.msg.is_request

    @function(Route.ANY)
    def is_reply(self, ctx: Context) -> bool:
        """Whether the message is a reply."""
        return not ctx.msg.is_request

    @function(Route.ANY, since="6.x")
    def is_sip(self, ctx: Context) -> bool:
        """Whether the message is SIP by its first line."""
        return ctx.msg.is_sip

    @function(Route.ANY, since="6.x")
    def is_http(self, ctx: Context) -> bool:
        """Whether the message is HTTP by its first line."""
        return ctx.msg.version.upper().startswith("HTTP/")

    @function(Route.ANY, since="6.x")
    def sip_parse_headers(self, ctx: Context) -> bool:
        """Read all headers; False when they do not parse to their end."""
        return not ctx.msg.header_error

    @function(Route.ANY)
    def has_totag(self, ctx: Context) -> bool:
        """Whether To has a tag: the request is within a dialog."""
        try:
            to = ctx.msg.to
        except SipError:
            to = None
        if to is None:
            self._error("there is no To")
            return False
        return bool(to.tag)

    @function(Route.ANY)
    def is_supported(self, ctx: Context, option: Option) -> bool:
        """Whether Supported lists path, 100rel, timer, eventlist, gruu or outbound."""
        return any(option in parse_options(value) for value in ctx.msg.values("supported"))

    @function(Route.ANY)
    def is_first_hop(self, ctx: Context) -> bool:
        """Whether the sender is the end device: a request with one Via, a reply with our own Record-Route on top."""
        return self._first_hop(ctx, 0)

    @function(Route.ANY, name="is_first_hop", since="5.6")
    def is_first_hop_mode(self, ctx: Context, mode: Int) -> bool:
        """With `mode` 1 that Record-Route may hold a host name and the reply may come from this server itself."""
        return self._first_hop(ctx, mode)

    def _first_hop(self, ctx: Context, mode: int) -> bool:
        msg = ctx.msg
        if msg.is_request:
            try:
                return msg.via2 is None
            except SipError:
                return True
        if msg.header_error:
            return False
        if msg.first("record-route") is None:
            return True
        try:
            uri = msg.record_routes[0].parsed_uri
        except SipError:
            return False
        return self._is_own_record(ctx, uri, strict=mode == 0)

    def _is_own_record(self, ctx: Context, uri: Uri, *, strict: bool) -> bool:
        # Only an address can be compared with where the reply came from.
        if strict and not is_address(uri.bare_host):
            return False
        if not self.server.is_myself(uri.host, uri.port_no if uri.port else 0, uri.proto if uri.transport else ""):
            return False
        if not strict:
            return True
        came = ctx.msg.received
        return not (
            uri.bare_host == came.src_ip
            and came.src_port == (uri.port_no or 5060)
            and came.proto == (uri.proto or "udp")
        )

    @function(Route.REQUEST | Route.LOCAL)
    def is_user(self, ctx: Context, user: Str) -> bool:
        """Whether the credentials that www_authorize() or proxy_authorize() found good belong to `user`."""
        found = used(ctx, "authorization") or used(ctx, "proxy-authorization")
        if found is None:
            self._error("no authorized credentials: call www_authorize() or proxy_authorize() first")
            return False
        return bool(found.credentials.user) and found.credentials.user == user

    @function(Route.ANY, since="5.6")
    def hdr_date_check(self, ctx: Context, seconds: Int) -> int:
        """Whether Date is at most `seconds` old: 1; -1 there is none or it is malformed, -4 it is older."""
        value = ctx.msg.value("date")
        sent = None if value is None else parse_http_date(value)
        if sent is None:
            self._error("there is no Date" if value is None else f"Date {value!r} does not parse")
            return -1
        if self.server.timers.now > sent + seconds:
            self._error(f"Date {value} is more than {seconds} seconds ago")
            return -4
        return 1

    @function(Route.REQUEST)
    def options_reply(self, ctx: Context) -> bool:
        """Answer an OPTIONS request to this server itself with 200 and what the parameters say."""
        msg = ctx.msg
        if msg.method_id != "OPTIONS":
            self._error(f"options_reply() called for {msg.method}")
            return False
        try:
            uri = msg.parsed_uri()
        except SipError as error:
            self._error(f"the request URI does not parse: {error}")
            return False
        if uri.user:
            self._error("the request URI has a user")
            return False
        msg.add_reply_header(
            f"Accept: {self.options_accept}\r\nAccept-Encoding: {self.options_accept_encoding}\r\n"
            f"Accept-Language: {self.options_accept_language}\r\nSupported: {self.options_support}\r\n"
        )
        if self._sl.freply(ctx, 200, "OK") == -1:
            self._error("the reply could not be sent")
            return False
        return True

    # -- texts --------------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def is_tel_number(self, ctx: Context, number: Str) -> int:
        """Whether a text is a telephone number, digits perhaps behind a `+`: 1, else -2."""
        return 1 if telephone.is_tel_number(number) else -2

    @function(Route.ANY)
    def is_numeric(self, ctx: Context, text: Str) -> int:
        """Whether a text consists of decimal digits: 1, else -2."""
        return 1 if text.isascii() and text.isdigit() else -2

    @function(Route.ANY, since="5.6")
    def is_alphanum(self, ctx: Context, text: Str) -> int:
        """Whether a text consists of letters and digits: 1; -2 it is empty, -3 it does not."""
        return _alphanumeric(text)

    @function(Route.ANY, since="5.6")
    def is_alphanumex(self, ctx: Context, text: Str, more: Str) -> int:
        """Whether a text consists of letters, digits and characters of `more`: 1; -2 it is empty, -3 it does not."""
        return _alphanumeric(text, more)

    @function(Route.REQUEST | Route.FAILURE | Route.LOCAL)
    def is_e164(self, ctx: Context, number: Variable) -> bool:
        """Whether the value of a pseudo-variable is an E.164 number: `+` and 2 to 15 digits."""
        text = self._text_of(number, ctx)
        return text is not None and telephone.is_e164(text, self.e164_max_len)

    @function(Route.ANY)
    def is_uri_user_e164(self, ctx: Context, uri: Variable) -> bool:
        """Whether the user of the URI in a pseudo-variable is an E.164 number."""
        text = self._text_of(uri, ctx)
        if not text:
            return False
        _, colon, rest = text.partition(":")
        if not colon:
            self._error(f"{text} is no URI")
            return False
        user, at, _ = rest.partition("@")
        return bool(at) and telephone.is_e164(user, self.e164_max_len)

    def _text_of(self, variable: Accessor, ctx: Context) -> str | None:
        value = variable.get(ctx)
        if value is None:
            self._error("the value of the pseudo-variable is no text")
            return None
        return str(value)

    @function(Route.ANY, since="5.6")
    def cmp_hdr_name(self, ctx: Context, first: Str, second: Str) -> int:
        """Whether two header names, long or compact, mean one header: 1, else -1 or -2 (less, or no name)."""
        names = [name.rstrip(" \t\r\n") for name in (first, second)]
        kinds = [kind_of(name) for name in names]
        if kinds[0] is None or kinds[1] is None:
            self._error(f"{first!r} and {second!r} are not both header names")
            return -2
        if kinds[0] == kinds[1]:
            return 1
        if not KNOWN_KINDS.isdisjoint(cast("list[str]", kinds)):
            return -1
        return -1 if names[0].lower() > names[1].lower() else -2

    # -- URIs ---------------------------------------------------------------------------------------------------------
    @function(Route.ANY, since="5.6")
    def is_uri(self, ctx: Context, text: Str) -> bool:
        """Whether a text is a SIP, SIPS, TEL or URN URI."""
        return _parsed(text) is not None

    @function(Route.ANY)
    def cmp_uri(self, ctx: Context, first: Str, second: Str) -> int:
        """Whether two URIs are equal by RFC 3261 19.1.4: 1; -1 they differ, -2 one is no URI."""
        return _compared(same_uri, first, second)

    @function(Route.ANY)
    def cmp_aor(self, ctx: Context, first: Str, second: Str) -> int:
        """Whether two URIs have one user, host and port: 1; -1 they differ, -2 one is no URI."""
        return _compared(same_aor, first, second)

    @function(Route.ANY)
    def is_gruu(self, ctx: Context) -> int:
        """Whether the request URI is a GRUU: 1 a public one, 2 a temporary one, else -1."""
        return self._gruu(ctx.msg.current_uri())

    @function(Route.ANY, name="is_gruu")
    def is_gruu_uri(self, ctx: Context, uri: Str) -> int:
        """Whether `uri` is a GRUU: 1 a public one, 2 a temporary one, else -1."""
        return self._gruu(uri)

    def _gruu(self, uri: str) -> int:
        parsed = _parsed(uri)
        if parsed is None:
            self._error(f"{uri} is no URI")
            return -1
        if parsed.gr is None:
            return -1
        return 1 if parsed.gr else 2

    @function(_URI_CHECKS)
    def uri_param(self, ctx: Context, name: Str, value: Str = "") -> bool:
        """Whether the request URI has a parameter, by itself or with this value."""
        for param in self._uri_params(ctx):
            if param.name == name:
                return (param.value or "") == value
        return False

    @function(Route.REQUEST | Route.LOCAL)
    def get_uri_param(self, ctx: Context, name: Const, target: Writable) -> bool:
        """Store the value of a parameter of the request URI."""
        for param in self._uri_params(ctx):
            if param.name == name:
                assert target.set is not None, "the fix-up checked it"
                target.set(ctx, param.value or "")
                return True
        return False

    def _uri_params(self, ctx: Context) -> list[UriParam]:
        """Parameters of the request URI in Kamailio's order, the last first."""
        try:
            return parse_params(ctx.msg.parsed_uri().params)[0][::-1]
        except SipError as error:
            self._error(f"the request URI or its parameters do not parse: {error}")
            return []

    @function(_URI_CHECKS, since="5.6")
    def uri_param_any(self, ctx: Context, name: Str) -> bool:
        """Whether the request URI has a parameter, whatever its value."""
        try:
            return _find_param(ctx.msg.current_uri(), name) is not None
        except SipError as error:
            self._error(f"the request URI does not parse: {error}")
            return False

    @function(_URI_CHECKS, since="5.6")
    def uri_param_rm(self, ctx: Context, name: Str) -> bool:
        """Remove a parameter from the request URI; True also without one."""
        uri = ctx.msg.current_uri()
        try:
            place = _find_param(uri, name)
        except SipError as error:
            self._error(f"the request URI does not parse: {error}")
            return False
        if place is not None:
            set_uri(ctx, uri[: place[0]] + uri[place[1] :])
        return True

    @function(Route.REQUEST)
    def add_uri_param(self, ctx: Context, param: Const) -> bool:
        """Add `name` or `name=value` to the parameters of the request URI."""
        if not param:
            return True
        uri = ctx.msg.current_uri()
        try:
            headers = ctx.msg.parsed_uri().headers
        except SipError as error:
            self._error(f"the request URI does not parse: {error}")
            return False
        new = f"{uri.removesuffix(f'?{headers}')};{param}?{headers}" if headers else f"{uri};{param}"
        if len(new) > MAX_URI_SIZE:
            self._error("the request URI would be too long")
            return False
        return set_uri(ctx, new) > 0

    @function(Route.REQUEST | Route.FAILURE | Route.BRANCH | _ONREPLY)
    def tel2sip(self, ctx: Context, uri: Single, host: Single, result: Writable) -> int:
        """Make a SIP URI at `host` of a tel: URI: 1 done, 2 it is no tel: URI, -1 an argument has no value."""
        number, place = (part if isinstance(part, str) else part.get(ctx) for part in (uri, host))
        if number is None or place is None:
            return -1
        if not telephone.is_tel_uri(str(number)):
            return 2
        assert result.set is not None, "the fix-up checked it"
        result.set(ctx, telephone.sip_uri(str(number), str(place)))
        return 1

    @function(Route.REQUEST | Route.FAILURE | Route.BRANCH | _ONREPLY, since="6.x")
    def tel2sip2(self, ctx: Context, uri: Str, host: Str, result: Writable) -> bool:
        """Make a SIP URI of a tel: URI, parameters in the order of RFC 3261; True also when it is no tel: URI."""
        if not telephone.is_tel_uri(uri):
            return True
        made = telephone.ordered_sip_uri(uri, host)
        if _parsed(made) is None:
            return False
        assert result.set is not None, "the fix-up checked it"
        result.set(ctx, made)
        return True

    @function(Route.ANY)
    def set_uri_user(self, ctx: Context, uri: Writable, user: Variable) -> bool:
        """Set, or with an empty value remove, the user of the URI in a pseudo-variable."""
        found = self._uri_and_value(ctx, uri, user)
        if found is None:
            return False
        text, value = found
        scheme, _, rest = text.partition(":")
        old, at, host = rest.partition("@")
        if not at:
            host = old
        return self._store(ctx, uri, f"{scheme}:{value}@{host}" if value else f"{scheme}:{host}")

    @function(Route.ANY)
    def set_uri_host(self, ctx: Context, uri: Writable, host: Variable) -> bool:
        """Set the host of the URI in a pseudo-variable."""
        found = self._uri_and_value(ctx, uri, host)
        if found is None:
            return False
        text, value = found
        if not value:
            self._error("the host of a URI cannot be empty")
            return False
        colon = text.index(":")
        start = text.find("@", colon) + 1 or colon + 1
        end = min((at for at in (text.find(c, start) for c in ":;?") if at >= 0), default=len(text))
        return self._store(ctx, uri, text[:start] + value + text[end:])

    def _uri_and_value(self, ctx: Context, uri: Accessor, value: Accessor) -> tuple[str, str] | None:
        text, new = uri.get(ctx), value.get(ctx)
        if not text or new is None:
            self._error("there is no URI" if not text else "there is no value")
            return None
        if ":" not in str(text):
            self._error(f"{text} has no colon")
            return None
        return str(text), str(new)

    def _store(self, ctx: Context, target: Accessor, uri: str) -> bool:
        if len(uri) > MAX_URI_SIZE:
            self._error("the URI would be too long")
            return False
        assert target.set is not None, "the fix-up checked it"
        target.set(ctx, uri)
        return True

    # -- Contact ------------------------------------------------------------------------------------------------------
    @function(Route.REQUEST | _ONREPLY)
    def encode_contact(self, ctx: Context, prefix: Const, address: Const) -> int:
        """Write the URIs of the first Contact header into users at `address`: `prefix*user*password*host*port*proto`.

        1; -1 there is no Contact, -4 it is malformed, other negative numbers: a URI could not be encoded.
        """
        return self._recode(ctx, lambda uri: encode_uri(uri, prefix, address, self._separator))

    @function(Route.REQUEST | Route.FAILURE | _ONREPLY)
    def decode_contact_header(self, ctx: Context) -> int:
        """Undo encode_contact() in the first Contact header; results as there."""
        return self._recode(ctx, lambda uri: decode_uri(uri, self._separator))

    @function(Route.REQUEST)
    def decode_contact(self, ctx: Context) -> int:
        """Undo encode_contact() in the request URI: 1, negative when it is not encoded."""
        uri = ctx.msg.current_uri()
        try:
            ctx.msg.new_uri = decode_uri(uri, self._separator)
        except Failed as failed:
            self._error(str(failed))
            return failed.code
        ctx.ruri_consumed = False
        return 1

    def _recode(self, ctx: Context, change: Callable[[str], str]) -> int:
        header = ctx.msg.first("contact")
        if header is None:
            self._error("there is no Contact")
            return -1
        places = self._contact_uris(ctx, header)
        if places is None:
            return -4
        for uri, start in places:
            try:
                self._replace(ctx, uri, start, change(uri))
            except Failed as failed:
                self._error(str(failed))
                return failed.code
        return 1

    def _contact_uris(self, ctx: Context, header: Header) -> list[tuple[str, int]] | None:
        """The URIs of one Contact header, each with its place in the message; None when the header is malformed."""
        try:
            contacts = parse_contacts(header.value).contacts
        except SipError as error:
            self._error(f"Contact does not parse: {error}")
            return None
        return [(contact.uri, header.value_start + _uri_start(contact, header.value)) for contact in reversed(contacts)]

    def _all_contact_uris(self, ctx: Context) -> list[tuple[str, int]]:
        """The same of all Contact headers; nothing when one is malformed."""
        if all_headers(ctx, self.name) is None:
            return []
        places: list[tuple[str, int]] = []
        for header in ctx.msg.all("contact"):
            found = self._contact_uris(ctx, header)
            if found is None:
                return []
            places += found
        return places

    def _replace(self, ctx: Context, old: str, start: int, new: str) -> None:
        edits = ctx.msg.edits
        edits.insert_after(edits.delete(start, len(old)), new)

    @function(Route.REQUEST | _ONREPLY, since="5.6")
    def contact_param_encode(self, ctx: Context, name: Str, address: Str) -> int:
        """Replace the URIs of the first Contact header by `address;name=URI`, the URI in URL-safe base64.

        1, also without Contact; -4 it is malformed, -2 the new URI is too long.
        """
        return self._to_param(ctx, name, address)

    @function(Route.REQUEST | _ONREPLY, since="6.x")
    def contact_param_encode_alias(self, ctx: Context, name: Str, address: Str) -> int:
        """As contact_param_encode(); each URI first gets `;alias=` with the address that the message came from."""
        came = ctx.msg.received
        host = f"[{came.src_ip}]" if ":" in came.src_ip else came.src_ip
        return self._to_param(ctx, name, address, f";alias={host}~{came.src_port}~{PROTO_NUMBERS[came.proto]}")

    def _to_param(self, ctx: Context, name: str, address: str, alias: str = "") -> int:
        header = ctx.msg.first("contact")
        if header is None:
            return 1
        places = self._contact_uris(ctx, header)
        if places is None:
            return -4
        for uri, start in places:
            if len(uri) <= 4:
                continue
            new = f"{address};{name}={to_base64(uri + alias)}"
            if ctx.msg.buf[start - 1] != "<":
                new = f"<{new}>"
            if len(new) >= MAX_URI_SIZE - 1:
                self._error(f"the new contact for {uri} would be too long")
                return -2
            self._replace(ctx, uri, start, new)
        return 1

    @function(Route.REQUEST | _ONREPLY, since="5.6")
    def contact_param_decode(self, ctx: Context, name: Str) -> bool:
        """Undo contact_param_encode() in all Contact headers; True also where there is nothing to undo."""
        for uri, start in self._all_contact_uris(ctx):
            try:
                decoded = self._from_param(uri, name)
            except Failed as failed:
                self._error(str(failed))
                return False
            if decoded is not None:
                self._replace(ctx, uri, start, decoded)
        return True

    @function(Route.REQUEST, since="5.6")
    def contact_param_decode_ruri(self, ctx: Context, name: Str) -> bool:
        """Undo contact_param_encode() in the request URI; True also where there is nothing to undo."""
        try:
            decoded = self._from_param(ctx.msg.current_uri(), name)
        except Failed as failed:
            self._error(str(failed))
            return False
        if decoded is not None:
            set_uri(ctx, decoded)
        return True

    def _from_param(self, uri: str, name: str) -> str | None:
        """The URI in a parameter; None without it. Raises Failed."""
        if len(uri) < 4:
            return None
        try:
            place = _find_param(uri, name)
        except SipError as error:
            raise Failed(-1, f"{uri} does not parse: {error}") from None
        if place is None or not place[2]:
            return None
        decoded = from_base64(place[2])
        if decoded is None:
            raise Failed(-1, f"the parameter {name} of {uri} is no base64")
        return decoded

    @function(Route.REQUEST | _ONREPLY, since="5.6")
    def contact_param_rm(self, ctx: Context, name: Str) -> bool:
        """Remove a parameter from the URIs of all Contact headers; True also without one."""
        for uri, start in self._all_contact_uris(ctx):
            try:
                place = _find_param(uri, name) if len(uri) >= 4 else None
            except SipError as error:
                self._error(f"{uri} does not parse: {error}")
                return False
            if place is not None:
                ctx.msg.edits.delete(start + place[0], place[1] - place[0])
        return True

    @function(Route.ANY, since="6.x")
    def contact_param_check(self, ctx: Context, name: Str) -> bool:
        """Whether a Contact URI has a parameter; True also without Contact."""
        if ctx.msg.first("contact") is None:
            return True
        places = self._all_contact_uris(ctx)
        if not places:
            return True
        try:
            return any(_find_param(uri, name) is not None for uri, _ in places if len(uri) >= 4)
        except SipError as error:
            self._error(f"Contact: {error}")
            return False

    # -- Remote-Party-ID ----------------------------------------------------------------------------------------------
    @function(_URI_CHECKS)
    def append_rpid_hf(self, ctx: Context) -> bool:
        """Add Remote-Party-ID with the value of `rpid_avp` between `rpid_prefix` and `rpid_suffix`."""
        return self._append_rpid(ctx, self.rpid_prefix, self.rpid_suffix)

    @function(_URI_CHECKS, name="append_rpid_hf")
    def append_rpid_hf_between(self, ctx: Context, prefix: Const, suffix: Const) -> bool:
        """Add Remote-Party-ID with the value of `rpid_avp` between these texts."""
        return self._append_rpid(ctx, prefix, suffix)

    def _append_rpid(self, ctx: Context, prefix: str, suffix: str) -> bool:
        value = self._rpid_value(ctx)
        if value is None or all_headers(ctx, self.name) is None:
            return False
        ctx.msg.edits.insert_before(ctx.msg.eoh, f"Remote-Party-ID: {prefix}{value}{suffix}\r\n")
        return True

    @function(Route.REQUEST)
    def is_rpid_user_e164(self, ctx: Context) -> bool:
        """Whether the user of the URI in `rpid_avp` is an E.164 number."""
        value = self._rpid_value(ctx)
        if value is None:
            return False
        try:
            uri = parse_to(value).uri if find_not_quoted(value, "<") >= 0 else value
            return telephone.is_e164(parse_uri(uri).user, self.e164_max_len)
        except SipError as error:
            self._error(f"{value} does not parse: {error}")
            return False

    def _rpid_value(self, ctx: Context) -> str | None:
        if self._rpid is None:
            self._error("the parameter rpid_avp is not set")
            return None
        value = self._rpid.get(ctx)
        return value if isinstance(value, str) and value else None

    # -- P-Charging-Vector --------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sip_p_charging_vector(self, ctx: Context, flags: Str) -> int:
        """Handle P-Charging-Vector: `r` remove it, `g` make one if there is none, `f` make one in any case.

        Up to 5.6 it returns 1; 6.x what it did: 1 nothing, 3 made, 4 removed, 5 replaced.
        """
        return self._charging.handle(ctx, flags)

    @pv_class("pcv")
    def pcv(self, ref: PvRef) -> Accessor:
        """`$pcv(all)`, `$pcv(value)`, `$pcv(genaddr)`, `$pcv(orig)`, `$pcv(term)`: P-Charging-Vector and its parts.

        6.x also has `$pcv(status)`: 0 none, 1 received, 2 no icid-value, 3 made, 4 removed, 5 replaced.
        """
        part = str(ref.inner)
        parts = ["all", "value", "genaddr", "orig", "term"]
        if self.server.target not in ("4.4", "5.6"):
            parts.append("status")
        if part not in parts:
            raise FixupError(f"$pcv({part}): {', '.join(parts)} are known")

        def read(ctx: Context) -> Value:
            vector: Vector = self._charging.vector(ctx)
            if part == "status":
                return int(vector.status)
            return getattr(vector, part) or None

        return Accessor(read)

    # -- 183 becomes 180 ----------------------------------------------------------------------------------------------
    @function(Route.REQUEST | Route.FAILURE, until="4.4")
    def ring_insert_callid(self, ctx: Context) -> bool:
        """From now on, and for `ring_timeout` seconds, 183 replies of this call become 180 without a body."""
        call_id = ctx.msg.value("call-id")
        if call_id is None or not self.ring_timeout:
            self._error("there is no Call-ID" if call_id is None else "set ring_timeout to use ring_insert_callid()")
            return False
        self._calls.add(call_id, self.server.timers.now, self._cfg["ring_timeout"])
        return True

    def _ring(self, ctx: Context) -> bool:
        msg = ctx.msg
        if msg.is_request or msg.status != 183:
            return True
        call_id = msg.value("call-id")
        if call_id is None:
            self._error("there is no Call-ID")
            return False
        if not self._calls.has(call_id, self.server.timers.now, self._cfg["ring_timeout"]):
            return True
        done = make_ringing(msg)
        if not done:
            self._error("this 183 cannot become a 180")
        return done


def _alphanumeric(text: str, more: str = "") -> int:
    if not text:
        return -2
    return 1 if all((c.isascii() and c.isalnum()) or c in more for c in text) else -3


def _parsed(text: str) -> Uri | None:
    try:
        return parse_uri(text)
    except SipError:
        return None


def _compared(same: Callable[[Uri, Uri], bool], first: str, second: str) -> int:
    try:
        return 1 if same(parse_uri(first), parse_uri(second)) else -1
    except SipError:
        return -2


def _find_param(uri: str, name: str) -> tuple[int, int, str] | None:
    """Where a parameter and its `;` stand in a URI, and its value; None without it. Of several the last.

    Raises SipError when the URI or its parameters do not parse.
    """
    parsed = parse_uri(uri)
    params = parsed.sip_params or parsed.params
    if not params:
        return None
    end = len(uri) - len(parsed.headers)
    if uri[end - 1] == "?":
        end -= 1
    offset = end - len(params) if parsed.sip_params or parsed.scheme != "tel" else uri.index(params)
    wanted = name.lower()
    for param in reversed(parse_params(params)[0]):
        if param.name.lower() == wanted:
            start = uri.rindex(";", 0, offset + param.start + 1)
            # The removal leaves a closing quote or an equals sign without value behind, as Kamailio's does.
            return start, offset + param.end, param.value or ""
    return None


def _uri_start(contact: Contact, value: str) -> int:
    return value.index(contact.uri, contact.start + len(contact.name))
