"""When requests and replies are sent again, and when tm gives up."""

from __future__ import annotations

import pytest

from .stage import BOB, Stage, request, story

RELAY = "request_route { t_relay(); }"
#: Every 0.5, 1, 2, then 4 s.
AGAIN = ("0.5", "1.5", "3.5", "7.5", "11.5", "15.5", "19.5", "23.5", "27.5")


def test_an_invite_that_nobody_answers() -> None:
    stage = Stage(RELAY)
    assert story(stage.invite()) == ["0 100 alice", "0 INVITE bob"]
    assert story(stage.advance(29.9)) == [f"{at} INVITE bob" for at in AGAIN]
    assert story(stage.advance(30)) == ["30 408 alice", "30.5 408 alice", "31.5 408 alice", "33.5 408 alice"]
    assert not stage.transactions


def test_a_request_that_nobody_answers() -> None:
    stage = Stage(RELAY)
    stage.play(request("OPTIONS"))
    found = story(stage.advance(31))
    assert found == [f"{at} OPTIONS bob" for at in AGAIN] + ["30 408 alice"]
    # Its 408 is sent once; only the request coming again repeats it.
    assert not stage.advance(3)
    assert story(stage.play(request("OPTIONS"))) == ["34 408 alice"]
    stage.advance(2)
    assert not stage.transactions


def test_a_provisional_reply_slows_a_request_down() -> None:
    stage = Stage(RELAY)
    (sent,) = stage.play(request("OPTIONS"))
    stage.advance(0.7)
    stage.answer(sent, "100 Trying")
    assert story(stage.advance(10)) == ["4.7 OPTIONS bob", "8.7 OPTIONS bob"]


def test_a_provisional_reply_silences_an_invite() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    stage.advance(0.7)
    assert story(stage.answer(sent, "180 Ringing")) == ["0.7 180 alice"]
    assert story(stage.advance(119.9)) == []
    # Timer C: 120 s behind the last provisional reply.
    assert story(stage.advance(0.2)) == ["120.7 408 alice", "120.7 CANCEL bob"]


def test_each_provisional_reply_restarts_timer_c() -> None:
    stage = Stage('modparam("tm", "max_inv_lifetime", 1000000)\n' + RELAY)
    _, sent = stage.invite()
    for status in ("180 Ringing", "180 Ringing", "183 Progress", "180 Ringing"):
        stage.answer(sent, status)
        assert story(stage.advance(100)) == []
    assert story(stage.advance(21)) == ["420 408 alice", "420 CANCEL bob", "420.5 408 alice", "420.5 CANCEL bob"]


def test_only_new_codes_restart_timer_c() -> None:
    stage = Stage('modparam("tm", "restart_fr_on_each_reply", 0) modparam("tm", "max_inv_lifetime", 1000000)\n' + RELAY)
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    stage.advance(100)
    stage.answer(sent, "180 Ringing")
    assert "120 408 alice" in story(stage.advance(30))


def test_an_invite_lives_three_minutes_at_most() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    for _ in range(2):
        stage.answer(sent, "180 Ringing")
        stage.advance(80)
    stage.answer(sent, "180 Ringing")
    assert "180 408 alice" in story(stage.advance(30))


def test_a_negative_reply_is_repeated_until_its_ack() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    assert story(stage.answer(sent, "486 Busy Here")) == ["0 ACK bob", "0 486 alice"]
    assert story(stage.advance(1)) == ["0.5 486 alice"]
    assert not stage.play(request("ACK", to_tag="b1"))
    assert not stage.advance(10)


def test_a_negative_reply_that_comes_again_is_acknowledged_again() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    first, _ = stage.answer(sent, "486 Busy Here")
    again = stage.answer(sent, "486 Busy Here")
    assert [s.text for s in again] == [first.text]


def test_a_2xx_is_not_repeated_by_a_proxy() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    stage.answer(sent, "200 OK")
    assert not stage.advance(4)
    # The callee does, and it goes through each time.
    assert story(stage.answer(sent, "200 OK")) == ["4 200 alice"]
    stage.advance(2)
    assert not stage.transactions


def test_a_2xx_of_our_own_is_repeated() -> None:
    stage = Stage(
        'request_route { if (is_method("ACK")) { t_check_trans(); exit; } t_newtran(); t_reply("200", "OK"); }'
    )
    (ok,) = stage.invite()
    assert story(stage.advance(2)) == ["0.5 200 alice", "1.5 200 alice"]
    tag = ok.header("To")[0].partition("tag=")[2]
    stage.play(request("ACK", to_tag=tag, branch="z9hG4bK-2"))
    assert not stage.advance(10)


def test_retransmissions_are_answered_with_the_last_reply() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    assert story(stage.invite()) == ["0 100 alice"]
    stage.answer(sent, "180 Ringing")
    assert story(stage.invite()) == ["0 180 alice"]
    stage.answer(sent, "404 Not Found")
    assert story(stage.invite()) == ["0 404 alice"]


