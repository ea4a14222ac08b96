"""TCP streams: framing, reuse, limits, peers that misbehave. Each case holds for the daemon and for kamscript."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.servers import Running, Start, kamailio, kamscript, wait_for_port

PORT, PEER = 22040, 22050
CONFIG = f"""
debug=1
children=1
tcp_children=1
tcp_connection_lifetime=2
tcp_max_connections=200
tcp_accept_aliases=yes
tcp_connect_timeout=2
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
listen=tcp:127.0.0.1:{PORT}
loadmodule "ctl.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "kex.so"
loadmodule "corex.so"
request_route {{
    if (is_method("MESSAGE")) {{
        $du = "sip:127.0.0.1:" + $rU + ";transport=tcp";
        if ($hdr(X-How) == "reuse") set_forward_no_connect();
        if (!t_relay()) sl_reply_error();
        exit;
    }}
    if ($hdr(X-How) == "close") set_reply_close();
    sl_send_reply("200", "OK");
}}
"""


@pytest.fixture(scope="module", params=[pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server under test, one for all cases."""
    directory = tmp_path_factory.mktemp("tcp")
    config = CONFIG + f'modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")\n'
    with request.param(config, directory, ports=(PORT,)) as running:
        wait_for_port(PORT, running, "tcp")
        yield running


@contextmanager
def stream(port: int = PORT) -> Iterator[socket.socket]:
    """A connection to the server."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as tcp:
        yield tcp


def request(
    method: str = "OPTIONS",
    uri: str = f"sip:127.0.0.1:{PORT}",
    *,
    call: str,
    via: str = "",
    headers: str = "",
    body: str = "",
    length: str | None = None,
) -> bytes:
    """A request with the Content-Length that its body has; `length` "" leaves the header out."""
    length = f"Content-Length: {len(body)}\r\n" if length is None else length
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:{PEER}{via};branch=z9hG4bK-{call}\r\n"
        f"From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n"
        f"Max-Forwards: 70\r\n{headers}{length}\r\n{body}"
    ).encode("latin-1")


def read(tcp: socket.socket, count: int = 1) -> list[str]:
    """That many messages, as their first line; fewer when the server closes."""
    data = b""
    while data.count(b"\r\n\r\n") < count:
        more = tcp.recv(65536)
        if not more:
            break
        data += more
    return [part.split(b"\r\n")[0].decode() for part in data.split(b"\r\n\r\n") if part]


def closed(tcp: socket.socket) -> bool:
    """Whether the server closes the stream, without saying anything more."""
    try:
        return tcp.recv(65536) == b""
    except ConnectionResetError:
        return True


OK = "SIP/2.0 200 OK"


def test_several_messages_in_one_segment(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(b"".join(request(call=f"many-{index}") for index in range(5)))
        assert read(tcp, 5) == [OK] * 5


def test_a_message_byte_by_byte(server: Running) -> None:
    with stream() as tcp:
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(call="bytes", body="hello"):
            tcp.send(bytes((byte,)))
        assert read(tcp) == [OK]


def test_a_body_that_looks_like_the_next_message(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(request(call="outer", body=request(call="inner").decode()) + request(call="next"))
        assert read(tcp, 2) == [OK] * 2


def test_keepalives_are_answered(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(b"\r\n\r\n")
        assert tcp.recv(10) == b"\r\n"
        tcp.sendall(b"\r\n" + request(call="behind"))
        assert read(tcp) == [OK]


def test_a_message_without_content_length_ends_the_stream(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(request(call="good") + request(call="none", length=""))
        assert read(tcp, 2) == [OK]


def test_a_content_length_that_is_none_ends_the_stream(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(request(call="bad", length="Content-Length: x\r\n"))
        assert closed(tcp)


def test_what_never_becomes_a_message_ends_the_stream(server: Running) -> None:
    with stream() as tcp:
        try:
            for _ in range(5):
                tcp.sendall(b"x" * 20000)
        except (ConnectionResetError, BrokenPipeError):
            return
        assert closed(tcp)


def test_a_message_longer_than_the_buffer_ends_the_stream(server: Running) -> None:
    with stream() as tcp:
        try:
            tcp.sendall(request(call="long", body="x" * 100_000))
        except (ConnectionResetError, BrokenPipeError):
            return
        assert closed(tcp)


def test_headers_up_to_the_buffer_are_taken(server: Running) -> None:
    """tcp_rd_buf_size is 16384."""
    with stream() as tcp:
        tcp.sendall(request(call="big", headers=f"X-Big: {'x' * 15_000}\r\n"))
        assert read(tcp) == [OK]
        tcp.sendall(request(call="bigger", headers=f"X-Big: {'x' * 17_000}\r\n"))
        assert closed(tcp)


def test_an_idle_stream_is_closed(server: Running) -> None:
    """After tcp_connection_lifetime, 2 seconds; the daemon's reader processes keep it for some seconds more (11)."""
    if server.name == "kamailio":
        pytest.skip("it takes the daemon 11 seconds")
    with stream() as tcp:
        tcp.sendall(request(call="idle"))
        assert read(tcp) == [OK]
        assert closed(tcp)


