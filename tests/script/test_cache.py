"""Compiled configs on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamscript.loader import DirectoryStore, load
from kamscript.script.cache import cached, installed
from kamscript.script.program import Program
from kamscript.source import MemoryReader

MAIN = """#!KAMAILIO
loadmodule "pv.so"
import_file "local.cfg"
include_file "part.cfg"
#!ifdef WITH_X
debug=4
#!endif
request_route { $var(x) = 1; }
"""


class Store(dict[str, bytes]):
    """Entries in memory."""

    def load(self, key: str) -> bytes | None:
        return self.get(key)

    def save(self, key: str, data: bytes) -> None:
        self[key] = data


class World:
    """A config in memory, a store, and how often it was built."""

    def __init__(self) -> None:
        self.reader = MemoryReader({"a.cfg": MAIN, "part.cfg": "debug=2\n"}, {"KAM_HOME": "x"})
        self.store = Store()
        self.built = 0
        self.version = "1"

    def program(self, **options: object) -> Program:
        def build() -> Program:
            self.built += 1
            defines = options.get("defines") or {}
            return load("a.cfg", reader=self.reader, target="5.6", defines=defines)  # type: ignore[arg-type]

        return cached(
            "a.cfg",
            self.reader,
            self.store,
            build,
            target="5.6",
            version=lambda: self.version,
            **options,  # type: ignore[arg-type]
        )


def test_the_second_time_nothing_is_built() -> None:
    world = World()
    first, second = world.program(), world.program()
    assert world.built == 1
    assert (second.routes, second.hashes, second.items) == (first.routes, first.hashes, first.items)
    assert second.hashes and second.missing == ("local.cfg",)


@pytest.mark.parametrize(
    ("name", "text"), [("a.cfg", MAIN + "\n"), ("part.cfg", "debug=3\n"), ("local.cfg", "debug=1\n")]
)
def test_a_file_that_changed_or_appeared(name: str, text: str) -> None:
    world = World()
    world.program()
    world.reader.files[name] = text
    world.program()
    world.program()
    assert world.built == 2


def test_a_file_that_went() -> None:
    world = World()
    world.reader.files["local.cfg"] = "debug=1\n"
    world.program()
    del world.reader.files["local.cfg"]
    world.program()
    assert world.built == 2


def test_an_environment_variable() -> None:
    world = World()
    world.reader.files["part.cfg"] = "#!defenv KAM_HOME\ndebug=2\n"
    world.program()
    world.program()
    assert world.built == 1
    world.reader.env["KAM_HOME"] = "y"
    world.program()
    assert world.built == 2


def test_defines_and_versions_have_entries_of_their_own() -> None:
    world = World()
    world.program()
    world.program(defines={"WITH_X": ""})
    world.program()
    assert (world.built, len(world.store)) == (2, 2)
    world.version = "2"
    world.program()
    assert world.built == 3


@pytest.mark.parametrize("place", [0, 12, 20, 60, -1])
def test_a_damaged_entry_is_built_again(place: int) -> None:
    world = World()
    world.program()
    key, data = next(iter(world.store.items()))
    damaged = bytearray(data)
    damaged[place] ^= 0x55
    world.store[key] = bytes(damaged)
    world.program()
    assert world.built == 2
    assert world.store[key] == data


@pytest.mark.parametrize("length", [0, 5, 40, 100])
def test_a_truncated_entry_is_built_again(length: int) -> None:
    world = World()
    world.program()
    key, data = next(iter(world.store.items()))
    world.store[key] = data[:length]
    world.program()
    assert world.built == 2


def test_a_file_that_changes_while_it_is_compiled_is_not_kept() -> None:
    world = World()

    def build() -> Program:
        program = load("a.cfg", reader=world.reader, target="5.6")
        world.reader.files["part.cfg"] = "debug=1\n"
        return program

    cached("a.cfg", world.reader, world.store, build, target="5.6")
    assert not world.store


def test_a_directory(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "deep" / "cache")
    assert store.load("k") is None
    store.save("k", b"data")
    assert store.load("k") == b"data"


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = DirectoryStore(tmp_path / "file" / "cache")
    store.save("k", b"data")
    assert store.load("k") is None


def test_this_installation_has_a_name() -> None:
    assert installed() == installed()
    assert installed().startswith("0.")
