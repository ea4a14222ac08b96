"""`pytest --kam-real`: the same test in the lab and on a started Kamailio."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kamscript.core.rpc import RpcFault
from kamscript.lab import Lab
from kamscript.lab.real import NotOnReal, RealLab, Refused

pytestmark = pytest.mark.kamailio
EXAMPLES = Path(__file__).parents[2] / "examples"

PROXY = """
debug=2
children=8
log_stderror=no
listen=udp:127.0.0.1:22810
alias="example.com"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "siputils.so"
loadmodule "textops.so"
request_route {
    xlog("L_INFO", "$rm from $si:$sp, call $ci\\n");
    if (has_totag()) { loose_route(); t_relay(); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (uri == myself) { sl_send_reply("404", "Nobody"); exit; }
    record_route();
    t_relay();
}
"""
# A function that Kamailio has since 6.0.
NEWER = PROXY.replace("record_route();", "t_exists(); record_route();")


def pytest_run(folder: Path, *words: str) -> tuple[str, int]:
    """pytest in a process of its own: what it printed, its exit status."""
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider", "--kam-real", "-rs", *words]
    done = subprocess.run([*command, "."], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr, done.returncode


def written(folder: Path, test: str, config: str = PROXY) -> Path:
    (folder / "kamailio.cfg").write_text(config, "utf-8")
    (folder / "test_it.py").write_text(test, "utf-8")
    return folder


# -- the examples, and tests of the lab itself ------------------------------------------------------------------------
ROOT = EXAMPLES.parent
#: Tests of the lab that run on Kamailio as well: calls, digests, phones as the manual shows them, saved ladders.
BOTH = ("test_phone.py", "test_phone_calls.py", "test_phone_digest.py", "test_two_sockets.py", "test_evidence.py")
#: Why a test may be skipped.
REASONS = (
    r"it lets [\d.]+ s pass; on the real Kamailio at most 1 s are waited \(--kam-real-wait\)",
    r"the Kamailio of this machine has no module callwatch \(\S+\)",
    r"lab\.\w+ is the lab's alone",
    r"lab\.(?:double|http|link|trace)\(\): .+",
    r"Lab\(start=\.\.\.\): the clock of the real Kamailio is the wall's",
    r"a party of the test's own \(\w+\) on the lab's network",
    r"the exact time is in its text",
    r"it is about pending timers",
)


@pytest.fixture(scope="module")
def whole_run() -> str:
    """What pytest says of all examples and of `BOTH`, each test in the lab and on Kamailio."""
    tests = [f"tests/lab/{name}" for name in BOTH]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--kam-real", "--kam-real-wait=1", "-rs"]
    command += ["-o", "addopts=", "examples", *tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def skipped(out: str, part: str) -> list[str]:
    """Why tests of one part were skipped."""
    found = re.findall(r"(?m)^SKIPPED \[(\d+)\] (\S+?):\d+: (?:Skipped: )?(.*)", out)
    return [reason for count, path, reason in found if part in path for _ in range(int(count))]


def test_the_lab_and_kamailio_agree(whole_run: str) -> None:
    passed = re.search(r"(\d+) passed", whole_run)
    assert passed is not None and int(passed[1]) >= 60


def test_what_is_not_run_on_kamailio_has_a_reason(whole_run: str) -> None:
    told = {reason.removeprefix("not on Kamailio: ") for reason in skipped(whole_run, "")}
    assert told
    assert [reason for reason in told if not any(re.fullmatch(known, reason) for known in REASONS)] == []


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_an_example_runs_on_kamailio_but_for_what_takes_long(whole_run: str, example: str) -> None:
    reasons = skipped(whole_run, f"examples/{example}/")
    if example == "callwatch":
        assert len(reasons) == 6 and all("has no module callwatch" in reason for reason in reasons)
    elif example == "remote-profiles":
        assert all("(Cable)" in reason or "s pass" in reason for reason in reasons)
    else:
        assert all("s pass" in reason or "lab's" in reason or "lab.double()" in reason for reason in reasons)


# -- how a test of one's own fares ----------------------------------------------------------------------------------
def test_a_lab_made_in_the_test_is_judged_too(tmp_path: Path) -> None:
    test = """
from kamscript.lab import Lab

def test_it():
    with Lab("kamailio.cfg") as lab:
        bob = lab.phone("bob")
        call = lab.phone("alice").call("sip:bob@10.0.0.1:5060")
        bob.call_waiting.answer()
        assert call.hangup().status == 200
        assert "INVITE from 10.0.0.2:5060, call 1-alice@10.0.0.2" in lab.log
"""
    out, status = pytest_run(written(tmp_path, test), "-v")
    assert status == 0, out
    assert "kamscript: --kam-real, Kamailio 5.6" in out
    assert "1 passed" in out


def test_what_kamailio_does_otherwise_fails_the_test(tmp_path: Path) -> None:
    # Each run of the test finds another config.
    test = """
from kamscript.lab import Lab

def test_it(lab):
    with open("kamailio.cfg") as file:
        text = file.read()
    sip = lab(text=text.replace("Nobody", "Not here") if Lab.substitute else text)
    assert sip.phone("alice").options().status == 404
"""
    out, status = pytest_run(written(tmp_path, test))
    assert status == 1
    assert "does something else than the lab:" in out
    assert "  lab:      SIP/2.0 404 Nobody (1 OPTIONS)" in out
    assert "  kamailio: SIP/2.0 404 Not here (1 OPTIONS)" in out
    assert "SIP in the lab" in out and "SIP on Kamailio" in out


def test_an_assertion_that_does_not_hold_on_kamailio_says_where(tmp_path: Path) -> None:
    test = """
from kamscript.lab import Lab

def test_it(lab):
    sip = lab("kamailio.cfg")
    assert sip.phone("alice").options().status == (500 if Lab.substitute else 404)
"""
    out, status = pytest_run(written(tmp_path, test))
    assert status == 1
    assert re.search(r"on Kamailio 5\.6\.\d+; in the lab the test passed", out)


def test_what_fails_in_the_lab_is_not_run_on_kamailio(tmp_path: Path) -> None:
    test = "def test_it(lab):\n    assert lab('kamailio.cfg').phone('alice').options().status == 500\n"
    out, status = pytest_run(written(tmp_path, test))
    assert status == 1
    assert "on Kamailio" not in out


#: What only the lab can do, and the reason that stands behind "skipped".
LAB_ONLY = {
    "sip.double('sl_send_reply', optional=True)": r"lab.double\(\)",
    "sip.server.module('tm')": "lab.server is the lab's alone",
    "sip.link(sip.phone('alice'), loss=0.0)": r"lab.link\(\)",
    "sip.route('', sip.request('OPTIONS', 'x'))": r"lab.route\(\)",
    "sip.trace()": r"lab.trace\(\)",
    "sip.advance(hours=12)": "it lets 43200 s pass; on the real Kamailio at most 5 s are waited",
    "sip.snapshot()": "a snapshot is of the lab's own run",
    "sip.network.send(sip.request('OPTIONS', 'x'), 'udp', sip.server_address(), sip.phone('alice').address)": (
        "a message in the server's name"
    ),
}


@pytest.fixture(scope="module")
def lab_only(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """A run of one test for each of them."""
    tests = [f"def test_{n}(lab):\n    sip = lab('kamailio.cfg')\n    {line}\n" for n, line in enumerate(LAB_ONLY)]
    tests.append("import pytest\n@pytest.mark.kam_lab_only('I say so')\ndef test_marked(lab): lab('kamailio.cfg')\n")
    return pytest_run(written(tmp_path_factory.mktemp("only"), "\n".join(tests)))


@pytest.mark.parametrize("reason", [*LAB_ONLY.values(), "I say so"])
def test_what_only_the_lab_can_do_is_skipped_with_the_reason(lab_only: tuple[str, int], reason: str) -> None:
    out, status = lab_only
    assert status == 0, out
    assert re.search(f"not on Kamailio: {reason}", out), out
    assert f"{len(LAB_ONLY) + 1} skipped" in out


def test_a_config_that_kamailio_refuses(tmp_path: Path) -> None:
    test = "def test_it(lab):\n    assert lab('kamailio.cfg').phone('alice').options().status == 404\n"
    out, status = pytest_run(written(tmp_path, test, NEWER))
    assert status == 1
    assert "kamscript runs this config, Kamailio does not start with it:" in out
    assert "t_exists" in out


def test_tests_without_a_lab_run_once(tmp_path: Path) -> None:
    out, status = pytest_run(written(tmp_path, "import sys\n\ndef test_it():\n    sys.stderr.write('once ')\n"), "-s")
    assert (status, out.count("once ")) == (0, 1)


def test_no_daemon_is_left(tmp_path: Path) -> None:
    test = """
from kamscript.lab import Lab
kept = []

def test_it():
    kept.append(Lab("kamailio.cfg"))
    assert kept[-1].phone("alice").options().status == 404
    if Lab.substitute:
        print("folder", kept[-1].daemon.folder, kept[-1].daemon._processes[0].pid)
"""
    out, status = pytest_run(written(tmp_path, test), "-s")
    assert status == 0, out
    found = re.search(r"folder (\S+) (\d+)", out)
    assert found is not None
    assert not Path(found[1]).exists()
    assert not Path(f"/proc/{found[2]}").exists()


# -- the lab on Kamailio --------------------------------------------------------------------------------------------
def test_time_really_passes() -> None:
    with RealLab(text=PROXY) as lab:
        before = lab.now
        lab.advance(0.3)
        assert 0.3 <= lab.now - before < 3


def test_more_than_anybody_waits() -> None:
    with RealLab(text=PROXY) as lab, pytest.raises(NotOnReal, match="at most 5 s"):
        lab.advance(minutes=1)


def test_waiting_for_what_the_daemon_does_by_itself() -> None:
    with RealLab(text=PROXY, params={"tm": {"fr_timer": 1000}}) as lab:
        request = lab.phone("alice").options("sip:bob@10.0.0.9:5060")
        lab.wait(lambda: request.status)
        assert request.status == 408


def test_params_take_the_place_of_the_configs() -> None:
    config = PROXY.replace("request_route", 'modparam("tm", "fr_timer", 30000)\nrequest_route')
    with RealLab(text=config, params={"tm": {"fr_timer": 700}, "core": {"debug": 1}}) as lab:
        request = lab.phone("alice").options("sip:bob@10.0.0.9:5060")
        lab.wait(lambda: request.status, 3)
        assert request.status == 408
        assert lab.log.script == []


def test_rpc_and_its_faults() -> None:
    with RealLab(text=PROXY) as lab:
        assert lab.rpc("core.version").startswith("kamailio 5.6")
        with pytest.raises(RpcFault, match="not found"):
            lab.rpc("no.such")


LISTS = """
listen=udp:10.0.0.254:5060
alias="example.com"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "dispatcher.so"
modparam("dispatcher", "list_file", "lists")
request_route { save("location"); }
"""


def test_arrays_of_rpc_answers_are_lists_on_both() -> None:
    files = {"lists": "1 sip:10.0.0.7 0\n1 sip:10.0.0.8 0\n2 sip:10.0.0.9 0\n"}
    for kind in (Lab, RealLab):
        with kind(text=LISTS, files=files) as lab:
            lab.phone("alice").register()
            lab.phone("bob").register()
            sets = {one["SET"]["ID"]: one["SET"]["TARGETS"] for one in lab.rpc("dispatcher.list")["RECORDS"]}
            assert [target["DEST"]["URI"] for target in sets[1]] == ["sip:10.0.0.8", "sip:10.0.0.7"]
            assert [target["DEST"]["URI"] for target in sets[2]] == ["sip:10.0.0.9"]
            (table,) = lab.rpc("ul.dump")["Domains"]
            assert sorted(one["Info"]["AoR"] for one in table["Domain"]["AoRs"]) == ["alice", "bob"]
            assert lab.rpc("ul.lookup", "location", "bob")["Contacts"][0]["Contact"]["Address"].startswith("sip:bob@")
            assert {"address": "example.com", "port": "*", "proto": "*"} in [
                one["alias"] for one in lab.rpc("core.aliases_list")["aliases"]
            ]
            assert [one["socket"]["port"] for one in lab.rpc("core.sockets_list")] == ["5060"]


def test_digests_over_an_address() -> None:
    config = PROXY.replace('alias="example.com"\n', "").replace("uri == myself", 'is_method("OPTIONS")').replace(
        'sl_send_reply("404"', 'if (!pv_www_authenticate("$td", "secret", "0")) { www_challenge("$td", "0"); exit; } '
        'sl_send_reply("200"',
    ).replace('loadmodule "xlog', 'loadmodule "auth.so"\nloadmodule "xlog')  # fmt: skip
    with RealLab(text=config) as lab:
        assert lab.phone("alice", password="secret").options().status == 200
        assert lab.phone("mallory", password="guessed").options().status == 401


def test_names_and_databases() -> None:
    config = PROXY.replace("request_route {", """
loadmodule "db_mysql.so"
loadmodule "sqlops.so"
modparam("sqlops", "sqlcon", "ca=>mysql://kamailio:secret@db.example.com/kamailio")
request_route {
    sql_query("ca", "select contact from location where username='$rU'", "ra");
    if ($dbr(ra=>rows) > 0) { $du = $dbr(ra=>[0,0]); t_relay(); exit; }
""")  # fmt: skip
    url = "mysql://kamailio:secret@db.example.com/kamailio"
    row = {"username": "bob", "contact": "sip:10.0.0.1:5060", "ruid": "1"}
    with RealLab(text=config, hosts={"gw.example.net": "10.0.0.1"}, database={"location": [row]}) as lab:
        bob, alice = lab.phone("bob"), lab.phone("alice")
        assert alice.options("sip:bob@example.com").status == 200
        assert alice.options("sip:anybody@gw.example.net").status == 200
        assert len(bob.received) == 2
        assert lab.database(url).row("location", {"username": "bob"})["contact"] == "sip:10.0.0.1:5060"
        assert lab.database() is lab.database(url)


def test_phones_over_tcp() -> None:
    with RealLab(text=PROXY + "\nlisten=tcp:127.0.0.1:22810\n") as lab:
        alice, bob = lab.phone("alice", proto="tcp"), lab.phone("bob", proto="tcp")
        call = alice.call("sip:bob@10.0.0.2:5060;transport=tcp")
        lab.wait(lambda: bob.calls)
        bob.call_waiting.answer()
        lab.wait(lambda: call.state == "confirmed")
        assert call.hangup().status == 200


def test_files_that_the_config_includes(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "more.cfg").write_text('route[MORE] { sl_send_reply("299", "Included"); exit; }\n', "utf-8")
    config = PROXY.replace('sl_send_reply("404", "Nobody"); exit;', "route(MORE);")
    (tmp_path / "kamailio.cfg").write_text(config + 'include_file "parts/more.cfg"\n', "utf-8")
    with RealLab(tmp_path / "kamailio.cfg") as lab:
        assert lab.phone("alice").options().status == 299


def test_a_config_that_does_not_start() -> None:
    with pytest.raises(Refused, match="t_exists"):
        RealLab(text=NEWER)


def test_measured_moments_are_about_what_the_lab_says() -> None:
    with RealLab(text=PROXY) as lab:
        alice = lab.phone("alice")
        assert alice.options().expect(404).time == 0
        before = lab.now
        for _ in range(3):
            lab.advance(0.2)
        assert lab.now - before == 0.6
        assert lab.now - before != 2
        assert alice.options().expect(404).time > 0.4


def test_a_scenario_of_sipp(tmp_path: Path) -> None:
    lines = ["OPTIONS sip:bob@example.com SIP/2.0", "Via: SIP/2.0/UDP [local_ip];branch=[branch]", "Call-ID: [call_id]"]
    lines += ["From: <sip:a@x>;tag=1", "To: <sip:bob@x>", "CSeq: 1 OPTIONS", "Max-Forwards: 9", "Content-Length: 0"]
    text = "\n".join(lines)
    (tmp_path / "ask.xml").write_text(
        '<?xml version="1.0"?>\n<scenario name="ask">\n'
        f'<send><![CDATA[\n{text}\n\n]]></send>\n<recv response="404"/>\n</scenario>\n'
    )
    with RealLab(text=PROXY, params={"core": {"debug": 2}}) as lab:
        assert lab.sipp(tmp_path / "ask.xml", calls=3, rate=100)["ask"].successful == 3


def test_a_database_that_a_parameter_names() -> None:
    config = PROXY.replace("request_route {", """
loadmodule "db_sqlite.so"
loadmodule "sqlops.so"
request_route {
    sql_query("ca", "select count(*) from version", "ra");
    xlog("L_ERR", "tables $dbr(ra=>[0,0])\\n");
""")  # fmt: skip
    with RealLab(text=config, params={"sqlops": {"sqlcon": "ca=>mysql://root@localhost/kamailio"}}) as lab:
        lab.phone("alice").options()
        assert re.search(r"tables [1-9]", "\n".join(lab.log.script))


def test_folders_for_included_files(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "more.cfg").write_text('route[MORE] { sl_send_reply("299", "Included"); exit; }\n', "utf-8")
    config = PROXY.replace('sl_send_reply("404", "Nobody"); exit;', "route(MORE);")
    (tmp_path / "kamailio.cfg").write_text(config + 'include_file "more.cfg"\n', "utf-8")
    with RealLab(tmp_path / "kamailio.cfg", include=[tmp_path / "parts"]) as lab:
        assert lab.phone("alice").options().status == 299


def test_what_the_lab_refuses_is_refused_here_too() -> None:
    with pytest.raises(ValueError, match="leaks='sometimes'"):
        RealLab(text=PROXY, leaks="sometimes")
    with RealLab(text=PROXY) as lab, pytest.raises(TypeError, match="expect_left"):
        lab.expect_left(dialoges=1)


# -- what the daemon tells of itself ----------------------------------------------------------------------------------
HELD = Path(__file__).with_name("proxy.cfg")
REGISTRAR = EXAMPLES / "registrar" / "kamailio.cfg"


@pytest.mark.parametrize("kind", [Lab, RealLab])
def test_dialogs_and_profiles(kind: type[Lab]) -> None:
    with kind(HELD) as lab:
        alice, bob = lab.phone("alice"), lab.phone("bob")
        assert lab.dialogs == []
        call = alice.call("bob")
        bob.call_waiting.answer()
        (one,) = lab.dialogs
        assert (one.caller, one.callee, one.state) == ("sip:alice@example.com", "sip:bob@example.com", "confirmed")
        assert (one.lifetime, one.call_id) == (43200, "1-alice@10.0.0.1")
        assert (one.variables, one.profiles) == ({"to": "bob"}, [("caller", "alice")])
        assert one.expires_in is not None and 43190 <= one.expires_in <= 43200
        assert (lab.profiles["caller"]["alice"], lab.profiles["caller"]["bob"]) == (1, 0)
        assert lab.stats["dialog:active_dialogs"] == lab.stats["active_dialogs"] == 1
        call.hangup()


@pytest.mark.parametrize("kind", [Lab, RealLab])
def test_registrations(kind: type[Lab]) -> None:
    with kind(REGISTRAR) as lab:
        bob = lab.phone("bob")
        assert lab.registrations == []
        bob.register(expires=600)
        lab.phone("carol").register(contact="<sip:carol@10.0.0.9:5070>;q=0.5")
        found = [(one.user, one.contact, one.q, one.received, one.table) for one in lab.registrations]
        assert sorted(found) == [
            ("bob", "sip:bob@10.0.0.1:5060", None, "", "location"),
            ("carol", "sip:carol@10.0.0.9:5070", 0.5, "", "location"),
        ]
        bob.unregister()
        assert [one.user for one in lab.registrations] == ["carol"]


def test_what_no_command_tells() -> None:
    with RealLab(HELD) as lab:
        lab.phone("alice").call("bob")
        with pytest.raises(NotOnReal, match="made of a dialog: Kamailio tells it by no command"):
            _ = lab.dialogs[0].made
        with pytest.raises(LookupError, match=r"the config does not load usrloc\.so"):
            _ = lab.registrations
        with pytest.raises(KeyError, match="no statistic active_dialog; did you mean"):
            _ = lab.stats["active_dialog"]


def test_log_lines_with_a_prefix() -> None:
    config = PROXY.replace("debug=2", 'debug=2\nlog_prefix="{$rm [x.c:1] $ci} "')
    lines = []
    for kind in (Lab, RealLab):
        with kind(text=config) as lab:
            lab.phone("alice").options()
            lines.append(lab.log.lines(origin="<script>"))
            assert lab.log.script == ["OPTIONS from 10.0.0.1:5060, call 1-alice@10.0.0.1"]
    assert lines[0] == lines[1]


def test_addresses_in_place_of_the_configs() -> None:
    with RealLab(text=PROXY, listen=["udp:10.1.0.1:5070"]) as lab:
        assert lab.server_address() == ("10.1.0.1", 5070)
        assert lab.phone("alice").options().expect(404).source == ("10.1.0.1", 5070)
