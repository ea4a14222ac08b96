"""dispatcher: states, keepalives, and whether a message comes from a destination."""

from __future__ import annotations

from ..case import Scene, case
from .dispatcher_algorithms import FAILOVER, call, load, tell
from .dispatcher_algorithms import MODULES as BASIC

MODULES = BASIC + " tmx"
EVENTS = """
event_route[dispatcher:dst-down] { xlog("down $rm $ru $dsv(code) [$dsv(reason)] $dsv(flags)\\n"); }
event_route[dispatcher:dst-up] { xlog("up $rm $ru $dsv(code) [$dsv(reason)] $dsv(flags)\\n"); }
"""
MARKS = """
modparam("dispatcher", "ds_probing_threshold", 3)
modparam("dispatcher", "ds_inactive_threshold", 2)
request_route {
    ds_select("1", "8");
    switch ($rU) {
        case "a": ds_mark_dst("a"); break;
        case "ap": ds_mark_dst("ap"); break;
        case "i": ds_mark_dst("I"); break;
        case "ip": ds_mark_dst("ip"); break;
        case "t": ds_mark_dst("t"); break;
        case "tp": ds_mark_dst("Tp"); break;
        case "d": ds_mark_dst("d"); break;
        case "dp": ds_mark_dst("dp"); break;
        case "p": ds_mark_dst("p"); break;
        case "none": ds_mark_dst(); break;
    }
    xlog("$rU $rc\\n");
}
"""


@case(FAILOVER + MARKS + EVENTS, modules=MODULES)
def marks(scene: Scene) -> None:
    """ds_mark_dst with each state, counted against both thresholds."""
    load(scene, (1, "sip:10.0.0.1", 0, 9, ""), (1, "sip:10.0.0.2", 0, 8, ""))
    for number, user in enumerate(("t", "t", "a", "t", "tp", "t", "ip", "d", "none")):
        scene.alice.request(uri=f"sip:{user}@example.com", call_id=f"c{number}")
        scene.rpc("dispatcher.list")
    scene.rpc("dispatcher.set_state", "a", 1, "all")
    for number, user in enumerate(("p", "ap", "dp", "i", "a")):
        scene.alice.request(uri=f"sip:{user}@example.com", call_id=f"d{number}")
        scene.rpc("dispatcher.list")


IN_FAILURE = """
modparam("tm", "fr_timer", 500)
request_route {
    if (!ds_select_dst("1", "8")) { sl_send_reply("503", "None"); exit; }
    t_on_failure("NEXT");
    t_on_reply("REPLY");
    t_relay();
}
onreply_route[REPLY] {
    if ($rs == 403) ds_mark_dst("ip");
}
failure_route[NEXT] {
    if (!t_check_status("5..|403")) exit;
    xlog("$T_reply_code from $xavp(_dsdst_=>uri)\\n");
    if ($T_reply_code != 403) ds_mark_dst("i");
    if (ds_next_dst()) {
        t_on_failure("NEXT");
        t_relay();
        exit;
    }
    t_reply("503", "All Down");
}
"""


@case(FAILOVER + IN_FAILURE + EVENTS, modules=MODULES)
def failure_routes(scene: Scene) -> None:
    """Failover through a failure route; marks from it and from a reply route."""
    load(
        scene,
        (1, "sip:127.0.0.12:21200", 0, 9, ""),
        (1, "sip:127.0.0.13:21200", 0, 8, ""),
        (1, "sip:127.0.0.14:21200", 0, 7, ""),
    )
    invite = scene.alice.request(call_id="first")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(500, "Broken")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(403, "Not You")
    scene.carol.expect("ACK")
    scene.dave.expect("INVITE").answer(503, "Me Neither")
    scene.dave.expect("ACK")
    scene.alice.ack(invite, scene.alice.expect(503))
    scene.rpc("dispatcher.list")
    scene.alice.request(call_id="second")
    scene.alice.expect(503)


FROM = """
modparam("dispatcher", "setid_pvname", "$var(set)")
modparam("dispatcher", "attrs_pvname", "$var(attrs)")
request_route {
    $var(set) = "unset"; $var(attrs) = "unset";
    if (!ds_is_from_list()) xlog("no ");
    xlog("any: $rc $var(set) $var(attrs)\\n");
%s
}
"""
_QUESTIONS = [
    '"1"', '"2"', '"3"', '"9"', '"-1"',
    *(f'"{group}", "{mode}"' for group in (1, 2, 3, -1) for mode in (0, 1, 2, 3, 4, 5, 7)),
    '"2", "0", "sip:127.0.0.12:21200"', '"2", "0", "sip:127.0.0.12:21200;transport=tcp"',
    '"2", "2", "sip:127.0.0.12:21200;transport=tcp"', '"2", "1", "sip:bob@127.0.0.12:5060;lr"',
    '"2", "0", "sip:127.0.0.12"', '"-1", "3", "sips:127.0.0.12"', '"-1", "3", "nonsense"', '"-1", "3", ""',
    '"-1", "0", "sip:127.0.0.13"', '"-1", "0", "sip:127.0.0.13:5060"', '"-1", "0", "sip:127.0.0.13:6060"',
    '"-1", "0", "sip:[::1]:5060"', '"5", "1", "sip:127.0.0.15"', '"5", "5", "sip:127.0.0.15"',
]  # fmt: skip
ASKED = "".join(
    f"""    $var(set) = "-"; $var(attrs) = "-";
    ds_is_from_list({question});
    xlog('{question}: $rc $var(set) $var(attrs)\\n');
"""
    for question in _QUESTIONS
)


