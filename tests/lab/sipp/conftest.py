"""A stage for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.sipp.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A lab with a proxy, for scenarios in a few lines."""
    return Stage(tmp_path)
