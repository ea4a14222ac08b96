"""Whatever comes in: a declared error or none, no traceback, no dialog lost, none invented.

The cases that the daemon judges stand in tests/differential/cases/dialog_bad_input.py.
"""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.core.mi import Node
from kamscript.core.rpc import RpcFault
from kamscript.module import Route
from kamscript.modules.dialog import Dialog
from kamscript.source import ConfigError
from tests.core.serving import NOW
from tests.modules.tm.stage import BOB, reply, request

from .kept import Disk, Kept, Row
from .scene import Scene, proxy

LONG = "x" * 10_000
DIGITS = "9" * 10_000
PROFILES = 'profiles_with_value="v" profiles_no_value="n"'
#: Nothing is forgotten merely because it is old: who keeps a reference too many is found out.
NO_CLEANER = "early_timeout=90000000 end_timeout=90000000"
#: Values that somebody tried before; any other comes with them.
TRIED = (
    *("", " ", "0", "-1", "1", "4294967296", "-2147483649", "0x10", "1.5", "\xb2", "$var(x)", "<null>", "call-1"),
    *("a1", "b1", "sip:", "sip:a@b", "<sip:a@b>", "v", "n", "add", "rm", "caller", "callee", "all", "ka-src", "e"),
    *("\xff\x01;,<>\"'\\%s", DIGITS, "0" * 10_000 + "1", LONG, "\xe4" * 10_000),
)
TEXTS = st.one_of(
    st.sampled_from(TRIED),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40),
    st.integers(-(2**33), 2**33).map(str),
)


def wrong(scene: Scene) -> list[str]:
    """What the server logged as a mistake of its own."""
    return [line for line in scene.log if line.startswith("CRITICAL: <core>")]


def is_sound(scene: Scene) -> None:
    """Nothing is logged that should not be; table, slots, timers and gauges agree."""
    assert wrong(scene) == []
    module, states = scene.dialog, scene.states
    assert module.table.count == len(states)
    assert all(dlg.ref > 0 and module.table.lookup(dlg.h_entry, dlg.h_id) is dlg for dlg in scene.dialogs)
    assert module.context.dialog is None
    assert (module.early.get(), module.active.get()) == (states.count(2), states.count(3) + states.count(4))


# -- functions and variables -------------------------------------------------------------------------------------------
#: Arguments that must be constant: by fix-up, by name of the argument.
CONSTANTS = {"profile": "v", "side": "caller", "seconds": "5", "result": "$var(r)", "target": "$var(r)"}
VARIABLES = ("x", "a'b", "\xe4\xff", "a b", "y" * 5000)
ATTRIBUTES = ("on", "timeout", "timeout_bye", "timeout_route", "timeout_route_id", "dir", "set", "flags")


#: Functions that send a request: in its own route that would have no end.
SENDING = ("dlg_bye", "dlg_refer", "dlg_refer_cid", "dlg_refer_did", "dlg_bridge", "dlg_req_within")
#: Functions that move the dialog by themselves.
STATES = ("dlg_manage", "dlg_update_state", "dlg_set_state")


def _calls(route: Route, without: tuple[str, ...] = ()) -> str:
    """Every function of the module that may be called in `route`, with what the headers X1, X2, ... hold."""
    lines = []
    for (name, arity), decl in sorted(Dialog.functions.items(), key=lambda one: one[0]):
        if not decl.routes & route or name in STATES + without:
            continue
        arguments = []
        for at, argument in enumerate(decl.arguments[:arity]):
            constant = CONSTANTS.get(argument.name) if argument.fixup.constant else None
            value = constant if constant is not None else f"$hdr(X{at + 1})"
            arguments.append(f'"{value}"')
        lines.append(f"{name}({', '.join(arguments)});")
    for name in VARIABLES:
        lines += [f"$dlg_var({name}) = $hdr(X1);", f"$var(r) = $dlg_var({name}) + 1;"]
    for name in ATTRIBUTES:
        lines += [f"$dlg_ctx({name}) = $hdr(X1);", f"$var(r) = $dlg_ctx({name});", f"$dlg_ctx({name}) = 0;"]
    lines += [f"$var(r) = $dlg({name});" for name in ("ref", "callid", "toroute", "dflags", "to_rs", "from_bindaddr")]
    return "\n".join([*lines, "$dlg_var(x) = $null;"])


