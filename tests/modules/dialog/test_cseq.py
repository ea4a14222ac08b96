"""CSeq numbers that uac_auth() raised, on their way there and back."""

from __future__ import annotations

import pytest

from kamscript.core.context import Context
from kamscript.module import Route
from kamscript.modules.dialog.cell import IFLAG_CSEQ_DIFF
from kamscript.modules.dialog.cseq import CseqUpdates, difference_of
from kamscript.sip.message import Message
from tests.modules.tm.stage import BOB, Sent, reply, request

from .scene import Scene, proxy

RAISE = 't_on_failure("F");'
AGAIN = 'failure_route[F] { if (uac_auth()) { xlog("diff $dlg_var(cseq_diff)\\n"); t_relay(); } }'


def scene_of(*, target: str = "5.6", track: int = 1) -> Scene:
    """A scene whose INVITEs are authenticated when bob says 401."""
    config = proxy(params=f"track_cseq_updates={track}", after=RAISE, rest=AGAIN)
    return Scene(
        f'loadmodule "uac.so"\nmodparam("uac", "credential", "alice:provider:secret")\n{config}', target=target
    )


def challenged(scene: Scene) -> Sent:
    """Alice calls, bob challenges: the second INVITE."""
    scene.invite()
    sent = scene.respond("401 Unauthorized", headers='WWW-Authenticate: Digest realm="provider", nonce="abc"\n')
    scene.invites += [one for one in sent if one.line == "INVITE"]
    return scene.invites[-1]


def updates(scene: Scene) -> CseqUpdates:
    return scene.dialog.requests.cseq


@pytest.mark.spec("6.52")
def test_the_second_invite_has_the_next_number() -> None:
    scene = scene_of()
    invite = challenged(scene)
    assert invite.header("CSeq") == ["2 INVITE"]
    assert invite.header("P-K-CSeq-Auth") == []
    assert invite.branch.endswith(".cs1")
    assert scene.only.variables == {"cseq_diff": "1"}
    assert [one.header("CSeq") for one in scene.answer() if one.to == "alice"] == [["1 INVITE"]]
    (ack,) = scene.ack()
    assert ack.header("CSeq") == ["2 ACK"]


@pytest.mark.spec("6.52")
def test_later_requests_of_the_caller_are_raised_as_well() -> None:
    scene = scene_of()
    challenged(scene)
    scene.answer()
    scene.ack()
    info, back = scene.request("INFO")
    assert (info.header("CSeq"), back.header("CSeq")) == (["3 INFO"], ["2 INFO"])
    upstream, _ = scene.request("INFO", "bob")
    assert upstream.header("CSeq") == ["1 INFO"]


def test_a_bye_of_the_server_is_raised_towards_the_callee() -> None:
    scene = scene_of()
    challenged(scene)
    scene.answer()
    scene.ack()
    scene.dialog.terminate_dlg(scene.only)
    to_alice, to_bob = scene.note(scene.server.take_outbox())
    assert (to_alice.header("CSeq"), to_bob.header("CSeq")) == (["1 BYE"], ["3 BYE"])


def test_what_is_sent_again_is_raised_again() -> None:
    scene = scene_of()
    invite = challenged(scene)
    again = [one for one in scene.advance(1) if one.line == "INVITE"]
    assert again
    assert {one.text for one in again} == {invite.text}


@pytest.mark.parametrize("status", ["486 Busy Here", "487 Request Terminated"])
def test_the_ack_belongs_to_the_invite_that_was_sent(status: str) -> None:
    scene = scene_of()
    invite = challenged(scene)
    ack = scene.respond(status)[0]
    assert (ack.line, ack.header("CSeq"), ack.branch) == ("ACK", ["2 ACK"], invite.branch)


def test_cancel_belongs_to_the_invite_that_was_sent() -> None:
    scene = scene_of()
    invite = challenged(scene)
    scene.ring()
    (cancel,) = [one for one in scene.play(request("CANCEL")) if one.line == "CANCEL"]
    assert (cancel.header("CSeq"), cancel.branch) == (["2 CANCEL"], invite.branch)


def test_a_refused_re_invite_is_acknowledged_with_its_number() -> None:
    """Not so on real Kamailio: its ACK has the caller's number, and a branch that no INVITE had."""
    scene = scene_of()
    challenged(scene)
    scene.answer()
    scene.ack()
    (invite,) = [one for one in scene.request("INVITE", answer="") if one.line == "INVITE"]
    assert invite.header("CSeq") == ["3 INVITE"]
    ack = scene.play(reply(invite, "488 No", tag=""), BOB)[0]
    assert (ack.line, ack.header("CSeq"), ack.branch) == ("ACK", ["3 ACK"], invite.branch)


