"""Which lines of a config can run, and which line may follow which: what a coverage report compares with.

Compiled routes carry the config's own lines, so what ran is known from any tracer. Here stands what could have run. A
statement counts at its first line, the head of a route counts as run when the route was; so does a `case` that was
tried. Two ways out of a line make it a branch: `if`, `while`, `case`, and a `switch` without labels never.

The pairs are those that a tracer sees in the code that `kamscript.script.statements` writes: `-n` leaves the route that
begins on line n. Where that code takes a way round over the line of a `switch`, `detours` names the pair that is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from kamscript.script import nodes
from kamscript.script.compile import route_title
from kamscript.script.expressions import fold
from kamscript.script.statements import falls_through, no_case_line
from kamscript.values import to_int

Arc = tuple[int, int]


@dataclass(slots=True)
class RouteLines:
    """One route block in one file: from the line of its head, or of its first statement there, to its last line."""

    title: str
    start: int
    end: int


@dataclass(slots=True)
class FileFlow:
    """What can run of one file."""

    lines: set[int] = field(default_factory=set)
    arcs: set[Arc] = field(default_factory=set)
    ways: dict[Arc, str] = field(default_factory=dict)  #: what it means that one of several was taken
    detours: dict[Arc, Arc] = field(default_factory=dict)  #: what a tracer sees, and what it means
    first: dict[int, int] = field(default_factory=dict)  #: lines of one statement, to its first
    under: dict[int, set[int]] = field(default_factory=dict)  #: the lines below a line that opens a block
    routes: list[RouteLines] = field(default_factory=list)

    def update(self, other: FileFlow) -> None:
        """Add what can run of the file when it is read in another way."""
        self.lines |= other.lines
        self.arcs |= other.arcs
        self.ways.update(other.ways)
        self.detours.update(other.detours)
        self.first.update(other.first)
        for line, below in other.under.items():
            self.under[line] = self.under.get(line, set()) | below
        self.routes += [route for route in other.routes if route not in self.routes]


def flows(config: nodes.Config) -> dict[str, FileFlow]:
    """What can run of each file of a config, by the file's name; files without any line that runs are left out."""
    found: dict[str, FileFlow] = {}
    blocks: dict[tuple[nodes.RouteKind, str], list[nodes.Route]] = {}
    for route in config.routes:
        blocks.setdefault((route.kind, route.name), []).append(route)
    for (kind, name), parts in blocks.items():
        title = route_title(kind, name)
        statements = [statement for part in parts for statement in part.body.statements]
        head = parts[0].pos
        walker = _Walker(found, head.path, head.line, title)
        walker.flow.lines.add(head.line)
        walker.whole(statements)
        for part in parts:
            flow = found.setdefault(part.pos.path, FileFlow())
            start = part.pos.line
            below = _lines(part.body, part.pos.path)
            flow.routes.append(RouteLines(title, start, max(below | {start, part.cline})))
            flow.under[start] = flow.under.get(start, set()) | below
    for flow in found.values():
        flow.first = {line: to for line, to in flow.first.items() if line not in flow.lines and line != to}
    return found


def _lines(top: nodes.Node, path: str) -> set[int]:
    """The lines of a file on which the statements of something begin; what it includes is one of its lines."""
    places = (node.pos.seen_from(path) for node in nodes.walk(top) if isinstance(node, nodes.Statement))
    return {place.line for place in places if place is not None}


def _constant(expr: nodes.Expr) -> int | None:
    """The number of an expression that is known at load."""
    rve = fold(expr)
    return to_int(rve.value) if rve.op == "const" else None


