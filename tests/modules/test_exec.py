"""exec: programs that a test answers for, and the shell of the machine."""

from __future__ import annotations

import pytest

from kamscript.core.environment import Program
from kamscript.lab import Lab
from kamscript.live.environment import run_program
from kamscript.modules.exec import lines
from tests.modules.script import refused, results

MODULES = "".join(f'loadmodule "{name}.so"\n' for name in ("tm", "sl", "pv", "xlog", "exec"))


def run(line: str, given: str | None = None, seconds: float = 0, **variables: str) -> tuple[str, int]:
    return run_program(Program(line, "exec_avp", given, variables, seconds))


def test_the_shell_runs_a_command_line() -> None:
    assert run("echo $A | tr a b; exit 3", A="aa") == ("bb\n", 3)


def test_a_program_reads_the_message() -> None:
    assert run("cat", "caf\xe9") == ("caf\xe9", 0)
    assert run("cat") == ("", 0)


def test_a_program_that_runs_too_long_is_killed() -> None:
    assert run("echo on; sleep 60", seconds=0.05)[1] == -9


def test_variables_that_are_too_long_run_nothing() -> None:
    assert run("true", A="a" * 3_000_000) == ("", 126)


def test_long_lines_are_several() -> None:
    assert lines("a \r\n\n  \nb\t" + "c" * 1500) == ["a", "b\t" + "c" * 1021, "c" * 479]


def test_without_programs_nothing_is_run() -> None:
    calls = ('exec_cmd("true")', 'exec_msg("true")', 'exec_dset("true")', 'exec_avp("x")')
    assert results(*calls, modules="exec") == [-1] * 4


def test_a_test_answers_for_programs() -> None:
    route = 'request_route { if (exec_dset("lcr")) xlog("$ru\\n"); exec_cmd("bye"); }'
    with Lab(text=MODULES + route, target="5.6") as lab:
        shell = lab.doubles.exec
        shell.answer("lcr *", lambda command: f"sip:gw@{command.variables['SIP_OUSER']}.example.com")
        shell.answer("bye", status=1)
        lab.phone("alice").options("sip:bob@example.com")
        assert lab.log.script == ["sip:gw@bob.example.com"]
        assert shell.commands[1].variables == {}


def test_a_program_that_a_signal_ended_failed() -> None:
    with Lab(text=MODULES + 'request_route { exec_cmd("kill -9 $$$$"); xlog("$rc\\n"); }', target="5.6") as lab:
        lab.server.environment.programs = run_program
        lab.phone("alice").options("sip:bob@example.com")
        assert lab.log.script == ["-1"]
        assert any("ended by signal 9" in line for line in lab.log.lines())


@pytest.mark.parametrize("text", ["", ";", "x", "$var(x)", "$avp(x);y"])
def test_a_list_of_avps_holds_avps_only(text: str) -> None:
    assert "AVP" in refused(f'exec_avp("a", "{text}");', modules="exec")
