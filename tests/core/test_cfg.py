"""Run-time settings: reading, setting, delaying, instances. The rules are those that kamcmd sees on 5.6.3."""

from __future__ import annotations

import pytest

from kamscript.core.cfg import CfgError, CfgVar, NotReadable, split_group

from .serving import Serving, request

CONFIG = """
listen=udp:127.0.0.1:5060
debug=2
abc.def=3 desc "a thing"
abc.str="foo" desc "b thing"
abc[2].def=5
request_route { exit; }
"""


def serving() -> Serving:
    """A server whose config has a group of its own."""
    return Serving(CONFIG)


def test_core_variables_start_with_the_configs_parameters() -> None:
    cfg = serving().server.cfg
    assert cfg.get("core", "debug") == 2
    assert cfg.get("core", "dns_udp_pref") == 30
    assert cfg.get("tcp", "crlf_ping") == 1


def test_the_configs_own_group() -> None:
    cfg = serving().server.cfg
    assert cfg.get("abc", "def") == 3
    assert cfg.get("abc", "str") == "foo"
    assert cfg.get("abc", "def", 2) == 5
    assert cfg.get("abc", "str", 2) == "foo"
    assert [(variable.name, variable.doc) for variable in cfg.variables("abc")] == [
        ("def", "a thing"),
        ("str", "b thing"),
    ]


def test_groups_are_listed_latest_first_and_the_configs_own_last() -> None:
    cfg = serving().server.cfg
    cfg.declare("mod", [CfgVar("x", 1)])
    assert cfg.groups() == ["mod", "tcp", "core", "abc"]


@pytest.mark.parametrize(("group", "name", "instance"), [("nope", "x", None), ("abc", "x", None), ("abc", "def", 3)])
def test_what_is_not_there_cannot_be_read(group: str, name: str, instance: int | None) -> None:
    with pytest.raises(CfgError, match="Failed to get the variable"):
        serving().server.cfg.get(group, name, instance)


def test_a_variable_with_a_fixup_is_not_shown() -> None:
    with pytest.raises(NotReadable):
        serving().server.cfg.get("core", "use_dns_cache")


def test_setting_changes_what_the_server_does() -> None:
    made = serving()
    made.server.cfg.set("core", "debug", 3)
    assert made.server.log.level == 3
    made.server.cfg.set("core", "force_rport", "1")
    assert made.server.request_flags == 1
    assert made.log == [
        "INFO: <core>: core.debug has been changed to 3",
        'INFO: <core>: core.force_rport has been changed to "1"',
    ]


@pytest.mark.parametrize(
    ("group", "name", "value", "problem"),
    [
        ("core", "dns_srv_lb", 5, "integer value is out of range"),
        ("core", "debug", "abc", "cannot convert string to integer 'abc'"),
        ("tcp", "fd_cache", 0, "variable is read-only"),
    ],
)
def test_what_cannot_be_set(group: str, name: str, value: int | str, problem: str) -> None:
    made = serving()
    with pytest.raises(CfgError, match="Failed to set the variable"):
        made.server.cfg.set(group, name, value)
    assert made.log == [f"ERROR: <core>: {problem}", f"ERROR: <core>: failed to set the variable: {group}.{name}"]


def test_a_number_set_to_a_text_variable_is_its_text() -> None:
    cfg = serving().server.cfg
    cfg.set("abc", "str", 12)
    assert cfg.get("abc", "str") == "12"


def test_delayed_changes_wait_for_commit() -> None:
    cfg = serving().server.cfg
    cfg.delayed_set("core", "udp_mtu", 1400)
    cfg.delayed_set("abc", "def", 9, 2)
    assert [(c.group, c.instance, c.name, c.old, c.new) for c in cfg.pending()] == [
        ("core", None, "udp_mtu", 0, 1400),
        ("abc", 2, "def", 5, 9),
    ]
    assert cfg.get("core", "udp_mtu") == 0
    cfg.commit()
    assert (cfg.get("core", "udp_mtu"), cfg.get("abc", "def", 2), cfg.pending()) == (1400, 9, [])


