"""A database that goes away while calls go on, and comes back."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.modules.dialog.cell import FLAG_CHANGED, FLAG_NEW

from .kept import Disk, Kept


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_calls_go_on_without_the_database(disk: Disk) -> None:
    scene = Kept(disk)
    disk.down = True
    scene.call()
    scene.dialog.set_dlg_var(scene.only, "color", "red")
    assert [one.line for one in scene.bye()] == ["BYE", "200"]
    scene.nothing_left()
    assert any("the database is away" in line for line in scene.warned())
    assert not [line for line in scene.log if "Traceback" in line]


def test_what_changed_meanwhile_is_written_when_it_is_back(disk: Disk) -> None:
    scene = Kept(disk)
    scene.invite()
    scene.dialog.set_dlg_var(scene.only, "color", "red")
    disk.down = True
    scene.answer()
    scene.ack()
    disk.down = False
    scene.advance(1)
    assert [row["state"] for row in disk.dialogs()] == [4]
    assert disk.variables() == {"color": "red"}
    assert any("the database is back" in line for line in scene.warned())


def test_changes_of_a_stored_call_are_written_when_it_is_back(disk: Disk) -> None:
    scene = Kept(disk)
    scene.call()
    disk.down = True
    scene.dialog.set_dlg_var(scene.only, "color", "red")
    scene.request("INFO")
    scene.only.sflags = 5
    scene.only.dflags |= FLAG_CHANGED
    scene.dialog.store.update(scene.only)
    disk.down = False
    scene.advance(1)
    (row,) = disk.dialogs()
    assert (row["caller_cseq"], row["sflags"], disk.variables()) == ("2", 5, {"color": "red"})


@pytest.mark.parametrize("mode", [1, 2])
def test_calls_that_ended_meanwhile_are_deleted_when_it_is_back(disk: Disk, mode: int) -> None:
    scene = Kept(disk, f"db_mode={mode} db_update_period=5")
    scene.call()
    scene.dialog.set_dlg_var(scene.only, "color", "red")
    scene.advance(5)
    assert len(disk.dialogs()) == 1
    disk.down = True
    scene.bye()
    scene.nothing_left()
    disk.down = False
    scene.advance(60)
    assert (disk.dialogs(), disk.variables()) == ([], {})


def test_a_call_that_began_and_ended_meanwhile_leaves_no_row(disk: Disk) -> None:
    scene = Kept(disk)
    disk.down = True
    scene.call()
    scene.bye()
    scene.nothing_left()
    disk.down = False
    scene.advance(60)
    assert (disk.dialogs(), disk.variables()) == ([], {})


def test_it_is_asked_again_ever_more_seldom(disk: Disk) -> None:
    scene = Kept(disk)
    disk.down = True
    scene.call()
    scene.advance(300)
    assert 10 < len([line for line in disk.lines if "gone away" in line]) < 20


def test_a_row_that_was_written_although_the_answer_was_lost_is_not_written_twice(disk: Disk) -> None:
    scene = Kept(disk)
    scene.invite()
    real = disk._run

    def lose_the_answer(statement: Any, parameters: Any = None, retries: int | None = None) -> Any:
        real(statement, parameters, retries)
        raise disk._failed("driver error on query", OSError("connection reset"), lost=True)

    disk._run = lose_the_answer  # type: ignore[method-assign]
    scene.answer()
    disk._run = real  # type: ignore[method-assign]
    assert len(disk.dialogs()) == 1
    scene.advance(1)
    assert len(disk.dialogs()) == 1
    scene.ack()
    assert [row["state"] for row in disk.dialogs()] == [4]


def test_mode_2_writes_what_it_could_not_write_before(disk: Disk) -> None:
    scene = Kept(disk, "db_mode=2 db_update_period=10")
    scene.call()
    disk.down = True
    scene.advance(40)
    disk.down = False
    scene.advance(31)
    assert [row["state"] for row in disk.dialogs()] == [4]


def test_what_waits_is_written_when_the_server_ends(disk: Disk) -> None:
    scene = Kept(disk)
    disk.down = True
    scene.call()
    disk.down = False
    scene.server.stop()
    assert [row["state"] for row in disk.dialogs()] == [4]


def test_a_server_that_ends_without_its_database_says_what_is_lost(disk: Disk) -> None:
    scene = Kept(disk, "db_mode=3")
    scene.call()
    disk.down = True
    scene.server.stop()
    assert any("1 dialogs could not be saved" in line for line in scene.warned())


def test_a_row_that_the_database_does_not_take_costs_its_dialog_only(disk: Disk) -> None:
    scene = Kept(disk, "db_mode=3")
    scene.call()
    scene.invite(branch="z9hG4bK-2", callid="call-2")
    scene.answer()
    bad, good = sorted(scene.dialogs, key=lambda dlg: dlg.callid)
    bad.to_uri = None  # type: ignore[assignment]
    scene.server.stop()
    assert [row["callid"] for row in disk.dialogs()] == [good.callid]
    assert any("with Call-ID call-1 could not be saved" in line for line in scene.warned())
    assert bad.dflags & FLAG_NEW


def test_the_driver_says_no_and_the_call_goes_on(disk: Disk) -> None:
    scene = Kept(disk)
    disk._run("DROP TABLE dialog") if disk.has_table("dialog") else None
    scene.call()
    assert scene.states == [4]
    assert [one.line for one in scene.bye()] == ["BYE", "200"]
