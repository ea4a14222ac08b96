"""When a destination does not answer, refuses or cannot be reached: the next address, the blocklist, the error."""

from __future__ import annotations

import pytest

from .stage import CAROL, Stage, request, story

TWO = {"multi.example": ["127.0.0.12", "127.0.0.13"]}
FAILOVER = "use_dns_failover=yes\n"
URI = "sip:bob@multi.example"
RELAY = "request_route { t_relay(); }"


def stage_of(config: str) -> Stage:
    return Stage(config, hosts=TWO)


def test_the_next_address_behind_a_timeout() -> None:
    stage = stage_of(FAILOVER + 'modparam("tm", "fr_timer", 1000)\n' + RELAY)
    _, first = stage.invite(URI)
    assert first.to == "bob"
    found = stage.advance(1.2)
    assert story(found) == ["0.5 INVITE bob", "1 INVITE carol"]
    second = found[-1]
    assert second.branch.endswith(".1") and first.branch.endswith(".0")
    assert second.text.replace(second.branch, first.branch) == first.text
    assert story(stage.answer(second, "200 OK", source=CAROL)) == ["1.2 200 alice"]


def test_all_addresses_time_out() -> None:
    stage = stage_of(FAILOVER + 'modparam("tm", "fr_timer", 1000)\n' + RELAY)
    stage.invite(URI)
    assert next(line for line in story(stage.advance(3)) if "408" in line) == "2 408 alice"


def test_the_next_address_behind_a_503() -> None:
    stage = stage_of(FAILOVER + RELAY)
    _, first = stage.invite(URI)
    ack, second = stage.answer(first, "503 Overloaded")
    assert story([ack, second]) == ["0 ACK bob", "0 INVITE carol"]
    assert story(stage.answer(second, "503 Overloaded", source=CAROL)) == ["0 ACK carol", "0 500 alice"]


@pytest.mark.parametrize(("codes", "going_on"), [("code=404", True), ("class=4", True), ("class=5", False)])
def test_other_codes_that_failover_goes_on_behind(codes: str, going_on: bool) -> None:
    config = f'{FAILOVER}modparam("tm", "failover_reply_codes", "{codes}")\n{RELAY}'
    stage = Stage(config, hosts=TWO, target="6.x")
    _, first = stage.invite(URI)
    lines = story(stage.answer(first, "404 Not Found"))
    assert ("0 INVITE carol" in lines) is going_on


def test_no_other_address_without_failover() -> None:
    stage = stage_of("use_dns_failover=no\n" + RELAY)
    _, first = stage.invite(URI)
    assert story(stage.answer(first, "503 Overloaded")) == ["0 ACK bob", "0 500 alice"]


def test_a_script_may_forbid_it() -> None:
    stage = stage_of(FAILOVER + "request_route { t_set_disable_failover(1); t_relay(); }")
    _, first = stage.invite(URI)
    assert story(stage.answer(first, "503 Overloaded")) == ["0 ACK bob", "0 500 alice"]


def test_the_request_is_built_anew_if_so_set() -> None:
    stage = stage_of(
        FAILOVER + 'modparam("tm", "reparse_on_dns_failover", 0)\n'
        'request_route { append_hf("X-A: 1\\r\\n"); t_relay(); }'
    )
    _, first = stage.invite(URI)
    _, second = stage.answer(first, "503 Overloaded")
    assert second.to == "carol" and second.text.startswith(f"INVITE {URI} ")


def test_a_canceled_call_does_not_move_on() -> None:
    stage = stage_of(FAILOVER + RELAY)
    _, first = stage.invite(URI)
    stage.answer(first, "180 Ringing")
    stage.play(request("CANCEL"))
    assert "carol" not in " ".join(story(stage.answer(first, "503 Overloaded")))


BLOCKING = "use_dst_blocklist=yes\n"


