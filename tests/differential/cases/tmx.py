"""Module tmx: the `$T...` variables wherever they can be read, and what tm shows of itself elsewhere."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case

BOB, CAROL, DAVE = "sip:bob@127.0.0.12:21200", "sip:carol@127.0.0.13:21200", "sip:dave@127.0.0.14:21200"
MODULES = "tm tmx sl rr pv xlog textops corex kex textopsx"
ALL = (
    'xlog("%s rs $rs T_branch_idx $T_branch_idx T_reply_code $T_reply_code reason $T_reply_reason ruid $T_reply_ruid last $T_reply_last\\n");'
    ' xlog("%s T(reply_code) $T(reply_code) reason $T(reply_reason) type $T(reply_type) branch $T(branch_index)\\n");'
    ' xlog("%s branch flags $T_branch(flags) uri $T_branch(uri)\\n");'
    ' xlog("%s req $T_req($rm) $T_req($ru) $T_req($hdr(X-A)) rpl $T_rpl($rs) $T_rpl($hdr(X-B)) inv $T_inv($ru)\\n");'
)


def _all(place: str) -> str:
    return ALL.replace("%s", place)


@case(
    f"""
request_route {{
    {_all("before")}
    t_newtran();
    {_all("newtran")}
    t_on_branch("B"); t_on_reply("R"); t_on_failure("F"); t_on_branch_failure("BF");
    setbflag(3);
    append_branch("{CAROL}");
    t_relay();
    {_all("relayed")}
}}
branch_route[B] {{ {_all("branch")} }}
onreply_route[R] {{ {_all("onreply")} }}
reply_route {{ {_all("reply")} }}
failure_route[F] {{ {_all("failure")} $ru = "{DAVE}"; t_relay(); {_all("relayed in failure")} }}
event_route[tm:branch-failure:BF] {{ {_all("branch failure")} }}
onsend_route {{ {_all("onsend")} }}
""",
    modules=MODULES,
)
def variables_in_every_route(scene: Scene) -> None:
    """Which have a value where."""
    scene.alice.request("INVITE", BOB, headers="X-A: 1")
    scene.alice.expect(100)
    bobs, carols = scene.bob.expect("INVITE"), scene.carol.expect("INVITE")
    bobs.answer(183, "Progress", headers="X-B: 2")
    scene.alice.expect(183)
    carols.answer(404, "Not Found", headers="X-B: 3")
    scene.carol.expect("ACK")
    bobs.answer(486, "Busy Here", headers="X-B: 4")
    scene.bob.expect("ACK")
    scene.dave.expect("INVITE").answer(480, "Away")
    scene.settle()


@case(
    f"""
modparam("tm", "fr_timer", 300)
request_route {{ t_on_failure("F"); t_relay(); }}
failure_route[F] {{ {_all("timeout")} t_reply("480", "Mine"); {_all("replied")} }}
""",
    modules=MODULES,
    repeats=True,
)
def variables_behind_a_timeout(scene: Scene) -> None:
    """There is no reply then."""
    scene.alice.request("INVITE", BOB)
    scene.wait(0.8)


@case(
    f"""
request_route {{
    if (is_method("CANCEL")) {{ t_relay(); {_all("cancel")} exit; }}
    if (is_method("ACK")) {{ {_all("ack")} t_relay(); exit; }}
    t_relay();
}}
""",
    modules=MODULES,
)
def variables_of_a_cancel(scene: Scene) -> None:
    """$T_inv in a CANCEL; the ACK of the 487."""
    call = scene.alice.request("INVITE", BOB, headers="X-A: 1")
    scene.alice.expect(100)
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.cancel(call)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    final = scene.alice.expect(487)
    scene.alice.ack(call, final)
    scene.settle()


@case(
    """
request_route {
    setflag(1);
    t_on_reply("R"); t_on_failure("F");
    t_relay();
    setflag(2); setbflag(5);
    if ($fU == "flush") { t_flush_flags(); }
}
onreply_route[R] {
    if (isflagset(1)) xlog("1\\n");
    if (isflagset(2)) xlog("2\\n");
    if (isbflagset(5)) xlog("b5\\n");
    setflag(3); setbflag(6);
}
failure_route[F] {
    if (isflagset(1)) xlog("F1\\n");
    if (isflagset(2)) xlog("F2\\n");
    if (isflagset(3)) xlog("F3\\n");
    if (isbflagset(5)) xlog("Fb5\\n");
    if (isbflagset(6)) xlog("Fb6\\n");
}
""",
    modules=MODULES,
)
def flags_between_routes(scene: Scene) -> None:
    """What is set behind t_relay() counts only with t_flush_flags()."""
    for number, user in enumerate(("alice", "flush")):
        scene.alice.request("INVITE", BOB, call_id=f"call-{number}", from_=f"<sip:{user}@example.com>")
        scene.bob.expect("INVITE").answer(404, "Not Found")
        scene.settle()
        scene.label(user)


@case(
    """
