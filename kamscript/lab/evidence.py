"""The pytest side of evidence: `--kam-ladder`, `--kam-trace`, and coverage of configs. Registered by the plugin."""

from __future__ import annotations

import sys
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-cov's reports read configs."""
    coverage: Any = sys.modules.get("coverage")
    if coverage is not None and (config.pluginmanager.hasplugin("_cov") or coverage.Coverage.current() is not None):
        from kamscript.lab.coverage import install

        install()
