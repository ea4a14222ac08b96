"""dispatcher: keepalives, what their answers mean, latency and congestion."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Phone
from tests.modules.dispatching import DOWN, UP, flags, lab, logged, module, rewrite, said

ONE = "1 sip:10.0.0.1:5060\n"
EVENTS = """
event_route[dispatcher:dst-down] { xlog("down $ru $dsv(code) $dsv(reason) $dsv(flags)\\n"); }
event_route[dispatcher:dst-up] { xlog("up $ru $dsv(code) $dsv(reason) $dsv(flags)\\n"); }
"""


def gateway(made: Lab, answer: int | None = 200, at: str = "10.0.0.1", name: str = "gw") -> Phone:
    """A phone that answers keepalives, or (None) does not."""
    phone = made.phone(name, at)
    if answer is None:
        phone.silent()
    else:
        phone.on("OPTIONS", answer)
    return phone


def asked(phone: Phone, method: str = "OPTIONS") -> int:
    return sum(message.method == method for message in phone.received)


def test_a_destination_that_answers_stays_active() -> None:
    with lab(text=ONE, rest=DOWN, ds_ping_interval=10, ds_probing_mode=1) as made:
        phone = gateway(made)
        made.advance(35)
        assert asked(phone) == 3
        assert flags(made) == ["AP"]


def test_so_many_failures_in_a_row_make_it_inactive() -> None:
    with lab(text=ONE, rest=EVENTS, ds_ping_interval=10, ds_probing_mode=1, ds_probing_threshold=3) as made:
        phone = gateway(made, 503)
        states = []
        for _ in range(3):
            made.advance(10)
            states.append(flags(made)[0])
        assert states == ["TP", "TP", "IP"]
        assert made.log.script == ["down sip:10.0.0.1:5060 503 Service Unavailable 1"]
        assert asked(phone) == 3


def test_a_success_between_failures_starts_the_count_again() -> None:
    with lab(text=ONE, ds_ping_interval=10, ds_probing_mode=1, ds_probing_threshold=2) as made:
        phone = gateway(made, 503)
        states = []
        for code in (503, 200, 503, 503):
            phone.on("OPTIONS", code)
            made.advance(10)
            states.append(flags(made)[0])
        assert states == ["TP", "AP", "TP", "IP"]


def test_so_many_successes_in_a_row_make_it_active_again() -> None:
    with lab(
        text="1 sip:10.0.0.1:5060 9\n", rest=EVENTS, ds_ping_interval=10, ds_probing_mode=1, ds_inactive_threshold=3
    ) as made:
        gateway(made)
        states = []
        for _ in range(3):
            made.advance(10)
            states.append(flags(made)[0])
        assert states == ["IP", "IP", "AP"]
        assert made.log.script == ["up sip:10.0.0.1:5060 200 OK 1"]


def test_silence_is_a_408_without_a_reply() -> None:
    with lab(text=ONE, rest=EVENTS, ds_ping_interval=60, ds_probing_mode=1) as made:
        gateway(made, None)
        made.advance(100)
        assert made.log.script == ["down sip:10.0.0.1:5060 408 <null> 0"]


def test_thresholds_change_while_it_runs() -> None:
    with lab(text=ONE, ds_ping_interval=10, ds_probing_mode=1, ds_probing_threshold=9) as made:
        made.rpc("cfg.set_now_int", "dispatcher", "probing_threshold", 1)
        gateway(made, 503)
        made.advance(10)
        assert flags(made) == ["IP"]
        made.rpc("cfg.set_now_int", "dispatcher", "inactive_threshold", 2)
        made.phones["gw"].on("OPTIONS", 200)
        made.advance(10)
        assert flags(made) == ["IP"]
        made.advance(10)
        assert flags(made) == ["AP"]


@pytest.mark.parametrize(
    ("codes", "answer", "state"),
    [
        ("", 299, "AP"),
        ("", 302, "IP"),
        ("code=302", 302, "AP"),
        ("code=302", 303, "IP"),
        ("class=3", 399, "AP"),
        ("code=403;class=5", 403, "AP"),
        ("code=403;class=5", 503, "AP"),
        ("class=7;code=99;code=x", 404, "IP"),
    ],
)
def test_reply_codes_that_are_a_success(codes: str, answer: int, state: str) -> None:
    with lab(text=ONE, ds_ping_interval=10, ds_probing_mode=1, ds_ping_reply_codes=codes) as made:
        gateway(made, answer)
        made.advance(10)
        assert flags(made) == [state]


def test_reply_codes_change_while_it_runs() -> None:
    with lab(text=ONE, ds_ping_interval=10, ds_probing_mode=1) as made:
        made.rpc("cfg.set_now_string", "dispatcher", "ping_reply_codes", "class=4")
        made.rpc("cfg.set_now_string", "dispatcher", "ping_reply_codes", "=;=")  # no list: what was there stays
        gateway(made, 404)
        made.advance(10)
        assert flags(made) == ["AP"]


def test_a_408_may_be_a_success_and_then_nobody_goes_down() -> None:
    with lab(text=ONE, ds_ping_interval=60, ds_probing_mode=1, ds_ping_reply_codes="code=408") as made:
        gateway(made, None)
        made.advance(100)
        assert flags(made) == ["AP"]


@pytest.mark.parametrize(
    ("mode", "pings", "states"),
    [
        (0, [0, 1, 0, 1, 0], ["AX", "AX", "IX", "AX", "DP"]),
        (1, [3, 3, 3, 3, 0], ["AP", "AP", "AP", "AP", "DP"]),
        (2, [0, 0, 0, 1, 0], ["AX", "AP", "IX", "AX", "DP"]),
        (3, [0, 3, 0, 3, 0], ["AX", "AP", "IX", "AP", "DP"]),
    ],
)
def test_who_gets_keepalives(mode: int, pings: list[int], states: list[str]) -> None:
    """Active, flagged, inactive, inactive and flagged, disabled and flagged; each answers."""
    text = "".join(
        f"1 sip:10.0.0.{number}:5060 {state} {9 - number}\n" for number, state in enumerate((0, 8, 1, 9, 12))
    )
    with lab(text=text, ds_ping_interval=10, ds_probing_mode=mode) as made:
        phones = [gateway(made, 200, f"10.0.0.{number}", f"gw{number}") for number in range(5)]
        made.advance(35)
        assert [asked(phone) for phone in phones] == pings
        assert flags(made) == states


def test_method_and_from_of_keepalives() -> None:
    text = "1 sip:10.0.0.1:5060 0 2\n1 sip:10.0.0.2:5060 0 1 ping_from=sip:own@here.example\n"
    settings: dict[str, Any] = {"ds_ping_method": "INFO", "ds_ping_from": "sip:proxy@there.example"}
    with lab(text=text, ds_ping_interval=10, ds_probing_mode=1, **settings) as made:
        phones = [gateway(made, None, f"10.0.0.{number}", f"gw{number}") for number in (1, 2)]
        made.advance(10)
        found = [phone.expect("INFO")["From"].partition(";")[0] for phone in phones]
        assert found == ["<sip:proxy@there.example>", "<sip:own@here.example>"]


def test_keepalives_go_through_outbound_proxies() -> None:
    text = "1 sip:10.0.0.1:5060 0 2\n1 sip:10.0.0.2:5060 0 1 obproxy=sip:10.0.0.8\n"
    with lab(text=text, ds_ping_interval=10, ds_probing_mode=1, outbound_proxy="sip:10.0.0.9") as made:
        proxies = [gateway(made, None, at, at) for at in ("10.0.0.9", "10.0.0.8")]
        made.advance(10)
        found = [phone.expect("OPTIONS").uri for phone in proxies]
        assert found == ["sip:10.0.0.1:5060", "sip:10.0.0.2:5060"]


@pytest.mark.parametrize(
    ("attrs", "settings", "port"),
    [
        ("socket=udp:127.0.0.1:5070", {}, 5070),
        ("sockname=side;socket=udp:127.0.0.1:5060", {}, 5070),
        ("", {"ds_default_socket": "udp:127.0.0.1:5070"}, 5070),
        ("", {"ds_default_sockname": "side", "ds_default_socket": "udp:127.0.0.1:5060"}, 5070),
        ("sockname=main", {"ds_default_sockname": "side"}, 5060),
    ],
)
def test_the_socket_of_calls_and_keepalives(attrs: str, settings: dict[str, Any], port: int) -> None:
    route = 'ds_select_dst("1", "8"); t_relay();'
    with lab(
        route, text=f"1 sip:10.0.0.1:5060 0 0 {attrs}\n", ds_ping_interval=10, ds_probing_mode=1, **settings
    ) as made:
        phone = gateway(made)
        made.advance(10)
        said(made, "MESSAGE")
        found = [phone.expect(method).source for method in ("OPTIONS", "MESSAGE")]
        assert found == [("127.0.0.1", port)] * 2
        made.advance(60)


def test_keepalives_are_switched_off_and_on() -> None:
    with lab(text=ONE, ds_ping_interval=10, ds_probing_mode=1) as made:
        phone = gateway(made)
        assert made.rpc("dispatcher.ping_active", 0) == {"NewPingState": 0, "OldPingState": 1}
        made.advance(30)
        assert asked(phone) == 0
        made.rpc("dispatcher.ping_active", 1)
        made.advance(30)
        assert asked(phone) == 3


def test_a_destination_disabled_meanwhile_stays_so() -> None:
    with lab(text=ONE, ds_ping_interval=60, ds_probing_mode=1) as made:
        gateway(made, None)
        made.advance(61)
        made.rpc("dispatcher.set_state", "d", 1, "sip:10.0.0.1:5060")
        made.advance(40)
        assert flags(made) == ["DX"]


def test_a_destination_that_a_reload_took_away_meanwhile() -> None:
    with lab(text=ONE, ds_ping_interval=60, ds_probing_mode=1) as made:
        gateway(made, None)
        made.advance(61)
        rewrite(made, "2 sip:10.0.0.2:5060\n")
        made.rpc("dispatcher.reload")
        made.advance(40)
        assert logged(made, "Setting the state failed (sip:10.0.0.1:5060, group 1)")


def test_marks_by_a_reply_tell_its_code() -> None:
    route = 'ds_select_dst("1", "8"); t_on_reply("R"); t_relay();'
    rest = EVENTS + 'onreply_route[R] { if ($rs == 488) ds_mark_dst("i"); }'
    with lab(route, text=ONE, rest=rest) as made:
        made.phone("gw", "10.0.0.1").on("MESSAGE", 488)
        assert said(made, "MESSAGE") == ["down <null> 488 Not Acceptable Here 1"]
        made.advance(60)


# -- latency ---------------------------------------------------------------------------------------------------------
def test_latency_is_measured() -> None:
    with lab(text=ONE, ds_ping_interval=10, ds_probing_mode=1, ds_ping_latency_stats=1) as made:
        phone = gateway(made)
        link = made.link(phone, delay=0.02)
        made.advance(25)
        link.delay = 0.05
        made.advance(10)
        phone.silent()
        made.advance(50)
        (record,) = made.rpc("dispatcher.list")["RECORDS"]
        shown = record["SET"]["TARGETS"][0]["DEST"]["LATENCY"]
        # The first keepalive finds a destination without the flag; its answer is not measured but sets it.
        assert {name: round(shown[name]) for name in ("AVG", "EST", "MAX")} == {"AVG": 70, "EST": 70, "MAX": 100}
        assert shown["TIMEOUT"] == 2


@pytest.mark.parametrize(("alpha", "estimate"), [(900, 110), (500, 150), (0, 110), (5000, 110)])
def test_the_estimate_forgets_by_alpha(alpha: int, estimate: int) -> None:
    text = "1 sip:10.0.0.1:5060 8 0 latency=100\n"
    with lab(
        text=text, ds_ping_interval=10, ds_probing_mode=1, ds_ping_latency_stats=1, ds_latency_estimator_alpha=alpha
    ) as made:
        made.link(gateway(made), delay=0.1)
        made.advance(11)
        assert round(module(made).sets.by_id[1].entries[0].latency.estimate) == estimate


def test_a_slow_destination_falls_behind() -> None:
    route = 'ds_select_dst("1", "13"); xlog("$du\\n");'
    text = "1 sip:10.0.0.1:5060 8 30\n1 sip:10.0.0.2:5060 8 30\n"
    with lab(route, text=text, ds_ping_interval=10, ds_probing_mode=1, ds_ping_latency_stats=1) as made:
        phones = [gateway(made, 200, f"10.0.0.{number}", f"gw{number}") for number in (1, 2)]
        assert {said(made, call=name)[0] for name in "ab"} == {"sip:10.0.0.1:5060", "sip:10.0.0.2:5060"}
        made.link(phones[0], delay=0.1)
        made.advance(35)
        assert {said(made, call=name)[0] for name in "cdef"} == {"sip:10.0.0.2:5060"}


CONGESTED = """\
1 sip:10.0.0.1:5060 8 0 weight=50;rweight=50;cc=1;latency=20
1 sip:10.0.0.2:5060 8 0 weight=50;rweight=50;cc=1;latency=20
"""


def shares(made: Lab) -> list[int]:
    places = module(made).sets.by_id[1].rwlist
    return [places.count(index) for index in range(2)]


def test_congestion_takes_weight_away() -> None:
    settings: dict[str, Any] = {"ds_ping_latency_stats": 1, "ds_latency_estimator_alpha": 900}
    with lab(text=CONGESTED, ds_ping_interval=10, ds_probing_mode=1, **settings) as made:
        phones = {at: gateway(made, 200, at, at) for at in ("10.0.0.1", "10.0.0.2")}
        for phone in phones.values():
            made.link(phone, delay=0.01)
        made.advance(11)
        assert shares(made) == [50, 50]
        slow = module(made).sets.by_id[1].entries[0]
        made.link(phones[slow.host], delay=0.11)
        made.advance(10)
        assert slow.latency.congestion == 19
        assert slow.rweight == 31
        assert shares(made) == [38, 62]


def test_when_all_are_congested_the_ratio_counts() -> None:
    with lab(
        text=CONGESTED.replace("weight=50;r", "weight=10;r"), ds_ping_interval=10, ds_probing_mode=1,
        ds_ping_latency_stats=1,
    ) as made:  # fmt: skip
        for at, delay in (("10.0.0.1", 0.11), ("10.0.0.2", 0.21)):
            made.link(gateway(made, 200, at, at), delay=delay)
        made.advance(11)
        late = [entry.latency.congestion for entry in module(made).sets.by_id[1].entries]
        weights = [entry.rweight for entry in module(made).sets.by_id[1].entries]
        assert weights == [(sum(late) << 4) // ms for ms in late]
        assert sorted(shares(made)) == [32, 68]


# -- 6.x -------------------------------------------------------------------------------------------------------------
def test_keepalives_give_up_early() -> None:
    settings: dict[str, Any] = {"ds_ping_interval": 100, "ds_probing_mode": 1, "ds_ping_fr_timeout": 1500}
    with lab(text=ONE, target="6.x", rest=DOWN, **settings) as made:
        gateway(made, None)
        made.advance(102)
        assert flags(made) == ["IP"]


def test_event_routes_tell_whose_state_it_is() -> None:
    route = 'ds_select_dst("1", "8"); ds_mark_dst("i");'
    rest = 'event_route[dispatcher:dst-down] { xlog("$ru $dsv(uri) $dsv(setid) $dsv(group)\\n"); }'
    with lab(route, text=ONE, rest=rest, target="6.x") as made:
        assert said(made) == ["sip:bob@example.com sip:10.0.0.1:5060 1 1"]


def test_outside_of_event_routes_there_is_no_cause() -> None:
    with lab('xlog("$dsv(code) $dsv(uri)\\n");', text=ONE, target="6.x") as made:
        assert said(made) == ["<null> <null>"]


@pytest.mark.parametrize(("flag", "shown"), [(32, "AN"), (16, "AX")])
def test_destinations_that_get_no_keepalives(flag: int, shown: str) -> None:
    """32 says so; 16 is a host that is not looked up."""
    with lab(text=f"1 sip:10.0.0.1:5060 {flag}\n", target="6.x", ds_ping_interval=10, ds_probing_mode=1) as made:
        phone = gateway(made)
        made.advance(25)
        assert asked(phone) == 0
        (record,) = made.rpc("dispatcher.list", "short")["RECORDS"]
        assert record["SET"]["TARGETS"][0]["DEST"]["FLAGS"] == shown


@pytest.mark.parametrize(
    ("attrs", "settings"),
    [
        ("ping_socket=udp:127.0.0.1:5070;socket=udp:127.0.0.1:5060", {}),
        ("", {"ds_ping_socket": "udp:127.0.0.1:5070"}),
    ],
)
def test_a_socket_for_keepalives_alone(attrs: str, settings: dict[str, Any]) -> None:
    text = f"1 sip:10.0.0.1:5060 0 0 {attrs}\n"
    with lab(text=text, target="6.x", ds_ping_interval=10, ds_probing_mode=1, **settings) as made:
        phone = gateway(made)
        made.advance(10)
        assert phone.expect("OPTIONS").source == ("127.0.0.1", 5070)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        (0, ["down sip:bob@example.com 820", "up sip:10.0.0.1:5060 200"]),
        (1, ["up sip:10.0.0.1:5060 200"]),
        (2, ["down sip:bob@example.com 820", "up sip:10.0.0.1:5060 200", "up sip:10.0.0.2:5060 200"]),
    ],
)
def test_when_the_event_routes_run(mode: int, wanted: list[str]) -> None:
    route = 'ds_select_dst("1", "8"); ds_mark_dst("i");'
    text = "1 sip:10.0.0.1:5060 0 2\n1 sip:10.0.0.2:5060 0 1\n"
    settings: dict[str, Any] = {"ds_ping_interval": 10, "ds_probing_mode": 1, "event_callback_mode": mode}
    with lab(route, text=text, rest=DOWN + UP, target="6.x", **settings) as made:
        for number in (1, 2):
            gateway(made, 200, f"10.0.0.{number}", f"gw{number}")
        said(made)
        made.advance(25)
        assert made.log.script == wanted


@pytest.mark.parametrize(("keep", "average"), [(0, 0), (1, 40)])
def test_measurements_outlive_a_reload(keep: int, average: int) -> None:
    settings: dict[str, Any] = {"ds_ping_interval": 10, "ds_probing_mode": 1, "ds_ping_latency_stats": 1}
    with lab(text="1 sip:10.0.0.1:5060 8\n", target="6.x", ds_retain_latency_stats=keep, **settings) as made:
        made.link(gateway(made), delay=0.02)
        made.advance(11)
        made.rpc("dispatcher.reload")
        assert round(module(made).sets.by_id[1].entries[0].latency.average) == average
