"""NOTIFYs: built, sent through tm, and what their replies mean (presence/notify.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core import xavps
from kamscript.core.errors import E_DROP
from kamscript.core.sockets import Received
from kamscript.module import Route
from kamscript.modules._hostport import socket_parts
from kamscript.modules.presence import bodies
from kamscript.modules.presence.events import Failed
from kamscript.modules.presence.subscription import (
    ACTIVE,
    PENDING,
    POLITE,
    STATES,
    TERMINATED,
    TIMEOUT,
    Subscription,
    uri_of,
)
from kamscript.modules.tm.dialog import UacDialog
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.sip.nameaddr import parse_routes
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.presence import Presence
    from kamscript.modules.presence.events import Event
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction

NOTIFY_REPLY: Final = "presence:notify-reply"
#: What $notify_reply() sees when there was no reply.
_NO_REPLY: Final = (
    "SIP/2.0 408 TIMEOUT\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nFrom: invalid;\r\nTo: invalid\r\n"
    "Call-ID: invalid\r\nCSeq: 1 TIMEOUT\r\nContent-Length: 0\r\n\r\n"
)
#: Codes behind which the watcher is no more.
_GONE: Final = (404, 481)
_TIMED_OUT: Final = 408


class Notifying:
    """Tells watchers, for one `Presence`."""

    def __init__(self, module: Presence) -> None:
        self.module = module

    # -- who is told --------------------------------------------------------------------------------------------------
    def watching(self, pres_uri: str, event: Event, sender: str | None = None) -> list[Subscription]:
        """Copies of the active subscriptions to an event of a presentity, without those at the contact `sender`."""
        module = self.module
        if module.table is None:
            assert module.store is not None
            found = module.store.told(pres_uri, event, sender)
            for one in found:
                one.local_cseq, one.version = one.local_cseq + 1, one.version + 1
                one.expires = (
                    max(one.expires - module.now, 0) if one.expires >= module.now + module.expires_offset else 0
                )
            return found
        found = []
        for one in module.table.of(pres_uri, event):
            if one.expires < module.now or one.status != ACTIVE or one.reason:
                continue
            if sender and len(sender) == len(one.contact) and module.same_uri(sender, one.contact):
                continue
            copy = one.copied()
            copy.expires -= module.now
            found.append(copy)
        return found

    def tell_all(
        self, pres_uri: str, event: Event, body: str | None, *, etag: str = "", sender: str = "", rules: str | None
    ) -> None:
        """Something was published, or (`etag`) ended: tell every watcher (publ_notify)."""
        found = self.watching(pres_uri, event, sender or None)
        if not found:
            return
        told = bodies.published(self.module, pres_uri, event, etag) if event.aggregate is not None else None
        for one in found:
            one.rules = rules
            if not self.notify(one, body=body if told is None else told, personal=True):
                self.module.error(f"Could not send notify for {event.name}")

    def refresh(self, pres_uri: str, event: Event, only: Subscription | None = None) -> bool:
        """Tell every watcher how things are; of watcher information, that of one watcher (query_db_notify)."""
        module = self.module
        found = self.watching(pres_uri, event)
        if module.notifier is not None:
            for one in found:
                module.notifier.mark(one)
            return True
        if not found:
            return True
        body = bodies.published(module, pres_uri, event) if not event.is_winfo else None
        sent = 0
        for one in found:
            own = event.for_watcher(one, body) if event.for_watcher is not None else None
            if self.notify(one, only=only, body=body if own is None else own):
                sent += 1
                continue
            module.error(f"Could not send notify for [event]={event.name}")
            if not module.modern:
                return False
        return sent > 0

    # -- one NOTIFY ---------------------------------------------------------------------------------------------------
    def notify(
        self,
        subs: Subscription,
        *,
        only: Subscription | None = None,
        body: str | None = None,
        empty: bool = False,
        personal: bool = False,
    ) -> bool:
        """Count a NOTIFY where the subscription is kept, and send it; False when it could not be sent.

        `body` None: what the state of things gives; `empty`: none at all; `personal`: made for this watcher first.
        """
        module = self.module
        if subs.expires != 0 and subs.status != TERMINATED:
            if module.table is not None and not module.table.notified(subs):
                module.error("updating subscription record in hash table")
                return False
            at_once = module.subs_db_mode == 1 or (module.table is None and module.notifier is None)
            if not subs.by_request and at_once:
                assert module.store is not None
                try:
                    module.store.notified(subs)
                except DatabaseError:
                    module.error("updating subscription in database")
                    return False
        if subs.status == ACTIVE and subs.reason == POLITE:
            empty = True
        if personal and not empty and subs.event.for_watcher is not None:
            own = subs.event.for_watcher(subs, body)
            body = body if own is None else own
        if not self.send(subs, only=only, body=body, empty=empty):
            module.error("sending Notify not successful")
            return False
        if module.replication is not None:
            module.replication.subscribed(subs)
        return True

    def send(
        self, subs: Subscription, *, only: Subscription | None = None, body: str | None = None, empty: bool = False
    ) -> bool:
        """Send a NOTIFY; False when it could not be sent (send_notify_request)."""
        module = self.module
        try:
            text = "" if empty else self._body(subs, only, body)
        except Failed as error:
            module.error(str(error))
            return False
        if subs.expires <= 0:
            subs.expires, subs.status, subs.reason = 0, TERMINATED, TIMEOUT
        if subs.status not in STATES:
            module.error(f"bad status {subs.status}")
            return False
        try:
            dialog = self._dialog(subs)
        except SipError as error:
            module.error(f"while building the dialog: {error}")
            return False
        kept = module.last_subs
        if module.pres_subs_mode == 1:
            module.last_subs = subs
        tm = module.tm
        sent = tm.request(
            "NOTIFY", dialog, headers=self._headers(subs, text), body=text, callback=self._answered, param=subs.copied()
        )
        module.last_subs = kept
        if sent is None and tm.last_error != E_DROP:
            module.error("NOTIFY cannot be sent")
            return False
        module.note(
            f"NOTIFY {dialog.remote_uri} via {dialog.hooks().next_hop} on behalf of {dialog.local_uri}"
            f" for event {subs.event.name} : {subs.callid}"
        )
        return True

    def _body(self, subs: Subscription, only: Subscription | None, given: str | None) -> str:
        module, event = self.module, subs.event
        if given is not None and subs.status == ACTIVE:
            return self._permitted(subs, given)
        if subs.status in (TERMINATED, PENDING):
            return ""
        if event.is_winfo:
            if event.peer is None:
                raise Failed(f"nobody knows the event that {event.name} is about")
            return bodies.watchers_of(module, subs, only)
        body = bodies.published(module, subs.pres_uri, event, contact=subs.contact)
        if body is None:
            return ""
        if event.for_watcher is not None:
            own = event.for_watcher(subs, body)
            body = body if own is None else own
        return self._permitted(subs, body)

    def _permitted(self, subs: Subscription, body: str) -> str:
        event = subs.event
        if not event.needs_permission or subs.rules is None or event.apply_rules is None:
            return body
        shown = event.apply_rules(body, subs)
        return body if shown is None else shown

    def _headers(self, subs: Subscription, body: str) -> str:
        event, contact = subs.event, subs.local_contact
        identity = f";id={subs.event_id}" if subs.event_id else ""
        if ";transport=" not in contact and subs.socket[:3].lower() in ("tcp", "tls"):
            contact += f";transport={subs.socket[:3].lower()}"
        told = f"reason={subs.reason}" if subs.status == TERMINATED else f"expires={subs.expires}"
        return (
            f"Max-Forwards: 70\r\nEvent: {event.name}{identity}\r\nContact: <{contact}>\r\n"
            f"Subscription-State: {STATES[subs.status]};{told}\r\n"
            + (f"Content-Type: {event.content_type}\r\n" if body else "")
        )

    def _dialog(self, subs: Subscription) -> UacDialog:
        remote = uri_of(subs.from_user, subs.from_domain)
        routes = parse_routes(subs.record_route) if subs.record_route else []
        return UacDialog(
            callid=subs.callid,
            local_uri=uri_of(subs.to_user, subs.to_domain),
            remote_uri=remote,
            target=subs.contact or remote,
            local_tag=subs.to_tag,
            remote_tag=subs.from_tag,
            cseq=subs.local_cseq,
            routes=[subs.record_route[route.start : route.end] for route in routes],
            socket=self._socket(subs.socket),
        )

    def _socket(self, name: str) -> ListenSocket | None:
        parts = socket_parts(name) if name else None
        return self.module.server.find_socket(parts[1], parts[2], parts[0]) if parts else None

    # -- the reply ----------------------------------------------------------------------------------------------------
    def _answered(self, t: Transaction, kinds: int, params: TmcbParams) -> None:
        module, subs, code = self.module, params.param, params.code
        delete = self._run_event(t, params, subs)
        timed_out = code == _TIMED_OUT and module.timeout_rm_subs and subs.status != TERMINATED
        if code in _GONE or timed_out or delete:
            self.remove(subs)
            if module.replication is not None:
                subs.expires = 0
                module.replication.subscribed(subs)

    def _run_event(self, t: Transaction, params: TmcbParams, subs: Subscription) -> bool:
        """Run event_route[presence:notify-reply]; whether it wants the subscription to be deleted."""
        module, server = self.module, self.module.server
        own = t.xavps
        function = server.route_function(Route.EVENT, NOTIFY_REPLY)
        if function is not None:
            branch = t.branches[0]
            socket, to = branch.socket, branch.destination
            received = None
            if socket is not None and to is not None:
                received = Received(socket.proto, socket.address, socket.port, to.ip, to.port, socket)
            ctx = server.context(Message(branch.text, received), Route.LOCAL)
            if t.avps is not None:
                ctx.avps = t.avps
            ctx.xavps, ctx.xavus, ctx.xavis = t.xavps, t.xavus, t.xavis
            reply = params.reply if params.code != _TIMED_OUT else None
            module.reply = reply if reply is not None else Message(_NO_REPLY)
            kept = module.last_subs
            if module.pres_subs_mode == 1:
                module.last_subs = subs.copied()
            server.run_top(function, ctx)
            module.last_subs, module.reply = kept, None
            own = ctx.xavps
        if not module.xavp_cfg:
            return False
        wanted = xavps.child(own, module.xavp_cfg, "delete_subscription")
        return isinstance(wanted, int) and wanted != 0

    def remove(self, subs: Subscription) -> None:
        """Forget a subscription (delete_subs)."""
        module = self.module
        if module.table is not None:
            if module.subs_remove_match == 0:
                kept = module.table.by_tag(subs.pres_uri, subs.event.name, subs.to_tag)
            else:
                kept = module.table.find(subs.pres_uri, subs.event.name, subs.dialog)
            if kept is None:
                module.error(
                    f"Failed to delete subscription from memory [ev: {subs.event.name} pu: {subs.pres_uri}"
                    f" ci: {subs.callid} ft: {subs.from_tag} tt: {subs.to_tag}]"
                )
            else:
                module.table.remove(kept)
        if module.subs_db_mode != 0 and module.store is not None:
            try:
                module.store.delete(subs)
            except DatabaseError:
                module.error("Failed to delete subscription from database")
