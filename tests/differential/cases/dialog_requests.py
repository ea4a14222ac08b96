"""Requests of the server within a call: BYE, keepalives, REFER, and CSeq numbers that uac_auth() raised."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Got, Scene, case, verdicts

MODULES = "tm sl rr pv xlog textops siputils kex dialog"
BOB = "sip:bob@127.0.0.12:21200"
#: The script: INFO in a call does what its Subject says; MESSAGE outside of it finds the call first.
ROUTES = """
request_route {
    if (is_method("MESSAGE")) {
        xlog("get $(hdr(Subject))\\n");
        if (dlg_get("call-1", "alice", "bob")) { route(DO); }
        sl_send_reply("202", "OK $dlg(h_entry) $dlg(h_id)");
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (!loose_route()) { dlg_manage(); }
        if (is_method("INFO")) { route(DO); sl_send_reply("202", "Accepted"); exit; }
        t_relay();
        exit;
    }
    if (is_method("INVITE")) {
        dlg_manage();
        $dlg_var(who) = "alice";
        record_route();
        t_on_reply("R");
    }
    t_relay();
}
onreply_route[R] { if ($hdr(Subject) != $null) route(DO); }
route[DO] {
    switch ($hdr(Subject)) {
        case "caller": dlg_bye("caller"); break;
        case "callee": dlg_bye("callee"); break;
        case "all": dlg_bye("ALL"); break;
        case "twice": dlg_bye("Caller"); xlog("first $rc\\n"); dlg_bye("caller"); break;
        case "refer caller": dlg_refer("caller", "sip:music@127.0.0.13:21200"); break;
        case "refer callee": dlg_refer("Callee", "$hdr(Refer-To)"); break;
        case "bridge": dlg_bridge("sip:bob@127.0.0.12:21200", "sip:carol@127.0.0.13:21200", ""); break;
        case "bridge by proxy": dlg_bridge("sip:bob@example.com", "<sip:carol@127.0.0.13:21200>", "sip:127.0.0.14:21200"); break;
        case "bridge empty": dlg_bridge("$hdr(X-Nobody)", "sip:carol@127.0.0.13:21200", ""); break;
        default: xlog("what?\\n");
    }
    $var(rc) = $rc;
    xlog("did $hdr(Subject) $var(rc) $DLG_count\\n");
}
event_route[dialog:start] { xlog("start $dlg(state) $ci $rm\\n"); }
event_route[dialog:end] { xlog("end $dlg(state) $dlg(callid) $dlg_var(who) $rm $ci\\n"); }
event_route[dialog:failed] { xlog("failed $dlg(state) $dlg(callid) $dlg_var(who) $rm $ci\\n"); }
event_route[tm:local-request] { xlog("local $rm $ru $du $cs dlg=$dlg(callid) who=$dlg_var(who) state=$dlg(state)\\n"); }
"""
#: Nothing is sent twice unless the case is about that.
PATIENT = 'modparam("tm", "retr_timer1", 20000)\nmodparam("tm", "retr_timer2", 20000)\n'
#: Without cookies in Record-Route, whose numbers are random.
PLAIN = 'modparam("dialog", "dlg_match_mode", 2)\n'
SETTINGS = PATIENT + PLAIN


def start(scene: Scene, *, callee: str = "", caller: str = "", cseq: int = 1, call_id: str = "call-1") -> Got:
    """Alice calls bob, who answers; his INVITE. `callee`, `caller`: header lines of theirs."""
    scene.alice.request("INVITE", BOB, headers=caller, cseq=cseq, call_id=call_id)
    scene.alice.expect(100)
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(180)
    invite.answer(200, "OK", headers=callee or f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(200)
    return invite


def acknowledge(
    scene: Scene, invite: Got, *, cseq: int = 1, call_id: str = "call-1", at: str = "bob", uri: str = BOB
) -> str:
    """The ACK, which reaches `at`; the route set as header lines."""
    routes = "\n".join(f"Route: {route}" for route in invite.headers("Record-Route"))
    scene.alice.request("ACK", uri, to_tag="bob", headers=routes, cseq=cseq, call_id=call_id)
    scene.settle()
    scene.parties[at].expect("ACK")
    return routes


def call(
    scene: Scene, *, callee: str = "", caller: str = "", cseq: int = 1, call_id: str = "call-1", at: str = "bob"
) -> str:
    """A call that is set up; its route set."""
    invite = start(scene, callee=callee, caller=caller, cseq=cseq, call_id=call_id)
    return acknowledge(scene, invite, cseq=cseq, call_id=call_id, at=at)


def tell(scene: Scene, what: str, headers: str = "") -> tuple[int, int]:
    """Zoe asks the script for something concerning the call; slot and number of its dialog."""
    zoe = scene.party("zoe", ("127.0.0.15", 21200))
    zoe.request("MESSAGE", "sip:127.0.0.1:21200", headers=f"Subject: {what}\n{headers}", call_id=f"do {what}")
    told = zoe.expect(202)
    zoe.received.pop()
    scene.settle()
    words = [word for word in told.start.split(" ")[2:] if word.isdigit()]
    return (int(words[0]), int(words[1])) if len(words) == 2 else (0, 0)


def counts(scene: Scene) -> None:
    """What the statistics say."""
    scene.rpc("stats.get_statistics", "dialog:")
    scene.rpc("dlg.stats_active")


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_to_both(scene: Scene) -> None:
    """dlg_bye("all"): both answer; the dialog ends with the first answer and is gone with the second."""
    call(scene)
    counts(scene)
    tell(scene, "all")
    to_alice, to_bob = scene.alice.expect("BYE"), scene.bob.expect("BYE")
    counts(scene)
    to_alice.answer(200, "OK")
    counts(scene)
    to_bob.answer(200, "OK")
    counts(scene)
    scene.label("answered")
    tell(scene, "all")


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_to_both_before_the_ack(scene: Scene) -> None:
    """A call that was answered and not acknowledged can be ended."""
    start(scene)
    counts(scene)
    tell(scene, "all")
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect("BYE").answer(200, "OK")
    counts(scene)


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_to_one_side(scene: Scene) -> None:
    """dlg_bye("caller"), again, then dlg_bye("callee"): each side once; event route each time."""
    call(scene)
    tell(scene, "twice")
    scene.alice.expect("BYE").answer(200, "OK")
    counts(scene)
    tell(scene, "caller")
    tell(scene, "callee")
    scene.label("callee")
    counts(scene)


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_to_each_side_before_answers(scene: Scene) -> None:
    """Caller and callee by two calls: the second answer removes the dialog."""
    call(scene)
    tell(scene, "caller")
    tell(scene, "callee")
    scene.bob.expect("BYE").answer(200, "OK")
    counts(scene)
    scene.alice.expect("BYE").answer(200, "OK")
    counts(scene)


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_from_within_a_request(scene: Scene) -> None:
    """INFO of the caller ends the call; then bob's own BYE comes, and finds nothing."""
    routes = call(scene)
    scene.alice.request("INFO", BOB, to_tag="bob", cseq=7, headers=f"{routes}\nSubject: callee")
    scene.alice.expect(202)
    scene.bob.expect("BYE").answer(481, "Gone")
    counts(scene)
    scene.bob.request(
        "BYE",
        scene.alice.contact,
        cseq=99,
        headers=routes,
        to="<sip:alice@example.com>",
        from_="<sip:bob@example.com>",
        to_tag="alice",
    )
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect(200)
    counts(scene)


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_of_an_early_dialog(scene: Scene) -> None:
    """Not before the 2xx: nothing is sent, but the event route runs."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    invite = scene.bob.expect("INVITE")
    for what in ("all", "caller", "callee"):
        invite.answer(180, "Ringing", headers=f"Contact: <{scene.bob.contact}>\nSubject: {what}")
        scene.alice.expect(180)
    counts(scene)
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(200)
    tell(scene, "caller")
    tell(scene, "all")
    scene.label("sent")
    counts(scene)


@case(
    PLAIN + 'modparam("tm", "fr_timer", 1500)\nmodparam("tm", "wt_timer", 500)\n' + ROUTES,
    modules=MODULES,
    repeats=True,
    spec="7.8",
)
def bye_that_nobody_answers(scene: Scene) -> None:
    """Retransmitted until fr_timer fires; that is a 408 for the dialog."""
    call(scene)
    tell(scene, "all")
    to_alice = scene.alice.expect("BYE")
    counts(scene)
    scene.wait(2.5)
    counts(scene)
    to_alice.answer(200, "OK")
    counts(scene)


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_with_odd_answers(scene: Scene) -> None:
    """Provisional replies change nothing; any final one ends the dialog; one that comes late does no harm."""
    call(scene)
    tell(scene, "all")
    to_alice, to_bob = scene.alice.expect("BYE"), scene.bob.expect("BYE")
    to_alice.answer(100, "Trying")
    to_alice.answer(183, "Wait")
    counts(scene)
    to_alice.answer(481, "No Such Call")
    to_alice.answer(481, "No Such Call")
    to_alice.answer(200, "OK")
    counts(scene)
    to_bob.answer(503, "Later")
    to_bob.answer(200, "OK")
    counts(scene)


@case(
    SETTINGS
    + 'modparam("dialog", "dlg_extra_hdrs", "Hint: credit expired\\r\\n")\nmodparam("dialog", "lreq_callee_headers", "TH: dlh\\r\\n")\n'
    + ROUTES,
    modules=MODULES,
    spec="6.7 6.53 2:1.2",
)
def bye_with_headers(scene: Scene) -> None:
    """dlg_extra_hdrs to both, lreq_callee_headers to the callee, those of the command between them."""
    call(scene)
    entry, number = tell(scene, "nothing")
    scene.world.rpc("dlg.end_dlg", entry, number, "X-Why: because\r\nX-More: yes\r\n")
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect("BYE").answer(200, "OK")
    counts(scene)


@case(
    SETTINGS
    + 'modparam("dialog", "dlg_extra_hdrs", "Hint: credit expired")\nmodparam("dialog", "lreq_callee_headers", "TH: dlh")\n'
    + ROUTES,
    modules=MODULES,
    spec="6.7 6.53",
)
def bye_with_headers_that_do_not_end(scene: Scene) -> None:
    """No line end behind them: one is added at the end of all."""
    call(scene)
    tell(scene, "all")
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect("BYE").answer(200, "OK")


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_along_route_sets(scene: Scene) -> None:
    """Proxies on both sides; each leg has its own route set, without this server."""
    call(
        scene,
        at="carol",
        caller="Record-Route: <sip:127.0.0.13:21200;lr;x=1>\nRecord-Route: <sip:127.0.0.11:21200;lr>",
        callee=f"Record-Route: <sip:127.0.0.14:21200;lr>, <sip:127.0.0.12:21200;lr;y>, <sip:127.0.0.1:21200;lr;ftag=alice>, <sip:127.0.0.13:21200;lr;x=1>, <sip:127.0.0.11:21200;lr>\nContact: <{scene.bob.contact};z=1>",
    )
    tell(scene, "all")
    scene.label("sent")


@case(
    SETTINGS + ROUTES,
    modules=MODULES,
    spec="7.8",
    differs={"dave: sent/1/11": "5.6.3 sends two NULs behind a request to a strict router"},
)
def bye_along_a_strict_route(scene: Scene) -> None:
    """Routers without `lr` become the request URI."""
    call(
        scene,
        at="dave",
        caller="Record-Route: <sip:127.0.0.14:21200>, <sip:127.0.0.11:21200;lr>",
        cseq=4711,
    )
    tell(scene, "all")
    scene.label("sent")


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_follows_cseq_and_contact(scene: Scene) -> None:
    """The next number of each side, and the Contact it told last."""
    routes = call(scene, cseq=100)
    scene.bob.request(
        "UPDATE",
        scene.alice.contact,
        cseq=500,
        headers=routes,
        to="<sip:alice@example.com>",
        from_="<sip:bob@example.com>",
        to_tag="alice",
    )
    scene.alice.expect("UPDATE").answer(200, "OK", headers="Contact: <sip:alice@127.0.0.14:21200>")
    scene.bob.expect(200)
    scene.alice.request(
        "INVITE",
        BOB,
        cseq=120,
        to_tag="bob",
        headers=f"{routes}\nContact: <sip:alice2@127.0.0.11:21200>",
        contact=False,
    )
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(200, "OK", headers="Contact: <sip:bob2@127.0.0.12:21200>")
    scene.alice.expect(200)
    scene.alice.request("ACK", "sip:bob2@127.0.0.12:21200", to_tag="bob", headers=routes, cseq=120)
    scene.bob.expect("ACK")
    scene.alice.request("PRACK", BOB, cseq=121, to_tag="bob", headers=routes)
    scene.bob.expect("PRACK").answer(200, "OK")
    scene.alice.expect(200)
    tell(scene, "all")
    scene.label("sent")


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_after_prack(scene: Scene) -> None:
    """PRACK during set-up: the numbers of the BYEs are far enough above."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    invite = scene.bob.expect("INVITE")
    invite.answer(183, "Session", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(183)
    routes = "\n".join(f"Route: {route}" for route in invite.headers("Record-Route"))
    scene.alice.request("PRACK", BOB, cseq=2, to_tag="bob", headers=routes)
    scene.bob.expect("PRACK").answer(200, "OK")
    scene.alice.expect(200)
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(200)
    acknowledge(scene, invite)
    tell(scene, "all")
    scene.label("sent")


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.8")
def bye_by_the_alias_of_a_contact(scene: Scene) -> None:
    """A Contact with ;alias= and no route set: the alias says where to send, and is left out of the URI."""
    scene.alice.request(
        "INVITE", BOB, headers="Contact: <sip:alice@10.1.1.1:5060;alias=127.0.0.11~21200~1;ob>", contact=False
    )
    scene.alice.expect(100)
    invite = scene.bob.expect("INVITE")
    invite.answer(200, "OK", headers="Contact: <sip:bob@10.1.1.2;alias=127.0.0.12~21200~1>")
    scene.alice.expect(200)
    acknowledge(scene, invite)
    tell(scene, "all")
    scene.label("sent")


@case(
    SETTINGS.replace("modparam", 'loadmodule "nathelper.so"\nmodparam("nathelper", "alias_name", "nat")\nmodparam', 1)
    + ROUTES,
    modules=MODULES,
    spec="7.8",
)
def bye_by_an_alias_of_another_name(scene: Scene) -> None:
    """nathelper's alias_name holds for the dialog's requests, too: alice's ;nat= counts, bob's ;alias= does not."""
    scene.alice.request("INVITE", BOB, headers="Contact: <sip:alice@10.1.1.1;nat=127.0.0.11~21200~1>", contact=False)
    scene.alice.expect(100)
    invite = scene.bob.expect("INVITE")
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact};alias=127.0.0.99~21200~1>")
    scene.alice.expect(200)
    acknowledge(scene, invite)
    tell(scene, "all")
    scene.label("sent")


