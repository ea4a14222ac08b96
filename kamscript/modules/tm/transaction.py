"""A transaction: one request, its server side (towards who sent it) and its branches (tm/h_table.h, RFC 3261 17).

    Transaction         the request as received, the reply last sent, one ClientBranch per destination tried
    ClientBranch        the request as sent there, the reply that came, its retransmission

A Transaction is found by the branch parameter it put into its Vias, by the request it came from, or by the pair
(`index`, `label`) that `$T(id_index)`, `$T(id_label)` show and t_continue and RPC commands take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

#: `Transaction.relayed_branch`: nothing relayed yet; the final reply was made by this server.
NO_REPLY, LOCAL_REPLY = -1, -2

# Transaction.flags
T_IS_LOCAL = 1 << 1  #: this server made the request
T_NOISY_CTIMER = 1 << 2
T_CANCELED = 1 << 3
T_6XX = 1 << 4  #: a 6xx came: no further branches
T_AUTO_INV_100 = 1 << 6
T_NO_AUTO_ACK = 1 << 7
T_DISABLE_6XX = 1 << 8
T_DISABLE_FAILOVER = 1 << 9
T_NO_E2E_CANCEL_REASON = 1 << 10
T_PASS_PROVISIONAL = 1 << 11
T_ASYNC_CONTINUE = 1 << 12
T_DISABLE_INTERNAL_REPLY = 1 << 13
T_ADMIN_REPLY = 1 << 14
T_ASYNC_SUSPENDED = 1 << 15


class ClientBranch:
    """One destination that the request was sent to (Kamailio's uac[i]).

    `last_received` is the last reply code (0: none yet; 408 after a timeout). `request` is the buffer as sent,
    `cancel` the CANCEL as sent (empty: none). `uri` is the request URI on this branch. Times are Unix seconds.
    """

    __slots__ = (
        "ack",
        "blind",
        "branch_flags",
        "cancel",
        "cancel_deadline",
        "cancel_interval",
        "cancel_timer",
        "destination",
        "dst_uri",
        "failover",
        "first_of_set",
        "fr_deadline",
        "icode",
        "index",
        "instance",
        "last_received",
        "local_ack_destination",
        "location_ua",
        "on_branch_failure",
        "on_failure",
        "on_reply",
        "path",
        "q",
        "reply",
        "request",
        "retr_deadline",
        "retr_interval",
        "rr_flags",
        "ruid",
        "socket",
        "state",
        "t",
        "timed_out",
        "timer",
        "uri",
    )


class Transaction:
    """Kamailio's `struct cell`. Attributes that other modules read:

    method, is_invite      of the request
    request                the Message as it was when the transaction was made (None: a request of this server)
    index, label           its identity; `ident` is both
    branches               every ClientBranch in order; `len(t.branches)` is Kamailio's nr_of_outgoings
    status                 the last reply code sent upstream (0: none), `reply_buffer` its text
    relayed_branch         the branch whose final reply was sent, NO_REPLY or LOCAL_REPLY
    flags                  T_* bits
    avps, xavps            the lists that every route working on this transaction sees
    local_totag            the to-tag of replies that this server makes
    callid, from_, to, cseq_number     as texts, for requests of this server too
    on_failure, on_reply, on_branch, on_branch_failure     names of armed routes, "" none
    state                  what other modules keep here, keyed by module name
    """

    __slots__ = (
        "avps",
        "branches",
        "callbacks",
        "callid",
        "cancel_reason",
        "cseq_number",
        "ctx",
        "end_of_life",
        "flags",
        "fr_inv_timeout",
        "fr_timeout",
        "from_",
        "fwded_totags",
        "index",
        "is_invite",
        "key",
        "label",
        "local_totag",
        "method",
        "on_branch",
        "on_branch_failure",
        "on_failure",
        "on_reply",
        "relayed_branch",
        "reply_buffer",
        "reply_destination",
        "reply_socket",
        "request",
        "retr1",
        "retr2",
        "server",
        "state",
        "status",
        "timer",
        "to",
        "types",
        "uas_state",
        "xavis",
        "xavps",
        "xavus",
    )
