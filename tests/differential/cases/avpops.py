"""avpops: copying, checking, calculating and storing AVPs."""

# ruff: noqa: E501 - a line of a battery stays one line

from __future__ import annotations

from ..case import Scene, battery, case, verdicts

MODULES = "pv xlog avpops"
DB_MODULES = "db_sqlite pv xlog avpops"
DB = """
modparam("avpops", "db_url", "sqlite:///DATABASE")
modparam("avpops", "avp_table", "usr_preferences")
modparam("avpops", "db_scheme", "email:table=subscriber;value_col=password;value_type=string")
modparam("avpops", "db_scheme", "number: uuid_col=username; table=subscriber;value_col=id;value_type=integer")
"""
TABLE = (
    "create table if not exists usr_preferences (id INTEGER PRIMARY KEY NOT NULL, uuid VARCHAR(64) DEFAULT '' NOT NULL,"
    " username VARCHAR(255) DEFAULT 0 NOT NULL, domain VARCHAR(64) DEFAULT '', attribute VARCHAR(32) DEFAULT ''"
    " NOT NULL, type INTEGER DEFAULT 0 NOT NULL, value VARCHAR(128) DEFAULT '' NOT NULL,"
    " last_modified TIMESTAMP WITHOUT TIME ZONE DEFAULT '2000-01-01 00:00:01' NOT NULL)"
)
SOME = r"""
    $(avp(s)[*]) = "first";
    $avp(s) = "Second";
    $avp(s) = 30;
    $avp(s) = "fourth";
    $(avp(n)[*]) = 1;
    $avp(n) = 2;
    $avp(n) = 3;
    $(avp(d)[*]) = $null;
"""


def after_some(*calls: str) -> str:
    """Calls, each over the same AVPs, and what they leave."""
    shown = "= $(avp(s)[*])\n= $(avp(n)[*])\n= $(avp(d)[*])\n= $avp(d)\n"
    return "".join(f"{SOME}@ {call}\n{shown}" for call in calls)


battery(
    "avpops",
    "copying_and_deleting",
    after_some(
        'avp_copy("$avp(s)", "$avp(d)")',
        'avp_copy("$avp(s)", "$avp(d)/g")',
        'avp_copy("$avp(s)", "$avp(d)/d")',
        'avp_copy("$avp(s)", "$avp(d)/gd")',
        'avp_copy("$avp(n)", "$avp(d)/gs")',
        'avp_copy("$avp(n)", "$avp(d)/S")',
        'avp_copy("$avp(s)", "$avp(d)/n")',
        'avp_copy("$avp(s)", "$avp(d)/gn")',
        'avp_copy("$avp(n)", "$avp(d)/gnd")',
        'avp_copy("$avp(none)", "$avp(d)")',
        'avp_copy("$avp(n)", "$avp(n)")',
        'avp_copy("$avp(n)", "$avp(n)/g")',
        'avp_copy("$avp(n)", "$avp(i:5)")',
        'avp_copy("$(avp(n)[1])", "$avp(d)")',
        'avp_delete("$avp(s)")',
        'avp_delete("$avp(s)/g")',
        'avp_delete("$avp(none)")',
        'avp_delete("$(avp(s)[2])")',
        'avp_delete("i")',
        'avp_delete("i")',
        'avp_delete("s")',
        'avp_delete("*")',
        'avp_delete("*")',
        'avp_delete("a2/g")',
        'is_avp_set("$avp(s)")',
        'is_avp_set("$avp(none)")',
        'is_avp_set("$avp(s)/s")',
        'is_avp_set("$avp(s)/n")',
        'is_avp_set("$avp(n)/n")',
        'is_avp_set("$avp(s)/e")',
        'is_avp_set("$(avp(s)[1])/n")',
        'is_avp_set("$(avp(s)[1])/s")',
        'is_avp_set("$(avp(s)[3])")',
        'is_avp_set("$(avp(s)[4])")',
        'is_avp_set("$(avp(s)[-1])/s")',
        'is_avp_set("$(avp(s)[*])")',
    )
    + r"""
    $avp(e) = "";
    @ is_avp_set("$avp(e)/e")
    @ is_avp_set("$avp(e)/es")
    @ is_avp_set("$avp(e)/en")
    $avp(z) = 0;
    @ is_avp_set("$avp(z)/e")
    @ is_avp_set("$avp(z)/ne")
    @ is_avp_set("$avp(z)/se")
    $avp(neg) = -5;
    @ avp_copy("$avp(neg)", "$avp(negs)/s")
    = $avp(negs)
    $avp(num) = "42";
    @ avp_copy("$avp(num)", "$avp(numi)/n")
    = $avp(numi)
    $avp(num) = "-42";
    @ avp_copy("$avp(num)", "$avp(numi)/n")
    $avp(num) = "4000000000";
    @ avp_copy("$avp(num)", "$avp(numi)/n")
    = $avp(numi)
    $var(name) = "n";
    @ avp_copy("$avp($var(name))", "$avp(dyn)")
    = $avp(dyn)
    @ avp_print()
    """,
    modules=MODULES,
)

