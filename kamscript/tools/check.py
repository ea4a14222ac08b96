"""`kamscript check`: everything for which the daemon would refuse to start, and warnings of what it would get wrong.

Reads and compiles the config, then starts a server without sockets and databases, which fixes up every argument.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kamscript.loader import Defines, load, module_classes
from kamscript.source import ConfigError, Diagnostic

if TYPE_CHECKING:
    from kamscript.core.environment import NaptrRecord, SrvRecord
    from kamscript.script.program import Program

CLEAN, FINDINGS = 0, 1


def check(options: argparse.Namespace) -> int:
    """Print what was found in every config; 0 when that is nothing."""
    from kamscript.tools.findings import as_json, as_sarif, as_text

    found: list[Diagnostic] = []
    for path in options.configs:
        found += findings(path, defines=options.defines, subst=options.subst, target=options.target)
    render = {"text": as_text, "json": as_json, "sarif": as_sarif}[options.format]
    sys.stdout.write(render(found))
    return FINDINGS if found else CLEAN


def findings(
    path: str, *, defines: Defines = (), subst: Iterable[str] = (), target: str | None = None
) -> tuple[Diagnostic, ...]:
    """Errors and warnings of one config, in the order of the text."""
    try:
        program = load(path, defines=defines, subst=subst, target=target)
        return (*program.warnings, *_start(program))
    except ConfigError as error:
        return error.diagnostics


def _start(program: Program) -> tuple[Diagnostic, ...]:
    """What starting a server on `program` finds: parameter values, fix-ups, what modules refuse."""
    import random

    from kamscript.core.environment import Environment
    from kamscript.core.server import Server

    environment = Environment(
        now=0.0,
        chance=random.Random(1),
        resolver=NoNames(),
        files=NoFiles(),
        log=lambda record: None,
    )
    server = Server(program, environment, target=program.target, modules=module_classes(program.modules))
    try:
        server.start()
    except ConfigError as error:
        return error.diagnostics
    return ()


class NoNames:
    """No DNS: a check looks nobody up."""

    def a(self, name: str) -> list[str]:
        """Every name is local, so that `listen=` host names bind."""
        return ["127.0.0.1"]

    def aaaa(self, name: str) -> list[str]:
        """None."""
        return []

    def srv(self, name: str) -> list[SrvRecord]:
        """None."""
        return []

    def naptr(self, name: str) -> list[NaptrRecord]:
        """None."""
        return []

    def ptr(self, address: str) -> str | None:
        """None."""
        return None


class NoFiles:
    """No files but those the config includes: what modules read at start is not looked at."""

    def read(self, path: str) -> str:
        """Never there."""
        raise FileNotFoundError(path)

    def exists(self, path: str) -> bool:
        """Never."""
        return False
