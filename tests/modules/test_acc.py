"""acc: rows in databases, times, legs, call data records, refusals. What is logged: tests/differential."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kamscript.module import Module
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
        ('modparam("acc", "cdr_enable", 2)', "cdr_enable is out of range"),
        ('modparam("acc", "cdr_enable", 1)', "dialog API"),
        ('modparam("acc", "log_extra", "x")', "log_extra"),
        ('modparam("acc", "detect_direction", 1)', "RR API"),
    ],
)
def test_parameters_that_kamailio_refuses(settings: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Served(f'{settings}\nrequest_route {{ acc_log_request("x"); }}\n', "tm sl pv acc")


# --- call data records ------------------------------------------------------------------------------------------------


class Dialogs(Module, name="dialog"):
    """What acc asks of module dialog."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.callbacks: dict[str, Callable[[Any, Any], object]] = {}

    def register_dlgcb(self, event: str, callback: Callable[[Any, Any], object]) -> None:
        self.callbacks[event] = callback


class Call:
    """A dialog with variables."""

    confirmed = True

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}

    def get_variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def set_variable(self, name: str, value: str) -> None:
        self.variables[name] = value


def with_cdrs(settings: str = "", **options: Any) -> tuple[Served, Dialogs]:
    config = f"""
modparam("acc", "db_url", "{URL}")
modparam("acc", "cdr_enable", 1)
modparam("acc", "cdrs_table", "cdrs")
modparam("acc", "cdr_extra", "caller=$fU")
{settings}
request_route {{ drop; }}
"""
    served = Served(config, "tm sl pv db_mysql dialog acc", extra={"dialog": Dialogs}, **options)
    dialogs = served.server.modules["dialog"]
    assert isinstance(dialogs, Dialogs)
    return served, dialogs


def play(served: Served, dialogs: Dialogs, *events: tuple[str, float]) -> Call:
    call = Call()
    served.request("OPTIONS")
    ctx = served.server.context(served.server.faked_message())
    for event, seconds in events:
        served.server.timers.now += seconds
        if event in dialogs.callbacks:
            dialogs.callbacks[event](call, ctx)
    return call


CALL = (("created", 0.0), ("confirmed", 2.5), ("terminated", 10.0), ("terminated_confirmed", 0.0))


def test_a_call_becomes_a_record() -> None:
    served, dialogs = with_cdrs()
    call = play(served, dialogs, *CALL)
    assert call.variables == {"start_time": "1000000.000", "end_time": "1000012.500", "duration": "12.500"}
    (line,) = served.lines("acc")
    assert line.startswith("start_time=1000000.000; end_time=1000012.500; duration=12.500; caller=")
    assert rows(served, "cdrs", "duration") == [(12.5,)]


def test_a_record_may_start_with_the_answer() -> None:
    served, dialogs = with_cdrs('modparam("acc", "cdr_start_on_confirmed", 1)')
    assert play(served, dialogs, *CALL).variables["duration"] == "10.000"


@pytest.mark.parametrize(("mode", "duration"), [(0, "12"), (1, "12.500"), (2, "12.500000")])
def test_how_durations_are_written(mode: int, duration: str) -> None:
    served, dialogs = with_cdrs(f'modparam("acc", "cdr_duration_mode", {mode})', target="6.x")
    assert play(served, dialogs, *CALL).variables["duration"] == duration


def test_a_call_that_fails_has_a_record_when_asked_for() -> None:
    for setting, count in (("0", 0), ("1", 1)):
        served, dialogs = with_cdrs(f'modparam("acc", "cdr_on_failed", {setting})')
        play(served, dialogs, ("created", 0.0), ("failed", 1.0))
        assert len(served.lines("acc")) == count


def test_a_record_is_skipped_by_a_variable_of_the_dialog() -> None:
    served, dialogs = with_cdrs('modparam("acc", "cdr_skip", "skip")')
    call = Call()
    call.variables["skip"] = "1"
    for event in ("created", "terminated", "terminated_confirmed"):
        dialogs.callbacks[event](call, served.server.context(served.server.faked_message()))
    assert served.lines("acc") == []
