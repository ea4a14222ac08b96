"""usrloc and acc over every kind of database."""

from __future__ import annotations

import pytest

from kamscript.stores import Database
from tests.modules.serving import START, Served, contact_header

CONFIG = """
modparam("usrloc", "db_mode", MODE)
modparam("usrloc", "db_url", "mysql://u:p@h/k")
modparam("usrloc", "xavp_contact", "attrs")
modparam("usrloc", "expires_type", TYPE)
modparam("acc", "db_url", "mysql://u:p@h/k")
modparam("acc", "db_flag", 1)
request_route {
    if (is_method("REGISTER")) { $xavp(attrs=>color) = "red"; $xavp(attrs[0]=>n) = 5; save("location"); exit; }
    if (is_method("INFO")) { setflag(1); t_newtran(); t_reply("200", "OK"); exit; }
    lookup("location");
    xlog("$rc $ru $xavp(attrs=>color) $xavp(attrs=>n)\\n");
}
"""


def serve(database: Database, mode: int, kind: int = 0, now: float = START) -> Served:
    config = CONFIG.replace("MODE", str(mode)).replace("TYPE", str(kind))
    modules = "tm sl pv textops xlog db_mysql usrloc registrar acc"
    return Served(config, modules, databases=lambda url: database, now=now)


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_contacts_survive_a_restart_and_expire(database: Database, mode: int) -> None:
    first = serve(database, mode)
    first.register("<sip:bob@127.0.0.12:5060>;q=0.5;expires=100", headers="User-Agent: Phone's 1")
    first.register("<sip:bob@127.0.0.12:5060>;q=0.7;expires=200", cseq=2)
    first.server.stop()
    second = serve(database, mode, now=START + 50)
    second.request("INVITE")
    assert second.script == ["1 sip:bob@127.0.0.12:5060 red 5"]
    assert contact_header(second.register("")) == "<sip:bob@127.0.0.12:5060>;q=0.7;expires=150"
    assert second.rpc("ul.db_contacts", "location") == [1]
    second.advance(301)
    assert list(database.query("location", ["contact"])) == []


def test_requests_are_accounted(database: Database) -> None:
    served = serve(database, 0)
    served.request("INFO")
    assert [tuple(row) for row in database.query("acc", ["method", "callid", "sip_code", "sip_reason"])] == [
        ("INFO", "call-1", "200", "OK")
    ]