def test_streams_are_not_retransmitted() -> None:
    stage = Stage(RELAY, listen="listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n")
    stage.invite("sip:bob@127.0.0.12;transport=tcp")
    assert story(stage.advance(29)) == []
    assert "30 408 alice" in story(stage.advance(2))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("t_set_fr(0, 2000);", ["0.5 INVITE bob", "1.5 INVITE bob", "2 408 alice"]),
        (
            "t_set_retr(100, 300);",
            [f"{at} INVITE bob" for at in ("0.1", "0.3", "0.6", "0.9", "1.2", "1.5", "1.8", "2.1", "2.4", "2.7", "3")],
        ),
        ("t_set_max_lifetime(1000, 1000);", ["0.5 INVITE bob", "1 408 alice", "1.5 408 alice", "2.5 408 alice"]),
        ("t_set_fr(0, 2000); t_reset_fr();", ["0.5 INVITE bob", "1.5 INVITE bob"]),
        ("t_set_retr(100, 300); t_reset_retr();", ["0.5 INVITE bob", "1.5 INVITE bob"]),
        ("t_set_max_lifetime(1000, 1000); t_reset_max_lifetime();", ["0.5 INVITE bob", "1.5 INVITE bob"]),
        ("t_newtran(); t_set_fr(0, 2000);", ["0.5 INVITE bob", "1.5 INVITE bob", "2 408 alice"]),
    ],
)
def test_a_script_sets_the_timers(script: str, expected: list[str]) -> None:
    stage = Stage(f"request_route {{ {script} t_relay(); }}")
    stage.invite()
    assert story(stage.advance(3))[: len(expected)] == expected


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ('"fr_timer", 1000', "1 408 alice"),
        ('"max_inv_lifetime", 1000', "1 408 alice"),
        ('"retr_timer1", 100', "0.1 INVITE bob"),
        ('"retr_timer2", 500', "2.5 INVITE bob"),
    ],
)
def test_parameters_set_the_timers(parameter: str, expected: str) -> None:
    stage = Stage(f'modparam("tm", {parameter})\n{RELAY}')
    stage.invite()
    assert expected in story(stage.advance(3))


def test_an_avp_sets_the_timers() -> None:
    stage = Stage(
        'modparam("tm", "fr_timer_avp", "$avp(fr)")\nrequest_route { $avp(fr) = 2; t_relay(); }', modules="tm pv"
    )
    stage.invite()
    assert "2 408 alice" in story(stage.advance(3))


def test_without_a_word() -> None:
    """noisy_ctimer=0: a caller that nobody ever replied to is not told."""
    stage = Stage('modparam("tm", "noisy_ctimer", 0)\n' + RELAY)
    stage.invite()
    assert {s.line for s in stage.advance(60)} == {"INVITE"}
    assert not stage.transactions


def test_a_cancel_of_ours_is_repeated() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    assert story(stage.play(request("CANCEL"))) == ["0 CANCEL bob", "0 200 alice"]
    assert story(stage.advance(2)) == ["0.5 CANCEL bob", "1.5 CANCEL bob"]
    cancel = stage.sent[-1]
    stage.answer(cancel, "200 OK")
    assert not stage.advance(3)
    assert story(stage.answer(sent, "487 Request Terminated")) == ["5 ACK bob", "5 487 alice"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0, ["0 487 alice"]),
        (1, ["0.5 INVITE bob", "1.5 INVITE bob"]),
        (2, ["0 CANCEL bob"]),
    ],
)
def test_a_branch_that_never_replied_is_cancelled(mode: int, expected: list[str]) -> None:
    stage = Stage(f'modparam("tm", "cancel_b_method", {mode})\n{RELAY}')
    stage.invite()
    stage.sent.clear()
    stage.play(request("CANCEL"))
    stage.advance(2)
    assert [line for line in story(stage.sent) if line in expected] == expected


def test_a_late_provisional_reply_is_cancelled() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    assert story(stage.play(request("CANCEL"))) == ["0 200 alice"]
    stage.advance(0.2)
    assert story(stage.answer(sent, "100 Trying")) == ["0.2 CANCEL bob"]
    assert story(stage.answer(sent, "180 Ringing")) == ["0.2 CANCEL bob"]


def test_a_late_2xx_is_relayed_behind_a_timeout() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    stage.advance(31)
    assert story(stage.answer(sent, "200 OK")) == ["31 200 alice"]


def test_the_answer_of_nobody_we_know_passes_statelessly() -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    stage.answer(sent, "200 OK")
    stage.advance(10)
    assert story(stage.answer(sent, "200 OK", source=BOB)) == ["10 200 alice"]
    assert not stage.transactions
