"""A message that a phone received: headers by name, where it came from, and `reply()`.

invite = bob.expect("INVITE")
invite["Contact"], "Record-Route" in invite, invite.get("Subject", "none"), invite.all("Via")
invite.reply(603)
"""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, overload

from kamscript.lab.texts import characters
from kamscript.sip.headers import header_kind
from kamscript.sip.message import Message as Parsed

if TYPE_CHECKING:
    from kamscript.lab.dialogs import Dialog
    from kamscript.lab.network import Address
    from kamscript.lab.phone import Phone
    from kamscript.lab.requests import Request


class NoHeader(KeyError):
    """A header is asked for that the message does not have."""

    def __str__(self) -> str:
        return str(self.args[0])


class Message(Parsed):
    """What a phone received.

    phone      who received it; `dialog` the call or subscription it belongs to, None outside one
    request    of a reply: the Request that it answers, None for one that nothing waits for
    source     the address that it came from, `seat` the address of the phone that it came to
    time       seconds since the lab started
    replied    of a request: the status that the phone answered with last, 0 none yet; `answer` that reply's text
    again      whether it is a retransmission of a request that the phone has
    """

    __slots__ = ("again", "answer", "dialog", "phone", "replied", "request", "seat", "source", "time")

    phone: Phone
    dialog: Dialog | None
    request: Request | None
    source: Address
    seat: Address
    time: float
    replied: int
    answer: str
    again: bool

    def __init__(self, text: str, phone: Phone, source: Address, seat: Address, time: float) -> None:
        _read_parsed(self, text)
        self.reason = characters(self.reason)
        self.phone, self.source, self.seat, self.time = phone, source, seat, time
        self.dialog = self.request = None
        self.replied, self.answer, self.again = 0, "", False

    def __getitem__(self, name: str) -> str:
        """The value of the first header called `name` (any case, compact forms count). Raises NoHeader."""
        value = self.value(header_kind(name))
        if value is None:
            have = ", ".join(dict.fromkeys(header.name for header in self.headers))
            raise NoHeader(f"no {name} header in {self}: it has {have}")
        return characters(value)

    def __contains__(self, name: str) -> bool:
        return self.value(header_kind(name)) is not None

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of the first header called `name`, or `default`."""
        value = self.value(header_kind(name))
        return default if value is None else characters(value)

    def each(self, name: str) -> list[str]:
        """The values of all headers called `name`, in order."""
        return [characters(value) for value in self.values(header_kind(name))]

    @property
    def body(self) -> str:
        """The body as people read it; Content-Length counts the bytes of its UTF-8."""
        return characters(super().body)

    @property
    def text(self) -> str:
        """The whole message; `buf` is the same with a character a byte."""
        return characters(self.buf)

    def reply(self, status: int, reason: str = "", *, body: str | None = None, headers: Sequence[str] = ()) -> None:
        """Answer this request; `headers` are whole lines without line ends.

        A 2xx to INVITE gets a session description unless `body` says otherwise. Raises AssertionError for a reply, and
        for a request that has its final answer.
        """
        if not self.is_request:
            raise AssertionError(f"{self} is a reply: only requests are answered")
        self.phone.respond(self, status, reason, body, headers)

    def __str__(self) -> str:
        if self.is_request:
            return f"{self.method} {self.uri}"
        cseq = self.cseq
        method = f" ({cseq.method})" if cseq is not None else ""
        return f"{self.status} {self.reason}{method}"

    def __repr__(self) -> str:
        return f"<{self}>"


def _own(function: Any) -> Any:
    """A copy of a method with code of its own.

    CPython specialises code for the class of the objects that it meets, and is slower where one piece of code meets
    two: reading messages, most of the lab's work, would be so for the server as well as for the phones.
    """
    code = function.__code__.replace()
    copy = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__, copy.__doc__ = function.__kwdefaults__, function.__doc__
    return copy


_read_parsed = _own(Parsed.__init__)
for _name in ("_read", "_read_plain", "value", "values", "header_lines"):
    setattr(Message, _name, _own(getattr(Parsed, _name)))
