"""Accounting as configs in the wild set it up: rows with extra columns, missed calls, legs, records of calls, odd values."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case

MODULES = "db_sqlite corex tm tmx sl rr pv xlog textops siputils kex dialog acc"
NULL = "a null text is written as an empty one, whatever the database"
BOB = "sip:bob@127.0.0.12:21200"
CAROL = "sip:carol@127.0.0.13:21200"
STOCK = """
#!define FLT_ACC 1
#!define FLT_ACCMISSED 2
#!define FLT_ACCFAILED 3
modparam("tm", "fr_timer", 2000)
modparam("tm", "wt_timer", 1000)
modparam("acc", "early_media", 0)
modparam("acc", "report_ack", 0)
modparam("acc", "report_cancels", 0)
modparam("acc", "detect_direction", 0)
modparam("acc", "log_level", -1)
modparam("acc", "log_flag", FLT_ACC)
modparam("acc", "log_missed_flag", FLT_ACCMISSED)
modparam("acc", "failed_transaction_flag", FLT_ACCFAILED)
"""
COLUMNS = "src_user=$fU;src_domain=$fd;src_ip=$si;dst_ouser=$tU;dst_user=$rU;dst_domain=$rd"
DATABASE = f"""
modparam("acc", "db_flag", FLT_ACC)
modparam("acc", "db_missed_flag", FLT_ACCMISSED)
modparam("acc", "db_url", "sqlite:///DATABASE")
modparam("acc", "db_extra", "{COLUMNS}")
modparam("acc", "log_extra", "{COLUMNS}")
"""
SEEN = ("method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason")
EXTRAS = ("src_user", "src_domain", "src_ip", "dst_ouser", "dst_user", "dst_domain")
ROUTES = """
request_route {
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route()) {
            if (is_method("BYE")) { setflag(FLT_ACC); setflag(FLT_ACCFAILED); }
            t_relay();
            exit;
        }
        if (is_method("ACK") && t_check_trans()) { t_relay(); exit; }
        if (!is_method("ACK")) sl_send_reply("404", "Not here");
        exit;
    }
    t_check_trans();
    record_route();
    if (is_method("INVITE")) { setflag(FLT_ACC); }
    setflag(FLT_ACCMISSED);
    @START@
    t_on_failure("MANAGE_FAILURE");
    t_on_branch("MANAGE_BRANCH");
    t_on_reply("MANAGE_REPLY");
    if (!t_relay()) sl_reply_error();
    exit;
}
branch_route[MANAGE_BRANCH] { @BRANCH@ }
onreply_route[MANAGE_REPLY] { @REPLY@ }
failure_route[MANAGE_FAILURE] { if (t_is_canceled()) exit; @FAILURE@ }
"""


def config(params: str = DATABASE, *, start: str = "", branch: str = "", reply: str = "", failure: str = "") -> str:
    """The stock set-up with more parameters and statements."""
    routes = ROUTES.replace("@START@", start).replace("@BRANCH@", branch or "exit;")
    return STOCK + params + routes.replace("@REPLY@", reply or "exit;").replace("@FAILURE@", failure or "exit;")


def tables(scene: Scene, *more: str) -> None:
    """Make both tables, with columns that `db_extra` or `multi_leg_info` names."""
    names = ["time DATETIME", *(f"{name} VARCHAR(64)" for name in (*SEEN, *more))]
    for table in ("acc", "missed_calls"):
        scene.execute(f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, {', '.join(names)})")


def look(scene: Scene, *more: str) -> None:
    """What the tables hold."""
    for table in ("acc", "missed_calls"):
        scene.rows(table, *SEEN, *more)


def answered(scene: Scene, uri: str = BOB, *, bye: bool = True, headers: str = "", **request: str) -> None:
    """A whole call to bob."""
    scene.alice.request("INVITE", uri, headers=headers, **request)  # type: ignore[arg-type]
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    invite.answer(200, "OK", headers=f"Contact: <{BOB}>")
    scene.alice.expect(200)
    routes = "\n".join(f"Route: {route}" for route in invite.headers("Record-Route"))
    scene.alice.request("ACK", BOB, to_tag="bob", headers=routes)
    scene.bob.expect("ACK")
    if bye:
        scene.alice.request("BYE", BOB, to_tag="bob", headers=routes, cseq=2)
        scene.bob.expect("BYE").answer(200, "Bye then")
        scene.alice.expect(200)
    scene.settle()


def refused(scene: Scene, code: int, reason: str = "Busy Here", uri: str = BOB, call_id: str = "call-1") -> None:
    """A call that bob refuses."""
    call = scene.alice.request("INVITE", uri, call_id=call_id)
    scene.bob.expect("INVITE").answer(code, reason)
    scene.bob.expect("ACK")
    scene.settle()
    scene.alice.drain()
    scene.alice.ack(call)
    scene.settle()


@case(config(), modules=MODULES)
def rows_and_lines_of_a_call(scene: Scene) -> None:
    """One row and one line for the INVITE, one of each for the BYE, none missed."""
    tables(scene, *EXTRAS)
    answered(scene)
    look(scene, *EXTRAS)


@case(config(), modules=MODULES)
def a_missed_call_as_a_row(scene: Scene) -> None:
    """A refused call stands in missed_calls alone."""
    tables(scene, *EXTRAS)
    refused(scene, 486)
    refused(scene, 603, "No 'thanks', \"really\"", call_id="o'brien@x")
    refused(scene, 302, "", call_id="call-3")
    look(scene, *EXTRAS)


@case(
    config(
        failure='if (t_check_status("486|408")) { $du = $null; $ru = "CAROL"; t_on_failure("MANAGE_FAILURE"); t_relay(); exit; }'.replace(
            "CAROL", CAROL
        )
    ),
    modules=MODULES,
)
def busy_goes_to_voicemail(scene: Scene) -> None:
    """WITH_VOICEMAIL: the busy branch is missed, the answer of the mailbox is accounted."""
    tables(scene, *EXTRAS)
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(200, "OK")
    look(scene, *EXTRAS)


@case(config(start=f'setflag(FLT_ACCFAILED); append_branch("{CAROL}");'), modules=MODULES)
def both_branches_refuse(scene: Scene) -> None:
    """Parallel forking: one missed row for each branch, one failed for the call."""
    tables(scene, *EXTRAS)
    call = scene.alice.request("INVITE", BOB)
    bob, carol = scene.bob.expect("INVITE"), scene.carol.expect("INVITE")
    bob.answer(480, "Away")
    scene.bob.expect("ACK")
    carol.answer(603, "Decline")
    scene.carol.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    look(scene, *EXTRAS)


@case(config(), modules=MODULES)
def cancelled_as_a_row(scene: Scene) -> None:
    """The caller hangs up: 487 is missed."""
    tables(scene, *EXTRAS)
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.cancel(call)
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    look(scene, *EXTRAS)


@case(config(start='t_reply("404", "No $rU");  exit;'), modules=MODULES)
def the_server_itself_refuses(scene: Scene) -> None:
    """t_reply: a missed row with the server's own tag."""
    tables(scene, *EXTRAS)
    call = scene.alice.request("INVITE", "sip:nobody@example.com")
    scene.settle()
    scene.alice.ack(call)
    scene.rows("acc", "method", "sip_code", "sip_reason")
    scene.rows("missed_calls", "method", "sip_code", "sip_reason", *EXTRAS)


