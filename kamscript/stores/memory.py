"""The databases of the lab: any URL, in memory, with Kamailio's tables made as they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.stores.base import Database, Log


def memory_databases(log: Log, clock: Callable[[], float] | None = None) -> Callable[[str], Database]:
    """What a lab hands to a server as `Environment.database`: `url -> Database`, one for each URL.

    `clock` is what SQL's NOW() says, Unix seconds. Tables come into being, empty, when a statement first names
    them; a test may fill them before the server starts.
    """
    databases: dict[str, Database] = {}

    def open_memory(url: str) -> Database:
        if url not in databases:
            from kamscript.stores.database import MemoryDatabase
            from kamscript.stores.urls import parse_url

            databases[url] = MemoryDatabase(parse_url(url), log, clock=clock)
        return databases[url]

    return open_memory
