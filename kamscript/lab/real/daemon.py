"""A real `kamailio` on loopback: started with a config, spoken to over sockets, ended by its process group.

What the caller says and what the daemon sees need not be the same: `Names` puts the daemon's addresses or ports into
whatever goes out (its config too) and takes them out of whatever comes back (messages, log, RPC answers).

Nothing waits for a fixed time. Readiness and "all dealt with" are seen by a datagram that is no SIP: the one worker
process of a socket complains about it on stderr after it finished everything that came before.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

BINARY = shutil.which("kamailio") or "/usr/sbin/kamailio"
#: The start of a line of the log. Some messages of the code end without a line end, so it can stand within a line.
RECORD = re.compile(r"(?:^ ?| )\d+\(\d+\) ([A-Za-z]+): ", re.MULTILINE)
_PARSE_ERROR = re.compile(r"parse error in config file \S+, (?:from )?line (\d+)")
_MARK = b"this is no SIP message, it marks a place %d\r\n\r\n"
_MOST = 65536

Address = tuple[str, int]


class Refused(Exception):
    """The daemon does not start with this config; `lines` are the lines it complains about."""

    def __init__(self, text: str, lines: Iterable[int] = ()) -> None:
        super().__init__(text)
        self.lines = set(lines)


class Names(Protocol):
    """What the caller's addresses are called on this machine."""

    def outward(self, data: bytes) -> bytes:
        """A text of the caller's as the daemon gets it."""

    def inward(self, data: bytes) -> bytes:
        """A text of the daemon's as the caller gets it."""

    def place(self, address: Address) -> Address:
        """The real address behind one of the caller's."""

    def seen(self, address: Address) -> Address:
        """The caller's name of a real address."""


@cache
def modules_folder() -> Path | None:
    """Where the installed Kamailio looks for its modules; None when there is no Kamailio."""
    try:
        told = subprocess.run([BINARY, "-h"], capture_output=True, text=True, timeout=10, check=False).stdout
    except OSError:
        return None
    found = re.search(r"-L path\s.*?\(default:\s*([^)\s]+)\)", told, re.DOTALL)
    return Path(found[1].partition(":")[0]) if found else None


@cache
def version() -> str:
    """The installed Kamailio's version, "5.6.3"; empty when there is none."""
    try:
        told = subprocess.run([BINARY, "-v"], capture_output=True, text=True, timeout=10, check=False).stdout
    except OSError:
        return ""
    found = re.search(r"version: kamailio (\S+)", told)
    return found[1] if found else ""


