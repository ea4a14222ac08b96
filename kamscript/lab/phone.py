"""Phones: SIP user agents on the virtual network that register, call, ring, answer and hang up.

    alice, bob = lab.phone("alice"), lab.phone("bob")
    bob.register()
    call = alice.call("bob")
    bob.call_waiting.ring()
    bob.call_waiting.answer()
    assert call.state == "confirmed"
    call.hangup()

Every step runs the network until it is quiet, so a test reads top to bottom. Over UDP a phone retransmits its requests
and its 200s as RFC 3261 section 17 and 13.3.1.4 ask; time only passes when the test advances it or waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kamscript.core.timers import Timer
from kamscript.lab.network import Address
from kamscript.sip.message import Message, SipError

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

T1, T2 = 0.5, 4.0
TIMEOUT = 64 * T1

SDP = "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8\r\n"


class Request:
    """A request that a phone sent, retransmitted until answered. `replies` are all that came back, `final` the last."""

    __slots__ = (
        "_interval",
        "_phone",
        "_started",
        "_timer",
        "branch",
        "final",
        "method",
        "on_reply",
        "replies",
        "text",
        "timed_out",
    )

    def __init__(
        self, phone: Phone, method: str, branch: str, text: str, on_reply: Callable[[Message], None] | None = None
    ) -> None:
        self.method, self.branch, self.text, self.on_reply = method, branch, text, on_reply
        self.replies: list[Message] = []
        self.final: Message | None = None
        self.timed_out = False
        self._phone = phone
        self._interval = T1
        self._started = 0.0
        self._timer: Timer | None = None

    @property
    def status(self) -> int:
        """The final status; 408 when nothing came in time, 0 while waiting."""
        return self.final.status if self.final else (408 if self.timed_out else 0)

    @property
    def reason(self) -> str:
        """The final reason phrase."""
        return self.final.reason if self.final else ""

    def start(self) -> None:
        """Send it, and again until something comes back."""
        timers = self._phone.lab.timers
        self._started = timers.now
        self._phone.transmit(self.text)
        if not self._phone.reliable:
            self._timer = timers.after(self._interval, self._again)

    def _again(self) -> None:
        timers = self._phone.lab.timers
        left = self._started + TIMEOUT - timers.now
        if left <= 0:
            self.timed_out = True
            self._phone.requests.pop(self.branch, None)
            return
        self._phone.transmit(self.text)
        self._interval = self._interval * 2 if self.method == "INVITE" else min(self._interval * 2, T2)
        self._timer = timers.after(min(self._interval, left), self._again)

    def receive(self, reply: Message) -> None:
        """A reply with this request's branch arrived."""
        self.replies.append(reply)
        if reply.status >= 200:
            if self.final is None:
                self.final = reply
            self.stop()
        elif self.method == "INVITE":
            self.stop()
        if self.on_reply is not None:
            self.on_reply(reply)

    def stop(self) -> None:
        """No more retransmissions."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Call:
    """One phone's side of a call. `state`: calling, ringing, early, confirmed, failed, cancelled or ended."""

    def __init__(self, phone: Phone, call_id: str, local: str, remote: str, *, outgoing: bool) -> None:
        self.phone, self.call_id, self.outgoing = phone, call_id, outgoing
        self.local, self.remote = local, remote  #: From and To values as this side writes them, tags included
        self.state = "calling" if outgoing else "ringing"
        self.target = ""  #: remote target, from the peer's Contact
        self.routes: list[str] = []
        self.cseq = 0
        self.request: Request | None = None  #: the INVITE of an outgoing call
        self.invite: Message | None = None  #: the INVITE of an incoming call
        self.acked = False
        self._last_reply = ""
        self._timer: Timer | None = None

    @property
    def status(self) -> int:
        """The INVITE's final status on the calling side."""
        return self.request.status if self.request else 0

    @property
    def replies(self) -> list[Message]:
        """Everything the calling side got for its INVITE."""
        return self.request.replies if self.request else []

    # -- the called side

    def ring(self, status: int = 180, reason: str = "Ringing") -> None:
        """Send a provisional reply."""
        self._reply(status, reason)
        self.phone.lab.run()

    def answer(self, body: str | None = None) -> None:
        """Send 200 with a session description, again until the ACK comes."""
        text = SDP.format(ip=self.phone.address.ip) if body is None else body
        self.state = "confirmed"
        self._reply(200, "OK", text)
        if not self.phone.reliable:
            self._retransmit_answer(T1)
        self.phone.lab.run()

    def reject(self, status: int = 486, reason: str = "Busy Here", headers: Sequence[str] = ()) -> None:
        """Send a final negative reply, or a redirection with a Contact in `headers`."""
        self.state = "failed"
        self._reply(status, reason, headers=headers)
        self.phone.lab.run()

    def _reply(self, status: int, reason: str, body: str = "", headers: Sequence[str] = ()) -> None:
        assert self.invite is not None, "only the called side replies"
        self._last_reply = self.phone.reply_text(self.invite, status, reason, self.local, body, headers)
        self.phone.transmit(self._last_reply)

    def _retransmit_answer(self, interval: float, elapsed: float = 0.0) -> None:
        def again() -> None:
            if not self.acked and elapsed + interval < TIMEOUT:
                self.phone.transmit(self._last_reply)
                self._retransmit_answer(min(interval * 2, T2), elapsed + interval)

        self._timer = self.phone.lab.timers.after(interval, again)

    # -- both sides

    def hangup(self) -> Request:
        """Send BYE and return it."""
        self.state = "ended"
        return self.send("BYE")

    def cancel(self) -> Request:
        """Cancel an outgoing call that is not answered yet (RFC 3261 section 9.1)."""
        assert self.request is not None, "only the calling side cancels"
        phone = self.phone
        lines = self.request.text.split("\r\n")
        uri = lines[0].split(" ")[1]
        keep = [line for line in lines[1:] if line.startswith(("Via:", "From:", "To:", "Call-ID:", "Max-Forwards:"))]
        text = "\r\n".join([f"CANCEL {uri} SIP/2.0", *keep, f"CSeq: {self.cseq} CANCEL", "Content-Length: 0", "", ""])
        request = Request(phone, "CANCEL", self.request.branch, text)
        phone.requests[f"{self.request.branch}/CANCEL"] = request
        request.start()
        phone.lab.run()
        return request

    def send(self, method: str, body: str = "", headers: Sequence[str] = ()) -> Request:
        """Send a request inside the call (re-INVITE, UPDATE, INFO, BYE, ...), run the network and return it."""
        self.cseq += 1
        request = self.phone.request_in(self, method, self.cseq, body, headers)
        request.start()
        self.phone.lab.run()
        return request

    def on_invite_reply(self, reply: Message) -> None:
        """The calling side's INVITE was answered: follow the call and acknowledge a 200."""
        if reply.status == 100:
            return
        if reply.status < 200:
            self.state = "early"
            self.remote = _value(reply, "to")
            return
        if reply.status >= 300:
            self._ack(reply, branch=self.request.branch if self.request else "")
            self.state = "cancelled" if reply.status == 487 else "failed"
            return
        self.remote = _value(reply, "to")
        self.target = _uri(_value(reply, "contact")) or self.target
        self.routes = _list(reply, "record-route")[::-1]
        self.state = "confirmed"
        self._ack(reply, branch="")

    def _ack(self, reply: Message, branch: str) -> None:
        """ACK: a request of its own for a 200, part of the INVITE's transaction for anything else."""
        phone = self.phone
        if branch:
            assert self.request is not None
            uri = self.request.text.split(" ", 2)[1]
            text = phone.build("ACK", uri, branch, self.local, _value(reply, "to"), self.call_id, self.cseq, [])
        else:
            text = phone.build(
                "ACK", self.target, phone.next_branch(), self.local, self.remote, self.call_id, self.cseq, self.routes
            )
        phone.transmit(text)

    def on_request(self, request: Message) -> None:
        """The peer sent a request inside the call."""
        if request.method == "ACK":
            self.acked = True
            if self._timer is not None:
                self._timer.cancel()
        elif request.method == "BYE":
            self.state = "ended"
            self.phone.transmit(self.phone.reply_text(request, 200, "OK", _value(request, "to")))
        elif request.method == "INVITE":
            self.invite = request
            self._reply(200, "OK", SDP.format(ip=self.phone.address.ip))
        else:
            self.phone.transmit(self.phone.reply_text(request, 200, "OK", _value(request, "to")))


