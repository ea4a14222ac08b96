"""callwatch: a module of one's own on top of dialog.

It keeps a diary of each call, shows it as `$callwatch(diary)`, in `dlg.list_ctx` and by the command `callwatch.diary`,
and ends calls that are talked to too often. As an installed package it would name itself an entry point::

    [project.entry-points."kamscript.modules"]
    callwatch = "callwatch:CallWatch"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import Accessor, FixupError, Module, Param, PvRef, Statistic, pv_class, rpc
from kamscript.modules.dialog.callbacks import (
    DLGCB_CONFIRMED,
    DLGCB_CONFIRMED_NA,
    DLGCB_CREATED,
    DLGCB_DESTROY,
    DLGCB_EARLY,
    DLGCB_EXPIRED,
    DLGCB_FAILED,
    DLGCB_LOADED,
    DLGCB_REQ_WITHIN,
    DLGCB_RESPONSE_FWDED,
    DLGCB_RESPONSE_WITHIN,
    DLGCB_RPC_CONTEXT,
    DLGCB_SPIRALED,
    DLGCB_TERMINATED,
    DLGCB_TERMINATED_CONFIRMED,
    DialogParams,
)

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.values import Value

#: What the diary calls each event.
WORDS = {
    DLGCB_LOADED: "loaded",
    DLGCB_CREATED: "created",
    DLGCB_SPIRALED: "spiraled",
    DLGCB_EARLY: "ringing",
    DLGCB_RESPONSE_FWDED: "reply",
    DLGCB_CONFIRMED_NA: "answered",
    DLGCB_CONFIRMED: "acknowledged",
    DLGCB_REQ_WITHIN: "request",
    DLGCB_RESPONSE_WITHIN: "reply within",
    DLGCB_FAILED: "failed",
    DLGCB_TERMINATED: "hung up",
    DLGCB_TERMINATED_CONFIRMED: "hang-up answered",
    DLGCB_EXPIRED: "expired",
    DLGCB_DESTROY: "gone",
}
#: What a dialog can tell of itself; creation and loading are told of every dialog.
OF_A_DIALOG = sum(kind for kind in WORDS if kind not in (DLGCB_LOADED, DLGCB_CREATED))


class CallWatch(Module, name="callwatch", requires=("dialog",)):
    """Keep a diary of each call; end those that are talked to too often."""

    max_requests = Param(0, "Requests within a call before it is ended; 0: any number.")
    ended = Statistic("ended_calls", "Calls that this module ended.")

    def start(self) -> None:
        """Ask dialog for every call, made or loaded."""
        self.dialog = self.server.module("dialog")
        self.diaries: dict[str, list[str]] = {}
        self.dialog.register_dlgcb(None, DLGCB_CREATED, self._begin)
        self.dialog.register_dlgcb(None, DLGCB_LOADED, self._begin)

    def _begin(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        diary = self.diaries[dlg.callid] = [WORDS[kind]]
        self.dialog.register_dlgcb(dlg, OF_A_DIALOG, self._write, diary)
        self.dialog.register_dlgcb(dlg, DLGCB_RPC_CONTEXT, self._show, diary)

    def _write(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        diary: list[str] = params.param
        diary.append(WORDS[kind])
        if kind == DLGCB_REQ_WITHIN and self.max_requests and diary.count("request") > self.max_requests:
            self.ended.value += 1
            self.dialog.terminate_dlg(dlg, 'Reason: SIP;cause=486;text="too busy"\r\n')

    def _show(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        params.data.add("diary", ", ".join(params.param))

    @pv_class("callwatch")
    def variable(self, ref: PvRef) -> Accessor:
        """`$callwatch(diary)`: what happened in the current call so far; null outside one."""
        if ref.inner != "diary":
            raise FixupError(f"unknown $callwatch({ref.inner}): only diary")

        def read(ctx: Context) -> Value:
            dlg = self.dialog.get_dlg(ctx)
            return ", ".join(self.diaries.get(dlg.callid, [])) if dlg else None

        return Accessor(read)

    @rpc("callwatch.diary")
    def diary(self, rpc: Rpc, callid: str) -> None:
        """What happened in the call with this Call-ID, also after its end."""
        if callid not in self.diaries:
            rpc.fault(404, "no such call")
            return
        for entry in self.diaries[callid]:
            rpc.add(entry)
