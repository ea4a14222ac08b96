"""Module tm: relaying, forking, failure and reply routes, CANCEL, timeouts, replies of the proxy's own."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case

BOB = "sip:bob@127.0.0.12:21200"
CAROL = "sip:carol@127.0.0.13:21200"
DAVE = "sip:dave@127.0.0.14:21200"
MODULES = "tm sl pv xlog textops tmx corex"
RELAY = 'request_route { xlog("request $rm $ru\\n"); t_relay(); }\nreply_route { xlog("reply $rs $rm\\n"); }'


@case(RELAY, modules=MODULES)
def a_call_with_200(scene: Scene) -> None:
    """100 from the proxy, 180 and 200 pass, the ACK of a 2xx is a request of its own."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(100, "Trying")
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    invite.answer(200, "OK", body="v=0\n")
    scene.alice.expect(200)
    scene.alice.request("ACK", BOB, to_tag="bob")
    scene.bob.expect("ACK")
    scene.alice.request("BYE", BOB, to_tag="bob", cseq=2)
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)


@case(RELAY, modules=MODULES)
def a_call_refused(scene: Scene) -> None:
    """The proxy acknowledges a non-2xx itself and absorbs the caller's ACK."""
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(486, "Busy Here", headers="X-Why: busy")
    scene.bob.expect("ACK")
    busy = scene.alice.expect(486)
    scene.alice.ack(call, busy)
    scene.settle()


@case(RELAY, modules=MODULES)
def retransmissions_are_absorbed(scene: Scene) -> None:
    """A repeated request gets the last reply again, a repeated final reply the ACK again."""
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    scene.alice.send(call)
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.send(call)
    scene.alice.expect(180)
    invite.answer(404, "Not Found")
    scene.bob.expect("ACK")
    scene.alice.expect(404)
    invite.answer(404, "Not Found")
    scene.bob.expect("ACK")
    scene.alice.send(call)
    missing = scene.alice.expect(404)
    scene.alice.ack(call, missing)
    scene.alice.ack(call, missing)
    options = scene.alice.request("OPTIONS", BOB, call_id="call-2")
    question = scene.bob.expect("OPTIONS")
    scene.alice.send(options)
    scene.settle()
    question.answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.send(options)
    scene.alice.expect(200)


@case(RELAY, modules=MODULES)
def a_2xx_may_come_again(scene: Scene) -> None:
    """A retransmitted 200 for an INVITE passes each time."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(200, "OK")
    scene.alice.expect(200)
    invite.answer(200, "OK")
    scene.alice.expect(200)
    invite.answer(180, "Ringing")
    scene.settle()


@case('modparam("tm", "auto_inv_100", 0)\n' + RELAY, modules=MODULES)
def without_100(scene: Scene) -> None:
    """auto_inv_100=0 leaves the 100 off."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(200, "OK")
    scene.alice.expect(200)


@case('modparam("tm", "auto_inv_100_reason", "Working On It")\n' + RELAY, modules=MODULES)
def another_reason_for_100(scene: Scene) -> None:
    """auto_inv_100_reason."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)


CANCELLED = """
request_route {
    if (is_method("CANCEL")) {
        xlog("cancel t_check_trans\\n");
        if (t_check_trans()) { xlog("relay it\\n"); t_relay(); }
        exit;
    }
    t_on_failure("F");
    t_relay();
}
failure_route[F] {
    xlog("failure $T_reply_code canceled\\n");
    if (t_is_canceled()) { xlog("t_is_canceled\\n"); exit; }
}
reply_route { xlog("reply $rs $rm $cs\\n"); }
"""


@case(CANCELLED, modules=MODULES)
def cancel_while_ringing(scene: Scene) -> None:
    """200 for the CANCEL, a CANCEL of the proxy's own to the called, 487 back."""
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.cancel(call)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    gone = scene.alice.expect(487)
    scene.alice.ack(call, gone)


@case(CANCELLED, modules=MODULES)
def cancel_before_any_reply(scene: Scene) -> None:
    """The CANCEL waits for a provisional reply of the called."""
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    scene.alice.cancel(call)
    scene.alice.expect(200)
    scene.settle()
    invite.answer(180, "Ringing")
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.settle()


