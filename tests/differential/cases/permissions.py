"""permissions: files of rules, the tables of addresses and of trusted peers, and what the commands say of them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, battery, case, verdicts

MODULES = "db_sqlite tm sl pv xlog textops siputils corex permissions"
DATABASE = 'modparam("permissions", "db_url", "sqlite:///DATABASE")\n'

RULES = r"""# who may call whom
ALL : "^sip:361[0-9]*@abc\.com$" EXCEPT "^sip:361[0-9]*3@abc\.com$", "^sip:361[0-9]*4@abc\.com$"

"^sip:alice@example.com$" EXCEPT "bob" :  "^sip:500@", sip:501@ , "sip:50[23]@"	# quoted or not
All : ALL
"^sip:x # y" : ALL
^sip:[c-d].*@ EXCEPT ^sip:dave@:ALL EXCEPT ^sip:(900|901)@
 : ALL
ALL :
no colon here
ALL : "(unclosed"
ALL EXCEPT : sip:1@
ALL : sip:2@ EXCEPT BLANK
a, , b : ALL
"sip:z" "y" : ALL
ALL : "sip:CASE@"
""".replace("EXCEPT BLANK", "EXCEPT ")
DENIED = r"""ALL : ALL
"""
ROUTING = """
modparam("permissions", "default_allow_file", "default.rules")
modparam("permissions", "default_deny_file", "denied.rules")
request_route {
    if (is_method("REGISTER")) {
        allow_register("register"); $var(a) = $rc;
        allow_register("register.allow", "register.deny"); $var(b) = $rc;
        xlog("$hdr(Contact): $var(a) $var(b)\\n");
        exit;
    }
    if ($hdr(X-Branch) != $null) append_branch("$hdr(X-Branch)");
    allow_routing(); $var(a) = $rc;
    allow_routing("pair"); $var(b) = $rc;
    allow_routing("default.rules", "denied.rules"); $var(c) = $rc;
    allow_routing("nosuch"); $var(d) = $rc;
    allow_uri("pair", "$hdr(X-Uri)"); $var(e) = $rc;
    xlog("$fu > $ru $hdr(X-Branch): $var(a) $var(b) $var(c) $var(d) uri $hdr(X-Uri) $var(e)\\n");
}
"""
FILES = {
    "default.rules": RULES,
    "denied.rules": DENIED,
    "pair.allow": '"^sip:alice@" : "^sip:[0-9]+@"\n',
    "pair.deny": "ALL : ^sip:9\nsip:bob@ : ALL\nALL : sip:@\n",
    "register.allow": '"^sip:boss@" : ALL\nALL : "^sip:ok@"',
    "register.deny": 'ALL : "^sip:.*1\\.2\\.3\\.4$"\n',
}

FROM_TO = (
    ("alice@example.com", "36112@abc.com"),
    ("alice@example.com", "36113@abc.com"),
    ("x@y", "36114@abc.com"),
    ("alice@example.com", "500@z"),
    ("ALICE@example.com", "501@z:5070;x=y"),
    ("alice@example.com.org", "500@z"),
    ("alice@example.com", "503@z"),
    ("bob@example.com", "500@z"),
    ("All@a", "b@c"),
    ("carol@a", "b@c"),
    ("carol@a", "900@c"),
    ("dave@a", "b@c"),
    ("e@a", "1@c"),
    ("e@a", "2@c"),
    ("b@a", "c@c"),
    ("zy@a", "c@c"),
    ("e@a", "case@c"),
    ("e@a", "x@c"),
    ("alice@a", "9@c"),
    ("e@a", "9@c"),
)


def play_routing(scene: Scene) -> None:
    """Callers and called, with and without branches, and registrations."""
    for caller, called in FROM_TO:
        scene.alice.request(uri=f"sip:{called}", from_=f"<sip:{caller}>", headers=f"X-Uri: sip:{called}")
        scene.settle()
    for branch in ("sip:500@z", "sip:9@z", "sip:z", "sips:900@z;x=y", "tel:+9", "nonsense"):
        scene.alice.request(uri="sip:500@z", from_="<sip:alice@example.com>", headers=f"X-Branch: {branch}")
        scene.settle()
    for uri in ("sip:example.com", "sip:a:b@c", "tel:+361", "sip:" + "a" * 240 + "@example.com"):
        scene.alice.request(uri=uri, from_="<sip:alice@example.com>", headers=f"X-Uri: {uri}x")
        scene.settle()
    scene.alice.request(uri="sip:500@z", from_="<sip:alice@" + "a" * 250 + ".com>")
    for contact in (
        "Contact: <sip:a@1.2.3.4>",
        "Contact: <sip:ok@1.2.3.4>",
        "Contact: <sip:1.2.3.4:5070;x=y>",
        "Contact: <sip:ok@1.2.3.4>, <sip:b@1.2.3.4>",
        "Contact: <sip:a@1.2.3.5>\nContact: <sip:a@1.2.3.4:99>",
        "Contact: *",
        "Contact: nonsense",
        "Contact: <sip:b@11.2.3.4>",
        "",
    ):
        scene.alice.request("REGISTER", "sip:example.com", headers=contact, contact=False)
        scene.settle()
    scene.alice.request(
        "REGISTER", "sip:example.com", to="<sip:boss@example.com>", headers="Contact: <sip:b@1.2.3.4>", contact=False
    )
    for arguments in (
        ("default", "a", "b"),
        ("pair", "sip:alice@x", "sip:1@x"),
        ("pair", "sip:alice@x", "sip:a@x"),
        ("pair", "sip:bob@x", "sip:1@x"),
        ("pair", "sip:bob@x", "sip:9@x"),
        ("register", "sip:bob@x", "sip:9@1.2.3.4"),
        ("nosuch", "sip:bob@x", "sip:9@1.2.3.4"),
        ("a" * 130, "sip:bob@x", "sip:9@1.2.3.4"),
        ("pair", "sip:bob@x"),
        (),
        ("pair", "sip:bob@x", 5),
    ):
        scene.rpc("permissions.testUri", *arguments)
    scene.rpc("permissions.allowUri", "pair", "sip:bob@x", "sip:9@x")


@case(ROUTING, modules=MODULES, files=FILES)
def rules(scene: Scene) -> None:
    """Who may call whom, and register what."""
    play_routing(scene)


@case('modparam("permissions", "check_all_branches", 0)\n' + ROUTING, modules=MODULES, files=FILES)
def the_request_uri_only(scene: Scene) -> None:
    """check_all_branches=0."""
    play_routing(scene)


@case(
    """