@case(config(start='resetflag(FLT_ACC); if ($hdr(X-Acc) == "1") setflag(FLT_ACC);'), modules=MODULES)
def a_header_decides(scene: Scene) -> None:
    """What flags say when the request ends counts."""
    tables(scene, *EXTRAS)
    answered(scene, headers="X-Acc: 1", bye=False)
    answered(scene, bye=False, call_id="call-2")
    look(scene)


ODD = "a=$avp(none);b=$var(number);c=$avp(empty);d=$hdr(X-Long);e=$(avp(many)[*]);f=$hdr(X-Quote)"


@case(
    config(
        f"""
modparam("acc", "db_flag", FLT_ACC)
modparam("acc", "db_url", "sqlite:///DATABASE")
modparam("acc", "db_extra", "{ODD}")
modparam("acc", "log_extra", "{ODD}")
""",
        start='$var(number) = -2147483648; $avp(empty) = ""; $avp(many) = "one"; $avp(many) = 2; t_reply("200", "OK"); exit;',
    ),
    modules=MODULES,
)
def odd_values(scene: Scene) -> None:
    """Null, negative, empty, long, several, quoted."""
    tables(scene, *"abcdef")
    scene.alice.request("INVITE", BOB, headers=f'X-Long: {"long " * 300}\nX-Quote: it\'s; a="b", c%0a\\n')
    scene.settle()
    scene.alice.request("INVITE", BOB, cseq=2, call_id="call-2")
    scene.settle()
    scene.rows("acc", "method", "sip_code", "sip_reason", *"abcdef")


LEGS = """
modparam("acc", "db_flag", FLT_ACC)
modparam("acc", "db_missed_flag", FLT_ACCMISSED)
modparam("acc", "db_url", "sqlite:///DATABASE")
modparam("acc", "multi_leg_info", "leg_src=$avp(src);leg_dst=$avp(dst)")
modparam("acc", "db_extra", "src_user=$fU")
"""


