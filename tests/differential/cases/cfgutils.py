"""cfgutils: chance, global flags, locks, routes by name, hashes."""

from __future__ import annotations

from ..case import Scene, battery, case, verdicts

MODULES = "pv xlog cfgutils"

battery(
    "cfgutils",
    "chance",
    """
    @ rand_get_prob()
    @ rand_set_prob("0")
    @ rand_event()
    @ rand_set_prob("100")
    @ rand_get_prob()
    @ rand_event()
    @ rand_set_prob("1")
    @ rand_get_prob()
    @ rand_reset_prob()
    @ rand_get_prob()
    @ rand_set_prob("x")
    @ rand_event()
    @ rand_set_prob("7x")
    @ rand_get_prob()
    @ rand_set_prob("")
    @ rand_event()
    ? $RANDOM >= 0
    ? $RANDOM != $RANDOM
    = $(RANDOM{s.len}) > 0
    """,
    modules=MODULES,
    before='modparam("cfgutils", "initial_probability", 33)',
)

battery(
    "cfgutils",
    "global_flags",
    """
    @ is_gflag("0")
    @ is_gflag("1")
    @ is_gflag("2")
    @ set_gflag("2")
    @ is_gflag("2")
    @ set_gflag("31")
    @ is_gflag("31")
    @ is_gflag("30")
    @ reset_gflag("1")
    @ is_gflag("1")
    @ reset_gflag("1")
    @ reset_gflag("31")
    @ is_gflag("31")
    @ set_gflag("")
    @ is_gflag("+2")
    """,
    modules=MODULES,
    before='modparam("cfgutils", "initial_gflags", 3)',
)

battery(
    "cfgutils",
    "locks",
    """
    @ lock("a")
    @ trylock("a")
    @ trylock("A")
    @ unlock("a")
    @ trylock("a")
    @ trylock("a")
    @ unlock("a")
    @ unlock("a")
    @ lock("$rU")
    @ trylock("bob")
    @ trylock("alice")
    @ unlock("$rU")
    @ trylock("")
    @ trylock("")
    @ unlock("$var(none)")
    """,
    modules=MODULES,
    before='modparam("cfgutils", "lock_set_size", 8)',
)

battery(
    "cfgutils",
    "locks_that_nobody_made",
    """
    @ lock("a")
    @ unlock("a")
    @ trylock("a")
    """,
    modules=MODULES,
)

battery(
    "cfgutils",
    "two_locks_share_a_slot",
    """
    @ lock("a")
    @ trylock("b")
    @ trylock("c")
    @ trylock("d")
    @ trylock("e")
    @ trylock("f")
    """,
    modules=MODULES,
    before='modparam("cfgutils", "lock_set_size", 1)',
)

battery(
    "cfgutils",
    "routes_by_name",
    """
    @ check_route_exists("THERE")
    @ check_route_exists("there")
    @ check_route_exists("NOT")
    @ check_route_exists("")
    @ check_route_exists("0")
    @ check_route_exists("REPLY")
    @ check_route_exists("BRANCH")
    $var(r) = "THERE";
    @ check_route_exists("$var(r)")
    @ route_if_exists("THERE")
    @ route_if_exists("$var(r)")
    @ route_if_exists("NOT")
    @ route_if_exists("NEGATIVE")
    @ route_if_exists("PLAIN")
    @ route_if_exists("RETURNS")
    > $var(seen)
    @ route_if_exists("ZERO")
    = "behind zero"
    """,
    modules=MODULES,
    after="""
route[THERE] { $var(seen) = $var(seen) + 1; return 5; }
route[NEGATIVE] { return -7; }
route[PLAIN] { $var(x) = 1; }
route[RETURNS] { return; }
route[ZERO] { return 0; }
onreply_route[REPLY] { exit; }
branch_route[BRANCH] { exit; }
""",
)

LEAVING = """
route[EXIT] { xlog("exit in route\\n"); exit; }
route[DROP] { xlog("drop in route\\n"); drop; }
request_route {
    if ($rm == "INVITE") route_if_exists("EXIT");
    if ($rm == "OPTIONS") route_if_exists("DROP");
    xlog("$rm goes on\\n");
}
"""


@case(LEAVING, modules=MODULES)
def leaving_a_route_by_name(scene: Scene) -> None:
    """exit and drop end the whole script."""
    for method in ("INVITE", "OPTIONS", "MESSAGE"):
        scene.alice.request(method)
        scene.settle()


