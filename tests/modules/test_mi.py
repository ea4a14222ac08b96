"""MI commands of the core (module kex), and module mi_rpc. Those of module dialog have tests of their own."""

from __future__ import annotations

import pytest

from kamscript.core.mi import Mi, MiReply
from kamscript.lab import Lab
from kamscript.source import ConfigError

CONFIG = """
loadmodule "kex.so"
loadmodule "mi_rpc.so"
loadmodule "mi_fifo.so"
{more}
request_route {{ drop; }}
"""


def lab(more: str = "", target: str = "4.4") -> Lab:
    return Lab(text=CONFIG.format(more=more), target=target)


def answer(here: Lab, command: str, *params: str) -> list[str]:
    return here.server.mi.run(command, params).text().removesuffix("\n").split("\n")


def refused(more: str) -> str:
    with pytest.raises(ConfigError) as caught:
        lab(more)
    return str(caught.value)


def test_uptime() -> None:
    here = lab()
    here.advance(90)
    head, now, since, seconds = answer(here, "uptime")
    assert (head, seconds) == ("200 OK", "Up time:: 90 [sec]")
    assert now.startswith("Now:: Thu Jan  1 ") and since.startswith("Up since:: Thu Jan  1 ")
    assert now != since


def test_about_the_server() -> None:
    here = lab()
    version = answer(here, "version")
    assert version[1].startswith("Server:: kamailio ")
    assert [line.partition("::")[0] for line in version[2:]] == ["Build", "Flags", "GIT"]
    assert answer(here, "pwd") == ["200 OK", f"WD:: {here.server.environment.working_directory}"]
    assert answer(here, "arg") == ["200 OK", *here.server.environment.arguments]
    pid = here.server.environment.pid
    assert answer(here, "ps") == ["200 OK", f"Process::  ID=0 PID={pid} Type=main process - attendant"]


def test_which_lists_every_command() -> None:
    names = answer(lab(), "which")[1:]
    assert {"uptime", "version", "which", "ps", "kill", "debug", "get_statistics"} <= set(names)


def test_kill_ends_the_server() -> None:
    here = lab()
    ended: list[int] = []
    here.server.environment.end = ended.append
    assert answer(here, "kill") == ["500 command 'kill' failed"]
    assert ended == [15]


def test_debug_shows_and_sets_the_level() -> None:
    here = lab("debug=2")
    assert answer(here, "debug") == ["200 OK", "DEBUG:: 2"]
    assert answer(here, "debug", "-1") == ["200 OK", "DEBUG:: -1"]
    assert here.server.cfg.core["debug"] == -1
    assert answer(here, "debug", "much") == ["400 Bad parameter"]


def test_statistics_by_name_group_and_all() -> None:
    here = lab()
    here.send(here.request("OPTIONS", "sip:x@y"))
    assert answer(here, "get_statistics", "rcv_requests") == ["200 OK", "core:rcv_requests = 1"]
    group = answer(here, "get_statistics", "core:")
    assert "core:rcv_requests = 1" in group and "core:err_requests = 0" in group
    assert set(group) < set(answer(here, "get_statistics", "all"))
    assert answer(here, "get_statistics", "", "nothing") == ["404 Statistics Not Found"]
    assert answer(here, "get_statistics") == ["400 Too few or too many arguments"]


def test_statistics_are_reset_by_name() -> None:
    here = lab()
    here.send(here.request("OPTIONS", "sip:x@y"))
    assert answer(here, "reset_statistics", "core:") == ["404 Statistics Not Found"]
    assert answer(here, "reset_statistics", "rcv_requests", "nothing") == ["200 OK"]
    assert answer(here, "get_statistics", "rcv_requests") == ["200 OK", "core:rcv_requests = 0"]
    assert answer(here, "reset_statistics") == ["400 Too few or too many arguments"]


def test_statistics_are_cleared_and_shown() -> None:
    here = lab()
    here.send(here.request("OPTIONS", "sip:x@y"))
    assert answer(here, "clear_statistics", "rcv_requests") == ["200 OK", "core:rcv_requests = 0 (1)"]
    assert answer(here, "clear_statistics", "rcv_requests") == ["200 OK", "core:rcv_requests = 0"]
    assert answer(here, "clear_statistics", "nothing") == ["404 Statistics Not Found"]


