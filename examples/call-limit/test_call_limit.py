"""Two calls at a time for each account."""

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Call
from kamscript.lab.plugin import LabLoader


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    return lab("kamailio.cfg")


def answered(sip: Lab, caller: str, callee: str) -> Call:
    """A call that is under way."""
    for name in (caller, callee):
        if name not in sip.phones:
            sip.phone(name)
    phone = sip.phones[callee]
    phone.register()
    call = sip.phones[caller].call(phone)
    if call.status < 300:
        phone.call_waiting.answer()
    return call


def test_the_third_call_is_refused(sip: Lab) -> None:
    first, second = answered(sip, "alice", "bob"), answered(sip, "alice", "carol")
    third = answered(sip, "alice", "dave")
    assert third.status == 403
    assert sip.rpc("dlg.profile_get_size", "account", "alice") == 2
    first.hangup()
    second.hangup()


def test_each_account_has_calls_of_its_own(sip: Lab) -> None:
    calls = [answered(sip, "alice", "bob"), answered(sip, "alice", "carol"), answered(sip, "eve", "dave")]
    assert [call.state for call in calls] == ["confirmed"] * 3
    for call in calls:
        call.hangup()


def test_a_call_that_ended_makes_room(sip: Lab) -> None:
    first, second = answered(sip, "alice", "bob"), answered(sip, "alice", "carol")
    first.hangup()
    third = answered(sip, "alice", "dave")
    assert third.state == "confirmed"
    second.hangup()
    third.hangup()


def test_a_call_that_nobody_took_does_not_count(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register()
    alice.call(bob)
    bob.call_waiting.reject(486)
    assert sip.rpc("dlg.profile_get_size", "account", "alice") == 0


def test_a_call_whose_end_nobody_told_counts_until_its_lifetime_is_over(sip: Lab) -> None:
    answered(sip, "alice", "bob")
    sip.advance(hours=11)
    assert sip.rpc("dlg.profile_get_size", "account", "alice") == 1
    sip.advance(hours=2)
    assert sip.rpc("dlg.profile_get_size", "account", "alice") == 0


def test_the_limit_is_a_define(lab: LabLoader) -> None:
    sip = lab("kamailio.cfg", defines={"LIMIT": "1"})
    first = answered(sip, "alice", "bob")
    assert answered(sip, "alice", "carol").status == 403
    first.hangup()
