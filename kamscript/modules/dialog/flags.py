"""Flags that a script puts on dialogs, and properties of dialogs (dialog manual 7.5 to 7.7, 7.16).

Both can be set before the dialog exists: it takes what the context holds when it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.module import PvInt, Route, Str, function
from kamscript.modules.dialog.cell import FLAG_CHANGED, IFLAG_KA_DST, IFLAG_KA_SRC, IFLAG_TIMER_NORESET
from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell

_PROPERTIES: Final = {"ka-src": IFLAG_KA_SRC, "ka-dst": IFLAG_KA_DST, "timeout-noreset": IFLAG_TIMER_NORESET}


class Flags(Parameters):
    """Declared here: dlg_setflag, dlg_resetflag, dlg_isflagset, dlg_set_property, dlg_reset_property."""

    @function(Route.ANY)
    def dlg_setflag(self, ctx: Context, flag: PvInt) -> bool:
        """Set a flag (0 to 31) of the current dialog, or of the one to come."""
        if not 0 <= flag <= 31:
            return False
        self.context.flags |= 1 << flag
        dlg = self.context.current()
        if dlg is not None:
            dlg.sflags |= 1 << flag
            self._keep(dlg)
        return True

    @function(Route.ANY)
    def dlg_resetflag(self, ctx: Context, flag: PvInt) -> bool:
        """Clear a flag (0 to 31) of the current dialog, or of the one to come."""
        if not 0 <= flag <= 31:
            return False
        self.context.flags &= ~(1 << flag)
        dlg = self.context.current()
        if dlg is not None:
            dlg.sflags &= ~(1 << flag)
            self._keep(dlg)
        return True

    @function(Route.ANY)
    def dlg_isflagset(self, ctx: Context, flag: PvInt) -> bool:
        """Whether a flag (0 to 31) of the current dialog, or of the one to come, is set."""
        if not 0 <= flag <= 31:
            return False
        dlg = self.context.current()
        return bool((self.context.flags if dlg is None else dlg.sflags) & 1 << flag)

    def _keep(self, dlg: DialogCell) -> None:
        """Write the flags to the database; before 6.x they got there when something else changed as well."""
        if self.db_mode and self.server.target not in ("4.4", "5.6"):
            dlg.dflags |= FLAG_CHANGED
            self.store.update(dlg)

    @function(Route.ANY)
    def dlg_set_property(self, ctx: Context, name: Str) -> bool:
        """Let the dialog send keepalives to a side (`ka-src`, `ka-dst`), or keep its timeout (`timeout-noreset`)."""
        bit = self._property(name)
        self.context.iflags |= bit
        dlg = self.context.current()
        if dlg is not None:
            dlg.iflags |= bit
        return bit != 0

    @function(Route.ANY, since="5.6")
    def dlg_reset_property(self, ctx: Context, name: Str) -> bool:
        """Take back what dlg_set_property() did."""
        bit = self._property(name)
        self.context.iflags &= ~bit
        dlg = self.context.current()
        if dlg is not None:
            dlg.iflags &= ~bit
        return bit != 0

    def _property(self, name: str) -> int:
        bit = _PROPERTIES.get(name, 0)
        if not bit:
            problem = f"unknown property value [{name}]" if name else "empty property value"
            self.server.log.error("dialog", problem)
        return bit
