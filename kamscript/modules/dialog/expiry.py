"""When dialogs expire (dialog/dlg_timer.c): a bucket of dialogs for each second in which some do.

Setting and clearing a deadline costs the same for one dialog and for a hundred thousand, and no timer of the core
runs for a dialog alone.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.timers import Timer, Timers
    from kamscript.modules.dialog.cell import DialogCell


class Expiry:
    """The deadlines of all dialogs of one server. `expired` hears of each that came; the deadline is 0 by then.

    Kamailio looks once a second: a dialog expires with the first tick that is not before its deadline.
    """

    def __init__(self, timers: Timers, expired: Callable[[DialogCell], object]) -> None:
        self.timers, self.expired = timers, expired
        self._due: dict[int, dict[DialogCell, None]] = {}
        self._seconds: list[int] = []  #: a heap of the keys of `_due`, with some that are gone
        self._timer: Timer | None = None

    @property
    def empty(self) -> bool:
        """Whether no dialog has a deadline."""
        return not self._due

    def set(self, dlg: DialogCell, seconds: int) -> None:
        """Let `dlg` expire `seconds` from now, whatever was set before."""
        if dlg.deadline:
            self.clear(dlg)
        deadline = int(self.timers.now) + max(seconds, 0) or 1
        dlg.deadline = deadline
        bucket = self._due.get(deadline)
        if bucket is None:
            bucket = self._due[deadline] = {}
            heappush(self._seconds, deadline)
            self._arm()
        bucket[dlg] = None

    def clear(self, dlg: DialogCell) -> bool:
        """`dlg` does not expire any more; whether it would have."""
        deadline, dlg.deadline = dlg.deadline, 0
        bucket = self._due.get(deadline)
        if bucket is None or dlg not in bucket:
            return False
        del bucket[dlg]
        if not bucket:
            del self._due[deadline]
        return True

    def _arm(self) -> None:
        first = self._seconds[0]
        if self._timer is not None:
            if self._timer.callback is not None and self._timer.deadline <= first:
                return
            self._timer.cancel()
        self._timer = self.timers.after(max(first - self.timers.now, 0), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = int(self.timers.now)
        try:
            while self._seconds and self._seconds[0] <= now:
                bucket = self._due.get(self._seconds[0], {})
                while bucket:
                    dlg = next(iter(bucket))
                    self.clear(dlg)
                    self.expired(dlg)
                heappop(self._seconds)
        finally:
            # Also when one of them failed: the others still expire.
            if self._seconds:
                self._arm()
