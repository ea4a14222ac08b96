"""Functions and parameters of sl, rr, tmx, pv and corex that no other file shows at work."""

from __future__ import annotations

import pytest

from kamscript.core.sockets import SEND_CLOSE, SEND_NO_CONNECT

from .script import INVITE, results, said, sent, serve
from .tm.stage import Stage, request


def routed(*routes: str) -> str:
    """An INVITE with Route headers."""
    return INVITE.replace("Subject:", "".join(f"Route: {route}\n" for route in routes) + "Subject:")


# -- sl ----------------------------------------------------------------------------------------------------------------
def test_sl_reply_is_sl_send_reply() -> None:
    (reply,) = sent('sl_reply("486", "Busy");', modules="sl")
    assert reply.text.startswith("SIP/2.0 486 Busy\r\n")


@pytest.mark.parametrize("modules", ["sl", "tm sl"])
def test_send_reply_error_says_what_the_last_error_stands_for(modules: str) -> None:
    found = sent('$ru = "sip:a@nowhere.invalid"; forward(); send_reply_error();', modules=modules, target="6.x")
    assert found[-1].text.split("\r\n")[0].startswith(("SIP/2.0 478", "SIP/2.0 500"))


@pytest.mark.parametrize(("mode", "flags"), [(0, 0), (1, SEND_NO_CONNECT), (2, SEND_CLOSE)])
def test_send_reply_mode_says_what_becomes_of_the_connection(mode: int, flags: int) -> None:
    tcp = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n"
    stage = Stage(f'request_route {{ send_reply_mode("480", "Later", "{mode}"); }}', listen=tcp)
    (reply,) = stage.send(request("OPTIONS"), proto="tcp", connection=7)
    assert reply.text.startswith("SIP/2.0 480 Later\r\n")
    assert reply.to.flags & (SEND_NO_CONNECT | SEND_CLOSE) == flags


# -- rr ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "message", "result"),
    [
        ("loose_route_preloaded()", routed("<sip:127.0.0.1:5060;lr>"), 1),
        ("loose_route_preloaded()", routed("<sip:127.0.0.1:5060;lr>", "<sip:10.0.0.9;lr>"), -1),
        ("loose_route_preloaded()", INVITE, -1),
        ('loose_route_mode("0")', routed("<sip:127.0.0.1:5060;lr>", "<sip:10.0.0.9;lr>"), 1),
        ('loose_route_mode("1")', routed("<sip:127.0.0.1:5060;lr>", "<sip:10.0.0.9;lr>"), 1),
        ('loose_route_mode("1")', INVITE, -1),
    ],
)
def test_ways_to_follow_routes(call: str, message: str, result: int) -> None:
    assert results(call, message=message, modules="rr") == [result]


STRICT = (
    routed("<sip:10.0.0.9;lr>")
    .replace("INVITE sip:bob@example.com:5070;transport=udp", "INVITE sip:127.0.0.1:5060")
    .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b1")
)


@pytest.mark.parametrize(("mode", "uri"), [("0", "sip:10.0.0.9;lr"), ("1", "sip:127.0.0.1:5060")])
def test_mode_1_never_takes_a_request_for_a_strict_routers(mode: str, uri: str) -> None:
    assert said(f'loose_route_mode("{mode}"); xlog("$ru\\n");', STRICT, modules="rr") == [uri]
    before = f'modparam("rr", "loose_route_mode", {mode})\n'
    assert said('loose_route(); xlog("$ru\\n");', STRICT, modules="rr", before=before, target="6.x") == [uri]


@pytest.mark.parametrize(
    ("routes", "result"), [(["<sip:127.0.0.1:5060;lr>"], -1), (["<sip:127.0.0.1:5060;lr>", "<sip:10.0.0.9;lr>"], 1)]
)
def test_rr_next_hop_route_tells_that_a_route_behind_ours_leads_on(routes: list[str], result: int) -> None:
    assert results("loose_route()", "rr_next_hop_route()", message=routed(*routes), modules="rr")[1] == result


@pytest.mark.parametrize(("enabled", "warnings"), [(0, 0), (1, 1)])
def test_enable_socket_mismatch_warning(enabled: int, warnings: int) -> None:
    before = f'modparam("rr", "enable_socket_mismatch_warning", {enabled})\nalias="other.example.com"\n'
    serving = serve("loose_route();", modules="rr", before=before)
    serving.send(routed("<sip:127.0.0.1:5060;r2=on;lr>", "<sip:other.example.com:5099;r2=on;lr>"))
    assert sum("no socket found to match second RR" in line for line in serving.log) == warnings


