"""if, switch, while, return, exit, drop; return codes of functions and routes; each kind of route."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, battery, case

battery(
    "control_flow",
    "if_and_return_codes",
    """
    $var(x) = 3;
    if ($var(x) == 3) { $var(r) = "then"; } else { $var(r) = "else"; }
    = $var(r)
    if ($var(x) == 4) { $var(r) = "then"; } else if ($var(x) == 3) { $var(r) = "else if"; } else { $var(r) = "else"; }
    = $var(r)
    if ($var(x) == 4) $var(r) = 1; else if ($var(x) == 5) $var(r) = 2; else $var(r) = 3;
    = $var(r)
    if ($var(x) == 3) if ($var(x) == 4) $var(r) = "inner"; else $var(r) = "inner else";
    = $var(r)
    $var(r) = "unset";
    if ($var(x) == 4) if ($var(x) == 3) $var(r) = "inner"; else $var(r) = "inner else";
    = $var(r)
    @ route(ONE)
    @ route(ZERO_LATER)
    @ route(MINUS)
    @ route(NOTHING)
    @ route(EMPTY)
    @ route(SEVEN)
    @ route(VAR)
    @ route(EXPR)
    @ route(STRING)
    @ route(BREAKS)
    @ route(NESTED)
    @ route(LASTFAILS)
    > $?
    > $rc
    > $retcode
    ? route(ONE)
    ? route(MINUS)
    ? route(SEVEN)
    ? !route(MINUS)
    ? route(NOTHING)
    ? route(EMPTY)
    ? route(ONE) && route(MINUS)
    ? route(MINUS) || route(SEVEN)
    @ is_method("INVITE")
    @ is_method("BYE")
    > $rc
    $var(a) = 1;
    > $rc
    if ($var(a) == 1) { $var(b) = 1; }
    > $rc
    if ($var(a) == 2) { $var(b) = 1; }
    > $rc
    setflag(9);
    > $rc
    @ setflag(1)
    @ isflagset(1)
    @ isflagset(2)
    @ resetflag(1)
    @ isflagset(1)
    ? isflagset(1)
    $var(r) = route(SEVEN);
    = $var(r)
    $var(r) = is_method("BYE");
    = $var(r)
    $var(r) = is_method("INVITE") && 5;
    = $var(r)
    $var(name) = "SEVEN";
    @ route($var(name))
    @ route("SEVEN")
    $var(name) = "NOBODY";
    @ route($var(name))
    @ route("SE" + "VEN")
    route(SETS); route(SEVEN); if ($rc == 7) $var(r) = "seven"; else $var(r) = "other";
    = $var(r)
    if (route(SEVEN)) { setflag(9); } else { setflag(9); }
    > $rc
    if (is_method("BYE")) { setflag(9); }
    > $rc
    if (!is_method("INVITE")) { setflag(9); }
    > $rc
    while (is_method("BYE")) { setflag(9); }
    > $rc
    switch (route(SEVEN)) { case 7: $var(r) = "seven"; break; case 1: $var(r) = "one"; break; default: $var(r) = "default"; }
    = $var(r)
    > $rc
    """,
    modules="pv xlog textops",
    after="""
