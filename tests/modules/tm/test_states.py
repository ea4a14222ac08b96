"""The tables of the four machines."""

from __future__ import annotations

import pytest

from kamscript.modules.tm import states
from kamscript.modules.tm.states import (
    INVITE_CLIENT,
    INVITE_CLIENT_TEXT,
    INVITE_SERVER,
    INVITE_SERVER_TEXT,
    NON_INVITE_CLIENT,
    NON_INVITE_CLIENT_TEXT,
    NON_INVITE_SERVER,
    NON_INVITE_SERVER_TEXT,
    Table,
)

ALL = [
    pytest.param(INVITE_CLIENT_TEXT, INVITE_CLIENT, id="invite client"),
    pytest.param(NON_INVITE_CLIENT_TEXT, NON_INVITE_CLIENT, id="non-invite client"),
    pytest.param(INVITE_SERVER_TEXT, INVITE_SERVER, id="invite server"),
    pytest.param(NON_INVITE_SERVER_TEXT, NON_INVITE_SERVER, id="non-invite server"),
]


@pytest.mark.parametrize(("text", "table"), ALL)
def test_a_text_becomes_one_row_per_line(text: str, table: Table) -> None:
    lines = [line.split() for line in text.strip().splitlines()]
    assert len({(line[0], line[1]) for line in lines}) == len(lines)
    assert sum(row is not None for rows in table for row in rows) == len(lines)


@pytest.mark.parametrize(("text", "table"), ALL)
def test_every_state_that_a_row_leads_to_has_rows(text: str, table: Table) -> None:
    states_with_rows = {line.split()[0] for line in text.strip().splitlines()}
    assert {line.split()[2] for line in text.strip().splitlines()} <= states_with_rows


@pytest.mark.parametrize(("text", "table"), ALL)
def test_every_state_can_be_reached(text: str, table: Table) -> None:
    steps = [line.split()[:3] for line in text.strip().splitlines()]
    first = steps[0][0]
    reached = {first}
    while more := {after for before, _, after in steps if before in reached} - reached:
        reached |= more
    assert reached == {before for before, _, _ in steps}


@pytest.mark.parametrize(
    ("state", "event", "following", "actions"),
    [
        # RFC 3261 figure 5: INVITE client transaction
        (states.CALLING, states.E_1XX, states.PROCEEDING, states.A_STOP_RETR | states.A_PASS),
        (states.CALLING, states.E_2XX, states.ACCEPTED, states.A_STOP | states.A_PASS),
        (states.CALLING, states.E_FINAL, states.COMPLETED, states.A_STOP | states.A_ACK | states.A_PASS),
        (states.CALLING, states.E_TIMER_RETR, states.CALLING, states.A_SEND),
        # RFC 6026: a 2xx again, and one behind a negative reply
        (states.ACCEPTED, states.E_2XX, states.ACCEPTED, states.A_STOP | states.A_PASS),
        # the ACK to a final reply that comes again
        (states.COMPLETED, states.E_FINAL, states.COMPLETED, states.A_STOP | states.A_ACK | states.A_PASS),
        # CANCEL waits for a provisional reply
        (states.CALLING, states.E_CANCEL, states.ABANDONED, states.A_STOP_RETR),
        (states.ABANDONED, states.E_1XX, states.ABANDONED, states.A_CANCEL),
    ],
)
def test_rows_of_the_invite_client(state: int, event: int, following: int, actions: int) -> None:
    assert INVITE_CLIENT[state][event] == (following, actions)


@pytest.mark.parametrize(
    ("state", "event", "following", "actions"),
    [
        # RFC 3261 figure 7: INVITE server transaction
        (states.TRYING, states.S_REQUEST, states.TRYING, 0),
        (states.REPLYING, states.S_REQUEST, states.REPLYING, states.B_RESEND),
        (states.REPLYING, states.S_FINAL, states.REJECTED, states.B_RETR | states.B_WAIT),
        (states.REJECTED, states.S_TIMER_RETR, states.REJECTED, states.B_RESEND),
        (states.REJECTED, states.S_ACK, states.WAITING, states.B_STOP | states.B_WAIT),
        (states.REPLYING, states.S_2XX, states.RELAYED, states.B_WAIT),
    ],
)
def test_rows_of_the_invite_server(state: int, event: int, following: int, actions: int) -> None:
    assert INVITE_SERVER[state][event] == (following, actions)