@case(
    SETTINGS
    + ROUTES.replace(
        'who=$dlg_var(who) state=$dlg(state)\\n"',
        'who=$dlg_var(who) state=$dlg(state)\\n"); $dlg_var(seen) = "yes"; append_hf("X-Who: $dlg_var(who)\\r\\n"',
    ),
    modules=MODULES,
    spec="2:1.2",
)
def bye_edited_by_the_local_request_route(scene: Scene) -> None:
    """$dlg_var is there in event_route[tm:local-request], whose edits leave."""
    call(scene)
    tell(scene, "all")
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect("BYE").answer(200, "OK")
    scene.settle()


@case(
    SETTINGS
    + ROUTES.replace("event_route[tm:local-request] {", 'event_route[tm:local-request] { if ($rU == "alice") drop;'),
    modules=MODULES,
    spec="7.8",
)
def bye_dropped_by_the_local_request_route(scene: Scene) -> None:
    """One that is dropped counts as failed; the other leaves."""
    call(scene)
    tell(scene, "all")
    scene.label("sent")
    counts(scene)


@case(
    SETTINGS
    + 'modparam("dialog", "default_timeout", 2)\n'
    + ROUTES.replace("        dlg_manage();\n", "        $dlg_ctx(timeout_bye) = 1; dlg_manage();\n"),
    modules=MODULES,
    spec="2:1.2",
)
def bye_at_the_end_of_the_lifetime(scene: Scene) -> None:
    """Both sides get BYE; then they answer."""
    call(scene)
    scene.wait(4)
    to_alice, to_bob = scene.alice.expect("BYE"), scene.bob.expect("BYE")
    counts(scene)
    to_alice.answer(200, "OK")
    to_bob.answer(200, "OK")
    counts(scene)


