"""Ask the started daemon and `kamscript check` about one config: would it start, and which line is to blame?"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from kamscript.source import MemoryReader
from kamscript.tools.examine import examine

from ..verdicts.judge import Verdict, blocks, kamailio

__all__ = ["CASES", "Verdict", "blocks", "daemon", "kamscript", "lines", "with_parameter", "with_statement"]

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

    What `kamailio -c` refuses is not started.

    An event route is added behind the text, on a line of its own; without `listen` it gets one on loopback.
    """
    with tempfile.TemporaryDirectory(prefix="kamscript-check-") as folder:
        path = Path(folder) / "kamailio.cfg"
        path.write_bytes(text.encode("latin-1"))
        verdict = kamailio(path)
        if not verdict.accepted:
            return verdict
        path.write_bytes((text.rstrip() + _marked(text)).encode("latin-1"))
        command = [
            "kamailio",
            "-DD",
            "-E",
            "-f",
            str(path),
            "-m",
            "64",
            "-M",
            "8",
            "-n",
            "1",
            "-a",
            "no",
            "-L",
            MODULES,
        ]
        command += ["-Y", folder, "-w", folder, "-P", f"{folder}/pid"]
        if not re.search(r"(?m)^\s*(listen|bind)\s*=", text):
            command += ["-l", f"udp:127.0.0.1:{_PORT}"]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "TZ": "UTC"},
        )
        try:
            said = _said(process, time.monotonic() + patience)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stderr is not None
            process.stderr.close()
    if _UP in said:
        return Verdict(True)
    complaints = [line for line in said.splitlines() if re.search("ERROR|CRITICAL|BUG", line)]
    places = [int(n) for line in complaints for n in _PLACE.findall(line)]
    places += [int(n) for line in complaints for both in _LINE.findall(line) for n in both if n]
    return Verdict(False, places[0] if places else 0, "\n".join(complaints[:6]))


def _marked(text: str) -> str:
    load = "" if "xlog.so" in text else 'loadmodule "xlog.so" '
    return f'\n{load}event_route[core:worker-one-init] {{ xlog("L_ALERT", "{_UP}\\n"); }}\n'


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
    reader = MemoryReader({"kamailio.cfg": text}, {"PATH": os.environ.get("PATH", "")})
    found = [finding for finding in examine("kamailio.cfg", reader, target=target) if finding.severity == "error"]
    if not found:
        return Verdict(True)
    return Verdict(False, found[0].kamailio_line, "\n".join(finding.render() for finding in found[:3]))


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
