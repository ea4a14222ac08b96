"""The table of states: what each event does in each state, and what it must not do."""

from __future__ import annotations

import pytest

from kamscript.modules.dialog import states
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
    DialogCell,
)
from tests.modules.dialog.scene import Scene

U, E, N, C, D = UNCONFIRMED, EARLY, CONFIRMED_NA, CONFIRMED, DELETED


def dialog(state: int) -> DialogCell:
    """One in this state."""
    dlg = DialogCell("c", "sip:a", "sip:b", "sip:b", "a1")
    dlg.state, dlg.ref = state, 1
    return dlg


@pytest.mark.spec("3")
@pytest.mark.parametrize(
    ("event", "becomes"),
    [
        (states.TDEL, {U: D, E: D, N: N, C: C, D: D}),
        (states.RPL_1XX, {U: E, E: E, N: None, C: None, D: None}),
        (states.RPL_2XX, {U: N, E: N, N: N, C: C, D: N}),
        (states.RPL_3XX, {U: D, E: D, N: None, C: None, D: None}),
        (states.REQ_PRACK, {U: None, E: E, N: N, C: None, D: D}),
        (states.REQ_ACK, {U: None, E: None, N: C, C: C, D: D}),
        (states.REQ_BYE, {U: None, E: E, N: D, C: D, D: D}),
        (states.REQ, {U: None, E: E, N: N, C: C, D: D}),
    ],
)
def test_what_an_event_does(event: int, becomes: dict[int, int | None]) -> None:
    """The whole table, None where an event is bogus."""
    found = {}
    for state in (U, E, N, C, D):
        dlg = dialog(state)
        found[state] = dlg.state if states.step(dlg, event) is not None else None
    assert found == becomes


def test_a_bogus_event_leaves_everything() -> None:
    """Also the flags."""
    dlg = dialog(C)
    assert states.step(dlg, states.RPL_3XX) is None
    assert (dlg.state, dlg.dflags, dlg.ref) == (C, 0, 1)


def test_who_gives_back_references() -> None:
    """The end of a call gives back the one of the table."""
    unref = {
        (event, state): move.unref for event, row in states.MOVES.items() for state, move in row.items() if move.unref
    }
    assert set(unref) == {
        (states.TDEL, U), (states.TDEL, E), (states.TDEL, D),
        (states.RPL_3XX, U), (states.RPL_3XX, E),
        (states.REQ_BYE, N), (states.REQ_BYE, C),
    }  # fmt: skip


def test_a_2xx_behind_a_negative_reply_revives() -> None:
    """And refers to the dialog again; not behind a BYE."""
    dlg = dialog(D)
    assert states.step(dlg, states.RPL_2XX) is not None
    assert (dlg.state, dlg.ref) == (N, 2)
    ended = dialog(D)
    ended.dflags = FLAG_HASBYE
    assert states.step(ended, states.RPL_2XX) is None
    assert (ended.state, ended.ref) == (D, 1)


def test_a_dialog_that_another_node_ended_stays_ended() -> None:
    """A 2xx in flight does not revive it."""
    dlg = dialog(D)
    dlg.dflags = FLAG_DMQ_DELETED
    assert states.step(dlg, states.RPL_2XX) is not None
    assert (dlg.state, dlg.ref) == (D, 1)


def test_flags_of_bye_and_prack() -> None:
    """What the database and dlg.list show of them."""
    dlg = dialog(E)
    states.step(dlg, states.REQ_PRACK)
    assert dlg.iflags == IFLAG_PRACK
    dlg = dialog(C)
    states.step(dlg, states.REQ_BYE)
    assert dlg.dflags == FLAG_HASBYE


def test_a_dialog_of_another_node_may_skip_replies() -> None:
    """Its 2xx went elsewhere; of our own dialogs an ACK before the 2xx is bogus."""
    dlg = dialog(E)
    dlg.iflags = IFLAG_DMQ_SYNC
    assert states.step(dlg, states.REQ_ACK) is not None
    assert dlg.state == C
    dlg = dialog(U)
    dlg.iflags, dlg.dflags = IFLAG_DMQ_SYNC, FLAG_TM
    assert states.step(dlg, states.REQ_BYE) is None


def test_a_bogus_event_is_logged() -> None:
    """With the numbers of Kamailio's log."""
    scene = Scene()
    scene.invite()
    assert scene.dialog.tracking.move(scene.only, states.REQ) == (1, 1, 0)
    (line,) = scene.warned()
    assert line.startswith("CRITICAL: dialog: bogus event 8 in state 1 for dlg [")
    assert "with clid 'call-1' and tags 'a1' ''" in line


def test_an_unknown_event_must_not_happen() -> None:
    """A programming error, not a state."""
    with pytest.raises(KeyError):
        states.step(dialog(U), 99)
