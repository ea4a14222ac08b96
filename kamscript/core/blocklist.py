"""Destinations that failed lately and are left out for a while (core/dst_blocklist.c; use_dst_blocklist)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.core.sockets import Destination

# Why a destination is on the list: BLST_*.
IS_IPV6, ERR_SEND, ERR_CONNECT, ICMP, ERR_TIMEOUT, REPLY_503, ADMIN, PERMANENT = (1 << bit for bit in range(8))


class Entry(NamedTuple):
    """One blocked destination: why (bits above) and until when (Unix seconds)."""

    flags: int
    until: float


class Blocklist:
    """The list of one server."""

    __slots__ = ("_server", "entries")

    def __init__(self, server: Server) -> None:
        self._server = server
        self.entries: dict[tuple[str, str, int], Entry] = {}

    @property
    def enabled(self) -> bool:
        """use_dst_blocklist."""
        return bool(self._server.cfg.core["use_dst_blocklist"])

    def add(self, destination: Destination, reason: int = ERR_SEND, seconds: float | None = None) -> None:
        """Block for dst_blocklist_expire seconds, or for `seconds`, unless the list is off or ignores the reason."""
        core = self._server.cfg.core
        if core["use_dst_blocklist"] and reason & ~core.get(f"dst_blocklist_{destination.proto}_imask", 0):
            self.force(destination, reason, seconds)

    def force(self, destination: Destination, reason: int, seconds: float | None = None) -> None:
        """Block in any case."""
        if seconds is None:
            seconds = self._server.cfg.core["dst_blocklist_expire"]
        key = (destination.proto, destination.ip, destination.port)
        known = self.entries.get(key)
        flags = reason | (known.flags if known else 0) | (IS_IPV6 if ":" in destination.ip else 0)
        self.entries[key] = Entry(flags, self._server.timers.now + seconds)

    def blocked(self, destination: Destination) -> int:
        """Why it is blocked now; 0 when it is not. An entry for port 0 blocks every port of an address."""
        if not self.entries:
            return 0
        for port in (destination.port, 0):
            key = (destination.proto, destination.ip, port)
            entry = self.entries.get(key)
            if entry is not None:
                if entry.until > self._server.timers.now or entry.flags & PERMANENT:
                    return entry.flags
                del self.entries[key]
        return 0

    def clear(self) -> None:
        """Drop everything that is not permanent."""
        self.entries = {key: entry for key, entry in self.entries.items() if entry.flags & PERMANENT}
