"""Findings as people and machines read them: text with code frames, JSON, SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kamscript import __version__
from kamscript.source import Diagnostic

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
SARIF_LEVEL = {"error": "error", "warning": "warning", "note": "note"}


def as_text(findings: Iterable[Diagnostic]) -> str:
    """Every finding with its line and caret, and a last line with the counts."""
    shown = list(findings)
    errors = sum(finding.severity == "error" for finding in shown)
    warnings = sum(finding.severity == "warning" for finding in shown)
    parts = [finding.render() for finding in shown]
    if shown:
        parts.append(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}")
    return "".join(part + "\n" for part in parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def as_json(findings: Iterable[Diagnostic]) -> str:
    """A list of objects: file, line, column, endLine, endColumn, severity, rule, message, hint."""
    return json.dumps([_plain(finding) for finding in findings], indent=2) + "\n"


def _plain(finding: Diagnostic) -> dict[str, Any]:
    span = finding.span
    end_line, end_column = span.source.place(max(span.start, span.end))
    return {
        "file": span.path,
        "line": span.line,
        "column": span.column,
        "endLine": end_line,
        "endColumn": end_column,
        "severity": finding.severity,
        "rule": finding.rule,
        "message": finding.message,
        "hint": finding.hint,
    }


def as_sarif(findings: Iterable[Diagnostic]) -> str:
    """One SARIF run, for code scanning services."""
    shown = list(findings)
    rules = sorted({finding.rule for finding in shown})
    results = []
    for finding in shown:
        plain = _plain(finding)
        message = finding.message + (f" ({finding.hint})" if finding.hint else "")
        region = {name: plain[key] for name, key in _REGION.items()}
        location = {"physicalLocation": {"artifactLocation": {"uri": plain["file"]}, "region": region}}
        results.append(
            {
                "ruleId": finding.rule,
                "ruleIndex": rules.index(finding.rule),
                "level": SARIF_LEVEL[finding.severity],
                "message": {"text": message},
                "locations": [location],
            }
        )
    driver = {"name": "kamscript", "version": __version__, "rules": [{"id": rule} for rule in rules]}
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, indent=2) + "\n"


_REGION = {"startLine": "line", "startColumn": "column", "endLine": "endLine", "endColumn": "endColumn"}
