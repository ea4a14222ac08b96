"""Calls that outlive their server: real Kamailio and kamscript take them over from each other through the database.

Each test has a database of its own (SQLite, MariaDB, PostgreSQL), made with Kamailio's scripts, in db_mode 1.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from kamscript.stores import Database, open_database
from tests.live.phones import Call, Phone, header
from tests.live.servers import Running, kamailio, kamscript
from tests.live.wire import Wire
from tests.stores.conftest import Lines
from tests.stores.servers import fresh_database

SCRIPTS = Path("/usr/share/kamailio")
FOLDERS = {"sqlite": "db_sqlite", "mysql": "mysql", "postgres": "postgres"}
PORT = 22300

CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:22300
loadmodule "db_KIND.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "dialog.so"
modparam("tm", "wt_timer", 500)
modparam("dialog", "db_url", "URL")
modparam("dialog", "db_mode", 1)
modparam("dialog", "profiles_with_value", "caller")
PARAMS

request_route {
    if (has_totag()) {
        if (!loose_route()) exit;
        if (is_method("INFO")) {
            get_profile_size("caller", "alice", "$var(size)");
            xlog("INFO $ci $dlg_var(account) $dlg_var(note) $var(size)\\n");
            $dlg_var(note) = "changed";
        }
        t_relay();
        exit;
    }
    if (is_method("INVITE")) {
        dlg_manage();
        set_dlg_profile("caller", "$fU");
        $dlg_var(account) = "a17";
        $dlg_var(note) = "new";
        record_route();
    }
    t_relay();
}
event_route[dialog:end] { xlog("END $dlg(callid) $dlg_var(account) $dlg_var(note)\\n"); }
"""