@case(FAILOVER + FROM % ASKED, modules=MODULES)
def sources(scene: Scene) -> None:
    """ds_is_from_list with each mode: address, port, transport and state; what it tells of the match."""
    load(
        scene,
        (1, "sip:127.0.0.11:21200", 0, 9, "who=alice"),
        (1, "sip:127.0.0.11", 0, 8, "who=anyport"),
        (1, "sip:127.0.0.11:21200;transport=tcp", 0, 7, "who=tcp"),
        (2, "sip:127.0.0.12:21200", 0, 9, "who=bob"),
        (2, "sip:127.0.0.11:5062", 1, 9, "who=otherport"),
        (3, "sip:127.0.0.11:21200", 1, 9, ""),
        (3, "sip:127.0.0.11:21200;transport=tcp", 0, 8, "who=tcp3"),
        (4, "sip:127.0.0.13", 0, 0, "who=carol"),
        (5, "sip:127.0.0.15:1", 1, 0, "n=1"),
        (5, "sip:127.0.0.15:2", 4, 0, "n=2"),
        (5, "sip:127.0.0.15:3", 0, 0, "n=3"),
        (6, "sip:127.0.0.11:21200", 16, 0, "who=unresolved"),
    )
    call(scene, "c1")
    scene.bob.request(call_id="c2")
    scene.settle()


ACTIVE = """
request_route {
    ds_is_active("$(rU{s.int})");
    xlog("$rU any: $rc\\n");
    ds_is_active("$(rU{s.int})", "sip:10.0.0.1");
    xlog("1: $rc\\n");
    ds_is_active("$(rU{s.int})", "sip:10.0.0.2;x=Y");
    xlog("2: $rc\\n");
    ds_is_active("$(rU{s.int})", "sip:10.0.0.2;x=y");
    xlog("2 in small letters: $rc\\n");
    ds_is_active("$(rU{s.int})", "");
    xlog("empty: $rc\\n");
    ds_list_exist("$(rU{s.int})");
    xlog("exists: $rc\\n");
    ds_list_exists("$rU");
    xlog("text: $rc\\n");
}
"""


@case(FAILOVER + ACTIVE, modules=MODULES)
def active(scene: Scene) -> None:
    """ds_is_active and ds_list_exists before and after states change; the same URI twice in a set."""
    load(
        scene,
        (1, "sip:10.0.0.1", 1, 9, ""),
        (1, "sip:10.0.0.2;x=Y", 0, 8, ""),
        (2, "sip:10.0.0.1", 4, 9, ""),
        (3, "sip:10.0.0.1", 1, 9, ""),
        (3, "sip:10.0.0.1", 0, 8, ""),
        (4, "sip:10.0.0.1", 2, 8, ""),
    )
    tell(scene, 1, 2, 3, 4, 5)
    scene.rpc("dispatcher.set_state", "dp", 1, "all")
    scene.rpc("dispatcher.set_state", "ap", 2, "SIP:10.0.0.1")
    scene.rpc("dispatcher.set_state", "a", 3, "sip:10.0.0.1")
    scene.rpc("dispatcher.set_state", "i", 3, "sip:10.0.0.1")
    tell(scene, 1, 2, 3)
    scene.rpc("dispatcher.list")


RELOADS = """
request_route {
    ds_reload();
    xlog("$rc\\n");
    ds_is_active("1", "sip:10.0.0.9");
    xlog("$rc\\n");
}
"""


