"""What 6.x added to streams and control channels."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kamscript.live.streams import Streams
from tests.live.servers import Running, kamscript

PORT, CONTROL = 22620, 22621
CONFIG = f"""
debug=1
auto_aliases=no
tcp_msg_data_timeout=0
tcp_msg_read_timeout=0
tcp_accept_iplimit=3
listen=tcp:127.0.0.1:{PORT}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "transport", 8)
modparam("jsonrpcs", "tcp_socket", "tcp:127.0.0.1:{CONTROL}")
request_route {{ sl_send_reply("200", "OK"); }}
"""
OPTIONS = (
    f"OPTIONS sip:127.0.0.1:{PORT} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK-1\r\n"
    "From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: later\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with kamscript(CONFIG, tmp_path_factory.mktemp("later"), "--target", "6.x") as running:
        yield running


def connected(port: int = PORT) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def test_json_rpc_over_tcp_one_request_a_connection(server: Running) -> None:
    with connected(CONTROL) as tcp:
        tcp.sendall(b'{"jsonrpc": "2.0", "method": "core.echo", "params": ["a"], "id": 1}')
        answer = b""
        while data := tcp.recv(65536):
            answer += data
    assert json.loads(answer) == {"jsonrpc": "2.0", "result": ["a"], "id": 1}


def test_a_connection_that_says_nothing_is_closed(server: Running) -> None:
    with connected() as tcp:
        assert tcp.recv(100) == b""


def test_a_message_that_does_not_get_ready_closes_its_connection(server: Running) -> None:
    with connected() as tcp:
        tcp.sendall(OPTIONS + OPTIONS[:50])
        assert tcp.recv(65536).startswith(b"SIP/2.0 200 OK")
        assert tcp.recv(100) == b""


def test_connections_of_one_address_are_counted(server: Running) -> None:
    kept = [connected() for _ in range(3)]
    for tcp in kept:  # each is heard, so that it stays
        tcp.sendall(OPTIONS)
        assert tcp.recv(65536)
    with connected() as tcp:
        assert tcp.recv(100) == b""
    for tcp in kept:
        tcp.close()
    assert "maximum number of connections exceeded for 127.0.0.1" in server.wait_for("exceeded for")


@pytest.mark.parametrize(
    ("limit", "queued", "too_much"),
    [(1000, (400, 500), False), (1000, (400, 600), True), (10_000, (400, 30_000), True)],
)
def test_what_waits_to_be_written_is_limited_over_all_connections(
    tmp_path: Path, limit: int, queued: tuple[int, int], too_much: bool
) -> None:
    """tcp_wq_max, and tcp_conn_wq_max of 20000."""
    server = SimpleNamespace(settings={}, target="5.6", tcp={"conn_wq_max": 20_000, "wq_max": limit})
    streams = Streams(SimpleNamespace(server=server))  # type: ignore[arg-type]
    connections: dict[int, Any] = {
        number: SimpleNamespace(queued=size, transport=True) for number, size in enumerate(queued)
    }
    streams.by_number = connections
    assert streams._too_much(connections[1], 100) is too_much
