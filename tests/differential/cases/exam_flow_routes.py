r"""What engineers call in branch, failure, reply and event routes, and what each of them says there."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case
from .exam_flow_calls import routes
from .rtpengine import SDP, TYPE

MODULES = "tm tmx sl rr pv xlog textops textopsx siputils kex corex maxfwd usrloc registrar dialog nathelper auth acc uac uac_redirect"
PARAMS = """
modparam("nathelper", "received_avp", "$avp(received)")
modparam("rr", "append_fromtag", 1)
modparam("dialog", "enable_stats", 1)
"""
TIMERS = """
modparam("uac", "restore_mode", "auto")
modparam("tm", "fr_timer", 400)
modparam("tm", "fr_inv_timer", 400)
modparam("tm", "retr_timer1", 5000)
"""


@case(
    PARAMS
    + TIMERS
    + r"""
request_route {
    if (is_method("ACK") && !has_totag()) { t_check_trans(); exit; }
    if (is_method("CANCEL")) { xlog("cancel $T(id_index) <$avp(x)>\n"); t_relay_cancel(); exit; }
    if (has_totag()) { loose_route(); $var(rc) = $rc; xlog("$rm loose $var(rc) <$avp(x)> $dlg_var(n)\n"); if (is_method("BYE")) $dlg_var(n) = "gone"; t_relay(); exit; }
    $avp(x) = "kept"; $xavp(a=>b) = 5; setflag(9); setbflag(3);
    record_route();
    dlg_manage(); $dlg_var(n) = "1";
    t_on_branch("B"); t_on_failure("F"); t_on_reply("R");
    $ru = "sip:bob@127.0.0.12:21200";
    append_branch("sip:carol@127.0.0.13:21200", "0.5");
    append_branch("sip:dave@127.0.0.14:21200");
    xlog("$branch(count) $(branch(uri)[-1]) $(branch(q)[0])\n");
    if (!t_relay()) sl_reply_error();
}
branch_route[B] {
    xlog("B $T_branch_idx $ru <$avp(x)> $xavp(a=>b) $mf $bf $T(id_index) reply <$T_reply_code>\n");
    t_is_branch_route(); xlog("is branch $rc\n");
    if ($T_branch_idx == 1) { uac_replace_from("sip:anonymous@anonymous.invalid"); append_hf("X-Branch: $T_branch_idx\r\n"); add_rr_param(";br=1"); xlog("rr $rc\n"); }
    if ($T_branch_idx == 2) { drop; }
    if ($T_branch_idx == 0) { set_contact_alias(); remove_hf("X-Drop"); $avp(branch) = "zero"; $du = "sip:127.0.0.12:21200"; }
    uac_replace_to("Callee $T_branch_idx", "sip:b$T_branch_idx@example.net"); xlog("to $rc $tu\n");
    record_route(); xlog("record $rc\n");
}
onreply_route[R] {
    t_is_reply_route(); $var(r) = $rc;
    xlog("R $rs $T_branch_idx $var(r) <$avp(x)> <$avp(branch)> $T_req($ru) $T_inv($ci) $T_rpl($rs) in $T_req($ct)\n");
    if (status =~ "18[0-9]") { if ($T_branch_idx == 1) { drop; } append_hf("X-Reply: $T_branch_idx\r\n"); }
    if (status == 486) { setbflag(4); $avp(x) = "busy"; }
    t_is_canceled(); xlog("canceled $rc\n");
}
failure_route[F] {
    t_is_failure_route(); $var(r) = $rc;
    xlog("F $T_reply_code $var(r) <$avp(x)> branch $T_branch_idx $T_reply_ruid any $T_rpl($rr) $T_reply_reason $mf $bf $rs $rm\n");
    t_any_replied(); xlog("replied $rc\n");
    t_any_timeout(); xlog("timeout $rc\n");
    t_branch_timeout(); xlog("branch timeout $rc\n");
    t_branch_replied(); xlog("branch replied $rc\n");
    t_grep_status("486"); xlog("486 $rc\n");
    t_grep_status("999"); xlog("999 $rc\n");
    t_is_expired(); xlog("expired $rc\n");
    get_redirects("*"); xlog("redirects $rc $branch(count)\n");
    uac_auth(); xlog("auth $rc\n");
    is_first_hop(); xlog("first $rc\n");
    if (t_check_status("4..") && $avp(n) == $null) {
        $avp(n) = 1;
        $ru = "sip:last@127.0.0.14:21200"; $du = $null;
        t_on_failure("F");
        t_relay(); xlog("relay $rc\n");
    } else t_reply("$T_reply_code", "Ours $avp(n)");
}
event_route[dialog:failed] { xlog("failed $rm $dlg_var(n) $T_reply_code <$avp(x)>\n"); }
event_route[dialog:start] { xlog("start $rm $rs $dlg_var(n) <$avp(x)>\n"); }
event_route[dialog:end] { xlog("end $rm $dlg_var(n)\n"); }
event_route[tm:local-request] { xlog("local $rm $ru\n"); }
""",
    modules=MODULES,
)
def forks_in_parallel_then_one(scene: Scene) -> None:
    """Two of three branches; both fail, another is tried; then one answers while another rings; then silence."""
    alice, bob, carol, dave = scene.alice, scene.bob, scene.carol, scene.dave
    headers = "X-Drop: 1\nX-Keep: 2"
    invite = alice.request("INVITE", headers=headers)
    alice.expect(100)
    one, two = bob.expect("INVITE"), carol.expect("INVITE")
    two.answer(180, "Ringing", headers="X-B: 1")
    scene.settle()
    one.answer(180, "Ringing")
    alice.expect(180)
    one.answer(486, "Busy Here")
    bob.expect("ACK")
    two.answer(404, "Gone")
    carol.expect("ACK")
    dave.expect("INVITE").answer(
        302, "Moved", headers="Contact: <sip:x@127.0.0.12:21200>, <sip:y@127.0.0.13:21200>;q=0.1"
    )
    dave.expect("ACK")
    alice.ack(invite, alice.expect(302))
    scene.label("failed")
    alice.request("INVITE", call_id="call-2", headers=headers)
    alice.expect(100)
    one, two = bob.expect("INVITE"), carol.expect("INVITE")
    one.answer(183, "Progress")
    alice.expect(183)
    two.answer(200, "OK", headers=f"Contact: <{carol.contact}>")
    ok = alice.expect(200)
    bob.expect("CANCEL").answer(200, "OK")
    one.answer(487, "Terminated")
    bob.expect("ACK")
    alice.request("ACK", carol.contact, to_tag="carol", call_id="call-2", headers=routes(ok))
    carol.expect("ACK")
    alice.request("BYE", carol.contact, to_tag="carol", call_id="call-2", cseq=2, headers=routes(ok))
    carol.expect("BYE").answer(200, "OK")
    alice.expect(200)
    scene.label("answered")
    invite = alice.request("INVITE", call_id="call-3", headers=headers)
    alice.expect(100)
    one = bob.expect("INVITE")
    carol.expect("INVITE").answer(603, "Decline")
    carol.expect("ACK")
    scene.settle()
    one.answer(180, "Ringing")
    bob.expect("CANCEL").answer(200, "OK")
    one.answer(487, "Terminated")
    bob.expect("ACK")
    alice.ack(invite, alice.expect(603))
    scene.label("declined while another is silent as yet")


@case(
    TIMERS
    + r"""
