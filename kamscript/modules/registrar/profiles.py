"""$ulc(profile=>attribute): contacts that a config fetched to look at (registrar/regpv.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.module import Accessor, FixupError, PvRef
from kamscript.modules.usrloc import Contact
from kamscript.values import INT_MAX, Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.registrar import Registrar

#: The profile that event_route[usrloc:contact-expired] finds filled.
EXPIRED = "exp"

_STREAMS = ("tcp", "tls", "ws", "wss")


class Profile:
    """The contacts of one profile, as they were when fetched."""

    __slots__ = ("aor", "contacts", "count", "domain", "filled")

    def __init__(self) -> None:
        self.filled = False
        self.free()

    def free(self) -> None:
        """Forget the contacts."""
        self.filled, self.aor, self.domain, self.count = False, "", "", 0
        self.contacts: list[Snapshot] = []

    def fill(self, domain: str, aor: str, contacts: list[Contact]) -> None:
        """Take copies of these contacts."""
        self.filled, self.domain, self.aor = True, domain, aor
        self.contacts = [Snapshot(contact) for contact in contacts]
        self.count = len(contacts)


class Snapshot:
    """A contact as it was."""

    __slots__ = (*Contact.__slots__, "proto")

    def __init__(self, contact: Contact) -> None:
        for name in Contact.__slots__:
            setattr(self, name, getattr(contact, name))
        self.proto = contact.sock.proto if contact.sock is not None else ""


_Reader = Callable[[Profile, "Snapshot"], Value]


def _text(name: str) -> _Reader:
    return lambda profile, contact: getattr(contact, name) or ""


def _number(name: str) -> _Reader:
    return lambda profile, contact: getattr(contact, name)


def _unsigned(name: str) -> _Reader:
    def read(profile: Profile, contact: Snapshot) -> Value:
        number: int = getattr(contact, name) & 0xFFFFFFFF
        return number if number <= INT_MAX else str(number)

    return read


#: How each attribute is read.
ATTRIBUTES: dict[str, _Reader] = {
    "aor": lambda profile, contact: profile.aor,
    "domain": lambda profile, contact: profile.domain,
    "aorhash": lambda profile, contact: core_hash(profile.aor),
    "count": lambda profile, contact: profile.count,
    "addr": _text("c"),
    "path": _text("path"),
    "received": _text("received"),
    "callid": _text("callid"),
    "user_agent": _text("user_agent"),
    "ruid": _text("ruid"),
    "expires": _unsigned("expires"),
    "q": _number("q"),
    "cseq": _number("cseq"),
    "flags": _unsigned("flags"),
    "cflags": _unsigned("cflags"),
    "modified": _unsigned("last_modified"),
    "methods": _unsigned("methods"),
    "regid": _unsigned("reg_id"),
    "server_id": _unsigned("server_id"),
    "socket": lambda profile, contact: contact.socket_text or None,  # type: ignore[attr-defined]
    "instance": lambda profile, contact: contact.instance or None,  # type: ignore[attr-defined]
    "conid": lambda profile, contact: contact.tcpconn_id if contact.proto in _STREAMS else None,  # type: ignore[attr-defined]
}


def accessor(registrar: Registrar, ref: PvRef) -> Accessor:
    """The accessor for one reference; FixupError for a name that is none."""
    inner = ref.inner if isinstance(ref.inner, str) else ""
    name, arrow, attribute = inner.partition("=>")
    if not arrow or not name:
        raise FixupError(f"invalid contact pv name {inner}")
    read = ATTRIBUTES.get(attribute)
    if read is None:
        raise FixupError(f"unknown contact attr name in {inner}")
    profile, index = registrar.profile(name), ref.index

    def get(ctx: Context) -> Value:
        number = index.get(ctx) if isinstance(index, Accessor) else index
        position = max(number, 0) if isinstance(number, int) else 0
        if not profile.filled or position >= len(profile.contacts):
            return None
        return read(profile, profile.contacts[position])

    # Kamailio takes an assignment and does nothing.
    return Accessor(get, lambda ctx, value: None)
