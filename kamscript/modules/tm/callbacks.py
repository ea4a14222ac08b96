"""The events of a transaction that other modules can hear about (tm manual, "TM Module API"; tm/t_hooks.h).

    tm.register_tmcb(TMCB_RESPONSE_OUT | TMCB_ON_FAILURE, self._answered, t=t, param=call)

A callback is `(t, kind, params)`: `kind` is the one TMCB_* bit that happened. REQUEST_IN and LOCAL_REQUEST_IN are
heard for every transaction of the server and registered without `t`; all others belong to one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import Destination
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message

TMCB_REQUEST_IN = 1 << 0  #: a new request is about to become a transaction
TMCB_RESPONSE_IN = 1 << 1  #: a reply matched a relayed transaction (retransmissions too)
TMCB_E2EACK_IN = 1 << 2  #: the first ACK of each callee to a relayed 2xx
TMCB_REQUEST_PENDING = 1 << 3
TMCB_REQUEST_FWDED = 1 << 4  #: a branch was made and is about to be sent; the request may still be edited
TMCB_RESPONSE_FWDED = 1 << 5  #: a reply is about to be sent upstream
TMCB_ON_FAILURE_RO = 1 << 6  #: every branch failed, before the failure route
TMCB_ON_FAILURE = 1 << 7  #: every branch failed; more branches may be added
TMCB_REQUEST_OUT = 1 << 8  #: a branch's request was sent
TMCB_RESPONSE_OUT = 1 << 9  #: a reply was sent upstream
TMCB_LOCAL_COMPLETED = 1 << 10  #: the final reply to a request of this server came
TMCB_LOCAL_RESPONSE_OUT = 1 << 11  #: a provisional reply to a request of this server came
TMCB_ACK_NEG_IN = 1 << 12  #: the ACK to a negative reply came
TMCB_REQ_RETR_IN = 1 << 13  #: the request came again
TMCB_LOCAL_RESPONSE_IN = 1 << 14  #: a reply matched a request of this server
TMCB_LOCAL_REQUEST_IN = 1 << 15  #: this server is about to send a request of its own
TMCB_DLG = 1 << 16
TMCB_DESTROY = 1 << 17  #: the transaction is gone; only `param` is set
TMCB_E2ECANCEL_IN = 1 << 18  #: a CANCEL for this INVITE came; `params.request` is the CANCEL
TMCB_E2EACK_RETR_IN = 1 << 19  #: a further copy of the ACK to a 2xx
TMCB_RESPONSE_READY = 1 << 20  #: a reply is ready to be sent: `params.buffer`
TMCB_DONT_ACK = 1 << 21  #: not an event: a request of this server whose 2xx must not be acknowledged by tm
TMCB_REQUEST_SENT = 1 << 22  #: each sending of a request, local ACK and CANCEL, retransmissions included
TMCB_RESPONSE_SENT = 1 << 23  #: each sending of a reply, retransmissions included
TMCB_ON_BRANCH_FAILURE_RO = 1 << 24  #: one branch failed, before the branch failure route
TMCB_ON_BRANCH_FAILURE = 1 << 25  #: one branch failed

#: `TmcbParams.flags`: the sending is a retransmission by this server; the message was made by this server.
TMCB_RETR_F = 1
TMCB_LOCAL_F = 2

#: `TmcbParams.code` of requests that tm makes by itself (otherwise 0 for requests).
TYPE_LOCAL_CANCEL = -1
TYPE_LOCAL_ACK = -2


class TmcbParams:
    """What a callback is told.

    `request` is the request of the transaction (for E2EACK_* the ACK, for E2ECANCEL_IN the CANCEL). `reply` is the
    reply message; None when the event has none or when the reply is made by this server (a timeout, `t_reply`):
    then `code` alone tells. `branch` is the branch index, -1 none. `buffer` and `destination` are set for READY and
    SENT events and REQUEST_FWDED/OUT: what leaves and where it goes. `param` is what was registered. `ctx` is the
    running context, or one over the transaction's request when no route is running; None for TMCB_DESTROY.
    """

    __slots__ = ("branch", "buffer", "code", "ctx", "destination", "flags", "param", "reply", "request")

    def __init__(
        self,
        ctx: Context | None,
        request: Message | None,
        reply: Message | None = None,
        code: int = 0,
        branch: int = -1,
        flags: int = 0,
        buffer: str = "",
        destination: Destination | None = None,
    ) -> None:
        self.ctx: Context = ctx  # type: ignore[assignment]
        self.request, self.reply, self.code = request, reply, code
        self.branch, self.flags, self.buffer, self.destination = branch, flags, buffer, destination
        self.param: Any = None


TransactionCallback = Callable[["Transaction", int, TmcbParams], object]
