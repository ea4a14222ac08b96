"""How a Kamailio module is declared.

One class holds what the module exports: parameters, functions (keyed by name and arity), pseudo-variables,
transformations, RPC and MI commands, statistics and event routes. Look-up, arity errors, the manual, editor hover
and the list of what is missing are all derived from the declaration::

    class Maxfwd(Module, name="maxfwd"):
        '''Check and lower Max-Forwards.'''

        max_limit = Param(256, "Upper limit of the Max-Forwards value of requests.")

        @function(Route.REQUEST | Route.FAILURE | Route.BRANCH)
        def mf_process_maxfwd_header(self, ctx: Context, limit: Int) -> int: ...

**Arguments.** The annotation of an argument says how the config's text is fixed up: `Int` and `Str` accept constants
and texts with pseudo-variables and reach the method as plain values; `Regex`, `Target`, `RouteName` and a module's own
`Fixup` subclass are resolved once, at load, so a bad constant is a load error.

**Return values.** `bool` becomes 1 or -1; an `int` is what the script sees in `$rc` (0 ends the script).

**Life.** `Server` creates the instance, assigns `modparam` values, calls `start()` on every module in load order,
then `ready()`; `stop()` at the end. Modules reach each other through `self.server.module("tm")`.
"""

from __future__ import annotations

import enum
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar, overload

from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Route(enum.IntFlag):
    """The kinds of route a function may be called from (bits as in Kamailio's route.h)."""

    REQUEST = 1
    FAILURE = 2
    TM_ONREPLY = 4
    BRANCH = 8
    ONSEND = 16
    ERROR = 32
    LOCAL = 64
    CORE_ONREPLY = 128
    BRANCH_FAILURE = 256
    EVENT = 512
    ONREPLY = TM_ONREPLY | CORE_ONREPLY
    ANY = 1023


class FixupError(Exception):
    """A constant argument or parameter value that Kamailio would refuse at start; the text says why."""


class Fixup:
    """How one argument is turned from the config's text into what the method receives.

    A subclass that sets `constant` is handed the text of the argument once, at load: its `resolve` result is
    what the method receives at every call. Otherwise the argument is evaluated at each call (texts with
    pseudo-variables are formatted) and `convert` sees the plain value; a constant is converted once.
    """

    constant: ClassVar[bool] = False
    alike: ClassVar[bool] = False  #: of constant ones: `resolve` gives the same on every server, and nobody changes it
    kind: ClassVar[str] = "str"
    digits: ClassVar[bool] = False  #: of integers: a text of digits that a variable holds is a number, too
    variables_only: ClassVar[bool] = False  #: of integers: `$name` that no pseudo-variable has is no AVP but an error

    def resolve(self, text: str, server: Server) -> Any:
        """The object for a constant argument; raises FixupError. Only called when `constant`."""
        raise NotImplementedError

    def convert(self, value: Value) -> Any:
        """The value the method receives for an evaluated argument; raises FixupError for a bad constant."""
        return value


class _IntFixup(Fixup):
    kind = "int"


class _PvIntFixup(_IntFixup):
    variables_only = True


class _PvDigitsFixup(_PvIntFixup):
    digits = True


class _StrFixup(Fixup):
    kind = "str"


class _ValueFixup(Fixup):
    kind = "value"


class _RegexFixup(Fixup):
    kind = "regex"


class _TargetFixup(Fixup):
    constant = True
    kind = "target"


class _FormatFixup(Fixup):
    constant = True
    kind = "format"


class _RouteNameFixup(Fixup):
    constant = True
    kind = "route"


class _ConstFixup(Fixup):
    constant = True
    kind = "const"

    def resolve(self, text: str, server: Server) -> str:
        return text


if TYPE_CHECKING:
    from kamscript.core.context import Format as Format
    from kamscript.core.context import Target as Target
    from kamscript.ere import Ere

    Int = int
    PvInt = int
    PvDigits = int
    Str = str
    Const = str
    RouteName = str
    Any_ = Value
    Regex = Ere
