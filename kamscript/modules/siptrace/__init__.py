"""siptrace: copies of messages for a collector or a table.

hep.py         the format of collectors
record.py      what is traced of one message
sending.py     where copies go
following.py   transactions, dialogs and stateless replies
everything.py  all that comes and goes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from kamscript.core.rpc import missing
from kamscript.module import (
    Accessor,
    EventRoute,
    Fixup,
    FixupError,
    Module,
    Param,
    PvRef,
    Route,
    Statistic,
    Str,
    function,
    pv_class,
)
from kamscript.module import rpc as rpc_command
from kamscript.modules._hostport import socket_parts
from kamscript.modules.pv.variables import avp_key
from kamscript.modules.siptrace.everything import Everything
from kamscript.modules.siptrace.following import Follow, Following
from kamscript.modules.siptrace.record import Record, receiver, sender, target
from kamscript.modules.siptrace.sending import Copies
from kamscript.sip.message import FL_SIPTRACE

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc
    from kamscript.core.server import Server
    from kamscript.core.sockets import Destination
    from kamscript.sip.message import Message
    from kamscript.values import Value

_NULL: Final = "<null>"
_MAX_FLAG: Final = 31
_ALL, _NETWORK, _SCRIPT = 0, 1, 2


class _KindFixup(Fixup):
    """One of the letters m (message), t (transaction), d (dialog)."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> str:
        found = text.lower().replace(" ", "").replace("\t", "")
        wrong = found.strip("mtd")
        if wrong:
            raise FixupError(f"invalid character {wrong[0]!r} in {text!r}: m, t and d are possible")
        if len(found) != 1:
            raise FixupError(f"{text!r}: one of m, t and d is wanted")
        return found


if TYPE_CHECKING:
    Kind = str
else:
    Kind = Annotated[str, _KindFixup()]


