"""Load balancers as people write them: failover, probing, lists from files, lists in routes of every kind, odd arguments."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case

MODULES = "db_sqlite tm tmx sl rr pv xlog textops siputils kex corex htable dispatcher"
ROWS = """
1, 'sip:127.0.0.12:21200', 0, 10, 'duid=bob;socket=udp:127.0.0.1:21200;pfx=49;rweight=60'
1, 'sip:127.0.0.13:21200', 0, 5, 'duid=carol;pfx=41;weight=50'
1, 'sip:127.0.0.14:21200', 4, 1, 'duid=dave'
2, 'sip:127.0.0.13:21200;transport=udp', 0, 0, ''
3, 'sip:10.3.0.1', 0, 0, 'maxload=0'
4, 'sip:10.4.0.1:5080', 2, 0, ''
"""
PARAMS = """
modparam("tm", "fr_timer", 1000)
modparam("tm", "wt_timer", 500)
modparam("dispatcher", "db_url", "sqlite:///DATABASE")
modparam("dispatcher", "flags", 2)
modparam("dispatcher", "force_dst", 1)
modparam("dispatcher", "xavp_dst", "_dsdst_")
modparam("dispatcher", "xavp_ctx", "_dsctx_")
modparam("dispatcher", "ds_ping_reply_codes", "class=2;code=403;code=404;code=484")
modparam("dispatcher", "reload_delta", 0)
"""
FAILOVER = """
request_route {
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (is_method("ACK")) { t_check_trans(); exit; }
    record_route();
    if (!ds_select_dst("1", "8")) {
        send_reply("404", "No destination");
        exit;
    }
    xlog("--- $rm to $ru via $du ($xavp(_dsdst_=>attrs))\\n");
    t_on_failure("RTF_DISPATCH");
    if (!t_relay()) sl_reply_error();
    exit;
}
failure_route[RTF_DISPATCH] {
    if (t_is_canceled()) exit;
    xlog("failed $T_reply_code $du left $xavp(_dsctx_=>cnt)\\n");
    if (t_check_status("500") || (t_branch_timeout() && !t_branch_replied())) {
        ds_mark_dst("MODE");
        if (ds_next_dst()) {
            xlog("next $du $xavp(_dsdst_=>duid) $xavp(_dsdst_=>grp) $xavp(_dsdst_=>uri)\\n");
            t_on_failure("RTF_DISPATCH");
            t_relay();
            exit;
        }
        xlog("none left\\n");
        t_reply("503", "All down");
    }
}
event_route[dispatcher:dst-down] { xlog("down $rm $ru $du $xavp(_dsdst_=>uri)\\n"); }
event_route[dispatcher:dst-up] { xlog("up $rm $ru\\n"); }
"""


def load(scene: Scene, rows: str = ROWS) -> None:
    """Put rows into the table and have them read."""
    insert = "INSERT INTO dispatcher (setid, destination, flags, priority, attrs) VALUES "
    scene.execute("DELETE FROM dispatcher", *(f"{insert}({row})" for row in rows.strip().split("\n") if row))
    scene.rpc("dispatcher.reload")


def states(scene: Scene) -> None:
    """What the commands say of the destinations."""
    scene.rpc("dispatcher.list", "short")


@case(PARAMS + FAILOVER.replace("MODE", "ip"), modules=MODULES)
def five_hundred_goes_to_the_next(scene: Scene) -> None:
    """500, then 486: the first is marked and skipped, the second answers for good; then the next call goes to it at once."""
    load(scene)
    call = scene.alice.request("INVITE", "sip:+4930@example.com")
    scene.bob.expect("INVITE").answer(500, "Broken")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(486, "Busy")
    scene.carol.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    states(scene)
    scene.alice.request("INVITE", "sip:+4930@example.com", call_id="call-2", cseq=2)
    scene.carol.expect("INVITE").answer(200, "OK")
    states(scene)


@case(PARAMS + FAILOVER.replace("MODE", "tp"), modules=MODULES)
def silence_goes_to_the_next(scene: Scene) -> None:
    """A destination that is silent is left after fr_timer; trying and probing alone keeps it in use."""
    load(scene)
    scene.alice.request("INVITE", "sip:+4930@example.com", headers="X: 1")
    scene.bob.expect("INVITE")
    scene.carol.expect("INVITE").answer(200, "OK")
    states(scene)


@case(PARAMS + FAILOVER.replace("MODE", "d"), modules=MODULES)
def everything_is_down(scene: Scene) -> None:
    """Two fail; the third is disabled: 503; the next call finds none."""
    load(scene)
    call = scene.alice.request("INVITE", "sip:1@example.com")
    scene.bob.expect("INVITE").answer(500, "Broken")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(500, "Broken")
    scene.carol.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    scene.alice.request("INVITE", "sip:1@example.com", call_id="call-2")
    states(scene)


FACTS = """
    @ ds_select_dst("1", "0")
    @ ds_select_dst("1", "99")
    @ ds_select_dst("1", "-1")
    @ ds_select_dst("1", "4", "0")
    @ ds_select_dst("1", "4", "-1")
    @ ds_select_dst("-5", "4")
    @ ds_select_dst("$var(none)", "4")
    @ ds_select_dst("$avp(none)", "4")
    @ ds_select_dst("1", "$avp(none)")
    $var(s) = "1"; $var(a) = 8; $avp(s) = 2; $var(bad) = "abc";
    @ ds_select_dst("$var(s)", "$var(a)")
    = $du
    = $xavp(_dsdst_=>uri)
    = $xavp(_dsdst_=>attrs)
    = $xavp(_dsdst_=>grp)
    = $xavp(_dsdst_=>sockstr)
    = $xavp(_dsdst_[1]=>uri)
    = $xavp(_dsdst_[2]=>uri)
    = $xavp(_dsctx_=>cnt)
    @ ds_select_dst("$avp(s)", "4")
    = $du
    @ ds_select_dst("$var(bad)", "4")
    @ ds_select_dst("1", "$var(bad)")
    $var(e) = ""; $var(w) = " 1"; $var(p) = "+1"; $var(m) = "-"; $var(l) = "99999999999"; $avp(t) = "2"; $xavp(x=>s) = "1";
    @ ds_select_dst("$var(e)", "4")
    @ ds_select_dst("$var(w)", "4")
    @ ds_select_dst("$var(p)", "4")
    @ ds_select_dst("$var(m)", "4")
    @ ds_select_dst("$var(l)", "4")
    @ ds_select_dst("$avp(t)", "4")
    @ ds_select_dst("$xavp(x=>s)", "$var(e)")
    @ ds_select_dst("$xavp(x=>s)", "$var(p)", "$avp(t)")
    @ ds_select_dst("$hdr(X-None)", "4")
    @ ds_select_dst("$(ru{s.len})", "4")
    @ ds_select_dst("$(avp(t){s.int})", "4")
    @ ds_select_dst($avp(t), 4)
    @ ds_select_dst($var(w), 4)
    @ ds_select_domain("1", "8")
    = $ru
    = $rd
    = $du
    @ ds_select("1", "8")
    = $du
    @ ds_select("1", "8", "1")
    = $xavp(_dsctx_=>cnt)
    @ ds_next_dst()
    @ ds_next_dst()
    @ ds_next_domain()
    @ ds_select_dst("1", "8")
    @ ds_next_domain()
    = $ru
    @ ds_next_domain()
    @ ds_select_routes("1=8;2=4", "1")
    = $du
    @ ds_select_routes("1=8;2=4", "0")
    = $ru
    @ ds_select_routes("1=8;2=4", "x")
    = $xavp(_dsctx_=>cnt)
    @ ds_select_routes("1=8,2=4", "2")
    @ ds_select_routes("1:8", "2")
    @ ds_select_routes("", "2")
    @ ds_select_routes("$var(bad)", "2")
    @ ds_select_routes("1=8;;2=8;", "2", "2")
    = $xavp(_dsctx_=>cnt)
    @ ds_select_dst("5", "4")
    @ ds_select_dst("3", "10")
    @ ds_select_dst("4", "4")
    = $du
    @ ds_mark_dst()
    @ ds_mark_dst("")
    @ ds_mark_dst("zz")
    @ ds_mark_dst("a")
    @ ds_mark_dst("I")
    @ ds_select_dst("4", "4")
    @ ds_list_exists("1")
    @ ds_list_exists("77")
    @ ds_list_exists("$var(s)")
    @ ds_list_exists("$var(none)")
    @ ds_is_active("1")
    @ ds_is_active("4")
    @ ds_is_active("55")
    @ ds_is_from_list()
    @ ds_is_from_list("1")
    @ ds_is_from_list("$var(s)", "1")
    @ ds_is_from_list("1", "3", "sip:127.0.0.13:21200")
    @ ds_is_from_list("1", "2", "sip:127.0.0.13:5060")
    @ ds_is_from_list("1", "2", "sip:127.0.0.13")
    @ ds_is_from_list("1", "1", "nonsense")
    @ ds_is_from_list("1", "1", "")
    @ ds_is_from_list("1", "1", "$avp(none)")
    @ ds_is_from_list("-1", "1", "sip:127.0.0.14:21200")
    = $xavp(_dsdst_=>grp)
    = $xavp(_dsdst_=>uri)
    @ ds_reload()
    = $du
