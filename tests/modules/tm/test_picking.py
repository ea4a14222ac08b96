"""Which reply goes upstream."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.modules.tm.picking import priority

from .stage import CAROL, Sent, Stage, story

FORK = 'append_branch("sip:carol@127.0.0.13");'
CODES = st.integers(300, 699)


def ringing(config: str = f"request_route {{ {FORK} t_relay(); }}") -> tuple[Stage, Sent, Sent]:
    """A stage with a call to bob and carol."""
    stage = Stage(config)
    _, bobs, carols = stage.invite()
    return stage, bobs, carols


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (600, 300), (603, 401), (302, 404), (302, 500), (401, 404), (407, 486), (415, 404), (420, 486), (484, 404),
        (404, 486), (486, 487), (487, 500), (499, 500), (500, 599), (401, 407), (600, 603),
    ],
)  # fmt: skip
def test_priorities(better: int, worse: int) -> None:
    assert priority(better, False, 0) < priority(worse, False, 0)


@given(CODES, CODES)
def test_6xx_wins_then_3xx_4xx_5xx(one: int, other: int) -> None:
    order = {6: 0, 3: 1, 4: 2, 5: 3}
    if order[one // 100] < order[other // 100]:
        assert priority(one, False, 0) < priority(other, False, 0)


@given(CODES, st.integers(-500, 500))
def test_faked_replies_may_count_for_more_or_less(code: int, extra: int) -> None:
    assert priority(code, True, extra) == priority(code, False, 0) + extra
    assert priority(code, False, extra) == priority(code, False, 0)


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations((302, 401, 404, 486, 500), 2)))
def test_the_best_of_two(one: int, other: int) -> None:
    stage, bobs, carols = ringing()
    assert story(stage.answer(bobs, f"{one} X")) == ["0 ACK bob"]
    _, final = stage.answer(carols, f"{other} Y", source=CAROL)
    best = min((one, other), key=lambda code: priority(code, False, 0))
    assert final.line == str(best)


def test_a_6xx_ends_the_others() -> None:
    stage, bobs, carols = ringing()
    stage.answer(bobs, "180 Ringing")
    assert story(stage.answer(carols, "603 Decline", source=CAROL)) == ["0 ACK carol", "0 CANCEL bob"]
    assert story(stage.answer(bobs, "487 Request Terminated")) == ["0 ACK bob", "0 603 alice"]


def test_a_2xx_ends_the_others() -> None:
    stage, bobs, carols = ringing()
    stage.answer(bobs, "180 Ringing")
    assert story(stage.answer(carols, "200 OK", source=CAROL)) == ["0 200 alice", "0 CANCEL bob"]
    assert story(stage.answer(bobs, "487 Request Terminated")) == ["0 ACK bob"]


def test_provisional_replies_of_all_branches_pass() -> None:
    stage, bobs, carols = ringing()
    assert story(stage.answer(bobs, "180 Ringing")) == ["0 180 alice"]
    assert story(stage.answer(carols, "183 Progress", source=CAROL)) == ["0 183 alice"]
    assert story(stage.answer(bobs, "100 Trying")) == []


def test_100_passes_if_so_set() -> None:
    stage, bobs, _ = ringing(f'modparam("tm", "relay_100", 1)\nrequest_route {{ {FORK} t_relay(); }}')
    assert story(stage.answer(bobs, "100 Trying")) == ["0 100 alice"]


@pytest.mark.parametrize(("extra", "code"), [(0, "408"), (2000, "486")])
def test_a_timeout_among_the_replies(extra: int, code: str) -> None:
    """408 beats 486 unless `faked_reply_prio` makes what nobody sent count for less."""
    stage, _, carols = ringing(
        f'modparam("tm", "faked_reply_prio", {extra}) modparam("tm", "fr_timer", 1000)\n'
        f"request_route {{ {FORK} t_relay(); }}"
    )
    stage.answer(carols, "180 Ringing", source=CAROL)
    stage.advance(2)
    assert story(stage.answer(carols, "486 Busy Here", source=CAROL)) == ["2 ACK carol", f"2 {code} alice"]


@pytest.mark.parametrize(
    ("code", "remap", "line"), [(503, 1, "SIP/2.0 500 Service Unavailable"), (503, 0, "SIP/2.0 503 Bad Day")]
)
def test_a_503_stays_with_the_proxy(code: int, remap: int, line: str) -> None:
    stage = Stage(f'modparam("tm", "remap_503_500", {remap})\nrequest_route {{ t_relay(); }}')
    _, sent = stage.invite()
    _, final = stage.answer(sent, f"{code} Bad Day")
    assert final.text.startswith(line)
