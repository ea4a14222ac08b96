"""What is wrong with a config: all stages that the daemon goes through at start, each as far as it still makes sense.

Read, resolve, fix up, start the modules, all without sockets and databases; then the traps (`kamscript.tools.traps`).
A stage looks only at what the stages before it understood, so that one mistake gives one finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kamscript.core.environment import Environment
from kamscript.core.server import NotLoaded, Server
from kamscript.loader import defines_of, module_classes, read_text, target_of
from kamscript.module import FixupError
from kamscript.modules import Modules
from kamscript.script import nodes
from kamscript.script.compile import route_title
from kamscript.script.parse import read
from kamscript.script.program import Program, RouteCode
from kamscript.script.resolve import Resolved, diagnose
from kamscript.script.scope import Scope
from kamscript.script.statements import Function, write_block
from kamscript.source import ConfigError, Diagnostic, Reader, Source, Span
from kamscript.tools import core_fixups
from kamscript.tools.findings import Finding
from kamscript.tools.traps import Config, traps

if TYPE_CHECKING:
    from kamscript.core.environment import NaptrRecord, SrvRecord
    from kamscript.module import Module
    from kamscript.script.program import Need

_FAULT = "this is a fault of kamscript or of a plug-in: please report it with the config"
#: What a fix-up error is called, by the kind of what was to be made.
_RULES = {
    "regex": "bad-regex",
    "search": "bad-regex",
    "case": "bad-regex",
    "get": "bad-variable",
    "text": "bad-variable",
    "set": "bad-variable",
    "accessor": "bad-variable",
    "format": "bad-variable",
    "select": "bad-select",
    "route": "unknown-route",
}

#: Told at the first place only.
_ONCE = frozenset(("plain-avp",))


def examine(
    path: str,
    reader: Reader,
    *,
    defines: Mapping[str, str] | Iterable[str] = (),
    subst: Sequence[str] = (),
    target: str | None = None,
) -> list[Finding]:
    """Everything found in the config at `path`, in the order of the text; never raises for what it holds."""
    wanted = target_of(target)
    try:
        text = read_text(reader, path)
    except ConfigError as error:
        return [Finding.of(diagnostic) for diagnostic in error.diagnostics]
    source = Source(path, text)
    try:
        found, files = _stages(source, reader, defines_of(defines), wanted, tuple(subst))
    except Exception as error:  # a fault of this program is no reason to die in an editor
        found, files = [_fault("the config cannot be examined", error, Span(source, 0, 0))], (source,)
    return [Finding.of(diagnostic) for diagnostic in _ordered(found, files)]


def _stages(
    source: Source, reader: Reader, defines: Mapping[str, str], target: Any, subst: tuple[str, ...]
) -> tuple[list[Diagnostic], tuple[Source, ...]]:
    config, found = read(source, reader, defines, target, subst)
    readable = not _errors(found)
    resolved, more = diagnose(config, Modules(), target)
    found = core_fixups.hardened(found + more, resolved)
    if readable:
        found += core_fixups.values(resolved)
    classes = module_classes(resolved.modules)
    found += _Start(resolved, classes, target, reader, found).errors()
    if readable:
        found += traps(Config(resolved, classes, target, reader))
    return found, config.files or (source,)


def _errors(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [diagnostic for diagnostic in found if diagnostic.severity == "error"]


def _fault(what: str, error: BaseException, span: Span) -> Diagnostic:
    return Diagnostic("internal", f"{what}: {type(error).__name__}: {error}", span, hint=_FAULT)


def _ordered(found: Iterable[Diagnostic], files: Sequence[Source]) -> list[Diagnostic]:
    """In the order of the text; of several errors at exactly one place the first stage's."""
    order = {id(file): i for i, file in enumerate(files)}
    kept: dict[tuple[object, ...], Diagnostic] = {}
    for diagnostic in sorted(found, key=lambda d: d.span.start if d.rule in _ONCE else -1):
        span = diagnostic.span
        what = diagnostic.severity if diagnostic.severity == "error" else (diagnostic.rule, diagnostic.message)
        place = (0, 0) if diagnostic.rule in _ONCE else (id(span.source), span.start)
        kept.setdefault((*place, what), diagnostic)
    return sorted(kept.values(), key=lambda d: (order.get(id(d.span.source), 0), d.span.start))


