"""The RPC commands ul.* (usrloc/ul_rpc.c): what kamcmd and JSON-RPC clients see of the location tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kamscript.core.rpc import Rpc, Struct
from kamscript.modules.usrloc.contact import EXPIRED_TIME, Contact, ContactInfo
from kamscript.modules.usrloc.domain import NO_DB, Domain, Match, Record

if TYPE_CHECKING:
    from kamscript.modules.usrloc import Usrloc

_CALLID = "dfjrewr12386fd6-343@kamailio.rpc"
_PATH = "dummypath"
_USER_AGENT = "kamailio SIP Router - RPC Server"
_CSEQ = 1
_NOT_SET = "[not set]"


def dump(usrloc: Usrloc, rpc: Rpc, brief: str) -> None:
    """Everything in the location tables; `brief` leaves the contacts out."""
    tables = rpc.struct().add("Domains", Struct(is_array=True))
    for table in usrloc.newest_first():
        shown = tables.struct("Domain")
        shown.add("Domain", table.name)
        shown.add("Size", table.size)
        aors = shown.add("AoRs", Struct(is_array=True))
        for record in table.records():
            if brief == "brief":
                aors.add("AoR", record.aor)
                continue
            contacts = _contacts(record.contacts, usrloc.now)
            aors.add("Info", Struct(AoR=record.aor, HashID=record.aorhash, Contacts=contacts))
        counts = [len(slot) for slot in table.slots.values()]
        shown.add("Stats", Struct({"Records": sum(counts), "Max-Slots": max(counts, default=0)}))


def lookup(usrloc: Usrloc, rpc: Rpc) -> None:
    """The contacts that one address of record has in a table."""
    domain, aor = _target(usrloc, rpc, 2, "Not enough parameters (table and AOR to lookup)")
    record = domain.get_record(aor)
    if record is None:
        raise rpc.fault(500, "AOR not found in location table")
    contacts = _contacts((contact for contact in record.contacts if contact.valid(usrloc.now)), usrloc.now)
    domain.release_record(record)
    if not len(contacts):
        raise rpc.fault(500, "AOR has no contacts")
    rpc.add(Struct(AoR=aor, Contacts=contacts))


def remove(usrloc: Usrloc, rpc: Rpc) -> None:
    """Forget an address of record with all its contacts."""
    domain, aor = _target(usrloc, rpc, 2, "Not enough parameters (table and AOR to lookup)")
    if not domain.delete_record(aor):
        raise rpc.fault(500, "Failed to delete AOR")


def remove_contact(usrloc: Usrloc, rpc: Rpc, contact: str) -> None:
    """Forget one contact of an address of record."""
    domain, aor = _target(usrloc, rpc, 3, "Not enough parameters (table, AOR and contact)")
    record = domain.get_record(aor)
    if record is None:
        raise rpc.fault(404, "AOR not found")
    match, found = domain.match_address(record, contact, _CALLID, _PATH, _CSEQ + 1)
    if match is Match.ABSENT:
        raise rpc.fault(404, "Contact not found")
    if found is None:
        raise rpc.fault(500, "Internal error (can't get contact)")
    if not domain.delete_contact(record, found):
        raise rpc.fault(500, "Internal error (can't delete contact)")
    domain.release_record(record)


def flush(usrloc: Usrloc, rpc: Rpc) -> None:
    """Write what changed in memory to the database now."""
    if not usrloc.synchronize():
        raise rpc.fault(500, "Operation failed")


def add(
    usrloc: Usrloc,
    rpc: Rpc,
    contact: str,
    expires: int,
    q: float,
    path: str,
    flags: int,
    cflags: int,
    methods: int,
    received: str,
    socket: str,
) -> None:
    """Register a contact by hand. `0` or `.` stands for an argument that is not set."""
    domain, aor = _target(usrloc, rpc, 9, "Not enough parameters or wrong format")
    info = ContactInfo()
    info.ruid, info.server_id = usrloc.next_ruid(), usrloc.server_id
    info.callid, info.user_agent, info.cseq = _CALLID, _USER_AGENT, _CSEQ
    info.expires = expires + usrloc.now if expires else 0
    info.q = -1 if q == -1 else int(q * 1000)
    info.path, info.received = _given(path) or None, _given(received)
    info.sock = usrloc.store.local_socket(socket) if _given(socket) else None
    info.flags, info.cflags, info.methods = flags, cflags, methods & 0xFFFFFFFF
    record = domain.get_record(aor)
    found: Contact | None = None
    if record is None:
        record = domain.insert_record(aor)
    else:
        match, found = domain.match_address(record, contact, _CALLID, _PATH, _CSEQ + 1)
        if match in (Match.STALE, Match.REPEATED):
            raise rpc.fault(500, "Can't get record")
    _store(usrloc, rpc, domain, record, found, contact, info)
    domain.release_record(record)


def _store(
    usrloc: Usrloc, rpc: Rpc, domain: Domain, record: Record, found: Contact | None, uri: str, info: ContactInfo
) -> None:
    if found is not None:
        if not domain.update_contact(record, found, info):
            raise rpc.fault(500, "Can't update contact")
    elif domain.insert_contact(record, uri, info) is None:
        domain.release_record(record)
        raise rpc.fault(500, "Can't insert contact")


def db_users(usrloc: Usrloc, rpc: Rpc) -> None:
    """How many addresses of record have live rows in a table; needs a db_mode other than 0."""
    name = _table(usrloc, rpc)
    rpc.add(len({(row[0], row[1]) for row in _rows(usrloc, rpc, name, expired=False)}))


def db_contacts(usrloc: Usrloc, rpc: Rpc) -> None:
    """How many live rows a table has; needs a db_mode other than 0."""
    rpc.add(len(_rows(usrloc, rpc, _table(usrloc, rpc), expired=False)))


def db_expired(usrloc: Usrloc, rpc: Rpc) -> None:
    """How many expired rows a table still has; needs a db_mode other than 0."""
    rpc.add(len(_rows(usrloc, rpc, _table(usrloc, rpc), expired=True)))


def _target(usrloc: Usrloc, rpc: Rpc, count: int, missing: str) -> tuple[Domain, str]:
    """The table and address of record in the first two arguments; a fault when fewer than `count` were given."""
    if len(rpc.arguments) < count:
        raise rpc.fault(500, missing)
    domain = usrloc.get_domain(str(rpc.arguments[0]))
    if domain is None:
        raise rpc.fault(500, "Domain table not found")
    aor = usrloc.fix_aor(str(rpc.arguments[1]))
    if aor is None:
        raise rpc.fault(500, "Domain missing in AOR")
    return domain, aor


def _table(usrloc: Usrloc, rpc: Rpc) -> str:
    """The table name in the first argument."""
    if usrloc.db_mode == NO_DB:
        raise rpc.fault(500, "Command is not supported in db_mode=0")
    if not rpc.arguments:
        raise rpc.fault(500, "Not enough parameters (table to lookup)")
    return str(rpc.arguments[0])


def _rows(usrloc: Usrloc, rpc: Rpc, name: str, *, expired: bool) -> list[tuple[object, ...]]:
    """User and domain of every row of a table that has expired, or has not."""
    rows = usrloc.store.rows_by_expiry(name, expired=expired)
    if rows is None:
        raise rpc.fault(500, "Failed to query contact count")
    return rows


def _contacts(contacts: Iterable[Contact], now: int) -> Struct:
    """Contacts as ul.dump and ul.lookup show them."""
    shown = Struct(is_array=True)
    for contact in contacts:
        shown.add("Contact", dump_contact(contact, now))
    return shown


def dump_contact(contact: Contact, now: int) -> Struct:
    """The members of a contact."""
    expires: int | str = contact.expires - now
    if contact.expires == 0:
        expires = "permanent"
    elif contact.expires == EXPIRED_TIME:
        expires = "deleted"
    elif now > contact.expires:
        expires = "expired"
    members: dict[str, object] = {
        "Address": contact.c,
        "Expires": expires,
        "Q": -1.0 if contact.q == -1 else contact.q / 1000,
        "Call-ID": contact.callid,
        "CSeq": contact.cseq,
        "User-Agent": contact.user_agent or _NOT_SET,
        "Received": contact.received or _NOT_SET,
        "Path": contact.path or _NOT_SET,
        "State": contact.state,
        "Flags": contact.flags,
        "CFlags": contact.cflags,
        "Socket": contact.socket_text or _NOT_SET,
        "Methods": contact.methods,
        "Ruid": contact.ruid or _NOT_SET,
        "Instance": contact.instance or _NOT_SET,
        "Reg-Id": contact.reg_id,
        "Server-Id": contact.server_id,
        "Tcpconn-Id": contact.tcpconn_id,
        "Keepalive": contact.keepalive,
        "Last-Keepalive": contact.last_keepalive,
        "KA-Roundtrip": contact.ka_roundtrip,
        "Last-Modified": contact.last_modified,
    }
    return Struct(members)


def _given(text: str) -> str:
    """An optional argument, empty when it only keeps a place."""
    return "" if text in ("", "0", ".") else text