else:
    #: An integer: a constant, a text with one pseudo-variable or AVP, or an expression (fixup_var_int).
    Int = Annotated[int, _IntFixup()]
    #: The same where AVPs are written as pseudo-variables only (fixup_igp).
    PvInt = Annotated[int, _PvIntFixup()]
    #: The same; a text that a variable holds may be the number (get_is_fparam).
    PvDigits = Annotated[int, _PvDigitsFixup()]
    #: A text: a constant, or one with pseudo-variables (fixup_spve).
    Str = Annotated[str, _StrFixup()]
    #: An int, str or None exactly as the expression evaluates.
    Any_ = Annotated[object, _ValueFixup()]
    #: The literal text in the config; pseudo-variables are not expanded.
    Const = Annotated[str, _ConstFixup()]
    #: A POSIX extended regular expression, compiled at load when constant (fixup_regexp).
    Regex = Annotated[object, _RegexFixup()]
    #: A pseudo-variable that the function writes or reads itself: receives an accessor with get(ctx) and set(ctx, v).
    Target = Annotated[object, _TargetFixup()]
    #: A text with pseudo-variables, handed over unexpanded: a callable Format, `fmt(ctx) -> str`.
    Format = Annotated[object, _FormatFixup()]
    #: The name of a route block; whether it exists is checked by the function.
    RouteName = Annotated[str, _RouteNameFixup()]


class Param(Generic[T]):
    """A `modparam`: default, meaning, and what values it takes.

    The type of the default decides between integer and string; `kind` overrides it where the default is None.
    `repeat` collects the values of several modparam lines into a list (the attribute is always a list then).
    `check` returns an error text or None; `set` names a method of the module called with each value instead of
    storing it. `since`/`until` name generations where the parameter does not exist everywhere.
    `inert` tells in a sentence why the parameter has no effect here (shown by `kamscript doc` and `check`).
    """

    def __init__(
        self,
        default: T,
        doc: str = "",
        *,
        name: str = "",
        aliases: Sequence[str] = (),
        kind: type | None = None,
        repeat: bool = False,
        check: Callable[[Any], str | None] | None = None,
        set: str = "",
        since: str = "",
        until: str = "",
        inert: str = "",
    ) -> None:
        self.default, self.doc, self.name, self.aliases = default, doc, name, tuple(aliases)
        self.kind = kind or (int if isinstance(default, int) else str)
        self.repeat, self.check, self.set, self.since, self.until, self.inert = repeat, check, set, since, until, inert
        self.attribute = ""

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.name = self.name or attribute

    # A non-data descriptor: a value assigned from the config sits in the instance and hides it.
    @overload
    def __get__(self, instance: None, owner: type) -> Param[T]: ...
    @overload
    def __get__(self, instance: Module, owner: type) -> T: ...
    def __get__(self, instance: Module | None, owner: type) -> Param[T] | T:
        if instance is None:
            return self
        if self.repeat:
            values: Any = []
            instance.__dict__[self.attribute] = values
            return values  # type: ignore[no-any-return]
        return self.default


class Counter:
    """One statistic's value on one server. `resettable` is False for what `cnt.reset` leaves alone."""

    __slots__ = ("doc", "group", "name", "read", "resettable", "value")

    def __init__(
        self,
        group: str,
        name: str,
        read: Callable[[], int] | None = None,
        doc: str = "",
        resettable: bool = True,
    ) -> None:
        self.group, self.name, self.value, self.read = group, name, 0, read
        self.doc, self.resettable = doc, resettable

    def get(self) -> int:
        """The current value (computed, for counters declared with a reader)."""
        return self.read() if self.read is not None else self.value

    def reset(self) -> None:
        """Back to 0, where the statistic may be reset."""
        if self.resettable:
            self.value = 0


