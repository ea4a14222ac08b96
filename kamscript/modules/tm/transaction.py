"""A transaction: one request, its server side (towards who sent it) and its branches (tm/h_table.h, RFC 3261 17).

    Transaction         the request as received, what was replied, one ClientBranch per destination tried
    ClientBranch        the request as sent there, the reply that came, its retransmission
    Outgoing            a message kept for retransmission, with its timer; a ClientBranch is one

A Transaction is found by the branch parameter it put into its Vias, by the request it came from, or by the pair
(`index`, `label`) that `$T(id_index)`, `$T(id_label)` show and t_continue and RPC commands take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kamscript.modules.tm.states import CALLING, TRYING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kamscript.core.avps import Avps
    from kamscript.core.sockets import Destination, ListenSocket
    from kamscript.core.timers import Timer
    from kamscript.modules.tm.callbacks import TransactionCallback
    from kamscript.modules.tm.engine import Engine
    from kamscript.sip.message import Message

#: `Transaction.relayed_branch`: nothing relayed yet; the final reply was made by this server.
NO_REPLY: Final = -1
LOCAL_REPLY: Final = -2

# Transaction.flags
T_IS_INVITE: Final = 1 << 0
T_IS_LOCAL: Final = 1 << 1  #: this server made the request
T_NOISY_CTIMER: Final = 1 << 2
T_CANCELED: Final = 1 << 3
T_6XX: Final = 1 << 4  #: a 6xx came: no further branches
T_AUTO_INV_100: Final = 1 << 6
T_NO_AUTO_ACK: Final = 1 << 7
T_DISABLE_6XX: Final = 1 << 8
T_DISABLE_FAILOVER: Final = 1 << 9
T_NO_E2E_CANCEL_REASON: Final = 1 << 10
T_PASS_PROVISIONAL: Final = 1 << 11
T_ASYNC_CONTINUE: Final = 1 << 12
T_DISABLE_INTERNAL_REPLY: Final = 1 << 13
T_ADMIN_REPLY: Final = 1 << 14
T_ASYNC_SUSPENDED: Final = 1 << 15
T_DONT_FORK: Final = T_CANCELED | T_6XX

# Transaction.kept: what was done with the transaction while its request's route ran. Nothing done: it is released.
KR_FORWARDED: Final = 1
KR_REPLIED: Final = 2
KR_RELEASED: Final = 4
KR_EXISTED: Final = 8
KR_ERROR_DELAYED: Final = 16

#: A retransmission deadline that never comes.
NEVER: Final = float("inf")


class FakedReply:
    """Stands for the reply of a branch that got none from outside (Kamailio's FAKED_REPLY): timeout, local decision."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "FAKED_REPLY"


FAKED_REPLY: Final = FakedReply()


class Outgoing:
    """A message kept for retransmission (struct retr_buf).

    `code` is the status of a reply, 0 of a request, -1 of a local CANCEL. Times are Unix seconds, `interval` is the
    time to wait behind the next retransmission.
    """

    __slots__ = (
        "code",
        "destination",
        "fr_deadline",
        "interval",
        "retr_deadline",
        "slow",
        "socket",
        "t",
        "text",
        "timer",
    )

    def __init__(
        self, t: Transaction, code: int, socket: ListenSocket | None, destination: Destination | None, text: str
    ) -> None:
        self.t, self.code, self.socket, self.destination, self.text = t, code, socket, destination, text
        self.timer: Timer | None = None
        self.fr_deadline = 0.0  #: 0: never set
        self.retr_deadline = NEVER
        self.interval = 0.0
        self.slow = False

    def fire(self) -> None:
        """The timer's callback."""
        self.t.tm.on_timer(self)


class ClientBranch(Outgoing):
    """One destination that the request was sent to (Kamailio's uac[i]).

    `text` is the request as sent ("": a blind branch that keeps a suspended transaction alive), `uri` its request
    URI, `state` a client state of `states.py`. `last_received` is the last reply code (0: none; 408 behind a timeout).
    `reply` is the final reply kept for picking: a Message, FAKED_REPLY or None. `cancel` is the CANCEL sent.
    """

    __slots__ = (
        "ack",
        "alternatives",
        "blind",
        "branch_flags",
        "cancel",
        "canceled",
        "cancelling",
        "first_of_set",
        "icode",
        "index",
        "instance",
        "last_received",
        "location_ua",
        "on_branch_failure",
        "on_failure",
        "on_reply",
        "path",
        "proto_forced",
        "relaying_reply",
        "replied",
        "reply",
        "rr_flags",
        "ruid",
        "send_socket_forced",
        "state",
        "suspended",
        "timed_out",
        "uri",
    )

    def __init__(self, t: Transaction, index: int) -> None:
        Outgoing.__init__(self, t, 0, None, None, "")
        self.index = index
        self.state: int = CALLING
        self.last_received = 0
        self.reply: Message | FakedReply | None = None
        self.uri = self.path = self.instance = self.ruid = self.location_ua = ""
        self.branch_flags = 0
        self.on_reply = self.on_failure = self.on_branch_failure = ""
        self.cancel: Outgoing | None = None
        self.cancelling = False  #: a CANCEL is being prepared or was sent (local_cancel.buffer != 0)
        self.canceled = False  #: F_RB_CANCELED
        self.timed_out = False  #: F_RB_TIMEOUT
        self.replied = False  #: F_RB_REPLIED
        self.relaying_reply = False  #: F_RB_RELAYREPLY
        self.blind = False
        self.first_of_set = False  #: first of a new set of branches (t_drop_replies("l"))
        self.suspended = False  #: its reply waits in t_suspend
        self.alternatives: Iterator[Destination] | None = None  #: what DNS failover tries next
        self.send_socket_forced = False
        self.rr_flags = 0  #: 1: Record-Route was added, 3: two of them
        self.icode = 0
        self.ack: Outgoing | None = None  #: the ACK to a 2xx that this server sent


class Transaction:
    """Kamailio's `struct cell`. Attributes that other modules read:

    method, is_invite      of the request
    request                the Message as it was when the transaction was made (None: a request of this server)
    index, label           its identity, as `$T(id_index)` and `$T(id_label)` show it
    branches               every ClientBranch in order; `len(t.branches)` is Kamailio's nr_of_outgoings
    status                 the last reply code sent upstream (0: none); `response` the reply kept, `.text` its text
    relayed_branch         the branch whose final reply was sent, NO_REPLY or LOCAL_REPLY
    flags                  T_* bits
    avps, xavps, ...       the lists that every route working on this transaction sees
    local_totag            the to-tag of the last reply that this server made
    callid, from_, to, cseq_number     header values, for requests of this server too (`to` without tag at first)
    on_failure, on_reply, on_branch, on_branch_failure     names of armed routes, "" none
    state                  what other modules keep here, keyed by module name
    """

    __slots__ = (
        "async_branch",
        "async_route",
        "async_ruri_consumed",
        "avps",
        "blind_branch",
        "branch_base",
        "branches",
        "callbacks",
        "callid",
        "cancel_headers",
        "cancel_reason",
        "cseq_number",
        "end_of_life",
        "flags",
        "fr_inv_timeout",
        "fr_timeout",
        "from_",
        "fwded_totags",
        "index",
        "is_invite",
        "kept",
        "key",
        "label",
        "local_totag",
        "method",
        "next_same_branch",
        "next_same_key",
        "on_branch",
        "on_branch_delayed",
        "on_branch_failure",
        "on_failure",
        "on_reply",
        "relayed_branch",
        "request",
        "response",
        "retr1",
        "retr2",
        "server_state",
        "state",
        "status",
        "tm",
        "to",
        "types",
        "wait_deadline",
        "xavis",
        "xavps",
        "xavus",
    )

    def __init__(self, tm: Engine, method: str, callid: str, cseq_number: str) -> None:
        self.tm, self.method, self.callid, self.cseq_number = tm, method, callid, cseq_number
        self.is_invite = method.upper() == "INVITE"
        self.request: Message | None = None
        self.index = self.label = 0
        self.key: tuple[str, str] = (callid, cseq_number)
        self.branch_base = ""
        self.next_same_key: Transaction | None = None
        self.next_same_branch: Transaction | None = None
        self.branches: list[ClientBranch] = []
        self.status = 0
        self.server_state: int = TRYING
        self.response: Outgoing | None = None
        self.relayed_branch: int = NO_REPLY
        self.flags = 0
        self.kept = 0
        self.local_totag = ""
        self.from_ = self.to = ""
        self.on_failure = self.on_reply = self.on_branch = self.on_branch_failure = ""
        self.on_branch_delayed = ""
        self.types = 0  #: TMCB_* bits that somebody hears
        self.callbacks: list[tuple[int, TransactionCallback, Any]] = []
        self.avps: Avps | None = None
        self.xavps: dict[str, list[Any]] | None = None
        self.xavus: dict[str, list[Any]] | None = None
        self.xavis: dict[str, list[Any]] | None = None
        self.fr_timeout = self.fr_inv_timeout = self.retr1 = self.retr2 = self.end_of_life = 0.0
        self.wait_deadline = 0.0  #: when it is destroyed; 0: not on wait
        self.cancel_headers = ""  #: further headers of it (headers_mode)
        self.cancel_reason = ""  #: Reason header lines of a received CANCEL
        self.fwded_totags: dict[str, bool] = {}  #: to-tags of 2xx that went through -> acknowledged
        self.blind_branch = -1
        self.async_route = 0
        self.async_branch = -1
        self.async_ruri_consumed = False
        self.state: dict[str, Any] = {}

    @property
    def is_local(self) -> bool:
        """Whether this server made the request."""
        return bool(self.flags & T_IS_LOCAL)

    @property
    def cseq(self) -> str:
        """CSeq's number as a text."""
        return self.cseq_number

    def __repr__(self) -> str:
        return f"<Transaction {self.index}:{self.label} {self.method} {self.status}>"
