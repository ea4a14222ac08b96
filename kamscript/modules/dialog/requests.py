"""Requests of this server within a call: BYE and others (dialog/dlg_req_within.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell


class Requests:
    """Sends them."""

    def __init__(self, module: Parameters) -> None:
        self.module = module

    def ready(self) -> None:
        """Begin to send keepalives, when ka_timer and ka_interval say so."""

    def bye(self, dlg: DialogCell, side: int, headers: str = "") -> bool:
        """Send BYE to one leg (CALLER, CALLEE); False: it could not be sent (dlg_bye)."""
        return False

    def bye_all(self, dlg: DialogCell, headers: str = "") -> bool:
        """Send BYE to both legs; False: the dialog is not confirmed, or a BYE could not be sent (dlg_bye_all)."""
        return False


class RequestFunctions(Parameters):
    """Declared here: dlg_bye, dlg_refer, dlg_bridge, dlg_req_within."""
