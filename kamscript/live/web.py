"""HTTP over the network, with urllib3: one exchange at a time, while the server waits or beside it."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.web import (
    BAD_CA_FILE,
    BAD_CERTIFICATE,
    BAD_CIPHER,
    BAD_URL,
    EMPTY_REPLY,
    NO_CONNECTION,
    NO_HOST,
    NO_PROXY,
    NOT_RECEIVED,
    NOT_VERIFIED,
    TIMEOUT,
    TLS_FAILED,
    HttpQuery,
    HttpReply,
    Tls,
)

if TYPE_CHECKING:
    import urllib3

_CHUNK: Final = 65536
#: libcurl's numbers of TLS versions, as the lowest one that is offered.
_LOWEST: Final = {
    4: ssl.TLSVersion.TLSv1,
    5: ssl.TLSVersion.TLSv1_1,
    6: ssl.TLSVersion.TLSv1_2,
    7: ssl.TLSVersion.TLSv1_3,
}
#: Requests that are under way beside the server, at most; others wait for their turn.
_BESIDE: Final = 32

MISSING: Final = "HTTP needs the package urllib3: pip install 'kamscript[http]'"


class TlsError(Exception):
    """A certificate, key, list of ciphers or file of authorities that is of no use; `number` is libcurl's."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


