"""Moves between states, and who hears of them: profiles, event routes, callbacks (dlg_run_event_route)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kamscript.core.context import Context
from kamscript.core.log import L_ALERT
from kamscript.module import Route
from kamscript.modules.dialog.callbacks import DialogParams, run_callbacks
from kamscript.modules.dialog.cell import CONFIRMED, CONFIRMED_NA, DELETED, EARLY, UNCONFIRMED
from kamscript.modules.dialog.states import step

if TYPE_CHECKING:
    from kamscript.core.server import RouteFunction
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.sip.message import Message


def identity(dlg: DialogCell) -> str:
    """How log lines name a dialog."""
    return f"[{dlg.h_entry}:{dlg.h_id}] with clid '{dlg.callid}' and tags '{dlg.caller.tag}' '{dlg.callee.tag}'"


class Events:
    """Base of `Tracking`: what all its parts need."""

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self.server = module.server
        self.log = module.server.log
        self.table = module.table
        self.context = module.context
        # With event_callback the event routes do not run, nor does anything else without a KEMI engine.
        routes = module.server.routes if not module.event_callback else {}
        self.on_start = routes.get((Route.EVENT, "dialog:start"))
        self.on_end = routes.get((Route.EVENT, "dialog:end"))
        self.on_failed = routes.get((Route.EVENT, "dialog:failed"))

    # -- states ---------------------------------------------------------------------------------------------------
    def move(self, dlg: DialogCell, event: int) -> tuple[int, int, int]:
        """Move `dlg` by an event of `states`: the state before, the state now, references to give back."""
        old = dlg.state
        move = step(dlg, event)
        if move is None:
            with_bye = " (with BYE)" if old == DELETED else ""
            self.log.critical("dialog", f"bogus event {event} in state {old}{with_bye} for dlg {identity(dlg)}")
            return old, old, 0
        new = move.state
        if new == DELETED and old != DELETED and dlg.memberships:
            self.module.profiles.leave_all(dlg)
        if move.drop:
            self.table.unref(dlg)
        return old, new, move.unref

    def now(self) -> int:
        """The current Unix second."""
        return int(self.server.timers.now)

    def tell(
        self,
        kind: int,
        dlg: DialogCell,
        ctx: Context | None = None,
        request: Message | None = None,
        reply: Message | None = None,
        direction: int = 0,
        data: object = None,
    ) -> None:
        """Run the DLGCB_* callbacks of one kind."""
        if dlg.callback_types & kind:
            run_callbacks(kind, dlg, DialogParams(ctx, request, reply, direction, data))

    # -- the lifetime ---------------------------------------------------------------------------------------------
    def restart_timer(self, dlg: DialogCell, seconds: int) -> bool:
        """Let `dlg` expire that many seconds from now; False: its timer does not run (update_dlg_timer)."""
        if not dlg.deadline:
            self.log.critical("dialog", f"Trying to update a bogus dlg timer of dlg {identity(dlg)}")
            return False
        self.module.expiry.set(dlg, seconds)
        return True

    # -- event routes ---------------------------------------------------------------------------------------------
    @contextmanager
    def within(self, dlg: DialogCell) -> Iterator[None]:
        """Let what runs inside find `dlg` in the context; afterwards the context has none (dlg_reset_ctx_iuid)."""
        self.context.dialog = dlg
        try:
            yield
        finally:
            self.context.dialog = None

    def run_event_route(
        self, dlg: DialogCell, msg: Message | None, old: int, new: int, ctx: Context | None = None
    ) -> bool:
        """Run event_route[dialog:start], [dialog:end] or [dialog:failed] as the move from `old` to `new` asks for.

        It runs over `msg`, or over the made-up OPTIONS when None; `ctx` is the running context, whose lists it sees.
        False: the dialog is gone behind it; the statistics are right then, and `dlg` must be left alone.
        """
        if old == new:
            return True
        function: RouteFunction | None = None
        if new == CONFIRMED_NA:
            function = self.on_start
        elif new == DELETED:
            if old in (CONFIRMED, CONFIRMED_NA):
                function = self.on_end
            elif old in (UNCONFIRMED, EARLY):
                function = self.on_failed
        if function is None:
            return True
        dlg.ref += 1
        self.context.dialog = dlg
        self.server.run_top(function, self._event_context(msg, ctx))
        self.context.dialog = None
        if dlg.ref <= 0:
            self.log.write(L_ALERT, "dialog", f"after event route - dialog not found {identity(dlg)} ({old}/{new})")
            if new == DELETED:
                self._count_gone(old)
            return False
        self.table.unref(dlg)
        return True

    def _event_context(self, msg: Message | None, ctx: Context | None) -> Context:
        event = Context(self.server, msg if msg is not None else self.server.faked_message(), Route.LOCAL)
        if ctx is not None:
            event.t, event.branch, event.reply = ctx.t, ctx.branch, ctx.reply
            event.avps, event.xavps, event.xavus, event.xavis = ctx.avps, ctx.xavps, ctx.xavus, ctx.xavis
            event.branches = ctx.branches
            if ctx.msg is msg:
                event.state, event.bflags = ctx.state, ctx.bflags
        return event

    def _count_gone(self, old: int) -> None:
        module = self.module
        if old == UNCONFIRMED:
            module.failed.value += 1
        elif old == EARLY:
            module.early.value -= 1
            module.failed.value += 1
        elif old != DELETED:
            module.active.value -= 1
