"""Requests of this server, their ACKs, and event_route[tm:local-request] (tm/uac.c, t_msgbuilder.c)."""

from __future__ import annotations

from binascii import crc32
from typing import TYPE_CHECKING, Any, Final

from kamscript.core import dns
from kamscript.core.build import hash_index, via_line
from kamscript.core.context import Context
from kamscript.core.errors import E_BAD_REQ, E_DROP, E_NO_SOCKET
from kamscript.core.sockets import Datagram, Destination, Received
from kamscript.module import Route
from kamscript.modules.tm.callbacks import (
    TMCB_DONT_ACK,
    TMCB_LOCAL_COMPLETED,
    TMCB_LOCAL_F,
    TMCB_REQUEST_SENT,
    TYPE_LOCAL_ACK,
    TmcbParams,
)
from kamscript.modules.tm.dialog import UacDialog, raw_uri
from kamscript.modules.tm.relay import Relay
from kamscript.modules.tm.table import BRANCH_TEXT, COOKIE
from kamscript.modules.tm.tags import digest
from kamscript.modules.tm.transaction import (
    KR_FORWARDED,
    T_AUTO_INV_100,
    T_IS_LOCAL,
    T_NO_AUTO_ACK,
    ClientBranch,
    FakedReply,
    Outgoing,
    Transaction,
)
from kamscript.sip.edits import Outgoing as Departure
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kamscript.core.server import Server
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.tm.callbacks import TransactionCallback

DEFAULT_CSEQ: Final = 10


def bracketed_address(text: str) -> str:
    """A From or To value: a bare URI gets brackets; what ends in `>` or has parameters behind it stays."""
    at = text.rfind(">")
    return text if at >= 0 and (at == len(text) - 1 or text[at + 1] == ";") else f"<{text}>"


