"""HTTP requests that come over SIP's TCP sockets: which ones a module hears of, and how they become like SIP."""

from __future__ import annotations

from kamscript import ere
from kamscript.core.sockets import bracketed
from kamscript.sip.message import Message

#: What a hook for requests of other protocols says (NONSIP_MSG_*).
ERROR, DONE, PASS = -1, 0, 2


def bad_expression(text: str) -> str | None:
    """Why a text is no regular expression; None when it is one."""
    try:
        ere.compile(text)
    except ere.EreError as error:
        return f"{text!r} is no regular expression: {error}"
    return None


class Urls:
    """The URLs that parameters `url_match` and `url_skip` leave to a module."""

    def __init__(self, match: str, skip: str) -> None:
        self._match = ere.compile(match) if match else None
        self._skip = ere.compile(skip) if skip else None

    def wants(self, url: str) -> bool:
        """Whether requests of this URL are dealt with."""
        if self._skip is not None and self._skip.test(url):
            return False
        return self._match is None or self._match.test(url)


def with_via(msg: Message, first_line: str) -> Message:
    """The request behind `first_line` as if it were SIP: with a Via of where it came from. Raises SipError."""
    source = msg.received
    via = f"Via: SIP/2.0/{source.proto.upper()} {bracketed(source.src_ip)}:{source.src_port}\r\n"
    made = Message(f"{first_line}{via}{msg.buf[msg.first_end :]}", source)
    made.number = msg.number
    return made
