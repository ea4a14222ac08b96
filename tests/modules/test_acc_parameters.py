"""Parameters and functions of acc that no other file shows at work."""

from __future__ import annotations

import pytest

from kamscript.source import ConfigError

from .serving import Served
from .test_acc import MODULES, URL, rows, serve

COLUMNS = (
    ("acc_method_column", "OPTIONS"),
    ("acc_from_tag_column", "from"),
    ("acc_callid_column", "call-1"),
    ("acc_sip_code_column", "200"),
    ("acc_sip_reason_column", "OK"),
)


@pytest.mark.parametrize(("parameter", "value"), COLUMNS)
def test_a_column_may_have_another_name(parameter: str, value: str) -> None:
    served = serve(f'modparam("acc", "{parameter}", "other")\n')
    served.request("OPTIONS", "200")
    assert rows(served, "acc", "other") == [(value,)]


def test_columns_of_to_tag_and_time() -> None:
    served = serve('modparam("acc", "acc_to_tag_column", "theirs")\nmodparam("acc", "acc_time_column", "moment")\n')
    served.request("OPTIONS", "200", to="<sip:bob@example.com>;tag=their-tag")
    ((tag, moment),) = rows(served, "acc", "theirs", "moment")
    assert (tag, str(moment)[:4]) == ("their-tag", "1000")


@pytest.mark.parametrize(("nullable", "value"), [(0, ""), (1, None)])
def test_acc_extra_nullable_keeps_null(nullable: int, value: str | None) -> None:
    lines = f'modparam("acc", "db_extra", "none=$hdr(X-None)")\nmodparam("acc", "acc_extra_nullable", {nullable})\n'
    served = serve(lines)
    served.request("OPTIONS", "200")
    assert rows(served, "acc", "none") == [(value,)]


@pytest.mark.parametrize(("size", "refused"), [(2, False), (1, True)])
@pytest.mark.parametrize("parameter", ["log_extra", "db_extra", "multi_leg_info"])
def test_acc_extra_size_is_the_most_attributes(size: int, refused: bool, parameter: str) -> None:
    value = "a=$avp(a);b=$avp(b)"
    lines = f'modparam("acc", "{parameter}", "{value}")\nmodparam("acc", "acc_extra_size", {size})\n'
    if refused:
        with pytest.raises(ConfigError):
            serve(lines)
    else:
        serve(lines)


def test_db_table_missed_calls_may_hold_variables() -> None:
    served = serve('modparam("acc", "db_table_missed_calls", "missed_$rm")\n')
    served.request("INVITE", "486")
    assert [row[3] for row in rows(served, "missed_INVITE")] == ["486"]


def test_db_version_check_wants_the_table_in_the_right_version() -> None:
    lines = 'modparam("acc", "db_version_check", 1)\n'
    with pytest.raises(ConfigError, match="invalid version"):
        serve_6(lines + 'modparam("acc", "db_table_acc", "no_such_table")\n')
    serve_6(lines)
    serve_6('modparam("acc", "db_version_check", 0)\nmodparam("acc", "db_table_acc", "no_such_table")\n')


def serve_6(lines: str) -> None:
    route = 'request_route { acc_db_request("200 ok", "acc"); }\n'
    Served(f'modparam("acc", "db_url", "{URL}")\n{lines}{route}', MODULES, target="6.x")


def test_time_format_is_strftimes() -> None:
    lines = (
        'modparam("acc", "time_mode", 4)\nmodparam("acc", "time_attr", "t")\nmodparam("acc", "time_format", "%Y/%j")\n'
    )
    served = serve(lines)
    served.request("OPTIONS", "200")
    assert rows(served, "acc", "t") == [("1970/012",)]


def test_acc_request_writes_to_log_and_database() -> None:
    served = serve("", 'acc_request("404 gone away", "acc"); xlog("$rc\\n");')
    served.request("OPTIONS")
    assert served.script == ["1"]
    assert rows(served, "acc", "sip_code", "sip_reason") == [("404", "gone away")]
    assert any("code=404;reason=gone away" in line for line in served.lines("acc"))


@pytest.mark.parametrize("call", ['acc_rad_request("x")', 'acc_diam_request("x")'])
def test_functions_of_backends_that_are_gone_are_refused(call: str) -> None:
    with pytest.raises(ConfigError):
        Served(f"request_route {{ {call}; }}\n", "tm sl pv acc", target="4.4")


@pytest.mark.parametrize(
    "line",
    [
        '"radius_config", "x"',
        '"radius_flag", 1',
        '"radius_missed_flag", 1',
        '"radius_extra", "a=$fU"',
        '"service_type", 15',
        '"diameter_flag", 1',
        '"diameter_missed_flag", 1',
        '"diameter_extra", "a=$fU"',
        '"diameter_client_host", "x"',
        '"diameter_client_port", 3000',
    ],
)
def test_parameters_of_backends_that_are_gone_are_refused(line: str) -> None:
    with pytest.raises(ConfigError):
        Served(f'modparam("acc", {line})\nrequest_route {{ exit; }}\n', "tm sl pv acc", target="4.4")
