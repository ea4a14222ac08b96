"""dispatcher: the list file, the database, names of hosts, and who a message comes from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.core.rpc import RpcFault
from kamscript.lab import Lab
from kamscript.source import ConfigError
from tests.modules.dispatching import flags, lab, logged, module, rewrite, said

URL = "mysql://user:secret@db.example.com/kamailio"


def uris(made: Lab, group: int = 1) -> list[str]:
    return [entry.uri for entry in module(made).sets.by_id[group].entries]


# -- the list file ---------------------------------------------------------------------------------------------------
def test_lines_of_the_list_file() -> None:
    text = "\n  # nothing\n1 sip:10.0.0.1 0 3 # a comment\n\t1\tsip:10.0.0.2\t8\t2\tduid=x;weight=5\r\n1 sip:10.0.0.3\n"
    with lab(text=text) as made:
        assert uris(made) == ["sip:10.0.0.1", "sip:10.0.0.2", "sip:10.0.0.3"]
        assert flags(made) == ["AX", "AP", "AX"]
        second = module(made).sets.by_id[1].entries[1]
        assert (second.priority, second.duid, second.weight, second.attrs) == (2, "x", 5, "duid=x;weight=5")


def test_a_line_without_a_uri_refuses_the_start() -> None:
    with pytest.raises(ConfigError, match="no dispatching list loaded"):
        lab(text="1 sip:10.0.0.1\n2\n")


def test_a_list_that_is_not_there_refuses_the_start() -> None:
    with pytest.raises(ConfigError, match="no dispatching list loaded"):
        lab(list_file="/nowhere/dispatcher.list")


def test_an_empty_list_is_one() -> None:
    route = (
        'ds_select_dst("1", "4"); xlog("$rc\\n"); ds_is_from_list(); xlog("$rc\\n"); ds_is_active("1"); xlog("$rc\\n");'
    )
    with lab(route, text="# nobody\n") as made:
        assert said(made) == ["-1", "-1", "-1"]
        with pytest.raises(RpcFault, match="No Destination Sets"):
            made.rpc("dispatcher.list")


BAD = [
    "sip:",
    "mailto:a@b",
    "sip:10.0.0.2;=",
    "sip:nobody.example.com",
    "sip:10.0.0.2 0 0 socket=udp:192.0.2.1:5060",
    "sip:10.0.0.2 0 0 socket=nonsense:1:2:3",
    "sip:10.0.0.2 0 0 sockname=x",
    "sip:10.0.0.2 0 0 =;;x",
]


@pytest.mark.parametrize("bad", BAD)
def test_a_destination_that_cannot_be_used_is_left_out(bad: str) -> None:
    with lab(text=f"1 sip:10.0.0.1\n1 {bad}\n") as made:
        assert uris(made)[-1] == "sip:10.0.0.1"


def test_one_bad_destination_refuses_all_with_ds_load_mode() -> None:
    with pytest.raises(ConfigError, match="no dispatching list loaded"):
        lab(text="1 sip:10.0.0.1\n1 sip:nobody.example.com\n", ds_load_mode=1)


def test_a_reload_that_fails_keeps_what_was_there() -> None:
    with lab(text="1 sip:10.0.0.1\n", ds_load_mode=1) as made:
        rewrite(made, "1 sip:10.0.0.2\n1 sip:nobody.example.com\n")
        with pytest.raises(RpcFault, match="Reload Failed"):
            made.rpc("dispatcher.reload")
        assert uris(made) == ["sip:10.0.0.1"]


def test_reloads_in_quick_succession_are_refused() -> None:
    route = 'ds_reload(); xlog("$rc\\n");'
    with lab(route, text="1 sip:10.0.0.1\n", reload_delta=5) as made:
        assert said(made) == ["1"]
        made.advance(4)
        assert said(made, call="c2") == ["-1"]
        with pytest.raises(RpcFault, match="Ongoing reload"):
            made.rpc("dispatcher.add", 1, "sip:10.0.0.2")
        made.advance(2)
        made.rpc("dispatcher.add", 1, "sip:10.0.0.2")


@pytest.mark.parametrize(
    ("attrs", "wanted"),
    [
        ("maxload=3", (3, 0)),
        ("maxload=-3;weight=+5", (-3, 5)),
        ("maxload=12x;weight=7.5", (12, 7)),
        ("maxload=x;weight=-+5", (0, 0)),
        ("maxload=99999999999999999999999", (0x7FFFFFFF, 0)),
        ("MaxLoad=4;WEIGHT=1", (4, 1)),
        ("maxload=1;maxload=2", (1, 0)),
    ],
)
def test_numbers_in_attributes(attrs: str, wanted: tuple[int, int]) -> None:
    with lab(text=f"1 sip:10.0.0.1 0 0 {attrs}\n") as made:
        entry = module(made).sets.by_id[1].entries[0]
        assert (entry.maxload, entry.weight) == wanted


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=40), max_size=4))
def test_any_list_file_is_read_or_refused(ends: list[str]) -> None:
    try:
        made = lab(text="".join(f"1 sip:10.0.0.{n} 0 0 {end}\n" for n, end in enumerate(ends)))
    except ConfigError as error:
        assert "no dispatching list loaded" in str(error)
    else:
        if len(module(made).sets):
            made.rpc("dispatcher.list", "full")
        made.close()


def test_numbers_of_the_list_file_wrap() -> None:
    with lab(text="4294967297 sip:10.0.0.1 4294967297 99999999999\n") as made:
        (entry,) = module(made).sets.by_id[1].entries
        assert (entry.flags, entry.priority) == (1, 1215752191)


def test_weights_out_of_range_count_as_none() -> None:
    with lab(text="1 sip:10.0.0.1 0 0 weight=101;rweight=0\n1 sip:10.0.0.2 0 0 weight=-1;rweight=x\n") as made:
        assert [(entry.weight, entry.rweight) for entry in module(made).sets.by_id[1].entries] == [(0, 0), (0, 0)]
        assert logged(made, "weight 101 not in 1-100 range")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("setid_pvname", "$rU_"),
        ("attrs_pvname", "$Ts"),
        ("ds_default_socket", "udp:192.0.2.1:5060"),
        ("ds_default_socket", "nonsense:x:y:z"),
        ("ds_default_sockname", "nobody"),
        ("ds_ping_reply_codes", "code=403;;"),
        ("ds_ping_reply_codes", "=;="),
        ("hash_pvar", "$nothing(x)"),
    ],
)
def test_parameters_that_refuse_the_start(name: str, value: str) -> None:
    with pytest.raises(ConfigError):
        lab(**{name: value})


# -- the database ----------------------------------------------------------------------------------------------------
def from_database(rows: list[dict[str, Any]], table: str = "dispatcher", **settings: Any) -> Lab:
    return lab(
        'ds_select_dst("1", "8"); xlog("$xavp(_dsdst_=>attrs)\\n");',
        world={"database": {table: rows}},
        db_url=URL,
        **settings,
    )


def test_rows_of_the_table() -> None:
    rows = [
        {"setid": 1, "destination": "sip:10.0.0.1", "flags": 8, "priority": 1, "attrs": "duid=a"},
        {"setid": 1, "destination": "sip:10.0.0.2", "flags": 1, "priority": 9},
        {"setid": 2, "destination": "10.0.0.3", "attrs": "maxload=3"},
    ]
    with from_database(rows) as made:
        assert uris(made) == ["sip:10.0.0.2", "sip:10.0.0.1"]
        assert flags(made) == ["IX", "AP"]
        assert module(made).sets.by_id[2].entries[0].maxload == 3
        assert uris(made, 2) == ["sip:10.0.0.3"]


def test_a_reload_reads_the_table_again() -> None:
    with from_database([{"setid": 1, "destination": "sip:10.0.0.1"}]) as made:
        made.database().insert("dispatcher", [{"setid": 1, "destination": "sip:10.0.0.2", "priority": 2}])
        made.rpc("dispatcher.reload")
        assert uris(made) == ["sip:10.0.0.2", "sip:10.0.0.1"]


def test_table_and_columns_with_other_names() -> None:
    names: dict[str, Any] = {
        "setid_col": "groupid", "destination_col": "uri", "flags_col": "state", "priority_col": "prio",
        "attrs_col": "properties",
    }  # fmt: skip
    row = {"groupid": 1, "uri": "sip:10.0.0.1", "state": 1, "prio": 7, "properties": "duid=x"}
    with from_database([row], "gateways", table_name="gateways", **names) as made:
        (entry,) = module(made).sets.by_id[1].entries
        assert (entry.uri, entry.flags, entry.priority, entry.duid) == ("sip:10.0.0.1", 1, 7, "x")


@pytest.mark.parametrize(
    ("row", "attrs"),
    [
        ({"attrs": "duid=a", "prefix": "49", "sock": "udp:127.0.0.1:5070"}, "duid=a;pref=49;socket=udp:127.0.0.1:5070"),
        ({"attrs": "duid=a;", "prefix": "49"}, "duid=a;pref=49"),
        ({"prefix": "49"}, "pref=49"),
        ({}, "<null>"),
    ],
)
def test_further_columns_become_attributes(row: dict[str, str], attrs: str) -> None:
    with from_database([], ds_db_extra_attrs="pref=prefix;socket=sock") as made:
        made.database().insert("dispatcher", [{"setid": 1, "destination": "sip:10.0.0.1", **row}])
        made.rpc("dispatcher.reload")
        assert sorted(said(made)[0].split(";")) == sorted(attrs.split(";"))
        entry = module(made).sets.by_id[1].entries[0]
        assert (entry.socket.port if entry.socket else None) == (5070 if "sock" in row else None)


@pytest.mark.parametrize("text", ["prefix", "a=;b=c", "=xy"])
def test_further_columns_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="extra attrs"):
        from_database([], ds_db_extra_attrs=text)


def test_an_empty_table_is_a_warning() -> None:
    with from_database([]) as made:
        assert logged(made, "no dispatching data in the db")


# -- names -----------------------------------------------------------------------------------------------------------
NAMED = "1 sip:gw.example.com:5060\n"
ITS_ADDRESS: dict[str, Any] = {"hosts": {"gw.example.com": "10.0.0.1"}}
ASK = 'if (ds_is_from_list("1", "2")) xlog("yes\\n"); else xlog("no\\n");'


def test_names_are_looked_up_when_the_list_is_read() -> None:
    with lab(ASK, text=NAMED, world=ITS_ADDRESS) as made:
        made.dns.hosts["gw.example.com"] = ["10.0.0.2"]
        assert said(made, source="10.0.0.1:5060") == ["yes"]
        assert said(made, call="c2", source="10.0.0.2:5060") == ["no"]
        made.rpc("dispatcher.reload")
        assert said(made, call="c3", source="10.0.0.2:5060") == ["yes"]


def test_names_are_looked_up_when_they_are_asked_for() -> None:
    with lab(ASK, text=NAMED, ds_dns_mode=2) as made:
        assert said(made, source="10.0.0.1:5060") == ["no"]
        assert logged(made, "could not resolve gw.example.com (skipping)")
        made.dns.hosts["gw.example.com"] = ["10.0.0.1"]
        assert said(made, call="c2", source="10.0.0.1:5060") == ["yes"]


def test_names_are_looked_up_from_time_to_time() -> None:
    with lab(ASK, text=NAMED, world=ITS_ADDRESS, ds_dns_mode=4, ds_dns_interval=60) as made:
        made.dns.hosts["gw.example.com"] = ["10.0.0.2"]
        made.advance(59)
        assert said(made, source="10.0.0.1:5060") == ["yes"]
        made.advance(2)
        assert said(made, call="c2", source="10.0.0.2:5060") == ["yes"]
        made.dns.fail("gw.example.com")
        made.advance(60)
        assert said(made, call="c3", source="10.0.0.2:5060") == ["yes"]


def test_names_are_looked_up_with_their_srv_records() -> None:
    ask = 'if (ds_is_from_list("1", "0")) xlog("yes\\n"); else xlog("no\\n");'
    with lab(
        ask, text="1 sip:example.com;transport=udp\n", world={"hosts": {"example.com": "10.9.9.9"}}, ds_dns_mode=9
    ) as made:
        made.dns.add("_sip._udp.example.com SRV 1 1 5080 gw.example.com", "gw.example.com A 10.0.0.1")
        made.rpc("dispatcher.reload")
        assert said(made, source="10.0.0.1:5080") == ["yes"]
        assert said(made, call="c2", source="10.0.0.1:5060") == ["no"]
        assert said(made, call="c3", source="10.9.9.9:5080") == ["no"]


def test_a_destination_that_is_not_looked_up_is_nobody() -> None:
    with lab(ASK, text="1 sip:gw.example.com:5060 16\n") as made:
        assert uris(made) == ["sip:gw.example.com:5060"]
        assert said(made, source="10.0.0.1:5060") == ["no"]


def test_a_destination_that_is_not_looked_up_stays_nobody_when_its_state_is_set() -> None:
    options: dict[str, Any] = {"ds_dns_mode": 4, "ds_dns_interval": 10}
    with lab(ASK, text="1 sip:gw.example.com:5060 16\n", world=ITS_ADDRESS, **options) as made:
        made.rpc("dispatcher.set_state", "a", 1, "all")
        made.advance(11)
        assert module(made).sets.by_id[1].entries[0].address == "10.0.0.1"
        assert said(made, source="10.0.0.1:5060") == ["no"]


@pytest.mark.parametrize(("every", "wanted"), [(0, ["yes", "no", "no"]), (1, ["yes", "yes", "no"])])
def test_all_addresses_of_a_name(every: int, wanted: list[str]) -> None:
    hosts = {"gw.example.com": ["10.0.0.1", "10.0.0.2"]}
    with lab(ASK, text=NAMED, world={"hosts": hosts}, target="6.x", ds_dns_match_all=every) as made:
        found = [said(made, call=f"c{n}", source=f"10.0.0.{n}:5060")[0] for n in (1, 2, 3)]
        assert found == wanted


@pytest.mark.parametrize(("every", "wanted"), [(0, "no"), (1, "yes")])
def test_all_addresses_of_a_uri(every: int, wanted: str) -> None:
    ask = ASK.replace('"2")', '"2", "sip:many.example.com:5060")')
    hosts = {"many.example.com": ["10.0.0.7", "10.0.0.1"]}
    with lab(ask, text="1 sip:10.0.0.1:5060\n", world={"hosts": hosts}, target="6.x", ds_dns_match_all=every) as made:
        assert said(made) == [wanted]


# -- call load -------------------------------------------------------------------------------------------------------
LOAD = """
    if ($rm == "BYE") { ds_load_update(); exit; }
    ds_select_dst("1", "10");
    t_on_reply("ANSWER");
    t_relay();
