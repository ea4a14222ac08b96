"""dispatcher: every algorithm, failover from a failure route, the further names of 4.4 and 6.x, and the indexes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.core.rpc import RpcFault
from kamscript.lab import Lab
from kamscript.modules.dispatcher.addresses import Addresses
from kamscript.modules.dispatcher.destination import Destination
from kamscript.modules.dispatcher.sets import DestinationSet
from tests.modules.dispatching import LIST, flags, lab, module, rewrite, said

SHOW = 'xlog("$rc $du\\n");'


def hosts(made: Lab, count: int, method: str = "INVITE") -> list[str]:
    """The last digit of each destination's host that so many requests were sent to."""
    return [said(made, method, f"{method}-{n}")[0].partition(":5")[0][-1] for n in range(count)]


THREE = "".join(f"1 sip:10.0.0.{n}:5060 0 {priority}\n" for n, priority in ((1, 9), (2, 8), (3, 7)))


# -- algorithms ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("algorithm", "variables"),
    [(0, "$ci"), (1, "$fU$fd"), (2, "$tU$td"), (3, "$rU$rd"), (5, "$hdr(Authorization)"), (7, "$fU-$rm")],
)
def test_what_is_hashed_decides(algorithm: int, variables: str) -> None:
    """Two requests that agree in it go to one destination, whatever else they have; others spread."""
    route = f'ds_select_dst("1", "{algorithm}"); xlog("$du {variables}\\n");'
    text = "".join(f"1 sip:10.0.0.{n}\n" for n in range(1, 9))
    with lab(route, text=text, hash_pvar="$fU-$rm") as made:
        seen: dict[str, set[str]] = {}
        for number in range(48):
            user, call = f"u{number % 12}", f"c{number % 16}"
            before = len(made.log.script)
            made.send(
                f"OPTIONS sip:{user}r@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.99;branch=z9hG4bK{number}\r\n"
                f"From: <sip:{user}f@example.org>;tag={number}\r\nTo: <sip:{user}t@example.net>\r\nCall-ID: {call}\r\n"
                f'Authorization: Digest username="{user}a", realm="r", nonce="n", uri="sip:x", response="0"\r\n'
                f"CSeq: {number} OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
            destination, _, key = made.log.script[before].partition(" ")
            seen.setdefault(key, set()).add(destination)
        assert len(seen) in (12, 16)
        assert all(len(found) == 1 for found in seen.values())
        assert len(set.union(*seen.values())) > 2


def test_random_finds_them_all_again_in_the_same_order() -> None:
    with lab(f'ds_select_dst("1", "6"); {SHOW}', text=THREE) as made:
        first = hosts(made, 40)
    with lab(f'ds_select_dst("1", "6"); {SHOW}', text=THREE) as made:
        assert hosts(made, 40) == first
    assert set(first) == {"1", "2", "3"}


def test_those_without_credentials_go_round() -> None:
    with lab(f'ds_select_dst("1", "5"); {SHOW}', text=THREE) as made:
        assert hosts(made, 4) == ["1", "2", "3", "1"]


@pytest.mark.parametrize(
    ("target", "priorities", "wanted"),
    [
        ("6.x", (5, 5), ["2", "1", "2"]),  # as in round robin: of equal priorities the last comes first
        ("all", (5, 5), ["2", "1", "2"]),
        ("6.x", (5, 4), ["1", "1", "1"]),
        ("6.x", (0, 0), ["2", "2", "2"]),
        ("5.6", (5, 5), ["2", "2", "2"]),  # not implemented: the first
    ],
)
def test_in_turn_when_all_are_alike_else_in_order(target: str, priorities: tuple[int, int], wanted: list[str]) -> None:
    text = "".join(f"1 sip:10.0.0.{n}:5060 0 {priority}\n" for n, priority in enumerate(priorities, 1))
    with lab(f'ds_select_dst("1", "14"); {SHOW}', text=text, target=target) as made:
        assert hosts(made, 3) == wanted


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["0 10 weight=30", "0 10 weight=10", "0 20 weight=90"], {"1": 75, "2": 25}),
        (["0 10", "0 10", "0 20"], {"1": 50, "2": 50}),
        (["1 10 weight=30", "4 10 weight=10", "0 20 weight=1", "0 20 weight=1"], {"3": 50, "4": 50}),
        (["0 0 weight=5", "0 1 weight=5"], {"1": 100}),
    ],
)
def test_the_lowest_priority_first_and_then_by_weight(lines: list[str], wanted: dict[str, int]) -> None:
    text = "".join(f"1 sip:10.0.0.{n}:5060 {line}\n" for n, line in enumerate(lines, 1))
    with lab(f'ds_select_dst("1", "15"); {SHOW}', text=text, target="6.x") as made:
        assert Counter(hosts(made, 100)) == wanted


