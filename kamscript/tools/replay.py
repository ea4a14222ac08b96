"""`kamscript replay CONFIG CAPTURE`: what a config does with the messages of a capture, and what it did then.

Every message that reached the server in the capture reaches the config at its own time of the capture, in virtual time.
What the config sends is paired with what the server sent in the capture, and compared by method or status, request URI,
Route, Record-Route and destination. What a server makes up (branches, tags, dialog cookies, Call-IDs of its own) is
another each time: it is put into the replies and requests of the capture that carry it back.

What the server knew before the capture began it does not know here: registrations and calls of earlier. Digest
credentials cannot be computed again for another nonce: they count as the capture shows that they were taken.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.lab.lab import Lab
from kamscript.lab.network import Address
from kamscript.loader import UsageError
from kamscript.report.ladder import label
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.tools.capture import Captured, CaptureError, Endpoint, Reading, read_capture

if TYPE_CHECKING:
    import argparse

SAME, DIFFERS, UNUSABLE = 0, 1, 2
#: Functions that judge digest credentials.
AUTH = (
    "www_authorize", "proxy_authorize", "auth_check", "www_authenticate", "proxy_authenticate", "pv_www_authenticate",
    "pv_proxy_authenticate", "pv_auth_check", "radius_www_authorize", "radius_proxy_authorize",
)  # fmt: skip
#: What they give: no credentials, a wrong password (module auth).
_NONE_GIVEN, _REFUSED = -5, -2
_ENDPOINT = re.compile(r"(?:\[([^\]]+)\]|([^:]+)|([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*))(?::(\d+))?")
_COOKIE = re.compile(r"(?<=did=)[^;>,\s]+")
#: Seconds between two lines of progress.
_PROGRESS = 1.0


# -- what is compared -----------------------------------------------------------------------------------------------
class Sent(NamedTuple):
    """A message that the server sent, then or now."""

    time: float
    proto: str
    target: Endpoint
    text: str
    message: Message
    step: int  #: the message that it followed
    note: str = ""

    @property
    def title(self) -> str:
        """`180 Ringing to 10.0.0.1:5060`."""
        return f"{label(self.text)} to {_place(self.proto, self.target)}{f' [{self.note}]' if self.note else ''}"


class Difference(NamedTuple):
    """One thing that is not as in the capture."""

    what: str
    capture: str
    now: str


class Outcome(NamedTuple):
    """What became of one message that the server sent: in the capture, now, or both."""

    capture: Sent | None
    now: Sent | None
    differences: tuple[Difference, ...] = ()

    @property
    def kind(self) -> str:
        """`same`, `changed`, `missing` (only in the capture) or `new` (only now)."""
        if self.now is None:
            return "missing"
        if self.capture is None:
            return "new"
        return "changed" if self.differences else "same"

    @property
    def step(self) -> int:
        """The message that it stands with."""
        return self.capture.step if self.capture is not None else self.now.step if self.now is not None else 0


@dataclass
class Step:
    """A message of the capture that reached the server."""

    captured: Captured
    call_id: str
    outcomes: list[Outcome] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def differs(self) -> bool:
        """Whether something is not as in the capture."""
        return any(one.kind != "same" for one in self.outcomes)


@dataclass
class Report:
    """The whole replay."""

    server: str
    guessed: bool
    steps: list[Step]
    reading: Reading
    notes: list[str]
    counts: Counter[str]

    @property
    def status(self) -> int:
        """The exit status."""
        return DIFFERS if self.counts["changed"] + self.counts["missing"] + self.counts["new"] else SAME


def _place(proto: str, where: Endpoint) -> str:
    return str(where) if proto == "udp" else f"{proto}:{where}"


def _values(message: Message, kind: str) -> list[str]:
    return [_COOKIE.sub("...", value.strip()) for value in message.values(kind)]


def differences(capture: Sent, now: Sent) -> tuple[Difference, ...]:
    """What a message that was sent then and now has that is not the same."""
    then, today = capture.message, now.message
    found = []
    if then.is_request:
        found.append(("request URI", then.uri, today.uri))
        found.append(("Route", ", ".join(_values(then, "route")), ", ".join(_values(today, "route"))))
    else:
        found.append(("status", str(then.status), str(today.status)))
    records = ", ".join(_values(then, "record-route")), ", ".join(_values(today, "record-route"))
    found.append(("Record-Route", *records))
    found.append(("destination", _place(capture.proto, capture.target), _place(now.proto, now.target)))
    return tuple(Difference(*one) for one in found if one[1] != one[2])


# -- the server of the capture --------------------------------------------------------------------------------------
class Role:
    """Which addresses of a capture are the server: one endpoint, or every port of an address."""

    def __init__(self, text: str) -> None:
        """`ip`, `ip:port`, `[ipv6]:port`. Raises UsageError."""
        from ipaddress import ip_address

        found = re.fullmatch(
            r"(?:udp:|tcp:|tls:)?(?:\[([^\]]+)\]|([^:]+)|([0-9A-Fa-f:.]+:[0-9A-Fa-f:.]*))(?::(\d+))?", text
        )
        host = next((part for part in found.groups()[:3] if part), "") if found else ""
        try:
            self.ip = str(ip_address(host))
        except ValueError:
            raise UsageError(
                f"--server {text}: an address of the capture is wanted, 10.0.0.1 or 10.0.0.1:5060"
            ) from None
        self.port = int(found[4]) if found and found[4] else 0

    def __contains__(self, where: object) -> bool:
        return isinstance(where, Endpoint) and where.ip == self.ip and self.port in (0, where.port)

    def __str__(self) -> str:
        return str(Endpoint(self.ip, self.port)) if self.port else self.ip


def busiest(messages: Sequence[Captured]) -> Role:
    """The endpoint with the most messages; of equals the one that gets the first request."""
    counts: Counter[Endpoint] = Counter()
    for one in messages:
        if not one.text.startswith("SIP/2.0 "):
            counts.setdefault(one.target, 0)
    for one in messages:
        counts[one.source] += 1
        counts[one.target] += 1
    return Role(str(max(counts, key=lambda where: counts[where])))


# -- the replay -----------------------------------------------------------------------------------------------------
class _Peer:
    """Whoever spoke with the server in the capture: what it gets now is noted by the network."""

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Nothing to do."""


