"""Fifty call scenarios, fresh state each: tests with kamscript beside a booted Kamailio and two SIPps per scenario.

(a) kamscript under pytest, (b) Kamailio + `sipp` uas + `sipp` uac booted for each, (c) the same with SIPp at `-r 1000`.
All three play `scenarios.SCENARIOS` through configs/scenarios.cfg, in one run; SIPp's exit code is its verdict.

(a) is what a test spends in kamscript: starting a server, the calls, the check that nothing is left. What pytest spends
around it is shown apart, as is the lab without pytest, and a call that ends after twelve hours. These are processor
time: nothing in them waits, so a clock shows the same where nothing else runs. (b) and (c) are by the clock.
Run: python bench/lab_vs_daemon.py [rounds]
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pytest
from live import kamailio, wait_for_port
from scenarios import KINDS, SCENARIOS, Scenario, play, xml

from kamscript.lab import Lab

HERE = Path(__file__).parent
CONFIG = HERE / "configs" / "scenarios.cfg"
PORT, CALLEE, CALLER = 25160, 25180, 25170
IN_LAB = {"LISTEN": "udp:127.0.0.1:5060", "CALLEE": '"sip:10.0.0.2:5060"'}
ON_LOOPBACK = [f"LISTEN=udp:127.0.0.1:{PORT}", f'CALLEE="sip:127.0.0.1:{CALLEE}"']
REPEATED = 20  #: how often pytest runs each scenario, so that its own start is spread over many tests
SESSIONS = 3  #: of each kind; the quickest counts
GOAL_MS, GOAL_HOURS_MS = 0.5, 2.0


# -- (a) ------------------------------------------------------------------------------------------------------------
def in_lab(rounds: int) -> float:
    """Milliseconds a scenario: a fresh server, the calls, the check that nothing is left."""

    def once(scenario: Scenario) -> None:
        with Lab(CONFIG, defines=IN_LAB) as lab:
            play(lab, scenario)

    return sum(typical(partial(once, scenario), rounds) for scenario in SCENARIOS) / len(SCENARIOS)


def twelve_hours(rounds: int) -> float:
    """Milliseconds for a call that nobody ends: twelve hours later the dialog module sends BYE to both sides."""

    def once() -> None:
        with Lab(CONFIG, defines={**IN_LAB, "WITH_DIALOG": ""}) as lab:
            caller, callee = lab.phone("caller"), lab.phone("callee")
            call = caller.call("callee")
            callee.call_waiting.answer()
            lab.advance(hours=12)
            lab.advance(seconds=2)
            assert call.state == callee.call_waiting.state == "ended"

    return typical(once, rounds)


def typical(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of the middle one of some rounds."""
    work()
    gc.collect()
    gc.freeze()
    times = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    gc.unfreeze()
    return median(times) * 1000


class Spent(NamedTuple):
    """Milliseconds a test: inside of it (its call, without fixtures' set-up), and of the whole session."""

    inside: float
    whole: float


class Stopwatch:
    """Counts the seconds that pytest spends inside of tests, and how many passed."""

    def __init__(self) -> None:
        self.inside, self.passed = 0.0, 0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Any:
        started = time.process_time()
        result = yield
        self.inside += time.process_time() - started
        self.passed += 1
        return result


def under_pytest(body: str) -> Spent:
    """The quickest session with a file of these tests; the first one imports and compiles, and does not count."""
    session(body)
    return min((session(body) for _ in range(SESSIONS)), key=lambda spent: spent.whole)


def session(body: str) -> Spent:
    """One session of pytest in this process."""
    gc.collect()  # what the last one left
    count = len(SCENARIOS) * REPEATED
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"test_{Path(folder).name}.py"  # a module of its own in this process
        file.write_text(f"import pytest\nfrom scenarios import SCENARIOS, play\n\n\n{body}", encoding="utf-8")
        (Path(folder) / "pytest.ini").write_text(f"[pytest]\nkam_config = {CONFIG}\n", encoding="utf-8")
        watch = Stopwatch()
        started = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status = pytest.main(["-q", "-p", "no:cacheprovider", str(file)], plugins=[watch])
        spent = time.process_time() - started
    if status or watch.passed != count:
        raise SystemExit(f"{said.getvalue()}\nunder pytest only {watch.passed} of {count} tests passed")
    return Spent(watch.inside * 1000 / count, spent * 1000 / count)


