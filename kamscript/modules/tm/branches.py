"""Building and sending the request of a branch, and what DNS knows beyond its first address (tm/t_fwd.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.core import dns
from kamscript.core.blocklist import ERR_TIMEOUT, REPLY_503
from kamscript.core.build import build_request, via_line
from kamscript.core.errors import (
    E_BAD_ADDRESS,
    E_NO_SOCKET,
    E_SEND,
    E_TOO_MANY_BRANCHES,
    E_UNSPEC,
)
from kamscript.core.forward import outgoing
from kamscript.modules.tm.callbacks import (
    TMCB_REQUEST_SENT,
)
from kamscript.modules.tm.newtran import Newtran
from kamscript.modules.tm.table import BRANCH_NUMBER, BRANCH_TEXT, METHODS
from kamscript.modules.tm.transaction import (
    T_DISABLE_FAILOVER,
    T_DONT_FORK,
    ClientBranch,
    Transaction,
)
from kamscript.sip.edits import Condition, holds
from kamscript.sip.edits import Outgoing as Departure

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import Datagram, Destination, ListenSocket
    from kamscript.sip.message import Message

_METHOD_BITS: Final = {name: 1 << bit for bit, name in enumerate(METHODS)}
_OTHER_METHOD: Final = 1 << len(_METHOD_BITS)


class Proxy(NamedTuple):
    """A next hop named in the script: t_relay("host", "port"). `proto` "" means as the function says."""

    host: str
    port: int
    proto: str = ""


class Branches(Newtran):
    """From a destination to the request on the wire."""

    # -- building -------------------------------------------------------------------------------------------------
    def _prepare(
        self,
        ctx: Context,
        t: Transaction,
        branch: ClientBranch,
        uri: str,
        path: str,
        next_hop: str,
        forced: ListenSocket | None,
        proxy: Proxy | None,
        proto: str,
    ) -> int:
        """Find where the branch goes and build its text: 0, or an error code."""
        server = self.server
        destination: Destination | None
        if proxy is not None:
            destination = next(server.dns.destinations(proxy.host, proxy.port, proxy.proto or proto), None)
        elif server.cfg.core["use_dns_failover"]:
            branch.alternatives = dns.destinations(server, next_hop, proto)
            destination = next(branch.alternatives, None)
        else:
            destination = dns.uri_to_destination(server, next_hop, proto)
        if destination is None:
            return E_BAD_ADDRESS
        return self._build(ctx, t, branch, uri, path, destination, forced)

    def _build(
        self,
        ctx: Context,
        t: Transaction,
        branch: ClientBranch,
        uri: str,
        path: str,
        destination: Destination,
        forced: ListenSocket | None,
    ) -> int:
        server = self.server
        socket = server.get_send_socket(destination, forced)
        if socket is None:
            server.log.error("tm", f"can't fwd to {destination.ip}, proto {destination.proto}")
            return E_NO_SOCKET
        msg = ctx.msg
        branch.send_socket_forced = forced is not None
        branch.on_reply, branch.on_failure = t.on_reply, t.on_failure
        branch.on_branch_failure = t.on_branch_failure
        parameter = f"{t.branch_base}.{BRANCH_TEXT[branch.index]}"
        branch.text, branch.socket, branch.destination = build_request(
            ctx, socket, outgoing(ctx, destination), parameter, uri=uri, path=path
        )
        branch.uri, branch.path = uri, path
        if msg.has_edits:
            count = _record_routes(msg, branch.socket, branch.destination.proto)
            if count:
                branch.rr_flags = 1 if count == 1 else 3
        return 0

    def _rebuild(
        self,
        ctx: Context,
        t: Transaction,
        old: ClientBranch,
        new: ClientBranch,
        destination: Destination,
        forced: ListenSocket | None,
    ) -> int:
        """The text of a failed branch with another Via (add_uac_from_buf)."""
        socket = self.server.get_send_socket(destination, forced)
        if socket is None:
            return E_NO_SOCKET
        sent = self.parse(old.text)
        header = sent.first("via")
        if header is None:
            return E_UNSPEC
        via = via_line(ctx, socket, destination, f"{t.branch_base}.{BRANCH_TEXT[new.index]}")
        new.text = sent.buf[: header.start] + via + sent.buf[header.end :]
        new.destination, new.socket = destination, socket
        new.uri, new.path, new.rr_flags = old.uri, old.path, old.rr_flags
        new.send_socket_forced = old.send_socket_forced
        return 0

    # -- sending --------------------------------------------------------------------------------------------------
    def send_branch(self, t: Transaction, branch: ClientBranch, ctx: Context | None) -> int:
        """Send a branch's request for the first time (t_send_branch).

        Its own index when sent; the index of another branch that DNS failover put in its place; <0 when neither.
        """
        server = self.server
        socket, destination = branch.socket, branch.destination
        assert socket is not None and destination is not None
        context = ctx
        request = context.msg if context is not None else t.request
        if request is not None and server.onsend_route is not None:
            context = context or self.context_of(t)
            if not server.run_onsend(context, socket, destination, branch.text):
                branch.last_received = 408
                return self._instead(t, branch, context)
        if server.blocklist.entries and request is not None:
            bit = _METHOD_BITS.get(request.method_id, _OTHER_METHOD)
            if self.cfg["blst_methods_lookup"] & bit and server.blocklist.blocked(destination):
                branch.last_received = 408
                return self._instead(t, branch, context)
        server.send(socket, destination, branch.text)
        if t.types & TMCB_REQUEST_SENT:
            self.tell(TMCB_REQUEST_SENT, t, context, request, None, 0, branch.index, 0, branch.text, destination)
        self.start_retr(branch)
        return branch.index

    def _instead(self, t: Transaction, branch: ClientBranch, ctx: Context | None) -> int:
        """DNS failover behind a branch that must not be sent: the new branch's index, or -1."""
        if self.server.cfg.core["use_dns_failover"]:
            result = self.failover(t, branch, ctx)
            if result >= 0:
                return result
        return -1

    def failover(self, t: Transaction, branch: ClientBranch, ctx: Context | None = None) -> int:
        """See `Engine` (add_uac_dns_fallback)."""
        if t.flags & (T_DONT_FORK | T_DISABLE_FAILOVER) or branch.cancelling or branch.alternatives is None:
            return -1
        destination = next(branch.alternatives, None)
        if destination is None:
            return -1
        if len(t.branches) >= self.max_branches:
            self.server.log.error("tm", "maximum number of branches exceeded")
            return E_TOO_MANY_BRANCHES
        request = t.request
        if request is None:
            return -1
        new = ClientBranch(t, len(t.branches))
        new.alternatives = branch.alternatives
        new.instance, new.ruid, new.location_ua = branch.instance, branch.ruid, branch.location_ua
        forced: ListenSocket | None = None
        if branch.send_socket_forced:
            forced = branch.socket
        elif self.dns_reuse_rcv_socket:
            forced = request.received.socket
        context = ctx or self.context_of(t)
        if self.cfg["reparse_on_dns_failover"]:
            error = self._rebuild(context, t, branch, new, destination, forced)
        else:
            context = self.context_of(t)
            error = self._build(context, t, new, branch.uri, branch.path, destination, forced)
        if error:
            return error
        new.on_failure, new.on_reply = branch.on_failure, branch.on_reply
        new.on_branch_failure, new.branch_flags = branch.on_branch_failure, branch.branch_flags
        t.branches.append(new)
        return new.index

    def sending_failed(self, datagram: Datagram) -> None:
        """The driver could not send: try the branch's next address, else give the branch up.

        A first attempt ends in 477 as when t_relay() itself had failed, a retransmission in 503.
        """
        text = datagram.text
        if text.startswith("SIP/2.0 "):
            return
        at = text.find(";branch=z9hG4bK")
        if at < 0:
            return
        end = at + 8
        while end < len(text) and text[end] not in ";, \r\n":
            end += 1
        base, _, number = text[at + 8 : end].rpartition(".")
        t = self.by_branch.get(base)
        index = BRANCH_NUMBER.get(number)
        if t is None or index is None or index >= len(t.branches):
            return
        branch = t.branches[index]
        if branch.text != text or branch.last_received >= 200:
            return
        first = branch.interval <= 2 * t.retr1  # over a stream it stays 0
        self.stop_timer(branch)
        if self.server.cfg.core["use_dns_failover"] and self.fail_over(t, branch):
            branch.last_received = 408
            return
        if self.failure_exec_mode or not first or len(t.branches) > 1 or t.request is None:
            branch.icode = 908
            self.fake_reply(t, branch, 477 if first else 503)
            return
        branch.last_received = 408
        self.kill(t, E_SEND)

    def blocklist(self, destination: Destination, seconds: float | None, reason: int = REPLY_503) -> None:
        """See `Replies`."""
        if reason == REPLY_503:
            self.server.blocklist.force(destination, reason, seconds)
        else:
            self.server.blocklist.add(destination, reason, seconds)

    def timed_out(self, t: Transaction, branch: ClientBranch) -> None:
        """See `Timers`: blocklist where nobody answered, for the methods in `blst_methods_add`."""
        assert t.request is not None and branch.destination is not None
        if self.cfg["blst_methods_add"] & _METHOD_BITS.get(t.request.method_id, _OTHER_METHOD):
            self.blocklist(branch.destination, None, ERR_TIMEOUT)

    # -- settings -------------------------------------------------------------------------------------------------
    max_branches: int


def _record_routes(msg: Message, socket: ListenSocket, proto: str) -> int:
    """How many Record-Route headers our edits add on the way out."""
    count = 0
    for edit in msg.edits.headers:
        if edit.kind != "record-route" or edit.delete:
            continue
        pieces = edit.before or edit.after
        if pieces:
            condition = pieces[0].content
            count += not isinstance(condition, Condition) or holds(condition, msg, Departure(socket, proto))
    return count
