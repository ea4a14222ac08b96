r"""uac: From and To replaced, and put back in replies and in the requests that follow."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Got, Scene, battery, build, case, edits, verdicts

MODULES = "tm tmx sl rr pv xlog textops textopsx siputils kex uac"
DIALOG = MODULES.replace("uac", "dialog uac")
ROUTES = """
request_route {
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (!loose_route()) { if (is_method("ACK") && t_check_trans()) t_relay(); exit; }
        AGAIN
        xlog("$rm from $fu to $tu\\n");
        t_on_reply("R");
        t_relay();
        exit;
    }
    record_route();
    FIRST
    xlog("$rm $rc from $fu to $tu\\n");
    t_on_reply("R");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
onreply_route[R] { xlog("reply $rs from $fu to $tu\\n"); }
"""


def config(first: str, again: str = "", params: str = "") -> str:
    """The routes, with what is done to the first request and to later ones; `params` are `name=value` of uac."""
    lines = "".join(
        f'modparam("uac", "{name}", {value})\n' for name, _, value in (p.partition("=") for p in params.split())
    )
    return lines + ROUTES.replace("FIRST", first).replace("AGAIN", again)


def routes(got: Got) -> str:
    """The Route headers of a caller: the Record-Routes of a reply, the last first."""
    return "\n".join(f"Route: {entry}" for entry in reversed(got.headers("Record-Route")))


def call(
    scene: Scene,
    to: str = "<sip:bob@example.com>",
    from_: str = '"Alice" <sip:alice@example.com>',
    party: str = "alice",
) -> tuple[Got, Got]:
    """Alice calls bob, who answers: his INVITE and her 200."""
    caller = scene.party(party)
    caller.request("INVITE", "sip:bob@127.0.0.12:21200", to=to, from_=from_)
    caller.expect(100)
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing", headers=f"Contact: <{scene.bob.contact}>")
    caller.expect(180)
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    ok = caller.expect(200)
    within(scene, "ACK", ok, to, from_)
    scene.bob.expect("ACK")
    scene.label("call")
    return invite, ok


def within(scene: Scene, method: str, ok: Got, to: str, from_: str, cseq: int = 1) -> None:
    """A request of alice within the dialog."""
    scene.alice.request(
        method, "sip:bob@127.0.0.12:21200", to=to, from_=from_, to_tag="bob", cseq=cseq, headers=routes(ok)
    )


def both_ways(
    scene: Scene,
    ok: Got,
    invite: Got,
    to: str = "<sip:bob@example.com>",
    from_: str = '"Alice" <sip:alice@example.com>',
) -> None:
    """INFO from alice, INFO and BYE from bob, who sends the addresses that he got."""
    within(scene, "INFO", ok, to, from_, cseq=2)
    scene.bob.expect("INFO").answer(200, "OK")
    scene.alice.expect(200)
    scene.label("info from alice")
    theirs = "\n".join(f"Route: {entry}" for entry in invite.headers("Record-Route"))
    for cseq, method in enumerate(("INFO", "BYE"), 10):
        scene.bob.send(
            build(
                f"{method} {scene.alice.contact} SIP/2.0",
                f"""Via: SIP/2.0/UDP 127.0.0.12:21200;branch=z9hG4bK-bob-{method}
