"""The chapter on SIPp scenarios of docs/lab.md: its tests pass, its command runs, its failure text is what comes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from kamscript.cli import main
from kamscript.lab import Lab
from kamscript.lab.sipp.scenario import builtin
from tests.lab.sipp.stage import recv, reply, scenario

MANUAL = (Path(__file__).parents[3] / "docs" / "lab.md").read_text("utf-8")
CHAPTER = MANUAL.partition("\n## SIPp scenarios\n")[2].partition("\n## ")[0]


def block(language: str) -> str:
    found: str = re.findall(rf"```{language}\n(.*?)```", CHAPTER, re.DOTALL)[0]
    return found


SCOPE: dict[str, Any] = {}
exec(block("python"), SCOPE)


@pytest.mark.parametrize("name", [name for name in SCOPE if name.startswith("test_")])
def test_the_tests_of_the_manual_pass(name: str) -> None:
    with Lab(text=block("kamailio")) as lab:
        SCOPE[name](lab)


def test_the_command_of_the_manual_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kamailio.cfg").write_text(block("kamailio"))
    for name in ("uac", "uas"):
        (tmp_path / f"{name}.xml").write_text(builtin(name).text)
    words = shlex.split(block("shell"))
    words[words.index("10000")] = "10"
    assert main(words[1:]) == 0


def test_the_failure_of_the_manual_is_what_comes(tmp_path: Path) -> None:
    (tmp_path / "busy.xml").write_text(scenario(recv("INVITE"), reply("486 Busy Here"), recv("ACK")))
    text = str(Lab(text=block("kamailio"), leaks="ignore").sipp("uac", tmp_path / "busy.xml"))
    lines = [line for line in block("text").split("\n") if line and "..." not in line]
    assert [line for line in lines if line not in text.split("\n")] == []
