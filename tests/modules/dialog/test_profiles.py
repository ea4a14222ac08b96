"""Profiles: who is in them, in which order, what they cost, and their form in databases and between servers."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

import json
from typing import Any

import pytest

from kamscript.core.hashes import core_hash
from kamscript.modules.dialog.cell import FLAG_CHANGED_PROF, DialogCell
from kamscript.modules.dialog.profiles import SLOTS, Profile, Profiles
from kamscript.source import ConfigError
from tests.modules.dialog.scene import Scene, proxy

PARAMS = 'profiles_no_value="all;other" profiles_with_value="caller;callee"'
SIZES = 'get_profile_size("all", "$var(all)"); get_profile_size("caller", "alice", "$var(a)"); xlog("$var(all) $var(a)\\n");'


def scene(**more: Any) -> Scene:
    """Calls that are in no profile unless the lines given say so."""
    return Scene(params=f"{PARAMS} {more.pop('params', '')}", **more)


def profile(scene: Scene, name: str) -> Profile:
    """One that the config defines."""
    found = scene.dialog.profiles.find(name)
    assert found is not None
    return found


def dialogs(scene: Scene, count: int) -> list[DialogCell]:
    """Dialogs made by hand."""
    made = [DialogCell(f"call-{number}", "sip:a@x", "sip:b@x", "sip:b@x", "t") for number in range(count)]
    for dlg in made:
        scene.dialog.table.link(dlg)
    return made


@pytest.fixture
def stage() -> Scene:
    return scene()


@pytest.fixture
def profiles(stage: Scene) -> Profiles:
    return stage.dialog.profiles


@pytest.mark.spec("6.41 6.42 4")
def test_names_are_separated_by_semicolons() -> None:
    """Blanks around them and empty ones do not matter."""
    names = Scene(params='profiles_no_value="a ; b_2;;" profiles_with_value=" c "').dialog.profiles
    assert [(one.name, one.has_value) for one in names] == [("a", False), ("b_2", False), ("c", True)]
    assert names.find("d") is None


@pytest.mark.spec("6.41 6.42")
@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ('profiles_no_value="a-b"', "bad profile name <a-b>"),
        ('profiles_with_value="a/s"', "bad profile name <a/s>"),
        ('profiles_no_value="a" profiles_with_value="b;a"', "duplicate dialog profile registered <a>"),
    ],
)
def test_bad_and_repeated_names_are_refused(params: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Scene(params=params)


@pytest.mark.spec("7.1")
def test_a_profile_that_nobody_defined_is_a_load_error() -> None:
    with pytest.raises(ConfigError, match="profile <nobody> not defined"):
        scene(after='set_dlg_profile("nobody");')


@pytest.mark.spec("7.1 7.4")
def test_the_same_dialog_counts_each_time(stage: Scene, profiles: Profiles) -> None:
    """And is listed each time."""
    (dlg,) = dialogs(stage, 1)
    caller = profile(stage, "caller")
    for value in ("alice", "alice", "bob"):
        profiles.join(dlg, caller, value)
    assert [caller.size(), caller.size("alice"), caller.size("bob"), caller.size("nobody")] == [3, 2, 1, 0]
    assert caller.members("alice") == [dlg, dlg]
    assert dlg.dflags & FLAG_CHANGED_PROF


def test_a_profile_without_values_ignores_them(stage: Scene, profiles: Profiles) -> None:
    (dlg,) = dialogs(stage, 1)
    everybody = profile(stage, "all")
    profiles.join(dlg, everybody, "discarded")
    assert (everybody.size("other"), everybody.members("other")) == (1, [dlg])
    assert profiles.contains(dlg, everybody, "other")


@pytest.mark.spec("7.2")
def test_leaving_takes_one_membership(stage: Scene, profiles: Profiles) -> None:
    """The youngest with the value."""
    (dlg,) = dialogs(stage, 1)
    caller = profile(stage, "caller")
    first = profiles.join(dlg, caller, "alice")
    profiles.join(dlg, caller, "alice")
    assert profiles.leave(dlg, caller, "alice")
    assert profiles.of(dlg) == [first]
    assert not profiles.leave(dlg, caller, "bob")
    assert profiles.leave(dlg, caller, "alice")
    assert (caller.size(), dlg.memberships) == (0, None)


@pytest.mark.spec("4")
def test_a_dialog_that_is_gone_is_in_no_profile(stage: Scene, profiles: Profiles) -> None:
    one, two = dialogs(stage, 2)
    for name in ("all", "caller", "callee"):
        for dlg in (one, two):
            profiles.join(dlg, profile(stage, name), "x")
    stage.dialog.table.unref(one)
    assert [profile(stage, name).members() for name in ("all", "caller", "callee")] == [[two], [two], [two]]


def test_members_come_slot_by_slot(stage: Scene, profiles: Profiles) -> None:
    """By the hash of the Call-ID, or of the value, the oldest first: as Kamailio lists them."""
    made = dialogs(stage, 40)
    for number, dlg in enumerate(made):
        profiles.join(dlg, profile(stage, "all"))
        profiles.join(dlg, profile(stage, "caller"), f"user{number % 7}")
    assert profile(stage, "all").members() == sorted(made, key=lambda dlg: core_hash(dlg.callid, SLOTS))
    by_value = [f"user{number % 7}" for number in range(40)]
    ordered = sorted(range(40), key=lambda number: core_hash(by_value[number], SLOTS))
    assert profile(stage, "caller").members() == [made[number] for number in ordered]


@pytest.mark.spec("7.1 7.2 7.4")
@pytest.mark.parametrize("values", [1, 100_000])
def test_a_hundred_thousand_members_come_and_go(stage: Scene, profiles: Profiles, values: int) -> None:
    """Each join, count and leave costs the same: were it not so, this test would not end."""
    caller = profile(stage, "caller")
    made = [DialogCell(f"c{number}", "", "", "", "t") for number in range(100_000)]
    for number, dlg in enumerate(made):
        profiles.join(dlg, caller, f"v{number % values}")
        assert caller.size(f"v{number % values}") == (number + 1 if values == 1 else 1)
    for number, dlg in enumerate(made):
        assert profiles.leave(dlg, caller, f"v{number % values}")
        profiles.join(dlg, caller, "late")
    assert (caller.size(), caller.size("late"), caller.size("v0")) == (100_000, 100_000, 0)


@pytest.mark.spec("4 7.1")
def test_early_dialogs_are_counted_and_failed_ones_are_not() -> None:
    """The busy call leaves its profiles with its end, before the event route runs."""
    busy = scene(
        before='set_dlg_profile("all"); set_dlg_profile("caller", "$fU");',
        after=SIZES,
        rest=f"event_route[dialog:failed] {{ {SIZES} }}",
    )
    busy.invite()
    busy.ring()
    assert profile(busy, "caller").size("alice") == 1
    busy.respond("486 Busy")
    assert profile(busy, "caller").size("alice") == 0
    assert busy.script == ["1 1", "0 0"]


@pytest.mark.spec("7.1")
def test_what_waits_for_a_dialog_goes_with_the_message() -> None:
    """Nothing is counted for a request that makes no dialog, neither then nor for the next one."""
    waiting = Scene(
        proxy(params=PARAMS, before='if ($hdr(X) == "no") exit;', after=SIZES).replace(
            "request_route {", 'request_route { set_dlg_profile("all"); set_dlg_profile("caller", "$fU");', 1
        )
    )
    waiting.invite(callid="no", headers="X: no\n")
    assert (waiting.dialogs, profile(waiting, "all").size()) == ([], 0)
    waiting.invite(callid="yes", branch="z9hG4bK-2")
    assert waiting.script == ["1 1"]


@pytest.mark.spec("7.3")
def test_membership_as_such() -> None:
    """Without a value any membership will do (5.6.3 wants a value for a profile that has them)."""
    asked = scene(
        after='is_in_profile("caller"); xlog("$rc\\n"); set_dlg_profile("caller", "x"); is_in_profile("caller"); xlog("$rc\\n");'
    )
    asked.invite()
    assert asked.script == ["-1", "1"]


@pytest.mark.spec("7.4")
def test_the_size_of_a_whole_profile_with_values() -> None:
    """All memberships are counted (5.6.3 wants a value)."""
    counted = scene(
        after='set_dlg_profile("caller", "x"); set_dlg_profile("caller", "y"); get_profile_size("caller", "$avp(n)"); xlog("$avp(n)\\n");'
    )
    counted.invite()
    assert counted.script == ["2"]


@pytest.mark.spec("7.2")
def test_unset_is_not_for_request_routes() -> None:
    unset = scene(after='set_dlg_profile("all"); unset_dlg_profile("all"); xlog("$rc\\n");')
    unset.invite()
    assert unset.script == ["-1"]
    assert unset.warned() == ["ERROR: dialog: unset_dlg_profile cannot be used in a request route"]


TIMEOUT = 'if (is_method("INFO")) { dlg_set_timeout_by_profile(ARGS); xlog("$rc\\n"); }'


@pytest.mark.spec("7.15")
@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ('"caller", "alice", "3"', 0),
        ('"caller", "$fU", "3"', 0),
        ('"caller", "bob", "3"', 1),
        ('"caller", "3"', 0),
        ('"all", "3"', 0),
        ('"all", "ignored", "3"', 0),
        ('"other", "3"', 1),
        ('"all", "20"', 1),
    ],
)
def test_a_timeout_for_all_of_a_profile(arguments: str, left: int) -> None:
    """With a value, only for those who are in it with the value; items of other servers do not mind."""
    timed = scene(
        after='set_dlg_profile("all"); set_dlg_profile("caller", "$fU"); '
        'dlg_remote_profile("add", "all", "", "u", "0"); dlg_remote_profile("add", "caller", "alice", "u", "0");',
        within=TIMEOUT.replace("ARGS", arguments),
    )
    timed.call()
    timed.request("INFO")
    assert timed.script == ["1"]
    timed.advance(10)
    assert len(timed.dialogs) == left


@pytest.mark.spec("7.15")
def test_a_timeout_that_is_no_number_ends_the_calls_and_is_warned_of() -> None:
    """The number is read from the config's text, as in Kamailio."""
    timed = scene(after='set_dlg_profile("all");', within=TIMEOUT.replace("ARGS", '"all", "$var(soon)"'))
    timed.call()
    timed.request("INFO")
    timed.advance(5)
    assert timed.dialogs == []
    assert any("'$var(soon)' is no number of seconds" in line for line in timed.warned())


