"""The lab's phones around a real, started `kamailio`: what `pytest --kam-real` puts in the place of Lab.

    with RealLab("kamailio.cfg") as lab:
        alice, bob = lab.phone("alice"), lab.phone("bob")

The phones are the same objects; their network is made of sockets on loopback and their clock is the wall's. The config
runs as it is, with this machine's addresses in it (kamscript.lab.loopback), one worker, its log on stderr, and every
database URL replaced by an SQLite file with Kamailio's tables. What only the lab can do raises NotOnReal: looking into
the server, doubles, faulty links, more time than anybody wants to wait.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kamscript.core.binrpc import decode_reply, encode_request
from kamscript.core.environment import LEVEL_NAMES, Environment, LogRecord
from kamscript.core.rpc import RpcFault, to_json
from kamscript.core.server import Server
from kamscript.core.sockets import is_address
from kamscript.core.timers import Timers
from kamscript.lab import daemon as daemons
from kamscript.lab.daemon import Daemon, Refused
from kamscript.lab.digest import Credentials
from kamscript.lab.environment import LabFiles, LabResolver, seeded
from kamscript.lab.lab import EPOCH, SERVER, Lab, Log, moment, observers
from kamscript.lab.loopback import Loopback, TooManyNetworks
from kamscript.lab.network import Address, Network, Party, Wire
from kamscript.loader import load, load_text, module_classes
from kamscript.source import ConfigError
from kamscript.stores.database import SqlDatabase
from kamscript.stores.urls import parse_url

if TYPE_CHECKING:
    from kamscript.lab.normal import Normaliser
    from kamscript.lab.phone import Phone
    from kamscript.lab.snapshots import Messages, Recording
    from kamscript.lab.stream import HttpReply, Stream
    from kamscript.lab.variants import Params
    from kamscript.script.program import Program
    from kamscript.sip.auth import Challenge

SCHEMA = Path("/usr/share/kamailio/db_sqlite")
#: Seconds that a test may really wait, all together.
WAIT = 5.0
#: Daemons keep their timers by ticks of up to 0.1 s.
SLACK = 0.2

_NUMBERS = {name: number for number, name in LEVEL_NAMES.items() if name}
_ORIGIN = re.compile(r"(?:(<script>): )|(?:(<?\w+>?) \[[\w./-]+:\d+\]: (?:\w+\(\): ?)?)")
#: What the parser says about the marks of kamscript.lab.daemon.
_OF_MARKS = re.compile(r"marks a place|core/(?:parser/|receive\.c|msg_translator)")
#: Settings that belong to a production machine: users, processes, where the log goes.
_DROPPED = re.compile(
    r"(?m)^[ \t]*(?:user|uid|group|gid|chroot|workdir|wdir|fork|children|tcp_children|socket_workers|log_stderror|"
    r"run_dir|rundir|mlock_pages|shm_mem_size|shm|real_time)[ \t]*=[^\n]*"
)
_CONTROL = re.compile(
    r"""(?m)^[ \t]*modparam\(\s*["'](?:ctl|jsonrpcs)["']\s*,\s*["'](?:binrpc|fifo|fifo_name|dgram_socket)["'][^\n]*"""
)
_MPATH = re.compile(r"""(?m)^[ \t]*(?:mpath|loadpath)[ \t]*=?[ \t]*["']([^"'\n]*)["'][^\n]*""")
_URL = re.compile(r"""\b(?:mysql|postgres|sqlite|text|unixodbc|oracle)://[^"'\s;,)]*""")
_DRIVER = re.compile(r"""\bdb_(?:mysql|postgres|text|unixodbc|oracle)(?:\.so)?(?=["'])""")


class NotOnReal(AttributeError):
    """The test does something that only the lab can do: the reason, as it stands behind "skipped"."""


def why_not(program: Program) -> str:
    """Why a config cannot run on the Kamailio of this machine; "" when it can."""
    version, folder = daemons.version(), daemons.modules_folder()
    if not version or folder is None:
        return "no kamailio is installed here (apt-get install kamailio)"
    missing = [name for name in program.modules if not (folder / f"{name}.so").exists()]
    if missing:
        return f"the Kamailio of this machine has no module {', '.join(missing)} ({folder})"
    if program.target not in ("all", ".".join(version.split(".")[:2])):
        return f"the test asks for Kamailio {program.target}, here is {version}"
    for line in program.listens:
        for sock in line.sockets:
            host = sock.hosts[0]
            if ":" in host or not is_address(host) or host.startswith("0."):
                return f"the config listens at {host}: only IPv4 addresses have a place on loopback"
    return ""


# -- the network ----------------------------------------------------------------------------------------------------
class RealNetwork(Network):
    """The wires are sockets: one UDP socket for each party, TCP connections as they are needed."""

    def __init__(self, timers: Timers, daemon: Daemon) -> None:
        super().__init__(timers)
        self.daemon = daemon
        self._udp: dict[Address, socket.socket] = {}
        self._servers: set[Address] = set()
        self._streams: dict[tuple[Address, Address], _Connection] = {}
        self._accepting: set[Address] = set()

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
            if where not in self._udp:
                came = self._came
                self._udp[where] = self.daemon.listen(where, lambda data, source: came("udp", data, source, where))
        else:
            self._accept(where)

    def _came(self, proto: str, data: bytes, source: tuple[str, int], target: Address) -> None:
        self._queue.append(Wire(self.timers.now, proto, Address(*source), target, data.decode("latin-1")))

    def send(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Send it at once."""
        wire = Wire(self.timers.now, proto, source, target, text)
        if target not in self.parties:
            self.unreachable.append(wire)
            return
        if target in self._servers:
            self.delivered.append(wire)
        data = self.daemon.names.outward(text.encode("latin-1"))
        if proto == "udp":
            self._udp[source].sendto(data, self.daemon.names.place(target))
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


class _Nobody:
    """The daemon's seat: what is sent there goes through sockets."""

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Never called."""


class _Credentials(Credentials):
    """Digests over the addresses that the daemon sees."""

    def __init__(self, names: Loopback, username: str, password: str) -> None:
        super().__init__(username, password)
        self._names = names

    def _authorize(self, challenge: Challenge, method: str, uri: str, body: str) -> str:
        out = self._names.out
        challenge.realm = out(challenge.realm)
        return super()._authorize(challenge, method, out(uri), out(body))


# -- the database ---------------------------------------------------------------------------------------------------
@cache
def _empty_database() -> bytes:
    """An SQLite database with all of Kamailio's tables."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        for path in sorted(SCHEMA.glob("*-create.sql"), key=lambda path: (path.name != "standard-create.sql", path)):
            with contextlib.suppress(sqlite3.Error):
                database.executescript(path.read_text("utf-8"))
        return database.serialize()


class _Database(SqlDatabase):
    """A database of the daemon, with the test's addresses in it."""

    def __init__(self, path: Path, names: Loopback) -> None:
        super().__init__(parse_url(f"sqlite:///{path}"), lambda level, text: None)
        self._names = names

    def _write(self, value: Any) -> Any:
        return super()._write(self._names.out(value) if isinstance(value, str) else value)

    def _reader(self, declared: str) -> Callable[[Any], Any]:
        read, back = super()._reader(declared), self._names.back

        def inward(value: Any) -> Any:
            cell = read(value)
            return back(cell) if isinstance(cell, str) else cell

        return inward


# -- the lab --------------------------------------------------------------------------------------------------------
class RealLab(Lab):
    """A started Kamailio with the lab's phones around it; the options are Lab's.

    Raises NotOnReal for what cannot be had here, ConfigError where kamscript would refuse the config, and Refused
    (kamscript.lab.daemon) where Kamailio does.
    """

    wait_limit = WAIT

    def __init__(
        self,
        config: str | Path | None = None,
        *,
        text: str | None = None,
        defines: Mapping[str, str] | Sequence[str] = (),
        params: Params | None = None,
        include: Sequence[str | Path] = (),
        target: str | None = None,
        hosts: Mapping[str, str | list[str]] | None = None,
        files: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        seed: int = 1,
        start: float | str | datetime = EPOCH,
        leaks: str = "check",
        **lab_only: Any,
    ) -> None:
        for name, value in {**lab_only, "hosts": hosts}.items():
            if value and not (name == "doubles" and value == "strict"):
                raise NotOnReal(f"Lab({name}=...) is the lab's alone")
        if moment(start) != EPOCH:
            raise NotOnReal("Lab(start=...): the clock of the real Kamailio is the wall's")
        self.text = text
        if text is not None:
            program = load_text(text, defines=defines, target=target, files=files)
        elif config is not None:
            program = load(config, defines=defines, target=target, include=include)
        else:
            raise TypeError("Lab needs a config path or a text")
        if params:
            from kamscript.lab.variants import with_params

            program = with_params(program, params)
        reason = why_not(program)
        if reason:
            raise NotOnReal(reason)
        self.program = program
        self.seed = seed
        self.resolver = LabResolver(None)
        self.phones = {}
        self.streams = {}
        self.at_end = []
        self.soon = []
        self._serial = self._connections = 0
        self._ended = None
        self._stopped = self._running = self._stream_phones = False
        self.waited = 0.0
        self._database_paths: dict[str, Path] = {}
        self._opened: dict[str, _Database] = {}
        self._log = Log(lambda: (self.timers.now, len(self.network.delivered)))
        self._read_to = 0  #: how much of the daemon's log is in ours; its last entry may go on
        self._complete = self._last = 0  #: lines of ours that are whole; where the last entry begins
        self._booted = 0  #: what the log says before that place is how it started
        reference = self._reference(files, environ)
        self._sockets = reference.sockets
        self._domain = reference.domain
        self._base = time.time() - time.monotonic()
        self.timers = Timers(self._clock())
        self.names = Loopback()
        self.daemon = Daemon(self.names, [(one.address, one.port) for one in self._sockets if one.proto == "udp"])
        self.network: RealNetwork = RealNetwork(self.timers, self.daemon)
        for one in self._sockets:
            self.network.seat_server(Address(one.address, one.port))
        for observer in observers:
            observer(self)
        try:
            self._start(files or {}, params or {}, defines, environ)
        except TooManyNetworks as error:
            raise NotOnReal(str(error)) from None
        finally:
            if self.daemon.closed:
                self.names.close()
        self._booted = len(self.daemon.stderr)
        self.timers.fire(self._clock())
        self.network.started = self.timers.now

    def _reference(self, files: Mapping[str, str] | None, environ: Mapping[str, str] | None) -> Server:
        """A server that is only set up: where the config listens and what its domain is."""
        from kamscript.stores import memory_databases

        environment = Environment(
            now=moment(EPOCH),
            chance=seeded(1),
            resolver=self.resolver,
            files=LabFiles(files),
            log=lambda record: None,
            database=memory_databases(lambda level, text: None),
            environ=dict(environ or {}),
        )
        program = self.program
        server = Server(program, environment, target=program.target, modules=module_classes(program.modules))
        errors = server.set_up()
        if errors:
            raise ConfigError(errors)
        return server

    # -- the config

    def _start(
        self, files: Mapping[str, str], params: Params, defines: Mapping[str, str] | Sequence[str],
        environ: Mapping[str, str] | None,
    ) -> None:  # fmt: skip
        from kamscript.loader import defines_of

        daemon = self.daemon
        sources, moved = self._sources(files)
        main = next(iter(sources))
        for name, text in sources.items():
            changed = self._for_loopback(text, params)
            if name == main:
                changed = f"{changed.rstrip(chr(10))}\n{self._added(params)}"
            for known, path in moved.items():
                changed = changed.replace(known, str(path))
            daemon.write(name, changed.encode("latin-1"))
        arguments = ["-w", str(daemon.folder)]
        for name, value in defines_of(defines).items():
            arguments += ["-A", f"{name}={self.names.out(value)}" if value else name]
        if not self.program.listens:
            for one in self._sockets:
                ip, port = self.names.place((one.address, one.port))
                arguments += ["-l", f"{one.proto}:{ip}:{port}"]
        daemon.start(daemon.folder / main, arguments, environ)

    def _sources(self, files: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Path]]:
        """The config's files by their names in the daemon's folder, the main one first; where absolute names went."""
        sources: dict[str, str] = {}
        moved: dict[str, Path] = {}
        if self.text is not None:
            sources["kamailio.cfg"] = self.text
        else:
            root = os.path.dirname(os.path.abspath(self.program.path))
            for source in self.program.sources:
                path = os.path.abspath(source)
                name = os.path.relpath(path, root)
                name = os.path.basename(path) if name.startswith("..") else name
                sources[name] = Path(path).read_bytes().decode("latin-1")
                moved[path] = self.daemon.folder / name
        for known, text in files.items():
            name = known.lstrip("/")
            sources[name] = text
            if known.startswith("/"):
                moved[known] = self.daemon.folder / name
        return sources, moved

    def _for_loopback(self, text: str, params: Params) -> str:
        """A file of the config without what belongs to a production machine; lines keep their numbers."""
        text = _CONTROL.sub("", _DROPPED.sub("", text))
        text = _MPATH.sub(lambda found: found[0] if Path(found[1].partition(":")[0]).is_dir() else "", text)
        text = _URL.sub(lambda found: f"sqlite:///{self._database_path(found[0])}", _DRIVER.sub("db_sqlite.so", text))
        text = re.sub(r"/(?:var/)?run/kamailio(?=/)", str(self.daemon.folder), text)
        for module, values in params.items():
            for name in values:
                line = rf"""(?m)^[ \t]*modparamx?\(\s*["']{module}["']\s*,\s*["']{name}["'][^\n]*"""
                if module == "core":
                    line = rf"(?m)^[ \t]*{name}[ \t]*=[^\n]*"
                text = re.sub(line, "", text)
        return text

    def _added(self, params: Params) -> str:
        """What stands behind the config: the way for RPC, and parameters that the test sets."""
        lines = [] if "ctl" in self.program.modules else ['loadmodule "ctl.so"']
        lines.append(f'modparam("ctl", "binrpc", "unix:{self.daemon.folder}/ctl")')
        if any(item.name == "debug" and _below(item.value) for item in self.program.settings):
            lines.append("debug=-1")  # else nobody hears of the marks
        for module, values in params.items():
            for name, value in values.items():
                for one in value if isinstance(value, list) else [value]:
                    shown = str(int(one)) if isinstance(one, int) else f'"{one}"'
                    head = f"{name} = " if module == "core" else f'modparam("{module}", "{name}", '
                    lines.append(f"{head}{shown}{'' if module == 'core' else ')'}")
        return "".join(f"{line}\n" for line in lines)

    def _database_path(self, url: str) -> Path:
        path = self._database_paths.get(url)
        if path is None:
            path = self._database_paths[url] = self.daemon.folder / f"{len(self._database_paths) + 1}.db"
            path.write_bytes(_empty_database())
        return path

    # -- the end of a test

    def verify(self) -> None:
        """The test is over: what it expected has happened. What is left on the daemon goes with it."""
        self._ended = self.now
        for check in self.at_end:
            check()

    def expect_left(self, **counts: int) -> None:
        """Nothing to do: the lab's own run counts."""

    def close(self) -> None:
        """End the daemon."""
        if not self._stopped:
            self._read_log()
            self._stopped = True
            for database in self._opened.values():
                database.close()
            self.daemon.close()
            self.names.close()

    # -- time

    def _clock(self) -> float:
        return self._base + time.monotonic()

    def run(self) -> None:
        """Deliver everything under way until the daemon has dealt with it."""
        if self._running:
            return
        self._running = True
        try:
            self.timers.fire(self._clock())
            while self.network.step():
                self.timers.fire(self._clock())
                self._read_log()
        finally:
            self._running = False

    def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0,
        to: float | str | datetime | None = None,
    ) -> None:  # fmt: skip
        """Really wait. Raises NotOnReal for more than `wait_limit` seconds, all together."""
        if to is not None:
            raise NotOnReal("advance(to=...): the clock of the real Kamailio is the wall's")
        seconds += 60 * minutes + 3600 * hours + 86400 * days
        if seconds < 0:
            raise ValueError("time only goes forward")
        self.run()
        if seconds:
            self._spend(seconds)
            self._pass(seconds + SLACK, lambda: False)
        self.run()

    def _spend(self, seconds: float) -> None:
        self.waited += seconds
        if self.waited > self.wait_limit:
            raise NotOnReal(too_long(self.waited, self.wait_limit))

    def _pass(self, seconds: float, enough: Callable[[], object]) -> bool:
        """Let so many seconds pass, or until it is enough."""
        until = self._clock() + seconds
        while not enough():
            left = until - self._clock()
            if left <= 0:
                return False
            deadline = self.timers.next_deadline()
            if deadline is not None:
                left = min(left, max(0.0, deadline - self._clock()))
            self.daemon.pump(left)
            self.timers.fire(self._clock())
            self.network.deliver()
        return True

    def wait(self, condition: Callable[[], Any], timeout: float = 300.0) -> Any:
        """Wait until `condition()` holds; raises AssertionError when it does not in time."""
        self.run()
        started = self._clock()
        most = min(timeout, self.wait_limit - self.waited) + 2 * SLACK
        if not self._pass(most, condition):
            from kamscript.lab.pending import source_of

            what = source_of(condition)
            raise AssertionError(
                f"it did not happen on Kamailio within {most:.1f} seconds{f': {what}' if what else ''}\n{self.story()}"
            )
        self.waited += self._clock() - started
        return condition()

    def wait_for(self, search: Callable[[], Any], within: float, over: Callable[[], Any] | None = None) -> str:
        """Wait until `search()` finds something or it is over; why it ended otherwise."""
        self.run()
        started = self._clock()
        most = min(within, self.wait_limit - self.waited) + 2 * SLACK
        found = self._pass(most, lambda: search() or (over is not None and over()))
        self.run()
        self.waited += self._clock() - started
        return "" if found else f"it did not on Kamailio within {most:.1f} s"

    def step(self, limit: float) -> bool:
        """Nobody knows the next deadline of a real daemon."""
        raise NotOnReal("lab.step() turns the lab's clock")

    def next_deadline(self) -> float | None:
        """The phones' next deadline: of the daemon's nobody knows."""
        return self.timers.next_deadline()

    # -- the network

    def flush(self) -> None:
        """Nothing to do: the daemon sends by itself."""

    def phone(self, user: str, *where: Any, **options: Any) -> Phone:
        """A phone on a socket of its own; see Lab.phone."""
        proto = options.get("proto", "udp")
        if proto not in ("udp", "tcp"):
            raise NotOnReal(f"a phone that speaks {proto}: on Kamailio there are udp and tcp")
        phone = super().phone(user, *where, **options)
        if phone.credentials is not None:
            phone.credentials = _Credentials(self.names, phone.credentials.username, phone.credentials.password)
        return phone

    def server_address(self, proto: str = "udp") -> Address:
        """Where the daemon listens first for a protocol."""
        found = next((one for one in self._sockets if one.proto == proto), None)
        if found is None:
            raise AssertionError(f"the config listens on no {proto} socket")
        return Address(found.address, found.port)

    @property
    def domain(self) -> str:
        """The config's first alias, else its first listen address."""
        return self._domain

    def link(self, *args: Any, **options: Any) -> NoReturn:
        """Loopback has no faults."""
        raise NotOnReal("lab.link(): the faults of the lab's network")

    def connect(self, source: str | tuple[str, int] = "") -> Stream:
        """A stream of the lab."""
        raise NotOnReal("lab.connect(): a stream of the lab's own")

    def http(self, method: str, url: str, body: str = "", headers: Sequence[str] = ()) -> HttpReply:
        """A stream of the lab."""
        raise NotOnReal("lab.http(): a stream of the lab's own")

    # -- the daemon

    def rpc(self, command: str, *arguments: str | int | float) -> Any:
        """Run an RPC command through module ctl. Raises RpcFault."""
        self.run()
        real = [self.names.out(one) if isinstance(one, str) else one for one in arguments]
        try:
            values = decode_reply(self.daemon.control(encode_request(command, real)))
        except RpcFault as fault:
            raise RpcFault(fault.code, self.names.back(fault.text)) from None
        answer = [_strings(to_json(value), self.names.back) for value in values]
        self.run()
        return answer[0] if len(answer) == 1 else answer

    @property
    def log(self) -> Log:  # type: ignore[override]
        """What the daemon logged, without what it says about the marks."""
        self._read_log()
        return self._log

    def _read_log(self) -> None:
        """Take over what the daemon logged since the last time."""
        if self._stopped or len(self.daemon.stderr) == self._read_to:
            return
        records = self.daemon.records(self._last)
        self._log.cut(self._complete)
        for place, level, text in records:
            self._complete = len(self._log)
            self._last = place
            found = _ORIGIN.match(text)
            if not (found and found[1]) and (place < self._booted or _OF_MARKS.search(text)):
                continue
            origin = (found[1] or found[2]) if found else "<script>"
            self._log.append(LogRecord(_NUMBERS.get(level, 2), origin, text[found.end() :] if found else text))
        self._read_to = len(self.daemon.stderr)

    def database(self, url: str) -> Any:
        """The SQLite file in the place of a database of the config. Raises NotOnReal for a URL that is not in it."""
        path = self._database_paths.get(url)
        if path is None:
            raise NotOnReal(f"lab.database({url!r}): the config does not name it")
        if url not in self._opened:
            self._opened[url] = _Database(path, self.names)
        return self._opened[url]

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotOnReal(f"lab.{name} is the lab's alone")

    @property
    def messages(self) -> Messages:
        """The messages that the daemon sent so far. Snapshots are of the lab alone: there are times in them."""
        from kamscript.lab.snapshots import Messages

        class Sent(Messages):
            __hash__ = None  # type: ignore[assignment]

            def render(self, normaliser: Normaliser) -> str:
                raise NotOnReal("a snapshot is of the lab's own run")

        return Sent(self, self.exchanges())

    def snapshot(self, *, messages: bool = True, log: bool = False, rows: Sequence[str] = ()) -> Recording:
        """Snapshots are of the lab alone."""
        raise NotOnReal("a snapshot is of the lab's own run")

    def double(self, *args: Any, **options: Any) -> NoReturn:
        """The daemon's functions are its own."""
        raise NotOnReal("lab.double(): the functions of the real Kamailio are its own")

    def route(self, *args: Any, **options: Any) -> NoReturn:
        """The daemon runs whole messages."""
        raise NotOnReal("lab.route(): the real Kamailio runs no route alone")


def too_long(seconds: float, limit: float) -> str:
    """The reason for a test that takes too much time."""
    return f"it lets {seconds:g} s pass; on the real Kamailio at most {limit:g} s are waited (--kam-real-wait)"


def _below(value: object) -> bool:
    try:
        return int(str(getattr(value, "value", value))) < -1
    except ValueError:
        return False


def _strings(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_strings(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _strings(item, change) for name, item in value.items()}
    return value


__all__ = ["NotOnReal", "RealLab", "Refused", "why_not"]
