"""Room for the frames of Python functions.

CPython keeps them in chunks of 16 KiB and gives a chunk back to the system as soon as its first frame ends
(Python/pystate.c, push_chunk). A loop that happens to call across the end of a chunk asks for memory at each call: a
SIP call in the lab then takes up to 2.3 times as long, and it does so in one of three depths of the stack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: Places for values that the frame of `with_room` asks for: more than a chunk holds, so it gets one of its own, which
#: is twice as large and has as much again, 256 KiB, for the frames of what is called. Only what is used costs memory.
_PLACES = 32 * 1024


def with_room(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function so that the frames of all that it calls lie in one chunk. It costs some 10 µs: call it seldom."""
    return function(*args, **kwargs)


with_room.__code__ = with_room.__code__.replace(co_stacksize=_PLACES)
