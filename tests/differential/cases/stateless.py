"""Replies and forwards without a transaction: sl, forward(), Via, received and rport, Max-Forwards."""

from __future__ import annotations

from ..case import Scene, case


@case(modules="sl", config='request_route { sl_send_reply("404", "Nobody Here"); }')
def a_stateless_reply_copies_via_from_to_call_id_cseq(scene: Scene) -> None:
    """...and adds a to-tag, Server and Content-Length."""
    scene.alice.request("INVITE")
    scene.alice.expect(404)
