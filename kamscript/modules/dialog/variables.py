"""$dlg_var(...), $dlg(...), $dlg_ctx(...), $DLG_*, dialog flags and properties (dialog/dlg_var.c)."""

from __future__ import annotations

from kamscript.modules.dialog.parameters import Parameters


class Variables(Parameters):
    """Declared here: the pseudo-variables; dlg_setflag and its kin, dlg_set_property, dlg_get_var, dlg_set_var."""
