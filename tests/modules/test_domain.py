"""domain: other columns, other generations, the lab, and domains as names of the server."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.source import ConfigError

from .serving import Databases, Served

URL = "mysql://u:p@h/k"
Rows = dict[str, list[dict[str, Any]]]
ORG: Rows = {
    "domain": [{"domain": "example.com", "did": "org"}],
    "domain_attrs": [{"did": "org", "name": "size", "type": 0, "value": "5"}],
}


def serve(route: str, rows: Rows, target: str = "5.6", **values: Any) -> Served:
    shown = {name: f'"{value}"' if isinstance(value, str) else value for name, value in values.items()}
    lines = f'modparam("domain", "db_url", "{URL}")\n'
    lines += "".join(f'modparam("domain", "{name}", {value})\n' for name, value in shown.items())
    databases = Databases()
    for table, each in rows.items():
        for row in each:
            databases(URL).insert(table, row)
    config = f"{lines}request_route {{ {route} }}\n"
    return Served(config, "db_mysql tm sl pv textops xlog domain", databases=databases, target=target)


def said(*arguments: Any, **values: Any) -> list[str]:
    server = serve(*arguments, **values)
    server.request()
    return server.script


def test_attributes_become_avps() -> None:
    route = 'lookup_domain("$rd", "to_"); if ($avp(to_size) == 5) xlog("$rc $avp(to_did)\\n");'
    assert said(route, ORG) == ["1 org"]


def test_other_tables_and_columns() -> None:
    databases = Databases()
    for statement in (
        "CREATE TABLE doms (dom TEXT, i TEXT)",
        "CREATE TABLE doms_attrs (i TEXT, n TEXT, t INTEGER, v TEXT)",
        "INSERT INTO doms VALUES ('example.com', 'org')",
        "INSERT INTO doms_attrs VALUES ('org', 'color', 2, 'red')",
        "INSERT INTO version (table_name, table_version) VALUES ('doms', 2), ('doms_attrs', 1)",
    ):
        databases(URL).raw(statement)
    names = {"domain_table": "doms", "domain_attrs_table": "doms_attrs", "did_col": "i", "domain_col": "dom"}
    names |= {"name_col": "n", "type_col": "t", "value_col": "v", "db_url": URL}
    lines = "".join(f'modparam("domain", "{name}", "{value}")\n' for name, value in names.items())
    config = lines + 'request_route { lookup_domain("$rd"); xlog("$rc $avp(color) $avp(did)\\n"); }'
    server = Served(config, "db_mysql pv xlog domain", databases=databases)
    server.request()
    assert server.script == ["1 red org"]


def test_a_wrong_row_refuses_the_start() -> None:
    rows = {"domain_attrs": [{"did": "x", "name": "n", "type": 1, "value": "v"}]}
    with pytest.raises(ConfigError, match="domain reload failed"):
        serve("drop;", rows)


@pytest.mark.parametrize(("target", "starts"), [("5.6", False), ("6.x", True)])
def test_integers_have_64_bits_in_6x(target: str, starts: bool) -> None:
    rows = {"domain_attrs": [{"did": "x", "name": "n", "type": 0, "value": "9999999999"}]}
    if starts:
        serve("drop;", rows, target=target)
    else:
        with pytest.raises(ConfigError):
            serve("drop;", rows, target=target)


def test_a_database_that_fails_leaves_the_old_rows() -> None:
    server = serve('is_domain_local("$rd"); xlog("$rc\\n");', ORG)
    server.databases(URL).raw("DROP TABLE domain")
    assert server.rpc("domain.reload") == "400 Reload of domain tables failed"
    server.request()
    assert server.script == ["1"]


@pytest.mark.parametrize(("register", "result"), [(0, "no"), (1, "yes")])
def test_domains_are_names_of_the_server(register: int, result: str) -> None:
    route = 'if (uri == myself) xlog("yes\\n"); else xlog("no\\n");'
    assert said(route, ORG, register_myself=register) == [result]


def test_a_domain_that_was_removed_is_no_name_any_more() -> None:
    server = serve('if (uri == myself) xlog("yes\\n"); else xlog("no\\n");', ORG, register_myself=1)
    server.request()
    server.databases(URL).delete("domain")
    server.rpc("domain.reload")
    server.request()
    assert server.script == ["yes", "no"]


def test_a_lab_with_domains() -> None:
    text = f"""
loadmodule "db_mysql.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "domain.so"
modparam("domain", "db_url", "{URL}")
request_route {{
    if (is_uri_host_local()) sl_send_reply("200", "Ours"); else sl_send_reply("404", "Theirs");
}}
"""
    lab = Lab(text=text, database={"domain": [{"domain": "example.com"}]})
    alice = lab.phone("alice", "10.0.0.2")

    def status(uri: str) -> int | None:
        reply = alice.request("OPTIONS", uri).final
        return None if reply is None else reply.status

    assert status("sip:bob@example.com") == 200
    assert status("sip:bob@example.org") == 404
    lab.database().insert("domain", {"domain": "example.org"})
    lab.rpc("domain.reload")
    assert status("sip:bob@example.org") == 200
    assert lab.module("domain").is_local("EXAMPLE.org")
