"""From a URI to addresses: RFC 3263 with Kamailio's core parameters (core/dns_cache.c, core/resolve.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.core.sockets import Destination


def uri_to_destination(server: Server, uri: str, proto: str = "") -> Destination | None:
    """The first address of a SIP URI (or of a bare host when it has no scheme); None: it has none.

    `proto` "" means: what the URI says, else what DNS prefers, else UDP.
    """
    raise NotImplementedError


def destinations(server: Server, host: str, port: int = 0, proto: str = "") -> Iterator[Destination]:
    """All addresses of a host in the order to try: the list that DNS failover walks (use_dns_failover).

    NAPTR, then SRV, then A/AAAA as dns_* core parameters tell; `port` not 0 goes straight to addresses, as does an
    address as `host`.
    """
    raise NotImplementedError


class Blocklist:
    """Destinations that failed lately (dst_blocklist_*): `server.blocklist`."""

    def add(self, destination: Destination, seconds: float | None = None) -> None:
        """Block for dst_blocklist_expire seconds, or for `seconds`."""
        raise NotImplementedError

    def blocked(self, destination: Destination) -> bool:
        """Whether it is blocked now (always False without use_dst_blocklist)."""
        raise NotImplementedError
