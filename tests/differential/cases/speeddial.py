"""speeddial: short numbers by their owner, with and without domains."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case, verdicts

MODULES = "db_sqlite tm sl pv xlog textops siputils speeddial"
DATABASE = 'modparam("speeddial", "db_url", "sqlite:///DATABASE")\nmodparam("speeddial", "domain_prefix", "sip.")\n'

NUMBERS = (
    ("alice", "example.com", "11", "example.com", "sip:mother@example.org"),
    ("alice", "example.com", "12", "example.com", "father@example.org;x=y"),
    ("alice", "example.org", "11", "example.com", "sip:office@example.org"),
    ("alice", "example.com", "13", "example.com", "sips:safe@example.org"),
    ("alice", "example.com", "14", "example.com", ""),
    ("alice", "example.com", "11", "example.net", "sip:net@example.net"),
    ("alice", "example.com", "15", "example.com", "SIP:big@example.org"),
    ("alice", "example.com", "", "example.com", "sip:nobody@example.org"),
    ("bob", "example.com", "11", "example.com", "sip:bobs@example.org"),
    ("", "example.com", "11", "example.com", "sip:none@example.org"),
)
LOOKUP = """
request_route {
    if ($hdr(X-Owner) == "null") sd_lookup("speed_dial", "$avp(none)");
    else if ($hdr(X-Owner) == "empty") { $var(e) = ""; sd_lookup("speed_dial", "$var(e)"); }
    else if ($hdr(X-Owner) == "nosuch") { $var(t) = "nosuch"; sd_lookup("$var(t)"); }
    else if ($hdr(X-Owner) == "notable") { $var(e) = ""; sd_lookup("$var(e)"); }
    else if ($hdr(X-Owner) != $null) sd_lookup("speed_dial", "$hdr(X-Owner)");
    else sd_lookup("speed_dial");
    $var(rc) = $rc;
    xlog("$fu $hdr(X-Owner) $ou: $var(rc) $ru\\n");
}
"""
CALLS = (
    *(("alice@example.com", f"1{digit}@example.com", "") for digit in range(1, 7)),
    ("alice@sip.example.org", "11@SIP.example.com:5070;x=y", ""),
    ("alice@example.com", "11@example.net", ""),
    ("alice@example.com", "11@sip.example.net", ""),
    ("alice@example.com", "example.com", ""),
    ("alice@example.com", "11@elsewhere", ""),
    ("carol@example.com", "11@example.com", ""),
    ("carol@example.com", "11@example.com", "sip:bob@sip.example.com"),
    ("carol@example.com", "11@example.com", "sip:bob@example.org"),
    ("carol@example.com", "11@example.com", "bob"),
    ("carol@example.com", "11@example.com", "sip:example.com"),
    ("carol@example.com", "11@example.com", "tel:bob"),
    *(("alice@example.com", "11@example.com", what) for what in ("null", "empty", "nosuch", "notable")),
)


def numbers(use_domain: int) -> None:
    """Make the case for one value of use_domain."""

    def play(scene: Scene) -> None:
        values = ", ".join("({})".format(", ".join(f"'{cell}'" for cell in row)) for row in NUMBERS)
        scene.execute(f"INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) VALUES {values}")
        for caller, called, owner in CALLS:
            headers = f"X-Owner: {owner}" if owner else ""
            scene.alice.request("OPTIONS", f"sip:{called}", from_=f"<sip:{caller}>", headers=headers)
            scene.settle()

    play.__name__ = f"short_numbers_use_domain_{use_domain}"
    play.__doc__ = f"Whose number it is, with use_domain={use_domain}."
    case(DATABASE + f'modparam("speeddial", "use_domain", {use_domain})\n' + LOOKUP, modules=MODULES)(play)


for domains in (0, 1, 2):
    numbers(domains)


@case(
    DATABASE
    + """
modparam("speeddial", "user_column", "o")
modparam("speeddial", "domain_column", "od")
modparam("speeddial", "sd_user_column", "n")
modparam("speeddial", "sd_domain_column", "nd")
modparam("speeddial", "new_uri_column", "u")
modparam("speeddial", "use_domain", 2)
request_route {
    sd_lookup("short"); xlog("$rc $ru\\n");
    t_relay_to_udp("127.0.0.12", "21200");
}
""",
    modules=MODULES,
)
def other_names(scene: Scene) -> None:
    """The table and its columns are called as the config says; the request goes to the URI that is meant."""
    scene.execute(
        "CREATE TABLE IF NOT EXISTS short (id INTEGER PRIMARY KEY, o VARCHAR(9), od VARCHAR(19), n VARCHAR(9), nd VARCHAR(19), u VARCHAR(64))",
        "INSERT INTO short (o, od, n, nd, u) VALUES ('alice', 'example.com', '11', 'example.com', 'bob@example.org')",
    )
    scene.alice.request("OPTIONS", "sip:11@example.com")
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.request("OPTIONS", "sip:12@example.com", cseq=2)
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.alice.expect(200)


verdicts(
    "speeddial",
    "arguments",
    """
sd_lookup("speed_dial");
sd_lookup("");
sd_lookup("speed_dial", "");
sd_lookup("speed_dial", "sip:$au@$fd");
sd_lookup("speed_dial", "$nosuch");
sd_lookup("$nosuch");
sd_lookup();
sd_lookup("a", "b", "c");
sd_lookup(speed_dial);
: failure_route[x] { sd_lookup("speed_dial"); }
: branch_route[x] { sd_lookup("speed_dial"); }
: modparam("speeddial", "db_url", "nonsense")
: modparam("speeddial", "db_url", "mysql://a:b@127.0.0.1/c")
: modparam("speeddial", "use_domain", "x")
""",
    modules="db_sqlite pv xlog speeddial",
    before=DATABASE,
)
