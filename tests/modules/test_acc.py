"""acc: rows in databases, times, legs, refusals. What is logged: tests/differential."""

from __future__ import annotations

import pytest

from kamscript.source import ConfigError

from .serving import START, Databases, Served

URL = "mysql://u:p@h/k"
MODULES = "tm sl pv textops xlog db_mysql acc"
NAMES = ("method", "from_tag", "callid", "sip_code", "sip_reason")


def serve(settings: str = "", route: str = "", databases: Databases | None = None) -> Served:
    usual = 'modparam("acc", "db_url", "mysql://u:p@h/k")\nmodparam("acc", "db_flag", 1)\n'
    usual += 'modparam("acc", "db_missed_flag", 2)\nmodparam("acc", "log_flag", 3)\n'
    route = route or 'setflag(1); setflag(2); t_newtran(); t_reply("$(rU{s.int})", "As Asked");'
    return Served(f"{usual}{settings}request_route {{ {route} }}\n", MODULES, databases=databases)


def rows(served: Served, table: str, *columns: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in served.databases(URL).query(table, columns or NAMES)]


def test_an_answered_request_is_a_row() -> None:
    served = serve()
    served.request("OPTIONS", "200")
    assert rows(served, "acc") == [("OPTIONS", "from", "call-1", "200", "OK")]
    assert rows(served, "missed_calls") == []


def test_a_missed_call_is_a_row() -> None:
    served = serve()
    served.request("INVITE", "486")
    assert rows(served, "acc") == []
    assert rows(served, "missed_calls") == [("INVITE", "from", "call-1", "486", "Busy Here")]


def test_failed_transactions_by_flag_and_filter() -> None:
    settings = 'modparam("acc", "failed_transaction_flag", 4)\nmodparam("acc", "failed_filter", "404")\n'
    served = serve(settings, 'setflag(1); setflag(4); t_newtran(); t_reply("$(rU{s.int})", "x");')
    served.request("OPTIONS", "404")
    served.request("OPTIONS", "480", call_id="call-2")
    assert [row[3] for row in rows(served, "acc")] == ["480"]


def test_tables_and_columns_have_other_names() -> None:
    settings = """
modparam("acc", "db_table_acc", "calls_$rm")
modparam("acc", "acc_method_column", "how")
modparam("acc", "acc_sip_code_column", "code")
"""
    served = serve(settings)
    served.request("OPTIONS", "200")
    assert rows(served, "calls_OPTIONS", "how", "code") == [("OPTIONS", "200")]


def test_extra_attributes_are_columns() -> None:
    served = serve('modparam("acc", "db_extra", "src=$fU;none=$hdr(X-None)")\n')
    served.request("OPTIONS", "200")
    assert rows(served, "acc", "src", "none") == [("200", "")]


def test_a_row_for_each_leg() -> None:
    route = '$avp(l) = "a"; $avp(l) = "b"; setflag(1); t_newtran(); t_reply("200", "OK");'
    served = serve('modparam("acc", "multi_leg_info", "leg=$avp(l)")\n', route)
    served.request("OPTIONS")
    assert sorted(rows(served, "acc", "leg")) == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("mode", "settings", "column", "value"),
    [
        (1, 'modparam("acc", "time_attr", "t")\nmodparam("acc", "time_exten", "ms")\n', "ms", 250000),
        (2, 'modparam("acc", "time_attr", "t")\n', "t", START + 0.25),
        (4, 'modparam("acc", "time_attr", "t")\n', "t", "1970-01-12 13:46:40"),
    ],
)
def test_times_finer_than_a_second(mode: int, settings: str, column: str, value: object) -> None:
    served = serve(f'modparam("acc", "time_mode", {mode})\n{settings}')
    served.server.timers.now += 0.25
    served.request("OPTIONS", "200")
    ((found,),) = rows(served, "acc", column)
    assert found == (pytest.approx(value) if isinstance(value, float) else value)


def test_a_request_is_accounted_by_hand() -> None:
    route = (
        'acc_db_request("404 gone away", "acc"); xlog("$rc\\n"); acc_db_request("no code", "calls"); xlog("$rc\\n");'
    )
    served = serve("", route)
    served.request("OPTIONS")
    assert served.script == ["1", "1"]
    assert rows(served, "acc") == [("OPTIONS", "from", "call-1", "404", "gone away")]
    assert rows(served, "calls") == [("OPTIONS", "from", "call-1", "", "no code")]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('modparam("acc", "failed_filter", "4040")', "3 digits"),
        ('modparam("acc", "failed_filter", "200")', "invalid response code"),
        ('modparam("acc", "log_extra", "x")', "log_extra"),
        ('modparam("acc", "detect_direction", 1)', "RR API"),
    ],
)
def test_parameters_that_kamailio_refuses(settings: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Served(f'{settings}\nrequest_route {{ acc_log_request("x"); }}\n', "tm sl pv acc")
