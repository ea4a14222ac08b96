"""rtimer: routes that run from time to time. Each counts its runs, so that the wait need not be exact."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case, verdicts

MODULES = "pv xlog rtimer"


@case(
    """
modparam("rtimer", "timer", "name=fast;interval=50000u;mode=1")
modparam("rtimer", "exec", "timer=fast;route=FIRST")
modparam("rtimer", "exec", "timer=FAST;route=SECOND;")
route[FIRST] {
    $shv(first) = $shv(first) + 1;
    if ($shv(first) <= 3) xlog("first $shv(first) $rm $ru $rtimer_worker $si $sp $ci\\n");
}
route[SECOND] {
    $shv(second) = $shv(second) + 1;
    if ($shv(second) > 3) exit;
    xlog("second $shv(second) $var(left) $avp(left)\\n");
    $var(left) = "var";
    $avp(left) = "avp";
    if ($shv(second) == 2) drop;
}
request_route { xlog("worker $rtimer_worker\\n"); }
""",
    modules=MODULES,
)
def routes_of_one_timer(scene: Scene) -> None:
    """The one that was named last runs first; variables stay, AVPs do not."""
    scene.wait(0.6)
    scene.alice.request()


@case(
    """
modparam("rtimer", "timer", "name=several;mode=3;interval=1")
modparam("rtimer", "exec", "timer=several;route=COUNT")
route[COUNT] {
    $shv(runs) = $shv(runs) + 1;
    if ($rtimer_worker == 0) $shv(w0) = $shv(w0) + 1;
    if ($rtimer_worker == 1) $shv(w1) = $shv(w1) + 1;
    if ($rtimer_worker == 2) $shv(w2) = $shv(w2) + 1;
    if ($rtimer_worker > 2) $shv(more) = $shv(more) + 1;
}
request_route { xlog("$shv(runs): $shv(w0) $shv(w1) $shv(w2) $shv(more)\\n"); }
""",
    modules=MODULES,
)
def several_workers(scene: Scene) -> None:
    """Each runs the route; it waits because the daemon's timer counts seconds."""
    scene.wait(1.5)
    scene.alice.request()


@case(
    """
modparam("rtimer", "default_interval", 1)
modparam("rtimer", "timer", "name=usual")
modparam("rtimer", "default_interval", 600)
modparam("rtimer", "timer", "name=never")
modparam("rtimer", "exec", "timer=usual;route=RUN")
modparam("rtimer", "exec", "timer=usual;route=NOSUCH")
modparam("rtimer", "exec", "timer=usual")
modparam("rtimer", "exec", "timer=never;route=NEVER")
route[RUN] { $shv(runs) = $shv(runs) + 1; if ($shv(runs) <= 2) xlog("run $rtimer_worker\\n"); }
route[NEVER] { xlog("never\\n"); }
request_route { drop; }
""",
    modules=MODULES,
)
def the_usual_interval(scene: Scene) -> None:
    """default_interval counts for the timers behind it; it waits because the daemon's timer counts seconds."""
    scene.wait(3.2)


@case(
    """
modparam("rtimer", "timer", "name=t;interval=50000U")
modparam("rtimer", "exec", "timer=t;route=SEND")
route[SEND] {
    if ($shv(sent) > 0) return;
    $shv(sent) = 1;
    $ru = "sip:bob@127.0.0.12:21200";
    $du = "sip:127.0.0.12:21200";
    xlog("$ru $du\\n");
    append_hf("X-Timer: yes\\r\\n");
    setflag(3);
    forward();
    xlog("forwarded $rc\\n");
}
request_route { drop; }
""",
    modules=f"{MODULES} textops",
)
def a_route_that_sends(scene: Scene) -> None:
    """The made-up request may be forwarded."""
    scene.wait(0.4)


verdicts(
    "rtimer",
    "what_the_start_is_refused_for",
    """
: modparam("rtimer", "timer", "name=a;interval=10;mode=1;")
: modparam("rtimer", "timer", "name=a;interval=10;mode=1;;")
: modparam("rtimer", "timer", "NAME=a;Interval=10;MODE=1")
: modparam("rtimer", "timer", "name=a;other=1")
: modparam("rtimer", "timer", "name=a;mode=x")
: modparam("rtimer", "timer", "name=a;interval=x")
: modparam("rtimer", "timer", "name=a;interval=10s")
: modparam("rtimer", "timer", "name=a;interval=-1")
: modparam("rtimer", "timer", "interval=10")
: modparam("rtimer", "timer", "name=;interval=10")
: modparam("rtimer", "timer", "name=a;interval=10")\\nmodparam("rtimer", "timer", "name=A;interval=10")
: modparam("rtimer", "timer", "a")
: modparam("rtimer", "timer", 5)
: modparam("rtimer", "exec", "timer=a;route=X")
: modparam("rtimer", "exec", "timer=a;route=X")\\nmodparam("rtimer", "timer", "name=a;interval=10")
: modparam("rtimer", "timer", "name=a;interval=10")\\nmodparam("rtimer", "exec", "route=X")
: modparam("rtimer", "timer", "name=a;interval=10")\\nmodparam("rtimer", "exec", "timer=b;route=X")
: modparam("rtimer", "timer", "name=a;interval=10")\\nmodparam("rtimer", "exec", "timer=a;route=X")
: modparam("rtimer", "timer", "name=a;interval=10")\\nmodparam("rtimer", "exec", "timer=a;other=X")
: modparam("rtimer", "timer", "name=a;interval=10")\\nmodparam("rtimer", "exec", "timer=a;route=ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMN")
: modparam("rtimer", "timer", "name=a;interval=10")\\nmodparam("rtimer", "exec", "timer=a;route=X")\\nroute[X] { $rtimer_worker = 1; }
: modparam("rtimer", "default_interval", "x")
xlog("$rtimer_worker(x)");
""",
    modules=MODULES,
)
