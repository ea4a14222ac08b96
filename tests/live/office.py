"""Phones of an office around a served config: over UDP, over TLS, behind a NAT. They only paste texts together.

office = Office(proxy)
alice = office.phone("alice", "127.0.0.21", 24310, contact="10.0.0.5:5060")
alice.ask("REGISTER", "sip:example.com", headers="Contact: ...", password="secret")

Every message is kept in `office.history` as (a phone sent it, text), and what a phone received in its `received`.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time

from kamscript.sip.auth import authorize, parse_challenge
from kamscript.sip.framing import Framer

PATIENCE = 10.0


class Office:
    """The phones, and the server that they use."""

    def __init__(self, proxy: tuple[str, int], domain: str = "example.com") -> None:
        self.proxy, self.domain = proxy, domain
        self.phones: dict[str, Phone] = {}
        self.history: list[tuple[bool, str]] = []

    def phone(self, name: str, ip: str, port: int, *, contact: str = "", domain: str = "", tls: int = 0) -> Phone:
        """A phone at an address; `contact` is where it believes to be; `tls` is the proxy's port, to speak TLS."""
        made = self.phones[name] = Phone(self, name, ip, port, contact or f"{ip}:{port}", domain or self.domain, tls)
        return made

    def close(self) -> None:
        """All leave."""
        for phone in self.phones.values():
            phone.socket.close()


