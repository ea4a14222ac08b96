"""Where the server listens and what it sends: addresses without any I/O (core/socket_info.c, core/forward.c)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kamscript.sip.protocols import PROTOCOLS
from kamscript.source import Diagnostic

if TYPE_CHECKING:
    from kamscript.core.environment import Environment
    from kamscript.script.program import Program

#: Destination.flags: SND_F_* of Kamailio.
SEND_NO_CONNECT = 1  #: only over a connection that is open already (set_forward_no_connect)
SEND_CLOSE = 2  #: close the connection behind the message (set_forward_close)
SEND_FORCE_SOCKET = 4  #: from the address of the socket

#: Kamailio's default ports.
DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "sctp": 5060, "ws": 80, "wss": 443}


class ListenSocket:
    """One `listen=` address.

    `host` is the name or address as configured, `address` the IP address behind it (IPv6 without brackets); `name` is
    its socket name; `advertise_host`/`advertise_port` (0: none) what Via, Record-Route and `$RAi` show instead.
    `via` is the start of a Via header line that names this socket, up to `;branch=`.
    """

    __slots__ = (
        "_via",
        "address",
        "advertise_host",
        "advertise_port",
        "flags",
        "host",
        "index",
        "ipv6",
        "name",
        "port",
        "proto",
        "text",
        "virtual",
    )

    def __init__(
        self,
        proto: str,
        host: str,
        port: int,
        *,
        advertise_host: str = "",
        advertise_port: int = 0,
        name: str = "",
        address: str = "",
        index: int = 0,
        virtual: bool = False,
    ) -> None:
        self.proto, self.host, self.port, self.name, self.index = proto, host, port, name, index
        self.advertise_host, self.advertise_port = advertise_host, advertise_port
        self.address = address or host
        self.ipv6 = ":" in self.address
        self.virtual = virtual
        self.flags = 0
        #: as `$fs` and `$Ru` print it
        self.text = f"{proto}:[{host}]:{port}" if ":" in host else f"{proto}:{host}:{port}"
        self._via: str | None = None

    @property
    def via_host(self) -> str:
        """The host that Via and Record-Route show, IPv6 in brackets."""
        return bracketed(self.advertise_host or self.address)

    @property
    def via_port(self) -> int:
        """The port that Via and Record-Route show."""
        return self.advertise_port or self.port

    @property
    def via(self) -> str:
        """`Via: SIP/2.0/UDP host[:port];branch=`; an advertised port is shown even when it is 5060."""
        via = self._via
        if via is None:
            port = f":{self.via_port}" if self.port != 5060 or self.advertise_port else ""
            via = self._via = f"Via: SIP/2.0/{self.proto.upper()} {self.via_host}{port};branch="
        return via

    def __repr__(self) -> str:
        return f"<{self.text}>"


class Received(NamedTuple):
    """Where a message came from and arrived. `connection` identifies a TCP/TLS/WebSocket stream, 0 for datagrams.

    IPv6 addresses stand without brackets, in the shortest form.
    """

    proto: str
    src_ip: str
    src_port: int
    dst_ip: str
    dst_port: int
    socket: ListenSocket
    connection: int = 0


class Destination(NamedTuple):
    """Where a message goes. `connection` asks for that open stream (0: find or open one); `flags` are SEND_*."""

    proto: str
    ip: str
    port: int
    connection: int = 0
    flags: int = 0


class Datagram(NamedTuple):
    """One message for the driver to send."""

    socket: ListenSocket
    to: Destination
    text: str


class AliasName(NamedTuple):
    """A name of this server; `port` 0 and `proto` "" match any."""

    host: str
    port: int
    proto: str


class Sockets:
    """The listen addresses and names of one server, and who sends where."""

    __slots__ = ("_default", "_local", "_myself", "aliases", "listen")

    def __init__(self, listen: list[ListenSocket], aliases: list[AliasName], local: Iterable[str] = ()) -> None:
        """`local` are the machine's addresses: a virtual socket only counts while its address is among them."""
        self.listen = listen
        self._local = frozenset(local)
        self.aliases = aliases  #: newest first
        self._default: dict[tuple[str, bool], ListenSocket] = {}
        self._myself: dict[tuple[str, int, str], bool] = {}
        for socket in listen:
            key = (socket.proto, socket.ipv6)
            current = self._default.get(key)
            # As in the daemon: the first one that is no loopback address; among loopback addresses the last.
            if current is None or current.address in ("127.0.0.1", "::1"):
                self._default[key] = socket

    def default(self, proto: str, ipv6: bool = False) -> ListenSocket | None:
        """The socket that sends to a transport and address family when nothing else decides."""
        if proto in ("ws", "wss"):
            proto = "tcp" if proto == "ws" else "tls"
        return self._default.get((proto, ipv6))

    def find(self, host: str, port: int, proto: str) -> ListenSocket | None:
        """The socket that listens on this address or advertises it (grep_sock_info); 0 and "" match any."""
        if host[:1] == "[" and host[-1:] == "]":
            host = host[1:-1]
        host = host.lower()
        found: ListenSocket | None = None
        for socket in self.listen:
            if proto and socket.proto != proto:
                continue
            if port and socket.port != port and socket.advertise_port != port:
                continue
            present = not socket.virtual or socket.address in self._local
            if (
                (present and (same_host(host, socket.host) or same_host(host, socket.address)))
                or (socket.advertise_host and same_host(host, socket.advertise_host))
            ) and (found is None or PROTOCOLS.index(socket.proto) < PROTOCOLS.index(found.proto)):
                found = socket
        return found

    def find_address(self, address: str, port: int, proto: str) -> ListenSocket | None:
        """The socket on exactly this address (find_si); `port` 0 matches any."""
        for socket in self.listen:
            if socket.proto == proto and socket.address == address and (not port or socket.port == port):
                return socket
        return None

    def named(self, name: str) -> ListenSocket | None:
        """The socket with a socket name (ksr_get_socket_by_name)."""
        return next((socket for socket in self.listen if socket.name == name), None)

    def is_own(self, host: str, port: int, proto: str) -> bool:
        """Whether a socket or an alias matches (check_self without the modules' part)."""
        key = (host, port, proto)
        own = self._myself.get(key)
        if own is None:
            own = bool(host) and (self.find(host, port, proto) is not None or self._is_alias(host, port, proto))
            if len(self._myself) > 4096:  # hosts come from messages: do not grow for ever
                self._myself.clear()
            self._myself[key] = own
        return own

    def _is_alias(self, host: str, port: int, proto: str) -> bool:
        if host[:1] == "[" and host[-1:] == "]":
            host = host[1:-1]
        host = host.lower()
        return any(
            alias.host.lower() == host
            and (not alias.port or not port or alias.port == port)
            and (not alias.proto or not proto or alias.proto == proto)
            for alias in self.aliases
        )


