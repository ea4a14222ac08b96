"""Finding a destination by the address that a message came from (ds_is_from_list)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dispatcher.destination import Destination
    from kamscript.modules.dispatcher.sets import DestinationSet

ANY_PORT, ANY_PROTO = 1, 2

Found = tuple["DestinationSet", "Destination"]
_Key = tuple[str, int, str]


class Addresses:
    """Destinations by address, port and transport, in the order in which Kamailio would walk through them.

    One index for each way to ask (any port, any transport), made when somebody asks so for the first time. Ports or
    transports that do not count are 0 and "" in its keys; a destination without a port, which matches every port, has
    port 0 as well.
    """

    __slots__ = ("_address", "_indexes", "members")

    def __init__(self, members: list[Found], address: str = "") -> None:
        """With an address all members are there, whatever their own addresses are."""
        self.members, self._address = members, address
        self._indexes: dict[int, dict[_Key, list[tuple[int, Found]]]] = {}

    def forget(self) -> None:
        """Addresses have changed."""
        self._indexes.clear()

    def find(
        self, address: str, port: int, proto: str, mode: int, barred: int, socket: ListenSocket | None = None
    ) -> Found | None:
        """The first destination at this address with none of the flags `barred`.

        With a socket, the destination must have none of its own or this one.
        """
        index = self._index(mode & (ANY_PORT | ANY_PROTO))
        port, proto = (0 if mode & ANY_PORT else port), ("" if mode & ANY_PROTO else proto)
        best: tuple[int, Found] | None = None
        for key in ((address, 0, proto), (address, port, proto))[: 2 if port else 1]:
            for candidate in index.get(key, ()):
                if best is not None and best[0] < candidate[0]:
                    break
                entry = candidate[1][1]
                if not entry.flags & barred and (socket is None or entry.socket is None or entry.socket is socket):
                    best = candidate
                    break
        return best[1] if best is not None else None

    def all(self, address: str) -> list[Found]:
        """Every destination at an address."""
        return [found for _, found in self._index(ANY_PORT | ANY_PROTO).get((address, 0, ""), ())]

    def _index(self, mode: int) -> dict[_Key, list[tuple[int, Found]]]:
        index = self._indexes.get(mode)
        if index is None:
            index = self._indexes[mode] = {}
            for place, found in enumerate(self.members):
                entry = found[1]
                if entry.unmatched:
                    continue
                port, proto = (0 if mode & ANY_PORT else entry.port), ("" if mode & ANY_PROTO else entry.proto)
                for address in (self._address,) if self._address else entry.addresses:
                    index.setdefault((address, port, proto), []).append((place, found))
        return index
