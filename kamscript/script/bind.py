"""A program's names on one server: pseudo-variables, functions, patterns. Each is made when first used.

Routes are Python functions whose globals are one dict per server. A name that is not in it yet is looked up in the
"builtins" of that dict, an object whose `__missing__` makes it and puts it into the dict: so a fresh server costs a
copy of a few names, and the second use costs what any global costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from kamscript.module import Accessor, FixupError, PvRef, Route
from kamscript.script.pv import PvSyntaxError, PvText, Tr, parse_pv, split_format
from kamscript.script.runtime import NAMES, replace_avp
from kamscript.values import Both, Value, decimal

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.module import Module, PvDecl, TransformationDecl
    from kamscript.script.program import Need, RouteFunction

T = TypeVar("T")
Getter = Callable[["Context"], Value]
Transform = Callable[["Context", Value], Value]

#: Classes by name, with the module that has them: of pseudo-variables, of transformations.
Tables = tuple[Mapping[str, "tuple[str, PvDecl]"], Mapping[str, "tuple[str, TransformationDecl]"]]

GENERATIONS = ("4.4", "5.6", "6.x")

#: Kinds of need that know of no server.
_ALIKE = frozenset({"regex", "search", "case"})
#: Kinds of need that hold pseudo-variables.
_OF_TEXTS = frozenset({"get", "text", "set", "accessor", "format", "resolved", "converted", "expand"})


def exists(since: str, until: str, target: str) -> bool:
    """Whether something with these generations is part of `target` ("all": everything is)."""
    if target not in GENERATIONS:
        return True
    at = GENERATIONS.index(target)
    low = GENERATIONS.index(since) if since in GENERATIONS else 0
    high = GENERATIONS.index(until) if until in GENERATIONS else len(GENERATIONS)
    return low <= at <= high


@lru_cache(maxsize=64)
def _tables_of(modules: tuple[tuple[str, type[Module]], ...], target: str) -> Tables:
    """The pseudo-variable and transformation classes of modules: the first that has a name is the one."""
    pvs: dict[str, tuple[str, PvDecl]] = {}
    transformations: dict[str, tuple[str, TransformationDecl]] = {}
    for name, module in modules:
        for key, decl in module.pvs.items():
            if key not in pvs and exists(decl.since, decl.until, target):
                pvs[key] = name, decl
        for key, transformation in module.transformations.items():
            transformations.setdefault(key, (name, transformation))
    return pvs, transformations


class TransformationFailed(Exception):
    """A transformation has no result: the pseudo-variable counts as undefined, and as nothing inside of a text."""


class Lazy(dict[str, Any]):
    """The builtins of a server's routes: makes what they name."""

    def __init__(self, binding: Binding, needs: Mapping[str, Need]) -> None:
        super().__init__()
        self.binding, self.needs = binding, needs

    def __missing__(self, name: str) -> Any:
        need = self.needs.get(name)
        if need is None:
            raise KeyError(name)
        made = self.binding.make(need)
        self.binding.names[name] = made
        if self.binding.is_alike(need):
            self.binding.alike[name] = made
        return made


def variable_name(kind: str, name: str) -> str:
    """The global that holds `$var(name)` (kind "v") or `$vn(name)` (kind "n")."""
    return f"{kind}_" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in name)


