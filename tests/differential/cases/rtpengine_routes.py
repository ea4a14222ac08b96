r"""rtpengine in every kind of route: branches that fork, failures, retried branches, replies, dialogs within."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case
from .rtpengine import SDP, SOCK, TYPE, relay

MODULES = "tm tmx sl rr pv xlog textops textopsx siputils kex corex nathelper rtpengine"
THEIRS = SDP.replace("127.0.0.11", "127.0.0.12")


@case(
    SOCK
    + """
modparam("rr", "append_fromtag", 1)
request_route {
    if (is_method("CANCEL")) { if (t_check_trans()) { rtpengine_manage("via-branch=1"); xlog("cancel $rc\\n"); t_relay(); } exit; }
    t_check_trans();
    record_route();
    t_on_branch("MANAGE");
    t_on_reply("MANAGE");
    t_on_failure("MANAGE");
    $ru = "sip:bob@127.0.0.12:21200";
    append_branch("sip:carol@127.0.0.13:21200");
    t_relay();
}
branch_route[MANAGE] {
    t_on_branch_failure("rtpengine");
    rtpengine_manage("via-branch=extra");
    xlog("branch $T_branch_idx extra $rc\\n");
    rtpengine_manage("via-branch=next replace-origin");
    xlog("branch $T_branch_idx next $rc\\n");
}
onreply_route[MANAGE] {
    if (has_body("application/sdp")) rtpengine_manage("via-branch=auto-next");
    xlog("reply $rs $rc\\n");
}
failure_route[MANAGE] {
    rtpengine_manage("via-branch=auto");
    xlog("failure $rc\\n");
}
event_route[tm:branch-failure:rtpengine] {
    rtpengine_manage();
    xlog("branch failure $rc\\n");
    if (!t_check_status("4..")) rtpengine_delete("via-branch=auto-next");
    xlog("branch failure $rc\\n");
}
""",
    modules=MODULES,
    relays=(relay(),),
)
def a_session_for_each_branch(scene: Scene) -> None:
    """Each branch has its own session: by its own via-branch."""
    alice = scene.alice
    invite = alice.request("INVITE", headers=TYPE, body=SDP)
    alice.expect(100)
    one, two = scene.bob.expect("INVITE"), scene.carol.expect("INVITE")
    one.answer(183, "Progress", headers=TYPE, body=THEIRS)
    alice.expect(183)
    two.answer(503, "No")
    scene.carol.expect("ACK")
    scene.settle()
    one.answer(486, "Busy Here")
    scene.bob.expect("ACK")
    alice.ack(invite, alice.expect(486))
    scene.label("failed")
    alice.request("INVITE", headers=TYPE, body=SDP, call_id="call-2")
    alice.expect(100)
    one, two = scene.bob.expect("INVITE"), scene.carol.expect("INVITE")
    one.answer(180, "Ringing")
    alice.expect(180)
    two.answer(200, "OK", headers=TYPE, body=THEIRS)
    alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    one.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.rpc("rtpengine.get_hash_total")


@case(
    SOCK
    + """
request_route {
    t_check_trans();
    if (is_method("BYE")) { rtpengine_delete(); xlog("delete $rc\\n"); }
    if (is_method("INVITE")) {
        force_rport();
        if (nat_uac_test("19")) { set_contact_alias(); xlog("nat\\n"); }
        rtpengine_offer("trust-address replace-origin replace-session-connection ICE=remove RTP/AVP");
        xlog("offer $rc\\n");
        t_on_reply("ANSWER");
        t_on_failure("AGAIN");
    }
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
onreply_route[ANSWER] {
    if (nat_uac_test("1")) { fix_nated_contact(); xlog("fixed\\n"); }
    if (status =~ "(183)|(2[0-9][0-9])") { rtpengine_answer("RTP/SAVPF ICE=force"); xlog("answer $rc\\n"); }
    msg_apply_changes();
    xlog("$rs [$(rb{s.len})] $ct\\n");
}
failure_route[AGAIN] {
    if (t_check_status("486")) {
        rtpengine_delete();
        rtpengine_offer();
        xlog("again $rc\\n");
        $du = "sip:127.0.0.13:21200";
        t_on_reply("ANSWER");
        t_relay();
    }
}
""",
    modules=MODULES,
    relays=(relay(),),
)
def offers_and_answers_by_hand(scene: Scene) -> None:
    """rtpengine_offer, _answer and _delete; a call that is tried elsewhere."""
    alice = scene.alice
    contact = "Contact: <sip:bob@10.0.0.9;ob>\n"
    alice.request("INVITE", headers=f"{TYPE}\nContact: <sip:alice@192.168.1.1>", body=SDP, contact=False)
    alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.bob.expect("ACK")
    second = scene.carol.expect("INVITE")
    second.answer(183, "Progress", headers=contact + TYPE, body=THEIRS)
    alice.expect(183)
    second.answer(200, "OK", headers=contact + TYPE, body=THEIRS)
    alice.expect(200)
    alice.request("BYE", to_tag="carol", cseq=2)
    scene.bob.expect("BYE").answer(200, "OK")
    alice.expect(200)


@case(
    SOCK
    + """
request_route {
    if (!is_method("OPTIONS")) { rtpengine_manage(); xlog("$rm $rc\\n"); }
    rtpengine_offer("via-branch=1");
    xlog("$rm offer $rc\\n");
    rtpengine_answer();
    xlog("$rm answer $rc\\n");
    sl_send_reply("200", "OK");
}
""",
    modules=MODULES,
    relays=(relay(),),
)
def without_transactions(scene: Scene) -> None:
    """Stateless use, and methods that have no media."""
    for method in (
        "INVITE",
        "OPTIONS",
        "MESSAGE",
        "REGISTER",
        "PRACK",
        "ACK",
        "CANCEL",
        "UPDATE",
        "BYE",
        "REFER",
        "NOTIFY",
    ):
        scene.alice.request(method, headers=TYPE, body=SDP, to_tag="b1", call_id=f"c-{method}")
        scene.settle()
        scene.alice.request(method, call_id=f"d-{method}")
        scene.settle()
        scene.label(method)


@case(
    SOCK
    + """
request_route {
    rtpengine_offer();
    xlog("$rc\\n");
    rtpengine_offer("replace-origin");
    xlog("twice $rc\\n");
    msg_apply_changes();
    rtpengine_offer();
    xlog("applied $rc\\n");
    $var(flags) = "RTP/SAVP";
    $var(flags) = $var(flags) + " label=$rU";
    rtpengine_manage("$var(flags) via-branch=1");
    xlog("variable $rc\\n");
    rtpengine_manage($var(flags));
    xlog("plain variable $rc\\n");
    rtpengine_manage("$null");
    xlog("null $rc\\n");
    rtpengine_manage("$hdr(Nobody)");
    xlog("nobody $rc\\n");
    rtpengine_manage("");
    xlog("empty $rc\\n");
    $du = "sip:127.0.0.12:21200";
    forward();
}
""",
    modules=MODULES,
    relays=(relay(),),
)
def several_times(scene: Scene) -> None:
    """Twice over one message, and flags from variables."""
    scene.alice.request("INVITE", headers=TYPE, body=SDP)
    scene.bob.expect("INVITE")
