"""REGISTER to other registrars: when, and what their answers mean (uac/uac_reg.c; RFC 3261 10.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core.errors import E_DROP
from kamscript.module import FixupError
from kamscript.modules.tm.callbacks import TMCB_LOCAL_COMPLETED
from kamscript.modules.tm.dialog import UacDialog
from kamscript.modules.uac.auth import AuthError, Credential, answer, challenge_of
from kamscript.modules.uac.loading import Loader
from kamscript.modules.uac.registrations import AUTHSENT, DISABLED, INIT, ONGOING, ONLINE, Registration, Registrations
from kamscript.modules.uac.requests import again
from kamscript.sip.errors import SipError
from kamscript.sip.headers import parse_expires
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.modules.uac import Uac
    from kamscript.sip.contact import Contact
    from kamscript.sip.message import Message

#: A registration that ends within so many seconds behind the next round is renewed now.
_EARLY: Final = 3
_MOST_CSEQ: Final = 2147483638


class Refused(Exception):
    """A reply that leaves the account unregistered; the text says why."""


class Registering:
    """Keeps the accounts of one `Uac` registered."""

    def __init__(self, module: Uac) -> None:
        self.module = module
        self.active = bool(module.reg_active)
        self.entries = Registrations(1 << min(max(module.reg_hash_size, 2), 14))
        self.loader = self._make_loader()
        self._shifted: int | None = None  #: when the table was emptied last
        self._counted: int | None = None  #: the same, until what was in it is thrown away

    @property
    def now(self) -> int:
        """Unix time in whole seconds."""
        return int(self.module.server.timers.now)

    def _make_loader(self) -> Loader | None:
        """A database that is not there is no reason not to start: the commands can still add accounts."""
        try:
            return Loader(self.module)
        except FixupError as error:
            self.module.error(f"no remote registrations are read: {error}")
            return None

    # -- the table ------------------------------------------------------------------------------------------------
    def load(self) -> bool:
        """Read every account."""
        found = self.loader.all() if self.loader is not None else None
        for entry in found or ():
            self.add(entry)
        return found is not None

    def add(self, entry: Registration) -> None:
        """Take an account in."""
        module = self.module
        entry.contact_addr = entry.contact_addr or module.reg_contact_addr
        if not entry.reg_delay and module.reg_random_delay > 0:
            entry.reg_delay = module.server.environment.chance.randrange(0, module.reg_random_delay)
        entry.reg_init = self.now
        entry.auth_ha1 = "".join(char.lower() if "A" <= char <= "F" else char for char in entry.auth_ha1)
        self.entries.add(entry)
        module.regtotal.value += 1

    def remove(self, entry: Registration) -> None:
        """Forget an account."""
        self.entries.remove(entry)
        module = self.module
        module.regtotal.value -= 1
        module.regactive.value -= bool(entry.flags & ONLINE)
        module.regdisabled.value -= bool(entry.flags & DISABLED)

    def shift(self) -> bool:
        """Empty the table, for `load`; False: too soon after the last time."""
        seconds = self.module.least_between_reloads
        if self._shifted is not None and self._shifted > self.now - seconds:
            self.module.error(f"shifting in-memory table is not possible in less than {seconds} secs")
            return False
        self._reset_counters()
        self.entries = Registrations(self.entries.slots)
        self._shifted = self._counted = self.now
        return True

    def _reset_counters(self) -> None:
        for counter in (self.module.regtotal, self.module.regactive, self.module.regdisabled):
            counter.value = 0

    def refresh(self, uuid: str) -> int:
        """Read one account again: 1 (also when it is not complete), 0 there is no such row, -1 no table."""
        found = self.loader.one(uuid) if self.loader is not None else None
        if not found:
            return -1 if found is None else 0
        entry, old = found[0], self.entries.of_uuid(uuid)
        if entry is None:
            return 1
        if old is not None:
            entry.flags |= old.flags & (ONGOING | AUTHSENT)
            self.remove(old)
        self.add(entry)
        return 1

    def mark(self, entry: Registration, *, disable: bool) -> None:
        """Register an account no more, or again; the next round sees to it."""
        entry.flags = entry.flags | DISABLED if disable else entry.flags & ~DISABLED
        entry.timer_expires = self.now + 1

    def unregister(self, entry: Registration) -> None:
        """Send REGISTER with `Expires: 0`."""
        entry.expires = 0
        self.send(entry)

    # -- when -----------------------------------------------------------------------------------------------------
    def run(self) -> None:
        """One round over all accounts."""
        now = self.now
        for entry in self.entries:
            if self._is_due(entry, now):
                self.send(entry)
        if self._counted is not None and self._counted < now - self.module.reg_gc_interval:
            self._reset_counters()

    def _is_due(self, entry: Registration, now: int) -> bool:
        module = self.module
        if not entry.expires:
            return False
        if entry.flags & ONGOING:
            if entry.timer_expires > now - module.reg_retry_interval:
                return False
            entry.flags &= ~(ONLINE | AUTHSENT)
        if not self.active or entry.flags & DISABLED:
            return False
        if not entry.flags & INIT:
            if now < entry.reg_init + entry.reg_delay:
                return False
            entry.flags |= INIT
        return entry.timer_expires <= now + module.reg_timer_interval + _EARLY

    # -- what -----------------------------------------------------------------------------------------------------
    def send(self, entry: Registration) -> None:
        """Send REGISTER; when that is impossible, try again behind reg_retry_interval, or never."""
        module, tm = self.module, self.module.tm
        entry.timer_expires = self.now
        entry.flags |= ONGOING
        module.regactive.value -= 1
        uri, address = f"sip:{entry.r_domain}", f"sip:{entry.r_username}@{entry.r_domain}"
        headers = f"Contact: {self._contact(entry)}\r\nExpires: {_signed(entry.expires)}\r\n"
        known = module.reg_keep_callid and entry.flags & ONLINE and 0 < entry.cseq < _MOST_CSEQ and entry.callid
        if known:
            dialog = UacDialog(callid=entry.callid, local_uri=address, remote_uri=address, target=uri, cseq=entry.cseq)
            dialog.dst_uri, dialog.socket = entry.auth_proxy, self._socket(entry)
            sent = tm.request(
                "REGISTER",
                dialog,
                headers=headers,
                callback=self._answered,
                types=TMCB_LOCAL_COMPLETED,
                param=entry.l_uuid,
            )
        else:
            sent = tm.request_outside(
                "REGISTER",
                uri,
                address,
                address,
                headers=headers,
                outbound=entry.auth_proxy,
                socket=self._socket(entry),
                callback=self._answered,
                types=TMCB_LOCAL_COMPLETED,
                param=entry.l_uuid,
            )
        entry.flags &= ~ONLINE
        if sent is None and tm.last_error not in (0, E_DROP):
            module.error(f"failed to send request for [{entry.l_uuid}]")
            self._postpone(entry)
            entry.flags &= ~ONGOING

    def _contact(self, entry: Registration) -> str:
        """6.x: an account with contact_user is known by the parameter `line`."""
        if entry.contact_user:
            return f"<sip:{entry.contact_user}@{entry.contact_addr};line={entry.l_uuid}>"
        return f"<sip:{entry.l_uuid}@{entry.contact_addr}>"

    def _socket(self, entry: Registration) -> ListenSocket | None:
        return self.module.socket_of(entry.socket or self.module.default_socket)

    def _postpone(self, entry: Registration) -> None:
        if self.module.reg_retry_interval:
            entry.timer_expires = self.now + self.module.reg_retry_interval
        else:
            entry.flags |= DISABLED
            self.module.regdisabled.value += 1

    # -- answers --------------------------------------------------------------------------------------------------
    def _answered(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """The final reply to a REGISTER."""
        uuid, code, reply = params.param, params.code, params.reply
        entry = self.entries.of_uuid(uuid)
        if entry is not None:
            try:
                if reply is not None and code in (401, 407):
                    self._authenticate(entry, reply, code)
                    return
                self._settle(entry, reply, code)
            except (AuthError, Refused, SipError) as error:
                self.module.error(str(error))
                self._postpone(entry)
                entry.cseq = 0
            entry.flags &= ~(ONGOING | AUTHSENT)
        self.module.regactive.value += 1

    def _settle(self, entry: Registration, reply: Message | None, code: int) -> None:
        """A reply that asks for nothing more. Raises Refused, SipError."""
        if reply is None or code not in (200, 423):
            raise Refused(f"got sip response {code} while registering [{entry.l_uuid}]")
        if code == 423:
            least = reply.value("min-expires")
            wanted = parse_expires(least) if least is not None else None
            entry.expires = wanted if wanted is not None else entry.expires * 2
            return
        contacts = reply.contacts
        if contacts is None:
            raise Refused("no Contact found")
        for contact in () if contacts.star else contacts.backwards():
            if not self._is_ours(entry, contact):
                continue
            lasts = (unsigned(contact.expires) or 0) if contact.expires else (reply.expires or 0)
            entry.timer_expires += lasts
            entry.flags |= ONLINE
            if self.module.reg_keep_callid and len(reply.callid) < 90 and reply.cseq is not None:
                entry.callid, entry.cseq = reply.callid, reply.cseq.number
            return

    def _is_ours(self, entry: Registration, contact: Contact) -> bool:
        uri = contact.parsed_uri
        if uri.user == entry.l_uuid:
            return True
        return bool(entry.contact_user) and f";line={entry.l_uuid};" in f";{uri.params};"

    def _authenticate(self, entry: Registration, reply: Message, code: int) -> None:
        """Answer a challenge. Raises AuthError, Refused."""
        module, uri = self.module, f"sip:{entry.r_domain}"
        if entry.flags & AUTHSENT:
            raise Refused(f"authentication failed for <{entry.l_uuid}>")
        challenge = challenge_of(module, reply, code)
        if entry.realm and challenge.realm != entry.realm:
            raise Refused(f"realms do not match. requested realm: [{challenge.realm}]")
        hashed = bool(entry.auth_ha1)
        credential = Credential(
            entry.auth_username, challenge.realm, entry.auth_ha1 if hashed else entry.auth_password, hashed
        )
        line = answer(module, challenge, code, "REGISTER", uri, credential)
        headers = f"Contact: {self._contact(entry)}\r\nExpires: {_signed(entry.expires)}\r\n{line}"
        dialog = again(reply, uri, entry.auth_proxy)
        if dialog is None:
            raise Refused("failed to build tm dialog")
        dialog.socket = self._socket(entry)
        sent = module.tm.request(
            "REGISTER",
            dialog,
            headers=headers,
            callback=self._answered,
            types=TMCB_LOCAL_COMPLETED,
            param=entry.l_uuid,
        )
        if sent is None and module.tm.last_error not in (0, E_DROP):
            raise Refused(f"failed to send request with authentication for [{entry.l_uuid}]")
        entry.flags |= AUTHSENT


def _signed(number: int) -> int:
    """An unsigned number as `%d` prints it."""
    return number - (1 << 32) if number >= 1 << 31 else number
