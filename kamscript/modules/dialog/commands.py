"""The RPC commands dlg.* (dialog/dialog.c): what kamcmd and JSON-RPC clients see of calls, and do to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.core.environment import FileWriter
from kamscript.core.rpc import Rpc, missing, no_argument
from kamscript.module import rpc
from kamscript.modules._regex import regcomp
from kamscript.modules.dialog.cell import CONFIRMED, DELETED, FLAG_CHANGED, UNCONFIRMED, DialogCell
from kamscript.modules.dialog.mi import DialogMi

if TYPE_CHECKING:
    from kamscript.modules.dialog.profiles import Profile

#: A text that may come as a number; a plain `str` may not.
Text = str | int | float
Condition = Callable[[DialogCell], bool]

_KEYS: dict[str, Callable[[DialogCell], str | int]] = {
    "ruri": lambda dlg: dlg.req_uri,
    "furi": lambda dlg: dlg.from_uri,
    "turi": lambda dlg: dlg.to_uri,
    "callid": lambda dlg: dlg.callid,
    "start_ts": lambda dlg: dlg.start_ts,
}


def _text(value: Text) -> str:
    return f"{value:f}" if isinstance(value, float) else str(value)


class Commands(DialogMi):
    """The commands; those of MI stand in `mi.py`."""

    # -- showing ------------------------------------------------------------------------------------------------------
    @rpc("dlg.list")
    def rpc_list(self, rpc: Rpc) -> None:
        """Show all dialogs."""
        for dlg in self.table:
            rpc.add(self.listing.struct(dlg))

    @rpc("dlg.list_ctx")
    def rpc_list_ctx(self, rpc: Rpc) -> None:
        """Show all dialogs, with what other modules know of them."""
        for dlg in self.table:
            rpc.add(self.listing.struct(dlg, context=True))

    @rpc("dlg.dlg_list")
    def rpc_dlg_list(self, rpc: Rpc, callid: str | int | float, from_tag: str | int | float | None = None) -> None:
        """Show the dialogs with a Call-ID, perhaps of one caller's tag."""
        self._list_call(rpc, callid, from_tag, context=False)

    @rpc("dlg.dlg_list_ctx")
    def rpc_dlg_list_ctx(self, rpc: Rpc, callid: str | int | float, from_tag: str | int | float | None = None) -> None:
        """The same, with what other modules know of them."""
        self._list_call(rpc, callid, from_tag, context=True)

    def _list_call(self, rpc: Rpc, callid: Text, from_tag: Text | None, *, context: bool) -> None:
        if from_tag is None and self.listing.old:
            raise no_argument(1, "any")
        tag = None if from_tag is None else _text(from_tag)
        for dlg in self.table.by_callid(_text(callid)):
            if tag is None or dlg.caller.tag == tag:
                rpc.add(self.listing.struct(dlg, context=context))

    @rpc("dlg.list_match", since="5.6")
    @missing(500, "Invalid parameters")
    def rpc_list_match(self, rpc: Rpc, key: str, operator: str, value: str, count: int = 0) -> None:
        """Show the dialogs whose ruri, furi, turi, callid or start_ts matches (eq, re, sw; gt, lt), `count` at most."""
        self._list_match(rpc, key, operator, value, count, context=False)

    @rpc("dlg.list_match_ctx", since="5.6")
    @missing(500, "Invalid parameters")
    def rpc_list_match_ctx(self, rpc: Rpc, key: str, operator: str, value: str, count: int = 0) -> None:
        """The same, with what other modules know of them."""
        self._list_match(rpc, key, operator, value, count, context=True)

    def _list_match(self, rpc: Rpc, key: str, operator: str, value: str, count: int, *, context: bool) -> None:
        condition = _condition(rpc, key, operator, value)
        found = 0
        for dlg in self.table:
            if condition(dlg):
                rpc.add(self.listing.struct(dlg, context=context))
                found += 1
                if found == count:
                    break
        if not found:
            raise rpc.fault(404, "Not found")

    @rpc("dlg.briefing", since="5.6")
    def rpc_briefing(self, rpc: Rpc, fields: str | None = None) -> None:
        """Show some members of all dialogs: f, t: URIs; c: Call-ID; F, T: tags; I, S, E: times; s: state."""
        for dlg in self.table:
            rpc.add(self.listing.brief(dlg, "ftcFT" if fields is None else fields))
        if fields is None and not rpc.answer and rpc.mistyped is None:
            raise no_argument(0, "str")  # which the command overlooks as soon as it has something to show

    @rpc("dlg.stats_active", since="5.6")
    def rpc_stats_active(self, rpc: Rpc, own: int = 0) -> None:
        """Count dialogs by state; `own`: those that came in here."""
        counts = [0] * (DELETED + 1)
        for dlg in self.table:
            if not own or dlg.caller.socket is not None:
                counts[dlg.state] += 1
        starting, connecting, answering, ongoing = counts[UNCONFIRMED:DELETED]
        rpc.struct(
            starting=starting,
            connecting=connecting,
            answering=answering,
            ongoing=ongoing,
            all=starting + connecting + answering + ongoing,
        )

    @rpc("dlg.dump_file", since="5.6")
    def rpc_dump_file(self, rpc: Rpc, path: str | int | float) -> None:
        """Append all dialogs to a file, a line of JSON each."""
        files = self.server.environment.files
        try:
            if not isinstance(files, FileWriter):
                raise OSError("files cannot be written here")
            files.append(_text(path), "".join(f"{self.listing.line(dlg)}\n" for dlg in self.table))
        except (OSError, ValueError) as error:
            self.server.log.error("dialog", f"failed to open output file: {_text(path)} ({error})")

    # -- profiles -----------------------------------------------------------------------------------------------------
    @rpc("dlg.profile_get_size")
    def rpc_profile_get_size(
        self, rpc: Rpc, profile: str | int | float, value: str | int | float | None = None
    ) -> None:
        """Count the dialogs in a profile, perhaps with a value."""
        rpc.add(self._profile(rpc, profile).size(None if value is None else _text(value)))

    @rpc("dlg.profile_list")
    def rpc_profile_list(self, rpc: Rpc, profile: str | int | float, value: str | int | float | None = None) -> None:
        """Show the dialogs in a profile, perhaps with a value."""
        for dlg in self._profile(rpc, profile).members(None if value is None else _text(value)):
            rpc.add(self.listing.struct(dlg))

    def _profile(self, rpc: Rpc, name: Text) -> Profile:
        profile = self.profiles.find(_text(name))
        if profile is None:
            raise rpc.fault(404, f"Profile not found: {_text(name)}")
        return profile

    # -- one call -----------------------------------------------------------------------------------------------------
    @rpc("dlg.is_alive", since="5.6")
    @missing(400, "Too few parameters (required callid, from-tag, to-tag)")
    def rpc_is_alive(
        self, rpc: Rpc, callid: str | int | float, from_tag: str | int | float, to_tag: str | int | float
    ) -> str:
        """Whether a dialog is confirmed; a fault otherwise."""
        dlg = self._search(callid, from_tag, to_tag)
        if dlg is None:
            raise rpc.fault(404, "Dialog not found")
        if dlg.state != CONFIRMED:
            raise rpc.fault(500, "Dialog not in confirmed state")
        return "Alive"

    @rpc("dlg.end_dlg")
    @missing(500, "Invalid parameters")
    def rpc_end_dlg(self, rpc: Rpc, h_entry: int, h_id: int, headers: str = "") -> None:
        """End the call at a slot and number: BYE to both sides, perhaps with more headers."""
        dlg = self.table.lookup(h_entry & 0xFFFFFFFF, h_id & 0xFFFFFFFF)
        if dlg is None:
            raise rpc.fault(404, "Dialog not found")
        self._bye(dlg, headers)

    def _bye(self, dlg: DialogCell, headers: str = "") -> bool:
        """End a call; event routes see that the command refers to it meanwhile."""
        dlg.ref += 1
        sent = self.requests.bye_all(dlg, headers)
        self.table.unref(dlg)
        return sent

    @rpc("dlg.terminate_dlg", since="5.6")
    @missing(400, "Need a Callid ,from tag ,to tag")
    def rpc_terminate_dlg(
        self, rpc: Rpc, callid: str | int | float, from_tag: str | int | float, to_tag: str | int | float
    ) -> None:
        """End the call with a Call-ID and both tags: BYE to both sides."""
        dlg = self._search(callid, from_tag, to_tag)
        if dlg is None:
            self.server.log.error("dialog", f"Couldnt find callid in dialog '{_text(callid)}' ")
            raise rpc.fault(500, "Couldnt find callid in dialog")
        if self._bye(dlg):
            self.server.log.warning("dialog", f"Dialog is terminated callid: '{dlg.callid}' ")
        else:
            dlg.ref += 1  # Kamailio keeps the reference it took: the dialog stays until end_timeout

    @rpc("dlg.set_state", since="5.6")
    @missing(400, "Need the callid, from tag,to tag and state")
    def rpc_set_state(
        self, rpc: Rpc, callid: str | int | float, from_tag: str | int | float, to_tag: str | int | float, state: int
    ) -> str:
        """Move a dialog into a state by force."""
        if not UNCONFIRMED <= state <= DELETED:
            raise rpc.fault(500, "Invalid state value")
        dlg = self._search(callid, from_tag, to_tag)
        if dlg is None:
            raise rpc.fault(500, "Dialog not found")
        log, old = self.server.log, dlg.state
        if (old, state) != (CONFIRMED, DELETED):
            log.warning(
                "dialog",
                "updating states for not confirmed dialogs not properly supported yet, use at own risk: "
                f"'{dlg.callid}'",
            )
        dlg.state = state
        dlg.dflags |= FLAG_CHANGED
        if (old, state) == (CONFIRMED, DELETED):
            # The rest, its timer too, is left to the clean-up after end_timeout.
            dlg.init_ts = dlg.end_ts = int(self.server.timers.now)
            if self.enable_stats:
                self.active.value -= 1
        log.notice("dialog", f"dialog callid '{dlg.callid}' - state change forced - old: {old} - new: {state}")
        return "Done"

    def _search(self, callid: Text, from_tag: Text, to_tag: Text) -> DialogCell | None:
        return self.table.search(_text(callid), _text(from_tag), _text(to_tag))[0]

    # -- new calls ----------------------------------------------------------------------------------------------------
    @rpc("dlg.bridge_dlg")
    @missing(500, "Invalid parameters")
    def rpc_bridge(self, rpc: Rpc, from_: str, to: str, outbound: str = "", body: str = ".") -> None:
        """Call one address and refer it to another, perhaps through a proxy (`.`: none) and with a body."""
        sdp: str | None = body
        if body == "." and not (self.listing.old and len(rpc.arguments) > 3):
            sdp = None
        elif body == "_" and not self.listing.old:
            sdp = ""
        self.requests.bridge(from_, to, "" if outbound == "." else outbound, sdp)


