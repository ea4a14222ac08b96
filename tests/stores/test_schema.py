"""Kamailio's table definitions."""

from __future__ import annotations

import subprocess
import sys

from kamscript.stores import Column, table, table_names


def test_versions_are_those_of_kamailio_5_6() -> None:
    wanted = {"location": 9, "location_attrs": 1, "acc": 5, "missed_calls": 4, "subscriber": 7, "dialog": 7}
    assert {name: found.version for name in wanted if (found := table(name))} == wanted


def test_columns_keep_type_size_default_and_null() -> None:
    location = table("location")
    assert location is not None
    assert location.column("contact") == Column("contact", "string", "512", False, "", "")
    assert location.column("domain") == Column("domain", "string", "64", True, None, "")
    assert location.column("expires") == Column("expires", "datetime", "", False, "2030-05-28 21:32:15", "")
    assert location.column("id") == Column("id", "unsigned int", "10", False, None, "auto")


def test_indexes_name_columns_of_the_table() -> None:
    for name in table_names():
        definition = table(name)
        assert definition is not None
        columns = {column.name for column in definition.columns}
        for index in definition.indexes:
            assert set(index.columns) <= columns, (name, index)


def test_an_unknown_table_has_no_definition() -> None:
    assert table("nonesuch") is None


def test_importing_the_package_does_not_import_sqlalchemy() -> None:
    code = "import sys, kamscript.stores; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
