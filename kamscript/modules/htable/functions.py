"""What scripts call (htable/htable.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import PvInt, Route, Str, function
from kamscript.modules.htable.keys import KeyArg
from kamscript.modules.htable.matching import by_operator
from kamscript.modules.htable.parts import Parts

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.htable.table import Table

#: sht_lock() and sht_unlock() of an unknown table.
_NO_TABLE = -11
_HEAD = 72  #: bytes that Kamailio keeps for an item beside its name and value
_FEW_SLOTS = 1 << 14  #: a larger table is printed without its empty slots


class Functions(Parts):
    """Script functions."""

    # -- items --------------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sht_print(self, ctx: Context) -> bool:
        """Write all tables to the log, at level ERROR."""
        for table in self.newest_first():
            self._print(table)
        return True

    def _print(self, table: Table) -> None:
        error = self.server.log.error
        error("htable", f"htable[{table.name}] exp: {table.autoexpire}>")
        filled = dict(table.filled())
        for slot in range(table.slots) if table.slots <= _FEW_SLOTS else filled:
            cells = filled.get(slot, [])
            error("htable", f"htable[{slot}] -- <{len(cells)}>")
            for cell in cells:
                is_text = isinstance(cell.value, str)
                size = _HEAD + len(cell.key) + 1 + (len(str(cell.value)) + 1 if is_text else 0)
                error("htable", f"\tcell: {cell.key}")
                error("htable", f"\thid: {cell.place[1]} msize: {size} flags: {2 * is_text} expire: {cell.expire}")
                error("htable", f"\tv-{'s' if is_text else 'i'}:{cell.value}")

    @function(Route.ANY, since="5.6")
    def sht_rm(self, ctx: Context, htname: Str, itname: Str) -> bool:
        """Remove an item, if it is there."""
        table = self._given(htname, itname)
        if table is None:
            return False
        self.delete(table, itname)
        return True

    @function(Route.ANY, since="5.6")
    def sht_setxs(self, ctx: Context, htname: Str, itname: Str, itval: Str, exval: PvInt) -> bool:
        """Set an item to a text that expires in `exval` seconds; 0: as usual."""
        table = self._given(htname, itname)
        if table is None:
            return False
        self.put_expiring(table, itname, itval, exval)
        return True

    @function(Route.ANY, since="5.6")
    def sht_setxi(self, ctx: Context, htname: Str, itname: Str, itval: PvInt, exval: PvInt) -> int:
        """Set an item to an integer that expires in `exval` seconds. In 5.6 it returns 0, which ends the route."""
        table = self._given(htname, itname)
        if table is None:
            return -1
        self.put_expiring(table, itname, itval, exval)
        return 1 if self.modern else 0

    @function(Route.ANY, since="6.x")
    def sht_inc(self, ctx: Context, htname: Str, itname: Str) -> bool:
        """Add 1 to an integer; false when there is none."""
        return self._add_to(htname, itname, 1)

    @function(Route.ANY, since="6.x")
    def sht_dec(self, ctx: Context, htname: Str, itname: Str) -> bool:
        """Take 1 from an integer; false when there is none."""
        return self._add_to(htname, itname, -1)

    def _add_to(self, name: str, key: str, number: int) -> bool:
        table = self._given(name, key)
        if table is None:
            return False
        if self.add(table, key, number) is None:
            self.server.log.error("htable", f"$sht({name}=>{key}) is no integer")
            return False
        return True

    @function(Route.ANY, since="6.x")
    def sht_is_null(self, ctx: Context, htname: Str, itname: Str) -> int:
        """Whether there is no such item: 1, 2 no such table, 3 no name; -1 it is there, -2 there is an `initval`."""
        if not htname or not itname:
            self.server.log.error("htable", "a hash table and an item are wanted")
            return 3
        table = self.tables.get(htname)
        if table is None:
            return 2
        if table.initval is not None:
            return -2
        return 1 if table.get(itname) is None else -1

    @function(Route.ANY)
    def sht_reset(self, ctx: Context, htable: Str) -> bool:
        """Remove all items of a table; other nodes keep theirs."""
        table = self._given(htable)
        if table is None:
            return False
        table.clear()
        return True

    # -- items by name or value ---------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sht_rm_name_re(self, ctx: Context, key: KeyArg) -> bool:
        """Remove the items whose names match: `table=>expression`. An unknown table is no error."""
        return self._remove_matching(ctx, key, name=True)

    @function(Route.ANY)
    def sht_rm_value_re(self, ctx: Context, key: KeyArg) -> bool:
        """Remove the items whose values are texts that match: `table=>expression`."""
        return self._remove_matching(ctx, key, name=False)

    def _remove_matching(self, ctx: Context, key: KeyArg, *, name: bool) -> bool:
        table = self.tables.get(key.table)
        if table is None:
            return True
        text = key.key(ctx)
        return bool(text) and self.remove(table, "re", text, name=name)

    @function(Route.ANY, since="5.6")
    def sht_rm_name(self, ctx: Context, htable: Str, op: Str, val: Str) -> bool:
        """Remove the items whose names match (`re`) or start so (`sw`)."""
        return self._remove(htable, op, val, name=True)

    @function(Route.ANY, since="5.6")
    def sht_rm_value(self, ctx: Context, htable: Str, op: Str, val: Str) -> bool:
        """Remove the items whose values are texts that match (`re`) or start so (`sw`)."""
        return self._remove(htable, op, val, name=False)

    def _remove(self, table_name: str, operator: str, text: str, *, name: bool) -> bool:
        table = self._given(table_name, operator, text)
        if table is None or not self._is_operator(operator, ("re", "sw")):
            return False
        return self.remove(table, operator, text, name=name)

    @function(Route.ANY, since="5.6")
    @function(Route.ANY, name="sht_has_name", since="5.6")
    def sht_match_name(self, ctx: Context, htable: Str, op: Str, mval: Str) -> bool:
        """Whether some item's name is equal (`eq`), is not (`ne`), matches (`re`), or starts so (`sw`)."""
        return self._match(htable, op, mval, name=True)

    @function(Route.ANY, since="5.6")
    @function(Route.ANY, name="sht_has_str_value", since="5.6")
    def sht_match_str_value(self, ctx: Context, htable: Str, op: Str, mval: Str) -> bool:
        """Whether some item's value is a text that is equal (`eq`), is not (`ne`), matches (`re`), starts so (`sw`)."""
        return self._match(htable, op, mval, name=False)

    def _match(self, table_name: str, operator: str, text: str, *, name: bool) -> bool:
        table = self._given(table_name, operator, text)
        if table is None or not self._is_operator(operator, ("eq", "ne", "re", "sw")):
            return False
        test = by_operator(operator, text, name=name)
        if test is None:
            self.server.log.error("htable", f"bad re {text}")
            return False
        return any(map(test, table.cells.values()))

    def _is_operator(self, operator: str, known: tuple[str, ...]) -> bool:
        if operator not in known:
            self.server.log.warning("htable", f"unsupported match operator: {operator}")
        return operator in known

    # -- locks --------------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sht_lock(self, ctx: Context, key: KeyArg) -> int:
        """Lock the slot of an item. Routes run one at a time here, so nobody has to wait; `Table.locks` counts."""
        table = self.table(key.table)
        if table is None:
            return _NO_TABLE
        table.locks[table.slot_of(key.key(ctx))] += 1
        return 1

    @function(Route.ANY)
    def sht_unlock(self, ctx: Context, key: KeyArg) -> int:
        """Unlock the slot of an item; one that is not locked is none of its business."""
        table = self.table(key.table)
        if table is None:
            return _NO_TABLE
        slot = table.slot_of(key.key(ctx))
        table.locks[slot] -= 1
        if table.locks[slot] <= 0:
            del table.locks[slot]
        return 1

    # -- iterators ----------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sht_iterator_start(self, ctx: Context, iname: Str, hname: Str) -> bool:
        """Begin a walk through a table; up to four at a time."""
        return self._named(iname, hname) and self.iterators.start(iname, hname, self.tables.get(hname))

    @function(Route.ANY)
    def sht_iterator_next(self, ctx: Context, iname: Str) -> bool:
        """Go on to the next item, at first to the first; false behind the last."""
        return self._named(iname) and self.iterators.next(iname)

    @function(Route.ANY)
    def sht_iterator_end(self, ctx: Context, iname: Str) -> bool:
        """End a walk."""
        return self._named(iname) and self.iterators.end(iname)

    @function(Route.ANY, since="5.6")
    def sht_iterator_rm(self, ctx: Context, iname: Str) -> int:
        """Remove the item and go on: 1, -2 when it was the last, -1 without one."""
        return self.iterators.remove(iname) if self._named(iname) else -1

    @function(Route.ANY, since="5.6")
    def sht_iterator_sets(self, ctx: Context, iname: Str, sval: Str) -> bool:
        """Set the item to a text."""
        return self._named(iname) and self.iterators.rewrite(iname, sval)

    @function(Route.ANY, since="5.6")
    def sht_iterator_seti(self, ctx: Context, iname: Str, ival: PvInt) -> bool:
        """Set the item to an integer."""
        return self._named(iname) and self.iterators.rewrite(iname, ival)

    @function(Route.ANY, since="5.6")
    def sht_iterator_setex(self, ctx: Context, iname: Str, exval: PvInt) -> bool:
        """Let the item expire in `exval` seconds."""
        return self._named(iname) and self.iterators.expire(iname, exval)

    def _named(self, *texts: str) -> bool:
        if "" in texts:
            self.server.log.error("htable", "an empty argument is not allowed here")
            return False
        return True

    def _given(self, name: str, *texts: str) -> Table | None:
        """The table of that name; None when there is none, or when one of the arguments is empty."""
        return self.table(name) if self._named(name, *texts) else None
