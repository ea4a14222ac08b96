"""Doubles: what runs in place of functions, routes and pseudo-variables, simulated or only known from the catalogue.

    server.doubles.set("http_client_query", lambda ctx, url, result: 200)
    server.doubles.set("geoip2_match", 1)
    server.doubles.set("$gip2(src=>cc)", "NO")
    server.doubles.set("ds_select_dst", -1)                 # also where the dispatcher module is simulated
    server.doubles.set("route[AUTH]", 1)

A function of a module that nothing simulates, and that nobody has set, logs an error and is false: a config never goes
on as if something had worked. With `lenient` it is 1.

Routes call what stands under a name in their globals, one dict a server; a double of a simulated function takes that
place on this server, so that nobody else pays for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kamscript.ere import Ere
from kamscript.module import Accessor, FixupError, FunctionDecl, Module, PvRef, Route
from kamscript.script.bind import BUILTIN, Binding, binding_of
from kamscript.script.format import Format
from kamscript.script.runtime import ScriptExit
from kamscript.source import did_you_mean
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.script.program import Need

DoubleCall = Callable[..., Any]

#: Commands of the core that the compiler writes out in the route itself.
INLINE: Final = frozenset({"isflagset"})
#: Variables that a config makes: a test gives them a value, there is nothing to stand in for.
_VARIABLES: Final = frozenset({"var", "vz", "vn", "avp", "shv", "xavp", "xavu", "xavi"})
#: The routes that may be doubled, by how a config calls them.
_ROUTES: Final = {
    "route": Route.REQUEST,
    "failure_route": Route.FAILURE,
    "branch_route": Route.BRANCH,
    "onreply_route": Route.TM_ONREPLY,
    "event_route": Route.EVENT,
}


class Site(NamedTuple):
    """Where a double is called: its module, its name, the arguments as the config has them (None: an expression)."""

    module: str
    name: str
    texts: tuple[str | None, ...] = ()


class Backed(NamedTuple):
    """A pseudo-variable with a life of its own, set for its bare name: the inner name, None without, tells which.

    `write` gets what the config assigns; None: it cannot be written.
    """

    read: Callable[[Context, str | None], Value]
    write: Callable[[Context, str | None, Value], object] | None = None


class _Called(NamedTuple):
    """A simulated function that the config calls: the global it has there, and its declaration."""

    place: str
    module: str
    method: str
    decl: FunctionDecl | None


class Double(Module):
    """A loaded module that nothing simulates. Its parameters are not checked, its functions are doubles."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__(server)
        self.double_name = name


