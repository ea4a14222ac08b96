"""Functions of tm that no other file shows at work."""

from __future__ import annotations

import pytest

from .stage import Stage, request, story

TCP = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n"


def route(lines: str, **more: str) -> Stage:
    return Stage(f"request_route {{ {lines} }}", **more)  # type: ignore[arg-type]


def protocols(stage: Stage) -> list[tuple[str, str, int]]:
    """Where the INVITE of alice goes: transport, address, port."""
    found = stage.send(request("INVITE"))
    return [(d.to.proto, d.to.ip, d.to.port) for d in found if d.text.startswith("INVITE")]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("t_relay_to_udp()", ("udp", "127.0.0.12", 5060)),
        ('t_relay_to_udp("127.0.0.13", "5080")', ("udp", "127.0.0.13", 5080)),
        ("t_relay_to_tcp()", ("tcp", "127.0.0.12", 5060)),
        ('t_relay_to_tcp("127.0.0.13", "5080")', ("tcp", "127.0.0.13", 5080)),
        ('t_relay_to("tcp:127.0.0.13:5080")', ("tcp", "127.0.0.13", 5080)),
        ('t_relay("127.0.0.13", "5080")', ("udp", "127.0.0.13", 5080)),
        ('t_replicate_tcp("127.0.0.13", "5080")', ("tcp", "127.0.0.13", 5080)),
        ('t_replicate_udp("127.0.0.13", "5080")', ("udp", "127.0.0.13", 5080)),
        ('t_newtran(); t_forward_nonack_tcp("127.0.0.13", "5080")', ("tcp", "127.0.0.13", 5080)),
        ('t_newtran(); t_forward_nonack_udp("127.0.0.13", "5080")', ("udp", "127.0.0.13", 5080)),
    ],
)
def test_the_transport_that_the_name_says(call: str, expected: tuple[str, str, int]) -> None:
    assert protocols(route(f"{call};", listen=TCP)) == [expected]


@pytest.mark.parametrize(
    "call",
    [
        't_relay_to_tls("127.0.0.13", "5080")',
        't_relay_to_sctp("127.0.0.13", "5080")',
        't_replicate_tls("127.0.0.13", "5080")',
        't_replicate_sctp("127.0.0.13", "5080")',
        't_newtran(); t_forward_nonack_tls("127.0.0.13", "5080")',
        't_newtran(); t_forward_nonack_sctp("127.0.0.13", "5080")',
    ],
)
def test_a_transport_that_is_not_listened_on(call: str) -> None:
    assert protocols(route(f"{call};", listen=TCP)) == []


def test_t_relay_to_proxy_takes_variables() -> None:
    stage = route('$var(to) = "udp:127.0.0.13:5090"; t_relay_to_proxy("$var(to)");', target="6.x")
    assert protocols(stage) == [("udp", "127.0.0.13", 5090)]


def test_t_retransmit_reply_sends_the_last_reply_again() -> None:
    stage = route('if (t_lookup_request()) { t_retransmit_reply(); exit; } t_newtran(); t_reply("486", "Busy");')
    assert story(stage.invite()) == story(stage.invite()) == ["0 486 alice"]
    stage = route('t_newtran(); t_reply("183", "Soon"); t_retransmit_reply();')
    assert story(stage.play(request("OPTIONS"))) == ["0 183 alice", "0 183 alice"]


def test_t_send_reply_makes_the_transaction() -> None:
    stage = route('t_send_reply("480", "Later");')
    assert stage.play(request("OPTIONS"))[-1].text.startswith("SIP/2.0 480 Later\r\n")
    assert [t.status for t in stage.transactions] == [480]


def test_t_reply_error_says_what_the_error_stands_for() -> None:
    stage = route(
        't_newtran(); t_set_disable_internal_reply(1); $ru = "sip:a@nowhere.invalid"; t_relay(); t_reply_error();',
        target="6.x",
    )
    assert "478" in stage.invite()[-1].text.split("\r\n")[0]