TIMED = SETTINGS + 'modparam("dialog", "default_timeout", 2)\n'


@case(
    TIMED
    + ROUTES.replace("        dlg_manage();\n", '        $dlg_ctx(timeout_route) = "LATE"; dlg_manage();\n')
    + 'route[LATE] { xlog("late $rm $dlg(state) $dlg_var(who)\\n"); dlg_bye("all"); xlog("$rc $dlg(state)\\n"); }\n',
    modules=MODULES,
    spec="7.8",
)
def bye_by_the_timeout_route(scene: Scene) -> None:
    """The lifetime is over whatever becomes of the BYEs."""
    call(scene)
    scene.wait(4)
    to_alice, to_bob = scene.alice.expect("BYE"), scene.bob.expect("BYE")
    counts(scene)
    to_alice.answer(200, "OK")
    to_bob.answer(200, "OK")
    counts(scene)


@case(SETTINGS + ROUTES.replace('xlog("start ', 'dlg_bye("all"); xlog("$rc start '), modules=MODULES, spec="7.8")
def bye_by_the_start_route(scene: Scene) -> None:
    """At the 2xx the callee is not known yet."""
    invite = start(scene)
    scene.label("started")
    counts(scene)
    acknowledge(scene, invite)
    scene.settle()
    counts(scene)


