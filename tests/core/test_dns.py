"""From URIs to addresses: RFC 3263 as Kamailio does it."""

from __future__ import annotations

import pytest

from kamscript.core.dns import destinations, literal, uri_target, uri_to_destination
from kamscript.core.environment import NaptrRecord, SrvRecord

from .serving import Names, Serving

ROUTE = "\nrequest_route { exit; }"
UDP_TCP = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n"


def serving(config: str = UDP_TCP) -> Serving:
    """A server in a small world: two hosts behind SRV, one without."""
    names = Names({"a.x": ["10.0.0.1"], "b.x": ["10.0.0.2", "10.0.0.3"], "x": ["10.0.0.9"], "six.x": ["2001:db8::6"]})
    names.hosts["both.x"] = ["10.0.0.4", "2001:db8::4"]
    names.srv_records["_sip._udp.x"] = [SrvRecord(20, 0, 5099, "b.x"), SrvRecord(10, 5, 5070, "a.x")]
    names.srv_records["_sip._tcp.x"] = [SrvRecord(10, 0, 5071, "a.x")]
    names.srv_records["_sip._tcp.t.x"] = [SrvRecord(10, 0, 5072, "a.x")]
    names.naptr_records["x"] = [
        NaptrRecord(1, 1, "s", "SIP+D2T", "", "_sip._tcp.x"),
        NaptrRecord(2, 2, "S", "sip+d2u", "", "_sip._udp.x"),
        NaptrRecord(0, 0, "s", "SIPS+D2T", "", "_sips._tcp.x"),
        NaptrRecord(0, 0, "u", "E2U+sip", "!x!y!", "."),
    ]
    return Serving(config + ROUTE, names)


def walk(config: str, host: str, port: int = 0, proto: str = "") -> list[str]:
    """Every destination of a host, in order."""
    found = serving(config).server.dns.destinations(host, port, proto)
    return [f"{d.proto}:{d.ip}:{d.port}" for d in found]


@pytest.mark.parametrize(
    ("host", "port", "proto", "expected"),
    [
        ("10.1.1.1", 0, "", ["udp:10.1.1.1:5060"]),
        ("10.1.1.1", 0, "tls", ["tls:10.1.1.1:5061"]),
        ("10.1.1.1", 5070, "tcp", ["tcp:10.1.1.1:5070"]),
        ("[2001:DB8::1]", 0, "", ["udp:2001:db8::1:5060"]),
        ("x", 0, "", ["udp:10.0.0.1:5070", "udp:10.0.0.2:5099", "udp:10.0.0.3:5099"]),
        ("x", 0, "tcp", ["tcp:10.0.0.1:5071"]),
        ("x", 5060, "", ["udp:10.0.0.9:5060"]),
        ("t.x", 0, "", ["tcp:10.0.0.1:5072"]),  # no SRV for UDP: TCP is tried
        ("a.x", 0, "", ["udp:10.0.0.1:5060"]),
        ("a.x", 0, "tls", ["tls:10.0.0.1:5061"]),
        ("nowhere", 0, "", []),
    ],
)
def test_a_host_becomes_destinations(host: str, port: int, proto: str, expected: list[str]) -> None:
    assert walk(UDP_TCP, host, port, proto) == expected


def test_naptr_names_the_transport_when_asked_to() -> None:
    udp = ["udp:10.0.0.1:5070", "udp:10.0.0.2:5099", "udp:10.0.0.3:5099"]
    assert walk("dns_try_naptr=on\n" + UDP_TCP, "x") == [*udp, "tcp:10.0.0.1:5071"]
    assert walk("dns_try_naptr=on\ndns_tcp_pref=40\n" + UDP_TCP, "x") == ["tcp:10.0.0.1:5071", *udp]


def test_the_order_of_naptr_records_counts_without_preferences() -> None:
    config = "dns_try_naptr=on\ndns_naptr_ignore_rfc=off\n"
    assert walk(config + UDP_TCP, "x")[0] == "tcp:10.0.0.1:5071"


def test_a_transport_with_a_negative_preference_is_not_looked_up() -> None:
    assert walk("dns_udp_pref=-1\n" + UDP_TCP, "x") == ["tcp:10.0.0.1:5071"]


