"""presence: an event server. Phones PUBLISH how things are, others SUBSCRIBE, and get NOTIFYs.

Which events there are, other modules say (presence_xml: presence, presence.winfo, dialog;sla, xcap-diff).

    events.py        what an event package is
    subscription.py  one subscription
    subscribe.py     handle_subscribe()
    publish.py       handle_publish()
    notify.py        NOTIFYs and what their replies mean
    notifier.py      notifier processes: NOTIFYs that wait for their turn
    watchers.py      changed rules; the timer of subscriptions
    bodies.py        what NOTIFYs carry
    table.py         subscriptions in memory
    store.py         subscriptions and watchers in a database
    presentity.py    what was published, in a database or in memory
    xml.py           documents
    variables.py     $subs(), $notify_reply()
    commands.py      RPC commands
    dmq.py           the other nodes

For other modules (`presence = self.server.module("presence")`): `add_event(Event(...))` in their `start()`;
`document()` gives what is published; `refresh()` and `update_watchers()` tell watchers; `sphere()` where somebody is.
Source: presence manual, src/modules/presence/ of 5.6; names of 4.4 and 6.x. RFC 3903, 6665, 3856, 3857.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import EventRoute, FixupError, Int, Param, Route, Str, function
from kamscript.modules._hostport import socket_parts
from kamscript.modules.presence import bodies
from kamscript.modules.presence.commands import Commands
from kamscript.modules.presence.dmq import Replication
from kamscript.modules.presence.events import Event, Events, Failed
from kamscript.modules.presence.notifier import Notifier
from kamscript.modules.presence.notify import NOTIFY_REPLY, Notifying
from kamscript.modules.presence.presentity import Index, Keeper, Memory, Publication, Rows, sphere_of
from kamscript.modules.presence.publish import Publishing
from kamscript.modules.presence.store import Store
from kamscript.modules.presence.subscribe import Refused, Subscribing
from kamscript.modules.presence.subscription import ACTIVE, PENDING, POLITE, POLITE_BLOCK, Subscription
from kamscript.modules.presence.table import Table
from kamscript.modules.presence.variables import Variables
from kamscript.modules.presence.watchers import Watchers
from kamscript.modules.usrloc import make_ruid
from kamscript.modules.xlog import FACILITIES
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.sl import Sl
    from kamscript.modules.tm import Tm

__all__ = ["Event", "Failed", "Presence", "Subscription"]

NO_DB, WRITE_THROUGH, WRITE_BACK, DB_ONLY = range(4)
#: publ_cache: an index of the database; everything in memory.
HYBRID, RECORD = 1, 2
#: Kinds of pres_refresh_watchers().
_RULES, _FILE = 0, 2


class Presence(Variables, Commands, name="presence", requires=("sl", "tm")):
    """An event server: keeps what is published and who watches it, and sends NOTIFYs."""

    db_url = Param("", "Database; without it, and without publ_cache 2, the module serves other modules only.")
    presentity_table = Param("presentity", "Table of what is published.")
    active_watchers_table = Param("active_watchers", "Table of subscriptions.")
    watchers_table = Param("watchers", "Table of what watchers are permitted.")
    clean_period = Param(100, "Seconds between two looks for publications that have expired; 0 or less: never.")
    db_update_period = Param(100, "Seconds between two looks for subscriptions that have expired, which also write.")
    waitn_time = Param(5, "Seconds within which notifier processes tell a change.")
    notifier_poll_rate = Param(10, "How often in a second notifier processes look.")
    notifier_processes = Param(1, "Notifier processes, with subs_db_mode 3; 0: NOTIFYs leave at once.")
    force_delete = Param(0, "1: nobody is told of publications that expire.", since="5.6")
    startup_mode = Param(1, "0: publications that have expired count while they are in the table.", since="5.6")
    expires_offset = Param(0, "Seconds that are taken off the lifetime that a PUBLISH is told.")
    max_expires = Param(3600, "Longest lifetime, seconds.")
    min_expires = Param(0, "Shortest lifetime of a subscription, seconds.")
    min_expires_action = Param(1, "What becomes of shorter ones: 1 refused with 423, 2 made longer.")
    server_address = Param("", "URI for Contact in replies and NOTIFYs; default: the address that the request came to.")
    subs_htable_size = Param(
        9, "Size of the table of subscriptions, as a power of 2.", inert="tables grow by themselves"
    )
    pres_htable_size = Param(
        9, "Size of the table of publications, as a power of 2.", inert="tables grow by themselves"
    )
    subs_db_mode = Param(2, "Subscriptions: 0 in memory, 1 written at once, 2 by a timer, 3 in the database only.")
    publ_cache = Param(1, "Publications: 0 in the database, 1 with an index in memory, 2 in memory only.")
    enable_sphere_check = Param(0, "1: rules may depend on the sphere that is published.")
    timeout_rm_subs = Param(1, "1: a NOTIFY that nobody answers ends its subscription.")
    send_fast_notify = Param(1, "0: no NOTIFY at once behind a SUBSCRIBE.")
    fetch_rows = Param(500, "Rows to read at once.")
    db_table_lock_type = Param(1, "1: lock tables in transactions.", inert="one process asks, one statement at a time")
    local_log_level = Param(2, "Level of the line that each NOTIFY is logged with.")
    local_log_facility = Param(
        "",
        "Its syslog facility.",
        since="5.6",
        check=lambda text: None if text in FACILITIES else "invalid log facility configured",
    )
    subs_remove_match = Param(0, "What a subscription to be removed is found by: 0 the to-tag, 1 the whole dialog.")
    xavp_cfg = Param("", "XAVP with `priority` of a publication, and `delete_subscription` in presence:notify-reply.")
    retrieve_order = Param(0, "1: documents are put together in the order of retrieve_order_by, not of their arrival.")
    retrieve_order_by = Param("priority", "Columns to sort publications by.", since="5.6")
    sip_uri_match = Param(0, "1: URIs are compared without looking at the letter case.")
    cseq_offset = Param(0, "How far the CSeq of a SUBSCRIBE may be behind.", since="5.6")
    enable_dmq = Param(0, "1: tell other nodes of what is published.", since="5.6")
    pres_subs_mode = Param(1, "0: $subs() is null.", since="5.6")
    delete_same_subs = Param(0, "1: a new subscription ends the one with its presentity and Call-ID.", since="5.6")
    timer_mode = Param(1, "Which timer process is used.", since="5.6", inert="there is one process with one timer")
    subs_respond_200 = Param(1, "0: SUBSCRIBE is answered with 202.", since="5.6")
    to_tag_pref = Param("", "Prefix of to-tags.", until="4.4", inert="to-tags are those of sl and tm")
    enable_pres_dmq = Param(1, "0: what is published is not shared (enable_dmq).", since="6.x")
    enable_pres_sync_dmq = Param(1, "0: what is published is not asked for at the start.", since="6.x")
    enable_subs_dmq = Param(0, "1: subscriptions are shared, too.", since="6.x")
    enable_subs_sync_dmq = Param(1, "0: subscriptions are not asked for at the start.", since="6.x")
    skip_notify_dmq = Param(0, "1: what other nodes tell of is not told to watchers.", since="6.x")
    default_socket = Param("", "Socket for subscriptions that other nodes tell of.", since="6.x")
    dmq_peer_id = Param("presence", "Name of the channel on the bus.", since="6.x")

    replied_notify = EventRoute(NOTIFY_REPLY, "A NOTIFY was answered, or was not in time; see $subs, $notify_reply.")

    keeper: Keeper
    store: Store | None = None
    table: Table | None = None
    index: Index | None = None
    notifier: Notifier | None = None
    replication: Replication | None = None

    # -- life ---------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Check parameters, open the database."""
        server = self.server
        self.library = not self.db_url and self.publ_cache != RECORD
        self.events = Events()
        self.requests = self._ruids = 0
        self.started = int(server.timers.now)
        self._log_facility = self.local_log_facility or ""
        self.modern = server.target not in ("4.4", "5.6")
        if self.library:
            self._refuse_functions()
            return
        self._check()
        self.sl: Sl = server.module("sl")
        self.tm: Tm = server.module("tm")
        if self.publ_cache != RECORD or self.subs_db_mode != NO_DB:
            if not self.db_url:
                raise FixupError("database url not set!")
            self.store = Store(self)
        if self.subs_db_mode != DB_ONLY:
            self.table = Table(lambda: self.now, self.same_uri)
        self.keeper = Memory(self) if self.publ_cache == RECORD else Rows(self)
        self.index = Index(self) if self.publ_cache == HYBRID else None
        self.notifying, self.watchers = Notifying(self), Watchers(self)
        self.publishing, self.subscribing = Publishing(self), Subscribing(self)
        if self.subs_db_mode == DB_ONLY and self.notifier_processes > 0 and self.publ_cache != RECORD:
            self.notifier = Notifier(self)
        if self.enable_dmq > 0:
            self.replication = Replication(self)

    def _refuse_functions(self) -> None:
        """As a library the module has no functions that keep something."""
        for name in ("handle_publish", "handle_subscribe"):
            if any(need.kind == "function" and name in need.args for need in self.server.program.needs.values()):
                raise FixupError(f"Bad config - you can not call '{name}' function (db_url not set)")

    def _check(self) -> None:
        if self.min_expires_action not in (1, 2):
            raise FixupError(
                "min_expires_action must be 1 = RFC 6665/3261 Reply 423, 2 = force min_expires value,"
                f" not {self.min_expires_action}"
            )
        self.expires_offset = max(self.expires_offset, 0)
        if self.max_expires <= 0:
            self.max_expires = 3600
        self.min_expires = min(self.min_expires, self.max_expires)
        if self.waitn_time <= 0:
            self.waitn_time = 5
        if self.notifier_poll_rate <= 0:
            self.notifier_poll_rate = 10
        if self.server.target == "4.4":
            self.subs_respond_200 = 0
        if self.default_socket:
            parts = socket_parts(self.default_socket)
            if parts is None or self.server.find_socket(parts[1], parts[2], parts[0]) is None:
                raise FixupError(f"default_socket {self.default_socket} is not a socket that the config listens on")

    def ready(self) -> None:
        """Read what the database has, arm the timers."""
        if self.library:
            return
        timers = self.server.timers
        try:
            self._restore()
            self.fill_index()
        except DatabaseError as error:
            raise FixupError(f"the database cannot be read: {error}") from error
        if self.clean_period > 0:
            timers.every(self.clean_period, self.clean)
        if self.db_update_period > 0:
            timers.every(self.db_update_period, self.watchers.tick)
        if self.notifier is not None:
            self.notifier.start()

    def stop(self) -> None:
        """Write subscriptions that the timer would have written."""
        if self.table is not None and self.subs_db_mode == WRITE_BACK:
            self.watchers.tick(ending=True)

    def _restore(self) -> None:
        """Take subscriptions from the database into memory."""
        if self.store is None or self.table is None:
            return
        for one in self.store.all_rows():
            if one.expires < self.now:
                continue
            one.expires -= self.now
            one.unwritten = 3 if self.subs_db_mode == WRITE_THROUGH else 0
            one.updated = one.updated_winfo = -1
            one.flags = 0
            one.user_agent = ""
            self.table.insert(one)
        if self.subs_db_mode == NO_DB:
            self.store.clear()

    def fill_index(self) -> None:
        """Take into the index in memory who has published something."""
        if self.index is None or not isinstance(self.keeper, Rows):
            return
        for one in self.keeper.index():
            event = self.events.find(one.event)
            if event is not None:
                self.index.added(one.uri, event, sphere_of(one.body) if self.enable_sphere_check else None)

    def clean(self) -> None:
        """Forget what has expired: publications, and watchers that were never decided on."""
        if self.library:
            return
        if self.store is not None:
            try:
                self.store.forget_pending()
                if self.modern:
                    self.store.delete_leftovers()
            except DatabaseError as error:
                self.error(f"cleaning pending subscriptions: {error}")
        self.publishing.clean()

    def in_memory(self) -> list[Publication]:
        """What is published and kept in memory only (publ_cache 2)."""
        return [] if self.library else self.keeper.everything()

    # -- small things -------------------------------------------------------------------------------------------------
    @property
    def now(self) -> int:
        """Unix seconds."""
        return int(self.server.timers.now)

    def error(self, text: str) -> None:
        """An ERROR line."""
        self.server.log.error("presence", text)

    def note(self, text: str) -> None:
        """The line that each NOTIFY has (local_log_level, local_log_facility)."""
        self.server.log.write(self.local_log_level, "presence", text, facility=self._log_facility)

    def same_uri(self, one: str, other: str) -> bool:
        """Whether two URIs, or parts of them, are the same (sip_uri_match)."""
        return one.lower() == other.lower() if self.sip_uri_match == 1 else one == other

    def new_etag(self, count: int) -> str:
        """A new ETag: `count` is how often what it names was changed."""
        return f"a.{self.started}.{self.server.environment.pid}.{self.requests}.{count}"

    def next_ruid(self) -> str:
        """A new record id."""
        self._ruids += 1
        return make_ruid(
            "pres", self.server.settings["server_id"], self.started, self.server.environment.pid, self._ruids
        )

    # -- for other modules --------------------------------------------------------------------------------------------
    def add_event(self, event: Event) -> None:
        """Take an event package in; in `start()` of a module that is loaded behind this one."""
        if not hasattr(self, "events"):
            raise FixupError("presence has not started: load presence.so before the modules that add events")
        self.events.add(event)

    def document(self, pres_uri: str, event: Event) -> str | None:
        """What is published of an event of a presentity, put together; None without anything."""
        return None if self.library else bodies.published(self, pres_uri, event)

    def sphere(self, pres_uri: str) -> str | None:
        """The sphere that a presentity is in, as published; None unknown (get_sphere)."""
        event = self.events.find("presence")
        if not self.enable_sphere_check or event is None or self.library:
            return None
        entry = self.index.find(pres_uri, event) if self.index is not None else None
        if entry is not None:
            return entry.sphere
        try:
            uri = parse_uri(pres_uri)
        except SipError:
            return None
        found = self.keeper.of(uri.user or "", uri.host, "presence", running=False)
        return sphere_of(found[-1].body) if found else None

    def refresh(self, pres_uri: str, name: str, kind: int, file_uri: str = "", filename: str = "") -> bool:
        """Tell watchers that something has changed: their rules (0), or what is published (1; 2: by a file)."""
        event = self.events.find(name)
        if event is None or self.library:
            self.error(f"wrong event parameter {name}")
            return False
        try:
            if kind == _RULES:
                if event.rules is None:
                    raise Failed(f"{name} does not require authorization")
                rules = self.watchers.rules(pres_uri, event)
                if rules is None:
                    raise Failed("no rules doc found for the user")
                self.watchers.update(pres_uri, event, rules)
                return True
            if kind == _FILE:
                self.publishing.hard_state(pres_uri, event, file_uri, filename)
            return self.notifying.refresh(pres_uri, event)
        except (Failed, Refused, DatabaseError) as error:
            self.error(str(error))
            return False

    def update_watchers(self, pres_uri: str, name: str) -> bool:
        """Tell watchers for whom other rules hold now."""
        event = self.events.find(name)
        if event is None or event.rules is None or self.library:
            self.error(f"event {name} has no rules")
            return False
        try:
            rules = self.watchers.rules(pres_uri, event)
            if rules is None:
                return False
            self.watchers.update(pres_uri, event, rules)
        except (Failed, DatabaseError) as error:
            self.error(str(error))
            return False
        return True

    # -- functions ----------------------------------------------------------------------------------------------------
    @function(Route.REQUEST)
    def handle_publish(self, ctx: Context) -> int:
        """Keep what a PUBLISH says, reply, and tell watchers."""
        return self.publishing.handle(ctx, None)

    @function(Route.REQUEST, name="handle_publish")
    def handle_publish_of(self, ctx: Context, sender_uri: Str) -> int:
        """The same, but those at the contact `sender_uri` are not told."""
        return self.publishing.handle(ctx, sender_uri)

    @function(Route.REQUEST)
    def handle_subscribe(self, ctx: Context) -> int:
        """Start, refresh or end a subscription of the From URI, reply, and send NOTIFY."""
        from_ = ctx.msg.from_
        try:
            uri = parse_uri(from_.uri if from_ is not None else "")
        except SipError:
            self.error("failed to find From header")
            self.sl.freply(ctx, 400, "Bad request")
            return 0
        return self.subscribing.handle(ctx, uri.user or "", uri.host)

    @function(Route.REQUEST, name="handle_subscribe")
    def handle_subscribe_of(self, ctx: Context, watcher_uri: Str) -> int:
        """The same for another watcher than the From URI."""
        try:
            uri = parse_uri(watcher_uri)
        except SipError:
            self.error("failed to parse watcher URI")
            return -1
        return self.subscribing.handle(ctx, uri.user or "", uri.host)

    @function(Route.REQUEST)
    def pres_auth_status(self, ctx: Context, watcher_uri: Str, presentity_uri: Str) -> int:
        """Whether somebody may watch the presence of another: 1 yes, 2 pending, 3 no, 4 waiting, 5 politely blocked."""
        if not watcher_uri or not presentity_uri:
            self.error("missing watcher or presentity uri")
            return -1
        event = self.events.find("presence")
        if event is None:
            self.error("event is not registered")
            return -1
        if event.rules is None or event.judge is None:
            return ACTIVE
        try:
            rules = Watchers(self).rules(presentity_uri, event)
            if rules is None:
                return PENDING
            watcher = parse_uri(watcher_uri)
            subs = Subscription(event, presentity_uri, watcher_user=watcher.user or "", watcher_domain=watcher.host)
            subs.rules = rules
            event.judge(subs)
        except (Failed, SipError) as error:
            self.error(str(error))
            return -1
        return POLITE_BLOCK if subs.reason == POLITE else subs.status

    @function(Route.ANY, since="5.6")
    def pres_has_subscribers(self, ctx: Context, presentity_uri: Str, event: Str) -> bool:
        """Whether anybody watches this event of a presentity."""
        if self.events.find(event) is None or self.library:
            self.error("event is not registered")
            return False
        return self.watchers.count(presentity_uri, event) > 0

    @function(Route.ANY, name="pres_refresh_watchers", arity=3)
    def pres_refresh_watchers(self, ctx: Context, uri: Str, event: Str, kind: Int) -> bool:
        """Tell watchers that their rules (0) or what is published (1) have changed."""
        if kind == _FILE:
            self.error("Wrong number of parameters for type 2")
            return False
        return self.refresh(uri, event, kind)

    @function(Route.ANY, name="pres_refresh_watchers", arity=5)
    def pres_refresh_watchers_file(
        self, ctx: Context, uri: Str, event: Str, kind: Int, file_uri: Str, filename: Str
    ) -> bool:
        """Tell watchers that a document in a file has changed (2)."""
        if kind != _FILE:
            self.error(f"Wrong number of parameters for type {kind}")
            return False
        return self.refresh(uri, event, kind, file_uri, filename)

    @function(Route.ANY)
    def pres_update_watchers(self, ctx: Context, uri: Str, event: Str) -> bool:
        """Tell watchers for whom other rules hold now."""
        return self.update_watchers(uri, event)
