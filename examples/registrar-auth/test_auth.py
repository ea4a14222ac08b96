"""Who may register and call, and under whose name."""

import pytest

from kamscript.lab import Lab
from kamscript.lab.plugin import LabLoader

SUBSCRIBERS = [
    {"username": "alice", "domain": "example.com", "password": "wonderland"},
    {"username": "bob", "domain": "example.com", "password": "builder"},
]


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    return lab("kamailio.cfg", database={"subscriber": SUBSCRIBERS})


def test_a_phone_with_the_right_password_is_registered(sip: Lab) -> None:
    assert sip.phone("alice", password="wonderland").register().status == 200


@pytest.mark.parametrize("password", ["", "guessed"])
def test_without_the_password_there_is_only_a_challenge(sip: Lab, password: str) -> None:
    assert sip.phone("alice", password=password).register().status == 401


def test_nobody_registers_for_somebody_else(sip: Lab) -> None:
    mallory = sip.phone("alice", password="builder", auth_user="bob")
    assert mallory.register().status == 403
    assert "bob tried to register alice" in sip.log


def test_a_call_is_challenged_once_and_carried(sip: Lab) -> None:
    alice, bob = sip.phone("alice", password="wonderland"), sip.phone("bob", password="builder")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.answer()
    assert call.state == "confirmed"
    assert call.hangup().status == 200


def test_the_called_phone_does_not_see_the_credentials(sip: Lab) -> None:
    alice, bob = sip.phone("alice", password="wonderland"), sip.phone("bob", password="builder")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.answer()
    assert bob.last_request.first("proxy-authorization") is None
    call.hangup()


def test_strangers_do_not_call(sip: Lab) -> None:
    bob = sip.phone("bob", password="builder")
    bob.register()
    assert sip.phone("eve").call(bob).status == 407
