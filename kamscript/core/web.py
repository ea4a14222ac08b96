"""Requests to HTTP servers as a driver is asked for them (`Environment.http`): one exchange, nothing behind it.

Redirects, authentication and what libcurl adds by itself are the work of kamscript.modules._curl.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

#: libcurl's numbers of what a driver can report.
OK: Final = 0
UNSUPPORTED: Final = 1
BAD_URL: Final = 3
NO_PROXY: Final = 5
NO_HOST: Final = 6
NO_CONNECTION: Final = 7
TIMEOUT: Final = 28
TLS_FAILED: Final = 35
EMPTY_REPLY: Final = 52
NOT_SENT: Final = 55
NOT_RECEIVED: Final = 56
BAD_CERTIFICATE: Final = 58
BAD_CIPHER: Final = 59
NOT_VERIFIED: Final = 60
BAD_CA_FILE: Final = 77


class Tls(NamedTuple):
    """How a server is verified, and who asks. `version` is libcurl's number: 0 any, 4 to 7 TLS 1.0 to 1.3."""

    verify_peer: bool = True
    verify_host: bool = True
    ca: str = ""  #: file, or directory, of certificates; "" those of the system
    certificate: str = ""
    key: str = ""
    version: int = 0
    ciphers: str = ""


class HttpQuery(NamedTuple):
    """One request. `headers` are lines; `body` None: there is none; `timeout` in seconds, 0 none."""

    method: str
    url: str
    headers: tuple[str, ...] = ()
    body: str | None = None
    timeout: float = 0.0
    tls: Tls = Tls()
    proxy: str = ""  #: `host:port`, or a URL
    interface: str = ""  #: name or address that it leaves by
    keep: bool = False  #: keep the connection for the next request
    keep_alive: tuple[int, int] | None = None  #: TCP keep-alive: seconds until the first, and between them
    via: str = ""  #: the function that asks


class HttpReply(NamedTuple):
    """How it ended: a status with headers and a body, or `error`, one of the numbers above. `seconds` it took."""

    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    error: int = OK
    seconds: float = 0.0
    url: str = ""  #: the last one of several that were asked

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)


class Http(Protocol):
    """What a driver offers."""

    def ask(self, query: HttpQuery) -> HttpReply:
        """Ask, and wait for the reply: the whole server waits."""

    def begin(self, query: HttpQuery, done: Callable[[HttpReply], object]) -> None:
        """Ask, and call `done` with the reply when the server has time for it; never before this returns."""
