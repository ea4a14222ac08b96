"""dispatcher: which destinations the algorithms share requests out to, and what a request remembers of them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case

MODULES = "db_sqlite tm sl pv xlog textops siputils dispatcher"
BASE = """
listen=udp:127.0.0.1:21200 name "main"
listen=udp:127.0.0.2:21200 name "other"
disable_tcp=yes
auto_aliases=no
max_while_loops=200
modparam("dispatcher", "db_url", "sqlite:///DATABASE")
modparam("dispatcher", "reload_delta", 0)
"""
FAILOVER = BASE + 'modparam("dispatcher", "flags", 2)\n'

Row = tuple[int, str, int, int, str]


def load(scene: Scene, *rows: Row) -> None:
    """Fill the table and have it read."""
    scene.execute(
        *(
            "INSERT INTO dispatcher (setid, destination, flags, priority, attrs, description) "
            f"VALUES ({group}, '{uri}', {flags}, {priority}, '{attrs}', 'from {group}')"
            for group, uri, flags, priority, attrs in rows
        )
    )
    scene.rpc("dispatcher.reload")


def call(scene: Scene, name: str, method: str = "INVITE") -> None:
    """One request of a call."""
    scene.alice.request(method, call_id=name)
    scene.settle()


def tally(algorithm: int) -> str:
    """Which of six destinations a hundred selections find, counted."""
    counts = "".join(f'if ($du == "sip:10.0.0.{n}") $var(c{n}) = $var(c{n}) + 1;\n' for n in range(1, 7))
    zero = "".join(f"$var(c{n}) = 0; " for n in range(1, 7))
    return f"""
