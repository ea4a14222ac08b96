"""Resolved config to Program: every route block becomes one Python function in the config's own file and lines."""

from __future__ import annotations

from collections.abc import Mapping

from kamscript.module import Module
from kamscript.script.program import Program
from kamscript.script.resolve import Resolved


def compile(resolved: Resolved, modules: Mapping[str, type[Module]], target: str = "all") -> Program:
    """Compile a resolved config. `modules` are the declared modules by name; a module that is missing there is known
    only from the catalogue, and its functions and pseudo-variables become doubles.

    Raises ConfigError for what Kamailio refuses only when it fixes the routes (type errors, bad regular expressions).
    """
    raise NotImplementedError
