"""nathelper: who sits behind a NAT, what is put right in contacts and SDP, and keepalives."""

# ruff: noqa: E501 - a fact stays one line

from __future__ import annotations

from ..case import Scene, battery, build, case, edits, verdicts

VIA = "Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-1"
NATTED = "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK-1;rport"
SDP = """v=0
o=alice 1 2 IN IP4 10.0.0.5
s=-
c=IN IP4 10.0.0.5
t=0 0
m=audio 4000 RTP/AVP 0 8
a=rtcp:4001 IN IP4 10.0.0.5
m=video 4002 RTP/AVP 31
c=IN IP4 192.0.2.9
a=rtcp:4003
"""


def message(
    contact: str = "<sip:alice@127.0.0.11:21200>",
    *,
    via: str = VIA,
    method: str = "INVITE",
    uri: str = "sip:@EDIT@@127.0.0.12:21200",
    headers: str = "",
    body: str = "",
    kind: str = "application/sdp",
) -> str:
    """A request of alice's."""
    lines = f"""{via}
From: <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1@example.com
CSeq: 1 {method}
Max-Forwards: 70
"""
    lines += f"Contact: {contact}\n" if contact else ""
    lines += headers + (f"Content-Type: {kind}\n" if body and kind else "")
    return build(f"{method} {uri} SIP/2.0", lines, body)


MULTIPART = f"""--bound1
Content-Type: text/plain

hello

--bound1
Content-Type: application/sdp

{SDP}
--bound1--
"""

TESTS = (
    "".join(f'@ nat_uac_test("{1 << bit}")\n' for bit in range(11)) + '@ nat_uac_test("1023")\n@ nat_uac_test("0")\n'
)
battery(
    "nathelper",
    "nat_uac_test",
    TESTS
    + """
    $var(n) = 3;
    @ nat_uac_test("$var(n)")
    @ nat_uac_test(16)
    @ nat_uac_test("$var(none)")
    @ nat_uac_test("$hdr(Nobody)")
    > $rr_count|$rr_top_count
    = @nathelper.rewrite_contact[1]
    = @nathelper.rewrite_contact[2]
    = @nathelper.rewrite_contact[3]
    = @nathelper.rewrite_contact[1].nameaddr.uri
    = @nathelper.rewrite_contact[1].nameaddr.name
    $du = "sip:127.0.0.13:5080";
    @ nat_uac_test("512")
    $du = "sip:127.0.0.99:21200";
    @ nat_uac_test("512")
    $du = "sip:127.0.0.12:21200;transport=tcp";
    @ nat_uac_test("512")
    $du = "sip:127.0.0.12:21200;transport=ws";
    @ nat_uac_test("512")
    $du = "sip:example.com:21200";
    @ nat_uac_test("512")
    $ru = "sip:bob@example.com:21200"; $du = "sip:example.com:21200";
    @ nat_uac_test("512")
    $ru = "sip:bob@Example.com:21200";
    @ nat_uac_test("512")
    $ru = "sip:bob@other.example.com:21200";
    @ nat_uac_test("512")
    """,
    modules="pv xlog nathelper",
    messages=[
        message(),
        message("<sip:alice@10.0.0.5>", via=NATTED),
        message("sip:alice@127.0.0.11", via=VIA + ";rport"),
        message("<sip:alice@127.0.0.11:21200;transport=tcp>", body=SDP),
        message("<sip:alice@172.16.3.4:21200>", body=SDP.replace("10.0.0.5", "127.0.0.11")),
        message('"A" <sip:a@192.168.1.1:21200>;q=0.5, <sip:b@host.example.com:5080>;expires=3', via=VIA.replace("127.0.0.11", "100.64.0.1")),
        message("<sip:192.0.0.7>", via=VIA.replace("127.0.0.11", "192.0.0.9"), body=SDP.replace("10.0.0.5", "0.0.0.0")),
        message("*", via=VIA.replace("127.0.0.11", "alice.example.com")),
        message("", headers="Record-Route: <sip:127.0.0.30;lr>, <sip:127.0.0.31;lr;r2=on>\nRecord-Route: <sip:127.0.0.32;lr>\n"),
        message("<sip:alice>", headers="Record-Route: <sip:127.0.0.31;lr;r2=on>,<sip:127.0.0.32;lr;r2=on>\n"),
        message("nonsense", body=SDP, kind="text/plain"),
        message(body=MULTIPART.replace("127.0.0.1", "10.9.9.9"), kind="multipart/mixed;boundary=bound1"),
        message(body="v=0\nnot an SDP\n"),
    ],
)  # fmt: skip