@case(FAILOVER + RELOADS, modules=MODULES)
def reloads(scene: Scene) -> None:
    """A reload forgets states and what was added in memory; a set that is empty is gone; bad parameters of commands."""
    load(scene, (1, "sip:10.0.0.1", 0, 9, ""), (2, "sip:10.0.0.2", 0, 9, ""))
    scene.rpc("dispatcher.set_state", "d", 1, "all")
    scene.rpc("dispatcher.add", 1, "sip:10.0.0.9", 0, 4, "duid=nine;weight=7")
    scene.rpc("dispatcher.add", 3, "nonsense:", 0, 4)
    scene.rpc("dispatcher.add", 3)
    scene.rpc("dispatcher.add", 8, "10.0.0.8")
    scene.rpc("dispatcher.list")
    scene.rpc("dispatcher.remove", 2, "sip:10.0.0.2")
    scene.rpc("dispatcher.remove", 2, "sip:10.0.0.77")
    scene.rpc("dispatcher.remove", 77, "sip:10.0.0.77")
    scene.rpc("dispatcher.remove", 8)
    scene.rpc("dispatcher.list", "short")
    scene.execute("UPDATE dispatcher SET destination = 'sip:10.0.0.10' WHERE setid = 1")
    call(scene, "c1")
    scene.rpc("dispatcher.list", "SHORT")
    scene.execute("INSERT INTO dispatcher (setid, destination, flags, priority, attrs) VALUES (1, 'bad uri', 0, 0, '')")
    scene.rpc("dispatcher.reload")
    scene.rpc("dispatcher.list", "short")
    scene.execute("DELETE FROM dispatcher")
    scene.rpc("dispatcher.reload")
    scene.rpc("dispatcher.list")
    scene.rpc("dispatcher.set_state", "a", 1)
    scene.rpc("dispatcher.set_state", "", 1, "all")
    scene.rpc("dispatcher.hash", 3)
    scene.rpc("dispatcher.ping_active", 1)
    scene.rpc("dispatcher.ping_active")


PINGS = """
modparam("dispatcher", "ds_ping_interval", 1)
modparam("dispatcher", "ds_probing_mode", %d)
modparam("dispatcher", "ds_probing_threshold", %d)
modparam("dispatcher", "ds_inactive_threshold", 2)
modparam("dispatcher", "ds_ping_method", "INFO")
modparam("dispatcher", "ds_ping_from", "sip:prober@example.com")
modparam("dispatcher", "ds_ping_reply_codes", "code=404;class=3")
request_route { exit; }
"""


def pinged(scene: Scene, code: int, reason: str) -> None:
    """Answer the next keepalive and look."""
    scene.bob.expect("INFO").answer(code, reason)
    scene.rpc("dispatcher.list")


# Keepalives come by the daemon's timer, once a second and not faster.
@case(FAILOVER + PINGS % (1, 1) + EVENTS, modules=MODULES)
def keepalives(scene: Scene) -> None:
    """A failure brings a destination down, two good answers in a row up again."""
    load(scene, (1, "sip:127.0.0.12:21200", 0, 9, "ping_from=sip:me@here.example"))
    pinged(scene, 500, "Broken")
    pinged(scene, 404, "Good Enough")
    pinged(scene, 302, "Good As Well")
    scene.rpc("dispatcher.ping_active", 0)


@case(FAILOVER + PINGS % (0, 1) + EVENTS, modules=MODULES)
def keepalives_of_those_that_are_flagged(scene: Scene) -> None:
    """Probing mode 0: once with flag 8; obproxy and socket of the destination."""
    load(
        scene,
        (1, "sip:10.0.0.1", 8, 9, "obproxy=sip:127.0.0.12:21200;socket=udp:127.0.0.2:21200"),
        (1, "sip:127.0.0.13:21200", 0, 9, ""),
        (2, "sip:127.0.0.13:21200", 12, 9, ""),
    )
    pinged(scene, 200, "OK")


CALLBACK = """
modparam("dispatcher", "event_callback", "on_event")
request_route {
    ds_select("1", "8");
    ds_mark_dst("i");
    xlog("$rc\\n");
}
"""


@case(FAILOVER + CALLBACK + EVENTS, modules=MODULES)
def event_callback(scene: Scene) -> None:
    """With event_callback, and nothing beside the config that has such a function, no event route runs."""
    load(scene, (1, "sip:10.0.0.1", 0, 9, ""))
    call(scene, "c1")


NOTHING = """
request_route {
    ds_next_dst();
    xlog("next $rc\\n");
    ds_next_domain();
    xlog("next domain $rc\\n");
    ds_set_dst();
    xlog("set $rc\\n");
    ds_set_domain();
    xlog("set domain $rc\\n");
    ds_mark_dst("i");
    xlog("mark $rc\\n");
    ds_load_unset();
    xlog("unset $rc\\n");
    ds_load_update();
    xlog("update $rc\\n");
    $xavp(_dsdst_=>uri) = "sip:10.0.0.2";
    ds_mark_dst("i");
    xlog("mark without set $rc\\n");
    ds_set_dst();
    xlog("set what the script says: $rc $du\\n");
    $xavp(_dsdst_[0]=>grp) = 1;
    ds_mark_dst("i");
    xlog("mark what the script says: $rc\\n");
    $xavp(_dsdst_=>grp) = "1";
    $xavp(_dsdst_[0]=>uri) = "sip:10.0.0.1";
    ds_mark_dst("i");
    xlog("mark a set that is a text: $rc\\n");
    $xavp(_dsdst_=>uri) = 5;
    ds_set_dst();
    xlog("set a number: $rc $du\\n");
    ds_next_dst();
    xlog("next $rc $du\\n");
    ds_next_dst();
    xlog("next $rc $du\\n");
    $ru = "tel:+49301";
    ds_select_domain("1", "8");
    xlog("tel $rc $ru\\n");
    ds_select_dst("1", "3");
    xlog("tel $rc\\n");
}
"""