def test_sockname_mode_writes_the_sockets_name_and_heeds_it() -> None:
    lines = (
        'listen=udp:127.0.0.1:5060 name "first"\nlisten=udp:127.0.0.1:5070 name "second"\n',
        'modparam("rr", "sockname_mode", 1)\nmodparam("rr", "force_send_socket", 1)\n',
    )
    stage = Stage(
        lines[1] + "request_route { loose_route(); record_route(); t_relay(); }",
        modules="tm rr sl pv xlog textops",
        listen=lines[0],
    )
    found = stage.invite(headers="Route: <sip:127.0.0.1:5060;sn=second;lr>\n")
    assert found[-1].header("Via")[0].startswith("SIP/2.0/UDP 127.0.0.1:5070")
    assert "sn=" in found[-1].header("Record-Route")[0]


# -- tmx ---------------------------------------------------------------------------------------------------------------
def test_branch_flags_of_6_x() -> None:
    stage = Stage(
        'request_route { t_on_branch("B"); t_on_reply("R"); t_relay(); }\n'
        'branch_route[B] { setbflag("3"); }\n'
        'onreply_route[R] { if (t_vbflag_is_set("3")) xlog("3\\n"); t_vbflag_set("5"); '
        'if (t_vbflag_is_set("5")) xlog("5\\n"); t_vbflag_reset("3"); if (!t_vbflag_is_set("3")) xlog("no 3\\n"); }',
        target="6.x",
    )
    _, sent_ = stage.invite()
    stage.answer(sent_, "180 Ringing")
    assert stage.script == ["3", "5", "no 3"]


def test_t_flush_xflags_copies_to_the_transaction() -> None:
    for flush, seen in (("t_flush_xflags();", ["set"]), ("", [])):
        stage = Stage(
            f'request_route {{ t_on_failure("F"); t_relay(); setxflag("7"); {flush} }}\n'
            'failure_route[F] { if (isxflagset("7")) xlog("set\\n"); }'
        )
        _, sent_ = stage.invite()
        stage.answer(sent_, "486 Busy Here")
        assert stage.script == seen


def test_precheck_trans_off_makes_the_function_useless() -> None:
    for value, code in ((1, "-1"), (0, "-2")):
        stage = Stage(
            f'modparam("tmx", "precheck_trans", {value})\nrequest_route {{ t_precheck_trans(); xlog("$rc\\n"); }}'
        )
        stage.play(request("OPTIONS"))
        assert stage.script == [code]


def test_statistics_of_transactions() -> None:
    stage = Stage("request_route { t_relay(); }")

    def shown() -> dict[str, int]:
        lines = stage.server.rpc.call("stats.get_statistics", ["tmx:"])
        return {name.removeprefix("tmx:"): int(value) for name, _, value in (str(line).split(" ") for line in lines)}

    assert set(shown().values()) == {0}
    for number, status in enumerate(("200 OK", "302 Moved", "404 Gone", "503 Down", "603 No")):
        (out,) = stage.play(request("OPTIONS", callid=f"c{number}", branch=f"z9hG4bK-{number}"))
        stage.answer(out, status)
    found = shown()
    assert {name: found[f"{name}_transactions"] for name in ("2xx", "3xx", "4xx", "5xx", "6xx")} == dict.fromkeys(
        ("2xx", "3xx", "4xx", "5xx", "6xx"), 1
    )
    assert (found["UAS_transactions"], found["inuse_transactions"], found["active_transactions"]) == (5, 5, 0)
    assert (found["rpl_received"], found["rpl_sent"]) == (5, 5)
    assert found["rpl_relayed"] + found["rpl_generated"] == 5
    stage.tm.request_outside("OPTIONS", "sip:bob@127.0.0.12", "sip:bob@x", "sip:us@x")
    assert shown()["UAC_transactions"] == 1


