"""sqlops: SQL in routes, results and their cells, AVPs and variables filled from rows."""

# ruff: noqa: E501 - a line of a battery stays one line

from __future__ import annotations

from ..case import Scene, battery, case, verdicts

MODULES = "db_sqlite pv xlog sqlops"
CON = """
modparam("sqlops", "sqlcon", "ca=>sqlite:///DATABASE")
modparam("sqlops", "sqlcon", " cb =>  sqlite:///DATABASE")
modparam("sqlops", "sqlres", "rz")
"""
TABLE = """
    @ sql_query("ca", "create table if not exists kinds (id integer primary key, n int, big bigint, name varchar(64), note text, r double, at datetime, b blob)")
    @ sql_query("ca", "delete from kinds")
    @ sql_query("ca", "insert into kinds values (1, 7, 5000000000, 'alice', 'first', 1.5, 2459946.5, x'414243')")
    @ sql_query("ca", "insert into kinds values (2, -7, 12, 'b''ob', '', 2, null, null)")
    @ sql_query("ca", "insert into kinds values (3, null, null, null, null, null, null, null)")
"""

battery(
    "sqlops",
    "results",
    TABLE
    + r"""
    @ sql_query("ca", "select * from kinds order by id", "ra")
    = $dbr(ra=>rows)
    = $dbr(ra=>cols)
    = $dbr(ra=>colname[0])
    = $dbr(ra=>colname[7])
    = $dbr(ra=>colname[8])
    = $dbr(ra=>[0,0])
    = $dbr(ra=>[0,1])
    = $dbr(ra=>[0,2])
    = $dbr(ra=>[0,3])
    = $dbr(ra=>[0,4])
    = $dbr(ra=>[0,5])
    = $dbr(ra=>[0,6])
    = $dbr(ra=>[0,7])
    = $dbr(ra=>[1,1])
    = $dbr(ra=>[1,2])
    = $dbr(ra=>[1,3])
    = $dbr(ra=>[1,4])
    = $dbr(ra=>[1,5])
    = $dbr(ra=>[1,6])
    = $dbr(ra=>[2,0])
    = $dbr(ra=>[2,1])
    = $dbr(ra=>[2,3])
    = $dbr(ra=>[3,0])
    = $dbr(ra=>[0,8])
    $var(i) = 1;
    $var(j) = 3;
    = $dbr(ra=>[$var(i),$var(j)])
    = $dbr(ra=>[ $var(i) , 3 ])
    x = $dbr(ra => [1,3])
    = $dbr( ra=>[1,3])
    = $dbr(ra=>colname[$var(j)])
    $var(j) = "3";
    = $dbr(ra=>[0,$var(j)])
    = $dbr(ra=>[0,$avp(none)])
    = $(dbr(ra=>[0,3]){s.len})
    > $dbr(ra=>[0,3]) $dbr(ra=>[2,3]) $dbr(ra=>[0,1])
    = $dbr(rx=>rows)
    = $dbr(rx=>[0,0])
    = $dbr(rz=>rows)
    = $dbr(RA=>rows)
    = $sqlrows(ca)
    # the same container again
    @ sql_query("ca", "select name from kinds where id > 100", "ra")
    = $dbr(ra=>rows)
    = $dbr(ra=>cols)
    = $dbr(ra=>[0,0])
    @ sql_query("ca", "select name, id from kinds where id = 1", "ra")
    = $dbr(ra=>rows)
    = $dbr(ra=>[0,0])
    @ sql_query("ca", "selec name from kinds", "ra")
    = $dbr(ra=>rows)
    @ sql_query("cb", "select name from kinds where name='$fU'", "rb")
    = $dbr(rb=>[0,0])
    @ sql_query("cb", "select name from kinds where name='$var(none)$avp(none)'", "rb")
    @ sql_query("cb", "select name from kinds")
    @ sql_query("cb", "select name from kinds where id=9")
    @ sql_query("cb", "select name from nosuch")
    @ sql_query("cb", "update kinds set n=8 where id < 3", "rb")
    = $dbr(rb=>rows)
    @ sql_query("ca", "select n, count(*), max(id), 1.5, 'x', null, id+1, avg(n), 5000000000, length(name) from kinds group by n order by n", "ra")
    = $dbr(ra=>rows)
    = $dbr(ra=>colname[0])
    = $dbr(ra=>colname[1])
    = $dbr(ra=>[0,0])
    = $dbr(ra=>[0,1])
    = $dbr(ra=>[1,1])
    = $dbr(ra=>[1,2])
    = $dbr(ra=>[1,3])
    = $dbr(ra=>[1,4])
    = $dbr(ra=>[1,5])
    = $dbr(ra=>[1,6])
    = $dbr(ra=>[1,7])
    = $dbr(ra=>[1,8])
    = $dbr(ra=>[1,9])
    @ sql_query("ca", "select big as x, at as y, n as z from kinds where id=1", "ra")
    = $dbr(ra=>[0,0])
    = $dbr(ra=>[0,1])
    = $dbr(ra=>[0,2])
    = $dbr(ra=>colname[1])
    @ sql_result_free("ra")
    = $dbr(ra=>rows)
    = $dbr(ra=>[0,0])
    @ sql_result_free("never")
    @ sql_query_async("ca", "delete from kinds")
    @ sql_query("ca", "select count(*) from kinds", "ra")
    = $dbr(ra=>[0,0])
    @ sql_query("ca", "", "ra")
    """,
    modules=MODULES,
    before=CON,
)