def test_the_next_priority_when_the_lowest_is_down_and_back() -> None:
    text = "1 sip:10.0.0.1:5060 0 1\n1 sip:10.0.0.2:5060 0 2\n"
    with lab(f'ds_select_dst("1", "15"); {SHOW}', text=text, target="6.x") as made:
        assert set(hosts(made, 5)) == {"1"}
        made.rpc("dispatcher.set_state", "i", 1, "sip:10.0.0.1:5060")
        assert set(hosts(made, 5)) == {"2"}
        made.rpc("dispatcher.set_state", "a", 1, "all")
        assert set(hosts(made, 5)) == {"1"}
        made.rpc("dispatcher.set_state", "d", 1, "all")
        assert said(made) == ["-1 <null>"]


def test_overload_leaves_out_a_share_for_a_while() -> None:
    route = f"""
    if ($rm == "INFO") {{ ds_oc_set_attrs("1", "sip:10.0.0.1:5060", "75", "5000", "1"); xlog("$rc\\n"); exit; }}
    ds_select_dst("1", "64"); {SHOW}"""
    text = "1 sip:10.0.0.1:5060 0 2 ocmin=10;ocmax=50\n1 sip:10.0.0.2:5060 0 1\n"
    with lab(route, text=text, target="6.x") as made:
        assert Counter(hosts(made, 200)) == {"1": 100, "2": 100}
        assert said(made, "INFO") == ["1"]
        assert said(made, "INFO", "again") == ["-2"]  # a sequence number counts once
        (shown, _) = made.rpc("dispatcher.oclist", 1)
        assert (shown["ocrate"], shown["ocmin"], shown["ocmax"], shown["ocseq"]) == (50, 10, 50, 1)
        assert 40 <= Counter(hosts(made, 200))["1"] < 80
        made.advance(6)
        assert Counter(hosts(made, 200)) == {"1": 100, "2": 100}


# -- failover --------------------------------------------------------------------------------------------------------
FAILOVER = """
    if (!ds_select_%s("1", "8", "%s")) { sl_send_reply("503", "None"); exit; }
    t_on_failure("NEXT");
    t_relay();
"""
NEXT = """
failure_route[NEXT] {
    if (t_check_status("5..") && ds_next_%s()) {
        t_on_failure("NEXT");
        t_relay();
    }
}
"""


@pytest.mark.parametrize(("limit", "tried"), [(0, ["1", "2", "3"]), (2, ["1", "2"]), (1, ["1"])])
@pytest.mark.parametrize("way", ["dst", "domain"])
def test_a_call_goes_on_to_the_next_destination(way: str, limit: int, tried: list[str]) -> None:
    with lab(FAILOVER % (way, limit), text=THREE, rest=NEXT % way) as made:
        phones = {str(n): made.phone(f"gw{n}", f"10.0.0.{n}") for n in (1, 2, 3)}
        for phone in phones.values():
            phone.rejects(500, ring=None)
        call = made.phone("alice", "10.0.0.9").call("sip:bob@example.com")
        assert call.status == 500
        assert [name for name, phone in phones.items() if phone.calls] == tried
        wanted = "sip:bob@example.com" if way == "dst" else f"sip:bob@10.0.0.{tried[-1]}:5060"
        assert phones[tried[-1]].expect("INVITE").uri == wanted


def test_the_load_goes_along_to_the_next_destination() -> None:
    route = 'ds_select_dst("1", "10"); t_on_failure("NEXT"); t_relay();'
    text = "".join(f"1 sip:10.0.0.{n}:5060 0 {9 - n} duid=d{n}\n" for n in (1, 2))
    with lab(route, text=text, rest=NEXT % "dst", ds_hash_size=4) as made:
        made.phone("gw1", "10.0.0.1").rejects(500, ring=None)
        made.phone("gw2", "10.0.0.2").answers()
        call = made.phone("alice", "10.0.0.9").call("sip:bob@example.com")
        assert [entry.load for entry in module(made).sets.by_id[1].entries] == [0, 1]
        call.hangup()


