"""Where a server listens, who it is, and from where it sends."""

from __future__ import annotations

import pytest

from kamscript.core.sockets import Destination, ListenSocket, is_address, shortest

from .serving import Names, Serving

ROUTE = "\nrequest_route { exit; }"


def texts(config: str, **more: object) -> list[str]:
    """The sockets of a config."""
    return [socket.text for socket in Serving(config + ROUTE, **more).server.sockets]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("listen=udp:127.0.0.1:5070", ["udp:127.0.0.1:5070"]),
        ("listen=127.0.0.1:5070", ["udp:127.0.0.1:5070", "tcp:127.0.0.1:5070"]),
        ("disable_tcp=yes\nlisten=127.0.0.1:5070", ["udp:127.0.0.1:5070"]),
        ("port=5080\nlisten=udp:127.0.0.1", ["udp:127.0.0.1:5080"]),
        ("listen=tcp:127.0.0.1:5060\nlisten=udp:127.0.0.1:5060", ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]),
        ("listen=udp:[::1]:5060", ["udp:[::1]:5060"]),
        ("enable_tls=yes\nlisten=tls:127.0.0.1", ["tls:127.0.0.1:5061"]),
        ("listen=udp:127.0.0.1:5060\nlisten=udp:127.0.0.1:5060", ["udp:127.0.0.1:5060"]),
    ],
)
def test_listen_lines_become_sockets_by_protocol(config: str, expected: list[str]) -> None:
    assert texts(config) == expected


def test_without_listen_every_address_of_the_machine_is_bound() -> None:
    interfaces = {"lo": ["127.0.0.1", "::1"], "eth0": ["192.0.2.2"]}
    assert texts("port=5080", interfaces=interfaces) == [
        "udp:127.0.0.1:5080",
        "udp:192.0.2.2:5080",
        "tcp:127.0.0.1:5080",
        "tcp:192.0.2.2:5080",
    ]


def test_an_interface_name_stands_for_its_addresses() -> None:
    assert texts("listen=udp:eth0:5070", interfaces={"eth0": ["192.0.2.2"]}) == ["udp:192.0.2.2:5070"]


def test_auto_bind_ipv6_adds_the_ipv6_addresses_of_the_machine_and_of_interfaces() -> None:
    interfaces = {"lo": ["127.0.0.1", "::1"], "eth0": ["192.0.2.2", "2001:db8::2"]}
    lines = "auto_bind_ipv6=1\ndisable_tcp=yes\n"
    assert texts(lines + "port=5080", interfaces=interfaces) == [
        "udp:127.0.0.1:5080",
        "udp:192.0.2.2:5080",
        "udp:[::1]:5080",
        "udp:[2001:db8::2]:5080",
    ]
    assert texts(lines + "listen=udp:eth0:5070", interfaces=interfaces) == [
        "udp:192.0.2.2:5070",
        "udp:[2001:db8::2]:5070",
    ]


def test_a_host_name_is_looked_up_and_shown() -> None:
    (socket,) = Serving(
        "listen=udp:sip.example.com:5070" + ROUTE, Names({"sip.example.com": ["192.0.2.9"]})
    ).server.sockets
    assert (socket.host, socket.address, socket.via) == (
        "sip.example.com",
        "192.0.2.9",
        "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=",
    )


def test_an_unknown_host_name_is_warned_of() -> None:
    serving = Serving("listen=udp:sip.example.com:5070" + ROUTE)
    assert serving.log == ["WARNING: <core>: could not resolve hostname: sip.example.com"]


def test_a_socket_has_a_name_and_advertises_another_address() -> None:
    config = 'listen=udp:127.0.0.1:5070 advertise 192.0.2.7:5060 name "out"'
    server = Serving(config + ROUTE).server
    socket = server.names.named("out")
    assert socket is not None
    assert (socket.via_host, socket.via_port) == ("192.0.2.7", 5060)
    assert socket.via == "Via: SIP/2.0/UDP 192.0.2.7:5060;branch="


MYSELF = """
listen=udp:127.0.0.1:5070 advertise 192.0.2.7:5060
listen=udp:[::1]:5070
alias=example.com tcp:b.example.com:5080
"""