class Statistic:
    """A statistic that the module counts: `self.processed.value += 1`; or, with `read`, computes when asked."""

    def __init__(self, name: str, doc: str = "", *, group: str = "", read: str = "", reset: bool = True) -> None:
        self.name, self.doc, self.group, self.read, self.reset = name, doc, group, read, reset
        self.attribute = ""

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    @overload
    def __get__(self, instance: None, owner: type) -> Statistic: ...
    @overload
    def __get__(self, instance: Module, owner: type) -> Counter: ...
    def __get__(self, instance: Module | None, owner: type) -> Statistic | Counter:
        if instance is None:
            return self
        read = getattr(instance, self.read) if self.read else None
        counter = Counter(self.group or instance.name, self.name, read, self.doc, self.reset)
        instance.__dict__[self.attribute] = counter
        return counter


@dataclass(frozen=True)
class EventRoute:
    """An `event_route[name]` that the module runs."""

    name: str
    doc: str = ""


@dataclass(frozen=True)
class Argument:
    """One argument of a script function: its name, fix-up, and whether it may be left out."""

    name: str
    fixup: Fixup
    optional: bool = False


@dataclass(frozen=True)
class FunctionDecl:
    """A script function: its names and arities, allowed routes, arguments and the method that does it."""

    name: str
    routes: Route
    arities: tuple[int, ...]
    arguments: tuple[Argument, ...]
    method: str
    returns_bool: bool
    doc: str
    since: str = ""
    until: str = ""
    variadic: Argument | None = None
    continues: bool = False
    no_value: int = -1  #: what it returns when an argument has no value


@dataclass(frozen=True)
class PvDecl:
    """A pseudo-variable class (`$name`, `$name(inner)`): how it is read, written, and its inner name resolved.

    Plain ones have `getter(ctx)` and perhaps `setter(ctx, value)`. With `factory`, the method is called once per
    reference at load, with a `PvRef`, and returns an `Accessor`.
    """

    name: str
    getter: str = ""
    setter: str = ""
    factory: str = ""
    doc: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True)
class PvRef:
    """One reference to a pseudo-variable, as written in the config: name, inner name and index.

    `inner` is the constant text between parentheses, or a Format (`fmt(ctx) -> str`) when it holds pseudo-variables;
    None without parentheses. `index` is an int, "*" for all, an Accessor for `$(hdr(x)[$var(i)])`, or None.
    """

    name: str
    inner: str | Callable[[Context], str] | None = None
    index: int | str | Accessor | None = None


class Accessor:
    """A resolved pseudo-variable: `get(ctx)` reads it, `set(ctx, value)` writes it (None: read-only).

    `set` receives None for `= $null`. Subclasses may override; small ones are built from two callables.
    `text` is how the config wrote it, for messages.
    """

    __slots__ = ("get", "set", "text")

    def __init__(
        self,
        get: Callable[[Context], Value],
        set: Callable[[Context, Value], object] | None = None,
        text: str = "",
    ) -> None:
        self.get, self.set, self.text = get, set, text


@dataclass(frozen=True)
class TransformationDecl:
    """A transformation class `{name.*}`: `factory(args: tuple[str, ...])` at load gives `(ctx, value) -> value`."""

    name: str
    factory: str
    doc: str = ""


@dataclass(frozen=True)
class SelectDecl:
    """A select class `@name...`: `factory(parts)` at load gives `(ctx) -> value` (None: the select has no value).

    `parts` are what follows the name: texts for words and keys, ints for indices; FixupError refuses.
    """

    name: str
    factory: str
    doc: str = ""


@dataclass(frozen=True)
class RpcDecl:
    """An RPC command and its method."""

    name: str
    method: str
    doc: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True)
class MiDecl:
    """A management interface (MI) command of the 4.x generation and its method."""

    name: str
    method: str
    doc: str = ""


@dataclass
class _Marks:
    """What the decorators leave on a method until the class is complete."""

    functions: list[dict[str, Any]] = field(default_factory=list)
    others: list[Any] = field(default_factory=list)


def _marks(method: Callable[..., Any]) -> _Marks:
    marks: _Marks | None = method.__dict__.get("__kamscript__")
    if marks is None:
        marks = method.__kamscript__ = _Marks()  # type: ignore[attr-defined]
    return marks