modparam("permissions", "allow_suffix", "-yes")
modparam("permissions", "deny_suffix", "-no")
request_route {
    allow_routing("f"); $var(a) = $rc;
    allow_routing(); $var(b) = $rc;
    xlog("$ru $var(a) $var(b)\\n");
    if (!t_is_set("failure_route")) { t_on_reply("R"); t_relay_to_udp("127.0.0.12", "21200"); }
}
onreply_route[R] { allow_routing("f"); $var(a) = $rc; xlog("$rs $var(a)\\n"); }
""",
    modules=MODULES,
    files={"f-yes": "ALL : sip:1@\n", "f-no": "ALL : ALL\n"},
)
def suffixes(scene: Scene) -> None:
    """Other names of files; a reply has no request URI."""
    scene.alice.request("OPTIONS", "sip:1@x")
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.request("OPTIONS", "sip:2@x", cseq=2)
    scene.bob.expect("OPTIONS").answer(200, "OK")


# -- addresses --------------------------------------------------------------------------------------------------------
LIST = """# groups
1 127.0.0.11 32 0 tag1
1 10.0.0.10
2 192.168.1.0 24 0 tag2
2 192.168.0.0 16 5060 wide # comment
1 192.168.1.128 25
3 [1:5ee::900d:c0de]
3 2001:db8:: 32 0 six
3 2001:db8:1:: 48 0 six-narrow
4 sip.example.com 0 5060 name
	5	10.0.0.11	0	5070	p
