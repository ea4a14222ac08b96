"""permissions, alias_db, speeddial and domain over every kind of database."""

from __future__ import annotations

from kamscript.stores import Database, Timestamp
from tests.modules.serving import Served

CONFIG = """
modparam("permissions|alias_db|speeddial|domain", "db_url", "mysql://u:p@h/k")
modparam("permissions", "peer_tag_avp", "$avp(tag)")
modparam("permissions", "db_mode", MODE)
modparam("alias_db", "use_domain", 1)
modparam("alias_db", "append_branches", 1)
modparam("speeddial", "use_domain", 2)
request_route {
    allow_source_address("7"); xlog("$rc $avp(tag)\\n");
    allow_trusted(); xlog("$rc $avp(tag)\\n");
    lookup_domain("$rd"); xlog("$rc $avp(color) $avp(size) $avp(did)\\n");
    sd_lookup("speed_dial"); xlog("$rc $ru\\n");
    alias_db_lookup("dbaliases"); xlog("$rc $ru $(branch(uri)[0])\\n");
}
"""


def fill(database: Database) -> None:
    database.insert("address", {"grp": 7, "ip_addr": "127.0.0.0", "mask": 8, "port": 0, "tag": "net"})
    peer = {"src_ip": "127.0.0.12", "proto": "udp", "from_pattern": "^sip:bob@", "tag": "peer", "priority": 0}
    database.insert("trusted", peer)
    changed = {"last_modified": Timestamp(1_000_000)}
    database.insert("domain", {"domain": "example.com", "did": "org", **changed})
    database.insert("domain_attrs", {"did": "org", "name": "color", "type": 2, "value": "red", **changed})
    database.insert("domain_attrs", {"did": "org", "name": "size", "type": 0, "value": "5", **changed})
    number = {"username": "bob", "domain": "example.com", "sd_username": "bob", "sd_domain": "example.com"}
    unused = {"fname": "", "lname": "", "description": ""}
    database.insert("speed_dial", {**number, **unused, "new_uri": "sip:sales@example.org"})
    for user in ("carol", "dave"):
        alias = {"alias_username": "sales", "alias_domain": "example.org"}
        database.insert("dbaliases", {**alias, "username": user, "domain": "example.net"})


def test_rows_are_found(database: Database) -> None:
    fill(database)
    for mode in (0, 1):
        config = CONFIG.replace("MODE", str(mode))
        modules = "tm sl pv textops xlog corex db_mysql permissions alias_db speeddial domain"
        served = Served(config, modules, databases=lambda url: database)
        served.request()
        *others, aliases = served.script
        assert others == ["1 net", "1 peer", "1 red 5 org", "1 sip:sales@example.org"]
        assert sorted(aliases.split()) == ["1", "sip:carol@example.net", "sip:dave@example.net"]
