"""pike: notice addresses that send too much (src/modules/pike/).

Addresses live in a tree, a byte a level. A node that was hit often enough, a quarter of `reqs_density_per_unit`, gets
a child for the next byte; so an address whose neighbours send much is known sooner. A leaf that was hit
`reqs_density_per_unit` times in this unit of time, or in the last, or on average, is red: blocked. Nodes that nobody
hits are removed from the leaves up.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.rpc import Struct
from kamscript.module import Module, Param, Route, Statistic, Str, function, rpc
from kamscript.modules import _ip_text

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc

_MOST: Final = 0xFFFE  #: hits are counted up to here
_WHERE: Final = Route.REQUEST | Route.ONREPLY


class Node:
    """A byte of addresses, behind those of its parents.

    `hits` counts those of addresses that are not in the tree as a whole, `leaf_hits` those of the address that ends
    here: each of the last unit of time and of this one. `leaf`: an address ends here; `red`: it is blocked.
    """

    __slots__ = ("byte", "expires", "hits", "kids", "leaf", "leaf_hits", "parent", "red")

    def __init__(self, byte: int, parent: Node | None) -> None:
        self.byte, self.parent = byte, parent
        self.kids: dict[int, Node] = {}
        self.hits, self.leaf_hits = [0, 0], [0, 0]
        self.leaf = self.red = False
        self.expires = 0

    def address(self) -> bytes:
        """The bytes from the root to here."""
        node: Node | None = self
        found = bytearray()
        while node is not None:
            found.append(node.byte)
            node = node.parent
        return bytes(reversed(found))


class Tree:
    """The addresses. `density` is what one may send in a unit of time, `latency` how long it is kept, seconds."""

    def __init__(self, density: int, latency: int) -> None:
        self.density, self.latency = density & 0xFFFF, latency
        self.roots: dict[int, Node] = {}
        self._waiting: dict[Node, None] = {}  #: leaves of the tree and of addresses, the next to expire first

    def hit(self, address: bytes, now: int) -> tuple[Node, bool]:
        """Count one request; the node that it hit, and whether the address became red by it (mark_node)."""
        node, depth = self._known(address)
        if node is None:
            node = self.roots[address[0]] = Node(address[0], None)
            node.hits[1] = 1
            self._keep(node, now)
            return node, False
        if depth == len(address):
            fresh = self._hit_leaf(node)
            self._keep(node, now)
            return node, fresh
        node.hits[1] = min(node.hits[1] + 1, _MOST)
        if self._may_grow(node):
            return self._grow(node, address[depth], now), False
        # What is hit seldom is left to expire, to save memory.
        if (node.leaf or not node.kids) and self._is_warm(node):
            self._keep(node, now)
        return node, False

    def _known(self, address: bytes) -> tuple[Node | None, int]:
        """The node of the longest known beginning, and its length."""
        node, depth = self.roots.get(address[0]), 1
        if node is None:
            return None, 0
        while depth < len(address):
            kid = node.kids.get(address[depth])
            if kid is None:
                break
            node, depth = kid, depth + 1
        return node, depth

    def _hit_leaf(self, node: Node) -> bool:
        node.leaf = True
        node.leaf_hits[1] = min(node.leaf_hits[1] + 1, _MOST)
        if node.red or not self.is_hot(node):
            return False
        node.red = True
        return True

    def _grow(self, parent: Node, byte: int, now: int) -> Node:
        """A child, which gets what its parent was hit."""
        node = Node(byte, parent)
        node.hits[1] = max(parent.hits[1] - 1, 0)
        node.leaf_hits[0] = max(parent.leaf_hits[1] - 1, 0)
        parent.kids[byte] = node
        self._keep(node, now)
        if not parent.leaf and len(parent.kids) == 1:
            self._waiting.pop(parent, None)
        return node

    def _keep(self, node: Node, now: int) -> None:
        node.expires = now + self.latency
        self._waiting.pop(node, None)
        self._waiting[node] = None

    def expire(self, now: int) -> None:
        """Remove what was not hit for `latency` seconds; a parent whose last child goes waits in turn."""
        gone = []
        for node in self._waiting:
            if node.expires > now:
                break
            gone.append(node)
        for node in sorted(gone, key=lambda node: node.address()[0]):
            del self._waiting[node]
            node.expires = 0
            if node.kids:  # an IPv4 address with the same beginning as an IPv6 one
                node.leaf, node.leaf_hits[1] = False, 0
                continue
            parent = node.parent
            if parent is None:
                del self.roots[node.byte]
                continue
            del parent.kids[node.byte]
            if not parent.kids and not parent.leaf:
                self._keep(parent, now)

    def next_unit(self) -> list[Node]:
        """A unit of time is over; the nodes that are no longer red."""
        freed = []
        for node in self.nodes():
            node.hits[:] = node.hits[1], 0
            node.leaf_hits[:] = node.leaf_hits[1], 0
            if node.red and not self.is_hot(node):
                node.red = False
                freed.append(node)
        return freed

    def nodes(self) -> Iterator[Node]:
        """All nodes, parents first, children from the newest to the oldest."""
        stack = [self.roots[byte] for byte in sorted(self.roots, reverse=True)]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.kids.values())

    def is_hot(self, node: Node) -> bool:
        """Whether an address sends too much."""
        return _reached(node.leaf_hits, self.density)

    def _may_grow(self, node: Node) -> bool:
        return _reached(node.hits, self.density >> 2)

    def _is_warm(self, node: Node) -> bool:
        return node.hits[1] >= self.density >> 2

    def status(self, node: Node) -> str:
        """HOT, WARM, or nothing."""
        return "HOT" if self.is_hot(node) else "WARM" if self._is_warm(node) else ""


def _reached(hits: list[int], limit: int) -> bool:
    before, now = hits
    return before >= limit or now >= limit or (before + now) >> 1 >= limit


class Pike(Module, name="pike"):
    """Notice addresses that send too much."""

    sampling_time_unit = Param(2, "Seconds in which requests are counted.")
    reqs_density_per_unit = Param(30, "Requests of one address in that time from which on it is blocked.")
    remove_latency = Param(120, "Seconds after its last request that an address is kept.")
    pike_log_level = Param(0, "Log level of lines about addresses that are blocked and let in again.")

    blocked = Statistic("blocked_ips", "Addresses that were blocked.")

    def start(self) -> None:
        """Plant the tree."""
        self.tree = Tree(self.reqs_density_per_unit, self.remove_latency)
        self._started = self.server.timers.now

    def ready(self) -> None:
        """Start the timers."""
        timers = self.server.timers
        timers.every(1, lambda: self.tree.expire(self._ticks))
        timers.every(max(self.sampling_time_unit, 1), self._next_unit)

    @property
    def _ticks(self) -> int:
        """Seconds since the start."""
        return int(self.server.timers.now - self._started)

    def _next_unit(self) -> None:
        for node in self.tree.next_unit():
            self._log(f"PIKE - UNBLOCKing ip {_ip_text.shown(node.address())}")

    def _log(self, text: str) -> None:
        self.server.log.write(self.pike_log_level, self.name, text)

    @function(_WHERE)
    def pike_check_req(self, ctx: Context) -> int:
        """Count a request of the sender of this message: 1 fine, -2 it is blocked from now on, -1 it is blocked."""
        return self._check(ip_address(ctx.msg.received.src_ip).packed)

    @function(_WHERE, since="5.6")
    def pike_check_ip(self, ctx: Context, ipaddr: Str) -> int:
        """Count a request of an address: 1 fine, -2 it is blocked from now on, -1 it is blocked, or no address."""
        address = _ip_text.packed(ipaddr)
        if address is None:
            if ipaddr:
                self.server.log.error(self.name, f"failed to parse ip address: {ipaddr}")
            return -1
        return self._check(address)

    def _check(self, address: bytes) -> int:
        node, fresh = self.tree.hit(address, self._ticks)
        if fresh:
            self._log(f"PIKE - BLOCKing ip {_ip_text.shown(address)}")
            self.blocked.value += 1
            return -2
        return -1 if node.red and len(node.address()) == len(address) else 1

    @rpc("pike.top")
    def rpc_top(self, rpc: Rpc, filter: str = "HOT") -> None:
        """The addresses that are blocked (HOT, the default), that come near (WARM), or ALL, and how often they came."""
        wanted = next((what for what in ("ALL", "HOT", "WARM") if what in filter.upper()), None)
        if wanted is None:
            raise rpc.fault(500, "Bad argument. Select: ALL, HOT or WARM")
        leaves = [(node, self.tree.status(node)) for node in self.tree.nodes() if node.leaf]
        rows: list[Any] = [
            Struct(
                ip_addr=_ip_text.shown(node.address()),
                leaf_hits_prev=node.leaf_hits[0],
                leaf_hits_curr=node.leaf_hits[1],
                expires=node.expires - self._ticks,
                status=status,
            )
            for node, status in reversed(leaves)
            if wanted in ("ALL", status)
        ]
        rpc.struct(max_hits=self.tree.density, list=rows, number_of_rows=len(rows))

    @rpc("pike.list", since="5.6")
    def rpc_list(self, rpc: Rpc, filter: str = "HOT") -> None:
        """Another name of pike.top."""
        self.rpc_top(rpc, filter)
