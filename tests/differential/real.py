"""A case on the real daemon, over loopback.

The daemon gets a block of ten ports of its own (2120x to 2129x); whatever text goes in has 2120x replaced by the
block's numbers, and whatever comes out the other way round. Nothing waits for a fixed time: readiness and "all dealt
with" are seen by a datagram that is no SIP, sent from a known port, because the one worker process complains about it
on stderr after it finished everything before.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from . import binrpc
from .case import KAMAILIO, PING, Address, Refused, cut

BINARY = shutil.which("kamailio") or "/usr/sbin/kamailio"
SCHEMA = Path("/usr/share/kamailio/db_sqlite")
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
# Some messages of the code end without a line end.
_RECORD = re.compile(r"(?:^ ?| )\d+\(\d+\) ([A-Za-z]+): ", re.MULTILINE)
_OF_THE_CODE = re.compile(r"[^\n]*?[\w>] \[[\w./-]+:\d+\]: ")
_SENTINEL: Address = ("127.0.0.19", 21200)


class Real:
    """Kamailio 5.6 with one UDP worker; see `case.World` for the calls. The config's path reads `kamailio.cfg`."""

    patience = 15.0
    """Seconds after which a daemon that says nothing is given up."""

    def __init__(self, config: str) -> None:
        self._block, self._claim = _claim_block()
        self._dir = Path(tempfile.mkdtemp(prefix="kamscript-differential-"))
        self._sockets: dict[Address, socket.socket] = {}
        self._queues: dict[Address, list[bytes]] = {}
        self._stderr = b""
        self._probes = 0
        self._peers: dict[bytes, bytes] = {}  #: ports of connections, as the case sees them
        self._selector = selectors.DefaultSelector()
        text = config.rstrip("\n") + "\n"
        text += "" if '"ctl.so"' in config else 'loadmodule "ctl.so"\n'
        text += f'modparam("ctl", "binrpc", "unix:{self._dir}/ctl")\n'
        if "sqlite:///DATABASE" in text:
            text = text.replace("sqlite:///DATABASE", f"sqlite:///{self._database}")
            with contextlib.closing(sqlite3.connect(self._database)) as database:
                for name in ("standard", "dialog"):
                    database.executescript((SCHEMA / f"{name}-create.sql").read_text())
        path = self._dir / "kamailio.cfg"
        path.write_bytes(self._outward(text.encode("latin-1")))
        command = [BINARY, "-DD", "-E", "-f", str(path), "-m", "64", "-M", "8", "-L", MODULES, "-n", "1", "-a", "no"]
        command += ["-Y", str(self._dir), "-P", str(self._dir / "pid")]
        if not re.search(r"(?m)^\s*listen\s*=", config):
            command += ["-T", "-l", f"udp:{KAMAILIO[0]}:{self._outward(b'21200').decode()}"]
        self._command = command
        self._launch()
        try:
            self.open(_SENTINEL)
            self._settle(starting=True)
        except BaseException:
            self.close()
            raise

    @property
    def _database(self) -> Path:
        return self._dir / "k.db"

    def _launch(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "TZ": "UTC"},
        )
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        self._selector.register(self._process.stderr, selectors.EVENT_READ, None)

    def _outward(self, data: bytes) -> bytes:
        return re.sub(rb"(?<!\d)2120(\d)(?!\d)", rb"212%d\1" % self._block, data)

    def _inward(self, data: bytes) -> bytes:
        for port, shown in self._peers.items():
            data = re.sub(rb"(?<!\d)%s(?!\d)" % port, shown, data)
        return re.sub(rb"(?<!\d)212%d(\d)(?!\d)" % self._block, rb"2120\1", data)

    def open(self, address: Address) -> None:
        """Bind a UDP socket."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((address[0], int(self._outward(str(address[1]).encode()))))
        self._sockets[address] = sock
        self._queues[address] = []
        self._selector.register(sock, selectors.EVENT_READ, address)

    def send(self, source: Address, data: bytes) -> None:
        """Send a datagram to the daemon's port."""
        port = int(self._outward(b"21200"))
        self._sockets[source].sendto(self._outward(data), (KAMAILIO[0], port))

    def talk(self, source: Address, data: bytes) -> tuple[list[bytes], bool]:
        """Connect, send, and read until the keep-alive is answered or the daemon hangs up."""
        port = int(self._outward(b"21200"))
        with socket.create_connection((KAMAILIO[0], port), self.patience, (source[0], 0)) as stream:
            self._peers[b"%d" % stream.getsockname()[1]] = b"%d" % (40001 + len(self._peers))
            stream.sendall(self._outward(data))
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
        return [self._inward(message) for message in messages], closed

    def _pump(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                assert self._process.stderr is not None
                data = os.read(self._process.stderr.fileno(), 1 << 20)
                if not data:
                    self._selector.unregister(key.fileobj)
                self._stderr += data
            else:
                with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                    self._queues[key.data].append(self._inward(self._sockets[key.data].recv(65536)))

    def receive(self, address: Address, timeout: float) -> bytes | None:
        """The next datagram at `address`."""
        queue = self._queues[address]
        deadline = time.monotonic() + timeout
        while not queue:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._pump(left)
        return queue.pop(0)

    def pending(self, address: Address) -> list[bytes]:
        """What came to `address` and was not received."""
        self._pump(0)
        queue = self._queues[address]
        waiting, queue[:] = list(queue), []
        return waiting

    def settle(self) -> None:
        """Wait until the worker has reached a datagram sent now."""
        self._settle()

    def _settle(self, starting: bool = False) -> None:
        self._probes += 1
        mark = b"place %d\r\n" % self._probes
        deadline = time.monotonic() + self.patience
        sent = False
        while mark not in self._stderr:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the daemon does not answer:\n{self._text()[-2000:]}")
            if self._process.poll() is not None:
                self._pump(0.05)
                text = self._text()
                raise Refused(text, map(int, re.findall(r"parse error in config file \S+, (?:from )?line (\d+)", text)))
            if not sent or starting:
                # Before the daemon has bound its port a datagram is lost.
                self.send(_SENTINEL, b"this is no SIP message, it marks a place %d\r\n\r\n" % self._probes)
                sent = True
            self._pump(0.005 if starting else 1.0)

    def advance(self, seconds: float) -> None:
        """Wait, and collect what comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._pump(left)

    def rpc(self, method: str, *args: str | int | float) -> object:
        """Run an RPC command through module ctl."""
        outward = tuple(self._outward(a.encode("latin-1")).decode("latin-1") if isinstance(a, str) else a for a in args)
        return self._strings(binrpc.call(f"{self._dir}/ctl", method, *outward))

    def _strings(self, value: object) -> object:
        if isinstance(value, str):
            return self._inward(value.encode("latin-1")).decode("latin-1")
        if isinstance(value, list):
            return [self._strings(item) for item in value]
        if isinstance(value, dict):
            return {name: self._strings(item) for name, item in value.items()}
        return value

    def _text(self) -> str:
        return self._inward(self._stderr.replace(b"%s/" % str(self._dir).encode(), b"")).decode("latin-1")

    def log(self) -> list[str]:
        """What the config logged, `LEVEL: text`, without the end of line; an entry may hold several lines."""
        self._pump(0)
        text = self._text()
        entries = []
        marks = [*_RECORD.finditer(text)]
        for index, found in enumerate(marks):
            end = marks[index + 1].start() if index + 1 < len(marks) else len(text)
            rest = text[found.end() : end]
            # What module acc logs is as good as the config's own.
            rest = re.sub(r"\Aacc \[.*?\(\): |(?<=} )acc \[.*?\(\): ", "", rest, count=1)
            if not _OF_THE_CODE.match(rest):
                entries.append(f"{found[1]}: {rest.replace('<script>: ', '', 1).removesuffix(chr(10))}")
        return entries

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        with contextlib.closing(sqlite3.connect(self._database, timeout=5)) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
        return [{name: self._strings(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118

    def restart(self, *, kill: bool) -> None:
        """End the daemon and start it again."""
        if not kill:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), True)  # until the last child is gone
        while data := os.read(self._process.stderr.fileno(), 1 << 20):
            self._stderr += data
        with contextlib.suppress(KeyError):
            self._selector.unregister(self._process.stderr)
        self._process.stderr.close()
        self._launch()
        self._settle(starting=True)

    def close(self) -> None:
        """End every process of this daemon and free its ports."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        for sock in self._sockets.values():
            sock.close()
        self._selector.close()
        self._claim.close()
        shutil.rmtree(self._dir, ignore_errors=True)


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
