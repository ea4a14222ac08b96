"""http_client: questions to HTTP servers while a route waits.

connections.py  named connections
kamscript/modules/_curl.py  what libcurl does around an exchange
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.rpc import Struct
from kamscript.core.web import HttpQuery, HttpReply, Tls
from kamscript.module import (
    Accessor,
    Const,
    FixupError,
    Module,
    Param,
    PvInt,
    PvRef,
    Route,
    Statistic,
    Str,
    function,
    pv_class,
)
from kamscript.module import rpc as rpc_command
from kamscript.modules._curl import Account, error_text, header_lines, transfer, wait_for
from kamscript.modules._variable_args import Writable
from kamscript.modules.http_client.connections import Connection, definition, file_definitions

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc

_ROUTES: Final = Route.REQUEST | Route.ONREPLY | Route.FAILURE | Route.BRANCH
_TLS_VERSIONS: Final = 8
#: Parameters that named connections take over.
_DEFAULTS: Final = (
    *("useragent", "client_cert", "client_key", "cipher_suites", "httpproxy", "httpproxyport", "tlsversion"),
    *("verify_peer", "verify_host", "connection_timeout", "maxdatasize", "httpredirect", "authmethod"),
    "keep_connections",
)
#: What is logged for libcurl's commonest numbers.
_WARNINGS: Final = {
    1: "URL Schema not supported by curl",
    3: "Malformed URL used in http client",
    5: "Couldn't resolve http proxy host",
    6: "Couldn't resolve host",
    7: "failed to connect() to host",
    28: "Curl library timed out on request",
    35: "TLS error in curl connection",
    47: "Too many redirects",
    58: "TLS local certificate error",
    59: "TLS cipher error",
    60: "TLS server certificate validation error (No valid CA cert)",
    77: "TLS CA certificate read error",
}


class HttpClient(Module, name="http_client"):
    """Ask HTTP servers; the route waits for the answer."""

    connection_timeout = Param(4, "Seconds that an answer may take.")
    timeout_mode = Param(1, "0: no time-out, 1: time-outs are seconds, 2: milliseconds.", since="6.x")
    cacert = Param("", "File of certificates that servers are verified with.")
    client_cert = Param("", "Own certificate.")
    client_key = Param("", "Its key.")
    cipher_suites = Param("", "Ciphers that are offered, as OpenSSL writes them.")
    tlsversion = Param(0, "Version of TLS as libcurl numbers them: 0 any, 1 TLS 1, 4 to 7 TLS 1.0 to 1.3.")
    verify_peer = Param(1, "0: a server's certificate is not verified.")
    verify_host = Param(2, "0: its name is not.")
    httpproxy = Param("", "Proxy, with or without a port.")
    httpproxyport = Param(0, "Port of the proxy; named connections use none without it.")
    httpredirect = Param(0, "1: follow redirects.")
    useragent = Param("", "What this client calls itself; empty: as the server's User-Agent does.")
    maxdatasize = Param(0, "Bytes of an answer that named connections give; 0 all.")
    config_file = Param("", "File with named connections.")
    httpcon = Param("", "A named connection: `name=>http://user:password@host/path;timeout=2`.", repeat=True)
    authmethod = Param(3, "Ways to show an account: 1 Basic, 2 Digest, a sum.", since="5.6")
    authmetod = Param(3, "The name of authmethod in 4.x.", until="4.4")
    keep_connections = Param(0, "1: named connections stay open.", since="5.6")
    query_result = Param(1, "1: http_client_query() gives the first line only.", since="5.6")
    query_maxdatasize = Param(0, "Bytes of an answer that http_client_query() gives; 0 all.", since="5.6")
    netinterface = Param("", "Name or address of the interface that requests leave by.", since="5.6")
    response_headers = Param(0, "1: keep the headers of answers for $httprhdr(name).", since="6.x")

    connok = Statistic("connok", "Answers with 200.", group="httpclient")
    connfail = Statistic("connfail", "Other answers, and requests without one.", group="httpclient")
    connections = Statistic("connections", "Named connections.", group="httpclient", read="count")

    def start(self) -> None:
        """Read the connections."""
        self.known: dict[str, Connection] = {}
        self._ended: dict[str, str] = {}  #: by connection: the URL that its last answer came from
        self._headers: tuple[tuple[str, str], ...] = ()
        self._keeps_headers = self.response_headers != 0
        self.agent_of_server = str(self.server.settings["user_agent_header"]).partition(":")[2].strip()
        self.agent = self.useragent or self.agent_of_server
        if not 0 <= self.tlsversion < _TLS_VERSIONS:
            self._warn(f"tlsversion {self.tlsversion} unsupported value. Using libcurl default")
            self.tlsversion = 0
        if self.connection_timeout == 0 and self.timeout_mode:
            self._error("CURL connection timeout set to zero. Using default 4 secs")
            self.connection_timeout = 4
        if "authmetod" in self.server.plan.modules[self.name].given:
            self.authmethod = self.authmetod
        self._read_definitions()
        if self.config_file:
            try:
                content = self.server.environment.files.read(self.config_file)
            except OSError as error:
                raise FixupError(f"config_file {self.config_file} cannot be read: {error.strerror or error}") from None
            found = file_definitions(content, self.config_file, self._defaults(set(), all_set=True))
            for one in reversed(found):
                self._add(one)

    def _read_definitions(self) -> None:
        """Read each httpcon; of the other parameters those count for it that stand in front of it, as in Kamailio."""
        texts = list(self.httpcon)
        given: set[str] = set()
        lines = [line for module, line in self.server.program.params if module == self.name]
        for line in lines:
            if line.name == "httpcon" and texts:
                self._add(definition(texts.pop(0), self._defaults(given), self._tell))
            elif line.name == "authmetod":
                given.add("authmethod")
            else:
                given.add(line.name)
        for text in texts:
            self._add(definition(text, self._defaults(given, all_set=True), self._tell))

    def _tell(self, level: str, line: str) -> None:
        getattr(self.server.log, level)(self.name, line)

    def _defaults(self, given: set[str], *, all_set: bool = False) -> Connection:
        """What a connection is like that says nothing itself: parameters that are `given`, or all of them."""

        def value(name: str) -> Any:
            return getattr(self, name) if all_set or name in given else type(self).params[name].default

        proxied = value("httpproxyport") > 0
        return Connection(
            "",
            useragent=value("useragent") or self.agent_of_server,
            client_cert=value("client_cert"),
            client_key=value("client_key"),
            cipher_suites=value("cipher_suites"),
            httpproxy=value("httpproxy") if proxied else "",
            httpproxyport=value("httpproxyport") if proxied else 0,
            tlsversion=value("tlsversion"),
            verify_peer=value("verify_peer"),
            verify_host=value("verify_host"),
            timeout=value("connection_timeout"),
            maxdatasize=value("maxdatasize"),
            httpredirect=value("httpredirect"),
            authmethod=value("authmethod"),
            keep_connections=value("keep_connections"),
        )

    def _add(self, one: Connection) -> None:
        if one.name in self.known:
            raise FixupError(f"there are two connections called {one.name}")
        self.known[one.name] = one

    def count(self) -> int:
        """How many connections there are."""
        return len(self.known)

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)

    def _warn(self, text: str) -> None:
        self.server.log.warning(self.name, text)

    # -- asking ---------------------------------------------------------------------------------------------------
    def _ask(self, ctx: Context, query: HttpQuery, follow: int, account: Account | None) -> HttpReply:
        environment = self.server.environment
        reply = wait_for(environment, transfer(query, follow != 0, account))
        if reply.error:
            text = _WARNINGS.get(reply.error)
            url = query.url
            if text is None:
                self._error(f"failed to perform curl ({reply.error}) (url: {url})")
            else:
                self._warn(f"{text} (url: {url})")
        if self._keeps_headers:
            self._headers = (*self._headers, *reply.headers)
        counter = self.connok if reply.status == 200 and not reply.error else self.connfail
        counter.value += 1
        return reply

    def _seconds(self, timeout: int) -> float:
        return 0.0 if not self.timeout_mode else timeout / 1000 if self.timeout_mode == 2 else float(timeout)

    def _query(
        self, ctx: Context, via: str, url: str, body: str, headers: str, target: Accessor, method: str = ""
    ) -> int:
        """Ask a URL; the status, or libcurl's number."""
        if not url:
            self._error("URL has no value")
            return -1
        items = ([headers] if headers else []) + [f"User-Agent: {self.agent}"]
        proxy = self.httpproxy
        if proxy and self.httpproxyport > 0:
            proxy += f":{self.httpproxyport}"
        query = HttpQuery(
            method or ("POST" if body else "GET"),
            url,
            header_lines(items, body or None),
            body or None,
            self._seconds(self.connection_timeout),
            Tls(
                self.verify_peer != 0,
                self.verify_host != 0,
                self.cacert,
                self.client_cert if self.client_key else "",
                self.client_key if self.client_cert else "",
                self.tlsversion,
                self.cipher_suites,
            ),
            proxy,
            self.netinterface,
            via=via,
        )
        reply = self._ask(ctx, query, self.httpredirect, None)
        return self._give(ctx, target, reply, self.query_maxdatasize, one_line=self.query_result != 0)

    def _give(self, ctx: Context, target: Accessor, reply: HttpReply, most: int, *, one_line: bool) -> int:
        """Write what came into the variable; what the function returns."""
        text = reply.body if 200 <= reply.status < 500 and not reply.error else ""
        first, feed, _ = text.partition("\n")
        if one_line and feed:
            text = first
        elif most > 0:
            text = text[:most]
        assert target.set is not None
        target.set(ctx, text)
        return reply.error or reply.status or -1

    @function(_ROUTES, name="http_client_query")
    def http_client_query_plain(self, ctx: Context, url: Str, result: Writable) -> int:
        """GET a URL; the status, or libcurl's number of what went wrong."""
        return self._query(ctx, "http_client_query", url, "", "", result)

    @function(_ROUTES, name="http_client_query")
    def http_client_query_body(self, ctx: Context, url: Str, body: Str, result: Writable) -> int:
        """The same, as a POST of a body that is not empty."""
        return self._query(ctx, "http_client_query", url, body, "", result)

    @function(_ROUTES, since="5.6")
    def http_client_query(self, ctx: Context, url: Str, body: Str, headers: Str, result: Writable) -> int:
        """The same with header lines."""
        return self._query(ctx, "http_client_query", url, body, headers, result)

    @function(_ROUTES, since="5.6")
    def http_client_get(self, ctx: Context, url: Str, body: Str, headers: Str, result: Writable) -> int:
        """GET a URL, whether there is a body or not."""
        return self._query(ctx, "http_client_get", url, body, headers, result, "GET")

    @function(_ROUTES, since="6.x")
    def http_client_request(
        self, ctx: Context, method: Str, url: Str, body: Str, headers: Str, result: Writable
    ) -> int:
        """Ask with another method."""
        return self._query(ctx, "http_client_request", url, body, headers, result, method)

    # -- named connections ----------------------------------------------------------------------------------------
    def _connect(
        self, ctx: Context, via: str, name: str, path: str, kind: str, body: str, target: Accessor, failover: int = 0
    ) -> int:
        one = self.known.get(name)
        assert target.set is not None
        if one is None:
            self._error(f"No cURL connection found: {name}")
            target.set(ctx, "")
            return -1
        items = [f"User-Agent: {one.useragent}"] if one.useragent else []
        if body:
            items.insert(0, f"Content-Type: {kind}")
        proxy = f"{one.httpproxy}:{one.httpproxyport}" if one.httpproxy else ""
        query = HttpQuery(
            "POST" if body else "GET",
            one.address(path),
            header_lines(items, body or None),
            body or None,
            self._seconds(one.timeout),
            Tls(
                one.verify_peer != 0,
                one.verify_host != 0,
                self.cacert,
                one.client_cert if one.client_key else "",
                one.client_key if one.client_cert else "",
                one.tlsversion,
                one.cipher_suites,
            ),
            proxy,
            self.netinterface,
            one.keep_connections != 0,
            via=via,
        )
        account = None
        if one.username is not None:
            account = Account(one.username, one.password or "", one.authmethod, self._cnonce)
        reply = self._ask(ctx, query, one.httpredirect, account)
        self._ended[name] = "" if reply.error else reply.url
        if one.failover and (reply.error or reply.status >= 500):
            self._error(f"FAILURE: Trying failover to curl con ({one.failover})")
            if not failover:
                return self._connect(ctx, via, one.failover, path, kind, body, target, 1)
        return self._give(ctx, target, reply, one.maxdatasize, one_line=False)

    def _cnonce(self) -> str:
        return base64.b64encode(f"{self.server.environment.chance.getrandbits(128):032x}".encode()).decode()

    @function(_ROUTES, name="http_connect")
    def http_connect_plain(self, ctx: Context, connection: Const, path: Str, result: Writable) -> int:
        """GET a path of a named connection; the status, or libcurl's number of what went wrong."""
        return self._connect(ctx, "http_connect", connection, path, "", "", result)

    @function(_ROUTES)
    def http_connect(
        self, ctx: Context, connection: Const, path: Str, content_type: Const, body: Str, result: Writable
    ) -> int:
        """POST a body to a path of a named connection."""
        return self._connect(ctx, "http_connect", connection, path, content_type, body, result)

    @function(_ROUTES, since="5.6")
    def http_connect_raw(
        self, ctx: Context, connection: Const, path: Str, content_type: Const, body: Const, result: Writable
    ) -> int:
        """The same with a body in which nothing is replaced."""
        return self._connect(ctx, "http_connect_raw", connection, path, content_type, body, result)

    @function(_ROUTES, since="5.6")
    def http_get_redirect(self, ctx: Context, connection: Const, result: Writable) -> int:
        """Where the last answer of a named connection came from, behind all redirects."""
        assert result.set is not None
        if connection not in self.known:
            self._error(f"No cURL connection found: {connection}")
            result.set(ctx, "")
            return -1
        result.set(ctx, self._ended.get(connection, ""))
        return 1

    # -- headers of answers (6.x) ---------------------------------------------------------------------------------
    @function(Route.ANY, since="6.x")
    def http_client_response_headers_set(self, ctx: Context, keep: PvInt) -> bool:
        """Keep the headers of answers (1), or not (0)."""
        self._keeps_headers = keep != 0
        return True

    @function(Route.ANY, since="6.x")
    def http_client_response_headers_clear(self, ctx: Context, mode: Const) -> bool:
        """Forget the headers that were kept."""
        self._headers = ()
        return True

    @pv_class("httprhdr", since="6.x")
    def httprhdr(self, ref: PvRef) -> Accessor:
        """A header of the answers kept so far: the first of that name."""
        name = ref.inner
        if not isinstance(name, str) or not name:
            raise FixupError("write $httprhdr(Content-Type)")
        wanted = name.lower()
        return Accessor(lambda ctx: next((value for key, value in self._headers if key.lower() == wanted), None))

    @pv_class("curlerror")
    def curlerror(self, ref: PvRef) -> Accessor:
        """What a number below 100 that a function returned means: `$curlerror(7)`."""
        text = ref.inner if isinstance(ref.inner, str) else ""
        if not text:
            raise FixupError("write $curlerror(7)")
        digits = text[: len(text) - len(text.lstrip("0123456789"))]
        number = int(digits or 0)
        return Accessor(lambda ctx: error_text(number) if number < 100 else "HTTP result code")

    @rpc_command("httpclient.listcon")
    def listcon(self, rpc: Rpc) -> None:
        """List the named connections, the last one first."""
        if not self.known:
            raise rpc.fault(500, "No Connection Definitions")
        answer = Struct()
        for one in reversed(self.known.values()):
            members = Struct()
            for name, value in (
                ("NAME", one.name),
                ("SCHEMA", one.schema),
                ("URI", one.url),
                ("USERNAME", one.username),
                ("PASSWORD", one.password),
                ("FAILOVER", one.failover or None),
                ("TIMEOUT", one.timeout),
            ):
                members.add(name, value)
            answer.add("CONNECTION", members)
        rpc.add(answer)
