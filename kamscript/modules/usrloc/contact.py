"""A registered contact and what a registration says about it (usrloc/ucontact.h, usrloc/usrloc.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket

#: `Contact.expires` of a contact that is deleted and waits for the timer to delete it from the database too.
EXPIRED_TIME = 10
ALL_METHODS = 0xFFFFFFFF

#: Bits of `Contact.flags`.
FL_MEM = 1  #: not written to the database
FL_EXPCLB = 4  #: the expire callbacks ran already

#: Where a contact stands towards the database.
CS_NEW, CS_SYNC, CS_DIRTY = "CS_NEW", "CS_SYNC", "CS_DIRTY"


class ContactInfo:
    """What a registration says about one contact (ucontact_info_t)."""

    __slots__ = (
        "c",
        "callid",
        "cflags",
        "cseq",
        "expires",
        "flags",
        "instance",
        "last_modified",
        "methods",
        "path",
        "q",
        "received",
        "reg_id",
        "ruid",
        "server_id",
        "sock",
        "socket_text",
        "tcpconn_id",
        "user_agent",
        "xavp",
    )

    def __init__(self) -> None:
        self.ruid = ""
        self.c = ""  #: the contact's URI; takes the place of the stored one when the contact matched by instance
        self.received = ""
        self.path: str | None = None
        self.expires = 0  #: Unix seconds; 0 never
        self.q = -1  #: thousandths; -1 unset
        self.callid = ""
        self.cseq = 0
        self.flags = 0
        self.cflags = 0
        self.user_agent = ""
        self.sock: ListenSocket | None = None
        self.socket_text = ""  #: what to show for the socket when that is not `sock` itself
        self.methods = ALL_METHODS
        self.instance = ""
        self.reg_id = 0
        self.server_id = 0
        self.tcpconn_id = -1
        self.last_modified = 0
        self.xavp: Any = None


class Contact:
    """One contact of an address of record.

    `expires` is Unix seconds, 0 for a permanent contact; `q` thousandths, -1 unset; `sock` the local socket on which
    the REGISTER came, `socket_text` how it is written; `xavp` the attributes that `xavp_contact` keeps, or None;
    `ka_roundtrip` microseconds.
    """

    __slots__ = (
        "aor",
        "c",
        "callid",
        "cflags",
        "cseq",
        "domain",
        "expires",
        "flags",
        "instance",
        "ka_roundtrip",
        "keepalive",
        "last_keepalive",
        "last_modified",
        "methods",
        "path",
        "q",
        "received",
        "reg_id",
        "ruid",
        "server_id",
        "sock",
        "socket_text",
        "state",
        "tcpconn_id",
        "user_agent",
        "xavp",
    )

    def __init__(self, domain: str, aor: str, uri: str, info: ContactInfo, now: int, nat_flag: int) -> None:
        self.domain, self.aor, self.c = domain, aor, uri
        self.ruid, self.received, self.path = info.ruid, info.received, info.path or ""
        self.expires, self.q, self.callid, self.cseq = info.expires, info.q, info.callid, info.cseq
        self.state = CS_NEW
        self.flags, self.cflags, self.user_agent = info.flags, info.cflags, info.user_agent
        self.sock = info.sock
        self.socket_text = info.socket_text or (info.sock.text if info.sock else "")
        self.methods, self.instance, self.reg_id = info.methods, info.instance, info.reg_id
        self.server_id, self.tcpconn_id = info.server_id, info.tcpconn_id
        self.last_modified, self.last_keepalive, self.ka_roundtrip = info.last_modified, now, 0
        self.keepalive = 1 if info.cflags & nat_flag else 0
        self.xavp = info.xavp

    def update(self, info: ContactInfo, now: int) -> None:
        """Take over a new registration of this contact (mem_update_ucontact); `ruid` and `reg_id` stay."""
        if info.instance and info.c:
            self.c = info.c
        if info.callid:
            self.callid = info.callid
        self.user_agent, self.received, self.path = info.user_agent, info.received, info.path or ""
        self.sock = info.sock
        self.socket_text = info.socket_text or (info.sock.text if info.sock else "")
        self.expires, self.q, self.cseq, self.methods = info.expires, info.q, info.cseq, info.methods
        self.last_modified, self.last_keepalive = info.last_modified, now
        self.flags, self.cflags = info.flags, info.cflags
        self.server_id, self.tcpconn_id = info.server_id, info.tcpconn_id
        self.xavp = info.xavp

    def valid(self, now: int) -> bool:
        """Whether the contact is permanent or has not expired (VALID_CONTACT)."""
        return self.expires > now or self.expires == 0

    def over_stream(self) -> bool:
        """Whether the contact registered over a connection."""
        return self.tcpconn_id != -1


def same_instance(one: str, other: str) -> bool:
    """Whether two +sip.instance values are equal, with or without their angle brackets."""
    return bool(one) and bool(other) and bare_instance(one) == bare_instance(other)


def bare_instance(text: str) -> str:
    """A +sip.instance value without angle brackets."""
    return text[1:-1] if len(text) > 2 and text[0] == "<" and text[-1] == ">" else text
