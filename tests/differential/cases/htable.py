"""Hash tables: values and their types, counters, what matches, iterators, expiry, commands and the database."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..case import Party, Scene, battery, build, case, verdicts

MODULES = "pv xlog htable"
TABLES = """
modparam("htable", "htable", "a=>size=4;")
modparam("htable", "htable", "b=>size=2;initval=7;")
modparam("htable", "htable", "e=>size=3;autoexpire=3600;initval=5;")
modparam("htable", "htable", "neg=>initval=-3")
modparam("htable", "htable", "ends=>size=8;")
"""

battery(
    "htable",
    "values_and_their_types",
    """
    = $sht(a=>x)
    $sht(a=>x) = 1;
    = $sht(a=>x)
    > $sht(a=>x)
    $sht(a=>x) = "1";
    = $sht(a=>x)
    $sht(a=>x) = $sht(a=>x) + 1;
    = $sht(a=>x)
    $sht(a=>n) = -5;
    = $sht(a=>n)
    = $sht(a=>n) * 3
    $sht(a=>x) = "";
    = $sht(a=>x)
    ? $sht(a=>x) == $null
    $sht(a=>x) = $null;
    = $sht(a=>x)
    > $sht(a=>x)
    ? $sht(a=>x) == $null
    ? $sht(a=>x) == ""
    ? $sht(a=>x) == 0
    ? not $sht(a=>x)
    ? defined $sht(a=>x)
    = $sht(a=>x) + 1
    $sht(a=>Key) = "upper";
    $sht(a=>key) = "lower";
    = $sht(a=>Key)
    = $sht(a=>KEY)
    $sht(a=>$ci::callid) = $rU;
    = $sht(a=>$ci::callid)
    = $sht(a=>call-1@example.com::callid)
    $var(k) = "call-1@example.com";
    = $sht(a=>$var(k)::callid)
    = $sht(a=>$var(none)::callid)
    = $sht(a=>$avp(none))
    $sht(a=>$avp(none)) = "null key";
    = $sht(a=><null>)
    $sht(a=>k[0]) = "zero";
    $sht(a=>k[1]) = "one";
    $var(i) = 1;
    = $sht(a=>k[$var(i)])
    = $(sht(a=>k[0]){s.len})
    = $sht(a=> spaced)
    $sht(a=> spaced) = "with a blank";
    = $sht(a=>spaced)
    = $sht(a=> spaced)
    = $sht( a =>key)
    = $sht(a =>key)
    = $sht(a=>key )
    $sht(a=>) = "no name";
    = $sht(a=>)
    $sht(a=>a=>b) = "arrow";
    = $sht(a=>a=>b)
    = $sht(nosuch=>x)
    > $sht(nosuch=>x)
    $sht(nosuch=>x) = 1;
    $shtex(nosuch=>x) = 1;
    = $sht(b=>x)
    $sht(b=>x) = "str";
    = $sht(b=>x)
    $sht(b=>x) = $null;
    = $sht(b=>x)
    = $sht(b=>x) + 1
    = $sht(neg=>x)
    $sht(a=>big) = 2147483647;
    = $sht(a=>big) + 1
    $sht(a=>t) = "sip:bob@example.com";
    = $(sht(a=>t){uri.user})
    = $(sht(a=>t){s.len})
    = $shtex(a=>t)
    = $shtex(a=>none)
    = $shtex(e=>none)
    = $shtex(nosuch=>none)
    $shtex(a=>t) = 100;
    = $shtex(a=>t)
    $shtex(e=>none) = 100;
    = $shtex(e=>none)
    = $sht(e=>none)
    $sht(e=>q) = "v";
    ? $shtex(e=>q) > 3590 && $shtex(e=>q) <= 3600
    $shtex(e=>q) = 100;
    ? $shtex(e=>q) > 90 && $shtex(e=>q) <= 100
    $sht(e=>q) = "w";
    ? $shtex(e=>q) > 3590
    $shtex(e=>q) = "50";
    ? $shtex(e=>q) <= 0
    = $shtrecord(key)
    = $shtrecord(value)
    > $shtrecord(key)
    = $shtitkey(it)
    = $shtitval(it)
    """,
    before=TABLES,
    modules=MODULES,
)

verdicts(
    "htable",
    "what_names_an_item",
    """
