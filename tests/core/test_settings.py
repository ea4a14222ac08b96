"""Core parameters: their defaults and what a config makes of them."""

from __future__ import annotations

import pytest

from kamscript.core.settings import DEFAULTS, collect
from kamscript.script.settings import SETTINGS

from .serving import Serving


def test_every_parameter_of_the_language_has_a_default() -> None:
    assert {decl.name for decl in SETTINGS} - DEFAULTS.keys() <= {"enable_tls", "enable_sctp"}


def test_a_default_has_the_type_that_the_language_takes() -> None:
    numbers = {decl.name for decl in SETTINGS if decl.kind in ("number", "integer")}
    assert {name for name in numbers if not isinstance(DEFAULTS.get(name, 0), int)} == set()


def test_the_last_assignment_counts() -> None:
    assert collect([("children", 2), ("children", 3)])["children"] == 3


def test_no_children_means_the_default() -> None:
    assert collect([("children", 0)])["children"] == 8


def test_enabling_is_not_disabling() -> None:
    assert collect([("enable_tls", 1)])["disable_tls"] == 0
    assert collect([])["disable_tls"] == 1


@pytest.mark.parametrize(("value", "number"), [("tcp", 2), ("TLS", 3), (4, 4), ("udp", 1)])
def test_a_protocol_is_kept_as_its_number(value: str | int, number: int) -> None:
    assert collect([("udp_mtu_try_proto", value)])["udp_mtu_try_proto"] == number


def test_a_config_sets_what_the_server_uses() -> None:
    config = 'debug=2\nmax_branches=4\nserver_header="Server: x"\nforce_rport=yes\nlisten=udp:127.0.0.1:5060\n'
    server = Serving(config + "request_route { exit; }").server
    assert server.settings["max_branches"] == 4
    assert server.settings["server_header"] == "Server: x"
    assert server.log.level == 2
    assert server.cfg.core["force_rport"] == 1
    assert server.request_flags == 1


@pytest.mark.parametrize(("name", "number"), [("IPTOS_THROUGHPUT", 8), ("iptos_mincost", 2), ("whatever", 16), (4, 4)])
def test_a_type_of_service_is_kept_as_its_number(name: str | int, number: int) -> None:
    assert collect([("tos", name)])["tos"] == number
