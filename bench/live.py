"""CPU seconds per 10,000 whole calls: `kamscript run` beside real Kamailio, SIPp at both ends, one worker each.

A call is 13 messages at the proxy, INVITE to BYE's 200. Only completed calls count. CPU is user plus system time of
every process of the server, read from /proc before and after. Run: python bench/live.py [calls] [calls per second]
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CONFIG = HERE / "configs" / "relay.cfg"
PORT, CALLEE, CALLER = 25060, 25080, 25070
TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """`pid` and its children."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system seconds spent so far by the server's processes."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def wait_for_port(port: int) -> None:
    """Until something is bound to the UDP port; at most 10 seconds."""
    wanted = f":{port:04X}"
    for _ in range(500):
        if any(line.split()[1].endswith(wanted) for line in Path("/proc/net/udp").read_text().splitlines()[1:]):
            return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on UDP port {port}")


def completed(stats: Path) -> int:
    """Successful calls in a SIPp statistics file."""
    lines = stats.read_text().splitlines()
    names, last = lines[0].split(";"), lines[-1].split(";")
    return int(last[names.index("SuccessfulCall(C)")])


def measure(command: list[str], calls: int, rate: int) -> tuple[float, int]:
    """CPU seconds per 10,000 completed calls of the server started by `command`, and how many completed."""
    with tempfile.TemporaryDirectory() as scratch:
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=scratch)
        parties: list[subprocess.Popen[bytes]] = []
        try:
            wait_for_port(PORT)
            common = ["-nostdin", "-i", "127.0.0.1", "-mi", "127.0.0.1"]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": scratch}
            callee = subprocess.Popen(["sipp", "-sf", str(HERE / "sipp/uas.xml"), "-p", str(CALLEE), *common], **quiet)
            parties.append(callee)
            wait_for_port(CALLEE)
            stats = Path(scratch) / "caller.csv"
            caller = [
                "sipp", "-sf", str(HERE / "sipp/uac.xml"), f"127.0.0.1:{PORT}", "-p", str(CALLER), *common,
                "-trace_stat", "-stf", str(stats), "-timeout", "300",
            ]  # fmt: skip
            subprocess.run([*caller, "-m", "200", "-r", str(rate)], **quiet, check=False)
            stats.unlink(missing_ok=True)
            before = cpu_seconds(server.pid)
            subprocess.run([*caller, "-m", str(calls), "-r", str(rate)], **quiet, check=False)
            spent = cpu_seconds(server.pid) - before
            done = completed(stats)
        finally:
            for process in [*parties, server]:
                process.send_signal(signal.SIGTERM if process is server else signal.SIGKILL)
                process.wait(10)
    return spent * 10_000 / max(done, 1), done


def kamailio(config: Path, *extra: str) -> list[str]:
    """The command that runs real Kamailio in the foreground."""
    return ["kamailio", "-DD", "-E", "-f", str(config), "-m", "512", "-M", "16", "-Y", ".", "-P", "pid", *extra]


def compare(config: Path, calls: int, rate: int, what: str) -> int:
    """Print the table; 0 when every contender completed at least 99 % of its calls."""
    contenders = {"kamscript run": [sys.executable, "-m", "kamscript", "run", str(config)]}
    if shutil.which("kamailio"):
        contenders["kamailio"] = kamailio(config)
        contenders["kamailio -x fm -X fm"] = kamailio(config, "-x", "fm", "-X", "fm")
    if not shutil.which("sipp"):
        print(f"{what}: skipped, SIPp is not installed (apt-get install sip-tester)")
        return 0
    figures = {name: measure(command, calls, rate) for name, command in contenders.items()}
    mine = figures["kamscript run"][0]
    print(f"CPU seconds per 10,000 {what} ({calls} calls at {rate}/s, 13 messages each)")
    for name, (seconds, done) in figures.items():
        ratio = f"  kamscript / this = {mine / seconds:.2f}" if name != "kamscript run" and seconds else ""
        print(f"  {name:24} {seconds:6.2f}  ({done} completed){ratio}")
    return 0 if all(done >= calls * 0.99 for _, done in figures.values()) else 1


def main(calls: int = 10_000, rate: int = 1000) -> int:
    """A plain record-routing proxy."""
    return compare(CONFIG, calls, rate, "calls")


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
