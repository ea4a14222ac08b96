"""A route trace: the lines of a config as they ran for a message, with the values on them.

request_route: OPTIONS sip:0123@example.com (0.000)
kamailio.cfg
   8  if ($rU =~ "^0")      # $rU: "0123"  => true
   9      $rU = "+" + $rU;  # $rU: "0123" -> "+0123"
  10      route(GATEWAY);
route[GATEWAY]
  25  xlog("to $rU\\n");    # $rU: "+0123"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kamscript.values import Value

#: Where annotations begin at the latest, unless the line is longer.
WIDEST = 72
#: Longest text shown as a value.
LONGEST = 60


@dataclass(slots=True)
class Step:
    """One statement that ran."""

    path: str
    line: int
    text: str  #: the statement, without the blocks it opens; several lines when the config has several
    route: str  #: `route[RELAY]`
    before: dict[str, Value] = field(default_factory=dict)  #: pseudo-variables on it, when it began
    after: dict[str, Value] = field(default_factory=dict)  #: those that it changed
    calls: list[str] = field(default_factory=list)  #: functions that it called inside of an expression, as they ran
    way: str = ""  #: where an `if` or `switch` went: "true", "false", "case 1"
    indent: int = 0

    @property
    def notes(self) -> list[str]:
        """What stands beside the statement: values before and after, and the way it took."""
        notes = []
        for name, value in self.before.items():
            note = f"{name}: {shown(value)}"
            notes.append(f"{note} -> {shown(self.after[name])}" if name in self.after else note)
        notes += [f"{name}: {shown(value)}" for name, value in self.after.items() if name not in self.before]
        if self.way:
            notes.append(f"=> {self.way}")
        return notes


@dataclass(slots=True)
class Run:
    """What one route, and what it called, did over one message."""

    time: float  #: seconds since the lab began
    title: str
    message: str  #: the text that came in
    steps: list[Step] = field(default_factory=list)
    after: int = 0  #: how many messages had been delivered, the one it is about included

    @property
    def first_line(self) -> str:
        """What the message is called."""
        return self.message.partition("\r\n")[0].removesuffix(" SIP/2.0").removeprefix("SIP/2.0 ")

    @property
    def head(self) -> str:
        """Route, message, time."""
        return f"{self.title}: {self.first_line} ({self.time:.3f})"

    def lines(self) -> Iterator[str]:
        """The run as text."""
        yield self.head
        route, path = self.title, ""
        width = max((len(str(step.line)) for step in self.steps), default=1) + 2
        outer = min((step.indent for step in self.steps), default=0)
        texts = [" " * (step.indent - outer) + step.text.partition("\n")[0] for step in self.steps]
        column = min(max(map(len, texts), default=0) + width + 4, WIDEST)
        for step, text in zip(self.steps, texts, strict=True):
            if step.route != route:
                route = step.route
                yield route
            if step.path != path:
                path = step.path
                yield path
            notes = "  ".join(step.notes)
            line = f"{step.line:>{width}}  {text}"
            yield f"{line.ljust(column)}# {notes}" if notes else line
            for further in step.text.split("\n")[1:]:
                yield f"{'':>{width}}  {' ' * (step.indent - outer)}{further}"


def render(runs: Iterable[Run]) -> str:
    """Runs, one below the other."""
    return "\n".join("\n".join(run.lines()) + "\n" for run in runs) or "(no route ran)\n"


def shown(value: Value) -> str:
    """A value as a config writes it; long texts are cut."""
    if value is None:
        return "$null"
    if isinstance(value, int):
        return str(value)
    text = value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
    text = text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace('"', '\\"')
    return f'"{text}"'
