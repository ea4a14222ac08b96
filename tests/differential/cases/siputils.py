r"""siputils: URIs, contacts, headers and small checks."""

from __future__ import annotations

from ..case import Scene, battery, build, case
from .textops import BARE, MESSAGE, edits

MODULES = "pv xlog sl siputils textops textopsx"

HEADERS = """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-5
From: <sip:alice@example.org>;tag=a1
To: <sip:bob@example.com>;tag=b1
Call-ID: call-5@example.com
CSeq: 1 INVITE
"""
CONTACTS = build(
    "INVITE sip:prefix*u*pw*10.0.0.9*5070*tcp@gw.example.com;x=y SIP/2.0",
    HEADERS
    + """Contact: "A" <sip:alice:secret@10.0.0.1:5062;transport=tcp;ob>;q=0.5, <sip:bob@10.0.0.2>
Contact: sip:carol@10.0.0.3
Supported: path, 100rel , gruu
Date: Sat, 13 Nov 2010 23:29:00 GMT
P-Charging-Vector: icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net
""",
)
DECODABLE = build(
    "INVITE sip:bob@example.com;gr=urn:x SIP/2.0",
    HEADERS + "m: <sip:p*u**10.0.0.9**@gw.example.com;x=y>, <sip:gw;enc=c2lwOmFsaWNlQDEwLjAuMC4x;z=1>\n",
)
AUTHORIZED = build(
    "REGISTER sip:example.com SIP/2.0",
    HEADERS.replace("INVITE", "REGISTER")
    + 'Authorization: Digest username="alice", realm="r", nonce="n", uri="sip:x", response="r"\nDate: bad\n',
)

STALE = "a message without P-Charging-Vector shows the last one this process read (chargingvector.c keeps it)"
BROKEN_URI = "a URI with headers loses its user and gets bytes of freed memory (checks.c, ki_add_uri_param)"

battery(
    "siputils",
    "checks",
    r"""
    @ has_totag()
    @ is_request()
    @ is_reply()
    @ is_first_hop()
    @ is_first_hop("1")
    @ is_user("alice")
    @ is_gruu()
    @ is_supported("path")
    @ is_supported("100REL")
    @ is_supported("timer")
    @ is_supported("gruu")
    @ hdr_date_check("10")
    @ hdr_date_check("2000000000")
    > $pcv(all)|$pcv(value)|$pcv(genaddr)|$pcv(orig)|$pcv(term)
    """,
    modules=MODULES,
    messages=(CONTACTS, DECODABLE, AUTHORIZED, BARE, MESSAGE),
    differs={
        f"facts/> $pcv(all)|$pcv(value)|$pcv(genaddr)|$pcv(orig)|$pcv(term)  ({number})": STALE
        for number in range(2, 6)
    },
)

