"""Databases to test with. Those of servers live in a database that the test creates and drops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kamscript.stores import Database, DatabaseError, memory_databases, open_database

from .servers import fresh_database


class Lines(list[str]):
    """What was logged."""

    def __call__(self, level: int, text: str) -> None:
        self.append(f"{level} {text}")


@pytest.fixture
def log() -> Lines:
    return Lines()


@pytest.fixture
def memory(log: Lines) -> Database:
    """The lab's database behind a MySQL URL; its clock stands at 1700000000."""
    return memory_databases(log, lambda: 1700000000.0)("mysql://kamailio:kamailiorw@localhost/kamailio")


@pytest.fixture
def mysql(log: Lines) -> Iterator[Database]:
    with fresh_database("mysql", log) as (_, database):
        yield database


@pytest.fixture
def postgres(log: Lines) -> Iterator[Database]:
    with fresh_database("postgres", log) as (_, database):
        yield database


@pytest.fixture(params=["memory", "sqlite", "text", "mysql", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path, log: Lines) -> Database:
    """Each kind of database, with the tables of Kamailio's that tests of this folder use."""
    kind: str = request.param
    if kind == "sqlite":
        made = open_database(f"sqlite:///{tmp_path}/k.db", log)
    elif kind == "text":
        made = open_database(f"text://{tmp_path}", log)
    else:
        made = request.getfixturevalue(kind)
    if kind != "memory":
        made.create_all(["location", "location_attrs", "acc", "subscriber", "address", "trusted"])
        made.create_all(["domain", "domain_attrs", "dbaliases", "speed_dial"])
    assert not isinstance(made, DatabaseError)
    return made
