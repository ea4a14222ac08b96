"""What is written to a database, when, and under which names (dialog manual 6.10 to 6.40)."""

from __future__ import annotations

import pytest

from kamscript.modules.dialog.cell import FLAG_CHANGED
from kamscript.source import ConfigError
from tests.core.serving import NOW
from tests.modules.tm.stage import BOB, reply

from .kept import URL, Disk, Kept

START = int(NOW)


@pytest.fixture
def disk() -> Disk:
    return Disk()


# -- 6.10 to 6.14: the database ---------------------------------------------------------------------------------------
@pytest.mark.spec("6.10")
def test_the_database_is_the_one_at_db_url(disk: Disk) -> None:
    Kept(disk, 'db_mode=1 db_url="mysql://a:b@c/d"')
    assert disk.opened == ["mysql://a:b@c/d"]


@pytest.mark.spec("6.10")
def test_without_db_url_it_is_the_one_that_the_manual_names(disk: Disk) -> None:
    Kept(disk)
    assert disk.opened == [URL]


@pytest.mark.spec("6.10")
def test_an_empty_db_url_refuses_the_start(disk: Disk) -> None:
    with pytest.raises(ConfigError, match="db_url not configured for db_mode 1"):
        Kept(disk, 'db_mode=1 db_url=""')


@pytest.mark.spec("6.10")
def test_a_database_whose_module_is_not_loaded_refuses_the_start(disk: Disk) -> None:
    with pytest.raises(ConfigError, match="db_postgres not found"):
        Kept(disk, 'db_mode=1 db_url="postgres://a:b@c/d"')


@pytest.mark.spec("6.11")
def test_mode_0_needs_no_database(disk: Disk) -> None:
    scene = Kept(disk, 'db_mode=0 db_url="unknown://"')
    scene.call()
    scene.server.stop()
    assert disk.opened == []


@pytest.mark.spec("6.11")
def test_an_unknown_mode_refuses_the_start(disk: Disk) -> None:
    with pytest.raises(ConfigError, match="db_mode must be from 0 to 3, not 4"):
        Kept(disk, "db_mode=4")


@pytest.mark.spec("6.11")
def test_mode_1_writes_from_the_200_to_the_end_of_the_bye(disk: Disk) -> None:
    scene = Kept(disk, "db_mode=1")
    scene.invite()
    scene.ring()
    assert disk.dialogs() == []
    scene.answer()
    assert [row["state"] for row in disk.dialogs()] == [3]
    scene.ack()
    assert [row["state"] for row in disk.dialogs()] == [4]
    scene.bye()
    scene.nothing_left()
    assert disk.dialogs() == []


@pytest.mark.spec("6.11")
def test_mode_2_writes_periodically_and_deletes_at_once(disk: Disk) -> None:
    scene = Kept(disk, "db_mode=2 db_update_period=10")
    scene.call()
    assert disk.dialogs() == []
    scene.advance(10)
    assert [row["state"] for row in disk.dialogs()] == [4]
    scene.bye()
    scene.advance(6)
    assert disk.dialogs() == []


@pytest.mark.spec("6.11")
@pytest.mark.parametrize("mode", [2, 3])
def test_modes_2_and_3_write_when_the_server_ends(disk: Disk, mode: int) -> None:
    scene = Kept(disk, f"db_mode={mode}")
    scene.call()
    assert disk.dialogs() == []
    scene.server.stop()
    assert [row["state"] for row in disk.dialogs()] == [4]


@pytest.mark.spec("6.11")
def test_mode_3_keeps_nothing_in_the_table_while_it_runs_and_loses_nothing(disk: Disk) -> None:
    """Real Kamailio forgets at the second restart what it loaded at the first."""
    scene = Kept(disk, "db_mode=3")
    scene.call()
    scene.dialog.set_dlg_var(scene.only, "color", "red")
    scene.server.stop()
    for _ in range(2):
        scene = scene.after(1, "db_mode=3")
        assert (scene.states, scene.only.variables) == ([4], {"color": "red"})
        assert (disk.dialogs(), disk.variables()) == ([], {})
        scene.server.stop()
        assert (len(disk.dialogs()), disk.variables()) == (1, {"color": "red"})


