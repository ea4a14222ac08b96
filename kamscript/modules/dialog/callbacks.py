"""The events of a dialog that other modules can hear about (dialog manual, chapter 2; dialog/dlg_cb.h).

    dialog = self.server.module("dialog")
    dialog.register_dlgcb(None, DLGCB_CREATED, self._created)

A callback is `(dlg, kind, params)`: `kind` is the one DLGCB_* bit that happened. DLGCB_CREATED and DLGCB_LOADED are
heard for every dialog and registered without one; all others belong to one dialog.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.modules.dialog.cell import DIR_NONE

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.sip.message import Message

DLGCB_LOADED = 1 << 0  #: read from the database; heard at registration for those that are there already
DLGCB_CREATED = 1 << 1  #: a dialog was made
DLGCB_FAILED = 1 << 2  #: the INVITE got a negative reply
DLGCB_CONFIRMED_NA = 1 << 3  #: the INVITE got a 2xx, the ACK is pending
DLGCB_CONFIRMED = 1 << 4  #: the ACK came
DLGCB_REQ_WITHIN = 1 << 5  #: a request within the dialog came
DLGCB_TERMINATED = 1 << 6  #: a BYE came
DLGCB_EXPIRED = 1 << 7  #: the lifetime ended without a BYE; `data` True: the call was confirmed
DLGCB_EARLY = 1 << 8  #: a provisional reply came
DLGCB_RESPONSE_FWDED = 1 << 9  #: a reply to the INVITE is about to be sent upstream
DLGCB_RESPONSE_WITHIN = 1 << 10  #: a reply to a request within the dialog is about to be sent on
DLGCB_MI_CONTEXT = 1 << 11  #: the MI command dlg_list_ctx runs: `data` is the kamscript.core.mi.Node to add to
DLGCB_RPC_CONTEXT = 1 << 12  #: dlg.list_ctx runs: `data` is the kamscript.core.rpc.Struct to add to
DLGCB_DESTROY = 1 << 13  #: the table forgets the dialog
DLGCB_SPIRALED = 1 << 14  #: the INVITE came again
DLGCB_TERMINATED_CONFIRMED = 1 << 15  #: the BYE was answered


class DialogParams:
    """What a callback is told: the messages concerned (None: none), the direction, what was registered.

    `ctx` is the running context, None when no message led here (timers, RPC).
    """

    __slots__ = ("ctx", "data", "direction", "param", "reply", "request")

    def __init__(
        self,
        ctx: Context | None = None,
        request: Message | None = None,
        reply: Message | None = None,
        direction: int = DIR_NONE,
        data: Any = None,
    ) -> None:
        self.ctx, self.request, self.reply, self.direction, self.data = ctx, request, reply, direction, data
        self.param: Any = None


DialogFunction = Callable[["DialogCell", int, DialogParams], object]


class DialogCallback(NamedTuple):
    """One registration. `report` hears of what the callback raises: a call never ends for the error of a listener."""

    types: int
    callback: DialogFunction
    param: Any
    report: Callable[[BaseException], object]

    def tell(self, kind: int, dlg: DialogCell, params: DialogParams) -> None:
        """Call it."""
        params.param = self.param
        try:
            self.callback(dlg, kind, params)
        except Exception as error:
            self.report(error)


class GlobalCallbacks:
    """Who hears of every dialog's creation and loading."""

    def __init__(self) -> None:
        self.created: list[DialogCallback] = []
        self.loaded: list[DialogCallback] = []


def run_callbacks(kind: int, dlg: DialogCell, params: DialogParams) -> None:
    """Tell those who asked for `kind` of this dialog, the last registered first as in Kamailio."""
    if dlg.callback_types & kind and dlg.callbacks:
        for registered in reversed(dlg.callbacks):
            if registered.types & kind:
                registered.tell(kind, dlg, params)