def bracketed(host: str) -> str:
    """An IPv6 address in brackets; anything else as it is."""
    return f"[{host}]" if ":" in host and host[0] != "[" else host


def same_host(host: str, other: str) -> bool:
    """Equal names (any case) or equal addresses, however an IPv6 address is written. `host` is lower case."""
    other = other.lower()
    if host == other:
        return True
    if ":" in host and ":" in other:
        return shortest(host) == shortest(other)
    return False


def shortest(address: str) -> str:
    """An IPv6 address in its shortest form; what is none comes back as it is."""
    from ipaddress import IPv6Address

    try:
        return str(IPv6Address(address.strip("[]")))
    except ValueError:
        return address


def is_address(host: str) -> bool:
    """Whether `host` is an IPv4 address or an IPv6 address, with or without brackets."""
    if ":" in host:
        return shortest(host) != host or _is_ipv6(host)
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdecimal() and len(part) <= 3 and int(part) < 256 for part in parts)


def _is_ipv6(host: str) -> bool:
    from ipaddress import IPv6Address

    try:
        IPv6Address(host.strip("[]"))
    except ValueError:
        return False
    return True


class Place(NamedTuple):
    """Where a config wants a socket: `host` may be a name or an interface."""

    proto: str
    host: str
    port: int
    advertise_host: str = ""
    advertise_port: int = 0
    name: str = ""
    virtual: bool = False