class Uac(Relay):
    """Make and send requests."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._callid_number = 0
        self._callid_suffix = ""
        self._fromtag_prefix = ""
        self.last_error = 0  #: why the last request of this server could not be sent

    # -- identities -----------------------------------------------------------------------------------------------
    def start_identities(self) -> None:
        """Call-IDs count up from a random number; From tags begin with what identifies the server."""
        server = self.server
        self._callid_number = server.environment.chance.getrandbits(64)
        first = server.sockets[0] if server.sockets else None
        address = first.address if first is not None else "localhost"
        self._callid_suffix = f"-{server.environment.pid}@{address}"
        identity = f"Long live server{address}{first.port if first is not None else 0}"
        self._fromtag_prefix = digest(identity)

    def generate_callid(self) -> str:
        """See `TmApi`."""
        self._callid_number = (self._callid_number + 1) & 0xFFFFFFFFFFFFFFFF
        return f"{self._callid_number:016x}{self._callid_suffix}"

    def generate_fromtag(self, callid: str, uri: str = "") -> str:
        """See `TmApi`."""
        return f"{self._fromtag_prefix}-{crc32((callid + (uri or callid)).encode('latin-1')):08x}"

    # -- building -------------------------------------------------------------------------------------------------
    def bare_context(self) -> Context:
        """A context over a message that nobody sent, for what needs one to build text."""
        return Context(self.server, self.server.faked_message(), Route.LOCAL)

    def _request_text(
        self, method: str, dialog: UacDialog, uri: str, route: str, via: str, local_tag: str, headers: str, body: str
    ) -> str:
        to_tag = f";tag={dialog.remote_tag}" if dialog.remote_tag else ""
        from_tag = f";tag={local_tag}" if local_tag else ""
        if headers and not headers.endswith("\n"):
            headers += "\r\n"
        hops = "" if "Max-Forwards:" in headers else "Max-Forwards: 70\r\n"
        settings = self.server.settings
        agent = f"{settings['user_agent_header']}\r\n" if settings["server_signature"] else ""
        return (
            f"{method} {uri} SIP/2.0\r\n{via}To: {bracketed_address(dialog.remote_uri)}{to_tag}\r\n"
            f"From: {bracketed_address(dialog.local_uri)}{from_tag}\r\nCSeq: {dialog.cseq} {method}\r\n"
            f"Call-ID: {dialog.callid}\r\n{route}{hops}Content-Length: {len(body)}\r\n{agent}{headers}\r\n{body}"
        )

    # -- sending --------------------------------------------------------------------------------------------------
    def request(
        self,
        method: str,
        dialog: UacDialog,
        *,
        headers: str = "",
        body: str = "",
        callback: TransactionCallback | None = None,
        types: int = 0,
        param: Any = None,
    ) -> Transaction | None:
        """See `TmApi`."""
        if method not in ("ACK", "CANCEL"):
            dialog.cseq += 1
        return self.send_request(method, dialog, headers, body, callback, types, param)

    def request_outside(
        self,
        method: str,
        ruri: str,
        to: str,
        from_: str,
        *,
        headers: str = "",
        body: str = "",
        outbound: str = "",
        callid: str = "",
        cseq: int = DEFAULT_CSEQ,
        socket: ListenSocket | None = None,
        callback: TransactionCallback | None = None,
        types: int = 0,
        param: Any = None,
    ) -> Transaction | None:
        """See `TmApi`."""
        callid = callid or self.generate_callid()
        dialog = UacDialog(
            callid=callid,
            local_uri=from_,
            remote_uri=to,
            target=ruri or raw_uri(to),
            local_tag=self.generate_fromtag(callid, ruri),
            cseq=cseq,
            dst_uri=outbound,
            socket=socket,
            confirmed=False,
        )
        return self.send_request(method, dialog, headers, body, callback, types, param)

    def send_request(
        self,
        method: str,
        dialog: UacDialog,
        headers: str,
        body: str,
        callback: TransactionCallback | None,
        types: int,
        param: Any,
    ) -> Transaction | None:
        """Send a request described by `dialog` as it stands (t_uac); None: not sent, `last_error` tells why; or ACK."""
        server = self.server
        self.last_error = 0
        is_ack = method == "ACK"
        try:
            uri, next_hop, route = dialog.hooks()
        except SipError as error:
            server.log.error("tm", f"error while parsing URI: {error}")
            self.last_error = E_BAD_REQ
            return None
        t = Transaction(self, method, dialog.callid, str(dialog.cseq))
        branch = ClientBranch(t, 0)
        destination: Destination | None
        if server.cfg.core["use_dns_failover"]:
            branch.alternatives = dns.destinations(server, next_hop)
            destination = next(branch.alternatives, None)
        else:
            destination = dns.uri_to_destination(server, next_hop)
        socket = server.get_send_socket(destination, dialog.socket) if destination is not None else None
        if destination is None or socket is None:
            server.log.error("tm", "no socket found")
            self.last_error = E_NO_SOCKET
            return None
        self._arm_local(t, types, callback, param)
        index = hash_index(t.callid, t.cseq_number)
        number = f"{server.environment.chance.getrandbits(31):x}"[::-1]
        base = f"{COOKIE}{f'{index:x}'[::-1]}.{number:0<32}"
        local_tag = dialog.local_tag or self.generate_fromtag(dialog.callid, dialog.remote_uri)
        via = via_line(self.bare_context(), socket, destination, f"{base}.0")
        text = self._request_text(method, dialog, uri, route, via, local_tag, headers, body)
        t.to = bracketed_address(dialog.remote_uri) + (f";tag={dialog.remote_tag}" if dialog.remote_tag else "")
        t.from_ = f"{bracketed_address(dialog.local_uri)};tag={local_tag}"
        branch.socket, branch.destination, branch.text, branch.uri = socket, destination, text, uri
        branch.send_socket_forced = dialog.socket is not None
        if not is_ack:
            t.branches.append(branch)
            self.insert(t, base)
            self.counts.local += 1
        if not self._local_request_event(t, branch, dialog, next_hop):
            if not is_ack:
                self.remove(t)
            self.last_error = E_DROP
            return None
        if server.cfg.core["use_dns_failover"] or self.cfg["enable_uac_fr"]:
            t.request = Message(branch.text, self._received(branch))
        branch.on_reply, branch.on_failure = t.on_reply, t.on_failure
        if self.local_request_in:
            params = TmcbParams(self.context_of(t, self.parse(branch.text)), t.request)
            for kinds, listener, its_param in tuple(self.local_request_in):
                params.param = its_param
                listener(t, kinds, params)
        return self._send_local(t, branch, is_ack)

    def _arm_local(self, t: Transaction, types: int, callback: TransactionCallback | None, param: Any) -> None:
        cfg = self.cfg
        t.flags = T_IS_LOCAL
        if t.is_invite:
            t.flags |= 1
            if cfg["auto_inv_100"]:
                t.flags |= T_AUTO_INV_100
            if types & TMCB_DONT_ACK:
                t.flags |= T_NO_AUTO_ACK
        lifetime = cfg["max_inv_lifetime" if t.is_invite else "max_noninv_lifetime"] / 1000
        t.fr_timeout, t.fr_inv_timeout = cfg["fr_timer"] / 1000, cfg["fr_inv_timer"] / 1000
        t.retr1, t.retr2 = cfg["retr_timer1"] / 1000, cfg["retr_timer2"] / 1000
        t.end_of_life = self.server.timers.now + lifetime
        t.kept = KR_FORWARDED
        t.xavps, t.xavus, t.xavis = {}, {}, {}
        if callback is not None:
            types = types or TMCB_LOCAL_COMPLETED
            t.types = types
            t.callbacks = [(types, callback, param)]

    def _received(self, branch: ClientBranch) -> Received:
        """Where a message of this server "came from": the socket it leaves by."""
        socket, to = branch.socket, branch.destination
        assert socket is not None and to is not None
        return Received(socket.proto, socket.address, socket.port, to.ip, to.port, socket)

    def _local_request_event(self, t: Transaction, branch: ClientBranch, dialog: UacDialog, next_hop: str) -> bool:
        """Run event_route[tm:local-request] over the request; what it edits leaves. False: it dropped the request."""
        function = self.server.route_function(Route.EVENT, "tm:local-request")
        if function is None:
            return True
        socket, destination = branch.socket, branch.destination
        assert socket is not None and destination is not None
        msg = Message(branch.text, self._received(branch))
        msg.dst_uri = next_hop
        msg.force_send_socket = dialog.socket
        ctx = Context(self.server, msg, Route.LOCAL)
        if t.avps is None:
            t.avps = ctx.avps
        self.enter(ctx, t)
        ctx.onsend = Datagram(socket, destination, branch.text)
        self.server.run_top(function, ctx)
        if ctx.drop:
            return False
        forced = msg.force_send_socket
        if forced is not dialog.socket and forced is not None:
            dialog.socket = branch.socket = socket = forced
            branch.destination = destination = destination._replace(proto=forced.proto)
            via = via_line(ctx, socket, destination, f"{t.branch_base}.{BRANCH_TEXT[branch.index]}")
            branch.text = msg.edits.join(Departure(socket, destination.proto), uri=msg.new_uri, via=via, drop_via=True)
        elif msg.has_edits or msg.new_uri is not None:
            branch.text = msg.edits.join(Departure(socket, destination.proto), uri=msg.new_uri)
        if msg.new_uri is not None:
            branch.uri = msg.new_uri
        return True

    def _send_local(self, t: Transaction, branch: ClientBranch, is_ack: bool) -> Transaction | None:
        server = self.server
        socket, destination = branch.socket, branch.destination
        assert socket is not None and destination is not None
        server.send(socket, destination, branch.text)
        if t.types & TMCB_REQUEST_SENT:
            self.tell(TMCB_REQUEST_SENT, t, None, t.request, None, 0, 0, TMCB_LOCAL_F, branch.text, branch.destination)
        if is_ack:
            return None
        self.start_retr(branch)
        return t

    # -- ACK and CANCEL -------------------------------------------------------------------------------------------
    def acknowledge_local(self, t: Transaction, ctx: Context, branch: ClientBranch) -> None:
        """See `Replies`: each 2xx is acknowledged, unless TMCB_DONT_ACK leaves that to who asked for the request."""
        ack = t.branches[0].ack
        if ack is None:
            if t.flags & T_NO_AUTO_ACK:
                return
            ack = self._dialog_ack(t, branch, ctx.msg, "", "")
            if ack is None:
                return
            t.branches[0].ack = ack
        self._send_ack(t, ctx, branch, ack, ctx.msg)
        if self.server.target not in ("4.4", "5.6"):
            self.server.run_event("tm:local-ack-sent", ctx.msg)

    def local_event(self, t: Transaction, out: Outgoing) -> None:
        """See `Cancelling` (`evlreq_mode`)."""
        function = self.server.route_function(Route.EVENT, "tm:local-request")
        socket, destination = out.socket, out.destination
        if function is None or socket is None or destination is None:
            return
        received = Received(socket.proto, socket.address, socket.port, destination.ip, destination.port, socket)
        msg = Message(out.text, received)
        ctx = Context(self.server, msg, Route.LOCAL)
        self.enter(ctx, t)
        ctx.onsend = Datagram(socket, destination, out.text)
        self.server.run_top(function, ctx)
        if msg.has_edits or msg.new_uri is not None:
            out.text = msg.edits.join(Departure(socket, destination.proto), uri=msg.new_uri)

    def _send_ack(
        self, t: Transaction, ctx: Context | None, branch: ClientBranch, ack: Outgoing, reply: Message | None
    ) -> None:
        assert ack.socket is not None and ack.destination is not None
        self.server.send(ack.socket, ack.destination, ack.text)
        if t.types & TMCB_REQUEST_SENT:
            self.tell(
                TMCB_REQUEST_SENT,
                t,
                ctx,
                t.request,
                reply,
                TYPE_LOCAL_ACK,
                branch.index,
                TMCB_LOCAL_F,
                ack.text,
                ack.destination,
            )

    def ack_request(self, t: Transaction, *, headers: str = "", body: str = "") -> int:
        """See `TmApi`: 0 sent, -2 there is nothing to acknowledge."""
        if not t.is_local or not t.is_invite or not t.branches or not t.flags & T_NO_AUTO_ACK:
            self.server.log.error("tm", "trying to ACK a transaction that is no own INVITE without automatic ACK")
            return -2
        branch = t.branches[0]
        reply = branch.reply
        if reply is None or isinstance(reply, FakedReply) or branch.ack is not None:
            self.server.log.error("tm", "trying to ACK an INVITE without 2xx, or one acknowledged before")
            return -2
        ack = self._dialog_ack(t, branch, reply, headers, body)
        if ack is None:
            return -2
        branch.ack = ack
        self._send_ack(t, None, branch, ack, None)
        return 0

    def _dialog_ack(
        self, t: Transaction, branch: ClientBranch, reply: Message, headers: str, body: str
    ) -> Outgoing | None:
        """The ACK to a 2xx, along the route set that the 2xx (or the INVITE of a dialog) tells (build_dlg_ack)."""
        server = self.server
        sent = self.parse(branch.text)
        try:
            contacts = reply.contacts
            contact = contacts.contacts[0].uri if contacts is not None and contacts.contacts else ""
            to = sent.to
            within = to is not None and bool(to.tag)
            entries = sent.routes if within else list(reversed(reply.record_routes))
            uri, next_hop, route = self._ack_route([f"<{e.uri}>" for e in entries], contact, sent, within)
        except SipError as error:
            server.log.error("tm", f"failed to evaluate routing elements: {error}")
            return None
        mode = self.cfg["local_ack_mode"]
        destination: Destination | None
        socket: ListenSocket | None
        if mode == 1:
            socket, destination = branch.socket, branch.destination
        elif mode == 2:
            came = reply.received
            socket = came.socket
            destination = Destination(came.proto, came.src_ip, came.src_port, came.connection)
        else:
            destination = dns.uri_to_destination(server, next_hop)
            socket = server.get_send_socket(destination, None) if destination is not None else None
        if destination is None or socket is None:
            server.log.error("tm", "no socket found")
            return None
        base = self._ack_branch(t.branch_base)
        via = via_line(self.bare_context(), socket, destination, f"{base}.{BRANCH_TEXT[branch.index]}")
        settings = server.settings
        agent = f"{settings['user_agent_header']}\r\n" if settings["server_signature"] else ""
        text = (
            f"ACK {uri} SIP/2.0\r\n{via}{sent.line('from')}{sent.line('call-id')}{reply.line('to')}"
            f"CSeq: {t.cseq_number} ACK\r\n{route}{agent}{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        return Outgoing(t, TYPE_LOCAL_ACK, socket, destination, text)

    local_ack_branch_mode: int

    def _ack_branch(self, base: str) -> str:
        """The branch parameter of an own ACK to a 2xx, without its last part (`local_ack_branch_mode`)."""
        if self.local_ack_branch_mode == 0:
            return base
        if self.local_ack_branch_mode == 2:
            return f"{base[: base.index('.')]}.{self.server.environment.chance.getrandbits(128):032x}"
        following = {"9": "0", "z": "a", "Z": "A"}
        return base[:-4] + "".join(following.get(c) or chr(ord(c) + 1) for c in base[-4:])

    def _ack_route(self, routes: Sequence[str], contact: str, sent: Message, within: bool) -> tuple[str, str, str]:
        """Request URI, next hop and Route line of an ACK (eval_uac_routing)."""
        if not routes:
            return contact, contact, ""
        first = raw_uri(routes[0])
        loose = parse_uri(first).lr is not None
        if loose:
            return contact, first, f"Route: {', '.join(routes)}\r\n"
        if within:
            rest = [*routes[:-1], f"<{contact}>"]
            return sent.uri, sent.uri, f"Route: {', '.join(rest)}\r\n"
        rest = [*routes[1:], f"<{contact}>"]
        return first, first, f"Route: {', '.join(rest)}\r\n"

    def cancel_request(self, t: Transaction, *, headers: str = "") -> None:
        """See `TmApi`."""
        if not t.is_local or not t.branches:
            self.server.log.error("tm", "tried to cancel a non-local transaction")
            return
        last = t.branches[0].last_received
        if last < 100 or last > 200:
            self.server.log.warning("tm", "trying to cancel a transaction not in Proceeding state")
            return
        self.cancel_claimed(t, self.prepare_to_cancel(t), headers or 0, 0)