@pytest.mark.spec("6.12")
@pytest.mark.parametrize("period", [5, 60])
def test_db_update_period_is_the_period_of_mode_2(disk: Disk, period: int) -> None:
    scene = Kept(disk, f"db_mode=2 db_update_period={period}")
    scene.call()
    scene.advance(period - 1)
    assert disk.dialogs() == []
    scene.advance(1)
    assert len(disk.dialogs()) == 1


@pytest.mark.spec("6.12")
def test_many_changes_are_written_in_portions_between_which_calls_go_on(disk: Disk) -> None:
    scene = Kept(disk, "db_mode=2 db_update_period=10")
    scene.call()
    scene.server.stop()
    (row,) = disk.dialogs()
    for number in range(1200):
        disk.insert("dialog", {**row, "id": number + 10, "hash_id": row["hash_id"] + number + 1})
    again = scene.after(1, "db_mode=2 db_update_period=10")
    for dlg in again.dialogs:
        dlg.sflags, dlg.dflags = 7, dlg.dflags | FLAG_CHANGED
    again.advance(10)
    written = [row["sflags"] for row in disk.dialogs()].count(7)
    assert 0 < written < 1201
    again.advance(1)
    assert [row["sflags"] for row in disk.dialogs()].count(7) == 1201


@pytest.mark.spec("6.13")
@pytest.mark.parametrize(("rows", "sizes"), [(200, [200, 200]), (7, [7, 7]), (0, [])])
def test_db_fetch_rows_is_how_many_are_read_at_once(disk: Disk, rows: int, sizes: list[int]) -> None:
    scene = Kept(disk)
    scene.call()
    disk.fetched.clear()
    again = scene.after(1, f"db_mode=1 db_fetch_rows={rows}")
    assert disk.fetched == sizes  # of dialogs, and of variables
    assert again.states == [4]


@pytest.mark.spec("6.14")
@pytest.mark.parametrize(("skip", "states"), [(0, [4]), (1, [])])
def test_db_skip_load_leaves_the_rows_where_they_are(disk: Disk, skip: int, states: list[int]) -> None:
    scene = Kept(disk)
    scene.call()
    again = scene.after(1, f"db_mode=1 db_skip_load={skip}")
    assert again.states == states
    assert len(disk.dialogs()) == 1


# -- 6.15 to 6.40: names ----------------------------------------------------------------------------------------------
#: Section, parameter, column, and what stands there for the call below (None: only that something does).
COLUMNS = [
    ("6.16", "call_id_column", "callid", "call-1"),
    ("6.17", "from_uri_column", "from_uri", "sip:alice@example.com"),
    ("6.18", "from_tag_column", "from_tag", "a1"),
    ("6.19", "to_uri_column", "to_uri", "sip:bob@example.com"),
    ("6.20", "to_tag_column", "to_tag", "b1"),
    ("6.21", "from_cseq_column", "caller_cseq", "1"),
    ("6.22", "to_cseq_column", "callee_cseq", "0"),
    ("6.23", "from_route_column", "caller_route_set", "<sip:10.0.0.1;lr>"),
    ("6.24", "to_route_column", "callee_route_set", "<sip:10.0.0.2;lr>"),
    ("6.25", "from_contact_column", "caller_contact", "sip:alice@127.0.0.11:5060"),
    ("6.26", "to_contact_column", "callee_contact", "sip:b1@127.0.0.12:5060"),
    ("6.27", "from_sock_column", "caller_sock", "udp:127.0.0.1:5060"),
    ("6.28", "to_sock_column", "callee_sock", "udp:127.0.0.1:5060"),
    ("6.29", "h_id_column", "hash_id", None),
    ("6.30", "h_entry_column", "hash_entry", None),
    ("6.31", "state_column", "state", 4),
    ("6.32", "start_time_column", "start_time", START),
    ("6.33", "timeout_column", "timeout", START + 43200),
    ("6.34", "sflags_column", "sflags", 12),
    ("6.35", "toroute_column", "toroute_name", "OVER"),
    ("6.35", "toroute_name_column", "toroute_name", "OVER"),
]

