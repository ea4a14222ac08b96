"""WebSockets over real sockets: handshakes, frames, commands. Each case holds for the daemon and for kamscript."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator

import pytest

from kamscript.sip.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameCutter,
    accept_key,
    decode,
    encode,
)
from tests.live.servers import Running, kamailio, kamscript, wait_for_port

PORT = 22197
CONFIG = f"""
debug=2
children=1
tcp_children=1
tcp_accept_no_cl=yes
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
listen=tcp:127.0.0.1:{PORT}
loadmodule "ctl.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "kex.so"
loadmodule "counters.so"
loadmodule "cfg_rpc.so"
loadmodule "nathelper.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("websocket", "ping_application_data", "still there?")
modparam("websocket", "rm_delay_interval", 1)
modparam("websocket", "cors_mode", 2)
request_route {{
    if ($rU == "close") {{
        ws_close();
        exit;
    }}
    if ($rU == "away") {{
        ws_close(4000, "Because I say so");
        exit;
    }}
    if ($rU == "other") {{
        $var(rc) = 0;
        if (ws_close(1001, "x", 77)) $var(rc) = 1;
        sl_send_reply("200", "Closed 77: $var(rc)");
        exit;
    }}
    if ($rU == "handshake") {{
        ws_handle_handshake();
        exit;
    }}
    sl_send_reply("200", "Over $pr from $si, method $rm, nat $var(x)");
}}
event_route[xhttp:request] {{
    set_reply_close();
    set_reply_no_connect();
    if (ws_handle_handshake()) {{
        xlog("L_INFO", "shook hands\\n");
        exit;
    }}
    xlog("L_INFO", "never reached\\n");
}}
event_route[websocket:closed] {{
    xlog("L_INFO", "closed $ws_conid $pr $si\\n");
}}
"""
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
WHOLE = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Protocol": "sip",
    "Sec-WebSocket-Version": "13",
}  # fmt: skip
MASK = "1234"


@pytest.fixture(scope="module", params=[pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server under test, one for all cases."""
    directory = tmp_path_factory.mktemp("websocket")
    config = f'{CONFIG}modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")\n'
    with request.param(config, directory, ports=(PORT,)) as running:
        wait_for_port(PORT, running, "tcp")
        yield running


def handshake(more: str = "", method: str = "GET", without: str = "", **changed: str) -> bytes:
    """A handshake; `changed` sets headers."""
    headers = {**WHOLE, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [f"{name}: {value}" for name, value in headers.items() if name != without]
    return ("\r\n".join([f"{method} / HTTP/1.1", "Host: x", *lines]) + f"\r\n{more}\r\n").encode()


@contextlib.contextmanager
def connection() -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as stream:
        yield stream


def read(stream: socket.socket) -> str:
    return stream.recv(65536).decode("latin-1")


def shaken(data: bytes) -> str:
    """Status and headers of the answer to a handshake, but for those of every answer."""
    with connection() as stream:
        stream.sendall(data)
        answer = read(stream)
    lines = answer.partition("\r\n\r\n")[0].split("\r\n")
    return "|".join(line for line in lines if not line.startswith(("Sia:", "Via:", "Server:", "Content-Length:")))


ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols|Sec-WebSocket-Protocol: sip|Upgrade: websocket|Connection: upgrade|"
    f"Sec-WebSocket-Accept: {accept_key(KEY)}"
)
REFUSED = "HTTP/1.1 400 Bad Request|Sec-WebSocket-Protocol: sip|Sec-WebSocket-Version: 13"


