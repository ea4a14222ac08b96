"""acc's call data records: whole calls through module dialog, what is logged and which rows are written.

What real Kamailio logs in the same calls: tests/differential, topic acc_cdr.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kamscript.core.context import Context
from kamscript.modules.acc import Acc
from kamscript.modules.acc.cdr import MICROSECONDS, MILLISECONDS, SECONDS, Times
from kamscript.modules.dialog.cell import DialogCell
from kamscript.source import ConfigError
from kamscript.stores import Database, open_database
from tests.core.serving import NOW, Names, Serving
from tests.differential.case import Scene as Judged
from tests.differential.case import loadmodules
from tests.differential.cases import acc_cdr as judged
from tests.differential.real import Real
from tests.modules.dialog.kept import URL, Disk
from tests.modules.dialog.scene import MODULES, Scene, proxy
from tests.modules.tm.stage import reply
from tests.stores.conftest import Lines

EXTRA = "caller=$dlg_var(caller);method=$rm;none=$hdr(X-None)"
LINE = "start_time=1000.000; end_time=1012.500; duration=12.500; caller=c-alice; method=BYE; none="
TABLES = Path("/usr/share/kamailio/db_sqlite")


class Billed(Scene):
    """Calls on a server that writes records of them. `settings` are modparams of acc, `dialog` such of dialog."""

    def __init__(
        self,
        *settings: str,
        dialog: str = "",
        extra: str = EXTRA,
        disk: Callable[[str], Any] | None = None,
        url: str = URL,
        modules: str = f"db_mysql db_sqlite {MODULES} acc",
        target: str = "5.6",
        now: float = NOW,
        after: str = '$dlg_var(caller) = "c-" + $fU;',
        rest: str = "",
    ) -> None:
        self.sent, self.invites, self.answered = [], [], None
        self.cseqs = {"alice": 1, "bob": 0}
        self.disk = disk or Disk()
        usual = ["log_level=-1", "cdr_enable=1", f'db_url="{url}"', 'cdrs_table="cdrs"', f'cdr_extra="{extra}"']
        lines = "".join(
            'modparam("acc", "{}", {})\n'.format(*line.split("=", 1))
            for line in (*usual, *settings)
            if not line.endswith('=""') or line in settings
        )
        loads = "".join(f'loadmodule "{name}.so"\n' for name in modules.split())
        config = f"listen=udp:127.0.0.1:5060\n{loads}{lines}{proxy(params=dialog, after=after, rest=rest)}"
        Serving.__init__(self, config, Names({}), target=target, now=now, database=self.disk)
        self.server.fire(now)

    @property
    def acc(self) -> Acc:
        """The module."""
        found = self.server.modules["acc"]
        assert isinstance(found, Acc)
        return found

    @property
    def lines(self) -> list[str]:
        """What acc logged."""
        return [record.text for record in self.records if record.origin == "acc"]

    @property
    def row(self) -> dict[str, Any]:
        """The only record in the database."""
        (row,) = self.rows
        return row

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All of them."""
        assert isinstance(self.disk, Disk)
        return self.disk.rows("cdrs") if self.disk.has_table("cdrs") else []

    def played(self) -> Billed:
        """A call from 1000 to 1012.5, answered at 1002.5."""
        self.invite()
        self.advance(2.5)
        self.answer()
        self.ack()
        self.advance(10)
        self.bye()
        return self


# -- when a record is written -----------------------------------------------------------------------------------------
def test_a_call_becomes_a_line_and_a_row() -> None:
    scene = Billed().played()
    assert scene.lines == [LINE]
    row = scene.row
    assert (row["duration"], row["caller"], row["method"], row["none"]) == (12.5, "c-alice", "BYE", "")
    assert [str(row[name])[-5:] for name in ("start_time", "end_time")] == ["16:40", "16:52"]
    scene.nothing_left()


