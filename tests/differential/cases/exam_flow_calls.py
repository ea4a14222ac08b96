r"""Whole calls as engineers write them: two sockets, dialogs, replaced names, relays, forks, failures, CANCEL."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from typing import Any

from ..case import Got, Scene, case
from .rtpengine import SDP, SOCK, TYPE, relay

MODULES = "tm tmx sl rr pv xlog textops textopsx siputils maxfwd sanity kex corex dialog uac nathelper rtpengine"
THEIRS = SDP.replace("127.0.0.11", "127.0.0.12")
OFFER: dict[str, Any] = {"headers": TYPE, "body": SDP}
ANSWER: dict[str, Any] = {"headers": f"Contact: <sip:bob@10.0.0.8:5070>\n{TYPE}", "body": THEIRS}
BOB, ALICE = "<sip:bob@example.com>", "<sip:alice@example.com>"


def routes(got: Got, reverse: bool = True) -> str:
    """The Route headers of a caller, or of a called that is `not reverse`."""
    found = got.headers("Record-Route")
    return "\n".join(f"Route: {entry}" for entry in (reversed(found) if reverse else found))


BORDER = (
    SOCK
    + """
listen=udp:127.0.0.1:21200
listen=udp:127.0.0.1:21205
mhomed=0
modparam("rr", "enable_full_lr", 1)
modparam("rr", "append_fromtag", 1)
modparam("rr", "enable_double_rr", 1)
modparam("dialog", "dlg_flag", 4)
modparam("dialog", "dlg_match_mode", 1)
modparam("uac", "restore_mode", "auto")
modparam("uac", "restore_dlg", MODE)
modparam("tm", "failure_reply_mode", 3)
modparam("nathelper", "received_avp", "$avp(received)")
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (!sanity_check("17895", "7")) exit;
    force_rport();
    if (nat_uac_test("19")) { if (is_method("REGISTER")) fix_nated_register(); else if (is_first_hop()) set_contact_alias(); setflag(5); }
    if (is_method("CANCEL")) { if (t_check_trans()) { rtpengine_delete(); t_relay(); } exit; }
    if (!is_method("ACK")) { if (t_precheck_trans()) { t_check_trans(); exit; } t_check_trans(); }
    if (has_totag()) {
        if (loose_route()) {
            if ($du == "") { if (!handle_ruri_alias()) { switch ($rc) { case -1: xlog("bad alias\\n"); case -2: xlog("no alias\\n"); } } }
            if (is_direction("downstream")) xlog("$rm down nat <$(route_uri{uri.param,nat})> $fu $tu du $du fs $fs\\n"); else xlog("$rm up $fu $tu du $du fs $fs\\n");
            if (check_route_param("nat=yes")) { setflag(6); xlog("nat=yes\\n"); }
            if (is_method("INVITE")) { record_route(); rtpengine_manage("replace-origin replace-session-connection"); t_on_failure("RE"); }
            if (is_method("BYE")) rtpengine_delete();
            if (is_method("ACK")) { if (has_body("application/sdp")) rtpengine_answer(); }
            xlog("dlg $DLG_status dir $dlg_ctx(dir) var <$dlg_var(who)>\\n");
            t_on_reply("R");
            if (!t_relay()) sl_reply_error();
            exit;
        }
        if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    if (is_method("INVITE|SUBSCRIBE")) record_route();
    if (isflagset(5)) add_rr_param(";nat=yes");
    if (is_method("INVITE")) {
        setflag(4);
        dlg_manage();
        $dlg_var(who) = $fU;
        uac_replace_from("Anonymous", "sip:anonymous@anonymous.invalid");
        xlog("replace $rc\\n");
        uac_replace_to("sip:4420@trunk.example.net");
        rtpengine_offer("replace-origin replace-session-connection ICE=remove");
        t_on_branch("B");
        t_on_failure("F");
        t_on_reply("R");
    } else $du = "sip:127.0.0.12:21200";
    $fs = "udp:127.0.0.1:21205";
    $ru = "sip:bob@10.0.0.8:5070;alias=127.0.0.12~21200~1";
    if (!t_relay()) sl_reply_error();
}
branch_route[B] { handle_ruri_alias(); xlog("B $T_branch_idx $rc $ru $du $fu\\n"); }
onreply_route[R] {
    xlog("R $rs $rm $fu $tu\\n");
    if ($rs =~ "^(18[03]|2..)$" && has_body("application/sdp")) rtpengine_manage("replace-origin");
    if (isbflagset(6) || nat_uac_test("1")) set_contact_alias();
}
failure_route[F] {
    if (t_is_canceled()) { xlog("canceled $fu\\n"); exit; }
    rtpengine_delete();
    xlog("F $T_reply_code $fu $tu $DLG_status\\n");
    if (t_check_status("486|408|503")) {
        rtpengine_offer("replace-origin");
        $ru = "sip:carol@127.0.0.13:21200"; $du = $null;
        t_on_failure("F2"); t_on_branch("B");
        t_relay();
    }
}
failure_route[F2] { xlog("F2 $T_reply_code $fu\\n"); if (t_check_status("488")) { t_reply("606", "Really"); } }
failure_route[RE] { xlog("RE $T_reply_code $fu $tu\\n"); }
event_route[dialog:start] { xlog("start $DLG_status <$dlg_var(who)>\\n"); }
event_route[dialog:end] { xlog("end <$dlg_var(who)> $rm\\n"); }
event_route[dialog:failed] { xlog("failed <$dlg_var(who)> $T_reply_code\\n"); }
"""
)


def _border(mode: int) -> str:
    return BORDER.replace("MODE", str(mode))


def _answered(scene: Scene, mode: int) -> None:
    alice, bob = scene.alice, scene.bob
    nat: dict[str, Any] = {"via": "SIP/2.0/UDP 10.0.0.5:5060;rport", "contact": False}
    alice.request("INVITE", headers=f"{TYPE}\nContact: <sip:alice@10.0.0.5>", body=SDP, **nat)
    alice.expect(100)
    invite = bob.expect("INVITE")
    bob_from, bob_to = invite.header("From").split(";tag")[0], invite.header("To")
    invite.answer(183, "Progress", **ANSWER)
    alice.expect(183)
    invite.answer(200, "OK", **ANSWER)
    ok = alice.expect(200)
    target = ok.header("Contact").strip("<>")
    back = routes(ok)
    alice.request("ACK", target, to_tag="bob", headers=back, branch="z9hG4bK-ack")
    bob.expect("ACK")
    invite.answer(200, "OK", **ANSWER)
    alice.expect(200)
    scene.label("answered")
    alice.request("INVITE", target, to_tag="bob", cseq=2, headers=f"{back}\n{TYPE}", body=SDP)
    alice.expect(100)
    second = bob.expect("INVITE")
    second.answer(491, "Request Pending")
    bob.expect("ACK")
    scene.settle()
    scene.label("re-INVITE refused")
    forth = "\n".join(f"Route: {entry}" for entry in invite.headers("Record-Route"))
    contact = invite.header("Contact").strip("<>")
    bob.request(
        "INVITE", contact, to=bob_from, to_tag="alice", from_=bob_to, headers=f"{forth}\n{TYPE}", body=THEIRS, cseq=7
    )
    bob.expect(100)
    alice.expect("INVITE").answer(200, "OK", headers=f"Contact: <sip:alice@10.0.0.5>\n{TYPE}", body=SDP)
    bob.expect(200)
    bob.request("ACK", contact, to=bob_from, to_tag="alice", from_=bob_to, headers=forth, cseq=7)
    alice.expect("ACK")
    scene.label("re-INVITE of the called")
    bob.request("BYE", contact, to=bob_from, to_tag="alice", from_=bob_to, headers=forth, cseq=8)
    alice.expect("BYE").answer(200, "OK")
    bob.expect(200)
    scene.settle()
    bob.request(
        "BYE", contact, to=bob_from, to_tag="alice", from_=bob_to, headers=forth, cseq=8, branch="z9hG4bK-bob-3"
    )
    scene.label("BYE again")


for _mode in (0, 1):

    def _play(scene: Scene, mode: int = _mode) -> None:
        """A call through two sockets with names replaced, re-INVITEs of both sides, a refused one, and a late BYE."""
        _answered(scene, mode)

    _play.__name__ = f"a_border_with_restore_dlg_{_mode}"
    case(_border(_mode), modules=MODULES, relays=(relay(),))(_play)


@case(_border(0), modules=MODULES, relays=(relay(),))
def a_border_that_tries_another(scene: Scene) -> None:
    """Busy, then another that refuses, with a reply of the script; then one where the caller gives up."""
    alice, bob, carol = scene.alice, scene.bob, scene.carol
    invite = alice.request("INVITE", **OFFER)
    alice.expect(100)
    bob.expect("INVITE").answer(486, "Busy")
    bob.expect("ACK")
    carol.expect("INVITE").answer(488, "No")
    carol.expect("ACK")
    alice.ack(invite, alice.expect(606))
    scene.label("refused")
    invite = alice.request("INVITE", call_id="call-2", **OFFER)
    alice.expect(100)
    bob.expect("INVITE").answer(503, "Down")
    bob.expect("ACK")
    ringing = carol.expect("INVITE")
    ringing.answer(180, "Ringing")
    alice.expect(180)
    alice.cancel(invite)
    alice.expect(200)
    carol.expect("CANCEL").answer(200, "OK")
    ringing.answer(487, "Terminated")
    carol.expect("ACK")
    alice.ack(invite, alice.expect(487))
    scene.label("canceled")
    invite = alice.request("INVITE", call_id="call-3", **OFFER)
    alice.expect(100)
    ringing = bob.expect("INVITE")
    alice.cancel(invite)
    alice.expect(200)
    ringing.answer(200, "OK", **ANSWER)
    ok = alice.expect(200)
    alice.request("ACK", ok.header("Contact").strip("<>"), to_tag="bob", headers=routes(ok), call_id="call-3")
    bob.expect("ACK")
    scene.label("answered behind CANCEL")
    scene.rpc("dlg.stats_active")
    scene.rpc("tm.stats")


@case(_border(1), modules=MODULES, relays=(relay(),))
def a_border_and_bad_requests(scene: Scene) -> None:
    """No SDP, multipart, broken SDP, no Contact, foreign Route, tampered vsf, requests out of a dialog."""
    alice, bob = scene.alice, scene.bob
    both = f"--b\nContent-Type: application/sdp\n\n{SDP}\n--b\nContent-Type: text/plain\n\nhello\n--b--\n"
    for number, (headers, body) in enumerate(
        [
            ("", ""),
            ("Content-Type: multipart/mixed;boundary=b", both),
            (TYPE, "v=0\nm=audio"),
            (TYPE, "nonsense"),
            ("Content-Type: text/plain", "hello"),
            (TYPE + "\nContent-Encoding: gzip", "\x1f\x8b"),
        ]
    ):
        alice.request("INVITE", headers=headers, body=body, call_id=f"call-{number}")
        scene.settle()
        scene.label(f"body {number}")
    alice.request("BYE", "sip:bob@127.0.0.12:21200", to_tag="x", call_id="n1")
    alice.request(
        "BYE", "sip:bob@127.0.0.12:21200", to_tag="x", call_id="n2", headers="Route: <sip:127.0.0.1:21200;lr>"
    )
    alice.request(
        "BYE",
        "sip:bob@127.0.0.12:21200",
        to_tag="x",
        call_id="n3",
        headers="Route: <sip:127.0.0.1:21205;lr;r2=on;vsf=AAAA;vst=zz>\nRoute: <sip:127.0.0.1:21200;lr;r2=on>",
    )
    alice.request(
        "BYE",
        "sip:bob@10.0.0.8;alias=127.0.0.12~21200~1;x",
        to_tag="x",
        call_id="n4",
        headers="Route: <sip:127.0.0.1;lr;ftag=alice;nat=yes>",
    )
    alice.request(
        "BYE",
        "sip:bob@127.0.0.13:21200;alias=127.0.0.12~~1;x",
        to_tag="x",
        call_id="n5",
        headers="Route: <sip:127.0.0.1:21200;lr=on;ftag=alice;nat=yes>",
    )
    alice.request(
        "BYE", "sip:127.0.0.1:21200;lr", to_tag="x", call_id="n6", headers="Route: <sip:bob@127.0.0.12:21200>"
    )
    alice.request("ACK", "sip:bob@127.0.0.12:21200", to_tag="x", call_id="n7")
    alice.request("MESSAGE", "sip:bob@127.0.0.12:21200", call_id="n8", max_forwards=0)
    alice.request(
        "OPTIONS",
        "sip:bob@127.0.0.12:21200",
        call_id="n9",
        max_forwards=None,
        headers="Route: <sip:127.0.0.1:21200;lr>",
    )
    scene.settle()
    bob.drain()
