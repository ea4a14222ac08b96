"""A case on the real daemon, over loopback.

The daemon gets a block of ten ports of its own (2120x to 2129x); whatever text goes in has 2120x replaced by the
block's numbers, and whatever comes out the other way round. How it is started and how its end is awaited: see
`kamscript.lab.real.daemon`, which `pytest --kam-real` uses too.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kamscript.lab.real.daemon import Daemon, modules_folder
from kamscript.lab.real.daemon import Refused as NotStarted

from . import binrpc, web
from .case import KAMAILIO, PING, Address, Refused, Relay, cut

SCHEMA = Path("/usr/share/kamailio/db_sqlite")
#: The groups of tables that a database gets.
_TABLES = (
    *("standard", "dialog", "usrloc", "auth_db", "dispatcher", "htable", "rtpengine", "rtpproxy"),
    *("permissions", "alias_db", "speeddial", "domain", "presence", "siptrace", "uac"),
)
_OF_THE_CODE = re.compile(r"[^\n]*?[\w>] \[[\w./-]+:\d+\]: ")
_SENTINEL: Address = ("127.0.0.19", 21200)


class Block:
    """The names of one daemon: 2120x stands for its own ten ports."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.peers: dict[bytes, bytes] = {}  #: ports of connections, as the case sees them

    def outward(self, data: bytes) -> bytes:
        """With the block's ports."""
        return re.sub(rb"(?<!\d)2120(\d)(?!\d)", rb"212%d\1" % self.number, data)

    def inward(self, data: bytes) -> bytes:
        """With the ports of the case."""
        for port, shown in self.peers.items():
            data = re.sub(rb"(?<!\d)%s(?!\d)" % port, shown, data)
        return re.sub(rb"(?<!\d)212%d(\d)(?!\d)" % self.number, rb"2120\1", data)

    def place(self, address: Address) -> Address:
        """Where a party of the case really is."""
        return address[0], int(self.outward(str(address[1]).encode()))

    def seen(self, address: Address) -> Address:
        """Who that is in the case."""
        return address[0], int(self.inward(str(address[1]).encode()))


