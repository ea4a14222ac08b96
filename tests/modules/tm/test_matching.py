"""Which transaction a request or reply belongs to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .stage import BOB, Sent, Stage, reply, request, story

RELAY = "request_route { t_relay(); }"
HELD = """request_route {
    if (is_method("ACK")) { t_check_trans(); xlog("ACK\n"); exit; }
    t_newtran();
    t_reply("404", "Nobody");
}"""
NEW = ["100", "INVITE"]


def lines(sent: list[Sent]) -> list[str]:
    return [s.line for s in sent]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"branch": "z9hG4bK-2"}, False),
        ({"callid": "call-2"}, False),
        ({"cseq": "2"}, False),
        ({"headers": "X-New: 1\n"}, True),
        ({"from_tag": "other"}, True),  # RFC 3261 17.2.3: the branch decides
        ({"uri": "sip:other@127.0.0.12"}, True),
    ],
)
def test_a_retransmission_with_the_cookie(change: dict[str, str], same: bool) -> None:
    stage = Stage(RELAY)
    stage.invite()
    assert lines(stage.invite(**change)) == (["100"] if same else NEW)


@pytest.mark.parametrize("branch", ["", "old-style-1", "z9hG4bK"])
@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"callid": "call-2"}, False),
        ({"cseq": "2"}, False),
        ({"from_tag": "other"}, False),
        ({"to_tag": "b"}, False),
        ({"uri": "sip:other@127.0.0.12"}, False),
        ({"headers": "X-New: 1\n"}, True),
    ],
)
def test_a_retransmission_without_the_cookie(branch: str, change: dict[str, str], same: bool) -> None:
    stage = Stage(RELAY)
    stage.invite(branch=branch)
    assert lines(stage.invite(branch=branch, **change)) == (["100"] if same else NEW)


@pytest.mark.parametrize(
    ("parameter", "change", "same"),
    [
        ("ruri_matching", {"uri": "sip:other@127.0.0.12"}, True),
        ("via1_matching", {"branch": "another"}, True),
        ("ruri_matching", {"branch": "another"}, False),
    ],
)
def test_looser_matching_without_the_cookie(parameter: str, change: dict[str, str], same: bool) -> None:
    stage = Stage(f'modparam("tm", "{parameter}", 0)\n{RELAY}')
    stage.invite(branch="old")
    assert lines(stage.invite(**{"branch": "old", **change})) == (["100"] if same else NEW)


def test_another_method_is_another_transaction() -> None:
    stage = Stage(RELAY)
    stage.play(request("OPTIONS"))
    assert lines(stage.play(request("INFO"))) == ["INFO"]
    assert lines(stage.play(request("OPTIONS"))) == []
    assert len(stage.transactions) == 2


def test_another_sender_with_the_same_branch() -> None:
    """The host of the Via belongs to the match. Two ports that are both written do not, as in Kamailio."""
    stage = Stage(RELAY)
    stage.invite()
    assert lines(stage.play(request().replace("UDP 127.0.0.11:5060", "UDP 127.0.0.19:5060"))) == NEW
    assert lines(stage.play(request().replace("UDP 127.0.0.11:5060", "UDP 127.0.0.11:5070"))) == ["100"]


@pytest.mark.parametrize(
    ("sent_by", "same"), [("127.0.0.11", True), ("127.0.0.11:5060", True), ("127.0.0.11:5061", False)]
)
def test_the_default_port_is_as_good_as_none(sent_by: str, same: bool) -> None:
    stage = Stage(RELAY)
    stage.play(request().replace("UDP 127.0.0.11:5060", "UDP 127.0.0.11"))
    text = request().replace("UDP 127.0.0.11:5060", f"UDP {sent_by}")
    assert lines(stage.play(text)) == (["100"] if same else NEW)


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"cseq": "2"}, False),
        ({"branch": "z9hG4bK-2"}, False),
        ({"callid": "call-2"}, False),
    ],
)
def test_the_ack_of_a_negative_reply(change: dict[str, str], taken: bool) -> None:
    stage = Stage(HELD)
    (busy,) = stage.invite()
    tag = busy.header("To")[0].partition("tag=")[2]
    stage.play(request("ACK", **{"to_tag": tag, **change}))
    assert (stage.script == []) is taken
    assert (stage.advance(1) == []) is taken


@pytest.mark.parametrize("branch", ["z9hG4bK-1", "", "old"])
def test_a_cancel_finds_its_invite(branch: str) -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite(branch=branch)
    stage.answer(sent, "180 Ringing")
    assert lines(stage.play(request("CANCEL", branch=branch))) == ["CANCEL", "200"]


@pytest.mark.parametrize("change", [{"branch": "z9hG4bK-2"}, {"cseq": "2"}, {"callid": "other"}])
def test_a_cancel_for_nothing_is_forwarded(change: dict[str, str]) -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    (forwarded,) = stage.play(request("CANCEL", **change))
    assert forwarded.line == "CANCEL" and len(forwarded.header("Via")) == 2


def test_a_cancel_that_overtakes_its_invite() -> None:
    """The INVITE behind it is not forwarded at all."""
    stage = Stage(RELAY)
    stage.play(request("CANCEL"))
    assert "INVITE" not in lines(stage.invite())
    assert stage.transactions[-1].flags & 1 << 3


def test_replies_come_back_by_the_branch_parameter() -> None:
    stage = Stage(RELAY)
    _, one = stage.invite()
    _, two = stage.invite(branch="z9hG4bK-2", callid="call-2")
    assert one.branch.rpartition(".")[0] != two.branch.rpartition(".")[0]
    (back,) = stage.answer(two, "180 Ringing")
    assert back.header("Call-ID") == ["call-2"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace(";branch=z9hG4bK", ";branch=z9hG4bX", 1),
        lambda text: text.replace("1 INVITE", "1 OPTIONS"),
        lambda text: text.replace(".0\n", ".7\n", 1),
    ],
)
def test_a_reply_that_matches_nothing_passes_without_state(damage: Callable[[str], str]) -> None:
    stage = Stage(RELAY)
    _, sent = stage.invite()
    assert lines(stage.play(damage(reply(sent, "180 Ringing")), BOB)) == ["180"]
    # The branch goes on as if nothing had come.
    assert story(stage.advance(0.6)) == ["0.5 INVITE bob"]


def test_branches_by_call_id_and_cseq() -> None:
    stage = Stage(f'modparam("tm", "callid_cseq_matching", 1)\n{RELAY}')
    _, sent = stage.invite()
    text = reply(sent, "486 Busy Here").replace(sent.branch.rpartition(".")[0], "z9hG4bKother.1", 1)
    assert lines(stage.play(text, BOB)) == ["ACK", "486"]


def test_a_2xx_of_ours_is_acknowledged_by_the_to_tag() -> None:
    stage = Stage(HELD.replace('"404", "Nobody"', '"200", "OK"'))
    (ok,) = stage.invite()
    stage.play(request("ACK", branch="z9hG4bK-2", to_tag="somebody-else"))
    assert story(stage.advance(0.6)) == ["0.5 200 alice"]
    stage.play(request("ACK", branch="z9hG4bK-3", to_tag=ok.header("To")[0].partition("tag=")[2]))
    assert stage.advance(3) == []


def test_two_transactions_with_one_key_are_found_newest_first() -> None:
    stage = Stage(RELAY)
    stage.invite(branch="z9hG4bK-1")
    stage.invite(branch="z9hG4bK-2")
    first, second = stage.transactions
    assert stage.tm.lookup_callid("call-1", "1") is second
    assert second.next_same_key is first
    stage.tm.destroy(second)
    assert stage.tm.lookup_callid("call-1", "1") is first
    stage.tm.destroy(first)
    assert stage.tm.lookup_callid("call-1", "1") is None
    assert not stage.tm.by_branch and not stage.tm.by_ident


def test_removing_in_any_order_keeps_the_rest() -> None:
    stage = Stage(RELAY)
    for number in range(3):
        stage.invite(branch=f"z9hG4bK-{number}")
    _, middle, _ = stage.transactions
    stage.tm.destroy(middle)
    assert lines(stage.invite(branch="z9hG4bK-0")) == ["100"]
    assert lines(stage.invite(branch="z9hG4bK-2")) == ["100"]
    assert lines(stage.invite(branch="z9hG4bK-1")) == NEW
