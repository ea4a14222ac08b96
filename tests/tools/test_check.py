"""The command: its options, exit status and output; and what it keeps from one check to the next."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kamscript.cli import main
from kamscript.source import MemoryReader
from kamscript.tools import check as tool
from kamscript.tools.check import findings, quick_options, stored

CLEAN = 'loadmodule "pv.so"\nrequest_route { exit; }\n'
WARNED = CLEAN + "route[A] { exit; }\n"
NOTED = 'loadmodule "geoip2.so"\nrequest_route { geoip2_match("1.2.3.4", "x"); }\n'
WRONG = 'loadmodule "pv.so"\nrequest_route {\n    t_rely();\n}\n'


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAMSCRIPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KAMSCRIPT_TARGET", raising=False)
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "kamailio.cfg") -> str:
    Path(name).write_text(text, encoding="latin-1")
    return name


def run(*arguments: str) -> int:
    return main(["check", *arguments])


# -- exit status and options ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "status"), [(CLEAN, 0), (NOTED, 0), (WARNED, 1), (WRONG, 1)])
def test_exit_status(text: str, status: int) -> None:
    assert run(write(text)) == status


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    run(write(WRONG))
    assert capsys.readouterr().out == (
        "kamailio.cfg:3:5: error: unknown function t_rely [unknown-function]\n"
        "   3 |     t_rely();\n"
        "     |     ^^^^^^\n"
        '     = hint: did you mean t_relay or t_reply? loadmodule "tm.so"\n'
        "1 error\n"
    )


def test_a_clean_config_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run(write(CLEAN))
    assert capsys.readouterr().out == ""


def test_several_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write(CLEAN, "a.cfg"), write(WRONG, "b.cfg"), write(WARNED, "c.cfg")) == 1
    assert capsys.readouterr().out.endswith("1 error, 1 warning\n")


def test_a_missing_file_and_a_directory_are_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nope.cfg", ".") == 1
    assert capsys.readouterr().out == (
        "nope.cfg:1:1: error: cannot read nope.cfg: No such file or directory [unreadable]\n"
        ".:1:1: error: cannot read .: it is a directory [unreadable]\n"
        "2 errors\n"
    )


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRONG.encode())))
    assert run("-") == 1
    assert capsys.readouterr().out.startswith("<stdin>:3:5: error:")


def test_warnings_can_be_left_out() -> None:
    assert run("--no-warnings", write(WARNED)) == 0
    assert run("--ignore", "unused-route", write(WARNED)) == 0
    assert run("--ignore=loose-dot,unused-route", write(WARNED)) == 0
    assert run("--ignore", "loose-dot", write(WARNED)) == 1


def test_notes_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    run("--no-notes", write(NOTED))
    assert capsys.readouterr().out == ""


def test_errors_cannot_be_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--ignore", "unknown-function", write(WRONG)) == 2
    assert capsys.readouterr().err == "kamscript: unknown-function is an error: it cannot be ignored\n"


def test_an_unknown_rule_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--ignore", "unused-rout", write(WARNED)) == 2
    assert (
        capsys.readouterr().err
        == "kamscript: there is no rule 'unused-rout': did you mean unused-route or unarmed-route?\n"
    )


@pytest.mark.parametrize("arguments", [[], ["--nope", "x"], ["--format", "xml", "x"], ["--target", "7", "x"], ["-A"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        run(*arguments)
    assert leaving.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ")


def test_an_unknown_target_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAMSCRIPT_TARGET", "7")
    assert run(write(CLEAN)) == 2


def test_defines_and_target() -> None:
    write("#!ifdef WITH_X\nnope\n#!endif\n" + CLEAN)
    assert run("kamailio.cfg") == 0
    assert run("-A", "WITH_X", "kamailio.cfg") == 1
    assert run("-AWITH_X", "kamailio.cfg") == 1  # the short form, which argparse reads
    write("socket = { bind = udp:127.0.0.1:5060; }\n" + CLEAN)
    assert (run("kamailio.cfg"), run("--target", "5.6", "kamailio.cfg")) == (0, 1)


def test_both_readings_of_the_command_line_agree() -> None:
    from kamscript.cli import parser

    words = ["--format=json", "-A", "A=1", "--subst", "/a/b/", "--target", "5.6", "--ignore", "x", "--no-cache", "f"]
    quick = quick_options(words)
    assert quick is not None
    assert vars(quick) == vars(tool.Options.of(parser().parse_args(["check", *words])))


# -- formats ----------------------------------------------------------------------------------------------------------


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    run("--format", "json", write(WRONG))
    assert json.loads(capsys.readouterr().out) == [
        {
            "file": "kamailio.cfg",
            "line": 3,
            "column": 5,
            "endLine": 3,
            "endColumn": 11,
            "severity": "error",
            "rule": "unknown-function",
            "message": "unknown function t_rely",
            "hint": 'did you mean t_relay or t_reply? loadmodule "tm.so"',
        }
    ]


def test_json_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run("--format", "json", write(CLEAN))
    assert json.loads(capsys.readouterr().out) == []


def sarif(capsys: pytest.CaptureFixture[str], *paths: str) -> Any:
    run("--format", "sarif", *paths)
    return json.loads(capsys.readouterr().out)


def test_sarif_has_the_structure_of_2_1_0(capsys: pytest.CaptureFixture[str]) -> None:
    """The properties that the SARIF 2.1.0 standard requires, and their types (sections 3.13 to 3.52)."""
    log = sarif(capsys, write(WRONG, "a b.cfg"), write(WARNED), write(NOTED, "noted.cfg"), "missing.cfg")
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (run_,) = log["runs"]
    driver = run_["tool"]["driver"]
    assert driver["name"] == "kamscript" and driver["version"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert ids == sorted(set(ids))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"] and rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    assert [result["level"] for result in run_["results"]] == ["error", "warning", "note", "error"]
    for result in run_["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert " " not in place["artifactLocation"]["uri"]
        region = place["region"]
        assert 1 <= region["startLine"] <= region["endLine"]
        assert region["startColumn"] >= 1 and region["endColumn"] >= 1
    assert run_["results"][0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 3,
        "startColumn": 5,
        "endLine": 3,
        "endColumn": 11,
        "snippet": {"text": "    t_rely();"},
    }


def test_sarif_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert sarif(capsys, write(CLEAN))["runs"][0]["results"] == []


def test_sarif_names_an_absolute_path_as_a_file_uri(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = sarif(capsys, str(tmp_path / write(WRONG)))["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("file:///")


# -- what is kept -----------------------------------------------------------------------------------------------------


class Store(dict[str, bytes]):
    """Entries in memory."""

    def load(self, key: str) -> bytes | None:
        return self.get(key)

    def save(self, key: str, data: bytes) -> None:
        self[key] = data


class World:
    """A config in memory, a store, and how often it was examined."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        files = {
            "a.cfg": 'include_file "b.cfg"\nimport_file "c.cfg"\n#!trydefenv KAM\n' + WRONG,
            "b.cfg": "debug=2\n",
        }
        self.reader = MemoryReader(files, {"KAM": "x"})
        self.store = Store()
        self.times = 0
        examine = tool._examine

        def counted(*arguments: Any) -> Any:
            self.times += 1
            return examine(*arguments)

        monkeypatch.setattr(tool, "_examine", counted)

    def check(self, **options: Any) -> list[str]:
        return [finding.rule for finding in stored("a.cfg", self.reader, self.store, **options)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_the_second_check_finds_the_same_without_looking(world: World) -> None:
    first = stored("a.cfg", world.reader, world.store)
    second = stored("a.cfg", world.reader, world.store)
    assert world.times == 1 and first == second
    assert [f.render() for f in first] == [f.render() for f in second]


@pytest.mark.parametrize(
    ("name", "text"), [("a.cfg", CLEAN), ("b.cfg", "debug=3\n"), ("c.cfg", "debug=1\n"), ("b.cfg", None)]
)
def test_a_file_that_changed_appeared_or_went(world: World, name: str, text: str | None) -> None:
    world.check()
    if text is None:
        del world.reader.files[name]
    else:
        world.reader.files[name] = text
    world.check()
    assert world.times == 2


def test_the_environment_counts(world: World) -> None:
    world.check()
    world.reader.env["KAM"] = "y"
    world.check()
    world.reader.env["OTHER"] = "z"
    world.check()
    assert world.times == 2


def test_a_variable_that_only_a_module_asks_for_counts(world: World) -> None:
    modules = 'loadmodule "pv.so"\nloadmodule "xlog.so"\n'
    world.reader.files["a.cfg"] = modules + 'modparamx("xlog", "prefix", "$env(P)")\nroute {}\n'
    world.check()
    world.reader.env["P"] = "y"
    world.check()
    assert world.times == 2


def test_ways_of_reading_are_kept_apart(world: World) -> None:
    for options in ({}, {"target": "5.6"}, {"defines": ["A"]}, {"defines": ["A=1"]}, {"subst": ["/a/b/"]}):
        world.check(**options)
        world.check(**options)
    assert (world.times, len(world.store)) == (5, 5)


def test_another_version_of_kamscript(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.check()
    monkeypatch.setattr(tool, "installed", lambda: "another")
    world.check()
    assert world.times == 2


@pytest.mark.parametrize("place", [0, 5, 12, 30, 44, 46, 60, -1])
def test_a_damaged_entry_is_made_again(world: World, place: int) -> None:
    world.check()
    (key, data), *_ = world.store.items()
    damaged = bytearray(data)
    damaged[place] ^= 0x55
    world.store[key] = bytes(damaged)
    assert world.check() == ["unknown-function"]
    assert world.times == 2 and world.store[key] == data


@pytest.mark.parametrize("length", [0, 1, 12, 44, 50, 100, 200])
def test_a_truncated_entry_is_made_again(world: World, length: int) -> None:
    world.check()
    (key, data), *_ = world.store.items()
    world.store[key] = data[:length]
    assert world.check() == ["unknown-function"]
    assert world.times == 2 and world.store[key] == data


def test_an_entry_of_another_kind_is_made_again(world: World) -> None:
    from kamscript.script.cache import Recorder, keep

    world.check()
    (key,) = world.store
    recorder = Recorder(world.reader)
    recorder.read("b.cfg")
    for odd in (5, ["x"], [(1, 2)], None):
        keep(key, odd, recorder.ingredients, world.store)
        assert world.check() == ["unknown-function"]


def test_an_unreadable_config_is_looked_for_again(world: World) -> None:
    del world.reader.files["a.cfg"]
    assert (world.check(), world.check(), world.times) == (["unreadable"], ["unreadable"], 1)
    world.reader.files["a.cfg"] = CLEAN
    assert world.check() == []


def test_no_cache_keeps_nothing(tmp_path: Path) -> None:
    run("--no-cache", write(CLEAN))
    assert not (tmp_path / "cache").exists()
    run("kamailio.cfg")
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_findings_of_a_reader_are_not_kept(tmp_path: Path) -> None:
    assert [f.rule for f in findings("a.cfg", reader=MemoryReader({"a.cfg": WRONG}))] == ["unknown-function"]
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KAMSCRIPT_CACHE", str(tmp_path / "file" / "cache"))
    assert run(write(CLEAN)) == 0


def test_a_warm_check_imports_none_of_the_language(tmp_path: Path) -> None:
    code = (
        "import sys; from kamscript.cli import main; main(['check', 'kamailio.cfg'])\n"
        "heavy = ('kamscript.script.nodes', 'kamscript.module', 'kamscript.source', 'lark', 'regex', 'pyparsing', "
        "'argparse', 'dataclasses', 'pickle', 'json')\n"
        "print(*(name for name in heavy if name in sys.modules), file=sys.stderr)"
    )
    write(CLEAN)
    path = str(Path(tool.__file__).parents[2])
    environment = {**os.environ, "KAMSCRIPT_CACHE": str(tmp_path / "cache"), "PYTHONPATH": path}
    command = [sys.executable, "-c", code]
    first = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=60)
    second = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=60)
    assert "kamscript.module" in first.stderr.split()
    assert second.stderr.split() == []
