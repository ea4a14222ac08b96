"""REFER within a call, and calls that the server sets up between two others."""

from __future__ import annotations

import pytest

from kamscript.modules.dialog.transfer import HOLD
from tests.modules.tm.stage import BOB, Sent, reply

from .scene import Scene
from .test_requests import at_info

MUSIC = "sip:music@127.0.0.13"


def last(sent: list[Sent], method: str) -> Sent:
    """The only request with this method."""
    (found,) = [one for one in sent if one.line == method]
    return found


@pytest.mark.spec("7.9")
@pytest.mark.parametrize(("side", "other"), [("caller", "bob"), ("callee", "alice")])
def test_dlg_refer_goes_to_the_other_side(side: str, other: str) -> None:
    """As on real Kamailio: who is named is the one in whose name the REFER is sent."""
    scene = Scene(within=at_info(f'dlg_refer("{side}", "{MUSIC}")'))
    scene.call()
    refer = last(scene.request("INFO"), "REFER")
    assert refer.to == other
    assert refer.header("Refer-To") == [MUSIC]
    assert refer.header("Referred-By") == ["sip:controller@kamailio.org"]
    assert refer.header("Contact") == ["<sip:controller@kamailio.org:5060>"]


@pytest.mark.spec("7.9")
@pytest.mark.parametrize("status", ["202 Accepted", "603 Decline"])
def test_bye_follows_whatever_the_answer_is(status: str) -> None:
    scene = Scene(within=at_info(f'dlg_refer("caller", "{MUSIC}")'))
    scene.call()
    refer = last(scene.request("INFO"), "REFER")
    bye = last(scene.play(reply(refer, status, tag=""), BOB), "BYE")
    (number,) = refer.header("CSeq")
    assert bye.header("CSeq") == [f"{int(number.split()[0]) + 1} BYE"]
    assert bye.header("From") == refer.header("From")
    assert scene.states == [4]


@pytest.mark.spec("6.43", "6.44")
def test_the_parameters_say_who_refers() -> None:
    scene = Scene(
        params='bridge_controller="sip:ctd@example.org" bridge_contact="sip:ctd@127.0.0.1:5060"',
        within=at_info(f'dlg_refer("callee", "{MUSIC}")'),
    )
    scene.call()
    refer = last(scene.request("INFO"), "REFER")
    assert refer.header("Referred-By") == ["sip:ctd@example.org"]
    assert refer.header("Contact") == ["<sip:ctd@127.0.0.1:5060>"]


@pytest.mark.parametrize(
    ("call", "to"),
    [
        (f'dlg_refer_cid("call-1", "caller", "{MUSIC}")', "bob"),
        (f'dlg_refer_cid("$ci", "CALLEE", "{MUSIC}")', "alice"),
        (f'dlg_refer_did("$dlg(h_entry)", "$dlg(h_id)", "caller", "{MUSIC}")', "bob"),
        (f'dlg_refer_did("$dlg(h_entry)", "$dlg(h_id)", "whoever", "{MUSIC}")', "alice"),
    ],
)
def test_other_ways_to_name_the_call(call: str, to: str) -> None:
    scene = Scene(target="6.x", within=at_info(call))
    scene.call()
    assert last(scene.request("INFO"), "REFER").to == to


@pytest.mark.parametrize(
    "call",
    [
        f'dlg_refer_cid("another", "caller", "{MUSIC}")',
        f'dlg_refer_did("1", "-1", "caller", "{MUSIC}")',
        'dlg_refer_cid("$ci", "caller", "$var(empty)")',
        'dlg_refer("caller", "$var(empty)")',
        f'dlg_bridge("$var(empty)", "{MUSIC}", "")',
        'dlg_bridge("sip:bob@127.0.0.12", "$var(empty)", "")',
        f'dlg_bridge("no address at all", "{MUSIC}", "")',
    ],
)
def test_what_cannot_be_done_is_false(call: str) -> None:
    scene = Scene(target="6.x", within='$var(empty) = "";' + at_info(call))
    scene.call()
    sent = scene.request("INFO")
    assert [one.line for one in sent] == ["202"]
    assert [line for line in scene.log if line.endswith("-1")]


