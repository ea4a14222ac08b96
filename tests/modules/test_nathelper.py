"""nathelper: what the cases judged by the daemon do not reach (tests/differential/cases/nathelper.py)."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.modules.nathelper.addresses import ipv4_number, is_private
from kamscript.modules.nathelper.contacts import trim_alias
from kamscript.modules.nathelper.ping import path_address

from .script import refused, said, sent

LOCATION = """
listen=udp:10.0.0.254:5060
listen=udp:10.0.0.254:5070
alias="example.com"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "kex.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "nathelper.so"
modparam("usrloc", "nat_bflag", 6)
modparam("nathelper", "natping_interval", 5)
"""
REGISTERED = 'request_route { setbflag(6); if ($hdr(X-Ping) == "sip") setbflag(7); save("location"); }\n'


def registering(*params: str) -> Lab:
    """A registrar that pings, with more parameters."""
    more = "".join(f'modparam("nathelper", {param})\n' for param in params)
    return Lab(text=LOCATION + more + REGISTERED, leaks="ignore")


SIP = ('"sipping_bflag", 7', '"sipping_from", "sip:ping@example.com"', '"ping_nated_only", 1')


# -- keepalives


def test_every_contact_is_pinged_once_in_the_interval() -> None:
    lab = registering(*SIP)
    bob = lab.phone("bob")
    bob.register(headers=["X-Ping: sip"], keep=False)
    lab.advance(50)
    assert len([msg for msg in bob.received if msg.is_request and msg.method == "OPTIONS"]) == 10


def test_pinging_processes_share_the_contacts() -> None:
    lab = registering(*SIP, '"natping_processes", 3')
    phones = [lab.phone(f"user{number}") for number in range(6)]
    for phone in phones:
        phone.register(headers=["X-Ping: sip"], keep=False)
    lab.advance(5)
    assert [sum(msg.is_request for msg in phone.received) for phone in phones] == [1] * 6


def test_contacts_that_are_only_in_a_database_are_pinged_as_often() -> None:
    text = LOCATION.replace('loadmodule "usrloc.so"', 'loadmodule "db_sqlite.so"\nloadmodule "usrloc.so"')
    text += 'modparam("usrloc", "db_mode", 3)\nmodparam("usrloc", "db_url", "sqlite:///k.db")\n'
    text += "".join(f'modparam("nathelper", {param})\n' for param in SIP)
    lab = Lab(text=text + REGISTERED, leaks="ignore")
    phones = [lab.phone(f"user{number}") for number in range(4)]
    for phone in phones:
        phone.register(headers=["X-Ping: sip"], keep=False)
    lab.advance(10)
    assert [sum(msg.is_request for msg in phone.received) for phone in phones] == [2] * 4


def test_an_answer_to_a_ping_keeps_the_contact() -> None:
    lab = registering(*SIP, '"keepalive_timeout", 12')
    bob = lab.phone("bob")
    bob.register(headers=["X-Ping: sip"], expires=3600, keep=False)
    lab.advance(120)
    assert [contact.user for contact in lab.registrations] == ["bob"]


def test_a_contact_without_answers_expires() -> None:
    lab = registering(*SIP, '"keepalive_timeout", 12')
    bob = lab.phone("bob")
    bob.register(headers=["X-Ping: sip"], expires=3600, keep=False)
    bob.silent()
    lab.advance(120)
    assert lab.registrations == []


def test_four_bytes_seem_to_come_from_natping_socket() -> None:
    lab = registering('"natping_socket", "10.0.0.99:5080"')
    bob = lab.phone("bob")
    bob.register(keep=False)
    lab.advance(5)
    last = lab.network.delivered[-1]
    assert (last.source.ip, last.source.port, last.text) == ("10.0.0.99", 5080, "\0\0\0\0")


def test_keepalives_leave_by_the_socket_of_force_socket() -> None:
    lab = registering('"force_socket", "10.0.0.254:5070"')
    lab.phone("bob").register(keep=False)
    lab.advance(5)
    assert lab.network.delivered[-1].source.port == 5070


@pytest.mark.parametrize(
    ("depth", "address"), [(0, "10.0.0.3:5070"), (1, "10.0.0.1"), (2, "10.0.0.2:5062"), (7, "10.0.0.3:5070")]
)
def test_the_proxy_of_a_path_that_four_bytes_seem_to_come_from(depth: int, address: str) -> None:
    path = "<sip:10.0.0.1;lr>,<sip:10.0.0.2:5062;lr;x=1>, <sip:10.0.0.3:5070>"
    assert path_address(path, depth) == address


def test_ignore_path_of_6_x() -> None:
    text = LOCATION + "".join(f'modparam("nathelper", {p})\n' for p in (*SIP, '"ignore_path", 1')) + REGISTERED
    lab = Lab(
        text=text.replace('"nat_bflag", 6)', '"nat_bflag", 6)\nmodparam("registrar", "use_path", 1)'), target="6.x"
    )
    lab.leaks.expect({"registrations": 1})
    bob = lab.phone("bob")
    headers = ["X-Ping: sip", "Path: <sip:192.0.2.1;lr>", "Supported: path"]
    bob.register(headers=headers, keep=False).expect(200)
    lab.advance(5)
    assert bob.last_request.method == "OPTIONS"


# -- contacts


def test_the_last_of_several_aliases() -> None:
    """5.6.3 finds none: the length of what is left is that behind the last parameter."""
    route = '$ru = "sip:a@b;alias=1.1.1.1~1~1;x=y;alias=2.2.2.2~2~2;z"; handle_ruri_alias("1"); xlog("$rc $ru $du\\n");'
    assert said(route, modules="nathelper") == ["1 sip:a@b;alias=1.1.1.1~1~1;x=y;z sip:2.2.2.2:2;transport=tcp"]


def test_save_keeps_a_contact_that_was_fixed() -> None:
    text = LOCATION + 'request_route { fix_nated_contact(); save("location"); }\n'
    lab = Lab(text=text, leaks="ignore")
    lab.phone("bob").register(contact="<sip:bob@192.168.7.7>")
    assert [contact.contact for contact in lab.registrations] == ["sip:bob@10.0.0.1:5060"]


def test_a_contact_can_be_fixed_again_behind_msg_apply_changes() -> None:
    route = 'fix_nated_contact(); msg_apply_changes(); fix_nated_contact(); xlog("$rc $ct\\n");'
    assert said(route, modules="nathelper textopsx") == ["1 <sip:alice@127.0.0.11:5060>"]


def test_the_address_of_a_stream_message_in_an_alias() -> None:
    (out,) = sent('set_contact_alias(); $du = "sip:127.0.0.12"; forward();', modules="nathelper")
    assert "Contact: <sip:alice@127.0.0.11;alias=127.0.0.11~5060~1>\r\n" in out.text


@pytest.mark.parametrize("uri", ["sip:a@b", "sip:a@b;alias=1.1.1.1~1", "sip:a@b;alias=1.1.1.1~1~12", "sip:a;alias=x"])
def test_what_is_no_alias_stays(uri: str) -> None:
    assert trim_alias(uri, "alias") == uri


def test_fix_nated_register_wants_the_avp() -> None:
    assert "received_avp" in refused("fix_nated_register();", modules="nathelper")


# -- addresses


@given(st.ip_addresses(v=4))
def test_addresses_are_read_as_they_are_written(address: IPv4Address) -> None:
    assert ipv4_number(str(address)) == int(address)


@given(st.text(max_size=20))
def test_any_text_is_an_address_or_none(text: str) -> None:
    assert is_private(text) in (True, False)
