"""A scenario, read and checked: the steps that a call goes through.

    scenario = load("uac.xml", Settings())

Everything is checked when the file is read, as far as it can be: elements, attributes, labels, keywords, variables,
regular expressions. What the lab does not play is refused, never ignored. All errors of a file are told at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from kamscript.ere import Ere, EreError
from kamscript.ere import compile as compile_ere
from kamscript.lab.sipp import actions
from kamscript.lab.sipp.actions import Action
from kamscript.lab.sipp.distributions import KINDS as DISTRIBUTIONS
from kamscript.lab.sipp.distributions import POSITIVE, Distribution, fixed
from kamscript.lab.sipp.markup import Attribute, Element, ScenarioError, read_markup, refuse
from kamscript.lab.sipp.settings import Settings
from kamscript.lab.sipp.template import Compiler, Template
from kamscript.lab.sipp.variables import Names, valid
from kamscript.source import Diagnostic, Source, Span, did_you_mean

BUILTIN = Path(__file__).parent / "builtin"


class Kind(Enum):
    """What a step does."""

    SEND = "send"
    RECV = "recv"
    PAUSE = "pause"
    NOP = "nop"


class Optional(Enum):
    """Whether a message has to come."""

    NO = "false"
    YES = "true"
    GLOBAL = "global"  #: it may come at any later time, too


@dataclass(slots=True)
class Step:
    """One element of a scenario, and how often what happened there."""

    kind: Kind
    index: int
    span: Span
    template: Template | None = None
    retrans: float = 0.0  #: ms to the first retransmission; 0: never
    response: int = 0
    request: str = ""
    request_pattern: Ere | None = None
    methods: str = ""  #: requests sent so far, one behind the other: whose replies a response step takes
    optional: Optional = Optional.NO
    advance: bool = True
    timeout: float = 0.0
    record_routes: bool = False
    authenticate: bool = False
    pause: Distribution | None = None  #: None: as long as `-d` says
    pause_slot: int = -1
    timewait: bool = False
    actions: tuple[Action, ...] = ()
    next: int = -1
    test: int = -1  #: the slot that decides whether `next` counts
    chance: float = 1.0
    on_timeout: int = -1
    condexec: int = -1
    condexec_inverse: bool = False
    lost: float = -1.0
    start_rtd: str = ""
    stop_rtd: str = ""
    repeat_rtd: bool = False
    counter: str = ""
    start_txn: int = -1
    ack_txn: int = -1
    response_txn: int = -1
    crlf: bool = False
    hide: bool = False
    display: str = ""
    sent: int = 0
    received: int = 0
    retransmissions: int = 0
    timeouts: int = 0
    unexpected: int = 0
    losses: int = 0

    @property
    def label(self) -> str:
        """What the step is about, for people: `recv 200`, `send INVITE`, `pause`."""
        if self.display:
            return self.display
        if self.template is not None:
            return f"send {self.template.method or self.template.status}"
        if self.kind is Kind.RECV:
            return f"recv {self.request or self.response}"
        return "timewait" if self.timewait else self.kind.value

    @property
    def place(self) -> str:
        """`uac.xml:31`."""
        return f"{self.span.path}:{self.span.line}"


@dataclass(slots=True)
class Scenario:
    """A whole scenario. `sends_first` says who opens calls: this side, or its peer."""

    name: str
    source: Source
    steps: list[Step] = field(default_factory=list)
    init: list[Step] = field(default_factory=list)
    names: tuple[str, ...] = ()  #: variables, by their slots
    shared: dict[int, str | None] = field(default_factory=dict)  #: slots that all calls share, with what -set gave them
    transactions: list[str] = field(default_factory=list)
    response_times: tuple[float, ...] = ()  #: ms: the borders of ResponseTimeRepartition
    call_lengths: tuple[float, ...] = ()
    sends_first: bool = True
    loses: bool = False  #: some step loses messages
    unexpected: int = -1  #: where the label `_unexp.main` stands: the step for messages that nothing takes
    return_slot: int = -1  #: the variable `_unexp.retaddr`: the step that such a message came to
    paused_slot: int = -1  #: the variable `_unexp.pausedaddr`: until when that step pauses, ms of the run

    @property
    def length(self) -> float:
        """How long its pauses are, ms: 99 of 100 calls pause no longer."""
        return sum(step.pause.percentile for step in self.steps if step.pause is not None)

    @property
    def first_request(self) -> str:
        """The method that opens a call of a scenario that waits for one."""
        return next((step.request for step in self.steps if step.kind is Kind.RECV), "")


def builtin_names() -> list[str]:
    """Names for `-sn` and `-sd`."""
    return sorted(path.stem for path in BUILTIN.glob("*.xml"))


def builtin(name: str) -> Source:
    """The text of a built-in scenario; raises ScenarioError for a name that is none."""
    path = BUILTIN / f"{name}.xml"
    if name not in builtin_names():
        hint = did_you_mean(name, builtin_names()) or f"there are {', '.join(builtin_names())}"
        raise ScenarioError([refuse(f"no built-in scenario is called {name}", Span(Source("-sn", name), 0, 0), hint)])
    return Source(f"{name}.xml", path.read_bytes().decode("latin-1"))


def read_file(path: Path) -> Source:
    """A file as a Source; raises ScenarioError when it cannot be read."""
    try:
        return Source(str(path), path.read_bytes().decode("latin-1"))
    except OSError as error:
        nowhere = Span(Source(str(path), ""), 0, 0)
        raise ScenarioError([refuse(f"cannot be read: {error.strerror or error}", nowhere)]) from None


def load(scenario: str | Path | Source, settings: Settings) -> Scenario:
    """Read a file, or a text as a Source; raises ScenarioError with everything that is wrong."""
    source = scenario if isinstance(scenario, Source) else read_file(Path(scenario))
    return _Reader(read_markup(source), source, settings).scenario()


_COMMON = (
    *("start_rtd", "rtd", "repeat_rtd", "crlf", "next", "test", "chance", "condexec", "condexec_inverse", "counter"),
    *("lost", "display", "hide", "hiderest", "ontimeout", "ignoresdp"),
)
_PAUSE = ("milliseconds", "variable", "distribution", "sanity_check")
_DISTRIBUTED = ("value", "min", "max", "mean", "stdev", "lambda", "k", "x_m", "shape", "scale", "location", "theta")

#: Attributes of each element of a scenario.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "send": (*_COMMON, "retrans", "start_txn", "ack_txn"),
    "recv": (
        *(*_COMMON, "response", "request", "optional", "advance_state", "regexp_match", "timeout", "rrs", "auth"),
        "response_txn",
    ),
    "pause": (*_COMMON, *_PAUSE, *_DISTRIBUTED, "n", "p"),
    "timewait": (*_COMMON, *_PAUSE, *_DISTRIBUTED, "n", "p"),
    "nop": _COMMON,
    "label": ("id",),
    "Reference": ("variables",),
    "Global": ("variables",),
    "ResponseTimeRepartition": ("value",),
    "CallLengthRepartition": ("value",),
    "init": (),
}
#: SIPp's other elements, and why the lab has none of them.
REFUSED = {
    "sendCmd": "it joins two SIPp processes (3PCC); the lab plays several scenarios at once instead",
    "recvCmd": "it joins two SIPp processes (3PCC); the lab plays several scenarios at once instead",
    "User": "it belongs to -users, which the lab does not have; <Global> shares a variable among all calls",
    "DefaultMessage": "what SIPp sends on its own cannot be changed in the lab",
}


class _Reader:
    """Turns one file's elements into a Scenario."""

    def __init__(self, root: Element, source: Source, settings: Settings) -> None:
        self.root, self.source, self.settings = root, source, settings
        self.errors: list[Diagnostic] = []
        self.names = Names(settings.variables)
        self.compiler = Compiler(settings, self.names)
        self.labels: dict[str, int] = {}
        self.jumps: list[tuple[Step, str, Attribute]] = []
        self.steps: list[Step] = []
        self.methods = ""
        self.hide_rest = False
        self.transactions: dict[str, _Transaction] = {}
        self.current: Step | None = None

    def scenario(self) -> Scenario:
        root = self.root
        if root.name != "scenario":
            self.refused(f"<{root.name}> where <scenario> is due", root)
            self.give_up()
        self.allowed(root, ("name",))
        made = Scenario(self.text(root, "name", "") or Path(self.source.path).stem, self.source)
        self.steps = made.steps
        before: Element | None = None  # an optional recv that waits for a mandatory one behind it
        for element in root.children:
            name = element.name
            if name not in ATTRIBUTES:
                self.unknown(element, "element", ATTRIBUTES, REFUSED)
                continue
            self.allowed(element, ATTRIBUTES[name])
            if name in ("send", "recv", "pause", "timewait", "nop"):
                if self.steps and self.steps[-1].timewait:
                    self.refused("nothing may come behind <timewait>", element)
                if name != "recv" and before is not None:
                    self.refused(
                        f"an optional <recv> right in front of <{name}>",
                        before,
                        "the last of a row of <recv> has to be mandatory: take optional away from it",
                    )
                step = self.step(element)
                before = element if name == "recv" and step.optional is not Optional.NO else None
            elif name == "label":
                self.label(element, self.labels, len(self.steps))
            elif name == "init":
                self.init(element, made)
            elif name == "Reference":
                for variable in self.listed(element, "variables"):
                    if variable not in self.names.uses:
                        self.refused(f"there is no variable {variable}", element.attributes["variables"])
                    self.names.use(variable, element.span)
            elif name == "Global":
                for variable in self.listed(element, "variables"):
                    self.names.share(variable, element.attributes["variables"].span)
            elif name == "ResponseTimeRepartition":
                made.response_times = self.borders(element)
            else:
                made.call_lengths = self.borders(element)
        self.finish(made)
        return made

    def finish(self, made: Scenario) -> None:
        """What can be said only when all elements were seen."""
        self.resolve(self.labels)
        if not made.steps:
            self.refused("the scenario has no <send>, <recv>, <pause> or <nop>", self.root)
        first = next((step for step in made.steps if step.kind in (Kind.SEND, Kind.RECV)), None)
        if first is None and made.steps:
            self.refused("the scenario neither sends nor receives", self.root)
        made.sends_first = first is None or first.kind is Kind.SEND
        made.unexpected = self.labels.get("_unexp.main", -1)
        made.return_slot, made.paused_slot = map(self.names.found, ("_unexp.retaddr", "_unexp.pausedaddr"))
        for name in self.names.lonely:
            self.errors.append(
                refuse(
                    f"the variable {name} occurs only here",
                    self.names.first[name],
                    f'if that is meant, say so: <Reference variables="{name}"/>',
                )
            )
        for preset in self.settings.variables:
            if preset not in self.names.slots and preset not in self.settings.lenient:
                self.refused(f"-set {preset}: the scenario has no such variable", self.root)
        for transaction in self.transactions.values():
            problem = transaction.problem
            if problem:
                self.errors.append(refuse(problem, transaction.span))
        for error in self.compiler.errors:
            self.errors += error.diagnostics
        self.give_up()
        made.names = tuple(self.names.slots)
        made.shared = {self.names.slots[name]: self.names.preset.get(name) for name in self.names.shared}
        made.transactions = list(self.transactions)
        made.loses = any(step.lost > 0 for step in made.steps)

    def give_up(self) -> None:
        """Raise what was found."""
        if self.errors:
            raise ScenarioError(sorted(self.errors, key=lambda diagnostic: diagnostic.span.start))

    # -- elements

    def step(self, element: Element) -> Step:
        kind = Kind.PAUSE if element.name == "timewait" else Kind(element.name)
        step = self.current = Step(kind, len(self.steps), element.span)
        self.steps.append(step)
        if kind is Kind.SEND:
            self.send(element, step)
        elif kind is Kind.RECV:
            self.recv(element, step)
        elif kind is Kind.PAUSE:
            self.pause(element, step)
        self.common(element, step)
        return step

    def send(self, element: Element, step: Step) -> None:
        step.retrans = self.number(element, "retrans", 0.0)
        attributes = element.attributes
        if element.cdata is None or not element.cdata.strip():
            self.refused("<send> needs a message in <![CDATA[ ... ]]>", element)
            step.template = Template([""], None)
            return
        template = step.template = self.compiler.message(element.cdata, element.cdata_span)
        method = template.method
        for name in ("start_txn", "ack_txn"):
            if name not in attributes:
                continue
            transaction, number = self.transaction(element, name)
            if not method:
                self.refused(f"a reply has no {name}", attributes[name])
            elif name == "start_txn":
                if method == "ACK":
                    self.refused("an ACK starts no transaction", attributes[name])
                transaction.started, transaction.invite = True, transaction.invite or method == "INVITE"
                step.start_txn = number
            else:
                if method != "ACK":
                    self.refused("ack_txn belongs to an ACK", attributes[name])
                transaction.acks, step.ack_txn = True, number
        if method and step.start_txn < 0 and step.ack_txn < 0:
            self.methods += method

    def recv(self, element: Element, step: Step) -> None:
        attributes = element.attributes
        if ("response" in attributes) == ("request" in attributes):
            self.refused("<recv> takes either response or request", element)
        if "response" in attributes:
            step.response = self.integer(element, "response")
            if not 100 <= step.response < 700:
                self.refused("a status is 100 to 699", attributes["response"])
            step.methods = self.methods
            if "response_txn" in attributes:
                transaction, step.response_txn = self.transaction(element, "response_txn")
                transaction.responses = True
        elif "response_txn" in attributes:
            self.refused("response_txn belongs to a response", attributes["response_txn"])
        step.request = self.text(element, "request", "")
        if self.truth(element, "regexp_match"):
            if not step.request:
                self.refused("regexp_match reads request as an expression, and there is none", element)
            try:
                step.request_pattern = compile_ere(step.request)
            except EreError as error:
                self.refused(f"request: {error}", attributes["request"])
        optional = self.text(element, "optional", "false")
        if optional not in ("true", "false", "global"):
            self.refused(f"optional={optional}: true, false or global", attributes["optional"])
        else:
            step.optional = Optional(optional)
        step.advance = self.truth(element, "advance_state", True)
        if not step.advance and step.optional is Optional.NO:
            self.refused("advance_state=false is for optional messages", attributes["advance_state"])
        step.timeout = self.number(element, "timeout", 0.0)
        step.record_routes = self.truth(element, "rrs")
        step.authenticate = self.truth(element, "auth")

    def pause(self, element: Element, step: Step) -> None:
        step.timewait = element.name == "timewait"
        attributes = element.attributes
        if "variable" in attributes:
            step.pause_slot = self.slot(element, "variable")
            return
        old = next((name for name in ("min", "max") if name in attributes), "")
        if "distribution" in attributes or (old and "milliseconds" not in attributes):
            step.pause = self.distribution(element)
            if step.pause.percentile > 2147483647 and self.truth(element, "sanity_check", True):
                self.refused('one pause in a hundred takes more than 24 days; sanity_check="false" allows it', element)
        elif "milliseconds" in attributes:
            step.pause = fixed(self.number(element, "milliseconds"))
        else:
            step.pause = fixed(self.settings.duration)

    def common(self, element: Element, step: Step) -> None:
        """What every step may have."""
        attributes = element.attributes
        step.stop_rtd, step.start_rtd = self.timer(element, "rtd"), self.timer(element, "start_rtd")
        if "repeat_rtd" in attributes:
            if not step.stop_rtd:
                self.refused("repeat_rtd needs rtd", attributes["repeat_rtd"])
            step.repeat_rtd = self.truth(element, "repeat_rtd")
        step.counter = self.text(element, "counter", "")
        step.lost = self.number(element, "lost", -1.0)
        step.crlf = "crlf" in attributes
        self.truth(element, "ignoresdp")  # the lab carries no media
        if "hiderest" in attributes:
            self.hide_rest = self.truth(element, "hiderest")
        step.hide = self.truth(element, "hide", self.hide_rest)
        step.display = self.text(element, "display", "")
        if "condexec" in attributes:
            step.condexec = self.slot(element, "condexec")
        step.condexec_inverse = self.truth(element, "condexec_inverse")
        if "condexec_inverse" in attributes and step.condexec < 0:
            self.refused("condexec_inverse needs condexec", attributes["condexec_inverse"])
        for name in ("next", "ontimeout"):
            if name in attributes:
                if step.timewait:
                    self.refused(f"<timewait> is the end: no {name}", attributes[name])
                self.jumps.append((step, name, attributes[name]))
        for name in ("test", "chance"):
            if name in attributes and "next" not in attributes:
                self.refused(f"{name} needs next", attributes[name])
        if "test" in attributes:
            step.test = self.slot(element, "test")
        step.chance = self.number(element, "chance", 1.0)
        if not 0 <= step.chance <= 1:
            self.refused("a chance is 0 to 1", attributes["chance"])
        self.actions(element, step)

    def actions(self, element: Element, step: Step) -> None:
        found: list[Action] = []
        for number, child in enumerate(element.children):
            if child.name != "action":
                self.refused(f"<{child.name}> inside <{element.name}>: only <action> stands there", child)
                continue
            if number:
                self.refused(f"a second <action> in <{element.name}>", child)
            self.allowed(child, ())
            for action in child.children:
                kind = actions.KINDS.get(action.name)
                if kind is None:
                    self.unknown(action, "action", actions.KINDS, actions.REFUSED)
                    continue
                self.allowed(action, kind.attributes)
                if action.children:
                    self.refused(f"<{action.name}> holds no elements", action.children[0])
                found.append(kind.make(self, action))
        step.actions = tuple(found)

    def label(self, element: Element, labels: dict[str, int], index: int) -> None:
        name = self.text(element, "id")
        if name in labels:
            self.refused(f"the label {name} is used twice", element.attributes["id"])
        labels[name] = index

    def init(self, element: Element, made: Scenario) -> None:
        """Steps that run once, before the first call."""
        outer, outer_jumps, self.steps, self.jumps = self.steps, self.jumps, made.init, []
        labels: dict[str, int] = {}
        for child in element.children:
            if child.name == "nop":
                self.allowed(child, ATTRIBUTES["nop"])
                self.step(child)
            elif child.name == "label":
                self.label(child, labels, len(made.init))
            else:
                self.refused(f"<{child.name}> in <init>: only <nop> and <label> stand there", child)
        self.resolve(labels)
        self.steps, self.jumps = outer, outer_jumps

    def resolve(self, labels: Mapping[str, int]) -> None:
        """Turn the names of labels into steps."""
        for step, name, attribute in self.jumps:
            target = labels.get(attribute.value)
            if target is None:
                self.refused(f"there is no label {attribute.value}", attribute, did_you_mean(attribute.value, labels))
            elif name == "next":
                step.next = target
            else:
                step.on_timeout = target

    def transaction(self, element: Element, name: str) -> tuple[_Transaction, int]:
        attribute = element.attributes[name]
        if not valid(attribute.value):
            self.refused("a transaction's name holds neither $ nor a comma", attribute)
        known = self.transactions
        if attribute.value not in known:
            known[attribute.value] = _Transaction(attribute.value, attribute.span)
        return known[attribute.value], list(known).index(attribute.value)

    # -- attributes

    def refused(self, message: str, where: Element | Attribute, hint: str = "") -> None:
        """Note an error at an element or a value."""
        self.errors.append(refuse(message, where.span, hint))

    def unknown(self, element: Element, what: str, known: Mapping[str, object], reasons: Mapping[str, str]) -> None:
        reason = reasons.get(element.name)
        message = f"<{element.name}> is not played" if reason else f"unknown {what} <{element.name}>"
        self.refused(message, element, reason or did_you_mean(element.name, known))

    def allowed(self, element: Element, names: tuple[str, ...]) -> None:
        for name, attribute in element.attributes.items():
            if name not in names:
                start = attribute.span.start - 1
                while self.source.text[start : start + len(name)] != name:
                    start -= 1
                span = Span(self.source, start, start + len(name))
                hint = did_you_mean(name, names)
                self.errors.append(refuse(f"unknown attribute {name} of <{element.name}>", span, hint))

    def text(self, element: Element, name: str, default: str | None = None) -> str:
        """An attribute's value."""
        attribute = element.attributes.get(name)
        if attribute is not None:
            return attribute.value
        if default is None:
            self.refused(f"<{element.name}> needs {name}", element)
        return default or ""

    def number(self, element: Element, name: str, default: float | None = None) -> float:
        """A number; without a default it has to be there."""
        text = self.text(element, name, "" if default is not None else None)
        if name not in element.attributes:
            return default or 0.0
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if value != value or value in (float("inf"), float("-inf")):
            self.refused(f"{name}={text} is no number", element.attributes[name])
            return 0.0
        if value < 0 and name in ("milliseconds", "retrans", "timeout", "lost"):
            self.refused(f"{name} cannot be negative", element.attributes[name])
            return 0.0
        return value

    def integer(self, element: Element, name: str, default: int = 0) -> int:
        """A whole number."""
        if name not in element.attributes:
            return default
        text = element.attributes[name].value
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
            self.refused(f"{name}={text} is no whole number", element.attributes[name])
            return default
        return int(text)

    def truth(self, element: Element, name: str, default: bool = False) -> bool:
        """true, false, or a number."""
        attribute = element.attributes.get(name)
        if attribute is None:
            return default
        text = attribute.value.lower()
        if text in ("true", "false"):
            return text == "true"
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            self.refused(f"{name}={attribute.value}: true or false", attribute)
            return default
        return int(text) != 0

    def listed(self, element: Element, name: str) -> list[str]:
        """Names of variables, separated by commas."""
        names = self.text(element, name).split(",")
        if name in element.attributes:
            for part in names:
                if not valid(part):
                    self.refused(f"{part or 'nothing'} is no name of a variable", element.attributes[name])
                elif part != part.strip():
                    hint = "SIPp takes blanks for a part of the name"
                    self.refused(f"{part!r} begins or ends with a blank", element.attributes[name], hint)
        return [part for part in names if valid(part)]

    def slot(self, element: Element, name: str) -> int:
        """The slot of the variable that an attribute names."""
        names = self.slots(element, name)
        return names[0] if names else 0

    def slots(self, element: Element, name: str) -> list[int]:
        """The slots of variables."""
        where = element.attributes[name].span if name in element.attributes else element.span
        return [self.names.use(part, where) for part in self.listed(element, name)]

    def template(self, element: Element, name: str) -> Template:
        """A value with keywords."""
        text = self.text(element, name)
        where = element.attributes[name].span if name in element.attributes else element.span
        return self.compiler.text(text, where)

    def timer(self, element: Element, name: str) -> str:
        """The name of a response-time counter; `true` is the first."""
        value = self.text(element, name, "false")
        return "" if value == "false" else "1" if value == "true" else value

    def borders(self, element: Element) -> tuple[float, ...]:
        """Numbers separated by commas."""
        parts = [part.strip() for part in self.text(element, "value").split(",")]
        if "value" in element.attributes and not all(part.isdecimal() for part in parts):
            self.refused("whole numbers, separated by commas", element.attributes["value"])
        return tuple(float(part) for part in parts if part.isdecimal())

    def distribution(self, element: Element) -> Distribution:
        """What `distribution` and its parameters say; `min` and `max` alone are uniform."""
        name = self.text(element, "distribution", "uniform")
        kind = DISTRIBUTIONS.get(name)
        if kind is None:
            hint = did_you_mean(name, DISTRIBUTIONS) or f"there are {', '.join(DISTRIBUTIONS)}"
            self.refused(f"unknown distribution {name}", element.attributes["distribution"], hint)
            return fixed(0.0)
        before = len(self.errors)
        values = [self.number(element, parameter) for parameter in kind.parameters]
        if len(self.errors) > before:
            return fixed(0.0)
        for parameter, value in zip(kind.parameters, values, strict=True):
            if parameter in POSITIVE.get(name, ()) and value <= 0:
                self.refused(f"{parameter} has to be above zero", element.attributes[parameter])
                return fixed(0.0)
        if name == "negbin" and values[1] > 1:
            self.refused("p is a probability: at most 1", element.attributes["p"])
            return fixed(0.0)
        try:
            return kind.make(*values)
        except (OverflowError, ValueError, ZeroDivisionError):
            self.refused(f"with these numbers there is no {name} distribution", element)
            return fixed(0.0)

    def has_message(self) -> bool:
        """Whether the step at hand has a message to look at: one received, or the one it sends."""
        return self.current is not None and self.current.kind in (Kind.RECV, Kind.SEND)

    def step_count(self) -> int:
        """How many steps there are."""
        return len(self.steps)


class _Transaction:
    """Who takes part in a named transaction."""

    def __init__(self, name: str, span: Span) -> None:
        self.name, self.span = name, span
        self.started = self.responses = self.acks = self.invite = False

    @property
    def problem(self) -> str:
        """What is missing; "" when it is complete."""
        if not self.started:
            return f"the transaction {self.name} is never started: no start_txn"
        if not self.responses:
            return f"the transaction {self.name} has no response_txn"
        if self.invite and not self.acks:
            return f"the transaction {self.name} is an INVITE's and has no ack_txn"
        if self.acks and not self.invite:
            return f"the transaction {self.name} is no INVITE's and has an ack_txn"
        return ""
