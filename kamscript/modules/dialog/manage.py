"""Functions that start and steer the tracking of a call (dialog manual 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import Int, Route, Str, function
from kamscript.modules.dialog.cell import DOWNSTREAM, EARLY, FLAG_CHANGED
from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell


class Manage(Parameters):
    """Declared here: dlg_manage, is_known_dlg, dlg_get, dlg_set_timeout, dlg_set_ruri, dlg_set_state, dlg_update_*."""

    @function(Route.REQUEST)
    def dlg_manage(self, ctx: Context) -> bool:
        """Track the call that this request belongs to; an initial INVITE starts a dialog."""
        return self.tracking.manage(ctx)

    @function(Route.ANY)
    def is_known_dlg(self, ctx: Context) -> bool:
        """Whether the message belongs to a tracked call."""
        return self.tracking.of_message(ctx) is not None

    @function(Route.ANY)
    def dlg_get(self, ctx: Context, callid: Str, from_tag: Str, to_tag: Str) -> bool:
        """Let the dialog with these elements be the current one, for variables and functions."""
        for name, value in (("Call-ID", callid), ("From tag", from_tag), ("To tag", to_tag)):
            if not value:
                self.server.log.error("dialog", f"invalid {name} parameter")
                return False
        dlg, direction = self.table.search(callid, from_tag, to_tag)
        if dlg is None:
            return False
        self.context.dialog, self.context.direction = dlg, direction
        return True

    @function(Route.ANY)
    def dlg_set_timeout(self, ctx: Context, seconds: Int) -> bool:
        """Set when the current dialog expires, seconds from now (from its 2xx on, when that is to come)."""
        if seconds <= 0:
            self.server.log.error("dialog", f"invalid timeout value: {seconds}")
            return False
        return self.set_timeout(self.tracking.of_message(ctx), seconds)

    @function(Route.ANY, name="dlg_set_timeout")
    def dlg_set_timeout_of(self, ctx: Context, seconds: Int, h_entry: Int, h_id: Int) -> bool:
        """The same for the dialog at slot `h_entry` with the number `h_id`."""
        if seconds <= 0:
            self.server.log.error("dialog", f"invalid timeout value: {seconds}")
            return False
        return self.set_timeout(self.table.lookup(h_entry & 0xFFFFFFFF, h_id & 0xFFFFFFFF), seconds)

    def set_timeout(self, dlg: DialogCell | None, seconds: int) -> bool:
        """Let `dlg` expire that many seconds from now (update_dlg_timeout); False: no dialog, or it is over."""
        if dlg is None:
            return False
        if dlg.state > EARLY and not self.tracking.restart_timer(dlg, seconds):
            self.server.log.error("dialog", "failed to update dialog lifetime")
            return False
        dlg.lifetime = seconds
        dlg.dflags |= FLAG_CHANGED
        return True

    @function(Route.ANY, since="5.6")
    def dlg_set_ruri(self, ctx: Context) -> bool:
        """Make the Contact of the side that the request goes to its request URI."""
        dlg, direction = self.tracking.lookup(ctx)
        if dlg is None:
            return False
        leg = dlg.callee if direction == DOWNSTREAM else dlg.caller
        if not leg.contact:
            self.server.log.notice("dialog", f"no contact uri (leg: {1 if direction == DOWNSTREAM else 0})")
            return False
        ctx.msg.new_uri = leg.contact
        ctx.ruri_consumed = False
        return True
