"""The route trace of a lab: every statement as it runs, with the pseudo-variables on it before and behind.

    trace = lab.trace()
    lab.phone("alice").call("bob")
    print(trace)

The routes are compiled once more, with hooks that the debugger module uses as well; without a trace they have none.
Reading the variables changes nothing: what it logs is dropped, the transaction and `$rc` are put back, and what draws
on the lab's chance is not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kamscript.module import Accessor, FixupError
from kamscript.report.highlight import config_lines
from kamscript.report.trace import Run, Step, render
from kamscript.script.bind import BUILTIN, binding_of
from kamscript.script.format import accessor_of
from kamscript.script.pv import PvSyntaxError, PvText, match_pv, parse_pv
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.lab.lab import Lab
    from kamscript.script.program import Action

#: Statements kept; further ones are only counted.
MOST_STEPS = 20_000
#: Variables whose reading has an effect.
_NOT_READ = frozenset({"RANDOM", "null", "$"})
#: Variables that tell where a message goes: shown whenever a statement changes them.
_ALWAYS = [parse_pv("$ru"), parse_pv("$du")]
_HEADERS = frozenset({"if", "while", "switch", "case", "block", "eval"})
_OPERATORS = frozenset({"and", "or", "mod", "eq", "ne", "ieq", "ine"})


class RouteTrace:
    """What ran in a lab, from the moment it was asked for. `runs` are in the order in which they began."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.runs: list[Run] = []
        self.left_out = 0
        self._count = 0
        self._open: dict[tuple[int, str, int], _Open] = {}
        self._statements: dict[int, tuple[str, list[PvText], int]] = {}
        self._sources: dict[str, list[list[tuple[str, str]]]] = {}
        server = lab.server
        if not server.program.actions:
            lab.traced_program().take_over(server)
        self._actions = server.program.actions
        self._inner, self._inner_assign = server.trace, server.trace_assign
        server.trace, server.trace_assign = self._step, self._assigned
        binding = binding_of(server)
        self._binding = binding
        for name in ("_trace", "_assigned"):
            binding.names.pop(name, None)

    def __str__(self) -> str:
        self._finish()
        left_out = f"({self.left_out} further statements are not shown)\n" if self.left_out else ""
        return render(self.runs) + left_out

    def __iter__(self) -> Iterator[Run]:
        self._finish()
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def of(self, message: str) -> list[Run]:
        """The runs over one message, by its text, or by what it holds: `trace.of("INVITE sip:bob")`."""
        self._finish()
        return [run for run in self.runs if run.message == message or message in run.message]

    def lines(self, path: str = "") -> list[int]:
        """The lines that ran, in order; of one file when asked."""
        return [step.line for run in self.runs for step in run.steps if not path or step.path.endswith(path)]

    def clear(self) -> None:
        """Forget what ran so far."""
        self.runs.clear()
        self._open.clear()
        self._count = self.left_out = 0

    # -- the hooks
    def _step(self, ctx: Context, number: int) -> None:
        if self._inner is not None:
            self._inner(ctx, number)
        action = self._actions[number]
        if self._count >= MOST_STEPS:
            self.left_out += not action.inner
            return
        run = self._run_of(ctx, action)
        if action.inner:
            if run.run.steps:
                run.run.steps[-1].calls.append(action.name)
            return
        self._settle(run)
        run.enter(action.title, number)
        text, variables, indent = self._statement(number)
        path = os.path.relpath(action.path) if os.path.isabs(action.path) else action.path
        path = action.path if path.startswith("..") else path
        step = Step(path, action.line, text, action.title, self._values(ctx, variables), indent=indent)
        run.begin(step, variables, action, self._values(ctx, _ALWAYS))
        self._count += 1

    def _assigned(self, ctx: Context, name: str, accessor: Accessor | None = None) -> None:
        if self._inner_assign is not None:
            self._inner_assign(ctx, name, accessor)

    def _run_of(self, ctx: Context, action: Action) -> _Open:
        key = (id(ctx), str(ctx.route), ctx.branch)
        found = self._open.get(key)
        if found is None or found.ctx is not ctx:
            time = self.lab.now - self.lab.network.started
            message = ctx.reply if ctx.reply is not None and ctx.reply is not ctx.msg else ctx.msg
            run = Run(time, action.title, message.buf, after=len(self.lab.network.delivered))
            self.runs.append(run)
            found = self._open[key] = _Open(ctx, run)
        return found

    def _finish(self) -> None:
        """Read what the last statement of each run changed, while nothing runs."""
        for run in self._open.values():
            self._settle(run)

    # -- values
    def _settle(self, run: _Open) -> None:
        """What the statement that ran last has changed."""
        step = run.last
        if step is None:
            return
        run.last = None
        for name, value in self._values(run.ctx, run.variables).items():
            if value != step.before.get(name):
                step.after[name] = value
        for name, value in self._values(run.ctx, _ALWAYS).items():
            if value != run.always.get(name) and name not in step.before:
                step.before[name], step.after[name] = run.always.get(name), value

    def _values(self, ctx: Context, variables: list[PvText]) -> dict[str, Value]:
        values: dict[str, Value] = {}
        log = self.lab.log
        count, rc, transaction = len(log), ctx.rc, ctx.t
        for pv in variables:
            try:
                values[pv.text] = accessor_of(pv.text, self.lab.server).get(ctx)
            except Exception:  # what cannot be read here has no value worth showing
                continue
        log.cut(count)
        ctx.rc, ctx.t = rc, transaction
        return values

    # -- texts
    def _statement(self, number: int) -> tuple[str, list[PvText], int]:
        """The text of a statement, its pseudo-variables, and how far it is indented."""
        known = self._statements.get(number)
        if known is None:
            action = self._actions[number]
            text, indent = self._text(action)
            known = self._statements[number] = (text, [pv for pv in variables_of(text) if self._readable(pv)], indent)
        return known

    def _readable(self, pv: PvText) -> bool:
        if pv.name in _NOT_READ or pv.name in self._binding.doubled:
            return False
        try:
            return pv.name in BUILTIN or self._binding.pv_class(pv.name) is not None
        except FixupError:
            return False

    def _text(self, action: Action) -> tuple[str, int]:
        lines = self._lines(action.path)
        if not 1 <= action.line <= len(lines):
            return action.name, 0
        text = statement_text(lines[action.line - 1 :], action.column, action.name in _HEADERS)
        first = "".join(word for _, word in lines[action.line - 1]).expandtabs(4)
        indent = len(first) - len(first.lstrip())
        rows = text.expandtabs(4).split("\n")
        return "\n".join([rows[0], *(row[indent:] if not row[:indent].strip() else row for row in rows[1:])]), indent

    def _lines(self, path: str) -> list[list[tuple[str, str]]]:
        found = self._sources.get(path)
        if found is None:
            found = self._sources[path] = list(config_lines(self._source(path)))
        return found

    def _source(self, path: str) -> str:
        program = self.lab.server.program
        for need in program.needs.values():
            if need.span.path == path:
                return need.span.source.text
        for item in program.items:
            if item.pos.path == path:
                return item.pos.source.text
        try:
            return Path(path).read_bytes().decode("latin-1")
        except OSError:
            return ""


