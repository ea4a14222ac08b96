"""htable: hash tables that scripts share, with expiry, a database behind them and other nodes beside them.

    definition.py   what a modparam says of a table
    table.py        the items of one table
    keys.py         `table=>key`, as variables and functions name an item
    matching.py     items by name or value
    iterators.py    walks of a script
    functions.py    what scripts call
    variables.py    what scripts read and write
    commands.py     RPC and MI commands
    store.py        the database
    dmq.py          the other nodes

For other modules and for tests: `tables` is a dict of `Table` by name, each with `get`, `set`, `delete`, `items`,
`clear` and `len()`. Source: htable manual, src/modules/htable/ of 5.6; names of 4.4 and 6.x.
"""

from __future__ import annotations

from kamscript.module import EventRoute, FixupError, Param, Route
from kamscript.modules.htable.commands import Commands
from kamscript.modules.htable.definition import Definition, parse_definition
from kamscript.modules.htable.dmq import Replication
from kamscript.modules.htable.functions import Functions
from kamscript.modules.htable.iterators import Iterators
from kamscript.modules.htable.matching import by_operator
from kamscript.modules.htable.store import Store
from kamscript.modules.htable.table import Cell, Table
from kamscript.modules.htable.variables import Variables

__all__ = ["Cell", "Htable", "Table"]

#: Longest name of an event route, bytes.
_MAX_EVENT = 63


def _definition(text: str) -> str | None:
    try:
        parse_definition(text)
    except FixupError as error:
        return str(error)
    return None


