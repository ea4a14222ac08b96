"""xhttp: HTTP requests run event_route[xhttp:request], which replies to them.

A request that came over a stream is given a Via of where it came from, so that everything that works on a SIP request
works on it, and the reply finds its way back; the reply shows that Via as `Sia`.
Source: xhttp manual, src/modules/xhttp/xhttp_mod.c, xhttp_trans.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript import ere
from kamscript.core.context import Context
from kamscript.core.sockets import bracketed
from kamscript.module import EventRoute, FixupError, Int, Module, Param, Route, Str, function, pv, transformation
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message

if TYPE_CHECKING:
    from kamscript.ere import Ere
    from kamscript.modules.sl import Sl
    from kamscript.values import Value

_EVENT = "xhttp:request"
#: What a hook for requests of other protocols says (NONSIP_MSG_*).
_ERROR, _DONE, _PASS = -1, 0, 2


def _expression(text: str) -> str | None:
    try:
        ere.compile(text)
    except ere.EreError as error:
        return f"{text!r} is no regular expression: {error}"
    return None


class Xhttp(Module, name="xhttp"):
    """Serve HTTP/1.x requests over SIP's TCP sockets; set tcp_accept_no_cl for clients that send no Content-Length."""

    url_match = Param("", "Requests whose URL this expression does not match are left alone.", check=_expression)
    url_skip = Param("", "Requests whose URL this expression matches are left alone.", check=_expression)
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
        self._match: Ere | None = ere.compile(self.url_match) if self.url_match else None
        self._skip: Ere | None = ere.compile(self.url_skip) if self.url_skip else None
        if not server.tcp["accept_no_cl"]:
            server.log.warning(self.name, "tcp_accept_no_cl is off: HTTP requests without Content-Length are refused")
        server.hooks.nonsip_request.append(self._handle)

    # -- requests -----------------------------------------------------------------------------------------------------
    def _handle(self, ctx: Context) -> int:
        """Run the event route over an HTTP request; another module is asked about anything else."""
        msg = ctx.msg
        if not msg.is_http:
            return _PASS
        if self._skip is not None and self._skip.test(msg.uri):
            return _PASS
        if self._match is not None and not self._match.test(msg.uri):
            return _PASS
        if msg.top_via is None:
            try:
                msg = self._with_via(msg)
            except SipError as error:
                self._error(f"the request does not parse: {error}")
                return _ERROR
        return self._run(ctx, msg)

    def _with_via(self, msg: Message) -> Message:
        """The request as if it were SIP: with a Via behind its first line that tells where it came from."""
        source, at = msg.received, msg.first_end
        via = f"Via: SIP/2.0/{source.proto.upper()} {bracketed(source.src_ip)}:{source.src_port}\r\n"
        made = Message(f"{msg.buf[msg.first_start : at]}{via}{msg.buf[at:]}", source)
        made.number = msg.number
        return made

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
                return self._ended(ctx, _ERROR)
        return self._ended(ctx, _DONE)

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
