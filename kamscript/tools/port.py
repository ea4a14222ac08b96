"""`kamscript port`: what of a config is simulated, what a test must answer for, what other generations replaced.

For each config: which names are real, which are doubles and why, which exist only in other generations of Kamailio and
what replaced them, which nobody knows, and what `kamscript check` finds wrong.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from kamscript.loader import defines_of, read_text, target_of
from kamscript.script.catalog import GENERATIONS
from kamscript.source import ConfigError, FileReader
from kamscript.tools.examine import examine
from kamscript.tools.findings import Finding
from kamscript.tools.port_branches import Forced
from kamscript.tools.port_inventory import Inventory, Use, inventory
from kamscript.tools.port_names import State
from kamscript.tools.port_successors import successor

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from kamscript.script.keywords import Target
    from kamscript.source import Reader

CLEAN, FINDINGS, USAGE = 0, 1, 2
_ALL = GENERATIONS["all"]
_NO_PARAMETER = re.compile(r"(\w+) is no core parameter")


class Told(NamedTuple):
    """A finding, and what must (not) be defined for it (empty: the config as it is has it)."""

    finding: Finding
    run: str

    @property
    def hint(self) -> str:
        """The finding's hint, or what replaced a core parameter that is gone."""
        m = _NO_PARAMETER.fullmatch(self.finding.message)
        gone = successor("core parameter", m[1]) if m is not None else None
        return f"instead: {gone.instead} [{gone.source}]" if gone is not None else self.finding.hint


class Report:
    """What there is to tell of one config."""

    def __init__(self, path: str, found: Inventory, told: Sequence[Told], target: Target) -> None:
        self.path, self.inventory, self.target = path, found, target
        # Notes tell of doubles, one call each: the names say it.
        self.told = tuple(one for one in told if one.finding.severity != "note")
        self.uses = list(found.uses.values())

    def of(self, *states: State) -> list[Use]:
        """The names in these states."""
        return [use for use in self.uses if use.state in states]

    @property
    def wanted(self) -> int:
        """The generations that a name should be in: the target's, else those that are maintained."""
        return GENERATIONS[self.target] if self.target != "all" else GENERATIONS["5.6"] | GENERATIONS["6.x"]

    @property
    def elsewhere(self) -> list[Use]:
        """Names that exist, but not in every wanted generation."""
        return [use for use in self.uses if use.generations and use.generations & self.wanted != self.wanted]

    @property
    def habits(self) -> list[Use]:
        """Names that newer configs write otherwise."""
        return [use for use in self.uses if use.instead is not None and use.instead.habit]

    @property
    def generations(self) -> int:
        """The generations that have every name that exists at all."""
        bits = _ALL
        for use in self.uses:
            if use.generations:
                bits &= use.generations
        return bits

    @property
    def errors(self) -> list[Told]:
        """What the daemon would refuse."""
        return [told for told in self.told if told.finding.severity == "error"]

    @property
    def clean(self) -> bool:
        """Whether all of it runs here for real, and in the wanted generations."""
        return not (self.errors or self.elsewhere or self.of(State.DOUBLE, State.UNKNOWN))


def examined(
    path: str,
    reader: Reader,
    *,
    defines: Mapping[str, str],
    subst: Sequence[str] = (),
    target: Target = "all",
    branches: bool = False,
) -> Report:
    """The report of one config; raises ConfigError when it cannot be read."""
    read_text(reader, path)
    found = inventory(path, reader, defines=defines, subst=subst, target=target, branches=branches)
    told = [Told(one, "") for one in examine(path, reader, defines=defines, subst=subst, target=target)]
    known = {_what(one.finding) for one in told}
    for run in found.runs:
        given = {name: value for name, value in defines.items() if name not in run.off} | dict(run.on)
        for one in examine(path, Forced(reader, run), defines=given, subst=subst, target=target):
            if _what(one) not in known:
                known.add(_what(one))
                told.append(Told(one, found.around(one.path, one.line) or str(run)))
    return Report(path, found, told, target)


def _what(finding: Finding) -> tuple[object, ...]:
    return finding.rule, finding.message, finding.path, finding.line


def port(options: argparse.Namespace) -> int:
    """Print the reports; 0 everything is real, 1 something is not or is wrong, 2 wrong usage."""
    target, defines = target_of(options.target), defines_of(options.defines)
    reader = FileReader(include=tuple(os.path.abspath(folder) for folder in options.include))
    reports, failed = [], False
    for path in options.configs:
        try:
            reports.append(
                examined(
                    path,
                    reader,
                    defines=defines,
                    subst=options.subst,
                    target=target,
                    branches=options.all_branches,
                )
            )
        except ConfigError as error:
            print(error, file=sys.stderr)
            failed = True
    text = _rendered(reports, options.format)
    if options.output:
        try:
            with open(options.output, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            print(f"kamscript: cannot write {options.output}: {error.strerror}", file=sys.stderr)
            return USAGE
    else:
        sys.stdout.write(text)
    return CLEAN if not failed and all(report.clean for report in reports) else FINDINGS


def _rendered(reports: Sequence[Report], form: str) -> str:
    if form == "html":
        from kamscript.tools.port_page import as_html

        return as_html(reports)
    from kamscript.tools.port_report import as_json, as_text

    return as_json(reports) if form == "json" else as_text(reports)
