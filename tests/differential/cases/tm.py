"""Module tm beyond plain calls: ways to cancel, dropped replies, suspended transactions, requests of the proxy's own."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Got, Scene, case

BOB, CAROL, DAVE = "sip:bob@127.0.0.12:21200", "sip:carol@127.0.0.13:21200", "sip:dave@127.0.0.14:21200"
MODULES = "tm sl rr pv xlog textops tmx corex kex"
FORK = f'append_branch("{CAROL}");'
CANCELS = 'if (is_method("CANCEL")) { xlog("CANCEL\\n"); if (t_check_trans()) { t_relay(); } exit; }'
EVERYWHERE = """
    xlog("%s rm $rm rs $rs ru $ru du $du rc $T_reply_code $T_reply_reason br $T_branch_idx n $T_branch(flags) last $T_reply_last\\n");
"""


def _fork(scene: Scene) -> tuple[str, Got, Got]:
    """A call to bob and carol at once."""
    call = scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    return call, scene.bob.expect("INVITE"), scene.carol.expect("INVITE")


def _cancel_mode(mode: int) -> None:
    config = f"""
modparam("tm", "cancel_b_method", {mode})
modparam("tm", "fr_timer", 2000)
request_route {{ {CANCELS} t_on_failure("F"); {FORK} t_relay(); }}
failure_route[F] {{ xlog("failed $T_reply_code\\n"); if (t_is_canceled()) xlog("canceled\\n"); }}
"""

    def play(scene: Scene) -> None:
        call, _, carols = _fork(scene)
        carols.answer(180, "Ringing")
        scene.alice.expect(180)
        scene.alice.cancel(call)
        scene.alice.expect(200)
        scene.carol.expect("CANCEL").answer(200, "OK")
        carols.answer(487, "Request Terminated")
        scene.carol.expect("ACK")
        scene.wait(0.2)

    play.__name__ = f"cancel_b_method_{mode}"
    play.__module__ = __name__
    play.__doc__ = "What happens to the branch that never replied when the caller gives up."
    case(config, modules=MODULES, repeats=True)(play)


for _mode in (0, 1, 2):
    _cancel_mode(_mode)


def _reasons(name: str, parameters: str, script: str = "") -> None:
    def play(scene: Scene) -> None:
        call, bobs, carols = _fork(scene)
        bobs.answer(180, "Ringing")
        carols.answer(180, "Ringing")
        scene.alice.expect(180)
        scene.alice.expect(180)
        request = Got(scene.alice, call)
        scene.alice.send(
            f"CANCEL {BOB} SIP/2.0\nVia: {request.headers('Via')[0]}\nFrom: {request.header('From')}\n"
            f"To: {request.header('To')}\nCall-ID: call-1\nCSeq: 1 CANCEL\nMax-Forwards: 70\nX-More: 1\n"
            'Reason: SIP;cause=200;text="elsewhere"\nReason: Q.850;cause=26\nContent-Length: 0\n\n'
        )
        scene.alice.expect(200)
        for party in (scene.bob, scene.carol):
            party.expect("CANCEL").answer(200, "OK")
        for invite in (bobs, carols):
            invite.answer(487, "Request Terminated")
        scene.settle()

    play.__name__ = name
    play.__module__ = __name__
    play.__doc__ = "The Reason headers of a CANCEL that came, in those that go out."
    case(f"{parameters}\nrequest_route {{ {CANCELS} {script} {FORK} t_relay(); }}", modules=MODULES)(play)


_reasons("reason_of_a_cancel", "")
_reasons("reason_of_a_cancel_not_wanted", 'modparam("tm", "e2e_cancel_reason", 0)')
_reasons("reason_of_a_cancel_not_wanted_this_time", "", 't_set_no_e2e_cancel_reason("1");')


@case(
    f"""
modparam("tm", "local_cancel_reason", 0)
request_route {{ {FORK} t_relay(); }}
""",
    modules=MODULES,
)
def no_reason_in_cancels_of_our_own(scene: Scene) -> None:
    """local_cancel_reason=0."""
    _, bobs, carols = _fork(scene)
    bobs.answer(180, "Ringing")
    carols.answer(200, "OK")
    scene.settle()


@case(
    f"""
request_route {{ {FORK} t_relay(); }}
""",
    modules=MODULES,
)
def a_branch_answers_behind_its_cancel(scene: Scene) -> None:
    """Two 200s: both go through, and the second callee was sent CANCEL."""
    _, bobs, carols = _fork(scene)
    bobs.answer(180, "Ringing")
    carols.answer(200, "OK")
    scene.alice.expect(180)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(481, "No Such Transaction")
    bobs.answer(200, "OK")
    scene.alice.expect(200)


@case(
    f"""