def test_who_never_answered_is_blocklisted() -> None:
    stage = Stage(BLOCKING + 'modparam("tm", "fr_timer", 1000)\n' + RELAY)
    stage.invite()
    stage.advance(1.5)
    sent = stage.invite(branch="z9hG4bK-2", callid="call-2")
    assert "INVITE" not in {s.line for s in sent}
    # After a minute he gets another chance.
    stage.advance(61)
    assert "INVITE" in {s.line for s in stage.invite(branch="z9hG4bK-3", callid="call-3")}


def test_only_methods_that_are_to_be_looked_up() -> None:
    stage = Stage(BLOCKING + 'modparam("tm", "fr_timer", 1000) modparam("tm", "blst_methods_lookup", 1)\n' + RELAY)
    stage.invite()
    stage.advance(1.5)
    assert [s.line for s in stage.play(request("OPTIONS", callid="c2"))] == ["OPTIONS"]


@pytest.mark.parametrize(
    ("parameters", "retry_after", "seconds"),
    [
        ("", "", 0),
        ('modparam("tm", "blst_503_def_timeout", 20)', "", 20),
        ("", "Retry-After: 30\n", 30),
        ('modparam("tm", "blst_503_max_timeout", 10)', "Retry-After: 30\n", 10),
        ('modparam("tm", "blst_503_min_timeout", 40)', "Retry-After: 30 (soon);duration=5\n", 40),
    ],
)
def test_a_503_is_blocklisted_for_a_while(parameters: str, retry_after: str, seconds: int) -> None:
    stage = Stage(f'{BLOCKING}modparam("tm", "blst_503", 1) {parameters}\n{RELAY}')
    _, sent = stage.invite()
    stage.answer(sent, "503 Overloaded", headers=retry_after)
    if seconds:
        stage.advance(seconds - 1)
        assert "INVITE" not in {s.line for s in stage.invite(branch="z9hG4bK-2", callid="call-2")}
        stage.advance(2)
    assert "INVITE" in {s.line for s in stage.invite(branch="z9hG4bK-3", callid="call-3")}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (RELAY, ["0 477 alice"]),
        (FAILOVER + RELAY, ["0 477 alice"]),
        ('modparam("tm", "failure_exec_mode", 1)\nrequest_route { t_on_failure("F"); t_relay(); } '
         'failure_route[F] { $ru = "sip:carol@127.0.0.13"; t_relay(); }', ["0 INVITE carol"]),
    ],
)  # fmt: skip
def test_a_request_that_could_not_be_sent(config: str, expected: list[str]) -> None:
    stage = Stage(config)
    stage.server.receive(stage.server.timers.now, request().replace("\n", "\r\n"), _received(stage))
    _, invite = stage.server.take_outbox()
    stage.server.send_failed(stage.server.timers.now, invite)
    assert story(stage.note(stage.server.take_outbox())) == expected


def test_the_next_address_behind_a_failed_sending() -> None:
    stage = stage_of(FAILOVER + RELAY)
    stage.server.receive(stage.server.timers.now, request(uri=URI).replace("\n", "\r\n"), _received(stage))
    _, invite = stage.server.take_outbox()
    stage.server.send_failed(stage.server.timers.now, invite)
    assert story(stage.note(stage.server.take_outbox())) == ["0 INVITE carol"]


def test_a_stream_that_could_not_be_opened() -> None:
    stage = Stage(RELAY, listen="listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n")
    uri = "sip:bob@127.0.0.12;transport=tcp"
    stage.server.receive(stage.server.timers.now, request(uri=uri).replace("\n", "\r\n"), _received(stage))
    _, invite = stage.server.take_outbox()
    stage.server.send_failed(stage.server.timers.now, invite)
    assert story(stage.note(stage.server.take_outbox())) == ["0 477 alice"]


def _received(stage: Stage):  # type: ignore[no-untyped-def]
    from kamscript.core.sockets import Received

    socket = stage.server.sockets[0]
    return Received("udp", "127.0.0.11", 5060, socket.address, socket.port, socket)