# -- other servers -----------------------------------------------------------------------------------------------------
@pytest.mark.spec("7.17")
def test_items_of_other_servers_count_and_have_no_dialog(stage: Scene, profiles: Profiles) -> None:
    (dlg,) = dialogs(stage, 1)
    caller = profile(stage, "caller")
    profiles.join(dlg, caller, "alice")
    profiles.add_remote(caller, "alice", "uid-1")
    assert (caller.size("alice"), caller.members("alice")) == (2, [dlg])
    assert profiles.remove_remote(caller, "alice", "uid-1")
    assert not profiles.remove_remote(caller, "alice", "uid-1")
    assert caller.size() == 1


@pytest.mark.spec("7.17")
def test_a_uid_told_twice_counts_twice_and_is_removed_one_by_one(stage: Scene, profiles: Profiles) -> None:
    everybody = profile(stage, "all")
    for _ in range(3):
        profiles.add_remote(everybody, "", "uid-1")
    assert [everybody.size(), profiles.remove_remote(everybody, "", "uid-1"), everybody.size()] == [3, True, 2]


@pytest.mark.spec("7.17")
def test_items_expire_at_the_next_look(stage: Scene, profiles: Profiles) -> None:
    """Once in 90 seconds from the start; what has not expired, or never will, stays (5.6.3 hangs when it meets such)."""
    caller = profile(stage, "caller")
    now = int(stage.server.timers.now)
    for uid, expires in (("soon", now + 5), ("same", now + 5), ("later", now + 100), ("never", 0)):
        profiles.add_remote(caller, "alice", uid, expires)
    sizes = []
    for seconds in (89, 2, 88, 2, 1000):
        stage.advance(seconds)
        sizes.append(caller.size("alice"))
    assert sizes == [4, 2, 2, 1, 1]