VARS = ("hash_entry", "hash_id", "dialog_key", "dialog_value")


def full_call(scene: Kept) -> None:
    """A call that leaves something in every column."""
    alices = "Record-Route: <sip:10.0.0.1;lr>\nContact: <sip:alice@127.0.0.11:5060>\n"
    scene.invite(headers=alices)
    routes = ["<sip:10.0.0.2;lr>", *scene.invites[0].header("Record-Route")]
    headers = "".join(f"Record-Route: {route}\n" for route in routes) + "Contact: <sip:b1@127.0.0.12:5060>\n"
    scene.play(reply(scene.invites[0], "200 OK", headers=headers), BOB)
    scene.answered = scene.invites[0]  # for its Record-Route, ours first
    scene.only.sflags, scene.only.toroute = 12, "OVER"
    scene.only.dflags |= FLAG_CHANGED
    scene.ack()


@pytest.mark.parametrize(
    ("parameter", "column", "value"),
    [pytest.param(*row[1:], marks=pytest.mark.spec(row[0])) for row in COLUMNS],
)
def test_a_column_of_dialog_may_have_another_name(disk: Disk, parameter: str, column: str, value: object) -> None:
    """What is written there is read from there by the next server."""
    disk.rename("dialog", names={column: "other"})
    params = f'db_mode=1 {parameter}="other"'
    target = "4.4" if parameter == "toroute_column" else "5.6"  # the manual's name, which no later code knows
    first = Kept(disk, params, target=target)
    full_call(first)
    (row,) = disk.dialogs()
    known = first.only
    assert row["other"] == value if value is not None else row["other"] in (known.h_id, known.h_entry)
    again = first.after(0, params, target=target)
    assert looks(again) == looks(first)
    again.dialog.table.remove(again.only)
    assert disk.dialogs() == []


def looks(scene: Kept) -> list[object]:
    """What is known of the only dialog."""
    dlg, found = scene.only, []
    for leg in (dlg.caller, dlg.callee):
        found += [leg.tag, leg.cseq, leg.contact, leg.route_set, leg.socket and leg.socket.text]
    names = "h_entry h_id callid from_uri to_uri req_uri state start_ts deadline lifetime sflags iflags toroute"
    return [*found, *(getattr(dlg, name) for name in names.split())]


@pytest.mark.spec("6.15")
def test_the_table_of_dialogs_may_have_another_name(disk: Disk) -> None:
    disk.rename("dialog", "calls")
    params = 'db_mode=1 table_name="calls"'
    scene = Kept(disk, params)
    scene.call()
    assert (len(disk.rows("calls")), disk.dialogs()) == (1, [])
    assert scene.after(1, params).states == [4]


@pytest.mark.spec("6.36")
def test_the_table_of_variables_may_have_another_name(disk: Disk) -> None:
    disk.rename("dialog_vars", "notes")
    params = 'db_mode=1 vars_table_name="notes"'
    scene = Kept(disk, params)
    scene.call()
    scene.dialog.set_dlg_var(scene.only, "color", "red")
    assert (len(disk.rows("notes")), disk.variables()) == (1, {})
    assert scene.after(1, params).only.variables == {"color": "red"}


@pytest.mark.parametrize(
    ("parameter", "column"),
    [
        pytest.param("vars_h_id_column", "hash_id", marks=pytest.mark.spec("6.37")),
        pytest.param("vars_h_entry_column", "hash_entry", marks=pytest.mark.spec("6.38")),
        pytest.param("vars_key_column", "dialog_key", marks=pytest.mark.spec("6.39")),
        pytest.param("vars_value_column", "dialog_value", marks=pytest.mark.spec("6.40")),
    ],
)
def test_a_column_of_dialog_vars_may_have_another_name(disk: Disk, parameter: str, column: str) -> None:
    disk.rename("dialog_vars", names={column: "other"})
    params = f'db_mode=1 {parameter}="other"'
    scene = Kept(disk, params)
    scene.call()
    scene.dialog.set_dlg_var(scene.only, "color", "red")
    scene.dialog.set_dlg_var(scene.only, "color", "blue")
    (row,) = disk.rows("dialog_vars")
    wanted = {
        "hash_id": scene.only.h_id,
        "hash_entry": scene.only.h_entry,
        "dialog_key": "color",
        "dialog_value": "blue",
    }
    assert row["other"] == wanted[column]
    assert scene.after(1, params).only.variables == {"color": "blue"}
    scene.bye()
    scene.nothing_left()
    assert disk.rows("dialog_vars") == []


