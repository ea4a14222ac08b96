"""Asking other programs over their control sockets, as Kamailio's processes do: send, wait, go on.

Everything waits meanwhile, also other messages: the route stands still as it does in a worker of Kamailio.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable

from kamscript.core.environment import Remote

_LONGEST = 0x40000


class Sockets:
    """The sockets to other programs, connected once; calling it is the environment's `exchange`."""

    def __init__(self) -> None:
        self._udp: dict[Remote, socket.socket] = {}

    def __call__(self, to: Remote, data: str, timeout: float, accept: Callable[[str], bool]) -> str | None:
        """Send and wait; see `kamscript.core.environment.Exchange`."""
        if to.path and to.stream:
            return self._stream(to, data, timeout, accept)
        udp = self._udp.get(to)
        if udp is None:
            udp = self._udp[to] = _connected(to)
        while _readable(udp, 0):  # answers that came too late
            udp.recv(_LONGEST)
        udp.send(data.encode("latin-1"))
        deadline = time.monotonic() + timeout
        while _readable(udp, deadline - time.monotonic()):
            answer = udp.recv(_LONGEST).decode("latin-1")
            if accept(answer):
                return answer
        return None

    @staticmethod
    def _stream(to: Remote, data: str, timeout: float, accept: Callable[[str], bool]) -> str | None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(timeout)
            stream.connect(to.path)
            stream.sendall(data.encode("latin-1"))
            try:
                answer = stream.recv(_LONGEST).decode("latin-1")
            except TimeoutError:
                return None
        return answer if answer and accept(answer) else None

    def close(self) -> None:
        """Close all of them."""
        for udp in self._udp.values():
            udp.close()
        self._udp.clear()


def _connected(to: Remote) -> socket.socket:
    if to.path:
        local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        local.connect(to.path)
        return local
    ipv6 = ":" in to.ip
    udp = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if 0 <= to.tos < 256:
            level, option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if ipv6 else (socket.IPPROTO_IP, socket.IP_TOS)
            udp.setsockopt(level, option, to.tos)
        if to.source:
            udp.bind((to.source, 0))
        udp.connect((to.ip, to.port))
    except OSError:
        udp.close()
        raise
    return udp


def _readable(one: socket.socket, seconds: float) -> bool:
    return bool(select.select([one], [], [], max(seconds, 0))[0])
