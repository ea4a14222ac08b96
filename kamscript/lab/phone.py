"""Phones: SIP user agents on the virtual network that register, call, ring, answer and hang up.

    alice, bob = lab.phone("alice", password="secret"), lab.phone("bob")
    bob.register()
    bob.answers(after=3)
    call = alice.call("bob")
    call.expect(180)
    call.expect(200)
    call.hangup()
    bob.expect("BYE")

Every step runs the network until it is quiet, so a test reads top to bottom. Phones keep the timers of RFC 3261: over
UDP they retransmit requests and final replies to INVITE; time only passes when the test advances it or waits. Bodies,
headers and reasons travel as UTF-8: "Grüße" is seven bytes for the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kamscript.lab import expects
from kamscript.lab.behaviours import Behaviours
from kamscript.lab.dialogs import OVER, Call, Dialog
from kamscript.lab.digest import Credentials
from kamscript.lab.message import Message
from kamscript.lab.network import Address
from kamscript.lab.requests import T1, T2, TIMEOUT, Request
from kamscript.lab.subscriptions import Referral, Subscription, Transfer, Watcher
from kamscript.lab.texts import SDP, entries, names_of, octets, reason_of, sdp, tag_of, uri_of
from kamscript.sip.message import SipError

if TYPE_CHECKING:
    from kamscript.lab.expects import Found, Wanted
    from kamscript.lab.lab import Lab

__all__ = ["SDP", "T1", "T2", "TIMEOUT", "Call", "Phone", "Request", "Subscription", "Transfer", "Watcher"]

#: What phones speak.
PROTOCOLS = ("udp", "tcp", "tls", "ws", "wss")
#: Methods without a Contact.
_NO_CONTACT = frozenset(("REGISTER", "ACK", "BYE", "CANCEL", "MESSAGE", "PUBLISH", "PRACK", "INFO"))
#: Headers that a reply has from its request, beside To.
_ECHOED = frozenset(("via", "record-route", "from", "call-id", "cseq"))
#: Methods whose 2xx carries one.
_CONTACT_BACK = frozenset(("INVITE", "UPDATE", "SUBSCRIBE", "REFER", "NOTIFY"))


class Phone(Behaviours):
    """A user agent at one address.

    `proxy` is where it sends what no route set leads elsewhere. `received` is every request and reply that came, in
    order; `calls` are its calls, oldest first; `watchers` who subscribed here. `rport` asks for replies where requests
    came from (RFC 3581); `proves` says whether reliable provisional replies are answered with PRACK.
    """

    def __init__(
        self, lab: Lab, user: str, domain: str, where: Address, proxy: Address, proto: str = "udp", *, name: str = "",
        password: str = "", auth_user: str = "", rport: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.lab, self.user, self.domain, self.address, self.proxy, self.proto = lab, user, domain, where, proxy, proto
        self.name = name or user
        self.token = _token(self.name)  #: what its tags and branches begin with
        self.reliable = proto != "udp"
        self.rport, self.proves = rport, True
        self.uri = f"sip:{user}@{domain}"
        host = f"[{where.ip}]" if ":" in where.ip else where.ip
        self.call_itself(f"{host}:{where.port}")
        self.credentials = Credentials(auth_user or user, password) if password else None
        self.received: list[Message] = []
        self.requests: dict[str, Request] = {}
        self.dialogs: dict[str, Dialog] = {}  #: by the phone's own tag
        self.watchers: list[Watcher] = []
        self.published: dict[str, str] = {}  #: entity tags by event package
        self.acks: dict[str, str] = {}  #: branch of an INVITE that failed -> its ACK
        self._served: dict[tuple[str, str], Message] = {}
        self._incoming: dict[str, Call] = {}  #: Call-ID -> the newest call that came with it
        self._newest: Call | None = None  #: incoming call
        self._waiting: list[Call] = []  #: incoming calls that were ringing when somebody looked last
        self._hops: dict[str, Address] = {}
        self._serial = 0
        self._looked = 0
        self._register_cseq = 0

    # -- calls

    def call_itself(self, place: str) -> None:
        """Write `place`, host and port, into Via and Contact."""
        transport = "" if self.proto == "udp" else f";transport={self.proto.replace('wss', 'ws')}"
        self.contact = f"sip:{self.user}@{place}{transport}"
        self._via = f"SIP/2.0/{self.proto.upper()} {place}{';rport' if self.rport else ''};branch="

    @property
    def contact(self) -> str:
        """The URI of its Contact; may be set."""
        return self._contact

    @contact.setter
    def contact(self, uri: str) -> None:
        self._contact, self._contact_line = uri, f"Contact: <{uri}>"

    @property
    def calls(self) -> list[Call]:
        """Its calls, both ways, oldest first."""
        return [dialog for dialog in self.dialogs.values() if isinstance(dialog, Call)]

    @property
    def call_waiting(self) -> Call:
        """The incoming call that waits for an answer, else the newest one.

        Raises AssertionError for none, and when two wait at once.
        """
        waiting = self._waiting
        if waiting:
            waiting = self._waiting = [call for call in waiting if call.state == "ringing"]
            if len(waiting) > 1:
                raise AssertionError(
                    f"{len(waiting)} calls wait at {self.name} at once, from "
                    f"{' and '.join(call.peer for call in waiting)}: "
                    f"say which one, {self.name}.call_from({_user_of(waiting[0].peer)!r})\n{self.lab.story()}"
                )
        newest = waiting[0] if waiting else self._newest
        if newest is None:
            raise AssertionError(f"no call reached {self.name}\n{self.lab.story()}")
        return newest

    def call_from(self, caller: str | Phone) -> Call:
        """The newest incoming call from a user, a URI or a phone."""
        uri = self.uri_for(caller)
        user = caller if isinstance(caller, str) else caller.user
        for call in reversed(self.calls):
            if not call.outgoing and (call.peer == uri or _user_of(call.peer) == user):
                return call
        raise AssertionError(f"no call from {user} reached {self.name}\n{self.lab.story()}")

    @property
    def last_call(self) -> Call:
        """The newest call, either way. Raises AssertionError for none."""
        for dialog in reversed(self.dialogs.values()):
            if isinstance(dialog, Call):
                return dialog
        raise AssertionError(f"{self.name} has no call\n{self.lab.story()}")

    def call(
        self, target: str | Phone, *, body: str | None = None, headers: Sequence[str] = (), reliable: bool = False
    ) -> Call:
        """INVITE a user, a URI or another phone; the call is returned once the network is quiet.

        `body` replaces the session description, `""` sends none. `reliable` offers 100rel (RFC 3262).
        """
        call = self.invite(
            self.uri_for(target), body=body, headers=["Supported: 100rel", *headers] if reliable else headers
        )
        self.lab.run()
        return call

    def invite(self, uri: str, *, body: str | None = None, headers: Sequence[str] = ()) -> Call:
        """Put an INVITE on the wire without running the network."""
        serial = self.next_serial()
        tag = f"{self.token}{serial}"
        local = f"<{self.uri}>;tag={tag}"
        call = Call(self, f"{serial}-{self.user}@{self.address.ip}", local, f"<{uri}>", outgoing=True)
        call.target, call.cseq = uri, 1
        self.dialogs[tag] = call
        branch = self.next_branch()
        text = self.build(
            "INVITE", uri, branch, local, call.remote, call.call_id, 1, (),
            sdp(self.address.ip) if body is None else body, headers,
        )  # fmt: skip
        call.request = request = Request(self, "INVITE", branch, text, call.on_invite_reply, call)
        self.requests[branch] = request
        request.start()
        return call

    # -- everything else

    def register(
        self, expires: int = 3600, contact: str = "", headers: Sequence[str] = (), *, keep: bool = False
    ) -> Request:
        """REGISTER the phone's contact and return the request with its replies.

        `keep` registers again whenever half the time is over, as phones do, until `register(0)`.
        """
        request = self._register(expires, contact, headers)
        self.lab.run()
        self._keeping = keep and expires > 0
        if self._keeping:
            self._keep_registered(expires, contact, headers)
        return request

    _keeping = False

    def _register(self, expires: int, contact: str, headers: Sequence[str]) -> Request:
        self._register_cseq += 1
        where = contact or f"<{self.contact}>"
        request = self._request(
            "REGISTER", f"sip:{self.domain}", to=self.uri, call_id=f"reg-{self.user}@{self.address.ip}",
            cseq=self._register_cseq, headers=[f"Contact: {where}", f"Expires: {expires}", *headers],
        )  # fmt: skip
        request.start()
        return request

    def _keep_registered(self, expires: int, contact: str, headers: Sequence[str]) -> None:
        def again() -> None:
            if self._keeping:
                self._register(expires, contact, headers)
                self._keep_registered(expires, contact, headers)

        self.lab.timers.after(expires / 2, again)

    def unregister(self) -> Request:
        """REGISTER with Expires: 0."""
        return self.register(0)

    def message(
        self, target: str | Phone, text: str, *, content_type: str = "text/plain", headers: Sequence[str] = ()
    ) -> Request:
        """Send MESSAGE (RFC 3428)."""
        return self.request("MESSAGE", target, body=text, headers=[f"Content-Type: {content_type}", *headers])

    def options(self, target: str | Phone = "", *, headers: Sequence[str] = ()) -> Request:
        """Send OPTIONS, to the domain unless told."""
        return self.request("OPTIONS", target or f"sip:{self.domain}", headers=headers)

    def publish(
        self, event: str = "presence", body: str = "", *, content_type: str = "application/pidf+xml",
        expires: int = 3600, headers: Sequence[str] = (),
    ) -> Request:  # fmt: skip
        """PUBLISH the phone's own state (RFC 3903); after the first time with the entity tag that came back."""
        known = self.published.get(event)
        lines = [f"Event: {event}", f"Expires: {expires}", *([f"SIP-If-Match: {known}"] if known else []), *headers]
        if body:
            lines.append(f"Content-Type: {content_type}")
        request = self.request("PUBLISH", self.uri, body=body, headers=lines)
        final = request.final
        if final is not None and final.status < 300:
            self.published[event] = final.get("SIP-ETag", "")
        elif request.status == 412:
            self.published.pop(event, None)
        return request

    def subscribe(
        self, target: str | Phone, event: str = "presence", *, expires: int = 3600, headers: Sequence[str] = ()
    ) -> Subscription:
        """SUBSCRIBE to what `target` tells about an event package."""
        uri, serial = self.uri_for(target), self.next_serial()
        tag = f"{self.token}{serial}"
        made = Subscription(
            self, f"{serial}-{self.user}@{self.address.ip}", f"<{self.uri}>;tag={tag}", f"<{uri}>", event
        )
        made.target = uri
        self.dialogs[tag] = made
        lines = [f"Event: {event}", f"Expires: {expires}", *headers]
        made.request = made.start("SUBSCRIBE", headers=lines, on_reply=made.on_reply)
        self.lab.run()
        return made

    def request(
        self, method: str, target: str | Phone, *, to: str = "", call_id: str = "", cseq: int = 1, body: str = "",
        headers: Sequence[str] = (),
    ) -> Request:  # fmt: skip
        """Send any request outside a dialog, run the network and return it with its replies."""
        request = self._request(
            method, self.uri_for(target), to=to, call_id=call_id, cseq=cseq, body=body, headers=headers
        )
        request.start()
        self.lab.run()
        return request

    def _request(
        self, method: str, uri: str, *, to: str, call_id: str, cseq: int, body: str = "", headers: Sequence[str] = ()
    ) -> Request:
        serial = self.next_serial()
        branch = self.next_branch()
        text = self.build(
            method, uri, branch, f"<{self.uri}>;tag={self.token}{serial}", f"<{to or uri}>",
            call_id or f"{serial}-{self.user}@{self.address.ip}", cseq, (), body, headers,
        )  # fmt: skip
        request = self.requests[branch] = Request(self, method, branch, text)
        return request

    def send_raw(self, text: str) -> None:
        """Send exactly these bytes to the proxy and run the network."""
        self.transmit(text)
        self.lab.run()

    def keep_alive(self, every: float = 30.0) -> None:
        """Send a double CRLF to the proxy every so often (RFC 5626), which keeps a NAT's mapping; 0 stops it."""
        self._alive = every

        def again() -> None:
            if self._alive == every:
                self.transmit("\r\n\r\n")
                self.lab.timers.after(every, again)

        if every > 0:
            self.lab.timers.after(every, again)

    _alive = 0.0

    # -- what came

    def expect(self, *wanted: Wanted, within: float = expects.WITHIN, where: Found | None = None) -> Message:
        """Wait for a message that reaches this phone and return it: `bob.expect("INVITE")`, `alice.expect(180)`.

        See `Call.expect`; this one looks at everything that comes, whatever call it belongs to.
        """
        __tracebackhide__ = True
        return expects.at_phone(self, wanted, within, where)

    def expect_no(self, *wanted: Wanted, within: float = 0.0, where: Found | None = None) -> None:
        """Fail when such a message came, or comes within so many seconds; without `wanted` any request."""
        __tracebackhide__ = True
        expects.none_at_phone(self, wanted, within, where)

    @property
    def last_request(self) -> Message:
        """The request that came last. Raises AssertionError for none."""
        return self._last(True, "request")

    @property
    def last_reply(self) -> Message:
        """The reply that came last. Raises AssertionError for none."""
        return self._last(False, "reply")

    def _last(self, is_request: bool, what: str) -> Message:
        for message in reversed(self.received):
            if message.is_request is is_request:
                return message
        raise AssertionError(f"no {what} reached {self.name}\n{self.lab.story()}")

    def forget(self) -> None:
        """Drop what is over: ended calls, answered requests, received messages."""
        for message in self.received:
            message.dialog = message.request = None  # nothing shall keep itself alive
        self.received.clear()
        self._looked = 0
        self.acks.clear()
        self.requests = {key: request for key, request in self.requests.items() if not request.status}
        self._served = {key: seen for key, seen in self._served.items() if key[1] == "INVITE" and seen.replied < 200}
        over = [tag for tag, dialog in self.dialogs.items() if isinstance(dialog, Call) and dialog.state in OVER]
        for tag in over:
            dialog = self.dialogs.pop(tag)
            self._incoming.pop(dialog.call_id, None)
            if dialog is self._newest:
                self._newest = None
            dialog.forgotten()
        self._waiting = [call for call in self._waiting if call.state == "ringing"]
        for dialog in self.dialogs.values():
            dialog.received.clear()
            dialog._looked = 0

    # -- the machinery: out

    def request_in(self, dialog: Dialog, method: str, cseq: int, body: str, headers: Sequence[str]) -> Request:
        """A request within `dialog`, not sent yet."""
        branch = self.next_branch()
        uri, routes = dialog.target, dialog.routes
        if routes and ";lr" not in routes[0]:  # a strict router (RFC 3261 section 12.2.1.1)
            uri, routes = uri_of(routes[0]), [*routes[1:], f"<{uri}>"]
        text = self.build(method, uri, branch, dialog.local, dialog.remote, dialog.call_id, cseq, routes, body, headers)
        request = self.requests[branch] = Request(self, method, branch, text, None, dialog)
        if method == "INVITE" and isinstance(dialog, Call):
            request.on_reply = dialog.on_invite_reply
            dialog.request = request
        return request

    def build(
        self, method: str, uri: str, branch: str, local: str, remote: str, call_id: str, cseq: int,
        routes: Sequence[str], body: str = "", headers: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """The text of a request; `headers` stand in place of Contact, Max-Forwards, Content-Type and -Length."""
        body = octets(body)
        route_lines = f"Route: {', '.join(routes)}\r\n" if routes else ""
        contact = "" if method in _NO_CONTACT else f"{self._contact_line}\r\n"
        kind = "Content-Type: application/sdp\r\n" if body[:2] == "v=" else ""
        hops, length, extra = "Max-Forwards: 70\r\n", f"Content-Length: {len(body)}\r\n", ""
        if headers:
            extra = octets("".join([f"{header}\r\n" for header in headers]))
            own = names_of(headers)
            contact = "" if "contact" in own else contact
            kind = "" if "content-type" in own else kind
            hops = "" if "max-forwards" in own else hops
            length = "" if "content-length" in own else length
        return (
            f"{method} {uri} SIP/2.0\r\nVia: {self._via}{branch}\r\n{route_lines}{hops}"
            f"From: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"{contact}{extra}{kind}{length}\r\n{body}"
        )

    def reply_text(
        self, request: Message, status: int, reason: str, to: str, body: str = "", headers: Sequence[str] = ()
    ) -> str:
        """The text of a reply to `request`; `to` is the To value with this side's tag."""
        lines = [line for kind, line, _, _ in request.header_lines() if kind in _ECHOED]
        body = octets(body)
        lines[:0] = (octets(f"SIP/2.0 {status} {reason}"),)
        lines.append(f"To: {to}")
        own = names_of(headers) if headers else headers
        if status < 300 and request.method in _CONTACT_BACK and "contact" not in own:
            lines.append(self._contact_line)
        if headers:
            lines += map(octets, headers)
        if body[:2] == "v=" and "content-type" not in own:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}\r\n\r\n{body}")
        return "\r\n".join(lines)

    def transmit(self, text: str) -> None:
        """Put a message on the wire towards the proxy."""
        self.lab.network.send(text, self.proto, self.address, self.proxy)

    def send_request(self, text: str, dialog: Dialog | None) -> None:
        """Send a request where its dialog's route set leads, else to the proxy."""
        hop = self.proxy if dialog is None or not dialog.routes else self.hop(dialog)
        self.lab.network.send(text, self.proto, self.address, hop)

    def hop(self, dialog: Dialog | None) -> Address:
        """Where a request in a dialog goes first."""
        if dialog is None or not dialog.routes:
            return self.proxy
        first = dialog.routes[0].partition(";")[0]
        known = self._hops.get(first)
        return self._next_hop(first) if known is None else known

    def _next_hop(self, route: str) -> Address:
        """Where the start of a Route entry leads; the proxy when nobody sits there."""
        from kamscript.sip.uri import parse_uri

        try:
            uri = parse_uri(uri_of(route + ">"))
        except SipError:
            return self.proxy
        host = uri.host.strip("[]")
        found = self.lab.resolver.hosts.get(host.lower())
        place = Address(found[0] if found else host, uri.port_no or self.proxy.port)
        if place not in self.lab.network.parties:
            place = self.proxy
        self._hops[route] = place
        return place

    def send_reply(self, request: Message, text: str) -> None:
        """Send a reply back to where the request came from (RFC 3261 section 18.2.2, RFC 3581)."""
        to, via = request.source, request.top_via
        if via is not None and via.rport is None and not self.reliable:
            port = via.port or 5060
            if port != to.port:
                to = Address(to.ip, port)
        self.lab.network.send(text, self.proto, request.seat, to)

    def respond(
        self, message: Message, status: int, reason: str = "", body: str | None = None, headers: Sequence[str] = ()
    ) -> None:
        """Answer a request; see `Message.reply`."""
        dialog = message.dialog
        if message.method == "INVITE" and isinstance(dialog, Call):
            dialog.respond(message, status, reason, body, headers)
            return
        if message.replied >= 200:
            raise AssertionError(f"{self.name} answered {message} with {message.replied} already")
        if message.method == "ACK":
            raise AssertionError("ACK is not answered")
        self.transmit_reply(message, status, reason, body or "", headers)

    def transmit_reply(
        self, message: Message, status: int, reason: str = "", body: str = "", headers: Sequence[str] = ()
    ) -> None:
        """Send a reply and keep it for retransmissions."""
        if message.dialog is not None:
            to = message.dialog.local
        else:
            to = message.value("to") or ""
            if status > 100 and (message.to is None or not message.to.tag):
                to = f"{to};tag={self.token}"
        message.replied = status
        message.answer = text = self.reply_text(message, status, reason or reason_of(status), to, body, headers)
        self.send_reply(message, text)

    def redirection(self, contacts: Sequence[str | Phone]) -> list[str]:
        """Contact lines for a 3xx."""
        return [f"Contact: <{target.contact if isinstance(target, Phone) else self.uri_for(target)}>"
                for target in contacts]  # fmt: skip

    def cseq_used(self, request: Request, cseq: int) -> None:
        """A challenged request went out again with another CSeq."""
        if request.dialog is not None:
            request.dialog.cseq = max(cseq, request.dialog.cseq)
        elif request.method == "REGISTER":
            self._register_cseq = max(cseq, self._register_cseq)

    # -- the machinery: in

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """A message arrived from the network."""
        if not text.strip("\r\n\0"):
            return  # a keep-alive, or its answer
        network = self.lab.network
        try:
            message = Message(text, self, source, target, network.timers.now - network.started)
        except SipError as error:
            raise AssertionError(f"{self.name} was sent a broken message ({error}):\n{text}") from None
        self.received.append(message)
        if not message.is_request:
            self._on_reply(message)
        elif not self.mute:
            self._on_request(message)

    def _on_reply(self, reply: Message) -> None:
        via, cseq = reply.top_via, reply.cseq
        branch = via.branch if via is not None else ""
        method = cseq.method if cseq is not None else ""
        if self.acks and method == "INVITE" and branch in self.acks:
            self.transmit(self.acks[branch])  # the failure came again
            return
        request = self.requests.get(f"{branch}/CANCEL" if method == "CANCEL" else branch)
        if request is not None:
            request.receive(reply)
            if request.dialog is not None and reply.dialog is request.dialog:
                request.dialog.received.append(reply)
        if self.handlers:
            self.handle(reply.status, reply)

    def _on_request(self, message: Message) -> None:
        method, via, to = message.method, message.top_via, message.to
        branch = via.branch if via is not None else ""
        tag = to.tag if to is not None else ""
        if method != "ACK":
            key = (branch, method)
            known = self._served.get(key)
            if known is not None:
                message.again, message.dialog, message.replied = True, known.dialog, known.replied
                if known.answer:
                    self.send_reply(message, known.answer)
                return
            self._served[key] = message
        if method == "CANCEL":
            self._on_cancel(message, self._served.get((branch, "INVITE")))
        elif tag:
            self._within(message, tag)
        elif method == "INVITE":
            self._on_invite(message)
        elif method != "ACK":
            if method == "SUBSCRIBE" or (method == "REFER" and not self.handlers.get(method)):
                self._subscribed(message)
            elif not self.handlers or not self.handle(method, message):
                self.usual(message)

    def _within(self, message: Message, tag: str) -> None:
        """A request inside a dialog."""
        method = message.method
        dialog = self._dialog(message, tag)
        if dialog is None:
            if self.handlers and self.handle(method, message):
                return
            if method != "ACK":
                self.transmit_reply(message, 481)
            return
        message.dialog = dialog
        dialog.received.append(message)
        cseq = message.cseq.number if message.cseq is not None else 0
        if method == "ACK":
            if isinstance(dialog, Call):
                dialog.on_ack(message)
            self.handle("ACK", message)
            return
        if cseq < dialog.peer_cseq:
            self.transmit_reply(message, 500)  # RFC 3261 section 12.2.2
            return
        dialog.peer_cseq = cseq
        if method == "INVITE" and isinstance(dialog, Call):
            if not dialog.on_reinvite(message):
                return
            method = "re-INVITE"
        elif isinstance(dialog, Call) and method in ("UPDATE", "SUBSCRIBE", "REFER"):
            dialog.refresh(message)
        if not self.handlers or not self.handle(method, message):
            self.usual(message)

    def _dialog(self, message: Message, tag: str) -> Dialog | None:
        """The dialog with this phone's tag and the peer's."""
        dialog = self.dialogs.get(tag)
        if dialog is None or dialog.call_id != message.callid:
            return None
        sender = message.value("from") or ""
        if sender != dialog.remote:
            theirs = tag_of(sender)
            forks: Sequence[Dialog] = dialog.forks if isinstance(dialog, Call) else ()
            for one in (dialog, *forks):
                if tag_of(one.remote) == theirs:
                    return one
            known = tag_of(dialog.remote)
            return dialog if not known else None
        return dialog

    def usual(self, message: Message) -> None:
        """Do with a request what a phone does that was told nothing."""
        dialog = message.dialog
        if isinstance(dialog, Call) and dialog.invite is message and dialog.state == "ringing":
            self._take(dialog, message)
        elif isinstance(dialog, (Call, Subscription, Watcher)):
            dialog.on_request(message)
        elif message.method == "CANCEL":
            self.transmit_reply(message, 481)
        elif message.method != "ACK":
            self.transmit_reply(message, 200)

    def _on_invite(self, invite: Message) -> None:
        cseq = invite.cseq.number if invite.cseq is not None else 0
        call_id = invite.callid
        earlier = self._incoming.get(call_id)
        if (
            earlier is not None and earlier.state == "ringing" and earlier.peer_cseq == cseq
            and earlier.remote == (invite.value("from") or "")
        ):  # fmt: skip
            self.transmit_reply(invite, 482, "Merged Request")  # RFC 3261 section 8.2.2.2
            return
        tag = f"{self.token}{self.next_serial()}"
        call = Call(self, call_id, f"{invite.value('to') or ''};tag={tag}", invite.value("from") or "", outgoing=False)
        call.invite, call.peer_cseq = invite, cseq
        call.target = uri_of(invite.value("contact") or "")
        call.routes = entries(invite, "record-route")
        self.dialogs[tag] = self._incoming[call_id] = self._newest = call
        self._waiting.append(call)
        invite.dialog = call
        call.received.append(invite)
        if not self.handlers or not self.handle("INVITE", invite):
            self._take(call, invite)

    def _take(self, call: Call, invite: Message) -> None:
        """A call came that no handler deals with."""
        replaced = invite.value("replaces")
        if replaced is not None:
            self._replace(call, replaced)
        elif self.on_call is not None:
            self.on_call(call)

    def _replace(self, call: Call, value: str) -> None:
        """Take a call in place of another (RFC 3891 section 3)."""
        call_id, *params = [part.strip() for part in value.split(";")]
        tags = dict(part.partition("=")[::2] for part in params)
        old = self.dialogs.get(tags.get("to-tag", ""))
        if not isinstance(old, Call) or old.call_id != call_id or tag_of(old.remote) != tags.get("from-tag"):
            call.reject(481)
        elif old.state in OVER:
            call.reject(603)
        elif old.outgoing and old.state == "early":
            call.answer()
            old.cancel()
        elif old.state != "confirmed":
            call.reject(481)
        else:
            call.answer()
            old.hangup()

    def _on_cancel(self, cancel: Message, invite: Message | None) -> None:
        call = invite.dialog if invite is not None else None
        cancel.dialog = call
        if self.handlers and self.handle("CANCEL", cancel):
            return
        if not isinstance(call, Call):
            self.transmit_reply(cancel, 481)
            return
        call.received.append(cancel)
        self.transmit_reply(cancel, 200)
        call.cancelled()

    def _subscribed(self, message: Message) -> None:
        """SUBSCRIBE or REFER outside a dialog make one."""
        tag = f"{self.token}{self.next_serial()}"
        watcher = Watcher(message, self, f"{message.value('to') or ''};tag={tag}")
        watcher.peer_cseq = message.cseq.number if message.cseq is not None else 0
        message.dialog = self.dialogs[tag] = watcher
        watcher.received.append(message)
        if message.method == "REFER":
            self.on_refer(message, watcher)
            return
        self.watchers.append(watcher)
        if not self.handlers or not self.handle("SUBSCRIBE", message):
            self.usual(message)

    def on_refer(self, message: Message, dialog: Dialog) -> None:
        """Do what REFER asks: call somebody, and tell how it goes."""
        if "Refer-To" not in message:
            self.respond(message, 400)
            return
        self.respond(message, 202)
        Referral(message, dialog)

    # -- names and numbers

    def uri_for(self, target: str | Phone) -> str:
        """The URI of a user of this phone's domain, of another phone, or as it is."""
        if isinstance(target, Phone):
            return target.uri
        if not target:
            raise ValueError(f"{self.name} is to reach nobody: a user, a URI or a phone is wanted")
        return target if ":" in target else f"sip:{target}@{self.domain}"

    def next_serial(self) -> int:
        """A number unused so far on this phone."""
        self._serial += 1
        return self._serial

    def next_branch(self) -> str:
        """A fresh Via branch."""
        self._serial += 1
        return f"z9hG4bK-{self.token}-{self._serial}"

    def __repr__(self) -> str:
        return f"<phone {self.name} at {self.address}>"


