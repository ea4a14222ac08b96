"""registrar and usrloc: save, lookup, expiry, q, path, unregistering, limits, and the ul.* commands."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case

MODULES = "tm sl rr pv xlog textops usrloc registrar kex corex"
SETTINGS = """
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 60)
modparam("registrar", "method_filtering", 0)
"""
REGISTRAR = """
request_route {
    if (is_method("REGISTER")) {
        %s
        xlog("save rc $rc\\n");
        exit;
    }
    %s
    xlog("lookup rc $rc ru $ru du $du branches $branch(count)\\n");
    xlog("b0 $(branch(uri)[0]) q $(branch(q)[0]) | b1 $(branch(uri)[1]) q $(branch(q)[1])\\n");
}
"""
USUAL = SETTINGS + REGISTRAR % ('save("location");', 'lookup("location");')


def _register(
    scene: Scene,
    contacts: str | None,
    *,
    cseq: int = 1,
    headers: str = "",
    expires: int | None = None,
    user: str = "bob",
    call_id: str = "reg-1",
) -> None:
    lines = [f"Contact: {contact}" for contact in contacts.split("\n")] if contacts else []
    if expires is not None:
        lines.append(f"Expires: {expires}")
    scene.bob.request(
        "REGISTER",
        "sip:example.com",
        to=f"<sip:{user}@example.com>",
        from_=f"<sip:{user}@example.com>",
        call_id=call_id,
        cseq=cseq,
        contact=False,
        headers="\n".join([*lines, headers]).strip("\n"),
    )
    scene.settle()


def _lookup(scene: Scene, user: str = "bob") -> None:
    scene.alice.request("INVITE", f"sip:{user}@example.com")
    scene.settle()


@case(USUAL, modules=MODULES)
def register_query_unregister(scene: Scene) -> None:
    """Contacts with their remaining time come back; Expires 0 takes one away, a star all."""
    _register(scene, "<sip:bob@127.0.0.12:21200>", expires=60)
    _lookup(scene)
    _register(scene, None, cseq=2)
    _register(scene, "<sip:bob@127.0.0.12:21205>;expires=120", cseq=3)
    _lookup(scene)
    _register(scene, "<sip:bob@127.0.0.12:21200>", cseq=4, expires=0)
    _lookup(scene)
    _register(scene, "*", cseq=5, expires=0)
    _lookup(scene)
    _register(scene, None, cseq=6)


@case(USUAL, modules=MODULES)
def several_contacts_in_one_register(scene: Scene) -> None:
    """In one header or several; q orders the branches."""
    _register(
        scene,
        "<sip:one@127.0.0.12:21200>;q=0.3, <sip:two@127.0.0.12:21200>;q=0.9;expires=30\n<sip:three@127.0.0.12:21200>",
        expires=100,
    )
    _lookup(scene)
    scene.rpc("ul.lookup", "location", "bob")


@case(USUAL, modules=MODULES)
def wrong_stars(scene: Scene) -> None:
    """A star needs Expires 0 and stands alone."""
    _register(scene, "*", expires=60)
    _register(scene, "*", cseq=2)
    _register(scene, "*, <sip:x@127.0.0.12>", cseq=3, expires=0)


@case(USUAL, modules=MODULES)
def cseq_and_call_id(scene: Scene) -> None:
    """Within one Call-ID the CSeq must rise; another Call-ID starts anew."""
    _register(scene, "<sip:bob@127.0.0.12:21200>;expires=60", cseq=5)
    _register(scene, "<sip:bob@127.0.0.12:21200>;expires=70", cseq=4)
    _register(scene, "<sip:bob@127.0.0.12:21200>;expires=80", cseq=5)
    _register(scene, "<sip:bob@127.0.0.12:21200>;expires=90", cseq=1, call_id="reg-2")


@case(
    SETTINGS
    + """
modparam("registrar", "default_expires", 1800)
modparam("registrar", "min_expires", 60)
modparam("registrar", "max_expires", 3600)
modparam("registrar", "default_q", 500)
"""
    + REGISTRAR % ('save("location");', 'lookup("location");'),
    modules=MODULES,
)
def expires_limits_and_default_q(scene: Scene) -> None:
    """Too short and too long are cut to the limits; a contact without q gets the default."""
    _register(scene, "<sip:a@127.0.0.12>")
    _register(scene, "<sip:b@127.0.0.12>;expires=10", cseq=2)
    _register(scene, "<sip:c@127.0.0.12>;expires=99999", cseq=3)
    _register(scene, "<sip:d@127.0.0.12>;expires=soon", cseq=4)


@case(
    SETTINGS + 'modparam("registrar", "max_contacts", 2)\n' + REGISTRAR % ('save("location");', 'lookup("location");'),
    modules=MODULES,
)
def max_contacts(scene: Scene) -> None:
    """One too many is refused with 503."""
    _register(scene, "<sip:a@127.0.0.12>;expires=60")
    _register(scene, "<sip:b@127.0.0.12>;expires=60", cseq=2)
    _register(scene, "<sip:c@127.0.0.12>;expires=60", cseq=3)
    _register(scene, "<sip:a@127.0.0.12>;expires=90", cseq=4)


@case(
    SETTINGS
    + """
