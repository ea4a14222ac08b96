"""Accounts at other registrars, and the table of them (uac/uac_reg.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from kamscript.core.hashes import core_hash

#: Bits of `flags`.
DISABLED, ONGOING, ONLINE, AUTHSENT, INIT = 1, 2, 4, 8, 16
#: Attributes by which commands and functions look for an account.
_SEARCHED: Final = ("r_username", "auth_username")


class UnknownAttribute(Exception):
    """Accounts are not looked for by this attribute."""


@dataclass(eq=False)
class Registration:
    """One account: the columns of its row, and how far registering is.

    `timer_expires`: Unix time until which it is registered. `reg_init`: when it came into memory; it waits
    `reg_delay` seconds then. `callid`, `cseq`: of the last REGISTER, with reg_keep_callid.
    """

    l_uuid: str
    l_username: str
    l_domain: str
    r_username: str
    r_domain: str
    realm: str
    auth_username: str
    auth_password: str
    auth_ha1: str
    auth_proxy: str
    expires: int
    flags: int
    reg_delay: int
    contact_addr: str
    socket: str
    contact_user: str = ""
    timer_expires: int = 0
    reg_init: int = 0
    callid: str = ""
    cseq: int = field(default=0)

    def complaint(self) -> str:
        """Why the password is no good; "" when it is."""
        if not self.auth_password and not self.auth_ha1:
            return "no password value provided - ignoring record"
        if self.auth_ha1 and len(self.auth_ha1) != 32:
            return f"invalid HA1 length: {len(self.auth_ha1)} - ignoring record"
        if self.auth_ha1.strip("0123456789abcdefABCDEF"):
            return f"invalid char in HA1 string: {self.auth_ha1}"
        return ""


class Registrations:
    """All accounts, in Kamailio's order: slot by slot, the newest of a slot first."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._by_uuid: list[list[Registration]] = [[] for _ in range(slots)]
        self._by_user: list[list[Registration]] = [[] for _ in range(slots)]

    def __iter__(self) -> Iterator[Registration]:
        return (entry for slot in self._by_uuid for entry in tuple(slot))

    def add(self, entry: Registration) -> None:
        """Add an account; whether there is one with its l_uuid is for the caller to look."""
        self._by_uuid[core_hash(entry.l_uuid, self.slots)].insert(0, entry)
        self._by_user[core_hash(entry.l_username, self.slots)].insert(0, entry)

    def remove(self, entry: Registration) -> None:
        """Forget an account."""
        self._by_uuid[core_hash(entry.l_uuid, self.slots)].remove(entry)
        self._by_user[core_hash(entry.l_username, self.slots)].remove(entry)

    def of_uuid(self, uuid: str) -> Registration | None:
        """The account with this l_uuid."""
        return _first(self._by_uuid[core_hash(uuid, self.slots)], lambda entry: entry.l_uuid == uuid)

    def of_user(self, user: str, domain: str | None = None) -> Registration | None:
        """The account with this l_username, and l_domain unless it is None."""
        return _first(
            self._by_user[core_hash(user, self.slots)],
            lambda entry: entry.l_username == user and domain in (None, entry.l_domain),
        )

    def search(self, attribute: str, value: str) -> Registration | None:
        """The first account with this l_uuid, l_username, r_username or auth_username; raises UnknownAttribute."""
        if attribute == "l_uuid":
            return self.of_uuid(value)
        if attribute == "l_username":
            return self.of_user(value)
        entries = list(self)
        if entries and attribute not in _SEARCHED:
            raise UnknownAttribute(attribute)
        return _first(entries, lambda entry: getattr(entry, attribute) == value)


def _first(entries: list[Registration], wanted: Callable[[Registration], bool]) -> Registration | None:
    return next((entry for entry in entries if wanted(entry)), None)
