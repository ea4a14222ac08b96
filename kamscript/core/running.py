"""How a server runs route blocks and what they see without a message (core/action.c, core/fmsg.c). Part of `Server`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from kamscript.core.context import Context
from kamscript.core.sockets import ListenSocket, Received
from kamscript.module import Route
from kamscript.script.runtime import run
from kamscript.sip.message import Message

if TYPE_CHECKING:
    from types import TracebackType

    from kamscript.core.log import Log
    from kamscript.core.server import RouteFunction, Server
    from kamscript.script.program import Program

#: What event routes see that run without a message of their own.
FAKED_MESSAGE = (
    "OPTIONS sip:you@kamailio.org SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n"
    "From: <sip:you@kamailio.org>;tag=123\r\nTo: <sip:you@kamailio.org>\r\n"
    "Call-ID: 123\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
#: Where it came in: nowhere.
NO_SOCKET = ListenSocket("udp", "", 0)


class Running:
    """The script side of a server; see `Server` for the attributes."""

    program: Program
    log: Log
    routes: Mapping[tuple[Route, str], RouteFunction]
    _faked: Message | None

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
        return Context(cast("Server", self), msg, route)

    def faked_message(self) -> Message:
        """A new copy of the OPTIONS that routes see which run without a message; `$mi` counts them by themselves.

        It came from nowhere: no listen socket, and a source address whose bytes the daemon has the wrong way round.
        """
        faked = self._faked
        if faked is None:
            faked = self._faked = Message(
                FAKED_MESSAGE, Received("udp", "1.0.0.127", 5060, "1.0.0.127", 5060, NO_SOCKET)
            )
        faked.number += 1
        return faked.clone()

    def report(self, error: BaseException) -> None:
        """Log an exception that a route or module raised, with the line of the config that led to it."""
        where = ""
        trace: TracebackType | None = error.__traceback__
        last = ""
        while trace is not None:
            code = trace.tb_frame.f_code
            path = self.program.source_of(code)
            if path is not None:
                where = f"{path}:{trace.tb_lineno}: in {code.co_name}: "
            last = f" ({code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno})"
            trace = trace.tb_next
        if isinstance(error, RecursionError):
            self.log.error("<core>", f"{where}too many recursive routing table lookups, giving up!")
            return
        self.log.critical("<core>", f"{where}{type(error).__name__}: {error}{last}")
