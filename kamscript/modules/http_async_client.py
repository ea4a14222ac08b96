"""http_async_client: questions to HTTP servers beside the route, which goes on in another one with the answer.

Source: http_async_client manual; src/modules/http_async_client/ of 4.4, 5.6 and 6.x.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.web import TIMEOUT, HttpQuery, HttpReply, Tls
from kamscript.module import (
    Accessor,
    FixupError,
    Int,
    Module,
    Param,
    PvRef,
    Route,
    Statistic,
    Str,
    function,
    pv,
    pv_class,
)
from kamscript.modules._curl import Account, error_text, go_on, header_lines, transfer

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.values import Value

_MAX_NAME: Final = 62
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")
_TIMES: Final = ("total", "lookup", "connect", "redirect", "appconnect", "pretransfer", "starttransfer")
#: `$http_req(name)`: texts, and numbers with the parameter that null takes them back to ("": to 1).
_TEXTS: Final = ("tls_ca_path", "tls_client_key", "tls_client_cert", "body", "username", "password")
_NUMBERS: Final = {
    "timeout": "connection_timeout",
    "suspend": "",
    "authmethod": "authmethod",
    "keepalive": "tcp_keepalive",
    "ka-idle": "tcp_ka_idle",
    "ka-interval": "tcp_ka_interval",
    "follow_redirect": "curl_follow_redirect",
}


@dataclass
class Asked:
    """What the next query is like; numbers by the names of $http_req."""

    method: str = ""
    headers: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    verify_host: int = 1
    verify_peer: int = 1


@dataclass(frozen=True)
class Answered:
    """What the variables of a query's route show."""

    number: str
    reply: HttpReply
    error: str
    xdata: str

    @property
    def text(self) -> str:
        """The whole message."""
        reply = self.reply
        lines = [f"HTTP/1.1 {reply.status} {reply.reason}".rstrip(), *(f"{n}: {v}" for n, v in reply.headers)]
        return "\r\n".join([*lines, "", reply.body])


