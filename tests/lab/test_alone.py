"""One route alone: every kind of block, with the transaction that it works on."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.lab import Lab

CONFIG = """
listen=udp:127.0.0.1:5060
alias="example.com"
flags FLT_NATS:5
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "rr.so"
loadmodule "dialog.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "corex.so"
modparam("pv", "varset", "start=i:7")
request_route {
    t_on_failure("NEXT");
    t_on_branch("MARK");
    dlg_manage();
    t_relay();
}
route[COUNT] {
    $var(n) = $var(n) + 1;
    xlog("$var(n) $var(start)\\n");
    return 1;
}
route[NAT] {
    if (isflagset(FLT_NATS)) {
        resetflag(FLT_NATS);
        $du = "sip:" + $si + ":" + $sp;
    }
    append_branch("sip:two@10.0.0.2", "0.5");
}
failure_route[NEXT] {
    xlog("$rm $T_reply_code $T_reply_reason next $T_branch_idx $avp(x) $xavp(a=>b)\\n");
    if (t_check_status("486|408")) xlog("busy\\n");
    if (t_branch_timeout()) xlog("timeout\\n");
    if (t_branch_replied()) xlog("replied\\n");
    if ($T_reply_code == 404) {
        t_reply("480", "Nobody");
        exit;
    }
    $ru = "sip:mailbox@10.0.0.7";
    t_on_reply("SEEN");
    t_relay();
}
branch_route[MARK] {
    xlog("branch $T_branch_idx $ru\\n");
    append_hf("X-Branch: $T_branch_idx\\r\\n");
    if ($rU == "unwanted") drop;
}
onreply_route[SEEN] {
    xlog("$rs $rr $T_branch_idx $T_reply_last $avp(x) $si $bf\\n");
    if ($rs == 183) drop;
    append_hf("X-Seen: yes\\r\\n");
}
reply_route {
    if (t_check_trans()) xlog("known $rs\\n");
}
onsend_route {
    xlog("to $sndto(ip):$sndto(port)\\n");
    if ($sndto(ip) == "10.0.0.66") drop;
}
event_route[tm:branch-failure:again] {
    xlog("branch $T_branch_idx $T_reply_code\\n");
    t_reuse_branch();
    $ru = "sip:again@10.0.0.5";
    t_relay();
}
event_route[tm:local-request] { xlog("own $rm to $sndto(ip)\\n"); }
event_route[dialog:start] { xlog("with $dlg_var(account)\\n"); }
event_route[htable:init] { xlog("$rm\\n"); }
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(text=CONFIG)


@pytest.fixture
def invite(lab: Lab) -> str:
    return lab.request("INVITE", "bob")


# -- failure routes ---------------------------------------------------------------------------------------------------
def test_a_failure_route_sees_the_reply(lab: Lab, invite: str) -> None:
    run = lab.route("failure_route[NEXT]", invite, reply=486)
    assert run.said[:3] == ["INVITE 486 Busy Here next 1 <null> <null>", "busy", "replied"]


def test_a_failure_route_sees_a_timeout(lab: Lab, invite: str) -> None:
    run = lab.route("failure_route[NEXT]", invite, reply="timeout")
    assert run.said[:3] == ["INVITE 408 Request Timeout next 1 <null> <null>", "busy", "timeout"]


def test_a_failure_route_gets_the_reply_that_tm_picks(lab: Lab, invite: str) -> None:
    run = lab.route("NEXT", invite, branches=[486, "timeout", {"uri": "sip:c@10.0.0.3", "reply": "404 Nowhere"}])
    assert run.said[0] == "INVITE 404 Nowhere next 3 <null> <null>"


def test_a_test_may_pick_the_branch_itself(lab: Lab, invite: str) -> None:
    run = lab.route("NEXT", invite, branches=[486, 404], branch=0)
    assert run.said[0].startswith("INVITE 486")


def test_a_failure_route_sees_what_the_request_had(lab: Lab, invite: str) -> None:
    run = lab.route("NEXT", invite, {"$avp(x)": "5", "$xavp(a=>b)": "c"}, reply=503)
    assert run.said[0].endswith("5 c")


def test_a_failure_route_sends_its_new_branch(lab: Lab, invite: str) -> None:
    run = lab.route("NEXT", invite, reply=486)
    assert [request.uri for request in run.requests] == ["sip:mailbox@10.0.0.7"]
    assert run.armed == {"onreply": "SEEN"}


def test_a_failure_route_replies(lab: Lab, invite: str) -> None:
    run = lab.route("NEXT", invite, reply=404)
    assert (run.replies, run.exited, run.requests) == (["480 Nobody"], True, [])


def test_variables_of_a_transaction_can_be_read_behind_the_run(lab: Lab, invite: str) -> None:
    first = lab.route("NEXT", invite, branches=[503, 404], branch=0)
    lab.route("NEXT", invite, reply=480)
    assert (first["$T_reply_code"], first["$ru"]) == (503, "sip:mailbox@10.0.0.7")


def test_nothing_of_a_run_stays_in_tm(lab: Lab, invite: str) -> None:
    lab.route("NEXT", invite, reply=486)
    lab.route("", invite)
    assert lab.transactions == []
    lab.verify()


