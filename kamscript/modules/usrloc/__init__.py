"""usrloc: the location table that registrar and others keep contacts in.

    contact.py    one contact, and what a registration says about it
    domain.py     a table: addresses of record, matching, order, the timer
    store.py      the same in a database
    keepalive.py  requests that keep contacts reachable
    commands.py   the ul.* RPC commands

Other modules reach it as `server.module("usrloc")`::

    table = usrloc.register_domain("location")
    record = table.get_record("alice")
    usrloc.register_callback(Event.EXPIRE, self.expired)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from kamscript.module import Counter, FixupError, Module, Param, Statistic, rpc
from kamscript.modules.usrloc import commands
from kamscript.modules.usrloc.contact import ALL_METHODS, FL_MEM, Contact, ContactInfo
from kamscript.modules.usrloc.domain import (
    DB_ONLY,
    DB_READONLY,
    NO_DB,
    WRITE_BACK,
    WRITE_THROUGH,
    DbDomain,
    Domain,
    Event,
    Match,
    Record,
)
from kamscript.modules.usrloc.keepalive import Keepalive
from kamscript.modules.usrloc.store import Store

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc

__all__ = [
    "ALL_METHODS",
    "FL_MEM",
    "Contact",
    "ContactInfo",
    "Domain",
    "Event",
    "Match",
    "Record",
    "Usrloc",
]

#: `(contact, event)`: called when something happened to a contact.
ContactCallback = Callable[[Contact, Event], object]

_L_ERR, _L_WARN, _L_INFO = -1, 0, 2
_PRELOADED_TABLES = 8


class Usrloc(Module, name="usrloc"):
    """Keep the contacts of users, in memory, in a database, or both. It has no functions of its own."""

    # Columns of the location table.
    ruid_column = Param("ruid", "Column of the record id.")
    user_column = Param("username", "Column of the user part.")
    domain_column = Param("domain", "Column of the domain part.")
    contact_column = Param("contact", "Column of the contact URI.")
    expires_column = Param("expires", "Column of the time of expiry.")
    q_column = Param("q", "Column of the q value.")
    callid_column = Param("callid", "Column of the Call-ID.")
    cseq_column = Param("cseq", "Column of the CSeq number.")
    methods_column = Param("methods", "Column of the supported methods.")
    flags_column = Param("flags", "Column of the internal flags.")
    cflags_column = Param("cflags", "Column of the branch flags.")
    user_agent_column = Param("user_agent", "Column of the User-Agent.")
    received_column = Param("received", "Column of the source address of the REGISTER.")
    socket_column = Param("socket", "Column of the local socket.")
    path_column = Param("path", "Column of the Path.")
    instance_column = Param("instance", "Column of the +sip.instance value.")
    reg_id_column = Param("reg_id", "Column of the reg-id value.")
    server_id_column = Param("server_id", "Column of the server id.")
    connection_id_column = Param("connection_id", "Column of the connection id.")
    keepalive_column = Param("keepalive", "Column that tells whether to send keepalives.")
    partition_column = Param("partition", "Column of the keepalive partition.", since="5.6")

    db_url = Param("mysql://kamailio:kamailiorw@localhost/kamailio", "Database of the location tables.")
    db_mode = Param(0, "0 memory only, 1 write through, 2 write back, 3 database only, 4 read at start only.")
    db_load = Param(1, "Load the contacts from the database at start.", since="5.6")
    db_insert_update = Param(0, "Update the row when an insert finds its key taken.", since="5.6")
    db_update_as_insert = Param(0, "Insert where a row would be updated.")
    db_check_update = Param(0, "Insert when an update changed no row.")
    db_ops_ruid = Param(1, "Find rows by record id (1) or by address, contact and Call-ID (0).")
    db_raw_fetch_type = Param(0, "SQL of keepalive queries: 0 common, 1 Oracle.", inert="no Oracle driver is there")
    db_insert_null = Param(0, "Name columns that are null when inserting.")
    db_timer_clean = Param(0, "Let the timer delete expired rows in modes 1 and 2 too.")
    db_clean_tcp = Param(0, "Delete contacts over connections from the database before loading.", since="5.6")
    expires_type = Param(0, "Type of the time columns: 0 DATETIME, 1 BIGINT.")
    fetch_rows = Param(2000, "Rows read at once when loading.")
    version_table = Param(1, "Check the version of the location table.", since="5.6")
    server_id_filter = Param(0, "Load and clean only rows of this server's id.")
    skip_remote_socket = Param(0, "Do not load contacts of sockets that are not local.")
    load_rank = Param(
        1, "Rank of the process that loads the contacts.", since="5.6", inert="there is one process, which loads them"
    )

    use_domain = Param(0, "Keep the domain in addresses of record.")
    desc_time_order = Param(0, "Order contacts by time, the newest first, instead of by q.")
    timer_interval = Param(60, "Seconds between two runs of the timer.")
    timer_procs = Param(0, "Timer processes; each takes its share of the hash slots.")
    matching_mode = Param(0, "0 contact, 1 contact and Call-ID, 2 contact and Path, 3 Call-ID.")
    cseq_delay = Param(20, "Seconds in which the same CSeq is taken for a retransmission.")
    hash_size = Param(10, "The hash table has 2^hash_size slots.")
    preload = Param("", "Location table to load that registrar's functions do not name.", repeat=True)
    nat_bflag = Param(-1, "Branch flag that marks contacts behind a NAT; -1 none.")
    xavp_contact = Param("", "XAVP whose values are kept with each contact.")
    handle_lost_tcp = Param(0, "Expire contacts whose connection is gone.")
    close_expired_tcp = Param(0, "Close the connection of a contact that expires.")
    rm_expired_delay = Param(0, "Seconds to keep expired rows in mode 3.", since="5.6")

    ka_mode = Param(0, "Keepalives: 1 to all contacts, 2 only behind NAT, 4 only over UDP; 0 none.", since="5.6")
    ka_method = Param("OPTIONS", "Method of keepalive requests.", since="5.6")
    ka_from = Param("sip:server@kamailio.org", "From URI of keepalive requests.", since="5.6")
    ka_domain = Param("kamailio.org", "Domain of their To URI when the address of record has none.", since="5.6")
    ka_filter = Param(0, "1: only contacts of this server's id.", since="5.6")
    ka_timeout = Param(0, "Seconds without an answer after which a contact expires; 0 never.", since="5.6")
    ka_interval = Param(-1, "Least seconds between two keepalives to a contact; 0 at every timer run.", since="6.x")
    ka_randomize = Param(20, "Up to so many seconds are added to ka_interval by chance.", since="6.x")
    ka_reply_codes = Param("0", "Reply codes and classes that count as an answer; 0 all.", since="6.x")
    ka_loglevel = Param(255, "Log level of the line about each answer; 255 none.", since="5.6")
    ka_logmsg = Param(" to-uri: [$tu] remote-addr: [$sas]", "Text at the end of that line.", since="5.6")

    registered_users = Statistic("registered_users", "Addresses of record in memory.", read="count_users")

    # Until `start` ran there is no database and no table.
    db: Any = None
    slot_count = 512
    #: Into how many parts keepalives share the rows of a database; nathelper sets it (set_max_partition). 0: none.
    max_partition = 0
    nat_flag = 0

    def start(self) -> None:
        """Check the parameters, open the database, make the preloaded tables."""
        self.domains: dict[str, Domain] = {}
        self._callbacks: list[tuple[Event, ContactCallback]] = []
        self._ruid_count = 0
        self._ruid_start = int(self.server.timers.now)
        if self.rm_expired_delay and self.db_mode != DB_ONLY:
            raise FixupError("rm expired delay feature is available for db only mode")
        if self.rm_expired_delay < 0:
            self.log(_L_WARN, f"rm expired delay value is negative ({self.rm_expired_delay}) - setting it to 0")
            self.rm_expired_delay = 0
        self.slot_count = 512 if self.hash_size <= 1 else 1 << self.hash_size
        if not 0 <= self.matching_mode <= 3:
            self.error(f"invalid matching mode {self.matching_mode}")
        if self.db_mode != NO_DB and self.fetch_rows <= 0:
            raise FixupError(f"invalid fetch_rows number '{self.fetch_rows}'")
        if self.nat_bflag >= 32:
            raise FixupError(f"bflag index ({self.nat_bflag}) too big!")
        self.nat_flag = 0 if self.nat_bflag == -1 else 1 << (self.nat_bflag & 31)
        self.store = Store(self)
        self.keepalive = Keepalive(self)
        if self.ka_mode and self.timer_procs > 1:
            self.max_partition = self.timer_procs
        if len(self.preload) > _PRELOADED_TABLES:
            raise FixupError("too many preloaded tables")
        if self.db_mode != NO_DB:
            self.store.open()
        for name in self.preload:
            self.register_domain(name)
        if self.server.plan.checked:
            # The functions of the script named their tables when the first server of this program fixed them up.
            for name in list(self.server.plan.shared.get("location tables", ())):
                self.register_domain(name)
        if self.handle_lost_tcp and self.db_mode == DB_ONLY:
            self.log(_L_WARN, "handle_lost_tcp option makes nothing in DB_ONLY mode")

    def ready(self) -> None:
        """Load the contacts and start the timers."""
        if self.db_mode in (WRITE_THROUGH, WRITE_BACK, DB_READONLY) and (self.db_load or self.db_mode == DB_READONLY):
            for table in self.newest_first():
                self.store.preload(table)
        if self.timer_interval > 0:
            step = max(self.timer_procs, 1)
            for first in range(step):
                self.server.timers.every(self.timer_interval, partial(self.run_timer, first, step))
            if self.db_timer_clean and self.db_mode in (WRITE_THROUGH, WRITE_BACK):
                self.server.timers.every(self.timer_interval, self._clean)

    def stop(self) -> None:
        """Write what is only in memory."""
        if self.db_mode in (WRITE_THROUGH, WRITE_BACK):
            self.keepalive.silent = True
            self.synchronize()

    # -- what other modules use -----------------------------------------------------------------------------------
    @property
    def now(self) -> int:
        """Unix time in whole seconds."""
        return int(self.server.timers.now)

    def register_domain(self, name: str) -> Domain:
        """The table of that name, made when it is new; FixupError when the database does not have it."""
        table = self.domains.get(name)
        if table is None:
            if self.db_mode != NO_DB:
                self.store.check(name)
            self.server.plan.shared.setdefault("location tables", {})[name] = None
            table = self.domains[name] = (DbDomain if self.db_mode == DB_ONLY else Domain)(self, name)
        return table

    def get_domain(self, name: str) -> Domain | None:
        """The table of that name, if it was registered."""
        return self.domains.get(name)

    def newest_first(self) -> list[Domain]:
        """The tables in the order of Kamailio's list: the last registered first."""
        return list(reversed(self.domains.values()))

    def register_callback(self, events: Event, callback: ContactCallback) -> None:
        """Call back for each of these events; the last registered is called first."""
        self._callbacks.insert(0, (events, callback))

    def run_callbacks(self, event: Event, contact: Contact) -> None:
        """Tell those who asked."""
        for events, callback in self._callbacks:
            if events & event:
                callback(contact, event)

    def wants(self, event: Event) -> bool:
        """Whether anybody asked for the event."""
        return any(events & event for events, _ in self._callbacks)

    def all_contacts(self, flags: int = 0, part: int = 0, parts: int = 1, *, own: bool = False) -> Iterator[Contact]:
        """Contacts of all tables that have all these branch flags (get_all_ucontacts, for nathelper).

        `part` of `parts` shares the work by hash slot; `own` takes only contacts of this server's id. A contact over
        UDP that missed its keepalives for `ka_timeout` seconds is left out and expires within 10 seconds.
        """
        for table in self.newest_first():
            if isinstance(table, DbDomain):
                yield from self.store.live_contacts(table, part, natted=bool(flags & self.nat_flag), own=own)
                continue
            for record in table.records(part, parts):
                for contact in record.contacts:
                    if contact.cflags & flags != flags or (own and contact.server_id != self.server_id):
                        continue
                    if contact.sock and contact.sock.proto == "udp" and self.keepalive.overdue(contact):
                        self.keepalive.expire_soon(contact)
                    else:
                        yield contact

    def refresh_keepalive(self, aorhash: int, ruid: str, roundtrip: int = 0) -> None:
        """A contact answered a keepalive, after `roundtrip` microseconds."""
        for table in self.newest_first():
            found = table.by_ruid(aorhash, ruid)
            if found:
                found[1].last_keepalive, found[1].ka_roundtrip = self.now, roundtrip
                return

    def ka_timing(self) -> tuple[int, int]:
        """ka_interval and ka_randomize. Before 6.x keepalives went out at every run of the timer."""
        if self.ka_interval >= 0:
            return self.ka_interval, self.ka_randomize
        return (40, self.ka_randomize) if self.server.target == "6.x" else (0, 0)

    def next_ruid(self, prefix: str = "ulcx") -> str:
        """A new record id: `ulcx-[server id-]start-pid-count` in hexadecimal, the count's digits backwards."""
        self._ruid_count += 1
        return make_ruid(prefix, self.server_id, self._ruid_start, self.server.environment.pid, self._ruid_count)

    @property
    def server_id(self) -> int:
        """The core parameter server_id."""
        value: int = self.server.settings.get("server_id") or 0
        return value

    def fix_aor(self, aor: str) -> str | None:
        """An address of record as the table keys it; None when it lacks the domain that use_domain asks for."""
        user, at, _ = aor.partition("@")
        if self.use_domain:
            if not at:
                return None
        else:
            aor = user
        return aor if self.case_sensitive else aor.lower()

    @property
    def case_sensitive(self) -> bool:
        """Whether registrar keeps the case of addresses of record."""
        return bool(self.server.shared.get("aor_case_sensitive", False))

    def connection_lost(self, contact: Contact) -> bool:
        """Whether the contact registered over a connection that is not open any more."""
        return contact.over_stream() and not self.server.connection_open(contact.tcpconn_id)

    def close_connection(self, connection: int) -> None:
        """Ask the driver to close a connection."""
        self.server.close_connection(connection)

    # -- RPC ------------------------------------------------------------------------------------------------------
    # An argument that is missing is told in Kamailio's words, so all have defaults.

    @rpc("ul.dump")
    def rpc_dump(self, rpc: Rpc, brief: str = "") -> None:
        """Everything in the location tables; `brief` leaves the contacts out."""
        commands.dump(self, rpc, brief)

    @rpc("ul.lookup")
    def rpc_lookup(self, rpc: Rpc, table: str = "", aor: str = "") -> None:
        """The contacts that one address of record has in a table."""
        commands.lookup(self, rpc)

    @rpc("ul.rm")
    def rpc_remove(self, rpc: Rpc, table: str = "", aor: str = "") -> None:
        """Forget an address of record with all its contacts."""
        commands.remove(self, rpc)

    @rpc("ul.rm_contact")
    def rpc_remove_contact(self, rpc: Rpc, table: str = "", aor: str = "", contact: str = "") -> None:
        """Forget one contact of an address of record."""
        commands.remove_contact(self, rpc, contact)

    @rpc("ul.flush")
    def rpc_flush(self, rpc: Rpc) -> None:
        """Write what changed in memory to the database now."""
        commands.flush(self, rpc)

    @rpc("ul.add")
    def rpc_add(
        self,
        rpc: Rpc,
        table: str = "",
        aor: str = "",
        contact: str = "",
        expires: int = 0,
        q: float = 0.0,
        path: str = "",
        flags: int = 0,
        cflags: int = 0,
        methods: int = 0,
        received: str = "",
        socket: str = "",
    ) -> None:
        """Register a contact by hand. `0` or `.` stands for an argument that is not set."""
        commands.add(self, rpc, contact, expires, q, path, flags, cflags, methods, received, socket)

    @rpc("ul.db_users")
    def rpc_db_users(self, rpc: Rpc, table: str = "") -> None:
        """How many addresses of record have live rows in a table; needs a db_mode other than 0."""
        commands.db_users(self, rpc)

    @rpc("ul.db_contacts")
    def rpc_db_contacts(self, rpc: Rpc, table: str = "") -> None:
        """How many live rows a table has; needs a db_mode other than 0."""
        commands.db_contacts(self, rpc)

    @rpc("ul.db_expired_contacts")
    def rpc_db_expired(self, rpc: Rpc, table: str = "") -> None:
        """How many expired rows a table still has; needs a db_mode other than 0."""
        commands.db_expired(self, rpc)

    # -- the timer ------------------------------------------------------------------------------------------------
    def run_timer(self, first: int = 0, step: int = 1) -> bool:
        """One run of the timer over a share of all tables; True when everything worked."""
        results = [table.timer(first, step) for table in self.newest_first()]
        return all(results)

    synchronize = run_timer

    def _clean(self) -> None:
        for table in self.newest_first():
            self.store.clean(table)

    # -- statistics and log ---------------------------------------------------------------------------------------
    def count_users(self) -> int:
        """The statistic registered_users."""
        return sum(table.users.value for table in self.domains.values())

    def domain_statistics(self, name: str) -> tuple[Counter, Counter, Counter]:
        """The counters NAME_users, NAME_contacts and NAME_expires of a table (see stats_name_separator)."""
        separator = self.server.settings.get("stats_name_separator") or "_"
        users, contacts, expires = (
            self.server.statistics.add("usrloc", f"{name}{separator}{what}")
            for what in ("users", "contacts", "expires")
        )
        return users, contacts, expires

    def log(self, level: int, text: str) -> None:
        """Log a line of this module."""
        self.server.log.write(level, self.name, text)

    def error(self, text: str) -> None:
        """Log an error."""
        self.log(_L_ERR, text)

    def keep_xavp(self, ctx: Context, info: ContactInfo) -> None:
        """Take the XAVP that `xavp_contact` names into a registration."""
        values = ctx.xavps.get(self.xavp_contact) if self.xavp_contact and ctx.xavps else None
        if values and isinstance(values[0], dict):
            info.xavp = {name: list(held) for name, held in values[0].items()}


def make_ruid(prefix: str, server_id: int, start: int, pid: int, count: int) -> str:
    """A record id (core/utils/sruid.c)."""
    server = f"{server_id:x}-" if server_id else ""
    return f"{prefix}-{server}{start:x}-{pid:x}-{f'{count:x}'[::-1]}"
