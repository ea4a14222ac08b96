"""Databases to test with. Those of servers live in a database that the test creates and drops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kamscript.stores import Database, DatabaseError, memory_databases, open_database


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


def _server(variable: str, package: str, log: Lines) -> Iterator[Database]:
    """A fresh database on the server whose URL is in the environment."""
    url = os.environ.get(variable)
    if not url:
        pytest.skip(f"{variable} is not set (for example to a {package} URL of a server for tests)")
    pytest.importorskip(package, reason=f"install {package} to test against {variable}")
    name = f"kamscript_test_{os.getpid()}"
    admin = open_database(url, log)
    admin.raw(f"CREATE DATABASE {name}")
    database = open_database(f"{url.rpartition('/')[0]}/{name}", log)
    try:
        yield database
    finally:
        database.close()
        admin.raw(f"DROP DATABASE {name}")
        admin.close()


@pytest.fixture
def mysql(log: Lines) -> Iterator[Database]:
    yield from _server("KAMSCRIPT_TEST_MYSQL", "pymysql", log)


@pytest.fixture
def postgres(log: Lines) -> Iterator[Database]:
    yield from _server("KAMSCRIPT_TEST_POSTGRES", "psycopg", log)


@pytest.fixture(params=["memory", "sqlite", "text", "mysql", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path, log: Lines) -> Database:
    """Each kind of database, with Kamailio's tables for locations and accounting."""
    kind: str = request.param
    if kind == "sqlite":
        made = open_database(f"sqlite:///{tmp_path}/k.db", log)
    elif kind == "text":
        made = open_database(f"text://{tmp_path}", log)
    else:
        made = request.getfixturevalue(kind)
    if kind != "memory":
        made.create_all(["location", "location_attrs", "acc", "subscriber"])
    assert not isinstance(made, DatabaseError)
    return made
