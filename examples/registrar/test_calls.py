"""What the registrar promises, as those who run it would test it."""

import pytest

from kamscript.lab import Lab
from kamscript.lab.plugin import LabLoader


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    return lab("kamailio.cfg")


def test_a_call_to_a_registered_phone_is_carried_to_its_end(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    assert bob.register().status == 200

    call = alice.call(bob)
    bob.call_waiting.ring()
    assert call.state == "early"
    bob.call_waiting.answer()
    assert call.state == "confirmed"

    assert call.hangup().status == 200
    assert bob.call_waiting.state == "ended"


def test_the_proxy_stays_in_the_path_of_the_call(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.answer()
    assert call.routes == ["<sip:127.0.0.1;lr;ftag=alice1>"]


def test_nobody_is_registered(sip: Lab) -> None:
    call = sip.phone("alice").call("bob")
    assert call.status == 404
    assert "no phone of bob is registered" in sip.log


def test_a_registration_ends_when_its_time_is_over(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register(expires=60)
    sip.advance(minutes=5)
    assert alice.call(bob).status == 404


def test_the_caller_gives_up(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.ring()
    assert call.cancel().status == 200
    assert call.status == 487
    assert bob.call_waiting.state == "cancelled"


def test_nobody_picks_up(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.ring()
    sip.wait(lambda: call.status)
    assert (call.status, call.request.reason) == (480, "Nobody answers")
    assert bob.call_waiting.state == "cancelled"


def test_a_request_that_went_round_too_often_is_stopped(sip: Lab) -> None:
    reply = sip.send(
        "OPTIONS sip:bob@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 10.0.0.99:5060;branch=z9hG4bK-loop\r\n"
        "Max-Forwards: 0\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
        "Call-ID: loop\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )[0]
    assert reply.startswith("SIP/2.0 483 Too Many Hops")


def test_strangers_are_not_relayed(sip: Lab) -> None:
    assert sip.phone("alice").call("sip:bob@elsewhere.net").status == 403