From: {invite.header("To")};tag=bob
To: {invite.header("From")}
Call-ID: {invite.header("Call-ID")}
CSeq: {cseq} {method}
Max-Forwards: 70
{theirs}""",
            )
        )
        got = scene.alice.expect(method)
        got.answer(200, "OK")
        scene.bob.expect(200)
        scene.label(f"{method} from bob")


@case(config('uac_replace_from("\\"Anonymous\\"", "sip:anonymous@anonymous.invalid");'), modules=MODULES)
def from_by_record_route(scene: Scene) -> None:
    """Restored in replies and in bob's requests, replaced in alice's, by the parameter vsf of Route."""
    invite, ok = call(scene)
    both_ways(scene, ok, invite)


@case(config('uac_replace_to("sip:+49301234567@carrier.example;user=phone");'), modules=MODULES)
def to_by_record_route(scene: Scene) -> None:
    """The same with To and vst; the new URI is longer."""
    invite, ok = call(scene)
    both_ways(scene, ok, invite)


@case(
    config(
        'uac_replace_from("sip:hidden@h"); uac_replace_to("\\"B\\"", "sip:b@carrier.example");',
        params='restore_passwd="secret" rr_from_store_param="f" rr_to_store_param="t"',
    ),
    modules=MODULES,
)
def both_with_a_password(scene: Scene) -> None:
    """Encrypted, in parameters with other names; From becomes shorter."""
    invite, ok = call(scene)
    both_ways(scene, ok, invite)


@case(
    config(
        'uac_replace_from("sip:hidden@h"); uac_replace_to("sip:b@carrier.example");',
        'xlog("restored $rc"); uac_restore_from(); xlog(" from $rc"); uac_restore_to(); xlog(" to $rc\\n");',
        params='restore_mode="manual"',
    ),
    modules=MODULES,
)
def manual(scene: Scene) -> None:
    """Replies are restored; requests only where the script says so, and not the replies to these."""
    invite, ok = call(scene)
    both_ways(scene, ok, invite)


@case(config('uac_replace_from("", "sip:hidden@h");', params='restore_mode="NONE"'), modules=MODULES)
def none(scene: Scene) -> None:
    """Nothing is kept, nothing restored."""
    invite, ok = call(scene)
    both_ways(scene, ok, invite)


@case(
    config(
        'dlg_manage(); uac_replace_from("\\"New\\"", "sip:hidden@h"); uac_replace_to("\\"B\\"", "sip:b@carrier.example");',
        params="restore_dlg=1",
    )
    + 'event_route[dialog:end] { xlog("vars $dlg_var(_uac_fu) $dlg_var(_uac_funew) $dlg_var(_uac_fdp) $dlg_var(_uac_fdpnew) $dlg_var(_uac_to) $dlg_var(_uac_tonew) <$dlg_var(_uac_tdp)> $dlg_var(_uac_tdpnew)\\n"); }',
    modules=DIALOG,
)
def both_by_dialog(scene: Scene) -> None:
    """Display names are restored as well, by variables of the dialog; nothing in Record-Route."""
    invite, ok = call(scene)
    scene.rpc("dlg.list")
    both_ways(scene, ok, invite)


@case(
    'modparam("dialog", "db_url", "sqlite:///DATABASE")\nmodparam("dialog", "db_mode", 1)\n'
    + config(
        'dlg_manage(); uac_replace_from("\\"New\\"", "sip:hidden@h"); uac_replace_to("sip:b@carrier.example");',
        params="restore_dlg=1",
    ),
    modules=DIALOG.replace("dialog", "db_sqlite dialog"),
)
def a_dialog_from_the_database(scene: Scene) -> None:
    """After a restart requests within the dialog are changed as before."""
    invite, ok = call(scene)
    scene.restart()
    both_ways(scene, ok, invite)


@case(
    config(
        'if ($rU == "bob") dlg_manage(); uac_replace_from("sip:hidden@h"); uac_replace_to("sip:b@carrier.example");',
        params='restore_dlg=1 restore_passwd="x"',
    ).replace(
        "t_relay();\n        exit;", 'if (is_method("INVITE")) record_route();\n        t_relay();\n        exit;'
    ),
    modules=DIALOG,
)
def re_invites_by_dialog(scene: Scene) -> None:
    """Re-INVITEs of both sides with their ACKs; one is refused, one cancelled."""
    to, from_ = "<sip:bob@example.com>", '"Alice" <sip:alice@example.com>'
    invite, ok = call(scene)
    scene.alice.request(
        "INVITE", "sip:bob@127.0.0.12:21200", to=to, from_=from_, to_tag="bob", cseq=2, headers=routes(ok)
    )
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.alice.expect(200)
    within(scene, "ACK", ok, to, from_, cseq=2)
    scene.bob.expect("ACK")
    scene.label("re-INVITE")
    theirs = "\n".join(f"Route: {entry}" for entry in invite.headers("Record-Route"))
    head = f"""From: {invite.header("To")};tag=bob