"""


def statements(facts: str) -> str:
    """The lines of a battery as statements that log what they come to."""
    made = []
    for number, line in enumerate((line.strip() for line in facts.strip().split("\n")), 1):
        mark, _, rest = line.partition(" ")
        if mark == "@":
            made.append(f'{rest}; xlog("{number} $rc\\n");')
        else:
            made.append(f'xlog("{number} {rest}\\n");' if mark == "=" else line)
    return "\n".join(made)


@case(PARAMS + "request_route {\n" + statements(FACTS) + "\n}\n", modules=MODULES)
def odd_arguments(scene: Scene) -> None:
    """Sets, algorithms, limits and addresses that are no numbers, too large, empty, null; lists that are not there."""
    load(scene)
    scene.alice.request("INVITE", "sip:bob@example.com")
    scene.settle()
    states(scene)


@case(
    PARAMS
    + """
modparam("htable", "htable", "ds=>size=4;")
request_route {
    $sht(ds=>x) = $shtinc(ds=>n);
    if ($rU =~ "^49") $var(set) = 1; else $var(set) = 2;
    if (!ds_select_dst($var(set), 8)) { sl_send_reply("500", "None"); exit; }
    if ($(xavp(_dsdst_=>attrs){param.value,pfx}) != $null) prefix("$(xavp(_dsdst_=>attrs){param.value,pfx})");
    xlog("$rU $du $(xavp(_dsdst_=>attrs){param.value,duid}) $fs\\n");
    t_on_branch("B"); t_on_reply("R");
    t_relay();
}
branch_route[B] { ds_is_from_list("1"); xlog("branch $rc $du\\n"); }
onreply_route[R] {
    if (ds_is_from_list("1")) xlog("reply from 1: $xavp(_dsdst_=>uri)\\n");
    if (ds_is_from_list("2", "2")) xlog("reply from 2\\n");
    if (ds_is_from_list()) xlog("reply from any\\n");
}
""",
    modules=MODULES,
)
def lists_in_every_route(scene: Scene) -> None:
    """Integers without quotes, attributes by transformation, selection in a branch route, sources in a reply route."""
    load(scene)
    scene.alice.request("INVITE", "sip:4930@example.com")
    scene.settle()
    for party in (scene.bob, scene.carol):
        data = scene.world.receive(party.address, 0.05)
        if data is not None:
            party.received.append(data.decode("latin-1"))
    scene.alice.request("INVITE", "sip:30@example.com", call_id="c2")
    scene.carol.expect("INVITE").answer(200, "OK")


@case(PARAMS + 'request_route { ds_select_dst("1", "8"); xlog("$rc $du $xavp(_dsctx_=>cnt)\\n"); }', modules=MODULES)
def rows_that_are_odd(scene: Scene) -> None:
    """Reload takes what is good; a broken row leaves the old lists."""
    for rows in (
        "1, 'sip:10.0.0.7', 0, 1, ''",
        "1, 'nonsense', 0, 0, ''",
        "-1, 'sip:10.0.0.8', 0, 0, ''",
        "1, 'sip:10.0.0.9', 0, 0, 'duid=a;b'\n1, 'sip:10.0.0.9', 0, 0, ''",
        "1, '', 0, 0, ''",
        "1, 'sip:10.0.0.10', 8, 0, 'weight=x;maxload=-1'",
        "1, 'sip:10.0.0.11;transport=udp', 0, 0, 'socket=udp:9.9.9.9:5060'",
        "1, 'sip:10.0.0.12', -1, -5, 'a==b;=;;'",
        "1, 'sip:[2001:db8::1]:5060', 0, 0, ''",
        "",
    ):
        load(scene, rows)
        scene.rpc("dispatcher.list")
        scene.alice.request("OPTIONS", "sip:x@example.com")
        scene.settle()


@case(
    PARAMS
    + """
modparam("dispatcher", "ds_ping_interval", 1)
modparam("dispatcher", "ds_probing_mode", 1)
modparam("dispatcher", "ds_probing_threshold", 1)
modparam("dispatcher", "ds_ping_method", "INFO")
modparam("dispatcher", "ds_ping_from", "sip:proxy@example.com")
request_route { ds_select_dst("1", "8"); xlog("$rc $du\\n"); }
event_route[dispatcher:dst-down] { xlog("down $rm $ru $du\\n"); }
event_route[dispatcher:dst-up] { xlog("up $rm $ru $du\\n"); }
""",
    modules=MODULES,
)
def a_probe_brings_down_and_up(scene: Scene) -> None:
    """An answer that is no good brings down at the threshold, a good one up."""
    load(scene, "1, 'sip:127.0.0.12:21200', 0, 10, 'ping_from=sip:own@example.com'")
    scene.bob.expect("INFO").answer(503, "No")
    scene.settle()
    scene.alice.request("OPTIONS", "sip:x@example.com")
    scene.settle()
    scene.bob.expect("INFO").answer(404, "Fine")
    scene.settle()
    states(scene)
