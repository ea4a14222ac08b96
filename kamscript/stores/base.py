"""What a database is to a module: Kamailio's srdb1 operations, independent of the driver behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.module import FixupError
from kamscript.stores import schema
from kamscript.stores.urls import DatabaseUrl, parse_url

if TYPE_CHECKING:
    from kamscript.core.server import Server

Log = Callable[[int, str], None]
#: A value of a row: int, float, str (latin-1 decoded bytes, as everywhere), bytes, `Timestamp`, `Big` or None.
Cell = Any
#: `{"column": value}` (all equal), or triples of a column, an operator (`= != < > <= >= &`) and a value.
Where = Mapping[str, Cell] | Sequence[tuple[str, str, Cell]]

L_ERR = -1


class Timestamp(int):
    """Unix seconds that the database keeps as a date and time (DB1_DATETIME)."""

    __slots__ = ()

    def local(self) -> datetime:
        """The local time of this host, as Kamailio writes it."""
        return datetime.fromtimestamp(self, UTC).astimezone().replace(tzinfo=None)


class Big(int):
    """A number of a column of 64 bits (DB1_BIGINT), as raw SQL gives it back: modules show it as a text."""

    __slots__ = ()


class DatabaseError(Exception):
    """A statement failed, after the retries of the driver; it was logged already.

    `lost`: the database could not be reached or was busy, so that the same statement may succeed later; False: what
    the statement says is wrong.
    """

    def __init__(self, text: str, *, lost: bool = False) -> None:
        super().__init__(text)
        self.lost = lost


class Prepared:
    """A statement that runs often (`Database.prepare_insert` and its kin): made once, run with values in order."""

    def __init__(
        self, run: Callable[[Sequence[Cell]], int], many: Callable[[Sequence[Sequence[Cell]]], object]
    ) -> None:
        self._run, self._many = run, many

    def __call__(self, values: Sequence[Cell]) -> int:
        """Run it; how many rows the database says it was about. Raises DatabaseError."""
        return self._run(values)

    def many(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Run it for each of `rows`, as fast as the driver can; inside a transaction all or nothing."""
        if rows:
            self._many(rows)


class Result(NamedTuple):
    """What raw SQL gave back: column names and rows (both empty for statements that return nothing)."""

    columns: list[str]
    rows: list[tuple[Cell, ...]]
    affected: int = 0