def test_half_a_stream(server: Running) -> None:
    """A client that has nothing more to say still gets its answer."""
    with stream() as tcp:
        tcp.sendall(request(call="half"))
        tcp.shutdown(socket.SHUT_WR)
        assert read(tcp, 2) == [OK]


def test_a_reset_hurts_nobody_else(server: Running) -> None:
    with stream() as other:
        with stream() as tcp:
            tcp.sendall(request(call="part")[:50])
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.sendall(request(call="other"))
        assert read(other) == [OK]


def test_garbage_hurts_nobody_else(server: Running) -> None:
    with stream() as other:
        for junk in (b"\x00" * 100, b"\xff\xfe\n\n", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) + b"\r\n\r\n"):
            with stream() as tcp:
                tcp.sendall(junk)
                tcp.shutdown(socket.SHUT_WR)
                assert closed(tcp)
        other.sendall(request(call="neighbour"))
        assert read(other) == [OK]


def test_replies_that_close(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(request(call="close", headers="X-How: close\r\n"))
        assert read(tcp, 2) == [OK]


@pytest.mark.parametrize("start", [pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def test_too_many_connections(start: Start, tmp_path: Path) -> None:
    """The ones over the limit are closed at once; the others live on."""
    config = CONFIG.replace("max_connections=200", "max_connections=2")
    config += f'modparam("ctl", "binrpc", "unix:{tmp_path}/kamailio_ctl")\n'
    server = start(config.replace(f":{PORT}", f":{PORT + 1}"), tmp_path, ports=(PORT + 1,))
    with server, stream(PORT + 1) as first, stream(PORT + 1) as second:
        for tcp in (first, second):
            tcp.sendall(request(call="limit"))
            assert read(tcp) == [OK]
        with stream(PORT + 1) as third:
            assert closed(third)
        first.sendall(request(call="still"))
        assert read(first) == [OK]


def test_the_stream_of_a_peer_is_used_again(server: Running) -> None:
    """A request to the address that a stream came from goes over it."""
    with stream() as caller, stream() as callee:
        port = callee.getsockname()[1]
        callee.sendall(request(call="here"))
        assert read(callee) == [OK]
        caller.sendall(request("MESSAGE", f"sip:{port}@127.0.0.1", call="reuse", headers="X-How: reuse\r\n"))
        assert read(callee) == [f"MESSAGE sip:{port}@127.0.0.1 SIP/2.0"]


def test_an_alias_of_a_stream(server: Running) -> None:
    """`alias` in a Via: what goes to the port of that Via takes the stream."""
    with stream() as caller, stream() as callee:
        callee.sendall(request(call="alias", via=";alias"))
        assert read(callee) == [OK]
        caller.sendall(request("MESSAGE", f"sip:{PEER}@127.0.0.1", call="to-alias", headers="X-How: reuse\r\n"))
        assert read(callee) == [f"MESSAGE sip:{PEER}@127.0.0.1 SIP/2.0"]


#: In the daemon t_relay() itself fails, which sl_reply_error() then answers; here the transaction learns of it behind
#: the script, and answers by itself.
FAILED = {"kamailio": ("SIP/2.0 477 ",), "kamscript": ("SIP/2.0 477 ", "SIP/2.0 503 ")}


def test_nobody_to_send_to_and_none_may_be_opened(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(request("MESSAGE", "sip:22059@127.0.0.1", call="no-connect", headers="X-How: reuse\r\n"))
        assert read(tcp)[0].startswith(FAILED[server.name])


def test_a_peer_that_refuses(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(request("MESSAGE", "sip:22059@127.0.0.1", call="refused"))
        assert read(tcp)[0].startswith(FAILED[server.name])


def test_a_stream_is_opened_to_a_peer_and_its_answer_comes_back(server: Running) -> None:
    with socket.create_server(("127.0.0.1", PEER + 5)) as listener, stream() as tcp:
        listener.settimeout(5)
        for call in ("out-1", "out-2"):
            tcp.sendall(request("MESSAGE", f"sip:{PEER + 5}@127.0.0.1", call=call))
            if call == "out-1":
                peer, _ = listener.accept()
                peer.settimeout(5)
            text = peer.recv(65536).decode()
            assert text.startswith("MESSAGE ")
            reply = "".join(
                f"{line}\r\n" for line in text.split("\r\n") if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq")
            )
            to = "To: <sip:b@127.0.0.1>;tag=b\r\n"
            peer.sendall(f"SIP/2.0 202 Accepted\r\n{reply}{to}Content-Length: 0\r\n\r\n".encode())
            assert read(tcp, 1) == ["SIP/2.0 202 Accepted"]
        peer.close()


@pytest.mark.kamailio
def test_connections_are_counted_and_listed(server: Running) -> None:
    with stream() as tcp:
        tcp.sendall(request(call="listed"))
        assert read(tcp) == [OK]
        assert "max_connections: 200" in server.kamcmd("core.tcp_info")
        listed = server.kamcmd("core.tcp_list")
        assert f"src_port: {tcp.getsockname()[1]}" in listed
        assert "state: CONN_OK" in listed
        assert f"dst_port: {PORT}" in listed
