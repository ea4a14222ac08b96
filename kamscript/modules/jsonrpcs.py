"""jsonrpcs: RPC commands as JSON-RPC 2.0, from the script and over a fifo, datagrams, TCP or HTTP.

`handle(text)` answers one request; the drivers of the transports call it. What is odd here is odd in Kamailio: a
request without a version or a method is answered with an empty result, and members' names may be in any case.
Source: jsonrpcs manual, src/modules/jsonrpcs/jsonrpcs_mod.c, core/utils/srjson.c.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core.rpc import RETURNS_ARRAY
from kamscript.module import Accessor, FixupError, Module, Param, PvRef, Route, Str, function, pv_class, rpc
from kamscript.modules._json import Object, write
from kamscript.values import INT_MIN, Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc

TRANSPORT_HTTP, TRANSPORT_FIFO, TRANSPORT_DATAGRAM, TRANSPORT_TCP = 1, 2, 4, 8

#: More commands whose result is a list even when it holds one value (RET_ARRAY in their export tables).
_MORE_ARRAYS = frozenset(
    (
        *("autheph.dump_secrets", "corex.list_aliases", "corex.list_sockets", "presence.presentity_list"),
        *("dlgs.briefing", "dlgs.get", "dlgs.getall", "dlgs.list", "stats.get_statistics"),
    )
)
ARRAYS = RETURNS_ARRAY | _MORE_ARRAYS

#: Texts of the codes that JSON-RPC reserves.
_RESERVED = {
    -32700: "Parse Error",
    -32600: "Invalid Request",
    -32601: "Method Not Found",
    -32602: "Invalid Parameters",
    -32603: "Internal Error",
    -32000: "Execution Error",
}
_MAX_ERROR = 127  #: longest error text
#: Halves of surrogate pairs, but for those that stand for bytes that were no UTF-8.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def _integer(digits: str) -> int | float:
    """A number without fraction; one that is too long for an integer is a double, as all are in Kamailio."""
    return int(digits) if len(digits) < 19 else float(digits)


def _constant(name: str) -> float:
    """Infinity and NaN, which are no JSON."""
    raise ValueError(name)


_DECODER = json.JSONDecoder(
    strict=False, object_pairs_hook=lambda pairs: Object(pairs), parse_int=_integer, parse_constant=_constant
)


class Reply(NamedTuple):
    """An answer: status and reason as over HTTP, the body, and what the request says the reply is to be called."""

    code: int
    text: str
    body: str
    reply_name: str = ""


#: Stands for an answer that comes later.
DELAYED = Reply(0, "", "")


class _Outcome(NamedTuple):
    """Status, reason, and the member `result` or `error`."""

    code: int
    text: str
    member: tuple[str, Any]


class Jsonrpcs(Module, name="jsonrpcs"):
    """JSON-RPC 2.0 for every RPC command."""

    pretty_format = Param(1, "1: answers in several lines with tabs; 0: in one line.", since="5.6")
    transport = Param(
        6, "What to serve, added up: 1 HTTP, 2 fifo, 4 datagrams, 8 TCP (6.x); 0: whatever is possible.", since="5.6"
    )
    fifo_name = Param(
        "kamailio_rpc.fifo", "Name of the fifo, in the runtime directory unless absolute; empty: none.", since="5.6"
    )
    fifo_mode = Param(0o660, "Permissions of the fifo.", since="5.6")
    fifo_group = Param("", "Group of the fifo, a name or a number.", kind=object, since="5.6")
    fifo_user = Param("", "Owner of the fifo, a name or a number.", kind=object, since="5.6")
    fifo_reply_dir = Param("/tmp/", "Directory where fifos for replies must be.", since="5.6")
    dgram_socket = Param(
        "kamailio_rpc.sock",
        "Datagram socket: a path, in the runtime directory unless absolute, or `udp:host:port`.",
        since="5.6",
    )
    dgram_workers = Param(
        1,
        "Processes that serve datagrams.",
        inert="one event loop serves all datagrams, whatever the number",
        since="5.6",
    )
    dgram_timeout = Param(
        2000,
        "Milliseconds to try to send an answer over the datagram socket.",
        since="5.6",
        inert="an answer waits in the event loop until the client has room for it",
    )
    dgram_mode = Param(0o660, "Permissions of the datagram socket.", since="5.6")
    dgram_group = Param("", "Group of the datagram socket, a name or a number.", kind=object, since="5.6")
    dgram_user = Param("", "Owner of the datagram socket, a name or a number.", kind=object, since="5.6")
    tcp_socket = Param("", "TCP socket: `tcp:host:port`.", since="6.x")

    _last: Reply | None

    def start(self) -> None:
        """Check that HTTP has its module when it is asked for, and TCP its address."""
        self._last = None
        if self.transport & TRANSPORT_HTTP and "xhttp" not in self.server.modules:
            raise FixupError("transport asks for HTTP: load xhttp in front of jsonrpcs")
        if self.transport & TRANSPORT_TCP and not self.tcp_socket:
            raise FixupError("transport asks for TCP: set tcp_socket")
        if self.tcp_socket and not re.fullmatch(r"tcp:[^:]+:[0-9]+|tcp:\[[0-9a-fA-F:.]+\]:[0-9]+", self.tcp_socket):
            raise FixupError(f"tcp_socket is not tcp:host:port: {self.tcp_socket}")

    # -- answering ----------------------------------------------------------------------------------------------------
    def handle(
        self, text: str, *, with_reply_name: bool = False, later: Callable[[Reply], object] | None = None
    ) -> Reply | None:
        """Answer one request; None when it is no JSON (or, `with_reply_name`, has no usable `reply_name`).

        Text and answer are bytes as latin-1 characters; JSON in them is UTF-8. The answer of a command that takes its
        time (tm.t_uac_wait) goes to `later`; DELAYED is returned then. Without `later` such a command is a fault.
        """
        try:
            request, _ = _DECODER.raw_decode(text.encode("latin-1").decode("utf-8", "surrogateescape").lstrip())
        except (ValueError, RecursionError):
            self._error(f"no JSON: {text}")
            return None
        fields = request if isinstance(request, Object) else Object()
        name = fields.get("reply_name")
        if with_reply_name and not (isinstance(name, str) and name):
            self._error("the request has no reply_name")
            return None

        def reply(outcome: _Outcome) -> Reply:
            members: list[tuple[str, Any]] = [("jsonrpc", "2.0"), outcome.member]
            if fields.has("id"):
                members.append(("id", _identifier(fields.get("id"))))
            body = write(Object(members), pretty=self.pretty_format != 0)
            return Reply(outcome.code, outcome.text, body, _bytes(name) if isinstance(name, str) else "")

        def finish(outcome: _Outcome) -> None:
            if later is not None:
                later(reply(outcome))

        outcome = self._run(fields, None if later is None else finish)
        return DELAYED if outcome is None else reply(outcome)

    def _run(self, fields: Object, later: Callable[[_Outcome], None] | None) -> _Outcome | None:
        """Run the command; None when its outcome goes to `later`."""
        nothing = _Outcome(200, "OK", ("result", Object()))
        if fields.get("jsonrpc") != "2.0":
            self._error("the request has no jsonrpc of 2.0")
            return nothing
        method = fields.get("method")
        if not isinstance(method, str):
            self._error("the request has no method")
            return nothing
        commands = self.server.rpc
        if method not in commands:
            self._error(f"there is no method {method}")
            return _failed(500, "Method Not Found")
        is_array = method in ARRAYS
        params = fields.get("params")
        if fields.has("params") and not isinstance(params, list):
            self._error("params is neither an array nor an object")
            return _result([], is_array)
        if isinstance(params, Object):
            params = [value for _, value in params]
        given = params or []
        kinds = commands.kinds(method, len(given))
        values = [_argument(value, kind) for value, kind in zip_longest(given, kinds[: len(given)], fillvalue="any")]

        def outcome_of(rpc: Rpc) -> _Outcome:
            if rpc.failure is not None and not rpc.failure.of_channel:
                return _failed(rpc.failure.code, rpc.failure.text)
            return _result(rpc.answer, is_array)

        def finished(rpc: Rpc) -> None:
            if later is not None:
                later(outcome_of(rpc))

        rpc = commands.start(method, values, convert=False, on_finish=finished)
        if rpc.delayed and rpc.failure is None:
            return None if later is not None else _failed(500, "delayed answers are for HTTP")
        return outcome_of(rpc)

    @function(Route.ANY, since="5.6")
    def jsonrpc_exec(self, ctx: Context, command: Str) -> bool:
        """Run a request; `$jsonrpl(code)`, `$jsonrpl(text)`, `$jsonrpl(body)` hold the answer. False for no JSON."""
        if not command:
            self._error("the command is empty")
            return False
        reply = self.handle(command)
        if reply is None:
            return False
        self._last = reply
        return True

    @function(Route.REQUEST, since="5.6")
    def jsonrpc_dispatch(self, ctx: Context) -> int:
        """Answer the JSON-RPC request in the body of an HTTP request. 1; -1 for no JSON."""
        if not ctx.msg.is_http:
            return 1
        xhttp = self.server.modules.get("xhttp")
        if xhttp is None or not (self.transport == 0 or self.transport & TRANSPORT_HTTP):
            self._error("HTTP is not served: see parameter transport")
            return -1
        http: Any = xhttp

        def answer(reply: Reply) -> None:
            http.reply(ctx, reply.code, reply.text, "application/json", reply.body)

        reply = self.handle(ctx.msg.body, later=answer)
        if reply is None:
            return -1
        if reply is not DELAYED:
            answer(reply)
        return 1

    @pv_class("jsonrpl", since="5.6")
    def jsonrpl(self, ref: PvRef) -> Accessor:
        """`$jsonrpl(code)`, `$jsonrpl(text)`, `$jsonrpl(body)`: status, reason and body of the last answer."""
        name = ref.inner
        if name not in ("code", "text", "body"):
            raise FixupError(f"$jsonrpl({name}): code, text and body are known")

        def read(ctx: Context) -> Value:
            if self._last is None:
                return 0 if name == "code" else None
            value: Value = getattr(self._last, str(name))
            return value

        return Accessor(read)

    @rpc("jsonrpc.echo", since="5.6")
    def echo(self, rpc: Rpc, *values: str | int | float) -> None:
        """Give back a text and a number."""
        if values:
            rpc.add(str(values[0]) if not isinstance(values[0], float) else str(_whole(values[0])))
            if len(values) > 1:
                rpc.add(_whole(values[1]) if isinstance(values[1], int | float) else 0)

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)


def _failed(code: int, text: str) -> _Outcome:
    text = text[:_MAX_ERROR]
    number = code or -32000
    message = _RESERVED.get(number, text or "Unexpected Error")
    return _Outcome(code if code > 100 else 500, text, ("error", Object([("code", number), ("message", message)])))


class _Double(float):
    """A number with a fraction: a command that wants a text is given its integer part."""

    def __str__(self) -> str:
        return str(_whole(self))

    def __format__(self, spec: str) -> str:
        return str(self)


def _whole(value: float) -> int:
    """The integer part; of more than the largest double what the processor makes of it."""
    return int(value) if math.isfinite(value) else INT_MIN


def _argument(value: Any, kind: str) -> Any:
    """A parameter as a command takes it that wants an int, a float, a str or any."""
    if kind == "str" and (value is None or isinstance(value, bool)):
        return None  # neither is ever read as a text
    if isinstance(value, list):
        return 0 if kind in ("int", "float") else None  # an array or an object
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        # A text counts as 0 where a number is wanted; it is not read.
        return 0 if kind in ("int", "float") else _bytes(value)
    if isinstance(value, float):
        return _whole(value) if kind == "int" or value.is_integer() else _Double(value)
    return 0 if value is None else value


def _result(values: list[Any], is_array: bool) -> _Outcome:
    if is_array:
        return _Outcome(200, "OK", ("result", values))
    return _Outcome(200, "OK", ("result", values[-1] if values else Object()))


def _identifier(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return _bytes(value)
    return value if isinstance(value, int | float) else 0


def _bytes(text: str) -> str:
    """A text of the request, a character per byte of its UTF-8; half a surrogate pair is left out, as in Kamailio."""
    return _HALVES.sub("", text).encode("utf-8", "surrogateescape").decode("latin-1")
