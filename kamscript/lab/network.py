"""The virtual network: datagrams between addresses, delivered in order, recorded for the ladder.

A network is perfect until `Lab.link` makes a link of it worse (kamscript.lab.links).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from kamscript.core.timers import Timers
from kamscript.report.ladder import Exchange

if TYPE_CHECKING:
    from kamscript.lab.links import Link, Nat


class Address(NamedTuple):
    """One end of a link."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}"


def address(text: str | tuple[str, int], default_port: int = 5060) -> Address:
    """`"10.0.0.1:5060"`, `"10.0.0.1"` or a pair as an Address. Raises ValueError for what is no address."""
    if not isinstance(text, str):
        return Address(*text)
    ip, colon, port = text.rpartition(":")
    if colon and not port.isdecimal() and ":" not in ip and "]" not in port:
        raise ValueError(f"{text!r} is no address: 10.0.0.1 or 10.0.0.1:5060")
    if not colon or not port.isdecimal():
        return Address(text, default_port)
    return Address(ip, int(port))


class Party(Protocol):
    """Whoever sits at an address."""

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """A message arrived."""


class Wire(NamedTuple):
    """One message under way or delivered. `time` is when it arrives, of a lost one when it was sent."""

    time: float
    proto: str
    source: Address
    target: Address
    text: str


class Lost(NamedTuple):
    """A message that a link did not let pass, and why."""

    wire: Wire
    why: str


class Network:
    """Every party by address, and the messages between them.

    `timers` holds the deadlines of the parties (the server keeps its own); its `now` is the lab's clock. `links` are
    those that are not perfect, in the order they were made.
    """

    def __init__(self, timers: Timers, seed: int = 1) -> None:
        self.timers, self.seed = timers, seed
        self.started = timers.now
        self.parties: dict[Address, Party] = {}
        self.names: dict[str, str] = {}
        self.everywhere: Party | None = None  #: answers at addresses where nobody sits
        self.delivered: list[Wire] = []
        self.unreachable: list[Wire] = []  #: sent to an address where nobody sits
        self.lost: list[Lost] = []  #: stopped by a link
        self.links: list[Link] = []
        self.nats: dict[str, Nat] = {}  #: by public address
        self._queue: deque[Wire] = deque()

    def attach(self, where: Address, party: Party, name: str) -> None:
        """Seat `party` at an address under the name that ladders show."""
        self.parties[where] = party
        self.names[str(where)] = name

    def send(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Put a message on the wire; it arrives when the lab runs."""
        wire = Wire(self.timers.now, proto, source, target, text)
        if self.links:
            from kamscript.lab.links import travel

            travel(self, wire)
        else:
            self._queue.append(wire)

    def arrive(self, wire: Wire) -> None:
        """A message reaches the end of its way: it is delivered when the lab runs."""
        self._queue.append(wire)

    def step(self) -> bool:
        """Deliver the next message; False when the wire is empty."""
        queue = self._queue
        if not queue:
            return False
        wire = queue.popleft()
        party = self.parties.get(wire.target, self.everywhere)
        if party is None:
            self.unreachable.append(wire)
        else:
            self.delivered.append(wire)
            party.deliver(wire.text, wire.proto, wire.source, wire.target)
        return True

    @property
    def busy(self) -> bool:
        """Whether a message is about to arrive."""
        return bool(self._queue)

    @property
    def by_chance(self) -> bool:
        """Whether the seed decides what becomes of messages."""
        return any(link.by_chance for link in self.links)

    def forget(self) -> None:
        """Drop the record of messages so far."""
        self.delivered.clear()
        self.unreachable.clear()
        self.lost.clear()

    def exchanges(self) -> list[Exchange]:
        """What crossed the network so far, as a ladder draws it."""
        wires = [(wire, "") for wire in self.delivered] + [(wire, "nobody there") for wire in self.unreachable]
        wires += self.lost
        wires.sort(key=lambda pair: pair[0].time)
        return [
            Exchange(wire.time - self.started, str(wire.source), str(wire.target), wire.text, note)
            for wire, note in wires
        ]
