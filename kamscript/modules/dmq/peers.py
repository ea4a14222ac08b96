"""Peers: who sends and receives on which channel of the bus (dmq/peer.c, dmq/bind_dmq.h).

dmq = self.server.module("dmq")
self.peer = dmq.register_dmq_peer("mine", self._received, self._joined)
dmq.bcast_message(self.peer, body, "application/json")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kamscript.modules.dmq.nodes import Node
    from kamscript.sip.message import Message


class PeerReply(NamedTuple):
    """What a peer answers to a message of a node. Without `code` nothing is sent."""

    code: int
    reason: str
    content_type: str = ""
    body: str = ""


#: `(message, node)`: the node that sent it, None for an unknown one. The answer; None: it failed, nothing is sent.
PeerFunction = Callable[["Message", "Node | None"], PeerReply | None]
#: `(node)`: this server found the bus; with init_with_single the node that it found it by, else None.
InitFunction = Callable[["Node | None"], object]
#: `(reply, code, node)`: the final reply of a node; `reply` is None for a timeout.
ResponseFunction = Callable[["Message | None", int, "Node"], object]


class Peer(NamedTuple):
    """A registered peer; the channel has its name."""

    name: str
    callback: PeerFunction
    init: InitFunction | None = None


ACCEPTED = PeerReply(202, "Accepted DMQ")


def accept(msg: Message, node: Node | None) -> PeerReply:
    """What the peers answer that only a script sends for (empty_peer_callback)."""
    return ACCEPTED
