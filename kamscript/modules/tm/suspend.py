"""Freezing a transaction and going on later (tm/t_suspend.c), and late branches (tm/t_append_branches.c).

A suspended request keeps its transaction alive through a blind branch that was sent nowhere and times out as any
other; when the request goes on, in a route that sees what a failure route sees, the blind branch counts as 500.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.context import Context
from kamscript.core.errors import E_CANCELED, E_SEND, E_UNSPEC
from kamscript.module import Route
from kamscript.modules.tm.callbacks import TMCB_REQUEST_OUT
from kamscript.modules.tm.relay import E_CFG
from kamscript.modules.tm.table import FOUND
from kamscript.modules.tm.transaction import (
    FAKED_REPLY,
    KR_FORWARDED,
    T_6XX,
    T_ASYNC_CONTINUE,
    T_ASYNC_SUSPENDED,
    T_AUTO_INV_100,
    T_CANCELED,
    T_DISABLE_6XX,
    T_NOISY_CTIMER,
    ClientBranch,
    FakedReply,
)
from kamscript.modules.tm.uac import Uac
from kamscript.sip.message import FL_RPL_SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.modules.tm.transaction import Transaction


class Suspend(Uac):
    """Suspend, continue, append branches."""

    def suspend(self, ctx: Context) -> tuple[int, int] | None:
        """See `TmApi`."""
        t = ctx.t
        if t is None:
            self.server.log.error("tm", "transaction has not been created yet")
            return None
        if t.flags & T_CANCELED:
            ctx.ser_error = E_CANCELED
            return t.index, t.label
        if t.status >= 200:
            return None
        msg = ctx.msg
        if msg.is_request:
            if t.is_invite and t.flags & T_AUTO_INV_100 and t.status < 100:
                self.reply_with(ctx, t, msg, 100, self.cfg["auto_inv_100_reason"])
            if not t.branches:
                self.save_edits(t, msg)
            if t.request is not None:
                t.request.flags = msg.flags
            if not self._add_blind(t):
                return None
        else:
            if self.check_message(ctx) != FOUND or ctx.branch < 0:
                self.server.log.error("tm", "failed find UAC branch")
                return None
            msg.msg_flags |= FL_RPL_SUSPENDED
            branch = t.branches[ctx.branch]
            if branch.reply is None:
                branch.reply = msg.clone()
            elif not isinstance(branch.reply, FakedReply):
                branch.reply.flags = msg.flags
            branch.suspended = True
        t.flags = (t.flags | T_ASYNC_SUSPENDED) & ~T_ASYNC_CONTINUE
        t.async_route = int(ctx.route)
        t.async_branch = ctx.branch
        t.async_ruri_consumed = ctx.ruri_consumed
        return t.index, t.label

    def _add_blind(self, t: Transaction) -> bool:
        if len(t.branches) >= self.max_branches:
            self.server.log.error("tm", "maximum number of branches exceeded")
            return False
        t.flags |= T_NOISY_CTIMER
        branch = ClientBranch(t, len(t.branches))
        branch.blind = True
        branch.on_failure = t.on_failure
        t.branches.append(branch)
        t.blind_branch = branch.index
        self.start_retr(branch)
        t.kept |= KR_FORWARDED
        return True

    def continue_(
        self,
        index: int,
        label: int,
        route: str | Callable[[Context], object],
        *,
        skip_timer: bool = False,
    ) -> int:
        """See `TmApi`. `skip_timer` takes a transaction too that waits for its end already."""
        t = self.lookup_ident(index, label)
        if t is None or (not skip_timer and t.wait_deadline):
            self.server.log.warning("tm", "active transaction not found")
            return -1
        if not t.flags & T_ASYNC_SUSPENDED:
            self.server.log.warning("tm", f"transaction is not suspended [{index}:{label}]")
            return -2
        if t.flags & T_CANCELED:
            t.flags &= ~T_ASYNC_SUSPENDED
            return 1
        t.flags = (t.flags | T_ASYNC_CONTINUE) & ~T_ASYNC_SUSPENDED
        if t.async_route == Route.TM_ONREPLY:
            return self._continue_reply(t, route)
        return self._continue_request(t, route)

    def _run(self, ctx: Context, route: str | Callable[[Context], object]) -> None:
        if callable(route):
            route(ctx)
        elif self.server.run_route(route, ctx) is None:
            self.server.log.error("tm", f"unable to find route block [{route}]")

    def _continue_request(self, t: Transaction, route: str | Callable[[Context], object]) -> int:
        branch: ClientBranch | None = None
        if t.blind_branch >= 0:
            branch = t.branches[t.blind_branch]
            self.stop_timer(branch)
            if branch.last_received:
                # The final response timer was faster.
                t.flags &= ~T_ASYNC_CONTINUE
                return 1
            branch.last_received = 500
            if branch.reply is None:
                branch.reply = FAKED_REPLY
        ctx = self.faked_request(t, branch, Route.FAILURE)
        ctx.ruri_consumed = t.async_ruri_consumed
        t.kept = 0
        self.tm_error = 0
        self._run(ctx, route)
        request = t.request
        assert request is not None
        request.flags = ctx.msg.flags
        if t.status < 200 and all(b.last_received >= 200 for b in t.branches):
            if self.kill(t, self.tm_error or E_UNSPEC) <= 0:
                self.server.log.error("tm", "reply generation failed")
                self.release(t)
        elif t.kept == 0:
            self.release(t)
        t.flags &= ~T_ASYNC_CONTINUE
        return 0

    def _continue_reply(self, t: Transaction, route: str | Callable[[Context], object]) -> int:
        branch = t.branches[t.async_branch]
        reply = branch.reply
        if reply is None or isinstance(reply, FakedReply):
            self.server.log.warning("tm", "no reply in t_continue for branch")
            return 0
        reply.msg_flags &= ~FL_RPL_SUSPENDED
        ctx = Context(self.server, reply, Route.TM_ONREPLY)
        self.enter(ctx, t)
        ctx.branch = branch.index
        ctx.bflags = branch.branch_flags
        self._run(ctx, route)
        if t.flags & T_ASYNC_SUSPENDED:
            t.flags &= ~T_ASYNC_CONTINUE
            return 0
        branch.reply = None
        branch.suspended = False
        self.settle(t, ctx, reply, branch, reply.status, branch.last_received)
        t.flags &= ~T_ASYNC_CONTINUE
        return 0

    def cancel_suspend(self, index: int, label: int, ctx: Context | None = None) -> int:
        """See `TmApi`: 0 undone, -1 not."""
        t = ctx.t if ctx is not None else self.lookup_ident(index, label)
        if t is None or (t.index, t.label) != (index, label):
            self.server.log.error("tm", "no active transaction, or transaction id mismatch")
            return -1
        if t.async_route == Route.TM_ONREPLY:
            reply = t.branches[t.async_branch].reply
            if reply is not None and not isinstance(reply, FakedReply):
                reply.msg_flags &= ~FL_RPL_SUSPENDED
            t.flags &= ~T_ASYNC_SUSPENDED
            return 0
        t.kept = 0
        blind = next((b for b in reversed(t.branches) if not b.text), None)
        if blind is None:
            return -1
        self.stop_timer(blind)
        blind.last_received = 500
        return 0

    # -- late branches --------------------------------------------------------------------------------------------
    def append_branches(self, ctx: Context, t: Transaction, contact: str = "") -> int:
        """See `TmApi`."""
        if t.flags & T_CANCELED:
            return -1
        if 200 <= t.status <= 399 or (t.status >= 600 and not t.flags & (T_6XX | T_DISABLE_6XX)):
            return -1
        before = len(t.branches)
        faked = self.faked_request(t, None, Route.FAILURE)
        lowest = E_UNSPEC
        added: list[ClientBranch] = []
        for more in ctx.branches:
            if contact and contact not in more.uri:
                continue
            if any(b.ruid == more.ruid and b.uri == more.uri for b in t.branches[:before]):
                continue
            faked.bflags = more.flags
            result = self.add_branch(
                faked, t, more.uri, more.dst_uri, more.path, None, "", t.on_branch_delayed, more=more
            )
            if isinstance(result, ClientBranch):
                added.append(result)
            else:
                lowest = min(lowest, result)
        ctx.branches = []
        if not added:
            if lowest != E_CFG:
                self.server.log.error("tm", f"failure to add branches ({lowest})")
            return lowest
        sent = 0
        for branch in added:
            if self.send_branch(t, branch, faked) == branch.index:
                sent += 1
                if t.types & TMCB_REQUEST_OUT:
                    self.tell(
                        TMCB_REQUEST_OUT,
                        t,
                        faked,
                        faked.msg,
                        None,
                        0,
                        branch.index,
                        0,
                        branch.text,
                        branch.destination,
                    )
        if not sent:
            ctx.ser_error = E_SEND
            return -1
        t.kept |= KR_FORWARDED
        return sent
