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
    from kamscript.core.sockets import Datagram
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message


class Format(Protocol):
    """A text with pseudo-variables, ready to be expanded: `fmt(ctx) -> str`."""

    def __call__(self, ctx: Context, /) -> str: ...


#: A pseudo-variable that a function reads or writes.
Target = Accessor

#: Values of an extended AVP: a dict is an XAVP with fields of its own (name -> values, newest first).
Xavps = dict[str, list[Any]]


class Context:
    """One run of a route (and what it calls) over one message.

    route         the kind of route now running
    rc            what `$rc` shows
    drop, exited  set by `drop`, and by `exit` and `drop`: for whoever started the route
    branches      the destination set beside the request URI
    bflags        branch flags of the request URI itself (branch 0); `ruri_q` its q in thousandths, -1 unset
    script_flags  setsflag() and its kin
    t             tm's current transaction, None when not looked up or not found
    branch        the branch index that branch, onreply and failure routes work on (-1: none)
    reply         the reply that a failure route handles, or the one being relayed
    onsend        the Datagram about to leave, in onsend_route
    ruri_consumed the request URI became a branch already (Kamailio's ruri_is_new, inverted)
    ser_error     the last error of forwarding or relaying (core.errors), 0 none
    fwd_flags, rpl_flags    SEND_* flags for the request when it is sent on, and for replies to it
    avps          AVPs; xavps, xavus, xavis    extended ones, None until first written
    state         what modules keep per message, by module name
    """

    __slots__ = (
        "avps",
        "bflags",
        "branch",
        "branches",
        "drop",
        "exited",
        "fwd_flags",
        "msg",
        "onsend",
        "rc",
        "reply",
        "route",
        "rpl_flags",
        "ruri_consumed",
        "ruri_q",
        "script_flags",
        "ser_error",
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
        self.drop = self.exited = self.ruri_consumed = False
        self.branches: list[Branch] = []
        self.bflags = self.script_flags = self.ser_error = self.fwd_flags = self.rpl_flags = 0
        self.ruri_q = self.branch = -1
        self.t: Transaction | None = None
        self.reply: Message | None = None
        self.onsend: Datagram | None = None
        self.avps = Avps()
        self.xavps: Xavps | None = None
        self.xavus: Xavps | None = None
        self.xavis: Xavps | None = None
        self.state: dict[str, Any] = {}


__all__ = ["Accessor", "Context", "Format", "Target", "Value", "Xavps"]