@case(CANCELLED, modules=MODULES)
def cancel_without_a_transaction(scene: Scene) -> None:
    """t_check_trans finds nothing."""
    call = scene.alice.request("INVITE", BOB, branch="z9hG4bK-one")
    scene.bob.expect("INVITE")
    scene.alice.expect(100)
    scene.alice.cancel(call.replace("z9hG4bK-one", "z9hG4bK-two"))
    scene.settle()


@case('request_route { if (is_method("CANCEL")) { t_relay(); exit; } t_relay(); }', modules=MODULES)
def cancel_relayed_without_t_check_trans(scene: Scene) -> None:
    """t_relay of a CANCEL finds the INVITE by itself."""
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(183, "Progress")
    scene.alice.expect(183)
    scene.alice.cancel(call)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")


@case(CANCELLED, modules=MODULES)
def cancel_after_the_answer(scene: Scene) -> None:
    """Too late: 200 for the CANCEL, nothing for the called."""
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.cancel(call)
    scene.alice.expect(200)
    scene.settle()


FORK = """
request_route {
    t_on_branch("B");
    t_on_reply("R");
    t_on_failure("F");
    $ru = "sip:bob@127.0.0.12:21200";
    append_branch("sip:carol@127.0.0.13:21200");
    t_relay();
}
branch_route[B] {
    xlog("branch $T_branch_idx $ru\\n");
    append_hf("X-Branch: $T_branch_idx\\r\\n");
    if ($rU == "dropped") drop;
}
onreply_route[R] { xlog("onreply $rs branch $T_branch_idx $T_reply_code\\n"); }
reply_route { xlog("reply $rs $T_branch_idx\\n"); }
failure_route[F] {
    xlog("failure $T_reply_code $rs ru $ru rm $rm ft $ft\\n");
    if (t_check_status("486|603")) xlog("status 486 or 603\\n");
    if (t_branch_timeout()) xlog("branch timeout\\n");
    if (t_branch_replied()) xlog("branch replied\\n");
    if (t_any_timeout()) xlog("any timeout\\n");
    if (t_any_replied()) xlog("any replied\\n");
}
"""


@case(FORK, modules=MODULES)
def parallel_forking_one_answers(scene: Scene) -> None:
    """The first 2xx cancels the other branch."""
    call = scene.alice.request("INVITE", "sip:team@example.com")
    bob = scene.bob.expect("INVITE")
    carol = scene.carol.expect("INVITE")
    scene.alice.expect(100)
    bob.answer(180, "Ringing")
    scene.alice.expect(180)
    carol.answer(180, "Ringing")
    scene.alice.expect(180)
    carol.answer(200, "OK")
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    bob.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.alice.send(call)
    scene.settle()


@case(FORK, modules=MODULES)
def parallel_forking_all_fail(scene: Scene) -> None:
    """The best reply goes back once all branches are final; failure_route runs once."""
    call = scene.alice.request("INVITE", "sip:team@example.com")
    bob = scene.bob.expect("INVITE")
    carol = scene.carol.expect("INVITE")
    scene.alice.expect(100)
    bob.answer(404, "Not Found")
    scene.bob.expect("ACK")
    scene.settle()
    carol.answer(486, "Busy Here")
    scene.carol.expect("ACK")
    best = scene.alice.expect(404)
    scene.alice.ack(call, best)


@case(FORK, modules=MODULES)
def parallel_forking_6xx_ends_all(scene: Scene) -> None:
    """A 6xx cancels the rest and wins."""
    scene.alice.request("INVITE", "sip:team@example.com")
    bob = scene.bob.expect("INVITE")
    carol = scene.carol.expect("INVITE")
    scene.alice.expect(100)
    bob.answer(180, "Ringing")
    scene.alice.expect(180)
    carol.answer(603, "Decline")
    scene.carol.expect("ACK")
    scene.bob.expect("CANCEL").answer(200, "OK")
    bob.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.alice.expect(603)


def _best(name: str, bob: int, carol: int, doc: str) -> None:
    def play(scene: Scene) -> None:
        scene.alice.request("INVITE", "sip:team@example.com")
        first = scene.bob.expect("INVITE")
        second = scene.carol.expect("INVITE")
        scene.alice.expect(100)
        first.answer(bob, f"Reason {bob}", headers="WWW-Authenticate: B" if bob in (401, 407) else "")
        scene.bob.expect("ACK")
        scene.settle()
        second.answer(carol, f"Reason {carol}", headers="Proxy-Authenticate: C" if carol in (401, 407) else "")
        scene.carol.expect("ACK")
        scene.settle()

    play.__name__, play.__doc__ = name, doc
    case(FORK, modules=MODULES)(play)