class Web:
    """The environment's `http`. `tell` hears of what cannot work at all; `deliver` runs a call inside the server."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._pools: dict[tuple[Any, ...], urllib3.PoolManager] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deliver: Callable[[Callable[[], object]], object] = lambda call: call()

    def attach(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Callable[[], object]], object]) -> None:
        """Say in which loop the server runs, and how it is entered."""
        self._loop, self._deliver = loop, deliver

    def ask(self, query: HttpQuery) -> HttpReply:
        """See `Http`."""
        started = time.monotonic()
        try:
            import urllib3
        except ImportError:
            self._tell(MISSING)
            return HttpReply(error=NO_CONNECTION)
        try:
            reply = self._exchange(query)
        except TlsError as error:
            self._tell(str(error))
            reply = HttpReply(error=error.number)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            reply = HttpReply(error=_number(error))
        return reply._replace(seconds=time.monotonic() - started)

    def begin(self, query: HttpQuery, done: Callable[[HttpReply], object]) -> None:
        """See `Http`."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_BESIDE, thread_name_prefix="http")
        loop = self._loop
        if loop is None:
            raise RuntimeError("no server runs yet that could hear of the reply")

        def ended(future: Future[HttpReply]) -> None:
            if not future.cancelled() and not loop.is_closed():
                loop.call_soon_threadsafe(self._deliver, lambda: done(future.result()))

        self._threads.submit(self.ask, query).add_done_callback(ended)

    def close(self) -> None:
        """Let go of connections; replies that are on their way are not heard of."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        for pool in self._pools.values():
            pool.clear()
        self._pools.clear()

    # -- one exchange ---------------------------------------------------------------------------------------------
    def _exchange(self, query: HttpQuery) -> HttpReply:
        from urllib3 import HTTPHeaderDict, Timeout, disable_warnings
        from urllib3.exceptions import InsecureRequestWarning
        from urllib3.util import SKIP_HEADER

        if not query.tls.verify_peer:
            disable_warnings(InsecureRequestWarning)  # the config says so
        headers = HTTPHeaderDict({"Accept": "*/*"})
        for line in query.headers:
            name, _, value = line.partition(":")
            if name.lower() == "accept":
                headers.discard("Accept")
            headers.add(name.strip(), value.strip())
        for name in ("Accept-Encoding", "User-Agent"):
            if name not in headers:
                headers[name] = SKIP_HEADER
        deadline = time.monotonic() + query.timeout if query.timeout else None
        pool = self._pool(query)
        try:
            response = pool.request(
                query.method,
                query.url,
                headers=headers,
                body=None if query.body is None else query.body.encode("latin-1"),
                timeout=Timeout(total=query.timeout) if query.timeout else Timeout(None),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = b""
            for chunk in response.stream(_CHUNK, decode_content=False):
                body += chunk
                if deadline is not None and time.monotonic() > deadline:
                    response.close()
                    return HttpReply(error=TIMEOUT)
            response.release_conn()
        finally:
            if not query.keep:
                pool.clear()
        found = tuple((name, value) for name, value in response.headers.items())
        return HttpReply(response.status, response.reason or "", found, body.decode("latin-1"))

    def _pool(self, query: HttpQuery) -> urllib3.PoolManager:
        key = (query.tls, query.proxy, query.interface, query.keep_alive)
        if query.keep and key in self._pools:
            return self._pools[key]
        from urllib3 import PoolManager, ProxyManager

        options: dict[str, Any] = {"socket_options": _socket_options(query), "maxsize": 1}
        if query.url[:6].lower() == "https:":
            options["ssl_context"] = context_of(query.tls)
            if not query.tls.verify_host:
                options["assert_hostname"] = False
            if not query.tls.verify_peer:
                options["cert_reqs"] = "CERT_NONE"
        source = _source(query.interface)
        if source:
            options["source_address"] = (source, 0)
        if query.proxy:
            proxy = query.proxy if "://" in query.proxy else f"http://{query.proxy}"
            pool: PoolManager = ProxyManager(proxy, **options)
        else:
            pool = PoolManager(**options)
        if query.keep:
            self._pools[key] = pool
        return pool


def context_of(tls: Tls) -> ssl.SSLContext:
    """TLS as a request wants it; TlsError for what cannot be had."""
    folder = os.path.isdir(tls.ca)
    try:
        context = ssl.create_default_context(
            cafile=tls.ca if tls.ca and not folder else None, capath=tls.ca if folder else None
        )
    except (OSError, ssl.SSLError) as error:
        raise TlsError(BAD_CA_FILE, f"certificates of {tls.ca} cannot be used: {error}") from None
    context.check_hostname = tls.verify_host and tls.verify_peer
    if not tls.verify_peer:
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate:
        try:
            context.load_cert_chain(tls.certificate, tls.key or None)
        except (OSError, ssl.SSLError) as error:
            raise TlsError(BAD_CERTIFICATE, f"certificate {tls.certificate} cannot be used: {error}") from None
    if tls.ciphers:
        try:
            context.set_ciphers(tls.ciphers)
        except ssl.SSLError as error:
            raise TlsError(BAD_CIPHER, f"ciphers {tls.ciphers} cannot be used: {error}") from None
    if tls.version in _LOWEST:
        context.minimum_version = _LOWEST[tls.version]
    return context


def _socket_options(query: HttpQuery) -> list[tuple[int, int, int | bytes]]:
    options: list[tuple[int, int, int | bytes]] = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    if query.keep_alive is not None:
        idle, interval = query.keep_alive
        options.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
        if idle > 0:
            options.append((socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle))
        if interval > 0:
            options.append((socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval))
    if query.interface and not _source(query.interface):
        name = query.interface.removeprefix("if!")
        options.append((socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode()))
    return options


def _source(interface: str) -> str:
    """The own address that `interface` names; empty: it names a device, or nothing."""
    text = interface.removeprefix("host!")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _number(error: BaseException) -> int:
    """libcurl's number of what went wrong."""
    from urllib3 import exceptions as wrong

    seen: BaseException | None = error
    while seen is not None:
        match seen:
            case wrong.NameResolutionError():
                return NO_HOST
            case wrong.ProxyError():
                return NO_PROXY if isinstance(seen.original_error, wrong.NameResolutionError) else NO_CONNECTION
            case wrong.NewConnectionError():
                return NO_CONNECTION
            case wrong.ConnectTimeoutError() | wrong.ReadTimeoutError() | TimeoutError():
                return TIMEOUT
            case ssl.SSLCertVerificationError():
                return NOT_VERIFIED
            case wrong.LocationValueError():
                return BAD_URL
            case wrong.IncompleteRead():
                return NOT_RECEIVED
            case wrong.SSLError():
                cause = seen.args[0] if seen.args else None
                return NOT_VERIFIED if isinstance(cause, ssl.SSLCertVerificationError) else TLS_FAILED
            case ssl.SSLError():
                return TLS_FAILED
            case wrong.ProtocolError():
                cause = seen.args[1] if len(seen.args) > 1 else None
                return NOT_RECEIVED if isinstance(cause, ConnectionError) and not _closed(cause) else EMPTY_REPLY
        seen = seen.__cause__ or seen.__context__
    return NO_CONNECTION if isinstance(error, OSError) else BAD_URL


def _closed(error: ConnectionError) -> bool:
    """Whether the other side hung up without a word, rather than broke off."""
    import http.client

    return isinstance(error, http.client.RemoteDisconnected)
