"""What tests need from outside: skipped when missing, failed when REQUIRE_KAMAILIO=1 says it must be there.

Compiled configs are kept in a folder of the run, not in the user's cache.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from .spec import SECTIONS, sections_of

NEEDS: Mapping[str, tuple[str, str]] = {
    "kamailio": ("kamailio", "apt-get install kamailio kamailio-extra-modules kamailio-utils-modules"),
    "sipp": ("sipp", "apt-get install sip-tester"),
    "kamcli": ("kamcli", "apt-get install kamcli"),
    "curl": ("curl", "apt-get install curl"),
    "redis": ("redis-server", "apt-get install redis-server"),
}


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of compiled configs that this run, and the programs it starts, have to themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAMSCRIPT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def _missing(marker: str) -> str | None:
    program, install = NEEDS[marker]
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return None if shutil.which(program, path=path) else f"{program} is not installed: {install}"


#: Sections of the specification with a test that passed in this run; filled where the reports come together.
_proved: set[str] = set()


#: What shares ports stays on one worker of pytest-xdist, one test after the other; else a file is what stays together.
#: Some configs of `check/` listen on port 5060 of every address, as the daemons around which tests of the lab run do.
LIVE = (
    "tests/live/",
    "tests/differential/check/",
    "tests/lab/test_real",
    "tests/lab/test_doubles_re",
    "tests/lab/test_dns_real",
    "tests/lab/test_htables",
    "tests/lab/sipp/test_real",
    "stdlib/test_real",
)
GROUPS: Mapping[str, str] = {**dict.fromkeys(LIVE, "live"), "tests/differential/test_": "differential"}


def whole(config: pytest.Config) -> bool:
    """Whether this is a run of all tests."""
    if hasattr(config, "workerinput"):
        return bool(config.workerinput["whole"])
    return config.args_source is not pytest.Config.ArgsSource.ARGS and not (
        config.option.keyword or config.option.markexpr or config.option.deselect or config.option.collectonly
    )


class Grouped(LoadScopeScheduling):  # type: ignore[misc]
    """Deals tests out to the workers of pytest-xdist, a group at a time, the largest first."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, name = nodeid.partition("::")
        if name.startswith("test_kamscript_does_what_kamailio_does"):
            return "cases"
        return next((group for start, group in GROUPS.items() if path.startswith(start)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouped:
    """`-n` deals out groups, whatever `--dist` says."""
    return Grouped(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what kind of run it has a part in."""
    node.workerinput["whole"] = whole(node.config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each report carry what its test proves."""
    for item in items:
        item.user_properties.extend(("spec", section) for section in sections_of(item))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what is proved."""
    if report.when == "call" and report.passed:
        _proved.update(str(value) for name, value in report.user_properties if name == "spec")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A whole run fails when a section of the specification is proved by nothing that passed."""
    config = session.config
    if hasattr(config, "workerinput") or not whole(config) or session.testsfailed or config.option.maxfail:
        return
    missing = [section for section in SECTIONS if section not in _proved]
    if missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"no passing test for sections of the dialog specification: {', '.join(missing)}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test marked with the name of a program that is not there."""
    for marker in NEEDS:
        if item.get_closest_marker(marker) is None:
            continue
        reason = _missing(marker)
        if reason and os.environ.get("REQUIRE_KAMAILIO") == "1":
            pytest.fail(f"{reason} (REQUIRE_KAMAILIO=1)")
        if reason:
            pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason to skip, with how many tests it cost."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.getreports("skipped"):
        longrepr = report.longrepr
        reason = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr).removeprefix("Skipped: ")
        reason = reason.partition(" (driver error")[0]
        reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
        terminalreporter.write_line(f"skipped {count}: {reason}")
