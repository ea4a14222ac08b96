"""Following a transaction, a dialog, or stateless replies: what tm, dialog and sl tell (siptrace.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.sockets import Destination
from kamscript.modules.dialog.callbacks import (
    DLGCB_CONFIRMED,
    DLGCB_CREATED,
    DLGCB_REQ_WITHIN,
    DLGCB_SPIRALED,
    DLGCB_TERMINATED,
    DialogParams,
)
from kamscript.modules.siptrace.record import Record, receiver, sender, target
from kamscript.modules.sl import SLCB_ACK_FILTERED, SLCB_REPLY_READY
from kamscript.modules.tm.callbacks import (
    TMCB_ACK_NEG_IN,
    TMCB_E2ECANCEL_IN,
    TMCB_REQUEST_SENT,
    TMCB_RESPONSE_IN,
    TMCB_RESPONSE_READY,
    TMCB_RESPONSE_SENT,
    TMCB_RETR_F,
    TmcbParams,
)
from kamscript.sip.message import FL_SIPTRACE

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.siptrace import Siptrace
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message


class Follow:
    """What is to become of the messages of a transaction or dialog.

    `uri` is where copies go, None: where the parameters say; `destination` its address once it was looked up.
    """

    def __init__(self, uri: str | None, correlation_id: str | None) -> None:
        self.uri, self.correlation_id = uri, correlation_id
        self.destination: Destination | None = None


class Following:
    """Listens to tm, dialog and sl."""

    def __init__(self, module: Siptrace) -> None:
        self.module, self.server = module, module.server
        modules = self.server.modules
        tm, dialog, sl = (modules.get(name) for name in ("tm", "dialog", "sl"))
        self.tm: Any = tm if hasattr(tm, "register_tmcb") else None
        self.dialog: Any = dialog if hasattr(dialog, "register_dlgcb") else None
        if self.dialog is not None:
            self.dialog.register_dlgcb(None, DLGCB_CREATED, self._dialog_created)
        api: Any = sl if hasattr(sl, "register_callback") else None
        if api is not None:
            api.register_callback(SLCB_REPLY_READY, self._stateless_reply)
            if module.trace_sl_acks:
                api.register_callback(SLCB_ACK_FILTERED, self._stateless_ack)

    def is_known(self, ctx: Context) -> bool:
        """Whether a CANCEL or ACK belongs to a transaction that is followed already, which tells of it itself."""
        msg, tm = ctx.msg, self.tm
        if msg.method == "CANCEL":
            return _is_followed(tm.lookup_original(ctx))
        if msg.method == "ACK":
            kept = ctx.t, ctx.branch
            found = tm.lookup_request(ctx)
            ctx.t, ctx.branch = kept
            if found is not None:
                tm.release(found)
            return _is_followed(found)
        return False

    # -- transactions ---------------------------------------------------------------------------------------------
    def transaction(self, ctx: Context, msg: Message, follow: Follow) -> None:
        """Hear of the transaction that a request has or will have (trace_transaction)."""
        msg.msg_flags |= FL_SIPTRACE
        if follow.uri is not None and follow.destination is None:
            follow.destination = self.module.copies.resolve_text(follow.uri)
            if follow.destination is None:
                self.module.error("failed to parse trace destination uri!")
                return
        register = self.tm.register_tmcb
        register(TMCB_REQUEST_SENT, self._request_out, ctx=ctx, param=follow)
        register(TMCB_RESPONSE_IN, self._reply_in, ctx=ctx, param=follow)
        register(TMCB_RESPONSE_SENT, self._reply_out, ctx=ctx, param=follow)
        register(TMCB_ACK_NEG_IN, self._ack_in, ctx=ctx, param=follow)
        register(TMCB_E2ECANCEL_IN, self._cancel_in, ctx=ctx, param=follow)

    def _record(self, msg: Message, text: str, source: str, destination: str, direction: str) -> Record | None:
        record = Record(text, self.module.own(source, direction == "out"), destination, direction)
        problem = record.describe(msg)
        if problem is not None:
            self.module.error(problem)
            return None
        return record

    def _request_out(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        module, msg, text = self.module, params.request, params.buffer
        if params.flags & TMCB_RETR_F or msg is None:
            return
        if not self._wanted(msg, params.ctx):
            return
        branch = t.branches[params.branch] if 0 <= params.branch < len(t.branches) else None
        socket = branch.socket if branch is not None else None
        source = socket.text if socket is not None else receiver(msg.received)
        record = self._record(msg, text or "No request buffer", source, target(params.destination), "out")
        if record is not None:
            record.method = text.partition(" ")[0] if len(text) > 10 else t.method
            module.copies.store(record, params.ctx, params.param.destination)

    def _wanted(self, msg: Message | None, ctx: Context) -> bool:
        return bool(self.module.users(ctx)) or (msg is not None and bool(msg.msg_flags & FL_SIPTRACE))

    def _reply_in(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        reply = params.reply
        if t.request is None or reply is None or not self._wanted(params.request, params.ctx):
            return
        module = self.module
        where = module.own(receiver(reply.received), True)
        record = self._record(reply, reply.buf, sender(reply.received), where, "in")
        if record is not None:
            record.status, record.is_reply = str(params.code), True
            module.copies.store(record, params.ctx, params.param.destination)

    def _reply_out(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        request = t.request
        if request is None or params.flags & TMCB_RETR_F:
            return
        if kind != TMCB_RESPONSE_READY and not self._wanted(request, params.ctx):
            return
        msg = params.reply or request
        asked = params.request or request
        source = f"{msg.received.proto}:{receiver(asked.received).partition(':')[2]}"
        text = params.buffer or (t.response.text if t.response is not None else "") or "No reply buffer"
        record = self._record(msg, text, source, target(params.destination), "out")
        if record is not None:
            record.status, record.is_reply = str(params.code), True
            self.module.copies.store(record, params.ctx, params.param.destination)

    def _ack_in(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        if params.request is not None and params.request.method == "ACK":
            self.module.trace(params.ctx, params.request, params.param.destination)

    def _cancel_in(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        cancel = params.request
        if params.flags & TMCB_RETR_F or cancel is None:
            return
        own = self.tm.match_request(cancel)[1]
        if own is not None:
            self.tm.register_tmcb(TMCB_RESPONSE_READY, self._reply_out, t=own, param=params.param)
        cancel.msg_flags |= FL_SIPTRACE
        self.module.trace(params.ctx, cancel)

    # -- dialogs --------------------------------------------------------------------------------------------------
    def dialog_ahead(self, ctx: Context, follow: Follow) -> None:
        """Follow the dialog that this request is going to start."""
        ctx.state["siptrace"] = follow
        ctx.msg.msg_flags |= FL_SIPTRACE

    def _dialog_created(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        module, ctx, msg = self.module, params.ctx, params.request
        if ctx is None or msg is None:
            return
        if kind == DLGCB_CREATED and module.newer("trace_dialog_spiral"):
            self.dialog.register_dlgcb(dlg, DLGCB_SPIRALED, self._dialog_created)
        elif not msg.msg_flags & FL_SIPTRACE:
            return
        follow = ctx.state.get("siptrace")
        if not isinstance(follow, Follow):
            return
        self.dialog.register_dlgcb(dlg, DLGCB_REQ_WITHIN, self._within_dialog, follow)
        if module.newer("trace_dialog_ack"):
            self.dialog.register_dlgcb(dlg, DLGCB_CONFIRMED, self._within_dialog, follow)
        self.dialog.register_dlgcb(dlg, DLGCB_TERMINATED, self._within_dialog, follow)

    def _within_dialog(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        follow, ctx, msg = params.param, params.ctx, params.request
        if ctx is None or msg is None:
            return
        self.transaction(ctx, msg, follow)
        self.module.trace(ctx, msg, follow.destination, follow.correlation_id)

    # -- stateless replies ----------------------------------------------------------------------------------------
    def _stateless_reply(
        self, ctx: Context, kind: int, code: int, reason: str, text: str, destination: Destination
    ) -> None:
        msg = ctx.msg
        if not self._wanted(msg, ctx):
            return
        where = target(destination, msg.received.proto)
        record = self._record(msg, text, receiver(msg.received), where, "out")
        if record is not None:
            record.status, record.is_reply = str(code), True
            self.module.copies.store(record, ctx)

    def _stateless_ack(self, ctx: Context, *_: Any) -> None:
        self.module.trace(ctx, ctx.msg)


def _is_followed(t: Transaction | None) -> bool:
    return t is not None and t.request is not None and bool(t.request.msg_flags & FL_SIPTRACE)
