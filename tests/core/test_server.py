"""The steps of a message through the server, and the server's life."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.core.build import build_local_reply
from kamscript.core.commands import CoreCommands
from kamscript.core.context import Context
from kamscript.core.server import Server
from kamscript.loader import load_text, module_classes
from kamscript.module import FixupError, Module, Route
from kamscript.sip.message import Message
from kamscript.source import ConfigError

from .serving import BOB, NOW, Names, Serving, reply, request

LISTEN = "listen=udp:127.0.0.1:5060\n"


def test_a_message_that_is_not_sip_is_logged_and_dropped() -> None:
    serving = Serving(LISTEN + 'request_route { log(0, "here"); }')
    assert serving.send("HELLO WORLD, THIS IS NOT SIP AT ALL\n\n") == []
    shown, failed = serving.log
    assert shown == "ERROR: <core>: ERROR: parse_msg: message=<HELLO WORLD, THIS IS NOT SIP AT ALL\r\n\r\n>"
    assert failed.startswith("ERROR: <core>: core parsing of SIP message failed (127.0.0.11:5060/udp)")


def test_a_bad_message_may_be_logged_on_one_line() -> None:
    serving = Serving("sip_parser_log_oneline=1\n" + LISTEN + "request_route { exit; }")
    serving.send("HELLO WORLD, THIS IS NOT SIP AT ALL\n\n")
    assert serving.log[0].endswith("message=<HELLO WORLD, THIS IS NOT SIP AT ALL. . >")


def test_bad_messages_may_be_logged_at_another_level() -> None:
    serving = Serving("sip_parser_log=2\n" + LISTEN + "request_route { exit; }")
    serving.send("HELLO WORLD, THIS IS NOT SIP AT ALL\n\n")
    assert serving.log == []


def test_the_time_a_route_takes_is_logged_when_asked_for() -> None:
    serving = Serving("debug=1\nlatency_cfg_log=1\nlatency_limit_cfg=1000\n" + LISTEN + "request_route { exit; }")
    times = iter((1.0, 1.0005, 2.0, 2.25))
    serving.environment.stopwatch = lambda: next(times)
    serving.send(request())
    assert serving.log == []
    serving.send(request())
    assert serving.log == ["NOTICE: <core>: request-route executed in: 250000 usec"]


def test_a_parameter_that_is_not_heeded_is_said_at_start() -> None:
    serving = Serving("phone2tel=0\n" + LISTEN + "request_route { exit; }")
    assert serving.log == [
        "WARNING: <core>: phone2tel has no effect here: a sip URI with user=phone counts as a tel URI"
    ]


def test_short_datagrams_are_keep_alives() -> None:
    serving = Serving(LISTEN + 'request_route { log(0, "here"); }')
    assert serving.send("\r\n\r\n") == []
    assert serving.log == []


@pytest.mark.parametrize("missing", ["From", "To", "Call-ID", "CSeq"])
def test_a_request_without_a_header_that_routing_needs_is_dropped(missing: str) -> None:
    serving = Serving(LISTEN + 'request_route { log(0, "here"); }')
    text = "\n".join(line for line in request().split("\n") if not line.startswith(missing + ":"))
    assert serving.send(text) == []
    assert serving.log == ["ERROR: <core>: required headers not found in request"]


def test_a_route_that_returns_less_than_zero_is_warned_of() -> None:
    serving = Serving(LISTEN + "request_route { return -1; }")
    serving.send(request())
    assert serving.log == ["WARNING: <core>: error while trying script"]


@pytest.mark.parametrize(
    ("body", "forwarded"),
    [("exit;", 1), ("return 2;", 1), ("drop;", 0), ("return 0;", 0), ("return -1;", 0)],
)
def test_the_reply_route_decides_what_becomes_of_a_reply(body: str, forwarded: int) -> None:
    serving = Serving(LISTEN + f"request_route {{ exit; }}\nreply_route {{ {body} }}")
    assert len(serving.send(reply(), BOB)) == forwarded


class _Broken(CoreCommands, name="core"):
    """A core whose forward() fails for INVITE."""

    def forward(self, ctx: Context, host: Any = "", port: Any = None) -> int:
        if ctx.msg.method == "INVITE":
            raise ZeroDivisionError("on purpose")
        return super().forward(ctx, host, port)


def test_an_exception_in_a_route_fails_that_message_only() -> None:
    serving = Serving(LISTEN + "request_route {\n  force_rport();\n  forward();\n}", modules={"core": _Broken})
    assert serving.send(request()) == []
    said = "CRITICAL: <core>: kamailio.cfg:4: in request_route: ZeroDivisionError: on purpose"
    assert serving.log[0].startswith(said)
    assert len(serving.send(request(method="MESSAGE"))) == 1


def test_a_timer_that_fails_does_not_stop_the_others() -> None:
    server = Serving(LISTEN + "request_route { exit; }").server
    done: list[int] = []
    server.timers.after(1, lambda: done.append(1))
    server.timers.after(2, lambda: 1 // 0)
    server.timers.after(3, lambda: done.append(3))
    server.fire(NOW + 5)
    assert done == [1, 3]
    assert server.timers.now == NOW + 5


def test_a_pre_script_hook_can_end_a_message() -> None:
    serving = Serving(LISTEN + "request_route { forward(); }")
    serving.server.hooks.pre_script.append(lambda ctx: ctx.msg.method != "INVITE")
    assert serving.send(request()) == []
    assert len(serving.send(request(method="MESSAGE"))) == 1


def test_a_module_may_take_a_reply_before_it_is_forwarded() -> None:
    serving = Serving(LISTEN + "request_route { exit; }")
    serving.server.hooks.reply_in.append(lambda ctx: ctx.msg.status == 200)
    assert serving.send(reply(), BOB) == []
    assert len(serving.send(reply("404 Not Found"), BOB)) == 1


def test_post_script_hooks_run_behind_the_route() -> None:
    serving = Serving(LISTEN + 'request_route { log(0, "route"); }')
    serving.server.hooks.post_script.append(lambda ctx: serving.server.log.warning("test", "behind"))
    serving.send(request())
    assert serving.log == ["WARNING: <script>: route", "WARNING: test: behind"]


def test_data_hooks_change_what_comes_and_goes() -> None:
    serving = Serving(LISTEN + "request_route { forward(); }")
    serving.server.hooks.data_in.append(lambda text, received: text.replace("127.0.0.12", "127.0.0.13"))
    serving.server.hooks.data_out.append(lambda text, socket, destination: text.replace("Call-ID", "i"))
    (sent,) = serving.send(request())
    assert sent.to.ip == "127.0.0.13"
    assert "\r\ni: call-1@x\r\n" in sent.text


def test_pre_routing_can_drop_a_message() -> None:
    event = 'event_route[core:pre-routing] { log(0, "first"); drop; }'
    serving = Serving(LISTEN + 'request_route { log(0, "route"); }\n' + event)
    serving.send(request())
    assert serving.script == ["first"]


def test_msg_received_runs_only_when_asked() -> None:
    event = 'event_route[core:msg-received] { log(0, "raw"); drop; }'
    for setting, said in (("", ["route"]), ("received_route_mode=1\n", ["raw"])):
        serving = Serving(LISTEN + setting + 'request_route { log(0, "route"); }\n' + event)
        serving.send(request())
        assert serving.script == said


def test_the_parse_error_event_runs_for_what_does_not_parse() -> None:
    event = 'event_route[core:receive-parse-error] { log(0, "bad"); }'
    serving = Serving(LISTEN + "request_route { exit; }\n" + event)
    serving.send("HELLO WORLD, THIS IS NOT SIP AT ALL\n\n")
    assert serving.script == ["bad"]


def test_worker_one_init_runs_once_at_start() -> None:
    event = 'event_route[core:worker-one-init] { log(0, "up"); }'
    assert Serving(LISTEN + "request_route { exit; }\n" + event).script == ["up"]


def test_onsend_route_can_drop_what_is_about_to_leave() -> None:
    onsend = 'onsend_route { log(0, "out"); drop; }'
    serving = Serving(LISTEN + "request_route { forward(); }\n" + onsend)
    assert serving.send(request()) == []
    assert serving.log == ["WARNING: <script>: out", "WARNING: <core>: error while trying script"]


def test_onsend_route_with_exit_lets_it_go() -> None:
    serving = Serving(LISTEN + "request_route { forward(); }\nonsend_route { exit; }")
    assert len(serving.send(request())) == 1


class _Refusing(Module, name="refusing"):
    """Refuses to start."""

    def start(self) -> None:
        raise FixupError("not like this")


def test_a_module_that_refuses_to_start_stops_the_server() -> None:
    serving = Serving(LISTEN + "request_route { exit; }")
    program = load_text(LISTEN + 'loadmodule "xlog"\nrequest_route { exit; }', target="5.6")
    modules = {**module_classes(()), "xlog": _Refusing}
    with pytest.raises(ConfigError) as caught:
        Server(program, serving.environment, modules=modules, target="5.6").start()
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.message == "xlog: not like this"
    assert diagnostic.line == 2


def test_servers_of_one_program_are_apart() -> None:
    one, two = (Serving(LISTEN + "request_route { forward(); }") for _ in range(2))
    one.server.settings["max_branches"] = 3
    one.server.cfg.core["debug"] = 3
    assert two.server.settings["max_branches"] == 12
    assert two.server.cfg.core["debug"] == 0
    assert one.server.modules["core"] is not two.server.modules["core"]


def test_streams_are_remembered_until_they_close() -> None:
    serving = Serving("listen=tcp:127.0.0.1:5060\nrequest_route { force_tcp_alias(); }")
    server = serving.server
    serving.send(request(), ("127.0.0.11", 33333), proto="tcp", connection=7)
    assert server.connection_open(7)
    server.close_connection(7)
    assert server.take_closing() == [7]
    assert server.stream_aliases == {("tcp", "127.0.0.11", 5060): 7}
    server.connection_closed(NOW, 7)
    assert not server.connection_open(7)
    assert server.stream_aliases == {}


def test_an_alias_leads_to_the_stream_it_was_made_for() -> None:
    config = "listen=tcp:127.0.0.1:5060\nrequest_route { force_tcp_alias(); forward(); }"
    serving = Serving(config)
    (sent,) = serving.send(
        request("sip:bob@127.0.0.11:5060;transport=tcp"), ("127.0.0.11", 33333), proto="tcp", connection=7
    )
    assert sent.to.connection == 7


def test_a_failed_sending_is_blocklisted() -> None:
    serving = Serving("use_dst_blocklist=yes\n" + LISTEN + "request_route { forward(); }")
    (sent,) = serving.send(request())
    serving.server.send_failed(NOW, sent)
    assert serving.send(request()) == []
    serving.server.fire(NOW + 61)
    assert len(serving.send(request())) == 1


def test_the_domain_is_the_first_alias_or_address() -> None:
    assert Serving(LISTEN + "request_route { exit; }").server.domain == "127.0.0.1"
    assert Serving(LISTEN + "alias=example.com\nrequest_route { exit; }").server.domain == "example.com"


def test_a_socket_of_the_other_family_is_not_used() -> None:
    serving = Serving(LISTEN + "request_route { forward(); }", Names())
    assert serving.send(request("sip:bob@[::2]")) == []
    assert serving.log[0] == "ERROR: <core>: cannot forward to proto udp no corresponding listening socket"


def test_what_does_not_parse_shows_its_text_and_first_line() -> None:
    seen: list[tuple[str, str, bool]] = []
    event = "event_route[core:receive-parse-error] { force_rport(); }"
    serving = Serving(LISTEN + "request_route { exit; }\n" + event)
    server = serving.server
    run = server.routes[Route.EVENT, "core:receive-parse-error"]

    def watch(ctx: Context) -> int:
        seen.append((ctx.msg.buf, ctx.msg.method, ctx.msg.top_via is None))
        return run(ctx)

    server.routes = {**server.routes, (Route.EVENT, "core:receive-parse-error"): watch}
    serving.send("INVITE sip:x@y SIP/2.0\nVia: what is this\n\n")
    assert seen == [("INVITE sip:x@y SIP/2.0\r\nVia: what is this\r\n\r\n", "INVITE", True)]


def test_a_request_of_another_version_is_dropped_unless_a_module_wants_it() -> None:
    serving = Serving(LISTEN + "request_route { forward(); }")
    text = request().replace("SIP/2.0\nVia", "SIP/3.0\nVia", 1)
    assert serving.send(text) == []
    serving.server.hooks.nonsip_request += [lambda ctx: 2, lambda ctx: 1]
    assert len(serving.send(text)) == 1


def test_event_routes_without_a_message_see_a_made_up_one() -> None:
    server = Serving(LISTEN + "request_route { exit; }").server
    first, second = server.faked_message(), server.faked_message()
    assert (first.method, first.uri, first.received.src_ip) == ("OPTIONS", "sip:you@kamailio.org", "1.0.0.127")
    assert (first.number, second.number) == (1, 2)


def test_a_module_that_is_not_loaded_refuses_whoever_needs_it() -> None:
    server = Serving(LISTEN + "request_route { exit; }").server
    with pytest.raises(FixupError, match="module tm is not loaded"):
        server.module("tm")
    with pytest.raises(KeyError):
        server.module("tm")


def test_a_bad_log_prefix_is_said_and_left_out() -> None:
    serving = Serving('log_prefix="$nope"\n' + LISTEN + 'request_route { log(0, "x"); }')
    serving.send(request())
    assert serving.log[0].startswith("ERROR: <core>: wrong format[$nope]: ")
    assert serving.log[1] == "WARNING: <script>: x"


def test_a_request_whose_headers_break_off_cannot_be_answered() -> None:
    serving = Serving(LISTEN + "request_route { exit; }")
    server = serving.server
    received = server.faked_message().received
    msg = Message(request(headers="t: <sip:again@example.com>\n").replace("\n", "\r\n"), received)
    assert build_local_reply(server.context(msg), msg, 200, "OK") == ""
    assert serving.log == ["ERROR: <core>: alas, parse_headers failed"]


def test_what_can_be_no_host_name_refuses_the_start() -> None:
    with pytest.raises(ConfigError, match="could not resolve hostname"):
        Serving('listen="udp:127.0.0.1:5060"\nrequest_route { exit; }')


@pytest.mark.parametrize(("lines", "replies"), [("", 1), ("msg_recv_max_size=300\n", 0)])
def test_msg_recv_max_size_of_6_x(lines: str, replies: int) -> None:
    route = 'loadmodule "sl.so"\nrequest_route { sl_send_reply("200", "OK"); }'
    serving = Serving(f"{lines}listen=udp:127.0.0.1:5060\n{route}\n", target="6.x")
    assert len(serving.send(request(method="OPTIONS", headers=f"X: {'x' * 300}\n"))) == replies
    assert any("message too large" in line for line in serving.log) is not bool(replies)
