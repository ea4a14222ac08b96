"""ipops: IP addresses and names of hosts (src/modules/ipops/ of 4.4, 5.6 and 6.x)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kamscript.module import Accessor, FixupError, Module, PvInt, PvRef, Route, Str, function, pv_class
from kamscript.modules._ip_text import packed, shown
from kamscript.modules._variable_args import Writable
from kamscript.modules.ipops.addresses import Kind, detailed_kind, equal, in_subnets, is_private, kind_of
from kamscript.modules.ipops.answers import Answers, address_reader, record_reader
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.environment import SrvRecord
    from kamscript.core.server import Server

_LONGEST_NAME: Final = 255
_LONGEST_ADDRESS: Final = 46
_MOST_RECORDS: Final = 32
_LONGEST_TEXT: Final = 64

#: What functions return that ask: an answer, and why there is none.
_FOUND, _TOO_LONG, _NO_CONTAINER, _NO_ANSWER, _BAD_ADDRESS, _NO_NAME = 1, -2, -3, -4, -3, -6

_SRV: Final = {"port": "port", "priority": "priority", "target": "target", "weight": "weight"}
_NAPTR: Final = {
    "order": "order",
    "pref": "preference",
    "flags": "flags",
    "services": "service",
    "regex": "regexp",
    "replace": "replacement",
}
_ADDRESSES: Final[dict[str, Callable[[Answers, str], Value]]] = {
    "addr": lambda answers, address: address,
    "type": lambda answers, address: 6 if ":" in address else 4,
    "ipv4": lambda answers, address: answers.ipv4,
    "ipv6": lambda answers, address: answers.ipv6,
    "count": lambda answers, address: len(answers.records),
}
_NAMES: Final[dict[str, Callable[[Answers, str], Value]]] = {
    **_ADDRESSES,
    "hostname": lambda answers, address: answers.hostname,
}


class Ipops(Module, name="ipops"):
    """Ask of texts whether they are addresses, compare them, and look names up."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._dns: dict[str, Answers] = {}
        self._ptr: dict[str, Answers] = {}
        self._srv: dict[str, Answers] = {}
        self._naptr: dict[str, Answers] = {}

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)

    # -- texts ----------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def is_ip(self, ctx: Context, ip: Str) -> bool:
        """Whether a text is an IPv4 or IPv6 address, in brackets or not."""
        return kind_of(ip) is not Kind.NONE

    @function(Route.ANY)
    def is_pure_ip(self, ctx: Context, ip: Str) -> bool:
        """Whether a text is an IPv4 or IPv6 address without brackets."""
        return kind_of(ip) in (Kind.IPV4, Kind.IPV6)

    @function(Route.ANY)
    def is_ipv4(self, ctx: Context, ip: Str) -> bool:
        """Whether a text is an IPv4 address."""
        return kind_of(ip) is Kind.IPV4

    @function(Route.ANY)
    def is_ipv6(self, ctx: Context, ip: Str) -> bool:
        """Whether a text is an IPv6 address without brackets."""
        return kind_of(ip) is Kind.IPV6

    @function(Route.ANY)
    def is_ipv6_reference(self, ctx: Context, ip: Str) -> bool:
        """Whether a text is an IPv6 address in brackets."""
        return kind_of(ip) is Kind.REFERENCE

    @function(Route.ANY)
    def ip_type(self, ctx: Context, ip: Str) -> int:
        """1 IPv4, 2 IPv6, 3 IPv6 in brackets, -1 no address."""
        return kind_of(ip).value

    @function(Route.ANY)
    def is_ip_rfc1918(self, ctx: Context, ip: Str) -> bool:
        """Whether a text begins with a private IPv4 address."""
        return is_private(ip)

    @function(Route.ANY, since="5.6")
    def detailed_ip_type(self, ctx: Context, ip: Str, result: Writable) -> bool:
        """Write what an address is for: `PUBLIC`, `PRIVATE`, `LOOPBACK`, `GLOBAL-UNICAST`, ... False: it is none."""
        kind = kind_of(ip)
        return kind is not Kind.NONE and self._detailed(ctx, ip, kind, result)

    @function(Route.ANY, since="5.6")
    def detailed_ipv4_type(self, ctx: Context, ip: Str, result: Writable) -> bool:
        """The same of an IPv4 address."""
        return self._detailed(ctx, ip, Kind.IPV4, result)

    @function(Route.ANY, since="5.6")
    def detailed_ipv6_type(self, ctx: Context, ip: Str, result: Writable) -> bool:
        """The same of an IPv6 address, in brackets or not."""
        return self._detailed(ctx, ip, Kind.IPV6, result)

    def _detailed(self, ctx: Context, ip: str, kind: Kind, result: Accessor) -> bool:
        found = detailed_kind(ip[1:-1] if kind is not Kind.IPV4 and ip[:1] == "[" else ip, kind)
        if found is None:
            self._error("bad ip parameter")
            return False
        assert result.set is not None
        result.set(ctx, found)
        return True

    @function(Route.ANY)
    def compare_ips(self, ctx: Context, first: Str, second: Str) -> bool:
        """Whether two texts are the same address, in brackets or not."""
        return equal(first, second, pure=False)

    @function(Route.ANY)
    def compare_pure_ips(self, ctx: Context, first: Str, second: Str) -> bool:
        """Whether two texts are the same address, without brackets."""
        return equal(first, second, pure=True)

    @function(Route.ANY)
    def is_in_subnet(self, ctx: Context, ip: Str, subnets: Str) -> bool:
        """Whether an address lies in one of the subnets, `10.0.0.0/8,192.0.2.1,2001:db8::/32`."""
        return in_subnets(ip, subnets, masks_stay=self.server.target != "all")

    # -- names ----------------------------------------------------------------------------------------------------
    def _addresses(self, name: str) -> list[str]:
        """Every address of a name (getaddrinfo); the address itself when it is one."""
        literal = packed(name) if kind_of(name) in (Kind.IPV4, Kind.IPV6) else None
        if literal is not None:
            return [shown(literal)]
        if not name:
            return []
        resolver = self.server.environment.resolver
        found = [*resolver.aaaa(name), *resolver.a(name)]
        return found or (["127.0.0.1"] if name.lower() == "localhost" else [])

    @function(Route.ANY)
    def dns_sys_match_ip(self, ctx: Context, name: Str, ip: Str) -> int:
        """Whether a name has an address: 1 yes, -1 no, -3 `ip` is no address, -4 the name has none."""
        return self._match(ip, self._addresses(name)) if packed(ip) is not None else _BAD_ADDRESS

    @function(Route.ANY)
    def dns_int_match_ip(self, ctx: Context, name: Str, ip: Str) -> int:
        """The same with the core's own look-ups, which know what `dns.add_a` added."""
        if packed(ip) is None:
            return _BAD_ADDRESS
        found = self.server.dns.addresses(name, self.server.dns.flags) if name else []
        return self._match(ip, [address for address in found if (":" in address) == (":" in found[0])])

    @staticmethod
    def _match(ip: str, addresses: list[str]) -> int:
        if not addresses:
            return _NO_ANSWER
        return 1 if packed(ip) in [packed(address) for address in addresses] else -1

    @function(Route.ANY)
    def dns_query(self, ctx: Context, name: Str, container: Str) -> int:
        """Look the addresses of a name up, for $dns: 1, -2 the name is too long, -4 it has none."""
        if len(name) > _LONGEST_NAME:
            return _TOO_LONG
        answers = self._dns.setdefault(container, Answers())
        found = self._cut(self._addresses(name), name)
        answers.records, answers.hostname = found, name
        answers.ipv4, answers.ipv6 = int(any(":" not in ip for ip in found)), int(any(":" in ip for ip in found))
        if not found:
            self._error(f"unable to resolve {name}")
            return _NO_ANSWER
        return _FOUND

    @function(Route.ANY, since="6.x")
    def ptr_query(self, ctx: Context, ip: Str, container: Str) -> int:
        """Look the name of an address up, for $ptrquery: 1, -4 it is no address, -6 it has no name."""
        if len(ip) > _LONGEST_ADDRESS:
            return _TOO_LONG
        answers = self._ptr.setdefault(container, Answers())
        answers.records = ()
        kind = kind_of(ip)
        if kind is Kind.NONE:
            self._error(f"invalid IP address: {ip}")
            return _NO_ANSWER
        answers.ipv4, answers.ipv6 = int(kind is Kind.IPV4), int(kind is not Kind.IPV4)
        hostname = self.server.environment.resolver.ptr(ip.strip("[]"))
        if hostname is None:
            self._error(f"unable to reverse resolve {ip}")
            return _NO_NAME
        answers.records, answers.hostname = [ip], hostname
        return _FOUND

    @function(Route.ANY)
    def srv_query(self, ctx: Context, service: Str, container: Str) -> int:
        """Look `_sip._udp.example.com` up, for $srvquery, by priority and chance (RFC 2782): 1, -2 no name, -3 no
        $srvquery names the container. No record is an answer, too."""
        answers = self._container(self._srv, container)
        if not service or answers is None:
            return _NO_CONTAINER if service else _TOO_LONG
        found = self._cut(self.server.environment.resolver.srv(service), service)
        cut = [record._replace(target=record.target[:_LONGEST_TEXT]) for record in self._in_order(list(found))]
        answers.records = cut
        return _FOUND

    @function(Route.ANY, since="5.6")
    def naptr_query(self, ctx: Context, name: Str, container: Str) -> int:
        """Look NAPTR records up, for $naptrquery, by order and preference. Returns as srv_query()."""
        answers = self._container(self._naptr, container)
        if not name or answers is None:
            return _NO_CONTAINER if name else _TOO_LONG
        found = self._cut(self.server.environment.resolver.naptr(name), name)
        answers.records = sorted(found, key=lambda record: (record.order, record.preference))
        return _FOUND

    def _container(self, containers: dict[str, Answers], name: str) -> Answers | None:
        """The container that a pseudo-variable names; 6.x makes one."""
        if self.server.target in ("4.4", "5.6"):
            return containers.get(name)
        return containers.setdefault(name, Answers())

    def _cut(self, records: list[Any], name: str) -> list[Any]:
        if len(records) > _MOST_RECORDS:
            self.server.log.warning(self.name, f"more than {_MOST_RECORDS} records for {name} - truncating")
        return records[:_MOST_RECORDS]

    def _in_order(self, records: list[SrvRecord]) -> list[SrvRecord]:
        """By priority; those of one priority by chance, the more weight the sooner."""
        chance, ordered = self.server.environment.chance, []
        records = sorted(records, key=lambda record: (record.priority, record.weight != 0))
        while records:
            group = [record for record in records if record.priority == records[0].priority]
            total = sum(record.weight for record in group)
            at = chance.randrange(0, total + 1) if len(group) > 1 else 0
            for record in group:
                at -= record.weight
                if at <= 0:
                    break
            ordered.append(record)
            records.remove(record)
        return ordered

    @function(Route.ANY, since="5.6")
    def dns_set_local_ttl(self, ctx: Context, ttl: PvInt) -> bool:
        """How many seconds the core believes answers from now on, 0: as they say. Answers are not kept here."""
        return True

    # -- variables ------------------------------------------------------------------------------------------------
    @pv_class("dns")
    def dns(self, ref: PvRef) -> Accessor:
        """`$dns(container=>addr[0])`, `type` (4 or 6), `ipv4`, `ipv6` (whether there is one), `count`."""
        return address_reader(_inner(ref), self.server, lambda name: self._dns.setdefault(name, Answers()), self._keys)

    @pv_class("ptrquery", since="6.x")
    def ptrquery(self, ref: PvRef) -> Accessor:
        """`$ptrquery(container=>hostname)`, and the keys of $dns."""
        return address_reader(_inner(ref), self.server, lambda name: self._ptr.setdefault(name, Answers()), self._keys)

    @property
    def _keys(self) -> dict[str, Callable[[Answers, str], Value]]:
        return _ADDRESSES if self.server.target in ("4.4", "5.6") else _NAMES

    @pv_class("srvquery")
    def srvquery(self, ref: PvRef) -> Accessor:
        """`$srvquery(container=>count)`, `port[0]`, `priority[0]`, `target[0]`, `weight[0]`."""
        return record_reader(_inner(ref), self.server, lambda name: self._srv.setdefault(name, Answers()), _SRV)

    @pv_class("naptrquery", since="5.6")
    def naptrquery(self, ref: PvRef) -> Accessor:
        """`$naptrquery(container=>count)`, `order[0]`, `pref`, `flags`, `services`, `regex`, `replace`."""
        return record_reader(_inner(ref), self.server, lambda name: self._naptr.setdefault(name, Answers()), _NAPTR)

    @pv_class("HN")
    def host_name(self, ref: PvRef) -> Accessor:
        """The own host: `$HN(n)` its name, `$HN(d)` its domain, `$HN(f)` both, `$HN(i)` its address."""
        name, _, domain = self.server.environment.hostname.partition(".")
        match ref.inner:
            case "n":
                return Accessor(lambda ctx: name or None)
            case "d":
                return Accessor(lambda ctx: domain or None)
            case "f":
                return Accessor(lambda ctx: self.server.environment.hostname or None)
            case "i":
                return Accessor(self._own_address)
        raise FixupError("$HN has the parts n, d, f and i")

    def _own_address(self, ctx: Context) -> Value:
        found = self.server.dns.addresses(self.server.environment.hostname, self.server.dns.flags)
        return found[0] if found else None


def _inner(ref: PvRef) -> str:
    """What stands between the parentheses, as written."""
    if ref.inner is None or ref.index is not None:
        raise FixupError(f"${ref.name} needs a container and a key in parentheses and takes no index")
    return ref.inner if isinstance(ref.inner, str) else str(getattr(ref.inner, "text", ""))
