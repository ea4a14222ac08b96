"""The configuration framework: groups of variables that can change at run time (core/cfg/, RPC `cfg.*`).

A group's values are one plain dict, so a module reads a variable at the price of a look-up. A group may have numbered
instances that override single variables (`tm[2].fr_timer`), chosen per message with cfg_select().
Groups of the config itself (`group.name = value`) live here too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from kamscript.core.server import Server

Value = int | str | None


class CfgVar:
    """One variable of a group.

    `kind` is int or str; `low`/`high` bound an int (both 0: any). `read_only` refuses a set: only the config sets it.
    `readable` False hides the value from `cfg.get` (Kamailio does so for variables with a fix-up of their own).
    `check(value)` may refuse by returning an error text; `on_change(old, new)` runs behind a set of the group itself.
    `stored(value)` is what Kamailio keeps instead of the value, which `cfg.diff` shows.
    `setting` names the core parameter that a variable of core or tcp starts from.
    """

    __slots__ = (
        "check",
        "default",
        "doc",
        "high",
        "kind",
        "low",
        "name",
        "on_change",
        "read_only",
        "readable",
        "setting",
        "stored",
    )

    def __init__(
        self,
        name: str,
        default: Value,
        doc: str = "",
        *,
        low: int = 0,
        high: int = 0,
        read_only: bool = False,
        readable: bool = True,
        kind: type | None = None,
        check: Callable[[Any], str | None] | None = None,
        on_change: Callable[[Any, Any], object] | None = None,
        setting: str = "",
        stored: Callable[[Any], Any] | None = None,
    ) -> None:
        self.name, self.default, self.doc, self.low, self.high = name, default, doc, low, high
        self.kind = kind or (int if isinstance(default, int) else str)
        self.read_only, self.readable = read_only, readable
        self.check, self.on_change, self.setting, self.stored = check, on_change, setting, stored


class CfgError(Exception):
    """A variable could not be read or set."""


class NotReadable(CfgError):
    """The variable exists, but its value is not shown."""


class Change(NamedTuple):
    """One delayed change, with the value it would replace when asked for (`pending`)."""

    group: str
    instance: int | None
    name: str
    old: Any
    new: Any


#: `Change.new` of a delayed delete, inside.
_DELETED = object()


class Group:
    """A group: its variables, current values, values at start, and instances (only what they override)."""

    __slots__ = ("_declared", "_variables", "instances", "name", "start", "values")

    def __init__(self, name: str, variables: Sequence[CfgVar], values: dict[str, Any]) -> None:
        self.name = name
        self.values = values
        self.start = dict(values)
        self.instances: dict[int, dict[str, Any]] = {}
        self._declared, self._variables = variables, dict[str, CfgVar]()

    @property
    def variables(self) -> dict[str, CfgVar]:
        """The declarations by name; made when somebody looks, which few servers live to see."""
        if not self._variables:
            self._variables = {variable.name: variable for variable in self._declared}
        return self._variables


class Cfg:
    """All groups of one server. A module declares its own in `start()`::

        self.cfg = server.cfg.declare("tm", [CfgVar("fr_timer", 30000, "..."), ...], {"fr_timer": self.fr_timer})
        self.cfg["fr_timer"]

    `core` is the live dict of the core's own variables.
    """

    __slots__ = ("_changes", "_groups", "_later", "_server", "core", "selected")

    def __init__(self, server: Server, core: dict[str, Any], later: Callable[[Cfg], object] | None = None) -> None:
        """`core` are the core's values; `later` declares what is only needed once somebody looks at the table."""
        self._server = server
        self.core = core
        self._groups: dict[str, Group] = {}
        self._later = later
        self._changes: list[Change] = []
        self.selected: dict[str, dict[str, Any]] = {}  #: what selected instances hide, by group

    def _table(self) -> dict[str, Group]:
        later = self._later
        if later is not None:
            self._later = None
            own, self._groups = self._groups, {}
            later(self)
            self._groups.update(own)
            instances(self, self._server)
        return self._groups

    # -- declaring ------------------------------------------------------------------------------------------------
    def declare(self, group: str, variables: Iterable[CfgVar], values: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make a group and return the live dict of its values; `values` overrides the defaults."""
        variables = list(variables)
        current: dict[str, Any] = {variable.name: variable.default for variable in variables}
        if values:
            current.update(values)
        self._groups[group] = Group(group, variables, current)
        return current

    def adopt(self, group: str, variables: Sequence[CfgVar], values: dict[str, Any]) -> None:
        """Make a group over a dict that holds every value already."""
        self._groups[group] = Group(group, variables, values)

    # -- looking up -----------------------------------------------------------------------------------------------
    def groups(self) -> list[str]:
        """Every group, in the order Kamailio lists them: the one declared last first, the config's own at the end."""
        table = self._table()
        custom = {item.group for item in self._server.program.custom}
        own = [name for name in table if name in custom]
        return [name for name in reversed(table) if name not in custom] + own

    def variables(self, group: str) -> list[CfgVar]:
        """The variables of a group in the order of declaration; none for an unknown group."""
        found = self._table().get(group)
        return list(found.variables.values()) if found is not None else []

    def find(self, group: str) -> Group | None:
        """A group by name."""
        return self._table().get(group)

    def variable(self, group: str, name: str) -> CfgVar:
        """A variable's declaration; raises CfgError."""
        found = self._table().get(group)
        if found is None or name not in found.variables:
            raise CfgError("Failed to get the variable")
        return found.variables[name]

    def get(self, group: str, name: str, instance: int | None = None) -> Value:
        """The value; raises CfgError for unknown group, variable or instance, NotReadable for a hidden one."""
        variable = self.variable(group, name)
        if not variable.readable:
            raise NotReadable("Variable exists, but it is not readable via RPC interface")
        found = self._table()[group]
        if instance is not None:
            overrides = found.instances.get(instance)
            if overrides is None:
                self._server.log.error("<core>", f"local group instance {group}[{instance}] is not found")
                raise CfgError("Failed to get the variable")
            if name in overrides:
                return overrides[name]  # type: ignore[no-any-return]
        return found.values[name]  # type: ignore[no-any-return]

    # -- setting --------------------------------------------------------------------------------------------------
    def set(self, group: str, name: str, value: Value, instance: int | None = None) -> None:
        """Set at once (cfg.set_now_*), converting as Kamailio does; raises CfgError."""
        new = self._prepare(group, name, value, instance)
        self._store(group, name, new, instance)
        shown = value if isinstance(value, int) else f'"{value}"'
        self._server.log.info("<core>", f"{group}.{name} has been changed to {shown}")
        if instance is not None:
            self._server.log.info("<core>", f"group id = {instance}")

    def delayed_set(self, group: str, name: str, value: Value, instance: int | None = None) -> None:
        """Keep until `commit`; raises CfgError now for a value that cannot be set."""
        self._changes.append(Change(group, instance, name, None, self._prepare(group, name, value, instance)))

    def delayed_delete(self, group: str, name: str, instance: int) -> None:
        """Keep a delete until `commit`."""
        self._overrides(group, name, instance)
        self._changes.append(Change(group, instance, name, None, _DELETED))

    def commit(self) -> None:
        """Do everything delayed."""
        changes, self._changes = self._changes, []
        for change in changes:
            if change.new is _DELETED:
                assert change.instance is not None
                self._overrides(change.group, change.name, change.instance).pop(change.name, None)
            else:
                self._store(change.group, change.name, change.new, change.instance)

    def rollback(self) -> None:
        """Forget everything delayed."""
        self._changes = []

    def pending(self) -> list[Change]:
        """What is delayed, in order (cfg.diff)."""
        out: list[Change] = []
        for change in self._changes:
            group = self._table()[change.group]
            old = own = group.values[change.name]
            if change.instance is not None:
                old = group.instances.get(change.instance, {}).get(change.name, own)
            out.append(change._replace(old=old, new=own if change.new is _DELETED else change.new))
        return out

    def delete(self, group: str, name: str, instance: int) -> None:
        """Let an instance follow the group again (cfg.del); raises CfgError."""
        overrides = self._overrides(group, name, instance)
        if overrides.pop(name, _DELETED) is not _DELETED:
            self._server.log.info("<core>", f"{group}.{name} has been deleted")
            self._server.log.info("<core>", f"group id = {instance}")

    def reset(self, group: str, instance: int | None = None) -> None:
        """Every variable of a group that may be set and shown, back to its value at start (cfg.reset).

        Raises CfgError at the first that cannot be set (udp_mtu_try_proto starts outside its own range).
        """
        found = self._table().get(group)
        if found is None:
            return
        for name, variable in found.variables.items():
            if variable.readable and not variable.read_only:
                self.set(group, name, found.start[name], instance)

    def add_instance(self, group: str, instance: int) -> None:
        """Make an instance that overrides nothing yet (cfg.add_group_inst); raises CfgError for an unknown group."""
        found = self._table().get(group)
        if found is None:
            raise CfgError("Failed to add the group instance")
        if instance not in found.instances:
            found.instances[instance] = {}
            self._server.log.info("<core>", f"group instance is added: {group}[{instance}]")

    def delete_instance(self, group: str, instance: int) -> None:
        """Forget an instance (cfg.del_group_inst); raises CfgError."""
        found = self._table().get(group)
        if found is None or found.instances.pop(instance, None) is None:
            raise CfgError("Failed to delete the group instance")
        self._server.log.info("<core>", f"group instance is deleted: {group}[{instance}]")

    def select(self, group: str, instance: int | None) -> bool:
        """Let the group's live dict show an instance (cfg_select), or the group itself again (None: cfg_reset).

        The server does the latter behind every message. False: no such instance.
        """
        found = self._table().get(group)
        if found is None:
            return False
        self._unselect(found)
        if instance is None:
            return True
        overrides = found.instances.get(instance)
        if overrides is None:
            return False
        self.selected[group] = {name: found.values[name] for name in overrides}
        found.values.update(overrides)
        return True

    def unselect_all(self) -> None:
        """Every group shows itself again."""
        for name in list(self.selected):
            self._unselect(self._table()[name])

    # -- inside ---------------------------------------------------------------------------------------------------
    def _unselect(self, group: Group) -> None:
        own = self.selected.pop(group.name, None)
        if own is not None:
            group.values.update(own)

    def _overrides(self, group: str, name: str, instance: int) -> dict[str, Any]:
        found = self._table().get(group)
        if found is None or name not in found.variables or instance not in found.instances:
            raise CfgError("Failed to delete the value")
        return found.instances[instance]

    def _prepare(self, group: str, name: str, value: Value, instance: int | None) -> Any:
        error = self._server.log.error
        found = self._table().get(group)
        if found is None or name not in found.variables:
            raise CfgError("Failed to set the variable")
        variable = found.variables[name]
        problem: str | None = None
        new: Any = value
        if variable.read_only:
            problem = "variable is read-only"
        elif variable.kind is int:
            if isinstance(value, str):
                if re.fullmatch(r"\s*[-+]?\d+", value):
                    new = int(value)
                else:
                    problem = f"cannot convert string to integer '{value}'"
            if problem is None and (variable.low or variable.high) and not variable.low <= new <= variable.high:
                problem = "integer value is out of range"
        elif isinstance(value, int):
            new = str(value)
        if problem is None and variable.check is not None:
            problem = variable.check(new)
        if problem is None and instance is not None and instance not in found.instances:
            problem = f"local group instance {group}[{instance}] is not found"
        if problem is not None:
            error("<core>", problem)
            error("<core>", f"failed to set the variable: {group}.{name}")
            raise CfgError("Failed to set the variable")
        return new

    def _store(self, group: str, name: str, new: Any, instance: int | None) -> None:
        found = self._table()[group]
        if instance is not None:
            found.instances[instance][name] = new
            return
        old = found.values[name]
        found.values[name] = new
        on_change = found.variables[name].on_change
        if on_change is not None:
            on_change(old, new)


def split_group(text: str) -> tuple[str, int | None]:
    """`group` or `group[id]` as RPC commands take it; raises CfgError for anything else."""
    if not text.endswith("]"):
        return text, None
    name, bracket, number = text[:-1].partition("[")
    if not name or not bracket or not number.isdecimal():
        raise CfgError('Wrong group syntax. Use either "group", or "group[id]"')
    return name, int(number)


def instances(cfg: Cfg, server: Server) -> None:
    """Apply the config's `group[id].name = value`; every group is declared by then."""
    for item in server.program.custom:
        if item.instance is None:
            continue
        group = cfg.find(item.group)
        if group is None or item.name not in group.variables:
            server.log.error("<core>", f"{item.group}.{item.name}: no such configuration variable")
            continue
        group.instances.setdefault(item.instance, {})[item.name] = item.value.value
