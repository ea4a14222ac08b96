"""rtimer: run routes from time to time (src/modules/rtimer/rtimer_mod.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.module import FixupError, Module, Param, Route, pv
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

_LONGEST_NAME: Final = 62  #: bytes of a route's name


class Timer(NamedTuple):
    """A timer: seconds between two runs, how many workers run its routes, and these, the next to run first."""

    interval: float
    workers: int
    routes: list[str]


class Rtimer(Module, name="rtimer"):
    """Run routes from time to time, over a made-up request."""

    default_interval = Param(
        120, "Seconds, for the timers behind it that have no interval.", since="5.6", set="set_default_interval"
    )
    timer = Param(
        "",
        "A timer, `name=NAME;interval=SECONDS;mode=WORKERS`; `interval=500000u` is in microseconds.",
        set="add_timer",
    )
    exec = Param(
        "", "A route that a timer runs, `timer=NAME;route=ROUTE`; of several the last runs first.", set="add_route"
    )

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.timers: dict[str, Timer] = {}  #: by name in small letters
        self._interval = 120
        self._worker = 0

    # -- what the config says -------------------------------------------------------------------------------------
    def set_default_interval(self, seconds: int) -> None:
        """`default_interval`."""
        self._interval = seconds

    def add_timer(self, text: str) -> None:
        """`timer`."""
        params = _params(text)
        name = params.get("name")
        if not name:
            raise FixupError(f"a timer needs a name: {text}")
        if name.lower() in self.timers:
            raise FixupError(f"there is a timer {name} already")
        given = params.get("interval") or "0"
        micro = given[-1] in "uU"
        interval = _number("interval", given[:-1] if micro else given)
        workers = _number("mode", params.get("mode") or "0")
        if micro and not workers:
            workers = 1
        seconds = interval / 1e6 if micro else float(interval)
        seconds = seconds or self._interval
        if seconds <= 0:
            raise FixupError(f"timer {name} would never rest: its interval must be above 0")
        self.timers[name.lower()] = Timer(seconds, workers, [])

    def add_route(self, text: str) -> None:
        """`exec`."""
        params = _params(text)
        name = params.get("timer")
        if not name:
            raise FixupError(f"no timer is named: {text}")
        timer = self.timers.get(name.lower())
        if timer is None:
            raise FixupError(f"there is no timer {name} yet: its line must stand above")
        route = params.get("route") or ""
        if len(route) > _LONGEST_NAME:
            raise FixupError(f"the name of a route has at most {_LONGEST_NAME} characters: {route}")
        timer.routes.insert(0, route)

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Tell of routes that are not there; as in Kamailio they run empty."""
        for name, timer in self.timers.items():
            for route in timer.routes:
                if self.server.route_function(Route.REQUEST, route) is None:
                    self.server.log.warning(self.name, f"timer {name}: there is no route[{route}]")

    def ready(self) -> None:
        """Start the timers; with `mode=0` the common timer does the work of the one worker."""
        for timer in self.timers.values():
            for worker in range(timer.workers or 1):
                self.server.timers.every(timer.interval, partial(self._run, timer, worker))

    def _run(self, timer: Timer, worker: int) -> None:
        self._worker = worker
        for route in timer.routes:
            self._run_route(route)
        self._worker = 0

    def _run_route(self, route: str) -> None:
        server = self.server
        function = server.route_function(Route.REQUEST, route)
        ctx = server.context(server.faked_message())
        if not all(before(ctx) for before in server.hooks.pre_script):
            return
        if function is not None:
            server.run_top(function, ctx)
        for behind in server.hooks.post_script:
            behind(ctx)

    @pv("rtimer_worker", since="5.6")
    def worker(self, ctx: Context) -> int:
        """Which worker of a timer runs this route, from 0 on; 0 elsewhere."""
        return self._worker


def _params(text: str) -> dict[str, str]:
    """The attributes, by their names in small letters; the first of a name counts."""
    try:
        params = parse_params(text.removesuffix(";"))[0]
    except SipError as error:
        raise FixupError(f"{error}: {text}") from None
    return {param.name.lower(): param.value or "" for param in reversed(params)}


def _number(what: str, text: str) -> int:
    number = unsigned(text)
    if number is None:
        raise FixupError(f"{what} is no number: {text!r}")
    return number