To: {invite.header("From")}
Call-ID: {invite.header("Call-ID")}
Max-Forwards: 70
{theirs}"""
    for number, code in ((20, 488), (21, 200)):
        via = f"Via: SIP/2.0/UDP 127.0.0.12:21200;branch=z9hG4bK-bob-{number}\n"
        asked = build(f"INVITE {scene.alice.contact} SIP/2.0", f"{via}{head}\nCSeq: {number} INVITE")
        scene.bob.send(asked)
        scene.bob.expect(100)
        scene.alice.expect("INVITE").answer(code, "Whatever", headers=f"Contact: <{scene.alice.contact}>")
        if code == 488:
            scene.alice.expect("ACK")
        reply = scene.bob.expect(code)
        if code == 488:
            scene.bob.ack(asked, reply)
        else:
            via = "Via: SIP/2.0/UDP 127.0.0.12:21200;branch=z9hG4bK-bob-ack\n"
            scene.bob.send(build(f"ACK {scene.alice.contact} SIP/2.0", f"{via}{head}\nCSeq: {number} ACK"))
            scene.alice.expect("ACK")
        scene.label(f"{code} to bob")


@case(config('dlg_manage(); uac_replace_from("sip:hidden@h");', params="restore_dlg=1"), modules=DIALOG)
def from_by_dialog(scene: Scene) -> None:
    """The display name stays in the first request; later ones lose it, as no new one is kept."""
    invite, ok = call(scene)
    both_ways(scene, ok, invite)


@case(
    config(
        'if ($rU == "bob") dlg_manage(); uac_replace_to("\\"B\\"", "sip:b@carrier.example"); msg_apply_changes(); uac_replace_from("sip:f@h"); uac_replace_to("sip:again@h");',
        params="restore_dlg=1",
    ),
    modules=DIALOG,
)
def replaced_twice_by_dialog(scene: Scene) -> None:
    """Not twice, though the changes were applied."""
    invite, ok = call(scene)
    both_ways(scene, ok, invite)


@case(
    config(
        'uac_replace_from("sip:hidden@h"); uac_replace_to("sip:b@carrier.example"); xlog("vars $avp(f) $avp(t)\\n"); msg_apply_changes();',
        'xlog("again $avp(f) $avp(t)\\n");',
        params='restore_from_avp="$avp(f)" restore_to_avp="$avp(t)"',
    ),
    modules=MODULES,
)
def applied_changes_and_avps(scene: Scene) -> None:
    """What was received is in the AVPs, for replies."""
    invite, ok = call(scene, to="sip:bob@example.com", from_="sip:alice@example.com")
    both_ways(scene, ok, invite, to="sip:bob@example.com", from_="sip:alice@example.com")


@case(config('uac_replace_from("sip:hidden@h"); uac_replace_to("sip:b@carrier.example");'), modules=MODULES)
def refused_and_cancelled(scene: Scene) -> None:
    """ACK and CANCEL have the addresses of the INVITE that bob got."""
    alices = scene.alice.request("INVITE", "sip:bob@127.0.0.12:21200")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.bob.expect("ACK")
    scene.alice.ack(alices, scene.alice.expect(486))
    scene.label("refused")
    alices = scene.alice.request("INVITE", "sip:bob@127.0.0.12:21200", call_id="call-2")
    scene.alice.expect(100)
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.cancel(alices)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.alice.ack(alices, scene.alice.expect(487))
    scene.label("cancelled")
    scene.alice.request("MESSAGE", "sip:bob@127.0.0.12:21200", call_id="call-3")
    scene.bob.expect("MESSAGE").answer(404, "Not Found")
    scene.alice.expect(404)
    scene.label("message")


@case(
    config('append_branch("sip:carol@127.0.0.13:21200"); $ru = "sip:bob@127.0.0.12:21200"; t_on_branch("B");').replace(
        '$du = "sip:127.0.0.12:21200";', ""
    )
    + 'branch_route[B] { if ($T_branch_idx == 0) uac_replace_from("\\"For Bob\\"", "sip:for-bob@h"); else uac_replace_to("sip:longer-than-that@example.com"); xlog("branch $T_branch_idx $rc\\n"); }',
    modules=f"{MODULES} corex",
)
def branches(scene: Scene) -> None:
    """Each branch its own; replies of both are restored."""
    alice = scene.alice
    alice.request("INVITE", "sip:bob@example.com", from_='"Alice" <sip:alice@example.com>')
    alice.expect(100)
    one, two = scene.bob.expect("INVITE"), scene.carol.expect("INVITE")
    one.answer(180, "Ringing")
    alice.expect(180)
    two.answer(180, "Ringing")
    alice.expect(180)
    two.answer(486, "Busy Here")
    scene.carol.expect("ACK")
    one.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    alice.expect(200)


@case(
    config('uac_replace_from("sip:hidden@h"); t_on_failure("F");').replace("t_on_reply", "t_on_reply")
    + 'failure_route[F] { xlog("failure from $fu\\n"); $du = "sip:127.0.0.13:21200"; t_relay(); }',
    modules=MODULES,
)
def second_try(scene: Scene) -> None:
    """What was replaced stays replaced in the branch of a failure route."""
    scene.alice.request("MESSAGE", "sip:bob@example.com")
    scene.bob.expect("MESSAGE").answer(503, "No")
    scene.carol.expect("MESSAGE").answer(200, "OK")
    scene.alice.expect(200)


BAD_ROUTES = (
    "vsf=",
    "vsf",
    "vsf=----",
    "vsf=!!!!",
    "vsf=A",
    "vsf=AAAA",
    "vsf=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "vsf=AAAAAAAAAAAAAAAAAAAAAAAAAAAABA--",
    "vsf=AAAAAAAAAAAAAAAAAAAAAAAAAAAgAA--",
    "vsf=gAAAAAAAAAAAAAAAAAAAAAAAAAAAAA--",
    "vst=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "vsf=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAABhYmNk",
    "vst=AAAAAAAAAAAAAAAAAAAAAAAAAABhYmNkZWY-;vsf=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAABhYmNk",
)


@case(config("", "record_route();"), modules=MODULES)
def routes_that_were_tampered_with(scene: Scene) -> None:
    """Whatever the parameter holds: restored, or left alone."""
    for index, param in enumerate(BAD_ROUTES):
        for tag in ("alice", "other"):
            scene.alice.request(
                "INFO",
                "sip:bob@127.0.0.12:21200",
                to_tag="bob",
                call_id=f"{tag}-{index}",
                headers=f"Route: <sip:127.0.0.1:21200;lr;ftag={tag};{param}>",
            )
            scene.bob.expect("INFO").answer(200, "OK")
            scene.alice.expect(200)
            scene.label(f"{index} {tag}")


MESSAGE = build(
    "INVITE sip:@EDIT@@example.com SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-@EDIT@
FROM
TO
Call-ID: call-@EDIT@
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:alice@127.0.0.11:21200>""",
)
STATEMENTS = r"""
uac_replace_from("sip:new@h");
uac_replace_from("");
uac_replace_from("", "");
uac_replace_from("batman", "");
uac_replace_from("\"bat man\"", "sip:new@h");
uac_replace_from("", "sip:new@h;user=phone");
uac_replace_from("$rU", "sip:$rU@h");
uac_replace_from("$null", "sip:x@h");
uac_replace_from("x", "$null");
uac_replace_from("no uri");
uac_replace_from("a", "sip:a@h"); uac_replace_from("b", "sip:b@h");
uac_replace_from("a", ""); uac_replace_from("b", "");
uac_replace_to("sip:new@h");
uac_replace_to("", "");
uac_replace_to("batman", "");
uac_replace_to("\"bat man\"", "sip:new@h;tag=x");
uac_replace_to("sip:a@h"); uac_replace_from("sip:b@h");
uac_replace_to("sip:a@h"); uac_replace_to("sip:b@h");
uac_replace_from("sip:a@h"); record_route();
record_route(); uac_replace_from("sip:a@h");
uac_restore_from();
uac_restore_to();
msg_iflag_set("USE_UAC_FROM"); uac_replace_from("sip:a@h");
uac_replace_from("sip:new@h"); msg_apply_changes(); uac_replace_from("sip:newer@h");
"""
HEADERS = {
    "quoted": ('From: "Alice A." <sip:alice@example.com>;tag=a1', "To: <sip:bob@example.com>"),
    "words": ("From: Alice A <sip:alice@example.com;user=phone>;tag=a1", 'To: "Bob"<sip:bob@example.com>'),
    "bare": ("f: sip:alice@example.com;tag=a1", "t:   sip:bob@example.com;x=y"),
    "blanks": ("From:  Alice   < sip:alice@example.com > ;tag=a1", "To: Bob\r\n <sip:bob@example.com>"),
    "within": ("From: <sip:alice@example.com>;tag=a1", "To: <sip:bob@example.com>;tag=b1"),
}
HEADERS |= {
    "escaped": (r'From: "A \\"b\\" <x>" <sip:alice@example.com>;tag=a1;x="y;z"', "To: 'x' <sip:bob@example.com>;tag="),
    "no_tag": ("From: sip:alice@example.com", "To: <tel:+4930>"),
    "malformed": ("From: <sip:alice@example.com;tag=a1", "To: <sip:bob@example.com>"),
    "folded": ("From: Alice\r\n\tA\r\n <sip:alice@example.com>\r\n ;tag=a1", 'To: "" <sip:bob@example.com>'),
    "odd": ("From: Alice<sip:alice@example.com>;tag=a1", "To: B <sip:bob@example.com> ; tag = b1"),
}
LONG = "sip:" + "a" * 1100 + "@h"
STATEMENTS += rf"""
uac_replace_from("{LONG}");
uac_replace_to("x", "{LONG}");
uac_replace_from("a b <c>", "<sip:in@brackets>");
uac_replace_from("$hdr(X)", "sip:$null@h");
uac_replace_from("", "sip:alice@example.com");
uac_replace_to("sip:bob@example.com"); record_route();
uac_replace_to("\"\"", ""); uac_replace_from("\"\"", "");
uac_replace_from("x", ""); uac_replace_from("sip:y@h");
uac_replace_from("sip:y@h"); uac_replace_to("", ""); append_hf("X: 1\r\n");
"""
for name, (from_, to) in HEADERS.items():
    edits(
        "uac",
        f"edits_{name}",
        STATEMENTS,
        MESSAGE.replace("FROM", from_).replace("TO\r\n", to + "\r\n", 1),
        modules="tm sl rr pv xlog textops textopsx kex corex uac",
    )