# -- branch routes ----------------------------------------------------------------------------------------------------
def test_a_branch_route_edits_its_branch(lab: Lab, invite: str) -> None:
    run = lab.route("branch_route[MARK]", invite)
    assert run.said == ["branch 0 sip:bob@example.com"]
    assert "X-Branch: 0\r\n" in run.outgoing
    assert run.outgoing.count("\r\nVia: ") == 2


def test_a_branch_route_knows_which_branch_it_is(lab: Lab, invite: str) -> None:
    assert lab.route("MARK", invite, branches=[{}, {}]).said == ["branch 2 sip:bob@example.com"]


def test_a_branch_route_drops_its_branch(lab: Lab) -> None:
    assert lab.route("MARK", lab.request("INVITE", "unwanted")).dropped


def test_an_armed_branch_route_runs_for_what_is_sent(lab: Lab) -> None:
    run = lab.route("request_route", lab.request("INVITE", "sip:bob@10.0.0.2"))
    assert [request.value("x-branch") for request in run.requests] == ["0"]


# -- reply routes -----------------------------------------------------------------------------------------------------
def test_an_onreply_route_sees_reply_and_transaction(lab: Lab, invite: str) -> None:
    run = lab.route("onreply_route[SEEN]", invite, {"$avp(x)": "5"}, reply="180 Ringing", bflags=[3])
    assert run.said == ["180 Ringing 0 180 5 192.0.2.1 8"]


def test_an_onreply_route_edits_the_reply(lab: Lab, invite: str) -> None:
    run = lab.route("SEEN", invite, reply=lab.reply(200, headers={"Server": "phone"}, body="v=0\ns=-\n"))
    assert run.outgoing.startswith("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.99:5060")
    assert "X-Seen: yes\r\n" in run.outgoing
    assert run.outgoing.endswith("\r\n\r\nv=0\r\ns=-\r\n")


def test_an_onreply_route_drops_a_provisional_reply(lab: Lab, invite: str) -> None:
    assert lab.route("SEEN", invite, reply=183).dropped


def test_an_onreply_route_takes_a_reply_as_its_message(lab: Lab) -> None:
    text = """
        SIP/2.0 200 Fine
        Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1.0
        Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2
        From: <sip:a@example.com>;tag=1
        To: <sip:b@example.com>;tag=2
        Call-ID: x
        CSeq: 1 INVITE
        Content-Length: 0
    """
    assert lab.route("SEEN", text).said == ["200 Fine 0 200 <null> 10.0.0.99 0"]


def test_the_reply_route_finds_the_transaction(lab: Lab, invite: str) -> None:
    assert lab.route("reply_route", invite, reply=200).said == ["known 200"]


# -- the others -------------------------------------------------------------------------------------------------------
def test_onsend_route_knows_where_the_message_goes(lab: Lab) -> None:
    run = lab.route("onsend_route", lab.request("INVITE", "sip:x@10.0.0.66:5070"))
    assert (run.said, run.dropped) == (["to 10.0.0.66:5070"], True)


def test_a_branch_failure_route(lab: Lab, invite: str) -> None:
    run = lab.route("event_route[tm:branch-failure:again]", invite, reply=503)
    assert run.said[0] == "branch 0 503"
    assert [request.uri for request in run.requests] == ["sip:again@10.0.0.5"]


def test_a_branch_failure_route_by_its_short_name(lab: Lab, invite: str) -> None:
    assert lab.route("again", invite, kind="branch-failure", reply=500).said[0] == "branch 0 500"


def test_a_local_request(lab: Lab) -> None:
    run = lab.route("tm:local-request", lab.request("BYE", "sip:bob@10.0.0.4", to_tag="b"))
    assert run.said == ["own BYE to 10.0.0.4"]


def test_an_event_route_without_a_message(lab: Lab) -> None:
    assert lab.route("event_route[htable:init]").said == ["OPTIONS"]


def test_a_dialog_for_a_dialog_event(lab: Lab, invite: str) -> None:
    run = lab.route("event_route[dialog:start]", invite, {"$dlg_var(account)": "acme"}, dialog=True)
    assert run.said == ["with acme"]
    assert run["$dlg_var(account)"] == "acme"
    lab.verify()


def test_flags_are_set_by_name(lab: Lab, invite: str) -> None:
    run = lab.route("NAT", lab.request("INVITE", "bob", source="192.168.1.5:5062"), flags=["FLT_NATS", 9])
    assert (run["$du"], run.flags) == ("sip:192.168.1.5:5062", {9})


def test_branches_tell_their_q(lab: Lab, invite: str) -> None:
    run = lab.route("NAT", invite)
    assert (run.branches, run.branches[0].q) == (["sip:two@10.0.0.2"], 0.5)


def test_each_run_starts_with_fresh_variables(lab: Lab, invite: str) -> None:
    lab.route("COUNT", invite)
    assert lab.route("COUNT", invite).said == ["1 7"]


