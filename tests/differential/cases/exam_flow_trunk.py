r"""Trunks: authentication from a database in front, challenges of a provider behind, redirects, suspended calls."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case
from ..digest import answer, challenge
from .auth_db import params, subscriber
from .exam_flow_calls import routes
from .rtpengine import SDP, TYPE
from .rtpproxy import relay

MODULES = "db_sqlite tm tmx sl rr pv xlog textops textopsx siputils kex corex maxfwd auth auth_db dialog acc uac uac_redirect rtpproxy"
CONTACT = "Contact: <sip:bob@127.0.0.12:21200>"


def trunk(domain: int = 0, replace: str = "auto", restore_dlg: int = 0) -> str:
    """Front and back of a trunk."""
    return (
        params(
            calculate_ha1=1,
            password_column="password",
            load_credentials="$avp(id)=id;$avp(dom)=domain",
            use_domain=domain,
        )
        + f"""
modparam("uac", "restore_mode", "{replace}")
modparam("uac", "restore_dlg", {restore_dlg})
modparam("uac", "auth_realm_avp", "$avp(arealm)")
modparam("uac", "auth_username_avp", "$avp(auser)")
modparam("uac", "auth_password_avp", "$avp(apasswd)")
modparam("uac", "credential", "carol:second.example.net:pw")
modparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.33:21206")
modparam("dialog", "track_cseq_updates", 1)
modparam("tm", "contacts_avp", "tm_contacts")
modparam("tm", "contact_flows_avp", "tm_flows")
"""
        + r"""
