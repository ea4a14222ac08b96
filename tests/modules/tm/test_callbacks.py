"""What other modules hear of a transaction."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.core.context import Context
from kamscript.module import Module, Route, function
from kamscript.modules.tm import Tm, callbacks
from kamscript.modules.tm.callbacks import (
    TMCB_DESTROY,
    TMCB_DONT_ACK,
    TMCB_LOCAL_COMPLETED,
    TMCB_LOCAL_REQUEST_IN,
    TMCB_LOCAL_RESPONSE_OUT,
    TMCB_ON_FAILURE,
    TMCB_REQUEST_FWDED,
    TMCB_REQUEST_IN,
    TmcbParams,
)
from kamscript.modules.tm.dialog import UacDialog, dialog_of_reply
from kamscript.modules.tm.transaction import Transaction

from .stage import Sent, Stage, request, story

NAMES = {
    value: name.removeprefix("TMCB_")
    for name, value in vars(callbacks).items()
    if name.startswith("TMCB_") and not name.endswith("_F")
}
EVERYTHING = sum(value for value in NAMES if value not in (TMCB_REQUEST_IN, TMCB_LOCAL_REQUEST_IN, TMCB_DONT_ACK))


class Ear(Module, name="ear"):
    """Hears everything and writes it down."""

    def ready(self) -> None:
        """Listen to every new transaction."""
        self.heard: list[str] = []
        tm: Any = self.server.modules["tm"]
        self.tm: Tm = tm
        self.tm.register_tmcb(TMCB_REQUEST_IN, self.request_in)

    @function(Route.REQUEST)
    def early(self, ctx: Context) -> int:
        """Register before there is a transaction."""
        self.tm.register_tmcb(TMCB_ON_FAILURE, self.note, ctx=ctx, param="early ")
        return 1

    def request_in(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        self.note(t, kind, params)
        self.tm.register_tmcb(EVERYTHING, self.note, t=t, param="")

    def note(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """`RESPONSE_OUT 486 +reply`."""
        assert (params.ctx is None) is (kind == TMCB_DESTROY)
        reply = " +reply" if params.reply is not None else ""
        flags = " again" if params.flags & callbacks.TMCB_RETR_F else ""
        code = f" {params.code}" if params.code else ""
        self.heard.append(f"{params.param or ''}{NAMES[kind]}{code}{reply}{flags}")


def listening(config: str = "request_route { t_relay(); }") -> tuple[Stage, list[str]]:
    stage = Stage(config, modules="ear " + "tm tmx sl rr pv xlog textops corex", own={"ear": Ear})
    ear = stage.server.modules["ear"]
    assert isinstance(ear, Ear)
    return stage, ear.heard


def test_a_call() -> None:
    stage, heard = listening()
    _, sent = stage.invite()
    assert heard == [
        "REQUEST_IN", "REQUEST_PENDING 100", "RESPONSE_SENT 100", "REQUEST_FWDED", "REQUEST_SENT", "REQUEST_OUT",
    ]  # fmt: skip
    heard.clear()
    stage.answer(sent, "180 Ringing")
    assert heard == [
        "RESPONSE_IN 180 +reply", "RESPONSE_FWDED 180 +reply", "RESPONSE_READY 180 +reply", "RESPONSE_OUT 180 +reply",
        "RESPONSE_SENT 180 +reply",
    ]  # fmt: skip
    heard.clear()
    stage.answer(sent, "200 OK")
    assert heard == [
        "RESPONSE_IN 200 +reply", "RESPONSE_FWDED 200 +reply", "RESPONSE_READY 200 +reply", "RESPONSE_OUT 200 +reply",
        "RESPONSE_SENT 200 +reply",
    ]  # fmt: skip
    heard.clear()
    for _ in range(2):
        stage.play(request("ACK", branch="z9hG4bK-2", to_tag="b1"))
    assert heard == ["E2EACK_IN", "E2EACK_RETR_IN"]
    heard.clear()
    stage.advance(6)
    assert heard == ["DESTROY"]


def test_a_refused_call() -> None:
    stage, heard = listening()
    _, sent = stage.invite()
    heard.clear()
    stage.answer(sent, "486 Busy Here")
    assert [event for event in heard if "FAILURE" in event or "OUT" in event] == [
        "ON_BRANCH_FAILURE_RO 486 +reply", "ON_BRANCH_FAILURE 486 +reply", "ON_FAILURE_RO 486 +reply",
        "ON_FAILURE 486 +reply", "RESPONSE_OUT 486 +reply",
    ]  # fmt: skip
    heard.clear()
    stage.advance(0.6)
    stage.play(request("ACK", to_tag="b1"))
    assert heard == ["RESPONSE_SENT 486 again", "ACK_NEG_IN 4"]


def test_retransmissions_and_cancel() -> None:
    stage, heard = listening()
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    heard.clear()
    stage.invite()
    assert heard == ["REQ_RETR_IN", "RESPONSE_SENT 180 again"]
    heard.clear()
    stage.play(request("CANCEL"))
    assert "E2ECANCEL_IN 2" in heard


def test_a_timeout_has_no_reply() -> None:
    stage, heard = listening('modparam("tm", "fr_timer", 100)\nrequest_route { t_relay(); }')
    stage.invite()
    heard.clear()
    stage.advance(0.2)
    assert "ON_FAILURE 408" in heard and "RESPONSE_OUT 408" in heard


def test_early_registration() -> None:
    stage, heard = listening("request_route { early(); t_relay(); }")
    _, sent = stage.invite()
    stage.answer(sent, "404 Not Found")
    assert "early ON_FAILURE 404 +reply" in heard


def test_a_callback_edits_what_is_forwarded() -> None:
    stage = Stage()

    def edit(t: Transaction, kind: int, params: TmcbParams) -> None:
        assert params.request is not None
        params.request.edits.insert_before(
            params.request.edits.anchor(params.request.headers[0].start, ""), "X-A: 1\r\n"
        )

    stage.tm.register_tmcb(
        TMCB_REQUEST_IN, lambda t, kind, params: stage.tm.register_tmcb(TMCB_REQUEST_FWDED, edit, t=t)
    )
    _, sent = stage.invite()
    assert sent.header("X-A") == ["1"]


def own_request(stage: Stage, method: str, **more: Any) -> tuple[Transaction | None, list[Sent]]:
    t = stage.tm.request_outside(method, "sip:bob@127.0.0.12", "sip:bob@example.com", "sip:us@example.com", **more)
    return t, stage.note(stage.server.take_outbox())


def test_a_request_of_our_own() -> None:
    stage = Stage()
    heard: list[tuple[str, int]] = []
    t, (sent,) = own_request(
        stage,
        "OPTIONS",
        headers="X-A: 1\r\n",
        callback=lambda t, kind, params: heard.append((NAMES[kind], params.code)),
    )
    assert t is not None and t.is_local
    assert sent.to == "bob" and sent.header("X-A") == ["1"] and sent.header("CSeq") == ["10 OPTIONS"]
    assert stage.answer(sent, "200 OK") == []
    assert heard == [("LOCAL_COMPLETED", 200)]


def test_a_request_of_our_own_times_out() -> None:
    stage = Stage()
    heard: list[tuple[int, bool]] = []
    own_request(stage, "OPTIONS", callback=lambda t, kind, params: heard.append((params.code, params.reply is None)))
    stage.advance(31)
    assert heard == [(408, True)]


def test_provisional_replies_to_our_own() -> None:
    stage = Stage('modparam("tm", "pass_provisional_replies", 1)\nrequest_route { exit; }')
    heard: list[tuple[str, int]] = []
    _, (sent,) = own_request(
        stage,
        "INVITE",
        callback=lambda t, kind, params: heard.append((NAMES[kind], params.code)),
        types=TMCB_LOCAL_COMPLETED | TMCB_LOCAL_RESPONSE_OUT,
    )
    stage.answer(sent, "180 Ringing")
    acks = stage.answer(sent, "200 OK", headers="Contact: <sip:bob@127.0.0.12>\n")
    assert heard == [("LOCAL_RESPONSE_OUT", 180), ("LOCAL_COMPLETED", 200)]
    assert story(acks) == ["0 ACK bob"] and acks[0].header("CSeq") == ["10 ACK"]


def test_an_invite_that_its_sender_acknowledges() -> None:
    stage = Stage()
    t, (sent,) = own_request(stage, "INVITE", callback=lambda *_: None, types=TMCB_LOCAL_COMPLETED | TMCB_DONT_ACK)
    assert t is not None
    assert stage.answer(sent, "200 OK", headers="Contact: <sip:bob@127.0.0.12>\n") == []
    assert stage.tm.ack_request(t, headers="X-A: 1\r\n", body="sdp") == 0
    (ack,) = stage.note(stage.server.take_outbox())
    assert ack.line == "ACK" and ack.header("X-A") == ["1"] and ack.text.endswith("sdp")
    assert stage.tm.ack_request(t) == -2


def test_a_dialog_of_our_own() -> None:
    """INVITE, 200 with Record-Route, and a BYE along the route set."""
    stage = Stage()
    dialogs: list[UacDialog] = []

    def completed(t: Transaction, kind: int, params: TmcbParams) -> None:
        assert params.reply is not None
        made = dialog_of_reply(params.reply)
        assert made is not None
        dialogs.append(made)

    _, (sent,) = own_request(stage, "INVITE", callback=completed)
    stage.answer(
        sent,
        "200 OK",
        headers="Contact: <sip:bob@127.0.0.12:5060>\nRecord-Route: <sip:127.0.0.13;lr>, <sip:127.0.0.14;lr>\n",
    )
    stage.tm.request("BYE", dialogs[0])
    (bye,) = stage.note(stage.server.take_outbox())
    assert bye.to == "dave"
    assert bye.header("Route") == ["<sip:127.0.0.14;lr>, <sip:127.0.0.13;lr>"]
    assert bye.header("CSeq") == ["11 BYE"] and bye.text.startswith("BYE sip:bob@127.0.0.12:5060 ")


def test_a_strict_router_in_the_route_set() -> None:
    stage = Stage()
    dialog = UacDialog(
        callid="c", local_uri="sip:us@x", remote_uri="sip:bob@x", target="sip:bob@127.0.0.12",
        routes=["<sip:127.0.0.13>", "<sip:127.0.0.14;lr>"],
    )  # fmt: skip
    stage.tm.request("INFO", dialog)
    (sent,) = stage.note(stage.server.take_outbox())
    assert sent.text.startswith("INFO sip:127.0.0.13 ") and sent.to == "carol"
    assert sent.header("Route") == ["<sip:127.0.0.14;lr>, <sip:bob@127.0.0.12>"]


def test_a_request_that_cannot_be_sent() -> None:
    stage = Stage()
    t = stage.tm.request_outside("OPTIONS", "sip:bob@nowhere.invalid", "sip:bob@x", "sip:us@x")
    assert t is None and stage.tm.last_error < 0 and not stage.transactions


def test_our_own_invite_is_cancelled() -> None:
    stage = Stage()
    t, (sent,) = own_request(stage, "INVITE")
    assert t is not None
    stage.tm.cancel_request(t)
    assert stage.server.take_outbox() == []
    stage.answer(sent, "180 Ringing")
    stage.tm.cancel_request(t, headers="Reason: SIP;cause=480\r\n")
    (cancel,) = stage.note(stage.server.take_outbox())
    assert cancel.line == "CANCEL" and cancel.header("Reason") == ["SIP;cause=480"]


@pytest.mark.parametrize("drop", [False, True])
def test_an_event_route_sees_what_is_sent(drop: bool) -> None:
    action = "drop;" if drop else 'append_hf("X-Event: 1\\r\\n"); $ru = "sip:carol@127.0.0.13";'
    stage = Stage(f"request_route {{ exit; }} event_route[tm:local-request] {{ {action} }}")
    t, sent = own_request(stage, "OPTIONS")
    if drop:
        assert t is None and sent == [] and not stage.transactions
    else:
        assert sent[0].header("X-Event") == ["1"] and sent[0].text.startswith("OPTIONS sip:carol@127.0.0.13 ")


def test_replying_from_outside() -> None:
    stage = Stage("request_route { t_newtran(); exit; }")
    stage.invite()
    (t,) = stage.transactions
    assert stage.tm.reply_trans(t, 183, "Body", headers="X-A: 1\r\n", body="early") == 1
    assert stage.tm.reply_trans(t, 486, "Busy", totag="mine") == 1
    assert stage.tm.reply_trans(t, 500, "Too late") == -1
    early, busy = stage.note(stage.server.take_outbox())
    assert early.header("X-A") == ["1"] and early.text.endswith("early")
    assert busy.header("To") == ["<sip:bob@example.com>;tag=mine"]


def test_counting() -> None:
    stage = Stage()
    _, sent = stage.invite()
    stage.answer(sent, "180 Ringing")
    stage.answer(sent, "486 Busy Here")
    own_request(stage, "OPTIONS")
    stats = stage.tm.stats()
    assert (stats.current, stats.total, stats.total_local, stats.rpl_received) == (2, 2, 1, 2)
    assert stats.completed[4] == 1
    stage.play(request("ACK", to_tag="b1"))
    stage.advance(60)
    stats = stage.tm.stats()
    assert (stats.current, stats.total, stats.created, stats.freed) == (0, 2, 2, 2)
