"""Requests of this server within a call: BYE and others (dialog/dlg_req_within.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell


class Requests:
    """Sends them."""

    def __init__(self, module: Parameters) -> None:
        self.module = module

    def ready(self) -> None:
        """Begin to send keepalives, when ka_timer and ka_interval say so; follow CSeq numbers, when asked."""

    def bye(self, dlg: DialogCell, side: int, headers: str = "") -> bool:
        """Send BYE to one leg (CALLER, CALLEE); False: it could not be sent (dlg_bye)."""
        return False

    def bye_all(self, dlg: DialogCell, headers: str = "") -> bool:
        """Send BYE to both legs; False: the dialog is not confirmed, or a BYE could not be sent (dlg_bye_all)."""
        return False

    def confirmed(self, dlg: DialogCell) -> None:
        """The ACK came (state CONFIRMED for the first time): keepalives begin if `dlg` asks for them (dlg_ka_add)."""

    def refresh_cseq(self, ctx: Context, dlg: DialogCell, direction: int) -> None:
        """A request within `dlg` came (dlg_onroute, when IFLAG_CSEQ_DIFF is set): raise its CSeq downstream."""

    def bridge(self, from_: str, to: str, outbound: str = "") -> bool:
        """Call `from_`, put it on hold and refer it to `to` (dlg_bridge); False: the INVITE could not be sent."""
        return False

    def transfer(self, dlg: DialogCell, to: str, side: int) -> bool:
        """Refer one leg of `dlg` (CALLER, CALLEE) to `to` (dlg_transfer); False: the REFER could not be sent."""
        return False


class RequestFunctions(Parameters):
    """Declared here: dlg_bye, dlg_refer, dlg_bridge, dlg_req_within."""
