"""Keepalives: OPTIONS to one or both sides of a call, to learn whether they are still there (dlg_hash.c, dlg_ka_*).

Every `ka_timer` seconds those dialogs are looked at whose last keepalive is `ka_interval` seconds ago. All wait for
the same time, so they stand in one queue; a dialog without keepalives costs nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from kamscript.modules.dialog.cell import CALLEE, CALLER, CONFIRMED, DELETED, FLAG_CHANGED, IFLAG_KA_DST, IFLAG_KA_SRC
from kamscript.modules.dialog.uacdialog import uac_dialog, was_sent

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.modules.tm.api import TmApi
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction

#: Seconds that a call has left when a side is gone.
_LAST_SECONDS = 10
#: `dlg_filter_mode`: only dialogs of our own sockets.
_LOCAL_ONLY = 1


class Keepalive:
    """Sends them and counts what does not come back."""

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self.server = module.server
        self.tm: TmApi = module.server.module("tm")
        self.interval = module.ka_interval if module.ka_timer > 0 else 0
        #: When, slot and number, and IFLAG_KA_* bits as they were when the call was confirmed; soonest first.
        self._queue: deque[tuple[float, int, int, int]] = deque()

    def __len__(self) -> int:
        """How many dialogs get keepalives."""
        return len(self._queue)

    def ready(self) -> None:
        """Begin, when both parameters are set."""
        if self.interval > 0:
            self.server.timers.every(self.module.ka_timer, self._run)

    def add(self, dlg: DialogCell) -> None:
        """`dlg` was confirmed: it gets keepalives if its properties ask for them (dlg_ka_add)."""
        flags = dlg.iflags & (IFLAG_KA_SRC | IFLAG_KA_DST)
        if self.interval > 0 and flags:
            self._queue.append((int(self.server.timers.now) + self.interval, dlg.h_entry, dlg.h_id, flags))

    def _run(self) -> None:
        """Send what is due (dlg_ka_run)."""
        now, queue, lookup = int(self.server.timers.now), self._queue, self.module.table.lookup
        while queue and queue[0][0] <= now:
            _, entry, number, flags = queue.popleft()
            dlg = lookup(entry, number)
            if dlg is None or dlg.state == DELETED:
                continue
            queue.append((now + self.interval, entry, number, flags))
            if flags & IFLAG_KA_SRC:
                self.send(dlg, CALLER)
            if flags & IFLAG_KA_DST:
                self.send(dlg, CALLEE)

    def send(self, dlg: DialogCell, side: int) -> bool:
        """Send one (dlg_send_ka); False: it could not be sent. Calls that are not confirmed are left alone."""
        module = self.module
        if dlg.state != CONFIRMED or (module.dlg_filter_mode & _LOCAL_ONLY and dlg.leg(side).socket is None):
            return True
        target = self.server.target
        dialog = uac_dialog(dlg, side, self.server)
        if dialog is None:
            self.server.log.error("dialog", "failed to create dlg_t")
            return False
        # Not a number that the next request of the other side could have; tm counts up by one.
        dialog.cseq -= 2 if dialog.cseq > 1 or (target == "6.x" and dialog.cseq) else 1
        headers = module.lreq_callee_headers if side == CALLEE else ""
        t = self.tm.request("OPTIONS", dialog, headers=headers, callback=self._answered, param=(dlg, side))
        if not was_sent(self.tm, t):
            self.server.log.error("dialog", "failed to send the OPTIONS request")
            return False
        return True

    def _answered(self, _t: Transaction, _kind: int, params: TmcbParams) -> None:
        """A final reply came, or none in time: 408 (dlg_ka_cb_all)."""
        dlg: DialogCell
        dlg, side = params.param
        if dlg.ref <= 0 or dlg.state != CONFIRMED:
            return
        gone = params.code in (408, 481)
        if params.code == 408 and not dlg.leg(side).cseq:
            return
        if side == CALLER:
            count = dlg.ka_src = dlg.ka_src + 1 if gone else 0
        else:
            count = dlg.ka_dst = dlg.ka_dst + 1 if gone else 0
        if gone and count >= self.module.ka_failed_limit:
            self._end_soon(dlg)

    def _end_soon(self, dlg: DialogCell) -> None:
        module = self.module
        if module.tracking.restart_timer(dlg, _LAST_SECONDS):
            dlg.lifetime = _LAST_SECONDS
            dlg.dflags |= FLAG_CHANGED
            module.store.update(dlg)
        else:
            self.server.log.error("dialog", "failed to update dialog lifetime")
