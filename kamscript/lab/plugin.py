"""The pytest plugin: the fixture `lab` loads configs, and a failing test shows what happened on the wire.

    def test_nobody_is_registered(lab):
        sip = lab("kamailio.cfg")
        assert sip.phone("alice").call("bob").status == 404

Each call gives a fresh server; the config is compiled once per session. Relative paths are looked up beside the test
file, then in the directory pytest was started in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab


class LabLoader(Protocol):
    """What the fixture gives: the arguments are those of `kamscript.lab.Lab`."""

    def __call__(self, config: str | Path | None = None, **options: Any) -> Lab: ...


_labs: pytest.StashKey[list[Lab]] = pytest.StashKey()


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[LabLoader]:
    """Load a config into a fresh lab: `lab("kamailio.cfg", defines={"WITH_AUTH": ""})` or `lab(text="...")`."""
    from kamscript.lab.lab import Lab

    labs: list[Lab] = []
    request.node.stash[_labs] = labs

    def load(config: str | Path | None = None, **options: Any) -> Lab:
        if config is not None and not Path(config).is_absolute():
            beside = request.path.parent / config
            config = beside if beside.exists() else config
        made = Lab(config, **options)
        labs.append(made)
        return made

    yield load
    for made in labs:
        made.server.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Add ladder and log of the test's labs to the report of a failure."""
    report = yield
    if call.when == "call" and report.failed:
        for made in item.stash.get(_labs, []):
            report.sections.append(("SIP", made.ladder()))
            if made.log:
                report.sections.append(("Kamailio log", "\n".join(line.rstrip("\n") for line in made.log.lines())))
    return report