CHECKS = [
    "eq/s:text",
    "eq/text",
    "eq/TEXT",
    "eq/TEXT/i",
    "eq/text/g",
    "ne/text",
    "ne/other",
    "ne/TEXT/i",
    "lt/u",
    "lt/t",
    "lt/texts",
    "lt/a",
    "le/text",
    "le/TEXT",
    "le/a",
    "gt/a",
    "gt/tex",
    "gt/u",
    "ge/text",
    "ge/z",
    "re/^te.t$",
    "re/^TE",
    "re/x$",
    "re/none",
    "fm/te*",
    "fm/TE*",
    "fm/TE*/i",
    "fm/t?xt",
    "fm/[a-t]ext",
    "eq/i:5",
    "and/text",
    "eq/$avp(same)",
    "ne/$avp(same)",
    "eq/$avp(other)",
    "eq/$avp(other)/g",
    "eq/$avp(none)",
    "eq/$var(v)",
    "eq/$var(i)",
    "eq/$fU",
    "re/$avp(re)",
    "fm/$avp(fm)",
    "eqx/text",
    "EQ/text",
    "eq/$avp(none)/g",
]
NUMBERS = [
    "eq/i:5",
    "eq/I:0x5",
    "eq/5",
    "ne/i:5",
    "ne/i:6",
    "lt/i:6",
    "lt/i:5",
    "le/i:5",
    "gt/i:4",
    "gt/i:-4",
    "ge/i:6",
    "and/i:4",
    "and/i:2",
    "or/i:0",
    "xor/i:5",
    "xor/i:4",
    "eq/$avp(i)",
    "eq/$avp(some)",
    "gt/$avp(some)",
    "eq/$var(i)",
    "eq/$var(v)",
    "re/5",
    "fm/5",
    "eq/i:7/g",
]

battery(
    "avpops",
    "checking",
    r"""
    $avp(t) = "text"; $avp(same) = "text"; $avp(i) = 5; $avp(re) = "^t.*t$"; $avp(fm) = "t*"; $var(v) = "text"; $var(i) = 5;
    $avp(other) = "text"; $avp(other) = 7; $avp(other) = "else";
    $avp(some) = 5; $avp(some) = "five"; $avp(some) = 6;
    $avp(many) = "text"; $avp(many) = 7; $avp(many) = "else"; $avp(many) = 5;
    """
    + "\n".join(f'@ avp_check("$avp(t)", "{check}")' for check in CHECKS)
    + "\n"
    + "\n".join(f'@ avp_check("$avp(i)", "{check}")' for check in NUMBERS)
    + r"""
    @ avp_check("$avp(many)", "eq/text")
    @ avp_check("$avp(many)", "eq/text/g")
    @ avp_check("$avp(many)", "eq/i:7/g")
    @ avp_check("$avp(many)", "eq/i:5")
    @ avp_check("$avp(many)", "eq/else/gi")
    @ avp_check("$avp(none)", "eq/text")
    @ avp_check("$var(v)", "eq/text")
    @ avp_check("$var(i)", "eq/i:5")
    @ avp_check("$fU", "eq/alice")
    @ avp_check("$fU", "eq/$avp(none)")
    @ avp_check("$sp", "eq/i:21200")
    @ avp_check("$hdr(X)", "eq/x")
    @ avp_check("$hdr(X)", "ne/x")
    $xavp(x=>a) = "one";
    $xavp(x[0]=>a) = "two";
    $xavp(x[0]=>n) = 5;
    @ avp_check("$xavp(x=>a)", "eq/two")
    @ avp_check("$xavp(x=>a)", "eq/one")
    @ avp_check("$xavp(x=>a[*])", "eq/one")
    @ avp_check("$xavp(x=>a[1])", "eq/one")
    @ avp_check("$xavp(x=>n)", "eq/i:5")
    @ avp_check("$xavp(x=>none)", "eq/one")
    @ avp_check("$xavp(x)", "eq/one")
    @ avp_check("$avp(t)", "eq/$xavp(x=>a)")
    $avp(u) = "one";
    @ avp_check("$avp(u)", "eq/$xavp(x=>a[*])")
    @ avp_check("$avp(u)", "eq/$xavp(x=>a)")
    """,
    modules=MODULES,
)