REQ_FACTS = r"""
= $uac_req(ruri)
= $uac_req(evroute)
= $uac_req(flags)
= $uac_req(all)
@ uac_req_send()
$uac_req(method) = "OPTIONS";
@ uac_req_send()
$uac_req(method) = $null;
$uac_req(ruri) = "sip:x@127.0.0.13:21200";
@ uac_req_send()
= $uac_req(method)
$uac_req(ruri) = 5;
= $uac_req(ruri)
$uac_req(evroute) = "1";
= $uac_req(evroute)
$uac_req(evroute) = 2;
= $uac_req(evroute)
$uac_req(evcode) = -1;
= $uac_req(evcode)
$uac_req(evtype) = 7;
= $uac_req(evtype)
$uac_req(flags) = 1;
= $uac_req(flags)
= $uac_req(all)
$uac_req(furi) = "";
= $uac_req(furi)
$uac_req(auser) = "u";
$uac_req(apasswd) = "p";
$uac_req(callid) = "c";
$uac_req(sock) = "udp:127.0.0.1:21200";
$uac_req(evparam) = "e";
$uac_req(hdrs) = "X: 1\r\n";
$uac_req(body) = "b";
$uac_req(ouri) = "sip:o";
$uac_req(turi) = "sip:t";
> $uac_req(auser) $uac_req(apasswd) $uac_req(callid) $uac_req(sock) $uac_req(evparam) $uac_req(body) $uac_req(ouri) $uac_req(turi)
$uac_req(all) = 1;
= $uac_req(ouri)
$uac_req(all) = $null;
> $uac_req(auser) $uac_req(apasswd) $uac_req(callid) $uac_req(sock) $uac_req(evparam) $uac_req(body) $uac_req(ouri) $uac_req(turi) $uac_req(evroute)
= $uac_req(hdrs)
$uac_req(method) = "A23456789012345678901234567890123";
= $uac_req(method)
$uac_req(apasswd) = "A234567890123456789012345678901234567890123456789012345678901234";
= $uac_req(apasswd)
$uac_req(auser) = $null;
= $uac_req(auser)
x = $uac_req(x)
"""
battery(
    "uac", "uac_req_values", REQ_FACTS, modules="tm sl pv xlog uac", before='modparam("uac", "restore_mode", "none")\n'
)