class Htable(Variables, Functions, Commands, name="htable"):
    """Hash tables that scripts share: values by name, that may expire and be kept in a database."""

    htable = Param(
        "",
        "A table, `name=>size=4;autoexpire=7200;initval=0;updateexpire=1;dbtable=t;cols='a,b';dbmode=1;dmqreplicate=1`;"
        " 6.x: also `coldelim`, `colnull`, `reloadat`.",
        repeat=True,
        check=_definition,
    )
    db_url = Param("", "Database with the tables that have a `dbtable`.")
    key_name_column = Param("key_name", "Column of the item's name.")
    key_type_column = Param("key_type", "Column that tells single items (0) and those of arrays (1).")
    value_type_column = Param("value_type", "Column that tells texts (0) and integers (1).")
    key_value_column = Param("key_value", "Column of the value.")
    expires_column = Param("expires", "Column that tells when the item expires, Unix seconds.")
    array_size_suffix = Param("::size", "What the name of an array gets for the item that holds its size.")
    fetch_rows = Param(100, "Rows to read at once.")
    timer_interval = Param(20, "Seconds between two looks for items that have expired.")
    db_expires = Param(0, "1: read and write when items expire, in tables with `autoexpire`.")
    enable_dmq = Param(0, "1: tell other nodes of changes in tables with `dmqreplicate`.")
    dmq_init_sync = Param(0, "1: ask the other nodes for their items when they are found.", since="5.6")
    dmq_peer_id = Param("htable", "Name of the channel on the bus.", since="6.x")
    timer_procs = Param(0, "Timer processes of its own.", inert="there is one process with one timer")
    event_callback = Param(
        "", "KEMI function for events.", since="5.6", inert="there is no scripting language beside the config"
    )
    event_callback_mode = Param(
        0,
        "When event_route[htable:mod-init] runs: 0 before there are workers, 1 in the first.",
        since="5.6",
        inert="the one process there is does both, when all modules have started",
    )

    mod_init = EventRoute("htable:mod-init", "The server starts: fill the tables.")
    item_expired = EventRoute("htable:expired", "An item expired (htable:expired:TABLE); see $shtrecord.")
    table_reloaded = EventRoute("htable:reloaded", "6.x: a table was read anew (htable:reloaded:TABLE).")

    # -- life ---------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Make the tables, read those of the database, join the bus."""
        server = self.server
        self.modern = server.target not in ("4.4", "5.6")
        for text in self.htable:
            definition = parse_definition(text, newer=self.modern)
            if definition.name in self.tables:
                raise FixupError(f"hash table [{definition.name}] is defined twice")
            self.tables[definition.name] = self.empty(definition)
        self.iterators = Iterators(server.log)
        self.store = Store(self) if self.db_url else None
        self.replication = Replication(self) if self.enable_dmq > 0 else None
        if self.replication is None:
            for table in self.tables.values():
                if table.definition.dmqreplicate:
                    server.log.warning("htable", f"[{table.name}] is not replicated: enable_dmq is not set")

    def ready(self) -> None:
        """Start the timer and let the config fill the tables."""
        definitions = [table.definition for table in self.tables.values()]
        if any(one.autoexpire or one.reloadat for one in definitions):
            self.server.timers.every(self.timer_interval if self.timer_interval > 0 else 20, self._tick)
        ctx = self.server.run_event("htable:mod-init")
        if ctx is not None and ctx.drop:
            raise FixupError("event_route[htable:mod-init] ended with drop, which ends the start")

    def stop(self) -> None:
        """Write what is to be kept."""
        if self.store is not None:
            self.store.stop()

    def empty(self, definition: Definition) -> Table:
        """A table without items."""
        timers = self.server.timers
        return Table(definition, lambda: timers.now, lenient=self.modern)

    # -- the timer ----------------------------------------------------------------------------------------------------
    def _tick(self) -> None:
        for table in self.newest_first():
            if table.autoexpire:
                self._expire(table)
            if table.definition.reloadat and table.definition.dbtable:
                self._reload(table)

    def _expire(self, table: Table) -> None:
        gone = [cell for cell in table.cells.values() if table.expired(cell)]
        event = self._event("expired", table)
        if event and gone:
            order = {id(cell): place for place, cell in enumerate(table.ordered())}
            for cell in sorted(gone, key=lambda cell: order[id(cell)]):
                self.record = cell
                ctx = self.server.context(self.server.faked_message(), Route.EVENT)
                self.server.run_event(event, ctx=ctx)
                self.record = None
            if self.modern:  # the route may have given it a new life
                gone = [cell for cell in gone if table.expired(cell)]
        table.remove(gone)

    def _reload(self, table: Table) -> None:
        now = int(self.server.timers.now)
        last = self._reloaded.get(table.name)
        if self.store is None or (last is not None and now - last < table.definition.reloadat):
            return
        if not self.store.reload(table):
            return
        self._reloaded[table.name] = now
        event = self._event("reloaded", table)
        if event:
            self.server.run_event(event, ctx=self.server.context(self.server.faked_message(), Route.EVENT))

    def _event(self, what: str, table: Table) -> str:
        """The event route about a table; "" when the config has none, or the name is too long for Kamailio."""
        name = f"htable:{what}:{table.name}"
        known = self.server.route_function(Route.EVENT, name) is not None
        return name if known and len(name) < _MAX_EVENT else ""

    # -- changes ------------------------------------------------------------------------------------------------------
    def put(self, table: Table, key: str, value: int | str, seconds: int = 0) -> None:
        """Set an item; with `seconds`, as sht_setxs() does, also when it expires."""
        cell = table.set(key, value, seconds)
        if (replication := self._telling(table)) is not None:
            replication.set(table, cell)

    def put_expiring(self, table: Table, key: str, value: int | str, seconds: int) -> None:
        """Set an item and when it expires."""
        self.put(table, key, value, seconds)
        if (replication := self._telling(table)) is not None:
            replication.expire(table, key, seconds)

    def expire(self, table: Table, key: str, seconds: int) -> None:
        """Let an item expire in `seconds`."""
        table.expire(key, seconds)
        if (replication := self._telling(table)) is not None:
            replication.expire(table, key, seconds)

    def delete(self, table: Table, key: str) -> bool:
        """Remove an item; whether it was there."""
        found = table.delete(key)
        if (replication := self._telling(table)) is not None:
            replication.delete(table, key)
        return found

    def add(self, table: Table, key: str, number: int) -> int | None:
        """Add to an integer; None when there is none."""
        result = table.add(key, number)
        if result is not None and (replication := self._telling(table)) is not None:
            replication.set(table, table.cells[key])
        return result

    def remove(self, table: Table, operator: str, text: str, *, name: bool, tell: bool = True) -> bool:
        """Remove the items that `re` or `sw` matches; False for a regular expression that is none."""
        if tell and (replication := self._telling(table)) is not None:
            replication.remove(table, operator, text, name=name)
        test = by_operator(operator, text, name=name)
        if test is None:
            self.server.log.error("htable", f"bad re {text}")
            return False
        table.remove([cell for cell in table.cells.values() if test(cell)])
        return True

    def _telling(self, table: Table) -> Replication | None:
        return self.replication if table.definition.dmqreplicate else None

    def newest_first(self) -> list[Table]:
        """The tables in the order in which Kamailio goes through them: the one that was defined last comes first."""
        return list(reversed(self.tables.values()))
