"""RPC and MI commands (dialog manual 9, 10)."""

from __future__ import annotations

from kamscript.modules.dialog.parameters import Parameters


class Commands(Parameters):
    """Declared here: dlg.* and the MI commands of 4.x."""
