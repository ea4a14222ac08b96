"""A ladder as an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from kamscript.report.story import Message, Story, readable, shortened

CHAR, ROW, HEAD, LEFT, TIME = 7.3, 34, 64, 86, 78
#: Longest label that a picture makes room for.
LONGEST = 46
NARROWEST = 150.0

COLOURS = {
    "request": "#1d4ed8",
    "provisional": "#64748b",
    "success": "#15803d",
    "failure": "#b91c1c",
    "other": "#7c3aed",
}
STYLE = """
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2933}
.name{font-weight:700;font-size:14px}.address,.time{fill:#627285;font-size:11px}
.rail{stroke:#cbd5e0;stroke-width:1.5}.arrow,.loop{stroke-width:1.6;fill:none}.again .arrow{stroke-dasharray:5 4}
.again .label{opacity:.75}.lost .arrow{stroke-dasharray:2 4}.cross{stroke:#b91c1c;stroke-width:2.2}
""" + "\n".join(
    f".{kind} .arrow,.{kind} .loop{{stroke:{colour}}}.{kind} .tip,.{kind} .label{{fill:{colour}}}"
    for kind, colour in COLOURS.items()
)


def positions(story: Story) -> list[float]:
    """Where the columns stand: as far apart as names and labels need."""
    count = len(story.parties)
    gaps = [max(NARROWEST, CHAR * (len(party.name) + 4)) for party in story.parties[:-1]]
    for message in story.messages:
        first, last = sorted((message.source, message.target))
        if first == last or last >= count:
            continue
        needed = CHAR * (min(len(caption(message)), LONGEST) + 5)
        missing = needed - sum(gaps[first:last])
        if missing > 0:
            for gap in range(first, last):
                gaps[gap] += missing / (last - first)
    places = [0.0]
    for width in gaps:
        places.append(places[-1] + width)
    return places[: max(count, 1)]


def caption(message: Message) -> str:
    """What stands on the arrow."""
    marks = f" [{', '.join(message.marks)}]" if message.marks else ""
    return readable(message.label) + marks


def classes(message: Message) -> str:
    """How an arrow is drawn."""
    return message.kind + (" again" if message.again else "") + (" lost" if message.note else "")


def arrow(message: Message, places: Sequence[float], y: float) -> str:
    """One message as SVG elements; `places` are the columns' x."""
    start, end = places[message.source], places[message.target]
    if message.source == message.target:
        text = escape(shortened(caption(message), LONGEST))
        return (
            f'<path class="loop" d="M{start:.1f} {y - 6:.1f} h26 v10 h-22"/>'
            f'<path class="tip" d="M{start + 1:.1f} {y + 4:.1f} l8 -4 v8 z"/>'
            f'<text class="label" x="{start + 34:.1f}" y="{y + 3:.1f}">{text}</text>'
        )
    toward = 1 if end > start else -1
    room = int(abs(end - start) / CHAR) - 3
    parts = [f'<line class="arrow" x1="{start:.1f}" y1="{y:.1f}" x2="{end - 6 * toward:.1f}" y2="{y:.1f}"/>']
    if message.note:
        x = (start + end) / 2 + toward * abs(end - start) * 0.36
        parts.append(
            f'<path class="cross" d="M{x - 5:.1f} {y - 5:.1f} l10 10 M{x + 5:.1f} {y - 5:.1f} l-10 10" fill="none"/>'
        )
    parts.append(f'<path class="tip" d="M{end:.1f} {y:.1f} l{-9 * toward} -4.5 v9 z"/>')
    parts.append(
        f'<text class="label" text-anchor="middle" x="{(start + end) / 2:.1f}" y="{y - 6:.1f}">'
        f"{escape(shortened(caption(message), room))}</text>"
    )
    return "".join(parts)


def svg(story: Story) -> str:
    """The whole ladder."""
    messages = story.messages
    places = [LEFT + place for place in positions(story)]
    width = places[-1] + max(LEFT, CHAR * 20)
    height = HEAD + ROW * len(messages) + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<title>{escape(story.title)}</title>",
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
    ]
    for x, party in zip(places, story.parties, strict=False):
        out.append(f'<text class="name" text-anchor="middle" x="{x:.1f}" y="24">{escape(party.name)}</text>')
        addresses = ", ".join(party.addresses[:1])
        out.append(f'<text class="address" text-anchor="middle" x="{x:.1f}" y="41">{escape(addresses)}</text>')
        out.append(f'<line class="rail" x1="{x:.1f}" y1="50" x2="{x:.1f}" y2="{height - 12:.0f}"/>')
    time = None
    for number, message in enumerate(messages):
        y = HEAD + ROW * number + 18
        if message.time != time:
            out.append(f'<text class="time" x="12" y="{y + 4}">{message.time:.3f}</text>')
            time = message.time
        whole = escape(readable(message.text).replace("\r\n", "\n"), quote=False)
        out.append(f'<g class="{classes(message)}"><title>{whole}</title>{arrow(message, places, y)}</g>')
    if not messages:
        out.append(f'<text x="{LEFT}" y="{HEAD}">(no messages)</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
