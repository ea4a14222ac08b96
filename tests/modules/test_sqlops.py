"""sqlops: what a test sees of queries, databases that come late, bad input. 5.6: tests/differential/cases/sqlops.py."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.module import FixupError
from kamscript.source import ConfigError
from kamscript.stores import Database, DatabaseError, Result, parse_url
from tests.core.serving import Serving
from tests.modules.script import OPTIONS, refused

CON = 'modparam("sqlops", "sqlcon", "ca=>sqlite:///x")\n'
LOADS = "".join(f'loadmodule "{name}.so"\n' for name in ("db_sqlite", "pv", "xlog", "sqlops"))


def test_rows_that_a_test_gives_are_what_the_route_finds() -> None:
    lab = Lab(
        text=f"""{LOADS}{CON}
        request_route {{
            sql_query("ca", "select ha1 from subscriber where username=$(rU{{sql.val}})", "ra");
            xlog("$dbr(ra=>rows) $dbr(ra=>[0,0])\\n");
        }}""",
        database={"subscriber": [{"username": "bob", "domain": "example.com", "ha1": "secret"}]},
    )
    lab.send(lab.request("OPTIONS", "bob"), "10.0.0.1")
    lab.send(lab.request("OPTIONS", "carol"), "10.0.0.1")
    assert lab.log.script == ["1 secret", "0 <null>"]


class Absent(Database):
    """A database that is not there until somebody starts it."""

    there = False

    def connect(self) -> None:
        if not self.there:
            raise DatabaseError("not there", lost=True)

    def raw(self, sql: str, *, typed: bool = False) -> Result:
        raise DatabaseError("no such table")


def served(database: Database, mode: int) -> Serving:
    """A server on that database."""
    route = 'sql_query("ca", "select 1", "ra"); xlog("$rc\\n");'
    mode_line = f'modparam("sqlops", "connect_mode", {mode})\n'
    return Serving(
        f"listen=udp:127.0.0.1:5060\n{LOADS}{CON}{mode_line}request_route {{ {route} }}\n",
        database=lambda url: database,
    )


def absent() -> Absent:
    return Absent(parse_url("sqlite:///x"), lambda level, text: None)


def test_a_database_may_come_later_with_connect_mode_1() -> None:
    database = absent()
    serving = served(database, 1)
    serving.send(OPTIONS)
    database.there = True
    serving.send(OPTIONS)
    assert [record.text.strip() for record in serving.records if record.origin == "<script>"] == ["-2", "-1"]


def test_without_it_the_server_does_not_start() -> None:
    with pytest.raises((ConfigError, FixupError), match=r"failed to connect to the database \[ca\]"):
        served(absent(), 0)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('sql_query("cb", "select 1");', "no sqlcon defines the connection 'cb'; there are: ca"),
        ('xlog("$dbr(ra=>row)");', "the key is rows, cols, [row,column] or colname[column], not row"),
        ('sql_pvquery("ca", "select 1", "$si");', "result variable $si is read-only"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(line: str, why: str) -> None:
    assert why in refused(line, modules="db_sqlite sqlops", before=CON)


def test_no_more_results_than_allowed() -> None:
    names = "".join(f'xlog("$dbr(r{number}=>rows)");\n' for number in range(3))
    limit = 'modparam("sqlops", "results_maxsize", 1)\n'
    assert "'r2' is one more than results_maxsize allows" in refused(
        names, modules="db_sqlite sqlops", before=CON + limit
    )
