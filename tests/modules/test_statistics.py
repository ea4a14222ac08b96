"""statistics and counters: what configs count, and the commands that show it."""

from __future__ import annotations

import pytest

from kamscript.source import ConfigError

from .serving import Served

MODULES = "tm sl pv xlog kex statistics counters"
OLD = """
modparam("statistics", "variable", "mine")
modparam("statistics", "variable", "keep/no_reset")
request_route {
    update_stat("mine", "3"); update_stat("mine", "+2"); update_stat("mine", "-1"); update_stat("keep", "7");
    $var(n) = "mine"; $var(v) = "10"; update_stat("$var(n)", "$var(v)"); xlog("$rc $stat(mine)\\n");
    $var(v) = 5; update_stat("$var(n)", "$var(v)"); xlog("$rc $stat(mine)\\n");
    $var(v) = "1x"; update_stat("$var(n)", "$var(v)"); xlog("$rc $stat(mine)\\n");
    $var(n) = "nope"; update_stat("$var(n)", "1"); xlog("$rc\\n");
    update_stat("rcv_requests", "100"); xlog("$stat(rcv_requests)\\n");
    reset_stat("mine"); reset_stat("keep"); xlog("$stat(mine) $stat(keep)\\n");
}
"""


def test_statistics_of_a_config() -> None:
    served = Served(OLD, MODULES)
    served.request()
    assert served.script == ["1 14", "1 19", "1 19", "-1", "101", "0 7"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('update_stat("none", "1");', "variable <none> not defined"),
        ('update_stat("rcv_requests", "0");', "update with 0"),
        ('update_stat("rcv_requests", "x");', "bad update number"),
        ('update_stat("rcv_requests", "123456");', "bad update number"),
        ('cnt_inc("none");', "does not exist"),
    ],
)
def test_what_does_not_load(line: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Served(f"request_route {{ {line} }}\n", MODULES)


@pytest.mark.parametrize("text", ["", "a/b"])
def test_variables_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError):
        Served(f'modparam("statistics", "variable", "{text}")\nrequest_route {{ drop; }}\n', MODULES)


NEW = """
modparam("counters", "script_counter", "calls how many calls")
modparam("counters", "script_cnt_grp_name", "other")
modparam("counters", "script_counter", "calls: more of them")
modparam("counters", "script_counter", "third.calls")
request_route { cnt_inc("script.calls"); cnt_add("calls", 5); cnt_add("calls", "-2"); cnt_inc("third.calls"); }
"""


def test_counters_of_a_config() -> None:
    served = Served(NEW, MODULES)
    served.request()
    assert served.rpc("cnt.get", "script", "calls") == [1]
    assert served.rpc("cnt.get", "other", "calls") == [3]
    assert served.rpc("cnt.get", "third") == [{"calls": 1}]
    assert served.rpc("cnt.help", "other", "calls") == ["more of them"]
    assert served.rpc("cnt.help", "script", "calls") == ["how many calls"]
    assert served.rpc("cnt.reset", "other", "calls") == []
    assert served.rpc("cnt.get_raw", "other", "calls") == [0]
    assert served.rpc("cnt.get", "none", "calls") == "400 non-existent counter none.calls\n"
    assert "other" in served.rpc("cnt.grps_list")
    assert served.rpc("cnt.var_list", "other") == ["calls"]


def test_only_those_that_may_are_reset() -> None:
    served = Served(OLD, MODULES)
    served.request()
    assert served.rpc("cnt.reset", "script", "keep") == []
    assert served.rpc("cnt.get", "script", "keep") == [7]
