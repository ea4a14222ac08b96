"""dialog's pseudo-variables, flags and properties: before a dialog exists, in every route of its life, and behind it."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Got, Scene, battery, case, verdicts

MODULES = "pv xlog tm sl rr textops siputils dialog"
BOB = "sip:bob@127.0.0.12:21200"
NAMES = [
    "dflags",
    "sflags",
    "callid",
    "to_uri",
    "to_tag",
    "toroute",
    "to_cseq",
    "to_rs",
    "from_rs",
    "from_uri",
    "from_tag",
    "lifetime",
    "from_cseq",
    "to_contact",
    "to_bindaddr",
    "from_contact",
    "from_bindaddr",
    "h_entry",
    "state",
]


class Call:
    """A call from alice to bob through the server, step by step."""

    def __init__(self, scene: Scene, *, call_id: str = "call-1", headers: str = "") -> None:
        self.scene, self.call_id = scene, call_id
        self.invite = scene.alice.request("INVITE", BOB, call_id=call_id, headers=headers)
        self.at_bob: Got | None = None
        self.routes = ""

    def ring(self) -> None:
        """Bob's phone rings."""
        self.arrive()
        assert self.at_bob is not None
        self.at_bob.answer(180, "Ringing", headers="Contact: <sip:bob@127.0.0.12:21200>")
        self.scene.alice.expect(180)
        self.scene.settle()

    def arrive(self) -> None:
        """The INVITE reaches bob."""
        if self.at_bob is None:
            self.scene.alice.expect(100)
            self.at_bob = self.scene.bob.expect("INVITE")
            self.routes = "\n".join(f"Route: {route}" for route in self.at_bob.headers("Record-Route"))

    def refuse(self, code: int = 486, reason: str = "Busy Here") -> None:
        """Bob does not want to."""
        self.arrive()
        assert self.at_bob is not None
        self.at_bob.answer(code, reason)
        self.scene.bob.expect("ACK")
        reply = self.scene.alice.expect(code)
        self.scene.alice.ack(self.invite, reply)
        self.scene.settle()

    def answer(self) -> None:
        """Bob accepts."""
        self.arrive()
        assert self.at_bob is not None
        self.at_bob.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
        self.scene.alice.expect(200)
        self.scene.settle()

    def ack(self) -> None:
        """Alice acknowledges."""
        self.scene.alice.request("ACK", BOB, call_id=self.call_id, to_tag="bob", headers=self.routes)
        self.scene.bob.expect("ACK")
        self.scene.settle()

    def by_alice(self, method: str, cseq: int, code: int = 200) -> None:
        """Alice sends a request within the dialog; bob replies."""
        self.scene.alice.request(method, BOB, call_id=self.call_id, cseq=cseq, to_tag="bob", headers=self.routes)
        self.scene.bob.expect(method).answer(code, "Whatever")
        self.scene.alice.expect(code)
        self.scene.settle()

    def by_bob(self, method: str, cseq: int, code: int = 200) -> None:
        """And bob does."""
        self.scene.bob.request(
            method,
            self.scene.alice.contact,
            call_id=self.call_id,
            cseq=cseq,
            headers=self.routes,
            to="<sip:alice@example.com>",
            from_="<sip:bob@example.com>",
            to_tag="alice",
        )
        self.scene.alice.expect(method).answer(code, "Whatever")
        self.scene.bob.expect(code)
        self.scene.settle()

    def whole(self) -> None:
        """From the ringing to the BYE, with a request each way between."""
        self.ring()
        self.answer()
        self.ack()
        self.by_bob("INFO", 7)
        self.by_alice("INFO", 2)
        self.by_alice("BYE", 3)


