"""Databases through SQLAlchemy Core: MySQL, PostgreSQL, SQLite, and SQLite in memory.

One connection per database, autocommitting, opened by the first statement and opened again when it broke. Values are
converted at this border only: text is kept as UTF-8 where its bytes are UTF-8, times as the database module of
Kamailio keeps them (local date and time; the Julian day number in a `sqlite://` file, see db_sqlite/dbase.c).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import PurePosixPath
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from kamscript.stores import schema
from kamscript.stores.base import (
    L_ERR,
    Cell,
    Database,
    DatabaseError,
    Log,
    Prepared,
    Result,
    Timestamp,
    Where,
    conditions,
)
from kamscript.stores.raw import driver_readers, sqlite_readers
from kamscript.stores.urls import DatabaseUrl

_WORDS = re.compile(r"\w+")
#: Seconds that one who serves everybody waits for a PostgreSQL server whose host is gone, when nobody says how long.
_PATIENCE = 5
_JULIAN_EPOCH = 2440587.5  # the Julian day on which Unix time starts
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column.is_(None) if value is None else column == value,
    "!=": lambda column, value: column.is_not(None) if value is None else column != value,
    "<>": lambda column, value: column.is_not(None) if value is None else column != value,
    "<": lambda column, value: column < value,
    ">": lambda column, value: column > value,
    "<=": lambda column, value: column <= value,
    ">=": lambda column, value: column >= value,
    "&": lambda column, value: column.op("&")(value) != 0,
    "like": lambda column, value: column.like(value),
}


class SqlDatabase(Database):
    """A database at a URL. `engine` is SQLAlchemy's, for those who need more than this class offers."""

    def __init__(self, url: DatabaseUrl, log: Log, *, directory: str = "/") -> None:
        super().__init__(url, log)
        self.directory = directory
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._types: dict[str, dict[str, str]] = {}
        self._transactions = 0
        self._used = monotonic()
        self.dialect = _DRIVERS.get(url.driver, (url.driver, ""))[0].partition("+")[0]
        if url.driver not in _DRIVERS:
            raise DatabaseError(f"no driver for {url.driver}:// databases")

    # -- the connection -------------------------------------------------------------------------------------------
    @property
    def engine(self) -> sa.Engine:
        """The engine, made when first asked for."""
        if self._engine is None:
            self._engine = self._make_engine()
        return self._engine

    def _make_engine(self) -> sa.Engine:
        driver, package = _DRIVERS[self.url.driver]
        try:
            return sa.create_engine(self._url(driver), connect_args=self._connect_args())
        except ModuleNotFoundError as error:
            raise self._failed(f"install {package} to use {self.url.driver}:// databases", error) from error

    def _url(self, driver: str) -> sa.URL:
        url = self.url
        if self.dialect == "sqlite":
            path = str(PurePosixPath(self.directory) / url.name)
            if path in self._files("readonly"):
                return sa.URL.create(driver, database=f"file:{path}", query={"mode": "ro", "uri": "true"})
            return sa.URL.create(driver, database=path)
        host = None if url.host.startswith("[") else url.host or None
        return sa.URL.create(driver, url.user or None, url.password or None, host, url.port or None, url.name)

    def _files(self, option: str) -> Sequence[str]:
        """Paths of db_sqlite's parameters, made absolute."""
        return [str(PurePosixPath(self.directory) / path) for path in self.options.get(option, ())]

    def _connect_args(self) -> dict[str, Any]:
        options = self.options
        if self.dialect == "mysql":
            args: dict[str, Any] = {"charset": "utf8mb4"}
            timeouts = ("connect_timeout", "read_timeout", "write_timeout")
            args |= {name: options[name] for name in timeouts if options.get(name)}
            if self.url.host.startswith("["):
                args |= {"read_default_group": self.url.host[1:-1], "read_default_file": "~/.my.cnf"}
            # CLIENT.FOUND_ROWS: an update counts the rows it matched. SQLAlchemy asks for it when nobody says so.
            args["client_flag"] = 2 if options.get("found_rows") else 0
            if options.get("ssl_disabled"):
                args["ssl_disabled"] = True
            elif options.get("ssl"):
                args["ssl"] = options["ssl"]
            return args
        if self.dialect == "postgresql":
            args = {"connect_timeout": options.get("timeout") or _PATIENCE, "tcp_user_timeout": _PATIENCE * 1000}
            if options.get("keepalive"):
                args |= {"keepalives": 1, "keepalives_idle": options["keepalive"]}
            return {**args, **options.get("parameters", {})}
        return {"check_same_thread": False, "timeout": options.get("busy_timeout", 0) / 1000}

    @property
    def connection(self) -> sa.Connection:
        """The open connection."""
        if self._connection is None:
            self._connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connected(self._connection)
        elif self.options.get("ping_interval"):
            self._ping(self._connection)
        return self._connection

    def connect(self) -> None:
        """Open the connection, in one attempt."""
        self._run("SELECT 1", retries=0)

    def _ping(self, connection: sa.Connection) -> None:
        """Ask the server whether it is there when the connection was idle for `ping_interval` seconds."""
        now = monotonic()
        idle, self._used = now - self._used, now
        if idle > self.options["ping_interval"]:
            raw: Any = connection.connection.dbapi_connection
            try:
                raw.ping(reconnect=True)
            except self.engine.dialect.loaded_dbapi.Error as error:
                # What the driver itself raises, SQLAlchemy does not see; to it this is the loss of a connection.
                raise exc.OperationalError("ping", None, error) from error

    def _connected(self, connection: sa.Connection) -> None:
        """Tell a fresh connection what the database module's parameters ask for."""
        if self.dialect == "sqlite":
            mode = self.options.get("journal_mode", {}).get(self.url.name)
            if mode:
                connection.exec_driver_sql(f"PRAGMA journal_mode={mode}")

    def _run(self, statement: Any, parameters: Any = None, retries: int | None = None) -> sa.CursorResult[Any]:
        """Execute, again on a new connection as often as the driver retries; DatabaseError when it keeps failing.

        `parameters` are what the driver takes for a statement that is a text: of one row, or a list of rows.
        """
        for attempts_left in range(self.options.get("retries", 1) if retries is None else retries, -1, -1):
            try:
                if isinstance(statement, str):
                    return self.connection.exec_driver_sql(statement, parameters)
                result: sa.CursorResult[Any] = self.connection.execute(statement)
                return result
            except exc.SQLAlchemyError as error:
                lost = isinstance(error, exc.OperationalError | exc.InterfaceError | exc.PendingRollbackError) or (
                    isinstance(error, exc.DBAPIError) and error.connection_invalidated
                )
                if lost and not self._transactions and self.dialect != "sqlite":
                    self._drop_connection()
                    if attempts_left:
                        self.log(L_ERR, f"driver error on query: {_reason(error)}; trying again")
                        continue
                raise self._failed("driver error on query", error, lost=lost) from error
        raise AssertionError("unreachable")

    def _failed(self, what: str, error: Exception, *, lost: bool = False) -> DatabaseError:
        text = f"{what}: {_reason(error)}"
        self.log(L_ERR, text)
        return DatabaseError(text, lost=lost)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(exc.SQLAlchemyError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN and COMMIT around what is inside; ROLLBACK when it raises."""
        if self._transactions:
            yield
            return
        self._run("BEGIN")
        self._transactions += 1
        try:
            yield
            self._run("COMMIT")
        except BaseException as error:
            self._roll_back(isinstance(error, DatabaseError) and error.lost)
            raise
        finally:
            self._transactions -= 1

    def _roll_back(self, lost: bool) -> None:
        """Leave a transaction; a connection that may be gone is closed, which has the same effect."""
        if not lost or self.dialect == "sqlite":
            with contextlib.suppress(DatabaseError):
                self._run("ROLLBACK")
                return
        if not isinstance(self, MemoryDatabase):
            self._drop_connection()

    def close(self) -> None:
        """Close the connection; the next statement opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    # -- statements -----------------------------------------------------------------------------------------------
    def query(
        self, table: str, columns: Sequence[str] = (), where: Where = (), *, order: str = "", limit: int = 0
    ) -> list[tuple[Cell, ...]]:
        """Rows; see Database.query."""
        statement = self._select(table, columns, where, order, limit)
        return [row for part in self._parts(table, statement, 0) for row in part]

    def fetch(
        self, table: str, columns: Sequence[str], where: Where = (), *, size: int = 2000, order: str = ""
    ) -> Iterator[list[tuple[Cell, ...]]]:
        """Rows, `size` at a time."""
        return self._parts(table, self._select(table, columns, where, order, 0), size)

    def _parts(self, table: str, statement: Any, size: int) -> Iterator[list[tuple[Cell, ...]]]:
        """The rows of a select, `size` at a time or all at once."""
        types = self._column_types(table)
        done = 0
        for lenient in (False, True):
            result = self._run(statement)
            readers = [self._reader(types.get(name.lower(), "")) for name in result.keys()]  # noqa: SIM118
            try:
                result.fetchmany(done) if done else None
                for part in result.partitions(size) if size else (result.fetchall(),):
                    yield [tuple(read(value) for read, value in zip(readers, row, strict=True)) for row in part]
                    done += len(part)
                return
            except exc.SQLAlchemyError as error:
                if lenient or self.dialect != "sqlite" or "decode to UTF-8" not in str(error):
                    raise self._failed("driver error on fetch", error, lost=True) from error
                # Kamailio writes bytes, whatever they are. Python's own way to read them is three times as fast.
                raw: Any = self.connection.connection.dbapi_connection
                raw.text_factory = _text

    def _select(self, table: str, columns: Sequence[str], where: Where, order: str, limit: int) -> Any:
        self._prepare(table)
        wanted: list[Any] = [sa.column(name) for name in columns] or [sa.text("*")]
        statement = sa.select(*wanted).select_from(self._table(table)).where(*self._conditions(where))
        if order:
            statement = statement.order_by(sa.column(order))
        return statement.limit(limit) if limit else statement

    def _conditions(self, where: Where) -> list[Any]:
        return [
            _OPERATORS[operator](sa.column(name), self._write(value)) for name, operator, value in conditions(where)
        ]

    @staticmethod
    def _table(name: str, *columns: str) -> Any:
        """A table clause; `schema.table` keeps its dot."""
        owner, dot, bare = name.rpartition(".")
        return sa.table(bare, *map(sa.column, columns), schema=owner if dot else None)

    def _bound(self, values: Mapping[str, Cell]) -> dict[str, Any]:
        return {name: self._write(value) for name, value in values.items()}

    def insert(self, table: str, values: Mapping[str, Cell], *, delayed: bool = False) -> int:
        """A new row."""
        self._prepare(table)
        statement = sa.insert(self._table(table, *values)).values(self._bound(values))
        if self.dialect == "mysql" and (delayed or self.options.get("insert_delayed")):
            statement = statement.prefix_with("DELAYED")
        result = self._run(statement)
        if self.dialect == "postgresql":
            return self._last_value(table)
        return result.lastrowid or 0

    def _last_value(self, table: str) -> int:
        """What a sequence gave the row that PostgreSQL just inserted; 0 when the table has none."""
        found = schema.table(table)
        if found is None or not any(column.key == "auto" for column in found.columns):
            return 0
        value = self._run(sa.text("SELECT lastval()")).scalar()
        return int(value or 0)

    def insert_update(self, table: str, values: Mapping[str, Cell], key: Sequence[str] = ()) -> None:
        """A new row, or an update of the one with the same key."""
        self._upsert(table, values, key)

    def replace(self, table: str, values: Mapping[str, Cell], key: Sequence[str] = ()) -> None:
        """A row in place of another."""
        if self.dialect in ("mysql", "sqlite") and not key:
            self._prepare(table)
            names = ", ".join(self._quoted(name) for name in values)
            marks = ", ".join(f":v{number}" for number in range(len(values)))
            bound = {f"v{number}": self._write(value) for number, value in enumerate(values.values())}
            self._run(sa.text(f"REPLACE INTO {self._quoted(table)} ({names}) VALUES ({marks})").bindparams(**bound))
        elif key:
            with self.transaction():
                self.delete(table, {name: values[name] for name in key})
                self.insert(table, values)
        else:
            raise self._failed("replace", ValueError(f"{self.dialect} needs to know the key of {table}"))

    def _upsert(self, table: str, values: Mapping[str, Cell], key: Sequence[str]) -> None:
        self._prepare(table)
        bound, clause = self._bound(values), self._table(table, *values)
        if self.dialect == "mysql":
            from sqlalchemy.dialects import mysql

            self._run(mysql.insert(clause).values(bound).on_duplicate_key_update(bound))
            return
        from sqlalchemy.dialects import postgresql, sqlite

        if not key:
            raise self._failed("insert_update", ValueError(f"{self.dialect} needs to know the key of {table}"))
        make: Any = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        statement = make(clause).values(bound)
        self._run(statement.on_conflict_do_update(index_elements=[sa.column(name) for name in key], set_=bound))

    def update(self, table: str, values: Mapping[str, Cell], where: Where = ()) -> int:
        """Change rows."""
        self._prepare(table)
        clause = self._table(table, *values)
        return self._run(sa.update(clause).where(*self._conditions(where)).values(self._bound(values))).rowcount

    def delete(self, table: str, where: Where = ()) -> int:
        """Remove rows."""
        self._prepare(table)
        return self._run(sa.delete(self._table(table)).where(*self._conditions(where))).rowcount

    # -- statements that run often ----------------------------------------------------------------------------------
    def prepare_insert(self, table: str, columns: Sequence[str]) -> Prepared:
        """An insert, compiled once."""
        marks: dict[str, Any] = {name: sa.bindparam(f"v{number}") for number, name in enumerate(columns)}
        return self._prepared(table, lambda: sa.insert(self._table(table, *columns)).values(marks), len(columns))

    def prepare_update(self, table: str, columns: Sequence[str], key: Sequence[str]) -> Prepared:
        """An update, compiled once."""
        marks: dict[str, Any] = {name: sa.bindparam(f"v{number}") for number, name in enumerate(columns)}
        found = [sa.column(name) == sa.bindparam(f"v{n}") for n, name in enumerate(key, start=len(columns))]
        count = len(columns) + len(key)
        return self._prepared(table, lambda: sa.update(self._table(table, *columns)).where(*found).values(marks), count)

    def prepare_delete(self, table: str, key: Sequence[str]) -> Prepared:
        """A delete, compiled once."""
        found = [sa.column(name) == sa.bindparam(f"v{number}") for number, name in enumerate(key)]
        return self._prepared(table, lambda: sa.delete(self._table(table)).where(*found), len(key))

    def _prepared(self, table: str, make: Callable[[], Any], count: int) -> Prepared:
        """`make` gives the statement with parameters v0, v1, ...; compiled when it first runs."""
        names = [f"v{number}" for number in range(count)]
        text, order = "", None  # of parameters; None: the driver takes them by name

        def ready(values: Sequence[Cell]) -> Any:
            nonlocal text, order
            self._prepare(table)
            if not text:
                compiled = make().compile(dialect=self.engine.dialect)
                text = str(compiled)
                order = [names.index(name) for name in compiled.positiontup] if compiled.positional else None
            written = [self._write(value) for value in values]
            if order is None:
                return dict(zip(names, written, strict=True))
            return tuple(written[number] for number in order)

        def run(values: Sequence[Cell]) -> int:
            parameters = ready(values)
            return self._run(text, parameters).rowcount

        def many(rows: Sequence[Sequence[Cell]]) -> None:
            parameters = [ready(values) for values in rows]
            self._run(text, parameters)

        return Prepared(run, many)

    def raw(self, sql: str, *, typed: bool = False) -> Result:
        """SQL as it stands."""
        result = self._run(_utf8(sql))
        if not result.returns_rows:
            return Result([], [], max(result.rowcount, 0))
        description = result.cursor.description if result.cursor is not None else ()
        names, found = [_latin1(name) for name in result.keys()], result.fetchall()  # noqa: SIM118
        if not found:
            return Result(names, [])
        if not typed:
            readers: list[Callable[[Any], Cell]] = [_read] * len(names)
        elif self.dialect == "sqlite":
            readers = sqlite_readers(self.connection, _utf8(sql), found[0], _read, _read_time)
        else:
            readers = driver_readers(self.dialect, description, _read)
        rows = [tuple(read(value) for read, value in zip(readers, row, strict=True)) for row in found]
        return Result(names, rows, len(rows))

    # -- values ---------------------------------------------------------------------------------------------------
    def _write(self, value: Cell) -> Any:
        """A value as the driver takes it."""
        if isinstance(value, Timestamp):
            if self.dialect == "sqlite":
                return self._write_time(value)
            if self.dialect == "mysql" and self.options.get("server_timezone"):
                return sa.func.from_unixtime(int(value))
            return value.local()
        return _utf8(value) if isinstance(value, str) else value

    def _write_time(self, value: Timestamp) -> Any:
        """A time as SQLite keeps it."""
        return (int(value) - 0.5) / 86400.0 + _JULIAN_EPOCH

    def _reader(self, declared: str) -> Callable[[Any], Cell]:
        """How values of a column of that declared type are read."""
        return _read_time if _is_time(declared) else _read

    def _column_types(self, table: str) -> dict[str, str]:
        """Declared types by column, where the driver does not tell them by itself (SQLite)."""
        if self.dialect != "sqlite":
            return {}
        if table not in self._types:
            rows: list[Any] = list(self._run(f"PRAGMA table_info({self._quoted(table)})"))
            self._types[table] = {str(row[1]).lower(): str(row[2]).lower() for row in rows}
        return self._types[table]

    # -- tables ---------------------------------------------------------------------------------------------------
    def _prepare(self, table: str) -> None:
        """Called before a statement names a table."""

    def _quoted(self, name: str) -> str:
        return self.engine.dialect.identifier_preparer.quote(name)

    def has_table(self, table: str) -> bool:
        """Whether the table exists."""
        try:
            return sa.inspect(self.connection).has_table(table)
        except exc.SQLAlchemyError as error:
            raise self._failed("driver error on query", error) from error

    def create_table(self, definition: schema.Table) -> None:
        """Create a table with its indexes."""
        metadata = sa.MetaData()
        columns = [self._column(column) for column in definition.columns]
        made = sa.Table(definition.name, metadata, *columns)
        for index in definition.indexes:
            if index.kind == "primary":
                continue
            # Index names are unique in a database for all but MySQL, and long columns need a prefix length there.
            name = index.name if self.dialect == "mysql" else f"{definition.name}_{index.name}"
            lengths = {column: 255 for column in index.columns if _length(definition, column) > 255}
            sa.Index(name, *(made.c[c] for c in index.columns), unique=index.kind == "unique", mysql_length=lengths)
        try:
            metadata.create_all(self.connection)
        except exc.SQLAlchemyError as error:
            raise self._failed("driver error on query", error) from error

    def _column(self, column: schema.Column) -> sa.Column[Any]:
        server_default = None
        if column.default is not None and column.type not in ("text", "largetext", "binary", "largebinary"):
            server_default = sa.text(_literal(column.default)) if not _is_number(column) else sa.text(column.default)
        return sa.Column(
            column.name,
            self._type(column),
            primary_key=bool(column.key),
            autoincrement=column.key == "auto",
            nullable=column.null,
            server_default=server_default if column.key != "auto" else None,
        )

    def _type(self, column: schema.Column) -> Any:
        """SQLAlchemy's type for a Kamailio type."""
        if column.type in ("int", "unsigned int"):
            return sa.Integer()
        return _TYPES[column.type](column)


class MemoryDatabase(SqlDatabase):
    """The lab's database for any URL: SQLite in memory, which makes Kamailio's tables when they are first named.

    Raw SQL may call the functions NOW(), UNIX_TIMESTAMP() and FROM_UNIXTIME() of MySQL; `clock` tells them the time.
    """

    def __init__(self, url: DatabaseUrl, log: Log, *, clock: Callable[[], float] | None = None) -> None:
        super().__init__(DatabaseUrl("sqlite", name=":memory:"), log)
        self.url, self.clock = url, clock
        self._made: set[str] = set()
        self._versions = {name: found.version for name in schema.table_names() if (found := schema.table(name))}

    def _make_engine(self) -> sa.Engine:
        return sa.create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=sa.StaticPool)

    def _connected(self, connection: sa.Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        raw.create_function("NOW", 0, lambda: _text_time(int(self.clock() if self.clock else 0)))
        raw.create_function("UNIX_TIMESTAMP", -1, self._unix_timestamp)
        raw.create_function("FROM_UNIXTIME", 1, lambda seconds: _text_time(int(seconds)))

    def _unix_timestamp(self, *arguments: Any) -> int:
        if not arguments:
            return int(self.clock() if self.clock else 0)
        moment = _read_time(arguments[0])
        return int(moment) if moment is not None else 0

    def _write_time(self, value: Timestamp) -> Any:
        return _text_time(int(value))

    def close(self) -> None:
        """Keep the connection: with it the data would go."""

    def _prepare(self, table: str) -> None:
        if table in self._made:
            return
        self._made.add(table)
        definition = schema.table(table)
        if definition is not None and not self.has_table(table):
            self.create_table(definition)
        if table == "version":
            rows = [{"table_name": name, "table_version": self._versions[name]} for name in self._versions]
            self.connection.execute(sa.insert(self._table("version", "table_name", "table_version")), rows)

    def table_version(self, table: str) -> int:
        """The version; the table `version` itself is made only when a statement names it."""
        return super().table_version(table) if self.version_table in self._made else self._versions.get(table, 0)

    def raw(self, sql: str, *, typed: bool = False) -> Result:
        """SQL as it stands; Kamailio's tables that it names are made first."""
        for word in set(_WORDS.findall(sql)):
            if word in self._versions:
                self._prepare(word)
        return super().raw(sql, typed=typed)

    def adopt(
        self,
        table: str,
        like: str,
        *,
        rename: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Create the table that a config is going to use, as the config describes it."""
        definition = schema.table(like)
        if definition is None:
            raise ValueError(f"Kamailio has no table {like!r}")
        names, types = rename or {}, dict(extra or {})
        columns = [
            column._replace(name=names.get(column.name, column.name), type=types.pop(column.name, column.type))
            for column in definition.columns
        ]
        columns = [column._replace(type=types.pop(column.name, column.type)) for column in columns]
        columns += [schema.Column(name, kind, "255", True) for name, kind in types.items()]
        indexes = [index._replace(columns=[names.get(c, c) for c in index.columns]) for index in definition.indexes]
        if not self.has_table(table):
            self._made.add(table)
            self.create_table(schema.Table(table, definition.version, columns, indexes))
        else:
            present = self._column_types(table)
            for column in columns:
                if column.name.lower() not in present:
                    kind = self._type(column).compile(self.engine.dialect)
                    self._run(f"ALTER TABLE {self._quoted(table)} ADD COLUMN {self._quoted(column.name)} {kind}")
            self._types.pop(table, None)
        if "version" not in self._made:
            self._versions[table] = definition.version
        elif not self.table_version(table):
            self.insert("version", {"table_name": table, "table_version": definition.version})


#: SQLAlchemy's driver and the package that brings it, by the scheme of a Kamailio URL.
_DRIVERS: Mapping[str, tuple[str, str]] = {
    "sqlite": ("sqlite", "sqlite3"),
    "mysql": ("mysql+pymysql", "PyMySQL"),
    "postgres": ("postgresql+psycopg", "psycopg"),
}

_TYPES: Mapping[str, Callable[[schema.Column], Any]] = {
    "string": lambda column: sa.String(column.length or 255),
    "char": lambda column: sa.CHAR(column.length or 1),
    "text": lambda column: sa.Text(),
    "largetext": lambda column: sa.Text(16_777_216),
    "binary": lambda column: sa.LargeBinary(65535),
    "largebinary": lambda column: sa.LargeBinary(16_777_216),
    "short": lambda column: sa.SmallInteger(),
    "unsigned short": lambda column: sa.SmallInteger(),
    "unsigned char": lambda column: sa.SmallInteger(),
    "bigint": lambda column: sa.BigInteger(),
    "float": lambda column: sa.Float(53),
    "double": lambda column: sa.Float(53),
    "datetime": lambda column: sa.DateTime(),
}


def _is_number(column: schema.Column) -> bool:
    return column.type in (
        "int",
        "unsigned int",
        "short",
        "unsigned short",
        "unsigned char",
        "float",
        "double",
        "bigint",
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''").replace(":", r"\:") + "'"


def _length(definition: schema.Table, name: str) -> int:
    column = definition.column(name)
    return column.length if column else 0


def _reason(error: Exception) -> str:
    """One line that tells what the driver said."""
    origin = getattr(error, "orig", None) or error
    return " ".join(str(origin).split())


def _utf8(text: str) -> str:
    """Bytes that are UTF-8 as the characters they mean; others as latin-1."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


#: Text out of SQLite; what is no UTF-8 is kept as it is.
_text = partial(str, encoding="utf-8", errors="surrogateescape")


def _latin1(text: str) -> str:
    """Characters as the bytes of their UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _read(value: Any) -> Cell:
    """A value as modules see it."""
    kind = value.__class__
    if kind is str:
        return value if value.isascii() else _latin1(value)
    if kind is int or value is None:
        return value
    if isinstance(value, str):
        return _latin1(value)
    if isinstance(value, datetime):
        return Timestamp(value.timestamp())
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, date | timedelta):
        return str(value)
    return value


def _is_time(declared: str) -> bool:
    """Types that db_sqlite reads as a time."""
    return "datetime" in declared or "timestamp" in declared


def _read_time(value: Any) -> Cell:
    """A time out of SQLite: a Julian day number, or a text that somebody else wrote."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Timestamp(int((value - _JULIAN_EPOCH) * 86400.0 + 0.5 + 1e-3))
    if isinstance(value, str):
        try:
            return Timestamp(datetime.fromisoformat(value).timestamp())
        except ValueError:
            return _latin1(value)
    return _read(value)


def _text_time(seconds: int) -> str:
    """Local date and time, as MySQL writes them."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