battery(
    "nathelper",
    "is_rfc1918",
    """
    @ is_rfc1918("10.0.0.1")
    @ is_rfc1918("10.255.255.255")
    @ is_rfc1918("11.0.0.1")
    @ is_rfc1918("172.15.255.255")
    @ is_rfc1918("172.16.0.1")
    @ is_rfc1918("172.31.255.255")
    @ is_rfc1918("172.32.0.0")
    @ is_rfc1918("192.168.5.5")
    @ is_rfc1918("192.169.0.0")
    @ is_rfc1918("100.64.0.1")
    @ is_rfc1918("100.67.255.255")
    @ is_rfc1918("100.68.0.1")
    @ is_rfc1918("100.127.0.1")
    @ is_rfc1918("192.0.0.7")
    @ is_rfc1918("192.0.0.8")
    @ is_rfc1918("192.0.0.255")
    @ is_rfc1918("192.0.1.0")
    @ is_rfc1918("127.0.0.1")
    @ is_rfc1918("0.0.0.0")
    @ is_rfc1918("10.1")
    @ is_rfc1918("10")
    @ is_rfc1918("0x0a.1.2.3")
    @ is_rfc1918("012.1.2.3")
    @ is_rfc1918("10.0.0.1 ")
    @ is_rfc1918("10.0.0.1x")
    @ is_rfc1918("10.0.0.256")
    @ is_rfc1918("10.0.0.1.1")
    @ is_rfc1918("167772161")
    @ is_rfc1918("host")
    @ is_rfc1918("::1")
    @ is_rfc1918("")
    $var(ip) = "10.0.0.1";
    @ is_rfc1918("$var(ip)")
    @ is_rfc1918("$si")
    @ is_rfc1918("$hdr(Nobody)")
    """,
    modules="pv xlog nathelper",
)

battery(
    "nathelper",
    "nat_addr_mode",
    """
    @ is_rfc1918("192.0.0.7")
    @ is_rfc1918("192.0.0.8")
    """,
    modules="pv xlog nathelper",
    before='modparam("nathelper", "nat_addr_mode", 0)',
)

CONTACTS = """
fix_nated_contact();
fix_nated_contact(); fix_nated_contact();
fix_nated_contact(); nat_uac_test("128");
add_contact_alias();
add_contact_alias(); add_contact_alias();
fix_nated_contact(); add_contact_alias();
add_contact_alias("10.1.1.1", "5080", "tcp");
add_contact_alias("10.1.1.1", "$ml", "WSS");
add_contact_alias("[::1]", "5080", "udp");
add_contact_alias("::1", "5080", "udp");
add_contact_alias("host", "5080", "udp");
add_contact_alias("10.1.1.1", "0", "udp");
add_contact_alias("10.1.1.1", "65536", "udp");
add_contact_alias("10.1.1.1", "x", "udp");
add_contact_alias("10.1.1.1", "5080", "smtp");
set_contact_alias();
set_contact_alias("0");
set_contact_alias("1");
set_contact_alias(2);
set_contact_alias(); set_contact_alias();
add_rcv_param();
add_rcv_param("0");
add_rcv_param("1");
add_rcv_param(2);
set_alias_to_pv("$var(x)"); xlog("[$var(x)]\\n");
set_alias_to_pv("$avp(x)"); xlog("[$avp(x)]\\n");
"""
for _name, _contact in {
    "plain": "<sip:alice@127.0.0.11:21200>",
    "private": '"Alice, A" <sip:alice@10.0.0.5:5070;transport=udp;ob>;q=0.3',
    "without brackets": "sip:alice@10.0.0.5",
    "without brackets but parameters": "sip:alice@10.0.0.5:5060;expires=5",
    "without user": "<sip:10.0.0.5>;expires=5",
    "transport": "<sip:alice@127.0.0.11:21200;transport=udp>",
    "maddr": "<sip:alice@10.0.0.5:5070;maddr=10.0.0.9;x=y>",
    "several": "<sip:a@10.0.0.5>;q=1, <sip:b@10.0.0.6:5062>, \"C\" <sip:c@host>",
    "alias": "<sip:alice@10.0.0.5;alias=10.0.0.7~5071~2;ob>",
    "alias at the end": "<sip:alice@10.0.0.5;ob;alias=10.0.0.7~5071~5>",
    "bad alias": "<sip:alice@10.0.0.5;ob;alias=10.0.0.7~5071>",
    "star": "*",
    "none": "",
    "ipv6": "<sip:alice@[2001:db8::1]:5070;ob>",
}.items():  # fmt: skip
    edits("nathelper", f"contact {_name}", CONTACTS, message(_contact), modules="pv xlog textops nathelper")

