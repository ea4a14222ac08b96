"""The transaction table: which transaction a request, an ACK, a CANCEL or a reply belongs to (tm/t_lookup.c).

Transactions hang on two dictionaries: by Call-ID and CSeq number (requests), and by the part of our branch parameter
that its branches share (replies). Where several share a key (an INVITE and its CANCEL), they are chained, oldest
first. Requests with the RFC 3261 cookie match by top Via, others as RFC 2543 says (`ruri_matching`, `via1_matching`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core.build import branch_base, from_reverse_hex
from kamscript.modules.tm.callbacks import (
    TMCB_DESTROY,
    TMCB_E2EACK_IN,
    TMCB_E2EACK_RETR_IN,
    TMCB_LOCAL_RESPONSE_IN,
    TMCB_RESPONSE_IN,
    TmcbParams,
)
from kamscript.modules.tm.engine import Engine
from kamscript.modules.tm.transaction import KR_EXISTED, LOCAL_REPLY, Transaction

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.sip.message import Message
    from kamscript.sip.via import Via

COOKIE: Final = "z9hG4bK"

# What a look-up finds.
FOUND: Final = 1
NOT_FOUND: Final = -1
E2E_ACK: Final = -2
BAD: Final = 0

#: The methods that Kamailio tells apart, in the order of their bits (METHOD_*); all others are one to it.
METHODS: Final = (
    "INVITE", "CANCEL", "ACK", "BYE", "INFO", "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "OPTIONS", "PRACK",
    "UPDATE", "REFER", "PUBLISH", "KDMQ", "GET", "POST", "PUT", "DELETE",
)  # fmt: skip
_KNOWN: Final = frozenset(METHODS)
_E2EACK: Final = TMCB_E2EACK_IN | TMCB_E2EACK_RETR_IN

#: A branch number as it stands in a branch parameter: hexadecimal digits, the lowest first.
BRANCH_TEXT: Final = tuple(f"{n:x}"[::-1] for n in range(32))
BRANCH_NUMBER: Final = {text: n for n, text in enumerate(BRANCH_TEXT)}


def via_matches(ours: Via, theirs: Via) -> bool:
    """Whether two top Vias mean the same client transaction (via_matching): branch, host, port, transport."""
    if ours.branch != theirs.branch or ours.host != theirs.host or ours.transport != theirs.transport:
        return False
    if ours.port == theirs.port:
        return True
    given = ours.port or theirs.port
    if ours.port and theirs.port:
        # Both spell a port: Kamailio leaves it at branch, host and transport.
        return True
    return given == 5060 or (given == 5061 and ours.transport == "TLS")


def _same_method(a: str, b: str) -> bool:
    return a == b or (a not in _KNOWN and b not in _KNOWN)


def _same_dialog(request: Message, ack: Message) -> bool:
    """Call-ID, CSeq number (both by the table) and From tag (partial_dlg_matching)."""
    ours, theirs = request.from_, ack.from_
    return ours is not None and theirs is not None and (ours.tag or "") == (theirs.tag or "")


def _to_tag(msg: Message) -> str:
    to = msg.to
    return (to.tag or "") if to is not None else ""


def _via_text(msg: Message, via: Via) -> str:
    """The first Via as it stands."""
    return (msg.value("via") or "")[via.start : via.end]


class Table(Engine):
    """Insert, find and remove transactions."""

    # -- requests -------------------------------------------------------------------------------------------------
    def match_request(self, msg: Message) -> tuple[int, Transaction | None, bool]:
        """Which transaction `msg` repeats or acknowledges (t_lookup_request).

        FOUND and the transaction; E2E_ACK and the INVITE whose relayed 2xx the ACK is for; NOT_FOUND; BAD. The third
        value tells whether a CANCEL for this request came earlier.
        """
        cseq = msg.cseq
        via = msg.top_via
        if cseq is None or via is None:
            return BAD, None, False
        t = self.by_key.get((msg.callid, cseq.number_text))
        if t is None:
            return NOT_FOUND, None, False
        branch = via.branch
        if branch and len(branch) > 7 and branch.startswith(COOKIE):
            return self._match_3261(t, msg, via)
        return self._match_2543(t, msg, via)

    def _match_3261(
        self, t: Transaction | None, msg: Message, via: Via, wanted: str = ""
    ) -> tuple[int, Transaction | None, bool]:
        method = msg.method
        is_ack = method == "ACK" and not wanted
        canceled = False
        while t is not None:
            candidate, t = t, t.next_same_key
            request = candidate.request
            if request is None:
                continue
            if is_ack:
                if not candidate.is_invite:
                    continue
                if candidate.status < 300:
                    if not (candidate.types & _E2EACK or candidate.relayed_branch == LOCAL_REPLY):
                        continue
                    if not _same_dialog(request, msg):
                        continue
                    if candidate.relayed_branch == LOCAL_REPLY:
                        if _to_tag(msg) == candidate.local_totag:
                            return FOUND, candidate, canceled
                    elif _to_tag(msg) in candidate.fwded_totags:
                        return E2E_ACK, candidate, canceled
                    continue
            elif wanted:
                if candidate.method == "CANCEL":
                    continue
            elif candidate.method != "CANCEL" and not _same_method(candidate.method, method):
                continue
            ours = request.top_via
            if ours is None or not via_matches(ours, via):
                continue
            if candidate.method == "CANCEL" and method != "CANCEL":
                canceled = canceled or not is_ack
                continue
            return FOUND, candidate, canceled
        return NOT_FOUND, None, canceled

    def _match_2543(self, t: Transaction | None, msg: Message, via: Via) -> tuple[int, Transaction | None, bool]:
        """By Call-ID, CSeq number, From, To, and as set by request URI and top Via (no branch cookie)."""
        is_ack = msg.method == "ACK"
        canceled = False
        e2e: Transaction | None = None
        while t is not None:
            candidate, t = t, t.next_same_key
            request = candidate.request
            if request is None:
                continue
            if not is_ack:
                if not _same_method(candidate.method, msg.method) and candidate.method != "CANCEL":
                    continue
                if request.value("from") != msg.value("from") or request.value("to") != msg.value("to"):
                    continue
                if not self._same_target(request, msg, via):
                    continue
                if candidate.method == "CANCEL" and msg.method != "CANCEL":
                    canceled = True
                    continue
                return FOUND, candidate, canceled
            if not candidate.is_invite:
                continue
            ours, theirs = request.to, msg.to
            if ours is None or theirs is None or ours.uri != theirs.uri:
                continue
            if candidate.status < 300:
                if not _same_dialog(request, msg):
                    continue
                if candidate.relayed_branch == LOCAL_REPLY:
                    if _to_tag(msg) == candidate.local_totag:
                        return FOUND, candidate, canceled
                elif candidate.types & _E2EACK:
                    if _to_tag(msg) in candidate.fwded_totags:
                        return E2E_ACK, candidate, canceled
                    e2e = e2e or candidate
                continue
            if request.value("from") == msg.value("from") and self._same_target(request, msg, via):
                return FOUND, candidate, canceled
        if e2e is not None:
            return E2E_ACK, e2e, canceled
        return NOT_FOUND, None, canceled

    def _same_target(self, request: Message, msg: Message, via: Via) -> bool:
        if self.cfg["ruri_matching"] and request.uri != msg.uri:
            return False
        if self.cfg["via1_matching"]:
            ours = request.top_via
            return ours is not None and _via_text(request, ours) == _via_text(msg, via)
        return True

    def match_canceled(self, msg: Message) -> Transaction | None:
        """The transaction that a CANCEL is for (t_lookupOriginalT)."""
        cseq = msg.cseq
        via = msg.top_via
        if cseq is None or via is None:
            return None
        t = self.by_key.get((msg.callid, cseq.number_text))
        if t is None:
            return None
        branch = via.branch
        if branch and len(branch) > 7 and branch.startswith(COOKIE):
            return self._match_3261(t, msg, via, "original")[1]
        while t is not None:
            candidate, t = t, t.next_same_key
            request = candidate.request
            if request is None or candidate.method == "CANCEL":
                continue
            ours, theirs = request.to, msg.to
            if ours is None or theirs is None or ours.uri != theirs.uri:
                continue
            if request.value("from") == msg.value("from") and self._same_target(request, msg, via):
                return candidate
        return None

    def check(self, ctx: Context) -> Transaction | None:
        """See `TmApi`."""
        self.check_message(ctx)
        return ctx.t

    def check_message(self, ctx: Context) -> int:
        """Look the current message up unless that happened already (t_check_msg): FOUND, NOT_FOUND, E2E_ACK, BAD."""
        if ctx.t is not None:
            return FOUND
        if not ctx.msg.is_request:
            return FOUND if self.match_reply(ctx) is not None else NOT_FOUND
        found, t, _ = self.match_request(ctx.msg)
        if found == FOUND:
            assert t is not None
            self.enter_existing(ctx, t)
        return found

    def enter_existing(self, ctx: Context, t: Transaction) -> None:
        """Work on a transaction that an earlier message made: its lists are not swapped in, as in Kamailio."""
        ctx.t = t
        t.kept |= KR_EXISTED

    def lookup_request(self, ctx: Context) -> Transaction | None:
        """See `TmApi`."""
        return ctx.t if self.check_message(ctx) == FOUND else None

    def lookup_original(self, ctx: Context) -> Transaction | None:
        """See `TmApi`."""
        return self.match_canceled(ctx.msg)

    def lookup_ident(self, index: int, label: int) -> Transaction | None:
        """See `TmApi`."""
        return self.by_ident.get((index, label))

    def lookup_callid(self, callid: str, cseq: str) -> Transaction | None:
        """See `TmApi`."""
        return self.by_key.get((callid, cseq))

    # -- replies --------------------------------------------------------------------------------------------------
    def match_reply(self, ctx: Context) -> Transaction | None:
        """The transaction and branch that the current reply belongs to (t_reply_matching), left in `ctx`."""
        msg = ctx.msg
        found = self.find_reply(msg)
        if found is None:
            return None
        t, index = found
        ctx.t, ctx.branch = t, index
        if t.types & (TMCB_RESPONSE_IN | TMCB_LOCAL_RESPONSE_IN) and "tm.matched" not in ctx.state:
            ctx.state["tm.matched"] = True
            kind = TMCB_LOCAL_RESPONSE_IN if t.is_local else TMCB_RESPONSE_IN
            if t.types & kind:
                self.tell(kind, t, ctx, t.request, msg, msg.status, index)
        return t

    def find_reply(self, msg: Message) -> tuple[Transaction, int] | None:
        """The transaction and branch index that a reply belongs to."""
        via = msg.top_via
        if via is None or not via.branch:
            return None
        base, _, number = via.branch.rpartition(".")
        index = BRANCH_NUMBER.get(number, -1)
        if index < 0:
            return None
        cfg = self.cfg
        cseq = msg.cseq
        if cseq is None:
            return None
        if cfg["callid_cseq_matching"]:
            t = self.by_key.get((msg.callid, cseq.number_text))
        else:
            t = self.by_branch.get(base)
        method = cseq.method
        while t is not None:
            if index < len(t.branches) and (
                t.method == method or (method == "CANCEL" and t.is_invite and t.branches[index].cancel is not None)
            ):
                request = t.request
                if cfg["callid_matching"] and request is not None and request.callid != msg.callid:
                    self.server.log.error("tm", "matching transaction found but callids don't match")
                else:
                    break
            t = t.next_same_key if cfg["callid_cseq_matching"] else t.next_same_branch
        if t is None or (t.wait_deadline and self.reply_matching):
            return None
        return t, index

    #: 1: replies do not match transactions that wait for their end (6.x).
    reply_matching: int

    # -- life -----------------------------------------------------------------------------------------------------
    def insert(self, t: Transaction, base: str = "") -> None:
        """Put `t` into the table and give it its identity; `base` is the shared part of its branch parameters."""
        if not base:
            assert t.request is not None
            base = branch_base(t.request)
        t.branch_base = base
        t.index = from_reverse_hex(base[7 : base.index(".")]) or 0
        t.label = self.next_label
        self.next_label = (t.label + 1) & 0xFFFFFFFF
        self.by_ident[t.index, t.label] = t
        # Newest first, as Kamailio looks them through.
        t.next_same_key = self.by_key.get(t.key)
        self.by_key[t.key] = t
        t.next_same_branch = self.by_branch.get(base)
        self.by_branch[base] = t
        counts = self.counts
        counts.created += 1
        counts.total += 1

    def remove(self, t: Transaction) -> None:
        """Forget `t` (free_cell): TMCB_DESTROY is told, its timers are the caller's to stop."""
        if self.by_ident.pop((t.index, t.label), None) is None:
            return
        first = self.by_key[t.key]
        if first is t:
            if t.next_same_key is None:
                del self.by_key[t.key]
            else:
                self.by_key[t.key] = t.next_same_key
        else:
            while first.next_same_key is not t:
                assert first.next_same_key is not None
                first = first.next_same_key
            first.next_same_key = t.next_same_key
        first = self.by_branch[t.branch_base]
        if first is t:
            if t.next_same_branch is None:
                del self.by_branch[t.branch_base]
            else:
                self.by_branch[t.branch_base] = t.next_same_branch
        else:
            while first.next_same_branch is not t:
                assert first.next_same_branch is not None
                first = first.next_same_branch
            first.next_same_branch = t.next_same_branch
        if t.types & TMCB_DESTROY:
            params = TmcbParams(None, None)
            for types, callback, param in tuple(t.callbacks):
                if types & TMCB_DESTROY:
                    params.param = param
                    callback(t, TMCB_DESTROY, params)
        # Cycles end here, so that reference counting frees everything at once.
        t.branches = []
        t.callbacks = []
        t.response = None
        self.counts.deleted += 1
        self.counts.freed += 1


__all__ = ["BAD", "BRANCH_TEXT", "COOKIE", "E2E_ACK", "FOUND", "NOT_FOUND", "Table"]
