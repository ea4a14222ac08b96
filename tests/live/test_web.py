"""HTTP as a live server asks for it: a server on loopback, in this process."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kamscript.core.web import HttpQuery, HttpReply, Tls
from kamscript.live.web import Web
from tests.live import certificates

pytest.importorskip("urllib3")


class Handler(BaseHTTPRequestHandler):
    """Tells what it was asked; `/slow` never does, `/drop` hangs up, `/drip` sends byte by byte."""

    protocol_version = "HTTP/1.1"
    seen: list[str] = []
    release = threading.Event()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append(f"{self.client_address[1]} {self.command} {self.path} {self.headers}")
        if self.path == "/slow":
            self.release.wait(5)
        if self.path in ("/drop", "/slow"):
            self.close_connection = True
            return
        text = f"{self.command} {self.path} ".encode() + body + b"\xe9"
        self.send_response(201, "Made")
        self.send_header("X-One", "1")
        self.send_header("X-One", "2")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_PUT = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """An HTTP server; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    Handler.seen, Handler.release = [], threading.Event()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        Handler.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web(lambda text: None)
    yield made
    made.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.make(tmp_path_factory.mktemp("certificates"))


def test_a_request_and_its_reply(web: Web) -> None:
    with serving() as url:
        reply = web.ask(HttpQuery("PUT", f"{url}/a?b=1", ("X-Key: 1", "User-Agent: me"), "text\xe9", 5))
    assert (reply.status, reply.reason, reply.body, reply.error) == (201, "Made", "PUT /a?b=1 text\xe9\xe9", 0)
    assert reply.header("x-one") == "1" and ("X-One", "2") in reply.headers
    (seen,) = Handler.seen
    assert "X-Key: 1" in seen and "User-Agent: me" in seen and "Accept: */*" in seen and "urllib3" not in seen


def test_connections_are_kept_where_it_is_asked_for(web: Web) -> None:
    with serving() as url:
        for keep in (True, True, False, False):
            web.ask(HttpQuery("GET", url, timeout=5, keep=keep))
    ports = [line.split(" ", 1)[0] for line in Handler.seen]
    assert ports[0] == ports[1] and len(set(ports)) == 3


@pytest.mark.parametrize(("path", "number"), [("/slow", 28), ("/drop", 52)])
def test_no_reply(web: Web, path: str, number: int) -> None:
    with serving() as url:
        assert web.ask(HttpQuery("GET", url + path, timeout=0.05 if path == "/slow" else 5)).error == number


def test_nobody_is_there(web: Web) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    assert web.ask(HttpQuery("GET", url, timeout=5)).error == 7
    assert web.ask(HttpQuery("GET", "http://a.invalid/", timeout=5)).error == 6
    assert web.ask(HttpQuery("GET", "http://a.example/", timeout=5, proxy=url)).error == 7


def test_a_proxy_gets_the_whole_url(web: Web) -> None:
    with serving() as url:
        reply = web.ask(HttpQuery("GET", "http://a.example/x", timeout=5, proxy=url.removeprefix("http://")))
    assert reply.body.startswith("GET http://a.example/x ")


def test_an_own_address(web: Web) -> None:
    with serving() as url:
        assert web.ask(HttpQuery("GET", url, timeout=5, interface="127.0.0.3")).status == 201


@pytest.mark.parametrize(
    ("tls", "number"),
    [
        (Tls(ca="ca.pem", verify_host=False), 0),
        (Tls(ca="ca.pem"), 60),
        (Tls(), 60),
        (Tls(verify_peer=False), 0),
        (Tls(ca="ca.pem", verify_host=False, version=7, ciphers="HIGH"), 0),
        (Tls(ca="nothing.pem"), 77),
        (Tls(verify_peer=False, certificate="ca.pem", key="server.key"), 58),
        (Tls(verify_peer=False, ciphers="nonsense"), 59),
        (Tls(verify_peer=False, certificate="alice.pem", key="alice.key"), 0),
    ],
)
def test_tls(web: Web, folder: Path, tls: Tls, number: int) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    ca, certificate, key = (value and str(folder / value) for value in (tls.ca, tls.certificate, tls.key))
    with serving(server) as url:
        reply = web.ask(HttpQuery("GET", url, timeout=5, tls=tls._replace(ca=ca, certificate=certificate, key=key)))
    assert (reply.error, reply.status) == (number, 0 if number else 201)


def test_tls_where_none_is_spoken(web: Web) -> None:
    with serving() as url:
        assert web.ask(HttpQuery("GET", url.replace("http:", "https:"), timeout=5)).error == 35


def test_a_reply_beside_the_server(web: Web) -> None:
    import asyncio

    async def main() -> HttpReply:
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[HttpReply] = loop.create_future()
        entered: list[str] = []

        def deliver(call: Callable[[], object]) -> None:
            entered.append(threading.current_thread().name)
            call()

        web.attach(loop, deliver)
        web.begin(HttpQuery("GET", url, timeout=5), heard.set_result)
        reply = await asyncio.wait_for(heard, 5)
        assert entered == [threading.main_thread().name]
        return reply

    with serving() as url:
        assert asyncio.run(main()).status == 201
