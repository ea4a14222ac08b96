"""A compiled config: what a server is made from. It never changes, and any number of servers run it side by side.

program = compile(resolved, target="5.6")       # once, or from the cache
routes = program.bind(server)                   # per server: cheap
code = run(routes[Route.REQUEST, ""], ctx)      # per message; see kamscript.script.runtime
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.module import FixupError, Route
from kamscript.script.bind import Lazy, binding_of
from kamscript.script.cache import digest_of
from kamscript.script.nodes import Alias, CustomVar, Item, Listen, ModParam, RouteKind, Setting
from kamscript.source import Diagnostic, Span

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

__all__ = ["Action", "Need", "PartCode", "Program", "RouteCode", "RouteFunction", "digest_of"]

#: A route, bound to one server. Its value is the route's return code; `exit` and `drop` raise `runtime.ScriptExit`.
RouteFunction = Callable[["Context"], int]


#: What the kinds of block are called at run time.
KINDS = {
    RouteKind.REQUEST: Route.REQUEST,
    RouteKind.FAILURE: Route.FAILURE,
    RouteKind.REPLY: Route.CORE_ONREPLY,
    RouteKind.ONREPLY: Route.TM_ONREPLY,
    RouteKind.BRANCH: Route.BRANCH,
    RouteKind.ONSEND: Route.ONSEND,
    RouteKind.EVENT: Route.EVENT,
}


class Need(NamedTuple):
    """Something that the code of a route looks up by name on its server: an accessor, a function, a pattern.

    `kind` names a maker in `kamscript.script.bind`; `args` is what it is made from, plain data only.
    """

    kind: str
    args: tuple[Any, ...]
    span: Span


class RouteCode(NamedTuple):
    """One route block set: marshalled code of its function, in the file and at the lines of the config."""

    kind: RouteKind
    name: str
    path: str
    line: int
    code: bytes


class PartCode(NamedTuple):
    """A function that routes call by its global name: a block inside an expression, statements of an included file."""

    name: str
    path: str
    code: bytes


class Action(NamedTuple):
    """One statement for the debugger's trace: where it stands, what it does, and in which route."""

    path: str
    line: int
    cline: int  #: the line that Kamailio keeps for it
    number: int  #: what kind of action Kamailio counts it as
    name: str  #: how Kamailio's debugger calls it
    route: str  #: name of the route, DEFAULT_ROUTE for the main one
    title: str = ""  #: how the route is called in tracebacks: `route[RELAY]`
    inner: bool = False  #: a call in an expression
    column: int = 1
    blocks: tuple[tuple[str, int, int], ...] = ()  #: "true", "false" or a case, and the actions behind it: from, up to


