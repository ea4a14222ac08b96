"""One hash table: its items, found by name in constant time, and their order (htable/ht_api.c).

Kamailio keeps items in 2^size slots; a walk goes from slot to slot and follows the hash of the names in each. Here a
dict finds them, and the order is made when somebody walks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.values import wrap

if TYPE_CHECKING:
    from kamscript.modules.htable.definition import Definition


class Cell:
    """An item: name, value (int or str), when it expires (Unix seconds, 0 never).

    `modified` is when it was set, Unix milliseconds, on nodes that tell each other (6.x); else 0.
    """

    __slots__ = ("expire", "key", "modified", "place", "value")

    def __init__(self, key: str, value: int | str, expire: int) -> None:
        self.key, self.value, self.expire, self.modified = key, value, expire, 0
        self.place = (-1, -1)  #: slot and hash, once somebody asked for the order


class Table:
    """A table as `modparam("htable", "htable", "name=>...")` defines it.

    What stands first is for whoever looks at it from outside, tests for one; the module's parts use all
    of it. Names and texts are latin-1: a character is a byte. `clock` tells Unix seconds.
    `lenient`: 6.x, where an update of an expired item always gives it a new life.
    """

    def __init__(self, definition: Definition, clock: Callable[[], float], *, lenient: bool = True) -> None:
        self.definition, self.name = definition, definition.name
        self.slots, self.autoexpire, self.initval = definition.slots, definition.autoexpire, definition.initval
        self.cells: dict[str, Cell] = {}
        self.locks: Counter[int] = Counter()  #: how often each slot is locked
        self._clock, self._lenient = clock, lenient
        self._order: list[Cell] | None = None
        self.inserted = 0  #: how many items were ever new here: a walk looks whether it has missed one

    # -- for those who look from outside ------------------------------------------------------------------------------
    def get(self, key: str) -> int | str | None:
        """The value as `$sht(name=>key)` reads it: an item that has expired is none, and `initval` stands for none."""
        cell = self.cells.get(key)
        return self.initval if cell is None or self.expired(cell) else cell.value

    def set(self, key: str, value: int | str, seconds: int = 0) -> Cell:
        """Set an item. It expires in `seconds`, or as `autoexpire` and `updateexpire` say for 0."""
        now = self._now() if self.autoexpire else 0
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = Cell(key, value, now + (seconds if seconds > 0 else self.autoexpire))
            self.inserted += 1
            self._order = None
            return cell
        cell.value = value
        if seconds > 0:
            cell.expire = now + seconds
        elif self.definition.updateexpire or (self._lenient and self.expired(cell)):
            cell.expire = now + self.autoexpire
        return cell

    def delete(self, key: str) -> bool:
        """Remove an item; whether it was there."""
        if self.cells.pop(key, None) is None:
            return False
        self._order = None
        return True

    def items(self) -> Iterator[tuple[str, int | str]]:
        """Names and values of the items that have not expired, in the order of htable.dump."""
        return ((cell.key, cell.value) for cell in self.ordered() if not self.expired(cell))

    def expire(self, key: str, seconds: int) -> None:
        """Let an item expire in `seconds`, never when these are none or fewer.

        Nothing happens without an item, and in a table without `autoexpire`.
        """
        cell = self.cells.get(key)
        if cell is not None and self.autoexpire:
            cell.expire = self._now() + seconds if seconds > 0 else 0

    def expires_in(self, key: str) -> int:
        """Seconds until an item expires, negative when it is past or never; 0 without one and without `autoexpire`."""
        cell = self.cells.get(key)
        return 0 if cell is None or not self.autoexpire else wrap(cell.expire - self._now())

    def clear(self) -> None:
        """Remove all items."""
        self.cells.clear()
        self._order = None

    def __len__(self) -> int:
        """How many items there are, expired ones that the timer has not removed yet included."""
        return len(self.cells)

    # -- for the module -----------------------------------------------------------------------------------------------
    def _now(self) -> int:
        return int(self._clock())

    def expired(self, cell: Cell) -> bool:
        """Whether an item reads as if it were not there."""
        return bool(self.autoexpire) and 0 != cell.expire < self._now()

    def add(self, key: str, number: int) -> int | None:
        """Add to an integer; None when there is none: no item and no `initval`, or a text."""
        cell = self.cells.get(key)
        if cell is None:
            if self.initval is None:
                return None
            return int(self.set(key, wrap(self.initval + number)).value)
        value = cell.value
        if self.expired(cell):
            if self.initval is None:
                return None
            value = self.initval
        if isinstance(value, str):
            return None
        self.set(key, wrap(value + number))
        return wrap(value + number)

    def rewrite(self, cell: Cell, value: int | str) -> None:
        """Change an item that a walk stands at."""
        cell.value = value
        if self.definition.updateexpire:
            cell.expire = self._now() + self.autoexpire

    def expire_in(self, cell: Cell, seconds: int) -> None:
        """Let an item that a walk stands at expire."""
        cell.expire = self._now() + seconds

    def remove(self, cells: Iterable[Cell]) -> None:
        """Remove items; those that are no longer there stay away."""
        for cell in cells:
            if self.cells.get(cell.key) is cell:
                del self.cells[cell.key]
                self._order = None

    def replace(self, other: Table) -> None:
        """Take over the items of another table of the same definition."""
        self.cells, self._order = other.cells, None
        self.inserted += 1

    def slot_of(self, key: str) -> int:
        """The slot of a name; letter case makes no difference."""
        return self._place(key)[0]

    def _place(self, key: str) -> tuple[int, int]:
        number = core_hash(key.encode("latin-1").lower().decode("latin-1"))
        return number & self.slots - 1, number

    def ordered(self) -> list[Cell]:
        """All items, slot by slot, in a slot by hash, and by age where that is equal."""
        order = self._order
        if order is None:
            order = list(self.cells.values())
            for cell in order:
                if cell.place[0] < 0:
                    cell.place = self._place(cell.key)
            order.sort(key=_place)
            self._order = order
        return order

    def behind(self, cell: Cell) -> int:
        """Where a walk goes on behind an item in `ordered()`, whether it is still there or not."""
        order = self.ordered()
        last = bisect_right(order, cell.place, key=_place)
        for at in range(bisect_left(order, cell.place, key=_place), last):
            if order[at] is cell:
                return at + 1
        return last

    def filled(self) -> Iterator[tuple[int, list[Cell]]]:
        """The slots that hold something, with their items."""
        slot: list[Cell] = []
        for cell in self.ordered():
            if slot and slot[0].place[0] != cell.place[0]:
                yield slot[0].place[0], slot
                slot = []
            slot.append(cell)
        if slot:
            yield slot[0].place[0], slot


def _place(cell: Cell) -> tuple[int, int]:
    return cell.place