verdicts(
    "uac",
    "starts",
    r"""
: modparam("uac", "restore_mode", "none")
: modparam("uac", "restore_mode", "auto")
: modparam("uac", "restore_mode", "")
: modparam("uac", "restore_mode", "some")
: modparam("uac", "rr_from_store_param", "")
: modparam("uac", "rr_from_store_param", "")\nmodparam("uac", "restore_mode", "none")
: modparam("uac", "restore_dlg", 1)
: modparam("uac", "restore_from_avp", "$var(x)")
: modparam("uac", "restore_from_avp", "$avp(x)")
: modparam("uac", "restore_to_avp", "x")
: modparam("uac", "auth_realm_avp", "$avp(r)")
: modparam("uac", "auth_realm_avp", "$avp(r)")\nmodparam("uac", "auth_username_avp", "$var(u)")\nmodparam("uac", "auth_password_avp", "$dlg_var(p)")
: modparam("uac", "auth_realm_avp", "$avp(r)")\nmodparam("uac", "auth_username_avp", "$avp(u)")\nmodparam("uac", "auth_password_avp", "$var(p)")
: modparam("uac", "credential", "a:b:c")
: modparam("uac", "credential", " a : b : c ")
: modparam("uac", "credential", "a:b")
: modparam("uac", "credential", "a:b:c d")
: modparam("uac", "credential", "a::c")
: modparam("uac", "credential", "a:b:c:d")
: modparam("uac", "reg_db_url", "sqlite:///x")
: modparam("uac", "reg_db_url", "sqlite:///x")\nmodparam("uac", "reg_contact_addr", "127.0.0.1")
: modparam("uac", "default_socket", "udp:127.0.0.1:21200")
: modparam("uac", "default_socket", "udp:127.0.0.1:1")
: modparam("uac", "default_socket", "sctp:x:1")
: modparam("rr", "append_fromtag", 0)
: modparam("rr", "append_fromtag", 0)\nmodparam("uac", "restore_mode", "manual")
uac_replace_from("a");
uac_replace_from("a", "b");
uac_replace_from("a", "b", "c");
uac_replace_to();
uac_auth();
uac_reg_lookup("x", "$ru");
uac_reg_lookup("x", "y");
uac_reg_lookup("x", "$Ri");
uac_reg_request_to("x", "y");
uac_reg_request_to("x", "3");
: failure_route[F] { uac_auth("x"); }
: failure_route[F] { uac_auth("$var(x)"); uac_auth_mode(1); uac_auth(); }
: branch_route[F] { uac_restore_from(); }
: onreply_route[F] { uac_replace_from("x"); }
""",
    modules="tm sl rr pv xlog uac",
)
verdicts("uac", "starts_without_rr", 'drop;\n: modparam("uac", "restore_mode", "none")', modules="tm sl pv xlog uac")
