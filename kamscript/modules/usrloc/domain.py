"""A location table: addresses of record and their contacts, in memory (usrloc/udomain.c, usrloc/urecord.c)."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.modules.usrloc.contact import CS_DIRTY, CS_NEW, CS_SYNC, EXPIRED_TIME, FL_EXPCLB, Contact, ContactInfo
from kamscript.modules.usrloc.contact import bare_instance as bare

if TYPE_CHECKING:
    from kamscript.modules.usrloc import Usrloc

NO_DB, WRITE_THROUGH, WRITE_BACK, DB_ONLY, DB_READONLY = range(5)
CONTACT_ONLY, CONTACT_CALLID, CONTACT_PATH, CONTACT_CALLID_ONLY = range(4)


class Event(enum.IntFlag):
    """What happened to a contact; callbacks ask for a combination."""

    INSERT = 1
    UPDATE = 2
    DELETE = 4
    EXPIRE = 8


class Match(enum.Enum):
    """What the search for a contact found (the return values of get_ucontact)."""

    FOUND = 0
    ABSENT = 1
    STALE = -1  #: found, but the CSeq of the request is not newer
    REPEATED = -2  #: found, and the request is a retransmission (`cseq_delay`)


class Record:
    """An address of record and its contacts, the one to try first in front."""

    __slots__ = ("aor", "aorhash", "contacts", "domain")

    def __init__(self, domain: str, aor: str) -> None:
        self.domain, self.aor = domain, aor
        self.aorhash = core_hash(aor)
        self.contacts: list[Contact] = []


class Domain:
    """One location table in memory. `size` is the number of hash slots; `slots` holds those in use.

    Every change goes through here: it keeps the order of contacts, the statistics, the callbacks and, by `db_mode`,
    the database. Methods that write to the database return False when that failed (it was logged).
    """

    def __init__(self, usrloc: Usrloc, name: str) -> None:
        self.usrloc, self.name, self.size = usrloc, name, usrloc.slot_count
        self.slots: dict[int, dict[str, Record]] = {}
        self.users, self.contacts, self.expires = usrloc.domain_statistics(name)

    # -- records --------------------------------------------------------------------------------------------------
    def get_record(self, aor: str) -> Record | None:
        """The record of an address of record."""
        slot = self.slots.get(core_hash(aor, self.size))
        record = slot.get(aor) if slot else None
        if record is not None and self.usrloc.handle_lost_tcp:
            for contact in record.contacts:
                if contact.expires != EXPIRED_TIME and self.usrloc.connection_lost(contact):
                    contact.expires = EXPIRED_TIME
        return record

    def insert_record(self, aor: str) -> Record:
        """A new, empty record."""
        record = Record(self.name, aor)
        self.slots.setdefault(record.aorhash & (self.size - 1), {})[aor] = record
        self.users.value += 1
        return record

    def release_record(self, record: Record) -> None:
        """Forget the record when it has no contacts left; call after working with one."""
        if not record.contacts:
            self.drop_record(record)

    def drop_record(self, record: Record) -> None:
        """Forget the record."""
        index = record.aorhash & (self.size - 1)
        slot = self.slots.get(index)
        if slot is not None and slot.pop(record.aor, None) is not None:
            self.users.value -= 1
            if not slot:
                del self.slots[index]

    def delete_record(self, aor: str, record: Record | None = None) -> bool:
        """Delete an address of record with all its contacts."""
        record = record or self.get_record(aor)
        if record is None:
            return True
        for contact in list(record.contacts):
            if not self.delete_contact(record, contact):
                return False
        self.release_record(record)
        return True

    def by_ruid(self, aorhash: int, ruid: str) -> tuple[Record, Contact] | None:
        """The contact with that record id among the addresses of record with that hash."""
        for record in self.slots.get(aorhash & (self.size - 1), {}).values():
            if record.aorhash == aorhash:
                for contact in record.contacts:
                    if contact.ruid == ruid:
                        return record, contact
        return None

    def delete_by_ruid(self, ruid: str) -> int:
        """Delete by record id alone: 0 done, -1 failed, -2 nothing there. Only with `db_mode` 3."""
        self.usrloc.error("delete_urecord_by_ruid currently available only in db_mode=3")
        return -1

    def records(self, first: int = 0, step: int = 1) -> Iterator[Record]:
        """All records, slot by slot; only every `step`-th slot from `first` on."""
        for index in sorted(self.slots):
            if index % step == first:
                yield from list(self.slots.get(index, {}).values())

    # -- contacts -------------------------------------------------------------------------------------------------
    def match(self, record: Record, uri: str, info: ContactInfo) -> tuple[Match, Contact | None]:
        """The contact that a registration is about: by instance when it has one, else as `matching_mode` says."""
        if not info.instance:
            return self.match_address(record, uri, info.callid, info.path, info.cseq)
        instance = bare(info.instance)
        for contact in record.contacts:
            if contact.instance and contact.reg_id == info.reg_id and bare(contact.instance) == instance:
                return Match.FOUND, contact
        return Match.ABSENT, None

    def match_address(
        self, record: Record, uri: str, callid: str, path: str | None, cseq: int
    ) -> tuple[Match, Contact | None]:
        """The contact that `matching_mode` finds, and what its Call-ID and CSeq say (get_ucontact)."""
        mode = self.usrloc.matching_mode
        if mode == CONTACT_ONLY or (mode == CONTACT_PATH and path is None):
            found = next((c for c in record.contacts if c.c == uri), None)
        elif mode == CONTACT_CALLID:
            found = next((c for c in record.contacts if c.c == uri and c.callid == callid), None)
        elif mode == CONTACT_PATH:
            found = next((c for c in record.contacts if c.c == uri and c.path == path), None)
        elif mode == CONTACT_CALLID_ONLY:
            found = next((c for c in record.contacts if c.callid == callid), None)
        else:
            return Match.STALE, None
        if found is None:
            return Match.ABSENT, None
        if found.callid == callid:
            if cseq < found.cseq:
                return Match.STALE, None
            if cseq == found.cseq:
                recent = found.last_modified + self.usrloc.cseq_delay > self.usrloc.now
                return (Match.REPEATED if recent else Match.STALE), None
        return Match.FOUND, found

    def add(self, record: Record, uri: str, info: ContactInfo) -> Contact | None:
        """Put a new contact in its place in memory, without callbacks or database; None when it has no record id."""
        if not info.ruid:
            self.usrloc.error(f"no ruid for aor: {record.aor}")
            return None
        contact = Contact(self.name, record.aor, uri, info, self.usrloc.now, self.usrloc.nat_flag)
        position = 0
        if not self.usrloc.desc_time_order:
            while position < len(record.contacts) and record.contacts[position].q >= contact.q:
                position += 1
        record.contacts.insert(position, contact)
        self._count(1)
        return contact

    def _count(self, number: int) -> None:
        self.contacts.value += number

    def insert_contact(self, record: Record, uri: str, info: ContactInfo) -> Contact | None:
        """Add a contact; None when that failed."""
        contact = self.add(record, uri, info)
        if contact is None:
            return None
        self.usrloc.run_callbacks(Event.INSERT, contact)
        if self.usrloc.db_mode == WRITE_THROUGH:
            if not self.usrloc.store.insert(contact):
                return None
            contact.state = CS_SYNC
        return contact

    def update_contact(self, record: Record, contact: Contact, info: ContactInfo) -> bool:
        """Take over a new registration of a contact."""
        contact.update(info, self.usrloc.now)
        self.usrloc.run_callbacks(Event.UPDATE, contact)
        _reposition(record.contacts, contact, self.usrloc.desc_time_order)
        if contact.state == CS_SYNC and self.usrloc.db_mode in (WRITE_THROUGH, WRITE_BACK):
            contact.state = CS_DIRTY
        return self.usrloc.db_mode != WRITE_THROUGH or self._write(contact)

    def _write(self, contact: Contact) -> bool:
        store = self.usrloc.store
        written = store.insert(contact) if self.usrloc.db_update_as_insert else store.update(contact)
        if written:
            contact.state = CS_SYNC
        return written

    def delete_contact(self, record: Record, contact: Contact) -> bool:
        """Delete a contact. With `db_mode` 2 one that is in the database stays, expired, until the next timer."""
        self.usrloc.run_callbacks(Event.DELETE, contact)
        if contact.state != CS_NEW and self.usrloc.db_mode == WRITE_BACK:
            contact.expires = EXPIRED_TIME
            return True
        deleted = self.usrloc.db_mode not in (WRITE_THROUGH, DB_ONLY) or self.usrloc.store.delete(contact)
        self.remove(record, contact)
        return deleted

    def remove(self, record: Record, contact: Contact) -> None:
        """Take a contact out of memory."""
        if contact in record.contacts:
            record.contacts.remove(contact)
            self._count(-1)

    # -- the timer ------------------------------------------------------------------------------------------------
    def timer(self, first: int = 0, step: int = 1) -> bool:
        """Delete what has expired, write what has changed (mem_timer_udomain); True when all of it worked."""
        for record in self.records(first, step):
            self._timer_record(record)
            if not record.contacts:
                self.drop_record(record)
            else:
                self.usrloc.keepalive.ping(record)
        return True

    def _timer_record(self, record: Record) -> None:
        usrloc = self.usrloc
        stored = usrloc.db_mode in (WRITE_THROUGH, WRITE_BACK)
        for contact in list(record.contacts):
            if usrloc.handle_lost_tcp and usrloc.connection_lost(contact):
                contact.expires = EXPIRED_TIME
            if contact.valid(usrloc.now):
                if stored:
                    self._flush(contact)
                continue
            if stored or not contact.flags & FL_EXPCLB:
                usrloc.run_callbacks(Event.EXPIRE, contact)
                contact.flags |= FL_EXPCLB
            if usrloc.close_expired_tcp and contact.over_stream():
                usrloc.close_connection(contact.tcpconn_id)
            if stored and contact.state != CS_NEW and not usrloc.store.delete(contact):
                usrloc.error(f"failed to delete contact from the database (aor: {contact.aor})")
            self.remove(record, contact)
            self.expires.value += 1

    def _flush(self, contact: Contact) -> None:
        state, contact.state = contact.state, CS_SYNC
        if state == CS_NEW and not self.usrloc.store.insert(contact):
            self.usrloc.error(f"inserting contact into database failed (aor: {contact.aor})")
            contact.state = state
        elif state == CS_DIRTY and not self._write(contact):
            self.usrloc.error(f"updating contact in db failed (aor: {contact.aor})")
            contact.state = state


def _reposition(contacts: list[Contact], contact: Contact, by_time: int) -> None:
    """Move an updated contact (update_contact_pos): to the front by time, else by q.

    By q Kamailio looks for the new place from the front, for the first contact whose q is not smaller: in a list
    that is sorted from the highest q down, that is the front or the end, not the sorted place.
    """
    at = contacts.index(contact)
    if by_time:
        contacts.insert(0, contacts.pop(at))
        return
    before = contacts[at - 1] if at else None
    behind = contacts[at + 1] if at + 1 < len(contacts) else None
    if (before is None or contact.q <= before.q) and (behind is None or contact.q >= behind.q):
        return
    del contacts[at]
    place = next((index for index, other in enumerate(contacts) if other.q >= contact.q), len(contacts))
    contacts.insert(place, contact)


class DbDomain(Domain):
    """A location table with `db_mode` 3: nothing stays in memory, every look-up reads the database."""

    def get_record(self, aor: str) -> Record | None:
        """The record as the database has it."""
        return self.usrloc.store.load_record(self, aor)

    def insert_record(self, aor: str) -> Record:
        """A record for the contacts to come."""
        return Record(self.name, aor)

    def release_record(self, record: Record) -> None:
        """Nothing to forget."""

    drop_record = release_record

    def _count(self, number: int) -> None:
        """Nothing is counted without a cache."""

    def delete_record(self, aor: str, record: Record | None = None) -> bool:
        """Delete all rows of an address of record."""
        return self.usrloc.store.delete_record(self.name, aor)

    def by_ruid(self, aorhash: int, ruid: str) -> tuple[Record, Contact] | None:
        """The row with that record id."""
        record = self.usrloc.store.load_by_ruid(self, ruid)
        if record is None or record.aorhash != aorhash:
            return None
        return next(((record, contact) for contact in record.contacts if contact.ruid == ruid), None)

    def delete_by_ruid(self, ruid: str) -> int:
        """Delete the row with that record id: 0 done, -1 failed, -2 nothing there."""
        return self.usrloc.store.delete_by_ruid(self.name, ruid)

    def insert_contact(self, record: Record, uri: str, info: ContactInfo) -> Contact | None:
        """Write a row."""
        contact = self.add(record, uri, info)
        if contact is None or not self.usrloc.store.insert(contact):
            return None
        contact.state = CS_SYNC
        self.usrloc.run_callbacks(Event.INSERT, contact)
        return contact

    def update_contact(self, record: Record, contact: Contact, info: ContactInfo) -> bool:
        """Change a row."""
        contact.update(info, self.usrloc.now)
        if not self._write(contact):
            return False
        self.usrloc.run_callbacks(Event.UPDATE, contact)
        return True

    def timer(self, first: int = 0, step: int = 1) -> bool:
        """Delete expired rows, after their callbacks (db_timer_udomain)."""
        done = self.usrloc.store.clean(self) if first == 0 else True
        self.usrloc.keepalive.ping_rows(self, first)
        return done
