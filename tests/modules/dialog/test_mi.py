"""MI: the commands of the 4.x generation and the lines they answer with."""

from __future__ import annotations

import pytest

from kamscript.core.mi import MiReply, Node
from kamscript.modules.dialog.callbacks import DLGCB_MI_CONTEXT, DialogParams
from kamscript.modules.dialog.cell import DialogCell
from kamscript.modules.dialog.mi import number
from tests.core.serving import NOW
from tests.modules.dialog.scene import Scene

PROFILES = 'profiles_with_value="caller" profiles_no_value="all"'
JOIN = 'set_dlg_profile("all"); set_dlg_profile("caller", "$fU");'


def serving(target: str = "4.4", **more: str) -> Scene:
    return Scene(target=target, **more)


def called(**more: str) -> Scene:
    scene = serving(**more)
    scene.call()
    return scene


def ask(scene: Scene, command: str, *params: str) -> MiReply:
    reply = scene.server.mi.run(command, params)
    scene.note(scene.server.take_outbox())
    return reply


def refused(scene: Scene, command: str, *params: str) -> str:
    """The only line of the answer."""
    return ask(scene, command, *params).text().removesuffix("\n")


def callids(reply: MiReply) -> list[str]:
    return [child.value for node in reply.nodes for child in node.children if child.name == "callid"]


def byes(scene: Scene) -> list[str]:
    return [one.to for one in scene.sent if one.line == "BYE"]


@pytest.mark.spec("9.1")
def test_a_confirmed_call() -> None:
    scene = serving()
    scene.advance(5)
    scene.call()
    dlg = scene.only
    assert ask(scene, "dlg_list").text() == (
        f"200 OK\ndialog::  hash={dlg.h_entry}:{dlg.h_id}\n"
        f"\tstate:: 4\n\tref_count:: {dlg.ref}\n\ttimestart:: {NOW + 5:.0f}\n\ttimeout:: {43200 + 5}\n"
        "\tcallid:: call-1\n"
        "\tfrom_uri:: sip:alice@example.com\n\tfrom_tag:: a1\n"
        "\tcaller_contact:: sip:alice@127.0.0.11:5060\n\tcaller_cseq:: 1\n\tcaller_route_set:: \n"
        "\tcaller_bind_addr:: udp:127.0.0.1:5060\n\tcallee_bind_addr:: udp:127.0.0.1:5060\n"
        "\tto_uri:: sip:bob@example.com\n\tto_tag:: b1\n"
        "\tcallee_contact:: sip:b1@127.0.0.12:5060\n\tcallee_cseq:: 0\n\tcallee_route_set:: \n"
    )


@pytest.mark.spec("9.1")
def test_a_call_that_rings_has_lines_without_values() -> None:
    scene = serving()
    scene.invite()
    scene.ring()
    lines = ask(scene, "dlg_list").text().splitlines()
    assert "\tstate:: 2" in lines and "\ttimeout:: 0" in lines
    assert "\tcallee_bind_addr:: " in lines and "\tto_tag:: " in lines


@pytest.mark.spec("9.1")
def test_no_calls() -> None:
    assert ask(serving(), "dlg_list").text() == "200 OK\n"


@pytest.mark.spec("9.1")
def test_one_of_two_calls() -> None:
    scene = serving()
    scene.invite()
    scene.invite(callid="call-2")
    assert sorted(callids(ask(scene, "dlg_list"))) == ["call-1", "call-2"]
    assert callids(ask(scene, "dlg_list", "call-2")) == ["call-2"]
    assert callids(ask(scene, "dlg_list", "call-2", "a1")) == ["call-2"]


@pytest.mark.spec("9.1 9.2 9.4")
@pytest.mark.parametrize("command", ["dlg_list", "dlg_list_ctx", "dlg_terminate_dlg"])
def test_a_call_that_is_not_there(command: str) -> None:
    scene = called()
    assert refused(scene, command, "call-2") == "404 Nu such dialog"
    assert refused(scene, command, "call-1", "b1") == "404 Nu such dialog"
    assert refused(scene, command, "call-1", "a1", "more") == "400 Too few or too many arguments"
    assert refused(scene, command, "") == "400 Too few or too many arguments"


@pytest.mark.spec("9.1")
def test_an_ended_call_is_in_the_list_and_not_found_by_itself() -> None:
    scene = called()
    scene.bye()
    assert callids(ask(scene, "dlg_list")) == ["call-1"]
    assert refused(scene, "dlg_list", "call-1") == "404 Nu such dialog"


@pytest.mark.spec("9.2")
def test_other_modules_add_what_they_know() -> None:
    scene = called()

    def tell(dlg: DialogCell, kind: int, params: DialogParams) -> None:
        assert isinstance(params.data, Node)
        params.data.add("watched", params.param)

    scene.dialog.register_dlgcb(scene.only, DLGCB_MI_CONTEXT, tell, "by me")
    assert ask(scene, "dlg_list_ctx").text().endswith("\tcontext:: \n\t\twatched:: by me\n")
    assert ask(scene, "dlg_list_ctx", "call-1").text().endswith("\t\twatched:: by me\n")
    assert "context" not in ask(scene, "dlg_list").text()


@pytest.mark.spec("9.3")
@pytest.mark.parametrize("form", ["{}", "0x{:x}"])
def test_a_call_is_ended_by_its_place(form: str) -> None:
    scene = called()
    place = [form.format(number) for number in (scene.only.h_entry, scene.only.h_id)]
    assert refused(scene, "dlg_end_dlg", *place, "X-Why: done\r\n") == "200 OK"
    assert byes(scene) == ["alice", "bob"]
    assert [one.header("X-Why") for one in scene.sent if one.line == "BYE"] == [["done"], ["done"]]