class Binding:
    """What one server has made of its config's texts; found at `server.shared["script"]`."""

    __slots__ = ("_accessors", "_formats", "alike", "doubled", "names", "routes", "server")

    def __init__(self, server: Server) -> None:
        self.server = server
        #: What is made of names once for all servers of the program: patterns, constants that no server changes.
        self.alike: dict[str, Any] = server.plan.shared.setdefault("script", {})
        self.names: dict[str, Any] = {**NAMES, **self.alike}
        self.routes: dict[tuple[Route, str], RouteFunction] = {}
        self._accessors: dict[str, PvAccessor] = {}
        self._formats: dict[str, Any] = {}
        self.doubled: set[str] = set()  #: pseudo-variable classes that a test reads and writes in place of the module

    # -- what routes need ------------------------------------------------------------------------------------------
    def make(self, need: Need) -> Any:
        """The object that a route calls by name; raises FixupError."""
        return getattr(self, f"_make_{need.kind}")(*need.args)

    def is_alike(self, need: Need) -> bool:
        """Whether `make` gives the same on every server of the program."""
        return need.kind in _ALIKE or (need.kind == "resolved" and self._fixup(*need.args[:4]).alike)

    def _make_get(self, pv: PvText) -> Getter:
        try:
            return self.accessor(pv).get
        except FixupError:
            if not _plain_avp(pv):
                raise
        key = pv.name

        def get(ctx: Context) -> Value:
            values = ctx.avps.lists.get(key)
            return values[0] if values else None

        return get

    def _make_text(self, pv: PvText) -> Callable[[Context], str]:
        return self.accessor(pv).expand

    def _make_set(self, pv: PvText) -> Callable[[Context, Value], object]:
        try:
            found = self.accessor(pv)
        except FixupError:
            if not _plain_avp(pv):
                raise
            return lambda ctx, value: replace_avp(ctx, pv.name, value)
        if found.set is None:
            raise FixupError(f"{pv.text} cannot be written")
        return found.set

    def _make_accessor(self, pv: PvText) -> Accessor:
        return self.accessor(pv)

    _make_target = _make_accessor  # of an assignment, for the debugger

    def _make_format(self, text: str) -> Any:
        return self.format(text)

    def _make_variable(self, initial: Value) -> Value:
        return initial

    def _make_function(self, module: str, method: str, name: str) -> Any:
        return getattr(self.server.modules[module], method)

    def _make_double(self, module: str, name: str, arity: int, texts: tuple[str | None, ...]) -> Any:
        return self.server.double(module, name, arity, texts)

    def _make_resolved(self, module: str, name: str, arity: int, position: int, text: str) -> Any:
        return self._fixup(module, name, arity, position).resolve(text, self.server)

    def _make_converted(self, module: str, name: str, arity: int, position: int, text: str) -> Any:
        return self._fixup(module, name, arity, position).convert(text)

    def _make_convert(self, module: str, name: str, arity: int, position: int) -> Any:
        return self._fixup(module, name, arity, position).convert

    def _fixup(self, module: str, name: str, arity: int, position: int) -> Any:
        decl = self.server.modules[module].functions[name, arity]
        if position < len(decl.arguments):
            return decl.arguments[position].fixup
        assert decl.variadic is not None
        return decl.variadic.fixup

    def _make_regex(self, pattern: str, newline: bool) -> Any:
        from kamscript import ere

        try:
            return ere.compile(pattern, icase=True, newline=newline)
        except ValueError as error:
            raise FixupError(f"bad regular expression {pattern!r}: {error}") from None

    def _make_search(self, pattern: str) -> Any:
        return self._make_regex(pattern, False).test

    def _make_pattern(self) -> Callable[[Context, str], Any]:
        """`(ctx, text)` to a pattern, for regular expressions that change at run time."""
        from kamscript.script.runtime import BAD

        def pattern(ctx: Context, text: str) -> Any:
            try:
                return self._make_regex(text, True)
            except FixupError as error:
                ctx.server.log.error("<core>", str(error))
                return BAD

        return pattern

    def _make_expand(self) -> Callable[[Context, str], str]:
        """`(ctx, text)` to the text with its pseudo-variables expanded once more, as fixup_spve does at run time."""

        def expand(ctx: Context, text: str) -> str:
            if "$" not in text:
                return text
            try:
                return str(self.format(text)(ctx))
            except FixupError as error:
                ctx.server.log.error("<core>", str(error))
                return ""

        return expand

    def _make_case(self, pattern: str) -> Any:
        """A regular expression of a switch: case-sensitive, unlike `=~` (core/switch.c)."""
        from kamscript import ere

        try:
            return ere.compile(pattern).test
        except ValueError as error:
            raise FixupError(f"bad regular expression {pattern!r}: {error}") from None

    def _make_route(self, name: str) -> Any:
        return self.routes[Route.REQUEST, name]

    def _make_part(self, number: int) -> Any:
        raise KeyError(number)  # parts are there from the start

    def _make_socket_id(self, proto: str, hosts: tuple[str, ...], port: int, port_end: int) -> Any:
        from kamscript.script.nodes import SocketId
        from kamscript.source import NOWHERE

        socket = SocketId(NOWHERE, proto, hosts, port, port_end)
        core: Any = self.server.modules["core"]
        core.check_socket(socket)
        return socket

    def _make_test(self, subject: str, op: str, kind: str, value: object) -> Any:
        from kamscript.script.coretests import make_test

        return make_test(self.server, subject, op, kind, value)

    def _make_select(self, path: tuple[str | int, ...], text: str) -> Getter:
        try:
            return self.server.select(path, text)
        except FixupError as error:
            if path[0] == "cfg_get":
                raise
            # Kamailio starts all the same
            self.server.log.error("<core>", str(error))
            return lambda ctx: None

    def _make_trace(self, *_: object) -> Any:
        return self.server.trace or _untraced

    def _make_assigned(self, *_: object) -> Any:
        return self.server.trace_assign or _unlogged

    # -- texts -----------------------------------------------------------------------------------------------------
    def accessor(self, pv: PvText) -> PvAccessor:
        """The pseudo-variable; made once per text. Raises FixupError."""
        found = self._accessors.get(pv.text)
        if found is None:
            found = self._accessors[pv.text] = self._resolve(pv)
        return found

    def format(self, text: str) -> Any:
        """The text, ready to be expanded; made once."""
        found = self._formats.get(text)
        if found is None:
            from kamscript.script.format import Format

            try:
                parts = split_format(text)
            except PvSyntaxError as error:
                raise FixupError(str(error)) from None
            pieces = [part if isinstance(part, str) else self.accessor(part).expand for part in parts]
            found = self._formats[text] = Format(text, pieces)
        return found

    def pv_class(self, name: str) -> tuple[Module, PvDecl] | None:
        """The module and declaration of a pseudo-variable class, None when no loaded module has it."""
        return self._loaded(self._tables()[0].get(name))

    def transformation_class(self, name: str) -> tuple[Module, TransformationDecl] | None:
        """The module and declaration of a transformation class, likewise."""
        return self._loaded(self._tables()[1].get(name))

    def _loaded(self, found: tuple[str, T] | None) -> tuple[Module, T] | None:
        """With the module in place of its name; None, too, while that is not loaded yet (modparamx)."""
        module = None if found is None else self.server.modules.get(found[0])
        return None if found is None or module is None else (module, found[1])

    def _tables(self) -> Tables:
        plan = self.server.plan
        found: Tables | None = plan.shared.get("script tables")
        if found is None:
            modules = tuple((name, one.cls) for name, one in plan.modules.items() if one.cls is not None)
            found = plan.shared["script tables"] = _tables_of(modules, self.server.target)
        return found

    def _resolve(self, pv: PvText) -> PvAccessor:
        base = self._base(pv)
        if not pv.transformations:
            return PvAccessor(base.get, base.set, pv.text, expand=getattr(base, "expand", None))
        return PvAccessor(base.get, None, pv.text, tuple(self._transform(tr, pv) for tr in pv.transformations))

    def _transform(self, tr: Tr, pv: PvText) -> Transform:
        found = self.transformation_class(tr.klass)
        if found is None and self._has_doubles():
            return _unknown(tr, pv)
        if found is None:
            raise FixupError(f"unknown transformation {{{tr.klass}.{tr.args[0]}}} in {pv.text}")
        module, decl = found
        made: Transform = getattr(module, decl.factory)(tr.args)
        return made

    def _base(self, pv: PvText) -> Accessor:
        if pv.name in self.doubled:
            return self.server.doubles.pv(self._ref(pv), self._real(pv))
        return self._real(pv)

    def forget_texts(self, needs: Mapping[str, Need]) -> None:
        """Make everything anew that reads or writes a pseudo-variable: `doubled` has changed."""
        self._accessors.clear()
        self._formats.clear()
        for name, need in needs.items():
            if need.kind in _OF_TEXTS:
                self.names.pop(name, None)

    def _real(self, pv: PvText) -> Accessor:
        name = pv.name
        if name == "$":
            return Accessor(lambda ctx: "$", None, pv.text)
        if name in BUILTIN:
            return BUILTIN[name](self.server, pv)
        found = self.pv_class(name)
        if found is not None:
            module, decl = found
            if decl.factory:
                accessor: Accessor = getattr(module, decl.factory)(self._ref(pv))
                accessor.text = pv.text
                return accessor
            if pv.inner is not None:
                raise FixupError(f"${name} takes no name in parentheses")
            if pv.index is not None:
                raise FixupError(f"${name} takes no index")
            setter = getattr(module, decl.setter) if decl.setter else None
            return Accessor(getattr(module, decl.getter), setter, pv.text)
        if self._has_doubles():
            return self.server.double_pv(self._ref(pv))
        raise FixupError(f"unknown pseudo-variable ${name}")

    def _has_doubles(self) -> bool:
        """Whether a loaded module is not simulated, so that unknown names may be its own."""
        modules = self.server.modules
        return any(hasattr(modules.get(name), "double_name") for name in self.server.program.modules)

    def _ref(self, pv: PvText) -> PvRef:
        inner: Any = pv.inner
        index: Any = pv.index
        if isinstance(index, str) and index[:1] == "$":
            index = self._parse(index)
        if inner is not None and "$" in inner:
            try:
                parts = split_format(inner)
            except PvSyntaxError as error:
                raise FixupError(str(error)) from None
            if len(parts) == 1 and isinstance(parts[0], PvText):
                inner = self.accessor(parts[0])
            else:
                inner = self.format(inner)
        return PvRef(pv.name, inner, index)

    def _parse(self, text: str) -> PvAccessor:
        try:
            return self.accessor(parse_pv(text))
        except PvSyntaxError as error:
            raise FixupError(str(error)) from None


