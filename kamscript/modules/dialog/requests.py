"""Requests of this server within a call: BYE and others (dialog/dlg_req_within.c).

    uacdialog.py    who and where the other side is, its route set and CSeq
    keepalive.py    OPTIONS to see whether both sides are there
    transfer.py     REFER, and calls between two others
    cseq.py         CSeq numbers that uac_auth() raised

A BYE of this server moves the dialog when it is answered, not when it is sent: any final reply will do, also the 408
that stands for none. The first answer takes the dialog out, the second finds it gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from kamscript.module import Fixup, FixupError, Int, Route, Str, function
from kamscript.modules.dialog.callbacks import DLGCB_TERMINATED, DLGCB_TERMINATED_CONFIRMED
from kamscript.modules.dialog.cell import (
    CALLEE,
    CALLER,
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    FLAG_CALLEEBYE,
    FLAG_CALLERBYE,
    IFLAG_PRACK,
)
from kamscript.modules.dialog.cseq import CseqUpdates
from kamscript.modules.dialog.early import early_dialog, end_early
from kamscript.modules.dialog.keepalive import Keepalive
from kamscript.modules.dialog.parameters import Parameters
from kamscript.modules.dialog.states import REQ_BYE
from kamscript.modules.dialog.transfer import Transfer
from kamscript.modules.dialog.uacdialog import uac_dialog, was_sent

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.tm.api import TmApi
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction

#: Both legs.
BOTH = -1
_SIDES = {"all": BOTH, "caller": CALLER, "callee": CALLEE}
_HOPS = "Max-Forwards: 70\r\n"
#: How much higher the number of a BYE is when there may have been requests that the dialog did not count.
_AFTER_PRACK, _AFTER_ANYTHING = 80, 100


class Requests:
    """Sends them."""

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self.server = module.server
        self.tm: TmApi = module.server.module("tm")
        self.keepalive = Keepalive(module)
        self.transfers = Transfer(module)
        self.cseq = CseqUpdates(module)
        self.cseq.start()
        self.ends_early = self.server.target not in ("4.4", "5.6")

    def ready(self) -> None:
        """Begin to send keepalives, when ka_timer and ka_interval say so."""
        self.keepalive.ready()

    # -- BYE ------------------------------------------------------------------------------------------------------
    def bye(self, dlg: DialogCell, side: int, headers: str = "", ctx: Context | None = None) -> bool:
        """Send BYE to one leg (CALLER, CALLEE), once; False: it could not be sent (dlg_bye).

        `ctx` is the running context, whose lists the event route sees.

        An early dialog (6.x) is ended by a reply to the caller or CANCELs to the callees.
        """
        flag = FLAG_CALLERBYE if side == CALLER else FLAG_CALLEEBYE
        if dlg.dflags & flag:
            return False
        dlg.dflags |= flag
        sent = self._send_bye(dlg, side, self._headers(headers))
        self.module.tracking.run_event_route(dlg, None, dlg.state, DELETED, ctx)
        return sent

    def bye_all(self, dlg: DialogCell, headers: str = "", ctx: Context | None = None) -> bool:
        """Send BYE to both legs; False: the dialog is not confirmed, or a BYE could not be sent (dlg_bye_all)."""
        tracking = self.module.tracking
        tracking.tell(DLGCB_TERMINATED, dlg)
        headers = self._headers(headers)
        sent = self._send_bye(dlg, CALLER, headers)
        sent = self._send_bye(dlg, CALLEE, headers, enforce=True) and sent
        tracking.run_event_route(dlg, None, dlg.state, DELETED, ctx)
        return sent

    def _headers(self, headers: str) -> str:
        return f"{_HOPS}{self.module.dlg_extra_hdrs}{headers}"

    def _send_bye(self, dlg: DialogCell, side: int, headers: str, *, enforce: bool = False) -> bool:
        module, log = self.module, self.server.log
        newer = self.server.target == "6.x"
        if dlg.state not in (CONFIRMED_NA, CONFIRMED):
            if dlg.state != DELETED and self.ends_early:
                return end_early(module, dlg, side)
            if not newer:
                log.error("dialog", "terminating non-confirmed dialogs not supported")
                return False
            if not enforce:
                log.warning(
                    "dialog",
                    f"dlg [{dlg.h_entry}:{dlg.h_id}] with callid {dlg.callid} already in deleted state, BYE not sent.",
                )
                return False
        dialog = uac_dialog(dlg, side, self.server)
        if dialog is None:
            log.error("dialog", "failed to create dlg_t")
            return False
        if newer:
            dialog.cseq += _AFTER_ANYTHING
        elif dlg.iflags & IFLAG_PRACK:
            dialog.cseq += _AFTER_PRACK
        if side == CALLEE:
            headers += module.lreq_callee_headers
        t = self.tm.request("BYE", dialog, headers=headers, callback=self._bye_answered, param=dlg)
        if not was_sent(self.tm, t):
            log.error("dialog", "failed to send the BYE request")
            return False
        return True

    def _bye_answered(self, _t: Transaction, _kind: int, params: TmcbParams) -> None:
        """A final reply to a BYE, or none in time (bye_reply_cb)."""
        dlg: DialogCell = params.param
        if dlg.ref <= 0:
            return
        module, tracking = self.module, self.module.tracking
        old, new, unref = tracking.move(dlg, REQ_BYE)
        if new != DELETED:
            return
        if old == DELETED:
            module.store.remove(dlg)
            return
        if module.expiry.clear(dlg):
            unref += 1
        tracking.tell(DLGCB_TERMINATED_CONFIRMED, dlg, params.ctx, params.request, params.reply)
        module.active.value -= 1
        module.table.unref(dlg, unref)

    # -- other requests -------------------------------------------------------------------------------------------
    def within(
        self, ctx: Context, dlg: DialogCell, side: int, method: str, headers: str = "", kind: str = "", body: str = ""
    ) -> bool:
        """Send any request to one leg (dlg_request_within); `kind`: the Content-Type. False: it could not be sent."""
        log = self.server.log
        if side == CALLEE and dlg.state not in (CONFIRMED_NA, CONFIRMED):
            dialog = early_dialog(self.module, ctx, dlg)
        else:
            dialog = uac_dialog(dlg, side, self.server)
        if dialog is None:
            log.error("dialog", "failed to create dlg_t")
            return False
        if kind and body:
            headers += f"Content-Type: {kind}\r\n"
        if not was_sent(self.tm, self.tm.request(method, dialog, headers=headers, body=body)):
            log.error("dialog", "failed to send request")
            return False
        return True

    def confirmed(self, dlg: DialogCell) -> None:
        """The ACK came (state CONFIRMED for the first time): keepalives begin if `dlg` asks for them (dlg_ka_add)."""
        self.keepalive.add(dlg)

    def refresh_cseq(self, ctx: Context, dlg: DialogCell, direction: int) -> None:
        """A request within `dlg` came (dlg_onroute, when IFLAG_CSEQ_DIFF is set): raise its CSeq downstream."""
        if not self.cseq.refresh(ctx, dlg, direction):
            self.server.log.error("dialog", "failed to refresh cseq update")

    def bridge(self, from_: str, to: str, outbound: str = "", body: str | None = None) -> bool:
        """Call `from_`, put it on hold and refer it to `to` (dlg_bridge); False: the INVITE could not be sent."""
        return self.transfers.bridge(from_, to, outbound, body)

    def transfer(self, dlg: DialogCell, to: str, side: int) -> bool:
        """Refer one leg of `dlg` (CALLER, CALLEE) to `to` (dlg_transfer); False: the REFER could not be sent."""
        return self.transfers.transfer(dlg, to, side)


class _SideFixup(Fixup):
    """A word for one leg or both, in any letter case."""

    constant = True
    kind = "own"
    words = _SIDES

    def resolve(self, text: str, server: Server) -> int:
        side = self.words.get(text.lower())
        if side is None:
            raise FixupError(f'invalid side "{text}": use {", ".join(self.words)}')
        return side


class _OneSideFixup(_SideFixup):
    words = {"caller": CALLER, "callee": CALLEE}


if TYPE_CHECKING:
    Side = int
    OneSide = int
else:
    Side = Annotated[int, _SideFixup()]
    OneSide = Annotated[int, _OneSideFixup()]


def _named(side: str) -> int:
    """The leg that a text evaluated at run time names: anything but `caller` is the callee."""
    return CALLER if side.lower() == "caller" else CALLEE


class RequestFunctions(Parameters):
    """Script functions that send requests within a call."""

    @function(Route.ANY)
    def dlg_bye(self, ctx: Context, side: Side) -> bool:
        """Send BYE to one `side` of the current call (`caller`, `callee`), or to both (`all`).

        False without a current dialog, before the call was answered (6.x ends it then), and the second time for one
        side. The dialog ends when a BYE is answered, or not answered in time.
        """
        dlg = self.context.current()
        if dlg is None:
            return False
        dlg.ref += 1
        requests = self.requests
        sent = requests.bye_all(dlg, ctx=ctx) if side == BOTH else requests.bye(dlg, side, ctx=ctx)
        self.table.unref(dlg)
        return sent

    @function(Route.ANY)
    def dlg_refer(self, ctx: Context, side: OneSide, address: Str) -> bool:
        """Send REFER to `address` in the name of `side` (`caller`, `callee`) of the current call, then BYE.

        It is the other side that gets both, as in Kamailio.
        """
        dlg = self.context.current()
        return dlg is not None and self._refer(dlg, side, address)

    @function(Route.ANY, since="6.x")
    def dlg_refer_cid(self, ctx: Context, callid: Str, side: Str, address: Str) -> bool:
        """As dlg_refer(), for the oldest dialog with this Call-ID."""
        found = self.table.by_callid(callid)
        return bool(found) and self._refer(found[0], _named(side), address)

    @function(Route.ANY, since="6.x")
    def dlg_refer_did(self, ctx: Context, entry: Int, number: Int, side: Str, address: Str) -> bool:
        """As dlg_refer(), for the dialog with this slot and number."""
        dlg = self.table.lookup(entry & 0xFFFFFFFF, number & 0xFFFFFFFF)
        return dlg is not None and self._refer(dlg, _named(side), address)

    def _refer(self, dlg: DialogCell, side: int, address: str) -> bool:
        if not address:
            self.server.log.error("dialog", "invalid To parameter")
            return False
        dlg.ref += 1
        sent = self.requests.transfer(dlg, address, side)
        self.table.unref(dlg)
        return sent

    @function(Route.ANY)
    def dlg_bridge(self, ctx: Context, first: Str, second: Str, proxy: Str) -> bool:
        """Call `first`, by way of `proxy` unless that is empty, refer it to `second` and hang up."""
        for name, address in (("From", first), ("To", second)):
            if not address:
                self.server.log.error("dialog", f"invalid {name} parameter")
                return False
        return self.requests.bridge(first, second, proxy)

    @function(Route.ANY, since="6.x")
    def dlg_req_within(self, ctx: Context, side: Side, method: Str) -> bool:
        """Send a request of `method` to one `side` of the current call (`caller`, `callee`), or to both (`all`)."""
        return self._within(ctx, side, method)

    @function(Route.ANY, name="dlg_req_within", since="6.x")
    def dlg_req_within_headers(self, ctx: Context, side: Side, method: Str, headers: Str) -> bool:
        """The same with `headers`, each with CRLF."""
        return bool(self._given("Headers", headers)) and self._within(ctx, side, method, headers)

    @function(Route.ANY, name="dlg_req_within", since="6.x")
    def dlg_req_within_content(self, ctx: Context, side: Side, method: Str, content_type: Str, content: Str) -> bool:
        """The same with a body."""
        if not self._given("Headers", content_type) or not self._given("Content", content):
            return False
        return self._within(ctx, side, method, "", content_type, content)

    @function(Route.ANY, name="dlg_req_within", since="6.x")
    def dlg_req_within_all(
        self, ctx: Context, side: Side, method: Str, headers: Str, content_type: Str, content: Str
    ) -> bool:
        """The same with headers and body."""
        if not self._given("Headers", headers) or not self._given("Headers", content_type):
            return False
        return bool(self._given("Content", content)) and self._within(ctx, side, method, headers, content_type, content)

    def _given(self, name: str, text: str) -> bool:
        if not text:
            self.server.log.error("dialog", f"invalid {name} parameter")
        return bool(text)

    def _within(self, ctx: Context, side: int, method: str, headers: str = "", kind: str = "", body: str = "") -> bool:
        dlg = self.context.current()
        if not self._given("Method", method) or dlg is None:
            return False
        sides = (CALLER, CALLEE) if side == BOTH else (side,)
        return all(self.requests.within(ctx, dlg, one, method, headers, kind, body) for one in sides)
