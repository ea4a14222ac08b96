"""sqlops: SQL in routes (src/modules/sqlops/ of 5.6 and 6.x)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from kamscript import stores
from kamscript.core import xavps
from kamscript.module import (
    Accessor,
    Fixup,
    FixupError,
    Format,
    Module,
    Param,
    PvRef,
    Route,
    function,
    pv_class,
    transformation,
)
from kamscript.modules.sqlops.results import Container, reader, shown
from kamscript.script.bind import TransformationFailed
from kamscript.script.format import accessor_of
from kamscript.script.pv import PvSyntaxError, match_pv
from kamscript.stores import Big, DatabaseError
from kamscript.values import Value, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.stores.base import Cell, Database, Result

_CON: Final = re.compile(r"[ \t\r\n]*([^= \t\r\n]+)[ \t\r\n]*=>[ \t\r\n]*(.*)", re.DOTALL)
_ESCAPED: Final = {"'": "\\'", '"': '\\"', "\\": "\\\\", "\0": "\\0"}
_NULL: Final = {"val": "NULL", "val.int": "0", "val.str": "''"}
#: Drivers that know how many rows a statement was about, and that can work while the route goes on.
_COUNTING: Final = ("mysql", "postgres")
#: Pseudo-variables that a null cannot be written to this way.
_NEVER_NULL: Final = re.compile(r"\$\(?(ru|ruri|du|duri|rd|ruri\.domain)\b")

#: What functions return: rows were found, none were, they were not asked for; failures.
_ROWS, _NO_ROWS, _NOT_KEPT, _FAILED, _NOT_CONNECTED = 1, 2, 3, -1, -2


class Connection:
    """A database by its name in the config. `affected` is what the last statement was about."""

    __slots__ = ("affected", "connected", "database", "name", "url")

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url
        self.connected = False
        self.affected = 0
        self.database: Database | None = None


class _ConnectionFixup(Fixup):
    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Connection:
        """The connection called so."""
        module: Sqlops = server.module("sqlops")
        return module.connection(text)


class _ContainerFixup(Fixup):
    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Container:
        """The result container called so."""
        module: Sqlops = server.module("sqlops")
        return module.container(text)


class _TargetsFixup(Fixup):
    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> list[Accessor]:
        """Pseudo-variables that can be written, with blanks, commas or semicolons between them."""
        targets: list[Accessor] = []
        rest = text.lstrip(" \t,;\n")
        while rest:
            try:
                found, end = match_pv(rest)
            except PvSyntaxError as error:
                raise FixupError(f"invalid result parameter {text!r}: {error}") from None
            target = accessor_of(found.text, server)
            if target.set is None:
                raise FixupError(f"result variable {found.text} is read-only")
            targets.append(Accessor(target.get, target.set, found.text))
            rest = rest[end:].lstrip(" \t,;\n")
        if not targets:
            raise FixupError(f"invalid result parameter {text!r}")
        return targets


if TYPE_CHECKING:
    ConnectionArg = Connection
    ContainerArg = Container
    TargetsArg = list[Accessor]
else:
    ConnectionArg = Annotated[object, _ConnectionFixup()]
    ContainerArg = Annotated[object, _ContainerFixup()]
    TargetsArg = Annotated[object, _TargetsFixup()]


class Sqlops(Module, name="sqlops"):
    """Run SQL and read what it gives back."""

    sqlcon = Param("", "A database for queries, `name=>URL`.", set="add_connection")
    sqlres = Param("", "The name of a result that queries fill.", set="add_container")
    tr_buf_size = Param(2048, "Half of it is what a text may have for {sql.val}.", since="5.6")
    connect_mode = Param(
        0, "1: the server starts though a database cannot be reached; queries try to connect.", since="5.6"
    )
    results_maxsize = Param(32, "Most results that the config may name.", since="5.6")
    log_buf_size = Param(128, "So many characters of a statement that failed are logged.", since="6.x")

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.connections: dict[str, Connection] = {}
        self.containers: dict[str, Container] = {}

    # -- what the config says -------------------------------------------------------------------------------------
    def add_connection(self, text: str) -> None:
        """`sqlcon`."""
        found = _CON.fullmatch(text)
        if found is None:
            raise FixupError(f"sqlcon: name=>URL is wanted, not {text!r}")
        if found[1] in self.connections:
            raise FixupError(f"sqlcon: there is a connection {found[1]} already")
        self.connections[found[1]] = Connection(found[1], found[2])

    def add_container(self, name: str) -> None:
        """`sqlres`."""
        self.container(name)

    def connection(self, name: str) -> Connection:
        """The connection of that name; FixupError when the config has none."""
        found = self.connections.get(name)
        if found is None:
            known = ", ".join(self.connections) or "none"
            raise FixupError(f"no sqlcon defines the connection {name!r}; there are: {known}")
        return found

    def container(self, name: str) -> Container:
        """The result of that name, made when it is first named."""
        found = self.containers.get(name)
        if found is None:
            if len(self.containers) > self.results_maxsize:
                raise FixupError(f"too many results: {name!r} is one more than results_maxsize allows")
            found = self.containers[name] = Container()
        return found

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Reach the databases."""
        if self.tr_buf_size <= 0:
            raise FixupError(f"tr_buf_size must be positive, not {self.tr_buf_size}")
        for connection in self.connections.values():
            connection.database = stores.bind(self.server, connection.url)
            if not self._connect(connection) and self.connect_mode != 1:
                raise FixupError(f"failed to connect to the database [{connection.name}]")

    def _connect(self, connection: Connection) -> bool:
        assert connection.database is not None
        try:
            connection.database.connect()
        except DatabaseError:
            return False
        connection.connected = True
        return True

    def _ready(self, connection: Connection) -> bool:
        """Whether there is a connection, perhaps a new one."""
        if connection.connected or self._connect(connection):
            return True
        self._error(f"failed to connect to the database [{connection.name}]")
        self._error("invalid connection to database")
        return False

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)

    # -- queries --------------------------------------------------------------------------------------------------
    def _run(self, connection: Connection, sql: str) -> Result | None:
        """What a statement gives back; None when it fails, which is logged."""
        assert connection.database is not None
        try:
            if not sql:
                raise DatabaseError("an empty statement")
            result = connection.database.raw(sql, typed=True)
        except DatabaseError:
            limit = self.log_buf_size if self.server.target == "6.x" else 64
            self._error(f"cannot do the query [{sql[: max(limit, 0)]}]")
            if connection.database.url.driver == "mysql":
                connection.affected = -1
            return None
        connection.affected = result.affected
        return result

    @function(Route.ANY, arity=2, name="sql_query")
    def sql_query_unkept(self, ctx: Context, connection: ConnectionArg, query: Format) -> int:
        """Run SQL and leave its rows: 3 there are some, 2 there are none, -1 it failed, -2 there is no connection."""
        return self._query(ctx, connection, query, None)

    @function(Route.ANY, arity=3)
    def sql_query(self, ctx: Context, connection: ConnectionArg, query: Format, result: ContainerArg) -> int:
        """Run SQL and keep its rows for $dbr: 1 there are some, 2 there are none, -1 it failed, -2 no connection."""
        return self._query(ctx, connection, query, result)

    def _query(self, ctx: Context, connection: Connection, query: Format, container: Container | None) -> int:
        if not self._ready(connection):
            return _NOT_CONNECTED
        if container is not None:
            container.clear()
        result = self._run(connection, query(ctx))
        if result is None:
            return _FAILED
        if not result.rows:
            return _NO_ROWS
        if container is None:
            return _NOT_KEPT
        container.columns, container.rows = result.columns, [[shown(cell) for cell in row] for row in result.rows]
        return _ROWS

    @function(Route.ANY)
    def sql_xquery(self, ctx: Context, connection: ConnectionArg, query: Format, xavp: Format) -> int:
        """Run SQL and put each row into an XAVP, a field for each column, the first row on top. As sql_query()."""
        if not self._ready(connection):
            return _NOT_CONNECTED
        sql, name = query(ctx), xavp(ctx)
        result = self._run(connection, sql)
        if result is None:
            return _FAILED
        for row in reversed(result.rows):
            fields: dict[str, Any] = {}
            for column, cell in zip(reversed(result.columns), reversed(row), strict=True):
                xavps.push(fields, column, shown(cell))
            xavps.push(xavps.xavps(ctx), name, fields)
        return _ROWS if result.rows else _NO_ROWS

    @function(Route.ANY)
    def sql_pvquery(self, ctx: Context, connection: ConnectionArg, query: Format, targets: TargetsArg) -> int:
        """Run SQL and write each column to its pseudo-variable, the last row first: AVPs get all rows. As sql_query().

        Nulls are not added to AVPs.
        """
        if not self._ready(connection):
            return _NOT_CONNECTED
        result = self._run(connection, query(ctx))
        if result is None:
            return _FAILED
        for row in reversed(result.rows):
            for number, cell in enumerate(row):
                if number == len(targets):
                    self._error(f"Missing pv spec for column {number + 1}")
                    return _FAILED
                if not _write(ctx, targets[number], cell):
                    self._error(f"Failed to convert value for column {result.columns[number]}")
                    return _FAILED
        return _ROWS if result.rows else _NO_ROWS

    @function(Route.ANY)
    def sql_query_async(self, ctx: Context, connection: ConnectionArg, query: Format) -> int:
        """Have SQL run by the core's async_workers, whatever becomes of it (MySQL and PostgreSQL)."""
        if not self._ready(connection):
            return _NOT_CONNECTED
        assert connection.database is not None
        if connection.database.url.driver not in _COUNTING:
            self._error("the db driver module doesn't support async query")
            return _FAILED
        sql = query(ctx)
        if self.server.settings["async_workers"] <= 0:
            self.server.log.warning(self.name, "async query, but no async workers - ignoring")
            return _ROWS

        def work() -> None:
            self._run(connection, sql)

        self.server.timers.after(0, work)
        return _ROWS

    @function(Route.ANY)
    def sql_result_free(self, ctx: Context, result: ContainerArg) -> bool:
        """Forget the rows of a result."""
        result.clear()
        return True

    # -- variables ------------------------------------------------------------------------------------------------
    @pv_class("dbr")
    def dbr(self, ref: PvRef) -> Accessor:
        """`$dbr(result=>rows)`, `cols`, `[row,column]`, `colname[column]`: what a query gave, counted from 0."""
        return reader(_inner(ref), self.server, self.container)

    @pv_class("sqlrows")
    def sqlrows(self, ref: PvRef) -> Accessor:
        """`$sqlrows(connection)`: how many rows the last statement was about; null where the driver does not know."""
        connection = self.connection(_inner(ref))

        def get(ctx: Context) -> Value:
            assert connection.database is not None
            if connection.database.url.driver not in _COUNTING:
                self._error(f"the database module does not tell affected rows [{connection.name}]")
                return None
            return connection.affected

        return Accessor(get)

    @transformation("sql")
    def sql(self, args: tuple[str, ...]) -> Callable[[Context, Value], Value]:
        """A value for a statement: `val`, `val.int`, `val.str`. Numbers stay, texts are quoted with `'` and escaped;
        null is NULL, 0, ''."""
        name = args[0].strip(" \t\r\n").lower()
        if name not in _NULL or len(args) > 1:
            raise FixupError(f"unknown transformation {{sql.{','.join(args)}}}; there are {', '.join(_NULL)}")
        null, most = _NULL[name], self.tr_buf_size // 2 - 1

        def quote(ctx: Context, value: Value) -> Value:
            if value is None:
                return null
            if isinstance(value, int):
                return str(int(value))
            if len(value) > most:
                self._error("escape buffer too short")
                raise TransformationFailed
            return "'" + "".join(_ESCAPED.get(character, character) for character in value) + "'"

        return quote


def _inner(ref: PvRef) -> str:
    """What stands between the parentheses, as written."""
    if ref.inner is None or ref.index is not None:
        raise FixupError(f"${ref.name} needs a name in parentheses and takes no index")
    return ref.inner if isinstance(ref.inner, str) else str(getattr(ref.inner, "text", ""))


def _write(ctx: Context, target: Accessor, cell: Cell) -> bool:
    """Write a value of the database to a pseudo-variable (db_val2pv_spec); False when that cannot be."""
    assert target.set is not None
    if isinstance(cell, Big):
        value: Value = wrap(int(cell)) if 0 <= cell < 1 << 32 else str(int(cell))
    else:
        value = shown(cell)
    if value is None:
        if target.text.startswith(("$avp", "$(avp")):
            return True
        if _NEVER_NULL.match(target.text):
            return False
    target.set(ctx, value)
    return True
