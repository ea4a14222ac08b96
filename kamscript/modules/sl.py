"""sl: stateless replies, and the filter that absorbs the ACKs to them (sl/sl_funcs.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.build import build_local_reply
from kamscript.core.context import Context
from kamscript.core.errors import error_reply
from kamscript.core.forward import forward_reply, reply_destination
from kamscript.core.rpc import Rpc, Struct
from kamscript.core.sockets import SEND_CLOSE, SEND_NO_CONNECT, Datagram
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
)
from kamscript.modules._reply_args import ReplyCode, ReplyText, code_of, reason_of
from kamscript.modules.tm.redirect import contact_header
from kamscript.modules.tm.tags import Tags
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_MSG_NOREPLY, Message

if TYPE_CHECKING:
    from kamscript.core.server import RouteFunction, Server
    from kamscript.modules.tm import Tm
    from kamscript.values import Value

#: What `Sl.register_callback` can ask for (SLCB_*).
SLCB_REPLY_READY: Final = 1 << 0
SLCB_ACK_FILTERED: Final = 1 << 1

#: `(ctx, kind, code, reason, reply text, destination)`
SlCallback = Callable[["Context", int, int, str, str, Any], object]

#: How long behind a stateless reply ACKs are looked at, seconds (SL_RPL_WAIT_TIME).
ACK_WAIT: Final = 2.0

_REPLYING: Final = Route.REQUEST | Route.ONREPLY | Route.FAILURE

#: Codes that are counted one by one; every class has a counter for the rest.
_COUNTED: Final = frozenset((200, 202, 300, 301, 302, 400, 401, 403, 404, 407, 408, 483, 500))
_STATISTICS: Final = (
    "1xx", "200", "202", "2xx", "300", "301", "302", "3xx", "400", "401", "403", "404", "407", "408", "483", "4xx",
    "500", "5xx", "6xx", "xxx",
)  # fmt: skip


class Sl(Module, name="sl"):
    """Reply without state. The methods `sl_reply`, `freply`, ... are what other modules use (Kamailio's sl_api_t)."""

    default_code = Param(500, "Code when the argument has no value.")
    default_reason = Param("Internal Server Error", "Reason phrase when the argument has no value.")
    bind_tm = Param(1, "send_reply() replies through the transaction when there is one.")
    rich_redirect = Param(0, "Contacts of a 3xx carry branch flags (1) and Path (2).", since="5.6")
    event_callback_fl_ack = Param(
        "", "KEMI function for filtered ACKs.", since="5.6", inert="routes are not written in KEMI here"
    )
    event_callback_lres_sent = Param(
        "", "KEMI function for sent replies.", since="5.6", inert="routes are not written in KEMI here"
    )

    filtered_ack = EventRoute("sl:filtered-ack", "An ACK to a stateless reply was absorbed.")
    local_response = EventRoute("sl:local-response", "A stateless reply was sent.")

    def __init__(self, server: Server) -> None:
        """Modules loaded before this one register callbacks, too."""
        super().__init__(server)
        self.callbacks: list[tuple[int, SlCallback]] = []

    def start(self) -> None:
        """Watch for ACKs to what is replied here; count replies by code."""
        server = self.server
        self.tags = Tags(server, "KAMAILIO-stateless", ".")
        self.counts: dict[str, int] = dict.fromkeys(_STATISTICS, 0)
        self.failures = self.filtered_acks = self.error_replies = 0
        self.until = server.timers.now
        self.tm: Tm | None = server.modules.get("tm") if self.bind_tm else None  # type: ignore[assignment]
        server.hooks.pre_script.append(self.filter_ack)
        server.statistics.later(self._declare)

    def _declare(self) -> None:
        """Declare the statistics."""
        statistics = self.server.statistics
        for name in _STATISTICS:
            statistics.add("sl", f"{name}_replies", lambda name=name: self.counts[name])  # type: ignore[misc]
        statistics.add("sl", "sent_replies", lambda: sum(self.counts.values()))
        statistics.add("sl", "sent_err_replies", lambda: self.error_replies)
        statistics.add("sl", "failures", lambda: self.failures)
        statistics.add("sl", "received_ACKs", lambda: self.filtered_acks)

    def ready(self) -> None:
        """tm may have been loaded behind sl."""
        if self.bind_tm and self.tm is None:
            found: Any = self.server.modules.get("tm")
            self.tm = found if found is not None and hasattr(found, "reply") else None

    # -- for other modules ----------------------------------------------------------------------------------------
    def register_callback(self, kinds: int, callback: SlCallback) -> None:
        """Hear SLCB_* events; the last registered is told first."""
        self.callbacks.insert(0, (kinds, callback))

    def _tell(self, kind: int, ctx: Context, code: int, reason: str, text: str, destination: Any) -> None:
        for kinds, callback in self.callbacks:
            if kinds & kind:
                callback(ctx, kind, code, reason, text, destination)

    def stateless_totag(self, ctx: Context) -> str:
        """The to-tag of stateless replies to the current request (sl_get_reply_totag)."""
        return self.tags.make(ctx.msg)

    def get_reply_totag(self, ctx: Context) -> str:
        """The to-tag that a reply to the current request carries: the transaction's, or the stateless one."""
        if self.tm is not None and ctx.t is not None:
            return self.tm.reply_totag(ctx)
        return self.tags.make(ctx.msg)

    def sl_reply(self, ctx: Context, code: int, reason: str, totag: str = "") -> int:
        """Reply without a transaction: 1 sent; -1 not (an ACK, or nowhere to go); -2 the message forbids replies.

        `totag` overrides the tag that the reply gets when the request has none (sl_send_reply_dlg).
        """
        msg = ctx.msg
        if msg.method_id == "ACK":
            return self._failed()
        if msg.msg_flags & FL_MSG_NOREPLY:
            self.server.log.info("sl", "message marked with no-reply flag")
            return -2
        destination = reply_destination(ctx, msg)
        if destination is None:
            via = msg.top_via
            self.server.log.error("sl", f"cannot lookup reply dst: {via.host if via is not None else ''}")
            return self._failed()
        if 300 <= code < 400:
            contacts = contact_header(ctx, self.rich_redirect)
            if contacts:
                msg.add_reply_header(contacts)
        to = msg.to
        if code >= 180 and to is not None and not to.tag:
            totag = totag or self.tags.make(msg)
        else:
            totag = ""
        text = build_local_reply(ctx, msg, code, reason, totag)
        if not text:
            return self._failed()
        if self.callbacks:
            self._tell(SLCB_REPLY_READY, ctx, code, reason, text, destination)
        server = self.server
        self.until = server.timers.now + ACK_WAIT
        socket = msg.received.socket
        server.send(socket, destination, text)
        event = server.route_function(Route.EVENT, "sl:local-response")
        if event is not None:
            self._local_response(event, Datagram(socket, destination, text), msg.is_sip)
        self._count(code)
        return 1

    def _failed(self) -> int:
        self.failures += 1
        return -1

    def _local_response(self, event: RouteFunction, sent: Datagram, is_sip: bool) -> None:
        """event_route[sl:local-response] over the reply as it left."""
        try:
            reply = Message(sent.text)
        except SipError:
            if is_sip:
                self.server.log.error("sl", "local response does not parse")
            return
        ctx = Context(self.server, reply, Route.LOCAL)
        ctx.onsend = sent
        self.server.run_top(event, ctx)

    def _count(self, code: int) -> None:
        if not 200 <= code < 700:
            self.counts["xxx"] += 1
        elif code in _COUNTED:
            self.counts[str(code)] += 1
        else:
            self.counts[f"{code // 100}xx"] += 1

    def freply(self, ctx: Context, code: int, reason: str) -> int:
        """What send_reply() does: through the transaction when the message has one, else without."""
        msg = ctx.msg
        if msg.msg_flags & FL_MSG_NOREPLY:
            self.server.log.info("sl", "message marked with no-reply flag")
            return -2
        if self.tm is not None and ctx.t is not None:
            if self.tm.reply(ctx, code, reason) < 0:
                self.server.log.error("sl", "failed to reply stateful (tm)")
                return -1
            return 1
        if not msg.is_request:
            return -1
        return self.sl_reply(ctx, code, reason)

    # -- the filter -----------------------------------------------------------------------------------------------
    def filter_ack(self, ctx: Context) -> bool:
        """The core's hook before request routes: False for an ACK to a stateless reply, which ends here."""
        msg = ctx.msg
        if msg.method != "ACK" or self.until <= self.server.timers.now or ctx.route is not Route.REQUEST:
            return True
        to = msg.to
        if to is None or len(to.tag) != 41 or to.tag != self.tags.make(msg):
            return True
        self.filtered_acks += 1
        if self.callbacks:
            self._tell(SLCB_ACK_FILTERED, ctx, 0, "", "", None)
        event = self.server.route_function(Route.EVENT, "sl:filtered-ack")
        if event is not None:
            self.server.run_top(event, ctx)
        return False

    # -- script ---------------------------------------------------------------------------------------------------
    def _arguments(self, ctx: Context, code: ReplyCode, reason: ReplyText) -> tuple[int, str]:
        return code_of(ctx, code, self.default_code), reason_of(ctx, reason, self.default_reason)

    @function(Route.REQUEST)
    @function(Route.REQUEST, name="sl_reply")
    def sl_send_reply(self, ctx: Context, code: ReplyCode, reason: ReplyText) -> int:
        """Reply without state."""
        return self.sl_reply(ctx, *self._arguments(ctx, code, reason))

    @function(_REPLYING)
    def send_reply(self, ctx: Context, code: ReplyCode, reason: ReplyText) -> int:
        """Reply through the transaction when there is one, else without state."""
        return self.freply(ctx, *self._arguments(ctx, code, reason))

    @function(_REPLYING, since="5.6")
    def send_reply_mode(self, ctx: Context, code: ReplyCode, reason: ReplyText, mode: Int) -> int:
        """As send_reply(); mode 1 uses an open connection only, 2 closes it behind the reply."""
        if mode & 1:
            ctx.rpl_flags |= SEND_NO_CONNECT
        elif mode & 2:
            ctx.rpl_flags |= SEND_CLOSE
        return self.freply(ctx, *self._arguments(ctx, code, reason))

    @function(Route.REQUEST)
    def sl_reply_error(self, ctx: Context) -> int:
        """Reply with what the last error of forwarding or relaying stands for."""
        if ctx.msg.msg_flags & FL_MSG_NOREPLY:
            self.server.log.info("sl", "message marked with no-reply flag")
            return -2
        code, reason = error_reply(ctx.ser_error or -1, "SL")
        if self.sl_reply(ctx, code, reason) > 0:
            self.error_replies += 1
        self.server.log.error("sl", f"stateless error reply used: {reason}")
        return 1

    @function(_REPLYING, since="6.x")
    def send_reply_error(self, ctx: Context) -> int:
        """As sl_reply_error(), through the transaction when there is one."""
        code, reason = error_reply(ctx.ser_error or -1, "SL")
        return self.freply(ctx, code, reason)

    @function(Route.ONREPLY)
    def sl_forward_reply(self, ctx: Context, code: Str = "", reason: Str = "") -> int:
        """Send this reply on without state, with another code of its class and another reason phrase."""
        msg = ctx.msg
        if msg.is_request:
            self.server.log.error("sl", "invalid SIP message type")
            return -1
        if code:
            if len(code) != 3:
                self.server.log.error("sl", f"invalid reply code value {code}")
                return -1
            if code[0] != str(msg.status)[0]:
                self.server.log.error("sl", "reply code class cannot be changed")
                return -1
            if not code.isdecimal():
                self.server.log.error("sl", f"invalid reply code value {code}!")
                return -1
        if not code and not reason:
            return 1 if forward_reply(ctx) else -1
        kept, sent = ctx.msg, msg.clone()
        if code:
            sent.replace_status(int(code), reason or msg.reason)
        else:
            sent.replace_status(msg.status, reason)
        ctx.msg = sent
        result = forward_reply(ctx)
        ctx.msg = kept
        return 1 if result else -1

    @pv_class("ltt", since="5.6")
    def local_totag(self, ref: PvRef) -> Accessor:
        """The to-tag of replies made here: `$ltt(x)` as send_reply() sets it, `s` stateless, `t` of the transaction."""
        if ref.inner == "x":
            return Accessor(self.get_reply_totag)
        if ref.inner == "s":
            return Accessor(self.stateless_totag)
        if ref.inner == "t":
            return Accessor(self._transaction_totag)
        raise FixupError(f"unknown PV ltt key: {ref.inner}")

    def _transaction_totag(self, ctx: Context) -> Value:
        return self.tm.reply_totag(ctx) if self.tm is not None and ctx.t is not None else None

    @rpc("sl.stats")
    def rpc_stats(self, rpc: Rpc) -> None:
        """Print reply statistics."""
        c = self.counts
        answer = Struct()
        for name in ("200", "202", "2xx", "300", "301", "302", "3xx", "400", "401", "403", "404", "407", "408", "483"):
            answer.add(name, c[name])
        for name in ("4xx", "500", "5xx", "6xx", "xxx"):
            answer.add(name, c[name])
        rpc.add(answer)
