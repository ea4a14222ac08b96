"""Statements as Python: one function per route block, in the config's own file and lines.

A route's value is what its last statement gave (an `if` that did nothing gives 1), so the last statement is written
in tail position: it returns. `$rc` is set by module functions, by `route()` and by nothing else.
Source: core/action.c (do_action, run_actions), core/switch.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from kamscript.script import nodes
from kamscript.script.emit import Emitter, attr_key
from kamscript.script.expressions import Rve, evaluate, fold, guess_type
from kamscript.script.runtime import E_BUG, E_UNSPEC, EvalError
from kamscript.script.scope import Scope
from kamscript.source import Span
from kamscript.values import to_int

#: Functions that reply with the error of the action in front of them, and those that leave one (`ser_error`): every
#: other action forgets it, so a log line between t_relay() and sl_reply_error() makes a plain 500 of its 478.
_REPLY_WITH_ERROR = ("sl_reply_error", "send_reply_error")
_LEAVE_ERROR = ("forward", "t_forward", "t_newtran", "t_relay", "t_replicate", "t_send")

#: Where the value of a statement goes: "" nowhere, "return" it is the route's, "_r" it is kept for the end of a loop.
Tail = str


@dataclass(slots=True)
class Line:
    """One line of Python and the place in the config that it stands for."""

    indent: int
    text: str
    span: Span


@dataclass(slots=True)
class Function:
    """A Python function being written; `parts` are those it calls: blocks inside expressions, pieces of other files."""

    scope: Scope
    name: str  #: as it appears in tracebacks: `route[RELAY]`
    path: str
    span: Span
    whole: bool = True  #: a route or block with a value of its own, not a stretch of statements from another file
    lines: list[Line] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    parts: list[tuple[str, Function]] = field(default_factory=list)
    temps: int = 0
    loops: int = 0
    behind: tuple[nodes.Statement, Sequence[nodes.Statement]] | None = None  #: one that is a call, and what follows it

    def temp(self) -> str:
        """A fresh local name."""
        self.temps += 1
        return f"_{self.temps}"

    def block(self, body: nodes.Block) -> str:
        """The global name of a function for a block that stands inside an expression."""
        part = Function(self.scope, self.name, self.path, body.pos)
        write_block(part, body.statements)
        name = self.scope.part("block", body.pos)
        self.parts.append((name, part))
        return name

    def rest(self, call: nodes.Call) -> str:
        """The global name of a function for the statements behind a call that stands alone; "None" without any."""
        statement, behind = self.behind or (None, ())
        if not isinstance(statement, nodes.Do) or statement.call is not call or not behind:
            return "None"
        name = self.scope.rests.get(id(call))
        if name is None:
            part = Function(self.scope, self.name, self.path, behind[0].pos)
            told = len(self.scope.diagnostics)
            write_block(part, behind)
            del self.scope.diagnostics[told:]  # the statements are written where they stand, too
            name = self.scope.rests[id(call)] = self.scope.part("rest", behind[0].pos)
            self.parts.append((name, part))
        return name

    def source(self) -> str:
        """The function's Python text, `def` included; line n of it is `lines[n - 2]` (line 1 is the `def`)."""
        head = ["def f(ctx, _d=1):"]
        if self.variables:
            head.append(" global " + ", ".join(sorted(self.variables)))
        return "\n".join(head + [" " * line.indent + line.text for line in self.lines])


def write_block(function: Function, statements: Sequence[nodes.Statement]) -> None:
    """Fill `function` with the statements of a route."""
    writer = Writer(function)
    if function.whole:
        writer.put(0, f"if _d > {function.scope.max_level}: return _too_deep(ctx, _d)", function.span)
        writer.block(statements, 0, "return")
    else:
        writer.block(statements, 0, "")
        writer.put(0, "return None", function.span)


def _asks_for_the_last_error(node: nodes.Statement) -> bool:
    return isinstance(node, nodes.Do) and isinstance(node.call, nodes.Call) and node.call.name in _REPLY_WITH_ERROR


