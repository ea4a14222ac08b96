"""CANCEL and hop-by-hop ACK: building them and cancelling branches (tm/t_cancel.c, build_local* of t_msgbuilder.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core.build import via_line
from kamscript.modules.tm.callbacks import (
    TMCB_E2ECANCEL_IN,
    TMCB_LOCAL_F,
    TMCB_REQUEST_OUT,
    TMCB_REQUEST_SENT,
    TYPE_LOCAL_CANCEL,
)
from kamscript.modules.tm.sending import Sending
from kamscript.modules.tm.states import E_CANCEL, INVITE_CLIENT
from kamscript.modules.tm.table import BRANCH_TEXT
from kamscript.modules.tm.transaction import (
    NEVER,
    T_ADMIN_REPLY,
    T_CANCELED,
    T_NO_E2E_CANCEL_REASON,
    ClientBranch,
    Outgoing,
)
from kamscript.sip.message import FL_USE_UAC_FROM, FL_USE_UAC_TO

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message

# How to cancel (F_CANCEL_B_*).
KILL: Final = 1  #: stop the branch altogether; CANCEL only if it replied
FAKE_REPLY: Final = 2  #: a branch that never replied counts as 487
FORCE_CANCEL: Final = 4  #: send CANCEL even if nothing was received
FORCE_RETR: Final = 8  #: go on retransmitting the INVITE of a branch that never replied

#: cancel_b_method -> how a branch without reply is cancelled.
CANCEL_METHODS: Final = (FAKE_REPLY, FORCE_RETR, FORCE_CANCEL)

#: The Reason in the CANCELs of the branches that lost.
_ANSWERED_ELSEWHERE: Final = 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'

_KEPT: Final = frozenset({"from", "call-id", "route", "max-forwards"})
#: What a CANCEL gets from elsewhere, so that it is not copied from the received one (`headers_mode`).
_NOT_COPIED: Final = frozenset(
    ("call-id", "cseq", "via", "to", "from", "route", "max-forwards", "require", "proxy-require", "content-length",
     "reason")
)  # fmt: skip
_NOT_KEPT: Final = frozenset({"require", "proxy-require"})

#: Headers by which module dialog asks for another CSeq when a request leaves (core/srapi.c).
UAC_CSEQ_AUTH: Final = "P-K-CSeq-Auth"
UAC_CSEQ_REFRESH: Final = "P-K-CSeq-Refresh"
_CSEQ_MARKS: Final = (f"{UAC_CSEQ_AUTH}:", f"{UAC_CSEQ_REFRESH}:")


class Cancelling(Sending):
    """Cancel branches; build what is derived from an INVITE that was sent."""

    # -- building -------------------------------------------------------------------------------------------------
    headers_mode: int
    evlreq_mode: int
    e2e_cancel_hop_by_hop: int

    def derive(self, t: Transaction, branch: ClientBranch, method: str, to: str, reason: str = "") -> str:
        """A CANCEL or ACK on a branch: made from the INVITE as it was sent, or as it was received (`reparse_invite`).

        `to` is the whole To line ("": as sent), `reason` whole header lines for its end.
        """
        request = t.request
        if self.cfg["reparse_invite"] or self.uses_uac_headers(request):
            return self._derive_from_sent(branch, method, to, reason)
        return self._derive_from_received(t, branch, method, to, reason)

    def uses_uac_headers(self, request: Message | None) -> bool:
        """Whether t_use_uac_headers() or module uac asked for From and To as sent."""
        return request is not None and bool(request.msg_flags & (FL_USE_UAC_FROM | FL_USE_UAC_TO))

    def _derive_from_sent(self, branch: ClientBranch, method: str, to: str, reason: str) -> str:
        sent = self.parse(branch.text)
        buf = sent.buf
        extra = (self.cfg["ac_extra_hdrs"] or "").lower()
        parts = [f"{method} {sent.uri} SIP/2.0\r\n"]
        vias = 0
        for header in sent.headers:
            kind = header.kind
            line = buf[header.start : header.end]
            if kind == "via":
                if not vias:
                    parts.append(line)
                vias += 1
            elif kind == "cseq":
                cseq = sent.cseq
                assert cseq is not None
                parts.append(f"{buf[header.start : header.value_start]}{cseq.number_text} {method}\r\n")
            elif kind == "to":
                parts.append(to or line)
            elif kind in _KEPT:
                parts.append(line)
            elif kind == "content-length":
                parts.append(f"{header.name}: 0\r\n")
            elif line.startswith(_CSEQ_MARKS):
                # Module dialog exchanges the number of all that belongs to the INVITE. Kamailio copies them only when
                # uac_auth() ran in this transaction, and sends an ACK that matches nothing otherwise.
                parts.append(line)
            elif extra and kind not in _NOT_KEPT and line.lower().startswith(extra):
                parts.append(line)
        parts.append(reason)
        parts.append("\r\n")
        return "".join(parts)

    def _derive_from_received(self, t: Transaction, branch: ClientBranch, method: str, to: str, reason: str) -> str:
        request = t.request
        socket, destination = branch.socket, branch.destination
        assert socket is not None and destination is not None
        sent = request if request is not None else self.parse(branch.text)
        ctx = self.context_of(t, sent)
        via = via_line(ctx, socket, destination, f"{t.branch_base}.{BRANCH_TEXT[branch.index]}")
        parts = [f"{method} {branch.uri} SIP/2.0\r\n", via, sent.line("from"), sent.line("call-id")]
        parts += [to or sent.line("to"), f"CSeq: {t.cseq_number} {method}\r\n", "Max-Forwards: 70\r\n"]
        if request is not None and not t.is_local:
            parts += [request.buf[h.start : h.end] for h in request.all("route")]
        if self.server.settings["server_signature"]:
            parts.append(f"{self.server.settings['user_agent_header']}\r\n")
        parts += ["Content-Length: 0\r\n", reason, "\r\n"]
        return "".join(parts)

    def _reason_lines(self, t: Transaction, reason: int | str) -> str:
        """The Reason header of a CANCEL: whole lines handed over, or `SIP;cause=` for a code."""
        if reason is _ANSWERED_ELSEWHERE:
            return reason
        if isinstance(reason, str):
            return "" if t.flags & T_NO_E2E_CANCEL_REASON else reason
        if reason <= 0 or not self.cfg["local_cancel_reason"]:
            return ""
        return f"Reason: SIP;cause={reason}\r\n"

    # -- cancelling -----------------------------------------------------------------------------------------------
    def prepare_cancel(self, branch: ClientBranch, *, also_silent: bool = True) -> bool:
        """Whether the branch is to be cancelled: pending, and nobody is at it already. Claims it."""
        if branch.blind and not branch.text:
            return False
        last = branch.last_received
        if last < 200 and (also_silent or last >= 100) and not branch.cancelling:
            branch.cancelling = True
            return True
        return False

    def prepare_to_cancel(self, t: Transaction, skip: int = -1) -> list[ClientBranch]:
        """Claim every pending branch for cancelling, but `skip`."""
        return [branch for branch in t.branches if branch.index != skip and self.prepare_cancel(branch)]

    def cancel_all(
        self, t: Transaction, *, skip: int = -1, reason: int = 0, kill: bool = False, how: int | None = None
    ) -> int:
        """Cancel every pending branch; how many go on waiting for a reply."""
        pending = self.prepare_to_cancel(t, skip)
        if how is None:
            how = KILL if kill else 0
        return self.cancel_claimed(t, pending, reason, how)

    def cancel_claimed(self, t: Transaction, branches: list[ClientBranch], reason: int | str, how: int) -> int:
        """Cancel branches that `prepare_to_cancel` claimed (cancel_uacs); how many go on waiting for a reply."""
        waiting = 0
        if reason == 200 and self.cfg["local_cancel_reason"]:
            reason = _ANSWERED_ELSEWHERE
        for branch in branches:
            flags = how if branch.text else how | FAKE_REPLY
            waiting += self.cancel_branch(t, branch, reason, flags) != 0
        return waiting

    def cancel_branches(self, t: Transaction, branches: int = -1, *, reason: str = "", headers: str = "") -> None:
        """See `TmApi`."""
        lines = (f"Reason: {reason}\r\n" if reason else "") + headers
        claimed = [b for b in t.branches if branches >> b.index & 1 and self.prepare_cancel(b)]
        self.cancel_claimed(t, claimed, lines or 0, 0)

    def cancel_branch(self, t: Transaction, branch: ClientBranch, reason: int | str, how: int) -> int:
        """Cancel one claimed branch (cancel_branch): 0 done, 1 goes on waiting for a reply, -1 failed."""
        branch.canceled = True
        row = INVITE_CLIENT[branch.state][E_CANCEL]
        if row is not None:
            branch.state = row[0]
        waiting = 1
        if how & KILL:
            self.stop_timer(branch)
            waiting = 0
            if branch.last_received < 100 and not how & FORCE_CANCEL:
                branch.cancelling = False
                if how & FAKE_REPLY and not branch.relaying_reply and not t.flags & T_ADMIN_REPLY:
                    return -1 if self.relay_faked(t, branch, 487) < 0 else 0
                return waiting
        else:
            if branch.last_received < 100 and not how & FORCE_CANCEL:
                if not how & FORCE_RETR:
                    branch.retr_deadline = NEVER
                branch.cancelling = False
                if how & FAKE_REPLY:
                    self.stop_timer(branch)
                    return -1 if self.relay_faked(t, branch, 487) < 0 else 0
                return 1
            branch.retr_deadline = NEVER
        request = t.request
        if request is not None and not request.msg_flags & FL_USE_UAC_TO:
            to = request.line("to")
        elif request is None:
            to = f"To: {t.to}\r\n"
        else:
            to = ""
        text = self.derive(t, branch, "CANCEL", to, self._reason_lines(t, reason) + t.cancel_headers)
        cancel = branch.cancel = Outgoing(t, TYPE_LOCAL_CANCEL, branch.socket, branch.destination, text)
        if self.evlreq_mode & 1:
            self.local_event(t, cancel)
        self.send_cancel(t, branch)
        self.start_retr(cancel)
        return waiting

    def send_cancel(self, t: Transaction, branch: ClientBranch) -> None:
        """Send the branch's CANCEL (again)."""
        cancel = branch.cancel
        assert cancel is not None and cancel.socket is not None and cancel.destination is not None
        self.server.send(cancel.socket, cancel.destination, cancel.text)
        first = cancel.timer is None
        for kind in (TMCB_REQUEST_OUT, TMCB_REQUEST_SENT):
            if t.types & kind and (first or kind == TMCB_REQUEST_SENT):
                self.tell(
                    kind,
                    t,
                    None,
                    t.request,
                    None,
                    TYPE_LOCAL_CANCEL,
                    branch.index,
                    TMCB_LOCAL_F,
                    cancel.text,
                    cancel.destination,
                )

    def cancel_end_to_end(self, ctx: Context, t_cancel: Transaction, t_invite: Transaction) -> None:
        """Deal with a CANCEL from upstream: cancel the INVITE's branches and reply to both (e2e_cancel)."""
        cancel = ctx.msg
        if t_invite.types & TMCB_E2ECANCEL_IN:
            self.tell(TMCB_E2ECANCEL_IN, t_invite, None, cancel, None, 2)
        t_invite.flags |= T_CANCELED
        pending = self.prepare_to_cancel(t_invite) if t_invite.branches else []
        if not pending:
            assert t_invite.request is not None
            invite_ctx = self.context_of(t_invite)
            self.reply_with(invite_ctx, t_invite, t_invite.request, 487, "Request canceled")
            self.reply_with(ctx, t_cancel, cancel, 200, "ok -- no more pending branches")
            return
        if not t_invite.cancel_reason and not t_invite.flags & T_NO_E2E_CANCEL_REASON:
            t_invite.cancel_reason = "".join(cancel.buf[h.start : h.end] for h in cancel.all("reason"))
        if self.headers_mode & 1:
            t_invite.cancel_headers = "".join(
                cancel.buf[h.start : h.end] for h in cancel.headers if h.kind not in _NOT_COPIED
            )
        how = CANCEL_METHODS[self.cfg["cancel_b_method"]]
        if not self.e2e_cancel_hop_by_hop:
            self._cancel_along(ctx, t_cancel, t_invite, pending, how)
            return
        failed = False
        waiting = False
        for branch in pending:
            flags = how if branch.text else how | FAKE_REPLY
            result = self.cancel_branch(t_invite, branch, t_invite.cancel_reason or 0, flags)
            failed = failed or result < 0
            waiting = waiting or result >= 0
        if failed:
            self.reply_with(ctx, t_cancel, cancel, 500, "cancel error")
        elif waiting:
            self.reply_with(ctx, t_cancel, cancel, 200, "canceling")
        else:
            self.reply_with(ctx, t_cancel, cancel, 200, "ok -- no more pending branches")

    def _cancel_along(
        self, ctx: Context, t_cancel: Transaction, t_invite: Transaction, pending: list[ClientBranch], how: int
    ) -> None:
        """Send the received CANCEL on as branches of its own transaction (`e2e_cancel_hop_by_hop` 0)."""
        sent = False
        for branch in t_invite.branches:
            copy = ClientBranch(t_cancel, branch.index)
            copy.socket, copy.destination, copy.uri = branch.socket, branch.destination, branch.uri
            t_cancel.branches.append(copy)
            if branch not in pending:
                copy.last_received = 500
                continue
            branch.canceled = True
            if branch.last_received < 100:
                copy.last_received = 500
                if not how & FORCE_RETR:
                    branch.retr_deadline = NEVER
                if how & FAKE_REPLY:
                    self.stop_timer(branch)
                    self.relay_faked(t_invite, branch, 487)
                continue
            assert t_invite.request is not None and copy.socket is not None and copy.destination is not None
            copy.text = self.derive(t_invite, branch, "CANCEL", t_invite.request.line("to"))
            branch.retr_deadline = NEVER
            self.server.send(copy.socket, copy.destination, copy.text)
            if t_cancel.types & TMCB_REQUEST_SENT:
                self.tell(
                    TMCB_REQUEST_SENT,
                    t_cancel,
                    ctx,
                    ctx.msg,
                    None,
                    0,
                    copy.index,
                    TMCB_LOCAL_F,
                    copy.text,
                    copy.destination,
                )
            self.start_retr(copy)
            sent = True
        reason = "canceling" if sent else "ok -- no more pending branches"
        self.reply_with(ctx, t_cancel, ctx.msg, 200, reason)

    # -- calls upwards --------------------------------------------------------------------------------------------
    def local_event(self, t: Transaction, out: Outgoing) -> None:
        """Run event_route[tm:local-request] over a CANCEL or ACK that is about to leave."""
        raise NotImplementedError

    def relay_faked(self, t: Transaction, branch: ClientBranch, code: int) -> int:
        """Decide about a branch as if it had replied `code`: <0 failed."""
        raise NotImplementedError
