"""Registrars as people build them: NAT, path, several devices, forking with q, caller checks, odd tables and arguments."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case
from .registration import _register

MODULES = "db_sqlite tm tmx sl rr pv xlog textops textopsx siputils path nathelper usrloc registrar kex corex"
STOCK = """
#!define WITH_NAT
#!define WITH_USRLOCDB
#!define FLT_NATS 5
#!define FLB_NATB 6
#!define FLB_NATSIPPING 7
modparam("tm", "fr_timer", 1000)
modparam("tm", "wt_timer", 500)
modparam("registrar", "method_filtering", 1)
modparam("registrar", "max_expires", 3600)
modparam("registrar", "gruu_enabled", 0)
modparam("registrar", "received_avp", "$avp(RECEIVED)")
modparam("nathelper", "received_avp", "$avp(RECEIVED)")
modparam("nathelper", "natping_interval", 0)
modparam("usrloc", "nat_bflag", FLB_NATB)
modparam("usrloc", "timer_interval", 60)
PARAMS
"""
ROUTES = """
request_route {
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    route(NATDETECT);
    if (is_method("REGISTER")) {
        if (isflagset(FLT_NATS)) { setbflag(FLB_NATB); setbflag(FLB_NATSIPPING); }
        if (!save(SAVEARGS)) sl_reply_error();
        xlog("save $rc\\n");
        exit;
    }
    LOOKUP
    t_relay();
    exit;
}
route[NATDETECT] {
#!ifdef WITH_NAT
    force_rport();
    if (nat_uac_test("19")) {
        if (is_method("REGISTER")) fix_nated_register(); else if (is_first_hop()) set_contact_alias();
        setflag(FLT_NATS);
    }
#!endif
}
REST
"""
LOCATION = """
    if (!lookup("location")) {
        $var(rc) = $rc;
        xlog("lookup $var(rc)\\n");
        t_newtran();
        switch ($var(rc)) {
            case -1: case -3: send_reply("404", "Not Found"); exit;
            case -2: send_reply("405", "Method Not Allowed"); exit;
        }
    }
    xlog("found $ru $du $fs $bf nat $(branch(count)) $(ulc(x=>count))\\n");
""".replace(" $(ulc(x=>count))", "")


def config(params: str = "", *, lookup: str = LOCATION, args: str = '"location"', rest: str = "") -> str:
    """The stock registrar with more parameters."""
    text = STOCK.replace("PARAMS", params) + ROUTES
    return text.replace("SAVEARGS", args).replace("LOOKUP", lookup).replace("REST", rest)


def call(scene: Scene, user: str = "bob", method: str = "INVITE", call_id: str = "call-1", uri: str = "") -> str:
    """Alice calls a user."""
    text = scene.alice.request(method, uri or f"sip:{user}@example.com", call_id=call_id)
    scene.settle()
    return text


@case(config(), modules=MODULES)
def behind_nat(scene: Scene) -> None:
    """A private contact: the source is kept as received and becomes the destination, the flag comes back with it."""
    _register(scene, "<sip:bob@192.168.1.5:5062>", expires=7200)
    scene.rpc("ul.lookup", "location", "bob")
    call(scene)
    _register(scene, "*", expires=0, cseq=2)
    call(scene, call_id="call-2")


@case(config(), modules=MODULES)
def nobody_and_methods(scene: Scene) -> None:
    """404 for who is not there, 405 for what the contact does not take."""
    _register(scene, '<sip:bob@127.0.0.12:21200>;methods="INVITE,ACK,BYE"', expires=60)
    scene.alice.ack(call(scene, "nobody"))
    call(scene, method="MESSAGE", call_id="call-2")
    call(scene, method="SUBSCRIBE", call_id="call-3")
    scene.settle()


@case(
    config(
        'modparam("registrar", "append_branches", 1)\n',
        lookup="""
    if (!lookup("location")) { xlog("none $rc\\n"); exit; }
    if (!t_load_contacts()) { xlog("load $rc\\n"); }
    t_next_contacts(); xlog("next $rc $ru\\n");
    t_on_failure("SERIAL");
""",
        rest="""