def proxy(
    start: str,
    *,
    always: str = "",
    inside: str = "",
    branch: str = "",
    reply: str = "",
    core_reply: str = "",
    failure: str = "",
    event: str = "",
) -> str:
    """A proxy that tracks calls: `start` runs for an initial INVITE, the others in their routes."""
    routes = {"branch_route[B]": branch, "onreply_route[R]": reply, "failure_route[F]": failure}
    routes["reply_route"] = core_reply
    routes |= {f"event_route[dialog:{name}]": event.replace("WHERE", name) for name in ("start", "end", "failed")}
    return f"""
request_route {{
    {always}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        loose_route();
        {inside}
        t_relay();
        exit;
    }}
    record_route();
    {start}
    {'t_on_branch("B");' if branch else ""}
    {'t_on_reply("R");' if reply else ""}
    {'t_on_failure("F");' if failure else ""}
    t_relay();
}}
""" + "".join(f"{name} {{ {body} }}\n" for name, body in routes.items() if body)


def show(where: str) -> str:
    """Log every attribute."""
    attributes = " ".join(f"{name}=$dlg({name})" for name in NAMES)
    context = " ".join(f"{name}=$dlg_ctx({name})" for name in CONTEXT)
    return (
        f'xlog("{where} {attributes}\\n"); xlog("{where} {context}\\n"); '
        f'xlog("{where} status=$DLG_status lifetime=$DLG_lifetime count=$DLG_count var=$dlg_var(a)\\n");'
    )


CONTEXT = ["on", "timeout", "timeout_bye", "timeout_route", "timeout_route_id", "set", "dir"]
WATCHED = {
    "always": show("$rm before"),
    "inside": show("$rm inside"),
    "branch": show("branch"),
    "reply": show("reply $rs"),
    "core_reply": show("core reply $rs"),
    "failure": show("failure"),
    "event": show("event WHERE"),
}
START = '$dlg_var(a) = "x"; dlg_manage(); ' + show("managed")


@case(proxy(START, **WATCHED), modules=MODULES, spec="11.1 11.2 11.3 11.4 11.5 11.6")
def every_attribute_in_every_route(scene: Scene) -> None:
    """A call with a request each way."""
    Call(scene).whole()


@case(proxy(START, **WATCHED), modules=MODULES, spec="11.4 11.5")
def every_attribute_of_a_failed_call(scene: Scene) -> None:
    """Bob is busy."""
    call = Call(scene)
    call.ring()
    call.refuse()


battery(
    "dialog_vars",
    "variables_before_and_behind_dlg_manage",
    r"""
    = $dlg_var(a)
    @ $dlg_var(a) = "x"
    = $dlg_var(a)
    @ $dlg_var(a) = 5
    = $dlg_var(a)
    @ $dlg_var(a) = 5 + 1
    = $dlg_var(a)
    $var(i) = 7;
    @ $dlg_var(a) = $var(i)
    = $dlg_var(a)
    @ $dlg_var(b) = $Ts - $Ts
    = $dlg_var(b)
    @ $dlg_var(b) = $null
    = $dlg_var(b)
    @ $dlg_var(a) = $null
    = $dlg_var(a)
    @ $dlg_var(a) = ""
    = $dlg_var(a)
    > <$dlg_var(a)> <$dlg_var(nobody)>
    ? $dlg_var(a) == $null
    ? $dlg_var(a) == ""
    ? defined $dlg_var(a)
    ? not defined $dlg_var(nobody)
    ? strempty($dlg_var(a))
    $var(name) = "dyn";
    @ $dlg_var($var(name)) = "by name"
    = $dlg_var($var(name))
    = $dlg_var(dyn)
    $var(name) = "other";
    = $dlg_var($var(name))
    @ $dlg_var(a b) = "blank"
    = $dlg_var(a b)
    = $dlg_var( a b )
    = $dlg_var(A B)
    @ $dlg_var(a) = "x" + "y"
    = $dlg_var(a) + "z"
    = $dlg_var(a) + 1
    @ $dlg_var(n) = "12"
    = $dlg_var(n) + 1
    = (int)$dlg_var(n) + 1
    ? $dlg_var(n) == 12
    ? $dlg_var(n) > 3
    > $(dlg_var(a){s.len}) $(dlg_var(a){s.toupper})
    x = $(dlg_var(a)[0])
    = $DLG_count
    = $DLG_status
    = $DLG_lifetime
    = $dlg(callid)
    = $dlg(ref)
    ? is_known_dlg()
    @ dlg_manage()
    = $dlg_var(a)
    = $dlg_var(n)
    = $dlg_var(dyn)
    @ $dlg_var(c) = "new"
    @ $dlg_var(a) = $null
    = $dlg_var(a)
    = $dlg_var(c)
    @ $dlg_var(c) = 9
    = $dlg_var(c)
    @ $dlg_var(never) = $null
    = $dlg_var(never)
    = $DLG_count
    = $DLG_status
    = $DLG_lifetime
    = $dlg(callid)
    = $dlg(ref)
    = $dlg(state)
    = $dlg(h_entry)
    ? $dlg(h_id) > 0
    = $dlg(toroute)
    = $dlg(lifetime)
    = $dlg(dflags)
    = $dlg(from_rs)
    = $dlg(to_tag)
    """,
    modules=MODULES,
    spec="11.6",
)

