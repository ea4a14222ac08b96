"""How calls move through their states: replies, forks, spirals, cookies, timeouts, event routes, what is left behind."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

import re

from ..case import Got, Scene, case

MODULES = "pv xlog tm tmx sl rr textops siputils kex corex dialog"
BOB, CAROL = "sip:bob@127.0.0.12:21200", "sip:carol@127.0.0.13:21200"
SEEN = "$rm/$rs state=$dlg(state) ref=$dlg(ref) set=$dlg_ctx(set) S=$DLG_status count=$DLG_count"
CONFIG = f"""
modparam("tm", "retr_timer1", 20000)
modparam("tm", "retr_timer2", 20000)
modparam("tm", "wt_timer", 1000)
PARAMS
request_route {{
    if (is_method("CANCEL")) {{ xlog("cancel {SEEN}\\n"); if (t_check_trans()) t_relay(); xlog("cancelled {SEEN}\\n"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{
            xlog("within $rc {SEEN}\\n");
            WITHIN
            t_on_reply("R"); t_on_failure("F");
            t_relay();
            xlog("relayed {SEEN}\\n");
            exit;
        }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        xlog("no route {SEEN}\\n");
        NOROUTE
        exit;
    }}
    if (!is_method("INVITE")) {{ OTHER exit; }}
    BEFORE
    xlog("before {SEEN}\\n");
    MANAGE
    xlog("managed $rc {SEEN}\\n");
    AFTER
    record_route();
    t_on_branch("B"); t_on_reply("R"); t_on_failure("F");
    RELAY
    xlog("relayed {SEEN}\\n");
}}
branch_route[B] {{ xlog("branch {SEEN}\\n"); }}
onreply_route[R] {{ xlog("onreply {SEEN}\\n"); }}
failure_route[F] {{ xlog("failure $T_reply_code {SEEN}\\n"); FAILURE }}
event_route[dialog:start] {{ xlog("start $rm/$rs/$ru state=$dlg(state) ref=$dlg(ref)\\n"); }}
event_route[dialog:end] {{ xlog("end $rm/$rs/$ru state=$dlg(state) ref=$dlg(ref)\\n"); }}
event_route[dialog:failed] {{ xlog("failed $rm/$rs/$ru state=$dlg(state) ref=$dlg(ref)\\n"); }}
event_route[tm:local-request] {{ xlog("local {SEEN}\\n"); }}
reply_route {{ xlog("reply {SEEN}\\n"); }}
"""


def config(
    params: str = "",
    *,
    before: str = "",
    manage: str = "dlg_manage();",
    after: str = "",
    within: str = "",
    noroute: str = 'sl_send_reply("481", "Gone");',
    other: str = "",
    relay: str = "t_relay();",
    failure: str = "",
    rest: str = "",
) -> str:
    """The config with lines put in; `params` are modparams of dialog: `name=value`, blanks between them."""
    lines = ""
    for setting in re.findall(r'(?:"[^"]*"|[^\s"])+', params):
        name, _, value = setting.partition("=")
        lines += f'modparam("dialog", "{name}", {value})\n'
    text = CONFIG
    for name, code in (
        ("PARAMS", lines),
        ("WITHIN", within),
        ("NOROUTE", noroute),
        ("OTHER", other),
        ("BEFORE", before),
        ("MANAGE", manage),
        ("AFTER", after),
        ("RELAY", relay),
        ("FAILURE", failure),
    ):
        text = text.replace(name, code)
    return text + rest


class Call:
    """A call from alice to bob through the server, step by step."""

    def __init__(self, scene: Scene, *, call_id: str = "call-1", headers: str = "", uri: str = BOB) -> None:
        self.scene, self.call_id = scene, call_id
        self.invite = scene.alice.request("INVITE", uri, call_id=call_id, headers=headers)
        self.at_bob: Got | None = None
        self.routes = ""
        scene.settle()

    def arrive(self) -> Got:
        """The INVITE reaches bob."""
        if self.at_bob is None:
            self.scene.alice.expect(100)
            self.at_bob = self.scene.bob.expect("INVITE")
            self.routes = "\n".join(f"Route: {route}" for route in self.at_bob.headers("Record-Route"))
        return self.at_bob

    def respond(self, code: int, reason: str = "Whatever", *, headers: str = "", contact: bool = True) -> Got:
        """Bob replies, and alice gets it."""
        mine = "Contact: <sip:bob@127.0.0.12:21200>\n" if contact else ""
        self.arrive().answer(code, reason, headers=mine + headers)
        got = self.scene.alice.expect(code)
        self.scene.settle()
        return got

    def refuse(self, code: int = 486) -> None:
        """Bob says no; everybody acknowledges."""
        reply = self.respond(code, "No", contact=False)
        self.scene.bob.expect("ACK")
        self.scene.alice.ack(self.invite, reply)
        self.scene.settle()

    def by_alice(self, method: str, cseq: int = 1, *, code: int = 200, routes: str | None = None, **more: str) -> None:
        """Alice sends a request within the dialog; bob replies."""
        self.scene.alice.request(
            method,
            BOB,
            call_id=self.call_id,
            cseq=cseq,
            to_tag=more.get("to_tag", "bob"),
            headers=(self.routes if routes is None else routes) + more.get("headers", ""),
        )
        got = self.scene.bob.expect(method)
        if method == "INVITE":
            self.scene.alice.expect(100)
        if method != "ACK" and code:
            got.answer(code, "Whatever")
            self.scene.alice.expect(code)
        self.scene.settle()

    def by_bob(self, method: str, cseq: int = 1, *, code: int = 200) -> None:
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
        got = self.scene.alice.expect(method)
        if method != "ACK":
            got.answer(code, "Whatever")
            self.scene.bob.expect(code)
        self.scene.settle()

    def up(self) -> Call:
        """Rung, answered, acknowledged."""
        self.respond(180, "Ringing")
        self.respond(200, "OK")
        self.by_alice("ACK")
        return self


def listed(scene: Scene) -> None:
    """What the table holds and the statistics say."""
    scene.rpc("dlg.list")
    scene.rpc("dlg.stats_active")
    scene.rpc("stats.fetchn", "dialog:")


@case(config(), modules=MODULES, spec="3 7.10 8.1 8.2 8.3 12.1 12.2 6.1")
def plain_call(scene: Scene) -> None:
    """Every state, seen from every route and in the list, to the end of the last transaction."""
    call = Call(scene)
    listed(scene)
    call.respond(180, "Ringing")
    listed(scene)
    call.respond(183, "Progress")
    call.respond(200, "OK")
    listed(scene)
    call.by_alice("ACK")
    listed(scene)
    call.by_alice("INVITE", 2)
    call.by_alice("ACK", 2)
    call.by_bob("INFO", 7)
    call.by_bob("UPDATE", 8, code=488)
    listed(scene)
    call.by_alice("BYE", 3)
    listed(scene)
    scene.wait(2)
    listed(scene)


@case(config(), modules=MODULES, spec="3 12.3 8.5")
def refused_call(scene: Scene) -> None:
    """A negative reply: the dialog stays until the transaction is gone."""
    call = Call(scene)
    call.respond(183, "Progress")
    reply = call.respond(486, "Busy", contact=False)
    scene.bob.expect("ACK")
    listed(scene)
    scene.alice.ack(call.invite, reply)
    listed(scene)
    scene.wait(2)
    listed(scene)


@case(config("wait_ack=0"), modules=MODULES, spec="6.47")
def refused_without_waiting(scene: Scene) -> None:
    """wait_ack=0: the dialog goes with the negative reply."""
    call = Call(scene)
    reply = call.respond(404, "No", contact=False)
    scene.bob.expect("ACK")
    listed(scene)
    scene.alice.ack(call.invite, reply)
    scene.wait(2)
    listed(scene)


@case(config(), modules=MODULES, spec="3 12.3")
def canceled_call(scene: Scene) -> None:
    """CANCEL: 487 from bob."""
    call = Call(scene)
    call.respond(180, "Ringing")
    scene.alice.cancel(call.invite)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    listed(scene)
    call.arrive().answer(487, "Request Terminated")
    reply = scene.alice.expect(487)
    scene.bob.expect("ACK")
    scene.alice.ack(call.invite, reply)
    listed(scene)
    scene.wait(2)
    listed(scene)


@case(config(relay='sl_send_reply("404", "No");'), modules=MODULES, spec="2")
def answered_statelessly(scene: Scene) -> None:
    """No transaction: the dialog goes behind the script."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(404)
    listed(scene)
    scene.alice.request("INVITE", BOB, cseq=2)
    scene.alice.expect(404)
    listed(scene)


@case(
    config(before="t_newtran();", relay='t_reply("603", "No"); xlog("again $dlg(state)\\n");'),
    modules=MODULES,
    spec="7.10",
)
def refused_by_the_script(scene: Scene) -> None:
    """dlg_manage() behind t_newtran(), and a reply of our own."""
    invite = scene.alice.request("INVITE", BOB)
    reply = scene.alice.expect(603)
    listed(scene)
    scene.alice.ack(invite, reply)
    scene.wait(2)
    listed(scene)


@case(config(relay='t_newtran(); t_reply("200", "OK");'), modules=MODULES, spec="3")
def answered_by_the_script(scene: Scene) -> None:
    """A 2xx of our own: no callee's tag is known."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(200)
    listed(scene)


_PROBE = """xlog("$rm via $hdr(X-Try): known=$dlg(state) dir=$dlg_ctx(dir) to=$dlg(to_tag)\\n");
            if (is_known_dlg()) xlog("known\\n"); else xlog("unknown\\n");"""


def _cookies(mode: int) -> None:
    def play(scene: Scene) -> None:
        call = Call(scene).up()
        found = re.search(r";did=([0-9a-f]+)\.([0-9a-f]+)", call.routes)
        entry, number = found.groups() if found else ("fff", "fff")
        for text in (
            None,
            f";did={entry}.{number}",
            f";did={entry}.{number}0",
            f";did={entry.upper()}.{number.upper()}",
            f";did={entry}0000000.{number}",
            f";did=0.{number}",
            ";did=fff7.1",
            ";did=1.1",
            ";did=zz.1",
            ";did=1.z",
            ";did=11",
            ";did=.",
            f";did={entry}.{number}.1",
            f';did="{entry}.{number}"',
            f";did={entry}.{number};did=1.1",
            f";DID={entry}.{number}",
        ):
            route = re.sub(r";did=[^;>]*", "", call.routes)
            name = re.sub(f"(?i){entry}|{number}", "N", text or "none") if found else (text or "none")[:5]
            headers = f"{route.replace(';lr', f';lr{text or str()}')}\nX-Try: {name}"
            scene.alice.request("INFO", BOB, call_id="call-1", cseq=9, to_tag="bob", headers=headers)
            scene.bob.expect("INFO")
        for case_, from_, to_tag, call_id in (
            ("other to", "", "else", "call-1"),
            ("other call", "", "bob", "call-2"),
            ("both tags alice", "", "alice", "call-1"),
        ):
            scene.alice.request(
                "INFO", BOB, call_id=call_id, to_tag=to_tag, headers=f"{call.routes}\nX-Try: {case_}", from_=from_
            )
            scene.bob.expect("INFO")
        scene.label("probes")
        call.by_bob("BYE")
        scene.rpc("dlg.list")

    play.__name__, play.__module__ = f"cookies_in_match_mode_{mode}", __name__
    play.__doc__ = f"Requests with good, bad and no cookies in dlg_match_mode {mode}."
    case(config(f"dlg_match_mode={mode}", within=_PROBE), modules=MODULES, spec="6.8")(play)


for _mode in (0, 1, 2):
    _cookies(_mode)


@case(
    config(
        'rr_param="x-did" hash_size=8',
        noroute='dlg_manage(); xlog("managed {seen}\\n"); t_relay();'.replace("{seen}", SEEN),
    ),
    modules=MODULES,
    spec="6.2 6.3 7.10",
)
def without_route(scene: Scene) -> None:
    """dlg_manage() finds the dialog of a request that no Route led here; the cookie has another name."""
    call = Call(scene).up()
    call.routes = ""
    call.by_alice("INFO", 2)
    call.by_bob("INFO", 3)
    call.by_alice("BYE", 4)
    listed(scene)
    scene.wait(2)
    listed(scene)


_LOOP = """if ($hdr(X-Loop) == $null) { append_hf("X-Loop: 1\\r\\n"); $du = "sip:127.0.0.1:21200"; } t_relay();"""

#: Kamailio keeps such a dialog in the table until end_timeout, when it is over for long.
_LEAK = "the search for a spiral leaves a reference behind when detect_spirals is 0: not here, the table would fill"


def _spiral(detect: int) -> None:
    def play(scene: Scene) -> None:
        scene.alice.request("INVITE", BOB, call_id="spiral")
        scene.settle()
        scene.alice.expect(100)
        bobs = scene.bob.expect("INVITE")
        listed(scene)
        bobs.answer(180, "Ringing", headers="Contact: <sip:bob@127.0.0.12:21200>")
        scene.alice.expect(180)
        bobs.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
        scene.alice.expect(200)
        listed(scene)

    play.__name__, play.__module__ = f"spiral_with_detection_{detect}", __name__
    play.__doc__ = "An INVITE that comes back to us."
    leaked = (
        {}
        if detect
        else dict.fromkeys(("log/9", "log/13", "log/18", "log/19", "rpc/0/1/0/2/1", "rpc/3/1/0/2/1"), _LEAK)
    )
    case(config(f"detect_spirals={detect}", relay=_LOOP), modules=MODULES, differs=leaked, spec="6.9")(play)


_spiral(0)
_spiral(1)


@case(config(after=f'append_branch("{CAROL}");'), modules=MODULES, spec="3 2")
def forked_call(scene: Scene) -> None:
    """Two phones ring, one answers, then the other."""
    invite = scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    bobs, carols = scene.bob.expect("INVITE"), scene.carol.expect("INVITE")
    for party, got, code in (("bob", bobs, 180), ("carol", carols, 180), ("carol", carols, 183)):
        got.answer(code, "Ringing", headers=f"Contact: <sip:{party}@127.0.0.12:21200>")
        scene.alice.expect(code)
        scene.settle()
    listed(scene)
    carols.answer(200, "OK", headers="Contact: <sip:carol@127.0.0.13:21200>")
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    listed(scene)
    bobs.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
    scene.alice.expect(200)
    listed(scene)
    routes = "\n".join(f"Route: {route}" for route in carols.headers("Record-Route"))
    for name, tag in (("carol", "carol"), ("bob", "bob")):
        scene.alice.request(
            "ACK", f"sip:{name}@127.0.0.1{3 if name == 'carol' else 2}:21200", to_tag=tag, headers=routes
        )
        scene.settle()
        listed(scene)
    scene.alice.request("BYE", BOB, to_tag="bob", cseq=2, headers=routes)
    scene.bob.expect("ACK")
    scene.bob.expect("BYE").answer(200, "OK")
    listed(scene)
    scene.alice.request("BYE", CAROL, to_tag="carol", cseq=3, headers=routes)
    scene.carol.expect("ACK")
    scene.carol.expect("BYE").answer(200, "OK")
    listed(scene)
    assert invite


@case(
    config(
        failure=f'if (t_check_status("486")) {{ $ru = "{CAROL}"; xlog("next {SEEN}\\n"); t_on_reply("R"); t_relay(); xlog("went {SEEN}\\n"); }}'
    ),
    modules=MODULES,
    spec="3",
)
def serial_fork(scene: Scene) -> None:
    """A busy phone, then another: the dialog does not fail."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    bobs = scene.bob.expect("INVITE")
    bobs.answer(180, "Ringing")
    scene.alice.expect(180)
    bobs.answer(486, "Busy")
    scene.bob.expect("ACK")
    carols = scene.carol.expect("INVITE")
    listed(scene)
    carols.answer(200, "OK", headers="Contact: <sip:carol@127.0.0.13:21200>")
    scene.alice.expect(200)
    listed(scene)


@case(config(), modules=MODULES, spec="3")
def everything_twice(scene: Scene) -> None:
    """Retransmissions do not move a dialog, nor count it again."""
    invite = scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    scene.alice.send(invite)
    scene.alice.expect(100)
    bobs = scene.bob.expect("INVITE")
    for code in (180, 180, 200, 200):
        bobs.answer(code, "Whatever", headers="Contact: <sip:bob@127.0.0.12:21200>")
        scene.alice.expect(code)
        scene.alice.send(invite)
        scene.alice.expect(code)
        scene.settle()
    listed(scene)
    routes = "\n".join(f"Route: {route}" for route in bobs.headers("Record-Route"))
    for _ in range(2):
        scene.alice.request("ACK", BOB, to_tag="bob", headers=routes, branch="z9hG4bK-ack")
        scene.bob.expect("ACK")
    bye = scene.alice.request("BYE", BOB, to_tag="bob", cseq=2, headers=routes)
    bobs = scene.bob.expect("BYE")
    scene.alice.send(bye)
    scene.settle()
    bobs.answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.send(bye)
    scene.alice.expect(200)
    listed(scene)
    scene.alice.request("ACK", BOB, to_tag="bob", headers=routes)
    scene.bob.expect("ACK")
    scene.alice.request("BYE", BOB, to_tag="bob", cseq=3, headers=routes)
    scene.bob.expect("BYE").answer(481, "Gone")
    scene.alice.expect(481)
    bobs.answer(200, "OK")
    listed(scene)


@case(config(), modules=MODULES, spec="3")
def requests_in_each_state(scene: Scene) -> None:
    """PRACK, UPDATE, INFO, re-INVITE and BYE where they belong and where not."""
    call = Call(scene)
    call.arrive()
    for number, method in enumerate(("PRACK", "UPDATE", "INVITE", "BYE", "ACK"), 10):
        scene.alice.request(method, BOB, cseq=number, to_tag="bob", headers=call.routes)
        scene.bob.expect(method)
    scene.label("unconfirmed")
    listed(scene)
    call.respond(183, "Progress")
    for number, method in enumerate(("PRACK", "UPDATE", "INVITE", "BYE", "ACK"), 20):
        scene.alice.request(method, BOB, cseq=number, to_tag="bob", headers=call.routes)
        scene.bob.expect(method)
    scene.label("early")
    listed(scene)
    call.respond(200, "OK")
    for number, method in enumerate(("PRACK", "UPDATE", "INVITE", "ACK", "PRACK"), 30):
        scene.alice.request(method, BOB, cseq=number, to_tag="bob", headers=call.routes)
        scene.bob.expect(method)
    scene.label("answered")
    listed(scene)
    scene.alice.request("BYE", BOB, cseq=50, to_tag="bob", headers=call.routes)
    scene.bob.expect("BYE")
    for number, method in enumerate(("PRACK", "UPDATE", "INVITE", "ACK"), 60):
        scene.alice.request(method, BOB, cseq=number, to_tag="bob", headers=call.routes)
        scene.bob.expect(method)
    scene.label("ended")
    listed(scene)


@case(config(), modules=MODULES, spec="3")
def bye_before_ack(scene: Scene) -> None:
    """Bob rings off before the ACK comes."""
    call = Call(scene)
    call.respond(200, "OK")
    call.by_bob("BYE")
    listed(scene)
    call.by_alice("ACK")
    call.respond(200, "OK")
    listed(scene)
    scene.wait(2)
    listed(scene)


@case(config(within='if (is_method("BYE")) { sl_send_reply("400", "No"); exit; }'), modules=MODULES, spec="2")
def bye_without_transaction(scene: Scene) -> None:
    """A BYE that the script answers statelessly."""
    call = Call(scene).up()
    scene.alice.request("BYE", BOB, cseq=2, to_tag="bob", headers=call.routes)
    scene.alice.expect(400)
    listed(scene)


@case(config("default_timeout=1"), modules=MODULES, spec="6.6 12.2 8.4")
def expired_call(scene: Scene) -> None:
    """The lifetime is over."""
    Call(scene).up()
    scene.wait(3)
    listed(scene)


_ROUTE = """
route[OVER] { xlog("over $rm/$ru state=$dlg(state) ref=$dlg(ref) to=$dlg_var(x) set=$dlg_ctx(set) lifetime=$dlg(lifetime)\\n"); }
route[12] { xlog("twelve $dlg(state)\\n"); }
"""


@case(
    config(
        "default_timeout=1 send_bye=1",
        after='$dlg_var(x) = "kept";',
        before='$dlg_ctx(timeout_route) = "OVER";',
        rest=_ROUTE,
    ),
    modules=MODULES,
    spec="6.6 6.46 8.4",
)
def expired_call_ends_with_byes(scene: Scene) -> None:
    """send_bye: the timeout route runs, both get a BYE."""
    Call(scene).up()
    scene.wait(2.5)
    alices, bobs = scene.alice.expect("BYE"), scene.bob.expect("BYE")
    listed(scene)
    alices.answer(200, "OK")
    bobs.answer(200, "OK")
    listed(scene)


@case(
    config(
        "default_timeout=100",
        before="$dlg_ctx(timeout_route) = 12; $dlg_ctx(timeout_bye) = 1; $dlg_ctx(timeout) = 1;",
        after="dlg_set_timeout(1);",
        rest=_ROUTE,
    ),
    modules=MODULES,
    spec="7.10 7.14",
)
def lifetime_by_the_script(scene: Scene) -> None:
    """dlg_set_timeout() before the 2xx; a timeout route called by a number; timeout_bye."""
    Call(scene).up()
    scene.wait(2.5)
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect("BYE").answer(481, "Gone")
    listed(scene)


@case(
    config(
        'timeout_avp="$avp(life)" default_timeout=50',
        before="$avp(life) = 2;",
        within='if (is_method("INFO")) $avp(life) = 70; if (is_method("UPDATE")) $avp(life) = "80"; xlog("lifetime $dlg(lifetime)\\n");',
    ),
    modules=MODULES,
    spec="6.5",
)
def lifetime_by_an_avp(scene: Scene) -> None:
    """timeout_avp in the INVITE, and in requests within the call (set behind loose_route(): too late)."""
    call = Call(scene).up()
    call.by_alice("INFO", 2)
    call.by_alice("UPDATE", 3)
    call.by_alice("MESSAGE", 4)
    scene.rpc("dlg.list")


@case(
    config(
        'timeout_avp="$avp(life)" default_timeout=50',
        before="$avp(life) = 0 - 2;",
        within='xlog("lifetime $dlg(lifetime)\\n");',
    ),
    modules=MODULES,
    spec="6.5",
)
def lifetime_by_a_bad_avp(scene: Scene) -> None:
    """Not positive: the default counts."""
    Call(scene).up()
    scene.rpc("dlg.list")


def _noreset(setting: int) -> None:
    def play(scene: Scene) -> None:
        call = Call(scene).up()
        scene.wait(1.2)
        call.by_alice("INFO", 2)
        scene.wait(1.6)
        scene.rpc("dlg.stats_active")
        scene.wait(1)

    play.__name__, play.__module__ = f"requests_with_noreset_{setting}", __name__
    play.__doc__ = "Whether a request starts the lifetime again."
    case(config(f"default_timeout=2 timeout_noreset={setting}"), modules=MODULES, spec="6.50 2")(play)


_noreset(0)
_noreset(1)


@case(
    config(
        "",
        other='if (dlg_get("$hdr(X-Call)", "$hdr(X-From)", "$hdr(X-To)")) xlog("got $dlg(state) dir=$dlg_ctx(dir) $dlg(callid)\\n"); else xlog("none $dlg(state)\\n"); if (is_known_dlg()) xlog("known\\n"); dlg_set_timeout("30"); xlog("$dlg(lifetime)\\n"); dlg_set_timeout("77", "$dlg(h_entry)", "$dlg(h_id)"); xlog("$rc $dlg(lifetime)\\n"); dlg_set_timeout("88", "1", "1"); xlog("$rc\\n"); dlg_set_timeout("0"); xlog("$rc\\n");',
    ),
    modules=MODULES,
    spec="7.12 7.13 7.14",
)
def other_dialogs(scene: Scene) -> None:
    """dlg_get() from a message outside of any dialog, dlg_set_timeout() with one and three arguments."""
    call = Call(scene).up()
    for number, (callid, from_tag, to_tag) in enumerate(
        (
            ("call-1", "alice", "bob"),
            ("call-1", "bob", "alice"),
            ("call-1", "alice", "x"),
            ("call-2", "alice", "bob"),
            ("", "", ""),
            ("call-1", "alice", ""),
        )
    ):
        headers = f"X-Call: {callid}\nX-From: {from_tag}\nX-To: {to_tag}"
        scene.bob.request("OPTIONS", "sip:127.0.0.1:21200", call_id=f"o-{number}", headers=headers)
        scene.settle()
    call.by_alice("BYE", 2)


@case(
    config(
        within='$ru = "sip:nowhere@127.0.0.14"; if (dlg_set_ruri()) xlog("ruri $ru\\n"); else xlog("no $rc\\n");',
        other='if (dlg_set_ruri()) xlog("ruri $ru\\n"); else xlog("no $rc\\n");',
    ),
    modules=MODULES,
    spec="7.10",
)
def request_uri_of_the_dialog(scene: Scene) -> None:
    """dlg_set_ruri() in both directions, before the 2xx, and outside of a dialog."""
    call = Call(scene).up()
    call.by_alice("INFO", 2)
    call.by_bob("INFO", 3)
    scene.alice.request("OPTIONS", "sip:127.0.0.1:21200", call_id="else")
    scene.settle()
    call.by_bob("BYE", 4)


def _routes(keep: int) -> None:
    def play(scene: Scene) -> None:
        call = Call(
            scene,
            headers='Record-Route: <sip:10.0.0.1;lr>\nRecord-Route: <sip:10.0.0.2;lr>;x=1, "Name" <sip:10.0.0.3;lr>',
        )
        call.arrive().answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
        scene.alice.expect(200)
        scene.rpc("dlg.list")
        listed(scene)

    play.__name__, play.__module__ = f"route_sets_with_keep_proxy_rr_{keep}", __name__
    play.__doc__ = "Record-Routes of the caller's side and our own; what the dialog keeps of them."
    case(config(f"keep_proxy_rr={keep}"), modules=MODULES, spec="3")(play)


for _keep in (0, 1, 3):
    _routes(_keep)


@case(
    config(
        'ruri_pvar="<$fU-$ru>" h_id_start=3 h_id_step=10 enable_stats=0',
        after='$var(rest) = $dlg(h_id) mod 10; xlog("step $var(rest)\\n");',
        rest="",
    ),
    modules=MODULES,
    spec="6.1",
)
def kept_as_the_script_says(scene: Scene) -> None:
    """ruri_pvar, h_id_start and h_id_step; no statistics."""
    Call(scene).up()
    scene.rpc("stats.fetchn", "dialog:")
    scene.rpc("dlg.stats_active")


@case(config("dlg_flag=4", manage="setflag(4);"), modules=MODULES, spec="6.4 2")
def tracked_by_flag(scene: Scene) -> None:
    """dlg_flag instead of dlg_manage()."""
    call = Call(scene).up()
    listed(scene)
    call.by_alice("BYE", 2)
    scene.wait(2)
    listed(scene)


@case(
    config(
        "dlg_flag=4",
        manage='if ($hdr(X-Flag) == "1") setflag(4); else if ($hdr(X-Flag) == "2") { setflag(4); dlg_manage(); } ',
    ),
    modules=MODULES,
    spec="6.4",
)
def flag_and_function(scene: Scene) -> None:
    """Flag, function, both, neither."""
    for number in "0", "1", "2":
        call = Call(scene, call_id=f"call-{number}", headers=f"X-Flag: {number}")
        call.refuse()
    listed(scene)


@case(
    config(manage="dlg_manage(); dlg_manage();", within='dlg_manage(); xlog("managed $rc\\n");'),
    modules=MODULES,
    spec="7.10",
)
def managed_twice(scene: Scene) -> None:
    """dlg_manage() again, and within the call."""
    call = Call(scene).up()
    call.by_alice("INFO", 2)
    call.by_alice("BYE", 3)


@case(config(), modules=MODULES, spec="3")
def incomplete_messages(scene: Scene) -> None:
    """An INVITE without Contact starts nothing; a 2xx without Contact or tag leaves the callee unknown."""
    scene.alice.request("INVITE", BOB, contact=False)
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.alice.expect(486)
    scene.bob.expect("ACK")
    listed(scene)
    Call(scene, call_id="call-2").arrive().answer(200, "OK")
    scene.alice.expect(200)
    listed(scene)
    scene.alice.request(
        "INVITE",
        BOB,
        call_id="call-3",
        headers="Contact: <sip:alice@127.0.0.11>, <sip:alice@127.0.0.14>",
        contact=False,
    )
    scene.settle()
    scene.alice.request("INVITE", BOB, call_id="call-4", headers="Contact: *", contact=False)
    scene.settle()
    listed(scene)


@case(
    'modparam("tm", "fr_timer", 1000)\nmodparam("tm", "fr_inv_timer", 1000)\n' + config(),
    modules=MODULES,
    spec="3 12.3",
)
def nobody_answers(scene: Scene) -> None:
    """The transaction times out: 408 of our own."""
    call = Call(scene)
    call.arrive()
    scene.wait(1.7)
    listed(scene)
    reply = scene.alice.expect(408)
    scene.alice.ack(call.invite, reply)
    scene.wait(2)
    listed(scene)


@case(config('event_callback="ksr_dialog_event"'), modules=MODULES, spec="12.1")
def event_callback_without_an_engine(scene: Scene) -> None:
    """No KEMI engine: neither callback nor event routes run."""
    call = Call(scene).up()
    call.by_alice("BYE", 2)


@case(
    config(
        "default_timeout=1 send_bye=1",
        before='if ($rd == "127.0.0.12") { $dlg_ctx(timeout_route) = "GONE"; }',
        rest='route[GONE] { xlog("gone $dlg(callid) set=$dlg_ctx(set)\\n"); if (dlg_get("call-1", "alice", "bob")) xlog("got\\n"); dlg_set_timeout("5"); xlog("$rc\\n"); exit; }',
    ),
    modules=MODULES,
    spec="6.46 7.12",
)
def timeout_route_uses_the_dialog(scene: Scene) -> None:
    """dlg_get() and dlg_set_timeout() in a timeout route: too late for the lifetime."""
    Call(scene).up()
    scene.wait(2.5)
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect("BYE").answer(200, "OK")
    listed(scene)


_WAIT = """
event_route[dialog:end] { xlog("end $rm $ci $mb.len $dlg(callid) $dlg(end_ts) var=$dlg_var(a) $avp(x) $si\\n"); $dlg_var(b) = "late"; }
event_route[dialog:start] { xlog("start $rm $ci $dlg(callid) var=$dlg_var(a) avp=$avp(x) $si\\n"); $dlg_var(a) = "changed"; dlg_set_timeout("100"); xlog("$rc $dlg(lifetime)\\n"); }
event_route[dialog:failed] { xlog("failed $rm $ci $dlg(callid) var=$dlg_var(a) avp=$avp(x) $si\\n"); }
"""


@case(
    re.sub(r"(?m)^event_route\[dialog:.*\n", "", config(before='$dlg_var(a) = "first"; $avp(x) = "mine";')).replace(
        "$rs state", "$rs var=$dlg_var(a) avp=$avp(x) state"
    )
    + _WAIT.replace(" $mb.len", "").replace(" $dlg(end_ts)", ""),
    modules=MODULES,
    spec="12.1 12.2 12.3",
)
def what_event_routes_see(scene: Scene) -> None:
    """Message, variables, AVPs of the event routes, and what they change."""
    call = Call(scene).up()
    call.by_bob("BYE", 2)
    Call(scene, call_id="call-2").refuse()
    third = Call(scene, call_id="call-3")
    third.respond(180, "Ringing")
    scene.alice.cancel(third.invite)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    third.arrive().answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.alice.expect(487)


@case(config("dlg_filter_mode=1 default_timeout=1"), modules=MODULES, spec="6.6")
def only_local_dialogs_expire(scene: Scene) -> None:
    """dlg_filter_mode=1: ours is local."""
    Call(scene).up()
    scene.wait(2.5)
    listed(scene)


@case(
    config(
        after='xlog("known $rc\\n"); if (is_known_dlg()) xlog("yes\\n"); dlg_set_timeout("7");',
        other='if (is_known_dlg()) xlog("yes\\n"); else xlog("no\\n");',
    ),
    modules=MODULES,
    spec="7.13 7.14",
)
def known_calls(scene: Scene) -> None:
    """is_known_dlg() for a new INVITE, a CANCEL's dialog, an OPTIONS that belongs to none."""
    call = Call(scene)
    call.arrive()
    scene.alice.request("OPTIONS", "sip:127.0.0.1:21200", call_id="other")
    scene.alice.request("OPTIONS", "sip:127.0.0.1:21200", call_id="call-1")
    scene.settle()
    scene.rpc("dlg.list")
