"""What a differential case is: configs, parties, steps, batteries, outcomes.

A case is a function that plays the parties of one scene:

    @case(modules="sl", config='request_route { sl_send_reply("404", "Nobody"); }')
    def stateless_reply_copies_what_rfc_3261_asks(scene):
        scene.alice.request("INVITE", "sip:bob@example.com")
        scene.alice.expect(404)

A battery is a list of small facts that share one config and one start of the daemon; see `battery`.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Address = tuple[str, int]
KAMAILIO: Address = ("127.0.0.1", 21200)
PARTIES: Mapping[str, Address] = {
    name: (f"127.0.0.{11 + index}", 21200) for index, name in enumerate(("alice", "bob", "carol", "dave"))
}


class World(Protocol):
    """A running server and its network: the daemon (`real.Real`) or kamscript (`lab.Lab`)."""

    def open(self, address: Address) -> None:
        """Listen at `address` from now on."""

    def send(self, source: Address, data: bytes) -> None:
        """Send one datagram from `source` to the server."""

    def receive(self, address: Address, timeout: float) -> bytes | None:
        """The next datagram that reached `address`; None when none came within `timeout` seconds."""

    def pending(self, address: Address) -> list[bytes]:
        """Datagrams that reached `address` and were not received yet."""

    def talk(self, source: Address, data: bytes) -> tuple[list[bytes], bool]:
        """Send over a TCP connection of its own: the messages that came back, and whether the server hung up.

        What is sent must be whole: a keep-alive behind it tells when the server has dealt with it.
        """

    def settle(self) -> None:
        """Return when the server has dealt with everything sent so far."""

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""

    def rpc(self, method: str, *args: str | int | float) -> object:
        """Run an RPC command: a list of what it returned; `{"code": ..., "error": ...}` when it failed."""

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table of the database that the config calls `sqlite:///DATABASE`, oldest first."""

    def execute(self, sql: str) -> None:
        """Run a statement of SQL on that database."""

    def write(self, name: str, text: str) -> None:
        """Write a file into the folder of the config."""

    def restart(self, *, kill: bool) -> None:
        """End the server, as it wants to be ended or without warning, and start it again."""

    def log(self) -> list[str]:
        """What the config logged: `LEVEL: text`."""

    def close(self) -> None:
        """End the server."""


class Refused(Exception):
    """The server does not start with this config; `lines` are the lines it complains about."""

    def __init__(self, text: str, lines: Iterable[int] = ()) -> None:
        super().__init__(text)
        self.lines = set(lines)


class Unexpected(AssertionError):
    """A party did not get the message that the case says it gets."""


def crlf(text: str) -> bytes:
    """The bytes of a message written with plain newlines."""
    return re.sub("\r?\n", "\r\n", text).encode("latin-1")


def build(start: str, headers: str, body: str = "") -> str:
    """A message of a start line, header lines and a body; Content-Length is added unless given."""
    lines = [line.strip() if not line.startswith((" ", "\t")) else line for line in headers.strip("\n").split("\n")]
    head = "\n".join(line for line in [start, *lines] if line)
    body = re.sub("\r?\n", "\r\n", body)
    if not re.search(r"(?im)^(content-length|l)\s*:", head):
        head += f"\nContent-Length: {len(body)}"
    return re.sub("\r?\n", "\r\n", head + "\n\n") + body


@dataclass
class Got:
    """A message that a party received."""

    party: Party
    text: str

    @property
    def start(self) -> str:
        """The first line."""
        return self.text.split("\r\n", 1)[0]

    @property
    def body(self) -> str:
        """What follows the empty line."""
        return self.text.partition("\r\n\r\n")[2]

    def headers(self, name: str) -> list[str]:
        """The values of every header called `name`, in order."""
        head = self.text.partition("\r\n\r\n")[0]
        return re.findall(rf"(?im)^{re.escape(name)}[ \t]*:[ \t]*(.*?)\r?$", head)

    def header(self, name: str) -> str:
        """The value of the first header called `name`; empty when there is none."""
        return next(iter(self.headers(name)), "")

    def answer(self, code: int, reason: str, headers: str = "", body: str = "", tag: str | None = "") -> Got:
        """Reply to this request as RFC 3261 8.2.6 says; `tag` defaults to the party's name, None leaves it off."""
        to = self.header("To")
        if tag is not None and ";tag=" not in to and code > 100:
            to += f";tag={tag or self.party.name}"
        copied = [f"Via: {via}" for via in self.headers("Via")]
        if code < 300:
            copied += [f"Record-Route: {route}" for route in self.headers("Record-Route")]
        copied += [f"From: {self.header('From')}", f"To: {to}"]
        copied += [f"Call-ID: {self.header('Call-ID')}", f"CSeq: {self.header('CSeq')}"]
        self.party.send(build(f"SIP/2.0 {code} {reason}", "\n".join(copied) + "\n" + headers.strip("\n"), body))
        return self


