"""What a REGISTER says: its contacts, their lifetimes and attributes (registrar/sip_msg.c; pack_ci in save.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.registrar.outcome import Outcome, Rejected
from kamscript.modules.registrar.path import MODE_OFF, path_vector
from kamscript.modules.usrloc import ALL_METHODS, ContactInfo
from kamscript.sip.contact import Contact as SipContact
from kamscript.sip.contact import Contacts, parse_q
from kamscript.sip.errors import SipError
from kamscript.sip.headers import parse_methods
from kamscript.values import to_str, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.registrar import Registrar

_METHOD_NAMES = """
INVITE CANCEL ACK BYE INFO REGISTER SUBSCRIBE NOTIFY MESSAGE OPTIONS PRACK UPDATE REFER PUBLISH KDMQ GET POST PUT DELETE
"""
METHODS = {name: 1 << bit for bit, name in enumerate(_METHOD_NAMES.split())}
METHOD_OTHER = 1 << 19
_MAX_CALLID, _MAX_RECEIVED, _MAX_USER_AGENT = 255, 255, 255
_USE_ADVERTISED = 1
_MAX_UNSIGNED = 0xFFFFFFFF


def method_bit(method: str) -> int:
    """The bit of a method in a contact's `methods`."""
    return METHODS.get(method.upper(), METHOD_OTHER)


def method_bits(value: str) -> int:
    """The bits of a list of methods (an Allow header, a methods parameter); raises SipError."""
    bits = 0
    for method in parse_methods(value):
        bits |= METHODS.get(method, METHOD_OTHER)
    return bits


