r"""nathelper in calls: replies, branches, failures, and requests that come back along an alias."""

from __future__ import annotations

from ..case import Scene, case
from .nathelper import SDP

MODULES = "tm tmx sl rr pv xlog textops textopsx siputils kex corex usrloc registrar nathelper"
TYPE = "Content-Type: application/sdp"


@case(
    """
request_route {
    force_rport();
    if (nat_uac_test("19")) setflag(5);
    if (has_totag()) {
        if (loose_route()) {
            if ($du == "") { handle_ruri_alias(); xlog("$rm alias $rc $ru $du\\n"); }
            if (is_method("ACK")) { t_relay(); exit; }
        }
        t_on_reply("NAT");
        t_relay();
        exit;
    }
    if (isflagset(5)) { if (is_first_hop()) set_contact_alias(); xlog("nat\\n"); }
    record_route();
    t_on_reply("NAT");
    t_on_branch("NAT");
    t_on_failure("NAT");
    $ru = "sip:bob@10.0.0.7;alias=127.0.0.12~21200~1";
    t_relay();
}
branch_route[NAT] {
    handle_ruri_alias();
    xlog("branch $rc $ru $du\\n");
    nat_uac_test("512");
    xlog("destination $rc\\n");
    fix_nated_sdp("2");
    xlog("sdp $rc\\n");
}
onreply_route[NAT] {
    xlog("$rs $rr_count $rr_top_count\\n");
    nat_uac_test("1"); xlog("contact $rc\\n");
    nat_uac_test("2"); xlog("via $rc\\n");
    nat_uac_test("16"); xlog("port $rc\\n");
    nat_uac_test("128"); xlog("contact port $rc\\n");
    nat_uac_test("256"); xlog("sdp $rc\\n");
    nat_uac_test("512"); xlog("destination $rc\\n");
    if (nat_uac_test("1")) add_contact_alias();
    fix_nated_sdp("10");
    xlog("fixed $rc\\n");
}
failure_route[NAT] {
    add_contact_alias("10.1.1.1", "5070", "tcp"); xlog("failure $rc\\n");
    fix_nated_sdp("8", "192.0.2.1"); xlog("failure sdp $rc\\n");
    nat_uac_test("8"); xlog("failure test $rc\\n");
    $ru = "sip:carol@127.0.0.13:21200"; $du = $null;
    t_relay();
}
""",
    modules=MODULES,
)
def calls_through_nats(scene: Scene) -> None:
    """A caller and a called behind NATs, a call that is tried elsewhere, and requests within it."""
    alice, bob, carol = scene.alice, scene.bob, scene.carol
    alice.request(
        "INVITE", via="SIP/2.0/UDP 10.0.0.5:5060;rport", contact=False, body=SDP,
        headers=f"{TYPE}\nContact: <sip:alice@10.0.0.5>",
    )  # fmt: skip
    alice.expect(100)
    bob.expect("INVITE").answer(404, "No", headers="Contact: <sip:bob@10.0.0.7>")
    bob.expect("ACK")
    second = carol.expect("INVITE")
    second.answer(180, "Ringing")
    alice.expect(180)
    second.answer(200, "OK", headers=f"{TYPE}\nContact: <sip:carol@10.0.0.8:5070>", body=SDP)
    routes = "\n".join(f"Route: {route}" for route in reversed(alice.expect(200).headers("Record-Route")))
    target = "sip:carol@10.0.0.8:5070;alias=127.0.0.13~21200~1"
    alice.request("ACK", target, to_tag="carol", headers=routes)
    carol.expect("ACK")
    alice.request("BYE", target, to_tag="carol", cseq=2, headers=routes)
    carol.expect("BYE").answer(200, "OK")
    alice.expect(200)
    back = "sip:alice@10.0.0.5;alias=127.0.0.11~21200~1;ob"
    carol.request(
        "INFO", back, to="<sip:alice@example.com>", to_tag="alice", from_="<sip:bob@example.com>", headers=routes
    )
    alice.expect("INFO").answer(200, "OK")
    carol.expect(200)


@case(
    """
request_route { sl_send_reply("100", "Trying"); $du = "sip:127.0.0.12:21200"; forward(); }
reply_route {
    if (nat_uac_test("1")) { fix_nated_contact(); xlog("fixed $rc\\n"); }
    set_contact_alias(); xlog("twice $rc\\n");
    fix_nated_sdp("15"); xlog("sdp $rc\\n");
    is_rfc1918("$si"); xlog("source $rc\\n");
}
onsend_route { is_rfc1918("$sndto(ip)"); xlog("onsend $rc\\n"); }
""",
    modules=MODULES,
)
def stateless_replies(scene: Scene) -> None:
    """reply_route and onsend_route."""
    scene.alice.request("INVITE")
    scene.alice.expect(100)
    bob = scene.bob.expect("INVITE")
    bob.answer(180, "Ringing", headers="Contact: <sip:bob@192.168.9.9:5070;transport=udp>;q=1")
    scene.alice.expect(180)
    bob.answer(200, "OK", headers=f"Contact: sip:bob@172.20.1.1\n{TYPE}", body=SDP)
    scene.alice.expect(200)
    bob.answer(200, "OK", headers="Contact: <sip:bob@example.com>")
    scene.alice.expect(200)


@case(
    """
modparam("nathelper|registrar", "received_avp", "$avp(s:rcv)")
request_route {
    if (nat_uac_test("3")) { fix_nated_register(); setbflag(6); }
    fix_nated_register();
    xlog("[$(avp(s:rcv)[*])]\\n");
    if ($rU == "param") { add_rcv_param(); xlog("param $rc\\n"); }
    save("location");
    lookup("location");
    xlog("lookup $rc $ru $du\\n");
}
""",
    modules=MODULES,
)
def registrations_through_nats(scene: Scene) -> None:
    """received_avp, and what lookup() makes of it."""
    for user, contact in (("", "<sip:x@10.0.0.9>"), ("param", "<sip:y@10.0.0.9:5070>, <sip:z@192.0.2.5>"), ("", "*")):
        scene.alice.request(
            "REGISTER", f"sip:{user}@example.com" if user else "sip:example.com", contact=False,
            headers=f"Contact: {contact}\nExpires: {0 if contact == '*' else 60}", call_id=f"r-{user}{contact[:1]}",
        )  # fmt: skip
        scene.alice.expect(200)
    scene.rpc("ul.dump")
