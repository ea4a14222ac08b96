"""What is kept on disk of a config: its compiled program, and what a check found in it.

An entry is only believed when its hash is right and everything that went into it is the same: the content of all files
read, files looked for, environment variables, defines, the versions of kamscript and Python. It holds two pieces behind
the hash, first what it was made from, then the result; so a config that changed is noticed without loading the old
result. A warm `kamscript check` runs through here: nothing heavy is imported at the top.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Protocol

    from kamscript.script.program import Program
    from kamscript.source import Reader

    class Store(Protocol):
        """Where entries are kept: a directory in the user's cache, or a mapping in tests."""

        def load(self, key: str) -> bytes | None:
            """The entry, None when there is none."""
            ...

        def save(self, key: str, data: bytes) -> None:
            """Keep an entry; failing to is no error."""
            ...

    #: What a result was made from: hashes of the files read (None: cannot be read), environment variables' values.
    Ingredients = tuple[tuple[tuple[str, bytes | None], ...], tuple[tuple[str, str | None], ...]]

_MAGIC = b"kamscript 2\n"
_START = len(_MAGIC) + hashlib.sha256().digest_size
_installed: list[str] = []


def installed() -> str:
    """This kamscript and this Python, to the last edit of kamscript's own files: others need other results.

    The folders that hold installed packages count as well: a plug-in may come, go, or be another version.
    """
    if not _installed:
        import kamscript

        states: list[object] = []
        folders = [os.path.dirname(kamscript.__file__)]
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    name = entry.name
                    if name.endswith((".py", ".json", ".lark")):
                        state = entry.stat()
                        states.append((entry.path, state.st_mtime_ns, state.st_size))
                    elif "." not in name and name != "__pycache__" and entry.is_dir():
                        folders.append(entry.path)
        for folder in sys.path:
            if folder.endswith(("site-packages", "dist-packages")) and os.path.isdir(folder):
                states.append((folder, os.stat(folder).st_mtime_ns, 0))
        digest = hashlib.sha256(repr(sorted(states, key=repr)).encode()).hexdigest()
        _installed.append(f"{kamscript.__version__} {digest} {sys.hexversion:x} {sys.implementation.cache_tag}")
    return _installed[0]


def key_of(
    path: str,
    defines: Mapping[str, str],
    target: str,
    version: str,
    *,
    kind: str = "program",
    subst: Iterable[str] = (),
    include: Iterable[str] = (),
) -> str:
    """The name of the entry for a config: one per file, kind of result, way of reading, and kamscript."""
    parts = (kind, os.path.abspath(path), path, sorted(defines.items()), list(subst), list(include), target, version)
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()


class Recorder:
    """A Reader that hands everything on, and notes what was asked for."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.include: tuple[str, ...] = getattr(reader, "include", ())
        self.files: dict[str, bytes | None] = {}
        self.variables: dict[str, str | None] = {}
        self.steady = True  #: no file was different the second time

    def read(self, path: str) -> str:
        """As the reader's."""
        try:
            text = self.reader.read(path)
        except OSError:
            self._note(path, None)
            raise
        self._note(path, digest_of(text))
        return text

    def getenv(self, name: str) -> str | None:
        """As the reader's."""
        value = self.variables[name] = self.reader.getenv(name)
        return value

    def _note(self, path: str, digest: bytes | None) -> None:
        if self.files.setdefault(path, digest) != digest:
            self.steady = False

    @property
    def ingredients(self) -> Ingredients | None:
        """What was asked for, and what came; None when a file changed while it was read."""
        return (tuple(self.files.items()), tuple(self.variables.items())) if self.steady else None


def digest_of(text: str) -> bytes:
    """The hash of a file's text."""
    return hashlib.sha256(text.encode("latin-1", "replace")).digest()


def pack(result: bytes, ingredients: Ingredients) -> bytes:
    """An entry."""
    made = marshal.dumps(ingredients)
    body = len(made).to_bytes(4, "big") + made + result
    return _MAGIC + hashlib.sha256(body).digest() + body


def unpack(data: bytes, reader: Reader) -> bytes | None:
    """The result in an entry; None when the entry is damaged or something it was made from is different now."""
    if data[: len(_MAGIC)] != _MAGIC:
        return None
    body = data[_START:]
    if data[len(_MAGIC) : _START] != hashlib.sha256(body).digest():
        return None
    end = 4 + int.from_bytes(body[:4], "big")
    try:
        same = _same(marshal.loads(body[4:end]), reader)
    except (EOFError, ValueError, TypeError):  # written by something else
        return None
    return body[end:] if same else None


def _same(ingredients: Ingredients, reader: Reader) -> bool:
    files, variables = ingredients
    return all(reader.getenv(name) == value for name, value in variables) and all(
        _hash(name, reader) == digest for name, digest in files
    )


def _hash(path: str, reader: Reader) -> bytes | None:
    try:
        return digest_of(reader.read(path))
    except OSError:
        return None


def kept(key: str, reader: Reader, store: Store) -> Any:
    """The plain data kept under `key`; None when there is none, or none that is still true."""
    data = store.load(key)
    result = None if data is None else unpack(data, reader)
    if result is None:
        return None
    try:
        return marshal.loads(result)
    except (EOFError, ValueError, TypeError):
        return None


def keep(key: str, result: Any, ingredients: Ingredients | None, store: Store) -> None:
    """Keep plain data (what `marshal` writes), unless it is not known what it was made from."""
    if ingredients is not None:
        store.save(key, pack(marshal.dumps(result), ingredients))


def cached(
    path: str,
    reader: Reader,
    store: Store,
    build: Callable[[], Program],
    *,
    defines: Mapping[str, str] | None = None,
    target: str = "all",
    include: Iterable[str] = (),
    kind: str = "program",
    version: Callable[[], str] = installed,
) -> Program:
    """The program for the config at `path`: from `store` when nothing changed, otherwise from `build()`, then kept."""
    import pickle

    key = key_of(path, defines or {}, target, version(), kind=kind, include=include)
    data = store.load(key)
    result = None if data is None else unpack(data, reader)
    if result is not None:
        program = _loaded(result)
        if program is not None:
            return program
    program = build()
    ingredients = _ingredients(program, reader)
    if ingredients is not None:
        store.save(key, pack(pickle.dumps(program, 5), ingredients))
    return program


def _loaded(result: bytes) -> Program | None:
    import pickle

    from kamscript.script.program import Program

    try:
        program = pickle.loads(result)
    except Exception:  # whatever an old class made of it: build again
        return None
    return program if isinstance(program, Program) else None


def _ingredients(program: Program, reader: Reader) -> Ingredients | None:
    """None when a file is not what it was while the program was built."""
    files: list[tuple[str, bytes | None]] = []
    for name, digest in program.hashes:
        if _hash(name, reader) != digest:
            return None
        files.append((name, digest))
    files += [(name, None) for name in program.missing]
    return tuple(files), tuple(program.environment.items())
