"""async: what only tests with a clock of their own see. What 5.6 does stands in tests/differential/cases/async_.py."""

from __future__ import annotations

from kamscript.lab import Lab
from tests.modules.script import refused, results, said
from tests.modules.serving import Served

MODULES = "pv xlog sl tm tmx async"
LOADS = "".join(f'loadmodule "{name}.so"\n' for name in MODULES.split())


def served(route: str, before: str = "", target: str = "5.6") -> Served:
    """A server with the route `route`."""
    return Served(f"{before}\nrequest_route {{\n{route}\n}}\n", MODULES, target=target)


def test_waiting_takes_no_time() -> None:
    lab = Lab(
        text=LOADS
        + 'request_route { async_route("LATER", "29"); }\nroute[LATER] { send_reply("404", "Later"); exit; }\n'
    )
    alice = lab.phone("alice")
    started = lab.now
    call = alice.call("sip:bob@example.com")
    call.expect(404)
    assert 29 <= lab.now - started < 29.5


def test_milliseconds_are_rounded_up_to_the_resolution() -> None:
    server = served(
        'async_ms_sleep("15"); send_reply("404", "x");', 'async_workers=1\nmodparam("async", "ms_timer", 10)'
    )
    server.request()
    assert not server.advance(0.019)
    assert server.advance(0.002)[0].text.startswith("SIP/2.0 404 ")


def test_without_workers_of_the_core_milliseconds_never_end() -> None:
    """As in 5.6.3: the transaction times out."""
    server = served('async_ms_sleep("15"); send_reply("404", "x");', 'modparam("async", "ms_timer", 10)')
    server.request("INVITE")
    assert [sent.text.split("\r\n")[0] for sent in server.advance(125)][:1] == ["SIP/2.0 408 Request Timeout"]
    assert any("no async workers" in line for line in server.lines("async"))


def test_many_waits_in_a_row() -> None:
    """What stands behind one is compiled once, however many stand in front of it."""
    route = 'async_sleep("1");\n' * 10 + 'xlog("end\\n"); send_reply("404", "x");'
    server = served(route)
    server.request()
    assert not server.advance(9.5)
    server.advance(1)
    assert server.lines("<script>") == ["end"]


def test_errors_behind_a_wait_are_told_once() -> None:
    assert refused('async_sleep("1"); xlog("$nothing(x)");', modules="tm async").count("error:") == 1


def test_what_stands_in_an_included_file_goes_on_behind_it() -> None:
    lab = Lab(
        text=LOADS + 'request_route {\ninclude_file "wait.cfg"\nxlog("behind\\n"); send_reply("404", "x"); }\n',
        files={"wait.cfg": 'xlog("first\\n");\nasync_sleep("2");\nxlog("then\\n");\n'},
    )
    lab.send(lab.request("OPTIONS", "bob"))
    lab.advance(3)
    assert [record.text.strip() for record in lab.log if record.origin == "<script>"] == ["first", "then", "behind"]


def test_made_up_messages_cannot_wait() -> None:
    config = """
event_route[core:worker-one-init] { async_route("X", "1"); xlog("$rc\\n"); async_sleep("1"); xlog("$rc\\n"); }
route[X] { exit; }
"""
    server = Served(config + "request_route { exit; }", MODULES)
    assert server.lines("<script>") == ["-1", "-1"]


def test_data_for_a_group() -> None:
    """The text of the third argument: 5.6.3 reads what stands anywhere in memory."""
    before = 'async_workers_group="name=abc;workers=1"'
    server = Served(
        before + '\nrequest_route { async_task_group_data("D", "abc", "for $rm"); exit; }\n'
        'route[D] { xlog("$async(data) in $async(gname)\\n"); }\n',
        MODULES,
    )
    server.request()
    server.advance(0)
    assert server.lines("<script>") == ["for OPTIONS in abc"]


def test_key_value_events_of_6x() -> None:
    config = """
async_workers_group="name=tkv;workers=1"
async_tkv_gname="tkv"
request_route { async_tkv_emit("7", "key", "$rm"); xlog("$rc\\n"); exit; }
event_route[core:tkv] { xlog("$atkv(type) $atkv(key) $atkv(val) $atkv(gname)\\n"); }
"""
    server = Served(config, MODULES + " corex", target="6.x")
    server.request()
    server.advance(0)
    assert server.lines("<script>") == ["1", "7 key OPTIONS tkv"]
    assert results('async_tkv_emit("1", "a", "b")', modules="tm async", target="6.x") == [-1]


def test_mode_1_of_6x_needs_no_tm() -> None:
    before = 'async_workers=1\nmodparam("async", "mode", 1)\n'
    found = said(
        'async_task_data("D", "x"); xlog("$rc\\n"); async_route("D", "1"); xlog("$rc\\n");',
        modules="async",
        before=before,
        target="6.x",
        rest="route[D] { exit; }",
    )
    assert found == ["1", "-1"]


def test_tasks_need_workers() -> None:
    assert "async_workers" in refused('async_task_data("D", "x");', modules="tm async")


def test_a_double_in_place_of_a_wait_sees_its_argument_only() -> None:
    lab = Lab(text=LOADS + 'request_route { async_sleep("5"); send_reply("404", "x"); }\n')
    seen: list[object] = []

    def wait(ctx: object, seconds: object) -> int:
        seen.append(seconds)
        return 1

    lab.double("async_sleep", wait)
    alice = lab.phone("alice")
    alice.call("sip:bob@example.com").expect(404)
    assert seen == [5]
