"""Databases behind modules: Kamailio's database URLs, its table definitions, and queries through SQLAlchemy Core.

A module does what Kamailio's modules do with `db_bind_mod`::

    from kamscript import stores

    def start(self) -> None:
        self.db = stores.bind(self.server, self.db_url)         # FixupError: no such database module loaded
        self.db.check_version("location", 9)                    # FixupError: wrong or missing table

    rows = self.db.query("subscriber", ["password"], {"username": "alice"})

Importing this package costs nothing: SQLAlchemy is imported when the first connection is opened.

    urls.py      `driver://user:password@host:port/name` as Kamailio reads it
    schema.py    tables.json: every table that Kamailio 5.6 defines, with column types, defaults and version numbers
    database.py  one connection: query, insert, update, delete, raw SQL; errors logged and retried
    raw.py       the types of what raw SQL gives back
    memory.py    the database of the lab: any URL, in memory, Kamailio's schema made as it is used
    text.py      Kamailio's `text://` databases: a directory with one file per table
"""

from __future__ import annotations

from kamscript.stores.base import Big, Database, DatabaseError, Prepared, Result, Timestamp, bind, open_database
from kamscript.stores.memory import memory_databases
from kamscript.stores.schema import Column, Index, Table, table, table_names
from kamscript.stores.urls import DatabaseUrl, parse_url

__all__ = [
    "Big",
    "Column",
    "Database",
    "DatabaseError",
    "DatabaseUrl",
    "Index",
    "Prepared",
    "Result",
    "Table",
    "Timestamp",
    "bind",
    "memory_databases",
    "open_database",
    "parse_url",
    "table",
    "table_names",
]
