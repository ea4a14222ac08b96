r"""uac: accounts at other registrars, from the table uacreg and by RPC."""

from __future__ import annotations

from ..case import Got, Scene, battery, case

MODULES = "tm sl pv xlog textops counters db_sqlite uac"
SETTINGS = """
modparam("uac", "restore_mode", "none")
modparam("uac", "reg_db_url", "sqlite:///DATABASE")
modparam("uac", "reg_contact_addr", "gw.example.com:5070;x=y")
modparam("uac", "reg_timer_interval", 1)
modparam("uac", "auth_realm_avp", "$avp(realm)")
modparam("uac", "auth_username_avp", "$avp(user)")
modparam("uac", "auth_password_avp", "$avp(password)")
"""
ROUTES = """
request_route {
    $var(uri) = "-";
    uac_reg_status("$rU");
    xlog("status $rc\\n");
    uac_reg_lookup("$rU", "$var(uri)");
    xlog("lookup $rc $var(uri)\\n");
}
"""
COLUMNS = (
    *("l_uuid", "l_username", "l_domain", "r_username", "r_domain", "realm"),
    *("auth_username", "auth_password", "auth_ha1", "auth_proxy"),
)
PROXY = "sip:127.0.0.12:21200"
HA1 = "36D0A02793542B4961E8348347236DBF"


def row(uuid: str, **values: str | int | None) -> str:
    """The statement that adds an account."""
    default = dict(
        zip(
            COLUMNS,
            (
                uuid,
                f"u-{uuid}",
                "local.example",
                f"r-{uuid}",
                "provider.example",
                "provider",
                f"a-{uuid}",
                "secret",
                "",
                PROXY,
            ),
            strict=True,
        )
    )
    filled: dict[str, str | int | None] = {**default, "expires": 600, **values}
    texts = [
        "NULL" if value is None else str(value) if isinstance(value, int) else f"'{value}'" for value in filled.values()
    ]
    return f"INSERT INTO uacreg ({', '.join(filled)}) VALUES ({', '.join(texts)})"


def fill(scene: Scene, *statements: str) -> None:
    """Change the table, when Kamailio's timer process has read it as it was."""
    scene.wait(0.2)
    scene.execute(*statements)


def status(scene: Scene, uuid: str) -> None:
    """Log the status of an account."""
    scene.alice.request("INFO", f"sip:{uuid}@example.com", call_id=f"ask-{uuid}-{len(scene.history)}")
    scene.settle()


def contact(register: Got, expires: str = ";expires=600") -> str:
    """What a registrar answers."""
    return f"Contact: <sip:someone@else>;expires=3, {register.header('Contact')}{expires}"


DIGEST = 'WWW-Authenticate: Digest realm="provider", nonce="abc", qop="auth"'


@case(SETTINGS + ROUTES, modules=MODULES)
def registered(scene: Scene) -> None:
    """Challenged, answered, registered; nothing more to do then."""
    fill(scene, row("one"))
    scene.rpc("uac.reg_refresh", "one")
    status(scene, "one")
    register = scene.bob.expect("REGISTER")
    status(scene, "one")
    scene.rpc("uac.reg_info", "l_uuid", "one")
    register.answer(401, "Unauthorized", headers=DIGEST)
    register = scene.bob.expect("REGISTER")
    scene.rpc("uac.reg_info", "l_username", "u-one")
    register.answer(200, "OK", headers=contact(register))
    scene.settle()
    status(scene, "one")
    scene.rpc("uac.reg_info", "r_username", "r-one")
    scene.rpc("uac.reg_dump")
    scene.rpc("cnt.get", "uac", "regtotal")
    scene.wait(1.2)
    scene.label("registered")
    status(scene, "two")
    scene.rpc("uac.reg_unregister", "auth_username", "a-one")
    register = scene.bob.expect("REGISTER")
    register.answer(200, "OK", headers=contact(register, ";expires=0"))
    status(scene, "one")
    scene.rpc("uac.reg_info", "l_uuid", "one")
    scene.wait(1.2)
    scene.label("unregistered")


ANSWERS: dict[str, tuple[int, str, str]] = {
    "forbidden": (403, "Forbidden", ""),
    "brief": (423, "Interval Too Brief", "Min-Expires: 1800"),
    "briefer": (423, "Interval Too Brief", ""),
    "header": (200, "OK", "Contact: CONTACT\nExpires: 300"),
    "nothing": (200, "OK", ""),
    "star": (200, "OK", "Contact: *"),
    "others": (200, "OK", "Contact: <sip:other@x>;expires=20"),
    "no-expires": (200, "OK", "Contact: CONTACT"),
    "bad": (200, "OK", "Contact: <nonsense>;expires=20"),
    "accepted": (202, "Accepted", "Contact: CONTACT;expires=60"),
    "realm": (401, "Unauthorized", DIGEST.replace("provider", "another")),
    "scheme": (401, "Unauthorized", 'WWW-Authenticate: Basic realm="provider"'),
}


