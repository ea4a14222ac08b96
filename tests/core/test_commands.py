"""The core's commands as scripts call them, and doubles of what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.core.context import Context
from kamscript.core.doubles import Doubles
from kamscript.core.sockets import SEND_CLOSE, SEND_FORCE_SOCKET, SEND_NO_CONNECT
from kamscript.module import FixupError, PvRef
from kamscript.script.nodes import SocketId
from kamscript.source import NOWHERE

from .serving import Serving, request

LISTEN = "listen=udp:127.0.0.1:5060\nlisten=udp:127.0.0.2:5061\nlisten=tcp:127.0.0.1:5060\n"


def said(body: str, config: str = "") -> list[str]:
    """What a request route logs."""
    serving = Serving(f"{config}{LISTEN}request_route {{ {body} }}")
    serving.send(request())
    return serving.script


def test_message_flags() -> None:
    body = """
    setflag(3); if (isflagset(3)) log(0, "set");
    resetflag(3); if (!isflagset(3)) log(0, "reset");
    setflag(FLT); if (isflagset(7)) log(0, "named");
    """
    assert said(body, "flags FLT:7\n") == ["set", "reset", "named"]


def test_a_socket_can_be_forced() -> None:
    (sent,) = Serving(LISTEN + "request_route { force_send_socket(127.0.0.2:5061); forward(); }").send(request())
    assert sent.socket.address == "127.0.0.2"
    assert sent.to.flags == SEND_FORCE_SOCKET


def test_a_socket_that_is_not_there_refuses_the_start() -> None:
    core: Any = Serving(LISTEN + "request_route { exit; }").server.modules["core"]
    core.check_socket(SocketId(NOWHERE, "tcp", ("127.0.0.1",), 5060))
    with pytest.raises(FixupError, match=r"does not listen on 127\.0\.0\.3:5060"):
        core.check_socket(SocketId(NOWHERE, "", ("127.0.0.3",)))


@pytest.mark.parametrize(
    ("call", "flags"),
    [("set_forward_close();", SEND_CLOSE), ("set_forward_no_connect();", SEND_NO_CONNECT), ("set_reply_close();", 0)],
)
def test_how_a_stream_is_treated(call: str, flags: int) -> None:
    (sent,) = Serving(f"{LISTEN}request_route {{ {call} forward_tcp(uri:host, uri:port); }}").send(request())
    assert (sent.to.proto, sent.to.flags) == ("tcp", flags)


@pytest.mark.parametrize(
    ("call", "target"),
    [
        ("forward();", "udp:127.0.0.12:5060"),
        ("forward(127.0.0.13);", "udp:127.0.0.13:0"),
        ("forward(127.0.0.13, 5070);", "udp:127.0.0.13:5070"),
        ("forward(uri:host, uri:port);", "udp:127.0.0.12:5060"),
        ("forward(uri:host, 5070);", "udp:127.0.0.12:5070"),
        ("forward_tcp(uri:host, uri:port);", "tcp:127.0.0.12:5060"),
        ("forward_udp(uri:host, uri:port);", "udp:127.0.0.12:5060"),
    ],
)
def test_where_forward_sends(call: str, target: str) -> None:
    (sent,) = Serving(f"{LISTEN}request_route {{ {call} }}").send(request())
    proto, ip, port = target.split(":")
    assert sent.to[:3] == (proto, ip, int(port) or 5060)


def test_sctp_and_tls_fail_where_nothing_listens() -> None:
    for call in ("forward_sctp(uri:host, uri:port);", "forward_tls(uri:host, uri:port);"):
        serving = Serving(f"{LISTEN}request_route {{ {call} }}")
        assert serving.send(request()) == []
        assert "no corresponding listening socket" in serving.log[0]


def test_forward_prefers_the_destination_uri() -> None:
    serving = Serving(LISTEN + "request_route { forward(); }")

    def set_destination(ctx: Context) -> bool:
        ctx.msg.dst_uri = "sip:127.0.0.14:5080"
        return True

    serving.server.hooks.pre_script.append(set_destination)
    (sent,) = serving.send(request())
    assert sent.to[:3] == ("udp", "127.0.0.14", 5080)


@pytest.mark.parametrize("uri", ["foo:bar", "sips:bob@127.0.0.12;transport=udp"])
def test_forward_refuses_a_bad_uri(uri: str) -> None:
    serving = Serving(f'{LISTEN}request_route {{ seturi("{uri}"); forward(); }}')
    assert serving.send(request()) == []
    assert serving.log[0].startswith("ERROR: <core>: forward: ")


def test_branches_can_be_cleared_and_removed() -> None:
    assert said('clear_branches(); remove_branch(0); log(0, "fine");') == ["fine"]


def test_commands_run_through_the_driver_only() -> None:
    serving = Serving(LISTEN + 'request_route { exec("true"); }')
    serving.send(request())
    assert serving.log == ['ERROR: <core>: exec("true"): commands may not be run here']
    serving.environment.execute = len
    serving.records.clear()
    serving.server.log.level = 1
    serving.send(request())
    assert serving.log == ["NOTICE: <core>: exec() returned 4"]


def test_error_says_that_it_does_nothing() -> None:
    serving = Serving("debug=1\n" + LISTEN + 'request_route { error("a", "b"); }')
    serving.send(request())
    assert serving.log == ['NOTICE: <core>: error("a", "b") not implemented yet']


# -- doubles ----------------------------------------------------------------------------------------------------------
def doubles() -> tuple[Serving, Doubles]:
    """The doubles of a fresh server."""
    serving = Serving(LISTEN + "request_route { exit; }")
    return serving, serving.server.doubles


def test_a_double_that_nobody_set_is_an_error_and_false() -> None:
    serving, made = doubles()
    call = serving.server.double("geoip", "geoip_match", 2)
    assert call(None, "a", "b") == -1
    assert serving.log == ["ERROR: <core>: function geoip_match of module geoip is not simulated and no double is set"]
    assert made.calls == [("geoip_match", ("a", "b"))]
    assert serving.server.not_simulated() == ["geoip: geoip_match/2"]


@pytest.mark.parametrize(
    ("result", "code"), [(5, 5), (True, 1), (False, -1), (None, 1), (lambda ctx, *args: len(args), 2)]
)
def test_a_double_answers_what_was_set(result: Any, code: int) -> None:
    serving, made = doubles()
    made.set("geoip_match", result)
    assert serving.server.double("geoip", "geoip_match", 2)(None, "a", "b") == code


def test_a_pseudo_variable_has_a_double_too() -> None:
    serving, made = doubles()
    ctx = serving.server.context(serving.server.faked_message())
    country = serving.server.double_pv(PvRef("gip", "src=>cc"))
    assert country.get(ctx) is None
    made.set("$gip(src=>cc)", "NO")
    assert country.get(ctx) == "NO"
    made.set("$gip(src=>cc)", lambda ctx: ctx.msg.method)
    assert country.get(ctx) == "OPTIONS"
    assert country.set is not None
    country.set(ctx, 7)
    assert country.get(ctx) == 7
