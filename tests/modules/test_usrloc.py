"""usrloc: contacts in memory and in databases, through restarts; expiry; keepalives."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.source import ConfigError

from .serving import START, Databases, Served, contact_header

URL = "mysql://u:p@h/k"
MODULES = "tm sl pv textops xlog db_mysql usrloc registrar"
ROUTES = """
request_route {
    if (is_method("REGISTER")) { $xavp(attrs=>color) = "red"; $xavp(attrs[0]=>n) = 5; save("location"); exit; }
    lookup("location");
    xlog("$rc $ru $xavp(attrs=>color) $xavp(attrs=>n)\\n");
}
"""
CONTACT = "<sip:bob@127.0.0.12:5060>"


def serve(mode: int, databases: Databases | None = None, more: str = "", **options: Any) -> Served:
    settings = f'modparam("usrloc", "db_mode", {mode})\nmodparam("usrloc", "db_url", "{URL}")\n'
    config = settings + 'modparam("usrloc", "xavp_contact", "attrs")\n' + more + ROUTES
    return Served(config, MODULES, databases=databases, **options)


def rows(databases: Databases, *columns: str, table: str = "location") -> list[tuple[object, ...]]:
    return [tuple(row) for row in databases(URL).query(table, columns)]


@pytest.mark.parametrize(("mode", "at_once", "by_timer"), [(0, 0, 0), (1, 1, 1), (2, 0, 1), (3, 1, 1), (4, 0, 0)])
def test_when_contacts_reach_the_database(mode: int, at_once: int, by_timer: int) -> None:
    databases = Databases()
    served = serve(mode, databases)
    served.register(f"{CONTACT};q=0.5;expires=100")
    assert len(rows(databases, "contact")) == at_once
    served.advance(61)
    assert len(rows(databases, "contact")) == by_timer


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_a_row_holds_the_whole_contact(mode: int) -> None:
    databases = Databases()
    served = serve(mode, databases)
    served.register(f'{CONTACT};q=0.5;expires=100;methods="INVITE"', headers="User-Agent: Phone/1", cseq=7)
    served.server.stop()
    names = "username contact received path expires q callid cseq flags cflags user_agent socket methods ruid server_id"
    (row,) = rows(databases, *names.split())
    assert row == (
        *("bob", "sip:bob@127.0.0.12:5060", None, None, int(START) + 100, 0.5, "call-1", 7, 0, 0, "Phone/1"),
        *("udp:127.0.0.1:5060", 1, "uloc-f4240-1-1", 0),
    )
    attributes = rows(databases, "ruid", "aname", "atype", "avalue", table="location_attrs")
    assert attributes == [("uloc-f4240-1-1", "color", 0, "red"), ("uloc-f4240-1-1", "n", 1, "5")]


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_contacts_survive_a_restart(mode: int) -> None:
    databases = Databases()
    first = serve(mode, databases)
    first.register(f"{CONTACT};expires=100")
    first.register(f"{CONTACT};expires=200", cseq=2)
    first.server.stop()
    second = serve(mode, databases, now=START + 50)
    second.request("INVITE")
    assert second.script == ["1 sip:bob@127.0.0.12:5060 red 5"]
    assert contact_header(second.register("")) == f"{CONTACT};expires=150"


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_what_expired_leaves_memory_and_database(mode: int) -> None:
    databases = Databases()
    served = serve(mode, databases)
    served.register(f"{CONTACT};expires=100")
    served.advance(301)
    assert rows(databases, "contact") == []
    served.request("INVITE")
    assert served.script == ["-1 sip:bob@example.com <null> <null>"]


def test_unregistering_deletes_the_row() -> None:
    databases = Databases()
    served = serve(1, databases)
    served.register(f"{CONTACT};expires=100")
    served.register("*", headers="Expires: 0", cseq=2)
    assert rows(databases, "contact") == []
    assert rows(databases, "aname", table="location_attrs") == []


def test_a_database_that_is_only_read() -> None:
    databases = Databases()
    first = serve(1, databases)
    first.register(f"{CONTACT};expires=500")
    second = serve(4, databases)
    second.request("INVITE")
    assert second.script == ["1 sip:bob@127.0.0.12:5060 red 5"]
    second.register("*", headers="Expires: 0", cseq=9)
    assert len(rows(databases, "contact")) == 1


def test_counting_rows_by_command() -> None:
    databases = Databases()
    served = serve(1, databases)
    served.register(f"{CONTACT};expires=100, <sip:b@127.0.0.13>;expires=50")
    served.register(f"{CONTACT};expires=100", user="carl", call_id="call-2")
    served.server.timers.now = START + 60
    assert served.rpc("ul.db_users", "location") == [2]
    assert served.rpc("ul.db_contacts", "location") == [2]
    assert served.rpc("ul.db_expired_contacts", "location") == [1]


def test_flush_writes_what_waits() -> None:
    databases = Databases()
    served = serve(2, databases)
    served.register(f"{CONTACT};expires=100")
    assert served.rpc("ul.flush") == []
    assert len(rows(databases, "contact")) == 1


def test_rows_of_other_servers_stay_out() -> None:
    databases = Databases()
    first = serve(1, databases, "server_id=1\n")
    first.register(f"{CONTACT};expires=500")
    filtered = 'modparam("usrloc", "server_id_filter", 1)\n'
    second = serve(1, databases, "server_id=2\n" + filtered)
    second.request("INVITE")
    third = serve(1, databases, "server_id=1\n" + filtered)
    third.request("INVITE")
    assert second.script[0].startswith("-1 ")
    assert third.script[0].startswith("1 ")


def test_a_delay_for_expired_rows_needs_mode_3() -> None:
    with pytest.raises(ConfigError, match="rm expired delay feature is available for db only mode"):
        serve(1, more='modparam("usrloc", "rm_expired_delay", 5)\n')


def test_no_database_module() -> None:
    with pytest.raises(ConfigError):
        Served(
            f'modparam("usrloc", "db_mode", 1)\nmodparam("usrloc", "db_url", "{URL}")\n' + ROUTES,
            "tm sl pv textops xlog usrloc registrar",
        )


EXPIRY = """
modparam("usrloc", "timer_interval", 10)
request_route { save("location"); }
event_route[usrloc:contact-expired] { xlog("expired $ulc(exp=>addr) of $ulc(exp=>aor) in $ulc(exp=>domain)\\n"); }
"""


def test_an_expired_contact_runs_the_event_route() -> None:
    served = Served(EXPIRY, "tm sl pv textops xlog usrloc registrar")
    served.register("<sip:a@127.0.0.12>;expires=60, <sip:b@127.0.0.12>;expires=80")
    served.advance(55)
    assert served.script == []
    served.advance(10)
    assert served.script == ["expired sip:a@127.0.0.12 of bob in location"]
    served.advance(30)
    assert served.script[1:] == ["expired sip:b@127.0.0.12 of bob in location"]


def keepalives(more: str = "") -> Served:
    settings = """
