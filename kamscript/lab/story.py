"""A lab's story for people: as text, Mermaid, SVG or HTML.

lab.save("call.html")      # also .svg, .mmd (Mermaid), .txt
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kamscript.core.environment import LEVEL_NAMES
from kamscript.report.story import LogLine, Story, tell

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

#: What a ladder is written as, by the end of the file's name.
FORMATS = {
    ".html": "a page",
    ".svg": "a picture",
    ".mmd": "a Mermaid diagram",
    ".md": "Mermaid for Markdown",
    ".txt": "text",
}


def story_of(lab: Lab, title: str = "") -> Story:
    """What happened in a lab so far."""
    started = lab.network.started
    log = [
        LogLine(time - started, LEVEL_NAMES.get(record.level, str(record.level)), record.line.rstrip("\n"), after)
        for record, (time, after) in zip(lab.log, lab.log.moments, strict=False)
    ]
    runs = list(lab.traced) if lab.traced is not None else []
    return tell(title or lab.program.path, lab.exchanges(), lab.network.names, lab.parties(), log, runs)


def save(lab: Lab, path: str | Path, title: str = "") -> Path:
    """Write the story of a lab as the file's name says; returns the path. Raises ValueError for another kind."""
    target = Path(path)
    if target.suffix not in FORMATS:
        known = ", ".join(f"{suffix} ({what})" for suffix, what in FORMATS.items())
        raise ValueError(f"{target.name}: a ladder is written as {known}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(drawn(lab, target.suffix, title), encoding="utf-8")
    return target


def drawn(lab: Lab, suffix: str, title: str = "") -> str:
    """The story of a lab in one of FORMATS."""
    if suffix == ".txt":
        trace = f"\n{lab.traced}" if lab.traced is not None else ""
        return lab.ladder() + "".join(f"  {line.rstrip()}\n" for line in lab.log.lines()) + trace
    story = story_of(lab, title)
    if suffix == ".html":
        from kamscript.report.html import html

        return html([story], title=title)
    if suffix == ".svg":
        from kamscript.report.svg import svg

        return svg(story)
    from kamscript.report.mermaid import mermaid

    return mermaid(story) if suffix == ".mmd" else f"```mermaid\n{mermaid(story)}```\n"
