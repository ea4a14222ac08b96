"""What the catalogue of Kamailio's modules lists, these modules have, in the same generations and routes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import kamscript
from kamscript.module import Module
from kamscript.modules import load_module

CATALOG: dict[str, dict[str, Any]] = json.loads((Path(kamscript.__file__).parent / "data/catalog.json").read_text())
MODULES = ("corex", "ctl", "jsonrpcs", "kex", "maxfwd", "sanity", "siputils", "textops", "textopsx", "xlog")
SINCE, UNTIL = {"": 7, "4.4": 7, "5.6": 6, "6.x": 4}, {"": 7, "4.4": 1, "5.6": 3, "6.x": 7}
#: What only C code calls.
FOR_MODULES = frozenset(("bind_textopsx",))


def generations(decl: Any) -> int:
    """The catalogue's bits: 1 for 4.4, 2 for 5.6, 4 for 6.x."""
    return SINCE[decl.since] & UNTIL[decl.until]


def listed(name: str, kind: str, bits: int) -> dict[str, int]:
    """The catalogue's rows of one kind and their generations."""
    return {row[0]: row[bits] for row in CATALOG[name].get(kind, ())}


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest) -> type[Module]:
    return load_module(str(request.param))


def test_functions(module: type[Module]) -> None:
    wanted = {
        (row[0], row[1]): (row[2], row[3]) for row in CATALOG[module.name].get("f", ()) if row[0] not in FOR_MODULES
    }
    assert {key: (int(decl.routes), generations(decl)) for key, decl in module.functions.items()} == wanted


def test_parameters(module: type[Module]) -> None:
    names = {param.name: generations(param) for param in module.params.values()}
    assert names == listed(module.name, "p", 2)


def test_pseudo_variables(module: type[Module]) -> None:
    assert {name: generations(decl) for name, decl in module.pvs.items()} == listed(module.name, "v", 1)


def test_commands(module: type[Module]) -> None:
    assert {name: generations(decl) for name, decl in module.rpcs.items()} == listed(module.name, "r", 1)


def test_transformations(module: type[Module]) -> None:
    assert set(module.transformations) == set(CATALOG[module.name].get("t", ()))
