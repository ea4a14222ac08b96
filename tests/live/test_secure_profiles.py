"""TLS profiles over real sockets, in both directions. Each case holds for the daemon and for kamscript."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.servers import Running, kamailio, kamscript, wait_for_port

PORT = 22190
#: Where each profile of the file below listens.
NORMAL, STRICT, DEPTH, REVOKING = range(22191, 22195)
PEER = 22196
CONFIG = f"""
debug=2
children=1
tcp_children=1
enable_tls=yes
tcp_accept_no_cl=yes
tcp_async=yes
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
listen=tls:127.0.0.1:{NORMAL}
listen=tls:127.0.0.1:{STRICT}
listen=tls:127.0.0.1:{DEPTH}
listen=tls:127.0.0.1:{REVOKING}
loadmodule "ctl.so"
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "cfg_rpc.so"
modparam("tls", "xavp_cfg", "out")
modparam("tls", "connection_timeout", 77)
request_route {{
    if ($hdr(X-Id) != $null) tls_set_connect_server_id("$hdr(X-Id)");
    if ($hdr(X-Xavp) != $null) $xavp(out=>server_id) = $hdr(X-Xavp);
    if ($hdr(X-Name) != $null) $xavp(out=>server_name) = $hdr(X-Name);
    if ($rU == "out") {{
        $du = "sip:127.0.0.1:{PEER};transport=tls";
        t_on_reply("BACK");
        t_relay();
        exit;
    }}
    $var(s) = @tls.me.subject.cn + " " + @tls.peer.issuer + " " + @tls.peer.verified;
    $var(v) = $tls_peer_verified;
    sl_send_reply("200", "Saw $tls_my_subject_cn $tls_peer_subject_cn $tls_peer_server_name $var(v) $var(s)");
}}
onreply_route[BACK] {{
    remove_hf("X-Seen");
    append_hf("X-Seen: $pr $tls_my_subject_cn $tls_peer_subject_cn $tls_peer_san_hostname $tls_peer_server_name\\r\\n");
}}
"""
FILE = """
[server:default]
method = TLSv1.2+
certificate = {0}/server.pem
private_key = {0}/server.key
ca_list = "{0}/ca.pem"
verify_certificate = yes
[server:any]
method = TLSv1.2+
certificate = {0}/other.pem
private_key = {0}/other.key
server_name = example.com
server_name_mode = 1
[server:127.0.0.1:22192]
method = TLSv1.2+
certificate = {0}/server.pem
private_key = {0}/server.key
ca_list = {0}/ca.pem
require_certificate = yes
[server:127.0.0.1:22193]
method = TLSv1.2+
certificate = {0}/server.pem
private_key = {0}/server.key
ca_list = {0}/ca.pem
verify_client = on
verify_depth = 0
[server:127.0.0.1:22194]
method = TLSv1.2
certificate = {0}/server.pem
private_key = {0}/server.key
ca_list = {0}/ca.pem
verify_client = on
crl = {0}/crl.pem
cipher_list = ECDHE-ECDSA-AES128-GCM-SHA256
[client:default]
method = TLSv1.2+
verify_certificate = no
[client:any]
method = TLSv1.2+
certificate = {0}/alice.pem
private_key = {0}/alice.key
ca_list = {0}/ca.pem
verify_certificate = yes
server_name = nowhere.example.com
server_id = trusting
[client:any]
method = TLSv1.2+
verify_certificate = yes
server_name = nowhere.example.com
server_id = mistrusting
"""


@pytest.fixture(scope="module", params=[pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def server(
    request: pytest.FixtureRequest, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The server under test, one for all cases."""
    directory = tmp_path_factory.mktemp("profiles")
    (directory / "tls.cfg").write_text(FILE.format(certificates))
    config = (
        CONFIG
        + f'modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")\n'
        + 'modparam("tls", "config", "tls.cfg")\n'  # beside the config
    )
    with request.param(config, directory, ports=(PORT,)) as running:
        wait_for_port(REVOKING, running, "tcp")
        yield running


