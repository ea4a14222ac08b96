"""RPC: what operators see of calls, and do to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kamscript.core.rpc import RpcFault, Struct, to_json
from kamscript.lab.environment import LabFiles
from kamscript.modules.dialog.callbacks import DLGCB_RPC_CONTEXT, DialogParams
from kamscript.modules.dialog.cell import DialogCell
from tests.core.serving import NOW as START
from tests.modules.dialog.scene import Scene

NOW = int(START)
MEMBERS = [
    *("h_entry", "h_id", "ref", "call-id", "from_uri", "to_uri", "state", "start_ts", "init_ts", "end_ts", "duration"),
    *("timeout", "lifetime", "dflags", "sflags", "iflags", "caller", "callee", "profiles", "variables"),
]
PROFILES = 'profiles_with_value="caller" profiles_no_value="all"'
JOIN = 'set_dlg_profile("all"); set_dlg_profile("caller", "$fU"); $dlg_var(a) = "1"; $dlg_var(b) = "2";'


def ask(scene: Scene, command: str, *arguments: Any) -> list[Any]:
    """What a command answers; text and number are told apart, as on the binary channel."""
    return scene.server.rpc.call(command, arguments, convert=False)


def fault(scene: Scene, command: str, *arguments: Any) -> tuple[int, str]:
    with pytest.raises(RpcFault) as caught:
        ask(scene, command, *arguments)
    return caught.value.code, caught.value.text


def byes(scene: Scene) -> list[str]:
    """Who got a BYE."""
    return [one.to for one in scene.sent if one.line == "BYE"]


# -- showing ----------------------------------------------------------------------------------------------------------
@pytest.mark.spec("10.1")
def test_a_call_that_rings() -> None:
    scene = Scene()
    scene.invite()
    scene.ring()
    (shown,) = ask(scene, "dlg.list")
    assert [name for name, _ in shown] == MEMBERS
    assert (shown["call-id"], shown["state"], shown["init_ts"], shown["start_ts"]) == ("call-1", 2, NOW, 0)
    assert shown["caller"]["socket"] == "udp:127.0.0.1:5060"
    assert to_json(shown["callee"]) == dict.fromkeys(("tag", "contact", "cseq", "route_set", "socket"))


@pytest.mark.spec("10.1")
def test_times_of_a_call() -> None:
    """Duration counts from the answer, and stops with the BYE; the timeout is a time."""
    scene = Scene()
    scene.invite()
    scene.advance(3)
    scene.answer()
    scene.ack()
    scene.advance(10)
    (shown,) = ask(scene, "dlg.list")
    assert (shown["start_ts"], shown["duration"], shown["timeout"]) == (NOW + 3, 10, NOW + 3 + 43200)
    scene.bye()
    scene.advance(2)
    (shown,) = ask(scene, "dlg.list")
    assert (shown["end_ts"], shown["duration"], shown["timeout"]) == (NOW + 13, 10, 0)


@pytest.mark.spec("10.1")
def test_the_youngest_variable_and_profile_stand_first() -> None:
    scene = Scene(params=PROFILES, after=JOIN)
    scene.invite()
    (shown,) = to_json(ask(scene, "dlg.list"))
    assert shown["profiles"] == [{"caller": "alice"}, "all"]
    assert shown["variables"] == [{"b": "2"}, {"a": "1"}]


@pytest.mark.spec("10.1")
def test_an_ended_call_shows_no_variables() -> None:
    scene = Scene(params=PROFILES, after=JOIN)
    scene.call()
    scene.bye()
    (shown,) = ask(scene, "dlg.list")
    assert (shown["state"], shown["profiles"], shown["variables"]) == (5, [], [])


@pytest.mark.spec("10.2 10.4")
def test_other_modules_add_what_they_know() -> None:
    """They get the struct itself, once for each dialog; the commands without context do not ask them."""
    scene = Scene()
    scene.call()
    asked: list[int] = []

    def tell(dlg: DialogCell, kind: int, params: DialogParams) -> None:
        asked.append(kind)
        assert isinstance(params.data, Struct)
        params.data.add("watched", params.param)

    scene.dialog.register_dlgcb(scene.only, DLGCB_RPC_CONTEXT, tell, "by me")
    for command, arguments in (("dlg.list_ctx", ()), ("dlg.dlg_list_ctx", ("call-1",))):
        (shown,) = ask(scene, command, *arguments)
        assert shown.members[-1] == ("watched", "by me")
    assert ask(scene, "dlg.list_match_ctx", "callid", "eq", "call-1")[0]["watched"] == "by me"
    ask(scene, "dlg.list")
    ask(scene, "dlg.dlg_list", "call-1")
    assert asked == [DLGCB_RPC_CONTEXT] * 3


@pytest.mark.spec("10.3")
def test_one_call_by_its_elements() -> None:
    scene = Scene()
    scene.call()
    assert [shown["call-id"] for shown in ask(scene, "dlg.dlg_list", "call-1", "a1")] == ["call-1"]
    assert ask(scene, "dlg.dlg_list", "call-1", "b1") == []
    assert ask(scene, "dlg.dlg_list", "call-2") == []


@pytest.mark.spec("10.3")
def test_4_4_wants_the_tag_and_shows_less() -> None:
    scene = Scene(target="4.4")
    scene.call()
    assert fault(scene, "dlg.dlg_list", "call-1")[0] == 400
    (shown,) = ask(scene, "dlg.dlg_list", "call-1", "a1")
    assert [name for name, _ in shown] == [name for name in MEMBERS if name not in ("ref", "end_ts", "duration")]


def test_4_4_shows_all_that_an_ended_call_had() -> None:
    scene = Scene(params=PROFILES, after=JOIN, target="4.4")
    scene.call()
    scene.bye()
    (shown,) = to_json(ask(scene, "dlg.list"))
    assert shown["variables"] == [{"b": "2"}, {"a": "1"}]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("callid", "eq", "call-1"), True),
        (("callid", "sw", "call"), True),
        (("furi", "re", "ALICE@.*com$"), True),
        (("turi", "eq", "bob"), False),
        (("start_ts", "gt", str(NOW - 1)), True),
        (("start_ts", "lt", str(NOW)), False),
        (("start_ts", "lt", "9" * 5000), False),
        (("start_ts", "lt", "-1"), False),
    ],
)
def test_calls_that_match(arguments: tuple[str, ...], found: bool) -> None:
    scene = Scene()
    scene.call()
    if found:
        assert ask(scene, "dlg.list_match", *arguments)[0]["call-id"] == "call-1"
    else:
        assert fault(scene, "dlg.list_match", *arguments) == (404, "Not found")


def test_a_number_of_matches() -> None:
    scene = Scene()
    for number in range(4):
        scene.invite(callid=f"call-{number}")
    assert [len(ask(scene, "dlg.list_match", "callid", "sw", "call", count)) for count in (1, 3, 0, -2)] == [1, 3, 4, 4]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("callid", "eq"), "Invalid parameters"),
        (("callid", "eq", 5), "Invalid parameters"),
        (("callid", "eq", ""), "Invalid parameters"),
        (("nokey", "eq", "x"), "Invalid matching key parameter"),
        (("callid", "is", "x"), "Invalid matching operator parameter"),
        (("callid", "re", "("), "Invalid matching value parameter"),
        (("callid", "gt", "1"), "Matching operator not supported"),
        (("start_ts", "eq", "1"), "Matching operator not supported with start_ts key"),
    ],
)
def test_matches_that_make_no_sense(arguments: tuple[Any, ...], text: str) -> None:
    assert fault(Scene(), "dlg.list_match", *arguments) == (500, text)


def test_a_briefing() -> None:
    scene = Scene()
    scene.call()
    (shown,) = ask(scene, "dlg.briefing", "scx")
    assert [name for name, _ in shown] == ["h_entry", "h_id", "state", "call-id"]


def test_a_briefing_without_letters_complains_only_when_there_is_no_call() -> None:
    scene = Scene()
    assert fault(scene, "dlg.briefing")[0] == 400
    scene.invite()
    assert [name for name, _ in ask(scene, "dlg.briefing")[0]][2:] == [
        "from_uri",
        "to_uri",
        "call-id",
        "from_tag",
        "to_tag",
    ]


def test_calls_counted_by_state() -> None:
    scene = Scene()
    scene.invite(callid="call-0")
    scene.invite()
    scene.ring()
    assert to_json(ask(scene, "dlg.stats_active")) == [
        {"starting": 1, "connecting": 1, "answering": 0, "ongoing": 0, "all": 2}
    ]


def test_calls_that_came_in_elsewhere_can_be_left_out() -> None:
    scene = Scene()
    scene.call()
    scene.only.caller.socket = None
    assert [ask(scene, "dlg.stats_active", own)[0]["all"] for own in (0, 1)] == [1, 0]


# -- into a file ------------------------------------------------------------------------------------------------------
def test_a_file_gets_a_line_for_each_dialog() -> None:
    scene = Scene(params=PROFILES, after=JOIN)
    files = scene.server.environment.files = LabFiles({"/tmp/dialogs.json": "before\n"})
    scene.call()
    scene.invite(callid="call-2")
    assert ask(scene, "dlg.dump_file", "/tmp/dialogs.json") == []
    first, *lines = files.read("/tmp/dialogs.json").splitlines()
    assert first == "before" and len(lines) == 2
    shown = next(line for line in map(json.loads, lines) if line["call_id"] == "call-1")
    assert list(shown) == [{"call-id": "call_id"}.get(name, name) for name in MEMBERS if name != "duration"]
    assert (shown["profiles"], shown["variables"]) == ({"caller": "alice", "all": ""}, {"b": "2", "a": "1"})
    assert shown["callee"]["tag"] == "b1"


def test_a_text_is_written_as_json_whatever_it_holds() -> None:
    scene = Scene()
    files = scene.server.environment.files = LabFiles({})
    scene.invite()
    scene.dialog.set_dlg_var(scene.only, "odd", 'a "quoted"\ttext\xff')
    ask(scene, "dlg.dump_file", "f")
    assert '"variables":{"odd":"a \\"quoted\\"\\ttext\xff"}' in files.read("f")


def test_a_file_that_cannot_be_written() -> None:
    class Full(LabFiles):
        def append(self, path: str, text: str) -> None:
            raise OSError("no space")

    scene = Scene()
    scene.server.environment.files = Full({})
    assert ask(scene, "dlg.dump_file", "/nowhere") == []
    assert any("failed to open output file: /nowhere" in line for line in scene.log)


# -- profiles ---------------------------------------------------------------------------------------------------------
@pytest.mark.spec("10.6")
def test_dialogs_of_a_profile_counted() -> None:
    scene = Scene(params=PROFILES, after=JOIN)
    scene.invite()
    scene.invite(callid="call-2")
    wanted = {("all",): 2, ("all", "x"): 2, ("caller",): 2, ("caller", "alice"): 2, ("caller", "bob"): 0}
    assert {key: ask(scene, "dlg.profile_get_size", *key)[0] for key in wanted} == wanted


@pytest.mark.spec("10.7")
def test_dialogs_of_a_profile_listed() -> None:
    scene = Scene(params=PROFILES, after=JOIN)
    scene.invite()
    scene.invite(callid="call-2")
    shown = ask(scene, "dlg.profile_list", "caller", "alice")
    assert sorted(dlg["call-id"] for dlg in shown) == ["call-1", "call-2"]
    assert ask(scene, "dlg.profile_list", "caller", "bob") == []


@pytest.mark.spec("10.6 10.7")
@pytest.mark.parametrize("command", ["dlg.profile_get_size", "dlg.profile_list"])
def test_a_profile_that_is_not_there(command: str) -> None:
    scene = Scene(params=PROFILES)
    assert fault(scene, command, "nosuch") == (404, "Profile not found: nosuch")
    assert fault(scene, command, 5) == (404, "Profile not found: 5")
    assert fault(scene, command)[0] == 400


# -- one call ---------------------------------------------------------------------------------------------------------
@pytest.mark.spec("10.5")
def test_an_ended_call_gets_a_bye_on_both_sides() -> None:
    scene = Scene()
    scene.call()
    ask(scene, "dlg.end_dlg", scene.only.h_entry, scene.only.h_id, "X-Why: done\r\n")
    scene.note(scene.server.take_outbox())
    assert byes(scene) == ["alice", "bob"]
    assert all(one.header("X-Why") == ["done"] for one in scene.sent if one.line == "BYE")


@pytest.mark.spec("10.5")
def test_no_such_call_to_end() -> None:
    scene = Scene()
    assert fault(scene, "dlg.end_dlg", 1, 2) == (404, "Dialog not found")
    assert fault(scene, "dlg.end_dlg", "1", "2") == (500, "Invalid parameters")
    assert fault(scene, "dlg.end_dlg", 1) == (500, "Invalid parameters")


def test_terminate_by_both_tags() -> None:
    scene = Scene()
    scene.call()
    assert fault(scene, "dlg.terminate_dlg", "call-1", "a1") == (400, "Need a Callid ,from tag ,to tag")
    assert fault(scene, "dlg.terminate_dlg", "call-1", "a1", "c1") == (500, "Couldnt find callid in dialog")
    ask(scene, "dlg.terminate_dlg", "call-1", "b1", "a1")
    scene.note(scene.server.take_outbox())
    assert byes(scene) == ["alice", "bob"]


def test_what_is_alive() -> None:
    scene = Scene()
    assert fault(scene, "dlg.is_alive", "call-1", "a1", "b1") == (404, "Dialog not found")
    scene.invite()
    assert fault(scene, "dlg.is_alive", "call-1", "a1", "b1") == (500, "Dialog not in confirmed state")
    scene.answer()
    scene.ack()
    assert ask(scene, "dlg.is_alive", "call-1", "a1", "b1") == ["Alive"]
    assert fault(scene, "dlg.is_alive", "call-1")[0] == 400


def test_a_state_by_force() -> None:
    """The dialog counts no more, and is forgotten end_timeout later."""
    scene = Scene(params="end_timeout=60")
    scene.call()
    assert ask(scene, "dlg.set_state", "call-1", "a1", "b1", 5) == ["Done"]
    assert (scene.states, scene.only.end_ts, scene.counts.get("active")) == ([5], NOW, None)
    scene.nothing_left(200)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("call-1", "a1", "b1", 0), (500, "Invalid state value")),
        (("call-1", "a1", "b1", 6), (500, "Invalid state value")),
        (("call-1", "a1", "x", 5), (500, "Dialog not found")),
        (("call-1", "a1", "b1", "5"), (400, "Need the callid, from tag,to tag and state")),
        (("call-1", "a1", "b1"), (400, "Need the callid, from tag,to tag and state")),
    ],
)
def test_a_state_that_is_none(arguments: tuple[Any, ...], wanted: tuple[int, str]) -> None:
    scene = Scene()
    scene.call()
    assert fault(scene, "dlg.set_state", *arguments) == wanted


@pytest.mark.spec("10.8")
def test_two_addresses_are_bridged() -> None:
    scene = Scene()
    ask(scene, "dlg.bridge_dlg", "sip:alice@127.0.0.11", "sip:bob@127.0.0.12", ".", "v=0\r\n")
    scene.note(scene.server.take_outbox())
    (invite,) = scene.sent
    assert (invite.to, invite.line) == ("alice", "INVITE") and invite.text.endswith("\r\n\r\nv=0\r\n")


@pytest.mark.spec("10.8")
@pytest.mark.parametrize("arguments", [(), ("sip:a@127.0.0.11",), (1, 2)])
def test_a_bridge_has_two_ends(arguments: tuple[Any, ...]) -> None:
    assert fault(Scene(), "dlg.bridge_dlg", *arguments) == (500, "Invalid parameters")


def test_4_4_takes_a_dot_for_the_body() -> None:
    scene = Scene(target="4.4")
    ask(scene, "dlg.bridge_dlg", "sip:alice@127.0.0.11", "sip:bob@127.0.0.12", ".", ".")
    scene.note(scene.server.take_outbox())
    assert scene.sent[0].text.endswith("\r\n\r\n.")
