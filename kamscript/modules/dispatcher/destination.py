"""One destination of a set: its URI, state, attributes, and how quickly it answers (dispatcher manual, 6.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kamscript.core.dns import literal
from kamscript.modules._hostport import parse_host_port
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dispatcher import Dispatcher

INACTIVE, TRYING, DISABLED, PROBING, NO_DNS, NO_PING = 1, 2, 4, 8, 16, 32
STATES = INACTIVE | TRYING | DISABLED | PROBING | NO_DNS
#: Destinations in one of these states get no traffic.
SKIPPED = INACTIVE | DISABLED

DNS_INIT, DNS_ALWAYS, DNS_TIMER, DNS_SRV = 1, 2, 4, 8
_TRAINED, _OLD = 10000, 2097152
_MOST_ADDRESSES = 32
_INTEGER = re.compile("[+-]?[0-9]{0,20}")


class Refused(Exception):
    """A destination cannot be added; the text says why."""


class Latency:
    """Milliseconds between keepalive and answer: average, deviation and the quick estimate (ds_ping_latency_stats)."""

    __slots__ = ("average", "count", "deviation", "estimate", "largest", "smallest", "squares", "start", "timeouts")

    def __init__(self, value: int = 0, count: int = 0) -> None:
        self.average = self.estimate = float(value)
        self.smallest = self.largest = value
        self.count, self.timeouts = count, 0
        self.deviation = self.squares = self.start = 0.0

    def update(self, value: int, alpha: float) -> None:
        """Take one more measurement; `alpha` is the weight of the past in the estimate."""
        if self.count < _OLD:
            self.count += 1
        else:
            self.squares -= self.squares / self.count
        if self.count == 1:
            self.average = self.estimate = float(value)
            self.smallest = self.largest = value
        if 10 < self.count < _TRAINED and self.deviation < 0.5:
            self.count = _TRAINED
        self.smallest, self.largest = min(self.smallest, value), max(self.largest, value)
        if self.count > 1:
            distance = value - self.average
            self.average += distance / self.count
            self.squares += distance * (value - self.average)
            self.deviation = max(self.squares / (self.count - 1), 0.0) ** 0.5
        self.estimate = self.average if self.count < 10 else self.estimate * alpha + value * (1 - alpha)

    @property
    def congestion(self) -> int:
        """Whole milliseconds that the estimate is above the average."""
        return int(self.estimate - self.average)


class Destination:
    """A destination as the list file or the table has it, and what became of it."""

    __slots__ = (
        "addresses",
        "attrs",
        "congestion_control",
        "dns_time",
        "duid",
        "flags",
        "host",
        "index",
        "iuid",
        "key",
        "latency",
        "load",
        "maxload",
        "messages",
        "obproxy",
        "overload",
        "ping_from",
        "ping_socket",
        "ping_socket_text",
        "port",
        "priority",
        "proto",
        "rweight",
        "socket",
        "socket_text",
        "sockname",
        "unmatched",
        "uri",
        "weight",
    )

    def __init__(self, module: Dispatcher, uri: str, flags: int = 0, priority: int = 0, attrs: str = "") -> None:
        """Raises Refused for a URI, socket or attributes that cannot be used."""
        parsed = _parsed(module, uri)
        self.uri, self.host, self.port, self.proto = parsed.text, parsed.host, parsed.port_no, proto_of(module, parsed)
        self.key = self.uri.lower()
        self.flags, self.priority, self.load, self.messages, self.dns_time = flags, priority, 0, 0, 0.0
        self.attrs = self.duid = self.socket_text = self.sockname = self.ping_from = self.obproxy = ""
        self.ping_socket_text = ""
        self.ping_socket: ListenSocket | None = None
        self.maxload = self.weight = self.rweight = self.congestion_control = 0
        self.latency = Latency()
        self.overload = Overload()
        self.index = 0  #: the place in its set
        self.unmatched = bool(flags & NO_DNS)  #: for good; the flag goes with the next state
        self.iuid = ""  #: what 6.x calls it
        self._take(module, attrs or ("none=yes" if module.ds_attrs_none else ""))
        self.overload.prepare(module)
        self.socket = self._socket(module)
        self.addresses: tuple[str, ...] = ()
        if not flags & NO_DNS and module.ds_dns_mode & (DNS_INIT | DNS_TIMER) and not self.resolve(module):
            raise Refused(f"could not resolve {self.host}")

    def _take(self, module: Dispatcher, attrs: str) -> None:
        self.attrs = attrs.removesuffix(";")
        if not self.attrs:
            return
        try:
            params = parse_params(self.attrs)[0]
        except SipError as error:
            raise Refused(f"cannot set attributes: {error}") from None
        for name, value, _, _ in reversed(params):
            name, value = name.lower(), value or ""
            if name in ("duid", "sockname", "ping_from", "obproxy"):
                setattr(self, name, value)
            elif name == "socket":
                self.socket_text = value
            elif name == "ping_socket" and module.newer:
                self.ping_socket_text, self.ping_socket = value, find_socket(module, value)
            elif name in ("maxload", "cc"):
                setattr(self, "maxload" if name == "maxload" else "congestion_control", _number(value))
            elif name == "latency":
                if value.lstrip("+-").isdecimal():
                    self.latency = Latency(_number(value), _TRAINED)
            elif name in ("weight", "rweight"):
                number = _number(value)
                if not 1 <= number <= 100:
                    module.error(f"{name} {number} not in 1-100 range - ignoring")
                    number = 0
                setattr(self, name, number)
            elif name in ("ocmin", "ocmax", "ocrate"):
                setattr(self.overload, name[2:], _number(value))

    def _socket(self, module: Dispatcher) -> ListenSocket | None:
        if self.sockname:
            socket = module.server.names.named(self.sockname)
            if socket is None:
                raise Refused(f"non-local socket name <{self.sockname}>")
            return socket
        return find_socket(module, self.socket_text) if self.socket_text else module.default_socket

    def resolve(self, module: Dispatcher) -> bool:
        """Look the addresses of the host up and keep them; False: there are none."""
        found = self.look_up(module)
        if found:
            self.addresses = found
        return bool(found)

    def look_up(self, module: Dispatcher) -> tuple[str, ...]:
        """The address of the host, with ds_dns_match_all all; ds_dns_mode 8 finds port and transport as well."""
        server = module.server
        if module.ds_dns_mode & DNS_SRV:
            found = list(server.dns.destinations(self.host, self.port, self.proto))
            if found:
                self.port, self.proto = found[0].port, found[0].proto
            addresses = [one.ip for one in found]
        else:
            addresses = server.dns.addresses(self.host, server.dns.flags)
        return tuple(addresses[: _MOST_ADDRESSES if module.ds_dns_match_all else 1])

    @property
    def address(self) -> str:
        """The first of its addresses; empty when it has none."""
        return self.addresses[0] if self.addresses else ""

    @property
    def skipped(self) -> bool:
        """Whether the state keeps traffic away."""
        return bool(self.flags & SKIPPED)

    @property
    def full(self) -> bool:
        """Whether it has as many calls as `maxload` allows."""
        return bool(self.maxload) and self.load >= self.maxload


class Overload:
    """Which share of the requests a destination asked to leave out (6.x, algorithm 64)."""

    __slots__ = ("at", "max", "min", "rate", "sequence", "shares", "until")

    def __init__(self) -> None:
        self.min = self.rate = self.at = self.sequence = 0
        self.max = 100
        self.until = 0.0
        self.shares: list[bool] = []

    def prepare(self, module: Dispatcher) -> None:
        """Put the limits in order and draw which of 100 requests are left out."""
        self.max = self.max if 0 < self.max <= 100 else 100
        self.min = self.min if self.min <= self.max else 0
        self.rate = min(max(self.rate if self.rate <= 100 else 0, self.min), self.max)
        self.shares = [True] * self.rate + [False] * (100 - self.rate)
        module.shuffle(self.shares)

    def skip(self, now: float) -> bool:
        """Whether this request shall go elsewhere."""
        if self.until < now:
            return False
        skipped = self.shares[self.at]
        self.at = (self.at + 1) % 100
        return skipped


def find_socket(module: Dispatcher, text: str) -> ListenSocket:
    """The listen socket that `proto:host:port` names; Refused when there is none."""
    parts = parse_host_port(text, module.server)
    if parts is None:
        raise Refused(f"bad socket <{text}>")
    socket = module.server.find_socket(parts.host, parts.port, parts.proto)
    if socket is None:
        raise Refused(f"non-local socket <{text}>")
    return socket


def proto_of(module: Dispatcher, uri: Uri) -> str:
    """The transport of a URI; 6.x: without one that of RFC 3263, 4.1, as far as it takes no DNS. Empty: not known."""
    if uri.proto or not module.changed:
        return uri.proto
    if literal(uri.bare_host):
        return "udp"
    return ("tcp" if uri.secure else "udp") if uri.port_no else ""


def _parsed(module: Dispatcher, uri: str) -> Uri:
    try:
        return parse_uri(uri)
    except SipError:
        if len(uri) > 4 and not uri.startswith("sip:") and len(uri) < 500:
            try:
                parsed = parse_uri("sip:" + uri)
            except SipError:
                raise Refused(f"bad uri [{uri}]") from None
            module.server.log.info("dispatcher", f"uri without sip scheme - fixing it: {parsed.text}")
            return parsed
        raise Refused(f"bad uri [{uri}]") from None


def _number(text: str) -> int:
    """The integer at the beginning of a text, 0 when there is none, within the limits of a C int."""
    found = _INTEGER.match(text)
    digits = found[0] if found is not None else ""
    return max(min(int(digits), 0x7FFFFFFF), -0x80000000) if digits.strip("+-") else 0


def c_int(digits: str) -> int:
    """A number as the original reads it from digits: one that is too large begins anew, as a C int does."""
    value = 0
    for digit in digits:
        value = value * 10 + int(digit) & 0xFFFFFFFF
    return value - 0x100000000 if value > 0x7FFFFFFF else value