battery(
    "avpops",
    "calculating_and_replacing",
    after_some(
        'avp_op("$avp(n)", "add/i:10")',
        'avp_op("$avp(n)/$avp(d)", "add/i:10")',
        'avp_op("$avp(n)/$avp(d)", "sub/i:10/d")',
        'avp_op("$avp(n)/$avp(d)", "mul/i:-2")',
        'avp_op("$avp(n)/$avp(d)", "div/i:2")',
        'avp_op("$avp(n)/$avp(d)", "div/i:-2")',
        'avp_op("$avp(n)/$avp(d)", "div/i:0")',
        'avp_op("$avp(n)/$avp(d)", "mod/i:2")',
        'avp_op("$avp(n)/$avp(d)", "mod/i:0")',
        'avp_op("$avp(n)/$avp(d)", "and/i:2")',
        'avp_op("$avp(n)/$avp(d)", "or/i:4")',
        'avp_op("$avp(n)/$avp(d)", "xor/i:1")',
        'avp_op("$avp(n)/$avp(d)", "not/i:1")',
        'avp_op("$avp(s)/$avp(d)", "add/i:1")',
        'avp_op("$avp(s)", "add/i:1/d")',
        'avp_op("$avp(n)/$avp(d)", "add/$avp(s)")',
        'avp_op("$avp(n)/$avp(d)", "add/$avp(n)/g")',
        'avp_op("$avp(n)/$avp(d)", "add/$var(two)")',
        'avp_op("$avp(n)/$avp(d)", "add/$fU")',
        'avp_op("$avp(n)/$avp(d)", "add/$avp(none)")',
        'avp_op("$avp(none)/$avp(d)", "add/i:1")',
        'avp_op("$avp(n)/$avp(d)", "mul/i:2147483647")',
        'avp_subst("$avp(s)", "/f/F/")',
        'avp_subst("$avp(s)/g", "/f/F/")',
        'avp_subst("$avp(s)/$avp(d)", "/o/0/g")',
        'avp_subst("$avp(s)/$avp(d)/g", "/o/0/g")',
        'avp_subst("$avp(s)/$avp(d)/gd", "/(.)o/<\\1>/")',
        'avp_subst("$avp(s)/$avp(d)", "/none/x/")',
        'avp_subst("$avp(s)/$avp(d)/d", "/SECOND/$fU/i")',
        'avp_subst("$avp(n)/$avp(d)", "/1/x/")',
        'avp_subst("$avp(none)/$avp(d)", "/1/x/")',
        'avp_subst_pv("$avp(s)/$avp(d)", "/o/$rU/g")',
        'avp_subst_pv("$avp(s)/$avp(d)/g", "$var(subst)")',
        'avp_subst_pv("$avp(s)/$avp(d)", "bad")',
    ).replace("$avp(n) = 3;", '$avp(n) = 3; $var(two) = 2; $var(subst) = "/O/0/gi";'),
    modules=MODULES,
)

battery(
    "avpops",
    "pushing",
    r"""
    $avp(u) = "sip:one@example.com"; $avp(u) = "sip:two@example.com"; $avp(name) = "carol"; $avp(num) = 42;
    @ avp_pushto("$ru/username", "$avp(name)")
    = $ru
    @ avp_pushto("$ru/domain", "$avp(name)")
    = $ru
    @ avp_pushto("$ru/username", "$avp(num)")
    = $ru
    @ avp_pushto("$ru", "$avp(u)")
    = $ru
    @ avp_pushto("$ru", "$avp(none)")
    @ avp_pushto("$ru", "$fu")
    = $ru
    @ avp_pushto("$du", "$avp(u)")
    = $du
    @ avp_pushto("$du", "$avp(num)")
    = $du
    @ avp_pushto("$br", "$avp(num)")
    = $branch(count)
    @ avp_pushto("$br", "$avp(u)/g")
    = $branch(count)
    = $(branch(uri)[0])
    = $(branch(uri)[1])
    @ avp_pushto("$ru", "$avp(u)/g")
    = $ru
    = $branch(count)
    = $(branch(uri)[2])
    @ avp_pushto("$ru/username", "$var(none)")
    = $ru
    @ avp_pushto("$ru/username", "$rU/g")
    = $ru
    """,
    modules=MODULES,
)

