"""How a dialog moves through its states (dialog/dlg_hash.c next_state_dlg): a table, and the step through it.

    1 unconfirmed   the INVITE came               4 confirmed   the ACK came: the call is up
    2 early         a provisional reply came      5 deleted     negative reply, BYE, or its time is over
    3 confirmed_na  a 2xx came, no ACK yet

`MOVES[event][state]` tells what an event does in a state; what is not in the table must not happen: Kamailio logs it
as bogus and leaves the state as it is, and so does whoever calls `step`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.modules.dialog.cell import (
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    EARLY,
    FLAG_DMQ_DELETED,
    FLAG_HASBYE,
    FLAG_TM,
    IFLAG_DMQ_SYNC,
    IFLAG_PRACK,
    UNCONFIRMED,
)

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell

# Events, numbered as in Kamailio (its log shows the numbers).
TDEL: Final = 1  #: the transaction of the INVITE is gone
RPL_1XX: Final = 2
RPL_2XX: Final = 3
RPL_3XX: Final = 4  #: any negative reply
REQ_PRACK: Final = 5
REQ_ACK: Final = 6
REQ_BYE: Final = 7  #: a BYE, or the lifetime is over
REQ: Final = 8  #: any other request within the dialog

#: What the methods of requests within a dialog mean; others are REQ.
REQUEST_EVENTS: Final = {"PRACK": REQ_PRACK, "ACK": REQ_ACK, "BYE": REQ_BYE}


class Move(NamedTuple):
    """What an event does: the state behind it, the references that the caller gives back then, further effects."""

    state: int
    unref: int = 0
    dflags: int = 0
    iflags: int = 0
    revive: bool = False  #: a 2xx behind a negative reply: allowed without a BYE only, and the table refers to it again
    drop: bool = False  #: a reference is given back at once


_STAY: Final = {state: Move(state) for state in (UNCONFIRMED, EARLY, CONFIRMED_NA, CONFIRMED, DELETED)}

MOVES: Final[dict[int, dict[int, Move]]] = {
    TDEL: {
        UNCONFIRMED: Move(DELETED, 1, drop=True),
        EARLY: Move(DELETED, 1, drop=True),
        CONFIRMED_NA: Move(CONFIRMED_NA, drop=True),
        CONFIRMED: Move(CONFIRMED, drop=True),
        DELETED: Move(DELETED, 1),
    },
    RPL_1XX: {UNCONFIRMED: Move(EARLY), EARLY: Move(EARLY)},
    RPL_2XX: {
        UNCONFIRMED: Move(CONFIRMED_NA),
        EARLY: Move(CONFIRMED_NA),
        CONFIRMED_NA: _STAY[CONFIRMED_NA],
        CONFIRMED: _STAY[CONFIRMED],
        DELETED: Move(CONFIRMED_NA, revive=True),
    },
    RPL_3XX: {UNCONFIRMED: Move(DELETED, 1), EARLY: Move(DELETED, 1)},
    REQ_PRACK: {
        EARLY: Move(EARLY, iflags=IFLAG_PRACK),
        CONFIRMED_NA: Move(CONFIRMED_NA, iflags=IFLAG_PRACK),
        DELETED: _STAY[DELETED],
    },
    REQ_ACK: {CONFIRMED_NA: Move(CONFIRMED), CONFIRMED: _STAY[CONFIRMED], DELETED: _STAY[DELETED]},
    REQ_BYE: {
        EARLY: _STAY[EARLY],
        CONFIRMED_NA: Move(DELETED, 1, FLAG_HASBYE),
        CONFIRMED: Move(DELETED, 1, FLAG_HASBYE),
        DELETED: _STAY[DELETED],
    },
    REQ: {
        EARLY: _STAY[EARLY],
        CONFIRMED_NA: _STAY[CONFIRMED_NA],
        CONFIRMED: _STAY[CONFIRMED],
        DELETED: _STAY[DELETED],
    },
}

#: What else may happen to a dialog whose replies another node of a DMQ bus sees (6.x; it never gets there elsewhere).
REPLICATED: Final = {
    (REQ_ACK, UNCONFIRMED): Move(CONFIRMED),
    (REQ_ACK, EARLY): Move(CONFIRMED),
    (REQ_BYE, UNCONFIRMED): Move(DELETED, 1, FLAG_HASBYE),
}


def step(dlg: DialogCell, event: int) -> Move | None:
    """Move `dlg` by one event and tell what that move asks for; None: the event must not happen in this state."""
    move = MOVES[event].get(dlg.state)
    if move is None:
        move = REPLICATED.get((event, dlg.state))
        if move is None or dlg.dflags & FLAG_TM or not dlg.iflags & IFLAG_DMQ_SYNC:
            return None
    if move.revive:
        if dlg.dflags & FLAG_HASBYE:
            return None
        if dlg.dflags & FLAG_DMQ_DELETED:
            return _STAY[DELETED]
        dlg.ref += 1
    dlg.state = move.state
    dlg.dflags |= move.dflags
    dlg.iflags |= move.iflags
    return move
