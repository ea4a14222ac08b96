"""Each WITH_ define of Kamailio's stock configuration shows what it is for, on databases with rows in them.

The configuration is used where the Debian package puts it. `pytest --kam-real` plays the same tests on Kamailio;
tests/lab/test_real_stock.py does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kamscript.lab import Lab
from tests.live.servers import need_stock

#: Each with a row in subscriber.
USERS = ("alice", "bob", "carol")
SUBSCRIBERS = [{"username": user, "domain": "example.com", "password": "secret"} for user in USERS]
#: What the configuration asks to add to acc and missed_calls for WITH_ACCDB.
COLUMNS = "".join(
    f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(128) NOT NULL DEFAULT '';\n"
    for table in ("acc", "missed_calls")
    for column in ("src_user", "src_domain", "src_ip", "dst_ouser", "dst_user", "dst_domain")
)


@pytest.fixture
def stock(lab: Any) -> Callable[..., Lab]:
    """The configuration with defines (without their WITH_) and rows; its domain is example.com."""
    config = need_stock()

    def load(*defines: str, **options: Any) -> Lab:
        params = {"core": {"alias": "example.com"}, **options.pop("params", {})}
        made: Lab = lab(config, defines=[f"WITH_{name}" for name in defines], params=params, **options)
        return made

    return load


def registered(sip: Lab, *users: str, password: str = "") -> list[Any]:
    """Phones of these users, registered."""
    phones = [sip.phone(user, password=password) for user in users]
    for phone in phones:
        phone.register().expect(200)
    return phones


# -- AUTH, IPAUTH


def test_auth_takes_calls_and_registrations_of_subscribers_only(stock: Any) -> None:
    sip = stock("MYSQL", "AUTH", database={"subscriber": SUBSCRIBERS})
    alice, bob = registered(sip, "alice", "bob", password="secret")
    bob.answers()
    call = alice.call(bob)
    assert [reply.status for reply in call.replies] == [407, 100, 180, 200]
    assert "Proxy-Authorization" not in bob.last_request
    call.hangup().expect(200)
    eve = sip.phone("eve", password="guess")
    eve.call(bob).expect(407)
    eve.register().expect(401)


def test_auth_lets_a_stranger_call_in_but_not_through(stock: Any) -> None:
    sip = stock("MYSQL", "AUTH", database={"subscriber": SUBSCRIBERS})
    (bob,) = registered(sip, "bob", password="secret")
    stranger = sip.phone("zoe", domain="elsewhere.example")
    bob.answers()
    stranger.call(bob.uri).hangup()
    assert stranger.call("sip:max@third.example").status == 403


def test_ipauth_trusts_addresses_of_the_table(stock: Any) -> None:
    peers = [{"grp": 1, "ip_addr": "10.0.7.7", "mask": 32, "port": 0}]
    sip = stock("MYSQL", "AUTH", "IPAUTH", database={"subscriber": SUBSCRIBERS, "address": peers})
    (bob,) = registered(sip, "bob", password="secret")
    bob.answers()
    peer = sip.phone("alice", "10.0.7.7")
    call = peer.call(bob)
    assert call.status == 200
    call.hangup()
    assert peer.register().status == 401  # a registration needs a password all the same
    assert sip.phone("carol", "10.0.7.8").call(bob).status == 407
    assert sip.rpc("permissions.addressDump")


# -- USRLOCDB, MULTIDOMAIN, ALIASDB, SPEEDDIAL


def test_usrlocdb_finds_registrations_in_the_table(stock: Any) -> None:
    row = {"ruid": "uloc-1", "username": "bob", "contact": "sip:bob@10.0.0.2:5060", "expires": 4_000_000_000}
    sip = stock("MYSQL", "USRLOCDB", database={"location": [row | {"callid": "c", "cseq": 1, "user_agent": "x"}]})
    alice, bob = sip.phone("alice"), sip.phone("bob")
    alice.message("bob", "hello").expect(200)
    assert bob.last_request.body == "hello"
    assert [one.user for one in sip.registrations] == ["bob"]


def test_usrlocdb_keeps_registrations_in_the_table(stock: Any) -> None:
    sip = stock("MYSQL", "USRLOCDB", params={"usrloc": {"timer_interval": 1}})
    (alice,) = registered(sip, "alice")
    sip.advance(seconds=2)  # written behind, by usrloc's timer
    row = sip.database().row("location", {"username": "alice"})
    assert (row["contact"], row["domain"]) == ("sip:alice@10.0.0.1:5060", None)
    alice.unregister()
    sip.advance(seconds=2)
    assert sip.database().count("location") == 0


def test_multidomain_keeps_the_users_of_two_domains_apart(stock: Any) -> None:
    sip = stock("MYSQL", "MULTIDOMAIN", params={"core": {}}, database={"domain": "domain\none.example\ntwo.example\n"})
    one = sip.phone("bob", domain="one.example", name="bob of one")
    two = sip.phone("bob", domain="two.example", name="bob of two")
    for phone in (one, two):
        phone.register().expect(200)
    assert sorted(one.aor for one in sip.registrations) == ["bob@one.example", "bob@two.example"]
    sip.phone("alice", domain="one.example").message("sip:bob@two.example", "to two").expect(200)
    assert two.expect("MESSAGE").body == "to two"
    one.expect_no("MESSAGE")


def test_multidomain_relays_to_no_domain_that_is_not_in_the_table(stock: Any) -> None:
    sip = stock("MYSQL", "MULTIDOMAIN", params={"core": {}}, database={"domain": [{"domain": "one.example"}]})
    alice = sip.phone("alice", domain="one.example")
    assert alice.call("sip:bob@two.example").status == 403
    sip.database().insert("domain", [{"domain": "two.example"}])
    sip.rpc("domain.reload")
    assert alice.call("sip:bob@two.example").status == 404


def test_aliasdb_turns_an_alias_into_a_user(stock: Any) -> None:
    alias = {"alias_username": "100", "alias_domain": "example.com", "username": "bob", "domain": "example.com"}
    sip = stock("MYSQL", "ALIASDB", database={"dbaliases": [alias]})
    alice, bob = registered(sip, "alice", "bob")
    alice.message("100", "by number").expect(200)
    assert bob.last_request.body == "by number"
    assert alice.message("101", "x").status == 404


def test_aliasdb_leads_to_other_domains(stock: Any) -> None:
    away = {"alias_username": "200", "alias_domain": "example.com", "username": "zoe", "domain": "10.0.9.9"}
    sip = stock("MYSQL", "ALIASDB", database={"dbaliases": [away]})
    zoe = sip.phone("zoe", "10.0.9.9")
    sip.phone("alice").message("200", "out").expect(200)
    assert zoe.last_request["P-Hint"] == "outbound"


def test_speeddial_is_each_users_own(stock: Any) -> None:
    mine = {"username": "alice", "domain": "example.com", "sd_username": "22", "sd_domain": "example.com"}
    sip = stock("MYSQL", "SPEEDDIAL", database={"speed_dial": [mine | {"new_uri": "sip:bob@example.com"}]})
    alice, bob, carol = registered(sip, *USERS)
    alice.message("22", "short").expect(200)
    assert bob.last_request.body == "short"
    assert carol.message("22", "not hers").status == 404
    assert alice.message("223", "three digits").status == 404


# -- PSTN, VOICEMAIL


def test_pstn_sends_international_numbers_to_the_gateway(stock: Any) -> None:
    sip = stock("PSTN")
    sip.rpc("cfg.sets", "pstn", "gw_ip", "10.0.8.8")
    gateway, alice = sip.phone("gw", "10.0.8.8"), sip.phone("alice")
    gateway.answers()
    call = alice.call("0049301234")
    assert gateway.expect("INVITE").uri == "sip:+49301234@10.0.8.8"
    call.hangup()
    alice.call("+4420123").hangup()
    assert gateway.expect("INVITE").uri == "sip:+4420123@10.0.8.8"
    assert alice.call("030123").status == 404
    assert sip.phone("zoe", domain="elsewhere.example").call("sip:+4420123@example.com").status == 403


def test_pstn_with_a_port(stock: Any) -> None:
    sip = stock("PSTN")
    sip.rpc("cfg.sets", "pstn", "gw_ip", "10.0.8.8")
    sip.rpc("cfg.sets", "pstn", "gw_port", "5080")
    gateway = sip.phone("gw", "10.0.8.8:5080")
    sip.phone("alice").message("+4420123", "x").expect(200)
    assert gateway.last_request.uri == "sip:+4420123@10.0.8.8:5080"


def test_pstn_without_a_gateway_is_told_in_the_log(stock: Any) -> None:
    sip = stock("PSTN")
    assert sip.phone("alice").call("+4420123").status == 404
    assert "PSTN routing enabled but pstn.gw_ip not defined" in sip.log


def test_voicemail_takes_calls_to_who_is_busy_or_away(stock: Any) -> None:
    sip = stock("VOICEMAIL")
    sip.rpc("cfg.sets", "voicemail", "srv_ip", "10.0.8.9")
    voicemail = sip.phone("voicemail", "10.0.8.9")
    voicemail.answers()
    alice, bob = registered(sip, "alice", "bob")
    bob.rejects(486)
    alice.call(bob).expect(200)
    assert voicemail.expect("INVITE").uri == "sip:bob@10.0.8.9:5060"
    alice.last_call.hangup()
    alice.call("nobody").hangup()
    assert voicemail.expect("INVITE").uri == "sip:nobody@10.0.8.9:5060"
    assert alice.message("nobody", "x").status == 404


def test_voicemail_takes_calls_that_nobody_answers(stock: Any) -> None:
    sip = stock("VOICEMAIL", params={"tm": {"fr_inv_timer": 1000}})
    sip.rpc("cfg.sets", "voicemail", "srv_ip", "10.0.8.9")
    voicemail = sip.phone("voicemail", "10.0.8.9")
    voicemail.answers()
    alice, bob = registered(sip, "alice", "bob")
    bob.rings()
    call = alice.call(bob)
    assert call.expect(200).time == pytest.approx(1, abs=0.5)
    bob.expect("CANCEL")
    call.hangup().expect(200)


def test_voicemail_hears_of_subscriptions_to_message_summary(stock: Any) -> None:
    sip = stock("VOICEMAIL")
    alice = sip.phone("alice")
    assert alice.subscribe("alice", "message-summary").status == 404
    assert "VoiceMail routing enabled but IP not defined" in sip.log
    sip.rpc("cfg.sets", "voicemail", "srv_ip", "10.0.8.9")
    sip.rpc("cfg.sets", "voicemail", "srv_port", "5070")
    voicemail = sip.phone("voicemail", "10.0.8.9:5070")
    alice.subscribe("alice", "message-summary").expect(200)
    assert voicemail.last_request.uri == "sip:alice@10.0.8.9:5070"


# -- BLOCK3XX, BLOCK401407, ANTIFLOOD


def test_block3xx_hides_redirections(stock: Any) -> None:
    sip = stock("BLOCK3XX")
    alice, bob, carol = registered(sip, *USERS)
    bob.redirects(carol)
    assert alice.call(bob).status == 404
    bob.rejects(486)
    assert alice.call(bob).status == 486


@pytest.mark.parametrize("status", [401, 407])
def test_block401407_hides_challenges(stock: Any, status: int) -> None:
    alice, bob = registered(stock(), "alice", "bob")
    bob.rejects(status)
    assert alice.call(bob).status == status
    alice, bob = registered(stock("BLOCK401407"), "alice", "bob")
    bob.rejects(status)
    assert alice.call(bob).status == 404


def test_antiflood_bans_who_sends_too_much(stock: Any) -> None:
    sip = stock("ANTIFLOOD")
    eve, bob = sip.phone("eve"), sip.phone("bob")
    answered = 0
    while eve.options().status == 200:
        answered += 1
        assert answered < 100
    assert "pike blocking OPTIONS from sip:eve@example.com (IP:10.0.0.1:5060)" in sip.log
    assert sip.htables["ipban"]["10.0.0.1"] == 1
    assert eve.register().status == 0
    bob.register().expect(200)


@pytest.mark.kam_lab_only("five minutes pass")
def test_antiflood_forgets_after_five_minutes(stock: Any) -> None:
    sip = stock("ANTIFLOOD")
    eve = sip.phone("eve")
    while eve.options().status == 200:
        pass
    sip.advance(minutes=4)
    assert eve.options().status == 0
    sip.advance(minutes=6)
    assert eve.options().status == 200


# -- NAT


@pytest.mark.parametrize("relay", ["RTPENGINE", "RTPPROXY"])
def test_nat_takes_the_media_through_a_relay(stock: Any, relay: str) -> None:
    sip = stock("NAT", *([relay] if relay == "RTPENGINE" else []))
    alice, bob = sip.phone("alice"), sip.phone("bob", rport=True)
    sip.link(bob, nat="203.0.113.7")
    bob.register().expect(200)
    bob.answers()
    call = alice.call(bob)
    double = sip.doubles.rtpengine if relay == "RTPENGINE" else sip.doubles.rtpproxy
    call.expect(200)
    assert len(double.sessions) == 1
    assert ";nat=yes" in call.replies[-1]["Record-Route"]
    assert "alias=203.0.113.7" in call.replies[-1]["Contact"]
    assert "10.0.0.1" not in bob.expect("INVITE").body.partition("\nc=")[2]
    call.hangup().expect(200)
    assert not double.sessions


def test_nat_keeps_mappings_open(stock: Any) -> None:
    sip = stock("NAT", "NATSIPPING")
    bob = sip.phone("bob", rport=True)
    sip.link(bob, nat="203.0.113.7", nat_expires=40)
    bob.register().expect(200)
    sip.advance(minutes=5)
    assert bob.expect("OPTIONS")["From"].startswith("sip:pinger@kamailio.org;")
    sip.phone("alice").message(bob, "still there?").expect(200)


# -- TLS, JSONRPC, DEBUG, ACCDB, PRESENCE, MSGREBUILD


@pytest.mark.kam_lab_only("phones over TLS: see tests/live/test_stock_all.py")
def test_tls_carries_a_call_from_udp(stock: Any) -> None:
    sip = stock("TLS", listen=["udp:127.0.0.1:5060", "tls:127.0.0.1:5061"])
    alice, bob = sip.phone("alice", proto="tls"), sip.phone("bob")
    alice.register().expect(200)
    alice.answers()
    call = bob.call(alice)
    routes = ["<sip:127.0.0.1:5061;transport=tls;r2=on;lr>", "<sip:127.0.0.1;r2=on;lr>"]
    assert call.replies[-1].each("Record-Route") == routes
    call.hangup().expect(200)


@pytest.mark.kam_lab_only("HTTP over the lab's streams: see tests/differential/cases/stock_defines.py")
def test_jsonrpc_answers_this_machine_over_http(stock: Any) -> None:
    sip = stock("JSONRPC", listen=["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"])
    body = '{"jsonrpc": "2.0", "method": "core.echo", "params": ["hello"], "id": 1}'
    assert sip.http("POST", "http://127.0.0.1:5060/RPC", body).code == 403  # from 10.0.0.99
    stream = sip.connect("127.0.0.1:40000")
    stream.send(f"POST /RPC HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    assert '"hello"' in stream.take()
    stream = sip.connect("127.0.0.1:40000")
    stream.send("GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n")  # no Content-Length: tcp_accept_no_cl
    assert "Wrong URL /index.html" in stream.take()


def test_debug_tells_every_action(stock: Any) -> None:
    sip = stock("DEBUG")
    sip.phone("alice").options().expect(200)
    assert "*** cfgtrace:" in sip.log


def test_accdb_writes_calls_and_missed_calls(stock: Any) -> None:
    sip = stock("MYSQL", "ACCDB", database=COLUMNS)
    alice, bob = registered(sip, "alice", "bob")
    bob.answers()
    alice.call(bob).hangup()
    bob.rejects(486)
    alice.call(bob).expect(486)
    extra = {"src_user": "alice", "src_domain": "example.com", "src_ip": "10.0.0.1", "dst_ouser": "bob"}
    rows = sip.database().rows("acc")
    assert [(row["method"], row["sip_code"]) for row in rows] == [("INVITE", "200"), ("BYE", "200")]
    assert [{name: row[name] for name in extra} for row in rows] == [extra, extra]
    missed = sip.database().row("missed_calls")
    assert {name: missed[name] for name in extra} == extra
    assert (missed["sip_code"], missed["dst_user"]) == ("486", "bob")


PIDF = """<?xml version="1.0"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">
<tuple id="a"><status><basic>open</basic></status></tuple></presence>"""


@pytest.mark.parametrize("defines", [(), ("MSGREBUILD",)], ids=["", "MSGREBUILD"])
def test_presence_tells_watchers_what_is_published(stock: Any, defines: tuple[str, ...]) -> None:
    sip = stock("MYSQL", "PRESENCE", *defines)
    alice, bob = registered(sip, "alice", "bob")
    watch = alice.subscribe(bob, "presence", expires=600)
    assert "open" not in watch.expect("NOTIFY").body
    bob.publish("presence", PIDF).expect(200)
    assert watch.expect("NOTIFY", where=lambda notify: "open" in notify.body).body.count("<tuple") == 1
    row = sip.database().row("presentity")
    assert (row["username"], row["event"]) == ("bob", "presence")
    assert sip.database().row("watchers")["watcher_username"] == "alice"
    watch.unsubscribe()
    assert watch.expect("NOTIFY", where=lambda notify: "terminated" in notify["Subscription-State"])
    assert watch.state == "terminated"


def test_without_presence_nothing_is_published(stock: Any) -> None:
    sip = stock()
    (bob,) = registered(sip, "bob")
    assert bob.publish("presence", PIDF).status == 404
