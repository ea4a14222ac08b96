"""What tests need from outside: skipped when missing, failed when REQUIRE_KAMAILIO=1 says it must be there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

import pytest

NEEDS: Mapping[str, tuple[str, str]] = {
    "kamailio": ("kamailio", "apt-get install kamailio kamailio-extra-modules kamailio-utils-modules"),
    "sipp": ("sipp", "apt-get install sip-tester"),
}


def _missing(marker: str) -> str | None:
    program, install = NEEDS[marker]
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return None if shutil.which(program, path=path) else f"{program} is not installed: {install}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test marked `kamailio` or `sipp` without the program."""
    for marker in NEEDS:
        if item.get_closest_marker(marker) is None:
            continue
        reason = _missing(marker)
        if reason and os.environ.get("REQUIRE_KAMAILIO") == "1":
            pytest.fail(f"{reason} (REQUIRE_KAMAILIO=1)")
        if reason:
            pytest.skip(reason)
