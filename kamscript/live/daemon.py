"""The live driver: sockets and one timer around a Server.

One thread, one event loop. A readable UDP socket is drained in a loop before the loop turns again (four system calls
a message are most of what a small SIP server costs); what the server wants to send leaves at once, and one loop timer
is armed for the server's next deadline.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.core.sockets import Datagram, ListenSocket, Received
from kamscript.live.streams import Streams

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.live.control import Control

#: Datagrams read from one socket before the others get their turn.
DRAIN = 64
#: The largest datagram (64 KiB less headers); longer ones cannot arrive.
MAX_DATAGRAM = 65535
#: Sources remembered per socket, so that a message costs no new Received.
MAX_PEERS = 4096


class BindError(Exception):
    """A listen address that cannot be bound; the text names it and says why."""


class Daemon:
    """Runs one started Server on real sockets until SIGTERM or SIGINT."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.streams = Streams(self)
        self.controls: list[Control] = []
        self._udp: dict[ListenSocket, socket.socket] = {}
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0.0

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Bind, serve until told to stop, close. Raises BindError; `ready` is called when all sockets are bound."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            await self._open()
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._stop.set)
            if ready is not None:
                ready()
            # What was loaded lives as long as the process: keep it out of every later collection.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            self.after_event()
            await self._stop.wait()
        finally:
            self._close()

    def stop(self) -> None:
        """End `run` at the next turn of the loop."""
        self._stop.set()

    async def _open(self) -> None:
        for listen in self.server.sockets:
            if listen.proto == "udp":
                self._open_udp(listen)
            elif listen.proto == "tcp":
                await self.streams.listen(listen)
            else:
                raise BindError(f"listen {listen.text}: transport {listen.proto} is not served yet")
        for control in self.controls:
            await control.open()

    def _open_udp(self, listen: ListenSocket) -> None:
        family = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setblocking(False)
        try:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
            udp.bind((listen.address.strip("[]"), listen.port))
        except OSError as error:
            udp.close()
            raise BindError(f"listen {listen.text}: {error.strerror or error}") from None
        self._udp[listen] = udp
        self._loop.add_reader(udp.fileno(), self._reader(udp, listen))

    def _reader(self, udp: socket.socket, listen: ListenSocket) -> Callable[[], None]:
        """What the loop calls when `udp` is readable."""
        server, clock = self.server, time.time
        receive, recvfrom = server.receive, udp.recvfrom
        peers: dict[tuple[str, int], Received] = {}
        address, port = listen.address, listen.port

        def readable() -> None:
            for _ in range(DRAIN):
                try:
                    data, peer = recvfrom(MAX_DATAGRAM)
                except BlockingIOError:
                    break
                except OSError:
                    # An ICMP error of an earlier datagram is reported here; the socket stays good.
                    continue
                received = peers.get(peer)
                if received is None:
                    if len(peers) >= MAX_PEERS:
                        peers.clear()
                    received = Received("udp", peer[0], peer[1], address, port, listen)
                    peers[peer] = received
                receive(clock(), data.decode("latin-1"), received)
                if server.outbox:
                    self.flush()
            self.arm()

        return readable

    # -- after every event

    def after_event(self) -> None:
        """Send what the server has to send and arm the timer for its next deadline."""
        if self.server.outbox:
            self.flush()
        self.arm()

    def flush(self) -> None:
        """Send the outbox."""
        udp = self._udp
        for datagram in self.server.take_outbox():
            listen, to, text = datagram
            if to.proto == "udp":
                try:
                    udp[listen].sendto(text.encode("latin-1"), (to.ip, to.port))
                except (OSError, KeyError) as error:
                    self.failed(datagram, error)
            else:
                self.streams.send(datagram)

    def failed(self, datagram: Datagram, error: Exception) -> None:
        """A message could not be sent: the server decides what that means."""
        self.server.log.error(
            "<core>", f"sending to {datagram.to.proto}:{datagram.to.ip}:{datagram.to.port}: {error}\n"
        )
        self.server.send_failed(time.time(), datagram)

    def arm(self) -> None:
        """Arm the loop's timer when the server's next deadline lies before the one that is armed."""
        deadline = self.server.timers.next_deadline()
        if deadline is None or (self._timer is not None and self._armed <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        self._timer = self._loop.call_later(max(0.0, deadline - time.time()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.server.fire(time.time())
        self.after_event()

    def _close(self) -> None:
        for udp in self._udp.values():
            self._loop.remove_reader(udp.fileno())
            udp.close()
        self._udp.clear()
        self.streams.close()
        for control in self.controls:
            control.close()
        if self._timer is not None:
            self._timer.cancel()
        self.server.stop()


def serve(daemon: Daemon, ready: Callable[[], None] | None = None) -> None:
    """Run `daemon` to its end, on uvloop where it is installed."""
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        runner.run(daemon.run(ready))
