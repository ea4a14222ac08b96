"""One address, two protocols: a message belongs to the socket that it came over."""

from __future__ import annotations

from kamscript.lab import Lab

CONFIG = """
listen=udp:127.0.0.1:5060
listen=tcp:127.0.0.1:5060
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
request_route {
    xlog("L_ERR", "$RAu\\n");
    sl_send_reply("200", "OK");
}
"""


def test_a_datagram_comes_over_the_udp_socket() -> None:
    lab = Lab(text=CONFIG)
    assert lab.phone("alice").options().status == 200
    assert lab.log.script == ["sip:127.0.0.1:5060"]


FORCED = """
listen=udp:10.0.9.1:5060
listen=tcp:10.0.9.1:5061
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "sl.so"
request_route {
    if (!is_method("INVITE")) exit;
    t_on_failure("MAILBOX");
    $fs = "tcp:10.0.9.1:5061";
    $du = "sip:10.0.0.2;transport=tcp";
    t_relay();
}
failure_route[MAILBOX] {
    $du = "sip:10.0.0.3";
    t_relay();
}
"""


def test_a_forced_socket_of_another_protocol_gives_way() -> None:
    """Also where the reply behind a failure route came over the other protocol."""
    lab = Lab(text=FORCED)
    alice, bob = lab.phone("alice"), lab.phone("bob", "10.0.0.2", proto="tcp")
    mailbox = lab.phone("mailbox", "10.0.0.3")
    bob.rejects(486)
    mailbox.rejects(480)
    assert alice.call("sip:bob@example.com").status == 480
    via = mailbox.expect("INVITE").each("Via")[0]
    assert via.startswith("SIP/2.0/UDP 10.0.9.1;branch="), via
    assert "protocol/port mismatch (forced tcp:10.0.9.1:5061, to udp:10.0.0.3:5060)" in lab.log  # type: ignore[comparison-overlap]
