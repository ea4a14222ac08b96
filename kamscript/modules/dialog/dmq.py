"""Dialogs shared with the other nodes of a DMQ bus (dialog/dlg_dmq.c): each node knows the calls of all.

`module.replication` is None unless `enable_dmq` is set, so a server without a bus pays one attribute look-up::

    if (replication := self.module.replication) is not None:
        replication.state(dlg)

A message is a JSON object. `action` tells what it is about, `h_entry` and `h_id` which dialog:

    1 update    the dialog is there, with all that is known of it, variables and profiles included
    2 state     it is ringing, confirmed or ended
    3 rm        it is forgotten
    4 sync      the sender came to the bus: tell all dialogs

A node that got a dialog this way follows the messages within it as if it had begun here, and tells the others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.hashes import core_hash
from kamscript.module import Route, Str, function
from kamscript.modules._json import as_bytes
from kamscript.modules.dialog.callbacks import DLGCB_TERMINATED, DialogParams, run_callbacks
from kamscript.modules.dialog.cell import (
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    EARLY,
    FLAG_CHANGED_PROF,
    FLAG_CHANGED_VARS,
    FLAG_DMQ_DELETED,
    FLAG_NEW,
    IFLAG_DMQ_SYNC,
    IFLAG_KA_DST,
    IFLAG_KA_SRC,
    DialogCell,
    Leg,
)
from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dmq import Dmq, Node
    from kamscript.modules.dmq.peers import PeerReply
    from kamscript.sip.message import Message

UPDATE: Final = 1
STATE: Final = 2
RM: Final = 3
SYNC: Final = 4

CONTENT_TYPE: Final = "application/json"

#: Members that the other side writes as numbers, and as texts.
_NUMBERS: Final = frozenset(
    ("action", "h_entry", "h_id", "init_ts", "start_ts", "state", "lifetime", "iflags", "last_modified")
)
_TEXTS: Final = frozenset(("callid", "from_uri", "to_uri", "req_uri", "profiles")).union(
    f"{name}{leg}" for name in ("tag", "cseq", "route_set", "contact") for leg in (1, 2)
)


class _Refused(Exception):
    """A message that a node gets 500 for."""


class Replication:
    """Tells the other nodes of dialogs, and takes in what they tell."""

    def __init__(self, module: Parameters) -> None:
        self.module, self.server, self.log = module, module.server, module.server.log
        self.dmq: Dmq = self.server.module("dmq")
        self.peer = self.dmq.register_dmq_peer(module.dmq_peer_id, self.received, self.request_sync)
        target = self.server.target
        self.modern = target not in ("4.4", "5.6")  #: callbacks hear of calls that ended elsewhere
        self.dated = target == "6.x"  #: messages say when the dialog changed
        self.origins: dict[DialogCell, str] = {}  #: URIs of the nodes that dialogs came from
        self._changes: dict[DialogCell, int] = {}  #: when they changed, where messages say so

    # -- what is sent -------------------------------------------------------------------------------------------------
    def update(self, dlg: DialogCell) -> None:
        """The INVITE of `dlg` is about to leave (TMCB_REQUEST_FWDED, every branch): the others learn of it.

        Sent once, and again when its profiles changed meanwhile (FLAG_CHANGED_PROF).
        """
        if dlg.iflags & IFLAG_DMQ_SYNC and not dlg.dflags & FLAG_CHANGED_PROF:
            return
        self._touch(dlg)
        self._tell(dlg)

    def _tell(self, dlg: DialogCell) -> None:
        dlg.iflags |= IFLAG_DMQ_SYNC
        dlg.dflags &= ~FLAG_CHANGED_PROF
        told = self._about(UPDATE, dlg)
        told["init_ts"] = dlg.init_ts
        if self.module.enable_dmq_ka_iflags_sync:
            told["iflags"] = dlg.iflags
        told.update(callid=dlg.callid, from_uri=dlg.from_uri, to_uri=dlg.to_uri, req_uri=dlg.req_uri)
        _add_leg(told, 1, dlg.caller)
        if dlg.variables:
            told["vars"] = dict(dlg.variables)
        profiles = self.module.profiles.to_json(dlg)
        if profiles:
            told["profiles"] = profiles
        self._add_state(told, dlg)
        self._send(told)

    def state(self, dlg: DialogCell) -> None:
        """`dlg` moved to a higher state: by a reply, a request within it, or its timeout. Call it after each move."""
        if not dlg.iflags & IFLAG_DMQ_SYNC or dlg.state not in (EARLY, CONFIRMED, DELETED):
            return
        self._touch(dlg)
        told = self._about(STATE, dlg)
        self._add_state(told, dlg)
        self._send(told)

    def removed(self, dlg: DialogCell) -> None:
        """The table forgot `dlg` (`Dialog._destroyed`, behind DLGCB_DESTROY): so do the others."""
        self.origins.pop(dlg, None)
        if dlg.iflags & IFLAG_DMQ_SYNC:
            told = self._about(RM, dlg)
            told["state"] = dlg.state
            dlg.iflags &= ~IFLAG_DMQ_SYNC
            self._send(told)
        self._changes.pop(dlg, None)

    def request_sync(self, node: Node | None) -> None:
        """This server found the bus: ask for all dialogs, `node` alone where there is one."""
        self._send({"action": SYNC}, node)

    def _about(self, action: int, dlg: DialogCell) -> dict[str, Any]:
        told: dict[str, Any] = {"action": action, "h_entry": dlg.h_entry, "h_id": dlg.h_id}
        if self.dated:
            told["last_modified"] = self._changes.get(dlg, dlg.init_ts)
        return told

    def _add_state(self, told: dict[str, Any], dlg: DialogCell) -> None:
        state = told["state"] = dlg.state
        if state in (EARLY, CONFIRMED):
            told.update(start_ts=dlg.start_ts, lifetime=dlg.lifetime)
            _add_leg(told, 1, dlg.caller)
            if state == CONFIRMED:
                _add_leg(told, 2, dlg.callee)
        elif self.dated and state != DELETED:
            told["lifetime"] = dlg.lifetime

    def _send(self, told: dict[str, Any], node: Node | None = None) -> None:
        # Texts are bytes as they came; the other side reads them as they are.
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        if node is not None:
            self.dmq.send_message(self.peer, body, CONTENT_TYPE, node)
        else:
            self.dmq.bcast_message(self.peer, body, CONTENT_TYPE)

    def _touch(self, dlg: DialogCell) -> None:
        if self.dated:
            self._changes[dlg] = int(self.server.timers.now)

    # -- what comes ---------------------------------------------------------------------------------------------------
    def received(self, msg: Message, node: Node | None) -> PeerReply:
        """A message of a node (dlg_dmq_handle_msg)."""
        from kamscript.modules.dmq.peers import PeerReply

        length = msg.content_length
        if not length:
            if length is None:
                self.log.error("dialog", "no content length header found")
            return PeerReply(400, "Bad Request")
        told = self._read(msg.body[:length])
        if told is None:
            return PeerReply(400, "Bad Request")
        try:
            self._heed(told, node)
        except _Refused as reason:
            self.log.error("dialog", str(reason))
            return PeerReply(500, "Server Internal Error")
        return PeerReply(200, "OK")

    def _read(self, body: str) -> dict[str, Any] | None:
        """The members that are known, numbers as int; None: it is no JSON."""
        try:
            document, _ = json.JSONDecoder().raw_decode(body.lstrip(" \t\r\n"))
        except (ValueError, RecursionError):
            self.log.error("dialog", f"invalid json doc [[{body}]]")
            return None
        told: dict[str, Any] = {}
        for name, value in document.items() if isinstance(document, dict) else ():
            if name in _NUMBERS:
                if isinstance(value, int | float) and 0 <= value < 1 << 32:
                    told[name] = int(value)
            elif name in _TEXTS:
                if isinstance(value, str):
                    told[name] = as_bytes(value)
            elif name == "vars":
                if isinstance(value, dict):
                    told[name] = {as_bytes(key): as_bytes(text) for key, text in value.items() if isinstance(text, str)}
            else:
                self.log.error("dialog", f"unrecognized field in json object: {name}")
        return told

    def _heed(self, told: dict[str, Any], node: Node | None) -> None:
        action = told.get("action", 0)
        if action == SYNC:
            for dlg in self.module.table:
                self._tell(dlg)
            return
        entry, number = told.get("h_entry", 0), told.get("h_id", 0)
        known = self.module.table.lookup(entry, number)
        changed = told.get("last_modified", 0)
        if known is not None and changed and action != RM:
            if self._changes.get(known, 0) > changed:
                return  # what is known here is newer
            self._changes[known] = changed
        if action == UPDATE:
            if known is not None and known.callid != told.get("callid", ""):
                # Kamailio would write the one into the other.
                raise _Refused(f"dialog [{entry}:{number}] is another one, with callid [{known.callid}]")
            updated = known or self._take(told, node)
            self._update(updated, told, fresh=known is None)
            if told.get("state", 1) != updated.state:
                self._move(updated, told)
        elif action == STATE:
            if known is None:
                raise _Refused(f"dialog [{entry}:{number}] not found")
            self._move(known, told)
        elif action == RM:
            if known is None:
                raise _Refused(f"dialog [{entry}:{number}] not found")
            self._forget(known)

    def _take(self, told: dict[str, Any], node: Node | None) -> DialogCell:
        """A dialog that nobody told of before."""
        module = self.module
        callid, number = told.get("callid", ""), told.get("h_id", 0)
        if not callid or not number:
            raise _Refused("failed to build new dialog: callid and h_id are needed")
        entry = core_hash(callid, module.table.size)
        if entry != told.get("h_entry", 0):
            raise _Refused("inconsistent hash data from peer: make sure all Kamailio's use the same hash size")
        dlg = DialogCell(
            callid, told.get("from_uri", ""), told.get("to_uri", ""), told.get("req_uri", ""), told.get("tag1", "")
        )
        # Neither new nor changed: the node where the call came in keeps it in the database.
        dlg.h_entry, dlg.h_id = entry, number
        _fill_leg(dlg.caller, 1, told)
        dlg.iflags |= IFLAG_DMQ_SYNC
        if module.h_id_step <= 1:
            # With steps each node has numbers of its own.
            module.table.reserve(entry, number)
        module.table.place(dlg)
        if node is not None:
            self.origins[dlg] = node.uri
        if told.get("last_modified"):
            self._changes[dlg] = told["last_modified"]
        return dlg

    def _update(self, dlg: DialogCell, told: dict[str, Any], *, fresh: bool) -> None:
        module = self.module
        if not fresh:
            module.profiles.leave_all(dlg)
        dlg.init_ts, dlg.start_ts = told.get("init_ts", 0), told.get("start_ts", 0)
        if told.get("lifetime"):
            dlg.lifetime = told["lifetime"]
        if module.enable_dmq_ka_iflags_sync:
            dlg.iflags |= told.get("iflags", 0) & (IFLAG_KA_SRC | IFLAG_KA_DST)
        if told.get("vars"):
            dlg.variables = {**(dlg.variables or {}), **told["vars"]}
            dlg.dflags |= FLAG_CHANGED_VARS
        if told.get("profiles"):
            module.profiles.from_json(dlg, told["profiles"])

    def _move(self, dlg: DialogCell, told: dict[str, Any]) -> None:
        state, old = told.get("state", 1), dlg.state
        if state < old:
            self.log.notice(
                "dialog",
                f"Ignoring backwards state change on dlg [{dlg.h_entry}:{dlg.h_id}]"
                f" with callid [{dlg.callid}] from state [{old}] to state [{state}]",
            )
            return
        if state in (EARLY, CONFIRMED):
            self._confirm(dlg, told)
        elif state == DELETED:
            self._end(dlg)
        else:
            raise _Refused(f"unhandled state update to state {state}")
        dlg.state = state
        self._count(old, state)
        if state == CONFIRMED != old and self.module.enable_dmq_ka_iflags_sync:
            self.module.requests.confirmed(dlg)
        if state == DELETED:
            if old != DELETED and self.modern:
                run_callbacks(DLGCB_TERMINATED, dlg, DialogParams())
            if self.module.expiry.clear(dlg):
                self.module.table.unref(dlg)

    def _confirm(self, dlg: DialogCell, told: dict[str, Any]) -> None:
        """It is ringing, or the call is up."""
        dlg.start_ts = told.get("start_ts", 0)
        dlg.lifetime = told.get("lifetime") or dlg.lifetime
        if told.get("tag1"):
            _fill_leg(dlg.caller, 1, told)
        if told["state"] == CONFIRMED:
            if told.get("tag2"):
                _fill_leg(dlg.callee, 2, told)
            if not dlg.deadline:
                dlg.ref += 1  # the timer's
            self.module.expiry.set(dlg, dlg.lifetime)

    def _end(self, dlg: DialogCell) -> None:
        """It is over; it stays a while, so that a late message does not bring it back."""
        self.module.profiles.leave_all(dlg)
        now = int(self.server.timers.now)
        dlg.dflags |= FLAG_NEW | FLAG_DMQ_DELETED  # the store leaves new dialogs alone that ended
        dlg.init_ts = now
        dlg.end_ts = dlg.end_ts or now

    def _forget(self, dlg: DialogCell) -> None:
        self._count(dlg.state, DELETED)
        dlg.dflags |= FLAG_NEW | FLAG_DMQ_DELETED
        dlg.iflags &= ~IFLAG_DMQ_SYNC
        if dlg.state != DELETED:
            dlg.state = DELETED
            dlg.end_ts = dlg.end_ts or int(self.server.timers.now)
        timer = self.module.expiry.clear(dlg)
        self.module.table.unref(dlg, 2 if timer else 1)

    def _count(self, old: int, new: int) -> None:
        """Statistics of dialogs that are early and active here; no others count what happened elsewhere."""
        module = self.module
        early, active = (old == EARLY, new == EARLY), (_is_active(old), _is_active(new))
        module.early.value += early[1] - early[0]
        module.active.value += active[1] - active[0]

    # -- nodes that are gone ------------------------------------------------------------------------------------------
    def remove_from(self, uri: str) -> int:
        """Forget the dialogs that came from a node and tell nobody; how many there were."""
        dmq = self.dmq
        wanted = dmq.nodes.find_uri(uri)
        own = {uri} if wanted is None else {uri, wanted.uri}
        gone = [dlg for dlg, origin in self.origins.items() if origin in own and dlg.iflags & IFLAG_DMQ_SYNC]
        for dlg in gone:
            self._count(dlg.state, DELETED)
            dlg.dflags |= FLAG_NEW
            dlg.iflags &= ~IFLAG_DMQ_SYNC
            self.module.table.remove(dlg)
        self.log.info("dialog", f"removed {len(gone)} DMQ-synced dialogs from node [{uri}]")
        return len(gone)


class ReplicationFunctions(Parameters):
    """Declared here: dlg_remove_dialogs_from_node."""

    @function(Route.ANY, since="6.x")
    def dlg_remove_dialogs_from_node(self, ctx: Context, uri: Str) -> int:
        """Forget the dialogs that a node of the DMQ bus told of, as when it is gone for good; -1: there are none."""
        if not uri or self.replication is None:
            self.server.log.error("dialog", "invalid node_uri parameter" if not uri else "enable_dmq is not set")
            return -1
        return 1 if self.replication.remove_from(uri) else -1


def _is_active(state: int) -> bool:
    return state in (CONFIRMED_NA, CONFIRMED)


def _add_leg(told: dict[str, Any], number: int, leg: Leg) -> None:
    told[f"tag{number}"], told[f"cseq{number}"] = leg.tag, leg.cseq
    told[f"route_set{number}"], told[f"contact{number}"] = leg.route_set, leg.contact


def _fill_leg(leg: Leg, number: int, told: dict[str, Any]) -> None:
    leg.tag, leg.cseq = told.get(f"tag{number}", ""), told.get(f"cseq{number}", "")
    leg.route_set, leg.contact = told.get(f"route_set{number}", ""), told.get(f"contact{number}", "")
