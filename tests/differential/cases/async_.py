"""async: requests that wait, and go on in a route or behind the call; tasks of the core's asynchronous workers."""

from __future__ import annotations

from ..case import Scene, battery, case, verdicts

MODULES = "pv xlog textops sl tm tmx async"
LATER = 'route[LATER] { xlog("later $rU $rm $T_reply_code\\n"); send_reply("404", "Later"); exit; }\n'


def invites(scene: Scene, users: str, code: int = 404) -> None:
    """An INVITE to each user, up to its final reply."""
    for user in users.split():
        invite = scene.alice.request("INVITE", f"sip:{user}@example.com", call_id=user)
        scene.alice.expect(100)
        reply = scene.alice.expect(code, 4)
        scene.alice.ack(invite, reply)
        scene.label(user)


@case(
    'async_workers=1\nmodparam("async", "ms_timer", 10)\n'
    + """
request_route {
    if ($rm == "ACK") { t_check_trans(); exit; }
    $avp(a) = "avp"; $xavp(x=>y) = "xavp"; $var(v) = 7; append_to_reply("X-Edit: 1\\r\\n"); setflag(3);
    switch ($rU) {
        case "route": async_route("LATER", "1"); break;
        case "variable": $var(r) = "LATER"; $var(s) = 30; async_ms_route("$var(r)", "$var(s)"); break;
        case "ms": async_ms_route("LATER", "30"); break;
        case "sleep":
            async_sleep("1");
            xlog("behind $avp(a) $xavp(x=>y) $rU\\n");
            if (isflagset(3)) xlog("flag\\n");
            send_reply("404", "Behind");
            xlog("replied\\n");
            break;
        case "if":
            if ($rm == "INVITE") { async_ms_sleep("30"); xlog("in the block\\n"); send_reply("404", "Block"); }
            xlog("not here\\n");
            break;
        case "twice":
            async_ms_sleep("20");
            xlog("one\\n");
            async_ms_sleep("20");
            xlog("two\\n");
            send_reply("404", "Twice");
    }
    xlog("end $rU\\n");
}
"""
    + LATER,
    modules=MODULES,
)
def requests_wait(scene: Scene) -> None:
    """In a route, behind the call, in a block of their own."""
    invites(scene, "route variable ms sleep if twice")


@case(
    'async_workers=1\nmodparam("async", "ms_timer", 10)\n'
    + """
request_route {
    if ($rm == "ACK") { t_check_trans(); exit; }
    t_on_failure("F");
    $du = "sip:127.0.0.12:21200";
    if ($rU == "relay") { async_ms_route("RELAY", "20"); xlog("not here\\n"); }
    t_relay();
}
route[RELAY] { xlog("relay $ru $du\\n"); append_hf("X-Late: 1\\r\\n"); t_on_failure("F"); t_relay(); }
failure_route[F] { xlog("failed $T_reply_code\\n"); if ($rU == "again") { async_ms_route("AGAIN", "20"); } }
route[AGAIN] { $du = "sip:127.0.0.13:21200"; xlog("again\\n"); t_relay(); }
""",
    modules=MODULES,
)
def relaying_later(scene: Scene) -> None:
    """What was suspended is relayed, and a failure route may wait as well."""
    invite = scene.alice.request("INVITE", "sip:relay@example.com", call_id="relay")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.alice.ack(invite, scene.alice.expect(486))
    scene.label("relay")
    invite = scene.alice.request("INVITE", "sip:again@example.com", call_id="again")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(500, "No")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(603, "Decline")
    scene.carol.expect("ACK")
    scene.alice.ack(invite, scene.alice.expect(603))


