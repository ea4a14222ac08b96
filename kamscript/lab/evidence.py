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


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """`coverage run -m pytest`: the reports come later, from a process of their own."""
    coverage: Any = sys.modules.get("coverage")
    measuring = coverage is not None and coverage.Coverage.current()
    if measuring and "kamscript.lab.coverage" not in (measuring.get_option("run:plugins") or []):
        controller = getattr(config.pluginmanager.getplugin("_cov"), "cov_controller", None)
        if controller is None and "kamscript.lab.lab" in sys.modules:
            terminalreporter.write_line(
                'kamscript: `coverage report` shows configs with plugins = ["kamscript.lab.coverage"] in '
                "[tool.coverage.run]"
            )
