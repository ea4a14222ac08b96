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
from typing import TYPE_CHECKING, Any

from kamscript.core.blocklist import Blocklist
from kamscript.core.cfg import Cfg
from kamscript.core.cfg_core import declare
from kamscript.core.context import Context
from kamscript.core.dns import Dns
from kamscript.core.doubles import Double, DoubleCall, Doubles
from kamscript.core.environment import Environment
from kamscript.core.forward import forward_reply, own_first_via
from kamscript.core.hooks import Hooks
from kamscript.core.log import Log
from kamscript.core.plan import ModulePlan, Plan, check_value, place, plan_of
from kamscript.core.rpc import RpcCommands
from kamscript.core.sockets import (
    Datagram,
    Destination,
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
from kamscript.script.runtime import run
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_FORCE_RPORT, FL_MTU_SCTP_FB, FL_MTU_TCP_FB, FL_MTU_TLS_FB, Message
from kamscript.source import ConfigError, Diagnostic

if TYPE_CHECKING:
    from types import TracebackType

    from kamscript.script.program import Program

#: A compiled route: takes the context, returns what `$rc` shows behind it. `exit` and `drop` leave it by ScriptExit.
RouteFunction = Callable[[Context], int]

#: Shorter datagrams are keep-alives and probes: dropped without a word (MIN_UDP_PACKET).
MIN_DATAGRAM = 32
#: Longest message that is taken from a socket (BUF_SIZE).
MAX_MESSAGE = 65535

#: What event routes see that run without a message of their own (core/fmsg.c).
FAKED_MESSAGE = (
    "OPTIONS sip:you@kamailio.org SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n"
    "From: <sip:you@kamailio.org>;tag=123\r\nTo: <sip:you@kamailio.org>\r\n"
    "Call-ID: 123\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class NotLoaded(FixupError, KeyError):
    """A module is asked for that the config does not load, or that nothing simulates."""

    def __init__(self, name: str) -> None:
        super().__init__(f"module {name} is not loaded")
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])


