"""Databases of the lab: filled by a test, read by the server, and the other way round."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kamscript.lab import Lab

URL = "mysql://kamailio:secret@db/kamailio"
CONFIG = f"""
listen=udp:127.0.0.1:5060
alias="example.com"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "db_mysql.so"
modparam("usrloc", "db_mode", 1)
modparam("usrloc", "db_url", "{URL}")
request_route {{
    if (is_method("REGISTER")) {{
        save("location");
        exit;
    }}
    lookup("location");
    sl_send_reply("404", "Not Found");
}}
"""
BOB = {"ruid": "x1", "username": "bob", "contact": "sip:bob@10.0.0.7", "expires": datetime(2030, 1, 1), "callid": "c"}


@pytest.fixture
def lab() -> Lab:
    return Lab(text=CONFIG)


def test_rows_are_there_when_the_server_starts() -> None:
    lab = Lab(text=CONFIG, database={"location": [{**BOB, "cseq": 1, "user_agent": "phone"}]})
    assert lab.route("", lab.request("INVITE", "bob"))["$ru"] == "sip:bob@10.0.0.7"


def test_what_the_server_wrote_is_read_back(lab: Lab) -> None:
    lab.phone("alice").register()
    row = lab.database().row("location", {"username": "alice"})
    assert (row["contact"], row["expires"]) == ("sip:alice@10.0.0.1:5060", int(lab.now) + 3600)


def test_rows_as_mappings(lab: Lab) -> None:
    database = lab.database(URL)
    number = database.insert("subscriber", [{"username": "alice"}, {"username": "bob", "domain": "b.example"}])
    assert number == 2
    assert [row["domain"] for row in database.rows("subscriber")] == ["", "b.example"]


def test_rows_as_csv(lab: Lab) -> None:
    lab.database().insert("subscriber", "username,domain,password\nbob,example.com,x\ncarl,,y\n")
    assert lab.database().row("subscriber", {"username": "carl"})["password"] == "y"


def test_rows_from_files(tmp_path: Path) -> None:
    (tmp_path / "subscriber.csv").write_text("username\nalice\n")
    (tmp_path / "more.sql").write_text("INSERT INTO subscriber (username) VALUES ('b;ob');\nDELETE FROM acc;\n")
    lab = Lab(text=CONFIG, database=[tmp_path / "subscriber.csv", tmp_path / "more.sql"])
    assert {row["username"] for row in lab.database().rows("subscriber")} == {"alice", "b;ob"}


def test_rows_of_one_url() -> None:
    lab = Lab(text=CONFIG, database={URL: {"subscriber": [{"username": "alice"}]}})
    assert lab.database().count("subscriber") == 1


def test_tables_of_ones_own(lab: Lab) -> None:
    database = lab.database()
    assert database.sql("CREATE TABLE tariff (prefix text, cents int); INSERT INTO tariff VALUES ('0049', 2)") == []
    assert database.rows("tariff") == [{"prefix": "0049", "cents": 2}]
    assert database.sql("SELECT cents FROM tariff") == [{"cents": 2}]


def test_text_comes_back_as_it_went_in(lab: Lab) -> None:
    lab.database().insert("subscriber", {"username": "jörg"})
    assert lab.database().row("subscriber")["username"] == "jörg"


def test_times_are_seconds_or_datetimes(lab: Lab) -> None:
    database = lab.database()
    moment = datetime(2030, 1, 1)
    database.insert("location", {**BOB, "cseq": 1, "user_agent": ""})
    database.insert("location", {**BOB, "ruid": "x2", "expires": int(moment.timestamp()), "cseq": 1, "user_agent": ""})
    assert {row["expires"] for row in database.rows("location")} == {int(moment.timestamp())}


def test_the_next_server_finds_what_is_there(lab: Lab) -> None:
    lab.database().insert("subscriber", {"username": "alice"})
    second = Lab(text=CONFIG, database=lab.database, start=lab.now)
    assert second.database().count("subscriber") == 1


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda db: db.insert("subscriber", [{"usrname": "x"}]), "has no column usrname: it has id, username, domain"),
        (lambda db: db.insert("subscriber", {"usrname": "x"}), "did you mean username?"),
        (lambda db: db.rows("subscribers"), "there is no table subscribers; did you mean subscriber?"),
        (lambda db: db.rows("zzz"), "there is no table zzz; there is location"),
        (lambda db: db.rows("subscriber", {"user": "x"}), "no column user"),
        (lambda db: db.insert("subscriber", "username\na,b\n"), "line 2 has 2 cells for 1 columns"),
        (lambda db: db.insert("subscriber", [1]), "row 1 of subscriber is no mapping"),
        (lambda db: db.sql("SELEC 1"), 'near "SELEC": syntax error in: SELEC 1'),
    ],
)
@pytest.mark.kam_lab_only("the daemon's database has all tables")
def test_what_does_not_exist_is_told(lab: Lab, act: Callable[[Any], object], told: str) -> None:
    lab.database().rows("location")
    with pytest.raises(ValueError) as caught:
        act(lab.database())
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("seeds", "told"),
    [
        ({"subscriber": [{"nope": 1}]}, "table subscriber has no column nope"),
        ({"subscribers": [{"username": "x"}]}, "there is no table subscribers; did you mean subscriber?"),
        (Path("/nowhere.sql"), "cannot read /nowhere.sql"),
        (5, "not 5"),
    ],
)
@pytest.mark.kam_lab_only("the daemon's database has all tables")
def test_bad_seeds_are_told(seeds: Any, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        Lab(text=CONFIG, database=seeds)
    assert told in str(caught.value)


def test_rows_may_have_columns_that_the_config_adds() -> None:
    """ds_db_extra_attrs of dispatcher, db_extra of acc, load_credentials of auth_db."""
    text = """
