"""What phones subscribe to, what they notify, and the transfers that are built on it (RFC 6665, 3515, 3891).

watch = alice.subscribe(bob, event="presence")
watch.expect("NOTIFY").body, watch.state
transfer = call.transfer("carol")
transfer.expect(200), transfer.progress
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kamscript.core.timers import Timer
from kamscript.lab import expects
from kamscript.lab.dialogs import OVER, Call, Dialog
from kamscript.lab.texts import entries, reason_of, tag_of, uri_of

if TYPE_CHECKING:
    from kamscript.lab.expects import Found, Wanted
    from kamscript.lab.message import Message
    from kamscript.lab.phone import Phone
    from kamscript.lab.requests import Request


class Transfer:
    """A REFER that a phone sent, and what the other side told about the call it made.

    `status` is that of the REFER, `progress` are those of the new call as the NOTIFYs told them: [100, 180, 200].
    """

    def __init__(self, call: Call, target: str | Phone | Call, headers: Sequence[str], *, hang_up: bool) -> None:
        self.call, self.hang_up = call, hang_up
        self.replaced = target if isinstance(target, Call) else None
        self.progress: list[int] = []
        self.notifies: list[Message] = []
        phone = call.phone
        if isinstance(target, Call):
            refer_to = f"<{target.target}?Replaces={_escaped(replaces(target))}>"
        else:
            refer_to = f"<{phone.uri_for(target)}>"
        call.cseq += 1
        lines = [f"Refer-To: {refer_to}", f"Referred-By: <{phone.uri}>", *headers]
        self.request: Request = phone.request_in(call, "REFER", call.cseq, "", lines)

    @property
    def status(self) -> int:
        """The final status of the REFER, 0 while waiting."""
        return self.request.status

    @property
    def result(self) -> int:
        """The final status of the new call, 0 while it has none."""
        return self.progress[-1] if self.progress and self.progress[-1] >= 200 else 0

    def expect(self, status: int, within: float = expects.WITHIN) -> Message:
        """Wait until the other side tells that its call got `status`; returns that NOTIFY."""
        __tracebackhide__ = True
        lab = self.call.phone.lab
        reason = lab.wait_for(lambda: status in self.progress, within, over=lambda: self._over)
        if status not in self.progress:
            if self.request.status >= 300:
                reason = f"REFER was answered with {self.request.final}"
            elif self._over:
                reason = "it is over"
            told = ", ".join(map(str, self.progress)) or "nothing"
            raise AssertionError(
                f"the transfer by {self.call.phone.name} should come to {status}, but {reason}; NOTIFYs told {told}"
                f"\n\n{lab.ladder(last=30)}"
            )
        return self.notifies[self.progress.index(status)]

    @property
    def _over(self) -> bool:
        return bool(self.result) or self.request.status >= 300

    def on_notify(self, message: Message) -> None:
        """The other side told of its progress."""
        words = message.body.split(None, 2)
        if len(words) > 1 and words[0].upper().startswith("SIP/") and words[1].isdecimal():
            self.progress.append(int(words[1]))
            self.notifies.append(message)
            if self.hang_up and 200 <= self.progress[-1] < 300:
                for call in (self.call, self.replaced):
                    if call is not None and call.state == "confirmed":
                        call.state = "ended"
                        call.start("BYE")

    def __repr__(self) -> str:
        return f"<transfer by {self.call.phone.name}: REFER {self.status or 'waiting'}, told {self.progress}>"


def replaces(call: Call) -> str:
    """The Replaces value by which the far end knows a call of this phone: its tag there is the to-tag."""
    return f"{call.call_id};to-tag={tag_of(call.remote)};from-tag={tag_of(call.local)}"


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace(";", "%3B").replace("=", "%3D").replace("@", "%40")


def unescaped(value: str) -> str:
    """The text of a URI header."""
    parts = value.split("%")
    return parts[0] + "".join(chr(int(part[:2], 16)) + part[2:] if _is_hex(part[:2]) else f"%{part}"
                              for part in parts[1:])  # fmt: skip


def _is_hex(digits: str) -> bool:
    return len(digits) == 2 and all(digit in "0123456789abcdefABCDEF" for digit in digits)


class Referral:
    """The other side of a transfer: this phone was asked to call somebody, and tells how that goes."""

    def __init__(self, message: Message, dialog: Dialog) -> None:
        self.dialog = dialog
        cseq = message.cseq
        self.event = f"Event: refer;id={cseq.number}" if cseq is not None else "Event: refer"
        phone = dialog.phone
        uri, _, query = uri_of(message["Refer-To"]).partition("?")
        headers = []
        for pair in query.split("&") if query else ():
            name, _, value = pair.partition("=")
            if name.lower() != "method":
                headers.append(f"{name}: {unescaped(value)}")
        if "Referred-By" in message:
            headers.append(f"Referred-By: {message['Referred-By']}")
        self._notify(100, over=False)
        call = phone.invite(uri, headers=headers)
        call.on_reply = self._on_reply
        if isinstance(dialog, Call):
            dialog.referred = call

    def _on_reply(self, reply: Message) -> None:
        status = reply.status
        if status > 100:
            self._notify(status, over=status >= 200)

    def _notify(self, status: int, *, over: bool) -> None:
        if isinstance(self.dialog, Call) and self.dialog.state in OVER:
            return
        state = "terminated;reason=noresource" if over else "active;expires=60"
        self.dialog.start(
            "NOTIFY",
            f"SIP/2.0 {status} {reason_of(status)}\r\n",
            [self.event, f"Subscription-State: {state}", "Content-Type: message/sipfrag;version=2.0"],
        )


class Subscription(Dialog):
    """What a phone subscribed to. `state` is what the last NOTIFY told: pending, active or terminated; "" none yet."""

    def __init__(self, phone: Phone, call_id: str, local: str, remote: str, event: str) -> None:
        super().__init__(phone, call_id, local, remote)
        self.event = event
        self.state = ""
        self.notifies: list[Message] = []
        self.request: Request | None = None  #: the SUBSCRIBE sent last

    @property
    def status(self) -> int:
        """The status of the last SUBSCRIBE."""
        return self.request.status if self.request else 0

    def refresh(self, expires: int = 3600) -> Request:
        """SUBSCRIBE again in the same dialog; 0 ends it."""
        self.request = request = self.start(
            "SUBSCRIBE", headers=[f"Event: {self.event}", f"Expires: {expires}"], on_reply=self.on_reply
        )
        self.phone.lab.run()
        return request

    def unsubscribe(self) -> Request:
        """End it."""
        return self.refresh(0)

    def expect(self, *wanted: Wanted, within: float = expects.WITHIN, where: Found | None = None) -> Message:
        """Wait for a NOTIFY (or what is wanted instead) and return it."""
        __tracebackhide__ = True
        return expects.in_dialog(self, wanted or ("NOTIFY",), within, where, self.request, ending=300)

    def on_reply(self, reply: Message) -> None:
        """SUBSCRIBE was answered."""
        if 200 <= reply.status < 300:
            self.remote = reply.value("to") or self.remote
            contact = reply.value("contact")
            if contact:
                self.target = uri_of(contact)
            if not self.routes:
                self.routes = entries(reply, "record-route")[::-1]
        elif reply.status >= 300 and not self.state:
            self.state = "terminated"

    def on_request(self, message: Message) -> None:
        """NOTIFY came; it may be faster than the answer to SUBSCRIBE."""
        if message.method == "NOTIFY":
            self.state = (message.value("subscription-state") or "active").partition(";")[0].strip().lower()
            self.notifies.append(message)
            if not tag_of(self.remote):
                self.remote = message.value("from") or self.remote
                self.routes = entries(message, "record-route")
            contact = message.value("contact")
            if contact:
                self.target = uri_of(contact)
        self.phone.respond(message, 200)

    def __str__(self) -> str:
        return f"{self.phone.name}'s subscription to {uri_of(self.remote)} ({self.event})"

    def __repr__(self) -> str:
        return f"<{self}: {self.state or 'waiting'}>"


class Watcher(Dialog):
    """Somebody subscribed at this phone: `notify()` tells the news. `state`: active or terminated."""

    def __init__(self, message: Message, phone: Phone, local: str) -> None:
        super().__init__(phone, message.callid, local, message["From"])
        self.event = message.get("Event", "")
        self.target = uri_of(message.get("Contact", ""))
        self.routes = entries(message, "record-route")
        self.state = "active"
        self.expires_at = 0.0
        self._timer: Timer | None = None

    def notify(self, body: str = "", content_type: str = "text/plain", *, state: str = "") -> Request:
        """Send NOTIFY and run the network; `state` is a Subscription-State other than what holds."""
        request = self.tell(body, content_type, state)
        self.phone.lab.run()
        return request

    def tell(self, body: str = "", content_type: str = "text/plain", state: str = "") -> Request:
        """Put NOTIFY on the wire."""
        left = max(0, round(self.expires_at - self.phone.lab.now))
        if not state:
            state = f"active;expires={left}" if self.state == "active" else "terminated;reason=timeout"
        if state.startswith("terminated"):
            self.state = "terminated"
            self.forgotten()
        headers = [f"Event: {self.event}", f"Subscription-State: {state}"]
        return self.start("NOTIFY", body, [*headers, f"Content-Type: {content_type}"] if body else headers)

    def on_request(self, message: Message) -> None:
        """SUBSCRIBE, the first or another one."""
        if message.method != "SUBSCRIBE":
            self.phone.respond(message, 200)
            return
        expires = message.expires
        seconds = 3600 if expires is None else expires
        self.phone.respond(message, 200, headers=[f"Expires: {seconds}"])
        self.forgotten()
        self.expires_at = self.phone.lab.now + seconds
        if seconds:
            self._timer = self.phone.lab.timers.after(seconds, self._expired)
        else:
            self.state = "terminated"
        self.tell()

    def _expired(self) -> None:
        self.state = "terminated"
        self.tell()

    def forgotten(self) -> None:
        """No timer goes on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __str__(self) -> str:
        return f"the subscription of {uri_of(self.remote)} at {self.phone.name} ({self.event})"
