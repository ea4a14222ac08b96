"""A server with databases in memory for tests of modules: messages in, messages, log lines and RPC answers out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kamscript.core.rpc import RpcFault, to_json
from kamscript.core.sockets import Datagram
from kamscript.module import Module
from kamscript.stores import Database, memory_databases
from tests.core.serving import Serving

START = 1_000_000.0
PHONE = ("127.0.0.12", 5060)
LISTEN = "listen=udp:127.0.0.1:5060\n"


class Databases:
    """Databases that outlive a server, as a real one does; `fail` makes opening them impossible."""

    def __init__(self) -> None:
        self.now = START
        self.lines: list[str] = []
        self.open = memory_databases(lambda level, text: self.lines.append(text), lambda: self.now)

    def __call__(self, url: str) -> Database:
        return self.open(url)


class Served(Serving):
    """A started server with `modules` loaded in front of `config`, and databases."""

    source = PHONE

    def __init__(
        self,
        config: str,
        modules: str = "tm sl pv textops xlog",
        *,
        databases: Callable[[str], Any] | None = None,
        target: str = "5.6",
        now: float = START,
        extra: Mapping[str, type[Module]] | None = None,
        listen: str = LISTEN,
    ) -> None:
        self.databases = databases or Databases()
        self.sent = 0
        loads = "".join(f'loadmodule "{name}.so"\n' for name in modules.split())
        text = f"debug=3\n{listen}{loads}{config}"
        super().__init__(text, target=target, now=now, extra=extra, database=self.databases)

    # -- messages -------------------------------------------------------------------------------------------------
    def request(
        self,
        method: str = "OPTIONS",
        user: str = "bob",
        headers: str = "",
        *,
        to: str = "",
        call_id: str = "call-1",
        cseq: int = 1,
        proto: str = "udp",
        connection: int = 0,
    ) -> list[Datagram]:
        """Send a request to `user`; each has a branch of its own."""
        self.sent += 1
        target = "sip:example.com" if method == "REGISTER" else f"sip:{user}@example.com"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/{proto.upper()} 127.0.0.12:5060;branch=z9hG4bK{self.sent}",
            f"From: <sip:{user}@example.com>;tag=from",
            f"To: {to or f'<sip:{user}@example.com>'}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            *([headers] if headers else []),
            "Content-Length: 0",
        ]
        return self.send("\n".join([*lines, "", ""]), proto=proto, connection=connection)

    def register(self, contacts: str, user: str = "bob", headers: str = "", **more: Any) -> Datagram:
        """Send a REGISTER; the reply."""
        lines = "\n".join(line for line in (f"Contact: {contacts}" if contacts else "", headers) if line)
        (reply,) = self.request("REGISTER", user, lines, **more)
        return reply

    def advance(self, seconds: float) -> list[Datagram]:
        """Let time pass, timer by timer; what the server sent."""
        until = self.server.timers.now + seconds
        while (deadline := self.server.timers.next_deadline()) is not None and deadline <= until:
            self.server.fire(deadline)
        self.server.fire(until)
        if isinstance(self.databases, Databases):
            self.databases.now = until
        return self.server.take_outbox()

    # -- what came of it ------------------------------------------------------------------------------------------
    def rpc(self, name: str, *arguments: Any) -> Any:
        """What a command answers, as plain lists and dicts; `code text` when it failed."""
        try:
            return to_json(self.server.rpc.call(name, list(arguments)))
        except RpcFault as fault:
            return f"{fault.code} {fault.text}"

    def lines(self, origin: str) -> list[str]:
        """The texts that a module logged."""
        return [record.text.rstrip("\n") for record in self.records if record.origin == origin]


def contact_header(message: Datagram) -> str:
    """The value of the Contact header, empty when there is none."""
    found = re.search(r"(?m)^Contact: (.*)\r$", message.text)
    return found[1] if found else ""
