"""The INVITE that starts a call: making its dialog, knowing one that comes again (dlg_new_dialog, dlg_onreq)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.build import reverse_hex
from kamscript.module import FixupError, Route
from kamscript.modules.dialog.callbacks import DLGCB_CREATED, DLGCB_SPIRALED, DialogParams
from kamscript.modules.dialog.cell import (
    CALLER,
    DELETED,
    DIR_NONE,
    DOWNSTREAM,
    FLAG_TM,
    IFLAG_TIMEOUTBYE,
    UNCONFIRMED,
    UPSTREAM,
    DialogCell,
)
from kamscript.modules.dialog.context import SPIRAL_NO, SPIRAL_UNKNOWN, SPIRAL_YES
from kamscript.modules.dialog.events import Events
from kamscript.modules.dialog.legs import fill_leg
from kamscript.modules.tm.callbacks import (
    TMCB_ON_FAILURE,
    TMCB_REQUEST_FWDED,
    TMCB_RESPONSE_IN,
    TMCB_RESPONSE_READY,
    TmcbParams,
)
from kamscript.script.format import accessor_of, format_of

if TYPE_CHECKING:
    from kamscript.core.context import Context, Format
    from kamscript.module import Accessor
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message

#: dlg_match_mode.
DID_ONLY, DID_FALLBACK, DID_NONE = 0, 1, 2
#: What may stand around a Call-ID and is no part of it.
BLANKS = " \t\r\n"
#: dlg_ctxiuid_mode.
CTXIUID_CANCEL = 1

#: TMCB_RESPONSE_FWDED is asked for when somebody wants DLGCB_RESPONSE_FWDED.
_REPLIES = TMCB_RESPONSE_IN | TMCB_RESPONSE_READY | TMCB_ON_FAILURE


class Initial(Events):
    """From an INVITE without To tag to a dialog."""

    def __init__(self, module: Parameters) -> None:
        super().__init__(module)
        self.tm = module.server.module("tm")
        self.rr = module.server.module("rr")
        flag = module.dlg_flag
        self.flag_mask = 1 << flag if flag >= 0 else 0
        self.match_mode = module.dlg_match_mode
        self.cookie = f";{module.rr_param}="
        self.timeout_avp: Accessor | None = None
        if module.timeout_avp:
            try:
                self.timeout_avp = accessor_of(module.timeout_avp, module.server)
            except (FixupError, ValueError):
                text = module.timeout_avp
                raise FixupError(f"timeout_avp must be an AVP, as in $avp(timeout), not {text!r}") from None
        #: None: the request URI as it is.
        self.request_uri: Format | None = None
        if module.ruri_pvar != "$ru":
            try:
                self.request_uri = format_of(module.ruri_pvar, module.server)
            except (FixupError, ValueError):
                text = module.ruri_pvar
                raise FixupError(f"ruri_pvar must be a text with pseudo-variables like $ru, not {text!r}") from None

    # -- what a message is about ----------------------------------------------------------------------------------
    def elements(self, msg: Message) -> tuple[str, str, str] | None:
        """Call-ID, From tag and To tag ("" none); None, and a line in the log, when they are not there."""
        to = msg.to
        callid = msg.callid.strip(BLANKS)
        if to is None or (not callid and msg.first("call-id") is None):
            self.log.error("dialog", "bad request or missing CALLID/TO hdr :-/")
            return None
        from_ = msg.from_
        if from_ is None or not from_.tag:
            self.log.error("dialog", "failed to get From header")
            return None
        return callid, from_.tag, to.tag or ""

    def lookup(self, ctx: Context) -> tuple[DialogCell | None, int]:
        """The dialog of the context, else the one that the message's elements match, and the message's direction.

        DIR_NONE: the context's dialog is not the message's (dlg_lookup_msg_dialog).
        """
        dlg = self.context.current()
        elements = self.elements(ctx.msg)
        if elements is None:
            return None, DIR_NONE
        if dlg is None:
            dlg, direction = self.table.search(*elements)
            self._found(ctx, dlg)
            return dlg, direction
        callid, from_tag, to_tag = elements
        if dlg.callid == callid:
            if dlg.caller.tag == from_tag:
                return dlg, DOWNSTREAM
            if to_tag and dlg.caller.tag == to_tag:
                return dlg, UPSTREAM
        return dlg, DIR_NONE

    def of_message(self, ctx: Context) -> DialogCell | None:
        """The dialog of the context, else the one that the message's elements match (dlg_get_msg_dialog)."""
        dlg = self.context.current()
        if dlg is not None:
            return dlg
        elements = self.elements(ctx.msg)
        if elements is None:
            return None
        dlg, _ = self.table.search(*elements)
        self._found(ctx, dlg)
        return dlg

    def _found(self, ctx: Context, dlg: DialogCell | None) -> None:
        """dlg_ctxiuid_mode 1: the dialog of a CANCEL becomes the context's once it was looked for."""
        if dlg is not None and self.module.dlg_ctxiuid_mode & CTXIUID_CANCEL and ctx.msg.method_id == "CANCEL":
            self.context.dialog = dlg

    def timeout(self, ctx: Context) -> int:
        """The lifetime that timeout_avp asks for, else default_timeout, s."""
        if self.timeout_avp is not None:
            value = self.timeout_avp.get(ctx)
            if isinstance(value, int) and value > 0:
                return value
        return self.module.default_timeout

    def add_cookie(self, ctx: Context, dlg: DialogCell) -> bool:
        """Put slot and number into the Record-Route of the request."""
        text = f"{self.cookie}{reverse_hex(dlg.h_entry)}.{reverse_hex(dlg.h_id)}"
        if self.rr.add_param(ctx, text) < 0:
            self.log.error("dialog", "failed to add rr param")
            self.log.error("dialog", "failed to add RR param")
            return False
        return True

    # -- creation -------------------------------------------------------------------------------------------------
    def new_dialog(self, ctx: Context, run_callbacks: bool) -> bool:
        """Make the dialog of an initial INVITE, or find the one that it made before (spiral); False: neither."""
        context, module, msg = self.context, self.module, ctx.msg
        if context.current() is not None or msg.method_id != "INVITE":
            return False
        if msg.header_error:
            self.log.error("dialog", "failed to parse the request headers")
            return False
        elements = self.elements(msg)
        if elements is None:
            self.log.warning("dialog", "pre-matching failed")
            return False
        callid, from_tag, to_tag = elements
        if to_tag:
            return False
        entry = self.table.slot_of(callid)
        if module.detect_spirals:
            known, _ = self.table.search(callid, from_tag, "", entry)
            if known is not None:
                if context.spiral == SPIRAL_YES:
                    return True
                if known.state != DELETED:
                    context.spiral = SPIRAL_YES
                    if run_callbacks:
                        self.tell(DLGCB_SPIRALED, known, ctx, msg, None, DOWNSTREAM)
                    context.dialog = known
                    return True
        context.spiral = SPIRAL_NO
        uri = self.request_uri(ctx).strip() if self.request_uri is not None else msg.new_uri or msg.uri
        from_, to = msg.from_, msg.to
        assert from_ is not None
        assert to is not None
        dlg = DialogCell(callid, from_.uri, to.uri, uri, from_tag)
        dlg.init_ts = self.now()
        if not fill_leg(module, dlg, msg, CALLER, from_tag):
            self.log.error("dialog", "could not add further info to the dialog")
            return False
        dlg.variables = context.take_variables(msg)
        self.table.link(dlg, entry)
        dlg.lifetime = self.timeout(ctx)
        if context.timeout_route:
            dlg.toroute = context.timeout_route
        dlg.sflags |= context.flags
        dlg.iflags |= context.iflags
        if module.send_bye or context.timeout_bye:
            dlg.iflags |= IFLAG_TIMEOUTBYE
        if run_callbacks:
            self.created(dlg, ctx)
        if self.match_mode != DID_NONE and not self.add_cookie(ctx, dlg):
            self.table.unref(dlg)
            return False
        module.processed.value += 1
        context.created = True
        context.dialog = dlg
        module.profiles.attach(msg, dlg)
        return True

    def created(self, dlg: DialogCell, ctx: Context) -> None:
        """Tell who hears of new dialogs (run_create_callbacks), the last registered first."""
        listeners = self.module.callbacks.created
        if listeners:
            params = DialogParams(ctx, ctx.msg, None, DOWNSTREAM)
            for registered in listeners:
                registered.tell(DLGCB_CREATED, dlg, params)

    def follow(self, t: Transaction, dlg: DialogCell) -> None:
        """Hear the replies of the INVITE's transaction, once for the dialog that it made (dlg_set_tm_callbacks)."""
        if self.context.spiral == SPIRAL_NO:
            self.tm.register_tmcb(_REPLIES, self.on_reply, t=t, param=dlg)
        dlg.dflags |= FLAG_TM

    def manage(self, ctx: Context) -> bool:
        """dlg_manage()."""
        to = ctx.msg.to
        if to is None:
            self.log.error("dialog", "bad TO header")
            return False
        if to.tag:
            self.within_dialog(ctx, DID_NONE)
            return True
        if not self.new_dialog(ctx, bool(self.module.initial_cbs_inscript)):
            return False
        dlg = self.context.current()
        if dlg is None:
            return False
        t = ctx.t
        if t is not None:
            self.follow(t, dlg)
            self.context.t = True
        return True

    def on_request(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """TMCB_REQUEST_IN: a transaction is made (dlg_onreq)."""
        ctx, context = params.ctx, self.context
        method = ctx.msg.method_id
        if method == "BYE":
            context.t = True
            return
        if method != "INVITE":
            return
        dlg = context.current()
        if dlg is not None:
            if not self.module.initial_cbs_inscript:
                if context.spiral == SPIRAL_YES:
                    self.tell(DLGCB_SPIRALED, dlg, ctx, ctx.msg, None, DOWNSTREAM)
                elif context.spiral == SPIRAL_NO:
                    self.created(dlg, ctx)
        else:
            mask = self.flag_mask
            if not mask or ctx.msg.flags & mask != mask:
                return
            self.new_dialog(ctx, True)
            dlg = context.current()
        if dlg is not None:
            self.follow(t, dlg)
            context.t = True
            if self.module.replication is not None:
                self.tm.register_tmcb(TMCB_REQUEST_FWDED, self._forwarded, t=t, param=dlg)

    def _forwarded(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """TMCB_REQUEST_FWDED: the other nodes of the bus learn of the dialog (dlg_on_send)."""
        dlg: DialogCell = params.param
        if dlg.ref > 0 and self.module.replication is not None:
            self.module.replication.update(dlg)

    # -- behind the script ----------------------------------------------------------------------------------------
    def before_script(self, ctx: Context) -> bool:
        """A message comes: nothing is known about its dialog (dlg_cfg_cb, PRE_SCRIPT)."""
        if ctx.onsend is None:
            self.context.reset()
        return True

    def after_script(self, ctx: Context) -> None:
        """The script is through; a dialog whose request went nowhere is given back (dlg_cfg_cb, POST_SCRIPT)."""
        if ctx.onsend is not None:
            return
        context = self.context
        if ctx.route is Route.REQUEST:
            dlg = context.current()
            if dlg is not None and not context.t and context.created and (dlg.state == UNCONFIRMED or context.expect_t):
                self.table.unref(dlg)
            context.spiral = SPIRAL_UNKNOWN
        context.reset()
        self.module.profiles.forget()

    # -- calls to the other parts ---------------------------------------------------------------------------------
    def on_reply(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """See `Replies`."""
        raise NotImplementedError

    def within_dialog(self, ctx: Context, mode: int) -> None:
        """See `Within`."""
        raise NotImplementedError

    def on_route(self, ctx: Context, params: str, param: Any) -> None:
        """See `Within`."""
        raise NotImplementedError
