"""Links that lose, delay, double and reorder, links that are down, and NAT."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.lab.network import Address
from kamscript.lab.phone import Phone

CONFIG = """
listen=udp:127.0.0.1:5060
listen=tcp:127.0.0.1:5060
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
request_route {
    if (is_method("OPTIONS")) {
        sl_send_reply("200", "From $si port $sp");
        exit;
    }
    #!ifdef FORCE_RPORT
    force_rport();
    #!endif
    if (is_method("REGISTER")) {
        save("location");
        exit;
    }
    if (uri == myself && !lookup("location")) {
        sl_send_reply("404", "Nobody");
        exit;
    }
    t_relay();
}
"""


def make(seed: int = 1, **options: object) -> Lab:
    lab = Lab(text=CONFIG, seed=seed, **options)  # type: ignore[arg-type]
    lab.phone("alice")
    lab.phone("bob")
    return lab


@pytest.fixture
def lab() -> Lab:
    return make()


@pytest.fixture
def alice(lab: Lab) -> Phone:
    return lab.phones["alice"]


def retransmissions(lab: Lab) -> list[float]:
    """Seconds at which requests were sent that did not arrive."""
    return [lost.wire.time - lab.network.started for lost in lab.network.lost]


def test_a_delay_takes_its_time_both_ways(lab: Lab, alice: Phone) -> None:
    lab.link(alice, delay=0.05)
    assert alice.options().expect(200).time == pytest.approx(0.1)


@pytest.mark.parametrize("way", ["out", "in"])
def test_a_link_has_directions(lab: Lab, alice: Phone, way: str) -> None:
    lab.link(alice, way=way, delay=0.05)  # type: ignore[arg-type]
    assert alice.options().expect(200).time == pytest.approx(0.05)


def test_a_link_to_one_peer_leaves_the_others(lab: Lab, alice: Phone) -> None:
    lab.link(alice, lab.phones["bob"], down=True)
    assert alice.options().status == 200
    lab.link(alice, "127.0.0.1", down=True)
    assert alice.options().status == 0


def test_a_link_that_is_down_shows_in_the_ladder(lab: Lab, alice: Phone) -> None:
    lab.link(alice, way="in", down=True)
    request = alice.options()
    assert request.status == 0
    assert "[link down]" in lab.ladder()


def test_what_is_lost_is_sent_again(lab: Lab, alice: Phone) -> None:
    link = lab.link(alice, loss=1)
    request = alice.options()
    lab.advance(seconds=2)
    assert retransmissions(lab) == [0, 0.5, 1.5]
    link.loss = 0.0
    assert request.expect(200).time == 3.5


def test_a_failure_says_what_stopped_a_request(lab: Lab, alice: Phone) -> None:
    lab.link(alice, down=True)
    with pytest.raises(AssertionError, match=r"and on the way to 127.0.0.1:5060 it was stopped: link down"):
        alice.options().expect(200)


def test_with_a_link_for_a_while(lab: Lab, alice: Phone) -> None:
    with lab.link(alice, down=True):
        assert alice.options().status == 0
    assert alice.options().status == 200


def test_a_link_is_changed(lab: Lab, alice: Phone) -> None:
    lab.link(alice, loss=0.5)
    link = lab.link(alice, delay=0.1)
    assert (link.loss, link.delay) == (0.5, 0.1)
    assert lab.network.links == [link]


def run(lab: Lab) -> list[tuple[float, str]]:
    """Fifty messages over a bad link, with all that became of them."""
    alice = lab.phones["alice"]
    lab.link(alice, loss=0.2, jitter=0.03, duplicate=0.1, reorder=0.1)
    lab.phones["bob"].register()
    for number in range(50):
        alice.message("bob", str(number))
    lab.advance(minutes=1)
    return [(wire.time, wire.text) for wire in lab.network.delivered]


def test_the_same_seed_gives_the_same_network() -> None:
    assert run(make(7)) == run(make(7))


def test_another_seed_gives_another_network() -> None:
    assert run(make(7)) != run(make(8))


def test_chance_is_as_often_as_asked(lab: Lab, alice: Phone) -> None:
    lab.link(alice, way="out", loss=0.3)
    for _ in range(400):
        alice.options()
    assert 90 < len(lab.network.lost) < 150


def test_a_doubled_request_arrives_twice(lab: Lab, alice: Phone) -> None:
    lab.link(alice, way="out", duplicate=1)
    alice.options()
    assert [reply.status for reply in alice.received] == [200, 200]


def test_a_message_out_of_order_is_overtaken(lab: Lab, alice: Phone) -> None:
    lab.phones["bob"].register()
    link = lab.link(alice, way="out", reorder=1)
    alice.message("bob", "first")
    link.reorder = 0.0
    alice.message("bob", "second")
    lab.advance(seconds=0.1)
    bodies = [wire.text.rpartition("\r\n")[2] for wire in lab.network.delivered if wire.text.startswith("MESSAGE")]
    assert bodies[0] == "second"


def test_the_seed_stands_in_a_failure_of_chance(lab: Lab, alice: Phone) -> None:
    lab.link(alice, loss=0.5)
    with pytest.raises(AssertionError, match=r"\(seed 1\)"):
        alice.expect("INVITE")


def test_the_pending_arrival_is_named(lab: Lab, alice: Phone) -> None:
    lab.link(alice, delay=400)
    alice.send_raw(lab.request("OPTIONS", "sip:x@y"))
    with pytest.raises(AssertionError, match=r"OPTIONS sip:x@y on its way to kamailio"):
        alice.expect(200)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"loss": 1.5}, "loss=1.5: a probability from 0 to 1"),
        ({"delay": -1}, "delay=-1: seconds are wanted"),
        ({"way": "up"}, "way='up': one of both, out, in"),
        ({"nat": "1.2.3.4", "nat_kind": "cone"}, "nat_kind='cone': one of port, full, symmetric"),
        ({"nat": "10.0.0.2"}, "nat='10.0.0.2': somebody sits at that address"),
    ],
)
def test_a_link_must_make_sense(lab: Lab, alice: Phone, options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        lab.link(alice, **options)  # type: ignore[arg-type]
    assert alice.options().status == 200


# -- NAT


def test_a_nat_rewrites_address_and_port(lab: Lab) -> None:
    alice = lab.phone("carol", rport=True)
    lab.link(alice, nat="203.0.113.7")
    assert alice.options().expect(200).reason == "From 203.0.113.7 port 20001"


def test_without_rport_no_reply_comes_through_a_nat(lab: Lab, alice: Phone) -> None:
    lab.link(alice, nat="203.0.113.7")
    assert alice.options().status == 0
    assert lab.network.lost[-1].why == "NAT 203.0.113.7 has no mapping for port 5060"


def test_force_rport_helps_a_phone_behind_a_nat() -> None:
    lab = make(defines={"FORCE_RPORT": ""})
    alice = lab.phones["alice"]
    lab.link(alice, nat="203.0.113.7")
    assert alice.register().status == 200


def test_a_private_address_is_not_reached_from_outside(lab: Lab, alice: Phone) -> None:
    bob = lab.phones["bob"]
    bob.register()
    lab.link(bob, nat="203.0.113.7")
    assert alice.message(bob, "hello").status == 0
    assert "[behind NAT 203.0.113.7]" in lab.ladder()


def test_a_mapping_expires(lab: Lab) -> None:
    carol = lab.phone("carol", rport=True)
    lab.link(carol, nat="203.0.113.7", nat_expires=30)
    carol.options()
    public = "sip:carol@203.0.113.7:20001"
    assert lab.phones["alice"].request("MESSAGE", public).status == 200
    lab.advance(seconds=31)
    assert lab.phones["alice"].request("MESSAGE", public).status == 0
    assert lab.network.lost[-1].why == "NAT 203.0.113.7: the mapping of port 20001 expired"
    assert carol.options().expect(200).reason == "From 203.0.113.7 port 20002"


def test_keep_alives_keep_a_mapping(lab: Lab) -> None:
    carol = lab.phone("carol", rport=True)
    lab.link(carol, nat="203.0.113.7", nat_expires=30)
    carol.options()
    carol.keep_alive(every=20)
    lab.advance(minutes=5)
    assert lab.phones["alice"].request("MESSAGE", "sip:carol@203.0.113.7:20001").status == 200
    carol.keep_alive(0)
    lab.advance(minutes=5)
    assert lab.phones["alice"].request("MESSAGE", "sip:carol@203.0.113.7:20001").status == 0


def stranger(lab: Lab) -> str:
    """What stops a message from an address that carol never sent to."""
    public = Address("203.0.113.7", 20001)
    lab.network.send(lab.request("OPTIONS", "sip:carol@x"), "udp", lab.phones["bob"].address, public)
    lab.run()
    return lab.network.lost[-1].why if lab.network.lost else ""


def test_a_nat_lets_no_stranger_in(lab: Lab) -> None:
    carol = lab.phone("carol", rport=True)
    lab.link(carol, nat="203.0.113.7")
    carol.options()
    assert stranger(lab) == "NAT 203.0.113.7 lets 10.0.0.2:5060 not in at port 20001"


def test_a_full_cone_lets_anybody_in(lab: Lab) -> None:
    carol = lab.phone("carol", rport=True)
    lab.link(carol, nat="203.0.113.7", nat_kind="full")
    carol.options()
    assert stranger(lab) == ""
    assert carol.last_request.method == "OPTIONS"


def test_a_symmetric_nat_has_a_port_for_each_destination(lab: Lab) -> None:
    carol = lab.phone("carol", rport=True)
    lab.link(carol, nat="203.0.113.7", nat_kind="symmetric")
    carol.options()
    lab.network.send(lab.request("OPTIONS", "sip:bob@x"), "udp", carol.address, lab.phones["bob"].address)
    lab.run()
    assert lab.phones["bob"].last_request.source.port == 20002


def test_phones_behind_one_nat_share_its_address(lab: Lab) -> None:
    one, two = lab.phone("carol", rport=True), lab.phone("dave", rport=True)
    for phone in (one, two):
        lab.link(phone, nat="203.0.113.7")
    assert [phone.options().expect(200).reason for phone in (one, two)] == [
        "From 203.0.113.7 port 20001", "From 203.0.113.7 port 20002",
    ]  # fmt: skip
    lab.network.send(lab.request("OPTIONS", "sip:dave@x"), "udp", one.address, two.address)
    lab.run()
    assert two.last_request.source == one.address