def _token(name: str) -> str:
    """A name as the beginning of tags and branches, which a number follows."""
    if name.isascii() and name.isalpha():
        return name
    text = "".join(letter if letter.isalnum() or letter in "-._+~" else "_" for letter in name if letter.isascii())
    return f"{text}." if text[-1:].isdigit() else text


def _user_of(uri: str) -> str:
    return uri.partition(":")[2].partition("@")[0]


def make_phone(
    lab: Lab, user: str, seat: Address, *, name: str, password: str, auth_user: str, domain: str, proto: str,
    proxy: Address | None, rport: bool,
) -> Phone:  # fmt: skip
    """A phone for a transport; see `Lab.phone`."""
    if proto not in PROTOCOLS:
        raise ValueError(f"proto={proto!r}: one of {', '.join(PROTOCOLS)} is wanted")
    kind = Phone
    if proto != "udp":
        from kamscript.lab.transports import StreamPhone, WebSocketPhone

        kind = WebSocketPhone if proto in ("ws", "wss") else StreamPhone
    plain = {"ws": "tcp", "wss": "tls"}.get(proto, proto)
    phone = kind(
        lab, user, domain or lab.domain, seat, proxy or lab.server_address(plain), proto, name=name, password=password,
        auth_user=auth_user, rport=rport,
    )  # fmt: skip
    if proto in ("ws", "wss"):
        phone.call_itself(f"{phone.token}.invalid")
    return phone