class Replay:
    """One capture on its way through a config. `lab` is the config, `role` the server in the capture."""

    def __init__(self, lab: Lab, role: Role, *, trust: bool = True) -> None:
        self.lab, self.role = lab, role
        self.steps: list[Step] = []
        self.outcomes: list[Outcome] = []
        self.broken = 0
        self._seen: set[tuple[str, Endpoint]] = set()
        self._sent: set[tuple[str, Endpoint]] = set()
        self._then: dict[tuple[str, ...], list[Sent]] = defaultdict(list)  #: of the capture, not paired yet
        self._now: dict[tuple[str, ...], list[Sent]] = defaultdict(list)
        self._branches: dict[str, bool] = {}  #: of requests of the capture's server: whether one went out now, too
        self._tokens: dict[str, dict[str, str]] = defaultdict(dict)  #: by Call-ID: what the server made up, then -> now
        self._last: dict[str, int] = {}  #: Call-ID -> the newest step of it
        self._own: dict[str, str] = {}  #: Call-IDs that the config made up -> those of the capture
        self._refused: set[tuple[str, str]] = set()
        self._judged = ("", "")
        if trust:
            self._trust()

    # -- credentials

    def _trust(self) -> None:
        for name in AUTH:
            try:
                self.lab.double(name, self._judge, optional=True)
            except ValueError:
                continue  # the config does not call it

    def _judge(self, call: Any, *arguments: Any) -> int:
        message = call.message
        if not message.values("authorization") and not message.values("proxy-authorization"):
            return _NONE_GIVEN
        return _REFUSED if (message.callid, _cseq(message)) in self._refused else 1

    def refusals(self, messages: Sequence[Captured]) -> None:
        """Learn from the capture which requests were challenged: their credentials, if any, were not taken."""
        for one in messages:
            if one.source in self.role and one.text.startswith(("SIP/2.0 401", "SIP/2.0 407")):
                parsed = _parsed(one.text)
                if parsed is not None:
                    self._refused.add((parsed.callid, _cseq(parsed)))

    # -- the run

    def take(self, one: Captured) -> None:
        """The next message of the capture."""
        message = _parsed(one.text)
        if message is None:
            self.broken += 1
        elif one.source in self.role:
            self._was_sent(one, message)
        elif one.target in self.role:
            self._feed(one, message)

    def finish(self) -> None:
        """Pair what is left: other statuses of one transaction, then what only one side has."""
        self._collect()
        self._pair()
        then = [sent for waiting in self._then.values() for sent in waiting]
        now = [sent for waiting in self._now.values() for sent in waiting]
        then.sort(key=lambda sent: sent.time)
        for old in then:
            fitting = [new for new in now if self._same_transaction(old, new)]
            if fitting:
                now.remove(fitting[0])
                self._note(old, fitting[0])
            else:
                self.outcomes.append(Outcome(old, None))
        self.outcomes += [Outcome(None, new) for new in now]
        for outcome in sorted(self.outcomes, key=lambda one: (one.capture or one.now).time):  # type: ignore[union-attr]
            if self.steps:
                self.steps[outcome.step].outcomes.append(outcome)

    def _was_sent(self, one: Captured, message: Message) -> None:
        if (one.text, one.target) in self._seen:
            return  # it was sent again
        self._seen.add((one.text, one.target))
        step = self._last.get(message.callid, len(self.steps) - 1)
        sent = Sent(one.time, one.proto, one.target, one.text, message, max(step, 0))
        if message.is_request and message.top_via is not None:
            self._branches.setdefault(message.top_via.branch, False)
        self._then[self._key(message, one.target, own=message.callid not in self._last)].append(sent)

    def _feed(self, one: Captured, message: Message) -> None:
        step = Step(one, message.callid)
        self._advance(one.time)
        self._pair()
        self._last[message.callid] = len(self.steps)
        self.steps.append(step)
        branch = message.top_via.branch if message.top_via is not None else ""
        if not message.is_request and self._branches.get(branch) is False:
            step.skipped = "the config sent nothing that it answers"
            return
        text = one.text
        tokens = self._tokens.get(message.callid, {})
        for then in sorted(tokens, key=len, reverse=True):
            text = text.replace(then, tokens[then])
        network = self.lab.network
        source = Address(*one.source)
        if source not in network.parties:
            network.attach(source, _Peer(), str(one.source))
        network.send(text, one.proto, source, Address(*one.target))
        self.lab.run()
        self._collect()

    def _advance(self, moment: float) -> None:
        if moment > self.lab.now:
            self.lab.advance(to=moment)
            self._collect()

    def _collect(self) -> None:
        """Note what the config sent and logged since the last time."""
        network, here = self.lab.network, max(len(self.steps) - 1, 0)
        wires = [(wire, "") for wire in network.delivered] + [(wire, "nobody there") for wire in network.unreachable]
        network.forget()
        for wire, note in sorted(wires, key=lambda pair: pair[0].time):
            target = Endpoint(*wire.target)
            if network.names.get(str(wire.source)) != "kamailio" or (wire.text, target) in self._sent:
                continue
            self._sent.add((wire.text, target))
            message = _parsed(wire.text)
            if message is None:
                continue
            callid = self._own.get(message.callid, message.callid)
            note = note if target not in self._known else ""
            sent = Sent(wire.time, wire.proto, target, wire.text, message, self._last.get(callid, here), note)
            self._now[self._key(message, target, own=callid not in self._last)].append(sent)
        if self.steps:
            self.steps[here].log += [line.rstrip("\n") for line in self.lab.log.lines()]
        self.lab.log.cut(0)

    _known: frozenset[Endpoint] = frozenset()

    def knows(self, messages: Sequence[Captured]) -> None:
        """Who takes part: a message to one of them reaches somebody."""
        self._known = frozenset(where for one in messages for where in (one.source, one.target))

    # -- pairing

    def _key(self, message: Message, target: Endpoint, *, own: bool) -> tuple[str, ...]:
        if own and message.is_request:
            return "own", message.method, str(target)
        callid = self._own.get(message.callid, message.callid)
        if message.is_request:
            return callid, _cseq(message)
        return callid, _cseq(message), str(message.status), str(target)

    def _same_transaction(self, then: Sent, now: Sent) -> bool:
        """Two replies to one request, of the same kind and to the same place."""
        old, new = then.message, now.message
        return (
            not old.is_request and not new.is_request
            and (old.callid, _cseq(old)) == (self._own.get(new.callid, new.callid), _cseq(new))
            and (old.status < 200) == (new.status < 200)
        )  # fmt: skip

    def _pair(self) -> None:
        for key, waiting in list(self._then.items()):
            found = self._now.get(key)
            while waiting and found:
                old, new = _best(waiting, found)
                waiting.remove(old)
                found.remove(new)
                self._note(old, new)
            if not waiting:
                del self._then[key]

    def _note(self, old: Sent, new: Sent) -> None:
        then, now = old.message, new.message
        self.outcomes.append(Outcome(old, new, differences(old, new)))
        tokens = self._tokens[then.callid]
        if then.is_request and then.top_via is not None and now.top_via is not None:
            self._branches[then.top_via.branch] = True
            tokens[then.top_via.branch] = now.top_via.branch
        if then.callid != now.callid:
            self._own[now.callid] = then.callid
            tokens[then.callid] = now.callid
            if then.from_ is not None and now.from_ is not None:
                tokens[then.from_.tag] = now.from_.tag
        if not then.is_request and then.to is not None and now.to is not None and then.to.tag and now.to.tag:
            tokens[then.to.tag] = now.to.tag
        for before, today in zip(then.values("record-route"), now.values("record-route"), strict=False):
            cookies = _COOKIE.findall(before), _COOKIE.findall(today)
            tokens.update(zip(*cookies, strict=False))
        for name in [name for name, value in tokens.items() if not name or name == value]:
            del tokens[name]