battery(
    "siputils",
    "texts",
    r"""
    @ is_uri("sip:a@b")
    @ is_uri("b")
    @ is_uri("tel:+1")
    @ is_uri("")
    @ is_uri("sip:")
    @ is_tel_number("+123")
    @ is_tel_number("123")
    @ is_tel_number("+0123")
    @ is_tel_number("+")
    @ is_tel_number("0123")
    @ is_tel_number("12a")
    @ is_tel_number("")
    @ is_numeric("123")
    @ is_numeric("+123")
    @ is_numeric("")
    @ is_alphanum("aZ9")
    @ is_alphanum("a-b")
    @ is_alphanum("")
    @ is_alphanumex("a-b", "-_")
    @ is_alphanumex("a-b", "_")
    @ is_alphanumex("a-b", "")
    @ is_alphanumex("", "-")
    $var(n) = "+12345";
    @ is_e164("$var(n)")
    $var(n) = "+12";
    @ is_e164("$var(n)")
    $var(n) = "+1";
    @ is_e164("$var(n)")
    $var(n) = "+1234567890123456";
    @ is_e164("$var(n)")
    $var(n) = "+123456789012345";
    @ is_e164("$var(n)")
    $var(n) = "12345";
    @ is_e164("$var(n)")
    $var(n) = 12345;
    @ is_e164("$var(n)")
    $var(n) = "";
    @ is_e164("$var(n)")
    @ is_e164("$null")
    $var(n) = "sip:+12345@h";
    @ is_uri_user_e164("$var(n)")
    $var(n) = "sip:12345@h";
    @ is_uri_user_e164("$var(n)")
    $var(n) = "sip:h";
    @ is_uri_user_e164("$var(n)")
    $var(n) = "nothing";
    @ is_uri_user_e164("$var(n)")
    $var(n) = "tel:+12345";
    @ is_uri_user_e164("$var(n)")
    @ cmp_uri("sip:a@b", "sip:a@B")
    @ cmp_uri("sip:a@b", "sip:A@b")
    @ cmp_uri("sip:a@b", "sip:a@b:5060")
    @ cmp_uri("sip:a@b;x=1", "sip:a@b;x=1")
    @ cmp_uri("sip:a@b;x=1", "sip:a@b;x=2")
    @ cmp_uri("sip:a@b;x=1", "sip:a@b")
    @ cmp_uri("sip:a@b;transport=udp", "sip:a@b")
    @ cmp_uri("sip:a@b;user=phone", "sip:a@b;user=ip")
    @ cmp_uri("sip:a@b", "sips:a@b")
    @ cmp_uri("sip:a:p@b", "sip:a@b")
    @ cmp_uri("sip:a@b?h=1", "sip:a@b")
    @ cmp_uri("sip:a@b;x=1;y=2", "sip:a@b;y=2;x=1")
    @ cmp_uri("nope", "sip:a@b")
    @ cmp_uri("sip:a@b", "")
    @ cmp_aor("sip:a@b", "sip:a@B:5060;x=1")
    @ cmp_aor("sip:a@b", "sip:A@b")
    @ cmp_aor("sip:a@b", "sip:c@b")
    @ cmp_aor("sip:a@b", "sips:a@b")
    @ cmp_aor("sip:a@b", "sip:a@c")
    @ cmp_aor("nope", "sip:a@b")
    @ cmp_hdr_name("From", "f")
    @ cmp_hdr_name("From", "FROM")
    @ cmp_hdr_name("X-A", "x-a")
    @ cmp_hdr_name("X-A", "x-b")
    @ cmp_hdr_name("X-B", "x-a")
    @ cmp_hdr_name("To", "f")
    @ is_gruu("sip:a@b;gr=x")
    @ is_gruu("sip:a@b;gr")
    @ is_gruu("sip:a@b")
    @ is_gruu("b")
    $var(r) = "old";
    @ tel2sip("tel:+1-(23).4", "example.com", "$var(r)")
    > $var(r)
    @ tel2sip("TEL:ABC;Ext=1-2", "$rd", "$var(r)")
    > $var(r)
    $var(t) = "tel:5-5";
    @ tel2sip("$var(t)", "h", "$var(r)")
    > $var(r)
    @ tel2sip("sip:a@b", "h", "$var(r)")
    @ tel2sip("abc", "h", "$var(r)")
    > $var(r)
    """,
    modules=MODULES,
    messages=(MESSAGE,),
)