@pytest.mark.spec("9.3")
def test_a_call_that_rings_is_not_ended() -> None:
    scene = serving()
    scene.invite()
    assert refused(scene, "dlg_end_dlg", str(scene.only.h_entry), str(scene.only.h_id)) == "500 Operation failed"
    assert byes(scene) == []


@pytest.mark.spec("9.3")
@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ((), "400 Too few or too many arguments"),
        (("1",), "400 Too few or too many arguments"),
        (("1", "x"), "400 Bad parameter"),
        (("0xg", "1"), "400 Bad parameter"),
        (("", "1"), "400 Bad parameter"),
        (("1", "2"), "404 Requested Dialog not found"),
    ],
)
def test_a_place_without_a_call(params: tuple[str, ...], wanted: str) -> None:
    assert refused(serving(), "dlg_end_dlg", *params) == wanted


def test_numbers() -> None:
    assert [number(text) for text in ("12", "0x1F", "0x", "-1", " 1", "")] == [12, 31, None, None, None, None]
    assert number(str((1 << 32) + 5)) == number("0x100000005") == 5
    assert number("9" * 8000) is not None


@pytest.mark.spec("9.4")
def test_a_call_is_ended_by_its_elements() -> None:
    scene = called()
    assert refused(scene, "dlg_terminate_dlg") == "400 Too few or too many arguments"
    assert refused(scene, "dlg_terminate_dlg", "call-1", "a1") == "200 OK"
    assert byes(scene) == ["alice", "bob"]


@pytest.mark.spec("9.4")
def test_a_call_that_rings_cannot_be_ended_so() -> None:
    scene = serving()
    scene.invite()
    assert refused(scene, "dlg_terminate_dlg", "call-1") == "500 command 'dlg_terminate_dlg' failed"


@pytest.mark.spec("9.5")
@pytest.mark.parametrize(
    ("params", "line"),
    [
        (("all",), "name=all value= count=1"),
        (("all", "x"), "name=all value=x count=1"),
        (("caller", "alice"), "name=caller value=alice count=1"),
        (("caller", "bob"), "name=caller value=bob count=0"),
    ],
)
def test_the_size_of_a_profile(params: tuple[str, ...], line: str) -> None:
    scene = called(params=PROFILES, after=JOIN)
    assert ask(scene, "profile_get_size", *params).text() == f"200 OK\nprofile::  {line}\n"


@pytest.mark.spec("9.6")
def test_the_dialogs_of_a_profile() -> None:
    scene = called(params=PROFILES, after=JOIN)
    assert callids(ask(scene, "profile_list_dlgs", "caller", "alice")) == ["call-1"]
    assert callids(ask(scene, "profile_list_dlgs", "all", "whatever")) == ["call-1"]
    assert refused(scene, "profile_list_dlgs", "caller", "bob") == "200 OK"


@pytest.mark.spec("9.5 9.6")
@pytest.mark.parametrize("command", ["profile_get_size", "profile_list_dlgs"])
@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ((), "400 Too few or too many arguments"),
        (("",), "400 Too few or too many arguments"),
        (("all", ""), "400 Bad parameter"),
        (("all", "x", "y"), "400 Too few or too many arguments"),
        (("nosuch",), "404 Profile not found"),
    ],
)
def test_a_profile_that_is_not_there(command: str, params: tuple[str, ...], wanted: str) -> None:
    assert refused(serving(params=PROFILES), command, *params) == wanted


@pytest.mark.spec("9.7")
@pytest.mark.parametrize(
    ("more", "to", "body"),
    [((), "alice", None), (("sip:127.0.0.13",), "carol", None), ((".", "v=0\r\ns=x\r\n"), "alice", "v=0\r\ns=x\r\n")],
)
def test_two_addresses_are_bridged(more: tuple[str, ...], to: str, body: str | None) -> None:
    scene = serving()
    assert refused(scene, "dlg_bridge", "sip:alice@127.0.0.11", "sip:bob@127.0.0.12", *more) == "200 OK"
    (invite,) = scene.sent
    assert (invite.to, invite.line) == (to, "INVITE")
    sdp = invite.text.partition("\r\n\r\n")[2]
    assert sdp == body if body else "c=IN IP4 0.0.0.0" in sdp


@pytest.mark.spec("9.7")
@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ((), "400 Too few or too many arguments"),
        (("sip:a@127.0.0.11",), "400 Too few or too many arguments"),
        (("", "sip:b@127.0.0.12"), "500 Bad From value"),
        (("sip:a@127.0.0.11", ""), "500 Bad To value"),
        (("sip:a@127.0.0.11", "sip:b@127.0.0.12", ""), "500 Bad OP value"),
        (("sip:a@127.0.0.11", "sip:b@127.0.0.12", ".", ""), "500 Bad SDP value"),
        (("garbage", "sip:b@127.0.0.12"), "500 Server Internal Error"),
    ],
)
def test_a_bridge_that_cannot_be(params: tuple[str, ...], wanted: str) -> None:
    scene = serving()
    assert refused(scene, "dlg_bridge", *params) == wanted
    assert scene.sent == []


def test_later_generations_have_no_mi() -> None:
    assert refused(serving("5.6"), "dlg_list") == "500 command 'dlg_list' not available"
    assert refused(serving("all"), "dlg_list") == "200 OK"
