"""What raw SQL gives back, with the types that Kamailio's database modules give it (km_res.c, db_sqlite/dbase.c)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from kamscript.stores.base import Big, Cell, Timestamp
from kamscript.values import leading_int, wrap

Reader = Callable[[Any], Cell]

#: What SQLite's declared types are taken for: the first of these words in the type counts, as it is read from the left.
_DECLARED = ("int", "seri", "bigi", "char", "clob", "text", "real", "floa", "doub", "blob", "time", "date")
_DECLARED_KIND = {
    **dict.fromkeys(("int", "seri"), "int"),
    "bigi": "big",
    **dict.fromkeys(("char", "clob", "text"), "text"),
    **dict.fromkeys(("real", "floa", "doub"), "float"),
    "blob": "blob",
    **dict.fromkeys(("time", "date"), "time"),
}
#: Type codes of the drivers: MySQL's field types, PostgreSQL's OIDs.
_MYSQL_BIG, _MYSQL_BIT = 8, 16
_POSTGRES_BIG, _POSTGRES_NUMERIC = 20, 1700


def driver_readers(dialect: str, description: Sequence[Any], plain: Reader) -> list[Reader]:
    """How each column of a MySQL or PostgreSQL result is read; `plain` reads what needs nothing special."""
    readers: list[Reader] = []
    for column in description:
        code = column[1]
        if dialect == "mysql":
            readers.append(_big if code == _MYSQL_BIG else _bits if code == _MYSQL_BIT else _mysql(plain))
        elif code in (_POSTGRES_BIG, _POSTGRES_NUMERIC):
            readers.append(_big if code == _POSTGRES_BIG else _double)
        else:
            readers.append(_postgres(plain))
    return readers


def sqlite_readers(
    connection: sa.Connection, sql: str, row: Sequence[Any], plain: Reader, time: Reader
) -> list[Reader]:
    """How each column of a SQLite result is read: by its declared type, without one by the value in the first row."""
    declared = _declared_types(connection, sql, len(row))
    readers: list[Reader] = []
    for kind, first in zip(declared, row, strict=True):
        kind = kind or _kind(first)
        readers.append(time if kind == "time" else plain if kind == "blob" else _SQLITE[kind](plain))
    return readers


def _declared_types(connection: sa.Connection, sql: str, count: int) -> list[str]:
    """What the columns of a select are declared as, "" for expressions: SQLite tells it of a view."""
    unknown = [""] * count
    if sql.lstrip()[:6].lower() != "select":
        return unknown
    found: list[Any] = []
    with contextlib.suppress(exc.SQLAlchemyError):
        connection.exec_driver_sql(f"CREATE TEMP VIEW kamscript_select AS {sql.rstrip().rstrip(';')}")
        try:
            found = list(connection.exec_driver_sql("PRAGMA temp.table_info(kamscript_select)"))
        finally:
            connection.exec_driver_sql("DROP VIEW temp.kamscript_select")
    kinds = [_declared_kind(str(column[2]).lower()) for column in found]
    return kinds if len(kinds) == count else unknown


def _declared_kind(declared: str) -> str:
    if not declared:
        return ""
    ends = [(at + len(word), word) for word in _DECLARED if (at := declared.find(word)) >= 0]
    return _DECLARED_KIND[min(ends)[1]] if ends else "int"


def _kind(value: Any) -> str:
    return {int: "int", float: "float", bytes: "blob"}.get(type(value), "text")


def _sqlite_int(value: Any) -> int:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return leading_int(value) if isinstance(value, str) else int(value)


def _or_null(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


_SQLITE: dict[str, Callable[[Reader], Reader]] = {
    "int": lambda plain: _or_null(lambda value: wrap(_sqlite_int(value))),
    "big": lambda plain: _or_null(lambda value: Big(_sqlite_int(value))),
    "float": lambda plain: _or_null(lambda value: float(value) if isinstance(value, int | float) else 0.0),
    "text": lambda plain: lambda value: str(value) if isinstance(value, int | float) else plain(value),
}


def _big(value: Any) -> Cell:
    return None if value is None else Big(value)


def _bits(value: Any) -> Cell:
    return None if value is None else bytes(value)


def _double(value: Any) -> Cell:
    return None if value is None else float(value)


def _mysql(plain: Reader) -> Reader:
    """Decimal numbers are texts, and so are dates without a time."""

    def read(value: Any) -> Cell:
        if isinstance(value, Decimal):
            return str(value)
        if isinstance(value, timedelta):
            hours, rest = divmod(abs(int(value.total_seconds())), 3600)
            return f"{'-' if value.days < 0 else ''}{hours:02}:{rest // 60:02}:{rest % 60:02}"
        return plain(value)

    return read


def _postgres(plain: Reader) -> Reader:
    """Truth is a letter, a date the second at which it begins."""

    def read(value: Any) -> Cell:
        if isinstance(value, bool):
            return "t" if value else "f"
        if isinstance(value, date) and not isinstance(value, datetime):
            return Timestamp(datetime(value.year, value.month, value.day).timestamp())
        cell = plain(value)
        return cell if cell is None or isinstance(cell, int | float | str | bytes) else str(cell)

    return read
