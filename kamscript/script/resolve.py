"""Names to meanings: what `kamailio -c` says about modules, functions, parameters, routes and pseudo-variables.

The config is walked in the order of the text, as Kamailio parses it: a function must come from a module loaded above,
a parameter belongs to a module loaded above. Sources: core/sr_module.c (find_export_record), core/modparam.c,
core/cfg.y, core/pvapi.c, core/cfg/cfg_script.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kamscript.module import FunctionDecl, Module
from kamscript.script import nodes as n
from kamscript.script.catalog import GENERATIONS, FunctionFact, PvFact, catalog, generations
from kamscript.script.defines import DefineError, compile_ere
from kamscript.script.flags import FlagTable
from kamscript.script.keywords import KIND
from kamscript.script.nodes import Call, Config, LoadModule, ModParam, Route, RouteKind
from kamscript.script.types import is_constant
from kamscript.source import ConfigError, Diagnostic, Span, closest, did_you_mean

#: The bits that a route block of each kind asks of a function.
ROUTE_BITS = {
    RouteKind.REQUEST: 1,
    RouteKind.FAILURE: 2,
    RouteKind.ONREPLY: 4,
    RouteKind.REPLY: 128,
    RouteKind.BRANCH: 8,
    RouteKind.ONSEND: 16,
    RouteKind.EVENT: 513,
}
#: Groups of configuration variables that the core and loaded modules own (cfg_declare).
_GROUPS = {
    "registrar": "registrar",
    "stun": "stun",
    "rtpengine": "rtpengine",
    "debugger": "dbg",
    "carrierroute": "carrierroute",
    "sctp": "sctp",
    "xlog": "xlog",
    "maxfwd": "maxfwd",
    "outbound": "outbound",
    "p_usrloc": "p_usrloc",
    "ims_registrar_scscf": "registrar",
    "siputils": "siputils",
    "dispatcher": "dispatcher",
    "tm": "tm",
    "websocket": "websocket",
    "tls": "tls",
}
_INDEX = re.compile(r"\*|\$.+|[+-]?[0-9]+", re.S)
#: cfgengine names that mean this language.
_NATIVE = frozenset(("native", "default"))
#: Modules whose routing language is not named as they are.
_ENGINES = {"app_python3": "python", "app_python3s": "python", "app_ruby_proc": "ruby"}


class Library(Protocol):
    """Where module classes come from: a caller hands one in."""

    def find(self, name: str) -> type[Module] | None:
        """The declaration of a module, None when this library has none."""
        ...

    def names(self) -> frozenset[str]:
        """All module names that `find` knows."""
        ...


@dataclass(frozen=True, slots=True)
class Function:
    """What a call means: the module that exports the function, and its declaration when a Module class has one."""

    module: str
    name: str
    arity: int  #: as exported: -1 takes any number of arguments
    routes: int  #: bits of kamscript.module.Route
    decl: FunctionDecl | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A config with its names resolved; built only when there were no errors.

    `routes` keys are (kind, name); the value lists the blocks that run one after the other. `functions` is keyed by
    the identity of the call node (`id(call)`; the tree keeps the node alive).
    """

    config: Config
    modules: tuple[str, ...]  #: in load order
    loads: tuple[LoadModule, ...]
    params: tuple[tuple[str, ModParam], ...]  #: (module, line) in the order of the text, regular expressions expanded
    routes: Mapping[tuple[RouteKind, str], tuple[Route, ...]]
    flags: Mapping[str, int]
    avpflags: Mapping[str, int]
    functions: Mapping[int, Function] = field(repr=False)
    warnings: tuple[Diagnostic, ...] = ()

    def function(self, call: Call) -> Function:
        """The function that `call` runs."""
        return self.functions[id(call)]


def resolve(config: Config, library: Library | None = None, target: str = "all") -> Resolved:
    """Check every name as `kamailio -c` does, all at once; raises ConfigError."""
    resolved, diagnostics = diagnose(config, library, target)
    if any(d.severity == "error" for d in diagnostics):
        raise ConfigError(diagnostics)
    return resolved


