"""README's commands do what README says; its first test runs in tests/lab/test_plugin.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def console_blocks() -> list[tuple[str, str]]:
    """Commands and what README shows behind them."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.S)
    steps = [step for block in blocks for step in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)]
    return [(command, shown) for command, shown in steps if re.match(r"kamscript (call|check|run -c) ", command)]


def test_there_are_commands_to_test() -> None:
    assert len(console_blocks()) >= 3


@pytest.mark.parametrize(("command", "shown"), console_blocks(), ids=lambda text: text[:40].strip())
def test_a_command_prints_what_readme_shows(command: str, shown: str) -> None:
    words = [sys.executable, "-m", *command.split()]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", cwd=ROOT, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, shown)
