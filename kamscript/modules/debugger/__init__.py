"""debugger: follow the actions of a config, log assignments and variables, choose log levels per module.

Kamailio's breakpoints stop a worker process until another process tells it to go on. A server here deals with one
message after the other and never waits: with breakpoints on, every action that would stop is logged, and goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.cfg import CfgVar
from kamscript.core.log import L_DBG, L_ERR
from kamscript.core.rpc import Rpc, Struct
from kamscript.module import Const, FixupError, Module, Param, Route, function, rpc
from kamscript.modules.debugger.dump import ALL, Mask, dump_message, dump_variables
from kamscript.modules.debugger.levels import Level, LogFacility, facility_number, split_setting

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.module import Accessor

_TRACE, _BREAKPOINTS, _CFGTEST = 1, 2, 8
_NO_FILE = 1
_UNSET = -100

#: `$rt` as Kamailio's trace names it.
_ROUTES = {
    Route.REQUEST: "request_route",
    Route.FAILURE: "failure_route",
    Route.TM_ONREPLY: "onreply_route",
    Route.CORE_ONREPLY: "onreply_route",
    Route.BRANCH: "branch_route",
    Route.ONSEND: "onsend_route",
    Route.ERROR: "error_route",
    Route.LOCAL: "local_route",
    Route.BRANCH_FAILURE: "branch_failure_route",
}
_ONE_PROCESS = "a server here has one process, which never waits at a breakpoint"


class Debugger(Module, name="debugger"):
    """Follow a config."""

    cfgtrace = Param(0, "1: log every action from the start.")
    cfgtrace_format = Param(0, "1: leave the file out of the lines of cfgtrace.", since="5.6")
    breakpoint = Param(0, "1: breakpoints are on from the start: each action says that it was hit.")
    log_level = Param(L_ERR, "Level of the lines of cfgtrace and breakpoints.")
    log_level_name = Param("", "Printed in place of the level's name.")
    log_facility = Param("", "Syslog facility of the lines of cfgtrace.")
    log_prefix = Param("*** cfgtrace:", "What the lines of cfgtrace start with.")
    log_assign = Param(0, "1: log at debug level what each assignment left in its target.")
    step_usleep = Param(
        100000, "How long a process waits at a breakpoint before it looks again, µs.", inert=_ONE_PROCESS
    )
    step_loops = Param(200, "How often dbg.bp looks for the answer of a process.", inert=_ONE_PROCESS)
    mod_hash_size = Param(0, "Log levels and facilities per module are possible: 2^n slots for them.")
    mod_level_mode = Param(0, "1: the log levels of modules count.")
    mod_level = Param("", "`module=level`, again and again.", set="add_level")
    mod_facility_mode = Param(0, "1: the log facilities of modules count.")
    mod_facility = Param("", "`module=facility`, again and again.", set="add_facility")
    reset_msgid = Param(0, "1: dbg.reset_msgid can restart the numbers of messages.")
    cfgtest = Param(0, "1: hand every action to module cfgt.")
    cfgpkgcheck = Param(0, "1: check the process memory at every action.", inert="there is no memory pool to check")

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.levels: dict[str, int] = {}
        self.facilities: dict[str, str] = {}
        self.flags = 0
        self._started = False

    # -- start ----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin to listen."""
        if self.log_facility and facility_number(self.log_facility) is None:
            raise FixupError("invalid log facility configured")
        if self.cfgtest and "cfgt" not in self.server.modules:
            raise FixupError("can't find cfgt module")
        self.cfg = self.server.cfg.declare("dbg", self._variables())
        self._started = True
        self._use_levels()
        self.flags |= (_TRACE if self.cfgtrace == 1 else 0) | (_BREAKPOINTS if self.breakpoint == 1 else 0)
        self.flags |= _CFGTEST if self.cfgtest == 1 else 0
        self.server.trace = self.trace
        if self.log_assign > 0:
            self.server.trace_assign = self.assigned

    def _variables(self) -> list[CfgVar]:
        def allowed(value: int) -> str | None:
            return None if self.mod_hash_size > 0 else "mod_hash_size must be set on start"

        def changed(old: int, new: int) -> None:
            self._use_levels()

        return [
            CfgVar(
                "mod_level_mode",
                self.mod_level_mode,
                "Whether modules have log levels of their own.",
                high=1,
                check=allowed,
                on_change=changed,
            ),
            CfgVar(
                "mod_facility_mode",
                self.mod_facility_mode,
                "Whether modules have log facilities of their own.",
                high=1,
                check=allowed,
                on_change=changed,
            ),
            CfgVar(
                "mod_hash_size", self.mod_hash_size, "Slots for log levels of modules, as a power of 2.", read_only=True
            ),
        ]

    def _use_levels(self) -> None:
        """Let the log follow what is set for single modules, if that counts now."""
        log = self.server.log
        log.modules = dict(self.levels) if self.cfg["mod_level_mode"] else {}
        log.facilities = dict(self.facilities) if self.cfg["mod_facility_mode"] else {}

    # -- levels ---------------------------------------------------------------------------------------------------
    def add_level(self, text: str) -> None:
        """modparam mod_level."""
        name, value = split_setting(text)
        try:
            level = int(value)
        except ValueError:
            raise FixupError(f"invalid parameter - level value: {text}") from None
        if not self.set_level(name, level):
            raise FixupError(f"cannot store parameter: {text}")

    def add_facility(self, text: str) -> None:
        """modparam mod_facility."""
        name, value = split_setting(text)
        if facility_number(value) is None:
            raise FixupError(f"invalid parameter - facility value: {text}")
        if not self.set_facility(name, value):
            raise FixupError(f"cannot store parameter: {text}")

    def set_level(self, name: str, level: int) -> bool:
        """Give a module a log level; False without mod_hash_size."""
        if self.mod_hash_size <= 0:
            return False
        self.levels[name] = level
        if self._started:
            self._use_levels()
        return True

    def set_facility(self, name: str, facility: str) -> bool:
        """Give a module a log facility; False without mod_hash_size."""
        if self.mod_hash_size <= 0:
            return False
        self.facilities[name] = facility
        if self._started:
            self._use_levels()
        return True

    # -- following the config -------------------------------------------------------------------------------------
    def trace(self, ctx: Context, number: int) -> None:
        """An action is about to run."""
        flags = self.flags
        if not flags:
            return
        action = self.server.program.actions[number]
        if flags & _TRACE:
            file = "" if self.cfgtrace_format & _NO_FILE else f" c=[{action.path}]"
            self.server.log.write(
                self.log_level,
                self.name,
                f"dbg_cfg_trace(): {_ROUTES.get(ctx.route, 'unknown_route')}=[{action.route}]{file}"
                f" l={action.cline} a={action.number} n={action.name}\n",
                ctx,
                self.log_facility,
                head=self.log_prefix,
                label=self.log_level_name or None,
            )
        if flags & _CFGTEST:
            self.server.modules["cfgt"].process_route(ctx, action)  # type: ignore[attr-defined]
        if flags & _BREAKPOINTS:
            self.server.log.write(
                self.log_level,
                self.name,
                f"breakpoint hit: p=[{self.server.environment.pid}] c=[{action.path}] l={action.cline}"
                f" a={action.number} n={action.name}\n",
                ctx,
            )

    def assigned(self, ctx: Context, name: str, accessor: Accessor | None = None) -> None:
        """An assignment has been made to a pseudo-variable, or to an AVP in SER's notation."""
        if accessor is None:
            value = ctx.avps.get(name)
            if value is not None:
                self.server.log.debug(self.name, f"{name}:{_quoted(value)}")
            return
        value = accessor.get(ctx)
        self.server.log.debug(self.name, f"{name}: $null" if value is None else f"{name}:{_quoted(value)}")

    # -- functions ------------------------------------------------------------------------------------------------
    @function(routes=Route.ANY)
    def dbg_breakpoint(self, ctx: Context, mode: Const) -> int:
        """Mark a line for breakpoints; nothing comes of it in Kamailio either."""
        return 1

    @function(routes=Route.ANY)
    def dbg_pv_dump(self, ctx: Context, mask: Mask = ALL, level: Level = L_DBG) -> int:
        """Log the variables of the config as JSON.

        `mask`: 1 also what is null, 2 AVPs, 4 script variables, 8 XAVPs, 16 others. `level`: L_ERR and so on.
        """
        self.server.log.write(level, self.name, dump_variables(self.server, ctx, mask) + "\n", ctx)
        return 1

    @function(routes=Route.REQUEST | Route.TM_ONREPLY | Route.CORE_ONREPLY)
    def dbg_sip_msg(self, ctx: Context, level: Level = _UNSET, facility: LogFacility = "") -> int:
        """Log the message as it is now, and the edits that wait."""
        text = dump_message(self.server, ctx, with_line=level != _UNSET)
        if level == _UNSET:
            level = self.server.log.level
        self.server.log.write(level, self.name, text, ctx, facility)
        return 1

    # -- RPC ------------------------------------------------------------------------------------------------------
    @rpc("dbg.ls")
    def rpc_ls(self, rpc: Rpc, pid: int | None = None) -> None:
        """The processes that can be followed."""
        self._check(rpc, pid)
        rpc.add(Struct({"entry": 0, "pid": self._pid, "set": self.flags, "state": 0, "in.pid": 0, "in.cmd": 0}))

    @rpc("dbg.trace")
    def rpc_trace(self, rpc: Rpc, command: str = "", pid: int | None = None) -> None:
        """Switch cfgtrace: `on` or `off`, and perhaps a process."""
        if not rpc.arguments:
            raise rpc.fault(500, "Config trace command missing")
        self._check(rpc, pid)
        self._switch(rpc, command, _TRACE, "Unknown trace command")
        rpc.add("200 ok")

    @rpc("dbg.bp")
    def rpc_bp(self, rpc: Rpc, command: str = "", pid: int | None = None, variable: str = "") -> None:
        """Breakpoints: `on`, `off`, `release`, `keep`, `move`, `next`, `show`, `eval` or `log`, and a process."""
        if not rpc.arguments:
            raise rpc.fault(500, "Config breakpoint command missing")
        self._check(rpc, pid)
        if command in ("keep", "move", "next", "show", "eval", "log"):
            if pid is None:
                raise rpc.fault(500, "Missing pid parameter")
            if command in ("eval", "log"):
                if len(rpc.arguments) < 3:
                    raise rpc.fault(500, "pv param missing")
                if len(variable) < 2:
                    raise rpc.fault(500, "invalid pv param")
            # Nothing waits at a breakpoint, so there is nobody to ask and nobody to send on.
        elif command == "release":
            self.flags &= ~_BREAKPOINTS
        else:
            self._switch(rpc, command, _BREAKPOINTS, "Unknown inner command")
        rpc.add("200 ok")

    @rpc("dbg.set_mod_level")
    def rpc_set_mod_level(self, rpc: Rpc, module: str = "", level: int | None = None) -> None:
        """Give a module a log level."""
        if not module or level is None:
            raise rpc.fault(500, "invalid parameters")
        if not self.set_level(module, level):
            raise rpc.fault(500, "cannot store parameter")
        rpc.add("200 ok")

    @rpc("dbg.set_mod_facility")
    def rpc_set_mod_facility(self, rpc: Rpc, module: str = "", facility: str = "") -> None:
        """Give a module a log facility."""
        if not module or not facility:
            raise rpc.fault(500, "invalid parameters")
        if facility_number(facility) is None:
            raise rpc.fault(500, "facility not found")
        if not self.set_facility(module, facility):
            raise rpc.fault(500, "cannot store parameter")
        rpc.add("200 ok")

    @rpc("dbg.get_mod_level")
    def rpc_get_mod_level(self, rpc: Rpc, module: str = "") -> None:
        """The log level that counts for a module."""
        if not module:
            raise rpc.fault(500, "invalid parameters")
        log = self.server.log
        rpc.add(log.modules.get(module, log.level if log.local is None else log.local))

    @rpc("dbg.get_mod_facility")
    def rpc_get_mod_facility(self, rpc: Rpc, module: str = "") -> None:
        """The log facility that counts for a module."""
        if not module:
            raise rpc.fault(500, "invalid parameters")
        log = self.server.log
        rpc.add(log.facilities.get(module, log.facility))

    @rpc("dbg.reset_msgid")
    def rpc_reset_msgid(self, rpc: Rpc) -> None:
        """Let the next message be number 1 again."""
        if self.reset_msgid == 0:
            raise rpc.fault(500, "reset_msgid is 0. Set it to 1 to enable.")
        if self.reset_msgid == 1:
            self.server.message_number = 0
        rpc.add("200 ok")

    @property
    def _pid(self) -> int:
        return self.server.environment.pid

    def _check(self, rpc: Rpc, pid: int | None) -> None:
        if pid is not None and pid != self._pid:
            raise rpc.fault(500, "No such pid")

    def _switch(self, rpc: Rpc, command: str, flag: int, unknown: str) -> None:
        if command == "on":
            self.flags |= flag
        elif command == "off":
            self.flags &= ~flag
        else:
            raise rpc.fault(500, unknown)


def _quoted(value: int | str) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