route[ONE] { return 1; }
route[ZERO_LATER] { return -2; }
route[MINUS] { return -1; }
route[NOTHING] { setflag(9); }
route[EMPTY] { return; }
route[SEVEN] { return 7; }
route[VAR] { $var(q) = 4; return $var(q); }
route[EXPR] { return 2 + 3 * 2; }
route[STRING] { $var(q) = "12"; return $var(q); }
route[BREAKS] { while (1) { break; } return 3; }
route[NESTED] { route(SEVEN); }
route[LASTFAILS] { is_method("BYE"); }
route[SETS] { $var(sets) = 1; }
""",
)

battery(
    "control_flow",
    "switch_and_while",
    """
    $var(i) = 0; $var(s) = "";
    while ($var(i) < 5) { $var(s) = $var(s) + $var(i); $var(i) = $var(i) + 1; }
    = $var(s)
    = $var(i)
    $var(i) = 0; $var(s) = "";
    while (1) { $var(i) = $var(i) + 1; if ($var(i) > 5) break; if ($var(i) == 3) { setflag(9); } else $var(s) = $var(s) + $var(i); }
    = $var(s)
    $var(i) = 0; while ($var(i) < 3) $var(i) = $var(i) + 1;
    = $var(i)
    $var(i) = 0; $var(s) = "";
    while ($var(i) < 2) { $var(j) = 0; while (1) { if ($var(j) == 2) break; $var(s) = $var(s) + $var(i) + $var(j) + " "; $var(j) = $var(j) + 1; } $var(i) = $var(i) + 1; }
    = $var(s)
    $var(i) = 0; while ($var(i) < 150) { $var(i) = $var(i) + 1; }
    = $var(i)
    $var(x) = 2;
    switch ($var(x)) { case 1: $var(r) = "one"; break; case 2: $var(r) = "two"; break; default: $var(r) = "default"; }
    = $var(r)
    $var(s) = "";
    switch ($var(x)) { case 1: $var(s) = $var(s) + "1"; case 2: $var(s) = $var(s) + "2"; case 3: $var(s) = $var(s) + "3"; break; case 4: $var(s) = $var(s) + "4"; }
    = $var(s)
    $var(s) = "";
    switch ($var(x)) { case 7: $var(s) = "7"; break; }
    = $var(s)
    switch ($var(x)) { default: $var(s) = "default first"; break; case 2: $var(s) = "two"; break; }
    = $var(s)
    switch ($var(x)) { case 1: case 2: $var(s) = "one or two"; break; default: $var(s) = "other"; }
    = $var(s)
    switch ($rm) { case "INVITE": $var(s) = "invite"; break; case "BYE": $var(s) = "bye"; break; default: $var(s) = "other"; }
    = $var(s)
    switch ($rm) { case "invite": $var(s) = "lower"; break; default: $var(s) = "other"; }
    = $var(s)
    switch ($rU) { case /"^b": $var(s) = "starts with b"; break; default: $var(s) = "other"; }
    = $var(s)
    switch ($rU) { case /"^B": $var(s) = "starts with B"; break; default: $var(s) = "other"; }
    = $var(s)
    switch ($rU) { case /"^z": $var(s) = "z"; break; case "bob": $var(s) = "bob"; break; case /".*": $var(s) = "any"; break; }
    = $var(s)
    switch ($var(x)) { case "2": $var(s) = "string two"; break; default: $var(s) = "other"; }
    = $var(s)
    $var(t) = "2";
    switch ($var(t)) { case 2: $var(s) = "int two"; break; default: $var(s) = "other"; }
    = $var(s)
    $var(t) = "abc";
    switch ($var(t)) { case 0: $var(s) = "zero"; break; default: $var(s) = "other"; }
    = $var(s)
    switch ($vn(nothing)) { case 0: $var(s) = "zero"; break; default: $var(s) = "other"; }
    = $var(s)
    switch ($vn(nothing)) { case "": $var(s) = "empty"; break; default: $var(s) = "other"; }
    = $var(s)
    switch ($var(x) + 1) { case 3: $var(s) = "three"; break; }
    = $var(s)
    switch ($var(x)) { case 1+1: $var(s) = "one plus one"; break; default: $var(s) = "other"; }
    = $var(s)
    $var(i) = 0; $var(s) = "";
    while ($var(i) < 4) { $var(i) = $var(i) + 1; switch ($var(i)) { case 2: break; default: $var(s) = $var(s) + $var(i); } }
    = $var(s)
    $var(s) = "";
    switch ($var(x)) { case 2: if ($var(x) == 2) { $var(s) = "a"; break; } $var(s) = "b"; break; default: $var(s) = "c"; }
    = $var(s)
    switch ($var(x)) { case -2: $var(s) = "minus"; break; case 2: $var(s) = "plus"; break; }
    = $var(s)
    > $rc
    """,
)

EXITS = """
request_route {
    $var(mode) = $rU;
    xlog("start $rU\\n");
    route(MAIN);
    xlog("after MAIN rc=$rc\\n");
    sl_send_reply("200", "End");
}
route[MAIN] {
    xlog("MAIN\\n");
    route(INNER);
    xlog("after INNER rc=$rc\\n");
    return 5;
}
route[INNER] {
    switch ($var(mode)) {
        case "exit": exit;
        case "drop": drop;
        case "return": return -3;
        case "returnzero": return 0;
        case "breakout": break;
        case "loop": while (1) { return 9; }
        case "error": return 2147483648;
    }
    xlog("end of INNER\\n");
}
"""


def _send_each(scene: Scene, users: str) -> None:
    for number, user in enumerate(users.split(), 1):
        scene.alice.request("OPTIONS", f"sip:{user}@example.com", call_id=f"call-{number}", cseq=number)
        scene.settle()


@case(EXITS, modules="pv xlog sl")
def exit_drop_and_return_in_a_subroute(scene: Scene) -> None:
    """`return 0` ends the whole script as exit does; break leaves only the switch."""
    _send_each(scene, "normal exit drop return returnzero breakout loop error")


@case(
    """
request_route { xlog("first\\n"); route(A); }
request_route { xlog("second\\n"); exit; xlog("never\\n"); }
route[A] { xlog("A\\n"); }
""",
    modules="xlog",
)
def several_request_routes_are_one(scene: Scene) -> None:
    """A second block continues the first; of other routes a second block is refused."""
    _send_each(scene, "x")


@case(
    """