battery(
    "dialog_vars",
    "context",
    r"""
    = $dlg_ctx(on)
    x = $dlg_ctx(flags)
    = $dlg_ctx(timeout)
    = $dlg_ctx(timeout_bye)
    = $dlg_ctx(timeout_route)
    = $dlg_ctx(timeout_route_id)
    = $dlg_ctx(set)
    = $dlg_ctx(dir)
    @ $dlg_ctx(on) = 3
    = $dlg_ctx(on)
    @ $dlg_ctx(on) = "4"
    = $dlg_ctx(on)
    @ $dlg_ctx(on) = -1
    = $dlg_ctx(on)
    @ $dlg_ctx(on) = $null
    = $dlg_ctx(on)
    dlg_setflag(1); dlg_setflag(2);
    @ dlg_isflagset("1")
    @ dlg_isflagset("0")
    @ dlg_setflag("0")
    @ dlg_resetflag("1")
    @ dlg_setflag("31")
    @ dlg_setflag("32")
    @ dlg_setflag("-1")
    @ dlg_isflagset("32")
    @ dlg_resetflag("32")
    @ dlg_isflagset("31")
    $var(f) = 9;
    @ dlg_setflag("$var(f)")
    @ dlg_isflagset("9")
    @ dlg_setflag($var(f) + 1)
    @ dlg_isflagset($var(f) + 1)
    $var(f) = "text";
    @ dlg_setflag("$var(f)")
    @ dlg_isflagset("$var(f)")
    @ dlg_setflag("$hdr(nobody)")
    @ dlg_resetflag("31")
    @ $dlg_ctx(timeout) = 77
    = $dlg_ctx(timeout)
    @ $dlg_ctx(timeout) = -5
    = $dlg_ctx(timeout)
    @ $dlg_ctx(timeout) = "90"
    = $dlg_ctx(timeout)
    @ $dlg_ctx(timeout) = $var(unset)
    = $dlg_ctx(timeout)
    @ $dlg_ctx(timeout_bye) = 1
    = $dlg_ctx(timeout_bye)
    @ $dlg_ctx(timeout_bye) = 2
    = $dlg_ctx(timeout_bye)
    @ $dlg_ctx(timeout_route) = "NOWHERE"
    = $dlg_ctx(timeout_route)
    = $dlg_ctx(timeout_route_id)
    @ $dlg_ctx(timeout_route) = "LATE"
    = $dlg_ctx(timeout_route)
    = $dlg_ctx(timeout_route_id)
    @ $dlg_ctx(timeout_route) = 12
    = $dlg_ctx(timeout_route)
    = $dlg_ctx(timeout_route_id)
    @ $dlg_ctx(timeout_route) = 13
    = $dlg_ctx(timeout_route)
    @ $dlg_ctx(timeout_route) = 0
    = $dlg_ctx(timeout_route)
    @ $dlg_ctx(timeout_route) = "MUCH"
    = $dlg_ctx(timeout_route)
    = $dlg_ctx(timeout_route_id)
    @ $dlg_ctx(timeout_route) = $null
    = $dlg_ctx(timeout_route)
    @ $dlg_ctx(timeout_route) = "123456789012345678901234567890x"
    = $dlg_ctx(timeout_route)
    @ $dlg_ctx(timeout_route) = "1234567890123456789012345678901x"
    = $dlg_ctx(timeout_route)
    @ $dlg_ctx(timeout_route) = "MUCH"
    @ $dlg_ctx(set) = 1
    = $dlg_ctx(set)
    @ $dlg_ctx(dir) = 2
    = $dlg_ctx(dir)
    = $dlg_ctx(on)
    @ $dlg_ctx(timeout_route_id) = 5
    = $dlg_ctx(on)
    = $dlg_ctx(timeout_route_id)
    $dlg_ctx(timeout) = 50;
    @ dlg_manage()
    = $dlg(toroute)
    = $dlg(lifetime)
    = $dlg(sflags)
    = $dlg_ctx(set)
    = $dlg_ctx(dir)
    @ dlg_setflag(3)
    = $dlg(sflags)
    = $dlg(sflags)
    @ dlg_isflagset(3)
    @ dlg_resetflag(3)
    = $dlg(sflags)
    @ dlg_isflagset(3)
    @ dlg_set_property("ka-src")
    @ dlg_set_property("ka-dst")
    @ dlg_set_property("timeout-noreset")
    @ dlg_set_property("KA-SRC")
    @ dlg_set_property("nothing")
    @ dlg_set_property("")
    $var(p) = "ka-src";
    @ dlg_set_property("$var(p)")
    @ dlg_set_property("$var(unset)")
    @ dlg_set_property("$null")
    @ dlg_reset_property("ka-src")
    @ dlg_reset_property("ka-dst")
    @ dlg_reset_property("timeout-noreset")
    @ dlg_reset_property("nothing")
    @ dlg_reset_property("$var(p)")
    """,
    modules=MODULES,
    after='route[EARLY] { xlog("x"); }\nroute[LATE] { route(EARLY); }\nfailure_route[FAIL] { drop; }\nroute[12] { drop; }\nevent_route[xhttp:request] { drop; }\nroute[MUCH] { drop; }',
    spec="11.5 7.5 7.6 7.7 7.16",
)

