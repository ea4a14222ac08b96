"""Coverage of configs by coverage.py: lines, branches, routes, in every report that it writes.

    [tool.coverage.run]
    plugins = ["kamscript.lab.coverage"]

Compiled routes carry the config's own file name and lines, so coverage.py counts them by itself, with every core it
has. What it lacks is a reader of such files for its reports, and that is this plug-in: `kamscript.script.flow` says
what can run. pytest-cov needs no line of configuration: the pytest plug-in calls `install`.

coverage.py hands a file to a plug-in only if that plug-in also traced it, which the core on `sys.monitoring` does not
allow; so `install` extends the one method with which a report chooses a reader, and the one that looks for files
nothing of which ran.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from coverage import Coverage
from coverage.files import canonical_filename
from coverage.inorout import InOrOut
from coverage.plugin import CodeRegion, CoveragePlugin, FileReporter
from coverage.python import PythonFileReporter

from kamscript.report.highlight import config_lines
from kamscript.script.flow import FileFlow, flows
from kamscript.script.parse import read
from kamscript.source import FileReader, Source

if TYPE_CHECKING:
    from coverage.plugin_support import Plugins

    from kamscript.script.program import Program

    Arc = tuple[int, int]

#: Names of files that may be configs although nothing of them ran.
_SUFFIXES = (".cfg", ".inc", ".kam", ".conf")
_LOOKS_LIKE_ONE = re.compile(
    r"^[ \t]*(?:(?:request_|reply_|failure_|onreply_|branch_|onsend_|event_)?route\s*(?:\[[^\]\n]*\]\s*)?\{"
    r"|loadmodulex?\s+[\"']|(?:#!|!!)(?:KAMAILIO|SER|OPENSER)\b)",
    re.MULTILINE,
)
_CONDITION = re.compile(r"^[ \t]*(?:#!|!!)(?:ifdef|ifndef|ifexp|else?ifdef|elseif)[ \t]+(.+)$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*")
_NO_COVER = r"(?://|/\*)\s*(?:pragma|PRAGMA)[:\s]?\s*(?:no|NO)\s*(?:cover|COVER)"
_NO_BRANCH = r"(?://|/\*)\s*(?:pragma|PRAGMA)[:\s]?\s*(?:no|NO)\s*(?:branch|BRANCH)"
#: What a way that was not taken says.
_NEVER = {
    "the condition is true": "the condition was never true",
    "the condition is false": "the condition was never false",
    "the case fits": "the case never fitted",
    "the case does not fit": "the case always fitted",
}
#: Folders without configs of the project.
_SKIPPED = frozenset({"node_modules", "site-packages", "dist-packages", "__pycache__"})


def is_config(path: str) -> bool:
    """Whether a file looks like a Kamailio config: it has a route, loads a module, or says so on its first line."""
    text = _text_of(path)
    return text is not None and _LOOKS_LIKE_ONE.search(text) is not None


def _text_of(path: str) -> str | None:
    try:
        return FileReader().read(path)
    except OSError:
        return None


class Configs:
    """The configs of one report, and which of their lines can run.

    A file may be included by several configs, and a config be read with several sets of defines. The lines behind an
    `#!ifdef` count when some line ran that only this define brings in; what no test switched on is not part of the
    config, as for a compiled language.
    """

    def __init__(self, executed: dict[str, set[int]]) -> None:
        self.executed = executed
        self.found: dict[str, FileFlow] = {}
        self._roots: set[str] = set()
        for path in sorted(executed):
            if not path.endswith(".py") and is_config(path):
                self._add(path)

    def flow(self, path: str) -> FileFlow:
        """What can run of a file."""
        if path not in self.found:
            self._add(path)
        if path not in self.found:
            self.found[path] = self._alone(path)
        return self.found[path]

    def knows(self, path: str) -> bool:
        """Whether the file is a config, or something of it ran as part of one."""
        return path in self.found or path.endswith(_SUFFIXES) or is_config(path)

    def _add(self, path: str) -> None:
        """Read a config with the defines with which it was run."""
        if path in self._roots:
            return
        self._roots.add(path)
        plain, texts = self._read(path, {})
        names = {name for text in texts for line in _CONDITION.findall(text) for name in _NAME.findall(line)}
        variants, chosen = [plain], dict[str, str]()
        current, growing = plain, True
        while growing:
            growing = False
            for name in sorted(names - chosen.keys()):
                trial, _ = self._read(path, {**chosen, name: ""})
                if self._ran(trial, current):
                    chosen[name], current, growing = "", trial, True
        if chosen:
            variants = [current] + ([plain] if self._ran(plain, current) else [])
            for name in sorted(names):
                other, _ = self._read(path, {name: ""})
                if all(self._ran(other, variant) for variant in variants):
                    variants.append(other)
        for variant in variants:
            for file, flow in variant.items():
                self.found.setdefault(file, FileFlow()).update(flow)

    def _ran(self, one: dict[str, FileFlow], other: dict[str, FileFlow]) -> bool:
        """Whether a line ran that is only in `one`."""
        for file, flow in one.items():
            further = flow.lines - (other[file].lines if file in other else set())
            if further & self.executed.get(file, set()):
                return True
        return False

    def _read(self, path: str, defines: dict[str, str]) -> tuple[dict[str, FileFlow], list[str]]:
        config, _ = read(Source(path, _text_of(path) or ""), FileReader(), defines)
        texts = [source.text for source in config.files]
        return {canonical_filename(file): flow for file, flow in flows(config).items()}, texts

    def _alone(self, path: str) -> FileFlow:
        """Statements that no config known here includes."""
        text = _text_of(path) or ""
        config, _ = read(Source(path, f"request_route {{ {text}\n}}\n"), FileReader())
        flow = flows(config).get(path, FileFlow())
        if not text.lstrip():
            return FileFlow()
        flow.routes = []
        flow.lines = {line for line in flow.lines if line > 1 or 1 in self.executed.get(path, set())}
        return flow


class ConfigReporter(FileReporter):
    """A config as the reports of coverage.py see it."""

    def __init__(
        self, filename: str, flow: FileFlow, exclude: Iterable[str] = (), no_branch: Iterable[str] = ()
    ) -> None:
        super().__init__(filename)
        self.flow = flow
        self._source = Path(filename).read_bytes().decode("utf-8", "replace")
        self._excluded = self._opened_by(self._matching([*exclude, _NO_COVER]))
        self._no_branch = {flow.first.get(line, line) for line in self._matching([*no_branch, _NO_BRANCH])}

    def _matching(self, patterns: Iterable[str]) -> set[int]:
        regex = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
        return {number for number, line in enumerate(self._source.split("\n"), 1) if regex.search(line)}

    def _opened_by(self, lines: set[int]) -> set[int]:
        """Lines, with everything in the blocks that they open."""
        flow, excluded = self.flow, set[int]()
        for line in lines:
            if line in flow.under:
                excluded |= flow.under[line]
                if line not in flow.lines:  # `} else {` belongs to the `if` only when that ran no further
                    continue
            excluded.add(flow.first.get(line, line))
        return excluded & flow.lines

    def source(self) -> str:
        """The text, as people read it."""
        return self._source

    def lines(self) -> set[int]:
        """Lines that can run."""
        return self.flow.lines - self._excluded

    def excluded_lines(self) -> set[int]:
        """Lines that `# pragma: no cover` and `exclude_lines` take out."""
        return self._excluded

    def translate_lines(self, lines: Iterable[int]) -> set[int]:
        """A statement of several lines counts at its first."""
        first = self.flow.first
        return {first.get(line, line) for line in lines}

    def arcs(self) -> set[Arc]:
        """Which line may follow which."""
        return {(a, b) for a, b in self.flow.arcs if a not in self._excluded and b not in self._excluded}

    def translate_arcs(self, arcs: Iterable[Arc]) -> set[Arc]:
        """What was seen, as ways between statements of the config."""
        first, detours = self.flow.first, self.flow.detours
        found = set()
        for a, b in arcs:
            pair = (first.get(a, a), first.get(b, b))
            found.add(detours.get(pair, pair))
        return {(a, b) for a, b in found if a != b}

    def no_branch_lines(self) -> set[int]:
        """Lines that `# pragma: no branch` excuses."""
        return self._no_branch

    def exit_counts(self) -> dict[int, int]:
        """How many ways lead on from a line."""
        counts: dict[int, int] = {}
        for a, _ in self.arcs():
            if a > 0:
                counts[a] = counts.get(a, 0) + 1
        return counts

    def missing_arc_description(self, start: int, end: int, executed_arcs: Iterable[Arc] | None = None) -> str:
        """`line 12 did not go on to line 15: never was it so that the condition is true`, in short."""
        way = self.flow.ways.get((start, end), "")
        never = (
            way.replace(" is ", " was never ").replace("does not fit", "always fitted").replace("fits", "never fitted")
        )
        return f"line {start} did not {self._target(end)}" + (f": {never}" if never else "")

    def arc_description(self, start: int, end: int) -> str:
        """What happens on a way."""
        way = self.flow.ways.get((start, end), "")
        return f"{way}, {self._target(end)}" if way else self._target(end)

    @staticmethod
    def _target(end: int) -> str:
        return f"go on to line {end}" if end > 0 else "leave the route"

    def source_token_lines(self) -> Iterator[list[tuple[str, str]]]:
        """The words, for colours."""
        lines = list(config_lines(self._source))
        if lines and not lines[-1]:
            lines.pop()
        yield from lines

    def code_regions(self) -> list[CodeRegion]:
        """The routes; LCOV knows only functions."""
        return [
            CodeRegion(kind=kind, name=route.title, start=route.start, lines=set(range(route.start, route.end + 1)))
            for route in self.flow.routes
            for kind in ("route", "function")
        ]

    def code_region_kinds(self) -> list[tuple[str, str]]:
        """What the regions are called."""
        return [("route", "routes")]


class KamailioConfigs(CoveragePlugin):
    """What `plugins = ["kamscript.lab.coverage"]` registers: `coverage debug sys` shows it."""

    def configure(self, config: Any) -> None:
        """Nothing to configure."""


def coverage_init(reg: Plugins, options: dict[str, str]) -> None:
    """Called by coverage.py for each command that has the plug-in in its configuration."""
    install()
    reg.add_configurer(KamailioConfigs())


_configs: WeakKeyDictionary[Coverage, Configs] = WeakKeyDictionary()
_installed = False


def install() -> None:
    """Let the reports of this process read configs."""
    global _installed
    if _installed:
        return
    _installed = True
    choose, look = Coverage._get_file_reporter, InOrOut._find_plugin_files

    def get_file_reporter(self: Coverage, morf: Any) -> FileReporter:
        chosen = choose(self, morf)
        if type(chosen) is not PythonFileReporter or chosen.filename.endswith(".py"):
            return chosen
        configs = _configs_of(self)
        if not configs.knows(chosen.filename) or not os.path.isfile(chosen.filename):
            return chosen
        settings = self.config
        return ConfigReporter(
            chosen.filename,
            configs.flow(chosen.filename),
            settings.exclude_list,
            [*settings.partial_list, *settings.partial_always_list],
        )

    def find_plugin_files(self: InOrOut, src_dir: str) -> Iterator[Any]:
        yield from look(self, src_dir)
        for path in find_configs(src_dir):
            yield path, None

    Coverage._get_file_reporter = get_file_reporter  # type: ignore[method-assign]
    InOrOut._find_plugin_files = find_plugin_files  # type: ignore[method-assign]


def _configs_of(cov: Coverage) -> Configs:
    """Read once for a report."""
    data = cov.get_data()
    executed = {path: set(data.lines(path) or ()) for path in data.measured_files()}
    known = _configs.get(cov)
    if known is None or known.executed != executed:
        known = _configs[cov] = Configs(executed)
    return known


def find_configs(folder: str) -> Iterator[str]:
    """The configs below a folder."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[:1] != "." and name not in _SKIPPED)
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        for name in sorted(files):
            path = os.path.join(where, name)
            if name.endswith(_SUFFIXES) and is_config(path):
                yield path


def label(program: Program) -> None:
    """Let `--cov=kamailio.cfg` mean this program: coverage.py looks for a module of that name."""
    cov = Coverage.current()
    if cov is None or not program.on_disk:
        return
    path = os.path.abspath(program.path)
    for source in cov.get_option("run:source") or ():  # type: ignore[union-attr]
        name = str(source)
        if os.path.abspath(name) == path or name == os.path.basename(path):
            program.__dict__["_label"] = name
            return
