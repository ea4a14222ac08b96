"""alias_db: aliases for users, users for aliases; several users behind one alias."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case, verdicts

MODULES = "db_sqlite tm sl pv xlog textops siputils corex alias_db"
DATABASE = 'modparam("alias_db", "db_url", "sqlite:///DATABASE")\n'

ALIASES = (
    ("+49301", "example.com", "alice", "example.com"),
    ("+49301", "example.org", "bob", "example.org"),
    ("sales", "example.com", "carol", "a.example.com"),
    ("sales", "example.com", "dave", "b.example.com"),
    ("sales", "example.com", "", ""),
    ("", "example.com", "nobody", "example.com"),
    ("x'y", "example.com", "quote", "example.com"),
    ("self", "", "self", "here"),
)
URIS = (
    *(
        "sip:+49301@example.com",
        "sip:+49301@example.org",
        "sip:+49301@SIP.example.org:5070;x=y",
        "sip:sales@example.com",
    ),
    *("sip:example.com", "sip:x'y@example.com", "tel:+49301", "sips:sales@sip.example.com", "sip:self@nowhere"),
    *("sip:alice@example.com", "sip:carol@a.example.com", "sip:SALES@example.com", "sip:sip.@sip."),
)


def fill(scene: Scene, table: str = "dbaliases") -> None:
    """Put the aliases into a table."""
    values = ", ".join("({})".format(", ".join("'" + cell.replace("'", "''") + "'" for cell in row)) for row in ALIASES)
    scene.execute(f"INSERT INTO {table} (alias_username, alias_domain, username, domain) VALUES {values}")


LOOKUP = """
request_route {
    $var(flags) = "-";
    if ($hdr(X-Flags) != $null) $var(flags) = $hdr(X-Flags);
    if ($var(flags) == "r") alias_db_lookup("dbaliases", "r");
    else if ($var(flags) == "d") alias_db_lookup("dbaliases", "d");
    else if ($var(flags) == "U") alias_db_lookup("dbaliases", "U");
    else if ($var(flags) == "Ru") alias_db_lookup("dbaliases", "Ru");
    else if ($var(flags) == "empty") alias_db_lookup("dbaliases", "");
    else if ($var(flags) == "table") { $var(t) = "db"; alias_db_lookup("$var(t)aliases"); }
    else if ($var(flags) == "nosuch") { $var(t) = "nosuch"; alias_db_lookup("$var(t)"); }
    else if ($var(flags) == "null") alias_db_lookup("$avp(none)");
    else alias_db_lookup("dbaliases");
    $var(rc) = $rc;
    xlog("$ou $var(flags): $var(rc) $ru branches $(branch(uri)[*]) $(branch(q)[*]) $(branch(uri)[1]) $(branch(uri)[2])\\n");
    $(avp(x)[*]) = $null; $var(x) = "old"; $avp(x) = "old";
    alias_db_find("dbaliases", "$ou", "$avp(x)"); $var(rc) = $rc;
    alias_db_find("dbaliases", "$fu", "$var(x)", "rd"); $var(r2) = $rc;
    xlog("$var(rc) $(avp(x)[*]) $var(r2) $var(x)\\n");
    alias_db_find("dbaliases", "$avp(none)", "$var(x)"); xlog("$rc\\n");
    alias_db_find("dbaliases", "$rm", "$var(x)"); xlog("$rc\\n");
    alias_db_find("$avp(none)", "$ou", "$var(x)"); xlog("$rc $ru\\n");
}
"""


def play(scene: Scene) -> None:
    """Each URI, then each way to ask."""
    fill(scene)
    for uri in URIS:
        scene.alice.request("OPTIONS", uri)
        scene.settle()
    for flags in ("r", "d", "U", "Ru", "empty", "table", "nosuch", "null"):
        for uri in ("sip:+49301@example.org", "sip:carol@a.example.com", "sip:bob@sip.example.org"):
            scene.alice.request("OPTIONS", uri, headers=f"X-Flags: {flags}", from_="<sip:bob@example.com>")
            scene.settle()


for use_domain in (0, 1):
    for branches in (0, 1):

        def one(scene: Scene) -> None:
            """Aliases by user or by user and domain; what becomes of further users."""
            play(scene)

        one.__name__ = f"aliases_{'with' if use_domain else 'without'}_domain{'_and_branches' if branches else ''}"
        more = (
            f'modparam("alias_db", "use_domain", {use_domain})\nmodparam("alias_db", "append_branches", {branches})\n'
        )
        case(DATABASE + more + 'modparam("alias_db", "domain_prefix", "sip.")\n' + LOOKUP, modules=MODULES)(one)


@case(
    DATABASE
    + """