_READ = [f"$var(x) = $dlg({name});" for name in ("ref", "h_id", "start_ts", *NAMES)]
_READ += [f"$var(x) = $dlg_ctx({name});" for name in ("flags", *CONTEXT)]
_READ += [f"$dlg_ctx({name}) = 1;" for name in ("flags", *CONTEXT)]
verdicts(
    "dialog_vars",
    "names",
    "\n".join(_READ)
    + r"""
    $var(x) = $dlg(nobody);
    $var(x) = $dlg(xyz);
    $var(x) = $dlg(CALLID);
    $var(x) = $dlg();
    $var(x) = $dlg;
    $var(x) = $dlg(callid )
    $var(x) = $dlg( callid);
    $var(x) = $dlg($var(y));
    $var(x) = $dlg(callid$var(y));
    $var(x) = $(dlg(callid)[0]);
    $var(x) = $(dlg(callid){s.len});
    $var(x) = $dlg_ctx(nobody);
    $var(x) = $dlg_ctx(ON);
    $var(x) = $dlg_ctx();
    $var(x) = $dlg_ctx;
    $var(x) = $dlg_ctx($var(y));
    $var(x) = $dlg_var;
    $var(x) = $dlg_var();
    $var(x) = $dlg_var($var(y));
    $var(x) = $dlg_var(a$var(y)b);
    $var(x) = $dlg_var(x y);
    $var(x) = $(dlg_var(x)[0]);
    $var(x) = $DLG_status(x);
    $var(x) = $DLG_nothing;
    $dlg(callid) = "x";
    $dlg(state) = 4;
    $DLG_count = 1;
    $DLG_status = 1;
    $DLG_lifetime = 1;
    $dlg_var(x) = 1;
    $dlg_var(x) = $null;
    $dlg_var(x) = "a" + 1;
    $dlg_ctx(timeout_route) = "x";
    $dlg_ctx(timeout_route) = $null;
    dlg_setflag("1");
    dlg_setflag(1);
    dlg_setflag(32);
    dlg_setflag("32");
    dlg_setflag("-1");
    dlg_setflag("x");
    dlg_setflag("$var(x)");
    dlg_setflag($var(x));
    dlg_setflag("1", "2");
    dlg_setflag();
    dlg_resetflag("x");
    dlg_resetflag("1");
    dlg_isflagset("1");
    dlg_isflagset("x");
    dlg_isflagset();
    if (dlg_isflagset("1")) drop;
    dlg_set_property("ka-src");
    dlg_set_property("nothing");
    dlg_set_property("");
    dlg_set_property("$var(x)");
    dlg_set_property($var(x));
    dlg_set_property(1);
    dlg_set_property();
    dlg_set_property("ka-src", "ka-dst");
    dlg_reset_property("ka-src");
    dlg_reset_property("");
    dlg_get_var("a", "b", "c", "d", "$var(x)");
    dlg_set_var("a", "b", "c", "d", "e");
    : modparam("dialog", "xavp_cfg", "dlg")
    : modparam("dialog", "xavp_cfg", "")
    : modparam("dialog", "xavp_cfg", 1)
    : modparam("dialog", "debug_variables", 1)
    : event_route[dialog:start] { dlg_setflag("1"); $dlg_var(x) = "y"; dlg_set_property("ka-src"); }
    : failure_route[F] { dlg_setflag("1"); dlg_isflagset("1"); dlg_resetflag("1"); }
    : branch_route[B] { dlg_setflag("1"); dlg_isflagset("1"); dlg_resetflag("1"); }
    : onreply_route[R] { dlg_setflag("1"); dlg_isflagset("1"); dlg_resetflag("1"); }
    : onsend_route { dlg_setflag("1"); dlg_isflagset("1"); dlg_resetflag("1"); dlg_set_property("ka-src"); }
    : event_route[tm:local-request] { dlg_setflag("1"); $var(x) = $dlg(callid); }
    """,
    modules=MODULES,
    spec="11.4 11.5 11.6 7.5 7.6 7.7 7.16",
)


