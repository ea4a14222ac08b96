"""Log lines: which are written, and what stands in front of them."""

from __future__ import annotations

import pytest

from .serving import Serving, request

CONFIG = "listen=udp:127.0.0.1:5060\n"


def test_lines_up_to_the_debug_level_are_written() -> None:
    serving = Serving("debug=1\n" + CONFIG + 'request_route { log(1, "yes"); log(2, "no"); log("never"); }')
    serving.send(request())
    assert serving.log == ["NOTICE: <script>: yes"]


def test_a_module_may_have_a_level_of_its_own() -> None:
    serving = Serving(CONFIG + "request_route { exit; }")
    log = serving.server.log
    log.modules["tm"] = 3
    log.debug("tm", "yes")
    log.debug("sl", "no")
    log.modules["core"] = -1
    log.warning("<core>", "no")
    log.error("<script>", "yes")
    assert [record.text for record in serving.records] == ["yes", "yes"]


def test_the_process_may_have_a_level_of_its_own() -> None:
    serving = Serving(CONFIG + "request_route { exit; }")
    serving.server.log.local = 3
    serving.server.log.debug("<core>", "yes")
    assert [record.level for record in serving.records] == [3]


@pytest.mark.parametrize(("level", "shown"), [(-9, -5), (-2, -2), (3, 3)])
def test_levels_outside_of_the_range_are_brought_into_it(level: int, shown: int) -> None:
    serving = Serving("debug=3\n" + CONFIG + "request_route { exit; }")
    serving.records.clear()
    serving.server.log.write(level, "<core>", "x")
    assert [record.level for record in serving.records] == [shown]


def test_the_facility_is_the_configs() -> None:
    serving = Serving("log_facility=LOG_LOCAL0\n" + CONFIG + "request_route { exit; }")
    serving.server.log.error("<core>", "x")
    serving.server.log.write(-1, "<core>", "x", facility="LOG_LOCAL3")
    serving.server.log.facilities["tm"] = "LOG_LOCAL5"
    serving.server.log.error("tm", "x")
    assert [record.facility for record in serving.records] == ["LOG_LOCAL0", "LOG_LOCAL3", "LOG_LOCAL5"]


def test_a_prefix_that_cannot_be_read_is_left_out() -> None:
    config = 'debug=1\nlog_prefix="{$hdr(X)} "\n' + CONFIG + 'loadmodule "pv.so"\nrequest_route { log(1, "seen\\n"); }'
    serving = Serving(config)
    serving.send(request(headers="Max-Forwards: 1\nMax-Forwards: 2\n"))
    assert [record.text for record in serving.records if record.origin == "pv"]
    assert "seen\n" in [record.text for record in serving.records]


def test_named_levels() -> None:
    serving = Serving("debug=3\n" + CONFIG + "request_route { exit; }")
    serving.records.clear()
    log = serving.server.log
    for say in (log.critical, log.error, log.warning, log.notice, log.info, log.debug):
        say("m", "x")
    assert serving.log == [f"{name}: m: x" for name in "CRITICAL ERROR WARNING NOTICE INFO DEBUG".split()]  # noqa: SIM905


def test_a_line_may_replace_its_head() -> None:
    serving = Serving(CONFIG + "request_route { exit; }")
    serving.server.log.write(-1, "<script>", "x", head="MINE ")
    assert [record.head for record in serving.records] == ["MINE "]
