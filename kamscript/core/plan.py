"""What every server of one program shares: settings and module parameters, checked once.

A lab starts thousands of servers from one compiled config; the plan keeps what does not depend on the server, so that
a start is little more than creating the modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kamscript.core.cfg_core import core_values, tcp_values
from kamscript.core.settings import DEFAULTS, UNHEEDED, collect
from kamscript.core.sockets import places, written_names
from kamscript.module import Module, Param
from kamscript.script.bind import exists
from kamscript.script.nodes import IntLit, LoadModule, ModParam, StrLit
from kamscript.source import NOWHERE, Diagnostic, Span, did_you_mean

if TYPE_CHECKING:
    from kamscript.script.program import Program


class ModulePlan:
    """One module: its class (None: only the catalogue knows it) and what its parameters become.

    `values` go straight into the instance, defaults among them; `given` names those that the config sets. `lists`
    (repeatable ones) are copied for each; `calls` are methods named by `Param.set`, in the order of the text;
    `expanded` are modparamx lines, evaluated at each start.
    """

    __slots__ = ("calls", "cls", "expanded", "given", "lists", "name", "pos", "values")

    def __init__(self, name: str, cls: type[Module] | None, pos: Span) -> None:
        self.name, self.cls, self.pos = name, cls, pos
        params = cls.params.values() if cls is not None else ()
        self.values: dict[str, Any] = {p.attribute: p.default for p in params if not (p.repeat or p.set)}
        self.given: set[str] = set()
        self.lists: dict[str, list[Any]] = {}
        self.calls: list[tuple[str, Any, Span]] = []
        self.expanded: list[tuple[Param[Any], ModParam]] = []


class Plan:
    """See the module. `errors` is what the config's values make the daemon refuse to start for.

    `places` are where the config listens, `names` the aliases that it writes, as far as no DNS is asked.
    `shared` is free for what modules and the script make once for all servers of the program; it must not change.
    """

    __slots__ = (
        "checked",
        "core",
        "doubles",
        "errors",
        "library",
        "modules",
        "names",
        "places",
        "settings",
        "shared",
        "target",
        "tcp",
        "warnings",
    )

    def __init__(self, program: Program, library: Mapping[str, type[Module]], target: str) -> None:
        self.library, self.target = library, target
        self.settings = collect((item.name, _value(item.value)) for item in program.settings)
        self.core = core_values(self.settings)
        self.tcp = tcp_values(self.settings)
        self.errors: list[Diagnostic] = []
        self.warnings = [
            f"{name} has no effect here: {instead}"
            for name, instead in UNHEEDED.items()
            if self.settings[name] != DEFAULTS[name]
        ]
        self.checked = False
        self.shared: dict[str, Any] = {}
        self.doubles: dict[tuple[str, str, int], None] = {}
        loaded = {item.module: item.pos for item in program.items if isinstance(item, LoadModule)}
        self.modules = {
            name: ModulePlan(name, library.get(name), loaded.get(name, NOWHERE)) for name in ("core", *program.modules)
        }
        for name, line in program.params:
            self._param(name, line)
        self.places, bad = places(program, self.settings)
        self.errors += bad
        self.names = written_names(program)

    def _param(self, name: str, line: ModParam) -> None:
        module = self.modules.get(name)
        if module is None:
            self._error("unknown-module", f"no module matching <{name}> found", line.pos)
            return
        if module.cls is None:
            return
        param = module.cls.params.get(line.name)
        if param is None or not exists(param.since, param.until, self.target):
            hint = did_you_mean(line.name, module.cls.params)
            message = f"parameter <{line.name}> not found in module <{name}>"
            self._error("unknown-parameter", message, line.pos, hint)
            return
        if line.expand:
            module.expanded.append((param, line))
            return
        assert isinstance(line.value, IntLit | StrLit)
        value = line.value.value
        problem = check_value(param, value)
        if problem:
            kind = "int" if isinstance(value, int) else "string"
            message = f"parameter <{line.name}> of module <{name}> ({kind}): {problem}"
            self._error("parameter-value", message, line.value.pos)
            return
        place(module, param, value, line.value.pos)

    def _error(self, rule: str, message: str, pos: Span, hint: str = "") -> None:
        self.errors.append(Diagnostic(rule, message, pos, hint=hint))


def check_value(param: Param[Any], value: int | str) -> str | None:
    """What is wrong with a value of a parameter; None when it may be assigned."""
    if param.kind in (int, str) and not isinstance(value, param.kind):
        return f"{'an integer' if param.kind is int else 'a string'} is wanted"
    return param.check(value) if param.check is not None else None


def place(module: ModulePlan, param: Param[Any], value: int | str, pos: Span) -> None:
    """Note what assigning `value` means."""
    if param.set:
        module.calls.append((param.set, value, pos))
    elif param.repeat:
        module.lists.setdefault(param.attribute, []).append(value)
    else:
        module.values[param.attribute] = value
        module.given.add(param.attribute)


def _value(node: Any) -> Any:
    """What a core parameter is set to: an int or a text; bare words, hosts and protocols as their text."""
    found = getattr(node, "value", None)
    return node.name if found is None else found


def plan_of(program: Program, library: Mapping[str, type[Module]], target: str) -> Plan:
    """The plan, made when it is first asked for and kept with the program."""
    plan: Plan | None = program.__dict__.get("_plan")
    if plan is None or plan.library is not library or plan.target != target:
        plan = Plan(program, library, target)
        program.__dict__["_plan"] = plan
    return plan