# -- who a message comes from, in 6.x --------------------------------------------------------------------------------
SOCKETS = """\
5 sip:10.0.0.1:5060 0 0 socket=udp:127.0.0.1:5060;n=main
5 sip:10.0.0.1:5060 0 0 socket=udp:127.0.0.1:5070;n=side
6 sip:10.0.0.1:5062 0 4 n=port
6 sip:10.0.0.1 0 3 n=none
7 sip:10.0.0.2:5060 0 0 socket=udp:127.0.0.1:5060;n=other
8 sip:10.0.0.1:5099;transport=tcp 1 9 n=down
"""


@pytest.mark.parametrize(
    ("group", "mode", "source", "wanted"),
    [
        (5, 8, "10.0.0.1:5060", "side"),  # requests arrive at the first socket, 5070
        (7, 8, "10.0.0.2:5060", "nobody"),
        (6, 8, "10.0.0.1:5062", "port"),
        (5, 16, "10.0.0.1:9", "side"),
        (6, 16, "10.0.0.1:5062", "port"),
        (6, 16, "10.0.0.1:7777", "port"),
        (7, 16, "10.0.0.2:1", "other"),
        (7, 24, "10.0.0.2:1", "nobody"),
        (-1, 16, "10.0.0.1:5062", "side"),  # the socket counts most
        (8, 16, "10.0.0.1:1", "down"),
        (8, 20, "10.0.0.1:1", "nobody"),
        (5, 16, "10.0.0.3:1", "nobody"),
    ],
)
def test_the_socket_counts_as_well(group: int, mode: int, source: str, wanted: str) -> None:
    route = f"""
    if (ds_is_from_list("{group}", "{mode}")) xlog("$(var(attrs){{param.value,n}})\\n");
    else xlog("nobody\\n");"""
    with lab(route, text=SOCKETS, target="6.x", attrs_pvname="$var(attrs)") as made:
        assert said(made, source=source) == [wanted]


@pytest.mark.parametrize(("target", "wanted"), [("5.6", "-1"), ("6.x", "1")])
def test_an_address_without_transport_is_udp_in_later_ones(target: str, wanted: str) -> None:
    route = 'ds_is_from_list("1", "0"); xlog("$rc\\n");'
    with lab(route, text="1 sip:10.0.0.1:5060\n", target=target) as made:
        assert said(made, source="10.0.0.1:5060") == [wanted]


# -- commands and fields of 6.x --------------------------------------------------------------------------------------
def test_fields_of_the_list_in_6x() -> None:
    with lab(text="1 sip:10.0.0.1:5060 0 3 duid=a;ocmax=80\n", target="6.x") as made:
        (record,) = made.rpc("dispatcher.list", "full")["RECORDS"]
        shown = record["SET"]["TARGETS"][0]["DEST"]
        assert shown["IDX"] == 0
        assert shown["IUID"].startswith("dspt-")
        assert {"OCRATE", "OCIDX", "OCSEQ", "OCTIME_SEC", "OCTIME_USEC"} <= set(shown)
        assert shown["PROTOID"] == 1
        wanted = {"PROBING_COUNT": 0, "PING_SOCKET": "", "OCMIN": 0, "OCMAX": 80, "DUID": "a"}
        assert {name: shown["ATTRS"][name] or wanted[name] for name in wanted} == wanted


def test_each_destination_has_an_id_of_its_own() -> None:
    with lab(target="6.x") as made:
        made.rpc("dispatcher.add", 1, "sip:10.0.0.9")
        found = [entry.iuid for _, entry in module(made).sets]
        assert len(set(found)) == len(found) == 7


def test_the_place_of_a_destination_in_the_xavp() -> None:
    route = 'ds_select_dst("1", "8"); ds_next_dst(); xlog("$xavp(_dsdst_=>dstidx)\\n");'
    with lab(route, text=THREE, target="6.x") as made:
        assert said(made) == ["1"]


