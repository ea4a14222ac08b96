"""Tables, queues and timers as configs in the wild use them: bans, counters, queries with null, queues filled in replies."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, battery, case

MODULES = "db_sqlite tm tmx sl rr pv xlog textops siputils kex corex htable sqlops cfgutils mqueue rtimer pike"
BOB = "sip:bob@127.0.0.12:21200"
BAN = """
modparam("htable", "htable", "ipban=>size=8;autoexpire=300;")
modparam("htable", "htable", "auth=>size=8;autoexpire=900;initval=0;")
modparam("htable", "timer_interval", 1)
modparam("pike", "sampling_time_unit", 2)
modparam("pike", "reqs_density_per_unit", 3)
modparam("pike", "remove_latency", 4)
request_route {
    if (src_ip != myself) {
        if ($sht(ipban=>$si) != $null) {
            xlog("blocked $si\\n");
            exit;
        }
        if (!pike_check_req()) {
            xlog("pike $si\\n");
            $sht(ipban=>$si) = 1;
            exit;
        }
    }
    if ($au != $null) {
        if ($sht(auth=>$au::count) >= 2) { xlog("too many for $au\\n"); sl_send_reply("403", "Try later"); exit; }
        $sht(auth=>$au::count) = $shtinc(auth=>$au::count);
        $sht(auth=>$au::last) = $Ts;
    }
    xlog("fine $si $sht(auth=>$au::count)\\n");
}
event_route[htable:expired:ipban] { xlog("unban $shtrecord(key) $shtrecord(value)\\n"); }
event_route[htable:mod-init] { $sht(ipban=>9.9.9.9) = 1; $sht(auth=>start) = "x"; xlog("init\\n"); }
"""


@case(BAN, modules=MODULES)
def a_flood_is_banned(scene: Scene) -> None:
    """WITH_ANTIFLOOD: pike speaks, the table holds the ban, a command lifts it."""
    for number in range(14):
        scene.alice.request("OPTIONS", call_id=f"c{number}")
        scene.settle()
    digest = 'Authorization: Digest username="bob", realm="r", nonce="n", uri="sip:x", response="0"'
    for number in range(2):
        scene.bob.request("OPTIONS", call_id=f"b{number}", headers=digest)
        scene.settle()
    scene.rpc("htable.get", "auth", "none")
    scene.rpc("htable.delete", "ipban", "127.0.0.11")
    scene.alice.request("OPTIONS", call_id="last")


COUNT = """
modparam("htable", "htable", "calls=>size=8;initval=0")
modparam("htable", "htable", "media=>size=4;autoexpire=3600")
request_route {
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    $sht(calls=>$fU) = $sht(calls=>$fU) + 1;
    $sht(media=>$ci::$ft) = $ru;
    $sht(media=>$ci::null) = $null;
    $sht(media=>$ci::none) = $avp(none);
    t_on_branch("B"); t_on_reply("R"); t_on_failure("F");
    t_relay();
}
branch_route[B] { $sht(media=>$ci::branch) = $T_branch_idx; sht_lock("calls=>lock"); sht_unlock("calls=>lock"); }
onreply_route[R] { $sht(media=>$ci::$rs) = $rr; }
failure_route[F] {
    $sht(calls=>$fU) = $sht(calls=>$fU) - 1;
    sht_iterator_start("it", "media");
    while (sht_iterator_next("it")) { if ($shtitkey(it) =~ "branch|486|null|none") $sht(calls=>seen) = $sht(calls=>seen) + 1; }
    sht_iterator_end("it");
    xlog("seen $sht(calls=>seen) calls $sht(calls=>$fU) reply $sht(media=>$ci::486) branch $sht(media=>$ci::branch) null $sht(media=>$ci::null) none $sht(media=>$ci::none)\\n");
    sht_rm_name_re("media=>^$ci");
    xlog("left $shtcn(media=>**) $shtcv(media=>%~sip)\\n");
    sht_rm_name_re("media=>.*");
    xlog("left $shtcn(media=>**)\\n");
}
"""


@case(COUNT, modules=MODULES)
def counters_in_every_route(scene: Scene) -> None:
    """Counters of calls that go up in the request and down in the failure route; keys with several variables."""
    call = scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    scene.rpc("htable.dump", "calls")
    scene.rpc("htable.seti", "calls", "alice", 7)
    scene.rpc("htable.sets", "calls", "text", "seven")
    scene.rpc("htable.get", "calls", "alice")
    scene.rpc("htable.get", "calls", "text")
    scene.rpc("htable.get", "nosuch", "text")
    scene.rpc("htable.seti", "calls", "alice", "x")


battery(
    "exam_tables",
    "items_with_odd_keys_and_values",
    """
    $var(big) = 2147483647; $var(s) = "007"; $avp(m) = "one"; $avp(m) = 2;
    $sht(a=>$var(none)) = 1;
    = $sht(a=>$var(none))
    = $sht(a=>0)
    $sht(a=>$avp(none)::x) = "n";
    = $sht(a=><null>::x)
    $sht(a=>$(avp(m)[*])) = 3;
    = $sht(a=>2,one)
    = $sht(a=>$(avp(m)[*]))
    $sht(a=>k) = $var(big) + 1;
    = $sht(a=>k)
    $sht(a=>k) = $var(s) + 1;
    = $sht(a=>k)
    $sht(a=>k) = $var(s);
    = $sht(a=>k) + 1
    = (int)$sht(a=>k) + 1
    ? $sht(a=>k) == 7
    ? $sht(a=>k) == "7"
    ? $sht(a=>k) > 6
    = $shtinc(a=>k)
    $sht(a=>k) = $hdr(X-None);
    = $sht(a=>k)
    $sht(a=>k) = $(hdr(X-None){s.len});
    = $sht(a=>k)
    $sht(a=>k) = "a" + $avp(none) + 5;
    = $sht(a=>k)
    $sht(a=>k) = $rd;
    $sht(a=>$rd::$rU) = $sht(a=>k) + ":" + $rp;
    = $sht(a=>example.com::bob)
    = $(sht(a=>example.com::bob){s.select,1,:})
    = $(sht(a=>$rd::$rU){s.substr,0,3})
    = $(sht(a=>none){s.len})
    = $(sht(a=>none){s.int})
    $shtex(a=>none) = 5;
    $shtex(a=>k) = "x";
    $shtex(a=>k) = -1;
    = $sht(a=>k)
    $shtex(e=>k) = 5;
    $sht(e=>k) = 5;
    $shtex(e=>k) = 0;
    ? $shtex(e=>k) < -1000
    @ sht_rm("a", "none")
    @ sht_rm("a", "$var(none)")
    @ sht_rm("nosuch", "x")
    @ sht_reset("a")
    @ sht_reset("nosuch")
    @ sht_reset("$var(none)")
    = $shtcn(a=>**)
    @ sht_rm_name("a", "re", ".*")
    @ sht_rm_name("e", "sw", "k")
    @ sht_rm_name("a", "zz", "k")
    @ sht_rm_name("$avp(none)", "re", "k")
    @ sht_rm_value("a", "re", "(")
    @ sht_rm_value_re("a=>$avp(none)")
    @ sht_match_name("e", "eq", "$var(none)")
    @ sht_match_str_value("e", "eq", "")
    @ sht_has_name("e", "re", "k")
    @ sht_has_str_value("e", "ew", "5")
    @ sht_iterator_start("i", "nosuch")
    @ sht_iterator_next("i")
    @ sht_iterator_next("never")
    @ sht_iterator_end("never")
    @ sht_iterator_start("i", "e")
    @ sht_iterator_next("i")
    = $shtitkey(i)
    = $shtitval(i)
    @ sht_iterator_rm("i")
    @ sht_iterator_next("i")
    = $shtitkey(i)
    @ sht_iterator_start("i", "e")
    @ sht_iterator_start("i", "a")
    @ sht_iterator_end("i")
    @ sht_lock("a=>$avp(none)")
    @ sht_unlock("a=>$avp(none)")
    @ sht_unlock("a=>$avp(none)")
    @ sht_setxs("a", "x", "v", "5")
    = $sht(a=>x)
    @ sht_setxs("a", "$avp(none)", "v", "5")
    @ sht_setxs("nosuch", "x", "v", "5")
    @ sht_is_null("a=>x")
    """.replace('    @ sht_is_null("a=>x")\n', ""),
    modules=MODULES,
    before='modparam("htable", "htable", "a=>size=4;")\nmodparam("htable", "htable", "e=>size=3;autoexpire=3600;")\n',
)

SQL = """
modparam("sqlops", "sqlcon", "ca=>sqlite:///DATABASE")
"""
battery(
    "exam_tables",
    "queries_of_everyday",
    """
    @ sql_query("ca", "create table if not exists prov (id integer primary key, user varchar(64), credit int, note text)")
    @ sql_query("ca", "delete from prov")
    @ sql_query("ca", "insert into prov (user, credit, note) values ('$fU', 10, '$hdr(X-None)')", "ra")
    @ sql_query("ca", "insert into prov (user, credit, note) values ('$(rU{s.escape.common})', $var(none), null)", "ra")
    = $sqlrows(ca)
    @ sql_query("ca", "update prov set credit = credit - 1 where user = '$fU'")
    = $sqlrows(ca)
    @ sql_query("ca", "select credit, note, user from prov order by id", "ra")
    if ($dbr(ra=>rows) > 0) { $var(i) = 0; while ($var(i) < $dbr(ra=>rows)) { $avp(got) = $dbr(ra=>[$var(i),2]); $var(i) = $var(i) + 1; } }
    = $(avp(got)[*])
    = $dbr(ra=>[0,0]) + 5
    ? $dbr(ra=>[0,0]) > 8
    ? $dbr(ra=>[0,1]) == $null
    ? $dbr(ra=>[0,1]) == ""
    ? $dbr(ra=>[1,1]) == $null
    ? $dbr(ra=>[5,1]) == $null
    ? $dbr(ra=>[0,0]) == "9"
    = $(dbr(ra=>[0,2]){s.toupper})
    = $(dbr(ra=>[0,2]){s.len})
    = $dbr(ra=>[0,$dbr(ra=>cols)])
    sql_result_free("ra");
    ? $dbr(ra=>rows) > 0
    = $dbr(ra=>rows)
    $var(con) = "ca"; $var(q) = "select 1 as one, 'x' as two"; $var(res) = "rb";
    @ sql_query("ca", "$var(q)", "rb")
    = $dbr(rb=>[0,0])
    = $dbr(rb=>colname[1])
    @ sql_query("ca", "$avp(none)", "rb")
    @ sql_query("ca", "select user from prov where user='$fU' and note='it''s'", "rb")
    = $dbr(rb=>rows)
    @ sql_pvquery("ca", "select credit, user, note from prov order by id", "$var(credit), $avp(user), $avp(note)")
    = $var(credit)
    = $(avp(user)[*])
    = $(avp(note)[*])
    @ sql_pvquery("ca", "select credit from prov where id = 99", "$var(credit)")
    = $var(credit)
    @ sql_pvquery("ca", "select credit, user from prov", "$var(credit)")
    @ sql_pvquery("ca", "select credit from prov where id=1", "$var(credit),$var(more)")
    @ sql_pvquery("ca", "select user from prov where id=1", "$ru")
    @ sql_pvquery("ca", "select 'sip:new@example.com'", "$ru")
    = $ru
    @ sql_pvquery("ca", "select user, null from prov where id=1", "$sht(a=>u),$xavp(p=>n)")
    = $sht(a=>u)
    = $xavp(p=>n)
    @ sql_xquery("ca", "select user, credit, note from prov order by id", "rx")
    = $xavp(rx=>user)
    = $xavp(rx[1]=>user)
    = $xavp(rx[1]=>credit)
    = $xavp(rx=>note)
    = $xavp(rx[9]=>user)
    @ sql_xquery("ca", "select user from prov where id=99", "rx")
    = $xavp(rx=>user)
    @ sql_xquery("ca", "selec", "rx")
    = $xavp(rx=>credit)
    @ sql_query("ca", "select count(*) as n, sum(credit), max(user) from prov where user = 'nobody'", "rc")
    = $dbr(rc=>[0,0])
    = $dbr(rc=>[0,1])
    = $dbr(rc=>[0,2])
    @ sql_query("ca", "select $(fU{sql.val.int}), $(avp(none){sql.val}), $(fU{sql.val.str})", "rc")
    = $dbr(rc=>[0,0])
    = $dbr(rc=>[0,1])
    = $dbr(rc=>[0,2])
    @ sql_query("ca", "drop table nosuch", "rc")
    """,
    modules=MODULES,
    before=SQL + 'modparam("htable", "htable", "a=>size=4;")\n',
)


@case(
    SQL
    + """