battery(
    "cfgutils",
    "hashes",
    """
    @ core_hash("a", "", "4")
    @ core_hash("a", "", "8")
    @ core_hash("a", "b", "8")
    @ core_hash("ab", "", "8")
    @ core_hash("call-1@example.com", "", "16")
    @ core_hash("$ci", "", "16")
    @ core_hash("$ci", "$rU", "10")
    @ core_hash("", "", "4")
    @ core_hash("a", "", "0")
    @ core_hash("a", "", "-3")
    @ core_hash("a", "", "1")
    $var(size) = 6;
    @ core_hash("a", "", "$var(size)")
    @ core_hash("a", "", "$rU")
    @ core_hash("a", "", "30")
    @ core_hash("$var(none)", "", "8")
    """,
    modules=MODULES,
)


@case('modparam("cfgutils", "initial_gflags", 5)\nrequest_route { rand_get_prob(); xlog("$rc\\n"); }', modules=MODULES)
def commands(scene: Scene) -> None:
    """Flags and chance from outside; no file is hashed."""

    def ask(command: str, *args: int | str) -> None:
        scene.rpc(f"cfgutils.{command}", *args)

    ask("get_gflags")
    ask("is_gflag", 1)
    ask("is_gflag", 4)
    ask("is_gflag", 5)
    ask("is_gflag", 7)
    ask("is_gflag", 0)
    ask("is_gflag")
    ask("is_gflag", "5")
    ask("set_gflag", 1024)
    ask("set_gflag", 2)
    ask("set_gflag")
    ask("set_gflag", "x")
    ask("get_gflags")
    ask("reset_gflag", 6)
    ask("reset_gflag")
    ask("get_gflags")
    ask("set_gflag", -1)
    ask("get_gflags")
    ask("rand_get_prob")
    ask("rand_set_prob", 55)
    ask("rand_get_prob")
    scene.alice.request()
    ask("rand_set_prob", 101)
    ask("rand_set_prob", -1)
    ask("rand_set_prob")
    ask("rand_set_prob", "5")
    ask("rand_get_prob")
    ask("rand_reset_prob")
    ask("rand_get_prob")
    ask("get_config_hash")
    ask("check_config_hash")


@case('modparam("cfgutils", "hash_file", "/etc/hostname")\nrequest_route { drop; }', modules=MODULES)
def a_file_that_stays_as_it_is(scene: Scene) -> None:
    """check_config_hash."""
    scene.rpc("cfgutils.check_config_hash")


@case(
    """
request_route {
    $var(before) = $TV(Sn);
    usleep("2000");
    xlog("$rc\\n");
    sleep("0");
    xlog("$rc\\n");
    $var(s) = 1000;
    usleep("$var(s)");
    xlog("$rc\\n");
    usleep("$rU");
    xlog("$rc\\n");
    pkg_status();
    xlog("$rc\\n");
    pkg_summary();
    xlog("$rc\\n");
    shm_status();
    xlog("$rc\\n");
    shm_summary();
    xlog("$rc\\n");
    $var(t) = $Ts;
    sleep("1");
    $var(d) = $Ts - $var(t);
    if ($TV(Sn) != $var(before)) xlog("later\\n");
}
""",
    modules=MODULES,
)
def waiting(scene: Scene) -> None:
    """sleep() and usleep(); one second."""
    scene.alice.request()
    scene.settle()


verdicts(
    "cfgutils",
    "what_the_start_is_refused_for",
    """
: modparam("cfgutils", "initial_probability", 100)
: modparam("cfgutils", "initial_probability", 101)
: modparam("cfgutils", "initial_probability", -1)
: modparam("cfgutils", "initial_gflags", -1)
: modparam("cfgutils", "hash_file", "/nonexistent/file")
: modparam("cfgutils", "hash_file", "/etc/hostname")
: modparam("cfgutils", "lock_set_size", 20)
: modparam("cfgutils", "lock_set_size", -1)
: modparam("cfgutils", "lock_set_size", 0)
rand_set_prob("101");
rand_set_prob("100");
rand_set_prob("-1");
rand_set_prob("$var(x)");
rand_set_prob("99999999999");
rand_set_prob();
set_gflag("32");
set_gflag("31");
set_gflag("-1");
set_gflag("x");
set_gflag("$var(x)");
is_gflag("4x");
sleep("x");
sleep("$var(x)");
sleep("");
usleep("1u");
lock();
lock("a", "b");
trylock("a", "b");
core_hash("a", "b");
core_hash("a", "b", "x");
core_hash("a", "b", "$var(x)");
check_route_exists("$nosuch(x)");
xlog("$RANDOM(x)");
$RANDOM = 1;
rand_event("1");
""",
    modules=MODULES,
    differs={'starts/sleep("");': "an empty text is no number of seconds"},
)
