"""The profiles of TLS connections: those of a configuration file, and which one a connection gets.

Source: tls manual, parameter config; src/modules/tls/tls_config.c, tls_domain.c (tls_lookup_cfg).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

SERVER, CLIENT = "server", "client"
#: The places of profiles that name no address.
DEFAULT, ANY = "default", "any"

#: Versions by the names of tls_method: lowest and highest, "" for whatever OpenSSL takes.
METHODS = {
    "SSLv2": ("SSLv2", "SSLv2"), "SSLv3": ("SSLv3", "SSLv3"), "SSLv23": ("", ""), "TLSv1": ("TLSv1", "TLSv1"),
    "TLSv1.0": ("TLSv1", "TLSv1"), "TLSv1+": ("TLSv1", ""), "TLSv1.0+": ("TLSv1", ""),
    "TLSv1.1": ("TLSv1.1", "TLSv1.1"), "TLSv1.1+": ("TLSv1.1", ""),
    "TLSv1.2": ("TLSv1.2", "TLSv1.2"), "TLSv1.2+": ("TLSv1.2", ""),
    "TLSv1.3": ("TLSv1.3", "TLSv1.3"), "TLSv1.3+": ("TLSv1.3", ""),
}  # fmt: skip
#: Of them, what 5.6 does not know.
_LATER_METHODS = ("TLSv1.3", "TLSv1.3+")
_VERIFY_CLIENT = ("off", "on", "optional", "optional_no_ca")
_TRUE = ("yes", "true", "enable", "enabled", "1", "on")
_FALSE = ("no", "false", "disable", "disabled", "0", "off")

_ROLES = {"server": SERVER, "srv": SERVER, "s": SERVER, "client": CLIENT, "cli": CLIENT, "c": CLIENT}
_PLACES = {"default": DEFAULT, "def": DEFAULT, "any": ANY, "all": ANY}
#: Settings by their further names.
_ALIASES = {
    "tls_method": "method", "verify_cert": "verify_certificate", "require_cert": "require_certificate",
    "pkey_file": "private_key", "cert_file": "certificate", "calist_file": "ca_list",
    "pkey_password": "private_key_password",
}  # fmt: skip
_LATER_SETTINGS = ("private_key_password",)

#: server_name_mode: the domain and what is below it, or only what is below it; anything else: the domain alone.
_WITH_SUBDOMAINS, _SUBDOMAINS = 1, 2


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How connections of one role are made; file names are as they are to be opened.

    `place` is "default", "any" or "" for one with an address; `port` 0 means any.
    """

    role: str
    place: str = DEFAULT
    ip: str = ""
    port: int = 0
    method: str = "TLSv1+"
    verify_certificate: bool = False
    verify_depth: int = 9
    require_certificate: bool = False
    verify_client: str = "off"
    certificate: str = ""
    private_key: str = ""
    private_key_password: str = ""
    ca_list: str = ""
    ca_path: str = ""
    crl: str = ""
    cipher_list: str = ""
    server_name: str = ""
    server_name_mode: int = 0
    server_id: str = ""

    def __str__(self) -> str:
        where = self.place or (f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}")
        return f"[{self.role}:{where}]" + (f" ({self.server_name})" if self.server_name else "")

    @property
    def required(self) -> bool:
        """Whether the peer must show a certificate, and a good one."""
        return self.require_certificate or self.verify_client == "on"

    @property
    def verified(self) -> bool:
        """Whether a certificate that the peer shows must be good."""
        return self.required or self.verify_certificate or self.verify_client != "off"

    def named(self, name: str) -> bool:
        """Whether server_name, as server_name_mode says, matches a name."""
        name, own = name.lower(), self.server_name.lower()
        if name == own:
            return self.server_name_mode != _SUBDOMAINS
        return self.server_name_mode in (_WITH_SUBDOMAINS, _SUBDOMAINS) and name.endswith(f".{own}")


@dataclass
class Profiles:
    """All profiles of a server; `others` in the order in which they are looked at."""

    server: Profile
    client: Profile
    others: list[Profile] = field(default_factory=list)

    def __iter__(self) -> Iterator[Profile]:
        return iter([self.server, self.client, *self.others])

    def accepting(self, ip: str, port: int, name: str = "") -> Profile:
        """The profile for a connection that arrives at an address and asks for the server `name` ("" for none).

        Kamailio chooses by address first; a profile that has a server_name, and the default, then gives way to the one
        of that name.
        """
        first = self._find(SERVER, [(ip, port)])
        if not name or (first.place != DEFAULT and not first.server_name):
            return first
        return self._find(SERVER, [(first.ip, first.port)], name)

    def connecting(self, places: list[tuple[str, int]], name: str = "", server_id: str = "") -> Profile:
        """The profile for a connection that is opened, by server_id, else by an address of it and the SNI name."""
        return self._find(CLIENT, places, name, server_id)

    def _find(self, role: str, places: list[tuple[str, int]], name: str = "", server_id: str = "") -> Profile:
        wanted = server_id.lower()
        for profile in self.others:
            if profile.role != role:
                continue
            if wanted and profile.server_id.lower() == wanted:
                return profile
            if profile.place == ANY or any(profile.ip == ip and profile.port in (0, port) for ip, port in places):
                if name and profile.server_name:
                    if profile.named(name):
                        return profile
                elif profile.place != ANY:
                    return profile
        return self.server if role == SERVER else self.client