for _bob, _carol in ((486, 404), (503, 486), (302, 404), (408, 486), (401, 407), (487, 500), (404, 401), (483, 415)):
    _best(f"best_reply_of_{_bob}_and_{_carol}", _bob, _carol, "Which of two final replies goes back.")


@case(
    """
request_route { t_on_failure("F"); t_on_branch("B"); t_relay(); }
branch_route[B] { xlog("branch $T_branch_idx $ru\\n"); }
failure_route[F] {
    xlog("failed $T_reply_code idx $T_branch_idx ru $ru\\n");
    if ($T_reply_code == 486) {
        $ru = "sip:carol@127.0.0.13:21200";
        append_hf("X-Second: yes\\r\\n");
        t_on_failure("G");
        t_relay();
        xlog("relayed rc $rc\\n");
    }
}
failure_route[G] {
    xlog("G $T_reply_code ru $ru\\n");
    t_reply("480", "Nobody $rU");
}
""",
    modules=MODULES,
)
def serial_forking_from_failure_route(scene: Scene) -> None:
    """A new branch from failure_route; the request there is as it came, and the next failure_route has the last word."""
    call = scene.alice.request("INVITE", BOB)
    bob = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    bob.answer(486, "Busy Here")
    scene.bob.expect("ACK")
    carol = scene.carol.expect("INVITE")
    carol.answer(180, "Ringing")
    scene.alice.expect(180)
    carol.answer(404, "Not Found")
    scene.carol.expect("ACK")
    gone = scene.alice.expect(480)
    scene.alice.ack(call, gone)


@case(
    """
modparam("tm", "contacts_avp", "tm_contacts")
modparam("tm", "contact_flows_avp", "tm_contact_flows")
request_route {
    $ru = "sip:bob@127.0.0.12:21200";
    append_branch("sip:carol@127.0.0.13:21200", "0.5");
    append_branch("sip:dave@127.0.0.14:21200", "0.5");
    t_load_contacts();
    t_next_contacts();
    t_on_failure("F");
    xlog("first $ru\\n");
    t_relay();
}
failure_route[F] {
    xlog("failed $T_reply_code\\n");
    if (t_next_contacts()) { xlog("next $ru\\n"); t_on_failure("F"); t_relay(); }
}
""",
    modules="tm sl pv xlog textops tmx corex kex",
)
def t_load_contacts_and_t_next_contacts(scene: Scene) -> None:
    """Contacts are tried by falling q, equal ones in parallel."""
    scene.alice.request("INVITE", BOB)
    scene.settle()
    for party in (scene.bob, scene.carol, scene.dave):
        party.drain()


@case(
    """
request_route {
    switch ($rU) {
        case "reply": t_newtran(); t_reply("404", "Nobody"); exit;
        case "stateless": t_reply("486", "Without newtran"); xlog("rc $rc\\n"); exit;
        case "send": send_reply("480", "By send_reply"); exit;
        case "newsend": t_newtran(); send_reply("480", "Stateful send_reply"); exit;
        case "twice": t_newtran(); t_reply("183", "One"); t_reply("200", "Two"); t_reply("500", "Three"); xlog("rc $rc\\n"); exit;
        case "headers": append_to_reply("X-Mine: 1\\r\\n"); t_newtran(); t_reply("302", "Moved"); exit;
        case "newtwice": t_newtran(); xlog("first $rc\\n"); t_newtran(); xlog("second $rc\\n"); t_reply("200", "OK"); exit;
        case "silent": t_newtran(); t_release(); exit;
    }
}
""",
    modules=MODULES,
)
def t_newtran_and_t_reply(scene: Scene) -> None:
    """Replies with a transaction; a repeated request is answered by the transaction."""
    for number, user in enumerate(
        ["reply", "stateless", "send", "newsend", "twice", "headers", "newtwice", "silent"], 1
    ):
        text = scene.alice.request("OPTIONS", f"sip:{user}@example.com", call_id=f"call-{number}")
        scene.settle()
        scene.alice.send(text)
        scene.settle()


