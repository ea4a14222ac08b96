"""The same operations on every kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamscript.module import FixupError
from kamscript.stores import Database, DatabaseError, Timestamp, open_database

from .conftest import Lines

NOON = Timestamp(1700000000)
NUMBERS = dict.fromkeys(("reg_id", "server_id", "connection_id", "keepalive", "partition"), 0)


def contact(ruid: str, **more: object) -> dict[str, object]:
    row = {"username": "alice", "contact": "sip:a@10.0.0.1", "expires": NOON, "q": 0.5, "callid": "c", "cseq": 1}
    return {**row, "last_modified": NOON, "flags": 0, "cflags": 0, "user_agent": "", "ruid": ruid, **NUMBERS, **more}


def test_a_row_comes_back_with_the_types_it_went_in(database: Database) -> None:
    database.insert("location", contact("r1", methods=5951))
    rows = database.query("location", ["username", "expires", "q", "cseq", "methods", "received"])
    assert rows == [("alice", NOON, 0.5, 1, 5951, None)]


def test_text_that_is_utf_8_keeps_its_bytes(database: Database) -> None:
    name = "j\xc3\xb6rg"
    database.insert("location", contact("r1", username=name))
    assert database.query("location", ["username"], {"username": name}) == [(name,)]


def test_conditions_compare_and_combine(database: Database) -> None:
    for number in range(4):
        database.insert("location", contact(f"r{number}", cseq=number, expires=Timestamp(NOON + number)))
    where = [("cseq", ">", 0), ("cseq", "!=", 3), ("expires", "<=", Timestamp(NOON + 2)), ("cflags", "=", 0)]
    assert sorted(database.query("location", ["ruid"], where)) == [("r1",), ("r2",)]


def test_null_is_found_by_equality(database: Database) -> None:
    database.insert("location", contact("r1", path="<sip:p;lr>"))
    database.insert("location", contact("r2"))
    assert database.query("location", ["ruid"], {"path": None}) == [("r2",)]
    assert database.query("location", ["ruid"], [("path", "!=", None)]) == [("r1",)]


def test_rows_are_sorted_by_a_column(database: Database) -> None:
    for ruid, q in (("r1", 0.5), ("r2", 0.1), ("r3", 0.9)):
        database.insert("location", contact(ruid, q=q))
    assert [row[0] for row in database.query("location", ["ruid"], order="q")] == ["r2", "r1", "r3"]


def test_fetch_reads_in_portions(database: Database) -> None:
    for number in range(5):
        database.insert("location", contact(f"r{number}"))
    portions = list(database.fetch("location", ["ruid"], size=2))
    assert [len(rows) for rows in portions] == [2, 2, 1]


def test_update_and_delete_tell_how_many_rows(database: Database) -> None:
    for number in range(3):
        database.insert("location", contact(f"r{number}"))
    assert database.update("location", {"cseq": 7}, [("ruid", "!=", "r0")]) == 2
    assert database.delete("location", {"cseq": 7}) == 2
    assert database.query("location", ["ruid", "cseq"]) == [("r0", 1)]


def test_insert_update_changes_the_row_with_the_key(database: Database) -> None:
    database.insert_update("location", contact("r1"), ["ruid"])
    database.insert_update("location", contact("r1", cseq=2), ["ruid"])
    assert database.query("location", ["ruid", "cseq"]) == [("r1", 2)]


def test_replace_takes_the_place_of_the_row_with_the_key(database: Database) -> None:
    database.insert("location", contact("r1", received="sip:1.2.3.4"))
    database.replace("location", contact("r1"), ["ruid"])
    assert database.query("location", ["ruid", "received"]) == [("r1", None)]


def test_insert_returns_the_new_number(database: Database) -> None:
    first = database.insert("location", contact("r1"))
    assert database.insert("location", contact("r2")) == first + 1


def test_raw_sql_gives_columns_and_rows(database: Database) -> None:
    database.insert("location", contact("r1"))
    result = database.raw("SELECT ruid, cseq FROM location")
    assert (result.columns, result.rows) == (["ruid", "cseq"], [("r1", 1)])


def test_the_version_of_a_table_is_checked(database: Database) -> None:
    database.check_version("location", 9)
    with pytest.raises(FixupError, match="invalid version 9 for table location found, expected 8"):
        database.check_version("location", 8)


def test_the_table_of_versions_may_have_another_name(database: Database) -> None:
    database.version_table = "versions_of_ours"
    with pytest.raises(FixupError, match="versions_of_ours"):
        database.check_version("location", 8)


def test_a_failing_statement_is_logged_and_raised(database: Database, log: Lines) -> None:
    with pytest.raises(DatabaseError):
        database.query("nonesuch", ["a"])
    assert log


@pytest.mark.parametrize("kind", ["sqlite", "mysql", "postgres"])
def test_a_transaction_that_fails_leaves_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, log: Lines
) -> None:
    database: Database
    if kind == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/k.db", log)
    else:
        database = request.getfixturevalue(kind)
    database.create_all(["location"])
    with pytest.raises(RuntimeError), database.transaction():
        database.insert("location", contact("r1"))
        raise RuntimeError
    with database.transaction():
        database.insert("location", contact("r2"))
    assert database.query("location", ["ruid"]) == [("r2",)]


def test_a_path_is_relative_to_the_working_directory(tmp_path: Path, log: Lines) -> None:
    open_database("sqlite:///k.db", log, directory=str(tmp_path)).create_all(["acc"])
    assert (tmp_path / "k.db").is_file()


def test_sqlite_keeps_times_as_julian_days(tmp_path: Path, log: Lines) -> None:
    """As db_sqlite does, so that both read the same file."""
    database = open_database(f"sqlite:///{tmp_path}/k.db", log)
    database.create_all(["location"])
    database.insert("location", contact("r1"))
    assert database.raw("SELECT julianday('2023-11-14 22:13:20') - expires FROM location").rows[0][0] < 1e-4


def test_a_read_only_file_refuses_changes(tmp_path: Path, log: Lines) -> None:
    path = f"{tmp_path}/k.db"
    open_database(f"sqlite:///{path}", log).create_all(["location"])
    database = open_database(f"sqlite:///{path}", log)
    database.configure(readonly=[path])
    assert database.query("location") == []
    with pytest.raises(DatabaseError, match="readonly"):
        database.insert("location", contact("r1"))


def test_a_driver_that_does_not_exist_is_refused(log: Lines) -> None:
    with pytest.raises(DatabaseError, match="no driver for cassandra://"):
        open_database("cassandra://h/db", log)


def test_a_lost_connection_is_opened_again(mysql: Database, log: Lines) -> None:
    mysql.create_all(["location"])
    number = mysql.raw("SELECT CONNECTION_ID()").rows[0][0]
    with pytest.raises(DatabaseError):
        mysql.configure(retries=0)
        mysql.raw(f"KILL {number}")
        mysql.query("location")
    mysql.configure(retries=1)
    assert mysql.query("location") == []
