"""The collector's timer: off while messages are dealt with, and no cycle stays for ever."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from kamscript.live.garbage import ALL, FIRST, LATEST, MANY, Garbage


class Cycle:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.me = self


class Loop:
    """A loop whose clock the test turns."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.next: Callable[[], None] = lambda: None

    def call_later(self, delay: float, callback: Callable[..., None], *arguments: object) -> asyncio.TimerHandle:
        """Remember what is due."""
        self.delays.append(delay)
        self.next = lambda: callback(*arguments)
        return asyncio.TimerHandle(0, print, (), asyncio.new_event_loop())


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop with the collector's timer on it."""
    garbage, loop = Garbage(), Loop()
    garbage.start(loop)  # type: ignore[arg-type]
    yield loop
    garbage.stop()
    assert gc.isenabled()


def test_it_is_off_between_its_times(loop: Loop) -> None:
    assert not gc.isenabled()
    lost = weakref.ref(Cycle())
    assert lost() is not None
    loop.next()
    assert lost() is None


def test_it_comes_later_when_it_finds_nothing_and_sooner_when_it_finds_much(loop: Loop) -> None:
    for _ in range(8):
        loop.next()
    assert loop.delays[:2] == [FIRST, LATEST]
    assert loop.delays[-1] == LATEST
    for _ in range(2 * MANY):
        Cycle()
    loop.next()
    assert loop.delays[-1] == LATEST / 2


def test_what_lives_long_is_looked_at_too(loop: Loop) -> None:
    old = Cycle()
    lost = weakref.ref(old)
    for _ in range(3):
        loop.next()
    del old  # by now it is in the oldest generation
    while sum(loop.delays) < 2 * ALL:
        loop.next()
    assert lost() is None