request_route {{ {FORK} t_relay(); }}
""",
    modules=MODULES,
)
def ringing_behind_the_answer(scene: Scene) -> None:
    """A branch that never replied is sent CANCEL once it does."""
    _, bobs, carols = _fork(scene)
    carols.answer(200, "OK")
    scene.alice.expect(200)
    scene.settle()
    bobs.answer(180, "Ringing")
    scene.settle()
    bobs.answer(183, "Progress")
    scene.settle()
    bobs.answer(487, "Request Terminated")
    scene.settle()


def _unmatched(mode: int) -> None:
    def play(scene: Scene) -> None:
        scene.alice.request("CANCEL", BOB)
        scene.settle()
        for party in (scene.alice, scene.bob):
            party.drain()

    play.__name__ = f"unmatched_cancel_{mode}"
    play.__module__ = __name__
    play.__doc__ = "A CANCEL without its INVITE: forwarded with state, without, or dropped."
    case(
        f'modparam("tm", "unmatched_cancel", {mode})\nrequest_route {{ t_relay(); xlog("rc $rc\\n"); }}',
        modules=MODULES,
        repeats=True,
    )(play)


for _mode in (0, 1, 2):
    _unmatched(_mode)


@case(
    """
request_route {
    if (is_method("CANCEL")) { if (t_relay_cancel()) { xlog("relayed $rc\\n"); exit; } xlog("unmatched $rc\\n"); sl_send_reply("481", "None"); exit; }
    t_relay();
    xlog("never for CANCEL\\n");
}
""",
    modules=MODULES,
)
def t_relay_cancel(scene: Scene) -> None:
    """Ends the script when the INVITE is known."""
    scene.carol.request("CANCEL", BOB, call_id="other")
    scene.settle()
    scene.carol.drain()
    scene.bob.drain()
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.cancel(call)
    scene.settle()


@case(
    """
request_route {
    if (is_method("CANCEL")) { $var(r) = t_lookup_cancel(); xlog("lookup $var(r) $T_inv($ru)\\n"); setflag(3); $var(r) = t_lookup_cancel("1"); t_relay(); exit; }
    setflag(7);
    t_relay();
}
""",
    modules=MODULES,
)
def t_lookup_cancel(scene: Scene) -> None:
    """Finds the INVITE of a CANCEL."""
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.cancel(call)
    scene.settle()
    scene.carol.request("CANCEL", BOB, call_id="other")
    scene.settle()


def _dropping(name: str, parameters: str, in_failure: str, second: int) -> None:
    config = f"""
{parameters}
request_route {{ t_on_failure("F"); {FORK} t_relay(); }}
failure_route[F] {{ xlog("failed $T_reply_code\\n"); {in_failure} $ru = "{DAVE}"; t_on_failure("G"); t_relay(); }}
failure_route[G] {{ xlog("failed again $T_reply_code\\n"); }}
"""

    def play(scene: Scene) -> None:
        _, bobs, carols = _fork(scene)
        bobs.answer(404, "Not Found")
        scene.bob.expect("ACK")
        carols.answer(486, "Busy Here")
        scene.carol.expect("ACK")
        scene.dave.expect("INVITE").answer(second, "Again")
        scene.dave.expect("ACK")
        scene.settle()

    play.__name__ = name
    play.__module__ = __name__
    play.__doc__ = "Which replies still count behind a failure route that forks anew."
    case(config, modules=MODULES)(play)


for _mode in (0, 1, 2, 3):
    _dropping(f"failure_reply_mode_{_mode}", f'modparam("tm", "failure_reply_mode", {_mode})', "", 480)
for _which in ("", '"a"', '"n"', '"l"'):
    _dropping(
        f"t_drop_replies_{_which[1:2] or 'plain'}",
        'modparam("tm", "failure_reply_mode", 0)',
        f"t_drop_replies({_which});",
        480,
    )


@case(
    """
request_route { t_on_failure("F"); t_relay(); }
failure_route[F] { t_drop_replies(); }
""",
    modules=MODULES,
)
def t_drop_replies_and_nothing_else(scene: Scene) -> None:
    """No reply is left: the caller gets one all the same."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(404, "Not Found")
    scene.settle()