def test_a_record_may_start_with_the_ack() -> None:
    scene = Billed("cdr_start_on_confirmed=1").played()
    assert scene.lines == [LINE.replace("1000.000", "1002.500").replace("=12.500", "=10.000")]


@pytest.mark.parametrize(("enabled", "count"), [(0, 0), (1, 1)])
def test_cdr_on_failed(enabled: int, count: int) -> None:
    scene = Billed(f"cdr_on_failed={enabled}")
    scene.invite()
    scene.advance(3)
    scene.respond("486 Busy Here")
    line = "start_time=1000.000; end_time=1000.000; duration=0; caller=c-alice; method=INVITE; none="
    assert scene.lines == [line] * count
    assert len(scene.rows) == count


@pytest.mark.parametrize("value", ["1", "no"])
def test_cdr_skip_leaves_out_calls_with_a_variable(value: str) -> None:
    scene = Billed('cdr_skip="nocdr"', after=f'$dlg_var(nocdr) = "{value}";').played()
    assert (scene.lines, scene.rows) == ([], [])


@pytest.mark.parametrize("enabled", [0, 1])
def test_cdr_expired_dlg_enable(enabled: int) -> None:
    scene = Billed(f"cdr_expired_dlg_enable={enabled}", dialog="default_timeout=60")
    scene.call()
    scene.advance(61)
    line = "start_time=1000.000; end_time=1060.000; duration=60.000; caller=c-alice; method=; none="
    assert scene.lines[:1] == [line] * enabled
    assert [row["duration"] for row in scene.rows] == [60.0] * enabled


def test_a_call_without_ack_expires_without_a_duration() -> None:
    scene = Billed("cdr_expired_dlg_enable=1", dialog="default_timeout=60")
    scene.invite()
    scene.answer()
    scene.advance(61)
    assert scene.lines[0].startswith("start_time=1000.000; end_time=1000.000; duration=0;")


def expired_with_bye(*settings: str) -> Billed:
    """A call whose lifetime ends after a minute with BYEs, which are answered."""
    scene = Billed(*settings, dialog="default_timeout=60 send_bye=1")
    scene.call()
    for sent in scene.advance(60):
        if sent.line == "BYE":
            scene.play(reply(sent, "200 OK", tag=""))
    return scene


def test_a_bye_of_the_server_itself_is_nothing_to_make_a_record_of() -> None:
    scene = expired_with_bye()
    assert scene.lines == ["message is empty!", "failed to write cdr!"]
    assert scene.rows == []


def test_with_cdr_expired_dlg_enable_the_variables_of_the_dialog_are_the_record() -> None:
    scene = expired_with_bye("cdr_expired_dlg_enable=1")
    assert scene.lines[0] == "start_time=1000.000; end_time=1060.000; duration=60.000; caller=c-alice; method=; none="
    assert len(scene.rows) == 1


def test_a_call_that_outlives_its_server_has_its_record() -> None:
    disk = Disk()
    first = Billed(dialog=f'db_mode=1 db_url="{URL}"', disk=disk)
    first.call()
    second = Billed(dialog=f'db_mode=1 db_url="{URL}"', disk=disk, now=NOW + 30)
    second.answered = first.answered
    second.cseqs = first.cseqs
    second.bye()
    assert second.lines == [LINE.replace("1012.500", "1030.000").replace("12.500", "30.000")]


def test_acc_may_be_loaded_in_front_of_dialog() -> None:
    others = MODULES.removesuffix(" dialog")
    assert Billed(modules=f"db_mysql {others} acc dialog").played().lines == [LINE]


# -- what it holds ----------------------------------------------------------------------------------------------------
def test_the_script_reads_and_changes_the_values() -> None:
    rest = 'event_route[dialog:start] { xlog("$dlg_var(start_time)\\n"); $dlg_var(start_time) = "1010.000"; }'
    scene = Billed(rest=rest).played()
    assert scene.script == ["1000.000"]
    assert scene.lines[0].startswith("start_time=1010.000; end_time=1012.500; duration=2.500;")