class HttpAsyncClient(Module, name="http_async_client", requires=("pv",)):
    """Ask HTTP servers without waiting for them: a transaction is suspended and goes on in the route given."""

    workers = Param(1, "How many ask at once in Kamailio; at least 1.")
    connection_timeout = Param(500, "Milliseconds that an answer may take.")
    hash_size = Param(2048, "Size of the table of queries.", inert="queries are found without a table")
    tls_version = Param(0, "Lowest version of TLS as libcurl numbers them: 0 any, 4 to 7 TLS 1.0 to 1.3.")
    tls_verify_host = Param(1, "0: a server's name is not verified.")
    tls_verify_peer = Param(1, "0: its certificate is not.")
    tls_client_cert = Param("", "Own certificate.")
    tls_client_key = Param("", "Its key.")
    tls_ca_path = Param("", "Directory of certificates that servers are verified with.")
    curl_verbose = Param(0, "1: log the headers of requests and answers.")
    curl_follow_redirect = Param(0, "1: follow redirects.", since="5.6")
    memory_manager = Param("shm", "shm or sys; without effect.", inert="all memory is that of Python")
    authmethod = Param(3, "Ways to show an account: 1 Basic, 2 Digest, a sum.", since="5.6")
    tcp_keepalive = Param(0, "1: TCP keep-alive.", since="5.6")
    tcp_ka_idle = Param(0, "Seconds of silence before the first one.", since="5.6")
    tcp_ka_interval = Param(0, "Seconds between them.", since="5.6")

    requests = Statistic("requests", "Queries.", reset=False)
    replies = Statistic("replies", "Answers.", reset=False)
    errors = Statistic("errors", "Queries that failed.", reset=False)
    timeouts = Statistic("timeouts", "Queries that nobody answered in time.", reset=False)

    def start(self) -> None:
        """Check the parameters; find tm."""
        if self.workers < 1:
            raise FixupError("the 'workers' parameter must be >= 1")
        if self.memory_manager[:3] not in ("shm", "sys"):
            raise FixupError(f"invalid memory_manager parameter: '{self.memory_manager}': shm and sys are possible")
        if (self.tcp_ka_idle > 0 or self.tcp_ka_interval > 0) and self.tcp_keepalive <= 0:
            self._warn("'tcp_ka_idle' and 'tcp_ka_interval' are ignored without 'tcp_keepalive'")
        tm = self.server.modules.get("tm")
        self.tm: Any = tm if hasattr(tm, "suspend") else None
        self._asked = self._fresh()
        self._queries = 0
        self._number = ""  #: what $http_req_id shows
        self._answered: Answered | None = None

    def _fresh(self) -> Asked:
        texts = {name: getattr(self, name) for name in _TEXTS if name.startswith("tls_") and getattr(self, name)}
        numbers = {name: getattr(self, param) if param else 1 for name, param in _NUMBERS.items()}
        return Asked("", [], texts, numbers, self.tls_verify_host, self.tls_verify_peer)

    def _error(self, text: str) -> int:
        self.server.log.error(self.name, text)
        return -1

    def _warn(self, text: str) -> None:
        self.server.log.warning(self.name, text)

    # -- what is asked --------------------------------------------------------------------------------------------
    def _set(self, name: str, value: Value) -> bool:
        """`$http_req(name) = value`; whether it was of the right kind."""
        asked = self._asked
        if name == "all":
            if value is None:
                self._asked = self._fresh()
            return True
        if name in _NUMBERS:
            if value is None:
                asked.numbers[name] = self._fresh().numbers[name]
            elif isinstance(value, int):
                asked.numbers[name] = value
            else:
                return self._wrong_kind(name)
            return True
        if value is None:
            if name == "method":
                asked.method = ""
            return True
        if not isinstance(value, str):
            return self._wrong_kind(name)
        if name == "hdr":
            asked.headers.append(value)
        elif name == "method":
            # As in the daemon, the beginning of a method's name will do.
            method = next((one for one in _METHODS if one.startswith(value.upper())), None)
            if method is None:
                self._error(f"Unsupported method: {value}")
                return False
            asked.method = method
        elif value:
            asked.texts[name] = value
        else:
            asked.texts.pop(name, None)
        return True

    def _wrong_kind(self, name: str) -> bool:
        self._error(f"invalid value type for $http_req({name})")
        return False

    @pv_class("http_req", since="5.6")
    def http_req(self, ref: PvRef) -> Accessor:
        """Write what the next query is like: hdr (again and again), method, body, timeout, suspend, username, password,
        authmethod, tls_ca_path, tls_client_cert, tls_client_key, follow_redirect, keepalive, ka-idle, ka-interval; null
        in all forgets everything."""
        name = ref.inner if isinstance(ref.inner, str) else ""
        if name not in ("all", "hdr", "method", *_TEXTS, *_NUMBERS):
            raise FixupError(f"unknown http_req name {name!r}")

        def write(ctx: Context, value: Value) -> None:
            if self.tm is None:
                self._error("$http_req cannot be written without tm")
            else:
                self._set(name, value)

        return Accessor(lambda ctx: None, write)

    # -- asking ---------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def http_async_query(self, ctx: Context, url: Str, route: Str) -> int:
        """Ask; the transaction goes on in `route` with the answer, and the script ends here (0). Without a transaction
        the script runs on (1), and the route runs by itself."""
        return self._send(ctx, url, route, suspend=self._asked.numbers["suspend"] != 0)

    @function(Route.ANY, name="http_async_query", until="4.4")
    def http_async_query_body(self, ctx: Context, url: Str, body: Str, route: Str) -> int:
        """The same with a body."""
        self._set("body", body)
        return self._send(ctx, url, route, suspend=self._asked.numbers["suspend"] != 0)

    @function(Route.ANY, since="6.x")
    def http_async_send(self, ctx: Context, url: Str, route: Str) -> int:
        """Ask without suspending anything."""
        return self._send(ctx, url, route, suspend=False)

    @function(Route.ANY, since="6.x")
    def http_async_send_xdata(self, ctx: Context, url: Str, route: Str, xdata: Str) -> int:
        """The same; the route finds a text in $http_xdata."""
        return self._send(ctx, url, route, suspend=False, xdata=xdata)

    def _send(self, ctx: Context, url: str, route: str, *, suspend: bool, xdata: str = "") -> int:
        if not url:
            return self._error("invalid data parameter")
        if not route:
            return self._error("invalid route name parameter")
        if len(route) > _MAX_NAME:
            return self._error(f"callback name is too long: {route}")
        ident: tuple[int, int] | None = None
        if suspend and ctx.t is not None:
            if self.tm is None:
                return self._error("http async query is disabled - tm module not loaded")
            ident = self.tm.suspend(ctx)
            if ident is None:
                return self._error("failed to suspend request processing")
        self._queries += 1
        self._number = number = f"{self.server.environment.pid}-{self._queries}"
        asked, self._asked = self._asked, self._fresh()
        self.requests.value += 1
        query, account = self._query(asked, url)
        if self.curl_verbose:
            lines = [f"{query.method} {query.url}", *query.headers]
            self.server.log.info(self.name, "".join(f"[cURL hdr out] {line}\n" for line in lines).rstrip("\n"))

        def done(reply: HttpReply) -> None:
            self._ended(number, reply, route, ident, xdata)

        go_on(self.server, transfer(query, asked.numbers["follow_redirect"] != 0, account), done)
        return 1 if ident is None else 0

    def _query(self, asked: Asked, url: str) -> tuple[HttpQuery, Account | None]:
        texts, numbers = asked.texts, asked.numbers
        body = texts.get("body") or None
        alive = (numbers["ka-idle"], numbers["ka-interval"]) if numbers["keepalive"] else None
        query = HttpQuery(
            asked.method or ("POST" if body else "GET"),
            url,
            header_lines(asked.headers, body),
            body,
            max(numbers["timeout"], 0) / 1000,
            Tls(
                asked.verify_peer != 0,
                asked.verify_host != 0,
                texts.get("tls_ca_path", ""),
                texts.get("tls_client_cert", ""),
                texts.get("tls_client_key", ""),
                self.tls_version,
            ),
            keep_alive=alive,
            via="http_async_query",
        )
        user = texts.get("username")
        if user is None:
            return query, None
        return query, Account(user, texts.get("password", ""), numbers["authmethod"], self._cnonce)

    def _cnonce(self) -> str:
        return base64.b64encode(f"{self.server.environment.chance.getrandbits(128):032x}".encode()).decode()

    def _ended(self, number: str, reply: HttpReply, route: str, ident: tuple[int, int] | None, xdata: str) -> None:
        """The answer is there, or there is none: run the route."""
        error = ""
        if reply.error == TIMEOUT:
            self.timeouts.value += 1
            error = "TIMEOUT"
        elif reply.error:
            self.errors.value += 1
            error = error_text(reply.error)
            self._error(f"query {number} returned error {reply.error}: {error}")
        else:
            self.replies.value += 1
            # One header of HTTP is called as one of SIP but looks otherwise: Kamailio hides it from its parser.
            headers = [("Hia" if name.lower() == "via" else name, value) for name, value in reply.headers]
            reply = reply._replace(headers=tuple(headers))
        answered = Answered(number, reply, error, xdata)
        if self.curl_verbose and not error:
            head = answered.text.partition("\r\n\r\n")[0].split("\r\n")
            self.server.log.info(self.name, "".join(f"[cURL hdr in] {line}\n" for line in head).rstrip("\n"))
        if self.server.route_function(Route.REQUEST, route) is None:
            self._error(f"unable to find route block [{route}]")
            return
        kept = self._answered
        self._answered, self._number = answered, number
        try:
            if ident is None:
                self.server.run_route(route, self.server.context(self.server.faked_message()))
            elif self.tm.lookup_ident(*ident) is None:
                self._error(f"transaction not found {ident[0]}:{ident[1]}")
            else:
                self.tm.continue_(*ident, route)
        finally:
            self._answered = kept

    # -- functions of 4.x -----------------------------------------------------------------------------------------
    @function(Route.ANY, until="4.4")
    def http_append_header(self, ctx: Context, line: Str) -> bool:
        """A header of the next query."""
        return self._set("hdr", line)

    @function(Route.ANY, until="4.4")
    def http_set_method(self, ctx: Context, method: Str) -> bool:
        """The method of the next query."""
        return self._set("method", method)

    @function(Route.ANY, until="4.4")
    def http_set_timeout(self, ctx: Context, milliseconds: Int) -> bool:
        """Milliseconds that its answer may take."""
        return self._set("timeout", milliseconds)

    @function(Route.ANY, until="4.4")
    def http_async_suspend(self, ctx: Context, suspend: Int) -> bool:
        """0: the next query does not suspend the transaction."""
        return self._set("suspend", suspend)

    @function(Route.ANY, until="4.4")
    def http_set_tls_ca_path(self, ctx: Context, path: Str) -> bool:
        """Where the certificates are that verify the next query's server."""
        return self._set("tls_ca_path", path)

    @function(Route.ANY, until="4.4")
    def http_set_tls_client_cert(self, ctx: Context, path: Str) -> bool:
        """The own certificate of the next query."""
        return self._set("tls_client_cert", path)

    @function(Route.ANY, until="4.4")
    def http_set_tls_client_key(self, ctx: Context, path: Str) -> bool:
        """Its key."""
        return self._set("tls_client_key", path)

    @function(Route.ANY, name="tls_verify_host", until="4.4")
    def verify_host_of_query(self, ctx: Context, verify: Int) -> bool:
        """0: the name of the next query's server is not verified."""
        self._asked = replace(self._asked, verify_host=verify)
        return True

    @function(Route.ANY, name="tls_verify_peer", until="4.4")
    def verify_peer_of_query(self, ctx: Context, verify: Int) -> bool:
        """0: its certificate is not verified."""
        self._asked = replace(self._asked, verify_peer=verify)
        return True

    # -- what came ------------------------------------------------------------------------------------------------
    def _shown(self, *, whole: bool = True) -> Answered | None:
        """What variables show; None and a line in the log outside of a query's route, if `whole` behind errors too."""
        answered = self._answered
        if answered is None:
            self._error("the async variables can only be read from an async http worker")
        elif whole and answered.error:
            self._warn("an async variable was read after http error, use $http_ok to check the request's status")
            return None
        return answered

    @pv("http_ok")
    def http_ok(self, ctx: Context) -> Value:
        """1 when there is an answer, 0 behind an error."""
        answered = self._shown(whole=False)
        return None if answered is None else 0 if answered.error else 1

    @pv("http_err")
    def http_err(self, ctx: Context) -> Value:
        """What went wrong."""
        answered = self._shown(whole=False)
        return None if answered is None else answered.error or None

    @pv("http_rs")
    def http_rs(self, ctx: Context) -> Value:
        """The status of the answer."""
        answered = self._shown()
        return None if answered is None else answered.reply.status

    @pv("http_rr")
    def http_rr(self, ctx: Context) -> Value:
        """Its reason phrase."""
        answered = self._shown()
        return None if answered is None else answered.reply.reason

    @pv("http_rb")
    def http_rb(self, ctx: Context) -> Value:
        """Its body."""
        answered = self._shown()
        return None if answered is None else answered.reply.body

    @pv("http_bs")
    def http_bs(self, ctx: Context) -> Value:
        """The size of its body."""
        answered = self._shown()
        return None if answered is None else len(answered.reply.body)

    @pv("http_mb")
    def http_mb(self, ctx: Context) -> Value:
        """The whole answer."""
        answered = self._shown()
        return None if answered is None else answered.text

    @pv("http_ml")
    def http_ml(self, ctx: Context) -> Value:
        """The size of the whole answer."""
        answered = self._shown()
        return None if answered is None else len(answered.text)

    @pv("http_req_id", since="5.6")
    def http_req_id(self, ctx: Context) -> Value:
        """The number of the query that was sent last, or whose answer this is."""
        return self._number

    @pv("http_xdata", since="6.x")
    def http_xdata(self, ctx: Context) -> Value:
        """The text that http_async_send_xdata() sent along."""
        answered = self._shown(whole=False)
        return None if answered is None else answered.xdata or None

    @pv_class("http_hdr")
    def http_hdr(self, ref: PvRef) -> Accessor:
        """A header of the answer: `$http_hdr(Name)`, `$(http_hdr(Name)[1])` the second, `[-1]` the last."""
        name, index = ref.inner, 0 if ref.index is None else ref.index
        if name is None or isinstance(index, str):
            raise FixupError("write $http_hdr(Content-Type), or $(http_hdr(X-Name)[1])")

        def get(ctx: Context) -> Value:
            answered = self._shown()
            if answered is None:
                return None
            wanted = (name(ctx) if callable(name) else name).lower()
            found = [value for key, value in answered.reply.headers if key.lower() == wanted]
            at = index.get(ctx) if isinstance(index, Accessor) else index
            return found[at] if isinstance(at, int) and -len(found) <= at < len(found) else None

        return Accessor(get)

    @pv_class("http_time", since="5.6")
    def http_time(self, ref: PvRef) -> Accessor:
        """Microseconds that the answer took: `$http_time(total)`; its parts lookup, connect, redirect, appconnect,
        pretransfer and starttransfer are not measured and 0."""
        name = ref.inner
        if name not in _TIMES:
            raise FixupError(f"unknown http_time name {name!r}: {', '.join(_TIMES)} are known")

        def get(ctx: Context) -> Value:
            answered = self._answered
            if answered is None or answered.error or name != "total":
                return 0
            return round(answered.reply.seconds * 1_000_000)

        return Accessor(get)
