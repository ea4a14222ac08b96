"""Expectations in SIP words: what phones, calls and requests wait for, and what a test is told when it does not come.

A wanted message is a status (180), a class ("1xx", "4xx") or a method ("INVITE"; "re-INVITE" inside a call). Every
expectation looks behind the message that the one before it found, so a test reads as the call went. What came already
costs no time; else the lab jumps from deadline to deadline until it comes or `within` seconds of its clock are over. A
request that has its final reply gets no other: then nothing is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from kamscript.source import did_you_mean

if TYPE_CHECKING:
    from kamscript.lab.dialogs import Call, Dialog
    from kamscript.lab.lab import Lab
    from kamscript.lab.message import Message
    from kamscript.lab.phone import Phone
    from kamscript.lab.requests import Request

Wanted = int | str
Found = Callable[["Message"], object]

#: How many seconds of the lab's clock an expectation waits unless told: longer than any SIP transaction.
WITHIN = 300.0
#: The methods of SIP; a phone may get others.
METHODS = frozenset({
    "INVITE", "re-INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "MESSAGE",
    "REFER", "SUBSCRIBE", "NOTIFY", "PUBLISH",
})  # fmt: skip
#: How many messages and timers a failure names at most.
_MOST = 12
_LADDER = 30


def is_wanted(message: Message, wanted: Wanted) -> bool:
    """Whether a message is what was asked for. Raises ValueError for what can be none."""
    if isinstance(wanted, int):
        return message.status == wanted
    if len(wanted) == 3 and wanted[1:].lower() == "xx" and wanted[0].isdecimal():
        return message.status // 100 == int(wanted[0])
    if wanted == "re-INVITE":
        return message.method == "INVITE" and message.to is not None and bool(message.to.tag)
    if not wanted or not wanted.replace("-", "").isupper():
        raise ValueError(f"{wanted!r} is no SIP message: wanted is a method, a status, or a class such as '4xx'")
    return message.method == wanted


def spoken(wanted: Sequence[Wanted]) -> str:
    """`180`, `180 or 183`, `any request`."""
    return " or ".join(map(str, wanted)) or "any request"


def _matches(message: Message, wanted: Sequence[Wanted], where: Found | None) -> bool:
    if wanted:
        hit = False
        for one in wanted:
            hit = is_wanted(message, one) or hit
    else:
        hit = message.is_request
    return hit and (where is None or bool(where(message)))


class _Search:
    """The look-out for one message in a growing list, from a place on."""

    def __init__(
        self, messages: Callable[[], list[Message]], start: int, wanted: Sequence[Wanted], where: Found | None
    ) -> None:
        self.messages, self.start, self.wanted, self.where = messages, start, wanted, where
        self.at = start
        self.found: Message | None = None

    def __call__(self) -> bool:
        messages = self.messages()
        while self.at < len(messages):
            message = messages[self.at]
            self.at += 1
            if not message.again and _matches(message, self.wanted, self.where):
                self.found = message
                return True
        return False


def reply_to(request: Request, wanted: Sequence[Wanted], within: float, where: Found | None) -> Message:
    """The next wanted reply to one request."""
    __tracebackhide__ = True
    phone = request.phone
    search = _Search(lambda: request.replies, request._looked, wanted, where)
    lab = phone.lab
    reason = lab.wait_for(search, within, over=lambda: bool(request.status))
    if search.found is None:
        reason = _outcome(request) or reason
        _fail(lab, str(request), wanted, reason, where, "its replies", request.replies, search.start)
    request._looked = search.at
    return search.found


def in_call(call: Call, wanted: Sequence[Wanted], within: float, where: Found | None) -> Message:
    """The next wanted message of one call: replies to its INVITEs, requests of the peer."""
    __tracebackhide__ = True
    request = call.request
    if request is None or not any(isinstance(one, int) or one[1:].lower() == "xx" for one in wanted):
        return in_dialog(call, wanted, within, where)

    def counts(message: Message) -> bool:
        return message.is_request or (message.cseq is not None and message.cseq.method == "INVITE")

    return in_dialog(call, wanted, within, where, request, counts)


def in_dialog(
    dialog: Dialog, wanted: Sequence[Wanted], within: float, where: Found | None, request: Request | None = None,
    counts: Found | None = None, ending: int = 1,
) -> Message:  # fmt: skip
    """The next wanted message of a dialog; with `request` its final reply, from status `ending` on, ends the wait."""
    __tracebackhide__ = True
    lab = dialog.phone.lab

    def fits(message: Message) -> bool:
        return (counts is None or bool(counts(message))) and (where is None or bool(where(message)))

    search = _Search(lambda: dialog.received, dialog._looked, wanted, fits)
    reason = lab.wait_for(search, within, over=(lambda: request.status >= ending) if request is not None else None)
    if search.found is None:
        if request is not None and request.status >= ending:
            reason = _outcome(request) or reason
        _fail(
            lab, str(dialog), wanted, reason, where, f"{dialog.phone.name} got in it", dialog.received, dialog._looked
        )
    dialog._looked = search.at
    return search.found


def _outcome(request: Request) -> str:
    """Why no other reply can come for a request; "" when one can."""
    if request.timed_out:
        return f"nobody answered: it timed out after 32 s, and {_last_place(request.phone.lab, request.text)}"
    return f"the final reply was {request.final}" if request.final is not None else ""


def at_phone(phone: Phone, wanted: Sequence[Wanted], within: float, where: Found | None) -> Message:
    """The next wanted message that a phone receives, in or out of calls."""
    __tracebackhide__ = True
    lab = phone.lab
    search = _Search(lambda: phone.received, phone._looked, wanted, where)
    reason = lab.wait_for(search, within)
    if search.found is None:
        _fail(lab, phone.name, wanted, reason, where, f"{phone.name} got", phone.received, search.start)
    phone._looked = search.at
    return search.found


def none_at_phone(phone: Phone, wanted: Sequence[Wanted], within: float, where: Found | None) -> None:
    """Fail when a phone gets such a message behind the last one that was found."""
    __tracebackhide__ = True
    lab = phone.lab
    search = _Search(lambda: phone.received, phone._looked, wanted, where)
    lab.run()
    until = lab.now + within
    while not search() and lab.step(until):
        pass
    message = search.found
    if message is None and until > lab.now:
        lab.advance(until - lab.now)
        search()
        message = search.found
    if message is not None:
        story = lab.ladder(last=_LADDER)
        raise AssertionError(f"{phone.name} should not get {spoken(wanted)}, but {message} came at "
                             f"{message.time:.3f} s\n\n{story}{_log(lab)}{_seed(lab)}")  # fmt: skip


def _fail(
    lab: Lab, who: str, wanted: Sequence[Wanted], reason: str, where: Found | None, whose: str,
    messages: Sequence[Message], start: int,
) -> NoReturn:  # fmt: skip
    __tracebackhide__ = True
    also = " that the test's `where` accepts" if where is not None else ""
    lines = [f"{who} should get {spoken(wanted)}{also}, but {reason or 'it did not'}"]
    lines += [f"SIP has no method {one}; {hint}" for one in wanted if (hint := _meant(one))]
    came = [str(message) for message in messages[start:]]
    if start:
        whose += " since the message found last"
    lines.append(f"{whose}: {_list(came)}")
    early = [str(message) for message in messages[:start]]
    if early:
        lines.append(f"before that: {_list(early)}")
    raise AssertionError("\n".join(lines) + f"\n\n{lab.ladder(last=_LADDER)}{_log(lab)}{_seed(lab)}")


def _meant(wanted: Wanted) -> str:
    """Which method was meant, "" for one that SIP has and for one that is like none."""
    if not isinstance(wanted, str) or wanted in METHODS or wanted[1:].lower() == "xx":
        return ""
    return did_you_mean(wanted, METHODS)


def _list(texts: Sequence[str]) -> str:
    if len(texts) > _MOST:
        texts = [f"... {len(texts) - _MOST} more ...", *texts[-_MOST:]]
    return ", ".join(texts) or "nothing"


def _log(lab: Lab) -> str:
    lines = lab.log.lines()[-_LADDER:]
    return "".join(f"  {line.rstrip()}\n" for line in lines)


def _seed(lab: Lab) -> str:
    return f"(seed {lab.seed})\n" if lab.network.by_chance else ""


def _last_place(lab: Lab, text: str) -> str:
    """Where a request that nobody answered went."""
    branch = text[text.index(";branch=") : text.index("\r\n", text.index(";branch="))]
    for lost in reversed(lab.network.lost):
        if branch in lost.wire.text:
            return f"on the way to {lost.wire.target} it was stopped: {lost.why}"
    for wire in reversed(lab.network.unreachable):
        if branch in wire.text:
            return f"nobody sits at {wire.target}"
    return "who got it kept silent"
