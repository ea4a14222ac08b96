"""Dialogs and their database: starting with many stored ones, and writing calls as they come; beside real Kamailio.

    python bench/dialog_restart.py [dialogs] [calls]

The same SQLite file with the same rows is loaded by both (a copy for each): the time from the start of the process
to its first answer. Then CPU per 10,000 calls with db_mode 1, as live.py measures it, beside the same calls without a
database.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from live import HERE, PORT, kamailio, measure

CONFIG = HERE / "configs" / "dialog.cfg"
GOAL = 10.0
OPTIONS = (
    "OPTIONS sip:127.0.0.1:25060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{0};branch=z9hG4bK-o\r\nMax-Forwards: 70\r\n"
    "From: <sip:probe@127.0.0.1>;tag=o\r\nTo: <sip:127.0.0.1:25060>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)
TABLES = ("dialog", "dialog_vars")


def config(scratch: Path, database: Path, mode: int = 1) -> Path:
    """The config of dialog.py with a database."""
    path = scratch / "kamailio.cfg"
    lines = f'modparam("dialog", "db_mode", {mode})\nmodparam("dialog", "db_url", "sqlite:///{database}")\n'
    text = CONFIG.read_text().replace('loadmodule "tm.so"', 'loadmodule "db_sqlite.so"\nloadmodule "tm.so"')
    text = text.replace("\nrequest_route {", f"\n{lines}\nrequest_route {{", 1)
    path.write_text(text)
    return path


def fill(path: Path, count: int) -> None:
    """Kamailio's tables with confirmed calls, two variables and a profile each; the oldest first."""
    from kamscript.core.hashes import core_hash
    from kamscript.stores import open_database

    database = open_database(f"sqlite:///{path}", print)
    database.create_all(TABLES)
    database.close()
    now = int(time.time())
    dialogs, variables = [], []
    for number in range(count):
        callid = f"{number:06d}-4711-{number * 7919:x}@127.0.0.1"
        entry, ident = core_hash(callid, 4096), number + 1
        start = now - 3600 + number * 3600 // count
        caller, callee = f"sip:caller@127.0.0.1:{10000 + number % 50000}", "sip:callee@127.0.0.1:25080"
        xdata = f'{{"profiles":[{{"name":"caller","value":"u{number}","puid":"dlgp-1-{number}"}}]}}'
        here = f"udp:127.0.0.1:{PORT}"
        row: tuple[object, ...] = (
            entry,
            ident,
            callid,
            f"sip:u{number}@127.0.0.1",
            f"f{number}",
            callee,
            f"t{number}",
            "1",
            "0",
        )
        row += (None, None, caller, callee, here, here, 4, start, start + 43200, 0, 0, None)
        dialogs.append((*row, callee, xdata))
        variables += [(entry, ident, "account", f"a{number}"), (entry, ident, "zone", "inner")]
    connection = sqlite3.connect(path)
    names = (
        "hash_entry, hash_id, callid, from_uri, from_tag, to_uri, to_tag, caller_cseq, callee_cseq, caller_route_set,"
        " callee_route_set, caller_contact, callee_contact, caller_sock, callee_sock, state, start_time, timeout,"
        " sflags, iflags, toroute_name, req_uri, xdata"
    )
    connection.executemany(f"INSERT INTO dialog ({names}) VALUES ({', '.join('?' * 23)})", dialogs)
    connection.executemany(
        "INSERT INTO dialog_vars (hash_entry, hash_id, dialog_key, dialog_value) VALUES (?, ?, ?, ?)", variables
    )
    connection.commit()
    connection.close()


def first_answer(command: list[str], scratch: Path) -> float:
    """Seconds from the start of a server to its first answer."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind(("127.0.0.1", 0))
    probe.settimeout(0.02)
    text = OPTIONS.format(probe.getsockname()[1]).encode()
    started = time.perf_counter()
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=scratch, start_new_session=True)
    try:
        while True:
            if server.poll() is not None or time.perf_counter() - started > 300:
                raise SystemExit(f"{command[0]} does not answer")
            probe.sendto(text, ("127.0.0.1", PORT))
            try:
                if probe.recv(65536).startswith(b"SIP/2.0 200"):
                    return time.perf_counter() - started
            except (TimeoutError, ConnectionRefusedError):
                continue
    finally:
        probe.close()
        # The children of real Kamailio, too.
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)


def contenders(path: Path) -> dict[str, list[str]]:
    """Commands by name."""
    found = {"kamscript run": [sys.executable, "-m", "kamscript", "run", str(path)]}
    if shutil.which("kamailio"):
        found["kamailio"] = kamailio(path, "-m", "2048", "-M", "1024")  # db_sqlite reads a whole table at once
    return found


def main(dialogs: int = 100_000, calls: int = 5_000) -> int:
    """Print both tables; 1 when the goal is missed."""
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        fill(scratch / "full.db", dialogs)
        for name, command in contenders(config(scratch, scratch / "k.db")).items():
            shutil.copyfile(scratch / "full.db", scratch / "k.db")
            times[name] = first_answer(command, scratch)
    ratio = f"; this / kamailio = {times['kamscript run'] / times['kamailio']:.1f}" if "kamailio" in times else ""
    print(f"start with {dialogs} stored dialogs, until the first answer (goal {GOAL:g} s){ratio}")
    for name, seconds in times.items():
        print(f"  {name:24} {seconds:6.2f} s, {seconds / dialogs * 1e6:.0f} us a dialog")
    if shutil.which("sipp"):
        print(f"CPU per 10,000 tracked calls: without a database, and with db_mode 1 ({calls} calls)")
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            for name in times:
                spent = []
                for mode in (0, 1):
                    (scratch / "k.db").unlink(missing_ok=True)
                    fill(scratch / "k.db", 1)
                    command = contenders(config(scratch, scratch / "k.db", mode))[name]
                    seconds, done = measure(command, calls, 300)
                    spent.append(f"{seconds:.2f} s ({done} calls)")
                print(f"  {name:24} {spent[0]:>20} {spent[1]:>20}")
    return int(dialogs >= 100_000 and times["kamscript run"] > GOAL)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
