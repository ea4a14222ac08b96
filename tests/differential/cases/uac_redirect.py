r"""uac_redirect: which contacts of 3xx replies become branches, in which order, and what is accounted."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from collections.abc import Mapping

from ..case import Scene, case, verdicts

MODULES = "tm tmx sl rr pv xlog textops kex corex acc uac_redirect"
ROUTES = """
request_route {
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    t_on_failure("F");
    t_on_branch("B");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
branch_route[B] { xlog("branch $T_branch_idx $ru q $T(branch_index) flags $bf\\n"); if ($rd != "h" && $rd != "example.com") drop; $du = "sip:127.0.0.13:21200"; if ($T_branch_idx == 0) $du = "sip:127.0.0.12:21200"; }
failure_route[F] {
    CALLS
    $var(rc) = $rc;
    $var(i) = 0;
    while ($var(i) < $branch(count)) {
        xlog("$rU $var(i) $(branch(uri)[$var(i)]) q $(branch(q)[$var(i)]) flags $(branch(flags)[$var(i)])\\n");
        $var(i) = $var(i) + 1;
    }
    xlog("$rU rc $var(rc) ru $ru\\n");
}
"""
CONTACTS = """Contact: <sip:one@h>;q=0.5, <sip:two@h>;q=0.7, "Three" <sip:three@h;x=y>;expires=3
Contact: <sip:four@h>;q=1, sip:five@other;q=0.1, <sip:six@h>;q=0.5;flags=6"""


def play(scene: Scene, users: Mapping[str, str], code: int = 302, method: str = "MESSAGE") -> None:
    """A request for each user, which bob redirects to the contacts."""
    for user, headers in users.items():
        scene.alice.request(method, f"sip:{user}@example.com", call_id=f"call-{user}")
        scene.bob.expect(method).answer(code, "Elsewhere", headers=headers)
        scene.alice.expect(code)
        scene.settle()


def config(calls: Mapping[str, str], params: str = "") -> str:
    """The routes, with what is done for each user; `params` are lines of modparam."""
    cases = " ".join(f'case "{user}": {call} break;' for user, call in calls.items())
    return params + ROUTES.replace("CALLS", f"switch ($rU) {{ {cases} }}")


NUMBERS = {
    "all": 'get_redirects("*");',
    "two": 'get_redirects("2");',
    "none": 'get_redirects("0");',
    "each": 'get_redirects("*:3");',
    "both": 'get_redirects("4:2");',
    "less": 'get_redirects("2:4");',
    "colon": 'get_redirects(":");',
    "twice": 'get_redirects("1"); get_redirects("1");',
}


@case(config(NUMBERS), modules=MODULES)
def numbers(scene: Scene) -> None:
    """The best are taken; the lowest q comes first; equal ones from the last to the first."""
    play(scene, dict.fromkeys(NUMBERS, CONTACTS))


ODD = {
    "star": "Contact: *",
    "nothing": "X: 1",
    "empty": "Contact:",
    "bad": "Contact: <sip:x",
    "q": "Contact: <sip:a@h>;q=2, <sip:b@h>;q=abc, <sip:c@h>;q=, <sip:d@h>;q, <sip:e@h>;q=0.1234, <sip:f@h>;q=0",
    "uri": "Contact: nonsense, <tel:123>, <sip:a@h?x=y>",
    "many": "Contact: " + ", ".join(f"<sip:c{number}@h>;q=0.{number % 7}" for number in range(20)),
    "star-first": "Contact: *\nContact: <sip:a@h>",
    "flags": "Contact: <sip:a@h>;flags=4, <sip:b@h>;flags=abc, <sip:c@h>;flags=, <sip:d@h>;flags=99999999999",
}


@case(config(dict.fromkeys(ODD, 'get_redirects("*");')), modules=MODULES)
def odd_contacts(scene: Scene) -> None:
    """What is no contact, no q, or too much."""
    play(scene, ODD)
    play(scene, {"flags-404": CONTACTS}, 404)


@case(
    config(
        {"flags": 'get_redirects("*");'},
        'modparam("uac_redirect", "flags_hdr_mode", 1)\nmodparam("uac_redirect", "bflags", 8)\nmodparam("uac_redirect", "q_value", 600)\n',
    ),
    modules=MODULES,
)
def flags_of_contacts(scene: Scene) -> None:
    """In place of bflags; q of those without one is 0.6."""
    play(scene, {"flags": ODD["flags"] + "\n" + CONTACTS})


@case(
    config(
        {"flags": 'get_redirects("*");'},
        'modparam("uac_redirect", "flags_hdr_mode", 2)\nmodparam("uac_redirect", "bflags", 8)\nmodparam("uac_redirect", "q_value", -1)\n',
    ),
    modules=MODULES,
)
def flags_of_both(scene: Scene) -> None:
    """Beside bflags."""
    play(scene, {"flags": ODD["flags"] + "\n" + CONTACTS})


FILTERS = {
    "plain": "",
    "deny": 'set_deny_filter("t(wo|hree)@", "");',
    "accept": 'set_accept_filter("FOUR", "");',
    "both": 'set_accept_filter("two", ""); set_deny_filter("@h", "");',
    "reset": 'set_deny_filter("", "reset_default");',
    "all": 'set_deny_filter("one", ""); set_deny_filter("two", "RESET_ALL");',
    "added": 'set_deny_filter("one", ""); set_deny_filter("two", "reset_added");',
    "many": " ".join(f'set_deny_filter("x{number}", "");' for number in range(6)) + ' xlog("many $rc\\n");',
    "accept-all": 'set_accept_filter(".", "reset_all");',
    "end": 'set_deny_filter("h$", "");',
    "unused": 'set_deny_filter("@", "reset_all"); exit;',
    "after": "",
}
for name, params in {
    "accepting": "",
    "accepting_but": 'modparam("uac_redirect", "deny_filter", "@other$")\n',
    "denying": 'modparam("uac_redirect", "default_filter", "DENY")\nmodparam("uac_redirect", "accept_filter", "(ONE|two)@")\nmodparam("uac_redirect", "deny_filter", "one")\n',
}.items():

    def filters(scene: Scene) -> None:
        """Which contacts are left."""
        play(scene, dict.fromkeys(FILTERS, CONTACTS))

    filters.__name__ = f"filters_{name}"
    case(config({user: f'{call} get_redirects("*");' for user, call in FILTERS.items()}, params), modules=MODULES)(
        filters
    )


@case(
    config(
        {
            "acc": 'get_redirects("*:2", "302 moved to $rU");',
            "plain": 'get_redirects("1", "no code");',
            "empty": 'get_redirects("1", "$null");',
            "nothing": 'get_redirects("1", "");',
        }
    ),
    modules=MODULES,
)
def accounted(scene: Scene) -> None:
    """A record for each contact."""
    play(scene, {"acc": CONTACTS, "plain": CONTACTS, "empty": CONTACTS, "nothing": CONTACTS})


@case(
    config({"acc": 'get_redirects("1", "302 moved");'}, 'modparam("uac_redirect", "acc_function", "acc_request")\n'),
    modules=MODULES,
)
def accounted_by_acc_request(scene: Scene) -> None:
    """The same with the other function."""
    play(scene, {"acc": CONTACTS})


@case(
    """
request_route {
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    t_on_failure("F");
    t_on_branch("B");
    append_branch("sip:carol@h");
    t_relay();
}
branch_route[B] {
    if ($rU == "bob") $du = "sip:127.0.0.12:21200"; else if ($rU == "carol") $du = "sip:127.0.0.13:21200"; else $du = "sip:127.0.0.14:21200";
    xlog("branch $T_branch_idx $ru flags $bf\\n");
}
failure_route[F] {
    xlog("failure $T_reply_code\\n");
    if (t_check_status("3..") && get_redirects("3:1", "follow")) { t_on_branch("B"); t_on_failure("F"); t_relay(); }
}
""",
    modules=MODULES,
)
def forked_and_followed(scene: Scene) -> None:
    """Contacts of both branches; what they lead to redirects again; old redirects do not count then."""
    alice = scene.alice
    invite = alice.request("INVITE", "sip:bob@example.com")
    alice.expect(100)
    one, two = scene.bob.expect("INVITE"), scene.carol.expect("INVITE")
    one.answer(302, "Moved", headers="Contact: <sip:dave@h>;q=0.3, <sip:x@h>;q=0.1")
    scene.bob.expect("ACK")
    scene.settle()
    two.answer(301, "Moved", headers="Contact: <sip:david@h>;q=0.2")
    scene.carol.expect("ACK")
    first, second = scene.dave.expect("INVITE"), scene.dave.expect("INVITE")
    first.answer(404, "No")
    scene.dave.expect("ACK")
    second.answer(302, "Moved", headers="Contact: <sip:bob@h>")
    scene.dave.expect("ACK")
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.bob.expect("ACK")
    final = alice.expect(486)
    alice.ack(invite, final)


verdicts(
    "uac_redirect",
    "starts",
    r"""
drop;
: modparam("uac_redirect", "default_filter", "some")
: modparam("uac_redirect", "deny_filter", "(")
: modparam("uac_redirect", "accept_filter", "[")
: modparam("uac_redirect", "acc_function", "")
: modparam("uac_redirect", "acc_function", "nonsense")
get_redirects("1");
: failure_route[F] { get_redirects("256"); }
: failure_route[F] { get_redirects("255"); }
: failure_route[F] { get_redirects("x"); }
: failure_route[F] { get_redirects("-1"); }
: failure_route[F] { get_redirects("1:"); }
: failure_route[F] { get_redirects("1:2:3"); }
: failure_route[F] { get_redirects("000001"); }
: failure_route[F] { get_redirects(""); }
: failure_route[F] { get_redirects("$var(x)"); }
: failure_route[F] { get_redirects(2); }
: failure_route[F] { get_redirects("*", "$rU"); }
: failure_route[F] { set_deny_filter("(", ""); }
: failure_route[F] { set_deny_filter("a"); }
: failure_route[F] { set_accept_filter("a", "reset"); }
: failure_route[F] { set_accept_filter("", "Reset_Added"); }
: failure_route[F] { set_accept_filter("$var(x)", ""); }
""",
    modules="tm sl pv xlog acc uac_redirect",
)
verdicts(
    "uac_redirect",
    "starts_without_acc",
    'drop;\n: modparam("uac_redirect", "acc_function", "")\n: modparam("uac_redirect", "acc_function", "")\\nfailure_route[F] { get_redirects("1", "x"); }\n: modparam("uac_redirect", "acc_function", "x")',
    modules="tm sl pv xlog uac_redirect",
)
