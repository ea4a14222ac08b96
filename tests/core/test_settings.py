"""Core parameters: their defaults and what a config makes of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kamscript
from kamscript.core.cfg_core import TCP_VARS
from kamscript.core.settings import DEFAULTS, INVERTED, UNHEEDED, collect
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


@pytest.mark.parametrize(
    ("table", "use"), [("dns_cache_init", "use_dns_cache"), ("dst_blocklist_init", "use_dst_blocklist")]
)
def test_what_was_not_made_is_not_used(table: str, use: str) -> None:
    assert collect([(use, 1)])[use] == 1
    assert collect([(use, 1), (table, 0)])[use] == 0


def test_auto_domains_is_auto_aliases() -> None:
    assert collect([("auto_domains", 0)])["auto_aliases"] == 0


#: Files that list parameters and do nothing with them.
_TABLES = ("settings.py", "cfg_core.py", "keywords.py", "tables.py", "make_tables.py")
#: What `collect` turns into another parameter.
FOLDED = ("auto_domains", "dns_cache_init", "dst_blocklist_init")


def test_each_parameter_is_heeded_or_says_why_not() -> None:
    """Code names it, or the variable of group tcp that it sets; otherwise `inert` or UNHEEDED has the reason."""
    package = Path(kamscript.__file__).parent
    files = [path for path in package.rglob("*.py") if path.parent.name != "tools"]
    code = "".join(path.read_text() for path in files if path.name not in _TABLES)
    words = set(re.findall(r"[\w.]+", re.sub(r"\{[\w.]+\}", "PROTO", code)))
    other_names = {variable.setting: variable.name for variable in TCP_VARS if variable.setting}
    excused = UNHEEDED.keys() | INVERTED.keys() | set(FOLDED)
    idle = [
        decl.name
        for decl in SETTINGS
        if not decl.inert
        and decl.name not in excused
        and not words & {decl.name, re.sub("_(udp|tcp|tls|sctp)_", "_PROTO_", decl.name)}
        and not (decl.name in other_names and f'"{other_names[decl.name]}"' in code)
    ]
    assert idle == []
