"""Raw SQL: the types that Kamailio's database modules give what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamscript.stores import Big, Database, Timestamp, open_database

TYPED = "select id, big, name, note, ratio, at from kinds"


@pytest.mark.parametrize("kind", ["sqlite", "mysql", "postgres"])
def test_types_of_raw_results(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A number of 64 bits is told from one of 32, a time from a number."""
    database: Database
    if kind == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/k.db", lambda level, text: None)
    else:
        database = request.getfixturevalue(kind)
    time = "timestamp" if kind == "postgres" else "datetime"
    double = "double precision" if kind == "postgres" else "double"
    database.raw(f"create table kinds (id int, big bigint, name varchar(9), note text, ratio {double}, at {time})")
    moment = "2459946.5" if kind == "sqlite" else "'2023-01-02 00:00:00'"
    database.raw(f"insert into kinds values (1, 2, 'a', 'b', 1.5, {moment})")
    row = database.raw(TYPED, typed=True).rows[0]
    assert [type(cell) for cell in row] == [int, Big, str, str, float, Timestamp]
    assert row[:5] == (1, 2, "a", "b", 1.5)
    count = database.raw("select count(*) from kinds", typed=True).rows[0][0]
    assert count == 1 and (type(count) is Big) == (kind != "sqlite")


def test_an_update_of_mysql_counts_what_it_changed(mysql: Database) -> None:
    mysql.raw("create table kinds (id int)")
    mysql.raw("insert into kinds values (1), (2)")
    assert mysql.raw("update kinds set id = 2").affected == 1
    assert mysql.raw("select * from kinds").affected == 2