class Daemon:
    """A Kamailio with one worker for each UDP socket.

    `folder` is its own, and gone with it: whoever starts it writes the config there (`write`), then calls `start`.
    `ports` are the UDP addresses that it listens at, as the caller calls them; the first one gets the marks.
    """

    patience = 15.0
    """Seconds after which a daemon that says nothing is given up."""

    def __init__(self, names: Names, ports: Sequence[Address]) -> None:
        self.names, self.ports = names, list(ports)
        self.folder = Path(tempfile.mkdtemp(prefix="kamscript-real-"))
        self.stderr = b""
        self._probes = 0
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._sentinel: socket.socket | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._command: list[str] = []
        self._environ: dict[str, str] = {}
        # Also when nobody closes it: no process stays behind.
        self._end = weakref.finalize(self, _end, self._processes, self._sockets, self.folder)

    # -- its life

    def write(self, name: str, text: bytes) -> Path:
        """Write a file into the daemon's folder, with the daemon's names in it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.names.outward(text))
        return path

    def start(self, config: Path, arguments: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it answers. Raises Refused, TimeoutError; closes it then.

        `arguments` are added to the command line, `environ` to its environment.
        """
        self._command = [BINARY, "-DD", "-E", "-f", str(config), "-m", "64", "-M", "8", "-n", "1", "-a", "no"]
        self._command += ["-Y", str(self.folder), "-P", str(self.folder / "pid"), *arguments]
        self._environ = {**os.environ, "TZ": "UTC", **(environ or {})}
        try:
            if self._sentinel is None:
                self.mark_from(("127.0.0.1", 0))
            self._launch()
            self._settle(starting=True)
        except BaseException:
            self.close()
            raise

    def mark_from(self, address: Address) -> None:
        """Send the marks from this real address."""
        self._sentinel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets.append(self._sentinel)
        self._sentinel.bind(address)

    def _launch(self) -> None:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=self._environ,
        )
        self._processes.append(process)
        assert process.stderr is not None
        os.set_blocking(process.stderr.fileno(), False)
        self._selector.register(process.stderr, selectors.EVENT_READ, self._read_stderr)

    def _read_stderr(self) -> None:
        stderr = self._processes[-1].stderr
        assert stderr is not None
        data = os.read(stderr.fileno(), 1 << 20)
        if not data:
            self._selector.unregister(stderr)
        self.stderr += data

    def restart(self, *, kill: bool) -> None:
        """End the daemon, as it wants to be ended or without warning, and start it again."""
        process = self._processes.pop()
        if not kill:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        _kill(process)
        assert process.stderr is not None
        os.set_blocking(process.stderr.fileno(), True)  # until the last child is gone
        while data := os.read(process.stderr.fileno(), 1 << 20):
            self.stderr += data
        with contextlib.suppress(KeyError):
            self._selector.unregister(process.stderr)
        process.stderr.close()
        self._launch()
        self._settle(starting=True)

    def close(self) -> None:
        """End every process of this daemon and free its ports."""
        self._end()
        self._selector.close()

    @property
    def closed(self) -> bool:
        """Whether it was ended."""
        return not self._end.alive

    # -- sockets

    def listen(self, address: Address, received: Callable[[bytes, Address], object]) -> socket.socket:
        """Bind a UDP socket at one of the caller's addresses; `received` gets what comes, in the caller's names."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.setblocking(False)
        sock.bind(self.names.place(address))
        names = self.names

        def read() -> None:
            while True:
                try:
                    data, source = sock.recvfrom(_MOST)
                except BlockingIOError:
                    return
                except ConnectionRefusedError:  # what became of something sent from here
                    continue
                received(names.inward(data), names.seen(source))

        self.watch(sock, read)
        return sock

    def watch(self, sock: socket.socket, readable: Callable[[], object]) -> None:
        """Call back whenever there is something to read; the socket is closed with the daemon."""
        if sock not in self._sockets:
            self._sockets.append(sock)
        self._selector.register(sock, selectors.EVENT_READ, readable)

    def unwatch(self, sock: socket.socket) -> None:
        """Close a socket that was watched."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(sock)
        sock.close()
        self._sockets.remove(sock)

    def pump(self, timeout: float) -> bool:
        """Wait for the next thing to read and read it; False when nothing came in time."""
        found = self._selector.select(timeout)
        for key, _ in found:
            key.data()
        return bool(found)

    # -- what it does

    def settle(self) -> None:
        """Wait until its workers have reached a datagram sent now; what they sent before that has been read then."""
        self._settle()
        self.pump(0)

    def _settle(self, starting: bool = False) -> None:
        process = self._processes[-1]
        assert self._sentinel is not None
        for port in self.ports:
            self._probes += 1
            mark, probe = b"place %d\r\n" % self._probes, _MARK % self._probes
            deadline = time.monotonic() + self.patience
            sent = False
            # The complaint is among the newest of the log.
            place = max(0, len(self.stderr) - 64)
            while mark not in self.stderr[place:]:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the daemon does not answer:\n{self.text()[-2000:]}")
                if process.poll() is not None:
                    self.pump(0.05)
                    text = self.text()
                    raise Refused(text, map(int, _PARSE_ERROR.findall(text)))
                if not sent or starting:
                    # Before the daemon has bound its port a datagram is lost.
                    with contextlib.suppress(ConnectionRefusedError):
                        self._sentinel.sendto(probe, self.names.place(port))
                    sent = True
                self.pump(0.005 if starting else 1.0)

    def control(self, packet: bytes, path: Path | None = None) -> bytes:
        """Send a packet to module ctl (`ctl` in the daemon's folder) and return the answer; raises OSError."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(str(path or self.folder / "ctl"))
            connection.sendall(packet)
            data = b""
            while not _whole(data):
                more = connection.recv(_MOST)
                if not more:
                    raise ConnectionError(f"the answer ends after {len(data)} bytes")
                data += more
            return data

    def text(self) -> str:
        """Its log so far, in the caller's names, without its own folder."""
        return self._shown(self.stderr.decode("latin-1"))

    def records(self, start: int = 0) -> list[tuple[int, str, str]]:
        """The log's entries from a place on: (place, level, text), the end of line included.

        An entry may hold several lines, so the last one may go on.
        """
        raw = self.stderr[start:].decode("latin-1")
        marks = [*RECORD.finditer(raw)]
        ends = [*(mark.start() for mark in marks[1:]), len(raw)]
        return [
            (start + mark.start(), mark[1], self._shown(raw[mark.end() : end]))
            for mark, end in zip(marks, ends, strict=True)
        ]

    def _shown(self, text: str) -> str:
        return self.names.inward(text.replace(f"{self.folder}/", "").encode("latin-1")).decode("latin-1")


def _whole(data: bytes) -> bool:
    """Whether this is a whole packet of the binary RPC protocol: its header tells its length."""
    if len(data) < 2:
        return False
    sizes = (data[1] >> 2 & 3) + 1
    start = 2 + sizes + (data[1] & 3) + 1
    return len(data) >= start + int.from_bytes(data[2 : 2 + sizes], "big")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end(processes: list[subprocess.Popen[bytes]], sockets: list[socket.socket], folder: Path) -> None:
    for process in processes:
        _kill(process)
        if process.stderr:
            process.stderr.close()
    for sock in sockets:
        sock.close()
    shutil.rmtree(folder, ignore_errors=True)
