"""What `kamscript port` calls a double, at work: modules that nothing simulates, in the lab and live."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamscript.cli import main
from kamscript.lab import Lab
from kamscript.source import ConfigError
from tests.live.servers import kamscript

PORT = 24150
CONFIG = f"""
listen=udp:127.0.0.1:{PORT}
children=1
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "geoip.so"
modparam("geoip", "path", "/var/lib/GeoIP.dat")
request_route {{
    xlog("in $gip(src=>cc)\\n");
    if ($gip(src=>cc) == $null) xlog("nobody knows\\n");
    if (geoip_match("$si", "src")) {{
        sl_send_reply("200", "Found");
        exit;
    }}
    sl_send_reply("404", "Nowhere");
}}
"""


def test_a_config_with_a_module_that_nothing_simulates_runs() -> None:
    lab = Lab(text=CONFIG)
    ran = lab.route("", lab.request("OPTIONS", "bob"))
    assert ran.replies == ["404 Nowhere"]
    assert ran.said == ["in <null>", "nobody knows"]
    assert lab.doubles.missing == ["geoip: geoip_match()"]


def test_its_calls_are_recorded() -> None:
    lab = Lab(text=CONFIG, doubles="lenient")
    lab.route("", lab.request("OPTIONS", "bob"))
    assert lab.server.doubles.calls == [("geoip_match", ("10.0.0.99", "src"))]


def test_its_variables_have_the_value_that_a_test_gives_them() -> None:
    lab = Lab(text=CONFIG)
    lab.double("geoip_match", 1)
    lab.double("$gip(src=>cc)", "NO")
    ran = lab.route("", lab.request("OPTIONS", "bob"))
    assert (ran.replies, ran.said) == (["200 Found"], ["in NO"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('modparam("geoip", "pth", "/x")', "the module geoip has no parameter pth"),
        ('modparam("geoip", "path", 3)', "the parameter path of geoip takes a text"),
    ],
)
def test_its_parameters_are_checked_by_the_catalogue(line: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Lab(text=CONFIG + line + "\n")


def test_live_refuses_to_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text(CONFIG)
    assert main(["run", "-f", str(config), "-Y", str(tmp_path), "-E"]) == 1
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "known to Kamailio, but not simulated (start with --doubles to run without them):",
        "  geoip: geoip_match/2",
    ]


def test_live_refuses_a_module_of_which_nothing_is_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text(f'listen=udp:127.0.0.1:{PORT}\nloadmodule "geoip.so"\nrequest_route {{ exit; }}\n')
    assert main(["run", "-f", str(config), "-Y", str(tmp_path), "-E"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "  geoip"


def test_live_starts_when_told_to(tmp_path: Path) -> None:
    with kamscript(CONFIG, tmp_path, "--doubles") as server:
        assert f"127.0.0.1:{PORT}" in server.started