def _best(waiting: Sequence[Sent], found: Sequence[Sent]) -> tuple[Sent, Sent]:
    """Of forked requests those that go the same way, else the first ones."""
    for old in waiting:
        for new in found:
            if not differences(old, new):
                return old, new
    for old in waiting:
        for new in found:
            if old.target == new.target:
                return old, new
    return waiting[0], found[0]


def _cseq(message: Message) -> str:
    cseq = message.cseq
    return f"{cseq.number} {cseq.method}" if cseq is not None else ""


def _parsed(text: str) -> Message | None:
    """The message; None for one that is broken or lacks what every message has."""
    try:
        message = Message(text)
        return message if message.callid and message.cseq is not None else None
    except SipError:
        return None


# -- the command ----------------------------------------------------------------------------------------------------
def replay(options: argparse.Namespace) -> int:
    """Replay, print, and return the exit status: 0 the same as in the capture, 1 something differs, 2 unusable."""
    try:
        report = run(options)
    except CaptureError as error:
        print(f"kamscript: {error}", file=sys.stderr)
        return UNUSABLE
    except OSError as error:
        print(f"kamscript: {options.capture}: {error.strerror or error}", file=sys.stderr)
        return UNUSABLE
    if options.format == "json":
        print(json.dumps(as_json(report, only_differences=options.only_differences), indent=1))
    else:
        for line in as_text(report, only_differences=options.only_differences):
            print(line)
    return report.status


