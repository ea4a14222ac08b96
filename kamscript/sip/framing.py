"""Cutting a byte stream into SIP messages (core/tcp_read.c; RFC 3261 section 18.3, RFC 5626 section 3.5.1).

Over a stream the length of a message is what its Content-Length says. Kamailio's reader looks at nothing else: it
skips blanks and line ends between messages, answers two CRLFs with one, finds the empty line and the first usable
Content-Length (or `l:`), and gives the connection up when there is none.

With tcp_accept_no_cl it also reads HTTP/1.x requests: without a Content-Length they end with their headers, or come in
chunks; `Expect: 100-continue` is answered; a Via header, which over HTTP looks different, is hidden from the parser by
another name. Where chunks arrive together Kamailio waits for more to arrive before it goes on; here it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kamscript.sip.errors import SipError

#: What `Framer.feed` yields for a keep-alive that wants to be answered with one CRLF.
PING = "\r\n\r\n"

#: What `Framer.feed` yields for an HTTP request that asks whether to send its body: answer with this very text.
CONTINUE = "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"

_LEADING = re.compile(r"[\n \t\r]*")
_END = re.compile(r"\n\r?\n")
_LENGTH = re.compile(
    r"(?:\A|\n)[ \t]*(?:content[-_]length|l)[ \t]*:[ \t]*([0-9]+)(?=[\r\n \t])", re.IGNORECASE | re.ASCII
)


_HTTP = re.compile(r"[^ \r\n]+ +[^ \r\n]+ +HTTP/1\.", re.IGNORECASE)
_HTTP_VIA = re.compile(r"(?<=\n)V(?=ia:)", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-fA-F]*")


class Framer:
    """The receiving side of one stream.

    `limit` is the size of Kamailio's buffer (core parameter tcp_rd_buf_size, at least 65535 characters): a message
    that does not fit ends the stream. `crlf_ping` and `accept_no_cl` are the core parameters tcp_crlf_ping and
    tcp_accept_no_cl.
    """

    __slots__ = ("_buffer", "_chunked", "_need", "_scanned", "accept_no_cl", "crlf_ping", "failed", "limit")

    def __init__(self, *, limit: int = 65535, crlf_ping: bool = True, accept_no_cl: bool = False) -> None:
        self.limit, self.crlf_ping, self.accept_no_cl = max(limit, 65535), crlf_ping, accept_no_cl
        self.failed = False
        self._buffer = ""
        self._scanned = 0  #: up to where the buffer holds no end of headers
        self._need = 0  #: the whole length of the message at the start of the buffer, 0 not known yet
        self._chunked = ""  #: what came before the chunk at the start of the buffer: headers and earlier chunks

    @property
    def pending(self) -> int:
        """How many characters wait for the rest of their message."""
        return len(self._chunked) + len(self._buffer)

    def feed(self, data: str) -> Iterator[str]:
        """Take what arrived; yields messages, PING and CONTINUE. Raises SipError when the stream cannot be read on.

        Messages in front of the trouble are yielded first. After an error the stream must be closed.
        """
        if self.failed:
            raise SipError("stream given up")
        self._buffer += data
        while True:
            message = self._next()
            if message is None:
                return
            yield message

    def _next(self) -> str | None:
        """The next message, or None when more must arrive first."""
        if self._chunked:
            return self._next_chunked()
        buffer = self._buffer
        if not self._need:
            if not self._scanned:
                found = _LEADING.match(buffer)
                end = found.end() if found else 0
                if end:
                    ping = buffer.find(PING, 0, end) if self.crlf_ping else -1
                    if ping >= 0:
                        self._buffer = buffer[ping + 4 :]
                        return PING
                    if end == len(buffer):
                        # the end may be the beginning of a ping
                        keep = 3 if buffer.endswith("\r\n\r") else 2 if buffer.endswith("\r\n") else buffer[-1:] == "\r"
                        self._buffer = buffer[len(buffer) - keep :] if keep and self.crlf_ping else ""
                        return None
                    buffer = self._buffer = buffer[end:]
                if not buffer:
                    return None
            found = _END.search(buffer, max(self._scanned - 2, 0))
            if found is None:
                self._scanned = len(buffer)
                self._check_limit()
                return None
            headers_end = found.end()
            expects = chunked = False
            if self.accept_no_cl and _HTTP.match(buffer):
                head = _HTTP_VIA.sub("H", buffer[:headers_end], count=1)
                buffer = self._buffer = head + buffer[headers_end:]
                small = head.lower()
                expects, chunked = "expect: 100-continue" in small, "transfer-encoding: chunked" in small
            found = _LENGTH.search(buffer, 0, headers_end)
            if found is None:
                if not self.accept_no_cl:
                    raise self._fail("content length not present or unparsable")
                if chunked:
                    self._chunked, self._buffer = buffer[:headers_end], buffer[headers_end:]
                    self._scanned = 0
                    return CONTINUE if expects else self._next_chunked()
                self._need = headers_end
            else:
                # a C int there, which wraps; the last 32 digits say how
                length = int(found.group(1)[-32:]) & 0xFFFFFFFF
                if length > 0x7FFFFFFF:
                    raise self._fail("bad Content-Length header value")
                self._need = headers_end + length
            if expects:
                return CONTINUE
        if len(buffer) < self._need:
            self._check_limit()
            return None
        message, self._buffer = buffer[: self._need], buffer[self._need :]
        self._need = self._scanned = 0
        return message

    def _next_chunked(self) -> str | None:
        """The message whose body comes in chunks, put together, or None when more must arrive first."""
        while True:
            buffer = self._buffer
            line = buffer.find("\n")
            if line < 0:
                self._check_limit()
                return None
            digits = buffer[:line].strip(" \t\r")
            if not _HEX.fullmatch(digits) or len(digits) > 8:
                raise self._fail("bad chunk size value")
            size = int(digits or "0", 16)
            if not size:
                message, self._buffer, self._chunked = self._chunked, buffer[line + 1 :], ""
                return message
            end = buffer.find("\n", line + 1 + size)
            if end < 0:
                if len(self._chunked) + size > self.limit:
                    raise self._fail("buffer overrun")
                self._check_limit()
                return None
            if buffer[line + 1 + size : end].strip(" \t\r"):
                raise self._fail("bad chunk")
            self._chunked += buffer[line + 1 : line + 1 + size]
            self._buffer = buffer[end + 1 :]

    def _check_limit(self) -> None:
        if self.pending >= self.limit:
            raise self._fail("buffer overrun")

    def _fail(self, reason: str) -> SipError:
        self.failed = True
        self._buffer = self._chunked = ""
        return SipError(reason)