class Party:
    """A UDP endpoint with a name; every datagram it gets is recorded."""

    def __init__(self, scene: Scene, name: str, address: Address) -> None:
        self.scene, self.name, self.address = scene, name, address
        self.received: list[str] = []
        self._count = 0
        scene.world.open(address)

    @property
    def contact(self) -> str:
        """`sip:name@ip:port`."""
        return f"sip:{self.name}@{self.address[0]}:{self.address[1]}"

    def send(self, message: str | bytes) -> None:
        """Send the message as it stands; text with plain newlines gets CRLF."""
        data = message if isinstance(message, bytes) else crlf(message)
        self.scene.history.append((True, data.decode("latin-1")))
        self.scene.world.send(self.address, data)

    def request(
        self,
        method: str = "INVITE",
        uri: str = "sip:bob@example.com",
        *,
        headers: str = "",
        body: str = "",
        to: str = "<sip:bob@example.com>",
        to_tag: str = "",
        from_: str = "",
        call_id: str = "call-1",
        cseq: int = 1,
        via: str = "",
        branch: str = "",
        max_forwards: int | None = 70,
        contact: bool = True,
    ) -> str:
        """Send a well-formed request and return its text; each new one has its own branch."""
        self._count += 1
        host, port = self.address
        branch = branch or f"z9hG4bK-{self.name}-{self._count}"
        lines = [
            f"Via: {via or f'SIP/2.0/UDP {host}:{port}'};branch={branch}",
            f"From: {from_ or f'<sip:{self.name}@example.com>'};tag={self.name}",
            f"To: {to}" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
        ]
        if max_forwards is not None:
            lines.append(f"Max-Forwards: {max_forwards}")
        if contact:
            lines.append(f"Contact: <{self.contact}>")
        text = build(f"{method} {uri} SIP/2.0", "\n".join(lines) + "\n" + headers.strip("\n"), body)
        self.send(text)
        return text

    def ack(self, invite: str, reply: Got | None = None) -> None:
        """Acknowledge a non-2xx final reply to `invite`, hop by hop (RFC 3261 17.1.1.3)."""
        self._hop_by_hop("ACK", invite, reply)

    def cancel(self, invite: str) -> None:
        """Cancel `invite` (RFC 3261 9.1)."""
        self._hop_by_hop("CANCEL", invite, None)

    def _hop_by_hop(self, method: str, invite: str, reply: Got | None) -> None:
        request = Got(self, invite)
        to = reply.header("To") if reply else request.header("To")
        number = request.header("CSeq").split()[0]
        lines = [f"Via: {request.headers('Via')[0]}", f"From: {request.header('From')}", f"To: {to}"]
        lines += [f"Call-ID: {request.header('Call-ID')}", f"CSeq: {number} {method}", "Max-Forwards: 70"]
        lines += [f"Route: {route}" for route in request.headers("Route")]
        self.send(build(f"{method} {invite.split(' ', 2)[1]} SIP/2.0", "\n".join(lines)))

    def expect(self, what: int | str, timeout: float = 4.0) -> Got:
        """The next message, which must be a reply with the code or a request with the method `what`."""
        data = self.scene.world.receive(self.address, timeout)
        if data is None:
            raise Unexpected(f"{self.name} expected {what} and got nothing; log: {self.scene.world.log()[-5:]}")
        text = data.decode("latin-1")
        self.received.append(text)
        self.scene.history.append((False, text))
        wanted = f"SIP/2.0 {what} " if isinstance(what, int) else f"{what} "
        if not text.startswith(wanted):
            raise Unexpected(f"{self.name} expected {what} and got {text.splitlines()[0]!r}")
        return Got(self, text)

    def drain(self) -> None:
        """Record whatever came and was not expected."""
        self.received += [data.decode("latin-1") for data in self.scene.world.pending(self.address)]


