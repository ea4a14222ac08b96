"""Programs: places in the config, several servers, pickling, what is refused."""

from __future__ import annotations

import pickle
import sys
import traceback
from collections.abc import Callable
from types import FrameType, FunctionType
from typing import Any

import pytest

from kamscript.core.server import Server
from kamscript.lab import Lab
from kamscript.loader import load, load_text, module_classes
from kamscript.module import Route
from kamscript.script.program import Program
from kamscript.script.runtime import ScriptExit, run
from kamscript.source import ConfigError, MemoryReader

from .scripting import HEAD, context, logged, server_of

MAIN = """#!KAMAILIO
loadmodule "pv.so"
loadmodule "xlog.so"
include_file "part.cfg"
request_route {
    $var(x) = 1;
    include_file "middle.cfg"
    route(PART);
    if ($var(x) == 3) {
        xlog("three\\n");
    }
}
"""
FILES = {
    "kamailio.cfg": MAIN,
    "part.cfg": "\n\nroute[PART] {\n    $var(x) = 3;\n    return;\n}\n",
    "middle.cfg": "# in between\n$var(x) = 2;\n",
}


def program_of_files() -> Program:
    return load("kamailio.cfg", reader=MemoryReader(FILES), target="5.6")


def lines_of(work: Callable[[], object]) -> list[tuple[str, str, int]]:
    """File, function and line of every line event in configs."""
    seen: list[tuple[str, str, int]] = []

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.endswith(".cfg"):
            return None
        if event == "line":
            seen.append((frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return seen


def server_for(program: Program) -> Server:
    environment = server_of(HEAD + "request_route { drop; }").environment
    server = Server(program, environment, target=program.target, modules=module_classes(program.modules))
    server.start()
    return server


def test_lines_are_the_config_s_own() -> None:
    server = server_for(program_of_files())
    ctx = context(server)
    seen = lines_of(lambda: server.routes[Route.REQUEST, ""](ctx))
    assert ("kamailio.cfg", "request_route", 6) in seen
    assert ("middle.cfg", "request_route", 2) in seen
    assert ("part.cfg", "route[PART]", 4) in seen
    assert ("kamailio.cfg", "request_route", 10) in seen
    assert {file for file, _, _ in seen} == {"kamailio.cfg", "part.cfg", "middle.cfg"}


def test_a_traceback_names_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(self: object, ctx: object, *_: object) -> int:
        raise RuntimeError("boom")

    monkeypatch.setattr(module_classes(("xlog",))["xlog"], "xlog_1", boom)
    server = server_of(HEAD + 'request_route {\n    route(A);\n}\nroute[A] {\n\n    xlog("x $var(boom)\\n");\n}\n')
    with pytest.raises(RuntimeError) as caught:
        server.routes[Route.REQUEST, ""](context(server))
    frames = [(f.filename, f.name, f.lineno) for f in traceback.extract_tb(caught.tb) if f.filename == "<kamailio.cfg>"]
    assert [frame[1:] for frame in frames] == [("request_route", 6), ("route[A]", 10)]  # a text, not a file


def test_every_kind_of_route_has_a_name() -> None:
    text = HEAD + (
        'loadmodule "tm.so"\nrequest_route { drop; }\nroute[A] { drop; }\nfailure_route[F] { drop; }\n'
        "onreply_route[R] { drop; }\nbranch_route[B] { drop; }\nonsend_route { drop; }\nreply_route { drop; }\n"
        "event_route[core:worker-one-init] { $var(x) = 1; }\n"
    )
    routes = server_of(text).routes
    names = {key: getattr(route, "__name__", "") for key, route in routes.items()}
    assert names[Route.REQUEST, ""] == ""
    assert {
        (Route.REQUEST, "A"), (Route.FAILURE, "F"), (Route.TM_ONREPLY, "R"), (Route.BRANCH, "B"), (Route.ONSEND, ""),
        (Route.CORE_ONREPLY, ""), (Route.EVENT, "core:worker-one-init"),
    } <= names.keys()  # fmt: skip
    titles = {route.__code__.co_name for route in routes.values() if isinstance(route, FunctionType)}
    assert {"request_route", "route[A]", "failure_route[F]", "event_route[core:worker-one-init]"} <= titles


def test_servers_do_not_share_variables() -> None:
    program = load_text(HEAD + "request_route { $var(n) = $var(n) + 1; return $var(n); }", target="5.6")
    one, other = server_for(program), server_for(program)
    counts = [run(server.routes[Route.REQUEST, ""], context(server)) for server in (one, one, other, one)]
    assert counts == [1, 2, 1, 3]


def test_a_program_survives_pickling() -> None:
    program = pickle.loads(pickle.dumps(program_of_files()))
    server = server_for(program)
    seen = lines_of(lambda: server.routes[Route.REQUEST, ""](context(server)))
    assert ("middle.cfg", "request_route", 2) in seen


def test_binding_makes_only_what_runs() -> None:
    program = load_text(HEAD + 'request_route { if ($var(x) == 9) xlog("$rU $fU $hdr(X)\\n"); }', target="5.6")
    server_for(program)
    server = server_for(program)
    before = set(server.shared["script"].names)
    server.routes[Route.REQUEST, ""](context(server))
    made = set(server.shared["script"].names) - before
    assert made <= {"v_x"}


@pytest.mark.parametrize(
    "statement",
    [
        "route(NOBODY);",
        'return "5";',
        "switch ($var(x)) { case 1: drop; case 1: exit; }",
        "if ($var(y) =~ 5) drop;",
        '$var(x) = $var(y) =~ "(";',
        "if (uri =~ myself) drop;",
        'xlog("$nope");',
        'xlog("$(var(x){s.nope})");',
        '$var(x) = $(var(x){s.substr});',
        "$(var(x){s.len}) = 1;",
        "force_send_socket(203.0.113.1:5060);",
        '$rm = "X";',
    ],
)  # fmt: skip
def test_refused_at_start(statement: str) -> None:
    with pytest.raises(ConfigError) as caught:
        server_of(f"{HEAD}request_route {{\n{statement}\n}}\n")
    assert {found.span.path for found in caught.value.diagnostics} == {"kamailio.cfg"}
    assert {found.line for found in caught.value.diagnostics} == {6}


def test_several_errors_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        server_of(HEAD + 'request_route {\nroute(A);\nroute(B);\nreturn "x";\n}\n')
    assert [found.line for found in caught.value.diagnostics] == [6, 7, 8]


def test_what_no_module_simulates_becomes_a_double() -> None:
    text = HEAD + (
        'loadmodule "geoip2.so"\nrequest_route {\n    if (geoip2_match("$si", "src")) xlog("$gip2(src=>cc)\\n");\n'
        '    else xlog("no\\n");\n}\n'
    )
    lab = Lab(text=text, target="5.6")
    run(lab.server.routes[Route.REQUEST, ""], context(lab.server))
    assert [record.text for record in lab.log if record.origin == "<script>"] == ["no\n"]
    lab.log.clear()
    lab.server.doubles.set("geoip2_match", 1)
    lab.server.doubles.set("$gip2(src=>cc)", "NO")
    run(lab.server.routes[Route.REQUEST, ""], context(lab.server))
    assert [record.text for record in lab.log if record.origin == "<script>"] == ["NO\n"]
    assert lab.server.doubles.calls[-1] == ("geoip2_match", ("127.0.0.11", "src"))


def test_exit_and_drop_end_the_script() -> None:
    server = server_of(HEAD + "request_route { route(A); }\nroute[A] { exit; }\nroute[B] { drop; }\n")
    with pytest.raises(ScriptExit) as left:
        server.routes[Route.REQUEST, "A"](context(server))
    assert left.value.code == 1
    with pytest.raises(ScriptExit) as dropped:
        server.routes[Route.REQUEST, "B"](context(server))
    assert dropped.value.code == 0


def test_long_routes_and_deep_blocks_compile() -> None:
    deep = "if ($var(x) == 0) {\n" * 15 + "$var(y) = 1;\n" + "}\n" * 15
    many = "".join(f'if ($var(x) == {n}) {{ $var(y) = "{n}"; }} else\n' for n in range(60)) + "$var(y) = 0;\n"
    assert logged(f'{deep}{many}xlog("$var(y)\\n");') == ["0"]
