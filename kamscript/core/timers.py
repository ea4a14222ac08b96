"""Deadlines. Nothing here knows what time it is: the driver asks for the next deadline and says when it has come."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush


class Timer:
    """One callback at one time; `cancel()` forgets it."""

    __slots__ = ("callback", "deadline")

    def __init__(self, deadline: float, callback: Callable[[], object]) -> None:
        self.deadline = deadline
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Never call back."""
        self.callback = None


class Timers:
    """All deadlines of one server. Times are Unix seconds; `now` is what the driver last said."""

    __slots__ = ("_heap", "_serial", "now")

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._heap: list[tuple[float, int, Timer]] = []
        self._serial = 0

    def after(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back once, `seconds` from now."""
        timer = Timer(self.now + seconds, callback)
        self._serial += 1
        heappush(self._heap, (timer.deadline, self._serial, timer))
        return timer

    def every(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back every `seconds`, first after one interval, until cancelled."""
        timer = Timer(self.now + seconds, callback)

        def tick() -> None:
            timer.deadline += seconds
            self._serial += 1
            heappush(self._heap, (timer.deadline, self._serial, timer))
            callback()

        timer.callback = tick
        self._serial += 1
        heappush(self._heap, (timer.deadline, self._serial, timer))
        return timer

    def next_deadline(self) -> float | None:
        """When `fire` has something to do next; None: never."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heappop(heap)
        return heap[0][0] if heap else None

    def fire(self, now: float) -> None:
        """Run what is due at `now`, in order of deadline; `self.now` follows each deadline."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            deadline, _, timer = heappop(heap)
            callback = timer.callback
            if callback is not None:
                if deadline > self.now:
                    self.now = deadline
                callback()
        if now > self.now:
            self.now = now

    def armed(self) -> list[tuple[float, Callable[[], object]]]:
        """Every deadline that will come, with what runs then, the next first: for those who look from outside."""
        live = [(deadline, serial, timer.callback) for deadline, serial, timer in self._heap]
        return [(deadline, callback) for deadline, _, callback in sorted(live, key=lambda e: e[:2]) if callback]

    def compact(self) -> None:
        """Drop cancelled timers from the heap (called when many were cancelled)."""
        self._heap = [entry for entry in self._heap if entry[2].callback is not None]
        heapify(self._heap)
