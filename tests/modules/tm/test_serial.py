"""Forking one after the other, flows of one phone, suspended replies."""

from __future__ import annotations

import pytest

from .stage import BOB, CAROL, Stage, reply, story

#: The request URI itself, which has no q.
LAST = ["127.0.0.99:5060"]
PARAMETERS = """
modparam("tm", "contacts_avp", "tm_contacts")
modparam("tm", "contact_flows_avp", "tm_flows")
modparam("tm", "xavp_contact", "attrs")
"""


def forking(branches: list[tuple[str, str]], mode: str = "") -> Stage:
    """Contacts with a q each, tried by falling q."""
    appended = "".join(f'append_branch("sip:{name}@127.0.0.1{digit}", "{q}"); ' for (name, q), digit in zip(branches, "2345", strict=False))  # fmt: skip  # noqa: E501
    return Stage(
        f"""{PARAMETERS}
request_route {{
    {appended}
    t_load_contacts({mode});
    t_next_contacts();
    t_on_failure("F");
    t_relay();
}}
failure_route[F] {{
    if (t_next_contacts()) {{ t_on_failure("F"); t_relay(); }}
}}
"""
    )


@pytest.mark.parametrize(
    ("q", "rounds"),
    [
        (("0.3", "0.9", "0.6"), [["carol"], ["dave"], ["bob"], LAST]),
        (("0.5", "0.5", "0.5"), [["bob", "carol", "dave"], LAST]),
        (("0.5", "0.9", "0.5"), [["carol"], ["bob", "dave"], LAST]),
    ],
)
def test_by_falling_q(q: tuple[str, ...], rounds: list[list[str]]) -> None:
    assert rounds_of(forking([("bob", q[0]), ("carol", q[1]), ("dave", q[2])])) == rounds


def test_by_chance() -> None:
    """Mode 1: the weight q makes a contact likely to come early; each is tried alone."""
    found = rounds_of(forking([("bob", "0.3"), ("carol", "0.9"), ("dave", "0.6")], '"1"'))
    assert sorted(found) == sorted([["bob"], ["carol"], ["dave"], LAST])


def rounds_of(stage: Stage) -> list[list[str]]:
    """Who is called at the same time, one round after the other, when everybody refuses."""
    sent = [s for s in stage.invite("sip:nobody@127.0.0.99") if s.line == "INVITE"]
    seen = []
    while sent:
        seen.append(sorted(s.to for s in sent))
        following = []
        for invite in sent:
            following += stage.play(reply(invite, "404 Not Found"), BOB)
        sent = [s for s in following if s.line == "INVITE"]
    assert stage.sent[-1].line == "404"
    return seen


def test_without_the_lists() -> None:
    stage = Stage(
        'request_route { $var(a) = t_load_contacts(); $var(b) = t_next_contacts(); xlog("$var(a) $var(b)\\n"); }'
    )
    stage.invite()
    assert stage.script == ["-1 -1"]


def test_contacts_without_their_flows_are_refused() -> None:
    from kamscript.source import ConfigError

    with pytest.raises(ConfigError):
        Stage('modparam("tm", "contacts_avp", "tm_contacts")\nrequest_route { exit; }')


def test_a_reply_is_held_back() -> None:
    stage = Stage(
        """
request_route { t_on_reply("R"); t_relay(); }
onreply_route[R] { if (status == "200") { $avp(x) = 1; t_suspend(); } }
route[LATER] { append_hf("X-Later: $avp(x)\\r\\n"); }
"""
    )
    _, sent = stage.invite()
    assert story(stage.answer(sent, "180 Ringing")) == ["0 180 alice"]
    assert stage.answer(sent, "200 OK") == []
    (t,) = stage.transactions
    assert stage.tm.continue_(t.index, t.label, "LATER") >= 0
    (ok,) = stage.note(stage.server.take_outbox())
    assert ok.line == "200" and ok.header("X-Later") == ["1"]
    assert stage.tm.continue_(t.index, t.label, "LATER") < 0


