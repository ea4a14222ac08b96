"""Control channels: binrpc sockets of module ctl (what kamcmd speaks), JSON-RPC over FIFO and datagrams of jsonrpcs.

A Control opens one address and answers over it. Modules say where to listen; the codecs are elsewhere.
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

from kamscript.live import binrpc

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.live.daemon import Daemon

#: How often a reply FIFO is tried, every 0.1 s, before the answer is dropped.
FIFO_TRIES = 10
#: What may wait in a FIFO for the end of its object.
MAX_FIFO_REQUEST = 65536


class Control(Protocol):
    """One control address."""

    async def open(self) -> None:
        """Start listening; raises BindError."""

    def close(self) -> None:
        """Stop listening and remove what was made in the file system."""


def own(path: str, mode: int, user: int | str, group: int | str) -> None:
    """Give a socket or FIFO its permissions and owner; names are looked up, "" and 0 keep what it has."""
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


class _BinrpcStream(asyncio.Protocol):
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
        if isinstance(peer, tuple):
            self.entry = Connection(self.control.listener, peer[:2], here[:2])
        else:
            self.entry = Connection(self.control.listener)
        self.control.ctl.connections.append(self.entry)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        assert self.transport is not None
        self.buffer += data
        while self.buffer:
            answer = self.control.answer(self.buffer, False, self.transport.write)
            if not answer.consumed and not answer.close:
                return
            self.buffer = self.buffer[answer.consumed :]
            if answer.data:
                self.transport.write(answer.data)
            if answer.close:
                self.transport.close()
                return

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        if self.entry in self.control.ctl.connections:
            self.control.ctl.connections.remove(self.entry)


class BinrpcControl:
    """What stream and datagram binrpc sockets share: the module, the listener and running a request."""

    def __init__(self, daemon: Daemon, ctl: Any, listener: Any) -> None:
        self.daemon, self.ctl, self.listener = daemon, ctl, listener

    def answer(self, data: bytes, whole: bool, later: Callable[[bytes], object]) -> binrpc.Answer:
        """Run the first request in `data`, and send what the command made the server send.

        The answer of a command that waits for something goes to `later`.
        """
        server = self.daemon.server
        server.timers.now = max(server.timers.now, time.time())
        self.ctl.serving = True
        try:
            return binrpc.answer(server, data, whole=whole, later=later)
        finally:
            self.ctl.serving = False
            self.daemon.after_event()

    def made(self, path: str) -> None:
        """Permissions and owner of a path that was bound."""
        own(path, self.ctl.mode, self.ctl.user, self.ctl.group)


class StreamControl(BinrpcControl):
    """binrpc over a Unix stream socket or TCP."""

    _server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        from kamscript.live.daemon import BindError

        loop = asyncio.get_running_loop()
        listener = self.listener
        try:
            if listener.transport == "unix_stream":
                clear_stale(listener.name)
                self._server = await loop.create_unix_server(lambda: _BinrpcStream(self), listener.name)
                self.made(listener.name)
            else:
                host = None if listener.name == "*" else listener.name
                self._server = await loop.create_server(lambda: _BinrpcStream(self), host, listener.port)
        except (OSError, KeyError) as error:
            raise BindError(f"ctl {listener.transport} {listener.name}: {error}") from None

    def close(self) -> None:
        """Stop, and remove the socket file."""
        if self._server is not None:
            self._server.close()
            if self.listener.transport == "unix_stream":
                Path(self.listener.name).unlink(missing_ok=True)


class DatagramControl(asyncio.DatagramProtocol):
    """Requests as datagrams: binrpc or JSON-RPC, over UDP or a Unix socket.

    `reply(request, later)` turns a request into its answer; an answer that takes its time is empty and goes to `later`.
    """

    def __init__(
        self,
        name: str,
        where: str | tuple[str, int],
        reply: Callable[[bytes, Callable[[bytes], object]], bytes],
        made: Callable[[str], None],
    ) -> None:
        self.name, self.where, self.reply, self.made = name, where, reply, made
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
        transport = self._transport

        def send(answer: bytes) -> None:
            if answer and addr and transport is not None:
                transport.sendto(answer, addr)

        send(self.reply(data, send))

    def close(self) -> None:
        """Stop, and remove the socket file."""
        if self._transport is not None:
            self._transport.close()
        if isinstance(self.where, str):
            Path(self.where).unlink(missing_ok=True)


class FifoControl:
    """A FIFO from which whole requests are read. `handle(text)` takes what stands there and returns what is left."""

    def __init__(self, name: str, path: str, handle: Callable[[str], str], made: Callable[[str], None]) -> None:
        self.name, self.path, self.handle, self.made = name, path, handle, made
        self._fd = -1
        self._text = ""

    async def open(self) -> None:
        """Make the FIFO and read from it."""
        from kamscript.live.daemon import BindError

        try:
            clear_stale(self.path)
            os.mkfifo(self.path)
            self.made(self.path)
            # Opened for writing too, so that the last client's close is no end of file.
            self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        except (OSError, KeyError) as error:
            raise BindError(f"{self.name}: {error}") from None
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        self._text = self.handle(self._text + data.decode("latin-1"))

    def close(self) -> None:
        """Stop, and remove the FIFO."""
        if self._fd >= 0:
            asyncio.get_event_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
            Path(self.path).unlink(missing_ok=True)


def controls_of(daemon: Daemon) -> list[Control]:
    """Every control address that the config's modules ask for."""
    server: Server = daemon.server
    controls: list[Control] = []
    ctl = server.modules.get("ctl")
    if ctl is not None:
        controls += [_ctl_control(daemon, ctl, listener) for listener in ctl.served]  # type: ignore[attr-defined]
    jsonrpcs: Any = server.modules.get("jsonrpcs")
    if jsonrpcs is not None:
        controls += _jsonrpc_controls(daemon, jsonrpcs)
    return controls