def _may_leave_error(node: nodes.Statement) -> bool:
    """Whether the last action that a statement runs may leave an error."""
    match node:
        case nodes.Do():
            return _leaves_error(node.call)
        case nodes.Assign():
            return _leaves_error(node.value)
        case nodes.If():
            blocks = [node.then.statements, node.otherwise.statements if node.otherwise else ()]
            return (_leaves_error(node.condition) and not all(blocks)) or any(
                _may_leave_error(block[-1]) for block in blocks if block
            )
        case _:
            return True


def _leaves_error(node: object) -> bool:
    """Whether a call in an expression may leave an error; a route may."""
    match node:
        case nodes.RouteCall() | nodes.BlockExpr():
            return True
        case nodes.Call() | nodes.CoreCall():
            return node.name.startswith(_LEAVE_ERROR)
        case nodes.Expr():
            return any(_leaves_error(getattr(node, part.name)) for part in fields(node))
        case tuple():
            return any(_leaves_error(item) for item in node)
        case _:
            return False


class Writer:
    """Writes statements into a function. `level` is how deep blocks are nested in the config (for recursion)."""

    def __init__(self, function: Function) -> None:
        self.function, self.scope = function, function.scope
        self.indent = 1
        self.level = 0
        self.breaks: list[str] = []  #: what encloses: "while" or "switch"

    # -- lines ------------------------------------------------------------------------------------------------------
    def put(self, deeper: int, text: str, span: Span) -> None:
        """One line of Python."""
        self.function.lines.append(Line(self.indent + deeper, text, span))

    def finish(self, tail: Tail, value: str, span: Span) -> None:
        """Say what the statement gave."""
        if tail == "return":
            self.put(0, f"return {value}", span)
        elif tail:
            self.put(0, f"{tail} = {value}", span)

    def emitter(self) -> Emitter:
        """For one expression."""
        return Emitter(self.scope, self.function)

    # -- blocks -----------------------------------------------------------------------------------------------------
    def block(
        self,
        statements: Sequence[nodes.Statement],
        deeper: int,
        tail: Tail,
        condition: nodes.Expr | None = None,
        after: Sequence[nodes.Statement] = (),
    ) -> None:
        """Statements in a row, behind the `condition` of an `if`; an empty block gives 1.

        `after` are those of the same block that another function has, for who goes on behind a call.
        """
        self.indent += deeper
        before = len(self.function.lines)
        end: Span = self.function.span
        ended = False
        index = 0
        while index < len(statements) and not ended:
            statement = statements[index]
            end = statement.pos
            if statement.pos.path != self.function.path:
                stop = index
                while stop < len(statements) and statements[stop].pos.path == statement.pos.path:
                    stop += 1
                behind = (*statements[stop:], *after)
                self._elsewhere(statements[index:stop], tail if stop == len(statements) else "", behind)
                index = stop
                continue
            if _asks_for_the_last_error(statement) and not (
                _may_leave_error(statements[index - 1]) if index else _leaves_error(condition)
            ):
                self.put(0, "ctx.ser_error = 0", statement.pos)
            index += 1
            if isinstance(statement, nodes.Do):
                self.function.behind = statement, (*statements[index:], *after)
            ended = self.statement(statement, tail if index == len(statements) else "")
        if not statements:
            self.finish(tail, "1", end)
        if len(self.function.lines) == before:
            self.put(0, "pass", end)
        self.indent -= deeper

    def _elsewhere(self, statements: Sequence[nodes.Statement], tail: Tail, behind: Sequence[nodes.Statement]) -> None:
        """Statements from an included file: a function of their own, in that file; `behind` them come others."""
        first = statements[0]
        whole = tail == "return" and not self.breaks
        part = Function(self.scope, self.function.name, first.pos.path, first.pos, whole=whole)
        inner = Writer(part)
        inner.level = self.level
        inner.block(statements, 0, tail, after=behind)
        if tail != "return":
            inner.put(0, "return None", first.pos)
        name = self.scope.part("included", first.pos)
        self.function.parts.append((name, part))
        here = first.pos.seen_from(self.function.path) or self.function.span
        if tail == "return":
            self.put(0, f"return {name}(ctx, _d)", here)
            return
        result = self.function.temp()
        self.put(0, f"{result} = {name}(ctx, _d)", here)
        if any(isinstance(node, nodes.Jump) for top in statements for node in nodes.walk(top)):
            if self.breaks:
                self.put(0, f"if {result} == 'break': break", here)
            self.put(0, f"if {result} is not None: return {result}", here)
        self.finish(tail, "1", here)

    # -- statements -------------------------------------------------------------------------------------------------
    def statement(self, node: nodes.Statement, tail: Tail) -> bool:
        """Write one; True when nothing behind it can run."""
        if self.scope.traced:
            self.put(0, self.scope.trace(node, self.function.name), node.pos)
        match node:
            case nodes.Assign():
                self.assign(node, tail)
            case nodes.Do():
                self.do(node, tail)
            case nodes.If():
                self.if_(node, tail)
            case nodes.While():
                self.while_(node, tail)
            case nodes.Switch():
                self.switch(node, tail)
            case nodes.Jump():
                self.jump(node)
                return True
            case _:
                raise AssertionError(node)
        return False

    def assign(self, node: nodes.Assign, tail: Tail) -> None:
        """`target = value`."""
        emitter = self.emitter()
        rve = fold(node.value)
        raw = rve.op == "call"
        if raw:
            source, kind = emitter.call_value(rve.node), "int"
        else:
            source, kind = emitter.value(rve)
            if rve.op == "select":
                source, kind = f"({source} or '')", "str"
        store = self._store(node, source, kind, emitter, computed=kind in ("int", "val") and rve.op != "pv")
        if raw and isinstance(rve.node, nodes.RouteCall | nodes.Call | nodes.BlockExpr):
            # exit inside the call takes effect behind the assignment
            self.put(0, "try:", node.pos)
            self._put_store(1, store, node)
            self.put(0, "except _Exit as _x:", node.pos)
            self._put_store(1, self._store(node, "_x.code", "int", emitter), node)
            self.put(1, "raise", node.pos)
            self.finish(tail, "1", node.pos)
        elif emitter.can_fail:
            self.put(0, "try:", node.pos)
            self._put_store(1, store, node)
            if tail:
                self.indent += 1
                self.finish(tail, "1", node.pos)
                self.indent -= 1
            self.put(0, "except _EvalError as _x:", node.pos)
            self.put(1, f"_failed(ctx, _x, {_place(node.pos)})", node.pos)
            if tail:
                self.indent += 1
                self.finish(tail, repr(E_UNSPEC), node.pos)
                self.indent -= 1
        else:
            self._put_store(0, store, node)
            self.finish(tail, "1", node.pos)

    def _put_store(self, deeper: int, store: str, node: nodes.Assign) -> None:
        """The assignment itself; the debugger sees what the target holds behind it."""
        self.put(deeper, store, node.pos)
        if not self.scope.traced:
            return
        if isinstance(node.target, nodes.Attr):
            self.put(deeper, f"_assigned(ctx, {node.target.name!r})", node.pos)
            return
        pv = self.scope.parse(node.target.text, node.target.pos)
        if pv is None:
            return
        self.scope.note(pv)
        if self.scope.is_attr(pv):
            self.put(deeper, f"_assigned(ctx, {pv.name!r})", node.pos)
        else:
            accessor = self.scope.need("assigned_to", "target", (pv,), node.target.pos)
            self.put(deeper, f"_assigned(ctx, {pv.text!r}, {accessor})", node.pos)

    def _store(self, node: nodes.Assign, source: str, kind: str, emitter: Emitter, computed: bool = True) -> str:
        target = node.target
        if isinstance(target, nodes.Attr):
            if target.index is None:
                return f"_replace_avp(ctx, {attr_key(target)!r}, {source})"
            return f"_set_avp(ctx, {attr_key(target)!r}, {source})"
        pv = self.scope.parse(target.text, target.pos)
        if pv is None:
            return "pass"
        variable = self.scope.variable(pv, target.pos)
        if variable is not None and not pv.transformations:
            self.function.variables.add(variable)
            if pv.name == "vn" or kind in ("int", "str", "val"):
                return f"{variable} = {source}"
            if source == "None":
                return f"{variable} = 0"
            temp = emitter.temp()
            return f"{variable} = 0 if ({temp} := {source}) is None else {temp}"
        if self.scope.is_attr(pv):
            return f"_replace_avp(ctx, {pv.name!r}, {source})"
        key = self.scope.avp_key(pv)
        if key is not None and not pv.transformations:
            if kind in ("int", "str", "val"):
                return f"ctx.avps.push({key!r}, {source})"
            return f"_set_avp(ctx, {key!r}, {source})"
        if pv.transformations:
            self.scope.error("not-writable", f"{pv.text}: a transformation cannot be assigned to", target.pos)
        wants_text = computed and self.scope.wants_text(pv)
        if wants_text and kind == "int":
            return f"_no_text(ctx, {source}, {pv.text!r})"
        setter = self.scope.need("set", "set", (pv,), target.pos)
        if wants_text:
            # Whether `+` adds or joins shows only now.
            return f"_set_text(ctx, {setter}, {source}, {pv.text!r})"
        return f"{setter}(ctx, {source})"

    def do(self, node: nodes.Do, tail: Tail) -> None:
        """A call standing alone."""
        emitter, call, pos = self.emitter(), node.call, node.pos
        if isinstance(call, nodes.RouteCall):
            name = emitter.constant_route(call)
            if name is not None:
                self.put(0, f"ctx.rc = {'_r = ' if tail else ''}{name}(ctx, _d + {self.level + 1})", pos)
                self.finish(tail, "_r", pos)
                return
            source = f"_call_named(ctx, {emitter.text(fold(call.target))}, _d + {self.level + 1})"
            self._guarded(emitter, source, tail, pos)
        elif isinstance(call, nodes.CoreCall):
            self._guarded(emitter, emitter.core_call(call, fresh=False), tail, pos)
        else:
            source = emitter.call(call, fresh=False)
            if emitter.returns_bool(call):
                self.put(0, f"ctx.rc = 1 if {source} else -1", pos)
                self.finish(tail, "ctx.rc", pos)
            else:
                self._guarded(emitter, f"_settle(ctx, {source})", tail, pos)

    def _guarded(self, emitter: Emitter, source: str, tail: Tail, pos: Span) -> None:
        """A call for its effect; an argument without a value makes it -1."""
        if not emitter.can_fail:
            if tail:
                self.finish(tail, source, pos)
            else:
                self.put(0, source, pos)
            return
        self.put(0, "try:", pos)
        self.put(1, f"_r = {source}", pos)
        self.put(0, "except _EvalError as _x:", pos)
        self.put(1, f"_failed(ctx, _x, {_place(pos)}); _r = -1", pos)
        self.finish(tail, "_r", pos)

    # -- conditions -------------------------------------------------------------------------------------------------
    def condition(self, expr: nodes.Expr, pos: Span) -> str:
        """Python for the condition of an `if`, after whatever lines it needs in front."""
        rve = fold(expr)
        emitter = self.emitter()
        simple = self._simple_call(rve, emitter, pos)
        if simple is not None:
            return simple
        source = emitter.positive(rve)
        if not emitter.can_fail:
            return _bare(source)
        flag = self.function.temp()
        self.put(0, "try:", pos)
        self.put(1, f"{flag} = {_bare(source)}", pos)
        self.put(0, "except _EvalError as _x:", pos)
        self.put(1, f"_failed(ctx, _x, {_place(pos)}); {flag} = False", pos)
        return flag

    def _simple_call(self, rve: Rve, emitter: Emitter, pos: Span) -> str | None:
        """A condition that is one call, perhaps negated: no helper needed to keep its result."""
        negated = False
        while rve.op == "lnot" and rve.left is not None:
            negated, rve = not negated, rve.left
        if rve.op != "call":
            return None
        node = rve.node
        if isinstance(node, nodes.CoreCall):
            self.put(0, "ctx.rc = 0", pos)
            test = emitter.flag_test(node)
            if test is not None:
                test = emitter.traced(node, test)
                return f"not {test}" if negated else test
            source = emitter.traced(node, emitter.core_call(node, fresh=False))
            return f"{source} <= 0" if negated else f"{source} > 0"
        if isinstance(node, nodes.Call):
            source = emitter.traced(node, emitter.call(node, fresh=True))
            result = self.function.temp()
            if emitter.returns_bool(node):
                self.put(0, f"ctx.rc = 1 if ({result} := {source}) else -1", pos)
                return f"not {result}" if negated else result
            self.put(0, f"{result} = _settle(ctx, {source})", pos)
            return f"{result} < 0" if negated else f"{result} > 0"
        return None

    def if_(self, node: nodes.If, tail: Tail) -> None:
        """`if` with its branches."""
        action = len(self.scope.actions) - 1
        test = self.condition(node.condition, node.condition.pos)
        self.put(0, f"if {test}:", node.pos)
        self.level += 1
        first = len(self.scope.actions)
        self.block(node.then.statements, 1, tail, node.condition)
        self.scope.opens(action, "true", first)
        self.level -= 1
        if node.otherwise is not None and node.otherwise.statements:
            self.put(0, "else:", node.otherwise.pos)
            self.level += 1
            first = len(self.scope.actions)
            self.block(node.otherwise.statements, 1, tail, node.condition)
            self.scope.opens(action, "false", first)
            self.level -= 1
        elif tail == "return":
            self.finish(tail, "1", node.pos)
        elif tail:
            self.put(0, f"else: {tail} = 1", node.pos)

    def while_(self, node: nodes.While, tail: Tail) -> None:
        """`while`, at most max_while_loops turns."""
        pos = node.pos
        action = len(self.scope.actions) - 1
        left = f"_n{self.function.loops}"
        self.function.loops += 1
        rve = fold(node.condition)
        if guess_type(rve) == "str":
            self.scope.error("wrong-type", "while expects a number", node.condition.pos)
        emitter = self.emitter()
        test = emitter.truth(rve)
        keep = "_r" if tail else ""
        if keep:
            self.put(0, "_r = 1", pos)
        self.put(0, f"{left} = _turns(ctx)", pos)
        if emitter.can_fail:
            self.put(0, "while True:", pos)
            self.put(1, "try:", pos)
            self.put(2, f"if not {test}: break", pos)
            self.put(1, "except _EvalError as _x:", pos)
            self.put(2, f"_failed(ctx, _x, {_place(pos)}); break", pos)
        else:
            self.put(0, f"while {_bare(test)}:", pos)
        self.put(1, f"if {left} <= 0:", pos)
        self.put(2, f"_runaway(ctx, {_place(pos)}){'; _r = -1' if keep else ''}; break", pos)
        self.put(1, f"{left} -= 1", pos)
        self.breaks.append("while")
        self.level += 1
        first = len(self.scope.actions)
        self.block(node.body.statements, 1, keep)
        self.scope.opens(action, "true", first)
        self.level -= 1
        self.breaks.pop()
        self.finish(tail if tail != "_r" else "", "_r", pos)

    def jump(self, node: nodes.Jump) -> None:
        """`return`, `exit`, `drop`, `break`."""
        pos = node.pos
        if node.kind == "break":
            if self.breaks:
                self.put(0, "_r = 0; break" if self._keeps_value() else "break", pos)
            elif self.function.whole:
                self.put(0, "return 0", pos)
            else:
                self.put(0, "return 'break'", pos)
            return
        default = {"return": 1, "exit": 1, "drop": 0}[node.kind]
        value: str = repr(default)
        constant: int | None = default
        if node.value is not None:
            rve = fold(node.value)
            emitter = self.emitter()
            constant = None
            if guess_type(rve) == "str":
                self.scope.error("wrong-type", f"{node.kind} expects a number", node.value.pos)
            if rve.op == "const":
                constant = to_int(rve.value)
                value = repr(constant)
            else:
                value = emitter.integer(rve)
                if emitter.can_fail:
                    self.put(0, "try:", pos)
                    self.put(1, f"_r = {value}", pos)
                    self.put(0, "except _EvalError as _x:", pos)
                    self.put(1, f"_failed(ctx, _x, {_place(pos)}); _r = {E_BUG}", pos)
                    value = "_r"
        if node.kind == "return":
            if constant is None:
                self.put(0, f"if not (_r := {value}): raise _Exit(0)", pos)
                self.put(0, "return _r", pos)
            else:
                self.put(0, f"return {value}" if constant else "raise _Exit(0)", pos)
            return
        if node.kind == "drop":
            self.put(0, "ctx.drop = True", pos)
        self.put(0, f"raise _Exit({value})", pos)

    def _keeps_value(self) -> bool:
        return any(line.text == "_r = 1" for line in self.function.lines)

    # -- switch -----------------------------------------------------------------------------------------------------
    def switch(self, node: nodes.Switch, tail: Tail) -> None:
        """`switch`: the first case that fits, then on through the cases behind it until a break."""
        pos = node.pos
        action = len(self.scope.actions) - 1
        labels = [case for case in node.cases if case.label is not None]
        first = labels[0] if labels else None
        texts = first is not None and (first.regex or fold_type(first) == "str")
        rve = fold(node.subject)
        emitter = self.emitter()
        source = emitter.text(rve) if texts else emitter.integer(rve)
        subject = self.function.temp()
        failed = ""
        if emitter.can_fail:
            failed = self.function.temp()
            self.put(0, f"{failed} = False", pos)
            self.put(0, "try:", pos)
            self.put(1, f"{subject} = {source}", pos)
            self.put(0, "except _EvalError as _x:", pos)
            self.put(1, f"_failed(ctx, _x, {_place(pos)}); {failed} = True; {subject} = None", pos)
        else:
            self.put(0, f"{subject} = {source}", pos)
        keep = "_r" if tail else ""
        if keep:
            self.put(0, "_r = 1", pos)
        tests = [self._label(case, subject, texts) for case in node.cases]
        for index, test in enumerate(tests):
            if not node.cases[index].regex and test is not None and test in tests[:index]:
                label = node.cases[index].label
                self.scope.error("duplicate-case", "the case is there already", (label or node).pos)
        if falls_through(node):
            self._through(node, tests, keep, action)
        else:
            self._exclusive(node, tests, keep, action)
        self.finish(tail if tail != "_r" else "", "_r", pos)

    def _label(self, case: nodes.Case, subject: str, texts: bool) -> str | None:
        """Python that says whether a case fits; None for `default`."""
        if case.label is None:
            return None
        rve = fold(case.label)
        if rve.op != "const":
            self.scope.error("case-not-constant", "a case needs a constant", case.label.pos)
            return "False"
        if case.regex:
            pattern = str(rve.value)
            self.emitter().check_pattern(pattern, case.label)
            name = self.scope.need("match_case", "case", (pattern,), case.label.pos)
            return f"{name}({subject})"
        if texts:
            return f"{subject} == {str(rve.value)!r}"
        return f"{subject} == {to_int(rve.value)}"

    def _exclusive(self, node: nodes.Switch, tests: list[str | None], keep: str, action: int) -> None:
        """An if-elif chain; a default goes last wherever it stands."""
        word = "if"
        order = sorted(range(len(tests)), key=lambda index: tests[index] is None)
        for index in order:
            case, test = node.cases[index], tests[index]
            if test is None:
                self.put(0, "else:" if word == "elif" else "if True:", case.pos)
            else:
                self.put(0, f"{word} {test}:", case.pos)
                word = "elif"
            body = case.body.statements
            first = len(self.scope.actions)
            if body and isinstance(body[-1], nodes.Jump) and body[-1].kind == "break":
                self.level += 1
                self.block(body[:-1], 1, "")
                if self.scope.traced:
                    self.put(1, self.scope.trace(body[-1], self.function.name), body[-1].pos)
                self.put(1, "_r = 0" if keep else "pass", body[-1].pos)
                self.level -= 1
            else:
                self.level += 1
                self.block(body, 1, keep)
                self.level -= 1
            self.scope.opens(action, _case_name(case), first)

    def _through(self, node: nodes.Switch, tests: list[str | None], keep: str, action: int) -> None:
        """Cases numbered in order: each body runs when the one that fits is it or stands before it.

        Only the search for the case that fits stands on the lines of the cases; the rest on that of the switch.
        """
        pos = node.pos
        at = self.function.temp()
        default = next((index for index, test in enumerate(tests) if test is None), len(tests))
        nothing = Span(pos.source, start := pos.source.offset(no_case_line(node)), start)
        word = "if"
        for index, test in enumerate(tests):
            if test is not None:
                self.put(0, f"{word} {test}: {at} = {index}", node.cases[index].pos)
                word = "elif"
        self.put(0, f"else: {at} = {default}" if word == "elif" else f"{at} = {default}", nothing)
        self.put(0, "for _ in (0,):", pos)
        self.breaks.append("switch")
        self.level += 1
        self.indent += 1
        for index, case in enumerate(node.cases):
            if case.body.statements:
                self.put(0, f"if {at} <= {index}:", pos)
                first = len(self.scope.actions)
                self.block(case.body.statements, 1, keep)
                self.scope.opens(action, _case_name(case), first)
        self.put(0, "pass", pos)
        self.indent -= 1
        self.level -= 1
        self.breaks.pop()


