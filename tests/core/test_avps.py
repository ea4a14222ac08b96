"""AVPs and their extended kin."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kamscript.core import xavps
from kamscript.core.avps import Avps
from kamscript.core.context import Xavps

from .serving import Serving, request


def test_the_newest_value_is_read() -> None:
    avps = Avps()
    assert avps.get("x") is None
    avps.push("x", 1)
    avps.push("x", "two")
    assert avps.get("x") == "two"
    avps.delete("x")
    assert avps.get("x") == 1
    avps.delete("x")
    assert avps.lists == {}


def test_flags_stay_with_their_value() -> None:
    avps = Avps()
    assert avps.flag("x", 1, True) is None
    avps.push("x", 1)
    assert avps.flag("x", 2, True)
    avps.push("x", 2)
    assert not avps.flag("x", 2)
    avps.delete("x")
    assert avps.flag("x", 2)
    assert not avps.flag("x", 2, False)
    avps.delete_all("x")
    avps.push("x", 3)
    assert not avps.flag("x", 2)


@given(st.lists(st.sampled_from(["push", "delete", "set", "reset"]), max_size=40))
def test_flags_follow_any_sequence_of_changes(steps: list[str]) -> None:
    avps, model = Avps(), list[bool]()
    for step in steps:
        if step == "push":
            avps.push("x", 1)
            model.append(False)
        elif step == "delete":
            avps.delete("x")
            model = model[:-1]
        else:
            avps.flag("x", 1, step == "set")
            if model:
                model[-1] = step == "set"
    assert avps.flag("x", 1) == (model[-1] if model else None)


def test_scripts_set_and_test_flags_of_avps() -> None:
    body = 'setavpflag($x, f) ; if (isavpflagset($x, f)) log(0, "set"); else log(0, "none");'
    config = f"listen=udp:127.0.0.1:5060\navpflags f\nrequest_route {{ {body} }}"
    serving = Serving(config)
    serving.send(request())
    assert serving.script == ["none"]


def test_xavps_are_stacks() -> None:
    table: Xavps = {}
    xavps.push(table, "a", 1)
    xavps.push(table, "a", {"f": ["x"]})
    assert xavps.get(table, "a") == {"f": ["x"]}
    assert xavps.get(table, "a", 1) == 1
    assert xavps.get(table, "a", -1) == 1
    assert xavps.get(table, "a", 2) is None
    assert xavps.get(None, "a") is None
    assert xavps.child(table, "a", "f") == "x"
    assert xavps.set_value(table, "a", 7, 1)
    assert not xavps.set_value(table, "a", 7, 2)
    assert not xavps.set_value(table, "b", 7)
    assert xavps.remove(table, "a", 0) == 1
    assert table == {"a": [7]}
    assert xavps.remove(table, "a") == 1
    assert xavps.remove(table, "a") == 0
    assert table == {}


def test_a_field_is_made_when_it_is_set() -> None:
    table: Xavps = {}
    xavps.set_child(table, "a", "f", 1)
    xavps.set_child(table, "a", "g", "x")
    xavps.set_child(table, "a", "f", 2)
    assert table == {"a": [{"f": [2], "g": ["x"]}]}
    assert xavps.serialize(table, "a") == "g=x;f=2;"
    assert xavps.serialize(table, "b") == ""


def test_a_copy_stands_alone() -> None:
    table: Xavps = {"a": [{"f": [1]}]}
    twin = xavps.copy(table)
    xavps.set_child(table, "a", "f", 2)
    assert twin == {"a": [{"f": [1]}]}
    assert xavps.copy(None) is None


def test_lists_are_made_when_first_written() -> None:
    serving = Serving("listen=udp:127.0.0.1:5060\nrequest_route { exit; }")
    ctx = serving.server.context(serving.server.faked_message())
    assert ctx.xavps is None
    for number, table in enumerate((xavps.xavps, xavps.xavus, xavps.xavis)):
        table(ctx)["a"] = [number]
        assert table(ctx) == {"a": [number]}
