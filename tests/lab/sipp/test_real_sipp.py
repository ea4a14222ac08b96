"""The same scenario files with real SIPp, between it `kamscript run`: messages, logs and verdict are the lab's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kamscript.lab.sipp import Settings
from kamscript.lab.sipp.scenario import builtin, builtin_names, load
from tests.lab.sipp import cases_calls, cases_flows, cases_more, cases_words
from tests.lab.sipp.cases_broken import BROKEN, ODD
from tests.lab.sipp.duel import NEEDS_SIPP, Duels, config, own_text, taken
from tests.live.servers import kamscript

pytestmark = NEEDS_SIPP

PORT = 23500
CASES = {**cases_calls.CASES, **cases_flows.CASES, **cases_words.CASES, **cases_more.CASES}


@pytest.fixture(scope="module")
def duels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Duels]:
    folder = tmp_path_factory.mktemp("duels")
    chosen = {
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_real_sipp_and_the_lab_agree.__name__
    }
    with kamscript(config(PORT), folder) as running:
        played = Duels(CASES, running, PORT, folder, [name for name in CASES if name in chosen])
        yield played
        played.close()


@pytest.mark.parametrize("case", CASES)
def test_real_sipp_and_the_lab_agree(
    case: str, duels: Duels, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    duels.judge(case, monkeypatch, capsys)


def test_sipp_and_the_lab_refuse_the_same_files(tmp_path: Path) -> None:
    scenarios = {**BROKEN, **ODD}
    paths = [tmp_path / f"{number}.xml" for number in range(len(scenarios))]
    with ThreadPoolExecutor(4) as pool:
        theirs = pool.map(taken, scenarios.values(), paths, range(PORT + 301, PORT + 301 + len(scenarios)))
        assert dict(zip(scenarios, theirs, strict=True)) == {name: name in ODD for name in scenarios}


@pytest.mark.parametrize("name", builtin_names())
def test_a_builtin_scenario_takes_the_steps_of_sipps_own(name: str, tmp_path: Path) -> None:
    theirs = tmp_path / "sipp.xml"
    theirs.write_text(own_text(name), encoding="latin-1")
    steps = [
        [(step.label, step.next, step.retrans, step.optional) for step in load(text, Settings()).steps]
        for text in (builtin(name), theirs)
    ]
    assert steps[0] == steps[1]
