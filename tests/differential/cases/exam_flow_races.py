r"""Races: CANCEL against answers and redirects, retransmissions, late branches, timers."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, build, case
from .exam_flow_calls import routes
from .rtpengine import SDP, SOCK, TYPE, relay

CONFIG = (
    SOCK
    + r"""
modparam("tm", "fr_timer", FR)
modparam("tm", "fr_inv_timer", 700)
modparam("tm", "retr_timer1", 2000)
modparam("tm", "wt_timer", 900)
modparam("tm", "cancel_b_method", 2)
modparam("uac", "credential", "u:realm:p")
request_route {
    if (is_method("CANCEL")) { $var(x) = t_check_trans(); xlog("CANCEL $rc\n"); rtpengine_delete(); t_relay(); exit; }
    if (t_precheck_trans()) { xlog("seen $rm $rc\n"); t_check_trans(); xlog("gone on $rc\n"); exit; }
    t_check_trans();
    if (has_totag()) { loose_route(); if (is_method("BYE")) { rtpengine_delete(); } t_on_reply("R"); t_relay(); xlog("$rm within $rc\n"); exit; }
    record_route();
    dlg_manage();
    $dlg_ctx(timeout) = 60;
    rtpengine_offer();
    uac_replace_from("sip:us@example.net");
    t_on_failure("F"); t_on_branch("B"); t_on_reply("R");
    if ($rU == "timers") { t_set_fr(500, 300); }
    $ru = "sip:bob@127.0.0.12:21200";
    if ($hdr(X-Fork) != $null) { append_branch("sip:carol@127.0.0.13:21200"); }
    t_relay();
}
branch_route[B] { rtpengine_offer("via-branch=1"); xlog("B $T_branch_idx $ru\n"); }
onreply_route[R] { xlog("R $rs $rm canceled "); t_is_canceled(); xlog("$rc\n"); if (has_body("application/sdp")) rtpengine_answer(); if ($hdr(X-Drop) != $null) drop; }
failure_route[F] {
    xlog("F $T_reply_code "); t_is_canceled(); xlog("canceled $rc "); t_branch_timeout(); xlog("timeout $rc "); t_any_timeout(); xlog("any $rc\n");
    rtpengine_delete();
    if ($T_reply_code == 401) { uac_auth(); $var(rc) = $rc; t_on_failure("G"); t_relay(); xlog("auth $var(rc) relay $rc\n"); exit; }
    if ($T_reply_code == 302) { append_branch("sip:carol@127.0.0.13:21200"); t_on_failure("G"); t_relay(); xlog("relay $rc\n"); exit; }
    if (t_branch_timeout()) { $ru = "sip:carol@127.0.0.13:21200"; t_on_failure("G"); t_relay(); xlog("relay $rc\n"); }
}
failure_route[G] { xlog("G $T_reply_code "); t_is_canceled(); xlog("canceled $rc\n"); }
event_route[dialog:start] { xlog("start\n"); }
event_route[dialog:end] { xlog("end\n"); }
event_route[dialog:failed] { xlog("failed\n"); }
"""
)
MODULES = "tm tmx sl rr pv xlog textops siputils kex corex dialog uac rtpengine"
OFFER = TYPE


@case(CONFIG.replace("FR", "2000"), modules=MODULES, relays=(relay(),))
def crossings(scene: Scene) -> None:
    """A CANCEL that crosses a challenge, a redirect, a 200, a second 200 of a fork, or comes twice."""
    alice, bob, carol = scene.alice, scene.bob, scene.carol

    def invite(name: str, headers: str = "") -> str:
        text = alice.request("INVITE", headers=f"{headers}\n{OFFER}".strip(), body=SDP, call_id=name)
        alice.expect(100)
        return text

    first = invite("challenge")
    one = bob.expect("INVITE")
    one.answer(180, "Ringing")
    alice.expect(180)
    alice.cancel(first)
    alice.expect(200)
    bob.expect("CANCEL").answer(200, "OK")
    one.answer(401, "Who", headers='WWW-Authenticate: Digest realm="realm", nonce="x", qop="auth"')
    bob.expect("ACK")
    scene.settle()
    scene.label("challenge behind CANCEL")
    first = invite("redirect")
    one = bob.expect("INVITE")
    one.answer(180, "Ringing")
    alice.expect(180)
    one.answer(302, "Elsewhere", headers="Contact: <sip:x@127.0.0.13:21200>")
    bob.expect("ACK")
    two = carol.expect("INVITE")
    alice.cancel(first)
    alice.expect(200)
    two.answer(180, "Ringing")
    carol.expect("CANCEL").answer(200, "OK")
    two.answer(200, "OK", headers=f"Contact: <{carol.contact}>")
    scene.settle()
    scene.label("answer of a redirected call behind CANCEL")
    first = invite("twice", "X-Fork: 1")
    one, two = bob.expect("INVITE"), carol.expect("INVITE")
    one.answer(183, "Progress", headers=TYPE, body=SDP)
    alice.expect(183)
    alice.cancel(first)
    alice.cancel(first)
    alice.send(first)
    scene.settle()
    one.answer(487, "Terminated")
    two.answer(200, "OK", headers=f"Contact: <{carol.contact}>")
    two.answer(200, "OK", headers=f"Contact: <{carol.contact}>")
    scene.settle()
    scene.label("CANCEL twice, one branch answers")
    invite("fork", "X-Fork: 1")
    one, two = bob.expect("INVITE"), carol.expect("INVITE")
    one.answer(200, "OK", headers=f"Contact: <{bob.contact}>\n{TYPE}", body=SDP)
    two.answer(200, "OK", headers=f"Contact: <{carol.contact}>\n{TYPE}", body=SDP)
    one.answer(200, "OK", headers=f"Contact: <{bob.contact}>\n{TYPE}", body=SDP)
    scene.settle()
    ok = alice.expect(200)
    back = routes(ok)
    for party in (bob, carol):
        alice.request("ACK", party.contact, to_tag=party.name, headers=back, call_id="fork")
    scene.settle()
    alice.request("BYE", carol.contact, to_tag="carol", headers=back, call_id="fork", cseq=2)
    scene.settle()
    scene.label("two answers")
    scene.rpc("dlg.stats_active")


@case(CONFIG.replace("FR", "300"), modules=MODULES, relays=(relay(),))
def silences(scene: Scene) -> None:
    """Nobody answers, then somebody late; timers that the script sets; retransmissions of requests and replies."""
    alice, bob, carol = scene.alice, scene.bob, scene.carol
    first = alice.request("INVITE", headers=OFFER, body=SDP, call_id="silent")
    alice.expect(100)
    one = bob.expect("INVITE")
    alice.send(first)
    alice.expect(100)
    two = carol.expect("INVITE")
    one.answer(180, "Late")
    scene.settle()
    two.answer(404, "Gone")
    carol.expect("ACK")
    two.answer(404, "Gone")
    carol.expect("ACK")
    one.answer(200, "Too late", headers=f"Contact: <{bob.contact}>")
    scene.settle()
    scene.label("silent")
    alice.request("INVITE", "sip:timers@example.com", headers=OFFER, body=SDP, call_id="timers")
    alice.expect(100)
    one = bob.expect("INVITE")
    one.answer(100, "Trying")
    scene.settle()
    one.answer(180, "Ringing")
    alice.expect(180)
    bob.expect("CANCEL").answer(200, "OK")
    one.answer(487, "Terminated")
    bob.expect("ACK")
    carol.expect("INVITE").answer(480, "Away")
    carol.expect("ACK")
    alice.expect(480)
    scene.label("timers")


@case(CONFIG.replace("FR", "2000"), modules=MODULES, relays=(relay(),))
def strays(scene: Scene) -> None:
    """Replies without a transaction, ACKs and CANCELs of nothing, replies of the wrong CSeq, requests seen before."""
    alice, bob = scene.alice, scene.bob
    first = alice.request("INVITE", headers=OFFER, body=SDP)
    alice.expect(100)
    one = bob.expect("INVITE")
    vias = "\n".join(f"Via: {via}" for via in one.headers("Via"))
    tail = f"From: {one.header('From')}\nTo: {one.header('To')};tag=z\nCall-ID: call-1\nCSeq: "
    for label, start, headers in (
        ("another CSeq", "SIP/2.0 180 Ringing", f"{vias}\n{tail}2 INVITE"),
        ("another method", "SIP/2.0 180 Ringing", f"{vias}\n{tail}1 OPTIONS"),
        ("another Call-ID", "SIP/2.0 180 Ringing", f"{vias}\n{tail}1 INVITE".replace("call-1", "call-2")),
        (
            "another branch",
            "SIP/2.0 180 Ringing",
            f"{vias}\n{tail}1 INVITE".replace(".0", ".1", 3).replace("127.1.0", "127.0.0"),
        ),
        ("one Via", "SIP/2.0 180 Ringing", f"{vias.splitlines()[0]}\n{tail}1 INVITE"),
        ("no Via", "SIP/2.0 180 Ringing", f"{tail}1 INVITE"),
        ("code 700", "SIP/2.0 700 What", f"{vias}\n{tail}1 INVITE"),
        ("code 99", "SIP/2.0 99 What", f"{vias}\n{tail}1 INVITE"),
        ("code 199", "SIP/2.0 199 Early Dialog Terminated", f"{vias}\n{tail}1 INVITE"),
        ("no reason", "SIP/2.0 180 ", f"{vias}\n{tail}1 INVITE"),
        ("dropped", "SIP/2.0 183 Progress", f"{vias}\n{tail}1 INVITE\nX-Drop: 1"),
        ("CANCEL's", "SIP/2.0 200 OK", f"{vias}\n{tail}1 CANCEL"),
        ("no To tag", "SIP/2.0 180 Ringing", f"{vias}\n{tail}1 INVITE".replace(";tag=z", "")),
    ):
        bob.send(build(start, headers))
        scene.label(label)
    alice.send(first)
    scene.label("INVITE again")
    alice.ack(first)
    scene.label("ACK before an answer")
    alice.cancel(first.replace("call-1", "call-9").replace("z9hG4bK-alice-1", "z9hG4bK-other"))
    scene.label("CANCEL of nothing")
    alice.request("INVITE", headers=OFFER, body=SDP, branch="z9hG4bK-merged")
    scene.label("merged")
    alice.send(first.replace("INVITE", "BYE"))
    scene.label("BYE with the branch of the INVITE")
    one.answer(200, "OK", headers=f"Contact: <{bob.contact}>")
    scene.label("answered")