def function(
    routes: Route,
    *,
    name: str = "",
    arity: int | tuple[int, ...] | None = None,
    since: str = "",
    until: str = "",
    continues: bool = False,
    no_value: int = -1,
) -> Callable[[F], F]:
    """Export the method as a script function.

    Without `arity`, each trailing argument with a default may be left out. Several methods may share a `name`
    with different arities; a method may carry several decorators (aliases). `*args` makes it variadic.
    With `continues`, `method(self, ctx, rest, ...)` gets the statements behind the call, up to the end of the block it
    stands in, as a route (`server.run_top(rest, ctx)` runs them); None when there are none.
    When an argument has no value, a null variable for a number, the call is not made and returns `no_value`.
    """

    def mark(method: F) -> F:
        _marks(method).functions.append(
            {
                "routes": routes,
                "name": name or method.__name__,
                "arity": arity,
                "since": since,
                "until": until,
                "continues": continues,
                "no_value": no_value,
            }
        )
        return method

    return mark


def pv(name: str, *, setter: str = "", since: str = "", until: str = "") -> Callable[[F], F]:
    """Export `method(self, ctx) -> Value` as `$name`; `setter` names the method `(self, ctx, value)` that writes it."""

    def mark(method: F) -> F:
        _marks(method).others.append(PvDecl(name, method.__name__, setter, "", _doc(method), since, until))
        return method

    return mark


def pv_class(name: str, *, since: str = "", until: str = "") -> Callable[[F], F]:
    """Export `method(self, ref: PvRef) -> Accessor` as the pseudo-variable class `$name(...)`; FixupError refuses."""

    def mark(method: F) -> F:
        _marks(method).others.append(PvDecl(name, "", "", method.__name__, _doc(method), since, until))
        return method

    return mark


def transformation(name: str) -> Callable[[F], F]:
    """Export `method(self, args: tuple[str, ...]) -> Callable[[Context, Value], Value]` as `{name...}`.

    `args[0]` is the part after the dot (`len` of `{s.len}`), the rest its comma-separated arguments, raw.
    """

    def mark(method: F) -> F:
        _marks(method).others.append(TransformationDecl(name, method.__name__, _doc(method)))
        return method

    return mark


def select(name: str) -> Callable[[F], F]:
    """Export `method(self, parts: tuple[str | int, ...]) -> Callable[[Context], Value]` as the select `@name`."""

    def mark(method: F) -> F:
        _marks(method).others.append(SelectDecl(name, method.__name__, _doc(method)))
        return method

    return mark


def rpc(name: str, *, since: str = "", until: str = "") -> Callable[[F], F]:
    """Export `method(self, rpc: Rpc, *args)` as an RPC command; annotations int, float, str convert and default."""

    def mark(method: F) -> F:
        _marks(method).others.append(RpcDecl(name, method.__name__, _doc(method), since, until))
        return method

    return mark


def mi(name: str) -> Callable[[F], F]:
    """Export `method(self, mi: Mi) -> MiReply | None` as an MI command of the 4.x generation (kamscript.core.mi)."""

    def mark(method: F) -> F:
        _marks(method).others.append(MiDecl(name, method.__name__, _doc(method)))
        return method

    return mark


def _doc(method: Callable[..., Any]) -> str:
    return inspect.getdoc(method) or ""


