"""dialog: calls, not only transactions (dialog manual; the specification is its 4.x edition).

`cell.py` is one dialog, `table.py` all of them, `states.py` how they move, `tracking.py` what messages do to them,
`expiry.py` when they end by themselves. On these stand `variables.py`, `profiles.py`, `requests.py` (what this server
sends within a call), `store.py` (databases) and `commands.py` (RPC and MI).

The methods of `Dialog` without decorator are what other modules use (dialog/dlg_load.h)::

    dialog = self.server.module("dialog")
    dialog.register_dlgcb(None, DLGCB_CREATED, self._created)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.module import FixupError
from kamscript.modules.dialog.callbacks import (
    DLGCB_CREATED,
    DLGCB_DESTROY,
    DLGCB_LOADED,
    DialogCallback,
    DialogFunction,
    DialogParams,
    GlobalCallbacks,
    run_callbacks,
)
from kamscript.modules.dialog.cell import DialogCell
from kamscript.modules.dialog.commands import Commands
from kamscript.modules.dialog.context import DialogContext
from kamscript.modules.dialog.dmq import Replication, ReplicationFunctions
from kamscript.modules.dialog.expiry import Expiry
from kamscript.modules.dialog.flags import Flags
from kamscript.modules.dialog.listing import Listing
from kamscript.modules.dialog.manage import Manage
from kamscript.modules.dialog.profile_functions import ProfileFunctions
from kamscript.modules.dialog.profiles import Profiles
from kamscript.modules.dialog.requests import RequestFunctions, Requests
from kamscript.modules.dialog.store import Store, StoreFunctions
from kamscript.modules.dialog.table import DialogTable
from kamscript.modules.dialog.tracking import Tracking
from kamscript.modules.dialog.variables import Variables

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

__all__ = ["Dialog"]

#: The longest name of the cookie's parameter.
MAX_RR_PARAM = 32
#: The highest message flag.
MAX_FLAG = 31


class Dialog(
    Manage,
    Variables,
    Flags,
    ProfileFunctions,
    RequestFunctions,
    StoreFunctions,
    ReplicationFunctions,
    Commands,
    name="dialog",
    requires=("tm", "rr", "pv"),
    after=("tm",),
):
    """Keep state per call: count calls, time them out, attach variables, end them."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.context = DialogContext()

    def start(self) -> None:
        """Check the parameters, make the empty table, take a place on the way of requests and replies."""
        server = self.server
        server.module("pv")  # Kamailio's dialog reads $ru by it
        self._check()
        self.statistics_shown = bool(self.enable_stats)
        self.callbacks = GlobalCallbacks()
        self.table = DialogTable(
            self._slots(),
            id_start=server.settings["server_id"] if self.h_id_start == -1 else max(self.h_id_start, 0),
            id_step=max(self.h_id_step, 1),
            chance=server.environment.chance,
            destroyed=self._destroyed,
        )
        self.tracking = Tracking(self)
        self.expiry = Expiry(server.timers, self.tracking.expired)
        self.profiles = Profiles(self)
        self.requests = Requests(self)
        self.listing = Listing(self)
        self.store = Store(self)
        self.replication = Replication(self) if self.enable_dmq > 0 else None
        self.store.start()

    def _check(self) -> None:
        """Refuse what Kamailio refuses when it starts (mod_init); a `check` of a parameter says the rest."""
        flag = self.dlg_flag
        if not -1 <= flag <= MAX_FLAG:
            raise FixupError(f"dlg_flag must be a message flag from 0 to {MAX_FLAG}, or -1 for none, not {flag}")
        if not self.rr_param:
            raise FixupError("rr_param must not be empty: it names a parameter in Record-Route")
        if len(self.rr_param) > MAX_RR_PARAM:
            raise FixupError(f"rr_param must have at most {MAX_RR_PARAM} characters, not {len(self.rr_param)}")
        if not self.ruri_pvar:
            raise FixupError("ruri_pvar must not be empty; without it the request URI is $ru")

    def _slots(self) -> int:
        size = self.hash_size
        if size < 1:
            self.server.log.warning("dialog", f"hash_size is smaller then 1  -> rounding from {size} to 1")
            return 1
        rounded = 1 << size.bit_length() - 1
        if rounded != size:
            self.server.log.warning(
                "dialog", f"hash_size is not a power of 2 as it should be -> rounding from {size} to {rounded}"
            )
        return rounded

    def ready(self) -> None:
        """Tell of the dialogs that the database had; begin to send keepalives and to look for forgotten dialogs."""
        self.store.ready()
        self.requests.ready()
        self.tracking.ready()

    def stop(self) -> None:
        """Write what must be kept."""
        self.store.stop()

    def _destroyed(self, dlg: DialogCell) -> None:
        """The table forgot `dlg`."""
        self.expiry.clear(dlg)
        run_callbacks(DLGCB_DESTROY, dlg, DialogParams())
        self.store.remove(dlg)
        if self.replication is not None:
            self.replication.removed(dlg)
        self.profiles.leave_all(dlg)

    # -- for other modules ----------------------------------------------------------------------------------------
    def register_dlgcb(self, dlg: DialogCell | None, types: int, callback: DialogFunction, param: Any = None) -> None:
        """Hear DLGCB_* events of `dlg`; DLGCB_CREATED or DLGCB_LOADED, each alone and with None, of all dialogs.

        Raises ValueError for a combination that makes no sense.
        """
        registered = DialogCallback(types, callback, param, self.server.report)
        if types & (DLGCB_LOADED | DLGCB_CREATED):
            if types not in (DLGCB_LOADED, DLGCB_CREATED):
                raise ValueError("DLGCB_LOADED and DLGCB_CREATED are registered alone")
            if types == DLGCB_CREATED:
                self.callbacks.created.insert(0, registered)
            else:
                if self.store.loaded:
                    self.store.tell_loaded(registered)
                self.callbacks.loaded.insert(0, registered)
            return
        if dlg is None:
            raise ValueError("this type of callback belongs to a dialog")
        if dlg.callbacks is None:
            dlg.callbacks = []
        dlg.callbacks.append(registered)
        dlg.callback_types |= types

    def terminate_dlg(self, dlg: DialogCell, headers: str = "") -> bool:
        """End a confirmed call: BYE to both sides, with `headers` (each with CRLF). False: it is not confirmed."""
        return self.requests.bye_all(dlg, headers)

    def get_dlg(self, ctx: Context) -> DialogCell | None:
        """The dialog of the current message (get_dlg)."""
        return self.tracking.of_message(ctx)