@case(SETTINGS + ROUTES.replace('xlog("end ', 'dlg_bye("all"); xlog("$rc end '), modules=MODULES, spec="7.8")
def bye_by_the_end_route(scene: Scene) -> None:
    """Alice rings off; the route sends BYEs too."""
    routes = call(scene)
    scene.alice.request("BYE", BOB, to_tag="bob", cseq=2, headers=routes)
    scene.settle()
    scene.label("sent")
    counts(scene)


verdicts(
    "dialog_requests",
    "words",
    """
dlg_bye("all");
dlg_bye("CALLEE");
dlg_bye("both");
dlg_bye("");
dlg_bye("$var(x)");
dlg_bye();
dlg_refer("caller", "sip:x@y");
dlg_refer("Callee", "$ru");
dlg_refer("all", "sip:x@y");
dlg_refer("$var(x)", "sip:x@y");
dlg_refer("caller");
dlg_bridge("$ru", "", "");
dlg_bridge("sip:a@b", "sip:c@d");
: modparam("dialog", "ka_interval", 29)
: modparam("dialog", "ka_interval", 30)
: modparam("dialog", "ka_interval", -1)
: modparam("dialog", "ka_timer", -1)
: modparam("dialog", "ka_failed_limit", 0)
: modparam("dialog", "ka_timer", "x")
: modparam("dialog", "dlg_extra_hdrs", "")
: modparam("dialog", "lreq_callee_headers", "no header")
: modparam("dialog", "track_cseq_updates", 2)
: modparam("dialog", "bridge_controller", "no address")
: modparam("dialog", "bridge_contact", 1)
""",
    modules="pv xlog tm rr sl dialog",
    spec="7.8 7.9 7.11 6.48 6.49",
)


