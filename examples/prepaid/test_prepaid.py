"""Nobody talks longer than the credit lasts."""

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Call
from kamscript.lab.plugin import LabLoader


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    return lab("kamailio.cfg")


def answered(sip: Lab, caller: str = "alice") -> Call:
    """A call to bob that is under way."""
    phone, bob = sip.phone(caller), sip.phone("bob")
    bob.register()
    call = phone.call(bob)
    if call.status < 300:
        bob.call_waiting.answer()
    return call


def test_both_sides_are_cut_off_when_the_credit_is_used_up(sip: Lab) -> None:
    call = answered(sip)
    sip.advance(minutes=9, seconds=58)
    assert call.state == "confirmed"
    sip.advance(seconds=5)
    assert call.state == sip.phones["bob"].call_waiting.state == "ended"
    assert "alice has used up the credit" in sip.log


def test_the_bye_says_why(sip: Lab) -> None:
    answered(sip)
    sip.advance(minutes=11)
    byes = [wire.text for wire in sip.network.delivered if wire.text.startswith("BYE")]
    assert len(byes) == 2
    assert all('Reason: Q.850;cause=102;text="credit used up"' in bye for bye in byes)


def test_who_hangs_up_in_time_is_not_cut_off(sip: Lab) -> None:
    call = answered(sip)
    sip.advance(minutes=3)
    call.hangup()
    sip.advance(minutes=30)
    assert "alice talked for 180 seconds" in sip.log
    assert "used up" not in sip.log


def test_holding_the_call_gives_no_time(sip: Lab) -> None:
    call = answered(sip)
    sip.advance(minutes=9)
    call.send("INVITE")
    sip.advance(minutes=2)
    assert call.state == "ended"


def test_without_credit_no_call(sip: Lab) -> None:
    call = answered(sip, "poor")
    assert call.status == 402


def test_ten_hours_for_the_golden_account(sip: Lab) -> None:
    call = answered(sip, "gold")
    sip.advance(hours=9, minutes=59)
    assert call.state == "confirmed"
    sip.advance(minutes=2)
    assert call.state == "ended"
    assert "gold talked for 36000 seconds" in sip.log
