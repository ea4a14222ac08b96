"""The same case on kamscript: in process, in virtual time, with the same addresses and no sockets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kamscript.core.binrpc import answer
from kamscript.core.environment import LEVEL_NAMES, FileWriter
from kamscript.lab import Lab as OfflineLab
from kamscript.lab.lab import Mailbox
from kamscript.lab.network import Address as Seat
from kamscript.lab.ready.http import HttpRequest
from kamscript.live.environment import run_program
from kamscript.source import ConfigError

from . import binrpc, web
from .case import KAMAILIO, Address, Refused, Relay, cut


class Network(OfflineLab):
    """A lab whose config and log are bytes, as the daemon's are."""

    bytewise = True


class Lab:
    """kamscript as the world of a case; see `case.World` for the calls."""

    def __init__(
        self,
        config: str,
        relays: tuple[Relay, ...] = (),
        asked: dict[str, list[str]] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        if not re.search(r"(?m)^\s*listen\s*=", config):
            config = f"{config.rstrip()}\nlisten=udp:{KAMAILIO[0]}:{KAMAILIO[1]}\ndisable_tcp=yes\nauto_aliases=no\n"
        self._config = config
        self._files = dict(files or {})
        self._earlier: list[str] = []  #: what servers logged that were ended
        try:
            self._lab = Network(text=config, target="5.6", services=_services(relays, asked or {}), files=self._files)
        except ConfigError as error:
            errors = [found for found in error.diagnostics if found.severity == "error"]
            raise Refused(str(error), (found.line for found in errors)) from error
        self._lab.server.environment.programs = run_program
        for relay in relays:
            if relay.http:
                serve(self._lab, relay.make(), asked[relay.name] if asked else [], relay.address)
        self._mailboxes: dict[Address, Mailbox] = {}
        self._read: dict[Address, int] = {}
        self._connections = 0

    def open(self, address: Address) -> None:
        """Seat a party that keeps what it gets."""
        self._mailboxes[address] = Mailbox()
        self._read[address] = 0
        self._lab.network.attach(Seat(*address), self._mailboxes[address], address[0])

    def send(self, source: Address, data: bytes) -> None:
        """Hand a datagram to the server and deliver what comes of it."""
        self._lab.send(data.decode("latin-1"), source)

    def talk(self, source: Address, data: bytes) -> tuple[list[bytes], bool]:
        """Connect and send."""
        self._connections += 1
        stream = self._lab.connect((source[0], 40000 + self._connections))
        stream.send(data.decode("latin-1"))
        messages, _ = cut(stream.take().encode("latin-1"))
        closed = stream.closed
        stream.close()
        return messages, closed

    def receive(self, address: Address, timeout: float) -> bytes | None:
        """The next datagram at `address`, turning the clock by up to `timeout` seconds."""
        texts = self._mailboxes[address].texts
        try:
            self._lab.wait(lambda: len(texts) > self._read[address], timeout)
        except AssertionError:
            return None
        self._read[address] += 1
        return texts[self._read[address] - 1].encode("latin-1")

    def pending(self, address: Address) -> list[bytes]:
        """What came to `address` and was not received."""
        texts = self._mailboxes[address].texts[self._read[address] :]
        self._read[address] += len(texts)
        return [text.encode("latin-1") for text in texts]

    def settle(self) -> None:
        """Nothing to do: a message is dealt with when `send` returns."""

    def advance(self, seconds: float) -> None:
        """Turn the clock."""
        self._lab.advance(seconds)

    def rpc(self, method: str, *args: str | int | float) -> object:
        """Run an RPC command, through the bytes that kamcmd would exchange."""
        packet = answer(self._lab.server, binrpc.encode(method, args), whole=True).data
        self._lab.flush()
        self._lab.run()
        return binrpc.decode(packet)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        found = self._lab.database("sqlite:///DATABASE").raw(f"SELECT * FROM {table} ORDER BY id")
        return [dict(zip(found.columns, row, strict=True)) for row in found.rows]

    def execute(self, sql: str) -> None:
        """Change a table."""
        self._lab.database("sqlite:///DATABASE").raw(sql)

    def write(self, name: str, text: str) -> None:
        """Keep a file in memory."""
        self._files[name] = text
        files = self._lab.server.environment.files
        assert isinstance(files, FileWriter)
        files.write(name, text)

    def restart(self, *, kill: bool) -> None:
        """Another server on the same network and database, a second later."""
        old = self._lab
        if not kill:
            old.server.stop()
        self._earlier = self.log()
        self._lab = Network(
            text=self._config, target="5.6", start=old.now + 1, database=old.database, files=self._files
        )
        for address, mailbox in self._mailboxes.items():
            self._lab.network.attach(Seat(*address), mailbox, address[0])

    def log(self) -> list[str]:
        """What the config logged."""
        entries = list(self._earlier)
        for record in self._lab.log:
            internal = record.origin in ("<core>", "db") or (
                record.origin in self._lab.server.modules and record.origin != "acc"
            )
            if internal and record.head is None:
                continue
            # Module xlog may have another prefix than this one.
            origin = record.head or ("" if record.origin in ("<script>", "acc") else record.origin)
            text = record.text.removesuffix(chr(10))
            label = record.label or LEVEL_NAMES.get(record.level, str(record.level))
            entries.append(f"{label}: {record.prefix}{origin}{text}")
        return entries

    def close(self) -> None:
        """Nothing outlives the object."""


def _services(relays: tuple[Relay, ...], asked: dict[str, list[str]]) -> dict[Address, Callable[[str], str | None]]:
    return {relay.address: _respond(relay.make(), asked[relay.name]) for relay in relays if not relay.http}


def serve(lab: Network, answer: Callable[[str], str | None], seen: list[str], address: Address) -> None:
    """Let an HTTP server of a case stand at its address."""

    def respond(request: HttpRequest) -> tuple[int, str, dict[str, str]]:
        path = "/" + request.url.split("://", 1)[1].partition("/")[2]
        lines = [(name, value.strip()) for name, _, value in (line.partition(":") for line in request.sent)]
        text = web.shown(request.method, path, lines, request.body)
        seen.append(text)
        status, headers, body = web.parts(answer(text) or "500")
        return status, body, dict(headers)

    lab.doubles.http.answer(f"*://{address[0]}:{address[1]}/*", respond, optional=True)
    lab.doubles.http.fail(f"https://{address[0]}:*", "tls", optional=True)
    lab.doubles.http.fail("http://*.invalid/*", "resolve", optional=True)


def _respond(answer: Callable[[str], str | None], seen: list[str]) -> Callable[[str], str | None]:
    def respond(text: str) -> str | None:
        seen.append(text)
        return answer(text)

    return respond