@functools.cache
def _all_functions() -> str:
    block = _calls(Route.REQUEST)
    # In a call that no transaction carries yet, dlg_bye() runs dialog:failed, which leaves the context without dialog,
    # as in Kamailio: nobody hears the replies, and only the cleaner forgets the call.
    unheard = _calls(Route.REQUEST, ("dlg_bye",))
    rest = (
        f"branch_route[B] {{ {_calls(Route.BRANCH)} }}\nonreply_route[R] {{ {_calls(Route.ONREPLY)} }}\n"
        f"failure_route[F] {{ {_calls(Route.FAILURE)} }}\nreply_route {{ {_calls(Route.CORE_ONREPLY)} }}\n"
        f"onsend_route {{ {_calls(Route.ONSEND)} }}\n"
        f"event_route[tm:local-request] {{ {_calls(Route.LOCAL, SENDING)} }}\n"
        f"event_route[dialog:start] {{ {_calls(Route.EVENT)} }}\nevent_route[dialog:end] {{ {_calls(Route.EVENT)} }}\n"
        f"event_route[dialog:failed] {{ {_calls(Route.EVENT)} }}\n"
    )
    after = f'{unheard} t_on_branch("B"); t_on_reply("R"); t_on_failure("F");'
    return proxy(params=f"{PROFILES} {NO_CLEANER}", before=block, after=after, within=block, rest=rest)


def test_every_function_is_called() -> None:
    """The config below knows them all, with each number of arguments."""
    config = _all_functions()
    left_out = {"dlg_update_state", "dlg_set_state"}
    assert {name for name, _ in Dialog.functions if f"{name}(" not in config} == left_out


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=5, max_size=5), st.sampled_from(["answer", "refuse", "leave"]))
def test_any_value_of_any_argument_in_any_route(values: list[str], end: str) -> None:
    scene = Scene(_all_functions(), target="all")
    headers = "".join(f"{name}: {value}\n" for name, value in zip(("X1", "X2", "X3", "X4", "X5"), values, strict=True))
    scene.invite(headers=f"Contact: <sip:alice@127.0.0.11:5060>\n{headers}")
    is_sound(scene)
    if scene.invites and end != "leave":
        scene.respond("180 Ringing", headers=headers)
        scene.respond("200 OK" if end == "answer" else "486 Busy", headers=headers)
        if scene.answered is not None and scene.answered.header("Record-Route"):
            scene.ack(headers=headers)
            scene.request("INFO", headers=headers)
            is_sound(scene)
            scene.bye(headers=headers)
    is_sound(scene)
    scene.advance(100_000)
    scene.nothing_left()
    assert wrong(scene) == []


@pytest.mark.spec("7.14")
@pytest.mark.parametrize("seconds", ["0", "-1", "-2147483648", "1", "2147483647", "99999999999", "", "x", DIGITS])
@pytest.mark.parametrize("place", ["dlg_set_timeout", "timeout_avp", "dlg_ctx"])
def test_timeouts_negative_and_huge(place: str, seconds: str) -> None:
    """A call lives as long as asked for where that makes sense, else as long as without; it never ends at once."""
    before = {
        "dlg_set_timeout": "",
        "timeout_avp": "$avp(t) = $(hdr(Secs){s.int});",
        "dlg_ctx": "$dlg_ctx(timeout) = $(hdr(Secs){s.int});",
    }[place]
    after = 'dlg_set_timeout("$(hdr(Secs){s.int})");' if place == "dlg_set_timeout" else ""
    params = 'timeout_avp="$avp(t)" default_timeout=100'
    scene = Scene(params=params, before=before, after=after)
    scene.invite(headers=f"Contact: <sip:alice@127.0.0.11:5060>\nSecs: {seconds}\n")
    scene.answer()
    scene.ack()
    lifetime = scene.only.lifetime
    assert lifetime == (int(seconds) if seconds in ("1", "2147483647") and place != "dlg_ctx" else 100)
    is_sound(scene)
    scene.bye()
    scene.nothing_left()