def _aggregated(name: str, parameters: str) -> None:
    def play(scene: Scene) -> None:
        _, bobs, carols = _fork(scene)
        bobs.answer(401, "Unauthorized", headers='WWW-Authenticate: Digest realm="b", nonce="1"\nX-Bob: 1')
        scene.bob.expect("ACK")
        carols.answer(
            407, "Proxy Authentication Required", headers='Proxy-Authenticate: Digest realm="c", nonce="2"\nX-Carol: 1'
        )
        scene.carol.expect("ACK")
        scene.settle()

    play.__name__ = name
    play.__module__ = __name__
    play.__doc__ = "The challenges of several branches."
    case(f"{parameters}\nrequest_route {{ {FORK} t_relay(); }}", modules=MODULES)(play)


_aggregated("challenges_together", "")
_aggregated("challenges_alone", 'modparam("tm", "aggregate_challenges", 0)')


@case(
    f"""
modparam("tm", "disable_6xx_block", 1)
request_route {{ t_on_failure("F"); {FORK} t_relay(); }}
failure_route[F] {{ xlog("failed $T_reply_code\\n"); $ru = "{DAVE}"; t_relay(); }}
""",
    modules=MODULES,
)
def a_6xx_as_any_other(scene: Scene) -> None:
    """disable_6xx_block=1: the other branches go on."""
    _, bobs, carols = _fork(scene)
    bobs.answer(180, "Ringing")
    carols.answer(603, "Decline")
    scene.carol.expect("ACK")
    scene.settle()
    bobs.answer(404, "Not Found")
    scene.dave.expect("INVITE").answer(486, "Busy Here")
    scene.settle()


@case(
    """
modparam("tm", "remap_503_500", 0)
request_route { t_relay(); }
""",
    modules=MODULES,
)
def a_503_stays(scene: Scene) -> None:
    """remap_503_500=0."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(503, "Overloaded", headers="Retry-After: 5")
    scene.settle()


@case(
    """
modparam("tm", "contacts_avp", "tm_contacts")
modparam("tm", "contact_flows_avp", "tm_contact_flows")
request_route {
    $ru = "sip:bob@127.0.0.12:21200";
    ## bob has no q
    append_branch("sip:carol@127.0.0.13:21200", "0.5");
    append_branch("sip:dave@127.0.0.14:21200", "0.7");
    t_load_contacts();
    xlog("loaded $rc $xavp(tm_contacts[0]=>uri) $xavp(tm_contacts[0]=>q_flag) $xavp(tm_contacts[1]=>uri) $xavp(tm_contacts[2]=>uri)\\n");
    t_next_contacts();
    xlog("first $rc $ru branches $branch(count) rest $xavp(tm_contacts[0]=>uri)\\n");
    t_on_failure("F");
    t_relay();
}
failure_route[F] {
    xlog("failed $T_reply_code\\n");
    if (t_next_contacts()) { xlog("next $rc $ru $branch(count)\\n"); t_on_failure("F"); t_relay(); exit; }
    xlog("no more $rc\\n");
}
""",
    modules=MODULES,
)
def contacts_one_after_the_other(scene: Scene) -> None:
    """By falling q."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    for party in (scene.dave, scene.carol, scene.bob):
        party.expect("INVITE").answer(404, "Not Found")
        party.expect("ACK")
    scene.alice.expect(404)


@case(
    """
modparam("pv", "shvset", "i=i:0")
modparam("pv", "shvset", "l=i:0")
request_route {
    if (is_method("MESSAGE")) {
        xlog("continue $shv(i) found\\n");
        t_continue("$shv(i)", "$shv(l)", "LATER");
        xlog("continued $rc\\n");
        sl_send_reply("202", "Going on");
        exit;
    }
    $avp(x) = "avp";
    $xavp(x=>y) = "xavp";
    setflag(4);
    append_hf("X-Before: 1\\r\\n");
    $var(r) = t_suspend();
    xlog("suspended $var(r)\\n");
    $shv(i) = $T(id_index);
    $shv(l) = $T(id_label);
    exit;
}
route[LATER] {
    xlog("later $rm $ru $si $avp(x) $xavp(x=>y)\\n");
    if (isflagset(4)) xlog("flag\\n");
    if (t_is_request_route()) xlog("request route\\n");
    if (t_is_failure_route()) xlog("failure route\\n");
    append_hf("X-Later: 1\\r\\n");
    t_on_failure("F");
    t_relay();
    xlog("relayed $rc\\n");
}
failure_route[F] { xlog("failed $T_reply_code\\n"); }
""",
    modules=MODULES,
)
def t_suspend_and_t_continue(scene: Scene) -> None:
    """A request waits and goes on in another route."""
    scene.alice.request("INVITE", BOB)
    scene.settle()
    scene.alice.drain()
    scene.carol.request("MESSAGE", BOB, call_id="other")
    scene.carol.expect(202)
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.settle()
    scene.alice.drain()
    scene.carol.request("MESSAGE", BOB, call_id="other-2")
    scene.settle()