request_route {{
    {zero}
    $var(i) = 0;
    while ($var(i) < 100) {{
        $var(i) = $var(i) + 1;
        if (!ds_select_dst("$(rU{{s.int}})", "{algorithm}")) xlog("none\\n");
        {counts}
    }}
    xlog("$rU: $var(c1) $var(c2) $var(c3) $var(c4) $var(c5) $var(c6)\\n");
}}
"""


def tell(scene: Scene, *groups: int) -> None:
    """Have the script count for these sets."""
    for group in groups:
        scene.alice.request(uri=f"sip:{group}@example.com", call_id=f"count-{group}")
        scene.settle()


WEIGHTS: list[Row] = [
    (1, "sip:10.0.0.1", 0, 9, "weight=20"),
    (1, "sip:10.0.0.2", 0, 8, "weight=50"),
    (1, "sip:10.0.0.3", 0, 7, "weight=10"),
    (2, "sip:10.0.0.1", 0, 9, "weight=70"),
    (2, "sip:10.0.0.2", 0, 8, "weight=70"),
    (2, "sip:10.0.0.3", 0, 7, "weight=1"),
    (3, "sip:10.0.0.1", 0, 9, "weight=0"),
    (3, "sip:10.0.0.2", 0, 8, "weight=101"),
    (3, "sip:10.0.0.3", 0, 7, "weight=30"),
    (4, "sip:10.0.0.1", 1, 9, "weight=40"),
    (4, "sip:10.0.0.2", 0, 8, "weight=60"),
    (5, "sip:10.0.0.4", 0, 0, "weight=x"),
    (6, "sip:10.0.0.5", 0, 2, "weight=5"),
    (6, "sip:10.0.0.6", 4, 1, "weight=5"),
]


@case(BASE + tally(9), modules=MODULES)
def weights(scene: Scene) -> None:
    """Algorithm 9: percentages that fill up to a hundred, go over it, or are none."""
    load(scene, *WEIGHTS)
    tell(scene, 1, 2, 3, 4, 5, 6, 7)


RELATIVE: list[Row] = [
    (1, "sip:10.0.0.1", 0, 9, "rweight=1"),
    (1, "sip:10.0.0.2", 0, 8, "rweight=2"),
    (1, "sip:10.0.0.3", 0, 7, "rweight=1"),
    (2, "sip:10.0.0.1", 0, 9, "rweight=1"),
    (2, "sip:10.0.0.2", 0, 8, "rweight=1"),
    (2, "sip:10.0.0.3", 0, 7, "rweight=1"),
    (3, "sip:10.0.0.1", 0, 9, ""),
    (3, "sip:10.0.0.2", 0, 8, "rweight=0"),
    (4, "sip:10.0.0.4", 0, 8, "rweight=7"),
    (5, "sip:10.0.0.5", 1, 8, "rweight=50"),
    (5, "sip:10.0.0.6", 0, 7, "rweight=50"),
]


@case(BASE + tally(11), modules=MODULES)
def relative_weights(scene: Scene) -> None:
    """Algorithm 11: shares of those that are there, counted anew when one goes and comes back."""
    load(scene, *RELATIVE)
    tell(scene, 1, 2, 3, 4, 5)
    scene.rpc("dispatcher.set_state", "i", 1, "sip:10.0.0.3")
    scene.rpc("dispatcher.set_state", "d", 2, "sip:10.0.0.1")
    tell(scene, 1, 2)
    scene.rpc("dispatcher.set_state", "a", 1, "sip:10.0.0.3")
    scene.rpc("dispatcher.set_state", "a", 2, "all")
    scene.rpc("dispatcher.set_state", "i", 5, "all")
    tell(scene, 1, 2, 5)


@case(BASE + tally(4), modules=MODULES)
def round_robin_past_gaps(scene: Scene) -> None:
    """Algorithm 4 goes past those that are down."""
    load(
        scene,
        *((1, f"sip:10.0.0.{n}", 1 if n in (2, 5) else 0, 10 - n, "") for n in range(1, 7)),
    )
    tell(scene, 1)


DEFAULT = """
modparam("dispatcher", "use_default", 1)
request_route {
    ds_select_dst("$(rU{s.int})", "4");
    xlog("$rc $du $xavp(_dsctx_=>cnt) $(xavp(_dsdst_[0]=>uri)) $(xavp(_dsdst_[1]=>uri)) $(xavp(_dsdst_[2]=>uri))\\n");
    $du = $null;
    ds_select_dst("$(rU{s.int})", "8", "2");
    xlog("$rc $du $xavp(_dsctx_=>cnt) $(xavp(_dsdst_[0]=>uri)) $(xavp(_dsdst_[1]=>uri))\\n");
    $du = $null;
    ds_select_dst("$(rU{s.int})", "13");
    xlog("$rc $du $xavp(_dsctx_=>cnt) $(xavp(_dsdst_[0]=>uri)) $(xavp(_dsdst_[1]=>uri))\\n");
}
"""


@case(FAILOVER + DEFAULT, modules=MODULES)
def default_destination(scene: Scene) -> None:
    """use_default: the last of a set is taken when nothing else is left, and stands behind the others."""
    load(
        scene,
        *((1, f"sip:10.0.0.{n}", 0, 10 - n, "") for n in range(1, 4)),
        (2, "sip:10.0.0.1", 1, 9, ""),
        (2, "sip:10.0.0.2", 0, 8, ""),
        (3, "sip:10.0.0.1", 1, 9, ""),
        (3, "sip:10.0.0.2", 1, 8, ""),
        (4, "sip:10.0.0.1", 0, 8, ""),
    )
    tell(scene, 1, 2, 3, 4, 1)


FORK = """
request_route {
    if ($rU == "1") ds_select_dst("1", "12");
    else if ($rU == "2") ds_select_domain("1", "12");
    else if ($rU == "3") ds_select("1", "12");
    else { $ru = "sip:example.com"; ds_select_domain("1", "12"); }
    xlog("$rc $ru $du $xavp(_dsdst_=>uri) $branch(count)\\n");
    $var(i) = 0;
    while ($var(i) < $branch(count)) {
        xlog("$(branch(uri)[$var(i)]) $(branch(dst_uri)[$var(i)]) $(branch(send_socket)[$var(i)])\\n");
        $var(i) = $var(i) + 1;
    }
}
"""


@case(FAILOVER + FORK, modules=MODULES)
def parallel(scene: Scene) -> None:
    """Algorithm 12: a branch for each destination, those that are down too but for the first."""
    load(
        scene,
        (1, "sip:10.0.0.1", 1, 9, ""),
        (1, "sip:10.0.0.2:5070;transport=tcp", 0, 8, "socket=udp:127.0.0.2:21200"),
        (1, "sip:10.0.0.3", 1, 7, ""),
        (1, "sip:10.0.0.4", 0, 6, "sockname=main"),
    )
    tell(scene, 1, 2, 3, 4)


LOAD = """
modparam("dispatcher", "ds_hash_size", 4)
request_route {
    if (is_method("BYE|CANCEL")) {
        ds_load_update();
        xlog("$rm $rc\\n");
        exit;
    }
    if (is_method("INFO")) {
        ds_load_unset();
        xlog("unset $rc\\n");
        exit;
    }
    ds_select_dst("1", "10");
    xlog("$rm $ci: $rc $du $xavp(_dsdst_=>dstid) $xavp(_dsctx_=>cnt) $(xavp(_dsdst_[1]=>uri))\\n");
    if ($ci == "next") {
        ds_next_dst();
        xlog("next $rc $du $xavp(_dsdst_=>dstid)\\n");
    }
    if ($ci == "unset") {
        ds_load_unset();
        xlog("unset $rc\\n");
    }
}
"""
LOADED: list[Row] = [
    (1, "sip:10.0.0.1", 0, 9, "duid=one;maxload=2"),
    (1, "sip:10.0.0.2", 0, 8, "duid=two;maxload=1"),
    (1, "sip:10.0.0.3", 0, 7, "duid=three;maxload=3"),
]


@case(FAILOVER + LOAD, modules=MODULES)
def call_load(scene: Scene) -> None:
    """Algorithm 10: fewest calls first, none above maxload; calls end, are repeated, and go on to the next."""
    load(scene, *LOADED)
    for number in range(7):
        call(scene, f"c{number}")
    scene.rpc("dispatcher.list")
    call(scene, "c0", "BYE")
    call(scene, "c1", "CANCEL")
    call(scene, "never", "BYE")
    call(scene, "c2", "INFO")
    call(scene, "c9", "OPTIONS")
    call(scene, "next")
    call(scene, "unset")
    call(scene, "c3")
    scene.rpc("dispatcher.list")
    scene.rpc("dispatcher.set_state", "i", 1, "sip:10.0.0.1")
    call(scene, "d1")
    call(scene, "d2")
    call(scene, "d3")
    call(scene, "d4")


@case(FAILOVER + LOAD, modules=MODULES)
def call_load_without_duid(scene: Scene) -> None:
    """Algorithm 10 needs a duid for each destination."""
    load(scene, (1, "sip:10.0.0.1", 0, 9, ""), (1, "sip:10.0.0.2", 0, 8, "duid=two"))
    for number in range(3):
        call(scene, f"c{number}")
    scene.rpc("dispatcher.list")


@case(FAILOVER + LOAD.replace('modparam("dispatcher", "ds_hash_size", 4)\n', ""), modules=MODULES)
def call_load_without_table(scene: Scene) -> None:
    """Algorithm 10 without ds_hash_size."""
    load(scene, *LOADED)
    call(scene, "c0")
    call(scene, "c1")
    call(scene, "c1", "BYE")


LATENCIES = """
modparam("dispatcher", "ds_ping_latency_stats", 1)
request_route {
    ds_select_dst("$(rU{s.int})", "13");
    xlog("$rc $du $xavp(_dsctx_=>cnt) $(xavp(_dsdst_[0]=>uri)) $(xavp(_dsdst_[1]=>uri)) $(xavp(_dsdst_[2]=>uri))\\n");
}
"""


@case(FAILOVER + LATENCIES, modules=MODULES)
def latencies(scene: Scene) -> None:
    """Algorithm 13: round robin among those whose priority, lowered by latency, is the highest."""
    load(
        scene,
        (1, "sip:10.0.0.1", 0, 30, "latency=21"),
        (1, "sip:10.0.0.2", 0, 30, "latency=91"),
        (1, "sip:10.0.0.3", 0, 30, "latency=19"),
        (1, "sip:10.0.0.4", 0, 30, ""),
        (2, "sip:10.0.0.1", 0, 30, "latency=500;cc=1"),
        (2, "sip:10.0.0.2", 0, 20, ""),
        (3, "sip:10.0.0.1", 1, 30, ""),
        (3, "sip:10.0.0.2", 0, -3, ""),
        (4, "sip:10.0.0.1", 1, 0, ""),
    )
    tell(scene, 1, 1, 1, 1, 2, 2, 3, 3, 4, 9)
    scene.rpc("dispatcher.list")


ROUTES = """
request_route {
    $var(rules) = $null;
    ds_select_routes("1=4;2=8", "d");
    xlog("$rc $du $xavp(_dsctx_=>cnt) $(xavp(_dsdst_[0]=>uri)) $(xavp(_dsdst_[1]=>uri)) $(xavp(_dsdst_[2]=>uri)) $(xavp(_dsdst_[3]=>uri))\\n");
    ds_select_routes("2=8;1=8", "ruri", "2");
    xlog("$rc $ru $xavp(_dsctx_=>cnt)\\n");
    ds_select_routes("3=4;1=8", "xavp");
    xlog("$rc $xavp(_dsdst_=>uri)\\n");
    ds_select_routes("3=4", "0");
    xlog("$rc\\n");
    ds_select_routes("9=4", "0");
    xlog("$rc\\n");
    ds_select_routes("9=4;1=4;9=8", "0");
    xlog("$rc\\n");
    ds_select_routes("1=4", "q");
    xlog("$rc\\n");
    ds_select_routes("1=x", "d");
    xlog("$rc\\n");
    ds_select_routes("1", "d");
    xlog("$rc\\n");
    ds_select_routes("1=4;", "D");
    xlog("$rc\\n");
    ds_select_routes("$var(rules)", "D");
    xlog("$rc\\n");
    ds_select_routes("1=8", "R", "$var(none)");
    xlog("$rc $xavp(_dsctx_=>cnt)\\n");
}
"""


@case(FAILOVER + ROUTES, modules=MODULES)
def select_routes(scene: Scene) -> None:
    """ds_select_routes: several sets, where the first goes, and rules that are none."""
    load(
        scene,
        (1, "sip:10.0.0.1", 0, 9, ""),
        (1, "sip:10.0.0.2", 0, 8, ""),
        (2, "sip:10.0.1.1", 0, 9, ""),
        (2, "sip:10.0.1.2", 0, 8, ""),
        (3, "sip:10.0.2.1", 1, 9, ""),
    )
    call(scene, "c1")


WHAT_STAYS = """
modparam("dispatcher", "xavp_dst_mode", 6)
modparam("dispatcher", "xavp_dst", "dst")
modparam("dispatcher", "xavp_ctx", "ctx")
modparam("dispatcher", "ds_attrs_none", 1)
modparam("dispatcher", "ds_db_extra_attrs", "note=description")
modparam("dispatcher", "ds_default_socket", "udp:127.0.0.2:21200")
request_route {
    ds_select("1", "8");
    xlog("$rc <$du> $fs $xavp(ctx=>cnt)\\n");
    $var(i) = 0;
    while ($var(i) < 4) {
        if ($(xavp(dst[0]=>sock)) != $null) $var(s) = 1; else $var(s) = 0;
        xlog("$xavp(dst=>grp) $xavp(dst=>uri) [$xavp(dst=>attrs)] $var(s) $xavp(dst=>socket) $xavp(dst=>sockname) $xavp(dst=>dstid)\\n");
        ds_set_dst();
        xlog("$rc $du $fs\\n");
        ds_set_domain();
        xlog("$rc $ru\\n");
        if (!ds_next_dst()) xlog("no next\\n");
        $var(i) = $var(i) + 1;
    }
    ds_next_domain();
    xlog("$rc\\n");
    ds_set_dst();
    xlog("$rc $du\\n");
}
"""


@case(FAILOVER + WHAT_STAYS, modules=MODULES)
def records(scene: Scene) -> None:
    """What the XAVPs tell of each destination, further columns among it, and which socket is used."""
    load(
        scene,
        (1, "sip:10.0.0.1", 0, 9, "socket=udp:127.0.0.1:21200;duid=x"),
        (1, "sip:10.0.0.2", 0, 8, "sockname=other;class=4;"),
        (1, "sip:10.0.0.3;transport=udp", 0, 7, ""),
        (1, "sips:10.0.0.4:5099", 0, 6, "socket=udp:127.0.0.1:21200;sockname=other"),
        (1, "sip:10.0.0.5", 0, 5, "socket=udp:10.9.9.9:21200"),
        (1, "sip:10.0.0.6", 0, 5, "sockname=nobody"),
        (1, "10.0.0.7", 0, 1, ""),
        (1, "nonsense:", 0, 1, ""),
    )
    call(scene, "c1")
    scene.rpc("dispatcher.list", "full")


LESS = """
modparam("dispatcher", "xavp_dst_mode", 1)
modparam("dispatcher", "xavp_ctx_mode", 1)
modparam("dispatcher", "force_dst", 0)
request_route {
    ds_select_dst("1", "8");
    xlog("$rc $du [$xavp(_dsdst_=>attrs)] [$xavp(_dsctx_=>cnt)]\\n");
    ds_select_dst("1", "4");
    xlog("$rc $du\\n");
    ds_select_domain("1", "4");
    xlog("$rc $ru\\n");
    $du = $null;
    ds_select_dst("$var(nothing)", "$var(nothing)");
    xlog("$rc\\n");
    ds_select_dst("$fU", "4");
    xlog("$rc\\n");
    ds_select_dst("1", "-1");
    xlog("$rc $du\\n");
    $du = $null;
    ds_select_dst("1", "64");
    xlog("$rc $du\\n");
    $du = $null;
    ds_select_dst("1", "4", "-1");
    xlog("$rc $du\\n");
    $du = $null;
    ds_select_dst("1", "7");
    xlog("$rc $du\\n");
    ds_is_from_list("$fU");
    xlog("$rc\\n");
    ds_is_active("$var(nothing)");
    xlog("$rc\\n");
}
"""


@case(FAILOVER + LESS, modules=MODULES)
def odd_arguments(scene: Scene) -> None:
    """Fewer fields, a destination that is set already, algorithms and sets that are none."""
    load(scene, (1, "sip:10.0.0.1", 0, 9, "a=b"), (1, "sip:10.0.0.2", 0, 8, ""))
    call(scene, "c1")


USER = """
modparam("dispatcher", "flags", 1)
request_route {
    ds_select_dst("1", "1");
    xlog("$du\\n");
    ds_select_dst("1", "2");
    xlog("$du\\n");
    ds_select_dst("1", "3");
    xlog("$du [$xavp(_dsdst_=>uri)]\\n");
    ds_next_dst();
    xlog("$rc\\n");
    ds_mark_dst();
    xlog("$rc\\n");
}
"""


@case(BASE + USER, modules=MODULES)
def users_alone(scene: Scene) -> None:
    """flags 1: only the user part counts; without 2 there is nothing to go on to."""
    load(scene, *((1, f"sip:10.0.0.{n}", 0, 0, "") for n in range(1, 8)))
    for host in ("example.com", "example.org:5070"):
        for user in ("alice", "+4930", "x"):
            uri = f"sip:{user}@{host}"
            scene.alice.request(uri=uri, to=f"<{uri}>", from_=f"<{uri}>", call_id=uri)
            scene.settle()