5 10.0.0.11 32 5080 q#r
4 10.0.0.10 32 0 other
6 0.0.0.0 0 0 all
7 10.9.9.9 31
8 10.256.0.1
0 10.7.7.7
9 300.1.1
10 10.8.8.8 tag
11 127.0.0.12 32 5060 bob
11 127.0.0.13 32 0 carol
12 127.0.0.0 8 0 loop
1 10.0.0.10 32 0 again
"""
ASK = [
    ("1", "10.0.0.10", "0"),
    ("4", "10.0.0.10", "5060"),
    ("2", "10.0.0.10", "0"),
    ("2", "192.168.1.200", "5060"),
    ("1", "192.168.1.200", "5061"),
    ("2", "192.168.2.200", "5060"),
    ("2", "192.168.2.200", "5061"),
    ("3", "1:5ee::900d:c0de", "1"),
    ("3", "[1:5EE:0::900d:c0de]", "1"),
    ("3", "2001:db8:1::5", "1"),
    ("3", "2001:db9::5", "1"),
    ("4", "sip.example.com", "5060"),
    ("4", "sip.example.com", "5061"),
    ("4", "SIP.example.com", "5060"),
    ("5", "10.0.0.11", "5070"),
    ("5", "10.0.0.11", "5080"),
    ("5", "10.0.0.11", "5090"),
    ("6", "0.0.0.0", "1"),
    ("6", "1.1.1.1", "1"),
    ("7", "10.9.9.8", "1"),
    ("8", "10.0.0.1", "1"),
    ("0", "10.7.7.7", "1"),
    ("9", "300.1.1", "1"),
    ("10", "10.8.8.8", "1"),
    ("12", "127.255.255.255", "1"),
    ("1", "010.0.00.10", "1"),
    ("1", "10.0.0.10 ", "1"),
    ("1", "", "1"),
]
ADDRESSES = (
    "request_route {\n"
    + "".join(
        f'    $avp(tag) = $null; $var(g) = "{group}"; $var(a) = "{address}"; $var(p) = "{port}";\n'
        f'    allow_address("{group}", "$var(a)", "{port}"); $var(rc) = $rc;\n'
        f'    allow_address_group("$var(a)", "{port}"); xlog("{group} {address} {port}: $var(rc) $rc <$(avp(tag)[*])>\\n");\n'
        for group, address, port in ASK
        if group != "0"
    )
    + """
    $(avp(tag)[*]) = $null;
    allow_source_address(); xlog("$si $rc <$(avp(tag)[*])>\\n");
    allow_source_address("1"); xlog("$si $rc <$(avp(tag)[*])>\\n");
    allow_source_address("11"); xlog("$si $rc <$(avp(tag)[*])>\\n");
    allow_source_address("12"); xlog("$si $rc <$(avp(tag)[*])>\\n");
    $var(g) = allow_source_address_group(); xlog("$si $var(g) <$(avp(tag)[*])>\\n");
    allow_source_address("$rU"); xlog("$si $rc <$(avp(tag)[*])>\\n");
    allow_source_address($avp(nosuch)); xlog("$si $rc\\n");
    allow_address("1", "$avp(nosuch)", "0"); xlog("$rc\\n");
    allow_address("1", "10.0.0.10", "$avp(nosuch)"); xlog("$rc\\n");
    allow_address("$avp(nosuch)", "10.0.0.10", "0"); xlog("$rc\\n");
    $var(i) = 1; allow_address("$var(i)", "$(var(i))0.0.0.10", "$sp"); xlog("$rc\\n");
    allow_address_group("$avp(nosuch)", "0"); xlog("$rc\\n");
    allow_address_group("10.0.0.10", "$avp(nosuch)"); xlog("$rc\\n");
}
"""
)
PARAMS = """
modparam("permissions", "reload_delta", 0)
modparam("permissions", "peer_tag_avp", "$avp(tag)")
"""
DUMPS = ("permissions.addressDump", "permissions.subnetDump", "permissions.domainDump")


def ask(scene: Scene) -> None:
    """One message from alice, bob and carol, and what is in memory."""
    for party in (scene.alice, scene.bob, scene.carol):
        party.request("OPTIONS", "sip:12@example.com")
        scene.settle()
    for name in DUMPS:
        scene.rpc(name)


@case(
    PARAMS + 'modparam("permissions", "address_file", "addresses")\n' + ADDRESSES,
    modules=MODULES,
    files={"addresses": LIST},
)
def a_file_of_addresses(scene: Scene) -> None:
    """Single addresses, subnets and names, by group and port; the file is read again."""
    ask(scene)
    for text in (
        "1 10.0.0.10 33\n",
        "1\n",
        "1 # x\n",
        "1 10.0.0.10 32 0 new\n",
        "",
        "x\n",
        "1 2001:db8:: 129",
        "2 example.org",
    ):
        scene.write("addresses", text)
        scene.rpc("permissions.addressReload")
        for name in DUMPS:
            scene.rpc(name)
    scene.rpc("permissions.trustedReload")
    scene.rpc("permissions.trustedDump")


def rows(*values: str) -> str:
    """An insert into the table of addresses."""
    return f"INSERT INTO address (grp, ip_addr, mask, port, tag) VALUES {', '.join(f'({value})' for value in values)}"


@case(PARAMS + DATABASE + 'modparam("permissions", "max_subnets", 4)\n' + ADDRESSES, modules=MODULES)
def a_table_of_addresses(scene: Scene) -> None:
    """The same from a database; a row that is wrong leaves the old table."""
    ask(scene)
    scene.execute(
        rows(
            *("1, '127.0.0.11', 32, 0, 'tag1'", "1, '10.0.0.10', 0, 0, NULL", "4, '10.0.0.10', 32, 5060, ''"),
            *("2, '192.168.1.0', 24, 0, 'first'", "1, '192.168.0.0', 16, 0, 'second'", "1, '192.168.1.0', 24, 0, ''"),
            *("4, 'sip.example.com', 32, 5060, 'name'", "4, '', 32, 5060, 'empty'", "12, '127.0.0.0', 8, 0, NULL"),
            *("3, '2001:db8::', 32, 0, 'six'", "3, '[1:5ee::900d:c0de]', 128, 0, 'bracket'"),
        )
    )
    scene.rpc("permissions.addressReload")
    ask(scene)
    for value in (
        "0, '10.0.0.1', 32, 0, 'x'",
        "1, '10.0.0.1', 33, 0, 'x'",
        "-1, '10.0.0.1', 32, 0, 'x'",
        "1, '10.0.0.1', -1, 0, 'x'",
    ):
        scene.execute(rows(value))
        scene.rpc("permissions.addressReload")
        scene.execute("DELETE FROM address WHERE tag = 'x'")
    scene.execute("DELETE FROM address")
    scene.rpc("permissions.addressDump")
    scene.rpc("permissions.addressReload")
    ask(scene)


@case(
    'modparam("permissions", "load_backends", 2)\nmodparam("permissions", "reload_delta", 100)\n'
    + DATABASE
    + ADDRESSES,
    modules=MODULES,
)
def no_addresses(scene: Scene) -> None:
    """They are not loaded; commands that follow too soon."""
    for party in (scene.alice, scene.bob):
        party.request("OPTIONS", "sip:12@example.com")
        scene.settle()
    scene.rpc("permissions.trustedReload")
    scene.rpc("permissions.trustedReload")
    scene.rpc("permissions.addressReload")
    for name in (*DUMPS, "permissions.trustedDump"):
        scene.rpc(name)


# -- trusted peers ----------------------------------------------------------------------------------------------------
TRUST = """
request_route {
    allow_trusted(); xlog("$si $fu $ou: $rc <$(avp(tag)[*])>\\n");
    $(avp(tag)[*]) = $null;
    allow_trusted("$si", "$proto"); xlog("2: $rc <$(avp(tag)[*])>\\n");
    $(avp(tag)[*]) = $null;
    allow_trusted("$si", "ANY", "sip:$rU@example.com"); xlog("3: $rc <$(avp(tag)[*])>\\n");
    $(avp(tag)[*]) = $null;
    allow_trusted("127.0.0.11", "tcp"); xlog("tcp: $rc <$(avp(tag)[*])>\\n");
    $(avp(tag)[*]) = $null;
    allow_trusted("127.0.0.11", "sip"); xlog("sip: $rc\\n");
    allow_trusted("127.0.0.11", "tcpx"); xlog("tcpx: $rc\\n");
    allow_trusted("127.0.0.11", ""); xlog("empty: $rc\\n");
    allow_trusted("127.0.0.99", "Udp"); xlog("none: $rc\\n");
    allow_trusted("$avp(none)", "udp"); xlog("null: $rc\\n");
    allow_trusted("127.0.0.11", "$avp(none)"); xlog("null: $rc\\n");
    allow_trusted("127.0.0.11", "udp", "$avp(none)"); xlog("null: $rc <$(avp(tag)[*])>\\n");
}
"""
PEERS = (
    "'127.0.0.11', 'any', '^sip:alice@', NULL, 'a', 0",
    "'127.0.0.11', 'udp', NULL, '^sip:\\(bob\\|carol\\)@', 'b', 5",
    "'127.0.0.11', 'TCP', NULL, NULL, 'tcp', 9",
    "'127.0.0.11', 'none', NULL, NULL, 'never', 7",
    "'127.0.0.11', 'UDP', 'ali+ce', NULL, 'plus', 3",
    "'127.0.0.11', 'UDP', 'al\\{1,2\\}ic*e@', 'sip:.*', 'interval', 3",
    "'127.0.0.12', 'any', '', '', NULL, 0",
    "'127.0.0.13', 'udp', '*', NULL, 'star', 0",
    "'127.0.0.13', 'udp', '^*', NULL, 'star2', 0",
    "'127.0.0.13', 'udp', NULL, '$$', '', 0",
    "'127.0.0.13', 'udp', 'SIP:', NULL, 'case', 1",
)


def trust(scene: Scene, *, load: bool) -> None:
    """Fill the table, have it read, and send requests."""
    scene.rpc("permissions.trustedDump")
    values = ", ".join(f"({peer})" for peer in PEERS)
    scene.execute(f"INSERT INTO trusted (src_ip, proto, from_pattern, ruri_pattern, tag, priority) VALUES {values}")
    if load:
        scene.rpc("permissions.trustedReload")
    for party in (scene.alice, scene.bob, scene.carol, scene.dave):
        for user in ("bob", "alice", "x"):
            party.request("OPTIONS", f"sip:{user}@example.com")
            scene.settle()
    scene.alice.request("OPTIONS", "sip:bob@example.com", from_="<sip:ali+ce@example.com>")
    scene.rpc("permissions.trustedDump")
    scene.rpc("permissions.trustedReload")


for mode in (0, 1):
    for tags in (0, 1):

        def play(scene: Scene, mode: int = mode) -> None:
            """allow_trusted() with the database and with memory; the first tag or all."""
            trust(scene, load=mode == 1)

        play.__name__ = f"trusted_peers_{'in_memory' if mode else 'in_the_database'}{'_all_tags' if tags else ''}"
        more = f'modparam("permissions", "db_mode", {mode})\nmodparam("permissions", "peer_tag_mode", {tags})\n'
        case(PARAMS + DATABASE + more + TRUST, modules=MODULES)(play)


@case(
    PARAMS + DATABASE + 'modparam("permissions", "db_mode", 1)\nrequest_route { allow_trusted(); xlog("$rc\\n"); }',
    modules=MODULES,
)
def a_peer_that_cannot_be_read(scene: Scene) -> None:
    """A transport that nobody knows leaves the old table."""
    scene.rpc("permissions.trustedDump")
    scene.execute("INSERT INTO trusted (src_ip, proto) VALUES ('127.0.0.11', 'udp')")
    scene.rpc("permissions.trustedReload")
    scene.execute("INSERT INTO trusted (src_ip, proto) VALUES ('127.0.0.11', 'x')")
    scene.rpc("permissions.trustedReload")
    scene.alice.request("OPTIONS")
    scene.settle()
    scene.rpc("permissions.trustedDump")


battery(
    "permissions",
    "nothing_is_configured",
    """
