"""debugger: every kind of action in cfgtrace, in every kind of route; its commands."""

from __future__ import annotations

from ..case import Scene, case

MODULES = "tm sl pv textops xlog siputils kex corex debugger"
TRACE = 'modparam("debugger", "cfgtrace", 1)\nmodparam("debugger", "log_prefix", "from_script: ")\n'


@case(
    TRACE
    + """
request_route {
    $var(x) = 1;
    if (is_method("OPTIONS") && $rU != "x") {
        xlog("L_ERR", "in $var(x)\\n");
    } else if (is_method("INVITE")) {
        xlog("two\\n");
    } else {
        route(B);
    }
    $var(y) = is_method("INVITE");
    while ($var(x) < 3) {
        $var(x) = $var(x) + 1;
    }
    switch ($var(x)) {
        case 1: xlog("one\\n"); break;
        case 3:
            xlog("three\\n");
            break;
        default:
            xlog("d\\n");
    }
    switch ($var(x)) { case 3: xlog("a\\n"); case 1: xlog("b\\n"); }
    switch ($var(x)) { case 1: break; case 2: break; case 4: break; case 5: break; default: xlog("d\\n"); }
    switch ($rm) { case "A": xlog("a\\n"); break; case "OPTIONS": xlog("b\\n"); break; }
    switch ($rm) { case /"A": xlog("a\\n"); break; default: xlog("dd\\n"); }
    t_set_fr("1000" + $var(x)); setflag(2);
    strip(1); strip_tail(1);
    prefix("a");
    setflag(1); resetflag(1); isflagset(1);
    rewritehost("x.y"); sethostport("x:1"); setuser("u"); rewriteuri("sip:a@b");
    append_branch(); append_branch("sip:x@y"); remove_branch(0); clear_branches(); revert_uri();
    force_rport(); add_local_rport(); set_advertised_address("1.2.3.4"); set_advertised_port(5061);
    sethostporttrans("a:5060"); userphone();
    force_send_socket(udp:127.0.0.1:21200);
    $avp(a) = "x";
    if (1) xlog("const\\n");
    if (0) xlog("const\\n"); else xlog("c2\\n");
    while (0) xlog("x\\n");
    if (src_ip == 127.0.0.1 && method == "OPTIONS") { xlog("src\\n"); }
    if (msg:len > 1) { xlog("len\\n"); }
    if ($rm == "INVITE") drop;
    if (route(C) > 0 and !route(D)) { xlog("both\\n"); }
    $var(z) = route(C) + 2;
    route("B" + $var(e));
    if (!isflagset(3)) exit;
}
route[B] { return 1; }
route[C] { if ($var(x)) return(2); return; }
route[D] { return -1; }
""",
    modules=MODULES,
)
def every_kind_of_action(scene: Scene) -> None:
    """Number, name and line of each action."""
    scene.alice.request("OPTIONS")
    scene.settle()


@case(
    TRACE
    + """
modparam("debugger", "cfgtrace_format", 1)
request_route {
    t_on_reply("R"); t_on_branch("B"); t_on_failure("F");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
onreply_route { setflag(1); }
onreply_route[R] { setflag(2); }
branch_route[B] { setflag(3); }
failure_route[F] { setflag(4); t_reply("603", "No"); }
onsend_route { setflag(5); }
event_route[tm:local-request] { setflag(6); }
event_route[sl:local-response] { setflag(7); }
event_route[tm:branch-failure:F] { setflag(8); }
""",
    modules=MODULES,
)
def every_kind_of_route(scene: Scene) -> None:
    """Type and name of the route, without the file."""
    scene.alice.request("INVITE")
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.settle()


@case(
    """
modparam("debugger", "mod_hash_size", 5)
modparam("debugger", "mod_level_mode", 1)
modparam("debugger", "mod_level", "xlog=-2")
modparam("debugger", "mod_facility_mode", 1)
modparam("debugger", "mod_facility", "xlog=LOG_LOCAL3")
modparam("debugger", "reset_msgid", 1)
request_route { xlog("L_ERR", "quiet\\n"); xlog("L_ALERT", "loud\\n"); }
""",
    modules=MODULES,
)
def levels_of_modules(scene: Scene) -> None:
    """mod_level counts for what a module logs; numbers of messages start anew."""
    scene.alice.request("OPTIONS")
    scene.settle()
    for words in (
        "get_mod_level xlog",
        "get_mod_level core",
        "set_mod_level tm 1",
        "get_mod_level tm",
        "set_mod_level xlog 3",
        "set_mod_level xlog",
        "get_mod_level",
        "get_mod_facility xlog",
        "get_mod_facility core",
        "set_mod_facility tm LOG_LOCAL9",
        "set_mod_facility tm LOG_USER",
        "get_mod_facility tm",
        "set_mod_facility tm",
        "reset_msgid",
    ):
        name, *args = words.split()
        scene.rpc(f"dbg.{name}", *(int(arg) if arg.isdigit() else arg for arg in args))
    scene.alice.request("OPTIONS", cseq=2)
    scene.settle()


@case("request_route { drop; }", modules=MODULES)
def commands(scene: Scene) -> None:
    """What is refused."""
    for words in (
        "trace",
        "trace foo",
        "trace on 2",
        "trace on",
        "trace off",
        "bp",
        "bp foo",
        "bp keep",
        "bp keep 2",
        "bp show",
        "bp show 2",
        "bp eval",
        "bp log",
        "bp next 2",
        "bp move 2",
        "bp release",
        "bp on",
        "bp off",
        "ls 2",
        "set_mod_level core 3",
        "set_mod_level core",
        "get_mod_level all",
        "set_mod_facility core LOG_LOCAL3",
        "get_mod_facility all",
        "reset_msgid",
    ):
        name, *args = words.split()
        scene.rpc(f"dbg.{name}", *(int(arg) if arg.isdigit() else arg for arg in args))


@case(
    """
modparam("debugger", "cfgtrace", 0)
request_route {
    $avp(a) = 1;
    $var(s) = "text";
    dbg_breakpoint("1");
    xlog("$rc\\n");
    dbg_pv_dump("6", "L_DBG");
    xlog("$rc\\n");
    dbg_sip_msg("L_DBG");
    xlog("$rc\\n");
}
""",
    modules=MODULES,
)
def functions(scene: Scene) -> None:
    """They return 1."""
    scene.alice.request("OPTIONS")
    scene.settle()
