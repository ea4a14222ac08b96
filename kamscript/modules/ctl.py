"""ctl: the addresses where kamcmd and other binrpc clients reach the server, and who is there.

The module only says where to listen; the live driver opens the sockets, takes requests apart with
`kamscript.core.binrpc` and `kamscript.live.lines`, and keeps `connections` up to date. Source: ctl manual,
src/modules/ctl/ctl.c, ctrl_socks.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kamscript.module import FixupError, Module, Param, rpc

if TYPE_CHECKING:
    from kamscript.core.rpc import Rpc

DEFAULT_PORT = 2049
DEFAULT_SOCKET_NAME = "kamailio_ctl"
ANONYMOUS = "<anonymous unix socket>"

_TRANSPORTS = {
    "udp": "udp",
    "tcp": "tcp",
    "unix": "unix_stream",
    "unixs": "unix_stream",
    "unixd": "unix_dgram",
    "fifo": "fifo",
}


class Listener(NamedTuple):
    """One address: what is spoken there ("binrpc" or "fifo"), over what (names as ctl.listen prints them), and where.

    `name` is a path, a host or `*` for all addresses; `port` is 0 for paths.
    """

    payload: str
    transport: str
    name: str
    port: int


class Connection(NamedTuple):
    """One open stream of a client: its listener and, for TCP, the client's and the server's address and port."""

    listener: Listener
    source: tuple[str, int] = ("", 0)
    destination: tuple[str, int] = ("", 0)


def parse_listener(text: str, payload: str) -> Listener:
    """`[protocol:]host[:port]` or `[protocol:]path`; raises FixupError for what Kamailio refuses.

    Without a protocol, binrpc means UDP for an address and a Unix stream socket for a path; fifo means a fifo.
    """
    protocol, colon, rest = text.partition(":")
    transport = _TRANSPORTS.get(protocol.lower(), "") if colon else ""
    rest = rest if transport else text
    if rest.startswith("["):
        name, bracket, port = rest.partition("]")
        name += "]"
        if not bracket or not (port == "" or port.startswith(":")):
            raise FixupError(f"{text!r} is no address: the bracket is not closed or something stands behind it")
        port_text = port[1:]
    else:
        name, _, port_text = rest.partition(":")
    if not transport:
        transport = _guess(name, port_text, payload)
    number = 0
    if port_text:
        if not port_text.isdecimal() or int(port_text) > 0xFFFF:
            raise FixupError(f"{text!r} is no address: {port_text!r} is no port")
        number = int(port_text)
    elif transport in ("udp", "tcp") and name.isdecimal():
        name, number = "*", int(name)
    if transport in ("udp", "tcp"):
        return Listener(payload, transport, name, number or DEFAULT_PORT)
    return Listener(payload, transport, name, number)


def _guess(name: str, port: str, payload: str) -> str:
    if port:
        return "udp"
    if payload == "fifo":
        return "fifo"
    return "unix_stream" if "/" in name else "udp"


class Ctl(Module, name="ctl"):
    """Control sockets for RPC commands: binrpc (kamcmd) and the old fifo protocol."""

    binrpc = Param(
        "",
        "Where to speak binrpc: `[udp|tcp]:host:port`, `[unix|unixs|unixd]:path`. Without this and `fifo`, a Unix "
        "stream socket `kamailio_ctl` in the runtime directory.",
        set="add_binrpc",
    )
    fifo = Param(
        "",
        "Where to speak the old line protocol: `[fifo:]path`, `udp:host:port`, `tcp:host:port`.",
        set="add_fifo",
    )
    mode = Param(0o600, "Permissions of Unix sockets and fifos.")
    user = Param("", "Owner of Unix sockets and fifos, a name or a number; default: who runs the server.")
    group = Param("", "Group of Unix sockets and fifos, a name or a number; default: that of who runs the server.")
    autoconversion = Param(0, "1: turn arguments of the wrong type into what a command wants, where that is possible.")
    binrpc_max_body_size = Param(32, "Longest answer, not counting structs, in KiB; 0 or less: 4.")
    binrpc_struct_max_body_size = Param(8, "Longest struct of an answer, in KiB; 0 or less: 1.")
    binrpc_buffer_size = Param(
        1024,
        "Bytes of the buffer that prints formatted texts.",
        inert="formatted texts have no buffer of a fixed size here, so none of them is ever too long for it",
        since="5.6",
    )

    max_body: int  #: limits in bytes, as binrpc wants them
    max_struct: int
    listeners: list[Listener]
    _asked: tuple[Listener, ...] = ()
    connections: list[Connection]
    serving: bool  #: the command that runs now came in over one of these sockets

    def start(self) -> None:
        """Read the addresses."""
        self.max_body = (self.binrpc_max_body_size if self.binrpc_max_body_size > 0 else 4) * 1024
        self.max_struct = (self.binrpc_struct_max_body_size if self.binrpc_struct_max_body_size > 0 else 1) * 1024
        self.connections, self.serving = [], False
        self.listeners = list(self._asked)
        if not self.listeners:
            path = f"{self.server.settings['rundir']}/{DEFAULT_SOCKET_NAME}"
            self.listeners.append(Listener("binrpc", "unix_stream", path, 0))

    def add_binrpc(self, text: str) -> None:
        """Listen there for binrpc too; raises FixupError."""
        self._add(text, "binrpc")

    def add_fifo(self, text: str) -> None:
        """Listen there for the old line protocol too; raises FixupError."""
        self._add(text, "fifo")

    def _add(self, text: str, payload: str) -> None:
        listener = parse_listener(text, payload)
        if listener.transport not in ("udp", "tcp") and not listener.name:
            raise FixupError(f"a {listener.transport} socket needs a path")
        self._asked = (*self._asked, listener)

    @rpc("ctl.listen")
    def listen(self, rpc: Rpc) -> None:
        """Where ctl listens: protocol, transport, name and port of each address."""
        for payload, transport, name, port in self.listeners:
            rpc.add(payload, transport, name, str(port) if port else "")

    @rpc("ctl.connections")
    def count(self, rpc: Rpc) -> None:
        """How many streams are open."""
        if self._asked_from_outside(rpc):
            rpc.add(len(self.connections))

    @rpc("ctl.who")
    def who(self, rpc: Rpc) -> None:
        """Who is connected: protocol, transport, client's address and port, own address and port."""
        if not self._asked_from_outside(rpc):
            return
        for listener, source, destination in self.connections:
            rpc.add(listener.payload, listener.transport)
            if listener.transport in ("udp", "tcp"):
                rpc.add(source[0], str(source[1]), destination[0], str(destination[1]))
            else:
                rpc.add(ANONYMOUS, "", listener.name, "")
        if not self.connections:
            rpc.fault(400, "no open stream connection")

    def _asked_from_outside(self, rpc: Rpc) -> bool:
        # Only the process that holds the connections can count them.
        if not self.serving:
            rpc.fault(606, "rpc available only over binrpc (ctl)")
        return self.serving