class Scene:
    """The parties around one running server."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.parties: dict[str, Party] = {}
        self.history: list[tuple[bool, str]] = []
        """Every message in order: whether a party sent it, and its text."""
        self.answers: list[tuple[str, object]] = []
        self.labelled: dict[str, list[str]] = {}
        for name in PARTIES:
            self.party(name)

    def party(self, name: str, address: Address | None = None) -> Party:
        """The party called `name`; a new one stands at `address`."""
        if name not in self.parties:
            self.parties[name] = Party(self, name, address or PARTIES[name])
        return self.parties[name]

    @property
    def alice(self) -> Party:
        """127.0.0.11, mostly the caller."""
        return self.party("alice")

    @property
    def bob(self) -> Party:
        """127.0.0.12, mostly the called."""
        return self.party("bob")

    @property
    def carol(self) -> Party:
        """127.0.0.13."""
        return self.party("carol")

    @property
    def dave(self) -> Party:
        """127.0.0.14."""
        return self.party("dave")

    def label(self, label: str) -> None:
        """File what the parties received so far under `label`, so that one difference does not shift what follows."""
        self.world.settle()
        for name, party in self.parties.items():
            party.drain()
            if party.received:
                self.labelled[f"{name}: {label}"] = party.received
                party.received = []

    def http(self, label: str, data: str | bytes) -> list[str]:
        """Send over a connection of its own; what came back is filed under `label`, and whether it stays open."""
        sent = data if isinstance(data, bytes) else crlf(data)
        messages, closed = self.world.talk(self.alice.address, sent)
        texts = [message.decode("latin-1") for message in messages] + ["(closed)" if closed else "(open)"]
        self.labelled[f"http: {label}"] = texts
        return texts

    def rpc(self, method: str, *args: str | int | float) -> object:
        """Run an RPC command after everything sent so far was dealt with, and record the answer."""
        self.world.settle()
        answer = self.world.rpc(method, *args)
        self.answers.append((" ".join([method, *map(str, args)]), answer))
        return answer

    def rows(self, table: str, *columns: str, label: str = "") -> list[list[object]]:
        """Look into the database when everything sent so far was dealt with, and record these columns."""
        self.world.settle()
        found = sorted(([row[column] for column in columns] for row in self.world.rows(table)), key=str)
        self.answers.append((f"{table} {label}".strip(), found))
        return found

    def execute(self, *statements: str) -> None:
        """Change the database when everything sent so far was dealt with."""
        self.world.settle()
        for statement in statements:
            self.world.execute(statement)

    def write(self, name: str, text: str) -> None:
        """Write a file beside the config when everything sent so far was dealt with."""
        self.world.settle()
        self.world.write(name, text)

    def restart(self, *, kill: bool = False) -> None:
        """End the server, or kill it, and start it again on the same database."""
        self.world.settle()
        self.world.restart(kill=kill)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.settle()
        self.world.advance(seconds)

    def settle(self) -> None:
        """Wait until the server has dealt with everything sent so far."""
        self.world.settle()


@dataclass(frozen=True)
class Relay:
    """Another program that the server asks over UDP (rtpengine, rtpproxy): it is there when the server starts.

    `make` gives, for each run, what answers: it takes a datagram and returns the reply, None for none. What it was sent
    is recorded under its name, without the cookie at its beginning; not what matches `unheard` (what every process of
    the daemon asks when it starts).
    """

    name: str
    address: Address
    make: Callable[[], Callable[[str], str | None]]
    unheard: str = ""
    http: bool = False
    """It is an HTTP server, and texts are as `web.py` has them."""


@dataclass
class Case:
    """A named behaviour: a config and what the parties do around it.

    `differs` names what kamscript does otherwise, with the reason: a key as the failure report prints it (`log/3`,
    `bob/0`). Such an entry must differ, or the test fails.
    `repeats` drops messages that equal the one before them: for cases in which a timer retransmits a number of times
    that depends on the machine.
    """

    topic: str
    name: str
    config: str
    play: Callable[[Scene], None]
    doc: str = ""
    differs: Mapping[str, str] = field(default_factory=dict)
    repeats: bool = False
    facts: Mapping[int, str] | None = None
    """For a battery: config line -> the fact's text."""
    needs: str = ""
    """A file of the system that the config comes from; without it the case is skipped."""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    """For a case of verdicts: the line in question -> the whole config; each is only started."""
    spec: str = ""
    """The sections of the dialog module's specification that the case proves, separated by blanks."""
    relays: tuple[Relay, ...] = ()
    """Other programs that the server asks."""
    refused: str = ""
    """For a battery: the config with the lines that Kamailio refuses; facts as above."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files in the folder of the config, by name, that are there when the server starts."""

    def __str__(self) -> str:
        return f"{self.topic}-{self.name}"


