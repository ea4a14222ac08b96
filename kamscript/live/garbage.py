"""When the cyclic garbage collector runs: a little every second instead of in the middle of a message.

Reference counting frees nearly all of what a message leaves behind; the collector only has to find cycles. Left to
itself it runs every few thousand allocations, over transactions that all live some seconds, and takes a fifth of the
server's CPU. So it is switched off, and a timer collects:

- the youngest objects every second: those made since the last time that are still there;
- the middle generation every ten seconds: what survived that, transactions mostly;
- all of them after five minutes, and then so often that it takes no more than one part in 200 of the time: cycles in
  what lives long (dialogs, locations) do not pile up however many days the server is up.

What was loaded before lives as long as the process and is never looked at.
"""

from __future__ import annotations

import asyncio
import gc
from time import perf_counter

YOUNG, MIDDLE, ALL = 1.0, 10.0, 300.0
#: A full collection that took a second is not repeated within so many seconds.
REST = 200.0


class Garbage:
    """The collector's timer on one loop."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._was_enabled = gc.isenabled()
        self._since_middle = self._since_all = 0.0
        self._rest = ALL

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take over: collect once, set aside what is there, and go by the timer from now on."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._timer = loop.call_later(YOUNG, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._since_middle += YOUNG
        self._since_all += YOUNG
        if self._since_all >= self._rest:
            self._since_all = self._since_middle = 0.0
            self._rest = max(ALL, REST * self.collect(2))
        elif self._since_middle >= MIDDLE:
            self._since_middle = 0.0
            self.collect(1)
        else:
            self.collect(0)
        self._timer = loop.call_later(YOUNG, self._tick, loop)

    def collect(self, generation: int) -> float:
        """Collect one generation and the younger ones; returns the seconds that took."""
        started = perf_counter()
        gc.collect(generation)
        return perf_counter() - started

    def stop(self) -> None:
        """Leave the collector as it was."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            gc.unfreeze()
        if self._was_enabled:
            gc.enable()
