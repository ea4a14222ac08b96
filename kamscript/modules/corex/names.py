"""Whole domains that count as this server's own (alias_subdomains), and records given to the DNS cache (dns_cache).

Source: corex manual; src/modules/corex/corex_lib.c, corex_mod.c; core/dns_cache.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core.dns import BAD_NAME, PERMANENT, DnsEntry, literal
from kamscript.core.environment import SrvRecord
from kamscript.module import FixupError
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params

if TYPE_CHECKING:
    from kamscript.core.server import Server

_PROTOCOLS = frozenset(("udp", "tcp", "tls", "sctp"))
_TYPES = {"a": "A", "aaaa": "AAAA", "srv": "SRV"}


class Domain(NamedTuple):
    """A domain whose hosts are all own ones; port 0 and protocol "" match any."""

    name: str
    port: int
    proto: str

    def holds(self, host: str, port: int, proto: str) -> bool:
        """Whether this is the domain or a name in it."""
        if (self.port and port and self.port != port) or (self.proto and proto and self.proto != proto):
            return False
        host = host.lower()
        return host == self.name or host.endswith("." + self.name)


def parse_domain(text: str) -> Domain | None:
    """`[proto:]domain[:port]`; None when malformed."""
    parts = text.split(":", 2)
    proto = ""
    if len(parts) > 1 and len(parts[0]) in (3, 4):
        proto = parts.pop(0).lower()
        if proto not in _PROTOCOLS:
            return None
    name, port = parts[0].lower(), ":".join(parts[1:])
    if not name or (len(parts) > 1 and not port):
        return None
    return Domain(name, int(port) & 0xFFFF if port.isascii() and port.isdigit() else 0, proto)


def add_record(text: str, server: Server) -> None:
    """Add `name=...;type=A;addr=...;ttl=...;flags=...` to the DNS cache; raises FixupError when it cannot be."""
    try:
        params = parse_params(text.removesuffix(";"))[0]
    except SipError as error:
        raise FixupError(f"dns record {text!r}: {error}") from None
    values: dict[str, str] = {}
    numbers: dict[str, int] = {}
    # Kamailio reads parameters from the last to the first, and those of SRV only until it has seen flags.
    for param in reversed(params):
        key, value = param.name.lower(), param.value or ""
        if key in ("name", "addr", "type"):
            values[key] = value
        elif key in ("ttl", "flags", "priority", "weight", "port"):
            seen = numbers.get("ttl") if key == "ttl" else numbers.get("flags")
            if not seen:
                numbers[key] = _number(value, key, text)
    _add(values, numbers, text, server)


def _number(value: str, key: str, text: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise FixupError(f"dns record {text!r}: {key} {value!r} is no number") from None


def _add(values: dict[str, str], numbers: dict[str, int], text: str, server: Server) -> None:
    kind = _TYPES.get(values.get("type", "").lower())
    address, flags = values.get("addr", ""), numbers.get("flags", 0)
    if not server.cfg.core["use_dns_cache"]:
        raise FixupError("dns records need use_dns_cache")
    if kind is None:
        raise FixupError(f"dns record {text!r}: type A, AAAA or SRV is wanted")
    bad_name = bool(flags & BAD_NAME)
    if kind != "SRV" and not bad_name and (not literal(address) or (":" in address) != (kind == "AAAA")):
        raise FixupError(f"dns record {text!r}: {address!r} is no address of that type")
    key = (kind, values.get("name", "").lower())
    entry = server.dns.added.get(key)
    if entry is not None and entry.flags & PERMANENT and not flags & PERMANENT:
        raise FixupError(f"dns record {text!r}: there is a permanent one of that name")
    now = server.timers.now
    if entry is None or bad_name or entry.flags & BAD_NAME or (flags & PERMANENT and not entry.flags & PERMANENT):
        entry = server.dns.added[key] = DnsEntry(flags, now)
    entry.until = max(entry.until, now + numbers.get("ttl", 0))
    if bad_name:
        return
    answers: list[Any] = list(entry.answers)
    if kind == "SRV":
        record = SrvRecord(numbers.get("priority", 0), numbers.get("weight", 0), numbers.get("port", 0), address)
        answers = [answer for answer in answers if answer.target != address] + [record]
    elif address not in answers:
        answers.append(address)
    entry.answers = answers
