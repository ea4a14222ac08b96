"""`kamscript call`, the newcomer's first command."""

from pathlib import Path

import pytest

from kamscript.cli import main
from kamscript.lab.call import printable

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "registrar" / "kamailio.cfg")


def test_it_draws_the_call_and_gives_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", EXAMPLE]) == 0
    shown = capsys.readouterr().out
    assert "INVITE sip:bob@10.0.0.2:5060" in shown
    assert shown.endswith("alice called bob: 200 OK, ended with BYE, 15 messages\n")


def test_a_call_that_fails_fails_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", EXAMPLE, "--no-register"]) == 1
    assert "alice called bob: 404 Not Found" in capsys.readouterr().out


def test_a_ladder_is_plain_where_the_terminal_is() -> None:
    assert printable("│── INVITE ──>│\n", "ascii") == "|-- INVITE -->|\n"
    assert printable("│── INVITE ──>│\n", "utf-8") == "│── INVITE ──>│\n"


def test_a_config_that_asks_for_passwords_has_its_subscribers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = Path(EXAMPLE).parents[1] / "registrar-auth" / "kamailio.cfg"
    assert main(["call", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "the config asks for passwords: alice and bob are subscribers here\n" in shown
    assert shown.endswith("alice called bob: 200 OK, ended with BYE, 20 messages\n")