class Real:
    """Kamailio 5.6 with one UDP worker; see `case.World` for the calls. The config's path reads `kamailio.cfg`."""

    def __init__(
        self,
        config: str,
        relays: tuple[Relay, ...] = (),
        asked: dict[str, list[str]] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        number, self._claim = _claim_block()
        self._names = Block(number)
        self._queues: dict[Address, list[bytes]] = {}
        self._sockets: dict[Address, socket.socket] = {}
        self._daemon = daemon = Daemon(self._names, [KAMAILIO])
        for name, content in (files or {}).items():
            self.write(name, content)
        text = config.rstrip("\n") + "\n"
        text += "" if '"ctl.so"' in config else 'loadmodule "ctl.so"\n'
        text += f'modparam("ctl", "binrpc", "unix:{daemon.folder}/ctl")\n'
        if "sqlite:///DATABASE" in text:
            text = text.replace("sqlite:///DATABASE", f"sqlite:///{self._database}")
            self._database.write_bytes(_empty_database())
        arguments = ["-L", f"{modules_folder()}/"]
        if not re.search(r"(?m)^\s*listen\s*=", config):
            arguments += ["-T", "-l", f"udp:{KAMAILIO[0]}:{self._names.place(KAMAILIO)[1]}"]
        self._relays = [self._relay(relay, (asked or {})[relay.name]) for relay in relays]
        daemon.mark_from(self._names.place(_SENTINEL))
        try:
            daemon.start(daemon.write("kamailio.cfg", text.encode("latin-1")), arguments)
        except NotStarted as error:
            raise Refused(str(error), error.lines) from None
        finally:
            if daemon.closed:
                self._claim.close()
                for relay in self._relays:
                    relay.close()

    def _relay(self, relay: Relay, seen: list[str]) -> _Relaying | web.Server:
        if not relay.http:
            return _Relaying(relay, self._names, seen)
        names, answer = self._names, relay.make()

        def respond(text: str) -> str | None:
            seen.append(text)
            return answer(text)

        def inward(text: str) -> str:
            return names.inward(text.encode("latin-1")).decode("latin-1")

        def outward(text: str) -> str:
            return names.outward(text.encode("latin-1")).decode("latin-1")

        return web.Server(names.place(relay.address), respond, inward, outward)

    @property
    def _database(self) -> Path:
        return self._daemon.folder / "k.db"

    def open(self, address: Address) -> None:
        """Bind a UDP socket."""
        queue = self._queues[address] = []
        self._sockets[address] = self._daemon.listen(address, lambda data, source: queue.append(data))

    def send(self, source: Address, data: bytes) -> None:
        """Send a datagram to the daemon's port."""
        self._sockets[source].sendto(self._names.outward(data), self._names.place(KAMAILIO))

    def talk(self, source: Address, data: bytes) -> tuple[list[bytes], bool]:
        """Connect, send, and read until the keep-alive is answered or the daemon hangs up."""
        names = self._names
        with socket.create_connection(names.place(KAMAILIO), self._daemon.patience, (source[0], 0)) as stream:
            names.peers[b"%d" % stream.getsockname()[1]] = b"%d" % (40001 + len(names.peers))
            stream.sendall(names.outward(data))
            messages, rest, closed = [], b"", False
            with contextlib.suppress(ConnectionError):
                stream.sendall(PING)
            while rest != b"\r\n" and not closed:
                try:
                    more = stream.recv(65536)
                except ConnectionError:
                    more = b""
                closed = not more
                found, rest = cut(rest + more)
                messages += found
        return [names.inward(message) for message in messages], closed

    def receive(self, address: Address, timeout: float) -> bytes | None:
        """The next datagram at `address`."""
        queue = self._queues[address]
        deadline = time.monotonic() + timeout
        while not queue:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._daemon.pump(left)
        return queue.pop(0)

    def pending(self, address: Address) -> list[bytes]:
        """What came to `address` and was not received."""
        self._daemon.pump(0)
        queue = self._queues[address]
        waiting, queue[:] = list(queue), []
        return waiting

    def settle(self) -> None:
        """Wait until the worker has reached a datagram sent now."""
        self._daemon.settle()

    def advance(self, seconds: float) -> None:
        """Wait, and collect what comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._daemon.pump(left)

    def rpc(self, method: str, *args: str | int | float) -> object:
        """Run an RPC command through module ctl."""
        outward = self._names.outward
        real = tuple(outward(a.encode("latin-1")).decode("latin-1") if isinstance(a, str) else a for a in args)
        return self._strings(binrpc.decode(self._daemon.control(binrpc.encode(method, real))))

    def _strings(self, value: object) -> object:
        if isinstance(value, str):
            return self._names.inward(value.encode("latin-1")).decode("latin-1")
        if isinstance(value, list):
            return [self._strings(item) for item in value]
        if isinstance(value, dict):
            return {name: self._strings(item) for name, item in value.items()}
        return value

    def log(self) -> list[str]:
        """What the config logged, `LEVEL: text`, without the end of line; an entry may hold several lines."""
        self._daemon.pump(0)
        entries = []
        for _, level, text in self._daemon.records():
            # What module acc logs is as good as the config's own.
            rest = re.sub(r"\Aacc \[.*?\(\): |(?<=} )acc \[.*?\(\): ", "", text, count=1)
            if not _OF_THE_CODE.match(rest):
                entries.append(f"{level}: {rest.replace('<script>: ', '', 1).removesuffix(chr(10))}")
        return entries

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        with contextlib.closing(sqlite3.connect(self._database, timeout=5)) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
        return [{name: self._strings(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118

    def execute(self, sql: str) -> None:
        """Change a table."""
        outward = self._names.outward(sql.encode("latin-1")).decode("latin-1")
        with contextlib.closing(sqlite3.connect(self._database, timeout=5)) as database, database:
            database.execute("PRAGMA synchronous=OFF")  # nobody pulls the plug
            database.execute(outward)

    def write(self, name: str, text: str) -> None:
        """Write a file beside the config."""
        self._daemon.write(name, text.encode("latin-1"))

    def restart(self, *, kill: bool) -> None:
        """End the daemon and start it again."""
        self._daemon.restart(kill=kill)

    def close(self) -> None:
        """End every process of this daemon and free its ports."""
        for relay in self._relays:
            relay.close()
        self._daemon.close()
        self._claim.close()


@cache
def _empty_database() -> bytes:
    """A database file with Kamailio's tables."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        for name in _TABLES:
            database.executescript((SCHEMA / f"{name}-create.sql").read_text())
        return database.serialize()


def _claim_block() -> tuple[int, socket.socket]:
    """A number 0..9 whose ports nobody uses, and the socket that holds the claim until it is closed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for offset in range(10):
            block = (os.getpid() + offset) % 10
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                claim.bind(f"\0kamscript-differential-{block}")
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind((KAMAILIO[0], 21200 + 10 * block))
            except OSError:
                claim.close()
                continue
            return block, claim
        time.sleep(0.05)
    raise RuntimeError("no free ports between 21200 and 21299")


class _Relaying(threading.Thread):
    """A relay at work: it answers while the daemon waits, whatever this process does."""

    def __init__(self, relay: Relay, names: Block, seen: list[str]) -> None:
        super().__init__(daemon=True)
        self._names, self._answer, self._seen = names, relay.make(), seen
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(names.place(relay.address))
        self._socket.settimeout(0.05)
        self._running = True
        self.start()

    def run(self) -> None:
        while self._running:
            with contextlib.suppress(TimeoutError, ConnectionError):
                data, source = self._socket.recvfrom(65536)
                text = self._names.inward(data).decode("latin-1")
                self._seen.append(text)
                reply = self._answer(text)
                if reply is not None:
                    self._socket.sendto(self._names.outward(reply.encode("latin-1")), source)

    def close(self) -> None:
        self._running = False
        self.join()
        self._socket.close()
