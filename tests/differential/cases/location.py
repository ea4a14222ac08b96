"""registrar and usrloc beyond the everyday: outbound, GRUU, Path, XAVPs, profiles, matching, limits, sockets."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case
from .registration import _register

MODULES = "tm sl rr pv xlog textops siputils usrloc registrar kex corex"
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


def _ask(scene: Scene, user: str = "bob", method: str = "INVITE", headers: str = "", uri: str = "") -> None:
    scene.alice.request(method, uri or f"sip:{user}@example.com", headers=headers)
    scene.settle()


SAVE = """
request_route {
    if (is_method("REGISTER")) {
        $var(rc) = save("location");
        xlog("save $var(rc)\\n");
        exit;
    }
    lookup("location");
    xlog("lookup $rc ru $ru du $du ruid $ruid loc_ua $location_ua branches $branch(count)\\n");
    xlog("b0 $(branch(uri)[0]) q $(branch(q)[0]) dst $(branch(dst_uri)[0]) path $(branch(path)[0]) fs $(branch(send_socket)[0])\\n");
}
"""


@case('modparam("registrar", "gruu_enabled", 1)\n' + SAVE, modules=MODULES)
def gruu(scene: Scene) -> None:
    """Instances get a public and a temporary GRUU when the client supports them."""
    _register(scene, f"<sip:bob@127.0.0.12:21200>;{INSTANCE}", headers="Supported: gruu, path", expires=100)
    _register(scene, f"<sip:bob@127.0.0.12:21200>;{INSTANCE}", headers="Supported: path", expires=100, cseq=2)
    _register(scene, "<sip:other@127.0.0.12:21200>", headers="Supported: gruu", expires=50, cseq=3)
    _ask(scene, uri="sip:bob@example.com;gr=urn:uuid:00000000-0000-1000-8000-000A95A0E128")
    _ask(scene, uri="sip:bob@example.com;gr=urn:uuid:none")
    _ask(scene, uri="sip:bob@example.com;gr")
    scene.rpc("ul.lookup", "location", "bob")


@case('modparam("registrar", "gruu_enabled", 0)\n' + SAVE, modules=MODULES)
def gruu_off(scene: Scene) -> None:
    """Without gruu_enabled the instance is kept and nothing is made of it."""
    _register(scene, f"<sip:bob@127.0.0.12:21200>;{INSTANCE}", headers="Supported: gruu", expires=100)
    scene.rpc("ul.lookup", "location", "bob")


@case('modparam("registrar", "outbound_mode", 1)\nmodparam("registrar", "flow_timer", 25)\n' + SAVE, modules=MODULES)
def outbound_supported(scene: Scene) -> None:
    """outbound_mode 1: reg-id counts when the client supports outbound."""
    _register(
        scene, f"<sip:bob@127.0.0.12:21200>;{INSTANCE};reg-id=1", headers="Supported: outbound, path", expires=100
    )
    _register(
        scene, f"<sip:bob@127.0.0.12:21201>;{INSTANCE};reg-id=2", headers="Supported: outbound", expires=100, cseq=2
    )
    _register(
        scene, f"<sip:bob@127.0.0.12:21202>;{INSTANCE};reg-id=1", headers="Supported: outbound", expires=100, cseq=3
    )
    _register(scene, f"<sip:bob@127.0.0.12:21203>;{INSTANCE};reg-id=3", expires=100, cseq=4)
    _register(
        scene, f"<sip:bob@127.0.0.12:21203>;{INSTANCE};reg-id=3", headers="Require: outbound", expires=100, cseq=5
    )
    _register(scene, "<sip:bob@127.0.0.12:21204>;reg-id=4", headers="Supported: outbound", expires=100, cseq=6)
    scene.rpc("ul.dump")
    _ask(scene)


@case('modparam("registrar", "outbound_mode", 2)\n' + SAVE, modules=MODULES)
def outbound_required(scene: Scene) -> None:
    """outbound_mode 2: clients without outbound are refused."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=100)
    _register(
        scene, f"<sip:bob@127.0.0.12:21200>;{INSTANCE};reg-id=1", headers="Supported: outbound", expires=100, cseq=2
    )
    _register(scene, f"<sip:bob@127.0.0.12:21200>;{INSTANCE}", headers="Supported: outbound", expires=100, cseq=3)