@ allow_source_address()
@ allow_source_address("1")
@ allow_source_address_group()
@ allow_address("1", "10.0.0.1", "5060")
@ allow_address_group("10.0.0.1", "5060")
@ allow_routing()
@ allow_routing("x")
@ allow_routing("x", "y")
@ allow_register("x")
@ allow_uri("x", "$ru")
@ allow_uri("x", "$avp(none)")
@ allow_trusted()
@ allow_trusted("$si", "any")
""",
    modules="pv xlog permissions",
)

verdicts(
    "permissions",
    "arguments",
    """
allow_address("1", "$si", "$sp");
allow_address(1, "$si", 5060);
allow_address("x", "$si", "$sp");
allow_address("", "$si", "$sp");
allow_address("1", "", "$sp");
allow_address("1", "$si", "x");
allow_address("1", "$nosuch", "0");
allow_address("$var(x)", $si, $sp);
allow_address("$nosuch", "$si", "0");
allow_address("1", "$si");
allow_source_address("x");
allow_source_address("");
allow_source_address(1);
allow_source_address($var(g));
allow_address_group("$si", "x");
allow_address_group("$si", "$sp");
allow_uri("x", "y");
allow_uri("x", "");
allow_uri("x", "$rt");
allow_uri("x", $rt);
allow_uri("x", "$rt$ru");
allow_uri("x", "$nosuch");
allow_uri("", "$ru");
allow_uri("x");
allow_routing("");
allow_routing("", "");
allow_routing("$var(x)");
allow_routing("/nosuch/file");
allow_register();
allow_register("x", "y", "z");
allow_trusted("$si");
allow_trusted("$si", "sip");
allow_trusted("", "");
allow_trusted("$nosuch", "udp");
allow_trusted("$si", "udp", "$nosuch");
: branch_route[x] { allow_uri("x", "$ru"); }
: branch_route[x] { allow_register("x"); }
: onreply_route { allow_routing("x"); allow_trusted(); allow_source_address(); }
""",
    modules="pv xlog textops permissions",
    differs={
        'starts/allow_address("", "$si", "$sp");': "an empty number is refused",
        'starts/allow_source_address("");': "an empty number is refused",
    },
)

verdicts(
    "permissions",
    "parameters",
    r"""
