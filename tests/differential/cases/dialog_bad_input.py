"""What the dialog module does with what nobody should give it: settings, arguments, messages, cookies, commands."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

import re

from ..case import Scene, battery, build, case, verdicts

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

# -- what refuses the start -----------------------------------------------------------------------------------------

verdicts(
    "dialog_bad_input",
    "settings",
    r"""
    : modparam("dialog", "hash_size", 0)
    : modparam("dialog", "hash_size", -1)
    : modparam("dialog", "hash_size", 1)
    : modparam("dialog", "hash_size", 3)
    : modparam("dialog", "hash_size", "x")
    : modparam("dialog", "rr_param", "")
    : modparam("dialog", "rr_param", " ")
    : modparam("dialog", "rr_param", "a;b=c")
    : modparam("dialog", "rr_param", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
    : modparam("dialog", "rr_param", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
    : modparam("dialog", "dlg_flag", 31)
    : modparam("dialog", "dlg_flag", 32)
    : modparam("dialog", "dlg_flag", -2)
    : modparam("dialog", "timeout_avp", "")
    : modparam("dialog", "timeout_avp", " ")
    : modparam("dialog", "timeout_avp", "$avp")
    : modparam("dialog", "timeout_avp", "$avp(x)")
    : modparam("dialog", "timeout_avp", "$avp(x)y")
    : modparam("dialog", "timeout_avp", "$avp(i:10)")
    : modparam("dialog", "timeout_avp", "$var(x)")
    : modparam("dialog", "timeout_avp", "$ru")
    : modparam("dialog", "timeout_avp", "$nope")
    : modparam("dialog", "timeout_avp", "i:10")
    : modparam("dialog", "default_timeout", 0)
    : modparam("dialog", "default_timeout", -1)
    : modparam("dialog", "default_timeout", 2147483647)
    : modparam("dialog", "default_timeout", 4294967297)
    : modparam("dialog", "early_timeout", -1)
    : modparam("dialog", "noack_timeout", -1)
    : modparam("dialog", "end_timeout", -1)
    : modparam("dialog", "dlg_extra_hdrs", "no header")
    : modparam("dialog", "dlg_match_mode", 3)
    : modparam("dialog", "dlg_match_mode", -1)
    : modparam("dialog", "detect_spirals", 2)
    : modparam("dialog", "detect_spirals", -1)
    : modparam("dialog", "db_mode", -1)
    : modparam("dialog", "db_mode", 1)
    : modparam("dialog", "db_mode", 4)
    : modparam("dialog", "db_mode", 1)\nmodparam("dialog", "db_url", "")
    : modparam("dialog", "db_mode", 1)\nmodparam("dialog", "db_url", "nonsense")
    : modparam("dialog", "db_mode", 1)\nmodparam("dialog", "db_url", "x://")
    : modparam("dialog", "db_update_period", -1)
    : modparam("dialog", "db_fetch_rows", -1)
    : modparam("dialog", "table_name", "")
    : modparam("dialog", "call_id_column", "a b'c")
    : modparam("dialog", "ruri_pvar", "")
    : modparam("dialog", "ruri_pvar", "$")
    : modparam("dialog", "ruri_pvar", "$nope")
    : modparam("dialog", "ruri_pvar", "text")
    : modparam("dialog", "initial_cbs_inscript", 2)
    : modparam("dialog", "send_bye", -1)
    : modparam("dialog", "wait_ack", 7)
    : modparam("dialog", "ka_interval", 1)
    : modparam("dialog", "ka_timer", -1)
    : modparam("dialog", "timeout_noreset", 2)
    : modparam("dialog", "timer_procs", 99)
    : modparam("dialog", "enable_dmq", 1)
    : modparam("dialog", "enable_dmq", -1)
    : modparam("dialog", "h_id_start", -2)
    : modparam("dialog", "h_id_step", -1)
    : modparam("dialog", "keep_proxy_rr", 4)
    : modparam("dialog", "keep_proxy_rr", -1)
    : modparam("dialog", "dlg_filter_mode", -1)
    : modparam("dialog", "enable_stats", -1)
    : modparam("dialog", "enable_stats", "1")
    : modparam("dialog", "default_timeout", "1")
    : modparam("dialog", "profiles_no_value", 1)
    : modparam("dialog", "default_timeout", 1.5)
    : modparam("dialog", "default_timeout", $var(x))
    : modparam("dialog", "default_timeout", x)
    : modparam("dialog", "default_timeout")
    : modparam("dialog", "default_timeout", 1, 2)
    : modparam("dialog", "nope", 1)
    : modparam("dialogs", "default_timeout", 1)
    : modparam("dialog", "", 1)
    : modparam("dialog|tm", "default_timeout", 1)
    : modparam("dialo.*", "default_timeout", 0)
    : modparam(5, "default_timeout", 1)
    """,
    modules="pv xlog tm rr sl dialog",
    spec="6.1 6.2 6.3 6.4 6.5 6.6 6.8 6.9 6.11 6.45 6.49 6.50",
    differs={
        'starts/: modparam("dialog", "hash_size", 3)': "5.6.3 rounds up to 2^30 slots and has no memory for them",
        'starts/: modparam("dialog", "timeout_avp", "$avp")': "there is no AVP without a name",
        'starts/: modparam("dialog", "timeout_avp", "$avp(x)y")': "the daemon does not look at what stands behind it",
    },
)
verdicts(
    "dialog_bad_input",
    "arguments",
    r"""
    dlg_setflag("");
    dlg_setflag("+");
    dlg_setflag("1x");
    dlg_setflag("0x1");
    dlg_setflag(32);
    dlg_setflag(2147483648);
    dlg_setflag("99999999999");
    dlg_setflag("$nope");
    dlg_setflag("$");
    dlg_setflag("$var(x)y");
    dlg_setflag("$null");
    dlg_setflag($null);
    dlg_setflag($var(x) + 1);
    dlg_setflag(1, 2);
    dlg_setflag();
    dlg_set_timeout("-1");
    dlg_set_timeout("1", "2");
    dlg_set_timeout("1", "2", "3");
    dlg_set_timeout("1", "2", "3", "4");
    dlg_set_timeout("x", "2", "3");
    dlg_set_timeout("1", "$nope", "3");
    dlg_set_timeout($var(x));
    dlg_set_timeout($var(x), "2", "3");
    dlg_set_property("");
    dlg_set_property("nope");
    dlg_set_property("$nope");
    dlg_set_property($var(x));
    dlg_set_property("ka-src", "ka-dst");
    dlg_get("a", "b");
    dlg_get("a", "b", "c");
    dlg_get("a", "b", "c", "d");
    dlg_get("", "", "");
    dlg_get("$nope", "b", "c");
    dlg_manage("");
    is_known_dlg("");
    dlg_bridge("", "", "");
    dlg_bridge("a", "b", "c", "d");
    dlg_refer("", "");
    dlg_refer("caller", "");
    dlg_remote_profile("nope", "nope", "", "", "x");
    dlg_remote_profile("nope", "nope", "", "", "1");
    dlg_remote_profile("add", "v", "x", "u");
    dlg_remote_profile("add", "v", "x", "u", "$nope");
    dlg_set_timeout_by_profile("v", "$nope");
    dlg_set_timeout_by_profile("v", "$");
    dlg_set_timeout_by_profile("v", "x", "");
    dlg_db_load_callid("");
    dlg_db_load_callid();
    dlg_db_load_extra("");
    dlg_reset_property("");
    dlg_set_ruri("");
    $dlg_ctx(timeout) = "x";
    $dlg_ctx(timeout) = $null;
    $dlg_ctx(timeout) = 99999999999;
    $dlg_var(ä) = "x";
    $dlg_var(a'b"c) = "x";
    $dlg_var(a(b)c) = "x";
    $dlg_var(a(b) = "x";
    $dlg_var( ) = "x";
    """.replace(r"\xe4", "\xe4"),
    modules="pv xlog tm rr sl dialog",
    before=PROFILES,
    spec="7.5 7.6 7.7 7.9 7.10 7.11 7.12 7.13 7.14 7.15 7.16 7.17",
    differs={
        'starts/dlg_setflag("");': "an empty text is no number, though the daemon takes it for 0",
        'starts/dlg_setflag("+");': "a sign is no number either",
        'starts/dlg_setflag("$var(x)y");': "the daemon does not look at what stands behind the pseudo-variable",
    },
)

# -- messages ----------------------------------------------------------------------------------------------------------

SEEN = "set=$dlg_ctx(set) state=$dlg(state) count=$DLG_count"
LEG = "contact=$(dlg(from_contact){s.substr,0,60}) cseq=$(dlg(from_cseq){s.substr,0,20}) tag=$(dlg(from_tag){s.substr,0,20}) rs=$(dlg(from_rs){s.substr,0,60}) to=$(dlg(to_uri){s.substr,0,60}) id=$(dlg(callid){s.len}) slot=$dlg(h_entry)"
PROXY = f"""
modparam("tm", "wt_timer", 1000)
request_route {{
    xlog("$(hdr(X)): $rm\\n");
    if (has_totag()) {{
        loose_route();
        $var(rc) = $rc;
        xlog("loose_route $var(rc) {SEEN} dir=$dlg_ctx(dir) status=$DLG_status\\n");
        dlg_manage();
        $var(rc) = $rc;
        xlog("dlg_manage $var(rc) {SEEN} dir=$dlg_ctx(dir)\\n");
        is_known_dlg();
        $var(rc) = $rc;
        dlg_set_ruri();
        xlog("is_known_dlg $var(rc) dlg_set_ruri $rc $ru\\n");
        if (is_method("BYE|ACK")) {{ t_relay(); exit; }}
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    dlg_manage();
    $var(rc) = $rc;
    xlog("dlg_manage $var(rc) {SEEN}\\n");
    xlog("{LEG}\\n");
    is_known_dlg();
    xlog("is_known_dlg $rc\\n");
    if ($hdr(X) == "call") {{ record_route(); t_relay(); exit; }}
    t_newtran();
    if (!t_reply("404", "No")) xlog("t_reply $rc\\n");
}}
event_route[dialog:start] {{ xlog("start\\n"); }}
event_route[dialog:end] {{ xlog("end\\n"); }}
event_route[dialog:failed] {{ xlog("failed\\n"); }}
"""
#: What takes the place of a header of an INVITE ("" leaves it out).
BROKEN = {
    "Contact": (
        "", "Contact:", "Contact: *", "Contact: <>", "Contact: <sip:", 'Contact: "a', "Contact: sip:a@b;expires=x",
        "Contact: <sip:a@b>, <sip:c@d>", "Contact: <sip:a@b>\nContact: <sip:c@d>", "Contact: *, <sip:a@b>",
        "Contact: <sip:a@b>,", f"Contact: <sip:{'a' * 1500}@b>", "Contact: x", "Contact: <tel:1>;q=9", "m: <sip:a@b>",
        "Contact: \xe4 <sip:\xe4@b>", "Contact: <sip:a@b>\n , <sip:c@d>", "Contact: <sip:a@b>;", "Contact: ,",
        "Contact: <sip:a@b> x", "Contact:\n <sip:a@b>",
    ),
    "From": (
        "", "From:", "From: <sip:a@b>", "From: <sip:a@b>;tag=", "From: <sip:a@b>;tag", "From: x", "From: <sip:a@b",
        "From: *;tag=a", 'From: "x" <>;tag=a', f"From: <sip:a@b>;tag={'t' * 1500}", "From: <sip:a@b>;tag=a;tag=b",
        "From: <sip:a@b>;tag=\xe4\xf6", 'From: <sip:a@b>;tag="a b"', "From: <sip:a@b>;tag=a\nFrom: <sip:c@d>;tag=c",
        "From: sip:a@b;tag=a", "f: <sip:a@b>;tag=a", "From: <sip:a@b>;x=y",
    ),
    "To": (
        "", "To:", "To: <sip:a@b>;tag=", "To: <sip:a@b>;tag", "To: x", "To: <sip:a@b", "To: <>", "To: *",
        f"To: <sip:{'a' * 1500}@b>", "To: sip:a@b", "To: <sip:a@b>\nTo: <sip:c@d>;tag=x", "To: <\xe4:x>",
    ),
    "CSeq": (
        "", "CSeq:", "CSeq: x INVITE", "CSeq: -1 INVITE", "CSeq: 4294967296 INVITE", "CSeq: 99999999999 INVITE",
        "CSeq: 1", "CSeq: INVITE", "CSeq: 1 OPTIONS", "CSeq: INVITE 1", "CSeq: 1 invite", "CSeq: 1 INVITE x",
        f"CSeq: {'9' * 5000} INVITE", f"CSeq: {'0' * 5000}7 INVITE", "CSeq: 1\n INVITE", "CSeq: 1 INVITE\nCSeq: 2 INVITE",
        "CSeq: \xb2 INVITE", "CSeq: 0x1 INVITE",
    ),
    "Call-ID": (
        "", "Call-ID:", "Call-ID: a b", f"Call-ID: {'c' * 3000}", "Call-ID: \xe4\x01\xff", "i: compact", "Call-ID: a@b\nCall-ID: c@d",
        "Call-ID: $var(x)", "Call-ID: ';--", 'Call-ID: "a', "Call-ID: a\n b",
    ),
    "Record-Route": (
        "Record-Route:", "Record-Route: x", "Record-Route: <", "Record-Route: <sip:a@b>,", "Record-Route: <sip:a@b>, <sip:c@d>;x=y",
        "Record-Route: *", "Record-Route: <>", f"Record-Route: <sip:{'a' * 1500}@b>", 'Record-Route: "a',
        "Record-Route: " + ",".join(["<sip:a@b;lr>"] * 63), "Record-Route: " + ",".join(["<sip:a@b;lr>"] * 64),
        "Record-Route: sip:a@b;lr", "Record-Route: <sip:a@b;did=1.2;lr>", "Record-Route: <sip:\xe4>", "Record-Route: <sip:a@b\n >",
        "Record-Route: <sip:a@b>\nRecord-Route: x",
    ),
}  # fmt: skip


def invite(scene: Scene, label: str, header: str, text: str) -> None:
    """An INVITE of alice's with something in place of one of its headers."""
    name = label.replace(" ", "-")
    lines = {
        "Via": f"Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-{name}",
        "From": "From: <sip:alice@example.com>;tag=alice",
        "To": "To: <sip:bob@example.com>",
        "Call-ID": f"Call-ID: {name}",
        "CSeq": "CSeq: 1 INVITE",
        "Contact": "Contact: <sip:alice@127.0.0.11:21200>",
    }
    lines[header] = text
    head = "\n".join(line for line in lines.values() if line)
    text = f"INVITE {BOB} SIP/2.0\nX: {label}\n{head}\nMax-Forwards: 70\nContent-Length: 0\n\n"
    scene.alice.send(text.replace("\n", "\r\n").encode("latin-1"))
    scene.settle()


@case(PROXY, modules=MODULES, spec="7.10 7.13")
def broken_headers(scene: Scene) -> None:
    """INVITEs that lack something: each is answered or dropped as Kamailio does, and leaves nothing behind."""
    for which, texts in BROKEN.items():
        for number, text in enumerate(texts, 1):
            invite(scene, f"{which} {number}", which, text)
            scene.label(f"{which} {number}")
    scene.wait(3)
    scene.rpc("dlg.list")
    scene.rpc("stats.get_statistics", "dialog:")


# -- every route -------------------------------------------------------------------------------------------------------

#: Functions with what a header of the message holds, or nothing; each logs its route and what it gave.
TRIED = (
    'dlg_set_timeout("$(hdr(X-Odd){s.int})")', 'dlg_set_timeout("$hdr(X-Nobody)")', 'dlg_setflag("$hdr(X-Many)")',
    'dlg_isflagset("$hdr(X-Nobody)")', 'dlg_set_property("$hdr(X-Odd)")', 'dlg_reset_property("$hdr(X-Nobody)")',
    'dlg_get("$hdr(X-Nobody)", "$ft", "$tt")', 'dlg_get("$ci", "$hdr(X-Odd)", "$tt")', 'dlg_get("$ci", "$ft", "")',
    'set_dlg_profile("v", "$hdr(X-Nobody)")', 'set_dlg_profile("v", "$hdr(X-Odd)")', 'is_in_profile("v", "$hdr(X-Odd)")',
    'get_profile_size("v", "$hdr(X-Odd)", "$var(size)")', 'is_in_profile("n", "$hdr(X-Many)")', "is_known_dlg()", "dlg_set_ruri()",
    'dlg_refer("caller", "")', 'dlg_bridge("", "sip:a@b", "")', 'dlg_bridge("$hdr(X-Nobody)", "", "")',
    'dlg_remote_profile("$hdr(X-Odd)", "v", "x", "u", "1")', 'dlg_set_timeout_by_profile("v", "nobody", "5")',
    'dlg_db_load_callid("$hdr(X-Odd)")', "dlg_db_load_extra()",
)  # fmt: skip


def block(name: str, without: tuple[str, ...] = ()) -> str:
    """The calls, one after the other."""
    lines = [
        f'{call}; xlog("{name} {number}: $rc\\n");'
        for number, call in enumerate(TRIED)
        if not call.startswith(without or ("-",))
    ]
    odd = "$dlg_var(odd) = $hdr(X-Odd); $dlg_ctx(timeout) = $hdr(X-Odd); $dlg_ctx(timeout_route) = $hdr(X-Odd); $dlg_var(\xe4\xff) = $hdr(X-Nobody);"
    show = f'xlog("{name} var=$dlg_var(odd) timeout=$dlg_ctx(timeout) size=$var(size) flags=$dlg(sflags) state=$dlg(state)\\n");'
    return "\n".join([*lines, odd, show, "$dlg_ctx(timeout) = 0;"])


EVERYWHERE = f"""
modparam("tm", "retr_timer1", 20000)
modparam("tm", "retr_timer2", 20000)
modparam("tm", "wt_timer", 1000)
modparam("dialog", "dlg_match_mode", 2)
request_route {{
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ {block("within")} t_relay(); exit; }}
        if (is_method("ACK") && t_check_trans()) t_relay();
        exit;
    }}
    {block("before")}
    dlg_manage();
    {block("managed")}
    record_route();
    t_on_branch("B"); t_on_reply("R"); t_on_failure("F");
    t_relay();
}}
branch_route[B] {{ {block("branch")} }}
onreply_route[R] {{ {block("onreply")} }}
failure_route[F] {{ {block("failure")} }}
reply_route {{ {block("reply")} }}
onsend_route {{ {block("onsend")} }}
event_route[dialog:start] {{ {block("start")} }}
event_route[dialog:end] {{ {block("end")} }}
event_route[dialog:failed] {{ {block("failed")} }}
"""
ODDITIES = 'X-Odd: -7 "\xe4\xff\x01\nX-Many: 1\nX-Many: 40'


@case(PROFILES + EVERYWHERE, modules=MODULES, spec="7.1 7.3 7.4 7.5 7.6 7.9 7.11 7.12 7.13 7.14 7.15 7.16 7.17")
def odd_values_in_every_route(scene: Scene) -> None:
    """A call that is answered and one that is refused."""
    for call_id, code in (("call-1", 200), ("call-2", 486)):
        invite = scene.alice.request("INVITE", BOB, headers=ODDITIES, call_id=call_id)
        scene.alice.expect(100)
        got = scene.bob.expect("INVITE")
        got.answer(180, "Ringing", headers=f"Contact: <{scene.bob.contact}>\n{ODDITIES}")
        scene.alice.expect(180)
        got.answer(code, "Done", headers=f"Contact: <{scene.bob.contact}>\n{ODDITIES}")
        reply = scene.alice.expect(code)
        scene.settle()
        if code > 299:
            scene.bob.expect("ACK")
            scene.alice.ack(invite, reply)
            continue
        routes = "\n".join(f"Route: {route}" for route in got.headers("Record-Route"))
        for number, method in ((1, "ACK"), (2, "INFO"), (3, "BYE")):
            headers = f"{routes}\n{ODDITIES}"
            scene.alice.request(method, BOB, to_tag="bob", cseq=number, headers=headers, call_id=call_id)
            request = scene.bob.expect(method)
            if method != "ACK":
                request.answer(200, "OK", headers=ODDITIES)
                scene.alice.expect(200)
    scene.wait(3)
    scene.rpc("dlg.list")
    scene.rpc("stats.get_statistics", "dialog:")


# -- requests within calls ---------------------------------------------------------------------------------------------

#: Cookies; RIGHT is the one of the call, ENTRY and NUMBER its halves.
COOKIES = (
    "", ".", "1", "1.", ".1", "1.1", "0.0", "x.1", "1.x", "1.1.1", "-1.1", "1.-1", "ffffffff.ffffffff", "100000000.1",
    "fffffffffffffffff.f", "1." + "9" * 5000, "%31.1", "1.1x", " 1.1", '"1.1"', "\xe4.\xff", "ENTRY", "ENTRY.", "ENTRY.0",
    ".NUMBER", "0.NUMBER", "ENTRY.NUMBER0", "ENTRY.NUMBER1", "ENTRY.NUMBER;did=1.1", "1.1;did=ENTRY.NUMBER", "ENTRY0.NUMBER",
    "ENTRY.NUMBER", "NUMBER.ENTRY", "$null", "1e1.1", "0x1.1", "ENTRY.NUMBER.1", "ENTRY,NUMBER",
)  # fmt: skip
#: From tag, To tag, Call-ID of requests that claim to belong to the call.
STRANGERS = (
    ("alice", "bob", "call-1"), ("bob", "alice", "call-1"), ("alice", "zoe", "call-1"), ("zoe", "bob", "call-1"),
    ("zoe", "yves", "call-1"), ("alice", "bob", "call-2"), ("alice", "alice", "call-1"), ("bob", "bob", "call-1"),
    ("ALICE", "BOB", "call-1"), ("alice", "bob", "CALL-1"), ("alice", "bo", "call-1"), ("alice", "\xe4", "call-1"),
    ("t" * 1500, "bob", "call-1"), ("", "bob", "call-1"),
)  # fmt: skip


def within(
    scene: Scene, label: str, route: str, *, method: str = "INFO", tags: tuple[str, str, str] = STRANGERS[0]
) -> None:
    """A request of alice's that claims to belong to the call."""
    from_tag, to_tag, call_id = tags
    number = 10 + len(scene.history)
    text = (
        f"{method} {BOB} SIP/2.0\nX: {label}\nVia: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-{number}\n"
        f"From: <sip:alice@example.com>{f';tag={from_tag}' if from_tag else ''}\nTo: <sip:bob@example.com>;tag={to_tag}\n"
        f"Call-ID: {call_id}\nCSeq: {number} {method}\nMax-Forwards: 70\n{route}Content-Length: 0\n\n"
    )
    scene.alice.send(text.replace("\n", "\r\n").encode("latin-1"))
    scene.label(label)


def set_up(scene: Scene) -> tuple[str, str, str]:
    """A call; the Route of its requests, slot and number of its cookie."""
    scene.alice.request("INVITE", BOB, headers="X: call")
    scene.alice.expect(100)
    got = scene.bob.expect("INVITE")
    (route,) = got.headers("Record-Route")
    got.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(200)
    scene.alice.request("ACK", BOB, to_tag="bob", headers=f"X: ack\nRoute: {route}")
    scene.bob.expect("ACK")
    scene.label("call")
    cookie = re.search(r";did=(\w+)\.(\w+)", route)
    return route, *(cookie.groups() if cookie else ("", ""))  # type: ignore[return-value]


def strangers(scene: Scene) -> None:
    """Only who knows Call-ID and both tags belongs to the call, whatever the cookie; the call outlives them all."""
    route, entry, number = set_up(scene)
    plain = re.sub(";did=[^;>]*", "", route)
    for index, cookie in enumerate(COOKIES, 1):
        value = cookie.replace("ENTRY", entry).replace("NUMBER", number)
        within(scene, f"cookie {index}", f"Route: {plain.replace('>', f';did={value}>')}\n")
    for index, tags in enumerate(STRANGERS, 1):
        within(scene, f"stranger {index}", f"Route: {route}\n", tags=tags)
        within(scene, f"stranger {index} without cookie", f"Route: {plain}\n", tags=tags)
        within(scene, f"stranger {index} without Route", "", tags=tags)
        if index > 2:
            for method in ("BYE", "ACK", "UPDATE"):
                within(scene, f"{method} of stranger {index}", f"Route: {route}\n", method=method, tags=tags)
    scene.rpc("dlg.stats_active")
    within(scene, "BYE", f"Route: {route}\n", method="BYE")
    scene.wait(3)
    scene.rpc("dlg.list")
    scene.rpc("stats.get_statistics", "dialog:")


for mode, name in enumerate(("cookie", "fallback", "elements")):

    def _strangers(scene: Scene) -> None:
        strangers(scene)

    _strangers.__name__, _strangers.__doc__ = f"strangers_by_{name}", strangers.__doc__
    case(f'modparam("dialog", "dlg_match_mode", {mode})\n' + PROXY, modules=MODULES, spec="6.8")(_strangers)


# -- commands ----------------------------------------------------------------------------------------------------------

#: What operators and their scripts may send by mistake.
ARGUMENTS: tuple[tuple[str | int | float, ...], ...] = (
    (), ("",), ("x",), (1,), (-1,), (1.5,), ("call-1",), ("v",), ("n",), ("\xe4\xff\x01",), ("y" * 900,), ("'\"\\\r\n",),
    ("", ""), ("x", "x"), (0, 0), (1, 1), (-1, -1), (2147483647, 2147483647), (-2147483648, -2147483648), (1.5, 1.5),
    ("1", "1"), ("99999999999", "99999999999"), ("v", ""), ("v", 1), ("v", 1.5), ("v", "y" * 900), ("n", "x"),
    ("call-1", "zoe"), ("call-1", ""), ("call-1", 1), ("callid", "eq"),
    ("", "", ""), (1, 1, 1), (1, 1, "X"), ("call-1", "alice", "zoe"), ("call-1", "alice", 1), ("call-1", "", ""),
    ("callid", "eq", "x"), ("callid", "re", "("), ("callid", "re", "y" * 900), ("callid", "gt", "x"), ("x", "eq", "x"),
    ("start_ts", "gt", "-1"), ("start_ts", "lt", "99999999999999999999"), ("start_ts", "gt", "x"), ("callid", "x", "x"),
    ("callid", "eq", "call-1", -1), ("callid", "eq", "call-1", "x"), ("callid", "sw", "", 1), ("callid", "eq", 1, 1),
    ("call-1", "alice", "bob", -1), ("call-1", "alice", "bob", 6), ("call-1", "alice", "bob", "x"),
    ("call-1", "alice", "bob", 2147483647), ("call-1", "alice", "bob", 1.5), ("x", "x", "x", "x", "x", "x"),
)  # fmt: skip
COMMANDS = (
    "dlg.list", "dlg.list_ctx", "dlg.dlg_list", "dlg.dlg_list_ctx", "dlg.list_match", "dlg.list_match_ctx", "dlg.briefing",
    "dlg.stats_active", "dlg.profile_get_size", "dlg.profile_list", "dlg.is_alive", "dlg.end_dlg", "dlg.terminate_dlg",
    "dlg.set_state",
)  # fmt: skip


#: Those that read numbers; the others take any value for a text.
NUMBERS = ("dlg.end_dlg", "dlg.stats_active")


def _is_plain(command: str, arguments: tuple[str | int | float, ...]) -> bool:
    """Whether these are worth asking, and no trouble of the daemon itself: see `texts_that_the_daemon_cannot_tell`."""
    if command in ("dlg.list", "dlg.list_ctx", "dlg.stats_active", "dlg.briefing") and len(arguments) > 1:
        return False  # they look at one at most
    if command in NUMBERS:
        return True
    if (
        command.startswith("dlg.profile")
        and arguments
        and (str(arguments[0])[:1] == "-" or len(str(arguments[0])) > 99)
    ):
        return False
    return not any(isinstance(one, float) for one in arguments)


@case(PROFILES + PROXY, modules=MODULES, spec="10.1 10.2 10.3 10.4 10.5 10.6 10.7 10.8")
def arguments_of_commands(scene: Scene) -> None:
    """Each has an answer or a fault, and none touches the call."""
    set_up(scene)
    for command in COMMANDS:
        for arguments in ARGUMENTS:
            if _is_plain(command, arguments):
                scene.rpc(command, *arguments)
    for addresses in (
        (),
        ("",),
        (1,),
        ("sip:a@b",),
        ("", ""),
        ("x", "y"),
        (1, 2),
        ("<", ">"),
        ("sip:a@b", ""),
        ("x", 1),
    ):
        scene.rpc("dlg.bridge_dlg", *addresses)
    for path in ((), ("",), ("/nonexistent/dialogs",), ("/" + "y" * 900,)):
        scene.rpc("dlg.dump_file", *path)
    scene.rpc("dlg.stats_active")
    scene.rpc("stats.get_statistics", "dialog:")


@case(
    PROFILES + PROXY,
    modules=MODULES,
    differs={
        "rpc/0": "the daemon's ctl writes negative numbers as texts of 64 bits without sign",
        "rpc/1": "and makes no text of a fraction: an error within itself",
        "rpc/2": "and has no answer when the text of a fault is too long",
    },
)
def texts_that_the_daemon_cannot_tell(scene: Scene) -> None:
    """Numbers where a command wants a text."""
    scene.rpc("dlg.profile_get_size", -1)
    scene.rpc("dlg.profile_get_size", 1.5)
    scene.rpc("dlg.profile_get_size", "y" * 8000)