class Database:
    """One database, as all modules of a server that name its URL share it.

    Table and column names are taken as they are given and quoted where the database needs it. Values keep their
    type: an int in a date column must be a `Timestamp`. Every method raises DatabaseError, logged before.
    """

    def __init__(self, url: DatabaseUrl, log: Log) -> None:
        self.url, self.log = url, log
        self.options: dict[str, Any] = {}
        """What the database module's parameters ask for; see `configure`."""
        self.version_table = "version"  #: the table with the versions of the others

    def configure(self, **options: Any) -> None:
        """Take the parameters of the database module, by their names there, before the first statement."""
        self.options.update(options)

    def connect(self) -> None:
        """Connect now; without it the first statement does. Raises DatabaseError."""

    # -- statements -----------------------------------------------------------------------------------------------
    def query(
        self, table: str, columns: Sequence[str] = (), where: Where = (), *, order: str = "", limit: int = 0
    ) -> list[tuple[Cell, ...]]:
        """The rows that match, with those columns (all when none are named), sorted by the column `order`."""
        raise NotImplementedError

    def fetch(
        self, table: str, columns: Sequence[str], where: Where = (), *, size: int = 2000, order: str = ""
    ) -> Iterator[list[tuple[Cell, ...]]]:
        """The same rows, `size` of them at a time, for tables that may be large (fetch_result)."""
        raise NotImplementedError

    def insert(self, table: str, values: Mapping[str, Cell], *, delayed: bool = False) -> int:
        """Add a row; returns the number of its auto-increment column, 0 when it has none. `delayed`: MySQL's."""
        raise NotImplementedError

    def insert_update(self, table: str, values: Mapping[str, Cell], key: Sequence[str] = ()) -> None:
        """Add a row, or update the one with the same unique `key` (MySQL finds the key by itself)."""
        raise NotImplementedError

    def replace(self, table: str, values: Mapping[str, Cell], key: Sequence[str] = ()) -> None:
        """Add a row in place of the one with the same unique `key`."""
        raise NotImplementedError

    def update(self, table: str, values: Mapping[str, Cell], where: Where = ()) -> int:
        """Change the rows that match; returns how many the database says it changed."""
        raise NotImplementedError

    def delete(self, table: str, where: Where = ()) -> int:
        """Remove the rows that match (all without `where`); returns how many."""
        raise NotImplementedError

    def prepare_insert(self, table: str, columns: Sequence[str]) -> Prepared:
        """An insert of these columns."""
        return _each(lambda values: self.insert(table, dict(zip(columns, values, strict=True))) and 1)

    def prepare_update(self, table: str, columns: Sequence[str], key: Sequence[str]) -> Prepared:
        """An update of these columns in the rows with a key; values are those of the columns, then of the key."""

        def run(values: Sequence[Cell]) -> int:
            count = len(columns)
            changed = dict(zip(columns, values[:count], strict=True))
            return self.update(table, changed, dict(zip(key, values[count:], strict=True)))

        return _each(run)

    def prepare_delete(self, table: str, key: Sequence[str]) -> Prepared:
        """A delete of the rows with a key."""
        return _each(lambda values: self.delete(table, dict(zip(key, values, strict=True))))

    def raw(self, sql: str, *, typed: bool = False) -> Result:
        """Run SQL as it stands. `typed`: values have the types that Kamailio's database module gives them."""
        raise NotImplementedError

    def transaction(self) -> Any:
        """A context manager: everything inside is committed together, or not at all when it raises."""
        raise NotImplementedError

    # -- tables ---------------------------------------------------------------------------------------------------
    def has_table(self, table: str) -> bool:
        """Whether the table exists."""
        raise NotImplementedError

    def create_table(self, definition: schema.Table) -> None:
        """Create the table and its indexes."""
        raise NotImplementedError

    def adopt(
        self,
        table: str,
        like: str,
        *,
        rename: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Tell that a module is going to use `table` like Kamailio's table `like`.

        A real database is left alone. The lab's database creates the table: `rename` maps standard column names
        to those that the config chose, `extra` maps further columns to their Kamailio types.
        """

    def table_version(self, table: str) -> int:
        """The number that the table of versions has for `table`; 0 when it has none."""
        rows = self.query(self.version_table, ["table_version"], {"table_name": table})
        return int(rows[0][0] or 0) if rows else 0

    def check_version(self, table: str, version: int) -> None:
        """Refuse the start (FixupError) unless `table` has this version, as db_check_table_version does."""
        try:
            found = self.table_version(table)
        except DatabaseError as error:
            raise FixupError(f"querying version for table {table}: {error}") from error
        if found != version:
            raise FixupError(
                f"invalid version {found} for table {table} found, expected {version}"
                f' (check table structure and table "{self.version_table}")'
            )

    def create_all(self, tables: Sequence[str] = ()) -> None:
        """Create Kamailio's tables (all when none are named) and fill the table `version`, like kamdbctl create."""
        names = list(tables) or [name for name in schema.table_names() if name != "version"]
        for name in ["version", *names]:
            definition = schema.table(name)
            if definition is None:
                raise ValueError(f"Kamailio has no table {name!r}")
            if not self.has_table(name):
                self.create_table(definition)
                self.insert("version", {"table_name": name, "table_version": definition.version})

    # -- life -----------------------------------------------------------------------------------------------------
    def dump(self) -> None:
        """Write to disk what is only in memory (db_text.dump); nothing to do for other databases."""

    def close(self) -> None:
        """Close the connection; a text database writes its tables."""


def _each(run: Callable[[Sequence[Cell]], int]) -> Prepared:
    """A statement that the driver cannot prepare."""

    def many(rows: Sequence[Sequence[Cell]]) -> None:
        for row in rows:
            run(row)

    return Prepared(run, many)


def conditions(where: Where) -> Iterator[tuple[str, str, Cell]]:
    """`where` as triples of column, operator and value."""
    if isinstance(where, Mapping):
        for column, value in where.items():
            yield column, "=", value
    else:
        yield from where


class NoDatabase(Database):
    """Stands in where a config is only checked: it refuses nothing at start and fails every statement."""

    def check_version(self, table: str, version: int) -> None:
        """Nothing to check."""

    def query(
        self, table: str, columns: Sequence[str] = (), where: Where = (), *, order: str = "", limit: int = 0
    ) -> list[tuple[Cell, ...]]:
        """No rows."""
        return []

    def fetch(
        self, table: str, columns: Sequence[str], where: Where = (), *, size: int = 2000, order: str = ""
    ) -> Iterator[list[tuple[Cell, ...]]]:
        """No rows."""
        return iter(())

    def delete(self, table: str, where: Where = ()) -> int:
        """Nothing to remove."""
        return 0


def open_database(url: str, log: Log, *, directory: str = "/", config_directory: str = "/etc/kamailio") -> Database:
    """Connect lazily to the real database at a Kamailio URL.

    A relative path of a `sqlite://` URL starts at `directory` (the working directory of the daemon, core parameter
    `workdir`), that of a `text://` URL at `config_directory`.
    Raises ValueError for a URL that cannot be read, DatabaseError for a driver that kamscript does not have.
    """
    parsed = parse_url(url)
    if parsed.driver == "text":
        from kamscript.stores.text import TextDatabase

        return TextDatabase(parsed, log, directory=config_directory)
    from kamscript.stores.database import SqlDatabase

    return SqlDatabase(parsed, log, directory=directory)


def bind(server: Server, url: str) -> Database:
    """The server's connection to `url`; FixupError when the start must be refused (db_bind_mod).

    As in Kamailio the database module of the URL's driver must be loaded: `db_mysql` for `mysql://`. In an environment
    without databases (`kamscript check`) the connection is a `NoDatabase`.
    """
    databases: dict[str, Database] = server.shared.setdefault("databases", {})
    if url in databases:
        return databases[url]
    try:
        parsed = parse_url(url)
    except ValueError as error:
        raise FixupError(str(error)) from error
    module = server.modules.get(f"db_{parsed.driver}")
    if module is None:
        raise FixupError(f"Module db_{parsed.driver} not found. Missing loadmodule?")
    if server.environment.database is None:
        return NoDatabase(parsed, lambda level, text: None)
    try:
        database: Database = server.environment.database(url)
    except (ValueError, DatabaseError) as error:
        raise FixupError(str(error)) from error
    database.version_table = server.settings["version_table"]
    options = getattr(module, "options", None)
    if options is not None:
        database.configure(**options(parsed))
    databases[url] = database
    return database
