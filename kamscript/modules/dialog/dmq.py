"""Dialogs shared with the other nodes of a DMQ bus (dialog/dlg_dmq.c): each node knows the calls of all.

`module.replication` is None unless `enable_dmq` is set, so a server without a bus pays one attribute look-up::

    if (replication := self.module.replication) is not None:
        replication.state(dlg)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.cell import IFLAG_DMQ_SYNC
from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell


class Replication:
    """Tells the other nodes of dialogs, and takes in what they tell."""

    def __init__(self, module: Parameters) -> None:
        self.module = module

    def update(self, dlg: DialogCell) -> None:
        """The INVITE of `dlg` is about to leave (TMCB_REQUEST_FWDED, every branch): the others learn of it.

        Sent once, and again when its profiles changed meanwhile (FLAG_CHANGED_PROF).
        """

    def state(self, dlg: DialogCell) -> None:
        """`dlg` moved to a higher state: by a reply, a request within it, or its timeout. Call it after each move."""

    def removed(self, dlg: DialogCell) -> None:
        """The table forgot `dlg` (`Dialog._destroyed`, behind DLGCB_DESTROY): so do the others."""

    def shared(self, dlg: DialogCell) -> bool:
        """Whether the other nodes know `dlg` (IFLAG_DMQ_SYNC)."""
        return bool(dlg.iflags & IFLAG_DMQ_SYNC)


class ReplicationFunctions(Parameters):
    """Declared here: dlg_remove_dialogs_from_node."""
