"""OPTIONS that ask both sides of a call whether they are still there."""

from __future__ import annotations

import pytest

from kamscript.source import ConfigError
from tests.modules.tm.stage import Sent, reply

from .scene import Scene

ASKED = "ka_timer=10 ka_interval=30"
BOTH = 'dlg_set_property("ka-src"); dlg_set_property("ka-dst");'


def options(sent: list[Sent]) -> list[str]:
    """`30 alice`: when whom; retransmissions left out."""
    found = {one.branch: one for one in reversed(sent) if one.line == "OPTIONS"}
    return [f"{one.at:g} {one.to}" for one in sorted(found.values(), key=lambda one: (one.at, one.to))]


def answer(scene: Scene, one: Sent, status: str) -> None:
    """Whoever was asked replies."""
    scene.play(reply(one, status, tag=""), ("127.0.0.11" if one.to == "alice" else "127.0.0.12", 5060))


def asked(scene: Scene, seconds: float, to: str) -> Sent:
    """The last OPTIONS to one side within the next seconds."""
    return [one for one in scene.advance(seconds) if one.line == "OPTIONS" and one.to == to][-1]


@pytest.mark.spec("6.48", "6.49")
def test_both_sides_are_asked_when_the_interval_is_over() -> None:
    scene = Scene(params=ASKED, before=BOTH)
    scene.call()
    found = []
    for _ in range(10):
        sent = scene.advance(10)
        found += options(sent)
        for one in sent:
            answer(scene, one, "200 OK")
    assert found == ["30 alice", "30 bob", "60 alice", "60 bob", "90 alice", "90 bob"]
    assert scene.states == [4]


@pytest.mark.spec("6.48")
def test_the_step_of_the_timer_decides_when_the_interval_is_seen() -> None:
    scene = Scene(params="ka_timer=20 ka_interval=30", before='dlg_set_property("ka-src");')
    scene.call()
    found = []
    for _ in range(9):
        sent = scene.advance(10)
        found += options(sent)
        for one in sent:
            answer(scene, one, "200 OK")
    assert found == ["40 alice", "80 alice"]


@pytest.mark.parametrize("params", ["ka_timer=10", "ka_interval=30", ""])
def test_nobody_is_asked_unless_both_parameters_are_set(params: str) -> None:
    scene = Scene(params=params, before=BOTH)
    scene.call()
    assert options(scene.advance(300)) == []
    assert len(scene.dialog.requests.keepalive) == 0


def test_a_call_without_the_property_costs_nothing() -> None:
    scene = Scene(params=ASKED)
    scene.call()
    assert len(scene.dialog.requests.keepalive) == 0
    assert options(scene.advance(300)) == []


@pytest.mark.spec("6.49")
@pytest.mark.parametrize("seconds", [1, 29])
def test_the_shortest_interval(seconds: int) -> None:
    with pytest.raises(ConfigError, match="has to be at least 30"):
        Scene(params=f"ka_timer=10 ka_interval={seconds}")


@pytest.mark.spec("6.49")
def test_481_ends_the_call_ten_seconds_later() -> None:
    scene = Scene(params=ASKED, before=BOTH)
    scene.call()
    answer(scene, asked(scene, 30, "bob"), "481 Call Leg/Transaction Does Not Exist")
    dlg = scene.only
    assert (dlg.ka_src, dlg.ka_dst, dlg.lifetime) == (0, 1, 10)
    scene.advance(9)
    assert scene.counts == {"active": 1, "processed": 1}
    scene.advance(1)
    assert scene.counts == {"expired": 1, "processed": 1}


@pytest.mark.spec("6.49")
def test_silence_ends_the_call() -> None:
    scene = Scene(params=ASKED, before='dlg_set_property("ka-src");')
    scene.call()
    scene.advance(30 + 29)
    assert scene.only.ka_src == 0
    scene.advance(2)
    assert (scene.only.ka_src, scene.only.lifetime) == (1, 10)
    scene.advance(10)
    assert scene.dialogs == []


def test_ka_failed_limit_allows_some_silence() -> None:
    scene = Scene(params=f"{ASKED} ka_failed_limit=2", before='dlg_set_property("ka-dst");')
    scene.call()
    answer(scene, asked(scene, 30, "bob"), "481 Gone")
    assert (scene.only.ka_dst, scene.only.lifetime) == (1, 43200)
    answer(scene, asked(scene, 30, "bob"), "500 Whatever")
    assert (scene.only.ka_dst, scene.only.lifetime) == (0, 43200)
    answer(scene, asked(scene, 30, "bob"), "481 Gone")
    answer(scene, asked(scene, 30, "bob"), "481 Gone")
    assert (scene.only.ka_dst, scene.only.lifetime) == (2, 10)


@pytest.mark.parametrize(
    ("target", "numbers"),
    [("5.6", {"0": 0, "1": 1, "2": 1, "9": 8}), ("6.x", {"0": 0, "1": 0, "2": 1, "9": 8})],
)
def test_numbers_are_never_new(target: str, numbers: dict[str, int]) -> None:
    scene = Scene(target=target, params=ASKED, before=BOTH)
    scene.call()
    for cseq, expected in numbers.items():
        scene.only.callee.cseq = cseq
        assert scene.dialog.requests.keepalive.send(scene.only, 0)
        (one,) = scene.note(scene.server.take_outbox())
        assert one.header("CSeq") == [f"{expected} OPTIONS"]


def test_a_call_that_ended_is_forgotten_by_the_queue() -> None:
    scene = Scene(params=ASKED, before=BOTH)
    scene.call()
    assert len(scene.dialog.requests.keepalive) == 1
    scene.bye()
    assert options(scene.advance(60)) == []
    assert len(scene.dialog.requests.keepalive) == 0


def test_dialogs_of_other_sockets_are_left_alone_by_dlg_filter_mode() -> None:
    scene = Scene(params=f"{ASKED} dlg_filter_mode=1", before=BOTH)
    scene.call()
    scene.only.caller.socket = None
    assert options(scene.advance(30)) == ["30 bob"]


def test_a_reply_that_comes_after_the_call_does_no_harm() -> None:
    scene = Scene(params=ASKED, before=BOTH)
    scene.call()
    one = asked(scene, 30, "bob")
    scene.bye()
    answer(scene, one, "481 Gone")
    scene.nothing_left()
