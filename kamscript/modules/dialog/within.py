"""Requests within a call: finding its dialog by cookie or elements, and what they do to it (dlg_onroute)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.modules.dialog.callbacks import (
    DLGCB_CONFIRMED,
    DLGCB_REQ_WITHIN,
    DLGCB_RESPONSE_WITHIN,
    DLGCB_TERMINATED,
    DLGCB_TERMINATED_CONFIRMED,
)
from kamscript.modules.dialog.cell import (
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    DIR_NONE,
    EARLY,
    FLAG_CHANGED,
    IFLAG_CSEQ_DIFF,
    IFLAG_TIMER_NORESET,
    UPSTREAM,
)
from kamscript.modules.dialog.events import identity
from kamscript.modules.dialog.initial import DID_NONE, DID_ONLY
from kamscript.modules.dialog.legs import contact_of
from kamscript.modules.dialog.replies import Replies
from kamscript.modules.dialog.states import REQ, REQ_ACK, REQ_BYE, REQUEST_EVENTS
from kamscript.modules.dialog.table import match
from kamscript.modules.tm.callbacks import (
    TMCB_DESTROY,
    TMCB_ON_FAILURE,
    TMCB_RESPONSE_FWDED,
    TMCB_RESPONSE_IN,
    TMCB_RESPONSE_OUT,
)
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.sip.message import Message

_HEX = "0123456789abcdefABCDEF"


def cookie_number(text: str) -> int | None:
    """A number of a cookie, its lowest hexadecimal digit first (reverse_hex2int); None: it is none."""
    if text.strip(_HEX):
        return None
    return int(text[::-1], 16) & 0xFFFFFFFF if text else 0


class Within(Replies):
    """Sequential requests."""

    def on_route(self, ctx: Context, params: str, param: Any) -> None:
        """rr's callback: loose_route() routed a request."""
        self.within_dialog(ctx, self.match_mode)

    def within_dialog(self, ctx: Context, mode: int) -> None:
        """Find the dialog of a request with To tag and move it; `mode` is a dlg_match_mode."""
        context = self.context
        if context.current() is not None:
            return
        msg = ctx.msg
        to = msg.to
        if to is None or not to.tag:
            return
        found = self._find(ctx, msg, mode)
        if found is None:
            return
        dlg, direction = found
        dlg.ref += 1
        self.module.profiles.attach(msg, dlg)
        context.dialog = dlg
        if dlg.iflags & IFLAG_CSEQ_DIFF:
            self.module.requests.refresh_cseq(ctx, dlg, direction)
        method = msg.method_id
        if method != "ACK":
            self.tm.register_tmcb(TMCB_RESPONSE_IN | TMCB_ON_FAILURE, self.on_reply_within, ctx=ctx, param=dlg)
        event = REQUEST_EVENTS.get(method, REQ)
        old, new, unref = self.move(dlg, event)
        context.seen, context.seen_lifetime, context.seen_state = msg.number, self.now() - dlg.start_ts, new
        if not self.run_event_route(dlg, msg, old, new, ctx):
            return
        if new == DELETED:
            if old != DELETED:
                # It stays until the transaction of the BYE is gone, for what is still in the air.
                dlg.end_ts = self.now()
                dlg.ref += 1
                self.tm.register_tmcb(TMCB_DESTROY, self.transaction_gone, ctx=ctx, param=dlg)
                if event == REQ_BYE:
                    self._ended(ctx, dlg, direction, old, unref)
        else:
            if new == CONFIRMED and old != CONFIRMED:
                if old < CONFIRMED_NA:
                    self._confirmed_elsewhere(dlg, old)
                self.module.requests.confirmed(dlg)
            if event != REQ_BYE and new in (CONFIRMED, EARLY):
                self._sequential(ctx, dlg, direction, event, old, new)
            if new == CONFIRMED and old == CONFIRMED_NA:
                dlg.dflags |= FLAG_CHANGED
                self.module.store.update(dlg)
        if new > old and self.module.replication is not None:
            self.module.replication.state(dlg)
        self.table.unref(dlg)

    # -- which dialog ---------------------------------------------------------------------------------------------
    def _find(self, ctx: Context, msg: Message, mode: int) -> tuple[DialogCell, int] | None:
        """The dialog by the cookie of the Route that led here, or by the elements, and the direction."""
        if mode != DID_NONE:
            value = self.rr.route_param(ctx, self.module.rr_param)
            if value is None:
                if mode == DID_ONLY:
                    return None
            else:
                found, go_on = self._by_cookie(msg, value)
                if found is not None or not go_on or mode == DID_ONLY:
                    return found
        elements = self.elements(msg)
        if elements is None:
            return None
        dlg, direction = self.table.search(*elements)
        return (dlg, direction) if dlg is not None else None

    def _by_cookie(self, msg: Message, value: str) -> tuple[tuple[DialogCell, int] | None, bool]:
        """The dialog that a cookie names if its elements are the message's; whether else to try without cookie."""
        if not value:
            self.log.error("dialog", "NULL start of parameter string")
            return None, False
        entry, dot, number = value.partition(".")
        if not dot:
            self.log.error("dialog", f"malformed rr param '{value}'")
            return None, False
        h_entry = cookie_number(entry)
        if h_entry is None:
            self.log.error("dialog", f"invalid hash entry '{entry}'")
            return None, False
        h_id = cookie_number(number)
        if h_id is None:
            self.log.error("dialog", f"invalid hash id '{number}'")
            return None, False
        dlg = self.table.lookup(h_entry, h_id)
        if dlg is None:
            self.log.warning(
                "dialog",
                f"unable to find dialog for {msg.method} with route param '{value}' [{h_entry}:{h_id}]"
                f" and call-id '{msg.callid}'",
            )
            return None, True
        elements = self.elements(msg)
        if elements is None:
            return None, False
        callid, from_tag, to_tag = elements
        direction = match(dlg, from_tag, to_tag) if dlg.callid == callid else DIR_NONE
        if direction != DIR_NONE:
            return (dlg, direction), False
        caller, callee = dlg.caller.tag, dlg.callee.tag
        self.log.warning(
            "dialog",
            f"tight matching failed for {msg.method} with callid='{callid}'/{len(callid)},"
            f" ftag='{from_tag}'/{len(from_tag)}, ttag='{to_tag}'/{len(to_tag)} and direction=0",
        )
        self.log.warning(
            "dialog",
            f"dialog identification elements are callid='{dlg.callid}'/{len(dlg.callid)},"
            f" caller tag='{caller}'/{len(caller)}, callee tag='{callee}'/{len(callee)}",
        )
        return None, True

    # -- what the request does ------------------------------------------------------------------------------------
    def _ended(self, ctx: Context, dlg: DialogCell, direction: int, old: int, unref: int) -> None:
        """A BYE ended the call."""
        if self.module.expiry.clear(dlg):
            unref += 1
        elif old >= CONFIRMED_NA:
            self.log.warning("dialog", f"inconsistent dlg timer data on dlg {identity(dlg)}")
        self.tell(DLGCB_TERMINATED, dlg, ctx, ctx.msg, None, direction)
        if dlg.callback_types & DLGCB_TERMINATED_CONFIRMED:
            self.tm.register_tmcb(TMCB_RESPONSE_OUT, self.bye_answered, ctx=ctx, param=dlg)
        self.table.unref(dlg, unref)
        context = self.context
        context.created = context.expect_t = True
        context.dialog = dlg
        if old >= CONFIRMED_NA:
            self.module.active.value -= 1

    def _confirmed_elsewhere(self, dlg: DialogCell, old: int) -> None:
        """The ACK of a call whose 2xx another node of the DMQ bus saw: here the lifetime begins now."""
        if old == EARLY:
            self.module.early.value -= 1
        self.module.active.value += 1
        if not dlg.deadline:
            self.module.expiry.set(dlg, dlg.lifetime)
            dlg.ref += 1

    def _sequential(self, ctx: Context, dlg: DialogCell, direction: int, event: int, old: int, new: int) -> None:
        """A request other than BYE in an early or confirmed dialog: lifetime, contact, CSeq, cookie."""
        module = self.module
        timeout = self.timeout(ctx)
        if timeout != module.default_timeout:
            dlg.lifetime = timeout
        if new != EARLY and (old != CONFIRMED or not (dlg.iflags & IFLAG_TIMER_NORESET or module.timeout_noreset)):
            if self.restart_timer(dlg, dlg.lifetime):
                dlg.dflags |= FLAG_CHANGED
            else:
                self.log.error("dialog", "failed to update dialog lifetime")
        if event != REQ_ACK:
            self._refresh(dlg, ctx.msg, direction)
        if dlg.dflags & FLAG_CHANGED and old != CONFIRMED_NA:
            module.store.update(dlg)
        if old == CONFIRMED_NA:
            # The ACK, which is one change to the database: it is written behind the callbacks.
            self.tell(DLGCB_CONFIRMED, dlg, ctx, ctx.msg, None, direction)
            return
        self.tell(DLGCB_REQ_WITHIN, dlg, ctx, ctx.msg, None, direction)
        if not self.add_cookie(ctx, dlg):
            return
        if event != REQ_ACK and dlg.callback_types & DLGCB_RESPONSE_WITHIN:
            callback = self.seq_downstream if direction == UPSTREAM else self.seq_upstream
            self.tm.register_tmcb(TMCB_RESPONSE_FWDED, callback, ctx=ctx, param=dlg)

    def _refresh(self, dlg: DialogCell, msg: Message, direction: int) -> None:
        """Who sent the request has this CSeq now, and behind a re-INVITE this Contact."""
        leg = dlg.callee if direction == UPSTREAM else dlg.caller
        if msg.method_id == "INVITE":
            try:
                leg.contact = contact_of(msg)
            except SipError as error:
                self.log.error("dialog", str(error))
                self.log.error("dialog", "contacts update failed")
        if msg.cseq is None:
            self.log.error("dialog", "bad sip message or missing CSeq hdr :-/")
            self.log.error("dialog", "cseqs update failed")
            return
        leg.cseq = msg.cseq.number_text
        dlg.dflags |= FLAG_CHANGED