request_route {
    force_rport();
    if (is_method("CANCEL")) { if (t_relay_cancel()) xlog("no INVITE\n"); exit; }
    if (has_totag()) {
        if (loose_route()) {
            xlog("$rm dlg <$dlg_var(in)> $cs $fu $tu\n");
            if (is_method("BYE")) { rtpproxy_destroy(); setflag(1); }
            if (is_method("INVITE")) { rtpproxy_manage("co"); t_on_failure("AUTH"); }
            t_on_reply("REPLY");
            t_relay();
        } else if (is_method("ACK") && t_check_trans()) t_relay();
        exit;
    }
    t_check_trans();
    record_route(";in=front");
    if (is_method("REGISTER|PUBLISH") || from_uri == myself || $fd == "example.com") {
        if (!auth_check("$fd", "subscriber", "1")) { xlog("$rm auth $rc <$au> <$ar>\n"); auth_challenge("$fd", "0"); xlog("challenge $rc\n"); exit; }
        if (!is_method("REGISTER|PUBLISH")) consume_credentials();
        xlog("$rm ok <$au> <$ar> <$avp(id)> <$avp(dom)> <$hdr(Proxy-Authorization)>\n");
    }
    if (is_method("REGISTER")) { append_to_reply("P-Associated-URI: <$fu>\r\n"); sl_send_reply("200", "OK"); exit; }
    if (is_method("INVITE")) {
        dlg_manage();
        $dlg_var(in) = $au;
        setflag(1);
        rtpproxy_manage("co");
        xlog("rtpproxy $rc\n");
        $avp(auser) = "bob"; $avp(arealm) = "provider.example.net"; $avp(apasswd) = "secret";
        uac_replace_from("\"$au\"", "sip:trunk@provider.example.net");
        t_on_failure("AUTH");
        t_on_reply("REPLY");
        t_on_branch("BRANCH");
    }
    $du = "sip:127.0.0.12:21200";
    $ru = "sip:" + $rU + "@provider.example.net";
    t_relay();
}
branch_route[BRANCH] { xlog("branch $T_branch_idx $ru $fu <$hdr(Authorization)> $cs\n"); }
onreply_route[REPLY] {
    xlog("reply $rs $fu $tu $cs\n");
    if (has_body("application/sdp")) { rtpproxy_manage("co"); xlog("rtpproxy $rc\n"); }
    if ($rs == 183) remove_hf("X-Early");
}
failure_route[AUTH] {
    if (t_is_canceled()) { rtpproxy_destroy(); xlog("canceled\n"); exit; }
    xlog("failure $T_reply_code $cs $fu branch $T_branch_idx failure $T_reply_reason\n");
    if (t_check_status("401|407")) {
        if (uac_auth()) { xlog("again\n"); t_on_failure("AGAIN"); t_on_branch("BRANCH"); t_relay(); exit; }
        xlog("no credentials $rc\n");
        t_reply("500", "Trunk");
        exit;
    }
    if (t_check_status("30[0-9]")) {
        get_redirects("2:1", "redirected");
        xlog("redirects $rc $branch(count) $(branch(uri)[0]) $(branch(uri)[1])\n");
        t_load_contacts();
        t_next_contacts();
        xlog("next $rc $ru\n");
        $du = "sip:127.0.0.13:21200";
        t_on_branch("BRANCH");
        t_on_failure("AUTH");
        t_relay();
        exit;
    }
    rtpproxy_destroy();
    if (t_check_status("603")) send_reply("480", "Nobody");
}
failure_route[AGAIN] { xlog("again failed $T_reply_code $cs\n"); rtpproxy_destroy(); if (t_check_status("401|407")) t_reply("403", "Trunk refused"); }
event_route[dialog:end] { xlog("end <$dlg_var(in)>\n"); }
event_route[dialog:failed] { xlog("failed <$dlg_var(in)>\n"); }
"""
    )


ASKS = 'Digest realm="provider.example.net", nonce="abc", qop="auth", opaque="o", algorithm=MD5'
ANSWER = {"headers": f"{CONTACT}\n{TYPE}", "body": SDP.replace("127.0.0.11", "127.0.0.12")}


def _invite(scene: Scene, call_id: str = "call-1", **changed: str) -> str:
    """alice calls and answers the challenge of the server: her second INVITE."""
    alice = scene.alice
    first = alice.request(
        "INVITE", "sip:100@example.com", to="<sip:100@example.com>", headers=TYPE, body=SDP, call_id=call_id
    )
    asked = alice.expect(407)
    alice.ack(first, asked)
    value = answer(challenge(asked), "INVITE", "sip:100@example.com", **changed)
    return alice.request(
        "INVITE", "sip:100@example.com", to="<sip:100@example.com>", headers=f"Proxy-Authorization: {value}\n{TYPE}", body=SDP,
        cseq=2, call_id=call_id,
    )  # fmt: skip


REFUSED = "the ACK of a refused re-INVITE has the CSeq and branch of that INVITE"


@case(
    trunk(),
    modules=MODULES,
    relays=(relay(),),
    differs={"bob: re-INVITE/1/1": REFUSED, "bob: re-INVITE/1/5": REFUSED},
)
def a_challenge_on_either_side(scene: Scene) -> None:
    """The caller answers ours, we answer the provider's; within the dialog the called challenges a re-INVITE."""
    scene.execute(subscriber("alice", "secret"))
    alice, bob = scene.alice, scene.bob
    _invite(scene)
    alice.expect(100)
    bob.expect("INVITE").answer(401, "Who", headers=f"WWW-Authenticate: {ASKS}")
    bob.expect("ACK")
    invite = bob.expect("INVITE")
    invite.answer(183, "Progress", headers=f"{CONTACT}\n{TYPE}\nX-Early: 1", body=str(ANSWER["body"]))
    alice.expect(183)
    invite.answer(200, "OK", **ANSWER)
    ok = alice.expect(200)
    back = routes(ok)
    alice.request("ACK", "sip:bob@127.0.0.12:21200", to="<sip:100@example.com>", to_tag="bob", cseq=2, headers=back)
    bob.expect("ACK")
    scene.label("call")
    alice.request(
        "INVITE",
        "sip:bob@127.0.0.12:21200",
        to="<sip:100@example.com>",
        to_tag="bob",
        cseq=3,
        headers=f"{back}\n{TYPE}",
        body=SDP,
    )
    alice.expect(100)
    bob.expect("INVITE").answer(407, "Who", headers=f"Proxy-Authenticate: {ASKS}")
    bob.expect("ACK")
    scene.settle()
    scene.label("re-INVITE")
    alice.request("BYE", "sip:bob@127.0.0.12:21200", to="<sip:100@example.com>", to_tag="bob", cseq=4, headers=back)
    bob.expect("BYE").answer(200, "OK")
    alice.expect(200)
    scene.settle()


@case(trunk(domain=1), modules=MODULES, relays=(relay(),))
def refused_on_either_side(scene: Scene) -> None:
    """Wrong passwords of the caller; a provider that refuses ours, asks for another realm, is busy, or declines."""
    scene.execute(subscriber("alice", "secret"), subscriber("alice", "other", "example.org"))
    alice, bob = scene.alice, scene.bob
    alice.ack(_invite(scene, "w1", password="wrong"), alice.expect(407))
    alice.ack(_invite(scene, "w2", user="mallory"), alice.expect(407))
    alice.ack(_invite(scene, "w3", user=""), alice.expect(407))
    alice.ack(_invite(scene, "w4", realm="example.org"), alice.expect(407))
    scene.label("caller refused")
    second = _invite(scene, "p1")
    alice.expect(100)
    bob.expect("INVITE").answer(407, "Who", headers=f"Proxy-Authenticate: {ASKS}")
    bob.expect("ACK")
    bob.expect("INVITE").answer(407, "Who", headers=f"Proxy-Authenticate: {ASKS}, stale=true")
    bob.expect("ACK")
    alice.ack(second, alice.expect(403))
    scene.label("twice challenged")
    second = _invite(scene, "p2")
    alice.expect(100)
    bob.expect("INVITE").answer(401, "Who", headers='WWW-Authenticate: Digest realm="third", nonce="x"')
    bob.expect("ACK")
    alice.ack(second, alice.expect(500))
    second = _invite(scene, "p3")
    alice.expect(100)
    bob.expect("INVITE").answer(401, "Who", headers='WWW-Authenticate: Digest realm="second.example.net", nonce="x"')
    bob.expect("ACK")
    bob.expect("INVITE").answer(404, "No")
    bob.expect("ACK")
    alice.ack(second, alice.expect(404))
    scene.label("another realm")
    second = _invite(scene, "p4")
    alice.expect(100)
    bob.expect("INVITE").answer(603, "Decline")
    bob.expect("ACK")
    alice.ack(second, alice.expect(480))
    scene.label("declined")