@case(
    proxy(
        '$dlg_var(a) = "start"; dlg_manage(); $dlg_var(b) = $dlg_var(a) + "+managed"; dlg_setflag("1");',
        inside='$dlg_var(b) = $dlg_var(b) + "+" + $rm; xlog("$rm <$dlg_var(a)> <$dlg_var(b)> <$dlg_var(c)> $dlg(sflags)\\n"); if (is_method("INFO")) { dlg_setflag("2"); $dlg_var(a) = $null; }',
        branch='$dlg_var(b) = $dlg_var(b) + "+branch"; dlg_setflag("5");',
        reply='$dlg_var(b) = $dlg_var(b) + "+" + $rs; if ($rs == 180) { $dlg_var(c) = "ring"; dlg_setflag("3"); dlg_resetflag("1"); } xlog("reply $rs <$dlg_var(b)> $dlg(sflags)\\n"); dlg_isflagset("1"); xlog("$rc\\n");',
        core_reply='xlog("core $rs <$dlg_var(b)> $dlg(sflags)\\n");',
        event='$dlg_var(b) = $dlg_var(b) + "+WHERE"; xlog("WHERE <$dlg_var(a)> <$dlg_var(b)> <$dlg_var(c)> $dlg(sflags)\\n");',
    ),
    modules=MODULES,
    spec="11.6 7.5 7.6 7.7",
)
def variables_and_flags_through_a_call(scene: Scene) -> None:
    """What one route writes the next one reads."""
    Call(scene).whole()


