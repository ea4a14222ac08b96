"""The script functions of tm (tm/tm.c). Thin: each reads its arguments and calls the part that does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from kamscript.core import dns
from kamscript.core.errors import E_SCRIPT
from kamscript.module import Const, Fixup, FixupError, Int, Regex, Route, RouteName, Str, function
from kamscript.modules._reply_args import ReplyCode, ReplyReason, code_of, reason_of
from kamscript.modules.tm.branches import Proxy
from kamscript.modules.tm.engine import Pending, pending
from kamscript.modules.tm.picking import NONE, pick_blind, pick_branch
from kamscript.modules.tm.serial import Serial
from kamscript.modules.tm.table import E2E_ACK, FOUND
from kamscript.modules.tm.transaction import (
    T_ADMIN_REPLY,
    T_ASYNC_SUSPENDED,
    T_AUTO_INV_100,
    T_CANCELED,
    T_DISABLE_6XX,
    T_DISABLE_FAILOVER,
    T_DISABLE_INTERNAL_REPLY,
    T_NO_AUTO_ACK,
    T_NO_E2E_CANCEL_REASON,
)
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_MSG_NOREPLY, FL_REPLIED, FL_TIMEOUT, FL_USE_UAC_FROM, FL_USE_UAC_TO
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.modules.tm.transaction import Transaction

_OF_A_TRANSACTION: Final = Route.FAILURE | Route.BRANCH | Route.BRANCH_FAILURE | Route.TM_ONREPLY
RELAYING: Final = Route.REQUEST | Route.FAILURE
REPLYING: Final = Route.REQUEST | Route.ONREPLY | Route.FAILURE
WITHIN: Final = Route.REQUEST | Route.TM_ONREPLY | Route.FAILURE | Route.BRANCH
ALSO_CORE: Final = Route.REQUEST | Route.ONREPLY | Route.FAILURE | Route.BRANCH

_PROTOS: Final = ("udp", "tcp", "tls", "sctp", "ws")


class _Port(Fixup):
    """A port number."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        if not text.isdecimal() or int(text) > 65535:
            raise FixupError(f"bad port number <{text}>")
        return int(text)


class _Target(Fixup):
    """`[proto:]host[:port]`, or for t_relay_to flags as a decimal or 0x number."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Proxy | int:
        flags = _flags(text)
        return flags if flags is not None else proxy_of(text)


class _Flags(Fixup):
    """Flags as a decimal or 0x number."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        flags = _flags(text)
        if flags is None:
            raise FixupError(f"invalid flags <{text}>")
        return flags


class _NoFile(Fixup):
    """A path to write to: nothing is written here."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> str:
        raise FixupError("t_write_req() and t_write_unix() write to files and sockets, which is not simulated")


class _Armed(Fixup):
    """What t_is_set() asks about."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> str:
        if text not in ("failure_route", "onreply_route", "branch_route"):
            server.log.error("tm", f"invalid parameter value: {text}")  # and the daemon starts all the same
        return text


def _flags(text: str) -> int | None:
    try:
        return int(text[2:], 16) if text[:2] == "0x" else int(text) if text.isdecimal() else None
    except ValueError:
        return None


def proxy_of(text: str) -> Proxy:
    """`[proto:]host[:port]` (parse_phostport); raises FixupError."""
    proto, separator, rest = text.partition(":")
    if separator and proto.lower() in (*_PROTOS, "any"):
        host = rest
        proto = "" if proto.lower() == "any" else proto.lower()
    else:
        host, proto = text, ""
    port = 0
    name, separator, digits = host.rpartition(":")
    if separator and not host.endswith("]"):
        if not digits.isdecimal() or (":" in name and name[:1] != "["):
            raise FixupError(f"invalid proxy addr parameter <{text}>")
        host, port = name, int(digits) & 0xFFFF
    if not host:
        raise FixupError(f"invalid proxy addr parameter <{text}>")
    return Proxy(host, port, proto)


if TYPE_CHECKING:
    Port = int
    RelayTarget = Proxy | int
    RelayFlags = int
    Armed = str
    NoFile = str