def method_of(text: str, target: str) -> str | None:
    """A tls_method as its table has it; None when the generation does not know it."""
    found = next((name for name in METHODS if name.lower() == text.lower()), None)
    return None if found in _LATER_METHODS and target in ("4.4", "5.6") else found


def verify_client_of(text: str) -> str | None:
    """A verify_client as its table has it; None for none."""
    return text.lower() if text.lower() in _VERIFY_CLIENT else None


def read_profiles(text: str, defaults: Profiles, path: Callable[[str], str], target: str = "") -> Profiles:
    """The profiles of a configuration file; what it leaves open comes from `defaults`, `path` completes file names.

    Raises ValueError that begins with the line.
    """
    sections: list[tuple[int, Profile, dict[str, Any]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        with _at(number):
            words = _words(line)
            if not words:
                continue
            if words[0] == "[":
                sections.append((number, _head(line, defaults), {}))
                continue
            key, value = _setting(words, path, target)
            if not sections:
                raise ValueError("a setting stands in front of the first [server:...] or [client:...]")
            sections[-1][2][key] = value
    read: list[Profile] = []
    for number, head, values in sections:
        with _at(number):
            made = _made(head, values)
            if head is not sections[-1][1]:  # Kamailio does not look at the last one
                _single(made, read)
            read.append(made)
    found = {profile.role: profile for profile in read if profile.place == DEFAULT}
    others = [profile for profile in reversed(read) if profile.place != DEFAULT]  # the last one is asked first there
    return Profiles(found.get(SERVER, defaults.server), found.get(CLIENT, defaults.client), others)


@contextmanager
def _at(number: int) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None


def _words(line: str) -> list[str]:
    """The first word, `=` and the value of a line; `["["]` for the head of a profile, nothing for a comment."""
    line = line.strip()
    if not line or line[0] == "#":
        return []
    if line[0] == "[":
        return ["["]
    key, equals, rest = line.partition("=")
    key, rest = key.strip(), rest.strip()
    if not equals or not key:
        raise ValueError(f"`name = value` is wanted: {line}")
    if rest[:1] == '"':
        value, quote, tail = rest[1:].partition('"')
        if not quote:
            raise ValueError(f"the quote is not closed: {line}")
    else:
        value, _, tail = rest.partition("#")[0].partition(" ")
        if not value:
            raise ValueError(f"{key} has no value")
    tail = tail.strip()
    if tail and tail[0] != "#":
        raise ValueError(f"more than one value: {line}")
    return [key, "=", value]


def _head(line: str, defaults: Profiles) -> Profile:
    inner, bracket, tail = line.split("#", 1)[0].strip()[1:].rpartition("]")
    role, colon, where = (part.strip() for part in inner.partition(":"))
    known = _ROLES.get(role.lower())
    if not bracket or tail.strip() or not colon or known is None:
        raise ValueError(f"[server:...] or [client:...] is wanted: {line.strip()}")
    base = defaults.server if known == SERVER else defaults.client
    place = _PLACES.get(where.lower())
    if place is not None:
        return replace(base, place=place)
    ip, _, port = where.rpartition(":")
    ip = ip.strip()
    ip = ip[1:-1] if ip[:1] == "[" and ip[-1:] == "]" else ip
    if not port.isdecimal() or int(port) > 65535 or not ip:
        raise ValueError(f"`default`, `any` or ip:port is wanted: {line.strip()}")
    try:
        ip = str(ip_address(ip))
    except ValueError:
        raise ValueError(f"{ip} is no IP address") from None
    return replace(base, place="", ip=ip, port=int(port))


def _setting(words: list[str], path: Callable[[str], str], target: str) -> tuple[str, Any]:
    name, value = words[0], words[2]
    key = _ALIASES.get(name.lower(), name.lower())
    kind = Profile.__dataclass_fields__.get(key)
    if kind is None or key in ("role", "place", "ip", "port") or (key in _LATER_SETTINGS and target in ("4.4", "5.6")):
        raise ValueError(f"there is no setting {name}")
    if key == "method":
        method = method_of(value, target)
        if method is None:
            raise ValueError(f"{value} is no {name}; {', '.join(METHODS)} are")
        return key, method
    if key == "verify_client":
        found = verify_client_of(value)
        if found is None:
            raise ValueError(f"{value} is no verify_client; {', '.join(_VERIFY_CLIENT)} are")
        return key, found
    if isinstance(kind.default, bool):
        if value.lower() not in _TRUE + _FALSE:
            raise ValueError(f"{name} is yes or no, not {value}")
        return key, value.lower() in _TRUE
    if isinstance(kind.default, int):
        if not (value.isascii() and value.isdecimal()):
            raise ValueError(f"{name} is a number, not {value}")
        return key, int(value)
    return key, path(value) if key in ("certificate", "private_key", "ca_list", "ca_path", "crl") else value


def _made(head: Profile, values: dict[str, Any]) -> Profile:
    """The profile of a head and its settings; raises ValueError for one that could never be chosen."""
    made = replace(head, **values)
    if made.place == ANY and not made.server_name:
        raise ValueError(f"{made} needs a server_name")
    return made


def _single(made: Profile, earlier: list[Profile]) -> None:
    """Two profiles for one address need server names; of two defaults the last one counts. Raises ValueError."""
    if made.place:
        return
    for other in earlier:
        if (other.role, other.ip, other.port) == (made.role, made.ip, made.port) and not (
            made.server_name and other.server_name
        ):
            raise ValueError(f"{made} stands there twice without a server_name")