@case(
    """
request_route {
    if (is_method("ACK")) { xlog("ack t_check_trans\\n"); if (t_check_trans()) xlog("found\\n"); exit; }
    t_newtran();
    t_reply("486", "Busy");
}
""",
    modules=MODULES,
)
def an_ack_for_a_reply_of_ours(scene: Scene) -> None:
    """The script sees the ACK of a negative reply, t_check_trans takes it in and ends the script there."""
    call = scene.alice.request("INVITE", BOB)
    busy = scene.alice.expect(486)
    scene.alice.ack(call, busy)
    scene.settle()
    scene.alice.request("ACK", BOB, to_tag="other", branch="z9hG4bK-new")
    scene.settle()


TIMEOUT = """
modparam("tm", "fr_timer", 400)
modparam("tm", "fr_inv_timer", 800)
modparam("tm", "retr_timer1", 150)
modparam("tm", "retr_timer2", 300)
request_route { t_on_failure("F"); t_relay(); }
failure_route[F] {
    xlog("failure $T_reply_code\\n");
    if (t_branch_timeout()) xlog("branch timeout\\n");
    if (t_branch_replied()) xlog("branch replied\\n");
    if (t_any_timeout()) xlog("any timeout\\n");
    if (t_any_replied()) xlog("any replied\\n");
    if (t_is_expired()) xlog("expired\\n");
}
"""


@case(TIMEOUT, modules=MODULES, repeats=True)
def nobody_answers(scene: Scene) -> None:
    """The request is repeated, then 408."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE")
    scene.alice.expect(100)
    scene.alice.expect(408)


@case(TIMEOUT, modules=MODULES, repeats=True)
def nobody_answers_a_non_invite(scene: Scene) -> None:
    """Likewise for OPTIONS, without 100."""
    scene.alice.request("OPTIONS", BOB)
    scene.bob.expect("OPTIONS")
    scene.alice.expect(408)


@case(TIMEOUT, modules=MODULES, repeats=True)
def ringing_too_long(scene: Scene) -> None:
    """fr_inv_timer: CANCEL to the called, 408 to the caller."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.bob.expect("CANCEL").answer(200, "OK")
    scene.alice.expect(408)
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")


@case(
    """
request_route {
    t_set_fr(600, 300);
    t_on_failure("F");
    t_relay();
}
failure_route[F] { xlog("failure $T_reply_code\\n"); $ru = "sip:carol@127.0.0.13:21200"; t_reset_fr(); t_relay(); }
""",
    modules=MODULES,
    repeats=True,
)
def a_timeout_moves_on(scene: Scene) -> None:
    """t_set_fr for this call alone; failure_route tries the next."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE")
    scene.alice.expect(100)
    scene.carol.expect("INVITE").answer(486, "Busy Here")
    scene.carol.expect("ACK")
    scene.alice.expect(486)


@case(
    """
request_route { t_on_reply("R"); t_relay(); }
onreply_route[R] {
    xlog("R $rs $rr\\n");
    append_hf("X-Seen: $rs\\r\\n");
    if ($rs == 183) drop;
    if ($rs =~ "^18") { append_hf("X-Ringing: yes\\r\\n"); }
    if ($rs == 200) { t_on_reply("S"); }
}
onreply_route[S] { xlog("S $rs\\n"); }
onreply_route { xlog("unnamed $rs\\n"); }
""",
    modules=MODULES,
)
def onreply_route(scene: Scene) -> None:
    """The unnamed one first, then the transaction's; drop holds a provisional reply back."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    invite.answer(183, "Progress")
    invite.answer(200, "OK")
    scene.alice.expect(200)


@case(
    """
request_route { t_on_reply("R"); t_relay(); }
onreply_route[R] { xlog("R $rs\\n"); if ($rs >= 300) drop; }
""",
    modules=MODULES,
)
def drop_of_a_final_reply(scene: Scene) -> None:
    """A final reply cannot be dropped in onreply_route."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(486, "Busy Here")
    scene.settle()
    scene.bob.drain()


@case(
    """
request_route { t_on_branch("B"); append_branch("sip:carol@127.0.0.13:21200"); t_relay(); xlog("rc $rc\\n"); }
branch_route[B] {
    xlog("branch $T_branch_idx $ru\\n");
    if ($rd == "127.0.0.12") drop;
    $rU = "changed";
    $du = "sip:127.0.0.14:21200";
}
""",
    modules=MODULES,
)
def branch_route_drops_and_redirects(scene: Scene) -> None:
    """drop leaves the branch out; URI and destination may still change."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    scene.dave.expect("INVITE")


