"""How a finding looks: its head, the line it is about, a caret below, a hint.

kamailio.cfg:212:9: error: unknown function t_rely (0 arguments) [unknown-function]
 212 |         t_rely();
     |         ^^^^^^
     = hint: did you mean t_relay?
"""

from __future__ import annotations

LIMIT = 120  #: characters of a line that are shown


def draw(head: str, number: int, text: str | None, column: int, length: int, hint: str = "") -> str:
    """The finding as text. `text` is line `number`, None when there is nothing to show; `column` counts from 1."""
    parts = [head]
    label = f"{number:>4}"
    blank = " " * len(label)
    if text is not None:
        shown, before, width = window(text, column - 1, length)
        parts += [f"{label} | {shown}".rstrip(), f"{blank} | {before}{'^' * width}"]
    if hint:
        parts.append(f"{blank} = hint: {hint}")
    return "\n".join(parts)


def window(text: str, at: int, length: int) -> tuple[str, str, int]:
    """The part of a line worth showing, the blanks in front of the caret, and the caret's width."""
    start = max(0, at - LIMIT // 2) if len(text) > LIMIT else 0
    shown = text[start : start + LIMIT]
    before = "".join("\t" if c == "\t" else " " for c in shown[: at - start])
    shown = "".join(c if c == "\t" or c.isprintable() else "?" for c in shown)
    room = max(1, len(shown) - (at - start))
    return shown, before, min(length, room)
