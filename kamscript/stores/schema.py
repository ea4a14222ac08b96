"""Kamailio's tables: `tables.json` holds what its schema files define (src/lib/srdb1/schema of 5.6), read once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple


class Column(NamedTuple):
    """One column. `type` is Kamailio's word for it; `database.py` tells what a database makes of it.

    Types: string (`size` characters), text, largetext, char, int, unsigned int, short, unsigned short,
    unsigned char, float, double, datetime, binary, largebinary. `key` is "auto" for the numbered primary key,
    "primary" for another one, or empty. `default` is None when the definition has none.
    """

    name: str
    type: str
    size: str = ""
    null: bool = False
    default: str | None = None
    key: str = ""

    @property
    def length(self) -> int:
        """The number of characters or digits; 0 when the definition has none."""
        return int(self.size.partition(",")[0] or 0)


class Index(NamedTuple):
    """One index; `kind` is "unique", "primary" or empty."""

    name: str
    kind: str
    columns: list[str]


class Table(NamedTuple):
    """One table and the version number that the table `version` must have for it."""

    name: str
    version: int
    columns: list[Column]
    indexes: list[Index]

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@cache
def _definitions() -> dict[str, Any]:
    text = Path(__file__).with_name("tables.json").read_text(encoding="utf-8")
    definitions: dict[str, Any] = json.loads(text)
    return definitions


@cache
def table(name: str) -> Table | None:
    """The definition of the table called `name`; None when Kamailio has no such table."""
    definition = _definitions().get(name)
    if definition is None:
        return None
    columns = [Column(*column) for column in definition["columns"]]
    return Table(name, definition["version"], columns, [Index(*index) for index in definition["indexes"]])


def table_names() -> list[str]:
    """The names of all tables that Kamailio defines."""
    return list(_definitions())