battery(
    "sqlops",
    "rows_in_xavps_and_variables",
    TABLE
    + r"""
    @ sql_xquery("ca", "select * from kinds order by id", "xa")
    = $xavp(xa=>id)
    = $xavp(xa=>n)
    = $xavp(xa=>big)
    = $xavp(xa=>name)
    = $xavp(xa=>note)
    = $xavp(xa=>r)
    = $xavp(xa=>at)
    = $xavp(xa=>b)
    = $xavp(xa[1]=>name)
    = $xavp(xa[1]=>big)
    = $xavp(xa[2]=>id)
    = $xavp(xa[2]=>name)
    = $xavp(xa[3]=>id)
    = $cnt($xavp(xa))
    @ sql_xquery("ca", "select id as a, name as a from kinds where id=1", "xb")
    = $xavp(xb=>a)
    = $xavp(xb=>a[1])
    @ sql_xquery("ca", "select name from kinds where id=9", "xc")
    = $xavp(xc=>name)
    @ sql_xquery("ca", "select", "xd")
    @ sql_xquery("ca", "select name from kinds where id=2", "x$fU")
    = $xavp(xalice=>name)
    @ sql_xquery("ca", "select name from kinds where id=1", "xalice")
    = $xavp(xalice=>name)
    = $xavp(xalice[1]=>name)
    @ sql_pvquery("ca", "select id, name, note, n from kinds order by id", "$avp(id),$avp(name);$var(note) $vn(n)")
    = $avp(id)
    = $(avp(id)[*])
    = $(avp(name)[*])
    = $var(note)
    = $vn(n)
    @ sql_pvquery("ca", "select id, n, r, at, big, b from kinds where id=1", "$var(a), $var(b), $var(c), $var(d), $var(e), $var(f)")
    = $var(a)
    = $var(b)
    = $var(c)
    = $var(d)
    = $var(e)
    = $var(f)
    @ sql_pvquery("ca", "select big from kinds where id=2", "$avp(small)")
    = $avp(small)
    @ sql_pvquery("ca", "select big from kinds where id=2", "$var(small)")
    = $var(small)
    @ sql_pvquery("ca", "select id, name from kinds where id=1", "$avp(few)")
    = $avp(few)
    @ sql_pvquery("ca", "select id from kinds where id=1", "$avp(more),$avp(most)")
    = $avp(more)
    = $avp(most)
    @ sql_pvquery("ca", "select id from kinds where id=9", "$avp(nothing)")
    @ sql_pvquery("ca", "select nothing", "$avp(nothing)")
    @ sql_pvquery("ca", "select name from kinds where name='$fU'", "$xavp(deep=>name)")
    = $xavp(deep=>name)
    @ sql_pvquery("ca", "select name from kinds where id=1", "$ru")
    = $ru
    @ sql_pvquery("ca", "select 'sip:carol@example.com'", "$ru")
    = $ru
    @ sql_pvquery("ca", "select name from kinds where id=3", "$du")
    """,
    modules=MODULES,
    before=CON,
)

