"""One route with loops, run by the lab and by real Kamailio: what bench/loops, htable and permissions share."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from live import wait_for_port

from kamscript.lab import Lab

#: Sends a request to a user and waits for its 200.
Ask = Callable[[str], None]

#: What every config begins with; PORT stands for the port.
HEAD = """
debug=-2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
max_while_loops=1000000000
listen=udp:127.0.0.1:PORT
loadmodule "pv.so"
loadmodule "sl.so"
"""


def request(user: str, port: int) -> str:
    """A request that runs the loop of that name."""
    return (
        f"OPTIONS sip:{user}@127.0.0.1:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{port + 1};branch=z9hG4bK-{user}\r\n"
        f"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: {user}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )


@contextmanager
def kamscript(config: str, port: int, folder: Path) -> Iterator[Ask]:
    """In process."""
    lab = Lab(text=config, target="5.6")

    def ask(user: str) -> None:
        assert lab.send(request(user, port), ("127.0.0.1", port + 1))[0].startswith("SIP/2.0 200")

    yield ask


@contextmanager
def kamailio(config: str, port: int, folder: Path) -> Iterator[Ask]:
    """The daemon, over UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        path = folder / "kamailio.cfg"
        path.write_text(config, "latin-1")
        phone.bind(("127.0.0.1", port + 1))
        phone.settimeout(120)
        command = ["kamailio", "-DD", "-E", "-f", str(path), "-m", "512", "-M", "64"]
        command += ["-Y", str(folder), "-P", str(folder / "pid")]
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port)

            def ask(user: str) -> None:
                phone.sendto(request(user, port).encode(), ("127.0.0.1", port))
                assert phone.recv(65536).startswith(b"SIP/2.0 200")

            yield ask
        finally:
            daemon.terminate()
            daemon.wait(20)


def best_of_three(ask: Ask, user: str) -> float:
    """Seconds from request to reply."""
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        ask(user)
        taken.append(time.perf_counter() - started)
    return min(taken)


def loops(operations: Mapping[str, str], head: str, turns: int) -> str:
    """For each operation a loop that runs for the user of its name; `$var(k)` is another item each time."""
    return "".join(
        f"""
    if ($rU == "{name}") {{
        $var(i) = 0;
        $var(k) = 0;
        while ($var(i) < {turns}) {{
            $var(i) = $var(i) + 1;
            $var(k) = ($var(k) + 7919) mod ITEMS;
            {head}
            {body}
        }}
    }}
"""
        for name, body in {"empty": "", **operations}.items()
    )


def compare(
    config: Callable[[int, Path], str], operations: Mapping[str, str], turns: int, port: int, first: str = ""
) -> None:
    """Print what an operation costs on both with a few items and with many; the time of an empty loop is taken off.

    `config(items, folder)` makes the config; `first` is a user that fills the table.
    """
    small, large = [int(number) for number in sys.argv[1:3]] or [1_000, 100_000]
    print(f"microseconds each{'':20}{small:>12,} items{large:>12,} items       ratio")
    for name, server in (("kamscript", kamscript), ("Kamailio", kamailio)):
        figures: dict[str, list[float]] = {operation: [] for operation in operations}
        for items in (small, large):
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                with server(config(items, folder), port, folder) as ask:
                    if first:
                        ask(first)
                    empty = best_of_three(ask, "empty")
                    for operation, costs in figures.items():
                        costs.append((best_of_three(ask, operation) - empty) / turns * 1e6)
        for operation, (few, many) in figures.items():
            print(f"{name:10} {operation:26}{few:12.2f}      {many:12.2f}      {many / few:6.2f}")
