"""Location tables in a database: Kamailio's tables `location` and `location_attrs` (usrloc/ucontact.c, udomain.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kamscript import stores
from kamscript.module import FixupError
from kamscript.modules._hostport import socket_parts
from kamscript.modules.usrloc.contact import ALL_METHODS, CS_SYNC, FL_MEM, Contact, ContactInfo
from kamscript.modules.usrloc.domain import DB_ONLY, Event, Record
from kamscript.stores import DatabaseError, Timestamp

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.usrloc import Usrloc
    from kamscript.modules.usrloc.domain import Domain

TABLE_VERSION = 9
_LAST_MODIFIED = "last_modified"


class Store:
    """What a `Usrloc` reads from and writes to its database. Errors were logged when a method tells of a failure."""

    def __init__(self, usrloc: Usrloc) -> None:
        self.usrloc = usrloc
        self._partition = 0

    def open(self) -> None:
        """Connect; FixupError when the database module is missing."""
        self.db = stores.bind(self.usrloc.server, self.usrloc.db_url)

    def check(self, table: str) -> None:
        """Refuse the start unless the table exists in the version that is expected."""
        usrloc = self.usrloc
        standard = dict(zip(_STANDARD, self._names(), strict=True))
        renamed = {old: new for old, new in standard.items() if old != new}
        types = {usrloc.expires_column: "bigint", _LAST_MODIFIED: "bigint"} if usrloc.expires_type == 1 else {}
        self.db.adopt(table, "location", rename=renamed, extra=types)
        if usrloc.xavp_contact:
            extra = {_LAST_MODIFIED: "bigint"} if usrloc.expires_type == 1 else {}
            self.db.adopt(f"{table}_attrs", "location_attrs", extra=extra)
        if usrloc.version_table:
            self.db.check_version(table, TABLE_VERSION)
        where = {usrloc.user_column: "dummy_user"}
        if usrloc.use_domain:
            where[usrloc.domain_column] = "dummy_domain"
        try:
            self.db.query(table, [usrloc.user_column], where, limit=1)
        except DatabaseError as error:
            raise FixupError(f"testing domain '{table}' failed: {error}") from error

    def _names(self) -> tuple[str, ...]:
        """The columns that `_STANDARD` names, as the config calls them."""
        u = self.usrloc
        return (
            *(u.contact_column, u.expires_column, u.q_column, u.callid_column, u.cseq_column, u.flags_column),
            *(u.cflags_column, u.user_agent_column, u.received_column, u.path_column, u.socket_column),
            *(u.methods_column, _LAST_MODIFIED, u.ruid_column, u.instance_column, u.reg_id_column),
            *(u.server_id_column, u.connection_id_column, u.keepalive_column, u.user_column, u.domain_column),
            u.partition_column,
        )

    @property
    def _columns(self) -> tuple[str, ...]:
        """What a contact is read from: everything but the partition."""
        return self._names()[:-1]

    def _time(self, seconds: int) -> int:
        return seconds if self.usrloc.expires_type == 1 else Timestamp(seconds)

    def _aor(self, aor: str) -> dict[str, Any]:
        """The columns that hold an address of record."""
        usrloc = self.usrloc
        if not usrloc.use_domain:
            return {usrloc.user_column: aor}
        user, at, domain = aor.partition("@")
        return {usrloc.user_column: user if at else "", usrloc.domain_column: domain if at else aor}

    # -- writing --------------------------------------------------------------------------------------------------
    def _values(self, contact: Contact) -> dict[str, Any]:
        """The columns that an update sets, too."""
        u = self.usrloc
        return {
            u.expires_column: self._time(contact.expires),
            u.q_column: -1.0 if contact.q == -1 else contact.q / 1000,
            u.cseq_column: contact.cseq,
            u.flags_column: contact.flags,
            u.cflags_column: contact.cflags,
            u.user_agent_column: contact.user_agent,
            u.received_column: contact.received or None,
            u.path_column: contact.path or None,
            u.socket_column: contact.socket_text or None,
            u.methods_column: None if contact.methods == ALL_METHODS else contact.methods,
            _LAST_MODIFIED: self._time(contact.last_modified),
            u.callid_column: contact.callid,
            u.instance_column: contact.instance or None,
            u.server_id_column: contact.server_id,
            u.connection_id_column: contact.tcpconn_id,
            u.keepalive_column: contact.keepalive,
            u.contact_column: contact.c,
        }

    def insert(self, contact: Contact) -> bool:
        """Write a new row."""
        if contact.flags & FL_MEM:
            return True
        u = self.usrloc
        values = {**self._aor(contact.aor), **self._values(contact)}
        values[u.ruid_column], values[u.reg_id_column] = contact.ruid, contact.reg_id
        values[u.partition_column] = self._next_partition()
        if not u.db_insert_null:
            values = {column: value for column, value in values.items() if value is not None}
        try:
            if u.db_insert_update:
                self.db.insert_update(contact.domain, values, [u.ruid_column])
            else:
                self.db.insert(contact.domain, values)
            self._insert_attributes(contact)
        except DatabaseError:
            u.error(f"inserting contact in db failed {contact.aor} ({contact.ruid})")
            return False
        return True

    def _next_partition(self) -> int:
        """Keepalives of rows are shared by this number: between timer processes, or seconds of nathelper's."""
        most = self.usrloc.max_partition
        if not most:
            return 0
        self._partition += 1
        return (self._partition - 1 + self.usrloc.server.environment.pid) % most

    def update(self, contact: Contact) -> bool:
        """Change the row of a contact; with `db_check_update` add it when there is none."""
        if contact.flags & FL_MEM:
            return True
        u = self.usrloc
        values = self._values(contact)
        if u.db_ops_ruid:
            where: dict[str, Any] = {u.ruid_column: contact.ruid}
            values[u.reg_id_column] = contact.reg_id
        elif contact.instance:
            where = {**self._aor(contact.aor), u.instance_column: contact.instance, u.reg_id_column: contact.reg_id}
            del values[u.instance_column]
        else:
            where = self._address(contact)
            values[u.ruid_column], values[u.reg_id_column] = contact.ruid, contact.reg_id
            values = {column: value for column, value in values.items() if column not in where}
        try:
            changed = self.db.update(contact.domain, values, where)
            if not changed and u.db_check_update == 1:
                return self.insert(contact)
            self._delete_attributes(contact)
            self._insert_attributes(contact)
        except DatabaseError:
            u.error("updating database failed")
            return False
        return True

    def _address(self, contact: Contact) -> dict[str, Any]:
        """How a row is found without its record id: as `matching_mode` finds a contact."""
        u = self.usrloc
        where = {**self._aor(contact.aor), u.contact_column: contact.c}
        if u.matching_mode == 1:
            where[u.callid_column] = contact.callid
        elif u.matching_mode == 2:
            where[u.path_column] = contact.path or None
        return where

    def delete(self, contact: Contact) -> bool:
        """Delete the row of a contact."""
        if contact.flags & FL_MEM:
            return True
        where = {self.usrloc.ruid_column: contact.ruid} if self.usrloc.db_ops_ruid else self._address(contact)
        try:
            self._delete_attributes(contact)
            self.db.delete(contact.domain, where)
        except DatabaseError:
            self.usrloc.error("deleting from database failed")
            return False
        return True

    def delete_record(self, table: str, aor: str) -> bool:
        """Delete all rows of an address of record."""
        try:
            self.db.delete(table, self._aor(aor))
        except DatabaseError:
            self.usrloc.error("failed to delete from database")
            return False
        return True

    def delete_by_ruid(self, table: str, ruid: str) -> int:
        """Delete one row: 0 done, -1 failed, -2 nothing there."""
        try:
            return 0 if self.db.delete(table, {self.usrloc.ruid_column: ruid}) else -2
        except DatabaseError:
            return -1

    # -- attributes of contacts -----------------------------------------------------------------------------------
    def _insert_attributes(self, contact: Contact) -> None:
        if not self.usrloc.xavp_contact or not contact.xavp:
            return
        for name, values in contact.xavp.items():
            for value in values:
                if not isinstance(value, int | str):
                    continue
                row: dict[str, Any] = dict(zip(("username", "domain"), _split(contact.aor), strict=True))
                if not self.usrloc.use_domain:
                    row = {"username": contact.aor}
                row |= {"ruid": contact.ruid, "last_modified": self._time(self.usrloc.now)}
                row |= {"aname": name, "atype": int(isinstance(value, int)), "avalue": str(value)}
                self.db.insert(f"{contact.domain}_attrs", row)

    def _delete_attributes(self, contact: Contact) -> None:
        if not self.usrloc.xavp_contact:
            return
        where: dict[str, Any] = {"ruid": contact.ruid}
        if self.usrloc.db_ops_ruid != 1:
            user, domain = _split(contact.aor) if self.usrloc.use_domain else (contact.aor, "")
            where["username"] = user
            if self.usrloc.use_domain:
                where["domain"] = domain
        self.db.delete(f"{contact.domain}_attrs", where)

    def _load_attributes(self, table: Domain, contacts: list[Contact]) -> None:
        """Give contacts the attributes that the database keeps for them."""
        if not self.usrloc.xavp_contact or not contacts:
            return
        for contact in contacts:
            rows = self.db.query(f"{table.name}_attrs", ["aname", "atype", "avalue"], {"ruid": contact.ruid})
            for name, kind, text in rows:
                if kind not in (0, 1):
                    continue
                value: int | str = int(str(text) or 0) if kind == 1 else str(text)
                contact.xavp = contact.xavp or {}
                contact.xavp.setdefault(str(name), []).insert(0, value)

    # -- reading --------------------------------------------------------------------------------------------------
    def _filter(self) -> dict[str, Any]:
        """Only this server's rows, when asked for."""
        return {self.usrloc.server_id_column: self.usrloc.server_id} if self.usrloc.server_id_filter else {}

    def preload(self, table: Domain) -> None:
        """Read a whole table into memory (preload_udomain)."""
        usrloc = self.usrloc
        loaded: list[Contact] = []
        try:
            if usrloc.db_clean_tcp:
                own = list(self._filter().items())
                where = [(usrloc.connection_id_column, ">", 0), *((column, "=", value) for column, value in own)]
                self.db.delete(table.name, where)
            if usrloc.server_id_filter:
                usrloc.log(1, f"filtered by server_id[{usrloc.server_id}]")
            for rows in self.db.fetch(table.name, self._columns, self._filter(), size=usrloc.fetch_rows):
                for row in rows:
                    contact = self._preload_row(table, row)
                    if contact is not None:
                        loaded.append(contact)
            self._load_attributes(table, loaded)
        except DatabaseError as error:
            raise FixupError(f"failed to preload domain '{table.name}': {error}") from error

    def _preload_row(self, table: Domain, row: tuple[Any, ...]) -> Contact | None:
        user, domain = row[19], row[20]
        if not user:
            self.usrloc.log(-3, f"empty username record in table {table.name}...skipping")
            return None
        info = self._info(row)
        if info is None:
            self.usrloc.error(f"skipping record for {user} in table {table.name}")
            return None
        if self.usrloc.use_domain:
            if not domain:
                self.usrloc.log(-3, f"empty domain record for user {user}...skipping")
                return None
            user = f"{user}@{domain}"
        info.tcpconn_id = -1
        record = table.get_record(user) or table.insert_record(user)
        contact = table.add(record, info.c, info)
        if contact is None:
            table.release_record(record)
            return None
        contact.state = CS_SYNC
        return contact

    def _info(self, row: tuple[Any, ...]) -> ContactInfo | None:
        """A row as what a registration says; None for one that Kamailio skips (dbrow2info)."""
        usrloc, info = self.usrloc, ContactInfo()
        empty = (("bad contact", 0), ("empty expire", 1), ("empty q", 2), ("empty cseq_nr", 4), ("bad callid", 3))
        for text, index in (*empty, ("empty flag", 5), ("empty cflag", 6)):
            if row[index] is None or (row[index] == "" and index in (0, 3)):
                usrloc.log(-3, text)
                return None
        info.c, info.expires, info.callid, info.cseq = str(row[0]), int(row[1]), str(row[3]), int(row[4])
        info.q = -1 if row[2] == -1 else int(float(row[2]) * 1000)
        info.flags, info.cflags, info.user_agent = int(row[5]), int(row[6]), str(row[7] or "")
        info.received, info.path = str(row[8] or ""), str(row[9] or "")
        if row[10]:
            if socket_parts(str(row[10])) is None:
                usrloc.error(f"bad socket <{row[10]}>")
                return None
            info.sock = self.local_socket(str(row[10]))
            if info.sock is None and usrloc.skip_remote_socket:
                return None
        info.methods = ALL_METHODS if row[11] is None else int(row[11]) & 0xFFFFFFFF
        info.last_modified = int(row[12] or 0)
        info.ruid, info.instance = str(row[13] or ""), str(row[14] or "")
        info.reg_id, info.server_id = int(row[15] or 0), int(row[16] or 0)
        info.tcpconn_id = -1 if row[17] is None else int(row[17])
        return info

    def local_socket(self, text: str) -> ListenSocket | None:
        """The socket that `proto:host:port` names, None when this server has none there."""
        parts = socket_parts(text)
        return self.usrloc.server.find_socket(parts[1], parts[2], parts[0]) if parts else None

    def load_record(self, table: Domain, aor: str) -> Record | None:
        """An address of record as the database has it, with all its contacts, None without any."""
        order = _LAST_MODIFIED if self.usrloc.desc_time_order else self.usrloc.q_column
        return self._load(table, aor, self._aor(aor), order)

    def load_by_ruid(self, table: Domain, ruid: str) -> Record | None:
        """The row with that record id, in a record of its own."""
        return self._load(table, None, {self.usrloc.ruid_column: ruid}, "")

    def _load(self, table: Domain, aor: str | None, where: dict[str, Any], order: str) -> Record | None:
        try:
            rows = self.db.query(table.name, self._columns, where, order=order)
            record: Record | None = None
            for row in rows:
                info = self._info(row)
                name = aor or (f"{row[19]}@{row[20]}" if self.usrloc.use_domain else str(row[19]))
                if info is None:
                    self.usrloc.error(f"skipping record for {name} in table {table.name}")
                    continue
                record = record or table.insert_record(name)
                contact = table.add(record, info.c, info)
                if contact is not None:
                    contact.state = CS_SYNC
            if record is not None:
                self._load_attributes(table, record.contacts)
        except DatabaseError:
            return None
        return record

    def live_contacts(self, table: Domain, part: int, *, natted: bool, own: bool) -> Iterator[Contact]:
        """Contacts that have not expired and belong to a keepalive partition."""
        u = self.usrloc
        partition = part if u.max_partition else 0
        where: list[tuple[str, str, Any]] = [(u.expires_column, ">", self._time(u.now))]
        where.append((u.partition_column, "=", partition))
        if natted:
            where.append((u.keepalive_column, "=", 1))
        if own:
            where.append((u.server_id_column, "=", u.server_id))
        try:
            rows = self.db.query(table.name, self._columns, where)
        except DatabaseError:
            return
        for row in rows:
            info = self._info(row)
            if info is not None and row[19]:
                aor = f"{row[19]}@{row[20]}" if row[20] else str(row[19])
                yield Contact(table.name, aor, info.c, info, 0, u.nat_flag)

    def rows_by_expiry(self, table: str, *, expired: bool) -> list[tuple[Any, ...]] | None:
        """User and domain of the rows that have expired, or have not; None when the query failed."""
        u = self.usrloc
        now, columns = self._time(u.now), [u.user_column, u.domain_column]
        try:
            if expired:
                return self.db.query(table, columns, [(u.expires_column, "<=", now), *self._not_permanent()])
            live = self.db.query(table, columns, [(u.expires_column, ">", now)])
            return live + self.db.query(table, columns, {u.expires_column: self._time(0)})
        except DatabaseError:
            return None

    def _not_permanent(self) -> list[tuple[str, str, Any]]:
        return [(self.usrloc.expires_column, "!=", self._time(0))]

    # -- the timer ------------------------------------------------------------------------------------------------
    def clean(self, table: Domain) -> bool:
        """Delete the rows that have expired, in mode 3 after their callbacks (db_timer_udomain)."""
        u = self.usrloc
        where = [(u.expires_column, "<", self._time(u.now + 1 - u.rm_expired_delay)), *self._not_permanent()]
        where += [(column, "=", value) for column, value in self._filter().items()]
        try:
            if u.db_mode == DB_ONLY and u.wants(Event.EXPIRE):
                for row in self.db.query(table.name, self._columns, where):
                    info = self._info(row)
                    if info is None or not row[19]:
                        u.log(-3, f"skipping record for {row[19]} in table {table.name}")
                        continue
                    contact = table.add(Record(table.name, str(row[19])), info.c, info)
                    if contact is not None:
                        u.run_callbacks(Event.EXPIRE, contact)
                        self._delete_attributes(contact)
            self.db.delete(table.name, where)
        except DatabaseError:
            u.error(f"failed to delete from table {table.name}")
            return False
        return True


_STANDARD = (
    *("contact", "expires", "q", "callid", "cseq", "flags", "cflags", "user_agent", "received", "path", "socket"),
    *("methods", "last_modified", "ruid", "instance", "reg_id", "server_id", "connection_id", "keepalive"),
    *("username", "domain", "partition"),
)


def _split(aor: str) -> tuple[str, str]:
    """User and domain of an address of record; without an @ it is all domain."""
    user, at, domain = aor.partition("@")
    return (user, domain) if at else ("", aor)
