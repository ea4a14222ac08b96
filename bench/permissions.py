"""Whether asking for an address costs the same in a large table; beside real Kamailio.

    python bench/permissions.py [small] [large]

The same route runs on both: it asks for addresses, groups and names in loops, others each time. The time of an empty
loop is taken off; both are timed from request to reply. The table comes from an address_file. In it are that many
addresses, as many names, and a tenth as many subnets: Kamailio walks through subnets one by one, and its tables of
addresses and names have 128 slots.
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

TURNS, PORT = 20_000, 23792
OPERATIONS = {
    "empty": "",
    "address": 'allow_address("1", "10.$var(a).$var(b).$var(c)", "5060");',
    "absent": 'allow_address("2", "11.$var(a).$var(b).$var(c)", "5060");',
    "group": 'allow_address_group("10.$var(a).$var(b).$var(c)", "5060");',
    "subnet": 'allow_address("3", "172.$var(a).$var(b).7", "5060");',
    "name": 'allow_address("1", "h$var(k).example.com", "5060");',
}
LOOP = """
    if ($rU == "{name}") {{
        $var(i) = 0;
        $var(k) = 0;
        while ($var(i) < TURNS) {{
            $var(i) = $var(i) + 1;
            $var(k) = ($var(k) + 7919) mod ITEMS;
            $var(a) = $var(k) / 65536;
            $var(b) = ($var(k) / 256) mod 256;
            $var(c) = $var(k) mod 256;
            {body}
        }}
    }}
"""
CONFIG = """
debug=-2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
max_while_loops=1000000000
listen=udp:127.0.0.1:PORT
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "permissions.so"
modparam("permissions", "address_file", "FOLDER/addresses")
modparam("permissions", "max_subnets", 1000000)
modparam("permissions", "load_backends", 1)
request_route {
    LOOPS
    sl_send_reply("200", "OK");
}
"""


def config(items: int, folder: Path) -> str:
    """The config for a table of that size, whose file is written."""
    loops = "".join(LOOP.format(name=name, body=body) for name, body in OPERATIONS.items())
    lines = [f"1 10.{k >> 16}.{k >> 8 & 255}.{k & 255}\n1 h{k}.example.com\n" for k in range(items)]
    lines += [f"3 172.{k >> 8 & 255}.{k & 255}.0 {24 + (k >> 16)}\n" for k in range(items // 10)]
    (folder / "addresses").write_text("".join(lines), "latin-1")
    text = CONFIG.replace("LOOPS", loops).replace("TURNS", str(TURNS)).replace("FOLDER", str(folder))
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
    best = dict.fromkeys(OPERATIONS, float("inf"))
    for _ in range(3):
        for name in OPERATIONS:
            started = time.perf_counter()
            ask(name)
            best[name] = min(best[name], time.perf_counter() - started)
    empty = best.pop("empty")
    return {name: (seconds - empty) / TURNS * 1e6 for name, seconds in best.items()}


def kamscript(items: int, folder: Path) -> dict[str, float]:
    """In process."""
    lab = Lab(text=config(items, folder), target="5.6")
    return measure(lambda user: lab.send(request(user), ("127.0.0.1", PORT + 1)))


def kamailio(items: int, folder: Path) -> dict[str, float]:
    """From request to reply."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        path = folder / "kamailio.cfg"
        path.write_text(config(items, folder), "latin-1")
        phone.bind(("127.0.0.1", PORT + 1))
        phone.settimeout(120)
        command = ["kamailio", "-DD", "-E", "-f", str(path), "-m", "512", "-M", "64"]
        command += ["-Y", str(folder), "-P", str(folder / "pid")]
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(PORT)

            def ask(user: str) -> None:
                phone.sendto(request(user).encode(), ("127.0.0.1", PORT))
                assert re.match(rb"SIP/2.0 200", phone.recv(4096))

            return measure(ask)
        finally:
            daemon.terminate()
            daemon.wait(10)


def main() -> None:
    """Both sizes, on both."""
    small, large = [int(number) for number in sys.argv[1:3]] or [1_000, 100_000]
    print(f"microseconds a call{'':18}{small:>12,} items{large:>12,} items       ratio")
    for name, run in (("kamscript", kamscript), ("Kamailio", kamailio)):
        figures = []
        for items in (small, large):
            with tempfile.TemporaryDirectory() as scratch:
                figures.append(run(items, Path(scratch)))
        few, many = figures
        for operation, cost in few.items():
            print(
                f"{name:10} {operation:26}{cost:12.2f}      {many[operation]:12.2f}      {many[operation] / cost:6.2f}"
            )


if __name__ == "__main__":
    main()
