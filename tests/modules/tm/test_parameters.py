"""Parameters of tm that no other file shows at work."""

from __future__ import annotations

import itertools

import pytest

from kamscript.core.sockets import Received

from .stage import Stage, request, story

FAIL = 'request_route { t_on_failure("F"); t_relay(); }\nfailure_route[F] { xlog("failed\\n"); }\n'


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("", True),
        ('modparam("tm", "exec_time_check", 6000)\n', True),
        ('modparam("tm", "exec_time_check", 6001)\n', False),
        ('modparam("tm", "exec_time_check", 0)\n', False),
    ],
)
def test_exec_time_check_warns_of_slow_failure_routes(line: str, warned: bool) -> None:
    stage = Stage(line + FAIL)
    ticks = itertools.count(0.0, 6.0)
    stage.environment.stopwatch = lambda: next(ticks)
    _, sent = stage.invite()
    stage.answer(sent, "486 Busy Here")
    found = [line for line in stage.log if "took too long" in line]
    assert found == (["WARNING: tm: failure route execution took too long: 6000000 us"] if warned else [])


RELAY = "request_route { t_relay(); }"


def with_param(name: str, value: int | str, route: str = RELAY, **more: str) -> Stage:
    """A server with one parameter of tm set."""
    shown = f'"{value}"' if isinstance(value, str) else value
    return Stage(f'modparam("tm", "{name}", {shown})\n{route}', **more)  # type: ignore[arg-type]


def test_max_noninv_lifetime_ends_a_request_that_hears_provisional_replies() -> None:
    stage = with_param("max_noninv_lifetime", 10_000)
    (sent,) = stage.play(request("OPTIONS"))
    stage.advance(1)
    stage.answer(sent, "100 Trying")
    assert "10 408 alice" in story(stage.advance(10))


def test_wt_timer_is_how_long_what_comes_late_is_absorbed() -> None:
    stage = with_param("wt_timer", 2000)
    (sent,) = stage.play(request("OPTIONS"))
    stage.answer(sent, "200 OK")
    stage.advance(1.9)
    assert stage.transactions
    stage.advance(0.2)
    assert not stage.transactions


def acked(stage: Stage, headers: str = "") -> str:
    """The ACK that tm sends to a 486."""
    _, sent = stage.invite(headers=headers)
    (ack, _) = stage.answer(sent, "486 Busy Here")
    assert ack.line == "ACK"
    return ack.text


CHANGED = 'request_route { append_hf("X-New: 1\\r\\n"); subst_hf("From", "/alice/carol/", "a"); t_relay(); }'


@pytest.mark.parametrize(("reparse", "user"), [(1, "carol"), (0, "alice")])
def test_reparse_invite_takes_the_ack_from_the_invite_as_it_was_sent(reparse: int, user: str) -> None:
    stage = with_param("reparse_invite", reparse, CHANGED, modules="tm sl pv xlog textops textopsx")
    assert f"From: <sip:{user}@example.com>" in acked(stage)


def test_t_use_uac_headers_does_so_for_one_transaction() -> None:
    route = CHANGED.replace("t_relay", "t_use_uac_headers(); t_relay")
    stage = with_param("reparse_invite", 0, route, modules="tm sl pv xlog textops textopsx")
    assert "From: <sip:carol@example.com>" in acked(stage)


@pytest.mark.parametrize(("prefix", "kept"), [("", False), ("X-Route", True), ("x-rou", True), ("X-Other", False)])
def test_ac_extra_hdrs_are_copied_to_ack(prefix: str, kept: bool) -> None:
    stage = with_param("ac_extra_hdrs", prefix) if prefix else Stage(RELAY)
    assert ("X-Route: 7" in acked(stage, "X-Route: 7\n")) is kept


@pytest.mark.parametrize(("methods", "again"), [(1, False), (2, True)])
def test_blst_methods_add_says_whose_timeout_blocklists(methods: int, again: bool) -> None:
    lines = f'use_dst_blocklist=yes\nmodparam("tm", "blst_methods_add", {methods})\nmodparam("tm", "fr_timer", 1000)\n'
    stage = Stage(lines + RELAY)
    stage.invite()
    stage.advance(3)
    assert ("INVITE" in {sent.line for sent in stage.invite(branch="z9hG4bK-2", callid="call-2")}) is again


