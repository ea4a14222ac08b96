"""Everything that a config uses of Kamailio, each name with its places: the facts behind `kamscript port`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kamscript.modules import Modules
from kamscript.script import nodes as n
from kamscript.script.keywords import Target
from kamscript.script.parse import read
from kamscript.script.pv import PvSyntaxError, PvText, match_pv
from kamscript.script.resolve import Resolved, diagnose
from kamscript.source import Reader, Source, Span
from kamscript.tools import port_names as names
from kamscript.tools.port_branches import Condition, Conditions, Forced, Run, runs_for
from kamscript.tools.port_names import Known, State
from kamscript.tools.port_successors import Successor, successor

#: How often files that only some branches include may bring in more branches.
_ROUNDS = 5


class Place(NamedTuple):
    """Where a name is used, and the conditions around it."""

    path: str
    line: int
    when: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Use:
    """One name that a config uses. `instead` is what replaced it, where that is known."""

    def __init__(self, kind: str, name: str, known: Known, instead: Successor | None) -> None:
        self.kind, self.name, self.instead = kind, name, instead
        self.module, self.state, self.why, self.generations = known.module, known.state, known.why, known.generations
        self.places: list[Place] = []

    @property
    def shown(self) -> str:
        """The name as a config writes it."""
        form = {"function": "{}()", "core function": "{}()", "variable": "${}", "transformation": "{{{}}}"}
        form |= {"select": "@{}", "event route": "event_route[{}]"}
        return form.get(self.kind, "{}").format(self.name)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.shown} of {self.module}: {self.state}>"


class Inventory:
    """What one config uses, over one or several runs.

    uses        every name, in the order of its first place
    runs        the runs behind the first, each with the names it forces
    unreached   conditions of `#!ifexp`: one side of them was looked at only
    sources     the files that were read
    """

    def __init__(self) -> None:
        self.uses: dict[tuple[str, str, str], Use] = {}
        self.runs: list[Run] = []
        self.unreached: list[str] = []
        self.sources: list[Source] = []
        self.modules: list[str] = []
        self.defines: dict[str, str] = {}
        self.conditions = Conditions()

    def add(self, kind: str, name: str, known: Known, span: Span, arity: int = -1) -> None:
        """Note one use."""
        key = (kind, name, known.module)
        use = self.uses.get(key)
        if use is None:
            use = self.uses[key] = Use(kind, name, known, _successor(kind, name, known.module, arity))
        elif use.state is State.REAL and known.state is not State.REAL:
            use.state, use.why = known.state, known.why  # another arity of it
        use.generations &= known.generations
        place = Place(span.path, span.line, tuple(map(str, self.conditions.around(span))))
        if place not in use.places:
            use.places.append(place)

    def around(self, path: str, line: int) -> str:
        """The conditions around a line, as text."""
        source = next((source for source in self.sources if source.path == path), None)
        if source is None:
            return ""
        start = source.offset(line)
        return " ".join(map(str, self.conditions.around(Span(source, start, start))))


def inventory(
    path: str,
    reader: Reader,
    *,
    defines: Mapping[str, str],
    subst: Sequence[str] = (),
    target: Target = "all",
    branches: bool = False,
) -> Inventory:
    """What the config at `path` uses; with `branches`, in every branch of its `#!ifdef`. Raises OSError."""
    found = Inventory()
    _collect(found, path, reader, defines, subst, target)
    if not branches:
        return found
    tried: list[Run] = []
    for _ in range(_ROUNDS):
        sources = list(found.sources)
        wanted = [branch for source in sources for branch in found.conditions.branches(source)]
        runs = [run for run in runs_for(wanted, found.defines, [s.text for s in sources]) if run not in tried]
        if not runs:
            break
        for run in runs:
            tried.append(run)
            given = {name: value for name, value in defines.items() if name not in run.off} | dict(run.on)
            _collect(found, path, Forced(reader, run), given, subst, target, first=False)
    order = {source.path: number for number, source in enumerate(found.sources)}
    for use in found.uses.values():
        use.places.sort(key=lambda place: (order[place.path], place.line))
    found.runs = tried
    expressions = {one.name for source in found.sources for branch in found.conditions.branches(source)
                   for one in branch if one.expression}  # fmt: skip
    found.unreached = sorted(expressions)
    return found


def _successor(kind: str, name: str, module: str, arity: int) -> Successor | None:
    if kind == "core function":
        return successor("function", names.canonical(name), module, arity)
    return successor(kind, name, module, arity)


def _collect(
    found: Inventory,
    path: str,
    reader: Reader,
    defines: Mapping[str, str],
    subst: Sequence[str],
    target: Target,
    *,
    first: bool = True,
) -> None:
    """Add the uses of one run."""
    config, _ = read(Source(path, reader.read(path)), reader, defines, target, tuple(subst))
    resolved, _ = diagnose(config, Modules(), target)
    known = {source.path for source in found.sources}
    found.sources += [source for source in config.files if source.path not in known]
    found.modules += [name for name in resolved.modules if name not in found.modules]
    if first:
        found.defines = dict(config.defines)
    walk = _Walk(found, resolved)
    for item in config.items:
        walk.item(item)


class _Walk:
    """One walk over a resolved config."""

    def __init__(self, found: Inventory, resolved: Resolved) -> None:
        self.found, self.resolved = found, resolved
        self.loaded = resolved.modules
        self.params: dict[int, list[str]] = {}
        for module, item in resolved.params:
            self.params.setdefault(id(item), []).append(module)

    def item(self, item: n.Item) -> None:
        """Something at the top level."""
        add = self.found.add
        match item:
            case n.LoadModule():
                add("module", item.module, names.module(item.module), item.pos)
            case n.ModParam():
                for module in self.params.get(id(item), [item.module]):
                    add("parameter", item.name, names.parameter(module, item.name), item.pos)
                if isinstance(item.value, n.StrLit):
                    self.text(item.value)
            case n.Setting():
                add("core parameter", item.name, names.core_parameter(item.name), item.pos)
            case n.Listen() | n.Alias():
                name = "alias" if isinstance(item, n.Alias) else "listen"
                add("core parameter", name, names.core_parameter(name), item.pos)
            case n.Route():
                if item.kind is n.RouteKind.EVENT:
                    add("event route", item.name, names.event_route(item.name), item.pos)
                for node in n.walk(item.body):
                    self.node(node)

    def node(self, node: n.Node) -> None:
        """Something in a route."""
        match node:
            case n.Call():
                self.call(node)
            case n.CoreCall():
                written = node.pos.text
                name = written if names.core_function(written).state is State.REAL else node.name
                self.found.add("core function", name, names.core_function(name), node.pos, len(node.args))
            case n.Pv():
                self.variables(node.text, node.pos, sure=True)
            case n.StrLit():
                self.text(node)
            case n.Select():
                self.found.add("select", node.text[1:], names.select(node.text, self.loaded), node.pos)

    def call(self, node: n.Call) -> None:
        """A function of a module; one that no loaded module has is told as what it is elsewhere."""
        meaning = self.resolved.functions.get(id(node))
        arity = len(node.args)
        if meaning is not None:
            known = names.function(meaning.module, node.name, arity)
        else:
            known = names.function("", node.name, arity)
            if known.state is not State.UNKNOWN:
                known = known._replace(state=State.UNKNOWN, why=f"the module {known.module} is not loaded")
            elif names.function("", node.name).state is not State.UNKNOWN:
                known = known._replace(why=f"no generation takes {arity} argument{'s' * (arity != 1)} here")
        self.found.add("function", node.name, known, node.pos, arity)

    def text(self, node: n.StrLit) -> None:
        """The variables in a text. Not every text is expanded, so only names that a loaded module has count."""
        if "$" in node.value:
            self.variables(node.value, node.pos, sure=False)

    def variables(self, text: str, span: Span, *, sure: bool) -> None:
        """All pseudo-variables of a text and within one another."""
        for pv in _variables(text):
            known = names.variable(pv.name, bare=sure and pv.inner is None, loaded=self.loaded)
            if known.state is State.UNKNOWN and not sure:
                continue
            self.found.add("variable", pv.name, known, span)
            for tr in pv.transformations:
                known = names.transformation(tr.klass, tr.args[0], self.loaded)
                self.found.add("transformation", f"{tr.klass}.{tr.args[0]}", known, span)


def _variables(text: str) -> Iterator[PvText]:
    """The pseudo-variables of a text, and those within them; a `$` that starts none is passed over."""
    at = text.find("$")
    while at >= 0:
        try:
            pv, end = match_pv(text, at)
        except PvSyntaxError:
            end = at + 1
        else:
            yield pv
            inside = [pv.inner or "", pv.index if isinstance(pv.index, str) else ""]
            inside += [arg for tr in pv.transformations for arg in tr.args[1:]]
            for one in inside:
                yield from _variables(one)
        at = text.find("$", end)


__all__ = ["Condition", "Inventory", "Place", "Use", "inventory"]
