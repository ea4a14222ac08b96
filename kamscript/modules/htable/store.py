"""Hash tables in a database: read when the server starts and by htable.reload, written at its end and by htable.store.

A row is a name, what it is (`key_type`: 0 one value, 1 an item of an array), what its value is (`value_type`: 0 a text,
1 an integer), the value, and perhaps when it expires. Items of an array become `name[0]`, `name[1]`, ... and how many
there are `name::size`. A table with `cols` has rows of its own kind: a name and columns that are joined; it is never
written. Source: htable manual, "Loading from database"; htable/ht_db.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kamscript import stores
from kamscript.module import FixupError
from kamscript.modules.htable.table import Table
from kamscript.stores import DatabaseError, Timestamp
from kamscript.values import leading_int

if TYPE_CHECKING:
    from kamscript.modules.htable import Htable

#: A row of a table without `cols`, read or to be written.
Row = tuple[Any, ...]


class LoadError(Exception):
    """A row that cannot become an item."""


class Store:
    """The database of one server's tables."""

    def __init__(self, module: Htable) -> None:
        """Open it and read every table that has one there; FixupError when the start must be refused."""
        self.module, self.log = module, module.server.log
        self.db = stores.bind(module.server, module.db_url)
        self.suffix = module.array_size_suffix or ""
        self.size = module.fetch_rows if module.fetch_rows > 0 else 100
        self.columns = (
            module.key_name_column,
            module.key_type_column,
            module.value_type_column,
            module.key_value_column,
            module.expires_column,
        )
        for table in module.newest_first():
            if table.definition.dbtable:
                try:
                    self._adopt(table)
                    self.load(table)
                except (DatabaseError, LoadError) as error:
                    raise FixupError(f"hash table [{table.name}] cannot be read: {error}") from error

    def _adopt(self, table: Table) -> None:
        """Tell the lab's database what the config expects of the table."""
        name = table.definition.dbtable
        if name != "htable" and stores.table(name) is not None:
            return
        standard = ("key_name", "key_type", "value_type", "key_value", "expires")
        if table.definition.columns:
            self.db.adopt(name, "htable", extra=dict.fromkeys(table.definition.columns, "string"))
        else:
            renamed = {old: new for old, new in zip(standard, self.columns, strict=True) if old != new}
            self.db.adopt(name, "htable", rename=renamed)

    # -- reading ------------------------------------------------------------------------------------------------------
    def load(self, table: Table) -> None:
        """Take the items of the database table in place of those that are there. Raises DatabaseError, LoadError."""
        fresh = self.module.empty(table.definition)
        if table.definition.columns:
            self._load_packed(fresh)
        else:
            self._load_rows(fresh)
        table.replace(fresh)

    def reload(self, table: Table) -> bool:
        """`load`, for commands and the timer: False, and an error in the log, when it failed."""
        try:
            self.load(table)
        except (DatabaseError, LoadError) as error:
            self.log.error("htable", f"failed reloading hash table [{table.name}]: {error}")
            return False
        return True

    def _rows(self, table: Table, columns: tuple[str, ...]) -> Iterator[tuple[str, Row]]:
        for part in self.db.fetch(table.definition.dbtable, columns, order=columns[0], size=self.size):
            for row in part:
                key = _text(row[0])
                if key is None:
                    raise LoadError(f"column {columns[0]} is null or no text: {row[0]!r}")
                yield key, row[1:]

    def _load_rows(self, table: Table) -> None:
        dated = bool(table.autoexpire and self.module.db_expires)
        now = int(self.module.server.timers.now)
        array, count = "", 0
        for key, row in self._rows(table, self.columns[: 5 if dated else 4]):
            expires = (row[3] or 0) if dated else 0
            if 0 < expires < now:
                continue
            if array != key and count:
                table.set(array + self.suffix, count)
                count = 0
            name = key
            if _number(row[0], self.columns[1]) == 1:
                array, name, count = key, f"{key}[{count}]", count + 1
            cell = table.set(name, self._value(row[1], row[2]))
            if expires:
                cell.expire = expires
        if count:
            table.set(array + self.suffix, count)

    def _value(self, kind: Any, value: Any) -> int | str:
        if _number(kind, self.columns[2]):
            return value if type(value) is int else leading_int(self._text_of(value))
        return str(value) if type(value) is int else self._text_of(value)

    def _text_of(self, value: Any) -> str:
        text = _text(value)
        if text is None:
            raise LoadError(f"column {self.columns[3]} is null, or neither text nor integer: {value!r}")
        return text

    def _load_packed(self, table: Table) -> None:
        columns, delimiter, null = table.definition.columns, table.definition.delimiter, table.definition.null
        for key, row in self._rows(table, columns):
            parts = []
            for column, value in zip(columns[1:], row, strict=True):
                text = null if value is None else str(value) if type(value) is int else _text(value)
                if text is None:
                    raise LoadError(f"column {column} is neither text nor integer: {value!r}")
                parts.append(text)
            table.set(key, delimiter.join(parts))

    # -- writing ------------------------------------------------------------------------------------------------------
    def save(self, table: Table) -> bool:
        """Write the items in place of the rows, but not those of a table with `cols`; whether all is well."""
        if table.definition.columns:
            self.log.warning("htable", f"hash table [{table.name}] has columns of its own and is not written")
            return True
        name, now = table.definition.dbtable, int(self.module.server.timers.now)
        dated = bool(table.autoexpire and self.module.db_expires)
        live = [cell for cell in table.ordered() if not table.autoexpire or cell.expire > now]
        rows: list[Row] = [
            (cell.key, 0, int(cell.value.__class__ is int), str(cell.value), cell.expire)[: 5 if dated else 4]
            for cell in live
        ]
        try:
            with self.db.transaction():
                self.db.delete(name)
                self.db.prepare_insert(name, self.columns[: 5 if dated else 4]).many(rows)
        except DatabaseError:
            self.log.error("htable", f"failed syncing hash table [{table.name}] to db")
            return False
        return True

    def stop(self) -> None:
        """The server ends: write the tables with dbmode=1."""
        for table in self.module.newest_first():
            if table.definition.dbtable and table.definition.dbmode and not table.definition.columns:
                self.save(table)


def _text(value: Any) -> str | None:
    """A column's text; None for anything else."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _number(value: Any, column: str) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, Timestamp):
        raise LoadError(f"column {column} is no integer: {value!r}")
    return int(value)
