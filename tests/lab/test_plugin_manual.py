"""Every test in the manual's chapters on the plugin passes, in a project that has the config they speak of."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import pytest

from kamscript.lab import Lab

from .test_plugin import _loaded, project, run

__all__ = ["_loaded", "project"]

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
MANUAL = (HERE.parents[1] / "docs" / "lab.md").read_text("utf-8")
CHAPTERS = (
    "A first test",
    "Loading a config",
    "Time",
    "What the server holds: dialogs, registrations, statistics",
    "Snapshots",
    "Plain unittest, scripts",
)


def blocks(chapter: str, language: str) -> list[str]:
    text = MANUAL.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_tests_of_the_manual_pass(project: pytest.Pytester, chapter: str) -> None:
    shutil.copy(HERE / "manual.cfg", project.path / "kamailio.cfg")
    found = blocks(chapter, "python")
    assert found
    count = sum(len(re.findall(r"def test_", block)) for block in found)
    run(project, "\n".join(found), "--kam-update", passed=count)


def test_the_snapshot_is_what_the_manual_shows(project: pytest.Pytester) -> None:
    shutil.copy(HERE / "manual.cfg", project.path / "kamailio.cfg")
    run(project, blocks("Snapshots", "python")[0], "--kam-update")
    kept = (project.path / "snapshots" / "test_it" / "refusal.txt").read_text("utf-8")
    assert kept == blocks("Snapshots", "text")[0]


def test_every_option_stands_in_the_table() -> None:
    folder = HERE.parents[1] / "kamscript" / "lab"
    source = "".join((folder / name).read_text("utf-8") for name in ("plugin.py", "evidence.py"))
    options = set(re.findall(r'"(--kam-[a-z-]+|kam_[a-z]+)"', source)) - {"kam_snapshot", "kam_ladder"}
    options |= {f"{name}=" for name in inspect.signature(Lab.__init__).parameters} - {"self=", "config="}
    table = MANUAL.partition("\n## Options, in one place\n")[2]
    assert sorted(option for option in options if f"`{option}" not in table) == []
