"""Whatever comes in whatever order: a transaction ends, tells the caller one thing, and leaves nothing behind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from .stage import BOB, Sent, Stage, reply, request

CONFIG = """
modparam("tm", "cancel_b_method", %d)
modparam("tm", "failure_reply_mode", %d)
request_route {
    if (is_method("CANCEL|ACK")) { t_relay(); exit; }
    append_branch("sip:carol@127.0.0.13");
    t_on_failure("F"); t_on_reply("R"); t_on_branch_failure("X"); t_on_branch("B");
    t_relay();
}
branch_route[B] { append_hf("X-B: 1\\r\\n"); }
onreply_route[R] { if (status == "182") drop; if (status == "183") t_cancel_branches("others"); }
failure_route[F] {
    if (t_check_status("486")) { $ru = "sip:dave@127.0.0.14"; t_relay(); }
    if (t_check_status("404")) { t_reply("410", "Gone"); }
    if (t_check_status("480")) { t_drop_replies(); }
}
event_route[tm:branch-failure:X] { if (t_check_status("430")) { $ru = "sip:eve@127.0.0.15"; t_relay(); } }
"""

CODES = st.sampled_from([100, 180, 182, 183, 200, 302, 401, 404, 407, 408, 430, 480, 486, 487, 500, 503, 600, 603])
STEP = st.one_of(
    st.tuples(st.just("reply"), st.integers(0, 5), CODES),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1, 6, 31, 130]), st.just(0)),
    st.tuples(st.just("again"), st.just(0), st.just(0)),
    st.tuples(st.just("cancel"), st.just(0), st.just(0)),
    st.tuples(st.just("ack"), st.just(0), st.just(0)),
)


def raising(stage: Stage) -> None:
    """What the server would only log fails the test."""

    def report(error: BaseException) -> None:
        raise AssertionError("a module failed") from error

    stage.server.report = report  # type: ignore[method-assign]


def finals(sent: list[Sent], method: str) -> set[str]:
    """The different final replies that the caller got to his request."""
    return {
        s.text.split("\r\n", 1)[0]
        for s in sent
        if s.to == "alice" and s.line >= "200" and s.header("CSeq") == [f"1 {method}"]
    }


@given(st.lists(STEP, max_size=14), st.integers(0, 2), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_any_order(steps: list[tuple[str, float, int]], cancel_mode: int, failure_mode: int) -> None:
    stage = Stage(CONFIG % (cancel_mode, failure_mode))
    raising(stage)
    stage.invite()
    for what, number, code in steps:
        invites = [s for s in stage.sent if s.line == "INVITE"]
        if what == "reply":
            sent = invites[int(number) % len(invites)]
            base, _, index = sent.branch.rpartition(".")
            t = stage.tm.by_branch.get(base)
            if t is not None and t.is_invite and int(index) < len(t.branches):  # else it passes without state
                stage.play(reply(sent, f"{code} X"), BOB)
        elif what == "wait":
            stage.advance(number)
        elif what == "again":
            stage.invite()
        else:
            stage.play(request(what.upper(), to_tag="b1" if what == "ack" else ""))
    stage.advance(600)
    assert not stage.transactions
    assert not stage.tm.by_branch and not stage.tm.by_key and not stage.tm.on_wait
    deadline = stage.server.timers.next_deadline()
    assert deadline is None or deadline > stage.server.timers.now
    told = finals(stage.sent, "INVITE")
    assert told, "the caller was never told"
    negative = {line for line in told if not line.startswith("SIP/2.0 2")}
    calls = 1 + sum(1 for what, _, _ in steps if what == "again")
    assert len(negative) <= calls
    assert len(finals(stage.sent, "CANCEL")) <= 3
