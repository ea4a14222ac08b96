"""What phones do by themselves."""

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Call

CONFIG = """
listen=udp:127.0.0.1:5060
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "siputils.so"
request_route {
    if (has_totag()) {
        loose_route();
        t_relay();
        exit;
    }
    if ($rm == "CANCEL") {
        t_relay();
        exit;
    }
    record_route();
    $du = "sip:10.0.0.2";
    t_relay();
}
"""


@pytest.fixture
def lab() -> Lab:
    lab = Lab(text=CONFIG)
    lab.phone("alice")
    lab.phone("bob")
    return lab


def ringing(lab: Lab) -> Call:
    call = lab.phones["alice"].call("bob")
    lab.phones["bob"].call_waiting.ring()
    return call


def confirmed(lab: Lab) -> Call:
    call = ringing(lab)
    lab.phones["bob"].call_waiting.answer()
    return call


def test_a_call_rings(lab: Lab) -> None:
    assert ringing(lab).state == "early"


def test_a_call_is_answered_and_acknowledged(lab: Lab) -> None:
    call = confirmed(lab)
    assert (call.state, lab.phones["bob"].call_waiting.acked) == ("confirmed", True)


def test_a_call_is_rejected(lab: Lab) -> None:
    call = lab.phones["alice"].call("bob")
    lab.phones["bob"].call_waiting.reject(486, "Busy Here")
    assert (call.state, call.status) == ("failed", 486)


def test_a_call_is_cancelled(lab: Lab) -> None:
    call = ringing(lab)
    assert call.cancel().status == 200
    assert (call.state, call.status, lab.phones["bob"].call_waiting.state) == ("cancelled", 487, "cancelled")


def test_the_caller_hangs_up(lab: Lab) -> None:
    call = confirmed(lab)
    assert call.hangup().status == 200
    assert lab.phones["bob"].call_waiting.state == "ended"


def test_the_called_side_hangs_up(lab: Lab) -> None:
    call = confirmed(lab)
    assert lab.phones["bob"].call_waiting.hangup().status == 200
    assert call.state == "ended"


def test_a_request_within_the_call(lab: Lab) -> None:
    assert confirmed(lab).send("INFO", headers=["X-What: dtmf"]).status == 200
    assert lab.phones["bob"].received[-1].value("x-what") == "dtmf"


def test_a_re_invite_is_answered_and_acknowledged(lab: Lab) -> None:
    call = confirmed(lab)
    assert call.send("INVITE", "v=0\r\n").status == 200
    assert lab.phones["bob"].received[-1].method == "ACK"


def test_a_lost_phone_is_called_again_and_again() -> None:
    lab = Lab(text=CONFIG)
    alice = lab.phone("alice", proxy="10.0.0.66")
    call = alice.call("bob")
    lab.advance(seconds=40)
    assert call.status == 408
    assert [round(wire.time - lab.network.started, 1) for wire in lab.network.unreachable] == [
        0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5,
    ]  # fmt: skip


def test_on_call_decides_for_the_phone(lab: Lab) -> None:
    lab.phones["bob"].on_call = lambda call: call.reject(603, "Decline")
    assert lab.phones["alice"].call("bob").status == 603


def test_no_call_waiting_tells_the_story(lab: Lab) -> None:
    with pytest.raises(AssertionError, match="no call reached bob"):
        _ = lab.phones["bob"].call_waiting


def test_the_clock_of_the_script_is_that_of_the_lab() -> None:
    lab = Lab(text='loadmodule "pv.so"\nloadmodule "sl.so"\nrequest_route { sl_send_reply("200", "At $TS"); }')
    alice = lab.phone("alice")
    before = alice.options().expect(200).reason
    lab.advance(hours=12)
    after = alice.options().expect(200).reason
    assert int(after.removeprefix("At ")) - int(before.removeprefix("At ")) == 12 * 3600
