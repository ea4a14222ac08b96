"""The table of rules: whole, true to its examples, and what the manual shows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import kamscript
from kamscript.source import MemoryReader
from kamscript.tools.examine import examine
from kamscript.tools.rules import RULES, manual

PACKAGE = Path(kamscript.__file__).parent
#: Where findings are made, and what the functions that make them are called.
_PLACES = ("script", "core", "tools", "loader.py")
_MAKERS = {"Diagnostic", "error", "warn", "complain", "complain_at", "fail", "_error", "say"}


def _reported() -> set[str]:
    """Every rule id in the code that a finding can have."""
    found = set()
    for place in _PLACES:
        root = PACKAGE / place
        for path in root.rglob("*.py") if root.is_dir() else [root]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or len(node.args) < 2:
                    continue
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                first = node.args[0]
                if ast.unparse(node.func).endswith("log.error"):
                    continue  # a line of the log, not a finding
                if called in _MAKERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    word = first.value
                    if word and word.replace("-", "").isalpha() and word.islower():
                        found.add(word)
    return found


def test_every_rule_that_the_code_reports_is_described() -> None:
    assert _reported() - RULES.keys() == set()


def test_no_rule_is_described_that_nothing_reports() -> None:
    elsewhere = {"bad-regex", "bad-select", "bad-variable", "no-value"}  # chosen by the kind of what failed
    assert RULES.keys() - _reported() - elsewhere == set()


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if rule.example])
def test_the_example_is_found(rule: str) -> None:
    files = {"kamailio.cfg": RULES[rule].example + "\n", "tls.cfg": "[client:192.0.2.1:5061]\n"}
    found = examine("kamailio.cfg", MemoryReader(files))
    assert {finding.severity for finding in found if finding.rule == rule} == {RULES[rule].severity}


def test_each_warning_has_an_example() -> None:
    assert [name for name, rule in RULES.items() if rule.severity == "warning" and not rule.example] == []


def test_the_manual_is_up_to_date() -> None:
    page = PACKAGE.parent / "docs" / "check.md"
    if not page.exists():
        pytest.skip("docs/ is not part of an installed package")
    assert page.read_text(encoding="utf-8") == manual(), "run: python -m kamscript.tools.rules > docs/check.md"