def test_delayed_changes_can_be_dropped() -> None:
    cfg = serving().server.cfg
    cfg.delayed_set("core", "udp_mtu", 1400)
    cfg.delayed_delete("abc", "def", 2)
    cfg.rollback()
    cfg.commit()
    assert (cfg.get("core", "udp_mtu"), cfg.get("abc", "def", 2)) == (0, 5)


def test_a_delayed_delete_shows_what_comes_back() -> None:
    cfg = serving().server.cfg
    cfg.delayed_delete("abc", "def", 2)
    (change,) = cfg.pending()
    assert (change.old, change.new) == (5, 3)
    cfg.commit()
    assert cfg.get("abc", "def", 2) == 3


def test_an_instance_follows_the_group_where_it_sets_nothing() -> None:
    cfg = serving().server.cfg
    cfg.add_instance("abc", 3)
    cfg.set("abc", "str", "bar", 3)
    cfg.set("abc", "str", "quux")
    assert (cfg.get("abc", "str", 3), cfg.get("abc", "str", 2), cfg.get("abc", "def", 3)) == ("bar", "quux", 3)
    cfg.delete("abc", "str", 3)
    assert cfg.get("abc", "str", 3) == "quux"
    cfg.delete_instance("abc", 3)
    with pytest.raises(CfgError):
        cfg.get("abc", "str", 3)


@pytest.mark.parametrize("call", ["add_instance", "delete_instance"])
def test_instances_of_unknown_groups(call: str) -> None:
    with pytest.raises(CfgError, match="the group instance"):
        getattr(serving().server.cfg, call)("nope", 1)


def test_reset_goes_back_to_the_start_and_stops_at_what_cannot_be_set() -> None:
    cfg = serving().server.cfg
    cfg.set("abc", "def", 12)
    cfg.reset("abc")
    assert cfg.get("abc", "def") == 3
    cfg.set("core", "udp_mtu", 1400)
    with pytest.raises(CfgError):  # udp_mtu_try_proto starts with 0, which may not be set
        cfg.reset("core")
    assert cfg.get("core", "udp_mtu") == 0


def test_a_selected_instance_is_what_readers_of_the_group_see() -> None:
    cfg = serving().server.cfg
    values = cfg.find("abc")
    assert values is not None
    assert cfg.select("abc", 2)
    assert values.values["def"] == 5
    assert not cfg.select("abc", 7)
    assert values.values["def"] == 3
    assert cfg.select("abc", 2)
    cfg.unselect_all()
    assert values.values["def"] == 3


def test_a_selection_ends_with_the_message() -> None:
    made = Serving(
        CONFIG.replace(
            "exit;", 'if (cfg_select("abc", 2)) log(0, "selected"); if (!cfg_select("abc", 9)) log(0, "no");'
        )
    )
    made.send(request())
    assert made.script == ["selected", "no"]
    group = made.server.cfg.find("abc")
    assert group is not None
    assert group.values["def"] == 3


@pytest.mark.parametrize(("text", "group"), [("abc", ("abc", None)), ("abc[2]", ("abc", 2))])
def test_a_group_as_commands_write_it(text: str, group: tuple[str, int | None]) -> None:
    assert split_group(text) == group


@pytest.mark.parametrize("text", ["abc[]", "[2]", "abc[x]", "abc]"])
def test_a_group_that_is_none(text: str) -> None:
    with pytest.raises(CfgError, match="Wrong group syntax"):
        split_group(text)


def test_a_module_declares_its_group_and_reads_a_plain_dict() -> None:
    cfg = serving().server.cfg
    changes: list[tuple[object, object]] = []
    values = cfg.declare(
        "mod", [CfgVar("a", 1, low=0, high=9, on_change=lambda old, new: changes.append((old, new))), CfgVar("b", "x")],
        {"a": 4},
    )  # fmt: skip
    cfg.set("mod", "a", 7)
    assert values == {"a": 7, "b": "x"}
    assert changes == [(4, 7)]