else:
    Port = Annotated[int, _Port()]
    RelayTarget = Annotated[object, _Target()]
    RelayFlags = Annotated[int, _Flags()]
    Armed = Annotated[str, _Armed()]
    NoFile = Annotated[str, _NoFile()]


class Functions(Serial):
    """What a config can call."""

    # -- transactions ---------------------------------------------------------------------------------------------
    @function(Route.REQUEST)
    def t_newtran(self, ctx: Context) -> int:
        """Make the transaction of this request: 1; 0 for a retransmission, which is dealt with; -10 there is one."""
        result = self.newtran(ctx)
        if result == E_SCRIPT:
            self.server.log.notice("tm", "transaction already in process")
        return result

    @function(Route.REQUEST)
    def t_lookup_request(self, ctx: Context) -> bool:
        """Whether this request repeats, or acknowledges the negative reply of, a transaction."""
        return self.check_message(ctx) == FOUND

    @function(Route.REQUEST)
    def t_lookup_cancel(self, ctx: Context, copy_flags: Int = 0) -> bool:
        """Whether there is the INVITE transaction that this CANCEL is for; copies its message flags on demand."""
        if ctx.msg.method != "CANCEL":
            self.server.log.warning("tm", "script error - t_lookup_cancel() called for non-CANCEL request")
            return False
        t = self.match_canceled(ctx.msg)
        if t is None:
            return False
        if copy_flags and t.request is not None:
            ctx.msg.flags = t.request.flags
        return True

    @function(Route.ANY, since="6.x")
    def t_exists(self, ctx: Context) -> bool:
        """Whether there is a transaction for the current message; it is not looked up for what follows."""
        if ctx.t is not None:
            return True
        if ctx.msg.is_request:
            return self.match_request(ctx.msg)[0] == FOUND
        return self.find_reply(ctx.msg) is not None

    @function(Route.REQUEST | Route.ONREPLY | Route.BRANCH)
    def t_check_trans(self, ctx: Context) -> int:
        """Whether the message belongs to a transaction; a retransmission is answered and ends the script (0)."""
        if ctx.route is not Route.REQUEST and ctx.route & _OF_A_TRANSACTION:
            return 1
        msg = ctx.msg
        if not msg.is_request:
            return 1 if self.check_message(ctx) == FOUND else -1
        if msg.method == "CANCEL":
            return 1 if self.match_canceled(msg) is not None else -1
        found = self.check_message(ctx)
        if found == E2E_ACK:
            return 1
        if found != FOUND:
            return -1
        assert ctx.t is not None
        self.repeated(ctx, ctx.t)
        return 0

    @function(Route.REQUEST)
    def t_release(self, ctx: Context) -> int:
        """Let the transaction go."""
        if self.check_message(ctx) == FOUND and ctx.t is not None:
            self.release(ctx.t)
            ctx.t = None
        return 1

    @function(Route.REQUEST)
    def t_retransmit_reply(self, ctx: Context) -> int:
        """Send the transaction's last reply again."""
        if self.check_message(ctx) != FOUND or ctx.t is None:
            return -1
        if ctx.msg.method == "ACK":
            self.server.log.warning("tm", "ACKs transmit_replies not replied")
            return -1
        return 1 if self.resend_reply(ctx.t) else -1

    @function(Route.ANY, since="5.6")
    def t_clean(self, ctx: Context) -> int:
        """Destroy transactions that outlived their lifetime by 90 s."""
        self.clean()
        return 1

    @function(Route.REQUEST)
    def t_save_lumps(self, ctx: Context) -> int:
        """Keep the changes made to the request so far for failure and branch routes."""
        if ctx.route is Route.REQUEST:
            t = ctx.t
            if t is None:
                self.server.log.error("tm", "transaction has not been created yet")
                return -1
            self.save_edits(t, ctx.msg)
        return 1

    # -- replying -------------------------------------------------------------------------------------------------
    def reply(self, ctx: Context, code: int, reason: str) -> int:
        """See `TmApi`."""
        msg = ctx.msg
        if msg.method == "ACK":
            return -1
        if msg.msg_flags & FL_MSG_NOREPLY:
            self.server.log.info("tm", "message marked with no-reply flag")
            return -2
        self.check_message(ctx)
        t = ctx.t
        if t is None:
            self.server.log.error("tm", "cannot send a t_reply to a message for which no T-state has been established")
            return -1
        t.flags |= T_ADMIN_REPLY
        if ctx.route & (Route.FAILURE | Route.REQUEST):
            return self.reply_with(ctx, t, msg, code, reason)
        if ctx.route & Route.ONREPLY and t.request is not None:
            return self.reply_with(ctx, t, t.request, code, reason)
        return -1

    def _reply(self, ctx: Context, code: ReplyCode, reason: ReplyReason) -> int:
        cfg = self.cfg
        return self.reply(
            ctx, code_of(ctx, code, cfg["default_code"]), reason_of(ctx, reason, str(cfg["default_reason"]))
        )

    @function(REPLYING)
    def t_reply(self, ctx: Context, code: ReplyCode, reason: ReplyReason) -> int:
        """Reply through the transaction."""
        return self._reply(ctx, code, reason)

    @function(REPLYING, since="5.6")
    def t_send_reply(self, ctx: Context, code: ReplyCode, reason: ReplyReason) -> int:
        """Make the transaction if there is none, and reply through it."""
        if ctx.msg.method == "ACK":
            return -1
        if self.newtran(ctx) == 0:
            self.server.log.notice("tm", "transaction already in process")
        return self._reply(ctx, code, reason)

    @function(REPLYING, since="6.x")
    def t_reply_error(self, ctx: Context) -> int:
        """Reply with what the last error of the core or tm stands for."""
        t = ctx.t
        return self.kill(t, ctx.ser_error or self.tm_error, ctx) if t is not None else -1

    # -- relaying -------------------------------------------------------------------------------------------------
    @function(RELAYING, name="t_relay", arity=0)
    def t_relay_0(self, ctx: Context) -> int:
        """Forward statefully to the destination set."""
        return self.relay_to(ctx)

    @function(RELAYING, name="t_relay", arity=2)
    def t_relay_2(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward statefully to a host and port, over the transport that the request came by."""
        return self.relay_to(ctx, Proxy(host, port), ctx.msg.received.proto)

    @function(RELAYING, name="t_relay_to_udp", arity=0)
    def t_relay_to_udp_0(self, ctx: Context) -> int:
        """Forward to the destination set over UDP."""
        return self.relay_to(ctx, None, "udp")

    @function(RELAYING, name="t_relay_to_udp", arity=2)
    def t_relay_to_udp_2(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward to a host and port over UDP."""
        return self.relay_to(ctx, Proxy(host, port), "udp")

    @function(RELAYING, name="t_relay_to_tcp", arity=0)
    def t_relay_to_tcp_0(self, ctx: Context) -> int:
        """Forward to the destination set over TCP."""
        return self.relay_to(ctx, None, "tcp")

    @function(RELAYING, name="t_relay_to_tcp", arity=2)
    def t_relay_to_tcp_2(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward to a host and port over TCP."""
        return self.relay_to(ctx, Proxy(host, port), "tcp")

    @function(RELAYING, name="t_relay_to_tls", arity=0)
    def t_relay_to_tls_0(self, ctx: Context) -> int:
        """Forward to the destination set over TLS."""
        return self.relay_to(ctx, None, "tls")

    @function(RELAYING, name="t_relay_to_tls", arity=2)
    def t_relay_to_tls_2(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward to a host and port over TLS."""
        return self.relay_to(ctx, Proxy(host, port), "tls")

    @function(RELAYING, name="t_relay_to_sctp", arity=0)
    def t_relay_to_sctp_0(self, ctx: Context) -> int:
        """Forward to the destination set over SCTP."""
        return self.relay_to(ctx, None, "sctp")

    @function(RELAYING, name="t_relay_to_sctp", arity=2)
    def t_relay_to_sctp_2(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward to a host and port over SCTP."""
        return self.relay_to(ctx, Proxy(host, port), "sctp")

    @function(RELAYING, name="t_relay_to", arity=0)
    def t_relay_to_0(self, ctx: Context) -> int:
        """Forward as t_relay() does."""
        return self.relay_to(ctx)

    @function(RELAYING, name="t_relay_to", arity=(1, 2))
    def t_relay_to(self, ctx: Context, target: RelayTarget, flags: RelayFlags = 0) -> int:
        """Forward to `proto:host:port`, with flags: 1 no 100, 2 no internal error reply, 4 no DNS failover.

        Flags in place of the target have no effect, as in Kamailio.
        """
        proxy = target if isinstance(target, Proxy) else None
        if flags & 1:
            self._set_flag(ctx, T_AUTO_INV_100, 0)
        if flags & 2:
            self._set_flag(ctx, T_DISABLE_INTERNAL_REPLY, 1)
        if flags & 4:
            self._set_flag(ctx, T_DISABLE_FAILOVER, 1)
        return self.relay_to(ctx, proxy)

    @function(RELAYING, since="6.x")
    def t_relay_to_proxy(self, ctx: Context, target: Str) -> int:
        """Forward to `proto:host:port`."""
        try:
            return self.relay_to(ctx, proxy_of(target))
        except FixupError as error:
            self.server.log.error("tm", str(error))
            return -1

    @function(Route.REQUEST)
    def t_relay_to_avp(self, ctx: Context, proto: Str, address: Str) -> int:
        """Forward to `host[:port]` over a transport, both from AVPs or constant."""
        proxy = self._addressed(proto, address)
        return self.relay_to(ctx, proxy) if proxy is not None else -1

    def _addressed(self, proto: str, address: str) -> Proxy | None:
        """A proxy from a transport and `host[:port]` (t_protoaddr2proxy); None when the host is empty or bad."""
        host, separator, port = address.partition(":")
        if not host or (separator and not port.isdecimal()):
            self.server.log.error("tm", "host name is empty" if not host else f"bad port number <{address}>")
            return None
        name = proto.lower()
        name = "ws" if name == "wss" else name if name in _PROTOS else ""
        return Proxy(host, int(port) if port else 5060, name)

    @function(Route.REQUEST)
    def t_relay_cancel(self, ctx: Context) -> int:
        """Relay this CANCEL to the branches of its INVITE: 0 (the script ends); 1 when there is no such INVITE."""
        if ctx.msg.method != "CANCEL":
            return 1
        if not self.cfg["reparse_invite"]:
            self.server.log.warning("tm", "probably used with wrong configuration, check the readme for details")
        return self.relay_cancel(ctx)

    def _forward_nonack(self, ctx: Context, proxy: Proxy | None, proto: str) -> int:
        self.check_message(ctx)
        t = ctx.t
        if t is None:
            return -1
        if ctx.msg.method == "ACK":
            self.server.log.warning("tm", "you don't really want to fwd hop-by-hop ACK")
            return -1
        return self.forward(ctx, t, proxy, proto)

    @function(Route.REQUEST)
    def t_forward_nonack(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward the transaction made before to a host and port."""
        return self._forward_nonack(ctx, Proxy(host, port), "")

    @function(Route.REQUEST)
    def t_forward_nonack_uri(self, ctx: Context) -> int:
        """Forward the transaction made before to the destination set."""
        return self._forward_nonack(ctx, None, "")

    @function(Route.REQUEST)
    def t_forward_nonack_udp(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward the transaction made before over UDP."""
        return self._forward_nonack(ctx, Proxy(host, port), "udp")

    @function(Route.REQUEST)
    def t_forward_nonack_tcp(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward the transaction made before over TCP."""
        return self._forward_nonack(ctx, Proxy(host, port), "tcp")

    @function(Route.REQUEST)
    def t_forward_nonack_tls(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward the transaction made before over TLS."""
        return self._forward_nonack(ctx, Proxy(host, port), "tls")

    @function(Route.REQUEST)
    def t_forward_nonack_sctp(self, ctx: Context, host: Const, port: Port) -> int:
        """Forward the transaction made before over SCTP."""
        return self._forward_nonack(ctx, Proxy(host, port), "sctp")

    @function(Route.REQUEST)
    def t_forward_nonack_to(self, ctx: Context, proto: Str, address: Str) -> int:
        """Forward the transaction made before to `host[:port]` over a transport."""
        proxy = self._addressed(proto, address)
        return self._forward_nonack(ctx, proxy, "") if proxy is not None else -1

    def _replicate(self, ctx: Context, proxy: Proxy | None, proto: str) -> int:
        return self.relay_to(ctx, proxy, proto, replicate=True)

    @function(Route.REQUEST, name="t_replicate", arity=(0, 1))
    def t_replicate(self, ctx: Context, uri: Str = "") -> int:
        """Send a copy to a URI (without: to the destination set); replies to it are absorbed."""
        if not uri:
            return self._replicate(ctx, None, "")
        target = dns.uri_target(uri)
        if target is None:
            self.server.log.error("tm", "bad replicate SIP address!")
            return -1
        return self._replicate(ctx, Proxy(target.host, target.port, target.proto), "")

    @function(Route.REQUEST, name="t_replicate", arity=2)
    def t_replicate_2(self, ctx: Context, host: Const, port: Port) -> int:
        """Send a copy to a host and port, over the transport that the request came by."""
        return self._replicate(ctx, Proxy(host, port), ctx.msg.received.proto)

    @function(Route.REQUEST)
    def t_replicate_udp(self, ctx: Context, host: Const, port: Port) -> int:
        """Send a copy over UDP."""
        return self._replicate(ctx, Proxy(host, port), "udp")

    @function(Route.REQUEST)
    def t_replicate_tcp(self, ctx: Context, host: Const, port: Port) -> int:
        """Send a copy over TCP."""
        return self._replicate(ctx, Proxy(host, port), "tcp")

    @function(Route.REQUEST)
    def t_replicate_tls(self, ctx: Context, host: Const, port: Port) -> int:
        """Send a copy over TLS."""
        return self._replicate(ctx, Proxy(host, port), "tls")

    @function(Route.REQUEST)
    def t_replicate_sctp(self, ctx: Context, host: Const, port: Port) -> int:
        """Send a copy over SCTP."""
        return self._replicate(ctx, Proxy(host, port), "sctp")

    @function(Route.REQUEST)
    def t_replicate_to(self, ctx: Context, proto: Str, address: Str) -> int:
        """Send a copy to `host[:port]` over a transport."""
        proxy = self._addressed(proto, address)
        return self._replicate(ctx, proxy, "") if proxy is not None else -1

    # -- routes ---------------------------------------------------------------------------------------------------
    @function(WITHIN)
    def t_on_failure(self, ctx: Context, name: RouteName) -> int:
        """Arm a failure_route; "0" or "" disarms."""
        armed: Any = ctx.t if ctx.t is not None else pending(ctx)
        armed.on_failure = _route_name(name)
        return 1

    @function(WITHIN)
    def t_on_branch_failure(self, ctx: Context, name: RouteName) -> int:
        """Arm event_route[tm:branch-failure:NAME]."""
        armed: Any = ctx.t if ctx.t is not None else pending(ctx)
        armed.on_branch_failure = _route_name(name)
        return 1

    @function(WITHIN)
    def t_on_reply(self, ctx: Context, name: RouteName) -> int:
        """Arm an onreply_route."""
        armed: Any = ctx.t if ctx.t is not None else pending(ctx)
        armed.on_reply = _route_name(name)
        return 1

    @function(RELAYING)
    def t_on_branch(self, ctx: Context, name: RouteName) -> int:
        """Arm a branch_route."""
        armed: Any = ctx.t if ctx.t is not None else pending(ctx)
        armed.on_branch = _route_name(name)
        return 1

    @function(Route.ANY)
    def t_is_set(self, ctx: Context, what: Armed) -> bool:
        """Whether a route is armed: "failure_route", "onreply_route" or "branch_route"."""
        armed: Transaction | Pending = ctx.t if ctx.t is not None else pending(ctx)
        if what == "branch_route":
            return bool(armed.on_branch)
        if what == "onreply_route":
            return bool(armed.on_reply)
        return what == "failure_route" and bool(armed.on_failure)

    # -- timers ---------------------------------------------------------------------------------------------------
    def set_fr(self, ctx: Context, fr_inv_ms: int, fr_ms: int) -> None:
        """See `TmApi`."""
        t = ctx.t
        if t is not None:
            self.change_fr(t, fr_inv_ms / 1000, fr_ms / 1000)
        else:
            armed = pending(ctx)
            armed.fr_inv, armed.fr = fr_inv_ms / 1000, fr_ms / 1000

    @function(WITHIN)
    def t_set_fr(self, ctx: Context, fr_inv_timeout: Int, fr_timeout: Int = 0) -> int:
        """Set the final response timeouts of this transaction, ms; 0 leaves one as it is."""
        self.set_fr(ctx, fr_inv_timeout, fr_timeout)
        return 1

    @function(WITHIN)
    def t_reset_fr(self, ctx: Context) -> int:
        """Back to fr_inv_timer and fr_timer."""
        if ctx.t is not None:
            self.change_fr(ctx.t, self.cfg["fr_inv_timer"] / 1000, self.cfg["fr_timer"] / 1000)
        else:
            armed = pending(ctx)
            armed.fr_inv = armed.fr = 0.0
        return 1

    @function(WITHIN)
    def t_set_retr(self, ctx: Context, t1: Int, t2: Int) -> int:
        """Set the first and the longest retransmission interval of this transaction, ms; 0 leaves one as it is."""
        for name, value in (("t1", t1), ("t2", t2)):
            if value > 65535:
                self.server.log.error("tm", f"retr. {name} interval too big: {value} (max 65535)")
                return -1
        if ctx.t is not None:
            self.change_retr(ctx.t, t1 / 1000, t2 / 1000)
        else:
            armed = pending(ctx)
            armed.retr1, armed.retr2 = t1 / 1000, t2 / 1000
        return 1

    @function(WITHIN)
    def t_reset_retr(self, ctx: Context) -> int:
        """Back to retr_timer1 and retr_timer2."""
        if ctx.t is not None:
            self.change_retr(ctx.t, self.cfg["retr_timer1"] / 1000, self.cfg["retr_timer2"] / 1000)
        else:
            armed = pending(ctx)
            armed.retr1 = armed.retr2 = 0.0
        return 1

    @function(WITHIN)
    def t_set_max_lifetime(self, ctx: Context, inv_lifetime: Int, noninv_lifetime: Int) -> int:
        """Set how long this transaction lives at most, ms, from now on."""
        t = ctx.t
        if t is not None:
            self.change_end_of_life(t, (inv_lifetime if t.is_invite else noninv_lifetime) / 1000)
        else:
            armed = pending(ctx)
            armed.inv_lifetime, armed.noninv_lifetime = inv_lifetime / 1000, noninv_lifetime / 1000
        return 1

    @function(WITHIN)
    def t_reset_max_lifetime(self, ctx: Context) -> int:
        """Back to max_inv_lifetime, max_noninv_lifetime."""
        t = ctx.t
        if t is not None:
            self.change_end_of_life(t, self.cfg["max_inv_lifetime" if t.is_invite else "max_noninv_lifetime"] / 1000)
        else:
            armed = pending(ctx)
            armed.inv_lifetime = armed.noninv_lifetime = 0.0
        return 1

    # -- flags ----------------------------------------------------------------------------------------------------
    def _set_flag(self, ctx: Context, flag: int, state: int) -> int:
        t = ctx.t
        if t is not None:
            t.flags = t.flags | flag if state else t.flags & ~flag
            return 1
        armed = pending(ctx)
        if state:
            armed.set_flags |= flag
            armed.reset_flags &= ~flag
        else:
            armed.set_flags &= ~flag
            armed.reset_flags |= flag
        return 1

    @function(Route.REQUEST)
    def t_set_auto_inv_100(self, ctx: Context, state: Int) -> int:
        """Whether this INVITE is answered with 100 when it is relayed."""
        return self._set_flag(ctx, T_AUTO_INV_100, state)

    @function(WITHIN)
    def t_set_disable_6xx(self, ctx: Context, state: Int) -> int:
        """Whether a 6xx counts as any other negative reply."""
        return self._set_flag(ctx, T_DISABLE_6XX, state)

    @function(WITHIN)
    def t_set_disable_failover(self, ctx: Context, state: Int) -> int:
        """Whether DNS failover is off for this transaction."""
        return self._set_flag(ctx, T_DISABLE_FAILOVER, state)

    @function(WITHIN)
    @function(WITHIN, name="t_disable_e2e_cancel_reason")
    def t_set_no_e2e_cancel_reason(self, ctx: Context, state: Int) -> int:
        """Whether the Reason of a received CANCEL is left out of the CANCELs sent on."""
        return self._set_flag(ctx, T_NO_E2E_CANCEL_REASON, state)

    @function(WITHIN)
    def t_set_disable_internal_reply(self, ctx: Context, state: Int) -> int:
        """Whether tm leaves the request unanswered when t_relay() fails (the script sees -4)."""
        return self._set_flag(ctx, T_DISABLE_INTERNAL_REPLY, state)

    @function(ALSO_CORE, since="6.x")
    def t_set_no_auto_ack(self, ctx: Context, state: Int) -> int:
        """Whether the 2xx to an INVITE of this server is left to the script to acknowledge."""
        return self._set_flag(ctx, T_NO_AUTO_ACK, state)

    @function(Route.ANY)
    def t_use_uac_headers(self, ctx: Context) -> int:
        """Take From and To of local ACK and CANCEL from the request as it was sent."""
        t = ctx.t
        if t is not None and t.request is not None:
            t.request.msg_flags |= FL_USE_UAC_FROM | FL_USE_UAC_TO
        ctx.msg.msg_flags |= FL_USE_UAC_FROM | FL_USE_UAC_TO
        return 1

    # -- asking ---------------------------------------------------------------------------------------------------
    def _known(self, ctx: Context) -> Transaction | None:
        self.check_message(ctx)
        if ctx.t is None:
            self.server.log.error("tm", "cannot check a message for which no T-state has been established")
        return ctx.t

    def current_status(self, ctx: Context) -> int:
        """The reply code that t_check_status() looks at: by kind of route; -1 when there is none."""
        t = ctx.t
        assert t is not None
        if ctx.route is Route.REQUEST:
            return t.status
        if ctx.route & Route.ONREPLY:
            return ctx.msg.status
        if ctx.route is Route.FAILURE:
            picked, code = pick_branch(t, self.faked_reply_prio)
            if picked == NONE:
                picked, code = pick_blind(t, self.faked_reply_prio)
            if picked < 0:
                self.server.log.critical("tm", "t_pick_branch failed to get a final response in FAILURE_ROUTE")
                return -1
            return code
        if ctx.route is Route.BRANCH_FAILURE:
            return t.branches[ctx.branch].last_received
        self.server.log.error("tm", f"unsupported route type {int(ctx.route)}")
        return -1

    @function(REPLYING)
    def t_check_status(self, ctx: Context, pattern: Regex) -> bool:
        """Whether the reply code matches a regular expression: the one sent, received, or picked in a failure route."""
        if self._known(ctx) is None:
            return False
        status = self.current_status(ctx)
        return status >= 0 and pattern.search(str(status)) is not None

    @function(ALSO_CORE, since="5.6")
    def t_get_status_code(self, ctx: Context) -> int:
        """The reply code, as t_check_status() sees it; -1 none."""
        if self._known(ctx) is None:
            return -1
        return self.current_status(ctx) or -1

    @function(Route.REQUEST | Route.FAILURE | Route.EVENT)
    def t_branch_timeout(self, ctx: Context) -> bool:
        """Whether the failed branch timed out."""
        return bool(ctx.msg.msg_flags & FL_TIMEOUT)

    @function(Route.REQUEST | Route.FAILURE | Route.EVENT)
    def t_branch_replied(self, ctx: Context) -> bool:
        """Whether the failed branch got at least one reply before."""
        return bool(ctx.msg.msg_flags & FL_REPLIED)

    @function(WITHIN)
    def t_any_timeout(self, ctx: Context) -> bool:
        """Whether any branch timed out."""
        t = self._known(ctx)
        return t is not None and any(branch.timed_out for branch in t.branches)

    @function(WITHIN)
    def t_any_replied(self, ctx: Context) -> bool:
        """Whether any branch got a reply."""
        t = self._known(ctx)
        return t is not None and any(branch.replied for branch in t.branches)

    @function(WITHIN)
    def t_grep_status(self, ctx: Context, code: Int) -> bool:
        """Whether a branch was replied to with this code last."""
        t = self._known(ctx)
        return t is not None and any(b.last_received == code and b.replied for b in t.branches)

    @function(WITHIN)
    def t_is_canceled(self, ctx: Context) -> bool:
        """Whether the transaction was cancelled."""
        t = self._known(ctx)
        return t is not None and bool(t.flags & T_CANCELED)

    @function(WITHIN)
    def t_is_expired(self, ctx: Context) -> bool:
        """Whether the transaction's lifetime is over."""
        t = self._known(ctx)
        return t is not None and t.end_of_life <= self.server.timers.now

    @function(Route.TM_ONREPLY)
    def t_is_retr_async_reply(self, ctx: Context) -> bool:
        """Whether this reply comes again while the transaction is suspended."""
        t = self._known(ctx)
        return t is not None and bool(t.flags & T_ASYNC_SUSPENDED)

    @function(Route.FAILURE, name="t_drop_replies")
    def t_drop_replies(self, ctx: Context, mode: Const = "") -> int:
        """Forget the replies received so far: all (default), "l" those of the last set of branches, "n" none."""
        self.drop_replies = {"n": 0, "l": 2}.get(mode[:1], 1)
        return 1

    # -- serial forking -------------------------------------------------------------------------------------------
    @function(RELAYING, arity=0)
    @function(RELAYING, arity=1, since="5.6")
    def t_load_contacts(self, ctx: Context, mode: Int = 0) -> int:
        """Put the destination set aside, ordered by q (0) or drawn in proportion to q (1)."""
        if mode not in (0, 1):
            self.server.log.error("tm", f"invalid load_contact mode: {mode}, please use 0 or 1")
            return -1
        return self.load_contacts(ctx, mode)

    @function(RELAYING)
    def t_next_contacts(self, ctx: Context) -> int:
        """Make the next group of contacts the destination set; -2 when there are none left."""
        return self.next_contacts(ctx)

    @function(Route.REQUEST)
    def t_next_contact_flow(self, ctx: Context) -> int:
        """Make the next contact of the failed branch's instance a branch; -2 when there is none."""
        return self.next_contact_flow(ctx)

    @function(Route.ANY, since="6.x")
    def t_cell_append_branches(self, ctx: Context, index: Int, label: Int) -> int:
        """Add the destination set to another running transaction."""
        t = self.lookup_ident(index, label)
        return self.append_branches(ctx, t) if t is not None else -1

    @function(Route.BRANCH, since="6.x")
    def t_msg_apply_changes(self, ctx: Context) -> int:
        """Apply the changes made in a branch route to this branch's request at once."""
        try:
            ctx.msg.apply_changes()
        except SipError:
            return -1
        return 1

    @function(RELAYING)
    @function(RELAYING, name="t_write_unix")
    def t_write_req(self, ctx: Context, path: NoFile, info: Const) -> int:
        """Write the request to a FIFO or Unix socket: refused when the config is loaded."""
        return -1

    # -- requests of this server ----------------------------------------------------------------------------------
    @function(Route.ANY, since="5.6")
    def t_uac_send(
        self, ctx: Context, method: Str, ruri: Str, nexthop: Str, socket: Str, headers: Str, body: Str
    ) -> int:
        """Send a request of this server; headers need From and To, "" or "." leaves next hop and socket open."""
        try:
            parse_uri(ruri)
            if nexthop not in ("", "."):
                parse_uri(nexthop)
            t = self.uac_from_headers(method, ruri, nexthop, socket, headers, body)
        except (SipError, ValueError) as error:
            self.server.log.error("tm", str(error))
            return -1
        return 1 if t is not None or method == "ACK" else -1

    def uac_from_headers(
        self,
        method: str,
        ruri: str,
        nexthop: str,
        socket: str,
        headers: str,
        body: str,
        **more: Any,
    ) -> Transaction | None:
        """Send a request whose From, To, Call-ID and CSeq stand in `headers`; raises ValueError."""
        raise NotImplementedError

    def clean(self) -> int:
        """Destroy what outlived its lifetime by 90 s; how many."""
        raise NotImplementedError


def _route_name(name: str) -> str:
    return "" if name == "0" else name