@pytest.mark.parametrize(
    "data",
    [
        handshake(),
        handshake(Upgrade="WebSocket", Connection="keep-alive, UPGRADE"),
        handshake("Connection: keep-alive\r\n"),
        handshake(Sec_WebSocket_Protocol="foo, sip"),
        handshake("Sec-WebSocket-Protocol: foo\r\n"),
        handshake(Sec_WebSocket_Protocol="SIP"),
        handshake(method="POST"),
    ],
)
def test_a_handshake_is_accepted(server: Running, data: bytes) -> None:
    assert shaken(data) == ACCEPTED


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        *((handshake(without=name), REFUSED) for name in WHOLE),
        (handshake(Upgrade="h2c"), REFUSED),
        (handshake(Connection="close"), REFUSED),
        (handshake(Sec_WebSocket_Protocol="msrp"), REFUSED),
        (handshake(Sec_WebSocket_Version="14"), "HTTP/1.1 426 Upgrade Required|Sec-WebSocket-Version: 13"),
        (handshake(Sec_WebSocket_Version=""), "HTTP/1.1 426 Upgrade Required|Sec-WebSocket-Version: 13"),
        (handshake("Sec-WebSocket-Version: 13\r\n"), "HTTP/1.1 400 Bad Request"),
        (handshake(f"Sec-WebSocket-Key: {KEY}\r\n"), "HTTP/1.1 400 Bad Request"),
        (handshake("Origin: http://a.example\r\nOrigin: http://b.example\r\n"), "HTTP/1.1 400 Bad Request"),
    ],
)
def test_a_handshake_is_refused(server: Running, data: bytes, answer: str) -> None:
    assert shaken(data) == answer


def test_the_origin_is_allowed(server: Running) -> None:
    assert "|Access-Control-Allow-Origin: http://a.example|" in shaken(handshake("Origin: http://a.example\r\n"))


@pytest.mark.kamailio  # for kamcmd
def test_handshakes_can_be_disabled(server: Running) -> None:
    assert server.kamcmd("ws.disable") == ""
    assert shaken(handshake()) == "HTTP/1.1 503 Service Unavailable"
    assert server.kamcmd("ws.enable") == ""
    assert shaken(handshake()) == ACCEPTED


# -- frames


