"""nathelper: clients behind a NAT.

addresses.py  private addresses
detect.py     the tests of nat_uac_test()
contacts.py   the sender's address in contacts, and back into destinations
sdp.py        the same in session descriptions
ping.py       keepalives to registered contacts
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.core.rpc import missing
from kamscript.module import Accessor, Const, FixupError, Module, Param, PvInt, Route, Str, function, pv, select
from kamscript.module import rpc as rpc_command
from kamscript.modules._number_arg import Number
from kamscript.modules.nathelper import contacts, sdp
from kamscript.modules.nathelper.addresses import is_private
from kamscript.modules.nathelper.detect import TESTS
from kamscript.modules.nathelper.ping import Pinger, raw_socket
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc
    from kamscript.core.sockets import ListenSocket
    from kamscript.values import Value


_NO_FAILURE = Route.REQUEST | Route.ONREPLY | Route.BRANCH | Route.LOCAL
_SDP = _NO_FAILURE | Route.FAILURE
_RURI = Route.REQUEST | Route.BRANCH | Route.LOCAL


class Nathelper(Module, name="nathelper"):
    """Find out who is behind a NAT, put contacts and session descriptions right, keep NAT mappings open."""

    natping_interval = Param(0, "Seconds within which every contact gets a keepalive; 0 none.")
    ping_nated_only = Param(0, "1: only contacts with usrloc's nat_bflag.")
    natping_processes = Param(1, "Pingers; each takes its share of usrloc's hash slots.")
    natping_socket = Param("", "Address that four-byte keepalives seem to come from.")
    udpping_from_path = Param(0, "1: that of the last proxy in the Path, 2: of the first, 3: of the second...")
    ignore_path = Param(0, "1: keepalives do not heed the Path.", since="6.x")
    sipping_bflag = Param(-1, "Branch flag of contacts that get a SIP request instead of four bytes; -1 none.")
    sipping_from = Param("", "From URI of these requests.")
    sipping_method = Param("OPTIONS", "Their method.")
    natping_disable_bflag = Param(-1, "Branch flag of contacts that get no keepalive; -1 none.")
    keepalive_timeout = Param(0, "Seconds without an answer after which a contact expires; 0 never.")
    filter_server_id = Param(0, "1: only contacts of this server's id.")
    force_socket = Param("", "Local socket that keepalives leave by.")
    received_avp = Param("", "AVP that tells registrar where a REGISTER came from.")
    nortpproxy_str = Param("a=nortpproxy:yes", "Line that fix_nated_sdp() with flag 4 adds.")
    append_sdp_oldmediaip = Param(1, "1: fix_nated_sdp() adds a line with each address that it replaces.")
    nat_addr_mode = Param(1, "1: all of 192.0.0.0/24 counts as private, 0: only 192.0.0.0/29.", since="5.6")
    alias_name = Param("", "Name of the parameter of contacts that holds an address; empty: alias.", since="5.6")

    pinger: Pinger | None = None
    forced_socket: ListenSocket | None = None
    raw_socket: ListenSocket | None = None
    alias = "alias"
    no_proxy = ""
    received: Accessor | None = None

    def start(self) -> None:
        """Check the parameters; begin to ping."""
        server = self.server
        self.alias = self.alias_name or "alias"
        self.no_proxy = self.nortpproxy_str.rstrip("\r\n")
        self._targets: dict[str, Accessor] = {}
        self._raw: dict[str, ListenSocket | None] = {}
        if self.received_avp:
            self.received = self._avp(self.received_avp)
        elif any(
            need.kind == "function" and "fix_nated_register" in need.args for need in server.program.needs.values()
        ):
            raise FixupError(
                "fix_nated_register() needs the parameter 'received_avp', with the same value as that of registrar"
            )
        if self.force_socket:
            self.forced_socket = self._local_socket(self.force_socket)
        if self.natping_socket and not self.udpping_from_path:
            self.raw_socket = raw_socket(self, self.natping_socket)
            if self.raw_socket is None:
                raise FixupError(f"invalid natping_socket parameter <{self.natping_socket}>")
        if self.natping_interval <= 0:
            return
        if "usrloc" not in server.modules:
            raise FixupError("can't find usrloc module")
        if list(server.modules).index("usrloc") > list(server.modules).index(self.name):
            raise FixupError("the usrloc module must be loaded before nathelper")
        usrloc = server.module("usrloc")
        if self.ping_nated_only and not usrloc.nat_flag:
            raise FixupError("bad config - ping_nated_only enabled, but no nat bflag set in usrloc module")
        if self.natping_processes < 0:
            raise FixupError("bad config - natping_processes must be >= 0")
        usrloc.max_partition = self.natping_processes * self.natping_interval
        if self.sipping_bflag != -1:
            if not self.sipping_from:
                raise FixupError("SIP ping enabled, but SIP ping FROM is empty!")
            if not self.sipping_method:
                raise FixupError("SIP ping enabled, but SIP ping method is empty!")
            if self.keepalive_timeout > 0:
                usrloc.ka_timeout = self.keepalive_timeout
        self.pinger = Pinger(self)
        server.hooks.reply_in.append(self.pinger.answered)

    def ready(self) -> None:
        """Start the timer."""
        if self.pinger is not None:
            self.server.timers.every(1, self.pinger.second)

    def _avp(self, text: str) -> Accessor:
        from kamscript.script.format import accessor_of

        if not text.startswith(("$avp(", "$(avp(")):
            raise FixupError(f"malformed or non AVP {text} AVP definition")
        return accessor_of(text, self.server)

    def _local_socket(self, text: str) -> ListenSocket | None:
        from kamscript.modules._hostport import parse_host_port

        place = parse_host_port(text, self.server)
        found = None if place is None else self.server.find_socket(place.host, place.port, place.proto)
        if found is None:
            self.error(f"non-local force_socket <{text}>")
        return found

    def raw_address(self, text: str) -> ListenSocket | None:
        """The address of a proxy that keepalives shall seem to come from."""
        if text not in self._raw:
            self._raw[text] = raw_socket(self, text)
        return self._raw[text]

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(self.name, text)

    # -- who is behind a NAT --------------------------------------------------------------------------------------
    @function(_SDP)
    def nat_uac_test(self, ctx: Context, flags: PvInt) -> bool:
        """Whether one of the tests holds whose flags are set.

        1 a private address in Contact, 2 the Via differs from the source address, 4 a private address in the Via, 8 in
        the session description, 16 the Via's port differs from the source port, 32 the source address is private, 64 it
        came over a WebSocket, 128 the contact's port differs from the source port, 256 the session's address differs
        from the source address, 512 the message goes elsewhere than its request URI (or second Via) says.
        """
        return any(flags & flag and test(self, ctx) for flag, test in TESTS.items())

    @function(Route.ANY)
    def is_rfc1918(self, ctx: Context, address: Str) -> int:
        """Whether an address is private; -2 when it is empty."""
        if not address:
            self.error("invalid address parameter")
            return -2
        return 1 if is_private(address, self.nat_addr_mode) else -1

    # -- contacts -------------------------------------------------------------------------------------------------
    @function(_NO_FAILURE)
    def fix_nated_contact(self, ctx: Context) -> int:
        """Replace host and port of the contact by where the message came from."""
        return contacts.replace_address(self, ctx)

    @function(_NO_FAILURE, name="add_contact_alias")
    def add_contact_alias(self, ctx: Context) -> int:
        """Add `;alias=ip~port~proto` with where the message came from to the contact; 2: it says so already."""
        return contacts.add_alias(self, ctx)

    @function(Route.REQUEST | Route.ONREPLY | Route.BRANCH | Route.FAILURE, name="add_contact_alias")
    def add_contact_alias_of(self, ctx: Context, ip: Str, port: Str, proto: Str) -> int:
        """Add `;alias=ip~port~proto` with this address to the contact."""
        return contacts.add_given_alias(self, ctx, ip, port, proto)

    @function(_NO_FAILURE, name="set_contact_alias")
    def set_contact_alias(self, ctx: Context) -> int:
        """Add `;alias=ip~port~proto` behind all of the contact's URI, whatever its address."""
        return contacts.set_alias(self, ctx, trim=False)

    @function(_NO_FAILURE, name="set_contact_alias", since="5.6")
    def set_contact_alias_trim(self, ctx: Context, trim: Number) -> int:
        """The same; 1 takes an older alias out first."""
        return contacts.set_alias(self, ctx, trim=trim > 0)

    @function(_RURI, name="handle_ruri_alias")
    def handle_ruri_alias(self, ctx: Context) -> int:
        """Make the destination of the request URI's first alias parameter and take that out; 2: there is none."""
        return contacts.handle_alias(self, ctx, last=False)

    @function(_RURI, name="handle_ruri_alias", since="5.6")
    def handle_ruri_alias_of(self, ctx: Context, mode: PvInt) -> int:
        """The same; a mode other than 0 takes the last alias parameter."""
        return contacts.handle_alias(self, ctx, last=mode != 0)

    @function(Route.ANY, since="5.6")
    def set_alias_to_pv(self, ctx: Context, variable: Const) -> bool:
        """Write the address of the contact's alias as a URI into a variable."""
        uri = contacts.alias_uri(self, ctx)
        if uri is None:
            return False
        target = self._target(variable)
        if target is None or target.set is None:
            self.error(f"Destination pseudo-variable is not writable: [{variable}]")
            return False
        target.set(ctx, uri)
        return True

    def _target(self, text: str) -> Accessor | None:
        found = self._targets.get(text)
        if found is None:
            from kamscript.script.format import accessor_of

            try:
                found = self._targets[text] = accessor_of(text, self.server)
            except FixupError:
                return None
        return found

    # -- REGISTER -------------------------------------------------------------------------------------------------
    @function(Route.REQUEST)
    def fix_nated_register(self, ctx: Context) -> bool:
        """Tell registrar by `received_avp` where the REGISTER came from."""
        if self.received is not None and self.received.set is not None:
            self.received.set(ctx, contacts.source_uri(ctx.msg.received))
        return True

    @function(Route.REQUEST)
    def add_rcv_param(self, ctx: Context, in_uri: PvInt = 0) -> int:
        """Add a received parameter with where the message came from to all contacts; 1: to their URIs."""
        return contacts.add_received(self, ctx, in_uri=in_uri != 0)

    # -- session descriptions -------------------------------------------------------------------------------------
    @function(_SDP)
    def fix_nated_sdp(self, ctx: Context, flags: PvInt, ip: Str = "") -> int:
        """Change the session description; 2 when no address had to be replaced.

        1 adds `a=direction:active` to every stream, 2 replaces the addresses of media by `ip` (or where the message
        came from), 4 adds the line of `nortpproxy_str`, 8 replaces the address of the origin.
        """
        return sdp.fix(self, ctx, flags, ip)

    # -- variables ------------------------------------------------------------------------------------------------
    @pv("rr_count")
    def rr_count(self, ctx: Context) -> int | None:
        """Record-Route entries of the message."""
        try:
            return len(ctx.msg.record_routes)
        except SipError:
            return None

    @pv("rr_top_count")
    def rr_top_count(self, ctx: Context) -> int | None:
        """Entries of the topmost proxy: 2 when the first Record-Route has an r2 parameter, 1, or 0 without any."""
        try:
            routes = ctx.msg.record_routes
            return 0 if not routes else 1 if parse_uri(routes[0].uri).r2 is None else 2
        except SipError:
            return None

    @select("nathelper")
    def rewrite_contact(self, parts: tuple[str | int, ...]) -> Callable[[Context], Value]:
        """`@nathelper.rewrite_contact[N]`: contact N with where the message came from; `.nameaddr` parts of it."""
        from kamscript.core.selects import Rest, address_part

        if len(parts) < 2 or parts[0] != "rewrite_contact" or not isinstance(parts[1], int):
            raise FixupError("write @nathelper.rewrite_contact[1]")
        number = parts[1]

        def whole(ctx: Context) -> str | None:
            try:
                return contacts.rewritten(ctx, number)
            except SipError:
                return None

        if len(parts) == 2:
            return whole
        rest = Rest(self.server, parts[2:], f"@nathelper.rewrite_contact[{number}]")
        rest.word({"nameaddr": None})
        return address_part(rest, whole)

    # -- keepalives -----------------------------------------------------------------------------------------------
    @rpc_command("nathelper.enable_ping", since="5.6")
    @missing(500, "No parameter")
    def enable_ping(self, rpc: Rpc, enable: int) -> None:
        """Begin (1) or stop (0) to send keepalives."""
        if self.pinger is None:
            raise rpc.fault(500, "NATping disabled")
        self.pinger.enabled = enable != 0
