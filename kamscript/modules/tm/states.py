"""The four transaction machines, as tables (RFC 3261 17, RFC 6026), in the form in which Kamailio runs them.

A row reads: in this state, on this event, go there and do that. What is not in a table does not happen.

Where Kamailio departs from the RFC, the table says what Kamailio does:
- A client branch that was given up (timeout, CANCEL) stays in `abandoned`: a late 1xx is answered with CANCEL, a late
  final is still acknowledged, a late 2xx still relayed.
- After a final reply the server side stays for `wt_timer`, whatever the transport, and repeats its last reply when
  the request comes again; also a relayed 2xx, which RFC 6026 leaves to the endpoints.
- A proxy's 2xx to an INVITE is repeated by the callee; only a 2xx made by this server is retransmitted (`answered`).
"""

from __future__ import annotations

from typing import Final

# Client events. 1XX, 2XX and FINAL are reply classes; TIMER_RETR is timer A/E, TIMER_FR timer B/F (and C); CANCEL is
# the decision to cancel the branch; SEND_ERROR comes from the transport.
E_1XX: Final = 0
E_2XX: Final = 1
E_FINAL: Final = 2
E_TIMER_RETR: Final = 3
E_TIMER_FR: Final = 4
E_CANCEL: Final = 5
E_SEND_ERROR: Final = 6
_CLIENT_EVENTS = ("1xx", "2xx", "3-6xx", "retr", "fr", "cancel", "send_error")

#: The event of a reply, by `status // 100`.
REPLY_EVENT: Final = (E_1XX, E_1XX, E_2XX, *(E_FINAL,) * 7)

# Client states.
CALLING: Final = 0
PROCEEDING: Final = 1
ABANDONED: Final = 2
COMPLETED: Final = 3
ACCEPTED: Final = 4
_CLIENT_STATES = ("calling", "proceeding", "abandoned", "completed", "accepted")

# Client actions.
A_PASS: Final = 1  #: hand the reply to the reply logic (routes, picking, relaying)
A_ACK: Final = 2  #: acknowledge the reply hop by hop
A_STOP: Final = 4  #: no more timers
A_STOP_RETR: Final = 8  #: no more retransmissions; the final response timer goes on
A_SLOW: Final = 16  #: go on retransmitting, every T2
A_SEND: Final = 32  #: send the request again
A_CANCEL: Final = 64  #: send CANCEL (again)
A_FAKE: Final = 128  #: act as if a final reply had come: 408 on timeout, 503 when sending failed
_CLIENT_ACTIONS = ("pass", "ack", "stop", "stop_retr", "slow", "send", "cancel", "fake")

Row = tuple[int, int]
Table = tuple[tuple[Row | None, ...], ...]


def _table(text: str, states: tuple[str, ...], events: tuple[str, ...], actions: tuple[str, ...]) -> Table:
    rows: list[list[Row | None]] = [[None] * len(events) for _ in states]
    for line in text.strip().splitlines():
        state, event, following, *does = line.split()
        done = sum(1 << actions.index(action) for action in does)
        rows[states.index(state)][events.index(event)] = (states.index(following), done)
    return tuple(tuple(row) for row in rows)


#: A branch of an INVITE. Timer A: retr_timer1, doubled up to retr_timer2; timer B: fr_timer; after a provisional
#: reply timer C: fr_inv_timer.
INVITE_CLIENT_TEXT = """
    calling     1xx         proceeding  stop_retr pass
    calling     2xx         accepted    stop pass
    calling     3-6xx       completed   stop ack pass
    calling     retr        calling     send
    calling     fr          abandoned   stop fake
    calling     cancel      abandoned   stop_retr
    calling     send_error  abandoned   stop fake
    proceeding  1xx         proceeding  stop_retr pass
    proceeding  2xx         accepted    stop pass
    proceeding  3-6xx       completed   stop ack pass
    proceeding  fr          abandoned   stop fake cancel
    proceeding  cancel      abandoned   stop_retr cancel
    abandoned   1xx         abandoned   cancel
    abandoned   2xx         abandoned   stop pass
    abandoned   3-6xx       abandoned   stop ack pass
    abandoned   retr        abandoned   send
    abandoned   fr          abandoned   stop fake
    abandoned   cancel      abandoned   stop_retr
    abandoned   send_error  abandoned   stop fake
    completed   1xx         completed   pass
    completed   2xx         accepted    stop pass
    completed   3-6xx       completed   stop ack pass
    completed   cancel      completed   stop
    accepted    1xx         accepted    pass
    accepted    2xx         accepted    stop pass
    accepted    3-6xx       accepted    stop ack pass
    accepted    cancel      accepted    stop
"""

