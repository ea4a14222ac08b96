"""The collector's timer: off while messages are dealt with, and no cycle stays for ever."""

from __future__ import annotations

import asyncio
import gc
import weakref

from kamscript.live.garbage import ALL, MIDDLE, YOUNG, Garbage


class Cycle:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.me = self


def test_cycles_are_found_by_the_timer_only() -> None:
    asked: list[tuple[float, object]] = []

    class Loop:
        """Notes what is to be called."""

        def call_later(self, delay: float, callback: object, *arguments: object) -> asyncio.TimerHandle:
            asked.append((delay, callback))
            return asyncio.TimerHandle(0, print, (), asyncio.new_event_loop())

    garbage = Garbage()
    collected: list[int] = []
    collect = garbage.collect
    garbage.collect = lambda generation: collected.append(generation) or collect(generation)  # type: ignore[method-assign,func-returns-value]
    garbage.start(Loop())  # type: ignore[arg-type]
    try:
        assert not gc.isenabled()
        lost = weakref.ref(Cycle())
        assert lost() is not None
        for _ in range(int(ALL / YOUNG)):
            garbage._tick(Loop())  # type: ignore[arg-type]
            assert lost() is None
        assert collected.count(2) == 1
        assert collected.count(1) == int(ALL / MIDDLE) - 1
        assert all(delay == YOUNG for delay, _ in asked)
    finally:
        garbage.stop()
    assert gc.isenabled()
