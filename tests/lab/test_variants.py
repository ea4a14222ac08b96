"""Other parameters, other include folders, with the same config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.source import ConfigError

CONFIG = Path(__file__).with_name("proxy.cfg")


def refused(**params: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Lab(CONFIG, params=params)
    return str(caught.value)


def test_a_parameter_takes_the_place_of_the_configs() -> None:
    lab = Lab(CONFIG, params={"dialog": {"default_timeout": 60}})
    alice, bob = lab.phone("alice"), lab.phone("bob")
    alice.call("bob")
    bob.call_waiting.answer()
    assert lab.dialogs[0].lifetime == 60
    lab.advance(seconds=61)
    assert lab.dialogs == []


def test_the_config_itself_stays_as_it_is() -> None:
    Lab(CONFIG, params={"dialog": {"default_timeout": 60}})
    assert Lab(CONFIG).module("dialog").default_timeout == 43200


def test_repeated_parameters_are_a_list() -> None:
    config = 'loadmodule "usrloc.so"\nmodparam("usrloc", "preload", "one")\nrequest_route { drop; }\n'
    assert [*Lab(text=config).module("usrloc").domains] == ["one"]
    assert [*Lab(text=config, params={"usrloc": {"preload": ["a", "b"]}}).module("usrloc").domains] == ["a", "b"]


def test_core_settings() -> None:
    lab = Lab(CONFIG, params={"core": {"debug": -1, "server_header": "Server: mine"}})
    assert (lab.server.log.level, lab.server.settings["server_header"]) == (-1, "Server: mine")


@pytest.mark.kam_lab_only("dns_use_cache is a name of 6.x")
def test_other_spellings_of_core_settings() -> None:
    assert Lab(CONFIG, params={"core": {"dns_use_cache": False}}).server.settings["use_dns_cache"] == 0


def test_servers_of_the_same_parameters_share_their_program() -> None:
    params = {"dialog": {"default_timeout": 60}}
    assert Lab(CONFIG, params=params).program is Lab(CONFIG, params=dict(params)).program


@pytest.mark.parametrize(
    ("params", "line", "hint"),
    [
        (
            {"dialogs": {"x": 1}},
            "parameters for module dialogs, which the config does not load",
            "did you mean dialog?",
        ),
        ({"dialog": {"no_such": 1}}, "parameter <no_such> not found in module <dialog>", ""),
        ({"dialog": {"default_timeout": "x"}}, "parameter <default_timeout> of module <dialog> (string)", ""),
        ({"core": {"debugg": 1}}, "the core has no parameter debugg", "did you mean debug?"),
        ({"core": {"debug": "much"}}, "debug takes a integer", ""),
        ({"core": {"listen": "udp:1.2.3.4"}}, "the core has no parameter listen", "listen=["),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_kamailio_would_refuse(params: dict[str, Any], line: str, hint: str) -> None:
    text = refused(**params)
    assert line in text and hint in text


def test_aliases_take_the_place_of_the_configs() -> None:
    config = 'debug=1\nalias=example.com\nrequest_route { if (uri == myself) log(1, "mine\\n"); }'
    lab = Lab(text=config, params={"core": {"alias": ["sip.test", "voice.test"]}})
    assert lab.domain == "sip.test"
    for domain, told in (("voice.test", ["mine"]), ("example.com", [])):
        lab.log.clear()
        lab.send(lab.request("OPTIONS", f"sip:bob@{domain}"))
        assert lab.log.script == told


def test_a_refusal_shows_the_line_that_would_have_done_it() -> None:
    assert refused(dialog={"no_such": 1}) == (
        "params:1:1: error: parameter <no_such> not found in module <dialog> [unknown-parameter]\n"
        '   1 | modparam("dialog", "no_such", 1)\n'
        "     | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    )


def test_included_files_are_looked_for_in_the_folders_last(tmp_path: Path) -> None:
    for folder, code in (("one", "401"), ("two", "402"), ("beside", "403")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "reply.cfg").write_text(f'route[REPLY] {{ sl_send_reply("{code}", "x"); }}\n')
    config = tmp_path / "kamailio.cfg"
    config.write_text('loadmodule "sl.so"\ninclude_file "reply.cfg"\nrequest_route { route(REPLY); }\n')

    def status(*folders: str) -> int:
        lab = Lab(config, include=[tmp_path / folder for folder in folders])
        return lab.phone("alice").call("bob").status

    assert (status("one", "two"), status("two", "one")) == (401, 402)
    (tmp_path / "reply.cfg").write_text('route[REPLY] { sl_send_reply("404", "x"); }\n')
    assert status("one") == 404
    (tmp_path / "reply.cfg").unlink()
    with pytest.raises(ConfigError, match=r"the included file reply.cfg or .* cannot be read"):
        status()


def test_files_of_a_text_are_included() -> None:
    text = 'loadmodule "sl.so"\ninclude_file "reply.cfg"\nrequest_route { route(REPLY); }\n'
    lab = Lab(text=text, files={"reply.cfg": 'route[REPLY] { sl_send_reply("401", "x"); }\n'})
    assert lab.phone("alice").call("bob").status == 401
