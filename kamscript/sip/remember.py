"""Keeping what was parsed last: of the header values and URIs of a call most come back a dozen times."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import TypeVar

T = TypeVar("T")

#: Longer texts are parsed anew each time: nobody shall fill the memory with what he sends.
LONGEST = 1024


def remember(size: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """A decorator for a parser of one text: keeps the last `size` results. They are shared: do not change them."""

    def decorate(parse: Callable[[str], T]) -> Callable[[str], T]:
        kept = lru_cache(size)(parse)

        def remembering(text: str) -> T:
            return kept(text) if len(text) <= LONGEST else parse(text)

        remembering.kept = kept  # type: ignore[attr-defined]
        return update_wrapper(remembering, parse)

    return decorate


def kept(parse: Callable[[str], T]) -> Callable[[str], T]:
    """The inner, quicker function of a remembering parser, for texts that are known to be short."""
    inner: Callable[[str], T] = parse.kept  # type: ignore[attr-defined]
    return inner