@case(
    config(
        LEGS,
        start="""
    $avp(src) = $fU; $avp(dst) = $rU;
    if ($hdr(X-Forward) != $null) { $avp(src) = $rU; $avp(dst) = $hdr(X-Forward); }
    if ($hdr(X-Number) != $null) { $avp(src) = 5; }
    """,
    ),
    modules=MODULES,
    differs={"rpc/0/1/4/7": NULL},
)
def forwarded_legs_as_rows(scene: Scene) -> None:
    """multi_leg_info: a row for each leg; a leg without a value is null; numbers are written as such."""
    tables(scene, "leg_src", "leg_dst", "src_user")
    answered(scene, bye=False)
    answered(scene, headers="X-Forward: carol", bye=False, call_id="call-2")
    answered(scene, headers="X-Number: 1", bye=False, call_id="call-3")
    refused(scene, 486, call_id="call-4")
    look(scene, "leg_src", "leg_dst", "src_user")


@case(
    config(LEGS, failure=f'$avp(src) = $rU; $avp(dst) = "carol"; $ru = "{CAROL}"; t_relay();'),
    modules=MODULES,
    differs={"rpc/1/1/0/6": NULL, "rpc/1/1/0/7": NULL},
)
def a_leg_added_in_failure_route(scene: Scene) -> None:
    """A leg that the failure route adds stands in the answered record, not in the missed one."""
    tables(scene, "leg_src", "leg_dst", "src_user")
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(200, "OK")
    look(scene, "leg_src", "leg_dst", "src_user")


BY_HAND = """
modparam("acc", "db_url", "sqlite:///DATABASE")
modparam("acc", "db_extra", "src_user=$fU")
modparam("acc", "db_table_acc", "acc")
"""


@case(
    STOCK
    + BY_HAND
    + """
request_route {
    acc_db_request("403 Forbidden here", "missed_calls"); xlog("$rc\\n");
    acc_db_request("200", "acc"); xlog("$rc\\n");
    acc_db_request("Just words", "acc"); xlog("$rc\\n");
    acc_db_request("1000 big", "acc"); xlog("$rc\\n");
    acc_db_request("99", "acc"); xlog("$rc\\n");
    $var(c) = "480 Away"; $var(t) = "missed_calls";
    acc_db_request("$var(c)", "$var(t)"); xlog("$rc\\n");
    acc_db_request("$var(none)", "acc"); xlog("$rc\\n");
    acc_db_request("$avp(none)", "acc"); xlog("$rc\\n");
    acc_db_request("$rU 486 $fU", "acc"); xlog("$rc\\n");
    acc_log_request("$avp(none)"); xlog("$rc\\n");
    acc_log_request("603"); xlog("$rc\\n");
    acc_log_request("603 "); xlog("$rc\\n");
    acc_log_request(" 603 Blank"); xlog("$rc\\n");
}
""",
    modules=MODULES,
)
def records_by_hand(scene: Scene) -> None:
    """Codes with and without words, words without a code, variables, null."""
    tables(scene, "src_user")
    scene.alice.request("INVITE", BOB)
    scene.rows("acc", "sip_reason", "src_user")
    scene.rows("missed_calls", "sip_code", "sip_reason", "src_user")


@case(
    config(
        BY_HAND,
        start="resetflag(FLT_ACC); resetflag(FLT_ACCMISSED);",
        failure='acc_db_request("$T_reply_code $T_reply_reason", "missed_calls"); acc_log_request("$T_reply_code by hand"); xlog("rc $rc\\n");',
        reply='if ($rs > 199) { xlog("reply $rs\\n"); }',
    ),
    modules=MODULES,
    differs={"rpc/1/1/0/2": NULL},
)
def by_hand_in_failure_route(scene: Scene) -> None:
    """acc_db_request with the code of the winning reply."""
    tables(scene, "src_user")
    refused(scene, 503, "Out of order")
    look(scene, "src_user")


CDR = """
modparam("acc", "cdr_enable", 1)
modparam("acc", "cdr_start_on_confirmed", 1)
modparam("acc", "cdr_log_enable", 0)
modparam("acc", "cdr_extra", "caller=$fU;callee=$dlg_var(callee);ci=$ci;empty=$avp(none)")
modparam("acc", "db_url", "sqlite:///DATABASE")
modparam("acc", "cdrs_table", "calls")
modparam("acc", "cdr_start_id", "began")
modparam("acc", "cdr_end_id", "ended")
modparam("acc", "cdr_duration_id", "took")
"""
TABLE = "CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, began TEXT, ended TEXT, took REAL, caller TEXT, callee TEXT, ci TEXT, empty TEXT)"


