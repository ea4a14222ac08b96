"""`kamscript check`: everything for which the daemon would refuse to start, and warnings of what it would get wrong.

Reads and compiles the config, starts a server without sockets and databases, and fixes up every argument. What was
found is kept beside the compiled config, so that a second look at an unchanged file costs little more than reading it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kamscript.source import ConfigError, Diagnostic

if TYPE_CHECKING:
    from kamscript.loader import Defines


def findings(
    path: str, *, defines: Defines = (), subst: Sequence[str] = (), target: str | None = None
) -> tuple[Diagnostic, ...]:
    """Errors and warnings of one config, in the order of the text."""
    from kamscript.loader import load

    try:
        program = load(path, defines=defines, subst=subst, target=target)
    except ConfigError as error:
        return error.diagnostics
    return program.warnings
