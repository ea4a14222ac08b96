"""tm's RPC commands."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from kamscript.core.rpc import RpcFault, Struct

from .stage import CAROL, Sent, Stage, request, story

HEAD = "From: <sip:us@example.com>;tag=p\r\nTo: <sip:bob@example.com>\r\nCall-ID: mine\r\n"
BOB_URI = "sip:bob@127.0.0.12"


def run(stage: Stage, name: str, *arguments: str | int) -> tuple[Any, list[Sent]]:
    """What a command answers, and what left because of it."""
    answer = stage.server.rpc.call(name, list(arguments))
    return answer, stage.note(stage.server.take_outbox())


def start(
    stage: Stage,
    name: str,
    method: str = "OPTIONS",
    *,
    before: tuple[str, ...] = (),
    headers: str = HEAD,
    body: str = "",
) -> Any:
    """A request by a command: its Rpc, and what left."""
    rpc = stage.server.rpc.start(name, [*before, method, BOB_URI, "", "", headers, body])
    assert rpc.failure is None
    return rpc, stage.note(stage.server.take_outbox())


def test_tm_stats() -> None:
    stage = Stage()
    stage.invite()
    (found,), _ = run(stage, "tm.stats")
    assert isinstance(found, Struct)
    assert (found["current"], found["waiting"], found["total"], found["total_local"]) == (1, 0, 1, 0)


def test_tm_list() -> None:
    stage = Stage()
    stage.invite()
    stage.tm.request_outside("OPTIONS", BOB_URI, "sip:bob@x", "sip:us@x")
    listed, _ = run(stage, "tm.list")
    assert [(s["method"], s["uas_request"], s["outgoings"]) for s in listed] in (
        [("INVITE", "yes", 1), ("OPTIONS", "no", 1)],
        [("OPTIONS", "no", 1), ("INVITE", "yes", 1)],
    )


def test_tm_clean_takes_what_was_forgotten() -> None:
    stage = Stage('modparam("tm", "fr_timer", 30000)\nrequest_route { t_newtran(); }')
    stage.invite()
    (t,) = stage.transactions
    t.end_of_life = stage.server.timers.now - 91
    run(stage, "tm.clean")
    assert not stage.transactions
    stage.advance(10)  # the wait timer has nothing left to do


def test_tm_cancel() -> None:
    stage = Stage()
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    answer, left = run(stage, "tm.cancel", "call-1", "1")
    assert story(left) == ["0 CANCEL bob"] and answer[0] == 1
    with pytest.raises(RpcFault, match="not found"):
        run(stage, "tm.cancel", "nobody", "1")


@pytest.mark.parametrize("name", ["tm.reply", "tm.reply_callid"])
def test_tm_reply(name: str) -> None:
    stage = Stage()
    stage.invite()
    (t,) = stage.transactions
    whom = (f"{t.index}:{t.label}",) if name == "tm.reply" else ("call-1", "1")
    _, (sent,) = run(stage, name, 480, "Gone", *whom, "mine", "X-A: 1\r\n", "body")
    assert sent.text.startswith("SIP/2.0 480 Gone") and sent.header("X-A") == ["1"] and sent.text.endswith("body")
    assert sent.header("To") == ["<sip:bob@example.com>;tag=mine"]
    with pytest.raises(RpcFault):
        run(stage, name, 481, "Again", *whom, "mine")


@pytest.mark.parametrize(
    ("name", "whom"),
    [("tm.reply", ("1",)), ("tm.reply", ("1:1",)), ("tm.reply_callid", ("nobody", "1"))],
)
def test_tm_reply_to_nobody(name: str, whom: tuple[str, ...]) -> None:
    with pytest.raises(RpcFault):
        run(Stage(), name, 480, "Gone", *whom, "tag")


def test_a_reply_again() -> None:
    stage = Stage(target="6.x")
    stage.invite()
    (t,) = stage.transactions
    _, sent = run(stage, "tm.retransmit_reply", f"{t.index}:{t.label}")
    assert story(sent) == ["0 100 alice"]
    _, sent = run(stage, "tm.retransmit_reply_callid", "call-1", "1")
    assert story(sent) == ["0 100 alice"]
    for arguments in (("nonsense",), ("1:1",)):
        with pytest.raises(RpcFault):
            run(stage, "tm.retransmit_reply", *arguments)


WAITED: list[tuple[str, tuple[str, ...]]] = [("tm.t_uac_wait", ()), ("tm.t_uac_attrs", ("mode=wait",))]


@pytest.mark.parametrize(("name", "before"), WAITED)
def test_waiting_for_the_final_reply(name: str, before: tuple[str, ...]) -> None:
    stage = Stage(target="6.x")
    rpc, (sent,) = start(stage, name, before=before)
    assert rpc.delayed and rpc.answer == []
    finished: list[Any] = []
    rpc.on_finish = finished.append
    stage.answer(sent, "180 Ringing")
    assert not finished
    stage.answer(sent, "200 OK", headers="Contact: <sip:there@127.0.0.12>\n")
    assert finished == [rpc]
    assert rpc.answer[:4] == [200, "OK", "sip:there@127.0.0.12", "sip:there@127.0.0.12"]


def test_waiting_in_vain() -> None:
    stage = Stage()
    rpc, _ = start(stage, "tm.t_uac_wait")
    stage.advance(40)
    assert rpc.answer == [408, "Request Timeout", "", "", "", ""]


def test_waiting_with_a_short_answer() -> None:
    stage = Stage()
    rpc, (sent,) = start(stage, "tm.t_uac_wait_block")
    stage.answer(sent, "404 Not Found")
    assert (rpc.answer[0]["code"], rpc.answer[0]["text"]) == (404, "Not Found")


FLAVOURS = itertools.product(("start", "wait", "wait_block"), ("", "_noack"), ("", "_hex"))


@pytest.mark.parametrize("name", ["tm.t_uac_" + "".join(parts) for parts in FLAVOURS])
def test_every_flavour(name: str) -> None:
    stage = Stage(target="6.x")
    body = "68656c6c6f" if name.endswith("_hex") else "hello"
    _, (sent,) = start(stage, name, "INVITE", headers=HEAD + "Content-Type: text/plain\r\n", body=body)
    assert sent.text.endswith("\r\n\r\nhello") and sent.header("Content-Length") == ["5"]
    acks = stage.answer(sent, "200 OK", headers=f"Contact: <{BOB_URI}>\n")
    assert bool(acks) is ("noack" not in name)


@pytest.mark.parametrize("name", ["tm.t_uac_start_hex", "tm.t_uac_wait_hex"])
def test_a_bad_hexadecimal_body(name: str) -> None:
    stage = Stage(target="6.x")
    rpc = stage.server.rpc.start(name, ["OPTIONS", BOB_URI, "", "", HEAD, "6x"])
    assert rpc.failure is not None


def test_attributes_of_a_request() -> None:
    stage = Stage(target="6.x")
    _, (sent,) = start(
        stage, "tm.t_uac_attrs", "MESSAGE", before=("mode=start;rpflags=1;fr_timeout=1500",),
        headers=HEAD + "Content-Type: text/plain\r\n", body="6869",
    )  # fmt: skip
    assert sent.text.endswith("\r\n\r\nhi")
    assert story(stage.advance(10)) == ["0.5 MESSAGE bob"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("", BOB_URI, "", "", HEAD), "method"),
        (("OPTIONS", "nonsense", "", "", HEAD), "request uri"),
        (("OPTIONS", BOB_URI, "nonsense", "", HEAD), "next-hop"),
        (("OPTIONS", BOB_URI, "", "udp:9.9.9.9:1", HEAD), "socket"),
        (("OPTIONS", BOB_URI, "", "1.2.3.4:x", HEAD), "socket"),
        (("OPTIONS", BOB_URI, "", "", "To: <sip:x@y>\r\n"), "From"),
        (("OPTIONS", BOB_URI, "", "", "From: <sip:x@y>\r\n"), "To"),
        (("OPTIONS", BOB_URI, "", "", HEAD + "CSeq: x OPTIONS\r\n"), ""),
        (("OPTIONS", BOB_URI, "", "", HEAD + "CSeq: 1 INFO\r\n"), "CSeq"),
        (("OPTIONS", BOB_URI, "", "", HEAD, "body"), "Content-Type"),
        (("OPTIONS", "sip:x@nowhere.invalid", "", "", HEAD), ""),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], fault: str) -> None:
    stage = Stage()
    rpc = stage.server.rpc.start("tm.t_uac_start", arguments)
    assert rpc.failure is not None and fault in str(rpc.failure)
    assert not stage.server.take_outbox() and not stage.transactions


def test_sockets_by_name() -> None:
    stage = Stage(listen="listen=udp:127.0.0.1:5060\nlisten=udp:127.0.0.1:5070\n")
    for name, port in (("127.0.0.1:5070", 5070), ("udp:127.0.0.1:5070", 5070), ("127.0.0.1", 5060)):
        rpc = stage.server.rpc.start("tm.t_uac_start", ["OPTIONS", BOB_URI, "", name, HEAD])
        assert rpc.failure is None
        (datagram,) = stage.server.take_outbox()
        assert datagram.socket.port == port


@pytest.mark.parametrize(("mode", "to"), [(0, "carol"), (1, "bob"), (2, "dave")])
def test_where_the_ack_goes(mode: int, to: str) -> None:
    stage = Stage(f'modparam("tm", "local_ack_mode", {mode})\nrequest_route {{ exit; }}')
    _, (sent,) = start(stage, "tm.t_uac_start", "INVITE")
    (ack,) = stage.answer(sent, "200 OK", headers="Contact: <sip:bob@127.0.0.13>\n", source=("127.0.0.14", 5060))
    assert ack.to == to and ack.text.startswith("ACK sip:bob@127.0.0.13 ")


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_the_branch_of_the_ack(mode: int) -> None:
    stage = Stage(f'modparam("tm", "local_ack_branch_mode", {mode})\nrequest_route {{ exit; }}', target="6.x")
    _, (sent,) = start(stage, "tm.t_uac_start", "INVITE")
    (ack,) = stage.answer(sent, "200 OK", headers=f"Contact: <{BOB_URI}>\n")
    assert (ack.branch == sent.branch) is (mode == 0)


@pytest.mark.parametrize(("hop_by_hop", "vias"), [(1, 1), (0, 1)])
def test_cancel_along_or_hop_by_hop(hop_by_hop: int, vias: int) -> None:
    stage = Stage(
        f'modparam("tm", "e2e_cancel_hop_by_hop", {hop_by_hop})\n'
        'request_route { append_branch("sip:carol@127.0.0.13"); t_relay(); }',
        target="6.x",
    )
    _, bobs, carols = stage.invite()
    stage.answer(bobs, "180 Ringing")
    stage.answer(carols, "180 Ringing", source=CAROL)
    found = stage.play(request("CANCEL"))
    assert {s.to for s in found if s.line == "CANCEL"} == {"bob", "carol"}
    assert all(len(s.header("Via")) == vias for s in found if s.line == "CANCEL")
    assert [s.line for s in found if s.to == "alice"] == ["200"]
    stage.answer(bobs, "487 Request Terminated")
    assert [s.line for s in stage.answer(carols, "487 Request Terminated", source=CAROL)] == ["ACK", "487"]


def test_headers_of_a_cancel_are_copied() -> None:
    stage = Stage('modparam("tm", "headers_mode", 1)\nrequest_route { t_relay(); }', target="6.x")
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    cancel, _ = stage.play(request("CANCEL", headers="X-Mine: 1\n"))
    assert cancel.header("X-Mine") == ["1"]


@pytest.mark.parametrize(("mode", "seen"), [(0, []), (1, ["CANCEL"]), (2, ["ACK"]), (3, ["CANCEL", "ACK"])])
def test_own_hop_by_hop_requests_run_the_event_route(mode: int, seen: list[str]) -> None:
    stage = Stage(
        f'modparam("tm", "evlreq_mode", {mode})\nrequest_route {{ t_relay(); }}\n'
        'event_route[tm:local-request] { xlog("$rm\\n"); append_hf("X-Event: 1\\r\\n"); }',
        target="6.x",
    )
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    cancel, _ = stage.play(request("CANCEL"))
    ack, _ = stage.answer(sent, "487 Request Terminated")
    assert stage.script == seen
    assert [s.line for s in (cancel, ack) if s.header("X-Event")] == seen


def test_another_408() -> None:
    stage = Stage(
        'modparam("tm", "reply_408_code", 480) modparam("tm", "reply_408_reason", "Nobody there")\n'
        "request_route { t_relay(); }",
        target="6.x",
    )
    stage.invite()
    assert any(s.text.startswith("SIP/2.0 480 Nobody there\r\n") for s in stage.advance(31))


@pytest.mark.parametrize(("mode", "known"), [(1, "100"), (0, "478")])
def test_delayed_reply(mode: int, known: str) -> None:
    """delayed_reply=0: the error reply leaves within t_relay()."""
    stage = Stage(
        f'modparam("tm", "delayed_reply", {mode})\n'
        'request_route { $ru = "sip:x@nowhere.invalid"; t_relay(); xlog("$T_reply_code\\n"); }',
        target="6.x",
    )
    assert [s.line for s in stage.invite()] == ["100", "478"]
    assert stage.script == [known]
