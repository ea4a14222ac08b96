"""db_text: databases at `text://` URLs, directories with a file for each table."""

from __future__ import annotations

from typing import Any

from kamscript import stores
from kamscript.core.rpc import Rpc
from kamscript.module import FixupError, Module, Param, rpc
from kamscript.stores import Database, DatabaseError, DatabaseUrl


class DbText(Module, name="db_text"):
    """Let modules keep their data in text files. Other modules name the directory in their `db_url`."""

    db_mode = Param(0, "1: read a file again when it has changed.")
    emptystring = Param(0, "An empty field is an empty text, not null.")
    file_buffer_size = Param(16384, "Longest field in a file.")
    max_result_rows = Param(100000, "Most rows of a result.", since="5.6")
    default_connection = Param("", "URL of the database for db_text.query.", since="5.6")
    db_delim = Param(":", "Character between two fields.", since="5.6")

    def start(self) -> None:
        """Check the parameters."""
        if len(self.db_delim) != 1:
            raise FixupError("db_delim must be a single character")

    def options(self, url: DatabaseUrl) -> dict[str, Any]:
        """What the parameters ask of the database at a URL."""
        return {
            "reload": bool(self.db_mode),
            "emptystring": self.emptystring,
            "file_buffer_size": self.file_buffer_size,
            "max_result_rows": self.max_result_rows,
            "delimiter": self.db_delim,
        }

    @rpc("db_text.dump")
    def dump(self, rpc: Rpc) -> None:
        """Write the tables that changed to disk."""
        databases: dict[str, Database] = self.server.shared.get("databases", {})
        try:
            for database in databases.values():
                if database.url.driver == "text":
                    database.dump()
        except DatabaseError:
            rpc.add("Dump failed")
        else:
            rpc.add("Dump OK")

    @rpc("db_text.query", since="5.6")
    def query(self, rpc: Rpc, sql: str = "") -> None:
        """Run SQL on the database at `default_connection`."""
        try:
            database = stores.bind(self.server, self.default_connection)
        except FixupError:
            rpc.add(f"invalid connection : {self.default_connection}")
            return
        try:
            result = database.raw(sql)
        except DatabaseError:
            rpc.add("error executing sql statement")
            return
        if not result.columns:
            rpc.add(f"{result.affected} affected rows")
        elif not result.rows:
            rpc.add("statement returned 0 rows")
        else:
            from kamscript.stores.text import TextColumn, format_value

            columns = [
                TextColumn(name, _kind(value)) for name, value in zip(result.columns, result.rows[0], strict=True)
            ]
            rpc.add(" ".join(map(str, columns)) + "\n")
            for row in result.rows:
                rpc.add(
                    self.db_delim.join(format_value(v, c, self.db_delim) for v, c in zip(row, columns, strict=True))
                )
            rpc.add(f"\ntotal rows {len(result.rows)} / {len(result.rows)}")


def _kind(value: object) -> str:
    return "int" if isinstance(value, int) else "double" if isinstance(value, float) else "string"
