"""Destination sets: order, weights, and finding a destination by URI, duid, address or load."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from kamscript.modules.dispatcher.addresses import Addresses
from kamscript.modules.dispatcher.destination import Destination

if TYPE_CHECKING:
    from kamscript.modules.dispatcher import Dispatcher


class DestinationSet:
    """One set. `entries` stand as they are used: the highest priority first, of equal ones the last added first.

    States and loads of its destinations change through `set_flags` and `add_load` only, which keep count.
    """

    __slots__ = (
        "_least",
        "_shuffle",
        "active",
        "addresses",
        "by_duid",
        "by_key",
        "by_uri",
        "congested",
        "entries",
        "equal",
        "id",
        "last",
        "pwlast",
        "pwlist",
        "rwlast",
        "rwlist",
        "wlast",
        "wlist",
    )

    def __init__(self, number: int, added: list[Destination], module: Dispatcher) -> None:
        self.id, self.last, self.wlast, self.rwlast, self.pwlast = number, 0, 0, 0, 0
        self._shuffle = module.shuffle
        self.entries = sorted(added, key=lambda entry: entry.priority)[::-1]
        self.by_uri: dict[str, Destination] = {}  #: in small letters, the first of several
        self.by_key: dict[str, list[Destination]] = {}  #: as it is written
        self.by_duid: dict[str, int] = {}
        for index, entry in enumerate(self.entries):
            entry.index = index
            self.by_uri.setdefault(entry.key, entry)
            self.by_key.setdefault(entry.uri, []).append(entry)
            if entry.duid:
                self.by_duid.setdefault(entry.duid.lower(), index)
        self.active = sum(not entry.skipped for entry in self.entries)  #: how many get traffic
        self.congested = any(entry.congestion_control for entry in self.entries)
        #: Whether all have the same priority, above 0 (algorithm 14).
        self.equal = added[0].priority > 0 and all(entry.priority == added[0].priority for entry in added)
        self.addresses = Addresses([(self, entry) for entry in self.entries])
        self._least: list[tuple[int, int]] | None = None
        self.wlist, self.rwlist = [0] * 100, [0] * 100
        self.pwlist: list[int] | None = None
        self._weigh()
        self.weigh_relatively()

    # -- weights --------------------------------------------------------------------------------------------------
    def _weigh(self) -> None:
        if not self.entries[0].weight:
            return
        places = [index for index, entry in enumerate(self.entries) for _ in range(entry.weight)][:100]
        self.wlist = places + [len(self.entries) - 1] * (100 - len(places))
        self._shuffle(self.wlist)

    def weigh_relatively(self) -> None:
        """Share 100 places out by `rweight` among the destinations that get traffic."""
        if len(self.entries) < 2:
            return
        weights = [0 if entry.skipped else entry.rweight for entry in self.entries]
        total = sum(weights)
        if not total:
            return
        places = [index for index, weight in enumerate(weights) for _ in range(weight * 100 // total)]
        rest = places[-1] if places else len(self.entries) - 1
        self.rwlist = places + [rest] * (100 - len(places))
        self._shuffle(self.rwlist)

    def by_priority_and_weight(self) -> int:
        """The next place among those of the lowest priority that get traffic, shared out by `weight` (algorithm 15)."""
        if self.pwlist is None:
            self.pwlist = self._weigh_best()
        place = self.pwlist[self.pwlast]
        self.pwlast = (self.pwlast + 1) % 100
        return place

    def _weigh_best(self) -> list[int]:
        usable = [entry for entry in self.entries if not entry.skipped]
        if not usable:
            return [0] * 100
        lowest = min(entry.priority for entry in usable)
        best = [entry for entry in usable if entry.priority == lowest]
        total = sum(entry.weight for entry in best)
        if total:
            places = [entry.index for entry in best for _ in range(entry.weight * 100 // total)]
        else:
            places = [entry.index for entry in best for _ in range(100 // len(best))][:100]
        rest = places[-1] if places and total else best[-1].index if not total else 0
        places += [rest] * (100 - len(places))
        self._shuffle(places)
        return places

    # -- states and loads -----------------------------------------------------------------------------------------
    def set_flags(self, entry: Destination, flags: int) -> None:
        """Give a destination of this set its state."""
        was = entry.skipped
        entry.flags = flags
        if was == entry.skipped:
            return
        self.active += 1 if was else -1
        self.pwlist = None
        if self._least is not None and was:
            heappush(self._least, (entry.load, entry.index))

    def add_load(self, entry: Destination, calls: int) -> None:
        """Count calls of a destination of this set."""
        entry.load = max(entry.load + calls, 0)
        if self._least is None:
            return
        if len(self._least) > 4 * len(self.entries) + 64:
            self._least = None
        else:
            heappush(self._least, (entry.load, entry.index))

    def least_loaded(self) -> int:
        """The destination with the fewest calls that may take one more; -1: none may.

        A heap of loads as they were; those that changed since, or may not take a call, fall out when they come up, and
        come back with their next load or state.
        """
        if self._least is None:
            self._least = [(entry.load, entry.index) for entry in self.entries]
            heapify(self._least)
        least, entries = self._least, self.entries
        while least:
            load, index = least[0]
            entry = entries[index]
            if entry.load == load and not entry.skipped and not entry.full:
                return index
            heappop(least)
        return -1


class Sets:
    """All sets of a server, as one load made them; a reload makes new ones."""

    def __init__(self, module: Dispatcher) -> None:
        self.module = module
        self.complete = True  #: False: a destination was refused
        self._added: dict[int, list[Destination]] = {}
        self.by_id: dict[int, DestinationSet] = {}
        #: The sets as Kamailio walks through them.
        self.ordered: list[DestinationSet] = []
        self.addresses = Addresses([])

    def add(self, number: int, destination: Destination) -> None:
        """Take a destination in; `finish` makes it visible."""
        self._added.setdefault(number, []).append(destination)

    def finish(self) -> Sets:
        """Put everything in order."""
        self.by_id = {number: DestinationSet(number, added, self.module) for number, added in self._added.items()}
        self.ordered = [self.by_id[number] for number in post_order(list(self._added))]
        self.addresses = Addresses(list(self))
        return self

    def moved(self) -> None:
        """Addresses of destinations changed."""
        self.addresses.forget()
        for group in self.ordered:
            group.addresses.forget()

    def copied(self, without: tuple[int, str] | None = None) -> Sets:
        """New sets of the same destinations (dispatcher.add and remove), but for one URI of one set."""
        copy = Sets(self.module)
        for group in self.ordered:
            for entry in group.entries:
                if without != (group.id, entry.uri):
                    copy.add(group.id, entry)
        return copy

    def __iter__(self) -> Iterator[tuple[DestinationSet, Destination]]:
        for group in self.ordered:
            for entry in group.entries:
                yield group, entry

    def __len__(self) -> int:
        return len(self.by_id)


class _Node:
    __slots__ = ("height", "id", "left", "right")

    def __init__(self, number: int) -> None:
        self.id, self.height = number, 1
        self.left: _Node | None = None
        self.right: _Node | None = None


def post_order(numbers: list[int]) -> list[int]:
    """The numbers as they come out of a balanced tree, children first, filled in this order."""
    root: _Node | None = None
    for number in numbers:
        root = _insert(root, number)
    out: list[int] = []
    _walk(root, out)
    return out


def _walk(node: _Node | None, out: list[int]) -> None:
    if node is not None:
        _walk(node.left, out)
        _walk(node.right, out)
        out.append(node.id)


def _height(node: _Node | None) -> int:
    return node.height if node else 0


def _fix(node: _Node) -> _Node:
    node.height = max(_height(node.left), _height(node.right)) + 1
    return node


def _rotate(node: _Node, left: bool) -> _Node:
    if left:
        top = node.right
        assert top is not None
        node.right, top.left = top.left, node
    else:
        top = node.left
        assert top is not None
        node.left, top.right = top.right, node
    _fix(node)
    return _fix(top)


def _insert(node: _Node | None, number: int) -> _Node:
    if node is None:
        return _Node(number)
    if number == node.id:
        return node
    if number < node.id:
        node.left = _insert(node.left, number)
    else:
        node.right = _insert(node.right, number)
    _fix(node)
    lean = _height(node.left) - _height(node.right)
    if lean > 1 and node.left is not None:
        if number > node.left.id:
            node.left = _rotate(node.left, left=True)
        return _rotate(node, left=False)
    if lean < -1 and node.right is not None:
        if number < node.right.id:
            node.right = _rotate(node.right, left=False)
        return _rotate(node, left=True)
    return node
