"""debugger: dumps, assignments, breakpoints, refusals. What cfgtrace says: tests/differential."""

from __future__ import annotations

import re

import pytest

from kamscript.source import ConfigError

from .serving import Served

MODULES = "tm sl pv textops xlog cfg_rpc debugger"


def test_assignments_are_logged() -> None:
    served = Served(
        """
modparam("debugger", "log_assign", 1)
request_route {
    $avp(a) = 1;
    $avp(a) = "two";
    $avp(b) = $null;
    $var(x) = 1;
    $var(e) = "";
    $xavp(x=>a) = 5;
    $du = "sip:1.2.3.4";
    $var(r) = is_method("OPTIONS");
}
""",
        MODULES,
    )
    served.request()
    assert [line for line in served.lines("debugger") if line.startswith("$")] == [
        *("$avp(a):1", '$avp(a):"two"', "$avp(b): $null", "$var(x):1", '$var(e):""', "$xavp(x=>a):5"),
        *('$du:"sip:1.2.3.4"', "$var(r):1"),
    ]


DUMP = """
request_route {
    $avp(a) = 1; $avp(a) = "two";
    $avp(none) = $null;
    $var(x) = "x\\"y";
    $xavp(l=>a) = 1; $xavp(l=>b) = "b"; $xavp(l=>a) = 2;
    xlog("$ru $rm\\n");
    dbg_pv_dump("MASK", "L_ERR");
}
"""


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (2, '{"$avp(a)":["two",1]}'),
        (3, '{"$avp(a)":["two",1],"$avp(none)":[]}'),
        (4, '{"$var(x)":"x\\"y"}'),
        (8, '{"$xavp(l)":[{"a":[2]},{"b":["b"]},{"a":[1]}]}'),
        (16, '{"$rm":"OPTIONS"}'),
    ],
)
def test_variables_are_dumped(mask: int, text: str) -> None:
    served = Served(DUMP.replace("MASK", str(mask)), MODULES)
    served.request()
    found = [line for line in served.lines("debugger") if line.startswith("{")]
    assert found == [text]


def test_a_message_is_dumped_with_its_edits() -> None:
    config = 'request_route { remove_hf("Max-Forwards"); append_hf("X-A: b\\r\\n"); dbg_sip_msg("L_ERR"); }\n'
    served = Served(config, MODULES)
    served.request()
    (text,) = [line for line in served.lines("debugger") if line.startswith("CONFIG LINE")]
    assert re.match(r"CONFIG LINE \d+\n-+ START OF SIP message debug -+\nOPTIONS sip:bob@example.com SIP/2.0\r\n", text)
    diffs = text.partition("SIP header diffs ")[2]
    assert "- Max-Forwards: 70\r\n" in diffs
    assert "X-A: b\r\n" in diffs
    assert "- X-A" not in diffs


def test_breakpoints_are_logged_and_passed() -> None:
    served = Served('modparam("debugger", "breakpoint", 1)\nrequest_route { setflag(1); exit; }\n', MODULES)
    served.request()
    hits = [line for line in served.lines("debugger") if line.startswith("breakpoint hit: p=[")]
    assert [line.partition(" a=")[2] for line in hits] == ["39 n=setflag", "2 n=exit"]
    assert served.rpc("dbg.bp", "off") == ["200 ok"]
    served.request()
    assert len([line for line in served.lines("debugger") if line.startswith("breakpoint hit")]) == len(hits)


def test_processes_are_listed_and_followed() -> None:
    served = Served("request_route { exit; }\n", MODULES)
    (process,) = served.rpc("dbg.ls")
    assert list(process) == ["entry", "pid", "set", "state", "in.pid", "in.cmd"]
    assert served.rpc("dbg.trace", "on", process["pid"]) == ["200 ok"]
    assert served.rpc("dbg.ls", process["pid"])[0]["set"] == 1
    served.request()
    (line,) = [record.line for record in served.records if record.head is not None]
    assert line.startswith("ERROR: *** cfgtrace:dbg_cfg_trace(): request_route=[DEFAULT_ROUTE] ")


def test_the_lines_have_a_level_name_and_facility_of_their_own() -> None:
    settings = 'modparam("debugger", "cfgtrace", 1)\nmodparam("debugger", "log_level_name", "exec")\n'
    settings += 'modparam("debugger", "log_level", 2)\nmodparam("debugger", "log_facility", "LOG_LOCAL2")\n'
    served = Served(settings + "request_route { exit; }\n", MODULES)
    served.request()
    (record,) = [record for record in served.records if record.label is not None]
    assert record.line.startswith("exec: *** cfgtrace:")
    assert (record.level, record.facility) == (2, "LOG_LOCAL2")


def test_modes_need_a_table() -> None:
    served = Served("request_route { exit; }\n", MODULES)
    assert served.rpc("cfg.seti", "dbg", "mod_level_mode", 1) == "400 Failed to set the variable"
    served = Served('modparam("debugger", "mod_hash_size", 3)\nrequest_route { exit; }\n', MODULES)
    served.rpc("dbg.set_mod_level", "core", -1)
    assert served.rpc("dbg.get_mod_level", "core") == [3]
    assert served.rpc("cfg.seti", "dbg", "mod_level_mode", 1) == []
    assert served.rpc("dbg.get_mod_level", "core") == [-1]
    assert served.rpc("cfg.seti", "dbg", "mod_hash_size", 9) == "400 Failed to set the variable"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('modparam("debugger", "mod_level", "core=3")', "cannot store parameter"),
        ('modparam("debugger", "mod_level", "core")', "invalid parameter value"),
        ('modparam("debugger", "mod_hash_size", 3)\nmodparam("debugger", "mod_level", "core=x")', "level value"),
        ('modparam("debugger", "mod_hash_size", 3)\nmodparam("debugger", "mod_facility", "core=x")', "facility value"),
        ('modparam("debugger", "log_facility", "LOG_NONE")', "invalid log facility"),
        ('modparam("debugger", "cfgtest", 1)', "can't find cfgt module"),
    ],
)
def test_parameters_that_kamailio_refuses(settings: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Served(f"{settings}\nrequest_route {{ exit; }}\n", MODULES)


@pytest.mark.parametrize("call", ['dbg_pv_dump("x")', 'dbg_pv_dump("2", "L_X")', 'dbg_sip_msg("L_X")'])
def test_arguments_that_kamailio_refuses(call: str) -> None:
    with pytest.raises(ConfigError):
        Served(f"request_route {{ {call}; }}\n", MODULES)
