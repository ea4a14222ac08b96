"""Making transactions and forwarding: t_newtran, t_relay and their kin (tm/t_lookup.c, t_funcs.c, t_fwd.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.core import dns
from kamscript.core.blocklist import ERR_SEND, ERR_TIMEOUT, REPLY_503
from kamscript.core.build import build_request, via_line
from kamscript.core.errors import (
    E_BAD_ADDRESS,
    E_BAD_REQ,
    E_BAD_TUPEL,
    E_BAD_VIA,
    E_CANCELED,
    E_NO_SOCKET,
    E_SCRIPT,
    E_SEND,
    E_TOO_MANY_BRANCHES,
    E_UNSPEC,
)
from kamscript.core.forward import forward, forward_request, outgoing, reply_destination
from kamscript.module import Route
from kamscript.modules.tm.callbacks import (
    TMCB_ACK_NEG_IN,
    TMCB_E2EACK_IN,
    TMCB_E2EACK_RETR_IN,
    TMCB_REQ_RETR_IN,
    TMCB_REQUEST_FWDED,
    TMCB_REQUEST_OUT,
    TMCB_REQUEST_SENT,
    TmcbParams,
)
from kamscript.modules.tm.engine import Pending
from kamscript.modules.tm.replies import Replies
from kamscript.modules.tm.states import S_ACK
from kamscript.modules.tm.table import BAD, BRANCH_TEXT, E2E_ACK, FOUND, METHODS
from kamscript.modules.tm.transaction import (
    KR_ERROR_DELAYED,
    KR_EXISTED,
    KR_FORWARDED,
    KR_RELEASED,
    T_AUTO_INV_100,
    T_CANCELED,
    T_DISABLE_6XX,
    T_DISABLE_FAILOVER,
    T_DISABLE_INTERNAL_REPLY,
    T_DONT_FORK,
    T_IS_LOCAL,
    T_NO_E2E_CANCEL_REASON,
    T_NOISY_CTIMER,
    ClientBranch,
    Outgoing,
    Transaction,
)
from kamscript.sip.edits import Condition, holds
from kamscript.sip.edits import Outgoing as Departure
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.branches import Branch
    from kamscript.core.context import Context
    from kamscript.core.sockets import Datagram, Destination, ListenSocket
    from kamscript.sip.message import Message

#: Kamailio's error for "the script forbids it" (a branch route dropped the branch, nothing to forward).
E_CFG: Final = -6

_METHOD_BITS: Final = {name: 1 << bit for bit, name in enumerate(METHODS)}
_OTHER_METHOD: Final = 1 << len(_METHOD_BITS)


class Proxy(NamedTuple):
    """A next hop named in the script: t_relay("host", "port"). `proto` "" means as the function says."""

    host: str
    port: int
    proto: str = ""


class Relay(Replies):
    """From a request that came in to the requests that go out."""

    # -- transactions ---------------------------------------------------------------------------------------------
    def newtran(self, ctx: Context) -> int:
        """See `TmApi`."""
        msg = ctx.msg
        t = ctx.t
        if t is not None:
            if t.request is not None:
                t.request.flags, t.request.xflags = msg.flags, msg.xflags
            return E_SCRIPT
        found, t, canceled = self.match_request(msg)
        if found == FOUND:
            assert t is not None
            self.enter_existing(ctx, t)
            self.repeated(ctx, t)
            return 0
        if found == E2E_ACK:
            assert t is not None
            self._end_to_end_ack(ctx, t)
            return 1
        if found == BAD:
            return E_BAD_TUPEL
        method = msg.method
        if method == "ACK":
            return 1
        return self._new_transaction(ctx, msg, canceled)

    def repeated(self, ctx: Context, t: Transaction) -> None:
        """A request came again, or the ACK to a reply of ours."""
        if ctx.msg.method == "ACK":
            if t.types & TMCB_ACK_NEG_IN:
                self.tell(TMCB_ACK_NEG_IN, t, ctx, ctx.msg, None, 4)
            self.acknowledged(t)
        else:
            if t.types & TMCB_REQ_RETR_IN:
                self.tell(TMCB_REQ_RETR_IN, t, ctx, ctx.msg)
            self.resend_reply(t)

    def acknowledged(self, t: Transaction) -> None:
        """The ACK to a reply of ours came: stop repeating it."""
        t.kept |= KR_RELEASED
        self.server_event(t, S_ACK)
        if t.response is not None:
            self.stop_timer(t.response)
        self.stop_branches(t)
        self.put_on_wait(t)

    def _end_to_end_ack(self, ctx: Context, t: Transaction) -> None:
        """An ACK to a 2xx that went through: tell who listens, once per to-tag (unmatched_totag)."""
        ack = ctx.msg
        to = ack.to
        tag = to.tag if to is not None else ""
        known = t.fwded_totags.get(tag)
        if known is False:
            t.fwded_totags[tag] = True
        kind = TMCB_E2EACK_RETR_IN if known else TMCB_E2EACK_IN
        if t.types & kind:
            self.tell(kind, t, ctx, ack)

    def _new_transaction(self, ctx: Context, msg: Message, canceled: bool) -> int:
        cseq = msg.cseq
        assert cseq is not None
        t = Transaction(self, msg.method, msg.callid, cseq.number_text)
        if t.is_invite and msg.from_ is None:
            return E_BAD_REQ
        try:
            msg.parsed_uri()
        except SipError:
            return E_BAD_REQ
        t.avps = ctx.avps
        if ctx.xavps is None:
            ctx.xavps = {}
        if ctx.xavus is None:
            ctx.xavus = {}
        if ctx.xavis is None:
            ctx.xavis = {}
        t.xavps, t.xavus, t.xavis = ctx.xavps, ctx.xavus, ctx.xavis
        armed: Pending | None = ctx.state.get("tm")
        if armed is not None and armed.callbacks:
            t.callbacks = armed.callbacks
            for types, _, _ in armed.callbacks:
                t.types |= types
            armed.callbacks = []
        t.request = msg
        self.insert(t)
        if self.request_in:
            params = TmcbParams(ctx, msg, None, 0)
            ctx.t = t
            for types, callback, param in tuple(self.request_in):
                params.param = param
                callback(t, types, params)
            ctx.t = None
        t.request = msg.clone()
        ctx.t = t
        self._arm(t, ctx, armed)
        if canceled:
            t.flags |= T_CANCELED
        destination = reply_destination(ctx, msg)
        t.response = Outgoing(t, 0, msg.received.socket, destination, "")
        if destination is None:
            self.server.log.error("tm", "unresolvable via1")
            self.put_on_wait(t)
            ctx.t = None
            return E_BAD_VIA
        return 1

    def _arm(self, t: Transaction, ctx: Context, armed: Pending | None) -> None:
        """Timeouts, flags and routes: what the script set before, else the module's settings (init_new_t)."""
        cfg = self.cfg
        now = self.server.timers.now
        if t.is_invite:
            flags = 1
            if cfg["auto_inv_100"]:
                flags |= T_AUTO_INV_100
            if cfg["disable_6xx_block"]:
                flags |= T_DISABLE_6XX
            if not cfg["e2e_cancel_reason"]:
                flags |= T_NO_E2E_CANCEL_REASON
            lifetime = cfg["max_inv_lifetime"] / 1000
        else:
            flags = 0
            lifetime = cfg["max_noninv_lifetime"] / 1000
        t.fr_timeout = cfg["fr_timer"] / 1000
        t.fr_inv_timeout = cfg["fr_inv_timer"] / 1000
        t.retr1 = cfg["retr_timer1"] / 1000
        t.retr2 = cfg["retr_timer2"] / 1000
        if self.fr_avp is not None or self.fr_inv_avp is not None:
            flags |= self._timers_from_avps(t, ctx)
        if armed is not None:
            if t.is_invite:
                flags = (flags | armed.set_flags) & ~armed.reset_flags
                lifetime = armed.inv_lifetime or lifetime
            else:
                lifetime = armed.noninv_lifetime or lifetime
            t.fr_timeout = armed.fr or t.fr_timeout
            t.fr_inv_timeout = armed.fr_inv or t.fr_inv_timeout
            t.retr1 = armed.retr1 or t.retr1
            t.retr2 = armed.retr2 or t.retr2
            t.on_failure, t.on_reply = armed.on_failure, armed.on_reply
            t.on_branch, t.on_branch_failure = armed.on_branch, armed.on_branch_failure
        t.flags = flags
        t.end_of_life = now + lifetime

    def _timers_from_avps(self, t: Transaction, ctx: Context) -> int:
        """fr_timer_avp, fr_inv_timer_avp: seconds in an AVP; the latter also makes the timeout noisy."""
        flags = 0
        for key, attribute in ((self.fr_avp, "fr_timeout"), (self.fr_inv_avp, "fr_inv_timeout")):
            value = ctx.avps.get(key) if key is not None else None
            seconds = int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else 0
            if seconds:
                setattr(t, attribute, float(seconds))
                if attribute == "fr_inv_timeout":
                    flags |= T_NOISY_CTIMER
        return flags

    def after_script(self, ctx: Context) -> None:
        """The core's hook behind the request route (t_unref): delayed error replies, forgotten transactions."""
        t = ctx.t
        if t is None or ctx.route is not Route.REQUEST:
            return
        kept = t.kept
        if kept == KR_ERROR_DELAYED:
            if self.kill(t, ctx.ser_error, ctx) <= 0:
                self.server.log.warning("tm", "generation of a delayed stateful reply failed")
                self.release(t)
        elif kept == 0 or (ctx.msg.method == "ACK" and not kept & KR_RELEASED):
            self.server.log.warning("tm", "script writer didn't release transaction")
            self.release(t)

    def save_edits(self, t: Transaction, msg: Message) -> None:
        """Keep the edits made so far with the transaction (save_msg_lumps)."""
        kept = t.request
        assert kept is not None
        if not (msg.has_edits or kept.has_edits or msg.reply_headers or msg.reply_body is not None):
            return
        saved = msg.clone()
        for name in _ROUTING_STATE:
            setattr(saved, name, getattr(kept, name))
        t.request = saved

    # -- t_relay --------------------------------------------------------------------------------------------------
    def relay(self, ctx: Context, destination: Destination | None = None, *, replicate: bool = False) -> int:
        """See `TmApi`."""
        proxy = Proxy(destination.ip, destination.port, destination.proto) if destination is not None else None
        return self.relay_to(ctx, proxy, "", replicate=replicate)

    def relay_to(self, ctx: Context, proxy: Proxy | None = None, proto: str = "", *, replicate: bool = False) -> int:
        """t_relay() and its kin: in a failure route add branches, else make the transaction and forward."""
        if ctx.route & (Route.FAILURE | Route.BRANCH_FAILURE) and not replicate:
            t = ctx.t
            if t is None:
                return -1
            result = self.forward(ctx, t, proxy, proto)
            if result <= 0:
                if result != E_CFG:
                    self.server.log.error("tm", "t_forward_nonack failed")
                self.tm_error = ctx.ser_error
                return -1
            return 1
        return self._relay_request(ctx, proxy, proto, replicate)

    def _relay_request(self, ctx: Context, proxy: Proxy | None, proto: str, replicate: bool) -> int:
        msg = ctx.msg
        method = msg.method
        if method == "CANCEL":
            result = self._forward_cancel(ctx, proxy, proto)
            t = ctx.t
            return self._relayed(ctx, t, result, replicate) if t is not None else result
        made = self.newtran(ctx)
        fresh = made == 1
        if made != E_SCRIPT:
            if made < 0:
                ctx.ser_error = made
                return 0 if made == E_BAD_VIA and self.server.settings["reply_to_via"] else made
            if made == 0:
                return 1
        elif method == "ACK":
            t = ctx.t
            assert t is not None
            self.server.log.warning("tm", "negative or local ACK caught, please report")
            if t.types & TMCB_ACK_NEG_IN:
                self.tell(TMCB_ACK_NEG_IN, t, ctx, msg, None, 4)
            self.acknowledged(t)
            return 1
        if method == "ACK":
            return self._forward_statelessly(ctx, proxy, proto)
        t = ctx.t
        assert t is not None
        if replicate:
            t.flags |= T_IS_LOCAL
        if t.flags & T_AUTO_INV_100 and t.is_invite and t.status < 100:
            self.reply_with(ctx, t, msg, 100, self.cfg["auto_inv_100_reason"])
        result = self.forward(ctx, t, proxy, proto, fresh=fresh)
        return self._relayed(ctx, t, result, replicate)

    def _relayed(self, ctx: Context, t: Transaction, result: int, replicate: bool) -> int:
        if result > 0:
            return result
        if replicate:
            self.release(t)
            return result
        self.tm_error = ctx.ser_error
        if t.flags & T_DISABLE_INTERNAL_REPLY:
            return -4
        if not self.delayed_reply:
            if self.kill(t, ctx.ser_error, ctx) <= 0:
                self.release(t)
            return result
        t.kept |= KR_ERROR_DELAYED
        return result

    def _forward_statelessly(self, ctx: Context, proxy: Proxy | None, proto: str) -> int:
        if proxy is not None:
            result = forward_request(ctx, proxy.host, proxy.port, proto or proxy.proto)
        elif dns.uri_target(ctx.msg.dst_uri or ctx.msg.current_uri()) is None:
            result = ctx.ser_error = E_BAD_ADDRESS
        else:
            result = forward(ctx, proto=proto)
        return 1 if result >= 0 else result

    # -- CANCEL ---------------------------------------------------------------------------------------------------
    def _forward_cancel(self, ctx: Context, proxy: Proxy | None, proto: str) -> int:
        """A CANCEL is relayed (t_forward_cancel): to the branches of its INVITE, else as `unmatched_cancel` says."""
        mode = self.cfg["unmatched_cancel"]
        t_invite = self.match_canceled(ctx.msg) if mode else None
        if mode == 0 or t_invite is not None:
            made = self.newtran(ctx)
            if made <= 0 and made != E_SCRIPT:
                ctx_t, ctx.t = ctx.t, None
                if made == 0:
                    ctx.t = ctx_t
                    return 1
                ctx.ser_error = made
                return 0 if made == E_BAD_VIA and self.server.settings["reply_to_via"] else made
            t = ctx.t
            assert t is not None
            if t_invite is not None:
                self.cancel_end_to_end(ctx, t, t_invite)
                return 1
            return self.forward(ctx, t, proxy, proto, fresh=made == 1)
        if mode == 2:
            return 1
        return self._forward_statelessly(ctx, proxy, proto)

    def relay_cancel(self, ctx: Context) -> int:
        """t_relay_cancel(): 0 when the CANCEL matched an INVITE and was dealt with, 1 when not, <0 error."""
        t_invite = self.match_canceled(ctx.msg)
        if t_invite is None:
            return 1
        made = self.newtran(ctx)
        if made <= 0 and made != E_SCRIPT:
            if made == 0 or (made == E_BAD_VIA and self.server.settings["reply_to_via"]):
                return 0
            return made
        assert ctx.t is not None
        self.cancel_end_to_end(ctx, ctx.t, t_invite)
        return 0

    # -- forwarding -----------------------------------------------------------------------------------------------
    def forward(self, ctx: Context, t: Transaction, proxy: Proxy | None, proto: str, *, fresh: bool = False) -> int:
        """Make branches of the request URI and the destination set and send them (t_forward_nonack): 1, or <0."""
        msg = ctx.msg
        if t.flags & T_CANCELED:
            return self._canceled(ctx, t)
        if msg.method == "CANCEL":
            t_invite = self.match_canceled(msg)
            if t_invite is not None:
                self.cancel_end_to_end(ctx, t, t_invite)
                t.kept |= KR_FORWARDED
                return 1
        first = len(t.branches)
        branch_route = t.on_branch
        if branch_route:
            t.on_branch_delayed = branch_route
            t.on_branch = ""
        if first == 0 and not fresh and ctx.route & Route.REQUEST:
            self.save_edits(t, msg)
        lowest = E_UNSPEC
        tried = 0
        added: list[ClientBranch] = []
        if not ctx.ruri_consumed:
            tried = 1
            result = self.add_branch(ctx, t, msg.current_uri(), msg.dst_uri, msg.path, proxy, proto, branch_route)
            if t.flags & T_CANCELED:
                return self._canceled(ctx, t)
            if isinstance(result, ClientBranch):
                added.append(result)
            else:
                lowest = min(lowest, result)
        if ctx.branches:
            kept_flags = ctx.bflags
            for more in ctx.branches:
                tried += 1
                ctx.bflags = more.flags
                result = self.add_branch(
                    ctx, t, more.uri, more.dst_uri, more.path, proxy, proto, branch_route, more=more
                )
                if t.flags & T_CANCELED:
                    return self._canceled(ctx, t)
                if isinstance(result, ClientBranch):
                    added.append(result)
                else:
                    lowest = min(lowest, result)
            ctx.bflags = kept_flags
            ctx.branches = []
        ctx.ruri_q = -1
        ctx.ruri_consumed = True
        request = t.request
        if request is not None:
            request.flags = msg.flags
        if not added:
            if not tried:
                self.server.log.error("tm", "no branches for forwarding")
                ctx.ser_error = min(lowest, E_CFG)
                return -1
            if lowest != E_CFG:
                self.server.log.error("tm", "failure to add branches")
            ctx.ser_error = lowest
            return lowest
        added[0].first_of_set = True
        ctx.ser_error = 0
        sent = False
        for branch in added:
            result = self.send_branch(t, branch, ctx)
            if result == branch.index:
                sent = True
                if t.types & TMCB_REQUEST_OUT:
                    self.tell(TMCB_REQUEST_OUT, t, ctx, msg, None, 0, branch.index, 0, branch.text, branch.destination)
            elif result >= 0:
                added.append(t.branches[result])
        if not sent:
            ctx.ser_error = E_SEND
            return -1
        t.kept |= KR_FORWARDED
        return 1

    def _canceled(self, ctx: Context, t: Transaction) -> int:
        ctx.branches = []
        ctx.ruri_q = -1
        ctx.ruri_consumed = True
        if t.request is not None:
            t.request.flags = ctx.msg.flags
        ctx.ser_error = E_CANCELED
        return -1

    def add_branch(
        self,
        ctx: Context,
        t: Transaction,
        uri: str,
        dst_uri: str,
        path: str,
        proxy: Proxy | None,
        proto: str,
        branch_route: str = "",
        *,
        more: Branch | None = None,
    ) -> ClientBranch | int:
        """One more branch, ready to be sent (add_uac): its branch route run, its text built; or an error code."""
        msg = ctx.msg
        index = len(t.branches)
        if index >= self.max_branches:
            self.server.log.error("tm", "maximum number of branches exceeded")
            ctx.ser_error = E_TOO_MANY_BRANCHES
            return E_TOO_MANY_BRANCHES
        branch = ClientBranch(t, index)
        if more is None:
            forced = msg.force_send_socket
            branch.instance, branch.ruid, branch.location_ua = msg.instance, msg.ruid, msg.location_ua
        else:
            forced = more.socket
            branch.instance, branch.ruid, branch.location_ua = more.instance, more.ruid, more.location_ua
        next_hop = dst_uri or uri
        listeners = t.types & TMCB_REQUEST_FWDED
        if not branch_route and not listeners:
            error = self._prepare(ctx, t, branch, uri, path, next_hop, forced, proxy, proto)
        else:
            kept = (msg.new_uri, msg.dst_uri, msg.path, msg.instance, msg.ruid, msg.location_ua, msg.force_send_socket)
            mark = msg.edits.mark()
            msg.new_uri, msg.path, msg.dst_uri = uri, path, dst_uri
            msg.instance, msg.ruid, msg.location_ua = branch.instance, branch.ruid, branch.location_ua
            error = 0
            if branch_route:
                msg.force_send_socket = forced
                if not self._run_branch_route(ctx, t, branch, branch_route):
                    error = E_CFG
                forced = msg.force_send_socket
            if not error:
                if listeners:
                    self.tell(TMCB_REQUEST_FWDED, t, ctx, msg, None, 0, index)
                uri, path = msg.current_uri(), msg.path
                next_hop = msg.dst_uri or next_hop
                branch.instance, branch.ruid, branch.location_ua = msg.instance, msg.ruid, msg.location_ua
                error = self._prepare(ctx, t, branch, uri, path, next_hop, forced, proxy, proto)
            (
                msg.new_uri,
                msg.dst_uri,
                msg.path,
                msg.instance,
                msg.ruid,
                msg.location_ua,
                msg.force_send_socket,
            ) = kept
            msg.edits.rollback(mark)
        if error:
            ctx.ser_error = error
            return error
        branch.branch_flags = ctx.bflags
        t.branches.append(branch)
        return branch

    def _run_branch_route(self, ctx: Context, t: Transaction, branch: ClientBranch, name: str) -> bool:
        """Run branch_route[name] for a branch that is being made; False: the script dropped the branch."""
        function = self.server.route_function(Route.BRANCH, name)
        if function is None:
            return True
        route, index = ctx.route, ctx.branch
        ctx.route, ctx.branch = Route.BRANCH, branch.index
        dropped, exited = ctx.drop, ctx.exited
        ctx.drop = ctx.exited = False
        self.server.run_top(function, ctx)
        going = not ctx.drop
        ctx.route, ctx.branch, ctx.drop, ctx.exited = route, index, dropped, exited
        return going

    def _prepare(
        self,
        ctx: Context,
        t: Transaction,
        branch: ClientBranch,
        uri: str,
        path: str,
        next_hop: str,
        forced: ListenSocket | None,
        proxy: Proxy | None,
        proto: str,
    ) -> int:
        """Find where the branch goes and build its text: 0, or an error code."""
        server = self.server
        destination: Destination | None
        if proxy is not None:
            destination = next(server.dns.destinations(proxy.host, proxy.port, proxy.proto or proto), None)
        elif server.cfg.core["use_dns_failover"]:
            branch.alternatives = dns.destinations(server, next_hop, proto)
            destination = next(branch.alternatives, None)
        else:
            destination = dns.uri_to_destination(server, next_hop, proto)
        if destination is None:
            return E_BAD_ADDRESS
        return self._build(ctx, t, branch, uri, path, destination, forced)

    def _build(
        self,
        ctx: Context,
        t: Transaction,
        branch: ClientBranch,
        uri: str,
        path: str,
        destination: Destination,
        forced: ListenSocket | None,
    ) -> int:
        server = self.server
        socket = server.get_send_socket(destination, forced)
        if socket is None:
            server.log.error("tm", f"can't fwd to {destination.ip}, proto {destination.proto}")
            return E_NO_SOCKET
        msg = ctx.msg
        branch.send_socket_forced = forced is not None
        branch.on_reply, branch.on_failure = t.on_reply, t.on_failure
        branch.on_branch_failure = t.on_branch_failure
        parameter = f"{t.branch_base}.{BRANCH_TEXT[branch.index]}"
        branch.text, branch.socket, branch.destination = build_request(
            ctx, socket, outgoing(ctx, destination), parameter, uri=uri, path=path
        )
        branch.uri, branch.path = uri, path
        if msg.has_edits:
            count = _record_routes(msg, Departure(branch.socket, branch.destination.proto))
            if count:
                branch.rr_flags = 1 if count == 1 else 3
        return 0

    # -- sending --------------------------------------------------------------------------------------------------
    def send_branch(self, t: Transaction, branch: ClientBranch, ctx: object) -> int:
        """Send a branch's request for the first time (t_send_branch).

        Its own index when sent; the index of another branch that DNS failover put in its place; <0 when neither.
        """
        server = self.server
        socket, destination = branch.socket, branch.destination
        assert socket is not None and destination is not None
        context: Context | None = ctx  # type: ignore[assignment]
        request = context.msg if context is not None else t.request
        if request is not None and (Route.ONSEND, "") in server.routes:
            context = context or self.context_of(t)
            if not server.run_onsend(context, socket, destination, branch.text):
                branch.last_received = 408
                return self._instead(t, branch, context)
        if server.blocklist.entries and request is not None:
            bit = _METHOD_BITS.get(request.method_id, _OTHER_METHOD)
            if self.cfg["blst_methods_lookup"] & bit and server.blocklist.blocked(destination):
                branch.last_received = 408
                return self._instead(t, branch, context)
        server.send(socket, destination, branch.text)
        if t.types & TMCB_REQUEST_SENT:
            self.tell(TMCB_REQUEST_SENT, t, context, request, None, 0, branch.index, 0, branch.text, destination)
        self.start_retr(branch)
        return branch.index

    def _instead(self, t: Transaction, branch: ClientBranch, ctx: Context | None) -> int:
        """DNS failover behind a branch that must not be sent: the new branch's index, or -1."""
        if self.server.cfg.core["use_dns_failover"]:
            result = self.failover(t, branch, ctx)
            if result >= 0:
                return result
        return -1

    def failover(self, t: Transaction, branch: ClientBranch, ctx: Context | None = None) -> int:
        """See `Engine` (add_uac_dns_fallback)."""
        if t.flags & (T_DONT_FORK | T_DISABLE_FAILOVER) or branch.cancelling or branch.alternatives is None:
            return -1
        destination = next(branch.alternatives, None)
        if destination is None:
            return -1
        if len(t.branches) >= self.max_branches:
            self.server.log.error("tm", "maximum number of branches exceeded")
            return E_TOO_MANY_BRANCHES
        request = t.request
        if request is None:
            return -1
        new = ClientBranch(t, len(t.branches))
        new.alternatives = branch.alternatives
        new.instance, new.ruid, new.location_ua = branch.instance, branch.ruid, branch.location_ua
        forced: ListenSocket | None = None
        if branch.send_socket_forced:
            forced = branch.socket
        elif self.dns_reuse_rcv_socket:
            forced = request.received.socket
        context = ctx or self.context_of(t)
        if self.cfg["reparse_on_dns_failover"]:
            error = self._rebuild(context, t, branch, new, destination, forced)
        else:
            context = self.context_of(t)
            error = self._build(context, t, new, branch.uri, branch.path, destination, forced)
        if error:
            return error
        new.on_failure, new.on_reply = branch.on_failure, branch.on_reply
        new.on_branch_failure, new.branch_flags = branch.on_branch_failure, branch.branch_flags
        t.branches.append(new)
        return new.index

    def _rebuild(
        self,
        ctx: Context,
        t: Transaction,
        old: ClientBranch,
        new: ClientBranch,
        destination: Destination,
        forced: ListenSocket | None,
    ) -> int:
        """The text of a failed branch with another Via (add_uac_from_buf)."""
        socket = self.server.get_send_socket(destination, forced)
        if socket is None:
            return E_NO_SOCKET
        sent = self.parse(old.text)
        header = sent.first("via")
        if header is None:
            return E_UNSPEC
        via = via_line(ctx, socket, destination, f"{t.branch_base}.{BRANCH_TEXT[new.index]}")
        new.text = sent.buf[: header.start] + via + sent.buf[header.end :]
        new.destination, new.socket = destination, socket
        new.uri, new.path, new.rr_flags = old.uri, old.path, old.rr_flags
        new.send_socket_forced = old.send_socket_forced
        return 0

    def sending_failed(self, datagram: Datagram) -> None:
        """The driver could not send: try the branch's next address, else give the branch up.

        A first attempt ends in 477 as when t_relay() itself had failed, a retransmission in 503.
        """
        text = datagram.text
        if text.startswith("SIP/2.0 "):
            return
        at = text.find(";branch=z9hG4bK")
        if at < 0:
            return
        end = at + 8
        while end < len(text) and text[end] not in ";, \r\n":
            end += 1
        base, _, number = text[at + 8 : end].rpartition(".")
        t = self.by_branch.get(base)
        if t is None or number not in BRANCH_TEXT:
            return
        index = BRANCH_TEXT.index(number)
        if index >= len(t.branches):
            return
        branch = t.branches[index]
        if branch.text != text or branch.last_received >= 200:
            return
        first = branch.interval == 2 * t.retr1
        self.stop_timer(branch)
        self.blocklist(datagram.to, None, ERR_SEND)
        if self.server.cfg.core["use_dns_failover"] and self.fail_over(t, branch):
            branch.last_received = 408
            return
        if self.failure_exec_mode or not first or len(t.branches) > 1 or t.request is None:
            branch.icode = 908
            self.fake_reply(t, branch, 477 if first else 503)
            return
        branch.last_received = 408
        self.kill(t, E_SEND)

    def blocklist(self, destination: Destination, seconds: float | None, reason: int = REPLY_503) -> None:
        """See `Replies`."""
        if reason == REPLY_503:
            self.server.blocklist.force(destination, reason, seconds)
        else:
            self.server.blocklist.add(destination, reason, seconds)

    def timed_out(self, t: Transaction, branch: ClientBranch) -> None:
        """See `Timers`: blocklist where nobody answered, for the methods in `blst_methods_add`."""
        assert t.request is not None and branch.destination is not None
        if self.cfg["blst_methods_add"] & _METHOD_BITS.get(t.request.method_id, _OTHER_METHOD):
            self.blocklist(branch.destination, None, ERR_TIMEOUT)

    # -- settings -------------------------------------------------------------------------------------------------
    max_branches: int
    delayed_reply: int
    fr_avp: int | str | None
    fr_inv_avp: int | str | None


#: What a clone keeps when only its edits change.
_ROUTING_STATE: Final = (
    "new_uri",
    "dst_uri",
    "path",
    "flags",
    "xflags",
    "msg_flags",
    "force_send_socket",
    "set_global_address",
    "set_global_port",
    "instance",
    "reg_id",
    "ruid",
    "location_ua",
    "otcpid",
)


def _record_routes(msg: Message, out: Departure) -> int:
    """How many Record-Route headers our edits add on the way out."""
    count = 0
    for edit in msg.edits.headers:
        if edit.kind != "record-route" or edit.delete:
            continue
        pieces = edit.before or edit.after
        if pieces:
            condition = pieces[0].content
            count += not isinstance(condition, Condition) or holds(condition, msg, out)
    return count


__all__ = ["E_CFG", "KR_EXISTED", "Proxy", "Relay"]