@case(
    """
modparam("tm", "fr_timer", 600)
request_route { t_on_failure("F"); t_suspend(); xlog("suspended $rc\\n"); }
failure_route[F] { xlog("failed $T_reply_code\\n"); $ru = "sip:carol@127.0.0.13:21200"; t_relay(); }
""",
    modules=MODULES,
)
def a_suspended_transaction_times_out(scene: Scene) -> None:
    """Nobody continues it: its failure route runs."""
    scene.alice.request("INVITE", BOB)
    scene.wait(1.0)
    scene.carol.expect("INVITE").answer(404, "Not Found")
    scene.settle()


@case(
    """
request_route {
    if ($rU == "two") { t_replicate("sip:127.0.0.13:21200"); xlog("replicated $rc\\n"); sl_send_reply("200", "OK"); exit; }
    t_on_reply("R");
    t_relay();
}
onreply_route[R] { xlog("never\\n"); }
""",
    modules=MODULES,
)
def t_replicate(scene: Scene) -> None:
    """The copy's reply goes nowhere."""
    scene.alice.request("MESSAGE", "sip:two@127.0.0.12:21200")
    scene.carol.expect("MESSAGE").answer(200, "Copy")
    scene.settle()


@case(
    """
request_route {
    switch ($rU) {
        case "host": t_relay("127.0.0.13", "21200"); break;
        case "proto": t_relay_to_udp("127.0.0.13", "21200"); break;
        case "plain": t_relay_to_udp(); break;
        case "nonack": t_forward_nonack("127.0.0.13", "21200"); break;
        case "nonackudp": t_forward_nonack_udp("127.0.0.13", "21200"); break;
        case "to": t_relay_to("0x01"); break;
        case "toproxy": t_relay_to("udp:127.0.0.13:21200"); break;
        case "toflags": t_relay_to("udp:127.0.0.13:21200", "0x07"); break;
        case "du": $du = "sip:127.0.0.13:21200;transport=udp"; t_relay(); break;
    }
    xlog("$rU rc $rc\\n");
}
""",
    modules=MODULES,
)
def ways_to_relay(scene: Scene) -> None:
    """Each names its next hop in its own way."""
    for number, user in enumerate(("host", "proto", "plain", "nonack", "nonackudp", "to", "toproxy", "toflags", "du")):
        scene.alice.request("INVITE", f"sip:{user}@127.0.0.12:21200", call_id=f"call-{number}")
        scene.settle()
        scene.label(user)


@case(
    """
request_route {
    if (t_precheck_trans()) { xlog("precheck $rc\\n"); }
    $var(r) = t_check_trans();
    xlog("$rm check $var(r) in $T(id_index)\\n");
    if (!t_newtran()) { xlog("newtran failed\\n"); exit; }
    xlog("status $T_reply_code lookup\\n");
    if (t_lookup_request()) xlog("lookup request\\n");
    if (t_is_canceled()) xlog("canceled\\n");
    $var(r) = t_get_status_code();
    xlog("status code $var(r)\\n");
    t_reply("180", "One"); t_reply("183", "Two");
    $var(r) = t_get_status_code();
    xlog("status code $var(r)\\n");
    $var(r) = t_newtran();
    xlog("again $var(r)\\n");
    t_set_auto_inv_100("0");
    t_reply("600", "$rU and more");
    $var(r) = t_release();
    xlog("released $var(r)\\n");
}
""",
    modules=MODULES,
)
def states_of_a_transaction_as_script_sees_them(scene: Scene) -> None:
    """t_check_trans, t_newtran, t_lookup_request, t_is_..., t_release."""
    call = scene.alice.request("INVITE", BOB)
    scene.settle()
    scene.alice.send(call)
    scene.settle()
    scene.alice.drain()