class Doubles:
    """The doubles of one server, set by tests or by whoever embeds it.

    calls     every use of a function: (name, arguments)
    site      where the double that now runs was called; `real` runs what it stands for (None: nothing simulates it)
    lenient   functions that nobody set give 1, not -1
    unset     those that were called, by name, with their module
    """

    __slots__ = ("_server", "_set", "calls", "lenient", "real", "site", "unset")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._set: dict[str, Any] = {}
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.site: Site | None = None
        self.real: Callable[[], Any] | None = None
        self.lenient = False
        self.unset: dict[str, str] = {}

    # -- setting --------------------------------------------------------------------------------------------------
    def set(self, name: str, result: Any) -> None:
        """Use `result` in place of a function (`name`), a route (`route[NAME]`) or a pseudo-variable (`$name(inner)`,
        or `$name` for all of them): a value, or a callable.

        A callable gets the context and the arguments as plain values (pseudo-variables: the context), and returns the
        value. Raises FixupError for what cannot be replaced.
        """
        if name[:1] == "$":
            self._double_pv(name)
        elif "[" in name:
            self._double_route(name)
        elif name in INLINE:
            raise FixupError(f"{name}() is compiled into the routes and has no double: set the flag instead")
        else:
            for called in self._called(name):
                self._names[called.place] = self._in_place_of(name, called)
        self._set[name] = result

    def reset(self, name: str) -> None:
        """Forget what was set; what is simulated runs again."""
        self._set.pop(name, None)
        if name[:1] == "$":
            bare = name.partition("(")[0]
            if not any(other.partition("(")[0] == bare for other in self._set):
                self._binding.doubled.discard(bare[1:])
                self._binding.forget_texts(self._server.program.needs)
        elif "[" in name:
            kind, route = _route_of(name)
            self._rebind_route(kind, route, None)
        else:
            for called in self._called(name):
                self._names.pop(called.place, None)

    def set_pv(self, name: str, backed: Backed) -> None:
        """Let `$name` and every `$name(inner)` be read from and written to `backed`."""
        self.set(f"${name}", backed)

    def is_set(self, name: str) -> bool:
        """Whether there is a double of that name."""
        return name in self._set

    def simulated(self, name: str) -> bool:
        """Whether the config calls a simulated function of that name."""
        return bool(self._called(name))

    @property
    def _binding(self) -> Binding:
        return binding_of(self._server)

    @property
    def _names(self) -> dict[str, Any]:
        return self._binding.names

    def _called(self, name: str) -> list[_Called]:
        """The places of a simulated function in this config's routes."""
        shared = self._server.plan.shared
        index: dict[str, list[_Called]] | None = shared.get("functions called")
        if index is None:
            index = shared["functions called"] = {}
            for place, need in self._server.program.needs.items():
                if need.kind == "function":
                    module, method, function = need.args
                    index.setdefault(function, []).append(_Called(place, module, method, self._decl(need)))
        return index.get(name, [])

    def _decl(self, need: Need) -> FunctionDecl | None:
        module, method, function = need.args
        known = type(self._server.modules[module]).functions
        return next((d for (name, _), d in known.items() if name == function and d.method == method), None)

    # -- functions ------------------------------------------------------------------------------------------------
    def call(self, module: str, function: str, arity: int, texts: tuple[str | None, ...] = ()) -> DoubleCall:
        """What a call site runs of a function that only the catalogue knows."""
        self._server.plan.doubles[module, function, arity] = None
        site = Site(module, function, texts)

        def run(ctx: Context, *args: Any) -> int:
            self.calls.append((function, args))
            if function not in self._set:
                return self._unset(module, function)
            return code_of(self._answer(function, site, None, ctx, args))

        return run

    def _unset(self, module: str, function: str) -> int:
        self.unset[function] = module
        text = f"function {function} of module {module} is not simulated and no double is set"
        if self.lenient:
            self._server.log.warning("<core>", f"{text}: it counts as done")
            return 1
        self._server.log.error("<core>", text)
        return -1

    def _answer(
        self, name: str, site: Site, real: Callable[[], Any] | None, ctx: Context, args: tuple[Any, ...]
    ) -> Any:
        result = self._set[name]
        if not callable(result):
            return result
        kept = self.site, self.real
        self.site, self.real = site, real
        try:
            return result(ctx, *args)
        finally:
            self.site, self.real = kept

    def _in_place_of(self, function: str, called: _Called) -> DoubleCall:
        """What routes call in place of a simulated function."""
        original = getattr(self._server.modules[called.module], called.method)
        only_bool = called.decl is not None and called.decl.returns_bool
        behind = 1 if called.decl is not None and called.decl.continues else 0  #: statements, which a double never sees
        known: list[dict[int, str]] = []

        def run(ctx: Context, *args: Any) -> Any:
            if not known:
                known.append(self._texts(called.module, function))
            texts: list[str | None] = []
            plain: list[Any] = []
            for arg in args[behind:]:
                text, value = _plain(arg, ctx, known[0])
                texts.append(text)
                plain.append(value)
            given = tuple(plain)
            self.calls.append((function, given))
            site = Site(called.module, function, tuple(texts))
            code = code_of(self._answer(function, site, lambda: original(ctx, *args), ctx, given))
            if not only_bool:
                return code
            if not code:
                ctx.rc = 0
                raise ScriptExit(0)
            return code > 0

        return run

    def _texts(self, module: str, function: str) -> dict[int, str]:
        """The config's text of arguments that were fixed up into an object, by its identity."""
        found: dict[int, str] = {}
        for place, need in self._server.program.needs.items():
            if need.kind in ("resolved", "converted") and need.args[:2] == (module, function) and place in self._names:
                found[id(self._names[place])] = need.args[4]
        return found

    # -- routes ---------------------------------------------------------------------------------------------------
    def _double_route(self, name: str) -> None:
        kind, route = _route_of(name)
        if (kind, route) not in self._server.routes:
            hint = did_you_mean(route, [known for other, known in self._server.routes if other is kind])
            raise FixupError(f"the config has no {name}" + (f"; {hint}" if hint else ""))
        original = self._original(kind, route)
        site = Site("", name)

        def run(ctx: Context, _level: int = 1) -> int:
            self.calls.append((name, ()))
            code = code_of(self._answer(name, site, lambda: original(ctx, _level), ctx, ()))
            if not code:
                ctx.rc = 0
                raise ScriptExit(0)
            return code

        run.__dict__["original"] = original
        self._rebind_route(kind, route, run)

    def _original(self, kind: Route, route: str) -> DoubleCall:
        found: Any = self._server.routes[kind, route]
        return found.__dict__.get("original", found)  # type: ignore[no-any-return]

    def _rebind_route(self, kind: Route, route: str, run: DoubleCall | None) -> None:
        original = self._original(kind, route)
        self._binding.routes[kind, route] = run or original
        if kind is Route.REQUEST:
            for place, need in self._server.program.needs.items():
                if need.kind == "route" and need.args == (route,):
                    self._names[place] = run or original

    # -- pseudo-variables -----------------------------------------------------------------------------------------
    def _double_pv(self, name: str) -> None:
        bare = name[1:].partition("(")[0]
        if bare in _VARIABLES:
            raise FixupError(f"{name} is a variable of the config: give it a value where the route starts")
        binding = self._binding
        found = binding.pv_class(bare)
        if bare in BUILTIN or (found is not None and bare in getattr(found[0], "inline", {})):
            raise FixupError(f"{name} is read from the message itself: send a message that has it")
        if found is not None and bare not in binding.doubled:
            binding.doubled.add(bare)
            binding.forget_texts(self._server.program.needs)

    def pv(self, ref: PvRef, real: Accessor | None = None) -> Accessor:
        """The accessor of a pseudo-variable; reads what was set or written, null before (what is simulated: itself)."""
        bare = f"${ref.name}"

        def inner_name(ctx: Context) -> str | None:
            return ref.inner(ctx) if callable(ref.inner) else ref.inner

        def get(ctx: Context) -> Value:
            inner = inner_name(ctx)
            name = bare if inner is None else f"{bare}({inner})"
            if name not in self._set:
                if bare not in self._set:
                    return None if real is None else real.get(ctx)
                name = bare
            result = self._set[name]
            if isinstance(result, Backed):
                return result.read(ctx, inner)
            if not callable(result):
                found: Value = result
                return found
            answer: Value = self._answer(name, Site("", name), None if real is None else lambda: real.get(ctx), ctx, ())
            return answer

        def put(ctx: Context, value: Value) -> None:
            inner = inner_name(ctx)
            name = bare if inner is None else f"{bare}({inner})"
            backed = self._set.get(name, self._set.get(bare))
            if isinstance(backed, Backed):
                if backed.write is not None:
                    backed.write(ctx, inner, value)
            elif real is None or name in self._set or bare in self._set:
                self._set[name] = value
            elif real.set is not None:
                real.set(ctx, value)

        return Accessor(get, put, bare)


