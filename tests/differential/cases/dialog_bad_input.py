"""What the dialog module does with what nobody should give it: settings, arguments, messages, cookies, commands."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Got, Scene, battery, build, case, verdicts

MODULES = "pv xlog tm sl rr textops siputils kex dialog"
BOB = "sip:bob@127.0.0.12:21200"
LONG = "x" * 8000

# -- values of arguments -----------------------------------------------------------------------------------------------

PROFILES = 'modparam("dialog", "profiles_with_value", "v")\nmodparam("dialog", "profiles_no_value", "n")\n'
#: Pseudo-variables with values that no function expects.
ODD = (
    "$avp(none)", "$var(empty)", "$var(minus)", "$var(zero)", "$var(highest)", "$var(lowest)", "$var(word)",
    "$var(digits)", "$var(nines)", "$var(blank)", "$hdr(X-Long)", "$hdr(X-Odd)", "$hdr(X-Many)", "$(var(word){s.len})",
)  # fmt: skip
VALUES = """
$var(empty) = "";
$var(minus) = -1;
$var(zero) = 0;
$var(highest) = 2147483647;
$var(lowest) = -2147483648;
$var(word) = "word";
$var(digits) = "5";
$var(nines) = "99999999999";
$var(blank) = " ";
"""
CALLS = """
@ dlg_isflagset("ODD")
@ dlg_setflag("ODD")
@ dlg_isflagset("ODD")
@ dlg_resetflag("ODD")
@ dlg_setflag(ODD)
@ dlg_resetflag(ODD)
@ dlg_set_timeout("ODD")
@ dlg_set_timeout(ODD)
@ dlg_set_timeout("ODD", "1", "1")
@ dlg_set_timeout("10", "ODD", "1")
@ dlg_set_timeout("10", "1", "ODD")
@ dlg_set_property("ODD")
@ dlg_reset_property("ODD")
@ dlg_get("ODD", "alice", "bob")
@ dlg_get("call-1", "ODD", "bob")
@ dlg_get("call-1", "alice", "ODD")
@ dlg_refer("caller", "ODD")
@ set_dlg_profile("v", "ODD")
@ is_in_profile("v", "ODD")
@ unset_dlg_profile("v", "ODD")
@ get_profile_size("v", "ODD", "$var(size)")
@ dlg_set_timeout_by_profile("v", "ODD", "5")
@ dlg_remote_profile("ODD", "v", "x", "u", "1")
@ dlg_remote_profile("rm", "ODD", "x", "u", "1")
@ dlg_remote_profile("rm", "v", "ODD", "u", "1")
@ dlg_remote_profile("rm", "v", "x", "ODD", "1")
@ dlg_remote_profile("rm", "v", "x", "u", "ODD")
@ dlg_db_load_callid("ODD")
$dlg_var(x) = ODD;
> $(dlg_var(x){s.len}) $(dlg_var(x){s.md5})
$dlg_var(x) = $null;
$dlg_ctx(timeout) = ODD;
= $dlg_ctx(timeout)
$dlg_ctx(timeout) = 0;
$dlg_ctx(timeout_bye) = ODD;
= $dlg_ctx(timeout_bye)
$dlg_ctx(timeout_bye) = 0;
$dlg_ctx(on) = ODD;
= $dlg_ctx(on)
$dlg_ctx(timeout_route) = ODD;
= $dlg_ctx(timeout_route)
= $dlg_ctx(timeout_route_id)
$dlg_ctx(dir) = ODD;
= $dlg_ctx(dir)
$dlg_ctx(set) = ODD;
= $dlg_ctx(set)
"""
FACTS = "".join(CALLS.replace("ODD", odd) for odd in ODD)
MESSAGE = """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-1
From: <sip:alice@example.com>;tag=alice
To: <sip:bob@example.com>TAG
Call-ID: call-1
CSeq: 1 METHOD
Max-Forwards: 70
Contact: <sip:alice@127.0.0.11:21200>
X-Odd: "a'b\\c%s<>;=&\xe4\xff\x01\x7f
X-Many: 1
X-Many: 2
X-Long: """


def message(method: str = "INVITE", tag: str = "") -> bytes:
    """A request of alice's with odd headers."""
    text = MESSAGE.replace("METHOD", method).replace("TAG", tag) + LONG
    return build(f"{method} {BOB} SIP/2.0", text).encode("latin-1")


battery(
    "dialog_bad_input",
    "values_without_dialog",
    VALUES + FACTS,
    modules=MODULES,
    before=PROFILES,
    messages=(message(), message("OPTIONS"), message("BYE", ";tag=nobody")),
)
battery(
    "dialog_bad_input",
    "values_in_a_new_dialog",
    VALUES + "@ dlg_manage()\n" + FACTS,
    modules=MODULES,
    before=PROFILES,
    messages=(message(),),
)
