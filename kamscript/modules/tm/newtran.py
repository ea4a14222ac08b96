"""Making transactions, and what repeats them (tm/t_lookup.c: t_newtran, init_new_t; t_funcs.c: t_unref)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core.errors import (
    E_BAD_REQ,
    E_BAD_TUPEL,
    E_BAD_VIA,
    E_SCRIPT,
)
from kamscript.core.forward import reply_destination
from kamscript.module import Route
from kamscript.modules.tm.callbacks import (
    TMCB_ACK_NEG_IN,
    TMCB_E2EACK_IN,
    TMCB_E2EACK_RETR_IN,
    TMCB_REQ_RETR_IN,
    TmcbParams,
)
from kamscript.modules.tm.engine import Pending
from kamscript.modules.tm.replies import Replies
from kamscript.modules.tm.states import S_ACK
from kamscript.modules.tm.table import BAD, E2E_ACK, FOUND
from kamscript.modules.tm.transaction import (
    KR_ERROR_DELAYED,
    KR_RELEASED,
    T_AUTO_INV_100,
    T_CANCELED,
    T_DISABLE_6XX,
    T_NO_E2E_CANCEL_REASON,
    T_NOISY_CTIMER,
    Outgoing,
    Transaction,
)
from kamscript.sip.errors import SipError
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.sip.message import Message

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


class Newtran(Replies):
    """From a request that came in to its transaction."""

    def newtran(self, ctx: Context) -> int:
        """See `TmApi`."""
        msg = ctx.msg
        t = ctx.t
        if t is not None:
            if t.request is not None:
                t.request.flags, t.request.xflags = msg.flags, msg.xflags
            return E_SCRIPT
        if msg.header_error:
            self.server.log.error("tm", "parse_headers failed")
            return E_BAD_REQ
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
            seconds = value if isinstance(value, int) else (unsigned(value) or 0) if isinstance(value, str) else 0
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
            if self.kill(t, self.tm_error, ctx) <= 0:
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

    # -- settings -------------------------------------------------------------------------------------------------
    delayed_reply: int
    fr_avp: int | str | None
    fr_inv_avp: int | str | None
