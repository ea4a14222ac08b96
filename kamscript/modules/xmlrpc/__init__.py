"""xmlrpc: RPC commands as XML-RPC over HTTP.

A request that came over a stream is turned into one that looks like SIP, with a Via of where it came from and a URI of
nowhere, and runs a route, which calls `dispatch_rpc()`. Every answer has status 200; faults are in the document.
Source: xmlrpc manual, src/modules/xmlrpc/xmlrpc.c.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from kamscript.core.rpc import RETURNS_ARRAY, Rpc, RpcFault
from kamscript.module import FixupError, Int, Module, Param, Route, Str, function, select
from kamscript.modules._http_requests import DONE, ERROR, PASS, Urls, bad_expression, with_via
from kamscript.modules.xmlrpc.documents import Call, Writer, read_call
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.sl import Sl
    from kamscript.sip.message import Message
    from kamscript.values import Value

#: Where requests go that the route sees.
_URI = "sip:127.0.0.1:9"
#: From which code on xmlrpc_reply() is a fault.
_FAULTS = 300


class Xmlrpc(Module, name="xmlrpc"):
    """Answer XML-RPC calls that come as HTTP over SIP's TCP sockets; set tcp_accept_no_cl for some clients."""

    route = Param("", "Name of the route that runs for requests; the main route by default.")
    autoconversion = Param(0, "1: a number will do where a text is wanted, and the other way round.")
    escape_cr = Param(1, "1: write CR in answers as `&#xD;`.")
    double_lf_to_crlf = Param(0, "1: two LF in a text of a call stand for CR LF.")
    mode = Param(0, "1: no route runs by itself; another one (of xhttp) calls `dispatch_rpc()`.")
    url_skip = Param("", "Requests whose URL this expression matches are left alone.", check=bad_expression)
    url_match = Param("", "Requests whose URL this expression does not match are left alone.", check=bad_expression)
    event_callback = Param("", "KEMI function that runs instead of the route.", since="5.6", set="_refuse_callback")

    def _refuse_callback(self, name: str) -> None:
        if name:
            raise FixupError("event_callback: no KEMI engine runs here, name a route with the parameter `route`")

    def start(self) -> None:
        """Wait for requests that are not SIP."""
        server = self.server
        self._sl: Sl = server.module("sl")
        self._writer = Writer(escape_cr=bool(self.escape_cr))
        self._urls = Urls(self.url_match, self.url_skip)
        if self.route and (Route.REQUEST, self.route) not in server.routes:
            server.log.warning(self.name, f"there is no route[{self.route}]: requests are not answered")
        if self.mode == 0:
            server.hooks.nonsip_request.append(self._handle)

    # -- requests -----------------------------------------------------------------------------------------------------
    def _handle(self, ctx: Context) -> int:
        """Run the route over an HTTP request; another module is asked about anything else."""
        msg = ctx.msg
        if not msg.is_http or not self._urls.wants(msg.uri):
            return PASS
        if msg.method.upper() not in ("GET", "POST"):
            self._error(f"{msg.method} is neither GET nor POST")
            return ERROR
        if msg.top_via is None:
            try:
                msg = with_via(msg, f"{msg.method} {_URI} {msg.version}\r\n")
            except SipError as error:
                self._error(f"the request does not parse: {error}")
                return ERROR
        return self._run(msg)

    def _run(self, msg: Message) -> int:
        server = self.server
        ctx = server.context(msg)
        result = DONE
        if all(before(ctx) for before in server.hooks.pre_script):
            route = server.routes.get((Route.REQUEST, self.route))
            if route is not None and server.run_top(route, ctx) < 0:
                result = ERROR
        for behind in server.hooks.post_script:
            behind(ctx)
        return result

    # -- calls --------------------------------------------------------------------------------------------------------
    @function(Route.REQUEST)
    def dispatch_rpc(self, ctx: Context) -> int:
        """Run the command that the document in the body calls, and answer: 1; -1 when the answer cannot be sent."""
        try:
            call = read_call(ctx.msg.body)
            answer = self._answer(ctx, call)
        except RpcFault as fault:
            answer = self._writer.fault(fault.code, fault.text)
        return 1 if answer is None else self._send(ctx, answer)

    def _answer(self, ctx: Context, call: Call) -> str | None:
        """The document that answers a call; None when it comes later. Raises RpcFault."""
        commands = self.server.rpc
        if call.method not in commands:
            raise RpcFault(500, "Method Not Found")
        is_array = call.method in RETURNS_ARRAY
        values: list[Any] = []
        unfit: RpcFault | None = None
        kinds = commands.kinds(call.method, len(call.params))
        for param, kind in zip_longest(call.params, kinds[: len(call.params)], fillvalue="any"):
            try:
                value = param.convert(kind, anything=bool(self.autoconversion))  # type: ignore[union-attr]
            except RpcFault as fault:
                unfit = fault
                break
            if self.double_lf_to_crlf and isinstance(value, str):
                value = value.replace("\n\n", "\r\n")
            values.append(value)

        def document(rpc: Rpc) -> str:
            failure = rpc.failure
            if failure is not None and failure.of_channel:  # the command gave up without a word
                failure = unfit
                if failure is None:
                    return self._writer.answer([], is_array=is_array)
            if failure is not None:
                return self._writer.fault(failure.code, failure.text)
            return self._writer.answer(rpc.answer, is_array=is_array)

        def finished(rpc: Rpc) -> None:
            self._send(ctx, document(rpc))

        rpc = commands.start(call.method, values, convert=False, on_finish=finished)
        return None if rpc.delayed and rpc.failure is None else document(rpc)

    def _send(self, ctx: Context, document: str) -> int:
        msg = ctx.msg
        if msg.reply_body is not None:
            self._error("the reply has a body already")
            return -1
        msg.reply_body = document
        return 1 if self._sl.sl_reply(ctx, 200, "OK") > 0 else -1

    @function(Route.REQUEST)
    def xmlrpc_reply(self, ctx: Context, code: Int, reason: Str) -> int:
        """Answer a call without a command: with 1, or from code 300 with a fault. 1; -1 when it cannot be sent."""
        fails = code >= _FAULTS
        return self._send(ctx, self._writer.fault(code, reason) if fails else self._writer.success("<int>1</int>"))

    @select("xmlrpc")
    def select_xmlrpc(self, parts: tuple[str | int, ...]) -> Callable[[Context], Value]:
        """`@xmlrpc.method`: the name of the method that the document in the body calls."""
        if parts != ("method",):
            raise FixupError(f"unknown select @xmlrpc.{'.'.join(map(str, parts))}")

        def read(ctx: Context) -> Value:
            try:
                return read_call(ctx.msg.body).method
            except RpcFault:
                return None

        return read

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)