@case(
    """
request_route { t_on_branch("B"); if (!t_relay()) { xlog("relay failed $rc\\n"); sl_reply_error(); } }
branch_route[B] { drop; }
""",
    modules=MODULES,
)
def no_branch_is_left(scene: Scene) -> None:
    """t_relay fails and says why."""
    scene.alice.request("INVITE", BOB)
    scene.settle()


@case(
    """
request_route {
    if ($rU == "nohost") { $ru = "sip:x@no-such-host.invalid"; }
    if ($rU == "noport") { $ru = "sip:x@127.0.0.14:1"; }
    if (!t_relay()) { xlog("failed $rc $err.rcode\\n"); sl_reply_error(); exit; }
    xlog("relayed $rc\\n");
}
""",
    modules=MODULES,
)
def a_host_that_does_not_resolve(scene: Scene) -> None:
    """478 by sl_reply_error."""
    scene.alice.request("OPTIONS", "sip:nohost@example.com")
    scene.settle()


@case(
    """
request_route {
    if (t_lookup_request()) { xlog("known $rm\\n"); }
    if (t_is_set("failure_route")) xlog("never\\n");
    t_on_failure("F"); t_on_reply("R"); t_on_branch("B");
    if (t_is_set("failure_route")) xlog("failure_route is set\\n");
    if (t_is_set("branch_route")) xlog("branch_route is set\\n");
    if (t_is_set("onreply_route")) xlog("onreply_route is set\\n");
    t_on_failure("0");
    t_set_disable_6xx("1");
    t_set_no_e2e_cancel_reason("1");
    if (t_is_request_route()) xlog("request route\\n");
    t_relay_to_udp("127.0.0.12", "21200");
}
failure_route[F] { if (t_is_failure_route()) xlog("failure route\\n"); }
onreply_route[R] { if (t_is_reply_route()) xlog("reply route\\n"); if (t_is_branch_route()) xlog("no\\n"); }
branch_route[B] { if (t_is_branch_route()) xlog("branch route $T_branch_idx\\n"); }
""",
    modules=MODULES,
)
def small_functions_of_tm_and_tmx(scene: Scene) -> None:
    """t_is_set, t_is_*_route, t_relay_to_udp."""
    scene.alice.request("INVITE", "sip:x@example.com")
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(603, "Decline")
    scene.settle()
    scene.bob.drain()


@case(
    """
request_route {
    t_newtran();
    xlog("T $T_req($ru) $T(reply_code) $T(branch_index)\\n");
    t_on_reply("R"); t_on_failure("F");
    $avp(kept) = "avp"; $xavp(x=>y) = "xavp"; $var(v) = "var"; setflag(5); setbflag(6);
    t_relay();
}
onreply_route[R] {
    xlog("R avp $avp(kept) xavp $xavp(x=>y) flag\\n");
    if (isflagset(5)) xlog("flag 5\\n");
    if (isbflagset(6)) xlog("bflag 6\\n");
    xlog("T_req $T_req($rm) $T_req($fU) $T_req($hdr(Max-Forwards)) T_rpl $T_rpl($rs) T_inv $T_inv($ru)\\n");
    $avp(reply) = $rs;
}
failure_route[F] {
    xlog("F avp $avp(kept) $avp(reply) code $T_reply_code reason $T_reply_reason T_rpl $T_rpl($rr) $T_rpl($hdr(X-Why))\\n");
    if (isflagset(5)) xlog("flag 5\\n");
    if (isbflagset(6)) xlog("bflag 6\\n");
    xlog("rm $rm ru $ru si $si hdr $hdr(X-Why)\\n");
}
""",
    modules="tm sl pv xlog textops tmx corex kex",
)
def what_the_routes_of_a_transaction_see(scene: Scene) -> None:
    """AVPs and flags of the transaction, the request through $T_req, the reply through $T_rpl."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    invite.answer(486, "Busy Here", headers="X-Why: busy")
    scene.bob.expect("ACK")
    scene.alice.expect(486)


@case(
    """
