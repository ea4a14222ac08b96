"""`kamscript new-tests` writes files that pass as they stand and say what the config does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kamscript.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_what_is_written_passes(tmp_path: Path) -> None:
    for name in ("registrar", "prepaid", "call-limit"):
        target = tmp_path / f"test_{name.replace('-', '_')}.py"
        assert main(["new-tests", str(EXAMPLES / name / "kamailio.cfg"), "-o", str(target)]) == 0
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout


def test_it_says_what_the_config_does(tmp_path: Path) -> None:
    target = tmp_path / "test_it.py"
    main(["new-tests", str(EXAMPLES / "prepaid" / "kamailio.cfg"), "-o", str(target)])
    text = target.read_text()
    assert "bob.register().status == 200" in text
    assert 'alice.call("bob")\n    assert call.status == 404' in text
    assert 'sip.route("CREDIT", sip.request("INVITE", "bob"))\n    assert run.code == 1' in text


def test_a_file_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "test_it.py"
    target.write_text("mine")
    assert main(["new-tests", str(EXAMPLES / "prepaid" / "kamailio.cfg"), "-o", str(target)]) == 1
    assert target.read_text() == "mine"
    assert "--force" in capsys.readouterr().err


def test_a_config_that_does_not_load_is_told_as_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text("request_route { nope(); }\n")
    assert main(["new-tests", str(config)]) == 1
    assert "kamailio.cfg:1:17: error: unknown function nope" in capsys.readouterr().err
    assert not (tmp_path / "test_kamailio.py").exists()
