"""When calls end by themselves: lifetimes, timeout routes, BYEs, calls that never got anywhere."""

from __future__ import annotations

import pytest

from kamscript.core.sockets import ListenSocket
from tests.modules.dialog.scene import Scene, proxy
from tests.modules.tm.stage import ALICE, BOB, reply, story

END = 'event_route[dialog:end] { xlog("end $rm $dlg(state)\\n"); }'


def lifetime(scene: Scene) -> int:
    """Seconds that are left to the only dialog."""
    return scene.only.deadline - int(scene.server.timers.now)


@pytest.mark.spec("6.6 8.4 12.2 2")
def test_a_call_expires() -> None:
    """default_timeout seconds behind the ACK; nobody is told but the log, statistics and event route."""
    scene = Scene(params="default_timeout=100", rest=END)
    scene.call()
    scene.advance(99)
    assert scene.states == [4]
    assert scene.advance(2) == []
    assert (scene.states, scene.counts) == ([], {"processed": 1, "expired": 1})
    assert scene.script == ["end OPTIONS 5"]
    assert scene.warned() == ["WARNING: dialog: dlg timeout - callid: 'call-1' tags: 'a1' 'b1' ostate: 4"]
    scene.nothing_left()


@pytest.mark.spec("2 6.50")
@pytest.mark.parametrize(("setting", "left"), [(0, 100), (1, 60)])
def test_requests_start_the_lifetime_again(setting: int, left: int) -> None:
    """Unless timeout_noreset is set."""
    scene = Scene(params=f"default_timeout=100 timeout_noreset={setting}")
    scene.call()
    scene.advance(40)
    scene.request("INFO")
    assert lifetime(scene) == left


@pytest.mark.spec("6.5")
def test_timeout_avp() -> None:
    """A number above 0 in the INVITE, and in any later request."""
    scene = Scene(
        params='timeout_avp="$avp(life)" default_timeout=100',
        before="$avp(life) = 30;",
    )
    scene.call()
    assert lifetime(scene) == 30


@pytest.mark.spec("6.5")
@pytest.mark.parametrize("value", ["0", "0 - 5", '"70"'])
def test_timeout_avp_of_no_use(value: str) -> None:
    """Not a number, or not positive: the default."""
    scene = Scene(params='timeout_avp="$avp(life)" default_timeout=100', before=f"$avp(life) = {value};")
    scene.call()
    assert lifetime(scene) == 100


@pytest.mark.spec("6.5")
def test_timeout_avp_within_the_call() -> None:
    """Set in front of loose_route(); it stays the lifetime."""
    config = """
modparam("dialog", "timeout_avp", "$avp(life)")
request_route {
    if (is_method("INFO")) $avp(life) = 500;
    if (has_totag()) { loose_route(); t_relay(); exit; }
    dlg_manage(); record_route(); t_relay();
}
"""
    scene = Scene(config)
    scene.call()
    scene.request("INFO")
    assert lifetime(scene) == 500
    scene.request("MESSAGE")
    assert lifetime(scene) == 500


@pytest.mark.spec("7.14")
def test_dlg_set_timeout_before_the_answer() -> None:
    """It counts from the 2xx on."""
    scene = Scene(after="dlg_set_timeout(20);")
    scene.invite()
    assert (scene.only.lifetime, scene.only.deadline) == (20, 0)
    scene.advance(5)
    scene.answer()
    assert lifetime(scene) == 20


@pytest.mark.spec("7.14")
def test_dlg_set_timeout_within_the_call() -> None:
    """From now on; with the identity as well; not for a dialog that is not there, nor for 0 seconds."""
    within = """
        dlg_set_timeout("$(hdr(X-Life){s.int})"); xlog("$rc\\n");
        dlg_set_timeout("$(hdr(X-More){s.int})", "$dlg(h_entry)", "$dlg(h_id)"); xlog("$rc\\n");
        dlg_set_timeout(5, 1, 1); xlog("$rc\\n");
        dlg_set_timeout(0); xlog("$rc\\n");
        dlg_set_timeout(0, 1, 1); xlog("$rc\\n");
"""
    scene = Scene(within=f'if (is_method("INFO")) {{ {within} }}')
    scene.call()
    scene.request("INFO", headers="X-Life: 50\nX-More: 60\n")
    assert scene.script == ["1", "1", "-1", "-1", "-1"]
    assert lifetime(scene) == 60
    assert scene.warned() == ["ERROR: dialog: invalid timeout value: 0"] * 2


