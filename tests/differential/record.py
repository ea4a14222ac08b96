"""Record what the real daemon does: `python -m tests.differential.record [TOPIC [CASE...]]`.

Each case runs twice and is recorded only if both runs agree.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from .case import Case, Refused, all_cases
from .outcome import GOLDEN, differences, digest, run
from .real import Real


def main(args: list[str]) -> int:
    """Record the cases that `args` name, or all; the number of cases that failed."""
    topic, names = (args[0] if args else None), args[1:]
    cases = [case for case in all_cases() if topic in (None, case.topic) and (not names or case.name in names)]
    cases = [case for case in cases if not case.needs or Path(case.needs).exists()]
    failed = 0
    for case in cases:
        started = time.monotonic()
        try:
            outcome = run(case, Real)
            unstable = differences(outcome, run(case, Real), {})
        except Refused as error:
            failed += 1
            print(f"{case}: refused", *_complaints(case, str(error)), sep="\n  ")
            continue
        except (AssertionError, TimeoutError, KeyError) as error:
            print(f"{case}: {error}")
            failed += 1
            continue
        if unstable:
            print(f"{case}: two runs differ", *unstable, sep="\n  ")
            failed += 1
            continue
        _store(case, outcome)
        print(f"{case}: {time.monotonic() - started:.2f} s")
    if not names:
        _drop_stale(topic)
    return failed


def _complaints(case: Case, text: str) -> list[str]:
    """The first complaint about each line, with the line."""
    source = case.config.split("\n")
    found: dict[int, str] = {}
    for number, what in re.findall(r"parse error in config file \S+, line (\d+), (.*)", text):
        found.setdefault(int(number), what)
    if not found:
        return [line for line in text.split("\n") if "ERROR" in line or "CRITICAL" in line][:6]
    source.append("(end)")
    return [f"{(case.facts or {}).get(n, source[min(n, len(source)) - 1])}    {what}" for n, what in found.items()]


def _read(topic: str) -> dict[str, object]:
    path = GOLDEN / f"{topic}.json"
    content = json.loads(path.read_text("utf-8")) if path.exists() else {}
    assert isinstance(content, dict)
    return content


def _write(topic: str, content: dict[str, object]) -> None:
    order = [case.name for case in all_cases() if case.topic == topic]
    ordered = {name: content[name] for name in order if name in content}
    text = json.dumps(ordered, indent=1, ensure_ascii=True)
    (GOLDEN / f"{topic}.json").write_text(text + "\n", "utf-8")


def _store(case: Case, outcome: dict[str, object]) -> None:
    content = _read(case.topic)
    content[case.name] = {"config": digest(case), "outcome": outcome}
    _write(case.topic, content)


def _drop_stale(topic: str | None) -> None:
    for name in {case.topic for case in all_cases()}:
        if topic in (None, name):
            _write(name, _read(name))


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
