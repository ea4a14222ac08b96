"""Every simulated module has what the catalogue of Kamailio's modules lists, in the same generations and routes.

Nothing is missing and nothing is made up; whatever differs stands in one of the lists of exceptions with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import kamscript
from kamscript.module import Module
from kamscript.modules import load_module, own_names
from kamscript.script.catalog import ModuleFacts, catalog

SINCE, UNTIL = {"": 7, "4.4": 7, "5.6": 6, "6.x": 4}, {"": 7, "4.4": 1, "5.0": 1, "5.6": 3, "6.x": 7}

#: What the catalogue lists and no config needs.
ABSENT = {
    ("websocket", "ws_connect"): "a server that opens WebSockets itself (6.x) is not simulated",
    ("websocket", "ws_connect_url"): "a server that opens WebSockets itself (6.x) is not simulated",
    ("websocket", "ws_send"): "a server that opens WebSockets itself (6.x) is not simulated",
    ("websocket", "ws.connect"): "a server that opens WebSockets itself (6.x) is not simulated",
    ("http_client", "http_client_request_v2pk"): "HTTP/2 without an upgrade (6.x) is not simulated",
    ("htable", "bind_htable"): "only C code calls it, to get at the functions",
    ("json", "bind_json"): "only C code calls it, to get at the functions",
    ("mqueue", "bind_mq"): "only C code calls it, to get at the functions",
    ("textopsx", "bind_textopsx"): "only C code calls it, to get at the functions",
    ("tmx", "bind_tmx"): "only C code calls it, to get at the functions",
    ("xhttp", "bind_xhttp"): "only C code calls it, to get at the functions",
}
#: What has no entry in the catalogue of its module.
ADDED = {
    ("dialog", "toroute_column"): "its manual's name for toroute_name_column",
    ("pv", "num"): "the transformation class of 6.x: the catalogue lists the classes of 5.6",
    ("pv", "val"): "the transformation class of 6.x: the catalogue lists the classes of 5.6",
}
#: Parameters that Kamailio collects line by line, and that a method here takes line by line.
METHODS = "the module's method is called for each line"
#: Parameters that Kamailio reads itself for each line.
UNREPEATED: dict[tuple[str, str], str] = {
    ("avpops", "db_scheme"): METHODS,
    ("counters", "script_counter"): METHODS,
    ("ctl", "binrpc"): METHODS,
    ("ctl", "fifo"): METHODS,
    ("ctl", "group"): "the last line counts",
    ("ctl", "user"): "the last line counts",
    ("debugger", "mod_facility"): METHODS,
    ("debugger", "mod_level"): METHODS,
    ("mqueue", "mqueue"): METHODS,
    ("mqueue", "mqueue_name"): METHODS,
    ("rtimer", "exec"): METHODS,
    ("rtimer", "timer"): METHODS,
    ("sqlops", "sqlcon"): METHODS,
    ("sqlops", "sqlres"): METHODS,
    ("statistics", "variable"): METHODS,
    ("xlog", "log_colors"): METHODS,
}


def generations(decl: Any) -> int:
    """The catalogue's bits: 1 for 4.4, 2 for 5.6, 4 for 6.x."""
    return SINCE[decl.since] & UNTIL[decl.until]


