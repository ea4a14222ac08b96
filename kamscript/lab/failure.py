"""What a failed test is told beside its assertion: the ladder, the log, what was still to come, the seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kamscript.loader import UsageError
from kamscript.source import ConfigError

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

#: Errors that speak to the author of a test: the frames of kamscript itself say nothing more.
WORDS = (AssertionError, ConfigError, UsageError, LookupError)
#: Messages and log lines shown; of more, the newest.
MOST_MESSAGES = 60
MOST_LINES = 60

_PACKAGE = str(Path(__file__).parents[1])


def own_frame(path: str) -> bool:
    """Whether a frame of this file is kamscript's own."""
    return path.startswith(_PACKAGE)


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
    if _unfinished(lab) and "pending timers" not in said:
        from kamscript.lab.pending import pending_text

        found.append(("still to come", pending_text(lab)))
    return found


def seed_text(lab: Lab) -> str:
    """How to get the same branches, tags and chances again."""
    return f"seed {lab.seed}: pytest --kam-seed={lab.seed} repeats it\n"


def _unfinished(lab: Lab) -> bool:
    """Whether the server waits for something: then its timers tell why nothing happened."""
    return any(not one.ending for one in lab.transactions)