modparam("alias_db", "user_column", "u")
modparam("alias_db", "domain_column", "d")
modparam("alias_db", "alias_user_column", "au")
modparam("alias_db", "alias_domain_column", "ad")
modparam("alias_db", "use_domain", 1)
modparam("alias_db", "append_branches", 1)
request_route {
    alias_db_lookup("people"); xlog("$rc $ru\\n");
    $du = "sip:127.0.0.12:21200";
    t_on_failure("F"); t_on_branch("B"); t_on_reply("R");
    t_relay();
}
branch_route[B] { alias_db_find("people", "$ru", "$avp(b)", "r"); xlog("branch $ru $rc $avp(b)\\n"); }
onreply_route[R] { alias_db_find("people", "$tu", "$var(x)"); xlog("reply $rc $var(x)\\n"); }
failure_route[F] { $ru = "sip:a@example.com"; alias_db_lookup("people"); xlog("failure $rc $ru\\n"); }
""",
    modules=MODULES,
)
def other_names_in_every_route(scene: Scene) -> None:
    """The columns have other names; a branch, a reply and a failure ask, too."""
    scene.execute(
        "CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, au VARCHAR(9), ad VARCHAR(19), u VARCHAR(9), d VARCHAR(19))",
        "INSERT INTO people (au, ad, u, d) VALUES ('a', 'example.com', 'b', 'example.org')",
    )
    request = scene.alice.request("INVITE", "sip:a@example.com", to="<sip:a@example.com>")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.alice.ack(request, scene.alice.expect(486))


@case(
    DATABASE
    + """
modparam("alias_db", "append_branches", 1)
request_route { alias_db_lookup("dbaliases"); sl_send_reply("302", "Moved"); }
""",
    modules=MODULES,
)
def a_redirect(scene: Scene) -> None:
    """The further users have the q value 0."""
    fill(scene)
    scene.alice.request("INVITE", "sip:sales@example.com")
    scene.alice.expect(302)


verdicts(
    "alias_db",
    "arguments",
    """
alias_db_lookup("dbaliases");
alias_db_lookup("");
alias_db_lookup("dbaliases", "x");
alias_db_lookup("dbaliases", "drU");
alias_db_lookup("dbaliases", "$var(f)");
alias_db_lookup("$nosuch");
alias_db_lookup("dba_$(rU{s.substr,0,1})");
alias_db_lookup("a", "d", "r");
alias_db_find("a", "b", "$avp(x)");
alias_db_find("a", "$fu", "$ru");
alias_db_find("a", "$fu", "$xavp(x)");
alias_db_find("a", "$fu", "x");
alias_db_find("a", "$fu", "$var(x)", "x");
alias_db_find("a", $fu, $var(x), "r");
alias_db_find("a", "$fu", "$(avp(x)[*])");
alias_db_find("a", "$fu$tu", "$avp(x)");
alias_db_find("a", "$fu", "$avp(x)y");
alias_db_find("a", "$fu");
: branch_route[x] { alias_db_lookup("a"); }
: onreply_route { alias_db_find("a", "$fu", "$var(x)"); }
: event_route[tm:local-request] { alias_db_find("a", "$fu", "$var(x)"); }
: modparam("alias_db", "db_url", "nonsense")
: modparam("alias_db", "db_url", "mysql://a:b@127.0.0.1/c")
""",
    modules="db_sqlite pv xlog tm alias_db",
    before=DATABASE,
)
