"""RPC commands: core.*, cfg.*, stats.*, pv.*, tm.*, sl.*, system.*; statistics the config keeps itself."""

from __future__ import annotations

from ..case import Scene, case

BOB = "sip:bob@127.0.0.12:21200"
MODULES = "tm sl pv xlog textops cfg_rpc counters kex corex tmx"


@case(
    """
modparam("counters", "script_counter", "calls")
modparam("counters", "script_counter", "group.answered some text")
request_route {
    cnt_inc("calls");
    cnt_inc("group.answered");
    cnt_add("calls", "4");
    if ($rU == "reset") cnt_reset("calls");
    sl_send_reply("200", "OK");
}
""",
    modules=MODULES,
)
def counters_of_the_config(scene: Scene) -> None:
    """script_counter, cnt_inc, cnt_add, cnt_reset and the cnt.* commands."""
    scene.alice.request("OPTIONS", "sip:a@example.com")
    scene.rpc("cnt.get", "script", "calls")
    scene.alice.request("OPTIONS", "sip:b@example.com", cseq=2)
    scene.rpc("cnt.get", "script", "calls")
    scene.rpc("cnt.get", "group", "answered")
    scene.rpc("cnt.get_raw", "script", "calls")
    scene.rpc("cnt.var_list", "script")
    scene.rpc("cnt.help", "group", "answered")
    scene.rpc("cnt.grp_get_all", "script")
    scene.rpc("cnt.reset", "script", "calls")
    scene.rpc("cnt.get", "script", "calls")
    scene.rpc("cnt.get", "script", "nothing")
    scene.rpc("cnt.get", "nogroup", "calls")
    scene.alice.request("OPTIONS", "sip:reset@example.com", cseq=3)
    scene.rpc("cnt.get", "script", "calls")
    scene.rpc("cnt.get")


@case(
    'request_route { if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; } t_relay(); }',
    modules=MODULES,
)
def statistics_after_a_few_messages(scene: Scene) -> None:
    """stats.* of core, sl and tm."""
    scene.rpc("stats.get_statistics", "core:")
    scene.alice.request("OPTIONS")
    scene.alice.expect(200)
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    scene.rpc("tm.stats")
    invite.answer(486, "Busy Here")
    scene.bob.expect("ACK")
    scene.alice.ack(call, scene.alice.expect(486))
    for name in (
        "rcv_requests",
        "rcv_replies",
        "fwd_requests",
        "fwd_replies",
        "rcv_requests_invite",
        "rcv_replies_4xx",
    ):
        scene.rpc("stats.get_statistics", name)
    scene.rpc("stats.get_statistics", "sl:")
    scene.rpc("stats.get_statistics", "tmx:")
    scene.rpc("stats.fetch", "sl:")
    scene.rpc("stats.fetchn", "rcv_requests")
    scene.rpc("stats.get_statistics", "nothing")
    scene.rpc("stats.reset_statistics", "rcv_requests")
    scene.rpc("stats.get_statistics", "rcv_requests")
    scene.rpc("stats.clear_statistics", "sl:")
    scene.rpc("sl.stats")


@case(
    """
modparam("pv", "shvset", "text=s:hello")
modparam("pv", "shvset", "number=i:5")
request_route { $shv(new) = $rU; $var(v) = "v"; xlog("$shv(text) $shv(number)\\n"); }
""",
    modules=MODULES,
)
def shared_variables(scene: Scene) -> None:
    """pv.shvGet and pv.shvSet."""
    scene.alice.request("OPTIONS")
    scene.rpc("pv.shvGet", "text")
    scene.rpc("pv.shvGet", "number")
    scene.rpc("pv.shvGet", "new")
    scene.rpc("pv.shvGet", "unknown")
    scene.rpc("pv.shvSet", "text", "str", "changed")
    scene.rpc("pv.shvSet", "number", "int", "17")
    scene.rpc("pv.shvSet", "number", "int", "x")
    scene.rpc("pv.shvSet", "unknown", "str", "x")
    scene.alice.request("OPTIONS", cseq=2)
    scene.rpc("pv.shvGet")


