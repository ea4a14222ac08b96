"""permissions: what the differential cases do not show: other generations, other columns, bad input, the lab."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.modules.permissions.addresses import Refused as RowRefused
from kamscript.modules.permissions.addresses import Table
from kamscript.modules.permissions.rules import Refused, parse_line
from kamscript.source import ConfigError

from .serving import Databases, Served

URL = "mysql://u:p@h/k"


def params(**values: int | str) -> str:
    shown = {name: f'"{value}"' if isinstance(value, str) else value for name, value in values.items()}
    return "".join(f'modparam("permissions", "{name}", {value})\n' for name, value in shown.items())


def served(
    route: str, rows: dict[str, list[dict[str, Any]]] | None = None, target: str = "5.6", **values: Any
) -> Served:
    databases = Databases()
    for table, each in (rows or {}).items():
        for row in each:
            databases(URL).insert(table, row)
    config = params(db_url=URL, **values) + f"request_route {{ {route} }}\n"
    return Served(config, "db_mysql tm sl pv textops xlog permissions", databases=databases, target=target)


def said(*arguments: Any, **values: Any) -> list[str]:
    server = served(*arguments, **values)
    server.request()
    return server.script


def lab(text: str, files: dict[str, str], **more: Any) -> Lab:
    loads = "".join(f'loadmodule "{name}.so"\n' for name in ("tm", "sl", "pv", "xlog", "permissions"))
    return Lab(text=loads + text, files=files, **more)


# -- addresses --------------------------------------------------------------------------------------------------------
def test_other_names_of_table_and_columns() -> None:
    databases = Databases()
    databases(URL).raw("CREATE TABLE peers (id INTEGER, g INTEGER, ip VARCHAR(50), m INTEGER, p INTEGER, t VARCHAR(9))")
    databases(URL).raw("INSERT INTO version (table_name, table_version) VALUES ('peers', 6)")
    databases(URL).raw("INSERT INTO peers VALUES (1, 3, '127.0.0.0', 8, 0, 'local')")
    names = {"address_table": "peers", "grp_col": "g", "ip_addr_col": "ip", "mask_col": "m", "port_col": "p"}
    config = params(db_url=URL, tag_col="t", peer_tag_avp="$avp(i:707)", load_backends=1, **names)
    config += 'request_route { allow_source_address("3"); xlog("$rc $avp(i:707)\\n"); }'
    server = Served(config, "db_mysql pv xlog permissions", databases=databases)
    server.request()
    assert server.script == ["1 local"]


def test_a_group_is_the_return_code() -> None:
    rows = {"address": [{"grp": 7, "ip_addr": "127.0.0.12"}]}
    assert said('$var(g) = allow_source_address_group(); xlog("$var(g)\\n");', rows) == ["7"]


@pytest.mark.parametrize(("mode", "group"), [(0, "1"), (1, "2")])
def test_the_narrowest_subnet_counts_in_6x(mode: int, group: str) -> None:
    rows = [{"grp": 1, "ip_addr": "127.0.0.0", "mask": 8}, {"grp": 2, "ip_addr": "127.0.0.0", "mask": 24}]
    route = 'allow_source_address_group(); xlog("$rc\\n");'
    assert said(route, {"address": rows}, target="6.x", subnet_match_mode=mode) == [group]


def test_too_many_subnets_are_left_out_and_named() -> None:
    rows = [{"grp": 1, "ip_addr": f"10.{number}.0.0", "mask": 16} for number in range(3)]
    server = served("drop;", {"address": rows}, max_subnets=2)
    assert len(server.rpc("permissions.subnetDump")) == 2
    assert any("10.2.0.0" in line and "max_subnets" in line for line in server.lines("permissions"))


def test_a_wrong_row_refuses_the_start_and_is_named() -> None:
    with pytest.raises(ConfigError, match="row that is wrong"):
        served("drop;", {"address": [{"grp": 1, "ip_addr": "10.0.0.1", "mask": 64}]})


def test_a_wrong_line_of_the_file_is_named() -> None:
    with pytest.raises(ConfigError, match="reload of address table failed: addresses"):
        lab(params(address_file="addresses") + "request_route { drop; }", {"addresses": "1 10.0.0.1\n1\n"})


def test_a_reload_is_possible_every_reload_delta_seconds() -> None:
    server = served("drop;", reload_delta=10)
    assert server.rpc("permissions.addressReload") == ["Reload OK"]
    assert server.rpc("permissions.addressReload") == "500 ongoing reload"
    server.advance(9)
    assert server.rpc("permissions.addressReload") == "500 ongoing reload"
    server.advance(1)
    assert server.rpc("permissions.addressReload") == ["Reload OK"]


def test_a_database_that_fails_leaves_the_old_table() -> None:
    rows = {"address": [{"grp": 1, "ip_addr": "127.0.0.12"}]}
    server = served('allow_source_address(); xlog("$rc\\n");', rows, reload_delta=0)
    server.databases(URL).raw("DROP TABLE address")
    assert server.rpc("permissions.addressReload") == "500 Reload failed."
    server.request()
    assert server.script == ["1"]


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(8, 31), st.integers(1, 3), st.sampled_from([0, 5])), max_size=12
    )
)
def test_the_index_finds_what_a_walk_through_all_subnets_finds(rows: list[tuple[int, int, int, int]]) -> None:
    table = Table(100)
    for last, mask, group, port in rows:
        table.add(group, f"10.0.0.{last}", mask, port, None)
    address = bytes([10, 0, 0, 77])
    fitting = [
        (group, number)
        for number, (last, mask, group, port) in enumerate(rows)
        if (0x0A00004D ^ (0x0A000000 | last)) >> (32 - mask) == 0 and port in (0, 5)
    ]
    found = table.find(address, 5)
    assert (found and found.group) == (min(fitting)[0] if fitting else None)


def test_a_mask_that_is_too_long_is_refused() -> None:
    with pytest.raises(RowRefused, match="0 to 32 bits, not 33"):
        Table(1).add(1, "10.0.0.1", 33, 0, None)


# -- trusted peers ----------------------------------------------------------------------------------------------------
def test_other_names_for_trusted_peers() -> None:
    databases = Databases()
    databases(URL).raw("CREATE TABLE pbx (id INTEGER, s TEXT, pr TEXT, f TEXT, r TEXT, t TEXT, o INTEGER)")
    databases(URL).raw("INSERT INTO version (table_name, table_version) VALUES ('pbx', 6)")
    databases(URL).raw("INSERT INTO pbx VALUES (1, '127.0.0.12', 'udp', NULL, 'bob', 'x', 0)")
    names = {
        "source_col": "s",
        "proto_col": "pr",
        "from_col": "f",
        "ruri_col": "r",
        "tag_col": "t",
        "priority_col": "o",
    }
    for mode in (0, 1):
        config = params(db_url=URL, trusted_table="pbx", load_backends=2, db_mode=mode, peer_tag_avp="$avp(t)", **names)
        config += 'request_route { allow_trusted(); xlog("$rc $avp(t)\\n"); }'
        server = Served(config, "db_mysql pv xlog permissions", databases=databases)
        server.request()
        assert server.script == ["1 x"]


def test_an_expression_that_is_none_matches_nothing() -> None:
    """Kamailio goes on with whatever is in memory."""
    rows = {"trusted": [{"src_ip": "127.0.0.12", "proto": "any", "from_pattern": r"\("}]}
    assert said('allow_trusted(); xlog("$rc\\n");', rows) == ["-1"]


def test_without_a_table_nobody_is_trusted() -> None:
    """Kamailio 5.6 ends with a signal in db_mode 1."""
    server = Served(params(db_mode=1) + 'request_route { allow_trusted(); xlog("$rc\\n"); }', "pv xlog permissions")
    server.request()
    assert server.script == ["-1"]
    assert "no connection to database" in server.lines("permissions")


def test_a_reload_of_what_is_not_kept_is_skipped_in_6x() -> None:
    assert served("drop;").rpc("permissions.trustedReload") == "500 Reload failed."
    assert served("drop;", target="6.x").rpc("permissions.trustedReload") == "500 Reload skipped (disabled cache)"


# -- files of rules ---------------------------------------------------------------------------------------------------
ROUTE = 'request_route { allow_routing("a", "b"); $var(b) = $rc; allow_routing("a", "c"); xlog("$var(b) $rc\\n"); }'
FILES = {"a": 'ALL : "sip:1@"', "b": 'ALL : "sip:2@"', "c": 'ALL : "sip:3@"'}


@pytest.mark.parametrize(("user", "results"), [("1", "1 1"), ("2", "-1 1"), ("3", "1 -1"), ("4", "1 1")])
def test_each_call_has_the_two_files_that_it_names(user: str, results: str) -> None:
    """Kamailio 5.6 finds files by the first one only, and ends with a signal at the next call that names some."""
    phone = lab(ROUTE, FILES)
    phone.send(
        f"OPTIONS sip:{user}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bK1\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    assert [record.text.strip() for record in phone.log if record.origin == "<script>"] == [results]


def test_ports_of_contacts_count_in_6x() -> None:
    text = """request_route {
        allow_register("r"); $var(a) = $rc;
        allow_register_include_port("r"); $var(b) = $rc;
        allow_register_include_port("r.allow", "r.deny");
        xlog("$var(a) $var(b) $rc\\n");
    }"""
    phone = lab(text, {"r.deny": 'ALL : "^sip:[^:]*:5070$"'}, target="6.x")
    phone.send(
        "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bK1\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
        "Contact: <sip:a@127.0.0.9:5070>\r\nContent-Length: 0\r\n\r\n"
    )
    assert [record.text.strip() for record in phone.log if record.origin == "<script>"] == ["1 -1 -1"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nothing", "failed to parse line: nothing"),
        (": ALL", "failed to parse line"),
        ('ALL : "("', "bad regular expression: ("),
        ("ALL : a,", "an expression is missing"),
        ("ALL : " + "a" * 300, "expression too long"),
    ],
)
def test_a_line_that_is_no_rule_is_named(line: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_line(line)
    assert reason in str(caught.value)


@given(st.text('ALEXCPT :#",ab^(\t\r', max_size=30))
def test_any_line_is_a_rule_or_refused(line: str) -> None:
    try:
        parse_line(line)
    except Refused:
        pass
