"""avpops: the lab's tables, what is stored once, errors at their lines. 5.6: tests/differential/cases/avpops.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.modules.avpops.operations import Operation
from kamscript.values import INT_MAX, INT_MIN
from tests.modules.script import INVITE, refused, said, serve

LOADS = "".join(f'loadmodule "{name}.so"\n' for name in ("db_mysql", "pv", "xlog", "avpops"))
URL = "mysql://root@localhost/kamailio"
DB = f"""
modparam("avpops", "db_url", "{URL}")
modparam("avpops", "avp_table", "usr_preferences")
modparam("avpops", "db_scheme", "who:table=subscriber;value_col=password")
"""


def lab(route: str, rows: list[dict[str, Any]] | None = None, settings: str = "") -> Lab:
    """A server that ran a route once, over these preferences."""
    tables: Any = {"usr_preferences": rows or [], "subscriber": [{"username": "alice", "password": "secret"}]}
    made = Lab(text=f"{LOADS}{DB}{settings}request_route {{ {route} exit; }}\n", database=tables)
    made.send(made.request("OPTIONS", "bob"), "10.0.0.1")
    return made


def test_preferences_that_a_test_gives_are_loaded() -> None:
    rows = [
        {"uuid": "alice", "attribute": "forward", "value": "sip:carol@example.com", "type": 0},
        {"uuid": "alice", "attribute": "limit", "value": "5", "type": 1},
        {"uuid": "alice", "attribute": "bad", "value": "many", "type": 1},
    ]
    route = 'avp_db_load("alice", "*"); $var(n) = $avp(limit) + 1; xlog("$avp(forward) $var(n) $avp(bad)\\n");'
    assert lab(route, rows).log.script == ["sip:carol@example.com 6 <null>"]


def test_what_was_stored_is_not_stored_again() -> None:
    route = """$avp(a) = "x"; avp_db_store("u", "$avp(a)"); $avp(a) = 7; avp_db_store("u", "$avp(a)");
    avp_db_store("u", "*"); xlog("$rc\\n");"""
    ran = lab(route)
    stored = ran.database(URL).query("usr_preferences", ["attribute", "type", "value"])
    assert (ran.log.script, stored) == (["-1"], [("a", 0, "x"), ("a", 1, "7")])


def test_columns_have_the_names_that_the_config_gives_them() -> None:
    settings = 'modparam("avpops", "value_column", "val")\n'
    route = """$avp(a) = "x"; avp_db_store("u", "$avp(a)"); avp_delete("*");
    avp_db_load("u", "*"); xlog("$avp(a)\\n");"""
    assert lab(route, settings=settings).log.script == ["x"]


def test_a_scheme_reads_another_table() -> None:
    route = 'avp_db_load("sip:alice@example.com/username", "$avp(p)/$who"); xlog("$avp(p)\\n");'
    assert lab(route).log.script == ["secret"]


def test_flags_of_scripts_stay_with_their_values() -> None:
    route = """$avp(a) = 1; $avp(a) = 2; avp_copy("$avp(a)", "$avp(b)/gd"); avp_copy("$avp(b)", "$avp(a)/g");
    xlog("$(avp(a)[*])/$(avp(b)[*])\\n");"""
    assert said(route, modules="avpops") == ["2, 1/1, 2"]


def test_all_avps_are_logged() -> None:
    serving = serve('$avp(a) = "x"; $avp(i:5) = 7; avp_print();', modules="avpops", before="debug=2\n")
    serving.send(INVITE)
    logged = [record.text for record in serving.records if record.origin == "avpops"]
    assert sorted(logged) == ["id=<5> val_int=<7>", "name=<a> val_str=<x / 1>"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('avp_check("$avp(a)", "is/x");', "with one of eq, ne, lt, le, gt, ge, re, fm, and, or, xor"),
        ('avp_check("$avp(a)", "eq/i:x");', "'i:x' is no number"),
        ('avp_copy("$avp(a)", "$var(b)");', "an AVP is wanted, $avp(name), not '$var(b)'"),
        ('avp_copy("$avp(a)", "$avp(b)/x");', "unknown flag 'x'"),
        ('avp_pushto("$fu", "$avp(a)");', "unsupported destination $fu; expected $ru, $du or $br"),
        ('avp_db_load("alice", "*");', "a db_url is needed for the avp_db functions"),
        ('avp_op("$avp(a)", "add/5");', "a number is wanted, i:5"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(line: str, why: str) -> None:
    assert why in refused(line, modules="avpops")


NUMBERS = st.integers(INT_MIN, INT_MAX)


@given(NUMBERS, NUMBERS, st.sampled_from(["add", "sub", "mul", "div", "mod", "and", "or", "xor", "not"]))
def test_results_have_32_bits(first: int, second: int, name: str) -> None:
    server: Any = None
    result = Operation(f"{name}/i:0", server).result(first, second)
    assert INT_MIN <= result <= INT_MAX


@given(NUMBERS, NUMBERS.filter(bool))
def test_division_and_remainder_belong_together(first: int, second: int) -> None:
    server: Any = None
    quotient, rest = (Operation(f"{name}/i:0", server).result(first, second) for name in ("div", "mod"))
    if (first, second) != (INT_MIN, -1):
        assert quotient * second + rest == first and abs(rest) < abs(second)
