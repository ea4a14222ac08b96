"""Notifier processes (subs_db_mode 3, notifier_processes above 0): rows are marked, and told when their turn comes.

A row's `updated` is the number of its turn, -1 none: there are waitn_time * notifier_poll_rate turns for each process,
and each time one is due all rows with its number are told. `updated_winfo` says that watcher information is to tell of
this watcher, or, of watcher information itself, that all watchers are to be told. Source: presence/notify.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.modules.presence import bodies
from kamscript.modules.presence.events import Failed
from kamscript.modules.presence.presentity import Publication, Rows
from kamscript.modules.presence.subscription import NOT_WAITING, TERMINATED, WINFO_WAITING, Subscription
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.modules.presence import Presence
    from kamscript.modules.presence.events import Event
    from kamscript.modules.presence.store import Store

WINFO = "presence.winfo"


class Notifier:
    """All notifier processes of one server."""

    def __init__(self, module: Presence) -> None:
        assert module.store is not None
        self.module, self.store = module, module.store
        self.turns = module.waitn_time * module.notifier_poll_rate
        self.processes = module.notifier_processes
        self.turn = 0

    @property
    def _keeper(self) -> Rows:
        keeper = self.module.keeper
        assert isinstance(keeper, Rows)
        return keeper

    def start(self) -> None:
        """Begin to take turns."""
        self.module.server.timers.every(1 / self.module.notifier_poll_rate, self._tick)

    # -- marking ------------------------------------------------------------------------------------------------------
    def round_of(self, subs: Subscription) -> int:
        """The turn of a dialog."""
        return core_hash(subs.callid.lower(), 0, subs.from_tag.lower()) % (self.turns * self.processes)

    def mark(self, subs: Subscription) -> None:
        """Let a dialog be told."""
        self.store.change(subs, updated=self.round_of(subs))

    def mark_all(self, pres_uri: str, event: Event) -> int:
        """Let all watchers be told; how many there are (publ_notify_notifier)."""
        found = self.store.rows({"presentity_uri": pres_uri, "event": event.name})
        for one in found:
            self.mark(one)
        return len(found)

    def mark_winfo(self, pres_uri: str, event: Event, *, full: bool) -> int:
        """Let all who watch the watchers be told; how many there are (set_wipeer_subs_updated)."""
        found = self.store.rows({"presentity_uri": pres_uri, "event": event.name})
        for one in found:
            columns = {"updated": self.round_of(one)}
            if full:
                columns["updated_winfo"] = WINFO_WAITING
            self.store.change(one, **columns)
        return len(found)

    def mark_expired(self) -> None:
        """Let dialogs that have expired be told (update_db_subs_timer_notifier)."""
        module = self.module
        where = [("expires", "<", module.now - module.expires_offset), ("updated", "=", NOT_WAITING)]
        for one in self.store.rows(where):
            self.mark(one)

    def take_offline(self, one: Publication, event: Event, ruid: str = "") -> None:
        """Something ended: keep what is to be told of that until it is told (mark_presentity_for_delete)."""
        keeper = self._keeper
        if event.aggregate is None:
            keeper.delete(one)
            return
        kept = keeper.find(one, ruid)
        if kept is None:
            self.module.server.log.info("presence", "Found 0 presentities - expected 1")
            return
        body = event.aggregate(one.user, one.domain, [kept.body], 0)
        if body is None:
            raise Failed("preparing body")
        keeper.set_offline(one, body, ruid)

    # -- taking turns -------------------------------------------------------------------------------------------------
    def _tick(self) -> None:
        turn = self.turn
        self.turn = (turn + 1) % self.turns
        for process in range(self.processes):
            number = turn + self.turns * process
            try:
                self._round(number, winfo=False)
                self._round(number, winfo=True)
            except DatabaseError as error:
                self.module.error(f"Handling dialogs: {error}")

    def _round(self, number: int, *, winfo: bool) -> None:
        """Tell all whose turn it is (process_dialogs)."""
        where = [("updated", "=", number), ("event", "=" if winfo else "!=", WINFO)]
        found = self.store.rows(where)
        if not found:
            return
        self.store.db.update(self.store.active, {"updated": NOT_WAITING}, where)
        for marked in found:
            rows = self.store.find(marked)
            if not rows:
                self.module.server.log.info(
                    "presence", "record not found - this may be observed in multi-server systems"
                )
                self._clean_up(marked)
                continue
            self._tell(rows[0], number)

    def _tell(self, subs: Subscription, number: int) -> None:
        module, store = self.module, self.store
        known = subs.updated_winfo
        subs.local_cseq, subs.version = subs.local_cseq + 1, subs.version + 1
        subs.expires = subs.expires - module.now if subs.expires > module.now + module.expires_offset else 0
        subs.updated = number
        try:
            sent, again = self._notify(subs)
        except Failed as error:
            module.error(f"sending NOTIFY request: {error}")
            self._clean_up(subs)
            store.delete(subs)
            return
        if (subs.expires > 0 and subs.status != TERMINATED) or again:
            columns: dict[str, int] = {}
            if subs.updated_winfo != known:
                columns["updated_winfo"] = subs.updated_winfo
            if again:
                columns["updated"] = number
            if sent:
                columns |= {"local_cseq": subs.local_cseq, "version": subs.version}
            if columns:
                store.change(subs, **columns)
        elif sent:
            store.delete(subs)

    def _notify(self, subs: Subscription) -> tuple[bool, bool]:
        """Whether it was told, and whether it has to wait for another turn (notifier_notify)."""
        module, event = self.module, subs.event
        last, body = False, None
        if subs.expires == 0 or subs.status == TERMINATED:
            subs.status = TERMINATED
            if event.is_winfo:
                self._winfo_told(subs.pres_uri)
            else:
                last = self._waiting(subs.pres_uri, event.name) == 0
                if (
                    event.peer is not None
                    and subs.updated_winfo == WINFO_WAITING
                    and self._waiting(subs.pres_uri, WINFO)
                ):
                    self._forget_offline(subs, last=last)
                    return False, True
        elif event.is_winfo:
            if subs.updated_winfo == NOT_WAITING:
                body = bodies.changed_watchers_of(module, subs)
            else:
                subs.updated_winfo = NOT_WAITING
            self._winfo_told(subs.pres_uri)
        else:
            last = self._waiting(subs.pres_uri, event.name) == 0
        if not module.notifying.notify(subs, body=body):
            raise Failed("could not send notify")
        self._forget_offline(subs, last=last)
        return True, False

    def _waiting(self, pres_uri: str, event: str) -> int:
        """How many dialogs of an event of a presentity wait to be told."""
        where = [("presentity_uri", "=", pres_uri), ("event", "=", event), ("updated", "!=", NOT_WAITING)]
        return len(self.store.db.query(self.store.active, ["id"], where))

    def _winfo_told(self, pres_uri: str) -> None:
        """Watcher information was told: unless more of it waits, nobody has to be told of any more."""
        where = {"presentity_uri": pres_uri, "event": WINFO, "updated": WINFO_WAITING}
        store: Store = self.store
        if not store.db.query(store.active, ["id"], where):
            others = [("presentity_uri", "=", pres_uri), ("event", "!=", WINFO)]
            store.db.update(store.active, {"updated_winfo": NOT_WAITING}, others)

    def _forget_offline(self, subs: Subscription, *, last: bool) -> None:
        """When all watchers know that something ended, forget it."""
        if not last:
            return
        try:
            uri = parse_uri(subs.pres_uri)
        except SipError:
            return
        self._keeper.delete_offline(uri.user or "", uri.host, subs.event.name)

    def _clean_up(self, subs: Subscription) -> None:
        """A dialog is gone that was to be told (cleanup_missing_dialog)."""
        if subs.event.is_winfo:
            self._winfo_told(subs.pres_uri)
        else:
            self._forget_offline(subs, last=self._waiting(subs.pres_uri, subs.event.name) == 0)