@case(
    f"""
request_route {{ t_on_failure("F"); t_on_reply("R"); {FORK} t_relay(); }}
onreply_route[R] {{
    if (t_grep_status("180")) xlog("some 180\\n");
    if (t_check_status("18[0-9]")) xlog("18x\\n");
    if (t_any_timeout()) xlog("any timeout\\n");
    if (t_any_replied()) xlog("any replied\\n");
    xlog("last $T_reply_last $T_branch_idx\\n");
}}
failure_route[F] {{
    if (t_grep_status("404")) xlog("some 404\\n");
    if (t_grep_status("500")) xlog("some 500\\n");
    if (t_check_status("4..")) xlog("4xx\\n");
    if (t_check_status("486")) xlog("486\\n");
    xlog("$T_reply_code $T_reply_reason last $T_reply_last idx $T_branch_idx\\n");
}}
""",
    modules=MODULES,
)
def what_replies_came(scene: Scene) -> None:
    """t_grep_status, t_check_status, t_any_*, t_branch_*."""
    _, bobs, carols = _fork(scene)
    bobs.answer(180, "Ringing")
    scene.settle()
    carols.answer(404, "Not Found")
    scene.carol.expect("ACK")
    scene.settle()
    bobs.answer(486, "Busy Here")
    scene.settle()


@case(
    """
request_route {
    if (is_method("ACK")) { xlog("ACK $T(id_index)\\n"); }
    $var(t) = @tm;
    xlog("$var(t)\\n");
    t_on_reply("R"); t_on_failure("F");
    t_relay();
    $var(t) = @tm; $var(m) = @tm.method; $var(c) = @tm.uac.count; $var(s) = @tm.uas.status; $var(u) = @tm.uac[0].uri;
    xlog("$var(t) $var(m) count $var(c) status $var(s) uri $var(u)\\n");
    if (@tm.uac[0].request =~ "^INVITE sip:bob") xlog("request\\n");
    if (@tm.uas.request =~ "^INVITE sip:bob") xlog("uas request\\n");
    if (@tm.uas.response =~ "^SIP/2.0 100") xlog("response\\n");
}
onreply_route[R] {
    $var(s) = @tm.uac[0].status; $var(l) = @tm.uac.last_status; $var(r) = @tm.uac.response_retransmission; $var(x) = @tm.uac.relayed;
    xlog("status $var(s) last $var(l) retr $var(r) relayed $var(x)\\n");
}
failure_route[F] {
    $var(s) = @tm.uas.status; $var(l) = @tm.uas.local_to_tag; $var(x) = @tm.uac.relayed;
    xlog("uas $var(s) relayed $var(x) tag $var(l)\\n");
    if (@tm.uac[0].response =~ "^SIP/2.0 404") xlog("response\\n");
}
""",
    modules=MODULES,
)
def selects(scene: Scene) -> None:
    """@tm and what hangs on it."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing")
    scene.settle()
    invite.answer(180, "Ringing")
    scene.settle()
    invite.answer(404, "Not Found")
    scene.settle()


@case(
    """
request_route { t_relay(); }
reply_route { xlog("reply $rs\\n"); }
""",
    modules=MODULES,
)
def without_the_magic_cookie(scene: Scene) -> None:
    """RFC 2543 matching: retransmissions, CANCEL and ACK of a client without z9hG4bK."""
    via = "Via: SIP/2.0/UDP 127.0.0.11:21200"
    rest = "From: <sip:alice@example.com>;tag=a\nCall-ID: old\nMax-Forwards: 70\nContent-Length: 0\n"
    invite = f"INVITE {BOB} SIP/2.0\n{via}\n{rest.replace('Content', 'To: <sip:bob@example.com>' + chr(10) + 'CSeq: 7 INVITE' + chr(10) + 'Content')}\n"
    scene.alice.send(invite)
    got = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    scene.alice.send(invite)
    scene.alice.expect(100)
    got.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.send(invite.replace("INVITE sip", "CANCEL sip").replace("7 INVITE", "7 CANCEL"))
    scene.settle()
    got.answer(487, "Request Terminated")
    scene.settle()
    scene.alice.drain()
    scene.bob.drain()
    ack = invite.replace("INVITE sip", "ACK sip").replace("7 INVITE", "7 ACK")
    scene.alice.send(ack.replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=bob"))
    scene.wait(0.7)


@case(
    """
