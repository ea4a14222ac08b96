"""What becomes of a reply, and the failure routes (tm/t_reply.c: t_should_relay_response, run_failure_handlers)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core.context import Context
from kamscript.core.errors import E_UNSPEC
from kamscript.module import Route
from kamscript.modules.tm.callbacks import (
    TMCB_ON_BRANCH_FAILURE,
    TMCB_ON_BRANCH_FAILURE_RO,
    TMCB_ON_FAILURE,
    TMCB_ON_FAILURE_RO,
)
from kamscript.modules.tm.cancel import Cancelling
from kamscript.modules.tm.picking import NONE, PENDING, pick_branch
from kamscript.modules.tm.transaction import (
    T_6XX,
    T_ASYNC_CONTINUE,
    T_ASYNC_SUSPENDED,
    T_DISABLE_6XX,
    T_NO_AUTO_ACK,
    ClientBranch,
    FakedReply,
)
from kamscript.sip.message import FL_REPLIED, FL_TIMEOUT

if TYPE_CHECKING:
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message

# What became of a reply (enum rps).
RPS_ERROR: Final = 0
RPS_PROVISIONAL: Final = 1
RPS_STORED: Final = 2
RPS_COMPLETED: Final = 3
RPS_PUSHED: Final = 4  #: a 2xx behind the final reply
RPS_DISCARDED: Final = 5

#: What `decide` says: what became of the reply, whether to keep it, the branch whose reply goes upstream (-1: none),
#: and the branches to cancel.
Decision = tuple[int, bool, int, list[ClientBranch]]

NOBODY: Final[list[ClientBranch]] = []


class Deciding(Cancelling):
    """Between a reply and what goes out."""

    def decide(
        self, t: Transaction, ctx: Context | None, reply: Message | FakedReply, branch: ClientBranch, code: int
    ) -> Decision:
        """What to do with a reply on a branch (t_should_relay_response); runs failure routes."""
        inv_through = 200 <= code < 300 and t.is_invite
        last = branch.last_received
        if t.status >= 200:
            if inv_through:
                branch.last_received = code
                return RPS_PUSHED, False, branch.index, NOBODY
            return RPS_DISCARDED, False, -1, NOBODY
        if last >= 200 and not (inv_through and last < 300):
            if last not in (code, 487) and not (last == 408 and code == 487):
                self.server.log.warning("tm", f"status rewrite by UAS: stored: {last}, received: {code}")
            return RPS_DISCARDED, False, -1, NOBODY
        if code < 300:
            store = inv_through and last < 200 and t.is_local and bool(t.flags & T_NO_AUTO_ACK)
            branch.last_received = code
            relay = -1 if code == 100 and not self.cfg["relay_100"] else branch.index
            if code >= 200:
                return RPS_COMPLETED, store, relay, self.prepare_to_cancel(t)
            return RPS_PROVISIONAL, store, relay, NOBODY
        return self._decide_failure(t, ctx, reply, branch, code)

    def _decide_failure(
        self, t: Transaction, ctx: Context | None, reply: Message | FakedReply, branch: ClientBranch, code: int
    ) -> Decision:
        branch.last_received = code
        self.tm_error = 0  # what a branch's route leaves still counts behind the failure route
        if branch.on_branch_failure or t.types & (TMCB_ON_BRANCH_FAILURE | TMCB_ON_BRANCH_FAILURE_RO):
            branch.reply = reply
            self.picked = branch.index
            self._branch_failure(t, reply, branch, code)
            if not t.flags & T_ASYNC_CONTINUE:
                branch.reply = None
        picked, picked_code = pick_branch(t, self.faked_reply_prio, branch.index, code)
        self.picked = picked
        if picked == PENDING:
            to_cancel = NOBODY
            if 600 <= code < 700 and not t.flags & (T_6XX | T_DISABLE_6XX):
                to_cancel = self.prepare_to_cancel(t)
                t.flags |= T_6XX
            return RPS_STORED, True, -1, to_cancel
        if picked == NONE:
            return RPS_DISCARDED, False, -1, NOBODY
        # No more pending branches: this is the final decision, unless a failure route adds branches.
        count = len(t.branches)
        branch.reply = reply
        t.flags &= ~T_6XX
        self.drop_replies = self.failure_reply_mode
        dropped = False
        winner = t.branches[picked]
        if winner.on_failure or t.types & (TMCB_ON_FAILURE | TMCB_ON_FAILURE_RO):
            self._failure(t, winner, picked_code)
            mode = self.drop_replies
            if mode and (mode != 3 or count < len(t.branches)):
                first = 0
                if mode == 2:
                    first = max((b.index for b in t.branches[:count] if b.first_of_set), default=0)
                for old in t.branches[first:count]:
                    old.reply = None
                picked = self.picked = -1
                dropped = True
        if not t.flags & T_ASYNC_CONTINUE:
            branch.reply = None
        if t.status >= 200:
            return RPS_COMPLETED, False, -1, NOBODY
        if count < len(t.branches):
            following, picked_code = pick_branch(t, self.faked_reply_prio, -1 if dropped else branch.index, code)
            if following < 0:
                if not dropped:
                    if following == PENDING:
                        return RPS_STORED, True, -1, NOBODY
                elif following == PENDING:
                    return RPS_DISCARDED, False, -1, NOBODY
                else:
                    return self._branches_failed(t, branch)
            else:
                picked = self.picked = following
        elif dropped:
            return self._branches_failed(t, branch)
        return RPS_COMPLETED, False, picked, NOBODY

    def _branches_failed(self, t: Transaction, branch: ClientBranch) -> Decision:
        """Every reply was dropped and nothing new is pending: reply with the error of the last attempt."""
        if t.is_local:
            return RPS_COMPLETED, False, branch.index, NOBODY
        if self.kill(t, self.tm_error or E_UNSPEC) <= 0:
            self.server.log.error("tm", "reply generation failed")
        return RPS_COMPLETED, False, -1, NOBODY

    # -- failure routes -------------------------------------------------------------------------------------------
    def faked_request(self, t: Transaction, branch: ClientBranch | None, route: Route) -> Context:
        """The context of a failure route: the request as it was, with the lists of `t` (fake_req, faked_env)."""
        request = t.request
        assert request is not None
        msg = request.clone()
        msg.number -= 1  # another message than the request, as Kamailio says
        if branch is not None:
            if branch.timed_out:
                msg.msg_flags |= FL_TIMEOUT
            if branch.replied:
                msg.msg_flags |= FL_REPLIED
        ctx = Context(self.server, msg, route)
        self.enter(ctx, t)
        ctx.ruri_consumed = True
        if branch is not None:
            ctx.bflags = branch.branch_flags
        return ctx

    def _failure(self, t: Transaction, winner: ClientBranch, code: int) -> None:
        """Run TMCB_ON_FAILURE and the failure route of the winning branch (run_failure_handlers)."""
        request = t.request
        reply = winner.reply
        if request is None:
            return
        ctx = self.faked_request(t, winner, Route.FAILURE)
        ctx.branch = winner.index
        message = reply if not isinstance(reply, FakedReply) else None
        ctx.reply = message
        if t.types & TMCB_ON_FAILURE_RO:
            self.tell(TMCB_ON_FAILURE_RO, t, ctx, ctx.msg, message, code, winner.index)
        if t.types & TMCB_ON_FAILURE:
            start = self.server.environment.stopwatch()
            self.tell(TMCB_ON_FAILURE, t, ctx, ctx.msg, message, code, winner.index)
            self._check_time("callbacks", start)
        name = winner.on_failure
        if name:
            t.on_failure = ""
            t.flags &= ~T_ASYNC_SUSPENDED
            function = self.server.route_function(Route.FAILURE, name)
            if function is not None:
                bind, self.server.bind = self.server.bind, t.branches[0].socket
                start = self.server.environment.stopwatch()
                log = self.server.log
                if log.prefixed:
                    log.begin(ctx)
                self.server.run_top(function, ctx)
                for behind in self.server.hooks.post_script:
                    behind(ctx)
                if log.prefixed:
                    log.begin(None)  # and so it stays until the next message
                self._check_time("route", start)
                self.server.bind = bind
        request.flags = ctx.msg.flags

    def _check_time(self, what: str, start: float) -> None:
        """Warn when what runs behind a failure took exec_time_check or longer (run_failure_handlers)."""
        spent = int((self.server.environment.stopwatch() - start) * 1_000_000)
        if 0 < self.exec_time_check * 1000 <= spent:
            self.server.log.warning("tm", f"failure {what} execution took too long: {spent} us")

    def _branch_failure(self, t: Transaction, reply: Message | FakedReply, branch: ClientBranch, code: int) -> None:
        """Run TMCB_ON_BRANCH_FAILURE and event_route[tm:branch-failure:NAME] (run_branch_failure_handlers)."""
        request = t.request
        if request is None:
            return
        ctx = self.faked_request(t, branch, Route.BRANCH_FAILURE)
        ctx.branch = branch.index
        message = reply if not isinstance(reply, FakedReply) else None
        ctx.reply = message
        for kind in (TMCB_ON_BRANCH_FAILURE_RO, TMCB_ON_BRANCH_FAILURE):
            if t.types & kind:
                self.tell(kind, t, ctx, ctx.msg, message, code, branch.index)
        name = branch.on_branch_failure
        if name:
            t.on_branch_failure = ""
            function = self.server.route_function(Route.EVENT, "tm:branch-failure:" + name)
            if function is not None:
                self.server.run_top(function, ctx)
        request.flags = ctx.msg.flags