class PvAccessor(Accessor):
    """A pseudo-variable of a config. `expand(ctx)` is its text inside of a larger one: `<null>` when undefined."""

    __slots__ = ("expand",)

    def __init__(
        self,
        get: Getter,
        set: Callable[[Context, Value], object] | None,
        text: str,
        transforms: tuple[Transform, ...] = (),
        expand: Callable[[Context], str] | None = None,
    ) -> None:
        if transforms:
            get, expand = _transformed(get, transforms)
        self.expand = expand or _expand(get)
        super().__init__(get, set, text)

    def __call__(self, ctx: Context) -> str:
        """The text, so that an accessor can stand where a Format can."""
        return self.expand(ctx)


class Shown(Accessor):
    """An accessor whose text is another one than that of its value."""

    __slots__ = ("expand",)

    def __init__(self, get: Getter, expand: Callable[[Context], str]) -> None:
        super().__init__(get)
        self.expand = expand


def _plain_avp(pv: PvText) -> bool:
    """Whether Kamailio takes `$hdr`, a variable whose name in parentheses is missing, as the AVP called so."""
    return pv.text == f"${pv.name}" and pv.name not in BUILTIN and pv.name != "rcv"


def _expand(get: Getter) -> Callable[[Context], str]:
    def expand(ctx: Context) -> str:
        value = get(ctx)
        return "<null>" if value is None else value if value.__class__ is str else str(value)

    return expand


