"""The nodes of a bus and what state they are in (dmq/dmqnode.c).

A node is known by host, port and transport as its URI has them; nothing else of the URI counts. States:

    active      it answers: messages go to it, other nodes are told of it
    pending     up to 5.6: nobody has heard of it yet
    not_active  6.x: it did not answer
    timeout     another node said so
    disabled    it did not answer, or said that it ends; if it does not answer once more, it is forgotten

What an old name and a new one mean alike is understood in every generation, as a bus may hold both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.core.server import Server
    from kamscript.sip.uri import Uri

ACTIVE: Final = "active"
PENDING: Final = "pending"
NOT_ACTIVE: Final = "not_active"
TIMEOUT: Final = "timeout"
DISABLED: Final = "disabled"
STATUSES: Final = frozenset((ACTIVE, PENDING, NOT_ACTIVE, TIMEOUT, DISABLED))

#: The longest host name.
MAX_HOST: Final = 254


class Node:
    """One node.

    uri         as it was written; `parsed` its parts, `address` the IP address of its host
    local       it is this server
    failures    requests in a row that it did not answer (counted with fail_count_enabled)
    told        the state that an event route was run for last; "": none yet
    """

    __slots__ = ("address", "failures", "local", "parsed", "status", "told", "uri")

    def __init__(self, parsed: Uri, address: str, status: str) -> None:
        self.uri, self.parsed, self.address, self.status = parsed.text, parsed, address, status
        self.local = False
        self.failures = 0
        self.told = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Host, port and transport as written: what makes two nodes one."""
        return key_of(self.parsed)

    def line(self) -> str:
        """As it stands in the list that nodes send each other (build_node_str)."""
        uri = self.parsed
        transport = f";transport={uri.proto}" if uri.proto not in ("", "udp") else ""
        return f"sip:{uri.host}:{uri.port}{transport};status={self.status}"

    def channel(self, name: str) -> str:
        """The URI of a channel at this node (build_uri_str)."""
        return channel_uri(name, self.parsed)

    def __repr__(self) -> str:
        return f"<node {self.uri} {self.status}>"


def key_of(uri: Uri) -> tuple[str, str, str]:
    """What nodes are compared by (cmp_dmq_node)."""
    return uri.host, uri.port, uri.proto


def channel_uri(name: str, uri: Uri) -> str:
    """`sip:NAME@host[:port][;transport=...]` of a node's URI."""
    port = f":{uri.port}" if uri.port else ""
    transport = f";transport={uri.proto}" if uri.proto not in ("", "udp") else ""
    return f"sip:{name}@{uri.host}{port}{transport}"


class Nodes:
    """All nodes, the newest first. `changed` hears of each node whose state became another one, or that is new."""

    def __init__(self, server: Server, first_status: str, changed: Callable[[Node], object]) -> None:
        self.server, self.first_status, self.changed = server, first_status, changed
        self._nodes: list[Node] = []

    def __iter__(self) -> Iterator[Node]:
        """The newest first; nodes may come and go meanwhile."""
        return iter(self._nodes[:])

    def __len__(self) -> int:
        return len(self._nodes)

    def build(self, text: str) -> Node | None:
        """The node that a URI describes, its `status` parameter heeded; None and a log line: it describes none."""
        log = self.server.log
        try:
            uri = parse_uri(text)
            if len(uri.host) > MAX_HOST or not uri.host:
                raise SipError("no host, or a long one")
            params = parse_params(uri.params)[0]
        except SipError:
            log.error("dmq", f"error parsing uri <{text}>")
            return None
        status = next((param.value or "" for param in params if param.name == "status"), self.first_status)
        if status not in STATUSES:
            log.error("dmq", f"invalid status parameter: {status}")
            return None
        addresses = self.server.dns.addresses(uri.host, 0)
        if not addresses:
            log.error("dmq", f"could not resolve {uri.host}")
            return None
        return Node(uri, addresses[0], status)

    def add(self, node: Node) -> Node:
        """Take `node` in."""
        self._nodes.insert(0, node)
        self.changed(node)
        return node

    def find(self, key: tuple[str, str, str]) -> Node | None:
        """The node with this host, port and transport."""
        return next((node for node in self._nodes if node.key == key), None)

    def find_uri(self, text: str) -> Node | None:
        """The node that a URI names (find_dmq_node_uri)."""
        try:
            return self.find(key_of(parse_uri(text)))
        except SipError:
            self.server.log.error("dmq", f"error parsing uri <{text}>")
            return None

    def find_address(self, address: str) -> Node | None:
        """The node at this IP address."""
        return next((node for node in self._nodes if node.address == address), None)

    def set_status(self, node: Node, status: str) -> None:
        """`node` is in another state, if it is still known."""
        found = self.find(node.key)
        if found is not None and found.status != status:
            found.status = status
            self.changed(found)

    def remove(self, key: tuple[str, str, str], *, local: bool = False) -> bool:
        """Forget a node, this server itself only with `local`; False: there is none."""
        found = self.find(key)
        if found is None:
            return False
        if local or not found.local:
            self._nodes.remove(found)
        return True
