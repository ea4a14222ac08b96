"""What messages do to dialogs (dialog/dlg_handlers.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.parameters import Parameters


class Tracking:
    """Makes dialogs, moves them through their states, runs callbacks and event routes, ends what expired."""

    def __init__(self, module: Parameters) -> None:
        self.module = module

    def ready(self) -> None:
        """Begin to look for dialogs that never got anywhere (early_timeout, noack_timeout, end_timeout)."""

    def of_message(self, ctx: Context) -> DialogCell | None:
        """The dialog of the context, else the one that the message's elements match (dlg_get_msg_dialog)."""
        return None

    def expired(self, dlg: DialogCell) -> None:
        """The lifetime of `dlg` is over."""
