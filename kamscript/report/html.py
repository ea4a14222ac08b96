"""A ladder as one HTML file: arrows that unfold into messages, with the route trace and the log beside each.

The file needs nothing else: no network, no fonts, and to read it no script either (that only filters).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from kamscript.report.highlight import config_lines
from kamscript.report.page import HEAD, INDEX_SCRIPT, LADDER_SCRIPT, STYLE
from kamscript.report.story import LogLine, Message, Moment, Story, readable
from kamscript.report.svg import LEFT, arrow, classes, positions
from kamscript.report.trace import Run, Step

_ROW = 34
_URI = re.compile(
    r"(?P<uri>sips?:[^\s<>;,\"]+|tel:[^\s<>;,\"]+)|(?P<par>;\s*(?:tag|branch|lr|received|rport)\b(?:=[^;,\s>]*)?)"
)
_HEADER = re.compile(r"[A-Za-z][\w.-]*(?=\s*:)")


@dataclass(slots=True)
class Entry:
    """One test in the index of a run."""

    name: str
    file: str
    result: str
    messages: int
    seconds: float


def html(stories: Sequence[Story], *, title: str = "", result: str = "", failure: str = "") -> str:
    """Stories (the labs of one test) as one page."""
    shown = title or (stories[0].title if stories else "nothing happened")
    count = sum(len(story.messages) for story in stories)
    badge = f' <span class="badge {escape(result)}">{escape(result)}</span>' if result else ""
    out = [HEAD.format(title=escape(shown), style=STYLE), f"<h1>{escape(shown)}{badge}</h1>"]
    out.append(f'<p class="sum">{_counted(count, "message")}</p>')
    if failure:
        out.append(f'<pre class="failure">{escape(failure)}</pre>')
    for story in stories:
        out.append(_story(story, heading=len(stories) > 1 or story.title != shown))
    if not stories:
        out.append("<p>No lab was used.</p>")
    out.append(f"<script>{LADDER_SCRIPT}</script></body></html>\n")
    return "\n".join(out)


def index(entries: Iterable[Entry], title: str = "Ladders") -> str:
    """The page that links the pages of a run's tests, failed ones first."""
    rows = sorted(entries, key=lambda entry: (entry.result not in ("failed", "error"), entry.name))
    counts: dict[str, int] = {}
    for entry in rows:
        counts[entry.result] = counts.get(entry.result, 0) + 1
    summary = ", ".join(f"{count} {result}" for result, count in counts.items()) or "no tests"
    options = "".join(f'<option value="{escape(result)}">{escape(result)}</option>' for result in counts)
    out = [
        HEAD.format(title=escape(title), style=STYLE),
        f'<h1>{escape(title)}</h1><p class="sum">{summary}</p>',
        '<div class="tools"><label>Result <select class="result"><option value="">all</option>'
        f'{options}</select></label><input type="search" class="text" placeholder="name"></div>',
        '<table class="index"><thead><tr><th>Test</th><th>Result</th><th class="n">Messages</th>'
        '<th class="n">Time</th></tr></thead><tbody>',
    ]
    for entry in rows:
        out.append(
            f'<tr data-result="{escape(entry.result)}"><td><a href="{escape(entry.file)}">{escape(entry.name)}</a></td>'
            f'<td><span class="badge {escape(entry.result)}">{escape(entry.result)}</span></td>'
            f'<td class="n">{entry.messages}</td><td class="n">{entry.seconds * 1000:.1f} ms</td></tr>'
        )
    out.append(f"</tbody></table><script>{INDEX_SCRIPT}</script></body></html>\n")
    return "\n".join(out)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


# --- one story --------------------------------------------------------------------------------------------------------
def _story(story: Story, *, heading: bool) -> str:
    places = [LEFT + 40 + place for place in positions(story)]
    width = places[-1] + 190
    out = ['<section class="story">']
    if heading:
        out.append(f"<h2>{escape(story.title)}</h2>")
    out.append(_tools(story))
    out.append(f'<div class="ladder"><div class="head">{_heads(story, places, width)}</div>')
    time: float | None = None
    for row in story.rows:
        stamp = f"{row.time:.3f}" if row.time != time else ""
        time = row.time
        out.append(
            _message(row, places, width, stamp) if isinstance(row, Message) else _moment(row, places, width, stamp)
        )
    if not story.rows:
        out.append('<p style="padding:0 16px">No messages.</p>')
    out.append("</div></section>")
    return "\n".join(out)


def _tools(story: Story) -> str:
    calls = "".join(f'<option value="{escape(one)}">{escape(one)}</option>' for one in story.call_ids)
    return (
        f'<div class="tools"><label>Call-ID <select class="call"><option value="">all {len(story.call_ids)}</option>'
        f'{calls}</select></label><input type="search" class="text" placeholder="find in messages, log and trace">'
        '<label><input type="checkbox" class="repeat" checked> retransmissions</label>'
        '<button type="button" class="open">unfold all</button>'
        '<button type="button" class="shut">fold all</button></div>'
    )


def _svg(content: str, width: float, height: int) -> str:
    return f'<svg width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">{content}</svg>'


def _rails(places: Sequence[float], top: int, height: int) -> str:
    return "".join(f'<line class="rail" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{height}"/>' for x in places)


