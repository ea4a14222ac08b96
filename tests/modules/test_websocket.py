"""Module websocket, with phones in browsers and with bare streams."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.lab.stream import Stream
from kamscript.lab.transports import WebSocketPhone
from kamscript.sip.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, FrameCutter, decode, encode
from kamscript.source import ConfigError

CONFIG = """
listen=udp:127.0.0.1:5060
listen=tcp:127.0.0.1:8080
alias=example.com
debug=2
tcp_accept_no_cl=yes
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "corex.so"
loadmodule "xlog.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
%s
request_route {
    if (is_method("OPTIONS")) {
        sl_send_reply("200", "Over $pr from $si");
        exit;
    }
    if (is_method("REGISTER")) {
        force_rport();
        $avp(received) = $su;
        save("location");
        exit;
    }
    if (is_method("MESSAGE") && $rU == "close") {
        ws_close(4000, "Because");
        exit;
    }
    if (has_totag()) {
        loose_route();
        t_relay();
        exit;
    }
    record_route();
    if (!lookup("location")) {
        sl_send_reply("404", "Nobody");
        exit;
    }
    t_relay();
}
event_route[xhttp:request] {
    set_reply_close();
    set_reply_no_connect();
    if ($hdr(Upgrade) =~ "websocket" && $rm == "GET") {
        if (ws_handle_handshake()) {
            xlog("L_INFO", "hello $si\\n");
            exit;
        }
    }
    xhttp_reply("404", "Not found", "", "");
}
event_route[websocket:closed] {
    xlog("L_INFO", "closed $si:$sp $ws_conid $proto\\n");
}
"""
MASK = "1234"
HEADERS = {
    "Host": "example.com",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "sip",
    "Sec-WebSocket-Version": "13",
}


def make(more: str = "") -> Lab:
    return Lab(text=CONFIG % ('modparam("registrar", "received_avp", "$avp(received)")\n' + more))


@pytest.fixture
def lab() -> Lab:
    return make()


def phone(lab: Lab, user: str = "alice") -> WebSocketPhone:
    made = lab.phone(user, proto="ws")
    assert isinstance(made, WebSocketPhone)
    return made


def shake(lab: Lab, **changes: str | None) -> tuple[Stream, str]:
    """A bare stream that asked for a WebSocket, and the answer."""
    stream = lab.connect()
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
    left_out = {name.replace("_", "-") for name, value in changes.items() if value is None}
    lines = [f"{name}: {value}" for name, value in headers.items() if name not in left_out]
    stream.send("\r\n".join(["GET / HTTP/1.1", *lines, "", ""]))
    return stream, stream.take()


def frames(stream: Stream) -> list[tuple[int, str]]:
    """Opcodes and payloads of what came."""
    return [decode(raw, from_client=False)[:2] for raw in FrameCutter().feed(stream.take())]


def push(lab: Lab, stream: Stream, raw: str) -> None:
    """Send a frame's bytes."""
    assert lab.server.frames is not None
    fine = lab.server.frames.receive(lab.now, raw, stream.number)
    lab.flush()
    lab.run()
    stream.dealt_with(fine)


# -- the handshake


def test_the_handshake_is_answered(lab: Lab) -> None:
    stream, answer = shake(lab)
    assert answer.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert "Sec-WebSocket-Protocol: sip\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" in answer
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert not stream.closed
    assert lab.log.script == ["hello 10.0.0.99"]


@pytest.mark.parametrize("missing", list(HEADERS)[1:])
def test_a_handshake_without_a_header_is_refused(lab: Lab, missing: str) -> None:
    stream, answer = shake(lab, **{missing: None})
    code = "404 Not found" if missing == "Upgrade" else "400 Bad Request"
    assert answer.startswith(f"HTTP/1.1 {code}\r\n")
    assert stream.closed
    if missing != "Upgrade":
        assert "Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n" in answer


def test_another_version_is_refused(lab: Lab) -> None:
    _, answer = shake(lab, Sec_WebSocket_Version="8")
    assert answer.startswith("HTTP/1.1 426 Upgrade Required\r\n")
    assert "Sec-WebSocket-Version: 13\r\n" in answer


def test_another_protocol_is_refused(lab: Lab) -> None:
    assert shake(lab, Sec_WebSocket_Protocol="msrp")[1].startswith("HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    ("mode", "origin", "shown"),
    [(0, "https://x", None), (1, None, "*"), (2, "https://x", "https://x"), (2, None, None)],
)
def test_cors_mode(mode: int, origin: str | None, shown: str | None) -> None:
    _, answer = shake(make(f'modparam("websocket", "cors_mode", {mode})'), **({"Origin": origin} if origin else {}))
    header = f"Access-Control-Allow-Origin: {shown}\r\n"
    assert (header in answer) if shown else ("Access-Control" not in answer)


