"""tmx: more of tm: `$T...` variables, suspending, acting on other transactions (tmx/tmx_mod.c, t_var.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from kamscript.core.context import Context
from kamscript.core.errors import reason_phrase
from kamscript.core.running import NO_SOCKET
from kamscript.module import (
    Accessor,
    Fixup,
    FixupError,
    Int,
    Module,
    Param,
    PvRef,
    Route,
    Statistic,
    Str,
    function,
    pv,
    pv_class,
)
from kamscript.modules.tm.transaction import FakedReply
from kamscript.script.bind import Shown

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.modules.tm import Tm
    from kamscript.modules.tm.transaction import ClientBranch, Transaction
    from kamscript.sip.message import Message
    from kamscript.values import Value

_ALL, _OTHERS, _THIS = 0, 1, 2
_FAILED: Final = Route.FAILURE | Route.BRANCH_FAILURE


def _blank(get: Callable[[Context], Value]) -> Accessor:
    """A pseudo-variable whose getter fails in Kamailio: null in expressions, printed as nothing at all."""

    def expand(ctx: Context) -> str:
        value = get(ctx)
        return "" if value is None else str(value)

    return Shown(get, expand)


class _Which(Fixup):
    """`all`, `others` or `this`."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        found = {"all": _ALL, "others": _OTHERS, "this": _THIS}.get(text.lower())
        if found is None:
            raise FixupError(f'invalid param "{text}"')
        return found


if TYPE_CHECKING:
    Which = int
else:
    Which = Annotated[int, _Which()]


