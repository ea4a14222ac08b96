"""Publications, and with 6.x subscriptions, shared with the other nodes of a DMQ bus (presence/presence_dmq.c).

Each change is one message, a JSON object whose `action` says what it is:

    1 update      `presentity` was published (`t_new` 1) or changed: `etag` named it, `cur_etag` does from now on
    2 sync        6.x: the sender came to the bus: send it all that is published and kept in memory
    3 update      6.x: `subscription` is there, refreshed, or with `expires` 0 gone
    4 sync        6.x: send it all subscriptions that are kept in memory

Nodes of 5.6 do not answer to sync.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from kamscript.module import FixupError
from kamscript.modules._json import as_bytes
from kamscript.modules.presence.events import Event, Failed
from kamscript.modules.presence.publish import NO_MATCH, Change
from kamscript.modules.presence.subscribe import Refused
from kamscript.modules.presence.subscription import Subscription
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.modules.dmq import Dmq, Node
    from kamscript.modules.dmq.peers import PeerReply
    from kamscript.modules.presence import Presence
    from kamscript.sip.message import Message

UPDATE: Final = 1
SYNC: Final = 2
UPDATE_SUBSCRIPTION: Final = 3
SYNC_SUBSCRIPTIONS: Final = 4

_CONTENT_TYPE: Final = "application/json"
_KNOWN: Final = ("action", "presentity", "t_new", "cur_etag", "sphere", "ruid", "body")
#: Members of `subscription` and attributes of a subscription.
_TEXTS: Final = {
    **{name: name for name in ("pres_uri", "contact", "local_contact", "watcher_domain", "watcher_user")},
    **{name: name for name in ("from_domain", "from_user", "to_domain", "to_user", "from_tag", "to_tag")},
    **{name: name for name in ("user_agent", "callid", "reason", "record_route", "event_id")},
    "socket_info": "socket",
}
_NUMBERS: Final = {
    **{name: name for name in ("local_cseq", "remote_cseq", "expires", "flags", "status", "version")},
    **{name: name for name in ("updated", "updated_winfo")},
    "recv": "received",
}


class _Bad(Exception):
    """A message that a node gets 400 for."""


class Replication:
    """Tells the other nodes of changes, and makes those that they tell."""

    def __init__(self, module: Presence) -> None:
        self.module, self.log = module, module.server.log
        if "dmq" not in module.server.modules:
            raise FixupError("enable_dmq needs the module dmq, loaded before presence")
        self.modern = module.modern
        self.dmq: Dmq = module.server.module("dmq")
        self.peer = self.dmq.register_dmq_peer(module.dmq_peer_id, self.received, self.request_sync)
        self.receiving = False

    # -- what is sent -------------------------------------------------------------------------------------------------
    def published(self, change: Change, etag: str, node: Node | None = None) -> None:
        """Something was published, changed or ended; `etag` is its new one."""
        if self.receiving or (self.modern and not self.module.enable_pres_dmq) or not change.ruid:
            return
        presentity: dict[str, Any] = {"domain": change.domain, "user": change.user, "etag": change.etag}
        presentity |= {"expires": change.seconds, "recv": change.received}
        if change.sender is not None:
            presentity["sender"] = change.sender
        presentity["event"] = change.event.name
        told: dict[str, Any] = {"action": UPDATE, "presentity": presentity, "t_new": int(change.new), "cur_etag": etag}
        if change.sphere is not None:
            told["sphere"] = change.sphere
        told |= {"ruid": change.ruid, "body": change.body}
        self._send(told, node)

    def subscribed(self, subs: Subscription, node: Node | None = None) -> None:
        """A subscription is there, was told something, or is gone (6.x)."""
        if self.receiving or not self.modern or not self.module.enable_subs_dmq:
            return
        told: dict[str, Any] = {name: getattr(subs, attribute) for name, attribute in {**_TEXTS, **_NUMBERS}.items()}
        told["event"] = subs.event.name
        if 0 != subs.expires < self.module.now:
            told["expires"] = subs.expires + self.module.now
        self._send({"action": UPDATE_SUBSCRIPTION, "subscription": told}, node)

    def request_sync(self, node: Node | None) -> None:
        """Ask for what the other nodes know: this server found the bus."""
        module = self.module
        if not self.modern:
            self._send({"action": SYNC}, None)
            return
        if module.enable_pres_dmq and module.enable_pres_sync_dmq:
            self._send({"action": SYNC}, node)
        if module.enable_subs_dmq and module.enable_subs_sync_dmq:
            self._send({"action": SYNC_SUBSCRIPTIONS}, node)

    def _send_all(self, node: Node | None) -> None:
        module = self.module
        for one in module.in_memory():
            event = module.events.find(one.event)
            if event is None:
                continue
            change = Change(
                *(None, event, one.user, one.domain, one.etag),
                seconds=one.expires - one.received,
                body=one.body,
                sender=one.sender or None,
                new=True,
                ruid=one.ruid,
            )
            change.received, change.priority = one.received, one.priority
            self.published(change, "", node)

    def _send(self, told: dict[str, Any], node: Node | None) -> None:
        # Texts are bytes as they came; the other side reads them as they are.
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        if node is not None:
            self.dmq.send_message(self.peer, body, _CONTENT_TYPE, node)
        else:
            self.dmq.bcast_message(self.peer, body, _CONTENT_TYPE)

    # -- what comes ---------------------------------------------------------------------------------------------------
    def received(self, msg: Message, node: Node | None) -> PeerReply:
        """A message of a node (pres_dmq_handle_msg)."""
        from kamscript.modules.dmq.peers import PeerReply

        self.receiving = True
        try:
            self._heed(self._read(msg), node)
        except _Bad as error:
            self.module.error(str(error))
            return PeerReply(400, "Bad Request")
        except (Failed, Refused, DatabaseError) as error:
            self.module.error(str(error))
            if not isinstance(error, Refused) or error.code != NO_MATCH:
                return PeerReply(500, "Server Internal Error")
        finally:
            self.receiving = False
        return PeerReply(200, "OK")

    def _read(self, msg: Message) -> dict[str, Any]:
        length = msg.content_length
        if not length:
            raise _Bad("a message without a body")
        try:
            document, _ = json.JSONDecoder().raw_decode(msg.body[:length].lstrip(" \t\r\n"))
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise _Bad(f"this is no JSON object: {msg.body[:length]}")
        unknown = [name for name in document if name not in _KNOWN and not (self.modern and name == "subscription")]
        if unknown and not self.modern:
            raise _Bad(f"unrecognized field in json object: {', '.join(unknown)}")
        return document

    def _heed(self, document: dict[str, Any], node: Node | None) -> None:
        action = _number(document, "action")
        if action == UPDATE:
            self._publish(document)
        elif action == SYNC and self.modern:
            self.receiving = False
            self._send_all(node)
        elif action == UPDATE_SUBSCRIPTION and self.modern:
            self._subscribe(_object(document, "subscription"))
        elif action == SYNC_SUBSCRIPTIONS and self.modern:
            self.receiving = False
            for one in self.module.table if self.module.table is not None else ():
                self.subscribed(one, node)

    def _event(self, told: dict[str, Any]) -> Event:
        event = self.module.events.find(_text(told, "event"))
        if event is None:
            raise _Bad(f"unsupported event {_text(told, 'event')}")
        return event

    def _publish(self, document: dict[str, Any]) -> None:
        module, told = self.module, _object(document, "presentity")
        event, ruid = self._event(told), _text(document, "ruid")
        if not ruid:
            raise _Bad("a publication without its record id")
        change = Change(
            *(None, event, _text(told, "user"), _text(told, "domain"), _text(told, "etag")),
            seconds=_number(told, "expires"),
            body=_text(document, "body"),
            sender=_text(told, "sender"),
            new=bool(_number(document, "t_new")),
            next_etag=_text(document, "cur_etag"),
            ruid=ruid,
            sphere=_text(document, "sphere") or None,
            overwrites=self.modern and not event.is_dialog,
            quiet=self.modern and bool(module.skip_notify_dmq),
        )
        change.received = _number(told, "recv") or module.now
        module.publishing.apply(change)

    def _subscribe(self, told: dict[str, Any]) -> None:
        module = self.module
        subs = Subscription(self._event(told))
        for name, attribute in _TEXTS.items():
            setattr(subs, attribute, _text(told, name))
        for name, attribute in _NUMBERS.items():
            setattr(subs, attribute, _number(told, name))
        subs.local_contact = module.server_address or subs.local_contact
        subs.socket = module.default_socket or subs.socket
        subs.received = subs.received or module.now
        if subs.expires == 0:
            module.notifying.remove(subs)
        elif module.table is not None:
            if subs.expires > module.now:
                subs.expires -= module.now
            self._replace(subs)
        if subs.expires and module.subs_db_mode in (1, 3):
            self.log.warning("presence", "replace subscription in database is not supported")

    def _replace(self, subs: Subscription) -> None:
        """Put a subscription in place of those with its Call-ID, unless what is known of it is newer."""
        module, table = self.module, self.module.table
        assert table is not None
        while (old := table.by_call(subs.pres_uri, subs.event.name, subs.callid)) is not None:
            if old.received > subs.received and old.dialog == subs.dialog:
                return
            table.remove(old)
            if module.store is not None and module.subs_db_mode != 0:
                module.store.delete(old)
        table.insert(subs)


def _object(told: dict[str, Any], name: str) -> dict[str, Any]:
    value = told.get(name)
    if not isinstance(value, dict):
        raise _Bad(f"no {name} in a message")
    return value


def _number(told: dict[str, Any], name: str) -> int:
    value = told.get(name, 0)
    return int(value) if isinstance(value, int | float) and abs(value) < 1 << 52 else 0


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name, "")
    return as_bytes(value) if isinstance(value, str) else ""
