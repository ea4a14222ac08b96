"""What is made of rows at start and later: dialogs, timers, counters, callbacks; and of rows that are none."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.module import Module
from kamscript.modules.dialog.callbacks import DLGCB_LOADED, DialogParams
from kamscript.modules.dialog.cell import CALLEE, CALLER, IFLAG_TIMEOUTBYE, DialogCell
from kamscript.source import ConfigError
from tests.core.serving import NOW

from .kept import Disk, Kept, Row

START = int(NOW)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def stored(disk: Disk, params: str = "db_mode=1", **more: Any) -> Kept:
    """A server with one confirmed call that is in the database, and its row."""
    scene = Kept(disk, params, **more)
    scene.call()
    return scene


def change(disk: Disk, **columns: Any) -> None:
    """Let the row say something else."""
    disk.update("dialog", columns)


def copy(disk: Disk, **columns: Any) -> Row:
    """Another row like the one that is there."""
    row = {**disk.dialogs()[0], **columns}
    del row["id"]
    disk.insert("dialog", row)
    return row


# -- a call goes on ---------------------------------------------------------------------------------------------------
def test_a_bye_ends_a_call_that_another_server_began(disk: Disk) -> None:
    first = stored(disk, after='$dlg_var(color) = "red";')
    again = first.after(10, rest='event_route[dialog:end] { xlog("end $dlg_var(color) $DLG_lifetime\\n"); }')
    again.answered, again.cseqs = first.answered, first.cseqs
    assert [sent.line for sent in again.bye()] == ["BYE", "200"]
    assert again.script == ["end red 10"]
    again.nothing_left()
    assert (disk.dialogs(), disk.variables()) == ([], {})


def test_the_ack_may_come_to_the_next_server(disk: Disk) -> None:
    first = Kept(disk)
    first.invite()
    first.answer()
    again = first.after(2)
    assert again.states == [3]
    again.answered, again.cseqs = first.answered, first.cseqs
    assert [sent.line for sent in again.ack()] == ["ACK"]
    assert (again.states, [row["state"] for row in disk.dialogs()]) == ([4], [4])


def test_a_request_within_the_call_starts_its_lifetime_anew(disk: Disk) -> None:
    first = stored(disk, "db_mode=1 default_timeout=100")
    again = first.after(50, "db_mode=1 default_timeout=100")
    again.answered, again.cseqs = first.answered, first.cseqs
    again.request("INFO")
    assert disk.dialogs()[0]["timeout"] == START + 150


def test_counters_are_those_of_the_calls_that_were_loaded(disk: Disk) -> None:
    scene = stored(disk)
    copy(disk, hash_id=7, state=3)
    copy(disk, hash_id=8, state=2)
    copy(disk, hash_id=9, state=5)
    again = scene.after(1)
    assert again.counts == {"active": 2, "early": 1}


def test_without_statistics_nothing_is_counted(disk: Disk) -> None:
    again = stored(disk).after(1, "db_mode=1 enable_stats=0")
    assert (again.states, again.dialog.active.value) == ([4], 0)


# -- time -------------------------------------------------------------------------------------------------------------
@pytest.mark.spec("6.33")
def test_a_loaded_call_expires_when_its_row_says(disk: Disk) -> None:
    again = stored(disk, "db_mode=1 default_timeout=100").after(40)
    again.advance(59)
    assert again.states == [4]
    again.advance(1)
    assert (again.dialogs, disk.dialogs()) == ([], [])
    assert again.counts == {"expired": 1}


def test_a_call_whose_time_was_over_meanwhile_ends_at_once(disk: Disk) -> None:
    scene = stored(disk, "db_mode=1 default_timeout=100")
    again = scene.after(101, rest='event_route[dialog:end] { xlog("end $dlg(callid)\\n"); }')
    again.advance(1)
    assert again.script == ["end call-1"]
    assert (again.dialogs, disk.dialogs()) == ([], [])


@pytest.mark.spec("6.35")
def test_the_timeout_route_of_a_loaded_call_runs(disk: Disk) -> None:
    rest = 'route[OVER] { xlog("over $dlg(callid)\\n"); }'
    scene = stored(disk, "db_mode=1 default_timeout=100", before='$dlg_ctx(timeout_route) = "OVER";', rest=rest)
    again = scene.after(50, rest=rest)
    again.advance(50)
    assert again.script == ["over call-1"]


def test_both_sides_get_a_bye_when_the_row_asks_for_it(disk: Disk) -> None:
    scene = stored(disk, "db_mode=1 default_timeout=100 send_bye=1")
    assert disk.dialogs()[0]["iflags"] & IFLAG_TIMEOUTBYE
    again = scene.after(50)
    sent = again.advance(51)
    assert sorted((one.line, one.to) for one in sent if one.line == "BYE")[:1] == [("BYE", "alice")]
    assert {one.to for one in sent if one.line == "BYE"} == {"alice", "bob"}


# -- numbers ----------------------------------------------------------------------------------------------------------
@pytest.mark.spec("6.29", "6.30")
def test_no_number_is_given_twice(disk: Disk) -> None:
    scene = stored(disk)
    high = copy(disk, hash_id=4_000_000)
    again = scene.after(1)
    again.invite(branch="z9hG4bK-2", from_tag="a2")
    newest = max(again.dialogs, key=lambda dlg: dlg.h_id)
    assert (newest.h_entry, newest.h_id) == (high["hash_entry"], 4_000_001)


def test_numbers_of_another_series_do_not_move_ours(disk: Disk) -> None:
    scene = stored(disk)
    copy(disk, hash_id=4_000_001)
    again = scene.after(1, "db_mode=1 h_id_start=2 h_id_step=10")
    again.invite(branch="z9hG4bK-2", from_tag="a2")
    assert sorted(dlg.h_id % 10 for dlg in again.dialogs if dlg.state == 1) == [2]
    assert min(dlg.h_id for dlg in again.dialogs if dlg.state == 1) < 4_000_000


def test_the_same_identity_twice_is_loaded_once(disk: Disk) -> None:
    scene = stored(disk)
    copy(disk)
    again = scene.after(1)
    assert again.states == [4]
    assert any("conflicting dialog id" in line for line in again.warned())


@pytest.mark.spec("6.30")
def test_rows_of_another_hash_size_refuse_the_start(disk: Disk) -> None:
    scene = stored(disk)
    with pytest.raises(ConfigError, match="stored with another hash_size than 16"):
        scene.after(1, "db_mode=1 hash_size=16")


# -- versions ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("table", "right"), [("dialog", 7), ("dialog_vars", 1)])
def test_another_version_of_a_table_refuses_the_start(disk: Disk, table: str, right: int) -> None:
    disk.update("version", {"table_version": 5}, {"table_name": table})
    with pytest.raises(ConfigError, match=f"invalid version 5 for table {table} found, expected {right}"):
        Kept(disk)


@pytest.mark.spec("6.10")
def test_a_database_that_does_not_answer_refuses_the_start(disk: Disk) -> None:
    stored(disk)
    disk.down = True
    with pytest.raises(ConfigError, match="server has gone away"):
        Kept(disk)


# -- sockets ----------------------------------------------------------------------------------------------------------
@pytest.mark.spec("6.27", "6.28")
def test_a_socket_that_is_not_ours_is_none(disk: Disk) -> None:
    scene = stored(disk)
    change(disk, caller_sock="udp:192.0.2.1:5060", callee_sock="nonsense:::")
    again = scene.after(1)
    assert (again.only.caller.socket, again.only.callee.socket) == (None, None)
    assert any("non-local socket <udp:192.0.2.1:5060>...ignoring" in line for line in again.warned())
    assert any("bad socket <nonsense:::>" in line for line in again.warned())


@pytest.mark.spec("6.27", "6.28")
def test_each_side_has_the_socket_it_talked_to(disk: Disk) -> None:
    listen = "listen=udp:127.0.0.1:5060\nlisten=udp:127.0.0.1:5070\n"
    scene = stored(disk)
    change(disk, callee_sock="udp:127.0.0.1:5070")
    again = scene.after(1, listen=listen)
    found = [again.only.leg(side).socket for side in (CALLER, CALLEE)]
    assert found == again.server.sockets


# -- rows that are no dialogs -----------------------------------------------------------------------------------------
GARBAGE: list[dict[str, Any]] = [
    {"state": "x"},
    {"state": 0},
    {"state": 6},
    {"start_time": "yesterday"},
    {"start_time": -1},
    {"timeout": b"\x00"},
    {"timeout": 1 << 40},
    {"sflags": "many"},
    {"iflags": 1.5e30},
    {"hash_id": "x"},
    {"caller_cseq": "1a"},
    {"callee_cseq": "\n"},
    {"callid": ""},
    {"callid": b"\xff\xfe"},
    {"from_tag": "a\r\nX: 1"},
    {"caller_contact": b"\x00"},
    {"callee_contact": "sip:a@b\nBYE"},
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=str)
def test_a_row_that_is_no_dialog_costs_itself_only(disk: Disk, garbage: dict[str, Any]) -> None:
    scene = stored(disk)
    copy(disk, **{"hash_id": 7, **garbage})
    again = scene.after(1)
    assert again.states == [4]
    assert again.only.h_id == scene.only.h_id
    assert any("skipping row" in line for line in again.warned())
    assert not [line for line in again.log if "Traceback" in line or "CRITICAL" in line]


NULLS = """
hash_entry hash_id callid from_uri from_tag to_uri to_tag start_time state caller_cseq callee_cseq caller_contact
callee_contact req_uri
"""


@pytest.mark.parametrize("column", NULLS.split())
def test_a_null_that_no_dialog_has_costs_its_row(disk: Disk, column: str) -> None:
    disk.rename("dialog", nullable=True)
    scene = stored(disk)
    copy(disk, **{"hash_id": 7, column: None})
    again = scene.after(1)
    assert again.states == [4]
    assert any("skipping row" in line for line in again.warned())


def test_what_may_be_null_is_empty(disk: Disk) -> None:
    scene = stored(disk)
    change(disk, caller_route_set=None, callee_route_set=None, toroute_name=None, xdata=None)
    dlg = scene.after(1).only
    assert (dlg.caller.route_set, dlg.callee.route_set, dlg.toroute, dlg.memberships) == ("", "", "", None)


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"profiles": 3}', '{"profiles": [1, {"name": "nobody"}]}', "\x00"])
def test_xdata_that_is_no_list_of_profiles_costs_the_profiles_only(disk: Disk, text: str) -> None:
    scene = stored(disk)
    change(disk, xdata=text)
    again = scene.after(1)
    assert again.states == [4]
    assert not [line for line in again.log if "Traceback" in line]


def test_variables_of_no_dialog_and_without_a_name_are_left_out(disk: Disk) -> None:
    scene = stored(disk)
    key = {"hash_entry": scene.only.h_entry, "hash_id": scene.only.h_id}
    disk.insert("dialog_vars", {**key, "dialog_key": "good", "dialog_value": "1"})
    disk.insert("dialog_vars", {**key, "dialog_key": "", "dialog_value": "1"})
    disk.insert("dialog_vars", {**key, "dialog_key": b"\xff", "dialog_value": "1"})
    disk.insert("dialog_vars", {**key, "hash_id": 1, "dialog_key": "stray", "dialog_value": "1"})
    disk.insert("dialog_vars", {**key, "hash_entry": 1 << 30, "dialog_key": "stray2", "dialog_value": "1"})
    again = scene.after(1)
    assert again.only.variables == {"good": "1"}
    assert any("2 rows of table dialog_vars are of no dialog here" in line for line in again.warned())
    assert any("2 rows of table dialog_vars skipped" in line for line in again.warned())


# -- who hears of it --------------------------------------------------------------------------------------------------
def test_who_registers_after_the_load_hears_of_every_dialog(disk: Disk) -> None:
    again = stored(disk).after(1)
    heard: list[tuple[str, int, object]] = []
    again.dialog.register_dlgcb(None, DLGCB_LOADED, lambda d, k, p: heard.append((d.callid, k, p.param)), "me")
    assert heard == [("call-1", DLGCB_LOADED, "me")]


class Listener(Module, name="listener", requires=("dialog",)):
    """A module that wants to know of every call, as others do with load_dlg_api()."""

    def start(self) -> None:
        """Register, when the rows are read already and nobody was told."""
        self.heard: list[tuple[str, dict[str, str] | None]] = []
        self.server.module("dialog").register_dlgcb(None, DLGCB_LOADED, self._loaded)

    def _loaded(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        self.heard.append((dlg.callid, dlg.variables))


def test_a_module_that_registers_at_start_hears_of_every_dialog_with_its_variables(disk: Disk) -> None:
    again = stored(disk, after='$dlg_var(color) = "red";').after(1, own={"listener": Listener})
    assert again.server.module("listener").heard == [("call-1", {"color": "red"})]


def test_keepalives_go_on(disk: Disk) -> None:
    params = "db_mode=1 ka_timer=5 ka_interval=30"
    scene = stored(disk, params, before='dlg_set_property("ka-src");')
    again = scene.after(10, params)
    assert [(sent.line, sent.to) for sent in again.advance(40)][:1] == [("OPTIONS", "alice")]


# -- at run time ------------------------------------------------------------------------------------------------------
WITHIN = """
    if (is_method("INFO")) {
        dlg_db_load_callid("$hdr(X-Call)");
        xlog("$rc\\n");
    } else if (is_method("UPDATE")) {
        dlg_db_load_extra();
        xlog("$rc\\n");
    }
