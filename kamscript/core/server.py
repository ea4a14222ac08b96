"""One running server without I/O: a message in, a route run, messages out.

The driver (lab, live, replay) calls `receive` with what arrived and `fire` when a deadline has come, always saying
what time it is, and afterwards takes what is to be sent from `outbox`. Nothing in here blocks or looks at a clock.

    server = Server(program, environment)
    server.start()
    server.receive(now, text, received)
    for datagram in server.take_outbox(): ...
    deadline = server.timers.next_deadline()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.core.context import Context
from kamscript.core.environment import Environment, LogRecord
from kamscript.core.rpc import RpcCommands
from kamscript.core.sockets import Datagram, Destination, ListenSocket, Received
from kamscript.core.statistics import Statistics
from kamscript.core.timers import Timers
from kamscript.module import Module, Route

if TYPE_CHECKING:
    from kamscript.script.compile import Program
    from kamscript.sip.message import Message

RouteFunction = Callable[[Context], int]


class Server:
    """A config, started. Several stand side by side in one process.

    Attributes that modules use:
      settings    core parameters by name, defaults filled in (`settings["children"]`)
      modules     loaded modules by name, in load order
      routes      (kind, name) -> function; the main request route is (Route.REQUEST, "")
      sockets     the `listen` addresses; `default_socket(proto)` the first of a protocol
      timers      deadlines; `timers.now` is the current Unix time
      statistics  every counter by group and name
      rpc         every RPC command
      cfg         run-time settings by group (core, tm, registrar, the config's own) as the cfg framework holds them
      hooks       lists of callables that modules add to: see `Hooks`
      shared      objects that modules publish for others, by name (what C modules do with `load_xxx` bindings)
    """
