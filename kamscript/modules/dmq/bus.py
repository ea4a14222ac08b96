"""Sending to nodes (dmq/dmq_funcs.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core import dns
from kamscript.modules.dmq.nodes import ACTIVE, DISABLED, NOT_ACTIVE, Node, channel_uri

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dmq import Dmq
    from kamscript.modules.dmq.peers import Peer, ResponseFunction
    from kamscript.modules.tm import Tm
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.uri import Uri

METHOD = "KDMQ"


class Bus:
    """Sends from `socket`, as the node that `own` is the URI of."""

    def __init__(self, module: Dmq, tm: Tm, own: Uri, socket: ListenSocket) -> None:
        self.module, self.tm, self.own, self.socket = module, tm, own, socket

    def broadcast(
        self,
        peer: Peer,
        body: str,
        content_type: str,
        *,
        but: Node | None = None,
        response: ResponseFunction | None = None,
        hops: int = 1,
        everybody: bool = False,
    ) -> bool:
        """Send to every active node, with `everybody` to all, never to this one or `but`; False: one failed.

        Nothing goes to the nodes behind the one that failed.
        """
        for node in self.module.nodes:
            if node.local or (node.status != ACTIVE and not everybody) or (but is not None and but.key == node.key):
                continue
            if not self.send(peer, body, content_type, node, response=response, hops=hops):
                self.module.server.log.error("dmq", "error sending dmq message")
                return False
        return True

    def send(
        self,
        peer: Peer,
        body: str,
        content_type: str,
        node: Node,
        *,
        response: ResponseFunction | None = None,
        hops: int = 1,
    ) -> bool:
        """Send to one node, whatever its state; `response` hears of its final reply. False: it could not be sent."""
        log = self.module.server.log
        if not peer.name:
            log.error("dmq", "no username given")
            return False
        headers = f"Max-Forwards: {hops}\r\nContent-Type: {content_type}\r\n"
        to, sender = node.channel(peer.name), channel_uri(peer.name, self.own)
        if self.module.sl_send and response is None:
            return self._stateless(to, sender, headers, body)
        sent = self.tm.request_outside(
            METHOD,
            to,
            to,
            sender,
            headers=headers,
            body=body,
            socket=self.socket,
            callback=self._completed,
            # As Kamailio, which hands over a copy of the node: what counts is the state that it was in.
            param=(node, node.status, response or self._default),
        )
        if sent is None:
            log.error("dmq", "error in tmb.t_request_within")
        return sent is not None

    def _completed(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        node, status, response = params.param
        now = node.status
        node_then = node if status == now else _as_it_was(node, status)
        response(params.reply, params.code, node_then)

    def _default(self, reply: Any, code: int, node: Node) -> None:
        """A peer that does not ask for replies: what stays unanswered counts, but does not disable the node."""
        if code == 408 and self.module.fail_count_enabled:
            self.failed(node, states=(ACTIVE,))

    def failed(self, node: Node, states: tuple[str, ...] = (ACTIVE, NOT_ACTIVE, DISABLED)) -> None:
        """`node` did not answer, and failures are counted (update_dmq_node_status_on_timeout)."""
        module = self.module
        found = module.nodes.find(node.key)
        if found is None or found.status not in states:
            return
        found.failures += 1
        if found.status == NOT_ACTIVE and found.failures > module.fail_count_threshold_disabled:
            module.nodes.set_status(found, DISABLED)
        elif found.status == ACTIVE and found.failures > module.fail_count_threshold_not_active:
            module.nodes.set_status(found, NOT_ACTIVE)

    def _stateless(self, to: str, sender: str, headers: str, body: str) -> bool:
        """6.x with sl_send: one datagram, no transaction."""
        server: Server = self.module.server
        destination = dns.uri_to_destination(server, to)
        if destination is None:
            server.log.error("dmq", "cannot resolve destination")
            return False
        socket = server.get_send_socket(destination, self.socket)
        if socket is None:
            server.log.error("dmq", "cannot get sending socket")
            return False
        # Each text begins with a number of its own, as nothing refers to any of them later.
        branch, tag, callid = (server.environment.chance.randrange(1000000, 9999999) for _ in range(3))
        server.send(
            socket,
            destination,
            f"{METHOD} {to} SIP/2.0\r\n"
            f"Via: SIP/2.0/{destination.proto.upper()} {socket.via_host}:{socket.via_port};branch=z9hG4bK{branch}\r\n"
            f"From: <{sender}>;tag={tag}\r\nTo: <{to}>\r\nCall-ID: {callid}@{socket.via_host}\r\n"
            f"CSeq: 1 {METHOD}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}",
        )
        return True


def _as_it_was(node: Node, status: str) -> Node:
    copy = Node(node.parsed, node.address, status)
    copy.local, copy.failures = node.local, node.failures
    return copy