_registry: dict[str, list[Case]] = {}


def _register(case: Case) -> Case:
    cases = _registry.setdefault(case.topic, [])
    if any(other.name == case.name for other in cases):
        raise ValueError(f"two cases called {case.name} in {case.topic}")
    cases.append(case)
    return case


PING = b"\r\n\r\n"
"""The keep-alive that tells the end of what a connection was asked for."""


def cut(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole messages in what a connection got, and what is left of it."""
    messages = []
    while (end := data.find(b"\r\n\r\n")) > 0:
        length = re.search(rb"(?i)\ncontent-length[ \t]*:[ \t]*(\d+)", data[:end])
        size = end + 4 + (int(length[1]) if length else 0)
        if len(data) < size:
            break
        messages.append(data[:size])
        data = data[size:]
    return messages, data


def loadmodules(modules: str) -> str:
    """One `loadmodule` line per name."""
    return "".join(f'loadmodule "{name}.so"\n' for name in modules.split())


def case(
    config: str,
    *,
    modules: str = "",
    differs: Mapping[str, str] | None = None,
    repeats: bool = False,
    needs: str = "",
    spec: str = "",
    relays: tuple[Relay, ...] = (),
    files: Mapping[str, str] | None = None,
) -> Callable[[Callable[[Scene], None]], Case]:
    """Make a case of the decorated function; `modules` are loaded, in order, before the text of `config`."""

    def decorate(play: Callable[[Scene], None]) -> Case:
        topic = play.__module__.rpartition(".")[2]
        text = loadmodules(modules) + config
        name, doc = play.__name__, play.__doc__ or ""
        return _register(
            Case(
                *(topic, name, text, play, doc, differs or {}, repeats),
                needs=needs,
                spec=spec,
                relays=relays,
                files=files or {},
            )
        )

    return decorate


REQUEST = build(
    "INVITE sip:bob@example.com SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-1
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1@example.com
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:alice@127.0.0.11:21200>""",
)


def battery(
    topic: str,
    name: str,
    facts: str,
    *,
    modules: str = "pv xlog",
    before: str = "",
    after: str = "",
    messages: Iterable[str | bytes] = (REQUEST,),
    differs: Mapping[str, str] | None = None,
    spec: str = "",
    files: Mapping[str, str] | None = None,
) -> Case:
    """Make one case of many small facts, each a line of `facts`, evaluated in order for each message:

        = EXPR       the value of an expression and whether it is an integer, a string or null
        ? EXPR       whether a condition holds
        > TEXT       a text with pseudo-variables, as xlog prints it
        @ CALL       what a function call leaves in $rc
        STATEMENT    runs, says nothing
        x ...        one of the above that Kamailio refuses to load (it is left out of the config that runs)
        # comment    (and empty lines)

    Each line becomes one line of request_route, so that an error of the daemon names it. `before` and `after` stand
    around request_route at the level of the config.
    """
    prefix = loadmodules(modules) + before.strip("\n") + "\nrequest_route {\n"
    number = prefix.count("\n")
    lines: list[str] = []
    refused: list[str] = []
    known: dict[int, str] = {}
    for raw in facts.strip("\n").split("\n"):
        number += 1
        line = raw.strip()
        if not line or (line.startswith("#") and not line.startswith("#!")):
            lines.append("")
            refused.append("")
            continue
        accepted = not line.startswith("x ")
        mark, _, rest = line.removeprefix("x ").partition(" ")
        code = _FACTS[mark](number, rest.strip()) if mark in _FACTS else line.removeprefix("x ")
        if mark in _FACTS or not accepted:
            known[number] = line
        lines.append(code if accepted else "")
        refused.append(code)
    text = prefix + "\n".join(lines) + "\n}\n" + after
    with_refused = prefix + "\n".join(refused) + "\n}\n" + after if refused != lines else ""

    def play(scene: Scene) -> None:
        for message in messages:
            scene.alice.send(message)
            scene.settle()

    made = Case(
        topic,
        name,
        text,
        play,
        facts=known,
        differs=differs or {},
        refused=with_refused,
        spec=spec,
        files=files or {},
    )
    return _register(made)


