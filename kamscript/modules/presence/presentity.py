"""What was published: in the table `presentity`, or with publ_cache 2 in memory (presence/presentity.c, hash.c).

Both keepers have the same methods. A publication is known by the user and domain of its presentity, its event and its
ETag; it has a record id, too, which other nodes know it by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from kamscript.core.hashes import core_hash
from kamscript.modules.presence.subscription import uri_of
from kamscript.modules.presence.xml import BadDocument, Document, parse

if TYPE_CHECKING:
    from kamscript.modules.presence import Presence
    from kamscript.modules.presence.events import Event

#: The ETag of a publication that has ended and is still to be told (notifier processes).
OFFLINE: Final = "*#-OFFLINE-#*"
#: What the priority of a publication without one counts from: 2015-01-01.
PRIORITY_BASE: Final = 1420070400


@dataclass
class Publication:
    """`expires` is absolute; -1: a hard state, which never ends. `sender` "" means that nobody was named."""

    user: str
    domain: str
    event: str
    etag: str
    expires: int = 0
    received: int = 0
    body: str = ""
    sender: str = ""
    priority: int = 0
    ruid: str = ""

    @property
    def uri(self) -> str:
        """The presentity's URI."""
        return uri_of(self.user, self.domain)

    @property
    def slot(self) -> int:
        """What presence.presentity_list shows as `hashid`."""
        number = core_hash(self.user.lower(), 0, self.domain.lower())
        return number - (1 << 32) if number >> 31 else number


class Keeper(Protocol):
    """Keeps publications. Those of a database raise stores.DatabaseError."""

    def insert(self, one: Publication) -> None:
        """Add one."""

    def replace(self, one: Publication) -> None:
        """Add one in place of that with the same name."""

    def find(self, one: Publication, ruid: str = "") -> Publication | None:
        """The one with that name, or record id."""

    def update(self, old: Publication, new: Publication, ruid: str = "") -> bool:
        """Change one; False when it is not there. An empty body or sender leaves what there is."""

    def delete(self, one: Publication, ruid: str = "") -> None:
        """Remove one."""

    def of(self, user: str, domain: str, event: str, *, running: bool) -> list[Publication]:
        """Those of an event of a presentity, in the order that retrieve_order asks for; `running`: not expired."""

    def expired(self) -> list[Publication]:
        """Those whose time is over."""

    def everything(self) -> list[Publication]:
        """All that are kept in memory."""


_COLUMNS: Final = {
    "username": "user",
    "domain": "domain",
    "event": "event",
    "etag": "etag",
    "expires": "expires",
    "received_time": "received",
    "body": "body",
    "sender": "sender",
    "priority": "priority",
    "ruid": "ruid",
}


class Rows:
    """Keeps publications in a database."""

    def __init__(self, module: Presence) -> None:
        self.module = module
        assert module.store is not None
        self.db, self.table = module.store.db, module.presentity_table

    def _name(self, one: Publication, ruid: str = "") -> dict[str, Any]:
        if ruid:
            return {"ruid": ruid}
        return {"domain": one.domain, "username": one.user, "event": one.event, "etag": one.etag}

    def _values(self, one: Publication) -> dict[str, Any]:
        values = {column: getattr(one, name) for column, name in _COLUMNS.items()}
        values["body"] = one.body.encode("latin-1")
        return values

    def _read(self, where: Any, order: str = "") -> list[Publication]:
        found = []
        for row in self.db.query(self.table, list(_COLUMNS), where, order=order):
            one = Publication("", "", "", "")
            for name, value in zip(_COLUMNS.values(), row, strict=True):
                if isinstance(value, bytes):
                    value = value.decode("latin-1")
                kind = type(getattr(one, name))
                setattr(one, name, kind(value) if value is not None else kind())
            found.append(one)
        return found

    def insert(self, one: Publication) -> None:
        """See `Keeper`."""
        self.db.insert(self.table, self._values(one))

    def replace(self, one: Publication) -> None:
        """See `Keeper`."""
        self.db.replace(self.table, self._values(one), ["username", "domain", "event", "etag"])

    def find(self, one: Publication, ruid: str = "") -> Publication | None:
        """See `Keeper`."""
        return next(iter(self._read(self._name(one, ruid))), None)

    def update(self, old: Publication, new: Publication, ruid: str = "") -> bool:
        """See `Keeper`."""
        if self.find(old, ruid) is None:
            return False
        values: dict[str, Any] = {"etag": new.etag, "expires": new.expires, "received_time": new.received}
        values["priority"] = new.priority
        if new.body:
            values["body"] = new.body.encode("latin-1")
        if new.sender:
            values["sender"] = new.sender
        self.db.update(self.table, values, self._name(old, ruid))
        return True

    def delete(self, one: Publication, ruid: str = "") -> None:
        """See `Keeper`."""
        self.db.delete(self.table, self._name(one, ruid))

    def of(self, user: str, domain: str, event: str, *, running: bool) -> list[Publication]:
        """See `Keeper`."""
        where: list[tuple[str, str, Any]] = [("domain", "=", domain), ("username", "=", user), ("event", "=", event)]
        if running:
            where.append(("expires", ">", self.module.now))
        if self.module.retrieve_order != 1:
            return self._read(where, "received_time")
        # The database sorts by one column here; several are sorted from the last to the first.
        found = self._read(where)
        for part in reversed(self.module.retrieve_order_by.split(",")):
            column, _, direction = part.strip().partition(" ")
            name = _COLUMNS.get(column.strip().lower(), "priority")
            found.sort(key=lambda one: getattr(one, name), reverse=direction.strip().lower() == "desc")
        return found

    def expired(self) -> list[Publication]:
        """See `Keeper`."""
        return self._read([("expires", "<", self.module.now), ("expires", ">", 0)], "username")

    def delete_expired(self) -> None:
        """Remove those whose time is over."""
        self.db.delete(self.table, [("expires", "<", self.module.now), ("expires", ">", 0)])

    def delete_offline(self, user: str, domain: str, event: str) -> None:
        """Remove what ended and has been told."""
        self.db.delete(self.table, {"username": user, "domain": domain, "event": event, "etag": OFFLINE})

    def set_offline(self, one: Publication, body: str, ruid: str = "") -> None:
        """Mark one as ended; `body` is what watchers are still to be told."""
        values = {"etag": OFFLINE, "expires": self.module.now, "body": body.encode("latin-1")}
        self.db.update(self.table, values, self._name(one, ruid))

    def index(self) -> list[Publication]:
        """What the index in memory is filled from when the server starts."""
        found = self._read((), "username")
        return [one for one in found if self.module.startup_mode == 0 or one.expires >= self.module.now]

    def everything(self) -> list[Publication]:
        """See `Keeper`."""
        return []


