"""What a telephone engineer tests first in Kamailio's stock configuration, as the Debian package installs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Phone

STOCK = Path("/etc/kamailio/kamailio.cfg")
DOMAIN = {"core": {"alias": "example.com"}}
USERS = ("alice", "bob", "carol")

pytestmark = pytest.mark.skipif(not STOCK.exists(), reason=f"there is no {STOCK}: apt-get install kamailio")


def stock(*defines: str, **options: object) -> Lab:
    return Lab(STOCK, defines=defines, params=DOMAIN, **options)  # type: ignore[arg-type]


@pytest.fixture
def sip() -> Lab:
    """With subscribers."""
    rows = [{"username": user, "domain": "example.com", "password": "secret"} for user in USERS]
    return stock("WITH_MYSQL", "WITH_AUTH", database={"subscriber": rows})


@pytest.fixture
def phones(sip: Lab) -> list[Phone]:
    """Registered ones."""
    made = [sip.phone(user, password="secret") for user in USERS]
    for phone in made:
        phone.register().expect(200)
    return made


def test_registrations_need_a_password(sip: Lab) -> None:
    assert [reply.status for reply in sip.phone("alice", password="secret").register().replies] == [401, 200]
    assert [reply.status for reply in sip.phone("bob", password="wrong").register().replies] == [401, 401]
    assert [one.user for one in sip.registrations] == ["alice"]


def test_a_call(sip: Lab, phones: list[Phone]) -> None:
    alice, bob, _ = phones
    bob.answers()
    call = alice.call(bob)
    for status in (407, 180, 200):
        call.expect(status)
    assert call.hangup().status == 200
    bob.expect("BYE")
    sip.verify()


def test_a_call_is_cancelled(phones: list[Phone]) -> None:
    alice, bob, _ = phones
    call = alice.call(bob)
    bob.call_waiting.ring()
    call.cancel()
    call.expect(487)
    assert bob.last_call.state == "cancelled"


def test_busy_and_moved(phones: list[Phone]) -> None:
    alice, bob, carol = phones
    bob.rejects(486)
    alice.call(bob).expect(486)
    bob.redirects(carol)
    assert alice.call(bob).expect(302)["Contact"] == "<sip:carol@10.0.0.3:5060>"


def test_nobody_answers(phones: list[Phone]) -> None:
    alice, bob, _ = phones
    bob.rings()
    assert alice.call(bob).expect(408).time == pytest.approx(120, abs=1)  # tm's fr_inv_timer
    bob.expect("CANCEL")


def test_inside_a_call(phones: list[Phone]) -> None:
    alice, bob, _ = phones
    bob.answers()
    call = alice.call(bob)
    call.expect(200)
    call.hold().expect(200)
    assert bob.last_call.on_hold
    call.resume().expect(200)
    assert not bob.last_call.on_hold
    for request in (call.update(), bob.last_call.reinvite(), call.dtmf("5"), bob.last_call.hangup()):
        request.expect(200)


def test_reliable_provisional_replies(phones: list[Phone]) -> None:
    alice, bob, _ = phones
    call = alice.call(bob, reliable=True)
    bob.call_waiting.ring(183, reliable=True)
    bob.expect("PRACK")
    bob.call_waiting.answer()
    assert (call.state, bob.last_call.acked) == ("confirmed", True)


@pytest.mark.parametrize("attended", [False, True], ids=["blind", "attended"])
def test_transfers(phones: list[Phone], attended: bool) -> None:
    alice, bob, carol = phones
    bob.answers()
    carol.answers()
    call = alice.call(bob)
    call.expect(200)
    if attended:
        call.hold()
        second = alice.call(carol)
        second.expect(200)
        call.transfer(second).expect(200)
    else:
        call.transfer(carol).expect(200)
    assert call.state == "ended"
    assert [one.state for one in bob.calls] == ["ended", "confirmed"]


def test_messages_options_and_subscriptions(phones: list[Phone]) -> None:
    alice, bob, _ = phones
    alice.message(bob, "hello").expect(200)
    assert bob.expect("MESSAGE").body == "hello"
    assert alice.options().expect(200).reason == "Keepalive"
    alice.options(bob).expect(200)
    watch = alice.subscribe(bob, "dialog")
    bob.watchers[-1].notify("<busy/>")
    assert watch.expect(where=lambda notify: notify.body).body == "<busy/>"
    watch.unsubscribe().expect(200)


@pytest.mark.parametrize("proto", ["tcp", "tls"])
def test_other_transports(proto: str) -> None:
    sip = stock("WITH_TLS", listen=["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060", "tls:127.0.0.1:5061"])
    alice, bob = sip.phone("alice", proto=proto), sip.phone("bob", proto=proto)
    bob.register().expect(200)
    bob.answers()
    call = alice.call(bob)
    call.expect(200)
    call.hangup().expect(200)


def test_a_bad_line() -> None:
    sip = stock(seed=3)
    sip.link(loss=0.3)
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register().expect(200)
    bob.answers()
    call = alice.call(bob)
    call.expect(200)
    call.hangup().expect(200)
    assert "lost" in sip.ladder()


def test_a_phone_behind_a_nat() -> None:
    sip = stock("WITH_NAT", doubles="lenient")
    bob = sip.phone("bob", rport=True)
    sip.link(bob, nat="203.0.113.7")
    bob.register().expect(200)
    (registration,) = sip.registrations
    assert registration.received is not None and registration.received.startswith("sip:203.0.113.7:")


def test_who_is_sent_away() -> None:
    sip = stock()
    alice = sip.phone("alice")
    assert alice.call("sip:bob@elsewhere.example").status == 403
    assert alice.call("bob").status == 404
    assert alice.options("bob", headers=["Max-Forwards: 0"]).status == 483
    assert alice.options(headers=["User-Agent: friendly-scanner"]).status == 0


def test_a_flag_is_called_as_the_config_defines_it() -> None:
    sip = stock()
    register = sip.request("REGISTER", "sip:example.com", headers=["Contact: <sip:bob@10.0.0.2>"])
    run = sip.route("REGISTRAR", register, flags=["FLT_NATS"])
    assert (run.replies, run.exited) == (["200 OK"], True)
    with pytest.raises(ValueError, match="no flag is called FLT_NATZ; did you mean FLT_NATS"):
        sip.route("REGISTRAR", register, flags=["FLT_NATZ"])