@pytest.mark.spec("7.11")
def test_a_bridge_calls_refers_and_hangs_up() -> None:
    scene = Scene()
    assert scene.dialog.requests.bridge("sip:bob@127.0.0.12", MUSIC)
    (invite,) = scene.note(scene.server.take_outbox())
    assert invite.text.startswith("INVITE sip:bob@127.0.0.12 SIP/2.0\r\n")
    assert invite.text.endswith(f"\r\n\r\n{HOLD}")
    assert invite.header("From")[0].startswith("<sip:controller@kamailio.org>;tag=")
    contact = "Contact: <sip:b@127.0.0.12:5060>\nRecord-Route: <sip:127.0.0.13;lr>\n"
    ack, refer = scene.play(reply(invite, "200 OK", headers=contact), BOB)
    assert (ack.line, refer.line, refer.to) == ("ACK", "REFER", "carol")
    assert refer.header("Route") == ["<sip:127.0.0.13;lr>"]
    assert (refer.header("CSeq"), refer.header("Refer-To")) == (["11 REFER"], [MUSIC])
    assert refer.header("To") == ["<sip:bob@127.0.0.12>;tag=b1"]
    (bye,) = scene.play(reply(refer, "202 Accepted", tag=""), ("127.0.0.13", 5060))
    assert (bye.line, bye.header("CSeq")) == ("BYE", ["12 BYE"])
    scene.play(reply(bye, "200 OK", tag=""), ("127.0.0.13", 5060))
    scene.nothing_left()
    assert scene.counts == {}


@pytest.mark.spec("7.11")
def test_a_bridge_by_way_of_a_proxy() -> None:
    scene = Scene()
    assert scene.dialog.requests.bridge("sip:bob@example.com", MUSIC, "sip:127.0.0.14")
    (invite,) = scene.note(scene.server.take_outbox())
    assert (invite.to, invite.header("To")) == ("dave", ["<sip:bob@example.com>"])


@pytest.mark.parametrize("status", ["300 Elsewhere", "486 Busy Here", "603 Decline"])
def test_a_bridge_that_is_refused_is_over(status: str) -> None:
    scene = Scene()
    scene.dialog.requests.bridge("sip:bob@127.0.0.12", MUSIC)
    (invite,) = scene.note(scene.server.take_outbox())
    assert [one.line for one in scene.play(reply(invite, status), BOB)] == ["ACK"]
    scene.nothing_left()


def test_a_bridge_that_nobody_answers_is_over() -> None:
    scene = Scene()
    scene.dialog.requests.bridge("sip:bob@127.0.0.12", MUSIC)
    (invite,) = scene.note(scene.server.take_outbox())
    assert invite.line == "INVITE"
    assert not [one for one in scene.advance(200) if one.line == "REFER"]
    scene.nothing_left()


def test_a_bridge_without_contact_goes_no_further() -> None:
    scene = Scene()
    scene.dialog.requests.bridge("sip:bob@127.0.0.12", MUSIC)
    (invite,) = scene.note(scene.server.take_outbox())
    assert not [one for one in scene.play(reply(invite, "200 OK"), BOB) if one.line == "REFER"]
    assert any("could not add further info to the dialog" in line for line in scene.warned())


@pytest.mark.parametrize(("body", "length"), [(None, "147"), ("v=0\r\n", "5"), ("", "0")])
def test_a_bridge_with_a_body(body: str | None, length: str) -> None:
    scene = Scene()
    assert scene.dialog.requests.bridge("sip:bob@127.0.0.12", MUSIC, "", body)
    (invite,) = scene.note(scene.server.take_outbox())
    assert invite.header("Content-Length") == [length]
