"""Kamailio's `text://` databases: a directory with one file per table (db_text manual, section 1.2).

    id(int,auto) username(string) domain(string,null) expires(int)
    1:alice::1795550780

A table is read into SQLite in memory when a statement first names it, so that every query works; what changed is
written back by `dump()` and `close()`, as db_text does at its end. In memory the columns keep the types of the first
line; the parameters of db_text are `options`: delimiter, emptystring, file_buffer_size, max_result_rows, and
`reload` (its db_mode 1: read a file again when it changed on disk).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from kamscript.stores import schema
from kamscript.stores.base import L_ERR, Cell, Database, DatabaseError, Log, Result, Timestamp, Where
from kamscript.stores.database import MemoryDatabase, SqlDatabase
from kamscript.stores.urls import DatabaseUrl

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "0": "\0"}
_ESCAPED = {value: f"\\{name}" for name, value in _ESCAPES.items()}
_NAMED_TABLES = re.compile(r"\b(?:from|into|update|join|table)\s+[`\"]?(\w+)", re.IGNORECASE)


class TextColumn(NamedTuple):
    """One column of a file: `kind` is int, double, str, string, blob or time."""

    name: str
    kind: str
    null: bool = False
    auto: bool = False

    def __str__(self) -> str:
        return f"{self.name}({self.kind}{',null' if self.null else ',auto' if self.auto else ''})"


class BadTable(ValueError):
    """A file is no table of db_text; the text tells where."""


def parse_header(line: str) -> list[TextColumn]:
    """The columns that the first line of a file declares; raises BadTable."""
    columns = []
    for part in line.split():
        name, bracket, rest = part.partition("(")
        kind, _, attribute = rest.removesuffix(")").partition(",")
        known = _KINDS.get(kind[:1].lower())
        if not bracket or not rest.endswith(")") or known is None:
            raise BadTable(f"bad column {part!r}")
        if known == "str" and "i" in kind.lower():
            known = "string"
        mark = attribute[:1].lower()
        if attribute and mark not in ("n", "a"):
            raise BadTable(f"bad attribute of column {part!r}")
        columns.append(TextColumn(name, known, mark == "n", mark == "a" and known == "int"))
    if not columns:
        raise BadTable("no columns")
    return columns


def parse_row(line: str, columns: Sequence[TextColumn], delimiter: str, empty_is_null: bool) -> list[Cell]:
    """The values of a line; raises BadTable."""
    fields = _split(line, delimiter)
    if len(fields) != len(columns):
        raise BadTable(f"{len(fields)} fields for {len(columns)} columns")
    return [_value(text, column, empty_is_null) for text, column in zip(fields, columns, strict=True)]


def _split(line: str, delimiter: str) -> list[str]:
    if "\\" not in line:
        return line.split(delimiter)
    fields, field, at = [], "", 0
    while at < len(line):
        char = line[at]
        if char == "\\" and at + 1 < len(line):
            at += 1
            field += _ESCAPES.get(line[at], line[at])
        elif char == delimiter:
            fields.append(field)
            field = ""
        else:
            field += char
        at += 1
    return [*fields, field]


def _value(text: str, column: TextColumn, empty_is_null: bool) -> Cell:
    if column.kind in ("str", "string", "blob"):
        if text or not empty_is_null:
            return text
        value: Cell = None
    elif not text:
        value = None
    else:
        try:
            value = float(text) if column.kind == "double" else int(text)
        except ValueError as error:
            raise BadTable(f"{text!r} is no {column.kind}") from error
    if value is None and not column.null and column.kind not in ("str", "string", "blob"):
        raise BadTable(f"null in column {column.name}")
    return value


def format_value(value: Cell, column: TextColumn, delimiter: str) -> str:
    """A value as it stands in a file."""
    if value is None:
        return ""
    if column.kind in ("int", "time"):
        return str(int(value))
    if column.kind == "double":
        return f"{float(value):.2f}"
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return "".join(_ESCAPED.get(c) or (f"\\{c}" if c == delimiter else c) for c in text)


class TextDatabase(MemoryDatabase):
    """A directory of tables. Relative directories start at `directory` (Kamailio: where its config is)."""

    def __init__(
        self, url: DatabaseUrl, log: Log, *, directory: str = "/", clock: Callable[[], float] | None = None
    ) -> None:
        super().__init__(url, log, clock=clock)
        self.path = Path(directory) / url.name
        self._columns: dict[str, list[TextColumn]] = {}
        self._changed: set[str] = set()
        self._read_at: dict[str, int] = {}

    @property
    def delimiter(self) -> str:
        """The character between two fields."""
        return str(self.options.get("delimiter") or ":")[0]

    def _prepare(self, table: str) -> None:
        path = self.path / table
        if table in self._made:
            if not self.options.get("reload") or table in self._changed or not self._newer(table, path):
                return
            self._run(f"DROP TABLE {self._quoted(table)}")
        try:
            text = path.read_text(encoding="latin-1")
            self._load(table, text)
            self._read_at[table] = path.stat().st_mtime_ns
        except (OSError, BadTable) as error:
            raise self._failed(f"failed to open file [{path}]", error) from error
        self._made.add(table)

    def _newer(self, table: str, path: Path) -> bool:
        try:
            return path.stat().st_mtime_ns > self._read_at.get(table, 0)
        except OSError:
            return False

    def _load(self, table: str, text: str) -> None:
        head, _, rest = text.partition("\n")
        columns = self._columns[table] = parse_header(head)
        limit = self.options.get("file_buffer_size") or 16384
        empty_is_null = not self.options.get("emptystring")
        rows = []
        for number, line in enumerate(rest.split("\n"), start=2):
            if not line:
                continue
            try:
                values = parse_row(line, columns, self.delimiter, empty_is_null)
            except BadTable as error:
                raise BadTable(f"{table}:{number}: {error}") from error
            longest = max((len(value) for value in values if isinstance(value, str)), default=0)
            if longest > limit:
                raise BadTable(f"{table}:{number}: Please increase 'file_buffer_size' param!")
            rows.append(values)
        sa.Table(table, sa.MetaData(), *(_column(column) for column in columns)).create(self.connection)
        if rows:
            names = [column.name for column in columns]
            bound = [self._bound(dict(zip(names, values, strict=True))) for values in rows]
            self.connection.execute(sa.insert(self._table(table, *names)), bound)

    def columns(self, table: str) -> list[TextColumn]:
        """The columns of a table."""
        self._prepare(table)
        return self._columns[table]

    def _select(self, table: str, columns: Sequence[str], where: Where, order: str, limit: int) -> Any:
        names = list(columns) or [column.name for column in self.columns(table)]
        statement = super()._select(table, names, where, order, limit)
        return statement if order else statement.order_by(sa.column(_PLACE))

    def _write(self, value: Cell) -> Any:
        # db_text keeps a time as a number, and a text byte for byte.
        return int(value) if isinstance(value, Timestamp) else value

    def _reader(self, declared: str) -> Callable[[Any], Cell]:
        return _plain

    def has_table(self, table: str) -> bool:
        """Whether there is a file for the table."""
        return table in self._made or (self.path / table).is_file()

    def create_table(self, definition: schema.Table) -> None:
        """Write an empty file with the columns of a definition."""
        kinds = {"datetime": "int", "float": "double", "double": "double", "binary": "blob", "largebinary": "blob"}
        columns = []
        for column in definition.columns:
            number = "int" in column.type or "short" in column.type or column.type == "unsigned char"
            kind = kinds.get(column.type) or ("int" if number else "string")
            columns.append(TextColumn(column.name, kind, column.null, column.key == "auto"))
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / definition.name).write_text(" ".join(map(str, columns)) + "\n", encoding="latin-1")

    def adopt(
        self,
        table: str,
        like: str,
        *,
        rename: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing: the files are what they are."""

    def table_version(self, table: str) -> int:
        """What the file `version` says."""
        return Database.table_version(self, table)

    # -- what changes a table -------------------------------------------------------------------------------------
    def insert(self, table: str, values: Mapping[str, Cell], *, delayed: bool = False) -> int:
        """A new row, in front of the others. There are no defaults: every column that takes no null must be named."""
        self._prepare(table)
        self._changed.add(table)
        filled: dict[str, Cell] = dict(values)
        # As in db_text, a new row comes first.
        first = self._run(f"SELECT min({_PLACE}) FROM {self._quoted(table)}").scalar()
        filled[_PLACE] = (1 if first is None else int(first)) - 1
        number = 0
        for column in self._columns[table]:
            if column.name in filled:
                continue
            if column.auto:
                last = self._run(f"SELECT max({self._quoted(column.name)}) FROM {self._quoted(table)}").scalar()
                number = filled[column.name] = int(last or 0) + 1
            elif not column.null:
                text = f"cannot insert into {table}: null value not allowed in column {column.name}"
                self.log(L_ERR, text)
                raise DatabaseError(text)
        super().insert(table, filled)
        return number

    def update(self, table: str, values: Mapping[str, Cell], where: Where = ()) -> int:
        """Change rows."""
        self._changed.add(table)
        return super().update(table, values, where)

    def delete(self, table: str, where: Where = ()) -> int:
        """Remove rows."""
        self._changed.add(table)
        return super().delete(table, where)

    def replace(self, table: str, values: Mapping[str, Cell], key: Sequence[str] = ()) -> None:
        """A row in place of the one with the same key."""
        self.delete(table, {name: values[name] for name in key or list(values)[:1]})
        self.insert(table, values)

    def insert_update(self, table: str, values: Mapping[str, Cell], key: Sequence[str] = ()) -> None:
        """A new row, or an update of the one with the same key."""
        where = {name: values[name] for name in key}
        if not key or not self.update(table, values, where):
            self.insert(table, values)

    def raw(self, sql: str, *, typed: bool = False) -> Result:
        """SQL over the tables that it names."""
        tables = _NAMED_TABLES.findall(sql)
        for table in tables:
            self._prepare(table)
        if not sql.lstrip()[:6].lower().startswith("select"):
            self._changed.update(tables)
        result = SqlDatabase.raw(self, sql, typed=typed)
        limit = self.options.get("max_result_rows") or 100000
        return result._replace(rows=result.rows[:limit])

    # A file is no driver: there is nothing to prepare.
    prepare_insert = Database.prepare_insert
    prepare_update = Database.prepare_update
    prepare_delete = Database.prepare_delete

    # -- files ----------------------------------------------------------------------------------------------------
    def dump(self) -> None:
        """Write the tables that changed."""
        for table in sorted(self._changed & self._made):
            columns = self._columns[table]
            rows = self._run(self._select(table, (), (), "", 0))
            lines = [" ".join(map(str, columns))]
            lines += [
                self.delimiter.join(format_value(v, c, self.delimiter) for v, c in zip(row, columns, strict=True))
                for row in rows
            ]
            path = self.path / table
            try:
                path.write_text("\n".join(lines) + "\n", encoding="latin-1")
            except OSError as error:
                raise self._failed(f"failed to write file [{path}]", error) from error
            self._read_at[table] = path.stat().st_mtime_ns
        self._changed.clear()

    def close(self) -> None:
        """Write the tables that changed."""
        self.dump()


#: SQLite's own number of a row: its place in the file.
_PLACE = "rowid"
_KINDS = {"s": "str", "i": "int", "d": "double", "b": "blob", "t": "time"}


def _column(column: TextColumn) -> sa.Column[Any]:
    kinds: dict[str, Any] = {"int": sa.Integer, "time": sa.Integer, "double": sa.Float, "blob": sa.Text}
    return sa.Column(column.name, kinds.get(column.kind, sa.Text)())


def _plain(value: Any) -> Cell:
    return value