def code_of(result: Any) -> int:
    """What a double's value is to a script: True 1, False -1, None 1, any integer itself."""
    if isinstance(result, bool):
        return 1 if result else -1
    return int(result) if result is not None else 1


def _plain(arg: Any, ctx: Context, known: dict[int, str]) -> tuple[str | None, Any]:
    """An argument as a simulated function receives it: its text in the config, and its value."""
    match arg:
        case None | int() | str():
            return None, arg
        case Accessor():
            return arg.text, arg.get(ctx)
        case Format():
            return arg.text, arg(ctx)
        case Ere():
            return arg.pattern, arg.pattern
    text = known.get(id(arg))
    return text, arg if text is None else text


def _route_of(name: str) -> tuple[Route, str]:
    kind, _, rest = name.partition("[")
    if kind not in _ROUTES or rest[-1:] != "]":
        raise FixupError(f"{name} names no route: write {', '.join(f'{known}[NAME]' for known in _ROUTES)}")
    return _ROUTES[kind], rest[:-1]


def config_line(server: Server) -> str:
    """`file:line` of the config statement that is running now; "" when none is."""
    for frame in _frames():
        path = server.program.source_of(frame.f_code)
        if path is not None:
            return f"{path}:{frame.f_lineno}"
    return ""


def _frames() -> Iterator[Any]:
    frame = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back  # type: ignore[assignment]
