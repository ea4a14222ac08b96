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
