"""dialog's profiles: joined, left and counted in every route, before the dialog exists, and from other servers."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, battery, case, verdicts
from .dialog_vars import BOB, MODULES, Call, proxy

PROFILES = 'modparam("dialog", "profiles_no_value", "all ; other")\nmodparam("dialog", "profiles_with_value", "caller ; callee;third")\n'
COUNT = """
    get_profile_size("all", "$var(all)"); get_profile_size("other", "$var(other)");
    get_profile_size("caller", "alice", "$var(alice)"); get_profile_size("caller", "bob", "$var(bob)");
    xlog("WHERE all $var(all) other $var(other) alice $var(alice) bob $var(bob)\\n");
    if (is_in_profile("all")) xlog("in all\\n");
    if (is_in_profile("caller", "alice")) xlog("in caller alice\\n");
    if (is_in_profile("caller", "bob")) xlog("in caller bob\\n");
"""


def _count(where: str) -> str:
    return COUNT.replace("WHERE", where)


battery(
    "dialog_profiles",
    "before_and_behind_dlg_manage",
    r"""
    @ is_in_profile("all")
    @ is_in_profile("caller", "alice")
    @ set_dlg_profile("all")
    @ set_dlg_profile("all", "discarded")
    @ set_dlg_profile("caller", "alice")
    @ set_dlg_profile("caller", "$fU")
    @ set_dlg_profile("caller", "x$fU-$rU")
    @ set_dlg_profile("caller")
    $var(empty) = "";
    @ set_dlg_profile("caller", "$var(empty)")
    @ set_dlg_profile("all", "$var(empty)")
    @ set_dlg_profile("caller", "$null")
    @ is_in_profile("all")
    @ is_in_profile("caller", "alice")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ get_profile_size("caller", "alice", "$var(n)")
    = $var(n)
    @ unset_dlg_profile("all")
    @ dlg_manage()
    @ is_in_profile("all")
    @ is_in_profile("all", "discarded")
    @ is_in_profile("all", "$var(empty)")
    @ is_in_profile("other")
    @ is_in_profile("caller", "alice")
    @ is_in_profile("caller", "ALICE")
    @ is_in_profile("caller", "xalice-bob")
    @ is_in_profile("caller", "<null>")
    @ is_in_profile("caller", "$fU")
    @ is_in_profile("caller", "$var(empty)")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ get_profile_size("all", "x", "$var(n)")
    = $var(n)
    @ get_profile_size("all", "$avp(n)")
    = $avp(n)
    @ get_profile_size("caller", "alice", "$avp(n)")
    = $avp(n)
    @ get_profile_size("caller", "xalice-bob", "$avp(n)")
    = $avp(n)
    @ get_profile_size("caller", "nobody", "$avp(n)")
    = $avp(n)
    $avp(n) = "kept";
    @ get_profile_size("caller", "$var(empty)", "$avp(n)")
    = $avp(n)
    @ get_profile_size("all", "$var(empty)", "$avp(n)")
    = $avp(n)
    @ set_dlg_profile("all")
    @ set_dlg_profile("third", "a;b")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ get_profile_size("third", "a;b", "$var(n)")
    = $var(n)
    @ unset_dlg_profile("all")
    @ unset_dlg_profile("caller", "alice")
    @ unset_dlg_profile("caller")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    = $dlg(dflags)
    """,
    modules=MODULES,
    before=PROFILES,
    spec="4 7.1 7.3 7.4 6.41 6.42",
)

battery(
    "dialog_profiles",
    "without_the_value_of_a_profile_with_values",
    r"""
    dlg_manage();
    set_dlg_profile("caller", "alice");
    set_dlg_profile("caller", "bob");
    @ is_in_profile("caller")
    @ is_in_profile("callee")
    $var(n) = "kept";
    @ get_profile_size("caller", "$var(n)")
    = $var(n)
    """,
    modules=MODULES,
    before=PROFILES,
    spec="7.3 7.4",
    differs={
        'facts/@ is_in_profile("caller")': "the manual says that membership as such is checked; 5.6.3 wants a value",
        'facts/@ get_profile_size("caller", "$var(n)")': "the manual says that all are counted; 5.6.3 wants a value",
        "facts/= $var(n)": "and the count is stored",
    },
)

battery(
    "dialog_profiles",
    "remote_items",
    r"""
    $var(exp) = $Ts + 3600;
    @ dlg_remote_profile("add", "all", "", "uid-1", "$var(exp)")
    @ dlg_remote_profile("add", "all", "", "uid-1", "$var(exp)")
    @ dlg_remote_profile("add", "all", "ignored", "uid-2", "0")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("rm", "all", "", "uid-1", "0")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("rm", "all", "", "uid-1", "0")
    @ dlg_remote_profile("rm", "all", "", "uid-1", "0")
    @ dlg_remote_profile("rm", "all", "", "uid-1", "0")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("rm", "all", "ignored", "uid-2", "0")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("rm", "all", "", "uid-2", "0")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("add", "caller", "alice", "uid-3", "$var(exp)")
    @ dlg_remote_profile("add", "caller", "bob", "uid-3", "$var(exp)")
    @ get_profile_size("caller", "alice", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("rm", "caller", "alice", "uid-other", "0")
    @ get_profile_size("caller", "alice", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("rm", "caller", "alice", "uid-3", "0")
    @ get_profile_size("caller", "alice", "$var(n)")
    = $var(n)
    @ get_profile_size("caller", "bob", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("add", "caller", "", "uid-4", "0")
    @ dlg_remote_profile("rm", "caller", "", "uid-4", "0")
    @ dlg_remote_profile("add", "nothing", "", "uid-4", "0")
    @ dlg_remote_profile("add", "", "", "uid-4", "0")
    @ dlg_remote_profile("", "all", "", "uid-4", "0")
    @ dlg_remote_profile("add", "all", "", "", "0")
    @ dlg_remote_profile("ADD", "all", "", "uid-4", "0")
    @ dlg_remote_profile("remove", "all", "", "uid-4", "0")
    $var(cmd) = "add"; $var(profile) = "callee"; $var(value) = "carol"; $var(uid) = "u-5";
    @ dlg_remote_profile("$var(cmd)", "$var(profile)", "$var(value)", "$var(uid)", "$Ts")
    @ get_profile_size("callee", "carol", "$var(n)")
    = $var(n)
    $var(bad) = "soon";
    @ dlg_remote_profile("add", "all", "", "uid-6", "$var(bad)")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    @ dlg_remote_profile("add", "all", "", "123456789012345678901234567890123456789012345678901234567890123", "0")
    @ dlg_remote_profile("add", "all", "", "1234567890123456789012345678901234567890123456789012345678901234", "0")
    @ get_profile_size("all", "$var(n)")
    = $var(n)
    dlg_manage();
    @ is_in_profile("all")
    @ is_in_profile("caller", "bob")
    @ set_dlg_profile("caller", "bob")
    @ get_profile_size("caller", "bob", "$var(n)")
    = $var(n)
    """,
    modules=MODULES,
    before=PROFILES,
    spec="7.17",
)

verdicts(
    "dialog_profiles",
    "functions",
    r"""
    set_dlg_profile("nobody");
    set_dlg_profile("all");
    set_dlg_profile("all", "x");
    set_dlg_profile("all", "");
    set_dlg_profile("");
    set_dlg_profile(" all");
    set_dlg_profile("ALL");
    set_dlg_profile("$var(x)");
    set_dlg_profile(all);
    set_dlg_profile();
    set_dlg_profile("all", "x", "y");
    set_dlg_profile("caller", "$nothing(x)");
    set_dlg_profile("caller", "$(fu{uri.user})");
    set_dlg_profile("caller", $fU);
    set_dlg_profile("caller", 5);
    unset_dlg_profile("all");
    unset_dlg_profile("nobody");
    unset_dlg_profile("caller", "");
    unset_dlg_profile();
    is_in_profile("all");
    is_in_profile("caller");
    is_in_profile("nobody");
    is_in_profile("caller", "");
    is_in_profile();
    get_profile_size("all", "$var(x)");
    get_profile_size("all", "$avp(x)");
    get_profile_size("all", "$avp(s:x)");
    get_profile_size("all", "$(avp(x)[0])");
    get_profile_size("all", "$vn(x)");
    get_profile_size("all", "$vz(x)");
    get_profile_size("all", "$shv(x)");
    get_profile_size("all", "$xavp(x)");
    get_profile_size("all", "$xavp(x=>y)");
    get_profile_size("all", "$dlg_var(x)");
    get_profile_size("all", "$ru");
    get_profile_size("all", "$rU");
    get_profile_size("all", "x");
    get_profile_size("all", "");
    get_profile_size("all", $var(x));
    get_profile_size("nobody", "$var(x)");
    get_profile_size("all");
    get_profile_size("caller", "a", "$var(x)");
    get_profile_size("caller", "", "$var(x)");
    get_profile_size("caller", "a", "x");
    get_profile_size("caller", "a", "$ru");
    get_profile_size("caller", "$fU", "$avp(x)");
    get_profile_size("caller", "a", "b", "$var(x)");
    dlg_set_timeout_by_profile("all", "3");
    dlg_set_timeout_by_profile("all", 3);
    dlg_set_timeout_by_profile("all", "");
    dlg_set_timeout_by_profile("all", "x");
    dlg_set_timeout_by_profile("all", "$var(x)");
    dlg_set_timeout_by_profile("nobody", "3");
    dlg_set_timeout_by_profile("caller", "a", "3");
    dlg_set_timeout_by_profile("caller", "", "3");
    dlg_set_timeout_by_profile("caller", "a", "x");
    dlg_set_timeout_by_profile("caller", "a", "$var(x)");
    dlg_set_timeout_by_profile("caller", "a", "");
    dlg_set_timeout_by_profile("all");
    dlg_set_timeout_by_profile("caller", "a", "3", "4");
    dlg_remote_profile("add", "all", "", "u", "0");
    dlg_remote_profile("add", "nobody", "", "u", "0");
    dlg_remote_profile("other", "all", "", "u", "0");
    dlg_remote_profile("add", "all", "", "u", "x");
    dlg_remote_profile("add", "all", "", "u", 5);
    dlg_remote_profile("add", "all", "", "u", "$var(x)");
    dlg_remote_profile("$var(x)", "$var(x)", "$var(x)", "$var(x)", "$var(x)");
    dlg_remote_profile("add", "all", "", "u");
    dlg_remote_profile("add", "all", "", "u", "0", "1");
    : event_route[dialog:start] { set_dlg_profile("all"); is_in_profile("all"); get_profile_size("all", "$var(x)"); }
    : event_route[dialog:start] { unset_dlg_profile("all"); }
    : event_route[tm:local-request] { unset_dlg_profile("all"); }
    : onsend_route { set_dlg_profile("all"); is_in_profile("all"); get_profile_size("all", "$var(x)"); }
    : onsend_route { unset_dlg_profile("all"); }
    : failure_route[F] { set_dlg_profile("all"); unset_dlg_profile("all"); is_in_profile("all"); get_profile_size("all", "$var(x)"); dlg_set_timeout_by_profile("all", "3"); }
    : branch_route[B] { set_dlg_profile("all"); unset_dlg_profile("all"); is_in_profile("all"); get_profile_size("all", "$var(x)"); dlg_remote_profile("add", "all", "", "u", "0"); }
    : onreply_route[R] { set_dlg_profile("all"); unset_dlg_profile("all"); is_in_profile("all"); get_profile_size("all", "$var(x)"); }
    """,
    modules=MODULES,
    before=PROFILES,
    spec="7.1 7.2 7.3 7.4 7.15 7.17",
)

verdicts(
    "dialog_profiles",
    "definitions",
    r"""
    : modparam("dialog", "profiles_no_value", "a")
    : modparam("dialog", "profiles_no_value", "a;b")
    : modparam("dialog", "profiles_no_value", " a ; b ;; c;")
    : modparam("dialog", "profiles_no_value", "")
    : modparam("dialog", "profiles_no_value", ";")
    : modparam("dialog", "profiles_no_value", "a;a")
    : modparam("dialog", "profiles_no_value", "a;A")
    : modparam("dialog", "profiles_no_value", "a_b")
    : modparam("dialog", "profiles_no_value", "a-b")
    : modparam("dialog", "profiles_no_value", "a b")
    : modparam("dialog", "profiles_no_value", "a/s")
    : modparam("dialog", "profiles_no_value", "a,b")
    : modparam("dialog", "profiles_no_value", "1")
    : modparam("dialog", "profiles_no_value", 1)
    : modparam("dialog", "profiles_no_value", "a\tb")
    : modparam("dialog", "profiles_no_value", "a;\tb")
    : modparam("dialog", "profiles_with_value", "a/s")
    : modparam("dialog", "profiles_with_value", "a ; b:x")
    : modparam("dialog", "profiles_with_value", "a")\nmodparam("dialog", "profiles_no_value", "a")
    : modparam("dialog", "profiles_with_value", "a")\nmodparam("dialog", "profiles_with_value", "b")\nrequest_route { set_dlg_profile("a", "x"); }
    : modparam("dialog", "profiles_with_value", "a")\nmodparam("dialog", "profiles_with_value", "b")\nrequest_route { set_dlg_profile("b", "x"); }
    """,
    modules=MODULES,
    spec="6.41 6.42",
)


@case(
    PROFILES
    + proxy(
        'set_dlg_profile("all"); set_dlg_profile("caller", "$fU"); dlg_manage(); ' + _count("managed"),
        inside=_count("$rm")
        + 'if (is_method("INFO")) { set_dlg_profile("caller", "bob"); unset_dlg_profile("all"); xlog("$rc\\n"); }',
        branch=_count("branch")
        + 'set_dlg_profile("all"); unset_dlg_profile("all"); xlog("$rc\\n"); unset_dlg_profile("other"); xlog("$rc\\n"); set_dlg_profile("other");'
        + _count("branch behind"),
        reply=_count("reply $rs")
        + 'if ($rs == 180) { unset_dlg_profile("caller", "alice"); xlog("$rc\\n"); unset_dlg_profile("caller", "alice"); xlog("$rc\\n"); unset_dlg_profile("caller"); xlog("$rc\\n"); set_dlg_profile("caller", "bob"); set_dlg_profile("caller", "bob"); }',
        core_reply=_count("core $rs"),
        event=_count("WHERE-EVENT").replace("WHERE-EVENT", "event WHERE") + 'set_dlg_profile("other"); xlog("$rc\\n");',
    ),
    modules=MODULES,
    spec="4 7.1 7.2 7.3 7.4",
)
def profiles_through_a_call(scene: Scene) -> None:
    """Joined before the dialog exists, left in branch and reply routes, gone behind the BYE."""
    Call(scene).whole()
    scene.wait(7)
    scene.alice.request("INVITE", "sip:nobody@127.0.0.12:21200", call_id="late")
    scene.settle()


@case(
    PROFILES
    + proxy(
        _count("start") + 'set_dlg_profile("all"); set_dlg_profile("caller", "$fU"); dlg_manage();',
        failure=_count("failure")
        + 'unset_dlg_profile("all"); xlog("$rc\\n"); set_dlg_profile("caller", "bob"); xlog("$rc\\n");'
        + _count("failure behind"),
        event=_count("EVENT").replace("EVENT", "event WHERE"),
    ),
    modules=MODULES,
    spec="4 7.2",
)
def profiles_of_a_call_that_fails(scene: Scene) -> None:
    """The next call, after a while, finds the profiles empty."""
    Call(scene).refuse()
    scene.wait(7)
    Call(scene, call_id="second").refuse()


@case(
    PROFILES
    + """
request_route {
    set_dlg_profile("all");
    set_dlg_profile("caller", "$fU");
"""
    + _count("$rm $ci")
    + """
    if ($ci == "no-dialog") { sl_send_reply("404", "No"); exit; }
    if ($ci == "gone") { dlg_manage(); get_profile_size("all", "$var(all)"); xlog("managed $var(all)\\n"); sl_send_reply("404", "No"); exit; }
    dlg_manage();
"""
    + _count("managed")
    + """
    t_reply("486", "Busy");
}
reply_route { drop; }
""",
    modules=MODULES,
    spec="7.1",
)
def pending_profiles(scene: Scene) -> None:
    """They wait for a dialog, and are forgotten with the message."""
    for call_id in ("no-dialog", "gone", "kept", "no-dialog", "kept2"):
        scene.alice.request("INVITE", BOB, call_id=call_id)
        scene.settle()
        scene.wait(0.3)


@case(
    PROFILES
    + """
request_route {
    if (is_method("MESSAGE")) {
        dlg_set_timeout_by_profile("caller", "$rU", "2");
        xlog("timeout $rc\\n");
        exit;
    }
    if (has_totag()) { loose_route(); t_relay(); exit; }
    record_route();
    set_dlg_profile("caller", "$hdr(X-Caller)");
    dlg_manage();
    t_relay();
}
event_route[dialog:end] { xlog("end $dlg(callid) $dlg(lifetime)\\n"); }
""",
    modules=MODULES,
    spec="7.15",
)
def timeout_by_profile(scene: Scene) -> None:
    """Of two answered calls one expires at once."""
    for name in ("one", "two"):
        call = Call(scene, call_id=name, headers=f"X-Caller: {name}")
        call.answer()
        call.ack()
    scene.alice.request("MESSAGE", "sip:nobody@127.0.0.1:21200", call_id="m1")
    scene.settle()
    scene.wait(4)
    scene.alice.request("MESSAGE", "sip:one@127.0.0.1:21200", call_id="m2")
    scene.settle()
    scene.wait(5)
