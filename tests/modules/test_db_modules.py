"""db_sqlite, db_mysql, db_postgres, db_text: their parameters, and what they hand to the stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamscript import stores
from kamscript.source import ConfigError
from kamscript.stores import open_database

from .serving import Served

ROUTE = "request_route { drop; }\n"


@pytest.mark.parametrize(
    ("module", "settings", "complaint"),
    [
        ("db_text", 'modparam("db_text", "db_delim", "::")', "single character"),
        ("db_sqlite", 'modparam("db_sqlite", "db_set_journal_mode", "/x.db=FAST;")', "journal mode"),
        ("db_sqlite", 'modparam("db_sqlite", "db_set_journal_mode", "/x.db")', "PATH=VALUE"),
    ],
)
def test_parameters_that_are_refused(module: str, settings: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Served(f"{settings}\n{ROUTE}", f"tm sl {module}")


def test_a_url_finds_its_module() -> None:
    served = Served(ROUTE, "tm sl db_mysql")
    assert stores.bind(served.server, "mysql://u:p@h/k") is served.databases("mysql://u:p@h/k")
    with pytest.raises(Exception, match="postgres"):
        stores.bind(served.server, "postgres://u:p@h/k")


def test_queries_of_a_text_database(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("table_name(string) table_version(int)\nlocation:9\n")
    url = f"text://{tmp_path}"
    lines: list[str] = []
    databases = {url: open_database(url, lambda level, text: lines.append(text))}
    served = Served(
        f'modparam("db_text", "default_connection", "{url}")\n' + ROUTE,
        "tm sl db_text",
        databases=databases.__getitem__,
    )
    answer = served.rpc("db_text.query", "select table_name, table_version from version")
    assert answer[1:] == ["location:9", "\ntotal rows 1 / 1"]
    assert served.rpc("db_text.query", "select * from version where table_version=1") == ["statement returned 0 rows"]
    assert served.rpc("db_text.query", "select from nowhere") == ["error executing sql statement"]
    assert served.rpc("db_text.dump") == ["Dump OK"]
