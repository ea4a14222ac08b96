"""Where log lines go: standard error, as Kamailio prints with log_stderror=yes, or syslog (core/dprint.h, dprint.c)."""

from __future__ import annotations

import os
import syslog
from collections.abc import Mapping
from typing import Protocol

from kamscript.core.environment import LogRecord

#: syslog severities by Kamailio's log level.
SEVERITY = {-5: 1, -4: 2, -3: 2, -2: 2, -1: 3, 0: 4, 1: 5, 2: 6, 3: 7}

#: Letters of a colour, foreground and background, by log level; module xlog's log_colors changes them.
COLORS: Mapping[int, tuple[str, str]] = {
    -5: ("R", "x"),
    -4: ("P", "x"),
    -3: ("y", "x"),
    -2: ("b", "x"),
    -1: ("r", "x"),
    0: ("p", "x"),
    1: ("g", "x"),
    2: ("c", "x"),
    3: ("x", "x"),
}
_LETTERS = {"s": 0, "r": 1, "g": 2, "y": 3, "b": 4, "p": 5, "c": 6, "w": 7}


class LogWriter(Protocol):
    """What a server logs to."""

    def __call__(self, record: LogRecord) -> None:
        """Write one record."""


def terminal_color(foreground: str, background: str) -> str:
    """The escape sequence of two colour letters: small ones are thin, capitals bold, `_` keeps the font."""
    style = "" if foreground == "_" else "0;" if foreground.islower() else "1;"
    front = _LETTERS.get(foreground.lower(), 9)
    back = _LETTERS.get(background, 9)
    return f"\033[{style}3{front};4{back}m"


class StandardErrorLog:
    """Lines to standard error: ` 1(4711) INFO: <script>: text`, the number of the first worker in front."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._before: dict[int, str] = {}
        self._after = ""

    def use_colors(self, changes: Mapping[int, tuple[str, str]]) -> None:
        """Print levels in colours; `changes` are those that are not as usual."""
        self._before = {level: terminal_color(*changes.get(level, usual)) for level, usual in COLORS.items()}
        self._after = terminal_color("x", "x")

    def __call__(self, record: LogRecord) -> None:
        """Write one record. A text of the script without line end keeps lacking it; the server's own get one."""
        end = "" if record.origin == "<script>" or record.text.endswith("\n") else "\n"
        line = f"{self._before.get(record.level, '')} 1({self._pid}) {record.line}{end}{self._after}"
        data = line.encode("latin-1", "replace")
        try:
            while data:
                data = data[os.write(2, data) :]
        except OSError:
            pass  # nobody reads, or there is no standard error; the server goes on


class SystemLog:
    """Lines to syslog, as without log_stderror."""

    def __init__(self, name: str = "kamailio") -> None:
        syslog.openlog(name, syslog.LOG_PID | syslog.LOG_CONS, syslog.LOG_DAEMON)

    def __call__(self, record: LogRecord) -> None:
        """Write one record with its facility, which the core fills in."""
        facility = getattr(syslog, record.facility.upper(), syslog.LOG_DAEMON) if record.facility else syslog.LOG_DAEMON
        # A text is bytes here, and syslog() wants characters.
        text = record.line.rstrip().encode("latin-1", "replace").decode("utf-8", "replace").replace("\0", "")
        syslog.syslog(facility | SEVERITY.get(record.level, 7), text)