class Siptrace(Module, name="siptrace"):
    """Send copies of SIP messages to a collector, or keep them in a table."""

    db_url = Param("mysql://kamailio:kamailiorw@localhost/kamailio", "URL of the database with the table.")
    table = Param("sip_trace", "Table that messages are kept in.")
    date_column = Param("time_stamp", "Column with the time.")
    callid_column = Param("callid", "Column with the Call-ID.")
    traced_user_column = Param("traced_user", "Column with the traced user.")
    msg_column = Param("msg", "Column with the message.")
    method_column = Param("method", "Column with the method.")
    status_column = Param("status", "Column with the status of a reply.")
    fromip_column = Param("fromip", "Column with the address that it came from.")
    toip_column = Param("toip", "Column with the address that it went to.")
    fromtag_column = Param("fromtag", "Column with the From tag.")
    totag_column = Param("totag", "Column with the To tag.")
    direction_column = Param("direction", "Column with `in` or `out`.")
    trace_flag = Param(-1, "Message flag: sip_trace() follows the transaction; -1 none.")
    trace_on = Param(0, "1: trace; siptrace.status changes it.")
    traced_user_avp = Param("", "AVP with users whose messages are traced; each gets a row.")
    trace_table_avp = Param("", "AVP with the name of the table.")
    duplicate_uri = Param("", "SIP URI that copies are sent to.")
    trace_to_database = Param(1, "0: no rows.")
    trace_local_ip = Param("", "What is told in place of the own address.")
    trace_sl_acks = Param(1, "0: not the ACKs to stateless replies.")
    xheaders_write = Param(0, "1: copies carry X-Siptrace-... headers with what the receiver cannot know.")
    xheaders_read = Param(0, "1: messages carry these headers; what they say counts.")
    hep_mode_on = Param(0, "1: copies are HEP, 0: SIP.")
    hep_version = Param(1, "Version of HEP: 1, 2 or 3.")
    hep_capture_id = Param(1, "Number of this server in HEP 2 and 3.")
    auth_key = Param("", "Key in HEP 3.", since="5.6")
    force_send_sock = Param("", "Local socket that copies leave by, as a SIP URI.")
    send_sock_addr = Param("", "The newer name of force_send_sock.", since="5.6")
    send_sock_name = Param("", "Name of this socket.", since="5.6")
    trace_delayed = Param(0, "1: INSERT DELAYED where the database knows it.")
    trace_db_mode = Param(
        0, "1: INSERT DELAYED where the database knows it; 2: asynchronous, which waits here too.", since="5.6"
    )
    trace_init_mode = Param(0, "1: only trace_mode, 2: only what scripts ask for, 0: both.", since="5.6")
    trace_mode = Param(0, "Trace all that comes and goes: 1 by HEP, 2 in the table, 4 as SIP to duplicate_uri; a sum.")
    data_mode = Param(0, "1: trace_mode tells advertised addresses.", since="6.x")
    trace_dialog_ack = Param(-1, "1: following a dialog, also the ACK to the 2xx; -1: in 6.x.", since="6.x")
    trace_dialog_spiral = Param(-1, "1: follow dialogs whose INVITE comes again; -1: in 6.x.", since="6.x")
    trace_ephemeral_socket = Param(
        0,
        "1: trace_mode tells the local port of outgoing connections.",
        since="6.x",
        inert="a connection is opened behind the moment at which the copy is made",
    )
    evcb_msg = Param("", "KEMI function for trace_mode.", since="5.6", inert="routes are not written in KEMI here")

    msg = EventRoute("siptrace:msg", "trace_mode is about to trace a message; drop leaves it out.")

    traced_requests = Statistic("traced_requests", "Requests that were kept in the table.")
    traced_replies = Statistic("traced_replies", "Replies that were kept in the table.")

    following: Following | None = None
    socket_uri = ""  #: the local socket that copies leave by
    shown: Record | None = None  #: what $siptrace(...) shows

    def start(self) -> None:
        """Check the parameters; reach the other modules."""
        if self.hep_version not in (1, 2, 3):
            raise FixupError("unsupported version of HEP: 1, 2 and 3 are possible")
        self.on = self.trace_on != 0
        self.socket_uri = self.send_sock_addr or self.force_send_sock
        self.copies = Copies(self)
        self._flag = 0
        self._users = self._table = None
        if self.trace_init_mode in (_ALL, _SCRIPT):
            if not -1 <= self.trace_flag <= _MAX_FLAG:
                raise FixupError(f"invalid trace flag {self.trace_flag}")
            self._flag = 1 << self.trace_flag if self.trace_flag >= 0 else 0
            self.following = Following(self)
            self._users, self._table = self._avp(self.traced_user_avp), self._avp(self.trace_table_avp)
        if self.trace_init_mode == _NETWORK and not self.trace_mode:
            raise FixupError("trace_init_mode 1 needs a trace_mode")

    def _avp(self, text: str) -> int | str | None:
        if not text:
            return None
        if not (text.startswith("$avp(") and text.endswith(")")):
            raise FixupError(f"malformed or non AVP {text} AVP definition")
        return avp_key(text[5:-1])

    def ready(self) -> None:
        """Connect; begin to see everything, behind the modules that change what leaves."""
        self.copies.connect()
        if self.trace_mode and self.trace_init_mode in (_ALL, _NETWORK):
            everything = Everything(self)
            self.server.hooks.data_in.insert(0, everything.received)
            self.server.hooks.data_out.append(everything.sent)

    # -- for the other files --------------------------------------------------------------------------------------
    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(self.name, text)

    def newer(self, param: str) -> bool:
        """Whether a parameter of 6.x is on, by itself in that generation."""
        value: int = getattr(self, param)
        return value != 0 if value >= 0 else self.server.target == "6.x"

    def users(self, ctx: Context) -> list[str]:
        """The traced users of a message."""
        return [] if self._users is None else [str(value) for value in ctx.avps.lists.get(self._users, ())]

    def table_of(self, ctx: Context) -> str:
        """The table for a message."""
        value = None if self._table is None else ctx.avps.get(self._table)
        return value if isinstance(value, str) and value else self.table

    def own(self, address: str, mine: bool) -> str:
        """An address as it is told: another one in place of mine with trace_local_ip."""
        return self.trace_local_ip if mine and self.trace_local_ip else address

    def trace(
        self,
        ctx: Context,
        msg: Message,
        destination: Destination | None = None,
        correlation_id: str | None = None,
    ) -> bool:
        """Trace one message: what came, or in an onsend_route what leaves."""
        if not self.on and not self.users(ctx):
            return False
        sent = ctx.onsend
        if sent is None:
            where = self.own(receiver(msg.received), True)
            record = Record(msg.buf, sender(msg.received), where, "in")
        else:
            where = target(sent.to, sent.socket.proto)
            record = Record(sent.text, self.own(sent.socket.text, True), where, "out")
        problem = record.describe(msg)
        if problem is not None:
            self.error(problem)
            return False
        record.is_reply = not msg.is_request
        if record.is_reply:
            record.status = str(msg.status)
        return self.copies.store(record, ctx, destination, correlation_id)

    # -- functions ------------------------------------------------------------------------------------------------
    @function(Route.ANY, name="sip_trace")
    def sip_trace_plain(self, ctx: Context) -> bool:
        """Trace the message; with trace_flag set its transaction."""
        destination = None
        if not self.trace_to_database:
            if not self.duplicate_uri:
                return self._no_uri()
            if self.copies.resolve_text("") is None:
                self.error("failed to parse uri!")
                return False
        return self._run(ctx, destination, None, None, self._kind(ctx))

    @function(Route.ANY, name="sip_trace")
    def sip_trace_uri(self, ctx: Context, uri: Str) -> bool:
        """The same, with copies to this SIP URI; empty or null: to duplicate_uri."""
        return self._to(ctx, uri, None, self._kind(ctx))

    @function(Route.ANY, name="sip_trace", since="5.6")
    def sip_trace_correlated(self, ctx: Context, uri: Str, correlation_id: Str) -> bool:
        """The same, with a correlation id in HEP 3."""
        return self._to(ctx, uri, correlation_id, self._kind(ctx))

    @function(Route.ANY, since="5.6")
    def sip_trace(self, ctx: Context, uri: Str, correlation_id: Str, kind: Kind) -> bool:
        """The same for m the message, t its transaction, d the dialog that it starts."""
        return self._to(ctx, uri, correlation_id, kind)

    @function(Route.ANY, since="5.6")
    def sip_trace_mode(self, ctx: Context, kind: Str) -> bool:
        """Trace m the message, t its transaction; copies go to duplicate_uri. d needs the URI of sip_trace()."""
        letter = kind[:1].lower()
        if not letter:
            self.server.log.info(self.name, "no tracing mode - trace message")
        elif letter not in "mtd":
            self.server.log.info(self.name, f"unexpected tracing mode [{kind}] - trace message")
            letter = "m"
        return self._run(ctx, None, None, None, letter or "m")

    @function(Route.ANY, since="6.x")
    def sip_trace_msg(
        self, ctx: Context, text: Str, source: Str, destination: Str, uri: Str, correlation_id: Str
    ) -> bool:
        """Send a text as HEP as if it had gone from one `proto:address:port` to another."""
        for value, name in ((text, "msg data"), (source, "msg source address"), (destination, "msg target address")):
            if not value:
                self.error(f"invalid {name} parameter")
                return False
        to = self.copies.resolve_text(uri)
        if to is None:
            self.error("failed to parse mirroring destination uri")
            return False
        self.copies.send_hep(text, source, destination, to, correlation_id)
        return True

    @function(Route.ANY, since="5.6", name="hlog")
    def hlog_plain(self, ctx: Context, line: Str) -> bool:
        """Send a line of the log to duplicate_uri, by HEP 3, with the Call-ID as correlation id."""
        if not ctx.msg.callid:
            self.error("cannot parse Call-Id header")
            return False
        return self.copies.send_log(ctx.msg.callid, line)

    @function(Route.ANY, since="5.6")
    def hlog(self, ctx: Context, correlation_id: Str, line: Str) -> bool:
        """The same with another correlation id."""
        return self.copies.send_log(correlation_id, line)

    def _kind(self, ctx: Context) -> str:
        return "t" if ctx.msg.flags & self._flag else "m"

    def _no_uri(self) -> bool:
        self.error("no duplicate_uri modparam nor duplicate uri sip_trace() argument provided!")
        return False

    def _to(self, ctx: Context, uri: str, correlation_id: str | None, kind: str) -> bool:
        if uri == _NULL:
            if not self.duplicate_uri:
                return self._no_uri()
            uri = self.duplicate_uri
        destination = self.copies.resolve_text(uri)
        if destination is None:
            self.error("failed to parse uri!")
            return False
        return self._run(ctx, destination, uri, correlation_id, kind)

    def _run(
        self, ctx: Context, destination: Destination | None, uri: str | None, correlation_id: str | None, kind: str
    ) -> bool:
        """sip_trace_helper of siptrace.c."""
        msg = ctx.msg
        if kind != "m":
            following = self.following
            if following is None or following.tm is None:
                self.server.log.warning(self.name, "TM module not loaded! Tracing only current message!")
            elif msg.is_request and following.is_known(ctx):
                return True
            elif kind == "d" and following.dialog is None:
                self.server.log.warning(self.name, "DIALOG module not loaded! Tracing only current message!")
            elif not msg.is_request or (kind == "d" and msg.method != "INVITE"):
                what, where = ("transaction", "request message") if kind == "t" else ("dialog", "initial invite")
                self.server.log.warning(
                    self.name, f"When tracing a {what} sip_trace() has to be initiated on the {where}"
                )
                return False
            else:
                follow = Follow(uri, correlation_id)
                if kind == "d":
                    if uri is None:
                        self.error("failed to serialize siptrace info! Won't trace dialog!")
                        return False
                    following.dialog_ahead(ctx, follow)
                following.transaction(ctx, msg, follow)
                if not msg.msg_flags & FL_SIPTRACE:
                    return True
        return self.trace(ctx, msg, destination, correlation_id)

    # -- variables and commands -----------------------------------------------------------------------------------
    @pv_class("siptrace", since="5.6")
    def siptrace(self, ref: PvRef) -> Accessor:
        """In event_route[siptrace:msg]: `src_addr`, `dst_addr` (proto:host:port) and their parts `..._host`,
        `..._hostip` (IPv6 without brackets), `..._port`, `..._proto`, and `direction` (in or out)."""
        name = ref.inner if isinstance(ref.inner, str) else ""
        side, _, part = name.partition("_")
        if name != "direction" and (
            side not in ("src", "dst") or part not in ("addr", "host", "hostip", "port", "proto")
        ):
            raise FixupError(f"unknown name {name!r} of $siptrace: src_addr, dst_addr, src_host... and direction are")

        def get(ctx: Context) -> Value:
            record = self.shown
            if record is None:
                return None
            if name == "direction":
                return record.direction
            address = record.source if side == "src" else record.destination
            if part == "addr":
                return address
            parts = socket_parts(address)
            if parts is None:
                self.error(f"invalid {side}_addr: {address}")
                return None
            proto, host, port = parts
            if part == "hostip":
                host = host.removeprefix("[").removesuffix("]")
            return port if part == "port" else proto if part == "proto" else host

        return Accessor(get)

    @rpc_command("siptrace.status")
    @missing(500, "Not enough parameters (on, off or check)")
    def status(self, rpc: Rpc, word: str) -> None:
        """Turn tracing `on` or `off`, or `check` what it is."""
        asked = word.lower()
        if asked.startswith("on"):
            self.on = True
        elif asked.startswith("off"):
            self.on = False
        elif not asked.startswith("check"):
            raise rpc.fault(500, "Bad parameter (on, off or check)")
        rpc.add("Enabled" if self.on else "Disabled")
