"""Parameters of tm that no other file shows at work."""

from __future__ import annotations

import itertools

import pytest

from .stage import Stage

FAIL = 'request_route { t_on_failure("F"); t_relay(); }\nfailure_route[F] { xlog("failed\\n"); }\n'


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("", True),
        ('modparam("tm", "exec_time_check", 6000)\n', True),
        ('modparam("tm", "exec_time_check", 6001)\n', False),
        ('modparam("tm", "exec_time_check", 0)\n', False),
    ],
)
def test_exec_time_check_warns_of_slow_failure_routes(line: str, warned: bool) -> None:
    stage = Stage(line + FAIL)
    ticks = itertools.count(0.0, 6.0)
    stage.environment.stopwatch = lambda: next(ticks)
    _, sent = stage.invite()
    stage.answer(sent, "486 Busy Here")
    found = [line for line in stage.log if "took too long" in line]
    assert found == (["WARNING: tm: failure route execution took too long: 6000000 us"] if warned else [])