@case(SETTINGS + ROUTES, modules=MODULES)
def answers(scene: Scene) -> None:
    """What the registrar may say, each to another account."""
    scene.rpc("uac.reg_active", 0)
    fill(scene, *(row(uuid) for uuid in ANSWERS))
    for uuid in ANSWERS:
        scene.rpc("uac.reg_refresh", uuid)
    scene.rpc("uac.reg_active", 1)
    registers = {}
    for _ in ANSWERS:
        register = scene.bob.expect("REGISTER")
        registers[register.header("Contact").partition("@")[0].removeprefix("<sip:")] = register
    scene.rpc("uac.reg_active", 0)
    scene.label("requests")
    for uuid, (code, reason, headers) in ANSWERS.items():
        register = registers[uuid]
        register.answer(code, reason, headers=headers.replace("CONTACT", register.header("Contact")))
        scene.settle()
        status(scene, uuid)
        scene.rpc("uac.reg_info", "l_uuid", uuid)
        scene.label(uuid)
    scene.rpc("cnt.get", "uac", "regactive")
    scene.rpc("cnt.get", "uac", "regdisabled")


@case(SETTINGS + 'modparam("uac", "reg_retry_interval", 2)\n' + ROUTES, modules=MODULES)
def tried_again(scene: Scene) -> None:
    """Failures are tried again behind reg_retry_interval; an empty realm is any; HA1 counts more than the password."""
    fill(scene, row("again", realm="", auth_ha1=HA1, contact_addr="c.example", socket="udp:127.0.0.1:21200"))
    scene.rpc("uac.reg_refresh", "again")
    scene.bob.expect("REGISTER").answer(407, "Who", headers=DIGEST.replace("WWW", "Proxy"))
    scene.bob.expect("REGISTER").answer(407, "Who", headers=DIGEST.replace("WWW", "Proxy"))
    scene.settle()
    status(scene, "again")
    scene.rpc("uac.reg_info", "l_uuid", "again")
    register = scene.bob.expect("REGISTER")
    register.answer(200, "OK", headers=contact(register, ";expires=1"))
    scene.settle()
    scene.bob.expect("REGISTER")


@case(SETTINGS + 'modparam("uac", "reg_keep_callid", 1)\n' + ROUTES, modules=MODULES)
def kept_callid(scene: Scene) -> None:
    """Renewed with the same Call-ID and the next CSeq; without a tag."""
    fill(scene, row("kept"))
    scene.rpc("uac.reg_refresh", "kept")
    register = scene.bob.expect("REGISTER")
    register.answer(200, "OK", headers=contact(register, ";expires=1"))
    again = scene.bob.expect("REGISTER")
    assert again.header("Call-ID") == register.header("Call-ID")
    again.answer(401, "Unauthorized", headers=DIGEST)
    again = scene.bob.expect("REGISTER")
    again.answer(500, "No")
    scene.settle()


@case(SETTINGS + 'modparam("uac", "reg_active", 0)\n' + ROUTES, modules=MODULES)
def commands(scene: Scene) -> None:
    """What the commands answer, and refuse."""
    scene.rpc("uac.reg_dump")
    scene.rpc("uac.reg_info", "l_uuid", "x")
    scene.rpc("uac.reg_info", "nonsense", "x")
    scene.rpc("uac.reg_info", "", "x")
    scene.rpc("uac.reg_info", "l_uuid")
    scene.rpc("uac.reg_info")
    scene.rpc("uac.reg_refresh", "x")
    scene.rpc("uac.reg_refresh")
    scene.rpc("uac.reg_remove", "x")
    scene.rpc("uac.reg_remove")
    fill(
        scene,
        row("1"),
        row("two", auth_ha1=HA1, auth_password=""),
        row("three", flags=1),
        row("no password", auth_password=""),
        row("short", auth_ha1="abc"),
        row("no hash", auth_ha1=HA1.replace("D", "G")),
        row("no user", l_username=""),
        row("no proxy", auth_proxy=""),
        row("delayed", reg_delay=3, expires=0),
    )
    for uuid in ("1", "two", "three", "no password", "short", "no hash", "no user", "no proxy", "delayed"):
        scene.rpc("uac.reg_refresh", uuid)
    scene.rpc("uac.reg_info", "l_uuid", 1)
    scene.rpc("uac.reg_info", "nonsense", "x")
    scene.rpc("uac.reg_info", "r_username", "r-x")
    scene.rpc("uac.reg_disable", "l_uuid", "1")
    scene.rpc("uac.reg_info", "l_uuid", "1")
    scene.rpc("uac.reg_enable", "l_uuid", "1")
    scene.rpc("uac.reg_enable", "l_uuid", "x")
    scene.rpc("uac.reg_enable", "l_uuid")
    scene.rpc("uac.reg_disable", "auth_username", "a-two")
    scene.rpc("uac.reg_dump")
    added = ("new", "u", "d", "r", "rd", "realm", "au", "pw", ".", PROXY, 60, 0, 0, "", ".")
    scene.rpc("uac.reg_add", *added)
    scene.rpc("uac.reg_add", *added)
    scene.rpc("uac.reg_add", "bad", *added[1:7], ".", ".", *added[9:])
    scene.rpc("uac.reg_add", "hash", *added[1:7], ".", HA1, *added[9:13], "udp:127.0.0.1:21200", "c.example")
    scene.rpc("uac.reg_info", "l_uuid", "hash")
    scene.rpc("uac.reg_active")
    scene.rpc("uac.reg_active", 7)
    scene.rpc("uac.reg_active", 0)
    scene.rpc("uac.reg_remove", "hash")
    scene.rpc("uac.reg_reload")
    scene.rpc("uac.reg_reload")
    scene.rpc("uac.reg_dump")
    scene.rpc("uac.reg_unregister", "l_uuid", "x")
    scene.rpc("cnt.get", "uac", "regtotal")
    scene.rpc("cnt.get", "uac", "regactive")
    scene.rpc("cnt.get", "uac", "regdisabled")