battery(
    "sqlops",
    "transformations",
    r"""
    $var(q) = "it's a \"test\" \\ here";
    = $(var(q){sql.val})
    = $(var(q){sql.val.str})
    = $(var(q){sql.val.int})
    $var(n) = 12;
    = $(var(n){sql.val})
    = $(var(n){sql.val.str})
    = $(var(n){sql.val.int})
    = $(avp(none){sql.val})
    = $(avp(none){sql.val.int})
    = $(avp(none){sql.val.str})
    $var(e) = "";
    = $(var(e){sql.val})
    = $(var(e){sql.val.int})
    x = $(fU{SQL.VAL})
    = $(rm{sql.val})
    = $(sp{sql.val})
    = $(fU{sql.val}{s.len})
    > values ($(fU{sql.val}), $(avp(none){sql.val}))
    $var(l) = "0123456789";
    $var(l) = $var(l) + $var(l) + $var(l) + $var(l);
    = $(var(l){sql.val})
    > <$(var(l){sql.val})>
    """,
    modules=MODULES,
    before=CON + 'modparam("sqlops", "tr_buf_size", 64)\n',
)


@case(
    """
modparam("sqlops", "sqlcon", "ca=>sqlite:///DATABASE")
request_route {
    sql_query("ca", "select password from subscriber where username='$rU'", "ra");
    if ($dbr(ra=>rows) > 0) {
        xlog("$rU has $dbr(ra=>[0,0])\\n");
        sql_query("ca", "update subscriber set password='new' where username=$(rU{sql.val})");
    } else {
        xlog("$rU: $dbr(ra=>rows) rows, $rc\\n");
    }
    sql_result_free("ra");
}
""",
    modules=MODULES,
)
def a_table_of_kamailio(scene: Scene) -> None:
    """What routes write is what others find."""
    scene.execute("INSERT INTO subscriber (username, domain, password) VALUES ('bob', 'example.com', 'secret')")
    for user in ("bob", "bob", "carol"):
        scene.alice.request("OPTIONS", f"sip:{user}@example.com")
    scene.rows("subscriber", "username", "password")


verdicts(
    "sqlops",
    "what_the_start_is_refused_for",
    """
: modparam("sqlops", "sqlcon", "ca")
: modparam("sqlops", "sqlcon", "")
: modparam("sqlops", "sqlcon", "ca=sqlite:///x")
: modparam("sqlops", "sqlcon", "ca>sqlite:///x")
: modparam("sqlops", "sqlcon", "cb=>nosuch:///x")
: modparam("sqlops", "sqlcon", "cb=>x")
: modparam("sqlops", "sqlcon", "cz=>sqlite:///DATABASE")
: modparam("sqlops", "sqlcon", "CZ=>sqlite:///DATABASE")
: modparam("sqlops", "tr_buf_size", 0)
: modparam("sqlops", "tr_buf_size", -1)
sql_query("nosuch", "select 1");
sql_query("cz", "select 1");
sql_query("cz", "select 1", "ra");
sql_query("cz", "select $nosuch(x)", "ra");
sql_query("$var(x)", "select 1", "ra");
sql_query("cz", "select 1", "$var(x)");
sql_query("cz");
sql_xquery("cz", "select 1");
sql_xquery("cz", "select 1", "$nosuch(x)");
sql_pvquery("cz", "select 1", "x");
sql_pvquery("cz", "select 1", "$avp(x)");
sql_pvquery("cz", "select 1", "$avp(x),");
sql_pvquery("cz", "select 1", "$avp(x) $si");
sql_pvquery("cz", "select 1", "$avp(x),y");
sql_pvquery("cz", "select 1", ",");
sql_result_free("x");
sql_query_async("nosuch", "select 1");
xlog("$sqlrows(nosuch)");
xlog("$sqlrows(cz)");
xlog("$sqlrows");
xlog("$dbr");
xlog("$dbr(x)");
xlog("$dbr(x=>)");
xlog("$dbr(x=>y)");
xlog("$dbr(x=>row)");
xlog("$dbr(x=>rowsx)");
xlog("$dbr(x=>[])");
xlog("$dbr(x=>[0])");
xlog("$dbr(x=>[0,])");
xlog("$dbr(x=>[a,0])");
xlog("$dbr(x=>[0,1])");
xlog("$dbr(x=>[-1,0])");
xlog("$dbr(x=>colname)");
xlog("$dbr(x=>colname[0])");
xlog("$dbr(x=>colname[])");
xlog("$dbr(x =>  rows)");
$dbr(x=>rows) = 1;
xlog("$(fU{sql.val.x})");
xlog("$(fU{sql.none})");
xlog("$(fU{sql.val,1})");
xlog("$(fU{sql})");
""",
    modules=MODULES,
    before='modparam("sqlops", "sqlcon", "cz=>sqlite:///DATABASE")\n',
)