BODIES = """
fix_nated_sdp("1");
fix_nated_sdp("2");
fix_nated_sdp("4");
fix_nated_sdp("8");
fix_nated_sdp("10");
fix_nated_sdp("15");
fix_nated_sdp("0");
fix_nated_sdp("16");
fix_nated_sdp("10", "203.0.113.5");
fix_nated_sdp("2", "10.0.0.5");
fix_nated_sdp("8", "$si");
fix_nated_sdp("2", "");
fix_nated_sdp("2"); fix_nated_sdp("8");
$var(level) = 10; fix_nated_sdp("$var(level)");
fix_nated_sdp("$hdr(Nobody)");
"""
for _name, _body in {
    "two streams": SDP,
    "held": SDP.replace("10.0.0.5", "0.0.0.0"),
    "ipv6": SDP.replace("IP4 10.0.0.5", "IP6 2001:db8::5").replace("IP4 192.0.2.9", "IP6 2001:db8::9"),
    "mixed families": SDP.replace("IP4 192.0.2.9", "IP6 2001:db8::9"),
    "no address": "v=0\no=-\ns=-\nm=audio 4000 RTP/AVP 0\n",
    "": "",
}.items():
    edits("nathelper", f"SDP {_name or 'missing'}", BODIES, message(body=_body), modules="pv xlog textops nathelper")
edits(
    "nathelper",
    "SDP in parts",
    BODIES,
    message(body=MULTIPART, kind="multipart/mixed;boundary=bound1"),
    modules="pv xlog textops nathelper",
)
edits(
    "nathelper",
    "SDP of another type",
    BODIES,
    message(body=SDP, kind="text/plain"),
    modules="pv xlog textops nathelper",
)
edits(
    "nathelper",
    "SDP of no type",
    'fix_nated_sdp("2");',
    message(body=SDP, kind=""),
    modules="pv xlog textops nathelper",
)
edits(
    "nathelper",
    "SDP parameters",
    'fix_nated_sdp("4");\nfix_nated_sdp("2");\n',
    message(body=SDP),
    modules="pv xlog textops nathelper",
    before='modparam("nathelper", "nortpproxy_str", "a=sdpmangled:yes\\r\\n")\nmodparam("nathelper", "append_sdp_oldmediaip", 0)\n',
)

ALIASES = "".join(
    f'    $ru = "{uri}"; $du = $null;\n    @ handle_ruri_alias({mode})\n    > $ru | $du\n'
    for mode, uris in {
        "": (
            "sip:a@b", "sip:a@b;x=y", "sip:a@b;alias=1.2.3.4~5060~1", "sip:a@b;x=y;alias=1.2.3.4~5060~2;z",
            "sip:a@b;alias=1.2.3.4~5060~5?h=1", "sip:a@b;alias=[::1]~5060~3", "sip:a@b;alias=1.2.3.4~5060~9",
            "sip:a@b;alias=1.2.3.4~5060~0", "sip:a@b;alias=1.2.3.4~5060~11", "sip:a@b;alias=1.2.3.4",
            "sip:a@b;alias=", "sip:a@b;ALIAS=1.2.3.4~5060~1", "sip:a@b;alias=1.1.1.1~1~1;alias=2.2.2.2~2~2",
            "sip:a@b;myalias=1.1.1.1~1~1", "sip:a;user=phone;alias=1.1.1.1~1~1", "sips:a@b;alias=1.1.1.1~1~3",
            "tel:+1;alias=1.1.1.1~1~3", "sip:a@b;alias=h~1~1", "sip:a@b;alias=h~p~6",
        ),
        '"0"': ("sip:a@b;alias=1.1.1.1~1~1;alias=2.2.2.2~2~2",),
        '"1"': ("sip:a@b;x=y", "sip:a@b"),
    }.items()
    for uri in uris
)  # fmt: skip
battery("nathelper", "handle_ruri_alias", ALIASES, modules="pv xlog nathelper")
battery(
    "nathelper",
    "alias_name",
    ALIASES.replace("alias=", "nat=") + "    @ add_contact_alias()\n    @ set_contact_alias()\n",
    modules="pv xlog nathelper",
    before='modparam("nathelper", "alias_name", "nat")',
)
edits(
    "nathelper",
    "alias_name in contacts",
    "add_contact_alias();\nset_contact_alias();\n",
    message("<sip:alice@10.0.0.5;alias=1.1.1.1~1~1>"),
    modules="pv xlog textops nathelper",
    before='modparam("nathelper", "alias_name", "nat")',
)

