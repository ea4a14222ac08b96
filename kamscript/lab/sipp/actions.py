"""Actions: what a step does with variables and with what was received.

Each `<ereg/>`, `<test/>`, ... becomes one function of the call and the text of the message; it returns None, or an
`Outcome` when the call's fate is touched. As in SIPp a failed check marks the call as failed and lets it go on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from kamscript.ere import Ere, EreError
from kamscript.ere import compile as compile_ere
from kamscript.lab.sipp.credentials import verified
from kamscript.lab.sipp.distributions import Distribution
from kamscript.lab.sipp.incoming import Incoming
from kamscript.lab.sipp.markup import Attribute, Element
from kamscript.lab.sipp.template import Speaker, Template
from kamscript.lab.sipp.variables import Value, number_of, string_of, text_of, to_number

T = TypeVar("T")


class Fate(Enum):
    """What an action decided."""

    FAILED = "failed"  #: the call goes on, and counts as failed
    STOP_CALL = "stop_call"
    STOP_GRACEFULLY = "stop_gracefully"
    STOP_NOW = "stop_now"


class Outcome(NamedTuple):
    """A decision and its reason."""

    fate: Fate
    reason: str


class Actor(Speaker, Protocol):
    """The call that an action works for."""

    def log(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...
    def fatal(self, text: str) -> None: ...
    def jump(self, index: int) -> None: ...
    def pause_until(self, tick: float) -> None: ...


#: The call, the message's text (received, or sent), and what happens.
Action = Callable[[Any, str], Outcome | None]


class Reading(Protocol):
    """What reads an element's attributes: scenario.Reader."""

    def text(self, element: Element, name: str, default: str | None = None) -> str: ...
    def number(self, element: Element, name: str) -> float: ...
    def integer(self, element: Element, name: str, default: int = 0) -> int: ...
    def truth(self, element: Element, name: str, default: bool = False) -> bool: ...
    def slot(self, element: Element, name: str) -> int: ...
    def slots(self, element: Element, name: str) -> list[int]: ...
    def template(self, element: Element, name: str) -> Template: ...
    def distribution(self, element: Element) -> Distribution: ...
    def refused(self, message: str, where: Element | Attribute, hint: str = "") -> None: ...
    def has_message(self) -> bool: ...
    def step_count(self) -> int: ...


class Kind(NamedTuple):
    """An action by name: the attributes it may have, and what makes it."""

    attributes: tuple[str, ...]
    make: Callable[[Reading, Element], Action]


def _nothing(call: Actor, text: str) -> Outcome | None:
    return None


# -- looking at messages


def _ereg(read: Reading, element: Element) -> Action:
    attributes = element.attributes
    pattern = _pattern(read, element)
    where = read.text(element, "search_in", "msg")
    check, inverse = _checks(read, element)
    targets = read.slots(element, "assign_to")
    if len(targets) > 10:
        read.refused("an expression has at most nine parts besides the whole", attributes["assign_to"])
    look: Callable[[Actor, str], str | None]
    what = "the message"
    if where in ("msg", "hdr", "body") and not read.has_message():
        read.refused(
            f'there is no message here for search_in="{where}"',
            attributes.get("search_in", element),
            'put the action into <recv>, or keep what it looks at in a variable: search_in="var"',
        )
    if where == "msg":
        look = _whole
    elif where == "body":
        look, what = _body, "the body"
    elif where == "var":
        slot = read.slot(element, "variable")
        look, what = (lambda call, text: string_of(call.variables[slot])), "the variable"
    elif where == "hdr":
        header = read.text(element, "header", "")
        if not header:
            read.refused('search_in="hdr" needs header="Name:"', attributes["search_in"])
        name = "occurrence" if "occurrence" in attributes else "occurence"
        look = _header(
            header,
            read.truth(element, "case_indep"),
            read.truth(element, "start_line"),
            read.integer(element, name, 1),
        )
        what = f"the header {header.strip()}"
    else:
        read.refused(f"search_in={where}: msg, hdr, body or var", attributes["search_in"])
        return _nothing
    expression = attributes["regexp"].value if "regexp" in attributes else ""

    def act(call: Actor, text: str) -> Outcome | None:
        found_in = look(call, text)
        if found_in is None or (where == "hdr" and not found_in):
            if check:
                return Outcome(Fate.FAILED, f"{what} is not there to match {expression}")
            found_in = ""
        match = pattern.search(found_in)
        if match is None:
            return Outcome(Fate.FAILED, f"{what} does not match {expression}: {_short(found_in)}") if check else None
        variables = call.variables
        for number, slot in enumerate(targets):
            part = match.group(number) if number <= pattern.groups else None
            if part is not None:
                variables[slot] = part
        if inverse:
            return Outcome(Fate.FAILED, f"{what} matches {expression}, and should not: {_short(found_in)}")
        return None

    return act