class _Places(Scope):
    """A scope that remembers every place of what a config needs, not only the first."""

    def __init__(self, resolved: Resolved, modules: Mapping[str, type[Module]], target: str) -> None:
        super().__init__(resolved, modules, target)
        self.places: dict[str, list[Span]] = {}

    def need(self, prefix: str, kind: str, args: tuple[object, ...], span: Span) -> str:
        name = super().need(prefix, kind, args, span)
        self.places.setdefault(name, []).append(span)
        return name


def _nothing(ctx: object, _d: int = 1) -> int:
    return 1


class _Start:
    """A server made from as much of a config as was understood; nothing of it runs."""

    def __init__(
        self,
        resolved: Resolved,
        classes: Mapping[str, type[Module]],
        target: str,
        reader: Reader,
        found: Sequence[Diagnostic],
    ) -> None:
        self.resolved, self.classes, self.target, self.reader = resolved, classes, target, reader
        self.before = _errors(found)
        self.scope = _Places(resolved, classes, target)
        self.found: list[Diagnostic] = []

    def errors(self) -> list[Diagnostic]:
        """What the fix-up of the routes and the start of the modules would refuse."""
        program = self._program()
        try:
            server = self._server(program)
            errors = server.prepare() if not self.before and not self.scope.diagnostics else None
            if errors == []:
                self.found += core_fixups.names(self.resolved, server)
        except Exception:
            errors = None  # find out who it was
        if errors is None or errors:
            self._one_by_one(program)
        return self.scope.diagnostics + self.found

    def _program(self) -> Program:
        """The program without its code: all that a start looks at."""
        import marshal

        stub = marshal.dumps(_nothing.__code__)
        routes = []
        for (kind, name), blocks in self.resolved.routes.items():
            head = blocks[0].pos
            for block in blocks:
                if self._sound(block):
                    function = Function(self.scope, route_title(kind, name), head.path, head)
                    try:
                        write_block(function, block.body.statements)
                    except Exception as error:
                        self.found.append(_fault(f"{function.name} cannot be compiled", error, block.pos))
            routes.append(RouteCode(kind, name, head.path, head.line, stub))
        config = self.resolved.config
        return Program(
            path=config.files[0].path,
            target=self.target,
            items=tuple(item for item in config.items if not isinstance(item, nodes.Route)),
            modules=self.resolved.modules,
            params=self.resolved.params,
            flags=dict(self.resolved.flags),
            avpflags=dict(self.resolved.avpflags),
            routes=tuple(routes),
            needs=self.scope.needs,
            sources=tuple(source.path for source in config.files),
            defines=dict(config.defines),
        )

    def _sound(self, route: nodes.Route) -> bool:
        """Whether everything in a route was understood."""
        if not self.before:
            return True
        reach: dict[int, list[int]] = {}
        for node in nodes.walk(route):
            if isinstance(node, nodes.Broken):
                return False
            if isinstance(node, nodes.Call) and id(node) not in self.resolved.functions:
                return False
            ends = reach.setdefault(id(node.pos.source), [node.pos.start, node.pos.end])
            ends[0], ends[1] = min(ends[0], node.pos.start), max(ends[1], node.pos.end)
        for error in self.before:
            ends_of = reach.get(id(error.span.source))
            if ends_of is not None and ends_of[0] <= error.span.start <= ends_of[1]:
                return False
        return True

    def _server(self, program: Program) -> Server:
        import random

        environment = Environment(
            now=0.0,
            chance=random.Random(1),
            resolver=NoNames(),
            files=_Files(self.reader),
            log=lambda record: None,
            database=_databases,
            environ=_Variables(self.reader),
        )
        return Server(program, environment, target=self.target, modules=self.classes)

    def _one_by_one(self, program: Program) -> None:
        """Start each module that nothing is known against, make each thing that routes need."""
        nowhere = self.resolved.config.items[0].pos if self.resolved.config.items else program_start(self.resolved)
        try:
            server = self._server(program)
            self.found += server.set_up()
        except Exception as error:
            self.found.append(_fault("the server cannot be set up", error, nowhere))
            return
        blamed = {name for name, line in program.params if any(e.span is line.value.pos for e in self.found)}
        if any(error.rule in ("no-module", "module-not-loaded", "syntax") for error in self.before):
            blamed |= {name for name in server.modules if name != "core"}  # what they need may be what is missing
        for name in server.modules:
            if name in blamed:
                continue
            place = server.plan.modules[name].pos if name != "core" else nowhere
            try:
                server.start_module(name)
            except NotLoaded as error:
                blamed.add(name)
                if error.name not in blamed:
                    self.found.append(Diagnostic("module-start", f"{name}: {error}", place, hint=_load(error.name)))
            except FixupError as error:
                blamed.add(name)
                self.found.append(Diagnostic("module-start", f"{name}: {error}", place))
            except Exception as error:
                blamed.add(name)
                self.found.append(_fault(f"the module {name} cannot start", error, place))
        self.found += self._needs(program, server, blamed)
        if not blamed:
            self.found += core_fixups.names(self.resolved, server)

    def _needs(self, program: Program, server: Server, blamed: set[str]) -> Iterator[Diagnostic]:
        from kamscript.script.bind import binding_of

        binding = binding_of(server)
        for name, need in program.needs.items():
            if name in binding.names or need.kind == "part":
                continue
            try:
                binding.names[name] = binding.make(need)
            except FixupError as error:
                for span in self.scope.places.get(name, [need.span]):
                    yield self._fixup(need, error, span)
            except Exception as error:
                if not blamed:  # a module that did not start cannot be asked
                    yield _fault(f"{need.kind} {need.args!r} cannot be made", error, need.span)

    def _fixup(self, need: Need, error: FixupError, span: Span) -> Diagnostic:
        """A fix-up error, with a hint where a name is unknown."""
        from kamscript.script.catalog import catalog
        from kamscript.source import did_you_mean

        text = str(error)
        rule = _RULES.get(need.kind, "fix-up")
        if text.startswith("unknown pseudo-variable $"):
            name = text.removeprefix("unknown pseudo-variable $")
            exporters = catalog().pv_exporters(name)
            known = {pv for module in self.classes.values() for pv in module.pvs}
            hint = " or ".join(_load(module) for module in exporters[:3]) or did_you_mean(name, known)
            return Diagnostic("unknown-variable", f"there is no variable ${name}", span, hint=hint)
        if text.startswith("unknown transformation {"):
            klass = text.removeprefix("unknown transformation {").partition(".")[0]
            exporters = catalog().transformation_exporters(klass)
            known = {tr for module in self.classes.values() for tr in module.transformations}
            hint = " or ".join(_load(module) for module in exporters[:3]) or did_you_mean(klass, known)
            return Diagnostic("unknown-transformation", text, span, hint=hint)
        return Diagnostic(rule, text, span)


