"""A ladder in the colours of a terminal."""

from __future__ import annotations

import io
import re

#: What an arrow says, and its colour.
_STYLES = {"request": "bright_blue", "provisional": "bright_black", "success": "green", "failure": "red"}
_ARROW = re.compile(r"<?─+ (?P<label>[^│]+?) ─+>?|⟲ (?P<own>.+)$")
_TIME = re.compile(r"  \d+\.\d{3}$")
_MARK = re.compile(r"\[[^\]]*\](?= ─|$)")


def coloured(ladder: str) -> str:
    """The text of `report.ladder.ladder` with ANSI colours: requests, replies by class, what was lost."""
    from rich.console import Console
    from rich.text import Text

    out = io.StringIO()
    width = max(map(len, ladder.split("\n")), default=0) + 1
    console = Console(file=out, force_terminal=True, color_system="standard", width=width, highlight=False)
    for number, line in enumerate(ladder.rstrip("\n").split("\n")):
        text = Text(line)
        if "│" not in line:
            text.stylize("bold" if not number else "bright_black")
        for arrow in _ARROW.finditer(line):
            label = (arrow["label"] or arrow["own"] or "").strip()
            text.stylize(_STYLES[_kind(label)], arrow.start(), arrow.end())
            for mark in _MARK.finditer(line, arrow.start(), arrow.end()):
                text.stylize("bold red", mark.start(), mark.end())
        for time in _TIME.finditer(line):
            text.stylize("bright_black", time.start(), time.end())
        console.print(text, soft_wrap=True)
    return out.getvalue()


def _kind(label: str) -> str:
    first = label[:1]
    if label[:3].isdigit() and label[3:4] in ("", " "):
        return {"1": "provisional", "2": "success"}.get(first, "failure")
    return "request"
