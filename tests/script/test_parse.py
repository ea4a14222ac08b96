"""The tree of a config, and errors with all their company."""

from __future__ import annotations

import pytest

from kamscript.script import nodes as n
from kamscript.script.keywords import Target
from kamscript.script.parse import parse, read
from kamscript.source import ConfigError, MemoryReader, Source


def config(text: str, target: Target = "5.6") -> n.Config:
    return parse(Source("k.cfg", text), MemoryReader(), target=target)


def statement(text: str) -> n.Statement:
    return config(f"route {{ {text} }}").routes[0].body.statements[0]


def expression(text: str) -> n.Expr:
    found = statement(f"$var(x) = {text};")
    assert isinstance(found, n.Assign)
    return found.value


def shape(node: object) -> object:
    """An expression as nested tuples."""
    if isinstance(node, n.Binary):
        return (str(node.op), shape(node.left), shape(node.right))
    if isinstance(node, n.Unary):
        return (str(node.op), shape(node.operand))
    if isinstance(node, n.CoreTest):
        return (f"{node.subject} {node.op}", shape(node.value))
    if isinstance(node, (n.IntLit, n.StrLit)):
        return node.value
    return getattr(node, "text", getattr(node, "name", type(node).__name__))


def errors(text: str, target: Target = "5.6") -> list[str]:
    _, found = read(Source("k.cfg", text), MemoryReader(), target=target)
    return [d.rule for d in found if d.severity == "error"]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 + 2 * 3", ("+", 1, ("*", 2, 3))),
        ("1 - 2 - 3", ("-", ("-", 1, 2), 3)),
        ("1 | 2 & 3", ("|", 1, ("&", 2, 3))),
        ("1 & 2 ^ 3", ("&", 1, ("^", 2, 3))),
        ("1 << 2 >> 3", ("<<", 1, (">>", 2, 3))),
        ("1 == 2 < 3", ("==", 1, ("<", 2, 3))),
        ("1 || 2 && 3", ("||", 1, ("&&", 2, 3))),
        ("not 1 == 2", ("==", ("!", 1), 2)),
        ("-1 - -2", ("-", -1, -2)),
        ("- $var(x) * 2", ("*", ("-", "$var(x)"), 2)),
        ("(int)$var(a) + 1", ("+", ("(int)", "$var(a)"), 1)),
        ("defined $var(a) && 1", ("&&", ("defined", "$var(a)"), 1)),
        ("(1 + 2) * 3", ("*", ("+", 1, 2), 3)),
        ('!method == "A"', ("!", ("method ==", "A"))),
        ('1 + method == "A"', ("+", 1, ("method ==", "A"))),
        ("src_port == 1 + 2 && 3", ("&&", ("src_port ==", ("+", 1, 2)), 3)),
        ("method == INVITE", ("method ==", "INVITE")),
        ("strlen($var(a)) > 1", (">", ("strlen", "$var(a)"), 1)),
    ],
)
def test_precedence(text: str, tree: object) -> None:
    assert shape(expression(text)) == tree


def test_status_and_reversed_myself_are_canonical() -> None:
    first = expression('status == "200"')
    second = expression("myself != src_ip")
    assert isinstance(first, n.CoreTest) and first.subject == "uri"
    assert isinstance(second, n.CoreTest) and isinstance(second.value, n.Myself)
    assert (second.subject, second.op) == ("src_ip", n.BinaryOp.NE)


def test_commands_have_one_name() -> None:
    for spelling in ("sethost", "seth", "rewritehost"):
        found = statement(f'{spelling}("a");')
        assert isinstance(found, n.Do) and isinstance(found.call, n.CoreCall)
        assert found.call.name == "sethost"


def test_names_of_routes() -> None:
    found = config("route[A] { exit; } onreply_route[0] { exit; } reply_route { exit; } event_route[a:b] { exit; }")
    assert [(r.kind.name, r.name) for r in found.routes] == [
        ("REQUEST", "A"),
        ("REPLY", ""),
        ("REPLY", ""),
        ("EVENT", "a:b"),
    ]


def test_a_select_is_a_path() -> None:
    found = expression('@hf_value["X"].a[2]')
    assert isinstance(found, n.Select)
    assert found.path == ("hf_value", "X", "a", 2)
    assert found.text == '@hf_value["X"].a[2]'


def test_an_if_carries_the_line_behind_it() -> None:
    found = config("route {\n if (1) {\n  exit;\n }\n\n drop;\n}").routes[0].body.statements
    assert [s.cline for s in found] == [6, 6]


def test_a_call_carries_the_line_of_its_parenthesis() -> None:
    found = config("route {\n f(1,\n   2\n );\n}").routes[0].body.statements[0]
    assert found.cline == 4
    assert found.pos.line == 2


def test_else_if_chains_may_be_long() -> None:
    chain = " else ".join(f"if ($var(x) == {i}) {{ exit; }}" for i in range(300))
    assert len(config(f"route {{ {chain} }}").routes) == 1


def test_all_errors_at_once() -> None:
    text = "debug = x\nroute {\n $var(x) = ;\n exit;\n foo bar;\n}\nroute { ) }\n"
    assert errors(text) == ["syntax"] * 4


def test_an_unknown_setting_gets_a_hint() -> None:
    with pytest.raises(ConfigError) as caught:
        config("childen = 4\nroute { exit; }")
    assert caught.value.diagnostics[0].hint == "did you mean children?"
    assert caught.value.diagnostics[0].message == "childen is no core parameter"


def test_the_printed_error() -> None:
    with pytest.raises(ConfigError) as caught:
        config("route {\n\tif ($var(x) == 1) exit\n}\n")
    assert str(caught.value) == (
        "k.cfg:3:1: error: unexpected } [syntax]\n   3 | }\n     | ^\n     = hint: is a ; missing?"
    )


def test_types_of_constants() -> None:
    assert errors('route { $var(x) = 1 + "a"; }') == ["type-mismatch"]
    assert errors('route { $var(x) = "a" + 1; }') == []


def test_forms_of_6x() -> None:
    text = (
        'loadmodule("tm.so")\nsocket = { bind = udp:10.0.0.1:5060; advertise = a.b:5070; name = "x"; }\nroute { exit; }'
    )
    assert errors(text, "6.x") == []
    assert errors(text, "all") == []
    assert errors(text) == ["syntax"]
    listen = config(text, "6.x").items[1]
    assert isinstance(listen, n.Listen)
    assert listen.block and listen.name == "x" and listen.sockets[0].hosts == ("10.0.0.1",)


def test_words_of_5_are_names_in_4() -> None:
    assert errors("route { selval(1); }", "4.4") == []
    assert errors("route { selval(1); }", "5.6") == ["syntax"]


def test_a_setting_of_4_is_gone() -> None:
    assert errors('statistics = "x"\nroute { exit; }', "4.4") == []
    assert errors('statistics = "x"\nroute { exit; }', "all") == []
    assert errors('statistics = "x"\nroute { exit; }') == ["syntax"]


def test_tables_are_those_of_the_grammar() -> None:
    import hashlib

    from kamscript.script import tables
    from kamscript.script.make_tables import grammar

    made = hashlib.sha256(grammar().encode()).hexdigest()
    assert made == tables.GRAMMAR, "run: python -m kamscript.script.make_tables"