failure_route[SERIAL] {
    xlog("failed $T_reply_code\\n");
    if (t_next_contacts()) { xlog("then $ru\\n"); t_on_failure("SERIAL"); t_relay(); } else xlog("no more $rc\\n");
}
""",
    ).replace(
        'modparam("tm", "fr_timer", 1000)',
        'modparam("tm", "fr_timer", 1000)\nmodparam("tm", "contacts_avp", "ct_avp")\nmodparam("tm", "contact_flows_avp", "cf_avp")',
    ),
    modules=MODULES,
)
def one_after_the_other_by_q(scene: Scene) -> None:
    """Contacts of lower q ring when those of higher q refuse."""
    _register(scene, "<sip:bob@127.0.0.12:21200>;q=0.9\n<sip:carol@127.0.0.13:21200>;q=0.5", expires=60)
    scene.bob.drain()
    scene.bob.received.clear()
    invite = scene.alice.request("INVITE", "sip:bob@example.com")
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(603, "No")
    scene.carol.expect("ACK")
    scene.settle()
    scene.alice.ack(invite)
    scene.settle()


TABLES = """
    if (is_method("REGISTER")) {
        $var(t) = "location"; $avp(n) = 5;
        if ($rU == "var") save("$var(t)");
        else if ($rU == "none") save("$var(none)");
        else if ($rU == "avp") save("$avp(none)");
        else if ($rU == "other") save("other");
        else if ($rU == "flags") save("location", "0x05");
        else if ($rU == "uri") save("location", "0", "sip:carol@example.com");
        else if ($rU == "uri2") save("location", "0x00", "$avp(none)");
        else if ($rU == "uri3") save("location", "0x00", "");
        xlog("$rU $rc $xavp(ulrcd=>ruid)\\n");
        exit;
    }
"""


@case(STOCK.replace("PARAMS", "") + "request_route {\n" + TABLES + "}\n", modules=MODULES)
def saving_with_odd_arguments(scene: Scene) -> None:
    """Tables in variables, null, not preloaded; flags that are no number; URIs of other users."""
    for number, user in enumerate(("var", "none", "avp", "other", "flags", "uri", "uri2", "uri3"), 1):
        scene.bob.request(
            "REGISTER",
            f"sip:{user}@example.com",
            to=f"<sip:{user}@example.com>",
            from_=f"<sip:{user}@example.com>",
            call_id=f"reg-{number}",
            contact=False,
            headers=f"Contact: <sip:{user}@127.0.0.12:21200>;expires=99",
        )
        scene.label(user)
    scene.rpc("ul.dump", "brief")


LOOKUPS = """
    $var(t) = "location"; $var(u) = "sip:bob@example.com"; $avp(n) = 5;
    lookup("$var(t)"); xlog("1 $rc $ru\\n");
    $ru = "sip:bob@example.com"; lookup("location", "$var(u)"); xlog("2 $rc $ru\\n");
    lookup("location", "sip:nobody@example.com"); xlog("3 $rc $ru\\n");
    lookup("location", ""); xlog("4 $rc $ru\\n");
    lookup("location", "$avp(none)"); xlog("5 $rc $ru\\n");
    lookup("location", "bob"); xlog("6 $rc $ru\\n");
    lookup("location", "tel:123"); xlog("7 $rc $ru\\n");
    lookup("other"); xlog("8 $rc $ru\\n");
    $ru = "sip:bob@example.com"; lookup_branches("location"); xlog("9 $rc $ru $branch(count)\\n");
    lookup_to_dset("location"); xlog("10 $rc $ru $branch(count)\\n");
    lookup_to_dset("location", "sip:bob@example.com"); xlog("11 $rc $ru $branch(count)\\n");
    registered("location"); xlog("12 $rc\\n");
    registered("location", "sip:bob@example.com"); xlog("13 $rc\\n");
    registered("location", "sip:bob@example.com", "4"); xlog("14 $rc\\n");
    registered("location", "$avp(none)"); xlog("15 $rc\\n");
    registered("location", "$var(u)", "3", "1"); xlog("16 $rc $xavp(ulrcd=>ruid)\\n");
    registered("location", "nonsense"); xlog("17 $rc\\n");
    reg_fetch_contacts("location", "$var(u)", "callee"); xlog("18 $rc $(ulc(callee=>count)) $(ulc(callee=>addr)) $(ulc(callee=>addr)[1]) $(ulc(callee=>addr)[9]) $(ulc(none=>count)) $(ulc(callee=>callid)) $(ulc(callee=>cseq)) $(ulc(callee=>q)) $(ulc(callee=>methods)) $(ulc(callee=>user_agent)) $(ulc(callee=>received)) $(ulc(callee=>path)) $(ulc(callee=>socket)) $(ulc(callee=>aor)) $(ulc(callee=>domain)) $(ulc(callee=>cflags)) $(ulc(callee=>flags))\\n");
    reg_fetch_contacts("location", "$avp(none)", "callee"); xlog("19 $rc $(ulc(callee=>count))\\n");
    reg_fetch_contacts("location", "sip:nobody@example.com", "callee"); xlog("20 $rc $(ulc(callee=>count))\\n");
    reg_free_contacts("callee"); xlog("21 $rc $(ulc(callee=>count))\\n");
    reg_free_contacts("never"); xlog("22 $rc\\n");
    unregister("location", "sip:nobody@example.com"); xlog("23 $rc\\n");
    unregister("location", "$avp(none)"); xlog("24 $rc\\n");
    unregister("location", ""); xlog("25 $rc\\n");
    unregister("other", "$var(u)"); xlog("26 $rc\\n");
    unregister("location", "$var(u)", "uloc-none"); xlog("27 $rc\\n");
    unregister("location", "$var(u)"); xlog("28 $rc\\n");
    registered("location", "$var(u)"); xlog("29 $rc\\n");
    is_method("REGISTER"); add_sock_hdr("Sock-Info"); xlog("30 $rc\\n");
