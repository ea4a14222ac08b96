"""The pytest side of evidence: `--kam-ladder`, `--kam-trace`, coloured ladders, coverage of configs.

    pytest --kam-ladder=ladders     # a page for each test that used a lab, and ladders/index.html
    pytest --kam-trace              # the routes line by line, in failures and on those pages

The plugin registers this module. Under pytest-xdist the workers write the pages and the controller the index.
"""

from __future__ import annotations

import os
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab
    from kamscript.report.html import Entry

_folder: pytest.StashKey[Path] = pytest.StashKey()
_entries: pytest.StashKey[list[Entry]] = pytest.StashKey()
_labs: pytest.StashKey[list[Lab]] = pytest.StashKey()
_before: pytest.StashKey[bool] = pytest.StashKey()

#: Longest name of a page, without its end.
LONGEST = 120


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("kamscript")
    group.addoption("--kam-ladder", metavar="DIR", default="", help="keep the ladder of every test as a page in DIR")
    group.addoption("--kam-trace", action="store_true", help="follow the routes line by line, in failures and ladders")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the folder, switch traces on, and let pytest-cov's reports read configs."""
    coverage: Any = sys.modules.get("coverage")
    if coverage is not None and (config.pluginmanager.hasplugin("_cov") or coverage.Coverage.current() is not None):
        from kamscript.lab.coverage import install

        install()
    if config.getoption("--kam-trace"):
        from kamscript.lab.lab import Lab

        config.stash[_before] = Lab.always_traced
        Lab.always_traced = True
    asked = config.getoption("--kam-ladder")
    if asked:
        folder = config.invocation_params.dir / asked
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise pytest.UsageError(f"--kam-ladder={asked}: no folder can be made there: {error.strerror}") from None
        config.stash[_folder] = folder
        config.stash[_entries] = []
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(_Collector(config), "kamscript-ladders")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave things as they were: pytest may run inside of a test."""
    if _before in config.stash:
        from kamscript.lab.lab import Lab

        Lab.always_traced = config.stash[_before]


# -- one test -------------------------------------------------------------------------------------------------------
@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note the labs that a test and its fixtures make."""
    if _folder not in item.config.stash:
        return (yield)
    from kamscript.lab import lab as labs

    made: list[Lab] = []
    item.stash[_labs] = made
    labs.observers.append(made.append)
    try:
        return (yield)
    finally:
        labs.observers.remove(made.append)
        del item.stash[_labs]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Write the test's page when it has run, or when its fixtures failed."""
    report = yield
    made = [one for one in item.stash.get(_labs, []) if hasattr(one, "leaks")]
    if made and (call.when == "call" or (call.when == "setup" and report.failed)):
        report.kam_ladder = _write(item, made, report)
    return report


def _write(item: pytest.Item, made: list[Lab], report: Any) -> dict[str, Any]:
    from kamscript.lab.story import story_of
    from kamscript.report.html import html

    result = report.outcome if report.when == "call" else "error"
    stories = [story_of(one, f"lab {number}" if len(made) > 1 else item.nodeid) for number, one in enumerate(made, 1)]
    file = f"{page_name(item.nodeid)}.html"
    text = html(stories, title=item.nodeid, result=result, failure=report.longreprtext if report.failed else "")
    (item.config.stash[_folder] / file).write_text(text, encoding="utf-8")
    messages = sum(len(story.messages) for story in stories)
    return {"name": item.nodeid, "file": file, "result": result, "messages": messages, "seconds": report.duration}


def page_name(nodeid: str) -> str:
    """A test's id as a file name; ids that differ give names that differ."""
    plain = nodeid.replace("/", ".").replace("::", "-")
    name = re.sub(r"[^\w.=+-]+", "_", plain).strip("_.")
    if name == plain and len(name) <= LONGEST:
        return name
    return f"{name[:LONGEST]}-{zlib.crc32(nodeid.encode()):08x}"


# -- the run --------------------------------------------------------------------------------------------------------
class _Screen:
    """Whether people see colours."""

    markup = False


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at the terminal."""
    _Screen.markup = session.config.get_terminal_writer().hasmarkup


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Colour the ladder of a failure."""
    if report.failed and _Screen.markup and any(title.startswith("SIP") for title, _ in report.sections):
        from kamscript.report.terminal import coloured

        report.sections = [
            (title, coloured(text) if title.startswith("SIP") and "\x1b" not in text else text)
            for title, text in report.sections
        ]


class _Collector:
    """Gathers the pages of all workers."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test is through."""
        page = getattr(report, "kam_ladder", None)
        if page is not None:
            from kamscript.report.html import Entry

            self.config.stash[_entries].append(Entry(**page))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the index."""
    config = session.config
    if _folder in config.stash and not hasattr(config, "workerinput"):
        from kamscript.report.html import index

        entries = config.stash[_entries]
        (config.stash[_folder] / "index.html").write_text(index(entries), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the ladders are, and what `coverage report` needs after `coverage run -m pytest`."""
    if _folder in config.stash:
        folder, entries = Path(os.path.relpath(config.stash[_folder])), config.stash[_entries]
        for entry in entries:
            if entry.result in ("failed", "error"):
                terminalreporter.write_line(f"ladder of {entry.name}: {folder / entry.file}")
        terminalreporter.write_line(f"ladders of {len(entries)} tests: {folder / 'index.html'}")
    coverage: Any = sys.modules.get("coverage")
    measuring = coverage is not None and coverage.Coverage.current()
    if measuring and "kamscript.lab.coverage" not in (measuring.get_option("run:plugins") or []):
        controller = getattr(config.pluginmanager.getplugin("_cov"), "cov_controller", None)
        if controller is None and "kamscript.lab.lab" in sys.modules:
            terminalreporter.write_line(
                'kamscript: `coverage report` shows configs with plugins = ["kamscript.lab.coverage"] in '
                "[tool.coverage.run]"
            )