@cache
def sources() -> str:
    """All code that may heed a parameter, without the declarations."""
    folders = [Path(kamscript.__file__).parent / name for name in ("modules", "live", "core", "tools")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    lines = [line for path in files for line in path.read_text("utf-8").splitlines()]
    return "\n".join(line for line in lines if "Param(" not in line)


def without(module: type[Module], names: Iterable[Any], exceptions: dict[tuple[str, str], str]) -> set[Any]:
    """The names that are no exceptions; a function's key begins with its name."""
    return {name for name in names if (module.name, name[0] if isinstance(name, tuple) else name) not in exceptions}


@pytest.fixture(scope="module", params=sorted(own_names()))
def module(request: pytest.FixtureRequest) -> type[Module]:
    return load_module(str(request.param))


@pytest.fixture(scope="module")
def facts(module: type[Module]) -> ModuleFacts:
    found = catalog().module(module.name)
    assert found is not None
    return found


def test_functions_by_name_and_arity_their_routes_and_generations(module: type[Module], facts: ModuleFacts) -> None:
    listed = {(fact.name, fact.arity): fact for rows in facts.functions.values() for fact in rows}
    wanted = {key: (listed[key].routes, listed[key].generations) for key in without(module, listed, ABSENT)}
    assert {key: (int(decl.routes), generations(decl)) for key, decl in module.functions.items()} == wanted


def test_parameters_and_their_generations(module: type[Module], facts: ModuleFacts) -> None:
    wanted = {name: fact.generations for name in facts.params() if (fact := facts.param(name))}
    params = without(module, module.params, ADDED)
    assert {name: generations(module.params[name]) for name in params} == wanted


def test_parameters_take_the_type_that_kamailio_takes(module: type[Module], facts: ModuleFacts) -> None:
    wrong = {
        name: (param.kind, fact.kind)
        for name, param in module.params.items()
        if (fact := facts.param(name)) and fact.kind != {int: "int", str: "str"}.get(param.kind, "both")
    }
    assert wrong == {}


def test_parameters_that_take_several_lines(module: type[Module], facts: ModuleFacts) -> None:
    wrong = {
        name
        for name, param in module.params.items()
        if (fact := facts.param(name)) and fact.repeat and not param.repeat and (module.name, name) not in UNREPEATED
    }
    assert wrong == set()


def test_pseudo_variables_and_their_generations(module: type[Module], facts: ModuleFacts) -> None:
    wanted = {name: fact.generations for name, fact in facts.pvs().items()}
    if module.name == "pv":  # it has the core's too
        core = catalog().module("core")
        assert core is not None
        wanted |= {name: fact.generations for name, fact in core.pvs().items() if name in module.pvs}
    assert {name: generations(decl) for name, decl in module.pvs.items()} == wanted


def test_pseudo_variables_can_be_written_where_kamailio_can(module: type[Module], facts: ModuleFacts) -> None:
    plain = {name: decl for name, decl in module.pvs.items() if not decl.factory}
    known = {name: fact for name, fact in facts.pvs().items() if fact.known and name in plain}
    assert {name: bool(plain[name].setter) for name in known} == {name: fact.writable for name, fact in known.items()}


def test_commands_and_their_generations(module: type[Module], facts: ModuleFacts) -> None:
    listed = facts.rpcs()
    wanted = {name: listed[name] for name in without(module, listed, ABSENT)}
    assert {name: generations(decl) for name, decl in module.rpcs.items()} == wanted


def test_transformation_classes(module: type[Module], facts: ModuleFacts) -> None:
    assert without(module, module.transformations, ADDED) == set(facts.transformations())


def test_everything_says_what_it_is(module: type[Module]) -> None:
    mute = [name for name, param in module.params.items() if not param.doc]
    for table in (
        module.functions,
        module.pvs,
        module.transformations,
        module.selects,
        module.rpcs,
        module.mis,
        module.statistics,
        module.event_routes,
    ):
        mute += [str(name) for name, decl in table.items() if not decl.doc]
    assert module.__doc__ and mute == []


def test_a_parameter_is_heeded_or_says_why_not(module: type[Module]) -> None:
    """Some code beside the declaration reads the attribute, or a method takes the value, or `inert` has the reason."""
    idle = [
        param.name
        for param in module.params.values()
        if not (param.inert or param.set or re.search(rf"""[."]{param.attribute}\b""", sources()))
    ]
    assert idle == []
    assert [param.name for param in module.params.values() if param.inert and len(param.inert.split()) < 4] == []


def test_exceptions_are_still_exceptions() -> None:
    assert [key for key in ABSENT if key[1] in {name for name, _ in load_module(key[0]).functions}] == []
    for name, added in ADDED:
        facts = catalog().module(name)
        assert facts is not None and added not in facts.transformations()
    assert [key for key in UNREPEATED if load_module(key[0]).params[key[1]].repeat] == []
