"""Statements that run often, on every kind of database; and connections that are lost in the midst of things."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kamscript.stores import Database, DatabaseError, open_database

from .conftest import Lines

COLUMNS = ("username", "domain", "password")


def users(database: Database) -> list[tuple[Any, ...]]:
    return sorted(database.query("subscriber", COLUMNS))


def test_a_prepared_statement_takes_values_in_order(database: Database) -> None:
    insert = database.prepare_insert("subscriber", [*COLUMNS, "ha1", "ha1b"])
    for name in "ab":
        assert insert([name, "d", "x%?:'", "", ""]) == 1
    change = database.prepare_update("subscriber", ["password"], ["username", "domain"])
    assert change(["new", "a", "d"]) == 1
    assert users(database) == [("a", "d", "new"), ("b", "d", "x%?:'")]
    assert database.prepare_delete("subscriber", ["username"])(["a"]) == 1
    assert users(database) == [("b", "d", "x%?:'")]


def test_many_rows_at_once(database: Database) -> None:
    insert = database.prepare_insert("subscriber", [*COLUMNS, "ha1", "ha1b"])
    insert.many([])
    insert.many([[f"u{number}", "d", "p", "", ""] for number in range(3)])
    database.prepare_update("subscriber", ["password"], ["username"]).many([["q", "u0"], ["r", "u1"]])
    database.prepare_delete("subscriber", ["username"]).many([["u2"], ["nobody"]])
    assert users(database) == [("u0", "d", "q"), ("u1", "d", "r")]


def test_text_of_a_prepared_statement_is_kept_as_characters(database: Database) -> None:
    database.prepare_insert("subscriber", [*COLUMNS, "ha1", "ha1b"])(["j\xc3\xb6rg", "d", "p", "", ""])
    assert users(database) == [("j\xc3\xb6rg", "d", "p")]


def test_what_a_statement_says_wrong_is_told_from_a_lost_database(database: Database) -> None:
    if database.url.driver == "text":
        pytest.skip("a text database has no constraints")
    insert = database.prepare_insert("subscriber", ["username", "domain"])
    insert(["a", "d"])
    with pytest.raises(DatabaseError) as error:
        insert(["a", "d"])
    assert not error.value.lost


@pytest.mark.parametrize("kind", ["mysql", "postgres"])
def test_a_connection_lost_within_a_transaction_is_opened_again(kind: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(kind)
    database.create_all(["subscriber"])
    insert = database.prepare_insert("subscriber", ["username", "domain"])
    cut = {"mysql": "KILL CONNECTION_ID()", "postgres": "SELECT pg_terminate_backend(pg_backend_pid())"}[kind]
    with pytest.raises(DatabaseError) as error, database.transaction():
        insert(["a", "d"])
        with pytest.raises(DatabaseError):
            database.raw(cut)
        insert(["b", "d"])
    assert error.value.lost
    insert(["c", "d"])
    assert users(database)[0][0] == "c"


def test_a_transaction_that_cannot_be_committed_is_left(tmp_path: Path, log: Lines) -> None:
    """Somebody else holds the lock of an SQLite file."""
    database = open_database(f"sqlite:///{tmp_path}/k.db", log)
    database.create_all(["subscriber"])
    insert = database.prepare_insert("subscriber", ["username", "domain"])
    other = sqlite3.connect(tmp_path / "k.db", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM subscriber").fetchall()
    with pytest.raises(DatabaseError) as error, database.transaction():
        insert(["a", "d"])
    assert error.value.lost
    other.execute("COMMIT")
    other.close()
    with database.transaction():
        insert(["b", "d"])
    assert [row[0] for row in users(database)] == ["b"]


def test_text_that_is_no_utf_8_is_read_as_it_is(tmp_path: Path, log: Lines) -> None:
    """Kamailio writes into an SQLite file what came in a message."""
    database = open_database(f"sqlite:///{tmp_path}/k.db", log)
    database.create_all(["subscriber"])
    for name in ("a", "b", "c"):
        database.insert("subscriber", {"username": name, "domain": "d"})
    database.raw("UPDATE subscriber SET domain = CAST(x'c3b6ff' AS TEXT) WHERE username = 'b'")
    wanted = [("a", "d"), ("b", "\xc3\xb6\xff"), ("c", "d")]
    assert [row for part in database.fetch("subscriber", ["username", "domain"], size=1) for row in part] == wanted
    database.close()
    assert database.query("subscriber", ["username", "domain"]) == wanted
