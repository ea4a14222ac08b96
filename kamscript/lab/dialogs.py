"""A phone's side of a dialog (RFC 3261 section 12) and of a call: what it knows of the peer, and what it does in it.

call = alice.call("bob")
call.expect(180)
call.expect(200)
call.hold(), call.resume(), call.transfer("carol"), call.hangup()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from kamscript.core.timers import Timer
from kamscript.lab import expects
from kamscript.lab.requests import T1, T2, TIMEOUT, Request
from kamscript.lab.texts import answer_direction, direction, entries, reason_of, same_transaction, sdp, tag_of, uri_of

if TYPE_CHECKING:
    from kamscript.lab.expects import Found, Wanted
    from kamscript.lab.message import Message
    from kamscript.lab.phone import Phone
    from kamscript.lab.subscriptions import Transfer

#: States in which a call is over.
OVER = frozenset(("failed", "cancelled", "ended"))


class Dialog:
    """What one side remembers: identities, the peer's Contact (`target`), the route set, its own CSeq.

    `local` and `remote` are From and To values as this side writes them, tags included. `received` is what the peer
    sent in it.
    """

    target = ""
    routes: Sequence[str] = ()
    cseq = 0
    peer_cseq = 0
    _looked = 0

    def __init__(self, phone: Phone, call_id: str, local: str, remote: str) -> None:
        self.phone, self.call_id = phone, call_id
        self.local, self.remote = local, remote
        self.received: list[Message] = []

    @property
    def tag(self) -> str:
        """This side's tag."""
        return tag_of(self.local)

    def send(self, method: str, body: str = "", headers: Sequence[str] = ()) -> Request:
        """Send a request inside the dialog (re-INVITE, UPDATE, INFO, BYE, ...), run the network and return it."""
        request = self.start(method, body, headers)
        self.phone.lab.run()
        return request

    def start(
        self,
        method: str,
        body: str = "",
        headers: Sequence[str] = (),
        on_reply: Callable[[Message], None] | None = None,
    ) -> Request:
        """Put a request on the wire without running the network."""
        self.cseq += 1
        request = self.phone.request_in(self, method, self.cseq, body, headers)
        if on_reply is not None:
            request.on_reply = on_reply
        request.start()
        return request

    def timed_out(self, request: Request) -> None:
        """A request in the dialog got no answer."""

    def forgotten(self) -> None:
        """The phone drops the dialog: no timer goes on."""


