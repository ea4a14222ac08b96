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


def _written(tmp_path: Path, config: str) -> str:
    (tmp_path / "kamailio.cfg").write_text(config)
    assert main(["new-tests", str(tmp_path / "kamailio.cfg")]) == 0
    return (tmp_path / "test_kamailio.py").read_text()


def test_functions_that_nothing_simulates_have_doubles(tmp_path: Path) -> None:
    config = """
        loadmodule "sl.so"
        loadmodule "app_perl.so"
        request_route { perl_exec("check"); sl_send_reply("404", "Nobody"); }
    """
    text = _written(tmp_path, config)
    assert text.count('sip.double("perl_exec", False)  # not simulated: say what it gives') == 3
    assert "xfail" not in text


def test_what_fails_says_why(tmp_path: Path) -> None:
    config = """
        loadmodule "tm.so"
        loadmodule "tmx.so"
        request_route { t_suspend(); }
    """
    text = _written(tmp_path, config)
    assert '@pytest.mark.xfail(reason="3 transactions' in text or '@pytest.mark.xfail(reason="1 ' in text


def test_a_config_that_asks_for_passwords_has_users(tmp_path: Path) -> None:
    config = """
        alias=example.com
        loadmodule "db_sqlite.so"
        loadmodule "tm.so"
        loadmodule "sl.so"
        loadmodule "auth.so"
        loadmodule "auth_db.so"
        modparam("auth_db", "db_url", "sqlite:////tmp/k.sqlite")
        modparam("auth_db", "calculate_ha1", 1)
        modparam("auth_db", "password_column", "password")
        request_route {
            if (!auth_check("example.com", "subscriber", "0")) { auth_challenge("example.com", "0"); exit; }
            sl_send_reply("200", "OK");
        }
    """
    text = _written(tmp_path, config)
    assert '        {"username": "bob", "domain": "example.com", "password": "secret"},\n' in text
    assert 'bob = sip.phone("bob", password="secret")\n    assert bob.register().status == 200' in text


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(EXAMPLES / "prepaid" / "kamailio.cfg")
    assert main(["new-tests", config, "-o", str(tmp_path / "nowhere" / "test_it.py")]) != 0
    assert "cannot be written: No such file or directory" in capsys.readouterr().err
