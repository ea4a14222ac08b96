"""ipops: names of the lab, records, properties of addresses. What 5.6 does: tests/differential/cases/ipops.py."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.modules.ipops.addresses import Kind, detailed_kind, equal, in_subnets, kind_of
from tests.modules.script import refused

LOADS = "".join(f'loadmodule "{name}.so"\n' for name in ("pv", "xlog", "ipops"))
ZONE = (
    "gw.example.com A 10.0.0.1",
    "gw.example.com AAAA 2001:db8::1",
    "_sip._udp.example.com SRV 20 0 5062 backup.example.com",
    "_sip._udp.example.com SRV 10 100 5060 gw.example.com",
    "example.com NAPTR 20 50 s SIP+D2T '' _sip._tcp.example.com",
    "example.com NAPTR 10 50 s SIP+D2U '' _sip._udp.example.com",
)


def logged(route: str, target: str = "5.6") -> list[str]:
    """What a route logs where the zone is known."""
    lab = Lab(text=f"{LOADS}request_route {{ {route} exit; }}\n", target=target)
    lab.dns.add(*ZONE)
    lab.send(lab.request("OPTIONS", "bob"), "10.0.0.9")
    return lab.log.script


def test_addresses_of_a_name() -> None:
    route = """dns_query("gw.example.com", "g"); $var(i) = 0;
    while ($var(i) < $dns(g=>count)) {
        xlog("$dns(g=>type[$var(i)]) $dns(g=>addr[$var(i)])\\n"); $var(i) = $var(i) + 1;
    }
    xlog("$dns(g=>ipv4)$dns(g=>ipv6)\\n");"""
    assert logged(route) == ["6 2001:db8::1", "4 10.0.0.1", "11"]


def test_a_name_is_compared_with_an_address() -> None:
    calls = [
        f'dns_{how}_match_ip("gw.example.com", "{ip}")' for how in ("sys", "int") for ip in ("10.0.0.1", "10.0.0.2")
    ]
    assert logged("".join(f'{call}; xlog("$rc\\n");' for call in calls)) == ["1", "-1", "1", "-1"]


def test_srv_records_come_by_priority() -> None:
    route = """srv_query("_sip._udp.example.com", "s");
    xlog("$srvquery(s=>count) $srvquery(s=>target[0]):$srvquery(s=>port[0]) $srvquery(s=>priority[1])\\n");"""
    assert logged(route) == ["2 gw.example.com:5060 20"]


def test_naptr_records_come_by_order() -> None:
    route = """naptr_query("example.com", "n");
    xlog("$naptrquery(n=>order[0]) $naptrquery(n=>services[0]) $naptrquery(n=>replace[1])\\n");"""
    assert logged(route) == ["10 SIP+D2U _sip._tcp.example.com"]


def test_a_query_without_answer_empties_the_container() -> None:
    route = """srv_query("_sip._udp.example.com", "s"); srv_query("_sip._udp.nowhere", "s");
    xlog("$rc $srvquery(s=>count) $srvquery(s=>port[0])\\n");"""
    assert logged(route) == ["1 0 <null>"]


def test_the_name_of_an_address_belongs_to_6() -> None:
    route = """ptr_query("10.0.0.1", "p"); xlog("$rc $ptrquery(p=>hostname)\\n");
    ptr_query("10.0.0.77", "p"); xlog("$rc $ptrquery(p=>hostname)\\n"); ptr_query("x", "p"); xlog("$rc\\n");"""
    assert logged(route, "6.x") == ["1 gw.example.com", "-6 <null>", "-4"]


def test_the_own_host() -> None:
    assert logged('xlog("$HN(n) $HN(d) $HN(f)\\n");') == ["localhost <null> localhost"]


def test_records_of_one_priority_come_by_weight() -> None:
    """A record without weight goes last nearly always."""
    lab = Lab(
        text=f"""{LOADS}request_route {{ srv_query("s.example.com", "s"); xlog("$srvquery(s=>target[0])\\n"); }}"""
    )
    lab.dns.add("s.example.com SRV 1 0 5060 light.example.com", "s.example.com SRV 1 1000 5060 heavy.example.com")
    for _ in range(20):
        lab.send(lab.request("OPTIONS", "bob"), "10.0.0.9")
    assert lab.log.script.count("heavy.example.com") > 15


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            'xlog("$dns(a=>port)");',
            "container=>key[index] is wanted, with one of the keys addr, type, ipv4, ipv6, count",
        ),
        ('xlog("$srvquery(a=>port)");', "one of the keys count, port[index], priority[index]"),
        ('xlog("$HN(q)");', "$HN has the parts n, d, f and i"),
        ('detailed_ip_type("$si", "$si");', "$si cannot be written"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(line: str, why: str) -> None:
    assert why in refused(line, modules="ipops")


@given(st.ip_addresses(), st.integers(0, 128))
def test_an_address_is_in_every_network_around_it(address: object, bits: int) -> None:
    text = str(address)
    ip = ip_address(text)
    bits = min(bits, ip.max_prefixlen)
    assert in_subnets(text, f"192.0.2.0/33,{ip_network((text, bits), strict=False)}")
    assert kind_of(text) is (Kind.IPV4 if ip.version == 4 else Kind.IPV6)
    assert equal(text, ip.exploded, pure=True)
    assert detailed_kind(text, kind_of(text)) is not None


@given(st.text("0123456789abcdef:.[]% /x", max_size=30))
def test_no_text_is_too_odd(text: str) -> None:
    in_subnets(text, text)
    equal(text, text, pure=False)
    assert (kind_of(text) is Kind.IPV4) <= (detailed_kind(text, Kind.IPV4) is not None)
