"""Forked calls: replies in many orders, append_branch() in every route, the error that a reply tells."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Got, Scene, case

BOB, CAROL, DAVE = "sip:bob@127.0.0.12:21200", "sip:carol@127.0.0.13:21200", "sip:dave@127.0.0.14:21200"
MODULES = "tm sl rr pv xlog textops tmx corex kex siputils counters"
#: Nobody is sent an INVITE twice while a case runs, on a slow machine neither.
PATIENT = 'modparam("tm", "retr_timer1", 20000)\nmodparam("tm", "retr_timer2", 20000)\n'
CALLER = 'if (is_method("CANCEL")) { t_relay_cancel(); exit; } if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }'
FORK = f'append_branch("{CAROL}"); append_branch("{DAVE}");'
NOWHERE = '$ru = "sip:x@none.invalid";'


def _see(place: str) -> str:
    return (
        f'xlog("{place} $rm $rs ru=$ru du=$du T=$T_reply_code $T_branch_idx n=$branch(count) avp=$avp(a)/$(avp(a)[1])'
        ' x=$xavp(x=>a) mf=$mf bf=$bf rc=$rc $T(reply_code) $T(branch_index)\\n");'
    )


def _play(scene: Scene, *steps: str) -> None:
    """Alice calls bob; steps are `b180` (bob, c carol, d dave reply), X (she gives up) and A (she acknowledges)."""
    call = scene.alice.request("INVITE", BOB)
    scene.settle()
    parties = {"b": scene.bob, "c": scene.carol, "d": scene.dave}
    invites: dict[str, Got] = {}
    for step in steps:
        if step == "X":
            scene.alice.cancel(call)
        elif step == "A":
            scene.alice.ack(call)
        else:
            party = parties[step[0]]
            while step[0] not in invites:
                data = scene.world.receive(party.address, 4.0)
                assert data is not None, f"{party.name} was not called"
                text = data.decode("latin-1")
                party.received.append(text)
                scene.history.append((False, text))
                if text.startswith("INVITE"):
                    invites[step[0]] = Got(party, text)
            code = int(step[1:])
            invites[step[0]].answer(code, f"R{code}", headers=f"X-From: {party.name}\nContact: <sip:c@127.0.0.14>")
        scene.settle()


def _case(name: str, doc: str, script: str, *steps: str, routes: str = "", counters: bool = False) -> None:
    def play(scene: Scene) -> None:
        _play(scene, *steps)
        if counters:
            scene.rpc("tm.stats")
            scene.rpc("cnt.grp_get_all", "tmx")

    play.__name__, play.__module__, play.__doc__ = name, __name__, doc
    case(f"{PATIENT}request_route {{\n{CALLER}\n{script}\n}}\n{routes}", modules=MODULES)(play)


# -- replies in many orders ---------------------------------------------------------------------------------------------
_WATCH = f"failure_route[F] {{ {_see('F')} }}\nonreply_route[R] {{ {_see('R')} }}"
for _number, _steps in enumerate(
    (
        "b100 c202 b401 c183 d183 d302 d183",
        "c600 b181 d603 c181 c199 b606 d100",
        "b180 c202 d487 b183 d183 b600 c199",
        "d199 b415 c500 c199 c180 d503",
        "d300 b183 b200 b199 c180 c488",
        "d300 d180 b199 c484 c100 b300 b181 d199 c199",
        "b487 c407 d420 A",
        "b183 d181 c181 d183 d488 c420 b606 b181 A",
        "b180 c180 d180 X b200 c487 d487 b180",
        "b180 X c180 d486 c487 b487 A",
    )
):
    _case(
        f"order_{_number}",
        f"{_steps}: a branch that was given up stays so, whatever final reply it sent.",
        f't_on_failure("F"); t_on_reply("R"); {FORK} t_relay();',
        *_steps.split(),
        routes=_WATCH,
        counters=True,
    )
for _code in (700, 999):
    _case(
        f"reply_{_code}",
        "Codes above 699 are final and count as 6xx.",
        't_on_failure("F"); t_relay();',
        f"b{_code}",
        "A",
        routes=_WATCH,
        counters=True,
    )

# -- what is seen where -------------------------------------------------------------------------------------------------
_case(
    "flags_and_values_in_every_route",
    "Branch flags set in branch_route stay with the branch.",
    f'$avp(a) = "1"; $xavp(x=>a) = 1; setflag(1); setbflag(1); t_on_failure("F"); t_on_reply("R"); t_on_branch("B"); {FORK} t_relay(); {_see("after")}',
    "b180",
    "c183",
    "d401",
    "c407",
    "b180",
    "b486",
    "A",
    routes=f"""
