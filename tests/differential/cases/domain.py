"""domain: which domains are local, in each route; their attributes; reloads; domains as names of the server."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case, verdicts

MODULES = "db_sqlite tm sl rr pv xlog textops siputils corex kex domain"
DATABASE = 'modparam("domain", "db_url", "sqlite:///DATABASE")\n'

DOMAINS = (
    "'example.com', NULL",
    "'Example.ORG', 'org'",
    "'example.net', 'ORG'",
    "'10.0.0.1', 'ip'",
    "'a.example.com', 'example.com'",
    "'[2001:db8::1]', 'six'",
)
ATTRIBUTES = (
    "'example.com', 'color', 2, 'red'",
    "'example.com', 'size', 0, '5'",
    "'example.com', 'color', 2, 'blue'",
    "'org', 'size', 0, '-7'",
    "'Org', 'empty', 2, ''",
    "'org', 'zero', 0, ''",
    "'nobody', 'x', 2, 'y'",
)
HOSTS = (
    *("example.com", "EXAMPLE.com", "example.org", "example.net", "a.example.com", "b.example.com"),
    *("10.0.0.1", "10.0.0.2", "[2001:db8::1]", "example.com.", "127.0.0.1"),
)


def fill(scene: Scene, *, reload: bool = True) -> None:
    """Put rows into both tables and have them read."""
    scene.rpc("domain.dump")
    scene.execute(
        f"INSERT INTO domain (domain, did) VALUES {', '.join(f'({row})' for row in DOMAINS)}",
        f"INSERT INTO domain_attrs (did, name, type, value) VALUES {', '.join(f'({row})' for row in ATTRIBUTES)}",
    )
    if reload:
        scene.rpc("domain.reload")
        scene.rpc("domain.dump")


@case(
    DATABASE
    + """
request_route {
    is_uri_host_local(); $var(a) = $rc;
    is_from_local(); $var(b) = $rc;
    is_domain_local("$rd"); $var(c) = $rc;
    $avp(d) = $fd;
    is_domain_local("$avp(d)"); $var(d) = $rc;
    lookup_domain("$rd"); $var(e) = $rc;
    xlog("$rd $fd: $var(a) $var(b) $var(c) $var(d) $var(e) did <$(avp(did)[*])> color <$(avp(color)[*])> size <$(avp(size)[*])> empty <$avp(empty)> zero <$avp(zero)>\\n");
    lookup_domain("$fd", "f_"); xlog("$rc <$avp(f_did)> <$(avp(f_color)[*])> <$avp(f_size)>\\n");
    if ($avp(f_size) == 5) xlog("five\\n");
    lookup_domain("$avp(none)"); xlog("null $rc\\n");
    is_domain_local("$avp(none)"); xlog("null $rc\\n");
    lookup_domain("example.com", "$avp(none)"); xlog("null prefix $rc $avp(<null>did)\\n");
    $var(e) = "";
    is_domain_local("$var(e)"); xlog("empty $rc\\n");
    lookup_domain("example.com", "$var(e)"); xlog("empty prefix $rc <$(avp(did)[*])>\\n");
    is_domain_local("x.$rd"); xlog("longer $rc\\n");
}
""",
    modules=MODULES,
)
def local_domains(scene: Scene) -> None:
    """Domains of request URI, From and arguments, in any case, and their attributes."""
    fill(scene)
    for host in HOSTS:
        scene.alice.request("OPTIONS", f"sip:bob@{host}", from_=f"<sip:alice@{host}:5070>")
        scene.settle()
    for uri, caller in (
        ("tel:+49", "<tel:+49>"),
        ("sip:example.com:5099;x=y", "<sips:example.com>"),
        ("nonsense", "nonsense"),
    ):
        scene.alice.request("OPTIONS", uri, from_=caller)
        scene.settle()


@case(
    DATABASE
    + """
