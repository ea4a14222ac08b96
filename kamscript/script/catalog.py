"""What every Kamailio module exports: functions, parameters, pseudo-variables, RPC commands, and in which generation.

The facts stand in data/catalog.json, one module a line:

    "f": [name, arity (-1: any number), route bits, generations, 1 when all arguments must be constants], ...
    "p": [name, type, generations], ...   type: i number, s text, b either; `*` may be given several times
    "v": [name, generations, abilities], ...   1 writable, 2 takes an inner name, 4 takes an index
    "r": [name, generations], ...
    "g": generations of a module that exports nothing
    "t": transformation classes, each with the names that 5.6 has

Generations are bits: 1 4.4, 2 5.6, 4 6.x. Source: the export tables of Kamailio 4.4.0, 5.6.3 and 6.x.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

GENERATIONS = {"4.4": 1, "5.6": 2, "6.x": 4, "all": 7}


def generations(bits: int) -> str:
    """The generations of a bit set, in words."""
    return ", ".join(name for name, bit in GENERATIONS.items() if bits & bit and name != "all")


@dataclass(frozen=True, slots=True)
class FunctionFact:
    """A function that a module exports."""

    module: str
    name: str
    arity: int
    routes: int
    generations: int
    constant: bool = False  #: the daemon refuses arguments that are not constants


@dataclass(frozen=True, slots=True)
class ParamFact:
    """A `modparam` that a module takes; `kind` is int, str or both."""

    module: str
    name: str
    kind: str
    repeat: bool
    generations: int


@dataclass(frozen=True, slots=True)
class PvFact:
    """A pseudo-variable class and what it can do (unknown abilities count as given)."""

    module: str
    name: str
    generations: int
    writable: bool = True
    inner: bool = True
    index: bool = True
    known: bool = False  #: the abilities come from the export table


def _function(module: str, row: list[Any]) -> FunctionFact:
    return FunctionFact(module, row[0], row[1], row[2], row[3], len(row) > 4)


class ModuleFacts:
    """One module of the catalogue; its tables are built when somebody asks."""

    def __init__(self, name: str, raw: dict[str, Any]) -> None:
        self.name = name
        self._raw = raw
        self._functions: dict[str, list[FunctionFact]] | None = None

    @property
    def functions(self) -> dict[str, list[FunctionFact]]:
        """Functions by name; one entry per arity."""
        if self._functions is None:
            self._functions = {}
            for row in self._raw.get("f", ()):
                self._functions.setdefault(row[0], []).append(_function(self.name, row))
        return self._functions

    def param(self, name: str) -> ParamFact | None:
        """A parameter by name."""
        for row in self._raw.get("p", ()):
            if row[0] == name:
                kind = {"i": "int", "s": "str", "b": "both"}[row[1][0]]
                return ParamFact(self.name, name, kind, row[1].endswith("*"), row[2])
        return None

    def params(self) -> list[str]:
        """Names of all parameters."""
        return [row[0] for row in self._raw.get("p", ())]

    def pvs(self) -> dict[str, PvFact]:
        """Pseudo-variables by name."""
        found = {}
        for row in self._raw.get("v", ()):
            can = row[2] if len(row) > 2 else 7
            found[row[0]] = PvFact(self.name, row[0], row[1], bool(can & 1), bool(can & 2), bool(can & 4), len(row) > 2)
        return found

    def transformations(self) -> dict[str, frozenset[str]]:
        """Transformation classes, each with the names that 5.6 has."""
        return {name: frozenset(names.split()) for name, names in self._raw.get("t", {}).items()}

    def rpcs(self) -> dict[str, int]:
        """RPC commands and their generations."""
        return {row[0]: row[1] for row in self._raw.get("r", ())}

    def generations(self) -> int:
        """Bits of the generations that know anything of the module; all when nothing is known."""
        bits = int(self._raw.get("g", 0))
        for rows, at in (("f", 3), ("p", 2), ("r", 1)):
            for row in self._raw.get(rows, ()):
                bits |= row[at]
        return bits or 7


class Catalog:
    """All modules. `core` is one of them: its pseudo-variables exist without loading anything."""

    def __init__(self, raw: dict[str, dict[str, Any]]) -> None:
        self._raw = raw
        self._modules: dict[str, ModuleFacts] = {}

    def module(self, name: str) -> ModuleFacts | None:
        """A module by name."""
        facts = self._modules.get(name)
        if facts is None and name in self._raw:
            facts = self._modules[name] = ModuleFacts(name, self._raw[name])
        return facts

    def names(self) -> list[str]:
        """All module names, without `core`."""
        return [name for name in self._raw if name != "core"]

    def function_names(self) -> set[str]:
        """The functions of all modules."""
        return {row[0] for name in self.names() for row in self._raw[name].get("f", ())}

    def exporters(self, function: str) -> list[FunctionFact]:
        """Everything of that name in any module."""
        found: list[FunctionFact] = []
        for name in self.names():
            for row in self._raw[name].get("f", ()):
                if row[0] == function:
                    found.append(_function(name, row))
        return found

    def pv_exporters(self, name: str) -> list[str]:
        """The modules that have a pseudo-variable."""
        return [m for m in self.names() for row in self._raw[m].get("v", ()) if row[0] == name]

    def transformation_exporters(self, name: str) -> list[str]:
        """The modules that have a transformation class."""
        return [m for m in self.names() if name in self._raw[m].get("t", {})]


@cache
def catalog() -> Catalog:
    """The catalogue of this package."""
    # As importlib.resources would, without the archives and temporary files that it imports.
    import kamscript

    loader: Any = kamscript.__spec__.loader if kamscript.__spec__ is not None else None
    return Catalog(json.loads(loader.get_data(f"{kamscript.__path__[0]}/data/catalog.json")))
