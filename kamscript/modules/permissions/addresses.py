"""The table of addresses: single ones, subnets and names of domains, in groups (permissions manual, 1.4; hash.c).

However large the table is, a look-up takes one step for each single address and name, and one for each length of mask
that occurs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from kamscript.core.hashes import core_hash
from kamscript.core.rpc import Struct
from kamscript.modules._ip_text import packed, shown

_SLOTS = 128


class Entry(NamedTuple):
    """A row: port 0 is any port; `tag` is None where it has none. `number` counts the rows."""

    group: int
    address: bytes | str
    mask: int
    port: int
    tag: str | None
    number: int

    @property
    def place(self) -> tuple[int, int]:
        """By group, then the oldest first."""
        return self.group, self.number


class Refused(Exception):
    """A row that makes the whole table unusable."""


class Table:
    """All rows. Kamailio finds the newest single address or name first, but subnets by group, then the oldest.

    `most_subnets` are kept; with `longest` the narrowest subnet is found, whatever its place.
    """

    def __init__(self, most_subnets: int, *, longest: bool = False) -> None:
        self._most, self._longest = most_subnets, longest
        self._rows = self._subnets = 0
        self._exact: dict[bytes | str, list[Entry]] = {}  #: oldest first
        self._nets: dict[tuple[int, int, int], list[Entry]] = {}  #: by bytes of an address, mask, and network
        self._masks: dict[int, list[int]] = {4: [], 16: []}  #: that occur, the longest first

    def add(self, group: int, text: str, mask: int, port: int, tag: str | None) -> bool:
        """Add a row; False: there are too many subnets, it is left out. Raises Refused."""
        address = packed(text)
        bits = len(address or b"") * 8
        if address is not None and not 0 <= mask <= bits:
            raise Refused(f"{text}: a mask has 0 to {bits} bits, not {mask}")
        self._rows += 1
        entry = Entry(group, text if address is None else address, mask or bits, port, tag, self._rows)
        if address is None or entry.mask == bits:
            self._exact.setdefault(entry.address, []).append(entry)
            return True
        if self._subnets >= self._most:
            return False
        self._subnets += 1
        self._nets.setdefault(_net(address, mask), []).append(entry)
        masks = self._masks[len(address)]
        if mask not in masks:
            masks.append(mask)
            masks.sort(reverse=True)
        return True

    def find(self, address: bytes | str, port: int, group: int | None = None) -> Entry | None:
        """The row for an address, or for the name of a domain, in one group or in any."""
        for entry in reversed(self._exact.get(address, ())):
            if (group is None or entry.group == group) and entry.port in (0, port):
                return entry
        return self._subnet(address, port, group) if isinstance(address, bytes) else None

    def _subnet(self, address: bytes, port: int, group: int | None) -> Entry | None:
        best: Entry | None = None
        for mask in self._masks[len(address)]:
            for entry in self._nets.get(_net(address, mask), ()):
                fits = (group is None or entry.group == group) and entry.port in (0, port)
                if fits and (best is None or entry.place < best.place):
                    best = entry
            if best is not None and self._longest:
                break
        return best

    # -- what commands show ---------------------------------------------------------------------------------------
    def addresses(self) -> list[Struct]:
        """The single addresses, slot by slot."""
        return [
            Struct(
                table=slot,
                group=entry.group,
                item=Struct(ip=shown(entry.address), port=entry.port, tag=entry.tag or "NULL"),
            )
            for slot, entry in _by_slot(self._all(bytes), lambda address: address[:4].decode("latin-1"))
            if isinstance(entry.address, bytes)
        ]

    def domains(self) -> Struct:
        """The names, slot by slot."""
        found = Struct()
        for slot, entry in _by_slot(self._all(str), str):
            found.add("table", slot)
            found.add("group", entry.group)
            found.add("item", Struct(domain_name=entry.address, port=entry.port, tag=entry.tag or "NULL"))
        return found

    def subnets(self) -> list[Struct]:
        """The subnets, group by group."""
        entries = sorted((entry for net in self._nets.values() for entry in net), key=lambda entry: entry.place)
        return [
            Struct(
                id=number,
                group=entry.group,
                item=Struct(ip=shown(entry.address), mask=entry.mask, port=entry.port, tag=entry.tag or ""),
            )
            for number, entry in enumerate(entries)
            if isinstance(entry.address, bytes)
        ]

    def _all(self, kind: type) -> Iterator[Entry]:
        return (entry for key, entries in self._exact.items() if isinstance(key, kind) for entry in entries)


def _net(address: bytes, mask: int) -> tuple[int, int, int]:
    return len(address), mask, int.from_bytes(address) >> (len(address) * 8 - mask)


def _by_slot(entries: Iterable[Entry], key: Callable[..., str]) -> list[tuple[int, Entry]]:
    """Entries with the slot of Kamailio's hash table that they are in, slot by slot, the newest first."""
    found = [(core_hash(key(entry.address), _SLOTS), entry) for entry in entries]
    found.sort(key=lambda pair: (pair[0], -pair[1].number))
    return found