request_route {
    if ($rU == "empty") { t_on_failure("EMPTY"); }
    else if ($rU == "other") { append_branch("sip:x@example.org"); t_on_failure("OTHER"); }
    else { t_on_failure("OTHER"); }
    t_on_branch("B");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
branch_route[B] {
    is_uri_host_local(); $var(a) = $rc;
    is_from_local(); $var(b) = $rc;
    lookup_domain("$rd", "b_");
    xlog("branch $ru $var(a) $var(b) $rc $avp(b_did)\\n");
    if ($rU == "x") drop;
}
failure_route[EMPTY] { is_uri_host_local(); xlog("failure $rc\\n"); }
failure_route[OTHER] {
    append_branch("sip:y@example.net");
    is_uri_host_local(); xlog("failure $ru $rc\\n");
    is_domain_local("$rd"); xlog("failure $rc\\n");
}
""",
    modules=MODULES,
)
def branches_and_failures(scene: Scene) -> None:
    """In a failure route is_uri_host_local() looks at the first branch that was added."""
    fill(scene)
    for number, user in enumerate(("empty", "other", "third")):
        request = scene.alice.request("INVITE", f"sip:{user}@example.com", call_id=f"c{number}")
        scene.alice.expect(100)
        scene.bob.expect("INVITE").answer(486, "Busy")
        scene.bob.expect("ACK")
        scene.alice.ack(request, scene.alice.expect(486))
        scene.settle()


MYSELF = """
request_route {
    is_myself("$ru"); $var(a) = $rc;
    is_myself("$rd"); $var(b) = $rc;
    $var(c) = 0; if (uri == myself) $var(c) = 1;
    $var(d) = 0; if (from_uri == myself) $var(d) = 1;
    $var(e) = 0; if (to_uri == myself) $var(e) = 1;
    is_first_hop(); $var(f) = $rc;
    loose_route(); $var(g) = $rc;
    xlog("$ou $fu: $var(a) $var(b) $var(c) $var(d) $var(e) $var(f) $var(g) $ru $du $(hdr(Route))\\n");
}
"""


def names(register: int) -> None:
    """Make the case with and without register_myself."""

    def play(scene: Scene) -> None:
        fill(scene)
        for host in (
            "example.com",
            "EXAMPLE.org:5099",
            "example.net;transport=tls",
            "b.example.com",
            "127.0.0.1:21200",
            "10.0.0.1",
        ):
            scene.alice.request("OPTIONS", f"sip:bob@{host}", from_=f"<sip:alice@{host}>")
            scene.settle()
            scene.alice.request(
                "OPTIONS", "sip:bob@example.edu", headers=f"Route: <sip:{host};lr>, <sip:10.9.9.9;lr>", to_tag="x"
            )
            scene.settle()
        scene.execute("DELETE FROM domain WHERE domain = 'example.com'")
        scene.rpc("domain.reload")
        scene.alice.request("OPTIONS", "sip:bob@example.com")

    play.__name__ = "domains_as_names_of_the_server" if register else "domains_that_are_no_names"
    play.__doc__ = f"`myself` and loose_route() with register_myself={register}."
    case(DATABASE + f'modparam("domain", "register_myself", {register})\n' + MYSELF, modules=MODULES)(play)


names(0)
names(1)


@case(
    DATABASE
    + """
modparam("jsonrpcs", "fifo_name", "")
modparam("jsonrpcs", "dgram_socket", "")
modparam("jsonrpcs", "pretty_format", 0)
request_route {
    jsonrpc_exec('{"jsonrpc":"2.0","method":"domain.dump","id":1}'); xlog("$jsonrpl(body)\\n");
    jsonrpc_exec('{"jsonrpc":"2.0","method":"domain.reload","id":1}'); xlog("$jsonrpl(body)\\n");
}
""",
    modules=f"{MODULES} jsonrpcs",
)
def as_json(scene: Scene) -> None:
    """What is in memory, without and with rows."""
    scene.alice.request("OPTIONS")
    fill(scene)
    scene.alice.request("OPTIONS")


@case(DATABASE + 'request_route { lookup_domain("$rd"); xlog("$rd $rc <$avp(did)>\\n"); }', modules=MODULES)
def rows_that_are_wrong(scene: Scene) -> None:
    """A reload that fails leaves the old tables."""
    fill(scene)
    for bad in (
        "domain (domain) VALUES ('')",
        "domain (domain, did) VALUES ('x.com', '')",
        "domain_attrs (did, name, type, value) VALUES ('', 'n', 0, '5')",
        "domain_attrs (did, name, type, value) VALUES ('d', '', 0, '5')",
        "domain_attrs (did, name, type, value) VALUES ('d', 'n', 1, '5')",
        "domain_attrs (did, name, type, value) VALUES ('d', 'n', 0, 'x')",
        "domain_attrs (did, name, type, value) VALUES ('d', 'n', 0, '99999999999')",
        "domain_attrs (did, name, type, value) VALUES ('d', 'n', 0, '5 ')",
        "domain_attrs (did, name, type, value) VALUES ('d', 'n', 0, '-')",
    ):
        scene.execute(f"INSERT INTO {bad}")
        scene.rpc("domain.reload")
        scene.execute(
            "DELETE FROM domain WHERE domain IN ('', 'x.com')", "DELETE FROM domain_attrs WHERE did = '' OR did = 'd'"
        )
    scene.alice.request("OPTIONS", "sip:example.org")
    scene.settle()
    scene.execute("DELETE FROM domain", "DELETE FROM domain_attrs")
    scene.rpc("domain.reload")
    scene.rpc("domain.dump")
    scene.alice.request("OPTIONS", "sip:example.org")


verdicts(
    "domain",
    "arguments",
    """
is_domain_local("");
is_domain_local("example.com");
is_domain_local(example);
is_domain_local($fd);
is_domain_local("$nosuch");
is_domain_local();
lookup_domain("");
lookup_domain("$fd", "");
lookup_domain("$fd", "$nosuch");
lookup_domain("$fd", "a", "b");
is_from_local("x");
is_uri_host_local("x");
: onreply_route { is_from_local(); }
: event_route[tm:local-request] { is_from_local(); is_uri_host_local(); lookup_domain("x"); }
: modparam("domain", "db_url", "nonsense")
: modparam("domain", "db_url", "mysql://a:b@127.0.0.1/c")
: modparam("domain", "domain_table", "dialog")
: modparam("domain", "domain_attrs_table", "dialog")
: modparam("domain", "register_myself", "1")
: modparam("domain", "db_mode", 1)
""",
    modules="db_sqlite pv xlog tm domain",
    before=DATABASE,
)
