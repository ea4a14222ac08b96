"""xhttp: HTTP requests run event_route[xhttp:request], which replies to them.

A request that came over a stream is given a Via of where it came from, so that everything that works on a SIP request
works on it, and the reply finds its way back; the reply shows that Via as `Sia`.
Source: xhttp manual, src/modules/xhttp/xhttp_mod.c, xhttp_trans.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.core.context import Context
from kamscript.module import EventRoute, FixupError, Int, Module, Param, Route, Str, function, pv, transformation
from kamscript.modules._http_requests import DONE, ERROR, PASS, Urls, bad_expression, with_via
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.modules.sl import Sl
    from kamscript.sip.message import Message
    from kamscript.values import Value

_EVENT = "xhttp:request"


class Xhttp(Module, name="xhttp"):
    """Serve HTTP/1.x requests over SIP's TCP sockets; set tcp_accept_no_cl for clients that send no Content-Length."""

    url_match = Param("", "Requests whose URL this expression does not match are left alone.", check=bad_expression)
    url_skip = Param("", "Requests whose URL this expression matches are left alone.", check=bad_expression)
    event_callback = Param(
        "", "KEMI function that runs instead of the event route.", since="5.6", set="_refuse_callback"
    )

    request = EventRoute(_EVENT, "An HTTP request arrived; `xhttp_reply()` answers it.")

    def _refuse_callback(self, name: str) -> None:
        if name:
            raise FixupError(f"event_callback: no KEMI engine runs here, write event_route[{_EVENT}]")

    def start(self) -> None:
        """Wait for requests that are not SIP; without the event route the server does not start."""
        server = self.server
        if (Route.EVENT, _EVENT) not in server.routes:
            raise FixupError(f"there is no event_route[{_EVENT}]")
        self._sl: Sl = server.module("sl")
        self._urls = Urls(self.url_match, self.url_skip)
        if not server.tcp["accept_no_cl"]:
            server.log.warning(self.name, "tcp_accept_no_cl is off: HTTP requests without Content-Length are refused")
        server.hooks.nonsip_request.append(self._handle)

    # -- requests -----------------------------------------------------------------------------------------------------
    def _handle(self, ctx: Context) -> int:
        """Run the event route over an HTTP request; another module is asked about anything else."""
        msg = ctx.msg
        if not msg.is_http or not self._urls.wants(msg.uri):
            return PASS
        if msg.top_via is None:
            try:
                msg = with_via(msg, msg.buf[msg.first_start : msg.first_end])
            except SipError as error:
                self._error(f"the request does not parse: {error}")
                return ERROR
        return self._run(ctx, msg)

    def _run(self, outer: Context, msg: Message) -> int:
        server = self.server
        ctx = server.context(msg, Route.EVENT)
        for before in server.hooks.pre_script:
            if not before(ctx):
                break
        else:
            server.statistics.count_request(msg.method_id)
            function = server.routes[Route.EVENT, _EVENT]
            if server.run_top(function, ctx) < 0:
                return self._ended(ctx, ERROR)
        return self._ended(ctx, DONE)

    def _ended(self, ctx: Context, verdict: int) -> int:
        for behind in self.server.hooks.post_script:
            behind(ctx)
        return verdict

    # -- replies ------------------------------------------------------------------------------------------------------
    def reply(self, ctx: Context, code: int, reason: str, content_type: str, body: str) -> int:
        """Reply to an HTTP request: 1, or -1 when there is a body already or it cannot be sent (xhttp_api_t.reply)."""
        msg = ctx.msg
        if content_type:
            msg.add_reply_header(f"Content-Type: {content_type}\r\n")
        if body:
            if msg.reply_body is not None:
                self._error("the reply has a body already")
                return -1
            msg.reply_body = body
        return 1 if self._sl.sl_reply(ctx, code, reason) > 0 else -1

    @function(Route.REQUEST)
    def xhttp_reply(self, ctx: Context, code: Int, reason: Str, content_type: Str, body: Str) -> int:
        """Reply with a code of 100 to 700, a reason phrase, a content type and a body; the last two may be empty."""
        if not 100 <= code <= 700:
            self._error(f"{code} is no reply code")
            return -1
        if not reason:
            self._error("a reply needs a reason phrase")
            return -1
        return self.reply(ctx, code, reason, content_type, body)

    # -- variables ----------------------------------------------------------------------------------------------------
    @pv("hu")
    def url(self, ctx: Context) -> Value:
        """The URL of the HTTP request as it arrived."""
        msg = ctx.msg
        return msg.uri if msg.is_request else str(msg.status)

    @transformation("url")
    def _url(self, args: tuple[str, ...]) -> Callable[[Context, Any], Any]:
        """Parts of a URL: `path`, and the `querystring` behind its `?`."""
        name = args[0].strip().lower()
        if name == "path":
            return lambda ctx, value: None if value is None else str(value).partition("?")[0]
        if name == "querystring":
            return lambda ctx, value: None if value is None else str(value).partition("?")[2]
        raise FixupError(f"unknown transformation {{url.{args[0]}}}")

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)
