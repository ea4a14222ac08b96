"""Settings of module tls that show on sockets, of kamscript alone where the daemon's do not show or differ."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.live.tls import TlsConfigError, check_profiles
from tests.live.servers import Running, kamailio, kamscript, wait_for_port

PORT, TLS_PORT = 22198, 22203
CONFIG = f"""
debug=3
children=1
tcp_children=1
enable_tls=yes
tcp_accept_no_cl=yes
tls_max_connections=2
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
listen=tls:127.0.0.1:{TLS_PORT}
loadmodule "ctl.so"
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "cfg_rpc.so"
loadmodule "xlog.so"
modparam("tls", "tls_method", "TLSv1.2")
modparam("tls", "send_close_notify", 1)
modparam("tls", "ssl_max_send_fragment", 512)
modparam("tls", "tls_log", 1)
request_route {{
    if ($rU == "end") {{
        set_reply_close();
    }}
    sl_reply("200", "Fine");
}}
"""


@pytest.fixture(scope="module", params=[pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def server(
    request: pytest.FixtureRequest, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The server under test, one for all cases."""
    directory = tmp_path_factory.mktemp("settings")
    config = (
        CONFIG
        + f'modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")\n'
        + f'modparam("tls", "certificate", "{certificates}/server.pem")\n'
        + f'modparam("tls", "private_key", "{certificates}/server.key")\n'
    )
    with request.param(config, directory, ports=(PORT,)) as running:
        wait_for_port(TLS_PORT, running, "tcp")
        yield running