class _Walker:
    """Follows the statements of one function backwards: each is told the line that follows it."""

    def __init__(self, found: dict[str, FileFlow], path: str, head: int, title: str) -> None:
        self.found, self.path, self.head, self.title = found, path, head, title
        self.flow = found.setdefault(path, FileFlow())
        self.breaks: list[int] = []

    def whole(self, statements: Sequence[nodes.Statement]) -> None:
        """The body of the function."""
        flow, head = self.flow, self.head
        first = self.row(statements, -head)
        flow.arcs.add((-head, head))
        if first != head:
            flow.arcs.add((head, first))

    # -- rows of statements
    def row(self, statements: Sequence[nodes.Statement], behind: int) -> int:
        """Statements one behind the other, `behind` the last of them; the line on which they begin."""
        for index, statement in enumerate(statements):
            if isinstance(statement, nodes.Jump):
                statements = statements[: index + 1]  # nothing behind it is compiled
                break
        stretches = [list(found) for _, found in groupby(statements, lambda statement: statement.pos.path)]
        for stretch in reversed(stretches):
            if stretch[0].pos.path != self.path:
                behind = self._elsewhere(stretch, behind)
            else:
                for statement in reversed(stretch):
                    behind = self.statement(statement, behind)
        return behind

    def _elsewhere(self, statements: Sequence[nodes.Statement], behind: int) -> int:
        """A stretch of an included file is a function of its own, which begins on the first statement's line.

        The line that includes the file calls it.
        """
        first = statements[0].pos
        walker = _Walker(self.found, first.path, first.line, self.title)
        before = set(walker.flow.arcs)
        walker.row(statements, -first.line)
        self._mean(walker.flow, walker.flow.arcs - before, first.line, -first.line)
        walker.flow.arcs.add((-first.line, first.line))
        below = set[int]().union(*(_lines(statement, first.path) for statement in statements))
        walker.flow.routes.append(RouteLines(self.title, first.line, max(below)))
        here = first.seen_from(self.path)
        if here is None:
            return behind
        self.flow.lines.add(here.line)
        self._arc(here.line, behind)
        return here.line

    @staticmethod
    def _mean(flow: FileFlow, arcs: Iterable[Arc], over: int, to: int) -> None:
        """Ways that lead to `to` are seen to lead to the line `over`."""
        for source, target in arcs:
            if target == to and source != over:
                flow.detours[source, over] = (source, target)

    def _arc(self, source: int, target: int, way: str = "") -> None:
        if source != target:
            self.flow.arcs.add((source, target))
            if way:
                self.flow.ways[source, target] = way

    # -- statements
    def statement(self, node: nodes.Statement, behind: int) -> int:
        """One statement; the line it begins on."""
        line = node.pos.line
        self.flow.lines.add(line)
        match node:
            case nodes.If():
                self._if(node, line, behind)
            case nodes.While():
                self._while(node, line, behind)
            case nodes.Switch():
                self._switch(node, line, behind)
            case nodes.Jump():
                self._jump(node, line, behind)
                self._extent(node, line)
            case _:
                self._arc(line, behind)
                self._extent(node, line)
        return line

    def _extent(self, node: nodes.Node, line: int) -> None:
        """Further lines of a simple statement or a condition; blocks inside an expression are functions."""
        last = line
        for inner in nodes.walk(node):
            if isinstance(inner, nodes.BlockExpr):
                walker = _Walker(self.found, self.path, inner.pos.line, self.title)
                walker.whole(inner.body.statements)
            if inner.pos.path == self.path:
                last = max(last, inner.pos.end_line, inner.cline if isinstance(inner, nodes.Call) else 0)
        for further in range(line + 1, last + 1):
            self.flow.first.setdefault(further, line)

    def _below(self, line: int, blocks: Iterable[nodes.Block]) -> None:
        """Remember what a line opens: who excludes the line excludes that as well."""
        below = set[int]().union(*(_lines(block, self.path) for block in blocks))
        self.flow.under[line] = self.flow.under.get(line, set()) | below - {line}

    def _if(self, node: nodes.If, line: int, behind: int) -> None:
        self._extent(node.condition, line)
        self._below(line, [node.then])
        known = _constant(node.condition)
        if known is None or known > 0:
            before = set(self.flow.arcs)
            self._arc(line, self.row(node.then.statements, behind), "the condition is true")
            for arc in self.flow.arcs - before:
                if arc[0] == line:  # the whole `if` stands on one line
                    self.flow.ways[arc] = "the condition is true"
        if node.otherwise is not None:
            opens = node.otherwise.pos.line
            self.flow.first.setdefault(opens, line)
            if opens != line:
                self._below(opens, [node.otherwise])
            if known is None or known <= 0:
                self._arc(line, self.row(node.otherwise.statements, behind), "the condition is false")
        elif known is None or known <= 0:
            self._arc(line, behind, "the condition is false")

    def _while(self, node: nodes.While, line: int, behind: int) -> None:
        self._extent(node.condition, line)
        self._below(line, [node.body])
        known = _constant(node.condition)
        if known is None or not known:
            self._arc(line, behind, "the condition is false")
        if known is None or known:
            self.breaks.append(behind)
            self._arc(line, self.row(node.body.statements, line), "the condition is true")
            self.breaks.pop()

    def _jump(self, node: nodes.Jump, line: int, behind: int) -> None:
        """`exit`, `drop` and `return 0` leave by an exception, which not every tracer notes: they lead nowhere."""
        if node.kind == "break":
            self._arc(line, self.breaks[-1] if self.breaks else -self.head)
        elif node.kind == "return" and (node.value is None or _constant(node.value) != 0):
            self._arc(line, -self.head)

    # -- switch
    def _switch(self, node: nodes.Switch, line: int, behind: int) -> None:
        self._extent(node.subject, line)
        self._below(line, [case.body for case in node.cases])
        for case in node.cases:
            if case.pos.line != line:
                self._below(case.pos.line, [case.body])
        before = set(self.flow.arcs)
        self.breaks.append(behind)
        if falls_through(node):
            self._through(node, line, behind)
        else:
            starts = [self.row(case.body.statements, behind) for case in node.cases]
            self._mean(self.flow, self.flow.arcs - before, line, behind)
            self._cases(node, line, starts, behind)
        self.breaks.pop()

    def _cases(self, node: nodes.Switch, line: int, starts: Sequence[int], behind: int) -> list[int]:
        """The search for the case that fits; the lines of the labels, in the order in which they are tried."""
        tried = [
            (case.pos.line, start) for case, start in zip(node.cases, starts, strict=True) if case.label is not None
        ]
        nothing = next((start for case, start in zip(node.cases, starts, strict=True) if case.label is None), behind)
        if not tried:
            self._arc(line, nothing)
            for case in node.cases:
                self.flow.first.setdefault(case.pos.line, line)
            return []
        self._arc(line, tried[0][0])
        for index, (label, start) in enumerate(tried):
            self.flow.lines.add(label)
            self._arc(label, start, "the case fits")
            follows = tried[index + 1][0] if index + 1 < len(tried) else nothing
            self._arc(label, follows, "the case does not fit")
        return [label for label, _ in tried]

    def _through(self, node: nodes.Switch, line: int, behind: int) -> None:
        starts: list[int] = []
        follows = behind
        for case in reversed(node.cases):
            before = set(self.flow.arcs)
            start = self.row(case.body.statements, follows)
            self._mean(self.flow, self.flow.arcs - before, line, follows)
            follows = start
            starts.insert(0, start)
        labels = self._cases(node, line, starts, behind)
        for case, start in zip(node.cases, starts, strict=True):
            if case.label is not None:
                self.flow.detours[case.pos.line, line] = (case.pos.line, start)
        if labels:
            nothing = next((s for case, s in zip(node.cases, starts, strict=True) if case.label is None), behind)
            self.flow.detours[labels[-1], no_case_line(node)] = (labels[-1], nothing)
