"""Parameters of usrloc that no other file shows at work."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.source import ConfigError
from kamscript.stores import schema

from .serving import Databases, Served, contact_header

URL = "mysql://u:p@h/k"
MODULES = "tm sl pv textops xlog db_mysql usrloc registrar"
ROUTES = (
    'request_route { if (is_method("REGISTER")) { save("location"); exit; } lookup("location"); xlog("$rc\\n"); }\n'
)
CONTACT = "<sip:bob@127.0.0.12:5060>"
COLUMNS = {
    "ruid": "ruid",
    "user": "username",
    "domain": "domain",
    "contact": "contact",
    "expires": "expires",
    "q": "q",
    "callid": "callid",
    "cseq": "cseq",
    "methods": "methods",
    "flags": "flags",
    "cflags": "cflags",
    "user_agent": "user_agent",
    "received": "received",
    "path": "path",
    "socket": "socket",
    "instance": "instance",
    "reg_id": "reg_id",
    "server_id": "server_id",
    "connection_id": "connection_id",
    "keepalive": "keepalive",
    "partition": "partition",
}


def served(mode: int, databases: Databases | None = None, more: str = "", **options: Any) -> Served:
    settings = f'modparam("usrloc", "db_mode", {mode})\nmodparam("usrloc", "db_url", "{URL}")\n'
    return Served(settings + more + ROUTES, MODULES, databases=databases, **options)


def rows(databases: Databases, *columns: str, table: str = "location") -> list[tuple[object, ...]]:
    return [tuple(row) for row in databases(URL).query(table, columns)]


@pytest.mark.parametrize(("parameter", "column"), COLUMNS.items())
def test_a_column_may_have_another_name(parameter: str, column: str) -> None:
    """What is written is read again by the next server, with the column under the name of the parameter."""
    definition = schema.table("location")
    assert definition is not None
    databases = Databases()
    renamed = tuple(c._replace(name="other") if c.name == column else c for c in definition.columns)
    database = databases(URL)
    database.create_table(definition._replace(name="places", columns=list(renamed), indexes=[]))
    routes = ROUTES.replace('"location"', '"places"')
    settings = (
        f'modparam("usrloc", "db_mode", 1)\nmodparam("usrloc", "db_url", "{URL}")\n'
        'modparam("usrloc", "use_domain", 1)\n'
        f'modparam("usrloc", "version_table", 0)\nmodparam("usrloc", "{parameter}_column", "other")\n'
    )
    Served(settings + routes, MODULES, databases=databases).register(f"{CONTACT};q=0.5;expires=100")
    assert len(database.query("places", ["other"])) == 1
    again = Served(settings + routes, MODULES, databases=databases)
    assert contact_header(again.register("", cseq=2)) == f"{CONTACT};q=0.5;expires=100"


@pytest.mark.parametrize(("value", "found"), [(1, f"{CONTACT};expires=100"), (0, "")])
def test_db_load_says_whether_contacts_are_read_at_start(value: int, found: str) -> None:
    databases = Databases()
    served(1, databases).register(f"{CONTACT};expires=100")
    again = served(1, databases, f'modparam("usrloc", "db_load", {value})\n')
    assert contact_header(again.register("", cseq=2)) == found


def test_preload_reads_tables_that_no_function_names() -> None:
    databases = Databases()
    served(1, databases).register(f"{CONTACT};expires=100")
    settings = f'modparam("usrloc", "db_mode", 1)\nmodparam("usrloc", "db_url", "{URL}")\n'
    plain = "request_route { exit; }\n"
    without = Served(settings + plain, MODULES, databases=databases)
    assert "location" not in str(without.rpc("ul.dump"))
    preloaded = Served(settings + 'modparam("usrloc", "preload", "location")\n' + plain, MODULES, databases=databases)
    assert "sip:bob@127.0.0.12:5060" in str(preloaded.rpc("ul.dump"))


@pytest.mark.parametrize(("value", "count"), [(0, 0), (1, 1)])
def test_db_check_update_adds_a_row_that_is_gone(value: int, count: int) -> None:
    databases = Databases()
    server = served(1, databases, f'modparam("usrloc", "db_check_update", {value})\n')
    server.register(f"{CONTACT};expires=100")
    databases(URL).delete("location")
    server.register(f"{CONTACT};expires=200", cseq=2)
    assert len(rows(databases, "contact")) == count


@pytest.mark.parametrize(("value", "count"), [(0, 0), (1, 1)])
def test_db_update_as_insert_writes_a_new_row(value: int, count: int) -> None:
    databases = Databases()
    server = served(1, databases, f'modparam("usrloc", "db_update_as_insert", {value})\n')
    server.register(f"{CONTACT};expires=100")
    databases(URL).delete("location")
    server.register(f"{CONTACT};expires=200", cseq=2)
    assert len(rows(databases, "contact")) == count


@pytest.mark.parametrize(("value", "status", "kept"), [(0, "500", []), (1, "200", [("sip:bob@127.0.0.2",)])])
def test_db_insert_update_replaces_a_row_of_the_same_record_id(value: int, status: str, kept: list[object]) -> None:
    """Two servers with one clock and one chance make the same record ids. A failed insertion costs all rows."""
    databases = Databases()
    more = f'modparam("usrloc", "db_insert_update", {value})\nmodparam("usrloc", "db_load", 0)\n'
    served(1, databases, more).register("<sip:bob@127.0.0.1>;expires=100")
    reply = served(1, databases, more).register("<sip:bob@127.0.0.2>;expires=100")
    assert reply.text.split(" ")[1] == status
    assert rows(databases, "contact") == kept


@pytest.mark.parametrize(("value", "gone"), [(0, 1), (1, 0)])
def test_db_ops_ruid_finds_rows_by_their_record_id(value: int, gone: int) -> None:
    databases = Databases()
    server = served(1, databases, f'modparam("usrloc", "db_ops_ruid", {value})\n')
    server.register(f"{CONTACT};expires=100")
    databases(URL).update("location", {"ruid": "another"}, {})
    server.register(f"{CONTACT};expires=0", cseq=2)
    assert len(rows(databases, "contact")) == 1 - gone


@pytest.mark.parametrize(("value", "left"), [(0, 1), (1, 0)])
def test_db_timer_clean_deletes_rows_that_expired(value: int, left: int) -> None:
    databases = Databases()
    served(1, databases).register(f"{CONTACT};expires=100")
    more = f'modparam("usrloc", "db_timer_clean", {value})\nmodparam("usrloc", "db_load", 0)\n'
    served(1, databases, more).advance(300)
    assert len(rows(databases, "contact")) == left


@pytest.mark.parametrize(("value", "left"), [(0, 1), (1, 0)])
def test_db_clean_tcp_forgets_contacts_of_connections_at_start(value: int, left: int) -> None:
    databases = Databases()
    tcp = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n"
    served(1, databases, listen=tcp).register(f"{CONTACT};expires=100", proto="tcp", connection=7)
    served(1, databases, f'modparam("usrloc", "db_clean_tcp", {value})\n', listen=tcp)
    assert len(rows(databases, "contact")) == left


@pytest.mark.parametrize(("value", "found"), [(0, f"{CONTACT};expires=100"), (1, "")])
def test_skip_remote_socket_leaves_out_contacts_of_other_addresses(value: int, found: str) -> None:
    databases = Databases()
    served(1, databases, listen="listen=udp:127.0.0.9:5060\n").register(f"{CONTACT};expires=100")
    again = served(1, databases, f'modparam("usrloc", "skip_remote_socket", {value})\n')
    assert contact_header(again.register("", cseq=2)) == found


def test_fetch_rows_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="fetch_rows"):
        served(1, more='modparam("usrloc", "fetch_rows", 0)\n')


def test_contacts_are_read_in_portions_of_fetch_rows() -> None:
    databases = Databases()
    first = served(1, databases)
    for number in range(5):
        first.register(f"<sip:u{number}@127.0.0.12>;expires=100", f"u{number}")
    again = served(1, databases, 'modparam("usrloc", "fetch_rows", 2)\n')
    assert str(again.rpc("ul.dump")).count("'Address'") == 5


def test_db_insert_null_writes_columns_without_value() -> None:
    databases = Databases()
    definition = schema.table("location")
    assert definition is not None
    defaults = tuple(c._replace(default="none") if c.name == "received" else c for c in definition.columns)
    databases(URL).create_table(definition._replace(columns=list(defaults)))
    for value, expected in ((0, "none"), (1, None)):
        databases(URL).delete("location")
        served(1, databases, f'modparam("usrloc", "db_insert_null", {value})\n').register(f"{CONTACT};expires=100")
        assert rows(databases, "received") == [(expected,)]
