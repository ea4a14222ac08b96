"""Sending a transaction's messages, and the replies that this server makes itself (tm/t_reply.c, t_reply())."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.build import build_local_reply
from kamscript.core.context import Context
from kamscript.core.errors import error_reply
from kamscript.core.sockets import Datagram
from kamscript.module import Route
from kamscript.modules.tm.callbacks import (
    TMCB_LOCAL_COMPLETED,
    TMCB_LOCAL_F,
    TMCB_REQUEST_PENDING,
    TMCB_RESPONSE_OUT,
    TMCB_RESPONSE_READY,
    TMCB_RESPONSE_SENT,
    TMCB_RETR_F,
)
from kamscript.modules.tm.redirect import contact_header
from kamscript.modules.tm.states import B_RETR, S_1XX, S_2XX_LOCAL, S_FINAL, S_RELEASE
from kamscript.modules.tm.tags import Tags
from kamscript.modules.tm.timer import Timers
from kamscript.modules.tm.transaction import KR_RELEASED, KR_REPLIED, LOCAL_REPLY

if TYPE_CHECKING:
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message


def needs_totag(code: int, request: Message) -> bool:
    """Whether a reply with `code` to `request` gets a tag of this server."""
    if code < 180:
        return False
    to = request.to
    return to is not None and not to.tag


class Sending(Timers):
    """Local replies and their retransmission."""

    tags: Tags

    # -- replies made here ----------------------------------------------------------------------------------------
    def reply_totag(self, ctx: Context) -> str:
        """See `TmApi`."""
        return self.tags.make(ctx.msg)

    def reply_with(
        self,
        ctx: Context,
        t: Transaction,
        request: Message,
        code: int,
        reason: str,
        *,
        headers: str = "",
        body: str | None = None,
        totag: str | None = None,
    ) -> int:
        """Reply to `t`: 1 sent, -1 refused. `request` is what the reply is made from: the message of the running
        route (whose reply headers go in), or the one that `t` keeps."""
        if code >= 200:
            t.kept |= KR_REPLIED
        if 300 <= code < 400:
            contacts = contact_header(ctx, self.rich_redirect)
            if contacts:
                request.add_reply_header(contacts)
        if totag is None:
            totag = self.tags.make(request) if needs_totag(code, request) else ""
        text = build_local_reply(ctx, request, code, reason, totag, headers=headers, body=body)
        to = request.to
        return self.send_local_reply(t, ctx, code, text, totag or ((to.tag or "") if to is not None else ""))

    def send_local_reply(self, t: Transaction, ctx: Context | None, code: int, text: str, totag: str) -> int:
        """Keep and send a reply made here; a final one cancels the branches and ends the transaction (_reply_light)."""
        if t.status >= 200:
            self.server.log.info("tm", f"can't generate {code} reply when a final {t.status} was sent out")
            self.stop_branches(t)
            self.put_on_wait(t)
            return -1
        if not text:
            # The request cannot be answered: give everything up.
            self.stop_branches(t)
            if t.is_invite:
                self.cancel_all(t, reason=code, kill=True)
            self.put_on_wait(t)
            return -1
        response = t.response
        assert response is not None
        response.code = code
        response.text = text
        t.status = code
        t.local_totag = totag
        t.relayed_branch = LOCAL_REPLY
        counts = self.counts
        counts.completed[code // 100] += 1
        counts.generated += 1
        counts.sent += 1
        types = t.types
        final = code >= 200
        if final:
            if t.is_local:
                if types & TMCB_LOCAL_COMPLETED:
                    self.tell(TMCB_LOCAL_COMPLETED, t, ctx, None, None, code)
            elif types & TMCB_RESPONSE_READY:
                self._tell_reply(TMCB_RESPONSE_READY, t, ctx, code, 0)
            self.stop_branches(t)
            if t.is_invite:
                self.cancel_all(t, reason=code, kill=True)
            actions = self.server_event(t, S_2XX_LOCAL if code < 300 else S_FINAL)
            if actions & B_RETR and not t.is_local:
                self.start_retr(response, force=code < 300)
        else:
            self.server_event(t, S_1XX)
            if code == 100 and types & TMCB_REQUEST_PENDING:
                self._tell_reply(TMCB_REQUEST_PENDING, t, ctx, code, 0)
        self._send_response(t)
        if final and not t.is_local and t.types & TMCB_RESPONSE_OUT:
            self._tell_reply(TMCB_RESPONSE_OUT, t, ctx, code, TMCB_LOCAL_F)
        if t.types & TMCB_RESPONSE_SENT:
            self._tell_reply(TMCB_RESPONSE_SENT, t, ctx, code, TMCB_LOCAL_F)
        self._local_response_event(t, text)
        return 1

    def _tell_reply(self, kind: int, t: Transaction, ctx: Context | None, code: int, flags: int) -> None:
        response = t.response
        assert response is not None
        self.tell(kind, t, ctx, t.request, None, code, -1, flags, response.text, response.destination)

    def _send_response(self, t: Transaction) -> None:
        response = t.response
        assert response is not None
        if response.socket is None or response.destination is None:
            self.server.log.error("tm", "no resolved dst to send reply to")
            return
        self.server.send(response.socket, response.destination, response.text)

    def _local_response_event(self, t: Transaction, text: str) -> None:
        """event_route[tm:local-response] over the reply as it left."""
        function = self.server.route_function(Route.EVENT, "tm:local-response")
        response = t.response
        if function is None or response is None or response.socket is None or response.destination is None:
            return
        ctx = Context(self.server, self.parse(text), Route.LOCAL)
        ctx.t = t
        ctx.onsend = Datagram(response.socket, response.destination, text)
        self.server.run_top(function, ctx)

    def reply(self, ctx: Context, code: int, reason: str) -> int:
        """See `TmApi`: what t_reply() does."""
        raise NotImplementedError

    def reply_trans(
        self,
        t: Transaction,
        code: int,
        reason: str,
        *,
        headers: str = "",
        body: str | None = None,
        totag: str | None = None,
    ) -> int:
        """See `TmApi`. An empty `totag` leaves the To header as it is."""
        assert t.request is not None
        ctx = self.context_of(t)
        return self.reply_with(ctx, t, t.request, code, reason, headers=headers, body=body, totag=totag)

    def kill(self, t: Transaction, error: int, ctx: Context | None = None) -> int:
        """See `Engine`."""
        code, reason = error_reply(error, "TM")
        if t.request is None:
            return -1
        return self.reply_with(ctx or self.context_of(t), t, t.request, code, reason)

    def resend_reply(self, t: Transaction) -> bool:
        """Send the last reply again (t_retransmit_reply); False when there is none."""
        response = t.response
        if response is None or response.socket is None or not response.text:
            return False
        self._send_response(t)
        if t.types & TMCB_RESPONSE_SENT:
            self._tell_reply(TMCB_RESPONSE_SENT, t, None, response.code, TMCB_RETR_F)
        return True

    def release(self, t: Transaction) -> None:
        """See `TmApi` (t_release_transaction)."""
        t.kept |= KR_RELEASED
        if t.response is not None:
            self.stop_timer(t.response)
        self.stop_branches(t)
        self.server_event(t, S_RELEASE)
        self.put_on_wait(t)

    # -- calls upwards --------------------------------------------------------------------------------------------
    def cancel_all(
        self, t: Transaction, *, skip: int = -1, reason: int = 0, kill: bool = False, how: int | None = None
    ) -> int:
        """Cancel every pending branch."""
        raise NotImplementedError