@contextlib.contextmanager
def tls(certificates: Path, port: int, name: str = "", server_name: str | None = None) -> Iterator[ssl.SSLSocket]:
    """A TLS connection to the server, with a certificate of its own when told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificates / "ca.pem")
    if name:
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as tcp,
        context.wrap_socket(tcp, server_hostname=server_name) as secured,
    ):
        yield secured


def options(via: str, user: str = "x", headers: str = "") -> bytes:
    return (
        f"OPTIONS sip:{user}@x SIP/2.0\r\nVia: SIP/2.0/{via};branch=z9hG4bK{user}{len(headers)};rport\r\n"
        f"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: {user}{headers.strip()}\r\nCSeq: 1 OPTIONS\r\n"
        f"{headers}Content-Length: 0\r\n\r\n"
    ).encode()


def reason(certificates: Path, port: int, name: str = "", server_name: str | None = None) -> str:
    """What a request over a new connection is answered; "refused" when the connection is."""
    try:
        with tls(certificates, port, name, server_name) as stream:
            stream.sendall(options("TLS a.invalid"))
            data = stream.recv(65536).decode()
    except (ssl.SSLError, ConnectionError):
        return "refused"
    return data.partition("\r\n")[0].removeprefix("SIP/2.0 200 Saw ") or "refused"


# -- connections that arrive


def test_the_default_profile(server: Running, certificates: Path) -> None:
    assert reason(certificates, NORMAL) == "server <null> <null> 0 server  0"
    assert reason(certificates, NORMAL, "alice") == "server alice <null> 1 server Test CA 1"


@pytest.mark.parametrize(("name", "shown"), [("example.com", "other"), ("a.EXAMPLE.com", "other"), ("x.org", "server")])
def test_the_profile_of_a_server_name(server: Running, certificates: Path, name: str, shown: str) -> None:
    assert reason(certificates, NORMAL, "", name).startswith(f"{shown} <null> {name} ")


def test_the_profile_of_a_server_name_says_whether_certificates_are_asked_for(
    server: Running, certificates: Path
) -> None:
    assert reason(certificates, NORMAL, "alice", "example.com") == "other <null> example.com 0 other  0"


def test_a_certificate_is_required(server: Running, certificates: Path) -> None:
    assert reason(certificates, STRICT) == "refused"
    assert reason(certificates, STRICT, "alice") == "server alice <null> 1 server Test CA 1"
    assert reason(certificates, STRICT, "deep") == "server deep <null> 1 server Middle CA 1"


def test_a_chain_is_too_long(server: Running, certificates: Path) -> None:
    assert reason(certificates, DEPTH, "deep") == "refused"
    assert reason(certificates, DEPTH, "alice") == "server alice <null> 1 server Test CA 1"


def test_a_certificate_is_revoked(server: Running, certificates: Path) -> None:
    assert reason(certificates, REVOKING, "revoked") == "refused"
    assert reason(certificates, REVOKING, "alice") == "server alice <null> 1 server Test CA 1"


def test_version_and_cipher_are_those_of_the_profile(server: Running, certificates: Path) -> None:
    with tls(certificates, REVOKING, "alice") as stream:
        assert (stream.version(), (stream.cipher() or ("",))[0]) == ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")


@pytest.mark.kamailio  # for kamcmd
def test_how_long_a_connection_may_be_silent(server: Running, certificates: Path) -> None:
    with tls(certificates, NORMAL) as stream:
        stream.sendall(options("TLS a.invalid"))
        stream.recv(65536)
        assert "lifetime: 77" in server.kamcmd("core.tcp_list")
        assert "state: established" in server.kamcmd("tls.list")


# -- connections that the server opens


class Peer:
    """A TLS server that answers requests, and remembers what it was shown."""

    def __init__(self, certificates: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        self.context.load_verify_locations(certificates / "ca.pem")
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.context.sni_callback = lambda stream, name, context: self.names.append(name)
        self.names: list[str | None] = []
        self.shown: list[str] = []
        self.listening = socket.create_server(("127.0.0.1", PEER))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                tcp, _ = self.listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), self.context.wrap_socket(tcp, server_side=True) as stream:
                found = stream.getpeercert() or {}
                subject: Any = found.get("subject", ())
                names = {key: value for part in subject for key, value in part}
                self.shown.append(str(names.get("commonName", "")))
                request = stream.recv(65536).decode()
                kept = [line for line in request.split("\r\n") if line[:4] in ("Via:", "From", "To: ", "Call", "CSeq")]
                stream.sendall("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode())

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(5)


@contextlib.contextmanager
def peer(certificates: Path) -> Iterator[Peer]:
    found = Peer(certificates)
    try:
        yield found
    finally:
        found.close()


def call(headers: str) -> str:
    """Ask the server to go to the peer: what it saw of the connection when the answer came, "" when none did."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(5)
        udp.sendto(options("UDP a.invalid", "out", headers), ("127.0.0.1", PORT))
        answer = udp.recv(65536).decode()
        while answer.startswith("SIP/2.0 1"):
            answer = udp.recv(65536).decode()
    return answer.partition("X-Seen: ")[2].partition("\r\n")[0]


@pytest.mark.parametrize(
    ("headers", "seen", "shown", "asked"),
    [
        ("", "tls <null> server example.com <null>", "", None),
        ("X-Id: trusting\r\n", "tls alice server example.com <null>", "alice", None),
        ("X-Id: nobody\r\n", "tls <null> server example.com <null>", "", None),
        ("X-Xavp: TRUSTING\r\n", "tls alice server example.com <null>", "alice", None),
        ("X-Name: sip.example.org\r\n", "tls <null> server example.com sip.example.org", "", "sip.example.org"),
    ],
)
def test_the_profile_and_name_of_a_connection_that_is_opened(
    server: Running, certificates: Path, headers: str, seen: str, shown: str, asked: str | None
) -> None:
    with peer(certificates) as other:
        assert call(headers) == seen
        assert (other.shown, other.names) == ([shown], [asked])
