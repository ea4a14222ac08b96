"""What real Kamailio does in the traps that `kamscript check` warns of: each fact that a warning tells, seen there.

The statements run in the first worker, over the message that the daemon makes up for it (an OPTIONS from
sip:you@kamailio.org to the same); `yes` and `no` are what they log.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .judge import ends, exchange, started

_HEAD = "".join(f'loadmodule "{name}.so" ' for name in ("pv", "xlog", "tm", "sl", "textops", "siputils"))
_YES = 'xlog("L_ALERT", "said yes\\n");'
_NO = 'xlog("L_ALERT", "said no\\n");'


def said(statements: str, more: str = "") -> list[str]:
    """What the statements log with the word `said`."""
    config = f"{_HEAD}\nrequest_route {{ exit; }}\n{more}\n"
    log = started(config, statements)
    assert log is not None, "the daemon does not start"
    return [line.split("said ", 1)[1].strip() for line in log.splitlines() if "said " in line]


def truth(condition: str, before: str = "") -> str:
    (word,) = said(f"{before} if ({condition}) {{ {_YES} }} else {{ {_NO} }}")
    return word


CONDITIONS = [
    ("assignment-in-condition", "($var(a) = 0)", "", "yes"),
    ("method-list", 'method == "INVITE|OPTIONS"', "", "no"),
    ("method-list", '$rm == "INVITE|OPTIONS"', "", "no"),
    ("method-list", 'method =~ "INVITE|OPTIONS"', "", "yes"),
    ("method-case", '$rm == "options"', "", "no"),
    ("method-case", 'method == "options"', "", "yes"),
    ("text-condition", "$fU", "", "no"),
    ("text-condition", "$ru", "", "no"),
    ("text-condition", "!$fU", "", "yes"),
    ("text-condition", "$var(s)", '$var(s) = "5";', "yes"),
    ("null-text", '$avp(x) == "<null>"', "", "no"),
    ("null-text", '$avp(x) == ""', "", "yes"),
    ("never-null", "$var(x) == $null", "", "no"),
    ("never-null", "$var(x) == $null", "$var(x) = $null;", "no"),
    ("never-null", "$vn(x) == $null", "", "yes"),
    ("pattern-compared", '$rm == "OPT.*"', "", "no"),
    ("pattern-compared", '$rm =~ "OPT.*"', "", "yes"),
    ("loose-dot", '$var(h) =~ "^sip.example.com$"', '$var(h) = "sipXexampleYcom";', "yes"),
    ("loose-dot", '$var(h) =~ "sip.example.com"', '$var(h) = "sip.example.com.evil.org";', "yes"),
    ("not-expanded", '$fU == "$fU"', "", "no"),
]


@pytest.mark.kamailio
@pytest.mark.parametrize(("rule", "condition", "before", "answer"), CONDITIONS)
def test_conditions(rule: str, condition: str, before: str, answer: str) -> None:
    assert truth(condition, before) == answer


@pytest.mark.kamailio
def test_texts_in_expressions_are_not_expanded() -> None:
    assert said('$var(x) = "sip:$rU"; xlog("L_ALERT", "said $var(x)\\n");') == ["sip:$rU"]


@pytest.mark.kamailio
def test_variables_that_nothing_writes() -> None:
    text = "said $var(n) $vz(n) $vn(n) $avp(n) $xavp(n)"
    assert said(f'xlog("L_ALERT", "{text}\\n");') == ["0 0 <null> <null> <null>"]


@pytest.mark.kamailio
def test_a_case_without_break_runs_on() -> None:
    cases = 'case 1: xlog("L_ALERT", "said 1\\n"); case 2: xlog("L_ALERT", "said 2\\n"); break; case 3: exit;'
    assert said(f"$var(x) = 1; switch ($var(x)) {{ {cases} }}") == ["1", "2"]


@pytest.mark.kamailio
def test_a_case_is_no_pattern() -> None:
    assert said(f'switch ($rm) {{ case "OPT.*": {_YES} break; default: {_NO} }}') == ["no"]
    assert said(f'switch ($rm) {{ case /"OPT.*": {_YES} break; default: {_NO} }}') == ["yes"]


@pytest.mark.kamailio
@pytest.mark.parametrize(
    ("value", "reasons"), [("0", "before before"), ("off", "before before"), ("-1", "before after")]
)
def test_return_0_ends_the_script(value: str, reasons: str) -> None:
    route = 'sl_send_reply("404", "before"); route(Z); sl_send_reply("480", "after");'
    config = f"{_HEAD}\nrequest_route {{ {route} }}\nroute[Z] {{ return {value}; }}\n"
    replies = exchange(config, REQUEST, REQUEST, replies=2)
    assert " ".join(reply.split("\r\n")[0].split(" ")[2] for reply in replies) == reasons


@pytest.mark.kamailio
def test_an_address_never_equals_a_network_as_a_text() -> None:
    route = 'if ($si == "127.0.0.0/8") sl_send_reply("480", "x"); if (src_ip == 127.0.0.0/8) sl_send_reply("404", "x");'
    (reply,) = exchange(f"{_HEAD}\nrequest_route {{ {route} }}\n", REQUEST, replies=1)
    assert reply.startswith("SIP/2.0 404 ")


@pytest.mark.kamailio
def test_code_behind_the_end_does_not_run() -> None:
    assert said(f"if ($rm == $null) {{ exit; }} else {{ return; }} {_YES}") == []


@pytest.mark.kamailio
def test_routes_that_are_armed_and_not_there_are_only_a_warning() -> None:
    log = started(_HEAD + 'request_route { t_on_failure("NOPE"); t_on_branch("NOPE"); }\n', "")
    assert log is not None
    assert 't_on_failure("NOPE"): empty/non existing route' in log


@pytest.mark.kamailio
def test_any_event_route_is_accepted() -> None:
    assert said(_YES, "event_route[tm:local-reqest] { exit; }") == ["yes"]


@pytest.mark.kamailio
def test_the_last_value_of_a_parameter_counts() -> None:
    more = 'modparam("pv", "varset", "a=i:1") modparam("xlog", "prefix", "one ") modparam("xlog", "prefix", "two ")\n'
    log = started(_HEAD + more + "request_route { exit; }\n", _YES)
    assert log is not None and "two said yes" in log


REQUEST = (
    "OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:bob@127.0.0.1>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.kamailio
def test_a_reply_does_not_end_the_script() -> None:
    route = 'sl_send_reply("404", "First"); sl_send_reply("480", "Second");'
    replies = exchange(f"{_HEAD}\nrequest_route {{ {route} }}\n", REQUEST, replies=2)
    assert [reply.split("\r\n")[0] for reply in replies] == ["SIP/2.0 404 First", "SIP/2.0 480 Second"]


@pytest.mark.kamailio
def test_a_header_without_line_end_is_glued_to_the_next() -> None:
    route = 'append_to_reply("X-A: 1"); sl_send_reply("200", "OK");'
    (reply,) = exchange(f"{_HEAD}\nrequest_route {{ {route} }}\n", REQUEST, replies=1)
    assert "\r\nX-A: 1Server: " in reply


_DIALOG = (
    'loadmodule "rr.so" loadmodule "dialog.so"\n'
    'modparam("dialog", "profiles_with_value", "caller") modparam("dialog", "profiles_no_value", "calls")'
)


@pytest.mark.kamailio
@pytest.mark.parametrize(
    ("call", "code"),
    [
        ('get_profile_size("caller", "$var(n)")', "-1"),
        ('get_profile_size("caller", "x", "$var(n)")', "1"),
        ('get_profile_size("calls", "$var(n)")', "1"),
        ('set_dlg_profile("caller")', "-1"),
    ],
)
def test_profiles_with_values_want_them(call: str, code: str) -> None:
    assert said(f'{call}; xlog("L_ALERT", "said $rc\\n");', _DIALOG) == [code]


@pytest.mark.kamailio
@pytest.mark.parametrize(("size", "starts"), [(1024, True), (1000, False), (3, False), (1, True), (0, True)])
def test_the_dialog_table_has_a_power_of_two(size: int, starts: bool) -> None:
    config = f'{_HEAD}\nrequest_route {{ exit; }}\n{_DIALOG} modparam("dialog", "hash_size", {size})\n'
    log = started(config, 'xlog("L_ALERT", "said up\\n");')
    assert (log is not None and "said up" in log) is starts


@pytest.mark.kamailio
def test_a_dialog_variable_takes_no_number() -> None:
    statements = '$dlg_var(a) = "x"; $dlg_var(a) = 5; xlog("L_ALERT", "said $dlg_var(a)\\n");'
    assert said(statements, _DIALOG) == ["x"]


@pytest.mark.kamailio
def test_files_of_rules_are_mixed_up(tmp_path: Path) -> None:
    for name, rule in (("a", '"sip:none@" : ALL'), ("b", 'ALL : "sip:x@"'), ("c", 'ALL : "sip:y@"')):
        (tmp_path / name).write_text(f"{rule}\n")
    load = 'loadmodule "permissions.so"'
    calls = f'allow_routing("{tmp_path}/a", "{tmp_path}/b"); allow_routing("{tmp_path}/a", "{tmp_path}/c");'
    assert said(f'$ru = "sip:y@h"; {calls} xlog("L_ALERT", "said $rc\\n");', load) == ["1"]
    third = f'allow_routing("{tmp_path}/c", "{tmp_path}/d");'
    assert started(f"{_HEAD}\n{load}\nrequest_route {{ {calls} {third} }}\n", 'xlog("L_ALERT", "said up\\n");') is None


@pytest.mark.kamailio
def test_watcher_information_without_a_database(tmp_path: Path) -> None:
    config = (
        f'{_HEAD}\nloadmodule "presence.so" loadmodule "presence_xml.so"\n'
        'modparam("presence", "publ_cache", 2)\nmodparam("presence", "subs_db_mode", 0)\n'
        'modparam("presence_xml", "force_active", 1)\nrequest_route { handle_subscribe(); }\n'
    )
    subscribe = (
        "SUBSCRIBE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK1\r\n"
        "From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 SUBSCRIBE\r\n"
        "Contact: <sip:alice@{here}>\r\nEvent: presence.winfo\r\nContent-Length: 0\r\n\r\n"
    )
    assert ends(config, subscribe, tmp_path)


@pytest.mark.kamailio
def test_last_alias() -> None:
    nathelper = 'loadmodule "nathelper.so"'
    uri = '$ru = "sip:a@b;alias=192.0.2.1~5060~2"; '
    test = f"if (handle_ruri_alias(%s) == 1) {{ {_YES} }} else {{ {_NO} }}"
    assert said(uri + test % "", nathelper) == ["yes"]
    assert said(uri + test % '"1"', nathelper) == ["no"]


@pytest.mark.kamailio
@pytest.mark.parametrize("module", ["rtpengine", "rtpproxy"])
def test_no_relays(module: str) -> None:
    load = f'loadmodule "{module}.so"'
    test = f"if ({module}_offer()) {{ {_YES} }} else {{ {_NO} }}"
    assert said(test, load) == ["no"]
