"""One running server without I/O: a message in, a route run, messages out.

The driver (lab, live, replay) calls `receive` with what arrived and `fire` when a deadline has come, always saying
what time it is, and afterwards takes what is to be sent from `take_outbox`. Nothing in here blocks or looks at a
clock.

    server = Server(program, environment, modules=module_classes(program.modules))
    server.start()
    server.receive(now, text, received)
    for datagram in server.take_outbox(): ...
    deadline = server.timers.next_deadline()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from kamscript.core.blocklist import Blocklist
from kamscript.core.cfg import Cfg
from kamscript.core.cfg_core import declare
from kamscript.core.context import Context
from kamscript.core.dns import Dns
from kamscript.core.doubles import Double, DoubleCall, Doubles
from kamscript.core.environment import Environment
from kamscript.core.hooks import Hooks
from kamscript.core.log import Log
from kamscript.core.mi import MiCommands
from kamscript.core.plan import ModulePlan, Plan, check_value, place, plan_of
from kamscript.core.receive import msg_received, process, unparsable
from kamscript.core.rpc import RpcCommands
from kamscript.core.sending import Sending
from kamscript.core.settings import DEFAULTS
from kamscript.core.sockets import (
    Datagram,
    ListenSocket,
    Received,
    Sockets,
    open_sockets,
    own_names,
)
from kamscript.core.statistics import Statistics
from kamscript.core.timers import Timers
from kamscript.module import Accessor, FixupError, Module, PvRef, Route
from kamscript.script.format import accessor_of, format_of
from kamscript.script.pv import split_format
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_FORCE_RPORT, FL_MTU_SCTP_FB, FL_MTU_TCP_FB, FL_MTU_TLS_FB, Message
from kamscript.source import ConfigError, Diagnostic

if TYPE_CHECKING:
    from kamscript.script.program import Program
    from kamscript.sip.certificate import TlsSession
    from kamscript.values import Value

#: A compiled route: takes the context, returns what `$rc` shows behind it. `exit` and `drop` leave it by ScriptExit.
RouteFunction = Callable[[Context], int]

#: Shorter datagrams are keep-alives and probes: dropped without a word (MIN_UDP_PACKET).
MIN_DATAGRAM = 32
#: Longest message that is taken from a socket (BUF_SIZE).
MAX_MESSAGE = 65535


class Frames(Protocol):
    """Who knows what streams carry WebSocket frames (module websocket)."""

    def holds(self, connection: int) -> bool:
        """Whether the stream was upgraded: what arrives on it is cut into frames."""

    def receive(self, now: float, raw: str, connection: int) -> bool:
        """Deal with one whole frame; False: the driver closes the stream."""

    def encode(self, text: str, connection: int) -> str | None:
        """The frame for a message to `ws` or `wss`; None when it cannot be sent. What goes to `tcp` is a frame."""


class NotLoaded(FixupError, KeyError):
    """A module is asked for that the config does not load, or that nothing simulates."""

    def __init__(self, name: str) -> None:
        super().__init__(f"module {name} is not loaded")
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])


class Server(Sending):
    """A config, started. Several stand side by side in one process.

    Attributes that modules use:
      settings    core parameters by canonical name, defaults filled in (`settings["children"]`)
      modules     module instances by name, in load order; "core" is first
      routes      (kind, name) -> function; the main request route is (Route.REQUEST, ""), named ones
                  (Route.REQUEST, "NAME"); reply_route is (Route.CORE_ONREPLY, ""), onreply_route[NAME]
                  (Route.TM_ONREPLY, "NAME"); FAILURE, BRANCH, ONSEND ("" only) and EVENT likewise
      sockets     the `listen` addresses in order; `default_socket(proto)` the one that sends for a protocol
      names       sockets and aliases: who is `myself` (kamscript.core.sockets.Sockets)
      timers      deadlines; `timers.now` is the current Unix time (float seconds)
      statistics  every counter by group and name
      rpc         every RPC command; `mi` every MI command of the 4.x generation
      cfg         run-time settings by group (core, tm, registrar, the config's own) as the cfg framework holds them
      log         what a config or module says: `server.log.error("<core>", "text")`, levels and prefixes applied
      dns, blocklist    addresses of names, and which of them to leave out
      hooks       lists of callables that modules add to: see `Hooks`
      shared      objects that modules publish for others, by name (what C modules do with `load_xxx` bindings)
      environment what the driver handed in: chance, resolver, files, database, ...
      outbox      messages to be sent, in order; drivers use `take_outbox`
      closing     connections that the driver shall close; drivers use `take_closing`
      connections open streams by number, with where they come from; `stream_aliases` further addresses they serve
      tls_sessions    what TLS connections know of their ends, by number; drivers fill it in
      frames      module websocket: deals with streams that carry WebSocket frames; None: not loaded
      message_number  `$mi` of the message received last
      bind        the UDP socket that the message now dealt with came in by, None otherwise
      request_flags   FL_* bits that every request has (force_rport, udp_mtu_try_proto)
      advertised  (advertised_address, advertised_port as texts) when the config sets one, else None
      plain_dns   whether addresses need no look at DNS flags; `timed` whether routes are timed (latency_cfg_log)
      started     Unix time when `start()` ran
      trace, trace_assign     set by debugger, called by the compiled routes; None: nobody listens
    """

    def __init__(
        self, program: Program, environment: Environment, *, modules: Mapping[str, type[Module]], target: str = "all"
    ) -> None:
        """Hand over a compiled config; nothing runs yet.

        `modules` are the classes of the simulated modules by name, "core" included (kamscript.loader.module_classes);
        a module that the config loads and this mapping lacks gets a double. `target` is the generation whose
        behaviour counts: "4.4", "5.6", "6.x" or "all".
        """
        self.program, self.environment, self.target = program, environment, target
        self.plan: Plan = plan_of(program, modules, target)
        self.settings: dict[str, Any] = dict(self.plan.settings)
        self.tcp: dict[str, Any] = dict(self.plan.tcp)
        self.timers = Timers(environment.now)
        self.hooks = Hooks()
        self.log = Log(self)
        self.statistics = Statistics(self)
        self.rpc = RpcCommands(self)
        self.mi = MiCommands(self)
        self.cfg = Cfg(self, dict(self.plan.core), lambda cfg: declare(cfg, self))
        self.dns = Dns(self)
        self.blocklist = Blocklist(self)
        self.doubles = Doubles(self)
        self.modules: dict[str, Module] = {}
        self.routes: Mapping[tuple[Route, str], RouteFunction] = {}
        self.names = Sockets([], [])
        self.sockets: list[ListenSocket] = []
        self.shared: dict[str, Any] = {}
        self.outbox: list[Datagram] = []
        self.closing: list[int] = []
        self.connections: dict[int, Received] = {}
        self.stream_aliases: dict[tuple[str, str, int], int] = {}
        self.frames: Frames | None = None
        self.tls_sessions: dict[int, TlsSession] = {}
        self.message_number = 0
        self.longest = MAX_MESSAGE  #: what is longer is cut, or by msg_recv_max_size of 6.x not looked at
        if target == "6.x" or self.settings["msg_recv_max_size"] != DEFAULTS["msg_recv_max_size"]:
            self.longest = min(self.settings["msg_recv_max_size"], MAX_MESSAGE)
        self.started = environment.now
        self.bind: ListenSocket | None = None
        self.request_flags = 0
        self.advertised: tuple[str, str] | None = None
        self.plain_dns = True
        self.timed = False
        self.trace: Callable[..., object] | None = None
        self.trace_assign: Callable[..., object] | None = None
        self.request_route: RouteFunction | None = None
        self.reply_route: RouteFunction | None = None
        self.onsend_route: RouteFunction | None = None
        self.pre_routing_route: RouteFunction | None = None
        self.msg_received_route: RouteFunction | None = None
        self._faked: Message | None = None

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Prepare everything, then begin: modules hear that all is ready.

        Raises ConfigError with everything for which the daemon would refuse to start. Also runs
        event_route[core:worker-one-init] once, as the daemon does in its first worker.
        """
        errors = self.prepare()
        if errors:
            raise ConfigError(errors)
        for name, module in self.modules.items():
            try:
                module.ready()
            except FixupError as error:
                where = self.plan.modules[name].pos
                raise ConfigError([Diagnostic("module-start", f"{name}: {error}", where)]) from error
        if (Route.EVENT, "core:worker-one-init") in self.routes:
            self.run_event("core:worker-one-init")

    def prepare(self) -> list[Diagnostic]:
        """Set everything up and start the modules in load order.

        Returns everything for which the daemon would refuse to start. No route has run then, and no timer.
        """
        errors = self.set_up()
        if not errors:
            for name in self.modules:
                try:
                    self.start_module(name)
                except FixupError as error:
                    errors.append(Diagnostic("module-start", f"{name}: {error}", self.plan.modules[name].pos))
        if not self.plan.checked and not errors:
            errors += self.program.check(self)
            self.plan.checked = not errors
        return errors

    def start_module(self, name: str) -> None:
        """Start one module. Raises FixupError where it refuses, or where one that it needs is loaded behind it."""
        module = self.modules[name]
        if module.after:
            order = list(self.modules)
            for other in module.after:
                if other in self.modules and order.index(other) > order.index(name):
                    raise FixupError(f"it needs module {other} to be loaded before it")
        module.start()

    def set_up(self) -> list[Diagnostic]:
        """Open the sockets (as data), create modules in load order, assign modparams, bind routes; what is wrong."""
        plan, environment = self.plan, self.environment
        errors = list(plan.errors)
        self.started = self.timers.now
        listen, warnings = open_sockets(plan.places, self.settings, environment)
        local = [address for addresses in environment.interfaces.values() for address in addresses]
        self.names = Sockets(listen, own_names(plan.names, self.settings, listen, environment), local)
        self.sockets = listen
        for warning in plan.warnings + warnings:
            self.log.warning("<core>", warning)
        self.follow_core()
        for module_plan in plan.modules.values():
            self._create(module_plan, errors)
        self.routes = routes = self.program.bind(self)
        self.request_route = routes.get((Route.REQUEST, ""))
        self.reply_route = routes.get((Route.CORE_ONREPLY, ""))
        self.onsend_route = routes.get((Route.ONSEND, ""))
        self.pre_routing_route = routes.get((Route.EVENT, "core:pre-routing"))
        if self.settings["received_route_mode"]:
            self.msg_received_route = routes.get((Route.EVENT, "core:msg-received"))
        self._prefix()
        return errors

    def stop(self) -> None:
        """Let every module write what must be kept, in reverse load order."""
        for module in reversed(self.modules.values()):
            module.stop()

    def _create(self, plan: ModulePlan, errors: list[Diagnostic]) -> None:
        if plan.cls is None:
            self.modules[plan.name] = Double(self, plan.name)
            return
        module = plan.cls(self)
        self.modules[plan.name] = module
        attributes = module.__dict__
        attributes.update(plan.values)
        for attribute, values in plan.lists.items():
            attributes[attribute] = list(values)
        calls = plan.calls
        if plan.expanded:
            calls = calls + self._expand(plan, module, errors)
        for method, value, pos in calls:
            try:
                getattr(module, method)(value)
            except FixupError as error:
                errors.append(Diagnostic("parameter-value", f"{plan.name}: {error}", pos))

    def _expand(self, plan: ModulePlan, module: Module, errors: list[Diagnostic]) -> list[tuple[str, Any, Any]]:
        """Assign the modparamx lines: pseudo-variables are evaluated now, over the made-up message."""
        extra = ModulePlan(plan.name, plan.cls, plan.pos)
        for param, line in plan.expanded:
            node: Any = line.value
            ctx = self.context(self.faked_message())
            try:
                if hasattr(node, "text"):
                    value = accessor_of(node.text, self).get(ctx)
                else:
                    value = format_of(node.value, self)(ctx) if isinstance(node.value, str) else node.value
                problem = "it has no value" if value is None else check_value(param, value)
            except FixupError as error:
                value, problem = None, str(error)
            if problem or value is None:
                message = f"parameter <{line.name}> of module <{plan.name}>: {problem}"
                errors.append(Diagnostic("parameter-value", message, node.pos))
                continue
            place(extra, param, value, node.pos)
        module.__dict__.update((attribute, extra.values[attribute]) for attribute in extra.given)
        plan.given.update(extra.given)
        for attribute, values in extra.lists.items():
            module.__dict__.setdefault(attribute, []).extend(values)
        return extra.calls

    def _prefix(self) -> None:
        text = self.settings["log_prefix"]
        if text:
            try:
                fmt = format_of(text, self)
                names = frozenset(part.name for part in split_format(text) if not isinstance(part, str))
            except (FixupError, ValueError) as error:
                self.log.error("<core>", f"wrong format[{text}]: {error}")  # and the daemon starts without it
                return
            self.log.use_prefix(fmt, int(self.settings["log_prefix_mode"]), names)

    def follow_core(self) -> None:
        """Take over what the core's run-time settings say now; runs at start and behind each change of them."""
        core = self.cfg.core
        self.log.level = core["debug"]
        self.log.facility = core["log_facility"]
        flags = {2: FL_MTU_TCP_FB, 3: FL_MTU_TLS_FB, 4: FL_MTU_SCTP_FB}.get(core["udp_mtu_try_proto"], 0)
        self.request_flags = flags | (FL_FORCE_RPORT if core["force_rport"] else 0)
        self.plain_dns = not core["dns_cache_flags"] & 3
        address, port = self.settings["advertised_address"], self.settings["advertised_port"]
        self.advertised = (address, str(port) if port else "") if address or port else None
        self.timed = self.log.level >= core["latency_cfg_log"]

    # -- the driver's side ----------------------------------------------------------------------------------------
    def receive(self, now: float, text: str, received: Received) -> bool:
        """Deal with one message that arrived at `now` (Unix seconds); never raises for what the message holds.

        False where Kamailio fails (it does not parse, a route ends with an error): the driver closes its stream, unless
        tcp_script_mode says to go on.
        """
        timers = self.timers
        if now > timers.now:
            timers.now = now
        if received.proto == "udp":
            self.bind = received.socket
            if len(text) < MIN_DATAGRAM:
                return False
            if not received.src_port:
                self.log.info("<core>", f"dropping 0 port packet from {received.src_ip}")
                return False
        else:
            self.bind = None
            if received.connection and received.connection not in self.connections:
                self.connections[received.connection] = received
        if len(text) > self.longest:
            if self.longest < MAX_MESSAGE:
                self.log.error("<core>", f"message too large: {len(text)}")
                return False
            text = text[:MAX_MESSAGE]
        try:
            if self.msg_received_route is not None:
                arrived = msg_received(self, self.msg_received_route, text, received)
                if arrived is None:
                    return False
                text = arrived
            for hook in self.hooks.data_in:
                text = hook(text, received)
            self.message_number = number = self.message_number + 1
            try:
                msg = Message(text, received)
            except SipError as error:
                return unparsable(self, text, received, error)
            msg.number = number
            return process(self, msg)
        except Exception as error:
            self.report(error)
            return False
        finally:
            self.bind = None  # what commands send is sent by a process without a socket of its own
            if self.log.prefixed:
                self.log.begin(None)
            if self.cfg.selected:
                self.cfg.unselect_all()

    def fire(self, now: float) -> None:
        """Run the timers that are due at `now`. One that fails is logged; the others run."""
        self.bind = None
        while True:
            try:
                self.timers.fire(now)
                return
            except Exception as error:
                self.report(error)

    def take_outbox(self) -> list[Datagram]:
        """What is to be sent, in order; the list is the caller's, the server starts a new one."""
        out = self.outbox
        self.outbox = []
        return out

    def take_closing(self) -> list[int]:
        """The connections that the driver shall close now."""
        out = self.closing
        self.closing = []
        return out

    def connection_opened(self, received: Received) -> None:
        """A stream is open: `received` tells from where, and its number. The first message on it tells as well."""
        self.connections[received.connection] = received

    def connection_open(self, connection: int) -> bool:
        """Whether this stream is still open."""
        return connection in self.connections

    def close_connection(self, connection: int) -> None:
        """Ask the driver to close a stream."""
        if connection in self.connections:
            self.closing.append(connection)

    def connection_closed(self, now: float, connection: int) -> None:
        """The stream `connection` is gone; `hooks.closed` hear it."""
        self.timers.now = max(now, self.timers.now)
        self.connections.pop(connection, None)
        self.tls_sessions.pop(connection, None)
        for key, number in list(self.stream_aliases.items()):
            if number == connection:
                del self.stream_aliases[key]
        for hook in self.hooks.closed:
            try:
                hook(connection)
            except Exception as error:
                self.report(error)

    def send_failed(self, now: float, datagram: Datagram) -> None:
        """The driver could not send `datagram`: the destination is blocklisted, `hooks.send_failed` hear it."""
        self.timers.now = max(now, self.timers.now)
        self.log.write(self.cfg.core["corelog"], "<core>", f"{datagram.to.proto}_send failed")
        self.blocklist.add(datagram.to)
        for hook in self.hooks.send_failed:
            try:
                hook(datagram)
            except Exception as error:
                self.report(error)

    # -- modules --------------------------------------------------------------------------------------------------
    def module(self, name: str) -> Any:
        """The running module `name`. Raises NotLoaded when the config does not load it: in `start()` of a module that
        needs it, that refuses the start."""
        module = self.modules.get(name)
        if module is None or isinstance(module, Double):
            raise NotLoaded(name)
        return module

    def double(self, module: str, function: str, arity: int, texts: tuple[str | None, ...] = ()) -> DoubleCall:
        """What a call of a function runs that only the catalogue knows; asked for once per call site.

        `texts` are the arguments as the config has them, None where they are more than a constant or one variable.
        """
        return self.doubles.call(module, function, arity, texts)

    def double_pv(self, ref: PvRef) -> Accessor:
        """The accessor of a pseudo-variable that only the catalogue knows."""
        return self.doubles.pv(ref)

    def select(self, path: tuple[str | int, ...], text: str) -> Callable[[Context], Value]:
        """The reader of the select `path`, written `text`; raises FixupError for an unknown one."""
        from kamscript.core.selects import make_select

        return make_select(self, path, text)

    def not_simulated(self) -> list[str]:
        """What of this config nothing simulates: functions that it calls, as `module: function/arity`, and modules
        that it loads without calling any, by their names."""
        called = [f"{module}: {function}/{arity}" for module, function, arity in sorted(self.plan.doubles)]
        known = {module for module, _, _ in self.plan.doubles}
        loaded = [name for name, module in self.modules.items() if isinstance(module, Double) and name not in known]
        return called + sorted(loaded)
