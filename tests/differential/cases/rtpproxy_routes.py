r"""rtpproxy in every kind of route, stateless use, and messages that are dealt with twice."""

from __future__ import annotations

from ..case import Scene, case
from .rtpengine import TYPE
from .rtpproxy import MODULES, SDP, SOCK, relay


@case(
    SOCK
    + """
request_route {
    if (!is_method("OPTIONS")) { rtpproxy_manage(); xlog("$rm $rc\\n"); }
    rtpproxy_offer("f1");
    xlog("$rm offer $rc\\n");
    rtpproxy_answer("f");
    xlog("$rm answer $rc\\n");
    sl_send_reply("200", "OK");
}
""",
    modules=MODULES,
    relays=(relay(),),
)
def without_transactions(scene: Scene) -> None:
    """Stateless use, and methods that have no media."""
    for method in ("INVITE", "OPTIONS", "MESSAGE", "PRACK", "ACK", "CANCEL", "UPDATE", "BYE", "NOTIFY"):
        scene.alice.request(method, headers=TYPE, body=SDP, to_tag="b1", call_id=f"c-{method}")
        scene.settle()
        scene.alice.request(method, call_id=f"d-{method}")
        scene.settle()
        scene.label(method)


@case(
    SOCK
    + """
request_route {
    rtpproxy_offer();
    xlog("$rc\\n");
    msg_apply_changes();
    rtpproxy_offer();
    xlog("again $rc\\n");
    rtpproxy_offer("f");
    xlog("forced $rc\\n");
    $var(flags) = "co";
    rtpproxy_manage("$var(flags)f");
    xlog("variable $rc\\n");
    rtpproxy_manage("$hdr(Nobody)");
    xlog("nobody $rc\\n");
    rtpproxy_manage("", "$hdr(Nobody)");
    xlog("no address $rc\\n");
    rtpproxy_destroy("$hdr(Nobody)");
    xlog("destroy $rc\\n");
    $du = "sip:127.0.0.12:21200";
    forward();
}
reply_route {
    rtpproxy_answer("co");
    xlog("$rs answer $rc\\n");
    rtpproxy_manage("l");
    xlog("$rs lookup $rc\\n");
    rtpproxy_offer("lf");
    xlog("$rs offer lookup $rc\\n");
    start_recording();
    xlog("$rs record $rc [$rtpstat]\\n");
}
""",
    modules=MODULES + " textopsx",
    relays=(relay(),),
)
def several_times(scene: Scene) -> None:
    """Twice over one message, flags from variables, and replies."""
    scene.alice.request("INVITE", headers=TYPE, body=SDP)
    bob = scene.bob.expect("INVITE")
    bob.answer(183, "Progress")
    scene.alice.expect(183)
    bob.answer(200, "OK", headers=TYPE, body=SDP)
    scene.alice.expect(200)


@case(
    SOCK
    + """
request_route {
    t_on_branch("EACH");
    t_on_reply("EACH");
    t_on_failure("EACH");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
branch_route[EACH] { rtpproxy_manage("1"); xlog("branch $rc\\n"); }
onreply_route[EACH] { rtpproxy_manage("2"); xlog("reply $rs $rc\\n"); }
failure_route[EACH] {
    rtpproxy_manage("1");
    xlog("failure $rc\\n");
    unforce_rtp_proxy();
    xlog("unforce $rc\\n");
}
event_route[tm:branch-failure:x] { rtpproxy_manage(); xlog("branch failure $rc\\n"); }
""",
    modules=MODULES,
    relays=(relay(),),
)
def a_session_for_each_branch(scene: Scene) -> None:
    """Branches, told apart by their Via."""
    invite = scene.alice.request("INVITE", headers=TYPE, body=SDP)
    scene.alice.expect(100)
    bob = scene.bob.expect("INVITE")
    bob.answer(183, "Progress", headers=TYPE, body=SDP)
    scene.alice.expect(183)
    bob.answer(404, "Gone")
    scene.bob.expect("ACK")
    scene.alice.ack(invite, scene.alice.expect(404))