@pytest.mark.parametrize("name", ["cdr_start_id", "cdr_end_id", "cdr_duration_id"])
def test_the_values_have_other_names(name: str) -> None:
    scene = Billed(f'{name}="another"').played()
    usual = {"cdr_start_id": "start_time", "cdr_end_id": "end_time", "cdr_duration_id": "duration"}[name]
    assert scene.lines == [LINE.replace(f"{usual}=", "another=")]
    assert "another" in scene.row
    assert usual not in scene.row
    with pytest.raises(ConfigError, match="cdr_parameters are empty"):
        Billed(f'{name}=""')


@pytest.mark.parametrize(
    ("mode", "start", "duration"),
    [(0, "1000.0", "12.0"), (1, "1000.000", "12.500"), (2, "1000.000000", "12.500000")],
)
def test_cdr_duration_mode(mode: int, start: str, duration: str) -> None:
    scene = Billed(f"cdr_duration_mode={mode}", target="6.x").played()
    assert scene.lines[0].startswith(f"start_time={start}; end_time=")
    assert f"; duration={duration}; " in scene.lines[0]


def test_a_record_without_extra_attributes() -> None:
    assert Billed(extra="").played().lines == [LINE.partition("; caller")[0]]


@pytest.mark.parametrize(("nullable", "value"), [(0, ""), (1, None)])
def test_cdr_extra_nullable_keeps_null(nullable: int, value: str | None) -> None:
    assert Billed(f"cdr_extra_nullable={nullable}").played().row["none"] == value


def test_a_message_gives_way_to_variables_of_the_dialog() -> None:
    """Those of `$dlg_var` as they are; `$avp(x)` and unknown headers lead to the variable of that name as well."""
    extra = "a=$(dlg_var(x){s.len});b=$avp(x);c=$avp(s:x);d=$hdr(note);e=$hdr(Subject);f=$avp(i:5);g=$var(x);h=$fU"
    settings = ("cdr_expired_dlg_enable=1", 'cdrs_table=""')
    after = '$dlg_var(x) = "X"; $dlg_var(note) = "X"; $avp(x) = "avp";'
    scene = Billed(*settings, extra=extra, dialog="default_timeout=9", after=after)
    scene.call()
    scene.advance(10)
    assert scene.lines[0].partition("duration=9.000; ")[2] == "a=X; b=X; c=X; d=X; e=; f=; g=; h="


def test_a_line_holds_whole_attributes_only() -> None:
    scene = Billed(extra=";".join(f"n{number}=$hdr(X-Long)" for number in range(20)))
    scene.call()
    scene.bye(headers=f"X-Long: {'x' * 5000}\n")
    warning, line = scene.lines
    assert warning == "cdr message too long, truncating.."
    assert line.endswith(f"; n12={'x' * 5000}")


def test_cdr_log_enable_and_facility() -> None:
    assert Billed("cdr_log_enable=0").played().lines == []
    scene = Billed('cdr_facility="LOG_LOCAL3"').played()
    assert [record.facility for record in scene.records if record.origin == "acc"] == ["LOG_LOCAL3"]


# -- the database -----------------------------------------------------------------------------------------------------
def test_time_mode_4_writes_texts_in_utc() -> None:
    row = Billed("time_mode=4").played().row
    assert [str(row[name]) for name in ("start_time", "end_time")] == ["1970-01-01 00:16:40", "1970-01-01 00:16:52"]


@pytest.mark.parametrize(
    ("start", "complaint"),
    [
        ("now", "failed to find separator('.') in 'now'!"),
        ("1.", "invalid time-string '1.'"),
        ("1234567890.123456789", "time_str is too long 20 >= 20!"),
    ],
)
def test_what_is_no_time_makes_no_row(start: str, complaint: str) -> None:
    scene = Billed(after=f'$dlg_var(start_time) = "{start}";').played()
    end = [complaint, "failed to extract start time", "failed to set duration!"]
    line = f"start_time={start}; end_time=1012.500; duration=0; caller=; method=BYE; none="
    row = [complaint, "failed to convert string to timeval.", "failed to write cdr!"]
    assert scene.lines == [*end, line, *row]
    assert scene.rows == []


