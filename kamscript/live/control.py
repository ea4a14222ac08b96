"""Control channels: the sockets of module ctl (binrpc, what kamcmd speaks, and the old line protocol), of jsonrpcs, and
those of MI.

A Control opens one address and answers over it. Modules say where to listen; the codecs stand elsewhere (`binrpc.py`,
`lines.py`, `mi_lines.py`, module jsonrpcs).
"""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from kamscript.core import binrpc
from kamscript.live import lines
from kamscript.live.fifo import FifoControl, JsonRpcFifo, ReplyFifos
from kamscript.live.mi import MiFifoControl, answer_datagram

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.live.daemon import Daemon

#: What a client may send before its request must be whole (ctl's buffers).
MAX_REQUEST = 65535

#: Answers to a request: at once, or later.
Reply = Callable[[bytes], object]
#: Takes what arrived and where answers go; returns how many bytes it used, and whether the client is to be dropped.
Serve = Callable[[bytes, Reply], tuple[int, bool]]


class Control(Protocol):
    """One control address."""

    async def open(self) -> None:
        """Start listening; raises BindError."""

    def close(self) -> None:
        """Stop listening and remove what was made in the file system."""


def own(path: str, mode: int, user: int | str, group: int | str) -> None:
    """Give a socket or FIFO its permissions and owner; names are looked up, "" and 0 keep what it has.

    Raises OSError, and KeyError for an unknown name.
    """
    os.chmod(path, mode)
    uid = pwd.getpwnam(user).pw_uid if isinstance(user, str) and not user.isdecimal() and user else int(user or -1)
    gid = grp.getgrnam(group).gr_gid if isinstance(group, str) and not group.isdecimal() and group else int(group or -1)
    if (uid, gid) != (-1, -1):
        os.chown(path, uid, gid)


def clear_stale(path: str) -> None:
    """Remove a socket or FIFO that an earlier run left behind; anything else stays and will fail to bind."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
        os.unlink(path)


class CtlListener:
    """What the sockets of module ctl share: the listener, and running requests of either protocol."""

    def __init__(self, daemon: Daemon, ctl: Any, listener: Any) -> None:
        self.daemon, self.ctl, self.listener = daemon, ctl, listener
        self.name = f"ctl {listener.transport} {listener.name}{f':{listener.port}' if listener.port else ''}"

    def serve(self, data: bytes, reply: Reply, *, whole: bool = False) -> tuple[int, bool]:
        """Run the first request in `data`; see `Serve`. `whole`: nothing more can follow (a datagram)."""
        server = self.daemon.server
        server.timers.now = max(server.timers.now, time.time())
        self.ctl.serving = True
        try:
            if self.listener.payload == "binrpc":
                return self._binrpc(server, data, reply, whole)
            return self._lines(server, data, reply, whole)
        except Exception as error:
            # A command that fails in itself costs the client its connection and nobody else anything.
            server.report(error)
            return len(data), True
        finally:
            self.ctl.serving = False
            self.daemon.after_event()

    def _binrpc(self, server: Server, data: bytes, reply: Reply, whole: bool) -> tuple[int, bool]:
        answer = binrpc.answer(server, data, whole=whole, later=reply)
        if answer.data:
            reply(answer.data)
        return answer.consumed, answer.close

    def _lines(self, server: Server, data: bytes, reply: Reply, whole: bool) -> tuple[int, bool]:
        try:
            request = lines.take(data.decode("latin-1") + ("\n\n" if whole else ""))
        except lines.BadRequest as error:
            server.log.error("ctl", str(error))
            reply(b"200 OK\n")  # as Kamailio: the reason goes to the log only
            return min(error.size, len(data)), False
        if request is None:
            return 0, False
        lines.run(server, request, lambda text: reply(text.encode("latin-1", "replace")))
        return min(request.size, len(data)), False

    def made(self, path: str) -> None:
        """Permissions and owner of a path that was bound."""
        own(path, self.ctl.mode, self.ctl.user, self.ctl.group)


class _Client(asyncio.Protocol):
    """One client of a stream socket."""

    def __init__(self, control: StreamControl) -> None:
        self.control = control
        self.buffer = b""
        self.transport: asyncio.Transport | None = None
        self.entry: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who came, for ctl.who."""
        from kamscript.modules.ctl import Connection

        self.transport = cast(asyncio.Transport, transport)
        peer, here = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        listener = self.control.listener.listener
        if isinstance(peer, tuple):
            self.entry = Connection(listener, peer[:2], here[:2])
        else:
            self.entry = Connection(listener)
        self.control.listener.ctl.connections.append(self.entry)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        assert self.transport is not None
        self.buffer += data
        while self.buffer:
            used, drop = self.control.listener.serve(self.buffer, self.reply)
            self.buffer = self.buffer[used:]
            if drop or len(self.buffer) > MAX_REQUEST:
                self.transport.close()
                return
            if not used:
                return

    def reply(self, data: bytes) -> None:
        """Answer, now or later."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        connections = self.control.listener.ctl.connections
        connections[:] = [entry for entry in connections if entry is not self.entry]


class StreamControl:
    """A Unix stream socket or TCP of module ctl."""

    _server: asyncio.Server | None = None

    def __init__(self, listener: CtlListener) -> None:
        self.listener = listener

    async def open(self) -> None:
        """Listen."""
        from kamscript.live.daemon import BindError

        loop = asyncio.get_running_loop()
        where = self.listener.listener
        try:
            if where.transport == "unix_stream":
                clear_stale(where.name)
                self._server = await loop.create_unix_server(lambda: _Client(self), where.name)
                self.listener.made(where.name)
            else:
                host = "0.0.0.0" if where.name in ("*", "") else where.name.strip("[]")
                self._server = await loop.create_server(lambda: _Client(self), host, where.port)
        except (OSError, KeyError) as error:
            raise BindError(f"{self.listener.name}: {error}") from None

    def close(self) -> None:
        """Stop, and remove the socket file."""
        if self._server is not None:
            self._server.close()
            if self.listener.listener.transport == "unix_stream":
                Path(self.listener.listener.name).unlink(missing_ok=True)


class _OneRequest(asyncio.Protocol):
    """A client of jsonrpcs over TCP: what arrives first is its request, the answer ends the connection."""

    def __init__(self, serve: Callable[[bytes, Reply], object]) -> None:
        self.serve = serve
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer and hang up."""
        transport = self.transport
        assert transport is not None
        if not transport.is_closing():
            self.serve(data, transport.write)
            transport.close()


