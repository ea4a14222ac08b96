"""cfgutils: waiting in virtual time, chance, hashes, MI. What 5.6 does: tests/differential/cases/cfgutils.py."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.modules.cfgutils import Cfgutils
from tests.modules.script import refused, results


def lab(settings: str = "", route: str = "", *, target: str = "6.x", files: dict[str, str] | None = None) -> Lab:
    """A server with the module."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in ("pv", "xlog", "cfgutils"))
    return Lab(text=f"{loads}{settings}\nrequest_route {{ {route} exit; }}\n", target=target, files=files)


def ask(server: Lab) -> list[str]:
    """Send a request; what the script logged so far."""
    server.send(server.request("OPTIONS", "bob"), "10.0.0.1")
    return server.log.script


def test_the_clock_goes_on_while_a_route_waits() -> None:
    server = lab(
        route='$var(t) = $TV(sn); sleep("7"); $var(d) = $TV(sn) - $var(t); usleep("500000"); xlog("$var(d)\\n");'
    )
    before = server.now
    assert ask(server) == ["7"]
    assert server.now - before == 7.5


def test_timers_that_were_due_run_behind_the_wait() -> None:
    server = lab(route='sleep("5"); xlog("awake\\n");')
    order: list[float] = []
    server.server.timers.every(1, lambda: order.append(server.server.timers.now))
    assert ask(server) == ["awake"]
    server.advance(0)
    assert len(order) == 5


def test_abort_ends_the_server() -> None:
    server = lab(route='abort(); xlog("still here\\n");')
    ended: list[int] = []
    server.server.environment.end = ended.append
    assert ask(server) == []
    assert ended == [6]


def test_an_event_comes_as_often_as_the_probability_says() -> None:
    route = 'rand_set_prob("30"); $var(i) = 0; $var(n) = 0;'
    route += "while ($var(i) < 100) { if (rand_event()) $var(n) = $var(n) + 1; $var(i) = $var(i) + 1; }"
    counts = [int(text) for _ in range(5) for text in ask(lab(route=route + ' xlog("$var(n)\\n");'))]
    assert all(15 < count < 45 for count in counts)


def test_two_keys_together() -> None:
    calls = ['lock("a", "b")', 'trylock("a", "b")', 'trylock("a", "c")', 'trylock("a")', 'unlock("a", "b")']
    calls += ['lock("a", "b")', 'lock("a", "b")']
    before = 'modparam("cfgutils", "lock_set_size", 10)\n'
    assert results(*calls, modules="cfgutils", before=before, target="6.x") == [1, -1, 1, 1, 1, 1, -1]


def test_a_file_that_changes() -> None:
    server = lab('modparam("cfgutils", "hash_file", "/etc/k.cfg")', files={"/etc/k.cfg": "one"})
    assert server.rpc("cfgutils.get_config_hash") == "f97c5d29941bfb1b2fdab0874906ab82"
    assert server.rpc("cfgutils.check_config_hash") == "Identical hash"
    module = server.server.modules["cfgutils"]
    assert isinstance(module, Cfgutils)
    module._hash = "another"
    assert server.rpc("cfgutils.check_config_hash") == "Different hash"


def test_mi_commands_of_44() -> None:
    run = lab('modparam("cfgutils", "initial_gflags", 5)', target="4.4").server.mi.run

    def shown(command: str, *params: str) -> tuple[int, list[str]]:
        reply = run(command, params)
        return reply.code, [str(node.value) for node in reply.nodes]

    assert shown("is_gflag", "0x4") == (200, ["TRUE"])
    assert shown("is_gflag", "6") == (200, ["FALSE"])
    assert [shown("is_gflag", *bad)[0] for bad in ((), ("x",), ("0",))] == [400, 400, 400]
    assert shown("set_gflag", "10") == (200, [])
    assert shown("reset_gflag", "1") == (200, [])
    assert shown("get_gflags") == (200, ["0xE", "14"])
    assert [shown("rand_set_prob", *given)[0] for given in (("7",), ("101",), ("x",), ())] == [200, 400, 400, 400]
    assert shown("rand_get_prob") == (200, ["actual probability: 7 percent\n"])
    assert shown("rand_reset_prob") == (200, [])
    assert shown("rand_get_prob") == (200, ["actual probability: 10 percent\n"])
    assert shown("check_config_hash")[0] == shown("get_config_hash")[0] == 404


@pytest.mark.parametrize(
    ("route", "before", "why"),
    [
        ('set_gflag("32");', "", "a global flag is a number from 0 to 31, not '32'"),
        ('rand_set_prob("120");', "", "a probability is at most 100 percent, not 120"),
        ("exit;", 'modparam("cfgutils", "initial_probability", 120)\n', "at most 100 percent, not 120"),
        ("exit;", 'modparam("cfgutils", "hash_file", "/no/such/file")\n', "hash_file /no/such/file cannot be read"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(route: str, before: str, why: str) -> None:
    assert why in refused(route, modules="cfgutils", before=before)