class Disk:
    """One test's database: what a config says for it, and its rows."""

    def __init__(self, kind: str, database: Database, url: str) -> None:
        self.kind, self.database, self.url = kind, database, url

    def config(self, *params: str) -> str:
        """The config, with further parameters of dialog, `name=value`."""
        lines = "".join('modparam("dialog", "{}", {})\n'.format(*param.split("=", 1)) for param in params)
        return CONFIG.replace("KIND", self.kind).replace("URL", self.url).replace("PARAMS", lines)

    def query(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        """All rows. SQLite's file is copied before: whoever reads it locks the servers out."""
        if self.kind != "sqlite":
            return self.database.query(table, columns)
        path = "/" + self.database.url.name
        shutil.copyfile(path, f"{path}.copy")
        copy = open_database(f"sqlite:///{path}.copy", Lines())
        try:
            return copy.query(table, columns)
        finally:
            copy.close()

    def rows(self, *columns: str) -> list[tuple[object, ...]]:
        """Those of table dialog."""
        return self.query("dialog", *(columns or ("callid", "state")))

    def variables(self) -> list[tuple[object, ...]]:
        """Names and values in dialog_vars."""
        return sorted(self.query("dialog_vars", "dialog_key", "dialog_value"))

    def wait_until_empty(self) -> None:
        """Until neither table has a row."""
        deadline = time.monotonic() + 10
        while self.rows() or self.variables():
            assert time.monotonic() < deadline, self.rows()
            time.sleep(0.05)


def create(database: Database, kind: str) -> None:
    """Kamailio's tables: by its own scripts where they are installed."""
    folder = SCRIPTS / FOLDERS[kind]
    if not folder.is_dir():
        database.create_all(["dialog", "dialog_vars"])
        return
    for name in ("standard", "dialog"):
        for statement in (folder / f"{name}-create.sql").read_text().split(";\n"):
            if statement.strip():
                database.raw(statement)


@pytest.fixture(params=["sqlite", "mysql", "postgres"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    kind: str = request.param
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/k.db"
        database = open_database(url, Lines())
        create(database, kind)
        database.close()
        yield Disk(kind, database, url)
        return
    with fresh_database(kind, Lines()) as (url, database):
        create(database, kind)
        yield Disk(kind, database, url)


@pytest.fixture
def phones() -> Iterator[tuple[Phone, Phone]]:
    alice, bob = Phone("alice", PORT + 1), Phone("bob", PORT + 2)
    yield alice, bob
    alice.close()
    bob.close()


@contextmanager
def server(kind: str, config: str, directory: Path, end: signal.Signals = signal.SIGTERM) -> Iterator[Running]:
    """Real Kamailio or kamscript, ended by a signal that all its processes get."""
    start = {"kamailio": kamailio, "kamscript": kamscript}[kind]
    running: AbstractContextManager[Running] = start(config, directory, ports=(PORT,))
    with running as up:
        try:
            yield up
        except BaseException:
            print(up.log()[-5000:])  # shown with a failure
            raise
        if end == signal.SIGKILL:
            os.killpg(up.process.pid, end)
        up.stop()


PAIRS = [
    pytest.param("kamailio", "kamscript", marks=pytest.mark.kamailio),
    pytest.param("kamscript", "kamailio", marks=pytest.mark.kamailio),
    ("kamscript", "kamscript"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_call_is_taken_over(
    disk: Disk, phones: tuple[Phone, Phone], tmp_path: Path, first: str, second: str, end: signal.Signals
) -> None:
    """The BYE carries the first server's cookie; variables, profile and event route work in the second."""
    call = Call(*phones, "call-1")
    with server(first, disk.config(), tmp_path, end):
        call.setup()
        assert disk.variables() == [("account", "a17"), ("note", "new")]
    assert disk.rows() == [("call-1", 4)]
    with server(second, disk.config(), tmp_path) as running:
        call.reply(call.bob, call.within("INFO"), "200 OK")
        running.wait_for("INFO call-1 a17 new 1")
        call.alice.expect("SIP/2.0 200", "call-1")
        call.bye(call.bob)
        running.wait_for("END call-1 a17 changed")
        disk.wait_until_empty()
        assert disk.variables() == []


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_loaded_call_expires_with_a_bye_to_both_sides(
    disk: Disk, phones: tuple[Phone, Phone], tmp_path: Path, first: str, second: str
) -> None:
    call = Call(*phones, "call-1")
    config = disk.config("default_timeout=4", "send_bye=1")
    with server(first, config, tmp_path):
        call.setup()
    (row,) = disk.rows("start_time", "timeout")
    assert int(str(row[1])) - int(str(row[0])) in (4, 5)
    with server(second, config, tmp_path) as running:
        # The daemon leaves out the second BYE when the answer to the first is faster than it is.
        for phone, bye in [(phone, phone.expect("BYE", "call-1")) for phone in phones]:
            call.reply(phone, bye, "200 OK")
        running.wait_for("END call-1 a17 new")
        disk.wait_until_empty()


def test_kill_9_loses_no_call_that_was_confirmed(disk: Disk, phones: tuple[Phone, Phone], tmp_path: Path) -> None:
    """Calls are set up as fast as they come; the server is killed in the midst of them."""
    alice, bob = phones
    calls = [Call(alice, bob, f"call-{number}") for number in range(400)]
    names = {call.callid: call for call in calls}
    confirmed: dict[str, None] = {}
    with server("kamscript", disk.config(), tmp_path) as running:
        todo = iter(calls)
        for _ in range(20):
            next(todo).dial()
        while len(confirmed) < 200:
            text = bob.expect("")
            call = names[header(text, "Call-ID")[0]]
            # A server that is slow at first may send things twice.
            if text.startswith("INVITE") and not call.arrived:
                call.arrived = text
                call.answer()
                alice.send(call.text("ACK", alice, 1, tag=";tag=bob", headers=call.route_headers))
            elif text.startswith("ACK") and call.callid not in confirmed:
                confirmed[call.callid] = None
                next(todo).dial()
        os.killpg(running.process.pid, signal.SIGKILL)
    stored = {str(callid) for callid, state in disk.rows()}
    assert set(confirmed) <= stored
    for phone in phones:
        phone.forget()
    with server("kamscript", disk.config(), tmp_path) as running:
        for callid in confirmed:
            names[callid].bye()
        running.wait_for(f"END {[*confirmed][-1]} a17 new")
        assert set(re.findall(r"END (call-\d+) a17 new", running.log())) == set(confirmed)


# -- a database that goes away ----------------------------------------------------------------------------------------
@pytest.fixture
def wire(disk: Disk) -> Iterator[Wire]:
    """Between kamscript and a database server."""
    if disk.kind == "sqlite":
        pytest.skip("a file has no wire")
    found = disk.database.url
    wire = Wire(found.host, found.port)
    disk.url = disk.url.replace(f":{found.port}/", f":{wire.port}/")
    yield wire
    wire.close()


def test_calls_go_on_while_the_database_is_away(
    disk: Disk, wire: Wire, phones: tuple[Phone, Phone], tmp_path: Path
) -> None:
    """One call lasts meanwhile, one begins, one ends; all is true again when the database is back."""
    lasts, begins, ends = (Call(*phones, name) for name in ("lasts", "begins", "ends"))
    with server("kamscript", disk.config(), tmp_path) as running:
        lasts.setup()
        ends.setup()
        wire.cut()
        before = time.monotonic()
        begins.setup()
        lasts.reply(lasts.bob, lasts.within("INFO"), "200 OK")
        lasts.alice.expect("SIP/2.0 200", "lasts")
        ends.bye()
        assert time.monotonic() - before < 2
        running.wait_for("the database is away")
        assert sorted(str(row[0]) for row in disk.rows()) == ["ends", "lasts"]
        wire.mend()
        running.wait_for("the database is back")
        deadline = time.monotonic() + 10
        while sorted(str(row[0]) for row in disk.rows()) != ["begins", "lasts"]:
            assert time.monotonic() < deadline, disk.rows()
            time.sleep(0.05)
        assert sorted(str(row[1]) for row in disk.variables()) == ["a17", "a17", "changed", "new"]
        assert "Traceback" not in running.log()


def test_a_database_that_hangs_holds_calls_up_for_a_moment_only(
    disk: Disk, wire: Wire, phones: tuple[Phone, Phone], tmp_path: Path
) -> None:
    if disk.kind == "postgres":
        pytest.skip("psycopg waits for an answer as long as it takes")
    first, second = (Call(*phones, name) for name in ("first", "second"))
    with server("kamscript", disk.config(), tmp_path) as running:
        wire.stall()
        first.setup()
        running.wait_for("the database is away")
        before = time.monotonic()
        second.setup()
        assert time.monotonic() - before < 5
        wire.stall(False)
        deadline = time.monotonic() + 30
        while len(disk.rows()) != 2:
            assert time.monotonic() < deadline, running.log()[-2000:]
            time.sleep(0.1)