reply_route {{ {_see("reply")} }}
onreply_route[R] {{ {_see("R")} $avp(a) = "r"; setflag(3); setbflag(7); }}
failure_route[F] {{ {_see("F")} $avp(a) = "f"; }}
branch_route[B] {{ {_see("B")} $avp(a) = "b"; $xavp(x=>a) = 2; setflag(2); setbflag(3); append_hf("X-B: $T_branch_idx\\r\\n"); }}
onsend_route {{ xlog("send $ru mf=$mf bf=$bf\\n"); }}""",
)
_case(
    "three_in_a_row",
    "Failure routes that arm the next one.",
    't_on_failure("F"); t_on_branch("B"); t_relay();',
    "b180",
    "b404",
    "c180",
    "c486",
    "d603",
    "A",
    routes=f"""
failure_route[F] {{ {_see("F")} $avp(a) = "2"; setflag(5); $ru = "{CAROL}"; t_on_failure("G"); t_on_branch("C"); t_relay(); {_see("after")} }}
failure_route[G] {{ {_see("G")} $ru = "{DAVE}"; t_on_failure("H"); if (!t_relay()) xlog("failed\\n"); }}
failure_route[H] {{ {_see("H")} t_reply("488", "From H"); {_see("H after")} }}
branch_route[B] {{ {_see("B")} append_hf("X-B: 1\\r\\n"); }}
branch_route[C] {{ {_see("C")} append_hf("X-C: 1\\r\\n"); }}""",
)

# -- append_branch() ----------------------------------------------------------------------------------------------------
_APPEND = '$du = "sip:127.0.0.14:21200"; append_branch(); xlog("$branch(count) $(branch(dst_uri)[0]) $du\\n"); t_relay(); xlog("$rc\\n");'
_case(
    "append_branch_of_the_request_uri",
    "The request URI is tried too, without what moved to the branch.",
    _APPEND,
    "b404",
)
_case(
    "append_branch_behind_a_change",
    "Each append_branch() copies the request URI of that moment.",
    'append_branch(); $rU = "zed"; append_branch(); xlog("$branch(count)\\n"); t_relay();',
)
_case(
    "append_branch_of_the_request_uri_in_failure_route",
    "$du makes the request URI a destination again.",
    't_on_failure("F"); t_relay();',
    "b404",
    routes=f"failure_route[F] {{ {_APPEND} }}",
)
_case(
    "append_branch_of_nothing_new_in_failure_route",
    "Without a change the request URI was used already.",
    't_on_failure("F"); t_relay();',
    "b404",
    routes=f"failure_route[F] {{ append_branch(); append_branch(); t_relay(); {_see('F')} }}",
)
_case(
    "append_branch_in_branch_failure",
    "The same in event_route[tm:branch-failure].",
    't_on_failure("F"); t_on_branch_failure("M"); t_relay();',
    "b404",
    routes=f"event_route[tm:branch-failure:M] {{ {_APPEND} }}\nfailure_route[F] {{ {_see('F')} }}",
)

# -- the error behind sl_reply_error() ----------------------------------------------------------------------------------
for _name, _doc, _script, _routes in (
    ("at_once", "It tells the error of t_relay() right in front.", "if (!t_relay()) { sl_reply_error(); }", ""),
    ("in_a_row", "In the same block too.", "t_relay(); sl_reply_error();", ""),
    (
        "behind_an_assignment",
        "Any other action makes it a 500.",
        "if (!t_relay()) { $var(x) = 1; sl_reply_error(); }",
        "",
    ),
    ("behind_an_if", "An `if` is an action.", 'if (!t_relay()) if ($rU == "x") sl_reply_error();', ""),
    (
        "behind_a_block",
        "What counts is the last action that ran.",
        'if (!t_relay()) { if (is_method("INVITE")) { xlog("x\\n"); } sl_reply_error(); exit; }',
        "",
    ),
    ("in_a_route", "A route() is an action.", "if (!t_relay()) { route(E); }", "route[E] { sl_reply_error(); }"),
    ("behind_a_route", "The route's last action.", "route(X); sl_reply_error();", "route[X] { t_relay(); }"),
    ("behind_the_value", "$var(r) = t_relay() leaves it.", "$var(r) = t_relay(); sl_reply_error();", ""),
    ("of_forward", "forward() as well.", "if (!forward()) { sl_reply_error(); }", ""),
    ("of_nothing", "No error is a 500.", "sl_reply_error();", ""),
):
    _case(f"sl_reply_error_{_name}", _doc, f"{NOWHERE} {_script}", "A", routes=_routes)

# -- replies of the script ----------------------------------------------------------------------------------------------
for _name, _script, _steps, _routes in (
    (
        "provisional",
        't_newtran(); t_reply("183", "p"); t_reply("180", "q"); t_relay(); t_reply("182", "later");',
        "b180 b200",
        "",
    ),
    ("final_and_relay", 't_newtran(); t_reply("404", "p"); t_relay(); t_reply("500", "q"); xlog("$rc\\n");', "A", ""),
    (
        "twice_in_failure_route",
        't_on_failure("F"); t_relay();',
        "b404 b200 A",
        'failure_route[F] { send_reply("480", "S"); xlog("$rc\\n"); t_reply("481", "T"); xlog("$rc\\n"); }',
    ),
    (
        "relayed_three_times",
        f't_relay(); xlog("1 $rc\\n"); t_relay(); xlog("2 $rc\\n"); append_branch("{CAROL}"); t_relay(); xlog("3 $rc\\n");',
        "b180 c200",
        "",
    ),
    ("forward_behind_relay", 't_relay(); forward(); xlog("2 $rc\\n");', "b180 b200", ""),
    (
        "cancelled_in_failure_route",
        't_on_failure("F"); t_relay();',
        "b180 X b487 A",
        f'failure_route[F] {{ {_see("F")} if (t_is_canceled()) xlog("c\\n"); $ru = "{CAROL}"; t_relay(); {_see("F")} }}',
    ),
    (
        "dropped_and_left",
        't_on_reply("R"); t_relay();',
        "b100 b180 b183 b200",
        f'onreply_route[R] {{ {_see("R")} if (status == "180") drop; if (status == "100") exit; if (status == "183") return -1; if (status == "200") drop; }}',
    ),
    (
        "edited_in_each_branch",
        f'{FORK} append_hf("X-Q: q\\r\\n"); t_on_branch("B"); t_relay();',
        "",
        f'branch_route[B] {{ {_see("B")} if ($T_branch_idx == 1) drop; $ru = "sip:nn@" + $rd + ":21200;b=" + $T_branch_idx; append_hf("X-I: $T_branch_idx\\r\\n"); remove_hf("Contact"); $du = "sip:127.0.0.14:21200"; }}',
    ),
):
    _case(f"script_{_name}", "What the script does to a call on its way.", _script, *_steps.split(), routes=_routes)

# -- a call that was given up ---------------------------------------------------------------------------------------------
_case(
    "given_up_before_its_branches_failed",
    "The error of t_relay() in the branch's route is told, behind a failure route that did nothing.",
    't_on_failure("F"); t_on_branch_failure("M"); t_relay();',
    "X",
    "b407",
    "X",
    "A",
    routes=f"""
failure_route[F] {{ {_see("F")} t_drop_replies("a"); if (t_is_canceled()) exit; }}
event_route[tm:branch-failure:M] {{ {_see("M")} append_branch("{DAVE}"); t_relay(); }}""",
)