request_route {
    if (is_method("REGISTER")) {
        if ($hdr(X-Flags) != $null) { $var(f) = $hdr(X-Flags);
            if ($var(f) == "0x02") { save("location", "0x02"); } else if ($var(f) == "0x04") { save("location", "0x04"); } else { save("location", "0x01"); }
            xlog("flags $var(f) rc $rc\\n"); exit; }
    }
}
""",
    modules=MODULES,
)
def save_flags(scene: Scene) -> None:
    """2: no reply is sent; 4: one contact per AOR only."""
    _register(scene, "<sip:a@127.0.0.12>;expires=60", headers="X-Flags: 0x01")
    _register(scene, "<sip:b@127.0.0.12>;expires=60", cseq=2, headers="X-Flags: 0x02")
    _register(scene, "<sip:c@127.0.0.12>;expires=60", cseq=3, headers="X-Flags: 0x04")
    scene.rpc("ul.lookup", "location", "bob")


@case(
    SETTINGS
    + """
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 1)
modparam("registrar", "path_check_local", 0)
"""
    + REGISTRAR % ('save("location");', 'lookup("location");'),
    modules=MODULES,
)
def path(scene: Scene) -> None:
    """Path comes back in the reply and becomes the destination; without Supported: path it is refused."""
    _register(
        scene,
        "<sip:bob@127.0.0.12:21200>;expires=60",
        headers="Path: <sip:127.0.0.13:21200;lr>\nPath: <sip:127.0.0.14:21200;lr>\nSupported: path",
    )
    _lookup(scene)
    _register(scene, "<sip:x@127.0.0.12>;expires=60", cseq=2, headers="Path: <sip:127.0.0.13:21200;lr>", user="carol")


@case(
    SETTINGS
    + """
modparam("registrar", "received_avp", "$avp(rcv)")
modparam("registrar", "received_param", "rcv")
request_route {
    if (is_method("REGISTER")) { $avp(rcv) = "sip:203.0.113.9:1024"; setbflag(7); setflag(3); save("location"); exit; }
    lookup("location");
    xlog("ru $ru du $du\\n");
    if (isbflagset(7)) xlog("bflag 7\\n");
}
""",
    modules=MODULES,
)
def received_address_and_branch_flags(scene: Scene) -> None:
    """The address of the NAT binding becomes the destination, branch flags come back with the contact."""
    _register(scene, "<sip:bob@10.0.0.1:5060>;expires=60")
    _lookup(scene)
    scene.rpc("ul.lookup", "location", "bob")


@case(
    SETTINGS
    + """
modparam("registrar", "append_branches", 0)
modparam("registrar", "case_sensitive", 1)
"""
    + REGISTRAR % ('save("location");', 'lookup("location");'),
    modules=MODULES,
)
def append_branches_off(scene: Scene) -> None:
    """Only the first contact is used; users are told apart by case."""
    _register(scene, "<sip:a@127.0.0.12>;q=0.1;expires=60, <sip:b@127.0.0.12>;q=0.2;expires=60")
    _lookup(scene)
    _lookup(scene, "BOB")


@case(
    SETTINGS
    + """
