"""Subscriptions in memory (presence/hash.c): modes 0 to 2 of subs_db_mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kamscript.modules.presence.subscription import NOTHING, UPDATE, Subscription

if TYPE_CHECKING:
    from kamscript.modules.presence.events import Event


class Table:
    """Subscriptions by presentity and event. Those in it hold absolute times; `now` gives whole Unix seconds."""

    def __init__(self, now: Callable[[], int], same: Callable[[str, str], bool]) -> None:
        """`same` compares URIs as the config wants."""
        self.now, self.same = now, same
        self.slots: dict[tuple[str, str], list[Subscription]] = {}

    def __iter__(self) -> Iterator[Subscription]:
        for slot in list(self.slots.values()):
            yield from list(slot)

    def _slot(self, pres_uri: str, event: str) -> list[Subscription]:
        return self.slots.get((pres_uri.lower(), event.lower()), [])

    def find(self, pres_uri: str, event: str, dialog: tuple[str, str, str]) -> Subscription | None:
        """The subscription of a dialog at that presentity."""
        return next((one for one in self._slot(pres_uri, event) if one.dialog == dialog), None)

    def find_anywhere(self, dialog: tuple[str, str, str]) -> Subscription | None:
        """The subscription of a dialog."""
        return next((one for one in self if one.dialog == dialog), None)

    def of(self, pres_uri: str, event: Event) -> list[Subscription]:
        """The subscriptions to an event of a presentity, the newest first."""
        slot = self._slot(pres_uri, event.name)
        return [one for one in slot if one.event is event and self.same(one.pres_uri, pres_uri)]

    def count(self, pres_uri: str, event: str) -> int:
        """How many watch exactly this URI."""
        return sum(one.pres_uri == pres_uri for one in self._slot(pres_uri, event))

    def insert(self, subs: Subscription) -> Subscription:
        """Put a copy in."""
        kept = subs.copied()
        kept.expires += self.now()
        self.slots.setdefault((subs.pres_uri.lower(), subs.event.name.lower()), []).insert(0, kept)
        return kept

    def remove(self, subs: Subscription) -> None:
        """Take one out that is in."""
        key = subs.pres_uri.lower(), subs.event.name.lower()
        left = [one for one in self.slots.get(key, ()) if one is not subs]
        if left:
            self.slots[key] = left
        else:
            self.slots.pop(key, None)

    def by_call(self, pres_uri: str, event: str, callid: str) -> Subscription | None:
        """The newest one at a presentity with that Call-ID (delete_same_subs)."""
        slot = self._slot(pres_uri, event)
        return next((one for one in slot if one.pres_uri == pres_uri and one.callid == callid), None)

    def by_tag(self, pres_uri: str, event: str, to_tag: str) -> Subscription | None:
        """The newest one at a presentity with that tag of this server (subs_remove_match 0)."""
        return next((one for one in self._slot(pres_uri, event) if one.to_tag == to_tag), None)

    def refreshed(self, subs: Subscription) -> bool:
        """A SUBSCRIBE came in the dialog; False when it is not in."""
        kept = self.find(subs.pres_uri, subs.event.name, subs.dialog)
        if kept is None:
            return False
        kept.expires = subs.expires + self.now()
        kept.remote_cseq = subs.remote_cseq
        self._follow(kept, subs)
        return True

    def notified(self, subs: Subscription) -> bool:
        """A NOTIFY is about to leave: both count it; False when it is not in."""
        kept = self.find(subs.pres_uri, subs.event.name, subs.dialog)
        if kept is None:
            return False
        kept.local_cseq += 1
        kept.version += 1
        subs.local_cseq, subs.version = kept.local_cseq, kept.version
        self._follow(kept, subs)
        return True

    def _follow(self, kept: Subscription, subs: Subscription) -> None:
        kept.contact, kept.record_route, kept.status = subs.contact, subs.record_route, subs.status
        if kept.unwritten == NOTHING:
            kept.unwritten = UPDATE
