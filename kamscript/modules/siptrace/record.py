"""What is traced of one message, and the headers that tell it to the next collector (siptrace_send.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from kamscript.core.sockets import Destination, Received, bracketed
from kamscript.modules.siptrace.hep import Clock

if TYPE_CHECKING:
    from kamscript.sip.message import Message

#: Who an unknown address is.
ANYBODY: Final = "any:255.255.255.255:5060"

_HEADERS: Final = (
    "X-Siptrace-Fromip: {source}\r\nX-Siptrace-Toip: {destination}\r\nX-Siptrace-Time: {seconds} {microseconds}\r\n"
    "X-Siptrace-Method: {method}\r\nX-Siptrace-Dir: {direction}\r\n"
)
_HEADERS_SIZE: Final = 512
_MARK: Final = "\r\nX-Siptrace-Fromip: "
_TOLD: Final = re.compile(
    r"\r\nX-Siptrace-Fromip:\s*(\S{1,50})\s+X-Siptrace-Toip:\s*(\S{1,50})\s+X-Siptrace-Time:\s*(\d+)\s+(\d+)\s+"
    r"X-Siptrace-Method:\s*(\S{1,50})\s+X-Siptrace-Dir:\s*(\S{1,3})"
)


class HeadersError(Exception):
    """The headers cannot be written or read; the text is what Kamailio logs."""


class Record:
    """One traced message. `source` and `destination` are `proto:address:port`, `direction` is in or out."""

    __slots__ = (
        "callid",
        "destination",
        "direction",
        "fromtag",
        "is_reply",
        "method",
        "source",
        "status",
        "text",
        "time",
        "totag",
    )

    def __init__(self, text: str, source: str, destination: str, direction: str) -> None:
        self.text, self.source, self.destination, self.direction = text, source, destination, direction
        self.callid = self.method = self.status = self.fromtag = self.totag = ""
        self.is_reply = False
        self.time = Clock(0, 0)

    def describe(self, msg: Message) -> str | None:
        """Take Call-ID, method and tags from a message; what is wrong with it, None: nothing."""
        sender, to, cseq = msg.from_, msg.to, msg.cseq
        if sender is None:
            return "cannot parse FROM header"
        if to is None:
            return "cannot parse To header"
        if not msg.callid:
            return "cannot parse call-id"
        if cseq is None:
            return "cannot parse cseq"
        self.callid, self.fromtag, self.totag = msg.callid, sender.tag, to.tag
        self.method = msg.method if msg.is_request else cseq.method
        return None

    def write_headers(self) -> None:
        """Append to the message's header what a collector cannot know; HeadersError."""
        head, end, body = self.text.partition("\r\n\r\n")
        if not end:
            raise HeadersError("malformed message")
        told = _HEADERS.format(
            source=self.source,
            destination=self.destination,
            seconds=self.time.seconds,
            microseconds=self.time.microseconds,
            method=self.method,
            direction=self.direction,
        )
        if len(told) >= _HEADERS_SIZE:
            raise HeadersError("string too long")
        self.text = f"{head}\r\n{told}\r\n{body}"

    def read_headers(self) -> None:
        """Take what the headers tell, and them out of the message; HeadersError."""
        head, end, body = self.text.partition("\r\n\r\n")
        if not end:
            raise HeadersError("malformed message")
        at = head.find(_MARK)
        if at < 0:
            raise HeadersError(f"message without x-headers from {self.source}, callid {self.callid}")
        found = _TOLD.match(head, at)
        if found is None:
            raise HeadersError("malformed x-headers")
        self.source, self.destination, self.method, self.direction = found[1], found[2], found[5], found[6]
        self.time = Clock(int(found[3]), int(found[4]))
        self.text = head[:at] + end + body


def sender(received: Received) -> str:
    """Where a message came from."""
    return f"{received.proto}:{bracketed(received.src_ip)}:{received.src_port}"


def receiver(received: Received) -> str:
    """Where a message arrived."""
    return f"{received.proto}:{bracketed(received.dst_ip)}:{received.dst_port}"


def target(destination: Destination | None, proto: str = "") -> str:
    """Where a message goes."""
    if destination is None:
        return ANYBODY
    return f"{proto or destination.proto}:{bracketed(destination.ip)}:{destination.port}"