REGISTRAR = """
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")
modparam("usrloc", "nat_bflag", 6)
modparam("nathelper", "natping_interval", 1)
modparam("nathelper", "ping_nated_only", NATED)
modparam("nathelper", "sipping_bflag", 7)
modparam("nathelper", "natping_disable_bflag", 8)
modparam("nathelper", "sipping_from", "sip:pinger@example.com")
PARAMS
request_route {
    if ($rU == "nat") fix_nated_register();
    xlog("received [$avp(RECEIVED)] $rc\\n");
    switch ($hdr(X-Flag)) {
        case "6": setbflag(6); break;
        case "7": setbflag(7); break;
        case "8": setbflag(8); break;
    }
    save("location", "0x02");
}
onreply_route { xlog("reply $rs\\n"); }
"""


def pinged(nated: int = 0, more: str = "") -> str:
    """The config with these parameters."""
    return REGISTRAR.replace("NATED", str(nated)).replace("PARAMS", more)


def _register(scene: Scene, user: str, contact: str, flag: int, headers: str = "", where: str = "") -> None:
    scene.alice.request(
        "REGISTER", f"sip:{where}@example.com", to=f"<sip:{user}@example.com>", call_id=user, contact=False,
        headers=f"Contact: {contact}\nExpires: 60\nX-Flag: {flag}\n{headers}",
    )  # fmt: skip
    scene.settle()


PINGING = "tm sl pv xlog textops kex usrloc registrar nathelper"


@case(pinged(1), modules=PINGING, repeats=True)
def pings_to_natted_contacts(scene: Scene) -> None:
    """Only contacts with the NAT flag are kept open: with an OPTIONS, or four bytes."""
    _register(scene, "b", "<sip:b@127.0.0.12:21200>", 6)
    _register(scene, "c", "<sip:c@127.0.0.13:21200>", 9)
    scene.wait(1.4)
    scene.rpc("nathelper.enable_ping", 0)
    scene.rpc("nathelper.enable_ping")
    scene.rpc("nathelper.enable_ping", "x")


@case(pinged(), modules=PINGING, repeats=True)
def pings_to_all_contacts(scene: Scene) -> None:
    """Without ping_nated_only everybody gets the request; a flag excludes; what is not UDP is left out."""
    _register(scene, "b", "<sip:b@127.0.0.12:21200>", 6)
    _register(scene, "c", "<sip:c@127.0.0.13:21200;transport=tcp>", 6)
    _register(scene, "d", "<sip:d@127.0.0.14:21200>", 8)
    scene.bob.expect("OPTIONS", timeout=3).answer(200, "OK")
    scene.settle()
    scene.rpc("nathelper.enable_ping", 0)


@case(pinged(more='modparam("nathelper", "sipping_method", "INFO")\nmodparam("nathelper", "force_socket", "127.0.0.1:21200")'), modules=PINGING, repeats=True)  # fmt: skip
def pings_go_where_the_register_came_from(scene: Scene) -> None:
    """received counts more than the contact."""
    _register(scene, "n", "<sip:n@10.99.0.1>", 7, where="nat")
    scene.alice.expect("INFO", timeout=3)
    scene.rpc("nathelper.enable_ping", 0)


