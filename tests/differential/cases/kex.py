r"""kex: flags, the destination URI, is_myself, statistics."""

from __future__ import annotations

from ..case import Scene, battery, case
from .textops import BARE

MODULES = "pv xlog kex"

battery(
    "kex",
    "flags and URIs",
    r"""
    @ issflagset("3")
    @ setsflag("3")
    @ issflagset("3")
    > $sf $sF
    @ resetsflag("3")
    @ issflagset("3")
    @ setsflag("32")
    @ setsflag("-1")
    @ setsflag("0")
    @ issflagset("0")
    @ resetsflag("0")
    @ setbflag("2")
    @ isbflagset("2")
    @ isbflagset("2", "0")
    @ isbflagset("2", "1")
    @ setbflag("2", "1")
    @ isbflagset("2", "1")
    @ setbflag("2", "99")
    @ setbflag("32")
    @ setbflag("2", "-1")
    @ resetbflag("2")
    @ isbflagset("2")
    @ resetbflag("2", "1")
    @ isbflagset("2", "1")
    > $bf $bF
    $var(i) = 5;
    @ setbflag("$var(i)")
    @ isbflagset("5")
    > $bf
    @ isdsturiset()
    @ setdsturi("sip:10.0.0.1:5070;transport=tcp")
    @ isdsturiset()
    > $du
    @ setdsturi("$ru")
    > $du
    @ resetdsturi()
    @ isdsturiset()
    > $du
    @ pv_printf("$var(x)", "$rm-$rU-$null")
    > $var(x)
    @ avp_printf("$avp(x)", "a $$ b")
    > $avp(x)
    @ pv_printf("$ru", "sip:$rm@x")
    > $ru
    @ is_myself("127.0.0.1")
    @ is_myself("10.0.0.1")
    @ is_myself("sip:a@127.0.0.1:21200")
    @ is_myself("sip:127.0.0.1:21209")
    @ is_myself("sip:127.0.0.1:21200;transport=tcp")
    @ is_myself("sips:127.0.0.1:21200")
    @ is_myself("sip:")
    @ is_myself("$si")
    @ is_myself("$Ri")
    @ setdebug("1")
    @ resetdebug()
    > $(sruid{re.subst,/^([a-z]*)-.*-([0-9a-f]*)$/\1/})
    """,
    modules="pv xlog textops kex",
    messages=(BARE,),
)


@case(
    modules=MODULES,
    config=r"""request_route {
    xlog("L_DBG", "a line nobody sees\n");
    setdebug("3");
    xlog("L_DBG", "a line somebody sees\n");
    xlog("L_ERR", "an error\n");
    setdebug("-2");
    xlog("L_ERR", "no error\n");
    resetdebug();
    xlog("L_ERR", "an error again\n");
}""",
)
def the_debug_level_of_one_process(scene: Scene) -> None:
    """setdebug() changes what is logged until resetdebug()."""
    scene.alice.send(BARE)
    scene.settle()


@case(
    modules="pv xlog sl kex",
    config='request_route { sl_send_reply("200", "OK"); }',
    differs={"rpc/31": "Python keeps no accounts of memory by module"},
)
def statistics(scene: Scene) -> None:
    """stats.*: by name, by group, as text and as numbers; reset and clear."""
    scene.alice.send(BARE)
    scene.alice.expect(200)
    for name in ("rcv_requests", "rcv_requests_options", "core:rcv_requests", "nope", "core.rcv_requests"):
        scene.rpc("stats.get_statistics", name)
        scene.rpc("stats.fetch", name)
        scene.rpc("stats.fetchn", name)
    scene.rpc("stats.get_statistics", "sl:")
    scene.rpc("stats.fetch", "core:")
    scene.rpc("stats.get_statistics", "nope:")
    scene.rpc("stats.get_statistics")
    scene.rpc("stats.fetch")
    scene.rpc("stats.get_statistics", "rcv_requests", "rcv_replies")
    scene.rpc("stats.fetchn", "rcv_requests", "rcv_replies")
    scene.rpc("stats.clear_statistics", "rcv_requests")
    scene.rpc("stats.clear_statistics", "rcv_requests")
    scene.rpc("stats.clear_statistics", "sl:")
    scene.rpc("stats.reset_statistics", "rcv_requests_options")
    scene.rpc("stats.get_statistics", "rcv_requests_options")
    scene.rpc("stats.reset_statistics")
    scene.rpc("stats.clear_statistics")
    scene.rpc("stats.reset_statistics", "all")
    scene.rpc("mod.stats", "xlog", "shm")
    scene.rpc("mod.stats", "xlog", "all")
    scene.rpc("mod.mem_statsx", "nope", "pkg")
    scene.rpc("mod.stats", "xlog")
    scene.rpc("mod.stats")
    scene.rpc("pkg.stats", "nope")
    scene.rpc("pkg.stats", "index")
    scene.rpc("pkg.stats", "pid", 999999)
