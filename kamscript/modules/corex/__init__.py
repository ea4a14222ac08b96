"""corex: branches, sending, sockets, message flags, files, places in the config, own domains, DNS records.

Source: corex manual; src/modules/corex/ of 4.4, 5.6, 6.x.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from kamscript.core.branches import append_current
from kamscript.core.build import branch_base
from kamscript.core.context import Context
from kamscript.core.forward import forward_reply, forward_request
from kamscript.core.multipart import apply_changes
from kamscript.core.running import FAKED_MESSAGE
from kamscript.core.sockets import Datagram, Destination, bracketed
from kamscript.module import (
    Accessor,
    EventRoute,
    FixupError,
    Int,
    Module,
    Param,
    PvRef,
    Route,
    Str,
    function,
    pv_class,
    rpc,
    transformation,
)
from kamscript.modules._hostport import HostPort, parse_host_port
from kamscript.modules._place import current_place
from kamscript.modules._variable_args import Writable
from kamscript.modules.corex.names import Domain, add_record, parse_domain
from kamscript.modules.corex.network import Intercept
from kamscript.modules.kex import MEMORY_MANAGER
from kamscript.script.bind import PvAccessor, TransformationFailed
from kamscript.script.format import accessor_of, format_of
from kamscript.script.pv import parse_pv
from kamscript.sip.contact import parse_q
from kamscript.sip.errors import SipError
from kamscript.sip.message import (
    FL_ADD_SRVID,
    FL_ADD_XAVP_VIA_PARAMS,
    FL_FORCE_RPORT,
    FL_UAC_AUTH,
    FL_USE_UAC_FROM,
    FL_USE_UAC_TO,
    FL_USE_XAVP_VIA_FIELDS,
    Message,
)
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.rpc import Rpc
    from kamscript.core.sockets import ListenSocket
    from kamscript.values import Value

FL_ADD_XAVP_VIA_REPLY_PARAMS = 1 << 27
_FLAGS = {"USE_UAC_FROM": FL_USE_UAC_FROM, "USE_UAC_TO": FL_USE_UAC_TO, "UAC_AUTH": FL_UAC_AUTH}
#: Via parameter that carries the flags of msg_vbflag_set().
VIA_BODY_FLAGS = "kvf"
_SENDING = Route.REQUEST | Route.FAILURE
_STREAMS = frozenset(("tcp", "tls", "ws", "wss"))
_REPLY_OUT = "corex:reply-out"


@runtime_checkable
class FileWriter(Protocol):
    """Files that can be written, where the environment allows it."""

    def write(self, path: str, text: str) -> object:
        """Replace the file's content; raises OSError."""


