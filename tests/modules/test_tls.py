"""Module tls over the lab's connections, where nothing is encrypted and phones show what a test gives them."""

from __future__ import annotations

import pytest

from kamscript.core.rpc import RpcFault
from kamscript.lab import Lab
from kamscript.lab.transports import StreamPhone
from kamscript.modules.tls.profiles import Profiles
from kamscript.sip.certificate import EXPIRED, Certificate
from kamscript.source import ConfigError
from tests.certificate import PEM

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
    assert "proto != TLS" in lab.log.lines()[-3]
    assert lab.log.lines()[-1] == "ERROR: tls: the message came over udp, not over TLS"


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


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tls.version", "TLSv1.3"),
        ("tls.cipher.bits", "256"),
        ("tls.server_name", "example.com"),
        ("tls.peer", "alice"),
        ("tls.peer.subject", "alice"),
        ("tls.peer.issuer.commonName", "Test CA"),
        ("tls.peer.subj.o", "Example"),
        ("tls.peer.sn", "4711"),
        ("tls.peer.not_after", "Jan  1 00:00:00 2036 GMT"),
        ("tls.peer.dns", "a.example.com"),
        ("tls.peer.ip", ""),
        ("tls.peer.verified", "1"),
        ("tls.peer.self_signed", "0"),
        ("tls.my.verified", ""),
        ("tls.peer.verified_cert_chain[0]", ""),
    ],
)
def test_selects(path: str, value: str) -> None:
    lab = make("$var(v)")
    lab = Lab(text=CONFIG.replace("if (is_peer", f'$var(s) = @{path} + "";\n    if (is_peer', 1) % ("", "$var(s)"))
    assert ask(lab).removeprefix("verified: ") == value


@pytest.mark.parametrize("path", ["tls.nothing", "tls.peer.subject.nothing", "tls.peer.sn.cn", "tls.you"])
def test_an_unknown_select_is_named_at_load(path: str) -> None:
    lab = Lab(text=CONFIG.replace("if (is_peer", f"$var(s) = @{path};\n    if (is_peer", 1) % ("", ""))
    assert f"ERROR: <core>: unknown select @{path}" in lab.log.lines()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("tls_my_subject_cn", "server"),
        ("tls_my_subject_uid", "u1"),
        ("tls_my_san_ip", "127.0.0.1"),
        ("tls(m_subject_line)", "/C=DE/ST=Berlin/L=Town/O=Example/OU=Unit/CN=server/UID=u1/emailAddress=a@b.c"),
        ("tls_my_serial", "178060613212336338309248291531612689532350605817"),
    ],
)
def test_what_the_server_shows_is_in_the_file_of_its_profile(variable: str, value: str) -> None:
    lab = make(f"${variable}", 'modparam("tls", "certificate", "/etc/a.pem")', files={"/etc/a.pem": PEM})
    assert ask(lab) == f"verified: {value}"


FILE = """
[server:default]
method = TLSv1.2+   # all newer ones
certificate = "/etc/a.pem"
[server:127.0.0.1:5061]
certificate = b.pem
[server:any]
server_name = example.org
server_name_mode = 1
certificate = /etc/c.pem
[client:default]
verify_certificate = yes
[client:10.0.0.9:5061]
server_id = one
certificate = /etc/d.pem
[client:any]
server_name = example.net
server_name_mode = 2
"""


def profiles(text: str = FILE) -> Profiles:
    lab = make(line='modparam("tls", "config", "/etc/tls.cfg")', files={"/etc/tls.cfg": text})
    found: Profiles = lab.module("tls").profiles
    return found


def test_a_connection_that_arrives_gets_the_profile_of_its_address() -> None:
    assert profiles().accepting("127.0.0.1", 5061).certificate == "b.pem"
    assert profiles().accepting("127.0.0.1", 5062).certificate == "/etc/a.pem"


def test_the_profile_of_a_server_name_counts_where_the_default_would() -> None:
    assert profiles().accepting("10.0.0.1", 5061, "sip.EXAMPLE.org").certificate == "/etc/c.pem"
    assert profiles().accepting("10.0.0.1", 5061, "example.com").certificate == "/etc/a.pem"
    assert profiles().accepting("127.0.0.1", 5061, "example.org").certificate == "b.pem"


