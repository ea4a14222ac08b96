"""save(): take the contacts of a REGISTER into the location table (registrar/save.c; RFC 3261 10.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.module import Route
from kamscript.modules.registrar.aor import extract_aor
from kamscript.modules.registrar.outcome import Outcome, Rejected
from kamscript.modules.registrar.path import MODE_OFF
from kamscript.modules.registrar.reply import (
    OUTBOUND_NONE,
    OUTBOUND_REQUIRE,
    contact_header,
    prepare_reply,
    send_reply,
)
from kamscript.modules.registrar.request import Registration
from kamscript.modules.usrloc import FL_MEM, Contact, ContactInfo, Domain, Match, Record
from kamscript.sip.errors import SipError
from kamscript.sip.nameaddr import parse_routes
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.registrar import Registrar, State

MEMORY_ONLY, NO_REPLY, REPLACE, NO_VARIATION, PREPARE = 1, 2, 4, 8, 16
ALL_FLAGS = 31

# What save() returns.
INSERTED, UPDATED, DELETED, LISTED = 1, 2, 3, 4
FAILED, TOO_MANY = -1, -2


def save(registrar: Registrar, ctx: Context, table: Domain, flags: int, uri: str | None) -> int:
    """Save the contacts and reply; the values of the manual, section save()."""
    state = registrar.new_state(ctx)
    replying = ctx.route & (Route.REQUEST | Route.FAILURE) and not flags & NO_REPLY
    try:
        result = _Save(registrar, ctx, table, flags, state).run(uri)
    except Rejected as rejection:
        state.outcome = rejection.outcome
        registrar.rejected_regs.value += 1
        if ctx.route & Route.REQUEST and not flags & NO_REPLY:
            send_reply(registrar, ctx, state)
        return TOO_MANY if rejection.outcome is Outcome.TOO_MANY else FAILED
    registrar.accepted_regs.value += 1
    if replying:
        if not send_reply(registrar, ctx, state):
            return FAILED
    elif flags & NO_REPLY and flags & PREPARE:
        prepare_reply(registrar, ctx, state)
    if registrar.use_path and registrar.path_mode != MODE_OFF:
        ctx.msg.path = ""
    return result


class _Save:
    """One call of save()."""

    def __init__(self, registrar: Registrar, ctx: Context, table: Domain, flags: int, state: State) -> None:
        self.registrar, self.ctx, self.table, self.flags, self.state = registrar, ctx, table, flags, state
        self.memory = FL_MEM if flags & MEMORY_ONLY else 0
        self.vary = not flags & NO_VARIATION

    def run(self, uri: str | None) -> int:
        msg = self.ctx.msg
        to = msg.to
        try:
            if to is None:
                raise SipError("no To")
            self.host = parse_uri(to.uri).host
        except SipError as error:
            raise Rejected(Outcome.BAD_AOR) from error
        self.registration = Registration(self.registrar, self.ctx)
        use_reg_id = self._check_outbound()
        aor, _ = extract_aor(self.registrar, uri or to.uri)
        if self.registration.contacts:
            return self._contacts(aor, use_reg_id) or INSERTED
        if self.registration.star:
            if not delete_all(self.registrar, self.table, aor, self.memory):
                self._list(self.table.get_record(aor))
                raise Rejected(Outcome.DELETE_RECORD)
            return DELETED
        record = self.table.get_record(aor)
        self._list(record)
        if record is not None:
            self.table.release_record(record)
        return LISTED

    def _list(self, record: Record | None) -> None:
        contacts = record.contacts if record is not None else []
        now = self.registration.now
        self.state.contact_header = contact_header(self.registrar, self.ctx, contacts, self.host, now)

    # -- outbound -------------------------------------------------------------------------------------------------
    def _check_outbound(self) -> bool:
        """Whether reg-id parameters count; rejects what `outbound_mode` does not allow (RFC 5626 section 6)."""
        registrar, msg = self.registrar, self.ctx.msg
        supported = "outbound" in registrar.options(self.ctx, "supported")
        mode = registrar.outbound_mode
        if mode == OUTBOUND_REQUIRE and msg.all("supported") and not supported:
            registrar.warning("Outbound required by server and not supported by UAC")
            raise Rejected(Outcome.OUTBOUND_UNSUPPORTED)
        if mode == OUTBOUND_NONE:
            if "outbound" in registrar.options(self.ctx, "require"):
                registrar.warning("Outbound required by UAC and not supported by server")
                raise Rejected(Outcome.OUTBOUND_REQUIRED)
            return True
        if not msg.all("contact") or msg.via2 is None or self._path_has_ob() or registrar.regid_mode:
            return True
        if not self.registration.contacts:
            registrar.error("empty Contact:")
            raise Rejected(Outcome.BAD_CONTACT)
        if supported and self.registration.contacts[0].reg_id is not None:
            registrar.warning("Outbound used by UAC but not supported by edge proxy")
            raise Rejected(Outcome.OUTBOUND_EDGE)
        return False

    def _path_has_ob(self) -> bool:
        """Whether the first proxy behind the client speaks outbound: `;ob` in the first Path URI."""
        path = self.ctx.msg.value("path")
        if path is None:
            return False
        try:
            return parse_uri(parse_routes(path)[0].uri).param("ob") is not None
        except (SipError, IndexError) as error:
            self.registrar.error("Failed to parse Path: URI")
            raise Rejected(Outcome.BAD_PATH) from error

    # -- contacts -------------------------------------------------------------------------------------------------
    def _contacts(self, aor: str, use_reg_id: bool) -> int:
        record = self.table.get_record(aor)
        if record is None:
            self._insert(aor, use_reg_id)
            return INSERTED
        try:
            return self._update(record, use_reg_id)
        finally:
            self._list(record)
            self.table.release_record(record)

    def _insert(self, aor: str, use_reg_id: bool) -> None:
        """All contacts of an address of record that has none yet; none of them stays when one is refused."""
        registrar, registration = self.registrar, self.registration
        limit = registrar.contact_limit(self.ctx)
        record: Record | None = None
        number = 0
        try:
            for contact in registration.contacts:
                expires = registration.lifetime(contact, vary=self.vary)
                if expires == 0:
                    continue
                if 0 < limit <= number:
                    registrar.info(f"too many contacts (n:{number} max:{limit}) for AOR <{aor}>")
                    raise Rejected(Outcome.TOO_MANY)
                number += 1
                record = record or self.table.insert_record(aor)
                if registration.info is None:
                    info = registration.common(self.memory, use_reg_id)
                    info.expires = expires
                else:
                    info = registration.add(contact, expires, use_reg_id)
                self._insert_or_update(record, contact.uri, info)
        except Rejected:
            if record is not None:
                self.table.delete_record(aor, record)
            raise
        self._list(record)
        if record is not None:
            self.table.release_record(record)

    def _insert_or_update(self, record: Record, uri: str, info: ContactInfo) -> None:
        # A client that names one address twice in a REGISTER updates it: hence the CSeq that looks newer.
        info.cseq += 1
        match, found = self.table.match(record, uri, info) if record.contacts else (Match.ABSENT, None)
        info.cseq -= 1
        if match is not Match.FOUND or found is None:
            if self.table.insert_contact(record, uri, info) is None:
                raise Rejected(Outcome.INSERT_CONTACT)
        elif not self.table.update_contact(record, found, info):
            raise Rejected(Outcome.UPDATE_CONTACT)

    def _update(self, record: Record, use_reg_id: bool) -> int:
        """Insert, update and delete the contacts of a known address of record."""
        registration = self.registration
        info = registration.common(self.memory, use_reg_id)
        limit = self.registrar.contact_limit(self.ctx)
        if limit > 0 and not self.flags & REPLACE:
            self._check_limit(record, info, limit)
        result = 0
        for contact in registration.contacts:
            expires = registration.lifetime(contact, vary=self.vary)
            info = registration.add(contact, expires, use_reg_id)
            match, found = self.table.match(record, contact.uri, info)
            if match is Match.STALE:
                self.registrar.error(f"invalid cseq for aor <{record.aor}>")
                raise Rejected(Outcome.BAD_CSEQ)
            if match is Match.REPEATED:
                if expires and self.flags & REPLACE:
                    break
                continue
            if found is None:
                if expires == 0:
                    continue
                found = self.table.insert_contact(record, contact.uri, info)
                if found is None:
                    raise Rejected(Outcome.INSERT_CONTACT)
                result = INSERTED
                if self.flags & REPLACE:
                    self._delete_others(record, found)
                    break
            elif expires == 0:
                found.flags = found.flags | FL_MEM if self.memory else found.flags & ~FL_MEM
                if not self.table.delete_contact(record, found):
                    raise Rejected(Outcome.DELETE_CONTACT)
                result = DELETED
            else:
                result = UPDATED
                if self._update_one(record, found, info):
                    break
        return result

    def _update_one(self, record: Record, contact: Contact, info: ContactInfo) -> bool:
        """Update a contact; True when the rest of the message does not count any more."""
        last = False
        if self.flags & REPLACE:
            self._delete_others(record, contact)
            last = True
        if info.instance and info.callid != contact.callid:
            # The same device in a new life: what it registered before is gone.
            for other in list(record.contacts):
                if other is not contact and other.instance == contact.instance:
                    self.table.delete_contact(record, other)
            last = True
        if not self.table.update_contact(record, contact, info):
            raise Rejected(Outcome.UPDATE_CONTACT)
        return last

    def _delete_others(self, record: Record, contact: Contact) -> None:
        for other in list(record.contacts):
            if other is not contact:
                self.table.delete_contact(record, other)

    def _check_limit(self, record: Record, info: ContactInfo, limit: int) -> None:
        """Refuse a message after which the address of record would have too many contacts (test_max_contacts)."""
        registration = self.registration
        number = sum(contact.valid(registration.now) for contact in record.contacts)
        for contact in registration.contacts:
            expires = registration.lifetime(contact)
            match, _ = self.table.match(record, contact.uri, info)
            if match is Match.STALE:
                self.registrar.error(f"invalid cseq for aor <{record.aor}>")
                raise Rejected(Outcome.BAD_CSEQ)
            if match is Match.ABSENT and expires:
                number += 1
            elif match is Match.FOUND and not expires:
                number -= 1
        if number > limit:
            self.registrar.info(f"too many contacts for AOR <{record.aor}> (n:{number} max:{limit})")
            raise Rejected(Outcome.TOO_MANY)


def delete_all(registrar: Registrar, table: Domain, aor: str, memory: int) -> bool:
    """Delete every contact of an address of record; with `memory` the database keeps them."""
    record = table.get_record(aor)
    if record is not None:
        for contact in record.contacts:
            contact.flags = contact.flags | FL_MEM if memory else contact.flags & ~FL_MEM
    if table.delete_record(aor, record):
        return True
    registrar.error("failed to remove record from usrloc")
    return False


def unregister(registrar: Registrar, table: Domain, uri: str, ruid: str | None) -> int:
    """unregister(): 1, -1 bad URI, -2 failed, -3 nothing there."""
    if ruid is not None and not uri:
        return {0: 1, -1: -2, -2: -3}[table.delete_by_ruid(ruid)]
    try:
        aor, _ = extract_aor(registrar, uri)
    except Rejected:
        registrar.error("failed to extract Address Of Record")
        return -1
    if ruid is None:
        if delete_all(registrar, table, aor, 0):
            return 1
        registrar.error(f"error unregistering user [{aor}]")
        return -2
    found = table.by_ruid(core_hash(aor), ruid)
    if found is None:
        registrar.warning("AOR/Contact not found")
        return -3
    if not table.delete_contact(*found):
        registrar.warning("could not delete contact")
        return -2
    return 1
