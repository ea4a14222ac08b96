"""TCP: connections in both directions, reused by address and by connection id (core/tcp_main.c).

A connection serves whatever goes to the address it was made with; what a peer adds with `alias` in its Via is the
core's business, which then asks for the connection by its number. The limits are those of the run-time group `tcp`
and are looked at when they are needed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from typing import TYPE_CHECKING, Any, cast

from kamscript.core.sockets import SEND_CLOSE, SEND_NO_CONNECT, Datagram, ListenSocket, Received, shortest
from kamscript.live.sockopts import prepare, prepare_tcp
from kamscript.live.tls import TlsConfigError, TlsLayer, check_profiles, module_of
from kamscript.sip.framing import CONTINUE, PING, Framer
from kamscript.sip.message import SipError
from kamscript.sip.websocket import FrameCutter, FrameError

if TYPE_CHECKING:
    from kamscript.core.rpc import Rpc
    from kamscript.live.daemon import Daemon

#: Seconds between two looks at the ages of connections.
SWEEP = 0.5
#: tcp_script_mode: a stream stays open behind a message that could not be dealt with.
SCRIPT_MODE_CONTINUE = 1
#: How long an idle connection lives when tcp_connection_lifetime is negative: for ever.
FOR_EVER = 2.0**31


class Connection(asyncio.Protocol):
    """One TCP stream. Until it is up, what is to be sent waits in `pending`."""

    def __init__(self, streams: Streams, listen: ListenSocket, number: int) -> None:
        self.streams, self.listen, self.number = streams, listen, number
        self.transport: asyncio.Transport | None = None
        self.pending: list[bytes] = []
        self.peer: tuple[str, int] | None = None  #: where it was opened to; None: a peer opened it
        self.received: Received | None = None
        self.framer = streams.framer()
        self.cutter: FrameCutter | None = None  #: of WebSocket frames, once it carries them
        self.limit: int = streams.daemon.server.tcp["rd_buf_size"]  #: the longest message
        self.since = self.begun = self.last_used = time.time()  #: made; the message that is arriving began; used
        self.heard = False  #: whether anything arrived
        self.stuck_since = 0.0  #: since when the peer takes nothing of what is to be written; 0: it does
        self.close_behind = False  #: close when all is written
        self.opener: Datagram | None = None  #: what it was opened for
        self.mute = False  #: event_route[tls:connection-out] wants nothing to be sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream is up: remember its addresses and send what waited."""
        self.transport = cast(asyncio.Transport, transport)
        if not self.streams.add(self):
            self.transport.abort()
            return
        if self.opener is not None and self.listen.proto == "tls":
            self.mute = not module_of(self.streams.daemon.server).connected(self.number, self.opener)
            self.streams.daemon.after_event()
        for data in self.pending if not self.mute else ():
            self.transport.write(data)
        self.pending.clear()
        if self.close_behind:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages; a stream that cannot be cut is closed."""
        daemon = self.streams.daemon
        now = self.last_used = time.time()
        received, transport = self.received, self.transport
        if received is None or transport is None:
            return
        self.heard = True
        frames = daemon.server.frames
        if frames is not None and frames.holds(self.number):
            self._frames(data.decode("latin-1"), now)
            return
        if not self.framer.pending:
            self.begun = now
        try:
            for text in self.framer.feed(data.decode("latin-1")):
                if text == PING:
                    transport.write(b"\r\n")
                    continue
                if text == CONTINUE:
                    transport.write(text.encode())
                    continue
                if len(text) > self.limit:
                    raise SipError("buffer overrun")
                fine = daemon.server.receive(now, text, received)
                if not self._goes_on(fine):
                    return
            if self.framer.pending > self.limit:
                raise SipError("buffer overrun")
        except SipError as error:
            source = f"[{received.src_ip}]:{received.src_port}"
            level = daemon.server.cfg.core["corelog"]
            daemon.server.log.write(level, "<core>", f"{error}: closing the TCP connection of {source}")
            transport.close()

    def _goes_on(self, fine: bool) -> bool:
        """Behind a message or frame: send what it led to; whether the connection is to be read further."""
        daemon, transport = self.streams.daemon, self.transport
        assert transport is not None
        daemon.after_event()
        if transport.is_closing():
            return False
        if fine or daemon.server.settings["tcp_script_mode"] & SCRIPT_MODE_CONTINUE:
            return True
        transport.close()
        return False

    def _frames(self, data: str, now: float) -> None:
        """Cut a WebSocket's stream into frames."""
        daemon, transport = self.streams.daemon, self.transport
        frames = daemon.server.frames
        assert frames is not None and transport is not None
        cutter = self.cutter
        if cutter is None:
            cutter = self.cutter = FrameCutter()
        try:
            for raw in cutter.feed(data):
                fine = frames.receive(now, raw, self.number)
                if not self._goes_on(fine):
                    return
        except FrameError as error:
            daemon.server.log.warning("<core>", str(error))
            transport.close()

    def send(self, data: bytes) -> None:
        """Send now, or as soon as the stream is up."""
        self.last_used = time.time()
        if self.transport is None:
            self.pending.append(data)
        elif not self.mute:
            self.transport.write(data)

    @property
    def queued(self) -> int:
        """Bytes that are not written yet."""
        waiting = sum(map(len, self.pending))
        return waiting if self.transport is None else waiting + self.transport.get_write_buffer_size()

    def end(self) -> None:
        """Close when all is written."""
        self.close_behind = True
        if self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone."""
        self.streams.remove(self)


def _done(writable: asyncio.Future[None]) -> None:
    if not writable.done():
        writable.set_result(None)


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
        self.settings: dict[str, Any] = daemon.server.settings
        self.later = daemon.server.target not in ("4.4", "5.6")  #: what 6.x limits is limited

    # -- listening
    async def listen(self, listen: ListenSocket) -> None:
        """Accept connections on a listen address; raises BindError."""
        from kamscript.live.daemon import BindError

        loop = asyncio.get_running_loop()
        tcp = socket.socket(socket.AF_INET6 if listen.ipv6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.setblocking(False)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            prepare(tcp, listen, self.daemon.server.settings)
            prepare_tcp(tcp, self.daemon.server.tcp, listening=True)
            tcp.bind((listen.address, listen.port))
            if listen.proto == "tls":
                check_profiles(self.daemon.server)
                module_of(self.daemon.server).driver = self
            server = await loop.create_server(lambda: self._accepted(listen), sock=tcp, backlog=1024)
        except TlsConfigError as error:
            tcp.close()
            raise BindError(f"listen {listen.text}: {error}") from None
        except OSError as error:
            tcp.close()
            raise BindError(f"listen {listen.text}: {error.strerror or error}") from None
        self._listeners.append(server)
        if self._sweeper is None:
            rpc = self.daemon.server.rpc
            rpc.add("core.tcp_list", self._rpc_list, "The open connections.")
            self._sweep()

    def _accepted(self, listen: ListenSocket) -> asyncio.Protocol:
        """Who speaks over a stream that a peer opened."""
        connection = self._connection(listen)
        if listen.proto != "tls":
            return connection
        server = self.daemon.server
        return TlsLayer(server, connection, lambda reason: server.log.error("tls", f"TLS accept: {reason}"))

    def framer(self) -> Framer:
        """What cuts a new stream into messages."""
        tcp = self.daemon.server.tcp
        return Framer(
            limit=tcp["rd_buf_size"], crlf_ping=bool(tcp["crlf_ping"]), accept_no_cl=bool(tcp["accept_no_cl"])
        )

    def _connection(self, listen: ListenSocket) -> Connection:
        self._serial += 1
        return Connection(self, listen, self._serial)

    # -- coming and going
    def add(self, connection: Connection) -> bool:
        """A stream came up; False when there are too many, or this one twice (tcp_accept_unique)."""
        server = self.daemon.server
        transport = connection.transport
        assert transport is not None
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if not peer or not own:  # it was reset before it was looked at
            return False
        source = (shortest(peer[0]) if ":" in peer[0] else peer[0], int(peer[1]))
        limit = server.tcp["max_connections"]
        if connection.peer is None:
            if len(self.by_number) >= limit:
                server.log.error("<core>", f"maximum number of connections exceeded: {len(self.by_number)}/{limit}")
                return False
            if server.settings["tcp_accept_unique"] and source in self.by_peer:
                server.log.error("<core>", "duplicated connection by local and remote addresses")
                return False
            if self.later and self._of_address(source[0]) >= self.settings["tcp_accept_iplimit"] > 0:
                server.log.error("<core>", f"maximum number of connections exceeded for {source[0]}")
                return False
        listen = connection.listen
        session = transport.get_extra_info("tls_session")
        limit = server.tcp["max_tls_connections"]
        if session is not None and len(server.tls_sessions) >= limit:
            server.log.error(
                "<core>", f"maximum number of tls connections exceeded: {len(server.tls_sessions)}/{limit}"
            )
            return False
        host = shortest(own[0]) if ":" in own[0] else own[0]
        connection.received = Received(listen.proto, *source, host, int(own[1]), listen, connection.number)
        if session is not None:
            server.tls_sessions[connection.number] = session
        self.by_number[connection.number] = connection
        self.by_peer[source] = connection
        server.connection_opened(connection.received)
        return True

    def remove(self, connection: Connection) -> None:
        """A stream went away; the server hears of it."""
        if self.by_number.pop(connection.number, None) is None:
            return
        received = connection.received
        for peer in (connection.peer, received and (received.src_ip, received.src_port)):
            if peer is not None and self.by_peer.get(peer) is connection:
                del self.by_peer[peer]
        self.daemon.server.connection_closed(time.time(), connection.number)
        self.daemon.after_event()

    def _of_address(self, ip: str) -> int:
        """How many connections came from an address."""
        peers = [connection.received for connection in self.by_number.values() if connection.peer is None]
        return sum(received is not None and received.src_ip == ip for received in peers)

    def close_number(self, number: int) -> None:
        """Close a stream when all is written."""
        connection = self.by_number.get(number)
        if connection is not None:
            connection.end()

    # -- sending
    def send(self, datagram: Datagram) -> None:
        """Send over the connection asked for, one to the same address, or a new one."""
        _, to, text = datagram
        server = self.daemon.server
        connection = self.by_number.get(to.connection) if to.connection else None
        if connection is None or connection.close_behind:
            connection = self.by_peer.get((to.ip, to.port))
        if connection is None or connection.close_behind:
            if to.flags & SEND_NO_CONNECT or server.tcp["no_connect"] or to.proto in ("ws", "wss"):
                self.daemon.failed(datagram, ConnectionError("no connection is open, and none may be opened"))
                return
            try:
                connection = self._open(datagram)
            except OSError as error:
                self.daemon.failed(datagram, error)
                return
        if to.proto in ("ws", "wss"):
            frames = server.frames
            frame = frames.encode(text, connection.number) if frames is not None else None
            if frame is None:
                self.daemon.failed(datagram, ConnectionError("no WebSocket"))
                return
            text = frame
        data = text.encode("latin-1")
        if (connection.queued or connection.transport is None) and self._too_much(connection, len(data)):
            if connection.transport is not None:
                connection.transport.abort()
            self.daemon.failed(datagram, ConnectionError("the write queue is full"))
            return
        connection.send(data)
        if to.flags & SEND_CLOSE:
            connection.end()

    def _too_much(self, connection: Connection, size: int) -> bool:
        """Whether a connection's queue, or all of them together, grow too long (tcp_conn_wq_max, tcp_wq_max).

        What waits for a TLS handshake has limits of its own (tls: con_ct_wq_max, ct_wq_max).
        """
        tcp, queued = self.daemon.server.tcp, connection.queued + size
        if queued > tcp["conn_wq_max"]:
            return True
        if connection.transport is None and connection.listen.proto == "tls":
            cfg = module_of(self.daemon.server).cfg
            if queued > cfg["con_ct_wq_max"] or self.waiting() + size > cfg["ct_wq_max"]:
                return True
        return bool(sum(connection.queued for connection in self.by_number.values()) + size > tcp["wq_max"])

    def _open(self, datagram: Datagram) -> Connection:
        """Begin to connect; raises OSError for what fails at once."""
        listen, to, _ = datagram
        server = self.daemon.server
        limit = server.tcp["max_connections"]
        if len(self.by_number) >= limit:
            raise ConnectionError(f"maximum number of connections exceeded ({len(self.by_number)}/{limit})")
        tcp = socket.socket(socket.AF_INET6 if ":" in to.ip else socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.setblocking(False)
            prepare_tcp(tcp, server.tcp)
            own = server.settings["tcp_source_ipv6" if ":" in to.ip else "tcp_source_ipv4"]
            if own:
                tcp.bind((str(own).strip("[]"), 0))
            status = tcp.connect_ex((to.ip.strip("[]"), to.port))
            if status == errno.EINPROGRESS:
                status = tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # a near peer has refused already
            if status:
                raise OSError(status, os.strerror(status))
        except BaseException:
            tcp.close()
            raise
        connection = self._connection(listen)
        connection.peer, connection.opener = (to.ip, to.port), datagram
        self.by_peer[connection.peer] = connection
        task = asyncio.get_running_loop().create_task(self._connect(connection, tcp, datagram))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return connection

    async def _connect(self, connection: Connection, tcp: socket.socket, datagram: Datagram) -> None:
        """Wait until the stream is up. Who sends over it was told that it was sent: only the blocklist learns of it."""
        loop = asyncio.get_running_loop()
        server = self.daemon.server
        protocol: asyncio.Protocol = connection
        try:
            if connection.listen.proto == "tls":
                protocol = TlsLayer(server, connection, lambda reason: self._not_opened(connection, datagram, reason))
                protocol.open(datagram.to, connection.listen)
            async with asyncio.timeout(float(server.tcp["connect_timeout"])):
                writable = loop.create_future()
                loop.add_writer(tcp.fileno(), _done, writable)
                try:
                    await writable
                finally:
                    loop.remove_writer(tcp.fileno())
            status = tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if status:
                raise OSError(status, os.strerror(status))
            await loop.create_connection(lambda: protocol, sock=tcp)
        except (OSError, TimeoutError, TlsConfigError) as error:
            tcp.close()
            self._not_opened(connection, datagram, getattr(error, "strerror", None) or str(error) or "timeout")
        except asyncio.CancelledError:
            tcp.close()
            raise

    def _not_opened(self, connection: Connection, datagram: Datagram, reason: str) -> None:
        to, server = datagram.to, self.daemon.server
        if connection.peer is not None and self.by_peer.get(connection.peer) is connection:
            del self.by_peer[connection.peer]
        server.log.error("<core>", f"connect {to.ip}:{to.port} failed: {reason}")
        server.blocklist.add(to)

    # -- ages
    def _sweep(self) -> None:
        """Close connections that nobody used for their lifetime, or that take nothing for tcp_send_timeout."""
        tcp = self.daemon.server.tcp
        now = time.time()
        for connection in list(self.by_number.values()):
            transport = connection.transport
            if transport is None:
                continue
            if connection.last_used < now - self._lifetime(connection) or (
                self.later and self._too_slow(connection, now)
            ):
                transport.close()
            if not transport.get_write_buffer_size():
                connection.stuck_since = 0.0
            elif not connection.stuck_since:
                connection.stuck_since = now
            elif now - connection.stuck_since > tcp["send_timeout"]:
                received = connection.received
                assert received is not None
                self.daemon.server.log.error("<core>", f"{received.src_ip}:{received.src_port} takes no data: closed")
                transport.abort()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP, self._sweep)

    def _lifetime(self, connection: Connection) -> float:
        """How long a connection may be idle: tcp_connection_lifetime, with TLS connection_timeout of module tls."""
        server = self.daemon.server
        secured = connection.listen.proto == "tls"
        seconds = module_of(server).cfg["connection_timeout"] if secured else server.tcp["connection_lifetime"]
        return float(seconds) if seconds >= 0 else FOR_EVER

    def remaining(self, connection: int) -> int:
        """Seconds until a silent connection is closed (of module tls)."""
        found = self.by_number.get(connection)
        return int(found.last_used + self._lifetime(found) - time.time()) if found is not None else 0

    def waiting(self) -> int:
        """Bytes that wait for TLS handshakes to end (of module tls)."""
        opened = [one for one in self.by_peer.values() if one.transport is None and one.listen.proto == "tls"]
        return sum(connection.queued for connection in opened)

    def _too_slow(self, connection: Connection, now: float) -> bool:
        """Whether a message does not get ready, or none begins (6.x: tcp_msg_read_timeout, tcp_msg_data_timeout)."""
        if connection.framer.pending:
            return bool(now - connection.begun > self.settings["tcp_msg_read_timeout"])
        return (
            connection.peer is None
            and not connection.heard
            and now - connection.since > self.settings["tcp_msg_data_timeout"]
        )

    def _rpc_list(self, rpc: Rpc) -> None:
        """core.tcp_list."""
        for connection in self.by_number.values():
            received: Any = connection.received
            rpc.struct(
                id=connection.number,
                type=connection.listen.proto.upper(),
                state="CONN_EOF" if connection.close_behind else "CONN_OK",
                timeout=self.remaining(connection.number),
                lifetime=int(self._lifetime(connection)),
                ref_count=1,
                src_ip=received.src_ip,
                src_port=received.src_port,
                dst_ip=received.dst_ip,
                dst_port=received.dst_port,
            )

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
