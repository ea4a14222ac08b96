"""How a dialog looks to operators: RPC structs, lines of JSON, MI nodes (dialog/dialog.c, 4.4: dialog/dlg_hash.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.core.mi import Node
from kamscript.core.rpc import Struct
from kamscript.modules._json import Object, write
from kamscript.modules.dialog.callbacks import DLGCB_MI_CONTEXT, DLGCB_RPC_CONTEXT, DialogParams, run_callbacks
from kamscript.modules.dialog.cell import DELETED, DialogCell, shown_dflags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kamscript.modules.dialog.cell import Leg
    from kamscript.modules.dialog.parameters import Parameters

#: By letter, the members of `dlg.briefing`. Kamailio shows the caller's tag under `to_tag` too.
BRIEF: dict[str, tuple[str, Callable[[DialogCell], str | int]]] = {
    "f": ("from_uri", lambda dlg: dlg.from_uri),
    "t": ("to_uri", lambda dlg: dlg.to_uri),
    "c": ("call-id", lambda dlg: dlg.callid),
    "F": ("from_tag", lambda dlg: dlg.caller.tag),
    "T": ("to_tag", lambda dlg: dlg.caller.tag),
    "I": ("init_ts", lambda dlg: dlg.init_ts),
    "S": ("start_ts", lambda dlg: dlg.start_ts),
    "E": ("end_ts", lambda dlg: dlg.end_ts),
    "s": ("state", lambda dlg: dlg.state),
}


def _leg(leg: Leg) -> Iterator[tuple[str, str | None]]:
    """Its members; None, shown as null, while the side has not said anything yet."""
    # A request may have told a CSeq or a Contact before the reply did that fills the leg.
    known = bool(leg.tag or (leg.cseq and leg.socket))
    for name, value in (("tag", leg.tag), ("contact", leg.contact), ("cseq", leg.cseq), ("route_set", leg.route_set)):
        yield name, value if known or value else None
    yield "socket", None if leg.socket is None else leg.socket.text


class Listing:
    """Shows the dialogs of one server."""

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self.target = module.server.target
        self.old = self.target == "4.4"  #: fewer members, and ended dialogs show all they had

    def struct(self, dlg: DialogCell, *, context: bool = False) -> Struct:
        """`dlg` as `dlg.list` shows it; with `context`, modules that registered DLGCB_RPC_CONTEXT add to it."""
        shown = Struct(h_entry=dlg.h_entry, h_id=dlg.h_id)
        if not self.old:
            shown.add("ref", dlg.ref)
        self._core(dlg, shown, "call-id")
        for name, leg in (("caller", dlg.caller), ("callee", dlg.callee)):
            shown.add(name, Struct(dict(_leg(leg))))
        profiles, variables = shown.array("profiles"), shown.array("variables")
        if self.old or dlg.state < DELETED:
            for one in self.module.profiles.of(dlg):
                name = one.profile.name
                profiles.append(Struct({name: one.value}) if one.profile.has_value else name)
            variables.extend(Struct({name: value}) for name, value in self._variables(dlg))
        if context:
            run_callbacks(DLGCB_RPC_CONTEXT, dlg, DialogParams(data=shown))
        return shown

    def _core(self, dlg: DialogCell, shown: Struct, callid: str, *, duration: bool = True) -> None:
        for name, value in (
            (callid, dlg.callid),
            ("from_uri", dlg.from_uri),
            ("to_uri", dlg.to_uri),
            ("state", dlg.state),
            ("start_ts", dlg.start_ts),
            ("init_ts", dlg.init_ts),
        ):
            shown.add(name, value)
        if not self.old:
            shown.add("end_ts", dlg.end_ts)
            if duration:
                shown.add("duration", self._duration(dlg))
        shown.add("timeout", dlg.deadline)
        shown.add("lifetime", dlg.lifetime)
        shown.add("dflags", shown_dflags(dlg, self.target))
        shown.add("sflags", dlg.sflags)
        shown.add("iflags", dlg.iflags)

    def _duration(self, dlg: DialogCell) -> int:
        # A call that was never answered counts from 1970 when it ends, as in Kamailio.
        if dlg.end_ts:
            return dlg.end_ts - dlg.start_ts
        return int(self.module.server.timers.now) - dlg.start_ts if dlg.start_ts else 0

    @staticmethod
    def _variables(dlg: DialogCell) -> list[tuple[str, str]]:
        """The youngest first."""
        return list(reversed(dlg.variables.items())) if dlg.variables else []

    def line(self, dlg: DialogCell) -> str:
        """`dlg` as a line of JSON, as `dlg.dump_file` writes it."""
        shown = Struct(h_entry=dlg.h_entry, h_id=dlg.h_id, ref=dlg.ref)
        self._core(dlg, shown, "call_id", duration=False)
        for name, leg in (("caller", dlg.caller), ("callee", dlg.callee)):
            shown.add(name, Struct({member: value or "" for member, value in _leg(leg)}))
        profiles, variables = Object(), Object()
        if dlg.state < DELETED:
            profiles.extend((one.profile.name, one.value) for one in self.module.profiles.of(dlg))
            variables.extend(self._variables(dlg))
        shown.add("profiles", profiles)
        shown.add("variables", variables)
        return write(shown, pretty=False)

    def brief(self, dlg: DialogCell, fields: str) -> Struct:
        """The members that the letters of `fields` name, in their order; others are nothing."""
        shown = Struct(h_entry=dlg.h_entry, h_id=dlg.h_id)
        for letter in fields:
            if letter in BRIEF:
                name, read = BRIEF[letter]
                shown.add(name, read(dlg))
        return shown

    def node(self, dlg: DialogCell, *, context: bool = False) -> Node:
        """`dlg` as MI shows it; with `context`, modules that registered DLGCB_MI_CONTEXT add to a node below."""
        node = Node("dialog")
        node.attribute("hash", f"{dlg.h_entry}:{dlg.h_id}")
        started = int(self.module.server.started)
        caller, callee = dlg.caller, dlg.callee
        for name, value in (
            ("state", dlg.state),
            ("ref_count", dlg.ref),
            ("timestart", dlg.start_ts),
            # Seconds since the server started, what Kamailio calls ticks.
            ("timeout", dlg.deadline - started if dlg.deadline else 0),
            ("callid", dlg.callid),
            ("from_uri", dlg.from_uri),
            ("from_tag", caller.tag),
            ("caller_contact", caller.contact),
            ("caller_cseq", caller.cseq),
            ("caller_route_set", caller.route_set),
            ("caller_bind_addr", caller.socket.text if caller.socket else ""),
            ("callee_bind_addr", callee.socket.text if callee.socket else ""),
            ("to_uri", dlg.to_uri),
            ("to_tag", callee.tag),
            ("callee_contact", callee.contact),
            ("callee_cseq", callee.cseq),
            ("callee_route_set", callee.route_set),
        ):
            node.add(name, value)
        if context:
            run_callbacks(DLGCB_MI_CONTEXT, dlg, DialogParams(data=node.add("context")))
        return node