@case('modparam("registrar", "outbound_mode", 0)\n' + SAVE, modules=MODULES)
def outbound_off(scene: Scene) -> None:
    """outbound_mode 0: Require: outbound is refused with 420."""
    _register(scene, f"<sip:bob@127.0.0.12:21200>;{INSTANCE};reg-id=1", headers="Supported: outbound", expires=100)
    _register(
        scene, f"<sip:bob@127.0.0.12:21201>;{INSTANCE};reg-id=1", headers="Require: outbound", expires=100, cseq=2
    )
    _register(
        scene, f"<sip:bob@127.0.0.12:21201>;{INSTANCE};reg-id=0", headers="Supported: outbound", expires=100, cseq=3
    )
    scene.rpc("ul.lookup", "location", "bob")


@case('modparam("registrar", "regid_mode", 1)\n' + SAVE, modules=MODULES)
def regid_always(scene: Scene) -> None:
    """regid_mode 1: reg-id counts without outbound."""
    _register(scene, f"<sip:bob@127.0.0.12:21200>;{INSTANCE};reg-id=1", expires=100)
    _register(scene, f"<sip:bob@127.0.0.12:21201>;{INSTANCE};reg-id=1", expires=100, cseq=2)
    _register(scene, f"<sip:bob@127.0.0.12:21202>;{INSTANCE};reg-id=2", expires=100, cseq=3)
    scene.rpc("ul.lookup", "location", "bob")


PATHS = "Path: <sip:p1.example.com;lr;received=sip:10.1.1.1:5070>,<sip:p2.example.com;lr>"


@case(
    'modparam("registrar", "use_path", 1)\nmodparam("registrar", "path_mode", 0)\nmodparam("registrar", "path_use_received", 1)\n'
    + SAVE,
    modules=MODULES,
)
def path_off_with_received(scene: Scene) -> None:
    """path_mode 0: Path is kept and not shown; its received parameter is where to send to."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", headers=PATHS, expires=100)
    _register(scene, "<sip:bob@127.0.0.12:21203>", headers="Path: <sip:p3.example.com;lr>", expires=90, cseq=2)
    _ask(scene)
    scene.rpc("ul.lookup", "location", "bob")


@case('modparam("registrar", "use_path", 1)\nmodparam("registrar", "path_mode", 1)\n' + SAVE, modules=MODULES)
def path_lazy(scene: Scene) -> None:
    """path_mode 1: Path is shown to clients that support it."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", headers=PATHS, expires=100)
    _register(scene, "<sip:bob@127.0.0.12:21200>", headers=PATHS + "\nSupported: path", expires=100, cseq=2)
    _ask(scene)


@case(
    'modparam("registrar", "use_path", 1)\nmodparam("registrar", "path_mode", 2)\nmodparam("registrar", "path_check_local", 1)\n'
    + SAVE,
    modules=MODULES,
)
def path_strict(scene: Scene) -> None:
    """path_mode 2: clients that do not support it get 420. A first hop that is the server itself is skipped."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", headers=PATHS, expires=100)
    _register(
        scene,
        "<sip:bob@127.0.0.12:21200>",
        headers="Supported: path\nPath: <sip:127.0.0.1:21200;lr>, <sip:p2.example.com;lr>",
        expires=100,
        cseq=2,
    )
    _ask(scene)
    _register(
        scene,
        "<sip:bob@127.0.0.12:21200>",
        headers="Supported: path\nPath: <sip:127.0.0.1:21200;lr>",
        expires=100,
        cseq=3,
    )
    _ask(scene)


@case(
    """