#: A branch of any other request. Timer E: retr_timer1, doubled up to retr_timer2, at retr_timer2 after a provisional
#: reply; timer F: fr_timer.
NON_INVITE_CLIENT_TEXT = """
    calling     1xx         proceeding  slow pass
    calling     2xx         completed   stop pass
    calling     3-6xx       completed   stop pass
    calling     retr        calling     send
    calling     fr          abandoned   stop fake
    calling     send_error  abandoned   stop fake
    proceeding  1xx         proceeding  slow pass
    proceeding  2xx         completed   stop pass
    proceeding  3-6xx       completed   stop pass
    proceeding  retr        proceeding  send
    proceeding  fr          abandoned   stop fake
    proceeding  send_error  abandoned   stop fake
    abandoned   2xx         completed   stop pass
    abandoned   3-6xx       completed   stop pass
    completed   1xx         completed   pass
    completed   2xx         completed   stop pass
    completed   3-6xx       completed   stop pass
"""

INVITE_CLIENT: Final = _table(INVITE_CLIENT_TEXT, _CLIENT_STATES, _CLIENT_EVENTS, _CLIENT_ACTIONS)
NON_INVITE_CLIENT: Final = _table(NON_INVITE_CLIENT_TEXT, _CLIENT_STATES, _CLIENT_EVENTS, _CLIENT_ACTIONS)

# Server events. REQUEST is the request again; 1XX.. are replies leaving; 2XX_LOCAL is a 2xx made by this server;
# TIMER_RETR is timer G, TIMER_FR timer H.
S_REQUEST: Final = 0
S_ACK: Final = 1
S_1XX: Final = 2
S_2XX: Final = 3
S_2XX_LOCAL: Final = 4
S_FINAL: Final = 5
S_TIMER_RETR: Final = 6
S_TIMER_FR: Final = 7
S_RELEASE: Final = 8
_SERVER_EVENTS = ("request", "ack", "1xx", "2xx", "2xx_local", "3-6xx", "retr", "fr", "release")

# Server states.
TRYING: Final = 0
REPLYING: Final = 1
ANSWERED: Final = 2
REJECTED: Final = 3
RELAYED: Final = 4
WAITING: Final = 5
_SERVER_STATES = ("trying", "replying", "answered", "rejected", "relayed", "waiting")

# Server actions.
B_RESEND: Final = 1  #: repeat the last reply
B_RETR: Final = 2  #: retransmit the reply until ACK or timer H (fr_timer)
B_STOP: Final = 4  #: no more timers on the server side and the branches
B_WAIT: Final = 8  #: destroy the transaction after wt_timer
_SERVER_ACTIONS = ("resend", "retr", "stop", "wait")

#: `trying`: nothing sent; `replying`: a provisional reply was sent; `answered`: a 2xx of our own, `rejected`: 300-699
#: sent, both waiting for ACK; `relayed`: a callee's 2xx went through; `waiting`: acknowledged or given up.
INVITE_SERVER_TEXT = """
    trying      request     trying
    trying      1xx         replying
    trying      2xx         relayed     wait
    trying      2xx_local   answered    retr wait
    trying      3-6xx       rejected    retr wait
    trying      release     waiting     stop wait
    replying    request     replying    resend
    replying    1xx         replying
    replying    2xx         relayed     wait
    replying    2xx_local   answered    retr wait
    replying    3-6xx       rejected    retr wait
    replying    release     waiting     stop wait
    answered    request     answered    resend
    answered    ack         waiting     stop wait
    answered    2xx         relayed     wait
    answered    retr        answered    resend
    answered    fr          waiting     wait
    answered    release     waiting     stop wait
    rejected    request     rejected    resend
    rejected    ack         waiting     stop wait
    rejected    2xx         relayed     wait
    rejected    retr        rejected    resend
    rejected    fr          waiting     wait
    rejected    release     waiting     stop wait
    relayed     request     relayed     resend
    relayed     2xx         relayed
    relayed     release     waiting     stop wait
    waiting     request     waiting     resend
    waiting     ack         waiting     stop
    waiting     2xx         waiting
    waiting     release     waiting     stop wait
"""

#: Any other request: the final reply is repeated on request, never by a timer.
NON_INVITE_SERVER_TEXT = """
    trying      request     trying
    trying      1xx         replying
    trying      2xx         waiting     wait
    trying      2xx_local   waiting     wait
    trying      3-6xx       waiting     wait
    trying      release     waiting     stop wait
    replying    request     replying    resend
    replying    1xx         replying
    replying    2xx         waiting     wait
    replying    2xx_local   waiting     wait
    replying    3-6xx       waiting     wait
    replying    release     waiting     stop wait
    waiting     request     waiting     resend
    waiting     release     waiting     stop wait
"""

INVITE_SERVER: Final = _table(INVITE_SERVER_TEXT, _SERVER_STATES, _SERVER_EVENTS, _SERVER_ACTIONS)
NON_INVITE_SERVER: Final = _table(NON_INVITE_SERVER_TEXT, _SERVER_STATES, _SERVER_EVENTS, _SERVER_ACTIONS)
