"""How statements run. Every value here was asked of Kamailio 5.6.3; tests/differential asks for many more."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.values import wrap

from .scripting import logged, values


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("2147483647 + 1", -2147483648),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("-7 mod 3", -1),
        ('"a" + 1', "a1"),
        ('"5" + "7"', "57"),
        ("1 << 4 | 3", 19),
        ("~0", -1),
        ("!5", 0),
        ("1 && 0 || 1", 1),
        ('"abc" =~ "B"', 1),
        ('"abc" =~ "^b"', 0),
        ('"10" == 10', 1),
        ("$null == 0", 1),
        ('$null == ""', 1),
        ('(int)"12x"', 0),
        ('(str)5 + "x"', "5x"),
        ('strlen("hello")', 5),
        ('strempty("")', 1),
        ("defined $var(a)", 1),
        ("defined $avp(none)", 0),
        ("$var(five) + 1", 6),
        ("$var(word) + 1", "w1"),
        ("1 + $var(numeral)", 13),
        ("$var(word) == \"w\"", 1),
        ("$rm", "INVITE"),
        ("@from.tag", "a1"),
    ],
)  # fmt: skip
def test_expressions(expression: str, value: object) -> None:
    before = '$var(five) = 5; $var(word) = "w"; $var(numeral) = "12";'
    assert values([expression], before) == [value]


operands = st.integers(-(2**31), 2**31 - 1)


@settings(max_examples=30, deadline=None)
@given(operands, operands, st.sampled_from(["+", "-", "*", "&", "|", "^", "<", ">", "<=", ">=", "==", "!="]))
def test_folded_and_computed_agree(a: int, b: int, op: str) -> None:
    """A constant expression gives what the same expression over variables gives, and both wrap at 32 bits."""
    folded, computed = values([f"{a} {op} ({b})", f"$var(a) {op} $var(b)"], f"$var(a) = {a}; $var(b) = {b};")
    expected = eval(f"a {op} b", {"a": a, "b": b})
    assert folded == computed == wrap(int(expected))


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ('route(A); xlog("$rc\\n");', ["5"]),
        ('if (route(A)) xlog("yes\\n"); else xlog("no\\n");', ["yes"]),
        ('if (route(NEG)) xlog("yes\\n"); else xlog("no\\n");', ["no"]),
        ('if (!route(NEG)) xlog("yes $rc\\n"); else xlog("no $rc\\n");', ["yes -1"]),
        ('route(ZERO); xlog("not reached\\n");', []),
        ('route(EXIT); xlog("not reached\\n");', []),
        ('$var(x) = route(A); xlog("$var(x)\\n");', ["5"]),
        ('route("A"); xlog("$rc\\n");', ["5"]),
        ('$var(n) = "A"; route($var(n)); xlog("$rc\\n");', ["5"]),
        ('$var(n) = "NOPE"; route($var(n)); xlog("$rc\\n");', ["0"]),
        ('route(EMPTY); xlog("$rc\\n");', ["1"]),
        ('route(FELL); xlog("$rc\\n");', ["1"]),
        ('$var(i) = 0; while ($var(i) < 3) { $var(i) = $var(i) + 1; if ($var(i) == 2) break; } xlog("$var(i)\\n");',
         ["2"]),
        ('switch (2) { case 1: xlog("1\\n"); case 2: xlog("2\\n"); case 3: xlog("3\\n"); break; default: drop; }',
         ["2", "3"]),
        ('switch ("b") { case "a": xlog("a\\n"); break; default: xlog("d\\n"); }', ["d"]),
        ('switch ($rU) { case /"^b": xlog("regex\\n"); break; }', ["regex"]),
        ('xlog("one\\n"); return; xlog("two\\n");', ["one"]),
        ('if (0) xlog("a\\n"); else if (1) xlog("b\\n"); else xlog("c\\n");', ["b"]),
        ('if ("5") xlog("yes\\n"); else xlog("no\\n");', ["yes"]),
        ('if ($null) xlog("yes\\n"); else xlog("no\\n");', ["no"]),
    ],
)  # fmt: skip
def test_control_flow(statements: str, said: list[str]) -> None:
    routes = """
route[A] { return 5; }
route[NEG] { return -1; }
route[ZERO] { return 0; }
route[EXIT] { exit; }
route[EMPTY] { $var(q) = 1; }
route[FELL] { if (1) { $var(q) = 2; } }
"""
    assert logged(statements, routes=routes) == said


def test_division_by_zero_skips_the_assignment() -> None:
    assert logged('$var(x) = 7; $var(z) = 0; $var(x) = 1 / $var(z); xlog("$var(x)\\n");') == ["7"]


def test_variables_live_as_long_as_the_server() -> None:
    assert logged('$var(n) = $var(n) + 1; $vn(m) = $vn(m) + 1; xlog("$var(n) $vn(m)\\n");', runs=3) == [
        "1 1", "2 11", "3 111",
    ]  # fmt: skip


def test_avps_live_as_long_as_the_message_and_are_stacks() -> None:
    push = '$avp(a) = 1; $avp(a) = "two"; xlog("$avp(a) $(avp(a)[1]) $(avp(a)[*])\\n");'
    text = push + ' $avp(a) = $null; xlog("$avp(a)\\n");'
    assert logged(text, runs=2) == ["two 1 two, 1", "1"] * 2


def test_a_loop_without_end_is_stopped() -> None:
    assert logged('$var(i) = 0; while (1) { $var(i) = $var(i) + 1; } xlog("$var(i)\\n");') == ["100"]


def test_recursion_without_end_is_stopped() -> None:
    assert logged('route(R); xlog("back\\n");', routes="route[R] { route(R); }") == ["back"]


def test_nulls_and_assignments() -> None:
    assert logged('$var(a) = 5; $var(a) = $null; $vn(b) = 5; $vn(b) = $null; xlog("$var(a) $vn(b)\\n");') == [
        "0 <null>"
    ]


def test_a_computed_number_is_no_request_uri() -> None:
    assert logged('$rU = 40 + 2; xlog("$rU\\n"); $var(n) = 42; $rU = $var(n); xlog("$rU\\n");') == ["bob", "42"]


def test_the_4_4_generation_lacks_what_came_later() -> None:
    from kamscript.source import ConfigError

    with pytest.raises(ConfigError):
        logged('xlog("$fsn\\n");', target="4.4")
