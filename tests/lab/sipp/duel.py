"""One pair of scenario files, played twice: by real SIPp with `kamscript run` between, and by `kamscript sipp`.

Both get the same files, the same config and the same options, and write the same logs. What each party sends is
compared byte for byte, after process numbers and what the server makes by chance are normalised; of what it receives,
the first lines; what `<log>` wrote, and the verdict.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from kamscript.cli import main
from kamscript.lab.sipp.scenario import builtin_names
from tests.lab.sipp import stage
from tests.live.servers import SIPP, Running, bound

NEEDS_SIPP = [
    pytest.mark.sipp,
    pytest.mark.skipif(
        not shutil.which("sipp") and not Path(SIPP).exists() and not os.environ.get("REQUIRE_KAMAILIO"),
        reason="needs SIPp (apt-get install sip-tester)",
    ),
]

PARTIES = ("client", "server")
APART = 150  #: how far from a client's port its server's is
#: How many pairs of real SIPp run at once: most of the time they wait.
AT_ONCE = 6
#: Seconds after which a SIPp that waits for what never comes is ended; it counts as failed, as in the lab.
HANGS = 1.5


@dataclass(frozen=True)
class Case:
    """Two scenarios. `client` and `server` are texts, or names of SIPp's own; `options` are for both parties."""

    client: str
    server: str
    options: str = ""
    own: tuple[str, str] = ("", "")  #: options of the client's, and of the server's
    files: dict[str, str] = field(default_factory=dict)  #: what lies beside the scenarios
    logs: bool = False  #: whether what <log> wrote is compared


class Seen(NamedTuple):
    """What a party did. SIPp hears nothing any more once its last call is over."""

    code: int | None
    sent: list[str]
    received: list[str]
    log: str