@case(
    pinged(more='modparam("registrar", "use_path", 1)\nmodparam("registrar", "path_mode", 0)'),
    modules=PINGING,
    repeats=True,
)
def pings_follow_the_path(scene: Scene) -> None:
    """With a Path the request goes to its first entry and carries it as Route."""
    _register(
        scene, "p", "<sip:p@10.99.0.1>", 7, headers="Path: <sip:127.0.0.13:21200;lr>, <sip:127.0.0.14:21200;lr>\n"
    )
    scene.carol.expect("OPTIONS", timeout=3)
    scene.rpc("nathelper.enable_ping", 0)


@case(
    """
modparam("registrar", "method_filtering", 0)
request_route {
    if ($rU == "fix") fix_nated_contact();
    if ($rU == "alias") set_contact_alias();
    save("location");
}
""",
    modules="tm sl pv xlog usrloc registrar nathelper",
)
def saved_contacts(scene: Scene) -> None:
    """save() takes the contact as it was rewritten."""
    for user in ("fix", "alias", "none"):
        scene.alice.request(
            "REGISTER", f"sip:{user}@example.com", to=f"<sip:{user}@example.com>", call_id=user, contact=False,
            headers="Contact: <sip:x@10.9.9.9;ob>;expires=60\n",
        )  # fmt: skip
        scene.alice.expect(200)
        scene.rpc("ul.lookup", "location", user)


@case('loadmodule "ctl.so"\nrequest_route { exit; }', modules="pv nathelper")
def enable_ping_without_pinging(scene: Scene) -> None:
    """There is nothing to enable without natping_interval."""
    scene.rpc("nathelper.enable_ping", 1)


battery(
    "nathelper",
    "set_alias_to_pv",
    """
    @ set_alias_to_pv("text")
    @ set_alias_to_pv("$si")
    @ set_alias_to_pv("$var(a)")
    > $var(a)
    """,
    modules="pv xlog nathelper",
    messages=(message("<sip:alice@10.0.0.5;alias=10.0.0.7~5071~2>"), message("<sip:a;alias=1.1.1.1~1~1>, <sip:b>")),
)

verdicts(
    "nathelper",
    "fixups",
    r"""
    fix_nated_register();
    nat_uac_test("x");
    nat_uac_test(1);
    nat_uac_test("$var(x)");
    nat_uac_test("0x10");
    nat_uac_test($var(x));
    fix_nated_sdp("x");
    fix_nated_sdp("1", "$var(x)");
    set_contact_alias("x");
    set_contact_alias("$var(x)");
    handle_ruri_alias("x");
    add_rcv_param("x");
    is_rfc1918("$nothing(x)");
    :modparam("nathelper", "received_avp", "$var(x)")
    :modparam("nathelper", "received_avp", "x")
    :modparam("nathelper", "received_avp", "$avp(x)")
    :modparam("nathelper", "natping_interval", 10)
    :modparam("nathelper", "force_socket", "10.9.9.9:5060")
    :modparam("nathelper", "natping_socket", "")
    """,
    modules="pv xlog nathelper",
)

verdicts(
    "nathelper",
    "pinging parameters",
    r"""
    :modparam("nathelper", "natping_interval", 10)
    :modparam("nathelper", "natping_interval", 10)\nmodparam("nathelper", "ping_nated_only", 1)
    :modparam("nathelper", "natping_interval", 10)\nmodparam("nathelper", "natping_processes", -1)
    :modparam("nathelper", "natping_interval", 10)\nmodparam("nathelper", "sipping_bflag", 7)
    :modparam("nathelper", "natping_interval", 10)\nmodparam("nathelper", "sipping_bflag", 7)\nmodparam("nathelper", "sipping_from", "sip:a@b")
    :modparam("nathelper", "natping_interval", 10)\nmodparam("nathelper", "sipping_bflag", 7)\nmodparam("nathelper", "sipping_from", "sip:a@b")\nmodparam("nathelper", "sipping_method", "")
    :modparam("nathelper", "natping_interval", 10)\nmodparam("nathelper", "sipping_bflag", 7)\nmodparam("nathelper", "sipping_from", "sip:a@b")\nmodparam("nathelper", "sipping_method", "PI NG")
    """,
    modules="pv xlog usrloc nathelper",
)
