"""Profiles: tables that dialogs are put into, to be counted (dialog/dlg_profile.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell


class Membership:
    """One dialog in one profile, perhaps with a value."""


class Profiles:
    """All profiles of one server."""

    def __init__(self, module: Parameters) -> None:
        self.module = module

    def leave_all(self, dlg: DialogCell) -> None:
        """Take `dlg` out of every profile."""


class ProfileFunctions(Parameters):
    """Declared here: set_dlg_profile and its kin, dlg_set_timeout_by_profile, dlg_remote_profile."""
