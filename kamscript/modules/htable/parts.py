"""What the parts of the module share: the tables and how they are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import Module

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.modules.htable.dmq import Replication
    from kamscript.modules.htable.iterators import Iterators
    from kamscript.modules.htable.store import Store
    from kamscript.modules.htable.table import Cell, Table


class Parts(Module):
    """Base of the parts that declare what scripts and commands use; `Htable` has the methods."""

    modern = True  #: neither 4.4 nor 5.6
    iterators: Iterators
    store: Store | None
    replication: Replication | None  #: None: enable_dmq is not set
    record: Cell | None  #: the item that expired, while its event route runs

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.tables: dict[str, Table] = {}
        self.record = None
        self._reloaded: dict[str, int] = {}

    def table(self, name: str) -> Table | None:
        """The table; None, and an error in the log, for an unknown one."""
        found = self.tables.get(name)
        if found is None:
            self.server.log.error("htable", f"cannot get hash table [{name}]")
        return found

    if TYPE_CHECKING:

        def put(self, table: Table, key: str, value: int | str, seconds: int = 0) -> None: ...
        def put_expiring(self, table: Table, key: str, value: int | str, seconds: int) -> None: ...
        def expire(self, table: Table, key: str, seconds: int) -> None: ...
        def delete(self, table: Table, key: str) -> bool: ...
        def add(self, table: Table, key: str, number: int) -> int | None: ...
        def remove(self, table: Table, operator: str, text: str, *, name: bool, tell: bool = True) -> bool: ...
        def newest_first(self) -> list[Table]: ...