def run(options: argparse.Namespace) -> Report:
    """The replay that the command line asks for. Raises CaptureError, ConfigError, UsageError, OSError."""
    reading = Reading()
    messages = list(_with_progress(read_capture(options.capture, reading), "read", options.progress))
    if not messages:
        passed = ", ".join(f"{count} {why}" for why, count in reading.passed.items())
        raise CaptureError(f"{options.capture}: no SIP in {reading.packets} packets{f' ({passed})' if passed else ''}")
    role = Role(options.server) if options.server else busiest(messages)
    mine = [one for one in messages if one.target in role and one.source not in role]
    if not mine:
        raise CaptureError(f"{options.capture}: no message goes to {role}; --server says who the server is")
    notes: list[str] = []
    lab = _lab(options, messages, role, notes)
    one = Replay(lab, role, trust=not options.check_credentials)
    one.refusals(messages)
    one.knows(messages)
    try:
        for message in _with_progress(messages, "replayed", options.progress, len(messages)):
            one.take(message)
        one.finish()
    except AssertionError as error:
        raise CaptureError(f"the config does not come to rest: {error}") from None
    finally:
        lab.close()
    if one.broken:
        notes.append(f"{one.broken} messages of the capture are broken and were left out")
    notes += [f"{name} is not simulated: it gave true" for name in sorted(_missing(lab))]
    counts = Counter(outcome.kind for outcome in one.outcomes)
    counts["skipped"] = sum(bool(step.skipped) for step in one.steps)
    return Report(str(role), not options.server, one.steps, reading, notes, counts)


def _missing(lab: Lab) -> set[str]:
    return {str(getattr(one, "name", one)) for one in getattr(lab.doubles, "missing", ())}


def _lab(options: argparse.Namespace, messages: Sequence[Captured], role: Role, notes: list[str]) -> Lab:
    """The config at the server's address of the capture, at the capture's time."""
    settings: dict[str, Any] = {
        "defines": options.defines, "target": options.target, "start": messages[0].time, "leaks": "ignore",
        "doubles": "lenient", "hosts": _hosts(options.host),
    }  # fmt: skip
    if options.rows:
        settings["database"] = [Path(name) for name in options.rows]
    lab = Lab(options.config, **settings)
    wanted = sorted({(one.proto, one.target) for one in messages if one.target in role})
    listening = {(one.proto, Endpoint(one.address, one.port)) for one in lab.server.sockets}
    if listening.issuperset(wanted):
        return lab
    lab.close()
    shown = [f"{proto}:{where}" for proto, where in wanted]
    notes.append(f"the config listens elsewhere; it was replayed as if it listened at {', '.join(shown)}")
    return Lab(options.config, listen=shown, **settings)


