"""What a failed test is told beside its assertion: the ladder, the log, what was still to come, the seed."""

from __future__ import annotations

from dis import opmap
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from kamscript.core.rpc import RpcFault
from kamscript.loader import UsageError
from kamscript.source import ConfigError

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

#: Errors that speak to the author of a test: the frames of kamscript itself say nothing more.
WORDS = (AssertionError, ConfigError, UsageError, LookupError, RpcFault)
_WRONG_USE = (ValueError, TypeError)
_RAISE = opmap["RAISE_VARARGS"]
#: Messages and log lines shown; of more, the newest.
MOST_MESSAGES = 60
MOST_LINES = 60
MOST_ROWS = 200

_PACKAGE = str(Path(__file__).parents[1])


def meant_for_people(error: BaseException) -> bool:
    """Whether an error speaks to the author of a test: a wrong argument that kamscript refuses does, a bug does not."""
    if isinstance(error, WORDS):
        return True
    trace = error.__traceback__
    if not isinstance(error, _WRONG_USE) or trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return code.co_filename.startswith(_PACKAGE) and code.co_code[trace.tb_lasti] == _RAISE


def without_own_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without frames of kamscript itself; None when no other frame is in it."""
    entries = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            entries.append(trace)
        trace = trace.tb_next
    kept: TracebackType | None = None
    for entry in reversed(entries):
        kept = TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return kept


def in_a_test(trace: TracebackType | None) -> bool:
    """Whether a traceback without kamscript's own frames shows anything but pytest."""
    while trace is not None:
        if not {"_pytest", "pluggy"} & set(Path(trace.tb_frame.f_code.co_filename).parts):
            return True
        trace = trace.tb_next
    return False


def sections(lab: Lab, said: str = "") -> list[tuple[str, str]]:
    """Titles and texts for a failed test; what stands in `said` already is not said again."""
    if not hasattr(lab, "server"):
        return []  # it did not start: the error says why
    found: list[tuple[str, str]] = []
    count = len(lab.exchanges())
    ladder = lab.ladder(last=MOST_MESSAGES)
    if count and ladder not in said:
        left_out = f"({count - MOST_MESSAGES} earlier messages are not shown)\n" if count > MOST_MESSAGES else ""
        found.append(("SIP", left_out + ladder + seed_text(lab)))
    lines = [line.rstrip("\n") for line in lab.log.lines()]
    if lines and not all(line in said for line in lines):
        left_out = f"({len(lines) - MOST_LINES} earlier lines are not shown)\n" if len(lines) > MOST_LINES else ""
        found.append(("Kamailio log", left_out + "\n".join(lines[-MOST_LINES:])))
    if lab.traced is not None:
        rows = str(lab.traced).splitlines()
        left_out = f"({len(rows) - MOST_ROWS} earlier lines are not shown)\n" if len(rows) > MOST_ROWS else ""
        found.append(("route trace", left_out + "\n".join(rows[-MOST_ROWS:])))
    if _unfinished(lab):
        from kamscript.lab.pending import pending_text

        text = "".join(f"{line}\n" for line in waiting(lab))
        if "pending timers" not in said:
            text += pending_text(lab)
        if text:
            found.append(("still to come", text))
    return found


def waiting(lab: Lab) -> list[str]:
    """Phones that somebody calls and that do nothing about it, with what a test can let them do."""
    found = []
    for name, phone in lab.phones.items():
        unanswered = [call for call in phone.calls if not call.outgoing and call.state == "ringing"]
        if unanswered:
            what = f"{name}.call_waiting" if len(unanswered) == 1 else f"{name}.calls[0]"
            found.append(
                f"{name} has not answered a call: {what}.answer() or .reject(486), or let time pass: lab.advance(...)"
            )
    return found


def seed_text(lab: Lab) -> str:
    """How to get the same branches, tags and chances again."""
    return f"seed {lab.seed}: pytest --kam-seed={lab.seed} repeats it\n"


def _unfinished(lab: Lab) -> bool:
    """Whether the server waits for something: then its timers tell why nothing happened."""
    return any(not one.ending for one in lab.transactions)
