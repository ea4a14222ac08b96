"""The stock configuration with every WITH_ define at once: an office with phones behind a NAT and over TLS.

The same office on sockets, on MariaDB and beside a real Kamailio: tests/live/test_stock_all.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Phone
from tests.live.servers import need_stock

DEFINES = (
    *("MYSQL", "AUTH", "IPAUTH", "USRLOCDB", "PRESENCE", "NAT", "NATSIPPING", "RTPENGINE", "PSTN", "ALIASDB"),
    *("SPEEDDIAL", "MULTIDOMAIN", "TLS", "JSONRPC", "ANTIFLOOD", "BLOCK3XX", "BLOCK401407", "VOICEMAIL", "ACCDB"),
    *("MSGREBUILD", "DEBUG"),
)
#: What an operator puts into the tables.
ROWS: dict[str, Any] = {
    "domain": [{"domain": "example.com"}],
    "subscriber": [
        {"username": name, "domain": "example.com", "password": "secret"} for name in ("alice", "bob", "carol")
    ],
    "address": [{"grp": 1, "ip_addr": "10.0.7.7", "mask": 32}],
    "dbaliases": [{"alias_username": "100", "alias_domain": "example.com", "username": "bob", "domain": "example.com"}],
    "speed_dial": [
        {"username": "alice", "domain": "example.com", "sd_username": "22", "sd_domain": "example.com"}
        | {"new_uri": "sip:carol@example.com"}
    ],
}
LISTEN = ["udp:10.0.9.1:5060", "tcp:10.0.9.1:5060", "tls:10.0.9.1:5061"]
GATEWAY, VOICEMAIL = "10.0.8.8", "10.0.8.9"


@pytest.fixture
def office(lab: Any) -> Lab:
    """The server, with gateway and voicemail named as an operator does it at run time."""
    config = need_stock()
    sip: Lab = lab(config, defines=[f"WITH_{name}" for name in DEFINES], database=ROWS, listen=LISTEN)
    sip.rpc("cfg.sets", "pstn", "gw_ip", GATEWAY)
    sip.rpc("cfg.sets", "voicemail", "srv_ip", VOICEMAIL)
    return sip


@pytest.fixture
def phones(office: Lab) -> list[Phone]:
    """alice behind a NAT, bob over TLS, carol in the open; registered."""
    alice = office.phone("alice", domain="example.com", password="secret", rport=True)
    bob = office.phone("bob", "198.51.100.2:5061", domain="example.com", password="secret", proto="tls")
    carol = office.phone("carol", "198.51.100.3", domain="example.com", password="secret")
    office.link(alice, nat="203.0.113.7")
    for phone in (alice, bob, carol):
        assert [reply.status for reply in phone.register().replies] == [401, 200]
    return [alice, bob, carol]


def test_registrations_stand_with_their_domain(office: Lab, phones: list[Phone]) -> None:
    found = {one.aor: one for one in office.registrations}
    assert sorted(found) == ["alice@example.com", "bob@example.com", "carol@example.com"]
    assert found["alice@example.com"].received.startswith("sip:203.0.113.7:")
    assert not found["carol@example.com"].received


def test_registrations_reach_the_table(office: Lab, phones: list[Phone]) -> None:
    office.advance(seconds=61)
    rows = {row["username"]: row for row in office.database().rows("location")}
    assert rows["alice"]["received"].startswith("sip:203.0.113.7:")
    assert (rows["bob"]["socket"], rows["bob"]["domain"]) == ("tls:10.0.9.1:5061", "example.com")


def test_a_call_from_behind_a_nat_to_a_phone_over_tls(office: Lab, phones: list[Phone]) -> None:
    """Registered, authenticated, NATed, through the relay, record-routed, accounted."""
    alice, bob, _ = phones
    bob.answers()
    call = alice.call(bob)
    assert [reply.status for reply in call.replies] == [407, 100, 180, 200]
    invite = bob.expect("INVITE")
    assert "Proxy-Authorization" not in invite
    assert [uri.partition(";")[2] for uri in invite.each("Record-Route")] == [
        "transport=tls;r2=on;lr;nat=yes>",
        "r2=on;lr;nat=yes>",
    ]
    assert "alias=203.0.113.7~" in invite["Contact"]
    assert len(office.doubles.rtpengine.sessions) == 1
    assert "c=IN IP4 10.0.0.1\r\n" not in invite.body
    call.hangup().expect(200)
    assert not office.doubles.rtpengine.sessions
    rows = office.database().rows("acc")
    assert [(row["method"], row["sip_code"], row["src_user"], row["src_ip"]) for row in rows] == [
        ("INVITE", "200", "alice", "203.0.113.7"),
        ("BYE", "200", "alice", "203.0.113.7"),
    ]
    assert not office.database().rows("missed_calls")


def test_a_call_back_through_the_nat(office: Lab, phones: list[Phone]) -> None:
    alice, bob, _ = phones
    alice.answers()
    call = bob.call(alice)
    call.expect(200)
    call.reinvite().expect(200)
    alice.last_call.hangup().expect(200)
    assert call.state == "ended"


def test_busy_calls_are_missed_and_go_to_voicemail(office: Lab, phones: list[Phone]) -> None:
    alice, bob, _ = phones
    voicemail = office.phone("voicemail", VOICEMAIL)
    voicemail.answers()
    bob.rejects(486)
    call = alice.call(bob)
    assert voicemail.expect("INVITE").uri == f"sip:bob@{VOICEMAIL}:5060"
    call.hangup().expect(200)
    missed = office.database().row("missed_calls")
    assert (missed["sip_code"], missed["src_user"], missed["dst_ouser"]) == ("486", "alice", "bob")
    assert [row["method"] for row in office.database().rows("acc")] == ["INVITE", "BYE"]


def test_unanswered_calls_go_to_voicemail_after_two_minutes(office: Lab, phones: list[Phone]) -> None:
    alice, bob, _ = phones
    voicemail = office.phone("voicemail", VOICEMAIL)
    voicemail.answers()
    bob.rings()
    call = alice.call(bob)
    assert call.expect(200).time == pytest.approx(120, abs=1)
    bob.expect("CANCEL")
    call.hangup().expect(200)
    assert office.database().row("missed_calls")["sip_code"] == "408"


@pytest.mark.parametrize("status", [302, 401, 407])
def test_what_phones_answer_to_lead_callers_astray_is_hidden(office: Lab, phones: list[Phone], status: int) -> None:
    alice, bob, carol = phones
    bob.redirects(carol) if status == 302 else bob.rejects(status)
    assert alice.call(bob).status == 404
    carol.expect_no("INVITE", within=0)


def test_short_numbers_and_long_ones(office: Lab, phones: list[Phone]) -> None:
    alice, bob, carol = phones
    gateway = office.phone("gateway", GATEWAY)
    for dialled, reached in (("100", bob), ("22", carol), ("0049301234", gateway)):
        alice.message(dialled, f"for {dialled}").expect(200)
        assert reached.expect("MESSAGE").body == f"for {dialled}"
    assert gateway.last_request.uri == f"sip:+49301234@{GATEWAY}"
    assert carol.message("22", "another's speed dial").status == 404


def test_a_trunk_calls_in_by_its_address(office: Lab, phones: list[Phone]) -> None:
    trunk = office.phone("+4989", "10.0.7.7", domain="carrier.example")
    bob = phones[1]
    bob.answers()
    call = trunk.call("sip:bob@example.com")
    assert [reply.status for reply in call.replies] == [100, 180, 200]
    call.hangup().expect(200)
    assert office.phone("+4989", "10.0.7.8", domain="carrier.example", name="no trunk").call(
        "sip:max@elsewhere.example"
    ).status == 403  # fmt: skip


def test_presence(office: Lab, phones: list[Phone]) -> None:
    """The watcher sits in the open: behind record_route(), msg_apply_changes() puts no alias into her Contact."""
    _, bob, carol = phones
    watch = carol.subscribe(bob, "presence", expires=600)
    watch.expect("NOTIFY")
    body = '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com"><tuple id="a"><status><basic>'
    bob.publish("presence", body + "open</basic></status></tuple></presence>").expect(200)
    assert "<basic>open" in watch.expect("NOTIFY").body
    watch.unsubscribe().expect(200)


def test_a_flood_is_banned_and_nobody_else(office: Lab, phones: list[Phone]) -> None:
    alice, bob, _ = phones
    eve = office.phone("eve", domain="example.com")
    while eve.options().status == 200:
        pass
    assert any("pike blocking OPTIONS from sip:eve@example.com" in line for line in office.log.lines())
    assert dict(office.htables["ipban"]) == {eve.address.ip: 1}
    bob.answers()
    alice.call(bob).hangup().expect(200)


def test_a_program_of_this_machine_asks_over_http(office: Lab, phones: list[Phone]) -> None:
    body = '{"jsonrpc": "2.0", "method": "ul.lookup", "params": ["location", "bob@example.com"], "id": 1}'
    stream = office.connect("127.0.0.1:40000")
    stream.send(f"POST /RPC HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    assert '"AoR":\t"bob@example.com"' in stream.take()


def test_natted_phones_stay_reachable(office: Lab, phones: list[Phone]) -> None:
    alice, bob, _ = phones
    office.advance(minutes=10)
    alice.expect("OPTIONS", where=lambda ping: ping["From"].startswith("sip:pinger@kamailio.org"))
    bob.message(alice, "still there?").expect(200)


def test_every_action_is_traced(office: Lab) -> None:
    office.phone("alice", domain="example.com").options().expect(200)
    assert any("n=force_rport" in line for line in office.log.lines())