def _hosts(lines: Sequence[str]) -> dict[str, str | list[str]]:
    hosts: dict[str, str | list[str]] = {}
    for line in lines:
        name, equals, address = line.partition("=")
        if not equals:
            raise UsageError(f"--host {line}: NAME=ADDRESS is wanted")
        hosts[name] = address
    return hosts


def _with_progress(
    messages: Iterator[Captured] | Sequence[Captured], what: str, wanted: bool | None, total: int = 0
) -> Iterator[Captured]:
    """Tell on stderr how far it is, once a second: when it is a terminal, or asked for."""
    shown = sys.stderr.isatty() if wanted is None else wanted
    last = time.monotonic()
    told = False
    for count, message in enumerate(messages, 1):
        yield message
        if shown and time.monotonic() - last >= _PROGRESS:
            last, told = time.monotonic(), True
            of = f" of {total} messages ({100 * count // total} %)" if total else " messages"
            print(f"\r{what} {count}{of}", end="", file=sys.stderr, flush=True)
    if told:
        print(file=sys.stderr)


_MARKS = {"same": "=", "changed": "~", "missing": "-", "new": "+"}


def as_text(report: Report, *, only_differences: bool = False) -> Iterator[str]:
    """The report for people, line by line."""
    yield f"server {report.server}" + (" (the busiest; --server says another)" if report.guessed else "")
    for note in report.notes:
        yield f"note: {note}"
    start = report.steps[0].captured.time if report.steps else 0.0
    for step in report.steps:
        if only_differences and not step.differs:
            continue
        one = step.captured
        yield ""
        yield f"#{one.number}  {one.time - start:.3f}  {label(one.text)} from {_place(one.proto, one.source)}"
        yield f"    Call-ID {step.call_id}"
        if step.skipped:
            yield f"    left out: {step.skipped}"
        for outcome in step.outcomes:
            yield from _outcome_lines(outcome)
        for line in step.log:
            yield f"    log {line}"
    yield ""
    yield summary(report)


def _outcome_lines(outcome: Outcome) -> Iterator[str]:
    shown = outcome.now or outcome.capture
    assert shown is not None
    told = {"missing": "   (only in the capture)", "new": "   (not in the capture)"}.get(outcome.kind, "")
    yield f"    {_MARKS[outcome.kind]} {shown.title}{told}"
    for one in outcome.differences:
        yield f"        {one.what}: {one.capture or '(none)'} in the capture, now {one.now or '(none)'}"


def summary(report: Report) -> str:
    """The last line."""
    counts = report.counts
    many = len(report.steps)
    parts = [f"{many} message{'s' * (many != 1)} to the server"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} left out")
    told = [f"{counts[kind]} {kind}" for kind in ("same", "changed", "missing", "new")]
    parts.append(f"of what it sent {', '.join(told)}")
    return "; ".join(parts)


def as_json(report: Report, *, only_differences: bool = False) -> dict[str, Any]:
    """The report for programs."""
    return {
        "server": report.server,
        "guessed": report.guessed,
        "notes": report.notes,
        "packets": report.reading.packets,
        "passed_over": report.reading.passed,
        "messages": [_step_json(step) for step in report.steps if step.differs or not only_differences],
        "summary": {
            "messages": len(report.steps),
            **{kind: report.counts[kind] for kind in ("same", "changed", "missing", "new", "skipped")},
        },
    }


def _step_json(step: Step) -> dict[str, Any]:
    one = step.captured
    return {
        "packet": one.number,
        "time": one.time,
        "proto": one.proto,
        "source": str(one.source),
        "message": label(one.text),
        "call_id": step.call_id,
        "skipped": step.skipped,
        "log": step.log,
        "sent": [
            {
                "result": outcome.kind,
                "capture": _sent_json(outcome.capture),
                "now": _sent_json(outcome.now),
                "differences": [one._asdict() for one in outcome.differences],
            }
            for outcome in step.outcomes
        ],
    }


def _sent_json(sent: Sent | None) -> dict[str, Any] | None:
    if sent is None:
        return None
    return {
        "message": label(sent.text), "target": str(sent.target), "proto": sent.proto, "time": sent.time,
        "text": sent.text,
    }  # fmt: skip
