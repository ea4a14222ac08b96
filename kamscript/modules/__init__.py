"""The Kamailio modules, one file or package each, and how they are found by name.

`kamscript/modules/textops.py` (or a package `textops/`) holds the class that declares `name="textops"`. It is imported
when a config loads the module, not before: a config pays for what it loads. A dash in a module's name is an underscore
in the file's, and a name that is a Python keyword gets one behind it (`async` lives in `async_.py`).

Modules of other packages are entry points of the group `kamscript.modules`, named as in `loadmodule`, that point at the
class or at the Python module that holds it::

    [project.entry-points."kamscript.modules"]
    mymod = "my_package.mymod:MyMod"

A module of this package goes before an entry point of the same name. While a module is being written, its tests need no
installed package: they hand the class to `register_module`.
"""

from __future__ import annotations

import keyword
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kamscript.module import Module

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "kamscript.modules"
_registered: dict[str, type[Module]] = {}
_registrations = 0


class UnknownModule(LookupError):
    """No module of this name is simulated."""


class BrokenModule(ImportError):
    """The file or entry point of a module exists, but does not declare the module that its name promises."""


@cache
def load_module(name: str) -> type[Module]:
    """The class of the module that `loadmodule "name.so"` means (`name` without path and suffix).

    Raises UnknownModule when nothing simulates it and BrokenModule when what should is no module.
    """
    if name in own_names():
        return _declared(import_module(f"{__name__}.{_file(name)}"), name)
    if name in _registered:
        return _registered[name]
    entry = _entry_points().get(name)
    if entry is None:
        raise UnknownModule(name)
    return _declared(entry.load(), name)


def register_module(module: type[Module]) -> type[Module]:
    """Let configs of this process load `module` by its name; usable as a decorator. The last one of a name counts.

    Raises ValueError for the name of a module that kamscript brings. Configs are not kept on disk from then on: nobody
    knows when such a class changes.
    """
    if not module.name or module.name in own_names():
        raise ValueError(f"a module cannot be registered as {module.name!r}")
    global _registrations
    _registrations += 1
    _registered[module.name] = module
    load_module.cache_clear()
    module_names.cache_clear()
    return module


def registrations() -> int:
    """How often `register_module` was called: what was resolved before the last time may be resolved otherwise now."""
    return _registrations


def find_module(name: str) -> type[Module] | None:
    """As `load_module`, but None for an unknown name."""
    try:
        return load_module(name)
    except UnknownModule:
        return None


@cache
def module_names() -> frozenset[str]:
    """The names of all modules that can be loaded; imports none of them."""
    return own_names() | _registered.keys() | _entry_points().keys()


class Modules:
    """The library that `kamscript.script.resolve` asks: all modules of this package and of the entry points."""

    def find(self, name: str) -> type[Module] | None:
        """The declaration of a module, None when nothing simulates it."""
        return find_module(name)

    def names(self) -> frozenset[str]:
        """All names that `find` knows."""
        return module_names()


def _file(name: str) -> str:
    """The Python name of a module's file."""
    name = name.replace("-", "_")
    return name + "_" if keyword.iskeyword(name) else name


@cache
def own_names() -> frozenset[str]:
    """The names of the modules of this package, as a config writes them."""
    import pkgutil

    names = set()
    for info in pkgutil.iter_modules(__path__):
        name = info.name.removesuffix("_") if keyword.iskeyword(info.name.removesuffix("_")) else info.name
        if not name.startswith("_"):
            names.add(_DASHED.get(name, name))
    return frozenset(names)


#: Names that Kamailio writes with a dash.
_DASHED = {"cpl_c": "cpl-c", "janssonrpc_c": "janssonrpc-c", "jsonrpc_c": "jsonrpc-c", "jsonrpc_s": "jsonrpc-s"}


@cache
def _entry_points() -> dict[str, EntryPoint]:
    """Modules that other installed packages bring."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def _declared(found: Any, name: str) -> type[Module]:
    """The class that declares module `name`, `found` itself or one defined in it."""
    candidates = list(vars(found).values()) if isinstance(found, ModuleType) else [found]
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, Module) and candidate.name == name:
            return candidate
    raise BrokenModule(f"{getattr(found, '__name__', found)} declares no module named {name!r}")