@case(
    proxy(
        '$dlg_var(a) = "start"; dlg_manage(); dlg_setflag("1");',
        failure='xlog("failure <$dlg_var(a)> $dlg(sflags) $dlg(state)\\n"); $dlg_var(a) = "failed"; dlg_setflag("4"); if (dlg_isflagset("4")) xlog("set\\n"); dlg_resetflag("1"); xlog("$dlg(sflags)\\n");',
        event='xlog("WHERE <$dlg_var(a)> $dlg(sflags) $dlg(state)\\n");',
    ),
    modules=MODULES,
    spec="11.6 7.6",
)
def variables_and_flags_in_a_failure_route(scene: Scene) -> None:
    """Bob is busy."""
    Call(scene).refuse()


@case(
    proxy(
        'dlg_manage(); $var(n) = 0; $var(long) = "0123456789"; while ($var(n) < 3) { $var(n) = $var(n) + 1; $var(long) = $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long); } xlog("$(var(long){s.len})\\n"); $dlg_var(long) = $var(long); xlog("managed $(dlg_var(long){s.len})\\n");',
        inside='xlog("$rm $(dlg_var(long){s.len}) $(dlg_var(long){s.substr,9990,10})\\n");',
    ),
    modules=MODULES,
    spec="11.6",
    differs={
        f"log/{number}": "a text is never longer than a buffer here, as nothing has one" for number in range(1, 6)
    },
)
def ten_thousand_characters(scene: Scene) -> None:
    """More than the buffer for pseudo-variables holds by default."""
    Call(scene).whole()


@case(
    "pv_buffer_size=20000\n"
    + proxy(
        'dlg_manage(); $var(n) = 0; $var(long) = "0123456789"; while ($var(n) < 3) { $var(n) = $var(n) + 1; $var(long) = $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long) + $var(long); } $dlg_var(long) = $var(long); xlog("managed $(dlg_var(long){s.len})\\n");',
        inside='xlog("$rm $(dlg_var(long){s.len}) $(dlg_var(long){s.substr,9990,10})\\n");',
    ),
    modules=MODULES,
    spec="11.6",
)
def ten_thousand_characters_with_a_larger_buffer(scene: Scene) -> None:
    """The core's pv_buffer_size makes room."""
    Call(scene).whole()


@case(
    proxy(
        'if ($hdr(X-Late) != $null) { $dlg_var(a) = "kept?"; xlog("$dlg_var(a)\\n"); sl_send_reply("404", "No"); exit; } xlog("<$dlg_var(a)>\\n"); dlg_manage(); xlog("<$dlg_var(a)>\\n");',
    ),
    modules=MODULES,
    spec="11.6",
)
def variables_of_a_message_without_dialog_are_forgotten(scene: Scene) -> None:
    """The next INVITE finds none of them."""
    scene.alice.request("INVITE", BOB, call_id="other", headers="X-Late: 1")
    scene.alice.expect(404)
    call = Call(scene)
    call.answer()
    call.ack()


