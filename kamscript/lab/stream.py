"""A TCP connection to the server, offline: bytes in as they are cut into messages, bytes out, and who hung up.

stream = lab.connect()
stream.send("GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
stream.take(), stream.closed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kamscript.core.sockets import Received
from kamscript.sip.errors import SipError
from kamscript.sip.framing import CONTINUE, PING, Framer

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.lab.lab import Lab
    from kamscript.lab.network import Address

#: tcp_script_mode: a stream stays open behind a message that could not be dealt with.
_MODE_CONTINUE = 1


class HttpReply(NamedTuple):
    """An answer to `Lab.http`."""

    code: int
    reason: str
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str | None:
        """The value of the first header called `name`, in any case; None for none."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    @classmethod
    def parse(cls, text: str) -> HttpReply:
        """Read one; raises ValueError."""
        head, _, body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        version, _, status = first.partition(" ")
        code, _, reason = status.partition(" ")
        if not version.upper().startswith("HTTP/") or not code.isdecimal():
            raise ValueError(f"no HTTP reply: {first}")
        pairs = (line.partition(":") for line in lines)
        headers = [(name.strip(), value.strip()) for name, _, value in pairs]
        reply = cls(int(code), reason, headers, body)
        length = reply.header("Content-Length")
        return reply._replace(body=body[: int(length)]) if length else reply


class Stream:
    """One connection, from `seat` to a listen socket of the server; `mute` when the server sends nothing over it."""

    mute = False

    def __init__(self, lab: Lab, seat: Address, socket: ListenSocket, number: int) -> None:
        self.lab, self.seat, self.number = lab, seat, number
        self.closed = False  #: either side hung up
        self.received = Received(socket.proto, seat.ip, seat.port, socket.address, socket.port, socket, number)
        tcp = lab.server.tcp
        self._framer = Framer(
            limit=tcp["rd_buf_size"], crlf_ping=bool(tcp["crlf_ping"]), accept_no_cl=bool(tcp["accept_no_cl"])
        )
        self._texts: list[str] = []
        lab.server.connection_opened(self.received)

    def send(self, text: str) -> None:
        """Send any bytes, a message or a part of one, and run the network."""
        if self.closed:
            raise BrokenPipeError(f"the connection of {self.seat} is closed")
        try:
            for message in self._framer.feed(text):
                if message == PING:
                    self._texts.append("\r\n")
                elif message == CONTINUE:
                    self._texts.append(message)
                else:
                    self.lab.network.send(message, "tcp", self.seat, self.lab.server_address("tcp"))
                    self.lab.run()
                if self.closed:
                    return
        except SipError:
            self.close()

    def dealt_with(self, fine: bool) -> None:
        """The server has dealt with a message; it hangs up behind one that failed."""
        if not fine and not self.lab.server.settings["tcp_script_mode"] & _MODE_CONTINUE:
            self.close()

    def into_server(self, text: str) -> None:
        """A message has reached the server."""
        lab = self.lab
        fine = lab.server.receive(lab.timers.now, text, self.received)
        lab.flush()
        self.dealt_with(fine)

    def from_server(self, data: str) -> str:
        """What the server sends, as the network shows it."""
        return data

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Something came from the server."""
        self._texts.append(text)

    def take(self) -> str:
        """What came since the last call."""
        text = "".join(self._texts)
        self._texts.clear()
        return text

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.closed = True
            self.lab.server.connection_closed(self.lab.now, self.number)
            self.lab.flush()