"""


@case(
    STOCK.replace("PARAMS", "")
    + 'request_route { if (is_method("REGISTER")) { save("location"); exit; }\n'
    + LOOKUPS
    + "}\n",
    modules=MODULES,
)
def asking_with_odd_arguments(scene: Scene) -> None:
    """lookup and its kin with tables and URIs that are null, empty, not there."""
    _register(
        scene, "<sip:bob@127.0.0.12:21200>;q=0.4,<sip:b2@127.0.0.12:21201>", expires=60, headers="User-Agent: Phone/1.0"
    )
    call(scene)
    call(scene, uri="sip:example.com")


@case(
    config(
        'modparam("usrloc", "db_url", "sqlite:///DATABASE")\nmodparam("usrloc", "db_mode", 1)\nmodparam("usrloc", "use_domain", 1)\nmodparam("registrar", "max_contacts", 2)\n',
        rest='event_route[usrloc:contact-expired] { xlog("expired $ulc(exp=>aor) $ulc(exp=>addr)\\n"); }',
    ),
    modules=MODULES,
)
def rows_of_contacts(scene: Scene) -> None:
    """db_mode 1: each change is a row at once; a restart finds them; 503 for the third."""
    columns = (
        "username",
        "domain",
        "contact",
        "received",
        "path",
        "q",
        "callid",
        "cseq",
        "flags",
        "cflags",
        "user_agent",
        "methods",
    )
    _register(scene, "<sip:bob@192.168.1.5:5062>;q=0.3", expires=100, headers='User-Agent: A\'B "c"')
    _register(scene, "<sip:b2@127.0.0.12:21200>", expires=100, cseq=2, headers="Allow: INVITE, ACK, BYE")
    _register(scene, "<sip:b3@127.0.0.12:21200>", expires=100, cseq=3)
    scene.rows("location", *columns)
    _register(scene, "<sip:bob@192.168.1.5:5062>", expires=0, cseq=4)
    scene.rows("location", *columns, label="later")
    scene.restart()
    call(scene)
    call(scene, uri="sip:bob@example.org", call_id="call-2")


@case(
    config(
        'modparam("usrloc", "db_url", "sqlite:///DATABASE")\nmodparam("usrloc", "db_mode", 3)\nmodparam("usrloc", "db_ops_ruid", 1)\n'
    ),
    modules=MODULES,
)
def rows_alone(scene: Scene) -> None:
    """db_mode 3: what somebody else changes in the table counts at once."""
    _register(scene, "<sip:bob@127.0.0.12:21200>;q=0.3,<sip:b2@127.0.0.12:21201>;q=0.5", expires=100)
    call(scene)
    scene.execute("DELETE FROM location WHERE contact LIKE '%b2%'")
    call(scene, call_id="call-2")
    scene.execute("UPDATE location SET contact='sip:other@127.0.0.13:21200', expires=2450000.5")
    call(scene, call_id="call-3")
    scene.execute(
        "UPDATE location SET expires=2488000.5, received='sip:127.0.0.14:21200', path='<sip:127.0.0.13:21200;lr>'"
    )
    call(scene, call_id="call-4")
    scene.execute("UPDATE location SET contact='nonsense'")
    call(scene, call_id="call-5")


@case(
    config(
        'modparam("registrar", "use_path", 1)\nmodparam("registrar", "path_mode", 1)\nmodparam("registrar", "path_use_received", 1)\nmodparam("path", "use_received", 1)\n',
        lookup='$var(k) = "$ru"; if (is_method("OPTIONS")) { add_path(); exit; }' + LOCATION,
    ),
    modules=MODULES,
)
def behind_an_edge_proxy(scene: Scene) -> None:
    """WITH_PATH: the call goes to the edge proxy with its route set and to what it received from."""
    path = "Path: <sip:edge@127.0.0.13:21200;lr;received=sip:10.0.0.9:5070%3btransport%3dtcp>"
    _register(scene, "<sip:bob@192.168.1.5:5062>", expires=100, headers=f"Supported: path\n{path}")
    call(scene)
    _register(
        scene,
        "<sip:bob@192.168.1.5:5062>",
        expires=100,
        cseq=2,
        headers="Path: <sip:127.0.0.13:21200;lr>, <sip:10.0.0.2;lr>",
    )
    call(scene, call_id="call-2")


EDGE = """
request_route {
    if ($rU == "a") { add_path(); xlog("$rc\\n"); }
    if ($rU == "b") { add_path("user"); xlog("$rc\\n"); }
    if ($rU == "c") { add_path("$var(none)"); xlog("$rc\\n"); }
    if ($rU == "d") { add_path("", "ob"); xlog("$rc\\n"); }
    if ($rU == "e") { add_path("user", "x=y;z"); xlog("$rc\\n"); }
    if ($rU == "f") { add_path_received(); xlog("$rc\\n"); }
    if ($rU == "g") { add_path_received("user"); xlog("$rc\\n"); }
    if ($rU == "h") { add_path_received("$fU", "a=$ci"); xlog("$rc\\n"); }
    if ($rU == "i") { add_path(); add_path_received(); xlog("$rc\\n"); }
    if ($rU == "j") { add_path("$avp(none)", "$avp(none)"); xlog("$rc\\n"); }
    if ($rU == "k") { add_path("us er@x", "p"); xlog("$rc\\n"); }
    $du = "sip:127.0.0.12:21200";
    if ($rm == "REGISTER") t_relay(); else { forward(); }
}
"""


@case(EDGE, modules=MODULES)
def adding_paths(scene: Scene) -> None:
    """The edge proxy: users, parameters, null, twice; also requests that are no REGISTER."""
    for user in "abcdefghijk":
        scene.alice.request(
            "REGISTER", f"sip:{user}@example.com", headers="Path: <sip:first.example.com;lr>", call_id=f"c-{user}"
        )
        scene.label(user)
    scene.alice.request("SUBSCRIBE", "sip:h@example.com")


@case(
    config(
        'modparam("registrar", "xavp_rcd", "ulrcd")\nmodparam("registrar", "xavp_cfg", "reg")\nmodparam("registrar", "default_expires", 50)\nmodparam("registrar", "min_expires", 20)\nmodparam("registrar", "received_param", "rcv")\nmodparam("registrar", "contact_max_size", 60)\nmodparam("registrar", "case_sensitive", 0)\nmodparam("registrar", "default_q", 500)\nmodparam("registrar", "retry_after", 30)\n',
        lookup='xlog("asked $ru\\n");'
        + LOCATION
        + '    xlog("rcd $xavp(ulrcd=>ruid) $xavp(ulrcd=>contact) $xavp(ulrcd=>expires) $xavp(ulrcd=>received)\\n");\n',
    ).replace(
        'if (!save("location"))',
        '$xavp(reg=>max_contacts) = 2; if ($hdr(X-Max) != $null) $xavp(reg[0]=>max_contacts) = 1; if (!save("location"))',
    ),
    modules=MODULES,
)
def many_settings(scene: Scene) -> None:
    """Limits for one request, sizes, defaults, the received parameter, users in other letters."""
    _register(scene, "<sip:bob@127.0.0.12:21200>")
    _register(scene, "<sip:bob@127.0.0.12:21200>;expires=5;q=0.2", user="BOB", cseq=2)
    _register(scene, '<sip:bob@127.0.0.12:21201>;rcv="sip:1.2.3.4:9"', cseq=3)
    _register(scene, "<sip:bob@127.0.0.12:21202>", cseq=4)
    _register(scene, "<sip:bob@127.0.0.12:21203>", cseq=5, headers="X-Max: 1", user="carol")
    _register(scene, "<sip:bob@127.0.0.12:21204>", cseq=6, headers="X-Max: 1", user="carol")
    _register(scene, f"<sip:{'b' * 60}@127.0.0.12:21204>", cseq=7, user="dave")
    _register(scene, "<sip:bob@127.0.0.12:21205>;expires=x;q=2", cseq=8, user="erin")
    _register(scene, "<sip:bob@127.0.0.12:21206>;expires=99999999999;q=0.12345", cseq=9, user="erin")
    _register(scene, "<sip:bob@127.0.0.12:21207>;expires=-5", cseq=10, user="erin")
    call(scene, "Bob")
    call(scene, "carol", call_id="c2")