class Duels:
    """Real SIPp plays all cases, some at once, against a server that runs already; `port` is its and the first one."""

    def __init__(self, cases: dict[str, Case], server: Running, port: int, folder: Path, names: list[str]) -> None:
        self.cases, self.server, self.port = cases, server, port
        self.pool = ThreadPoolExecutor(AT_ONCE)
        self.folders = {name: folder / f"case{number}" for number, name in enumerate(cases)}
        self.real: dict[str, Future[dict[str, Seen]]] = {}
        for name in names:
            self.folders[name].mkdir()
            _write(cases[name], self.folders[name])
            self.real[name] = self.pool.submit(_real, cases[name], self.folders[name], port, self.seat(name))

    def seat(self, name: str) -> int:
        """The client's port: another for each, for the server may go on sending to one that is over."""
        return self.port + 1 + [*self.cases].index(name) % (APART - 1)

    def judge(self, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Play a case in the lab, and compare."""
        real, case = self.real[name].result(), self.cases[name]
        monkeypatch.chdir(self.folders[name])
        lab = _offline(case, self.folders[name], self.port, self.seat(name), capsys)
        for party in PARTIES:
            ours, theirs = lab[party], real[party]
            received = ours.received[: len(theirs.received)]
            for what, mine, its in (
                ("sends", "\n".join(ours.sent), "\n".join(theirs.sent)),
                ("receives", "\n".join(received), "\n".join(theirs.received)),
                ("logs", ours.log if case.logs else "", theirs.log if case.logs else ""),
                ("ends with", str(theirs.code if ours.code is None else ours.code), str(theirs.code)),
            ):
                if mine != its:
                    lines = difflib.unified_diff(
                        its.splitlines(), mine.splitlines(), "SIPp", "the lab", lineterm="", n=30
                    )
                    pytest.fail(f"the {party} {what} something else\n" + "\n".join(lines), pytrace=False)

    def close(self) -> None:
        """End what still plays."""
        self.pool.shutdown(cancel_futures=True)


def config(port: int) -> str:
    """The proxy between them."""
    return f"listen=tcp:127.0.0.1:{port}\n" + stage.proxy(port, f"$sp + {APART}")


def own_text(name: str) -> str:
    """One of SIPp's own scenarios, as it prints it."""
    return subprocess.run([SIPP, "-sd", name], capture_output=True, check=False).stdout.decode("latin-1")


def taken(text: str, path: Path, port: int) -> bool:
    """Whether SIPp plays a server's scenario: it listens then, and otherwise ends at once."""
    path.write_text(text, encoding="latin-1")
    words = ["-sf", path.name, "-i", "127.0.0.1", "-p", str(port), "-m", "1", "-nostdin", "127.0.0.1:9"]
    with subprocess.Popen(
        [SIPP, *words], cwd=path.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not bound(port):
            time.sleep(0.002)
        found = process.poll() is None
        process.kill()
    return found


def _write(case: Case, folder: Path) -> None:
    for party, text in zip(PARTIES, (case.client, case.server), strict=True):
        text = own_text(text) if text in builtin_names() else text
        (folder / f"{party}.xml").write_text(text, encoding="latin-1")
    for name, text in case.files.items():
        (folder / name).write_text(text, encoding="latin-1")


def _real(case: Case, folder: Path, server: int, port: int) -> dict[str, Seen]:
    ports = {"client": port, "server": port + APART}
    started: dict[str, subprocess.Popen[bytes]] = {}
    for number in (1, 0):
        party = PARTIES[number]
        command = [SIPP, f"127.0.0.1:{server}", "-sf", f"{party}.xml", "-p", str(ports[party])]
        command += ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin", "-trace_msg", "-trace_logs", "-mp", "0"]
        command += ["-message_file", f"{party}.messages", "-log_file", f"{party}.logs"]
        command[command.index("-mp") + 1] = str(_media(port, number))
        command += [*_calls(case), *shlex.split(case.options), *shlex.split(case.own[number])]
        with (folder / f"{party}.out").open("wb") as out:
            started[party] = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        while not bound(ports[party]) and started[party].poll() is None:
            time.sleep(0.002)
    codes: dict[str, int] = {}
    for party in PARTIES:
        process = started[party]
        patience = HANGS if party == "server" and codes["client"] else 10.0
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        codes[party] = process.returncode if process.returncode >= 0 else 1
    found = {}
    for party, process in started.items():
        messages = folder / f"{party}.messages"
        assert messages.exists(), (folder / f"{party}.out").read_text("latin-1")[-2000:]
        log = folder / f"{party}.logs"
        logged = _plain(log.read_text("latin-1"), process.pid) if log.exists() else ""
        found[party] = Seen(codes[party], *_log(messages, process.pid), logged)
    return found


def _calls(case: Case) -> list[str]:
    return [] if re.search(r"(^| )-m ", case.options) else ["-m", "1"]


def _media(port: int, number: int) -> int:
    return 24000 + 8 * (2 * (port % 500) + number)


_LOGGED = re.compile(
    r"^-{20,}[^\n]*\n(?:UDP |TCP )?message (sent|received) ?[\[(](\d+)[\])]? ?bytes\)? ?:\n\n", re.MULTILINE
)


def _log(path: Path, pid: int) -> tuple[list[str], list[str]]:
    text = path.read_bytes().decode("latin-1")
    sent: list[str] = []
    received: list[str] = []
    at = 0
    while match := _LOGGED.search(text, at):
        at = match.end() + int(match[2])
        (sent if match[1] == "sent" else received).append(text[match.end() : at])
    return [_plain(message, pid) for message in sent], [_first(message, pid) for message in received]


def _offline(case: Case, folder: Path, server: int, port: int, capsys: pytest.CaptureFixture[str]) -> dict[str, Seen]:
    Path("kamailio.cfg").write_text(config(server))
    words = ["sipp", "kamailio.cfg", *_calls(case), "-trace_msg", "-trace_logs", "-mi", "127.0.0.1"]
    words += ["-message_file", "lab.messages", "-log_file", "lab.logs", *shlex.split(case.options)]
    for number, party in enumerate(PARTIES):
        words += ["-sf", f"{party}.xml", "-i", "127.0.0.1", "-p", str(port + APART * number)]
        words += ["-mp", str(_media(port, number)), *shlex.split(case.own[number])]
    capsys.readouterr()
    code = main(words)
    shown = capsys.readouterr()
    print(shown.out, shown.err)
    found = {}
    for number, party in enumerate(PARTIES):
        messages = folder / f"{party}_lab.messages"
        assert messages.exists(), shown.err
        totals = re.search(rf"^{party}: (\d+) calls?, (\d+) successful, (\d+) failed", shown.out, re.MULTILINE)
        mine: int | None = code
        if code in (0, 1) or (party == "server" and totals is not None):
            # the status is the run's: what is not the client's fault was its own
            assert totals is not None, shown
            mine = 1 if int(totals[3]) else 0 if int(totals[1]) else 99
        elif party == "server":
            mine = None  # the client ended the run for both
        logged = _plain((folder / f"{party}_lab.logs").read_text("latin-1"), 1000 + number)
        found[party] = Seen(mine, *_log(messages, 1000 + number), logged)
    return found


def _first(message: str, pid: int) -> str:
    return _plain(message.split("\r\n")[0], pid).replace("1000-a-", "PID-a-").replace(f"{pid}-", "PID-")


def _plain(message: str, pid: int) -> str:
    """Without process numbers, and without what the server makes by chance."""
    message = re.sub(r"^(Call-ID|i): (\S*?\d+)-\d+@", r"\1: \2-PID@", message, flags=re.MULTILINE)
    message = re.sub(rf"\b{pid}(SIPpTag|-[ab]-)", r"PID\1", message)
    message = re.sub(r"z9hG4bK-\d+-", "z9hG4bK-PID-", message)
    message = re.sub(r"(branch=[^\s;]+);i=\w+", r"\1", message)  # which TCP connection
    message = re.sub(r"z9hG4bK[0-9a-f]+\.[0-9a-f.]+", "z9hG4bK.SERVER", message)
    message = re.sub(r"(tag=)\d+((?:SIPpTag|-[ab]-)\w+)", r"\1PID\2", message)
    message = re.sub(r'(cnonce|response)="?[0-9a-f]+"?', r"\1=CHANCE", message)
    return message.replace("Subject: Performance Test\r\n", "")
