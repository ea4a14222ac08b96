"""Findings as people and machines read them: text with code frames, JSON, SARIF 2.1.0.

A `Finding` is a Diagnostic without its file: plain data, so that what was found is kept from one check to the next.
A warm check runs through here: nothing heavy is imported at the top.
"""

from __future__ import annotations

from kamscript.frame import draw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from kamscript.source import Diagnostic

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Finding:
    """One finding with the place and the text of its line.

    `line`, `column`, `end_line`, `end_column` count from 1 (the end is behind the last character); `text` is the line
    (None: there is none); `length` the characters that the caret marks; `kamailio_line` the line that real Kamailio
    names for the same error.
    """

    FIELDS = (
        "rule", "severity", "message", "hint", "path", "line", "column", "end_line", "end_column", "text", "length",
        "kamailio_line",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(self, *values: Any) -> None:
        self.rule: str
        self.severity: str
        self.message: str
        self.hint: str
        self.path: str
        self.line: int
        self.column: int
        self.end_line: int
        self.end_column: int
        self.text: str | None
        self.length: int
        self.kamailio_line: int
        for name, value in zip(self.FIELDS, values, strict=True):
            setattr(self, name, value)

    @classmethod
    def of(cls, diagnostic: Diagnostic) -> Finding:
        """What a stage of the reading found."""
        span = diagnostic.span
        source = span.source
        line, column = source.place(span.start)
        end_line, end_column = source.place(max(span.start, span.end))
        text = source.line(line)
        return cls(
            diagnostic.rule,
            diagnostic.severity,
            diagnostic.message,
            diagnostic.hint,
            source.path,
            line,
            column,
            end_line,
            end_column,
            text if text or source.text else None,
            max(1, span.end - span.start),
            diagnostic.line,
        )

    @property
    def data(self) -> tuple[Any, ...]:
        """The values in the order of FIELDS."""
        return tuple(getattr(self, name) for name in self.FIELDS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Finding) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        return f"<{self.path}:{self.line}:{self.column} {self.severity} {self.rule}>"

    def render(self) -> str:
        """The finding as text: head, line, caret, hint."""
        head = f"{self.path}:{self.line}:{self.column}: {self.severity}: {self.message} [{self.rule}]"
        return draw(head, self.line, self.text, self.column, self.length, self.hint)


def as_text(findings: Iterable[Finding]) -> str:
    """Every finding with its line and caret, and a last line with the counts; empty when there is nothing."""
    shown = list(findings)
    parts = [finding.render() for finding in shown]
    if shown:
        counts = ((sum(f.severity == kind for f in shown), kind) for kind in ("error", "warning", "note"))
        parts.append(", ".join(f"{number} {kind}{'s' * (number != 1)}" for number, kind in counts if number))
    return "".join(part + "\n" for part in parts)


def as_json(findings: Iterable[Finding]) -> str:
    """A list of objects: file, line, column, endLine, endColumn, severity, rule, message, hint."""
    import json

    return json.dumps([_plain(finding) for finding in findings], indent=2) + "\n"


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "file": finding.path,
        "line": finding.line,
        "column": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
        "severity": finding.severity,
        "rule": finding.rule,
        "message": finding.message,
        "hint": finding.hint,
    }


def as_sarif(findings: Iterable[Finding]) -> str:
    """One SARIF 2.1.0 run (OASIS, section 3.14), for code scanning services."""
    import json

    from kamscript import __version__
    from kamscript.tools.rules import RULES

    shown = list(findings)
    ids = sorted({finding.rule for finding in shown})
    rules = []
    for rule in ids:
        described: dict[str, Any] = {"id": rule}
        known = RULES.get(rule)
        if known is not None:
            described["shortDescription"] = {"text": known.title}
            described["fullDescription"] = {"text": known.text}
            described["help"] = {"text": known.remedy or known.text}
            described["defaultConfiguration"] = {"level": known.severity}
        rules.append(described)
    results = []
    for finding in shown:
        region = {
            "startLine": finding.line,
            "startColumn": finding.column,
            "endLine": finding.end_line,
            "endColumn": finding.end_column,
        }
        if finding.text is not None:
            region["snippet"] = {"text": finding.text}  # type: ignore[assignment]
        place = {"artifactLocation": {"uri": _uri(finding.path)}, "region": region}
        results.append(
            {
                "ruleId": finding.rule,
                "ruleIndex": ids.index(finding.rule),
                "level": finding.severity,
                "message": {"text": finding.message + (f" ({finding.hint})" if finding.hint else "")},
                "locations": [{"physicalLocation": place}],
            }
        )
    driver = {"name": "kamscript", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _uri(path: str) -> str:
    """A path as the URI reference that SARIF wants: relative ones stay so, odd characters are escaped."""
    from pathlib import PurePath
    from urllib.parse import quote

    plain = PurePath(path)
    return plain.as_uri() if plain.is_absolute() else quote(plain.as_posix())