TESTS = f"""@pytest.mark.parametrize("number", range({REPEATED}))
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_scenario(lab, scenario, number):
    play(lab(defines={IN_LAB!r}), scenario)
"""
EMPTY = f"""@pytest.fixture
def nothing(request):
    yield request.node


@pytest.mark.parametrize("number", range({REPEATED}))
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_nothing(nothing, scenario, number):
    pass
"""


# -- (b), (c) -------------------------------------------------------------------------------------------------------
def with_daemon(scenario: Scenario, folder: Path, *tuned: str) -> float:
    """Seconds for one scenario with a Kamailio and SIPps of its own; a failed one ends the benchmark."""
    kind = KINDS[scenario.kind]
    for party, steps in (("uac", kind.caller), ("uas", kind.callee)):
        if steps:
            (folder / f"{party}.xml").write_text(xml(steps, scenario), encoding="latin-1")
    common = ["-m", "1", "-nostdin", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-timeout", "10", *tuned]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    defines = [word for define in ON_LOOPBACK for word in ("-A", define)]
    started = time.perf_counter()
    server = subprocess.Popen([*kamailio(CONFIG), *defines], **quiet)
    callee: subprocess.Popen[bytes] | None = None
    try:
        wait_for_port(PORT)
        if kind.callee:
            callee = subprocess.Popen(["sipp", "-sf", "uas.xml", "-p", str(CALLEE), *common], **quiet)
            wait_for_port(CALLEE)
        target = f"127.0.0.1:{PORT}"
        done = subprocess.run(["sipp", "-sf", "uac.xml", target, "-p", str(CALLER), *common], **quiet, check=False)
        codes = [done.returncode, callee.wait(10) if callee is not None else 0]
    finally:
        if callee is not None:
            callee.kill()
        server.send_signal(signal.SIGTERM)
        server.wait(10)
    if any(codes):
        raise SystemExit(f"{scenario.name}: SIPp ended with {codes}")
    return time.perf_counter() - started


def booted(*tuned: str) -> float:
    """Milliseconds a scenario with a daemon of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return sum(with_daemon(scenario, Path(folder), *tuned) for scenario in SCENARIOS) * 1000 / len(SCENARIOS)


def main(rounds: int = 20) -> int:
    """Print the table; a scenario that fails on either side ends it."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    alone = in_lab(rounds)
    hours = twelve_hours(rounds * 10)
    tests, empty = under_pytest(TESTS), under_pytest(EMPTY)
    mine = tests.inside - empty.inside
    print(f"{len(SCENARIOS)} call scenarios, fresh state each, milliseconds a scenario")
    print(f"  (a) kamscript in a test of pytest           {mine:8.3f}  (goal {GOAL_MS})")
    print(f"      pytest's own overhead a test            {tests.whole - mine:8.3f}  (empty tests: {empty.whole:.3f})")
    print(f"      the lab without pytest                  {alone:8.3f}")
    if shutil.which("kamailio") and shutil.which("sipp"):
        plain, tuned = booted(), booted("-r", "1000")
        print(f"  (b) Kamailio and two SIPps for each         {plain:8.1f}  = {plain / mine:.0f} x (a) (goal 300)")
        print(f"  (c) the same, SIPp with -r 1000             {tuned:8.1f}  = {tuned / mine:.0f} x (a) (goal 100)")
    else:
        print("  (b), (c) skipped: they need kamailio and sipp (apt-get install kamailio sip-tester)")
    print(f"  a call that times out after twelve hours    {hours:8.3f}  (goal {GOAL_HOURS_MS})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