def _case_name(case: nodes.Case) -> str:
    """How a trace calls a case."""
    return "default" if case.label is None else f"case {case.label.pos.text}"


def falls_through(node: nodes.Switch) -> bool:
    """Whether a case can run on into the next one, or a break stands where only leaving a loop can do it."""
    for index, case in enumerate(node.cases):
        body = case.body.statements
        last = index == len(node.cases) - 1
        if not body and not last:
            return True
        if body and not last and not isinstance(body[-1], nodes.Jump):
            return True
        inner = body[:-1] if body and isinstance(body[-1], nodes.Jump) else body
        if any(_breaks_out(statement) for statement in inner):
            return True
    return False


def no_case_line(node: nodes.Switch) -> int:
    """The line for "no case fits" of a switch that falls through: that of its default, or where the switch ends.

    No statement of the switch stands there, so a look at the lines that ran can tell it from a case that fits.
    """
    default = next((case for case in node.cases if case.label is None), None)
    return max(node.cline, node.pos.line) if default is None else default.pos.line


def fold_type(case: nodes.Case) -> str:
    """ "str" or "int": the type of a constant label."""
    assert case.label is not None
    try:
        return "str" if isinstance(evaluate(fold(case.label)), str) else "int"
    except EvalError:
        return "int"


def _breaks_out(statement: nodes.Statement) -> bool:
    """Whether a statement holds a break that leaves the switch around it."""
    match statement:
        case nodes.Jump():
            return statement.kind == "break"
        case nodes.If():
            inner = statement.then.statements + (statement.otherwise.statements if statement.otherwise else ())
            return any(_breaks_out(one) for one in inner)
    return False


def _bare(source: str) -> str:
    """`source` without the one pair of parentheses around all of it."""
    if source[:1] == "(" and source[-1:] == ")":
        depth = 0
        quote = ""
        for at, char in enumerate(source):
            if quote:
                if char == quote and source[at - 1] != "\\":
                    quote = ""
            elif char in "'\"":
                quote = char
            elif char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
                if not depth and at < len(source) - 1:
                    return source
        if ":=" not in source[:8]:
            return source[1:-1]
    return source


def _place(span: Span) -> str:
    line, column = span.source.place(span.start)
    return f"{line}, {column}"