class Call(Dialog):
    """One phone's side of a call. `state`: calling, ringing, early, confirmed, failed, cancelled or ended.

    outgoing    whether this side called
    request     this side's last INVITE; `replies` and `status` are those of it
    invite      the peer's last INVITE
    acked       whether the ACK for this side's answer came
    forks       when an INVITE was forked: the dialogs with the other phones that rang or answered
    transfers   what this side asked the peer to do with REFER; `referred` the call made because the peer asked
    """

    request: Request | None = None
    invite: Message | None = None
    acked = False
    forks: Sequence[Call] = ()
    transfers: Sequence[Transfer] = ()
    referred: Call | None = None
    mode = ""  #: the direction of this side's last offer: "sendonly" while it holds the peer
    _offer_of_peer: Message | None = None  #: the message with the peer's last session description
    on_reply: Callable[[Message], None] | None = None
    _ack: tuple[int, str] = (0, "")  #: CSeq and text of the ACK sent last
    _timer: Timer | None = None
    _sdp_version = 1
    _cancel: Request | None = None
    _rseq = 0  #: of the reliable provisional reply sent, or received, last
    _unproved = False  #: whether it waits for its PRACK
    _behind_prack: Callable[[], None] | None = None

    def __init__(self, phone: Phone, call_id: str, local: str, remote: str, *, outgoing: bool) -> None:
        super().__init__(phone, call_id, local, remote)
        self.outgoing = outgoing
        self.state = "calling" if outgoing else "ringing"

    @property
    def status(self) -> int:
        """The INVITE's final status on the calling side."""
        return self.request.status if self.request else 0

    @property
    def reason(self) -> str:
        """The INVITE's final reason phrase on the calling side; "" while there is none, or none came."""
        return self.request.reason if self.request else ""

    @property
    def replies(self) -> list[Message]:
        """Everything the calling side got for its INVITE."""
        return self.request.replies if self.request else []

    @property
    def peer(self) -> str:
        """The URI of the other side, as From or To say it."""
        return uri_of(self.remote)

    @property
    def on_hold(self) -> bool:
        """Whether the peer holds this side."""
        offer = self._offer_of_peer
        return offer is not None and direction(offer.body) in ("sendonly", "inactive")

    def expect(self, *wanted: Wanted, within: float = expects.WITHIN, where: Found | None = None) -> Message:
        """Wait for a message of this call and return it: `call.expect(180)`, `call.expect("BYE")`.

        Statuses and classes ("4xx") are those of replies to this side's INVITEs; methods those of requests of the
        peer. `within` are seconds of the lab's clock; `where` says which of them counts. Raises AssertionError with
        what came instead and the ladder.
        """
        __tracebackhide__ = True
        return expects.in_call(self, wanted, within, where)

    # -- the called side

    def ring(
        self,
        status: int = 180,
        reason: str = "",
        *,
        body: str = "",
        headers: Sequence[str] = (),
        reliable: bool = False,
    ) -> None:
        """Send a provisional reply; a `reliable` one (RFC 3262) again until its PRACK comes."""
        if not 100 < status < 200:
            raise ValueError(f"{status} is no provisional status: 101 to 199")
        self._provisional(status, reason, body, headers, reliable)
        self.phone.lab.run()

    def answer(self, body: str | None = None, *, headers: Sequence[str] = ()) -> None:
        """Send 200 with a session description, again until the ACK comes."""
        self._respond(200, "OK", body, headers)
        self.phone.lab.run()

    def reject(self, status: int = 486, reason: str = "", headers: Sequence[str] = ()) -> None:
        """Send a final negative reply."""
        if status < 300:
            raise ValueError(f"{status} rejects nothing: 300 to 699")
        self._respond(status, reason, "", headers)
        self.phone.lab.run()

    def redirect(self, *contacts: str | Phone, status: int = 302, headers: Sequence[str] = ()) -> None:
        """Send the caller elsewhere: a 3xx with a Contact for each target."""
        self.reject(status, "", [*self.phone.redirection(contacts), *headers])

    def respond(self, message: Message, status: int, reason: str, body: str | None, headers: Sequence[str]) -> None:
        """Answer the INVITE `message` with any status."""
        if message is not self.invite:
            self._cannot(f"send {status}", "another INVITE came since")
        if status < 200:
            self._provisional(status, reason, body or "", headers, reliable=False)
        else:
            self._respond(status, reason, body, headers)

    def _provisional(self, status: int, reason: str, body: str, headers: Sequence[str], reliable: bool) -> None:
        invite = self._open(f"send {status}")
        if reliable:
            if "100rel" not in " ".join(invite.each("Supported") + invite.each("Require")):
                self._cannot(
                    f"send a reliable {status}", "the INVITE does not support 100rel: call(..., reliable=True)"
                )
            self._rseq += 1
            self._unproved = True
            headers = ["Require: 100rel", f"RSeq: {self._rseq}", *headers]
        self._reply(status, reason, body, headers)
        if reliable:
            self._stop()
            self._again(T1, TIMEOUT, limit=TIMEOUT)

    def _respond(self, status: int, reason: str, body: str | None, headers: Sequence[str]) -> None:
        invite = self._open(f"send {status}")
        if self._unproved and status < 300:  # RFC 3262 section 3: a reliable provisional reply is to be proved first
            self._behind_prack = lambda: self._respond(status, reason, body, headers)
            return
        first = self.state == "ringing"
        if status < 300:
            self.state = "confirmed"
            if body is None:
                mode = answer_direction(invite.body)
                if mode != self.mode:
                    self.mode, self._sdp_version = mode, self._sdp_version + (not first)
                body = sdp(self.phone.address.ip, self._sdp_version, mode)
        elif first:
            self.state = "failed"
        self.acked = False
        self._reply(status, reason, body or "", headers)
        self._stop()
        if status < 300 or not self.phone.reliable:
            self._again(T1, TIMEOUT)

    def _open(self, what: str) -> Message:
        """The INVITE that is to be answered."""
        invite = self.invite
        if invite is None:
            self._cannot(what, "this side called, only the called side replies")
        if invite.replied >= 200:
            state = f"it was answered with {invite.replied}" if self.state != "cancelled" else "the call is cancelled"
            self._cannot(what, state)
        return invite

    def _cannot(self, what: str, why: str) -> NoReturn:
        phone = self.phone
        raise AssertionError(f"{phone.name} cannot {what}: {why}\n\n{phone.lab.ladder(last=20)}")

    def _reply(self, status: int, reason: str, body: str = "", headers: Sequence[str] = ()) -> None:
        invite = self.invite
        assert invite is not None
        invite.replied = status
        phone = self.phone
        text = phone.reply_text(invite, status, reason or reason_of(status), self.local, body, headers)
        invite.answer = text
        phone.send_reply(invite, text)

    def _again(self, interval: float, left: float, limit: float = T2) -> None:
        """Send the last reply again after `interval`, then at longer ones, until ACK or PRACK comes or time is up."""
        self._timer = self.phone.lab.timers.after(min(interval, left), _Again(self, interval, left, limit))

    def unanswered(self) -> None:
        """Neither ACK nor PRACK came for a reply that was sent for 32 s."""
        if self._unproved:
            self._unproved, self._behind_prack = False, None
            self._respond(504, "", "", ())
        elif self.state == "confirmed" and self.invite is not None and self.invite.replied < 300:
            self.state = "ended"
            self.start("BYE")  # RFC 3261 section 13.3.1.4

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forgotten(self) -> None:
        """The phone drops the call: no timer goes on."""
        self._stop()
        if self.request is not None:
            self.request.on_reply = self.request.dialog = None  # they would keep each other alive
        self.received.clear()

    # -- both sides

    def hangup(self) -> Request:
        """End the call and return the request that does: BYE, or CANCEL while this side's INVITE has no answer."""
        if self.outgoing and self.state in ("calling", "early"):
            return self.cancel()
        if not self.outgoing and self.state == "ringing":
            self._cannot("hang up", "the call is not answered: reject() it")
        self.state = "ended"
        return self.send("BYE")

    def cancel(self) -> Request:
        """Cancel an outgoing call that is not answered yet (RFC 3261 section 9.1).

        Before any provisional reply came CANCEL may not be sent: it waits for the first one.
        """
        invite = self.request
        if invite is None:
            self._cannot("cancel", "only the calling side cancels")
        phone = self.phone
        to = _line(invite.text, "To")
        request = Request(phone, "CANCEL", invite.branch, same_transaction(invite.text, "CANCEL", to), dialog=self)
        phone.requests[f"{invite.branch}/CANCEL"] = request
        self._cancel = request
        if invite.replies:
            request.start()
            phone.lab.run()
        return request

    def reinvite(self, body: str | None = None, *, headers: Sequence[str] = ()) -> Request:
        """Send a re-INVITE; without `body` it offers what was offered last, `""` offers nothing."""
        return self.send("INVITE", self._offer() if body is None else body, headers)

    def update(self, body: str | None = None, *, headers: Sequence[str] = ()) -> Request:
        """Send UPDATE (RFC 3311), also before the call is answered; `""` for one without an offer."""
        return self.send("UPDATE", self._offer() if body is None else body, headers)

    def hold(self, mode: str = "sendonly") -> Request:
        """Put the peer on hold by a re-INVITE: `sendonly` or `inactive`."""
        self._may_offer("hold")
        return self.reinvite(self._offer(mode))

    def resume(self) -> Request:
        """Take the peer back from hold."""
        self._may_offer("resume")
        return self.reinvite(self._offer(""))

    def _may_offer(self, what: str) -> None:
        """Refuse a new offer before the call is answered, and while an INVITE is under way (RFC 3261 section 14.1)."""
        if self.state != "confirmed":
            self._cannot(what, f"the call is {self.state}, only one that was answered can be held")
        if self.request is not None and not self.request.status:
            self._cannot(what, "its last INVITE has no final reply yet, wait for it: call.hold().expect(200)")

    def _offer(self, mode: str | None = None) -> str:
        if mode is not None:
            self.mode = mode
        self._sdp_version += 1
        return sdp(self.phone.address.ip, self._sdp_version, self.mode)

    def info(self, body: str = "", content_type: str = "text/plain", *, headers: Sequence[str] = ()) -> Request:
        """Send INFO."""
        return self.send("INFO", body, [f"Content-Type: {content_type}", *headers] if body else headers)

    def dtmf(self, digit: str, duration: int = 160) -> Request:
        """Send one digit as INFO, the way many phones do (application/dtmf-relay); `duration` in milliseconds."""
        return self.info(f"Signal={digit}\r\nDuration={duration}\r\n", "application/dtmf-relay")

    def refer(self, target: str | Phone | Call, *, headers: Sequence[str] = (), hang_up: bool = False) -> Transfer:
        """Ask the peer to call `target` (RFC 3515): a user, a URI or a phone; another call of this phone to replace.

        With `hang_up` this side ends its calls once the peer tells of success.
        """
        from kamscript.lab.subscriptions import Transfer

        transfer = Transfer(self, target, headers, hang_up=hang_up)
        self.transfers = [*self.transfers, transfer]
        transfer.request.start()
        self.phone.lab.run()
        return transfer

    def transfer(self, target: str | Phone | Call, *, headers: Sequence[str] = ()) -> Transfer:
        """Transfer the peer: blind to a user, URI or phone, attended to the far end of another call of this phone.

        This side hangs up when the peer tells of success; `.expect(200)` waits for that.
        """
        return self.refer(target, headers=headers, hang_up=True)

    # -- the calling side: replies to INVITE

    def on_invite_reply(self, reply: Message) -> None:
        """This side's INVITE was answered: follow the dialogs it made and acknowledge."""
        status = reply.status
        if self._cancel is not None and status < 200 and not self._cancel._started:
            self._cancel.start()
        if status > 100:
            if status >= 300:
                self._refused(reply)
            else:
                call = self._dialog_of(reply)
                if status >= 200:
                    call = self._answered(call, reply)
                else:
                    call._early(reply)
                if reply.dialog is not call:
                    reply.dialog = call
                    call.received.append(reply)
        if self.on_reply is not None:
            self.on_reply(reply)

    def _refused(self, reply: Message) -> None:
        request = reply.request
        assert request is not None
        request.acknowledge(reply)
        if self.state in ("calling", "early"):
            self.state = "cancelled" if reply.status == 487 else "failed"
            for fork in self.forks:
                if fork.state not in OVER:
                    fork.state = self.state
        elif self.state == "confirmed" and reply.status in (408, 481):
            self.state = "ended"  # RFC 3261 section 12.2.1.2

    def _dialog_of(self, reply: Message) -> Call:
        """The dialog that a reply belongs to; a new To tag is a new one (section 13.2.2.4)."""
        to = reply.value("to") or ""
        if to == self.remote:
            return self
        tag = tag_of(to)
        known = tag_of(self.remote)
        if not known or not tag or known == tag:
            return self
        for fork in self.forks:
            if tag_of(fork.remote) == tag:
                return fork
        fork = Call(self.phone, self.call_id, self.local, to, outgoing=True)
        fork.request, fork.cseq, fork.target = self.request, self.cseq, self.target
        self.forks = [*self.forks, fork]
        return fork

    def _learn(self, reply: Message) -> None:
        """Identity, Contact and (until the dialog is confirmed) route set."""
        self.remote = reply.value("to") or self.remote
        contact = reply.value("contact")
        if contact:
            self.target = uri_of(contact)
        if self.state != "confirmed":
            self.routes = entries(reply, "record-route")[::-1]

    def _early(self, reply: Message) -> None:
        if self.state in OVER:
            return
        self._learn(reply)
        if self.state == "calling":
            self.state = "early"
        if "100rel" in (reply.value("require") or ""):
            rseq, cseq = reply.value("rseq") or "", reply.cseq
            if rseq.isdecimal() and int(rseq) > self._rseq and cseq is not None and self.phone.proves:
                self._rseq = int(rseq)
                self.start("PRACK", headers=[f"RAck: {rseq} {cseq.number} {cseq.method}"])

    def _answered(self, call: Call, reply: Message) -> Call:
        """2xx for `call`; the object the test holds becomes the dialog that was answered first."""
        cseq = reply.cseq.number if reply.cseq is not None else 0
        if call._ack[0] == cseq:
            self.phone.send_request(call._ack[1], call)  # the 2xx came again
            return call
        if call is not self and self.state != "confirmed":
            for name in ("remote", "target", "routes", "cseq", "state", "_rseq"):
                mine, theirs = getattr(self, name), getattr(call, name)
                setattr(self, name, theirs)
                setattr(call, name, mine)
            call = self
        call._learn(reply)
        call.state = "confirmed"
        request, phone = reply.request, self.phone
        offered = request is not None and not request.text.endswith("\r\n\r\n")
        body = sdp(phone.address.ip, self._sdp_version) if not offered and reply.body else ""
        text = phone.build(
            "ACK", call.target, phone.next_branch(), call.local, call.remote, call.call_id, cseq, call.routes, body
        )
        call._ack = (cseq, text)
        phone.send_request(text, call)
        call._offer_of_peer = reply
        if self._cancel is not None and not self._cancel.final:
            call.state = "ended"  # CANCEL came too late
            call.start("BYE")
        return call

    def timed_out(self, request: Request) -> None:
        """A request in the call got no answer."""
        if request is self.request and self.state in ("calling", "early"):
            self.state = "failed"

    # -- requests of the peer

    def on_request(self, message: Message) -> None:
        """What a phone does by itself about a request inside the call."""
        method, phone = message.method, self.phone
        if method == "ACK":
            self.on_ack(message)
        elif method == "BYE":
            phone.respond(message, 200)
            if self.state == "ringing" and self.invite is not None:
                self._respond(487, "", "", ())
            self._stop()
            self.state = "ended"
        elif method == "INVITE":
            self._respond(200, "OK", None, ())
        elif method == "UPDATE" and message.body:
            mode = answer_direction(message.body)
            self._offer_of_peer, self.mode = message, mode
            phone.respond(message, 200, body=sdp(phone.address.ip, self._sdp_version, mode))
        elif method == "PRACK":
            self._on_prack(message)
        elif method == "REFER":
            phone.on_refer(message, self)
        elif method == "NOTIFY" and self.transfers:
            phone.respond(message, 200)
            self._on_notify(message)
        else:
            phone.respond(message, 200)

    def on_ack(self, message: Message) -> None:
        """The peer has this side's final reply."""
        invite = self.invite
        if invite is None or invite.replied < 200:
            return
        self.acked = True
        self._stop()

    def on_reinvite(self, message: Message) -> bool:
        """The peer sent another INVITE in the call; False: it cannot be taken now and was refused (section 14.2)."""
        phone = self.phone
        if self.invite is not None and self.invite.replied < 200:
            phone.transmit_reply(message, 500, headers=["Retry-After: 1"])
            return False
        if self.state == "confirmed" and self.request is not None and not self.request.status:
            phone.transmit_reply(message, 491)
            return False
        self.invite = message
        self._offer_of_peer = message
        self.refresh(message)
        return True

    def refresh(self, message: Message) -> None:
        """Take the peer's new Contact (target refresh, section 12.2)."""
        contact = message.value("contact")
        if contact:
            self.target = uri_of(contact)

    def cancelled(self) -> None:
        """The peer's CANCEL came."""
        if self.state == "ringing":
            self._unproved, self._behind_prack = False, None
            self._respond(487, "Request Terminated", "", ())
            self.state = "cancelled"
        elif self.invite is not None and self.invite.replied < 200:
            self._respond(487, "Request Terminated", "", ())

    def _on_prack(self, message: Message) -> None:
        words = (message.value("rack") or "").split()
        if not self._unproved or words[:1] != [str(self._rseq)]:
            self.phone.respond(message, 481)
            return
        self.phone.respond(message, 200)
        self._unproved = False
        self._stop()
        waiting, self._behind_prack = self._behind_prack, None
        if waiting is not None:
            waiting()

    def _on_notify(self, message: Message) -> None:
        """Progress of a REFER: that with the id, else the newest."""
        _, _, number = (message.value("event") or "").partition(";id=")
        transfer = next((each for each in self.transfers if number == str(each.request.cseq)), self.transfers[-1])
        transfer.on_notify(message)

    def __str__(self) -> str:
        if self.outgoing:
            return f"{self.phone.name}'s call to {self.peer}"
        return f"{self.phone.name}'s call from {self.peer}"

    def __repr__(self) -> str:
        return f"<{self}: {self.state}>"


class _Again:
    """One retransmission of a reply to INVITE."""

    __slots__ = ("call", "interval", "left", "limit")

    def __init__(self, call: Call, interval: float, left: float, limit: float) -> None:
        self.call, self.interval, self.left, self.limit = call, interval, left, limit

    def __call__(self) -> None:
        call, left = self.call, self.left - self.interval
        if left <= 1e-6:
            call._timer = None
            call.unanswered()
            return
        invite = call.invite
        if invite is not None:
            call.phone.send_reply(invite, invite.answer)
        call._again(min(self.interval * 2, self.limit), left, self.limit)

    def __str__(self) -> str:
        invite = self.call.invite
        return f"{self.call.phone.name}'s {invite.replied if invite else ''} once more"


def _line(text: str, name: str) -> str:
    start = text.index(f"\r\n{name}: ") + len(name) + 4
    return text[start : text.index("\r\n", start)]