class Phone:
    """A user agent at one address. `proxy` is where it sends everything that does not follow a route set.

    `on_call(call)` is called for each incoming call; without it the call waits as `call_waiting`.
    """

    def __init__(self, lab: Lab, user: str, domain: str, where: Address, proxy: Address, proto: str = "udp") -> None:
        self.lab, self.user, self.domain, self.address, self.proxy, self.proto = lab, user, domain, where, proxy, proto
        self.reliable = proto != "udp"
        self.uri = f"sip:{user}@{domain}"
        self.contact = f"sip:{user}@{where.ip}:{where.port}" + ("" if proto == "udp" else f";transport={proto}")
        self.on_call: Callable[[Call], None] | None = None
        self.received: list[Message] = []  #: every request and reply, in order
        self.requests: dict[str, Request] = {}
        self.calls: dict[str, Call] = {}
        self._serial = 0
        self._register_cseq = 0

    @property
    def call_waiting(self) -> Call:
        """The newest incoming call."""
        for call in reversed(self.calls.values()):
            if not call.outgoing:
                return call
        raise AssertionError(f"no call reached {self.user}\n{self.lab.story()}")

    # -- what people do

    def register(self, expires: int = 3600, contact: str = "", headers: Sequence[str] = ()) -> Request:
        """REGISTER the phone's contact and return the request with its replies."""
        self._register_cseq += 1
        where = contact or f"<{self.contact}>"
        return self.request(
            "REGISTER", f"sip:{self.domain}", to=self.uri, call_id=f"reg-{self.user}@{self.address.ip}",
            cseq=self._register_cseq, headers=[f"Contact: {where}", f"Expires: {expires}", *headers],
        )  # fmt: skip

    def call(self, target: str | Phone, *, body: str | None = None, headers: Sequence[str] = ()) -> Call:
        """INVITE a user, a URI or another phone; the call is returned once the network is quiet."""
        uri = self._target(target)
        serial = self.next_serial()
        local = f"<{self.uri}>;tag={self.user}{serial}"
        call = Call(self, f"{serial}-{self.user}@{self.address.ip}", local, f"<{uri}>", outgoing=True)
        call.target, call.cseq = uri, 1
        self.calls[call.call_id] = call
        branch = self.next_branch()
        text = self.build(
            "INVITE", uri, branch, local, call.remote, call.call_id, 1, [],
            SDP.format(ip=self.address.ip) if body is None else body, headers,
        )  # fmt: skip
        call.request = self.requests[branch] = Request(self, "INVITE", branch, text, call.on_invite_reply)
        call.request.start()
        self.lab.run()
        return call

    def request(
        self, method: str, target: str | Phone, *, to: str = "", call_id: str = "", cseq: int = 1, body: str = "",
        headers: Sequence[str] = (),
    ) -> Request:  # fmt: skip
        """Send any request outside a dialog, run the network and return it with its replies."""
        uri = self._target(target)
        serial = self.next_serial()
        branch = self.next_branch()
        text = self.build(
            method, uri, branch, f"<{self.uri}>;tag={self.user}{serial}", f"<{to or uri}>",
            call_id or f"{serial}-{self.user}@{self.address.ip}", cseq, [], body, headers,
        )  # fmt: skip
        request = self.requests[branch] = Request(self, method, branch, text)
        request.start()
        self.lab.run()
        return request

    def send_raw(self, text: str) -> None:
        """Send exactly these bytes to the proxy and run the network."""
        self.transmit(text)
        self.lab.run()

    def forget(self) -> None:
        """Drop what is over: ended calls, answered requests, received messages."""
        self.received.clear()
        self.requests = {key: request for key, request in self.requests.items() if not request.status}
        over = [call for call in self.calls.values() if call.state in ("ended", "failed", "cancelled")]
        for call in over:
            del self.calls[call.call_id]
            if call.request is not None:
                call.request.on_reply = None  # the two would keep each other alive

    # -- the machinery

    def request_in(self, call: Call, method: str, cseq: int, body: str, headers: Sequence[str]) -> Request:
        """A request within `call`, not sent yet."""
        branch = self.next_branch()
        text = self.build(
            method, call.target, branch, call.local, call.remote, call.call_id, cseq, call.routes, body, headers
        )
        request = self.requests[branch] = Request(self, method, branch, text)
        if method == "INVITE":
            request.on_reply = call.on_invite_reply
            call.request = request
        return request

    def build(
        self, method: str, uri: str, branch: str, local: str, remote: str, call_id: str, cseq: int,
        routes: Sequence[str], body: str = "", headers: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """The text of a request."""
        via = f"SIP/2.0/{self.proto.upper()} {self.address.ip}:{self.address.port};branch={branch}"
        route_lines = f"Route: {', '.join(routes)}\r\n" if routes else ""
        contact = "" if method in ("REGISTER", "ACK", "BYE", "CANCEL") else f"Contact: <{self.contact}>\r\n"
        extra = "".join(f"{header}\r\n" for header in headers)
        kind = "Content-Type: application/sdp\r\n" if body[:2] == "v=" else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: {via}\r\n{route_lines}Max-Forwards: 70\r\n"
            f"From: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{contact}{extra}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def reply_text(
        self, request: Message, status: int, reason: str, to: str, body: str = "", headers: Sequence[str] = ()
    ) -> str:
        """The text of a reply to `request`; `to` is the To value with this side's tag."""
        vias, routes = [], []
        for kind, _, value, _ in request.header_lines():
            if kind == "via":
                vias.append(f"Via: {value}")
            elif kind == "record-route":
                routes.append(f"Record-Route: {value}")
        lines = [
            f"SIP/2.0 {status} {reason}",
            *vias,
            *routes,
            f"From: {_value(request, 'from')}",
            f"To: {to}",
            f"Call-ID: {_value(request, 'call-id')}",
            f"CSeq: {_value(request, 'cseq')}",
        ]
        if request.method in ("INVITE", "UPDATE", "SUBSCRIBE", "REFER") and status < 300:
            lines.append(f"Contact: <{self.contact}>")
        lines += headers
        if body[:2] == "v=":
            lines.append("Content-Type: application/sdp")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])

    def transmit(self, text: str) -> None:
        """Put a message on the wire towards the proxy."""
        self.lab.network.send(text, self.proto, self.address, self.proxy)

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """A message arrived from the network."""
        try:
            message = Message.parse(text)
        except SipError as error:
            raise AssertionError(f"{self.user} was sent a broken message ({error}):\n{text}") from None
        self.received.append(message)
        if not message.is_request:
            self._on_reply(message)
            return
        call = self.calls.get(_value(message, "call-id"))
        if message.method == "INVITE" and call is None:
            self._on_invite(message)
        elif message.method == "CANCEL":
            self._on_cancel(message, call)
        elif call is not None:
            if message.method == "INVITE" and call.invite is not None and _same_transaction(message, call.invite):
                self.transmit(call._last_reply)
            else:
                call.on_request(message)
        elif message.method != "ACK":
            self.transmit(self.reply_text(message, 200, "OK", f"{_value(message, 'to')};tag={self.user}"))

    def _on_reply(self, reply: Message) -> None:
        branch, cseq = _branch(reply), reply.cseq
        key = f"{branch}/CANCEL" if cseq is not None and cseq.method == "CANCEL" else branch
        request = self.requests.get(key)
        if request is not None:
            request.receive(reply)

    def _on_invite(self, invite: Message) -> None:
        local = f"{_value(invite, 'to')};tag={self.user}{self.next_serial()}"
        call = Call(self, _value(invite, "call-id"), local, _value(invite, "from"), outgoing=False)
        call.invite = invite
        call.target = _uri(_value(invite, "contact"))
        call.routes = _list(invite, "record-route")
        self.calls[call.call_id] = call
        if self.on_call is not None:
            self.on_call(call)

    def _on_cancel(self, cancel: Message, call: Call | None) -> None:
        self.transmit(self.reply_text(cancel, 200 if call else 481, "OK" if call else "No call", _value(cancel, "to")))
        if call is not None and call.invite is not None and call.state == "ringing":
            call.state = "cancelled"
            call._reply(487, "Request Terminated")

    def _target(self, target: str | Phone) -> str:
        if isinstance(target, Phone):
            return target.uri
        return target if ":" in target else f"sip:{target}@{self.domain}"

    def next_serial(self) -> int:
        """A number unused so far on this phone."""
        self._serial += 1
        return self._serial

    def next_branch(self) -> str:
        """A fresh Via branch."""
        self._serial += 1
        return f"z9hG4bK-{self.user}-{self._serial}"


def _value(message: Message, kind: str) -> str:
    return message.value(kind) or ""


def _list(message: Message, kind: str) -> list[str]:
    """The comma-separated values of every header of a kind, in order. Route values hold no quoted commas."""
    return [part.strip() for k, _, value, _ in message.header_lines() if k == kind for part in value.split(",")]


def _uri(value: str) -> str:
    start = value.find("<")
    return value[start + 1 : value.index(">", start)] if start >= 0 else value.partition(";")[0].strip()


def _branch(message: Message) -> str:
    value = _value(message, "via")
    start = value.find(";branch=")
    if start < 0:
        return ""
    end = value.find(";", start + 8)
    return value[start + 8 : end if end > 0 else None].strip()


def _same_transaction(one: Message, other: Message) -> bool:
    return _value(one, "via") == _value(other, "via") and _value(one, "cseq") == _value(other, "cseq")