class TcpControl:
    """The TCP socket of module jsonrpcs (6.x)."""

    _server: asyncio.Server | None = None

    def __init__(self, where: str, serve: Callable[[bytes, Reply], object]) -> None:
        self.where, self.serve = where, serve

    async def open(self) -> None:
        """Listen."""
        from kamscript.live.daemon import BindError

        host, _, port = self.where.removeprefix("tcp:").rpartition(":")
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _OneRequest(self.serve), host.strip("[]"), int(port))
        except OSError as error:
            raise BindError(f"jsonrpcs {self.where}: {error}") from None

    def close(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()


class DatagramControl(asyncio.DatagramProtocol):
    """Requests as datagrams over UDP or a Unix socket. `serve` gets each one, and where its answer goes."""

    def __init__(
        self,
        name: str,
        where: str | tuple[str, int],
        serve: Callable[[bytes, Reply], object],
        made: Callable[[str], None],
    ) -> None:
        self.name, self.where, self.serve, self.made = name, where, serve, made
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Bind."""
        from kamscript.live.daemon import BindError

        loop = asyncio.get_running_loop()
        try:
            if isinstance(self.where, str):
                clear_stale(self.where)
                unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                unix.setblocking(False)
                unix.bind(self.where)
                self.made(self.where)
                await loop.create_datagram_endpoint(lambda: self, sock=unix)
            else:
                await loop.create_datagram_endpoint(lambda: self, local_addr=self.where)
        except (OSError, KeyError) as error:
            raise BindError(f"{self.name}: {error}") from None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer a client that has an address to answer to."""

        def reply(answer: bytes) -> None:
            if answer and addr and self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(answer, addr)

        self.serve(data, reply)

    def close(self) -> None:
        """Stop, and remove the socket file."""
        if self._transport is not None:
            self._transport.close()
        if isinstance(self.where, str):
            Path(self.where).unlink(missing_ok=True)


def controls_of(daemon: Daemon) -> list[Control]:
    """Every control address that the config's modules ask for."""
    server: Server = daemon.server
    controls: list[Control] = []
    ctl: Any = server.modules.get("ctl")
    if ctl is not None:
        controls += [_ctl_control(CtlListener(daemon, ctl, listener)) for listener in ctl.listeners]
    jsonrpcs: Any = server.modules.get("jsonrpcs")
    if jsonrpcs is not None:
        controls += _jsonrpc_controls(daemon, jsonrpcs)
    return controls + _mi_controls(daemon)


def _ctl_control(listener: CtlListener) -> Control:
    where = listener.listener
    if where.transport == "fifo":
        fifos = ReplyFifos(listener.daemon.server, "ctl", "/tmp")

        def handle(text: str) -> str:
            data = text.encode("latin-1")
            while data:
                reply_to = data.partition(b"\n")[0].rpartition(b":")[2].strip().decode("latin-1")
                used, _ = listener.serve(data, lambda answer, to=reply_to: fifos.send(to, answer))  # type: ignore[misc]
                if not used:
                    break
                data = data[used:]
            return data.decode("latin-1")

        return FifoControl(listener.name, where.name, handle, listener.made)
    if where.transport in ("unix_stream", "tcp"):
        return StreamControl(listener)
    host = "0.0.0.0" if where.name in ("*", "") else where.name.strip("[]")
    return DatagramControl(
        listener.name,
        (host, where.port) if where.transport == "udp" else where.name,
        lambda data, reply: listener.serve(data, reply, whole=True),
        listener.made,
    )


def _mi_controls(daemon: Daemon) -> list[Control]:
    """The FIFO of module mi_fifo and the socket of mi_datagram."""
    modules = daemon.server.modules
    controls: list[Control] = []
    fifo: Any = modules.get("mi_fifo")
    if fifo is not None:
        path = os.path.join(daemon.server.settings["rundir"], fifo.fifo_name)
        controls.append(
            MiFifoControl(daemon, fifo, path, lambda made: own(made, fifo.fifo_mode, fifo.fifo_user, fifo.fifo_group))
        )
    datagram: Any = modules.get("mi_datagram")
    if datagram is not None:
        controls.append(
            DatagramControl(
                f"mi_datagram {datagram.socket_name}",
                datagram.address or datagram.socket_name,
                lambda data, reply: reply(answer_datagram(daemon, datagram, data)),
                lambda made: own(
                    made, datagram.unix_socket_mode, datagram.unix_socket_user, datagram.unix_socket_group
                ),
            )
        )
    return controls


def _jsonrpc_controls(daemon: Daemon, jsonrpcs: Any) -> list[Control]:
    """The FIFO, the datagram socket and the TCP socket of module jsonrpcs."""
    from kamscript.modules.jsonrpcs import TRANSPORT_DATAGRAM, TRANSPORT_FIFO, TRANSPORT_TCP

    server = daemon.server
    directory = server.settings["rundir"]
    wanted = jsonrpcs.transport or TRANSPORT_FIFO | TRANSPORT_DATAGRAM | TRANSPORT_TCP
    controls: list[Control] = []

    def serve(data: bytes, reply: Reply) -> None:
        server.timers.now = max(server.timers.now, time.time())
        try:
            answer = jsonrpcs.handle(data.decode("latin-1"))
        except Exception as error:
            server.report(error)
            return
        finally:
            daemon.after_event()
        if answer is not None:
            reply(answer.body.encode("latin-1"))

    if wanted & TRANSPORT_FIFO and jsonrpcs.fifo_name:
        path = os.path.join(directory, jsonrpcs.fifo_name)
        controls.append(
            FifoControl(
                f"jsonrpcs fifo {path}",
                path,
                JsonRpcFifo(daemon, jsonrpcs).handle,
                lambda made: own(made, jsonrpcs.fifo_mode, jsonrpcs.fifo_user, jsonrpcs.fifo_group),
            )
        )
    if wanted & TRANSPORT_DATAGRAM and jsonrpcs.dgram_socket:
        name = jsonrpcs.dgram_socket
        proto, _, rest = name.partition(":")
        host, _, port = rest.rpartition(":")
        where = (host.strip("[]"), int(port)) if proto == "udp" and port.isdecimal() else os.path.join(directory, name)
        controls.append(
            DatagramControl(
                f"jsonrpcs datagram {name}",
                where,
                serve,
                lambda made: own(made, jsonrpcs.dgram_mode, jsonrpcs.dgram_user, jsonrpcs.dgram_group),
            )
        )
    if wanted & TRANSPORT_TCP and jsonrpcs.tcp_socket:
        controls.append(TcpControl(jsonrpcs.tcp_socket, serve))
    return controls