@case(
    """
request_route {
    $dlg_ctx(timeout_route) = "LATE";
    $dlg_ctx(timeout_bye) = 1;
    $dlg_ctx(timeout) = 2;
    dlg_setflag("7");
    $dlg_var(who) = $fU;
    if (has_totag()) { loose_route(); t_relay(); exit; }
    record_route();
    dlg_manage();
    xlog("$dlg(toroute) $dlg(lifetime) $dlg(sflags)\\n");
    dlg_set_timeout("2");
    t_relay();
}
route[OTHER] { xlog("other\\n"); }
route[LATE] {
"""
    + show("late")
    + """
    $dlg_var(who) = "late";
    dlg_resetflag("7");
}
event_route[dialog:end] { xlog("end <$dlg_var(who)> $dlg(sflags) $dlg(state)\\n"); }
event_route[tm:local-request] { xlog("local $rm <$dlg_var(who)> $dlg(state)\\n"); }
""",
    modules=MODULES,
    spec="11.5",
)
def the_context_makes_the_timeout(scene: Scene) -> None:
    """Lifetime, timeout route and BYE of a call that nobody ends."""
    call = Call(scene)
    call.answer()
    call.ack()
    scene.wait(4)
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect("BYE").answer(200, "OK")
    scene.settle()


@case(
    proxy(
        'dlg_manage(); xlog("$dlg(from_rs)\\n");',
        inside='xlog("$rm $dlg(from_rs) | $dlg(to_rs)\\n");',
    ),
    modules=MODULES,
    spec="11.4 11.5",
)
def route_sets(scene: Scene) -> None:
    """There are proxies on both sides."""
    call = Call(scene, headers="Record-Route: <sip:127.0.0.13:21200;lr>, <sip:p2.example.com;lr>")
    call.arrive()
    assert call.at_bob is not None
    answered = call.at_bob.text.replace(
        "Record-Route: ", "Record-Route: <sip:127.0.0.14;lr>,<sip:p3.example.com;lr>\r\nRecord-Route: ", 1
    )
    Got(scene.bob, answered).answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
    scene.alice.expect(200)
    scene.settle()
    call.routes = call.routes.split("\n", 1)[0]
    call.ack()
    call.by_bob("INFO", 3)


def _timeout_route(name: str, doc: str, lines: str) -> None:
    def play(scene: Scene) -> None:
        call = Call(scene)
        call.answer()
        call.ack()
        scene.wait(3)

    play.__name__, play.__module__, play.__doc__ = name, __name__, doc
    config = proxy(
        f'{lines} xlog("<$dlg_ctx(timeout_route)> $dlg_ctx(timeout_route_id)\\n"); dlg_manage(); dlg_set_timeout("1"); xlog("$dlg(toroute)\\n");'
    )
    case(config + 'route[LATE] { xlog("late\\n"); }\n', modules=MODULES, spec="11.5")(play)


_timeout_route(
    "a_timeout_route_that_is_taken_back",
    "Null takes the number back, not the name.",
    '$dlg_ctx(timeout_route) = "LATE"; $dlg_ctx(timeout_route) = $null;',
)
_timeout_route("a_timeout_route_of_no_such_name", "The dialog keeps the name.", '$dlg_ctx(timeout_route) = "NOBODY";')
_timeout_route("the_main_route_at_the_timeout", "Route 0 is none.", '$dlg_ctx(timeout_route) = "0";')


@case(
    proxy(
        "dlg_manage();",
        inside='xlog("$rm status $DLG_status lifetime $DLG_lifetime state $dlg(state) dir $dlg_ctx(dir)\\n"); if (is_method("MESSAGE")) { dlg_get("call-1", "alice", "bob"); xlog("got $dlg(callid) $dlg(state) $dlg_ctx(set) $dlg_ctx(dir) $dlg(ref)\\n"); }',
    ),
    modules=MODULES,
    spec="11.2 11.3",
)
def status_and_lifetime(scene: Scene) -> None:
    """They speak of requests that loose_route() matched; dlg_get() shows another call."""
    call = Call(scene)
    call.answer()
    call.ack()
    scene.wait(3)
    call.by_alice("INFO", 2)
    call.by_bob("INFO", 9)
    scene.alice.request("MESSAGE", BOB, call_id="else", to_tag="x")
    scene.bob.expect("MESSAGE").answer(200, "OK")
    scene.alice.expect(200)
    call.by_alice("BYE", 3)
