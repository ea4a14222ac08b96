"""path: what 6.x adds, other transports, and what is refused; the rest stands in the differential cases."""

from __future__ import annotations

import re

import pytest

from kamscript.source import ConfigError

from .serving import Served

MODULES = "tm sl rr pv textops xlog path"
LISTEN = "listen=udp:127.0.0.1:5060 name 'main'\nlisten=tcp:127.0.0.1:5060\n".replace("'", '"')


def sent_paths(call: str, params: str = "", *, target: str = "5.6", proto: str = "udp") -> list[str]:
    """The Path headers of a request that is sent on behind `call`."""
    config = f'{params}request_route {{ if (!{call}) xlog("failed\\n"); t_relay_to_udp("127.0.0.13", "5060"); }}\n'
    served = Served(config, MODULES, target=target, listen=LISTEN)
    out = served.request("REGISTER", proto=proto, connection=1 if proto == "tcp" else 0)
    assert "failed" not in served.script
    return re.findall(r"(?m)^Path: (.*)\r$", out[-1].text)


def test_the_transport_of_the_sender_is_told() -> None:
    assert sent_paths("add_path_received()", proto="tcp") == [
        "<sip:127.0.0.1;lr;received=sip:127.0.0.12:5060%3Btransport%3Dtcp>"
    ]
    alias = 'modparam("path", "received_format", 1)\n'
    assert sent_paths("add_path_received()", alias, proto="tcp") == ["<sip:127.0.0.1;lr;received=127.0.0.12~5060~2>"]


def test_another_address_in_6x() -> None:
    assert sent_paths('add_path_advertised_address("edge.example.com:5070", "u", "ob")', target="6.x") == [
        "<sip:u@edge.example.com:5070;transport=udp;lr;ob>"
    ]
    assert sent_paths('add_path_received_advertised_address("192.0.2.1")', target="6.x") == [
        "<sip:192.0.2.1;transport=udp;lr;received=sip:127.0.0.12:5060>"
    ]


def test_another_address_with_two_headers_and_names_of_sockets() -> None:
    params = 'modparam("path", "enable_r2", 1)\nmodparam("path", "sockname_mode", 1)\n'
    assert sent_paths('add_path_advertised_address("192.0.2.1")', params, target="6.x", proto="tcp") == [
        "<sip:192.0.2.1;transport=udp;sn=main;lr;r2=on>",
        "<sip:192.0.2.1;transport=tcp;lr;r2=on>",
    ]


@pytest.mark.parametrize("address", ["", "@", "a@"])
def test_what_is_no_address(address: str) -> None:
    config = f'request_route {{ add_path_advertised_address("{address}"); xlog("$rc\\n"); }}'
    served = Served(config, MODULES, target="6.x")
    served.request("REGISTER")
    assert served.script == ["-1"]
    assert any("advertised address" in line for line in served.lines("path"))


def test_following_addresses_needs_rr() -> None:
    with pytest.raises(ConfigError, match="needs the module rr"):
        Served('modparam("path", "use_received", 1)\nrequest_route { drop; }', "tm sl pv path")


def test_an_alias_without_transport_is_an_address() -> None:
    """Kamailio 5.6 takes what its memory holds along."""
    params = 'modparam("path", "use_received", 1)\nmodparam("path", "received_format", 1)\n'
    served = Served(f'{params}request_route {{ loose_route(); xlog("$du\\n"); }}', MODULES)
    served.request(headers="Route: <sip:127.0.0.1;lr;received=192.0.2.9~5070>")
    assert served.script == ["sip:192.0.2.9:5070"]