modparam("usrloc", "xavp_contact", "ulattrs")
modparam("registrar", "xavp_cfg", "reg")
modparam("registrar", "xavp_rcd", "ulrcd")
modparam("registrar", "received_avp", "$avp(rcv)")
request_route {
    if (is_method("REGISTER")) {
        if ($rU == $null && $hdr(X-Max) != $null) { $xavp(reg=>max_contacts) = $(hdr(X-Max){s.int}); }
        if ($hdr(X-Expires) != $null) { $xavp(reg=>expires) = $(hdr(X-Expires){s.int}); }
        if ($hdr(X-Min) != $null) { $xavp(reg=>min_expires) = $(hdr(X-Min){s.int}); }
        $xavp(ulattrs=>color) = $hdr(X-Color);
        $xavp(ulattrs[0]=>size) = 5;
        $avp(rcv) = "sip:203.0.113.5:7000";
        save("location");
        xlog("save $rc\\n");
        exit;
    }
    if (is_method("OPTIONS")) { $xavp(reg=>match_contact_name) = "x"; $xavp(reg=>match_received) = "sip:203.0.113.5:7000"; $xavp(reg=>match_callid) = "reg-1"; $xavp(reg=>match_contact) = "sip:bob@127.0.0.12:21200";
        registered("location", "sip:bob@example.com", "1"); xlog("m1 $rc\\n");
        registered("location", "sip:bob@example.com", "2"); xlog("m2 $rc\\n");
        registered("location", "sip:bob@example.com", "4"); xlog("m4 $rc\\n");
        registered("location", "sip:bob@example.com", "7"); xlog("m7 $rc\\n");
        $xavp(reg[0]=>match_callid) = "other";
        registered("location", "sip:bob@example.com", "1"); xlog("m1 $rc\\n");
        registered("location", "sip:bob@example.com", "0", "1"); xlog("a1 $rc color $xavp(ulattrs=>color)\\n");
        exit;
    }
    lookup("location");
    xlog("lookup $rc color $xavp(ulattrs=>color) size $xavp(ulattrs=>size)\\n");
    xlog("rcd $xavp(ulrcd=>ruid) $xavp(ulrcd=>contact) $xavp(ulrcd=>expires) $xavp(ulrcd=>received) $xavp(ulrcd=>path)\\n");
    xlog("rcd1 $xavp(ulrcd[1]=>contact) $xavp(ulrcd[1]=>expires) du $du\\n");
}
""",
    modules=MODULES,
)
def xavps(scene: Scene) -> None:
    """Settings for one request, attributes kept with a contact, details of what was found."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", headers="X-Color: red", expires=100)
    _register(scene, "<sip:bob@127.0.0.12:21201>;q=0.1", headers="X-Color: blue\nX-Max: 1", expires=100, cseq=2)
    _register(scene, "<sip:bob@127.0.0.12:21202>;q=0.2", headers="X-Color: green\nX-Max: 3\nX-Expires: 77", cseq=3)
    _register(scene, "<sip:bob@127.0.0.12:21203>;q=0.3", headers="X-Max: 5\nX-Min: 200", expires=100, cseq=4)
    _ask(scene)
    _ask(scene, method="OPTIONS")
    scene.rpc("ul.dump", "brief")


@case(
    """
request_route {
    if (is_method("REGISTER")) { save("location"); exit; }
    reg_fetch_contacts("location", "sip:bob@example.com", "p");
    xlog("fetch $rc aor $ulc(p=>aor) domain $ulc(p=>domain) count $ulc(p=>count)\\n");
    xlog("0 $ulc(p=>addr)|$ulc(p=>path)|$ulc(p=>received)|$ulc(p=>callid)|$ulc(p=>q)|$ulc(p=>cseq)|$ulc(p=>flags)|$ulc(p=>cflags)|$ulc(p=>user_agent)\\n");
    xlog("0 $ulc(p=>socket)|$ulc(p=>methods)|$ulc(p=>regid)|$ulc(p=>instance)|$ulc(p=>conid)|$ulc(p=>server_id)\\n");
    xlog("1 $(ulc(p=>addr)[1])|$(ulc(p=>q)[1])|$(ulc(p=>methods)[1])|$(ulc(p=>user_agent)[1])\\n");
    xlog("9 $(ulc(p=>addr)[9])|$(ulc(p=>count)[9])|$ulc(none=>addr)\\n");
    $var(i) = 1;
    xlog("i $(ulc(p=>addr)[$var(i)])\\n");
    if ($ulc(p=>path) == $null) xlog("path null\\n");
    if ($ulc(p=>instance) == $null) xlog("instance null\\n");
    reg_free_contacts("p");
    xlog("free $rc $ulc(p=>addr)\\n");
    reg_fetch_contacts("location", "sip:none@example.com", "p");
    xlog("none $rc $ulc(p=>aor)\\n");
}
""",
    modules=MODULES,
)
def profiles(scene: Scene) -> None:
    """reg_fetch_contacts and $ulc."""
    _register(
        scene, '<sip:bob@127.0.0.12:21200>;q=0.5;methods="INVITE, ACK"', headers="User-Agent: Phone/1", expires=100
    )
    _register(scene, '<sip:bob@127.0.0.12:21201>;q=1;methods="INVITE"', expires=100, cseq=2)
    _ask(scene)


def _matching(mode: int) -> str:
    return f'modparam("usrloc", "matching_mode", {mode})\n' + SAVE


