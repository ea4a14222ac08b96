"""Commands with arguments that are missing or of another type, and functions in routes where few people call them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case
from .registration import _register

MODULES = "db_sqlite tm tmx sl rr pv xlog textops siputils kex corex usrloc registrar permissions domain pike htable mqueue rtimer cfgutils sqlops dispatcher acc"
PARAMS = """
#!define DBURL "sqlite:///DATABASE"
modparam("permissions", "db_url", DBURL)
modparam("permissions", "db_mode", 1)
modparam("permissions", "reload_delta", 0)
modparam("permissions", "load_backends", 3)
modparam("domain", "db_url", DBURL)
modparam("dispatcher", "db_url", DBURL)
modparam("dispatcher", "reload_delta", 0)
modparam("dispatcher", "flags", 2)
modparam("htable", "htable", "a=>size=4;")
modparam("mqueue", "mqueue", "name=q;size=2")
modparam("rtimer", "timer", "name=t;interval=60;mode=1;")
modparam("rtimer", "exec", "timer=t;route=T")
modparam("pike", "reqs_density_per_unit", 100)
modparam("acc", "log_level", -1)
modparam("acc", "log_flag", 1)
"""
COMMANDS = (
    *(
        "htable.get",
        "htable.get a",
        "htable.get a none",
        "htable.get a 5",
        "htable.get nosuch x",
        "htable.sets a",
        "htable.sets a k",
        "htable.sets a k v",
        "htable.sets a k 5",
        "htable.sets a 5 x",
    ),
    *(
        "htable.seti a k",
        "htable.seti a k v",
        "htable.seti a k 7",
        "htable.seti nosuch k 7",
        "htable.get a k",
        "htable.setex a k 10",
        "htable.setex a none 10",
        "htable.setex a k x",
        "htable.setxs a k2 v 10",
        "htable.setxi a k3 4 10",
        "htable.setxi a k3 v",
    ),
    *(
        "htable.dump",
        "htable.dump nosuch",
        "htable.delete a",
        "htable.delete a none",
        "htable.delete a k",
        "htable.delete nosuch k",
        "htable.flush",
        "htable.flush nosuch",
        "htable.flush a",
        "htable.reload",
        "htable.reload a",
        "htable.store",
        "htable.store a",
        "htable.store nosuch",
        "htable.stats",
    ),
    *(
        "mqueue.get_size",
        "mqueue.get_size none",
        "mqueue.get_size q",
        "mqueue.get_size 5",
        "mqueue.fetch",
        "mqueue.fetch q",
        "mqueue.fetch none",
    ),
    *("rtimer.list", "rtimer.list x"),
    *("pike.top", "pike.top HOT", "pike.top nonsense", "pike.top 5", "pike.list"),
    *(
        "permissions.testUri",
        "permissions.testUri x",
        "permissions.addressReload x",
        "permissions.addressDump x",
        "permissions.nosuch",
    ),
    *("domain.reload x", "domain.dump x"),
    *(
        "dispatcher.set_state",
        "dispatcher.set_state ip",
        "dispatcher.set_state ip 1",
        "dispatcher.set_state ip 1 x",
        "dispatcher.set_state ip x sip:10.0.0.1",
        "dispatcher.set_state q 1 sip:10.0.0.1",
        "dispatcher.set_state ap 1 sip:10.0.0.1",
        "dispatcher.set_state dp 99 sip:10.0.0.1",
        "dispatcher.set_state ip 1 all",
        "dispatcher.set_state i 99 all",
    ),
    *(
        "dispatcher.add",
        "dispatcher.add 1",
        "dispatcher.add 1 nonsense",
        "dispatcher.add 1 sip:10.0.0.1",
        "dispatcher.add 1 sip:10.0.0.2 0 5 duid=x;weight=5",
        "dispatcher.add x sip:10.0.0.3",
        "dispatcher.add 1 sip:10.0.0.4 x",
        "dispatcher.remove",
        "dispatcher.remove 1",
        "dispatcher.remove 1 sip:10.0.0.9",
        "dispatcher.remove 9 sip:10.0.0.1",
    ),
    *(
        "dispatcher.list",
        "dispatcher.list x",
        "dispatcher.list short",
        "dispatcher.hash",
        "dispatcher.hash 4",
        "dispatcher.hash 4 bob",
        "dispatcher.hash x bob",
        "dispatcher.ping_active x",
        "dispatcher.ping_active 7",
        "dispatcher.ping_active 1",
    ),
    *(
        "ul.lookup",
        "ul.lookup location",
        "ul.lookup location nobody",
        "ul.lookup nosuch nobody",
        "ul.rm",
        "ul.rm location",
        "ul.rm location nobody",
        "ul.rm nosuch nobody",
        "ul.rm_contact location nobody",
        "ul.rm_contact location nobody sip:x",
    ),
    *(
        "ul.add",
        "ul.add location bob sip:x@10.0.0.1",
        "ul.add location bob sip:x@10.0.0.1 60 1.0 x 0 0 0",
        "ul.add location bob nonsense 60 1.0 x 0 0 0",
        "ul.add nosuch bob sip:x@10.0.0.1 60 1.0 x 0 0 0",
        "ul.add location carol sip:x@10.0.0.1 x 1.0 x 0 0 0",
        "ul.add location dave sip:x@10.0.0.1 60 7.5 x 0 0 0",
    ),
    *(
        "ul.dump brief",
        "ul.dump x",
        "ul.flush",
        "ul.db_users",
        "ul.db_users location",
        "ul.db_contacts location",
        "ul.db_expired_contacts location",
    ),
    *(
        "pv.shvGet",
        "pv.shvGet none",
        "pv.shvSet",
        "pv.shvSet x",
        "pv.shvSet x int 5",
        "pv.shvSet x str five",
        "pv.shvSet x zzz 5",
        "pv.shvSet x int y",
    ),
    *("cfgutils.gflags", "sqlops.nosuch"),
)


@case(PARAMS + 'request_route { $shv(x) = 1; mq_add("q", "k", "v"); drop; }\nroute[T] { return; }\n', modules=MODULES)
def commands_with_odd_arguments(scene: Scene) -> None:
    """Missing, of another type, not there."""
    scene.alice.request("OPTIONS", "sip:x@example.com")
    for line in COMMANDS:
        name, *args = line.split()
        scene.rpc(name, *(int(arg) if arg.isdigit() else float(arg) if arg in ("1.0", "7.5") else arg for arg in args))


ROUTES = """
request_route {
    if (is_method("ACK")) { t_check_trans(); exit; }
    if (is_method("REGISTER")) { t_newtran(); t_on_reply("R"); save("location", "0x02"); xlog("save $rc\\n"); reg_send_reply(); xlog("sent $rc\\n"); exit; }
    setflag(1);
    t_on_reply("R"); t_on_failure("F"); t_on_branch("B");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
route[T] { return; }
branch_route[B] {
    registered("location", "sip:bob@example.com"); xlog("branch registered $rc\\n");
    $sht(a=>branch) = $T_branch_idx; mq_add("q", "branch", "$ru"); acc_log_request("299 branch"); xlog("branch $rc\\n");
    sql_query("ca", "select 1", "r"); xlog("branch $rc $dbr(r=>[0,0])\\n");
    ds_is_from_list(); xlog("branch $rc\\n");
}
onreply_route[R] {
    registered("location", "sip:bob@example.com"); xlog("reply registered $rc\\n");
    registered("location"); xlog("reply registered $rc\\n");
    unregister("location", "sip:carol@example.com"); xlog("reply unregister $rc\\n");
    acc_log_request("$rs reply"); xlog("reply $rc\\n");
    sql_query("ca", "select $rs, '$rr'", "r"); xlog("reply $rc $dbr(r=>[0,0]) $dbr(r=>[0,1])\\n");
    sql_pvquery("ca", "select 'x'", "$ru"); xlog("reply $rc $ru\\n");
    ds_mark_dst("ip"); xlog("reply $rc\\n");
    ds_list_exists("1"); xlog("reply $rc\\n");
    lock("k"); unlock("k"); xlog("reply $rc\\n");
}
failure_route[F] {
    lookup("location"); xlog("failure $rc $ru $branch(count)\\n");
    $ru = "sip:bob@example.com"; lookup("location"); xlog("failure $rc $ru $branch(count)\\n");
    lookup_branches("location"); xlog("failure $rc\\n");
    registered("location"); xlog("failure registered $rc\\n");
    reg_fetch_contacts("location", "$ru", "c"); xlog("failure $rc $(ulc(c=>count))\\n");
    acc_log_request("$T_reply_code failure"); xlog("failure $rc\\n");
    mq_fetch("q"); xlog("failure $rc $mqk(q) $mqv(q)\\n");
    ds_next_dst(); xlog("failure $rc\\n");
    ds_select_dst("1", "4"); xlog("failure $rc $du\\n");
    ds_mark_dst("ip"); xlog("failure $rc\\n");
}
"""


@case(
    PARAMS + 'modparam("sqlops", "sqlcon", "ca=>sqlite:///DATABASE")\n' + ROUTES,
    modules=MODULES,
)
def functions_in_every_route(scene: Scene) -> None:
    """What is allowed in branch, reply and failure routes does the same there."""
    scene.execute(
        "INSERT INTO dispatcher (setid, destination, flags, priority) VALUES (1, 'sip:127.0.0.13:21200', 0, 0)"
    )
    scene.rpc("dispatcher.reload")
    _register(scene, "<sip:bob@127.0.0.12:21200>,<sip:b2@127.0.0.12:21201>;q=0.3", expires=60)
    scene.label("registered")
    call = scene.alice.request("INVITE", "sip:nobody@example.com")
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.settle()
    scene.alice.ack(call)
    scene.rpc("dispatcher.list", "short")
    scene.rpc("mqueue.get_size", "q")