request_route {
    if (is_method("ACK")) { t_check_trans(); exit; }
    t_on_failure("LCR"); t_on_reply("R");
    sql_query("ca", "select gw, prio from gws where prefix = substr('$rU', 1, 2) order by prio", "gws");
    $var(n) = $dbr(gws=>rows);
    if ($var(n) <= 0) { send_reply("404", "No route"); exit; }
    while ($var(n) > 0) { $var(n) = $var(n) - 1; $avp(gw) = $dbr(gws=>[$var(n),0]); }
    sql_result_free("gws");
    $du = $avp(gw); $avp(gw) = $null;
    xlog("first $du left $cnt($avp(gw))\\n");
    t_relay();
}
onreply_route[R] { sql_query("ca", "insert into gws (prefix, gw, prio) values ('rs', '$rs $T_branch_idx', 0)"); }
failure_route[LCR] {
    if ($avp(gw) == $null) { xlog("no more\\n"); exit; }
    $du = $avp(gw); $avp(gw) = $null;
    sql_query("ca", "select count(*) from gws where prefix='rs'", "c");
    xlog("next $du replies $dbr(c=>[0,0])\\n");
    t_on_failure("LCR");
    t_relay();
}
""",
    modules=MODULES,
)
def least_cost_routing(scene: Scene) -> None:
    """Gateways from the database in a stack of AVPs, one after the other."""
    scene.execute("CREATE TABLE gws (id INTEGER PRIMARY KEY, prefix VARCHAR(8), gw VARCHAR(64), prio INT)")
    scene.execute(
        "INSERT INTO gws (prefix, gw, prio) VALUES ('49', 'sip:127.0.0.12:21200', 1), ('49', 'sip:127.0.0.13:21200', 2)"
    )
    call = scene.alice.request("INVITE", "sip:4930@example.com")
    scene.bob.expect("INVITE").answer(503, "Full")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(480, "Away")
    scene.carol.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    scene.alice.request("INVITE", "sip:30@example.com", call_id="call-2")
    scene.settle()
    scene.rows("gws", "prefix", "gw")


QUEUE = """
modparam("mqueue", "mqueue", "name=events;size=3")
modparam("mqueue", "mqueue", "name=other")
modparam("rtimer", "timer", "name=ta;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=ta;route=WORK")
modparam("rtimer", "timer", "name=tb;interval=100000u;mode=1;")
modparam("rtimer", "exec", "timer=tb;route=FAST")
modparam("htable", "htable", "h=>size=4;initval=0;")
request_route {
    if (is_method("ACK")) { t_check_trans(); exit; }
    mq_add("events", "$rm", "$ci $fU"); $var(a) = $rc;
    mq_add("nosuch", "k", "v"); $var(b) = $rc;
    mq_add("events", "$avp(none)", "$var(none)"); $var(c) = $rc;
    mq_add("other", "", "empty"); $var(d) = $rc;
    xlog("$var(a) $var(b) $var(c) $var(d) size $mq_size(events) $mq_size(other) $mq_size(nosuch)\\n");
    mq_fetch("other"); xlog("other $rc [$mqk(other)] [$mqv(other)]\\n");
    mq_fetch("other"); xlog("other $rc [$mqk(other)] [$mqv(other)]\\n");
    mq_fetch("nosuch"); xlog("nosuch $rc [$mqk(nosuch)]\\n");
    mq_pv_free("other"); xlog("freed $rc [$mqk(other)]\\n");
    t_on_reply("R"); t_on_failure("F");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
onreply_route[R] { mq_add("events", "reply", "$rs $rr"); }
failure_route[F] { mq_add("events", "failure", "$T_reply_code"); }
route[WORK] {
    while (mq_fetch("events")) { xlog("work $mqk(events)=$mqv(events)\\n"); }
    if ($sht(h=>n) == 0) { xlog("timer $rm $si\\n"); }
    $sht(h=>n) = 1;
}
route[FAST] { $sht(h=>fast) = 1; return; }
"""


@case(QUEUE, modules=MODULES)
def a_queue_worked_off_by_a_timer(scene: Scene) -> None:
    """Items from request, reply and failure routes; a full queue drops its oldest; a timer works it off."""
    call = scene.alice.request("INVITE", "sip:bob@example.com")
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    scene.wait(1.3)
    scene.rpc("htable.get", "h", "fast")
    scene.rpc("mqueue.get_size", "events")
    scene.rpc("mqueue.get_size", "nosuch")
    scene.rpc("mqueue.get_sizes")


battery(
    "exam_tables",
    "cfgutils_of_everyday",
    """
    @ lock("$ci")
    @ unlock("$ci")
    @ lock("$avp(none)")
    @ unlock("$avp(none)")
    @ unlock("$avp(none)")
    @ trylock("key")
    @ unlock("key")
    @ check_route_exists("R")
    @ check_route_exists("nosuch")
    @ check_route_exists("$avp(none)")
    $var(r) = "R"; $var(n) = "nosuch";
    @ check_route_exists("$var(r)")
    @ route_if_exists("$var(r)")
    @ route_if_exists("$var(n)")
    @ route_if_exists("R")
    @ is_gflag("1")
    @ set_gflag("1")
    @ is_gflag("1")
    @ reset_gflag("1")
    @ is_gflag("1")
    $var(f) = 4; $var(t) = "4"; $var(h) = 99;
    @ is_gflag("4")
    @ usleep("1")
    @ usleep("$avp(none)")
    @ usleep("0")
    @ sleep("0")
    @ sleep("$var(none)")
    @ rand_set_prob("100")
    @ rand_event()
    @ rand_set_prob("0")
    @ rand_event()
    @ rand_get_prob()
    @ rand_reset_prob()
    $shv(x) = 5;
    = $shv(x)
    = $shv(none)
    $shv(x) = "text";
    = $shv(x)
    = $shv(x) + 1
    $shv(x) = $null;
    = $shv(x)
    @ core_hash("$ci", "$fU", "8")
    @ core_hash("$ci", "$avp(none)", "8")
    @ core_hash("a", "", "0")
    @ core_hash("a", "", "-3")
    @ core_hash("a", "b", "$var(f)")
    = $RANDOM * 0
    """,
    modules=MODULES,
    before='modparam("cfgutils", "lock_set_size", 4)\n',
    after='route[R] { xlog("0|x\\n"); return 3; }\n'.replace('xlog("0|x\\n"); ', ""),
)
