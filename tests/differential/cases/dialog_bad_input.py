"""What the dialog module does with what nobody should give it: settings, arguments, messages, cookies, commands."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

import re

from ..case import Scene, battery, build, case

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
        if (!is_method("ACK")) {{ sl_send_reply("202", "Seen"); }}
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
        "Contact: <sip:a@b>,", f"Contact: <sip:{'a' * 6000}@b>", "Contact: x", "Contact: <tel:1>;q=9", "m: <sip:a@b>",
        "Contact: \xe4 <sip:\xe4@b>", "Contact: <sip:a@b>\n , <sip:c@d>", "Contact: <sip:a@b>;", "Contact: ,",
        "Contact: <sip:a@b> x", "Contact:\n <sip:a@b>",
    ),
    "From": (
        "", "From:", "From: <sip:a@b>", "From: <sip:a@b>;tag=", "From: <sip:a@b>;tag", "From: x", "From: <sip:a@b",
        "From: *;tag=a", 'From: "x" <>;tag=a', f"From: <sip:a@b>;tag={'t' * 6000}", "From: <sip:a@b>;tag=a;tag=b",
        "From: <sip:a@b>;tag=\xe4\xf6", 'From: <sip:a@b>;tag="a b"', "From: <sip:a@b>;tag=a\nFrom: <sip:c@d>;tag=c",
        "From: sip:a@b;tag=a", "f: <sip:a@b>;tag=a", "From: <sip:a@b>;x=y",
    ),
    "To": (
        "", "To:", "To: <sip:a@b>;tag=", "To: <sip:a@b>;tag", "To: x", "To: <sip:a@b", "To: <>", "To: *",
        f"To: <sip:{'a' * 6000}@b>", "To: sip:a@b", "To: <sip:a@b>\nTo: <sip:c@d>;tag=x", "To: <\xe4:x>",
    ),
    "CSeq": (
        "", "CSeq:", "CSeq: x INVITE", "CSeq: -1 INVITE", "CSeq: 4294967296 INVITE", "CSeq: 99999999999 INVITE",
        "CSeq: 1", "CSeq: INVITE", "CSeq: 1 OPTIONS", "CSeq: INVITE 1", "CSeq: 1 invite", "CSeq: 1 INVITE x",
        f"CSeq: {'9' * 5000} INVITE", f"CSeq: {'0' * 5000}7 INVITE", "CSeq: 1\n INVITE", "CSeq: 1 INVITE\nCSeq: 2 INVITE",
        "CSeq: \xb2 INVITE", "CSeq: 0x1 INVITE",
    ),
    "Call-ID": (
        "", "Call-ID:", "Call-ID: a b", f"Call-ID: {'c' * 8000}", "Call-ID: \xe4\x01\xff", "i: compact", "Call-ID: a@b\nCall-ID: c@d",
        "Call-ID: $var(x)", "Call-ID: ';--", 'Call-ID: "a', "Call-ID: a\n b",
    ),
    "Record-Route": (
        "Record-Route:", "Record-Route: x", "Record-Route: <", "Record-Route: <sip:a@b>,", "Record-Route: <sip:a@b>, <sip:c@d>;x=y",
        "Record-Route: *", "Record-Route: <>", f"Record-Route: <sip:{'a' * 6000}@b>", 'Record-Route: "a',
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
    ("t" * 6000, "bob", "call-1"), ("", "bob", "call-1"),
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