@case(SETTINGS + ROUTES, modules=MODULES, spec="7.9 6.43 6.44")
def refer_the_caller(scene: Scene) -> None:
    """dlg_refer("caller"): REFER, then BYE with the next number, whatever the answer."""
    call(scene, cseq=5)
    tell(scene, "refer caller")
    refer = scene.bob.expect("REFER")
    refer.answer(100, "Trying")
    scene.settle()
    refer.answer(202, "Accepted", headers="Contact: <sip:elsewhere@127.0.0.14:21200>")
    scene.label("bye")
    counts(scene)


@case(
    SETTINGS
    + 'modparam("dialog", "bridge_controller", "sip:ctd@kamailio.org")\nmodparam("dialog", "bridge_contact", "sip:ctd@127.0.0.1:21200")\n'
    + ROUTES,
    modules=MODULES,
    spec="7.9 6.43 6.44",
)
def refer_the_callee(scene: Scene) -> None:
    """Refused: BYE all the same. The address may be anything; none is an error."""
    call(scene)
    tell(scene, "refer callee", 'Refer-To: "Music" <sip:music@127.0.0.13:21200?X=1>')
    scene.alice.expect("REFER").answer(603, "Decline")
    scene.label("bye")
    counts(scene)
    tell(scene, "refer callee")


