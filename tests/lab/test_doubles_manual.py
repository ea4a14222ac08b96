"""The chapters on routes alone, doubles and databases of docs/lab.md: every test in them passes."""

import re
from pathlib import Path
from typing import Any

import pytest

from kamscript.lab import Lab

MANUAL = (Path(__file__).parents[2] / "docs/lab.md").read_text("utf-8")


def chapter(name: str) -> str:
    return MANUAL.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def found() -> list[Any]:
    tests = []
    for name in ("One route alone", "Doubles", "Databases"):
        (config,) = re.findall(r"```kamailio\n(.*?)```", chapter(name), re.S)
        for block in re.findall(r"```python\n(.*?)```", chapter(name), re.S):
            scope: dict[str, Any] = {}
            exec(block, scope)
            tests += [
                pytest.param(config, function, id=f"{name}-{title}")
                for title, function in scope.items()
                if title.startswith("test_")
            ]
    return tests


@pytest.mark.parametrize(("config", "test"), found())
def test_the_manual(config: str, test: Any) -> None:
    with Lab(text=config) as lab:
        test(lab)


def test_there_are_tests_in_the_manual() -> None:
    assert len(found()) >= 14
