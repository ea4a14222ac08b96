"""The live driver: sockets and deadlines around a Server.

One thread, one event loop. A readable UDP socket is drained before the loop turns again; what the server wants to send
leaves at once, and one timer of the loop is armed for the server's next deadline.

Measured with datagrams that come one by one, nearly all of the 17 µs that a turn with one message costs is the
kernel's; a selector of our own that served them without asyncio, and uvloop, were no cheaper.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.core.sockets import Datagram, ListenSocket, Received, shortest
from kamscript.live.garbage import Garbage
from kamscript.live.sockopts import prepare, prepare_udp
from kamscript.live.spoofed import sender
from kamscript.live.streams import Streams
from kamscript.live.web import Web
from kamscript.stack import with_room

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.live.control import Control

#: Datagrams read from one socket before the others get their turn.
DRAIN = 64
#: Timers run at most every so many seconds, all that are due at once; Kamailio's own wheel turns every 1/16 s.
TICK = 0.01
#: The largest datagram (64 KiB less headers); longer ones cannot arrive.
MAX_DATAGRAM = 65535
#: Sources remembered per socket, so that a message costs no new Received.
MAX_PEERS = 4096


class BindError(Exception):
    """A listen address that cannot be bound; the text names it and says why."""


class Daemon:
    """Runs one started Server on real sockets until SIGTERM or SIGINT.

    `controls` are opened and closed with it.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.streams = Streams(self)
        self.controls: list[Control] = []
        self._udp: dict[ListenSocket, Callable[..., int]] = {}
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0.0

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Bind, serve until told to stop, close. Raises BindError; `ready` is called when all sockets are bound."""
        self._loop = loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unexpected)
        self._stop = asyncio.Event()
        http = self.server.environment.http
        if isinstance(http, Web):
            http.attach(loop, self.enter)
        garbage = Garbage()
        try:
            await self._open()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._told_to_stop)
            # These end a process that does not know them; Kamailio's takes no harm.
            for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
                loop.add_signal_handler(number, self._ignored, number)
            self.after_event()
            if ready is not None:
                ready()
            garbage.start(loop)
            await self._stop.wait()
        finally:
            garbage.stop()
            self._close()

    def stop(self) -> None:
        """End `run` at the next turn of the loop."""
        self._stop.set()

    def _told_to_stop(self) -> None:
        self.server.log.notice("<core>", "Thank you for flying kamailio!!!")
        self.stop()

    def _ignored(self, number: signal.Signals) -> None:
        self.server.log.debug("<core>", f"{number.name} received and ignored")

    def _unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            self.server.report(error)
        else:
            self.server.log.critical("<core>", str(context.get("message", "")))

    # -- datagrams
    async def _open(self) -> None:
        for listen in self.server.sockets:
            if listen.proto == "udp":
                self._open_udp(listen)
            elif listen.proto in ("tcp", "tls"):
                await self.streams.listen(listen)
            else:
                raise BindError(f"listen {listen.text}: transport {listen.proto} is not served yet")
        for control in self.controls:
            await control.open()

    def _open_udp(self, listen: ListenSocket) -> None:
        udp = socket.socket(socket.AF_INET6 if listen.ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.setblocking(False)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
            prepare(udp, listen, self.server.settings)
            prepare_udp(udp, listen, self.server.settings)
            udp.bind((listen.address, listen.port))
        except OSError as error:
            udp.close()
            raise BindError(f"listen {listen.text}: {error.strerror or error}") from None
        self._sockets.append(udp)
        self._udp[listen] = udp.sendto
        self._loop.add_reader(udp.fileno(), self._reader(udp, listen))

    def _reader(self, udp: socket.socket, listen: ListenSocket) -> Callable[[], None]:
        """What the loop calls when `udp` is readable."""
        server, clock = self.server, time.time
        receive, recvfrom, flush = server.receive, udp.recvfrom, self.flush
        peers: dict[Any, Received] = {}
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
                    host = shortest(peer[0]) if listen.ipv6 else peer[0]
                    received = peers[peer] = Received("udp", host, peer[1], address, port, listen)
                receive(clock(), data.decode("latin-1"), received)
                if server.outbox:
                    flush()
            if server.closing:
                self._close_streams()
            self._arm()

        return readable

    # -- after every event
    def after_event(self) -> None:
        """Send what the server has to send, close what it wants closed, arm the timer for its next deadline."""
        if self.server.outbox:
            self.flush()
        if self.server.closing:
            self._close_streams()
        self._arm()

    def enter(self, call: Callable[[], object]) -> None:
        """Run something inside the server that did not come from its sockets, at the time it is."""
        server = self.server
        server.timers.now = max(server.timers.now, time.time())
        server.bind = None
        try:
            call()
        except Exception as error:
            server.report(error)
        self.after_event()

    def flush(self) -> None:
        """Send the outbox."""
        server, udp = self.server, self._udp
        while server.outbox:  # a failed sending may lead to another one
            for datagram in server.take_outbox():
                listen, to, text = datagram
                if to.proto == "udp":
                    try:
                        send = udp.get(listen) or self._of_another(listen)
                        send(text.encode("latin-1"), (to.ip, to.port))
                    except (OSError, KeyError, OverflowError, UnicodeError) as error:
                        self.failed(datagram, error)
                else:
                    self.streams.send(datagram)

    def _of_another(self, source: ListenSocket) -> Callable[..., int]:
        """What sends from an address that is not ours; KeyError for a socket of ours that is closed."""
        if source in self.server.sockets:
            raise KeyError(source.text)
        made = self._udp[source] = sender(source)
        return made

    def _close_streams(self) -> None:
        for number in self.server.take_closing():
            self.streams.close_number(number)

    def failed(self, datagram: Datagram, error: Exception) -> None:
        """A message could not be sent: the server decides what that means."""
        to = datagram.to
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.server.log.error("<core>", f"sending to {to.proto}:{to.ip}:{to.port} failed: {reason}")
        self.server.send_failed(time.time(), datagram)

    def _arm(self) -> None:
        deadline = self.server.timers.next_deadline()
        if deadline is None or (self._timer is not None and self._armed <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        self._timer = self._loop.call_later(max(TICK, deadline - time.time()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.server.fire(time.time())
        self.after_event()

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.server.stop()
        if self.server.outbox:
            self.flush()
        for udp in self._sockets:
            self._loop.remove_reader(udp.fileno())
            udp.close()
        self._udp.clear()
        self.streams.close()
        http = self.server.environment.http
        if isinstance(http, Web):
            http.close()
        for control in self.controls:
            control.close()


def serve(daemon: Daemon, ready: Callable[[], None] | None = None) -> None:
    """Run `daemon` to its end."""
    with_room(asyncio.run, daemon.run(ready))