@pytest.mark.spec("6.46 8.4")
def test_send_bye() -> None:
    """Both get a BYE; the dialog ends with the replies."""
    scene = Scene(params="default_timeout=10 send_bye=1")
    scene.call()
    sent = scene.advance(10.2)
    assert story(sent) == ["10 BYE alice", "10 BYE bob"]
    for one, source in zip(sent, (ALICE, BOB), strict=True):
        scene.play(reply(one, "200 OK", tag=""), source)
    assert scene.counts == {"processed": 1, "expired": 1}
    scene.nothing_left()


@pytest.mark.spec("7.10")
@pytest.mark.parametrize(("before", "said"), [('"OVER"', "over"), ("12", "twelve"), ('"12"', "twelve")])
def test_timeout_route(before: str, said: str) -> None:
    """By name or number; it sees the dialog, and a message of nobody's."""
    scene = Scene(
        params="default_timeout=10",
        before=f'$dlg_ctx(timeout_route) = {before}; $dlg_var(x) = "1";',
        rest='route[OVER] { xlog("over $rm $dlg_var(x) $dlg(state)\\n"); }\n'
        'route[12] { xlog("twelve $rm $dlg_var(x) $dlg(state)\\n"); }\n' + END,
    )
    scene.call()
    scene.advance(11)
    assert scene.script == [f"{said} OPTIONS 1 4", "end OPTIONS 5"]
    scene.nothing_left()


def test_a_timeout_route_that_does_not_exist() -> None:
    """Nothing runs."""
    scene = Scene(params="default_timeout=10", before='$dlg_ctx(timeout_route) = "NOWHERE";', rest=END)
    scene.call()
    scene.advance(11)
    assert scene.script == ["end OPTIONS 5"]


def test_a_timeout_route_that_fails() -> None:
    """exit ends it, the dialog ends as well."""
    scene = Scene(params="default_timeout=10", before='$dlg_ctx(timeout_route) = "X";', rest="route[X] { exit; }")
    scene.call()
    scene.advance(11)
    assert scene.states == []


def test_a_request_behind_the_lifetime() -> None:
    """Between BYEs and their replies the timer cannot be set again: Kamailio's words."""
    scene = Scene(params="default_timeout=10 send_bye=1")
    scene.call()
    scene.advance(11)
    scene.records.clear()
    scene.request("INFO")
    assert scene.warned()[0].startswith("CRITICAL: dialog: Trying to update a bogus dlg timer of dlg [")
    assert scene.warned()[1] == "ERROR: dialog: failed to update dialog lifetime"


def test_dialogs_of_foreign_sockets_do_not_expire() -> None:
    """dlg_filter_mode=1: who owns the socket ends the call."""
    scene = Scene(params="default_timeout=10 dlg_filter_mode=1")
    scene.call()
    scene.only.caller.socket = ListenSocket("udp", "192.0.2.9", 5060)
    scene.advance(11)
    assert scene.states == [4]


def test_a_call_that_rings_for_ever() -> None:
    """early_timeout: looked at every 90 seconds."""
    patient = 'debug=1\nmodparam("tm", "fr_inv_timer", 2000000)\nmodparam("tm", "max_inv_lifetime", 2000000)\n'
    scene = Scene(patient + proxy(params="early_timeout=100"))
    scene.invite()
    scene.ring()
    scene.advance(170)
    assert scene.states == [2]
    scene.advance(20)
    assert scene.states == []
    (line,) = scene.warned()
    assert line.startswith("NOTICE: dialog: dialog in early state is too old")
    scene.answer()
    assert scene.states == []


def test_a_lost_ack() -> None:
    """noack_timeout: ten seconds are left then."""
    scene = Scene(params="noack_timeout=60")
    scene.invite()
    scene.answer()
    scene.advance(95)
    assert (scene.states, scene.only.lifetime) == ([3], 10)
    scene.advance(11)
    assert (scene.states, scene.counts["expired"]) == ([], 1)


def test_an_ended_dialog_that_somebody_still_refers_to() -> None:
    """end_timeout: it goes whoever that is."""
    scene = Scene("debug=1\n" + proxy(params="end_timeout=30"))
    scene.call()
    scene.only.ref += 1
    scene.bye()
    scene.advance(20)
    assert scene.states == [5]
    scene.advance(80)
    assert scene.states == []
    assert scene.warned()[-1].startswith("NOTICE: dialog: dialog in delete state is too old")


@pytest.mark.spec("6.51")
def test_timer_procs_changes_nothing_here() -> None:
    """One process does everything: dialogs expire the same way."""
    scene = Scene(params="default_timeout=10 timer_procs=1")
    scene.call()
    scene.advance(11)
    assert scene.states == []