modparam("pv", "shvset", "i=i:0")
modparam("pv", "shvset", "l=i:0")
request_route { t_on_reply("R"); t_relay(); }
onreply_route[R] {
    if ($rs == 183) {
        t_suspend();
        xlog("suspended $rc\\n");
        $shv(i) = $T(id_index); $shv(l) = $T(id_label);
    }
    if ($rs == 200) { xlog("200 came\\n"); }
}
""",
    modules=MODULES,
)
def a_reply_is_suspended(scene: Scene) -> None:
    """t_suspend() in an onreply_route holds the reply back."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    invite.answer(183, "Progress")
    scene.settle()
    invite.answer(200, "OK")
    scene.settle()


@case(
    """
request_route {
    if (is_method("MESSAGE")) { t_drop("480"); xlog("never\\n"); }
    t_newtran();
    if ($rU == "plain") { t_drop(); xlog("never\\n"); }
    t_drop("480");
    xlog("never\\n");
}
""",
    modules=MODULES,
)
def t_drop(scene: Scene) -> None:
    """No reply at all; the script ends."""
    for user in ("plain", "code"):
        scene.alice.request("INVITE", f"sip:{user}@127.0.0.12:21200", call_id=user)
        scene.settle()
    scene.alice.request("MESSAGE", BOB, call_id="message")
    scene.settle()
    scene.alice.drain()


@case(
    f"""
request_route {{
    if (is_method("OPTIONS")) {{ if (!t_lookup_request()) xlog("unknown\\n"); t_relay(); exit; }}
    append_branch("{CAROL}");
    append_branch("{DAVE}");
    xlog("count $branch(count) $(branch(uri)[0]) $(branch(uri)[1])\\n");
    t_on_branch("B");
    t_relay();
    xlog("count $branch(count)\\n");
}}
branch_route[B] {{
    xlog("$T_branch_idx $ru $(branch(uri)[0]) $branch(count)\\n");
    if ($T_branch_idx == 1) {{ $ru = "sip:changed@127.0.0.13:21200"; $du = "sip:127.0.0.13:21200"; }}
}}
""",
    modules=MODULES,
)
def branches_in_branch_route(scene: Scene) -> None:
    """The destination set while branches are made."""
    scene.alice.request("INVITE", BOB)
    scene.settle()
    for party in (scene.alice, scene.bob, scene.carol, scene.dave):
        party.drain()


@case(
    """
request_route {
    t_set_auto_inv_100(0);
    t_relay();
    if ($fU == "caller") xlog("relayed\\n");
}
failure_route[F] { xlog("never\\n"); }
onreply_route[R] { xlog("armed late $rs\\n"); }
""",
    modules=MODULES,
)
def no_100_this_time(scene: Scene) -> None:
    """t_set_auto_inv_100(0)."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(180, "Ringing")
    scene.alice.expect(180)


@case(
    """
request_route { t_on_failure("F"); t_relay(); }
failure_route[F] {
    xlog("first $T_reply_code\\n");
    route(NEXT);
}
route[NEXT] { t_on_failure("G"); append_branch("sip:carol@127.0.0.13:21200"); append_branch("sip:dave@127.0.0.14:21200"); t_relay(); }
failure_route[G] { xlog("second $T_reply_code\\n"); if (t_check_status("486")) { t_reply("600", "Enough"); } }
""",
    modules=MODULES,
)
def forking_in_failure_route(scene: Scene) -> None:
    """append_branch() without $ru: the request URI was tried already."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(404, "Not Found")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(486, "Busy Here")
    scene.carol.expect("ACK")
    scene.dave.expect("INVITE").answer(404, "Not Found")
    scene.dave.expect("ACK")
    scene.settle()


@case(
    """
request_route { t_on_failure("F"); t_on_reply("R"); t_relay(); }
onreply_route[R] { xlog("R $rs\\n"); }
onreply_route[S] { xlog("S $rs\\n"); }
failure_route[F] {
    xlog("failed\\n");
    t_on_reply("S");
    $ru = "sip:carol@127.0.0.13:21200";
    if (!t_relay()) xlog("no\\n");
    t_on_failure("G");
}
failure_route[G] { xlog("G $T_reply_code\\n"); }
""",
    modules=MODULES,
)
def routes_armed_in_failure_route(scene: Scene) -> None:
    """t_on_reply() in a failure route is for the new branches; t_on_failure() behind t_relay() comes too late."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(404, "Not Found")
    scene.bob.expect("ACK")
    invite = scene.carol.expect("INVITE")
    invite.answer(180, "Ringing")
    scene.settle()
    invite.answer(486, "Busy Here")
    scene.settle()


@case(
    """
request_route {
    t_on_failure("F");
    if (!t_relay()) { xlog("relay $rc\\n"); }
    if (!t_relay()) { xlog("relay again $rc\\n"); }
    t_newtran(); xlog("newtran $rc\\n");
    t_reply("404", "Mine"); xlog("reply $rc\\n");
    t_reply("200", "Mine"); xlog("reply $rc\\n");
    sl_send_reply("500", "Stateless"); xlog("sl $rc\\n");
    send_reply("501", "Either"); xlog("send $rc\\n");
}
failure_route[F] { xlog("failed $T_reply_code\\n"); }
""",
    modules=MODULES,
)
def too_much_at_once(scene: Scene) -> None:
    """t_relay() twice, replies behind it."""
    scene.alice.request("INVITE", BOB)
    scene.settle()
    for party in (scene.alice, scene.bob):
        party.drain()