def _pattern(read: Reading, element: Element) -> Ere:
    try:
        return compile_ere(read.text(element, "regexp"))
    except EreError as error:
        read.refused(f"regexp: {error}", element.attributes["regexp"])
        return compile_ere("")


def _whole(call: Actor, text: str) -> str | None:
    return text


def _body(call: Actor, text: str) -> str | None:
    _, gap, body = text.partition("\r\n\r\n")
    return body if gap else None


def _header(header: str, icase: bool, line_start: bool, occurrence: int) -> Callable[[Actor, str], str | None]:
    """What stands behind `header` up to the line's end: any text will do, as in SIPp, anywhere in the message."""
    wanted = header.lower() if icase else header

    def look(call: Actor, text: str) -> str | None:
        haystack = text.lower() if icase else text
        at, left = -1, max(1, occurrence)
        while left:
            at = haystack.find(wanted, at + 1)
            if at < 0:
                return None
            if not line_start or at == 0 or haystack[at - 1] == "\n":
                left -= 1
        rest = text[at + len(wanted) :]
        return rest.partition("\n")[0].partition("\r")[0]

    return look


def _verifyauth(read: Reading, element: Element) -> Action:
    slot = read.slot(element, "assign_to")
    user, password = read.template(element, "username"), read.template(element, "password")
    if not read.has_message():
        read.refused("there is no message here whose credentials could be verified", element)

    def act(call: Actor, text: str) -> Outcome | None:
        call.variables[slot] = verified(Incoming(text), user.write(call), password.write(call))
        return None

    return act


# -- variables


def _right_side(read: Reading, element: Element) -> Callable[[Actor], float]:
    """`value` or `variable`, one of them."""
    attributes = element.attributes
    if "variable" in attributes:
        if "value" in attributes:
            read.refused("value and variable exclude each other", attributes["variable"])
        slot = read.slot(element, "variable")
        return lambda call: number_of(call.variables[slot])
    number = read.number(element, "value")
    return lambda call: number


def _arithmetic(compute: Callable[[float, float], float]) -> Callable[[Reading, Element], Action]:
    def make(read: Reading, element: Element) -> Action:
        slot, right = read.slot(element, "assign_to"), _right_side(read, element)
        divides = element.name == "divide"
        if divides and "value" in element.attributes and read.number(element, "value") == 0:
            read.refused("division by zero", element.attributes["value"])

        def act(call: Actor, text: str) -> Outcome | None:
            operand = right(call)
            if divides and operand == 0:
                call.warn("division by zero: the variable stays as it is")
                return None
            call.variables[slot] = compute(number_of(call.variables[slot]), operand)
            return None

        return act

    return make


def _assignstr(read: Reading, element: Element) -> Action:
    slot, value = read.slot(element, "assign_to"), read.template(element, "value")

    def act(call: Actor, text: str) -> Outcome | None:
        call.variables[slot] = value.write(call)
        return None

    return act


def _todouble(read: Reading, element: Element) -> Action:
    slot, source = read.slot(element, "assign_to"), read.slot(element, "variable")

    def act(call: Actor, text: str) -> Outcome | None:
        value = call.variables[source]
        number = to_number(value) if isinstance(value, str) else None if value is None else float(value)
        if number is None:
            call.warn(f"todouble: {text_of(value) or 'nothing'} is no number")
        else:
            call.variables[slot] = number
        return None

    return act


def _trim(read: Reading, element: Element) -> Action:
    slot = read.slot(element, "assign_to")

    def act(call: Actor, text: str) -> Outcome | None:
        call.variables[slot] = string_of(call.variables[slot]).strip()
        return None

    return act


def _index(read: Reading, element: Element) -> Action:
    slot = read.slot(element, "assign_to")

    def act(call: Actor, text: str) -> Outcome | None:
        call.variables[slot] = float(call.index)
        return None

    return act


