"""Database URLs as Kamailio reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.stores import DatabaseUrl, parse_url


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mysql://u:p@h:3307/db", DatabaseUrl("mysql", "u", "p", "h", 3307, "db")),
        ("mysql://h/db", DatabaseUrl("mysql", host="h", name="db")),
        ("mysql://u@h/db", DatabaseUrl("mysql", "u", host="h", name="db")),
        ("mysql://u:p@ss@h/db", DatabaseUrl("mysql", "u", "p@ss", "h", name="db")),
        ("postgres://u:p@[::1]:5433/db", DatabaseUrl("postgres", "u", "p", "::1", 5433, "db")),
        ("mysql://[group]/db", DatabaseUrl("mysql", host="[group]", name="db")),
        ("mysql://u:p@h/db?charset=utf8", DatabaseUrl("mysql", "u", "p", "h", name="db")),
        ("sqlite:////var/k.db", DatabaseUrl("sqlite", name="/var/k.db")),
        ("sqlite:///var/k.db", DatabaseUrl("sqlite", name="var/k.db")),
        ("text:///etc/kamailio/dbtext", DatabaseUrl("text", name="/etc/kamailio/dbtext")),
        ("text://dbtext", DatabaseUrl("text", name="dbtext")),
    ],
)
def test_the_parts_of_a_url(text: str, parts: DatabaseUrl) -> None:
    assert parse_url(text) == parts


@pytest.mark.parametrize("text", ["", "mysql", "mysql:/h/db", "mysql://h", "text://", "://h/db"])
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"database URL|no database name|no directory"):
        parse_url(text)


def test_a_url_is_logged_without_its_password() -> None:
    assert parse_url("mysql://u:secret@h:3307/db").without_password() == "mysql://u@h:3307/db"


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        parse_url(text)
    except ValueError:
        pass