@case(config(CDR, start="dlg_manage(); $dlg_var(callee) = $tU;"), modules=MODULES)
def a_record_of_a_call(scene: Scene) -> None:
    """cdrs_table with names of columns of its own; a refused call leaves none."""
    scene.execute(TABLE)
    answered(scene)
    refused(scene, 486, call_id="call-2")
    scene.rows("calls", "caller", "callee", "ci")


@case(
    config(CDR + 'modparam("acc", "cdr_on_failed", 1)\n', start="dlg_manage();"),
    modules=MODULES,
    differs={"rpc/0/1/0/1": NULL},
)
def a_record_of_a_failed_call(scene: Scene) -> None:
    """cdr_on_failed: one record for a call that was refused."""
    scene.execute(TABLE)
    refused(scene, 486)
    scene.rows("calls", "caller", "callee", "ci")


@case(
    config(
        'modparam("acc", "reason_from_hf", 1)\nmodparam("acc", "log_extra", "code=$T_reply_code;reason=$T_reply_reason;du=$du;br=$T_branch_idx")\n',
        branch='$avp(br) = $T_branch_idx; xlog("branch $T_branch_idx\\n");',
    ).replace('"acc", "report_cancels", 0', '"acc", "report_cancels", 1'),
    modules=MODULES,
)
def variables_of_the_reply(scene: Scene) -> None:
    """Extra attributes see the request; the Reason header gives the reason."""
    call = scene.alice.request("INVITE", BOB, call_id="call-2")
    scene.bob.expect("INVITE").answer(480, "Away", headers='Reason: Q.850;cause=16;text="Gone, really"')
    scene.bob.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    scene.settle()


@case(config('modparam("acc", "detect_direction", 1)\n' + DATABASE), modules=MODULES)
def a_bye_from_the_other_side(scene: Scene) -> None:
    """detect_direction: tags and extra of an upstream BYE."""
    tables(scene, *EXTRAS)
    answered(scene, bye=False)
    route = "Route: <sip:127.0.0.1:21200;lr;ftag=alice>"
    scene.bob.request(
        "BYE",
        scene.alice.contact,
        headers=route,
        to="<sip:alice@example.com>",
        to_tag="alice",
        from_="<sip:bob@example.com>",
        cseq=9,
    )
    scene.alice.expect("BYE").answer(481, "Gone")
    scene.bob.expect(481)
    look(scene, *EXTRAS)


@case(
    config(
        failure=f'xlog("$T_reply_code\\n"); if (t_branch_timeout()) {{ $ru = "{CAROL}"; $du = $null; t_relay(); }}'
    ).replace('"fr_timer", 2000', '"fr_timer", 400'),
    modules=MODULES,
)
def silence_is_missed(scene: Scene) -> None:
    """A branch that times out is missed with 408; the next one answers; its row has the request's URI."""
    tables(scene, *EXTRAS)
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE")
    scene.carol.expect("INVITE").answer(200, "OK")
    scene.settle()
    scene.bob.drain()
    scene.bob.received.clear()
    scene.rows("acc", "method", "sip_code", "sip_reason", *EXTRAS)
    scene.rows("missed_calls", "method", "sip_code", "sip_reason", *EXTRAS)


@case(
    STOCK.replace('"report_cancels", 0', '"report_cancels", 1').replace('"report_ack", 0', '"report_ack", 1')
    + DATABASE
    + """
request_route {
    setflag(FLT_ACC); setflag(FLT_ACCMISSED); setflag(FLT_ACCFAILED);
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    if (is_method("INVITE")) record_route();
    if ($rU == "drop") { t_reply("480", ""); exit; }
    if ($rU == "stateless") { sl_send_reply("404", "Nobody"); exit; }
    t_relay();
}
""",
    modules=MODULES,
)
def every_flag_at_once(scene: Scene) -> None:
    """ACKs, CANCELs, other methods, replies of the server itself, stateless ones."""
    tables(scene, *EXTRAS)
    answered(scene)
    for number, method in enumerate(("OPTIONS", "MESSAGE", "SUBSCRIBE")):
        scene.alice.request(method, BOB, call_id=f"m{number}", cseq=3)
        scene.bob.expect(method).answer((200, 404, 202)[number], "Said")
        scene.settle()
    call = scene.alice.request("INVITE", BOB, call_id="cancelled")
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing")
    scene.settle()
    scene.alice.cancel(call)
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    scene.settle()
    scene.alice.ack(call)
    scene.alice.ack(scene.alice.request("INVITE", "sip:drop@example.com", call_id="drop"))
    scene.settle()
    scene.alice.request("MESSAGE", "sip:stateless@example.com", call_id="stateless")
    scene.rows("acc", "method", "callid", "sip_code", "sip_reason", "dst_user")
    scene.rows("missed_calls", "method", "callid", "sip_code", "sip_reason", "dst_user")
