"""The lab's databases: any URL, in memory, with Kamailio's tables."""

from __future__ import annotations

from kamscript.stores import Database, Timestamp, memory_databases

from .conftest import Lines


def test_kamailios_tables_are_there_and_empty(memory: Database) -> None:
    assert memory.query("subscriber") == []
    assert memory.table_version("subscriber") == 7


def test_the_table_version_lists_them(memory: Database) -> None:
    assert memory.raw("SELECT table_version FROM version WHERE table_name = 'location'").rows == [(9,)]
    assert memory.query("version", ["table_version"], {"table_name": "location"}) == [(9,)]


def test_one_url_is_one_database(log: Lines) -> None:
    databases = memory_databases(log)
    databases("mysql://a/b").insert("version", {"table_name": "mine", "table_version": 1})
    assert databases("mysql://a/b").table_version("mine") == 1
    assert databases("mysql://a/c").table_version("mine") == 0


def test_a_config_may_name_tables_and_columns_as_it_likes(memory: Database) -> None:
    memory.adopt("places", "location", rename={"username": "who"}, extra={"note": "string"})
    memory.insert("places", {"who": "alice", "ruid": "r1", "note": "x", "expires": Timestamp(5)})
    assert memory.query("places", ["who", "note", "cseq"]) == [("alice", "x", 1)]
    assert memory.table_version("places") == 9


def test_adopting_twice_adds_what_is_new(memory: Database) -> None:
    memory.adopt("acc", "acc")
    memory.adopt("acc", "acc", extra={"src_user": "string"})
    memory.insert("acc", {"method": "BYE", "time": Timestamp(5), "src_user": "a"})
    assert memory.query("acc", ["src_user"]) == [("a",)]


def test_sql_functions_of_mysql_know_the_labs_clock(memory: Database) -> None:
    memory.insert("acc", {"method": "BYE", "time": Timestamp(1700000000)})
    sql = "SELECT UNIX_TIMESTAMP(time), UNIX_TIMESTAMP(), time = NOW() FROM acc"
    assert memory.raw(sql).rows == [(1700000000, 1700000000, 1)]


def test_closing_keeps_the_data(memory: Database) -> None:
    memory.insert("version", {"table_name": "mine", "table_version": 1})
    memory.close()
    assert memory.table_version("mine") == 1
