"""What 6.x sends in a call that is not answered yet: its end, and requests to who rings (dlg_req_within.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.cell import CALLER, EARLY, UNCONFIRMED
from kamscript.modules.dialog.legs import OWN_ROUTES, contact_of, record_routes
from kamscript.modules.dialog.uacdialog import alias_name, restore_alias
from kamscript.modules.tm.dialog import UacDialog
from kamscript.sip.errors import SipError
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.modules.tm.api import TmApi


def end_early(module: Parameters, dlg: DialogCell, side: int) -> bool:
    """End a call that is not answered yet: reply to the caller, or cancel towards the callees.

    The transaction of the INVITE is looked up by Call-ID and CSeq; Kamailio knows it only when t_newtran() came before
    dlg_manage().
    """
    tm: TmApi = module.server.module("tm")
    t = tm.lookup_callid(dlg.callid, dlg.caller.cseq)
    if t is None or t.is_local:
        module.server.log.error(
            "dialog", "terminating non-confirmed dialog not possible, transaction not longer available."
        )
        return False
    if side == CALLER:
        if tm.reply_trans(t, module.bye_early_code, module.bye_early_reason) < 0:
            module.server.log.error("dialog", "Failed to send reply to caller")
            return False
        return True
    tm.cancel_branches(t)
    return True


def early_dialog(module: Parameters, ctx: Context, dlg: DialogCell) -> UacDialog | None:
    """The callee as the current message, a provisional reply, tells; None (and a line in the log): it does not."""
    log, msg = module.server.log, ctx.msg
    if dlg.state not in (UNCONFIRMED, EARLY):
        log.error(
            "dialog",
            f"invalid state for build_dlg_state: {dlg.state} (only working for unconfirmed or early dialogs)",
        )
        return None
    if msg.is_request or msg.to is None or not msg.to.tag:
        log.error("dialog", "a request to the callee of an early dialog needs its provisional reply")
        return None
    try:
        contact, hop = restore_alias(contact_of(msg), alias_name(module.server))
        routes = record_routes(msg)
    except SipError as error:
        log.error("dialog", str(error))
        return None
    cseq = unsigned(dlg.caller.cseq)
    if cseq is None:
        log.error("dialog", "invalid cseq")
        return None
    t = ctx.t
    own = OWN_ROUTES.get(t.branches[ctx.branch].rr_flags, 0) if t is not None and ctx.branch >= 0 else 0
    rest = routes[: max(len(routes) - dlg.from_rr_nb - own, 0)]
    return UacDialog(
        callid=dlg.callid,
        local_uri=dlg.from_uri,
        remote_uri=dlg.to_uri,
        target=contact,
        local_tag=dlg.caller.tag,
        remote_tag=msg.to.tag,
        cseq=cseq or 1,
        routes=rest[::-1],
        dst_uri="" if rest else hop,
        socket=msg.received.socket,
    )