# -- messages ----------------------------------------------------------------------------------------------------------
NOISE = st.text(st.sampled_from('\r\n\t\0 ;:=,<>@"*sip/2.0\xff9tagdid'), max_size=10)


def _damaged(text: str, data: st.DataObject) -> str:
    """`text` with some stretches replaced."""
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, 30))))
        text = text[:start] + data.draw(NOISE) + text[start + end :]
    return text


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_call_outlives_damaged_messages(data: st.DataObject) -> None:
    """INVITEs, requests within the call, replies: whole or damaged, from strangers; one real call stays."""
    scene = Scene(params=f"dlg_match_mode={data.draw(st.integers(0, 2))} {NO_CLEANER}")
    scene.call()
    dlg = scene.only
    invite = request(
        headers="Contact: <sip:alice@127.0.0.11:5060>\nRecord-Route: <sip:p;lr;did=1.2>\n", callid="call-2"
    )
    assert scene.answered is not None
    routes = "".join(f"Route: {value}\n" for value in scene.answered.header("Record-Route"))
    info = request("INFO", to_tag="b2", branch="z9hG4bK-2", cseq="2", headers=routes)
    answer = reply(scene.invites[0], "200 OK", tag="b3")
    for _ in range(data.draw(st.integers(1, 4))):
        text = data.draw(st.sampled_from([invite, info, answer]))
        scene.play(_damaged(text, data), data.draw(st.sampled_from([BOB, ("127.0.0.11", 5060)])))
        assert wrong(scene) == []
        assert scene.dialog.context.dialog is None
        assert dlg in scene.dialogs
    is_sound(scene)
    scene.bye()
    scene.advance(700)
    scene.nothing_left(700)
    assert wrong(scene) == []


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(st.sampled_from("0123456789abcdef.x-\xb2"), max_size=24),
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30),
        st.sampled_from(["1." + "f" * 10_000, DIGITS, "." * 10_000, "\xb2.\xb3"]),
    ),
    st.integers(0, 2),
)
@pytest.mark.spec("6.8")
def test_any_cookie(cookie: str, mode: int) -> None:
    """A cookie finds the call of the request's elements, or none."""
    scene = Scene(params=f"dlg_match_mode={mode} {NO_CLEANER}")
    scene.call()
    for tags in (("a1", "b1"), ("zoe", "yves")):
        scene.request("INFO", cookie=cookie, tags=tags, answer="")
        scene.request("BYE", cookie=cookie, tags=("zoe", "b1"), answer="")
        is_sound(scene)
    scene.request("BYE", tags=("zoe", "yves"), answer="")
    assert scene.states == [4]
    scene.bye()
    scene.nothing_left()


@settings(max_examples=100, deadline=None)
@given(st.none() | TEXTS, st.sampled_from(["Contact", "From", "To", "Call-ID", "CSeq", "Record-Route", "Max-Forwards"]))
def test_any_value_of_a_header(value: str | None, name: str) -> None:
    """An INVITE with it, or without the header, makes one dialog or none, which goes when nobody answers."""
    scene = Scene(params=NO_CLEANER, rest="event_route[dialog:start] { exit; }")
    lines = request(headers="Contact: <sip:alice@127.0.0.11:5060>\nRecord-Route: <sip:p;lr>\n").split("\n")
    changed = (f"{name}: {value}" if line.startswith(f"{name}:") else line for line in lines)
    scene.play("\n".join(line for line in changed if value is not None or not line.startswith(f"{name}:")))
    is_sound(scene)
    assert len(scene.dialogs) <= 1
    found = [one for one in scene.sent if one.line == "INVITE"]
    if found:
        scene.play(reply(found[0], "200 OK", headers=f"Contact: <sip:b@127.0.0.12>\n{name}: {value}\n"), BOB)
        is_sound(scene)
    scene.advance(100_000)
    scene.nothing_left(700)
    assert wrong(scene) == []