modparam("pv", "shvset", "count=i:0")
request_route {
    $var(v) = $var(v) + 1;
    $avp(a) = $rU;
    $xavp(x=>u) = $rU;
    setflag(3);
    $shv(count) = $shv(count) + 1;
    xlog("var $var(v) avp $avp(a) shv $shv(count)\\n");
    if ($rU == "second") xlog("flags $mF old $avp(old)\\n");
    $avp(old) = "old";
}
""",
    modules="pv xlog",
)
def var_outlives_a_message_avp_does_not(scene: Scene) -> None:
    """$var belongs to the process, $avp to the transaction or message, $shv to the server."""
    _send_each(scene, "first second third")


@case(
    """
request_route { xlog("request\\n"); sl_send_reply("200", "OK"); return; }
event_route[sl:local-response] { xlog("local-response $rs $rr\\n"); }
event_route[core:msg-received] { xlog("received $rm $Ri\\n"); }
event_route[core:pre-routing] { xlog("pre-routing\\n"); }
""",
    modules="pv xlog sl",
)
def event_routes_of_the_core(scene: Scene) -> None:
    """core:msg-received runs before the request route only where the core was told so."""
    _send_each(scene, "x")


@case(
    """
request_route { xlog("request\\n"); forward(); }
onsend_route { xlog("onsend $snd(ip):$snd(port) buf $(snd(buf){s.substr,0,6}) to $sndto(ip) from $sndfrom(ip)\\n"); if ($rm == "BYE") drop; }
reply_route { xlog("reply $rs $rr $rm\\n"); if ($rs == 183) drop; }
""",
    modules="pv xlog",
)
def onsend_and_reply_route_of_a_stateless_proxy(scene: Scene) -> None:
    """drop in onsend_route keeps the request, drop in reply_route keeps the reply."""
    scene.alice.request("INVITE", "sip:bob@127.0.0.12:21200")
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    invite.answer(183, "Progress")
    invite.answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.request("BYE", "sip:bob@127.0.0.12:21200", cseq=2)
    scene.settle()


@case(
    """
request_route {
    xlog("1 $rm\\n");
    if ($rU == "a") { route(A); } else if ($rU == "b") { route(B); }
    xlog("after\\n");
}
route[A] { if (route(B)) { xlog("B true\\n"); return -1; } xlog("B false\\n"); return 1; }
route[B] { if ($rU == "b") return 2; return -2; }
""",
    modules="pv xlog",
)
def route_blocks_as_conditions(scene: Scene) -> None:
    """A route is true when it returns more than zero."""
    _send_each(scene, "a b c")


@case(
    """
request_route { route(DEEP); xlog("rc $rc depth $var(d)\\n"); }
route[DEEP] { $var(d) = $var(d) + 1; if ($var(d) < 30) { route(DEEP); } return $var(d); }
""",
    modules="pv xlog",
)
def recursion(scene: Scene) -> None:
    """Routes may call themselves."""
    _send_each(scene, "x")


@case(
    """
request_route { route(DEEP); xlog("rc $rc depth $var(d)\\n"); sl_send_reply("200", "OK"); }
route[DEEP] { $var(d) = $var(d) + 1; route(DEEP); }
""",
    modules="pv xlog sl",
)
def endless_recursion_is_cut(scene: Scene) -> None:
    """The core stops at a depth of 100 blocks and the script ends with an error."""
    _send_each(scene, "x")


@case(
    """
request_route {
    $var(i) = 0;
    while (1) { $var(i) = $var(i) + 1; }
    xlog("left the loop after $var(i)\\n");
}
""",
    modules="pv xlog",
)
def max_while_loops_ends_an_endless_loop(scene: Scene) -> None:
    """100 turns by default."""
    _send_each(scene, "x")


@case(
    """
max_while_loops=7
request_route {
    $var(i) = 0;
    while ($var(i) < 20) { $var(i) = $var(i) + 1; }
    xlog("left the loop after $var(i) rc $rc\\n");
}
""",
    modules="pv xlog",
)
def max_while_loops_can_be_set(scene: Scene) -> None:
    """And the route goes on after the loop."""
    _send_each(scene, "x")


@case(
    """
request_route {
    if (is_method("OPTIONS")) xlog("no braces\\n");
    if ($rU == "x") { xlog("x\\n"); exit; } xlog("not x\\n");
    ;;
    if ($rU == "y") ; else xlog("else\\n");
}
""",
    modules="xlog textops pv",
)
def bodies_without_braces(scene: Scene) -> None:
    """One statement, or none."""
    _send_each(scene, "x y z")


@case(
    """
request_route {
    $var(turn) = $var(turn) + 1;
    if ($var(turn) > 1) { xlog("turn $var(turn), rc $rc\\n"); if ($var(turn) == 2) { return 7; } else { return -3; } }
    if (route($var(nothing)) == 7) { xlog("seven\\n"); }
    route($var(nothing)); xlog("rc $rc\\n");
}
""",
    modules="pv xlog",
)
def the_main_route_is_route_0(scene: Scene) -> None:
    """A variable that holds nothing names it."""
    _send_each(scene, "x")
