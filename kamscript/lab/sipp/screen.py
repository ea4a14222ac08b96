"""What a run looks like at its end: SIPp's scenario screen, as text."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.lab.sipp.result import ScenarioResult
from kamscript.lab.sipp.scenario import Kind, Step


def screen(result: ScenarioResult) -> str:
    """The steps with their counts, and below them the calls."""
    steps = [step for step in result.steps if not step.hide]
    labels = [_label(step) for step in steps]
    width = max([len(label) for label in labels] + [24])
    rows = [f"{'':{width}} {'Messages':>9} {'Retrans':>8} {'Timeout':>8} {'Unexpected':>11}{_lost_head(steps)}"]
    for step, label in zip(steps, labels, strict=True):
        times = step.sent if step.kind in (Kind.SEND, Kind.PAUSE) else step.received
        count = "" if step.kind is Kind.NOP else str(times)
        lost = f" {step.losses:>6}" if _lost_head(steps) else ""
        cells = f"{count:>9} {step.retransmissions or '':>8} {step.timeouts or '':>8} {step.unexpected or '':>11}{lost}"
        rows.append(f"{label:{width}} {cells}".rstrip())
        if step.crlf:
            rows.append("")
    if rows[-1]:
        rows.append("")
    return "\n".join([f"{result.name} ({result.file})", *rows, *_totals(result), ""])


def _label(step: Step) -> str:
    text = step.display or step.label.partition(" ")[2] or step.label
    if step.kind is Kind.SEND:
        return f"  {text} ---------->"
    if step.kind is Kind.RECV:
        return f"  {text} <----------"
    if step.kind is Kind.PAUSE and step.pause is not None:
        return f"  {step.label} [{step.pause.percentile:g} ms]"
    return f"  {step.label}"


def _lost_head(steps: list[Step]) -> str:
    return f" {'Lost':>6}" if any(step.losses for step in steps) else ""


def _totals(result: ScenarioResult) -> Iterator[str]:
    counts = result.counts
    yield str(result)
    if counts.call_lengths.count:
        yield f"  at most {counts.peak} at once; a call took {counts.call_lengths}"
    for name, times in counts.response_times.items():
        yield f"  response time {name}: {times}"
    for title, number in (
        ("messages that belong to no call", counts.out_of_call),
        ("messages of calls that were over", counts.dead_call),
        ("requests answered by -aa", counts.auto_answered),
    ):
        if number:
            yield f"  {title}: {number}"
    for name, number in sorted(counts.counters.items()):
        yield f"  counter {name}: {number}"
