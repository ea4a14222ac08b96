"""Script functions about profiles (dialog manual 7.1 to 7.4, 7.15, 7.17)."""

from __future__ import annotations

from kamscript.modules.dialog.parameters import Parameters


class ProfileFunctions(Parameters):
    """Declared here: set_dlg_profile and its kin, dlg_set_timeout_by_profile, dlg_remote_profile."""
