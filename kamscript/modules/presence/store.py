"""Subscriptions and watchers in a database: tables active_watchers and watchers (presence/subscribe.c, notify.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kamscript import stores
from kamscript.modules.presence.subscription import ACTIVE, NOT_WAITING, PENDING, Subscription
from kamscript.values import wrap

if TYPE_CHECKING:
    from kamscript.modules.presence import Presence
    from kamscript.modules.presence.events import Event

PRESENTITY_VERSION: Final = 5
ACTIVE_WATCHERS_VERSION: Final = 12
WATCHERS_VERSION: Final = 3

#: Column and attribute of what a row of active_watchers says.
_TEXTS: Final = {
    "presentity_uri": "pres_uri",
    "callid": "callid",
    "to_tag": "to_tag",
    "from_tag": "from_tag",
    "to_user": "to_user",
    "to_domain": "to_domain",
    "from_user": "from_user",
    "from_domain": "from_domain",
    "watcher_username": "watcher_user",
    "watcher_domain": "watcher_domain",
    "event_id": "event_id",
    "reason": "reason",
    "record_route": "record_route",
    "contact": "contact",
    "local_contact": "local_contact",
    "socket_info": "socket",
    "user_agent": "user_agent",
}
_NUMBERS: Final = {
    "local_cseq": "local_cseq",
    "remote_cseq": "remote_cseq",
    "expires": "expires",
    "status": "status",
    "version": "version",
    "flags": "flags",
    "updated": "updated",
    "updated_winfo": "updated_winfo",
}
_COLUMNS: Final = (*_TEXTS, *_NUMBERS, "event")
_DIALOG: Final = ("callid", "to_tag", "from_tag")
#: Where a URI has no user there is none to be written, which the tables do not take.
_USERS: Final = ("to_user", "from_user", "watcher_username")
_DAY: Final = 24 * 3600


class Store:
    """The database of one server's subscriptions. Methods raise stores.DatabaseError."""

    def __init__(self, module: Presence) -> None:
        """Connect, and refuse the start for tables of another version; raises FixupError."""
        self.module = module
        self.db = stores.bind(module.server, module.db_url)
        self.active, self.watchers = module.active_watchers_table, module.watchers_table
        db = self.db
        for name, like in (
            (module.presentity_table, "presentity"),
            (self.watchers, "watchers"),
            (self.active, "active_watchers"),
        ):
            if stores.table(name) is None:
                db.adopt(name, like)
        db.check_version(module.presentity_table, PRESENTITY_VERSION)
        db.check_version(self.watchers, WATCHERS_VERSION)
        if module.subs_db_mode != 0:
            db.check_version(self.active, ACTIVE_WATCHERS_VERSION)

    # -- active_watchers ----------------------------------------------------------------------------------------------
    def rows(self, where: Any = ()) -> list[Subscription]:
        """Subscriptions as rows have them: with absolute times; those to events that nobody knows are left out."""
        found = (self._read(row) for row in self.db.query(self.active, _COLUMNS, where))
        return [one for one in found if one is not None]

    def all_rows(self) -> list[Subscription]:
        """All of them."""
        parts = self.db.fetch(self.active, _COLUMNS, size=max(self.module.fetch_rows, 1))
        found = (self._read(row) for part in parts for row in part)
        return [one for one in found if one is not None]

    def _read(self, row: tuple[Any, ...]) -> Subscription | None:
        event = self.module.events.find(str(row[-1] or ""))
        if event is None:
            self.module.error(f"event not found: {row[-1]}")
            return None
        subs = Subscription(event)
        for attribute, value in zip((*_TEXTS.values(), *_NUMBERS.values()), row, strict=False):
            kind = type(getattr(subs, attribute))
            setattr(subs, attribute, kind(value) if value is not None else kind())
        subs.remote_cseq &= 0xFFFFFFFF  # the column is a signed integer
        return subs

    def _dialog(self, subs: Subscription) -> dict[str, Any]:
        return dict(zip(_DIALOG, subs.dialog, strict=True))

    def insert(self, subs: Subscription, *, expires: int, timer: bool = False) -> None:
        """Add a row. `timer`: as the timer of mode 2 does, without flags."""
        row: dict[str, Any] = {column: getattr(subs, name) for column, name in {**_TEXTS, **_NUMBERS}.items()}
        row["event"], row["expires"], row["remote_cseq"] = subs.event.name, expires, wrap(subs.remote_cseq)
        row["event_id"], row["reason"] = subs.event_id or None, subs.reason or None
        if not timer:
            row["record_route"] = subs.record_route or None
            row |= {name: row[name] or None for name in _USERS}
        else:
            row["updated"] = row["updated_winfo"] = NOT_WAITING
            del row["flags"]
        self.db.insert(self.active, row)

    def refreshed(self, subs: Subscription, *, both: bool = False) -> None:
        """A SUBSCRIBE came in the dialog; with `both` a NOTIFY is counted, too."""
        row: dict[str, Any] = {"expires": subs.expires + self.module.now, "remote_cseq": wrap(subs.remote_cseq)}
        row |= {"updated": subs.updated, "updated_winfo": subs.updated_winfo}
        row |= {"contact": subs.contact, "record_route": subs.record_route or None}
        if both:
            row |= {"local_cseq": subs.local_cseq, "version": subs.version}
        row |= {"status": subs.status, "reason": subs.reason or None}
        self.db.update(self.active, row, self._dialog(subs))

    def notified(self, subs: Subscription) -> None:
        """A NOTIFY is about to leave."""
        row = {"local_cseq": subs.local_cseq, "version": subs.version, "status": subs.status}
        row["reason"] = subs.reason or None  # type: ignore[assignment]
        self.db.update(self.active, row, self._dialog(subs))

    def written_back(self, subs: Subscription) -> None:
        """Bring the row to what memory says."""
        row = {
            name: getattr(subs, name)
            for name in ("expires", "status", "reason", "remote_cseq", "local_cseq", "version", "contact")
        }
        row |= {"record_route": subs.record_route, "reason": subs.reason or None, "remote_cseq": wrap(subs.remote_cseq)}
        self.db.update(self.active, row, {"presentity_uri": subs.pres_uri, **self._dialog(subs)})

    def change(self, subs: Subscription, **columns: Any) -> int:
        """Set columns of a row; how many rows there were."""
        return self.db.update(self.active, columns, self._dialog(subs))

    def change_of(self, pres_uri: str, event: str, **columns: Any) -> int:
        """Set columns of all rows of an event of a presentity."""
        return self.db.update(self.active, columns, {"presentity_uri": pres_uri, "event": event})

    def find(self, subs: Subscription) -> list[Subscription]:
        """The rows of a dialog."""
        return self.rows(self._dialog(subs))

    def delete(self, subs: Subscription) -> None:
        """Remove the row of a dialog."""
        self.db.delete(self.active, self._dialog(subs))

    def delete_expired(self, before: int) -> None:
        """Remove rows that expired before a time."""
        self.db.delete(self.active, [("expires", "<", before)])

    def delete_leftovers(self) -> None:
        """6.x: the timer that cleans the other tables looks at this one, too."""
        self.db.delete(self.active, [("expires", "<", self.module.now), ("expires", ">", 0)])

    def clear(self) -> None:
        """Remove all rows."""
        self.db.delete(self.active)

    def told(self, pres_uri: str, event: Event, sender: str | None) -> list[Subscription]:
        """Who is to be told of a change, the newest first: active ones, but not at the contact `sender`."""
        where = [("presentity_uri", "=", pres_uri), ("event", "=", event.name), ("status", "=", ACTIVE)]
        found = self.rows([*where, ("contact", "!=", sender or "")])
        return [one for one in reversed(found) if not one.reason]

    def of_watcher(self, subs: Subscription) -> list[Subscription]:
        """All subscriptions of one watcher to an event of a presentity."""
        return self.rows(self._of_watcher(subs))

    def change_of_watcher(self, subs: Subscription, **columns: Any) -> None:
        """Set columns of them."""
        self.db.update(self.active, columns, self._of_watcher(subs))

    def delete_of_watcher(self, subs: Subscription) -> None:
        """Remove them."""
        self.db.delete(self.active, self._of_watcher(subs))

    def _of_watcher(self, subs: Subscription) -> dict[str, Any]:
        return {"event": subs.event.name, **self._who(subs)}

    def count(self, pres_uri: str, event: str) -> int:
        """How many watch an event of a presentity."""
        return len(self.db.query(self.active, ["callid"], {"presentity_uri": pres_uri, "event": event}))

    # -- watchers -----------------------------------------------------------------------------------------------------
    def _who(self, subs: Subscription) -> dict[str, Any]:
        return {
            "presentity_uri": subs.pres_uri,
            "watcher_username": subs.watcher_user,
            "watcher_domain": subs.watcher_domain,
        }

    def permission(self, subs: Subscription) -> tuple[int, str] | None:
        """The status and reason that a watcher was given; None when nothing was decided yet."""
        rows = self.db.query(self.watchers, ["status", "reason"], {**self._who(subs), "event": subs.event.name})
        return (int(rows[0][0] or 0), str(rows[0][1] or "")) if rows else None

    def permit(self, subs: Subscription) -> None:
        """Keep the status and reason of a watcher."""
        row = {**self._who(subs), "event": subs.event.name, "status": subs.status, "reason": subs.reason}
        row["watcher_username"] = subs.watcher_user or None
        self.db.insert(self.watchers, row | {"inserted_time": self.module.now})

    def permissions(self, pres_uri: str, event: str) -> list[tuple[int, str, str, str]]:
        """Status, reason, user and domain of all watchers of an event of a presentity."""
        columns = ["status", "reason", "watcher_username", "watcher_domain"]
        rows = self.db.query(self.watchers, columns, {"presentity_uri": pres_uri, "event": event})
        return [(int(row[0] or 0), *(str(value or "") for value in row[1:])) for row in rows]  # type: ignore[misc]

    def repermit(self, subs: Subscription) -> None:
        """Change the status and reason of a watcher."""
        where = {**self._who(subs), "event": subs.event.name}
        self.db.update(self.watchers, {"status": subs.status, "reason": subs.reason}, where)

    def forget_pending(self) -> None:
        """Remove watchers that have been pending for a day."""
        where = [("inserted_time", "<", self.module.now - _DAY), ("status", "=", PENDING)]
        self.db.delete(self.watchers, where)
