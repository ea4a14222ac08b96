"""What a route sees while it runs: the message, where it stands, and the state that lives as long as the message.

Kamailio keeps this in process-wide variables keyed by message id; here it is one object handed from call to call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from kamscript.core.avps import Avps
from kamscript.module import Accessor, Route
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.branches import Branch
    from kamscript.core.server import Server
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message


class Format(Protocol):
    """A text with pseudo-variables, ready to be expanded: `fmt(ctx) -> str`."""

    def __call__(self, ctx: Context, /) -> str: ...


#: A pseudo-variable that a function reads or writes.
Target = Accessor


class Context:
    """One run of a route (and what it calls) over one message.

    `route` is the kind of route now running; `rc` what `$rc` shows; `drop` is set by `drop`, `exited` by `exit` and
    `drop` (read by whoever started the route). `branches` is the destination set beside the request URI. `t` is tm's
    current transaction, None when not looked up or not found. `branch` is the branch index that branch, onreply and
    failure routes work on (-1: none). `state` holds what modules keep per message, keyed by module name.
    """

    __slots__ = (
        "avps",
        "branch",
        "branches",
        "drop",
        "exited",
        "msg",
        "onsend",
        "rc",
        "reply",
        "route",
        "ruri_consumed",
        "server",
        "state",
        "t",
        "xavis",
        "xavps",
        "xavus",
    )

    def __init__(self, server: Server, msg: Message, route: Route) -> None:
        self.server = server
        self.msg = msg
        self.route = route
        self.rc = 1
        self.drop = False
        self.exited = False
        self.branches: list[Branch] = []
        self.t: Transaction | None = None
        self.branch = -1
        self.reply: Message | None = None  #: the reply a failure route handles, or the one being relayed
        self.onsend: Any = None  #: core.sockets.Datagram about to leave, in onsend_route
        self.ruri_consumed = False  #: the request URI became a branch already (Kamailio's ruri_is_new, inverted)
        self.avps = Avps()
        self.xavps: dict[str, list[Any]] | None = None  #: made when first written; shared with the transaction
        self.xavus: dict[str, list[Any]] | None = None
        self.xavis: dict[str, list[Any]] | None = None
        self.state: dict[str, Any] = {}


__all__ = ["Accessor", "Context", "Format", "Target", "Value"]
