"""A server for tests: a config as text, a clock that stands at 1000 s, names from a table, and what it said."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from kamscript.core.environment import LEVEL_NAMES, Environment, LogRecord, NaptrRecord, SrvRecord
from kamscript.core.server import Server
from kamscript.core.sockets import Datagram, Received
from kamscript.loader import load_text, module_classes, target_of
from kamscript.module import Module
from kamscript.modules import find_module, module_names
from kamscript.script.compile import compile
from kamscript.script.parse import parse
from kamscript.script.program import Program
from kamscript.script.resolve import resolve
from kamscript.source import MemoryReader, Source

NOW = 1000.0
ALICE, BOB = ("127.0.0.11", 5060), ("127.0.0.12", 5060)


class Names:
    """DNS from tables."""

    def __init__(self, hosts: Mapping[str, list[str]] | None = None) -> None:
        self.hosts = dict(hosts or {})
        self.srv_records: dict[str, list[SrvRecord]] = {}
        self.naptr_records: dict[str, list[NaptrRecord]] = {}

    def a(self, name: str) -> list[str]:
        return [address for address in self.hosts.get(name, []) if ":" not in address]

    def aaaa(self, name: str) -> list[str]:
        return [address for address in self.hosts.get(name, []) if ":" in address]

    def srv(self, name: str) -> list[SrvRecord]:
        return self.srv_records.get(name, [])

    def naptr(self, name: str) -> list[NaptrRecord]:
        return self.naptr_records.get(name, [])

    def ptr(self, address: str) -> str | None:
        return next((name for name, addresses in self.hosts.items() if address in addresses), None)


class NoFiles:
    """No files at all."""

    def read(self, path: str) -> str:
        raise FileNotFoundError(path)

    def exists(self, path: str) -> bool:
        return False


class Library:
    """The modules of this package, some of them replaced by a test's own."""

    def __init__(self, own: Mapping[str, type[Module]]) -> None:
        self.own = own

    def find(self, name: str) -> type[Module] | None:
        return self.own.get(name) or find_module(name)

    def names(self) -> frozenset[str]:
        return module_names() | self.own.keys()


def compiled(text: str, own: Mapping[str, type[Module]], target: str) -> Program:
    """A program that knows modules of the test's own."""
    path = "kamailio.cfg"
    wanted = target_of(target)
    config = parse(Source(path, text), MemoryReader({path: text}), {}, wanted)
    meaning = resolve(config, Library(own), wanted)
    return compile(meaning, {**module_classes(meaning.modules), **own}, wanted)


class Serving:
    """A started server, and short ways to talk to it.

    `modules` replace or extend the package's own when the config is read; `extra` are there when the server starts.
    """

    #: Where messages come from when a test does not say.
    source = ALICE

    def __init__(
        self,
        config: str,
        names: Names | None = None,
        *,
        target: str = "5.6",
        interfaces: Mapping[str, list[str]] | None = None,
        modules: Mapping[str, type[Module]] | None = None,
        extra: Mapping[str, type[Module]] | None = None,
        now: float = NOW,
        database: Callable[[str], Any] | None = None,
    ) -> None:
        self.names = names or Names()
        self.records: list[LogRecord] = []
        program = load_text(config, target=target) if modules is None else compiled(config, modules, target)
        self.environment = Environment(
            now=now,
            chance=random.Random(1),
            resolver=self.names,
            files=NoFiles(),
            log=self.records.append,
            interfaces=interfaces,
            database=database,
        )
        classes = {**module_classes(program.modules), **(modules or {}), **(extra or {})}
        self.server = Server(program, self.environment, modules=classes, target=target)
        self.server.start()

    def send(
        self, text: str, source: tuple[str, int] | None = None, *, proto: str = "udp", connection: int = 0
    ) -> list[Datagram]:
        """Hand a message over, plain newlines allowed; what the server sends then."""
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        socket = next(socket for socket in self.server.sockets if socket.proto == proto)
        received = Received(proto, *(source or self.source), socket.address, socket.port, socket, connection)
        self.server.receive(self.server.timers.now, text, received)
        return self.server.take_outbox()

    @property
    def log(self) -> list[str]:
        """What was logged: `LEVEL: origin: text`."""
        return [
            f"{LEVEL_NAMES[record.level]}: {record.prefix}{record.origin}: {record.text}".rstrip()
            for record in self.records
        ]

    @property
    def script(self) -> list[str]:
        """The texts that the script logged."""
        return [record.text.rstrip("\n") for record in self.records if record.origin == "<script>"]


def request(
    uri: str = "sip:bob@127.0.0.12",
    method: str = "INVITE",
    *,
    headers: str = "",
    body: str = "",
    via: str = "SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bK1",
) -> str:
    """A request of alice's."""
    return (
        f"{method} {uri} SIP/2.0\nVia: {via}\nFrom: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>\n"
        f"Call-ID: call-1@x\nCSeq: 1 {method}\n{headers}Content-Length: {len(body)}\n\n{body}"
    )


def reply(
    status: str = "200 OK", *, via: str = "SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bK1", headers: str = ""
) -> str:
    """A reply of bob's that comes back through the server."""
    return (
        f"SIP/2.0 {status}\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKserver\n"
        + (f"Via: {via}\n" if via else "")
        + f"From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>;tag=b1\nCall-ID: call-1@x\n"
        f"CSeq: 1 INVITE\n{headers}Content-Length: 0\n\n"
    )
