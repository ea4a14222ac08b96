"""Retransmission, final response and wait timers (tm/timer.c, timer.h).

A message that is retransmitted has one timer, armed for whichever comes first: its next retransmission or the end of
waiting for a final reply. Moving a deadline away does not touch the timer; it looks again when it fires. Transactions
that are done wait for `wt_timer` in a queue, in the order in which they are destroyed, with one timer for the first.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from kamscript.modules.tm.callbacks import (
    TMCB_ON_FAILURE,
    TMCB_ON_FAILURE_RO,
    TMCB_REQUEST_SENT,
    TMCB_RETR_F,
    TYPE_LOCAL_CANCEL,
)
from kamscript.modules.tm.states import (
    B_RESEND,
    B_WAIT,
    E_TIMER_FR,
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    S_TIMER_FR,
    S_TIMER_RETR,
)
from kamscript.modules.tm.table import Table
from kamscript.modules.tm.transaction import T_NOISY_CTIMER, ClientBranch

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.core.timers import Timer
    from kamscript.modules.tm.transaction import Outgoing, Transaction


class Timers(Table):
    """Arm, move, stop; what happens when a timer fires."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.on_wait: deque[Transaction] = deque()
        self._wait_timer: Timer | None = None

    # -- retransmission -------------------------------------------------------------------------------------------
    def start_retr(self, out: Outgoing, *, force: bool = False) -> None:
        """Start retransmitting (UDP, or with `force`) and waiting for the final reply or ACK (start_retr, force_retr).

        The wait for a final reply ends with the transaction's lifetime.
        """
        t = out.t
        timers = self.server.timers
        now = timers.now
        if not out.fr_deadline:
            deadline = now + t.fr_timeout
            if out.code == 0 and deadline > t.end_of_life:
                deadline = t.end_of_life if t.end_of_life > now else now + 0.0625
            out.fr_deadline = deadline
        first = out.fr_deadline
        destination = out.destination
        if force or (destination is not None and destination.proto == "udp"):
            retr = t.retr1
            out.retr_deadline = now + retr
            out.interval = 2 * retr
            if out.retr_deadline < first:
                first = out.retr_deadline
        out.timer = timers.after(first - now, out.fire)

    def stop_timer(self, out: Outgoing) -> None:
        """Stop the timer of one message for good (stop_rb_timers)."""
        timer = out.timer
        if timer is not None:
            timer.callback = None
            out.timer = None

    def stop_branches(self, t: Transaction) -> None:
        """Stop the timers of every branch's request (cleanup_uac_timers)."""
        for branch in t.branches:
            timer = branch.timer
            if timer is not None:
                timer.callback = None
                branch.timer = None

    def restart_fr(self, branch: ClientBranch, seconds: float) -> None:
        """Wait for the final reply `seconds` from now, at most to the end of the transaction's lifetime."""
        now = self.server.timers.now
        deadline = now + seconds
        t = branch.t
        if branch.code == 0 and deadline > t.end_of_life:
            deadline = t.end_of_life
        self._move_fr(branch, deadline)

    def _move_fr(self, out: Outgoing, deadline: float) -> None:
        out.fr_deadline = deadline
        timer = out.timer
        if timer is not None and timer.deadline > deadline:
            # Earlier than the timer would look: arm it anew.
            timer.callback = None
            now = self.server.timers.now
            out.timer = self.server.timers.after(max(min(deadline, out.retr_deadline) - now, 0.0), out.fire)

    def change_fr(self, t: Transaction, fr_inv: float, fr: float) -> None:
        """New final response timeouts for `t` and its running branches; 0 leaves one as it is (change_fr)."""
        now = self.server.timers.now
        if fr_inv:
            t.fr_inv_timeout = fr_inv
        if fr:
            t.fr_timeout = fr
        for branch in t.branches:
            if branch.timer is not None:
                if branch.last_received >= 100 and t.is_invite and fr_inv:
                    self._move_fr(branch, now + fr_inv)
                elif fr:
                    self._move_fr(branch, min(now + fr, t.end_of_life))

    def change_retr(self, t: Transaction, retr1: float, retr2: float) -> None:
        """New retransmission intervals, also for what is running (change_retr)."""
        if retr1:
            t.retr1 = retr1
        if retr2:
            t.retr2 = retr2
        for branch in t.branches:
            if branch.timer is not None:
                if branch.slow and retr2:
                    branch.interval = retr2
                elif retr1:
                    branch.interval = retr1

    def change_end_of_life(self, t: Transaction, seconds: float) -> None:
        """A new lifetime from now on; running branches give up with it (change_end_of_life)."""
        t.end_of_life = self.server.timers.now + seconds
        for branch in t.branches:
            if branch.timer is not None and branch.fr_deadline > t.end_of_life:
                self._move_fr(branch, t.end_of_life)

    def on_timer(self, out: Outgoing) -> None:
        """A message's timer fired (retr_buf_handler)."""
        timers = self.server.timers
        now = timers.now
        out.timer = None
        if now >= out.fr_deadline:
            self._final_timeout(out)
            return
        due = now >= out.retr_deadline
        if due:
            t = out.t
            if out.slow or out.interval > t.retr2:
                interval = out.interval = t.retr2
            else:
                interval = out.interval
                out.interval = 2 * interval
            out.retr_deadline = now + interval
        # Armed before sending, so that what the sending leads to can stop it.
        out.timer = timers.after(min(out.fr_deadline, out.retr_deadline) - now, out.fire)
        if due:
            self._retransmit(out)

    def _retransmit(self, out: Outgoing) -> None:
        if out.code > 0:
            self.server_event(out.t, S_TIMER_RETR)
            return
        assert out.socket is not None and out.destination is not None
        self.server.send(out.socket, out.destination, out.text)
        t = out.t
        if t.types & TMCB_REQUEST_SENT:
            branch = out.index if isinstance(out, ClientBranch) else -1
            self.tell(
                TMCB_REQUEST_SENT, t, None, t.request, None, out.code, branch, TMCB_RETR_F, out.text, out.destination
            )

    def _final_timeout(self, out: Outgoing) -> None:
        """Nobody answered in time (final_response_handler)."""
        t = out.t
        if out.code == TYPE_LOCAL_CANCEL:
            return
        if out.code > 0:
            self.server_event(t, S_TIMER_FR)
            return
        assert isinstance(out, ClientBranch)
        out.timed_out = True
        if self._silent(t, out):
            self.put_on_wait(t)
            return
        if out.last_received == 0 and out.text:
            request = t.request
            if request is not None:
                self.timed_out(t, out)
            if self.server.cfg.core["use_dns_failover"] and t.end_of_life > self.server.timers.now:
                following = self.failover(t, out)
                previous = -1
                while following >= 0 and following != previous:
                    previous = following
                    following = self.send_branch(t, t.branches[following], None)
        table = INVITE_CLIENT if t.is_invite else NON_INVITE_CLIENT
        row = table[out.state][E_TIMER_FR]
        if row is not None:
            out.state = row[0]
        self.fake_reply(t, out, 408)

    def _silent(self, t: Transaction, branch: ClientBranch) -> bool:
        """Whether the transaction goes without a word when its only branch never replied (`noisy_ctimer` off)."""
        return (
            not self.cfg["noisy_ctimer"]
            and not t.flags & T_NOISY_CTIMER
            and not t.is_local
            and t.is_invite
            and len(t.branches) == 1
            and not t.on_failure
            and not t.types & (TMCB_ON_FAILURE | TMCB_ON_FAILURE_RO)
            and branch.last_received == 0
        )

    # -- the server side ------------------------------------------------------------------------------------------
    def server_event(self, t: Transaction, event: int) -> int:
        """Drive the server machine of `t`; the actions it asked for (B_*), RESEND and WAIT already done."""
        table = INVITE_SERVER if t.is_invite else NON_INVITE_SERVER
        row = table[t.server_state][event]
        if row is None:
            return 0
        t.server_state, actions = row
        if actions & B_RESEND:
            self.resend_reply(t)
        if actions & B_WAIT:
            self.put_on_wait(t)
        return actions

    # -- the end --------------------------------------------------------------------------------------------------
    def put_on_wait(self, t: Transaction) -> None:
        """Destroy `t` after `wt_timer` (put_on_wait); once only."""
        if t.wait_deadline:
            return
        timers = self.server.timers
        seconds = self.cfg["wt_timer"] / 1000
        t.wait_deadline = timers.now + seconds
        self.counts.waiting += 1
        queue = self.on_wait
        queue.append(t)
        if self._wait_timer is None:
            self._wait_timer = timers.after(seconds, self._end_of_wait)

    def _end_of_wait(self) -> None:
        timers = self.server.timers
        now = timers.now
        queue = self.on_wait
        while queue and queue[0].wait_deadline <= now:
            self.destroy(queue.popleft())
        self._wait_timer = timers.after(queue[0].wait_deadline - now, self._end_of_wait) if queue else None

    def destroy(self, t: Transaction) -> None:
        """Stop everything of `t` and forget it (wait_handler, free_cell)."""
        for branch in t.branches:
            self.stop_timer(branch)
            if branch.cancel is not None:
                self.stop_timer(branch.cancel)
        if t.response is not None:
            self.stop_timer(t.response)
        self.remove(t)

    # -- calls upwards --------------------------------------------------------------------------------------------
    def resend_reply(self, t: Transaction) -> bool:
        """Send the last reply again."""
        raise NotImplementedError

    def send_branch(self, t: Transaction, branch: ClientBranch, ctx: Context | None) -> int:
        """Send a branch's request for the first time."""
        raise NotImplementedError

    def timed_out(self, t: Transaction, branch: ClientBranch) -> None:
        """A branch never replied: blocklist its destination if so configured."""
        raise NotImplementedError