def test_websockets_are_disabled_and_enabled(lab: Lab) -> None:
    lab.rpc("ws.disable")
    assert shake(lab)[1].startswith("HTTP/1.1 503 Service Unavailable\r\n")
    lab.rpc("ws.enable")
    assert shake(lab)[1].startswith("HTTP/1.1 101")
    assert (lab.stats["websocket:ws_failed_handshakes"], lab.stats["websocket:ws_successful_handshakes"]) == (1, 1)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('modparam("websocket", "cors_mode", 3)', "cors_mode 3"),
        ('modparam("websocket", "sub_protocols", 2)', "no sub-protocols enabled"),
        ('modparam("websocket", "sub_protocols", 5)', "unrecognised sub-protocols"),
        ('modparam("websocket", "event_callback", "ksr_ws")', "no KEMI engine"),
    ],
)
def test_parameters_that_refuse_the_start(line: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make(line)


# -- SIP over it


def test_sip_over_a_websocket(lab: Lab) -> None:
    alice = phone(lab)
    assert alice.options().expect(200).reason == "Over ws from 10.0.0.1"
    assert alice.last_reply["Via"].startswith("SIP/2.0/WS alice.invalid;")
    assert alice.options().status == 200
    assert len(alice.connections) == 1


def test_a_browser_calls_and_is_called(lab: Lab) -> None:
    alice, bob = phone(lab), lab.phone("bob")
    assert (alice.register().status, bob.register().status) == (200, 200)
    bob.answers()
    call = alice.call(bob)
    call.expect(200)
    bob.expect("ACK")
    assert call.hangup().status == 200
    assert bob.message(alice, "hello").status == 200
    assert alice.last_request.body == "hello"


def test_a_browser_that_is_gone_is_not_reached(lab: Lab) -> None:
    alice, bob = phone(lab), lab.phone("bob")
    alice.register()
    alice.disconnect()
    assert bob.message(alice, "hello").expect("4xx", "5xx")
    assert not alice.connections


def test_a_refused_phone_says_so(lab: Lab) -> None:
    alice = phone(lab)
    alice.protocol = ""
    with pytest.raises(AssertionError, match="alice asked for a WebSocket and got 400 Bad Request"):
        alice.options()


# -- frames


def control(lab: Lab) -> list[str]:
    """The control frames on the wire."""
    texts = [wire.text for wire in lab.network.delivered]
    return [text.removeprefix("WebSocket ") for text in texts if text.startswith("WebSocket ")]


def options(lab: Lab) -> str:
    return lab.request("OPTIONS", "sip:example.com")


def test_text_that_is_no_utf8_goes_out_as_binary(lab: Lab) -> None:
    stream, _ = shake(lab)
    push(lab, stream, encode(TEXT, options(lab), mask=MASK))
    push(lab, stream, encode(TEXT, options(lab).replace("tag=lab", "tag=\xff"), mask=MASK))
    assert [opcode for opcode, _ in frames(stream)] == [TEXT, BINARY]


def test_fragments_are_put_together(lab: Lab) -> None:
    stream, _ = shake(lab)
    text = options(lab)
    push(lab, stream, encode(TEXT, text[:50], mask=MASK, fin=False))
    push(lab, stream, encode(CONTINUATION, text[50:90], mask=MASK, fin=False))
    assert frames(stream) == []
    push(lab, stream, encode(CONTINUATION, text[90:], mask=MASK))
    assert [payload[:14] for _, payload in frames(stream)] == ["SIP/2.0 200 Ov"]


def test_ping_is_answered(lab: Lab) -> None:
    stream, _ = shake(lab)
    push(lab, stream, encode(PING, "are you there", mask=MASK))
    assert frames(stream) == [(PONG, "are you there")]


@pytest.mark.parametrize("ping", ["\r\n", "\r\n\r\n"])
def test_a_keep_alive_of_sip_is_answered(lab: Lab, ping: str) -> None:
    stream, _ = shake(lab)
    push(lab, stream, encode(TEXT, ping, mask=MASK))
    assert frames(stream) == [(TEXT, "\r\n")]


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (encode(TEXT, "x"), 1002, "Protocol error"),
        (chr(0xC1) + encode(TEXT, "x", mask=MASK)[1:], 1002, "Protocol error"),
        (chr(0x83) + encode(TEXT, "x", mask=MASK)[1:], 1008, "Unsupported opcode"),
        (encode(TEXT, "x" * 65536, mask=MASK), 1009, "Message too big"),
    ],
)
def test_a_bad_frame_closes(lab: Lab, raw: str, status: int, reason: str) -> None:
    stream, _ = shake(lab)
    push(lab, stream, raw)
    assert frames(stream) == [(CLOSE, chr(status >> 8) + chr(status & 255) + reason)]
    assert stream.closed


