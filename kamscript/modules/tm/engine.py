"""What every part of tm stands on: the tables, the settings, counting, sending, telling callbacks.

The parts are layers, each a class on top of the one before; a layer calls down freely and up only through the
methods declared here:

    Engine > Table (matching) > Timers > Sending (local replies) > Cancelling > Deciding (picking, failure routes)
    > Replies (from downstream) > Newtran (new transactions) > Branches (building, sending, failover)
    > Relay (forwarding) > Uac (requests of this server) > Suspend > Serial (serial forking)
    > Functions (script) > Commands (RPC) > Selects > Tm
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.context import Context
from kamscript.module import Module, Route
from kamscript.modules.tm.api import TmApi
from kamscript.modules.tm.callbacks import TMCB_LOCAL_REQUEST_IN, TMCB_REQUEST_IN, TmcbParams
from kamscript.modules.tm.transaction import ClientBranch, Outgoing, Transaction

if TYPE_CHECKING:
    from collections import deque

    from kamscript.core.server import Server
    from kamscript.core.sockets import Destination
    from kamscript.modules.tm.callbacks import TransactionCallback
    from kamscript.sip.message import Message


class Counts:
    """What tm counts since the start (t_stats.h)."""

    __slots__ = (
        "completed",
        "created",
        "deleted",
        "freed",
        "generated",
        "local",
        "received",
        "sent",
        "total",
        "waiting",
    )

    def __init__(self) -> None:
        self.waiting = self.total = self.local = self.received = self.generated = self.sent = 0
        self.deleted = self.created = self.freed = 0
        self.completed = [0] * 10  #: by class of the reply


class Pending:
    """What the script armed before its transaction exists (Kamailio's goto_on_* and user_* variables)."""

    __slots__ = (
        "callbacks",
        "fr",
        "fr_inv",
        "inv_lifetime",
        "noninv_lifetime",
        "on_branch",
        "on_branch_failure",
        "on_failure",
        "on_reply",
        "reset_flags",
        "retr1",
        "retr2",
        "set_flags",
    )

    def __init__(self) -> None:
        self.on_failure = self.on_reply = self.on_branch = self.on_branch_failure = ""
        self.fr = self.fr_inv = self.retr1 = self.retr2 = self.inv_lifetime = self.noninv_lifetime = 0.0
        self.set_flags = self.reset_flags = 0
        self.callbacks: list[tuple[int, TransactionCallback, Any]] = []


def pending(ctx: Context) -> Pending:
    """The armed settings of the current message, made when first needed."""
    armed: Pending | None = ctx.state.get("tm")
    if armed is None:
        armed = ctx.state["tm"] = Pending()
    return armed


class Engine(TmApi, Module):
    """Tables, settings and the calls upwards."""

    # Module parameters that are read outside the cfg group; declared with their defaults in `params.py`.
    remap_503_500: int
    failure_reply_mode: int
    faked_reply_prio: int
    failure_exec_mode: int
    exec_time_check: int
    reply_relay_mode: int
    dns_reuse_rcv_socket: int
    rich_redirect: int

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.cfg: dict[str, Any] = {}
        self.counts = Counts()
        self.by_key: dict[tuple[str, str], Transaction] = {}
        self.by_branch: dict[str, Transaction] = {}
        self.by_ident: dict[tuple[int, int], Transaction] = {}
        self.on_wait: deque[Transaction]
        self.request_in: list[tuple[int, TransactionCallback, Any]] = []
        self.local_request_in: list[tuple[int, TransactionCallback, Any]] = []
        self.next_label = 0
        self.picked = -1  #: the branch whose reply failure handling works on
        self.drop_replies = 0
        self.tag_prefix = ""

    def picked_branch(self) -> int:
        """See `TmApi`."""
        return self.picked

    # -- contexts -------------------------------------------------------------------------------------------------
    def enter(self, ctx: Context, t: Transaction) -> None:
        """Let `ctx` work on `t`: its lists become the context's."""
        ctx.t = t
        if t.avps is not None:
            ctx.avps = t.avps
        ctx.xavps, ctx.xavus, ctx.xavis = t.xavps, t.xavus, t.xavis

    def context_of(self, t: Transaction, msg: Message | None = None, route: Route = Route.REQUEST) -> Context:
        """A context over the request of `t` (or another message) with the lists of `t`."""
        message = msg if msg is not None else t.request
        assert message is not None
        ctx = Context(self.server, message, route)
        self.enter(ctx, t)
        return ctx

    # -- callbacks ------------------------------------------------------------------------------------------------
    def register_tmcb(
        self,
        types: int,
        callback: TransactionCallback,
        *,
        t: Transaction | None = None,
        ctx: Context | None = None,
        param: Any = None,
    ) -> None:
        """See `TmApi`. Callbacks are told newest first, as in Kamailio."""
        entry = (types, callback, param)
        if types == TMCB_REQUEST_IN:
            self.request_in.insert(0, entry)
            return
        if types == TMCB_LOCAL_REQUEST_IN:
            self.local_request_in.insert(0, entry)
            return
        if types & (TMCB_REQUEST_IN | TMCB_LOCAL_REQUEST_IN):
            raise ValueError("REQUEST_IN callbacks are registered alone")
        if t is None:
            if ctx is None:
                raise ValueError("no transaction and no context given")
            t = ctx.t
        if t is not None:
            t.types |= types
            t.callbacks.insert(0, entry)
        else:
            assert ctx is not None
            pending(ctx).callbacks.insert(0, entry)

    def tell(
        self,
        kind: int,
        t: Transaction,
        ctx: Context | None,
        request: Message | None,
        reply: Message | None = None,
        code: int = 0,
        branch: int = -1,
        flags: int = 0,
        text: str = "",
        destination: Destination | None = None,
    ) -> None:
        """Tell who listens for `kind`; callers look at `t.types & kind` first."""
        if ctx is None:
            message = request or reply or t.request
            if message is None:
                ctx = self._bare_context(t)
            else:
                ctx = self.context_of(t, message)
        kept = (ctx.t, ctx.avps, ctx.xavps, ctx.xavus, ctx.xavis)
        self.enter(ctx, t)
        params = TmcbParams(ctx, request, reply, code, branch, flags, text, destination)
        for types, callback, param in tuple(t.callbacks):
            if types & kind:
                params.param = param
                callback(t, kind, params)
        ctx.t, ctx.avps, ctx.xavps, ctx.xavus, ctx.xavis = kept

    def _bare_context(self, t: Transaction) -> Context:
        """A context when there is no message at all: a request of this server that nobody answered."""
        first = t.branches[0].text if t.branches else ""
        ctx = Context(self.server, self.parse(first), Route.LOCAL)
        self.enter(ctx, t)
        return ctx

    def parse(self, text: str) -> Message:
        """`text`, which this server wrote, as a message."""
        from kamscript.sip.message import Message

        return Message(text)

    # -- calls upwards --------------------------------------------------------------------------------------------
    def on_timer(self, out: Outgoing) -> None:
        """A retransmission timer fired."""
        raise NotImplementedError

    def fake_reply(self, t: Transaction, branch: ClientBranch, code: int) -> None:
        """Act as if the branch had replied `code`."""
        raise NotImplementedError

    def failover(self, t: Transaction, branch: ClientBranch, ctx: Context | None = None) -> int:
        """Try the branch's next address: the new branch's index, or <0."""
        raise NotImplementedError

    def kill(self, t: Transaction, error: int, ctx: Context | None = None) -> int:
        """Reply to the request with what the error leads to; >0 replied."""
        raise NotImplementedError
