"""What happened, in the order in which it happened: messages, log lines and route traces, as all reports draw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kamscript.report.ladder import Exchange, label
from kamscript.report.trace import Run

#: Compact forms of the headers that reports look at.
_CALL_ID = ("call-id:", "i:")
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\r\n"} | {0x7F: 0x2421}


@dataclass(slots=True)
class Party:
    """A column: who, and under which addresses."""

    name: str
    addresses: list[str] = field(default_factory=list)


@dataclass(slots=True)
class LogLine:
    """A line of the server's log. `after` is how many messages had been delivered when it was written."""

    time: float
    level: str
    text: str
    after: int = 0


@dataclass(slots=True)
class Message:
    """One message, and what the server did because of it."""

    time: float
    source: int  #: column
    target: int
    text: str
    label: str
    kind: str  #: request, provisional, success, failure (3xx to 6xx), other
    call_id: str
    note: str = ""  #: what became of it: "lost", "nobody there"
    again: int = 0  #: 1 for the first retransmission
    log: list[LogLine] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    @property
    def marks(self) -> list[str]:
        """What is special about it, in words."""
        marks = [self.note] if self.note else []
        if self.again:
            marks.append("again" if self.again == 1 else f"again, {self.again}")
        return marks


@dataclass(slots=True)
class Moment:
    """What the server did without a message: at its start, when a timer fired."""

    time: float
    log: list[LogLine] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """One lab from its start to its end. `rows` holds messages and moments in order."""

    title: str
    parties: list[Party]
    rows: list[Message | Moment]

    @property
    def messages(self) -> list[Message]:
        """The messages alone."""
        return [row for row in self.rows if isinstance(row, Message)]

    @property
    def call_ids(self) -> list[str]:
        """Every Call-ID once, in order of appearance."""
        return list(dict.fromkeys(message.call_id for message in self.messages if message.call_id))


def tell(
    title: str,
    exchanges: Sequence[Exchange],
    names: Mapping[str, str],
    order: Sequence[str] = (),
    log: Iterable[LogLine] = (),
    runs: Iterable[Run] = (),
) -> Story:
    """Put together what happened. `names` and `order` as `report.ladder.ladder` takes them."""
    parties = columns(exchanges, names, order)
    places = {party.name: index for index, party in enumerate(parties)}
    seen: dict[tuple[str, str, str], int] = {}
    messages: list[Message] = []
    delivered: list[Message] = []
    for exchange in exchanges:
        key = (exchange.source, exchange.target, exchange.text)
        again = seen[key] = seen.get(key, -1) + 1
        message = Message(
            exchange.time,
            places[names.get(exchange.source, exchange.source)],
            places[names.get(exchange.target, exchange.target)],
            exchange.text,
            label(exchange.text),
            kind_of(exchange.text),
            call_id_of(exchange.text),
            exchange.note,
            again if len(exchange.text) > 4 else 0,
        )
        messages.append(message)
        if not exchange.note:
            delivered.append(message)
    moments: list[Moment] = []
    for line in log:
        _owner(line.time, line.after, delivered, moments).log.append(line)
    for run in runs:
        _owner(run.time, run.after, delivered, moments).runs.append(run)
    return Story(title, parties, _merged(messages, moments))


def columns(exchanges: Sequence[Exchange], names: Mapping[str, str], order: Sequence[str]) -> list[Party]:
    """Who took part: as `order` says, then in order of appearance."""
    found: dict[str, Party] = {}
    for exchange in exchanges:
        for address in (exchange.source, exchange.target):
            party = found.setdefault(names.get(address, address), Party(names.get(address, address)))
            if address != party.name and address not in party.addresses:
                party.addresses.append(address)
    return [found[name] for name in dict.fromkeys((*(name for name in order if name in found), *found))]


def _owner(time: float, after: int, delivered: Sequence[Message], moments: list[Moment]) -> Message | Moment:
    """The message that was being dealt with, or a moment of its own."""
    if 0 < after <= len(delivered) and abs(delivered[after - 1].time - time) < 1e-6:
        return delivered[after - 1]
    for moment in moments:
        if abs(moment.time - time) < 1e-6:
            return moment
    moments.append(Moment(time))
    return moments[-1]


def _merged(messages: list[Message], moments: list[Moment]) -> list[Message | Moment]:
    """By time; what a timer does comes before the messages that it sends."""
    rows: list[Message | Moment] = []
    waiting = sorted(moments, key=lambda moment: moment.time)
    for message in messages:
        while waiting and waiting[0].time <= message.time:
            rows.append(waiting.pop(0))
        rows.append(message)
    return rows + waiting


def kind_of(text: str) -> str:
    """request, provisional, success, failure, other."""
    first = text.partition("\r\n")[0]
    if first.startswith("SIP/2.0 ") and first[8:11].isdigit():
        return {"1": "provisional", "2": "success"}.get(first[8], "failure")
    return "request" if first.endswith("SIP/2.0") else "other"


def call_id_of(text: str) -> str:
    """The Call-ID of a message, empty without one."""
    for line in text.split("\r\n"):
        if not line:
            break
        if line.lower().startswith(_CALL_ID):
            return line.partition(":")[2].strip()
    return ""


def readable(text: str) -> str:
    """Bytes, a character each, as people read them; control characters as their pictures."""
    try:
        text = text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass  # no UTF-8: as it is
    return text.translate(_PICTURES)


def shortened(text: str, most: int) -> str:
    """A label that fits."""
    return text if len(text) <= most else text[: most - 1] + "…"