class Phone:
    """One socket. `heard` are the messages that came and were not asked for yet."""

    def __init__(self, office: Office, name: str, ip: str, port: int, place: str, domain: str, tls: int) -> None:
        self.office, self.name, self.place, self.tls = office, name, place, bool(tls)
        self.uri = f"sip:{name}@{domain}"
        self.contact = f"sip:{name}@{place}{';transport=tls' if tls else ''}"
        self.received: list[str] = []
        self.heard: list[str] = []
        self._serial = 0
        self._framer = Framer()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tls else socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((ip, port))
        if tls:
            self.socket.settimeout(PATIENCE)
            self.socket.connect((office.proxy[0], tls))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)

    # -- messages

    def send(self, text: str, body: str = "") -> str:
        """Send a start line and headers, and a body; what was sent."""
        body = re.sub("\r?\n", "\r\n", body)
        sent = re.sub("\r?\n", "\r\n", f"{text.rstrip()}\nContent-Length: {len(body)}\n\n") + body
        self.office.history.append((True, sent))
        if self.tls:
            self.socket.sendall(sent.encode("latin-1"))
        else:
            self.socket.sendto(sent.encode("latin-1"), self.office.proxy)
        return sent

    def request(
        self, method: str, uri: str, *, call_id: str, cseq: int = 1, to: str = "", headers: str = "", body: str = ""
    ) -> str:
        """Send a request; `to` is what stands in To, with a tag within a dialog."""
        self._serial += 1
        branch = f"z9hG4bK-{self.name}-{self._serial}"
        return self.send(
            f"{method} {uri} SIP/2.0\nVia: SIP/2.0/{'TLS' if self.tls else 'UDP'} {self.place};rport;branch={branch}\n"
            f"From: <{self.uri}>;tag={self.name}\nTo: {to or f'<{uri}>'}\nCall-ID: {call_id}\nCSeq: {cseq} {method}\n"
            f"Max-Forwards: 70\nContact: <{self.contact}>\n{headers}",
            body,
        )

    def propose(
        self, method: str, uri: str, *, call_id: str, password: str = "", headers: str = "", body: str = ""
    ) -> str:  # fmt: skip
        """Send a request outside a dialog; with a password wait for its challenge, and send it again. What was sent."""
        to = f"<{self.uri if method == 'REGISTER' else uri}>"
        sent = self.request(method, uri, call_id=call_id, to=to, headers=headers, body=body)
        if not password:
            return sent
        reply = self.expect("SIP/2.0 40", call_id)
        if method == "INVITE":
            self.ack(sent, reply)
        kind, answer = ("WWW", "Authorization") if " 401 " in reply else ("Proxy", "Proxy-Authorization")
        challenge = parse_challenge(header(reply, f"{kind}-Authenticate")[0])
        assert challenge is not None
        value = authorize(challenge, method, uri, self.name, password, cnonce="0123456789abcdef")
        headers += f"{answer}: {value}\n"
        return self.request(method, uri, call_id=call_id, cseq=2, to=to, headers=headers, body=body)

    def ask(
        self, method: str, uri: str, *, call_id: str, password: str = "", headers: str = "", body: str = ""
    ) -> str:  # fmt: skip
        """The same, and take the next reply."""
        self.propose(method, uri, call_id=call_id, password=password, headers=headers, body=body)
        return self.expect("SIP/2.0", call_id)

    def ack(self, invite: str, reply: str) -> None:
        """Acknowledge a reply that is no success."""
        lines = [f"ACK {invite.split(' ', 2)[1]} SIP/2.0", f"Via: {header(invite, 'Via')[0]}"]
        copied = (("From", invite), ("To", reply), ("Call-ID", invite))
        lines += [f"{name}: {header(source, name)[0]}" for name, source in copied]
        self.send("\n".join([*lines, f"CSeq: {header(invite, 'CSeq')[0].split()[0]} ACK", "Max-Forwards: 70"]))

    def answer(self, request: str, status: str, headers: str = "", body: str = "") -> None:
        """Answer a request."""
        (to,) = header(request, "To")
        to += "" if "tag=" in to else f";tag={self.name}"
        copied = [f"{name}: {value}" for name in ("Via", "Record-Route") for value in header(request, name)]
        copied += [f"{name}: {header(request, name)[0]}" for name in ("From", "Call-ID", "CSeq")]
        contact = f"Contact: <{self.contact}>\n" if status.startswith("2") and "Contact:" not in headers else ""
        self.send("\n".join([f"SIP/2.0 {status}", *copied, f"To: {to}", contact + headers]), body)

    def expect(self, start: str, call_id: str = "", patience: float = PATIENCE) -> str:
        """The next message that begins with `start` (and belongs to a call); others are kept for later."""
        deadline = time.monotonic() + patience
        while True:
            for text in self.heard:
                if text.startswith(start) and (not call_id or f"Call-ID: {call_id}\r\n" in text):
                    self.heard.remove(text)
                    return text
            left = deadline - time.monotonic()
            heard = [text.partition("\r\n")[0] for text in self.heard]
            assert left > 0, f"{self.name} waited for {start} {call_id} in vain: {heard}"
            self._hear(left)

    def _hear(self, seconds: float) -> None:
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            data = self.socket.recv(65536).decode("latin-1")
            for text in self._framer.feed(data) if self.tls else [data]:
                # A keep-alive of the server's own, or what came again because the machine was slow.
                if text in self.received or not text.strip() or text.startswith("OPTIONS"):
                    continue
                self.office.history.append((False, text))
                self.received.append(text)
                self.heard.append(text)

    def silence(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        known = len(self.received)
        self._hear(seconds)
        return len(self.received) == known


class Call:
    """What the caller knows of an answered call."""

    def __init__(self, caller: Phone, answered: str) -> None:
        """`answered` is the 200 that the caller got."""
        self.caller, self.answered = caller, answered
        self.target = uri_of(header(answered, "Contact")[0])
        routes = [uri for line in header(answered, "Record-Route") for uri in line.split(",")]
        self.routes = "".join(f"Route: {uri.strip()}\n" for uri in reversed(routes))

    def within(self, method: str, cseq: int) -> None:
        """A request of the caller."""
        (call_id,), (to,) = header(self.answered, "Call-ID"), header(self.answered, "To")
        self.caller.request(method, self.target, call_id=call_id, cseq=cseq, to=to, headers=self.routes)


def header(text: str, name: str) -> list[str]:
    """Every value of a header."""
    return re.findall(rf"(?mi)^{name}: (.*?)\r?$", text.partition("\r\n\r\n")[0])


def uri_of(value: str) -> str:
    """The URI of an address."""
    return re.sub(r".*<([^>]*)>.*", r"\1", value)