battery(
    "avpops",
    "database",
    f'avp_db_query("{TABLE}");'
    + r"""
    $avp(a) = "x"; $avp(a) = 5; $avp(i:7) = "seven"; $avp(b) = "bee";
    @ avp_db_store("alice", "$avp(a)")
    @ avp_db_store("alice", "$avp(a)")
    @ avp_db_store("$fu/username", "*")
    @ avp_db_store("$fu", "s")
    @ avp_db_store("$fu/uuid", "$avp(none)")
    @ avp_delete("*")
    @ avp_db_load("alice", "$avp(a)")
    = $(avp(a)[*])
    @ avp_db_store("bob", "$avp(a)")
    $avp(a) = "new";
    @ avp_db_store("bob", "$avp(a)")
    @ avp_delete("*")
    @ avp_db_load("bob", "*")
    = $(avp(a)[*])
    @ avp_delete("*")
    @ avp_db_load("$fu/username", "*")
    = $(avp(a)[*])
    = $avp(i:7)
    = $avp(b)
    @ avp_delete("*")
    @ avp_db_load("$fu", "i")
    = $avp(i:7)
    = $avp(b)
    @ avp_db_load("$fu/username", "s")
    = $avp(b)
    $avp(user) = "alice";
    @ avp_delete("$avp(a)/g")
    @ avp_db_load("$avp(user)", "$avp(a)")
    = $(avp(a)[*])
    $var(name) = "a";
    @ avp_delete("$avp(a)/g")
    @ avp_db_load("alice", "$avp($var(name))")
    = $(avp(a)[*])
    @ avp_db_load("alice", "$avp(zzz)")
    @ avp_db_load("$avp(none)", "$avp(a)")
    @ avp_db_load("nouri/uri", "$avp(a)")
    @ avp_db_load("sip:example.com/uri", "$avp(a)")
    @ avp_db_load("$fu/domain", "$avp(a)")
    @ avp_db_delete("alice", "$avp(a)")
    @ avp_db_load("alice", "$avp(a)")
    @ avp_db_delete("$fu/username", "*")
    @ avp_db_load("$fu/username", "*")
    @ avp_db_delete("nobody", "*")
    @ avp_db_query("insert into subscriber (username, domain, password) values ('alice', 'example.com', 'a@example.com')")
    @ avp_db_query("insert into subscriber (username, domain, password) values ('alice', 'example.org', 'b@example.org')")
    @ avp_db_load("$fu/username", "$avp(mail)/$email")
    = $(avp(mail)[*])
    @ avp_db_load("$fu", "$avp(mail2)/$EMAIL")
    = $(avp(mail2)[*])
    @ avp_db_load("alice", "$avp(id)/$number")
    = $(avp(id)[*])
    @ avp_db_load("nobody", "$avp(id)/$number")
    @ avp_db_query("select username, password, id from subscriber where username='$fU' order by id", "$avp(q1);$avp(q2), $avp(q3)")
    = $(avp(q1)[*])
    = $(avp(q2)[*])
    = $(avp(q3)[*])
    @ avp_db_query("select username, id from subscriber order by id")
    = $(avp(i:1)[*])
    = $(avp(i:2)[*])
    @ avp_db_query("select username, id from subscriber order by id", "$avp(q4)")
    = $(avp(q4)[*])
    @ avp_db_query("select null, '', 1.5, id from subscriber order by id", "$avp(q5),$avp(q6),$avp(q7),$avp(q8)")
    = $avp(q5)
    = $avp(q6)
    = $avp(q7)
    = $(avp(q8)[*])
    @ avp_db_query("select id from subscriber where id > 100", "$avp(q9)")
    @ avp_db_query("selec", "$avp(q9)")
    @ avp_db_query("update subscriber set password='x'")
    """,
    modules=DB_MODULES,
    before=DB,
)


@case(
    DB
    + """
modparam("avpops", "use_domain", 1)
request_route {
    $avp(fwd) = "sip:new@example.com";
    avp_db_store("$fu", "$avp(fwd)");
    avp_db_store("$tu/domain", "$avp(fwd)");
    $avp(fwd) = 7;
    avp_db_store("$ru/username", "$avp(fwd)/usr_preferences");
    avp_db_store("uuid-1", "$avp(fwd)");
    $avp(other) = "o";
    avp_db_store("uuid-1", "$avp(other)");
    avp_db_delete("$fu/uri", "$avp(fwd)");
    avp_db_load("$tu/domain", "$avp(back)");
    xlog("$rc $avp(back)\\n");
}
""",
    modules=DB_MODULES,
)
def rows(scene: Scene) -> None:
    """What stands in the table, with domains."""
    scene.execute(TABLE)
    scene.alice.request("OPTIONS")
    scene.rows("usr_preferences", "uuid", "username", "domain", "attribute", "type", "value")