modparam("usrloc", "timer_interval", 10)
modparam("usrloc", "ka_mode", 1)
modparam("usrloc", "ka_from", "sip:ka@example.com")
modparam("usrloc", "ka_domain", "example.com")
"""
    return Served(settings + more + 'request_route { save("location"); }\n', "tm sl pv textops xlog usrloc registrar")


def answer(served: Served, text: str) -> None:
    kept = [line for line in text.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    served.send("\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]))


def test_keepalives_go_out_at_each_run_of_the_timer() -> None:
    served = keepalives()
    served.register(f"{CONTACT};expires=600")
    (ping,) = served.advance(10)
    start, via, from_, to, call_id, cseq, *_ = ping.text.split("\r\n")
    assert start == "OPTIONS sip:bob@127.0.0.12:5060 SIP/2.0"
    assert via.startswith("Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx.")
    assert from_.startswith("From: <sip:ka@example.com>;tag=uloc-f4240-1-1-")
    assert to == "To: <sip:bob@example.com>"
    assert call_id.startswith("Call-ID: ksrulka-")
    assert cseq == "CSeq: 80 OPTIONS"
    assert (ping.to.ip, ping.to.port) == ("127.0.0.12", 5060)


def test_the_answer_to_a_keepalive_is_noted_with_its_time() -> None:
    served = keepalives()
    served.register(f"{CONTACT};expires=600")
    (ping,) = served.advance(10)
    served.server.timers.now += 0.25
    answer(served, ping.text)
    contact = served.rpc("ul.lookup", "location", "bob")[0]["Contacts"][0]["Contact"]
    assert (contact["Last-Keepalive"], contact["KA-Roundtrip"]) == (int(START) + 10, 250000)


def test_a_contact_that_stops_answering_expires() -> None:
    served = keepalives('modparam("usrloc", "ka_timeout", 15)\n')
    served.register(f"{CONTACT};expires=600")
    (ping,) = served.advance(10)
    answer(served, ping.text)
    served.advance(50)
    assert served.rpc("ul.lookup", "location", "bob") == "500 AOR not found in location table"


def test_keepalives_only_behind_nat() -> None:
    served = keepalives('modparam("usrloc", "ka_mode", 2)\nmodparam("usrloc", "nat_bflag", 6)\n')
    served.register(f"{CONTACT};expires=600")
    assert served.advance(10) == []


def test_statistics_follow_the_tables() -> None:
    served = Served('request_route { save("location"); }\n', "tm sl pv textops xlog kex usrloc registrar")
    served.register(f"{CONTACT};expires=60, <sip:b@127.0.0.13>;expires=600")
    served.register(f"{CONTACT};expires=60", user="carl", call_id="call-2")

    def shown() -> list[str]:
        return sorted(line.split(":")[1] for line in served.rpc("stats.get_statistics", "usrloc:"))

    assert shown() == ["location_contacts = 3", "location_expires = 0", "location_users = 2", "registered_users = 2"]
    served.advance(130)
    assert shown() == ["location_contacts = 1", "location_expires = 2", "location_users = 1", "registered_users = 1"]


STREAMS = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n"
OVER_TCP = "<sip:bob@127.0.0.12;transport=tcp>;expires=60"


def over_tcp(setting: str) -> Served:
    config = f'modparam("usrloc", "{setting}", 1)\n' + ROUTES
    served = Served(config, "tm sl pv textops xlog usrloc registrar", listen=STREAMS)
    served.register(OVER_TCP, proto="tcp", connection=7)
    return served


def test_a_contact_whose_connection_is_gone_expires() -> None:
    served = over_tcp("handle_lost_tcp")
    served.request("INVITE")
    served.server.connection_closed(served.server.timers.now, 7)
    served.request("INVITE")
    assert [line[:2] for line in served.script] == ["1 ", "-1"]


def test_the_connection_of_an_expired_contact_is_closed() -> None:
    served = over_tcp("close_expired_tcp")
    served.advance(30)
    assert served.server.take_closing() == []
    served.advance(120)
    assert served.server.take_closing() == [7]


def test_every_server_of_a_program_has_its_contacts_from_the_start() -> None:
    text = """
loadmodule "sl.so"
loadmodule "db_sqlite.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_url", "sqlite:///contacts.db")
modparam("usrloc", "db_mode", 1)
request_route { save("location"); }
"""
    first = Lab(text=text)
    first.phone("bob").register()
    second = Lab(text=text, database=first.database, start=first.now)
    assert [one.aor for one in second.registrations] == ["bob"]