def _jsonrpc_controls(daemon: Daemon, jsonrpcs: Any) -> list[Control]:
    """The FIFO and the datagram socket of module jsonrpcs."""
    from kamscript.modules.jsonrpcs import TRANSPORT_DATAGRAM, TRANSPORT_FIFO

    directory = daemon.server.settings["rundir"]
    wanted = jsonrpcs.transport or TRANSPORT_FIFO | TRANSPORT_DATAGRAM
    controls: list[Control] = []
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

        def reply(data: bytes, later: Callable[[bytes], object]) -> bytes:
            answer = jsonrpcs.handle(data.decode("latin-1"), later=lambda answer: later(answer.body.encode("latin-1")))
            daemon.after_event()
            return answer.body.encode("latin-1") if answer else b""

        controls.append(
            DatagramControl(
                f"jsonrpcs datagram {name}",
                where,
                reply,
                lambda made: own(made, jsonrpcs.dgram_mode, jsonrpcs.dgram_user, jsonrpcs.dgram_group),
            )
        )
    return controls


class JsonRpcFifo:
    """Requests as JSON objects one behind the other; each names the FIFO that its answer goes to."""

    def __init__(self, daemon: Daemon, jsonrpcs: Any) -> None:
        self.daemon, self.jsonrpcs = daemon, jsonrpcs

    def handle(self, text: str) -> str:
        """Answer every whole object in `text`; returns the rest."""
        while (end := _object_end(text)) > 0:
            answer = self.jsonrpcs.handle(text[:end], with_reply_name=True, later=self._answer)
            text = text[end:]
            if answer is not None and answer.body:  # an empty one comes later
                self._answer(answer)
            self.daemon.after_event()
        return text if text.strip() and len(text) < MAX_FIFO_REQUEST else ""

    def _answer(self, answer: Any) -> None:
        self._reply(answer.reply_name, answer.body.encode("latin-1"), tries=FIFO_TRIES)

    def _reply(self, name: str, data: bytes, tries: int) -> None:
        """Write to the reply FIFO; its reader may need a moment to open it."""
        if "/" in name or "." in name:
            self.daemon.server.log.error("jsonrpcs", f"reply fifo name {name!r} is not allowed\n")
            return
        path = os.path.join(self.jsonrpcs.fifo_reply_dir, name)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if tries > 0:
                asyncio.get_running_loop().call_later(0.1, self._reply, name, data, tries - 1)
            else:
                self.daemon.server.log.error("jsonrpcs", f"reply fifo {path}: {error.strerror}\n")
            return
        # A reader that stops reading must not stop the server: the answer is written beside the loop.
        asyncio.get_running_loop().run_in_executor(None, _write_all, fd, data)


def _write_all(fd: int, data: bytes) -> None:
    os.set_blocking(fd, True)
    try:
        with os.fdopen(fd, "wb") as fifo:
            fifo.write(data)
    except BrokenPipeError:
        pass


def _object_end(text: str) -> int:
    """The offset behind the first whole JSON object in `text`; 0 when none is complete."""
    depth, quoted, escaped = 0, False, False
    for at, character in enumerate(text):
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return at + 1
    return 0


def _ctl_control(daemon: Daemon, ctl: Any, listener: Any) -> Control:
    if listener.transport in ("unix_stream", "tcp"):
        return StreamControl(daemon, ctl, listener)
    binary = BinrpcControl(daemon, ctl, listener)
    host = "0.0.0.0" if listener.name == "*" else listener.name
    where = (host, listener.port) if listener.transport == "udp" else listener.name
    return DatagramControl(
        f"ctl {listener.transport} {listener.name}",
        where,
        lambda data, later: binary.answer(data, True, later).data,
        binary.made,
    )