class Corex(Module, name="corex"):
    """Branches, sending, sockets, message flags, files, places in the config, own domains, DNS records."""

    alias_subdomains = Param(
        "",
        "A domain that, with all names in it, is this server's own: `[proto:]domain[:port]`.",
        repeat=True,
        check=lambda text: None if parse_domain(text) else f"{text!r} is no [proto:]domain[:port]",
    )
    dns_cache = Param(
        "",
        "A record for the DNS cache: `name=...;type=A|AAAA|SRV;addr=...;ttl=...;flags=...`.",
        repeat=True,
        since="5.6",
    )
    dns_file = Param("", "A file with such records, one a line; `#` begins a comment.", repeat=True, since="6.x")
    nio_intercept = Param(0, "1: run event_route[network:msg] over all that comes in and goes out.", since="5.6")
    nio_min_msg_len = Param(0, "Shorter messages do not go there.", since="5.6")
    nio_msg_avp = Param("", "The AVP from which the event route's message is taken back.", since="5.6")
    network_io_intercept = Param(0, "nio_intercept of 4.x.", until="4.4")
    min_msg_len = Param(0, "nio_min_msg_len of 4.x.", until="4.4")
    msg_avp = Param("", "nio_msg_avp of 4.x.", until="4.4")
    evcb_reply_out = Param(
        "",
        "KEMI function for replies made here.",
        since="5.6",
        inert="names a function of a KEMI script; scripts in Kamailio's own language have event_route[corex:reply-out]",
    )

    network_msg = EventRoute("network:msg", "A message came in, not yet read, or goes out; see `nio_intercept`.")
    reply_out = EventRoute(_REPLY_OUT, "A reply leaves. 5.6 has it, but never runs it (corex_sip_reply_out).")

    _intercept: Intercept | None = None

    def start(self) -> None:
        """Take the records, watch the network, answer for domains."""
        server = self.server
        self._domains: list[Domain] = [domain for text in self.alias_subdomains if (domain := parse_domain(text))]
        if self._domains:
            server.hooks.myself.append(self._is_own)
        for text in reversed(self.dns_cache):
            add_record(text, server)
        for path in reversed(self.dns_file):
            self._load_records(path)
        if self.nio_intercept > 0 or self.network_io_intercept > 0:
            self._intercept = Intercept(
                server,
                self._message_avp(self.nio_msg_avp or self.msg_avp),
                max(self.nio_min_msg_len, self.min_msg_len, 0),
            )
            self._intercept.start()
        if server.target not in ("4.4", "5.6") and server.route_function(Route.EVENT, _REPLY_OUT) is not None:
            server.hooks.data_out.append(self._reply_leaves)

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)

    # -- parameters ---------------------------------------------------------------------------------------------------
    def _is_own(self, host: str, port: int, proto: str) -> bool:
        return any(domain.holds(host, port, proto) for domain in self._domains)

    def _load_records(self, path: str) -> None:
        try:
            text = self.server.environment.files.read(path)
        except OSError as error:
            raise FixupError(f"dns_file {path}: {error}") from None
        for line in text.splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                add_record(line, self.server)

    def _message_avp(self, text: str) -> Accessor | None:
        if not text:
            return None
        try:
            name = parse_pv(text).name
        except ValueError as error:
            raise FixupError(f"nio_msg_avp {text!r}: {error}") from None
        if name != "avp":
            raise FixupError(f"nio_msg_avp {text!r} is no AVP")
        return accessor_of(text, self.server)

    # -- events -------------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def is_incoming(self, ctx: Context) -> bool:
        """In event_route[network:msg]: whether the message comes in."""
        # Without intercepting nothing was ever incoming (nio_is_incoming starts as 0).
        return self._intercept is not None and self._intercept.incoming

    def _reply_leaves(self, text: str, socket: ListenSocket, destination: Destination) -> str:
        if text.startswith("SIP/2.0 "):
            ctx = Context(self.server, Message(text), Route.EVENT)
            ctx.onsend = Datagram(socket, destination, text)
            self.server.run_event(_REPLY_OUT, ctx=ctx)
        return text

    # -- branches -----------------------------------------------------------------------------------------------------
    @function(_SENDING)
    def append_branch(self, ctx: Context, uri: Str = "", q: Str = "") -> bool:
        """Add a destination: `uri`, or the request URI with all that belongs to it, which is reset then."""
        quality = -1
        if q:
            parsed = parse_q(q)
            if parsed is None:
                self._error(f"{q!r} is no q value")
                return False
            quality = parsed
        added = append_current(ctx, uri, quality) > 0
        if not uri:
            msg = ctx.msg
            msg.force_send_socket = None
            msg.dst_uri = msg.path = ""
            ctx.bflags = 0
        return added

    # -- sending ------------------------------------------------------------------------------------------------------
    @function(_SENDING, since="5.6")
    @function(_SENDING, name="send", until="4.4")
    def send_udp(self, ctx: Context, destination: Str = "") -> bool:
        """Send the request as it was received to `host:port`, else to the destination URI or the request URI."""
        target = self._target(ctx, destination)
        if target is None:
            return False
        target = target._replace(proto="udp")
        return self._send(target, self.server.get_send_socket(target, ctx.msg.force_send_socket), ctx.msg.buf)

    @function(_SENDING)
    def send_tcp(self, ctx: Context, destination: Str = "") -> bool:
        """Send the request as it was received over TCP to `host:port`, else to its next hop."""
        target = self._target(ctx, destination)
        if target is None:
            return False
        target = target._replace(proto="tcp")
        return self._send(target, self.server.get_send_socket(target), ctx.msg.buf)

    def _target(self, ctx: Context, destination: str) -> Destination | None:
        proto = ""
        if destination:
            # As in the daemon, an IPv6 reference is the only place where a colon does not begin the port.
            end = destination.find(":", destination.find("]") + 1)
            host, port_text = (destination, "5060") if end < 0 else (destination[:end], destination[end + 1 :])
            port = int(port_text) & 0xFFFF if port_text.isascii() and port_text.isdigit() else 0
        else:
            try:
                uri = parse_uri(ctx.msg.dst_uri or ctx.msg.current_uri())
            except SipError as error:
                self._error(f"no destination: {error}")
                return None
            host, port, proto = uri.host, uri.port_no, ""
        return self._resolved(host, port, proto)

    def _resolved(self, host: str, port: int, proto: str) -> Destination | None:
        found = next(self.server.dns.destinations(host, port, proto), None)
        if found is None:
            self._error(f"{host} does not resolve")
        return found

    def _send(self, destination: Destination, socket: ListenSocket | None, text: str) -> bool:
        if socket is None:
            self._error(f"no socket to send to {destination.proto}:{destination.ip}:{destination.port}")
            return False
        self.server.send(socket, destination, text)
        return True

    @function(Route.ANY)
    def send_data(self, ctx: Context, uri: Str, data: Str) -> bool:
        """Send any text to where a SIP URI points."""
        return self._send_data(uri, "", data)

    @function(Route.ANY, since="5.6")
    def sendx(self, ctx: Context, uri: Str, socket: Str, data: Str) -> bool:
        """Send any text to where a SIP URI points from the socket `proto:host:port`."""
        return self._send_data(uri, socket, data)

    def _send_data(self, uri: str, socket_text: str, data: str) -> bool:
        try:
            parsed = parse_uri(uri)
        except SipError as error:
            self._error(f"{uri}: {error}")
            return False
        target = self._resolved(parsed.host, parsed.port_no, parsed.proto)
        if target is None:
            return False
        socket = None
        if socket_text:
            place = parse_host_port(socket_text, self.server)
            if place is None:
                self._error(f"{socket_text} is no socket")
                return False
            socket = self._find_socket(place, socket_text)
        return self._send(target, socket or self.server.get_send_socket(target), data)

    def _find_socket(self, place: HostPort, text: str) -> ListenSocket | None:
        socket = self.server.find_socket(place.host, place.port, place.proto)
        if socket is None:
            self.server.log.warning(self.name, f"no local socket is {text}")
        return socket

    @function(Route.CORE_ONREPLY, since="5.6")
    def forward_reply(self, ctx: Context) -> bool:
        """Send the reply on to its second Via now; the core does so once more behind the route unless it drops."""
        forward_reply(ctx)
        return True

    @function(Route.REQUEST, since="6.x")
    def forward_uac(self, ctx: Context, branch: Int = 0) -> bool:
        """Send the request on as if it started here: the Vias it came with go. `branch` ends its branch parameter."""
        return self._forward_uac(ctx, ctx.msg.dst_uri or ctx.msg.current_uri(), branch)

    @function(Route.REQUEST, since="6.x")
    def forward_uac_uri(self, ctx: Context, uri: Str, branch: Int = 0) -> bool:
        """Send the request to `uri` as if it started here: the Vias it came with go."""
        return self._forward_uac(ctx, uri or ctx.msg.dst_uri or ctx.msg.current_uri(), branch)

    def _forward_uac(self, ctx: Context, text: str, branch: int) -> bool:
        msg = ctx.msg
        if msg.header_error:
            self._error("the headers of the message do not parse")
            return False
        try:
            uri = parse_uri(text)
            changed = msg.clone()
            apply_changes(self.server, changed)
            # The sender's address must not go into the Via that is taken out: let it be there.
            top, came = changed.all("via")[0], changed.received
            via = f"SIP/2.0/{came.proto.upper()} {bracketed(came.src_ip)}:{came.src_port}"
            changed.set_text(f"{changed.buf[: top.value_start]}{via}{changed.buf[top.value_end :]}")
            changed.msg_flags &= ~FL_FORCE_RPORT
            for header in changed.all("via"):
                changed.edits.delete(header.start, header.end - header.start)
            changed.add_to_branch = msg.add_to_branch or f"{branch_base(msg)}.{branch}"
        except SipError as error:
            self._error(f"the request cannot be sent on: {error}")
            return False
        ctx.msg = changed
        try:
            return forward_request(ctx, uri.host, uri.port_no, uri.proto) >= 0
        finally:
            ctx.msg = msg

    @function(Route.ANY, since="6.x")
    def add_tcp_alias(self, ctx: Context, port: Int) -> bool:
        """Use the connection that the message came over for all that goes to the sender's `port` (0: the Via's)."""
        msg = ctx.msg
        if msg.received.proto not in _STREAMS:
            return False
        if port <= 0:
            via = msg.top_via
            if via is None:
                return False
            port = via.port
        self.server.add_stream_alias(msg.received, port)
        return True

    # -- sockets ------------------------------------------------------------------------------------------------------
    @function(Route.ANY, since="5.6")
    def set_send_socket(self, ctx: Context, socket: Str) -> bool:
        """Send the message from the socket `proto:host:port`; True also when there is none like that."""
        return self._set_socket(ctx, socket, self._send_from, named=False)

    @function(Route.ANY, since="5.6")
    def set_send_socket_name(self, ctx: Context, name: Str) -> bool:
        """Send the message from the socket of this name; True also when there is none."""
        return self._set_socket(ctx, name, self._send_from, named=True)

    @function(Route.ANY, since="5.6")
    def set_recv_socket(self, ctx: Context, socket: Str) -> bool:
        """Take the message as received on the socket `proto:host:port`; True also when there is none like that."""
        return self._set_socket(ctx, socket, self._received_on, named=False)

    @function(Route.ANY, since="5.6")
    def set_recv_socket_name(self, ctx: Context, name: Str) -> bool:
        """Take the message as received on the socket of this name; True also when there is none."""
        return self._set_socket(ctx, name, self._received_on, named=True)

    def _set_socket(
        self, ctx: Context, text: str, use: Callable[[Context, ListenSocket], None], *, named: bool
    ) -> bool:
        if not text:
            self._error("no socket is given")
            return False
        if named:
            socket = self.server.names.named(text)
            if socket is None:
                self.server.log.warning(self.name, f"no local socket is called {text}")
        else:
            place = parse_host_port(text, self.server)
            if place is None:
                self._error(f"{text} is no socket")
                return False
            socket = self._find_socket(place, text)
        if socket is not None:
            use(ctx, socket)
        return True

    @staticmethod
    def _send_from(ctx: Context, socket: ListenSocket) -> None:
        ctx.msg.force_send_socket = socket

    @staticmethod
    def _received_on(ctx: Context, socket: ListenSocket) -> None:
        msg = ctx.msg
        msg.received = msg.received._replace(
            proto=socket.proto, dst_ip=socket.address, dst_port=socket.port, socket=socket, connection=0
        )

    @function(Route.ANY, since="5.6")
    def is_socket_name(self, ctx: Context, name: Str) -> bool:
        """Whether a socket has this name."""
        return bool(name) and self.server.names.named(name) is not None

    @function(Route.ANY, since="5.6")
    def set_source_address(self, ctx: Context, address: Str) -> bool:
        """Take the message as received from `[proto:]host[:port]`."""
        place = parse_host_port(address, self.server)
        if place is None:
            self._error(f"{address!r} is no address")
            return False
        found = self._resolved(place.host, place.port, place.proto)
        if found is None:
            return False
        msg = ctx.msg
        msg.received = msg.received._replace(src_ip=found.ip, src_port=place.port)
        return True

    @function(Route.ANY, since="5.6")
    def is_faked_msg(self, ctx: Context) -> bool:
        """Whether the route runs over the message made up for events and timers."""
        return ctx.msg.buf == FAKED_MESSAGE

    # -- flags --------------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def msg_iflag_set(self, ctx: Context, name: Str) -> bool:
        """Set an internal flag of the message: USE_UAC_FROM, USE_UAC_TO, UAC_AUTH."""
        # Up to 6.x the daemon sets every flag there is for a name it does not know (it tests for 1, not -1).
        bit = self._flag(name)
        ctx.msg.msg_flags |= bit
        return bit != 0

    @function(Route.ANY)
    def msg_iflag_reset(self, ctx: Context, name: Str) -> bool:
        """Clear an internal flag of the message."""
        bit = self._flag(name)
        ctx.msg.msg_flags &= ~bit
        return bit != 0

    @function(Route.ANY)
    def msg_iflag_is_set(self, ctx: Context, name: Str) -> int:
        """Whether an internal flag of the message is set: 1, -2; -1 the name is unknown."""
        bit = self._flag(name)
        if not bit:
            return -1
        return 1 if ctx.msg.msg_flags & bit else -2

    def _flag(self, name: str) -> int:
        bit = _FLAGS.get(name.upper(), 0)
        if not bit:
            self._error(f"{name!r} is no flag: {', '.join(_FLAGS)} are known")
        return bit

    @function(Route.ANY, since="5.6")
    def setxflag(self, ctx: Context, flag: Int) -> bool:
        """Set extended flag `flag`, 0 to 63."""
        if not 0 <= flag <= 63:
            return False
        ctx.msg.xflags |= 1 << flag
        return True

    @function(Route.ANY, since="5.6")
    def resetxflag(self, ctx: Context, flag: Int) -> bool:
        """Clear extended flag `flag`, 0 to 63."""
        if not 0 <= flag <= 63:
            return False
        ctx.msg.xflags &= ~(1 << flag)
        return True

    @function(Route.ANY, since="5.6")
    def isxflagset(self, ctx: Context, flag: Int) -> bool:
        """Whether extended flag `flag` is set."""
        return 0 <= flag <= 63 and bool(ctx.msg.xflags >> flag & 1)

    @function(Route.ANY, since="6.x")
    def msg_vbflag_set(self, ctx: Context, flag: Int) -> bool:
        """Set flag `flag`, 0 to 31, that our Via carries in its parameter kvf."""
        if not 0 <= flag <= 31:
            return False
        self._set_via_flags(ctx, ctx.state.get("vbflags", 0) | 1 << flag)
        return True

    @function(Route.ANY, since="6.x")
    def msg_vbflag_reset(self, ctx: Context, flag: Int) -> bool:
        """Clear flag `flag` of the Via parameter kvf."""
        if not 0 <= flag <= 31:
            return False
        self._set_via_flags(ctx, ctx.state.get("vbflags", 0) & ~(1 << flag))
        return True

    @function(Route.ANY, since="6.x")
    def msg_vbflag_is_set(self, ctx: Context, flag: Int) -> bool:
        """Whether flag `flag` of the Via parameter kvf is set."""
        return 0 <= flag <= 31 and bool(ctx.state.get("vbflags", 0) >> flag & 1)

    @function(Route.ANY, since="6.x")
    def msg_vbflag_parse(self, ctx: Context, unused: Int) -> bool:
        """Take the flags that the first Via of a reply brings back."""
        via = ctx.msg.top_via
        for param in via.params if via is not None else ():
            if param.name.lower() == VIA_BODY_FLAGS and param.value:
                try:
                    self._set_via_flags(ctx, int(param.value, 16) & 0xFFFFFFFF)
                except ValueError:
                    self._set_via_flags(ctx, 0)
                return True
        return False

    def _set_via_flags(self, ctx: Context, flags: int) -> None:
        ctx.state["vbflags"] = flags
        if self._via_param not in self.server.hooks.via_params:
            self.server.hooks.via_params.append(self._via_param)

    def _via_param(self, ctx: Context, socket: ListenSocket) -> str:
        flags = ctx.state.get("vbflags", 0)
        return f";{VIA_BODY_FLAGS}={flags:x}" if flags else ""

    @function(Route.ANY, since="5.6")
    def via_add_srvid(self, ctx: Context, on: Int) -> bool:
        """Let our Via carry `srvid`, or not."""
        return self._switch(ctx, FL_ADD_SRVID, on)

    @function(Route.ANY, since="5.6")
    def via_add_xavp_params(self, ctx: Context, on: Int) -> bool:
        """Let our Via carry the fields of the XAVP that `xavp_via_params` names, or not."""
        return self._switch(ctx, FL_ADD_XAVP_VIA_PARAMS, on)

    @function(Route.ANY, since="5.6")
    def via_use_xavp_fields(self, ctx: Context, on: Int) -> bool:
        """Let our Via show the address and port in the XAVP that `xavp_via_fields` names, or not."""
        return self._switch(ctx, FL_USE_XAVP_VIA_FIELDS, on)

    @function(Route.ANY, since="6.x")
    def via_reply_add_xavp_params(self, ctx: Context, on: Int) -> bool:
        """Let the Via of replies carry the fields of the XAVP that `xavp_via_reply_params` names, or not."""
        return self._switch(ctx, FL_ADD_XAVP_VIA_REPLY_PARAMS, on)

    def _switch(self, ctx: Context, bit: int, on: int) -> bool:
        if on:
            ctx.msg.msg_flags |= bit
        else:
            ctx.msg.msg_flags &= ~bit
        return True

    # -- files --------------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def file_read(self, ctx: Context, path: Str, target: Writable) -> bool:
        """Store the content of a file in a pseudo-variable."""
        if not path:
            self._error("no file is given")
            return False
        try:
            text = self.server.environment.files.read(path)
        except OSError as error:
            self._error(f"cannot read {path}: {error}")
            return False
        assert target.set is not None, "the fix-up checked it"
        target.set(ctx, text)
        return True

    @function(Route.ANY)
    def file_write(self, ctx: Context, path: Str, text: Str) -> bool:
        """Replace the content of a file."""
        if not path or not text:
            self._error("no file is given" if not path else "there is nothing to write")
            return False
        files = self.server.environment.files
        try:
            if not isinstance(files, FileWriter):
                raise OSError("files cannot be written here")
            files.write(path, text)
        except OSError as error:
            self._error(f"cannot write {path}: {error}")
            return False
        return True

    # -- variables ----------------------------------------------------------------------------------------------------
    @pv_class("cfg")
    def cfg(self, ref: PvRef) -> Accessor:
        """`$cfg(line)`, `$cfg(name)` or `$cfg(file)`, `$cfg(route)`: where in the config this stands."""
        part = str(ref.inner)
        if part not in ("line", "name", "file", "route"):
            raise FixupError(f"$cfg({part}): line, name, file and route are known")

        def read(ctx: Context) -> Value:
            place = current_place(ctx.server)
            if place is None:
                return 0 if part == "line" else None
            if part == "line":
                return place.line
            return _route_name(place.route) if part == "route" else place.path

        return Accessor(read)

    @pv_class("lsock", since="5.6")
    def lsock(self, ref: PvRef) -> Accessor:
        """`$lsock(match/value/field)`: a listen socket found by its name, listen or advertise text: that field of it.

        `match` is n, l or a (i finds the first socket whatever the value); `field` begins with n, l, a or i and has
        two letters at least, such as `name`, `listen`, `advertise`, `index`.
        """
        expression = format_of(str(ref.inner), self.server)

        def find(ctx: Context) -> Value:
            text = expression(ctx)
            match, _, rest = text.partition("/")
            value, slash, field = rest.partition("/")
            if "/" in field or not slash or len(field) < 2 or match not in _MATCHES or field[0] not in _MATCHES:
                self._error(f"$lsock({text}) wants match/value/field")
                raise TransformationFailed
            found = next(
                (socket for socket in self.server.sockets if match == "i" or _field(socket, match) == value), None
            )
            return None if found is None else _field(found, field[0])

        def get(ctx: Context) -> Value:
            try:
                return find(ctx)
            except TransformationFailed:
                return None

        def expand(ctx: Context) -> str:
            try:
                value = find(ctx)
            except TransformationFailed:
                return ""
            return "<null>" if value is None else str(value)

        return PvAccessor(get, None, f"$lsock({ref.inner})", expand=expand)

    @pv_class("atkv", since="6.x")
    def atkv(self, ref: PvRef) -> Accessor:
        """`$atkv(type)`, `$atkv(key)`, `$atkv(val)`, `$atkv(gname)`: the event that an asynchronous worker handles."""
        part = str(ref.inner)
        if part not in ("type", "key", "val", "gname"):
            raise FixupError(f"$atkv({part}): type, key, val and gname are known")
        return Accessor(lambda ctx: ctx.state.get("atkv", {}).get(part))

    @transformation("sock")
    def sock_class(self, args: tuple[str, ...]) -> Callable[[Context, Value], Value]:
        """`{sock.host}`, `{sock.port}`, `{sock.proto}`, `{sock.touri}` of a text `proto:host:port`."""
        part = args[0].strip().lower() if args else ""
        if part not in ("host", "port", "proto", "touri"):
            raise FixupError(f"{{sock.{part}}}: host, port, proto and touri are known")

        def transform(ctx: Context, value: Value) -> Value:
            if value is None:
                raise TransformationFailed
            place = parse_host_port(str(value), self.server)
            if place is None:
                self._error(f"{value} is no socket")
                raise TransformationFailed
            return _touri(place) if part == "touri" else getattr(place, part if part == "host" else f"{part}_text")

        return transform

    # -- commands -----------------------------------------------------------------------------------------------------
    @rpc("corex.list_sockets")
    def list_sockets(self, rpc: Rpc) -> None:
        """The sockets this server listens on."""
        for socket in self.server.sockets:
            struct = rpc.struct(PROTO=socket.proto, NAME=socket.host)
            struct.struct("ADDRLIST").add("ADDR", socket.address)
            for name, value in (
                ("PORT", str(socket.port)),
                ("MCAST", "no"),
                ("MHOMED", "no"),
                ("VIRTUAL", "yes" if socket.virtual else "no"),
                ("SOCKNAME", socket.name or "-"),
                ("ADVERTISE", socket.advertise_host or "-"),
            ):
                struct.add(name, value)

    @rpc("corex.list_aliases")
    def list_aliases(self, rpc: Rpc) -> None:
        """The other names of this server."""
        for alias in self.server.names.aliases:
            rpc.struct(PROTO=alias.proto or "*", ADDR=alias.host, PORT=alias.port)

    @rpc("corex.debug", since="5.6")
    def debug(self, rpc: Rpc, level: int | None = None) -> None:
        """The log level; with an argument, set it."""
        old = self.server.cfg.core["debug"]
        if level is None:
            rpc.struct(debug=old)
            return
        self.server.cfg.set("core", "debug", level)
        rpc.struct(old=old, new=level)

    @rpc("corex.pkg_summary")
    def pkg_summary(self, rpc: Rpc, *selection: str | int) -> None:
        """Log the private memory of a process, by `idx` or `pid`. There is one process here, its index is 0."""
        if len(selection) < 2 or not isinstance(selection[1], int):
            raise rpc.fault(400, "Selector and value not provided")
        selector, number = str(selection[0]), selection[1]
        if len(selector) != 3:
            raise rpc.fault(500, "Unsupported selector")
        if selector.lower() == "idx":
            if number != 0:
                raise rpc.fault(500, "Index value out of range")
            number = self.server.environment.pid
        elif selector.lower() != "pid":
            raise rpc.fault(500, "Unsupported selector type")
        self.server.cfg.set("core", "mem_dump_pkg", number)

    @rpc("corex.shm_status")
    @rpc("corex.shm_summary")
    def shm_summary(self, rpc: Rpc) -> None:
        """Log the state of shared memory (with debug 3 or more): a pool that nothing uses."""
        self.server.log.write(3, self.name, f"shared memory: {self._shared_memory()} bytes, all free")

    @rpc("shm.info", since="5.6")
    def shm_info(self, rpc: Rpc) -> None:
        """The manager and the size of shared memory."""
        rpc.struct(name=MEMORY_MANAGER, size=float(self._shared_memory()))

    @rpc("shm.stats", since="5.6")
    def shm_stats(self, rpc: Rpc) -> None:
        """Shared memory in numbers."""
        total = float(self._shared_memory())
        rpc.struct(total=total, free=total, used=0.0, real_used=0.0, max_used=0.0, fragments=1.0)

    @rpc("shm.report", since="5.6")
    def shm_report(self, rpc: Rpc) -> None:
        """Shared memory and its largest and smallest fragments."""
        total = float(self._shared_memory())
        members: list[tuple[str, Any]] = [("total_size", total), ("free_size_s", total)]
        members += [(name, 0.0) for name in ("used_size_s", "real_used_s", "max_used_s")]
        members += [("free_frags", 1.0), ("used_frags", 0.0), ("total_frags", 1.0)]
        for which in ("max_free", "max_used", "min_free", "min_used"):
            members += _fragment(which, total if which.endswith("free") else 0.0)
        rpc.struct(**dict(members))

    @rpc("shm.rprint", since="6.x")
    def shm_rprint(self, rpc: Rpc, path: str, filter: str) -> None:
        """Write the fragments whose file or function matches to a file: there are none."""
        files = self.server.environment.files
        try:
            if not isinstance(files, FileWriter):
                raise OSError("files cannot be written here")
            files.write(path, "")
        except OSError as error:
            self._error(f"cannot write {path}: {error}")
            raise rpc.fault(500, "Cannot open file") from None

    def _shared_memory(self) -> int:
        return int(self.server.settings["shm_mem"]) * 1024 * 1024


_MATCHES = ("n", "l", "a", "i")


def _field(socket: ListenSocket, letter: str) -> str | int:
    if letter == "n":
        return socket.name
    if letter == "l":
        return socket.text
    if letter == "i":
        return socket.index
    if not socket.advertise_host:
        return ""
    return f"{socket.proto}:{socket.via_host}:{socket.via_port}"


def _route_name(block: str) -> str:
    """What Kamailio calls a route block."""
    kind, bracket, name = block.partition("[")
    if bracket:
        return name.rstrip("]")
    plain = {"request_route": "DEFAULT_ROUTE", "route": "DEFAULT_ROUTE"}
    return plain.get(kind, f"DEFAULT_{kind.removesuffix('_route').upper()}")


def _touri(place: HostPort) -> str:
    if not place.host:
        return ""
    port = f":{place.port_text}" if place.port_text else ""
    transport = f";transport={place.proto_text}" if place.proto_text else ""
    return f"sip:{place.host}{port}{transport}"


def _fragment(which: str, size: float) -> Iterable[tuple[str, Any]]:
    yield f"{which}_frag_size", size
    for part in ("file", "func", "mname"):
        yield f"{which}_frag_{part}", ""
    yield f"{which}_frag_line", 0.0
