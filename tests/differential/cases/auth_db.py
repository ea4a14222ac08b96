"""auth_db: passwords of the table subscriber, by user and domain, plain and hashed; what is read along with them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case, verdicts
from ..digest import answer, ha1
from .auth import URI, Phone

MODULES = "db_sqlite tm sl pv xlog textops siputils auth auth_db"
REALM = "example.com"


def params(**values: int | str) -> str:
    """modparam lines of auth_db; the database is that of the runner."""
    shown = {name: f'"{value}"' if isinstance(value, str) else value for name, value in values.items()}
    lines = "".join(f'modparam("auth_db", "{name}", {value})\n' for name, value in shown.items())
    return 'modparam("auth_db", "db_url", "sqlite:///DATABASE")\n' + lines


def subscriber(user: str, password: str, domain: str = REALM, table: str = "subscriber") -> str:
    """An INSERT as kamctl does it."""
    hashed, hashed2 = ha1(user, domain, password), ha1(f"{user}@{domain}", domain, password)
    return (
        f"INSERT INTO {table} (username, domain, password, ha1, ha1b) "
        f"VALUES ('{user}', '{domain}', '{password}', '{hashed}', '{hashed2}')"
    )


CHECK = """
request_route {
    if ($hdr(X-Challenge) != $null) {
        if ($hdr(X-Proxy) != $null) { proxy_challenge("example.com", "0"); } else { www_challenge("example.com", "0"); }
        exit;
    }
    if ($hdr(X-Proxy) != $null) { proxy_authenticate("example.com", "subscriber"); } else { www_authenticate("example.com", "subscriber"); }
    $var(rc) = $rc;
    xlog("$rm $var(rc) au=$au Au=$Au <$avp(password)> <$avp(row)> <$var(d)>\\n");
}
"""
LOAD = "password; $avp(row) = id ;$var(d)=domain"


@case(params() + CHECK, modules=MODULES)
def hashed_passwords(scene: Scene) -> None:
    """ha1 for a user, ha1b for one that names a domain."""
    scene.execute(subscriber("alice", "secret"), subscriber("bob", "other"))
    phone = Phone(scene)
    asked = phone.ask()
    phone.answer(asked)
    phone.answer(asked, password="wrong")
    phone.answer(asked, user="bob", password="other")
    phone.answer(asked, user="carol")
    phone.answer(asked, user="alice@example.com")
    phone.answer(asked, user="alice@example.org")
    phone.answer(asked, user="sip:alice@example.com")
    phone.answer(asked, user="Alice")
    phone.answer(asked, user="")
    phone.answer(asked, user="alice' OR '1'='1")
    phone.answer(asked, realm="example.org")
    phone.answer(asked, without="username")
    phone.answer(asked, nonce="x")
    phone.credentials("Digest realm")
    phone.send("")
    phone.answer(asked, method="INVITE")


@case(params(calculate_ha1=1, password_column="password", load_credentials=LOAD) + CHECK, modules=MODULES)
def plain_passwords(scene: Scene) -> None:
    """Columns are loaded when the password is right."""
    scene.execute(subscriber("alice", "secret"), subscriber("bob", "other"))
    phone = Phone(scene)
    asked = phone.ask()
    phone.answer(asked)
    phone.answer(asked, password="wrong")
    phone.answer(asked, user="bob", password="other")
    phone.answer(asked, user="alice@example.com")
    phone.answer(asked, user="carol")


@case(
    params(calculate_ha1=1, password_column="password", load_credentials=LOAD, force_generate_avps=1) + CHECK,
    modules=MODULES,
)
def columns_though_the_password_is_wrong(scene: Scene) -> None:
    """force_generate_avps, for a proxy."""
    scene.execute(subscriber("alice", "secret"))
    phone = Phone(scene, "INVITE", proxy=True)
    asked = phone.ask()
    phone.answer(asked)
    phone.answer(asked, password="wrong")
    phone.answer(asked, user="carol")
    phone.answer(asked, nonce="x")


@case(params(use_domain=1) + CHECK, modules=MODULES)
def users_of_a_domain(scene: Scene) -> None:
    """With use_domain the realm, or the domain that the user names, must be that of the row."""
    scene.execute(
        subscriber("alice", "secret"), subscriber("alice", "else", "example.org"), subscriber("bob", "b", "example.org")
    )
    phone = Phone(scene)
    asked = phone.ask()
    phone.answer(asked)
    phone.answer(asked, password="else")
    phone.answer(asked, user="bob", password="b")
    phone.answer(asked, user="alice@example.com")
    phone.answer(asked, user="bob@example.org", password="b")
    phone.answer(asked, user="bob@example.com", password="b")


@case(
    params(
        user_column="email",
        domain_column="host",
        password_column="pass",
        password_column_2="pass2",
        use_domain=1,
        version_table=0,
    )
    + CHECK.replace('"subscriber"', '"people"'),
    modules=MODULES,
)
def other_names(scene: Scene) -> None:
    """The table and its columns are called as the config says."""
    scene.execute(
        "CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, email VARCHAR(64), host VARCHAR(64), pass VARCHAR(64), pass2 VARCHAR(64))",
        f"INSERT INTO people (email, host, pass, pass2) VALUES ('alice', '{REALM}', '{ha1('alice', REALM, 'secret')}', '{ha1('alice@example.com', REALM, 'two')}')",
    )
    phone = Phone(scene)
    asked = phone.ask()
    phone.answer(asked)
    phone.answer(asked, user="alice@example.com", password="two")
    phone.answer(asked, user="bob")


@case(
    params()
    + """
