"""The lab's network made of sockets on loopback, around a real daemon."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.core.timers import Timers
from kamscript.lab.lab import SERVER
from kamscript.lab.network import Address, Network, Party, Wire
from kamscript.lab.phone import Phone
from kamscript.lab.real.daemon import Daemon
from kamscript.lab.real.loopback import NotOnReal
from kamscript.lab.transports import FIRST_PORT

if TYPE_CHECKING:
    from kamscript.lab.dialogs import Dialog


class RealNetwork(Network):
    """The wires are sockets: one UDP socket for each party, TCP connections as they are needed."""

    def __init__(self, timers: Timers, daemon: Daemon) -> None:
        super().__init__(timers)
        self.daemon = daemon
        self._udp: dict[Address, socket.socket] = {}
        self._servers: set[Address] = set()
        self._streams: dict[tuple[Address, Address], _Connection] = {}
        self._accepting: set[Address] = set()
        self.on_settled: Callable[[], object] = lambda: None  #: called when the daemon has dealt with what it was sent

    def seat_server(self, where: Address) -> None:
        """The daemon listens there."""
        self._servers.add(where)
        super().attach(where, _Nobody(), SERVER)

    def attach(self, where: Address, party: Party, name: str) -> None:
        """Seat a party, on a socket of its own."""
        if not type(party).__module__.startswith("kamscript."):
            raise NotOnReal(f"a party of the test's own ({type(party).__name__}) on the lab's network")
        super().attach(where, party, name)
        if getattr(party, "proto", "udp") == "udp":
            self._bound(where)
        else:
            self._accept(where)

    def _bound(self, where: Address) -> socket.socket:
        """The UDP socket at an address."""
        if where not in self._udp:
            came = self._came
            self._udp[where] = self.daemon.listen(where, lambda data, source: came("udp", data, source, where))
        return self._udp[where]

    def seat(self, where: Address, party: Party, name: str) -> None:
        """Seat a party where it does not listen: it connects from there."""
        super().attach(where, party, name)

    def is_server(self, where: Address) -> bool:
        """Whether the daemon listens there."""
        return where in self._servers

    def hung_up(self, seat: Address, peer: Address) -> bool:
        """Whether the connection between them was closed."""
        found = self._streams.get((seat, peer))
        return found is not None and found.closed

    def _came(self, proto: str, data: bytes, source: tuple[str, int], target: Address) -> None:
        self._queue.append(Wire(self.timers.now, proto, Address(*source), target, data.decode("latin-1")))

    def send(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Send it at once."""
        if source in self._servers:
            raise NotOnReal("a message in the server's name")
        wire = Wire(self.timers.now, proto, source, target, text)
        if target not in self.parties:
            self.unreachable.append(wire)
            return
        if target in self._servers:
            self.delivered.append(wire)
        data = self.daemon.names.outward(text.encode("latin-1"))
        if proto == "udp":
            self._bound(source).sendto(data, self.daemon.names.place(target))
        else:
            self._connection(source, target).send(data)

    def step(self) -> bool:
        """Deliver the next message; False when the daemon has nothing more to do."""
        if self._queue:
            return super().step()
        for _ in range(2):  # a message that the daemon sent to itself lies behind the first mark
            for stream in list(self._streams.values()):
                stream.settle()
            self.daemon.settle()
            self.on_settled()
            if self._queue:
                return super().step()
        return False

    def deliver(self) -> None:
        """Deliver what came so far, without asking the daemon for more."""
        while self._queue:
            super().step()

    # -- TCP

    def _accept(self, where: Address) -> None:
        """Take connections of the daemon at a phone's address."""
        if where in self._accepting:
            return
        self._accepting.add(where)
        listener = _tcp(self.daemon, where)
        listener.listen()
        listener.setblocking(False)

        def accept() -> None:
            with contextlib.suppress(BlockingIOError):
                sock, peer = listener.accept()
                source = self._server_at(Address(*self.daemon.names.seen(peer)))
                self._streams[where, source] = _Connection(self, sock, where, source)

        self.daemon.watch(listener, accept)

    def _server_at(self, peer: Address) -> Address:
        """The daemon connects from any port of its address."""
        return next((one for one in self._servers if one.ip == peer.ip), peer)

    def _connection(self, source: Address, target: Address) -> _Connection:
        found = self._streams.get((source, target))
        if found is None or found.closed:
            sock = _tcp(self.daemon, source)
            sock.settimeout(self.daemon.patience)
            sock.connect(self.daemon.names.place(target))
            found = self._streams[source, target] = _Connection(self, sock, source, target)
        return found


def _tcp(daemon: Daemon, where: Address) -> socket.socket:
    """A socket at a phone's own address and port, of which it has one to listen at and one for each connection."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # No TIME_WAIT: the next daemon's phones may sit at the same address.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    sock.bind(daemon.names.place(where))
    return sock


class _Connection:
    """One TCP connection of a phone: messages are cut by their Content-Length."""

    def __init__(self, network: RealNetwork, sock: socket.socket, seat: Address, peer: Address) -> None:
        self._network, self._sock, self._seat, self._peer = network, sock, seat, peer
        self._rest = b""
        self._asked = False  #: something was sent that nobody knows to be dealt with
        self._pongs = 0
        self.closed = False
        sock.setblocking(False)
        network.daemon.watch(sock, self._read)

    def send(self, data: bytes) -> None:
        self._sock.setblocking(True)
        with contextlib.suppress(ConnectionError):
            self._sock.sendall(data)
        self._sock.setblocking(False)
        self._asked = True

    def _read(self) -> None:
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            self._network.daemon.unwatch(self._sock)
            return
        rest = self._rest + data
        while rest:
            if rest.startswith(b"\r\n"):
                self._pongs += 1
                rest = rest[2:]
                continue
            end = rest.find(b"\r\n\r\n")
            if end < 0:
                break
            length = re.search(rb"(?i)\n(?:content-length|l)[ \t]*:[ \t]*(\d+)", rest[:end])
            size = end + 4 + (int(length[1]) if length else 0)
            if len(rest) < size:
                break
            message, rest = rest[:size], rest[size:]
            self._network._came("tcp", self._network.daemon.names.inward(message), self._peer, self._seat)
        self._rest = rest

    def settle(self) -> None:
        """A keep-alive behind what was sent is answered when all of it was dealt with."""
        if not self._asked or self.closed:
            return
        wanted = self._pongs + 1
        self.send(b"\r\n\r\n")
        self._asked = False
        deadline = time.monotonic() + 1.0
        while self._pongs < wanted and not self.closed and time.monotonic() < deadline:
            self._network.daemon.pump(0.05)


class TcpPhone(Phone):
    """A phone over TCP. As in the lab it connects from a port of its own to each place that it sends requests to."""

    _port = FIRST_PORT

    def transmit(self, text: str) -> None:
        """Send a message to the proxy."""
        self._over(text, self.proxy)

    def send_request(self, text: str, dialog: Dialog | None) -> None:
        """Send a request over the connection to where it goes."""
        self._over(text, self.hop(dialog))

    def _over(self, text: str, hop: Address) -> None:
        network = self.lab.network
        assert isinstance(network, RealNetwork)
        opened: dict[Address, Address] = self.__dict__.setdefault("_opened", {})
        inner = opened.get(hop)
        if inner is None or network.hung_up(inner, hop):
            inner = opened[hop] = Address(self.address.ip, self._port)
            self._port += 1
            network.seat(inner, self, self.name)
        network.send(text, "tcp", inner, hop)


class _Nobody:
    """The daemon's seat: what is sent there goes through sockets."""

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Never called."""
