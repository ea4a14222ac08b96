"""Destination sets: order, weights, and finding a destination by URI, duid or address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kamscript.modules.dispatcher.destination import Destination

if TYPE_CHECKING:
    from kamscript.modules.dispatcher import Dispatcher


class DestinationSet:
    """One set. `entries` stand as they are used: the highest priority first, of equal ones the last added first."""

    __slots__ = ("by_duid", "by_uri", "entries", "id", "last", "rwlast", "rwlist", "wlast", "wlist")

    def __init__(self, number: int, added: list[Destination], module: Dispatcher) -> None:
        self.id, self.last, self.wlast, self.rwlast = number, 0, 0, 0
        self.entries = sorted(added, key=lambda entry: entry.priority)[::-1]
        self.by_uri: dict[str, Destination] = {}
        self.by_duid: dict[str, int] = {}
        for index, entry in enumerate(self.entries):
            self.by_uri.setdefault(entry.key, entry)
            if entry.duid:
                self.by_duid.setdefault(entry.duid.lower(), index)
        self.wlist, self.rwlist = [0] * 100, [0] * 100
        self._weigh(module)
        self.weigh_relatively(module)

    def _weigh(self, module: Dispatcher) -> None:
        if not self.entries[0].weight:
            return
        places = [index for index, entry in enumerate(self.entries) for _ in range(entry.weight)][:100]
        self.wlist = places + [len(self.entries) - 1] * (100 - len(places))
        module.shuffle(self.wlist)

    def weigh_relatively(self, module: Dispatcher) -> None:
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
        module.shuffle(self.rwlist)

    def least_loaded(self) -> int:
        """The destination with the fewest calls that may take one more; -1: none may."""
        best, least = -1, 0x7FFFFFFF
        for index, entry in enumerate(self.entries):
            if entry.load < least and not entry.skipped and not entry.full:
                best, least = index, entry.load
                if not least:
                    break
        return best


class Sets:
    """All sets of a server, as one load made them; a reload makes new ones."""

    def __init__(self, module: Dispatcher) -> None:
        self.module = module
        self.complete = True  #: False: a destination was refused
        self._added: dict[int, list[Destination]] = {}
        self.by_id: dict[int, DestinationSet] = {}
        #: The sets as Kamailio walks through them.
        self.ordered: list[DestinationSet] = []

    def add(self, number: int, destination: Destination) -> None:
        """Take a destination in; `finish` makes it visible."""
        self._added.setdefault(number, []).append(destination)

    def finish(self) -> Sets:
        """Put everything in order."""
        self.by_id = {number: DestinationSet(number, added, self.module) for number, added in self._added.items()}
        self.ordered = [self.by_id[number] for number in post_order(list(self._added))]
        return self

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
