"""xlog: levels, places, facilities, prefixes, limits."""

from __future__ import annotations

import pytest

from kamscript.core.environment import LogRecord

from .script import INVITE, OPTIONS, refused, serve


def logged(route: str, before: str = "", message: str = INVITE, target: str = "5.6") -> list[LogRecord]:
    serving = serve(route, modules="", before=before, target=target)
    serving.send(message)
    return serving.records


def lines(route: str, before: str = "", message: str = INVITE, target: str = "5.6") -> list[str]:
    return [record.line.rstrip("\n") for record in logged(route, before, message, target)]


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ('xlog("hi $rU\\n")', "ERROR: <script>: hi bob"),
        ('xlog("L_WARN", "hi\\n")', "WARNING: <script>: hi"),
        ('xlog("$var(l)", "hi\\n")', "NOTICE: <script>: hi"),
        ('xlog("LOG_LOCAL0", "L_ERR", "hi\\n")', "ERROR: <script>: hi"),
        ('xalert("hi\\n")', "ALERT: <script>: hi"),
        ('xbug("hi\\n")', "BUG: <script>: hi"),
        ('xcrit("hi\\n")', "CRITICAL: <script>: hi"),
        ('xerr("hi\\n")', "ERROR: <script>: hi"),
        ('xwarn("hi\\n")', "WARNING: <script>: hi"),
        ('xnotice("hi\\n")', "NOTICE: <script>: hi"),
        ('xinfo("hi\\n")', "INFO: <script>: hi"),
        ('xdbg("hi\\n")', "DEBUG: <script>: hi"),
    ],
)  # fmt: skip
def test_every_function_has_its_level(call: str, line: str) -> None:
    assert line in lines(f"$var(l) = 1; {call};", "debug=3")


def test_what_the_debug_level_hides_is_not_even_made() -> None:
    assert lines('xdbg("$(var(x){s.int})\\n"); xinfo("x");', "debug=0") == []


def test_lines_of_the_config() -> None:
    assert lines('xlogl("hi\\n");') == ["ERROR: <script>: 7:hi"]
    assert lines('xlogl("hi\\n");', 'modparam("xlog", "long_format", 1)') == ["ERROR: <script>: kamailio.cfg:7:hi"]


def test_a_facility_of_its_own() -> None:
    (record,) = logged('xlog("LOG_LOCAL3", "L_ERR", "hi");')
    assert record.facility == "LOG_LOCAL3"
    (record,) = logged('xlog("hi");', 'modparam("xlog", "log_facility", "LOG_LOCAL5")')
    assert record.facility == "LOG_LOCAL5"


def test_another_prefix() -> None:
    before = 'modparam("xlog", "prefix", "@$rU: ")\n'
    assert lines('xlog("hi");', before) == ["ERROR: @$rU: hi"]
    assert lines('xlog("hi");', f'{before}modparam("xlog", "prefix_mode", 1)') == ["ERROR: @bob: hi"]


def test_a_text_that_is_too_long_is_not_logged() -> None:
    before = 'modparam("xlog", "buf_size", 8)'
    assert lines('xlog("1234567"); xlog("12345678");', before)[0] == "ERROR: <script>: 1234567"
    assert "too long" in lines('xlog("12345678");', before)[0]


def test_chosen_methods_only() -> None:
    before = 'modparam("xlog", "methods_filter", 1)'  # INVITE
    assert lines('xlogm("L_ERR", "hi");', before) == []
    assert lines('xlogm("L_ERR", "hi");', before, OPTIONS) == ["ERROR: <script>: hi"]


def test_colours_for_terminals() -> None:
    assert lines('xlog("$C(Rx)hi");', 'modparam("xlog", "force_color", 1)') == ["ERROR: <script>: \x1b[1;31;49mhi"]
    assert lines('xlog("$C(Rx)hi");', "log_stderror=no") == ["ERROR: <script>: hi"]


def test_line_ends_that_6_adds() -> None:
    (record,) = logged('xlog("hi");', 'modparam("xlog", "auto_newline", 1)', target="6.x")
    assert record.text == "hi\n"


@pytest.mark.parametrize(
    ("route", "before"),
    [
        ('xlog("L_XX", "x");', ""),
        ('xlog("LOG_NOPE", "L_ERR", "x");', ""),
        ('xlog("$C(q)");', ""),
        ("exit;", 'modparam("xlog", "log_facility", "LOG_NOPE")'),
        ("exit;", 'modparam("xlog", "log_colors", "l_nope=rx")'),
        ("exit;", 'modparam("xlog", "log_colors", "l_err=r")'),
    ],
)  # fmt: skip
def test_what_is_refused(route: str, before: str) -> None:
    assert refused(route, modules="", before=before)
