"""Two phones on loopback sockets that a proxy stands between; they only paste texts together.

alice, bob = phones()
call = Call(alice, bob, "call-1")
call.invite(); call.answer(); call.ack()
call.bye()
"""

from __future__ import annotations

import re
import socket
import time

PROXY = ("127.0.0.1", 22300)
PATIENCE = 10.0


class Phone:
    """One UDP socket on 127.0.0.1. `heard` are the messages that came and were not asked for yet."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.socket.bind(("127.0.0.1", port))
        self.heard: list[str] = []

    @property
    def contact(self) -> str:
        """`sip:alice@127.0.0.1:22301`."""
        return f"sip:{self.name}@127.0.0.1:{self.port}"

    def send(self, text: str) -> None:
        """To the proxy; plain newlines become CRLF."""
        self.socket.sendto(re.sub("\r?\n", "\r\n", text).encode("latin-1"), PROXY)

    def expect(self, start: str, callid: str = "", patience: float = PATIENCE) -> str:
        """The next message that begins with `start` (and belongs to a call); others are kept for later."""
        deadline = time.monotonic() + patience
        while True:
            for text in self.heard:
                if text.startswith(start) and (not callid or f"Call-ID: {callid}\r\n" in text):
                    self.heard.remove(text)
                    return text
            left = deadline - time.monotonic()
            assert left > 0, f"{self.name} waited for {start} {callid} in vain: {[t[:30] for t in self.heard]}"
            self.socket.settimeout(left)
            try:
                self.heard.append(self.socket.recv(65536).decode("latin-1"))
            except TimeoutError:
                continue

    def forget(self) -> None:
        """Drop what came and was not asked for."""
        self.heard.clear()
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Leave."""
        self.socket.close()


def header(text: str, name: str) -> list[str]:
    """Every value of a header."""
    return re.findall(rf"(?mi)^{name}: (.*?)\r?$", text)


class Call:
    """alice calls bob. `routes` is the route set as the 200 brought it, cookies included."""

    def __init__(self, alice: Phone, bob: Phone, callid: str) -> None:
        self.alice, self.bob, self.callid = alice, bob, callid
        self.routes: list[str] = []
        self.arrived = ""  #: the INVITE that bob got

    def dial(self) -> None:
        """Send the INVITE."""
        self.alice.send(self.text("INVITE", self.alice, 1, headers=f"Contact: <{self.alice.contact}>\n"))

    def invite(self) -> None:
        """The INVITE, until bob has it."""
        self.dial()
        self.arrived = self.bob.expect("INVITE", self.callid)

    def text(self, method: str, by: Phone, cseq: int, *, tag: str = "", headers: str = "") -> str:
        """A request of this call, with a tag in To and the headers given."""
        other = self.bob if by is self.alice else self.alice
        return (
            f"{method} {other.contact} SIP/2.0\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{by.port};branch=z9hG4bK-{self.callid}-{method}-{cseq}-{by.name}\n"
            f"From: <sip:{by.name}@example.com>;tag={by.name}\nTo: <sip:{other.name}@example.com>{tag}\n"
            f"Call-ID: {self.callid}\nCSeq: {cseq} {method}\nMax-Forwards: 70\n{headers}Content-Length: 0\n\n"
        )

    def reply(self, by: Phone, request: str, status: str, headers: str = "") -> None:
        """Answer a request that `by` got."""
        (to,) = header(request, "To")
        to += "" if "tag=" in to else f";tag={by.name}"
        copied = [f"Via: {via}" for via in header(request, "Via")]
        copied += [f"Record-Route: {route}" for route in header(request, "Record-Route")]
        copied += [f"{name}: {header(request, name)[0]}" for name in ("From", "Call-ID", "CSeq")]
        by.send("\n".join([f"SIP/2.0 {status}", *copied, f"To: {to}", f"{headers}Content-Length: 0", "", ""]))

    def ring(self) -> None:
        """180, until alice has it."""
        self.reply(self.bob, self.arrived, "180 Ringing")
        self.alice.expect("SIP/2.0 180", self.callid)

    def answer(self, headers: str | None = None) -> None:
        """200, until alice has it."""
        contact = f"Contact: <{self.bob.contact}>\n"
        self.reply(self.bob, self.arrived, "200 OK", contact if headers is None else headers)
        self.routes = header(self.alice.expect("SIP/2.0 200", self.callid), "Record-Route")

    @property
    def route_headers(self) -> str:
        """The route set as header lines."""
        return "".join(f"Route: {route}\n" for route in self.routes)

    def within(self, method: str, by: Phone | None = None, cseq: int = 2, headers: str = "") -> str:
        """A request within the call, until the other side has it; as it arrived."""
        by = by or self.alice
        other = self.bob if by is self.alice else self.alice
        by.send(self.text(method, by, cseq, tag=f";tag={other.name}", headers=self.route_headers + headers))
        return other.expect(method, self.callid)

    def ack(self) -> None:
        """The ACK, until bob has it."""
        self.within("ACK", cseq=1)

    def setup(self) -> None:
        """Up to the ACK."""
        self.invite()
        self.answer()
        self.ack()

    def bye(self, by: Phone | None = None, cseq: int = 9) -> None:
        """Ring off, until the 200 is back."""
        by = by or self.alice
        other = self.bob if by is self.alice else self.alice
        self.reply(other, self.within("BYE", by, cseq), "200 OK")
        by.expect("SIP/2.0 200", self.callid)
