"""A served config whose calls go through an rtpengine: real sockets to the relay, and to both phones."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.differential.relays import rtpengine
from tests.live.servers import kamscript
from tests.live.test_exchange import Responder

CONFIG = """
listen=udp:127.0.0.1:SERVER
disable_tcp=yes
auto_aliases=no
loadmodule "pv.so"
loadmodule "rtpengine.so"
loadmodule "nathelper.so"
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:RELAY")
modparam("rtpengine", "rtpengine_tout_ms", 50)
modparam("rtpengine", "rtpengine_retr", 1)
request_route {
    set_contact_alias();
    if (!rtpengine_offer("replace-origin")) append_hf("X-Media: direct\\r\\n");
    $du = "sip:127.0.0.1:BOB";
    forward();
}
""".replace('loadmodule "pv.so"', 'loadmodule "pv.so"\nloadmodule "textops.so"')

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
INVITE = (
    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-1\r\n"
    "From: <sip:alice@example.com>;tag=a1\r\nTo: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:alice@10.0.0.1>\r\nContent-Type: application/sdp\r\n"
    f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
)


def forwarded(directory: Path, relay: int, first: int) -> tuple[str, int]:
    """The INVITE as bob gets it, and alice's port; the server listens at port `first`."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alice,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bob,
    ):
        for phone in (alice, bob):
            phone.bind(("127.0.0.1", 0))
        bob.settimeout(10)
        ports = {"SERVER": first, "RELAY": relay, "BOB": bob.getsockname()[1]}
        config = CONFIG
        for name, port in ports.items():
            config = config.replace(name, str(port))
        with kamscript(config, directory):
            alice.sendto(INVITE.encode(), ("127.0.0.1", first))
            return bob.recv(4096).decode(), alice.getsockname()[1]


def test_the_relay_is_asked_and_its_answer_goes_on(tmp_path: Path) -> None:
    answer = rtpengine()()
    responder = Responder(lambda data: [(answer(data.decode()) or "").encode()] if data else [])
    text, port = forwarded(tmp_path, responder.remote.port, 23101)
    responder.end()
    assert "c=IN IP4 203.0.113.1\r\n" in text
    assert "m=audio 30002 RTP/AVP 0\r\n" in text
    assert f"Contact: <sip:alice@10.0.0.1;alias=127.0.0.1~{port}~1>\r\n" in text


def test_without_a_relay_the_route_goes_on(tmp_path: Path) -> None:
    text, _ = forwarded(tmp_path, 23103, 23102)
    assert "X-Media: direct\r\n" in text
    assert text.endswith(SDP)