def _transformed(base: Getter, transforms: tuple[Transform, ...]) -> tuple[Getter, Callable[[Context], str]]:
    first, rest = transforms[0], transforms[1:]

    def run(ctx: Context) -> Value:
        value = first(ctx, base(ctx))
        for transform in rest:
            value = transform(ctx, value)
        return value

    def get(ctx: Context) -> Value:
        try:
            value = run(ctx)
        except TransformationFailed:
            return None
        return int(value) if value.__class__ is Both else value

    def expand(ctx: Context) -> str:
        try:
            value = run(ctx)
        except TransformationFailed:
            return ""
        return "<null>" if value is None else value if value.__class__ is str else str(value)

    return get, expand


def _unknown(tr: Tr, pv: PvText) -> Transform:
    """A transformation of a module that is not simulated: fails whenever it is used."""

    def transform(ctx: Context, value: Value) -> Value:
        ctx.server.log.error("<core>", f"transformation {{{tr.klass}.{tr.args[0]}}} is not simulated: {pv.text}")
        raise TransformationFailed

    return transform


def _untraced(ctx: Context, number: int) -> None:
    """Nobody follows the script's actions."""


def _unlogged(ctx: Context, name: str, accessor: Accessor | None = None) -> None:
    """Nobody follows the script's assignments."""


def binding_of(server: Server) -> Binding:
    """The server's binding, made when first asked for."""
    found: Binding | None = server.shared.get("script")
    if found is None:
        found = server.shared["script"] = Binding(server)
    return found


# --- pseudo-variables that the core has without the pv module (core/pv_core.c) ----------------------------------------


def _plain(get: Getter) -> Callable[[Server, PvText], Accessor]:
    def make(server: Server, pv: PvText) -> Accessor:
        if pv.inner is not None or pv.index is not None:
            raise FixupError(f"${pv.name} takes neither a name in parentheses nor an index")
        return Accessor(get, None, pv.text)

    return make


def _named(get: Callable[[Server, str], Value]) -> Callable[[Server, PvText], Accessor]:
    def make(server: Server, pv: PvText) -> Accessor:
        name = pv.inner
        if name is None:
            raise FixupError(f"${pv.name} expects a name in parentheses")
        return Accessor(lambda ctx: get(server, name), None, pv.text)

    return make


def _numbered(find: Callable[[Server, str], str | None], missing: int | None) -> Callable[[Server, PvText], Accessor]:
    """A text as a number; printed, it is the text."""

    def make(server: Server, pv: PvText) -> Accessor:
        name = pv.inner
        if name is None:
            raise FixupError(f"${pv.name} expects a name in parentheses")

        def get(ctx: Context) -> Value:
            text = find(server, name)
            return missing if text is None else decimal(text) or 0

        def expand(ctx: Context) -> str:
            text = find(server, name)
            return text if text is not None else "<null>" if missing is None else str(missing)

        return Shown(get, expand)

    return make


def _environment(server: Server, name: str) -> str | None:
    return server.environment.environ.get(name)


def _define(server: Server, name: str) -> str | None:
    return server.program.defines.get(name)


BUILTIN: dict[str, Callable[[Server, PvText], Accessor]] = {
    "null": _plain(lambda ctx: None),
    "rc": _plain(lambda ctx: ctx.rc),
    "retcode": _plain(lambda ctx: ctx.rc),
    "?": _plain(lambda ctx: ctx.rc),
    "env": _named(_environment),
    "envn": _numbered(_environment, None),
    "def": _named(_define),
    "defn": _numbered(_define, 0),
}
