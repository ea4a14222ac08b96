"""TLS and WebSocket over real sockets. Each case holds for the daemon and for kamscript."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kamscript.sip.websocket import CLOSE, PING, PONG, TEXT, FrameCutter, accept_key, decode, encode
from tests.live.servers import Running, kamailio, kamscript, wait_for_port

PORT, TLS_PORT = 22180, 22181
CONFIG = f"""
debug=2
children=1
tcp_children=1
enable_tls=yes
tcp_accept_no_cl=yes
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
listen=tcp:127.0.0.1:{PORT}
listen=tls:127.0.0.1:{TLS_PORT}
loadmodule "ctl.so"
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("websocket", "rm_delay_interval", 1)
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "verify_certificate", 1)
modparam("tls", "require_certificate", 0)
request_route {{
    $var(v) = "refused";
    if (is_peer_verified()) $var(v) = "verified";
    sl_send_reply("200", "Over $pr: $tls_version $tls_peer_subject_cn $tls_peer_san_uri $var(v)");
}}
event_route[xhttp:request] {{
    set_reply_close();
    set_reply_no_connect();
    if ($hdr(Upgrade) =~ "websocket") {{
        if (ws_handle_handshake()) exit;
    }}
    xhttp_reply("404", "Not found", "", "");
}}
event_route[websocket:closed] {{
    xlog("L_INFO", "closed $ws_conid $proto\\n");
}}
"""
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (
    f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"
    "Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MASK = "1234"


@pytest.fixture(scope="module", params=[pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def server(
    request: pytest.FixtureRequest, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The server under test, one for all cases."""
    directory = tmp_path_factory.mktemp("secure")
    config = (
        CONFIG
        + f'modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")\n'
        + f'modparam("tls", "certificate", "{certificates}/server.pem")\n'
        + f'modparam("tls", "private_key", "{certificates}/server.key")\n'
        + f'modparam("tls", "ca_list", "{certificates}/ca.pem")\n'
    )
    with request.param(config, directory, ports=(PORT,)) as running:
        wait_for_port(TLS_PORT, running, "tcp")
        yield running


@contextmanager
def tls(certificates: Path, name: str = "") -> Iterator[ssl.SSLSocket]:
    """A TLS connection to the server, with a certificate of its own when told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificates / "ca.pem")
    if name:
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    with (
        socket.create_connection(("127.0.0.1", TLS_PORT), timeout=5) as tcp,
        context.wrap_socket(tcp) as secured,
    ):
        yield secured


def options(via: str) -> str:
    return (
        f"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/{via} a.invalid;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
        "To: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )


def reason(data: str) -> str:
    return data.partition("\r\n")[0].removeprefix("SIP/2.0 200 ")


def read(stream: socket.socket) -> str:
    return stream.recv(65536).decode("latin-1")


def test_a_request_over_tls(server: Running, certificates: Path) -> None:
    with tls(certificates) as stream:
        for _ in range(2):
            stream.sendall(options("TLS").encode())
            assert reason(read(stream)) == "Over tls: TLSv1.3 <null> <null> refused"


def test_a_client_with_a_certificate_is_verified(server: Running, certificates: Path) -> None:
    with tls(certificates, "alice") as stream:
        stream.sendall(options("TLS").encode())
        assert reason(read(stream)) == "Over tls: TLSv1.3 alice sip:alice@example.com verified"


def test_what_is_no_tls_ends_the_connection(server: Running, certificates: Path) -> None:
    with socket.create_connection(("127.0.0.1", TLS_PORT), timeout=5) as tcp:
        tcp.sendall(options("TCP").encode())
        while tcp.recv(4096):
            pass
    test_a_request_over_tls(server, certificates)


def talk(stream: socket.socket, *frames: str) -> list[tuple[int, str]]:
    """Send frames; opcodes and payloads of as many answers."""
    found: list[tuple[int, str]] = []
    cutter = FrameCutter()
    stream.sendall("".join(frames).encode("latin-1"))
    while len(found) < len(frames):
        data = read(stream)
        if not data:
            break
        found += [decode(raw, from_client=False)[:2] for raw in cutter.feed(data)]
    return found


def shake(stream: socket.socket) -> None:
    stream.sendall(HANDSHAKE.encode())
    answer = read(stream)
    assert answer.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert f"Sec-WebSocket-Accept: {accept_key(KEY)}\r\n" in answer


def test_a_websocket(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as stream:
        shake(stream)
        (opcode, text), pong = talk(stream, encode(TEXT, options("WS"), mask=MASK), encode(PING, "hi", mask=MASK))
        assert (opcode, reason(text)) == (TEXT, "Over ws: <null> <null> <null> refused")
        assert pong == (PONG, "hi")
        assert talk(stream, encode(CLOSE, "\x03\xe8", mask=MASK)) == [(CLOSE, "\x03\xe8Normal closure")]
        assert read(stream) == ""
    server.wait_for(" tcp\n")


def test_a_websocket_over_tls(server: Running, certificates: Path) -> None:
    with tls(certificates) as stream:
        shake(stream)
        ((_, text),) = talk(stream, encode(TEXT, options("WSS"), mask=MASK))
        assert reason(text).startswith("Over wss: ")


def test_a_frame_in_pieces_and_a_bad_one(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as stream:
        shake(stream)
        frame = encode(PING, "piecemeal", mask=MASK).encode("latin-1")
        stream.sendall(frame[:5])
        stream.sendall(frame[5:])
        assert decode(read(stream), from_client=False)[:2] == (PONG, "piecemeal")
        assert talk(stream, encode(TEXT, "x")) == [(CLOSE, "\x03\xeaProtocol error")]
        assert read(stream) == ""