request_route { t_relay(); }
event_route[tm:local-request] { xlog("local $rm $ru $fu $tu $ci $hdr(X-A)\\n"); append_hf("X-Local: 1\\r\\n"); remove_hf("X-Gone"); t_on_reply("R"); $avp(a) = 1; }
onreply_route[R] { xlog("reply $rs $avp(a)\\n"); }
""",
    modules=MODULES,
)
def requests_by_rpc(scene: Scene) -> None:
    """tm.t_uac_start: what is accepted, what is filled in."""
    head = "From: <sip:proxy@example.com>;tag=p\r\nTo: <sip:bob@example.com>\r\n"
    start = "tm.t_uac_start"
    scene.rpc(start, "OPTIONS", BOB, "", "", head + "Call-ID: mine\r\nCSeq: 5 OPTIONS\r\nX-A: 1\r\nX-Gone: 1\r\n", "")
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.label("plain")
    scene.rpc(
        start,
        "MESSAGE",
        "sip:bob@example.com",
        CAROL,
        "",
        head + "Call-ID: m2\r\nContent-Type: text/plain\r\n",
        "hello",
    )
    scene.carol.expect("MESSAGE").answer(202, "Accepted")
    scene.label("with next hop and body")
    scene.rpc(start, "OPTIONS", BOB, ".", "udp:127.0.0.1:21200", head + "Call-ID: m3\r\nContact: <sip:!!>\r\n", "")
    scene.bob.expect("OPTIONS").answer(404, "Not Found")
    scene.label("with socket")
    for arguments in (
        ("OPTIONS", BOB, "", "", "To: <sip:bob@example.com>\r\n", ""),
        ("OPTIONS", BOB, "", "", "From: <sip:bob@example.com>\r\n", ""),
        ("OPTIONS", "nonsense", "", "", head, ""),
        ("OPTIONS", BOB, "nonsense", "", head, ""),
        ("OPTIONS", BOB, "", "udp:127.0.0.1:1", head, ""),
        ("OPTIONS", BOB, "", "", head + "CSeq: 1 INVITE\r\n", ""),
        ("OPTIONS", BOB, "", "", head, "body"),
        ("OPTIONS", BOB, "", "", head + "Content-Length: 4\r\nContent-Type: text/plain\r\n", "body"),
        ("OPTIONS", BOB, "", "", "nonsense\r\n", ""),
    ):
        scene.rpc(start, *arguments)
    scene.settle()


@case(
    """
request_route { xlog("$rm\\n"); t_relay(); }
event_route[tm:local-request] { xlog("local $rm $ru\\n"); }
event_route[tm:local-response] { xlog("local response $rs\\n"); }
""",
    modules=MODULES,
    differs={"dave/0/3": "5.6.3 writes `CSCall-ID:` into the ACK of its own INVITE", "dave/1/3": "as above"},
)
def an_invite_by_rpc(scene: Scene) -> None:
    """Its ACK is sent along the route set of the 200."""
    head = "From: <sip:proxy@example.com>;tag=p\r\nTo: <sip:bob@example.com>\r\nCall-ID: mine\r\nContact: <sip:me@127.0.0.1:21200>\r\n"
    scene.rpc("tm.t_uac_start", "INVITE", BOB, "", "", head, "")
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing")
    scene.settle()
    invite.answer(
        200,
        "OK",
        headers="Contact: <sip:bob2@127.0.0.12:21200>\nRecord-Route: <sip:127.0.0.13:21200;lr>, <sip:127.0.0.14:21200;lr>",
    )
    scene.settle()
    invite.answer(
        200,
        "OK",
        headers="Contact: <sip:bob2@127.0.0.12:21200>\nRecord-Route: <sip:127.0.0.13:21200;lr>, <sip:127.0.0.14:21200;lr>",
    )
    scene.settle()
    for party in (scene.bob, scene.carol, scene.dave):
        party.drain()


@case(
    """
request_route { t_relay(); xlog("index $T(id_index)\\n"); }
""",
    modules=MODULES,
)
def commands(scene: Scene) -> None:
    """tm.stats, tm.cancel, tm.reply and their refusals."""
    scene.rpc("tm.stats")
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.rpc("tm.stats")
    scene.rpc("tm.cancel", "nobody", "1 INVITE")
    scene.rpc("tm.cancel", "call-1", "9")
    scene.rpc("tm.cancel", "call-1", "1")
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.settle()
    scene.rpc("tm.reply", 480, "Gone", "1:1", "tag", "")
    scene.rpc("tm.reply", 480, "Gone", "nonsense", "tag", "")
    scene.rpc("tm.reply_callid", 480, "Gone", "nobody", "1", "tag")
    scene.rpc("tm.clean")
    scene.rpc("tm.stats")


@case(
    """
