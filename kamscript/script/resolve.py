"""Names to meanings: what `kamailio -c` says about modules, functions, parameters and routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kamscript.module import FunctionDecl, Module
from kamscript.script.nodes import Call, Config, LoadModule, ModParam, Route, RouteKind
from kamscript.source import Diagnostic


#: The look-up a caller hands in: a declared module class by name, or None for one that only the catalogue knows.
class Library(Protocol):
    """Where module classes come from."""

    def find(self, name: str) -> type[Module] | None:
        """The declaration of a module, None when this library has none."""
        ...

    def names(self) -> frozenset[str]:
        """All module names that `find` knows."""
        ...


@dataclass(frozen=True, slots=True)
class Function:
    """What a call means: the module that exports the function, and its declaration when a Module class has one."""

    module: str
    name: str
    arity: int  #: as exported: -1 takes any number of arguments
    routes: int  #: bits of kamscript.module.Route
    decl: FunctionDecl | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A config with its names resolved; built only when there were no errors.

    `routes` keys are (kind, name); the value lists the blocks that run one after the other. `functions` is keyed by
    the identity of the call node (`id(call)`; the tree keeps the node alive).
    """

    config: Config
    modules: tuple[str, ...]  #: in load order
    loads: tuple[LoadModule, ...]
    params: tuple[tuple[str, ModParam], ...]  #: (module, line) in the order of the text, regular expressions expanded
    routes: Mapping[tuple[RouteKind, str], tuple[Route, ...]]
    flags: Mapping[str, int]
    avpflags: Mapping[str, int]
    functions: Mapping[int, Function] = field(repr=False)
    warnings: tuple[Diagnostic, ...] = ()

    def function(self, call: Call) -> Function:
        """The function that `call` runs."""
        return self.functions[id(call)]


def resolve(config: Config, library: Library | None = None, target: str = "all") -> Resolved:
    """Check every name as `kamailio -c` does, all at once; raises ConfigError."""
    raise NotImplementedError