request_route {
    if ($hdr(X-Challenge) != $null) { auth_challenge("example.com", "0"); exit; }
    $var(table) = "subscriber";
    $var(flags) = $(hdr(X-Flags){s.int});
    auth_check("$fd", "$var(table)", "$var(flags)");
    $var(rc) = $rc;
    xlog("$rm from $fu to $tu ruri $ru flags $var(flags): $var(rc)\\n");
}
""",
    modules=MODULES,
)
def identities(scene: Scene) -> None:
    """Flags 1 and 3 of auth_check()."""
    scene.execute(subscriber("alice", "secret"))
    for method, proxy in (("REGISTER", False), ("PUBLISH", True), ("INVITE", True), ("OPTIONS", True)):
        phone = Phone(scene, method, proxy=proxy)
        asked = phone.ask()
        good = f"{phone.header}: {answer(asked, method, URI)}"
        for flags in (0, 1, 2, 3):
            for from_, to, uri in (
                ("alice@example.com", "alice@example.com", "alice@example.com"),
                ("bob@example.com", "alice@example.com", "alice@example.com"),
                ("alice@example.com", "bob@example.com", "alice@example.com"),
                ("alice@example.com", "alice@example.org", "bob@example.com"),
                ("alice@example.org", "alice@example.com", "alice@example.com"),
            ):
                phone.send(f"{good}\nX-Flags: {flags}", from_=f"<sip:{from_}>", to=f"<sip:{to}>", uri=f"sip:{uri}")
                scene.settle()
        phone.send("X-Flags: 1")
    for method in ("ACK", "CANCEL", "PRACK"):
        phone.send("X-Flags: 1", method=method)
    scene.settle()


SUBSCRIBERS = """
request_route {
    if ($hdr(X-Uri) == $null) { is_subscriber("$avp(none)", "subscriber", "0"); }
    else if ($hdr(X-Table) != $null) { is_subscriber("$hdr(X-Uri)", "$hdr(X-Table)", "2"); }
    else { $var(f) = $(hdr(X-Flags){s.int}); is_subscriber("$hdr(X-Uri)", "subscriber", "$var(f)"); }
    $var(rc) = $rc;
    xlog("$hdr(X-Uri) $hdr(X-Flags) $hdr(X-Table): $var(rc) <$avp(password)> <$avp(row)> <$var(d)>\\n");
}
"""


def _subscribers(scene: Scene) -> None:
    scene.execute(subscriber("alice", "secret"), subscriber("bob", "b", "example.org"))
    for uri in (
        *(
            "sip:alice@example.com",
            "sip:alice@example.org",
            "sip:bob@example.com",
            "sip:carol@example.com",
            "sip:example.com",
        ),
        *("tel:alice", "nonsense", "sip:bob:pw@example.org:5070;x=y"),
    ):
        for flags in (0, 1, 2, 3):
            scene.alice.request("OPTIONS", URI, headers=f"X-Uri: {uri}\nX-Flags: {flags}")
            scene.settle()
    scene.alice.request("OPTIONS", URI)
    scene.alice.request("OPTIONS", URI, headers="X-Uri: sip:alice@example.com\nX-Table: nosuch")
    scene.alice.request("OPTIONS", URI, headers="X-Uri: sip:alice@example.com\nX-Table: version")
    scene.settle()


@case(params(load_credentials=LOAD) + SUBSCRIBERS, modules=MODULES)
def subscribers(scene: Scene) -> None:
    """is_subscriber() looks up the user of a URI, with and without the domain."""
    _subscribers(scene)


@case(params() + SUBSCRIBERS, modules=MODULES)
def subscribers_without_columns(scene: Scene) -> None:
    """The same where nothing is to be loaded."""
    _subscribers(scene)


@case(
    params(calculate_ha1=1, password_column="password")
    + """
