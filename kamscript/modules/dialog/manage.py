"""Script functions that track calls: dlg_manage() and what looks at or changes the current dialog."""

from __future__ import annotations

from kamscript.modules.dialog.parameters import Parameters


class Manage(Parameters):
    """Declared here: dlg_manage, is_known_dlg, dlg_get, dlg_set_timeout, dlg_set_ruri, dlg_set_state, dlg_update_*."""