request_route {
    if (is_method("REGISTER")) { save("location"); exit; }
    lookup_branches("location"); xlog("lookup_branches $rc\\n");
    registered("location"); xlog("registered $rc\\n");
    registered("location", "sip:nobody@example.com"); xlog("registered nobody $rc\\n");
    registered("location", "sip:bob@example.com"); xlog("registered bob $rc\\n");
    reg_fetch_contacts("location", "sip:bob@example.com", "caller"); xlog("fetch $rc\\n");
    xlog("aor $(ulc(caller=>aor)) addr $(ulc(caller=>addr)) count $(ulc(caller=>count)) q $(ulc(caller=>q)) ua $(ulc(caller=>user_agent))\\n");
    xlog("second $(ulc(caller=>addr)[1]) methods $(ulc(caller=>methods)) expires\\n");
    reg_free_contacts("caller");
    unregister("location", "sip:bob@example.com"); xlog("unregister $rc\\n");
    registered("location", "sip:bob@example.com"); xlog("registered bob $rc\\n");
    lookup_to_dset("location"); xlog("to_dset $rc\\n");
}
""",
    modules=MODULES,
)
def the_other_functions(scene: Scene) -> None:
    """registered, reg_fetch_contacts and $ulc, unregister."""
    _register(scene, "<sip:a@127.0.0.12>;q=0.1;expires=60, <sip:b@127.0.0.12>;expires=60", headers="User-Agent: Phone")
    _lookup(scene)


@case(
    SETTINGS
    + """
modparam("registrar", "method_filtering", 1)
"""
    + REGISTRAR % ('save("location");', 'lookup("location");'),
    modules=MODULES,
)
def method_filtering(scene: Scene) -> None:
    """A contact that does not allow INVITE is left out."""
    _register(scene, '<sip:a@127.0.0.12>;expires=60;methods="MESSAGE,OPTIONS"')
    _register(scene, "<sip:b@127.0.0.12>;expires=60", cseq=2, headers="Allow: INVITE, ACK, BYE", user="carol")
    _lookup(scene)
    _lookup(scene, "carol")


@case(USUAL, modules=MODULES)
def bad_registers(scene: Scene) -> None:
    """No contact address, a broken URI, a SIPS AOR, an odd scheme."""
    _register(scene, "<>;expires=60")
    _register(scene, "nonsense;expires=60", cseq=2)
    _register(scene, "<tel:+49123>;expires=60", cseq=3)
    _register(scene, "<sip:bob@127.0.0.12:21200>;q=7;expires=60", cseq=4)


@case(USUAL, modules=MODULES)
def lookup_of_somebody_unknown(scene: Scene) -> None:
    """rc -1 and the URI stays."""
    _lookup(scene, "nobody")


@case(
    SETTINGS
    + REGISTRAR % ('save("location");', 'lookup("location");')
    + """
event_route[usrloc:contact-expired] { xlog("expired $ulc(exp=>addr) $ulc(exp=>aor)\\n"); }
""",
    modules=MODULES,
)
def ul_commands(scene: Scene) -> None:
    """ul.add, ul.lookup, ul.dump, ul.rm, ul.rm_contact."""
    scene.rpc("ul.add", "location", "dave", "sip:dave@127.0.0.14:21200", 300, 0.5, "", 0, 0, 4294967295)
    scene.rpc("ul.lookup", "location", "dave")
    _register(scene, "<sip:bob@127.0.0.12:21200>;expires=60")
    _lookup(scene, "dave")
    scene.rpc("ul.dump")
    scene.rpc("ul.dump", "brief")
    scene.rpc("ul.rm_contact", "location", "dave", "sip:dave@127.0.0.14:21200")
    scene.rpc("ul.lookup", "location", "dave")
    scene.rpc("ul.rm", "location", "bob")
    scene.rpc("ul.lookup", "location", "bob")
    scene.rpc("ul.rm", "location", "nobody")
    scene.rpc("ul.lookup", "nowhere", "bob")


@case(
    SETTINGS
    + 'modparam("usrloc", "timer_interval", 1)\nmodparam("registrar", "min_expires", 1)\n'
    + REGISTRAR % ('save("location");', 'lookup("location");')
    + """
event_route[usrloc:contact-expired] { xlog("expired $ulc(exp=>addr) $ulc(exp=>aor)\\n"); }
""",
    modules=MODULES,
)
def a_contact_expires(scene: Scene) -> None:
    """After its time lookup does not find it."""
    _register(scene, "<sip:bob@127.0.0.12:21200>;expires=1")
    _lookup(scene)
    scene.wait(3.5)
    _lookup(scene)


@case(
    SETTINGS + 'modparam("usrloc", "use_domain", 1)\n' + REGISTRAR % ('save("location");', 'lookup("location");'),
    modules=MODULES,
)
def use_domain(scene: Scene) -> None:
    """AORs hold the domain."""
    _register(scene, "<sip:bob@127.0.0.12:21200>;expires=60")
    scene.alice.request("INVITE", "sip:bob@example.com")
    scene.alice.request("INVITE", "sip:bob@example.org", cseq=2)
    scene.rpc("ul.lookup", "location", "bob@example.com")
    scene.rpc("ul.lookup", "location", "bob")
