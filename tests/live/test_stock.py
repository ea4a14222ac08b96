"""The configuration that Debian installs, carrying SIPp's calls: each party receives what it receives from Kamailio."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.differential.normalise import Normaliser
from tests.live.servers import STOCK, Start, bound, conversation, finish, kamailio, kamscript, sipp

CONFIG = f"""#!KAMAILIO
listen=udp:127.0.0.1:22000
listen=tcp:127.0.0.1:22000
include_file "{STOCK}"
"""
CALLER, CALLEE = 22010, 22020
#: Who takes part: scenario and port, those that wait first.
SCENARIOS: dict[str, tuple[tuple[str, int], ...]] = {
    "REGISTER": (("register", CALLEE),),
    "a call with a re-INVITE": (("callee", CALLEE), ("caller", CALLER)),
    "a call cancelled": (("cancelled", CALLEE), ("canceller", CALLER)),
    "a call declined": (("busy", CALLEE), ("declined", CALLER)),
    "a user who is not registered": (("unknown", CALLER),),
    "OPTIONS": (("options", CALLER),),
}
Messages = dict[str, list[str]]


class Played(NamedTuple):
    """What the parties of each scenario received, and what the server logged."""

    scenarios: dict[str, Messages]
    log: str


def _play(start: Start, directory: Path, transport: str) -> Played:
    options = ["-t", "t1" if transport == "tcp" else "u1"]
    received: dict[str, Messages] = {}
    with start(CONFIG, directory, ports=(22000,)) as running:
        for name, parties in SCENARIOS.items():
            processes: list[subprocess.Popen[bytes]] = []
            for scenario, port in parties:
                waits = len(parties) > len(processes) + 1
                target = "" if waits else "127.0.0.1:22000"
                processes.append(sipp(scenario, directory, port, *options, target=target))
                deadline = time.monotonic() + 10
                while waits and not bound(port, transport) and time.monotonic() < deadline:
                    time.sleep(0.005)
            for process in processes:
                finish(process)
            received[name] = _received(directory, parties)
        log = running.log()
    return Played(received, log)


def _received(directory: Path, parties: tuple[tuple[str, int], ...]) -> Messages:
    talks = {scenario: conversation(scenario, directory, port) for scenario, port in parties}
    # Whoever opens the dialog speaks first, so its own values are known when the others get them.
    normal = Normaliser([message for scenario, _ in reversed(parties) for message in talks[scenario]])
    return {
        scenario: [normal.text(text) for sent, text in talk if not sent] for scenario, talk in reversed(talks.items())
    }


@pytest.fixture(scope="module", params=["udp", "tcp"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Played, Played]]:
    """Every scenario, on the daemon and on kamscript."""
    real = _play(kamailio, tmp_path_factory.mktemp("kamailio"), request.param)
    ours = _play(kamscript, tmp_path_factory.mktemp("kamscript"), request.param)
    yield real, ours


@pytest.mark.kamailio
@pytest.mark.sipp
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_party_receives_what_kamailio_sends(played: tuple[Played, Played], name: str) -> None:
    real, ours = played
    assert ours.scenarios[name] == real.scenarios[name]
    assert any(real.scenarios[name].values())


@pytest.mark.kamailio
@pytest.mark.sipp
def test_nothing_is_logged_as_a_fault(played: tuple[Played, Played]) -> None:
    log = played[1].log
    assert not any(word in log for word in ("CRITICAL", "ERROR", "Traceback")), log
