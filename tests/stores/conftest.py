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


#: Servers for tests: the variable that names one, where one is looked for without it, the driver, how to install it.
SERVERS = {
    "mysql": ("KAMSCRIPT_TEST_MYSQL", "mysql://root@127.0.0.1:3306/mysql", "pymysql", "apt-get install mariadb-server"),
    "postgres": (
        "KAMSCRIPT_TEST_POSTGRES",
        "postgres://postgres@127.0.0.1:5432/postgres",
        "psycopg",
        "apt-get install postgresql",
    ),
}


def _server(kind: str, log: Lines) -> Iterator[Database]:
    """A fresh database on a server; without a server the test skips, or fails when REQUIRE_DATABASES=1."""
    variable, default, package, install = SERVERS[kind]
    pytest.importorskip(package, reason=f"install {package} to test against {kind}")
    url = os.environ.get(variable) or default
    name = f"kamscript_test_{os.getpid()}"
    admin = open_database(url, log)
    try:
        admin.raw(f"CREATE DATABASE {name}")
    except DatabaseError as error:
        missing = f"no {kind} server at {url}: {install}, or set {variable} ({error})"
        if os.environ.get("REQUIRE_DATABASES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    database = open_database(f"{url.rpartition('/')[0]}/{name}", log)
    try:
        yield database
    finally:
        database.close()
        admin.raw(f"DROP DATABASE {name}")
        admin.close()


@pytest.fixture
def mysql(log: Lines) -> Iterator[Database]:
    yield from _server("mysql", log)


@pytest.fixture
def postgres(log: Lines) -> Iterator[Database]:
    yield from _server("postgres", log)


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
