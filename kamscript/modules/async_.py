"""async: requests that wait and go on later, and work that other processes of Kamailio do.

Source: async manual; src/modules/async/ of 5.6 and 6.x, src/core/async_task.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.running import NO_SOCKET
from kamscript.module import Accessor, FixupError, Int, Module, Param, PvInt, PvRef, Route, Str, function, pv_class

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import RouteFunction

_SUSPENDING: Final = Route.REQUEST | Route.FAILURE
_MAX_SECONDS: Final = 100
_MAX_MILLISECONDS: Final = 30_000
_MAX_NAME: Final = 62
_DEFAULT: Final = "default"
_TKV: Final = "core:tkv"


class Async(Module, name="async"):
    """Let requests wait, and go on in a route or behind the call."""

    workers = Param(1, "0: async_route() and async_sleep() fail; any other number is one worker here.")
    ms_timer = Param(
        0, "Milliseconds of resolution of async_ms_route() and async_ms_sleep(); 0: they fail.", since="5.6"
    )
    return_ = Param(
        0, "What the suspending functions return: 0 ends the script, 1 lets it run on.", name="return", since="5.6"
    )
    mode = Param(0, "1: work without tm; only tasks with data then.", since="6.x")

    def start(self) -> None:
        """Find tm and the groups of workers."""
        server = self.server
        self.tm: Any = server.module("tm") if not self.mode else None
        self.groups = _groups(self)
        self._running: tuple[str, str | None] | None = None  #: group of the task that runs, and its data
        if not self.groups:
            for need in server.program.needs.values():
                if need.kind == "function" and need.args[0] == self.name and "_task_" in str(need.args[2]):
                    raise FixupError(f"{need.args[2]}() needs the core parameter async_workers")

    def _error(self, text: str) -> bool:
        self.server.log.error(self.name, text)
        return False

    # -- suspending -----------------------------------------------------------------------------------------------
    def _route(self, ctx: Context, name: str) -> RouteFunction | None:
        if ctx.msg.received.socket is NO_SOCKET:
            self._error("invalid usage for faked message")
            return None
        found = self.server.route_function(Route.REQUEST, name) if name else None
        if found is None:
            self._error(f"route block not found: {name}")
        elif len(name) > _MAX_NAME:
            self._error(f"callback name is too long: {name}")
            return None
        return found

    def _suspend(self, ctx: Context) -> tuple[int, int] | None:
        """Freeze the transaction, a new one when there is none."""
        if self.tm is None:
            self._error("cannot suspend without tm (parameter mode)")
            return None
        if ctx.t is None and (self.tm.newtran(ctx) < 0 or ctx.t is None):
            self._error("cannot create the transaction")
            return None
        ident: tuple[int, int] | None = self.tm.suspend(ctx)
        if ident is None:
            self._error("failed to suspend the processing")
        return ident

    def _later(self, ctx: Context, delay: float, rest: RouteFunction, group: str = "") -> int:
        ident = self._suspend(ctx)
        if ident is None:
            return -1

        def go_on() -> None:
            self._in_group(group, None, lambda: self.tm.continue_(*ident, self._runner(rest)))

        self.server.timers.after(delay, go_on)
        return self.return_

    def _soon(self, group: str, data: str | None, run: Callable[[], object]) -> None:
        """Hand a task to a worker: behind what runs now."""

        def work() -> None:
            self._in_group(group, data, run)

        self.server.timers.after(0.0, work)

    def _runner(self, rest: RouteFunction) -> Callable[[Context], object]:
        return lambda ctx: self.server.run_top(rest, ctx)

    def _in_group(self, group: str, data: str | None, work: Callable[[], object]) -> None:
        kept, self._running = self._running, (group, data)
        try:
            work()
        finally:
            self._running = kept

    def _seconds(self, seconds: int) -> float | None:
        if self.workers <= 0:
            self._error("no async mod timer workers (modparam missing?)")
        elif seconds <= 0:
            self._error(f"negative or zero sleep time ({seconds})")
        elif seconds >= _MAX_SECONDS:
            self._error(f"max sleep time is {_MAX_SECONDS} sec ({seconds})")
        else:
            return float(seconds)
        return None

    def _milliseconds(self, milliseconds: int) -> float | None:
        if self.workers <= 0:
            self._error("no async mod timer workers (modparam missing?)")
        elif self.ms_timer <= 0:
            self._error("async timer list not initialized - check modparams")
        elif milliseconds <= 0:
            self._error(f"negative or zero sleep time ({milliseconds})")
        elif milliseconds >= _MAX_MILLISECONDS:
            self._error(f"max sleep time is {_MAX_MILLISECONDS} msec")
        else:
            return -(-milliseconds // self.ms_timer) * self.ms_timer / 1000
        return None

    def _go_on(self, ctx: Context, delay: float | None, rest: RouteFunction | None, group: str) -> int:
        if delay is None or rest is None:
            return -1
        return self._later(ctx, delay, rest, group)

    @function(_SUSPENDING)
    def async_route(self, ctx: Context, route: Str, seconds: PvInt) -> int:
        """Let the request wait 1 to 99 seconds and go on in a route; the script ends here."""
        delay = self._seconds(seconds)
        return self._go_on(ctx, delay, None if delay is None else self._route(ctx, route), "")

    @function(_SUSPENDING, since="5.6")
    def async_ms_route(self, ctx: Context, route: Str, milliseconds: PvInt) -> int:
        """The same for 1 to 29999 milliseconds, in a worker of the core."""
        delay = self._milliseconds(milliseconds)
        return self._worked(ctx, delay, None if delay is None else self._route(ctx, route))

    @function(_SUSPENDING, continues=True)
    def async_sleep(self, ctx: Context, rest: RouteFunction | None, seconds: PvInt) -> int:
        """Let the request wait 1 to 99 seconds and go on behind the call, up to the end of the block."""
        delay = self._seconds(seconds)
        return self._go_on(ctx, delay, None if delay is None else self._behind(ctx, rest), "")

    @function(_SUSPENDING, since="5.6", continues=True)
    def async_ms_sleep(self, ctx: Context, rest: RouteFunction | None, milliseconds: PvInt) -> int:
        """The same for 1 to 29999 milliseconds, in a worker of the core."""
        delay = self._milliseconds(milliseconds)
        return self._worked(ctx, delay, None if delay is None else self._behind(ctx, rest))

    def _behind(self, ctx: Context, rest: RouteFunction | None) -> RouteFunction | None:
        if ctx.msg.received.socket is NO_SOCKET:
            self._error("invalid usage for faked message")
            return None
        if rest is None:
            self._error("cannot be executed as last action in a route block")
        return rest

    def _worked(self, ctx: Context, delay: float | None, rest: RouteFunction | None) -> int:
        """Wait for milliseconds; without a worker of the core nobody goes on, and the transaction times out."""
        if delay is None or rest is None:
            return -1
        if not self.groups:
            self.server.log.warning(self.name, "async task pushed, but no async workers - ignoring")
            return -1 if self._suspend(ctx) is None else self.return_
        return self._later(ctx, delay, rest, _DEFAULT)

    # -- tasks ----------------------------------------------------------------------------------------------------
    def _group(self, name: str) -> str | None:
        """The group that a task goes to: the first one without a name; None, and a line in the log, for no group."""
        if not name:
            return _DEFAULT
        if name in self.groups:
            return name
        self.server.log.warning(self.name, f"group [{name}] not found - ignoring")
        return None

    @function(_SUSPENDING)
    def async_task_route(self, ctx: Context, route: Str) -> int:
        """Let a worker of the core go on with the request in a route, at once."""
        return self.async_task_group_route(ctx, route, "")

    @function(_SUSPENDING, since="5.6")
    def async_task_group_route(self, ctx: Context, route: Str, group: Str) -> int:
        """The same in a group of workers."""
        rest = self._route(ctx, route)
        if rest is None:
            return -1
        found = self._group(group)
        if found is None:
            return -1 if self._suspend(ctx) is None else self.return_
        return self._later(ctx, 0.0, rest, found)

    @function(Route.ANY, since="5.6")
    def async_task_data(self, ctx: Context, route: Str, data: Str) -> bool:
        """Let a worker of the core run a route over a made-up request, with a text as $async(data)."""
        return self.async_task_group_data(ctx, route, "", data)

    @function(Route.ANY, since="5.6")
    def async_task_group_data(self, ctx: Context, route: Str, group: Str, data: Str) -> bool:
        """The same in a group of workers."""
        found = self.server.route_function(Route.REQUEST, route) if route else None
        if found is None:
            return self._error(f"route block not found: {route}")
        where = self._group(group)
        if where is not None:
            self._soon(where, data, lambda: self._run_data(found))
        return True

    def _run_data(self, route: RouteFunction) -> None:
        ctx = self.server.context(self.server.faked_message())
        if all(before(ctx) for before in self.server.hooks.pre_script):
            self.server.run_top(route, ctx)
            for behind in self.server.hooks.post_script:
                behind(ctx)

    @function(Route.ANY, since="6.x")
    def async_tkv_emit(self, ctx: Context, kind: Int, key: Str, value: Str) -> bool:
        """Let the group of async_tkv_gname run event_route[core:tkv] with these as $atkv(type), (key) and (val)."""
        settings = self.server.settings
        group, event = settings["async_tkv_gname"], settings["async_tkv_evcb"] or _TKV
        if group not in self.groups or self.server.route_function(Route.EVENT, event) is None:
            return False
        told = {"type": kind, "key": key, "val": value, "gname": group}

        def run() -> None:
            ctx = self.server.context(self.server.faked_message())
            ctx.state["atkv"] = told
            self.server.run_event(event, ctx=ctx)

        self._soon(group, None, run)
        return True

    # -- variables ------------------------------------------------------------------------------------------------
    @pv_class("async", since="5.6")
    def async_(self, ref: PvRef) -> Accessor:
        """`$async(data)` the text of the task that runs, `$async(gname)` the group of the worker that runs it."""
        if ref.inner == "data":
            return Accessor(lambda ctx: self._running[1] if self._running else None)
        if ref.inner == "gname":
            return Accessor(lambda ctx: (self._running[0] or None) if self._running else None)
        raise FixupError(f"$async({ref.inner}): data and gname are known")


def _groups(module: Async) -> frozenset[str]:
    """The core's groups of workers; the first is always `default` (async_task_set_workers_group)."""
    server = module.server
    found = {_DEFAULT} if server.settings["async_workers"] > 0 else set()
    for setting in server.program.settings:
        if setting.name != "async_workers_group":
            continue
        text = str(getattr(setting.value, "value", ""))
        pairs = dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())
        given = {name.lower().strip(): value.strip() for name, value in pairs.items()}
        workers = given.get("workers", "0")
        if not given.get("name") or not workers.isdecimal() or not int(workers):
            server.log.error("<core>", f"async_workers_group needs a name and workers: [{text}]")
            continue
        found |= {_DEFAULT, given["name"]}
    return frozenset(found)
