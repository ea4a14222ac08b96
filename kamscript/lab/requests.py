"""A phone's requests: client transactions (RFC 3261 section 17.1) with the replies that they got."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.core.timers import Timer
from kamscript.lab import expects
from kamscript.lab.texts import numbered, same_transaction, sent_again, to_line

if TYPE_CHECKING:
    from kamscript.lab.dialogs import Dialog
    from kamscript.lab.expects import Found, Wanted
    from kamscript.lab.message import Message
    from kamscript.lab.phone import Phone

#: RFC 3261's estimate of the round-trip time and the longest interval between retransmissions, in seconds.
T1, T2 = 0.5, 4.0
#: How long a transaction waits for a final reply (timers B, F and H).
TIMEOUT = 64 * T1


class Request:
    """A request that a phone sent. `replies` are all that came back, `final` the final one.

    Over UDP it is sent again until something comes back. A challenge is answered when the phone has a password: then
    the same Request goes on under a new branch and CSeq, and `replies` holds the 401 or 407, too.
    """

    __slots__ = (
        "_interval",
        "_looked",
        "_phone",
        "_realms",
        "_started",
        "_timer",
        "branch",
        "dialog",
        "final",
        "method",
        "on_reply",
        "replies",
        "text",
        "timed_out",
    )

    def __init__(
        self,
        phone: Phone,
        method: str,
        branch: str,
        text: str,
        on_reply: Callable[[Message], None] | None = None,
        dialog: Dialog | None = None,
    ) -> None:
        self.method, self.branch, self.text, self.on_reply, self.dialog = method, branch, text, on_reply, dialog
        self.replies: list[Message] = []
        self.final: Message | None = None
        self.timed_out = False
        self._phone = phone
        self._interval = T1
        self._started = 0.0
        self._looked = 0
        self._timer: Timer | None = None
        self._realms: set[str] | None = None

    @property
    def phone(self) -> Phone:
        """Who sent it."""
        return self._phone

    @property
    def status(self) -> int:
        """The final status; 408 when nothing came in time, 0 while waiting."""
        return self.final.status if self.final else (408 if self.timed_out else 0)

    @property
    def reason(self) -> str:
        """The final reason phrase."""
        return self.final.reason if self.final else ""

    @property
    def cseq(self) -> int:
        """Its CSeq number."""
        return numbered(self.text)

    def expect(self, *wanted: Wanted, within: float = expects.WITHIN, where: Found | None = None) -> Message:
        """Wait for a reply, 200 or "2xx", and return it; see `Call.expect`."""
        __tracebackhide__ = True
        return expects.reply_to(self, wanted, within, where)

    # -- the transaction

    def start(self) -> None:
        """Send it, and again until something comes back."""
        phone = self._phone
        timers = phone.lab.timers
        self._started = timers.now
        phone.send_request(self.text, self.dialog)
        self._timer = timers.after(TIMEOUT if phone.reliable else self._interval, self._again)

    def _again(self) -> None:
        phone = self._phone
        timers = phone.lab.timers
        left = self._started + TIMEOUT - timers.now
        if left <= 1e-6:
            self.timed_out = True
            self._timer = None
            phone.requests.pop(self.branch, None)
            if self.dialog is not None:
                self.dialog.timed_out(self)
            return
        phone.send_request(self.text, self.dialog)
        self._interval = self._interval * 2 if self.method == "INVITE" else min(self._interval * 2, T2)
        self._timer = timers.after(min(self._interval, left), self._again)

    def receive(self, reply: Message) -> None:
        """A reply with this request's branch arrived."""
        self.replies.append(reply)
        reply.request, reply.dialog = self, self.dialog
        status = reply.status
        if status >= 200:
            self.stop()
            if self.final is None:
                if status in (401, 407) and self._phone.credentials is not None and self._authorized(reply):
                    return
                self.final = reply
        elif self.method == "INVITE":
            self.stop()
        else:
            self._interval = T2  # section 17.1.2.2: from now on it is sent every T2
        if self.on_reply is not None:
            self.on_reply(reply)

    def stop(self) -> None:
        """No more retransmissions."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def acknowledge(self, reply: Message) -> None:
        """ACK for a final reply other than 2xx: it belongs to the INVITE's transaction."""
        phone = self._phone
        text = phone.acks[self.branch] = same_transaction(self.text, "ACK", reply.value("to") or to_line(self.text))
        phone.send_request(text, self.dialog)

    def _authorized(self, reply: Message) -> bool:
        """Send it again with credentials; False when there is nothing to try."""
        phone = self._phone
        assert phone.credentials is not None
        if self._realms is None:
            self._realms = set()
        text = self.text
        uri, body = text.split(" ", 2)[1], text.partition("\r\n\r\n")[2]
        headers = phone.credentials.answer(reply, self.method, uri, body, self._realms)
        if not headers:
            return False
        if self.method == "INVITE":
            self.acknowledge(reply)
        branch, cseq = phone.next_branch(), self.cseq + 1
        self.text = sent_again(text, self.branch, branch, cseq, headers)
        self.branch = branch
        self._interval = T1
        phone.requests[branch] = self
        phone.cseq_used(self, cseq)
        self.start()
        return True

    def __str__(self) -> str:
        return f"{self._phone.name}'s {self.method} {self.text.split(' ', 2)[1]}"

    def __repr__(self) -> str:
        return f"<{self}: {self.status or 'waiting'}>"
