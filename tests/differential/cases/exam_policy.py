"""Who may call and where to: peers by address, local domains, aliases, short numbers, as the stock config strings them together."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case

MODULES = "db_sqlite tm tmx sl rr pv xlog textops siputils kex corex usrloc registrar permissions domain alias_db speeddial pike htable"
BOB = "sip:bob@127.0.0.12:21200"
DATABASE = """
#!define DBURL "sqlite:///DATABASE"
#!define WITH_IPAUTH
#!define WITH_MULTIDOMAIN
#!define WITH_ALIASDB
#!define WITH_SPEEDDIAL
#!ifdef WITH_MULTIDOMAIN
#!define MULTIDOMAIN 1
#!else
#!define MULTIDOMAIN 0
#!endif
modparam("permissions", "db_url", DBURL)
modparam("permissions", "db_mode", 1)
modparam("permissions", "load_backends", 3)
modparam("permissions", "peer_tag_avp", "$avp(peer)")
modparam("permissions", "reload_delta", 0)
modparam("domain", "db_url", DBURL)
modparam("domain", "register_myself", 1)
modparam("alias_db", "db_url", DBURL)
modparam("alias_db", "use_domain", MULTIDOMAIN)
modparam("speeddial", "db_url", DBURL)
modparam("speeddial", "use_domain", MULTIDOMAIN)
modparam("usrloc", "use_domain", MULTIDOMAIN)
PARAMS
"""
PEERS = (
    "INSERT INTO address (grp, ip_addr, mask, port, tag) VALUES (1, '127.0.0.11', 32, 0, 'trunk'), (2, '127.0.0.0', 24, 0, NULL), "
    "(3, '127.0.0.12', 32, 9, 'port'), (4, 'gw.example.com', 32, 0, 'name'), (5, '127.0.0.13', 33, 0, 'mask'), (6, 'nonsense', 24, 0, ''), (1, '10.0.0.0', 8, 5060, 'ten'), (0, '10.1.1.1', 32, 0, 'zero')",
    "INSERT INTO trusted (src_ip, proto, from_pattern, ruri_pattern, tag, priority) VALUES ('127.0.0.11', 'any', '^sip:alice@', NULL, 'friend', 5), "
    "('127.0.0.12', 'udp', NULL, '^sip:bob@.*$', NULL, 1), ('127.0.0.13', 'tcp', NULL, NULL, 'tcp', 0), ('127.0.0.14', 'none', NULL, NULL, 'never', 0)",
)
DOMAINS = (
    "INSERT INTO domain (domain, did) VALUES ('example.com', 'main'), ('Example.NET', NULL)",
    "INSERT INTO domain_attrs (did, name, type, value) VALUES ('main', 'trunk', 2, 'gw1'), ('main', 'max', 0, '5')",
)
ALIASES = (
    "INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('+4930', 'example.com', 'bob', 'example.com'), ('bob', 'example.com', 'bob', 'example.com'), ('loop', 'example.com', '+4930', 'example.com'), ('two', 'example.com', 'one', 'a.com'), ('two', 'example.com', 'other', 'b.com')",
    "INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) VALUES ('alice', 'example.com', '11', 'example.com', 'sip:bob@example.com'), ('alice', 'example.com', '12', 'example.com', 'nonsense')",
)


def config(routes: str, params: str = "") -> str:
    """The stock parameters and these routes."""
    return DATABASE.replace("PARAMS", params) + routes


def fill(scene: Scene) -> None:
    """Put rows into the tables and have them read."""
    scene.execute(*PEERS, *DOMAINS, *ALIASES)
    scene.rpc("permissions.addressReload")
    scene.rpc("permissions.trustedReload")
    scene.rpc("domain.reload")


AUTH = """
request_route {
    if (is_method("ACK")) { t_check_trans(); exit; }
#!ifdef WITH_IPAUTH
    if ((!is_method("REGISTER")) && allow_source_address()) { xlog("trusted $si $avp(peer)\\n"); } else xlog("unknown $si\\n");
#!endif
    if (from_uri != myself && uri != myself) { xlog("foreign $fu $ru\\n"); sl_send_reply("403", "Not relaying"); exit; }
    if (is_method("REGISTER")) { save("location"); exit; }
    if ($rU == $null) { sl_send_reply("484", "Address Incomplete"); exit; }
#!ifdef WITH_SPEEDDIAL
    if ($rU =~ "^[0-9]{2}$") { if (sd_lookup("speed_dial")) xlog("short $ru\\n"); else xlog("no short $ru $rc\\n"); }
#!endif
#!ifdef WITH_ALIASDB
    if (alias_db_lookup("dbaliases")) xlog("alias $ru $branch(count)\\n"); else xlog("no alias $ru\\n");
#!endif
    if (is_uri_host_local()) xlog("local $avp(trunk) $avp(max)\\n");
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
}
"""


@case(config(AUTH), modules=MODULES)
def the_stock_order(scene: Scene) -> None:
    """Address, domain, short number, alias, location: each finds the next."""
    fill(scene)
    scene.bob.request(
        "REGISTER", "sip:example.com", to="<sip:bob@example.com>", from_="<sip:bob@example.com>", headers="Expires: 60"
    )
    scene.settle()
    for number, uri in enumerate(
        (
            "sip:11@example.com",
            "sip:12@example.com",
            "sip:13@example.com",
            "sip:+4930@example.com",
            "sip:loop@example.com",
            "sip:two@example.com",
            "sip:example.com",
            "sip:bob@elsewhere.org",
            "sip:bob@EXAMPLE.net",
        )
    ):
        scene.alice.request("OPTIONS", uri, call_id=f"c{number}")
        scene.label(uri)
    scene.carol.request("OPTIONS", "sip:x@example.org", from_="<sip:carol@example.org>")
    scene.settle()


ASK = """
request_route {
    allow_source_address(); xlog("1 $rc $avp(peer)\\n"); $avp(peer) = $null;
    allow_source_address("2"); xlog("2 $rc $avp(peer)\\n"); $avp(peer) = $null;
    allow_source_address("99"); xlog("3 $rc\\n");
    allow_source_address("-1"); xlog("4 $rc\\n");
    $var(g) = 2; $var(s) = "2"; $var(ip) = "127.0.0.12"; $var(bad) = "300.1.1.1";
    allow_source_address("$var(g)"); xlog("5 $rc\\n");
    allow_source_address("$var(s)"); xlog("6 $rc\\n");
    allow_source_address("$var(none)"); xlog("7 $rc\\n");
    allow_source_address("$avp(none)"); xlog("8 $rc\\n");
    allow_source_address_group(); xlog("9 $rc\\n");
    allow_address_group("$si", "$sp"); xlog("10 $rc\\n");
    allow_address_group("10.2.3.4", "5060"); xlog("11 $rc\\n");
    allow_address_group("10.2.3.4", "5061"); xlog("12 $rc\\n");
    allow_address_group("nonsense", "0"); xlog("13 $rc\\n");
    allow_address_group("$avp(none)", "0"); xlog("14 $rc\\n");
    allow_address("1", "$si", "$sp"); xlog("15 $rc\\n");
    allow_address("3", "127.0.0.12", "9"); xlog("16 $rc\\n");
    allow_address("3", "127.0.0.12", "10"); xlog("17 $rc\\n");
    allow_address("3", "$var(ip)", "$var(none)"); xlog("18 $rc\\n");
    allow_address("2", "$var(bad)", "0"); xlog("19 $rc\\n");
    allow_address("2", "127.0.0.99", "$avp(none)"); xlog("20 $rc\\n");
    allow_address("4", "gw.example.com", "0"); xlog("21 $rc $avp(peer)\\n");
    allow_address("4", "GW.example.com", "0"); xlog("22 $rc\\n");
    allow_address("$var(s)", "127.0.0.99", "0"); xlog("23 $rc\\n");
    allow_address("2", "[::1]", "0"); xlog("24 $rc\\n");
    allow_address("2", "127.0.0.1:5060", "0"); xlog("25 $rc\\n");
    allow_address("1", "10.200.0.1", "5060"); xlog("26 $rc $avp(peer)\\n");
    allow_address("5", "127.0.0.13", "0"); xlog("27 $rc\\n");
    $avp(peer) = $null;
    allow_trusted(); xlog("28 $rc $avp(peer)\\n"); $avp(peer) = $null;
    allow_trusted("$si", "udp"); xlog("29 $rc\\n");
    allow_trusted("127.0.0.13", "tcp"); xlog("30 $rc $avp(peer)\\n"); $avp(peer) = $null;
    allow_trusted("127.0.0.13", "TCP"); xlog("31 $rc\\n");
    allow_trusted("127.0.0.13", "any"); xlog("32 $rc\\n");
    allow_trusted("127.0.0.13", "nonsense"); xlog("33 $rc\\n");
    allow_trusted("127.0.0.13", "$avp(none)"); xlog("34 $rc\\n");
    allow_trusted("$avp(none)", "udp"); xlog("35 $rc\\n");
    allow_trusted("127.0.0.14", "udp"); xlog("36 $rc\\n");
    allow_trusted("$si", "$proto"); xlog("37 $rc\\n");
    allow_trusted("$si", "$proto", "sip:alice@example.com"); xlog("38 $rc\\n");
    allow_trusted("127.0.0.11", "udp", "sip:other@example.com"); xlog("39 $rc\\n");
    t_on_reply("R"); t_on_failure("F"); t_on_branch("B");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
branch_route[B] { allow_source_address("1"); xlog("branch $rc\\n"); }
onreply_route[R] { if (allow_source_address("2")) xlog("reply from $si trusted\\n"); allow_trusted(); xlog("reply trusted $rc\\n"); }
failure_route[F] { allow_source_address("1"); xlog("failure $rc $si\\n"); allow_trusted(); xlog("failure $rc\\n"); }
"""


@case(config(ASK), modules=MODULES)
def peers_with_odd_arguments(scene: Scene) -> None:
    """Groups, addresses and protocols in variables, null, out of range; in each kind of route."""
    fill(scene)
    scene.rpc("permissions.addressDump")
    scene.rpc("permissions.subnetDump")
    scene.rpc("permissions.domainDump")
    scene.rpc("permissions.trustedDump")
    call = scene.alice.request("INVITE", "sip:bob@example.com")
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.settle()
    scene.alice.ack(call)


LOCAL = """
request_route {
    is_from_local(); xlog("1 $rc\\n");
    is_uri_host_local(); xlog("2 $rc\\n");
    $var(d) = "example.com"; $var(e) = "";
    is_domain_local("$var(d)"); xlog("3 $rc\\n");
    is_domain_local("EXAMPLE.COM"); xlog("4 $rc\\n");
    is_domain_local("$var(e)"); xlog("5 $rc\\n");
    is_domain_local("$avp(none)"); xlog("6 $rc\\n");
    is_domain_local("$rd:5060"); xlog("7 $rc\\n");
    is_domain_local("sip:example.com"); xlog("8 $rc\\n");
    is_domain_local("example.net"); xlog("9 $rc\\n");
    is_domain_local("127.0.0.1"); xlog("10 $rc\\n");
    lookup_domain("$fd"); xlog("11 $rc $avp(trunk) $avp(max)\\n");
    lookup_domain("$rd", "r_"); xlog("12 $rc $avp(r_trunk) $avp(r_max)\\n");
    lookup_domain("$avp(none)"); xlog("13 $rc\\n");
    lookup_domain("nowhere.org"); xlog("14 $rc\\n");
    lookup_domain("example.com", "$var(e)"); xlog("15 $rc $avp(trunk) $(avp(trunk)[*])\\n");
    lookup_domain("example.com", "$avp(none)"); xlog("16 $rc\\n");
    $avp(max) = $avp(max) + 1; xlog("17 $avp(max)\\n");
    if (uri == myself) xlog("myself $rd\\n");
    if (from_uri == myself) xlog("from myself\\n");
    is_myself("$ru"); xlog("18 $rc\\n");
    t_on_reply("R"); t_on_failure("F"); t_on_branch("B");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
branch_route[B] { is_uri_host_local(); xlog("branch $rc\\n"); $rd = "elsewhere.org"; is_uri_host_local(); xlog("branch $rc $ru\\n"); }
onreply_route[R] { if (from_uri == myself) xlog("reply from myself\n"); if (to_uri == myself) xlog("reply to myself\n"); }
failure_route[F] { is_from_local(); xlog("failure $rc\\n"); is_uri_host_local(); xlog("failure $rc $ru\\n"); append_branch("sip:x@example.com"); is_uri_host_local(); xlog("failure $rc\\n"); }
"""


@case(config(LOCAL), modules=MODULES)
def domains_with_odd_arguments(scene: Scene) -> None:
    """Domains in variables, empty, null, with ports; attributes with prefixes; in each kind of route."""
    fill(scene)
    for number, (uri, from_) in enumerate(
        (("sip:bob@example.com", "<sip:alice@example.net>"), ("sip:bob@Example.com:5070", "<tel:123>"))
    ):
        call = scene.alice.request("INVITE", uri, from_=from_, call_id=f"c{number}")
        scene.settle()
        scene.bob.expect("INVITE").answer(486, "Busy")
        scene.bob.expect("ACK")
        scene.settle()
        scene.alice.ack(call)
        scene.label(uri)


DIAL = """
request_route {
    $var(t) = "dbaliases"; $var(two) = "sip:two@example.com"; $var(bad) = "nonsense"; $var(host) = "sip:example.com"; $var(loop) = "sip:loop@example.com"; $var(u) = "sip:+4930@example.com"; $var(e) = "";
    alias_db_lookup("dbaliases"); xlog("1 $rc $ru\\n");
    alias_db_lookup("$var(t)"); xlog("2 $rc $ru\\n");
    alias_db_lookup("nosuch"); xlog("3 $rc $ru\\n");
    alias_db_lookup("$avp(none)"); xlog("4 $rc $ru\\n");
    alias_db_find("dbaliases", "$var(u)", "$avp(found)"); xlog("5 $rc $avp(found)\\n");
    alias_db_find("dbaliases", "$fu", "$avp(found)"); xlog("6 $rc $avp(found)\\n");
    alias_db_find("dbaliases", "$ru", "$var(found)", "r"); xlog("7 $rc $var(found)\\n");
    alias_db_find("dbaliases", "$var(two)", "$avp(many)"); xlog("8 $rc $(avp(many)[*])\\n");
    alias_db_find("dbaliases", "$var(two)", "$avp(some)", "u"); xlog("9 $rc $(avp(some)[*])\\n");
    alias_db_find("dbaliases", "$var(bad)", "$avp(some)"); xlog("10 $rc\\n");
    alias_db_find("dbaliases", "$avp(none)", "$avp(some)"); xlog("11 $rc\\n");
    alias_db_find("dbaliases", "$var(host)", "$avp(some)"); xlog("12 $rc\\n");
    $ru = "sip:11@example.com";
    sd_lookup("speed_dial", "sip:alice@example.com"); xlog("15 $rc $ru\\n");
    $ru = "sip:12@example.com";
    sd_lookup("speed_dial"); xlog("16 $rc $ru\\n");
    $ru = "sip:11@example.com";
    sd_lookup("speed_dial", "$fu"); xlog("17 $rc $ru\\n");
    sd_lookup("speed_dial", "$var(e)"); xlog("18 $rc $ru\\n");
    sd_lookup("nosuch"); xlog("19 $rc $ru\\n");
    $ru = "sip:11@example.com";
    sd_lookup("speed_dial", "sip:nobody@example.com"); xlog("20 $rc $ru\\n");
    t_newtran(); t_on_failure("F"); t_reply("486", "Busy");
}
failure_route[F] { $ru = "sip:+4930@example.com"; alias_db_lookup("dbaliases"); xlog("failure $rc $ru\\n"); $ru = "sip:11@example.com"; sd_lookup("speed_dial", "sip:alice@example.com"); xlog("failure $rc $ru\\n"); }
""".replace(' sd_lookup("speed_dial", "sip:alice@example.com"); xlog("failure $rc $ru\\n"); }', " }")


@case(config(DIAL), modules=MODULES)
def aliases_with_odd_arguments(scene: Scene) -> None:
    """Tables, URIs and targets in variables, null, empty, not there; several users of one alias."""
    fill(scene)
    scene.alice.request("INVITE", "sip:two@example.com;x=y")
    scene.settle()
    scene.alice.request("INVITE", "sip:+4930@example.com:5070", call_id="c2", from_="<sip:bob@example.com>")
    scene.settle()


@case(
    config(
        """
request_route {
    alias_db_lookup("dbaliases"); xlog("alias $rc $ru $(branch(uri)[0])\\n");
    $ru = "sip:11@elsewhere.org"; sd_lookup("speed_dial"); xlog("short $rc $ru\\n");
    is_uri_host_local(); xlog("$rc\\n");
    allow_source_address(); xlog("$rc $avp(t)\\n");
}
""",
        """
modparam("alias_db", "use_domain", 0)
modparam("alias_db", "append_branches", 1)
modparam("alias_db", "domain_prefix", "sip.")
modparam("speeddial", "use_domain", 0)
modparam("domain", "register_myself", 0)
modparam("permissions", "peer_tag_avp", "$avp(t)")
modparam("permissions", "default_allow_file", "a.rules")
""",
    ),
    modules=MODULES,
)
def without_domains(scene: Scene) -> None:
    """use_domain 0: the user alone counts; further users of an alias are branches."""
    fill(scene)
    scene.alice.request("INVITE", "sip:two@elsewhere.org")
    scene.settle()
    scene.bob.request("INVITE", "sip:nobody@elsewhere.org", from_="<sip:alice@elsewhere.org>")
    scene.settle()
