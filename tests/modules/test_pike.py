"""pike: the tree, IPv6, and what commands show. What 5.6 does stands in tests/differential/cases/pike.py."""

from __future__ import annotations

from kamscript.lab import Lab
from kamscript.modules.pike import Pike, Tree
from tests.modules.script import results


def until_red(tree: Tree, address: str, most: int = 500) -> int:
    """How many hits it takes."""
    packed = bytes(int(part) for part in address.split("."))
    return next(count for count in range(1, most) if tree.hit(packed, 0)[1])


def test_a_neighbour_of_a_blocked_address_is_blocked_sooner() -> None:
    tree = Tree(30, 120)
    assert [until_red(tree, address) for address in ("10.1.2.3", "10.1.2.4", "10.1.9.4", "192.0.2.1")] == [
        39,
        31,
        32,
        39,
    ]


def test_addresses_are_forgotten_byte_by_byte() -> None:
    tree = Tree(4, 10)
    until_red(tree, "10.1.2.3")
    until_red(tree, "10.1.2.4")
    sizes = []
    for second in range(0, 60, 10):
        tree.expire(second)
        sizes.append(len(list(tree.nodes())))
    assert sizes == [5, 3, 2, 1, 0, 0]


def test_a_node_that_is_hit_stays() -> None:
    tree = Tree(4, 10)
    until_red(tree, "10.1.2.3")
    tree.hit(bytes((10, 1, 2, 3)), 5)
    tree.expire(12)
    assert len(list(tree.nodes())) == 4


def test_an_address_is_blocked_until_it_is_quiet_for_two_units() -> None:
    tree = Tree(4, 100)
    until_red(tree, "10.1.2.3")
    assert tree.next_unit() == []
    assert [node.address() for node in tree.next_unit()] == [bytes((10, 1, 2, 3))]


def test_ipv6_takes_longer() -> None:
    before = 'modparam("pike", "reqs_density_per_unit", 4)\n'
    calls = ['pike_check_ip("2001:db8::1")'] * 30
    found = results(*calls, modules="pike", before=before)
    assert found.index(-2) == 19 and set(found[20:]) == {-1}


def test_warm_addresses_can_be_asked_for() -> None:
    """5.6 lists none."""
    lab = Lab(
        text="""
loadmodule "pike.so"
modparam("pike", "sampling_time_unit", 60)
modparam("pike", "reqs_density_per_unit", 16)
request_route { pike_check_req(); exit; }
"""
    )
    for number in range(15):
        lab.send(lab.request("OPTIONS", "bob"), ("192.0.2.7" if number < 12 else "192.0.2.8", 5060))
    shown = lab.rpc("pike.top", "WARM")
    assert shown["number_of_rows"] == 1 and shown["list"][0]["ip_addr"] == "192.0.2.8"
    assert lab.rpc("pike.top")["number_of_rows"] == 0
    module = lab.server.modules["pike"]
    assert isinstance(module, Pike) and module.blocked.value == 0