"""
ANSWER = "onreply_route[ANSWER] { ds_load_update(); if ($rs > 299) ds_load_unset(); }"


def loads(made: Lab) -> list[int]:
    return [entry.load for entry in module(made).sets.by_id[1].entries]


@pytest.mark.parametrize(("answered", "lost"), [(True, 100), (False, 30)])
def test_calls_of_which_nothing_is_heard_are_forgotten(answered: bool, lost: int) -> None:
    options: dict[str, Any] = {
        "ds_hash_size": 4,
        "ds_hash_expire": 100,
        "ds_hash_initexpire": 30,
        "ds_hash_check_interval": 5,
    }
    with lab(LOAD, text="1 sip:10.0.0.1:5060 0 0 duid=a\n", rest=ANSWER, **options) as made:
        gateway = made.phone("gw", "10.0.0.1")
        call = made.phone("alice", "10.0.0.2").call("sip:bob@example.com")
        if answered:
            gateway.call_waiting.answer()
        else:
            gateway.call_waiting.ring()
        made.advance(lost - 5)
        assert loads(made) == [1]
        made.advance(11)
        assert loads(made) == [0]
        call.hangup()


def test_a_call_that_is_refused_is_no_load() -> None:
    with lab(LOAD, text="1 sip:10.0.0.1:5060 0 0 duid=a\n", rest=ANSWER, ds_hash_size=4) as made:
        made.phone("gw", "10.0.0.1")
        made.phone("alice", "10.0.0.2").call("sip:bob@example.com")
        assert loads(made) == [1]
        made.phones["gw"].call_waiting.reject(486)
        assert loads(made) == [0]


DIALOGS = """
modparam("dialog", "default_timeout", 60)
event_route[tm:local-request] { if (is_method("BYE")) ds_load_update(); }
"""
WITH_DIALOGS = """
    if (has_totag()) { loose_route(); if (is_method("BYE")) ds_load_update(); t_relay(); exit; }
    $dlg_ctx(timeout_bye) = 1;
    dlg_manage();
    record_route();
    if (!ds_select_dst("1", "10")) { sl_send_reply("486", "Full"); exit; }
    t_relay();
"""


@pytest.mark.parametrize("by", ["hanging up", "the lifetime of the dialog"])
def test_the_end_of_a_dialog_makes_room(by: str) -> None:
    text, modules = "1 sip:10.0.0.1:5060 0 0 duid=a;maxload=1\n", "rr textops siputils dialog"
    with lab(WITH_DIALOGS, text=text, rest=DIALOGS, modules=modules, ds_hash_size=4) as made:
        made.phone("gw", "10.0.0.1").answers()
        alice = made.phone("alice", "10.0.0.2")
        first = alice.call("sip:bob@example.com")
        assert alice.call("sip:bob@example.com").status == 486
        if by == "hanging up":
            first.hangup()
        else:
            made.advance(62)
        assert loads(made) == [0]
        second = alice.call("sip:bob@example.com")
        assert second.status == 200
        second.hangup()
