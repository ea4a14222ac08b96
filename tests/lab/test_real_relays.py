"""Media relays and other programs that the server asks: the same doubles in the lab and around a real Kamailio."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.lab.real import NotOnReal, RealLab

pytestmark = pytest.mark.kamailio

CONFIG = """
debug=2
log_stderror=yes
listen=udp:10.0.0.20:5060
alias="example.com"
loadmodule "tm.so" loadmodule "sl.so" loadmodule "rr.so" loadmodule "pv.so" loadmodule "xlog.so"
loadmodule "siputils.so" loadmodule "textops.so" loadmodule "rtpengine.so" loadmodule "rtpproxy.so"
modparam("rtpengine", "rtpengine_sock", "udp:10.0.0.30:2223")
modparam("rtpengine", "rtpengine_tout_ms", 100)
modparam("rtpengine", "rtpengine_retr", 1)
modparam("rtpproxy", "rtpproxy_sock", "udp:10.0.0.31:7722")
modparam("rtpproxy", "rtpproxy_tout", 1)
modparam("rtpproxy", "rtpproxy_retr", 1)
request_route {
    if (is_method("INVITE") && $rU == "text") {
        rtpproxy_offer("co");
        sl_send_reply("404", "$(rb{line.sw,m=audio})");
        exit;
    }
    if (has_totag()) loose_route();
    else record_route();
    if (is_method("INVITE|BYE") && !rtpengine_manage("replace-origin")) xlog("L_ERR", "no relay for $rm\\n");
    t_on_reply("MEDIA");
    t_relay();
}
onreply_route[MEDIA] {
    if (has_body("application/sdp")) rtpengine_manage("replace-origin");
}
"""
BOTH = pytest.mark.parametrize("kind", [Lab, RealLab])


@BOTH
def test_media_of_a_call_goes_through_the_relay(kind: type[Lab]) -> None:
    with kind(text=CONFIG) as lab:
        alice, bob, relay = lab.phone("alice"), lab.phone("bob"), lab.doubles.rtpengine
        call = alice.call("sip:bob@10.0.0.2:5060")
        bob.call_waiting.answer()
        assert f"c=IN IP4 {relay.address}\r\n" in bob.expect("INVITE").body
        assert f"c=IN IP4 {relay.address}\r\n" in call.expect(200).body
        call.hangup()
        assert relay.operations == ["offer", "answer", "delete"]
        assert "c=IN IP4 10.0.0.1" in relay.calls[0].sdp
        assert relay.sessions == {}


@BOTH
def test_a_relay_that_is_down(kind: type[Lab]) -> None:
    with kind(text=CONFIG) as lab:
        alice, bob = lab.phone("alice"), lab.phone("bob")
        lab.doubles.rtpengine.down = True
        bob.rejects(486)
        assert alice.call("sip:bob@10.0.0.2:5060").expect("4xx").status == 486
        assert "no relay for INVITE" in "".join(lab.log.lines())


@BOTH
def test_an_answer_of_ones_own(kind: type[Lab]) -> None:
    asked: list[str] = []
    versions = {"V": "20040107", "VF": "1"}

    def relay(text: str) -> str:
        cookie, _, command = text.partition(" ")
        asked.append(command)
        return f"{cookie} {versions.get(command.split()[0], '31000')}\n"

    with kind(text=CONFIG, services={("10.0.0.31", 7722): relay}) as lab:
        lab.phone("alice").call("sip:text@10.0.0.2:5060")
        # Other processes of the daemon may still ask what the relay can do.
        assert any("10.0.0.1" in command for command in asked)


def test_what_answers_no_datagrams_is_not_on_kamailio() -> None:
    with RealLab(text=CONFIG) as lab, pytest.raises(NotOnReal, match=r"lab\.doubles\.redis"):
        _ = lab.doubles.redis