request_route {
    if (is_method("MESSAGE")) {
        switch ($rU) {
            case "reply": t_reply_callid("call-1", "1", "486", "By another"); break;
            case "cancel": t_cancel_callid("call-1", "1", "0", "603"); break;
            case "none": t_reply_callid("nobody", "1", "486", "By another"); break;
        }
        xlog("$rU $rc\\n");
        sl_send_reply("200", "OK");
        exit;
    }
    t_on_failure("F");
    t_relay();
}
failure_route[F] { xlog("failed $T_reply_code\\n"); if (t_is_canceled()) xlog("canceled\\n"); }
""",
    modules=MODULES,
)
def a_transaction_dealt_with_from_outside(scene: Scene) -> None:
    """t_reply_callid and t_cancel_callid."""
    for name in ("none", "cancel", "reply"):
        scene.alice.request("INVITE", BOB, call_id="call-1", branch=f"z9hG4bK-{name}", cseq=1)
        invite = scene.bob.expect("INVITE")
        invite.answer(180, "Ringing")
        scene.settle()
        scene.carol.request("MESSAGE", f"sip:{name}@example.com", call_id=f"other-{name}")
        scene.settle()
        if name != "none":
            invite.answer(487, "Request Terminated")
            scene.settle()
        scene.label(name)
        if name == "none":
            invite.answer(404, "Not Found")
            scene.label("behind none")


@case(
    """
request_route {
    t_on_reply("R");
    append_branch("sip:carol@127.0.0.13:21200");
    append_branch("sip:dave@127.0.0.14:21200");
    t_relay();
}
onreply_route[R] {
    xlog("$rs on $T_branch_idx\\n");
    if ($rs == 183) { t_cancel_branches("others"); xlog("rc $rc\\n"); }
    if ($rs == 182) { t_cancel_branches("this"); xlog("rc $rc\\n"); }
}
""",
    modules=MODULES,
)
def t_cancel_branches(scene: Scene) -> None:
    """Others, or this one."""
    _, bobs, carols = _fork(scene)
    daves = scene.dave.expect("INVITE")
    for invite in (bobs, carols, daves):
        invite.answer(180, "Ringing")
        scene.settle()
    scene.label("ringing")
    daves.answer(182, "Queued")
    scene.label("this")
    bobs.answer(183, "Progress")
    scene.label("others")


@case(
    """
request_route {
    t_set_fr(2000, 300);
    t_set_retr(100, 200);
    t_on_failure("F");
    if ($rU == "max") { t_set_max_lifetime(300, 300); t_set_fr(5000, 5000); }
    if ($rU == "reset") { t_set_fr(100, 100); t_reset_fr(); t_reset_retr(); t_reset_max_lifetime(); }
    t_relay();
}
failure_route[F] { xlog("failed $T_reply_code\\n"); if (t_is_expired()) xlog("expired\\n"); }
""",
    modules=MODULES,
    repeats=True,
)
def timers_by_script(scene: Scene) -> None:
    """t_set_fr, t_set_retr, t_set_max_lifetime."""
    for user in ("fr", "max"):
        scene.alice.request("INVITE", f"sip:{user}@127.0.0.12:21200", call_id=user)
        scene.bob.expect("INVITE")
        scene.wait(1.5)
        scene.label(user)


@case(
    """
modparam("tm", "on_sl_reply", "SL")
request_route { t_relay(); }
onreply_route[SL] { xlog("stray $rs\\n"); if ($rs == 200) drop; }
""",
    modules=MODULES,
)
def on_sl_reply(scene: Scene) -> None:
    """Replies without transaction have a route of their own."""
    for code in (180, 200):
        scene.bob.send(
            f"SIP/2.0 {code} Stray\nVia: SIP/2.0/UDP 127.0.0.1:21200;branch=z9hG4bK-unknown\n"
            "Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\n"
            "Call-ID: stray\nCSeq: 1 INVITE\nContent-Length: 0\n\n"
        )
        scene.settle()
    scene.alice.drain()


@case(
    """
modparam("tm", "rich_redirect", 3)
request_route {
    $ru = "sip:new@127.0.0.12:21200";
    setbflag(3);
    append_branch("sip:other@127.0.0.13:21200", "0.3");
    if ($rU == "new") t_newtran();
    t_reply("302", "Moved");
    xlog("rc $rc\\n");
}
""",
    modules=MODULES,
)
def a_redirect_of_our_own(scene: Scene) -> None:
    """The Contact of a 3xx lists the destination set."""
    scene.alice.request("INVITE", BOB)
    scene.settle()
    scene.alice.drain()


@case(
    """
request_route { t_on_failure("F"); t_relay(); }
failure_route[F] {
    $ru = "sip:new@127.0.0.13:21200";
    append_branch("sip:other@127.0.0.14:21200", "0.3");
    append_to_reply("X-Reply: 1\\r\\n");
    t_reply("302", "Moved");
    xlog("rc $rc\\n");
}
""",
    modules=MODULES,
)
def a_redirect_in_failure_route(scene: Scene) -> None:
    """The destination set made in the failure route."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(404, "Not Found")
    scene.settle()