battery(
    "siputils",
    "URIs",
    r"""
    $ru = "sip:bob:pw@example.com:5070;a;b=1;C=2;a=3?h=1";
    @ uri_param("a")
    @ uri_param("A")
    @ uri_param("b")
    @ uri_param("none")
    @ uri_param("b", "1")
    @ uri_param("b", "2")
    @ uri_param("a", "")
    @ uri_param("a", "3")
    @ uri_param("c", "2")
    @ uri_param("$(var(no))", "2")
    @ uri_param_any("A")
    @ uri_param_any("b")
    @ uri_param_any("c")
    @ uri_param_any("none")
    @ get_uri_param("b", "$var(p)")
    > $var(p)
    @ get_uri_param("a", "$var(p)")
    > $var(p)
    @ get_uri_param("c", "$var(p)")
    > $var(p)
    @ get_uri_param("$var(p)", "$var(p)")
    @ add_uri_param("x=9")
    > $ru
    @ add_uri_param("")
    > $ru
    $ru = "sip:bob@example.com";
    @ add_uri_param("x")
    > $ru
    @ add_uri_param("y=$rU")
    > $ru
    $ru = "sip:example.com:5070?h=2";
    @ add_uri_param("x")
    > $ru
    $ru = "sip:bob@example.com;a;b=1;C=2;d=3";
    @ uri_param_rm("b")
    > $ru
    @ uri_param_rm("c")
    > $ru
    @ uri_param_rm("none")
    > $ru
    @ uri_param_rm("a")
    > $ru
    @ uri_param_rm("d")
    > $ru
    @ uri_param_rm("d")
    > $ru
    $var(u) = "sip:bob:pw@example.com:5070;a?h=1";
    $var(v) = "carol";
    @ set_uri_user("$var(u)", "$var(v)")
    > $var(u)
    $var(v) = "";
    @ set_uri_user("$var(u)", "$var(v)")
    > $var(u)
    @ set_uri_user("$var(u)", "$var(v)")
    > $var(u)
    $var(v) = "dan:pw";
    @ set_uri_user("$var(u)", "$var(v)")
    > $var(u)
    $var(v) = "10.0.0.1";
    @ set_uri_host("$var(u)", "$var(v)")
    > $var(u)
    $var(v) = "";
    @ set_uri_host("$var(u)", "$var(v)")
    $var(u) = "sip:example.com;a";
    $var(v) = "h:7";
    @ set_uri_host("$var(u)", "$var(v)")
    > $var(u)
    $var(u) = "nothing";
    @ set_uri_host("$var(u)", "$var(v)")
    @ set_uri_user("$var(u)", "$var(v)")
    @ set_uri_user("$ru", "$var(v)")
    > $ru
    @ set_uri_user("$var(u)", "$null")
    $ru = "sip:p*u*pw*10.0.0.9*5070*tcp@gw.example.com;x=y";
    @ decode_contact()
    > $ru
    @ decode_contact()
    > $ru
    $ru = "sip:p*u**10.0.0.9**@gw.example.com";
    @ decode_contact()
    > $ru
    $ru = "sip:p***10.0.0.9*7*@gw.example.com>";
    @ decode_contact()
    > $ru
    $ru = "sip:p**pw*10.0.0.9*7*@gw.example.com";
    @ decode_contact()
    $ru = "sip:p*u**10*0.0.9*7*@gw.example.com";
    @ decode_contact()
    $ru = "sip:p*u****@gw.example.com";
    @ decode_contact()
    $ru = "sip:gw.example.com;enc=c2lwOmFsaWNlQDEwLjAuMC4x;z=1";
    @ contact_param_decode_ruri("none")
    > $ru
    @ contact_param_decode_ruri("ENC")
    > $ru
    $ru = "sip:gw.example.com;enc=c2lwOmFsaWNlQDEwLjAuMC4xMQ";
    @ contact_param_decode_ruri("enc")
    > $ru
    $ru = "sip:gw.example.com;enc=!!";
    @ contact_param_decode_ruri("enc")
    $ru = "sip:gw.example.com";
    @ contact_param_decode_ruri("enc")
    """,
    modules=MODULES,
    messages=(BARE,),
    differs={
        "facts/> $ru": BROKEN_URI,
        "facts/> $ru  (2)": BROKEN_URI,
    },
)

battery(
    "siputils",
    "contacts",
    edits(r"""
    encode_contact("enc", "203.0.113.1")
    encode_contact("", "gw:5080")
    decode_contact_header()
    contact_param_encode("enc", "sip:203.0.113.1:5060")
    contact_param_decode("enc")
    contact_param_decode("none")
    contact_param_rm("transport")
    contact_param_rm("OB")
    contact_param_rm("z")
    contact_param_rm("none")
    """),
    modules=MODULES,
    messages=(CONTACTS, DECODABLE, BARE),
)

