"""Module tls over the lab's connections, where nothing is encrypted and phones show what a test gives them."""

from __future__ import annotations

import pytest

from kamscript.core.rpc import RpcFault
from kamscript.lab import Lab
from kamscript.lab.transports import StreamPhone
from kamscript.modules.tls import read_profiles
from kamscript.sip.certificate import EXPIRED, Certificate
from kamscript.source import ConfigError

CONFIG = """
enable_tls=yes
listen=udp:127.0.0.1:5060
listen=tls:127.0.0.1:5061
alias=example.com
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tls.so"
%s
request_route {
    if (is_peer_verified()) {
        $var(v) = "verified";
    } else {
        $var(v) = "refused";
    }
    sl_send_reply("200", "Is $var(v): %s");
}
"""
CERTIFICATE = Certificate(
    {"C": "DE", "O": "Example", "CN": "alice"}, {"CN": "Test CA"}, serial="4711", hostnames=["a.example.com"],
    uris=["sip:alice@example.com"],
)  # fmt: skip


def make(shown: str = "", line: str = "", **options: object) -> Lab:
    return Lab(text=CONFIG % (line, shown), **options)  # type: ignore[arg-type]


def ask(lab: Lab, certificate: Certificate | str | None = CERTIFICATE, **options: str) -> str:
    alice = lab.phone("alice", proto="tls")
    assert isinstance(alice, StreamPhone)
    if certificate is not None:
        alice.shows(certificate, **options)
    return alice.options().expect(200).reason.removeprefix("Is ")


def test_a_verified_peer() -> None:
    assert ask(make("$tls_peer_verified$tls_peer_expired")) == "verified: 10"


def test_a_peer_without_certificate_is_not_verified() -> None:
    lab = make("$tls_peer_verified $tls_peer_subject")
    assert ask(lab, None) == "refused: 0 <null>"


def test_an_expired_certificate() -> None:
    assert ask(make("$tls_peer_verified$tls_peer_expired"), outcome=EXPIRED) == "refused: 01"


def test_udp_is_not_verified() -> None:
    lab = make("$tls_version $tls_peer_verified")
    assert lab.phone("bob").options().expect(200).reason == "Is refused: <null> <null>"
    assert "proto != TLS" in lab.log.lines()[-1]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("tls_version", "TLSv1.3"),
        ("tls_cipher_info", "TLS_AES_256_GCM_SHA384"),
        ("tls_cipher_bits", "256"),
        ("tls_peer_server_name", "example.com"),
        ("tls_peer_subject", "/C=DE/O=Example/CN=alice"),
        ("tls_peer_issuer", "/CN=Test CA"),
        ("tls_peer_subject_cn", "alice"),
        ("tls_peer_subject_country", "DE"),
        ("tls_peer_subject_organization", "Example"),
        ("tls_peer_subject_unit", "<null>"),
        ("tls_peer_issuer_cn", "Test CA"),
        ("tls_peer_san_hostname", "a.example.com"),
        ("tls_peer_san_uri", "sip:alice@example.com"),
        ("tls_peer_san_ip", "<null>"),
        ("tls_peer_san_count", "2"),
        ("tls_peer_serial", "4711"),
        ("tls_peer_version", "2"),
        ("tls_peer_notAfter", "Jan  1 00:00:00 2036 GMT"),
        ("tls_my_subject", "<null>"),
        ("tls(p_issuer_line)", "/CN=Test CA"),
    ],
)
def test_what_is_known_of_a_connection(variable: str, value: str) -> None:
    assert ask(make(f"${variable}")) == f"verified: {value}"


def test_an_unknown_line_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown PV tls name x_issuer_line"):
        make("$tls(x_issuer_line)")


def test_a_module_without_enable_tls_says_so() -> None:
    lab = Lab(text=CONFIG.replace("enable_tls=yes", "") % ("", ""))
    assert "tls support is disabled" in lab.log.lines()[0]


def test_commands() -> None:
    lab = make()
    ask(lab)
    assert lab.rpc("tls.info")["opened_connections"] == 1
    listed = lab.rpc("tls.list")
    assert (listed["src_ip"], listed["state"]) == ("10.0.0.1", "established")
    assert lab.rpc("tls.options")["verify_client"] == "off"
    lab.rpc("tls.kill", listed["id"])
    assert lab.rpc("tls.info")["opened_connections"] == 0
    with pytest.raises(RpcFault, match="Connection not found"):
        lab.rpc("tls.kill", 99)


FILE = """
[server:default]
method = TLSv1.2+   # all newer ones
certificate = "/etc/a.pem"
[server:127.0.0.1:5061]
certificate = /etc/b.pem
[server:any]
server_name = example.org
certificate = /etc/c.pem
[client:default]
verify_certificate = yes
"""


def test_profiles_of_a_file() -> None:
    lab = make(line='modparam("tls", "config", "/etc/tls.cfg")', files={"/etc/tls.cfg": FILE})
    tls = lab.module("tls")
    assert tls.profile("server", "10.0.0.1:5061") == {"method": "TLSv1.2+", "certificate": "/etc/a.pem"}
    assert tls.profile("server", "127.0.0.1:5061") == {"certificate": "/etc/b.pem"}
    assert tls.profile("server", "10.0.0.1:5061", "example.org")["certificate"] == "/etc/c.pem"
    assert tls.profile("client") == {"verify_certificate": "yes"}
    assert lab.rpc("tls.reload") == "Ok. TLS configuration reloaded."


def test_profiles_of_parameters() -> None:
    tls = make(line='modparam("tls", "certificate", "/etc/a.pem")').module("tls")
    assert tls.profile("server")["certificate"] == "/etc/a.pem"
    assert tls.profile("server")["method"] == "TLSv1"


def test_reload_without_a_file_is_refused() -> None:
    with pytest.raises(RpcFault, match="No TLS configuration file configured"):
        make().rpc("tls.reload")


@pytest.mark.parametrize("text", ["[proxy:default]", "method = x", "[server:default]\nnonsense"])
def test_a_broken_file_is_refused_at_its_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^line \d: "):
        read_profiles(text)
