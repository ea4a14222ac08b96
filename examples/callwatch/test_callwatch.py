"""What callwatch promises: the diary of a call, and an end to calls that are talked to too often."""

import sys
from pathlib import Path

import pytest

from kamscript.core.rpc import RpcFault
from kamscript.lab import Lab
from kamscript.lab.plugin import LabLoader
from kamscript.modules import register_module

sys.path.insert(0, str(Path(__file__).parent))
from callwatch import CallWatch

register_module(CallWatch)


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    return lab("kamailio.cfg")


@pytest.mark.spec("2:1.1")
def test_the_diary_of_a_whole_call(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    call = alice.call("sip:bob@10.0.0.2:5060")
    bob.call_waiting.ring()
    bob.call_waiting.answer()
    call.hangup()
    sip.advance(minutes=1)
    assert sip.rpc("callwatch.diary", call.call_id) == [
        "created", "reply", "ringing", "reply", "answered", "acknowledged", "hung up", "hang-up answered", "gone",
    ]  # fmt: skip


@pytest.mark.spec("2:1.1")
def test_a_call_that_nobody_takes(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    call = alice.call("sip:bob@10.0.0.2:5060")
    bob.call_waiting.reject(486)
    sip.advance(minutes=1)
    assert "failed" in sip.rpc("callwatch.diary", call.call_id)


@pytest.mark.spec("2:1.1")
def test_the_listing_shows_the_diary(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    alice.call("sip:bob@10.0.0.2:5060")
    bob.call_waiting.answer()
    assert "answered" in str(sip.rpc("dlg.list_ctx"))
    sip.expect_left(dialogs=1)


def test_the_script_sees_the_diary(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    call = alice.call("sip:bob@10.0.0.2:5060")
    bob.call_waiting.answer()
    call.hangup()
    assert any(line.startswith("over: created") for line in sip.log.script)


def test_a_call_that_is_talked_to_too_often_is_ended(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    call = alice.call("sip:bob@10.0.0.2:5060")
    bob.call_waiting.answer()
    for _ in range(3):
        call.send("INFO")
    sip.advance(seconds=1)
    assert call.state == bob.call_waiting.state == "ended"
    assert sip.server.module("callwatch").ended.value == 1


def test_nobody_knows_another_call(sip: Lab) -> None:
    with pytest.raises(RpcFault, match="404 no such call"):
        sip.rpc("callwatch.diary", "nobody's")
