"""Ask the started daemon and `kamscript check` about one config: would it start, and which line is to blame?"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kamscript.files import FileReader
from kamscript.tools.examine import examine

from ..verdicts.judge import Verdict, blocks, kamailio

__all__ = [
    "CASES",
    "Verdict",
    "blocks",
    "daemon",
    "ends",
    "exchange",
    "kamscript",
    "lines",
    "started",
    "with_parameter",
    "with_statement",
]

_NAME = "kamailio.cfg"
CASES = Path(__file__).with_name("cases")

MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
#: Said by the first worker, which only lives when everything was accepted.
_UP = "@@ started @@"
_LINE = re.compile(r"line (\d+)|cfg:(\d+)")
#: The place of an expression, which is more exact than the line kept for its statement.
_PLACE = re.compile(r"\((\d+),\d+(?:-\d+,\d+)?\)$")
_PORT = 21800


def daemon(text: str, *, patience: float = 5.0) -> Verdict:
    """Whether the real daemon starts with this config; it is ended at once.

    What `kamailio -c` refuses is not started. An event route is added behind the text, on a line of its own; without
    `listen` it gets one on loopback.
    """
    with tempfile.TemporaryDirectory(prefix="kamscript-check-") as folder:
        path = Path(folder) / "kamailio.cfg"
        path.write_bytes(text.encode("latin-1"))
        verdict = kamailio(path)
        if not verdict.accepted:
            return verdict
        with _running(text, "", Path(folder), patience) as said:
            pass
    if _UP in said:
        return Verdict(True)
    complaints = [line for line in said.splitlines() if re.search("ERROR|CRITICAL|BUG", line)]
    places = [int(n) for line in complaints for n in _PLACE.findall(line)]
    places += [int(n) for line in complaints for both in _LINE.findall(line) for n in both if n]
    return Verdict(False, places[0] if places else 0, "\n".join(complaints[:6]))


def started(text: str, statements: str) -> str | None:
    """What the daemon logs until its first worker has run `statements`; None when it does not start."""
    with (
        tempfile.TemporaryDirectory(prefix="kamscript-check-") as folder,
        _running(text, statements, Path(folder)) as said,
    ):
        return said if _UP in said else None


def exchange(text: str, *requests: str, replies: int) -> list[str]:
    """What the daemon answers to requests; `{here}` in one is the address that the answers go to."""
    with (
        tempfile.TemporaryDirectory(prefix="kamscript-check-") as folder,
        _running(text, "", Path(folder)),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        host, port = sock.getsockname()
        here = f"{host}:{port}"
        for request in requests:
            sock.sendto(request.format(here=here).encode("latin-1"), ("127.0.0.1", _PORT))
        return [sock.recv(65536).decode("latin-1") for _ in range(replies)]


def ends(text: str, request: str, folder: Path) -> bool:
    """Whether a request ends the daemon; `{here}` in it is the address that it comes from."""
    with _running(text, "", folder), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", _PORT))
        sock.settimeout(0.1)
        host, port = sock.getsockname()
        sock.send(request.format(here=f"{host}:{port}").encode("latin-1"))
        for _ in range(20):
            try:
                sock.send(b"\r\n\r\n")
                sock.recv(65536)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                return True
    return False


@contextlib.contextmanager
def _running(text: str, statements: str, folder: Path, patience: float = 5.0) -> Iterator[str]:
    """The daemon, until the block ends, and what it logged until its first worker was there, or it gave up."""
    path = folder / "kamailio.cfg"
    path.write_bytes((text.rstrip() + _marked(text, statements)).encode("latin-1"))
    command = ["kamailio", "-DD", "-E", "-f", str(path), "-m", "64", "-M", "8", "-n", "1", "-a", "no", "-L", MODULES]
    command += ["-Y", str(folder), "-w", str(folder), "-P", str(folder / "pid")]
    if not re.search(r"(?m)^\s*(listen|bind)\s*=", text):
        command += ["-l", f"udp:127.0.0.1:{_PORT}"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A name that nobody resolves fails soon, however slow the name server is.
        env={**os.environ, "TZ": "UTC", "RES_OPTIONS": "attempts:1 timeout:1"},
    )
    try:
        yield _said(process, time.monotonic() + patience)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _marked(text: str, statements: str) -> str:
    load = "" if "xlog.so" in text else 'loadmodule "xlog.so" '
    run = "route(KAMSCRIPT); " if statements else ""
    route = f"route[KAMSCRIPT] {{ {statements} }}\n" if statements else ""
    return f'\n{load}event_route[core:worker-one-init] {{ {run}xlog("L_ALERT", "{_UP}\\n"); }}\n{route}'


def _said(process: subprocess.Popen[bytes], deadline: float) -> str:
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            for _ in selector.select(left):
                part = os.read(process.stderr.fileno(), 1 << 16)
                if not part:
                    return said.decode("latin-1")
                said += part
                if _UP.encode() in said:
                    return said.decode("latin-1")
    raise TimeoutError(f"neither started nor ended:\n{said.decode('latin-1')[-2000:]}")


def kamscript(text: str, target: str = "5.6") -> Verdict:
    """What `kamscript check` says: the first error, as Kamailio counts lines."""
    found = [finding for finding in examine(_NAME, _Disk(text), target=target) if finding.severity == "error"]
    if not found:
        return Verdict(True)
    return Verdict(False, found[0].kamailio_line, "\n".join(finding.render() for finding in found[:3]))


class _Disk(FileReader):
    """The disk and the environment, with the config in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def read(self, path: str) -> str:
        return self.text if path == _NAME else super().read(path)


def lines(path: Path) -> list[str]:
    """The cases of a file with one a line; `#` starts a comment line."""
    return [line for line in path.read_text(encoding="latin-1").splitlines() if line and line[0] != "#"]


_LOADED = (
    "jsonrpcs kex corex tm tmx sl rr pv maxfwd usrloc registrar textops textopsx siputils xlog sanity ctl cfg_rpc acc "
    "counters debugger"
)
_ROUTES = {
    "": "request_route {",
    "@failure": "request_route { exit; } failure_route[F] {",
    "@branch": "request_route { exit; } branch_route[B] {",
    "@reply": "request_route { exit; } onreply_route[R] {",
    "@onsend": "request_route { exit; } onsend_route {",
}


def _head(own_ctl: bool) -> str:
    ctl = "" if own_ctl else ' modparam("ctl", "binrpc", "unix:kamscript-check-ctl")'
    return " ".join(f'loadmodule "{name}.so"' for name in _LOADED.split()) + ctl


def with_statement(case: str) -> str:
    """The config around one statement, which stands on line 3."""
    where, _, rest = case.partition(" ") if case[0] == "@" else ("", "", case)
    return f"{_head(False)}\n{_ROUTES[where]}\n{rest}\n}}\n"


def with_parameter(case: str) -> str:
    """The config around one top-level line, which is line 2."""
    main = "" if "route {" in case else "request_route { exit; }\n"
    return f"{_head('ctl' in case)}\n{case}\n{main}"
