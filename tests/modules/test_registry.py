"""How modules are found by name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from kamscript import modules
from kamscript.module import Module
from kamscript.modules import BrokenModule, Modules, UnknownModule, find_module, load_module, module_names, own_names


@pytest.fixture
def fresh() -> Iterator[None]:
    """Look entry points up anew, and forget what the test made up."""

    def forget() -> None:
        load_module.cache_clear()
        module_names.cache_clear()

    forget()
    yield
    forget()


def test_a_module_of_this_package_is_found_by_its_kamailio_name() -> None:
    assert load_module("rr").name == "rr"


def test_a_package_is_a_module_too() -> None:
    assert load_module("tm").name == "tm"


def test_every_listed_name_loads_a_class_of_that_name() -> None:
    assert {name for name in own_names() if load_module(name).name != name} == set()


def test_an_unknown_name_is_told_apart() -> None:
    with pytest.raises(UnknownModule, match="nonesuch"):
        load_module("nonesuch")
    assert find_module("nonesuch") is None


def test_listing_the_names_imports_no_module() -> None:
    code = (
        "import sys; from kamscript.modules import module_names; assert 'rr' in module_names();"
        "print([name for name in sys.modules if name.startswith('kamscript.modules.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_library_answers_for_the_resolver() -> None:
    library = Modules()
    assert library.find("rr") is load_module("rr")
    assert library.find("nonesuch") is None
    assert library.names() == module_names()


def test_another_package_adds_a_module(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Weather(Module, name="weather"):
        """A module from elsewhere."""

    home = ModuleType("elsewhere")
    home.Weather = Weather  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "elsewhere", home)
    entries = {
        "weather": EntryPoint("weather", "elsewhere:Weather", modules.ENTRY_POINTS),
        "whole": EntryPoint("whole", "elsewhere", modules.ENTRY_POINTS),
    }
    monkeypatch.setattr(modules, "_entry_points", lambda: entries)
    assert load_module("weather") is Weather
    assert {"weather", "rr"} <= module_names()
    with pytest.raises(BrokenModule, match="declares no module named 'whole'"):
        load_module("whole")


def test_a_module_is_registered_while_it_is_written(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from kamscript.lab import Lab
    from kamscript.module import Param

    monkeypatch.setattr(modules, "_registered", {})

    class Draft(Module, name="draft"):
        """A module that grows."""

        limit = Param(3, "A number.")

    modules.register_module(Draft)
    config = 'loadmodule "draft.so"\nmodparam("draft", "limit", 7)\nrequest_route { drop; }'
    module = Lab(text=config).server.module("draft")
    assert (type(module), module.limit) == (Draft, 7)


def test_a_registered_module_cannot_take_the_place_of_ours() -> None:
    class Mine(Module, name="tm"):
        """Another tm."""

    with pytest.raises(ValueError, match="'tm'"):
        modules.register_module(Mine)
