"""The databases of a real daemon: an SQLite file with Kamailio's tables in the place of each URL of the config."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kamscript.lab.databases import LabDatabase
from kamscript.lab.real.loopback import Loopback
from kamscript.stores.base import Timestamp
from kamscript.stores.database import SqlDatabase
from kamscript.stores.urls import parse_url

SCHEMA = Path("/usr/share/kamailio/db_sqlite")


@cache
def empty_database() -> bytes:
    """An SQLite database with all of Kamailio's tables."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        for path in sorted(SCHEMA.glob("*-create.sql"), key=lambda path: (path.name != "standard-create.sql", path)):
            with contextlib.suppress(sqlite3.Error):
                database.executescript(path.read_text("utf-8"))
        return database.serialize()


class RealDatabase(LabDatabase):
    """A database that the daemon has open, too; the test sees its own addresses in it."""

    def __init__(
        self, url: str, path: Path, names: Loopback, clock: Callable[[], float], seeds: Mapping[str, Any]
    ) -> None:
        super().__init__(parse_url(url), lambda level, text: None, clock, seeds)
        self.path, self._names = path, names
        self._made.add("version")  # Kamailio's own scripts filled it

    def _make_engine(self) -> sa.Engine:
        return sa.create_engine(f"sqlite:///{self.path}", connect_args={"check_same_thread": False, "timeout": 10})

    def let_go(self) -> None:
        """Close the file: the data goes with the daemon."""
        if self._connection is not None:
            self._connection.close()
        self.engine.dispose()

    def seed(self) -> None:
        """Write what the test begins with."""
        self.run_scripts()
        for table in list(self._waiting):
            self._prepare(table)

    def _write_time(self, value: Timestamp) -> Any:
        return SqlDatabase._write_time(self, value)  # db_sqlite reads no texts

    def _write(self, value: Any) -> Any:
        return super()._write(self._names.out(value) if isinstance(value, str) else value)

    def _reader(self, declared: str) -> Callable[[Any], Any]:
        read, back = super()._reader(declared), self._names.back

        def inward(value: Any) -> Any:
            cell = read(value)
            return back(cell) if isinstance(cell, str) else cell

        return inward
