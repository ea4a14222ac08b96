"""Call transfer: REFER within a call, and calls that this server sets up between two others (dialog/dlg_transfer.c).

A bridge calls the first side with a session on hold, refers it to the second side and hangs up; the side that was
called then calls the other one by itself. NOTIFYs about that go to the script like any request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.cell import CALLEE, CALLER, DialogCell
from kamscript.modules.dialog.initial import BLANKS
from kamscript.modules.dialog.legs import fill_leg
from kamscript.modules.dialog.uacdialog import uac_dialog, was_sent

if TYPE_CHECKING:
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.modules.tm.api import TmApi
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction

#: A session in which nobody hears anything.
HOLD = (
    "v=0\r\no=kamailio-bridge 0 0 IN IP4 0.0.0.0\r\ns=kamailio\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
)


class Transfer:
    """Sends REFERs."""

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self.log = module.server.log
        self.tm: TmApi = module.server.module("tm")

    def transfer(self, dlg: DialogCell, to: str, side: int) -> bool:
        """Send a REFER in the name of the leg `side`, to the other one (dlg_transfer); False: it could not be sent.

        So "caller" refers the callee, and URIs in From and To stand the wrong way round (tags are right): what
        Kamailio does, whatever its manual says.
        """
        other = CALLER if side == CALLEE else CALLEE
        here, there = dlg.leg(side), dlg.leg(other)
        from_, to_ = (dlg.to_uri, dlg.from_uri) if side == CALLER else (dlg.from_uri, dlg.to_uri)
        copy = DialogCell(dlg.callid, from_, to_, dlg.req_uri, here.tag)
        copy.caller.cseq, copy.caller.contact = here.cseq or "0", here.contact
        leg = copy.callee
        leg.tag, leg.contact, leg.route_set, leg.cseq = there.tag, there.contact, there.route_set, there.cseq
        return self._refer(copy, to)

    def bridge(self, from_: str, to: str, outbound: str = "", body: str | None = None) -> bool:
        """Call `from_` and refer it to `to` (dlg_bridge); False: the INVITE could not be sent."""
        module = self.module
        headers = f"{self._contact()}Content-Type: application/sdp\r\n"
        controller = module.bridge_controller
        t = self.tm.request_outside(
            "INVITE",
            from_,
            from_,
            controller,
            headers=headers,
            body=HOLD if body is None else body,
            outbound=outbound,
            callback=self._called,
            param=to,
        )
        return was_sent(self.tm, t)

    def _contact(self) -> str:
        return f"Contact: <{self.module.bridge_contact}>\r\n"

    def _called(self, t: Transaction, _kind: int, params: TmcbParams) -> None:
        """The side that was called answered (dlg_bridge_tm_callback)."""
        reply, to = params.reply, params.param
        if params.code >= 300 or reply is None:
            return
        if reply.cseq is None or reply.to is None or reply.from_ is None:
            self.log.error("dialog", "bad sip message or missing CSeq, TO or FROM hdr")
            return
        if not reply.callid or not reply.from_.tag:
            self.log.error("dialog", "invalid request -> callid or from TAG empty")
            return
        call = DialogCell(reply.callid.strip(BLANKS), reply.from_.uri, reply.to.uri, reply.to.uri, reply.from_.tag)
        call.caller.cseq, call.caller.contact = reply.cseq.number_text, self.module.bridge_controller
        if not fill_leg(self.module, call, reply, CALLEE, reply.to.tag, t):
            self.log.error("dialog", "could not add further info to the dialog")
            return
        self._refer(call, to)

    def _refer(self, call: DialogCell, to: str) -> bool:
        """Refer the callee of `call`, which the table does not know, to `to` (dlg_refer_callee)."""
        module = self.module
        dialog = uac_dialog(call, CALLEE, module.server)
        if dialog is None:
            self.log.error("dialog", "failed to create dlg_t")
            return False
        headers = f"Referred-By: {module.bridge_controller}\r\nRefer-To: {to}\r\n{self._contact()}"
        t = self.tm.request("REFER", dialog, headers=headers, callback=self._referred, param=dialog)
        if not was_sent(self.tm, t):
            self.log.error("dialog", "failed to send the REFER request")
            return False
        return True

    def _referred(self, _t: Transaction, _kind: int, params: TmcbParams) -> None:
        """Whatever the answer was: hang up, with the next number (dlg_refer_tm_callback)."""
        if not was_sent(self.tm, self.tm.request("BYE", params.param)):
            self.log.error("dialog", "failed to send the REFER request")
