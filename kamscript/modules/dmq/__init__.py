"""dmq: a bus between servers, made of KDMQ requests (dmq manual; src/modules/dmq).

`nodes.py` are the servers on the bus, `notification.py` how they find each other, `peers.py` who sends and receives,
`bus.py` the sending. The methods of `Dmq` without decorator are what other modules use (dmq/bind_dmq.h).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kamscript.core.branches import append_current
from kamscript.core.context import Context
from kamscript.core.rpc import Rpc, RpcFault, Struct
from kamscript.core.sockets import ListenSocket
from kamscript.module import EventRoute, FixupError, Int, Module, Param, Route, Str, function, rpc
from kamscript.modules._hostport import parse_host_port
from kamscript.modules.dmq.bus import METHOD, Bus
from kamscript.modules.dmq.nodes import ACTIVE, DISABLED, NOT_ACTIVE, PENDING, Node, Nodes, channel_uri, key_of
from kamscript.modules.dmq.notification import Notification
from kamscript.modules.dmq.peers import InitFunction, Peer, PeerFunction, PeerReply, ResponseFunction, accept
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from kamscript.modules.sl import Sl

__all__ = ["Dmq", "Node", "Peer", "PeerReply"]

#: No ping comes sooner behind the one before, s.
MIN_PING_INTERVAL: Final = 60

_EVENTS: Final = {ACTIVE: "dmq:peer-up", NOT_ACTIVE: "dmq:peer-down", DISABLED: "dmq:peer-disabled"}
#: 4.4 shows states as numbers.
_NUMBERS: Final = {ACTIVE: 2, "timeout": 4, DISABLED: 8}


def _uri(value: str) -> str | None:
    try:
        parse_uri(value)
    except SipError:
        return "could not parse notification address"
    return None


class Dmq(Module, name="dmq", requires=("tm", "sl"), after=("tm",)):
    """Let servers tell each other what their modules know."""

    server_address = Param("", "URI of this server as a node of the bus.")
    server_socket = Param("", "Socket that sends to nodes, `proto:host:port`; without: of server_address.", since="5.6")
    notification_address: Any = Param("", "URI of a node to ask for the other nodes.", repeat=True, check=_uri)
    notification_channel = Param("notification_peer", "Channel on which nodes tell who is there.", since="5.6")
    multi_notify = Param(0, "Ask every address of the notification address.")
    num_workers = Param(2, "Workers for messages of dmq_handle_message(); with 0 it fails.")
    worker_usleep = Param(0, "How long a message waits for its worker, µs.", since="5.6")
    ping_interval = Param(60, "Seconds between two pings of all nodes, at least 60.")
    remove_inactive = Param(1, "Forget nodes that do not answer.", since="6.x")
    fail_count_enabled = Param(0, "Count the messages that a node did not answer.", since="6.x")
    fail_count_threshold_not_active = Param(0, "More of them make a node not active.", since="6.x")
    fail_count_threshold_disabled = Param(1, "More of them disable a node that is not active.", since="6.x")
    init_with_single = Param(0, "Synchronize with the node that answers first only.", since="6.x")
    event_callback = Param(
        "", "KEMI function in place of the event routes.", since="6.x", inert="routes are not written in KEMI here"
    )
    sl_send = Param(0, "Send without transactions what needs no reply.", since="6.x")

    peer_up = EventRoute("dmq:peer-up", "6.x: a node became active; `$ru` is its URI.")
    peer_down = EventRoute("dmq:peer-down", "6.x: a node does not answer any more.")
    peer_disabled = EventRoute("dmq:peer-disabled", "6.x: a node is about to be forgotten.")

    def start(self) -> None:
        """This server becomes the first node of its list."""
        server = self.server
        try:
            own = parse_uri(self.server_address)
        except SipError:
            raise FixupError("server address invalid") from None
        socket = self._socket(own)
        if socket is None:
            raise FixupError("server_uri is not a socket the proxy is listening on")
        self.peers: dict[str, Peer] = {}
        self.nodes = Nodes(server, PENDING if server.target in ("5.6", "all") else ACTIVE, self._changed)
        self.bus = Bus(self, server.module("tm"), own, socket)
        self.sl: Sl = server.module("sl")
        node = self.nodes.build(self.server_address)
        if node is None:
            raise FixupError("cannot add notification peer")
        node.local, node.status = True, ACTIVE
        self.nodes.add(node)
        self.notification = Notification(self)
        self.peers[self.notification.peer.name] = self.notification.peer
        self._arrived = (0, "")
        server.hooks.pre_script.append(self._note_hops)

    def _socket(self, own: Uri) -> ListenSocket | None:
        if self.server_socket:
            named = parse_host_port(self.server_socket, self.server)
            return None if named is None else self.server.find_socket(named.host, named.port, named.proto)
        if not own.proto:
            self.server.log.info("dmq", "unknown transport protocol - fall back to udp")
        return self.server.find_socket(own.host, own.port_no, own.proto or "udp")

    def ready(self) -> None:
        """Ask who is there, and again and again."""
        self.server.timers.every(max(self.ping_interval, MIN_PING_INTERVAL), self.notification.ping)
        if self.notification_address:
            self.notification.join()

    def stop(self) -> None:
        """Tell the others."""
        self.notification.leave()

    # -- for other modules ----------------------------------------------------------------------------------------
    def register_dmq_peer(self, name: str, callback: PeerFunction, init: InitFunction | None = None) -> Peer:
        """Take part in the bus on the channel `name`; in `start()` of a module that is loaded behind this one.

        Raises FixupError for a name that is taken, and while this module has not started.
        """
        if not hasattr(self, "peers"):
            raise FixupError("peer list not initialized: load dmq.so before the modules that use it")
        if name in self.peers:
            raise FixupError(f"peer already exists: {name}")
        peer = self.peers[name] = Peer(name, callback, init)
        return peer

    def bcast_message(
        self,
        peer: Peer,
        body: str,
        content_type: str,
        *,
        but: Node | None = None,
        response: ResponseFunction | None = None,
        hops: int = 1,
    ) -> bool:
        """Send to every active node but this one and `but`; False: one sending failed, and those behind it."""
        return self.bus.broadcast(peer, body, content_type, but=but, response=response, hops=hops)

    def send_message(
        self,
        peer: Peer,
        body: str,
        content_type: str,
        node: Node,
        *,
        response: ResponseFunction | None = None,
        hops: int = 1,
    ) -> bool:
        """Send to one node; `response` hears of its final reply."""
        return self.bus.send(peer, body, content_type, node, response=response, hops=hops)

    # -- nodes ----------------------------------------------------------------------------------------------------
    def _changed(self, node: Node) -> None:
        """A node is new or in another state: 6.x has event routes for that, each state told once."""
        told = node.told
        if node.local or self.server.target in ("4.4", "5.6") or node.status == told:
            return
        if node.status not in _EVENTS or (told == DISABLED and node.status != ACTIVE):
            return
        node.told = node.status
        name = _EVENTS[node.status]
        if self.server.route_function(Route.EVENT, name) is not None:
            faked = self.server.faked_message()
            faked.new_uri = node.uri
            self.server.run_event(name, faked)

    # -- messages of nodes ----------------------------------------------------------------------------------------
    def _note_hops(self, ctx: Context) -> bool:
        """Remember Max-Forwards as it came: module maxfwd may lower it before the message is handled."""
        msg = ctx.msg
        if msg.method == METHOD:
            self._arrived = msg.number, msg.value("max-forwards") or ""
        return True

    def hops_left(self, msg: Message) -> int:
        """How far news of `msg` may go on, which counts as one hop; once, also where module maxfwd counted it."""
        text = msg.value("max-forwards") or ""
        number = int(text) if text.strip().isascii() and text.strip().isdigit() else 0
        lowered = self._arrived[0] == msg.number and self._arrived[1] != text
        return number if lowered else number - 1

    def sender(self, msg: Message) -> Node | None:
        """The node that sent `msg`, by its From; None: it is not known."""
        if msg.from_ is None:
            self.server.log.error("dmq", "bad sip message or missing From hdr")
            return None
        return self.nodes.find_uri(msg.from_.uri)

    def _peer_of(self, ctx: Context) -> Peer | bool | None:
        """Whom the message is for; None: nobody, and that was replied; False: it is no good."""
        try:
            name = ctx.msg.parsed_uri().user
        except SipError:
            name = ""
        if not name:
            self.server.log.error("dmq", "error parsing msg uri")
            return False
        peer = self.peers.get(name)
        if peer is None:
            reason = "Not Found Peer ID" if self.server.target == "6.x" else "User Not Found"
            if self.sl.freply(ctx, 404, reason) < 0:
                self.server.log.error("dmq", "sending reply")
                return False
        return peer

    def _run(self, ctx: Context, peer: Peer) -> bool:
        """Let `peer` have the message and send its answer; False: it failed."""
        msg = ctx.msg
        answer = peer.callback(msg, self.sender(msg))
        if answer is None:
            self.server.log.error("dmq", "processing failed")
            return False
        if answer.body:
            msg.add_reply_header(f"Content-Type: {answer.content_type}\r\n")
            msg.reply_body = answer.body
        if not answer.code or not answer.reason:
            self.server.log.warning("dmq", "no reply sent")
        elif self.sl.freply(ctx, answer.code, answer.reason) < 0:
            self.server.log.error("dmq", "error sending reply")
        return True

    def _hand_over(self, msg: Message, peer: Peer, *, reply: bool = True) -> bool:
        """Give a copy of the message to a worker, which knows nothing of its transaction; False: there is none."""
        if self.num_workers <= 0:
            self.server.log.error("dmq", "error in add_dmq_job: no workers spawned")
            return False
        ctx = self.server.context(msg.clone())

        def work() -> None:
            if reply:
                self._run(ctx, peer)
            else:
                peer.callback(ctx.msg, self.sender(ctx.msg))

        if self.worker_usleep > 0:
            self.server.timers.after(self.worker_usleep / 1e6, work)
        else:
            work()
        return True

    @function(Route.REQUEST, arity=0)
    @function(Route.REQUEST, arity=1, since="5.6")
    def dmq_handle_message(self, ctx: Context, go_on: Int = 0) -> int:
        """Let a worker deal with the message of a node. The script ends, with `go_on` 1 it goes on."""
        peer = self._peer_of(ctx)
        if peer is False or (isinstance(peer, Peer) and not self._hand_over(ctx.msg, peer)):
            return -1
        return min(go_on, 1)

    @function(Route.REQUEST, since="5.6")
    def dmq_process_message(self, ctx: Context, go_on: Int = 0) -> int:
        """Deal with the message of a node now. The script ends, with `go_on` 1 it goes on."""
        peer = self._peer_of(ctx)
        if peer is False or (isinstance(peer, Peer) and not self._run(ctx, peer)):
            return -1
        return min(go_on, 1)

    @function(Route.ANY, since="6.x")
    def dmq_process_custom(self, ctx: Context, channel: Str, node: Str, body: Str, content_type: Str) -> int:
        """Let the peer of a channel deal with a message as if a node had sent it, now; nothing is replied."""
        made = self._custom(channel, node, body, content_type)
        if made is None:
            return -1
        msg, peer = made
        return 1 if peer.callback(msg, self.nodes.find_uri(node)) is not None else -1

    @function(Route.ANY, since="6.x")
    def dmq_handle_custom(self, ctx: Context, channel: Str, node: Str, body: Str, content_type: Str) -> int:
        """Let a worker deal with a message as if a node had sent it; nothing is replied."""
        made = self._custom(channel, node, body, content_type)
        return 1 if made is not None and self._hand_over(*made, reply=False) else -1

    def _custom(self, channel: str, node: str, body: str, content_type: str) -> tuple[Message, Peer] | None:
        peer = self.peers.get(channel)
        if peer is None:
            return None
        own, chance = self.bus.own, self.server.environment.chance
        branch, tag, callid = (chance.randrange(1000000, 9999999) for _ in range(3))
        to = channel_uri(channel, own)
        text = (
            f"{METHOD} {to} SIP/2.0\r\n"
            f"Via: SIP/2.0/{(own.proto or 'udp').upper()} {own.host}:{own.port};branch=z9hG4bK{branch}\r\n"
            f"From: <{node}>;tag={tag}\r\nTo: <{to}>\r\nCall-ID: {callid}@{own.host}\r\nCSeq: 1 {METHOD}\r\n"
            f"Max-Forwards: 1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        try:
            return Message(text), peer
        except SipError:
            self.server.log.error("dmq", "failed to parse synthetic dmq message")
            return None

    # -- messages of the script -----------------------------------------------------------------------------------
    def _channel(self, name: str) -> Peer:
        """The peer of a channel; a new one accepts everything that nodes send on it."""
        peer = self.peers.get(name)
        if peer is None:
            self.server.log.info("dmq", f"cannot find peer {name} - adding it.")
            peer = self.peers[name] = Peer(name, accept)
        return peer

    @function(Route.ANY)
    def dmq_send_message(self, ctx: Context, channel: Str, node: Str, body: Str, content_type: Str) -> bool:
        """Send a message to one node, which has to be known."""
        peer = self._channel(channel)
        found = self.nodes.find_uri(node)
        if found is None:
            self.server.log.error("dmq", f"cannot find dmq_node: {node}")
            return False
        return self.bus.send(peer, body, content_type, found, response=self.notification.answered)

    @function(Route.ANY)
    def dmq_bcast_message(self, ctx: Context, channel: Str, body: Str, content_type: Str) -> bool:
        """Send a message to all active nodes."""
        peer = self._channel(channel)
        return self.bus.broadcast(peer, body, content_type, response=self.notification.answered)

    @function(Route.REQUEST)
    def dmq_t_replicate(self, ctx: Context, skip_loop_test: Int = 0) -> int:
        """Send the request to all active nodes, unless a node sent it; the script ends."""
        if not skip_loop_test and self._is_from_node(ctx):
            return -1
        ctx.msg.force_send_socket = self.bus.socket
        first = True
        tm: Any = self.bus.tm
        for node in self.nodes:
            if node.local or node.status != ACTIVE:
                continue
            if not first and append_current(ctx) < 0:
                continue
            first = False
            if tm.t_replicate(ctx, node.uri) < 0:
                self.server.log.error("dmq", "error calling t_replicate")
                return -1
        return 0

    @function(Route.REQUEST)
    def dmq_is_from_node(self, ctx: Context) -> bool:
        """Whether the message came from the address of another node."""
        return self._is_from_node(ctx)

    def _is_from_node(self, ctx: Context) -> bool:
        source = ctx.msg.received.src_ip
        return any(node.address == source and not node.local for node in self.nodes)

    # -- commands -------------------------------------------------------------------------------------------------
    @rpc("dmq.list_nodes")
    def list_nodes(self, rpc: Rpc) -> None:
        """List all nodes, the newest first."""
        target = self.server.target
        for node in self.nodes:
            shown = Struct(host=node.parsed.host, port=node.parsed.port)
            if target != "4.4":
                shown.add("proto", node.parsed.proto or "*")
            shown.add("resolved_ip", node.address)
            shown.add("status", _NUMBERS.get(node.status, 0) if target == "4.4" else node.status)
            shown.add("last_notification", 0)
            shown.add("local", int(node.local))
            if target not in ("4.4", "5.6"):
                shown.add("fail_count", node.failures)
            rpc.add(shown)

    @rpc("dmq.add", since="6.x")
    def add_node(self, rpc: Rpc, address: str = "") -> str:
        """Add a node by its URI."""
        _wanted(rpc, 1)
        if self.nodes.find_uri(address) is not None:
            raise RpcFault(500, "Node is already added")
        node = self.nodes.build(address)
        if node is None:
            raise RpcFault(500, "Failure")
        self.nodes.add(node)
        return "Ok. DMQ node added."

    @rpc("dmq.remove", since="5.6")
    def remove_node(self, rpc: Rpc, address: str = "") -> str:
        """Forget the node with this URI; this server itself stays."""
        _wanted(rpc, 1)
        try:
            uri = parse_uri(address)
        except SipError:
            self.server.log.error("dmq", f"error parsing uri [{address}]")
            raise RpcFault(500, "Failure") from None
        self.nodes.remove(key_of(uri))
        return "Ok. DMQ node removed."

    @rpc("dmq.change_status", since="6.x")
    def change_status(self, rpc: Rpc, address: str = "", status: str = "") -> str:
        """Set the state of another node: active, not_active, disabled."""
        _wanted(rpc, 2)
        if status not in _EVENTS:
            raise RpcFault(500, "Invalid Status - use: active, not_active, disabled")
        node = self.nodes.find_uri(address)
        if node is None:
            raise RpcFault(500, "Node Not Found")
        if node.local:
            raise RpcFault(500, "Node is local")
        if node.status == status:
            return f"Ok. DMQ node status is already {status}."
        node.status = status
        return "Ok. DMQ node status changed."


def _wanted(rpc: Rpc, count: int) -> None:
    if rpc.mistyped or len(rpc.arguments) < count:
        raise RpcFault(500, "Invalid Parameters")