@case(PLAIN + 'modparam("tm", "fr_timer", 1500)\n' + ROUTES, modules=MODULES, repeats=True, spec="7.9")
def refer_that_nobody_answers(scene: Scene) -> None:
    """BYE after fr_timer."""
    call(scene)
    tell(scene, "refer caller")
    scene.wait(2.5)
    counts(scene)


CTD = 'modparam("dialog", "bridge_controller", "sip:ctd@example.org")\nmodparam("dialog", "bridge_contact", "sip:ctd@127.0.0.1:21200")\n'


@case(SETTINGS + ROUTES.replace('dlg_get("call-1", "alice", "bob")', "1"), modules=MODULES, spec="7.11 6.43 6.44")
def bridge(scene: Scene) -> None:
    """dlg_bridge(): INVITE on hold, ACK, REFER, BYE."""
    tell(scene, "bridge")
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing", headers=f"Contact: <{scene.bob.contact}>")
    scene.settle()
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact};here>")
    scene.bob.expect("ACK")
    refer = scene.bob.expect("REFER")
    refer.answer(202, "Accepted")
    scene.bob.request(
        "NOTIFY",
        "sip:controller@kamailio.org:5060",
        cseq=1,
        headers="Event: refer\nSubscription-State: terminated;reason=noresource",
        to="<sip:controller@kamailio.org>",
        from_="<sip:bob@127.0.0.12:21200>",
        to_tag=refer.header("From").partition(";tag=")[2],
        call_id=refer.header("Call-ID"),
    )
    scene.settle()
    scene.label("bye")
    counts(scene)


@case(SETTINGS + CTD + ROUTES.replace('dlg_get("call-1", "alice", "bob")', "1"), modules=MODULES, spec="7.11 6.43 6.44")
def bridge_by_proxy(scene: Scene) -> None:
    """Through a proxy that records its route; the REFER is refused, BYE follows."""
    tell(scene, "bridge by proxy")
    invite = scene.dave.expect("INVITE")
    invite.answer(
        200,
        "OK",
        headers=f"Contact: <{scene.bob.contact}>\nRecord-Route: <sip:127.0.0.14:21200;lr;n=2>, <sip:127.0.0.14:21200;lr;n=1>",
    )
    scene.dave.expect("ACK")
    scene.dave.expect("REFER").answer(405, "No")
    scene.label("bye")


@case(SETTINGS + ROUTES.replace('dlg_get("call-1", "alice", "bob")', "1"), modules=MODULES, spec="7.11")
def bridge_that_fails(scene: Scene) -> None:
    """Busy: acknowledged and forgotten. A 2xx without Contact: acknowledged by tm, no REFER. No address: -1."""
    tell(scene, "bridge")
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.bob.expect("ACK")
    tell(scene, "bridge")
    scene.bob.expect("INVITE").answer(200, "OK")
    scene.settle()
    scene.label("no contact")
    tell(scene, "bridge empty")
    counts(scene)