@pytest.mark.parametrize("mode", [0, 4])
def test_a_time_of_no_calendar_makes_no_row(mode: int) -> None:
    scene = Billed(f"time_mode={mode}", after='$dlg_var(start_time) = "12345678901234567.0";').played()
    assert scene.lines[-2:] == ["failed to convert string to timeval.", "failed to write cdr!"]
    assert scene.rows == []


def test_a_duration_is_the_number_it_begins_with() -> None:
    rest = 'event_route[dialog:end] { $dlg_var(start_time) = "1.123456"; }'
    scene = Billed(rest=rest).played()
    assert "duration=1010.-121956;" in scene.lines[0]
    assert scene.row["duration"] == 1010


def test_a_table_without_a_database() -> None:
    scene = Billed('db_url=""').played()
    assert scene.lines == [LINE, "cannot get db handlers", "failed to write cdr!"]


def test_a_database_that_is_away() -> None:
    scene = Billed()
    assert isinstance(scene.disk, Disk)
    scene.disk.down = True
    scene.played()
    assert scene.lines == [LINE, "failed to insert into database", "failed to write cdr!"]


# -- refusals ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("cdr_enable=2", "cdr_enable is out of range"),
        ("cdr_extra_nullable=2", "cdr_extra_nullable is out of range"),
        ("cdr_expired_dlg_enable=-1", "cdr_expired_dlg_enable is out of range"),
        ('cdr_extra="a"', "cdr_extra"),
        ('cdr_extra=""', "cdr_extra"),
        ("cdr_extra_size=2", "more than 2 attributes"),
        ("acc_extra_size=1", "more than 1 attributes"),
        ('cdr_facility="LOG_NOPE"', "no such log facility"),
    ],
)
def test_settings_that_are_refused(setting: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Billed(setting)


def test_a_mode_of_durations_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="cdr_duration_mode is out of range"):
        Billed("cdr_duration_mode=3", target="6.x")


def test_without_dialog_there_are_no_records() -> None:
    config = 'loadmodule "tm.so"\nloadmodule "acc.so"\nmodparam("acc", "cdr_enable", 1)\nrequest_route { drop; }\n'
    with pytest.raises(ConfigError, match="cdr_enable needs module dialog"):
        Serving(config, Names({}))


# -- for other modules ------------------------------------------------------------------------------------------------
def test_an_engine_hears_of_every_record() -> None:
    heard: list[tuple[list[str | None], list[str | None]]] = []

    def engine(dlg: DialogCell, ctx: Context | None) -> None:
        cdrs = scene.acc.cdrs
        assert cdrs is not None
        heard.append((cdrs.fixed_values(dlg), cdrs.extra_values(dlg, ctx)))

    scene = Billed('cdr_skip="caller"')
    assert scene.acc.register_cdr_engine(engine)
    scene.played()
    assert scene.lines == []
    assert heard == [(["1000.000", "1012.500", "12.500"], ["c-alice", "BYE", None])]


def test_without_cdr_enable_no_engine_is_asked() -> None:
    scene = Billed("cdr_enable=0")
    assert not scene.acc.register_cdr_engine(lambda dlg, ctx: None)


# -- times as texts ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "end", "mode", "duration"),
    [
        ("10.900", "12.100", MILLISECONDS, "1.200"),
        ("12.100", "10.900", MILLISECONDS, "-2.800"),
        ("1.5", "2.000", MILLISECONDS, "0.995"),
        ("1.123456", "2.000", MILLISECONDS, "0.-122456"),
        ("a.b", "2.250", MILLISECONDS, "2.250"),
        ("10.9", "12.1", SECONDS, "2.0"),
        ("10.900000", "12.100001", MICROSECONDS, "1.200001"),
    ],
)
def test_durations(start: str, end: str, mode: int, duration: str) -> None:
    assert Times(mode, 27).between(start, end) == duration