request_route {
    if ($hdr(X-Challenge) != $null) { www_challenge("example.com", "0"); exit; }
    if ($hdr(X-Method) != $null) { www_authenticate("example.com", "subscriber", "$hdr(X-Method)"); }
    else if ($rU == "null") { www_authenticate("$avp(none)", "subscriber"); }
    else if ($rU == "empty") { $var(e) = ""; proxy_authorize("$var(e)", "subscriber"); }
    else if ($rU == "method") { www_authenticate("example.com", "subscriber", "$avp(none)"); }
    else if ($rU == "checkrealm") { auth_check("$avp(none)", "subscriber", "0"); }
    else if ($rU == "checktable") { auth_check("example.com", "$avp(none)", "0"); }
    else if ($rU == "checkflags") { auth_check("example.com", "subscriber", "$avp(none)"); }
    else if ($rU == "checktext") { auth_check("example.com", "subscriber", "$rU"); }
    else if ($rU == "nosuch") { $var(t) = "nosuch"; auth_check("example.com", "$var(t)", "0"); }
    else { www_authorize("$rd", "subscriber"); }
    $var(rc) = $rc; xlog("$rU $var(rc)\\n");
}
""",
    modules=MODULES,
)
def arguments_without_a_value(scene: Scene) -> None:
    """Realms, tables, methods and flags that are not there; another method."""
    scene.execute(subscriber("alice", "secret"))
    phone = Phone(scene)
    asked = phone.ask()
    good = answer(asked, "REGISTER", URI)
    for name in ("null", "empty", "method", "checkrealm", "checktable", "checkflags", "checktext", "nosuch", "x"):
        phone.send(f"Authorization: {good}", uri=f"sip:{name}@example.com")
        scene.settle()
    phone.send(f"Authorization: {answer(asked, 'OTHER', URI)}\nX-Method: OTHER")
    phone.send(f"Authorization: {good}\nX-Method: OTHER")
    scene.settle()


@case(
    'modparam("auth", "algorithm", "SHA-256")\n' + params(calculate_ha1=1, password_column="password") + CHECK,
    modules=MODULES,
)
def sha_256(scene: Scene) -> None:
    """The longer hash of a plain password."""
    scene.execute(subscriber("alice", "secret"))
    phone = Phone(scene)
    asked = phone.ask()
    phone.answer(asked)
    phone.answer(asked, password="wrong")


verdicts(
    "auth_db",
    "arguments",
    """
www_authenticate("x", "subscriber");
www_authenticate("", "subscriber");
www_authenticate("x", "");
www_authenticate("x", "nosuch");
www_authenticate("x", "dialog");
www_authenticate("x", "$var(t)");
www_authenticate("x", "subscriber", "");
www_authenticate("x", "subscriber", "$rm");
www_authorize("$fd", "subscriber");
proxy_authorize($fd, "subscriber");
proxy_authenticate("x", "version");
auth_check("x", "nosuch", "0");
auth_check("x", "", "0");
auth_check("x", "y", "");
auth_check("x", "y", "z");
auth_check("x", "y", "$var(f)");
auth_check("x", "y", "$nosuch");
auth_check("x", "y", "1x");
auth_check("x", "y", 1);
auth_check("", "y", "0");
auth_check($fd, "y", "0");
is_subscriber("", "y", "0");
is_subscriber("$ru", "", "0");
is_subscriber("$ru", "y", "");
is_subscriber("$ru", "y", "3");
is_subscriber($ru, "y", 3);
""",
    before='loadmodule "db_sqlite.so"\nloadmodule "sl.so"\nloadmodule "auth.so"\nloadmodule "auth_db.so"\n' + params(),
    differs={
        'starts/www_authenticate("x", "nosuch");': "the lab's database has whatever table the config names",
    },
)

verdicts(
    "auth_db",
    "parameters",
    r"""
: modparam("auth_db", "load_credentials", "")
: modparam("auth_db", "load_credentials", ";")
: modparam("auth_db", "load_credentials", "a;")
: modparam("auth_db", "load_credentials", "a;;b")
: modparam("auth_db", "load_credentials", "$avp(x)=a; b ;$var(y) = c")
: modparam("auth_db", "load_credentials", "$avp(x)=")
: modparam("auth_db", "load_credentials", "=a")
: modparam("auth_db", "load_credentials", "$rm=a")
: modparam("auth_db", "load_credentials", "$nosuch=a")
: modparam("auth_db", "load_credentials", "x=a")
: modparam("auth_db", "load_credentials", "$avp(i:5)=a")
: modparam("auth_db", "load_credentials", "$xavp(x=>y)=a")
: modparam("auth_db", "version_table", 0)\nrequest_route { www_authenticate("x", "dialog"); }
: modparam("auth_db", "version_table", 0)\nrequest_route { www_authenticate("x", "nosuch"); }
: modparam("auth_db", "db_url", "mysql://a:b@127.0.0.1/c")
: modparam("auth_db", "db_url", "nonsense")
: modparam("auth_db", "db_url", "")
""",
    before='loadmodule "db_sqlite.so"\nloadmodule "sl.so"\nloadmodule "auth.so"\nloadmodule "auth_db.so"\n' + params(),
)
