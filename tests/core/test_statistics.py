"""Counters: what the core counts, what modules declare, and how both are read."""

from __future__ import annotations

from kamscript.core.statistics import CORE, DNS, TCP
from kamscript.module import Module, Statistic

from .serving import BOB, Serving, reply, request

CONFIG = 'listen=udp:127.0.0.1:5060\nloadmodule "kex"\nrequest_route { forward(); }'


class _Kex(Module, name="kex"):
    """Enough of kex for the core's counters to show."""

    tried = Statistic("tried", "how often", group="tests")


def serving() -> Serving:
    """A forwarding server."""
    return Serving(CONFIG, modules={"kex": _Kex})


def value(server: Serving, name: str, group: str = "core") -> int:
    """A counter's value."""
    counter = server.server.statistics.get(group, name)
    assert counter is not None
    return counter.get()


def test_requests_are_counted_by_method() -> None:
    s = serving()
    for method in ("INVITE", "INVITE", "BYE", "FOO"):
        s.send(request(method=method))
    counts = [value(s, name) for name in ("rcv_requests", "rcv_requests_invite", "rcv_requests_bye")]
    assert counts == [4, 2, 1]
    assert value(s, "unsupported_methods") == 1
    assert value(s, "fwd_requests") == 4


def test_replies_are_counted_by_class_code_and_method() -> None:
    s = serving()
    for status in ("183 Progress", "200 OK", "404 Not Found"):
        s.send(reply(status), BOB)
    assert value(s, "rcv_replies") == 3
    names = ("rcv_replies_1xx", "rcv_replies_18x", "rcv_replies_2xx_invite", "rcv_replies_404", "rcv_replies_4xx_bye")
    assert [value(s, name) for name in names] == [1, 1, 1, 1, 0]
    assert value(s, "fwd_replies") == 3


def test_what_is_dropped_or_bad_is_counted_too() -> None:
    s = Serving(CONFIG + "\nreply_route { drop; }", modules={"kex": _Kex})
    s.send(reply(), BOB)
    s.send(request().replace("CSeq", "X-CSeq"))
    s.send(request("sip:bob@nowhere.example.com"))
    assert [value(s, name) for name in ("drop_replies", "err_requests", "drop_requests")] == [1, 1, 1]


def test_resetting_one_counter_leaves_the_others() -> None:
    s = serving()
    s.send(reply(), BOB)
    counter = s.server.statistics.get("core", "rcv_replies_2xx")
    assert counter is not None
    counter.reset()
    assert value(s, "rcv_replies_2xx") == 0
    assert value(s, "rcv_replies_2xx_invite") == 1
    s.send(reply(), BOB)
    assert value(s, "rcv_replies_2xx") == 1


def test_the_cores_counters_need_kex() -> None:
    plain = Serving("listen=udp:127.0.0.1:5060\nrequest_route { exit; }").server.statistics
    assert plain.groups() == ["dns", "tcp"]
    assert plain.find("rcv_requests") is None


def test_groups_and_names_are_sorted_as_the_daemon_lists_them() -> None:
    statistics = serving().server.statistics
    assert statistics.groups() == ["core", "dns", "shmem", "tcp", "tests"]
    assert [counter.name for counter in statistics.group("core")] == sorted(CORE)
    assert [counter.name for counter in statistics.group("tcp")] == sorted(TCP)
    assert [counter.name for counter in statistics.group("dns")] == sorted(DNS)


def test_a_module_declares_and_counts_its_own() -> None:
    s = serving()
    module = s.server.modules["kex"]
    assert isinstance(module, _Kex)
    module.tried.value += 2
    assert value(s, "tried", "tests") == 2


def test_a_counter_may_be_added_at_any_time() -> None:
    statistics = serving().server.statistics
    assert statistics.find("late") is None
    counter = statistics.add("tests", "late", doc="too late", reset=False)
    counter.value = 5
    assert statistics.find("late") is counter
    assert statistics.add("tests", "late") is counter
    counter.reset()
    assert counter.get() == 5


def test_a_computed_counter_reads_when_asked() -> None:
    numbers = [1]
    counter = serving().server.statistics.add("tests", "now", lambda: numbers[0])
    numbers[0] = 7
    assert counter.get() == 7