def program_start(resolved: Resolved) -> Span:
    """The first character of a config."""
    return Span(resolved.config.files[0], 0, 0)


def _load(module: str) -> str:
    return f'loadmodule "{module}.so"'


def _databases(url: str) -> Any:
    """Any URL is an empty database with Kamailio's tables: whether a real one answers is not a matter of the config."""
    from kamscript.stores import memory_databases

    return memory_databases(lambda level, text: None, lambda: 0.0)(url)


class _Variables(dict[str, str]):
    """The environment of the config's reader, asked for a variable at a time, so that a kept finding knows of it."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def get(self, key: str, default: Any = None) -> Any:
        """The variable's value, `default` when it is not set."""
        value = self.reader.getenv(key)
        return default if value is None else value

    def __getitem__(self, key: str) -> str:
        value = self.reader.getenv(key)
        if value is None:
            raise KeyError(key)
        return value

    def __bool__(self) -> bool:
        return True  # it only looks empty

    def __contains__(self, key: object) -> bool:
        return self.reader.getenv(str(key)) is not None


class _Files:
    """Files that modules read at start, through the config's reader."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def read(self, path: str) -> str:
        """The file's text; raises OSError."""
        return self.reader.read(path)

    def exists(self, path: str) -> bool:
        """Whether it can be read."""
        try:
            self.reader.read(path)
        except OSError:
            return False
        return True


class NoNames:
    """No DNS: a check looks nobody up, and every host name is taken to be one of this machine's."""

    def a(self, name: str) -> list[str]:
        """One address, so that `listen=` host names bind."""
        return ["127.0.0.1"]

    def aaaa(self, name: str) -> list[str]:
        """None."""
        return []

    def srv(self, name: str) -> list[SrvRecord]:
        """None."""
        return []

    def naptr(self, name: str) -> list[NaptrRecord]:
        """None."""
        return []

    def ptr(self, address: str) -> str | None:
        """None."""
        return None