class Registration:
    """One REGISTER, read. Raises Rejected where Kamailio rejects it."""

    def __init__(self, registrar: Registrar, ctx: Context) -> None:
        self.registrar, self.ctx, self.msg = registrar, ctx, ctx.msg
        self.now = registrar.usrloc.now
        self.info: ContactInfo | None = None
        self._allowed: int | None = None
        self._received: str | None = None
        self._check_message()
        self.star, self.contacts = self._check_contacts()

    # -- the whole message ----------------------------------------------------------------------------------------
    def _check_message(self) -> None:
        msg = self.msg
        if msg.header_error:
            raise Rejected(Outcome.BAD_MESSAGE, "failed to parse headers")
        for present, outcome in (
            (msg.first("to"), Outcome.NO_TO),
            (msg.first("call-id"), Outcome.NO_CALLID),
            (msg.first("cseq"), Outcome.NO_CSEQ),
        ):
            if present is None:
                raise Rejected(outcome)
        try:
            self.expires = msg.expires
        except SipError as error:
            raise Rejected(Outcome.BAD_EXPIRES) from error

    def _check_contacts(self) -> tuple[bool, list[SipContact]]:
        """Whether the only contact is `*`, else all contacts in Kamailio's order (each header backwards)."""
        try:
            headers = self.msg.contacts_by_header()
        except SipError as error:
            self.registrar.error("failed to parse Contact body")
            raise Rejected(Outcome.BAD_CONTACT) from error
        if not headers:
            return False, []
        if headers[0].star:
            if self.expires != 0:
                self.registrar.warning("expires must be 0 for star contact")
                raise Rejected(Outcome.STAR_EXPIRES)
            if len(headers) > 1 or headers[0].contacts:
                self.registrar.warning("star contact cannot be mixed with other contacts")
                raise Rejected(Outcome.STAR_CONTACT)
            return True, []
        for header in headers:
            self._check_lengths(header)
        return False, [contact for header in headers for contact in header.backwards()]

    def _check_lengths(self, header: Contacts) -> None:
        if header.star:
            self.registrar.warning("star contact cannot be mixed with other contacts")
            raise Rejected(Outcome.STAR_CONTACT)
        for contact in header.backwards():
            if len(contact.uri) > self.registrar.contact_max_size:
                self.registrar.warning(f"contact uri is too long: [{contact.uri}]")
                raise Rejected(Outcome.CONTACT_TOO_LONG)
            if len(contact.received or "") > _MAX_RECEIVED:
                self.registrar.warning("received attribute of contact is too long")
                raise Rejected(Outcome.CONTACT_TOO_LONG)

    # -- one contact ----------------------------------------------------------------------------------------------
    def lifetime(self, contact: SipContact, *, vary: bool = True) -> int:
        """When the contact expires, Unix seconds, 0 at once (calc_contact_expires); raises Rejected when too brief."""
        cfg, registrar = self.registrar.cfg, self.registrar
        spread = 0
        wanted = registrar.config_int(self.ctx, "expires")
        if wanted is not None and wanted >= 0:
            seconds = wanted
        else:
            text = contact.expires
            number = _number(text) if text else self.expires
            if number is None:
                seconds, spread = cfg["default_expires"], cfg["default_expires_range"]
            else:
                seconds, spread = number, cfg["expires_range"]
        if seconds == 0:
            return 0
        least = cfg["min_expires"]
        if seconds < least:
            if registrar.min_expires_mode:
                raise Rejected(Outcome.TOO_BRIEF)
            seconds = least
        if vary:
            seconds = max(self._vary(seconds, spread), least)
        if cfg["max_expires"] and seconds > cfg["max_expires"]:
            seconds = cfg["max_expires"]
        return wrap(seconds) + self.now

    def _vary(self, seconds: int, spread: int) -> int:
        """A lifetime between `spread` percent less and the one that was asked for."""
        if spread == 0:
            return seconds
        shortest = int(seconds - spread / 100 * seconds)
        chance = self.registrar.server.environment.chance.randrange(0, 100)
        return int(shortest + chance / 100 * (seconds - shortest))

    def common(self, flags: int, use_reg_id: bool) -> ContactInfo:
        """What holds for all contacts of the message (pack_ci with a message); raises Rejected."""
        info = self.info = ContactInfo()
        registrar, msg = self.registrar, self.msg
        info.callid = msg.callid.rstrip(" \t\r\n")
        if len(info.callid) > _MAX_CALLID:
            registrar.error("callid too long")
            raise Rejected(Outcome.CALLID_TOO_LONG)
        number = _number(msg.cseq.number_text) if msg.cseq else None
        if number is None:
            registrar.error("failed to convert cseq number")
            raise Rejected(Outcome.BAD_CSEQ)
        info.cseq = number
        self._socket(info)
        received = msg.received
        info.tcpconn_id = received.connection if received.proto in ("tcp", "tls", "ws", "wss") else -1
        agent = msg.value("user-agent") or ""
        info.user_agent = agent if 0 < len(agent) < _MAX_USER_AGENT else "n/a"
        if registrar.use_path:
            path, address = path_vector(registrar, self.ctx)
            if path:
                info.path = path
                if registrar.path_mode != MODE_OFF:
                    msg.path = path
            info.received = address
        info.last_modified = self.now
        info.flags, info.cflags, info.server_id = flags, self.ctx.bflags, registrar.usrloc.server_id
        if info.received:
            info.cflags |= registrar.usrloc.nat_flag
        registrar.usrloc.keep_xavp(self.ctx, info)
        if self.contacts:
            try:
                self.add(self.contacts[0], 0, use_reg_id)
            except Rejected as rejection:
                # Kamailio forgets to say what is wrong with the first one.
                raise Rejected(Outcome.FINE if rejection.outcome is Outcome.BAD_REG_ID else rejection.outcome) from None
        return info

    def _socket(self, info: ContactInfo) -> None:
        registrar, socket = self.registrar, self.msg.received.socket
        if registrar.sock_bit & self.msg.flags:
            info.sock = self._named_socket()
        if info.sock is None:
            info.sock = socket
            if registrar.sock_mode & _USE_ADVERTISED and socket.advertise_host:
                info.socket_text = f"{socket.proto}:{socket.advertise_host}:{socket.via_port}"

    def _named_socket(self) -> ListenSocket | None:
        """The socket that the header `sock_hdr_name`, or `socket` of the XAVP `xavp_cfg`, names."""
        registrar = self.registrar
        if registrar.sock_hdr_name:
            text = (self.msg.value(registrar.sock_hdr_name.lower()) or "").strip(" \t\r\n")
        else:
            text = registrar.config_str(self.ctx, "socket") or ""
        if not text:
            return None
        found = registrar.usrloc.store.local_socket(text)
        if found is None:
            registrar.error(f"non-local socket <{text}>")
        return found

    def add(self, contact: SipContact, expires: int, use_reg_id: bool) -> ContactInfo:
        """Make `info` that of one contact. Attributes that the contact lacks stay as the one before left them."""
        info, registrar = self.info, self.registrar
        assert info is not None
        if len(contact.uri) > 4:
            info.c = contact.uri
        info.q = self._q(contact)
        info.expires = expires
        info.methods = self._methods(contact)
        if not info.received:
            info.received = contact.received if contact.received is not None else self._received_avp()
        info.instance = contact.instance or ""
        if use_reg_id and contact.instance and contact.reg_id:
            number = _number(contact.reg_id)
            if not number:
                registrar.error("invalid reg-id value")
                raise Rejected(Outcome.BAD_REG_ID)
            info.reg_id = number
        info.ruid = registrar.next_ruid()
        return info

    def _q(self, contact: SipContact) -> int:
        wanted = self.registrar.config_int(self.ctx, "q")
        if wanted is not None:
            if 0 <= wanted <= 1000:
                return wanted
        elif not contact.q:
            default: int = self.registrar.cfg["default_q"]
            return default
        else:
            q = parse_q(contact.q)
            if q is not None:
                return q
        self.registrar.error("invalid q parameter")
        raise Rejected(Outcome.BAD_Q)

    def _methods(self, contact: SipContact) -> int:
        if contact.methods is not None:
            try:
                return method_bits(contact.methods)
            except SipError as error:
                self.registrar.error("failed to parse contact methods")
                raise Rejected(Outcome.BAD_MESSAGE) from error
        if self._allowed is None:
            self._allowed = ALL_METHODS
            bits = 0
            try:
                headers = self.msg.all("allow")
                for header in headers:
                    bits |= method_bits(header.value)
                if headers:
                    self._allowed = bits
            except SipError:
                pass
        return self._allowed

    def _received_avp(self) -> str:
        if self._received is None:
            avp = self.registrar.received_accessor
            value = to_str(avp.get(self.ctx)) if avp is not None else ""
            if len(value) > _MAX_RECEIVED:
                self.registrar.error("received too long")
                raise Rejected(Outcome.CONTACT_TOO_LONG)
            self._received = value
        return self._received


def _number(text: str) -> int | None:
    """Decimal digits, as an unsigned number of 32 bits (str2int); None for anything else."""
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= _MAX_UNSIGNED else None