battery(
    "siputils",
    "contacts with another separator",
    edits(r"""
    encode_contact("enc", "203.0.113.1")
    decode_contact_header()
    """),
    modules=MODULES,
    before='modparam("siputils", "contact_flds_separator", "-")',
    messages=(CONTACTS,),
)

battery(
    "siputils",
    "remote party",
    r"""
    @ is_rpid_user_e164()
    @ append_rpid_hf()
    $avp(rpid) = "sip:+123456@example.com";
    @ is_rpid_user_e164()
    $avp(rpid) = "\"A\" <sip:+123456@example.com>;party=calling";
    @ is_rpid_user_e164()
    $avp(rpid) = "sip:alice@example.com";
    @ is_rpid_user_e164()
    $avp(rpid) = "nothing";
    @ is_rpid_user_e164()
    $avp(rpid) = 7;
    @ is_rpid_user_e164()
    @ append_rpid_hf()
    $avp(rpid) = "sip:alice@example.com";
    @ append_rpid_hf()
    @ append_rpid_hf("\"X\" <", ">;party=called")
    msg_apply_changes();
    > $mb
    """,
    modules=MODULES,
    before="""
modparam("siputils", "rpid_avp", "$avp(rpid)")
modparam("siputils", "rpid_prefix", "<")
modparam("siputils", "rpid_suffix", ">;screen=yes")
""",
    messages=(BARE,),
)

battery(
    "siputils",
    "charging vectors",
    r"""
    $var(mb) = $mb;
    @ sip_p_charging_vector("r")
    > $pcv(all)|$pcv(value)|$pcv(genaddr)|$pcv(orig)|$pcv(term)
    msg_apply_changes();
    > $hdr(P-Charging-Vector)
    msg_set_buffer("$var(mb)");
    @ sip_p_charging_vector("g")
    > $pcv(genaddr)|$pcv(orig)|$pcv(term)
    > $(pcv(value){s.substr,0,6}) $(pcv(value){s.len})
    msg_apply_changes();
    > $(hdr(P-Charging-Vector){s.substr,0,17})
    @ sip_p_charging_vector("x")
    """,
    modules=MODULES,
    messages=(CONTACTS, BARE),
    differs={"facts/> $(hdr(P-Charging-Vector){s.substr,0,17})  (2)": f"it inserts other text: {STALE}"},
)


@case(modules="sl siputils pv xlog", config="request_route { options_reply(); }")
def options_for_the_proxy_itself(scene: Scene) -> None:
    """Default capabilities; a URI with a user and other methods get nothing."""
    scene.alice.send(BARE)
    scene.alice.expect(200)
    scene.alice.send(BARE.replace("OPTIONS sip:", "OPTIONS sip:bob@"))
    scene.settle()


@case(
    modules="sl siputils pv xlog",
    config="""
modparam("siputils", "options_accept", "application/*")
modparam("siputils", "options_accept_encoding", "gzip")
modparam("siputils", "options_accept_language", "de")
modparam("siputils", "options_support", "path")
request_route { options_reply(); xlog("$rc\\n"); }""",
)
def options_with_other_capabilities(scene: Scene) -> None:
    """Each header comes from a parameter."""
    scene.alice.send(BARE)
    scene.alice.expect(200)
    scene.alice.send(MESSAGE)
    scene.settle()


battery(
    "siputils",
    "tel2sip_takes_one_variable",
    """
    $avp(a) = "tel:+1";
    @ tel2sip("$avp(a)", "h", "$var(o)")
    = $var(o)
    @ tel2sip("$avp(a)x", "h", "$var(o)")
    = $var(o)
    @ tel2sip("x$avp(a)", "h", "$var(o)")
    @ tel2sip("tel:+2", "h$rU", "$var(o)")
    = $var(o)
    @ tel2sip("tel:+3", "$rU.org", "$var(o)")
    = $var(o)
    @ tel2sip("$avp(none)", "h", "$var(o)")
    @ tel2sip("tel:+4", "$avp(none)", "$var(o)")
    @ tel2sip("", "h", "$var(o)")
    """,
    modules="sl pv xlog siputils",
)
