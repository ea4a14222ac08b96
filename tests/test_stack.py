"""Frames of functions that lie in one chunk of memory."""

from __future__ import annotations

import resource
from collections.abc import Callable

import pytest

from kamscript.stack import with_room


def nested(depth: int) -> int:
    """Some frames on top of each other."""
    return nested(depth - 1) + 1 if depth else 0


def page_faults(depth: int, work: Callable[[], object]) -> int:
    """How often the system was asked for memory while `work` was done `depth` frames further up."""
    if depth:
        return page_faults(depth - 1, work)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_it_returns_what_the_function_returns() -> None:
    assert with_room(dict, [("a", 1)], b=2) == {"a": 1, "b": 2}


def test_what_the_function_raises_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        with_room(divmod, 1, 0)


def test_a_loop_asks_for_no_memory_at_any_depth_of_the_stack() -> None:
    def loop() -> None:
        for _ in range(100):
            nested(20)

    assert max(page_faults(depth, lambda: with_room(loop)) for depth in range(0, 200, 2)) < 50
