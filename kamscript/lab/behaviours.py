"""What a phone does by itself with what reaches it.

    bob.answers(after=3), bob.rings(), bob.rejects(486), bob.redirects("carol"), bob.silent(), bob.waits()
    bob.on("OPTIONS", 503)
    @bob.on("MESSAGE")
    def deliver(message):
        message.reply(200 if "hello" in message.body else 403)

A phone that was told nothing lets a call wait (`bob.call_waiting`) and answers everything else as a good phone does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, overload

from kamscript.lab.dialogs import Call
from kamscript.lab.message import Message

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab
    from kamscript.lab.phone import Phone

Handler = Callable[[Message], int | None]


class Behaviours:
    """The part of a Phone that says what it does by itself."""

    lab: Lab
    name: str

    def __init__(self) -> None:
        self.handlers: dict[str | int, Handler | int] = {}
        self.mute = False

    # -- calls

    def answers(
        self, after: float = 0.0, *, ring: int | None = 180, body: str | None = None, headers: Sequence[str] = (),
        reliable: bool = False,
    ) -> None:  # fmt: skip
        """Ring at once (None: do not) and answer each call `after` seconds later; `reliable` rings with 100rel."""

        def answer(call: Call) -> None:
            if ring is not None:
                call.ring(ring, reliable=reliable)
            self._later(call, after, lambda: call.answer(body, headers=headers))

        self._calls(answer)

    def rings(self, status: int = 180, *, after: float = 0.0, body: str = "", reliable: bool = False) -> None:
        """Ring for ever."""
        self._calls(lambda call: self._later(call, after, lambda: call.ring(status, body=body, reliable=reliable)))

    def rejects(
        self, status: int = 486, reason: str = "", *, after: float = 0.0, headers: Sequence[str] = (),
        ring: int | None = None,
    ) -> None:  # fmt: skip
        """Reject each call, `after` seconds later when told, having rung when told."""

        def reject(call: Call) -> None:
            if ring is not None:
                call.ring(ring)
            self._later(call, after, lambda: call.reject(status, reason, headers))

        self._calls(reject)

    def redirects(self, *contacts: str | Phone, status: int = 302, after: float = 0.0) -> None:
        """Redirect each call to users, URIs or phones."""
        self._calls(lambda call: self._later(call, after, lambda: call.redirect(*contacts, status=status)))

    def waits(self) -> None:
        """Let calls wait for the test, as in the beginning, and answer everything else again."""
        self._calls(None)

    def silent(self) -> None:
        """Answer nothing any more, whatever comes: switched off, but its address is there."""
        self.mute = True

    def _calls(self, action: Callable[[Call], None] | None) -> None:
        self.mute = False
        self.on_call = action

    def _later(self, call: Call, after: float, action: Callable[[], None]) -> None:
        """Do it now, or later unless the call is over or answered by then."""
        if after <= 0:
            if call.state == "ringing":
                action()
            return

        def then() -> None:
            if call.state == "ringing" and call.invite is not None and call.invite.replied < 200:
                action()

        self.lab.timers.after(after, then)

    on_call: Callable[[Call], None] | None = None  #: is called for each incoming call; None: it waits

    # -- anything

    @overload
    def on(self, what: str | int, handler: Handler | int) -> None: ...
    @overload
    def on(self, what: str | int) -> Callable[[Handler], Handler]: ...
    def on(self, what: str | int, handler: Handler | int | None = None) -> Callable[[Handler], Handler] | None:
        """Say what the phone does with a method: "INVITE" (a new call), "re-INVITE", "BYE", "MESSAGE", ...

        `handler(message)` answers with `message.reply(...)` or by returning a status; what returns None without a
        reply keeps silent. A number in its place is the status for all of them. `phone.usual(message)` does what the
        phone would have done. A status (180) in place of a method: the handler is told of such replies. Without a
        handler this decorates one. A handler that raises ends the test where it waits for the network.
        """
        if isinstance(what, str) and not what.replace("-", "").replace("re", "").isupper():
            raise ValueError(f"{what!r} is no method: INVITE, re-INVITE, BYE, MESSAGE, ...")
        if handler is None:
            return lambda function: self._keep(what, function)
        self._keep(what, handler)
        return None

    def _keep(self, what: str | int, handler: Handler | int) -> Handler:
        if isinstance(handler, int):
            if not 100 <= handler <= 699:
                raise ValueError(f"{handler} is no status: 100 to 699")
        elif not callable(handler):
            raise TypeError(f"the handler for {what} is no function: {handler!r}")
        self.handlers[what] = handler
        return handler  # type: ignore[return-value]

    def handle(self, what: str | int, message: Message) -> bool:
        """Let a handler deal with a message; False: there is none."""
        handler = self.handlers.get(what)
        if handler is None:
            return False
        if isinstance(handler, int):
            status: int | None = handler
        else:
            try:
                status = handler(message)
            except Exception as error:
                error.add_note(f"in what {self.name} does with {message} at {message.time:.3f} s")
                raise
            if status is not None and (not isinstance(status, int) or isinstance(status, bool)):
                raise TypeError(f"what {self.name} does with {message} returned {status!r}: a status or None is wanted")
        if status is not None and message.is_request and message.method != "ACK" and message.replied < 200:
            message.reply(status)
        return True
