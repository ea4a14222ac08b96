"""Who is on the bus: nodes tell each other, and find out who does not answer (dmq/notification_peer.c).

The body of a notification is a list of nodes, a line each::

    sip:192.0.2.16:5060;status=active

Its answer is such a list too. A node that comes to the bus sends one to the nodes that its config names; who learns
something new passes it on, as far as Max-Forwards lets it. The same message is the ping.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kamscript.core.sockets import is_address
from kamscript.modules.dmq.nodes import ACTIVE, DISABLED, NOT_ACTIVE, PENDING, Node
from kamscript.modules.dmq.peers import Peer, PeerReply
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.modules.dmq import Dmq
    from kamscript.sip.message import Message

CONTENT_TYPE: Final = "text/plain"
#: How many addresses of one name are asked.
MAX_HOSTS: Final = 30


class Notification:
    """The peer that keeps the list of nodes."""

    def __init__(self, module: Dmq) -> None:
        self.module, self.server, self.nodes = module, module.server, module.nodes
        self.peer = Peer(module.notification_channel, self.received)
        target = module.server.target
        self.tells_all = target == "4.4"  #: lists hold inactive nodes too
        self.at_once = target == "4.4"  #: a node that does not answer is forgotten at once
        self.modern = target == "6.x"  #: a node is the same one under another name; a disabled one may come back
        self.joined = False  #: somebody was heard; the peers know
        self.first: Node | None = None  #: the node that was asked first

    # -- what is sent -------------------------------------------------------------------------------------------------
    def body(self) -> str:
        """The list of this server and the nodes that it takes for active."""
        return "".join(
            f"{node.line()}\r\n" for node in self.nodes if self.tells_all or node.local or node.status == ACTIVE
        )

    def tell(self, hops: int = 1) -> bool:
        """Send the list to every node, also those that are not active: they may be back."""
        return self.module.bus.broadcast(
            self.peer, self.body(), CONTENT_TYPE, response=self.answered, hops=hops, everybody=not self.tells_all
        )

    def join(self) -> None:
        """Ask the nodes that the config names who is there (add_server_and_notify)."""
        addresses = self.module.notification_address
        if self.module.multi_notify:
            addresses = list(self._hosts(addresses[0]))
        first: Node | None = None
        for address in addresses:
            node = self.nodes.find_uri(address)
            if node is None:
                built = self.nodes.build(address)
                node = self.nodes.add(built) if built is not None else None
            if node is not None and not node.local:
                # Kamailio remembers the last one of a list, and the first address of a name.
                first = first if self.module.multi_notify and first is not None else node
        self.first = first
        if first is None:
            self.server.log.error("dmq", "error adding notification node")
        elif not self.tell(hops=2):
            self.server.log.error("dmq", "error requesting initial nodelist")
            self.first = None

    def _hosts(self, address: str) -> Iterator[str]:
        """A URI for each address of the host, found by SRV, A and AAAA records (get_dmq_host_list)."""
        uri = parse_uri(address)
        found = list(self._targets(uri.bare_host, uri.port_no))
        if len(found) > MAX_HOSTS:
            self.server.log.warning("dmq", "notification host count reached max!")
        user = f"{uri.user}:{uri.password}@" if uri.password else f"{uri.user}@" if uri.user else ""
        for host, port in found[:MAX_HOSTS]:
            shown = f"[{host}]" if ":" in host else host
            yield (f"{uri.scheme}:{user}{shown}{f':{port}' if port else ''}{f';{uri.params}' if uri.params else ''}")

    def _targets(self, host: str, port: int) -> Iterator[tuple[str, int]]:
        dns = self.server.dns
        if is_address(host):
            yield host, port
            return
        for record in dns.srv(host):
            if not port or port == record.port:
                for address in dns.addresses(record.target, 0):
                    yield address, record.port
        for address in dns.addresses(host, 0):
            yield address, port

    def ping(self) -> None:
        """See who is there; alone, look for the bus again."""
        if all(node.local for node in self.nodes):
            self.joined = False
            if self.module.notification_address:
                self.join()
            else:
                self.server.log.error("dmq", "no notification address")
        elif not self.tell():
            self.server.log.error("dmq", "error broadcasting message")

    def leave(self) -> None:
        """This server ends: those who look for it need not wait."""
        own = next((node for node in self.nodes if node.local), None)
        if self.first is not None and own is not None:
            own.status = DISABLED
            self.tell()

    # -- what comes ---------------------------------------------------------------------------------------------------
    def received(self, msg: Message, node: Node | None) -> PeerReply:
        """A list of a node, answered with the own one; what is new is passed on."""
        hops = self.module.hops_left(msg)
        news = self.take(msg)
        body = self.body()
        if news > 0 and hops > 0:
            self.module.bus.broadcast(self.peer, body, CONTENT_TYPE, response=self.answered, hops=hops)
        # One that comes for the first time is known since its list was read.
        self._joined(node or self.module.sender(msg))
        return PeerReply(200, "OK", CONTENT_TYPE, body)

    def _joined(self, node: Node | None) -> None:
        if self.joined:
            return
        self.joined = True
        for peer in reversed(self.module.peers.values()):
            if peer.init is not None:
                peer.init(node if self.module.init_with_single else None)

    def take(self, msg: Message) -> int:
        """Heed the list in a message: how many nodes are new or changed, -1 where a line cannot be read.

        The lines behind such a line do not count.
        """
        length = msg.content_length
        if length is None:
            self.server.log.error("dmq", "no content length header found")
            return -1
        lines = msg.body[:length].split("\n")
        if not lines[-1]:
            lines.pop()
        news = 0
        for line in lines:
            told = self.nodes.build(line.rstrip("\r\0 \t"))
            if told is None:
                return -1
            news += self._learn(told)
        return news

    def _learn(self, told: Node) -> bool:
        """Whether a line of a list says something new."""
        known = self.nodes.find(told.key)
        if known is None and self.modern:
            known = self.nodes.find_address(told.address)
        if known is None:
            self.nodes.add(told)
            return True
        if known.local or not told.parsed.params or known.status == told.status:
            return False
        if known.status == DISABLED and not (self.modern and told.status == ACTIVE):
            return False  # it is about to be forgotten, whatever others still believe
        self.nodes.set_status(known, told.status)
        return True

    def answered(self, reply: Message | None, code: int, node: Node) -> None:
        """A node answered, or did not (notification_resp_callback_f)."""
        if code == 200:
            self._alive(reply, node)
        elif code == 408:
            self._dead(node)

    def _alive(self, reply: Message | None, node: Node) -> None:
        known = self.nodes.find(node.key)
        if known is not None:
            known.failures = 0
            if not self.at_once:
                self.nodes.set_status(known, ACTIVE)
        if reply is not None:
            self.take(reply)
        self._joined(node)

    def _dead(self, node: Node) -> None:
        module, log = self.module, self.server.log
        named = node.uri in module.notification_address
        if node.status == DISABLED and (self.modern or not named):
            self._forget(node)
        elif module.fail_count_enabled:
            module.bus.failed(node)
        elif named:
            log.error("dmq", f"not deleting notification peer [{node.uri}]")
            if not self.at_once:
                self.nodes.set_status(node, NOT_ACTIVE if self.modern else PENDING)
        elif self.at_once:
            self._forget(node)
        elif not module.remove_inactive:
            self.nodes.set_status(node, NOT_ACTIVE)
        else:
            self.nodes.set_status(node, DISABLED)

    def _forget(self, node: Node) -> None:
        self.server.log.error("dmq", f"deleting server node {node.uri} because of failed request")
        self.nodes.remove(node.key, local=True)