def test_fr_inv_timer_avp_holds_seconds() -> None:
    stage = with_param("fr_inv_timer_avp", "$avp(ring)", "request_route { $avp(ring) = 7; t_relay(); }")
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    assert story(stage.advance(6.9)) == []
    assert "7 408 alice" in story(stage.advance(0.2))


@pytest.mark.parametrize("function", ["t_reply", "t_send_reply"])
def test_default_code_and_reason_stand_for_values_that_are_null(function: str) -> None:
    lines = 'modparam("tm", "default_code", 555) modparam("tm", "default_reason", "Because")\n'
    stage = Stage(f'{lines}request_route {{ t_newtran(); {function}("$avp(none)", "$avp(none)"); }}')
    assert stage.invite()[-1].text.startswith("SIP/2.0 555 Because\r\n")


@pytest.mark.parametrize(("matching", "relayed"), [(0, True), (1, False)])
def test_callid_matching_drops_replies_with_another_call_id(matching: int, relayed: bool) -> None:
    stage = with_param("callid_matching", matching)
    _, sent = stage.invite()
    text = sent.text.replace("Call-ID: call-1", "Call-ID: mangled")
    stage.answer(sent._replace(text=text), "180 Ringing")
    assert [bool(t.branches[0].last_received) for t in stage.transactions] == [relayed]


@pytest.mark.parametrize(("mode", "again"), [(0, "b2"), (1, "b1")])
def test_reply_relay_mode_says_which_2xx_is_kept_for_retransmissions(mode: int, again: str) -> None:
    stage = with_param("reply_relay_mode", mode)
    _, sent = stage.invite()
    stage.answer(sent, "200 OK", tag="b1")
    (late,) = stage.answer(sent, "200 OK", tag="b2")
    assert late.header("To")[0].endswith("tag=b2")  # it is relayed in any case
    (repeated,) = stage.invite()
    assert repeated.header("To")[0].endswith(f"tag={again}")


def test_dns_reuse_rcv_socket_keeps_the_socket_in_failover() -> None:
    listen = "".join(
        f"listen={where}\n" for where in ("udp:127.0.0.1:5060", "udp:127.0.0.1:5070", "tcp:127.0.0.1:5060")
    )
    listen += "use_dns_failover=yes\n"
    hosts = {"multi.example": ["127.0.0.12", "127.0.0.13"]}
    ports = {}
    for value in (0, 1):
        stage = Stage(
            f'modparam("tm", "dns_reuse_rcv_socket", {value})\nmodparam("tm", "fr_timer", 1000)\n{RELAY}',
            listen=listen,
            hosts=hosts,
        )
        received = stage.server.sockets[2]
        stage.server.receive(
            stage.server.timers.now,
            request("INVITE", "sip:bob@multi.example;transport=udp").replace("\n", "\r\n"),
            Received("tcp", "127.0.0.11", 5060, received.address, received.port, received),
        )
        stage.server.take_outbox()
        second = next(sent for sent in stage.advance(1.2) if sent.to == "carol")
        ports[value] = second.header("Via")[0].split(";")[0].removeprefix("SIP/2.0/UDP ")
    assert ports == {0: "127.0.0.1:5070", 1: "127.0.0.1"}  # of loopback addresses the last one is the default


def test_enable_uac_fr_runs_failure_routes_for_requests_of_this_server() -> None:
    for value, ran in ((0, []), (1, ["local failed"])):
        stage = with_param(
            "enable_uac_fr",
            value,
            'request_route { exit; }\nevent_route[tm:local-request] { t_on_failure("F"); }\n'
            'failure_route[F] { xlog("local failed\\n"); }',
        )
        stage.tm.request_outside("OPTIONS", "sip:bob@127.0.0.12", "sip:bob@x", "sip:us@x")
        (sent,) = stage.note(stage.server.take_outbox())
        stage.answer(sent, "486 Busy Here")
        assert stage.script == ran