request_route { append_hf("X-All: 1\\r\\n"); t_on_branch("B"); t_on_failure("F"); append_branch("sip:carol@127.0.0.13:21200"); t_relay(); }
branch_route[B] { append_hf("X-Branch: $T_branch_idx\\r\\n"); remove_hf("X-Gone"); subst_hf("Subject", "/old/new$T_branch_idx/", "a"); }
failure_route[F] { append_hf("X-Fail: 1\\r\\n"); $ru = "sip:dave@127.0.0.14:21200"; t_relay(); }
""",
    modules=MODULES,
)
def edits_of_one_branch_stay_there(scene: Scene) -> None:
    """Edits of request_route go to all branches, those of branch_route to one."""
    scene.alice.request("INVITE", BOB, headers="X-Gone: 1\nSubject: old")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(404, "Not Found")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(404, "Not Found")
    scene.carol.expect("ACK")
    scene.dave.expect("INVITE")


@case(
    """
request_route { t_on_failure("F"); t_relay(); }
failure_route[F] {
    if (t_check_status("3[0-9][0-9]")) { xlog("redirected contact $T_rpl($ct)\\n"); }
    switch ($T_reply_code) {
        case 404: t_reply("410", "Gone"); exit;
        case 480: t_reply("183", "No"); xlog("rc $rc\\n"); exit;
        case 500: append_to_reply("X-A: 1\\r\\n"); t_reply("500", "Mine"); exit;
        case 503: exit;
        case 600: drop;
    }
}
""",
    modules=MODULES,
)
def replies_from_failure_route(scene: Scene) -> None:
    """t_reply replaces the final reply; nothing done lets the best one through; 503 becomes 500."""
    for number, code in enumerate((302, 404, 480, 500, 503, 600), 1):
        call = scene.alice.request("INVITE", BOB, call_id=f"call-{number}")
        scene.alice.expect(100)
        scene.bob.expect("INVITE").answer(code, f"Reason {code}", headers="Contact: <sip:elsewhere@example.com>")
        scene.bob.expect("ACK")
        scene.settle()
        scene.alice.drain()
        scene.alice.ack(call)


@case(
    """
request_route {
    if (is_method("ACK")) { xlog("ACK reached the script\\n"); t_relay(); exit; }
    t_relay();
}
event_route[tm:local-request] { xlog("local $rm to $ru\\n"); append_hf("X-Local: 1\\r\\n"); }
event_route[tm:branch-failure:X] { xlog("branch failure $T_reply_code\\n"); }
""",
    modules=MODULES,
)
def t_uac_start_by_rpc(scene: Scene) -> None:
    """A request of the proxy's own: tm:local-request runs and the reply ends in tm."""
    scene.rpc(
        "tm.t_uac_start",
        "OPTIONS",
        "sip:bob@127.0.0.12:21200",
        "",
        "",
        "From: <sip:proxy@example.com>;tag=p\r\nTo: <sip:bob@example.com>\r\nCall-ID: mine\r\nX-Rpc: 1\r\n",
        "",
    )
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.settle()


@case(
    """
request_route { t_on_branch_failure("X"); t_relay(); }
event_route[tm:branch-failure:X] {
    xlog("branch failure $T_reply_code ru $ru\\n");
    if (t_check_status("430")) { $ru = "sip:carol@127.0.0.13:21200"; t_relay(); }
}
""",
    modules=MODULES,
)
def branch_failure_route(scene: Scene) -> None:
    """Runs for one branch while the others go on; may relay a replacement."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(430, "Flow Failed")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(200, "OK")
    scene.alice.expect(200)


@case(
    """
request_route {
    if (is_method("INVITE")) { t_relay(); exit; }
    if (is_method("BYE")) { t_cancel_callid("call-1", "1", "9"); xlog("cancelled $rc\\n"); sl_send_reply("200", "OK"); }
}
""",
    modules="tm sl pv xlog textops tmx corex",
)
def t_cancel_callid(scene: Scene) -> None:
    """Cancels another call's INVITE."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.carol.request("BYE", "sip:x@example.com", call_id="other")
    scene.carol.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.alice.expect(487)


@case(
    """
request_route { t_relay(); }
reply_route { xlog("stray $rs $rm\\n"); }
""",
    modules=MODULES,
)
def a_reply_without_a_transaction(scene: Scene) -> None:
    """Forwarded statelessly by its second Via."""
    scene.bob.send(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 127.0.0.1:21200;branch=z9hG4bK-unknown\n"
        "Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\n"
        "Call-ID: stray\nCSeq: 1 INVITE\nContent-Length: 0\n\n"
    )
    scene.alice.expect(200)