def test_ipv6_needs_an_ipv6_socket() -> None:
    assert walk(UDP_TCP, "six.x") == []
    six = UDP_TCP + "listen=udp:[::1]:5060\n"
    assert walk(six, "six.x") == ["udp:2001:db8::6:5060"]
    assert walk("dns_try_ipv6=off\n" + six, "six.x") == []


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0, ["10.0.0.4", "2001:db8::4"]),
        (1, ["10.0.0.4"]),
        (2, ["2001:db8::4"]),
        (4, ["2001:db8::4", "10.0.0.4"]),
    ],
)
def test_flags_decide_between_the_address_families(flags: int, expected: list[str]) -> None:
    config = f"dns_cache_flags={flags}\nlisten=udp:127.0.0.1:5060\nlisten=udp:[::1]:5060\n"
    assert [d.ip for d in serving(config).server.dns.destinations("both.x", 5060)] == expected


def test_load_is_spread_by_weight_when_asked_to() -> None:
    made = serving("dns_srv_lb=on\n" + UDP_TCP)
    made.names.srv_records["_sip._udp.l.x"] = [
        SrvRecord(1, 3, 1, "a.x"),
        SrvRecord(1, 1, 2, "a.x"),
        SrvRecord(2, 9, 3, "a.x"),
    ]
    firsts = []
    for _ in range(400):
        ports = [record.port for record in made.server.dns.srv("_sip._udp.l.x")]
        assert sorted(ports[:2]) == [1, 2]
        assert ports[2] == 3
        firsts.append(ports[0])
    assert 240 < firsts.count(1) < 360


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:a@10.1.1.1", "udp:10.1.1.1:5060"),
        ("sip:a@10.1.1.1:5070;transport=TCP", "tcp:10.1.1.1:5070"),
        ("sips:a@10.1.1.1", "tls:10.1.1.1:5061"),
        ("sip:a@x", "udp:10.0.0.1:5070"),
        ("sip:a@nowhere", None),
        ("sips:a@10.1.1.1;transport=udp", None),
        ("foo:bar", None),
    ],
)
def test_a_uri_becomes_its_first_destination(uri: str, expected: str | None) -> None:
    found = uri_to_destination(serving().server, uri)
    assert (None if found is None else f"{found.proto}:{found.ip}:{found.port}") == expected


def test_failover_walks_all_destinations_of_a_uri() -> None:
    assert len(list(destinations(serving().server, "sip:x"))) == 1
    assert len(list(destinations(serving("use_dns_failover=on\n" + UDP_TCP).server, "sip:x"))) == 3
    assert list(destinations(serving().server, "foo:bar")) == []


def test_a_forced_transport_wins_over_the_uri() -> None:
    found = uri_to_destination(serving().server, "sip:a@10.1.1.1", "tcp")
    assert found is not None
    assert found.proto == "tcp"


def test_what_a_uri_says_about_its_target() -> None:
    assert uri_target("sip:a@h:99;transport=tcp") == ("h", 99, "tcp", False)
    assert uri_target("sips:a@h") == ("h", 0, "tls", True)


def test_addresses_are_told_from_names() -> None:
    assert literal("10.0.0.1") == "10.0.0.1"
    assert literal("[::1]") == "::1"
    assert literal("h") == ""


def failed(made: Serving) -> int:
    counter = made.server.statistics.get("dns", "failed_dns_request")
    assert counter is not None
    return counter.get()


def test_a_question_without_an_answer_is_counted_once_while_the_cache_knows() -> None:
    made = serving()
    for _ in range(2):
        assert list(made.server.dns.destinations("nowhere", 5060)) == []
    assert failed(made) == 1
    made.server.fire(made.server.timers.now + 61)
    list(made.server.dns.destinations("nowhere", 5060))
    assert failed(made) == 2


def test_srv_and_address_are_questions_of_their_own() -> None:
    made = serving("listen=udp:127.0.0.1:5060\ndisable_tcp=yes")
    list(made.server.dns.destinations("nowhere"))
    assert failed(made) == 2


def test_without_the_cache_every_question_counts() -> None:
    made = serving("listen=udp:127.0.0.1:5060\nuse_dns_cache=no")
    for _ in range(2):
        list(made.server.dns.destinations("nowhere", 5060))
    assert failed(made) == 2
