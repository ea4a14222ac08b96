"""Databases of the lab: any URL is SQLite in memory with Kamailio's tables; tests put rows in and look at them.

    lab = Lab("kamailio.cfg", database={"subscriber": [{"username": "alice", "domain": "example.com", "ha1": HA1}]})
    lab = Lab("kamailio.cfg", database=Path("seed.sql"))

    db = lab.database()                                  # the config's only one; else lab.database("mysql://...")
    db.insert("subscriber", [{"username": "bob", ...}])
    db.insert("dispatcher", "setid,destination\\n1,sip:10.0.0.1\\n1,sip:10.0.0.2")     # CSV, also as a Path
    db.rows("acc", {"method": "INVITE"})                 # a list of dicts
    db.row("location", {"username": "alice"})["contact"]
    db.sql("UPDATE dispatcher SET flags = 1")

Rows given to `Lab` are there when the modules start, in every database that the config opens; they may name columns
that the config adds to a table (`ds_db_extra_attrs`, `db_extra`, `load_credentials`). Columns that a row leaves out
have Kamailio's defaults. What does not exist is a ValueError that names what does.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from kamscript.source import did_you_mean
from kamscript.stores import schema
from kamscript.stores.base import Cell, DatabaseError, Log, Timestamp, Where
from kamscript.stores.database import MemoryDatabase, _utf8
from kamscript.stores.urls import DatabaseUrl, parse_url

#: One row, several, CSV as a text, or a file of CSV.
RowsSaid = Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | Path
#: What a lab begins with: rows by table, SQL as a text, files of SQL or of CSV (named as the table); also by URL.
Seeds = Mapping[str, Any] | str | Path | Sequence[Any]

_DATES: Final = ("datetime", "timestamp")


class NoSuchName(DatabaseError, ValueError):
    """A table or column that does not exist; the text names those that do."""


class LabDatabase(MemoryDatabase):
    """One database of a lab, as the server sees it, and what tests do with it.

    `patient`: rows that a test gave wait for the config to add the columns that they name; `misfits` tells which wait.
    """

    def __init__(
        self,
        url: DatabaseUrl,
        log: Log,
        clock: Callable[[], float],
        seeds: Mapping[str, Any],
        *,
        patient: bool = False,
    ) -> None:
        super().__init__(url, log, clock=clock)
        self._patient = patient
        self.seeded = frozenset(seeds) - {"sql"}  #: tables that a test gave rows for
        self._waiting: dict[str, list[Mapping[str, Any]]] = {
            table: list(rows) for table, rows in seeds.items() if table != "sql"
        }
        self._scripts: list[str] = list(seeds.get("sql", ()))
        self._dates: dict[str, list[str]] = {}  #: columns that hold times, by table

    # -- what a test does -----------------------------------------------------------------------------------------
    def insert(self, table: str, values: Any, *, delayed: bool = False) -> int:
        """Add rows: a mapping, a list of them, CSV as a text or a Path; the number of the last one's counter column."""
        number = 0
        for row in (values,) if isinstance(values, dict) else _rows_of(table, values):
            try:
                number = super().insert(table, self._typed(table, row), delayed=delayed)
            except DatabaseError:
                self._check(table, row)
                raise
        return number

    def rows(self, table: str, where: Where = (), columns: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The rows that match, as dicts; times are Unix seconds."""
        self._prepare(table)
        types = self._types_of(table)
        names = list(columns) or list(types)
        conditions = where if isinstance(where, Mapping) else [column for column, _, _ in where]
        self._check(table, [*names, *conditions])
        found = self.query(table, names, where)
        return [
            {name: _utf8(cell) if isinstance(cell, str) else cell for name, cell in zip(names, row, strict=True)}
            for row in found
        ]

    def row(self, table: str, where: Where = ()) -> dict[str, Any]:
        """The only row that matches; AssertionError when there is none, or more than one."""
        found = self.rows(table, where)
        if len(found) != 1:
            asked = f" with {dict(where)}" if isinstance(where, Mapping) and where else ""
            shown = "".join(f"\n  {row}" for row in (found or self.rows(table))[:10])
            held = f"; it holds:{shown}" if shown else ""
            raise AssertionError(f"{table} has {len(found) or 'no'} row{'s' * (len(found) != 1)}{asked}, not one{held}")
        return found[0]

    def count(self, table: str, where: Where = ()) -> int:
        """How many rows match."""
        return len(self.rows(table, where))

    def sql(self, text: str) -> list[dict[str, Any]]:
        """Run one or several SQL statements; the rows of the last one. ValueError tells what SQLite says of them."""
        found: list[dict[str, Any]] = []
        for statement in _statements(text):
            try:
                columns, rows, _ = self.raw(statement)
            except DatabaseError as error:
                raise ValueError(f"{error} in: {' '.join(statement.split()).rstrip(';')}") from None
            found = [dict(zip(columns, row, strict=True)) for row in rows]
        self._types.clear()
        self._dates.clear()
        return found

    @property
    def tables(self) -> list[str]:
        """The tables that exist so far."""
        return sorted(name for (name,) in self.raw("SELECT name FROM sqlite_master WHERE type = 'table'").rows)

    # -- seeds ----------------------------------------------------------------------------------------------------
    def _prepare(self, table: str) -> None:
        super()._prepare(table)
        if table in self._waiting and self.has_table(table):
            self._fill(table)

    def adopt(
        self,
        table: str,
        like: str,
        *,
        rename: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Create the table that a config is going to use, with the rows that a test gave for it."""
        super().adopt(table, like, rename=rename, extra=extra)
        if table in self._waiting:
            self._fill(table)

    def _fill(self, table: str) -> None:
        if self._patient and self._strange(table, list(self._column_types(table))):
            return
        rows = self._waiting.pop(table)
        self.insert(table, rows)

    def run_scripts(self) -> None:
        """Run the SQL that a test gave."""
        scripts, self._scripts = self._scripts, []
        for script in scripts:
            try:
                self.sql(script)
            except ValueError as error:
                raise ValueError(f"the SQL that the test gave, database=...: {error}") from None

    @property
    def unfilled(self) -> list[str]:
        """Tables with rows of a test that nobody has made."""
        return [table for table in self._waiting if schema.table(table) is None]

    @property
    def misfits(self) -> dict[str, str]:
        """Tables with rows of a test that name a column which there is not, and what is to be said of it."""
        found = {}
        for table in self._waiting:
            definition = schema.table(table)
            names = list(self._column_types(table)) if self.has_table(table) else []
            if not names and definition is not None:
                names = [column.name for column in definition.columns]
            column = self._strange(table, names) if names else None
            if column is not None:
                found[table] = _no_column(table, column, names)
        return found

    def _strange(self, table: str, names: Sequence[str]) -> str | None:
        """A column that waiting rows name and that is none of these."""
        known = {name.lower() for name in names}
        return next((column for row in self._waiting[table] for column in row if column.lower() not in known), None)

    # -- columns --------------------------------------------------------------------------------------------------
    def _types_of(self, table: str) -> dict[str, str]:
        """Declared types by column; ValueError for no such table."""
        self._prepare(table)
        found = self._column_types(table)
        if not found:
            self._types.pop(table, None)
            known = sorted({*schema.table_names(), *self.tables})
            hint = did_you_mean(table, known)
            held = ", ".join(self.tables) or "no table yet"
            raise NoSuchName(f"there is no table {table}" + (f"; {hint}" if hint else f"; there is {held}"))
        return found

    def _check(self, table: str, columns: Iterable[str]) -> None:
        types = self._types_of(table)
        for column in columns:
            if column.lower() not in types:
                raise NoSuchName(_no_column(table, column, list(types)))

    def _typed(self, table: str, row: Mapping[str, Any]) -> Mapping[str, Cell]:
        """A row as the database takes it: a time, in Unix seconds or as a datetime, becomes one where it is due."""
        dates = self._dates.get(table)
        if dates is None:
            self._prepare(table)
            types = self._column_types(table)
            if not types:
                self._types.pop(table, None)
                return row
            dates = self._dates[table] = [name for name, kind in types.items() if any(word in kind for word in _DATES)]
        changed: dict[str, Cell] = {}
        for name in dates:
            value = row.get(name)
            if value.__class__ is int or isinstance(value, datetime):
                changed[name] = Timestamp(value if isinstance(value, int) else value.timestamp())
        return {**row, **changed} if changed else row


def opener(
    log: Log, clock: Callable[[], float], seeds: Seeds | None
) -> tuple[dict[str, LabDatabase], Callable[[str], LabDatabase]]:
    """The databases of a lab, by URL, and what opens them. Raises ValueError for seeds that make no sense."""
    common, by_url = _sorted(seeds)
    opened: dict[str, LabDatabase] = {}

    def open_url(url: str) -> LabDatabase:
        found = opened.get(url)
        if found is None:
            own = by_url.get(url, {})
            merged = {name: [*common.get(name, ()), *own.get(name, ())] for name in {**common, **own}}
            found = opened[url] = LabDatabase(parse_url(url), log, clock, merged, patient=True)
            found.run_scripts()
        return found

    return opened, open_url


def _sorted(seeds: Seeds | None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Seeds for every database, and those for one URL: rows by table, SQL under "sql"."""
    common: dict[str, Any] = {}
    by_url: dict[str, dict[str, Any]] = {}
    for part in seeds if isinstance(seeds, list | tuple) else [] if seeds is None else [seeds]:
        if isinstance(part, Mapping):
            for name, said in part.items():
                if "://" in name:
                    inner, nested = _sorted(said)
                    if nested:
                        raise ValueError(f"{name}: URLs within URLs make no sense")
                    _merge(by_url.setdefault(name, {}), inner)
                else:
                    _merge(common, {name: _rows_of(name, said)})
        elif isinstance(part, Path):
            text = _read(part)
            _merge(common, {"sql": [text]} if part.suffix == ".sql" else {part.stem: _rows_of(part.stem, part)})
        elif isinstance(part, str):
            _merge(common, {"sql": [part]})
        else:
            raise ValueError(f"a database is filled from rows by table, SQL as a text, or a Path; not {part!r}")
    return common, by_url


def _no_column(table: str, column: str, names: Sequence[str]) -> str:
    hint = did_you_mean(column, names)
    text = f"table {table} has no column {column}: it has {', '.join(names)}"
    return text + (f"; {hint}" if hint else "")


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, items in more.items():
        into.setdefault(name, []).extend(items)


def _rows_of(table: str, said: Any) -> list[Mapping[str, Any]]:
    if isinstance(said, Path):
        return _csv(_read(said), str(said))
    if isinstance(said, str):
        return _csv(said, f"the rows of {table}")
    rows = [said] if isinstance(said, Mapping) else list(said)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise ValueError(f"row {number} of {table} is no mapping of columns to values: {row!r}")
    return rows


def _csv(text: str, place: str) -> list[Mapping[str, Any]]:
    """Rows of CSV, the first line names the columns; blank cells are left out."""
    lines = [line for line in csv.reader(io.StringIO(text.strip() + "\n"), skipinitialspace=True) if any(line)]
    if len(lines) < 1 or not any(lines):
        raise ValueError(f"{place}: no columns")
    head = [name.strip() for name in lines[0]]
    rows: list[Mapping[str, Any]] = []
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) > len(head):
            raise ValueError(f"{place}: line {number} has {len(cells)} cells for {len(head)} columns")
        rows.append({name: cell.strip() for name, cell in zip(head, cells, strict=False) if cell.strip()})
    return rows


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None


def _statements(text: str) -> list[str]:
    """The statements of a text of SQL."""
    found: list[str] = []
    current = ""
    for piece in text.split(";"):
        current += piece + ";"
        if sqlite3.complete_statement(current):
            if current.strip(" \n\t;"):
                found.append(current.strip())
            current = ""
    if current.strip(" \n\t;"):
        found.append(current.strip().rstrip(";"))
    return found
