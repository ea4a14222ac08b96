"""alias_db and speeddial: tables of the lab's database, and rows that hold other things than texts."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.source import ConfigError

from .serving import Databases, Served

URL = "mysql://u:p@h/k"


def said(route: str, table: str, rows: list[dict[str, Any]], module: str = "alias_db", **values: Any) -> list[str]:
    shown = {name: f'"{value}"' if isinstance(value, str) else value for name, value in values.items()}
    lines = f'modparam("{module}", "db_url", "{URL}")\n'
    lines += "".join(f'modparam("{module}", "{name}", {value})\n' for name, value in shown.items())
    databases = Databases()
    config = f"{lines}request_route {{ {route} }}\n"
    server = Served(config, f"db_mysql tm sl pv textops xlog {module}", databases=databases)
    for row in rows:
        databases(URL).insert(table, row)
    server.request()
    return server.script


LOOKUP = 'alias_db_lookup("dbaliases"); xlog("$rc $ru\\n");'
BOB = {"alias_username": "bob", "alias_domain": "example.com", "username": "robert", "domain": "example.org"}


def test_an_alias_becomes_the_user() -> None:
    assert said(LOOKUP, "dbaliases", [BOB]) == ["1 sip:robert@example.org"]


def test_the_lab_has_the_table_and_columns_that_the_config_names() -> None:
    row = {"a": "bob", "ad": "example.com", "u": "robert", "d": "example.org"}
    names = {"alias_user_column": "a", "alias_domain_column": "ad", "user_column": "u", "domain_column": "d"}
    assert said(LOOKUP.replace("dbaliases", "people"), "people", [row], **names) == ["1 sip:robert@example.org"]


def test_a_table_that_is_not_there_is_an_error() -> None:
    route = '$var(t) = "nosuch"; alias_db_lookup("$var(t)"); xlog("$rc $ru\\n");'
    assert said(route, "dbaliases", []) == ["-1 sip:bob@example.com"]


def test_a_uri_without_user_is_asked_for_with_an_empty_text() -> None:
    """db_sqlite asks for null, which no row is: see the differential cases."""
    route = '$ru = "sip:example.com"; ' + LOOKUP
    assert said(route, "dbaliases", [{**BOB, "alias_username": ""}]) == ["1 sip:robert@example.org"]


@pytest.mark.parametrize("cell", [None, 5])
def test_a_user_that_is_no_text_is_no_user(cell: Any) -> None:
    table = "CREATE TABLE t (alias_username TEXT, alias_domain TEXT, username INTEGER, domain TEXT)"
    databases = Databases()
    databases(URL).raw(table)
    config = f'modparam("alias_db", "db_url", "{URL}")\nrequest_route {{ {LOOKUP.replace("dbaliases", "t")} }}\n'
    server = Served(config, "db_mysql pv xlog alias_db", databases=databases)
    databases(URL).insert("t", {"alias_username": "bob", "username": cell, "domain": "x"})
    server.request()
    assert server.script == ["-1 sip:bob@example.com"]
    assert any("no text" in line for line in server.lines("alias_db")) is (cell is not None)


def test_users_as_bytes() -> None:
    databases = Databases()
    databases(URL).raw("CREATE TABLE t (alias_username TEXT, alias_domain TEXT, username BLOB, domain BLOB)")
    config = f'modparam("alias_db", "db_url", "{URL}")\nrequest_route {{ {LOOKUP.replace("dbaliases", "t")} }}\n'
    server = Served(config, "db_mysql pv xlog alias_db", databases=databases)
    databases(URL).insert("t", {"alias_username": "bob", "username": b"robert", "domain": b"x"})
    server.request()
    assert server.script == ["1 sip:robert@x"]


def test_a_seed_of_the_lab() -> None:
    loads = "".join(f'loadmodule "{name}.so"\n' for name in ("db_mysql", "tm", "sl", "pv", "alias_db", "speeddial"))
    text = f"""{loads}
modparam("alias_db|speeddial", "db_url", "{URL}")
request_route {{
    sd_lookup("speed_dial");
    alias_db_lookup("dbaliases");
    sl_send_reply("302", "Moved");
}}
"""
    number = {"username": "alice", "sd_username": "11", "new_uri": "sip:bob@example.com"}
    lab = Lab(text=text, database={"dbaliases": [BOB], "speed_dial": [number]})
    reply = lab.phone("alice", "10.0.0.2").request("OPTIONS", "sip:11@example.com").final
    assert reply is not None and reply.status == 302
    assert "sip:robert@example.org" in (reply.value("contact") or "")


def test_a_database_module_is_needed() -> None:
    for module in ("alias_db", "speeddial"):
        with pytest.raises(ConfigError, match="db_mysql"):
            Served(f'modparam("{module}", "db_url", "{URL}")\nrequest_route {{ drop; }}', f"pv {module}")


# -- speeddial --------------------------------------------------------------------------------------------------------
DIAL = 'sd_lookup("speed_dial"); xlog("$rc $ru\\n");'


def test_a_short_number() -> None:
    row = {"username": "bob", "sd_username": "bob", "new_uri": "sip:long@example.org"}
    assert said(DIAL, "speed_dial", [row], "speeddial") == ["1 sip:long@example.org"]


def test_other_columns_of_short_numbers() -> None:
    names = {"user_column": "o", "domain_column": "od", "sd_user_column": "n", "sd_domain_column": "nd"}
    row = {"o": "bob", "od": "example.com", "n": "bob", "nd": "example.com", "u": "x@y"}
    route = DIAL.replace("speed_dial", "short")
    assert said(route, "short", [row], "speeddial", new_uri_column="u", use_domain=2, **names) == ["1 sip:x@y"]
