"""tmx: acting on other transactions, and on the one in hand."""

from __future__ import annotations

import pytest

from kamscript.core.branches import Branch
from kamscript.core.context import Context
from kamscript.module import Route
from kamscript.source import ConfigError

from .tm.stage import CAROL, Stage, request, story


def test_suspended_and_continued_by_python() -> None:
    stage = Stage(
        'request_route { $avp(x) = "kept"; t_suspend(); exit; } route[LATER] { xlog("$avp(x)\\n"); t_relay(); }'
    )
    assert story(stage.invite()) == ["0 100 alice"]
    (t,) = stage.transactions
    assert stage.tm.continue_(t.index, t.label, "LATER") >= 0
    assert story(stage.note(stage.server.take_outbox())) == ["0 INVITE bob"]
    assert stage.script == ["kept"]
    assert stage.tm.continue_(t.index, t.label, "LATER") < 0


def test_suspended_and_canceled() -> None:
    stage = Stage('request_route { if (is_method("CANCEL")) { t_relay(); exit; } t_suspend(); }')
    stage.invite()
    assert "200 alice" in " ".join(story(stage.play(request("CANCEL"))))
    assert any(s.line == "487" for s in stage.sent)


def test_a_continuation_that_does_nothing() -> None:
    """Nothing relayed, nothing replied: 500 at once."""
    stage = Stage("request_route { t_suspend(); } route[LATER] { return; }")
    stage.invite()
    (t,) = stage.transactions
    stage.tm.continue_(t.index, t.label, "LATER")
    assert [s.line for s in stage.note(stage.server.take_outbox())] == ["500"]


def test_suspension_undone() -> None:
    stage = Stage("request_route { t_suspend(); exit; }")
    stage.invite()
    (t,) = stage.transactions
    assert stage.tm.cancel_suspend(t.index, t.label) == 0
    assert stage.tm.cancel_suspend(t.index, t.label + 1) == -1


def test_more_branches_for_a_running_call() -> None:
    """t_append_branches, as tsilo does when a phone registers late."""
    stage = Stage()
    stage.invite()
    (t,) = stage.transactions
    assert t.request is not None
    ctx = Context(stage.server, t.request.clone(), Route.REQUEST)
    ctx.branches.append(Branch("sip:carol@127.0.0.13"))
    assert stage.tm.append_branches(ctx, t) >= 0
    (sent,) = stage.note(stage.server.take_outbox())
    assert sent.to == "carol" and sent.branch.endswith(".1")
    stage.answer(sent, "200 OK", source=CAROL)
    assert stage.sent[-1].line == "200"
    ctx.branches.append(Branch("sip:dave@127.0.0.14"))
    assert stage.tm.append_branches(ctx, t) <= 0


@pytest.mark.parametrize(
    ("which", "cancelled"), [("all", {"bob", "carol"}), ("others", {"carol"}), ("this", {"bob", "carol"})]
)
def test_t_cancel_branches(which: str, cancelled: set[str]) -> None:
    stage = Stage(
        'request_route { append_branch("sip:carol@127.0.0.13"); t_on_reply("R"); t_relay(); }\n'
        f'onreply_route[R] {{ if (status == "183") t_cancel_branches("{which}"); }}'
    )
    _, bobs, carols = stage.invite()
    stage.answer(bobs, "180 Ringing")
    stage.answer(carols, "180 Ringing", source=CAROL)
    found = stage.answer(bobs, "183 Progress")
    assert {s.to for s in found if s.line == "CANCEL"} == cancelled


@pytest.mark.parametrize("inner", ["nonsense", "id", ""])
def test_unknown_attributes_are_refused(inner: str) -> None:
    with pytest.raises(ConfigError):
        Stage(f'request_route {{ xlog("$T({inner})\\n"); }}')


@pytest.mark.parametrize(
    "statement",
    [
        't_relay_to("udp:host:port:more");',
        't_relay("host", "port");',
        't_relay_to_udp("127.0.0.1", "x");',
        't_reply("abc", "x");',
        't_write_req("/tmp/x", "y");',
        't_cancel_branches("some");',
        't_check_status("[");',
    ],
)
def test_bad_constants_are_refused(statement: str) -> None:
    with pytest.raises(ConfigError):
        Stage(f"request_route {{ {statement} }}")


def test_precheck_finds_what_is_handled_elsewhere() -> None:
    stage = Stage('request_route { $var(r) = t_precheck_trans(); xlog("$var(r)\\n"); t_relay(); }')
    stage.invite()
    stage.invite()
    assert stage.script[0] == "-1"
