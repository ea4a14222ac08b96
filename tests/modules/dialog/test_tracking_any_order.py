"""Whatever comes in whatever order: the gauges count what is there, and in the end nothing is left."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.modules.dialog.scene import Scene, proxy
from tests.modules.tm.stage import request

EVENTS = """
event_route[dialog:start] { xlog("start\\n"); }
event_route[dialog:end] { xlog("end\\n"); }
event_route[dialog:failed] { xlog("failed\\n"); }
route[OVER] { xlog("over\\n"); }
"""
CONFIG = proxy(params="default_timeout=70", before='$dlg_ctx(timeout_route) = "OVER";', rest=EVENTS)

ACTIONS = (
    "invite", "spiral", "ring", "answer", "other answer", "busy", "redirect", "ack", "late ack", "bye", "bye by bob",
    "reinvite", "prack", "info", "bad cookie", "cancel", "wait", "long wait",
)  # fmt: skip


def act(scene: Scene, action: str, number: int) -> None:
    """Play one step, if it can be played."""
    if action == "invite":
        scene.invite()
    elif action == "spiral":
        scene.invite(branch="z9hG4bK-spiral")
    elif action == "cancel":
        scene.play(request("CANCEL", "sip:bob@127.0.0.12"))
    elif action == "wait":
        scene.advance(2)
    elif action == "long wait":
        scene.advance(40)
    elif not scene.invites:
        return
    elif action == "ring":
        scene.answered = next(iter(scene.ring()), scene.answered)
    elif action == "answer":
        scene.answer()
    elif action == "other answer":
        scene.answer(tag="b2")
    elif action == "busy":
        scene.respond("486 Busy")
    elif action == "redirect":
        scene.respond("302 Moved")
    elif scene.answered is None or not scene.answered.header("Record-Route"):
        return
    elif action == "ack":
        scene.ack()
    elif action == "late ack":
        scene.ack(cseq="1", tags=("a1", "b2"), branch=f"z9hG4bK-late-{number}")
    elif action == "bye":
        scene.bye()
    elif action == "bye by bob":
        scene.bye("bob")
    elif action == "bad cookie":
        scene.request("INFO", cookie="1.1")
    else:
        method = {"reinvite": "INVITE", "prack": "PRACK", "info": "INFO"}[action]
        scene.request(method, headers="Contact: <sip:alice@127.0.0.11>\n")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(ACTIONS), max_size=14))
def test_any_order(actions: list[str]) -> None:
    """No traceback, gauges as the table, every dialog goes, each that starts ends once."""
    scene = Scene(CONFIG)
    scene.invite()
    for number, action in enumerate(actions):
        act(scene, action, number)
        states = scene.states
        assert scene.dialog.early.get() == states.count(2)
        assert scene.dialog.active.get() == states.count(3) + states.count(4)
        assert scene.dialog.context.dialog is None
    scene.advance(600)
    scene.nothing_left(600)
    assert not [line for line in scene.log if line.startswith("CRITICAL: <core>")]
    counts, script = scene.counts, scene.script
    assert script.count("start") == script.count("end")
    assert counts.get("failed", 0) == script.count("failed")
    assert set(counts) <= {"processed", "failed", "expired"}