def _heads(story: Story, places: Sequence[float], width: float) -> str:
    parts = [_rails(places[: len(story.parties)], 46, 54)]
    for x, party in zip(places, story.parties, strict=False):
        parts.append(f'<text class="name" text-anchor="middle" x="{x:.1f}" y="22">{escape(party.name)}</text>')
        further = f" (+{len(party.addresses) - 1})" if len(party.addresses) > 1 else ""
        shown = (party.addresses or [""])[0] + further
        parts.append(f'<text class="address" text-anchor="middle" x="{x:.1f}" y="38">{escape(shown)}</text>')
    return _svg("".join(parts), width, 54)


def _time(stamp: str) -> str:
    return f'<text class="time" x="14" y="22">{stamp}</text>' if stamp else ""


def _message(message: Message, places: Sequence[float], width: float, stamp: str) -> str:
    kind = classes(message).replace("failure", "failure-reply")
    drawing = _svg(_rails(places, 0, _ROW) + _time(stamp) + arrow(message, places, 22), width, _ROW)
    beside = _beside(message.runs, message.log)
    return (
        f'<details class="row {kind}" data-call="{escape(message.call_id)}"><summary>{drawing}</summary>'
        f'<div class="inside{"" if beside else " one"}"><div><h3>{escape(", ".join(["message", *message.marks]))}</h3>'
        f"<pre>{sip(message.text)}</pre></div>{beside}</div></details>"
    )


def _moment(moment: Moment, places: Sequence[float], width: float, stamp: str) -> str:
    what = [_counted(len(moment.runs), "route")] if moment.runs else []
    what += [_counted(len(moment.log), "log line")] if moment.log else []
    text = f'<text x="{LEFT + 40 + 12}" y="21">without a message: {" and ".join(what)}</text>'
    drawing = _svg(_rails(places, 0, _ROW) + _time(stamp) + text, width, _ROW)
    return (
        f'<details class="row moment" data-call=""><summary>{drawing}</summary>'
        f'<div class="inside one">{_beside(moment.runs, moment.log)}</div></details>'
    )


def _beside(runs: Sequence[Run], log: Sequence[LogLine]) -> str:
    parts = [_run(run) for run in runs]
    if log:
        lines = "".join(f'<div class="mono {escape(line.level)}">{escape(readable(line.text))}</div>' for line in log)
        parts.append(f'<h3>log</h3><div class="log">{lines}</div>')
    return f"<div>{''.join(parts)}</div>" if parts else ""


# --- messages and traces ----------------------------------------------------------------------------------------------
def sip(text: str) -> str:
    """A SIP message with its headers marked."""
    head, blank, body = readable(text).partition("\r\n\r\n")
    first, *headers = head.split("\r\n")
    out = [f'<span class="first">{_marked(first)}</span>']
    for line in headers:
        name = _HEADER.match(line)
        if name is None:
            out.append(_marked(line))
        else:
            out.append(f'<span class="hn">{escape(name[0])}</span>{_marked(line[name.end() :])}')
    if blank and body:
        out += ["", f'<span class="body">{escape(body)}</span>']
    return "\n".join(out)


def _marked(text: str) -> str:
    """URIs and the parameters that matter, in colour."""
    out, at = [], 0
    for found in _URI.finditer(text):
        out.append(escape(text[at : found.start()], quote=False))
        out.append(f'<span class="{found.lastgroup}">{escape(found[0], quote=False)}</span>')
        at = found.end()
    out.append(escape(text[at:], quote=False))
    return "".join(out)


def _run(run: Run) -> str:
    out = [f'<h3 class="plain">{escape(run.head)}</h3><table class="trace mono">']
    route, path = "", ""
    outer = min((step.indent for step in run.steps), default=0)
    for step in run.steps:
        if (step.route, step.path) != (route, path):
            where = step.path if step.path != path else ""
            title = step.route if step.route != route else ""
            route, path = step.route, step.path
            shown = " ".join(part for part in (escape(title), f'<span class="com">{escape(where)}</span>') if part)
            out.append(f'<tr class="where"><td></td><td colspan="2">{shown}</td></tr>')
        out.append(_step(step, outer))
    out.append("</table>")
    return "".join(out)


def _step(step: Step, outer: int) -> str:
    rows = ["".join(_word(kind, word) for kind, word in tokens) for tokens in config_lines(readable(step.text))]
    indent = " " * (step.indent - outer)
    source = "\n".join(indent + row for row in rows)
    notes = []
    for note in step.notes:
        if note.startswith("=> "):
            notes.append(f'<span class="way">{escape(note[3:])}</span>')
        else:
            changed = ' class="changed"' if " -> " in note else ""
            notes.append(f"<span{changed}>{escape(readable(note), quote=False)}</span>")
    values = "<br>".join(notes)
    return f'<tr><td class="no">{step.line}</td><td class="src">{source}</td><td class="val">{values}</td></tr>'


def _word(kind: str, word: str) -> str:
    text = escape(word, quote=False)
    return f'<span class="{kind}">{text}</span>' if kind in _COLOURED else text


_COLOURED = frozenset({"com", "key", "str", "nam", "num"})
