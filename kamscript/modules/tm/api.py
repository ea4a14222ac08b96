"""What tm offers to other modules (Kamailio's load_tm): `tm = self.server.module("tm")`.

Everything takes the running `Context` where C takes the message; transactions are `Transaction` objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import Destination, ListenSocket
    from kamscript.modules.tm.callbacks import TransactionCallback
    from kamscript.modules.tm.dialog import UacDialog
    from kamscript.modules.tm.transaction import Transaction


class Stats(NamedTuple):
    """tm.stats: transactions now, waiting to be destroyed, since start; by origin and by class of final reply."""

    current: int
    waiting: int
    total: int
    total_local: int
    completed: tuple[int, ...]  #: by class of the reply: completed[2] counts 2xx
    created: int
    freed: int
    delayed_free: int
    rpl_received: int
    rpl_generated: int
    rpl_sent: int


class TmApi:
    """Base of the module class `Tm`; the bodies live in the files that their names tell.

    last_error   why `request` or `request_outside` returned None last (core.errors): 0 none (an ACK), E_DROP
                 event_route[tm:local-request] dropped the request, which Kamailio does not call an error
    """

    last_error: int

    # -- transactions ---------------------------------------------------------------------------------------------
    def newtran(self, ctx: Context) -> int:
        """Make the transaction of the current request (t_newtran): 1 made, 0 a retransmission dealt with, <0 error."""
        raise NotImplementedError

    def current(self, ctx: Context) -> Transaction | None:
        """The transaction of the current message if it was looked up already (t_gett)."""
        return ctx.t

    def check(self, ctx: Context) -> Transaction | None:
        """Look the current request or reply up (t_check): the matching transaction, also left in `ctx.t`."""
        raise NotImplementedError

    def lookup_ident(self, index: int, label: int) -> Transaction | None:
        """The transaction with this identity (t_lookup_ident); `ctx.t` is not touched."""
        raise NotImplementedError

    def lookup_callid(self, callid: str, cseq: str) -> Transaction | None:
        """The INVITE transaction with this Call-ID and CSeq number (t_lookup_callid)."""
        raise NotImplementedError

    def lookup_request(self, ctx: Context) -> Transaction | None:
        """The transaction that the current request repeats (t_lookup_request); `ctx.t` is set when found."""
        raise NotImplementedError

    def lookup_original(self, ctx: Context) -> Transaction | None:
        """The INVITE transaction that the current CANCEL is for (t_lookup_originalT)."""
        raise NotImplementedError

    def release(self, t: Transaction) -> None:
        """Let `t` go to wait and be destroyed (t_release_transaction)."""
        raise NotImplementedError

    # -- relaying and replying ------------------------------------------------------------------------------------
    def relay(self, ctx: Context, destination: Destination | None = None, *, replicate: bool = False) -> int:
        """Forward statefully to the destination set or to `destination` (t_relay): 1 sent, <0 error, 0 absorbed."""
        raise NotImplementedError

    def reply(self, ctx: Context, code: int, reason: str) -> int:
        """Reply statefully to the current transaction's request (t_reply): 1, or <0."""
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
        """Reply to `t` from anywhere (t_reply_trans, t_reply_with_body): 1, or <0.

        `headers` end in CRLF each. `totag` None: as tm makes it; "": the To header stays as it came.
        """
        raise NotImplementedError

    def reply_totag(self, ctx: Context) -> str:
        """The to-tag that replies made by this server to the current request carry (t_get_reply_totag)."""
        raise NotImplementedError

    # -- forking --------------------------------------------------------------------------------------------------
    def append_branches(self, ctx: Context, t: Transaction, contact: str = "") -> int:
        """Add `ctx.branches` to a running INVITE transaction (t_append_branches): branches added, <0 error.

        With `contact` only those whose URI holds this text; what was tried before is left out.
        """
        raise NotImplementedError

    def picked_branch(self) -> int:
        """The branch whose reply the failure handling running now works on (t_get_picked_branch), -1 none."""
        raise NotImplementedError

    def cancel_branches(self, t: Transaction, branches: int = -1, *, reason: str = "", headers: str = "") -> None:
        """Cancel the pending branches in the bit mask (cancel_uacs). `reason` is a whole Reason header value."""
        raise NotImplementedError

    # -- suspending -----------------------------------------------------------------------------------------------
    def suspend(self, ctx: Context) -> tuple[int, int] | None:
        """Freeze the current request's or reply's transaction (t_suspend): its (index, label); None: impossible."""
        raise NotImplementedError

    def continue_(
        self,
        index: int,
        label: int,
        route: str | Callable[[Context], object],
        *,
        skip_timer: bool = False,
    ) -> int:
        """Go on with a suspended transaction in a route block or a Python function (t_continue): >=0, or <0.

        With `skip_timer` also one that waits for its end already (t_continue_skip_timer).
        """
        raise NotImplementedError

    def cancel_suspend(self, index: int, label: int) -> int:
        """Undo `suspend` (t_cancel_suspend): 0 undone, <0 not."""
        raise NotImplementedError

    # -- events ---------------------------------------------------------------------------------------------------
    def register_tmcb(
        self,
        types: int,
        callback: TransactionCallback,
        *,
        t: Transaction | None = None,
        ctx: Context | None = None,
        param: Any = None,
    ) -> None:
        """Hear TMCB_* events: of `t`; of the transaction that `ctx`'s request has or will have (early registration);
        of every transaction for TMCB_REQUEST_IN and TMCB_LOCAL_REQUEST_IN (neither `t` nor `ctx`)."""
        raise NotImplementedError

    # -- requests of this server ----------------------------------------------------------------------------------
    def request(
        self,
        method: str,
        dialog: UacDialog,
        *,
        headers: str = "",
        body: str = "",
        callback: TransactionCallback | None = None,
        types: int = 0,
        param: Any = None,
    ) -> Transaction | None:
        """Send a request described by `dialog` (t_uac, t_request_within); None when it could not be sent.

        `headers` end in CRLF each. `callback` hears `types` (default TMCB_LOCAL_COMPLETED) of the new transaction.
        ACK is sent without a transaction (None is returned). `dialog.cseq` is incremented first, but for ACK, CANCEL.
        """
        raise NotImplementedError

    def request_outside(
        self,
        method: str,
        ruri: str,
        to: str,
        from_: str,
        *,
        headers: str = "",
        body: str = "",
        outbound: str = "",
        callid: str = "",
        cseq: int = 10,
        socket: ListenSocket | None = None,
        callback: TransactionCallback | None = None,
        types: int = 0,
        param: Any = None,
    ) -> Transaction | None:
        """Send a request outside any dialog (t_request): To, From as URIs or name-addrs; `ruri` empty: To's URI."""
        raise NotImplementedError

    def cancel_request(self, t: Transaction, *, headers: str = "") -> None:
        """Cancel an INVITE of this server (t_cancel_uac)."""
        raise NotImplementedError

    def ack_request(self, t: Transaction, *, headers: str = "", body: str = "") -> int:
        """Acknowledge the 2xx of an INVITE of this server that was sent with TMCB_DONT_ACK (ack_local_uac)."""
        raise NotImplementedError

    def generate_callid(self) -> str:
        """A new Call-ID as tm makes them."""
        raise NotImplementedError

    def generate_fromtag(self, callid: str, uri: str = "") -> str:
        """A new From tag as tm makes them."""
        raise NotImplementedError

    # -- settings of one transaction ------------------------------------------------------------------------------
    def set_fr(self, ctx: Context, fr_inv_ms: int, fr_ms: int) -> None:
        """Set final response timeouts of the current or coming transaction in ms; 0 leaves one as it is (t_set_fr)."""
        raise NotImplementedError

    def stats(self) -> Stats:
        """What tm.stats and the statistics show."""
        raise NotImplementedError