@case(
    'async_workers=1\nasync_workers_group="name=abc;workers=1;nonblock=0;usleep=0"\n'
    + """
request_route {
    if ($rm == "ACK") { t_check_trans(); exit; }
    switch ($rU) {
        case "route": async_task_route("TASK"); xlog("not here\\n"); break;
        case "group": $var(g) = "abc"; async_task_group_route("TASK", "$var(g)"); xlog("not here\\n"); break;
        case "data": async_task_data("DATA", "from $fU $rU"); break;
        case "variable": $var(d) = 7; async_task_data("DATA", "$var(d)"); break;
        case "null": async_task_data("DATA", "$hdr(None)"); break;
        case "empty": async_task_data("DATA", ""); break;
        case "none": async_task_data("NONE", "lost"); xlog("none $rc\\n"); break;
        case "here": xlog("here $async(data) $async(gname)\\n"); break;
    }
    exit;
}
route[TASK] { xlog("task $rU $async(data) $async(gname)\\n"); send_reply("404", "Task"); }
route[DATA] { xlog("data <$async(data)> <$async(gname)> $rm $ru\\n"); }
""",
    modules=MODULES,
)
def tasks(scene: Scene) -> None:
    """Routes and data for the core's workers, and groups of them."""
    invites(scene, "route group")
    for user in ("data", "variable", "null", "empty", "none", "here"):
        scene.alice.request("OPTIONS", f"sip:{user}@example.com")
        scene.wait(0.05)


@case(
    'async_workers=1\nmodparam("async", "return", 5)\nmodparam("async", "ms_timer", 10)\n'
    + """
request_route {
    if ($rm == "ACK") { t_check_trans(); exit; }
    switch ($rU) {
        case "ms": async_ms_route("LATER", "20"); xlog("$rc\\n"); break;
        case "task": async_task_route("LATER"); xlog("$rc\\n"); break;
    }
    exit;
}
"""
    + LATER,
    modules=MODULES,
)
def routes_go_on(scene: Scene) -> None:
    """With the parameter return the route runs to its end."""
    invites(scene, "ms task")


battery(
    "async_",
    "errors",
    """
    @ async_route("LATER", "0")
    @ async_route("LATER", "-1")
    @ async_route("LATER", "100")
    @ async_route("NONE", "1")
    @ async_route("", "1")
    $var(s) = 100;
    @ async_route("LATER", "$var(s)")
    @ async_route("LATER", "$hdr(None)")
    @ async_sleep("0")
    @ async_sleep("100")
    @ async_ms_sleep("0")
    @ async_ms_sleep("30000")
    @ async_ms_sleep("10")
    @ async_ms_route("LATER", "10")
    @ async_ms_route("NONE", "10")
    > $async(data)
    > $async(gname)
    x @ async_sleep()
    x @ async_route("LATER")
    """,
    modules=MODULES,
    after=LATER,
)

battery(
    "async_",
    "no_workers",
    """
    @ async_route("LATER", "1")
    @ async_sleep("1")
    @ async_ms_sleep("10")
    @ async_ms_route("LATER", "10")
    """,
    modules=MODULES,
    before='modparam("async", "workers", 0)\nmodparam("async", "ms_timer", 10)\n',
    after=LATER,
)

verdicts(
    "async_",
    "starts",
    """
    async_task_route("x");
    async_task_data("x", "y");
    async_task_group_route("x", "y");
    async_task_group_data("x", "y", "z");
    : async_workers=1\\nrequest_route { async_task_route("x"); async_task_data("x", "y"); }
    : async_workers=0\\nrequest_route { async_task_route("x"); }
    : async_workers_group="name=a;workers=1"\\nrequest_route { async_task_route("x"); }
    : async_workers_group="workers=1"\\nrequest_route { async_task_route("x"); }
    : async_workers_group="name=a;workers=0"\\nrequest_route { async_task_route("x"); }
    : async_workers_group="name=default;workers=2"\\nrequest_route { async_task_route("x"); }
    : async_workers_group="nonsense"
    async_sleep("x");
    async_sleep("$var(x)");
    async_route("x", "y");
    async_sleep("1");
    if (async_sleep("1")) exit;
    xlog("$async(data) $async(gname)");
    xlog("$async(nothing)");
    xlog("$async(x)");
    xlog("$async");
    : failure_route[F] { async_sleep("1"); exit; } request_route { t_on_failure("F"); }
    : branch_route[B] { async_sleep("1"); exit; } request_route { t_on_branch("B"); }
    """,
    modules=MODULES,
)