def _gettimeofday(read: Reading, element: Element) -> Action:
    slots = read.slots(element, "assign_to")
    if len(slots) != 2:
        read.refused("two variables are due: seconds,microseconds", element)
        return _nothing

    def act(call: Actor, text: str) -> Outcome | None:
        seconds = int(call.now)
        call.variables[slots[0]] = float(seconds)
        call.variables[slots[1]] = float(round((call.now - seconds) * 1e6))
        return None

    return act


def _sample(read: Reading, element: Element) -> Action:
    slot, distribution = read.slot(element, "assign_to"), read.distribution(element)

    def act(call: Actor, text: str) -> Outcome | None:
        call.variables[slot] = float(distribution.draw(call.chance))
        return None

    return act


_COMPARE: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "equal": (operator.eq, "=="),
    "not_equal": (operator.ne, "!="),
    "greater_than": (operator.gt, ">"),
    "less_than": (operator.lt, "<"),
    "greater_than_equal": (operator.ge, ">="),
    "less_than_equal": (operator.le, "<="),
}


def _other(
    read: Reading, element: Element, of: Callable[[Value], T], written: Callable[[Element, str], T]
) -> Callable[[Actor], T]:
    """What a variable is compared with: another one, or a value as it is written."""
    attributes = element.attributes
    if "variable2" not in attributes:
        constant = written(element, "value")
        return lambda call: constant
    if "value" in attributes:
        read.refused("value and variable2 exclude each other", attributes["variable2"])
    other = read.slot(element, "variable2")
    return lambda call: of(call.variables[other])


def _test(read: Reading, element: Element) -> Action:
    attributes = element.attributes
    check, inverse = _checks(read, element)
    target = read.slot(element, "assign_to") if "assign_to" in attributes or not (check or inverse) else -1
    left = read.slot(element, "variable")
    right = _other(read, element, number_of, read.number)
    name = read.text(element, "compare")
    if name not in _COMPARE:
        read.refused(f"compare={name}: one of {', '.join(_COMPARE)}", attributes.get("compare", element))
        return _nothing
    compare, sign = _COMPARE[name]
    label = attributes["variable"].value if "variable" in attributes else ""

    def act(call: Actor, text: str) -> Outcome | None:
        one, two = number_of(call.variables[left]), right(call)
        value = compare(one, two)
        if (check and not value) or (inverse and value):
            return Outcome(Fate.FAILED, f"${label} is {one:g}, and {one:g} {sign} {two:g} is {str(value).lower()}")
        if target >= 0:
            call.variables[target] = value
        return None

    return act


def _strcmp(read: Reading, element: Element) -> Action:
    attributes = element.attributes
    check, inverse = _checks(read, element)
    target = read.slot(element, "assign_to") if "assign_to" in attributes or not (check or inverse) else -1
    left = read.slot(element, "variable")
    right = _other(read, element, string_of, read.text)
    label = attributes["variable"].value if "variable" in attributes else ""

    def act(call: Actor, text: str) -> Outcome | None:
        one, two = string_of(call.variables[left]), right(call)
        value = _difference(one, two)
        if check and value:
            return Outcome(Fate.FAILED, f"${label} is {_short(one)}, not {_short(two)}")
        if inverse and not value:
            return Outcome(Fate.FAILED, f"${label} is {_short(one)}, and should not be")
        if target >= 0:
            call.variables[target] = float(value)
        return None

    return act


def _difference(one: str, two: str) -> int:
    """What strcmp gives: how far apart the first characters are that differ, with 0 behind the last."""
    if one == two:
        return 0
    at = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    return (ord(one[at]) if at < len(one) else 0) - (ord(two[at]) if at < len(two) else 0)


def _checks(read: Reading, element: Element) -> tuple[bool, bool]:
    attributes = element.attributes
    if "check_it" in attributes and "check_it_inverse" in attributes:
        read.refused("check_it and check_it_inverse exclude each other", attributes["check_it_inverse"])
    return read.truth(element, "check_it"), read.truth(element, "check_it_inverse")


# -- telling, jumping, ending


def _say(method: str) -> Callable[[Reading, Element], Action]:
    def make(read: Reading, element: Element) -> Action:
        message = read.template(element, "message")

        def act(call: Actor, text: str) -> Outcome | None:
            getattr(call, method)(message.write(call))
            return None

        return act

    return make


