"""cfg_rpc: commands to read and change the settings of core, modules and config while the server runs."""

from __future__ import annotations

from typing import Any

from kamscript.core.cfg import CfgError, NotReadable, split_group
from kamscript.core.rpc import Rpc, Struct
from kamscript.module import Module, rpc

_NO_STRING = "<null string>"
_KINDS = {int: "(parameter type is integer)", str: "(parameter type is string)"}


class CfgRpc(Module, name="cfg_rpc"):
    """The commands cfg.*. A group may be written with the number of an instance, `group[id]`."""

    # -- changing at once -----------------------------------------------------------------------------------------
    @rpc("cfg.set_now_int")
    @rpc("cfg.seti")
    def set_int(self, rpc: Rpc, group: str, name: str, value: int) -> None:
        """Set a variable to a number."""
        self._set(rpc, group, name, value)

    @rpc("cfg.set_now_string")
    @rpc("cfg.sets")
    def set_text(self, rpc: Rpc, group: str, name: str, value: str) -> None:
        """Set a variable to a text."""
        self._set(rpc, group, name, value)

    @rpc("cfg.set")
    def set_value(self, rpc: Rpc, group: str, name: str, value: Any) -> None:
        """Set a variable to a number or a text, as it is given."""
        self._set(rpc, group, name, value)

    def _set(self, rpc: Rpc, group: str, name: str, value: int | str) -> None:
        name_of_group, instance = self._group(rpc, group)
        try:
            self.server.cfg.set(name_of_group, name, value, instance)
        except CfgError as error:
            raise rpc.fault(400, "Failed to set the variable") from error

    @rpc("cfg.del")
    def delete(self, rpc: Rpc, group: str, name: str) -> None:
        """Let a variable of an instance follow the group again."""
        name_of_group, instance = self._instance(rpc, group)
        try:
            self.server.cfg.delete(name_of_group, name, instance)
        except CfgError as error:
            raise rpc.fault(400, "Failed to delete the value") from error

    @rpc("cfg.reset", since="5.6")
    def reset(self, rpc: Rpc, group: str) -> None:
        """Set all variables of a group to what they were at start."""
        name_of_group, instance = self._group(rpc, group)
        for variable in self.server.cfg.variables(name_of_group):
            # Kamailio stops at the first text: it cannot reset texts of any group, and ends itself when it is asked to
            # reset a group of the config.
            if variable.readable and not variable.read_only and self._stops(name_of_group, variable.kind):
                raise rpc.fault(500, "Unsupported input type")
            if variable.readable and not variable.read_only:
                start = self.server.cfg.find(name_of_group)
                value = start.start[variable.name] if start else None
                try:
                    self.server.cfg.set(name_of_group, variable.name, value, instance)
                except CfgError as error:
                    raise rpc.fault(500, "Reset failed") from error

    def _stops(self, group: str, kind: type) -> bool:
        own = any(item.group == group for item in self.server.program.custom)
        return kind is str and not own

    # -- changing later -------------------------------------------------------------------------------------------
    @rpc("cfg.set_delayed_int")
    def delay_int(self, rpc: Rpc, group: str, name: str, value: int) -> None:
        """Set a variable to a number, at cfg.commit."""
        self._delay(rpc, group, name, value)

    @rpc("cfg.set_delayed_string")
    def delay_text(self, rpc: Rpc, group: str, name: str, value: str) -> None:
        """Set a variable to a text, at cfg.commit."""
        self._delay(rpc, group, name, value)

    @rpc("cfg.set_delayed")
    def delay_value(self, rpc: Rpc, group: str, name: str, value: Any) -> None:
        """Set a variable to a number or a text, at cfg.commit."""
        self._delay(rpc, group, name, value)

    def _delay(self, rpc: Rpc, group: str, name: str, value: int | str) -> None:
        name_of_group, instance = self._group(rpc, group)
        try:
            self.server.cfg.delayed_set(name_of_group, name, value, instance)
        except CfgError as error:
            raise rpc.fault(400, "Failed to set the variable") from error

    @rpc("cfg.del_delayed")
    def delay_delete(self, rpc: Rpc, group: str, name: str) -> None:
        """Let a variable of an instance follow the group again, at cfg.commit."""
        name_of_group, instance = self._instance(rpc, group)
        try:
            self.server.cfg.delayed_delete(name_of_group, name, instance)
        except CfgError as error:
            raise rpc.fault(400, "Failed to delete the value") from error

    @rpc("cfg.commit")
    def commit(self, rpc: Rpc) -> None:
        """Make the changes that wait."""
        try:
            self.server.cfg.commit()
        except CfgError as error:
            raise rpc.fault(400, "Failed to commit the changes") from error

    @rpc("cfg.rollback")
    def rollback(self, rpc: Rpc) -> None:
        """Forget the changes that wait."""
        self.server.cfg.rollback()

    @rpc("cfg.diff")
    def diff(self, rpc: Rpc) -> None:
        """The changes that wait."""
        for change in self.server.cfg.pending():
            shown = Struct({"group name": change.group})
            if change.instance is not None:
                shown.add("group id", change.instance)
            shown.add("variable name", change.name)
            stored = self.server.cfg.variable(change.group, change.name).stored or (lambda value: value)
            shown.add("old value", _shown(stored(change.old)))
            shown.add("new value", _shown(stored(change.new)))
            rpc.add(shown)

    # -- looking --------------------------------------------------------------------------------------------------
    @rpc("cfg.get")
    def get(self, rpc: Rpc, group: str = "", name: str = "") -> None:
        """Value of a variable; of all variables of a group when no name is given."""
        if not rpc.arguments or rpc.mistyped:
            raise rpc.fault(500, "Failed to get the parameters")
        name_of_group, instance = self._group(rpc, group)
        cfg = self.server.cfg
        if name:
            try:
                rpc.add(_shown(cfg.get(name_of_group, name, instance)))
            except NotReadable as error:
                text = "Variable exists, but it is not readable via RPC interface"
                raise rpc.fault(400, text) from error
            except CfgError as error:
                raise rpc.fault(400, "Failed to get the variable") from error
            return
        shown = rpc.struct()
        for variable in cfg.variables(name_of_group):
            try:
                shown.add(variable.name, _shown(cfg.get(name_of_group, variable.name, instance)))
            except NotReadable:
                continue
            except CfgError as error:
                raise rpc.fault(400, "Failed to get the variable") from error

    @rpc("cfg.help")
    def help(self, rpc: Rpc, group: str, name: str) -> None:
        """Description and type of a variable."""
        try:
            variable = self.server.cfg.variable(group, name)
        except CfgError as error:
            raise rpc.fault(400, "Failed to get the variable description") from error
        rpc.add(variable.doc, _KINDS[variable.kind])

    @rpc("cfg.list")
    def list_variables(self, rpc: Rpc, group: str = "") -> None:
        """Names of all variables, or of those of a group."""
        for name in self.server.cfg.groups():
            if not group or name == group:
                rpc.add(*(f"{name}: {variable.name}" for variable in self.server.cfg.variables(name)))

    # -- instances ------------------------------------------------------------------------------------------------
    @rpc("cfg.add_group_inst")
    def add_instance(self, rpc: Rpc, group: str) -> None:
        """Add an instance of a group, `group[id]`."""
        name_of_group, instance = self._instance(rpc, group)
        try:
            self.server.cfg.add_instance(name_of_group, instance)
        except CfgError as error:
            raise rpc.fault(400, "Failed to add the group instance") from error

    @rpc("cfg.del_group_inst")
    def delete_instance(self, rpc: Rpc, group: str) -> None:
        """Delete an instance of a group."""
        name_of_group, instance = self._instance(rpc, group)
        try:
            self.server.cfg.delete_instance(name_of_group, instance)
        except CfgError as error:
            raise rpc.fault(400, "Failed to delete the group instance") from error

    @staticmethod
    def _group(rpc: Rpc, text: str) -> tuple[str, int | None]:
        try:
            return split_group(text)
        except CfgError as error:
            raise rpc.fault(400, str(error)) from error

    @staticmethod
    def _instance(rpc: Rpc, text: str) -> tuple[str, int]:
        try:
            name, instance = split_group(text)
        except CfgError:
            name, instance = "", None
        if instance is None:
            raise rpc.fault(400, 'Wrong group syntax. Use "group[id]"')
        return name, instance


def _shown(value: int | str | None) -> int | str:
    return _NO_STRING if value is None else value
