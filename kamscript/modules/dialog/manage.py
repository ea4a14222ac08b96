"""Functions that start and steer the tracking of a call (dialog manual 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import PvInt, Route, Str, function
from kamscript.modules.dialog.cell import (
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    DOWNSTREAM,
    EARLY,
    FLAG_CHANGED,
    UNCONFIRMED,
    UPSTREAM,
)
from kamscript.modules.dialog.initial import BLANKS
from kamscript.modules.dialog.legs import contact_of
from kamscript.modules.dialog.parameters import Parameters
from kamscript.modules.dialog.states import REQ, REQUEST_EVENTS, RPL_1XX, RPL_2XX, RPL_3XX
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell, Leg

_UPDATING = Route.REQUEST | Route.FAILURE | Route.BRANCH | Route.ONREPLY
#: dlg_set_state(): by the first letter.
_STATES = {"u": UNCONFIRMED, "e": EARLY, "a": CONFIRMED_NA, "c": CONFIRMED, "d": DELETED}


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
    def dlg_set_timeout(self, ctx: Context, seconds: PvInt) -> bool:
        """Set when the current dialog expires, seconds from now (from its 2xx on, when that is to come)."""
        if seconds <= 0:
            self.server.log.error("dialog", f"invalid timeout value: {seconds}")
            return False
        return self.set_timeout(self.tracking.of_message(ctx), seconds)

    @function(Route.ANY, name="dlg_set_timeout")
    def dlg_set_timeout_of(self, ctx: Context, seconds: PvInt, h_entry: PvInt, h_id: PvInt) -> bool:
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
        self._changed(dlg)
        return True

    def _changed(self, dlg: DialogCell) -> None:
        """Have the change written: db_mode 1 promises that, though Kamailio waits for the next message."""
        dlg.dflags |= FLAG_CHANGED
        self.store.update(dlg)

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

    # -- of 6.x ---------------------------------------------------------------------------------------------------
    def _by_message(self, ctx: Context) -> DialogCell | None:
        """The dialog that the message's elements match, whatever the context says."""
        msg = ctx.msg
        for what, missing in (("Call-Id", not msg.callid), ("From", msg.from_ is None), ("To", msg.to is None)):
            if missing:
                self.server.log.error("dialog", f"cannot parse {what} header")
                return None
        assert msg.from_ is not None
        assert msg.to is not None
        return self.table.search(msg.callid.strip(BLANKS), msg.from_.tag or "", msg.to.tag or "")[0]

    @function(Route.ANY, since="6.x")
    def dlg_set_state(self, ctx: Context, state: Str) -> int:
        """Set the state of the message's dialog: "unconfirmed", "early", "answered", "confirmed" or "deleted"."""
        number = _STATES.get(state[:1].lower())
        if number is None:
            text = f"unknown state value: {state}" if state else "invalid state value"
            self.server.log.error("dialog", text)
            return -1
        dlg = self._by_message(ctx)
        if dlg is None:
            return -1
        if dlg.state == CONFIRMED and number == DELETED:
            dlg.init_ts = dlg.end_ts = self.tracking.now()
        dlg.state = number
        self._changed(dlg)
        return 1

    @function(_UPDATING, since="6.x")
    def dlg_update_state(self, ctx: Context) -> int:
        """Move the message's dialog as this request or reply does by itself with dlg_mode 0.

        When that worked the script ends here, as in Kamailio: the function returns 0.
        """
        dlg = self._by_message(ctx)
        if dlg is None:
            return -1
        msg = ctx.msg
        if msg.is_request:
            event = REQUEST_EVENTS.get(msg.method_id, REQ)
        else:
            event = RPL_1XX if msg.status < 200 else RPL_2XX if msg.status < 300 else RPL_3XX
        dlg.ref += 1
        _, _, unref = self.tracking.move(dlg, event)
        self._changed(dlg)
        self.table.unref(dlg, unref + 1)
        return 0

    def _sender(self, ctx: Context) -> tuple[DialogCell, Leg] | None:
        """The message's dialog, and the leg that it comes from."""
        dlg, direction = self.tracking.lookup(ctx)
        if dlg is None:
            return None
        return dlg, dlg.callee if (direction == UPSTREAM) == ctx.msg.is_request else dlg.caller

    @function(Route.ANY, since="6.x")
    def dlg_update_contact(self, ctx: Context) -> bool:
        """Keep the Contact of this message as the one of the side that sent it."""
        found = self._sender(ctx)
        if found is None:
            return False
        try:
            contact = contact_of(ctx.msg)
        except SipError:
            return False
        if not contact:
            return False
        dlg, leg = found
        leg.contact = contact
        self._changed(dlg)
        return True

    @function(Route.ANY, since="6.x")
    def dlg_update_socket(self, ctx: Context) -> bool:
        """Talk to the side that sent this message by the socket where it came in."""
        found = self._sender(ctx)
        if found is None:
            return False
        dlg, leg = found
        leg.socket = ctx.msg.received.socket
        self._changed(dlg)
        return True
