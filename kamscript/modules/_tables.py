"""Tables that a config names: what the lab's database is to know of them, and arguments that name one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kamscript import stores
from kamscript.module import Fixup
from kamscript.script.format import format_of

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.stores import Database


def claim(database: Database, table: str, like: str, columns: Mapping[str, str]) -> None:
    """Tell that `table` is going to be used like Kamailio's table `like`.

    `columns` are the names that the config chose, by the standard ones. Another one of Kamailio's own tables stays what
    it is.
    """
    if table and (table == like or stores.table(table) is None):
        database.adopt(table, like, rename={old: new for old, new in columns.items() if old != new})


def matches_nothing(database: Database, *parts: str) -> bool:
    """Whether no row has these parts of a URI, as one is empty: for SQLite, Kamailio asks for null then."""
    return database.url.driver == "sqlite" and not all(parts)


def without_prefix(domain: str, prefix: str) -> str:
    """A domain as a table has it: without this beginning, in any case, unless nothing else is left of it."""
    if len(prefix) < len(domain) and domain[: len(prefix)].lower() == prefix.lower():
        return domain[len(prefix) :]
    return domain


class TableFixup(Fixup):
    """The name of a table, perhaps with pseudo-variables (fixup_spve): a function from a context to the name.

    The module's method `adopt` is told of a name that is a constant.
    """

    constant = True
    kind = "own"

    def __init__(self, module: str) -> None:
        self.module = module

    def resolve(self, text: str, server: Server) -> Callable[[Any], str]:
        """The function; FixupError for a text with a pseudo-variable that there is not."""
        if "$" in text:
            return format_of(text, server)
        server.module(self.module).adopt(text)
        return lambda ctx: text
