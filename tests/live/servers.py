"""Servers as processes of their own: `kamscript run`, and the real daemon with the same config; SIPp between them.

Ports are those of 22000 to 22199 on 127.0.0.1, and 24300 to 24399 for the stock configuration with all its defines.
Nothing waits for a fixed time: kamscript says on standard output that it listens, and of the daemon /proc tells that
its ports are bound.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KAMAILIO = shutil.which("kamailio") or "/usr/sbin/kamailio"
KAMCMD = shutil.which("kamcmd") or "/usr/sbin/kamcmd"
SIPP = shutil.which("sipp") or "/usr/bin/sipp"
STOCK = Path("/etc/kamailio/kamailio.cfg")
PATIENCE = 15.0


def need_stock() -> Path:
    """The stock configuration; without it the test skips, or fails when REQUIRE_KAMAILIO=1."""
    if not STOCK.exists():
        missing = f"there is no {STOCK}: apt-get install kamailio"
        pytest.fail(missing) if os.environ.get("REQUIRE_KAMAILIO") == "1" else pytest.skip(missing)
    return STOCK


#: `kamailio` or `kamscript`.
Start = Callable[..., AbstractContextManager["Running"]]


class Running:
    """A server that is up. A thread reads what it logs, so that a full pipe never stops it."""

    def __init__(self, process: subprocess.Popen[bytes], directory: Path, name: str) -> None:
        self.process, self.directory, self.name = process, directory, name
        self.ctl = f"unix:{directory}/kamailio_ctl"
        self.started = ""  #: what it printed on standard output until it was up
        self._log = bytearray()
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        while data := os.read(self.process.stderr.fileno(), 65536):
            with self._more:
                self._log += data
                self._more.notify()

    def log(self) -> str:
        """Everything on standard error so far."""
        return self._log.decode("latin-1")

    def wait_for(self, text: str) -> str:
        """The log, once `text` is in it."""
        with self._more:
            assert self._more.wait_for(lambda: text in self.log(), PATIENCE), f"no {text!r}:\n{self.log()[-2000:]}"
            return self.log()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE if self.name == "kamscript" else 2)
        except subprocess.TimeoutExpired:
            # The daemon hangs when it is told to end while it starts; its processes must not outlive the test.
            os.killpg(self.process.pid, signal.SIGKILL)
            status = self.process.wait()
        self._reader.join(PATIENCE)
        return status

    def kamcmd(self, *words: str, socket: str = "") -> str:
        """What the real kamcmd prints for a command, standard error included."""
        command = [KAMCMD, "-s", socket or self.ctl, *words]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        return (done.stdout + done.stderr).decode("latin-1")


def environment() -> dict[str, str]:
    """The tests' own, with this source tree in front."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC", "KAMSCRIPT_TARGET": "5.6"}


@contextmanager
def kamscript(
    config: str | Path, directory: Path, *options: str, ports: Sequence[int] = (), stderr: bool = True
) -> Iterator[Running]:
    """`kamscript run` of a config (text, or a file), listening; `ports` are for the daemon only."""
    command = [sys.executable, "-m", "kamscript", "run", "-f", str(_file(config, directory)), "-Y", str(directory)]
    process = _start([*command, *(["-E"] if stderr else []), *options], directory)
    running = Running(process, directory, "kamscript")
    try:
        assert process.stdout is not None
        seen = b""
        deadline = time.monotonic() + PATIENCE
        while b"Aliases: " not in seen:
            ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(process.stdout.fileno(), 65536) if ready else b""
            assert data, f"it does not start:\n{running.log()[-3000:]}"
            seen += data
        running.started = seen.decode()
        yield running
    finally:
        _end(running)


@contextmanager
def kamailio(config: str | Path, directory: Path, *options: str, ports: Sequence[int] = (22000,)) -> Iterator[Running]:
    """The real daemon with a config, its UDP ports bound."""
    command = [KAMAILIO, "-DD", "-E", "-f", str(_file(config, directory)), "-m", "64", "-M", "8", "-n", "1"]
    process = _start([*command, "-Y", str(directory), "-P", str(directory / "pid"), *options], directory)
    running = Running(process, directory, "kamailio")
    try:
        for port in ports:
            wait_for_port(port, running)
        deadline = time.monotonic() + PATIENCE
        while not (directory / "kamailio_ctl").exists() and "kamailio_ctl" in str(config):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield running
    finally:
        _end(running)


def _file(config: str | Path, directory: Path) -> Path:
    if isinstance(config, Path):
        return config
    path = directory / "kamailio.cfg"
    path.write_text(config, "latin-1")
    return path


def _start(command: list[str], directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )


def _end(running: Running) -> None:
    running.stop()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.process.pid, signal.SIGKILL)
    for stream in (running.process.stdout, running.process.stderr):
        if stream is not None:
            stream.close()


def bound(port: int, proto: str = "udp") -> bool:
    """Whether something on this machine is bound to the port."""
    wanted = f":{port:04X}"
    state = "0A" if proto == "tcp" else ""
    for line in Path(f"/proc/net/{proto}").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(wanted) and (not state or fields[3] == state):
            return True
    return False


def wait_for_port(port: int, running: Running, proto: str = "udp") -> None:
    """Until the port is bound; fails when the process ends first."""
    deadline = time.monotonic() + PATIENCE
    while not bound(port, proto):
        if running.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"nothing listens on {proto} port {port}:\n{running.log()[-3000:]}")
        time.sleep(0.005)


_LOGGED = re.compile(
    r"^-{20,}[^\n]*\n(?:UDP|TCP) message (sent|received) ?[\[(](\d+)[\])]? ?bytes\)? ?:\n\n", re.MULTILINE
)


def sipp(scenario: str, directory: Path, port: int, *options: str, target: str = "") -> subprocess.Popen[bytes]:
    """Start one SIPp party for one call; its messages go to a file that `conversation` reads."""
    log = directory / f"{scenario}-{port}.log"
    log.unlink(missing_ok=True)
    command = [SIPP, "-sf", str(HERE / "sipp" / f"{scenario}.xml"), *([target] if target else []), "-i", "127.0.0.1"]
    command += ["-p", str(port), "-m", "1", "-nostdin", "-timeout", "10", "-timeout_error", "-trace_msg"]
    command += ["-message_file", str(log), "-mi", "127.0.0.1", "-cid_str", f"{scenario}-%u", *options]
    return subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a SIPp party; it must have ended well."""
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output.decode("latin-1")[-3000:]


def conversation(scenario: str, directory: Path, port: int) -> list[tuple[bool, str]]:
    """What a party sent (True) and received (False), in order."""
    text = (directory / f"{scenario}-{port}.log").read_bytes().decode("latin-1")
    found = list(_LOGGED.finditer(text))
    messages = []
    for match in found:
        messages.append((match[1] == "sent", text[match.end() : match.end() + int(match[2])]))
    return messages
