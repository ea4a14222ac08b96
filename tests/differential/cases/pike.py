"""pike: at which request an address is blocked, and when it is let in again."""

from __future__ import annotations

from ..case import Scene, battery, case, verdicts

MODULES = "pv xlog pike"

COUNT = """
modparam("pike", "sampling_time_unit", 3600)
modparam("pike", "reqs_density_per_unit", DENSITY)
route[HIT] {
    $var(n) = 0;
    $var(rc) = 1;
    $var(many) = 0;
    while ($var(n) < 400 && $var(many) < 3) {
        $var(n) = $var(n) + 1;
        pike_check_ip("$var(ip)");
        $var(now) = $rc;
        if ($var(now) != $var(rc)) xlog("$var(ip) $var(n): $var(now)\\n");
        if ($var(now) < 0) $var(many) = $var(many) + 1;
        $var(rc) = $var(now);
    }
    xlog("$var(ip) after $var(n): $var(now)\\n");
}
request_route {
    $var(ip) = "10.1.2.3";
    route(HIT);
    $var(ip) = "10.1.2.4";
    route(HIT);
    $var(ip) = "10.1.9.4";
    route(HIT);
    $var(ip) = "10.7.9.4";
    route(HIT);
    $var(ip) = "192.0.2.1";
    route(HIT);
    $var(ip) = "10.1.2.3";
    route(HIT);
}
"""


def counting(density: int) -> None:
    """Make the case for one density."""

    def play(scene: Scene) -> None:
        scene.alice.request()
        scene.settle()
        for what in ((), ("ALL",), ("HOT",), ("none",)):
            scene.rpc("pike.top", *what)

    play.__name__ = f"how_many_requests_it_takes_at_{density}".replace("-", "minus_")
    play.__doc__ = f"Neighbours of a blocked address take fewer; reqs_density_per_unit is {density}."
    case(COUNT.replace("DENSITY", str(density)), modules=MODULES)(play)


for some in (1, 3, 4, 16, 30, 100):
    counting(some)


@case(
    """
modparam("pike", "sampling_time_unit", 3600)
modparam("pike", "reqs_density_per_unit", 5)
modparam("pike", "remove_latency", 600)
request_route { pike_check_req(); xlog("$si $rc\\n"); }
""",
    modules=f"{MODULES} counters",
)
def requests_of_several_senders(scene: Scene) -> None:
    """alice sends more than bob; carol begins late."""
    for number in range(60):
        scene.alice.request("OPTIONS")
        if number % 4 == 0:
            scene.bob.request("OPTIONS")
        if number > 45:
            scene.carol.request("OPTIONS")
        scene.settle()
    scene.rpc("pike.top", "ALL")
    scene.rpc("pike.list", "all")
    scene.rpc("cnt.get", "pike", "blocked_ips")


@case(
    """
modparam("pike", "sampling_time_unit", 1)
modparam("pike", "reqs_density_per_unit", 4)
request_route {
    if (is_method("INVITE")) {
        $var(i) = 0;
        while ($var(i) < 40) { pike_check_req(); $var(i) = $var(i) + 1; }
    } else {
        pike_check_req();
    }
    xlog("$rm $rc\\n");
}
""",
    modules=f"{MODULES} textops",
)
def a_sender_that_is_quiet_is_let_in_again(scene: Scene) -> None:
    """Two units later; it waits because the daemon counts seconds."""
    scene.alice.request()
    scene.alice.request("OPTIONS")
    scene.wait(3.3)
    scene.alice.request("OPTIONS")
    scene.rpc("pike.top", "HOT")


@case(
    """
modparam("pike", "sampling_time_unit", 3600)
modparam("pike", "reqs_density_per_unit", 4)
modparam("pike", "remove_latency", 1)
request_route {
    $var(i) = 0;
    while ($var(i) < 40) { pike_check_req(); $var(i) = $var(i) + 1; }
    xlog("$rm $rc\\n");
}
""",
    modules=MODULES,
)
def addresses_are_forgotten(scene: Scene) -> None:
    """remove_latency: byte by byte, from the end; it waits because the daemon counts seconds."""
    scene.alice.request()
    scene.wait(3.3)
    scene.rpc("pike.top", "ALL")


battery(
    "pike",
    "addresses",
    """
    @ pike_check_ip("10.0.0.1")
    @ pike_check_ip("$si")
    @ pike_check_ip("")
    @ pike_check_ip("example.com")
    @ pike_check_ip("1.2.3")
    @ pike_check_ip("1.2.3.4.5")
    @ pike_check_ip("1.2.3.256")
    @ pike_check_ip("1.2.3.4 ")
    @ pike_check_ip("001.2.3.4")
    @ pike_check_ip("$var(none)")
    @ pike_check_ip("$avp(none)")
    @ pike_check_ip("::1")
    @ pike_check_req()
    """,
    modules=MODULES,
    before='modparam("pike", "reqs_density_per_unit", 1000)',
    differs={
        'facts/@ pike_check_ip("::1")': "5.6 reads IPv4 addresses only, so that a caller by IPv6 is always blocked",
    },
)

verdicts(
    "pike",
    "what_the_start_is_refused_for",
    """
: modparam("pike", "sampling_time_unit", 2)
: modparam("pike", "sampling_time_unit", "2")
: modparam("pike", "reqs_density_per_unit", 0)
: modparam("pike", "reqs_density_per_unit", 70000)
: modparam("pike", "reqs_density_per_unit", -1)
: modparam("pike", "remove_latency", 0)
: modparam("pike", "pike_log_level", -9)
: route[X] { pike_check_req(); }
: failure_route[X] { pike_check_req(); }
: branch_route[X] { pike_check_req(); }
: onreply_route[X] { pike_check_req(); }
: event_route[tm:local-request] { pike_check_req(); }
pike_check_req("x");
pike_check_ip();
pike_check_ip("$nosuch(x)");
""",
    modules=f"{MODULES} tm",
)