@pytest.mark.parametrize(("state", "replies"), [(0, ["0 100 alice", "0 478 alice"]), (1, ["0 100 alice"])])
def test_t_set_disable_internal_reply_leaves_the_reply_to_the_script(state: int, replies: list[str]) -> None:
    stage = route(f't_set_disable_internal_reply({state}); $ru = "sip:a@nowhere.invalid"; t_relay();')
    assert story(stage.invite())[-1:] == replies[-1:]


@pytest.mark.parametrize("name", ["t_set_no_e2e_cancel_reason", "t_disable_e2e_cancel_reason"])
@pytest.mark.parametrize("state", [0, 1])
def test_the_reason_of_a_cancel_is_passed_on_or_not(name: str, state: int) -> None:
    stage = route(f'if (is_method("CANCEL")) {{ t_relay_cancel(); exit; }} {name}({state}); t_relay();')
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    found = stage.play(request("CANCEL", headers="Reason: SIP;cause=200\n"))
    (cancel,) = [one for one in found if one.line == "CANCEL"]
    assert cancel.header("Reason") == ([] if state else ["SIP;cause=200"])


def test_t_set_no_auto_ack_leaves_the_ack_to_the_script() -> None:
    for state, acks in ((0, ["ACK"]), (1, [])):
        stage = Stage(
            f"request_route {{ exit; }}\nevent_route[tm:local-request] {{ t_set_no_auto_ack({state}); }}", target="6.x"
        )
        stage.tm.request_outside("INVITE", "sip:bob@127.0.0.12", "sip:bob@x", "sip:us@x")
        sent = next(one for one in stage.note(stage.server.take_outbox()) if one.line == "INVITE")
        found = stage.answer(sent, "200 OK", headers="Contact: <sip:bob@127.0.0.12>\n")
        assert [one.line for one in found] == acks


def test_local_ack_sent_runs_behind_the_ack_of_this_server() -> None:
    stage = Stage('request_route { exit; }\nevent_route[tm:local-ack-sent] { xlog("acked\\n"); }', target="6.x")
    stage.tm.request_outside("INVITE", "sip:bob@127.0.0.12", "sip:bob@x", "sip:us@x")
    sent = next(one for one in stage.note(stage.server.take_outbox()) if one.line == "INVITE")
    stage.answer(sent, "200 OK", headers="Contact: <sip:bob@127.0.0.12>\n")
    assert stage.script == ["acked"]


def test_t_cell_append_branches_adds_to_another_transaction() -> None:
    stage = route(
        'if (is_method("INVITE")) { t_newtran(); $shv(i) = $T(id_index); $shv(l) = $T(id_label); t_relay(); exit; }\n'
        'append_branch("sip:bob@127.0.0.13"); t_cell_append_branches("$shv(i)", "$shv(l)");',
        target="6.x",
    )
    stage.invite()
    assert story(stage.play(request("MESSAGE", callid="other"))) == ["0 INVITE carol"]
    assert [len(t.branches) for t in stage.transactions] == [2]


def test_t_msg_apply_changes_shows_changes_within_the_branch_route() -> None:
    stage = Stage(
        'request_route { t_on_branch("B"); t_relay(); }\n'
        'branch_route[B] { append_hf("X-New: 7\\r\\n"); t_msg_apply_changes(); xlog("$hdr(X-New)\\n"); }',
        target="6.x",
    )
    stage.invite()
    assert stage.script == ["7"]


def test_t_is_retr_async_reply_is_true_while_the_transaction_is_suspended() -> None:
    stage = Stage(
        'request_route { t_on_reply("R"); t_relay(); }\n'
        'onreply_route[R] { if (t_is_retr_async_reply()) { xlog("again\\n"); drop; } t_suspend(); exit; }'
    )
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    assert stage.script == []
    stage.answer(sent, "180 Ringing")
    assert stage.script == ["again"]


def test_t_clean_takes_what_was_forgotten() -> None:
    stage = route('if (is_method("OPTIONS")) { t_clean(); exit; } t_newtran();')
    stage.invite()
    (forgotten,) = stage.transactions
    stage.play(request("OPTIONS", callid="c2"))
    assert stage.transactions == [forgotten]
    stage.server.timers.now += 10_000
    stage.play(request("OPTIONS", callid="c3", branch="z9hG4bK-9"))
    assert stage.transactions == []
