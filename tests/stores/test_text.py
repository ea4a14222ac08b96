"""`text://` databases: directories in the format of db_text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.stores import Database, DatabaseError, open_database
from kamscript.stores.text import BadTable, TextColumn, format_value, parse_header, parse_row

from .conftest import Lines

SAMPLE = "id(int,auto) name(str) flag(double) desc(str,null)\n1:nick:0.34:a\\tgood\\: friend\n3:bob:-2.50:\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "people").write_text(SAMPLE)
    return tmp_path


@pytest.fixture
def people(directory: Path, log: Lines) -> Database:
    return open_database(f"text://{directory}", log)


def test_a_file_is_a_table(people: Database) -> None:
    assert people.query("people") == [(1, "nick", 0.34, "a\tgood: friend"), (3, "bob", -2.5, None)]


def test_changes_are_written_when_the_database_closes(people: Database, directory: Path) -> None:
    people.insert("people", {"name": "eve", "flag": 1.0, "desc": "x:y\n"})
    people.delete("people", {"id": 1})
    assert (directory / "people").read_text() == SAMPLE
    people.close()
    assert (directory / "people").read_text() == (
        "id(int,auto) name(str) flag(double) desc(str,null)\n4:eve:1.00:x\\:y\\n\n3:bob:-2.50:\n"
    )


def test_there_are_no_defaults(people: Database) -> None:
    with pytest.raises(DatabaseError, match="null value not allowed in column flag"):
        people.insert("people", {"name": "eve"})


def test_an_empty_field_is_null_unless_emptystring_is_set(people: Database) -> None:
    people.configure(emptystring=1)
    assert people.query("people", ["desc"], {"id": 3}) == [("",)]


def test_another_delimiter(directory: Path, log: Lines) -> None:
    (directory / "t").write_text("a(str) b(int)\nx:y|5\n")
    database = open_database(f"text://{directory}", log)
    database.configure(delimiter="|")
    assert database.query("t") == [("x:y", 5)]


def test_a_changed_file_is_read_again_in_mode_1(people: Database, directory: Path) -> None:
    people.configure(reload=True)
    assert len(people.query("people")) == 2
    path = directory / "people"
    path.write_text(SAMPLE + "4:eve:0.00:\n")
    os.utime(path, ns=(2**61, 2**61))
    assert len(people.query("people")) == 3


def test_a_directory_without_the_table(people: Database, log: Lines) -> None:
    with pytest.raises(DatabaseError, match="failed to open file"):
        people.query("nonesuch")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a(str)\nx:y\n", "t:2: 2 fields for 1 columns"),
        ("a(int)\nx\n", "t:2: 'x' is no int"),
        ("a(int)\n1\n\n:\n", "t:4: 2 fields"),
        ("a(what)\n", "bad column 'a\\(what\\)'"),
        ("a(int,maybe)\n", "bad attribute"),
        ("", "no columns"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, log: Lines, text: str, reason: str) -> None:
    (tmp_path / "t").write_text(text)
    with pytest.raises(DatabaseError, match=reason):
        open_database(f"text://{tmp_path}", log).query("t")


def test_a_line_longer_than_the_buffer_is_refused(tmp_path: Path, log: Lines) -> None:
    (tmp_path / "t").write_text(f"a(str)\n{'x' * 100}\n")
    database = open_database(f"text://{tmp_path}", log)
    database.configure(file_buffer_size=99)
    with pytest.raises(DatabaseError, match="increase 'file_buffer_size'"):
        database.query("t")


def test_the_header_tells_str_from_string() -> None:
    assert parse_header("a(str) b(string,null) c(INT,auto) d(time)") == [
        TextColumn("a", "str"),
        TextColumn("b", "string", null=True),
        TextColumn("c", "int", auto=True),
        TextColumn("d", "time"),
    ]


@given(st.text(st.characters(max_codepoint=255)))
def test_every_text_survives_a_file(text: str) -> None:
    columns = [TextColumn("a", "str"), TextColumn("b", "str")]
    line = ":".join(format_value(value, columns[0], ":") for value in (text, "end"))
    assert "\n" not in line
    assert parse_row(line, columns, ":", empty_is_null=False) == [text, "end"]


@given(st.text())
def test_no_line_breaks_the_parsers(text: str) -> None:
    try:
        columns = parse_header(text)
        parse_row(text, columns, ":", empty_is_null=True)
    except BadTable:
        pass
