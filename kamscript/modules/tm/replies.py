"""Replies from downstream: onreply routes, acknowledging, relaying upstream (tm/t_reply.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core.build import build_local_reply, build_reply
from kamscript.core.context import Context
from kamscript.core.errors import reason_phrase
from kamscript.core.sockets import Destination
from kamscript.module import Route
from kamscript.modules.tm.callbacks import (
    TMCB_E2EACK_IN,
    TMCB_E2EACK_RETR_IN,
    TMCB_LOCAL_COMPLETED,
    TMCB_LOCAL_F,
    TMCB_LOCAL_RESPONSE_OUT,
    TMCB_REQUEST_SENT,
    TMCB_RESPONSE_FWDED,
    TMCB_RESPONSE_OUT,
    TMCB_RESPONSE_READY,
    TMCB_RESPONSE_SENT,
    TYPE_LOCAL_ACK,
)
from kamscript.modules.tm.cancel import CANCEL_METHODS, FORCE_CANCEL, KILL
from kamscript.modules.tm.deciding import (
    RPS_COMPLETED,
    RPS_ERROR,
    RPS_PROVISIONAL,
    RPS_PUSHED,
    Deciding,
)
from kamscript.modules.tm.sending import needs_totag
from kamscript.modules.tm.states import (
    A_ACK,
    A_CANCEL,
    A_PASS,
    A_SLOW,
    A_STOP,
    A_STOP_RETR,
    B_RETR,
    INVITE_CLIENT,
    NON_INVITE_CLIENT,
    REPLY_EVENT,
    S_1XX,
    S_2XX,
    S_FINAL,
)
from kamscript.modules.tm.transaction import (
    FAKED_REPLY,
    NEVER,
    T_ASYNC_SUSPENDED,
    T_CANCELED,
    ClientBranch,
    FakedReply,
    Outgoing,
)
from kamscript.sip.message import FL_RPL_SUSPENDED

if TYPE_CHECKING:
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message

_TOTAG_EVENTS: Final = TMCB_RESPONSE_OUT | TMCB_RESPONSE_READY | TMCB_E2EACK_IN | TMCB_E2EACK_RETR_IN
_NO_CODES: Final[tuple[frozenset[int], int]] = (frozenset(), 0)


def answer_totag(t: Transaction, reply: Message) -> bool:
    """Remember the to-tag of a relayed 2xx; True when it was known (update_totag_set)."""
    to = reply.to
    tag = to.tag if to is not None else None
    if not tag:
        return False
    if tag in t.fwded_totags:
        return True
    t.fwded_totags[tag] = False
    return False


class Replies(Deciding):
    """From a reply that came in to what goes out."""

    tm_error = 0  #: the error of the last t_relay() in a failure route

    # -- a reply came ---------------------------------------------------------------------------------------------
    def reply_in(self, ctx: Context) -> bool:
        """The core's reply hook (reply_received): True when the reply belongs to a transaction and was dealt with."""
        t = ctx.t if ctx.t is not None else self.match_reply(ctx)
        if t is None or ctx.branch < 0:
            return self._unmatched(ctx)
        self.counts.received += 1
        msg = ctx.msg
        branch = t.branches[ctx.branch]
        code = msg.status
        cseq = msg.cseq
        is_invite = t.is_invite
        if is_invite and cseq is not None and cseq.method == "CANCEL":
            cancel = branch.cancel
            if cancel is not None:
                if code >= 200:
                    self.stop_timer(cancel)
                else:
                    cancel.retr_deadline = NEVER
            return True
        last = branch.last_received
        row = (INVITE_CLIENT if is_invite else NON_INVITE_CLIENT)[branch.state][REPLY_EVENT[code // 100]]
        if row is None:
            return True
        branch.state, actions = row
        if actions & A_STOP:
            timer = branch.timer
            if timer is not None:
                timer.callback = None
                branch.timer = None
        elif actions & A_STOP_RETR:
            branch.retr_deadline = NEVER
        elif actions & A_SLOW:
            branch.slow = True
            branch.retr_deadline = self.server.timers.now + t.retr2
        if actions & A_ACK:
            self._acknowledge(t, ctx, branch)
        elif is_invite and 200 <= code < 300 and t.is_local:
            self.acknowledge_local(t, ctx, branch)
        if actions & A_CANCEL:
            self._cancel_late(t, branch)
            return True
        if not actions & A_PASS:
            return True
        if branch.on_reply:
            code = self._onreply(t, ctx, branch, code)
            if code < 0:
                return True
        if code == 503:
            self._unavailable(t, ctx, branch)
        elif code >= 300 and self.failover_codes != _NO_CODES:
            codes, lowest = self.failover_codes
            if (code in codes or (lowest and code // 100 >= lowest)) and self.server.cfg.core["use_dns_failover"]:
                self.fail_over(t, branch)
        if t.flags & T_ASYNC_SUSPENDED or msg.msg_flags & FL_RPL_SUSPENDED:
            return True
        self.settle(t, ctx, msg, branch, code, last)
        return True

    def settle(self, t: Transaction, ctx: Context, msg: Message, branch: ClientBranch, code: int, last: int) -> None:
        """Decide about a reply and act on it; `last` is the branch's reply code before."""
        is_local = t.is_local
        if is_local:
            became, to_cancel = self.local_reply(t, ctx, msg, branch, code)
        else:
            became, to_cancel = self.relay_reply(t, ctx, msg, branch, code)
        if became == RPS_COMPLETED:
            self.stop_branches(t)
            if to_cancel:
                self.cancel_claimed(t, to_cancel, code, KILL)
            if is_local:
                self.put_on_wait(t)
        elif to_cancel:
            self.cancel_claimed(t, to_cancel, code, CANCEL_METHODS[self.cfg["cancel_b_method"]])
        branch.replied = True
        if (
            code < 200
            and became != RPS_ERROR
            and t.is_invite
            and (self.cfg["restart_fr_on_each_reply"] or (last < code and (code >= 180 or last == 0)))
        ):
            self.restart_fr(branch, t.fr_inv_timeout)

    def _unmatched(self, ctx: Context) -> bool:
        name = self.on_sl_reply
        if not name:
            return False
        function = self.server.route_function(Route.TM_ONREPLY, name)
        if function is None:
            return False
        # Kamailio leaves the route type at core onreply here.
        return self.server.run_top(function, ctx) == 0 or ctx.drop

    def _acknowledge(self, t: Transaction, ctx: Context, branch: ClientBranch) -> None:
        """ACK a negative reply hop by hop (build_ack)."""
        text = self.derive(t, branch, "ACK", ctx.msg.line("to"))
        assert branch.socket is not None and branch.destination is not None
        if self.evlreq_mode & 2:
            out = Outgoing(t, TYPE_LOCAL_ACK, branch.socket, branch.destination, text)
            self.local_event(t, out)
            text = out.text
        self.server.send(branch.socket, branch.destination, text)
        if t.types & TMCB_REQUEST_SENT:
            self.tell(
                TMCB_REQUEST_SENT,
                t,
                ctx,
                t.request,
                ctx.msg,
                TYPE_LOCAL_ACK,
                branch.index,
                TMCB_LOCAL_F,
                text,
                branch.destination,
            )

    def _cancel_late(self, t: Transaction, branch: ClientBranch) -> None:
        """A branch that was given up shows life: send it CANCEL, or again."""
        if branch.cancel is not None:
            self.send_cancel(t, branch)
        elif not branch.cancelling:
            branch.cancelling = True
            reason: int | str = t.cancel_reason or (t.status if t.status >= 200 else 0)
            self.cancel_branch(t, branch, reason, FORCE_CANCEL)

    def _onreply(self, t: Transaction, ctx: Context, branch: ClientBranch, code: int) -> int:
        """Run the branch's onreply_route: the reply code behind it, -1 when a provisional reply was dropped."""
        function = self.server.route_function(Route.TM_ONREPLY, branch.on_reply)
        if function is None:
            return code
        msg, request = ctx.msg, t.request
        kept = (ctx.route, ctx.avps, ctx.xavps, ctx.xavus, ctx.xavis)
        ctx.route = Route.TM_ONREPLY
        if request is not None:
            msg.flags, msg.xflags = request.flags, request.xflags
        self.enter(ctx, t)
        ctx.bflags = branch.branch_flags
        last = branch.last_received
        if code > last:
            branch.last_received = code
        ctx.drop = ctx.exited = False
        self.server.run_top(function, ctx)
        branch.last_received = last
        if request is not None:
            request.flags, request.xflags = msg.flags, msg.xflags
        branch.branch_flags = ctx.bflags
        ctx.route, ctx.avps, ctx.xavps, ctx.xavus, ctx.xavis = kept
        if ctx.drop and code < 200:
            return -1
        return msg.status

    def _unavailable(self, t: Transaction, ctx: Context, branch: ClientBranch) -> None:
        """A 503: blocklist who sent it (`blst_503`), and try the branch's next address."""
        cfg, msg = self.cfg, ctx.msg
        if cfg["blst_503"]:
            seconds = cfg["blst_503_def_timeout"]
            header = msg.value("retry-after")
            if header is not None:
                digits = header.strip().split(";")[0].split("(")[0].strip()
                if digits.isdecimal():
                    asked = int(digits.lstrip("0")[:10] or 0)
                    seconds = min(max(asked, cfg["blst_503_min_timeout"]), cfg["blst_503_max_timeout"])
            if seconds:
                received = msg.received
                self.blocklist(Destination(received.proto, received.src_ip, received.src_port), seconds)
        if self.server.cfg.core["use_dns_failover"]:
            self.fail_over(t, branch)

    def fail_over(self, t: Transaction, branch: ClientBranch) -> bool:
        """Send the branch's request to its next address, and the next while that fails; whether one was found."""
        following, previous = self.failover(t, branch), -1
        found = following >= 0
        while following >= 0 and following != previous:
            previous = following
            following = self.send_branch(t, t.branches[following], None)
        return found

    # -- relaying -------------------------------------------------------------------------------------------------
    def relay_reply(
        self, t: Transaction, ctx: Context | None, reply: Message | FakedReply, branch: ClientBranch, code: int
    ) -> tuple[int, list[ClientBranch]]:
        """Decide about a reply to a received request and send upstream what is due (relay_reply)."""
        became, store, relay, to_cancel = self.decide(t, ctx, reply, branch, code)
        if store:
            branch.reply = reply
        if relay < 0:
            if became == RPS_COMPLETED:
                self.put_on_wait(t)
            return became, to_cancel
        types = t.types
        if types & TMCB_RESPONSE_FWDED and code < 300 and relay == branch.index:
            message = None if isinstance(reply, FakedReply) else reply
            self.tell(TMCB_RESPONSE_FWDED, t, ctx, t.request, message, code, relay)
        relayed = reply if relay == branch.index else t.branches[relay].reply
        assert relayed is not None
        faked, out_code, text = self._upstream_text(t, ctx, reply, branch, relayed, relay, code)
        counts = self.counts
        counts.completed[out_code // 100] += 1
        counts.sent += 1
        response = t.response
        assert response is not None
        pushed = became == RPS_PUSHED and self.reply_relay_mode != 0
        known_totag = False
        if not pushed:
            response.code = out_code
            response.text = text
            if faked:
                request = t.request
                assert request is not None
                to = request.to
                own = self.tags.make(request) if needs_totag(out_code, request) else ""
                t.local_totag = own or ((to.tag or "") if to is not None else "")
                counts.generated += 1
            t.status = out_code
            t.relayed_branch = relay
            if not faked and t.is_invite and 200 <= out_code < 300 and types & _TOTAG_EVENTS:
                assert not isinstance(relayed, FakedReply)
                known_totag = answer_totag(t, relayed)
        message = None if faked or isinstance(relayed, FakedReply) else relayed
        if types & TMCB_RESPONSE_READY and not known_totag:
            # A 2xx that is only passed on is told of with the code and text of the final reply that stays (rbtype).
            self.tell(
                TMCB_RESPONSE_READY,
                t,
                ctx,
                t.request,
                message,
                response.code,
                relay,
                0,
                response.text,
                response.destination,
            )
        if became == RPS_COMPLETED:
            actions = self.server_event(t, S_2XX if out_code < 300 else S_FINAL)
            if actions & B_RETR:
                self.start_retr(response)
        elif became == RPS_PROVISIONAL:
            self.server_event(t, S_1XX)
        self._send_upstream(t, ctx, response, text, pushed)
        if types & TMCB_RESPONSE_OUT and not known_totag and not pushed:
            self.tell(TMCB_RESPONSE_OUT, t, ctx, t.request, message, out_code, relay, 0, text, response.destination)
        if types & TMCB_RESPONSE_SENT and not pushed:
            flags = TMCB_LOCAL_F if message is None else 0
            self.tell(
                TMCB_RESPONSE_SENT, t, ctx, t.request, message, out_code, relay, flags, text, response.destination
            )
        return became, to_cancel

    def _send_upstream(self, t: Transaction, ctx: Context | None, response: Outgoing, text: str, pushed: bool) -> None:
        socket, destination = response.socket, response.destination
        if socket is None or destination is None:
            self.server.log.notice("tm", "dst no longer set - skipped sending the reply out")
            return
        if ctx is not None and not pushed and not self.server.run_onsend(ctx, socket, destination, text, reply=True):
            response.socket = None
            return
        self.server.send(socket, destination, text)

    def _upstream_text(
        self,
        t: Transaction,
        ctx: Context | None,
        reply: Message | FakedReply,
        branch: ClientBranch,
        relayed: Message | FakedReply,
        relay: int,
        code: int,
    ) -> tuple[bool, int, str]:
        """Whether the reply is one of ours, its code and text."""
        request = t.request
        assert request is not None
        challenges: str | None = None
        if isinstance(relayed, FakedReply):
            out_code = code if relay == branch.index else t.branches[relay].last_received
            if t.flags & T_CANCELED:
                out_code = 487
            elif out_code == 408:
                # What is told upstream when nobody answered.
                text = self._own_reply(t, ctx, self.reply_408_code, self.reply_408_reason)
                return True, self.reply_408_code, text
        else:
            out_code = relayed.status
        if out_code in (401, 407) and self.cfg["aggregate_challenges"]:
            challenges = self._challenges(t, reply, branch)
        if not isinstance(relayed, FakedReply):
            if out_code == 503 and self.remap_503_500:
                # The reason phrase stays the one of 503, as Kamailio sends it.
                return True, 500, self._own_reply(t, ctx, 500, reason_phrase(503))
            if challenges is None:
                return False, out_code, build_reply(ctx if ctx is not None else self.context_of(t), relayed)
        return True, out_code, self._own_reply(t, ctx, out_code, reason_phrase(out_code), challenges or "")

    def _own_reply(self, t: Transaction, ctx: Context | None, code: int, reason: str, headers: str = "") -> str:
        request = t.request
        assert request is not None
        totag = self.tags.make(request) if needs_totag(code, request) else ""
        return build_local_reply(
            ctx if ctx is not None else self.context_of(t), request, code, reason, totag, headers=headers
        )

    def _challenges(self, t: Transaction, reply: Message | FakedReply, branch: ClientBranch) -> str | None:
        """The WWW- and Proxy-Authenticate headers of all branches (RFC 3261 16.7); None unless several sent one."""
        replies = [
            reply if b is branch else b.reply
            for b in t.branches
            if b.last_received in (401, 407) and (b is branch or b.reply is not None)
        ]
        messages = [r for r in replies if r is not None and not isinstance(r, FakedReply)]
        if len(messages) < 2:
            return None
        return "".join(
            m.buf[h.start : h.end]
            for m in messages
            for h in m.headers
            if h.kind in ("www-authenticate", "proxy-authenticate")
        )

    # -- replies to requests of this server -----------------------------------------------------------------------
    def local_reply(
        self, t: Transaction, ctx: Context | None, reply: Message | FakedReply, branch: ClientBranch, code: int
    ) -> tuple[int, list[ClientBranch]]:
        """Decide about a reply to a request of this server and tell who asked for it (local_reply)."""
        became, store, winner, to_cancel = self.decide(t, ctx, reply, branch, code)
        if store:
            branch.reply = reply
        if winner < 0:
            return became, to_cancel
        winning = reply if winner == branch.index else t.branches[winner].reply
        counts = self.counts
        message: Message | None = None
        if winning is None or isinstance(winning, FakedReply):
            counts.generated += 1
            out_code = code if winner == branch.index else t.branches[winner].last_received
        else:
            message = winning
            out_code = winning.status
        t.status = out_code
        counts.completed[out_code // 100] += 1
        counts.sent += 1
        known_totag = False
        if t.is_invite and message is not None and 200 <= out_code < 300 and t.types & TMCB_LOCAL_COMPLETED:
            known_totag = answer_totag(t, message)
        if out_code < 200:
            if self.cfg["pass_provisional_replies"] and t.types & TMCB_LOCAL_RESPONSE_OUT:
                self.tell(TMCB_LOCAL_RESPONSE_OUT, t, ctx, None, message, out_code, winner)
        elif not known_totag and t.types & TMCB_LOCAL_COMPLETED:
            self.tell(TMCB_LOCAL_COMPLETED, t, ctx, None, message, out_code, winner)
        return became, to_cancel

    # -- replies that never came ----------------------------------------------------------------------------------
    def fake_reply(self, t: Transaction, branch: ClientBranch, code: int) -> None:
        """See `Engine`: a branch timed out or could not be sent (fake_reply of timer.c)."""
        claimed = t.is_invite and self.prepare_cancel(branch, also_silent=False)
        branch.canceled = True
        branch.relaying_reply = True
        if t.is_local:
            became, _ = self.local_reply(t, None, FAKED_REPLY, branch, code)
        else:
            became, _ = self.relay_reply(t, None, FAKED_REPLY, branch, code)
        if claimed:
            self.cancel_branch(t, branch, 0, 0)
        if became == RPS_COMPLETED:
            self.put_on_wait(t)

    def relay_faked(self, t: Transaction, branch: ClientBranch, code: int) -> int:
        """See `Cancelling`."""
        became, to_cancel = self.relay_reply(t, None, FAKED_REPLY, branch, code)
        if to_cancel:
            self.cancel_claimed(t, to_cancel, code, CANCEL_METHODS[self.cfg["cancel_b_method"]])
        return -1 if became == RPS_ERROR else 0

    # -- calls upwards --------------------------------------------------------------------------------------------
    on_sl_reply: str
    failover_codes: tuple[frozenset[int], int]
    reply_408_code: int
    reply_408_reason: str

    def acknowledge_local(self, t: Transaction, ctx: Context, branch: ClientBranch) -> None:
        """ACK the 2xx to an INVITE of this server."""
        raise NotImplementedError

    def blocklist(self, destination: Destination, seconds: float | None) -> None:
        """Do not use a destination for a while."""
        raise NotImplementedError