# -- messages ---------------------------------------------------------------------------------------------------------
def test_headers_stand_in_place_of_the_usual_ones(lab: Lab) -> None:
    text = lab.request("INVITE", "bob", headers={"From": "<sip:x@y>;tag=1", "Max-Forwards": None, "Subject": "hi"})
    assert text.count("\r\nFrom: ") == 1
    assert "From: <sip:x@y>;tag=1\r\n" in text
    assert "Max-Forwards" not in text
    assert "Subject: hi\r\n" in text


def test_a_session_description_says_what_it_is(lab: Lab) -> None:
    text = lab.request("INVITE", "bob", body="v=0\ns=-\n")
    assert "Content-Type: application/sdp\r\nContent-Length: 10\r\n\r\nv=0\r\n" in text


# -- bad input --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("route", "options", "told"),
    [
        ("failure_route[NEXT]", {}, "runs when a branch failed: say reply=486"),
        ("NEXT", {"reply": 200}, "a branch that got 200 has not failed"),
        ("NEXT", {"reply": "busy"}, "'busy' is no reply"),
        ("NEXT", {"reply": 99}, "99 is no SIP status"),
        ("NEXT", {"branches": [{"code": 486}]}, "a branch has no 'code'; it has uri, dst, reply, flags, ruid"),
        ("NEXT", {"branches": [486], "branch": 3}, "there is no branch 3, only 1"),
        ("NEXT", {"branches": [486], "reply": 486}, "not both"),
        ("onreply_route[SEEN]", {}, "runs over a reply: say reply=180"),
        ("SEEN", {"reply": "timeout"}, "nobody sends a timeout"),
        ("COUNT", {"reply": 486}, "sees no reply"),
        ("COUNT", {"branches": [486]}, "works on no branches"),
        ("COUNT", {"flags": ["FLT_NAT"]}, "no flag is called FLT_NAT; did you mean FLT_NATS?"),
        ("COUNT", {"flags": [32]}, "flag 32 is not between 0 and 31"),
        ("COUNT", {"kind": "requests"}, "is no kind of route"),
        ("COUNT", {"variables": {"$nope(x)": 1}}, "unknown pseudo-variable"),
    ],
)
def test_what_makes_no_sense_is_told(lab: Lab, invite: str, route: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as caught:
        lab.route(route, invite, **options)
    assert told in str(caught.value)


def test_a_text_that_is_no_message_is_told(lab: Lab) -> None:
    with pytest.raises(ValueError, match="this is no SIP message"):
        lab.route("COUNT", "hello")


def test_a_route_needs_a_message(lab: Lab) -> None:
    with pytest.raises(ValueError, match=r"runs over a message"):
        lab.route("COUNT")


def test_a_block_of_another_kind_is_not_found(lab: Lab, invite: str) -> None:
    with pytest.raises(LookupError, match="no such route: COUNT"):
        lab.route("failure_route[COUNT]", invite)


@pytest.mark.parametrize(
    ("headers", "told"),
    [(["Subject"], "is no header line"), ({"a b": "c"}, "is no header name"), ("X: y", "a list of lines")],
)
def test_bad_headers_are_told(lab: Lab, headers: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        lab.request("INVITE", "bob", headers=headers)


def test_a_config_without_tm_has_no_failure(invite: str) -> None:
    lab = Lab(text='loadmodule "sl.so"\nrequest_route { exit; }\nfailure_route[F] { exit; }\n')
    with pytest.raises(ValueError, match=r"does not load tm\.so"):
        lab.route("F", invite, reply=486)


# -- the truth --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", [404, 486, 503])
def test_a_failure_route_says_the_same_within_a_whole_call(code: int) -> None:
    whole, alone = Lab(text=CONFIG), Lab(text=CONFIG)
    alice, bob = whole.phone("alice"), whole.phone("bob")
    alice.call(f"sip:bob@{bob.address.ip}")
    bob.call_waiting.reject(code)
    run = alone.route("NEXT", alone.request("INVITE", "sip:bob@10.0.0.2"), reply=code)
    said = [line for line in whole.log.script if line.startswith("INVITE ")]
    assert said == [line for line in run.said if line.startswith("INVITE ")]


def test_an_onreply_route_says_the_same_within_a_whole_call() -> None:
    config = CONFIG.replace("t_relay();\n}\nroute", 't_on_reply("SEEN");\n    t_relay();\n}\nroute', 1)
    whole, alone = Lab(text=config), Lab(text=config)
    alice, bob = whole.phone("alice"), whole.phone("bob")
    alice.call(f"sip:bob@{bob.address.ip}")
    bob.call_waiting.ring()
    run = alone.route("SEEN", alone.request("INVITE", "sip:bob@10.0.0.2"), reply="180 Ringing")
    assert [line for line in whole.log.script if line.startswith("180 ")] == run.said


@pytest.mark.parametrize("arguments", [("error_route", None), ("x", "error_route")])
def test_error_route_is_none_of_kamailios_blocks(lab: Lab, arguments: tuple[str, str | None]) -> None:
    with pytest.raises(
        LookupError, match=r"Kamailio has no error_route: .* event_route\[core:receive-parse-error\] runs"
    ):
        lab.route(arguments[0], lab.request("INVITE", "bob"), kind=arguments[1])
