"""From a file on the disk to a compiled program: read, resolve, compile, or take it from the cache.

Used by whatever runs or checks a config (lab, live, tools). Everything below only sees what is handed in here: the
disk and the environment through a Reader, the modules through a library, the cache through a store.

`KAMSCRIPT_TARGET` names the Kamailio generation when the caller names none; `KAMSCRIPT_CACHE` the directory of
compiled configs (default: `kamscript` in the user's cache directory; empty: no cache).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kamscript.files import STDLIB, DirectoryStore, cache_folder
from kamscript.script.cache import cached
from kamscript.source import FileReader, MemoryReader, Reader, Source

if TYPE_CHECKING:
    from kamscript.module import Module
    from kamscript.script.keywords import Target
    from kamscript.script.program import Program
    from kamscript.script.resolve import Resolved

__all__ = [
    "Defines",
    "DirectoryStore",
    "UsageError",
    "defines_of",
    "load",
    "load_text",
    "module_classes",
    "read_text",
    "resolved",
    "target_of",
]

Defines = Mapping[str, str] | Iterable[str]

#: Programs of this process by path, defines, target; with the state of their files when they were read. The oldest go.
_loaded: dict[tuple[object, ...], tuple[tuple[tuple[str, int, int], ...], Program]] = {}
_MOST_LOADED = 256


class UsageError(ValueError):
    """Something the caller asked for makes no sense: an unknown target, a define without a name."""


def target_of(name: str | None = None) -> Target:
    """The generation asked for by `name`, else by KAMSCRIPT_TARGET, else all; raises UsageError."""
    from kamscript.script.keywords import TARGETS

    wanted = name or os.environ.get("KAMSCRIPT_TARGET") or "all"
    if wanted not in TARGETS:
        raise UsageError(f"unknown target {wanted!r}: use one of {', '.join(TARGETS)}")
    return wanted


def defines_of(defines: Defines) -> dict[str, str]:
    """`-A` definitions, given as a mapping or as texts `NAME` and `NAME=VALUE`, as a mapping."""
    if isinstance(defines, Mapping):
        return dict(defines)
    result: dict[str, str] = {}
    for text in defines:
        name, _, value = text.partition("=")
        if not name:
            raise UsageError(f"a define needs a name: {text!r}")
        result[name] = value
    return result


def load(
    path: str | Path,
    *,
    defines: Defines = (),
    target: str | None = None,
    subst: Iterable[str] = (),
    include: Iterable[str | Path] = (),
    traced: bool = False,
    reader: Reader | None = None,
) -> Program:
    """The compiled program of the config at `path`; raises ConfigError with everything found wrong, and OSError.

    `include` are folders in which an included file is looked for when Kamailio would not find it. The routes of a
    `traced` program tell of every statement.

    Within a process a program is built once and used again as long as no file and no variable of the environment that
    it was made from changed.
    """
    from kamscript.modules import registrations

    path = str(path)
    wanted, names, substitutions = target_of(target), defines_of(defines), tuple(subst)
    if reader is not None:
        return _build(path, reader, names, wanted, substitutions, traced)
    folders = tuple(os.path.abspath(folder) for folder in include)
    key = (os.path.abspath(path), tuple(sorted(names.items())), wanted, substitutions, folders, traced)
    disk = FileReader(include=folders)
    known = _loaded.get(key)
    if known is not None and _is_current(*known, disk):
        return known[1]
    folder = cache_folder()
    if not folder or substitutions or registrations():
        program = _build(path, disk, names, wanted, substitutions, traced)
    else:
        program = cached(
            path,
            disk,
            DirectoryStore(folder),
            lambda: _build(path, disk, names, wanted, (), traced),
            defines=names,
            target=wanted,
            include=folders,
            kind="traced" if traced else "program",
        )
    _remember(key, _states((*program.sources, *program.missing)), program)
    return program


def load_text(
    text: str, *, defines: Defines = (), target: str | None = None, files: Mapping[str, str] | None = None,
    path: str = "kamailio.cfg", traced: bool = False,
) -> Program:  # fmt: skip
    """The compiled program of a config given as text; included files come from `files`, and those of the library
    (`kamscript/NAME.cfg`). Nothing else touches the disk."""
    reader = _Texts({**(files or {}), path: text})
    wanted, names = target_of(target), defines_of(defines)
    key = (text, tuple(sorted((files or {}).items())), tuple(sorted(names.items())), wanted, path, traced)
    known = _loaded.get(key)
    if known is not None:
        return known[1]
    program = replace(_build(path, reader, names, wanted, (), traced), on_disk=False)
    _remember(key, (), program)
    return program


class _Texts(MemoryReader):
    """Files from a mapping, and the library's."""

    include = (STDLIB,)

    def read(self, path: str) -> str:
        """The mapped text, or the library's file; raises FileNotFoundError."""
        return FileReader().read(path) if path.startswith(STDLIB) else super().read(path)


def resolved(
    path: str, reader: Reader, *, defines: Defines = (), target: str | None = None, subst: Iterable[str] = ()
) -> Resolved:
    """What `kamailio -c` looks at: the config read and its names resolved; raises ConfigError."""
    from kamscript.modules import Modules
    from kamscript.script.parse import parse
    from kamscript.script.resolve import resolve

    wanted = target_of(target)
    config = parse(Source(path, read_text(reader, path)), reader, defines_of(defines), wanted, tuple(subst))
    return resolve(config, Modules(), wanted)


def _build(
    path: str, reader: Reader, defines: Mapping[str, str], target: Target, subst: tuple[str, ...], traced: bool
) -> Program:
    from kamscript.script.compile import compile

    meaning = resolved(path, reader, defines=defines, target=target, subst=subst)
    return compile(meaning, module_classes(meaning.modules), target, traced=traced)


def module_classes(names: tuple[str, ...]) -> Mapping[str, type[Module]]:
    """The classes of the simulated ones among `names`, and the core's own."""
    from kamscript.modules import registrations

    return _module_classes(names, registrations())


@cache
def _module_classes(names: tuple[str, ...], registered: int) -> Mapping[str, type[Module]]:
    from kamscript.core.commands import CoreCommands
    from kamscript.modules import find_module

    found = {name: module for name in names if (module := find_module(name)) is not None}
    return {"core": CoreCommands, **found}


def read_text(reader: Reader, path: str) -> str:
    """The text of the main config; a file that cannot be read is a ConfigError at its name."""
    from kamscript.source import ConfigError, Diagnostic, Span

    try:
        return reader.read(path)
    except OSError as error:
        reason = "it is a directory" if isinstance(error, IsADirectoryError) else (error.strerror or "no such file")
        nowhere = Span(Source(path, ""), 0, 0)
        raise ConfigError([Diagnostic("unreadable", f"cannot read {path}: {reason}", nowhere)]) from None


def _remember(key: tuple[object, ...], states: tuple[tuple[str, int, int], ...], program: Program) -> None:
    _loaded[key] = (states, program)
    if len(_loaded) > _MOST_LOADED:
        del _loaded[next(iter(_loaded))]


def _is_current(states: tuple[tuple[str, int, int], ...], program: Program, disk: Reader) -> bool:
    return states == _states(file for file, _, _ in states) and all(
        disk.getenv(name) == value for name, value in program.environment.items()
    )


def _states(files: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    """Name, modification time and size of files; a missing one has zeros."""
    states = []
    for file in files:
        try:
            found = os.stat(file)
            states.append((file, found.st_mtime_ns, found.st_size))
        except OSError:
            states.append((file, 0, 0))
    return tuple(states)