class Memory:
    """Keeps publications in memory: by presentity, the newest first."""

    def __init__(self, module: Presence) -> None:
        self.module = module
        self.slots: dict[tuple[str, str], list[Publication]] = {}

    def insert(self, one: Publication) -> None:
        """See `Keeper`."""
        self.slots.setdefault((one.user, one.domain), []).insert(0, replace(one))

    def replace(self, one: Publication) -> None:
        """See `Keeper`."""
        self.delete(one)
        self.insert(one)

    def _find(self, one: Publication) -> Publication | None:
        slot = self.slots.get((one.user, one.domain), ())
        return next((each for each in slot if (each.event, each.etag) == (one.event, one.etag)), None)

    def find(self, one: Publication, ruid: str = "") -> Publication | None:
        """See `Keeper`; the record id does not count in memory."""
        found = self._find(one)
        return replace(found) if found is not None else None

    def update(self, old: Publication, new: Publication, ruid: str = "") -> bool:
        """See `Keeper`."""
        found = self._find(old)
        if found is None:
            return False
        self.delete(found)
        self.insert(replace(new, body=new.body or found.body, sender=new.sender or found.sender, ruid=found.ruid))
        return True

    def delete(self, one: Publication, ruid: str = "") -> None:
        """See `Keeper`."""
        found, key = self._find(one), (one.user, one.domain)
        if found is not None:
            self.slots[key] = [each for each in self.slots[key] if each is not found]
            if not self.slots[key]:
                del self.slots[key]

    def of(self, user: str, domain: str, event: str, *, running: bool) -> list[Publication]:
        """See `Keeper`: the newest first, or by rising priority."""
        now = self.module.now
        found = [
            replace(one)
            for one in self.slots.get((user, domain), ())
            if one.event == event and (not running or one.expires > now)
        ]
        if self.module.retrieve_order == 1:
            found.reverse()
            found.sort(key=lambda one: one.priority)
        return found

    def expired(self) -> list[Publication]:
        """See `Keeper`."""
        now = self.module.now
        return [replace(one) for one in self.everything() if 0 < one.expires <= now]

    def everything(self) -> list[Publication]:
        """See `Keeper`."""
        return [one for slot in list(self.slots.values()) for one in slot]


class Index:
    """publ_cache 1: who has published what, so that the database is not asked in vain; and where they are (spheres)."""

    def __init__(self, module: Presence) -> None:
        self.module = module
        self.entries: dict[tuple[str, str], _Entry] = {}

    def _key(self, uri: str, event: Event) -> tuple[str, str]:
        return (uri.lower() if self.module.sip_uri_match == 1 else uri), event.parsed.name.lower()

    def find(self, uri: str, event: Event) -> _Entry | None:
        """What is known of a presentity; None: nothing is published."""
        return self.entries.get(self._key(uri, event))

    def added(self, uri: str, event: Event, sphere: str | None) -> None:
        """Something more was published."""
        entry = self.entries.setdefault(self._key(uri, event), _Entry(sphere))
        entry.count += 1

    def ended(self, uri: str, event: Event) -> None:
        """Something ended."""
        key = self._key(uri, event)
        entry = self.entries.get(key)
        if entry is not None:
            entry.count -= 1
            if entry.count == 0:
                del self.entries[key]


class _Entry:
    __slots__ = ("count", "sphere")

    def __init__(self, sphere: str | None) -> None:
        self.count, self.sphere = 0, sphere


# -- what documents tell ----------------------------------------------------------------------------------------------
def document(body: str) -> Document | None:
    """The document in a body; None when it is none."""
    try:
        return parse(body)
    except BadDocument:
        return None


def sphere_of(body: str) -> str | None:
    """The `sphere` element with the prefix `rpid`, or `r`, of a presence document."""
    found = document(body)
    if found is None:
        return None
    for prefix in ("rpid", "r"):
        for element in found.root.walk():
            if element.local == "sphere" and element.prefix.lower() == prefix:
                return element.content
    return None


def dialog_of(body: str) -> tuple[bool, str] | None:
    """Whether a document tells of a dialog, and the id of the first; None when it is none."""
    found = document(body)
    if found is None:
        return None
    dialog = found.root.child("dialog")
    return (False, "") if dialog is None else (True, dialog.attribute("id") or "")


def all_dialogs_are(body: str, state: str) -> bool:
    """Whether there are dialogs in a document and all have this state."""
    found = document(body)
    dialogs = [one for one in found.root.elements if one.local == "dialog"] if found is not None else []
    states = [child.content for one in dialogs if (child := one.child("state")) is not None]
    return bool(states) and all(one == state for one in states)
