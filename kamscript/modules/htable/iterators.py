"""The up to four walks through tables that a script has under way (ht_iterator_*)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.modules.htable.table import Cell, Table

if TYPE_CHECKING:
    from kamscript.core.log import Log

MAX_ITERATORS: Final = 4
MAX_NAME: Final = 31  #: bytes of an iterator's name


class Iterator:
    """A walk. `current` is the item it stands at: None before the first and behind the last.

    Items that others add or remove meanwhile are met or not, as the order of the table has it.
    """

    def __init__(self, table: Table | None) -> None:
        self.table, self.current = table, None  # type: Table | None, Cell | None
        self._order: list[Cell] = []
        self._at = self._inserted = 0

    def next(self) -> bool:
        """Go on; False behind the last item. From there, and at first, it begins at the first."""
        table = self.table
        assert table is not None
        if self.current is None:
            self._order, self._at, self._inserted = table.ordered(), 0, table.inserted
        elif self._inserted != table.inserted:
            self._order, self._at, self._inserted = table.ordered(), table.behind(self.current), table.inserted
        order, cells = self._order, table.cells
        while self._at < len(order):
            cell = order[self._at]
            self._at += 1
            if cells.get(cell.key) is cell:
                self.current = cell
                return True
        self.current = None
        return False


class Iterators:
    """Those that were started, by name."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._started: dict[str, Iterator] = {}

    def start(self, name: str, table_name: str, table: Table | None) -> bool:
        """Begin a walk, or begin it anew."""
        if name not in self._started:
            if len(self._started) >= MAX_ITERATORS:
                return self._error(f"no iterator available - max number is {MAX_ITERATORS}")
            if len(name) > MAX_NAME:
                return self._error(f"iterator name is too big [{name}] (max {MAX_NAME + 1})")
        self._started[name] = Iterator(table)
        return table is not None or self._error(f"cannot get hash table [{table_name}]")

    def end(self, name: str) -> bool:
        """Forget a walk."""
        return self._started.pop(name, None) is not None or self._error(f"iterator not found [{name}]")

    def next(self, name: str) -> bool:
        """Go on to the next item; False behind the last."""
        iterator = self._walking(name)
        return iterator is not None and iterator.next()

    def remove(self, name: str) -> int:
        """Remove the item and go on: 1, -2 when it was the last, -1 without an item."""
        iterator = self._standing(name)
        if iterator is None or iterator.table is None or iterator.current is None:
            return -1
        gone = iterator.current
        more = iterator.next()
        iterator.table.remove([gone])
        return 1 if more else -2

    def rewrite(self, name: str, value: int | str) -> bool:
        """Set the value of the item."""
        iterator = self._standing(name)
        if iterator is None or iterator.table is None or iterator.current is None:
            return False
        iterator.table.rewrite(iterator.current, value)
        return True

    def expire(self, name: str, seconds: int) -> bool:
        """Let the item expire."""
        iterator = self._standing(name)
        if iterator is None or iterator.table is None or iterator.current is None:
            return False
        iterator.table.expire_in(iterator.current, seconds)
        return True

    def current(self, name: str) -> Cell | None:
        """The item that a walk stands at."""
        iterator = self._started.get(name)
        return None if iterator is None else iterator.current

    def _walking(self, name: str) -> Iterator | None:
        iterator = self._started.get(name)
        if iterator is None:
            self._error(f"iterator not found [{name}]")
        elif iterator.table is None:
            self._error(f"iterator not initialized [{name}]")
            return None
        return iterator

    def _standing(self, name: str) -> Iterator | None:
        iterator = self._walking(name)
        if iterator is not None and iterator.current is None:
            self._error(f"iterator not used [{name}]")
        return iterator

    def _error(self, text: str) -> bool:
        self._log.error("htable", text)
        return False
