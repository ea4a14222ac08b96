"""The traps of the original: what real Kamailio accepts and then does otherwise than the text looks.

Each trap is a function from a config to findings; what it finds was tried on Kamailio 5.6.3
(tests/differential/check/test_traps.py). A trap that cannot be sure says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from kamscript.module import Module
from kamscript.script import nodes as n
from kamscript.script.pv import PvSyntaxError, PvText, parse_pv, split_format
from kamscript.script.resolve import Resolved
from kamscript.source import Diagnostic, Reader

T = TypeVar("T", bound=n.Node)


class Config:
    """A resolved config, indexed for looking things up."""

    def __init__(self, resolved: Resolved, classes: Mapping[str, type[Module]], target: str, reader: Reader) -> None:
        self.resolved, self.classes, self.target, self.reader = resolved, classes, target, reader
        self.routes = resolved.config.routes
        self._nodes: dict[type[n.Node], list[tuple[n.Route, n.Node]]] = {}
        for route in self.routes:
            for node in n.walk(route.body):
                self._nodes.setdefault(node.__class__, []).append((route, node))

    def all(self, kind: type[T]) -> Iterator[tuple[n.Route, T]]:
        """Every node of a kind inside of routes, with its route."""
        yield from self._nodes.get(kind, ())  # type: ignore[misc]

    def calls(self, *names: str) -> Iterator[tuple[n.Route, n.Call]]:
        """Every call of functions with these names."""
        for route, call in self.all(n.Call):
            if call.name in names:
                yield route, call

    def all_calls(self) -> Iterator[tuple[n.Route, n.Call]]:
        """Every call of a module's function."""
        return self.all(n.Call)

    def unknown_modules(self) -> list[str]:
        """Loaded modules that nothing simulates: what they do with names is not known."""
        return [name for name in self.resolved.modules if name not in self.classes]


def constant(node: object) -> str | None:
    """The text of a text literal."""
    return node.value if isinstance(node, n.StrLit) else None


def variable(node: object) -> PvText | None:
    """A pseudo-variable that stands alone, taken apart."""
    if not isinstance(node, n.Pv):
        return None
    try:
        return parse_pv(node.text)
    except PvSyntaxError:
        return None


def variables_in(text: str) -> list[PvText]:
    """The pseudo-variables of a text; none when it cannot be read."""
    if "$" not in text:
        return []
    try:
        return [part for part in split_format(text) if isinstance(part, PvText) and part.name != "$"]
    except PvSyntaxError:
        return []


def traps(config: Config) -> list[Diagnostic]:
    """Everything that looks wrong, in no order."""
    from kamscript.tools.traps import (
        auth,
        dialog,
        dispatcher,
        flow,
        modules,
        nat,
        permissions,
        presence,
        routes,
        secure,
        tables,
        values,
        variables,
    )

    found: list[Diagnostic] = []
    every = (
        flow,
        routes,
        variables,
        values,
        modules,
        dialog,
        auth,
        dispatcher,
        nat,
        permissions,
        presence,
        secure,
        tables,
    )
    for trap in (trap for module in every for trap in module.TRAPS):
        found += trap(config)
    return found
