"""Calls of functions and routes as Python source: how arguments are fixed up, and what becomes of the result.

A constant argument is fixed up once: `Int`, `Str`, `Regex`, `Target`, `Format` and a module's own fix-ups (see
`kamscript.module`). Inside an expression a call is true when it gave more than 0.
Source: core/action.c (MODF_CALL, MODF_RVE_PARAM_CONVERT), core/sr_module.c (fix_param, get_*_fparam).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kamscript.module import Fixup, FunctionDecl
from kamscript.script import nodes
from kamscript.script.expressions import Rve, fold
from kamscript.script.pv import PvSyntaxError, PvText, parse_pv, split_format
from kamscript.script.scope import BOTH_FORMS, Kind, Scope
from kamscript.values import decimal

if TYPE_CHECKING:
    from kamscript.script.resolve import Function as Meaning
    from kamscript.script.statements import Function

_READS_RC = ("$rc", "$retcode", "$?", "$(rc", "$(retcode", "$(?")


class Calls:
    """The part of an Emitter that writes calls."""

    def __init__(self, scope: Scope, function: Function) -> None:
        self.scope, self.function = scope, function
        self.can_fail = False

    def temp(self) -> str:
        """A fresh local name."""
        return self.function.temp()

    # Provided by Emitter.
    def value(self, rve: Rve) -> tuple[str, Kind]:
        """See Emitter."""
        raise NotImplementedError

    def text(self, rve: Rve) -> str:
        """See Emitter."""
        raise NotImplementedError

    # -- results ----------------------------------------------------------------------------------------------------
    def call_truth(self, node: nodes.Expr) -> str:
        """Whether a call inside an expression gave more than 0."""
        return f"({self.call_value(node)} > 0)"

    def call_value(self, node: nodes.Expr) -> str:
        """The code that a call inside an expression gives, `$rc` starting at 0."""
        match node:
            case nodes.Call():
                return self.traced(node, f"_settle(ctx, {self.call(node, fresh=True)})")
            case nodes.CoreCall():
                return self.traced(node, self.core_call(node, fresh=True))
            case nodes.RouteCall():
                name = self.constant_route(node)
                if name is not None:
                    return self.traced(node, f"_route(ctx, {name})")
                return self.traced(node, f"_value_named(ctx, {self.text(fold(node.target))})")
            case nodes.BlockExpr():
                return f"_route(ctx, {self.function.block(node.body)})"
            case nodes.AssignExpr():
                return f"_route(ctx, {self.function.block(nodes.Block(node.pos, (node.assignment,)))})"
        raise AssertionError(node)

    def traced(self, node: nodes.Expr, source: str) -> str:
        """A call inside an expression that tells the debugger when it runs."""
        return f"({self.scope.trace(node, self.function.name)} or {source})" if self.scope.traced else source

    def returns_bool(self, node: nodes.Expr) -> bool:
        """Whether a call is of a function that only says yes or no."""
        if not isinstance(node, nodes.Call):
            return False
        decl = self.scope.resolved.function(node).decl
        return decl is not None and decl.returns_bool and not self.guarded(node)

    def constant_route(self, node: nodes.RouteCall) -> str | None:
        """The global of a route whose name is constant; None when only the running route knows."""
        target = fold(node.target)
        if target.op != "const":
            return None
        name = str(target.value)
        name = "" if name == "0" else name
        if (nodes.RouteKind.REQUEST, name) not in self.scope.resolved.routes:
            self.scope.error("unknown-route", f'route "{name}" not found', node.pos)
        return self.scope.need(route_global(nodes.RouteKind.REQUEST, name), "route", (name,), node.pos)

    # -- calls ------------------------------------------------------------------------------------------------------
    def call(self, node: nodes.Call, *, fresh: bool) -> str:
        """The Python call of a module's function. `fresh`: `$rc` is 0 while arguments are evaluated."""
        meaning = self.scope.resolved.function(node)
        decl = meaning.decl
        reads = fresh and any(_reads_rc(arg) for arg in node.args)
        context = "_zero(ctx)" if reads else "ctx"
        if decl is None or meaning.module not in self.scope.modules:
            args = ", ".join([context, *(self._plain(arg) for arg in node.args)])
            double = (meaning.module, meaning.name, len(node.args), tuple(_written(arg) for arg in node.args))
            return f"{self.scope.need('double_' + meaning.name, 'double', double, node.pos)}({args})"
        place = (meaning.module, decl.method, meaning.name)
        name = self.scope.need(f"{meaning.module}_{decl.method}", "function", place, node.pos)
        sources = [self.argument(node, meaning, decl, at, arg) for at, arg in enumerate(node.args)]
        if decl.continues:
            sources.insert(0, (self.function.rest(node), False))
        if any(bad for _, bad in sources):
            context = "_zero(ctx)" if fresh else context
            guard = "_guard(" if decl.no_value == -1 else f"_guard_as({decl.no_value}, "
            return f"{guard}{', '.join([name, context, *(source for source, _ in sources)])})"
        return f"{name}({', '.join([context, *(source for source, _ in sources)])})"

    def guarded(self, node: nodes.Call) -> bool:
        """Whether an argument can lack a value when the call runs."""
        meaning = self.scope.resolved.function(node)
        if meaning.decl is None:
            return False
        return any(self.argument(node, meaning, meaning.decl, at, arg)[1] for at, arg in enumerate(node.args))

    def _plain(self, arg: nodes.Expr) -> str:
        """An argument for a double: what it evaluates to."""
        rve = fold(arg)
        if rve.op != "const":
            return self.value(rve)[0]
        return self._expanded(str(rve.value), arg) if isinstance(rve.value, str) else repr(rve.value)

    def argument(
        self, node: nodes.Call, meaning: Meaning, decl: FunctionDecl, position: int, arg: nodes.Expr
    ) -> tuple[str, bool]:
        """Python for one argument, and whether it may turn out to be BAD."""
        if position < len(decl.arguments):
            fixup = decl.arguments[position].fixup
        else:
            assert decl.variadic is not None
            fixup = decl.variadic.fixup
        rve = fold(arg)
        where = (meaning.module, meaning.name, meaning.arity, position)
        if rve.op == "const":
            return self._constant(fixup, rve.value, where, arg)
        return self._dynamic(fixup, rve, where, arg)

    def _constant(
        self, fixup: Fixup, value: int | str | None, where: tuple[str, str, int, int], arg: nodes.Expr
    ) -> tuple[str, bool]:
        text = str(value)
        pos = arg.pos
        match fixup.kind:
            case "int":
                return self._constant_int(text, arg, fixup)
            case "format":
                for part in self._split(text, arg) if self.scope.traced else ():
                    if not isinstance(part, str):
                        self.scope.note(part)
                return self.scope.need("format", "format", (text,), pos), False
            case "target":
                return self._target(text, arg), False
            case "regex":
                return self.scope.need("regex", "regex", (text, True), pos), False
            case "route" | "const":
                return repr(text), False
            case "value":
                if isinstance(value, int):
                    return repr(value), False
                parts = self._split(text, arg)
                if len(parts) == 1 and isinstance(parts[0], PvText):
                    return self.scope.read(parts[0], pos)[0], False
                return self._joined(parts, arg), False
        own = type(fixup).convert is not Fixup.convert
        if fixup.constant:
            return self.scope.need(f"arg_{where[1]}", "resolved", (*where, text), pos), False
        source = self._expanded(text, arg)
        if not own:
            return source, False
        if source[:1] in "'\"":
            return self.scope.need(f"arg_{where[1]}", "converted", (*where, text), pos), False
        return f"_converted(ctx, {self.scope.need(f'fix_{where[1]}', 'convert', where, pos)}, {source})", True

    def _dynamic(self, fixup: Fixup, rve: Rve, where: tuple[str, str, int, int], arg: nodes.Expr) -> tuple[str, bool]:
        """An argument that is an expression: Kamailio makes a text of it and fixes that up at every call."""
        pos = arg.pos
        match fixup.kind:
            case "int":
                source, kind = self.value(rve)
                if kind == "int":
                    return source, False
                temp = self.temp()
                return (
                    f"({temp} if ({temp} := {source}).__class__ is int else _number_of_text(ctx, _str({temp})))",
                    True,
                )
            case "value":
                return self.value(rve)[0], False
            case "regex":
                return f"{self.scope.need('pattern', 'pattern', (), pos)}(ctx, {self.text(rve)})", True
            case "const" | "route":
                return self.text(rve), False
            case "target" | "format":
                self.scope.error("not-constant", f"{where[1]}() takes no expression here: write it in quotes", pos)
                return "None", False
        if fixup.constant:
            self.scope.error("not-constant", f"{where[1]}() takes no expression here: write it in quotes", pos)
            return "None", False
        source = f"{self.scope.need('expand', 'expand', (), pos)}(ctx, {self.text(rve)})"
        if type(fixup).convert is Fixup.convert:
            return source, False
        return f"_converted(ctx, {self.scope.need(f'fix_{where[1]}', 'convert', where, pos)}, {source})", True

    def _constant_int(self, text: str, arg: nodes.Expr, fixup: Fixup) -> tuple[str, bool]:
        number = decimal(text)
        if number is not None and text not in ("", "+", "-"):
            return repr(number), False
        stripped = text.strip(" \t\r\n")
        if stripped[:1] != "$":
            self.scope.error("bad-integer", f"{text!r} is neither an integer nor a pseudo-variable", arg.pos)
            return "0", False
        pv = self._pv(stripped, arg)
        if pv is None:
            return "0", False
        if fixup.variables_only and self.scope.is_attr(pv):
            self.scope.error("unknown-variable", f"there is no variable ${pv.name}", arg.pos)
        source, kind = self.scope.read(pv, arg.pos)
        if kind == "int":
            return source, False
        temp = self.temp()
        if fixup.digits:
            return f"({temp} if ({temp} := {source}).__class__ is int else _number_of_digits(ctx, {temp}))", True
        both = ", True" if pv.name in BOTH_FORMS and not pv.transformations else ""
        return f"({temp} if ({temp} := {source}).__class__ is int else _number(ctx, {temp}{both}))", True

    def _target(self, text: str, arg: nodes.Expr) -> str:
        stripped = text.strip(" \t\r\n")
        if stripped[:1] != "$":
            self.scope.error("no-pseudo-variable", f"{text!r} is no pseudo-variable", arg.pos)
            return "None"
        pv = self._pv(stripped, arg)
        if pv is None:
            return "None"
        self.scope.note(pv)
        return self.scope.need("target", "accessor", (pv,), arg.pos)

    def _pv(self, text: str, arg: nodes.Expr) -> PvText | None:
        try:
            return parse_pv(text)
        except PvSyntaxError as error:
            self.scope.error("bad-pseudo-variable", str(error), arg.pos)
            return None

    def _split(self, text: str, arg: nodes.Expr) -> tuple[str | PvText, ...]:
        try:
            return split_format(text)
        except PvSyntaxError as error:
            self.scope.error("bad-pseudo-variable", str(error), arg.pos)
            return ()

    def _expanded(self, text: str, arg: nodes.Expr) -> str:
        """A text with its pseudo-variables expanded."""
        if "$" not in text:
            return repr(text)
        return self._joined(self._split(text, arg), arg)

    def _joined(self, parts: tuple[str | PvText, ...], arg: nodes.Expr) -> str:
        template, sources = "", []
        for part in parts:
            if isinstance(part, str):
                template += part.replace("%", "%%")
            elif part.name == "$":
                template += "$"
            else:
                template += "%s"
                sources.append(self._expansion(part, arg))
        if not sources:
            return repr(template.replace("%%", "%"))
        if template == "%s":
            source, already_text = sources[0]
            return source if already_text else f"str({source})"
        return f"({template!r} % ({', '.join(source for source, _ in sources)},))"

    def _expansion(self, pv: PvText, arg: nodes.Expr) -> tuple[str, bool]:
        """One pseudo-variable inside of a text, and whether it surely is a text."""
        if pv.transformations:
            return f"{self.scope.need('text', 'text', (pv,), arg.pos)}(ctx)", True
        if self.scope.is_attr(pv):  # only expressions take the name of no variable for an AVP
            self.scope.error("unknown-variable", f"there is no variable ${pv.name}", arg.pos)
        source, kind = self.scope.read(pv, arg.pos)
        if kind in ("int", "str", "val"):
            return source, kind == "str"
        temp = self.temp()
        return f"('<null>' if ({temp} := {source}) is None else {temp})", kind == "text"

    # -- the core's own commands ------------------------------------------------------------------------------------
    def core_call(self, node: nodes.CoreCall, *, fresh: bool) -> str:
        """A command of the core; `$rc` is not its business."""
        context = "_zero(ctx)" if fresh else "ctx"
        name = node.name
        test = self.flag_test(node, context)
        if test is not None:
            return f"(1 if {test} else -1)"
        if name in ("setflag", "resetflag"):
            bit = self._flag(node.args[0], self.scope.resolved.flags) or 0
            return f"{self.scope.need('core_' + name, 'function', ('core', name, name), node.pos)}({context}, {bit})"
        args = [context]
        for position, arg in enumerate(node.args):
            if name in ("setavpflag", "resetavpflag", "isavpflagset"):
                if position == 0:
                    args.append(self._avp_key(arg))
                else:
                    args.append(repr(self._flag(arg, self.scope.resolved.avpflags) or 0))
            elif isinstance(arg, nodes.Host | nodes.Proto | nodes.Word):
                args.append(repr(arg.name))
            elif isinstance(arg, nodes.UriPart):
                args.append(repr(f"uri:{arg.part}"))
            elif isinstance(arg, nodes.SocketId):
                plain = (arg.proto, arg.hosts, arg.port, arg.port_end)
                args.append(self.scope.need("socket", "socket_id", plain, node.pos))
            else:
                args.append(self.value(fold(arg))[0])
        method = self.scope.need("core_" + name, "function", ("core", name, name), node.pos)
        return f"{method}({', '.join(args)})"

    def flag_test(self, node: nodes.CoreCall, context: str = "ctx") -> str | None:
        """Python that says whether a message flag is set; None when the call is another one."""
        if node.name != "isflagset":
            return None
        bit = self._flag(node.args[0], self.scope.resolved.flags)
        return f"{context}.msg.flags & {1 << (bit or 0)}"

    def _flag(self, arg: nodes.CoreArg, names: Mapping[str, int]) -> int | None:
        if isinstance(arg, nodes.Word):
            found = names.get(arg.name)
            if found is None:
                self.scope.error("unknown-flag", f"no flag is called {arg.name}", arg.pos)
            return found
        rve = fold(arg) if isinstance(arg, nodes.Expr) else None
        if rve is not None and isinstance(rve.value, int):
            if not 0 <= rve.value <= 31:
                self.scope.error("flag-range", f"flag {rve.value} is not between 0 and 31", arg.pos)
                return None
            return rve.value
        return None

    def _avp_key(self, arg: nodes.CoreArg) -> str:
        from kamscript.script.emit import attr_key

        if isinstance(arg, nodes.Attr):
            return repr(attr_key(arg))
        if isinstance(arg, nodes.StrLit):
            return repr(arg.value)
        if isinstance(arg, nodes.Pv):
            pv = self._pv(arg.text, arg)
            if pv is not None:
                return repr(pv.inner if pv.name == "avp" and pv.inner is not None else pv.name)
        return "''"


def route_global(kind: nodes.RouteKind, name: str) -> str:
    """The global name of a route's function."""
    short = {"request_route": "route"}.get(str(kind), str(kind))
    return f"{short}_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in name)


def _written(arg: nodes.Expr) -> str | None:
    """An argument as the config has it: a constant, or one variable; None for anything else."""
    rve = fold(arg)
    if rve.op == "const":
        return str(rve.value)
    return getattr(arg, "text", None) if rve.op == "pv" else None


def _reads_rc(arg: nodes.Expr) -> bool:
    for node in nodes.walk(arg):
        text = node.value if isinstance(node, nodes.StrLit) else getattr(node, "text", "")
        if isinstance(text, str) and any(mark in text for mark in _READS_RC):
            return True
    return False
