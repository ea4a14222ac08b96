"""Results that stay until the next query of their name, and `$dbr(name=>key)`, which reads them (sql_var.c)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.module import Accessor, FixupError
from kamscript.script.format import accessor_of
from kamscript.stores import Big
from kamscript.values import Value, decimal, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.stores.base import Cell

Index = Callable[["Context"], int | None]

_NAME = re.compile(r"[ \t\r\n]*([^= \t\r\n]+)[ \t\r\n]*=>(.*?)[ \t\r\n]*", re.DOTALL)
_CELL = re.compile(r"\[[ \t\r\n]*([^, \t\r\n]*)[ \t\r\n]*,[ \t\r\n]*([^\] \t\r\n]*)[ \t\r\n]*\].*", re.DOTALL)
_COLUMN = re.compile(r"colname[ \t\r\n]*\[([^\] \t\r\n]+)[ \t\r\n]*\].*", re.DOTALL)


class Container:
    """The result of the last query that named it."""

    __slots__ = ("columns", "rows")

    def __init__(self) -> None:
        self.columns: list[str] = []
        self.rows: list[list[Value]] = []

    def clear(self) -> None:
        """Forget the result."""
        self.columns, self.rows = [], []

    def cell(self, row: int, column: int) -> Value:
        """A value; null where there is none."""
        if 0 <= row < len(self.rows) and 0 <= column < len(self.columns):
            return self.rows[row][column]
        return None


def shown(cell: Cell) -> Value:
    """A value of the database as the script has it: a number of 64 bits is a text, one with a fraction is null."""
    if isinstance(cell, Big):
        return str(int(cell))
    if isinstance(cell, bytes):
        return cell.decode("latin-1")
    if isinstance(cell, int):
        return wrap(int(cell))
    return cell if isinstance(cell, str) else None


def reader(text: str, server: Server, container: Callable[[str], Container]) -> Accessor:
    """What `$dbr(text)` reads; FixupError for a text that it cannot be."""
    found = _NAME.fullmatch(text)
    if found is None or not found[2]:
        raise FixupError(f"$dbr({text}): a result and a key are wanted, $dbr(name=>key)")
    result, key = container(found[1]), found[2]
    if key == "rows":
        return Accessor(lambda ctx: len(result.rows))
    if key == "cols":
        return Accessor(lambda ctx: len(result.columns))
    if cell := _CELL.fullmatch(key):
        return _cell(result, _index(cell[1], server), _index(cell[2], server))
    if column := _COLUMN.fullmatch(key):
        return _column(result, _index(column[1], server))
    raise FixupError(f"$dbr({text}): the key is rows, cols, [row,column] or colname[column], not {key}")


def _cell(result: Container, row: Index, column: Index) -> Accessor:
    def get(ctx: Context) -> Value:
        row_number, column_number = row(ctx), column(ctx)
        return None if row_number is None or column_number is None else result.cell(row_number, column_number)

    return Accessor(get)


def _column(result: Container, column: Index) -> Accessor:
    def get(ctx: Context) -> Value:
        number = column(ctx)
        return result.columns[number] if number is not None and 0 <= number < len(result.columns) else None

    return Accessor(get)


def _index(text: str, server: Server) -> Index:
    """A number or a pseudo-variable that holds one; null and texts are no index."""
    if text.startswith("$"):
        value = accessor_of(text, server).get

        def get(ctx: Context) -> int | None:
            number = value(ctx)
            return number if isinstance(number, int) else None

        return get
    fixed = decimal(text)
    if fixed is None:
        raise FixupError(f"$dbr: bad number <{text}>")
    return lambda ctx: fixed