"""


def running(disk: Disk, params: str = "db_mode=1") -> tuple[Kept, Row]:
    """A server with a call, and the row of a call of another server with the variable color."""
    scene = stored(disk, params, within=WITHIN)
    scene.server.stop() if "3" in params else None
    other = copy(disk, hash_id=7, from_tag="z1", to_tag="z2") if "0" not in params else {}
    if other:
        key = {"hash_entry": other["hash_entry"], "hash_id": 7}
        disk.insert("dialog_vars", {**key, "dialog_key": "color", "dialog_value": "red"})
    return scene, other


def test_dlg_db_load_callid_loads_the_dialogs_of_a_call(disk: Disk) -> None:
    scene, _ = running(disk)
    heard: list[str] = []
    scene.dialog.register_dlgcb(None, DLGCB_LOADED, lambda d, k, p: heard.append(d.caller.tag))
    heard.clear()
    scene.request("INFO", headers="X-Call: nobody\n")
    assert len(scene.dialogs) == 1
    scene.request("INFO", headers="X-Call: call-1\n")
    assert [(dlg.caller.tag, dlg.variables) for dlg in scene.dialogs] == [("a1", None), ("z1", {"color": "red"})]
    assert (scene.script, heard) == (["1", "1"], ["z1"])
    assert scene.counts["active"] == 2
    assert any("conflicting dialog id" in line for line in scene.warned())


def test_dlg_db_load_extra_loads_what_is_not_in_memory(disk: Disk) -> None:
    scene, _ = running(disk)
    scene.request("UPDATE")
    scene.request("UPDATE")
    assert [(dlg.caller.tag, dlg.variables) for dlg in scene.dialogs] == [("a1", None), ("z1", {"color": "red"})]
    assert scene.script == ["1", "1"]
    assert scene.warned() == []


def test_loading_says_when_it_cannot(disk: Disk) -> None:
    scene, _ = running(disk)
    disk.down = True
    scene.request("UPDATE")
    assert scene.script == ["-1"]


def test_without_a_database_there_is_nothing_to_load(disk: Disk) -> None:
    scene, _ = running(disk, "db_mode=0")
    scene.request("UPDATE")
    assert scene.script == ["-1"]
    assert any("invalid database handle" in line for line in scene.warned())
