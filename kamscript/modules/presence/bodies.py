"""What NOTIFYs carry: the document of what is published, and who watches (presence/notify.c)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from kamscript.modules.presence.subscription import PENDING, STATES, WAITING, WINFO_WAITING, Subscription, uri_of
from kamscript.modules.presence.xml import Document, Element, Text
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.modules.presence import Presence
    from kamscript.modules.presence.events import Event
    from kamscript.modules.presence.presentity import Publication

#: URI, identity and status of a watcher.
Watcher = tuple[str, str, int]


def published(module: Presence, pres_uri: str, event: Event, etag: str = "", contact: str = "") -> str | None:
    """The document of an event of a presentity as it is now, None without one; `etag` has just ended.

    Of a shared line, whoever published it last (at `contact`) is told nothing of it.
    """
    try:
        uri = parse_uri(pres_uri)
    except SipError:
        module.error("while parsing uri")
        return None
    user, domain = uri.user or "", uri.host
    found: list[Publication] = []
    if module.index is None or module.index.find(pres_uri, event) is not None:
        found = module.keeper.of(user, domain, event.name, running=module.startup_mode == 1)
    if not found:
        return event.aggregate(user, domain, None, -1) if event.aggregate is not None else None
    if event.aggregate is None:
        last = found[-1]
        if event.is_sla and contact and last.sender and module.same_uri(last.sender, contact):
            return _empty_line(pres_uri)
        if not last.body:
            module.error("NULL notify body record")
        return last.body or None
    if any(not one.body for one in found):
        module.error("Empty notify body record")
        return None
    ended = next((at for at, one in reversed(list(enumerate(found))) if etag and one.etag == etag), -1)
    return event.aggregate(user, domain, [one.body for one in found], ended)


def _empty_line(pres_uri: str) -> str:
    root = Element("dialog-info")
    root.namespaces = [("", "urn:ietf:params:xml:ns:dialog-info")]
    root.attributes = [("version", "1"), ("state", "full"), ("entity", pres_uri)]
    return Document(root).dump()


def watchers_of(module: Presence, subs: Subscription, only: Subscription | None = None) -> str:
    """The watcher information for a subscription to it: all watchers, or `only` one that changed."""
    event = subs.event.peer
    assert event is not None
    if only is not None:
        return winfo(subs, event, [_watcher(only)], full=False)
    if module.table is None:
        assert module.store is not None
        where = [("presentity_uri", "=", subs.pres_uri), ("event", "=", event.name)]
        rows = module.store.rows([*where, ("expires", ">", module.now + module.expires_offset)])
        return winfo(subs, event, [_watcher(one) for one in reversed(rows)])
    now = module.now
    found = [_watcher(one) for one in module.table.of(subs.pres_uri, event) if one.expires >= now]
    if module.store is not None:
        known = {uri for uri, _, _ in found}
        for status, _, user, domain in module.store.permissions(subs.pres_uri, event.name):
            uri = uri_of(user, domain)
            if status == PENDING and uri not in known:
                known.add(uri)
                found.insert(0, (uri, b64encode(uri.encode("latin-1")).decode(), WAITING))
    return winfo(subs, event, found)


def changed_watchers_of(module: Presence, subs: Subscription) -> str:
    """The same for those that a notifier process has to tell of."""
    event = subs.event.peer
    assert event is not None and module.store is not None
    where = {"presentity_uri": subs.pres_uri, "event": event.name, "updated_winfo": WINFO_WAITING}
    return winfo(subs, event, [_watcher(one) for one in reversed(module.store.rows(where))], full=False)


def _watcher(subs: Subscription) -> Watcher:
    return uri_of(subs.watcher_user, subs.watcher_domain), subs.callid, subs.status


def winfo(subs: Subscription, event: Event, watchers: list[Watcher], *, full: bool = True) -> str:
    """A document of watchers (RFC 3858)."""
    root = Element("watcherinfo")
    root.namespaces = [("", "urn:ietf:params:xml:ns:watcherinfo")]
    root.attributes = [("version", str(subs.version)), ("state", "full" if full else "partial")]
    listing = Element("watcher-list")
    listing.attributes = [("resource", subs.pres_uri), ("package", event.name)]
    root.append(listing)
    for uri, identity, status in watchers:
        watcher = Element("watcher")
        watcher.attributes = [("id", identity), ("event", "subscribe"), ("status", STATES.get(status, ""))]
        watcher.append(Text(uri))
        listing.append(watcher)
    return Document(root).dump()
