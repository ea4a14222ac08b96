"""`kamscript port`: what of a config is real, doubled, replaced, wrong; in every branch."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.cli import main
from kamscript.script.catalog import catalog
from kamscript.script.nodes import CustomVar
from kamscript.script.parse import read
from kamscript.source import MemoryReader, Source, Span
from kamscript.tools.port_branches import Conditions, Forced, Run, runs_for
from kamscript.tools.port_inventory import Inventory, Use, inventory
from kamscript.tools.port_names import State
from kamscript.tools.port_successors import SUCCESSORS, as_markdown, successor

OLD = """debug=3
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "xlog.so"
loadmodule "dialog.so"
loadmodule "geoip.so"
modparam("dialog", "dlg_flag", 4)
modparam("geoip", "path", "/x")
request_route {
    rewritehost("example.com");
    if (geoip_match("$si", "src"))
        xlog("from $gip(src=>cc) $(ru{uri.user}) costs 5$ $nobody\\n");
    t_was_cancelled();
}
"""
CLEAN = 'loadmodule "pv.so"\nloadmodule "tm.so"\nrequest_route { t_relay(); }\n'
BRANCHES = """#!define WITH_A
#!ifdef WITH_A
loadmodule "pv.so"
#!else
loadmodule "geoip.so"
#!endif
#!ifdef WITH_B
#!define LEVEL 3
#!ifndef WITH_A
loadmodule "enum.so"
#!endif
#!endif
#!ifdef LEVEL
debug=LEVEL
#!endif
request_route { exit; }
"""


def _nested(blocks: list[tuple[str, bool, str, str]]) -> str:
    """`#!ifdef` blocks one behind the other, each with two sides."""
    return "".join(
        f"#!{'ifdef' if wanted else 'ifndef'} {name}\n{one}#!else\n{other}#!endif\n"
        for name, wanted, one, other in blocks
    )


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAMSCRIPT_CACHE", "")
    monkeypatch.delenv("KAMSCRIPT_TARGET", raising=False)
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "kamailio.cfg") -> str:
    Path(name).write_text(text, encoding="latin-1")
    return name


def names(text: str, branches: bool = False, **files: str) -> Inventory:
    return inventory("k.cfg", MemoryReader({**files, "k.cfg": text}), defines={}, branches=branches)


def use(found: Inventory, shown: str) -> Use:
    return next(one for one in found.uses.values() if one.shown == shown)


def reported(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    main(["port", "--format", "json", *arguments])
    return json.loads(capsys.readouterr().out)


# -- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "state", "line"),
    [
        ("debug", State.REAL, 1),
        ("geoip", State.DOUBLE, 6),
        ("dlg_flag", State.REAL, 7),
        ("path", State.DOUBLE, 8),
        ("rewritehost()", State.REAL, 10),
        ("geoip_match()", State.DOUBLE, 11),
        ("$si", State.REAL, 11),
        ("$gip", State.DOUBLE, 12),
        ("{uri.user}", State.REAL, 12),
        ("t_was_cancelled()", State.UNKNOWN, 13),
    ],
)
def test_every_name_with_its_place(shown: str, state: State, line: int) -> None:
    found = use(names(OLD), shown)
    assert (found.state, [place.line for place in found.places]) == (state, [line])


def test_a_word_with_a_dollar_in_a_text_is_no_name() -> None:
    assert "nobody" not in [name for _, name, _ in names(OLD).uses]


def test_variables_within_variables() -> None:
    found = names('loadmodule "pv.so"\nrequest_route { $var(x) = $hdr(X-$rU); }\n')
    assert use(found, "$rU").state is State.REAL


def test_a_function_whose_module_is_not_loaded() -> None:
    found = use(names("request_route { t_relay(); }\n"), "t_relay()")
    assert (found.state, found.why) == (State.UNKNOWN, "the module tm is not loaded")


def test_a_number_of_arguments_that_nobody_takes() -> None:
    found = use(names('loadmodule "tm.so"\nrequest_route { t_relay("0x05"); }\n'), "t_relay()")
    assert found.why == "no generation takes 1 argument here"
    assert found.instead is not None
    assert found.instead.instead == "t_relay_to(flags)"


def test_names_of_several_modules_in_one_modparam() -> None:
    loads = "".join(f'loadmodule "{one}.so"\n' for one in ("pv", "sl", "tm", "usrloc", "registrar", "nathelper"))
    found = names(loads + 'modparam("nathelper|registrar", "received_avp", "$avp(r)")\n')
    assert {module for kind, name, module in found.uses if name == "received_avp"} == {"nathelper", "registrar"}


def test_a_parameter_without_effect_says_why() -> None:
    assert use(names("children=4\n"), "children").why == "there are no worker processes to arrange here"


# -- what replaced what -----------------------------------------------------------------------------------------------


def test_names_that_every_newer_generation_has_are_in_no_row() -> None:
    for row in SUCCESSORS:
        facts = catalog().module(row.module)
        if row.kind == "function" and facts is not None and not row.habit:
            rows = facts.functions.get(row.name, ())
            assert not [r for r in rows if row.arity in (-1, r.arity) and r.generations & 6 == 6], row
        if row.kind == "parameter" and facts is not None:
            fact = facts.param(row.name)
            assert fact is None or fact.generations & 6 != 6, row


def test_every_function_that_ended_has_a_successor() -> None:
    facts = catalog()
    modules = [m for name in facts.names() if (m := facts.module(name)) is not None and m.generations() & 4]
    gone = {
        (module.name, name, row.arity)
        for module in modules
        for name, rows in module.functions.items()
        for row in rows
        if not row.generations & 4
    }
    assert [one for one in sorted(gone) if successor("function", one[1], one[0], one[2]) is None] == []


def test_every_parameter_that_ended_has_a_successor() -> None:
    facts = catalog()
    modules = [m for name in facts.names() if (m := facts.module(name)) is not None and m.generations() & 4]
    gone = [(m.name, name) for m in modules for name in m.params() if (p := m.param(name)) and not p.generations & 4]
    assert [one for one in gone if successor("parameter", one[1], one[0]) is None] == []


def test_every_module_that_ended_has_a_successor() -> None:
    facts = catalog()
    gone = [name for name in facts.names() if (m := facts.module(name)) and not m.generations() & 4]
    assert [name for name in gone if successor("module", name) is None] == []


def test_every_row_says_where_it_is_documented() -> None:
    assert [row for row in SUCCESSORS if not row.instead or not row.source] == []
    keys = [(row.kind, row.module, row.name, row.arity) for row in SUCCESSORS]
    assert len(set(keys)) == len(keys)


def test_the_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "successors.md"
    assert page.read_text(encoding="utf-8") == as_markdown(), "python -m kamscript.tools.port_successors"


def test_commands_of_the_management_interface_have_rpc_names() -> None:
    found = successor("MI command", "dlg_list")
    assert found is not None
    assert found.instead == "dlg.list"


# -- branches ---------------------------------------------------------------------------------------------------------


def test_conditions_around_a_line() -> None:
    source = Source("k.cfg", BRANCHES)
    conditions = Conditions()
    around = [
        " ".join(map(str, conditions.around(Span(source, source.offset(n), source.offset(n))))) for n in (3, 5, 10, 14)
    ]
    assert around == ["WITH_A", "not WITH_A", "WITH_B not WITH_A", "LEVEL"]


def test_conditions_in_comments_and_texts_do_not_count() -> None:
    text = '/*\n#!ifdef A\n*/\n# x\n#!ifdef B\nx="\n#!ifdef C\n"\n'
    source = Source("k.cfg", text)
    assert [str(c) for c in Conditions().around(Span(source, len(text), len(text)))] == ["B"]


def test_all_branches_are_reached() -> None:
    assert [m for _, m, _ in names(BRANCHES).uses] == ["pv"]
    found = names(BRANCHES, branches=True)
    assert {m for kind, m, _ in found.uses if kind == "module"} == {"pv", "geoip", "enum"}
    assert [str(run) for run in found.runs] == ["LEVEL, WITH_B, not WITH_A"]
    assert use(found, "enum").places[0].when == ("WITH_B", "not WITH_A")


def test_a_forced_name_has_the_value_that_the_config_gives_it() -> None:
    assert names(BRANCHES, branches=True).runs[0].on["LEVEL"] == "3"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("#!define URL 'a'\n#!ifdef URL\n#!endif\n#!undef URL\n", "'a'"),
        ('##!define URL "x"\n#!ifdef URL\n#!endif\n', '"x"'),
        ("# #!define URL 3\n#!ifdef URL\n#!endif\n", "3"),
        ("#!ifdef URL\nlog_prefix=URL\n#!endif\n", '"URL"'),
        ("#!ifdef URL\n# log_prefix=URL\n#!endif\n", ""),
    ],
)
def test_what_a_name_is_tried_with(text: str, value: str) -> None:
    assert names(text, branches=True).runs[0].on["URL"] == value


def test_branches_that_exclude_one_another_need_two_runs() -> None:
    text = (
        "#!ifdef A\n#!else\n#!endif\n#!ifdef B\n#!ifdef A\n#!endif\n#!endif\n#!ifdef C\n#!ifndef A\n#!endif\n#!endif\n"
    )
    source = Source("k.cfg", text)
    runs = runs_for(Conditions().branches(source), (), [text])
    assert sorted(map(str, runs)) == ["A, B, C", "C, not A"]


def test_a_branch_that_contradicts_itself_needs_none() -> None:
    text = "#!ifdef A\n#!ifndef A\n#!endif\n#!endif\n"
    runs = runs_for(Conditions().branches(Source("k.cfg", text)), (), [text])
    assert list(map(str, runs)) == ["A"]


def test_branches_of_files_that_a_branch_includes() -> None:
    found = names(
        '#!ifdef WITH_X\ninclude_file "x.cfg"\n#!endif\nrequest_route { exit; }\n',
        branches=True,
        **{"x.cfg": '#!ifdef WITH_Y\nloadmodule "enum.so"\n#!endif\n'},
    )
    assert use(found, "enum").places[0].when == ("WITH_X", "WITH_Y")


def test_what_the_files_say_of_forced_names_is_blanked() -> None:
    text = "#!define A 1\n#!define AB 2\n#!def A \\\n  3\n#!undef A\ndebug=A\n"
    read = Forced(MemoryReader({"k.cfg": text}), Run({}, frozenset("A"))).read("k.cfg")
    assert [line.strip() for line in read.splitlines()] == ["", "#!define AB 2", "", "", "", "debug=A"]
    assert len(read) == len(text)


def test_an_expression_is_looked_at_on_one_side(capsys: pytest.CaptureFixture[str]) -> None:
    write("#!ifexp 1 > 2\ndebug=3\n#!endif\nrequest_route { exit; }\n")
    assert main(["port", "--all-branches", "kamailio.cfg"]) == 0
    assert "#!ifexp 1 > 2: only the side that counts now was looked at" in capsys.readouterr().out


@given(st.recursive(st.just(""), lambda inner: st.lists(st.tuples(st.sampled_from("ABCD"), st.booleans(), inner, inner),
                                                        max_size=3).map(_nested), max_leaves=8))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_every_branch_that_can_be_reached_is_reached(text: str) -> None:
    lines = text.splitlines()
    marked = "\n".join(f"g.v{n} = 1\n{line}" for n, line in enumerate([*lines, ""]))
    source = Source("k.cfg", marked + "\n")
    conditions = Conditions()
    natural, runs = names(source.text), names(source.text, branches=True).runs
    reached = set()
    for run in (Run({}, frozenset()), *runs):
        config, _ = read(source, None, dict(run.on))
        reached |= {item.name for item in config.items if isinstance(item, CustomVar)}
    assert natural.runs == []
    for n in range(len(lines) + 1):
        at = source.text.index(f"g.v{n} = 1")
        around = conditions.around(Span(source, at, at))
        wanted = {(one.name, one.wanted) for one in around}
        if len(wanted) == len({name for name, _ in wanted}):
            assert f"v{n}" in reached, (source.text, [str(run) for run in runs])


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "arguments", "status"),
    [
        (CLEAN, (), 0),
        (CLEAN + "route[A] { exit; }\n", (), 0),  # a warning only
        (OLD, (), 1),
        (
            CLEAN + 'loadmodule "rr.so"\nloadmodule "dialog.so"\nmodparam("dialog", "dlg_flag", 4)\n',
            (),
            1,
        ),  # not in 6.x
        (
            CLEAN + 'loadmodule "rr.so"\nloadmodule "dialog.so"\nmodparam("dialog", "dlg_flag", 4)\n',
            ("--target", "5.6"),
            0,
        ),
        (CLEAN + "#!ifdef X\nroute[A] { nope(); }\n#!endif\n", (), 0),
        (CLEAN + "#!ifdef X\nroute[A] { nope(); }\n#!endif\n", ("--all-branches",), 1),
        (CLEAN + "#!ifdef X\nroute[A] { nope(); }\n#!endif\n", ("-A", "X"), 1),
    ],
)
def test_exit_status(text: str, arguments: tuple[str, ...], status: int) -> None:
    assert main(["port", *arguments, write(text)]) == status


def test_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    main(["port", write(CLEAN + 'loadmodule "mi_rpc.so"\nloadmodule "enum.so"\nroute[A] { enum_query(); }\n')])
    assert capsys.readouterr().out == (
        "kamailio.cfg\n"
        "  config    6 names of 4 modules in 6 lines\n"
        "  real      4 of 6 (67%)\n"
        "  doubles   2, of enum\n"
        "  runs on   Kamailio 4.4\n"
        "  replace   1 name of other generations\n"
        "  check     1 warning\n"
        "\n"
        "Doubles: Kamailio has them; here a test answers for them, or they are false\n"
        "  enum: the module is not simulated\n"
        "    enum  module  kamailio.cfg:5\n"
        "    enum_query()  function  kamailio.cfg:6\n"
        "\n"
        "Other generations: not in every Kamailio that is asked for\n"
        "  only in 4.4\n"
        "    mi_rpc  module  kamailio.cfg:4\n"
        "      instead: nothing: what it carried over are RPC commands themselves since 5.0 [manual jsonrpcs]\n"
        "\n"
        "What looks wrong (kamscript check tells more)\n"
        "  kamailio.cfg:6: warning: nothing calls route[A] [unused-route]\n"
        "\n"
        "Real\n"
        "  tm: t_relay()\n"
    )


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    (report,) = reported(capsys, write(OLD))
    assert report["clean"] is False
    assert report["counts"]["double"] == 4
    assert report["generations"] == ["4.4", "5.6"]
    name = next(name for name in report["names"] if name["name"] == "t_was_cancelled")
    assert name["places"] == [{"file": "kamailio.cfg", "line": 13, "when": []}]
    assert name["instead"] == "t_is_canceled()"
    assert "unknown-function" in [one["rule"] for one in report["findings"]]


def test_a_core_parameter_that_is_gone_says_what_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    (report,) = reported(capsys, write('fifo="/tmp/f"\n' + CLEAN))
    assert report["findings"][0]["hint"].startswith('instead: modparam("jsonrpcs", "fifo_name", path)')


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_one_page_that_loads_nothing() -> None:
    config = write(OLD.replace("t_was_cancelled()", 't_reply("<b>", "x")'))
    assert main(["port", "--format", "html", "-o", "out.html", config]) == 1
    text = Path("out.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert (page.open, page.loaded) == ([], [])
    assert "geoip_match()" in text


def test_several_configs(capsys: pytest.CaptureFixture[str]) -> None:
    reports = reported(capsys, write(CLEAN), write(OLD, "old.cfg"))
    assert [report["config"] for report in reports] == ["kamailio.cfg", "old.cfg"]


def test_a_config_that_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["port", "none.cfg", write(CLEAN)]) == 1
    captured = capsys.readouterr()
    assert "none.cfg:1:1: error: cannot read none.cfg: No such file or directory" in captured.err
    assert "kamailio.cfg" in captured.out


def test_a_report_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["port", "-o", "no/such/folder", write(CLEAN)]) == 2
    assert "cannot write no/such/folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "}{", "request_route {", '#!ifdef\n"', "#!ifdef A\n#!ifdef B", "\0\xff", "#!else"]
)
def test_whatever_a_config_holds_there_is_a_report(text: str) -> None:
    assert main(["port", "--all-branches", write(text)]) in (0, 1)
