"""Core parameters that become socket options."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from kamscript.live.sockopts import IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_PMTUDISC_DONT, prepare, prepare_tcp, prepare_udp
from tests.core.serving import Serving


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield made


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        yield made


def serving(lines: str = "") -> Serving:
    return Serving(f"listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n{lines}\nrequest_route {{ exit; }}\n")


def udp_option(udp: socket.socket, lines: str, option: int) -> int:
    """An option of a UDP socket behind these lines of config."""
    server = serving(lines).server
    prepare(udp, server.sockets[0], server.settings)
    prepare_udp(udp, server.sockets[0], server.settings)
    return udp.getsockopt(socket.IPPROTO_IP, option)


def tcp_option(tcp: socket.socket, lines: str, option: int, level: int = socket.IPPROTO_TCP) -> int:
    """The same of a TCP socket that listens."""
    prepare_tcp(tcp, serving(lines).server.tcp, listening=True)
    return tcp.getsockopt(level, option)


@pytest.mark.parametrize(
    ("lines", "option", "value"),
    [
        ("", socket.IP_TOS, 0x10),
        ("tos=IPTOS_THROUGHPUT", socket.IP_TOS, 0x08),
        ("mcast_ttl=7", socket.IP_MULTICAST_TTL, 7),
        ("", socket.IP_MULTICAST_LOOP, 0),
        ("mcast_loopback=yes", socket.IP_MULTICAST_LOOP, 1),
        ("", IP_MTU_DISCOVER, IP_PMTUDISC_DONT),
        ("pmtu_discovery=1", IP_MTU_DISCOVER, IP_PMTUDISC_DO),
    ],
)
def test_udp(udp: socket.socket, lines: str, option: int, value: int) -> None:
    assert udp_option(udp, lines, option) == value


@pytest.mark.parametrize(
    ("lines", "option", "value"),
    [
        ("tcp_keepidle=30", socket.TCP_KEEPIDLE, 30),
        ("tcp_keepintvl=11", socket.TCP_KEEPINTVL, 11),
        ("tcp_keepcnt=4", socket.TCP_KEEPCNT, 4),
        ("tcp_syncnt=2", socket.TCP_SYNCNT, 2),
        ("tcp_linger2=9", socket.TCP_LINGER2, 9),
    ],
)
def test_tcp(tcp: socket.socket, lines: str, option: int, value: int) -> None:
    assert tcp_option(tcp, lines, option) == value


@pytest.mark.parametrize(("lines", "value"), [("", 1), ("tcp_keepalive=no", 0)])
def test_keepalive(tcp: socket.socket, lines: str, value: int) -> None:
    assert tcp_option(tcp, lines, socket.SO_KEEPALIVE, socket.SOL_SOCKET) == value


def test_defer_accept(tcp: socket.socket) -> None:
    assert tcp_option(tcp, "tcp_defer_accept=1", socket.TCP_DEFER_ACCEPT) > 0
