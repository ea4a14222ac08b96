"""A message's way through the server: receive_msg() of core/receive.c, step by step.

parse > event_route[core:pre-routing] > the headers routing needs > pre-script hooks > request or reply route >
(replies) the modules that know them, else stateless forwarding > post-script hooks
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.context import Context
from kamscript.core.damaged import DamagedMessage
from kamscript.core.forward import forward_reply, own_first_via
from kamscript.module import Route

if TYPE_CHECKING:
    from kamscript.core.server import RouteFunction, Server
    from kamscript.core.sockets import Received
    from kamscript.sip.errors import SipError
    from kamscript.sip.message import Message


def process(server: Server, msg: Message) -> bool:
    """The steps of receive_msg() behind parsing (core/receive.c). False where it failed: a stream ends then."""
    ctx = Context(server, msg, Route.REQUEST)
    hooks, statistics = server.hooks, server.statistics
    if server.log.prefixed:
        server.log.begin(ctx)
    if server.pre_routing_route is not None:
        server.run_top(server.pre_routing_route, ctx)
        if ctx.drop:
            return True
    if msg.is_request:
        if not msg.is_sip:
            verdict = _ask_nonsip(server, ctx)
            if verdict != 1:
                return verdict >= 0
        if msg.top_via is None or not msg.complete:
            _incomplete(server, msg, "request")
            statistics.core("err_requests")
            return False
        if msg.received.connection and server.tcp["accept_aliases"]:
            via = msg.top_via
            if via is not None and via.alias is not None:
                server.add_stream_alias(msg.received, via.port or 5060)
        statistics.count_request(msg.method_id)
        for before in hooks.pre_script:
            if not before(ctx):
                statistics.core("drop_requests")
                return True
        function, code = server.request_route, -1
        if function is None:
            server.log.error("<core>", "no request_route {...} and no other config routing engine registered")
        else:
            code = _timed(server, function, ctx, "request") if server.timed else server.run_top(function, ctx)
            if code < 0:
                server.log.warning("<core>", "error while trying script")
        for behind in hooks.post_script:
            behind(ctx)
        return code >= 0
    if msg.top_via is None or not msg.complete:
        _incomplete(server, msg, "reply")
        statistics.core("err_replies")
        return False
    cseq = msg.cseq
    statistics.count_reply(msg.status, cseq.method if cseq is not None else "")
    ctx.route = Route.CORE_ONREPLY
    for before in hooks.pre_script:
        if not before(ctx):
            statistics.core("drop_replies")
            return True
    function = server.reply_route
    if function is not None:
        code = _timed(server, function, ctx, "reply") if server.timed else server.run_top(function, ctx)
        if code < 0:
            server.log.warning("<core>", "error while trying onreply script")
            for behind in hooks.post_script:
                behind(ctx)
            return False
        if code == 0 or ctx.drop:
            statistics.core("drop_replies")
            for behind in hooks.post_script:
                behind(ctx)
            return True
    if own_first_via(ctx):
        for hook in hooks.reply_in:
            if hook(ctx):
                break
        else:
            forward_reply(ctx)
    for behind in hooks.post_script:
        behind(ctx)
    return True


def _timed(server: Server, function: RouteFunction, ctx: Context, what: str) -> int:
    """Run a route and say how long it took (latency_cfg_log, latency_limit_cfg)."""
    stopwatch, core = server.environment.stopwatch, server.cfg.core
    start = stopwatch()
    code = server.run_top(function, ctx)
    spent = int((stopwatch() - start) * 1_000_000)
    if spent >= core["latency_limit_cfg"]:
        server.log.write(core["latency_cfg_log"], "<core>", f"{what}-route executed in: {spent} usec")
    return code


def _ask_nonsip(server: Server, ctx: Context) -> int:
    """What the modules do with a request of another protocol: 1 route it, 0 it is dealt with or dropped, -1 failed."""
    for hook in server.hooks.nonsip_request:
        verdict = hook(ctx)
        if verdict != 2:
            return verdict
    return 0


def _incomplete(server: Server, msg: Message, what: str) -> None:
    """Log that the headers are not there without which no route runs."""
    missing = f"no via found in {what}" if msg.top_via is None else f"required headers not found in {what}"
    server.log.write(server.cfg.core["sip_parser_log"], "<core>", missing)


def unparsable(server: Server, text: str, received: Received, error: SipError) -> bool:
    """What does not parse: a module may know it; else it is logged, and event_route[core:receive-parse-error] runs.

    False: nobody knew it.
    """
    for hook in server.hooks.not_sip:
        if hook(text, received):
            return True
    source = f"{received.src_ip}:{received.src_port}/{received.proto}"
    level = server.cfg.core["sip_parser_log"]
    shown = text
    if server.cfg.core["sip_parser_log_oneline"]:
        shown = text.replace("\r", ".").replace("\n", " ")
    server.log.write(level, "<core>", f"ERROR: parse_msg: message=<{shown}>")
    server.log.write(level, "<core>", f"core parsing of SIP message failed ({source}): {error}")
    if (Route.EVENT, "core:receive-parse-error") in server.routes:
        msg = DamagedMessage(text, received)
        msg.number = server.message_number
        server.run_event("core:receive-parse-error", msg)
    return False


def msg_received(server: Server, function: RouteFunction, text: str, received: Received) -> str | None:
    """Run event_route[core:msg-received]; None: dropped. `$rcv(...)` reads `ctx.state["core:msg-received"]`."""
    ctx = server.context(server.faked_message())
    ctx.state["core:msg-received"] = seen = {"buf": text, "received": received}
    server.run_top(function, ctx)
    return None if ctx.drop else str(seen["buf"])
