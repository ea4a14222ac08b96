"""When the cyclic garbage collector runs: by a timer instead of in the middle of a message.

Reference counting frees what a message leaves behind; the collector only has to find cycles, and a call makes none.
Left to itself it runs every few thousand allocations, over transactions that all live some seconds, and takes a fifth
of the server's CPU. So it is switched off, and a timer collects:

- what was made lately, as often as it pays: after half a minute at first, twice as late each time that it finds next to
  nothing, up to a minute; twice as early, down to a second, when it finds much (a module that makes cycles). By then
  most transactions are gone without it. A collection at 500 calls a second pauses the server for 0.1 to 0.3 s, which
  the sockets' buffers bridge; every second it would take 5 % of the CPU.
- everything after five minutes, and then so often that it takes no more than one part in 200 of the time: cycles in
  what lives long (dialogs, locations) do not pile up however many days the server is up.

What was loaded before lives as long as the process and is never looked at.
"""

from __future__ import annotations

import asyncio
import gc
from time import perf_counter

#: Seconds between two collections of what was made lately, at least and at most.
SOONEST, LATEST = 1.0, 60.0
#: Seconds before the first one.
FIRST = 30.0
#: So few unreachable objects are next to nothing, so many are much.
FEW, MANY = 1_000, 20_000
#: Seconds between two collections of everything, at least.
ALL = 300.0
#: A full collection that took a second is not repeated within so many seconds.
REST = 200.0


class Garbage:
    """The collector's timer on one loop."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._was_enabled = gc.isenabled()
        self._since_all = 0.0
        self._rest = ALL
        self.interval = FIRST

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take over: collect once, set aside what is there, and go by the timer from now on."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._timer = loop.call_later(self.interval, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._since_all += self.interval
        if self._since_all >= self._rest:
            self._since_all = 0.0
            started = perf_counter()
            gc.collect()
            self._rest = max(ALL, REST * (perf_counter() - started))
        else:
            found = gc.collect(1)
            if found < FEW:
                self.interval = min(LATEST, self.interval * 2)
            elif found > MANY:
                self.interval = max(SOONEST, self.interval / 2)
        self._timer = loop.call_later(self.interval, self._tick, loop)

    def stop(self) -> None:
        """Leave the collector as it was."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            gc.unfreeze()
        if self._was_enabled:
            gc.enable()
