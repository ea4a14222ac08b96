"""handle_publish(): a PUBLISH is kept under its ETag, and watchers are told.

What other nodes publish (dmq.py) and documents that files hold (pres_refresh_watchers() with type 2) go the same way,
without a request. Source: presence/publish.c, presentity.c; RFC 3903.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kamscript.core import xavps
from kamscript.core.log import L_ERR, L_INFO, L_WARN
from kamscript.modules.presence.events import Event, EventName, Failed
from kamscript.modules.presence.presentity import (
    PRIORITY_BASE,
    Publication,
    Rows,
    all_dialogs_are,
    dialog_of,
    document,
    sphere_of,
)
from kamscript.modules.presence.subscribe import Refused, bad_event, bad_request, refuse, requested, server_error
from kamscript.modules.presence.subscription import uri_of
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri
from kamscript.stores import DatabaseError
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.presence import Presence

#: Longest `sender_uri`, bytes.
_MAX_SENDER = 253
HARD_STATE = -1
#: The code for an ETag that nobody knows; that is no failure.
NO_MATCH = 412


class Change:
    """One change of what is published.

    `seconds` is how long it holds: 0 ends it, -1 never. `ctx` is the PUBLISH's, None without one. `etag` names what is
    changed or, when `new`, made; `next_etag` and `ruid` are those that another node gave it. `quiet`: nobody is told.
    """

    def __init__(
        self,
        ctx: Context | None,
        event: Event,
        user: str,
        domain: str,
        etag: str,
        *,
        seconds: int,
        body: str = "",
        sender: str | None = None,
        new: bool = False,
        next_etag: str = "",
        ruid: str = "",
        sphere: str | None = None,
        overwrites: bool = False,
        quiet: bool = False,
    ) -> None:
        self.ctx, self.event, self.user, self.domain, self.etag = ctx, event, user, domain, etag
        self.seconds, self.body, self.sender, self.new = seconds, body, sender, new
        self.next_etag, self.ruid, self.sphere, self.overwrites, self.quiet = next_etag, ruid, sphere, overwrites, quiet
        self.received = self.priority = 0
        self.replied = False
        self.by_node = bool(ruid)  #: another node told of it

    @property
    def uri(self) -> str:
        """The presentity."""
        return uri_of(self.user, self.domain)

    def publication(self, now: int) -> Publication:
        """What is to be kept."""
        expires = HARD_STATE if self.new and self.seconds == HARD_STATE else self.seconds + now
        return Publication(
            *(self.user, self.domain, self.event.name, self.etag, expires, self.received, self.body),
            *(self.sender or "", self.priority, self.ruid),
        )


class Publishing:
    """Deals with PUBLISHes, for one `Presence`."""

    def __init__(self, module: Presence) -> None:
        self.module = module

    def handle(self, ctx: Context, sender: str | None) -> int:
        """Deal with the current request: what the function returns."""
        module = self.module
        module.requests += 1
        change: Change | None = None
        try:
            change = self._read(ctx, sender)
            self.apply(change)
        except (Refused, Failed, DatabaseError) as error:
            module.server.log.write(getattr(error, "level", L_ERR), "presence", str(error))
            if isinstance(error, Refused) and error.code == NO_MATCH:
                refuse(module, ctx, error)
                return 1
            if change is None or not change.replied:
                refuse(module, ctx, error if isinstance(error, Refused) else server_error(str(error)))
            return -1
        return 1

    def _read(self, ctx: Context, sender: str | None) -> Change:
        module, msg = self.module, ctx.msg
        if msg.header_error:
            raise bad_request("parsing headers")
        value = msg.value("event")
        try:
            event = module.events.search(EventName(value)) if value else None
        except SipError as error:
            raise bad_request(f"cannot parse Event header: {error}") from error
        if event is None:
            raise bad_event(f"Missing or unsupported event header field value [{value or ''}]", L_WARN)
        match = msg.first("sip-if-match")
        etag = match.value.strip(" \t\r\n") if match is not None else module.new_etag(0)
        seconds = min(requested(ctx, event.default_expires), module.max_expires)
        try:
            uri = msg.parsed_uri()
        except SipError as error:
            raise bad_request("parsing Request URI") from error
        body = self._body(ctx, needed=match is None)
        if sender is not None:
            if len(sender) > _MAX_SENDER:
                raise server_error("cannot use sender uri -- too long value")
            try:
                parse_uri(sender)
            except SipError as error:
                raise bad_request("bad sender SIP address!") from error
        sphere = None
        if module.enable_sphere_check and event.parsed.name.lower() == "presence" and body:
            sphere = sphere_of(body)
        if event.check_publish is not None and not event.check_publish(ctx):
            raise server_error("in event specific publish handling")
        change = Change(
            *(ctx, event, uri.user or "", uri.host, etag),
            seconds=seconds,
            body=body,
            sender=sender,
            new=match is None,
            sphere=sphere,
        )
        change.received, change.priority = module.now, self._priority(ctx)
        return change

    def _body(self, ctx: Context, *, needed: bool) -> str:
        try:
            length = ctx.msg.content_length
        except SipError:
            length = None
        if length is None:
            raise bad_request("no Content-Length header found!")
        if length == 0:
            if needed:
                raise Refused(400, "Invalid request", "No E-Tag and no body found")
            return ""
        if ctx.msg.body_offset < 0:
            raise bad_request("cannot extract body")
        return ctx.msg.body

    def _priority(self, ctx: Context | None) -> int:
        """The priority of a document: that of the XAVP `xavp_cfg`, else the time; 0 without the parameter."""
        module = self.module
        if not module.xavp_cfg:
            return 0
        wanted = xavps.child(ctx.xavps, module.xavp_cfg, "priority") if ctx is not None else None
        return wanted if isinstance(wanted, int) else module.now - PRIORITY_BASE

    # -- the change ---------------------------------------------------------------------------------------------------
    def apply(self, change: Change) -> None:
        """Make it, reply, tell watchers and other nodes (update_presentity). Raises Refused, Failed, DatabaseError."""
        module, event = self.module, change.event
        rules = None
        if module.notifier is None and event.needs_permission and event.rules is not None:
            rules = event.rules(change.user, change.domain)
        if change.new:
            etag = self._insert(change)
        else:
            found = self._old(change)
            if change.seconds <= 0:
                self._end(change, found, rules)
                self._replicate(change, "")
                return
            next_etag = self._update(change, found)
            if next_etag is None:
                return
            etag = next_etag
        if not change.quiet:
            if module.notifier is not None:
                module.notifier.mark_all(change.uri, event)
            else:
                module.notifying.tell_all(change.uri, event, change.body, sender=change.sender or "", rules=rules)
        self._replicate(change, "" if change.new else etag)

    def _replicate(self, change: Change, etag: str) -> None:
        if self.module.replication is not None and not change.by_node:
            self.module.replication.published(change, etag)

    def _reply(self, change: Change, etag: str) -> None:
        """200 with the ETag and how long it holds (publ_send200ok)."""
        ctx, seconds = change.ctx, change.seconds
        if ctx is None:
            return
        left = seconds - self.module.expires_offset if seconds else 0
        ctx.msg.add_reply_header(f"Expires: {left}\r\n")
        ctx.msg.add_reply_header(f"SIP-ETag: {etag}\r\n")
        self.module.sl.freply(ctx, 200, "OK")
        change.replied = True

    def _insert(self, change: Change) -> str:
        module, event = self.module, change.event
        change.ruid = change.ruid or module.next_ruid()
        if module.index is not None:
            module.index.added(change.uri, event, change.sphere)
        one = change.publication(module.now)
        if change.seconds == HARD_STATE or change.overwrites:
            module.keeper.replace(one)
        else:
            if event.is_dialog:
                self._end_same_dialog(change)
            module.keeper.insert(one)
        self._reply(change, change.etag)
        return change.etag

    def _end_same_dialog(self, change: Change) -> None:
        told = dialog_of(change.body)
        if told is None or not told[1]:
            return
        keeper = self.module.keeper
        for one in keeper.of(change.user, change.domain, change.event.name, running=False):
            known = dialog_of(one.body)
            if known is not None and known[1] == told[1]:
                keeper.delete(one)
                return

    def _old(self, change: Change) -> Publication | None:
        """What is changed, where that is looked at before: a shared line, and the end of something."""
        if not change.event.is_sla and change.seconds > 0:
            return None
        return self._find(change)

    def _find(self, change: Change) -> Publication:
        found = self.module.keeper.find(change.publication(self.module.now), change.ruid)
        if found is None:
            raise Refused(
                NO_MATCH, "Conditional request failed", f"No E-Tag match {change.ruid or change.etag}", L_INFO
            )
        return found

    def _end(self, change: Change, found: Publication | None, rules: str | None) -> None:
        module, event, one = self.module, change.event, change.publication(self.module.now)
        assert found is not None
        ruid = change.ruid or found.ruid
        self._reply(change, change.etag)
        if module.notifier is not None:
            if module.notifier.mark_all(change.uri, event):
                module.notifier.take_offline(one, event, ruid)
            else:
                module.keeper.delete(one, ruid)
        else:
            if not change.quiet:
                sender = change.sender or ""
                module.notifying.tell_all(change.uri, event, change.body, etag=change.etag, sender=sender, rules=rules)
            module.keeper.delete(one, ruid)
        if module.index is not None:
            module.index.ended(change.uri, event)
        change.ruid = ruid

    def _update(self, change: Change, found: Publication | None) -> str | None:
        """The ETag that it has from now on; None when nothing is changed."""
        module, event = self.module, change.event
        if event.is_sla and found is not None and not self._may_overwrite(change, found):
            self._reply(change, change.etag)
            return None
        etag = change.next_etag or (change.etag if event.etag_kept else self._following(change.etag))
        one = change.publication(module.now)
        if event.is_dialog:
            kept = module.keeper.find(one)
            if kept is not None and all_dialogs_are(kept.body, "terminated"):
                module.server.log.warning("presence", "Trying to update an already terminated state. Skipping update.")
                self._reply(change, etag)
                return None
        found = found or self._find(change)
        if change.body and module.enable_sphere_check and event.parsed.name.lower() == "presence":
            self._move(change)
        if not module.keeper.update(one, replace(one, etag=etag), change.ruid):
            self._find(change)
        change.ruid = change.ruid or found.ruid
        self._reply(change, etag)
        return etag

    def _may_overwrite(self, change: Change, found: Publication) -> bool:
        """Whether the sender may change a shared line: while there is a dialog on it, only who told of it."""
        told = dialog_of(change.body)
        if told is None:
            raise Failed("failed to check if dialog stored")
        if told[0]:
            return True
        known = dialog_of(found.body)
        if known is None:
            raise Failed("failed to check if dialog stored")
        if not known[0] or change.sender is None:
            return True
        return len(change.sender) == len(found.sender) and self.module.same_uri(change.sender, found.sender)

    def _following(self, etag: str) -> str:
        """The ETag behind another one: its last part counts."""
        head, dot, number = etag.rpartition(".")
        count = unsigned(number) if dot else None
        if count is None or not (head or number):
            raise Failed("wrong etag")
        return self.module.new_etag(count + 1)

    def _move(self, change: Change) -> None:
        """Somebody may be in another sphere now: other rules may hold for watchers (update_phtable)."""
        module = self.module
        sphere = sphere_of(change.body)
        entry = module.index.find(change.uri, change.event) if module.index is not None else None
        if sphere is None or entry is None or entry.sphere == sphere:
            return
        entry.sphere = sphere
        if change.event.rules is not None:
            rules = change.event.rules(change.user, change.domain)
            module.watchers.update(change.uri, change.event, rules)

    # -- hard state ---------------------------------------------------------------------------------------------------
    def hard_state(self, pres_uri: str, event: Event, file_uri: str, filename: str) -> None:
        """A document in a file was changed: keep it as one that never ends. Raises Failed, Refused, DatabaseError."""
        module = self.module
        module.server.log.info("presence", f"Hard-state file {filename} (uri {file_uri}) updated for {pres_uri}")
        if event.hard_state is None:
            raise Failed(f"pidf-manipulation not supported for {event.name}")
        try:
            uri = parse_uri(pres_uri)
        except SipError as error:
            raise Failed("bad presentity URI") from error
        body = event.hard_state(uri.user or "", uri.host, file_uri)
        if body is not None and document(body) is None:
            raise Failed("bad body format")
        change = Change(
            *(None, event, uri.user or "", uri.host, filename),
            seconds=HARD_STATE,
            body=body or "",
            new=body is not None,
            sphere=sphere_of(body) if body is not None and module.enable_sphere_check else None,
        )
        change.received, change.priority = module.now, self._priority(None)
        self.apply(change)

    # -- the timer ----------------------------------------------------------------------------------------------------
    def clean(self) -> None:
        """Tell watchers of what has ended by itself, and forget it (ps_presentity_db_timer_clean, ps_ptable_...)."""
        module = self.module
        try:
            for one in module.keeper.expired():
                self._expire(one)
            if isinstance(module.keeper, Rows) and module.notifier is None:
                module.keeper.delete_expired()
        except DatabaseError as error:
            module.error(f"cleaning expired publications: {error}")

    def _expire(self, one: Publication) -> None:
        module = self.module
        event = module.events.find(one.event)
        if event is None:
            module.error(f"event[{one.event}] not found")
            module.keeper.delete(one)
            return
        if module.index is not None:
            module.index.ended(one.uri, event)
        try:
            if module.force_delete:
                pass
            elif module.notifier is not None:
                if module.notifier.mark_all(one.uri, event):
                    module.notifier.take_offline(one, event)
                    return
            else:
                rules = event.rules(one.user, one.domain) if event.rules is not None else None
                module.notifying.tell_all(one.uri, event, None, etag=one.etag, rules=rules)
        except Failed as error:
            module.error(str(error))
        module.keeper.delete(one)
