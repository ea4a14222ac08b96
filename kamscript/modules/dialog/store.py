"""Dialogs in a database, in Kamailio's own tables (dialog/dlg_db_handler.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.modules.dialog.callbacks import DialogCallback
    from kamscript.modules.dialog.cell import DialogCell


class Store:
    """Reads and writes them as db_mode says. `loaded`: the dialogs of the database were loaded."""

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self.loaded = False

    def ready(self) -> None:
        """Load what the database holds; begin to write."""
        self.loaded = True

    def stop(self) -> None:
        """The server ends."""

    def update(self, dlg: DialogCell) -> None:
        """`dlg` changed (FLAG_NEW, FLAG_CHANGED, FLAG_CHANGED_VARS): write it if db_mode says now."""

    def remove(self, dlg: DialogCell) -> None:
        """The table forgot `dlg`: delete its rows."""

    def tell_loaded(self, registered: DialogCallback) -> None:
        """Tell one that registered late (DLGCB_LOADED) of the dialogs that are there."""


class StoreFunctions(Parameters):
    """Declared here: dlg_db_load_callid, dlg_db_load_extra."""
