"""Dialogs whose time is over: the timeout route, BYE to both sides, forgotten ones (dlg_ontimeout, dlg_clean_run)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.context import Context
from kamscript.module import Route
from kamscript.modules.dialog.callbacks import DLGCB_EXPIRED
from kamscript.modules.dialog.cell import (
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    DIR_NONE,
    EARLY,
    FLAG_CHANGED,
    FLAG_EXPIRED,
    IFLAG_TIMEOUTBYE,
)
from kamscript.modules.dialog.states import REQ_BYE
from kamscript.modules.dialog.within import Within

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell

#: Seconds between two looks at dialogs that never got anywhere.
CLEANING = 90
#: `dlg_filter_mode`: only dialogs of our own sockets expire.
LOCAL_ONLY = 1
#: What is left to a dialog whose ACK never came, s.
NO_ACK_LIFETIME = 10


class Timeouts(Within):
    """What happens without any message."""

    def ready(self) -> None:
        """Begin to look for dialogs that never got anywhere (early_timeout, noack_timeout, end_timeout)."""
        self.server.timers.every(CLEANING, self.clean)

    def expired(self, dlg: DialogCell) -> None:
        """The lifetime of `dlg` is over."""
        module = self.module
        if module.dlg_filter_mode & LOCAL_ONLY:
            socket = dlg.caller.socket
            if socket is None or socket not in self.server.sockets:
                return
        dlg.dflags |= FLAG_EXPIRED
        # What an event route said before, outside of any message, is not meant for this dialog.
        self.context.reset()
        if dlg.state in (CONFIRMED_NA, CONFIRMED):
            if dlg.toroute:
                self._run_route(dlg)
            if dlg.iflags & IFLAG_TIMEOUTBYE:
                with self.within(dlg):
                    sent = module.requests.bye_all(dlg)
                self.table.unref(dlg, 1 if sent else 2)
                module.expired.value += 1
                return
        old, new, unref = self.move(dlg, REQ_BYE)
        if not self.run_event_route(dlg, None, old, new):
            return
        if new == DELETED and old != DELETED:
            self.log.warning(
                "dialog",
                f"dlg timeout - callid: '{dlg.callid}' tags: '{dlg.caller.tag}' '{dlg.callee.tag}' ostate: {old}",
            )
            dlg.end_ts = self.now()
            self.tell(DLGCB_EXPIRED, dlg, None, None, None, DIR_NONE, old == CONFIRMED)
            self.table.unref(dlg, unref + 1)
            module.expired.value += 1
            module.active.value -= 1
        else:
            self.table.unref(dlg)
        if new > old and module.replication is not None:
            module.replication.state(dlg)

    def _run_route(self, dlg: DialogCell) -> None:
        """Run route[`dlg.toroute`] over the made-up OPTIONS."""
        server = self.server
        function = server.route_function(Route.REQUEST, dlg.toroute)
        if function is None:
            return
        ctx = Context(server, server.faked_message(), Route.REQUEST)
        hooks = server.hooks
        if not all(before(ctx) for before in hooks.pre_script):
            return
        dlg.ref += 1
        self.context.dialog = dlg
        server.run_top(function, ctx)
        self.context.dialog = None
        for behind in hooks.post_script:
            behind(ctx)
        self.table.unref(dlg)

    def clean(self) -> None:
        """Forget dialogs that were never answered or ended long ago; end those whose ACK never came."""
        now = self.now()
        module = self.module
        early, ended = now - module.early_timeout, now - module.end_timeout
        no_ack = now - module.noack_timeout
        for dlg in self.table.all():
            state = dlg.state
            if state <= EARLY:
                if 0 < dlg.init_ts < early:
                    self.log.notice("dialog", f"dialog in early state is too old ({dlg.callid} ref {dlg.ref})")
                    self.table.remove(dlg)
            elif state == CONFIRMED_NA:
                if 0 < dlg.start_ts < no_ack:
                    if not self.restart_timer(dlg, NO_ACK_LIFETIME):
                        self.log.error("dialog", "failed to update dialog lifetime in long non-ack state")
                    dlg.lifetime = NO_ACK_LIFETIME
                    dlg.dflags |= FLAG_CHANGED
                    module.store.update(dlg)
            elif state == DELETED and 0 < dlg.end_ts < ended:
                self.log.notice("dialog", f"dialog in delete state is too old ({dlg.callid} ref {dlg.ref})")
                self.table.remove(dlg)
