"""TCP: connections in both directions, reused by address and by connection id (core/tcp_main.c)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from kamscript.core.sockets import Datagram, ListenSocket, Received
from kamscript.sip.framing import Framer
from kamscript.sip.message import SipError

if TYPE_CHECKING:
    from kamscript.live.daemon import Daemon


class Connection(asyncio.Protocol):
    """One TCP stream. Until it is up, what is to be sent waits in `pending`."""

    def __init__(self, streams: Streams, listen: ListenSocket, number: int) -> None:
        self.streams, self.listen, self.number = streams, listen, number
        self.transport: asyncio.Transport | None = None
        self.pending: list[bytes] = []
        self.received: Received | None = None
        self.framer = Framer()
        self.last_used = time.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream is up: remember its addresses and send what waited."""
        self.transport = cast(asyncio.Transport, transport)
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.received = Received("tcp", peer[0], peer[1], own[0], self.listen.port, self.listen, self.number)
        self.streams.add(self)
        for data in self.pending:
            self.transport.write(data)
        self.pending.clear()

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages; a stream that cannot be cut is closed."""
        daemon = self.streams.daemon
        now = self.last_used = time.time()
        assert self.received is not None and self.transport is not None
        try:
            for text in self.framer.feed(data.decode("latin-1")):
                if text == "\r\n\r\n":
                    self.transport.write(b"\r\n")
                else:
                    daemon.server.receive(now, text, self.received)
        except SipError as error:
            source = f"{self.received.src_ip}:{self.received.src_port}"
            daemon.server.log.error("<core>", f"tcp connection of {source} closed: {error}\n")
            self.transport.close()
        daemon.after_event()

    def send(self, data: bytes) -> None:
        """Send now, or as soon as the stream is up."""
        self.last_used = time.time()
        if self.transport is None:
            self.pending.append(data)
        else:
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone."""
        self.streams.remove(self)


class Streams:
    """All TCP listeners and connections of a daemon."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.by_number: dict[int, Connection] = {}
        self.by_peer: dict[tuple[str, int], Connection] = {}
        self._listeners: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._serial = 0
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, listen: ListenSocket) -> None:
        """Accept connections on a listen address."""
        from kamscript.live.daemon import BindError

        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: self._connection(listen), listen.address.strip("[]"), listen.port, reuse_address=True
            )
        except OSError as error:
            raise BindError(f"listen {listen.text}: {error.strerror or error}") from None
        self._listeners.append(server)
        if self._sweeper is None:
            self._sweep()

    def _connection(self, listen: ListenSocket) -> Connection:
        self._serial += 1
        return Connection(self, listen, self._serial)

    def add(self, connection: Connection) -> None:
        """A stream came up."""
        self.by_number[connection.number] = connection
        received = connection.received
        assert received is not None
        self.by_peer[received.src_ip, received.src_port] = connection

    def remove(self, connection: Connection) -> None:
        """A stream went away; the server hears of it."""
        if self.by_number.pop(connection.number, None) is None:
            return
        for peer in [peer for peer, known in self.by_peer.items() if known is connection]:
            del self.by_peer[peer]
        self.daemon.server.connection_closed(time.time(), connection.number)
        self.daemon.after_event()

    def send(self, datagram: Datagram) -> None:
        """Send over the connection asked for, one to the same address, or a new one."""
        listen, to, text = datagram
        data = text.encode("latin-1")
        connection = self.by_number.get(to.connection) if to.connection else None
        connection = connection or self.by_peer.get((to.ip, to.port))
        if connection is None:
            connection = self._connection(listen)
            self.by_peer[to.ip, to.port] = connection
            task = asyncio.get_running_loop().create_task(self._connect(connection, datagram))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        connection.send(data)

    async def _connect(self, connection: Connection, datagram: Datagram) -> None:
        to = datagram.to
        timeout = float(self.daemon.server.settings.get("tcp_connect_timeout", 10))
        try:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(timeout):
                await loop.create_connection(lambda: connection, to.ip.strip("[]"), to.port)
        except (OSError, TimeoutError) as error:
            self.by_peer.pop((to.ip, to.port), None)
            self.daemon.failed(datagram, error)
            self.daemon.after_event()

    def _sweep(self) -> None:
        """Close connections that nobody used for tcp_connection_lifetime seconds."""
        lifetime = float(self.daemon.server.settings.get("tcp_connection_lifetime", 120))
        limit = time.time() - lifetime
        for connection in list(self.by_number.values()):
            if connection.last_used < limit and connection.transport is not None:
                connection.transport.close()
        self._sweeper = asyncio.get_running_loop().call_later(min(lifetime, 5.0), self._sweep)

    def close(self) -> None:
        """Close everything."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._tasks:
            task.cancel()
        for server in self._listeners:
            server.close()
        for connection in list(self.by_number.values()):
            if connection.transport is not None:
                connection.transport.abort()
