"""RPC commands of presence (presence manual, 5; 6.x adds three)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.rpc import Rpc, Struct, missing
from kamscript.module import Module, rpc
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.modules.presence import Presence
    from kamscript.modules.presence.presentity import Publication
    from kamscript.modules.presence.subscription import Subscription

_FEW = missing(500, "Not enough parameters")


class Commands(Module):
    """The commands of `Presence`."""

    @rpc("presence.cleanup")
    def rpc_cleanup(self: Presence, rpc: Rpc) -> str:  # type: ignore[misc]
        """Forget at once what has expired, and bring the database to what memory says."""
        self.clean()
        if not self.library:
            self.watchers.tick()
        return "Reload OK"

    @rpc("presence.refreshWatchers", since="5.6")
    @_FEW
    def rpc_refresh_watchers(  # type: ignore[misc]
        self: Presence, rpc: Rpc, uri: str, event: str, kind: int, file_uri: str = "", filename: str = ""
    ) -> None:
        """Tell watchers: 0 their rules, 1 the published state, 2 a document in a file has changed."""
        if not uri:
            raise rpc.fault(500, "Empty presentity URI")
        if not event:
            raise rpc.fault(500, "Empty event parameter")
        if kind == 2:
            if len(rpc.arguments) < 5:
                raise rpc.fault(500, "No file uri or name parameters")
            if not file_uri:
                raise rpc.fault(500, "Empty file uri parameter")
            if not filename:
                raise rpc.fault(500, "Empty file name parameter")
        if not self.refresh(uri, event, kind, file_uri, filename):
            raise rpc.fault(500, "Execution failed")

    @rpc("presence.updateWatchers", since="5.6")
    @_FEW
    def rpc_update_watchers(self: Presence, rpc: Rpc, uri: str, event: str) -> None:  # type: ignore[misc]
        """Tell watchers for whom other rules hold now."""
        if not uri:
            raise rpc.fault(500, "Empty presentity URI")
        if not event:
            raise rpc.fault(500, "Empty event parameter")
        if not self.update_watchers(uri, event):
            raise rpc.fault(500, "Processing error")

    @rpc("presence.presentity_list", since="5.6")
    def rpc_presentity_list(self: Presence, rpc: Rpc, mode: str = "") -> None:  # type: ignore[misc]
        """List what is published and kept in memory (publ_cache 2); `full`: with the documents."""
        for one in self.in_memory():
            rpc.add(_publication(one, full=mode == "full"))

    @rpc("presence.presentity_show", since="6.x")
    @_FEW
    def rpc_presentity_show(self: Presence, rpc: Rpc, mode: str, user: str, domain: str) -> None:  # type: ignore[misc]
        """The same (`basic` or `full`) of one user and domain; `*` is any."""
        full = _full(rpc, mode)
        for one in self.in_memory():
            if _is(user, one.user) and _is(domain, one.domain):
                rpc.add(_publication(one, full=full))

    @rpc("presence.watcher_list", since="6.x")
    @_FEW
    def rpc_watcher_list(self: Presence, rpc: Rpc, mode: str, uri: str) -> None:  # type: ignore[misc]
        """List the watchers of a presentity that are kept in memory, `basic` or `full`."""
        full = _full(rpc, mode)
        for one in self.table if self.table is not None else ():
            if one.pres_uri.lower() == uri.lower():
                rpc.add(_watcher(one, full=full))

    @rpc("presence.publish_cache_sync", since="6.x")
    def rpc_publish_cache_sync(self: Presence, rpc: Rpc) -> str:  # type: ignore[misc]
        """Take what somebody else wrote into the table of publications into the index in memory."""
        try:
            self.fill_index()
        except DatabaseError:
            raise rpc.fault(500, "Failed to sync presinity table with the publish cache.") from None
        return "OK"


def _full(rpc: Rpc, mode: str) -> bool:
    if mode not in ("full", "basic"):
        raise rpc.fault(500, "Unknown output mode")
    return mode == "full"


def _is(wanted: str, text: str) -> bool:
    return wanted in ("", "*") or wanted.lower() == text.lower()


def _publication(one: Publication, *, full: bool) -> Struct:
    told = Struct(
        user=one.user, domain=one.domain, event=one.event, etag=one.etag, sender=one.sender, expires=one.expires
    )
    if full:
        told.add("received_time", one.received)
        told.add("priority", one.priority)
        told.add("ruid", one.ruid)
        told.add("body", one.body)
        told.add("hashid", one.slot)
    return told


def _watcher(one: Subscription, *, full: bool) -> Struct:
    told = Struct()
    for name in ("pres_uri", "to_user", "to_domain", "from_user", "from_domain", "watcher_user", "watcher_domain"):
        told.add(name, getattr(one, name))
    for name in ("contact", "event_id", "callid", "user_agent", "expires", "status", "version", "flags"):
        told.add(name, getattr(one, name))
    if full:
        for name in ("reason", "to_tag", "from_tag", "socket", "local_contact", "record_route"):
            told.add(name, getattr(one, name))
        told.add("auth_rules", one.rules or "")
        for name in ("remote_cseq", "local_cseq"):
            told.add(name, getattr(one, name))
        told.add("recv_event", int(one.by_request))
        told.add("updated", one.updated)
        told.add("updated_winfo", one.updated_winfo)
    return told