# -- commands ----------------------------------------------------------------------------------------------------------
ARGUMENT = st.one_of(
    TEXTS, st.integers(-(2**63), 2**64), st.floats(), st.sampled_from(["callid", "eq", "re", "(", "\0"])
)
#: What these do is asked for by name: a call ends, or a new one begins.
MOVING = ("dlg.end_dlg", "dlg.terminate_dlg", "dlg.set_state", "dlg.bridge_dlg")


@functools.cache
def _talking() -> Scene:
    scene = Scene(params=PROFILES, before='set_dlg_profile("n"); $dlg_var(\xe4) = "\xff";', target="all")
    scene.call()
    return scene


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(set(Dialog.rpcs) - set(MOVING))), st.lists(ARGUMENT, max_size=6), st.booleans())
@pytest.mark.spec("10.1 10.2 10.3 10.4 10.6 10.7")
def test_any_arguments_of_rpc_commands_that_look(command: str, arguments: list[Any], convert: bool) -> None:
    scene = _talking()
    try:
        scene.server.rpc.call(command, arguments, convert=convert)
    except RpcFault as fault:
        assert fault.code >= 300 and fault.text
    assert scene.states == [4]
    is_sound(scene)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MOVING), st.lists(ARGUMENT, max_size=6), st.booleans())
@pytest.mark.spec("10.5 10.8")
def test_any_arguments_of_rpc_commands_that_move(command: str, arguments: list[Any], convert: bool) -> None:
    scene = Scene(params=PROFILES, target="all")
    scene.call()
    try:
        scene.server.rpc.call(command, arguments, convert=convert)
    except RpcFault as fault:
        assert fault.code >= 300 and fault.text
    scene.note(scene.server.take_outbox())
    assert len(scene.dialogs) == 1
    assert wrong(scene) == []
    scene.advance(100_000)
    assert wrong(scene) == []


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(Dialog.mis)),
    st.lists(st.one_of(TEXTS, st.builds(Node, TEXTS, TEXTS)), max_size=5),
)
@pytest.mark.spec("9.1 9.2 9.3 9.4 9.5 9.6 9.7")
def test_any_parameters_of_mi_commands(command: str, params: list[str | Node]) -> None:
    scene = _talking()
    answer = scene.server.mi.run(command, params)
    scene.server.take_outbox()
    assert 200 <= answer.code < 700
    assert answer.text()
    assert scene.states == [4]
    assert wrong(scene) == []


# -- databases ---------------------------------------------------------------------------------------------------------
CELL = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), TEXTS, st.floats(allow_nan=False))


@functools.cache
def _row() -> Row:
    """The row of a call."""
    disk = Disk()
    Kept(disk).call()
    return disk.dialogs()[0]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(set(_row()) - {"id"})), CELL, max_size=4), CELL, CELL)
def test_any_row(cells: dict[str, Any], key: Any, value: Any) -> None:
    """A server loads it, leaves it out with a word, or refuses to start with one; it never falls over it."""
    disk = Disk()
    disk.rename("dialog", nullable=True)
    disk.rename("dialog_vars", nullable=True)
    row = {**_row(), **cells}
    disk.insert("dialog", row)
    place = {name: row[name] for name in ("hash_entry", "hash_id")}
    disk.insert("dialog_vars", {**place, "dialog_key": key, "dialog_value": value})
    try:
        scene = Kept(disk, now=NOW + 1)
    except ConfigError as error:
        assert "dialog" in str(error)
        return
    assert len(scene.dialogs) <= 1
    assert wrong(scene) == []
    scene.server.rpc.call("dlg.list")
    scene.server.mi.run("dlg_list").text()
    scene.advance(200_000)
    assert wrong(scene) == []
    assert all(dlg.deadline > scene.server.timers.now for dlg in scene.dialogs)