def edits(
    topic: str,
    name: str,
    statements: str,
    message: str,
    *,
    modules: str = "pv xlog textops",
    before: str = "",
    after: str = "",
) -> Case:
    """Make one case of many edits: each line of `statements` runs for a message of its own, which then reaches bob.

    `message` holds `@EDIT@` as the user of its request URI; the line's number takes the place of it. The return code
    of the line's last call is logged.
    """
    lines = [line.strip() for line in statements.strip("\n").split("\n") if line.strip()]
    cases = "\n".join(f'case "e{index}": {line} break;' for index, line in enumerate(lines, 1))
    text = loadmodules(modules) + before + "\nrequest_route {\nswitch ($rU) {\n" + cases + "\n}\n"
    text += '$var(rc) = $rc; xlog("$rU rc $var(rc)\\n");\n$du = "sip:127.0.0.12:21200";\nforward();\n}\n' + after

    def play(scene: Scene) -> None:
        for index in range(1, len(lines) + 1):
            scene.alice.send(message.replace("@EDIT@", f"e{index}"))
            scene.label(f"e{index}")

    return _register(Case(topic, name, text, play))


def verdicts(
    topic: str,
    name: str,
    lines: str,
    *,
    modules: str = "pv xlog",
    before: str = "",
    spec: str = "",
    differs: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Case:
    """Make one case that only asks whether the server starts: each line of `lines` alone in a config, behind `before`.

    A line that begins with `:` stands at the level of the config (`\\n` is a line end there), any other in
    request_route. A fix-up error shows only here: the daemon stops at the first one.
    """
    configs = {}
    for line in (line.strip() for line in lines.strip("\n").split("\n")):
        if not line or line.startswith("# "):
            continue
        top, body = (line[1:].strip().replace("\\n", "\n"), "drop;") if line.startswith(":") else ("", line)
        request = "" if "request_route" in top else f"request_route {{\n{body}\n}}\n"
        configs[line] = f"{loadmodules(modules)}{before}{top}\n{request}"
    return _register(
        Case(
            topic,
            name,
            "\n".join(configs.values()),
            lambda scene: None,
            verdicts=configs,
            spec=spec,
            differs=differs or {},
            files=files or {},
        )
    )


def _value(number: int, expr: str) -> str:
    # An integer plus 1 is a sum, a string plus 1 a concatenation: the difference tells the type.
    return (
        f'$vn(_r) = $null; $vn(_r) = {expr}; if ($vn(_r) == $null) {{ xlog("{number}|null\\n"); }} '
        f"else {{ $vn(_t) = $vn(_r) + 1; "
        f'if ((str)$vn(_t) == (str)$vn(_r) + "1") {{ xlog("{number}|str $vn(_r)\\n"); }} '
        f'else {{ xlog("{number}|int $vn(_r)\\n"); }} }}'
    )


def _test(number: int, expr: str) -> str:
    return f'if ({expr}) xlog("{number}|true\\n"); else xlog("{number}|false\\n");'


def _text(number: int, text: str) -> str:
    return f'xlog("{number}|{text}\\n");'


def _call(number: int, call: str) -> str:
    return f'{call}; xlog("{number}|$rc\\n");'


_FACTS: Mapping[str, Callable[[int, str], str]] = {"=": _value, "?": _test, ">": _text, "@": _call}


def all_cases() -> list[Case]:
    """Every case of `cases/`, topic by topic."""
    package = importlib.import_module(f"{__package__}.cases")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return [case for topic in sorted(_registry) for case in _registry[topic]]
