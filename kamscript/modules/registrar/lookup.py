"""lookup() and its kin: from an address of record to the contacts behind it (registrar/lookup.c; RFC 3261 16.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.branches import Branch
from kamscript.modules.registrar.aor import extract_aor
from kamscript.modules.registrar.outcome import Rejected
from kamscript.modules.registrar.path import next_hop
from kamscript.modules.registrar.request import method_bit
from kamscript.modules.usrloc import Contact, Domain, Record
from kamscript.modules.usrloc.contact import same_instance
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.registrar import Registrar
    from kamscript.sip.uri import Uri

FOUND, NOT_FOUND, BAD_METHOD, FAILED = 1, -1, -2, -3
FILTER_FLAGS, FILTER_CONNECTIONS = 1, 2
MATCH_CALLID, MATCH_RECEIVED, MATCH_CONTACT = 1, 2, 4
RESTORE_XAVPS, SKIP_RECORD_XAVP = 1, 2


class Lookup:
    """One look-up: which contacts of an address of record may be used for the current request."""

    def __init__(self, registrar: Registrar, ctx: Context) -> None:
        self.registrar, self.ctx = registrar, ctx
        self.now = registrar.usrloc.now
        self.expired_too = bool(registrar.cfg["use_expired_contacts"])
        self.method = method_bit(ctx.msg.method)
        to = ctx.msg.to
        self.any_method = not registrar.method_filtering or bool(to is not None and to.tag)
        mode = registrar.lookup_filter_mode
        self.flags = (registrar.config_int(ctx, "rlf_bflags") or 0) if mode & FILTER_FLAGS else 0
        self.connections = bool(mode & FILTER_CONNECTIONS)

    def alive(self, contact: Contact) -> bool:
        """Whether the contact has not expired, or expired ones count."""
        return contact.valid(self.now) or self.expired_too

    def allowed(self, contact: Contact) -> bool:
        """Whether the contact takes the method of an initial request."""
        return self.any_method or bool(self.method & contact.methods)

    def passes(self, contact: Contact) -> bool:
        """What `lookup_filter_mode` asks for."""
        if self.flags and not self.flags & contact.cflags:
            return False
        connection = contact.tcpconn_id
        return not (self.connections and connection > 0 and not self.registrar.server.connection_open(connection))

    def first(self, contacts: list[Contact], instance: str) -> tuple[int, int]:
        """The index of the first contact to use, -1 none; and what the function then returns."""
        result = NOT_FOUND
        for index, contact in enumerate(contacts):
            if not self.alive(contact):
                continue
            if not self.allowed(contact):
                result = BAD_METHOD
            elif same_instance(instance, contact.instance) if instance else self.passes(contact):
                return index, FOUND
        return -1, result


def lookup(registrar: Registrar, ctx: Context, table: Domain, uri: str | None, *, rewrite: bool = True) -> int:
    """Send the request to the contacts of `uri`, or of the request URI; the values of the manual, section lookup().

    Without `rewrite` (lookup_to_dset) all contacts become branches and the request URI stays.
    """
    try:
        aor, parsed = extract_aor(registrar, uri or ctx.msg.current_uri())
    except Rejected:
        registrar.error("failed to extract address of record")
        return FAILED
    search = Lookup(registrar, ctx)
    if parsed.gr == "":
        return _temporary(registrar, ctx, table, parsed, search, rewrite)
    record = table.get_record(aor)
    if record is None:
        return NOT_FOUND
    instance = parsed.gr or ""
    index, result = search.first(record.contacts, instance)
    if index >= 0:
        result = _use(registrar, ctx, record, index, search, rewrite, alone=bool(instance))
    table.release_record(record)
    return result


def _temporary(registrar: Registrar, ctx: Context, table: Domain, uri: Uri, search: Lookup, rewrite: bool) -> int:
    """The one contact that a temporary GRUU names: its user part is the record id and the hash of its owner."""
    ruid, dash, digits = uri.user.rpartition("-")
    try:
        aorhash = int(digits[::-1] or "0", 16)
    except ValueError:
        dash = ""
    if not dash:
        registrar.error("failed to extract temp gruu - invalid format")
        return FAILED
    found = table.by_ruid(aorhash & 0xFFFFFFFF, ruid)
    if found is None:
        return NOT_FOUND
    record, contact = found
    if not search.alive(contact):
        return NOT_FOUND
    if not search.allowed(contact):
        return BAD_METHOD
    return _use(registrar, ctx, record, record.contacts.index(contact), search, rewrite, alone=True)


def _use(
    registrar: Registrar, ctx: Context, record: Record, index: int, search: Lookup, rewrite: bool, *, alone: bool
) -> int:
    """Take the contact at `index` for the request URI, and those behind it as branches."""
    if rewrite:
        if not _take(registrar, ctx, record.contacts[index]):
            return FAILED
        index += 1
    if alone or not registrar.cfg["append_branches"]:
        return FOUND
    for contact in record.contacts[index:]:
        if search.alive(contact) and search.allowed(contact) and search.passes(contact):
            _append(registrar, ctx, contact)
    return FOUND


def _take(registrar: Registrar, ctx: Context, contact: Contact) -> bool:
    """Make the contact the request URI, with all that belongs to it."""
    msg = ctx.msg
    msg.new_uri, msg.dst_uri, ctx.ruri_consumed = contact.c, "", False
    registrar.record_xavp(ctx, contact)
    hop = vector = ""
    if contact.path:
        try:
            hop, vector = next_hop(registrar, contact.path)
        except SipError:
            registrar.error("failed to get dst_uri for Path")
            return False
    if hop:
        msg.path, msg.dst_uri = vector, hop
    elif contact.received:
        msg.dst_uri = contact.received
    if contact.instance:
        msg.instance = contact.instance
    msg.reg_id, msg.otcpid = contact.reg_id, contact.tcpconn_id
    if contact.ruid:
        msg.ruid = contact.ruid
    if contact.user_agent:
        msg.location_ua = contact.user_agent
    ctx.ruri_q = contact.q
    ctx.bflags |= contact.cflags
    if contact.sock is not None:
        msg.force_send_socket = contact.sock
    registrar.restore_xavp(ctx, contact, 0)
    return True


def _append(registrar: Registrar, ctx: Context, contact: Contact) -> None:
    """Add the contact as a branch."""
    hop = vector = ""
    if contact.path:
        try:
            hop, vector = next_hop(registrar, contact.path)
        except SipError:
            registrar.error("failed to get dst_uri for Path")
            return
    if 1 + len(ctx.branches) >= registrar.server.settings["max_branches"]:
        registrar.error("failed to append a branch")
        return
    branch = Branch(
        contact.c,
        q=contact.q,
        dst_uri=hop or contact.received,
        path=vector if hop else "",
        flags=contact.cflags,
        socket=contact.sock,
        instance=contact.instance,
        ruid=contact.ruid,
        location_ua=contact.user_agent,
        reg_id=contact.reg_id if contact.instance else 0,
        otcpid=contact.tcpconn_id,
    )
    ctx.branches.append(branch)
    registrar.restore_xavp(ctx, contact, len(ctx.branches))


def lookup_branches(registrar: Registrar, ctx: Context, table: Domain) -> int:
    """Look up the request URI and every branch that is nothing but a URI."""
    branches = list(ctx.branches)
    result = lookup(registrar, ctx, table, None)
    if not branches:
        return result
    found = result > 0
    kept = _save_request_uri(ctx)
    for branch in branches:
        if branch.dst_uri or branch.path or branch.socket is not None or branch.flags:
            continue
        _clear_request_uri(ctx)
        ctx.msg.new_uri = branch.uri
        result = lookup(registrar, ctx, table, None)
        if result <= 0:
            continue
        found, msg = True, ctx.msg
        branch.uri, branch.q = msg.new_uri or "", ctx.ruri_q
        branch.dst_uri, branch.path = msg.dst_uri or branch.dst_uri, msg.path or branch.path
        branch.socket, branch.flags = msg.force_send_socket, ctx.bflags
    _restore_request_uri(ctx, kept)
    return FOUND if found else result


_FIELDS = ("new_uri", "dst_uri", "path", "force_send_socket", "instance", "reg_id", "ruid", "location_ua")


def _save_request_uri(ctx: Context) -> dict[str, object]:
    kept: dict[str, object] = {name: getattr(ctx.msg, name) for name in _FIELDS}
    return {**kept, "q": ctx.ruri_q, "bflags": ctx.bflags}


def _clear_request_uri(ctx: Context) -> None:
    msg = ctx.msg
    msg.dst_uri = msg.path = msg.instance = msg.ruid = msg.location_ua = ""
    msg.force_send_socket, msg.reg_id, ctx.ruri_q, ctx.bflags = None, 0, -1, 0


def _restore_request_uri(ctx: Context, kept: dict[str, object]) -> None:
    for name in _FIELDS:
        setattr(ctx.msg, name, kept[name])
    ctx.ruri_q, ctx.bflags = int(str(kept["q"])), int(str(kept["bflags"]))
    ctx.ruri_consumed = False


def registered(registrar: Registrar, ctx: Context, table: Domain, uri: str | None, match: int, action: int) -> int:
    """Whether an address of record has a contact, and perhaps one that `match` asks for: 1 or -1."""
    msg = ctx.msg
    if not uri:
        if msg.is_request:
            uri = msg.current_uri()
        elif msg.to is not None:
            uri = msg.to.uri
        else:
            registrar.error("failed to prepare the message")
            return -1
    try:
        aor, _ = extract_aor(registrar, uri)
    except Rejected:
        registrar.error("failed to extract address of record")
        return -1
    record = table.get_record(aor)
    if record is None:
        return -1
    wanted = {
        name: registrar.config_str(ctx, f"match_{option}")
        for bit, option, name in (
            (MATCH_CALLID, "callid", "callid"),
            (MATCH_RECEIVED, "received", "received"),
            (MATCH_CONTACT, "contact", "c"),
        )
        if match & bit
    }
    now, expired_too = registrar.usrloc.now, registrar.cfg["use_expired_contacts"]
    for contact in record.contacts:
        if not (contact.valid(now) or expired_too):
            continue
        if any(text and getattr(contact, name) != text for name, text in wanted.items()):
            continue
        if not action & SKIP_RECORD_XAVP:
            registrar.record_xavp(ctx, contact)
        if action & RESTORE_XAVPS:
            registrar.restore_xavp(ctx, contact, 0)
        table.release_record(record)
        return 1
    return -1


def lookup_xavp(
    registrar: Registrar, ctx: Context, table: Domain, uri: str, record_name: str, contact_name: str
) -> int:
    """Leave the contacts of a URI in XAVPs: 1 found, -1 none, -3 bad URI (6.x manual, section lookup_xavp)."""
    try:
        aor, _ = extract_aor(registrar, uri)
    except Rejected:
        registrar.error("failed to extract address of record")
        return FAILED
    record = table.get_record(aor)
    search = Lookup(registrar, ctx)
    contacts = [contact for contact in record.contacts if search.alive(contact)] if record else []
    if record is None or not contacts:
        return NOT_FOUND
    xavps = registrar.xavps(ctx)
    xavps.setdefault(record_name, []).insert(0, {"aor": [record.aor], "count": [len(contacts)]})
    values: list[dict[str, list[int | str]]] = []
    for contact in contacts:
        inner: dict[str, list[int | str]] = {"uri": [contact.c]}
        if contact.received:
            inner["dsturi"] = [contact.received]
        if contact.socket_text:
            inner["socket"] = [contact.socket_text]
        values.append(inner)
    xavps.setdefault(contact_name, [])[0:0] = values
    table.release_record(record)
    return FOUND


def from_user(registrar: Registrar, ctx: Context, table: Domain, uri: str, mode: int) -> int:
    """Whether the message came from where a contact of `uri` registered (6.x manual, reg_from_user): 1 or -1."""
    from kamscript.sip.uri import parse_uri

    try:
        aor, _ = extract_aor(registrar, uri)
    except Rejected:
        return -1
    record = table.get_record(aor)
    if record is None:
        return -1
    source, now = ctx.msg.received, registrar.usrloc.now
    for contact in record.contacts:
        if not contact.valid(now):
            continue
        try:
            place = parse_uri(contact.received or contact.c)
        except SipError:
            continue
        if place.bare_host != source.src_ip:
            continue
        if mode & 1 and place.effective_port != source.src_port:
            continue
        if mode & 2 and (place.proto or "udp") != source.proto:
            continue
        return 1
    return -1
