"""Dialogs in a database, in Kamailio's own tables (dialog manual 6.10 to 6.40; dialog/dlg_db_handler.c).

Who changes a dialog sets FLAG_NEW, FLAG_CHANGED or FLAG_CHANGED_VARS and calls `store.update(dlg)`; who needs no more
than that can stop reading here. A dialog is written from its 2xx on and never after its end; its rows go with it.

Which rows a dialog has is kept at the dialog: `dlg.stored` is None without a row, else the variables that the database
has for it, so that an update writes what differs and nothing else.

A database that goes away never stops a call. What could not be written waits in memory, the database is asked again
after 1, 2, 4, ... 30 seconds, and with its first answer everything is written that is still true by then.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from kamscript import stores
from kamscript.module import FixupError, Route, Str, function
from kamscript.modules.dialog.callbacks import DLGCB_LOADED, DialogParams
from kamscript.modules.dialog.cell import (
    CONFIRMED_NA,
    DELETED,
    FLAG_CHANGED,
    FLAG_CHANGED_VARS,
    FLAG_NEW,
    IFLAG_DMQ_SYNC,
)
from kamscript.modules.dialog.loading import Loader, LoadError, flat
from kamscript.modules.dialog.parameters import Parameters
from kamscript.modules.dialog.rows import DIALOG_VERSION, VARS_VERSION, Columns, changed_row, whole_row
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.timers import Timer
    from kamscript.modules.dialog.callbacks import DialogCallback
    from kamscript.modules.dialog.cell import DialogCell

#: db_mode
NONE, REALTIME, DELAYED, SHUTDOWN = 0, 1, 2, 3

_UNWRITTEN: Final = FLAG_NEW | FLAG_CHANGED | FLAG_CHANGED_VARS
#: Dialogs that are written in one go; calls go on between two of them.
_PORTION: Final = 500
_LONGEST_PAUSE: Final = 30.0


class Store:
    """Reads and writes them as db_mode says. `loaded`: callbacks heard of the dialogs that the database had.

    The modules that own a dialog's parts need only `update`, `remove` and `tell_loaded`.
    """

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self.loaded = False
        self.mode = module.db_mode
        self.columns = Columns(module)
        #: Dialogs that wait for the database to come back, or for the next portion; an ordered set.
        self._waiting: dict[DialogCell, None] = {}
        self._gone: list[tuple[int, int]] = []  #: rows that wait to be deleted
        self._away = False
        self._pause = 1.0
        self._timer: Timer | None = None

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Open the database and load its dialogs; FixupError when the start must be refused."""
        module, columns = self.module, self.columns
        if self.mode == NONE:
            return
        if self.mode not in (REALTIME, DELAYED, SHUTDOWN):
            raise FixupError(f"db_mode must be from 0 to 3, not {self.mode}")
        if not module.db_url:
            raise FixupError(f"db_url not configured for db_mode {self.mode}")
        self.db = db = stores.bind(module.server, module.db_url)
        try:
            db.adopt(columns.table, "dialog", rename=columns.renamed())
            db.adopt(columns.vars_table, "dialog_vars", rename=columns.vars_renamed())
        except DatabaseError as error:
            raise FixupError(str(error)) from error
        db.check_version(columns.table, DIALOG_VERSION)
        db.check_version(columns.vars_table, VARS_VERSION)
        self._insert = db.prepare_insert(columns.table, columns.dialog)
        self._change = db.prepare_update(columns.table, columns.changing, columns.key)
        self._delete = db.prepare_delete(columns.table, columns.key)
        self._insert_var = db.prepare_insert(columns.vars_table, columns.vars)
        self._change_var = db.prepare_update(columns.vars_table, columns.vars[3:], columns.vars[:3])
        self._delete_var = db.prepare_delete(columns.vars_table, columns.vars[:3])
        self._delete_vars = db.prepare_delete(columns.vars_table, columns.vars_key)
        self.loader = Loader(module, db, columns)
        if not module.db_skip_load:
            self._load()
        if self.mode == DELAYED:
            module.server.timers.every(max(module.db_update_period, 1), self._periodic)

    def _load(self) -> None:
        try:
            self.loader.load()
            if self.mode == SHUTDOWN:
                # From now on the dialogs are in memory alone, and written again at the end.
                self.db.delete(self.columns.table)
                self.db.delete(self.columns.vars_table)
                for dlg in self.module.table:
                    dlg.stored = None
                    dlg.dflags |= FLAG_NEW
        except (DatabaseError, LoadError) as error:
            raise FixupError(f"unable to load the dialog data: {error}") from error

    def ready(self) -> None:
        """Tell who registered DLGCB_LOADED of the dialogs that were loaded."""
        if self.mode != NONE:
            for registered in self.module.callbacks.loaded:
                self.tell_loaded(registered)
        self.loaded = True

    def stop(self) -> None:
        """The server ends: write what db_mode has kept back."""
        mode, self.mode = self.mode, NONE
        if mode == NONE:
            return
        if self._timer is not None:
            self._timer.cancel()
        waiting = list(self._waiting if mode == REALTIME else self.module.table)
        try:
            self._delete_rows()
            self._write(waiting, again=self._away)
        except DatabaseError as error:
            left = sum(1 for dlg in waiting if dlg.dflags & _UNWRITTEN)
            self._error(f"{left} dialogs could not be saved: {error}")

    # -- for the other parts of the module ----------------------------------------------------------------------------
    def update(self, dlg: DialogCell) -> None:
        """`dlg` changed (FLAG_NEW, FLAG_CHANGED, FLAG_CHANGED_VARS): write it if db_mode says now.

        Takes away the flags of what was written. Never raises.
        """
        if self.mode != REALTIME or not dlg.dflags & _UNWRITTEN or not CONFIRMED_NA <= dlg.state < DELETED:
            return
        if self._away:
            self._waiting[dlg] = None
            return
        try:
            self._write([dlg])
        except DatabaseError as error:
            self._failed(error, [dlg])

    def remove(self, dlg: DialogCell) -> None:
        """The table forgot `dlg`: delete its rows. Never raises."""
        if self.mode not in (REALTIME, DELAYED):
            return
        waited = dlg in self._waiting
        if waited:
            del self._waiting[dlg]
        # One that came from another node may have rows that the other node wrote.
        if dlg.stored is None and not waited and not dlg.iflags & IFLAG_DMQ_SYNC:
            return
        key = (dlg.h_entry, dlg.h_id)
        if self._away:
            self._gone.append(key)
            return
        try:
            if dlg.stored or dlg.stored is None:
                with self.db.transaction():
                    self._delete_vars(key)
                    self._delete(key)
            else:
                self._delete(key)
        except DatabaseError as error:
            if error.lost:
                self._gone.append(key)
            self._failed(error, [])

    def tell_loaded(self, registered: DialogCallback) -> None:
        """Tell one that registered late (DLGCB_LOADED) of the dialogs that are there."""
        for dlg in self.module.table:
            registered.tell(DLGCB_LOADED, dlg, DialogParams())

    # -- writing --------------------------------------------------------------------------------------------------
    def _write(self, dialogs: list[DialogCell], *, again: bool = False) -> None:
        """Write what changed of these dialogs; `again`: a failed attempt came before, which may have had an effect.

        A statement that the database does not take costs its dialog only. Raises DatabaseError when it is lost.
        """
        dialogs = [dlg for dlg in dialogs if dlg.dflags & _UNWRITTEN and CONFIRMED_NA <= dlg.state < DELETED]
        for first in range(0, len(dialogs), _PORTION):
            portion = dialogs[first : first + _PORTION]
            try:
                self._write_portion(portion, again)
            except DatabaseError as error:
                if error.lost:
                    raise
                if len(portion) > 1:
                    for dlg in portion:
                        self._write([dlg], again=again)
                else:
                    dlg = portion[0]
                    self._error(f"dialog [{dlg.h_entry}:{dlg.h_id}] with Call-ID {dlg.callid} could not be saved")

    def _write_portion(self, dialogs: list[DialogCell], again: bool) -> None:
        now, profiles = int(self.module.server.timers.now), self.module.profiles
        new: list[list[Any]] = []
        changed: list[list[Any]] = []
        added: list[tuple[Any, ...]] = []
        altered: list[tuple[Any, ...]] = []
        dropped: list[tuple[Any, ...]] = []
        unsure: list[tuple[int, int]] = []
        for dlg in dialogs:
            key, flags = (dlg.h_entry, dlg.h_id), dlg.dflags
            if flags & (FLAG_NEW | FLAG_CHANGED):
                timeout, xdata = dlg.deadline or now + dlg.lifetime, profiles.to_json(dlg)
                if flags & FLAG_NEW and dlg.stored is None:
                    new.append(whole_row(dlg, timeout, xdata))
                    if again:
                        unsure.append(key)
                else:
                    changed.append(changed_row(dlg, timeout, xdata))
            if flags & FLAG_NEW or (flags & FLAG_CHANGED_VARS and dlg.stored is not None):
                old, variables = pairs(dlg.stored or ()), dlg.variables or {}
                for name, value in variables.items():
                    if name not in old:
                        added.append((*key, name, value))
                    elif old[name] != value:
                        altered.append((value, *key, name))
                dropped += [(*key, name) for name in old if name not in variables]
        if len(new) + len(changed) + len(added) + len(altered) + len(dropped) == 1:
            self._run(new, changed, added, altered, dropped, unsure)
        else:
            with self.db.transaction():
                self._run(new, changed, added, altered, dropped, unsure)
        for dlg in dialogs:
            # A dialog of another node has rows that this one does not know of.
            if dlg.dflags & FLAG_NEW or (dlg.dflags & FLAG_CHANGED_VARS and dlg.stored is not None):
                dlg.stored = flat(dlg.variables)
            dlg.dflags &= ~_UNWRITTEN

    def _run(
        self,
        new: list[list[Any]],
        changed: list[list[Any]],
        added: list[tuple[Any, ...]],
        altered: list[tuple[Any, ...]],
        dropped: list[tuple[Any, ...]],
        unsure: list[tuple[int, int]],
    ) -> None:
        self._delete.many(unsure)
        self._delete_vars.many(unsure)
        self._insert.many(new)
        self._change.many(changed)
        self._delete_var.many(dropped)
        self._change_var.many(altered)
        self._insert_var.many(added)

    def _delete_rows(self) -> None:
        """Delete the rows that could not be deleted when their dialogs ended."""
        gone = self._gone
        while gone:
            portion = gone[:_PORTION]
            with self.db.transaction():
                self._delete.many(portion)
                self._delete_vars.many(portion)
            del gone[: len(portion)]

    # -- later ----------------------------------------------------------------------------------------------------
    def _periodic(self) -> None:
        """db_mode 2: write what changed since the last time, a portion now and the rest between calls."""
        if self.mode != DELAYED:
            return
        for dlg in self.module.table:
            if dlg.dflags & _UNWRITTEN and CONFIRMED_NA <= dlg.state < DELETED:
                self._waiting[dlg] = None
        if self._waiting and not self._away and self._timer is None:
            self._flush()

    def _flush(self) -> None:
        """Write what waits; the first attempt after the database was lost as well as portions of many dialogs."""
        self._timer = None
        if self.mode == NONE:
            return
        portion = list(islice(self._waiting, _PORTION))
        try:
            if self._away:
                # Whatever was open is of no use: a file may have been replaced, a server restarted.
                self.db.close()
                self.db.connect()
            self._delete_rows()
            self._write(portion, again=self._away)
        except DatabaseError as error:
            self._lost(error)
            return
        for dlg in portion:
            self._waiting.pop(dlg, None)
        if self._away:
            self._away, self._pause = False, 1.0
            self.module.server.log.warning("dialog", "the database is back")
        if self._waiting:
            self._later(0.01)

    def _failed(self, error: DatabaseError, dialogs: list[DialogCell]) -> None:
        """Something could not be written; when the database is lost it is tried again later."""
        if error.lost:
            self._waiting.update(dict.fromkeys(dialogs))
            self._lost(error)
        else:
            self._error(f"the database refused a change: {error}")

    def _lost(self, error: DatabaseError) -> None:
        self._away = True
        self._error(f"the database is away, next attempt in {self._pause:g} s; calls go on")
        self._later(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _later(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.module.server.timers.after(seconds, self._flush)

    def _error(self, text: str) -> None:
        self.module.server.log.error("dialog", text)


def pairs(stored: tuple[str, ...]) -> dict[str, str]:
    """The inverse of `flat`."""
    return dict(zip(stored[::2], stored[1::2], strict=True))


class StoreFunctions(Parameters):
    """Declared here: dlg_db_load_callid, dlg_db_load_extra."""

    @function(Route.ANY, since="5.6")
    def dlg_db_load_callid(self, ctx: Context, callid: Str) -> bool:
        """Load the dialogs with a Call-ID from the database that are not in memory."""
        return self._load_more(callid)

    @function(Route.ANY, since="5.6")
    def dlg_db_load_extra(self, ctx: Context) -> bool:
        """Load all dialogs from the database that are not in memory."""
        return self._load_more(None)

    def _load_more(self, callid: str | None) -> bool:
        if self.store.mode not in (REALTIME, DELAYED):
            self.server.log.error("dialog", "invalid database handle")
            return False
        try:
            found = self.store.loader.load(callid, running=True)
        except (DatabaseError, LoadError) as error:
            self.server.log.error("dialog", f"unable to load the dialog data: {error}")
            return False
        for dlg in found:
            for registered in self.callbacks.loaded:
                registered.tell(DLGCB_LOADED, dlg, DialogParams())
        return True