class Server:
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
      rpc         every RPC command
      cfg         run-time settings by group (core, tm, registrar, the config's own) as the cfg framework holds them
      log         what a config or module says: `server.log.error("<core>", "text")`, levels and prefixes applied
      dns, blocklist    addresses of names, and which of them to leave out
      hooks       lists of callables that modules add to: see `Hooks`
      shared      objects that modules publish for others, by name (what C modules do with `load_xxx` bindings)
      environment what the driver handed in: chance, resolver, files, database, ...
      outbox      messages to be sent, in order; drivers use `take_outbox`
      closing     connections that the driver shall close; drivers use `take_closing`
      connections open streams by number, with where they come from; `stream_aliases` further addresses they serve
      message_number  `$mi` of the message received last
      bind        the UDP socket that the message now dealt with came in by, None otherwise
      request_flags   FL_* bits that every request has (force_rport, udp_mtu_try_proto)
      advertised  (advertised_address, advertised_port as texts) when the config sets one, else None
      plain_dns   whether addresses need no look at DNS flags
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
        self.message_number = 0
        self.started = environment.now
        self.bind: ListenSocket | None = None
        self.request_flags = 0
        self.advertised: tuple[str, str] | None = None
        self.plain_dns = True
        self.trace: Callable[..., object] | None = None
        self.trace_assign: Callable[..., object] | None = None
        self._request_route: RouteFunction | None = None
        self._reply_route: RouteFunction | None = None
        self._onsend_route: RouteFunction | None = None
        self._pre_routing: RouteFunction | None = None
        self._msg_received: RouteFunction | None = None
        self._faked: Message | None = None

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Open the sockets (as data), create modules in load order, assign modparams, bind routes, start modules.

        Raises ConfigError with everything for which the daemon would refuse to start. Also runs
        event_route[core:worker-one-init] once, as the daemon does in its first worker.
        """
        plan, environment = self.plan, self.environment
        errors = list(plan.errors)
        self.started = self.timers.now
        listen, warnings, bad = open_sockets(self.program, self.settings, environment)
        errors += bad
        self.names = Sockets(listen, own_names(self.program, self.settings, listen, environment))
        self.sockets = listen
        for warning in warnings:
            self.log.warning("<core>", warning)
        self.follow_core()
        for module_plan in plan.modules.values():
            self._create(module_plan, errors)
        self.routes = routes = self.program.bind(self)
        self._request_route = routes.get((Route.REQUEST, ""))
        self._reply_route = routes.get((Route.CORE_ONREPLY, ""))
        self._onsend_route = routes.get((Route.ONSEND, ""))
        self._pre_routing = routes.get((Route.EVENT, "core:pre-routing"))
        if self.settings["received_route_mode"]:
            self._msg_received = routes.get((Route.EVENT, "core:msg-received"))
        self._prefix()
        if not errors:
            for name, module in self.modules.items():
                try:
                    module.start()
                except FixupError as error:
                    errors.append(Diagnostic("module-start", f"{name}: {error}", plan.modules[name].pos))
        if not plan.checked and not errors:
            errors += self.program.check(self)
            plan.checked = not errors
        if errors:
            raise ConfigError(errors)
        for module in self.modules.values():
            module.ready()
        if (Route.EVENT, "core:worker-one-init") in routes:
            self.run_event("core:worker-one-init")

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
                errors.append(Diagnostic("parameter-value", message, line.pos))
                continue
            place(extra, param, value, line.pos)
        module.__dict__.update(extra.values)
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

    # -- the driver's side ----------------------------------------------------------------------------------------
    def receive(self, now: float, text: str, received: Received) -> None:
        """Deal with one message that arrived at `now` (Unix seconds); never raises for what the message holds."""
        timers = self.timers
        if now > timers.now:
            timers.now = now
        if received.proto == "udp":
            self.bind = received.socket
            if len(text) < MIN_DATAGRAM:
                return
            if not received.src_port:
                self.log.info("<core>", f"dropping 0 port packet from {received.src_ip}")
                return
        else:
            self.bind = None
            if received.connection and received.connection not in self.connections:
                self.connections[received.connection] = received
        if len(text) > MAX_MESSAGE:
            text = text[:MAX_MESSAGE]
        try:
            if self._msg_received is not None:
                arrived = self._run_msg_received(text, received)
                if arrived is None:
                    return
                text = arrived
            for hook in self.hooks.data_in:
                text = hook(text, received)
            self.message_number = number = self.message_number + 1
            try:
                msg = Message(text, received)
            except SipError as error:
                self._unparsable(text, received, error)
                return
            msg.number = number
            self._process(msg)
        except Exception as error:
            self.report(error)
        finally:
            if self.log.prefixed:
                self.log.begin(None)
            if self.cfg.selected:
                self.cfg.unselect_all()

    def _process(self, msg: Message) -> None:
        """The steps of receive_msg() behind parsing (core/receive.c)."""
        ctx = Context(self, msg, Route.REQUEST)
        hooks, statistics = self.hooks, self.statistics
        if self.log.prefixed:
            self.log.begin(ctx)
        if self._pre_routing is not None:
            self.run_top(self._pre_routing, ctx)
            if ctx.drop:
                return
        if msg.is_request:
            if not msg.is_sip and not self._accept_nonsip(ctx):
                return
            if not self._complete(msg, "request"):
                statistics.core("err_requests")
                return
            if msg.received.connection and self.tcp["accept_aliases"]:
                via = msg.top_via
                if via is not None and via.alias is not None:
                    self.add_stream_alias(msg.received, via.port or 5060)
            statistics.count_request(msg.method_id)
            for before in hooks.pre_script:
                if not before(ctx):
                    statistics.core("drop_requests")
                    return
            function = self._request_route
            if function is None:
                self.log.error("<core>", "no request_route {...} and no other config routing engine registered")
            elif self.run_top(function, ctx) < 0:
                self.log.warning("<core>", "error while trying script")
            for behind in hooks.post_script:
                behind(ctx)
            return
        if not self._complete(msg, "reply"):
            statistics.core("err_replies")
            return
        cseq = msg.cseq
        statistics.count_reply(msg.status, cseq.method if cseq is not None else "")
        ctx.route = Route.CORE_ONREPLY
        for before in hooks.pre_script:
            if not before(ctx):
                statistics.core("drop_replies")
                return
        function = self._reply_route
        if function is not None:
            code = self.run_top(function, ctx)
            if code < 0:
                self.log.warning("<core>", "error while trying onreply script")
                for behind in hooks.post_script:
                    behind(ctx)
                return
            if code == 0 or ctx.drop:
                statistics.core("drop_replies")
                for behind in hooks.post_script:
                    behind(ctx)
                return
        if own_first_via(ctx):
            for hook in hooks.reply_in:
                if hook(ctx):
                    break
            else:
                forward_reply(ctx)
        for behind in hooks.post_script:
            behind(ctx)

    def _accept_nonsip(self, ctx: Context) -> bool:
        """Whether a module wants a request of another protocol or version to be routed; by default they are dropped."""
        for hook in self.hooks.nonsip_request:
            verdict = hook(ctx)
            if verdict != 2:
                return verdict == 1
        return False

    def _complete(self, msg: Message, what: str) -> bool:
        """Whether the headers are there without which no route runs."""
        level = self.cfg.core["sip_parser_log"]
        if msg.top_via is None:
            self.log.write(level, "<core>", f"no via found in {what}")
            return False
        if not msg.complete:
            self.log.write(level, "<core>", f"required headers not found in {what}")
            return False
        return True

    def _unparsable(self, text: str, received: Received, error: SipError) -> None:
        for hook in self.hooks.not_sip:
            if hook(text, received):
                return
        source = f"{received.src_ip}:{received.src_port}/{received.proto}"
        self.log.write(
            self.cfg.core["sip_parser_log"], "<core>", f"core parsing of SIP message failed ({source}): {error}"
        )
        if (Route.EVENT, "core:receive-parse-error") in self.routes:
            msg = Message(FAKED_MESSAGE, received)
            msg.buf = text
            msg.number = self.message_number
            self.run_event("core:receive-parse-error", msg)

    def _run_msg_received(self, text: str, received: Received) -> str | None:
        """Run event_route[core:msg-received]; None: dropped. `$rcv(...)` reads `ctx.state["core:msg-received"]`."""
        ctx = self.context(self.faked_message())
        ctx.state["core:msg-received"] = seen = {"buf": text, "received": received}
        assert self._msg_received is not None
        self.run_top(self._msg_received, ctx)
        return None if ctx.drop else str(seen["buf"])

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

    # -- sending --------------------------------------------------------------------------------------------------
    def send(self, socket: ListenSocket, destination: Destination, text: str) -> None:
        """Put a message into the outbox. The hot path of forward, tm and sl: no checks, no onsend_route."""
        if self.hooks.data_out:
            for hook in self.hooks.data_out:
                text = hook(text, socket, destination)
        if self.stream_aliases and not destination.connection:
            connection = self.stream_aliases.get(destination[:3])
            if connection is not None:
                destination = destination._replace(connection=connection)
        self.outbox.append(Datagram(socket, destination, text))

    def add_stream_alias(self, source: Received, port: int) -> None:
        """Let what is sent to the sender's address and `port` use the stream it came over (tcpconn_add_alias)."""
        self.stream_aliases[source.proto, source.src_ip, port] = source.connection

    def run_onsend(
        self, ctx: Context, socket: ListenSocket, destination: Destination, text: str, *, reply: bool = False
    ) -> bool:
        """Run onsend_route over `ctx.msg` about to leave as `text`; False: the script dropped it (do not send).

        True at once when there is no onsend_route, and for replies (`reply`, or a reply in `ctx.msg`) unless
        onsend_route_reply is set.
        """
        function = self._onsend_route
        if function is None:
            return True
        if (reply or not ctx.msg.is_request) and not self.settings["onsend_route_reply"]:
            return True
        kept = ctx.route, ctx.rc, ctx.exited, ctx.drop, ctx.onsend
        ctx.route, ctx.onsend = Route.ONSEND, Datagram(socket, destination, text)
        for before in self.hooks.pre_script:
            if not before(ctx):
                ctx.route, ctx.rc, ctx.exited, ctx.drop, ctx.onsend = kept
                return False
        self.run_top(function, ctx)
        dropped = ctx.drop
        for behind in self.hooks.post_script:
            behind(ctx)
        ctx.route, ctx.rc, ctx.exited, ctx.drop, ctx.onsend = kept
        return not dropped

    def get_send_socket(self, destination: Destination, forced: ListenSocket | None = None) -> ListenSocket | None:
        """The socket that sends to `destination` (get_send_socket2): `forced` where it fits, else the default.

        For UDP the default is the socket that the current message came in by.
        """
        proto = destination.proto
        ipv6 = ":" in destination.ip
        if forced is not None:
            found: ListenSocket | None = forced
            if forced.proto != proto and not (forced.proto == "tls" and proto == "ws"):
                found = self.names.find_address(forced.address, forced.port, proto)
                if found is None:
                    self.log.warning(
                        "<core>", f"protocol/port mismatch (forced {forced.text}, to {proto}:{destination.ip})"
                    )
            if found is not None and found.ipv6 == ipv6:
                return found
        if proto == "udp":
            if self.settings["mhomed"] and self.environment.source_address is not None:
                own = self.environment.source_address(destination.ip)
                found = self.names.find_address(own, 0, "udp") if own else None
                if found is None:
                    self.log.error("<core>", f"no corresponding socket found for(udp:{destination.ip})")
                return found
            bind = self.bind
            if bind is not None and bind.ipv6 == ipv6:
                return bind
        return self.names.default(proto, ipv6)

    def default_socket(self, proto: str, ipv6: bool = False) -> ListenSocket | None:
        """The socket that sends for a transport and address family outside of any message."""
        return self.names.default(proto, ipv6)

    def find_socket(self, host: str, port: int, proto: str) -> ListenSocket | None:
        """The socket that listens on this address or advertises it (grep_sock_info); 0 and "" match any."""
        return self.names.find(host, port, proto)

    def is_myself(self, host: str, port: int = 0, proto: str = "") -> bool:
        """Whether host, port, transport name this server (check_self): sockets, aliases, `hooks.myself`.

        0 and "" match any.
        """
        if self.names.is_own(host, port, proto):
            return True
        return any(hook(host, port, proto) for hook in self.hooks.myself)

    @property
    def domain(self) -> str:
        """What this server is called: the config's first alias, else the address it listens on first."""
        for item in self.program.aliases:
            return item.names[0].hosts[0]
        return self.sockets[0].via_host if self.sockets else "localhost"

    # -- running routes -------------------------------------------------------------------------------------------
    def route_function(self, kind: Route, name: str) -> RouteFunction | None:
        """The compiled block, None when the config has none."""
        return self.routes.get((kind, name))

    def run_top(self, function: RouteFunction, ctx: Context) -> int:
        """Run a block as Kamailio's run_top_route does: `exit`/`drop` end it, `ctx.exited`/`ctx.drop` tell which.

        Returns the block's return code. A Python exception is logged with the config's file and line; then the
        result is -1 and `ctx.exited` is set. `ctx.route` must be set by the caller.
        """
        flags = ctx.script_flags
        ctx.script_flags = 0
        try:
            return run(function, ctx)
        except Exception as error:
            self.report(error)
            ctx.exited = True
            return -1
        finally:
            ctx.script_flags = flags

    def run_route(self, name: str, ctx: Context) -> int | None:
        """Run route[name] over `ctx` as a top route; None when there is no such block."""
        function = self.routes.get((Route.REQUEST, name))
        return None if function is None else self.run_top(function, ctx)

    def run_event(self, name: str, msg: Message | None = None, ctx: Context | None = None) -> Context | None:
        """Run event_route[name] over `ctx`, over a new context of `msg`, or over Kamailio's made-up OPTIONS.

        Returns the context it ran over (look at `drop`), None when the config has no such block. Event routes run as
        request routes, as most of Kamailio's do; with `ctx` its own kind stays.
        """
        function = self.routes.get((Route.EVENT, name))
        if function is None:
            return None
        if ctx is None:
            ctx = self.context(msg if msg is not None else self.faked_message())
        self.run_top(function, ctx)
        return ctx

    def context(self, msg: Message, route: Route = Route.REQUEST) -> Context:
        """A fresh context for running something over `msg`."""
        return Context(self, msg, route)

    def faked_message(self) -> Message:
        """A copy of the OPTIONS that routes see which run without a message."""
        faked = self._faked
        if faked is None:
            socket = self.sockets[0] if self.sockets else ListenSocket("udp", "127.0.0.1", 5060)
            faked = self._faked = Message(FAKED_MESSAGE, Received("udp", "127.0.0.1", 5060, "127.0.0.1", 5060, socket))
        return faked.clone()

    def report(self, error: BaseException) -> None:
        """Log an exception that a route or module raised, with the line of the config that led to it."""
        where = ""
        trace: TracebackType | None = error.__traceback__
        last = ""
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename in self.program.sources or code.co_filename == self.program.path:
                where = f"{code.co_filename}:{trace.tb_lineno}: in {code.co_name}: "
            last = f" ({code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno})"
            trace = trace.tb_next
        if isinstance(error, RecursionError):
            self.log.error("<core>", f"{where}too many recursive routing table lookups, giving up!")
            return
        self.log.critical("<core>", f"{where}{type(error).__name__}: {error}{last}")

    # -- modules --------------------------------------------------------------------------------------------------
    def module(self, name: str) -> Any:
        """The running module `name`. Raises NotLoaded when the config does not load it: in `start()` of a module that
        needs it, that refuses the start."""
        module = self.modules.get(name)
        if module is None or isinstance(module, Double):
            raise NotLoaded(name)
        return module

    def double(self, module: str, function: str, arity: int) -> DoubleCall:
        """What a call of a function runs that only the catalogue knows; asked for once per call site."""
        return self.doubles.call(module, function, arity)

    def double_pv(self, ref: PvRef) -> Accessor:
        """The accessor of a pseudo-variable that only the catalogue knows."""
        return self.doubles.pv(ref)

    def doubles_called(self) -> list[str]:
        """The functions that this config calls and nothing simulates, as `module: function/arity`."""
        return [f"{module}: {function}/{arity}" for module, function, arity in sorted(self.plan.doubles)]
