"""One running server without I/O: a message in, a route run, messages out.

The driver (lab, live, replay) calls `receive` with what arrived and `fire` when a deadline has come, always saying
what time it is, and afterwards takes what is to be sent from `take_outbox`. Nothing in here blocks or looks at a
clock.

    server = Server(program, environment, modules=library)
    server.start()
    server.receive(now, text, received)
    for datagram in server.take_outbox(): ...
    deadline = server.timers.next_deadline()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kamscript.core.context import Context
from kamscript.core.environment import Environment
from kamscript.core.hooks import Hooks
from kamscript.core.sockets import Datagram, Destination, ListenSocket, Received
from kamscript.core.timers import Timers
from kamscript.module import Module, Route

if TYPE_CHECKING:
    from kamscript.core.cfg import Cfg
    from kamscript.core.log import Log
    from kamscript.core.rpc import RpcCommands
    from kamscript.core.statistics import Statistics
    from kamscript.script.compile import Program
    from kamscript.sip.message import Message

#: A compiled route: takes the context, returns what `$rc` shows behind it. `exit` and `drop` leave it by ScriptExit.
RouteFunction = Callable[[Context], int]


class Server:
    """A config, started. Several stand side by side in one process.

    Attributes that modules use:
      settings    core parameters by canonical name, defaults filled in (`settings["children"]`)
      modules     module instances by name, in load order; "core" is first
      routes      (kind, name) -> function; the main request route is (Route.REQUEST, ""), named ones
                  (Route.REQUEST, "NAME"); reply_route is (Route.CORE_ONREPLY, ""), onreply_route[NAME]
                  (Route.TM_ONREPLY, "NAME"); FAILURE, BRANCH, ONSEND ("" only) and EVENT likewise
      sockets     the `listen` addresses in order; `default_socket(proto)` the first of a protocol
      timers      deadlines; `timers.now` is the current Unix time (float seconds)
      statistics  every counter by group and name
      rpc         every RPC command
      cfg         run-time settings by group (core, tm, registrar, the config's own) as the cfg framework holds them
      log         what a config or module says: `server.log.error("<core>", "text")`, levels and prefixes applied
      hooks       lists of callables that modules add to: see `Hooks`
      shared      objects that modules publish for others, by name (what C modules do with `load_xxx` bindings)
      environment what the driver handed in: chance, resolver, files, database, ...
      message_number  `$mi` of the message received last
      started     Unix time when `start()` ran
    """

    def __init__(
        self,
        program: Program,
        environment: Environment,
        *,
        target: str = "all",
        modules: Mapping[str, type[Module]] | None = None,
    ) -> None:
        """Hand over a compiled config; nothing runs yet.

        `modules` are the module classes by name; a module the config loads and this mapping lacks gets a double
        (its functions are known from the catalogue; see `kamscript.core.doubles`). `target` is the generation
        whose behaviour counts: "4.4", "5.6", "6.x" or "all".
        """
        self.program, self.environment, self.target = program, environment, target
        self.library: Mapping[str, type[Module]] = modules or {}
        self.settings: dict[str, Any] = {}
        self.modules: dict[str, Module] = {}
        self.routes: Mapping[tuple[Route, str], RouteFunction] = {}
        self.sockets: list[ListenSocket] = []
        self.timers = Timers(environment.now)
        self.hooks = Hooks()
        self.shared: dict[str, Any] = {}
        self.message_number = 0
        self.started = 0.0
        self.statistics: Statistics
        self.rpc: RpcCommands
        self.cfg: Cfg
        self.log: Log

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Open the sockets (as data), create modules in load order, assign modparams, bind routes, start modules.

        Raises ConfigError with everything for which the daemon would refuse to start. Also runs
        event_route[core:worker-one-init] once, as the daemon does in its first worker.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Let every module write what must be kept, in reverse load order."""
        raise NotImplementedError

    # -- the driver's side ----------------------------------------------------------------------------------------
    def receive(self, now: float, text: str, received: Received) -> None:
        """Deal with one message that arrived at `now` (Unix seconds); never raises for what the message holds."""
        raise NotImplementedError

    def fire(self, now: float) -> None:
        """Run the timers that are due at `now`."""
        raise NotImplementedError

    def take_outbox(self) -> list[Datagram]:
        """What is to be sent, in order; the list is the caller's, the server starts a new one."""
        raise NotImplementedError

    def connection_closed(self, now: float, connection: int) -> None:
        """The stream `connection` is gone: runs event_route[tcp:closed] and the hooks."""
        raise NotImplementedError

    def send_failed(self, now: float, datagram: Datagram) -> None:
        """The driver could not send `datagram`: counts, blocklists the destination, tells `hooks.send_failed`."""
        raise NotImplementedError

    # -- sending --------------------------------------------------------------------------------------------------
    def send(self, socket: ListenSocket, destination: Destination, text: str) -> None:
        """Put a message into the outbox. The hot path of forward, tm and sl: no checks, no onsend_route."""
        raise NotImplementedError

    def run_onsend(self, ctx: Context, socket: ListenSocket, destination: Destination, text: str) -> bool:
        """Run onsend_route over `ctx.msg` about to leave as `text`; False: the script dropped it (do not send).

        True at once when there is no onsend_route. Replies only when onsend_route_reply is set.
        """
        raise NotImplementedError

    def get_send_socket(self, destination: Destination, forced: ListenSocket | None = None) -> ListenSocket | None:
        """The socket that sends to `destination` (get_send_socket2): `forced` where it fits, else the default."""
        raise NotImplementedError

    def default_socket(self, proto: str, ipv6: bool = False) -> ListenSocket | None:
        """The first socket of a transport and address family."""
        raise NotImplementedError

    def find_socket(self, host: str, port: int, proto: str) -> ListenSocket | None:
        """The socket that listens on exactly this address (grep_sock_info); `port` 0 and `proto` "" match any."""
        raise NotImplementedError

    def is_myself(self, host: str, port: int = 0, proto: str = "") -> bool:
        """Whether host, port, transport name this server (check_self): sockets, aliases, `hooks.myself`.

        0 and "" match any.
        """
        raise NotImplementedError

    # -- running routes -------------------------------------------------------------------------------------------
    def route_function(self, kind: Route, name: str) -> RouteFunction | None:
        """The compiled block, None when the config has none."""
        return self.routes.get((kind, name))

    def run_top(self, function: RouteFunction, ctx: Context) -> int:
        """Run a block as Kamailio's run_top_route does: `exit`/`drop` end it, `ctx.exited`/`ctx.drop` tell which.

        Returns the block's return code. A Python exception is logged with the config's file and line; then the
        result is -1 and `ctx.exited` is set. `ctx.route` must be set by the caller.
        """
        raise NotImplementedError

    def run_route(self, name: str, ctx: Context) -> int | None:
        """Run route[name] over `ctx` as a top route; None when there is no such block."""
        raise NotImplementedError

    def run_event(self, name: str, msg: Message | None = None, ctx: Context | None = None) -> Context | None:
        """Run event_route[name] over `ctx`, over a new context of `msg`, or over Kamailio's made-up OPTIONS.

        Returns the context it ran over (look at `drop`), None when the config has no such block.
        """
        raise NotImplementedError

    def context(self, msg: Message, route: Route = Route.REQUEST) -> Context:
        """A fresh context for running something over `msg`."""
        return Context(self, msg, route)

    # -- modules --------------------------------------------------------------------------------------------------
    def module(self, name: str) -> Any:
        """The running module `name`; raises KeyError when the config does not load it."""
        return self.modules[name]
