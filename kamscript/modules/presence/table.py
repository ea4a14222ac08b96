"""Subscriptions in memory (presence/hash.c): modes 0 to 2 of subs_db_mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from kamscript.modules.presence.subscription import NOTHING, UPDATE, Subscription

if TYPE_CHECKING:
    from kamscript.modules.presence.events import Event


class _Slot:
    """The subscriptions to an event of a presentity: `members` as they came, and by dialog."""

    __slots__ = ("dialogs", "members")

    def __init__(self) -> None:
        self.members: list[Subscription] = []
        self.dialogs: dict[tuple[str, str, str], list[Subscription]] = {}  #: a repeated SUBSCRIBE makes two of one

    def add(self, subs: Subscription) -> None:
        self.members.append(subs)
        self.dialogs.setdefault(subs.dialog, []).append(subs)

    def remove(self, subs: Subscription) -> None:
        self.members.remove(subs)
        same = self.dialogs[subs.dialog]
        same.remove(subs)
        if not same:
            del self.dialogs[subs.dialog]

    def find(self, dialog: tuple[str, str, str]) -> Subscription | None:
        same = self.dialogs.get(dialog)
        return same[-1] if same else None


_EMPTY: Final = _Slot()


class Table:
    """Subscriptions by presentity and event. Those in it hold absolute times; `now` gives whole Unix seconds."""

    def __init__(self, now: Callable[[], int], same: Callable[[str, str], bool]) -> None:
        """`same` compares URIs as the config wants."""
        self.now, self.same = now, same
        self.slots: dict[tuple[str, str], _Slot] = {}

    def __iter__(self) -> Iterator[Subscription]:
        for slot in list(self.slots.values()):
            yield from slot.members[::-1]

    def _slot(self, pres_uri: str, event: str) -> _Slot:
        return self.slots.get((pres_uri.lower(), event.lower()), _EMPTY)

    def find(self, pres_uri: str, event: str, dialog: tuple[str, str, str]) -> Subscription | None:
        """The subscription of a dialog at that presentity."""
        return self._slot(pres_uri, event).find(dialog)

    def find_anywhere(self, dialog: tuple[str, str, str]) -> Subscription | None:
        """The subscription of a dialog."""
        found = (slot.find(dialog) for slot in self.slots.values())
        return next((one for one in found if one is not None), None)

    def of(self, pres_uri: str, event: Event) -> list[Subscription]:
        """The subscriptions to an event of a presentity, the oldest first."""
        members = self._slot(pres_uri, event.name).members
        return [one for one in members if one.event is event and self.same(one.pres_uri, pres_uri)]

    def count(self, pres_uri: str, event: str) -> int:
        """How many watch exactly this URI."""
        return sum(one.pres_uri == pres_uri for one in self._slot(pres_uri, event).members)

    def insert(self, subs: Subscription) -> None:
        """Put a copy in."""
        kept = subs.copied()
        kept.expires += self.now()
        key = subs.pres_uri.lower(), subs.event.name.lower()
        self.slots.setdefault(key, _Slot()).add(kept)

    def remove(self, subs: Subscription) -> None:
        """Take one out that is in."""
        key = subs.pres_uri.lower(), subs.event.name.lower()
        self.slots[key].remove(subs)
        if not self.slots[key].members:
            del self.slots[key]

    def by_call(self, pres_uri: str, event: str, callid: str) -> Subscription | None:
        """The newest one at a presentity with that Call-ID (delete_same_subs)."""
        members = self._slot(pres_uri, event).members
        return next((one for one in reversed(members) if one.pres_uri == pres_uri and one.callid == callid), None)

    def by_tag(self, pres_uri: str, event: str, to_tag: str) -> Subscription | None:
        """The newest one at a presentity with that tag of this server (subs_remove_match 0)."""
        members = self._slot(pres_uri, event).members
        return next((one for one in reversed(members) if one.to_tag == to_tag), None)

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