def test_a_connection_that_is_opened_gets_the_profile_of_its_id_then_of_its_address_then_of_its_name() -> None:
    found = profiles()
    assert found.connecting([("10.0.0.1", 5061)], server_id="ONE").certificate == "/etc/d.pem"
    assert found.connecting([("10.0.0.9", 5061)]).certificate == "/etc/d.pem"
    assert found.connecting([("10.0.0.1", 5061)], "a.example.net").server_name == "example.net"
    assert found.connecting([("10.0.0.1", 5061)], "example.net").verify_certificate


def test_what_a_profile_leaves_open_is_filled_in_with_defaults_of_its_own() -> None:
    found = profiles()
    assert (found.server.method, found.client.method) == ("TLSv1.2+", "TLSv1+")
    assert found.accepting("127.0.0.1", 5061).private_key == "cert.pem"
    assert not found.client.certificate


def test_a_folder_of_files() -> None:
    files = {"/etc/tls/a.cfg": "[server:default]\nmethod=TLSv1.1", "/etc/tls/b.cfg": "[client:default]\nmethod=TLSv1.2"}
    found = make(line='modparam("tls", "config", "/etc/tls")', files=files).module("tls").profiles
    assert (found.server.method, found.client.method) == ("TLSv1.1", "TLSv1.2")


def test_the_profile_of_parameters_is_that_of_both_sides() -> None:
    found = make(line='modparam("tls", "certificate", "/etc/a.pem")').module("tls").profiles
    assert (found.server.certificate, found.client.certificate) == ("/etc/a.pem", "/etc/a.pem")
    assert found.server.method == "TLSv1"


def test_the_file_is_read_again() -> None:
    line = 'loadmodule "cfg_rpc.so"\nmodparam("tls", "config", "/etc/tls.cfg")'
    lab = make(line=line, files={"/etc/tls.cfg": FILE, "/etc/new.cfg": ""})
    assert lab.rpc("tls.reload") == "Ok. TLS configuration reloaded."
    lab.rpc("cfg.set_now_string", "tls", "config", "/etc/new.cfg")
    lab.rpc("tls.reload")
    assert not lab.module("tls").profiles.others
    lab.rpc("cfg.set_now_string", "tls", "config", "/etc/none.cfg")
    with pytest.raises(RpcFault, match="Error while loading"):
        lab.rpc("tls.reload")


def test_reload_without_a_file_is_refused() -> None:
    with pytest.raises(RpcFault, match="No TLS configuration file configured"):
        make().rpc("tls.reload")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[proxy:default]", "line 1: "),
        ("method = TLSv1", "line 1: a setting stands in front"),
        ("[server:default]\nnonsense", "line 2: `name = value`"),
        ("[server:default]\nmethod = TLSv7", "line 2: TLSv7 is no method"),
        ("[server:default]\nverify_certificate = perhaps", "line 2: verify_certificate is yes or no"),
        ("[server:*]", "line 1: `default`, `any` or ip:port"),
        ("[server:default]\nverify_depth = -1", "line 2: verify_depth is a number"),
        ("[server:default]\nverify_depth = deep", "line 2: verify_depth is a number"),
        ("[server:default]\nverify_client = perhaps", "line 2: perhaps is no verify_client"),
        ("[server:default]\nproxy = x", "line 2: there is no setting proxy"),
        (
            "[server:127.0.0.1:5061]\n[server:127.0.0.1:5061]\n[client:default]",
            "line 2: .* twice without a server_name",
        ),
        ("[server:any]\nmethod=TLSv1", "line 1: .* needs a server_name"),
        ("[server:127.0.0.1]", "line 1: `default`, `any` or ip:port"),
        ("[server:example.org:5061]", "line 1: example.org is no IP address"),
        ("[server:10.0.0.7:5061]", "no TLS listen address is that"),
        ('[server:default]\ncertificate = "a', "line 2: the quote is not closed"),
        ("[server:default]\ncertificate =", "line 2: certificate has no value"),
    ],
)
def test_a_broken_file_is_refused_at_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        profiles(text)