def test_mi_belongs_to_the_4_x_generation() -> None:
    here = Lab(text='loadmodule "kex.so"\nrequest_route { drop; }\n', target="5.6")
    assert here.server.mi.names() == []


# -- mi_rpc


def tree(mi: Mi) -> MiReply:
    """A command that answers with a tree of its parameters."""
    reply = MiReply()
    node = reply.add("params", len(mi))
    for param in mi.params:
        node.add(param.name, param.value).attribute("size", len(param.value))
    return reply


def with_tree() -> Lab:
    here = lab()
    here.server.mi.add("tree", tree)
    return here


def run(here: Lab, command: str, *params: str) -> list[object]:
    rpc = here.server.rpc.start(command, params)
    return [f"{rpc.failure.code} {rpc.failure.text}"] if rpc.failure is not None else list(rpc.answer)


def test_an_mi_command_by_rpc() -> None:
    here = with_tree()
    assert run(here, "mi", "tree", "a", "--n", "bc") == ["params:: 2", "\t:: a size=1", "\tn:: bc size=2"]
    assert run(here, "mi_xmlrpc", "tree", "a") == ["params:: 1\n", ":: a size=1\n"]
    assert run(here, "mi_dg", "tree", "a") == ["200 OK\n", "params:: 1\n", "\t:: a size=1\n"]
    assert run(here, "mi_fifo", "tree", "a") == ["200 OK\n", "params:: 1\n", "\t:: a size=1\n", "\n"]


def test_an_mi_command_that_fails_by_rpc() -> None:
    here = with_tree()
    assert run(here, "mi", "get_statistics", "nothing") == ["404 Statistics Not Found"]
    assert run(here, "mi_xmlrpc", "get_statistics", "nothing") == ["404 Statistics Not Found"]
    assert run(here, "mi_dg", "get_statistics", "nothing") == ["404 Statistics Not Found\n"]
    for command in ("mi", "mi_xmlrpc", "mi_dg", "mi_fifo"):
        assert run(here, command) == ["500 command parameter missing"]
        assert run(here, command, "no_such") == ["500 command not available"]
        assert run(here, command, "kill") == ["500 execution failed"]
        assert run(here, command, "tree", "--name") == ["500 cannot parse parameters"]


def test_a_line_that_is_too_long_by_rpc() -> None:
    assert run(with_tree(), "mi", "tree", "x" * 600) == ["500 Line too long"]


# -- parameters of the channels


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('modparam("mi_fifo", "fifo_name", "")', "fifo_name is empty"),
        ('modparam("mi_fifo", "reply_dir", "")', "reply_dir is empty"),
        ('loadmodule "mi_datagram.so"', "socket_name is missing"),
        ('loadmodule "mi_datagram.so"\nmodparam("mi_datagram", "socket_name", "udp:127.0.0.1")', "not udp:host:port"),
        ('loadmodule "mi_datagram.so"\nmodparam("mi_datagram", "socket_name", "udp::5000")', "not udp:host:port"),
        ('loadmodule "mi_datagram.so"\nmodparam("mi_datagram", "socket_name", "udp:a:80")', "not udp:host:port"),
        ('loadmodule "mi_datagram.so"\nmodparam("mi_datagram", "socket_name", "udp:a:70000")', "not udp:host:port"),
    ],
)
def test_channels_that_cannot_be(more: str, said: str) -> None:
    assert said in refused(more)


def test_permissions_of_nobody() -> None:
    here = lab(
        'modparam("mi_fifo", "fifo_mode", 0)\nloadmodule "mi_datagram.so"\n'
        'modparam("mi_datagram", "socket_name", "/tmp/x")\nmodparam("mi_datagram", "unix_socket_mode", 0)'
    )
    assert here.log.lines("WARNING", "mi_fifo") == ["WARNING: mi_fifo: fifo_mode is 0: 0600 is used"]
    assert here.log.lines("WARNING", "mi_datagram") == ["WARNING: mi_datagram: unix_socket_mode is 0: 0600 is used"]
    assert here.server.module("mi_fifo").fifo_mode == here.server.module("mi_datagram").unix_socket_mode == 0o600


def test_addresses_of_mi_datagram() -> None:
    for name, address in (
        ("/tmp/x", None),
        ("udp:127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("udp:[::1]:5000", ("::1", 5000)),
    ):
        here = lab(f'loadmodule "mi_datagram.so"\nmodparam("mi_datagram", "socket_name", "{name}")')
        assert here.server.module("mi_datagram").address == address