def _condition(rpc: Rpc, key: str, operator: str, value: str) -> Condition:
    """What `dlg.list_match` asks of a dialog; raises the fault for what makes no sense."""
    if not (key and operator and value):
        raise rpc.fault(500, "Invalid parameters")
    read = _KEYS.get(key)
    if read is None:
        raise rpc.fault(500, "Invalid matching key parameter")
    if operator not in ("eq", "re", "sw", "gt", "lt"):
        raise rpc.fault(500, "Invalid matching operator parameter")
    expression = regcomp(value) if operator == "re" else None
    if operator == "re" and expression is None:
        raise rpc.fault(500, "Invalid matching value parameter")
    if key == "start_ts":
        if operator not in ("gt", "lt"):
            raise rpc.fault(500, "Matching operator not supported with start_ts key")
        return _started(operator, value)
    if operator in ("gt", "lt"):
        raise rpc.fault(500, "Matching operator not supported")
    if expression is not None:
        return lambda dlg: expression.test(str(read(dlg)))
    if operator == "sw":
        return lambda dlg: str(read(dlg)).startswith(value)
    return lambda dlg: read(dlg) == value


def _started(operator: str, value: str) -> Condition:
    digits = value.lstrip("0") or "0"
    if not (value.isascii() and value.isdigit() and len(digits) <= 10 and int(digits) <= 0xFFFFFFFF):
        return lambda dlg: False
    limit = int(digits)
    if operator == "gt":
        return lambda dlg: dlg.start_ts > limit
    return lambda dlg: dlg.start_ts < limit