KEEPALIVE = ROUTES.replace(
    "        dlg_manage();\n",
    """        if ($ci =~ "src") dlg_set_property("ka-src");
        if ($ci =~ "dst") dlg_set_property("ka-dst");
        $dlg_ctx(timeout_bye) = 1;
        dlg_manage();
""",
)


@case(
    PLAIN
    + 'modparam("dialog", "ka_timer", 1)\nmodparam("dialog", "ka_interval", 30)\nmodparam("tm", "fr_timer", 1500)\n'
    + 'modparam("dialog", "dlg_extra_hdrs", "X-Extra: 1\\r\\n")\nmodparam("dialog", "lreq_callee_headers", "TH: dlh\\r\\n")\n'
    + KEEPALIVE,
    modules=MODULES,
    repeats=True,
    spec="6.48 6.49",
)
def keepalives(scene: Scene) -> None:
    """OPTIONS with the last CSeq after ka_interval; 481 or silence end the call 10 s later, other replies do not."""
    call(scene, call_id="src and dst", cseq=5)
    call(scene, call_id="dst", cseq=2)
    call(scene, call_id="src, silent", cseq=2)
    call(scene, call_id="none", cseq=2)
    scene.label("calls")
    scene.wait(29)
    for answers in range(4):
        party = scene.alice if answers in (0, 3) else scene.bob
        options = party.expect("OPTIONS")
        if options.header("Call-ID") == "dst":
            options.answer(481, "Call Leg/Transaction Does Not Exist")
        elif options.header("Call-ID") == "src and dst":
            options.answer(500 if party is scene.alice else 200, "Whatever")
    scene.label("options")
    scene.wait(8)
    counts(scene)
    scene.wait(6)
    scene.label("bye")
    counts(scene)


UAC = """
request_route {
    if (is_method("MESSAGE")) { if (dlg_get("call-1", "alice", "bob")) { dlg_bye("all"); } sl_send_reply("202", "OK"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        loose_route();
        if (is_method("INVITE")) { t_on_failure("AUTH"); }
        if (is_method("ACK") && t_check_trans()) { xlog("ack\\n"); }
        if ($rU == "bob") $du = "sip:127.0.0.12:21200";
        t_relay();
        exit;
    }
    $du = "sip:127.0.0.12:21200";
    dlg_manage();
    record_route();
    t_on_failure("AUTH");
    t_on_reply("R");
    t_relay();
}
onreply_route[R] { xlog("reply $rs cseq $cs diff $dlg_var(cseq_diff)\\n"); }
failure_route[AUTH] {
    xlog("failure $T_reply_code cseq $cs diff $dlg_var(cseq_diff)\\n");
    if (t_check_status("401|407")) {
        if (uac_auth()) { xlog("authenticated cseq $cs diff $dlg_var(cseq_diff)\\n"); t_on_failure("AUTH"); $du = "sip:127.0.0.12:21200"; t_relay(); }
    }
}
"""
CHALLENGE = 'WWW-Authenticate: Digest realm="provider", nonce="abc"'


def uac_case(number: int) -> str:
    """The config with uac, and CSeq tracking on or off."""
    credential = 'modparam("uac", "credential", "alice:provider:secret")\n'
    return SETTINGS + credential + f'modparam("dialog", "track_cseq_updates", {number})\n' + UAC


def challenged(scene: Scene, cseq: int = 1) -> Got:
    """Alice calls, bob challenges; what he gets then."""
    scene.alice.request("INVITE", "sip:bob@example.com", cseq=cseq)
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(401, "Unauthorized", headers=CHALLENGE)
    scene.bob.expect("ACK")
    return scene.bob.expect("INVITE")


MARKED = "5.6.3 raises the ACK only when uac_auth() ran in this transaction: it matches no INVITE then"


