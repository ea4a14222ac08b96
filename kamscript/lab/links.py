"""What happens to messages on their way: loss, delay, jitter, duplicates, reordering, links that are down, NAT.

    lab.link(alice, loss=0.1, delay=0.05)            both ways, whoever she talks to
    lab.link(alice, way="out", duplicate=0.2)
    lab.link(bob, nat="203.0.113.7")                 bob sits behind a NAT with that public address
    with lab.link(alice, down=True): ...

A message passes the links of its sender (`out`) and then those of its receiver (`in`). What chance decides is the same
for the same seed of the lab. Over TCP, TLS and WebSocket nothing gets lost, doubled or out of order: there a lost
segment comes later, as TCP sends it again.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Literal

from kamscript.lab.network import Address, Lost, Wire

if TYPE_CHECKING:
    from kamscript.lab.network import Network, Party

#: TCP's first retransmission timeout in seconds; it doubles.
RTO = 0.2
#: A message out of order arrives this many seconds later than it would.
BEHIND = 0.02
#: How long a NAT keeps the mapping of a silent TCP connection, in seconds (RFC 5382).
TCP_MAPPING = 7440.0
#: The first port that a NAT gives out.
FIRST_PORT = 20001

Way = Literal["both", "out", "in"]
NatKind = Literal["port", "full", "symmetric"]
_WAYS = ("both", "out", "in")
_CHANCES = ("loss", "duplicate", "reorder")


class Link:
    """The way to and from one party (None: every message). Its attributes may be changed at any time.

    loss, duplicate, reorder    probabilities, 0 to 1
    delay, jitter               seconds; jitter is up to so much more, chosen evenly
    down                        nothing passes
    """

    def __init__(self, network: Network, party: Party | None, peer: Party | Address | None, way: Way) -> None:
        self.network, self.party, self.peer, self.way = network, party, peer, way
        self.loss = self.delay = self.jitter = self.duplicate = self.reorder = 0.0
        self.down = False
        self.nat: Nat | None = None
        self._chance = random.Random(f"{network.seed}/{len(network.links)}")
        self._last: dict[tuple[Address, Address], float] = {}

    def change(self, **values: float | bool | None) -> None:
        """Set what is not None; raises ValueError for what makes no sense."""
        for name, value in values.items():
            if value is None:
                continue
            if name in _CHANCES and not 0 <= value <= 1:
                raise ValueError(f"{name}={value}: a probability from 0 to 1 is wanted")
            if value < 0:
                raise ValueError(f"{name}={value}: seconds are wanted, 0 or more")
            setattr(self, name, bool(value) if name == "down" else float(value))

    @property
    def by_chance(self) -> bool:
        """Whether the seed decides here."""
        return bool(self.jitter) or any(0 < getattr(self, name) < 1 for name in _CHANCES)

    def remove(self) -> None:
        """The link is perfect again. Mappings of a NAT end with it."""
        if self in self.network.links:
            self.network.links.remove(self)
        self.nat = None

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()

    def covers(self, way: Way, party: Party | None, other: Party | None, other_address: Address) -> bool:
        """Whether a message of `party` to (`out`) or from (`in`) `other` passes here."""
        if self.way not in ("both", way):
            return False
        if self.party is None:
            if way == "in":
                return self.way == "in"
        elif self.party is not party:
            return False
        peer = self.peer
        return peer is None or peer is other or peer == other_address

    def delays(self, wire: Wire) -> list[float]:
        """After how many seconds a message comes out of this link: empty when it is lost, two when it is doubled."""
        chance = self._chance
        seconds = self.delay + (chance.uniform(0, self.jitter) if self.jitter else 0.0)
        if wire.proto != "udp":
            timeout = RTO
            while self.loss and timeout < 60 and chance.random() < self.loss:
                seconds += timeout
                timeout *= 2
            key = wire.source, wire.target
            at = max(wire.time + seconds, self._last.get(key, 0.0))
            self._last[key] = at
            return [at - wire.time]
        if self.loss and chance.random() < self.loss:
            return []
        if self.reorder and chance.random() < self.reorder:
            seconds += BEHIND
        return [seconds, seconds] if self.duplicate and chance.random() < self.duplicate else [seconds]


class _Mapping:
    """One port of a NAT."""

    __slots__ = ("inner", "last", "peers", "port", "proto")

    def __init__(self, inner: Address, proto: str, port: int, now: float) -> None:
        self.inner, self.proto, self.port, self.last = inner, proto, port, now
        self.peers: set[Address] = set()


class Nat:
    """A NAT with one public address; all parties linked with the same address sit behind the same one.

    kind      whom a mapping lets in: "port" only addresses and ports that the inside sent to (the usual one), "full"
              anybody, "symmetric" as "port" and with a port of its own for each destination
    expires   seconds of silence after which a UDP mapping is gone
    """

    def __init__(self, ip: str, kind: NatKind, expires: float) -> None:
        self.ip, self.kind, self.expires = ip, kind, expires
        self._mappings: dict[tuple[Address, str, Address | None], _Mapping] = {}
        self._ports: dict[int, _Mapping] = {}
        self._next = FIRST_PORT

    def out(self, inner: Address, proto: str, target: Address, now: float) -> Address:
        """The public address that a message from `inner` shows."""
        key = inner, proto, target if self.kind == "symmetric" else None
        mapping = self._mappings.get(key)
        if mapping is None or self._expired(mapping, now):
            if mapping is not None:
                del self._ports[mapping.port]
            mapping = self._mappings[key] = self._ports[self._next] = _Mapping(inner, proto, self._next, now)
            self._next += 1
        mapping.last = now
        mapping.peers.add(target)
        return Address(self.ip, mapping.port)

    def into(self, port: int, proto: str, source: Address, now: float) -> Address | str:
        """Who inside gets a message to a public port; a text says why nobody does."""
        mapping = self._ports.get(port)
        if mapping is None or mapping.proto != proto:
            return f"NAT {self.ip} has no mapping for port {port}"
        if self._expired(mapping, now):
            return f"NAT {self.ip}: the mapping of port {port} expired"
        if self.kind != "full" and source not in mapping.peers:
            return f"NAT {self.ip} lets {source} not in at port {port}"
        mapping.last = now
        return mapping.inner

    def _expired(self, mapping: _Mapping, now: float) -> bool:
        return now - mapping.last > (self.expires if mapping.proto == "udp" else TCP_MAPPING)


class _Arrival:
    """A message that takes its time."""

    __slots__ = ("network", "wire")

    def __init__(self, network: Network, wire: Wire) -> None:
        self.network, self.wire = network, wire

    def __call__(self) -> None:
        self.network.arrive(self.wire)

    def __str__(self) -> str:
        name = self.network.names.get(str(self.wire.target), str(self.wire.target))
        return f"{self.wire.text.partition(' SIP/2.0')[0].splitlines()[0]} on its way to {name}"


def travel(network: Network, wire: Wire) -> None:
    """Send a message through the links of its sender and its receiver."""
    now = wire.time
    sender = network.parties.get(wire.source)
    inside, outside = nat_of(network, sender), nat_of(network, network.parties.get(wire.target))
    shown = wire
    if inside is not None and inside is not outside:
        public = inside.out(wire.source, wire.proto, wire.target, now)
        network.names.setdefault(str(public), network.names.get(str(wire.source), str(wire.source)))
        wire = wire._replace(source=public)
    elif outside is not None and inside is not outside:
        network.lost.append(Lost(wire, f"behind NAT {outside.ip}"))
        return
    if (nat := network.nats.get(wire.target.ip)) is not None:
        found = nat.into(wire.target.port, wire.proto, wire.source, now)
        if isinstance(found, str):
            network.lost.append(Lost(wire, found))
            return
        wire = wire._replace(target=found)
    receiver = network.parties.get(wire.target)
    times = [0.0]
    for link in network.links:
        if link.covers("out", sender, receiver, shown.target):
            times = _passed(network, link, wire, times)
        if link.covers("in", receiver, sender, wire.source):
            times = _passed(network, link, wire, times)
        if not times:
            return
    for seconds in times:
        if seconds <= 0:
            network.arrive(wire)
        else:
            network.timers.after(seconds, _Arrival(network, wire._replace(time=now + seconds)))


def _passed(network: Network, link: Link, wire: Wire, times: list[float]) -> list[float]:
    if link.down:
        network.lost.append(Lost(wire, "link down"))
        return []
    passed = [seconds + more for seconds in times for more in link.delays(wire)]
    network.lost.extend([Lost(wire, "lost")] * (len(times) - len(passed)))
    return passed


def nat_of(network: Network, party: Party | None) -> Nat | None:
    """The NAT that a party sits behind."""
    if party is None or not network.nats:
        return None
    return next((link.nat for link in network.links if link.party is party and link.nat is not None), None)


def set_link(
    network: Network, party: Party | None, peer: Party | Address | None, way: Way, *, nat: str | None,
    nat_kind: NatKind, nat_expires: float, **values: float | bool | None,
) -> Link:  # fmt: skip
    """Make or change the link between `party` and `peer`; see `Lab.link`."""
    if way not in _WAYS:
        raise ValueError(f"way={way!r}: one of {', '.join(_WAYS)} is wanted")
    link = next((one for one in network.links if (one.party, one.peer, one.way) == (party, peer, way)), None)
    if link is None:
        link = Link(network, party, peer, way)
        link.change(**values)
        network.links.append(link)
    else:
        link.change(**values)
    if nat is not None:
        if party is None:
            raise ValueError("nat: say who sits behind it")
        if nat_kind not in ("port", "full", "symmetric"):
            raise ValueError(f"nat_kind={nat_kind!r}: one of port, full, symmetric is wanted")
        if any(where.ip == nat for where in network.parties):
            raise ValueError(f"nat={nat!r}: somebody sits at that address; take one for the NAT alone")
        link.nat = network.nats.setdefault(nat, Nat(nat, nat_kind, nat_expires)) if nat else None
    return link