def test_a_negative_reply_is_held_back() -> None:
    """Its ACK leaves at once, its failure route runs behind the continuation."""
    stage = Stage(
        """
request_route { t_on_reply("R"); t_on_failure("F"); t_relay(); }
onreply_route[R] { t_suspend(); }
failure_route[F] { $ru = "sip:carol@127.0.0.13"; t_relay(); }
route[LATER] { return; }
"""
    )
    _, sent = stage.invite()
    assert story(stage.answer(sent, "404 Not Found")) == ["0 ACK bob"]
    (t,) = stage.transactions
    stage.tm.continue_(t.index, t.label, "LATER")
    assert story(stage.note(stage.server.take_outbox())) == ["0 INVITE carol"]


def test_a_continuation_may_suspend_again() -> None:
    """By a module's hand; t_suspend() of a script refuses the faked request there."""
    stage = Stage("request_route { t_suspend(); } route[LATER] { t_suspend(); } route[LAST] { t_relay(); }")
    stage.invite()
    (t,) = stage.transactions
    assert stage.tm.continue_(t.index, t.label, stage.tm.suspend) >= 0
    assert stage.server.take_outbox() == []
    assert stage.tm.continue_(t.index, t.label, "LAST") >= 0
    assert story(stage.note(stage.server.take_outbox())) == ["0 INVITE bob"]


def test_a_continuation_may_reply() -> None:
    stage = Stage('request_route { t_suspend(); } route[LATER] { t_reply("404", "Late"); }')
    stage.invite()
    (t,) = stage.transactions
    stage.tm.continue_(t.index, t.label, "LATER")
    assert story(stage.note(stage.server.take_outbox())) == ["0 404 alice"]


def test_a_python_function_continues() -> None:
    stage = Stage("request_route { t_suspend(); }")
    stage.invite()
    (t,) = stage.transactions
    stage.tm.continue_(t.index, t.label, lambda ctx: stage.tm.reply(ctx, 486, "Python"))
    assert story(stage.note(stage.server.take_outbox())) == ["0 486 alice"]


def test_branch_failure_takes_another_way() -> None:
    stage = Stage(
        """
request_route { append_branch("sip:carol@127.0.0.13"); t_on_branch_failure("X"); t_relay(); }
event_route[tm:branch-failure:X] {
    xlog("$T_reply_code $T_branch_idx\\n");
    if (t_check_status("430")) { $ru = "sip:dave@127.0.0.14"; t_relay(); }
}
"""
    )
    _, bobs, carols = stage.invite()
    found = stage.answer(bobs, "430 Flow Failed")
    assert story(found) == ["0 ACK bob", "0 INVITE dave"]
    assert story(stage.answer(found[1], "200 OK", source=CAROL))[0] == "0 200 alice"
    assert stage.script[0].startswith("430")
    assert carols.to == "carol"


@pytest.mark.parametrize(
    ("function", "to"),
    [
        ('t_relay_to_avp("udp", "127.0.0.13");', "carol"),
        ('t_relay("127.0.0.13", "5060");', "carol"),
        ('t_relay_to_udp("127.0.0.13", "5060");', "carol"),
        ("t_relay_to_udp();", "bob"),
        ('t_relay_to("udp:127.0.0.13");', "carol"),
        ('t_newtran(); t_forward_nonack("127.0.0.13", "5060");', "carol"),
        ('t_newtran(); t_forward_nonack_udp("127.0.0.13", "5060");', "carol"),
        ("t_newtran(); t_forward_nonack_uri();", "bob"),
        ('t_newtran(); t_forward_nonack_to("udp", "127.0.0.13");', "carol"),
        ('t_replicate("sip:127.0.0.13");', "carol"),
        ('t_replicate("127.0.0.13", "5060");', "carol"),
        ('t_replicate_udp("127.0.0.13", "5060");', "carol"),
        ('t_replicate_to("udp", "127.0.0.13");', "carol"),
    ],
)
def test_ways_to_forward(function: str, to: str) -> None:
    stage = Stage(f"request_route {{ {function} exit; }}")
    assert [s.to for s in stage.invite() if s.line == "INVITE"] == [to]
