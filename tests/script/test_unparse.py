"""print(parse(x)): what is written out reads back as the same tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.script import nodes as n
from kamscript.script.parse import parse, read
from kamscript.script.unparse import unparse
from kamscript.source import NOWHERE, FileReader, Source

CASES = Path(__file__).parent.parent / "differential" / "verdicts" / "cases"


def again(config: n.Config) -> n.Config:
    return parse(Source("again.cfg", unparse(config)))


def test_a_small_config() -> None:
    config = parse(Source("k.cfg", 'debug=3 loadmodule "tm.so" route { if (!method == "A") exit; else drop; }'))
    assert unparse(config) == (
        "debug = 3\n"
        'loadmodule "tm.so"\n'
        "request_route {\n"
        '    if (!(method == "A")) {\n'
        "        exit;\n"
        "    } else {\n"
        "        drop;\n"
        "    }\n"
        "}\n"
    )
    assert again(config) == config


@pytest.mark.parametrize("path", sorted(CASES.glob("*.txt")), ids=lambda p: p.stem)
def test_every_snippet_that_parses(path: Path) -> None:
    for text in path.read_text(encoding="latin-1").split("\n===== "):
        config, found = read(Source("k.cfg", text.partition("\n")[2]), FileReader({"HOME": "/root"}))
        if not any(d.severity == "error" for d in found):
            assert again(config) == config


_leaves = (
    st.integers(-(2**31), 2**31 - 1).map(lambda v: n.IntLit(NOWHERE, v))
    | st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=8).map(lambda v: n.StrLit(NOWHERE, v))
    | st.sampled_from(["$ru", "$var(x)", "$(avp(a)[1])", "$rc", "$null"]).map(lambda v: n.Pv(NOWHERE, v))
    | st.just(n.Select(NOWHERE, ("via", 1, "host"), (1,)))
    | st.builds(lambda i: n.Attr(NOWHERE, "f", "name", i), st.sampled_from([None, "*", 2, -1]))
)


def _more(inner: st.SearchStrategy[n.Expr]) -> st.SearchStrategy[n.Expr]:
    return (
        st.builds(lambda op, a, b: n.Binary(NOWHERE, op, a, b), st.sampled_from(list(n.BinaryOp)), inner, inner)
        | st.builds(lambda op, a: n.Unary(NOWHERE, op, a), st.sampled_from(list(n.UnaryOp)), inner)
        | st.builds(lambda args: n.Call(NOWHERE, "f", tuple(args)), st.lists(_leaves, max_size=3))
        | st.builds(lambda a: n.CoreTest(NOWHERE, "method", n.BinaryOp.EQ, a), inner)
        | st.builds(lambda a: n.CoreTest(NOWHERE, "src_port", n.BinaryOp.LT, a), inner)
        | st.builds(lambda a, b, c: n.Selval(NOWHERE, a, b, c), inner, inner, inner)
    )


def _negated_literal(node: n.Node) -> bool:
    """`-(5)` reads as the number, so that tree cannot come out of a text."""
    return any(
        isinstance(x, n.Unary) and x.op is n.UnaryOp.MINUS and isinstance(x.operand, n.IntLit) and x.operand.value >= 0
        for x in n.walk(node)
    )


@given(st.recursive(_leaves, _more, max_leaves=12).filter(lambda e: not _negated_literal(e)))
@settings(max_examples=300, deadline=None)
def test_any_expression(value: n.Expr) -> None:
    body = n.Block(NOWHERE, (n.Assign(NOWHERE, 0, n.Pv(NOWHERE, "$var(y)"), value),))
    config = n.Config((n.Route(NOWHERE, n.RouteKind.REQUEST, "", body),))
    read_back, _ = read(Source("k.cfg", unparse(config)))
    assert read_back == config