# -- what exactly is written ------------------------------------------------------------------------------------------
def test_each_change_is_one_statement(disk: Disk) -> None:
    scene = Kept(disk)
    counts = []
    for step in (
        scene.invite,
        scene.ring,
        scene.answer,
        scene.ack,
        lambda: scene.request("INFO"),
        lambda: scene.dialog.set_dlg_var(scene.only, "color", "red"),
        lambda: scene.dialog.set_dlg_var(scene.only, "color", "blue"),
        lambda: scene.dialog.set_dlg_var(scene.only, "color", None),
        scene.bye,
        scene.nothing_left,
    ):
        before = disk.statements
        step()
        counts.append(disk.statements - before)
    assert counts == [0, 0, 1, 1, 1, 1, 1, 1, 0, 1]


def test_a_call_that_was_never_answered_is_never_written(disk: Disk) -> None:
    scene = Kept(disk)
    before = disk.statements
    scene.invite()
    scene.dialog.set_dlg_var(scene.only, "color", "red")
    scene.respond("486 Busy Here")
    scene.advance(60)
    assert scene.dialogs == []
    assert disk.statements == before


def test_only_variables_that_differ_are_written(disk: Disk) -> None:
    scene = Kept(disk)
    scene.invite()
    for name in "abc":
        scene.dialog.set_dlg_var(scene.only, name, name)
    scene.answer()
    scene.ack()
    assert disk.variables() == {"a": "a", "b": "b", "c": "c"}
    ids = {row["dialog_key"]: row["id"] for row in disk.rows("dialog_vars")}
    scene.dialog.set_dlg_var(scene.only, "a", "z")
    scene.dialog.set_dlg_var(scene.only, "b", None)
    scene.dialog.set_dlg_var(scene.only, "d", "d")
    assert disk.variables() == {"a": "z", "c": "c", "d": "d"}
    assert [row["id"] for row in disk.rows("dialog_vars")][:2] == [ids["a"], ids["c"]]


def test_variables_that_were_loaded_are_not_written_twice(disk: Disk) -> None:
    """Real Kamailio inserts them anew with the first change."""
    scene = Kept(disk)
    scene.call()
    scene.dialog.set_dlg_var(scene.only, "a", "1")
    scene.dialog.set_dlg_var(scene.only, "b", "2")
    again = scene.after(1)
    again.dialog.set_dlg_var(again.only, "a", "3")
    assert disk.variables() == {"a": "3", "b": "2"}


def test_the_time_of_expiry_is_right_before_the_ack_came(disk: Disk) -> None:
    """Real Kamailio writes one that is long over, and ends such a call when it is started again."""
    scene = Kept(disk, "db_mode=1 default_timeout=100")
    scene.invite()
    scene.answer()
    assert disk.dialogs()[0]["timeout"] == START + 100
    assert scene.after(5).states == [3]


def test_profiles_are_kept(disk: Disk) -> None:
    params = 'db_mode=1 profiles_with_value="caller" profiles_no_value="all"'
    scene = Kept(disk, params, after='set_dlg_profile("caller", "$fU"); set_dlg_profile("all");')
    scene.call()
    assert '"name":"caller","value":"alice"' in disk.dialogs()[0]["xdata"]
    again = scene.after(1, params)
    profile = again.dialog.profiles.find("caller")
    assert profile is not None
    assert (profile.size("alice"), profile.members("alice")) == (1, [again.only])


def test_text_keeps_its_bytes(disk: Disk) -> None:
    scene = Kept(disk)
    scene.call()
    scene.dialog.set_dlg_var(scene.only, "name", "J\xc3\xb6rg 'x' % ? :v0")
    assert scene.after(1).only.variables == {"name": "J\xc3\xb6rg 'x' % ? :v0"}