def test_marks_pay_no_heed_to_thresholds_in_6x() -> None:
    route = 'ds_select_dst("1", "8"); ds_mark_dst("t"); xlog("$rc\\n");'
    with lab(route, text=THREE, target="6.x", ds_probing_threshold=5) as made:
        said(made)
        assert flags(made) == ["IX", "AX", "AX"]


def test_a_mark_by_set_and_uri() -> None:
    route = """
    ds_mark_addr("ip", "1", "sip:10.0.0.2:5060"); xlog("$rc\\n");
    ds_mark_addr("ip", "1", "sip:10.0.0.9:5060"); xlog("$rc\\n");
    ds_mark_addr("q", "1", "sip:10.0.0.2:5060"); xlog("$rc\\n");"""
    with lab(route, text=THREE, target="6.x") as made:
        assert said(made) == ["1", "-1", "-1"]
        assert flags(made) == ["AX", "IP", "AX"]


def test_what_a_set_has() -> None:
    names = "count active inactive pactive pinactive ocrate ocseq octime_sec octime_usec"
    shown = " ".join(f"$dsg({name})" for name in names.split())
    route = f"""
    ds_dsg_fetch("1"); xlog("{shown}\\n");
    ds_dsg_fetch_uri("1", "sip:10.0.0.1:5060"); xlog("$dsg(ocrate)\\n");
    ds_dsg_fetch("9"); xlog("$dsg(count)\\n");"""
    text = "1 sip:10.0.0.1:5060 0 0 ocrate=20\n1 sip:10.0.0.2 1\n1 sip:10.0.0.3 4\n1 sip:10.0.0.4\n"
    with lab(route, text=text, target="6.x") as made:
        assert said(made) == ["4 2 2 50 50 0 0 0 0", "20", "<null>"]


# -- 4.4 -------------------------------------------------------------------------------------------------------------
def mi(made: Lab, command: str, *parameters: str) -> str:
    return made.server.mi.run(command, list(parameters)).text()


def test_the_list_of_4_4() -> None:
    with lab(text=LIST.replace("2 sip:10.0.1.2\n", ""), target="4.4") as made:
        assert mi(made, "ds_list") == (
            "200 OK\nSET_NO:: 3\n"
            "SET:: 1\n\tURI:: sip:10.0.0.1:5080 flags=AX priority=10 attrs=duid=a;maxload=1\n"
            "\tURI:: sip:10.0.0.2:5080 flags=AX priority=5 attrs=duid=b\n"
            "\tURI:: sip:10.0.0.3:5080 flags=AX priority=0 attrs=duid=c\n"
            "SET:: 3\n\tURI:: sip:10.0.2.1 flags=DX priority=0 attrs=\n"
            "SET:: 2\n\tURI:: sip:10.0.1.1 flags=IX priority=0 attrs=\n"
        )


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        (("ip", "1", "sip:10.0.0.2:5060"), "200 OK"),
        (("2", "1", "all"), "200 OK"),
        ((), "400 Too few or too many arguments"),
        (("a",), "400 Too few or too many arguments"),
        (("a", "1"), "400 Too few or too many arguments"),
        (("", "1", "all"), "500 bad state value"),
        (("x", "1", "all"), "500 unknown state value"),
        (("a", "", "all"), "500 group not found"),
        (("a", "one", "all"), "500 bad group value"),
        (("a", "1", ""), "500 address not found"),
        (("a", "1", "sip:nobody"), "404 destination not found"),
        (("a", "7", "all"), "404 destination not found"),
    ],
)
def test_states_by_mi(parameters: tuple[str, ...], answer: str) -> None:
    with lab(text=THREE, target="4.4") as made:
        assert mi(made, "ds_set_state", *parameters).strip() == answer
        wanted = {"ip": ["AX", "IP", "AX"], "2": ["DX"] * 3}.get(parameters[0] if parameters else "", ["AX"] * 3)
        assert flags(made) == (wanted if answer == "200 OK" else ["AX"] * 3)


def test_a_reload_by_mi() -> None:
    with lab(text="1 sip:10.0.0.1\n", target="4.4") as made:
        rewrite(made, "2 sip:10.0.0.2\n")
        assert mi(made, "ds_reload").strip() == "200 OK"
        assert list(module(made).sets.by_id) == [2]
        rewrite(made, "2\n")
        assert mi(made, "ds_reload").strip() == "500 ERROR Reloading data"


