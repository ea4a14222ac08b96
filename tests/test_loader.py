"""A config is compiled once in a process, and again when something it was made from is another."""

from pathlib import Path

import pytest

from kamscript import loader
from kamscript.loader import load, load_text

ROUTE = "request_route { exit; }\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KAMSCRIPT_CACHE", "")
    return tmp_path / "kamailio.cfg"


def test_an_unchanged_file_is_compiled_once(config: Path) -> None:
    config.write_text(ROUTE, "utf-8")
    assert load(config) is load(config)


def test_a_changed_file_is_compiled_again(config: Path) -> None:
    config.write_text(ROUTE, "utf-8")
    before = load(config)
    config.write_text(ROUTE + "# changed\n", "utf-8")
    assert load(config) is not before


def test_a_variable_that_the_config_reads_counts(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(f"#!defenv PLACE\n{ROUTE}", "utf-8")
    monkeypatch.setenv("PLACE", "here")
    assert load(config).defines["PLACE"] == "here"
    monkeypatch.setenv("PLACE", "there")
    assert load(config).defines["PLACE"] == "there"


def test_an_import_that_was_missing_counts(config: Path) -> None:
    config.write_text(f'import_file "local.cfg"\n{ROUTE}', "utf-8")
    assert "LOCAL" not in load(config).defines
    (config.parent / "local.cfg").write_text("#!define LOCAL\n", "utf-8")
    assert "LOCAL" in load(config).defines


def test_only_the_newest_programs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_loaded", {})
    monkeypatch.setattr(loader, "_MOST_LOADED", 2)
    first, second, _ = (load_text(ROUTE, path=name) for name in "abc")
    assert load_text(ROUTE, path="b") is second
    assert load_text(ROUTE, path="a") is not first