@case(trunk(replace="manual"), modules=MODULES, relays=(relay(),))
def redirected_and_given_up(scene: Scene) -> None:
    """A redirect to two, one after the other; a caller that gives up between challenge and answer; CANCEL of nothing."""
    scene.execute(subscriber("alice", "secret"))
    alice, bob = scene.alice, scene.bob
    second = _invite(scene, "r1")
    alice.expect(100)
    bob.expect("INVITE").answer(
        302,
        "Elsewhere",
        headers="Contact: <sip:a@127.0.0.13:21200>;q=0.3, <sip:b@127.0.0.13:21200>;q=0.8, <sip:c@h>;q=0.1",
    )
    bob.expect("ACK")
    scene.settle()
    scene.wait(0.1)
    scene.label("redirected")
    alice.cancel(second)
    scene.settle()
    scene.label("canceled")
    second = _invite(scene, "r2")
    alice.expect(100)
    bob.expect("INVITE").answer(407, "Who", headers=f"Proxy-Authenticate: {ASKS}")
    bob.expect("ACK")
    ringing = bob.expect("INVITE")
    ringing.answer(180, "Ringing")
    alice.expect(180)
    alice.cancel(second)
    alice.expect(200)
    bob.expect("CANCEL").answer(200, "OK")
    ringing.answer(487, "Terminated")
    bob.expect("ACK")
    alice.ack(second, alice.expect(487))
    scene.label("given up")
    alice.cancel(second.replace("r2", "r3"))
    scene.settle()


@case(trunk(restore_dlg=1), modules=MODULES, relays=(relay({"U": "0", "L": None}),))
def odd_registrations_and_answers(scene: Scene) -> None:
    """REGISTER with odd credentials; a relay without ports; answers without a Contact, without SDP, twice."""
    scene.execute(subscriber("alice", "secret"))
    alice, bob = scene.alice, scene.bob
    alice.request("REGISTER", "sip:example.com", to="<sip:alice@example.com>", call_id="g0")
    asked = challenge(alice.expect(401))
    for number, value in enumerate(
        [
            answer(asked, "REGISTER", "sip:example.com"),
            answer(asked, "REGISTER", "sip:example.com", user="alice@example.com"),
            answer(asked, "REGISTER", "sip:example.com", qop="auth"),
            answer(asked, "REGISTER", "sip:other.com"),
            answer(asked, "REGISTER", "sip:example.com").replace("Digest", "digest"),
            answer(asked, "REGISTER", "sip:example.com").replace(", ", ",\r\n "),
            answer(asked, "REGISTER", "sip:example.com") + ', foo=bar, opaque=""',
            answer(asked, "REGISTER", "sip:example.com") + ",",
            answer(asked, "REGISTER", "sip:example.com", username="bob"),
            answer({**asked, "nonce": asked["nonce"] + "0"}, "REGISTER", "sip:example.com"),
            answer(asked, "INVITE", "sip:example.com"),
        ]
    ):
        alice.request(
            "REGISTER", "sip:example.com", to="<sip:alice@example.com>", headers=f"Authorization: {value}", call_id=f"g{number}",
            cseq=2,
        )  # fmt: skip
        scene.label(f"register {number}")
    alice.request(
        "REGISTER",
        "sip:example.com",
        to="<sip:bob@example.com>",
        headers=f"Authorization: {value}",
        call_id="g99",
        cseq=2,
    )
    scene.label("another's record")
    _invite(scene)
    alice.expect(100)
    invite = bob.expect("INVITE")
    invite.answer(180, "Ringing", tag="one")
    alice.expect(180)
    invite.answer(183, "Progress", tag="two", headers=TYPE, body="v=0\n")
    alice.expect(183)
    invite.answer(200, "OK", tag="two")
    ok = alice.expect(200)
    invite.answer(200, "OK", tag="one")
    alice.expect(200)
    back = routes(ok)
    alice.request("BYE", "sip:bob@127.0.0.12:21200", to="<sip:100@example.com>", to_tag="one", cseq=4, headers=back)
    bob.expect("BYE").answer(481, "No such call")
    alice.expect(481)
    alice.request("BYE", "sip:bob@127.0.0.12:21200", to="<sip:100@example.com>", to_tag="two", cseq=4, headers=back)
    bob.expect("BYE").answer(200, "OK")
    alice.expect(200)
    scene.settle()