class Client:
    """A TLS client over bytes, so that records can be looked at."""

    def __init__(self, tcp: socket.socket) -> None:
        self.tcp, self.records = tcp, b""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.inside, self.outside = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inside, self.outside)
        for _ in range(10):
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.more()
        self.flush()
        self.records = b""

    def flush(self) -> None:
        if data := self.outside.read():
            self.tcp.sendall(data)

    def more(self) -> None:
        data = self.tcp.recv(65536)
        if not data:
            raise ConnectionError("the server hung up")
        self.records += data
        self.inside.write(data)

    def ask(self, user: str, length: int = 0) -> str:
        """Send a request of some length and read its answer."""
        text = (
            f"OPTIONS sip:{user}@x SIP/2.0\r\nVia: SIP/2.0/TLS a.invalid;branch=z9hG4bK1;x={'y' * length}\r\n"
            "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        self.tls.write(text.encode())
        self.flush()
        answer = ""
        while not answer.endswith("\r\n\r\n"):
            data = self.read()
            assert data, "the server said that it is the end"
            answer += data.decode()
        return answer

    def read(self) -> bytes:
        """What comes next; nothing behind close_notify."""
        for _ in range(100):
            with contextlib.suppress(ssl.SSLWantReadError):
                return self.tls.read(65536)
            self.more()
        raise AssertionError("no data in 100 pieces")


@contextlib.contextmanager
def client() -> Iterator[Client]:
    with socket.create_connection(("127.0.0.1", TLS_PORT), timeout=5) as tcp:
        yield Client(tcp)


def test_the_longest_record(server: Running) -> None:
    """ssl_max_send_fragment is the clear text of a record."""
    with client() as found:
        found.ask("x", 1000)
        at, lengths = 0, []
        while at < len(found.records):
            lengths.append(int.from_bytes(found.records[at + 3 : at + 5], "big"))
            at += 5 + lengths[-1]
        assert len(lengths) > 2
        assert max(lengths) <= 512 + 64


def test_the_end_is_told(server: Running) -> None:
    """send_close_notify."""
    with client() as found:
        found.ask("end")
        assert found.read() == b""


def test_a_new_connection_is_logged(server: Running) -> None:
    """tls_log."""
    with client() as found:
        found.ask("x")
    server.wait_for("tls_accept: new connection from 127.0.0.1:")
    server.wait_for("using TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 256")


def test_too_many_connections(server: Running) -> None:
    """tls_max_connections."""
    with client() as one, client() as two:
        assert (one.ask("x")[:11], two.ask("x")[:11]) == ("SIP/2.0 200", "SIP/2.0 200")
        with pytest.raises(OSError), client() as three:
            three.ask("x")
    server.wait_for("maximum number of tls connections exceeded")


# -- kamscript alone: starts that fail


def problem(certificates: Path, *lines: str, **settings: str) -> str:
    """Why a server with these settings does not start."""
    chosen = {
        "tls_method": "TLSv1.2",
        "certificate": f"{certificates}/server.pem",
        "private_key": f"{certificates}/server.key",
        **settings,
    }
    params = [f'modparam("tls", "{name}", "{value}")' for name, value in chosen.items()]
    config = 'enable_tls=yes\nlisten=tls:127.0.0.1:5061\nloadmodule "tls.so"\nrequest_route { exit; }\n'
    lab = Lab(text=config + "\n".join([*params, *lines]))
    with pytest.raises(TlsConfigError) as error:
        check_profiles(lab.server)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("certificate", "/nowhere/cert.pem", "certificate /nowhere/cert.pem: there is no such file"),
        ("private_key", "/nowhere/key.pem", "private_key /nowhere/key.pem: there is no such file"),
        ("ca_list", "/nowhere/ca.pem", "ca_list /nowhere/ca.pem: there is no such file"),
        ("crl", "/nowhere/crl.pem", "crl /nowhere/crl.pem: there is no such file"),
        ("cipher_list", "NONSENSE", "No cipher can be selected"),
        ("tls_method", "SSLv2", "OpenSSL does not speak SSLv2 any more"),
        ("config", "/nowhere/tls.cfg", "/nowhere/tls.cfg: No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_named(certificates: Path, name: str, value: str, message: str) -> None:
    assert message in problem(certificates, **{name: value})


def test_the_key_of_another_certificate(certificates: Path) -> None:
    assert "KEY_VALUES_MISMATCH" in problem(certificates, private_key=f"{certificates}/alice.key")


def test_without_the_module() -> None:
    lab = Lab(text="listen=udp:127.0.0.1:5060\nrequest_route { exit; }\n")
    with pytest.raises(TlsConfigError, match="loadmodule"):
        check_profiles(lab.server)


# -- kamscript alone: connections that it opens (the daemon runs no event_route[tls:connection-out])

OUT_PORT, PEER = 22205, 22206
OUT = f"""
debug=2
enable_tls=yes
auto_aliases=no
listen=udp:127.0.0.1:{OUT_PORT}
listen=tls:127.0.0.1:{OUT_PORT}
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "xlog.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "con_ct_wq_max", 1000)
request_route {{
    $du = "sip:127.0.0.1:{PEER};transport=tls";
    forward();
}}
event_route[tls:connection-out] {{
    xlog("L_INFO", "opened $tls_peer_subject_cn $sndto(port)\\n");
    drop;
}}
"""


@pytest.fixture
def opening(certificates: Path, tmp_path: Path) -> Iterator[Running]:
    """A kamscript that forwards to the peer."""
    config = (
        OUT
        + f'modparam("tls", "certificate", "{certificates}/server.pem")\n'
        + f'modparam("tls", "private_key", "{certificates}/server.key")\n'
    )
    with kamscript(config, tmp_path) as running:
        yield running


def forwarded(number: int, length: int) -> None:
    """Send a request that is to be forwarded."""
    text = (
        f"OPTIONS sip:x@x SIP/2.0\r\nVia: SIP/2.0/UDP a.invalid;branch=z9hG4bK{number}\r\nFrom: <sip:a@x>;tag=1\r\n"
        f"To: <sip:b@x>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\nX: {'x' * length}\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(text.encode(), ("127.0.0.1", OUT_PORT))


def test_a_connection_that_is_opened_and_dropped(opening: Running, certificates: Path) -> None:
    """What waits for a handshake is limited; behind `drop` nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    with socket.create_server(("127.0.0.1", PEER)) as listening:
        listening.settimeout(5)
        forwarded(1, 300)
        tcp, _ = listening.accept()
        forwarded(2, 900)
        opening.wait_for("the write queue is full")
        tcp.settimeout(5)
        with tcp, context.wrap_socket(tcp, server_side=True) as stream:
            opening.wait_for(f"opened server {PEER}")
            stream.settimeout(0.3)
            with pytest.raises(TimeoutError):
                stream.recv(1)