request_route {
    if (is_method("CANCEL|ACK")) { t_relay(); exit; }
    if ($rU == "go") {
        t_newtran();
        $avp(keep) = "go $ci";
        t_suspend(); xlog("suspend $rc\n");
        $shv(index) = $T(id_index); $shv(label) = $T(id_label);
        exit;
    }
    if ($rU == "on") { t_continue("$shv(index)", "$shv(label)", "RESUME"); xlog("continue $rc\n"); sl_send_reply("200", "OK"); exit; }
    if ($rU == "tw") { t_continue("$shv(index)", "$shv(label)", "RESUME"); xlog("continue $rc\n"); t_continue("$shv(index)", "$shv(label)", "RESUME"); xlog("twice $rc\n"); sl_send_reply("200", "OK"); exit; }
    if ($rU == "cc") { t_cancel_callid("$hdr(X-Call)", "1", "9"); xlog("cancel $rc\n"); sl_send_reply("200", "OK"); exit; }
    if ($rU == "re") { t_reply_callid("$hdr(X-Call)", "1", "480", "Told so"); xlog("reply $rc\n"); sl_send_reply("200", "OK"); exit; }
}
route[RESUME] {
    xlog("resume $rm $ci <$avp(keep)> $T(id_index) canceled\n");
    t_is_canceled(); xlog("canceled $rc\n");
    if ($hdr(X-How) == "reply") { t_reply("486", "Later"); xlog("reply $rc\n"); exit; }
    if ($hdr(X-How) == "drop") { exit; }
    t_on_failure("F"); t_on_branch("B"); t_on_reply("R");
    $ru = "sip:bob@127.0.0.12:21200";
    append_branch("sip:carol@127.0.0.13:21200");
    record_route(); xlog("record $rc\n");
    uac_replace_from("sip:late@example.com"); xlog("from $rc\n");
    append_hf("X-Late: 1\r\n");
    t_relay(); xlog("relay $rc\n");
}
branch_route[B] { xlog("B $T_branch_idx $ru $fu\n"); }
onreply_route[R] { xlog("R $rs $fu\n"); }
failure_route[F] {
    xlog("F $T_reply_code <$avp(keep)>\n");
    if (t_is_canceled()) { xlog("F canceled\n"); exit; }
    if ($T_reply_code == 486 && $avp(again) == $null) { $avp(again) = 1; t_suspend(); xlog("suspend $rc\n"); $shv(index) = $T(id_index); $shv(label) = $T(id_label); }
}
""",
    modules="tm tmx sl pv rr xlog textops kex corex uac",
)
def suspended_and_continued(scene: Scene) -> None:
    """A call that waits for another message: continued, continued twice, answered, canceled; commands by Call-ID."""
    alice, bob, carol = scene.alice, scene.bob, scene.carol
    for number, how in enumerate(("relay", "reply", "drop")):
        invite = alice.request("INVITE", "sip:go@example.com", headers=f"X-How: {how}", call_id=f"go-{number}")
        alice.expect(100)
        alice.request("OPTIONS", "sip:tw@example.com", call_id=f"on-{number}")
        scene.settle()
        if how == "relay":
            one, two = bob.expect("INVITE"), carol.expect("INVITE")
            one.answer(486, "Busy Here")
            bob.expect("ACK")
            two.answer(486, "Busy Here")
            carol.expect("ACK")
            scene.settle()
            alice.request("OPTIONS", "sip:on@example.com", call_id="on-again")
            scene.settle()
        scene.label(how)
        alice.ack(invite)
        scene.settle()
    invite = alice.request("INVITE", "sip:go@example.com", call_id="go-9")
    alice.expect(100)
    alice.cancel(invite)
    scene.settle()
    alice.request("OPTIONS", "sip:on@example.com", call_id="on-9")
    scene.settle()
    scene.label("canceled")
    for user in ("cc", "re"):
        alice.request("INVITE", "sip:go@example.com", call_id=f"go-{user}")
        alice.expect(100)
        alice.request("OPTIONS", "sip:on@example.com", call_id=f"on-{user}")
        scene.settle()
        alice.request("OPTIONS", f"sip:{user}@example.com", call_id=f"do-{user}", headers=f"X-Call: go-{user}")
        alice.request("OPTIONS", f"sip:{user}@example.com", call_id=f"no-{user}", headers="X-Call: nobody")
        scene.label(user)


@case(
    TIMERS
    + r"""