@case(
    SETTINGS
    + """
request_route {
    switch ($rU) {
        case "uuid": uac_reg_request_to("one", 0); break;
        case "user": uac_reg_request_to("u-one", "1"); break;
        case "hash": uac_reg_request_to("two", 2); break;
        case "both": $var(m) = 3; uac_reg_request_to("u-two", "$var(m)"); break;
        case "nobody": uac_reg_request_to("x", 0); break;
        case "mode": uac_reg_request_to("one", 4); break;
    }
    xlog("$rU rc $rc ru $ru du $du $avp(realm) $avp(user) $avp(password)\\n");
}
""",
    modules=MODULES,
)
def requests_to_registrars(scene: Scene) -> None:
    """uac_reg_request_to() by uuid or user, with password or hash."""
    fill(scene, row("one", expires=0), row("two", expires=0, auth_ha1=HA1))
    scene.rpc("uac.reg_refresh", "one")
    scene.rpc("uac.reg_refresh", "two")
    for user in ("uuid", "user", "hash", "both", "nobody", "mode"):
        scene.alice.request("INFO", f"sip:{user}@example.com", call_id=user)
        scene.settle()


FACTS = r"""
@ uac_reg_refresh("x")
@ uac_reg_refresh("")
@ uac_reg_lookup("x", "$var(x)")
@ uac_reg_lookup("$null", "$var(x)")
@ uac_reg_lookup_uri("sip:x@y", "$var(x)")
@ uac_reg_lookup_uri("nonsense", "$var(x)")
@ uac_reg_lookup_uri("", "$var(x)")
@ uac_reg_status("x")
@ uac_reg_request_to("x", "1")
@ uac_reg_request_to("x", "9")
@ uac_reg_enable("l_uuid", "x")
@ uac_reg_enable("nonsense", "x")
@ uac_reg_enable("", "x")
@ uac_reg_disable("r_username", "x")
x uac_reg_enable("x");
"""
battery(
    "uac_registrations", "functions_without_accounts", FACTS, modules="tm sl pv xlog db_sqlite uac", before=SETTINGS
)
battery(
    "uac_registrations",
    "functions_without_a_database",
    FACTS,
    modules="tm sl pv xlog uac",
    before='modparam("uac", "restore_mode", "none")\n',
)


@case(
    SETTINGS.replace("/DATABASE", "/DATABASE").replace('"reg_timer_interval", 1', '"reg_timer_interval", 100')
    + 'modparam("uac", "reg_use_domain", 1)\n'
    + """
request_route {
    uac_reg_refresh("one"); xlog("refresh $rc\\n");
    uac_reg_refresh("two"); xlog("refresh $rc\\n");
    uac_reg_lookup("one", "$ru"); xlog("$rc $ru\\n");
    uac_reg_lookup("one", "$Ri"); xlog("$rc\\n");
    uac_reg_lookup_uri("sip:u-one@local.example:5060", "$var(x)"); xlog("$rc $var(x)\\n");
    uac_reg_lookup_uri("sip:u-one@other", "$var(x)"); xlog("$rc\\n");
    uac_reg_request_to("sip:u-one@local.example", 1); xlog("$rc $ru\\n");
    uac_reg_request_to("u-one", 1); xlog("$rc\\n");
    uac_reg_status("one"); xlog("$rc\\n");
    uac_reg_disable("l_username", "u-one"); xlog("$rc\\n");
    uac_reg_status("one"); xlog("$rc\\n");
    uac_reg_enable("r_username", "r-one"); xlog("$rc\\n");
    uac_reg_status("one"); xlog("$rc\\n");
    uac_reg_enable("realm", "provider"); xlog("$rc\\n");
}
""",
    modules=MODULES,
)
def functions(scene: Scene) -> None:
    """The functions of the script, with domains."""
    fill(scene, row("one"))
    scene.alice.request("INFO", "sip:x@example.com")
    scene.settle()
