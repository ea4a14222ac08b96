"""Tables with `dmqreplicate=1`, shared with the other nodes of a DMQ bus (htable/ht_dmq.c).

Each change of such a table is one message, a JSON object whose `action` says what it is; `type` is 2 for texts, in
`strval`, and 0 for integers, in `intval`; `mode` 1 means values where names could be meant:

    1 sync       the sender came to the bus: send it all items (6.x: those of the table `htname`)
    2 set        item `cname` of table `htname` has this value
    3 expire     it expires in so many seconds
    4 delete     it is gone
    5 rm re      all that match are gone
    6 rm sw      all that start so are gone

The answer to sync is `{"cells":[...]}`, items with their expiry in Unix seconds. Nodes of 6.x say when an item was
set (`last_modified`, Unix milliseconds): what is older than what they have they ignore.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from kamscript.module import FixupError
from kamscript.modules._json import as_bytes
from kamscript.modules.htable.table import Cell, Table
from kamscript.values import wrap

if TYPE_CHECKING:
    from kamscript.modules.dmq import Dmq, Node
    from kamscript.modules.dmq.peers import PeerReply
    from kamscript.modules.htable import Htable
    from kamscript.sip.message import Message

SYNC: Final = 1
SET: Final = 2
EXPIRE: Final = 3
DELETE: Final = 4
RM_RE: Final = 5
RM_SW: Final = 6

_TEXT: Final = 2  #: `type` of a text
_CONTENT_TYPE: Final = "application/json"
#: Bytes after which items are sent in another message: well below what a node takes (msg_recv_max_size of 6.x: 32767).
_MESSAGE_SIZE: Final = 24000
_NUMBERS: Final = ("action", "type", "intval", "mode", "expire", "last_modified")
_TEXTS: Final = ("htname", "cname", "strval")
#: Members that up to 5.6 refuse in a change: the first is one of 6.x, the other of `cells` alone.
_LATER: Final = ("last_modified", "expire")


class _Refused(Exception):
    """A message that a node gets `code` for."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Replication:
    """Tells the other nodes of changes, and makes those that they tell."""

    def __init__(self, module: Htable) -> None:
        self.module, self.log = module, module.server.log
        if "dmq" not in module.server.modules:
            raise FixupError("enable_dmq needs the module dmq, loaded before htable")
        self.dmq: Dmq = module.server.module("dmq")
        init = self.request_sync if module.dmq_init_sync else None
        self.peer = self.dmq.register_dmq_peer(module.dmq_peer_id, self.received, init)
        self.dated = module.server.target == "6.x"

    # -- what is sent -------------------------------------------------------------------------------------------------
    def set(self, table: Table, cell: Cell) -> None:
        """An item has a new value."""
        told: dict[str, Any] = {"action": SET, "htname": table.name, "cname": cell.key, **_valued(cell.value)}
        if self.dated:
            cell.modified = told["last_modified"] = max(int(self._now * 1000), cell.modified + 1)
        self._send({**told, "mode": 1})

    def expire(self, table: Table, key: str, seconds: int) -> None:
        """An item expires at another time."""
        self._send({"action": EXPIRE, "htname": table.name, "cname": key, "type": 0, "intval": seconds, "mode": 0})

    def delete(self, table: Table, key: str) -> None:
        """An item is gone, if it was there."""
        self._send({"action": DELETE, "htname": table.name, "cname": key, "mode": 0})

    def remove(self, table: Table, operator: str, text: str, *, name: bool) -> None:
        """Items are gone whose names or values match (`re`) or start so (`sw`)."""
        action = RM_RE if operator == "re" else RM_SW
        self._send({"action": action, "htname": table.name, "type": _TEXT, "strval": text, "mode": 0 if name else 1})

    def request_sync(self, node: Node | None, table: str = "") -> None:
        """Ask for all items (dmq_init_sync: when this server found the bus), those of one table where it is named."""
        self._send({"action": SYNC, **({"htname": table} if table else {})}, node if self.dated else None)

    def _send_items(self, node: Node | None, only: str) -> None:
        """Send all items that have not expired."""
        now, cells, size = int(self._now), [], 0
        for table in self.module.newest_first():
            if not table.definition.dmqreplicate or (only and table.name != only):
                continue
            for cell in table.ordered():
                if table.autoexpire and cell.expire <= now:
                    continue
                one = {"htname": table.name, "cname": cell.key, **_valued(cell.value), "expire": cell.expire}
                if cell.modified:
                    one["last_modified"] = cell.modified
                cells.append(one)
                size += 64 + len(table.name) + len(cell.key) + len(str(cell.value))
                if size >= _MESSAGE_SIZE:
                    self._send({"cells": cells}, node)
                    cells, size = [], 0
        self._send({"cells": cells}, node)

    def _send(self, told: dict[str, Any], node: Node | None = None) -> None:
        # Texts are bytes as they came; the other side reads them as they are.
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        if node is not None:
            self.dmq.send_message(self.peer, body, _CONTENT_TYPE, node)
        else:
            self.dmq.bcast_message(self.peer, body, _CONTENT_TYPE)

    @property
    def _now(self) -> float:
        return self.module.server.timers.now

    # -- what comes ---------------------------------------------------------------------------------------------------
    def received(self, msg: Message, node: Node | None) -> PeerReply:
        """A message of a node (ht_dmq_handle_msg)."""
        from kamscript.modules.dmq.peers import PeerReply

        try:
            self._heed(self._read(msg), node)
        except _Refused as reason:
            self.log.error("htable", str(reason))
            return PeerReply(reason.code, "Bad Request" if reason.code == 400 else "Server Internal Error")
        return PeerReply(200, "OK")

    def _read(self, msg: Message) -> dict[str, Any]:
        length = msg.content_length
        if not length:
            raise _Refused(400, "a message without a body")
        try:
            document, _ = json.JSONDecoder().raw_decode(msg.body[:length].lstrip(" \t\r\n"))
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict) or not document:
            raise _Refused(400, f"this is no JSON object: {msg.body[:length]}")
        return document

    def _heed(self, document: dict[str, Any], node: Node | None) -> None:
        if next(iter(document)) == "cells":
            cells = document["cells"]
            for one in cells if isinstance(cells, list) else ():
                if isinstance(one, dict):
                    self._take(_members(one)[0])
            return
        told, unknown = _members(document)
        if not self.module.modern:
            unknown += [name for name in _LATER if name in document]
            if unknown:
                raise _Refused(400, f"unrecognized field in json object: {', '.join(unknown)}")
        action = told.get("action", 0)
        if action == SYNC:
            self._send_items(node, told.get("htname", "") if self.dated else "")
            return
        table = self.module.tables.get(told.get("htname", ""))
        if table is None:
            raise _Refused(500, "unable to get table")
        self._replay(action, table, told)

    def _replay(self, action: int, table: Table, told: dict[str, Any]) -> None:
        key, value = told.get("cname", ""), _value(told)
        if action == SET:
            if value is None:
                raise _Refused(400, f"no value for [{table.name}]=>[{key}]")
            self._set(table, key, value, 0, told.get("last_modified", 0))
        elif action == EXPIRE:
            table.expire(key, told.get("intval", 0))
        elif action == DELETE:
            table.delete(key)
        elif action in (RM_RE, RM_SW):
            text = told.get("strval", "")
            operator = "re" if action == RM_RE else "sw"
            if not text or not self.module.remove(table, operator, text, name=not told.get("mode", 0), tell=False):
                raise _Refused(500, f"nothing can match {text!r}")
        else:
            raise _Refused(500, f"unrecognized action {action}")

    def _take(self, told: dict[str, Any]) -> None:
        """One item of an answer to sync."""
        key, value = told.get("cname", ""), _value(told)
        table = self.module.tables.get(told.get("htname", ""))
        if table is None:
            self.log.warning("htable", f"unable to get table {told.get('htname', '')}")
        elif key and value is not None:
            left = told.get("expire", 0) - int(self._now)
            self._set(table, key, value, left, told.get("last_modified", 0))

    def _set(self, table: Table, key: str, value: int | str, seconds: int, modified: int) -> None:
        if modified and self.dated:
            known = table.cells.get(key)
            if known is not None and modified <= known.modified:
                return  # what is known here is newer
        table.set(key, value, seconds).modified = modified if self.dated else 0


def _valued(value: int | str) -> dict[str, Any]:
    return {"type": _TEXT, "strval": value} if isinstance(value, str) else {"type": 0, "intval": value}


def _value(told: dict[str, Any]) -> int | str | None:
    if told.get("type", 0) & _TEXT:
        return told.get("strval")
    number = told.get("intval")
    return None if number is None else wrap(number)


def _members(document: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The members that are known, numbers as int and texts a byte a character; and the names of others."""
    told: dict[str, Any] = {}
    for name in _NUMBERS:
        value = document.get(name)
        if isinstance(value, int | float) and abs(value) < 1 << 52:
            told[name] = int(value)
    for name in _TEXTS:
        value = document.get(name)
        if isinstance(value, str):
            told[name] = as_bytes(value)
    return told, [name for name in document if name not in _NUMBERS and name not in _TEXTS]