# -- the end


def test_the_client_closes(lab: Lab) -> None:
    alice = phone(lab)
    alice.options()
    port = alice.connections[0].seat.port
    alice.close(1001, "bye")
    assert alice.closed == (1000, "Normal closure")
    assert not alice.connections
    lab.advance(seconds=4)
    assert lab.stats["websocket:ws_current_connections"] == 1
    lab.advance(seconds=3)
    assert lab.stats["websocket:ws_current_connections"] == 0
    assert lab.log.script[-1] == f"closed 10.0.0.1:{port} 1 tcp"
    assert lab.stats["websocket:ws_remote_closed_connections"] == 1


def test_the_script_closes(lab: Lab) -> None:
    alice = phone(lab)
    alice.message("close", "x")
    assert alice.closed == (4000, "Because")
    assert not alice.connections
    lab.advance(seconds=7)
    assert lab.log.script[-1].startswith("closed 10.0.0.1:")


def test_a_stream_that_breaks_runs_no_event_route(lab: Lab) -> None:
    alice = phone(lab)
    alice.options()
    alice.disconnect()
    lab.advance(seconds=10)
    assert lab.log.script == ["hello 10.0.0.1"]
    assert lab.stats["websocket:ws_current_connections"] == 0


# -- keep-alives and commands


def test_a_silent_websocket_is_pinged(lab: Lab) -> None:
    alice = phone(lab)
    alice.options()
    lab.advance(seconds=182)
    assert control(lab) == [f"{name} kamailio (5.6.3 (x86_64/linux))" for name in ("PING", "PONG")]
    lab.advance(minutes=10)
    assert len(alice.connections) == 1


def test_a_websocket_that_does_not_answer_is_closed() -> None:
    lab = make('modparam("websocket", "keepalive_timeout", 30)\nmodparam("websocket", "ping_application_data", "hey")')
    alice = phone(lab)
    alice.options()
    alice.pongs = False
    lab.advance(seconds=70)
    assert control(lab) == ["PING hey"]
    assert not alice.connections
    assert "WARNING: websocket: forcibly closing connection" in lab.log.lines()


def test_pong_as_keep_alive_wants_no_answer() -> None:
    lab = make('modparam("websocket", "keepalive_mechanism", 2)\nmodparam("websocket", "keepalive_timeout", 30)')
    alice = phone(lab)
    alice.options()
    lab.advance(minutes=5)
    assert "WebSocket PONG" in lab.ladder()
    assert len(alice.connections) == 1


def test_no_keep_alives() -> None:
    lab = make('modparam("websocket", "keepalive_mechanism", 0)')
    phone(lab).options()
    lab.advance(hours=1)
    assert "PING" not in lab.ladder()


def test_dump(lab: Lab) -> None:
    one, two = phone(lab), phone(lab, "bob")
    one.options()
    two.options()
    lab.advance(seconds=5)
    one.options()
    answer = lab.rpc("ws.dump")
    assert answer["connections"] == [
        "1: ws:10.0.0.1:49152 -> ws:127.0.0.1:8080 (state: OPEN,  last used 0s ago, sub-protocol: sip)",
        "2: ws:10.0.0.2:49152 -> ws:127.0.0.1:8080 (state: OPEN,  last used 5s ago, sub-protocol: sip)",
    ]
    assert answer["info"] == {"wscounter": 2, "truncated": "no"}
    assert [line[0] for line in lab.rpc("ws.dump", "used_desc")["connections"]] == ["2", "1"]
    assert [line[0] for line in lab.rpc("ws.dump", "used_asc")["connections"]] == ["1", "2"]


def test_commands_for_one_connection(lab: Lab) -> None:
    alice = phone(lab)
    alice.options()
    lab.rpc("ws.pong", 1)
    lab.rpc("ws.ping", 1)
    assert "WebSocket PING" in lab.ladder()
    lab.rpc("ws.close", 1)
    assert alice.closed == (1000, "Normal closure")
    assert not alice.connections


@pytest.mark.parametrize(("command", "argument"), [("ws.close", 7), ("ws.ping", 7), ("ws.pong", 7), ("ws.dump", "x")])
def test_commands_refuse_what_is_unknown(lab: Lab, command: str, argument: int | str) -> None:
    from kamscript.core.rpc import RpcFault

    with pytest.raises(RpcFault, match=r"Unknown connection ID|Bad display order parameter"):
        lab.rpc(command, argument)