@case(
    """
debug=1
request_route { xlog("L_INFO", "info\\n"); xlog("L_WARN", "warn\\n"); sl_send_reply("200", "OK"); }
""",
    modules=MODULES,
)
def settings_at_run_time(scene: Scene) -> None:
    """cfg.get, cfg.seti, cfg.set, cfg.help, cfg.list of core and tm; debug takes effect at once."""
    scene.rpc("cfg.get", "core", "debug")
    scene.alice.request("OPTIONS")
    scene.rpc("cfg.seti", "core", "debug", 2)
    scene.alice.request("OPTIONS", cseq=2)
    scene.rpc("cfg.get", "core", "debug")
    scene.rpc("cfg.get", "tm", "fr_timer")
    scene.rpc("cfg.get", "tm", "fr_inv_timer")
    scene.rpc("cfg.get", "tm", "retr_timer1")
    scene.rpc("cfg.seti", "tm", "fr_timer", 5000)
    scene.rpc("cfg.get", "tm", "fr_timer")
    scene.rpc("cfg.set", "tm", "fr_timer", 6000)
    scene.rpc("cfg.get", "tm", "fr_timer")
    scene.rpc("cfg.sets", "tm", "fr_timer", "x")
    scene.rpc("cfg.seti", "core", "nothing", 1)
    scene.rpc("cfg.get", "nogroup", "x")
    scene.rpc("cfg.set_delayed_int", "tm", "fr_timer", 7000)
    scene.rpc("cfg.diff")
    scene.rpc("cfg.get", "tm", "fr_timer")
    scene.rpc("cfg.commit")
    scene.rpc("cfg.get", "tm", "fr_timer")
    scene.rpc("cfg.reset", "tm", "fr_timer")
    scene.rpc("cfg.get", "tm", "fr_timer")
    scene.rpc("cfg.list", "tm")


@case("request_route { drop; }", modules=MODULES)
def core_commands(scene: Scene) -> None:
    """core.*, system.*: echoes, prints, lists; an unknown command."""
    scene.rpc("core.echo", "a", "b c", 5)
    scene.rpc("core.prints", "one", "two")
    scene.rpc("core.printi", 1, 2)
    scene.rpc("core.sockets_list")
    scene.rpc("core.aliases_list")
    scene.rpc("core.udp4_raw_info")
    scene.rpc("core.tcp_info")
    scene.rpc("no.such_command")
    scene.rpc("system.methodSignature", "core.echo")
    scene.rpc("cfg.get")
    scene.rpc("dns.lookup", "A")
    scene.rpc("corex.list_sockets")
    scene.rpc("corex.list_aliases")


@case(
    """
modparam("debugger", "cfgtrace", 1)
modparam("debugger", "log_level", -1)
modparam("debugger", "log_prefix", "from_script: ")
request_route {
    $var(x) = 1;
    if ($var(x) == 1) {
        route(A);
    }
    xlog("end\\n");
}
route[A] { setflag(1); return 1; }
""",
    modules="pv xlog debugger",
)
def cfgtrace(scene: Scene) -> None:
    """Each action with its route and line."""
    scene.alice.request("OPTIONS")
    scene.settle()


@case(
    """
modparam("registrar", "default_expires", 600)
request_route { drop; }
""",
    modules="tm tmx sl rr pv xlog textops usrloc registrar siputils kex corex counters cfg_rpc",
)
def arguments_missing_or_of_another_type(scene: Scene) -> None:
    """Each command has its own words, or goes on with what it could read; kamcmd sends digits as a number."""
    everything: list[tuple[str | int, ...]] = [(), ("a",), (1,), ("a", "b"), ("a", 1), (1, "a", "b", "c", "d")]
    for command in (
        "cfg.get",
        "cfg.list",
        "cfg.help",
        "cfg.seti",
        "cfg.sets",
        "cfg.del",
        "core.prints",
        "core.printi",
        "core.echo",
        "corex.debug",
        "pv.shvGet",
        "pv.shvSet",
        "stats.get_statistics",
        "stats.clear_statistics",
        "stats.reset_statistics",
        "system.methodHelp",
        "tm.cancel",
        "tm.reply",
        "tm.reply_callid",
        "tm.t_uac_start",
        "ul.add",
        "ul.db_users",
        "ul.dump",
        "ul.lookup",
        "ul.rm",
        "ul.rm_contact",
    ):
        for arguments in everything:
            if command == "ul.add" and arguments[:1] == ("a",):
                continue
            scene.rpc(command, *arguments)


@case("request_route { drop; }", modules="tm tmx sl pv siputils cfg_rpc kex corex counters usrloc registrar ctl")
def settings_that_can_be_shown(scene: Scene) -> None:
    """Whole groups; no counters of TCP without TCP; the defines that are always there."""
    for group in ("tm", "siputils", "registrar", "sl", "core"):
        scene.rpc("cfg.get", group)
    scene.rpc("cnt.grps_list")
    scene.rpc("core.ppdefines_full")
    scene.rpc("dns.delete_all")


@case("request_route { forward(); }", modules="pv kex corex sl")
def questions_to_dns_without_an_answer(scene: Scene) -> None:
    """SRV and A are questions of their own; the cache knows what has no answer."""
    for uri in ("one.invalid", "one.invalid", "two.invalid:5060", "two.invalid:5060", "two.invalid", "127.0.0.300"):
        scene.alice.request("OPTIONS", f"sip:x@{uri}")
        scene.rpc("stats.get_statistics", "failed_dns_request")