def places(program: Program, settings: Mapping[str, object]) -> tuple[list[Place], list[Diagnostic]]:
    """What the `listen` lines ask for, in Kamailio's order (UDP, TCP, TLS; each in the order of the text), and errors.

    A line without protocol stands for each that is enabled; without port it is `port` (TLS: `tls_port_no`). The daemon
    does not start with a name that DNS does not know; here that is a warning, but for what can be no name at all.
    """
    wanted: list[Place] = []
    errors: list[Diagnostic] = []
    enabled = _enabled(settings)
    for line in program.listens:
        advertise = line.advertise
        adv_host = advertise.hosts[0].strip("[]") if advertise is not None else ""
        adv_port = advertise.port if advertise is not None else 0
        for socket in line.sockets:
            for host in socket.hosts[:1]:
                if ":" in host and not is_address(host):
                    errors.append(Diagnostic("listen-address", f"could not resolve hostname: {host}", socket.pos))
            protos = [socket.proto] if socket.proto and socket.proto != "*" else list(enabled)
            for proto in protos:
                if proto not in enabled:
                    continue
                first = socket.port or enabled[proto]
                for number in range(first, max(first, socket.port_end) + 1):
                    host = socket.hosts[0].strip("[]")
                    wanted.append(Place(proto, host, number, adv_host, adv_port, line.name, line.virtual))
    return [place for proto in enabled for place in wanted if place.proto == proto], errors


def _enabled(settings: Mapping[str, object]) -> dict[str, int]:
    """The transports that a config uses, with the port of each."""
    port = int(str(settings["port"])) or 5060
    enabled = {"udp": port}
    if not settings["disable_tcp"]:
        enabled["tcp"] = port
        if not settings["disable_tls"]:
            enabled["tls"] = int(str(settings["tls_port_no"])) or 5061
    return enabled


def open_sockets(
    wanted: Sequence[Place], settings: Mapping[str, object], environment: Environment
) -> tuple[list[ListenSocket], list[str]]:
    """The sockets of a config's places, and warnings; without a place, every address of the machine.

    An interface name stands for each of its addresses.
    """
    warnings: list[str] = []
    ipv6 = bool(settings["auto_bind_ipv6"])
    if not wanted:
        own = [address for addresses in environment.interfaces.values() for address in addresses]
        own = sorted((a for a in own if ipv6 or ":" not in a), key=lambda address: ":" in address)  # IPv4 first
        wanted = [Place(proto, address, port) for proto, port in _enabled(settings).items() for address in own]
    sockets: list[ListenSocket] = []
    for proto, host, number, adv_host, adv_port, name, virtual in wanted:
        for shown, address in _addresses(host, environment, warnings, ipv6):
            if any(s.proto == proto and s.address == address and s.port == number for s in sockets):
                continue
            sockets.append(
                ListenSocket(
                    proto,
                    shown,
                    number,
                    advertise_host=adv_host,
                    advertise_port=adv_port,
                    name=name,
                    address=address,
                    index=len(sockets),
                    virtual=virtual,
                )
            )
    return sockets, warnings


def _addresses(host: str, environment: Environment, warnings: list[str], ipv6: bool) -> list[tuple[str, str]]:
    """(name to show, address) for what stands behind `listen=`: an address, an interface, or a host name.

    An interface means its IPv4 addresses, and with `ipv6` (auto_bind_ipv6) the others, too.
    """
    if is_address(host):
        return [(host, shortest(host) if ":" in host else host)]
    if host in environment.interfaces:
        return [(address, address) for address in environment.interfaces[host] if ipv6 or ":" not in address]
    found = environment.resolver.a(host) or environment.resolver.aaaa(host)
    if not found:
        warnings.append(f"could not resolve hostname: {host}")
        return [(host, host)]
    return [(host, found[0])]


def written_names(program: Program) -> list[AliasName]:
    """The aliases that a config writes, in the order of the text."""
    return [
        AliasName(host.strip("[]"), socket.port, socket.proto if socket.proto not in ("*",) else "")
        for item in program.aliases
        for socket in item.names
        for host in socket.hosts
    ]


def own_names(
    written: Iterable[AliasName], settings: Mapping[str, object], listen: Iterable[ListenSocket],
    environment: Environment,
) -> list[AliasName]:  # fmt: skip
    """The aliases of a server, newest first: those written, then (auto_aliases) the names that addresses have."""
    names = list(written)
    if settings["auto_aliases"]:
        known: dict[str, str | None] = {}
        for listener in listen:
            if listener.host != listener.address:
                continue
            if listener.address not in known:
                known[listener.address] = environment.resolver.ptr(listener.address)
            name = known[listener.address]
            if name:
                names.append(AliasName(name, listener.port, listener.proto))
    unique = list(dict.fromkeys(names))
    unique.reverse()
    return unique
