"""What is going to happen by itself: the pending timers of a lab, in words.

A test that waits for something fails at once when nothing pending can bring it; this is what it is told then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.core.timers import Timers
    from kamscript.lab.lab import Lab

#: How many timers are named; more are counted.
SHOWN = 12
_PERIODIC = "Timers.every.<locals>.tick"


class Pending:
    """One armed timer: `due` in seconds from now, `callback` what runs, `periodic` whether it comes again."""

    def __init__(self, due: float, callback: Callable[[], object], owner: str) -> None:
        self.due, self.callback, self.owner = due, callback, owner
        self.periodic = getattr(callback, "__qualname__", "") == _PERIODIC
        if self.periodic:
            self.callback = _inner(callback)

    @property
    def name(self) -> str:
        """The callback's module and name: `kamscript.modules.tm.timer.Timers._end_of_wait`."""
        function = getattr(self.callback, "func", self.callback)  # of a functools.partial
        function = getattr(function, "__func__", function)
        return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"

    def __str__(self) -> str:
        text = describe(self)
        when = f"in {self.due:.3f} s" if self.due < 60 else f"in {self.due:.0f} s"
        return f"{when:>14}  {text}" + (", again and again" if self.periodic else "")


def pending(lab: Lab) -> list[Pending]:
    """Every armed timer of the server and of the phones, the next first."""
    found = [Pending(due, callback, "server") for due, callback in _armed(lab.server.timers, lab.now)]
    found += [Pending(due, callback, "phones") for due, callback in _armed(lab.timers, lab.now)]
    return sorted(found, key=lambda one: one.due)


def _armed(timers: Timers, now: float) -> Iterator[tuple[float, Callable[[], object]]]:
    for deadline, callback in timers.armed():
        message: Any = getattr(callback, "__self__", None)
        if hasattr(message, "fr_deadline"):
            # tm leaves a timer where it is when the deadline behind it moves away.
            deadline = max(deadline, min(message.fr_deadline, message.retr_deadline))
        yield deadline - now, callback


def pending_text(lab: Lab) -> str:
    """The pending timers as lines of a failure text."""
    found = pending(lab)
    if not found:
        return "pending timers: none, so nothing more will happen by itself\n"
    lines = [f"  {one}" for one in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"  and {len(found) - SHOWN} more")
    return "\n".join(["pending timers:", *lines]) + "\n"


def describe(one: Pending) -> str:
    """What a timer is for, in a few words."""
    callback: Any = one.callback
    if "__str__" in type(callback).__dict__:
        return str(callback)  # one that tells itself what it is
    subject: Any = getattr(one.callback, "__self__", None)
    kind = type(subject).__name__
    if kind in ("ClientBranch", "Outgoing"):
        t = subject.t
        if subject.code == 0:
            what = "retransmission of" if subject.retr_deadline <= subject.fr_deadline else "final reply to"
            return f"tm: {what} {t.method} {getattr(subject, 'uri', '')} (Call-ID {t.callid})"
        return f"tm: ACK for the {subject.code} to {t.method} (Call-ID {t.callid})"
    if one.name == "kamscript.modules.tm.timer.Timers._end_of_wait":
        return f"tm: end of {len(subject.on_wait)} finished transaction(s)"
    if one.name == "kamscript.modules.dialog.expiry.Expiry._fire":
        return "dialog: the next dialog expires" if not subject.empty else "dialog: nothing left to expire"
    if one.owner == "phones":
        return _phones(one, subject)
    module = one.name.removeprefix("kamscript.modules.")
    return f"{module.partition('.')[0]}: {module.rpartition('.')[2].strip('_').replace('_', ' ')}"


def _phones(one: Pending, subject: Any) -> str:
    if type(one.callback).__module__.startswith("kamscript.lab."):
        return str(one.callback)  # an object that can be called says what it is
    phone = getattr(subject, "phone", None) or getattr(subject, "_phone", None)
    user = getattr(phone, "user", "")
    method = getattr(subject, "method", "")
    if user and method:
        return f"{user} sends {method} again, which nobody answered"
    return f"{user or 'a phone'}: {one.name.rpartition('.')[2].strip('_').replace('_', ' ')}"


def _inner(tick: Any) -> Callable[[], object]:
    """The callback behind a periodic timer's own."""
    names = tick.__code__.co_freevars
    cells = dict(zip(names, tick.__closure__ or (), strict=True))
    callback: Callable[[], object] = cells["callback"].cell_contents
    return callback


def source_of(condition: Callable[[], Any]) -> str:
    """The text of a condition as the test has it, on one line; empty when it cannot be told."""
    import inspect

    name = getattr(condition, "__name__", "")
    if name != "<lambda>":
        return name
    try:
        text = " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        return ""
    return text if len(text) <= 120 else f"{text[:117]}..."
