"""Database servers for tests: a fresh database on one of them, dropped afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kamscript.stores import Database, DatabaseError, open_database

#: The variable that names a server, where one is looked for without it, the driver, how to install it.
SERVERS = {
    "mysql": ("KAMSCRIPT_TEST_MYSQL", "mysql://root@127.0.0.1:3306/mysql", "pymysql", "apt-get install mariadb-server"),
    "postgres": (
        "KAMSCRIPT_TEST_POSTGRES",
        "postgres://postgres@127.0.0.1:5432/postgres",
        "psycopg",
        "apt-get install postgresql",
    ),
}


@contextmanager
def fresh_database(kind: str, log: Callable[[int, str], None]) -> Iterator[tuple[str, Database]]:
    """URL and connection; without a server the test skips, or fails when REQUIRE_DATABASES=1."""
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
    own = f"{url.rpartition('/')[0]}/{name}"
    database = open_database(own, log)
    try:
        yield own, database
    finally:
        database.close()
        admin.raw(f"DROP DATABASE {name}")
        admin.close()
