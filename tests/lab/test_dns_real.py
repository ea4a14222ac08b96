"""Names, and what happens when the first place they lead to does not answer: the same in the lab and on Kamailio."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Phone
from kamscript.lab.real import NotOnReal, RealLab

CONFIG = """
listen=udp:127.0.0.1:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
use_dns_cache=on
use_dns_failover=%s
modparam("tm", "fr_timer", 500)
request_route { t_on_branch("OUT"); t_relay(); }
branch_route[OUT] { xlog("L_ERR", "$ru\\n"); }
"""
SRV = """
    first.gw.test A 10.0.0.11
    second.gw.test A 10.0.0.12
    _sip._udp.gw.test SRV 20 0 5080 second.gw.test
    _sip._udp.gw.test SRV 10 0 5070 first.gw.test
"""


#: Where a test runs.
KINDS = [Lab, pytest.param(RealLab, marks=pytest.mark.kamailio)]


@pytest.fixture(params=KINDS)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with request.param(text=CONFIG % "on", leaks="ignore") as lab:
        yield lab


def gateways(lab: Lab) -> tuple[Phone, Phone]:
    """Who sits where the SRV records lead to."""
    lab.dns.add(SRV)
    return lab.phone("first", ("10.0.0.11", 5070)), lab.phone("second", ("10.0.0.12", 5080))


def test_the_lowest_priority_is_tried_first(lab: Lab) -> None:
    first, second = gateways(lab)
    assert lab.phone("alice").options("sip:bob@gw.test").status == 200
    assert (len(first.received), len(second.received)) == (1, 0)


def test_a_503_leads_to_the_next(lab: Lab) -> None:
    first, second = gateways(lab)
    first.on("OPTIONS", 503)
    assert lab.phone("alice").options("sip:bob@gw.test").status == 200
    assert (len(first.received), len(second.received)) == (1, 1)


def test_another_failure_does_not(lab: Lab) -> None:
    first, second = gateways(lab)
    first.on("OPTIONS", 500)
    assert lab.phone("alice").options("sip:bob@gw.test").status == 500
    assert (len(first.received), len(second.received)) == (1, 0)


def test_silence_leads_to_the_next(lab: Lab) -> None:
    first, second = gateways(lab)
    first.silent()
    request = lab.phone("alice").options("sip:bob@gw.test")
    lab.wait(lambda: request.status, 3)
    assert (request.status, len(second.received)) == (200, 1)


def test_a_port_in_the_uri_asks_for_no_srv(lab: Lab) -> None:
    first, second = gateways(lab)
    lab.dns.add("gw.test A 10.0.0.12")
    assert lab.phone("alice").options("sip:bob@gw.test:5080").status == 200
    assert (len(first.received), len(second.received)) == (0, 1)


def test_several_addresses_of_a_name(lab: Lab) -> None:
    lab.dns.add("many.test A 10.0.0.11", "many.test A 10.0.0.12")
    first, second = lab.phone("first", ("10.0.0.11", 5060)), lab.phone("second", ("10.0.0.12", 5060))
    first.on("OPTIONS", 503)
    assert lab.phone("alice").options("sip:bob@many.test").status == 200
    assert (len(first.received), len(second.received)) == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_without_failover_a_503_is_the_end(kind: type[Lab]) -> None:
    with kind(text=CONFIG % "off", leaks="ignore") as lab:
        first, second = gateways(lab)
        first.on("OPTIONS", 503)
        assert lab.phone("alice").options("sip:bob@gw.test").status == 500  # what tm makes of a 503
        assert (len(first.received), len(second.received)) == (1, 0)


@pytest.mark.kamailio
def test_what_cannot_be_told_to_a_daemon() -> None:
    with RealLab(text=CONFIG % "on") as lab:
        with pytest.raises(NotOnReal, match=r"NAPTR of gw\.test"):
            lab.dns.add("gw.test NAPTR 10 50 s SIP+D2U '' _sip._udp.gw.test")
        with pytest.raises(NotOnReal, match="IPv6"):
            lab.dns.add("six.test AAAA 2001:db8::1")
        with pytest.raises(NotOnReal, match="what the daemon looks up is not seen"):
            _ = lab.dns.asked
