"""The share of a usage table: which names count as real, doubled, unknown."""

from pathlib import Path

import pytest

from kamscript.tools import port_names as names
from kamscript.tools.port_names import State
from kamscript.tools.usage import Row, TableError, known, main, report, table_of

HEADING = "kind\tname\tmodule\trepos\tconfigs\n"


def state(kind: str, name: str, module: str = "") -> State:
    found = known(Row(kind, name, module, 1, 1))
    assert found is not None
    return found.state


@pytest.mark.parametrize(
    ("kind", "name", "module", "expected"),
    [
        ("function", "t_relay", "tm", State.REAL),
        ("function", "geoip2_match", "geoip2", State.DOUBLE),
        ("function", "geoip2_match", "", State.DOUBLE),
        ("function", "no_such_function", "", State.UNKNOWN),
        ("function", "setflag", "core", State.REAL),
        ("core function", "rewritehost", "", State.REAL),
        ("core function", "append_branch", "", State.REAL),  # of corex since 5.0
        ("core function", "no_such", "", State.UNKNOWN),
        ("core parameter", "debug", "", State.REAL),
        ("core parameter", "mem_join", "", State.INERT),
        ("core parameter", "pstn.gw_ip", "", State.REAL),
        ("core parameter", "fifo", "", State.UNKNOWN),
        ("modparam", "fr_timer", "tm", State.REAL),
        ("modparam", "received_avp", "nathelper|registrar", State.REAL),
        ("modparam", "no_such", "tm", State.UNKNOWN),
        ("pseudo-variable", "ru", "", State.REAL),
        ("pseudo-variable", "hdr()", "", State.REAL),
        ("pseudo-variable", "gw_ip", "", State.REAL),  # an AVP
        ("pseudo-variable", "gip2()", "", State.DOUBLE),
        ("pseudo-variable", "nope()", "", State.UNKNOWN),
        ("transformation", "s.len", "", State.REAL),
        ("transformation", "s.encode", "", State.REAL),
        ("transformation", "s.strpos", "", State.UNKNOWN),
        ("transformation", "kz.encode", "", State.DOUBLE),
        ("event route", "htable:expired:ipban", "", State.REAL),
        ("event route", "core:msg-received", "", State.REAL),
        ("event route", "evrexec:init", "", State.DOUBLE),
        ("select", "via[].branch", "", State.REAL),
        ("module", "tm", "", State.REAL),
        ("module", "geoip2", "", State.DOUBLE),
        ("module", "mysql", "", State.UNKNOWN),
    ],
)
def test_how_a_name_runs(kind: str, name: str, module: str, expected: State) -> None:
    assert state(kind, name, module) is expected


def test_syntax_is_no_name() -> None:
    assert known(Row("operator", "==", "", 1, 1)) is None


def test_an_arity_that_nobody_has() -> None:
    assert names.function("tm", "t_relay", 1).state is State.UNKNOWN


def test_shares_are_weighted_by_repositories() -> None:
    table = table_of(
        HEADING + "function\tt_relay\ttm\t3\t9\nfunction\tgeoip2_match\tgeoip2\t1\t1\noperator\t==\t\t9\t9\n"
    )
    lines = report(table).splitlines()
    assert lines[3].split() == ["all", "75.0%", "[1]", "0.0%", "[0]", "25.0%", "[1]", "0.0%", "[0]"]
    assert "  function geoip2_match  geoip2  1" in lines
    assert "not counted: 1 of operator" in lines[-1]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("function\tVARCHAR\t?", "SQL within a text"),
        ("function\tt_was_cancelled\t?", "ended; instead: t_is_canceled()"),
        ("modparam\tshared_secret\tosb", "no generation has a module osb"),
        ("modparam\tssl_single_context\ttls", "no generation of Kamailio exports a parameter of this name"),
    ],
)
def test_why_a_name_is_unknown(line: str, why: str) -> None:
    assert report(table_of(f"{line}\t1\t1\n")).splitlines()[-1].endswith(f"  1  {why}")


def test_a_line_that_is_none() -> None:
    with pytest.raises(TableError, match="line 2 has not the columns"):
        table_of(HEADING + "function\tt_relay\n")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "usage.tsv"
    table.write_text(HEADING + "core parameter\tfifo\t\t2\t2\n")
    assert main([str(table)]) == 0
    assert 'core parameter fifo  -  2  ended; instead: modparam("jsonrpcs"' in capsys.readouterr().out
    assert main([str(tmp_path / "none.tsv")]) == 2
    assert "none.tsv: No such file" in capsys.readouterr().err
    assert main([]) == 2