def test_without_the_parameter_nothing_is_published() -> None:
    scene = scene_of(track=0)
    assert "cb_cseq_update" not in scene.server.shared
    assert scene.server.hooks.data_in == [] == scene.server.hooks.data_out


def test_the_variable_is_the_scripts_to_spoil() -> None:
    scene = scene_of()
    challenged(scene)
    scene.answer()
    scene.ack()
    scene.dialog.set_dlg_var(scene.only, "cseq_diff", "nonsense")
    assert difference_of(scene.only) is None
    assert scene.request("INFO")[0].header("CSeq") == ["2 INFO"]


def test_outside_a_dialog_nothing_is_raised() -> None:
    scene = scene_of()
    ctx = scene.server.context(Message(request("OPTIONS").replace("\n", "\r\n")))
    assert updates(scene).update(ctx)
    assert not ctx.msg.has_edits


def test_a_message_without_cseq_is_an_error() -> None:
    scene = scene_of()
    text = "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:b@h>\r\n\r\n"
    assert not updates(scene).update(Context(scene.server, Message(text), Route.FAILURE))


REPLY = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=BRANCH;x=1\r\nVia: SIP/2.0/UDP 127.0.0.11;branch=z9hG4bK-1\r\n"
    "From: <sip:a@h>;tag=a\r\nTo: <sip:b@h>;tag=b\r\nCall-ID: c\r\nCSeq: NUMBER INVITE\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("branch", "number", "branch_after", "number_after"),
    [
        ("z9hG4bKab.cd.0.cs9", "10", "z9hG4bKab.cd.0;z=9", " 9"),
        ("z9hG4bKab.cd.0.cs11", "12", "z9hG4bKab.cd.0;z=11", "11"),
        ("z9hG4bKab.cd.0.cs123", "12", "z9hG4bKab.cd.0.cs123", "12"),
        ("z9hG4bKab.cd.0", "12", "z9hG4bKab.cd.0", "12"),
        ("z9hG4bKab.xcs1", "12", "z9hG4bKab.xcs1", "12"),
        ("cs1", "12", "cs1", "12"),
        ("z9hG4bKab.cs", "12", "z9hG4bKab.cs", "12"),
        ("z9hG4bKab.csx", "12", "z9hG4bKab.csx", "12"),
    ],
)
def test_the_branch_of_a_reply_tells_the_callers_number(
    branch: str, number: str, branch_after: str, number_after: str
) -> None:
    scene = scene_of()
    text = REPLY.replace("BRANCH", branch).replace("NUMBER", number)
    after = REPLY.replace("BRANCH", branch_after).replace("NUMBER", number_after)
    assert updates(scene).arriving(text, None) == after  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "SIP/2.0 .cs1 nonsense",
        "INVITE sip:.cs1@h SIP/2.0\r\n\r\n",
        REPLY.replace("BRANCH", "z9hG4bK.cs1").replace("CSeq: NUMBER INVITE\r\n", ""),
        REPLY.replace("BRANCH", "z9hG4bK.cs1")
        .replace("NUMBER", "2")
        .replace("Via: SIP/2.0/UDP 127.0.0.11;branch=z9hG4bK-1\r\n", ""),
    ],
)
def test_other_messages_stay(text: str) -> None:
    assert updates(scene_of()).arriving(text, None) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(("target", "rack"), [("5.6", "1 1 INVITE"), ("6.x", "1 2 INVITE")])
def test_rack_follows_since_6_x(target: str, rack: str) -> None:
    scene = scene_of(target=target)
    challenged(scene)
    scene.answer()
    scene.ack()
    prack = scene.request("PRACK", headers="RAck: 1 1 INVITE\n")[0]
    assert (prack.header("CSeq"), prack.header("RAck")) == (["3 PRACK"], [rack])


def test_the_dialog_remembers_that_numbers_differ() -> None:
    scene = scene_of()
    challenged(scene)
    assert scene.only.iflags & IFLAG_CSEQ_DIFF


@pytest.mark.parametrize("value", ["nonsense", "-5", "99999999999", ""])
def test_a_header_that_a_phone_made_up_is_no_number(value: str) -> None:
    scene = scene_of()
    challenged(scene)
    scene.answer()
    scene.ack()
    scene.only.iflags = 0
    assert scene.request("INFO", headers=f"P-K-CSeq-Auth: {value}\n")[0].header("CSeq") == ["2 INFO"]