def options(user: str = "x") -> str:
    return (
        f"OPTIONS sip:{user}@x SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
        "To: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )


def frame(opcode: int, payload: str, *, fin: bool = True) -> bytes:
    data = encode(opcode, payload, mask=MASK).encode("latin-1")
    return data if fin else bytes([data[0] & 0x7F]) + data[1:]


@contextlib.contextmanager
def websocket() -> Iterator[Client]:
    with connection() as stream:
        stream.sendall(handshake())
        assert read(stream).startswith("HTTP/1.1 101 ")
        yield Client(stream)


class Client:
    """The client's end of a WebSocket."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream, self._frames = stream, self._read()

    def send(self, data: bytes) -> None:
        self.stream.sendall(data)

    def received(self) -> tuple[int, str]:
        """Opcode and payload of the next frame, of a message the first line; (-1, "") at the end."""
        return next(self._frames, END)

    def _read(self) -> Iterator[tuple[int, str]]:
        cutter = FrameCutter()
        while data := read(self.stream):
            for raw in cutter.feed(data):
                opcode, payload = decode(raw, from_client=False)[:2]
                yield opcode, payload.partition("\r\n")[0] if opcode in (TEXT, BINARY) else payload


OVER = (TEXT, "SIP/2.0 200 Over ws from 127.0.0.1, method OPTIONS, nat 0")
END = (-1, "")
NORMAL = (CLOSE, "\x03\xe8Normal closure")
PROTOCOL, UNSUPPORTED = (CLOSE, "\x03\xeaProtocol error"), (CLOSE, "\x03\xf0Unsupported opcode")


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        pytest.param([frame(TEXT, options())], [OVER], id="text"),
        pytest.param([frame(BINARY, options())], [OVER], id="binary"),
        pytest.param(
            [frame(TEXT, options()[:50], fin=False), frame(CONTINUATION, options()[50:])], [OVER], id="fragments"
        ),
        pytest.param(
            [frame(TEXT, options()[:50], fin=False), frame(PING, "p"), frame(CONTINUATION, options()[50:])],
            [(PONG, "p"), OVER],
            id="ping-between-fragments",
        ),
        pytest.param([frame(TEXT, "\r\n\r\n")], [(TEXT, "")], id="keep-alive"),
        pytest.param([frame(PING, "hello")], [(PONG, "hello")], id="ping"),
        pytest.param([frame(PONG, "x"), frame(PING, "")], [(PONG, "")], id="pong-is-not-answered"),
        pytest.param([frame(PING, "x", fin=False)], [END], id="ping-in-fragments"),
        pytest.param([encode(TEXT, options()).encode()], [PROTOCOL, END], id="unmasked"),
        pytest.param([b"\xc1" + frame(TEXT, "hello")[1:]], [PROTOCOL, END], id="reserved-bit"),
        pytest.param([frame(3, "hello")], [UNSUPPORTED, END], id="reserved-opcode"),
        pytest.param([frame(CLOSE, "\x03\xe8bye")], [NORMAL, END], id="close"),
        pytest.param([frame(CLOSE, "")], [NORMAL, END], id="close-without-status"),
        pytest.param([frame(TEXT, "hello")], [END], id="no-message"),
        pytest.param([frame(TEXT, options("close"))], [NORMAL], id="ws_close"),
        pytest.param([frame(TEXT, options("away"))], [(CLOSE, "\x0f\xa0Because I say so")], id="ws_close-with-reason"),
        pytest.param([frame(TEXT, options("other"))], [(TEXT, "SIP/2.0 200 Closed 77: 0")], id="ws_close-of-another"),
        pytest.param(
            [frame(TEXT, options("handshake")), frame(PING, "x")], [(PONG, "x")], id="a-handshake-in-a-websocket"
        ),
    ],
)
def test_frames(server: Running, sent: list[bytes], answers: list[tuple[int, str]]) -> None:
    with websocket() as client:
        for data in sent:
            client.send(data)
        assert [client.received() for _ in answers] == answers


# -- commands


def dump(server: Running, *order: str) -> str:
    return re.sub(r"(?<=\.1:)\d+|\b\d+(?=s ago)", "N", server.kamcmd("ws.dump", *order))


@pytest.mark.kamailio  # for kamcmd
def test_commands(server: Running) -> None:
    with websocket() as client:
        number = max(int(found) for found in re.findall(r"(\d+): ws:", server.kamcmd("ws.dump")))
        assert server.kamcmd("ws.ping", str(number)) == ""
        assert client.received() == (PING, "still there?")
        line = f"{number}: ws:127.0.0.1:N -> ws:127.0.0.1:N (state: OPEN, awaiting Pong,  last used Ns ago"
        assert f"{line}, sub-protocol: sip)" in dump(server, "used_desc")
        assert server.kamcmd("ws.pong", str(number)) == ""
        assert client.received() == (PONG, "still there?")
        assert server.kamcmd("ws.close", str(number)) == ""
        assert client.received() == NORMAL
        assert f"{number}: ws:127.0.0.1:N -> ws:127.0.0.1:N (state: CLOSING" in dump(server)
        assert server.kamcmd("ws.ping", str(number)) == "error: 500 - Error sending frame\n"


@pytest.mark.kamailio  # for kamcmd
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("ws.ping", "9999"), "500 - Unknown connection ID"),
        (("ws.close", "9999"), "500 - Unknown connection ID"),
        (("ws.pong",), "500 - Invalid Parameters"),
        (("ws.close", "x"), "500 - Invalid Parameters"),
        (("ws.dump", "x"), "400 - Bad display order parameter"),
    ],
)
def test_commands_that_fail(server: Running, words: tuple[str, ...], answer: str) -> None:
    assert server.kamcmd(*words) == f"error: {answer}\n"


@pytest.mark.kamailio  # for kamcmd
def test_a_silent_client_is_pinged(server: Running) -> None:
    assert server.kamcmd("cfg.set_now_int", "websocket", "keepalive_timeout", "1").strip() in ("", "ok")
    try:
        with websocket() as client:
            client.stream.settimeout(10)
            assert client.received() == (PING, "still there?")
    finally:
        server.kamcmd("cfg.set_now_int", "websocket", "keepalive_timeout", "180")
