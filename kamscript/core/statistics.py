"""Statistics: counters by group and name (core/counters.c), as `stats.*`, `$stat()` and module statistics see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kamscript.module import Counter

if TYPE_CHECKING:
    from kamscript.core.server import Server


class Statistics:
    """Every counter of one server. Names are unique per group; `find` takes a bare name as `$stat(name)` does."""

    def __init__(self, server: Server) -> None:
        raise NotImplementedError

    def add(self, group: str, name: str, read: Callable[[], int] | None = None) -> Counter:
        """The counter `group`.`name`, made when it is new; with `read` it is computed when asked."""
        raise NotImplementedError

    def get(self, group: str, name: str) -> Counter | None:
        """One counter."""
        raise NotImplementedError

    def find(self, name: str) -> Counter | None:
        """The first counter called `name` in any group (get_stat)."""
        raise NotImplementedError

    def groups(self) -> list[str]:
        """All group names, in Kamailio's order."""
        raise NotImplementedError

    def group(self, group: str) -> Iterator[Counter]:
        """All counters of a group, in Kamailio's order."""
        raise NotImplementedError
