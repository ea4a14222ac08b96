"""`$sht` and its kin (htable/ht_var.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import Accessor, FixupError, PvRef, pv_class
from kamscript.modules.htable.keys import Key, parse_key
from kamscript.modules.htable.matching import by_count
from kamscript.modules.htable.parts import Parts
from kamscript.script.bind import Shown
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context


class Variables(Parts):
    """What scripts read and write."""

    def _key(self, ref: PvRef) -> Key:
        if ref.index is not None:
            raise FixupError(f"${ref.name}() takes no index")
        return parse_key(_inner(ref), self.server)

    @pv_class("sht")
    def item(self, ref: PvRef) -> Accessor:
        """`$sht(table=>key)`: the value of an item; null, or the table's `initval`, without one. `$null` removes it."""
        name, key, constant = self._key(ref)
        tables = self.tables

        def get(ctx: Context) -> Value:
            table = tables.get(name)
            return None if table is None else table.get(key(ctx))

        def get_constant(ctx: Context) -> Value:
            table = tables.get(name)
            return None if table is None else table.get(constant)  # type: ignore[arg-type]

        def set(ctx: Context, value: Value) -> None:
            table = self.table(name)
            if table is None:
                return
            if value is None:
                self.delete(table, key(ctx))
            else:
                self.put(table, key(ctx), int(value) if isinstance(value, int) else value)

        return Accessor(get if constant is None else get_constant, set)

    @pv_class("shtex")
    def expiry(self, ref: PvRef) -> Accessor:
        """`$shtex(table=>key)`: seconds until an item expires; may be set. 0 in a table without `autoexpire`."""
        name, key, _ = self._key(ref)

        def get(ctx: Context) -> int | None:
            table = self.tables.get(name)
            if table is None:
                return None
            return table.expires_in(key(ctx))

        def show(ctx: Context) -> str:
            left = get(ctx)
            return "<null>" if left is None else str(left & 0xFFFFFFFF)

        def set(ctx: Context, value: Value) -> None:
            table = self.table(name)
            if table is not None:
                self.expire(table, key(ctx), value if isinstance(value, int) else 0)

        accessor = Shown(get, show)  # as an unsigned number
        accessor.set = set
        return accessor

    @pv_class("shtcn")
    def count_names(self, ref: PvRef) -> Accessor:
        """`$shtcn(table=>what)`: how many names match: `**` all, `~~RE`, `%~start`, `~%end`, `==name`, or an RE."""
        return self._count(ref, name=True)

    @pv_class("shtcv")
    def count_values(self, ref: PvRef) -> Accessor:
        """`$shtcv(table=>what)`: how many values match: as $shtcn, and `eqN` for the integer N."""
        return self._count(ref, name=False)

    def _count(self, ref: PvRef, *, name: bool) -> Accessor:
        place = self._key(ref)

        def get(ctx: Context) -> Value:
            table = self.tables.get(place.table)
            if table is None:
                return None
            what = place.key(ctx)
            if what.startswith("**"):
                return len(table)
            test = by_count(what, name=name)
            return 0 if test is None else sum(map(test, table.cells.values()))

        return Accessor(get)

    @pv_class("shtinc")
    def increment(self, ref: PvRef) -> Accessor:
        """`$shtinc(table=>key)`: adds 1 to an integer and reads it; null without one."""
        return self._add(ref, 1)

    @pv_class("shtdec")
    def decrement(self, ref: PvRef) -> Accessor:
        """`$shtdec(table=>key)`: takes 1 from an integer and reads it; null without one."""
        return self._add(ref, -1)

    def _add(self, ref: PvRef, number: int) -> Accessor:
        name, key, _ = self._key(ref)

        def get(ctx: Context) -> Value:
            table = self.tables.get(name)
            return None if table is None else self.add(table, key(ctx), number)

        return Accessor(get)

    @pv_class("shtrecord")
    def expired_record(self, ref: PvRef) -> Accessor:
        """`$shtrecord(key)`, `$shtrecord(value)`: the item that expired, in event_route[htable:expired:TABLE]."""
        what = _inner(ref)
        if what not in ("key", "value"):
            raise FixupError(f"$shtrecord() has key and value, no {what!r}")

        def get(ctx: Context) -> Value:
            cell = self.record
            return None if cell is None else cell.key if what == "key" else cell.value

        return Shown(get, lambda ctx: "" if (value := get(ctx)) is None else str(value))

    @pv_class("shtitkey")
    def iterator_key(self, ref: PvRef) -> Accessor:
        """`$shtitkey(iterator)`: the name of the item that an iterator stands at."""
        name = self._iterator(ref)
        return Accessor(lambda ctx: None if (cell := self.iterators.current(name)) is None else cell.key)

    @pv_class("shtitval")
    def iterator_value(self, ref: PvRef) -> Accessor:
        """`$shtitval(iterator)`: the value of the item that an iterator stands at."""
        name = self._iterator(ref)
        return Accessor(lambda ctx: None if (cell := self.iterators.current(name)) is None else cell.value)

    def _iterator(self, ref: PvRef) -> str:
        name = _inner(ref)
        if not name:
            raise FixupError(f"${ref.name}() needs the name of an iterator")
        return name


def _inner(ref: PvRef) -> str:
    """What stands in the parentheses, as it is written."""
    inner = ref.inner
    if inner is None:
        return ""
    return inner if isinstance(inner, str) else inner.text  # type: ignore[attr-defined]
