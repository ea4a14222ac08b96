"""Dialogs out of the database (dialog/dlg_db_handler.c load_dialog_info_from_db, load_dialog_vars_from_db)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kamscript.core.hashes import core_hash
from kamscript.modules._hostport import socket_parts
from kamscript.modules.dialog.cell import CONFIRMED, CONFIRMED_NA, DELETED, EARLY, FLAG_DB_LOAD_EXTRA, IFLAG_DMQ_SYNC
from kamscript.modules.dialog.rows import BadRow, Columns, RowReader

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.stores import Database


class LoadError(Exception):
    """The table as a whole is not of this server."""


class Loader:
    """Fills the table of one server."""

    def __init__(self, module: Parameters, db: Database, columns: Columns) -> None:
        self.module, self.db, self.columns = module, db, columns

    def load(self, callid: str | None = None, *, running: bool = False) -> list[DialogCell]:
        """Load the dialogs with a Call-ID, or all, with variables and profiles; `running`: not at start.

        Gives what is new in the table. A row that is no dialog is logged and left where it is. Raises DatabaseError,
        and LoadError when the rows were written with another `hash_size`.
        """
        collecting = gc.isenabled()
        gc.disable()  # a hundred thousand new objects and no garbage: looking for some takes a fifth of the time
        try:
            return self._load(callid, running)
        finally:
            if collecting:
                gc.enable()

    def _load(self, callid: str | None, running: bool) -> list[DialogCell]:
        reader = RowReader(self.columns, self._socket)
        where = {} if callid is None else {self.columns.dialog[2]: callid}
        found: list[DialogCell] = []
        for row in self._rows(self.columns.table, self.columns.dialog, where):
            if self._known(row):
                if not running or callid is not None:
                    self._warn(f"conflicting dialog id: {row[0]}/{row[1]} - skipping")
                continue
            try:
                dlg, timeout, xdata = reader.read(row)
            except BadRow as error:
                self._error(f"skipping row [{row[0]}:{row[1]}] of table {self.columns.table}: {error}")
                continue
            if self._misplaced(dlg):
                continue
            self._enter(dlg, timeout, xdata)
            found.append(dlg)
        if found:
            self._load_variables(found, everything=callid is None)
        return found

    def _rows(self, table: str, columns: tuple[str, ...], where: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """All rows, `db_fetch_rows` at a time."""
        size = self.module.db_fetch_rows
        if size <= 0:
            yield from self.db.query(table, columns, where)
            return
        for rows in self.db.fetch(table, columns, where, size=size):
            yield from rows

    def _known(self, row: tuple[Any, ...]) -> bool:
        """Whether a dialog with this identity is in memory."""
        return (
            isinstance(row[0], int) and isinstance(row[1], int) and self.module.table.lookup(row[0], row[1]) is not None
        )

    # -- dialogs --------------------------------------------------------------------------------------------------
    def _misplaced(self, dlg: DialogCell) -> bool:
        """Whether the dialog stands in a slot that is not its own. LoadError when another hash_size explains it."""
        size = self.module.table.size
        if dlg.h_entry == core_hash(dlg.callid, size):
            return False
        if not dlg.callid.isascii():
            # Databases keep characters: the bytes of a Call-ID that is no UTF-8 do not come back.
            self._error(f"skipping row [{dlg.h_entry}:{dlg.h_id}] of table {self.columns.table}: Call-ID is no UTF-8")
            return True
        raise LoadError(
            f"inconsistent hash data: the dialogs in table {self.columns.table} were stored with another hash_size"
            f" than {size}; set that one, or delete the rows"
        )

    def _enter(self, dlg: DialogCell, timeout: int, xdata: str) -> None:
        """Take the dialog into the table, with everything that belongs to one of its state."""
        module, table = self.module, self.module.table
        table.place(dlg)
        step = module.h_id_step
        if step <= 1 or (dlg.h_id - table.id_start) % step == 0:
            table.reserve(dlg.h_entry, dlg.h_id)
        state, now = dlg.state, int(module.server.timers.now)
        if module.enable_stats:
            if state in (CONFIRMED_NA, CONFIRMED):
                module.active.value += 1
            elif state == EARLY:
                module.early.value += 1
        dlg.init_ts = now
        if state == DELETED:
            dlg.end_ts = now
        elif xdata:
            module.profiles.from_json(dlg, xdata)
        if dlg.caller.socket is None or dlg.callee.socket is None:
            dlg.iflags &= ~IFLAG_DMQ_SYNC
        dlg.lifetime = timeout - dlg.start_ts if timeout > now else 0
        dlg.ref += 1
        module.expiry.set(dlg, timeout - now)
        if state == CONFIRMED:
            module.requests.confirmed(dlg)
        dlg.dflags = 0
        dlg.stored = ()

    def _socket(self, text: str) -> ListenSocket | None:
        """The socket that `udp:127.0.0.1:5060` names; None when it is not one of this server's."""
        parts = socket_parts(text)
        if parts is None:
            self._error(f"bad socket <{text}>")
            return None
        proto, host, port = parts
        found = self.module.server.find_socket(host, port, proto)
        if found is None:
            self._warn(f"non-local socket <{text}>...ignoring")
        return found

    # -- variables ------------------------------------------------------------------------------------------------
    def _load_variables(self, found: list[DialogCell], *, everything: bool) -> None:
        """Give the dialogs their variables, from the whole table or from the rows of each."""
        table, columns = self.columns.vars_table, self.columns.vars
        for dlg in found:
            dlg.dflags |= FLAG_DB_LOAD_EXTRA
        names: dict[str, str] = {}
        if everything:
            self._take_variables(self._rows(table, columns, {}), names)
        else:
            for dlg in found:
                key = dict(zip(self.columns.vars_key, (dlg.h_entry, dlg.h_id), strict=True))
                self._take_variables(self._rows(table, columns, key), names)
        for dlg in found:
            dlg.dflags &= ~FLAG_DB_LOAD_EXTRA
            if dlg.variables:
                dlg.stored = flat(dlg.variables)

    def _take_variables(self, rows: Iterator[tuple[Any, ...]], names: dict[str, str]) -> None:
        lookup = self.module.table.lookup
        bad = orphans = 0
        for entry, number, name, value in rows:
            dlg = lookup(entry, number)
            if dlg is None:
                orphans += 1
            elif not isinstance(name, str) or not isinstance(value, str) or not name:
                bad += 1
            elif dlg.dflags & FLAG_DB_LOAD_EXTRA:
                if dlg.variables is None:
                    dlg.variables = {}
                dlg.variables[names.setdefault(name, name)] = value
        if bad:
            self._error(f"{bad} rows of table {self.columns.vars_table} skipped: a name or a value is missing")
        if orphans:
            self._warn(f"inconsistent data: {orphans} rows of table {self.columns.vars_table} are of no dialog here")

    def _error(self, text: str) -> None:
        self.module.server.log.error("dialog", text)

    def _warn(self, text: str) -> None:
        self.module.server.log.warning("dialog", text)


def flat(variables: dict[str, str] | None) -> tuple[str, ...]:
    """Variables as `dlg.stored` keeps them: names and values in turn, the smallest that Python has."""
    if not variables:
        return ()
    return tuple(text for pair in variables.items() for text in pair)