# -- pv of 6.x ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ('xavp_xparams_explode("a=1|b=2", "|", "x"); xlog("$xavp(x=>a) $xavp(x=>b)\\n");', "1 2"),
        (
            '$xavp(x=>a) = 1; $xavp(x=>a) = 2; $xavp(x=>a) = 3; xavp_lshift("x", "1"); '
            'xlog("$(xavp(x[0]=>a)) $(xavp(x[1]=>a)) $(xavp(x[2]=>a))\\n");',
            "2 1 3",
        ),
        ('$xavp(x=>a) = 1; xavp_rm_all("x"); xlog("$xavp(x=>a)\\n");', "<null>"),
        ('$xavi(x=>a) = 1; xavi_rm_all("X"); xlog("$xavi(x=>a)\\n");', "<null>"),
    ],
)
def test_xavps_of_6_x(lines: str, shown: str) -> None:
    assert said(lines, modules="pv", target="6.x") == [shown]


# -- corex of 4.4 ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("length", "seen"), [(10, True), (5000, False)])
def test_the_old_names_of_network_interception(length: int, seen: bool) -> None:
    before = (
        f'modparam("corex", "network_io_intercept", 1)\nmodparam("corex", "min_msg_len", {length})\n'
        'modparam("corex", "msg_avp", "$avp(m)")\n'
    )
    rest = 'event_route[network:msg] { xlog("seen\\n"); }'
    found = said("exit;", modules="corex", before=before, rest=rest, target="4.4")
    assert (found != []) is seen


def test_t_reuse_branch_takes_the_failed_contact_again() -> None:
    stage = Stage(
        'request_route { $ru = "sip:carol@127.0.0.13"; t_on_branch_failure("again"); t_relay(); }\n'
        'event_route[tm:branch-failure:again] { if (t_reuse_branch()) xlog("$ru\\n"); }'
    )
    _, out = stage.invite()
    stage.answer(out, "430 Flow Failed")
    assert stage.script == ["sip:carol@127.0.0.13"]


def test_t_cancel_branch_idx_cancels_one_of_several() -> None:
    stage = Stage(
        'request_route { if (is_method("OPTIONS")) { t_cancel_branch_idx("$shv(i)", "$shv(l)", "1"); exit; }\n'
        "t_newtran(); $shv(i) = $T(id_index); $shv(l) = $T(id_label); "
        'append_branch("sip:carol@127.0.0.13"); t_relay(); }',
        target="6.x",
    )
    out = [one for one in stage.invite() if one.line == "INVITE"]
    for one in out:
        stage.answer(one, "180 Ringing")
    found = stage.play(request("OPTIONS", callid="other"))
    assert [(one.line, one.to) for one in found] == [("CANCEL", "carol")]


# -- textops of 6.x ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "result"),
    [
        ('str_any_in("hello", "xyzh")', 1),
        ('str_any_in("hello", "xyz")', -1),
        ('str_all_in("hello", "leh")', 1),
        ('str_all_in("hello", "lex")', -1),
        ('set_body_hex("68 69", "text/plain")', 1),
        ('set_body_hex("6", "text/plain")', -1),
        ('subst_v("hello", "/l+/L/", "$var(x)")', 1),
        ('subst_v("hello", "/q/L/", "$var(x)")', -1),
        ('via_param_rm("branch", "0")', 1),
        ('via_param_rm("none", "0")', -1),
        ('via_param_rm("branch", "9")', -1),
    ],
)
def test_text_functions_of_6_x(call: str, result: int) -> None:
    assert said(f'$var(rc) = {call}; xlog("$var(rc)\\n");', modules="textops", target="6.x") == [str(result)]


def test_what_text_functions_of_6_x_leave_behind() -> None:
    lines = 'subst_v("hello", "/l+/L/", "$var(x)"); xlog("$var(x)\\n"); set_body_hex("6869", "text/plain"); '
    shown = lines + 'msg_apply_changes(); xlog("$rb\\n");'
    assert said(shown, modules="textops textopsx", target="6.x") == ["heLo", "hi"]
    (reply,) = sent(
        'set_reply_body_hex("6869", "text/plain"); sl_send_reply("200", "OK");', modules="sl textops", target="6.x"
    )
    assert reply.text.endswith("\r\n\r\nhi")


def test_msg_changed_route_shows_the_changes_to_another_route_only() -> None:
    route = 'append_hf("X-New: 7\\r\\n"); msg_changed_route("LOOK"); xlog("$hdr(X-New)\\n");'
    rest = 'route[LOOK] { xlog("$hdr(X-New)\\n"); }'
    assert said(route, modules="textops textopsx", target="6.x", rest=rest) == ["7", "<null>"]
