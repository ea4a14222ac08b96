"""handle_subscribe(): a SUBSCRIBE starts, refreshes or ends a subscription, and is told how things are.

Source: presence/subscribe.c; RFC 6665, RFC 3856.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.log import L_DBG, L_ERR, L_INFO, L_NOTICE
from kamscript.core.sockets import bracketed
from kamscript.modules.presence.events import EventName, Failed
from kamscript.modules.presence.subscription import (
    ACTIVE,
    INSERT,
    NOT_WAITING,
    PENDING,
    STATES,
    TERMINATED,
    TIMEOUT,
    WINFO_WAITING,
    WRITTEN_THROUGH,
    Subscription,
    uri_of,
)
from kamscript.sip.errors import SipError
from kamscript.sip.nameaddr import parse_routes
from kamscript.sip.uri import parse_uri
from kamscript.stores import DatabaseError
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.presence import Presence

#: Bytes of a User-Agent that is longer than what is kept.
_MAX_USER_AGENT = 255
_TRANSPORTS = {"tcp": "tcp", "tls": "tls", "ws": "ws", "wss": "ws", "sctp": "sctp"}


class Refused(Exception):
    """A request gets this error; the text is for the log, with a level (core/log.py)."""

    def __init__(self, code: int, reason: str, text: str, level: int = L_ERR) -> None:
        super().__init__(text)
        self.code, self.reason, self.level = code, reason, level


def bad_request(text: str) -> Refused:
    """400."""
    return Refused(400, "Bad request", text)


def server_error(text: str) -> Refused:
    """500."""
    return Refused(500, "Server Internal Error", text)


def bad_event(text: str, level: int = L_ERR) -> Refused:
    """489."""
    return Refused(489, "Bad Event", text, level)


def refuse(module: Presence, ctx: Context, error: Refused) -> None:
    """Reply with an error, and the header that belongs to it (send_error_reply)."""
    if error.code == 489:
        ctx.msg.add_reply_header(f"Allow-Events: {module.events.listing}\r\n")
    elif error.code == 423:
        ctx.msg.add_reply_header(f"Min-Expires: {module.min_expires}\r\n")
    module.sl.freply(ctx, error.code, error.reason)


class Subscribing:
    """Deals with SUBSCRIBEs, for one `Presence`."""

    def __init__(self, module: Presence) -> None:
        self.module = module

    def handle(self, ctx: Context, watcher_user: str, watcher_domain: str) -> int:
        """Deal with the current request: what the function returns."""
        module = self.module
        if module.pres_subs_mode == 1:
            module.last_subs = None
        module.requests += 1
        self.replied = False
        try:
            return self._handle(ctx, watcher_user, watcher_domain)
        except (Refused, Failed, DatabaseError) as error:
            module.server.log.write(getattr(error, "level", L_ERR), "presence", str(error))
            if not self.replied:
                refuse(module, ctx, error if isinstance(error, Refused) else server_error(str(error)))
            return -1

    def _handle(self, ctx: Context, watcher_user: str, watcher_domain: str) -> int:
        module, msg = self.module, ctx.msg
        if msg.header_error:
            raise bad_request("parsing headers")
        value = msg.value("event")
        if not value:
            raise bad_event("Missing event header field value")
        try:
            name = EventName(value)
        except SipError as error:
            raise bad_request(f"cannot parse Event header: {error}") from error
        event = module.events.search(name)
        if event is None:
            raise bad_event(f"Unsupported presence event {name.name}", L_NOTICE)
        subs = Subscription(event, event_id=name.id, watcher_user=watcher_user, watcher_domain=watcher_domain)
        initial = self._read(ctx, subs)
        if not initial:
            self._recall(subs)
        elif not event.is_sla:
            try:
                uri = msg.parsed_uri()
            except SipError:
                module.error("failed to parse R-URI")
                return -1
            subs.pres_uri = uri_of(uri.user or "", uri.host)
        subs.by_request = True
        if event.check_subscribe is not None and not event.check_subscribe(ctx):
            raise server_error("in event specific subscription handling")
        if initial:
            self._permission(subs)
        if module.pres_subs_mode == 1:
            module.last_subs = subs.copied()
        if subs.status not in STATES:
            raise server_error("wrong status")
        if module.notifier is not None and not module.send_fast_notify:
            self._leave_to_notifier(ctx, subs, initial=initial)
        else:
            self._update(ctx, subs, initial=initial)
        return 1

    # -- what the request says ----------------------------------------------------------------------------------------
    def _read(self, ctx: Context, subs: Subscription) -> bool:
        """Fill in what the request says; whether it is outside a dialog (extract_sdialog_info_ex)."""
        module, msg = self.module, ctx.msg
        subs.expires = self._expires(ctx, subs.event.default_expires)
        to, from_ = msg.to, msg.from_
        if to is None or from_ is None:
            raise server_error("cannot parse To or From header")
        try:
            to_uri, from_uri = parse_uri(to.uri), parse_uri(from_.uri)
        except SipError as error:
            raise server_error("while parsing uri") from error
        subs.to_user, subs.to_domain = to_uri.user or "", to_uri.host
        subs.from_user, subs.from_domain = from_uri.user or "", from_uri.host
        initial = not to.tag
        subs.to_tag = to.tag or module.sl.get_reply_totag(ctx)
        subs.callid = msg.callid
        number = unsigned(msg.cseq.number_text) if msg.cseq is not None else None
        if number is None:
            raise server_error("cannot parse cseq number")
        subs.remote_cseq = number
        self._contact(ctx, subs)
        if initial:
            subs.record_route = self._routes(ctx)
        socket = msg.received.socket
        subs.socket = f"{socket.proto}:{bracketed(socket.address)}:{socket.port}"
        if not from_.tag:
            raise server_error("no from tag value present")
        subs.from_tag, subs.version = from_.tag, 1
        subs.local_contact = module.server_address or self._local_contact(ctx)
        agent = msg.value("user-agent") or ""
        subs.user_agent = agent if len(agent) < _MAX_USER_AGENT else ""
        subs.flags = ctx.bflags
        subs.received = module.now
        return initial

    def _expires(self, ctx: Context, default: int) -> int:
        module = self.module
        seconds = requested(ctx, default)
        seconds = min(seconds, module.max_expires)
        if seconds and module.min_expires and seconds < module.min_expires:
            if module.min_expires_action == 1:
                text = f"{seconds} seconds are less than {module.min_expires}"
                raise Refused(423, "Interval Too Brief", text, L_DBG)
            seconds = module.min_expires
        return seconds

    def _contact(self, ctx: Context, subs: Subscription) -> None:
        try:
            contacts = ctx.msg.contacts_by_header()
        except SipError as error:
            raise server_error("cannot parse contact header") from error
        if not contacts:
            raise server_error("cannot parse contact header")
        first = contacts[0].backwards()
        if contacts[0].star or not first:
            raise server_error("Wrong contact header")
        subs.contact = first[0].uri
        if subs.event.is_sla:
            try:
                subs.pres_uri = uri_of(parse_uri(subs.contact).user or "", subs.from_domain)
            except SipError as error:
                raise server_error("failed to parse contact uri") from error

    def _routes(self, ctx: Context) -> str:
        values = ctx.msg.values("record-route")
        try:
            return ",".join(value[entry.start : entry.end] for value in values for entry in parse_routes(value))
        except SipError:
            self.module.error("processing the record route")
            return ""

    def _local_contact(self, ctx: Context) -> str:
        socket, proto = ctx.msg.received.socket, ctx.msg.received.proto
        host = socket.advertise_host or bracketed(socket.address)
        host = host if host.startswith("sip:") else f"sip:{host}"
        return f"{host}:{socket.via_port};transport={_TRANSPORTS.get(proto, 'udp')}"

    # -- what is known ------------------------------------------------------------------------------------------------
    def _recall(self, subs: Subscription) -> None:
        """Take over what is kept of the dialog (get_stored_info)."""
        module = self.module
        if module.table is None:
            assert module.store is not None
            found = module.store.find(subs)
            kept = found[0] if found else None
        else:
            uri = subs.pres_uri or uri_of(subs.to_user, subs.to_domain)
            kept = module.table.find(uri, subs.event.name, subs.dialog)
            if kept is None and not subs.pres_uri:
                kept = module.table.find_anywhere(subs.dialog)
        if kept is None:
            raise Refused(481, "Subscription does not exist", "no matching subscription dialog found", L_INFO)
        if subs.remote_cseq + module.cseq_offset <= kept.remote_cseq:
            raise bad_request(f"wrong sequence number;received: {subs.remote_cseq} - stored: {kept.remote_cseq}")
        subs.pres_uri = subs.pres_uri or kept.pres_uri
        subs.version, subs.local_cseq = kept.version + 1, kept.local_cseq + 1
        subs.status, subs.reason, subs.record_route = kept.status, kept.reason, kept.record_route
        if module.table is None:
            subs.updated, subs.updated_winfo, subs.flags = kept.updated, kept.updated_winfo, kept.flags
        else:
            subs.updated = subs.updated_winfo = 0

    def _permission(self, subs: Subscription) -> None:
        """Find out how a new subscription stands."""
        module, event = self.module, subs.event
        subs.updated = subs.updated_winfo = NOT_WAITING
        if not event.needs_permission or module.store is None:
            subs.status = ACTIVE
            return
        known = module.store.permission(subs)
        if known is not None:
            subs.status, subs.reason = known
            return
        subs.status, subs.reason = PENDING, ""
        try:
            uri = parse_uri(subs.pres_uri)
        except SipError as error:
            raise server_error("parsing uri") from error
        assert event.rules is not None and event.judge is not None
        subs.rules = event.rules(uri.user or "", uri.host)
        event.judge(subs)
        if subs.status not in STATES:
            raise server_error(f"wrong status= {subs.status}")
        module.store.permit(subs)

    # -- what becomes of it -------------------------------------------------------------------------------------------
    def _reply(self, ctx: Context, subs: Subscription, *, always_200: bool = False) -> None:
        """200, or 202, with Expires and Contact."""
        contact, proto = subs.local_contact, ctx.msg.received.proto
        if ";transport=" not in contact and proto in _TRANSPORTS:
            contact += f";transport={_TRANSPORTS[proto]}"
        ctx.msg.add_reply_header(f"Expires: {subs.expires}\r\nContact: <{contact}>\r\n")
        code = 200 if always_200 or subs.event.is_winfo or self.module.subs_respond_200 else 202
        self.module.sl.freply(ctx, code, "OK")
        self.replied = True

    def _update(self, ctx: Context, subs: Subscription, *, initial: bool) -> None:
        """Keep the subscription, reply, and tell it how things are (update_subscription)."""
        module, notifying, event = self.module, self.module.notifying, subs.event
        if not initial:
            if subs.expires == 0:
                notifying.remove(subs)
                self._reply(ctx, subs)
                if not event.is_winfo and event.peer is not None and not notifying.refresh(subs.pres_uri, event.peer):
                    raise Failed("Could not send notify for winfo")
                if not notifying.notify(subs):
                    raise Failed("Could not send notify")
                return
            if module.table is not None and not module.table.refreshed(subs):
                raise Failed("failed to update subscription in memory")
            if module.subs_db_mode in (1, 3):
                assert module.store is not None
                module.store.refreshed(subs, both=True)
        elif subs.expires != 0:
            self._insert(subs)
        self._reply(ctx, subs)
        if not event.is_winfo and subs.expires != 0 and event.peer is not None:
            if not notifying.refresh(subs.pres_uri, event.peer, only=subs):
                raise Failed("Could not send notify winfo")
            if not notifying.notify(subs):
                raise Failed("Could not send notify")
        elif module.send_fast_notify and not notifying.notify(subs):
            raise Failed("Could not send notify")

    def _insert(self, subs: Subscription) -> None:
        module = self.module
        if module.table is not None:
            if module.delete_same_subs:
                self._delete_same(subs)
            subs.unwritten = WRITTEN_THROUGH if module.subs_db_mode == 1 else INSERT
            subs.version = 0
            module.table.insert(subs)
        if module.subs_db_mode in (1, 3):
            assert module.store is not None
            subs.version = 1
            module.store.insert(subs, expires=subs.expires + module.now)

    def _delete_same(self, subs: Subscription) -> None:
        module = self.module
        assert module.table is not None
        old = module.table.by_call(subs.pres_uri, subs.event.name, subs.callid)
        if old is None:
            return
        module.server.log.notice(
            "presence",
            f"Found another record with the same pres_uri[{subs.pres_uri}] and callid[{subs.callid}]",
        )
        module.table.remove(old)
        if module.store is not None and module.subs_db_mode != 0:
            module.store.delete(old)

    def _leave_to_notifier(self, ctx: Context, subs: Subscription, *, initial: bool) -> None:
        """Keep the subscription so that the notifier tells it, and reply (update_subscription_notifier)."""
        module, event = self.module, subs.event
        assert module.notifier is not None and module.store is not None
        subs.updated = module.notifier.round_of(subs)
        if event.is_winfo or (
            event.peer is not None and module.notifier.mark_winfo(subs.pres_uri, event.peer, full=subs.expires == 0)
        ):
            subs.updated_winfo = WINFO_WAITING
        if subs.expires == 0:
            subs.status, subs.reason = TERMINATED, TIMEOUT
        if initial:
            subs.version = 1
            module.store.insert(subs, expires=subs.expires + module.now)
        else:
            module.store.refreshed(subs)
        self._reply(ctx, subs)


def requested(ctx: Context, default: int) -> int:
    """Seconds that the Expires header asks for; what is no number is read as far as its digits go (parse_expires)."""
    value = ctx.msg.value("expires")
    if not value:
        return default
    text = value.strip(" \t\r\n")
    if len(text) > 10:
        return 0
    digits = ""
    for char in text:
        if not char.isdigit() or not char.isascii():
            break
        digits += char
    return int(digits or "0") & 0xFFFFFFFF
