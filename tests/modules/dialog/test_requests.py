"""BYE and other requests that the server itself sends within a call."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.modules.dialog.callbacks import (
    DLGCB_TERMINATED,
    DLGCB_TERMINATED_CONFIRMED,
    DialogParams,
)
from kamscript.modules.dialog.cell import CALLEE, CALLER, IFLAG_PRACK, DialogCell
from kamscript.modules.dialog.uacdialog import restore_alias
from tests.modules.script import refused
from tests.modules.tm.stage import Sent, reply, request

from .scene import Scene


def at_info(call: str) -> str:
    """Lines for a sequential request: an INFO runs the call, says what it returned and is answered here."""
    return f'if (is_method("INFO")) {{ {call}; xlog("$rc\\n"); sl_send_reply("202", "Done"); exit; }}'


def own(sent: list[Sent], method: str = "BYE") -> list[Sent]:
    """Those requests among what left."""
    return [one for one in sent if one.line == method]


def agree(scene: Scene, one: Sent, status: str = "200 OK") -> None:
    """Whoever got the request replies."""
    scene.play(reply(one, status), ("127.0.0.11" if one.to == "alice" else "127.0.0.12", 5060))


# -- what is sent --------------------------------------------------------------------------------------------------
@pytest.mark.spec("2:1.2", "7.8")
def test_terminate_dlg_sends_bye_to_both_sides() -> None:
    scene = Scene()
    scene.call()
    assert scene.dialog.terminate_dlg(scene.only, "X-Why: because\r\n")
    to_alice, to_bob = own(scene.note(scene.server.take_outbox()))
    assert (to_alice.to, to_bob.to) == ("alice", "bob")
    assert to_alice.text.startswith("BYE sip:alice@127.0.0.11:5060 SIP/2.0\r\n")
    assert to_alice.header("From") == ["<sip:bob@example.com>;tag=b1"]
    assert to_alice.header("To") == ["<sip:alice@example.com>;tag=a1"]
    assert to_alice.header("CSeq") == ["1 BYE"]
    assert to_bob.header("From") == ["<sip:alice@example.com>;tag=a1"]
    assert to_bob.header("CSeq") == ["2 BYE"]
    assert to_bob.header("X-Why") == ["because"]
    assert to_bob.header("Max-Forwards") == ["70"]


@pytest.mark.spec("6.7", "6.53")
def test_parameters_add_headers() -> None:
    scene = Scene(params=r'dlg_extra_hdrs="Hint: credit expired\r\n" lreq_callee_headers="TH: dlh\r\n"')
    scene.call()
    scene.dialog.terminate_dlg(scene.only)
    to_alice, to_bob = own(scene.note(scene.server.take_outbox()))
    assert (to_alice.header("Hint"), to_alice.header("TH")) == (["credit expired"], [])
    assert (to_bob.header("Hint"), to_bob.header("TH")) == (["credit expired"], ["dlh"])


def test_bye_leaves_by_the_socket_of_the_side() -> None:
    scene = Scene(rest="listen=udp:127.0.0.1:5080\n")
    scene.call()
    scene.only.callee.socket = scene.server.find_socket("127.0.0.1", 5080, "udp")
    scene.dialog.terminate_dlg(scene.only)
    sent = scene.server.take_outbox()
    assert [one.socket.port for one in sent] == [5060, 5080]
    assert "Via: SIP/2.0/UDP 127.0.0.1:5080;" in sent[1].text


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("sip:a@10.1.1.1;alias=127.0.0.1~5070~1", ("sip:a@10.1.1.1", "sip:127.0.0.1:5070")),
        ("sip:a@10.1.1.1;alias=127.0.0.1~5070~2;ob", ("sip:a@10.1.1.1;ob", "sip:127.0.0.1:5070;transport=tcp")),
        ("sip:a@10.1.1.1;alias=127.0.0.1~5070~11", ("sip:a@10.1.1.1;alias=127.0.0.1~5070~11", "")),
        ("sip:a@10.1.1.1;alias=127.0.0.1~5070", ("sip:a@10.1.1.1;alias=127.0.0.1~5070", "")),
        ("sip:a@10.1.1.1", ("sip:a@10.1.1.1", "")),
        ("sip:a;alias=1~2~1", ("sip:a;alias=1~2~1", "")),
    ],
)
def test_aliases_of_contacts(uri: str, found: tuple[str, str]) -> None:
    assert restore_alias(uri) == found


@pytest.mark.parametrize(("target", "uri"), [("5.6", "sip:a@h;alias=127.0.0.14~5060~1"), ("4.4", "sip:a@h")])
def test_a_route_set_hides_the_alias_since_5_6(target: str, uri: str) -> None:
    scene = Scene(target=target)
    scene.call()
    dlg = scene.only
    dlg.caller.contact, dlg.caller.route_set = "sip:a@h;alias=127.0.0.14~5060~1", "<sip:127.0.0.13;lr>"
    scene.dialog.requests.bye(dlg, CALLER)
    (bye,) = own(scene.note(scene.server.take_outbox()))
    assert bye.text.startswith(f"BYE {uri} SIP/2.0")
    assert (bye.to, bye.header("Route")) == ("carol", ["<sip:127.0.0.13;lr>"])


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ({"contact": ""}, "no contact available"),
        ({"route_set": "<sip:broken"}, "failed to parse route set"),
    ],
)
def test_a_side_that_is_not_known_gets_nothing(what: dict[str, str], complaint: str) -> None:
    scene = Scene()
    scene.call()
    for name, value in what.items():
        setattr(scene.only.callee, name, value)
    assert not scene.dialog.requests.bye(scene.only, CALLEE)
    assert own(scene.note(scene.server.take_outbox())) == []
    assert any(complaint in line for line in scene.warned())


def test_a_number_that_is_none_gets_nothing() -> None:
    scene = Scene()
    scene.call()
    scene.only.caller.cseq = "many"
    assert not scene.dialog.requests.bye(scene.only, CALLEE)
    assert any("invalid cseq" in line for line in scene.warned())


@pytest.mark.parametrize(("target", "numbers"), [("5.6", ["81 BYE", "82 BYE"]), ("6.x", ["101 BYE", "102 BYE"])])
def test_numbers_leave_room_for_requests_that_were_not_counted(target: str, numbers: list[str]) -> None:
    scene = Scene(target=target)
    scene.call()
    scene.only.iflags |= IFLAG_PRACK
    scene.dialog.terminate_dlg(scene.only)
    assert [one.header("CSeq")[0] for one in own(scene.note(scene.server.take_outbox()))] == numbers


# -- what becomes of the dialog ------------------------------------------------------------------------------------
def test_callbacks_statistics_and_references() -> None:
    scene = Scene(params='profiles_no_value="p"', after='set_dlg_profile("p");')
    heard: list[tuple[str, int]] = []

    def hear(dlg: DialogCell, kind: int, params: DialogParams) -> None:
        heard.append((params.param, params.reply.status if params.reply is not None else 0))

    scene.call()
    dlg = scene.only
    scene.dialog.register_dlgcb(dlg, DLGCB_TERMINATED, hear, "terminated")
    scene.dialog.register_dlgcb(dlg, DLGCB_TERMINATED_CONFIRMED, hear, "answered")
    scene.dialog.terminate_dlg(dlg)
    to_alice, to_bob = own(scene.note(scene.server.take_outbox()))
    assert (heard, scene.states) == ([("terminated", 0)], [4])
    assert dlg.memberships
    assert scene.counts == {"active": 1, "processed": 1}
    agree(scene, to_bob, "481 Gone")
    assert heard == [("terminated", 0), ("answered", 481)]
    assert not dlg.memberships
    assert scene.counts == {"processed": 1}
    agree(scene, to_alice)
    assert len(heard) == 2
    scene.nothing_left()


def test_no_answer_is_one_as_well() -> None:
    scene = Scene()
    scene.call()
    scene.dialog.terminate_dlg(scene.only)
    scene.note(scene.server.take_outbox())
    scene.advance(29)
    assert scene.states == [4]
    scene.nothing_left()
    assert scene.counts == {"processed": 1}


def test_a_bye_that_crosses_ours() -> None:
    scene = Scene()
    scene.call()
    scene.dialog.terminate_dlg(scene.only)
    to_alice, to_bob = own(scene.note(scene.server.take_outbox()))
    scene.bye()
    assert scene.counts == {"processed": 1}
    agree(scene, to_bob)
    agree(scene, to_alice)
    assert scene.counts == {"processed": 1}
    scene.nothing_left()


def test_the_event_route_may_end_the_context() -> None:
    """event_route[dialog:end] leaves the script without current dialog: a second dlg_bye() finds none."""
    within = at_info('dlg_bye("caller"); dlg_bye("callee")')
    scene = Scene(within=within, rest='event_route[dialog:end] { xlog("end\\n"); }')
    scene.call()
    assert [one.to for one in own(scene.request("INFO"))] == ["alice"]
    scene = Scene(within=within)
    scene.call()
    assert [one.to for one in own(scene.request("INFO"))] == ["alice", "bob"]


def test_dlg_bye_without_dialog() -> None:
    scene = Scene(before='dlg_bye("all"); xlog("$rc\\n");')
    scene.invite()
    assert [line for line in scene.log if line.endswith("-1")]


@pytest.mark.parametrize("call", ['dlg_bye("both")', 'dlg_refer("all", "sip:x@y")', 'dlg_bye("$var(x)")'])
def test_words_that_name_no_side_are_refused(call: str) -> None:
    assert "invalid side" in refused(f"{call};", modules="tm rr sl dialog")


# -- calls that are not answered yet -------------------------------------------------------------------------------
def test_an_early_call_is_left_alone_by_5_6() -> None:
    scene = Scene()
    scene.invite()
    scene.ring()
    assert not scene.dialog.terminate_dlg(scene.only)
    assert scene.server.take_outbox() == []
    assert any("terminating non-confirmed dialogs not supported" in line for line in scene.warned())


def test_6_x_replies_to_the_caller_of_an_early_call() -> None:
    scene = Scene(target="6.x", params='bye_early_code=603 bye_early_reason="Enough"')
    scene.invite()
    scene.ring()
    assert scene.dialog.requests.bye(scene.only, CALLER)
    sent = scene.note(scene.server.take_outbox())
    assert [(one.line, one.to) for one in sent] == [("CANCEL", "bob"), ("603", "alice")]
    assert sent[1].text.startswith("SIP/2.0 603 Enough\r\n")
    assert scene.counts == {"failed": 1, "processed": 1}


def test_6_x_cancels_towards_the_callee_of_an_early_call() -> None:
    scene = Scene(target="6.x")
    scene.invite()
    scene.ring()
    assert scene.dialog.requests.bye(scene.only, CALLEE)
    sent = scene.note(scene.server.take_outbox())
    assert [(one.line, one.to) for one in sent] == [("CANCEL", "bob")]
    agree(scene, sent[0])
    assert [one.line for one in scene.respond("487 Request Terminated")] == ["ACK", "487"]


@pytest.mark.parametrize("target", ["6.x", "all"])
def test_both_sides_of_an_early_call(target: str) -> None:
    """The reply to the caller cancels the callees as well; that there is nobody left to ask is false, as in 6.x."""
    scene = Scene(target=target)
    scene.invite()
    scene.ring()
    assert not scene.dialog.terminate_dlg(scene.only)
    sent = scene.note(scene.server.take_outbox())
    assert [(one.line, one.to) for one in sent] == [("CANCEL", "bob"), ("480", "alice")]
    agree(scene, sent[0])
    scene.respond("487 Request Terminated")
    scene.play(request("ACK", to_tag="x"))
    scene.nothing_left()


def test_6_x_says_so_when_the_call_is_over() -> None:
    scene = Scene(target="6.x")
    scene.call()
    dlg = scene.only
    scene.bye()
    assert not scene.dialog.requests.bye(dlg, CALLER)
    assert any("already in deleted state, BYE not sent" in line for line in scene.warned())


# -- dlg_req_within ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('"caller", "MESSAGE"', [("alice", [], "")]),
        ('"Callee", "$hdr(X-Method)"', [("bob", [], "")]),
        ('"all", "MESSAGE", "X-A: 1\\r\\n"', [("alice", ["1"], ""), ("bob", ["1"], "")]),
        ('"callee", "MESSAGE", "text/plain", "hello"', [("bob", [], "hello")]),
        ('"caller", "MESSAGE", "X-A: 2\\r\\n", "text/plain", "hello"', [("alice", ["2"], "hello")]),
    ],
)
def test_dlg_req_within(arguments: str, expected: list[Any]) -> None:
    scene = Scene(target="6.x", within=at_info(f"dlg_req_within({arguments})"))
    scene.call()
    sent = own(scene.request("INFO", headers="X-Method: MESSAGE\n"), "MESSAGE")
    assert [(one.to, one.header("X-A"), one.text.partition("\r\n\r\n")[2]) for one in sent] == expected
    kinds = [one.header("Content-Type") for one in sent]
    assert kinds == [["text/plain"] if body else [] for _, _, body in expected]
    assert scene.states == [4]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ('"caller", "$var(empty)"', "invalid Method parameter"),
        ('"caller", "MESSAGE", "$var(empty)"', "invalid Headers parameter"),
        ('"caller", "MESSAGE", "text/plain", "$var(empty)"', "invalid Content parameter"),
    ],
)
def test_dlg_req_within_wants_its_arguments(arguments: str, complaint: str) -> None:
    scene = Scene(target="6.x", within='$var(empty) = "";' + at_info(f"dlg_req_within({arguments})"))
    scene.call()
    scene.request("INFO")
    assert any(complaint in line for line in scene.warned())
    assert [line for line in scene.log if line.endswith(": -1")]


def test_dlg_req_within_an_early_call() -> None:
    """The callee is the one whose provisional reply runs the route."""
    rest = 'onreply_route[R] { dlg_req_within("callee", "INFO"); xlog("$rc\\n"); }'
    scene = Scene(target="6.x", after='t_on_reply("R");', rest=rest)
    scene.invite()
    (info,) = own(scene.ring(headers="Contact: <sip:b@127.0.0.12:5060>\n"), "INFO")
    assert info.text.startswith("INFO sip:b@127.0.0.12:5060 SIP/2.0\r\n")
    assert info.header("From") == ["<sip:alice@example.com>;tag=a1"]
    assert info.header("To") == ["<sip:bob@example.com>;tag=b1"]
    assert (info.header("CSeq"), info.header("Route")) == (["2 INFO"], [])


def test_dlg_req_within_before_anybody_rings() -> None:
    scene = Scene(target="6.x", after='dlg_req_within("callee", "INFO"); xlog("$rc\\n");')
    assert own(scene.invite(), "INFO") == []
    assert any("needs its provisional reply" in line for line in scene.warned())