@case(
    uac_case(1),
    modules=MODULES.replace("kex", "kex tmx uac"),
    spec="6.52",
    differs={
        "bob: again/1/1": MARKED,
        "bob: again/1/5": MARKED,
        "bob: again/2/1": "the number of the branch: see above",
        "bob: again/3/1": "the number of the branch: see above",
        "bob: refused/1/1": MARKED,
        "bob: refused/1/5": MARKED,
        "bob: bye/0/4": "5.6.3 forgets the difference in its own BYE, which the callee refuses (RFC 3261 12.2.2)",
    },
)
def cseq_of_an_authenticated_call(scene: Scene) -> None:
    """Raised by one; replies go back with the caller's number, later requests are raised too."""
    invite = challenged(scene, cseq=9)
    invite.answer(180, "Ringing", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(180)
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(200)
    routes = acknowledge(scene, invite, cseq=9, uri="sip:bob@example.com")
    scene.label("set up")
    scene.alice.request("INFO", "sip:bob@example.com", cseq=10, to_tag="bob", headers=routes)
    scene.bob.expect("INFO").answer(200, "OK")
    scene.alice.expect(200)
    scene.bob.request(
        "INFO",
        scene.alice.contact,
        cseq=50,
        headers=routes,
        to="<sip:alice@example.com>",
        from_="<sip:bob@example.com>",
        to_tag="alice",
    )
    scene.alice.expect("INFO").answer(200, "OK")
    scene.bob.expect(200)
    scene.label("info")
    again = scene.alice.request("INVITE", "sip:bob@example.com", cseq=11, to_tag="bob", headers=routes)
    scene.alice.expect(100)
    reply = scene.bob.expect("INVITE")
    reply.answer(401, "Unauthorized", headers=CHALLENGE)
    scene.bob.expect("ACK")
    reply = scene.bob.expect("INVITE")
    reply.answer(488, "Not Acceptable Here")
    scene.bob.expect("ACK")
    scene.alice.ack(again, scene.alice.expect(488))
    scene.label("again")
    refused = scene.alice.request("INVITE", "sip:bob@example.com", cseq=12, to_tag="bob", headers=routes)
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(488, "Not Acceptable Here")
    scene.bob.expect("ACK")
    scene.alice.ack(refused, scene.alice.expect(488))
    scene.label("refused")
    scene.alice.request("MESSAGE", "sip:127.0.0.1:21200", call_id="end")
    scene.bob.expect("BYE").answer(200, "OK")
    scene.settle()
    scene.label("bye")


@case(uac_case(1), modules=MODULES.replace("kex", "kex tmx uac"), spec="6.52")
def cseq_of_a_call_that_is_cancelled(scene: Scene) -> None:
    """CANCEL and the ACK to the 487 have the number and the branch of the INVITE that bob got."""
    alices = scene.alice.request("INVITE", "sip:bob@example.com", cseq=9)
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(401, "Unauthorized", headers=CHALLENGE)
    scene.bob.expect("ACK")
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(180)
    scene.alice.cancel(alices)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.alice.ack(alices, scene.alice.expect(487))
    scene.settle()


@case(uac_case(1), modules=MODULES.replace("kex", "kex tmx uac"), spec="6.52")
def cseq_of_a_call_challenged_twice(scene: Scene) -> None:
    """Each answer raises the number; the caller's has one digit less."""
    invite = challenged(scene, cseq=9)
    invite.answer(407, "Proxy Authentication Required", headers=CHALLENGE.replace("WWW", "Proxy"))
    scene.bob.expect("ACK")
    invite = scene.bob.expect("INVITE")
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(200)
    acknowledge(scene, invite, cseq=9, uri="sip:bob@example.com")
    scene.settle()


@case(uac_case(0), modules=MODULES.replace("kex", "kex tmx uac"), spec="6.52")
def cseq_that_nobody_tracks(scene: Scene) -> None:
    """Without the parameter the number stays."""
    invite = challenged(scene)
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(200)
    acknowledge(scene, invite, uri="sip:bob@example.com")
    scene.settle()