# -- the judge --------------------------------------------------------------------------------------------------------
#: What SQLite keeps of a row: the kind of each value, and how far the times are from the clock's.
STORED = (
    "SELECT typeof(start_time), typeof(end_time), typeof(duration), duration BETWEEN 0.9 AND 2.5, caller,"
    " coalesce(method, ''), typeof(none), strftime('%s', end_time) - strftime('%s', start_time) BETWEEN 0 AND 3,"
    " strftime('%s', end_time) - {now} BETWEEN -9 AND 9 FROM cdrs ORDER BY id"
)


def database(directory: Path) -> Database:
    """A file with Kamailio's own table of records, and columns for three extra attributes."""
    directory.mkdir()
    made = open_database(f"sqlite:///{directory}/k.db", Lines())
    for name in ("standard", "acc"):
        for statement in (TABLES / f"{name}-create.sql").read_text().split(";\n"):
            if statement.strip():
                made.raw(statement)
    made.raw("ALTER TABLE acc_cdrs RENAME TO cdrs")
    for column in ("caller", "method", "none"):
        made.raw(f"ALTER TABLE cdrs ADD COLUMN {column} VARCHAR(64)")
    return made


def stored(directory: Path) -> list[tuple[object, ...]]:
    """The records of a file that nobody uses any more."""
    found = open_database(f"sqlite:///{directory}/k.db", Lines())
    try:
        return [tuple(row) for row in found.raw(STORED.format(now=int(time.time()))).rows]
    finally:
        found.close()


@pytest.mark.kamailio
@pytest.mark.skipif(not TABLES.is_dir(), reason="install kamailio-sqlite-modules")
@pytest.mark.parametrize("mode", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("nullable", [0, 1])
def test_rows_in_sqlite_are_those_of_the_daemon(mode: int, nullable: int, tmp_path: Path) -> None:
    """An answered call, a refused one, and one that expires.

    What is null is an empty text without cdr_extra_nullable, says the manual; the daemon writes NULL to SQLite even so.
    """
    settings = (f"time_mode={mode}", f"cdr_extra_nullable={nullable}", "cdr_expired_dlg_enable=1")
    daemons, own = tmp_path / "daemon", tmp_path / "own"
    database(daemons).close()
    params = "\n".join([*settings, f'db_url="sqlite:///{daemons}/k.db"', 'cdrs_table="cdrs"'])
    text = judged.config(f"{params}\ndialog.default_timeout=2", extra=EXTRA)
    world = Real(loadmodules(f"db_sqlite {judged.MODULES}") + text)
    try:
        scene = Judged(world)
        call = judged.Call(scene).up()
        scene.wait(1)
        call.bye()
        judged.Call(scene, call_id="call-2").refused(486)
        judged.Call(scene, call_id="call-3").up()
        scene.wait(4)
    finally:
        world.close()
    database(own).close()
    opened = open_database(f"sqlite:///{own}/k.db", Lines())
    url = f"sqlite:///{own}/k.db"
    billed = Billed(*settings, dialog="default_timeout=2", disk=lambda url: opened, url=url, now=time.time())
    billed.call()
    billed.advance(1)
    billed.bye()
    billed.invite(callid="call-2", branch="z9hG4bK-2")
    billed.respond("486 Busy Here")
    billed.invite(callid="call-3", branch="z9hG4bK-3")
    billed.answer()
    billed.request("ACK", callid="call-3", branch="z9hG4bK-4")
    billed.advance(3)
    opened.close()
    found = stored(own)
    assert len(found) == 3
    assert [row[-3] for row in found] == ["null" if nullable else "text"] * 3
    assert [row[:-3] + row[-2:] for row in found] == [row[:-3] + row[-2:] for row in stored(daemons)]
    assert [row[-3] for row in stored(daemons)] == ["null"] * 3
