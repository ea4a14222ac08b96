"""From a URI to addresses: RFC 3263 with Kamailio's core parameters (core/dns_cache.c, core/resolve.c).

What counts, in this order: an address as host; a port (then only A and AAAA); NAPTR (dns_try_naptr, when neither port
nor transport are given); SRV for the transport given, or for each one in the order of dns_udp_pref and its kin; the
host itself on the default port. dns_try_ipv6 and dns_cache_flags decide between A and AAAA.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kamscript.core.environment import NaptrRecord, SrvRecord
from kamscript.core.sockets import Destination, is_address, shortest
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.server import Server

IPV4_ONLY, IPV6_ONLY, IPV6_FIRST = 1, 2, 4
_SRV_NAMES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp.", "sctp": "_sip._sctp."}
_NAPTR_SERVICES = {"sip+d2u": "udp", "sip+d2t": "tcp", "sip+d2s": "sctp", "sips+d2t": "tls"}


class UriTarget(NamedTuple):
    """What a URI says about where to go: host, port (0 none), transport ("" none); `secure` for sips."""

    host: str
    port: int
    proto: str
    secure: bool = False


@lru_cache(4096)
def uri_target(uri: str) -> UriTarget | None:
    """Host, port and transport of a SIP URI; None when it is none, or asks for UDP with sips."""
    try:
        parsed = parse_uri(uri)
    except SipError:
        return None
    proto: str = parsed.proto
    if parsed.secure:
        if proto == "udp":
            return None
        if proto not in ("ws", "wss"):
            proto = "tls"
    return UriTarget(parsed.host, parsed.port_no, proto, parsed.secure)


@lru_cache(4096)
def literal(host: str) -> str:
    """The IP address that `host` is, IPv6 without brackets in shortest form; "" when it is a name."""
    if not is_address(host):
        return ""
    return shortest(host.strip("[]")) if ":" in host else host


@lru_cache(4096)
def of_address(host: str, port: int = 0, proto: str = "") -> Destination | None:
    """Where a host leads that is an IP address; None: it is a name. `port` 0 and `proto` "" mean: not given."""
    address = literal(host)
    if not address:
        return None
    proto = proto or "udp"
    return Destination(proto, address, port or (5061 if proto == "tls" else 5060))


#: DnsEntry.flags: the name is known not to exist; the entry never expires.
BAD_NAME, PERMANENT = 1, 2


#: How many unanswered questions are remembered.
_MAX_UNANSWERED = 1000


class DnsEntry:
    """The answers added for one name and type (dns.add_a and its kin); `until` is in Unix seconds."""

    __slots__ = ("answers", "flags", "until", "used")

    def __init__(self, flags: int, now: float) -> None:
        self.answers: list[str] | list[SrvRecord] | list[NaptrRecord] = []
        self.flags, self.until, self.used = flags, now, now


class Dns:
    """The look-ups of one server: records added by RPC, then the resolver that was handed in."""

    __slots__ = ("_server", "_unanswered", "added")

    def __init__(self, server: Server) -> None:
        self._server = server
        #: questions that had no answer: until when Kamailio's cache knows so
        self._unanswered: dict[tuple[str, str], float] = {}
        #: records of `dns.add_a` and its kin by type ("A", "AAAA", "SRV") and lower-case name
        self.added: dict[tuple[str, str], DnsEntry] = {}

    @property
    def flags(self) -> int:
        """IPV4_ONLY, IPV6_ONLY, IPV6_FIRST bits (fix_dns_flags)."""
        core = self._server.cfg.core
        flags = core["dns_cache_flags"] & 7
        # The daemon turns dns_try_ipv6 off when it listens on no IPv6 socket.
        if not core["dns_try_ipv6"] or not any(socket.ipv6 for socket in self._server.sockets):
            flags |= IPV4_ONLY
        return int(IPV4_ONLY if flags & IPV4_ONLY else flags)

    def addresses(self, host: str, flags: int) -> list[str]:
        """A and AAAA answers in the order to try; the address itself when `host` is one."""
        address = literal(host)
        if address:
            ipv6 = ":" in address
            return [] if (ipv6 and flags & IPV4_ONLY) or (not ipv6 and flags & IPV6_ONLY) else [address]
        if flags & IPV4_ONLY:
            return self._ask("A", host)
        if flags & IPV6_ONLY:
            return self._ask("AAAA", host)
        if flags & IPV6_FIRST:
            return self._ask("AAAA", host) + self._ask("A", host)
        return self._ask("A", host) + self._ask("AAAA", host)

    def srv(self, name: str) -> list[SrvRecord]:
        """SRV answers by priority, then weight; with dns_srv_lb in random order by weight (RFC 2782)."""
        entry = self.entry("SRV", name) if self.added else None
        records = entry.answers if entry is not None else self._server.environment.resolver.srv(name)
        if not records and entry is None:
            self._without_answer("SRV", name)
        ordered = sorted((r for r in records if isinstance(r, SrvRecord)), key=lambda r: (r.priority, -r.weight))
        return self._balanced(ordered) if self._server.cfg.core["dns_srv_lb"] else ordered

    def entry(self, kind: str, name: str) -> DnsEntry | None:
        """What was added for a name and still holds."""
        key = (kind, name.lower())
        entry = self.added.get(key)
        if entry is None:
            return None
        now = self._server.timers.now
        if not entry.flags & PERMANENT and entry.until <= now:
            del self.added[key]
            return None
        entry.used = now
        return entry

    def _ask(self, kind: str, name: str) -> list[str]:
        entry = self.entry(kind, name) if self.added else None
        if entry is not None:
            return [answer for answer in entry.answers if isinstance(answer, str)]
        resolver = self._server.environment.resolver
        answers = list(resolver.a(name) if kind == "A" else resolver.aaaa(name))
        if not answers:
            self._without_answer(kind, name)
        return answers

    def _without_answer(self, kind: str, name: str) -> None:
        """Count a question without an answer: with `use_dns_cache` once in `dns_cache_negative_ttl` seconds."""
        host = name.partition("._")[2].partition(".")[2] if kind == "SRV" else name
        if not host.strip("0123456789."):
            return  # no name at all
        core, now = self._server.cfg.core, self._server.timers.now
        if core["use_dns_cache"]:
            key = (kind, name.lower())
            if self._unanswered.get(key, now) > now:
                return
            if len(self._unanswered) > _MAX_UNANSWERED:
                self._unanswered.clear()
            self._unanswered[key] = now + core["dns_cache_negative_ttl"]
        self._server.statistics.core("dns:failed_dns_request")

    def _balanced(self, records: list[SrvRecord]) -> list[SrvRecord]:
        chance = self._server.environment.chance
        out: list[SrvRecord] = []
        while records:
            group = [record for record in records if record.priority == records[0].priority]
            total = sum(record.weight for record in group)
            chosen = group[0]
            if total and len(group) > 1:
                at = chance.randrange(1, total + 1)
                for record in group:
                    at -= record.weight
                    if at <= 0:
                        chosen = record
                        break
            out.append(chosen)
            records = [record for record in records if record is not chosen]
        return out

    # -- from host to destinations --------------------------------------------------------------------------------
    def destinations(self, host: str, port: int = 0, proto: str = "") -> Iterator[Destination]:
        """All addresses of a host in the order to try. `port` 0 and `proto` "" mean: not given."""
        known = of_address(host, port, proto)
        if known is not None:
            flags = self.flags
            ipv6 = ":" in known.ip
            if (ipv6 and flags & IPV4_ONLY and flags != IPV4_ONLY) or (not ipv6 and flags & IPV6_ONLY):
                return
            yield known
            return
        flags = self.flags
        core = self._server.cfg.core
        if not port and not proto and core["dns_try_naptr"]:
            found = False
            for record_proto, name in self._naptr(host):
                for destination in self._by_srv(name, record_proto, flags):
                    found = True
                    yield destination
            if found:
                return
        if not port:
            for candidate in [proto] if proto else self._preferred():
                prefix = _SRV_NAMES.get("tls" if candidate == "wss" else "tcp" if candidate == "ws" else candidate)
                if prefix is None:
                    continue
                found = False
                for destination in self._by_srv(prefix + host, candidate, flags):
                    found = True
                    yield destination
                if found:
                    return
        proto = proto or "udp"
        port = port or (5061 if proto == "tls" else 5060)
        for address in self.addresses(host, flags):
            yield Destination(proto, address, port)

    def _by_srv(self, name: str, proto: str, flags: int) -> Iterator[Destination]:
        for record in self.srv(name):
            for address in self.addresses(record.target, flags):
                yield Destination(proto, address, record.port)

    def _supported(self, proto: str) -> bool:
        settings = self._server.settings
        if self._server.cfg.core.get(f"dns_{proto}_pref", 0) < 0:
            return False
        return {"udp": True, "tcp": not settings["disable_tcp"], "tls": not settings["disable_tls"]}.get(proto, False)

    def _preferred(self) -> list[str]:
        """The transports to look SRV records up for, the most wanted first (create_srv_pref_list)."""
        core = self._server.cfg.core
        candidates = [proto for proto in ("udp", "tcp", "tls") if self._supported(proto)]
        return sorted(candidates, key=lambda proto: -core[f"dns_{proto}_pref"])

    def _naptr(self, host: str) -> list[tuple[str, str]]:
        """(transport, SRV name) of usable NAPTR records, the best first (naptr_choose)."""
        core = self._server.cfg.core
        ignore_rfc = core["dns_naptr_ignore_rfc"]
        usable: list[tuple[str, NaptrRecord]] = []
        records = self._server.environment.resolver.naptr(host)
        if not records:
            self._without_answer("NAPTR", host)
        for record in records:
            proto = _NAPTR_SERVICES.get(record.service.lower(), "")
            if record.flags.lower() == "s" and not record.regexp and proto and self._supported(proto):
                usable.append((proto, record))

        def rank(item: tuple[str, NaptrRecord]) -> tuple[int, int, int]:
            proto, record = item
            preference = core[f"dns_{proto}_pref"] if ignore_rfc else 0
            return -preference, record.order, record.preference

        return [(proto, record.replacement) for proto, record in sorted(usable, key=rank)]


def uri_to_destination(server: Server, uri: str, proto: str = "") -> Destination | None:
    """The first address of a SIP URI; None: it has none. `proto` "" means: what the URI says, else what DNS prefers."""
    target = uri_target(uri)
    if target is None:
        return None
    host, port, uri_proto, _ = target
    proto = proto or uri_proto
    if server.plain_dns:
        known = of_address(host, port, proto)
        if known is not None:
            return known
    return next(server.dns.destinations(host, port, proto), None)


def destinations(server: Server, uri: str, proto: str = "") -> Iterator[Destination]:
    """The addresses of a SIP URI in the order to try: one, or all with use_dns_failover."""
    target = uri_target(uri)
    if target is None:
        return
    every = server.dns.destinations(target.host, target.port, proto or target.proto)
    if not server.cfg.core["use_dns_failover"]:
        first = next(every, None)
        if first is not None:
            yield first
        return
    yield from every