: modparam("permissions", "load_backends", 0)
: modparam("permissions", "load_backends", 16)
: modparam("permissions", "db_mode", 2)
: modparam("permissions", "db_mode", 1)
: modparam("permissions", "peer_tag_avp", "x")
: modparam("permissions", "peer_tag_avp", "$var(x)")
: modparam("permissions", "peer_tag_avp", "$avp(i:707)")
: modparam("permissions", "peer_tag_avp", "$avp(x)")
: modparam("permissions", "peer_tag_avp", "")
: modparam("permissions", "address_file", "nosuch")
: modparam("permissions", "address_file", "bad")
: modparam("permissions", "address_file", "good")
: modparam("permissions", "address_file", "")
: modparam("permissions", "address_file", "nosuch")\nmodparam("permissions", "load_backends", 2)
: modparam("permissions", "db_url", "nonsense")
: modparam("permissions", "db_url", "mysql://a:b@127.0.0.1/c")
: modparam("permissions", "db_url", "")
: modparam("permissions", "db_url", "sqlite:///DATABASE")\nmodparam("permissions", "address_table", "dialog")
: modparam("permissions", "db_url", "sqlite:///DATABASE")\nmodparam("permissions", "db_mode", 1)\nmodparam("permissions", "trusted_table", "dialog")
: modparam("permissions", "db_url", "sqlite:///DATABASE")\nmodparam("permissions", "load_backends", 12)
: modparam("permissions", "max_subnets", 0)
: modparam("permissions", "reload_delta", -5)
: modparam("permissions", "default_allow_file", "/nosuch")
""",
    modules="db_sqlite pv xlog permissions",
    files={"bad": "1 10.0.0.0 99\n", "good": "1 10.0.0.0 9\n"},
)

_JSON = """
> $jsonrpl(code)|$jsonrpl(body)
@ jsonrpc_exec('{"jsonrpc":"2.0","method":"permissions.addressDump","id":1}')
> $jsonrpl(code)|$jsonrpl(body)
@ jsonrpc_exec('{"jsonrpc":"2.0","method":"permissions.subnetDump","id":1}')
> $jsonrpl(code)|$jsonrpl(body)
@ jsonrpc_exec('{"jsonrpc":"2.0","method":"permissions.domainDump","id":1}')
> $jsonrpl(code)|$jsonrpl(body)
@ jsonrpc_exec('{"jsonrpc":"2.0","method":"permissions.testUri","params":["x","sip:a@b","sip:c@d"],"id":1}')
> $jsonrpl(code)|$jsonrpl(body)
@ jsonrpc_exec('{"jsonrpc":"2.0","method":"permissions.testUri","params":["x"],"id":1}')
> $jsonrpl(code)|$jsonrpl(body)
"""

for subnets in (
    "1 10.0.0.1\n2 10.1.0.0 16\n3 example.org\n",
    "1 10.0.0.1\n1 10.0.0.2\n2 10.1.0.0 16\n2 10.2.0.0 16\n3 a\n3 b\n",
    "",
):
    battery(
        "permissions",
        f"as_json_{subnets.count(chr(10))}_rows",
        _JSON,
        modules="pv xlog jsonrpcs permissions",
        before='disable_tcp=yes\nmodparam("jsonrpcs", "fifo_name", "")\nmodparam("jsonrpcs", "dgram_socket", "")\n'
        'modparam("jsonrpcs", "pretty_format", 0)\nmodparam("permissions", "address_file", "l")',
        files={"l": subnets},
    )
