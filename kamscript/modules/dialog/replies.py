"""What replies to the INVITE, and to requests within the call, do to a dialog (dlg_onreply)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.callbacks import (
    DLGCB_CONFIRMED_NA,
    DLGCB_EARLY,
    DLGCB_FAILED,
    DLGCB_RESPONSE_FWDED,
    DLGCB_RESPONSE_WITHIN,
    DLGCB_TERMINATED_CONFIRMED,
)
from kamscript.modules.dialog.cell import (
    CALLEE,
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    DOWNSTREAM,
    EARLY,
    FLAG_NEW,
    UNCONFIRMED,
    UPSTREAM,
)
from kamscript.modules.dialog.events import identity
from kamscript.modules.dialog.initial import Initial
from kamscript.modules.dialog.legs import fill_leg
from kamscript.modules.dialog.states import RPL_1XX, RPL_2XX, RPL_3XX
from kamscript.modules.tm.callbacks import (
    TMCB_DESTROY,
    TMCB_ON_FAILURE,
    TMCB_RESPONSE_FWDED,
    TMCB_RESPONSE_IN,
    TmcbParams,
)

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message


class Replies(Initial):
    """The callbacks of transactions; `params.param` is the dialog, which may be gone by then."""

    def on_reply(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """A reply came for the INVITE, or is about to be sent upstream."""
        dlg: DialogCell = params.param
        if dlg.ref <= 0:
            return
        request, reply, ctx = params.request, params.reply, params.ctx
        if kind & (TMCB_RESPONSE_IN | TMCB_ON_FAILURE):
            self._show(t, dlg, kind, params)
            if dlg.callback_types & DLGCB_RESPONSE_FWDED and "dialog" not in t.state:
                t.state["dialog"] = True  # registered once, and only when somebody listens
                self.tm.register_tmcb(TMCB_RESPONSE_FWDED, self.forwarded, t=t, param=dlg)
            return
        dlg.ref += 1
        code = params.code
        old, new, unref = self.move(dlg, RPL_1XX if code < 200 else RPL_2XX if code < 300 else RPL_3XX)
        if new == DELETED and old != DELETED:
            dlg.end_ts = self.now()
        if not self.run_event_route(dlg, reply, old, new, ctx):
            return
        if new == EARLY:
            self.tell(DLGCB_EARLY, dlg, ctx, request, reply, UPSTREAM)
            if old != EARLY:
                self.module.early.value += 1
        elif new == CONFIRMED_NA and old not in (CONFIRMED_NA, CONFIRMED):
            self._answered(t, dlg, ctx, request, reply, old)
            if unref:
                self.table.unref(dlg, unref)
        elif new == DELETED and old in (UNCONFIRMED, EARLY):
            self.tell(DLGCB_FAILED, dlg, ctx, request, reply, UPSTREAM)
            if self.module.wait_ack == 1:
                dlg.ref += 1
                self.tm.register_tmcb(TMCB_DESTROY, self.transaction_gone, t=t, param=dlg)
            if unref:
                self.table.unref(dlg, unref)
            if old == EARLY:
                self.module.early.value -= 1
            self.module.failed.value += 1
        elif unref:
            self.table.unref(dlg, unref)
        if new > old and self.module.replication is not None:
            self.module.replication.state(dlg)
        self.table.unref(dlg)

    def on_reply_within(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """A reply came for a request within the call."""
        dlg: DialogCell = params.param
        if dlg.ref > 0:
            self._show(t, dlg, kind, params)

    def _show(self, t: Transaction, dlg: DialogCell, kind: int, params: TmcbParams) -> None:
        """Let the onreply and failure routes to come see the dialog."""
        if kind == TMCB_ON_FAILURE and not t.branches[params.branch].on_failure:
            return  # no route comes, and when a timer led here nothing would end the context
        self.context.dialog = dlg
        if params.request is not None:
            self.module.profiles.attach(params.request, dlg)

    def forwarded(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """A reply to the INVITE is about to be sent upstream."""
        dlg: DialogCell = params.param
        if dlg.ref > 0:
            self.tell(DLGCB_RESPONSE_FWDED, dlg, params.ctx, params.request, params.reply, UPSTREAM)

    def _answered(
        self,
        t: Transaction,
        dlg: DialogCell,
        ctx: Context,
        request: Message | None,
        reply: Message | None,
        old: int,
    ) -> None:
        """The first 2xx: what it tells of the callee is kept, and the lifetime begins."""
        module = self.module
        if reply is not None:
            to = reply.to
            tag = (to.tag or "") if to is not None else ""
            if not tag:
                self.log.error("dialog", "missing TAG param in TO hdr :-/")
            if not fill_leg(module, dlg, reply, CALLEE, tag, t):
                self.log.error("dialog", "could not add further info to the dialog")
        else:
            self.log.error("dialog", "Faked reply!")
        dlg.start_ts = self.now()
        dlg.dflags |= FLAG_NEW
        module.store.update(dlg)
        if dlg.deadline:
            self.log.critical("dialog", f"Unable to insert dlg on event {RPL_2XX} [{old}->{dlg.state}] {identity(dlg)}")
        else:
            module.expiry.set(dlg, dlg.lifetime)
            dlg.ref += 1
        self.tell(DLGCB_CONFIRMED_NA, dlg, ctx, request, reply, UPSTREAM)
        if old == EARLY:
            module.early.value -= 1
        module.active.value += 1

    def transaction_gone(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """TMCB_DESTROY: give back the reference that kept an ended dialog in the table (dlg_ontdestroy)."""
        self.table.unref(params.param)

    # -- requests within the dialog -------------------------------------------------------------------------------
    def seq_upstream(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """A reply to a request of the caller is about to be sent on (dlg_seq_up_onreply)."""
        dlg: DialogCell = params.param
        if dlg.ref > 0:
            self.tell(DLGCB_RESPONSE_WITHIN, dlg, params.ctx, params.request, params.reply, UPSTREAM)

    def seq_downstream(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """A reply to a request of the callee is about to be sent on (dlg_seq_down_onreply)."""
        dlg: DialogCell = params.param
        if dlg.ref > 0:
            self.tell(DLGCB_RESPONSE_WITHIN, dlg, params.ctx, params.request, params.reply, DOWNSTREAM)

    def bye_answered(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """The BYE was answered (dlg_terminated_confirmed)."""
        dlg: DialogCell = params.param
        if dlg.ref > 0:
            self.tell(DLGCB_TERMINATED_CONFIRMED, dlg, params.ctx, params.request, params.reply, UPSTREAM)
