"""The report of `kamscript port` as text that is read in a minute, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kamscript.script.catalog import generations
from kamscript.tools.port_names import State

if TYPE_CHECKING:
    from kamscript.tools.port import Report, Told
    from kamscript.tools.port_inventory import Place, Use

#: Places of one name that the text shows; the others are counted.
_PLACES = 6


def as_text(reports: Sequence[Report]) -> str:
    """Every report: the summary, then only what is not simply real."""
    return "\n".join("\n".join(_report(report)) + "\n" for report in reports)


def summary(report: Report) -> list[tuple[str, str]]:
    """The first lines: what, and how much of it."""
    uses = report.uses
    real = report.of(State.REAL, State.INERT)
    lines = sum(source.text.count("\n") for source in report.inventory.sources)
    files = len(report.inventory.sources)
    whole = f"{len(uses)} names of {_number(len(report.inventory.modules), 'module')} in {_number(lines, 'line')}"
    told = [("config", whole + (f" of {files} files" if files > 1 else ""))]
    if report.inventory.runs:
        told.append(("branches", f"all of them, in {_number(len(report.inventory.runs) + 1, 'run')}"))
    share = f" ({len(real) / len(uses):.0%})" if uses else ""
    told.append(("real", f"{len(real)} of {len(uses)}{share}"))
    doubles = report.of(State.DOUBLE)
    if doubles:
        modules = ", ".join(dict.fromkeys(use.module for use in doubles))
        told.append(("doubles", f"{len(doubles)}, of {modules}"))
    unknown = report.of(State.UNKNOWN)
    if unknown:
        told.append(("unknown", f"{len(unknown)}"))
    bits = report.generations
    told.append(("runs on", f"Kamailio {generations(bits)}" if bits else "no single generation of Kamailio has it all"))
    if report.elsewhere:
        told.append(("replace", f"{_number(len(report.elsewhere), 'name')} of other generations"))
    counts = [(sum(one.finding.severity == kind for one in report.told), kind) for kind in ("error", "warning")]
    said = ", ".join(_number(number, kind) for number, kind in counts if number)
    told.append(("check", said or "finds nothing wrong"))
    return told


def sections(report: Report) -> Iterator[tuple[str, str, list[Use]]]:
    """Title, what it means, and the names, of what deserves a look; without the empty ones."""
    gone = {id(use) for use in report.elsewhere}
    for title, meaning, uses in (
        ("Doubles", "Kamailio has them; here a test answers for them, or they are false", report.of(State.DOUBLE)),
        ("Other generations", "not in every Kamailio that is asked for", report.elsewhere),
        ("Unknown", "nothing that is loaded has them", report.of(State.UNKNOWN)),
        (
            "Old habits",
            "they work; newer configs write them otherwise",
            [use for use in report.habits if id(use) not in gone],
        ),
        ("Without effect", "accepted, and nothing comes of them here", report.of(State.INERT)),
    ):
        if uses:
            yield title, meaning, uses


def _report(report: Report) -> Iterator[str]:
    yield report.path
    for what, told in summary(report):
        yield f"  {what:<9} {told}"
    for title, meaning, uses in sections(report):
        yield f"\n{title}: {meaning}"
        for reason, group in grouped(title, uses):
            if reason:
                yield f"  {reason}"
            for use in group:
                yield f"    {use.shown}  {use.kind}  {_places(use.places)}"
                if use.instead is not None:
                    yield f"      {remark(use)}"
    if report.told:
        yield "\nWhat looks wrong (kamscript check tells more)"
        for one in report.told:
            yield f"  {_finding(one)}"
    if report.inventory.runs or report.inventory.unreached:
        yield "\nBranches"
        yield from branch_lines(report)
    yield "\nReal"
    for module, names in real_names(report):
        yield f"  {module}: {', '.join(names)}"


def grouped(title: str, uses: Iterable[Use]) -> list[tuple[str, list[Use]]]:
    """The names of a section under one line per module and reason."""
    groups: dict[str, list[Use]] = {}
    for use in uses:
        if title == "Other generations":
            owner = "" if use.kind == "module" else f"{use.module}: "
            reason = f"{owner}only in {generations(use.generations)}"
        elif title == "Old habits":
            reason = ""
        elif title == "Without effect":
            reason = use.why
        else:
            reason = f"{use.module}: {use.why}" if use.module else use.why
        groups.setdefault(reason, []).append(use)
    return list(groups.items())


def remark(use: Use) -> str:
    """What replaced a name."""
    replaced = use.instead
    return "" if replaced is None else f"instead: {replaced.instead} [{replaced.source}]"


def branch_lines(report: Report) -> Iterator[str]:
    """For each name of a condition, how much stands under it; and what was looked at on one side only."""
    shares: dict[str, dict[State, int]] = {}
    for use in report.uses:
        for when in dict.fromkeys(condition for place in use.places for condition in place.when):
            share = shares.setdefault(when, dict.fromkeys(State, 0))
            share[use.state] += 1
    for when, share in sorted(shares.items()):
        parts = [f"{number} {state}" for state, number in share.items() if number]
        yield f"  {when}: {', '.join(parts)}"
    for expression in report.inventory.unreached:
        yield f"  #!ifexp {expression}: only the side that counts now was looked at"


def real_names(report: Report) -> list[tuple[str, list[str]]]:
    """The names that are real, by module."""
    found: dict[str, list[str]] = {}
    for use in report.of(State.REAL):
        if use.kind != "module":
            found.setdefault(use.module, []).append(use.shown)
    return sorted((module, sorted(names)) for module, names in found.items())


def _finding(one: Told) -> str:
    finding = one.finding
    run = f" [{one.run}]" if one.run else ""
    hint = f"; {one.hint}" if one.hint else ""
    return f"{finding.path}:{finding.line}: {finding.severity}: {finding.message} [{finding.rule}]{hint}{run}"


def _places(places: Sequence[Place]) -> str:
    """`kamailio.cfg:12, 30 [WITH_NAT], 41`: lines of one file, each with its conditions."""
    out: list[str] = []
    path = ""
    for place in places[:_PLACES]:
        when = f" [{' '.join(place.when)}]" if place.when else ""
        out.append(f"{place.line}{when}" if place.path == path else f"{place}{when}")
        path = place.path
    more = len(places) - _PLACES
    return ", ".join(out) + (f" and {more} more" if more > 0 else "")


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def as_json(reports: Sequence[Report]) -> str:
    """A list of objects, one a config; see docs/port.md."""
    return json.dumps([_plain(report) for report in reports], indent=2) + "\n"


def _plain(report: Report) -> dict[str, Any]:
    return {
        "config": report.path,
        "clean": report.clean,
        "files": [source.path for source in report.inventory.sources],
        "modules": report.inventory.modules,
        "generations": _list(report.generations),
        "counts": {state.value: len(report.of(state)) for state in State},
        "runs": [{"defined": dict(run.on), "undefined": sorted(run.off)} for run in report.inventory.runs],
        "oneSided": report.inventory.unreached,
        "names": [_name(use) for use in report.uses],
        "findings": [
            {
                "file": one.finding.path,
                "line": one.finding.line,
                "column": one.finding.column,
                "severity": one.finding.severity,
                "rule": one.finding.rule,
                "message": one.finding.message,
                "hint": one.hint,
                "run": one.run,
            }
            for one in report.told
        ],
    }


def _name(use: Use) -> dict[str, Any]:
    replaced = use.instead
    return {
        "kind": use.kind,
        "name": use.name,
        "module": use.module,
        "state": use.state.value,
        "why": use.why,
        "generations": _list(use.generations),
        "instead": replaced.instead if replaced is not None else None,
        "source": replaced.source if replaced is not None else None,
        "habit": replaced is not None and replaced.habit,
        "places": [{"file": place.path, "line": place.line, "when": list(place.when)} for place in use.places],
    }


def _list(bits: int) -> list[str]:
    return generations(bits).split(", ") if bits else []