@case(_matching(1), modules=MODULES)
def match_by_call_id(scene: Scene) -> None:
    """matching_mode 1: the Call-ID counts, too."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=100)
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=90, call_id="reg-2")
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=80, call_id="reg-2", cseq=2)


@case('modparam("registrar", "use_path", 1)\n' + _matching(2), modules=MODULES)
def match_by_path(scene: Scene) -> None:
    """matching_mode 2: the Path counts, too."""
    for number, path in enumerate(("p1", "p2", "p2"), 1):
        _register(
            scene,
            "<sip:bob@127.0.0.12:21200>",
            headers=f"Supported: path\nPath: <sip:{path}.example.com;lr>",
            expires=100 - number,
            cseq=number,
        )


@case(_matching(3), modules=MODULES)
def match_by_call_id_only(scene: Scene) -> None:
    """matching_mode 3: the Call-ID alone counts."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=100)
    _register(scene, "<sip:bob@127.0.0.12:21201>", expires=90, cseq=2)
    _register(scene, "<sip:bob@127.0.0.12:21202>", expires=80, call_id="reg-2")
    scene.rpc("ul.lookup", "location", "bob")


@case('modparam("usrloc", "desc_time_order", 1)\nmodparam("usrloc", "cseq_delay", 0)\n' + SAVE, modules=MODULES)
def newest_first(scene: Scene) -> None:
    """desc_time_order: the contact that registered last comes first."""
    _register(scene, "<sip:a@127.0.0.12:21200>;q=0.9", expires=100)
    _register(scene, "<sip:b@127.0.0.12:21200>;q=0.1", expires=100, cseq=2)
    _register(scene, "<sip:c@127.0.0.12:21200>", expires=100, cseq=3)
    _register(scene, "<sip:a@127.0.0.12:21200>;q=0.9", expires=100, cseq=4)
    _ask(scene)


@case(SAVE, modules=MODULES)
def order_of_equals(scene: Scene) -> None:
    """Among contacts of the same q the newest comes first; q sorts downwards."""
    for number, contact in enumerate(("a>;q=0.5", "b>;q=0.5", "c>", "d>;q=0.7", "e>;q=0.5", "b>;q=0.9"), 1):
        _register(scene, f"<sip:{contact.replace('>', '@127.0.0.12:21200>', 1)}", expires=100, cseq=number)
    _ask(scene)


@case(
    """
modparam("registrar", "min_expires", 100)
modparam("registrar", "min_expires_mode", 1)
modparam("registrar", "retry_after", 30)
modparam("registrar", "max_contacts", 1)
"""
    + SAVE,
    modules=MODULES,
)
def too_brief(scene: Scene) -> None:
    """min_expires_mode 1: 423 with Min-Expires; 503 has Retry-After."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=50)
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=0, cseq=2)
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=150, cseq=3)
    _register(scene, "<sip:bob@127.0.0.12:21201>", expires=150, cseq=4)
    _register(scene, "<sip:bob@127.0.0.12:21201>, <sip:x@127.0.0.12>", expires=150, cseq=5)


@case(
    """
modparam("registrar", "sock_hdr_name", "Sock-Info")
modparam("registrar", "sock_flag", 4)
request_route {
    if (is_method("REGISTER")) {
        add_sock_hdr("Sock-Info");
        xlog("add_sock_hdr $rc\\n");
        setflag(4);
        save("location");
        exit;
    }
    lookup("location");
    xlog("$fs $ru\\n");
}
""",
    modules=MODULES,
)
def sockets(scene: Scene) -> None:
    """The socket of a contact, or the one that a header names."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=100)
    _ask(scene)
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=100, headers="Sock-Info: udp:127.0.0.1:21200", cseq=2)
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=100, headers="Sock-Info: tcp:1.2.3.4:5", cseq=3)
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=100, headers="Sock-Info: rubbish", cseq=4)
    scene.rpc("ul.lookup", "location", "bob")


