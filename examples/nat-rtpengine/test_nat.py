"""Phones behind NATs: registered, pinged, called, and heard through a media relay."""

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Phone
from kamscript.lab.plugin import LabLoader

HOME = "203.0.113.7"


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    return lab("kamailio.cfg")


def in_the_open(sip: Lab, user: str, where: str = "198.51.100.2") -> Phone:
    """A phone with a public address."""
    return sip.phone(user, where=where)


def behind_nat(sip: Lab, user: str, public: str = HOME) -> Phone:
    """A phone with a private address behind a NAT that forgets silent mappings after half a minute."""
    phone = sip.phone(user, rport=True)
    sip.link(phone, nat=public, nat_expires=30)
    return phone


# -- registrations: these also run on a real Kamailio


def test_a_phone_in_the_open_is_registered_as_it_says(lab: LabLoader) -> None:
    sip = lab("kamailio.cfg", params={"nathelper": {"natping_interval": 0}})
    assert in_the_open(sip, "bob").register().status == 200


def test_options_are_answered(sip: Lab) -> None:
    assert in_the_open(sip, "alice").options("sip:example.com").status == 200


def test_nobody_is_there(sip: Lab) -> None:
    assert in_the_open(sip, "alice").call("bob").status == 404


def test_a_foreign_domain_is_refused(sip: Lab) -> None:
    assert in_the_open(sip, "alice").call("sip:bob@elsewhere.example.org").status == 403


def test_a_call_in_the_open(sip: Lab) -> None:
    alice, bob = in_the_open(sip, "alice"), in_the_open(sip, "bob", "198.51.100.3")
    bob.register()
    call = alice.call("bob")
    bob.call_waiting.answer()
    assert "alias" not in bob.expect("INVITE")["Contact"]
    assert call.hangup().status == 200


def test_a_rejected_call_in_the_open(sip: Lab) -> None:
    alice, bob = in_the_open(sip, "alice"), in_the_open(sip, "bob", "198.51.100.3")
    bob.register()
    bob.rejects(486)
    assert alice.call("bob").expect("4xx").status == 486


# -- NAT


def test_the_registration_knows_the_public_address(sip: Lab) -> None:
    behind_nat(sip, "bob").register()
    (contact,) = sip.registrations
    assert contact.received.startswith(f"sip:{HOME}:")


def test_calls_reach_a_phone_behind_a_nat(sip: Lab) -> None:
    alice, bob = in_the_open(sip, "alice"), behind_nat(sip, "bob")
    bob.register()
    call = alice.call("bob")
    bob.call_waiting.answer()
    assert call.state == "confirmed"
    assert call.hangup().status == 200


def test_the_called_phone_hangs_up_on_a_caller_behind_a_nat(sip: Lab) -> None:
    alice, bob = behind_nat(sip, "alice"), in_the_open(sip, "bob")
    bob.register()
    alice.call("bob")
    bob.call_waiting.answer()
    assert f";alias={HOME}~" in bob.expect("INVITE")["Contact"]
    bob.last_call.hangup().expect(200)
    assert alice.expect("BYE").method == "BYE"


# -- keepalives


def test_pings_keep_the_way_in_open(sip: Lab) -> None:
    alice, bob = in_the_open(sip, "alice"), behind_nat(sip, "bob")
    bob.register()
    sip.advance(minutes=5)
    call = alice.call("bob")
    bob.call_waiting.answer()
    assert call.status == 200
    call.hangup()


def test_without_pings_the_nat_forgets(lab: LabLoader) -> None:
    sip = lab("kamailio.cfg", params={"nathelper": {"natping_interval": 0}})
    alice, bob = in_the_open(sip, "alice"), behind_nat(sip, "bob")
    bob.register()
    sip.advance(minutes=5)
    assert alice.call("bob").expect("4xx").status == 408


def test_a_phone_in_the_open_is_not_pinged(sip: Lab) -> None:
    bob = in_the_open(sip, "bob")
    bob.register()
    bob.expect_no("OPTIONS", within=60)


def test_a_phone_that_does_not_answer_pings_is_forgotten(sip: Lab) -> None:
    bob = behind_nat(sip, "bob")
    bob.register(expires=3600, keep=False)
    bob.silent()
    sip.advance(minutes=3)
    assert sip.registrations == []


def test_pings_can_be_turned_off(sip: Lab) -> None:
    bob = behind_nat(sip, "bob")
    bob.register()
    sip.rpc("nathelper.enable_ping", 0)
    bob.expect_no("OPTIONS", within=25)


# -- media


def test_media_of_a_call_through_a_nat_goes_through_the_relay(sip: Lab) -> None:
    relay = sip.doubles.rtpengine
    alice, bob = behind_nat(sip, "alice"), in_the_open(sip, "bob")
    bob.register()
    call = alice.call("bob")
    bob.call_waiting.answer()
    assert f"c=IN IP4 {relay.address}" in bob.expect("INVITE").body
    assert f"c=IN IP4 {relay.address}" in call.expect(200).body
    assert relay.operations == ["offer", "answer"]
    call.hangup()
    assert (relay.operations[-1], relay.sessions) == ("delete", {})


def test_media_of_a_call_in_the_open_goes_directly(sip: Lab) -> None:
    relay = sip.doubles.rtpengine
    alice, bob = in_the_open(sip, "alice"), in_the_open(sip, "bob", "198.51.100.3")
    bob.register()
    call = alice.call("bob")
    bob.call_waiting.answer()
    assert "203.0.113.10" not in bob.expect("INVITE").body
    assert relay.operations == []
    call.hangup()


def test_a_rejected_call_leaves_no_session(sip: Lab) -> None:
    relay = sip.doubles.rtpengine
    alice, bob = behind_nat(sip, "alice"), in_the_open(sip, "bob")
    bob.register()
    call = alice.call("bob")
    bob.call_waiting.reject(486)
    assert call.status == 486
    assert relay.sessions == {}


def test_a_cancelled_call_leaves_no_session(sip: Lab) -> None:
    relay = sip.doubles.rtpengine
    alice, bob = behind_nat(sip, "alice"), in_the_open(sip, "bob")
    bob.register()
    bob.rings()
    call = alice.call("bob")
    call.cancel()
    call.expect(487)
    assert relay.sessions == {}


def test_a_call_goes_on_without_the_relay(sip: Lab) -> None:
    sip.doubles.rtpengine.down = True
    alice, bob = behind_nat(sip, "alice"), in_the_open(sip, "bob")
    bob.register()
    bob.answers()
    call = alice.call("bob")
    assert call.expect(200).status == 200
    assert "no media relay for the call" in sip.log
    call.hangup()
