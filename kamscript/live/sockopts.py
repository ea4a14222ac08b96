"""Socket options: what core parameters ask the kernel for (core/udp_server.c, core/tcp_main.c: init_sock_opt)."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket

# Linux names that Python does not know.
IP_FREEBIND = getattr(socket, "IP_FREEBIND", 15)
IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 10, 0, 2


def prepare(sock: socket.socket, listen: ListenSocket, settings: Mapping[str, Any]) -> None:
    """Options of a listen address: what it may be bound to, and the type of service of what it sends."""
    if listen.ipv6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if settings["ip_free_bind"] or listen.virtual:
        # An address that this machine may take over later (a failover pair).
        sock.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
    tos = int(settings["tos"])
    if tos > 0:
        level, option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if listen.ipv6 else (socket.IPPROTO_IP, socket.IP_TOS)
        sock.setsockopt(level, option, tos)


def prepare_udp(sock: socket.socket, listen: ListenSocket, settings: Mapping[str, Any]) -> None:
    """Further options of a UDP socket: fragments (pmtu_discovery) and multicast (mcast_ttl, mcast_loopback)."""
    ttl, loop = int(settings["mcast_ttl"]), int(bool(settings["mcast_loopback"]))
    if listen.ipv6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, loop)
        if ttl >= 0:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
        return
    discover = IP_PMTUDISC_DO if settings["pmtu_discovery"] else IP_PMTUDISC_DONT
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, loop)
    if ttl >= 0:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)


def prepare_tcp(sock: socket.socket, tcp: Mapping[str, Any], *, listening: bool = False) -> None:
    """Options of a TCP socket, as the run-time group `tcp` has them now."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(bool(tcp["keepalive"])))]
    for name, option in (
        ("keepidle", socket.TCP_KEEPIDLE),
        ("keepintvl", socket.TCP_KEEPINTVL),
        ("keepcnt", socket.TCP_KEEPCNT),
        ("syncnt", socket.TCP_SYNCNT),
        ("linger2", socket.TCP_LINGER2),
    ):
        if tcp[name]:
            options.append((socket.IPPROTO_TCP, option, int(tcp[name])))
    if not tcp["delayed_ack"]:
        options.append((socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1))
    if listening and tcp["defer_accept"]:
        options.append((socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(tcp["defer_accept"])))
    for level, option, value in options:
        sock.setsockopt(level, option, value)
