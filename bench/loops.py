"""A loop of plain statements beside real Kamailio: same route, one message, wall time. Run: python bench/loops.py"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from live import wait_for_port

from kamscript.lab import Lab

TURNS, PORT = 200_000, 25090
BODY = """        $var(i) = $var(i) + 1;
        $var(x) = $var(i) * 2;
        if ($var(x) == 5) { $var(y) = 1; }
        $var(s) = "text";
        if ($var(s) == "other") { $var(y) = 2; }
"""
STATEMENTS = 6  # the test of the loop, three assignments, two tests whose bodies do not run
CONFIG = f"""
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
max_while_loops=1000000000
listen=udp:127.0.0.1:{PORT}
loadmodule "pv.so"
loadmodule "sl.so"
request_route {{
    $var(i) = 0;
    while ($var(i) < {TURNS}) {{
{BODY}    }}
    sl_send_reply("200", "OK");
}}
"""
REQUEST = (
    f"OPTIONS sip:127.0.0.1:{PORT} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:25091;branch=z9hG4bK-loop\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: loop\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def kamscript_seconds() -> float:
    """Best of three."""
    lab = Lab(text=CONFIG, target="5.6")
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        assert lab.send(REQUEST, ("127.0.0.1", 25091))[0].startswith("SIP/2.0 200")
        best = min(best, time.perf_counter() - started)
    return best


def kamailio_seconds() -> float:
    """Best of three, from request to reply."""
    with tempfile.TemporaryDirectory() as scratch, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        path = Path(scratch) / "kamailio.cfg"
        path.write_text(CONFIG, "latin-1")
        phone.bind(("127.0.0.1", 25091))
        phone.settimeout(60)
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
            "-Y",
            scratch,
            "-P",
            f"{scratch}/pid",
        ]
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(PORT)
            best = float("inf")
            for _ in range(3):
                started = time.perf_counter()
                phone.sendto(REQUEST.encode(), ("127.0.0.1", PORT))
                phone.recv(65535)
                best = min(best, time.perf_counter() - started)
        finally:
            daemon.terminate()
            daemon.wait(10)
    return best


def main() -> int:
    """Print nanoseconds a statement, and the ratio."""
    mine = kamscript_seconds() / (TURNS * STATEMENTS) * 1e9
    print(f"a loop of plain statements: {mine:.0f} ns a statement (goal 250)")
    if shutil.which("kamailio"):
        real = kamailio_seconds() / (TURNS * STATEMENTS) * 1e9
        print(f"  kamailio {real:.0f} ns; kamscript / this = {mine / real:.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
