"""The same tests, played again on a real Kamailio: `pytest --kam-real`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
#: Why one of them may be skipped: everything else is the same on both.
REASONS = (
    r"it lets [\d.]+ s pass; on the real Kamailio at most 5 s are waited \(--kam-real-wait\)",
    r"lab\.link\(\): .+",
)


@pytest.mark.kamailio
@pytest.mark.skipif(shutil.which("kamailio") is None, reason="needs Kamailio: apt-get install kamailio")
def test_kamailio_does_the_same() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--kam-real", "-rs", "-o", "addopts="]
    command.append("stdlib/test_stdlib.py")
    environ = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        command, cwd=HERE.parent, capture_output=True, text=True, timeout=180, check=False, env=environ
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    reasons = re.findall(r"(?m)^SKIPPED \[\d+\] \S+ not on Kamailio: (.*)$", said)
    assert [reason for reason in reasons if not any(re.fullmatch(known, reason) for known in REASONS)] == []
    assert len(reasons) <= 4
    (passed,) = re.findall(r"(\d+) passed", said)
    assert int(passed) >= 50
