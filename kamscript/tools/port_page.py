"""The report of `kamscript port` as one HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from kamscript.report.page import HEAD, STYLE
from kamscript.tools.port_names import State
from kamscript.tools.port_report import branch_lines, grouped, real_names, remark, sections, summary

if TYPE_CHECKING:
    from kamscript.tools.port import Report
    from kamscript.tools.port_inventory import Use

_STYLE = """
table.port{border-collapse:collapse;width:100%;margin:4px 0 14px}table.port td{padding:4px 14px 4px 0;
border-bottom:1px solid var(--line);vertical-align:top}table.port td.name{font-weight:600;white-space:nowrap}
table.facts td{padding:1px 18px 1px 0}table.facts td:first-child{color:var(--dim)}
.bar{display:flex;height:10px;border-radius:5px;overflow:hidden;max-width:640px;margin:6px 0 12px}
.bar .real{background:var(--good)}.bar .inert{background:var(--num)}.bar .double{background:var(--nam)}
.bar .unknown{background:var(--bad)}.when{color:var(--dim)}.dim{color:var(--dim)}.severity-error{color:var(--bad)}
.severity-warning{color:var(--nam)}details.more>summary{cursor:pointer;color:var(--dim)}
"""
_CLASSES = {State.REAL: "real", State.INERT: "inert", State.DOUBLE: "double", State.UNKNOWN: "unknown"}


def as_html(reports: Sequence[Report]) -> str:
    """All reports on one page."""
    title = ", ".join(report.path for report in reports) or "no config"
    parts = [HEAD.format(title=escape(f"port: {title}"), style=STYLE + _STYLE)]
    for report in reports:
        parts += _report(report)
    return "\n".join([*parts, "</body></html>", ""])


def _report(report: Report) -> Iterator[str]:
    badge = "passed" if report.clean else "failed"
    said = "all real" if report.clean else "look at it"
    yield f'<h1>{escape(report.path)} <span class="badge {badge}">{said}</span></h1>'
    yield from _bar(report)
    yield '<table class="facts">'
    for what, told in summary(report):
        yield f"<tr><td>{escape(what)}</td><td>{escape(told)}</td></tr>"
    yield "</table>"
    for title, meaning, uses in sections(report):
        yield f'<h2>{escape(title)} <span class="dim">{len(uses)}: {escape(meaning)}</span></h2>'
        for reason, group in grouped(title, uses):
            if reason:
                yield f'<h3 class="plain">{escape(reason)}</h3>'
            yield '<table class="port">'
            for use in group:
                yield _row(use)
            yield "</table>"
    if report.told:
        yield '<h2>What looks wrong</h2><table class="port">'
        for one in report.told:
            finding = one.finding
            hint = f'<div class="dim">{escape(one.hint)}</div>' if one.hint else ""
            run = f'<div class="when">with {escape(one.run)}</div>' if one.run else ""
            yield (
                f'<tr><td class="mono">{escape(finding.path)}:{finding.line}</td>'
                f'<td class="severity-{escape(finding.severity)}">{escape(finding.severity)}</td>'
                f"<td>{escape(finding.message)} <code>{escape(finding.rule)}</code>{hint}{run}</td></tr>"
            )
        yield "</table>"
    lines = list(branch_lines(report)) if report.inventory.runs or report.inventory.unreached else []
    if lines:
        yield "<h2>Branches</h2><ul>" + "".join(f"<li>{escape(line.strip())}</li>" for line in lines) + "</ul>"
    yield '<details class="more"><summary>Real</summary><table class="port">'
    for module, names in real_names(report):
        yield f'<tr><td class="name">{escape(module)}</td><td class="mono">{escape(", ".join(names))}</td></tr>'
    yield "</table></details>"


def _bar(report: Report) -> Iterator[str]:
    yield '<div class="bar">'
    for state in State:
        number = len(report.of(state))
        if number:
            yield f'<div class="{_CLASSES[state]}" style="flex:{number}" title="{number} {state.value}"></div>'
    yield "</div>"


def _row(use: Use) -> str:
    places = []
    for place in use.places:
        when = f' <span class="when">{escape(" ".join(place.when))}</span>' if place.when else ""
        places.append(f"{escape(str(place))}{when}")
    return (
        f'<tr><td class="name mono">{escape(use.shown)}</td><td class="dim">{escape(use.kind)}</td>'
        f'<td>{escape(remark(use))}</td><td class="mono">{"<br>".join(places)}</td></tr>'
    )