@case(
    """
request_route {
    $ru = "sip:bob2@127.0.0.12:21200";
    t_on_branch("B"); t_on_failure("F");
    append_hf("X-Early: 1\\r\\n");
    t_newtran();
    append_hf("X-Newtran: 1\\r\\n");
    if ($fU == "save") t_save_lumps();
    setflag(9);
    t_relay();
    xlog("$rc\\n");
}
branch_route[B] { xlog("branch $ru $du $T_branch_idx\\n"); $du = "sip:127.0.0.13:21200"; append_hf("X-Branch: 1\\r\\n"); }
failure_route[F] {
    xlog("failed $ru $du flag\\n");
    if (isflagset(9)) xlog("flag 9\\n");
    append_hf("X-Failure: 1\\r\\n");
    t_on_branch("C");
    $ru = "sip:dave@127.0.0.14:21200";
    t_relay();
}
branch_route[C] { xlog("branch $ru $du $T_branch_idx\\n"); }
""",
    modules=MODULES,
)
def edits_around_t_newtran(scene: Scene) -> None:
    """What was edited before and behind t_newtran, with and without t_save_lumps."""
    for number, user in enumerate(("alice", "save")):
        scene.alice.request("INVITE", BOB, call_id=f"call-{number}", from_=f"<sip:{user}@example.com>")
        scene.carol.expect("INVITE").answer(404, "Not Found")
        scene.carol.expect("ACK")
        scene.dave.expect("INVITE").answer(404, "Not Found")
        scene.dave.expect("ACK")
        scene.label(user)


@case(
    """
request_route {
    $var(text) = "4xx"; $var(code) = 480; $var(reason) = ""; $var(low) = 99;
    t_newtran();
    t_reply("$var(none)", "x");
    xlog("rc $rc\\n");
    t_reply("$var(low)", "x");
    xlog("rc $rc\\n");
    t_reply("$var(text)", "x");
    xlog("rc $rc\\n");
    t_reply("$var(code)", "$var(reason)");
    xlog("rc $rc\\n");
}
""",
    modules=MODULES,
)
def odd_codes_for_t_reply(scene: Scene) -> None:
    """No value, no number, no reason."""
    scene.alice.request("INVITE", BOB)
    scene.settle()
    scene.alice.drain()


@case(
    """
request_route {
    if (is_method("ACK")) { xlog("ACK\\n"); exit; }
    sl_send_reply("404", "Nobody");
}
event_route[sl:filtered-ack] { xlog("filtered $rm $ru\\n"); }
event_route[sl:local-response] { xlog("local $rs $rr\\n"); append_hf("X-SL: 1\\r\\n"); }
""",
    modules=MODULES,
)
def event_routes_of_sl(scene: Scene) -> None:
    """The ACK of a stateless reply never reaches the script."""
    call = scene.alice.request("INVITE", BOB)
    reply = scene.alice.expect(404)
    scene.alice.ack(call, reply)
    scene.settle()
    scene.alice.request("ACK", BOB, to_tag="other")
    scene.settle()
    scene.rpc("sl.stats")


@case(
    """
request_route {
    t_newtran();
    t_on_failure("F");
    t_on_reply("R");
    t_relay();
}
onreply_route[R] {
    if ($rs == 183) { change_reply_status(180, "Changed"); append_hf("X-R: 1\\r\\n"); }
    if ($rs == 404) { change_reply_status(486, "Changed"); }
}
failure_route[F] { xlog("failed $T_reply_code $T_rpl($rs)\\n"); }
""",
    modules=MODULES + " textopsx",
)
def a_changed_reply(scene: Scene) -> None:
    """change_reply_status in an onreply_route counts for what follows."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    invite.answer(183, "Progress")
    scene.settle()
    invite.answer(404, "Not Found")
    scene.settle()


@case(
    modules="tm sl tmx pv xlog",
    config="""request_route {
$du = "sip:127.0.0.12:21200"; t_on_reply("R"); t_relay();
}
reply_route { xlog("before $T_branch_idx, $T_req($rm), after $T_branch_idx\\n"); }
onreply_route[R] { xlog("named $T_branch_idx\\n"); }
""",
)
def no_branch_in_reply_route(scene: Scene) -> None:
    """Not even when a variable has looked for the transaction."""
    scene.alice.request("INVITE")
    scene.bob.expect("INVITE").answer(180, "Ringing")
    scene.settle()
