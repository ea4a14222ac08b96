"""Compiled configs on disk. A file there is only believed when its hash is right and everything that went into it is
the same: all files read, files looked for, environment variables, defines, kamscript's and Python's versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from kamscript.script.program import Program
from kamscript.source import Reader


class Store(Protocol):
    """Where entries are kept: a directory in the user's cache, or a mapping in tests."""

    def load(self, key: str) -> bytes | None:
        """The entry, None when there is none."""
        ...

    def save(self, key: str, data: bytes) -> None:
        """Keep an entry; failing to is no error."""
        ...


def cached(
    path: str,
    reader: Reader,
    store: Store,
    build: Callable[[], Program],
    *,
    defines: Mapping[str, str] | None = None,
    target: str = "all",
) -> Program:
    """The program for the config at `path`: from `store` when nothing changed, otherwise from `build()`, then kept."""
    raise NotImplementedError
