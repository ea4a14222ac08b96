"""The chapter on evidence of docs/lab.md: its test passes, its options exist."""

import re
import shutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
CHAPTER = (ROOT / "docs" / "lab.md").read_text("utf-8").partition("## Evidence")[2].partition("\n## ")[0]


def test_the_tests_of_the_chapter_pass(pytester: pytest.Pytester) -> None:
    shutil.copy(ROOT / "examples" / "registrar" / "kamailio.cfg", pytester.path / "kamailio.cfg")
    blocks = re.findall(r"```python\n(.*?)```", CHAPTER, re.DOTALL)
    pytester.makepyfile("\n".join(blocks))
    pytester.runpytest_inprocess("--kam-ladder=ladders", "--kam-trace").assert_outcomes(passed=len(blocks))
    assert (pytester.path / "ladders" / "index.html").exists()


def test_the_picture_is_there() -> None:
    names = re.findall(r"!\[[^]]*\]\(([^)]*)\)", CHAPTER)
    assert names
    assert all((ROOT / "docs" / name).read_bytes().startswith(b"\x89PNG") for name in names)