@pytest.mark.parametrize(
    ("host", "port", "proto", "own"),
    [
        ("127.0.0.1", 5070, "udp", True),
        ("127.0.0.1", 0, "", True),
        ("127.0.0.1", 5060, "", True),  # the advertised port goes with either host
        ("127.0.0.1", 5071, "", False),
        ("127.0.0.1", 5070, "tcp", False),
        ("192.0.2.7", 5060, "udp", True),
        ("EXAMPLE.com", 1, "tls", True),
        ("b.example.com", 5080, "", True),
        ("b.example.com", 0, "", True),
        ("b.example.com", 5081, "", False),
        ("b.example.com", 5080, "udp", False),
        ("[::1]", 5070, "", True),
        ("0:0:0:0:0:0:0:1", 5070, "", True),
        ("", 0, "", False),
        ("other.example.com", 0, "", False),
    ],
)
def test_who_is_myself(host: str, port: int, proto: str, own: bool) -> None:
    assert Serving(MYSELF + ROUTE).server.is_myself(host, port, proto) is own


def test_a_virtual_socket_is_ours_while_its_address_is_here() -> None:
    config = "listen=udp:192.0.2.2:5060 virtual" + ROUTE
    for interfaces, own in (({"eth0": ["192.0.2.2"]}, True), ({"lo": ["127.0.0.1"]}, False)):
        assert Serving(config, interfaces=interfaces).server.is_myself("192.0.2.2", 5060) is own


def test_addresses_have_names_unless_auto_aliases_is_off() -> None:
    names = Names({"localhost": ["127.0.0.1"]})
    for setting, own in (("", True), ("auto_aliases=no\n", False)):
        server = Serving(setting + "listen=udp:127.0.0.1:5070" + ROUTE, names).server
        assert server.is_myself("localhost", 5070, "udp") is own


def test_modules_may_know_further_names() -> None:
    server = Serving("listen=udp:127.0.0.1:5070" + ROUTE).server
    server.hooks.myself.append(lambda host, port, proto: host == "mine")
    assert server.is_myself("mine")
    assert not server.is_myself("yours")


def to(proto: str = "udp", ip: str = "192.0.2.99") -> Destination:
    """Somewhere."""
    return Destination(proto, ip, 5060)


def test_a_request_leaves_by_the_socket_it_came_in_by() -> None:
    server = Serving("listen=udp:127.0.0.1:5060\nlisten=udp:127.0.0.2:5060" + ROUTE).server
    server.bind = server.sockets[0]
    assert server.get_send_socket(to()) is server.sockets[0]
    server.bind = server.sockets[1]
    assert server.get_send_socket(to()) is server.sockets[1]


def test_outside_of_a_message_the_first_that_is_no_loopback_sends() -> None:
    server = Serving("listen=udp:127.0.0.1:5060\nlisten=udp:127.0.0.2:5060\nlisten=udp:127.0.0.3:5060" + ROUTE).server
    found = server.get_send_socket(to())
    assert found is not None
    assert found.address == "127.0.0.2"


def test_a_forced_socket_is_used_where_it_fits() -> None:
    config = "listen=udp:127.0.0.1:5060\nlisten=udp:127.0.0.2:5060\nlisten=tcp:127.0.0.2:5060\n"
    serving = Serving(config + ROUTE)
    server = serving.server
    udp, forced, tcp = server.sockets
    assert server.get_send_socket(to(), forced) is forced
    assert server.get_send_socket(to("tcp"), forced) is tcp
    assert server.get_send_socket(to("tcp"), udp) is tcp
    mismatch = "protocol/port mismatch (forced udp:127.0.0.1:5060, to tcp:192.0.2.99:5060)"
    assert serving.log == [f"WARNING: <core>: {mismatch}"]


def test_mhomed_asks_where_packets_leave_from() -> None:
    serving = Serving("mhomed=1\nlisten=udp:127.0.0.1:5060\nlisten=udp:127.0.0.2:5060" + ROUTE)
    serving.environment.source_address = lambda ip: "127.0.0.2" if ip == "192.0.2.99" else None
    server = serving.server
    server.bind = server.sockets[0]
    assert server.get_send_socket(to()) is server.sockets[1]
    assert server.get_send_socket(to(ip="192.0.2.98")) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1", True),
        ("10.0.0.256", False),
        ("10.0.0", False),
        ("h", False),
        ("::1", True),
        ("[::1]", True),
        ("a:b", False),
    ],
)
def test_what_is_an_address(text: str, address: bool) -> None:
    assert is_address(text) is address


def test_the_shortest_form_of_an_address() -> None:
    assert shortest("0:0:0:0:0:0:0:1") == "::1"
    assert shortest("[2001:DB8::0001]") == "2001:db8::1"
    assert shortest("no") == "no"


def test_a_socket_prints_as_variables_show_it() -> None:
    assert repr(ListenSocket("udp", "::1", 5060)) == "<udp:[::1]:5060>"