xlog("$sht(a)");
xlog("$sht(=>x)");
xlog("$sht(a=x)");
xlog("$sht()");
xlog("$sht");
xlog("$sht(a=>)");
xlog("$sht(nosuch=>x)");
xlog("$(sht(a=>x)[0])");
xlog("$sht(a=>$nosuch(x))");
xlog("$sht($rU=>x)");
$shtcn(a=>x) = 1;
$shtinc(a=>x) = 1;
$shtex(a=>x) = 1;
$shtitkey(i) = 1;
xlog("$shtrecord(other)");
xlog("$shtrecord()");
xlog("$shtitkey()");
xlog("$shtitkey");
xlog("$shtitkey($rU)");
sht_lock("a");
sht_lock("");
sht_lock("a=>");
sht_lock("a=>$nosuch(x)");
sht_rm_name_re("a");
sht_print("x");
sht_rm("a");
sht_rm("", "");
sht_iterator_seti("i", "x");
""",
    modules=MODULES,
    before=TABLES,
)

battery(
    "htable",
    "counting_names_and_values",
    """
    = $shtcn(ends=>**)
    = $shtcn(ends=>.*)
    $sht(ends=>alice) = "sip:a@example.com";
    $sht(ends=>alan) = "sip:b@example.com";
    $sht(ends=>bob) = "tel:123";
    $sht(ends=>eqx) = 12;
    $sht(ends=>n1) = 12;
    $sht(ends=>n2) = 0;
    $sht(ends=>n3) = -4;
    $sht(ends=>a.c) = "12";
    = $shtcn(ends=>**)
    = $shtcn(ends=>**x)
    = $shtcn(ends=>al)
    = $shtcn(ends=>^AL)
    = $shtcn(ends=>~~^al)
    = $shtcn(ends=>~~n$$)
    = $shtcn(ends=>~~)
    = $shtcn(ends=>%~al)
    = $shtcn(ends=>%~AL)
    = $shtcn(ends=>%~)
    = $shtcn(ends=>~%e)
    = $shtcn(ends=>~%lan)
    = $shtcn(ends=>==bob)
    = $shtcn(ends=>==bo)
    = $shtcn(ends=>eqx)
    = $shtcn(ends=>eq12)
    = $shtcn(ends=>a.c)
    = $shtcn(ends=>==a.c)
    = $shtcn(ends=>*)
    = $shtcn(ends=>[)
    = $shtcn(ends=>)
    = $shtcn(ends=>a)
    = $shtcn(ends=>$var(none))
    = $shtcn(nosuch=>**)
    $var(p) = "al";
    = $shtcn(ends=>%~$var(p))
    = $shtcv(ends=>**)
    = $shtcv(ends=>example)
    = $shtcv(ends=>~~^sip:)
    = $shtcv(ends=>%~sip:)
    = $shtcv(ends=>~%.com)
    = $shtcv(ends=>==12)
    = $shtcv(ends=>eq12)
    = $shtcv(ends=>eq-4)
    = $shtcv(ends=>eq12x)
    = $shtcv(ends=>eqx)
    = $shtcv(ends=>eq)
    = $shtcv(ends=>12)
    = $shtcv(ends=>~=12)
    = $shtcv(nosuch=>**)
    """,
    before=TABLES,
    modules=MODULES,
)

battery(
    "htable",
    "counting_up_and_down",
    """
    = $shtinc(a=>n)
    = $sht(a=>n)
    = $shtdec(a=>n)
    $sht(a=>n) = 3;
    = $shtinc(a=>n)
    = $sht(a=>n)
    = $shtdec(a=>n)
    = $shtdec(a=>n)
    > $shtinc(a=>n) $shtinc(a=>n)
    $sht(a=>n) = "3";
    = $shtinc(a=>n)
    = $sht(a=>n)
    = $shtinc(b=>n)
    = $sht(b=>n)
    = $shtdec(b=>m)
    = $shtdec(neg=>m)
    = $shtinc(nosuch=>m)
    $sht(a=>big) = 2147483647;
    = $shtinc(a=>big)
    """,
    before=TABLES,
    modules=MODULES,
)

battery(
    "htable",
    "removing_and_matching",
    """
    $sht(a=>alice) = "sip:a@example.com";
    $sht(a=>alan) = "sip:b@example.org";
    $sht(a=>bob) = 12;
    $sht(a=>carol) = "12";
    @ sht_match_name("a", "eq", "alice")
    @ sht_match_name("a", "eq", "Alice")
    @ sht_match_name("a", "ne", "alice")
    @ sht_match_name("a", "re", "^AL")
    @ sht_match_name("a", "re", "^x")
    @ sht_match_name("a", "re", "[")
    @ sht_match_name("a", "sw", "al")
    @ sht_match_name("a", "sw", "AL")
    @ sht_match_name("a", "ew", "al")
    @ sht_match_name("a", "equal", "al")
    @ sht_match_name("a", "", "al")
    @ sht_match_name("a", "eq", "")
    @ sht_match_name("nosuch", "eq", "al")
    @ sht_match_name("", "eq", "al")
    @ sht_has_name("a", "eq", "bob")
    @ sht_has_name("a", "eq", "$rU")
    @ sht_match_str_value("a", "eq", "12")
    @ sht_match_str_value("a", "eq", "sip:a@example.com")
    @ sht_match_str_value("a", "sw", "sip:b")
    @ sht_match_str_value("a", "re", "org$$")
    @ sht_match_str_value("a", "ne", "12")
    @ sht_has_str_value("a", "eq", "nothing")
    @ sht_has_str_value("a", "eq", "$var(none)")
    @ sht_rm("a", "alice")
    = $sht(a=>alice)
    @ sht_rm("a", "alice")
    @ sht_rm("nosuch", "alice")
    @ sht_rm("", "alice")
    @ sht_rm("a", "")
    @ sht_rm("a", "$rU")
    = $sht(a=>bob)
    $sht(a=>alice) = "x1";
    $sht(a=>bob) = 12;
    @ sht_rm_name_re("a=>^ALI")
    = $sht(a=>alice)
    = $shtcn(a=>**)
    @ sht_rm_name_re("a=>$rU")
    = $sht(a=>bob)
    @ sht_rm_name_re("nosuch=>x")
    @ sht_rm_name_re("a=>[")
    @ sht_rm_name_re("a=>")
    @ sht_rm_value_re("a=>^1")
    = $shtcn(a=>**)
    $sht(a=>i) = 12;
    @ sht_rm_value_re("a=>12")
    = $shtcn(a=>**)
    @ sht_rm_value_re("a=>.*")
    = $shtcn(a=>**)
    @ sht_rm_value_re("nosuch=>x")
    $sht(a=>alice) = "v1";
    $sht(a=>alan) = "v2";
    $sht(a=>bob) = "w3";
    $sht(a=>n) = 1;
    @ sht_rm_name("a", "sw", "AL")
    @ sht_rm_name("a", "sw", "ali")
    = $shtcn(a=>**)
    @ sht_rm_name("a", "re", "N$$")
    = $shtcn(a=>**)
    @ sht_rm_name("a", "eq", "bob")
    @ sht_rm_name("a", "re", "[")
    @ sht_rm_name("a", "re", "")
    @ sht_rm_name("nosuch", "re", "x")
    = $shtcn(a=>**)
    $sht(a=>x) = "v1";
    $sht(a=>y) = "1";
    $sht(a=>z) = 1;
    @ sht_rm_value("a", "sw", "v")
    = $shtcn(a=>**)
    @ sht_rm_value("a", "re", "1")
    = $shtcn(a=>**)
    @ sht_rm_value("a", "ne", "1")
    = $shtcn(a=>**)
    @ sht_reset("nosuch")
    @ sht_reset("")
    $var(t) = "a";
    @ sht_reset("$var(t)")
    = $shtcn(a=>**)
    @ sht_lock("a=>x")
    $sht(a=>x) = 1;
    @ sht_lock("a=>x")
    @ sht_unlock("a=>x")
    @ sht_unlock("a=>x")
    = $sht(a=>x)
    @ sht_lock("nosuch=>x")
    @ sht_unlock("nosuch=>x")
    @ sht_setxs("e", "x", "text", "100")
    = $sht(e=>x)
    ? $shtex(e=>x) > 90 && $shtex(e=>x) <= 100
    $var(ex) = 200;
    @ sht_setxs("e", "$rU", "$fU", "$var(ex)")
    = $sht(e=>bob)
    ? $shtex(e=>bob) > 190 && $shtex(e=>bob) <= 200
    @ sht_setxs("e", "zero", "v", "0")
    ? $shtex(e=>zero) > 3590
    @ sht_setxs("e", "empty", "", "10")
    = $sht(e=>empty)
    @ sht_setxs("nosuch", "x", "text", "100")
    @ sht_setxs("", "x", "text", "100")
    @ sht_setxs("e", "", "text", "100")
    @ sht_setxs("a", "plain", "text", "100")
    = $sht(a=>plain)
    = $shtex(a=>plain)
    @ sht_setxs("e", "x", "abc", "50")
    ? $shtex(e=>x) > 40 && $shtex(e=>x) <= 50
    @ sht_setxs("e", "x", "a longer text", "30")
    ? $shtex(e=>x) > 20 && $shtex(e=>x) <= 30
    @ sht_setxi("nosuch", "x", "1", "100")
    @ sht_setxi("e", "x", "$rU", "100")
    @ sht_print()
    """,
    before=TABLES,
    modules=MODULES,
    differs={
        "facts/? $shtex(e=>x) > 20 && $shtex(e=>x) <= 30": "5.6.3 writes the expiry of a longer text into freed memory"
    },
)

battery(
    "htable",
    "iterators",
    """
    @ sht_iterator_next("i1")
    @ sht_iterator_end("i1")
    @ sht_iterator_rm("i1")
    @ sht_iterator_start("i1", "nosuch")
    @ sht_iterator_next("i1")
    @ sht_iterator_end("i1")
    @ sht_iterator_start("i1", "a")
    = $shtitkey(i1)
    @ sht_iterator_next("i1")
    @ sht_iterator_end("i1")
    $sht(a=>one) = 1;
    $sht(a=>two) = "2";
    $sht(a=>three) = "three";
    $sht(a=>four) = 4;
    $sht(a=>five) = 5;
    @ sht_iterator_start("i1", "a")
    = $shtitkey(i1)
    = $shtitval(i1)
    @ sht_iterator_next("i1")
    = $shtitkey(i1)
    = $shtitval(i1)
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_next("i1")
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_next("i1")
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_next("i1")
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_next("i1")
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_next("i1")
    = $shtitkey(i1)
    @ sht_iterator_next("i1")
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_start("i1", "a")
    = $shtitkey(i1)
    @ sht_iterator_next("i1")
    @ sht_iterator_sets("i1", "changed $rU")
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_next("i1")
    @ sht_iterator_seti("i1", "77")
    = $shtitval(i1)
    @ sht_iterator_setex("i1", "120")
    @ sht_iterator_rm("i1")
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_rm("i1")
    > $shtitkey(i1) is $shtitval(i1)
    @ sht_iterator_rm("i1")
    @ sht_iterator_rm("i1")
    = $shtitkey(i1)
    @ sht_iterator_sets("i1", "x")
    @ sht_iterator_seti("i1", "1")
    @ sht_iterator_setex("i1", "1")
    @ sht_iterator_end("i1")
    @ sht_iterator_end("i1")
    = $shtcn(a=>**)
    @ sht_iterator_start("i1", "a")
    @ sht_iterator_start("i2", "b")
    @ sht_iterator_start("i3", "a")
    @ sht_iterator_start("i4", "a")
    @ sht_iterator_start("i5", "a")
    @ sht_iterator_start("i2", "a")
    @ sht_iterator_next("i5")
    @ sht_iterator_end("i3")
    @ sht_iterator_start("i5", "a")
    $var(n) = "i5";
    @ sht_iterator_next("$var(n)")
    > $shtitkey(i5) is $shtitval(i5)
    @ sht_iterator_end("i4")
    @ sht_iterator_start("a-name-that-is-far-too-long-for-an-iterator", "a")
    @ sht_iterator_start("", "a")
    @ sht_iterator_start("i3", "")
    @ sht_iterator_next("")
    @ sht_iterator_end("")
    """,
    before=TABLES,
    modules=MODULES,
)

WALK = """
modparam("htable", "htable", "h=>size=3;")
request_route {
    $var(i) = 0;
    while ($var(i) < 12) { $sht(h=>key$var(i)) = $var(i); $var(i) = $var(i) + 1; }
    $sht(h=>KEY1) = "upper";
    sht_iterator_start("w", "h");
    while (sht_iterator_next("w")) xlog("$shtitkey(w)=$shtitval(w)\\n");
    sht_iterator_end("w");
    $sht(h=>key1) = "moved to a longer text";
    $sht(h=>key2) = $null;
    $sht(h=>key2) = "again";
    sht_iterator_start("w", "h");
    while (sht_iterator_next("w")) xlog("$shtitkey(w)=$shtitval(w)\\n");
    sht_iterator_end("w");
    sht_iterator_start("w", "h");
    while (sht_iterator_next("w")) {
        while ($shtitkey(w) =~ "key[0-5]" and sht_iterator_rm("w")) xlog("removed one\\n");
    }
    sht_iterator_end("w");
    xlog("$shtcn(h=>**) left\\n");
}
"""


@case(WALK, modules=MODULES)
def the_order_of_a_walk(scene: Scene) -> None:
    """Slot by slot, in a slot by hash; that of htable.dump, too."""
    scene.alice.request()
    scene.rpc("htable.dump", "h")
    scene.rpc("htable.stats")


@case(
    """
modparam("htable", "htable", "a=>size=4;autoexpire=100")
request_route { xlog("before\\n"); sht_setxi("a", "x", "5", "10"); xlog("behind: $sht(a=>x)\\n"); }
""",
    modules=MODULES,
)
def setting_an_integer_ends_the_route(scene: Scene) -> None:
    """sht_setxi() returns 0 in 5.6."""
    scene.alice.request()
    scene.settle()
    scene.alice.request("OPTIONS")


@case(
    TABLES
    + """
event_route[htable:mod-init] {
    $sht(a=>ready) = "yes";
    $sht(a=>count) = 3;
    xlog("init $rm $ru $rt\\n");
}
request_route { xlog("$sht(a=>ready) $sht(a=>count)\\n"); }
""",
    modules=MODULES,
)
def tables_are_filled_at_start(scene: Scene) -> None:
    """event_route[htable:mod-init]."""
    scene.alice.request()


@case(
    """
modparam("htable", "timer_interval", 1)
modparam("htable", "htable", "x=>autoexpire=1;initval=9")
modparam("htable", "htable", "y=>autoexpire=1;updateexpire=0")
modparam("htable", "htable", "z=>autoexpire=1")
event_route[htable:expired:x] { xlog("x gone: $shtrecord(key) $shtrecord(value)\\n"); }
event_route[htable:expired:y] { xlog("y gone: $shtrecord(key) $shtrecord(value) $sht(y=>k) $rm\\n"); }
request_route {
    if (is_method("INVITE")) {
        $sht(x=>k) = "text";
        $sht(y=>k) = 5;
        $sht(z=>k) = 1;
        $sht(z=>long) = 2;
        $shtex(z=>long) = 100;
    }
    xlog("$sht(x=>k) $sht(y=>k) $sht(z=>k) $sht(z=>long)\\n");
}
""",
    modules=f"{MODULES} textops",
)
def items_expire(scene: Scene) -> None:
    """The timer removes them, and tells the event route; it waits because the daemon counts seconds."""
    scene.alice.request()
    scene.wait(3.6)
    scene.alice.request("OPTIONS")


@case(
    """
modparam("htable", "timer_interval", 600)
modparam("htable", "htable", "x=>autoexpire=1;initval=9")
modparam("htable", "htable", "z=>autoexpire=1")
request_route {
    if (is_method("INVITE")) {
        $sht(x=>k) = 50;
        $sht(x=>s) = "text";
        $sht(z=>k) = 1;
        $sht(z=>n) = 1;
    }
    xlog("$sht(x=>k) $sht(x=>s) $sht(z=>k) $shtcn(z=>**)\\n");
    if (is_method("OPTIONS")) {
        if ($shtex(z=>k) < 0) xlog("past\\n");
        xlog("$shtinc(z=>k) $shtinc(x=>k) $shtdec(x=>s)\\n");
        xlog("$sht(x=>k) $sht(x=>s) $sht(z=>k) $shtcn(z=>**)\\n");
        if (sht_match_name("z", "eq", "n")) xlog("still there\\n");
    }
}
""",
    modules=f"{MODULES} textops",
)
def expired_items_that_nobody_removed_yet(scene: Scene) -> None:
    """They read as if they were gone, but are counted."""
    scene.alice.request()
    scene.wait(2.6)
    scene.rpc("htable.get", "z", "k")
    scene.alice.request("OPTIONS")


@case(TABLES + 'request_route { $sht(a=>int) = 5; $sht(a=>str) = "text"; $sht(a=>k[0]) = "zero"; }', modules=MODULES)
def commands(scene: Scene) -> None:
    """Every command, and what it says of wrong arguments."""

    def ask(command: str, *calls: tuple[str | int, ...]) -> None:
        for args in calls:
            scene.rpc(f"htable.{command}", *args)

    ask("listTables", ())
    ask("stats", ())
    scene.alice.request()
    ask("get", ("a", "int"), ("a", "str"), ("a", "k[0]"), ("a", "none"), ("none", "int"), ("a",), ())
    ask("dump", ("a",), ("e",), ("none",), ())
    ask(
        "sets", ("a", "s", "new"), ("a", "s2", 12), ("a", "int", "text now"), ("none", "s", "x"), ("a", "s"), ("a",), ()
    )
    ask("seti", ("a", "i", 5), ("a", "i2", "12"), ("a", "i3", "x"), ("a", "str", -7), ("none", "s", 1), ("a", "s"), ())
    ask("dump", ("a",))
    ask("delete", ("a", "str"), ("a", "str"), ("none", "str"), ("a",), ())
    ask("setex", ("e", "none", 10), ("a", "i", 10), ("none", "i", 10), ("e", "i", "x"), ("e", "i"), ())
    ask("setxs", ("e", "x", "v", 100), ("none", "x", "v", 100), ("e", "x", "v"), ("e", "x", "v", "x"), ("e", "x"))
    ask("setxi", ("e", "y", 7, 100), ("none", "y", 7, 100), ("e", "y", 7), ("e", "y", "v", "1"))
    ask("dump", ("e",))
    ask("stats", ())
    for command in ("reload", "store", "flush"):
        ask(command, ("a",), ("none",), ())
    ask("dump", ("a",))


DATABASE = """
modparam("htable", "db_url", "sqlite:///DATABASE")
modparam("htable", "htable", "t=>size=4;dbtable=htable;")
modparam("htable", "htable", "keep=>size=4;dbtable=kept;dbmode=1")
modparam("htable", "htable", "none=>size=4;")
modparam("htable", "htable", "cols=>size=4;dbtable=people;cols='name,age,town'")
request_route {
    $sht(t=>new) = "added";
    $sht(t=>n) = 17;
    $sht(keep=>a) = "kept";
    $sht(keep=>i) = 3;
    xlog("$sht(t=>plain)|$sht(t=>list[0])|$sht(t=>list[1])|$sht(t=>list::size)|$sht(t=>num)|$shtcn(t=>**)|$sht(cols=>bob)\\n");
}
"""
ROW = ("key_name", "key_type", "value_type", "key_value", "expires")


def rows(*values: tuple[str, int, int, str], table: str = "htable") -> str:
    """A statement that adds rows."""
    listed = ", ".join(f"('{name}', {kind}, {vtype}, '{value}')" for name, kind, vtype, value in values)
    return f"INSERT INTO {table} (key_name, key_type, value_type, key_value) VALUES {listed}"


KEPT = (
    "CREATE TABLE IF NOT EXISTS {0} (id INTEGER PRIMARY KEY, key_name VARCHAR(64) DEFAULT '' NOT NULL,"
    " key_type INTEGER DEFAULT 0 NOT NULL, value_type INTEGER DEFAULT 0 NOT NULL,"
    " key_value VARCHAR(128) DEFAULT '' NOT NULL, expires INTEGER DEFAULT 0 NOT NULL)"
)


@case(
    DATABASE.replace('modparam("htable", "htable", "keep=>size=4;dbtable=kept;dbmode=1")\n', "").replace(
        'modparam("htable", "htable", "cols=>size=4;dbtable=people;cols=\'name,age,town\'")\n', ""
    ),
    modules=f"db_sqlite {MODULES}",
)
def a_table_is_read_and_written(scene: Scene) -> None:
    """Rows with one value, arrays, numbers; htable.reload and htable.store."""
    scene.execute(
        rows(
            ("plain", 0, 0, "text"),
            ("list", 1, 0, "b"),
            ("list", 1, 0, "a"),
            ("num", 0, 1, "42"),
            ("bad", 0, 1, "4x"),
            ("one", 1, 1, "1"),
            ("list", 1, 1, "9"),
        )
    )
    scene.alice.request()
    scene.rpc("htable.reload", "t")
    scene.rpc("htable.dump", "t")
    scene.alice.request("OPTIONS")
    for name in (["t"], ["none"], ["nosuch"], []):
        scene.rpc("htable.store", *name)
    scene.rows("htable", *ROW)
    scene.execute("DELETE FROM htable", rows(("only", 0, 0, "x")))
    for name in (["t"], ["none"], ["nosuch"], []):
        scene.rpc("htable.reload", *name)
    scene.rpc("htable.dump", "t")
    scene.restart()
    scene.rpc("htable.dump", "t")
    scene.rows("htable", *ROW, label="behind")


@case(
    """
modparam("htable", "db_url", "sqlite:///DATABASE")
modparam("htable", "db_expires", 1)
modparam("htable", "fetch_rows", 2)
modparam("htable", "array_size_suffix", "-count")
modparam("htable", "htable", "t=>size=4;dbtable=htable;autoexpire=7200;dbmode=1")
request_route {
    if ($rm == "INVITE") $sht(t=>new) = "added";
    xlog("$sht(t=>list-count) $sht(t=>late) $sht(t=>past) $sht(t=>new) $sht(t=>forever)\\n");
    if ($shtex(t=>late) > 7200) xlog("late is later\\n");
    if ($shtex(t=>forever) > 7190 && $shtex(t=>forever) <= 7200) xlog("the usual\\n");
}
""",
    modules=f"db_sqlite {MODULES}",
)
def expiry_in_the_database(scene: Scene) -> None:
    """db_expires reads and writes it; with dbmode=1 the table is written when the server ends."""
    scene.execute(
        rows(("list", 1, 0, "a"), ("list", 1, 0, "b"), ("list", 1, 0, "c"), ("forever", 0, 0, "f")),
        "INSERT INTO htable (key_name, key_value, expires) VALUES ('late', 'l', 2000000000)",
        "INSERT INTO htable (key_name, key_value, expires) VALUES ('past', 'p', 1000)",
    )
    scene.rpc("htable.reload", "t")
    scene.alice.request()
    scene.restart()
    scene.rows("htable", *ROW[:4])
    scene.alice.request("OPTIONS")


@case(
    """
modparam("htable", "db_url", "sqlite:///DATABASE")
modparam("htable", "htable", "t=>size=4;dbtable=htable;dbmode=1")
modparam("htable", "htable", "plain=>size=4;dbtable=htable")
request_route { $sht(t=>k[0]) = "text"; $sht(t=>n) = -4; $sht(plain=>x) = 1; }
""",
    modules=f"db_sqlite {MODULES}",
    differs={"rpc/1/1": "5.6 does not write a table that it found empty, so that its items are lost; 6.x does"},
)
def a_table_that_was_empty_is_written_at_the_end(scene: Scene) -> None:
    """Only tables with dbmode=1 are; 5.6 forgets one that was empty at the start."""
    scene.alice.request()
    scene.rpc("htable.stats")
    scene.restart()
    scene.rows("htable", *ROW)


@case(
    """
modparam("htable", "db_url", "sqlite:///DATABASE")
modparam("htable", "key_name_column", "username")
modparam("htable", "key_type_column", "flags")
modparam("htable", "value_type_column", "flags")
modparam("htable", "key_value_column", "password")
modparam("htable", "htable", "t=>size=4;dbtable=subscriber;cols='username,domain,id,password,ha1'")
modparam("htable", "htable", "two=>size=4;dbtable=subscriber;cols='domain,username'")
request_route { xlog("$sht(t=>alice)|$(sht(t=>alice){s.select,1,,})|$sht(two=>example.com)\\n"); }
""",
    modules=f"db_sqlite {MODULES}",
)
def columns_are_packed(scene: Scene) -> None:
    """`cols`: the first is the name, the others are its value, separated by commas."""
    scene.execute(
        "INSERT INTO subscriber (username, domain, password) VALUES ('alice', 'example.com', 'secret')",
        "INSERT INTO subscriber (username, domain, password) VALUES ('bob', 'example.com', 'b')",
    )
    scene.rpc("htable.reload", "t")
    scene.rpc("htable.reload", "two")
    scene.alice.request()
    scene.rpc("htable.dump", "t")
    scene.rpc("htable.store", "t")


verdicts(
    "htable",
    "what_the_start_is_refused_for",
    r"""
: modparam("htable", "htable", "a=>size=4;")
: modparam("htable", "htable", "a=>size=4;;")
: modparam("htable", "htable", "a=>size=4; autoexpire=10 ;initval=-3")
: modparam("htable", "htable", "a =>size=4")
: modparam("htable", "htable", " a => size=4")
: modparam("htable", "htable", "a=>size=x")
: modparam("htable", "htable", "a=>size=-1")
: modparam("htable", "htable", "a=>size=0")
: modparam("htable", "htable", "a=>size=99")
: modparam("htable", "htable", "a=>size")
: modparam("htable", "htable", "a=>size=")
: modparam("htable", "htable", "a=>initval=x")
: modparam("htable", "htable", "a=>autoexpire=1h")
: modparam("htable", "htable", "a=>nosuch=1")
: modparam("htable", "htable", "a=>Size=1")
: modparam("htable", "htable", "a=>updateexpire=yes")
: modparam("htable", "htable", "a=>dmqreplicate=x")
: modparam("htable", "htable", "a=>dbmode=x")
: modparam("htable", "htable", "a=>;")
: modparam("htable", "htable", "a=>")
: modparam("htable", "htable", "a")
: modparam("htable", "htable", "a=size=4")
: modparam("htable", "htable", "a-b.c=>size=4")
: modparam("htable", "htable", "=>size=4")
: modparam("htable", "htable", "a=>size=4")\nmodparam("htable", "htable", "a=>size=5")
: modparam("htable", "htable", "a=>size=4")\nmodparam("htable", "htable", "A=>size=5")
: modparam("htable", "htable", "a=>cols='x'")
: modparam("htable", "htable", "a=>cols='a,b'")
: modparam("htable", "htable", "a=>cols=a,b")
: modparam("htable", "htable", "a=>cols='a,b,c,d,e,f,g,h'")
: modparam("htable", "htable", "a=>cols='a,b,c,d,e,f,g,h,i'")
: modparam("htable", "htable", "a=>dbtable=x")
: modparam("htable", "htable", "a=>coldelim=';'")
: modparam("htable", "htable", 4)
: modparam("htable", "timer_interval", 0)
: modparam("htable", "fetch_rows", -1)
: modparam("htable", "enable_dmq", 1)
: modparam("htable", "htable", "a=>size=4")\nevent_route[htable:expired:a] { drop; }
: event_route[htable:expired:nosuch] { drop; }
: event_route[htable:mod-init] { drop; }
: event_route[htable:mod-init] { exit; }
: modparam("htable", "event_callback", "nosuch")
sht_rm("a", "b");
sht_iterator_setex("a", "$var(x)");
sht_iterator_setex("a", "x");
sht_setxs("a", "b", "c", "x");
sht_setxi("a", "b", "x", "1");
sht_setxi("a", "b", "$var(x)", "1");
sht_lock("nosuch=>x");
$sht(nosuch=>x) = 1;
""",
    modules=MODULES,
)

DMQ = """
modparam("dmq", "server_address", "sip:127.0.0.1:21200")
modparam("dmq", "num_workers", 1)
modparam("htable", "enable_dmq", 1)
modparam("htable", "htable", "r=>size=4;dmqreplicate=1")
modparam("htable", "htable", "x=>size=4;dmqreplicate=1;autoexpire=7200;initval=1")
modparam("htable", "htable", "own=>size=4")
request_route {
    if ($rm == "KDMQ") { dmq_handle_message(); }
    switch ($rU) {
    case "int": $sht(r=>i) = 5; break;
    case "str": $sht(r=>$ci) = "text \\"quoted\\""; break;
    case "del": $sht(r=>i) = $null; sht_rm("r", "j"); break;
    case "own": $sht(own=>i) = 5; break;
    case "inc": $var(n) = $shtinc(x=>n); $var(n) = $shtdec(r=>nothing); break;
    case "ex": $shtex(x=>n) = 77; break;
    case "re": sht_rm_name_re("r=>^a"); sht_rm_value_re("r=>b"); break;
    case "op": sht_rm_name("r", "re", "x$$"); sht_rm_value("r", "sw", "y"); break;
    case "setx": sht_setxs("x", "s", "v", "9"); break;
    case "flush": sht_reset("r"); break;
    }
    xlog("$rU\\n");
}
"""
DMQ_MODULES = "tm sl pv xlog dmq htable"


def kdmq(party: Party, channel: str, body: str) -> None:
    """A request of the bus as the node `party` sends it."""
    host, port = party.address
    party._count += 1
    lines = f"""Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{party.name}-{party._count}
To: <sip:{channel}@127.0.0.1:21200>
From: <sip:{channel}@{host}:{port}>;tag=n{party._count}
CSeq: 10 KDMQ
Call-ID: node-{party.name}-{party._count}
Max-Forwards: 1
Content-Type: application/json"""
    party.send(build(f"KDMQ sip:{channel}@127.0.0.1:21200 SIP/2.0", lines, body))


def join(party: Party) -> None:
    """`party` says that it is there."""
    kdmq(party, "notification_peer", f"sip:{party.address[0]}:{party.address[1]};status=active\n")
    party.expect(200)


@case(DMQ, modules=DMQ_MODULES)
def changes_are_told_to_other_nodes(scene: Scene) -> None:
    """Each change of a replicated table is one message."""
    join(scene.bob)
    for user, count in (
        ("int", 1),
        ("str", 1),
        ("del", 2),
        ("own", 0),
        ("inc", 1),
        ("ex", 1),
        ("re", 2),
        ("op", 2),
        ("setx", 2),
        ("flush", 0),
    ):
        scene.alice.request("MESSAGE", f"sip:{user}@127.0.0.1:21200")
        for _ in range(count):
            scene.bob.expect("KDMQ").answer(200, "OK")
        scene.label(user)
    for command, args, count in (
        ("sets", ("r", "k", "v"), 1),
        ("seti", ("r", "k", 4), 1),
        ("setex", ("x", "k", 4), 1),
        ("setxs", ("x", "k", "v", 4), 2),
        ("setxi", ("x", "k", 6, 4), 2),
        ("delete", ("r", "k"), 1),
        ("flush", ("r",), 0),
    ):
        scene.rpc(f"htable.{command}", *args)
        for _ in range(count):
            scene.bob.expect("KDMQ").answer(200, "OK")
        scene.label(command)


@case(DMQ, modules=DMQ_MODULES)
def changes_of_other_nodes_are_made_here(scene: Scene) -> None:
    """What a node tells is done, and answered; what makes no sense is refused."""
    join(scene.bob)
    told: list[object] = [
        {"action": 2, "htname": "r", "cname": "a", "type": 2, "strval": "text", "mode": 1},
        {"action": 2, "htname": "r", "cname": "b", "type": 0, "intval": 5, "mode": 1},
        {"action": 2, "htname": "own", "cname": "b", "type": 0, "intval": 5, "mode": 1},
        {"action": 2, "htname": "nosuch", "cname": "b", "type": 0, "intval": 5, "mode": 1},
        {"action": 3, "htname": "x", "cname": "b", "type": 0, "intval": 5, "mode": 0},
        {"action": 9, "htname": "r", "cname": "b", "mode": 0},
        {"action": 2, "htname": "r", "cname": "b", "type": 0, "intval": 6, "mode": 1, "other": 1},
        {"action": 2, "htname": "r", "cname": "b", "type": 0, "intval": 6, "last_modified": 1, "mode": 1},
        {"action": 2, "htname": "r", "cname": "b", "type": 0, "intval": 6, "expire": 1, "mode": 1},
    ]
    for code, one in zip((200, 200, 200, 500, 200, 500, 400, 400, 400), told, strict=True):
        kdmq(scene.bob, "htable", json.dumps(one))
        scene.bob.expect(code)
    for nonsense in ("nonsense", ""):
        kdmq(scene.bob, "htable", nonsense)
        scene.bob.expect(400)
    scene.rpc("htable.dump", "r")
    scene.rpc("htable.dump", "own")
    kdmq(scene.bob, "htable", json.dumps({"action": 4, "htname": "r", "cname": "a", "mode": 0}))
    scene.bob.expect(200)
    scene.rpc("htable.dump", "r")
    kdmq(scene.bob, "htable", json.dumps({"action": 5, "htname": "r", "type": 2, "strval": "^b", "mode": 0}))
    scene.bob.expect(200)
    scene.rpc("htable.dump", "r")


@case(DMQ, modules=DMQ_MODULES)
def a_node_that_comes_gets_everything(scene: Scene) -> None:
    """Action 1 asks for all items; an answer to such a question is `cells`."""
    join(scene.bob)
    for user, count in (("int", 1), ("str", 1), ("own", 0)):
        scene.alice.request("MESSAGE", f"sip:{user}@127.0.0.1:21200")
        for _ in range(count):
            scene.bob.expect("KDMQ").answer(200, "OK")
    scene.label("before")
    kdmq(scene.bob, "htable", '{"action":1}')
    scene.settle()
    scene.bob.expect("KDMQ").answer(200, "OK")
    scene.label("sync")
    cells = [
        {"htname": "r", "cname": "new", "type": 2, "strval": "text", "expire": 0},
        {"htname": "r", "cname": "i", "type": 0, "intval": 8, "expire": 0},
        {"htname": "nosuch", "cname": "i", "type": 0, "intval": 8, "expire": 0},
        {"htname": "x", "cname": "later", "type": 0, "intval": 8, "expire": 2000000000},
    ]
    kdmq(scene.bob, "htable", json.dumps({"cells": cells}))
    scene.bob.expect(200)
    scene.rpc("htable.dump", "r")
    scene.rpc("htable.dump", "x")


@case(
    DMQ.replace(
        'modparam("htable", "enable_dmq", 1)',
        'modparam("htable", "enable_dmq", 1)\nmodparam("htable", "dmq_init_sync", 1)',
    )
    + 'modparam("dmq", "notification_address", "sip:127.0.0.12:21200")\n',
    modules=DMQ_MODULES,
)
def a_node_asks_for_everything(scene: Scene) -> None:
    """dmq_init_sync: when the bus is found."""
    notification = scene.bob.expect("KDMQ")
    notification.answer(200, "OK", headers="Content-Type: text/plain", body="sip:127.0.0.12:21200;status=active\n")
    scene.bob.expect("KDMQ").answer(200, "OK")


def _by_json() -> str:
    """Facts: commands of JSON-RPC whose arguments have other types than are asked for."""
    calls: list[tuple[str, Sequence[object]]] = [
        *(("sets", [*key, value]) for key in (["a", "k"],) for value in ("x", 5, 5.5, True, None, "")),
        *(("sets", args) for args in (["a", 7, "x"], ["a"], [], ["none", "k", "v"])),
        *(("seti", ["a", f"i{n}", value]) for n, value in enumerate((5, "12", "x", 5.9, "", "0x10", True, None))),
        *(("setex", ["e", "k", value]) for value in (50, "50", "x", None)),
        *(("setxs", ["e", "k", value, 50]) for value in ("v", 5, None)),
        *(("setxi", ["e", "k2", value, "50"]) for value in (5, "6", None)),
        *((command, args) for command in ("dump", "flush", "get") for args in (["a"], [7], [], ["e", "k2"])),
        *((command, []) for command in ("stats", "listTables", "reload", "store")),
        *(("delete", ["e", "k"]) for _ in range(2)),
    ]
    lines = []
    for command, params in calls:
        request = json.dumps({"jsonrpc": "2.0", "method": f"htable.{command}", "params": params, "id": 1})
        lines += [f"@ jsonrpc_exec('{request}')", "> $jsonrpl(code)|$jsonrpl(text)|$jsonrpl(body)"]
    return "\n".join(lines)


battery(
    "htable",
    "commands_by_json",
    _by_json(),
    modules="pv xlog jsonrpcs htable",
    before=f"""disable_tcp=yes
modparam("jsonrpcs", "fifo_name", "")
modparam("jsonrpcs", "dgram_socket", "")
modparam("jsonrpcs", "pretty_format", 0)
{TABLES}""",
)
