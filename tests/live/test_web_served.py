"""Served configs that ask an HTTP server: one whose route waits, one that goes on when the answer is there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.live.servers import kamscript
from tests.live.test_web import serving

pytest.importorskip("urllib3")

CONFIG = """
listen=udp:127.0.0.1:PORT
disable_tcp=yes
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "http_client.so"
loadmodule "http_async_client.so"
request_route {
    if ($rU == "wait") {
        $var(code) = http_client_query("WEB/wait", "$var(answer)");
        sl_send_reply("$var(code)", "$var(answer)");
        exit;
    }
    t_newtran();
    http_async_query("WEB/beside", "ANSWERED");
}
route[ANSWERED] { t_reply("$http_rs", "$http_rb"); }
"""
OPTIONS = (
    "OPTIONS sip:{user}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK-{user}\r\n"
    "From: <sip:a@example.com>;tag=a1\r\nTo: <sip:b@example.com>\r\nCall-ID: {user}\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


def test_answers_reach_the_routes(tmp_path: Path) -> None:
    with serving() as url, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(10)
        with kamscript(CONFIG.replace("PORT", "24211").replace("WEB", url), tmp_path, ports=(24211,)):
            for user in ("wait", "beside"):
                phone.sendto(OPTIONS.format(user=user).encode(), ("127.0.0.1", 24211))
                reply = phone.recv(4096).decode("latin-1")
                assert reply.startswith(f"SIP/2.0 201 GET /{user}")