@case(
    """
request_route {
    if (is_method("REGISTER")) {
        if ($hdr(X-Flags) == "2") { save("location", "0x02"); xlog("save $rc\\n"); reg_send_reply(); xlog("reply $rc\\n"); exit; }
        if ($hdr(X-Flags) == "18") { save("location", "0x12"); xlog("save $rc\\n"); sl_send_reply("200", "By Hand"); exit; }
        if ($hdr(X-Flags) == "uri") { save("location", "0x00", "sip:carl@example.org"); xlog("save $rc\\n"); exit; }
        if ($hdr(X-Flags) == "bad") { save("location", "0x00", "rubbish"); xlog("save $rc\\n"); exit; }
        save("location", "0x04");
        exit;
    }
    lookup("location", "sip:carl@example.com"); xlog("lookup carl $rc $ru\\n");
    lookup("location", "rubbish"); xlog("lookup rubbish $rc\\n");
    lookup("location", "sip:none@example.com"); xlog("lookup none $rc\\n");
    lookup_to_dset("location", "sip:bob@example.com"); xlog("to_dset $rc $ru $branch(count) $(branch(uri)[0])\\n");
    $var(r) = unregister("location", "sip:bob@example.com", "ulnope"); xlog("unregister $var(r)\\n");
    $var(r) = unregister("location", "sip:nobody@example.com"); xlog("unregister $var(r)\\n");
    $var(r) = unregister("location", "rubbish"); xlog("unregister $var(r)\\n");
    reg_fetch_contacts("location", "sip:bob@example.com", "p");
    $var(r) = unregister("location", "sip:bob@example.com", "$ulc(p=>ruid)"); xlog("unregister $var(r)\\n");
    $var(r) = unregister("location", "", "ulnope"); xlog("unregister $var(r)\\n");
    $var(r) = registered("location", "sip:bob@example.com"); xlog("registered $var(r)\\n");
    $var(r) = registered("location", "sip:carl@example.com"); xlog("registered $var(r)\\n");
    $var(r) = registered("location", "rubbish"); xlog("registered $var(r)\\n");
}
""",
    modules=MODULES,
)
def functions(scene: Scene) -> None:
    """save() with flags and a URI, lookup() with one, unregister() by record id."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=100, headers="X-Flags: 2")
    _register(scene, "<sip:bob@127.0.0.12:21201>", expires=100, headers="X-Flags: 18", cseq=2)
    _register(scene, "<sip:bob@127.0.0.12:21202>", expires=100, headers="X-Flags: uri", cseq=3)
    _register(scene, "<sip:bob@127.0.0.12:21203>", expires=100, headers="X-Flags: bad", cseq=4)
    _register(scene, "<sip:bob@127.0.0.12:21204>", expires=100, cseq=5)
    _register(scene, "<sip:bob@127.0.0.12:21205>, <sip:bob@127.0.0.12:21206>", expires=100, cseq=6)
    _ask(scene)
    scene.rpc("ul.dump", "brief")


@case(
    """