def diagnose(config: Config, library: Library | None = None, target: str = "all") -> tuple[Resolved, list[Diagnostic]]:
    """As `resolve`, but never raises: what could be resolved, and everything found wrong, in the order of the text."""
    walk = _Resolver(config, library, target)
    walk.run()
    order = {id(file): i for i, file in enumerate(config.files)}
    walk.diagnostics.sort(key=lambda d: (order.get(id(d.span.source), 0), d.span.start))
    resolved = Resolved(
        config,
        tuple(walk.modules),
        tuple(walk.loads),
        tuple(walk.params),
        {key: tuple(blocks) for key, blocks in walk.routes.items()},
        walk.flags.numbers,
        walk.avpflags.numbers,
        walk.functions,
        tuple(d for d in walk.diagnostics if d.severity != "error"),
    )
    return resolved, walk.diagnostics


class _Resolver:
    def __init__(self, config: Config, library: Library | None, target: str) -> None:
        self.config = config
        self.library = library
        self.target = target
        self.mask = GENERATIONS[target]
        self.facts = catalog()
        self.modules: list[str] = []
        self.classes: dict[str, type[Module]] = {}
        self.loads: list[LoadModule] = []
        self.params: list[tuple[str, ModParam]] = []
        self.routes: dict[tuple[RouteKind, str], list[Route]] = {}
        self.flags, self.avpflags = FlagTable(), FlagTable()
        self.functions: dict[int, Function] = {}
        self.diagnostics: list[Diagnostic] = []
        self.static_groups = {"core", "tcp"}
        self.pvs: dict[str, PvFact] = self._pvs_of("core")
        self.transformations: dict[str, frozenset[str] | None] = {}  #: class: its names, None for any
        self.memory = False
        self._found: dict[tuple[str, int, int], Function | None] = {}

    # --- complaints ---

    def error(self, rule: str, message: str, span: Span, hint: str = "", line: int = 0) -> None:
        self.diagnostics.append(Diagnostic(rule, message, span, "error", hint, line))

    def warn(self, rule: str, message: str, span: Span, hint: str = "") -> None:
        self.diagnostics.append(Diagnostic(rule, message, span, "warning", hint))

    # --- the walk ---

    def run(self) -> None:
        """All items, in the order of the text."""
        for item in self.config.items:
            if isinstance(item, Route):
                self.route(item)
            elif isinstance(item, ModParam):
                self.modparam(item)
            elif isinstance(item, LoadModule):
                self.loadmodule(item)
            elif isinstance(item, n.CustomVar):
                self.custom(item)
            elif isinstance(item, n.Flags):
                table = self.flags if item.kind == "flags" else self.avpflags
                for name, number in item.entries:
                    table.add(name, number)
            elif isinstance(item, n.CfgEngine) and item.name not in _NATIVE:
                self.engine(item)

    def engine(self, item: n.CfgEngine) -> None:
        engines = {_ENGINES.get(name, name.removeprefix("app_")) for name in self.modules if name.startswith("app_")}
        if item.name not in engines:
            self.error("no-engine", f"no loaded module provides the routing language {item.name}", item.pos)

    def loadmodule(self, item: LoadModule) -> None:
        name = item.module
        if item.expand and "$" in item.path:
            self.warn("expanded-path", "the variables in this path are not known before the start", item.pos)
        facts = self.facts.module(name) if name != "core" else None
        declared = self.library.find(name) if self.library is not None else None
        if facts is None and declared is None:
            known = set(self.facts.names()) | (self.library.names() if self.library is not None else frozenset())
            self.error("no-module", f"there is no module {name}", item.pos, did_you_mean(name, known))
            return
        if name in self.modules:
            self.error("module-twice", f"the module {name} is already loaded", item.pos)
            return
        if declared is None and facts is not None and not facts.generations() & self.mask:
            have = generations(facts.generations())
            self.error("no-module", f"{self.target} has no module {name}", item.pos, f"it belongs to {have}")
            return
        self.modules.append(name)
        self.loads.append(item)
        if declared is not None:
            self.classes[name] = declared
        if name in _GROUPS:
            self.static_groups.add(_GROUPS[name])
        self.pvs.update(self._pvs_of(name))
        if declared is not None:
            self.transformations.update(dict.fromkeys(declared.transformations))
        if facts is not None:
            self.transformations.update(facts.transformations())
        self._found.clear()

    def _pvs_of(self, module: str) -> dict[str, PvFact]:
        facts = self.facts.module(module)
        found = {}
        if facts is not None:
            found = {name: fact for name, fact in facts.pvs().items() if fact.generations & self.mask}
        declared = self.classes.get(module)
        if declared is not None:
            for name, decl in declared.pvs.items():
                found.setdefault(
                    name, PvFact(module, name, 7, bool(decl.setter or decl.factory), bool(decl.factory), True)
                )
        return found

    # --- parameters ---

    def modparam(self, item: ModParam) -> None:
        self.memory = True
        try:
            matched = self._matching(item.module)
        except DefineError as error:
            self.error("bad-regex", f"{error}", item.pos, line=item.cline)
            return
        if item.expand and "$" in item.module + item.name:
            self.warn("expanded-param", "the variables in this modparamx are not known before the start", item.pos)
            return
        if not matched:
            hint = f'loadmodule "{item.module}.so" above it' if self.facts.module(item.module) else ""
            hint = hint or did_you_mean(item.module, self.modules)
            self.error("module-not-loaded", f"no loaded module matches {item.module}", item.pos, hint, item.cline)
        value = item.value
        if isinstance(value, n.Pv) and value.text.startswith(("$def(", "$(def(")):
            name = value.text.split("def(", 1)[1].rstrip(")")
            if name not in self.config.defines:
                self.error("no-value", f"{value.text} has no value", value.pos, "", item.cline)
        for name in matched:
            self.param(name, item)

    def _matching(self, pattern: str) -> list[str]:
        """Loaded modules whose whole name the expression matches, in any case; the last loaded first."""
        if pattern.replace("_", "").replace("|", "").isalnum():
            names = pattern.lower().split("|")
            return [name for name in reversed(self.modules) if name.lower() in names]
        compiled = compile_ere(f"^({pattern})$", icase=True, newline=False)
        return [name for name in reversed(self.modules) if compiled.search(name)]

    def param(self, module: str, item: ModParam) -> None:
        kind = {n.IntLit: "int", n.StrLit: "str"}.get(type(item.value), "both")
        facts = self.facts.module(module)
        fact = facts.param(item.name) if facts is not None else None
        declared = self.classes.get(module)
        decl = declared.params.get(item.name) if declared is not None else None
        known: set[str] = set()
        if fact is not None and fact.generations & self.mask:
            known.add(fact.kind)
        if decl is not None and (fact is None or fact.generations & self.mask):
            known.add("int" if decl.kind is int else "str")
        if not known:
            names = (facts.params() if facts is not None else []) + list(declared.params if declared else ())
            hint = did_you_mean(item.name, names)
            if fact is not None:
                hint = f"it belongs to {generations(fact.generations)}"
            self.error(
                "unknown-parameter", f"the module {module} has no parameter {item.name}", item.pos, hint, item.cline
            )
        elif kind != "both" and kind not in known and "both" not in known:
            wanted = "a number" if "int" in known else "a text"
            self.error(
                "parameter-type",
                f"the parameter {item.name} of {module} takes {wanted}",
                item.value.pos,
                "",
                item.cline,
            )
        else:
            self.params.append((module, item))

    def custom(self, item: n.CustomVar) -> None:
        if item.group in self.static_groups:
            self.warn("variable-group", f"the group {item.group} belongs to the core or a module", item.pos)

    # --- routes ---

    def route(self, item: Route) -> None:
        name = "" if item.name == "0" and item.kind is not RouteKind.EVENT else item.name
        blocks = self.routes.setdefault((item.kind, name), [])
        if item.name and any(block.body.statements for block in blocks):
            self.error("route-twice", f"{item.kind.value}[{item.name}] exists already", item.pos, "", item.cline)
        blocks.append(item)
        bits = ROUTE_BITS[item.kind]
        assigned: set[int] = set()
        for node in n.walk(item.body):
            kind = node.__class__
            if kind is Call:
                self.call(node, bits, item.kind)  # type: ignore[arg-type]
            elif kind is n.Pv:
                self.pv(node, id(node) in assigned)  # type: ignore[arg-type]
            elif kind is n.Assign or kind is n.Broken:
                assigned.add(id(node.target))  # type: ignore[attr-defined]
        self.memory = True

    def call(self, call: Call, bits: int, kind: RouteKind) -> None:
        """The function behind a call: the module loaded last wins."""
        arity = len(call.args)
        key = (call.name, arity, bits)
        if key not in self._found:
            self._found[key] = self._function(call.name, arity, bits)
        function = self._found[key]
        if function is None:
            self._no_function(call, bits, kind)
            return
        self.functions[id(call)] = function
        fact = self._fact(function)
        if fact is not None and fact.constant:
            self._constants(call)

    def _fact(self, function: Function) -> FunctionFact | None:
        facts = self.facts.module(function.module)
        rows = facts.functions.get(function.name, ()) if facts is not None else ()
        return next((row for row in rows if row.arity == function.arity), None)

    def _constants(self, call: Call) -> None:
        for i, arg in enumerate(call.args, 1):
            if not is_constant(arg):
                message = f"argument {i} of {call.name} must be a constant"
                hint = "put the variable into a text: it is expanded when the function runs"
                if self.target == "all":
                    self.warn("constant-argument", f"{message} for 5.6", arg.pos, hint)
                else:
                    self.error("constant-argument", message, arg.pos, hint)
                return

    def _candidates(self, name: str) -> Iterator[Function]:
        """Exports of that name, the module loaded last first, of the target's generation."""
        for module in reversed(self.modules):
            declared = self.classes.get(module)
            facts = self.facts.module(module)
            rows = facts.functions.get(name, ()) if facts is not None else ()
            for row in rows:
                if row.generations & self.mask:
                    decl = declared.functions.get((name, row.arity)) if declared is not None else None
                    yield Function(module, name, row.arity, row.routes, decl)
            if declared is not None:
                known = {row.arity for row in rows}
                for (called, arity), decl in declared.functions.items():
                    if called == name and arity not in known:
                        yield Function(module, name, arity, int(decl.routes), decl)

    def _function(self, name: str, arity: int, bits: int) -> Function | None:
        for function in self._candidates(name):
            if function.arity not in (arity, -1):
                continue
            if function.routes & bits == bits or (bits == ROUTE_BITS[RouteKind.EVENT] and function.routes & bits):
                return function
        return None

    def _no_function(self, call: Call, bits: int, kind: RouteKind) -> None:
        found = list(self._candidates(call.name))
        arity = len(call.args)
        fitting = [f for f in found if f.arity in (arity, -1)]
        if fitting:
            self.error(
                "wrong-route",
                f"{call.name} of {fitting[0].module} is not allowed in {kind.value}",
                call.pos,
                "",
                call.cline,
            )
            return
        if found:
            arities = sorted({f.arity for f in found})
            wanted = " or ".join("any number of" if a < 0 else str(a) for a in arities)
            self.error(
                "wrong-arity",
                f"{call.name} takes {wanted} argument{'s' if arities != [1] else ''}, not {arity}",
                call.pos,
                "",
                call.cline,
            )
            return
        elsewhere = self.facts.exporters(call.name)
        there = [f for f in elsewhere if f.generations & self.mask]
        if there:
            names = sorted({f.module for f in there})
            hint = " or ".join(f'loadmodule "{name}.so"' for name in names[:3])
            message = f"unknown function {call.name}: its module is not loaded"
        elif elsewhere:
            hint = f"it belongs to {generations(elsewhere[0].generations)}"
            message = f"{self.target} has no function {call.name}"
        else:
            names = sorted({name for m in self.modules if (f := self.facts.module(m)) for name in f.functions})
            names += [name for c in self.classes.values() for name, _ in c.functions]
            hint = did_you_mean(call.name, names) or self._like_a_function(call.name)
            message = f"unknown function {call.name}"
        self.error("unknown-function", message, call.pos, hint, call.cline)

    def _like_a_function(self, name: str) -> str:
        """A hint at functions of modules that are not loaded, and at their modules."""
        there = [f for near in closest(name, self.facts.function_names()) for f in self.facts.exporters(near)]
        there = [f for f in there if f.generations & self.mask]
        if not there:
            return ""
        names, modules = sorted({f.name for f in there}), sorted({f.module for f in there})
        return f"did you mean {' or '.join(names)}? " + " or ".join(f'loadmodule "{one}.so"' for one in modules[:3])

    # --- pseudo-variables ---

    def pv(self, node: n.Pv, written: bool) -> None:
        """What Kamailio asks of a variable when it parses it: the class, an inner name, an index, writability."""
        text = node.text
        if text in ("$?", "$$", "$($)"):
            return
        plain = getattr(node.pos, "kind", None) == KIND["AVP_OR_PVAR"]
        inside = text[2:-1] if text.startswith("$(") else text[1:]
        name, rest = _pv_name(inside)
        fact = self.pvs.get(name)
        if fact is None:
            if plain:
                self._avp(node, name)
            else:
                self._unknown_pv(node, name)
            return
        if rest.startswith("("):
            end = _closing(rest, "()")
            inner, rest = rest[1:end], rest[end + 1 :]
            if not fact.inner or not inner:
                why = "has an empty name" if fact.inner else "takes no name in parentheses"
                self.error("bad-variable", f"${name} {why}", node.pos)
                return
        elif fact.inner and fact.known and not plain:
            self.error("bad-variable", f"${name} needs a name in parentheses", node.pos)
            return
        elif fact.inner and fact.known:
            self._avp(node, name)
            return
        if rest.startswith("["):
            end = _closing(rest, "[]")
            if not fact.index or end == 1:
                why = "has an empty index" if fact.index else "takes no index"
                self.error("bad-variable", f"${name} {why}", node.pos)
                return
            if fact.known and not _INDEX.fullmatch(rest[1:end]):
                self.error("bad-variable", f"${name} takes a number, * or a variable as its index", node.pos)
                return
            rest = rest[end + 1 :]
        if name == "shv" and not self.memory:
            say = self.error if self.target == "5.6" else self.warn
            say(
                "shared-memory-late",
                "5.6 has no shared memory yet for $shv",
                node.pos,
                "put a modparam or another route block above",
            )
        if rest and not self._transformations(node, rest):
            return
        if written:
            if not fact.writable:
                self.error("read-only", f"${name} cannot be written", node.pos)
            elif rest:
                self.error("read-only", "a variable with a transformation cannot be written", node.pos)

    def _transformations(self, node: n.Pv, rest: str) -> bool:
        """The `{class.name,...}` behind a variable; false when one is refused."""
        while rest.startswith("{"):
            end = _closing(rest, "{}")
            klass, dot, name = rest[1:end].partition(".")
            name = name.split(",", 1)[0].strip()
            rest = rest[end + 1 :].lstrip(" \t")
            if not dot or klass not in self.transformations:
                exporters = self.facts.transformation_exporters(klass)
                known = sorted(self.transformations)
                hint = f'loadmodule "{exporters[0]}.so"' if exporters else did_you_mean(klass, known)
                self.error("unknown-transformation", f"there is no transformation {{{klass}.{name}}}", node.pos, hint)
                return False
            names = self.transformations[klass]
            if self.target == "5.6" and names is not None and name not in names:
                hint = did_you_mean(name, names)
                self.error("unknown-transformation", f"there is no transformation {{{klass}.{name}}}", node.pos, hint)
                return False
        if rest:
            self.error("bad-variable", f"unexpected {rest[0]} in {node.text}", node.pos)
            return False
        return True

    def _avp(self, node: n.Pv, name: str) -> None:
        """`$name` of no known class is the AVP of that name, mostly by mistake."""
        hint = ""
        exporters = self.facts.pv_exporters(name)
        if exporters:
            hint = f'loadmodule "{exporters[0]}.so" gives the variable'
        self.warn("plain-avp", f"there is no variable ${name}: this is the AVP {name!r}", node.pos, hint)

    def _unknown_pv(self, node: n.Pv, name: str) -> None:
        exporters = self.facts.pv_exporters(name)
        if exporters:
            hint = " or ".join(f'loadmodule "{module}.so"' for module in exporters[:3])
        else:
            hint = did_you_mean(name, self.pvs)
        self.error("unknown-variable", f"there is no variable ${name}", node.pos, hint)


def _pv_name(text: str) -> tuple[str, str]:
    """The class name in front, and the rest."""
    if text[:1] == "?":
        return "?", text[1:]
    end = 0
    while end < len(text) and (text[end].isalnum() or text[end] in "_."):
        end += 1
    return text[:end], text[end:]


def _closing(text: str, pair: str) -> int:
    """Where the bracket that opens `text` closes."""
    nested = 0
    for i, c in enumerate(text):
        if c == pair[0]:
            nested += 1
        elif c == pair[1]:
            nested -= 1
            if nested == 0:
                return i
    return len(text)
