"""What watchers may see, when the rules change; and the timer of subscriptions (presence/presence.c, subscribe.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.presence.events import Failed
from kamscript.modules.presence.subscription import (
    INSERT,
    NOTHING,
    STATES,
    TERMINATED,
    TIMEOUT,
    UPDATE,
    Subscription,
)
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.modules.presence import Presence
    from kamscript.modules.presence.events import Event


class Watchers:
    """All watchers of one `Presence`."""

    def __init__(self, module: Presence) -> None:
        self.module = module

    # -- rules --------------------------------------------------------------------------------------------------------
    def rules(self, pres_uri: str, event: Event) -> str | None:
        """The rules of a presentity; None without any; raises Failed."""
        try:
            uri = parse_uri(pres_uri)
        except SipError as error:
            raise Failed(f"failed to parse presentity uri [{pres_uri}]") from error
        assert event.rules is not None
        return event.rules(uri.user or "", uri.host)

    def update(self, pres_uri: str, event: Event, rules: str | None) -> None:
        """Rules have changed: tell every watcher for whom that makes a difference (update_watchers_status).

        Raises Failed, DatabaseError.
        """
        module = self.module
        if module.store is None:
            raise Failed("without a database all watchers are active")
        changed: list[Subscription] = []
        for status, reason, user, domain in module.store.permissions(pres_uri, event.name):
            subs = Subscription(event, pres_uri, watcher_user=user, watcher_domain=domain, status=status, rules=rules)
            assert event.judge is not None
            event.judge(subs)
            if subs.status not in STATES:
                raise Failed(f"wrong status: {subs.status}")
            if subs.status != status or len(reason) != len(subs.reason) or not subs.reason.startswith(reason):
                module.store.repermit(subs)
                changed = self._dialogs(subs) + changed
        if module.notifier is not None:
            return
        for one in changed:
            if not module.notifying.notify(one):
                raise Failed("sending Notify request")
            if one.status == TERMINATED:
                module.store.delete_of_watcher(one)

    def _dialogs(self, subs: Subscription) -> list[Subscription]:
        """The subscriptions of a watcher who stands otherwise now: changed, or forgotten when that ends them."""
        module, store = self.module, self.module.store
        assert store is not None
        found: list[Subscription] = []
        if module.table is None:
            for one in store.of_watcher(subs):
                one.status, one.reason, one.local_cseq = subs.status, subs.reason, one.local_cseq + 1
                one.expires = (
                    max(one.expires - module.now, 0) if one.expires > module.now + module.expires_offset else 0
                )
                found.insert(0, one)
            if subs.status == TERMINATED and module.notifier is None:
                store.delete_of_watcher(subs)
            elif found:
                columns = {"status": subs.status, "reason": subs.reason}
                store.change_of_watcher(subs, **columns)
                if module.notifier is not None:
                    for one in found:
                        module.notifier.mark(one)
            return found
        for kept in module.table.of(subs.pres_uri, subs.event):
            if not module.same_uri(kept.watcher_user, subs.watcher_user):
                continue
            if not module.same_uri(kept.watcher_domain, subs.watcher_domain):
                continue
            kept.status, kept.reason, kept.unwritten = subs.status, subs.reason, UPDATE
            copy = kept.copied()
            copy.local_cseq += 1
            copy.expires -= module.now
            found.append(copy)
            if subs.status == TERMINATED:
                module.table.remove(kept)
        return found

    def count(self, pres_uri: str, event: str) -> int:
        """How many watch an event of a presentity."""
        module = self.module
        if module.table is not None:
            return module.table.count(pres_uri, event)
        assert module.store is not None
        return module.store.count(pres_uri, event)

    # -- the timer ----------------------------------------------------------------------------------------------------
    def tick(self, *, ending: bool = False) -> None:
        """Tell who has expired, and write what memory says; `ending`: nobody is told (timer_db_update)."""
        module = self.module
        try:
            if module.table is not None:
                self._tick_memory(ending=ending)
            elif module.notifier is not None:
                module.notifier.mark_expired()
            else:
                self._tick_rows()
        except DatabaseError as error:
            module.error(f"updating in database: {error}")

    def _tick_memory(self, *, ending: bool) -> None:
        module, table = self.module, self.module.table
        assert table is not None
        before = module.now - module.expires_offset
        for one in table:
            if one.expires < before:
                if not ending:
                    self._expire(one)
                table.remove(one)
            elif module.store is None or module.subs_db_mode == 0:
                continue
            elif one.unwritten == UPDATE:
                module.store.written_back(one)
                one.unwritten = NOTHING
            elif one.unwritten == INSERT:
                module.store.insert(one, expires=one.expires, timer=True)
                one.unwritten = NOTHING
        if module.store is not None and module.subs_db_mode != 0:
            module.store.delete_expired(before)

    def _tick_rows(self) -> None:
        module, store = self.module, self.module.store
        assert store is not None
        before = module.now - module.expires_offset
        for one in reversed(store.rows([("expires", "<", before)])):
            one.local_cseq += 1
            self._expire(one)
            store.delete(one)

    def _expire(self, one: Subscription) -> None:
        """Tell that a subscription has ended by itself (handle_expired_subs)."""
        ended = one.copied()
        ended.status, ended.reason, ended.expires = TERMINATED, TIMEOUT, 0
        ended.local_cseq += 1
        if not self.module.notifying.send(ended, empty=True):
            self.module.error("send Notify not successful")