def _jump(read: Reading, element: Element) -> Action:
    right = _right_side(read, element)

    def act(call: Actor, text: str) -> Outcome | None:
        target = right(call)
        if not 0 <= target <= read.step_count():
            call.fatal(f"the jump leads to step {target:.0f}; there are steps 0 to {read.step_count()}")
        if int(target) == call.index:
            call.fatal(f"the jump at step {call.index} leads to itself")
        call.jump(int(target))
        return None

    return act


def _pauserestore(read: Reading, element: Element) -> Action:
    right = _right_side(read, element)

    def act(call: Actor, text: str) -> Outcome | None:
        call.pause_until(right(call))
        return None

    return act


_MEDIA = ("play_pcap_audio", "play_pcap_image", "play_pcap_video", "play_dtmf", "rtp_stream")
_COMMANDS = {fate.value: fate for fate in (Fate.STOP_CALL, Fate.STOP_GRACEFULLY, Fate.STOP_NOW)}


def _exec(read: Reading, element: Element) -> Action:
    attributes = element.attributes
    if len(attributes) != 1:
        read.refused("<exec> does one thing: int_cmd, or one of the media commands", element)
        return _nothing
    name, attribute = next(iter(attributes.items()))
    if name == "command":
        read.refused("the lab runs no shell commands: <exec command> is refused", attribute)
        return _nothing
    if name in _MEDIA:  # the lab carries no media
        return _nothing
    fate = _COMMANDS.get(attribute.value)
    if fate is None:
        read.refused(f"int_cmd={attribute.value}: one of {', '.join(_COMMANDS)}", attribute)
        return _nothing
    outcome = Outcome(fate, f"the scenario said {attribute.value}")
    return lambda call, text: outcome


def _media(read: Reading, element: Element) -> Action:
    """rtp_echo: switches an echo of media; the lab carries none."""
    _right_side(read, element)
    return _nothing


def _short(text: str) -> str:
    shown = text if len(text) <= 60 else text[:57] + "..."
    return repr(shown)


_CHECK = ("check_it", "check_it_inverse")
_OPERANDS = ("assign_to", "value", "variable")
_PARAMETERS = ("value", "min", "max", "mean", "stdev", "lambda", "k", "x_m", "shape", "scale", "location", "theta")

KINDS: dict[str, Kind] = {
    "ereg": Kind(
        (
            *("regexp", "search_in", "header", "variable", "assign_to", *_CHECK, "case_indep", "start_line"),
            *("occurrence", "occurence"),
        ),
        _ereg,
    ),
    "log": Kind(("message",), _say("log")),
    "warning": Kind(("message",), _say("warn")),
    "error": Kind(("message",), _say("fatal")),
    "assign": Kind(_OPERANDS, _arithmetic(lambda value, operand: operand)),
    "assignstr": Kind(("assign_to", "value"), _assignstr),
    "add": Kind(_OPERANDS, _arithmetic(operator.add)),
    "subtract": Kind(_OPERANDS, _arithmetic(operator.sub)),
    "multiply": Kind(_OPERANDS, _arithmetic(operator.mul)),
    "divide": Kind(_OPERANDS, _arithmetic(lambda value, operand: value / operand)),
    "todouble": Kind(("assign_to", "variable"), _todouble),
    "test": Kind(("assign_to", "variable", "variable2", "value", "compare", *_CHECK), _test),
    "strcmp": Kind(("assign_to", "variable", "variable2", "value", *_CHECK), _strcmp),
    "trim": Kind(("assign_to",), _trim),
    "index": Kind(("assign_to",), _index),
    "gettimeofday": Kind(("assign_to",), _gettimeofday),
    "sample": Kind(("assign_to", "distribution", *_PARAMETERS, "n", "p"), _sample),
    "jump": Kind(("value", "variable"), _jump),
    "pauserestore": Kind(("value", "variable"), _pauserestore),
    "verifyauth": Kind(("assign_to", "username", "password"), _verifyauth),
    "exec": Kind(("int_cmd", "command", *_MEDIA), _exec),
    "rtp_echo": Kind(("value", "variable"), _media),
}

#: SIPp's other actions, and why the lab has none of them.
REFUSED = {
    "setdest": "a party of the lab keeps its destination; -rsa changes it for the whole run",
    "closecon": "the lab's network has no connections to close",
    "lookup": "it needs -infindex, which the lab does not have",
    "insert": "injection files of the lab do not change",
    "replace": "injection files of the lab do not change",
}