class Tmx(Module, name="tmx", requires=("tm",), after=("tm",)):
    """More functions and variables for transactions."""

    precheck_trans = Param(1, "Keep a list of requests in work for t_precheck_trans().")

    uas_transactions = Statistic("UAS_transactions", "Transactions made by received requests.", read="_total")
    uac_transactions = Statistic("UAC_transactions", "Transactions made by requests of this server.", read="_local")
    t2xx = Statistic("2xx_transactions", "Transactions completed with 2xx.", read="_2xx")
    t3xx = Statistic("3xx_transactions", "Transactions completed with 3xx.", read="_3xx")
    t4xx = Statistic("4xx_transactions", "Transactions completed with 4xx.", read="_4xx")
    t5xx = Statistic("5xx_transactions", "Transactions completed with 5xx.", read="_5xx")
    t6xx = Statistic("6xx_transactions", "Transactions completed with 6xx.", read="_6xx")
    inuse = Statistic("inuse_transactions", "Transactions in memory.", read="_inuse")
    active = Statistic("active_transactions", "Transactions that are not waiting for their end.", read="_active")
    rpl_received = Statistic("rpl_received", "Replies received.", read="_received")
    rpl_absorbed = Statistic("rpl_absorbed", "Replies received and not relayed.", read="_absorbed")
    rpl_generated = Statistic("rpl_generated", "Replies made here.", read="_generated")
    rpl_relayed = Statistic("rpl_relayed", "Replies relayed.", read="_relayed")
    rpl_sent = Statistic("rpl_sent", "Replies sent.", read="_sent")

    def start(self) -> None:
        """Reach tm."""
        tm = self.server.modules.get("tm")
        if tm is None:
            raise FixupError("can't load TM API")
        self.tm: Tm = tm  # type: ignore[assignment]

    # -- statistics -----------------------------------------------------------------------------------------------
    def _total(self) -> int:
        return self.tm.counts.total

    def _local(self) -> int:
        return self.tm.counts.local

    def _2xx(self) -> int:
        return self.tm.counts.completed[2]

    def _3xx(self) -> int:
        return self.tm.counts.completed[3]

    def _4xx(self) -> int:
        return self.tm.counts.completed[4]

    def _5xx(self) -> int:
        return self.tm.counts.completed[5]

    def _6xx(self) -> int:
        return self.tm.stats().completed[6]

    def _inuse(self) -> int:
        return self.tm.counts.total - self.tm.counts.deleted

    def _active(self) -> int:
        return self.tm.counts.total - self.tm.counts.waiting

    def _received(self) -> int:
        return self.tm.counts.received

    def _absorbed(self) -> int:
        return self.tm.counts.received - self._relayed()

    def _generated(self) -> int:
        return self.tm.counts.generated

    def _relayed(self) -> int:
        return self.tm.counts.sent - self.tm.counts.generated

    def _sent(self) -> int:
        return self.tm.counts.sent

    # -- suspending -----------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def t_suspend(self, ctx: Context) -> int:
        """Freeze the request's transaction (made if there is none): `$T(id_index)`, `$T(id_label)` name it."""
        if ctx.route & Route.LOCAL or ctx.msg.received.socket is NO_SOCKET:
            self.server.log.error("tmx", "suspending a faked request is not allowed")
            return -1
        if ctx.t is None and (self.tm.newtran(ctx) < 0 or ctx.t is None):
            self.server.log.error("tmx", "cannot create the transaction")
            return -1
        if self.tm.suspend(ctx) is None:
            self.server.log.error("tmx", "failed to suspend the processing")
            return -1
        return 1

    @function(Route.ANY)
    def t_continue(self, ctx: Context, index: Int, label: Int, route: Str) -> int:
        """Go on with a suspended transaction in a route block."""
        if self.server.route_function(Route.REQUEST, route) is None:
            self.server.log.error("tmx", f"empty action lists in route block [{route}]")
            return -1
        if self.tm.continue_(index & 0xFFFFFFFF, label & 0xFFFFFFFF, route) < 0:
            self.server.log.warning("tmx", f"resuming the processing of transaction [{index}:{label}] failed")
            return -1
        return 1

    @function(Route.REQUEST | Route.EVENT)
    def t_reuse_branch(self, ctx: Context) -> int:
        """In event_route[tm:branch-failure:...]: make the failed branch's contact the destination again."""
        t = ctx.t
        if t is None or ctx.route is not Route.BRANCH_FAILURE or not 0 <= ctx.branch < len(t.branches):
            self.server.log.error("tmx", "no failed branch to reuse")
            return -1
        branch, msg = t.branches[ctx.branch], ctx.msg
        msg.new_uri = branch.uri
        msg.ruid, msg.path, msg.instance = branch.ruid, branch.path, branch.instance
        ctx.bflags = branch.branch_flags
        ctx.ruri_consumed = False
        return 1

    # -- acting on transactions -----------------------------------------------------------------------------------
    @function(Route.ONREPLY)
    def t_cancel_branches(self, ctx: Context, which: Which) -> int:
        """Cancel "all" branches, the "others" than the one of this reply, or "this".

        As in Kamailio "this" cancels all of them too: preparing overwrites the choice.
        """
        t = ctx.t
        if t is None or not t.is_invite:
            return -1
        final = ctx.msg.status >= 200
        if which == _THIS:
            if final:
                return -1
            claimed = self.tm.prepare_to_cancel(t)
        else:
            claimed = self.tm.prepare_to_cancel(t, ctx.branch if which == _OTHERS or final else -1)
        if not claimed:
            return -1
        self.tm.cancel_claimed(t, claimed, 0, 0)
        return 1

    @function(Route.ANY)
    def t_cancel_callid(self, ctx: Context, callid: Str, cseq: Str, flag: Int, reason: Int = 0) -> int:
        """Cancel the INVITE with this Call-ID and CSeq number; set a message flag in it; tell a Reason code."""
        t = self.tm.lookup_callid(callid, cseq)
        if t is None:
            return -1
        if t.request is not None and 0 < flag < 32:
            t.request.flags |= 1 << flag
        self.tm.cancel_all(t, reason=reason if 100 <= reason <= 699 else 0)
        return 1

    @function(Route.ANY, since="6.x")
    def t_cancel_branch_idx(self, ctx: Context, index: Int, label: Int, branch: Int) -> int:
        """Cancel one branch of the INVITE transaction named by index and label."""
        t = self.tm.lookup_ident(index & 0xFFFFFFFF, label & 0xFFFFFFFF)
        if t is None or not t.is_invite or not 0 <= branch < len(t.branches):
            return -1
        if not self.tm.prepare_cancel(t.branches[branch]):
            return -1
        self.tm.cancel_claimed(t, [t.branches[branch]], 0, 0)
        return 1

    @function(Route.ANY)
    def t_reply_callid(self, ctx: Context, callid: Str, cseq: Str, code: Int, reason: Str) -> int:
        """Reply to the INVITE with this Call-ID and CSeq number."""
        t = self.tm.lookup_callid(callid, cseq)
        if t is None or t.request is None:
            return -1
        return 1 if self.tm.reply_trans(t, code, reason) > 0 else -1

    @function(Route.ANY, since="6.x")
    def t_uac_ack_local(self, ctx: Context, callid: Str, cseq: Str, headers: Str = "", body: Str = "") -> int:
        """Acknowledge the 2xx to an INVITE of this server that was sent without automatic ACK."""
        t = self.tm.lookup_callid(callid, cseq)
        if t is None:
            return -1
        return 1 if self.tm.ack_request(t, headers=headers, body=body) == 0 else -1

    @function(Route.ANY, since="5.6")
    def t_drop(self, ctx: Context, code: Int = 500) -> int:
        """Let the transaction go without a reply; `code` is what it counts as having sent. Ends the script."""
        t = ctx.t
        if t is None:
            self.server.log.error("tmx", "no transaction")
            return -1
        t.status = code
        self.tm.release(t)
        return 0

    @function(Route.REQUEST)
    def t_precheck_trans(self, ctx: Context) -> int:
        """Whether the same request is being worked on right now: never here, where one message follows the other.

        -1 it is not; -2 it cannot be told (ACK, CANCEL, or `precheck_trans` off).
        """
        if not self.precheck_trans:
            self.server.log.error("tmx", "pretran hash table not initialized yet")
            return -2
        msg = ctx.msg
        from_ = msg.from_
        if msg.method in ("ACK", "CANCEL") or from_ is None or not from_.tag or not msg.callid:
            return -2
        return -1

    # -- flags ----------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def t_flush_flags(self, ctx: Context) -> int:
        """Copy the message flags to the transaction now."""
        return self._flush(ctx, "flags")

    @function(Route.ANY, since="5.6")
    def t_flush_xflags(self, ctx: Context) -> int:
        """Copy the extended message flags to the transaction now."""
        return self._flush(ctx, "xflags")

    def _flush(self, ctx: Context, name: str) -> int:
        t = ctx.t
        if t is None or t.request is None:
            self.server.log.error("tmx", "failed to flush flags - no transaction found")
            return -1
        setattr(t.request, name, getattr(ctx.msg, name))
        return 1

    def _branch(self, ctx: Context) -> ClientBranch | None:
        t = ctx.t
        if t is None or not 0 <= ctx.branch < len(t.branches):
            return None
        return t.branches[ctx.branch]

    @function(Route.ANY, since="6.x")
    def t_vbflag_set(self, ctx: Context, flag: Int) -> int:
        """Set a branch flag of the branch that this route works on."""
        branch = self._branch(ctx)
        if branch is None or not 0 <= flag < 32:
            return -1
        branch.branch_flags |= 1 << flag
        ctx.bflags |= 1 << flag
        return 1

    @function(Route.ANY, since="6.x")
    def t_vbflag_reset(self, ctx: Context, flag: Int) -> int:
        """Clear a branch flag of the branch that this route works on."""
        branch = self._branch(ctx)
        if branch is None or not 0 <= flag < 32:
            return -1
        branch.branch_flags &= ~(1 << flag)
        ctx.bflags &= ~(1 << flag)
        return 1

    @function(Route.ANY, since="6.x")
    def t_vbflag_is_set(self, ctx: Context, flag: Int) -> bool:
        """Whether a branch flag of the branch that this route works on is set."""
        branch = self._branch(ctx)
        return branch is not None and 0 <= flag < 32 and bool(branch.branch_flags >> flag & 1)

    # -- where am I -----------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def t_is_failure_route(self, ctx: Context) -> bool:
        """Whether this runs as a failure_route."""
        return ctx.route is Route.FAILURE

    @function(Route.ANY)
    def t_is_branch_route(self, ctx: Context) -> bool:
        """Whether this runs as a branch_route."""
        return ctx.route is Route.BRANCH

    @function(Route.ANY)
    def t_is_reply_route(self, ctx: Context) -> bool:
        """Whether this runs as a reply_route or onreply_route."""
        return bool(ctx.route & Route.ONREPLY)

    @function(Route.ANY)
    def t_is_request_route(self, ctx: Context) -> bool:
        """Whether this runs as a request_route."""
        return ctx.route is Route.REQUEST

    # -- $T_... ---------------------------------------------------------------------------------------------------
    @pv("T_branch_idx")
    def branch_index(self, ctx: Context) -> Value:
        """The index of the branch this route works on; in request and failure routes that of the next one."""
        if not ctx.msg.is_request:
            return -1 if ctx.route is Route.CORE_ONREPLY else ctx.branch
        if ctx.route & (Route.BRANCH | Route.BRANCH_FAILURE):
            return ctx.branch
        if ctx.route is Route.REQUEST:
            return len(ctx.branches)
        if ctx.route is Route.FAILURE:
            return len(ctx.t.branches) + len(ctx.branches) if ctx.t is not None else None
        return -1

    @pv("T_reply_code")
    def reply_code(self, ctx: Context) -> Value:
        """The reply's code; the one sent last in request and branch routes; the picked one in failure routes."""
        if ctx.route & Route.ONREPLY:
            return ctx.msg.status
        t = self.tm.check(ctx)
        if t is None:
            return 0
        if ctx.route & (Route.REQUEST | Route.BRANCH):
            return t.status
        if ctx.route & _FAILED:
            branch = self._picked(t)
            return branch.last_received if branch is not None else 0
        self.server.log.info("tmx", f"unsupported route_type {int(ctx.route)} - code set to 0")
        return 0

    def _picked(self, t: Transaction) -> ClientBranch | None:
        picked = self.tm.picked
        if not 0 <= picked < len(t.branches):
            self.server.log.critical("tmx", f"no picked branch ({picked}) for a final response in MODE_ONFAILURE")
            return None
        return t.branches[picked]

    @pv_class("T_reply_reason")
    def reply_reason(self, ref: PvRef) -> Accessor:
        """The reply's reason phrase, in reply and failure routes; elsewhere null, which prints nothing at all."""
        return _blank(self._reply_reason)

    def _reply_reason(self, ctx: Context) -> Value:
        t = self.tm.check(ctx)
        if t is None:
            return ""
        if ctx.route is Route.CORE_ONREPLY:
            # Kamailio lets go of the transaction here.
            ctx.t, ctx.branch = None, -1
        if ctx.route & Route.ONREPLY:
            return ctx.msg.reason
        if ctx.route is not Route.FAILURE:
            self.server.log.error("tmx", f"unsupported route_type {int(ctx.route)}")
            return None
        branch = self._picked(t)
        if branch is None or branch.reply is None:
            return None
        reply = branch.reply
        return reason_phrase(branch.last_received) if isinstance(reply, FakedReply) else reply.reason

    @pv_class("T_reply_last")
    def reply_last(self, ref: PvRef) -> Accessor:
        """The branch's last reply code, in onreply routes; elsewhere null, which prints nothing at all."""
        return _blank(self._reply_last)

    def _reply_last(self, ctx: Context) -> Value:
        branch = self._branch(ctx) if ctx.route is Route.TM_ONREPLY else None
        if branch is None:
            self.server.log.error("tmx", f"unsupported route_type {int(ctx.route)}")
            return None
        return branch.last_received

    @pv("T_reply_ruid")
    def reply_ruid(self, ctx: Context) -> Value:
        """The usrloc record id of the branch that replied."""
        t = self.tm.check(ctx)
        if t is None:
            return ""
        branch = self._picked(t) if ctx.route & _FAILED else self._branch(ctx)
        return branch.ruid if branch is not None else ""

    @pv_class("T")
    def transaction_attribute(self, ref: PvRef) -> Accessor:
        """`$T(id_index)`, `id_label`, `id_index_n`, `id_label_n` (these make the transaction), `reply_code`,
        `reply_reason`, `reply_type` (1: made here), `branch_index`."""
        getters: dict[str, Callable[[Context], Value]] = {
            "id_index": self._id_index,
            "id_label": self._id_label,
            "id_index_n": self._id_index_n,
            "id_label_n": self._id_label_n,
            "reply_code": self.reply_code,
            "reply_reason": self._reply_reason,
            "reply_type": self._reply_type,
            "branch_index": self.branch_index,
        }
        if not isinstance(ref.inner, str) or ref.inner not in getters:
            raise FixupError(f"unknown PV name {ref.inner}")
        getter = getters[ref.inner]
        return _blank(getter) if ref.inner == "reply_reason" else Accessor(getter)

    def _id_index(self, ctx: Context) -> Value:
        return ctx.t.index if ctx.t is not None else None

    def _id_label(self, ctx: Context) -> Value:
        return ctx.t.label if ctx.t is not None else None

    def _made(self, ctx: Context) -> Transaction | None:
        if ctx.t is None and self.tm.newtran(ctx) < 0:
            self.server.log.error("tmx", "cannot create the transaction")
        return ctx.t

    def _id_index_n(self, ctx: Context) -> Value:
        t = self._made(ctx)
        return t.index if t is not None else None

    def _id_label_n(self, ctx: Context) -> Value:
        t = self._made(ctx)
        return t.label if t is not None else None

    def _reply_type(self, ctx: Context) -> Value:
        t = ctx.t
        if t is None:
            return None
        if ctx.route is Route.FAILURE and 0 <= self.tm.picked < len(t.branches):
            return int(isinstance(t.branches[self.tm.picked].reply, FakedReply))
        return 0

    @pv_class("T_branch")
    def branch_attribute(self, ref: PvRef) -> Accessor:
        """`$T_branch(flags)`, `uri`, `ruid` of the branch that replied or failed."""
        getters: dict[str, Callable[[Context], Value]] = {
            "flags": self._branch_flags,
            "uri": self._branch_uri,
            "ruid": self._branch_ruid,
        }
        if not isinstance(ref.inner, str) or ref.inner not in getters:
            raise FixupError(f"unknown PV name {ref.inner}")
        return Accessor(getters[ref.inner])

    def _branch_flags(self, ctx: Context) -> Value:
        t = ctx.t
        if t is None:
            return None
        if ctx.route & _FAILED:
            branch = self._picked(t)
        elif ctx.route is Route.TM_ONREPLY:
            branch = self._branch(ctx)
        else:
            self.server.log.error("tmx", f"unsupported route_type {int(ctx.route)}")
            return None
        return branch.branch_flags if branch is not None else None

    def _branch_uri(self, ctx: Context) -> Value:
        if ctx.t is None:
            return None
        if ctx.route is not Route.TM_ONREPLY:
            self.server.log.error("tmx", f"$T_branch(uri) - unsupported route_type {int(ctx.route)}")
            return None
        branch = self._branch(ctx)
        return branch.uri if branch is not None else None

    def _branch_ruid(self, ctx: Context) -> Value:
        if ctx.t is None:
            return None
        return self.reply_ruid(ctx) if ctx.route is not Route.BRANCH else ctx.msg.ruid

    # -- other messages of the transaction ------------------------------------------------------------------------
    @pv_class("T_req")
    def of_request(self, ref: PvRef) -> Accessor:
        """A variable over the transaction's request, in reply routes."""
        return self._over(ref, self._request)

    @pv_class("T_rpl")
    def of_reply(self, ref: PvRef) -> Accessor:
        """A variable over the picked reply, in failure routes."""
        return self._over(ref, self._reply)

    @pv_class("T_inv")
    def of_invite(self, ref: PvRef) -> Accessor:
        """A variable over the INVITE that a CANCEL is for, in request routes."""
        return self._over(ref, self._invite)

    def _over(self, ref: PvRef, message: Callable[[Context], Message | None]) -> Accessor:
        inner: Any = ref.inner
        if not isinstance(inner, Accessor):
            raise FixupError(f"invalid pv name [{inner}]")
        read = inner.get
        key = "tmx." + ref.name

        def get(ctx: Context) -> Value:
            found = message(ctx)
            if found is None:
                return None
            other: Context | None = ctx.state.get(key)
            if other is None or other.msg.buf is not found.buf:
                other = ctx.state[key] = Context(ctx.server, _as_received(found), ctx.route)
            other.avps, other.xavps, other.xavus, other.xavis = ctx.avps, ctx.xavps, ctx.xavus, ctx.xavis
            return read(other)

        return Accessor(get)

    def _request(self, ctx: Context) -> Message | None:
        if not ctx.route & Route.ONREPLY or ctx.msg.is_request:
            return None
        t = self.tm.check(ctx)
        return t.request if t is not None else None

    def _reply(self, ctx: Context) -> Message | None:
        t = ctx.t
        if t is None or not ctx.route & _FAILED or not 0 <= self.tm.picked < len(t.branches):
            return None
        reply = t.branches[self.tm.picked].reply
        return None if reply is None or isinstance(reply, FakedReply) else reply

    def _invite(self, ctx: Context) -> Message | None:
        if ctx.route is not Route.REQUEST or ctx.msg.method != "CANCEL":
            return None
        t = self.tm.match_canceled(ctx.msg)
        return t.request if t is not None else None


def _as_received(msg: Message) -> Message:
    """A message as it arrived, without what routing decided; its flags stay."""
    fresh = msg.clone()
    fresh.new_uri = None
    fresh.dst_uri = fresh.path = fresh.instance = fresh.ruid = fresh.location_ua = ""
    if fresh.has_edits:
        fresh.edits.clear()
    return fresh