@case(FAILOVER + NOTHING + EVENTS, modules=MODULES)
def nothing_selected(scene: Scene) -> None:
    """Functions that need a selection without one, and with one that the script has made up."""
    load(scene, (1, "sip:10.0.0.1", 0, 9, ""), (1, "sip:10.0.0.2", 0, 8, ""))
    call(scene, "c1")
    scene.rpc("dispatcher.list")


NAMES = """
modparam("dispatcher", "ds_dns_mode", 2)
request_route {
    ds_is_from_list("1", "3");
    xlog("$rc\\n");
    ds_is_from_list("2", "3");
    xlog("$rc\\n");
    ds_is_from_list("1", "3", "sip:other.example.com");
    xlog("$rc\\n");
    ds_is_from_list("1", "0", "sip:gw.example.com:5060;transport=udp");
    xlog("$rc\\n");
    ds_is_from_list("1", "0", "sip:gw.example.com");
    xlog("$rc\\n");
}
"""


@case(FAILOVER + NAMES, modules=MODULES)
def names(scene: Scene) -> None:
    """ds_dns_mode 2: hosts are looked up for each question; flag 16 keeps one out of them."""
    scene.rpc("dns.add_a", "gw.example.com", 3600, "127.0.0.11", 0)
    scene.rpc("dns.add_a", "other.example.com", 3600, "127.0.0.12", 0)
    load(
        scene,
        (1, "sip:gw.example.com:5060;transport=udp", 0, 0, ""),
        (2, "sip:gw.example.com", 16, 0, ""),
    )
    call(scene, "c1")
    scene.bob.request(call_id="c2")
    scene.settle()
    scene.rpc("dispatcher.set_state", "a", 2, "all")
    call(scene, "c3")
    scene.rpc("dispatcher.list", "full")


LOADS = """
modparam("dispatcher", "ds_hash_size", 6)
request_route {
    if (is_method("ACK")) exit;
    if (is_method("CANCEL")) { ds_load_update(); t_relay(); exit; }
    if (has_totag()) {
        if (is_method("BYE")) ds_load_update();
        t_relay();
        exit;
    }
    if (!ds_select_dst("1", "10")) { sl_send_reply("480", "All Busy"); exit; }
    t_on_reply("ANSWER");
    t_relay();
}
onreply_route[ANSWER] {
    ds_load_update();
    if ($rs >= 300) {
        ds_load_unset();
        xlog("unset $rc\\n");
    }
}
"""


@case(FAILOVER + LOADS, modules=MODULES)
def call_load_through_calls(scene: Scene) -> None:
    """Calls that are answered, refused and ended move the load; a full set takes no more."""
    load(
        scene,
        (1, "sip:127.0.0.12:21200", 0, 9, "duid=bob;maxload=1"),
        (1, "sip:127.0.0.13:21200", 0, 8, "duid=carol;maxload=1"),
    )
    scene.alice.request(call_id="first", uri="sip:127.0.0.12:21200")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(200, "OK")
    scene.alice.expect(200)
    second = scene.alice.request(call_id="second")
    scene.alice.expect(100)
    refused = scene.carol.expect("INVITE")
    scene.alice.request(call_id="third")
    scene.alice.expect(480)
    scene.rpc("dispatcher.list")
    refused.answer(486, "Busy Here")
    scene.carol.expect("ACK")
    scene.alice.ack(second, scene.alice.expect(486))
    scene.rpc("dispatcher.list")
    scene.alice.request("BYE", "sip:127.0.0.12:21200", to_tag="bob", call_id="first", cseq=2)
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)
    scene.rpc("dispatcher.list")


@case(
    FAILOVER + 'request_route { ds_select_dst("1", "8"); xlog("$du\\n"); }',
    modules="db_sqlite sl pv xlog dispatcher",
)
def without_tm(scene: Scene) -> None:
    """Without tm nobody gets keepalives: flag 8 is taken away."""
    load(scene, (1, "sip:10.0.0.1", 8, 9, ""), (1, "sip:10.0.0.2", 9, 8, ""))
    call(scene, "c1")
    scene.rpc("dispatcher.list")
