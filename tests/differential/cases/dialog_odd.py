"""Odd flows of calls, each found by comparing random ones with the daemon, then made as small as it goes."""

from __future__ import annotations

from ..case import Scene, case
from .dialog_states import MODULES, Call, config, listed


@case(config(), modules=MODULES, spec="3")
def answered_behind_a_refusal(scene: Scene) -> None:
    """The same phone refuses, then answers: the 200 goes through, the dialog stays failed (reply_relay_mode 1)."""
    call = Call(scene)
    bobs = call.arrive()
    bobs.answer(302, "Moved", headers="Contact: <sip:bob@127.0.0.14>")
    scene.alice.expect(302)
    scene.bob.expect("ACK")
    listed(scene)
    bobs.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
    scene.alice.expect(200)
    listed(scene)


@case('modparam("tm", "reply_relay_mode", 0)\n' + config(), modules=MODULES, spec="3")
def answered_behind_a_refusal_that_counts(scene: Scene) -> None:
    """With reply_relay_mode 0 it comes back to life."""
    call = Call(scene)
    bobs = call.arrive()
    bobs.answer(302, "Moved", headers="Contact: <sip:bob@127.0.0.14>")
    scene.alice.expect(302)
    scene.bob.expect("ACK")
    bobs.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
    scene.alice.expect(200)
    listed(scene)


@case(config(), modules=MODULES, spec="10.1")
def asked_before_it_answers(scene: Scene) -> None:
    """A request of the phone that rings tells its CSeq only: the list shows the rest as unknown."""
    call = Call(scene)
    call.respond(180, "Ringing")
    scene.bob.request(
        "INFO",
        scene.alice.contact,
        cseq=7,
        headers=call.routes,
        to="<sip:alice@example.com>",
        from_="<sip:bob@example.com>",
        to_tag="alice",
    )
    scene.alice.expect("INFO")
    listed(scene)


@case(config(), modules=MODULES, spec="10.5")
def ended_by_command(scene: Scene) -> None:
    """dlg.end_dlg and dlg.terminate_dlg hold a reference while event routes run."""
    Call(scene).up()
    scene.rpc("dlg.terminate_dlg", "call-1", "alice", "bob")
    for party in (scene.alice, scene.bob):
        party.expect("BYE").answer(200, "OK")
        listed(scene)