modparam("registrar", "use_expired_contacts", 0)
modparam("registrar", "received_param", "rcv")
modparam("registrar", "received_avp", "$avp(r)")
modparam("registrar", "case_sensitive", 1)
modparam("registrar", "realm_prefix", "sip.")
modparam("usrloc", "use_domain", 1)
"""
    + SAVE.replace("$var(rc) = save", '$avp(r) = "sip:203.0.113.9:5070;transport=tcp"; $var(rc) = save'),
    modules=MODULES,
)
def names(scene: Scene) -> None:
    """Case, realm prefix, received parameter, escapes in user parts."""
    for number, user in enumerate(("Bob", "bob", "b%6Fb", "%62ob%3b"), 1):
        scene.bob.request(
            "REGISTER",
            "sip:example.com",
            to=f"<sip:{user}@sip.Example.com;x=y>",
            call_id="reg-1",
            cseq=number,
            contact=False,
            headers="Contact: <sip:bob@127.0.0.12:21200>;expires=100",
        )
        scene.settle()
    scene.rpc("ul.dump", "brief")
    _ask(scene, uri="sip:Bob@example.com")
    _ask(scene, uri="sip:bob@sip.example.com")
    _ask(scene, uri="sip:BOB@example.com")


@case(SAVE, modules=MODULES)
def strange_contacts(scene: Scene) -> None:
    """Display names, bare URIs, parameters, methods, long and broken ones."""
    contacts = [
        '"Bob, B." <sip:bob@127.0.0.12:21200;transport=udp>;expires=60;q=0.25;x-y=z',
        "sip:bob@127.0.0.12:21201;expires=60",
        '<sip:bob@127.0.0.12:21202>;methods="INVITE,FOO"',
        "<tel:+4912345>;expires=60",
        "<sips:bob@127.0.0.12>;expires=60",
        "<bob>;expires=60",
        "<sip:bob@127.0.0.12:21203>;q=2",
        "<sip:bob@127.0.0.12:21203>;q=",
        "<sip:bob@127.0.0.12:21203>;q=0.12345",
        "<sip:bob@127.0.0.12:21204>;expires=",
        "<sip:bob@127.0.0.12:21204>;expires=-5",
        "<sip:bob@127.0.0.12:21204>;expires=4294967296",
        "<sip:" + "x" * 600 + "@127.0.0.12>;expires=60",
        "<sip:bob@127.0.0.12:21205>;expires=60;expires=90",
        '<sip:bob@127.0.0.12:21206>;received="sip:1.2.3.4"',
        "*;expires=0",
        "<sip:bob@127.0.0.12:21207>;expires=4294967295",
        "<sip:bob@127.0.0.12:21208>;expires=2147483647",
        "<sip:bob@127.0.0.12:21209>;expires=60s",
        f"<sip:bob@127.0.0.12:21209>;reg-id=x;{INSTANCE}",
        f"<sip:bob@127.0.0.12:21209>;expires=60, <sip:bob@127.0.0.12:21210>;reg-id=0;{INSTANCE};expires=20",
    ]
    for number, contact in enumerate(contacts, 1):
        _register(scene, contact, cseq=number, expires=100)
    scene.rpc("ul.lookup", "location", "bob")


@case(
    'modparam("registrar", "method_filtering", 1)\nmodparam("registrar", "append_branches", 1)\n' + SAVE,
    modules=MODULES,
)
def by_methods(scene: Scene) -> None:
    """Contacts that do not take the method are left out; within a dialog all count."""
    _register(scene, '<sip:a@127.0.0.12:21200>;methods="INVITE,ACK,BYE";q=0.9', expires=100)
    _register(scene, '<sip:b@127.0.0.12:21200>;methods="MESSAGE"', expires=100, cseq=2)
    _ask(scene)
    _ask(scene, method="MESSAGE")
    _ask(scene, method="OPTIONS")
    scene.alice.request("OPTIONS", "sip:bob@example.com", to_tag="x")
    scene.settle()


@case(
    'modparam("registrar", "default_expires", 0)\n'
    + SAVE.replace('lookup("location");', 'setbflag(3); lookup_branches("location");'),
    modules=MODULES,
)
def flags_and_permanent(scene: Scene) -> None:
    """ul.add: contacts that never expire, flags, paths and sockets by command."""
    scene.rpc("ul.add", "location", "bob", "sip:bob@127.0.0.12:21200", 0, 1.0, ".", 3, 64, 7)
    scene.rpc(
        "ul.add",
        "location",
        "bob",
        "sip:bob@127.0.0.12:21201",
        50,
        0.0,
        "<sip:p;lr>",
        0,
        0,
        4294967295,
        "sip:9.9.9.9",
        "udp:127.0.0.1:21200",
    )
    scene.rpc("ul.add", "location", "bob", "sip:bob@127.0.0.12:21201", 50)
    scene.rpc("ul.add", "nowhere", "bob", "sip:bob@127.0.0.12:21201", 50, 1.0, ".", 0, 0, 0)
    scene.rpc("ul.lookup", "location", "bob")
    scene.rpc("ul.lookup", "location", "nobody")
    scene.rpc("ul.lookup")
    scene.rpc("ul.rm")
    scene.rpc("ul.rm_contact", "location", "bob")
    scene.rpc("ul.rm_contact", "location", "bob", "sip:none@1.1.1.1")
    scene.rpc("ul.rm_contact", "location", "none", "sip:none@1.1.1.1")
    scene.rpc("ul.rm_contact", "nowhere", "none", "sip:none@1.1.1.1")
    scene.rpc("ul.flush")
    scene.rpc("ul.db_users", "location")
    scene.rpc("ul.db_contacts", "location")
    scene.rpc("ul.db_expired_contacts", "location")
    scene.rpc("stats.get_statistics", "usrloc:")
    scene.rpc("stats.get_statistics", "registrar:")
    _ask(scene)
    scene.rpc("ul.rm", "location", "bob")
    scene.rpc("ul.dump")
    _register(scene, None)
    _register(scene, "<sip:bob@127.0.0.12:21200>", cseq=2)
    scene.rpc("stats.get_statistics", "usrloc:")
    scene.rpc("stats.get_statistics", "registrar:")
    scene.rpc("cfg.list", "registrar")