@pytest.mark.spec("7.17")
def test_a_uid_that_is_too_long_is_refused(stage: Scene) -> None:
    assert stage.dialog.remote_profile("add", "all", "", "u" * 63, 0) == ""
    assert "too long" in stage.dialog.remote_profile("add", "all", "", "u" * 64, 0)
    assert profile(stage, "all").size() == 1


# -- the form outside --------------------------------------------------------------------------------------------------
def test_memberships_as_json_and_back(stage: Scene, profiles: Profiles) -> None:
    """Youngest first, under Kamailio's names."""
    one, two = dialogs(stage, 2)
    assert profiles.to_json(one) is None
    profiles.join(one, profile(stage, "all"), uid="uid-1")
    profiles.join(one, profile(stage, "caller"), 'a"l', uid="uid-2", expires=7, flags=1)
    text = profiles.to_json(one)
    assert text == (
        '{"profiles":[{"name":"caller","value":"a\\"l","puid":"uid-2","expires":7,"flags":1},'
        '{"name":"all","puid":"uid-1"}]}'
    )
    assert profiles.from_json(two, text)
    assert [one.profile.name for one in profiles.of(two)] == ["all", "caller"]
    assert profile(stage, "caller").members('a"l') == [one, two]
    assert {(m.own_uid, m.expires, m.flags) for m in profiles.of(two)} == {("uid-1", 0, 0), ("uid-2", 7, 1)}


def test_a_membership_has_an_identity_of_its_own(stage: Scene, profiles: Profiles) -> None:
    (dlg,) = dialogs(stage, 1)
    uids = [profiles.uid(profiles.join(dlg, profile(stage, "all"))) for _ in range(17)]
    assert len(set(uids)) == 17
    start = f"dlgp-{int(stage.server.started):x}-{stage.environment.pid:x}-"
    assert uids[0] == f"{start}1"
    assert uids[15] == f"{start}01"  # the digits of 16, the lowest first


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "null",
        "[]",
        "7",
        '{"profiles":7}',
        '{"profiles":[7,null,{},{"name":7},{"name":"nobody"}]}',
        '{"profiles":[{"name":"all","value":"x"},{"name":"caller"},{"name":"caller","value":7}]}',
        '{"profiles":[{"name":"all","puid":"' + "x" * 64 + '"}]}',
    ],
)
def test_bad_json_joins_nothing(stage: Scene, profiles: Profiles, text: str) -> None:
    (dlg,) = dialogs(stage, 1)
    profiles.from_json(dlg, text)
    assert dlg.memberships is None


def test_odd_numbers_in_json_are_none(stage: Scene, profiles: Profiles) -> None:
    (dlg,) = dialogs(stage, 1)
    item = {"name": "all", "puid": 5, "expires": "soon", "flags": -1}
    assert profiles.from_json(dlg, json.dumps({"profiles": [item]}))
    (one,) = profiles.of(dlg)
    assert (one.own_uid, one.expires, one.flags) == ("", 0, 0)
