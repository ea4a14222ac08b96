"""Runs every case of `cases/` on kamscript, and proves on real Kamailio that the golden outcomes are true."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .case import Case, all_cases
from .lab import Lab
from .outcome import differences, golden, run
from .real import Real

CASES = all_cases()
#: Each case carries the sections of the specification that it proves.
MARKED = [pytest.param(case, marks=pytest.mark.spec(*case.spec.split()) if case.spec else ()) for case in CASES]


def _skip_without(case: Case) -> None:
    if case.needs and not Path(case.needs).exists():
        pytest.skip(f"{case.needs} is not there: apt-get install kamailio")


@pytest.mark.kamailio
@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden_is_what_kamailio_does(case: Case) -> None:
    """The recorded outcome is current."""
    _skip_without(case)
    recorded = golden(case)
    assert recorded is not None, f"python -m tests.differential.record {case.topic} {case.name}"
    # A second that ends within a case shows in the remaining time of a contact. The pauses are for a failure seen once,
    # three times in a row in one run and never in 1,500 later ones, whose cause is not known (docs/status.md).
    for pause in (0.0, 0.0, 0.2, 0.5, 1.0):
        time.sleep(pause)
        found = differences(recorded, run(case, Real), {})
        if not found:
            break
    assert not found, "\n".join(["recorded and now:", *found])


@pytest.mark.parametrize("case", MARKED, ids=str)
def test_kamscript_does_what_kamailio_does(case: Case) -> None:
    """kamscript's outcome is the recorded one, but for the differences that the case names with a reason."""
    _skip_without(case)
    recorded = golden(case)
    assert recorded is not None, f"python -m tests.differential.record {case.topic} {case.name}"
    found = differences(recorded, run(case, Lab), case.differs)
    assert not found, "\n".join([case.doc, *found])