class Module:
    """Base of all modules. Class attributes tell what it exports; instances belong to one Server."""

    name: ClassVar[str] = ""
    requires: ClassVar[tuple[str, ...]] = ()
    after: ClassVar[tuple[str, ...]] = ()  #: of `requires`: modules that have to be loaded before this one
    params: ClassVar[dict[str, Param[Any]]] = {}
    functions: ClassVar[dict[tuple[str, int], FunctionDecl]] = {}  #: key arity -1: any number of arguments
    pvs: ClassVar[dict[str, PvDecl]] = {}
    transformations: ClassVar[dict[str, TransformationDecl]] = {}
    selects: ClassVar[dict[str, SelectDecl]] = {}
    rpcs: ClassVar[dict[str, RpcDecl]] = {}
    mis: ClassVar[dict[str, MiDecl]] = {}
    statistics: ClassVar[dict[str, Statistic]] = {}
    event_routes: ClassVar[dict[str, EventRoute]] = {}

    server: Server
    #: False: nobody is shown the statistics (set in `start()`, where a parameter turns them off).
    statistics_shown: bool = True

    def __init_subclass__(
        cls, name: str = "", requires: tuple[str, ...] = (), after: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if name:
            cls.name, cls.requires, cls.after = name, requires, after
        _collect(cls)

    def __init__(self, server: Server) -> None:
        self.server = server

    def start(self) -> None:
        """Check parameters and reach other modules (Kamailio's mod_init); raise FixupError to refuse the start."""

    def ready(self) -> None:
        """Everything started: arm timers, run first events (Kamailio's child_init)."""

    def stop(self) -> None:
        """The server ends: write what must be kept."""


def _collect(cls: type[Module]) -> None:
    """Fill the export tables of `cls` from its attributes, inherited ones first."""
    cls.params, cls.functions, cls.pvs, cls.transformations = {}, {}, {}, {}
    cls.selects, cls.rpcs, cls.mis, cls.statistics, cls.event_routes = {}, {}, {}, {}, {}
    for base in reversed(cls.__mro__):
        for attribute, value in vars(base).items():
            if isinstance(value, Param):
                for param_name in (value.name, *value.aliases):
                    cls.params[param_name] = value
            elif isinstance(value, Statistic):
                cls.statistics[value.name] = value
            elif isinstance(value, EventRoute):
                cls.event_routes[value.name] = value
            elif inspect.isfunction(value) and "__kamscript__" in value.__dict__:
                marks: _Marks = value.__dict__["__kamscript__"]
                for mark in marks.functions:
                    _add_function(cls, base, attribute, value, mark)
                for decl in marks.others:
                    tables: dict[type, dict[str, Any]] = {
                        PvDecl: cls.pvs,
                        TransformationDecl: cls.transformations,
                        SelectDecl: cls.selects,
                        RpcDecl: cls.rpcs,
                        MiDecl: cls.mis,
                    }
                    tables[type(decl)][decl.name] = decl


def _add_function(
    cls: type[Module], base: type, attribute: str, method: Callable[..., Any], mark: dict[str, Any]
) -> None:
    code, hints = method.__code__, method.__annotations__
    names = code.co_varnames[3 if mark["continues"] else 2 : code.co_argcount]
    first_optional = len(names) - len(method.__defaults__ or ())
    arguments = tuple(
        Argument(name, _fixup(method, hints.get(name)), position >= first_optional)
        for position, name in enumerate(names)
    )
    variadic: Argument | None = None
    if code.co_flags & inspect.CO_VARARGS:
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        variadic = Argument(rest, _fixup(method, hints.get(rest)))
    wanted = mark["arity"]
    if wanted is None:
        arities = (-1,) if variadic else tuple(range(max(first_optional, 0), len(arguments) + 1))
    else:
        arities = (wanted,) if isinstance(wanted, int) else wanted
    decl = FunctionDecl(
        mark["name"],
        mark["routes"],
        arities,
        arguments,
        attribute,
        hints.get("return") in (bool, "bool"),
        _doc(method),
        mark["since"],
        mark["until"],
        variadic,
        mark["continues"],
        mark["no_value"],
    )
    for arity in arities:
        cls.functions[mark["name"], arity] = decl


def _fixup(method: Callable[..., Any], annotation: Any) -> Fixup:
    """The fix-up in an argument's annotation; annotations are read without importing type-checking-only names."""
    if isinstance(annotation, str):
        annotation = eval(annotation, vars(sys.modules[method.__module__]))
    for item in getattr(annotation, "__metadata__", ()):
        if isinstance(item, Fixup):
            return item
    raise TypeError(f"{method.__module__}.{method.__qualname__}: argument without a fix-up annotation: {annotation!r}")