class _Open:
    """A run that may go on: its context, the routes that call each other, and the ways that are still open."""

    def __init__(self, ctx: Context, run: Run) -> None:
        self.ctx, self.run = ctx, run
        self.last: Step | None = None
        self.variables: list[PvText] = []
        self.always: dict[str, Value] = {}
        self._titles = [run.title]
        self._asking: list[tuple[str, Step, Any]] = []  #: `if` and `switch` that nothing has run behind yet

    def enter(self, title: str, number: int) -> None:
        """The next statement stands in this route: say where the `if` in front of it went."""
        if title in self._titles:
            while self._titles[-1] != title:
                self._over(self._titles.pop())
        else:
            self._titles.append(title)
        for where, step, action in self._asking:
            if where == title:
                step.way = _way(action, number)
        self._asking = [one for one in self._asking if one[0] != title]

    def _over(self, title: str) -> None:
        """A route has returned, so that no block behind its last `if` ran."""
        for where, step, action in self._asking:
            if where == title:
                step.way = _way(action, -1)
        self._asking = [one for one in self._asking if one[0] != title]

    def begin(self, step: Step, variables: list[PvText], action: Action, always: dict[str, Value]) -> None:
        """A statement runs now."""
        self.run.steps.append(step)
        self.always = always
        self.last, self.variables = step, variables
        if action.name in _HEADERS:
            self._asking.append((action.title, step, action))


def _way(action: Action, number: int) -> str:
    for way, first, behind in action.blocks:
        if first <= number < behind:
            return way
    if action.name not in ("if", "while"):
        return "no case"
    return "false" if any(way == "true" and behind > first for way, first, behind in action.blocks) else ""


def statement_text(lines: list[list[tuple[str, str]]], column: int, header: bool) -> str:
    """A statement that begins in a column of the first of `lines`: to its `;`, or a header to its block."""
    out, depth, skip, closed = "", 0, column - 1, False
    for tokens in lines[:40]:
        for kind, whole in tokens:
            word = whole
            if skip:
                word, skip = word[skip:], max(0, skip - len(word))
            if not word or kind == "com":
                continue
            if header and closed and not depth and kind != "ws":
                if word[0] not in "&|=!<>+-*/%^~" and word.lower() not in (
                    "and",
                    "or",
                    "mod",
                    "eq",
                    "ne",
                    "ieq",
                    "ine",
                ):
                    return out.rstrip()
                closed = False
            if kind == "op" and not depth and word in "{;":
                return (out + word if word == ";" else out).rstrip()
            if kind == "op" and word in "([":
                depth += 1
            elif kind == "op" and word in ")]":
                depth -= 1
                closed = word == ")"
                if depth < 0:
                    return out.rstrip()
            out += word
        if skip:
            return out
        out = out.rstrip() + "\n"
    return out.rstrip()


def variables_of(text: str) -> list[PvText]:
    """The pseudo-variables in a piece of a config, each once."""
    found: dict[str, PvText] = {}
    at = text.find("$")
    while at >= 0:
        try:
            pv, end = match_pv(text, at)
            found.setdefault(pv.text, pv)
        except PvSyntaxError:
            end = at + 1
        at = text.find("$", max(end, at + 1))
    return list(found.values())
