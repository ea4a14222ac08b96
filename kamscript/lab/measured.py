"""A program under coverage.py: what `coverage run --source` and `pytest --cov` may call it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.script.program import Program


def measured(program: Program) -> None:
    """Tell coverage.py, when it measures this process, what a program is called; before anything of it runs."""
    coverage: Any = sys.modules.get("coverage")
    if coverage is not None and coverage.Coverage.current() is not None:
        from kamscript.lab.coverage import label

        label(program)
