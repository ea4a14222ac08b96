"""The tests of the stock configuration, played again on a real Kamailio: `pytest --kam-real`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.servers import need_stock

ROOT = Path(__file__).parents[2]
TESTS = ("tests/lab/test_stock.py", "tests/lab/test_stock_defines.py")
#: Why one of them may be skipped: everything else is the same on both.
REASONS = (
    r"it lets [\d.]+ s pass; on the real Kamailio at most 5 s are waited \(--kam-real-wait\)",
    r"certificate file '/etc/kamailio/kamailio-selfsigned\.pem' of module tls cannot be loaded; .+",
    r"lab\.(?:link|route)\(\): .+",
    r"Lab\(doubles='lenient'\): .+",
    r"five minutes pass",
    r"phones over TLS: .+",
    r"HTTP over the lab's streams: .+",
)


@pytest.mark.kamailio
def test_kamailio_does_the_same_with_the_stock_config() -> None:
    need_stock()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--kam-real", "-rs", "-o", "addopts=", *TESTS]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False, env=environ)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    reasons = re.findall(r"(?m)^SKIPPED \[\d+\] \S+ not on Kamailio: (.*)$", said)
    assert reasons
    for reason in reasons:
        assert any(re.fullmatch(known, reason) for known in REASONS), reason
    (passed,) = re.findall(r"(\d+) passed", said)
    assert int(passed) >= 30
