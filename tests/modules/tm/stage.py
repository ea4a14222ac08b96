"""A server with tm between alice and those she calls; every message that leaves is noted with its time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from kamscript.core.sockets import Datagram
from kamscript.module import Module
from kamscript.modules.tm import Tm
from kamscript.modules.tm.transaction import Transaction
from tests.core.serving import NOW, Names, Serving

MODULES = "tm tmx sl rr pv xlog textops corex kex"
ALICE, BOB, CAROL, DAVE = (("127.0.0.1" + digit, 5060) for digit in "1234")
NAMES = {ALICE[0]: "alice", BOB[0]: "bob", CAROL[0]: "carol", DAVE[0]: "dave"}


class Sent(NamedTuple):
    """A message that left: when (seconds since the start), to whom (a name, or an address), its text."""

    at: float
    to: str
    text: str

    @property
    def line(self) -> str:
        """`INVITE`, `180`."""
        words = self.text.split(" ", 2)
        return words[1] if words[0] == "SIP/2.0" else words[0]

    def header(self, name: str) -> list[str]:
        """Every value of a header."""
        return re.findall(rf"(?mi)^{name}: (.*?)\r$", self.text)

    @property
    def branch(self) -> str:
        """The branch parameter of the topmost Via."""
        found = re.search(r"branch=([^;\s]+)", self.text)
        assert found is not None
        return found[1]


class Stage(Serving):
    """See the module."""

    def __init__(
        self,
        config: str = "request_route { t_relay(); }",
        *,
        modules: str = MODULES,
        target: str = "5.6",
        hosts: Mapping[str, list[str]] | None = None,
        own: Mapping[str, type[Module]] | None = None,
        listen: str = "listen=udp:127.0.0.1:5060\n",
    ) -> None:
        loads = "".join(f'loadmodule "{name}.so"\n' for name in modules.split())
        self.sent: list[Sent] = []
        super().__init__(f"{listen}{loads}{config}", Names(hosts), target=target, modules=own)

    @property
    def tm(self) -> Tm:
        """The module."""
        found = self.server.modules["tm"]
        assert isinstance(found, Tm)
        return found

    @property
    def transactions(self) -> list[Transaction]:
        """All of them, oldest first."""
        return list(self.tm.by_ident.values())

    def note(self, datagrams: list[Datagram]) -> list[Sent]:
        """Write down what left."""
        at = round(self.server.timers.now - NOW, 3)
        found = [Sent(at, NAMES.get(d.to.ip, f"{d.to.ip}:{d.to.port}"), d.text) for d in datagrams]
        self.sent += found
        return found

    def play(self, text: str, source: tuple[str, int] = ALICE, *, proto: str = "udp") -> list[Sent]:
        """A message arrives; what leaves at once."""
        return self.note(self.send(text, source, proto=proto))

    def invite(self, uri: str = "sip:bob@127.0.0.12", **more: str) -> list[Sent]:
        """Alice calls."""
        return self.play(request("INVITE", uri, **more))

    def answer(
        self, sent: Sent, status: str, *, tag: str = "b1", headers: str = "", source: tuple[str, int] = BOB
    ) -> list[Sent]:
        """Somebody replies to a request that was sent to him."""
        return self.play(reply(sent, status, tag=tag, headers=headers), source)

    def advance(self, seconds: float) -> list[Sent]:
        """Turn the clock; what leaves meanwhile."""
        timers = self.server.timers
        end = timers.now + seconds
        found: list[Sent] = []
        while (deadline := timers.next_deadline()) is not None and deadline <= end:
            timers.fire(deadline)
            found += self.note(self.server.take_outbox())
        timers.fire(end)
        return found


def request(
    method: str = "INVITE",
    uri: str = "sip:bob@127.0.0.12",
    *,
    branch: str = "z9hG4bK-1",
    callid: str = "call-1",
    cseq: str = "1",
    to_tag: str = "",
    from_tag: str = "a1",
    headers: str = "",
    body: str = "",
) -> str:
    """A request of alice's."""
    parameter = f";branch={branch}" if branch else ""
    return (
        f"{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.11:5060{parameter}\n"
        f"From: <sip:alice@example.com>;tag={from_tag}\nTo: <sip:bob@example.com>{f';tag={to_tag}' if to_tag else ''}\n"
        f"Call-ID: {callid}\nCSeq: {cseq} {method}\nMax-Forwards: 70\n{headers}Content-Length: {len(body)}\n\n{body}"
    )


def reply(sent: Sent, status: str, *, tag: str = "b1", headers: str = "") -> str:
    """A reply to a request that was sent."""
    lines = [f"SIP/2.0 {status}", *(f"Via: {via}" for via in sent.header("Via"))]
    (to,) = sent.header("To")
    if tag and ";tag=" not in to and not status.startswith("100"):
        to += f";tag={tag}"
    lines += [f"From: {sent.header('From')[0]}", f"To: {to}", f"Call-ID: {sent.header('Call-ID')[0]}"]
    lines += [f"CSeq: {sent.header('CSeq')[0]}"]
    return "\n".join(lines) + f"\n{headers}Content-Length: 0\n\n"


def story(sent: list[Sent]) -> list[str]:
    """`0.5 INVITE bob`: when what went to whom."""
    return [f"{s.at:g} {s.line} {s.to}" for s in sent]
