"""dispatcher: the list file, the algorithms, failover, states, keepalives, the RPC commands."""

from __future__ import annotations

import pytest

from kamscript.core.hashes import core_hash
from kamscript.modules.dispatcher.sets import post_order
from tests.modules.dispatching import DOWN, flags, lab, module, said


@pytest.mark.parametrize("call", ["a", "call-1@example.com", "0123456789abcdef", "x" * 60])
def test_a_call_id_selects_the_destination_of_its_hash(call: str) -> None:
    with lab('ds_select_dst("1", "0"); xlog("$du\\n");') as made:
        uris = [f"sip:10.0.0.{number}:5080" for number in (1, 2, 3)]
        assert said(made, call=call) == [uris[core_hash(call) % 3]]


def test_round_robin_goes_round_in_the_order_of_priority() -> None:
    with lab('ds_select_dst("1", "4"); xlog("$du\\n");') as made:
        found = [said(made, call=f"c{number}")[0][11:12] for number in range(4)]
        assert found == ["1", "2", "3", "1"]


def test_failover_takes_the_next_destination() -> None:
    route = 'ds_select_dst("1", "8"); ds_next_dst(); xlog("$du $xavp(_dsdst_=>grp) $xavp(_dsctx_=>cnt)\\n");'
    with lab(route) as made:
        assert said(made) == ["sip:10.0.0.2:5080 1 3"]


def test_inactive_destinations_are_left_out() -> None:
    with lab('ds_select_domain("2", "4"); xlog("$rd\\n");') as made:
        assert [said(made, call=f"c{number}") for number in range(2)] == [["10.0.1.2"], ["10.0.1.2"]]


def test_a_set_without_active_destination_fails() -> None:
    with lab('ds_select_dst("3", "4"); xlog("$rc\\n");') as made:
        assert said(made) == ["-1"]


def test_marking_sets_the_state_and_runs_the_event_route() -> None:
    with lab('ds_select_dst("1", "8"); ds_mark_dst("ip");', rest=DOWN) as made:
        assert said(made) == ["down sip:bob@example.com 820"]
        assert flags(made, 1) == ["IP", "AX", "AX"]


def test_call_load_takes_the_least_loaded_and_forgets_calls_that_end() -> None:
    route = 'if ($rm == "BYE") { ds_load_update(); exit; } ds_select_dst("1", "10"); xlog("$du\\n");'
    with lab(route, ds_hash_size=4) as made:
        found = [said(made, call=f"c{number}")[0][11:12] for number in range(4)]
        assert found == ["1", "2", "3", "2"]
        said(made, "BYE", "c0")
        assert said(made, call="c9")[0][11:12] == "1"


def test_keepalives_without_an_answer_make_a_destination_inactive() -> None:
    with lab(rest=DOWN, ds_ping_interval=10, ds_probing_mode=1) as made:
        made.advance(50)
        assert flags(made, 1) == ["IP", "IP", "IP"]
        assert "down sip:10.0.0.1:5080 408" in made.log.script


def test_set_state_and_list() -> None:
    with lab("exit;") as made:
        made.rpc("dispatcher.set_state", "ip", 1, "sip:10.0.0.2:5080")
        made.rpc("dispatcher.set_duid_state", "d", 1, "c")
        assert flags(made, 1) == ["AX", "IP", "DX"]


def test_add_and_remove_change_the_sets_in_memory() -> None:
    with lab("exit;") as made:
        made.rpc("dispatcher.add", 7, "sip:10.0.7.1")
        assert module(made).sets.by_id[7].entries[0].uri == "sip:10.0.7.1"
        made.rpc("dispatcher.remove", 7, "sip:10.0.7.1")
        assert 7 not in module(made).sets.by_id


def test_sources_are_matched_by_address() -> None:
    route = 'xlog("$rc\\n"); ds_is_from_list("5"); xlog("$rc\\n"); ds_is_from_list("1"); xlog("$rc\\n");'
    with lab(route, text="5 sip:10.0.0.99:5060\n1 sip:10.0.0.1\n") as made:
        assert said(made)[1:] == ["1", "-1"]


def test_sets_come_in_the_order_of_a_balanced_tree() -> None:
    assert post_order([1, 2, 3, 4, 5]) == [1, 3, 5, 4, 2]
