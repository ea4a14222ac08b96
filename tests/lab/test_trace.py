"""The route trace of a lab."""

from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.trace import statement_text, variables_of
from kamscript.report.highlight import config_lines

CONFIG = """
listen=udp:127.0.0.1:5060
debug=2
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "textops.so"
request_route {
    if ($rU =~ "^0" &&
            is_method("OPTIONS")) {
        $rU = "+" + $rU;
        route(REPLY);
    }
    switch ($rU) {
        case "bob":
            $avp(x) = $(rU{s.len});
            break;
        default:
            $var(y) = 1;
    }
    xlog("message $mi\\n");
}
route[REPLY] {
    while ($var(i) < 2) $var(i) = $var(i) + 1;
    if ($var(i) == 7) exit;
}
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(text=CONFIG)


def test_a_trace_shows_lines_values_and_ways(lab: Lab) -> None:
    trace = lab.trace()
    lab.send(lab.request("OPTIONS", "07"))
    assert str(trace) == (
        "request_route: OPTIONS sip:07@127.0.0.1 (0.000)\n"
        "kamailio.cfg\n"
        '   9  if ($rU =~ "^0" &&      # $rU: "07"  => true\n'
        '              is_method("OPTIONS"))\n'
        '  11      $rU = "+" + $rU;    # $rU: "07" -> "+07"  $ru: "sip:07@127.0.0.1" -> "sip:+07@127.0.0.1"\n'
        "  12      route(REPLY);\n"
        "route[REPLY]\n"
        "  24  while ($var(i) < 2)     # $var(i): 0  => true\n"
        "  24  $var(i) = $var(i) + 1;  # $var(i): 0 -> 1\n"
        "  24  $var(i) = $var(i) + 1;  # $var(i): 1 -> 2\n"
        "  25  if ($var(i) == 7)       # $var(i): 2  => false\n"
        "request_route\n"
        '  14  switch ($rU)            # $rU: "+07"  => default\n'
        "  19          $var(y) = 1;    # $var(y): 0 -> 1\n"
        '  21  xlog("message $mi\\n");  # $mi: 1\n'
    )


def test_the_lines_that_ran(lab: Lab) -> None:
    trace = lab.trace()
    lab.send(lab.request("OPTIONS", "bob"))
    assert trace.lines() == [9, 14, 16, 17, 21]


def test_a_case_by_its_label(lab: Lab) -> None:
    trace = lab.trace()
    lab.send(lab.request("OPTIONS", "bob"))
    assert [step.way for run in trace for step in run.steps if step.way] == ["false", 'case "bob"']


def test_runs_by_message(lab: Lab) -> None:
    trace = lab.trace()
    for user in ("07", "bob"):
        lab.send(lab.request("OPTIONS", user))
    assert [run.first_line for run in trace.of("sip:bob@")] == ["OPTIONS sip:bob@127.0.0.1"]


def test_a_trace_begins_when_it_is_asked_for_and_variables_stay(lab: Lab) -> None:
    lab.route("REPLY", lab.request("OPTIONS", "07"))
    trace = lab.trace()
    lab.send(lab.request("OPTIONS", "07"))
    assert [step.before["$var(i)"] for run in trace for step in run.steps if step.route == "route[REPLY]"] == [2, 2]


def test_a_trace_changes_nothing() -> None:
    def said(traced: bool) -> list[str]:
        lab = Lab(text=CONFIG, seed=4)
        if traced:
            lab.trace()
        lab.send(lab.request("OPTIONS", "07"))
        return [*lab.log.lines(), lab.ladder()]

    assert said(True) == said(False)


def test_a_trace_over_a_config_with_the_debugger_leaves_its_own_trace() -> None:
    loaded = 'loadmodule "debugger.so"\nmodparam("debugger", "cfgtrace", 1)\nrequest_route'
    text = CONFIG.replace("request_route", loaded)
    lab = Lab(text=text)
    trace = lab.trace()
    lab.send(lab.request("OPTIONS", "bob"))
    assert (len(trace.lines()), "n=switch" in str(lab.log.lines()) or "n=case" in str(lab.log.lines())) == (5, True)


def test_a_double_stays_when_a_trace_begins(lab: Lab) -> None:
    lab.double("is_method", -1)
    trace = lab.trace()
    lab.send(lab.request("OPTIONS", "07"))
    assert next(iter(trace)).steps[0].way == "false"


def test_included_files_have_their_own_lines(tmp_path: Path) -> None:
    (tmp_path / "part.cfg").write_text("# a part\n$var(x) = 3;\n")
    config = tmp_path / "kamailio.cfg"
    config.write_text('loadmodule "pv.so"\nrequest_route {\n    include_file "part.cfg"\n    exit;\n}\n')
    lab = Lab(config)
    trace = lab.trace()
    lab.send(lab.request("OPTIONS", "bob"))
    assert (trace.lines("part.cfg"), trace.lines("kamailio.cfg")) == ([2], [4])


@pytest.mark.parametrize(
    ("text", "header", "expected"),
    [
        ("a(1); b(2);", False, "a(1);"),
        ("if ($x == 1) exit;", True, "if ($x == 1)"),
        ("if ($x == (1)) {", True, "if ($x == (1))"),
        ("if ($x) && ($y) {", True, "if ($x) && ($y)"),
        ("if ($x)\n    exit;", True, "if ($x)"),
        ('xlog("a;b{"); # no', False, 'xlog("a;b{");'),
        ('xlog("a\nb");', False, 'xlog("a\nb");'),
    ],
)
def test_where_a_statement_ends(text: str, header: bool, expected: str) -> None:
    assert statement_text(list(config_lines(text)), 1, header) == expected


def test_variables_of_a_statement() -> None:
    text = '$var(a) = $(hdr(X)[1]{s.len}) + "^x$" + "$fU$$" + $avp(a);'
    assert [pv.text for pv in variables_of(text)] == ["$var(a)", "$(hdr(X)[1]{s.len})", "$fU", "$$", "$avp(a)"]
