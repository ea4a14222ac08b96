"""Stateless replies, and the ACKs to them."""

from __future__ import annotations

import pytest

from kamscript.modules.sl import Sl

from .tm.stage import BOB, Stage, reply, request, story

BUSY = 'request_route { if (is_method("ACK")) { xlog("ACK\\n"); exit; } sl_send_reply("486", "Busy"); }'


def tag_of(text: str) -> str:
    return text.partition("\r\nTo: ")[2].partition("tag=")[2].partition("\r\n")[0]


def sl_of(stage: Stage) -> Sl:
    found = stage.server.modules["sl"]
    assert isinstance(found, Sl)
    return found


def test_the_ack_of_a_reply_ends_before_the_script() -> None:
    stage = Stage(BUSY)
    (busy,) = stage.invite()
    stage.play(request("ACK", to_tag=tag_of(busy.text)))
    assert stage.script == []
    # Two seconds behind the last reply nothing is expected any more.
    stage.advance(2.5)
    stage.play(request("ACK", to_tag=tag_of(busy.text)))
    assert stage.script == ["ACK"]


@pytest.mark.parametrize("tag", ["", "other", "x" * 41])
def test_other_acks_reach_the_script(tag: str) -> None:
    stage = Stage(BUSY)
    stage.invite()
    stage.play(request("ACK", to_tag=tag))
    assert stage.script == ["ACK"]


def test_a_request_again_gets_the_same_reply() -> None:
    stage = Stage(BUSY)
    (one,), (two,) = stage.invite(), stage.invite()
    assert one.text == two.text
    (other,) = stage.invite(branch="z9hG4bK-2")
    assert tag_of(other.text) != tag_of(one.text)


@pytest.mark.parametrize(("bind", "repeated"), [(1, ["0.5 486 alice"]), (0, [])])
def test_send_reply_keeps_to_the_transaction(bind: int, repeated: list[str]) -> None:
    stage = Stage(f'modparam("sl", "bind_tm", {bind})\nrequest_route {{ t_newtran(); send_reply("486", "Busy"); }}')
    assert story(stage.invite()) == ["0 486 alice"]
    assert story(stage.advance(1)) == repeated


@pytest.mark.parametrize(
    ("code", "reason", "line"),
    [
        ('"486"', '"Busy"', "486 Busy"),
        ("486", '"Busy"', "486 Busy"),
        ('"$var(n)"', '"Busy"', "480 Busy"),
        ('"$var(t)"', '"Busy"', "500 Busy"),
        ('"$var(none)"', '"Busy"', "0 Busy"),
        ('"486"', '"For $rU"', "486 For bob"),
        ('"486"', '"$rU is busy"', "486 bob"),
        ('"486"', '"$avp(none)"', "486 Internal Server Error"),
    ],
)
def test_code_and_reason(code: str, reason: str, line: str) -> None:
    stage = Stage(f'request_route {{ $var(n) = 480; $var(t) = "480"; sl_send_reply({code}, {reason}); }}')
    sent = stage.invite()
    if line.startswith("0 "):
        assert sent == [] or sent[0].text.split(" ", 1)[1].startswith("0")
    else:
        assert sent[0].text.startswith(f"SIP/2.0 {line}\r\n")


def test_nobody_answers_an_ack() -> None:
    stage = Stage('request_route { if (!sl_send_reply("486", "Busy")) xlog("no\\n"); }')
    assert stage.play(request("ACK", to_tag="x")) == []
    assert stage.script == ["no"]


def test_counting() -> None:
    stage = Stage('request_route { sl_send_reply("$rU", "X"); sl_send_reply(183, "X"); sl_send_reply(486, "X"); }')
    stage.invite("sip:200@x")
    counts = sl_of(stage).counts
    assert counts["xxx"] >= 1 and counts["4xx"] == 1
    assert sum(counts.values()) == 3


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("sl_forward_reply();", "183 Progress"),
        ('sl_forward_reply("180");', "180 Progress"),
        ('sl_forward_reply("180", "Ring");', "180 Ring"),
        ('sl_forward_reply("200");', ""),
        ('sl_forward_reply("18");', ""),
    ],
)
def test_sl_forward_reply(script: str, expected: str) -> None:
    stage = Stage(f"request_route {{ forward(); }} reply_route {{ {script} drop; }}")
    (sent,) = stage.invite()
    found = stage.play(reply(sent, "183 Progress"), BOB)
    assert [s.text.splitlines()[0] for s in found] == ([f"SIP/2.0 {expected}"] if expected else [])


def test_callbacks() -> None:
    heard: list[tuple[int, int]] = []
    stage = Stage(BUSY)
    sl_of(stage).register_callback(0xFF, lambda ctx, kind, code, reason, text, to: heard.append((kind, code)))
    (busy,) = stage.invite()
    stage.play(request("ACK", to_tag=tag_of(busy.text)))
    assert [code for _, code in heard] == [486, 0]
