"""The disk, as the reading of configs sees it: files, the environment, and the folder of what was compiled before.

`kamscript check` starts in an editor at every keystroke, so this module imports next to nothing.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


#: The folder that `include_file "kamscript/NAME.cfg"` is looked for in at last: the routes that kamscript brings.
STDLIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stdlib")


def further_places(name: str, folders: Iterable[str]) -> list[str]:
    """Where a relative included file is looked for behind Kamailio's own places; in STDLIB only `kamscript/NAME`."""
    return [f"{folder}/{name}" for folder in folders if folder != STDLIB or name.startswith("kamscript/")]


class FileReader:
    """Files from the disk and the environment of this process (or a mapping given in its place)."""

    def __init__(self, env: Mapping[str, str] | None = None, include: tuple[str, ...] = ()) -> None:
        """`include` are folders in which included files are looked for after Kamailio's own; then comes STDLIB."""
        self.env, self.include = env, (*include, STDLIB)

    def read(self, path: str) -> str:
        """The file's bytes as latin-1; raises OSError."""
        if "\0" in path:
            raise FileNotFoundError(path)
        with open(path, "rb") as file:
            return file.read().decode("latin-1")

    def getenv(self, name: str) -> str | None:
        """The variable's value as latin-1."""
        if self.env is not None:
            return self.env.get(name)
        value = os.environ.get(name)
        return None if value is None else os.fsencode(value).decode("latin-1")


class DirectoryStore:
    """Cache entries as files of one directory, written whole or not at all."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = os.fspath(directory)

    def load(self, key: str) -> bytes | None:
        """The entry, None when there is none or it cannot be read."""
        try:
            with open(os.path.join(self.directory, key), "rb") as file:
                return file.read()
        except OSError:
            return None

    def save(self, key: str, data: bytes) -> None:
        """Keep an entry; a full or read-only disk is no reason to fail."""
        temporary = os.path.join(self.directory, f".{key}.{os.getpid()}")
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(data)
            os.replace(temporary, os.path.join(self.directory, key))
        except OSError:
            try:
                os.unlink(temporary)
            except OSError:
                pass


def cache_folder() -> str:
    """Where compiled configs and findings are kept; empty when the user wants no cache (KAMSCRIPT_CACHE is empty)."""
    chosen = os.environ.get("KAMSCRIPT_CACHE")
    if chosen is not None:
        return chosen
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "kamscript")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "kamscript")
