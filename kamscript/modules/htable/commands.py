"""RPC commands, and the MI commands of 4.4 (htable/htable.c)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kamscript.core.mi import BAD_PARAMETER, MISSING_PARAMETER, Mi, MiReply
from kamscript.core.rpc import Struct, converted, missing
from kamscript.module import mi, rpc
from kamscript.modules.htable.parts import Parts

if TYPE_CHECKING:
    from kamscript.core.rpc import Rpc
    from kamscript.modules.htable.store import Store
    from kamscript.modules.htable.table import Cell, Table

_SET = "Ok. Key set to new value."
_THREE = (500, "Not enough parameters (htable name, key name and value)")
_FOUR = (500, "Not enough parameters (htable name, key name, value and expire)")
_NAME = (500, "No htable name given")
_MI_FAILED = "ERROR Reloading data"


class Commands(Parts):
    """What is asked and told from outside."""

    # -- items --------------------------------------------------------------------------------------------------------
    @rpc("htable.get")
    @missing(500, "Not enough parameters (htable name and key name)")
    def rpc_get(self, rpc: Rpc, htable: str, key: str) -> None:
        """One item: name, value, flags (2: a text), expiry."""
        table = self._table(rpc, htable)
        cell = table.cells.get(key)
        if cell is None or table.expired(cell):
            raise rpc.fault(500, "Key name doesn't exist in htable.")
        flags = 2 if isinstance(cell.value, str) else 0
        item = Struct({"name": cell.key, "value": cell.value, "flags": flags, "expire": _date(cell.expire)})
        rpc.struct(item=item)

    @rpc("htable.delete")
    @missing(500, "Not enough parameters (htable name & key name")
    def rpc_delete(self, rpc: Rpc, htable: str, key: str) -> str | None:
        """Remove one item."""
        found = self.delete(self._table(rpc, htable), key)
        if self.server.target == "4.4":
            return None
        if not found:
            raise rpc.fault(404, "Key not found in htable.")
        return "Ok. Key deleted."

    @rpc("htable.sets")
    @missing(*_THREE)
    @converted(2)
    def rpc_sets(self, rpc: Rpc, htable: str, key: str, value: str) -> str | None:
        """Set an item to a text."""
        self.put(self._table(rpc, htable), key, value)
        return self._done()

    @rpc("htable.seti")
    @missing(*_THREE)
    @converted(2)
    def rpc_seti(self, rpc: Rpc, htable: str, key: str, value: int) -> str | None:
        """Set an item to an integer."""
        self.put(self._table(rpc, htable), key, value)
        return self._done()

    def _done(self) -> str | None:
        return None if self.server.target == "4.4" else _SET

    @rpc("htable.setex", since="5.6")
    @missing(500, "Not enough parameters (htable name, item name and expire)")
    @converted(2)
    def rpc_setex(self, rpc: Rpc, htable: str, key: str, expire: int) -> str:
        """Let an item expire in `expire` seconds."""
        self.expire(self._table(rpc, htable), key, expire)
        return "Ok"

    @rpc("htable.setxs", since="5.6")
    @missing(*_FOUR)
    @converted(2)
    def rpc_setxs(self, rpc: Rpc, htable: str, key: str, value: str, expire: int) -> str:
        """Set an item to a text that expires in `expire` seconds."""
        return self._set_expiring(rpc, htable, key, value, expire)

    @rpc("htable.setxi", since="5.6")
    @missing(*_FOUR)
    @converted(2)
    def rpc_setxi(self, rpc: Rpc, htable: str, key: str, value: int, expire: int) -> str:
        """Set an item to an integer that expires in `expire` seconds."""
        return self._set_expiring(rpc, htable, key, value, expire)

    def _set_expiring(self, rpc: Rpc, name: str, key: str, value: int | str, seconds: int) -> str:
        table = self.table(name)
        if table is None:
            raise rpc.fault(500, "Failed to set the item")
        self.put_expiring(table, key, value, seconds)
        return _SET

    # -- tables -------------------------------------------------------------------------------------------------------
    @rpc("htable.dump")
    @missing(*_NAME)
    def rpc_dump(self, rpc: Rpc, htable: str) -> None:
        """All items of a table, slot by slot."""
        for number, cells in self._table(rpc, htable).filled():
            slot = rpc.struct(entry=number, size=len(cells))
            if self.server.target == "4.4":
                inner = slot.struct("slot")
                for cell in cells:
                    inner.add("item", _shown(cell))
            else:
                slot.add("slot", [_shown(cell) for cell in cells])

    @rpc("htable.listTables")
    def rpc_list(self, rpc: Rpc) -> None:
        """The tables and their attributes."""
        for table in self._all(rpc):
            definition = table.definition
            rpc.struct(
                name=table.name,
                dbtable=definition.dbtable[:127],
                dbmode=definition.dbmode,
                expire=table.autoexpire,
                updateexpire=definition.updateexpire,
                size=table.slots,
                dmqreplicate=definition.dmqreplicate,
            )

    @rpc("htable.stats")
    def rpc_stats(self, rpc: Rpc) -> None:
        """How many items tables have, in all and in the slots with the fewest and the most."""
        for table in self._all(rpc):
            sizes = Counter({slot: len(cells) for slot, cells in table.filled()})
            least = min(sizes.values()) if len(sizes) == table.slots else 0
            most = max(sizes.values(), default=0)
            rpc.struct(name=table.name, slots=table.slots, all=len(table), min=least, max=most)

    @rpc("htable.flush", since="5.6")
    @missing(*_NAME)
    def rpc_flush(self, rpc: Rpc, htable: str) -> str:
        """Remove all items of a table; other nodes keep theirs."""
        self._table(rpc, htable).clear()
        return "Ok. Htable flushed."

    @rpc("htable.reload")
    def rpc_reload(self, rpc: Rpc, htable: str = "") -> str | None:
        """Read a table anew from the database."""
        store, table = self._stored(rpc, htable)
        if not store.reload(table):
            raise rpc.fault(500, "Htable reload failed")
        return None if self.server.target == "4.4" else "Ok. Htable reloaded."

    @rpc("htable.store", since="5.6")
    def rpc_store(self, rpc: Rpc, htable: str = "") -> str:
        """Write a table to the database."""
        store, table = self._stored(rpc, htable)
        if not store.save(table):
            raise rpc.fault(500, "Storing htable failed")
        return "Ok. Htable successfully stored to DB."

    @rpc("htable.dmqsync", since="6.x")
    def rpc_dmqsync(self, rpc: Rpc, htable: str = "") -> str:
        """Ask the other nodes for their items, those of one table when it is named."""
        return self._sync(rpc, htable)

    @rpc("htable.dmqresync", since="6.x")
    @missing(*_NAME)
    def rpc_dmqresync(self, rpc: Rpc, htable: str) -> str:
        """Remove all items of a table and ask the other nodes for theirs."""
        self._table(rpc, htable).clear()
        return self._sync(rpc, htable)

    def _sync(self, rpc: Rpc, name: str) -> str:
        if self.replication is None:
            raise rpc.fault(500, "HTable DMQ Sync Failed")
        self.replication.request_sync(None, name)
        return "Ok"

    def _table(self, rpc: Rpc, name: str) -> Table:
        table = self.tables.get(name)
        if table is None:
            raise rpc.fault(500, "No such htable")
        return table

    def _all(self, rpc: Rpc) -> list[Table]:
        if not self.tables:
            raise rpc.fault(500, "No htables")
        return self.newest_first()

    def _stored(self, rpc: Rpc, name: str) -> tuple[Store, Table]:
        if self.store is None:
            raise rpc.fault(500, "No htable db_url")
        if not rpc.arguments:
            raise rpc.fault(*_NAME)
        table = self._table(rpc, name)
        if not table.definition.dbtable:
            raise rpc.fault(500, "No database htable")
        return self.store, table

    # -- MI -----------------------------------------------------------------------------------------------------------
    @mi("sht_reload")
    def mi_reload(self, mi: Mi) -> MiReply:
        """Read a table anew from the database."""
        if self.store is None:
            return MiReply(500, _MI_FAILED)
        table, refusal = self._asked(mi)
        if table is None:
            return refusal
        if not table.definition.dbtable:
            return MiReply(500, "no such hash table")
        return MiReply() if self.store.reload(table) else MiReply(500, _MI_FAILED)

    @mi("sht_dump")
    def mi_dump(self, mi: Mi) -> MiReply:
        """All items of a table, slot by slot."""
        table, refusal = self._asked(mi)
        if table is None:
            return refusal
        reply = MiReply()
        for number, cells in table.filled():
            entry = reply.add("Entry", number)
            for cell in cells:
                entry.add(cell.key, cell.value)
        return reply

    @mi("sht_delete")
    def mi_delete(self, mi: Mi) -> MiReply:
        """Remove an item, if it is there."""
        name, key = mi.value(0), mi.value(1)
        if not name or not key:
            return MiReply(400, MISSING_PARAMETER)
        table = self.tables.get(name)
        if table is None:
            return MiReply(404, BAD_PARAMETER)
        self.delete(table, key)
        return MiReply()

    def _asked(self, mi: Mi) -> tuple[Table | None, MiReply]:
        name = mi.value(0)
        if name is None:
            return None, MiReply(400, MISSING_PARAMETER)
        if not name:
            return None, MiReply(500, "bad hash table name")
        return self.tables.get(name), MiReply(500, "no such hash table")


def _shown(cell: Cell) -> Struct:
    return Struct({"name": cell.key, "value": cell.value, "type": "str" if isinstance(cell.value, str) else "int"})


def _date(expire: int) -> str:
    """When an item expires, local time."""
    return f"{datetime.fromtimestamp(expire, UTC).astimezone():%Y-%m-%d %H:%M:%S}" if expire else "NEVER"
