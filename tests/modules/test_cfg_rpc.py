"""cfg_rpc: changing settings while the server runs; instances of groups; resets. More: tests/differential commands."""

from __future__ import annotations

from .serving import Served

CONFIG = """
mine.number = 5 desc "how many"
mine.text = "five" desc "in words"
request_route { xlog("$sel(cfg_get.mine.number) $sel(cfg_get.mine.text)\\n"); }
"""


def serve() -> Served:
    return Served(CONFIG, "tm sl pv xlog kex cfg_rpc registrar usrloc".replace("registrar usrloc", "usrloc registrar"))


def test_values_by_number_and_by_text() -> None:
    served = serve()
    assert served.rpc("cfg.get", "mine", "number") == [5]
    assert served.rpc("cfg.set", "mine", "number", "7") == []
    assert served.rpc("cfg.sets", "mine", "text", "seven") == []
    assert served.rpc("cfg.get", "mine") == [{"number": 7, "text": "seven"}]
    served.request()
    assert served.script == ["7 seven"]


def test_what_cannot_be_set() -> None:
    served = serve()
    assert served.rpc("cfg.seti", "mine", "none", 1) == "400 Failed to set the variable"
    assert served.rpc("cfg.sets", "mine", "number", "x") == "400 Failed to set the variable"
    assert served.rpc("cfg.get", "none", "x") == "400 Failed to get the variable"
    assert served.rpc("cfg.get") == "500 Failed to get the parameters"


def test_changes_that_wait() -> None:
    served = serve()
    assert served.rpc("cfg.set_delayed_int", "mine", "number", 8) == []
    assert served.rpc("cfg.set_delayed_string", "mine", "text", "eight") == []
    assert served.rpc("cfg.get", "mine", "number") == [5]
    assert served.rpc("cfg.diff") == [
        {"group name": "mine", "variable name": "number", "old value": 5, "new value": 8},
        {"group name": "mine", "variable name": "text", "old value": "five", "new value": "eight"},
    ]
    assert served.rpc("cfg.rollback") == []
    assert served.rpc("cfg.diff") == []
    served.rpc("cfg.set_delayed", "mine", "number", 9)
    assert served.rpc("cfg.commit") == []
    assert served.rpc("cfg.get", "mine", "number") == [9]


def test_instances_of_a_group() -> None:
    served = serve()
    assert served.rpc("cfg.add_group_inst", "registrar[2]") == []
    assert served.rpc("cfg.seti", "registrar[2]", "min_expires", 7) == []
    assert served.rpc("cfg.get", "registrar[2]", "min_expires") == [7]
    assert served.rpc("cfg.get", "registrar", "min_expires") == [60]
    assert served.rpc("cfg.del", "registrar[2]", "min_expires") == []
    assert served.rpc("cfg.get", "registrar[2]", "min_expires") == [60]
    assert served.rpc("cfg.del_group_inst", "registrar[2]") == []
    assert served.rpc("cfg.get", "registrar[2]", "min_expires") == "400 Failed to get the variable"
    assert served.rpc("cfg.add_group_inst", "registrar") == '400 Wrong group syntax. Use "group[id]"'


def test_help_and_lists() -> None:
    served = serve()
    assert served.rpc("cfg.help", "mine", "number") == ["how many", "(parameter type is integer)"]
    assert served.rpc("cfg.list", "mine") == ["mine: number", "mine: text"]
    assert "registrar: default_expires" in served.rpc("cfg.list")


def test_a_reset() -> None:
    served = serve()
    served.rpc("cfg.seti", "mine", "number", 1)
    assert served.rpc("cfg.reset", "mine") == []
    assert served.rpc("cfg.get", "mine", "number") == [5]
    served.rpc("cfg.seti", "registrar", "min_expires", 1)
    assert served.rpc("cfg.reset", "registrar") == "500 Unsupported input type"