verdicts(
    "avpops",
    "what_the_start_is_refused_for",
    """
avp_copy("$avp(a)", "$avp(b)/x");
avp_copy("$avp(a)", "b");
avp_copy("$var(a)", "$avp(b)");
avp_copy("$avp(a)/g", "$avp(b)");
avp_delete("$var(a)");
avp_delete("x");
avp_delete("");
avp_delete("s1");
avp_delete("sx");
avp_delete("$avp(a)/x");
avp_delete("*/g");
is_avp_set("$avp(a)/x");
is_avp_set("$avp(a)/ns");
is_avp_set("$avp(a)/en");
is_avp_set("$var(a)");
is_avp_set("a");
avp_check("$avp(a)", "eq");
avp_check("$avp(a)", "eq/");
avp_check("$avp(a)", "equal/x");
avp_check("$avp(a)", "zz/x");
avp_check("$avp(a)", "eq/x/z");
avp_check("$avp(a)", "eq/x/");
avp_check("$avp(a)", "eq/i:x");
avp_check("$avp(a)", "eq/i:");
avp_check("$avp(a)", "eq/z:5");
avp_check("$avp(a)", "re/(");
avp_check("$avp(a)", "fm/i:5");
avp_check("$avp(a)", "eq/$nosuch(x)");
avp_check("$null", "eq/x");
avp_check("a", "eq/x");
avp_check("$var(a)", "eq/x");
avp_op("$avp(a)", "add/5");
avp_op("$avp(a)", "add/i:5");
avp_op("$avp(a)", "add/i:5/g");
avp_op("$avp(a)", "add/i:5/x");
avp_op("$avp(a)", "pow/i:5");
avp_op("$var(a)", "add/i:5");
avp_op("$avp(a)/$var(b)", "add/i:5");
avp_op("$avp(a)", "not/i:0");
avp_op("$avp(a)", "not");
avp_subst("$avp(a)", "/a/b/");
avp_subst("$avp(a)", "a");
avp_subst("$avp(a)", "/(/b/");
avp_subst("$avp(a)/x", "/a/b/");
avp_subst("$avp(a)/$var(b)", "/a/b/");
avp_subst("$var(a)", "/a/b/");
avp_subst_pv("$avp(a)", "bad");
avp_subst_pv("$var(a)", "/a/b/");
avp_pushto("$ru", "$avp(a)");
avp_pushto("$ru/user", "$avp(a)");
avp_pushto("$du/username", "$avp(a)");
avp_pushto("$hdr(a)", "$avp(a)");
avp_pushto("$fu", "$avp(a)");
avp_pushto("$ru", "a");
avp_pushto("$ru", "$avp(a)/x");
avp_pushto("$br", "$avp(a)");
avp_db_load("a", "$avp(a)");
avp_db_query("select 1");
""",
    modules=MODULES,
)

verdicts(
    "avpops",
    "databases_that_are_refused",
    """
avp_db_load("a", "$avp(a)");
avp_db_load("a/x", "$avp(a)");
avp_db_load("$fu/uri", "$avp(a)");
avp_db_load("$fu", "$var(a)");
avp_db_load("$fu", "x");
avp_db_load("$fu", "s3");
avp_db_load("$fu", "*");
avp_db_load("$fu", "$avp(a)/$email");
avp_db_load("$fu", "*/$email");
avp_db_load("$fu", "$avp(a)/$nosuch");
avp_db_load("$fu", "$avp(a)/");
avp_db_load("$fu", "$avp(a)/sometable");
avp_db_store("$fu", "$avp(a)/$email");
avp_db_store("$fu", "$avp(a)");
avp_db_delete("$fu", "$avp(a)/$email");
avp_db_query("select 1", "$var(a)");
avp_db_query("select 1", "$avp(a)");
avp_db_query("select $nosuch(x)");
: modparam("avpops", "db_scheme", "x")
: modparam("avpops", "db_scheme", "x:")
: modparam("avpops", "db_scheme", "x:table")
: modparam("avpops", "db_scheme", "x:table=a")
: modparam("avpops", "db_scheme", "x:table=a;other=b")
: modparam("avpops", "db_scheme", "x:table=a;table=b")
: modparam("avpops", "db_scheme", "x:table=a;value_type=float")
: modparam("avpops", "db_scheme", "EMAIL:table=a")
: modparam("avpops", "avp_table", "")
: modparam("avpops", "db_url", "nosuch:///x")
""",
    modules=DB_MODULES,
    before=DB,
)