loadmodule "db_mysql.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "dispatcher.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
loadmodule "acc.so"
modparam("dispatcher|auth_db|acc", "db_url", "mysql://u:p@h/k")
modparam("dispatcher", "ds_db_extra_attrs", "pfx=prefix")
modparam("acc", "db_flag", 1)
modparam("acc", "db_extra", "caller=$fu")
modparam("auth_db", "load_credentials", "rpid")
request_route {
    www_authenticate("example.com", "subscriber");
    ds_select_dst("1", "4");
    sl_send_reply("200", "$xavp(_dsdst_=>attrs)");
}
"""
    rows = {
        "dispatcher": [{"setid": 1, "destination": "sip:10.0.0.9", "prefix": "49"}],
        "acc": [{"method": "INVITE", "time": 1_700_000_000, "caller": "sip:a@b"}],
        "subscriber": [{"username": "alice", "RPID": "x"}],
    }
    lab = Lab(text=text, database=rows)
    assert lab.database().row("dispatcher")["prefix"] == "49"
    assert lab.database().row("acc")["caller"] == "sip:a@b"
    assert lab.database().row("subscriber")["rpid"] == "x"
    assert lab.module("dispatcher").sets.by_id[1].entries[0].attrs == "pfx=49"
    with pytest.raises(ValueError, match=r"table dispatcher has no column prefx: .*did you mean prefix"):
        Lab(text=text, database={"dispatcher": [{"setid": 1, "prefx": "49"}]})


def test_rows_for_one_database_may_have_columns_that_only_there_are() -> None:
    text = """
loadmodule "db_mysql.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "dispatcher.so"
loadmodule "alias_db.so"
modparam("dispatcher", "db_url", "mysql://u:p@h/one")
modparam("dispatcher", "ds_db_extra_attrs", "pfx=prefix")
modparam("alias_db", "db_url", "mysql://u:p@h/two")
request_route { exit; }
"""
    row = {"setid": 1, "destination": "sip:10.0.0.9", "prefix": "49"}
    assert Lab(text=text, database={"dispatcher": [row]}).database("mysql://u:p@h/one").count("dispatcher") == 1
    with pytest.raises(ValueError, match="has no column prefix"):
        Lab(text=text, database={"mysql://u:p@h/two": {"dispatcher": [row]}})


def test_rows_for_a_config_without_database_are_told() -> None:
    with pytest.raises(ValueError, match="the config opens no database"):
        Lab(text="request_route { exit; }", database={"subscriber": [{"username": "x"}]})


def test_a_config_without_database_has_none() -> None:
    with pytest.raises(LookupError, match="no database: say a URL"):
        Lab(text="request_route { exit; }").database()


def test_a_row_that_is_not_there_shows_those_that_are(lab: Lab) -> None:
    lab.database().insert("subscriber", {"username": "alice"})
    with pytest.raises(AssertionError) as caught:
        lab.database().row("subscriber", {"username": "bob"})
    assert "subscriber has no rows with {'username': 'bob'}, not one; it holds:" in str(caught.value)
    assert "alice" in str(caught.value)
