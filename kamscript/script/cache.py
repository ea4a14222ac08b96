"""Compiled configs on disk. A file there is only believed when its hash is right and everything that went into it is
the same: all files read, files looked for, environment variables, defines, kamscript's and Python's versions.

An entry holds two pickles behind their hash: first what the program was made from, then the program. So a config that
changed is noticed without loading the old program.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import pickle
from collections.abc import Callable, Mapping
from functools import cache
from typing import Protocol

from kamscript.script.program import Program, digest_of
from kamscript.source import Reader

_MAGIC = b"kamscript 1\n"
_DIGEST = hashlib.sha256().digest_size


class Store(Protocol):
    """Where entries are kept: a directory in the user's cache, or a mapping in tests."""

    def load(self, key: str) -> bytes | None:
        """The entry, None when there is none."""
        ...

    def save(self, key: str, data: bytes) -> None:
        """Keep an entry; failing to is no error."""
        ...


#: What a program was made from: hashes of the files, names not found, environment variables with their values.
Ingredients = tuple[tuple[tuple[str, bytes], ...], tuple[str, ...], tuple[tuple[str, str | None], ...]]


@cache
def installed() -> str:
    """This kamscript and this Python, to the last edit of kamscript's own files: others need other programs."""
    import kamscript

    states: list[tuple[str, int, int]] = []
    for folder, _, files in os.walk(os.path.dirname(kamscript.__file__)):
        for file in files:
            if file.endswith((".py", ".json")):
                path = os.path.join(folder, file)
                state = os.stat(path)
                states.append((path, state.st_mtime_ns, state.st_size))
    digest = hashlib.sha256(repr(sorted(states)).encode()).hexdigest()
    return f"{kamscript.__version__} {digest} {importlib.util.MAGIC_NUMBER.hex()}"


def cached(
    path: str,
    reader: Reader,
    store: Store,
    build: Callable[[], Program],
    *,
    defines: Mapping[str, str] | None = None,
    target: str = "all",
    version: Callable[[], str] = installed,
) -> Program:
    """The program for the config at `path`: from `store` when nothing changed, otherwise from `build()`, then kept."""
    key = key_of(path, defines or {}, target, version())
    data = store.load(key)
    program = None if data is None else unpack(data, reader)
    if program is None:
        program = build()
        ingredients = _ingredients(program, reader)
        if ingredients is not None:
            store.save(key, pack(program, ingredients))
    return program


def key_of(path: str, defines: Mapping[str, str], target: str, version: str) -> str:
    """The name of the entry for a config: one per file, way of compiling, and kamscript."""
    parts = (os.path.abspath(path), path, sorted(defines.items()), target, version)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def pack(program: Program, ingredients: Ingredients) -> bytes:
    """An entry."""
    body = pickle.dumps(ingredients, 5) + pickle.dumps(program, 5)
    return _MAGIC + hashlib.sha256(body).digest() + body


def unpack(data: bytes, reader: Reader) -> Program | None:
    """The program of an entry; None when the entry is damaged or something it was made from is different now."""
    start = len(_MAGIC) + _DIGEST
    body = memoryview(data)[start:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != hashlib.sha256(body).digest():
        return None
    stream = io.BytesIO(body)
    try:
        if not _same(pickle.load(stream), reader):
            return None
        program = pickle.load(stream)
    except Exception:  # whatever an old class made of it: build again
        return None
    return program if isinstance(program, Program) else None


def _ingredients(program: Program, reader: Reader) -> Ingredients | None:
    """None when a file is not what it was while the program was built."""
    hashes = []
    for name, digest in program.hashes:
        found = _hash(name, reader)
        if found != digest:
            return None
        hashes.append((name, digest))
    return tuple(hashes), program.missing, tuple(program.environment.items())


def _same(ingredients: Ingredients, reader: Reader) -> bool:
    files, missing, environment = ingredients
    return (
        all(reader.getenv(name) == value for name, value in environment)
        and all(_hash(name, reader) == digest for name, digest in files)
        and all(_hash(name, reader) is None for name in missing)
    )


def _hash(path: str, reader: Reader) -> bytes | None:
    try:
        return digest_of(reader.read(path))
    except OSError:
        return None