def test_of_two_defaults_the_last_one_counts() -> None:
    assert profiles("[server:default]\nmethod=TLSv1.1\n[server:default]\nmethod=TLSv1.2").server.method == "TLSv1.2"


def test_a_file_that_is_not_there_is_a_warning_in_the_lab() -> None:
    lab = make(line='modparam("tls", "config", "/etc/none.cfg")')
    assert "/etc/none.cfg: " in lab.log.lines()[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('modparam("tls", "tls_method", "TLSv7")', "tls_method TLSv7"),
        ('modparam("tls", "verify_client", "maybe")', "verify_client maybe"),
        ('modparam("tls", "ssl_max_send_fragment", 100)', "512 to 16384"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(line=line)


def test_tls_1_3_is_a_method_since_6() -> None:
    line = 'modparam("tls", "tls_method", "TLSv1.3")'
    assert make(line=line, target="6.x").module("tls").profiles.server.method == "TLSv1.3"
    with pytest.raises(ConfigError, match=r"tls_method TLSv1\.3"):
        make(line=line, target="5.6")


def test_statistics_since_6() -> None:
    lab = make(target="6.x")
    ask(lab)
    found = {name: lab.stats[f"tls:{name}"] for name in ("opened_connections", "max_connections")}
    assert found == {"opened_connections": 1, "max_connections": 2048}


OUT = """
debug=2
enable_tls=yes
listen=udp:127.0.0.1:5060
listen=tls:127.0.0.1:5061
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "xlog.so"
loadmodule "tls.so"
modparam("tls", "config", "/etc/tls.cfg")
modparam("tls", "xavp_cfg", "tls")
request_route {
    %s
    $du = "sip:10.0.0.9:5061;transport=tls";
    t_on_reply("BACK");
    t_relay();
}
onreply_route[BACK] {
    xlog("L_INFO", "$pr $tls_peer_server_name $tls_my_subject_cn $tls_peer_subject_cn\\n");
}
event_route[tls:connection-out] {
    xlog("L_INFO", "opened to $sndto(ip) $tls_version\\n");
    %s
}
"""
OUT_FILE = """
[client:default]
method = TLSv1.2
[client:any]
server_name = example.net
server_id = one
certificate = /etc/d.pem
"""


def call_out(line: str = "", event: str = "") -> Lab:
    return Lab(text=OUT % (line, event), files={"/etc/tls.cfg": OUT_FILE, "/etc/d.pem": PEM})


def reached(lab: Lab) -> str:
    """What a reply from a phone that the server connects to saw of the connection."""
    carol = lab.phone("carol", proto="tls", where=("10.0.0.9", 5061))
    assert isinstance(carol, StreamPhone)
    carol.shows("carol")
    lab.phone("alice").options().expect(200)
    assert "INFO: <script>: opened to 10.0.0.9 TLSv1.3\n" in lab.log.lines()
    return lab.log.lines()[-1].removeprefix("INFO: <script>: ").rstrip()


def test_a_connection_that_is_opened() -> None:
    assert reached(call_out()) == "tls <null> <null> carol"


def test_a_server_id_chooses_the_profile_of_the_next_connection() -> None:
    assert reached(call_out('tls_set_connect_server_id("one");')) == "tls <null> server carol"
    assert reached(call_out('tls_set_connect_server_id("two");')) == "tls <null> <null> carol"
    assert reached(call_out('tls_set_connect_server_id("one"); tls_set_connect_server_id("");')).endswith(
        "<null> carol"
    )


def test_an_xavp_chooses_the_profile_and_the_name_that_is_asked_for() -> None:
    assert reached(call_out('$xavp(tls=>server_id) = "one";')) == "tls <null> server carol"
    assert reached(call_out('$xavp(tls=>server_name) = "example.net";')) == "tls example.net server carol"


def test_drop_when_a_connection_is_opened_keeps_everything_from_being_sent() -> None:
    lab = call_out(event="drop;")
    carol = lab.phone("carol", proto="tls", where=("10.0.0.9", 5061))
    lab.phone("alice").options().expect(408)
    assert not carol.received
