"""Reading accounts from the table uacreg (uac manual, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript import stores
from kamscript.module import FixupError
from kamscript.modules.uac.registrations import Registration
from kamscript.stores import Database, DatabaseError
from kamscript.stores.base import NoDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kamscript.modules.uac import Uac
    from kamscript.stores.base import Cell

_VERSION: Final = 5
_NEW_VERSION: Final = 6  #: of 6.x: with contact_user
_TEXTS: Final = (
    *("l_uuid", "l_username", "l_domain", "r_username", "r_domain", "realm"),
    *("auth_username", "auth_password", "auth_ha1", "auth_proxy"),
)
_COLUMNS: Final = (*_TEXTS, "expires", "flags", "reg_delay", "contact_addr", "socket")
_MAY_BE_EMPTY: Final = frozenset(("realm", "auth_password", "auth_ha1", "contact_addr", "socket", "contact_user"))


class Loader:
    """The table of one `Uac`."""

    def __init__(self, module: Uac) -> None:
        """Find the database; the lab makes the table. Raises FixupError when there is no such database module."""
        self.module = module
        self.table = module.reg_db_table
        self.db: Database = stores.bind(module.server, module.reg_db_url)
        self.db.adopt(self.table, "uacreg", extra={"contact_user": "string"} if module.newer else None)
        self.columns: Sequence[str] | None = None

    def _find_columns(self) -> Sequence[str]:
        """Check the version of the table; raises DatabaseError."""
        if self.columns is None:
            module, self.columns = self.module, _COLUMNS
            if isinstance(self.db, NoDatabase):
                return self.columns
            version = self.db.table_version(self.table)
            if version != _VERSION and not (module.newer and version == _NEW_VERSION):
                self.columns = None
                raise DatabaseError(
                    f"invalid version {version} for table {self.table} found, expected {_VERSION}"
                    " (check table structure and table version)"
                )
            if version == _NEW_VERSION or module.changed:
                self.columns = (*_COLUMNS, "contact_user")
        return self.columns

    def all(self) -> list[Registration] | None:
        """Every account that is complete; None, and a line in the log, when the table cannot be read."""
        found = self._query({})
        return None if found is None else [entry for entry in found if entry is not None]

    def one(self, uuid: str) -> list[Registration | None] | None:
        """The account with this l_uuid as a list of one, of None when it is not complete; None as above."""
        return self._query({"l_uuid": uuid})

    def _query(self, where: dict[str, Cell]) -> list[Registration | None] | None:
        try:
            columns = self._find_columns()
            rows = self.db.query(self.table, columns, where)
        except (DatabaseError, FixupError) as error:
            self.module.error(f"Error while querying db: {error}")
            return None
        return [self._entry(dict(zip(columns, row, strict=True))) for row in rows]

    def _entry(self, row: dict[str, Cell]) -> Registration | None:
        values: dict[str, int | str] = {}
        for name, cell in row.items():
            if name in ("expires", "flags", "reg_delay"):
                values[name] = cell & 0xFFFFFFFF if isinstance(cell, int) else 0
                continue
            values[name] = cell.decode("latin-1") if isinstance(cell, bytes) else "" if cell is None else str(cell)
            if cell is not None and not values[name] and name not in _MAY_BE_EMPTY:
                self.module.error(f"empty value not allowed for column '{name}' - ignoring record")
                return None
        entry = Registration(**values)  # type: ignore[arg-type]
        complaint = entry.complaint()
        if complaint:
            self.module.error(complaint)
            return None
        return entry
