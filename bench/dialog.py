"""What tracking calls costs: CPU per call, memory per dialog, counting in a big profile; beside real Kamailio.

    python bench/dialog.py [calls] [dialogs]

CPU is measured as in live.py, with dlg_manage(), a profile and a $dlg_var in the config. For the memory the calls are
set up and stay. kamscript's is what its process grew by; Kamailio's is what its allocator says: in use, and with the
allocator's own part. Then every dialog is in one profile and its members are counted.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from live import CALLEE, CALLER, HERE, PORT, compare, cpu_seconds, kamailio, wait_for_port
from server_call import reply, request

CONFIG = HERE / "configs" / "dialog.cfg"
COUNTS = 1000  #: how often the config counts for one OPTIONS
WINDOW = 50  #: calls under way at once
PACE = 1200  #: calls a second: as many transactions live at once when memory is weighed first and last
OPTIONS = (
    "OPTIONS sip:127.0.0.1:25060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:25070;branch=z9hG4bK-o-{0}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:caller@127.0.0.1:25070>;tag=o\r\nTo: <sip:127.0.0.1:25060>\r\n"
    "Call-ID: o-{0}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Phones:
    """A caller and a callee on real sockets, who only paste texts together."""

    def __init__(self) -> None:
        self.caller, self.callee = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock, port in ((self.caller, CALLER), (self.callee, CALLEE)):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_000_000)
            sock.bind(("127.0.0.1", port))
            sock.settimeout(120)

    def _send(self, sock: socket.socket, text: str) -> None:
        sock.sendto(text.encode("latin-1"), ("127.0.0.1", PORT))

    def _receive(self, sock: socket.socket, start: str) -> str:
        while True:
            text = sock.recv(65536).decode("latin-1")
            if text.startswith(start):
                return text

    def calls(self, first: int, count: int, crowd: bool) -> None:
        """Set up some calls and leave them."""
        started = time.monotonic()
        for at in range(first, first + count, WINDOW):
            time.sleep(max(0.0, started + (at - first) / PACE - time.monotonic()))
            numbers = range(at, min(at + WINDOW, first + count))
            for number in numbers:
                text = request("INVITE", number)
                self._send(self.caller, text.replace("sip:callee@", "sip:crowd@", 1) if crowd else text)
            for _ in numbers:
                text = self._receive(self.callee, "INVITE")
                number = re.search("Call-ID: ([0-9]+)", text)[1]  # type: ignore[index]
                self._send(self.callee, reply(text, "SIP/2.0 200 OK", f";tag=4712s{number}", body=True))
            for _ in numbers:
                text = self._receive(self.caller, "SIP/2.0 200")
                number = int(re.search("Call-ID: ([0-9]+)", text)[1])  # type: ignore[index]
                routes = ", ".join(re.findall("Record-Route: (.*?)\r\n", text))
                self._send(self.caller, request("ACK", number, f";tag=4712s{number}", routes))
            for _ in numbers:
                self._receive(self.callee, "ACK")

    def count(self, number: int) -> int:
        """Let the config count; what it counted."""
        self._send(self.caller, OPTIONS.format(number))
        return int(self._receive(self.caller, "SIP/2.0 200").split(" ", 2)[2].split()[0])

    def close(self) -> None:
        """Leave."""
        self.caller.close()
        self.callee.close()


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024  # type: ignore[index]


def shared() -> tuple[int, int]:
    """Bytes of Kamailio's shared memory: in use, and with the allocator's part."""
    command = ["kamcmd", "-s", "tcp:127.0.0.1:25061", "core.shmmem"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    values = dict(re.findall(r"(\w+): (\d+)", text))
    return int(values["used"]), int(values["real_used"])


def hold(name: str, command: list[str], dialogs: int) -> dict[str, float]:
    """Bytes per dialog, and nanoseconds to count a profile of few and of all dialogs."""
    real = name != "kamscript run"
    with tempfile.TemporaryDirectory() as scratch:
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=scratch)
        try:
            wait_for_port(PORT)
            phones = Phones()
            # What only the traffic needs, as much as ever, is there before the dialogs are weighed.
            settle(dialogs // 5, phones, 100_000_000, crowd=False)
            settle(100, phones, 0, crowd=True)
            few = counting(server.pid, phones)
            before = shared() if real else (resident(server.pid),) * 2
            settle(dialogs, phones, 100, crowd=True)
            after = shared() if real else (resident(server.pid),) * 2
            many = counting(server.pid, phones)
            phones.close()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    return {
        "used": (after[0] - before[0]) / dialogs,
        "real": (after[1] - before[1]) / dialogs,
        "few": few,
        "many": many,
    }


def settle(count: int, phones: Phones, first: int, crowd: bool) -> None:
    """Set calls up and wait until their transactions are gone."""
    phones.calls(first, count, crowd)
    time.sleep(7)


def counting(pid: int, phones: Phones) -> float:
    """Nanoseconds of CPU for counting the profile once; at least half a second of it is measured."""
    before, times, spent = cpu_seconds(pid), 0, 0.0
    while spent < 0.5:
        phones.count(times)
        times += 1
        spent = cpu_seconds(pid) - before
    return spent / times / COUNTS * 1e9


def main(calls: int = 10_000, dialogs: int = 100_000) -> int:
    """Print all tables."""
    failed = compare(CONFIG, calls, 1000, "tracked calls")
    contenders = {"kamscript run": [sys.executable, "-m", "kamscript", "run", str(CONFIG)]}
    if shutil.which("kamailio"):
        contenders["kamailio"] = kamailio(CONFIG, "-m", "2048")
    figures = {name: hold(name, command, dialogs) for name, command in contenders.items()}
    print(f"{dialogs} calls that stay: bytes per dialog; ns to count a profile of 100 and of all of them")
    for name, figure in figures.items():
        own = "" if name == "kamscript run" else f" in use, {figure['real']:.0f} with the allocator's part"
        print(f"  {name:24} {figure['used']:6.0f} bytes{own}")
        print(f"  {'':24} {figure['few']:6.0f} and {figure['many']:.0f} ns")
    return failed


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