@dataclass(frozen=True)
class Program:
    """A config after compilation. Plain data: it pickles, and `kamscript.script.cache` stores it.

    `items` are all top-level items except route blocks, in the order of the text; `modules` the loaded modules in
    order; `params` the module parameters as (module, line), regular expressions over module names expanded.
    """

    path: str  #: name of the main file
    target: str  #: "4.4", "5.6", "6.x" or "all"
    items: tuple[Item, ...]
    modules: tuple[str, ...]
    params: tuple[tuple[str, ModParam], ...]
    flags: Mapping[str, int]
    avpflags: Mapping[str, int]
    routes: tuple[RouteCode, ...]
    needs: Mapping[str, Need]
    parts: tuple[PartCode, ...] = ()
    actions: tuple[Action, ...] = ()  #: only when the config loads the debugger module
    pvs: tuple[str, ...] = ()  #: the pseudo-variables of all routes; only when the config loads the debugger module
    sources: tuple[str, ...] = ()  #: names of all files that were read, the main one first
    defines: Mapping[str, str] = field(default_factory=dict)
    hashes: tuple[tuple[str, bytes], ...] = ()  #: of the texts of these files
    missing: tuple[str, ...] = ()  #: names of import_file that were not found
    environment: Mapping[str, str | None] = field(default_factory=dict)  #: the variables that were asked for
    warnings: tuple[Diagnostic, ...] = ()
    on_disk: bool = True  #: the names in `sources` are files; False for a config that was handed over as a text

    @property
    def settings(self) -> list[Setting]:
        """The core parameters, in the order of the text (a later one wins)."""
        return [item for item in self.items if isinstance(item, Setting)]

    @property
    def listens(self) -> list[Listen]:
        """The `listen` lines."""
        return [item for item in self.items if isinstance(item, Listen)]

    @property
    def aliases(self) -> list[Alias]:
        """The `alias` lines."""
        return [item for item in self.items if isinstance(item, Alias)]

    @property
    def custom(self) -> list[CustomVar]:
        """The config's own settings, `group.name = value`."""
        return [item for item in self.items if isinstance(item, CustomVar)]

    def code(self, part: RouteCode | PartCode) -> CodeType:
        """The code object; unmarshalled once per process."""
        cache: dict[bytes, CodeType] = self.__dict__.setdefault("_code", {})
        code = cache.get(part.code)
        if code is None:
            code = marshal.loads(part.code)
            if not self.on_disk:  # so that no tool takes it for the file of this name
                code = code.replace(co_filename=f"<{code.co_filename}>")
            cache[part.code] = code
        return code

    def source_of(self, code: CodeType) -> str | None:
        """The name of the file that a code object was made from, None when it is none of this config's."""
        name = code.co_filename
        if not self.on_disk and name[:1] == "<":
            name = name[1:-1]
        return name if name in self.sources or name == self.path else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def bind(self, server: Server) -> dict[tuple[Route, str], RouteFunction]:
        """The routes as functions over `server`, keyed by kind and name (`(Route.REQUEST, "")` is the main one).

        Accessors, module methods and patterns are made when first used, so binding costs microseconds. A bad constant
        argument then raises FixupError at its first use: call `check` once to find all of them at load.
        """
        binding = binding_of(server)
        names = binding.names
        names["__builtins__"] = Lazy(binding, self.needs)
        names["__name__"] = self.__dict__.get("_label", self.path)  # what `coverage --source` looks at
        for part in self.parts:
            names[part.name] = FunctionType(self.code(part), names, part.name, (1,))
        routes = binding.routes
        for route in self.routes:
            routes[KINDS[route.kind], route.name] = FunctionType(self.code(route), names, route.name, (1,))
        return routes

    def join(self, server: Server, name: str) -> RouteFunction:
        """Route `name` of this program as part of the one that `server` runs: its variables and routes are that one's.

        Compiled in a `namespace` of its own, for the same modules. Raises FixupError where Kamailio would refuse it.
        """
        binding = binding_of(server)
        names = binding.names
        lazy: Lazy = names["__builtins__"]
        lazy.needs = {**lazy.needs, **self.needs}
        for part in self.parts:
            names[part.name] = FunctionType(self.code(part), names, part.name, (1,))
        for need_name, need in self.needs.items():
            if need_name not in names:
                names[need_name] = binding.make(need)
        code = next(route for route in self.routes if route.name == name)
        return FunctionType(self.code(code), names, name, (1,))

    def take_over(self, server: Server) -> None:
        """Let this program run in place of the one that `server` runs: the same config, compiled with `traced`.

        Both use the same names, so everything made so far stays, variables and doubles too. No route may be running.
        """
        binding = binding_of(server)
        names = binding.names
        names["__builtins__"].needs = {**self.needs, **names["__builtins__"].needs}
        for part in self.parts:
            names[part.name].__code__ = self.code(part)
        old = {(route.kind, route.name): server.program.code(route) for route in server.program.routes}
        for route in self.routes:
            function: Any = binding.routes[KINDS[route.kind], route.name]
            if getattr(function, "__code__", None) is old[route.kind, route.name]:
                function.__code__ = self.code(route)
        server.program = self

    def check(self, server: Server) -> list[Diagnostic]:
        """Fix up every argument and pseudo-variable on `server`, as the daemon does at start; what it would refuse.

        `server` is bound and its modules started. Nothing runs.
        """
        binding = binding_of(server)
        found: list[Diagnostic] = []
        for name, need in self.needs.items():
            if name in binding.names:
                continue
            try:
                binding.names[name] = binding.make(need)
            except FixupError as error:
                found.append(Diagnostic("fix-up", str(error), need.span))
        return found