modparam("uac", "default_socket", "udp:127.0.0.1:21200")
request_route {
    if (is_method("REFER")) {
        $uac_req(method) = "INVITE"; $uac_req(ruri) = "sip:bob@127.0.0.12:21200"; $uac_req(furi) = $fu; $uac_req(turi) = "sip:bob@example.com";
        $uac_req(hdrs) = "Contact: <sip:us@127.0.0.1:21200>\r\nX-From: $ci\r\n"; $uac_req(body) = $rb; $uac_req(evroute) = 1; $uac_req(evparam) = $ci; $uac_req(callid) = "ours-" + $ci;
        uac_req_send(); xlog("sent $rc <$uac_req(callid)> <$uac_req(hdrs)>\n");
        send_reply("202", "Accepted"); exit;
    }
    if (is_method("OPTIONS")) {
        $uac_req(all) = $null;
        $uac_req(method) = $hdr(X-Method); $uac_req(ruri) = $hdr(X-To); $uac_req(furi) = "sip:us@example.com"; $uac_req(turi) = $tu; $uac_req(ouri) = $hdr(X-Out); $uac_req(evroute) = 1;
        uac_req_send(); xlog("$ci rc $rc\n");
        sl_send_reply("200", "OK"); exit;
    }
    sl_send_reply("405", "No");
}
event_route[uac:reply] {
    xlog("event $uac_req(evcode) type $uac_req(evtype) param <$uac_req(evparam)> $uac_req(method) $uac_req(ruri) <$uac_req(callid)> <$rm> <$rs> <$ct>\n");
    t_is_request_route(); xlog("request route $rc\n");
    if ($uac_req(evcode) == 404) { $uac_req(ruri) = "sip:carol@127.0.0.13:21200"; $uac_req(method) = "MESSAGE"; uac_req_send(); xlog("again $rc\n"); }
}
event_route[tm:local-request] { xlog("local $rm $ru <$hdr(X-From)>\n"); append_hf("X-Local: 1\r\n"); if ($rU == "dropped") { drop; } }
event_route[tm:local-response] { xlog("response $rs $rm\n"); }
""",
    modules="tm tmx sl pv rr xlog textops kex uac corex",
)
def requests_of_the_server(scene: Scene) -> None:
    """A REFER that makes the server call; odd methods and targets; a reply that leads to another request."""
    alice, bob, carol = scene.alice, scene.bob, scene.carol
    alice.request("REFER", headers=TYPE, body=SDP, call_id="r1")
    alice.expect(202)
    invite = bob.expect("INVITE")
    invite.answer(180, "Ringing")
    invite.answer(200, "OK", headers=f"Contact: <{bob.contact}>")
    bob.expect("ACK")
    scene.label("answered")
    alice.request("REFER", call_id="r2")
    alice.expect(202)
    bob.expect("INVITE").answer(404, "No")
    bob.expect("ACK")
    carol.expect("MESSAGE").answer(200, "OK")
    scene.label("refused")
    for number, headers in enumerate(
        (
            "X-Method: MESSAGE\nX-To: sip:bob@127.0.0.12:21200",
            "X-Method: message\nX-To: sip:bob@127.0.0.12:21200",
            "X-Method: FOO\nX-To: sip:bob@127.0.0.12:21200;transport=udp",
            "X-Method: MESSAGE\nX-To: sip:bob@example.com\nX-Out: sip:127.0.0.12:21200;lr",
            "X-Method: MESSAGE\nX-To: bob",
            "X-Method: MESSAGE\nX-To: sip:bob@127.0.0.12:21200\nX-Out: none",
            "X-To: sip:bob@127.0.0.12:21200",
            "X-Method: MESSAGE",
            "X-Method: ACK\nX-To: sip:bob@127.0.0.12:21200",
            "X-Method: MESSAGE\nX-To: sip:dropped@127.0.0.12:21200",
            "X-Method: MESSAGE\nX-To: tel:+4912",
            "X-Method: CANCEL\nX-To: sip:bob@127.0.0.12:21200",
        )
    ):
        alice.request("OPTIONS", headers=headers, call_id=f"o{number}")
        scene.settle()
        for data in scene.world.pending(bob.address):
            text = data.decode("latin-1")
            bob.received.append(text)
            scene.history.append((False, text))
        scene.label(headers.replace("\n", " "))


@case(
    r"""
request_route {
    if (is_method("ACK|CANCEL")) { t_check_trans(); exit; }
    dlg_manage();
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
event_route[dialog:failed] { t_suspend(); xlog("failed $rc $rm\n"); }
event_route[core:worker-one-init] { t_suspend(); xlog("init $rc $rm\n"); }
""",
    modules="tm tmx sl rr pv xlog textops dialog",
)
def nothing_to_suspend(scene: Scene) -> None:
    """t_suspend() in routes that run without a message of their own."""
    invite = scene.alice.request("INVITE")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(404, "No")
    scene.bob.expect("ACK")
    scene.alice.ack(invite, scene.alice.expect(404))