AVPS = {
    "dst_avp": "$avp(dst)", "grp_avp": "$avp(grp)", "cnt_avp": "$avp(cnt)", "dstid_avp": "$avp(id)",
    "attrs_avp": "$avp(attrs)", "sock_avp": "$avp(sock)",
}  # fmt: skip


@pytest.mark.parametrize("target", ["4.4", "all"])
def test_avps_of_4_4(target: str) -> None:
    route = """
    ds_select_dst("1", "8");
    xlog("$du $avp(dst) $avp(grp) $avp(cnt) $avp(attrs) $avp(sock)\\n");
    ds_next_dst();
    xlog("$du $avp(dst) $avp(attrs)\\n");
    ds_mark_dst("i");
    """
    text = "1 sip:10.0.0.1 0 9 socket=udp:127.0.0.1:5070\n1 sip:10.0.0.2 0 8 x=y\n"
    with lab(route, text=text, target=target, **AVPS) as made:
        assert said(made) == [
            "sip:10.0.0.1 sip:10.0.0.1 1 2 socket=udp:127.0.0.1:5070 udp:127.0.0.1:5070",
            "sip:10.0.0.2 sip:10.0.0.2 x=y",
        ]
        assert flags(made) == ["AX", "IX"]


def test_the_commands_of_a_set_that_is_not_there() -> None:
    with lab(target="6.x") as made:
        with pytest.raises(RpcFault, match="Destination Group Not Found"):
            made.rpc("dispatcher.oclist", 77)
        with pytest.raises(RpcFault, match="State Update Failed"):
            made.rpc("dispatcher.set_state", "a", 77, "sip:10.0.0.1")


# -- the indexes give what a walk through the set would ----------------------------------------------------------------
def a_set(lines: list[tuple[str, int]]) -> tuple[Lab, DestinationSet]:
    made = lab(text="".join(f"1 {uri} {state} 0 duid=d{n};maxload=2\n" for n, (uri, state) in enumerate(lines)))
    return made, module(made).sets.by_id[1]


URIS = st.builds(
    "sip:10.0.0.{}{}{}".format,
    st.integers(1, 2),
    st.sampled_from(["", ":5060", ":5062"]),
    st.sampled_from(["", ";transport=tcp", ";transport=udp"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(URIS, st.sampled_from([0, 1, 2, 4])), min_size=1, max_size=12), st.data())
def test_the_first_that_matches_is_found(lines: list[tuple[str, int]], data: st.DataObject) -> None:
    made, group = a_set(lines)
    found = Addresses([(group, entry) for entry in group.entries])
    for _ in range(6):
        address = data.draw(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]))
        port, proto = data.draw(st.sampled_from([5060, 5062, 9])), data.draw(st.sampled_from(["udp", "tcp", ""]))
        mode, barred = data.draw(st.integers(0, 3)), data.draw(st.sampled_from([0, 5]))

        def matches(entry: Destination) -> bool:
            return (
                entry.address == address  # noqa: B023 - asked at once
                and (bool(mode & 1) or entry.port in (0, port))  # noqa: B023
                and (bool(mode & 2) or entry.proto == proto)  # noqa: B023
                and not entry.flags & barred  # noqa: B023
            )

        wanted = next((entry for entry in group.entries if matches(entry)), None)
        answer = found.find(address, port, proto, mode, barred)
        assert (answer[1] if answer else None) is wanted
    made.close()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.lists(st.tuples(st.sampled_from("+-ias"), st.integers(0, 5)), max_size=60))
def test_the_least_loaded_is_found(count: int, steps: list[tuple[str, int]]) -> None:
    made, group = a_set([(f"sip:10.0.0.{n}", 0) for n in range(count)])
    for what, number in steps:
        entry = group.entries[number % count]
        if what == "s" and (index := group.least_loaded()) >= 0:
            entry = group.entries[index]
        if what in "+s":
            group.add_load(entry, 1)
        elif what == "-":
            group.add_load(entry, -1)
        else:
            group.set_flags(entry, 1 if what == "i" else 0)
        usable = [e for e in group.entries if not e.skipped and not e.full]
        wanted = min(usable, key=lambda e: e.load).index if usable else -1
        assert group.least_loaded() == wanted
        assert group.active == sum(not e.skipped for e in group.entries)
    made.close()
