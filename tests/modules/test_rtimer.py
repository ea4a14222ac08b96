"""rtimer: routes in virtual time. What 5.6 does stands in tests/differential/cases/rtimer.py."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from tests.modules.script import refused


def lab(settings: str, routes: str = "") -> Lab:
    """A server with the module."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in ("pv", "xlog", "rtimer"))
    return Lab(text=f"{loads}{settings}\nrequest_route {{ exit; }}\n{routes}")


def timer(text: str) -> str:
    """A line that defines a timer."""
    return f'modparam("rtimer", "timer", "{text}")\n'


def run(name: str, route: str) -> str:
    """A line that gives it a route."""
    return f'modparam("rtimer", "exec", "timer={name};route={route}")\n'


def test_a_night_of_minutes() -> None:
    server = lab(timer("name=t;interval=60") + run("t", "T"), 'route[T] { xlog("$TF\\n"); }')
    server.advance(8 * 3600)
    assert len(server.log.script) == 480


@pytest.mark.parametrize(("interval", "runs"), [("250000u", 40), ("2", 5), ("3", 3)])
def test_seconds_and_microseconds(interval: str, runs: int) -> None:
    server = lab(timer(f"name=t;interval={interval}") + run("t", "T"), 'route[T] { xlog("x\\n"); }')
    server.advance(10)
    assert len(server.log.script) == runs


def test_workers_are_numbered() -> None:
    server = lab(timer("name=t;interval=1;mode=3") + run("t", "T"), 'route[T] { xlog("$rtimer_worker\\n"); }')
    server.advance(2)
    assert server.log.script == ["0", "1", "2", "0", "1", "2"]


def test_an_error_in_a_route_does_not_stop_the_timer() -> None:
    server = lab(timer("name=t;interval=1") + run("t", "T"), 'route[T] { xlog("x\\n"); route(T); }')
    server.advance(2)
    assert server.log.script.count("x") > 2


def test_a_route_that_is_not_there_is_told() -> None:
    server = lab(timer("name=t;interval=1") + run("t", "TYPO"))
    assert server.log.lines(origin="rtimer") == ["WARNING: rtimer: timer t: there is no route[TYPO]"]
    server.advance(3)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (timer("interval=5"), "a timer needs a name"),
        (timer("name=t;interval=5m"), "interval is no number: '5m'"),
        (timer("name=t;interval=5") + timer("name=T;interval=5"), "there is a timer T already"),
        (run("t", "T") + timer("name=t;interval=5"), "its line must stand above"),
        ('modparam("rtimer", "default_interval", 0)\n' + timer("name=t"), "its interval must be above 0"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(lines: str, why: str) -> None:
    assert why in refused("exit;", modules="rtimer", before=lines)
