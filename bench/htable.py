"""Whether looking up, setting and removing items costs the same in a large table; beside real Kamailio.

    python bench/htable.py [small] [large]

The same route runs on both: it fills a table, then reads, counts up, sets anew and removes its items in loops,
others each time. The time of an empty loop is taken off; both are timed from request to reply. There are 2^14 slots.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from live import wait_for_port

from kamscript.lab import Lab

TURNS, PORT = 20_000, 25092
OPERATIONS = {
    "empty": "",
    "read": "$var(v) = $sht(t=>key$var(k));",
    "absent": "$var(v) = $sht(t=>none$var(k));",
    "count": "$var(v) = $shtinc(t=>key$var(k));",
    "set": "$sht(t=>key$var(k)) = 7;",
    "remove": "$sht(t=>key$var(k)) = $null; $sht(t=>key$var(k)) = 7;",
}
LOOP = """
    if ($rU == "{name}") {{
        $var(i) = 0;
        $var(k) = 0;
        while ($var(i) < TURNS) {{
            $var(i) = $var(i) + 1;
            $var(k) = ($var(k) + 7919) mod ITEMS;
            {body}
        }}
    }}
"""
CONFIG = """
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
max_while_loops=1000000000
listen=udp:127.0.0.1:PORT
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "htable.so"
modparam("htable", "htable", "t=>size=14;initval=0")
request_route {
    if ($rU == "fill") {
        $var(i) = 0;
        while ($var(i) < ITEMS) { $sht(t=>key$var(i)) = $var(i); $var(i) = $var(i) + 1; }
    }
    LOOPS
    sl_send_reply("200", "OK");
}
"""


def config(items: int) -> str:
    """The config for a table of that size."""
    loops = "".join(LOOP.format(name=name, body=body) for name, body in OPERATIONS.items())
    text = CONFIG.replace("LOOPS", loops).replace("TURNS", str(TURNS))
    return text.replace("ITEMS", str(items)).replace("PORT", str(PORT))


def request(user: str) -> str:
    """A request that runs one of the loops."""
    return (
        f"OPTIONS sip:{user}@127.0.0.1:{PORT} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{PORT + 1};branch=z9hG4bK-{user}\r\n"
        f"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: {user}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )


def measure(ask: Callable[[str], object]) -> dict[str, float]:
    """Microseconds for each operation: the best of three loops."""
    ask("fill")
    best = dict.fromkeys(OPERATIONS, float("inf"))
    for _ in range(3):
        for name in OPERATIONS:
            started = time.perf_counter()
            ask(name)
            best[name] = min(best[name], time.perf_counter() - started)
    empty = best.pop("empty")
    return {name: (seconds - empty) / TURNS * 1e6 for name, seconds in best.items()}


def kamscript(items: int) -> dict[str, float]:
    """In process."""
    lab = Lab(text=config(items), target="5.6")
    return measure(lambda user: lab.send(request(user), ("127.0.0.1", PORT + 1)))


def kamailio(items: int) -> dict[str, float]:
    """From request to reply."""
    with tempfile.TemporaryDirectory() as scratch, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        path = Path(scratch) / "kamailio.cfg"
        path.write_text(config(items), "latin-1")
        phone.bind(("127.0.0.1", PORT + 1))
        phone.settimeout(120)
        command = [
            "kamailio",
            "-DD",
            "-E",
            "-f",
            str(path),
            "-m",
            "256",
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

            def ask(user: str) -> None:
                phone.sendto(request(user).encode(), ("127.0.0.1", PORT))
                assert re.match(rb"SIP/2.0 200", phone.recv(65536))

            return measure(ask)
        finally:
            daemon.terminate()
            daemon.wait(20)


def main() -> None:
    """Both sizes, on both."""
    small, large = [int(number) for number in sys.argv[1:3]] or [1_000, 100_000]
    print(f"microseconds an operation{'':12}{small:>12,} items{large:>12,} items       ratio")
    for name, run in (("kamscript", kamscript), ("Kamailio", kamailio)):
        few, many = run(small), run(large)
        for operation, cost in few.items():
            print(
                f"{name:10} {operation:26}{cost:12.2f}      {many[operation]:12.2f}      {many[operation] / cost:6.2f}"
            )


if __name__ == "__main__":
    main()
